// SPDX-License-Identifier: Apache-2.0
/* The loop of a host without a journal. */
#include "manage/manage.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "gp/key.h"
#include "keys/run-host.h"
#include "keys/source.h"
#include "libse/se.h"
#include "manage/record-file.h"

#define SELECT_ROOM 258

/* A run and what it needs of the outside. */
struct host {
	const struct manage_options *opt;
	struct se *se;
	struct ledger_attempt *attempt;
	uint64_t generation; /* of the SE when the channel was opened */
	uint8_t cip[SE_CIP_MAX];
	bool channel;
};

static const struct gp_keyset *host_keyset(void *userdata, const char *name)
{
	const struct host *h = userdata;

	return h->opt->keys ? keys_find(h->opt->keys, name) : NULL;
}

static const struct gp_scp11_keyset *host_scp11(void *userdata, const char *name)
{
	const struct host *h = userdata;

	return h->opt->keys ? keys_find_scp11(h->opt->keys, name) : NULL;
}

static const struct gp_keyset *host_candidate(void *userdata, size_t i)
{
	const struct host *h = userdata;

	return run_host_candidate(h->opt->keys, i);
}

static int host_attempt(void *userdata, const struct gp_run_attempt *attempt,
			struct gp_error *err)
{
	struct host *h = userdata;

	return run_host_attempt(h->opt->ledger, attempt, h->opt->retry_authentication,
				&h->attempt, err);
}

static void host_verdict(void *userdata, enum gp_run_verdict verdict)
{
	struct host *h = userdata;

	run_host_verdict(&h->attempt, verdict);
}

static int host_commit(void *userdata, const char *record, size_t len)
{
	const struct host *h = userdata;

	return record_file_write(h->opt->record, record, len);
}

static int host_receipt_key(void *userdata, const char *name, struct gp_signer *signer)
{
	const struct host *h = userdata;
	const struct keys_single *key =
		h->opt->keys
			? keys_single(h->opt->keys, KEYS_USE_RECEIPT, name[0] ? name : NULL)
			: NULL;

	if (!key)
		return -ENOKEY;
	*signer = (struct gp_signer){.pkey = key->pkey, .ctx = key->ctx, .key = key->secret};
	return 0;
}

static void host_progress(void *userdata, const struct gp_run *run)
{
	const struct host *h = userdata;
	struct gp_run_progress progress;

	gp_run_progress(run, &progress);
	h->opt->progress(h->opt->userdata, &progress);
}

static void close_channel(struct host *h)
{
	if (h->channel)
		(void)se_channel_close(h->se);
	h->channel = false;
}

static void open_channel(struct host *h, struct gp_run *run, const struct gp_run_batch *batch)
{
	uint8_t rsp[SELECT_ROOM];
	struct se_channel_open open = {
		.aid_ptr = (uintptr_t)batch->aid.bytes,
		.aid_len = batch->aid.len,
		.rsp_ptr = (uintptr_t)rsp,
		.rsp_room = sizeof(rsp),
		.deadline_ns = h->opt->deadline_ns,
	};
	uint64_t start;
	int r;

	close_channel(h);
	start = se_deadline_in(0);
	r = se_channel_open(h->se, &open);
	if (h->opt->trace_open)
		h->opt->trace_open(h->opt->userdata, &open, se_deadline_in(0) - start);
	h->channel = !r;
	h->generation = open.generation;
	/* a status word says more than the errno that it was turned into */
	if (r && open.outcome == SE_OUTCOME_EXECUTED && open.sw && open.sw != 0x9000) {
		uint8_t sw[] = {(uint8_t)(open.sw >> 8), (uint8_t)open.sw};

		gp_run_opened(run, sw, sizeof(sw), 0);
		return;
	}
	gp_run_opened(run, rsp, r ? 0 : open.rsp_len, r);
}

/* One stream. The responses have room for all that was announced. */
static int send_batch(struct host *h, struct gp_run *run, const struct gp_run_batch *batch)
{
	struct se_apdu *apdus = calloc(batch->n, sizeof(*apdus));
	/* on a signal the command that the SE has ends: who cut an authentication would not
	 * know whether it counted
	 */
	struct se_stream stream = {
		.deadline_ns = h->opt->deadline_ns,
		.generation = h->generation,
		.flags = SE_STREAM_SETTLE | (h->generation ? SE_STREAM_CHECK_GENERATION : 0),
	};
	size_t room = 0, at = 0;
	uint8_t *rsp;

	for (size_t i = 0; i < batch->n; i++)
		room += batch->apdus[i].rsp_room;
	rsp = malloc(room);
	if (!apdus || !rsp) {
		free(apdus);
		free(rsp);
		return -ENOMEM;
	}
	for (size_t i = 0; i < batch->n; i++) {
		const struct gp_run_apdu *a = &batch->apdus[i];

		apdus[i].cmd_ptr = (uintptr_t)a->cmd;
		apdus[i].cmd_len = (uint32_t)a->len;
		apdus[i].rsp_ptr = (uintptr_t)(rsp + at);
		apdus[i].rsp_room = a->rsp_room;
		memcpy(apdus[i].expect, a->expect, sizeof(a->expect));
		at += a->rsp_room;
	}
	/* what came of it is in each APDU; the errno adds nothing to that */
	(void)se_submit(h->se, apdus, (uint32_t)batch->n, &stream);
	if (h->opt->trace)
		h->opt->trace(h->opt->userdata, apdus, (uint32_t)batch->n);
	for (size_t i = 0; i < batch->n; i++) {
		const uint8_t *p = (const uint8_t *)(uintptr_t)apdus[i].rsp_ptr;
		size_t len = apdus[i].outcome == SE_OUTCOME_EXECUTED ? apdus[i].rsp_len : 0;

		gp_run_feed(run, i, p, len, apdus[i].outcome);
	}
	explicit_bzero(rsp, room);
	free(rsp);
	free(apdus);
	return 0;
}

static bool late(const struct manage_options *opt)
{
	struct timespec now;

	if (!opt->deadline_ns)
		return false;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec >= opt->deadline_ns;
}

static int loop(struct host *h, struct gp_run *run, struct gp_error *err)
{
	const struct manage_options *opt = h->opt;
	struct gp_run_batch batch;
	int r, bad = 0;

	while ((r = gp_run_next(run, &batch, err)) > 0) {
		if (opt->cancel && opt->cancel(opt->userdata)) {
			gp_run_abort(run, -ECANCELED, "cancelled", "given up by the user");
			continue;
		}
		if (late(opt)) {
			gp_run_abort(run, -ETIMEDOUT, "deadline",
				     "the time for this plan is over");
			continue;
		}
		if (r == GP_RUN_OPEN)
			open_channel(h, run, &batch);
		else
			bad = send_batch(h, run, &batch);
		if (bad)
			gp_run_abort(run, bad, "memory", "out of memory");
	}
	return r;
}

/* What the SE and the way to it take. One that does not tell gets short commands. */
static void take_limits(struct host *h, struct gp_run_params *params)
{
	struct se_info info = {.cip_ptr = (uintptr_t)h->cip, .cip_len = sizeof(h->cip)};

	if (se_get_info(h->se, &info))
		return;
	params->max_capdu = info.max_capdu;
	if (info.cip_len <= sizeof(h->cip))
		params->hist.len = se_historical(&info, h->cip, info.cip_len, &params->hist.p);
}

static int run_plan(struct host *h, const struct gp_run_params *params,
		    sd_json_variant **result, struct gp_error *err)
{
	struct gp_run *run = NULL;
	int r, bad;

	r = gp_run_new(&run, params, err);
	if (r)
		return r;
	r = loop(h, run, err);
	close_channel(h);
	bad = gp_run_result(run, result);
	gp_run_free(run);
	if (!r && bad)
		return gp_fail(err, bad, "memory", "out of memory");
	return r;
}

int manage_run(struct se *se, const struct gp_plan *plan, const struct manage_options *opt,
	       sd_json_variant **result, struct gp_error *err)
{
	struct host h = {.opt = opt, .se = se};
	bool recorded = opt->record && opt->record[0];
	struct gp_run_params params = {
		.plan = plan,
		.mode = opt->mode,
		.partial = opt->partial,
		.batch_max = opt->batch_max,
		.host =
			{
				.keyset = host_keyset,
				.scp11 = host_scp11,
				.candidate = host_candidate,
				.attempt = host_attempt,
				.verdict = host_verdict,
				.commit = recorded ? host_commit : NULL,
				.random = run_host_random,
				.receipt_key = host_receipt_key,
				.progress = opt->progress ? host_progress : NULL,
				.userdata = &h,
			},
	};
	struct record_lock lock = {.fd = -1};
	char *record = NULL;
	int r;

	*result = NULL;
	if (recorded) {
		r = record_file_lock(opt->record, &lock, err);
		if (r)
			return r;
		r = record_file_read(opt->record, opt->mode != GP_RUN_FORWARD, &record,
				     &params.record_len, err);
		if (r)
			goto out;
		params.record = record;
	}
	(void)se_channel_close(se); /* one that the caller has left: a plan brings its own */
	take_limits(&h, &params);
	r = run_plan(&h, &params, result, err);
out:
	free(record);
	record_file_unlock(&lock);
	return r;
}

int manage_read_file(void *userdata, const char *name, uint8_t **p, size_t *len)
{
	const char *folder = userdata;
	char path[PATH_MAX];
	struct stat st;
	uint8_t *bytes;
	size_t at = 0;
	ssize_t n = 1;
	int fd, r = 0;

	n = name[0] == '/' || !folder ? snprintf(path, sizeof(path), "%s", name)
				      : snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		r = -errno;
	else if (!S_ISREG(st.st_mode))
		r = -EINVAL;
	else if (st.st_size > GP_PLAN_BLOB_MAX)
		r = -EFBIG;
	bytes = r ? NULL : malloc((size_t)st.st_size + 1);
	if (!r && !bytes)
		r = -ENOMEM;
	n = 1;
	while (!r && n > 0 && at < (size_t)st.st_size) {
		n = read(fd, bytes + at, (size_t)st.st_size - at);
		if (n < 0)
			r = -errno;
		else
			at += (size_t)n;
	}
	close(fd);
	if (r) {
		free(bytes);
		return r;
	}
	*p = bytes;
	*len = at;
	return 0;
}
