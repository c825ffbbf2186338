// SPDX-License-Identifier: Apache-2.0
/*
 * Registration over time, failures and restarts: resources of object 1 that
 * registration acts by, what is kept, queue mode, transports.
 */
#include "unit/lwm2m_world.h"

#include "lwm2m/internal.h"

struct rig {
	struct world *w;
	struct store *store;
	struct lwm2m_data *data;
	struct lwm2m_shared shared;
	unsigned int connects, failures;
	bool bootstraps;
	int64_t clock;
	struct lwm2m_config config;
};

static struct rig *rig; /* what the owner's call backs of struct world do not have */

static void on_connect(void *ctx)
{
	(void)ctx;
	rig->connects++;
}

static bool on_failed(void *ctx)
{
	(void)ctx;
	rig->failures++;
	return rig->bootstraps;
}

static int64_t on_day(void *ctx)
{
	(void)ctx;
	return rig->clock;
}

static void start(struct rig *r)
{
	struct lwm2m_client_ops ops = client_ops;

	ops.clock = on_day;
	ops.connect = on_connect;
	ops.failed = on_failed;
	assert_int_equal(lwm2m_client_new(&r->w->c, &r->config, &ops, r->w, &se_ops, r->w,
					  &script_ops, r->w),
			 0);
}

/* as after kill -9: nothing was said to anybody, time goes on */
static void restart(struct rig *r)
{
	lwm2m_client_free(r->w->c);
	r->w->head = r->w->tail;
	start(r);
}

static void server(struct rig *r, uint16_t rid, int64_t value)
{
	assert_int_equal(lwm2m_data_set_int(r->data, MODEL_OBJECT_SERVER, 0, rid, value), 0);
}

static void server_string(struct rig *r, uint16_t rid, const char *value)
{
	assert_int_equal(lwm2m_data_set_bytes(r->data, MODEL_OBJECT_SERVER, 0, rid, value,
					      strlen(value)),
			 0);
}

static int begin(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));
	char why[CONTENT_WORDS_MAX];
	void *w;

	assert_int_equal(setup(&w), 0);
	rig = r;
	r->w = w;
	lwm2m_client_free(r->w->c);
	r->clock = 1000000000;
	assert_int_equal(store_open(&r->store, NULL, "lwm2m", why, sizeof(why)), 0);
	assert_int_equal(lwm2m_data_new(&r->data, r->store, why), 0);
	assert_int_equal(lwm2m_data_add(r->data, MODEL_OBJECT_SERVER, 0), 0);
	server(r, 0, 7);
	server(r, 1, 300);
	server_string(r, 7, "U");
	r->shared = (struct lwm2m_shared){
		.data = r->data, .state = r->store, .endpoint = "urn:dev:test"};
	r->config = (struct lwm2m_config){.name = "main",
					  .uri = "coap://192.0.2.1",
					  .endpoint = "urn:dev:test",
					  .version = 12,
					  .shared = &r->shared};
	start(r);
	*state = r;
	return 0;
}

static int end(void **state)
{
	struct rig *r = *state;
	void *w = r->w;

	lwm2m_client_free(r->w->c);
	r->w->c = NULL;
	lwm2m_data_free(r->data);
	store_close(r->store);
	teardown(&w);
	free(r);
	return 0;
}

/* the client's request: method, path, queries */
static void expect(struct rig *r, struct coap_msg *m, uint8_t method, const char *path,
		   const char *query)
{
	char s[256];

	if (!receive(r->w, m))
		fail_msg("no request %s?%s", path, query);
	assert_int_equal(m->code, method);
	assert_true(coap_opt_path(m, COAP_OPT_URI_PATH, s, sizeof(s)) >= 0);
	assert_string_equal(s, path);
	assert_true(coap_opt_path(m, COAP_OPT_URI_QUERY, s, sizeof(s)) >= 0);
	assert_string_equal(s, query);
}

static void registered(struct rig *r)
{
	struct coap_msg m;

	lwm2m_client_up(r->w->c, r->w->now, false);
	expect(r, &m, COAP_POST, "/rd", "ep=urn:dev:test&lt=300&lwm2m=1.2&b=U");
	answer_call(r->w, &m, COAP_201_CREATED, "rd/1");
	assert_int_equal(client_state(r->w), LWM2M_REGISTERED);
}

static struct lwm2m_status status(struct rig *r)
{
	struct lwm2m_status st;

	lwm2m_client_status(r->w->c, &st);
	return st;
}

static void tick_at(struct rig *r, uint64_t at)
{
	r->w->now = at;
	lwm2m_client_tick(r->w->c, at);
}

/* ---- versions -------------------------------------------------------------- */

static void test_versions(void **state)
{
	struct rig *r = *state;
	struct coap_msg m;

	/* 1.2, 1.1, 1.0: at once, one after the other */
	lwm2m_client_up(r->w->c, r->w->now, false);
	expect(r, &m, COAP_POST, "/rd", "ep=urn:dev:test&lt=300&lwm2m=1.2&b=U");
	answer_call(r->w, &m, COAP_412_PRECONDITION, NULL);
	expect(r, &m, COAP_POST, "/rd", "ep=urn:dev:test&lt=300&lwm2m=1.1&b=U");
	answer_call(r->w, &m, COAP_400_BAD_REQUEST, NULL);
	expect(r, &m, COAP_POST, "/rd", "ep=urn:dev:test&lt=300&lwm2m=1.0&b=U");
	answer_call(r->w, &m, COAP_201_CREATED, "rd/1");
	assert_int_equal(status(r).version, 10);
	/* what worked is remembered over a restart */
	restart(r);
	lwm2m_client_up(r->w->c, r->w->now, false);
	expect(r, &m, COAP_POST, "/rd/1", "");
	answer_call(r->w, &m, COAP_404_NOT_FOUND, NULL);
	expect(r, &m, COAP_POST, "/rd", "ep=urn:dev:test&lt=300&lwm2m=1.0&b=U");
	/* a server that takes none of them is asked again, from the newest on */
	answer_call(r->w, &m, COAP_412_PRECONDITION, NULL);
	assert_int_equal(status(r).state, LWM2M_WAITING);
	tick_at(r, status(r).next);
	expect(r, &m, COAP_POST, "/rd", "ep=urn:dev:test&lt=300&lwm2m=1.2&b=U");
	answer_call(r->w, &m, COAP_201_CREATED, "rd/2");
	/* another version= in the configuration counts more than what is kept */
	r->config.version = 11;
	restart(r);
	lwm2m_client_up(r->w->c, r->w->now, false);
	expect(r, &m, COAP_POST, "/rd", "ep=urn:dev:test&lt=300&lwm2m=1.1&b=U");
}

/* ---- retries --------------------------------------------------------------- */

static uint64_t refuse(struct rig *r)
{
	struct coap_msg m;
	uint64_t next;

	assert_true(receive(r->w, &m));
	answer_call(r->w, &m, COAP_403_FORBIDDEN, NULL);
	next = status(r).next;
	return next == LWM2M_NEVER ? next : next - r->w->now;
}

static void about(uint64_t wait, uint64_t s)
{
	if (wait < s * 1000 || wait > s * 1500)
		fail_msg("waits %llu ms where %llu s were said", (unsigned long long)wait,
			 (unsigned long long)s);
}

static void test_retries(void **state)
{
	struct rig *r = *state;

	server(r, 17, 3);
	server(r, 18, 10);
	server(r, 19, 1000);
	server(r, 20, 2);
	lwm2m_client_up(r->w->c, r->w->now, false);
	/* two sequences of three attempts, then registration has failed */
	for (unsigned int round = 0; round < 2; round++) {
		static const unsigned int waits[] = {10, 20, 1000, 10, 20, 1000};

		for (unsigned int i = 0; i < 6; i++) {
			assert_int_equal(r->failures, round);
			about(refuse(r), waits[i]);
			assert_int_equal(status(r).state, LWM2M_WAITING);
			assert_int_equal(status(r).attempts, round * 6 + i + 1);
			tick_at(r, status(r).next - 1);
			assert_true(r->w->head == r->w->tail);
			tick_at(r, status(r).next);
		}
	}
	/* nobody bootstrapped, so it goes on; now somebody does */
	r->bootstraps = true;
	for (unsigned int i = 0; i < 5; i++) {
		refuse(r);
		tick_at(r, status(r).next);
	}
	assert_int_equal(refuse(r), LWM2M_NEVER);
	assert_int_equal(status(r).state, LWM2M_FAILED);
	assert_int_equal(r->failures, 3);
	tick_at(r, r->w->now + 1000000000);
	assert_true(r->w->head == r->w->tail);
	/* it brought other data: the client is to try them */
	server(r, 1, 400);
	lwm2m_client_tick(r->w->c, r->w->now);
	lwm2m_client_up(r->w->c, r->w->now, false);
	{
		struct coap_msg m;

		/* three years later the newest version is asked for again, of course */
		expect(r, &m, COAP_POST, "/rd", "ep=urn:dev:test&lt=400&lwm2m=1.2&b=U");
		answer_call(r->w, &m, COAP_201_CREATED, "rd/1");
	}
	assert_int_equal(status(r).attempts, 0);
}

static void test_given_up(void **state)
{
	struct rig *r = *state;
	struct coap_msg m;

	/* no bootstrapping for this server, and no further sequence */
	r->bootstraps = true;
	server(r, 16, 0);
	server(r, 17, 1);
	server(r, 19, UINT32_MAX);
	lwm2m_client_up(r->w->c, r->w->now, false);
	assert_int_equal(refuse(r), LWM2M_NEVER);
	assert_int_equal(r->failures, 0);
	assert_int_equal(status(r).state, LWM2M_FAILED);
	assert_non_null(strstr(r->w->logged, "given up"));
	/* a person asks for it */
	lwm2m_registration_update(r->w->c, false);
	assert_int_equal(lwm2m_client_deadline(r->w->c), 0);
	lwm2m_client_tick(r->w->c, r->w->now);
	expect(r, &m, COAP_POST, "/rd", "ep=urn:dev:test&lt=300&lwm2m=1.2&b=U");
	answer_call(r->w, &m, COAP_201_CREATED, "rd/1");
	assert_int_equal(status(r).state, LWM2M_REGISTERED);
}

/* numbers at the edges of their ranges: no overflow, no busy loop */
static void test_retry_edges(void **state)
{
	struct lwm2m_reg reg = {.server = LWM2M_SERVER_INIT};
	bool over;
	uint64_t wait;

	(void)state;
	reg.server.retry_count = UINT32_MAX;
	reg.server.retry_timer = UINT32_MAX;
	for (unsigned int i = 0; i < 100; i++) {
		wait = lwm2m_retry_failed(&reg, UINT32_MAX, 0, &over);
		assert_true(wait >= 86400000 && wait <= 86400000 * 3 / 2);
		assert_false(over);
	}
	reg.server.retry_timer = 0;
	assert_int_equal(lwm2m_retry_failed(&reg, 12345, 0, &over), 1000);
	assert_int_equal(lwm2m_retry_failed(&reg, 12345, 60000, &over), 60345);
	reg.server.retry_count = 0;
	reg.server.sequence_count = 0;
	reg.server.sequence_delay = 0;
	assert_int_equal(lwm2m_retry_failed(&reg, 1, 0, &over), 1000);
	assert_true(over);
	reg.server.sequence_delay = UINT32_MAX - 1;
	wait = lwm2m_retry_failed(&reg, 0, 0, &over);
	assert_int_equal(wait, (uint64_t)(UINT32_MAX - 1) * 1000);
}

static void test_unavailable(void **state)
{
	struct rig *r = *state;
	struct coap_msg m, a = {.type = COAP_ACK, .code = COAP_503_UNAVAILABLE};
	struct coap_opts opts = {0};

	/* the server says when to come back; a registration is not given up for it */
	registered(r);
	lwm2m_registration_update(r->w->c, false);
	lwm2m_client_tick(r->w->c, r->w->now);
	expect(r, &m, COAP_POST, "/rd/1", "");
	a.mid = m.mid;
	a.token_len = m.token_len;
	memcpy(a.token, m.token, m.token_len);
	coap_opts_add_uint(&opts, COAP_OPT_MAX_AGE, 3600);
	send_msg(r->w, &a, &opts);
	assert_int_equal(status(r).state, LWM2M_WAITING);
	assert_true(status(r).next >= r->w->now + 3600000);
	assert_true(status(r).next < r->w->now + 3601000);
	tick_at(r, status(r).next);
	expect(r, &m, COAP_POST, "/rd/1", "");
	answer_call(r->w, &m, COAP_204_CHANGED, NULL);
	assert_int_equal(status(r).state, LWM2M_REGISTERED);
}

/* the server is gone: new associations, when it is time for them */
static void test_connects(void **state)
{
	struct rig *r = *state;
	struct coap_msg m;

	server(r, 17, 3);
	server(r, 18, 10);
	server(r, 19, 500);
	r->w->renews = true;
	registered(r);
	/* a registration that worked: at once, not after ten seconds */
	lwm2m_client_down(r->w->c, r->w->now, -ECONNRESET, "connection reset");
	assert_int_equal(status(r).state, LWM2M_OFFLINE);
	assert_true(status(r).next < r->w->now + 1000);
	tick_at(r, status(r).next);
	assert_int_equal(r->connects, 1);
	assert_int_equal(lwm2m_client_deadline(r->w->c), LWM2M_NEVER);
	tick_at(r, r->w->now + 5000);
	assert_int_equal(r->connects, 1);
	/* then as often as resources 17 to 20 say */
	lwm2m_client_down(r->w->c, r->w->now, -ECONNREFUSED, "refused");
	about(status(r).next - r->w->now, 20);
	tick_at(r, status(r).next);
	assert_int_equal(r->connects, 2);
	lwm2m_client_down(r->w->c, r->w->now, -ECONNREFUSED, "refused");
	about(status(r).next - r->w->now, 500);
	assert_int_equal(r->failures, 1);
	tick_at(r, status(r).next);
	assert_int_equal(r->connects, 3);
	/* the session was resumed: the registration is, too */
	lwm2m_client_up(r->w->c, r->w->now, false);
	expect(r, &m, COAP_POST, "/rd/1", "");
	answer_call(r->w, &m, COAP_204_CHANGED, NULL);
	assert_int_equal(status(r).state, LWM2M_REGISTERED);
	/* the network changed: anew at once, and the call under way is forgotten */
	lwm2m_registration_update(r->w->c, false);
	lwm2m_client_tick(r->w->c, r->w->now);
	expect(r, &m, COAP_POST, "/rd/1", "");
	lwm2m_client_renew(r->w->c, r->w->now);
	assert_int_equal(r->connects, 4);
	answer_call(r->w, &m, COAP_204_CHANGED, NULL);
	assert_int_equal(status(r).state, LWM2M_OFFLINE);
	lwm2m_client_up(r->w->c, r->w->now, true);
	expect(r, &m, COAP_POST, "/rd", "ep=urn:dev:test&lt=300&lwm2m=1.2&b=U");
}

static void test_initial_delay(void **state)
{
	struct rig *r = *state;
	struct coap_msg m;

	server(r, 14, 30);
	lwm2m_client_up(r->w->c, r->w->now, false);
	assert_false(receive(r->w, &m));
	tick_at(r, r->w->now + 29999);
	assert_false(receive(r->w, &m));
	tick_at(r, r->w->now + 1);
	expect(r, &m, COAP_POST, "/rd", "ep=urn:dev:test&lt=300&lwm2m=1.2&b=U");
	answer_call(r->w, &m, COAP_201_CREATED, "rd/1");
	/* the first time only; and not where a registration is resumed */
	lwm2m_client_up(r->w->c, r->w->now, true);
	expect(r, &m, COAP_POST, "/rd", "ep=urn:dev:test&lt=300&lwm2m=1.2&b=U");
	answer_call(r->w, &m, COAP_201_CREATED, "rd/1");
	restart(r);
	lwm2m_client_up(r->w->c, r->w->now, false);
	expect(r, &m, COAP_POST, "/rd/1", "");
}

/* ---- over a restart -------------------------------------------------------- */

static void test_resumed(void **state)
{
	struct rig *r = *state;
	struct coap_msg m;
	uint8_t *val, key[2] = {0, 7};
	size_t len;

	registered(r);
	restart(r);
	assert_int_equal(status(r).state, LWM2M_OFFLINE);
	lwm2m_client_begin(r->w->c, r->w->now);
	assert_string_equal(status(r).location, "/rd/1");
	lwm2m_client_up(r->w->c, r->w->now, false);
	expect(r, &m, COAP_POST, "/rd/1", "");
	answer_call(r->w, &m, COAP_204_CHANGED, NULL);
	assert_int_equal(status(r).state, LWM2M_REGISTERED);
	/* what changed meanwhile is told: lifetime, object list */
	server(r, 1, 600);
	r->w->scripts[1].used = true;
	restart(r);
	lwm2m_client_up(r->w->c, r->w->now, false);
	expect(r, &m, COAP_POST, "/rd/1", "lt=600");
	assert_true(m.payload_len > 0);
	answer_call(r->w, &m, COAP_204_CHANGED, NULL);
	/* a new DTLS session is a new registration */
	restart(r);
	lwm2m_client_up(r->w->c, r->w->now, true);
	expect(r, &m, COAP_POST, "/rd", "ep=urn:dev:test&lt=600&lwm2m=1.2&b=U");
	answer_call(r->w, &m, COAP_201_CREATED, "rd/2");
	/* so is another endpoint name, or another server */
	r->config.uri = "coap://192.0.2.2";
	restart(r);
	lwm2m_client_up(r->w->c, r->w->now, false);
	expect(r, &m, COAP_POST, "/rd", "ep=urn:dev:test&lt=600&lwm2m=1.2&b=U");
	answer_call(r->w, &m, COAP_201_CREATED, "rd/3");
	/* bytes that make no sense are no registration */
	assert_int_equal(store_get(r->store, LWM2M_KIND_REG, key, sizeof(key), &val, &len), 0);
	for (size_t i = 0; i < len; i++) {
		assert_int_equal(store_put(r->store, LWM2M_KIND_REG, key, sizeof(key), val, i),
				 0);
		restart(r);
		lwm2m_client_begin(r->w->c, r->w->now);
		assert_true(i > 36 || !*status(r).location);
	}
	val[0] = 9;
	assert_int_equal(store_put(r->store, LWM2M_KIND_REG, key, sizeof(key), val, len), 0);
	restart(r);
	lwm2m_client_begin(r->w->c, r->w->now);
	assert_string_equal(status(r).location, "");
	free(val);
	/* good-bye was said: nothing to resume */
	lwm2m_client_up(r->w->c, r->w->now, false);
	expect(r, &m, COAP_POST, "/rd", "ep=urn:dev:test&lt=600&lwm2m=1.2&b=U");
	answer_call(r->w, &m, COAP_201_CREATED, "rd/4");
	lwm2m_client_stop(r->w->c, r->w->now);
	expect(r, &m, COAP_DELETE, "/rd/4", "");
	answer_call(r->w, &m, COAP_202_DELETED, NULL);
	restart(r);
	lwm2m_client_begin(r->w->c, r->w->now);
	assert_string_equal(status(r).location, "");
}

/* ---- Disable --------------------------------------------------------------- */

static void disable(struct rig *r)
{
	struct coap_msg m;

	registered(r);
	assert_int_equal(request(r->w, &m, REQUEST(COAP_POST, "1/0/4")), COAP_204_CHANGED);
	expect(r, &m, COAP_DELETE, "/rd/1", "");
	answer_call(r->w, &m, COAP_202_DELETED, NULL);
	assert_int_equal(status(r).state, LWM2M_DISABLED);
}

static void test_disable(void **state)
{
	struct rig *r = *state;
	struct coap_msg m;

	server(r, 5, 3600);
	disable(r);
	assert_int_equal(status(r).next, r->w->now + 3600000);
	/* neither a new association nor an Update of ours breaks the silence */
	lwm2m_client_up(r->w->c, r->w->now, true);
	lwm2m_registration_update(r->w->c, false);
	tick_at(r, r->w->now + 3599000);
	assert_false(receive(r->w, &m));
	tick_at(r, r->w->now + 1000);
	expect(r, &m, COAP_POST, "/rd", "ep=urn:dev:test&lt=300&lwm2m=1.2&b=U");
	answer_call(r->w, &m, COAP_201_CREATED, "rd/1");
	/* a server that does not answer De-register is left alone all the same */
	assert_int_equal(request(r->w, &m, REQUEST(COAP_POST, "1/0/4")), COAP_204_CHANGED);
	expect(r, &m, COAP_DELETE, "/rd/1", "");
	tick_at(r, r->w->now + 5000);
	while (receive(r->w, &m))
		assert_int_equal(m.code, COAP_DELETE);
	assert_int_equal(status(r).state, LWM2M_DISABLED);
}

static void test_disable_over_restart(void **state)
{
	struct rig *r = *state;
	struct coap_msg m;

	server(r, 5, 3600);
	disable(r);
	/* 1000 s later by the clock of the day; monotonic time began anew */
	r->clock += 1000;
	r->w->now = 5000;
	restart(r);
	lwm2m_client_begin(r->w->c, r->w->now);
	assert_int_equal(status(r).state, LWM2M_DISABLED);
	assert_int_equal(status(r).next, r->w->now + 2600000);
	lwm2m_client_tick(r->w->c, r->w->now);
	assert_int_equal(lwm2m_client_deadline(r->w->c), r->w->now + 2600000);
	/* a clock that was set back does not make it longer than it was */
	r->clock -= 500000000;
	restart(r);
	lwm2m_client_begin(r->w->c, r->w->now);
	assert_int_equal(status(r).next, r->w->now + 3600000);
	/* when it is over an association is asked for */
	tick_at(r, r->w->now + 3600000);
	assert_int_equal(r->connects, 1);
	/* one that is ahead ends it: the server will say if it minds */
	r->clock += 1000000000;
	restart(r);
	lwm2m_client_begin(r->w->c, r->w->now);
	assert_int_equal(status(r).state, LWM2M_OFFLINE);
	lwm2m_client_up(r->w->c, r->w->now, false);
	expect(r, &m, COAP_POST, "/rd", "ep=urn:dev:test&lt=300&lwm2m=1.2&b=U");
}

/* ---- queue mode ------------------------------------------------------------ */

static void test_queue(void **state)
{
	struct rig *r = *state;
	struct coap_msg m;
	uint64_t until;

	server(r, 1, 3600);
	server_string(r, 7, "UQ");
	lwm2m_client_up(r->w->c, r->w->now, false);
	expect(r, &m, COAP_POST, "/rd", "ep=urn:dev:test&lt=3600&lwm2m=1.2&b=U&Q");
	/* while it registers it does not sleep */
	assert_true(lwm2m_client_awake(r->w->c, &until));
	assert_int_equal(until, LWM2M_NEVER);
	answer_call(r->w, &m, COAP_201_CREATED, "rd/1");
	assert_true(lwm2m_client_awake(r->w->c, &until));
	assert_int_equal(until, r->w->now + 93000);
	tick_at(r, r->w->now + 92999);
	assert_true(lwm2m_client_awake(r->w->c, NULL));
	/* each message keeps it awake */
	assert_int_equal(request(r->w, &m, REQUEST(COAP_GET, "1/0/1")), COAP_205_CONTENT);
	assert_true(lwm2m_client_awake(r->w->c, &until));
	assert_int_equal(until, r->w->now + 93000);
	tick_at(r, r->w->now + 93000);
	assert_false(lwm2m_client_awake(r->w->c, &until));
	assert_int_equal(until, LWM2M_NEVER);
	/* what is sent wakes it: Update in time, before the lifetime ends */
	tick_at(r, lwm2m_client_deadline(r->w->c));
	expect(r, &m, COAP_POST, "/rd/1", "");
	assert_true(lwm2m_client_awake(r->w->c, NULL));
	answer_call(r->w, &m, COAP_204_CHANGED, NULL);
	/* it does not sleep any more: told by a new registration */
	server_string(r, 7, "U");
	lwm2m_client_tick(r->w->c, r->w->now);
	expect(r, &m, COAP_POST, "/rd", "ep=urn:dev:test&lt=3600&lwm2m=1.2&b=U");
	answer_call(r->w, &m, COAP_412_PRECONDITION, NULL);
	expect(r, &m, COAP_POST, "/rd", "ep=urn:dev:test&lt=3600&lwm2m=1.1&b=U");
	answer_call(r->w, &m, COAP_412_PRECONDITION, NULL);
	expect(r, &m, COAP_POST, "/rd", "ep=urn:dev:test&lt=3600&lwm2m=1.0&b=U");
	answer_call(r->w, &m, COAP_201_CREATED, "rd/2");
	tick_at(r, r->w->now + 1000000);
	assert_true(lwm2m_client_awake(r->w->c, NULL));
	/* in 1.0 it is a binding, and an Update tells it */
	server_string(r, 7, "UQ");
	lwm2m_client_tick(r->w->c, r->w->now);
	expect(r, &m, COAP_POST, "/rd/2", "b=UQ");
	answer_call(r->w, &m, COAP_204_CHANGED, NULL);
}

/* ---- transports ------------------------------------------------------------ */

static void test_transports(void **state)
{
	struct rig *r = *state;
	struct coap_msg m;

	lwm2m_client_carriers(r->w->c, "UT", 'U');
	assert_int_equal(lwm2m_client_carrier_wanted(r->w->c), 0);
	lwm2m_client_up(r->w->c, r->w->now, false);
	expect(r, &m, COAP_POST, "/rd", "ep=urn:dev:test&lt=300&lwm2m=1.2&b=UT");
	answer_call(r->w, &m, COAP_201_CREATED, "rd/1");
	/* the one that is in use: an Update is all */
	assert_int_equal(request(r->w, &m,
				 REQUEST(COAP_POST, "1/0/8", .format = COAP_FORMAT_TEXT,
					 .payload = "0='U'", .len = 5)),
			 COAP_204_CHANGED);
	expect(r, &m, COAP_POST, "/rd/1", "");
	answer_call(r->w, &m, COAP_204_CHANGED, NULL);
	assert_int_equal(r->connects, 0);
	/* another one */
	assert_int_equal(request(r->w, &m,
				 REQUEST(COAP_POST, "1/0/8", .format = COAP_FORMAT_TEXT,
					 .payload = "0='T'", .len = 5)),
			 COAP_204_CHANGED);
	assert_int_equal(r->connects, 1);
	assert_int_equal(lwm2m_client_carrier_wanted(r->w->c), 'T');
	lwm2m_client_carriers(r->w->c, "UT", 'T');
	lwm2m_client_up(r->w->c, r->w->now, true);
	expect(r, &m, COAP_POST, "/rd", "ep=urn:dev:test&lt=300&lwm2m=1.2&b=UT");
	answer_call(r->w, &m, COAP_201_CREATED, "rd/2");
	/* one that there is not */
	assert_int_equal(request(r->w, &m,
				 REQUEST(COAP_POST, "1/0/8", .format = COAP_FORMAT_TEXT,
					 .payload = "0='S'", .len = 5)),
			 COAP_400_BAD_REQUEST);
	/* resource 22 is written: the same */
	server_string(r, 22, "U");
	lwm2m_client_tick(r->w->c, r->w->now);
	assert_int_equal(r->connects, 2);
	assert_int_equal(lwm2m_client_carrier_wanted(r->w->c), 'U');
}

#undef TEST
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_versions),	  TEST(test_retries),
		TEST(test_given_up),	  TEST(test_retry_edges),
		TEST(test_unavailable),	  TEST(test_connects),
		TEST(test_initial_delay), TEST(test_resumed),
		TEST(test_disable),	  TEST(test_disable_over_restart),
		TEST(test_queue),	  TEST(test_transports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
