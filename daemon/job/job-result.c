// SPDX-License-Identifier: Apache-2.0
/*
 * What the journal says of a run, and the response script made from it. The
 * response script is not stored: it is a view of the table apdus, kept in memory
 * for those who read it block by block.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job/job-store.h"

/* ---- writing ---- */

int job_write_apdus(struct job_store *s, const struct runfile_half *h, enum job_kind kind)
{
	uint32_t i, executed = 0, len;
	const struct se_apdu *a;
	uint16_t sw = 0, outcome;
	bool ran;
	int r = 0;

	for (i = 0; !r && i < h->n && i < SE_STREAM_MAX; i++) {
		a = &h->apdus[i];
		/* A run file is read after a crash: trust nothing in it. */
		outcome = a->outcome <= SE_OUTCOME_UNKNOWN ? a->outcome : SE_OUTCOME_UNKNOWN;
		ran = outcome == SE_OUTCOME_EXECUTED;
		len = ran ? a->rsp_len : 0;
		if (len > a->rsp_room)
			len = a->rsp_room;
		if (h->rsp_off[i] > sizeof(h->area) || len > sizeof(h->area) - h->rsp_off[i])
			return -EBADMSG;
		if (ran) {
			executed++;
			sw = a->sw;
		}
		r = job_db_run(&s->db,
			       "UPDATE apdus SET rsp=?,rsp_len=?,sw=?,outcome=?,wtx=?,"
			       "wire_ns=?,total_ns=? WHERE job=? AND idx=?",
			       "biiiiiiii", (const void *)(h->area + h->rsp_off[i]),
			       kind == JOB_PLAN ? (size_t)0 : (size_t)len,
			       (int64_t)(ran ? a->rsp_len : 0), (int64_t)(ran ? a->sw : 0),
			       (int64_t)outcome, (int64_t)a->wtx, (int64_t)a->wire_ns,
			       (int64_t)a->total_ns, (int64_t)h->job, (int64_t)h->first + i);
	}
	if (r)
		return r;
	return job_db_run(&s->db,
			  "UPDATE jobs SET executed=executed+?1,chunk_n=0,"
			  "last_sw=CASE WHEN ?1>0 THEN ?2 ELSE last_sw END WHERE id=?3",
			  "iii", (int64_t)executed, (int64_t)sw, (int64_t)h->job);
}

int job_write_record(struct job_store *s, uint64_t id, const char *record)
{
	return job_db_run(&s->db, "UPDATE jobs SET record=? WHERE id=?", "ti", record,
			  (int64_t)id);
}

/* The size of a response script is known from its rows; a plan's result is text. */
static int write_result(struct job_store *s, const struct job_end *e)
{
	char *text = NULL;
	uint8_t *data;
	size_t len;
	int r;

	if (e->result) {
		r = sd_json_variant_format(e->result, 0, &text);
		if (r >= 0)
			r = job_db_run(&s->db,
				       "UPDATE jobs SET result=?,result_len=? WHERE id=?",
				       "tii", text, (int64_t)strlen(text), (int64_t)e->id);
		free(text);
		return r;
	}
	r = job_result_build(s, e->id, &data, &len);
	if (r)
		return r;
	explicit_bzero(data, len);
	free(data);
	return job_db_run(&s->db, "UPDATE jobs SET result_len=? WHERE id=?", "ii", (int64_t)len,
			  (int64_t)e->id);
}

int job_write_end(struct job_store *s, void *arg)
{
	const struct job_end *e = arg;
	int r = 0;

	if (e->half)
		r = job_write_apdus(s, e->half, e->kind);
	if (!r && e->record)
		r = job_write_record(s, e->id, e->record);
	if (!r)
		r = job_db_run(&s->db,
			       "UPDATE jobs SET state=?,code=?,detail=?,interrupted=?,tail=?,"
			       "tail_value=?,ended_ms=?,chunk_n=0 WHERE id=?",
			       "ittiiiii", (int64_t)e->state, e->code, e->detail,
			       (int64_t)e->interrupted, (int64_t)e->tail,
			       (int64_t)e->tail_value, (int64_t)job_now_ms(), (int64_t)e->id);
	if (!r && e->kept == KEPT_SET)
		r = job_db_run(&s->db,
			       "INSERT OR REPLACE INTO kept(origin,token,se,aid)"
			       " SELECT origin,token,se,aid FROM jobs WHERE id=?",
			       "i", (int64_t)e->id);
	if (!r && e->kept == KEPT_CLEAR)
		r = job_db_run(&s->db,
			       "DELETE FROM kept WHERE (origin,token)="
			       "(SELECT origin,token FROM jobs WHERE id=?)",
			       "i", (int64_t)e->id);
	return r ? r : write_result(s, e);
}

/* ---- the response script ---- */

struct head {
	enum job_kind kind;
	bool compact, indefinite;
	enum script_tail tail;
	uint8_t value;
	uint32_t executed;
	uint64_t bytes;
	uint64_t data;
};

static int get_head(struct job_store *s, uint64_t id, struct head *h)
{
	sqlite3_stmt *st;
	int r;

	r = job_db_query(&s->db, &st,
			 "SELECT compact,indefinite,tail,tail_value,kind FROM jobs WHERE id=?",
			 "i", (int64_t)id);
	if (r)
		return r;
	r = job_db_step(&s->db, st);
	if (r == 1) {
		h->compact = sqlite3_column_int(st, 0);
		h->indefinite = sqlite3_column_int(st, 1);
		h->tail = (enum script_tail)sqlite3_column_int(st, 2);
		h->value = (uint8_t)sqlite3_column_int(st, 3);
		h->kind = (enum job_kind)sqlite3_column_int(st, 4);
	}
	job_db_done(st);
	if (r != 1)
		return r ? r : -ENOENT;

	r = job_db_query(&s->db, &st,
			 "SELECT length(rsp) FROM apdus WHERE job=? AND outcome=1 ORDER BY idx",
			 "i", (int64_t)id);
	if (r)
		return r;
	while ((r = job_db_step(&s->db, st)) == 1) {
		size_t len = (size_t)sqlite3_column_int64(st, 0);

		h->executed++;
		h->bytes += script_rapdu_size(len);
		h->data += len;
	}
	job_db_done(st);
	return r;
}

static int fill(struct job_store *s, uint64_t id, const struct head *h, uint8_t *out,
		size_t *ret)
{
	sqlite3_stmt *st;
	size_t n, len;
	int r;

	n = script_rsp_begin(out, h->indefinite, h->executed, h->bytes, h->tail, h->value);
	r = job_db_query(&s->db, &st,
			 "SELECT rsp FROM apdus WHERE job=? AND outcome=1 ORDER BY idx", "i",
			 (int64_t)id);
	if (r)
		return r;
	while ((r = job_db_step(&s->db, st)) == 1) {
		len = (size_t)sqlite3_column_bytes(st, 0);
		n += script_rsp_rapdu(out + n, len);
		if (len)
			memcpy(out + n, sqlite3_column_blob(st, 0), len);
		n += len;
	}
	job_db_done(st);
	n += script_rsp_end(out + n, h->indefinite, h->tail, h->value);
	*ret = n;
	return r;
}

static int fill_compact(struct job_store *s, uint64_t id, const struct head *h, uint8_t *out,
			size_t *ret)
{
	const uint8_t *rsp;
	uint16_t sw = 0;
	sqlite3_stmt *st;
	size_t len = 0;
	int r;

	r = job_db_query(&s->db, &st,
			 "SELECT rsp,sw FROM apdus WHERE job=? AND outcome=1"
			 " ORDER BY idx DESC LIMIT 1",
			 "i", (int64_t)id);
	if (r)
		return r;
	r = job_db_step(&s->db, st);
	if (r == 1) {
		rsp = sqlite3_column_blob(st, 0);
		len = (size_t)sqlite3_column_bytes(st, 0);
		sw = (uint16_t)sqlite3_column_int(st, 1);
		len = len > 2 ? len - 2 : 0;
		*ret = script_rsp_compact(out, h->executed, sw);
		if (len)
			memcpy(out + *ret, rsp, len);
		*ret += len;
	} else {
		*ret = script_rsp_compact(out, 0, 0);
	}
	job_db_done(st);
	return r < 0 ? r : 0;
}

/* A plan's result, as its run or the recovery wrote it. */
static int stored_result(struct job_store *s, uint64_t id, uint8_t **data, size_t *len)
{
	sqlite3_stmt *st;
	int r;

	r = job_db_query(&s->db, &st, "SELECT result FROM jobs WHERE id=?", "i", (int64_t)id);
	if (r)
		return r;
	r = job_db_step(&s->db, st);
	if (r == 1) {
		*len = (size_t)sqlite3_column_bytes(st, 0);
		*data = malloc(*len + 1);
		if (*data)
			memcpy(*data, (const char *)sqlite3_column_text(st, 0), *len);
	}
	job_db_done(st);
	if (r != 1)
		return r ? r : -ENOENT;
	return *data ? 0 : -ENOMEM;
}

int job_result_build(struct job_store *s, uint64_t id, uint8_t **data, size_t *len)
{
	struct head h = {0};
	uint8_t *out;
	int r;

	r = get_head(s, id, &h);
	if (r)
		return r;
	if (h.kind == JOB_PLAN)
		return stored_result(s, id, data, len);
	/* In AB each R-APDU has its head within h.bytes; ends have room of their own. */
	out = malloc((size_t)h.bytes + (size_t)h.data + 4 * SCRIPT_PIECE_MAX);
	if (!out)
		return -ENOMEM;
	r = h.compact ? fill_compact(s, id, &h, out, len) : fill(s, id, &h, out, len);
	if (r) {
		free(out);
		return r;
	}
	*data = out;
	return 0;
}

static void drop(struct cached_result *c)
{
	if (c->data)
		explicit_bzero(c->data, c->len);
	free(c->data);
	memset(c, 0, sizeof(*c));
}

void job_cache_drop(struct job_store *s, uint64_t id)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		if (s->cache[i].id == id)
			drop(&s->cache[i]);
}

static int cached(struct job_store *s, const struct job_info *info, struct cached_result **ret)
{
	struct cached_result *c;
	unsigned int i;
	int r;

	for (i = 0; i < 4; i++) {
		if (s->cache[i].data && s->cache[i].id == info->id &&
		    s->cache[i].run == info->run) {
			*ret = &s->cache[i];
			return 0;
		}
	}
	c = &s->cache[s->cache_next++ % 4];
	drop(c);
	r = job_result_build(s, info->id, &c->data, &c->len);
	if (r)
		return r;
	c->id = info->id;
	c->run = info->run;
	*ret = c;
	return 0;
}

int job_result_read(struct job_store *s, uint64_t id, uint64_t offset, void *buf, size_t len)
{
	struct cached_result *c;
	struct job_info info;
	int r;

	job_lock(s);
	r = job_get(s, id, &info);
	if (!r && info.result_len) {
		r = cached(s, &info, &c);
		if (!r && offset < c->len) {
			if (len > c->len - offset)
				len = c->len - offset;
			if (len > INT32_MAX)
				len = INT32_MAX;
			memcpy(buf, c->data + offset, len);
			r = (int)len;
		}
	}
	job_unlock(s);
	return r;
}
