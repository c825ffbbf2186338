/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A world around an LwM2M client: a server that is played here, datagram by
 * datagram, secure elements and scripts in memory, a clock that the test turns.
 */
#ifndef LWM2M_WORLD_H
#define LWM2M_WORLD_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef LWM2M_WORLD_FUZZ
#define assert_true(x) ((x) ? (void)0 : abort())
#define assert_false(x) assert_true(!(x))
#define assert_int_equal(a, b) assert_true((a) == (b))
#define assert_string_equal(a, b) assert_true(strcmp(a, b) == 0)
#define assert_memory_equal(a, b, n) assert_true(memcmp(a, b, n) == 0)
#define assert_non_null(x) assert_true((x) != NULL)
#define fail_msg(...) abort()
#else
#include <cmocka.h>
#endif

#include "lwm2m/lwm2m.h"

#define SENT_MAX 16
#define SCRIPTS 4
#define STAGED_MAX (128U << 10)

struct fake_script {
	bool used;
	struct lwm2m_script s;
	uint8_t *staged;
	size_t staged_len;
	bool complete;
	uint8_t *response;
	unsigned int runs;
};

struct world {
	struct lwm2m_client *c;
	uint64_t now;
	struct {
		uint8_t b[2048];
		size_t len;
	} sent[SENT_MAX];
	size_t head, tail;
	uint16_t mid;
	uint32_t seed;
	struct model_se se;
	unsigned int refreshed;
	struct fake_script scripts[SCRIPTS];
	unsigned int lost;
	bool renews; /* the owner makes a new association then */
	char logged[512];
};

/* ---- the owner's side ------------------------------------------------------ */

static inline void on_send(void *ctx, const uint8_t *data, size_t len)
{
	struct world *w = ctx;

	assert_true(w->tail - w->head < SENT_MAX);
	assert_true(len <= sizeof(w->sent[0].b));
	memcpy(w->sent[w->tail % SENT_MAX].b, data, len);
	w->sent[w->tail++ % SENT_MAX].len = len;
}

static inline void on_random(void *ctx, void *buf, size_t len)
{
	struct world *w = ctx;
	uint8_t *p = buf;

	while (len--) {
		w->seed = w->seed * 1103515245 + 12345;
		*p++ = (uint8_t)(w->seed >> 16);
	}
}

static inline int64_t on_clock(void *ctx)
{
	(void)ctx;
	return 1367491215;
}

static inline bool on_lost(void *ctx)
{
	struct world *w = ctx;

	w->lost++;
	return w->renews;
}

static inline size_t se_list(void *ctx, uint16_t *ids, size_t room)
{
	(void)ctx;
	assert_true(room > 0);
	ids[0] = 0;
	return 1;
}

static inline int se_get(void *ctx, uint16_t id, struct model_se *out)
{
	if (id != 0)
		return -ENOENT;
	*out = ((struct world *)ctx)->se;
	return 0;
}

static inline int se_reset(void *ctx, uint16_t id, char *words)
{
	(void)ctx;
	snprintf(words, CONTENT_WORDS_MAX, "SE %u is busy", id);
	return -EBUSY;
}

static inline int se_refresh(void *ctx, uint16_t id, char *words)
{
	(void)id;
	(void)words;
	((struct world *)ctx)->refreshed++;
	return 0;
}

static const struct lwm2m_se_ops se_ops = {se_list, se_get, se_reset, se_refresh};

static inline struct fake_script *script(void *ctx, uint16_t id)
{
	struct world *w = ctx;

	return id < SCRIPTS && w->scripts[id].used ? &w->scripts[id] : NULL;
}

static inline size_t script_list(void *ctx, uint16_t *ids, size_t room)
{
	size_t n = 0;

	for (uint16_t i = 0; i < SCRIPTS && n < room; i++)
		if (script(ctx, i))
			ids[n++] = i;
	return n;
}

static inline int script_get(void *ctx, uint16_t id, struct lwm2m_script *out)
{
	struct fake_script *s = script(ctx, id);

	if (!s)
		return -ENOENT;
	*out = s->s;
	return 0;
}

static inline int script_create(void *ctx, uint16_t id, char *words)
{
	struct world *w = ctx;

	if (id >= SCRIPTS) {
		snprintf(words, CONTENT_WORDS_MAX, "too-many-jobs: no more");
		return -EDQUOT;
	}
	memset(&w->scripts[id], 0, sizeof(w->scripts[id]));
	w->scripts[id].used = true;
	w->scripts[id].staged = malloc(STAGED_MAX);
	return 0;
}

static inline int script_destroy(void *ctx, uint16_t id, char *words)
{
	struct fake_script *s = script(ctx, id);

	(void)words;
	free(s->staged);
	free(s->response);
	memset(s, 0, sizeof(*s));
	return 0;
}

static inline int script_set(void *ctx, uint16_t id, const struct lwm2m_script *in, char *words)
{
	struct fake_script *s = script(ctx, id);

	(void)words;
	s->s.se = in->se;
	memcpy(s->s.aid, in->aid, in->aid_len);
	s->s.aid_len = in->aid_len;
	s->s.keep_channel = in->keep_channel;
	s->s.deadline_s = in->deadline_s;
	return 0;
}

static inline int script_write(void *ctx, uint16_t id, uint64_t offset, const uint8_t *p,
			       size_t len, bool last, char *words)
{
	struct fake_script *s = script(ctx, id);

	if (s->s.state != MODEL_SCRIPT_IDLE) {
		snprintf(words, CONTENT_WORDS_MAX, "not-idle: Clear first");
		return -EBUSY;
	}
	if (offset == 0)
		s->staged_len = 0;
	if (offset != s->staged_len)
		return -ESTALE;
	assert_true(offset + len <= STAGED_MAX);
	memcpy(s->staged + offset, p, len);
	s->staged_len += len;
	s->complete = last;
	return 0;
}

static inline int script_run(void *ctx, uint16_t id, char *words)
{
	struct fake_script *s = script(ctx, id);

	if (s->s.state != MODEL_SCRIPT_IDLE) {
		snprintf(words, CONTENT_WORDS_MAX, "not-idle: it runs");
		return -EBUSY;
	}
	s->runs++;
	s->s.state = MODEL_SCRIPT_QUEUED;
	snprintf(s->s.job, sizeof(s->s.job), "17-%u", s->runs);
	return 0;
}

static inline int script_cancel(void *ctx, uint16_t id, char *words)
{
	(void)ctx;
	(void)id;
	snprintf(words, CONTENT_WORDS_MAX, "not-running: nothing to cancel");
	return -EALREADY;
}

static inline int script_clear(void *ctx, uint16_t id, char *words)
{
	struct fake_script *s = script(ctx, id);

	(void)words;
	s->s.state = MODEL_SCRIPT_IDLE;
	s->s.response_len = 0;
	return 0;
}

static inline ssize_t script_read(void *ctx, uint16_t id, uint64_t offset, uint8_t *p,
				  size_t room)
{
	struct fake_script *s = script(ctx, id);
	size_t n;

	if (!s || offset >= s->s.response_len)
		return 0;
	n = (size_t)(s->s.response_len - offset);
	if (n > room)
		n = room;
	memcpy(p, s->response + offset, n);
	return (ssize_t)n;
}

static const struct lwm2m_script_ops script_ops = {
	script_list,  script_get, script_create, script_destroy, script_set,
	script_write, script_run, script_cancel, script_clear,	 script_read,
};

static inline void on_log(void *ctx, int level, const char *text)
{
	struct world *w = ctx;

	(void)level;
	snprintf(w->logged, sizeof(w->logged), "%s", text);
}

static const struct lwm2m_client_ops client_ops = {
	.coap = {.send = on_send, .random = on_random},
	.clock = on_clock,
	.log = on_log,
	.lost = on_lost,
};

static inline int setup(void **state)
{
	static const uint8_t record[] = {0xe3, 0x07, 0x4f, 0x05, 0xa0, 0, 0, 1, 0x51};
	const struct lwm2m_config config = {.name = "main",
					    .uri = "coap://192.0.2.1",
					    .endpoint = "urn:dev:test",
					    .lifetime = 300,
					    .version = 11,
					    .manufacturer = "Open Mobile Alliance",
					    .model = "Lightweight M2M Client",
					    .serial = "345000123",
					    .firmware = "1.0"};
	struct world *w = calloc(1, sizeof(*w));
	char words[CONTENT_WORDS_MAX];

	w->now = 1000;
	w->mid = 100;
	model_se_init(&w->se, "se0", "eSE");
	w->se.state = SE_STATE_IDLE;
	w->se.generation = 3;
	w->se.free_memory = 1000;
	w->se.nr_apps = 1;
	memcpy(w->se.apps[0].record, record, sizeof(record));
	w->se.apps[0].len = sizeof(record);
	script_create(w, 0, words);
	assert_int_equal(
		lwm2m_client_new(&w->c, &config, &client_ops, w, &se_ops, w, &script_ops, w),
		0);
	*state = w;
	return 0;
}

static inline int teardown(void **state)
{
	struct world *w = *state;

	lwm2m_client_free(w->c);
	for (uint16_t i = 0; i < SCRIPTS; i++) {
		free(w->scripts[i].staged);
		free(w->scripts[i].response);
	}
	free(w);
	return 0;
}

/* ---- the server's side ----------------------------------------------------- */

static inline bool receive(struct world *w, struct coap_msg *m)
{
	if (w->head == w->tail)
		return false;
	assert_int_equal(
		coap_decode(m, w->sent[w->head % SENT_MAX].b, w->sent[w->head % SENT_MAX].len),
		0);
	w->head++;
	return true;
}

static inline void send_msg(struct world *w, const struct coap_msg *m,
			    const struct coap_opts *opts)
{
	uint8_t b[2048];
	int n = coap_encode(b, sizeof(b), m, opts);

	assert_true(n > 0);
	lwm2m_client_input(w->c, w->now, b, (size_t)n);
}

/* the client's own request: path, queries and payload as text */
static inline void expect_call(struct world *w, struct coap_msg *m, uint8_t method,
			       const char *path, const char *query, const char *payload)
{
	char s[512];

	if (!receive(w, m))
		fail_msg("no request %s", path);
	assert_int_equal(m->type, COAP_CON);
	assert_int_equal(m->code, method);
	assert_true(coap_opt_path(m, COAP_OPT_URI_PATH, s, sizeof(s)) >= 0);
	assert_string_equal(s, path);
	assert_true(coap_opt_path(m, COAP_OPT_URI_QUERY, s, sizeof(s)) >= 0);
	assert_string_equal(s, query);
	snprintf(s, sizeof(s), "%.*s", (int)m->payload_len,
		 m->payload_len ? (const char *)m->payload : "");
	assert_string_equal(s, payload);
}

static inline void answer_call(struct world *w, const struct coap_msg *call, uint8_t code,
			       const char *location)
{
	struct coap_msg m = {
		.type = COAP_ACK, .code = code, .mid = call->mid, .token_len = call->token_len};
	struct coap_opts opts = {0};

	memcpy(m.token, call->token, call->token_len);
	if (location)
		coap_opts_add_path(&opts, COAP_OPT_LOCATION_PATH, location);
	send_msg(w, &m, &opts);
}

#define LINKS_11                                      \
	"</>;rt=\"oma.lwm2m\";ct=\"60 110 112 11542 " \
	"11543\",</1/0>,</3/0>,</26241/0>,</26242/0>"

static inline void register_11(struct world *w)
{
	struct coap_msg m;

	lwm2m_client_up(w->c, w->now, true);
	expect_call(w, &m, COAP_POST, "/rd", "ep=urn:dev:test&lt=300&lwm2m=1.1&b=U", LINKS_11);
	answer_call(w, &m, COAP_201_CREATED, "rd/5a3f");
}

struct request {
	uint8_t method;
	const char *path, *query;
	uint32_t accept, format; /* COAP_NO_FORMAT: none */
	int observe;
	const void *payload;
	size_t len;
	int block1; /* option value, -1 none */
};

/* defaults first, then what the test says */
#pragma GCC diagnostic ignored "-Woverride-init"
#define REQUEST(m_, path_, ...)                     \
	((struct request){.method = (m_),           \
			  .path = (path_),          \
			  .accept = COAP_NO_FORMAT, \
			  .format = COAP_NO_FORMAT, \
			  .observe = -1,            \
			  .block1 = -1,             \
			  __VA_ARGS__})

static inline void send_request(struct world *w, const struct request *r)
{
	struct coap_msg m = {.type = COAP_CON,
			     .code = r->method,
			     .mid = ++w->mid,
			     .token_len = 2,
			     .payload = r->payload,
			     .payload_len = r->len};
	struct coap_opts opts = {0};

	/* one token a path, so that an observation keeps its own */
	m.token[0] = (uint8_t)strlen(r->path);
	m.token[1] = *r->path ? (uint8_t)r->path[strlen(r->path) - 1] : 0;
	if (r->observe >= 0)
		coap_opts_add_uint(&opts, COAP_OPT_OBSERVE, (uint32_t)r->observe);
	coap_opts_add_path(&opts, COAP_OPT_URI_PATH, r->path);
	if (r->format != COAP_NO_FORMAT)
		coap_opts_add_uint(&opts, COAP_OPT_CONTENT_FORMAT, r->format);
	if (r->query)
		coap_opts_add_path(&opts, COAP_OPT_URI_QUERY, r->query);
	if (r->accept != COAP_NO_FORMAT)
		coap_opts_add_uint(&opts, COAP_OPT_ACCEPT, r->accept);
	if (r->block1 >= 0)
		coap_opts_add_uint(&opts, COAP_OPT_BLOCK1, (uint32_t)r->block1);
	send_msg(w, &m, &opts);
}

/* @m stays valid until SENT_MAX more datagrams were sent */
static inline uint8_t request(struct world *w, struct coap_msg *m, struct request r)
{
	send_request(w, &r);
	if (!receive(w, m))
		fail_msg("%s: no answer", r.path);
	assert_int_equal(m->type, COAP_ACK);
	assert_int_equal(m->mid, w->mid);
	return m->code;
}

static inline void expect_payload(const struct coap_msg *m, const void *p, size_t len)
{
	assert_int_equal(m->payload_len, len);
	if (len)
		assert_memory_equal(m->payload, p, len);
}

static inline void expect_words(const struct coap_msg *m, const char *words)
{
	char s[512];

	snprintf(s, sizeof(s), "%.*s", (int)m->payload_len,
		 m->payload_len ? (const char *)m->payload : "");
	if (!strstr(s, words))
		fail_msg("\"%s\" does not say \"%s\"", s, words);
}

static inline void expect_format(const struct coap_msg *m, uint32_t format)
{
	uint32_t x;

	assert_true(coap_opt_uint(m, COAP_OPT_CONTENT_FORMAT, &x));
	assert_int_equal(x, format);
}

static inline bool notified(struct world *w, struct coap_msg *m)
{
	struct coap_msg ack = {.type = COAP_ACK};
	uint32_t x;

	if (!receive(w, m))
		return false;
	assert_int_equal(m->type, COAP_CON);
	if (COAP_CODE_CLASS(m->code) == 2)
		assert_true(coap_opt_uint(m, COAP_OPT_OBSERVE, &x));
	ack.mid = m->mid;
	send_msg(w, &ack, NULL);
	return true;
}

static inline enum lwm2m_state client_state(struct world *w)
{
	struct lwm2m_status st;

	lwm2m_client_status(w->c, &st);
	return st.state;
}

static inline void set_response(struct fake_script *s, size_t len, uint8_t salt)
{
	free(s->response);
	s->response = malloc(len);
	for (size_t i = 0; i < len; i++)
		s->response[i] = (uint8_t)(i * 3 + salt);
	s->s.response_len = len;
	s->s.state = MODEL_SCRIPT_DONE;
	snprintf(s->s.job, sizeof(s->s.job), "18-%u", salt);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif /* LWM2M_WORLD_H */
