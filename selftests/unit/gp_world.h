/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run of a plan against softse's card in the same process, with an interruption at any
 * APDU: before it leaves, on the way, or on the way back.
 */
#ifndef GP_WORLD_H
#define GP_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <unistd.h>

#include <cmocka.h>

#include "gp/run.h"
#include "softse/card.h"

/* what happens at the APDU that is cut */
enum cut {
	CUT_NONE,
	CUT_NOT_SENT, /* the link is gone before it leaves */
	CUT_LOST,     /* it left and never arrived: outcome unknown, not executed */
	CUT_EXECUTED, /* the response never came: outcome unknown, executed */
	CUT_KILLED,   /* executed, and the host dies before it can note anything */
};

#define WORLD_LOG 4096

struct world {
	struct card card;
	char dir[64], path[96];
	struct gp_keyset keys, new_keys, wrong_keys;
	char record[65536];
	size_t record_len;
	bool has_record;
	unsigned int commits, attempts, verdicts, accepted;
	bool dead; /* the host: nothing is noted any more */
	/* when the card's power goes (card.cut), that of the host goes as well */
	bool one_power;
	/* interruption */
	enum cut cut;
	unsigned int cut_at;   /* APDU number, from 0, MANAGE CHANNEL and SELECT not counted */
	unsigned int executed; /* APDUs so far */
	unsigned int sent;
	/* what changed something, in clear headers, with 9000: INS, P1, plan operation */
	struct {
		uint8_t header[4];
		int op;
		size_t cmd;
		uint16_t sw;
	} log[WORLD_LOG];
	size_t logged;
	uint8_t channel;
	unsigned int batches, opens;
	uint64_t rng;
	uint32_t batch_max;
	uint32_t max_capdu; /* see struct gp_run_params */
	struct gp_bytes hist;
	size_t longest; /* C-APDU that was sent */
};

static inline void world_keys(struct gp_keyset *set, const char *name, uint8_t kvn,
			      uint8_t first)
{
	uint8_t value[16];

	memset(set, 0, sizeof(*set));
	strcpy(set->name, name);
	set->kvn = kvn;
	for (size_t i = 0; i < sizeof(value); i++)
		value[i] = (uint8_t)(first + i);
	assert_int_equal(gp_key_set(&set->enc, GP_KEY_AES, value, sizeof(value)), 0);
	value[0] ^= (uint8_t)(first == 0x40 ? 0 : 0x11);
	assert_int_equal(gp_key_set(&set->mac, GP_KEY_AES, value, sizeof(value)), 0);
	value[0] ^= (uint8_t)(first == 0x40 ? 0 : 0x22);
	assert_int_equal(gp_key_set(&set->dek, GP_KEY_AES, value, sizeof(value)), 0);
}

static inline void world_power_up(struct world *w)
{
	struct card_profile p;
	char err[256];

	card_profile_default(&p);
	p.no_fsync = true;
	memset(&w->card, 0, sizeof(w->card));
	w->card.profile = p;
	w->card.state_path = w->path;
	if (card_init(&w->card, err, sizeof(err)))
		fail_msg("%s", err);
}

static inline void world_reset(struct world *w)
{
	card_exit(&w->card);
	world_power_up(w);
}

static inline struct world *world_new(void)
{
	struct world *w = calloc(1, sizeof(*w));

	strcpy(w->dir, "/tmp/gp-world-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	(void)snprintf(w->path, sizeof(w->path), "%s/card", w->dir);
	world_keys(&w->keys, "isd", 0x30, 0x40);
	world_keys(&w->new_keys, "new", 0x31, 0x90);
	world_keys(&w->wrong_keys, "wrong", 0x30, 0x60);
	world_power_up(w);
	return w;
}

static inline void world_free(struct world *w)
{
	card_exit(&w->card);
	(void)unlink(w->path);
	(void)rmdir(w->dir);
	free(w);
}

/* ---- host ---- */

static inline const struct gp_keyset *world_keyset(void *userdata, const char *name)
{
	struct world *w = userdata;

	if (!strcmp(name, "isd"))
		return &w->keys;
	if (!strcmp(name, "new"))
		return &w->new_keys;
	return !strcmp(name, "wrong") ? &w->wrong_keys : NULL;
}

static inline const struct gp_keyset *world_candidate(void *userdata, size_t i)
{
	struct world *w = userdata;

	return i == 0 ? &w->keys : NULL;
}

static inline int world_attempt(void *userdata, const struct gp_run_attempt *attempt,
				struct gp_error *err)
{
	struct world *w = userdata;

	(void)err;
	assert_true(strlen(attempt->card) >= 2);
	w->attempts++;
	return 0;
}

static inline void world_verdict(void *userdata, enum gp_run_verdict verdict)
{
	struct world *w = userdata;

	w->verdicts++;
	w->accepted += verdict == GP_VERDICT_ACCEPTED;
	assert_int_not_equal(verdict, GP_VERDICT_REFUSED);
}

static inline int world_commit(void *userdata, const char *record, size_t len)
{
	struct world *w = userdata;

	if (w->dead)
		return 0;
	assert_true(len < sizeof(w->record));
	memcpy(w->record, record, len);
	w->record_len = len;
	w->has_record = true;
	w->commits++;
	return 0;
}

static inline int world_random(void *userdata, void *out, size_t len)
{
	struct world *w = userdata;
	uint8_t *p = out;

	for (size_t i = 0; i < len; i++) {
		w->rng = w->rng * 6364136223846793005ULL + 1442695040888963407ULL;
		p[i] = (uint8_t)(w->rng >> 56);
	}
	return 0;
}

static inline size_t world_raw(struct world *w, const uint8_t *cmd, size_t len, uint8_t *rsp)
{
	uint64_t work = 0;

	return card_execute(&w->card, 1, cmd, len, rsp, CARD_RAPDU_MAX, &work);
}

static inline void world_open(struct world *w, struct gp_run *run, const struct gp_aid *aid)
{
	static uint8_t rsp[CARD_RAPDU_MAX];
	uint8_t cmd[32] = {0x00, 0x70, 0x00, 0x00, 0x01};
	size_t n;

	card_drop_origin(&w->card, 1);
	n = world_raw(w, cmd, 5, rsp);
	assert_int_equal(n, 3);
	w->channel = rsp[0];
	w->opens++;
	cmd[0] = w->channel;
	cmd[1] = 0xa4;
	cmd[2] = 0x04;
	cmd[4] = aid->len;
	memcpy(cmd + 5, aid->bytes, aid->len);
	cmd[5 + aid->len] = 0;
	n = world_raw(w, cmd, aid->len ? 6U + aid->len : 5U, rsp);
	gp_run_opened(run, rsp, n, 0);
}

static inline bool world_goes_on(const struct gp_run_apdu *a, uint16_t sw)
{
	for (size_t i = 0; i < SE_SW_MATCHES; i++)
		if (a->expect[i].mask && (sw & a->expect[i].mask) == a->expect[i].value)
			return true;
	return false;
}

static inline void world_note(struct world *w, const struct gp_run_apdu *a, uint16_t sw)
{
	assert_true(w->logged < WORLD_LOG);
	memcpy(w->log[w->logged].header, a->header, 4);
	w->log[w->logged].op = a->op;
	w->log[w->logged++].sw = sw;
}

/* Was it in this command, of which nobody has the answer then? */
static inline bool world_power_went(const struct world *w, uint16_t sw)
{
	return w->card.cut && !w->card.writes_left && sw != 0x9000;
}

/* One stream; false when the link broke in it. */
static inline bool world_send(struct world *w, struct gp_run *run, const struct gp_run_batch *b)
{
	static uint8_t rsp[CARD_RAPDU_MAX];
	static uint8_t cmd[CARD_CAPDU_MAX];
	bool stopped = false, broken = false;

	w->batches++;
	for (size_t i = 0; i < b->n; i++) {
		const struct gp_run_apdu *a = &b->apdus[i];
		bool here = w->cut != CUT_NONE && w->sent == w->cut_at && !stopped;
		size_t n;
		uint16_t sw;

		if (stopped || broken) {
			if (!w->dead)
				gp_run_feed(run, i, NULL, 0, SE_OUTCOME_NOT_SENT);
			continue;
		}
		w->sent++;
		if (here && w->cut == CUT_NOT_SENT) {
			gp_run_feed(run, i, NULL, 0, SE_OUTCOME_NOT_SENT);
			broken = true;
			continue;
		}
		if (here && w->cut == CUT_LOST) {
			gp_run_feed(run, i, NULL, 0, SE_OUTCOME_UNKNOWN);
			broken = true;
			continue;
		}
		assert_true(a->len <= (w->max_capdu ? w->max_capdu : 261));
		if (a->len > w->longest)
			w->longest = a->len;
		memcpy(cmd, a->cmd, a->len);
		cmd[0] |= w->channel;
		n = world_raw(w, cmd, a->len, rsp);
		w->executed++;
		sw = (uint16_t)(rsp[n - 2] << 8 | rsp[n - 1]);
		world_note(w, a, sw);
		if (world_power_went(w, sw)) {
			w->dead = w->one_power;
			if (!w->dead)
				gp_run_feed(run, i, NULL, 0, SE_OUTCOME_UNKNOWN);
			broken = true;
			continue;
		}
		if (here && w->cut == CUT_KILLED) {
			w->dead = true;
			broken = true;
			continue;
		}
		if (here) {
			gp_run_feed(run, i, NULL, 0, SE_OUTCOME_UNKNOWN);
			broken = true;
			continue;
		}
		gp_run_feed(run, i, rsp, n, SE_OUTCOME_EXECUTED);
		stopped = !world_goes_on(a, sw);
	}
	return !broken;
}

/**
 * world_run() - a run to its end, or to the interruption
 * @result: out: of gp_run_result() unless the host died; may be NULL
 *
 * Return: as gp_run_next(); -EOWNERDEAD when the host died.
 */
static inline int world_run(struct world *w, const struct gp_plan *plan, enum gp_run_mode mode,
			    sd_json_variant **result, struct gp_error *err)
{
	struct gp_run_params params = {
		.plan = plan,
		.mode = mode,
		.record = mode == GP_RUN_FORWARD ? NULL : w->record,
		.record_len = w->record_len,
		.batch_max = w->batch_max,
		.max_capdu = w->max_capdu,
		.hist = w->hist,
		.host = {.keyset = world_keyset,
			 .candidate = world_candidate,
			 .attempt = world_attempt,
			 .verdict = world_verdict,
			 .commit = world_commit,
			 .random = world_random,
			 .userdata = w},
	};
	struct gp_run_batch batch;
	struct gp_run *run = NULL;
	int r = gp_run_new(&run, &params, err);

	if (r)
		return r;
	w->dead = false;
	w->sent = 0;
	while ((r = gp_run_next(run, &batch, err)) > 0) {
		if (r == GP_RUN_OPEN)
			world_open(w, run, &batch.aid);
		else
			(void)world_send(w, run, &batch);
		if (w->dead) {
			r = -EOWNERDEAD;
			break;
		}
	}
	if (result && r != -EOWNERDEAD)
		assert_int_equal(gp_run_result(run, result), 0);
	gp_run_free(run);
	card_drop_origin(&w->card, 1);
	return r;
}

#endif
