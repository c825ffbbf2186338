/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LwM2M client front end: registration and device management for one server.
 *
 * A struct lwm2m_client is one server account. It does no input or output and
 * holds no clock: the owner gives it a CoAP endpoint (coap/coap.h), the time,
 * and two tables of functions, one for the secure elements and one for the
 * scripts. Nothing here is thread safe; everything belongs to the owner's loop.
 */
#ifndef SESAME_LWM2M_H
#define SESAME_LWM2M_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/model.h"

#define LWM2M_WORDS_MAX 160 /* room for an error in words, final NUL included */
#define LWM2M_SES_MAX 16
#define LWM2M_SCRIPTS_MAX 64

/**
 * struct lwm2m_se_ops - the secure elements, given by the daemon
 *
 * Each returns 0 or a negative errno; @words (LWM2M_WORDS_MAX bytes) gets the
 * error in words for the server: what, where, what to try. -ENOENT means that
 * there is no such SE, -EBUSY that it cannot be done now.
 *
 * @list: fill @ids with the instance numbers by rising order, at most @room;
 *	returns how many
 * @get: a snapshot
 * @reset: reset the SE
 * @refresh: start reading it anew (a job of internal origin that runs
 *	model_se_refresh_script()); lwm2m_client_changed() tells when it is over
 */
struct lwm2m_se_ops {
	size_t (*list)(void *ctx, uint16_t *ids, size_t room);
	int (*get)(void *ctx, uint16_t id, struct model_se *out);
	int (*reset)(void *ctx, uint16_t id, char *words);
	int (*refresh)(void *ctx, uint16_t id, char *words);
};

/** struct lwm2m_script - one instance of object 26242 at one moment */
struct lwm2m_script {
	uint16_t se; /* instance of 26241 */
	uint8_t aid[SE_AID_MAX];
	size_t aid_len;
	bool keep_channel;
	uint32_t deadline_s;
	enum model_script_state state;
	uint32_t executed;
	uint32_t total;
	uint64_t response_len;
	char result[32];
	char detail[256];
	uint16_t last_sw;
	char job[40];
	enum se_outcome outcome;
};

/**
 * struct lwm2m_script_ops - the scripts; lwm2m_job_ops is the table over job/
 *
 * Errors as in struct lwm2m_se_ops. -EBUSY: queued or running; -ENOSPC: the
 * disk or the table is full; -EINVAL: the value makes no sense.
 *
 * @list: as above
 * @get: a snapshot
 * @create: a new, idle instance
 * @destroy: cancels, acknowledges and forgets
 * @set: takes se, aid, keep_channel and deadline_s of @in
 * @write: script bytes at @offset; offset 0 drops what was there
 * @run, @cancel, @clear: as resources 3, 10 and 11 say
 * @read: response script bytes at @offset; returns how many, 0 at the end
 */
struct lwm2m_script_ops {
	size_t (*list)(void *ctx, uint16_t *ids, size_t room);
	int (*get)(void *ctx, uint16_t id, struct lwm2m_script *out);
	int (*create)(void *ctx, uint16_t id, char *words);
	int (*destroy)(void *ctx, uint16_t id, char *words);
	int (*set)(void *ctx, uint16_t id, const struct lwm2m_script *in, char *words);
	int (*write)(void *ctx, uint16_t id, uint64_t offset, const uint8_t *p, size_t len,
		     char *words);
	int (*run)(void *ctx, uint16_t id, char *words);
	int (*cancel)(void *ctx, uint16_t id, char *words);
	int (*clear)(void *ctx, uint16_t id, char *words);
	ssize_t (*read)(void *ctx, uint16_t id, uint64_t offset, uint8_t *p, size_t room);
};

/** struct lwm2m_path - /object/instance/resource/resource instance; depth 0 to 4 */
struct lwm2m_path {
	uint8_t depth;
	uint16_t id[4];
};

#endif /* SESAME_LWM2M_H */
