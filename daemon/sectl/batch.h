/* SPDX-License-Identifier: Apache-2.0 */
/* C-APDUs that run as one stream, and their responses as text or JSON. */
#ifndef SECTL_BATCH_H
#define SECTL_BATCH_H

#include <stdint.h>
#include <linux/se.h>
#include <systemd/sd-json.h>

struct se;

#define BATCH_MAX 255

/** struct batch - what goes into one stream; cleared and freed by batch_free() */
struct batch {
	struct se_apdu apdu[BATCH_MAX];
	uint8_t *cmd[BATCH_MAX], *rsp[BATCH_MAX];
	uint32_t n;
};

/** batch_new - ends the process for want of memory */
struct batch *batch_new(void);
void batch_free(struct batch *b);

/** batch_clear - empty it */
void batch_clear(struct batch *b);

/** batch_add - a copy of @cmd, a well-formed C-APDU; 0, -ENOSPC, -ENOMEM */
int batch_add(struct batch *b, const uint8_t *cmd, size_t len);

/**
 * batch_run - run it, print or collect the responses
 * @first: number of its first APDU, for complaints; from 1
 * @array: JSON objects {data, sw, totalNs} are appended to it with --json
 * @sw: out: the last status word
 *
 * Returns an exit status and has said what is wrong. EXIT_CARD: the last status word ends
 * the script.
 */
int batch_run(struct se *se, struct batch *b, uint32_t first, sd_json_variant **array,
	      uint16_t *sw);

#endif /* SECTL_BATCH_H */
