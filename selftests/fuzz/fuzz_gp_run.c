// SPDX-License-Identifier: Apache-2.0
/*
 * Runs fed with a card's answers of any kind. The card knows the keys, so that what comes after
 * the authentication is reached; all else is the input's: length, status word, data, outcome.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gp/crypto.h"
#include "gp/run.h"

#define STEPS_MAX 400

static const char text[] =
	"{\"version\":1,\"sessions\":[{\"keys\":\"k\",\"level\":\"c-mac\"},{}],\"operations\":["
	"{\"op\":\"list\"},"
	"{\"op\":\"sd-create\",\"aid\":\"F000000004\"},"
	"{\"op\":\"load\",\"aid\":\"F000000001\",\"code\":\"xAMBAgM=\",\"block\":2},"
	"{\"op\":\"install\",\"elf\":\"F000000001\",\"module\":\"F000000002\","
	"\"aid\":\"F000000003\"},"
	"{\"op\":\"make-selectable\",\"aid\":\"F000000003\"},"
	"{\"op\":\"extradite\",\"aid\":\"F000000003\",\"sd\":\"F000000004\"},"
	"{\"op\":\"personalise\",\"aid\":\"F000000003\",\"data\":\"0102\"},"
	"{\"op\":\"put-key\",\"keys\":\"n\",\"oldKvn\":48},"
	"{\"op\":\"lock\",\"aid\":\"F000000003\"},"
	"{\"op\":\"get-data\",\"tag\":\"66\",\"session\":1},"
	"{\"op\":\"delete\",\"aid\":\"F000000001\",\"related\":true}]}";

struct input {
	const uint8_t *p;
	size_t len;
	struct gp_keyset keys, next;
	char *record;
	size_t record_len;
	int owed; /* verdicts */
};

static uint8_t take(struct input *in)
{
	if (!in->len)
		return 0;
	in->len--;
	return *in->p++;
}

static const struct gp_keyset *keyset(void *userdata, const char *name)
{
	struct input *in = userdata;

	return *name == 'k' ? &in->keys : &in->next;
}

static int attempt(void *userdata, const struct gp_run_attempt *a, struct gp_error *err)
{
	struct input *in = userdata;

	(void)err;
	if (!a->card || !a->card[0] || in->owed)
		abort();
	in->owed = 1;
	return 0;
}

static void verdict(void *userdata, enum gp_run_verdict v)
{
	struct input *in = userdata;

	(void)v;
	if (in->owed-- != 1)
		abort();
}

static int commit(void *userdata, const char *record, size_t len)
{
	struct input *in = userdata;

	free(in->record);
	in->record = malloc(len);
	if (!in->record)
		abort();
	memcpy(in->record, record, len);
	in->record_len = len;
	return 0;
}

static int zeros(void *userdata, void *out, size_t len)
{
	(void)userdata;
	memset(out, 0, len);
	return 0;
}

/* SP 800-108 as Amendment D has it; both challenges are zeros. */
static void kdf(const struct gp_key *key, uint8_t constant, uint8_t bits, uint8_t out[16])
{
	uint8_t data[32] = {0};
	struct gp_part part = {data, sizeof(data)};

	data[11] = constant;
	data[14] = bits;
	data[15] = 1;
	if (gp_key_cmac(key, &part, 1, out))
		abort();
}

static size_t init_update(struct input *in, uint8_t *rsp)
{
	uint8_t mac[16], cryptogram[16];
	struct gp_key session;

	kdf(&in->keys.mac, 0x06, 0x80, mac);
	if (gp_key_set(&session, GP_KEY_AES, mac, 16))
		abort();
	kdf(&session, 0x00, 0x40, cryptogram);
	memset(rsp, 0, 31);
	rsp[10] = 0x30;
	rsp[11] = 0x03;
	rsp[12] = 0x00;
	memcpy(rsp + 21, cryptogram, 8);
	memcpy(rsp + 29, "\x90\x00", 2);
	return 31;
}

static void answer(struct input *in, struct gp_run *run, const struct gp_run_batch *batch)
{
	static const uint16_t sws[] = {0x9000, 0x9000, 0x6310, 0x6a88,
				       0x6a80, 0x6982, 0x6200, 0x6985};
	uint8_t rsp[300];

	for (size_t i = 0; i < batch->n; i++) {
		uint8_t how = take(in);
		uint16_t sw = sws[how & 7];
		size_t n = 0;

		if (how >= 0xf8) {
			gp_run_feed(run, i, NULL, 0,
				    how & 1 ? SE_OUTCOME_UNKNOWN : SE_OUTCOME_NOT_SENT);
			continue;
		}
		if (batch->apdus[i].header[1] == 0x50 && how < 0xf0) {
			gp_run_feed(run, i, rsp, init_update(in, rsp), SE_OUTCOME_EXECUTED);
			continue;
		}
		if (how & 8)
			for (n = take(in); in->len && n > 256;)
				n--;
		for (size_t k = 0; k < n; k++)
			rsp[k] = take(in);
		rsp[n] = (uint8_t)(sw >> 8);
		rsp[n + 1] = (uint8_t)sw;
		gp_run_feed(run, i, rsp, n + 2, SE_OUTCOME_EXECUTED);
	}
}

static void one(struct input *in, const struct gp_plan *plan, enum gp_run_mode mode)
{
	struct gp_run_params params = {.plan = plan,
				       .mode = mode,
				       .record = mode == GP_RUN_FORWARD ? NULL : in->record,
				       .record_len = in->record_len,
				       .partial = true,
				       .host = {.keyset = keyset,
						.attempt = attempt,
						.verdict = verdict,
						.commit = commit,
						.random = zeros,
						.userdata = in}};
	sd_json_variant *result = NULL;
	struct gp_run_progress progress;
	struct gp_run_batch batch;
	struct gp_run *run = NULL;
	struct gp_error err;
	int r, steps = 0;

	if (gp_run_new(&run, &params, &err))
		return;
	while ((r = gp_run_next(run, &batch, &err)) > 0) {
		if (r == GP_RUN_SEND && (!batch.n || batch.n > SE_STREAM_MAX))
			abort();
		if (++steps > STEPS_MAX)
			gp_run_abort(run, -1, "cancelled", "enough");
		else if (r == GP_RUN_OPEN)
			gp_run_opened(run, (const uint8_t *)"\x90\x00", 2,
				      take(in) > 0xf0 ? -5 : 0);
		else
			answer(in, run, &batch);
		gp_run_progress(run, &progress);
	}
	if (gp_run_result(run, &result))
		abort();
	sd_json_variant_unref(result);
	gp_run_free(run);
	if (in->owed)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = {.p = data, .len = len};
	struct gp_plan *plan = NULL;
	struct gp_error err;

	gp_keyset_default(&in.keys, GP_KEY_AES);
	gp_keyset_default(&in.next, GP_KEY_AES);
	in.keys.kvn = 0x30;
	in.next.kvn = 0x31;
	if (gp_plan_parse(&plan, text, sizeof(text) - 1, &err) ||
	    gp_plan_resolve(plan, NULL, NULL, &err))
		abort();
	one(&in, plan, GP_RUN_FORWARD);
	if (in.record)
		one(&in, plan, take(&in) & 1 ? GP_RUN_RESUME : GP_RUN_ROLLBACK);
	free(in.record);
	gp_plan_free(plan);
	return 0;
}
