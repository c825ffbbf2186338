// SPDX-License-Identifier: Apache-2.0
/* Streams of APDUs that a person wrote. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gp/cmd.h"
#include "libse/se.h"
#include "script/script.h"
#include "sectl/batch.h"
#include "sectl/sectl.h"

#define RSP_ROOM 4098 /* where the command is short: some cards give more than 256 */

struct batch *batch_new(void)
{
	struct batch *b = calloc(1, sizeof(*b));

	if (!b) {
		fputs("sectl: no memory\n", stderr);
		exit(EXIT_FAILED);
	}
	return b;
}

void batch_clear(struct batch *b)
{
	uint32_t i;

	for (i = 0; i < b->n; i++) {
		forget(b->cmd[i], b->apdu[i].cmd_len);
		forget(b->rsp[i], b->apdu[i].rsp_room);
	}
	memset(b, 0, sizeof(*b));
}

void batch_free(struct batch *b)
{
	batch_clear(b);
	free(b);
}

int batch_add(struct batch *b, const uint8_t *cmd, size_t len)
{
	struct se_apdu *a = &b->apdu[b->n];

	if (b->n == BATCH_MAX)
		return -ENOSPC;
	/* an extended Le may bring 64 KiB */
	a->rsp_room = script_capdu_case(cmd, len) > 0x10 ? SE_RAPDU_MAX : RSP_ROOM;
	a->cmd_len = (uint32_t)len;
	b->cmd[b->n] = malloc(len);
	b->rsp[b->n] = malloc(a->rsp_room);
	if (!b->cmd[b->n] || !b->rsp[b->n]) {
		free(b->cmd[b->n]);
		free(b->rsp[b->n]);
		return -ENOMEM;
	}
	memcpy(b->cmd[b->n], cmd, len);
	a->cmd_ptr = (uintptr_t)b->cmd[b->n];
	a->rsp_ptr = (uintptr_t)b->rsp[b->n];
	script_expect(a->expect);
	b->n++;
	return 0;
}

static int show(const struct se_apdu *a, const uint8_t *rsp, sd_json_variant **array)
{
	uint32_t len = a->rsp_len < a->rsp_room ? a->rsp_len : a->rsp_room;
	char *text = malloc(2 * (size_t)len + 1);
	char word[5];
	int r = 0;

	if (!text)
		return -ENOMEM;
	se_to_hex(text, rsp, len - 2);
	snprintf(word, sizeof(word), "%04X", a->sw);
	if (opt.json)
		r = sd_json_variant_append_arraybo(
			array, SD_JSON_BUILD_PAIR_STRING("data", text),
			SD_JSON_BUILD_PAIR_STRING("sw", word),
			SD_JSON_BUILD_PAIR_UNSIGNED("totalNs", a->total_ns));
	else
		printf("%s%s%s  %s\n", text, len > 2 ? " " : "", word,
		       gp_capdu_sw_words((const uint8_t *)(uintptr_t)a->cmd_ptr, a->cmd_len,
					 a->sw));
	forget(text, 2 * (size_t)len);
	return r;
}

int batch_run(struct se *se, struct batch *b, uint32_t first, sd_json_variant **array,
	      uint16_t *sw)
{
	struct se_stream stream = {.deadline_ns = target_deadline(b->n)};
	uint32_t i;
	int r, shown = 0;

	r = target_submit(se, b->apdu, b->n, &stream);
	for (i = 0; i < b->n && shown >= 0; i++) {
		if (b->apdu[i].outcome != SE_OUTCOME_EXECUTED || b->apdu[i].rsp_len < 2)
			break;
		*sw = b->apdu[i].sw;
		shown = show(&b->apdu[i], b->rsp[i], array);
	}
	if (r)
		return fail_submit(r, first + i, &b->apdu[i < b->n ? i : b->n - 1], &stream);
	if (shown < 0)
		return fail(EXIT_FAILED, "failed", NULL, "no memory");
	return script_goes_on(*sw) ? EXIT_OK : EXIT_CARD;
}
