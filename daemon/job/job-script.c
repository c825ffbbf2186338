// SPDX-License-Identifier: Apache-2.0
/* A script as the source of a job's APDUs: decoded once to check it, once to run it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gp/source.h"
#include "job/job-run.h"

#define PIECE 4096 /* of the script in memory */

struct script_source {
	struct script_decoder *dec;
	uint64_t at;	   /* of what the decoder gets next, in the script */
	size_t have, used; /* of piece */
	uint8_t piece[PIECE];
	struct script_item item; /* decoded, not taken yet, if have_item */
	bool have_item, at_end;
};

static int read_piece(struct run *r)
{
	const struct gp_source text = gp_source_file(r->text_fd, r->text_len);
	struct script_source *c = r->ctx;
	uint64_t left = r->text_len - c->at;

	c->used = 0;
	c->have = left < PIECE ? (size_t)left : PIECE;
	return gp_source_read(&text, c->at, c->piece, c->have);
}

static int next_item(struct run *r)
{
	struct script_source *c = r->ctx;
	size_t used;
	int n;

	if (c->have_item)
		return 1;
	while (c->at < r->text_len) {
		n = c->used == c->have ? read_piece(r) : 0;
		if (n < 0)
			return n;
		n = script_decoder_feed(c->dec, c->piece + c->used, c->have - c->used, &used,
					&c->item);
		c->used += used;
		c->at += used;
		if (n < 0)
			return n;
		if (n == 1) {
			c->have_item = true;
			return 1;
		}
	}
	n = script_decoder_end(c->dec, &c->item);
	c->have_item = n == 1;
	return n;
}

static int rewind_script(struct run *r)
{
	const struct script_limits limits = {.commands_max = r->s->opt.apdus_max,
					     .total_max = r->s->opt.script_max};
	struct script_source *c = r->ctx;

	script_decoder_free(c->dec);
	c->at = 0;
	c->have = c->used = 0;
	c->have_item = false;
	c->dec = script_decoder_new(r->info.params.compact ? SCRIPT_COMPACT : SCRIPT_EXPANDED,
				    &limits);
	return c->dec ? 0 : -ENOMEM;
}

static int not_allowed(struct run *r, const char *code, const char *fmt, const char *what)
{
	const struct script_source *c = r->ctx;
	char words[JOB_DETAIL_MAX];

	snprintf(words, sizeof(words), fmt, what);
	run_finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, code,
		   "C-APDU %" PRIu32 " at byte %" PRIu64 " is %s; nothing was sent",
		   c->item.index, c->item.offset, words);
	return -EACCES;
}

/*
 * The channel belongs to the job: its application is the one that the policy
 * knows. Commands of the proprietary class are the application's business.
 */
static int check_item(struct run *r, uint32_t *total)
{
	static const char own[] = "%s: a script may not do that, the job opens the channel to "
				  "its target AID";
	const struct script_source *c = r->ctx;
	const uint8_t *cmd = c->item.data;
	char header[9];

	if (c->item.type == SCRIPT_ITEM_CHAINING) {
		r->end.tail = SCRIPT_TAIL_CHAINING;
		r->end.tail_value = SCRIPT_CHAIN_UNSUPPORTED;
		run_finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "chaining-unsupported",
			   "the script asks for script chaining (tag 83): use keep-channel for "
			   "dialogues of several scripts; nothing was sent");
		return -EOPNOTSUPP;
	}
	if (c->item.type != SCRIPT_ITEM_CAPDU)
		return 0;
	(*total)++;
	if (c->item.len < SE_CAPDU_MIN)
		return 0;
	if (!(cmd[0] & 0x80) && cmd[1] == 0x70)
		return not_allowed(r, "script-refused", own, "MANAGE CHANNEL");
	if (!(cmd[0] & 0x80) && cmd[1] == 0xa4 && cmd[2] == 0x04)
		return not_allowed(r, "script-refused", own, "SELECT by AID");
	if (r->policy && !policy_command(r->policy, cmd)) {
		se_to_hex(header, cmd, 4);
		return not_allowed(r, "policy", "%s, which the policy of its origin forbids",
				   header);
	}
	return 0;
}

struct total_args {
	uint64_t id;
	uint32_t total;
	bool indefinite;
};

static int write_total(struct job_store *s, void *arg)
{
	const struct total_args *a = arg;

	return job_db_run(&s->db, "UPDATE jobs SET total=?,indefinite=? WHERE id=?", "iii",
			  (int64_t)a->total, (int64_t)a->indefinite, (int64_t)a->id);
}

/* The whole script is looked at before anything leaves. */
static int begin(struct run *r)
{
	struct total_args a = {.id = r->info.id};
	const struct script_error *e;
	struct script_source *c;
	int n;

	r->ctx = c = calloc(1, sizeof(*c));
	n = c ? rewind_script(r) : -ENOMEM;
	if (n) {
		run_finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "no-memory",
			   "out of memory; nothing was sent");
		return n;
	}
	while ((n = next_item(r)) == 1) {
		/* goes on after the end: bytes that follow it are an error */
		c->have_item = false;
		n = check_item(r, &a.total);
		if (n)
			break;
	}
	a.indefinite = script_decoder_indefinite(c->dec);
	r->info.total = a.total;
	if (n == -EBADMSG || n == -EMSGSIZE) {
		e = script_decoder_error(c->dec);
		r->end.tail = SCRIPT_TAIL_BAD_FORMAT;
		r->end.tail_value = e->code;
		run_finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT,
			   n == -EBADMSG ? "script-format-error" : "script-too-long",
			   "byte %" PRIu64 ": %s; %s; nothing was sent", e->offset, e->what,
			   e->hint);
	} else if (n < 0 && !r->end.code[0]) {
		run_finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "no-memory",
			   "the script could not be read: %s; nothing was sent", strerror(-n));
	}
	if (job_write(r->s, false, write_total, &a) && n >= 0) {
		run_finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "disk-full",
			   "the journal cannot be written; nothing was sent");
		n = -ENOSPC;
	}
	if (n < 0)
		return n;
	n = rewind_script(r);
	if (n)
		run_finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "no-memory",
			   "out of memory; nothing was sent");
	return n;
}

static size_t response_room(const uint8_t *cmd, size_t len)
{
	size_t ne;

	switch (script_capdu_case(cmd, len)) {
	case 0x12:
	case 0x14:
		ne = (size_t)cmd[len - 2] << 8 | cmd[len - 1];
		return (ne ? ne : 65536) + 2;
	default:
		return 258;
	}
}

/* Commands up to the end, an immediate action or the end of the chunk. */
static int add_commands(struct run *r, struct runfile_half *h)
{
	struct se_sw_match expect[SE_SW_MATCHES];
	struct script_source *c = r->ctx;
	int n;

	script_expect(expect);
	while (!c->at_end) {
		n = next_item(r);
		if (n < 0)
			return n;
		if (!n || c->item.type == SCRIPT_ITEM_END) {
			c->at_end = true;
			break;
		}
		if (c->item.type == SCRIPT_ITEM_IMMEDIATE)
			break;
		if (c->item.type == SCRIPT_ITEM_CAPDU &&
		    run_add(r, h, c->item.data, c->item.len, NULL,
			    response_room(c->item.data, c->item.len), expect))
			break;
		c->have_item = false;
	}
	return 0;
}

static int fill(struct run *r, struct runfile_half *h)
{
	struct script_source *c = r->ctx;
	int n;

	if (r->rsp_bytes > r->s->opt.result_max) {
		run_finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "result-too-long",
			   "the responses exceed %zu bytes after %" PRIu32
			   " APDUs; the rest was not sent: split the script",
			   r->s->opt.result_max, r->executed);
		return -EFBIG;
	}
	n = add_commands(r, h);
	if (n) {
		run_finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "script-lost",
			   "the script changed while it ran: %s", strerror(-n));
		return n;
	}
	if (h->n)
		return 0;
	if (c->at_end) {
		run_finish(r, JOB_DONE, SE_OUTCOME_EXECUTED, "ok", "%" PRIu32 " APDUs executed",
			   r->executed);
		return 0;
	}
	r->end.tail = SCRIPT_TAIL_IMMEDIATE;
	r->end.tail_value = 0;
	run_finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "immediate-action",
		   "the immediate action (tag 81) at byte %" PRIu64
		   " needs a toolkit session, which there is not; the rest was not sent",
		   c->item.offset);
	return 0;
}

/*
 * The error action (TS 102 226, 5.2.1.3) that is in force for APDU @index, in
 * words, if there is one. Nobody here can perform it, so its sender is told.
 */
static void say_error_action(struct run *r, uint32_t index, char *words, size_t room)
{
	struct script_source *c = r->ctx;
	char what[SCRIPT_ACTION_WORDS];

	words[0] = '\0';
	if (rewind_script(r))
		return;
	while (next_item(r) == 1) {
		c->have_item = false;
		if (c->item.type == SCRIPT_ITEM_END ||
		    (c->item.type == SCRIPT_ITEM_CAPDU && c->item.index >= index))
			return;
		if (c->item.type != SCRIPT_ITEM_ERROR_ACTION)
			continue;
		words[0] = '\0';
		if (!c->item.len)
			continue;
		script_action_words(c->item.data, c->item.len, what, sizeof(what));
		snprintf(words, room,
			 "; the error action (tag 82) at byte %" PRIu64
			 " (%zu bytes, %s) was not performed: this device has no user "
			 "interface",
			 c->item.offset, c->item.len, what);
	}
}

static bool took(struct run *r, const struct runfile_half *h, uint32_t stop, bool broken)
{
	char action[JOB_DETAIL_MAX];
	uint32_t i, at = 0;

	if (broken)
		return false;
	/* The stream's masks cannot tell 62F1 from its neighbours. */
	if (stop == SE_STOP_END && script_goes_on(h->apdus[h->n - 1].sw))
		return true;
	for (i = 0; i < h->n && h->apdus[i].outcome == SE_OUTCOME_EXECUTED; i++)
		at = i;
	say_error_action(r, h->first + at, action, sizeof(action));
	run_finish(r, JOB_FAILED, SE_OUTCOME_EXECUTED, "status-word",
		   "APDU %" PRIu32 " of %" PRIu32
		   " answered %04X, which ends a script; the rest was not sent%s",
		   h->first + at + 1, r->info.total, h->apdus[at].sw, action);
	return false;
}

static void forget(struct run *r)
{
	struct script_source *c = r->ctx;

	if (!c)
		return;
	script_decoder_free(c->dec);
	explicit_bzero(c->piece, sizeof(c->piece));
	free(c);
}

const struct job_source job_source_script = {
	.begin = begin,
	.fill = fill,
	.took = took,
	.free = forget,
};
