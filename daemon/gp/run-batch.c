// SPDX-License-Identifier: Apache-2.0
/* The batch of a run: commands wrapped, cut and put into bytes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>

#include "gp/run-priv.h"

#define CAPDU_SHORT_MAX (4 + 1 + GP_LC_SHORT + 1)
#define CAPDU_EXTENDED_OVERHEAD (4 + 3 + 2)

size_t run_room(const struct gp_run *run)
{
	return run->max - run->n;
}

bool run_full(const struct gp_run *run)
{
	return !run_room(run) ||
	       (run->params.batch_bytes && run->used >= run->params.batch_bytes);
}

void run_batch_clear(struct gp_run *run)
{
	for (size_t i = 0; i < run->n; i++) {
		OPENSSL_cleanse(run->bytes[i], run->apdus[i].len);
		free(run->bytes[i]);
		run->bytes[i] = NULL;
	}
	run->n = run->fed = run->used = 0;
	run->stopped = run->broken = run->unknown = false;
}

struct gp_wire run_wire(const struct gp_run *run)
{
	struct gp_wire wire = gp_profile_wire(run->profile);
	size_t most = GP_LC_SHORT;

	wire.extended |= gp_hist_extended(run->params.hist);
	wire.extended &= run->params.max_capdu > CAPDU_SHORT_MAX;
	if (wire.extended)
		most = run->params.max_capdu - CAPDU_EXTENDED_OVERHEAD;
	if (most > GP_LC_EXTENDED)
		most = GP_LC_EXTENDED;
	if (!wire.lc_max || wire.lc_max > most)
		wire.lc_max = most;
	return wire;
}

/* After which answers the stream goes on. */
static void expect(struct gp_run_apdu *a, const struct entry *entry)
{
	static const struct se_sw_match done = {0x9000, 0xffff};

	a->expect[0] = done;
	if (!entry->last)
		return;
	if (entry->kind == ENTRY_DATA || entry->kind == ENTRY_KEYS) {
		/* it has no such data: 62xx to 6Fxx, all but "there is more" */
		a->expect[1] = (struct se_sw_match){0x6200, 0xfe00};
		a->expect[2] = (struct se_sw_match){0x6400, 0xfc00};
		a->expect[3] = (struct se_sw_match){0x6800, 0xf800};
	} else if (entry->kind == ENTRY_STATUS) {
		a->expect[1] = (struct se_sw_match){0x6a88, 0xffff}; /* nothing of that kind */
	} else if (entry->kind == ENTRY_TASK && entry->list) {
		a->expect[1] = (struct se_sw_match){0x6a88, 0xffff};
	}
}

static int put_segment(struct gp_run *run, const struct gp_apdu *wrapped, size_t segment,
		       const struct gp_wire *wire, struct gp_error *err)
{
	size_t room = 4 + 3 + wrapped->len + 3, len = 0;
	uint8_t *bytes = malloc(room);
	int r;

	if (!bytes)
		return gp_fail(err, -ENOMEM, "memory", "out of memory");
	r = gp_apdu_encode(wrapped, wire, segment, bytes, room, &len, err);
	if (r) {
		OPENSSL_cleanse(bytes, room);
		free(bytes);
		return r;
	}
	run->bytes[run->n] = bytes;
	run->used += len;
	run->apdus[run->n] = (struct gp_run_apdu){.cmd = bytes, .len = len, .op = -1};
	return 0;
}

int run_put(struct gp_run *run, const struct gp_apdu *clear, const struct entry *entry,
	    struct gp_error *err)
{
	struct gp_wire wire = run_wire(run);
	bool wrap = run->scp && gp_scp_is_open(run->scp);
	struct gp_apdu apdu;
	int r, segments;

	r = gp_apdu_copy(&apdu, clear);
	if (r)
		return gp_fail(err, r, "memory", "out of memory");
	/* an upper bound first: wrapping cannot be taken back. It adds less than 32 bytes */
	if ((apdu.len + 32) / wire.lc_max + 1 > run_room(run) && run->n) {
		gp_apdu_clear(&apdu);
		return -ENOSPC;
	}
	r = wrap ? gp_scp_wrap(run->scp, &apdu, err) : 0;
	segments = r ? r : gp_apdu_segments(&apdu, &wire, err);
	if (segments > 0 && (size_t)segments > run_room(run))
		segments = gp_fail(err, -EMSGSIZE, "too-long",
				   "a command that takes more APDUs than a stream has");
	for (int i = 0; i < segments && r >= 0; i++) {
		struct gp_run_apdu *a = &run->apdus[run->n];

		r = put_segment(run, &apdu, (size_t)i, &wire, err);
		if (r)
			break;
		memcpy(a->header, (uint8_t[]){clear->cla, clear->ins, clear->p1, clear->p2}, 4);
		run->entries[run->n] = *entry;
		run->entries[run->n].last = i == segments - 1;
		run->entries[run->n].wrapped = wrap && i == segments - 1;
		a->rsp_room = (apdu.le ? apdu.le : GP_LE_ANY) + 2;
		if (entry->kind == ENTRY_TASK)
			a->op = (int)run->tasks[entry->task].index;
		expect(a, &run->entries[run->n]);
		run->n++;
	}
	gp_apdu_clear(&apdu);
	return segments < 0 ? segments : r;
}

int run_put_response(struct gp_run *run, uint32_t le, const struct entry *entry,
		     struct gp_error *err)
{
	struct gp_run_apdu *a = &run->apdus[run->n];
	struct gp_wire wire = run_wire(run);
	struct gp_apdu apdu;
	int r;

	gp_apdu_init(&apdu, 0x00, 0xc0, 0x00, 0x00);
	apdu.le = le;
	r = put_segment(run, &apdu, 0, &wire, err);
	gp_apdu_clear(&apdu);
	if (r)
		return r;
	memcpy(a->header, "\x00\xc0\x00\x00", sizeof(a->header));
	run->entries[run->n] = *entry;
	a->rsp_room = GP_LE_ANY + 2;
	if (entry->kind == ENTRY_TASK)
		a->op = (int)run->tasks[entry->task].index;
	expect(a, entry);
	run->n++;
	return 0;
}

bool run_goes_on(const struct gp_run_apdu *a, uint16_t sw)
{
	for (size_t i = 0; i < SE_SW_MATCHES; i++)
		if (a->expect[i].mask && (sw & a->expect[i].mask) == a->expect[i].value)
			return true;
	return false;
}
