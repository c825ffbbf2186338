// SPDX-License-Identifier: Apache-2.0
/* What the journal says of jobs, as front ends read it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job/job-store.h"

#define COLUMNS                                                                              \
	"id,run,origin,slot,state,se,aid,keep,compact,token,deadline_s,script_len,executed," \
	"total,code,detail,last_sw,interrupted,result_len,select_sw,select_rsp,generation,"  \
	"created_ms,started_ms,ended_ms,kind,mode,keyset,retry,record<>''"

static void copy_text(char *out, size_t room, sqlite3_stmt *st, int col)
{
	const char *text = (const char *)sqlite3_column_text(st, col);

	snprintf(out, room, "%s", text ? text : "");
}

static size_t copy_blob(void *out, size_t room, sqlite3_stmt *st, int col)
{
	size_t len = (size_t)sqlite3_column_bytes(st, col);

	if (len > room)
		len = room;
	if (len)
		memcpy(out, sqlite3_column_blob(st, col), len);
	return len;
}

static void take_row(struct job_info *i, sqlite3_stmt *st)
{
	struct job_params *p = &i->params;

	memset(i, 0, sizeof(*i));
	i->id = (uint64_t)sqlite3_column_int64(st, 0);
	i->run = (uint32_t)sqlite3_column_int64(st, 1);
	snprintf(i->name, sizeof(i->name), "%" PRIu64 "-%" PRIu32, i->id, i->run);
	copy_text(i->origin, sizeof(i->origin), st, 2);
	i->slot = sqlite3_column_int64(st, 3);
	i->state = (enum job_state)sqlite3_column_int(st, 4);
	copy_text(p->se, sizeof(p->se), st, 5);
	p->aid_len = (uint8_t)copy_blob(p->aid, sizeof(p->aid), st, 6);
	p->keep_channel = sqlite3_column_int(st, 7);
	p->compact = sqlite3_column_int(st, 8);
	p->token = (uint32_t)sqlite3_column_int64(st, 9);
	p->deadline_s = (uint32_t)sqlite3_column_int64(st, 10);
	i->script_len = (uint64_t)sqlite3_column_int64(st, 11);
	i->executed = (uint32_t)sqlite3_column_int64(st, 12);
	i->total = (uint32_t)sqlite3_column_int64(st, 13);
	copy_text(i->code, sizeof(i->code), st, 14);
	copy_text(i->detail, sizeof(i->detail), st, 15);
	i->last_sw = (uint16_t)sqlite3_column_int(st, 16);
	i->interrupted = (uint16_t)sqlite3_column_int(st, 17);
	i->result_len = (uint64_t)sqlite3_column_int64(st, 18);
	i->select_sw = (uint16_t)sqlite3_column_int(st, 19);
	i->select_rsp_len = (uint16_t)copy_blob(i->select_rsp, sizeof(i->select_rsp), st, 20);
	i->generation = (uint64_t)sqlite3_column_int64(st, 21);
	i->created_ms = (uint64_t)sqlite3_column_int64(st, 22);
	i->started_ms = (uint64_t)sqlite3_column_int64(st, 23);
	i->ended_ms = (uint64_t)sqlite3_column_int64(st, 24);
	p->kind = (enum job_kind)sqlite3_column_int(st, 25);
	i->mode = (enum job_mode)sqlite3_column_int(st, 26);
	copy_text(p->keyset, sizeof(p->keyset), st, 27);
	p->retry_authentication = sqlite3_column_int(st, 28);
	i->resumable = p->kind == JOB_PLAN && sqlite3_column_int(st, 29);
}

static int one_row(struct job_store *s, sqlite3_stmt *st, struct job_info *info)
{
	int r;

	r = job_db_step(&s->db, st);
	if (r == 1)
		take_row(info, st);
	job_db_done(st);
	if (r < 0)
		return r;
	return r ? 0 : -ENOENT;
}

int job_get(struct job_store *s, uint64_t id, struct job_info *info)
{
	sqlite3_stmt *st;
	int r;

	job_lock(s);
	r = job_db_query(&s->db, &st, "SELECT " COLUMNS " FROM jobs WHERE id=?", "i",
			 (int64_t)id);
	if (!r)
		r = one_row(s, st, info);
	job_unlock(s);
	return r;
}

int job_find(struct job_store *s, const char *origin, int64_t slot, struct job_info *info)
{
	sqlite3_stmt *st;
	int r;

	job_lock(s);
	r = job_db_query(&s->db, &st, "SELECT " COLUMNS " FROM jobs WHERE origin=? AND slot=?",
			 "ti", origin, slot);
	if (!r)
		r = one_row(s, st, info);
	job_unlock(s);
	return r;
}

/* Ids first, then one job at a time: @fn may call anything. */
int job_list(struct job_store *s, const char *origin,
	     int (*fn)(void *userdata, const struct job_info *info), void *userdata)
{
	struct job_info info;
	size_t n = 0, room = 0, i;
	uint64_t *ids = NULL, *p;
	sqlite3_stmt *st;
	int r;

	job_lock(s);
	r = job_db_query(&s->db, &st,
			 "SELECT id FROM jobs WHERE ?1='' OR origin=?1 ORDER BY id", "t",
			 origin ? origin : "");
	if (!r) {
		while ((r = job_db_step(&s->db, st)) == 1) {
			if (n == room) {
				room = room ? 2 * room : 32;
				p = reallocarray(ids, room, sizeof(*ids));
				if (!p) {
					r = -ENOMEM;
					break;
				}
				ids = p;
			}
			ids[n++] = (uint64_t)sqlite3_column_int64(st, 0);
		}
		job_db_done(st);
	}
	job_unlock(s);
	for (i = 0; !r && i < n; i++) {
		r = job_get(s, ids[i], &info);
		if (r == -ENOENT)
			r = 0; /* deleted meanwhile */
		else if (!r)
			r = fn(userdata, &info);
	}
	free(ids);
	return r;
}

int job_apdus(struct job_store *s, uint64_t id,
	      int (*fn)(void *userdata, const struct job_apdu *apdu), void *userdata)
{
	struct job_apdu a;
	sqlite3_stmt *st;
	int64_t next = 0;
	int r;

	/* Row by row, so that @fn runs without the lock. */
	for (;;) {
		job_lock(s);
		r = job_db_query(&s->db, &st,
				 "SELECT idx,head,cmd_len,rsp_len,sw,outcome,wtx,wire_ns,"
				 "total_ns FROM apdus WHERE job=? AND idx>=? ORDER BY idx "
				 "LIMIT 1",
				 "ii", (int64_t)id, next);
		if (!r) {
			r = job_db_step(&s->db, st);
			if (r == 1) {
				memset(&a, 0, sizeof(a));
				a.index = (uint32_t)sqlite3_column_int64(st, 0);
				copy_blob(a.header, sizeof(a.header), st, 1);
				a.cmd_len = (uint32_t)sqlite3_column_int64(st, 2);
				a.rsp_len = (uint32_t)sqlite3_column_int64(st, 3);
				a.sw = (uint16_t)sqlite3_column_int(st, 4);
				a.outcome = (uint16_t)sqlite3_column_int(st, 5);
				a.wtx = (uint32_t)sqlite3_column_int64(st, 6);
				a.wire_ns = (uint64_t)sqlite3_column_int64(st, 7);
				a.total_ns = (uint64_t)sqlite3_column_int64(st, 8);
			}
			job_db_done(st);
		}
		job_unlock(s);
		if (r != 1)
			return r;
		next = (int64_t)a.index + 1;
		r = fn(userdata, &a);
		if (r)
			return r;
	}
}
