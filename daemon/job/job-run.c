// SPDX-License-Identifier: Apache-2.0
/*
 * One run of one job: check the script, open the channel, then chunk by chunk
 * journal "this leaves now", submit, journal what came. Runs in the worker's
 * thread; the store's lock is taken only around the journal.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "job/job-store.h"

#define COMMANDS_MAX (2 * SE_CAPDU_MAX) /* bytes of the commands of one chunk */

struct run {
	struct worker *w;
	struct job_store *s;
	struct job_info info;
	struct job_end end;
	struct kept *chan;     /* the channel in use, kept or new */
	bool chan_old;	       /* … taken over from an earlier job */
	uint64_t deadline_ns;  /* CLOCK_MONOTONIC, 0 = none */
	const uint8_t *script; /* the staged file, mapped */
	size_t script_len, at;
	struct script_decoder *dec;
	struct script_item item; /* decoded, not taken yet, if have_item */
	bool have_item, at_end;
	uint8_t *cmds;
	size_t cmds_len;
	uint32_t next; /* index of the next APDU */
	unsigned int half;
	struct runfile_half *open; /* results not in the journal yet */
	uint64_t rsp_bytes;
	uint32_t executed;
};

static void finish(struct run *r, enum job_state state, uint16_t interrupted, const char *code,
		   const char *fmt, ...) __attribute__((format(printf, 5, 6)));

static void finish(struct run *r, enum job_state state, uint16_t interrupted, const char *code,
		   const char *fmt, ...)
{
	va_list ap;

	r->end.state = state;
	r->end.interrupted = interrupted;
	snprintf(r->end.code, sizeof(r->end.code), "%s", code);
	va_start(ap, fmt);
	vsnprintf(r->end.detail, sizeof(r->end.detail), fmt, ap);
	va_end(ap);
}

/* ---- the script ---- */

static int next_item(struct run *r)
{
	size_t used;
	int n;

	if (r->have_item)
		return 1;
	while (r->at < r->script_len) {
		n = script_decoder_feed(r->dec, r->script + r->at, r->script_len - r->at, &used,
					&r->item);
		r->at += used;
		if (n < 0)
			return n;
		if (n == 1) {
			r->have_item = true;
			return 1;
		}
	}
	n = script_decoder_end(r->dec, &r->item);
	r->have_item = n == 1;
	return n;
}

static int rewind_script(struct run *r)
{
	const struct script_limits limits = {.commands_max = r->s->opt.apdus_max,
					     .total_max = r->s->opt.script_max};

	script_decoder_free(r->dec);
	r->at = 0;
	r->have_item = false;
	r->dec = script_decoder_new(r->info.params.compact ? SCRIPT_COMPACT : SCRIPT_EXPANDED,
				    &limits);
	return r->dec ? 0 : -ENOMEM;
}

static int map_script(struct run *r)
{
	char file[JOB_SCRIPT_NAME] = "";
	sqlite3_stmt *st;
	struct stat sb;
	void *p;
	int n, fd;

	job_lock(r->s);
	n = job_db_query(&r->s->db, &st, "SELECT script FROM jobs WHERE id=?", "i",
			 (int64_t)r->info.id);
	if (!n) {
		n = job_db_step(&r->s->db, st);
		if (n == 1)
			snprintf(file, sizeof(file), "%s",
				 (const char *)sqlite3_column_text(st, 0));
		job_db_done(st);
	}
	job_unlock(r->s);
	if (n < 0)
		return n;
	fd = openat(r->s->dir_fd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &sb) || (uint64_t)sb.st_size != r->info.script_len) {
		close(fd);
		return -ESTALE;
	}
	r->script_len = (size_t)sb.st_size;
	p = mmap(NULL, r->script_len, PROT_READ, MAP_PRIVATE, fd, 0);
	n = p == MAP_FAILED ? -errno : 0;
	close(fd);
	if (!n)
		r->script = p;
	return n;
}

static int not_allowed(struct run *r, const char *what)
{
	finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "script-refused",
	       "C-APDU %" PRIu32 " at byte %" PRIu64
	       " is %s: a script may not do that, the job opens the channel to its target AID; "
	       "nothing was sent",
	       r->item.index, r->item.offset, what);
	return -EACCES;
}

/*
 * The channel belongs to the job: its application is the one that the policy
 * knows. Commands of the proprietary class are the application's business.
 */
static int check_item(struct run *r, uint32_t *total)
{
	const uint8_t *c = r->item.data;

	if (r->item.type == SCRIPT_ITEM_CHAINING) {
		r->end.tail = SCRIPT_TAIL_CHAINING;
		r->end.tail_value = SCRIPT_CHAIN_UNSUPPORTED;
		finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "chaining-unsupported",
		       "the script asks for script chaining (tag 83): use keep-channel for "
		       "dialogues of several scripts; nothing was sent");
		return -EOPNOTSUPP;
	}
	if (r->item.type != SCRIPT_ITEM_CAPDU)
		return 0;
	(*total)++;
	if (r->item.len < SE_CAPDU_MIN || (c[0] & 0x80))
		return 0;
	if (c[1] == 0x70)
		return not_allowed(r, "MANAGE CHANNEL");
	if (c[1] == 0xa4 && c[2] == 0x04)
		return not_allowed(r, "SELECT by AID");
	return 0;
}

struct total_args {
	uint64_t id;
	uint32_t total;
	bool indefinite;
	uint64_t generation;
	uint16_t select_sw;
	const uint8_t *select_rsp;
	size_t select_len;
};

static int write_total(struct job_store *s, void *arg)
{
	const struct total_args *a = arg;

	return job_db_run(&s->db, "UPDATE jobs SET total=?,indefinite=? WHERE id=?", "iii",
			  (int64_t)a->total, (int64_t)a->indefinite, (int64_t)a->id);
}

/* The whole script is looked at before anything leaves. */
static int check_script(struct run *r)
{
	struct total_args a = {.id = r->info.id};
	const struct script_error *e;
	int n;

	n = map_script(r);
	if (!n)
		n = rewind_script(r);
	if (n) {
		finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "script-lost",
		       "the staged script cannot be read (%s): write it again", strerror(-n));
		return n;
	}
	while ((n = next_item(r)) == 1) {
		/* goes on after the end: bytes that follow it are an error */
		r->have_item = false;
		n = check_item(r, &a.total);
		if (n)
			break;
	}
	a.indefinite = script_decoder_indefinite(r->dec);
	r->info.total = a.total;
	if (n == -EBADMSG || n == -EMSGSIZE) {
		e = script_decoder_error(r->dec);
		r->end.tail = SCRIPT_TAIL_BAD_FORMAT;
		r->end.tail_value = e->code;
		finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT,
		       n == -EBADMSG ? "script-format-error" : "script-too-long",
		       "byte %" PRIu64 ": %s; %s; nothing was sent", e->offset, e->what,
		       e->hint);
	} else if (n < 0 && !r->end.code[0]) {
		finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "no-memory",
		       "the script could not be read: %s; nothing was sent", strerror(-n));
	}
	if (job_write(r->s, false, write_total, &a) && n >= 0) {
		finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "disk-full",
		       "the journal cannot be written; nothing was sent");
		n = -ENOSPC;
	}
	if (n < 0)
		return n;
	return rewind_script(r);
}

/* ---- the channel ---- */

static int write_select(struct job_store *s, void *arg)
{
	const struct total_args *a = arg;

	return job_db_run(&s->db,
			  "UPDATE jobs SET generation=?,select_sw=?,select_rsp=?,"
			  "last_sw=?2 WHERE id=?",
			  "iibi", (int64_t)a->generation, (int64_t)a->select_sw, a->select_rsp,
			  a->select_len, (int64_t)a->id);
}

static void say_no_channel(struct run *r, int error, const struct se_channel_open *o)
{
	switch (error) {
	case -ENOENT:
		finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "no-application",
		       "no application with this AID on %s (SELECT answered %04X): check the "
		       "AID "
		       "or install it first; no APDU of the script was sent",
		       r->w->name, o->sw);
		break;
	case -EUSERS:
		finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "no-channel",
		       "%s has no logical channel left (%04X): end other dialogues; no APDU of "
		       "the script was sent",
		       r->w->name, o->sw);
		break;
	case -EREMOTEIO:
		finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "select-refused",
		       "%s refused to select the application: %04X; no APDU of the script was "
		       "sent",
		       r->w->name, o->sw);
		break;
	case -ETIMEDOUT:
		finish(r, JOB_EXPIRED, SE_OUTCOME_NOT_SENT, "deadline",
		       "the deadline passed while the channel was opened; no APDU of the "
		       "script "
		       "was sent");
		break;
	default:
		finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT,
		       error == -ENODEV ? "se-gone" : "link-error",
		       "cannot open a channel on %s (%s): %s; no APDU of the script was sent",
		       r->w->name, r->w->open, strerror(-error));
		break;
	}
}

static int open_new(struct run *r)
{
	uint8_t rsp[JOB_SELECT_MAX];
	struct se_channel_open o = {
		.aid_ptr = (uintptr_t)r->info.params.aid,
		.aid_len = r->info.params.aid_len,
		.rsp_ptr = (uintptr_t)rsp,
		.rsp_room = sizeof(rsp),
		.deadline_ns = r->deadline_ns,
	};
	struct total_args a = {.id = r->info.id, .select_rsp = rsp};
	struct kept *k;
	int n;

	k = calloc(1, sizeof(*k));
	if (!k)
		return -ENOMEM;
	r->chan = k;
	n = se_open(&k->se, r->w->open);
	if (n) {
		say_no_channel(
			r, n == -ENOENT || n == -ENXIO || n == -ECONNREFUSED ? -ENODEV : n, &o);
		return n;
	}
	n = se_channel_open(k->se, &o);
	k->generation = o.generation;
	a.generation = o.generation;
	a.select_sw = o.sw;
	a.select_len = o.rsp_len < sizeof(rsp) ? o.rsp_len : sizeof(rsp);
	if (n && n != -ENOENT && n != -EREMOTEIO)
		a.select_len = 0;
	if (job_write(r->s, false, write_select, &a) && !n) {
		finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "disk-full",
		       "the journal cannot be written; no APDU of the script was sent");
		return -ENOSPC;
	}
	if (n)
		say_no_channel(r, n, &o);
	return n;
}

/* Is there a record that this dialogue has a channel, alive or not? */
static int kept_record(struct run *r, bool *same)
{
	sqlite3_stmt *st;
	int n;

	*same = false;
	n = job_db_query(&r->s->db, &st,
			 "SELECT se=?1 AND aid=?2 FROM kept WHERE origin=?3 AND token=?4",
			 "tbti", r->info.params.se, (const void *)r->info.params.aid,
			 (size_t)r->info.params.aid_len, r->info.origin,
			 (int64_t)r->info.params.token);
	if (n)
		return n;
	n = job_db_step(&r->s->db, st);
	if (n == 1)
		*same = sqlite3_column_int(st, 0);
	job_db_done(st);
	return n;
}

/* Nobody may have used it for a while: is it what it was? */
static bool still_there(const struct kept *k)
{
	struct se_info info = {0};

	return !se_get_info(k->se, &info) && info.generation == k->generation;
}

static int get_channel(struct run *r)
{
	bool same;
	int n;

	job_lock(r->s);
	n = kept_record(r, &same);
	r->chan = job_kept_take(r->w, &r->info);
	job_unlock(r->s);
	if (n < 0) {
		finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "journal",
		       "the journal cannot be read: %s", strerror(-n));
		return n;
	}
	if (r->chan && (!same || !n)) {
		/* Another SE or application: that dialogue is over. */
		se_close(r->chan->se);
		free(r->chan);
		r->chan = NULL;
		same = false;
	}
	if (r->chan && !still_there(r->chan)) {
		se_close(r->chan->se);
		free(r->chan);
		r->chan = NULL;
	}
	if (n && same && !r->chan) {
		finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "channel-lost",
		       "the channel that the former script left open is gone (restart, reset "
		       "or "
		       "%u s of silence): nothing was sent; begin the dialogue anew",
		       r->s->opt.keep_idle_s);
		return -ECONNRESET;
	}
	if (r->chan) {
		r->chan_old = true;
		return 0;
	}
	return open_new(r);
}

/* ---- chunks ---- */

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

/* Returns 0 or a negative errno; an empty chunk means that nothing is left. */
static int fill_chunk(struct run *r, struct runfile_half *h)
{
	struct se_sw_match expect[SE_SW_MATCHES];
	uint8_t *cmd;
	int n;

	script_expect(expect);
	job_runfile_begin(h, r->info.id, r->info.run, r->next);
	r->cmds_len = 0;
	while (h->n < r->s->opt.chunk && !r->at_end) {
		n = next_item(r);
		if (n < 0)
			return n;
		if (!n || r->item.type == SCRIPT_ITEM_END) {
			r->at_end = true;
			break;
		}
		if (r->item.type == SCRIPT_ITEM_IMMEDIATE)
			break;
		if (r->item.type != SCRIPT_ITEM_CAPDU) {
			r->have_item = false;
			continue;
		}
		if (r->item.len > COMMANDS_MAX - r->cmds_len)
			break;
		cmd = r->cmds + r->cmds_len;
		memcpy(cmd, r->item.data, r->item.len);
		if (job_runfile_add(h, cmd, r->item.len, response_room(cmd, r->item.len),
				    expect))
			break;
		r->cmds_len += r->item.len;
		r->have_item = false;
	}
	return 0;
}

struct start_args {
	const struct runfile_half *before, *now;
	unsigned int half;
};

/* Results of the chunk before and the start of this one: one transaction. */
static int write_start(struct job_store *s, void *arg)
{
	const struct start_args *a = arg;
	const struct runfile_half *h = a->now;
	uint32_t i;
	int r = 0;

	if (a->before)
		r = job_write_apdus(s, a->before);
	for (i = 0; !r && i < h->n; i++)
		r = job_db_run(
			&s->db,
			"INSERT INTO apdus(job,idx,head,cmd_len,rsp,rsp_len,sw,outcome,wtx,"
			"wire_ns,total_ns) VALUES(?,?,?,?,x'',0,0,?,0,0,0)",
			"iibii", (int64_t)h->job, (int64_t)h->first + i,
			(const void *)(uintptr_t)h->apdus[i].cmd_ptr, (size_t)4,
			(int64_t)h->apdus[i].cmd_len, (int64_t)SE_OUTCOME_UNKNOWN);
	if (r)
		return r;
	return job_db_run(&s->db, "UPDATE jobs SET chunk_first=?,chunk_n=?,half=? WHERE id=?",
			  "iiii", (int64_t)h->first, (int64_t)h->n, (int64_t)a->half,
			  (int64_t)h->job);
}

static bool stopped(struct run *r)
{
	bool stop, gone;

	job_lock(r->s);
	stop = r->w->stop;
	gone = r->w->gone;
	job_unlock(r->s);
	if (gone)
		finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "se-gone",
		       "%s went away after %" PRIu32 " of %" PRIu32
		       " APDUs; the rest was not sent",
		       r->w->name, r->executed, r->info.total);
	else if (stop)
		finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "interrupted",
		       "the daemon was stopped after %" PRIu32 " of %" PRIu32
		       " APDUs; the rest was not sent",
		       r->executed, r->info.total);
	else if (atomic_load(&r->w->cancel))
		finish(r, JOB_CANCELLED, SE_OUTCOME_NOT_SENT, "cancelled",
		       "cancelled after %" PRIu32 " of %" PRIu32
		       " APDUs; the rest was not sent",
		       r->executed, r->info.total);
	else if (r->deadline_ns && job_mono_ns() >= r->deadline_ns)
		finish(r, JOB_EXPIRED, SE_OUTCOME_NOT_SENT, "deadline",
		       "the deadline of %" PRIu32 " s passed after %" PRIu32 " of %" PRIu32
		       " APDUs; the rest was not sent",
		       r->info.params.deadline_s, r->executed, r->info.total);
	else
		return false;
	return true;
}

struct stop_word {
	const char *code;
	const char *words;
};

static const struct stop_word stop_words[] = {
	[SE_STOP_ROOM] = {"response-cut", "its response was longer than its Le allows"},
	[SE_STOP_DEADLINE] = {"deadline", "the deadline passed"},
	[SE_STOP_SIGNAL] = {"interrupted", "the daemon was interrupted"},
	[SE_STOP_GENERATION] = {"generation", "the SE was reset, the channel is gone"},
	[SE_STOP_LINK] = {"link-error", "the link to the SE failed"},
	[SE_STOP_GONE] = {"se-gone", "the SE went away"},
	[SE_STOP_FAULT] = {"internal", "a buffer was refused"},
	[SE_STOP_REFUSED] = {"script-refused", "the driver refuses this command"},
	[SE_STOP_CANCELLED] = {"cancelled", "it was cancelled"},
	[SE_STOP_LOCK] = {"lock-lost", "the SE is not ours alone any more"},
};

/*
 * The error action (TS 102 226, 5.2.1.3) that is in force for APDU @index, in
 * words, if there is one. Nobody here can perform it, so its sender is told.
 */
static void say_error_action(struct run *r, uint32_t index, char *words, size_t room)
{
	char what[SCRIPT_ACTION_WORDS];

	words[0] = '\0';
	if (rewind_script(r))
		return;
	while (next_item(r) == 1) {
		r->have_item = false;
		if (r->item.type == SCRIPT_ITEM_END ||
		    (r->item.type == SCRIPT_ITEM_CAPDU && r->item.index >= index))
			return;
		if (r->item.type != SCRIPT_ITEM_ERROR_ACTION)
			continue;
		words[0] = '\0';
		if (!r->item.len)
			continue;
		script_action_words(r->item.data, r->item.len, what, sizeof(what));
		snprintf(words, room,
			 "; the error action (tag 82) at byte %" PRIu64
			 " (%zu bytes, %s) was not performed: this device has no user "
			 "interface",
			 r->item.offset, r->item.len, what);
	}
}

/* What the end of a stream that did not run through means for the job. */
static void judge_stop(struct run *r, const struct runfile_half *h, uint32_t stop, int error)
{
	const char *code = "link-error", *words = strerror(-error);
	uint16_t outcome = SE_OUTCOME_NOT_SENT;
	enum job_state state = JOB_FAILED;
	char action[JOB_DETAIL_MAX];
	uint32_t i, at = 0;

	for (i = 0; i < h->n && h->apdus[i].outcome == SE_OUTCOME_EXECUTED; i++)
		at = i;
	if (stop == SE_STOP_SW) {
		say_error_action(r, h->first + at, action, sizeof(action));
		finish(r, JOB_FAILED, SE_OUTCOME_EXECUTED, "status-word",
		       "APDU %" PRIu32 " of %" PRIu32
		       " answered %04X, which ends a script; the rest was not sent%s",
		       h->first + at + 1, r->info.total, h->apdus[at].sw, action);
		return;
	}
	if (stop != SE_STOP_ROOM && i < h->n) {
		at = i;
		outcome = h->apdus[i].outcome;
	} else if (stop == SE_STOP_ROOM) {
		outcome = SE_OUTCOME_EXECUTED;
	}
	if (stop < sizeof(stop_words) / sizeof(stop_words[0]) && stop_words[stop].code) {
		code = stop_words[stop].code;
		words = stop_words[stop].words;
	}
	if (stop == SE_STOP_GENERATION && r->chan_old)
		code = "channel-lost";
	if (outcome == SE_OUTCOME_UNKNOWN)
		state = JOB_UNKNOWN;
	else if (stop == SE_STOP_DEADLINE)
		state = JOB_EXPIRED;
	finish(r, state, outcome, code,
	       "APDU %" PRIu32 " of %" PRIu32 ": %s; this APDU: %s; %s", h->first + at + 1,
	       r->info.total, words,
	       outcome == SE_OUTCOME_UNKNOWN	? "it is not known whether it ran"
	       : outcome == SE_OUTCOME_EXECUTED ? "it ran"
						: "not sent",
	       outcome == SE_OUTCOME_UNKNOWN ? "ask the card before you repeat it"
					     : "the rest was not sent");
	if (stop != SE_STOP_ROOM)
		r->end.kept = KEPT_CLEAR;
}

/* Submit one journalled chunk. Returns true if the script may go on. */
static bool submit(struct run *r, struct runfile_half *h)
{
	struct se_stream st = {
		.flags = SE_STREAM_SETTLE | SE_STREAM_CHECK_GENERATION,
		.deadline_ns = r->deadline_ns,
		.generation = r->chan->generation,
		.cookie = r->info.id,
	};
	uint32_t i, done = 0;
	int n;

	st.apdus_ptr = (uintptr_t)h->apdus;
	st.nr = h->n;
	st.apdu_size = sizeof(h->apdus[0]);
	n = job_submit(r->w, r->chan->se, h->apdus, h->n, &st);
	r->open = h;
	for (i = 0; i < h->n; i++) {
		if (h->apdus[i].outcome == SE_OUTCOME_EXECUTED) {
			done++;
			r->executed++;
			r->rsp_bytes += h->apdus[i].rsp_len + 8U;
		}
	}
	/* Asked to stop, and between two APDUs: as if between two chunks. */
	if (n == -EINTR && done < h->n && h->apdus[done].outcome == SE_OUTCOME_NOT_SENT &&
	    stopped(r))
		return false;
	if (n || st.stop != SE_STOP_END) {
		judge_stop(r, h, st.stop, n);
		return false;
	}
	/* The stream's masks cannot tell 62F1 from its neighbours. */
	if (!script_goes_on(h->apdus[h->n - 1].sw)) {
		judge_stop(r, h, SE_STOP_SW, 0);
		return false;
	}
	r->next += h->n;
	return true;
}

static void run_chunks(struct run *r)
{
	struct runfile_half *h;
	struct start_args a;
	int n;

	for (;;) {
		if (r->rsp_bytes > r->s->opt.result_max) {
			finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "result-too-long",
			       "the responses exceed %zu bytes after %" PRIu32
			       " APDUs; the rest was not sent: split the script",
			       r->s->opt.result_max, r->executed);
			return;
		}
		r->half ^= 1;
		h = &r->w->rf.map->half[r->half];
		n = fill_chunk(r, h);
		if (n) {
			finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "script-lost",
			       "the script changed while it ran: %s", strerror(-n));
			return;
		}
		if (!h->n && r->at_end) {
			finish(r, JOB_DONE, SE_OUTCOME_EXECUTED, "ok",
			       "%" PRIu32 " APDUs executed", r->executed);
			return;
		}
		if (!h->n) {
			r->end.tail = SCRIPT_TAIL_IMMEDIATE;
			r->end.tail_value = 0;
			finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "immediate-action",
			       "the immediate action (tag 81) at byte %" PRIu64
			       " needs a toolkit session, which there is not; the rest was not "
			       "sent",
			       r->item.offset);
			return;
		}
		if (stopped(r))
			return;
		a = (struct start_args){r->open, h, r->half};
		n = job_write(r->s, false, write_start, &a);
		if (n) {
			finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT,
			       n == -ENOSPC ? "disk-full" : "journal",
			       "the journal cannot be written (%s) after %" PRIu32
			       " of %" PRIu32 " APDUs; the rest was not sent",
			       strerror(-n), r->executed, r->info.total);
			return;
		}
		if (r->open)
			job_runfile_wipe(r->open);
		r->open = NULL;
		job_lock(r->s);
		job_changed(r->s, r->info.id);
		job_unlock(r->s);
		if (!submit(r, h))
			return;
	}
}

/* ---- begin and end ---- */

static int write_running(struct job_store *s, void *arg)
{
	const uint64_t *id = arg;
	int r;

	/* Rows of an earlier run that was never acknowledged cannot be: see job_run(). */
	r = job_db_run(&s->db, "DELETE FROM apdus WHERE job=?", "i", (int64_t)*id);
	if (r)
		return r;
	return job_db_run(&s->db, "UPDATE jobs SET state=2,started_ms=? WHERE id=?", "ii",
			  (int64_t)job_now_ms(), (int64_t)*id);
}

static uint64_t get_deadline(struct run *r)
{
	uint64_t now = job_now_ms(), at = 0, left;
	sqlite3_stmt *st;

	if (!r->info.params.deadline_s)
		return 0;
	job_lock(r->s);
	if (!job_db_query(&r->s->db, &st, "SELECT deadline_ms FROM jobs WHERE id=?", "i",
			  (int64_t)r->info.id)) {
		if (job_db_step(&r->s->db, st) == 1)
			at = (uint64_t)sqlite3_column_int64(st, 0);
		job_db_done(st);
	}
	job_unlock(r->s);
	/*
	 * Kept by the wall clock because it must outlive a reboot; a clock that
	 * was set back must not make it later than it was asked for.
	 */
	left = at > now ? at - now : 0;
	if (left > (uint64_t)r->info.params.deadline_s * 1000U)
		left = (uint64_t)r->info.params.deadline_s * 1000U;
	return job_mono_ns() + left * 1000000U + 1;
}

static void settle_channel(struct run *r)
{
	bool alive;

	if (!r->chan)
		return;
	alive = r->end.kept != KEPT_CLEAR && r->chan->se && r->executed + r->chan_old > 0;
	if (r->info.params.keep_channel && alive &&
	    (r->end.state == JOB_DONE || r->end.state == JOB_FAILED ||
	     r->end.state == JOB_CANCELLED) &&
	    strcmp(r->end.code, "interrupted")) {
		r->end.kept = KEPT_SET;
		return;
	}
	r->end.kept = KEPT_CLEAR;
}

static void release_channel(struct run *r)
{
	struct kept *k = r->chan;

	if (!k)
		return;
	if (r->end.kept == KEPT_SET) {
		memcpy(k->origin, r->info.origin, sizeof(k->origin));
		memcpy(k->aid, r->info.params.aid, sizeof(k->aid));
		k->aid_len = r->info.params.aid_len;
		k->token = r->info.params.token;
		job_kept_put(r->w, k);
		return;
	}
	se_close(k->se);
	free(k);
}

/*
 * The end must get into the journal. Even without the reserve the truth is not
 * lost: it stays in the run file, and here we stay until it can be written or
 * the daemon is stopped; then the successor reads it there.
 */
static void write_end(struct run *r)
{
	const struct timespec nap = {0, 200000000};
	bool stop = false;

	while (job_write(r->s, true, job_write_end, &r->end) && !stop) {
		nanosleep(&nap, NULL);
		job_lock(r->s);
		stop = r->w->stop;
		job_unlock(r->s);
	}
}

void job_run_one(struct worker *w, uint64_t id)
{
	struct run *r;

	r = calloc(1, sizeof(*r));
	if (!r)
		return;
	r->w = w;
	r->s = w->s;
	r->end.id = id;
	if (job_get(w->s, id, &r->info))
		goto out;
	r->cmds = malloc(COMMANDS_MAX);
	r->deadline_ns = get_deadline(r);
	if (!r->cmds || job_write(w->s, false, write_running, &id))
		finish(r, JOB_FAILED, SE_OUTCOME_NOT_SENT, "disk-full",
		       "the journal cannot be written; nothing was sent");
	else if (!stopped(r) && !check_script(r) && !get_channel(r))
		run_chunks(r);
	if (!strcmp(r->end.code, "channel-lost"))
		r->end.kept = KEPT_CLEAR;
	r->end.half = r->open;
	settle_channel(r);
	write_end(r);
	if (r->open)
		job_runfile_wipe(r->open);
	release_channel(r);
	job_lock(w->s);
	job_cache_drop(w->s, id);
	job_changed(w->s, id);
	job_unlock(w->s);
out:
	script_decoder_free(r->dec);
	if (r->script)
		munmap((void *)(uintptr_t)r->script, r->script_len);
	if (r->cmds)
		explicit_bzero(r->cmds, COMMANDS_MAX);
	free(r->cmds);
	free(r);
}
