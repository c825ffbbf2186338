// SPDX-License-Identifier: Apache-2.0
/*
 * Reporting: attributes, observations that outlive associations and the client,
 * notifications that are kept while the server is away, Send. A client that ends
 * and another one with the same state is what a restart is.
 */
#include "unit/lwm2m_world.h"

#include "lwm2m/data.h"
#include "lwm2m/send.h"
#include "lwm2m/shared.h"
#include "lwm2m/state.h"

struct device {
	struct world w; /* first: the call backs of the world get it */
	struct lwm2m_shared shared;
};

static void start(struct device *d)
{
	const struct lwm2m_config config = {.name = "main",
					    .uri = "coap://192.0.2.1",
					    .endpoint = "urn:dev:test",
					    .version = 11,
					    .shared = &d->shared};

	assert_int_equal(
		lwm2m_client_new(&d->w.c, &config, &client_ops, d, &se_ops, d, &script_ops, d),
		0);
}

static int device_setup(void **state)
{
	struct device *d = calloc(1, sizeof(*d));
	char words[CONTENT_WORDS_MAX];

	d->w.now = 1000;
	d->w.mid = 100;
	model_se_init(&d->w.se, "se0", "eSE");
	d->w.se.generation = 3;
	script_create(d, 0, words);
	d->shared.endpoint = "urn:dev:test";
	assert_int_equal(store_open(&d->shared.state, NULL, "lwm2m", words, sizeof(words)), 0);
	assert_int_equal(lwm2m_data_new(&d->shared.data, d->shared.state, words), 0);
	assert_int_equal(lwm2m_data_add(d->shared.data, 1, 0), 0);
	assert_int_equal(lwm2m_data_set_int(d->shared.data, 1, 0, 0, 1), 0);
	assert_int_equal(lwm2m_data_set_int(d->shared.data, 1, 0, 1, 300), 0);
	assert_int_equal(lwm2m_data_set_int(d->shared.data, 1, 0, 6, 1), 0);
	assert_int_equal(lwm2m_data_set_bytes(d->shared.data, 1, 0, 7, "U", 1), 0);
	start(d);
	*state = d;
	return 0;
}

static int device_teardown(void **state)
{
	struct device *d = *state;

	lwm2m_client_free(d->w.c);
	lwm2m_data_free(d->shared.data);
	store_close(d->shared.state);
	free(d->w.scripts[0].staged);
	free(d->w.scripts[0].response);
	free(d);
	return 0;
}

/* the next request of the client, whatever it is called with */
static uint8_t next_call(struct world *w, struct coap_msg *m, char path[64])
{
	if (!receive(w, m))
		fail_msg("no request");
	assert_int_equal(m->type, COAP_CON);
	assert_true(coap_opt_path(m, COAP_OPT_URI_PATH, path, 64) >= 0);
	return m->code;
}

static void up_and_register(struct world *w)
{
	struct coap_msg m;
	char path[64];

	lwm2m_client_up(w->c, w->now, false);
	assert_int_equal(next_call(w, &m, path), COAP_POST);
	assert_string_equal(path, "/rd");
	answer_call(w, &m, COAP_201_CREATED, "rd/5a3f");
}

/* the server is there again, and knows us */
static void up_and_update(struct world *w)
{
	struct coap_msg m;
	char path[64];

	lwm2m_client_up(w->c, w->now, false);
	assert_int_equal(next_call(w, &m, path), COAP_POST);
	assert_string_equal(path, "/rd/5a3f");
	answer_call(w, &m, COAP_204_CHANGED, NULL);
}

static void restart(struct device *d)
{
	lwm2m_client_free(d->w.c);
	d->w.head = d->w.tail;
	d->w.mid += 1000;
	start(d);
}

static void change(struct world *w, uint64_t generation, uint64_t after_ms)
{
	w->now += after_ms;
	w->se.generation = generation;
	lwm2m_client_changed(w->c, w->now, MODEL_OBJECT_SE, 0);
}

static void observe(struct world *w, const char *path, uint32_t format, const char *query)
{
	struct coap_msg m;

	assert_int_equal(request(w, &m,
				 REQUEST(COAP_GET, path, .observe = 0, .accept = format,
					 .query = query)),
			 COAP_205_CONTENT);
	assert_non_null(coap_opt_find(&m, COAP_OPT_OBSERVE));
}

static void expect_notified(struct world *w, const char *payload)
{
	struct coap_msg m;

	if (!notified(w, &m))
		fail_msg("no notification \"%s\"", payload);
	if (m.payload_len != strlen(payload) || memcmp(m.payload, payload, m.payload_len) != 0)
		fail_msg("\"%.*s\", not \"%s\"", (int)m.payload_len, (const char *)m.payload,
			 payload);
}

static void expect_silence(struct world *w)
{
	struct coap_msg m;

	if (receive(w, &m))
		fail_msg("code %u: \"%.*s\"", m.code, (int)m.payload_len,
			 m.payload_len ? (const char *)m.payload : "");
}

/* ---- attributes --------------------------------------------------------------- */

static void test_attributes(void **state)
{
	static const struct {
		const char *path, *query;
		uint8_t code;
	} vectors[] = {
		{"26242/0/12", "edge=1&con=0&hqmax=7", COAP_204_CHANGED},
		{"26242/0/12", "edge=2", COAP_400_BAD_REQUEST},
		{"26242/0/13", "edge=1", COAP_400_BAD_REQUEST},
		{"26242/0", "con=1&hqmax=3", COAP_204_CHANGED},
		{"26242", "con=x", COAP_400_BAD_REQUEST},
		{"26242", "hqmax=-1", COAP_400_BAD_REQUEST},
		{"26242", "epmin=5&epmax=5", COAP_400_BAD_REQUEST},
		{"26242", "epmin=5&epmax=6", COAP_204_CHANGED},
		{"26242/0/5", "gt=10&lt=2&st=4", COAP_400_BAD_REQUEST},
		{"26242/0/5", "gt=10&lt=2&st=3", COAP_204_CHANGED},
		{"26242/0/5", "lt=10", COAP_400_BAD_REQUEST},
		{"3/0/11", "gt=50", COAP_204_CHANGED},	   /* of a multiple resource, and of */
		{"3/0/11/0", "lt=45.5", COAP_204_CHANGED}, /* one instance */
	};
	struct device *d = *state;
	struct world *w = &d->w;
	struct coap_msg m;

	up_and_register(w);
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		if (request(w, &m,
			    REQUEST(COAP_PUT, vectors[i].path, .query = vectors[i].query)) !=
		    vectors[i].code)
			fail_msg("%s?%s: %u", vectors[i].path, vectors[i].query, m.code);
	/* an attribute is taken back by its name alone */
	assert_int_equal(request(w, &m, REQUEST(COAP_PUT, "26242/0", .query = "con")),
			 COAP_204_CHANGED);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(
			request(w, &m,
				REQUEST(COAP_GET, "26242/0/12", .accept = COAP_FORMAT_LINK)),
			COAP_205_CONTENT);
		expect_words(&m, "</26242/0/12>;edge=1;con=0;hqmax=7");
		assert_int_equal(request(w, &m,
					 REQUEST(COAP_GET, "26242", .accept = COAP_FORMAT_LINK,
						 .query = "depth=1")),
				 COAP_205_CONTENT);
		expect_payload(&m, "</26242>;epmin=5;epmax=6,</26242/0>;hqmax=3", 43);
		assert_int_equal(
			request(w, &m, REQUEST(COAP_GET, "3/0/11", .accept = COAP_FORMAT_LINK)),
			COAP_205_CONTENT);
		expect_payload(&m, "</3/0/11>;dim=1;gt=50,</3/0/11/0>;lt=45.5", 41);
		/* again after a restart */
		restart(d);
		up_and_update(w);
	}
}

static void test_depth(void **state)
{
	static const struct {
		const char *path, *query, *links;
	} vectors[] = {
		{"26241", "depth=0", "</26241>"},
		{"26241", "depth=1", "</26241>,</26241/0>"},
		{"3/0", "depth=0", "</3/0>"},
		{"3/0/11", "depth=0", "</3/0/11>;dim=1"},
		{"3/0/11", NULL, "</3/0/11>;dim=1,</3/0/11/0>"},
		{"3/0", "depth=1", "</3/0/11>;dim=1,</3/0/1"},
		{"3/0", "depth=2", "</3/0/11>;dim=1,</3/0/11/0>,</3/0/1"},
		{"3", "depth=3", "</3/0/11>;dim=1,</3/0/11/0>,</3/0/1"},
	};
	struct device *d = *state;
	struct world *w = &d->w;
	struct coap_msg m;

	up_and_register(w);
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		assert_int_equal(
			request(w, &m,
				REQUEST(COAP_GET, vectors[i].path, .accept = COAP_FORMAT_LINK,
					.query = vectors[i].query)),
			COAP_205_CONTENT);
		if (i < 5)
			expect_payload(&m, vectors[i].links, strlen(vectors[i].links));
		else
			expect_words(&m, vectors[i].links);
	}
	assert_int_equal(
		request(w, &m,
			REQUEST(COAP_GET, "3", .accept = COAP_FORMAT_LINK, .query = "depth=4")),
		COAP_400_BAD_REQUEST);
	assert_int_equal(request(w, &m,
				 REQUEST(COAP_GET, "3", .accept = COAP_FORMAT_LINK,
					 .query = "depth=1&depth=1")),
			 COAP_400_BAD_REQUEST);
}

static void test_conditions(void **state)
{
	struct device *d = *state;
	struct world *w = &d->w;
	struct coap_msg m;

	up_and_register(w);
	/* with the request of the observation itself (1.2) */
	assert_int_equal(request(w, &m,
				 REQUEST(COAP_GET, "26241/0/4", .observe = 0,
					 .accept = COAP_FORMAT_TEXT, .query = "edge=1")),
			 COAP_400_BAD_REQUEST);
	observe(w, "26241/0/4", COAP_FORMAT_TEXT, "gt=10");
	change(w, 5, 1000);
	expect_silence(w);
	change(w, 11, 1000);
	expect_notified(w, "11");
	change(w, 20, 1000);
	expect_silence(w);
	change(w, 9, 1000);
	expect_notified(w, "9");
	assert_int_equal(request(w, &m, REQUEST(COAP_GET, "26241/0/4", .observe = 1)),
			 COAP_205_CONTENT);
	/* the edge of a boolean */
	observe(w, "26242/0/12", COAP_FORMAT_TEXT, "edge=1");
	w->scripts[0].s.keep_channel = true;
	lwm2m_client_changed(w->c, w->now += 1000, MODEL_OBJECT_SCRIPT, 0);
	expect_notified(w, "1");
	w->scripts[0].s.keep_channel = false;
	lwm2m_client_changed(w->c, w->now += 1000, MODEL_OBJECT_SCRIPT, 0);
	expect_silence(w);
}

/* con=0: told without being acknowledged; epmin: not looked at more often */
static void test_con_epmin(void **state)
{
	struct device *d = *state;
	struct world *w = &d->w;
	struct coap_msg m;

	up_and_register(w);
	observe(w, "26241/0/4", COAP_FORMAT_TEXT, "con=0");
	change(w, 4, 1000);
	assert_true(receive(w, &m));
	assert_int_equal(m.type, COAP_NON);
	expect_payload(&m, "4", 1);
	assert_int_equal(request(w, &m, REQUEST(COAP_GET, "26241/0/4", .observe = 1)),
			 COAP_205_CONTENT);
	/* the same for all that say nothing, by object 1 */
	assert_int_equal(
		request(w, &m,
			REQUEST(COAP_PUT, "1/0/26", .format = 0, .payload = "0", .len = 1)),
		COAP_204_CHANGED);
	observe(w, "26241/0/4", COAP_FORMAT_TEXT, NULL);
	change(w, 3, 1000);
	assert_true(receive(w, &m));
	assert_int_equal(m.type, COAP_NON);
	assert_int_equal(request(w, &m, REQUEST(COAP_GET, "26241/0/4", .observe = 1)),
			 COAP_205_CONTENT);
	assert_int_equal(
		request(w, &m,
			REQUEST(COAP_PUT, "1/0/26", .format = 0, .payload = "1", .len = 1)),
		COAP_204_CHANGED);
	observe(w, "26241/0/4", COAP_FORMAT_TEXT, "epmin=10&epmax=30");
	change(w, 5, 3000);
	change(w, 6, 3000);
	expect_silence(w);
	lwm2m_client_tick(w->c, w->now += 4000);
	expect_notified(w, "6");
	/* changed without a word: noticed after epmax */
	w->se.generation = 7;
	lwm2m_client_tick(w->c, w->now += 29000);
	expect_silence(w);
	assert_true(lwm2m_client_deadline(w->c) <= w->now + 1000);
	lwm2m_client_tick(w->c, w->now += 1000);
	expect_notified(w, "7");
}

/* ---- resource instances ----------------------------------------------------------- */

/* two servers, of which this one owns /26242/0 and so may write its rights, /2/0/2 */
static void two_servers(struct device *d)
{
	const struct lwm2m_value rights = {
		.path = {4, {2, 0, 2, 1}}, .type = MODEL_INTEGER, .i = 31};
	struct lwm2m_data *data = d->shared.data;

	assert_int_equal(lwm2m_data_add(data, 1, 1), 0);
	assert_int_equal(lwm2m_data_set_int(data, 1, 1, 0, 2), 0);
	assert_int_equal(lwm2m_data_set_int(data, 1, 1, 1, 300), 0);
	assert_int_equal(lwm2m_data_add(data, 2, 0), 0);
	assert_int_equal(lwm2m_data_set_int(data, 2, 0, 0, 26242), 0);
	assert_int_equal(lwm2m_data_set_int(data, 2, 0, 1, 0), 0);
	assert_int_equal(lwm2m_data_set_int(data, 2, 0, 3, 1), 0);
	assert_int_equal(lwm2m_data_set(data, &rights), 0);
}

static void expect_rights(struct world *w, const char *json)
{
	struct coap_msg m;

	assert_int_equal(
		request(w, &m, REQUEST(COAP_GET, "2/0/2", .accept = COAP_FORMAT_SENML_JSON)),
		COAP_205_CONTENT);
	if (m.payload_len != strlen(json) || memcmp(m.payload, json, m.payload_len) != 0)
		fail_msg("\"%.*s\", not \"%s\"", (int)m.payload_len, (const char *)m.payload,
			 json);
}

static void test_instances(void **state)
{
	static const char add[] = "[{\"bn\":\"/2/0/2/\",\"n\":\"2\",\"v\":1},"
				  "{\"n\":\"3\",\"v\":2}]";
	static const char nulls[] = "[{\"n\":\"/2/0/2/9\",\"v\":5},"
				    "{\"n\":\"/2/0/2/2\",\"v\":null}]";
	static const char half[] = "[{\"n\":\"/2/0/2/7\",\"v\":5},"
				   "{\"n\":\"/26242/0/0\",\"vlo\":\"26241:9\"}]";
	static const char mandatory[] = "[{\"n\":\"/1/0/1\",\"v\":null}]";
	struct device *d = *state;
	struct world *w = &d->w;
	struct coap_msg m;

	two_servers(d);
	up_and_register(w);
	expect_rights(w, "[{\"bn\":\"/2/0/2/\",\"n\":\"1\",\"v\":31}]");
	/* partial update: more of them */
	assert_int_equal(request(w, &m,
				 REQUEST(COAP_POST, "2/0/2", .format = COAP_FORMAT_SENML_JSON,
					 .payload = add, .len = sizeof(add) - 1)),
			 COAP_204_CHANGED);
	expect_rights(w, "[{\"bn\":\"/2/0/2/\",\"n\":\"1\",\"v\":31},"
			 "{\"n\":\"2\",\"v\":1},{\"n\":\"3\",\"v\":2}]");
	/* one by its own path */
	assert_int_equal(
		request(w, &m,
			REQUEST(COAP_PUT, "2/0/2/3", .format = 0, .payload = "8", .len = 1)),
		COAP_204_CHANGED);
	assert_int_equal(request(w, &m, REQUEST(COAP_GET, "2/0/2/3", .accept = 0)),
			 COAP_205_CONTENT);
	expect_payload(&m, "8", 1);
	assert_int_equal(
		request(w, &m,
			REQUEST(COAP_POST, "2/0/2/3", .format = 0, .payload = "8", .len = 1)),
		COAP_405_METHOD_NOT_ALLOWED);
	assert_int_equal(request(w, &m, REQUEST(COAP_DELETE, "2/0/2/3")), COAP_202_DELETED);
	assert_int_equal(request(w, &m, REQUEST(COAP_DELETE, "2/0/2/3")), COAP_404_NOT_FOUND);
	assert_int_equal(request(w, &m, REQUEST(COAP_DELETE, "2/0/2")),
			 COAP_405_METHOD_NOT_ALLOWED);
	assert_int_equal(request(w, &m, REQUEST(COAP_DELETE, "26241/0/7/0")),
			 COAP_405_METHOD_NOT_ALLOWED);
	/* a null takes away */
	assert_int_equal(request(w, &m,
				 REQUEST(COAP_IPATCH, "", .format = COAP_FORMAT_SENML_JSON,
					 .payload = nulls, .len = sizeof(nulls) - 1)),
			 COAP_204_CHANGED);
	expect_rights(w, "[{\"bn\":\"/2/0/2/\",\"n\":\"1\",\"v\":31},"
			 "{\"n\":\"9\",\"v\":5}]");
	assert_int_equal(request(w, &m,
				 REQUEST(COAP_IPATCH, "", .format = COAP_FORMAT_SENML_JSON,
					 .payload = mandatory, .len = sizeof(mandatory) - 1)),
			 COAP_400_BAD_REQUEST);
	/* all or nothing: the second value is for an SE that is not there */
	assert_int_equal(request(w, &m,
				 REQUEST(COAP_IPATCH, "", .format = COAP_FORMAT_SENML_JSON,
					 .payload = half, .len = sizeof(half) - 1)),
			 COAP_400_BAD_REQUEST);
	expect_rights(w, "[{\"bn\":\"/2/0/2/\",\"n\":\"1\",\"v\":31},"
			 "{\"n\":\"9\",\"v\":5}]");
	/* replacing: what is not there any more goes; TLV of /2/0/2: {1: 15} */
	assert_int_equal(request(w, &m,
				 REQUEST(COAP_PUT, "2/0/2", .format = COAP_FORMAT_LWM2M_TLV,
					 .payload = "\x83\x02\x41\x01\x0f", .len = 5)),
			 COAP_204_CHANGED);
	expect_rights(w, "[{\"bn\":\"/2/0/2/\",\"n\":\"1\",\"v\":15}]");
	/* the same in LwM2M CBOR: {[2, 0, 2]: {1: 31, 4: 1}} */
	assert_int_equal(request(w, &m,
				 REQUEST(COAP_PUT, "2/0/2", .format = COAP_FORMAT_LWM2M_CBOR,
					 .payload = "\xa1\x83\x02\x00\x02\xa2\x01\x18\x1f"
						    "\x04\x01",
					 .len = 11)),
			 COAP_204_CHANGED);
	expect_rights(w, "[{\"bn\":\"/2/0/2/\",\"n\":\"1\",\"v\":31},"
			 "{\"n\":\"4\",\"v\":1}]");
}

/* ---- over restarts -------------------------------------------------------------- */

static void test_restart(void **state)
{
	struct device *d = *state;
	struct world *w = &d->w;
	struct lwm2m_status st;
	struct coap_msg m;

	up_and_register(w);
	observe(w, "26241/0/4", COAP_FORMAT_TEXT, NULL);
	change(w, 4, 1000);
	expect_notified(w, "4");
	restart(d);
	lwm2m_client_status(w->c, &st);
	assert_int_equal(st.observations, 1);
	lwm2m_client_tick(w->c, w->now += 1000);
	expect_silence(w);
	up_and_update(w);
	/* what was acknowledged is not told again */
	expect_silence(w);
	change(w, 5, 1000);
	if (!notified(w, &m))
		fail_msg("the observation did not go on");
	assert_int_equal(m.token_len, 2);
	assert_int_equal(m.token[0], strlen("26241/0/4"));
	/* what changed while nobody was there is told at once */
	restart(d);
	w->se.generation = 6;
	up_and_update(w);
	expect_notified(w, "6");
	/* cancelled is cancelled */
	assert_int_equal(request(w, &m, REQUEST(COAP_GET, "26241/0/4", .observe = 1)),
			 COAP_205_CONTENT);
	restart(d);
	lwm2m_client_status(w->c, &st);
	assert_int_equal(st.observations, 0);
}

static void test_forgotten(void **state)
{
	struct device *d = *state;
	struct world *w = &d->w;
	struct lwm2m_status st;
	struct coap_msg m;
	char path[64];

	up_and_register(w);
	observe(w, "26241/0/4", COAP_FORMAT_TEXT, NULL);
	restart(d);
	/* the server does not know the registration any more, nor the observation */
	lwm2m_client_up(w->c, w->now, false);
	assert_int_equal(next_call(w, &m, path), COAP_POST);
	assert_string_equal(path, "/rd/5a3f");
	answer_call(w, &m, COAP_404_NOT_FOUND, NULL);
	assert_int_equal(next_call(w, &m, path), COAP_POST);
	assert_string_equal(path, "/rd");
	answer_call(w, &m, COAP_201_CREATED, "rd/6b40");
	change(w, 9, 1000);
	expect_silence(w);
	restart(d);
	lwm2m_client_status(w->c, &st);
	assert_int_equal(st.observations, 0);
}

static void test_composite_restart(void **state)
{
	static const char names[] = "[{\"n\":\"/26241/0/4\"},{\"n\":\"/26241/0/0\"}]";
	struct device *d = *state;
	struct world *w = &d->w;
	struct coap_msg m;

	up_and_register(w);
	assert_int_equal(
		request(w, &m,
			REQUEST(COAP_FETCH, "", .observe = 0, .format = COAP_FORMAT_SENML_JSON,
				.payload = names, .len = sizeof(names) - 1)),
		COAP_205_CONTENT);
	expect_format(&m, COAP_FORMAT_SENML_JSON);
	expect_words(&m, "[{\"bn\":\"/\",\"n\":\"26241/0/4\",\"v\":3},"
			 "{\"n\":\"26241/0/0\",\"vs\":\"se0\"}]");
	restart(d);
	w->se.generation = 8;
	up_and_update(w);
	expect_notified(w, "[{\"bn\":\"/\",\"n\":\"26241/0/4\",\"v\":8},"
			   "{\"n\":\"26241/0/0\",\"vs\":\"se0\"}]");
}

/* ---- kept notifications ---------------------------------------------------------- */

#define PACK(s) "[{\"bn\":\"/26241/0/4\",\"bt\":1367491215,\"v\":" s

static void test_kept(void **state)
{
	struct device *d = *state;
	struct world *w = &d->w;

	up_and_register(w);
	observe(w, "26241/0/4", COAP_FORMAT_SENML_JSON, NULL);
	lwm2m_client_down(w->c, w->now, -EIO, "gone");
	change(w, 4, 1000);
	change(w, 5, 1000);
	expect_silence(w);
	/* they outlive the daemon */
	restart(d);
	change(w, 6, 1000);
	up_and_update(w);
	expect_notified(w, PACK("4},{\"v\":5},{\"v\":6}]"));
	expect_silence(w);
	/* acknowledged: not once more, whatever happens */
	restart(d);
	up_and_update(w);
	expect_silence(w);
	change(w, 7, 1000);
	expect_notified(w, "[{\"bn\":\"/26241/0/4\",\"v\":7}]");
}

/* text has no place for times: one after the other, each when the last one is there */
static void test_kept_text(void **state)
{
	struct device *d = *state;
	struct world *w = &d->w;

	up_and_register(w);
	observe(w, "26241/0/4", COAP_FORMAT_TEXT, NULL);
	lwm2m_client_down(w->c, w->now, -EIO, "gone");
	change(w, 4, 1000);
	change(w, 5, 1000);
	up_and_update(w);
	expect_notified(w, "4");
	expect_notified(w, "5");
	expect_silence(w);
	change(w, 6, 1000);
	expect_notified(w, "6");
}

static void test_hqmax(void **state)
{
	struct device *d = *state;
	struct world *w = &d->w;

	up_and_register(w);
	observe(w, "26241/0/4", COAP_FORMAT_SENML_JSON, "hqmax=2");
	lwm2m_client_down(w->c, w->now, -EIO, "gone");
	for (uint64_t i = 4; i < 9; i++)
		change(w, i, 1000);
	up_and_update(w);
	expect_notified(w, PACK("7},{\"v\":8}]"));
}

static void test_not_kept(void **state)
{
	struct device *d = *state;
	struct world *w = &d->w;
	struct coap_msg m;

	up_and_register(w);
	assert_int_equal(
		request(w, &m,
			REQUEST(COAP_PUT, "1/0/6", .format = 0, .payload = "0", .len = 1)),
		COAP_204_CHANGED);
	observe(w, "26241/0/4", COAP_FORMAT_SENML_JSON, NULL);
	lwm2m_client_down(w->c, w->now, -EIO, "gone");
	change(w, 4, 1000);
	up_and_update(w);
	expect_silence(w);
	change(w, 5, 1000);
	expect_notified(w, "[{\"bn\":\"/26241/0/4\",\"v\":5}]");
}

/* a server that has forgotten us gets by Send what was kept */
static void test_kept_sent(void **state)
{
	struct device *d = *state;
	struct world *w = &d->w;
	struct coap_msg m;
	char path[64];

	up_and_register(w);
	observe(w, "26241/0/4", COAP_FORMAT_TEXT, NULL);
	lwm2m_client_down(w->c, w->now, -EIO, "gone");
	change(w, 4, 1000);
	lwm2m_client_up(w->c, w->now, true);
	assert_int_equal(next_call(w, &m, path), COAP_POST);
	assert_string_equal(path, "/rd");
	answer_call(w, &m, COAP_201_CREATED, "rd/6b40");
	assert_int_equal(next_call(w, &m, path), COAP_POST);
	assert_string_equal(path, "/dp");
	assert_int_equal(m.payload[m.payload_len - 1], 4);
	answer_call(w, &m, COAP_204_CHANGED, NULL);
	lwm2m_client_tick(w->c, w->now += 1000);
	expect_silence(w);
}

/* the server is silent: what it did not acknowledge is told again, with its time */
static void test_unacknowledged(void **state)
{
	struct device *d = *state;
	struct world *w = &d->w;
	struct coap_msg m;
	char path[64];
	bool updated = false;

	up_and_register(w);
	observe(w, "26241/0/4", COAP_FORMAT_SENML_JSON, NULL);
	change(w, 4, 1000);
	for (int i = 0; i < 200 && !updated; i++) {
		lwm2m_client_tick(w->c, w->now += 1000);
		while (receive(w, &m)) {
			if (m.code != COAP_POST)
				continue;
			coap_opt_path(&m, COAP_OPT_URI_PATH, path, sizeof(path));
			assert_string_equal(path, "/rd/5a3f");
			updated = true;
			answer_call(w, &m, COAP_204_CHANGED, NULL);
			break;
		}
	}
	assert_true(updated);
	expect_notified(w, PACK("4}]"));
	lwm2m_client_tick(w->c, w->now += 1000);
	expect_silence(w);
}

/* time goes by until a message comes that is no copy of the one before */
static void wait_for_other(struct world *w, struct coap_msg *m)
{
	uint16_t mid = m->mid;

	for (int i = 0; i < 200; i++) {
		lwm2m_client_tick(w->c, w->now += 1000);
		while (receive(w, m))
			if (m->mid != mid)
				return;
	}
	fail_msg("nothing but copies");
}

/*
 * A newer state takes the place of a notification that is repeated (RFC 7641, 4.5.2); if
 * nobody acknowledges that one either, both are told again, with their times.
 */
static void test_superseded(void **state)
{
	struct device *d = *state;
	struct world *w = &d->w;
	struct coap_msg m;

	up_and_register(w);
	observe(w, "26241/0/4", COAP_FORMAT_SENML_JSON, NULL);
	change(w, 4, 1000);
	assert_true(receive(w, &m));
	assert_int_equal(m.type, COAP_CON);
	change(w, 5, 500);
	expect_silence(w);
	wait_for_other(w, &m);
	assert_int_equal(m.code, COAP_205_CONTENT);
	expect_words(&m, "[{\"bn\":\"/26241/0/4\",\"v\":5}]");
	wait_for_other(w, &m);
	assert_int_equal(m.code, COAP_POST); /* is the server still there? */
	answer_call(w, &m, COAP_204_CHANGED, NULL);
	expect_notified(w, PACK("4},{\"v\":5}]"));
	lwm2m_client_tick(w->c, w->now += 1000);
	expect_silence(w);
}

/* ---- Send -------------------------------------------------------------------------- */

static struct lwm2m_path at(const char *s)
{
	struct lwm2m_path p = {0};

	for (char *end; *s; s = end) {
		p.id[p.depth++] = (uint16_t)strtoul(s + 1, &end, 10);
	}
	return p;
}

static void test_send(void **state)
{
	const struct lwm2m_path paths[] = {at("/26241/0/4"), at("/26241/0/0")};
	/* [{-2: "/", -3: 1367491215, 0: "26241/0/4", 2: 3}, {0: "26241/0/0", 3: "se0"}] */
	static const char send[] = "\x82\xa4\x21\x61/\x22\x1a\x51\x82\x42\x8f\x00\x69"
				   "26241/0/4\x02\x03\xa2\x00\x69"
				   "26241/0/0\x03\x63se0";
	struct device *d = *state;
	struct world *w = &d->w;
	char words[CONTENT_WORDS_MAX], path[64];
	struct lwm2m_path nothing = at("/26241/5"), root = {0};
	struct lwm2m_sends sends;
	struct coap_msg m;

	assert_int_equal(lwm2m_client_send(w->c, w->now, paths, 2, 0, words), -ENOTCONN);
	up_and_register(w);
	assert_int_equal(lwm2m_client_send(w->c, w->now, paths, 2, 0, words), 0);
	assert_int_equal(next_call(w, &m, path), COAP_POST);
	assert_string_equal(path, "/dp");
	expect_format(&m, COAP_FORMAT_SENML_CBOR);
	expect_payload(&m, send, sizeof(send) - 1);
	answer_call(w, &m, COAP_204_CHANGED, NULL);
	lwm2m_client_sends(w->c, &sends);
	assert_int_equal(sends.sent, 1);
	assert_int_equal(sends.waiting, 0);
	assert_int_equal(lwm2m_client_send(w->c, w->now, &nothing, 1, 0, words), -ENODATA);
	assert_int_equal(lwm2m_client_send(w->c, w->now, &root, 1, 0, words), -EINVAL);
	assert_int_equal(lwm2m_client_send(w->c, w->now, paths, 0, 0, words), -EINVAL);
	assert_true(strlen(words) > 0);
	/* refused */
	assert_int_equal(lwm2m_client_send(w->c, w->now, paths, 1, 0, words), 0);
	next_call(w, &m, path);
	answer_call(w, &m, COAP_400_BAD_REQUEST, NULL);
	lwm2m_client_sends(w->c, &sends);
	assert_int_equal(sends.refused, 1);
	/* muted by the server */
	assert_int_equal(lwm2m_data_set_int(d->shared.data, 1, 0, 23, 1), 0);
	assert_int_equal(lwm2m_client_send(w->c, w->now, paths, 2, 0, words), -EACCES);
	expect_silence(w);
}

static void test_send_kept(void **state)
{
	const struct lwm2m_path path = at("/26241/0/4");
	struct device *d = *state;
	struct world *w = &d->w;
	char words[CONTENT_WORDS_MAX], where[64];
	struct lwm2m_sends sends;
	struct coap_msg m;

	up_and_register(w);
	lwm2m_client_down(w->c, w->now, -EIO, "gone");
	assert_int_equal(lwm2m_client_send(w->c, w->now, &path, 1, LWM2M_SEND_KEEP, words), 0);
	w->se.generation = 4;
	assert_int_equal(lwm2m_client_send(w->c, w->now, &path, 1, LWM2M_SEND_KEEP, words), 0);
	expect_silence(w);
	restart(d);
	lwm2m_client_sends(w->c, &sends);
	assert_int_equal(sends.waiting, 2);
	up_and_update(w);
	for (int i = 3; i < 5; i++) {
		assert_int_equal(next_call(w, &m, where), COAP_POST);
		assert_string_equal(where, "/dp");
		assert_int_equal(m.payload[m.payload_len - 1], i);
		answer_call(w, &m, COAP_204_CHANGED, NULL);
	}
	expect_silence(w);
	/* once and not again */
	restart(d);
	up_and_update(w);
	expect_silence(w);
	for (int i = 0; i < 16; i++)
		assert_int_equal(
			lwm2m_client_send(w->c, w->now, &path, 1, LWM2M_SEND_KEEP, words), 0);
	assert_int_equal(lwm2m_client_send(w->c, w->now, &path, 1, LWM2M_SEND_KEEP, words),
			 -ENOBUFS);
}

#define REPORT(f) cmocka_unit_test_setup_teardown(f, device_setup, device_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		REPORT(test_attributes),     REPORT(test_depth),
		REPORT(test_conditions),     REPORT(test_con_epmin),
		REPORT(test_instances),	     REPORT(test_restart),
		REPORT(test_forgotten),	     REPORT(test_composite_restart),
		REPORT(test_kept),	     REPORT(test_kept_text),
		REPORT(test_hqmax),	     REPORT(test_not_kept),
		REPORT(test_unacknowledged), REPORT(test_superseded),
		REPORT(test_kept_sent),	     REPORT(test_send),
		REPORT(test_send_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
