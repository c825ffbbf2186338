// SPDX-License-Identifier: Apache-2.0
/*
 * Object 20 EventLog: a view of the journal. Nothing is collected beside it: a log
 * that is running shows the jobs of this server that ended since its start.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "job/job.h"
#include "lwm2m/reading.h"

#define LOG_MAX 8192
#define CLASS_EVENTS 3

enum { CLASS = 4010, START, STOP, STATUS, DATA, FORMAT };
enum { STOPPED = 1, VALID = 2, LOST = 4 };

struct lines {
	const struct lwm2m_log_window *window;
	char *text; /* LOG_MAX bytes */
	size_t len;
	bool lost;
};

static size_t instances(struct lwm2m_client *c, uint16_t *ids, size_t room)
{
	if (!c->shared->jobs || room == 0)
		return 0;
	ids[0] = 0;
	return 1;
}

/* The oldest lines go where there are too many. */
static void append(struct lines *l, const char *line, size_t len)
{
	while (l->len + len > LOG_MAX) {
		char *end = memchr(l->text, '\n', l->len);
		size_t drop = end ? (size_t)(end + 1 - l->text) : l->len;

		memmove(l->text, l->text + drop, l->len - drop);
		l->len -= drop;
		l->lost = true;
	}
	memcpy(l->text + l->len, line, len);
	l->len += len;
}

static int one_job(void *userdata, const struct job_info *info)
{
	char line[160], when[32] = "";
	struct lines *l = userdata;
	time_t s = (time_t)(info->ended_ms / 1000);
	struct tm tm;
	int n;

	if (info->ended_ms < l->window->from_ms || info->ended_ms == 0 ||
	    (l->window->to_ms && info->ended_ms > l->window->to_ms))
		return 0;
	if (gmtime_r(&s, &tm))
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	n = snprintf(line, sizeof(line), "%s %s %s %s %s %" PRIu32 "\n", when, info->name,
		     job_kind_name(info->params.kind), job_state_name(info->state), info->code,
		     info->executed);
	if (n > 0 && (size_t)n < sizeof(line))
		append(l, line, (size_t)n);
	return 0;
}

static int read(struct lwm2m_client *c, uint16_t instance, int32_t rid, struct lwm2m_set *set,
		char *words)
{
	struct lwm2m_reading r = {MODEL_OBJECT_EVENT_LOG, instance, rid, set, 0};
	struct lines l = {.window = &c->log};

	(void)words;
	l.text = malloc(LOG_MAX);
	if (!l.text)
		return COAP_500_INTERNAL;
	if (c->log.class == 0 || c->log.class == CLASS_EVENTS)
		job_list(c->shared->jobs, c->origin, one_job, &l);
	lwm2m_put_integer(&r, CLASS, c->log.class);
	lwm2m_put_integer(&r, STATUS,
			  (c->log.to_ms ? STOPPED : 0) | (l.len ? VALID : 0) |
				  (l.lost ? LOST : 0));
	lwm2m_put_opaque(&r, DATA, (const uint8_t *)l.text, l.len);
	lwm2m_put_integer(&r, FORMAT, 0);
	free(l.text);
	return r.ret;
}

static int write(struct lwm2m_client *c, uint16_t instance, const struct lwm2m_value *v,
		 size_t n, bool replace, char *words)
{
	(void)instance;
	if (replace)
		c->log.class = 0;
	for (size_t i = 0; i < n; i++) {
		if (v[i].type == MODEL_NONE)
			continue;
		if (v[i].path.id[2] == FORMAT && v[i].i != 0) {
			content_words(words,
				      "/20/0/4015: only format 0 (lines of text) is made");
			return COAP_400_BAD_REQUEST;
		}
		if (v[i].path.id[2] == CLASS)
			c->log.class = (uint8_t)v[i].i;
	}
	return 0;
}

static uint64_t wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Argument 0 is '0' (the default of both: Start empties, Stop keeps) or '1'. */
static int execute(struct lwm2m_client *c, uint16_t instance, uint16_t rid,
		   const struct lwm2m_args *args, char *words)
{
	bool other = false;
	uint64_t n;

	(void)instance;
	if (lwm2m_args_find(args, 0)) {
		if (lwm2m_args_uint(args, 0, 1, &n) < 0) {
			content_words(words, "argument 0 is 0 or 1");
			return COAP_400_BAD_REQUEST;
		}
		other = n == 1;
	}
	if (rid == START) {
		c->log.to_ms = 0;
		if (!other)
			c->log.from_ms = wall_ms();
	} else {
		c->log.to_ms = wall_ms();
		if (other)
			c->log.from_ms = c->log.to_ms;
	}
	return 0;
}

const struct lwm2m_object lwm2m_object_event_log = {
	.id = MODEL_OBJECT_EVENT_LOG,
	.own = true,
	.instances = instances,
	.read = read,
	.write = write,
	.execute = execute,
};
