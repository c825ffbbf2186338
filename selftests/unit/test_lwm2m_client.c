// SPDX-License-Identifier: Apache-2.0
/* Registration and observations: the client over time. */
#include "unit/lwm2m_world.h"

/* ---- registration ---------------------------------------------------------- */

static void test_register(void **state)
{
	struct world *w = *state;
	struct lwm2m_status st;
	struct coap_msg m;

	assert_int_equal(client_state(w), LWM2M_OFFLINE);
	register_11(w);
	lwm2m_client_status(w->c, &st);
	assert_int_equal(st.state, LWM2M_REGISTERED);
	assert_int_equal(st.version, 11);
	assert_string_equal(st.location, "/rd/5a3f");
	assert_string_equal(st.error, "");
	/* Update in time: lifetime 300 less 93 s */
	assert_int_equal(lwm2m_client_deadline(w->c), w->now + 207000);
	w->now += 206999;
	lwm2m_client_tick(w->c, w->now);
	assert_false(receive(w, &m));
	w->now++;
	lwm2m_client_tick(w->c, w->now);
	expect_call(w, &m, COAP_POST, "/rd/5a3f", "", "");
	answer_call(w, &m, COAP_204_CHANGED, NULL);
	assert_int_equal(client_state(w), LWM2M_REGISTERED);
	/* the server forgot us: register anew at once */
	w->now += 207000;
	lwm2m_client_tick(w->c, w->now);
	expect_call(w, &m, COAP_POST, "/rd/5a3f", "", "");
	answer_call(w, &m, COAP_404_NOT_FOUND, NULL);
	expect_call(w, &m, COAP_POST, "/rd", "ep=urn:dev:test&lt=300&lwm2m=1.1&b=U", LINKS_11);
	answer_call(w, &m, COAP_201_CREATED, "rd/2");
	/* and good-bye */
	lwm2m_client_stop(w->c, w->now);
	assert_int_equal(client_state(w), LWM2M_DEREGISTERING);
	expect_call(w, &m, COAP_DELETE, "/rd/2", "", "");
	answer_call(w, &m, COAP_202_DELETED, NULL);
	assert_int_equal(client_state(w), LWM2M_STOPPED);
}

static void test_step_down(void **state)
{
	static const uint8_t codes[] = {COAP_412_PRECONDITION, COAP_400_BAD_REQUEST};
	struct world *w = *state;
	struct lwm2m_status st;
	struct coap_msg m;
	char query[128];

	for (size_t i = 0; i < 2; i++) {
		lwm2m_client_up(w->c, w->now, true);
		expect_call(w, &m, COAP_POST, "/rd", "ep=urn:dev:test&lt=300&lwm2m=1.1&b=U",
			    LINKS_11);
		answer_call(w, &m, codes[i], NULL);
		expect_call(
			w, &m, COAP_POST, "/rd", "ep=urn:dev:test&lt=300&lwm2m=1.0&b=U",
			"</>;rt=\"oma.lwm2m\";ct=11542,</1/0>,</3/0>,</26241/0>,</26242/0>");
		answer_call(w, &m, COAP_201_CREATED, "rd/1");
		lwm2m_client_status(w->c, &st);
		assert_int_equal(st.state, LWM2M_REGISTERED);
		assert_int_equal(st.version, 10);
		/* what worked is remembered, for a week */
		lwm2m_client_up(w->c, w->now, true);
		assert_true(receive(w, &m));
		assert_true(coap_opt_path(&m, COAP_OPT_URI_QUERY, query, sizeof(query)) > 0);
		assert_non_null(strstr(query, "lwm2m=1.0"));
		answer_call(w, &m, COAP_201_CREATED, "rd/1");
		w->now += 7 * 86400000ULL;
	}
	/* without Accept a 1.0 server gets TLV */
	assert_int_equal(request(w, &m, REQUEST(COAP_GET, "3/0/3")), COAP_205_CONTENT);
	expect_format(&m, COAP_FORMAT_LWM2M_TLV);
	expect_payload(&m, "\xc3\x03\x31\x2e\x30", 5);
}

static void test_refused_and_gone(void **state)
{
	struct world *w = *state;
	struct lwm2m_status st;
	struct coap_msg m;
	uint64_t began, wait;

	/* refused: it waits, longer each time, and says why */
	lwm2m_client_up(w->c, w->now, true);
	for (unsigned int i = 0; i < 12; i++) {
		assert_true(receive(w, &m));
		answer_call(w, &m, COAP_403_FORBIDDEN, NULL);
		lwm2m_client_status(w->c, &st);
		assert_int_equal(st.state, LWM2M_WAITING);
		assert_int_equal(st.attempts, i + 1);
		assert_non_null(strstr(st.error, "4.03"));
		/* 60 s doubled four times, then a day: what the standard says where
		 * resources 17 to 20 are not there; up to half of it more */
		wait = i % 5 < 4 ? 60000ULL << i % 5 : 86400000;
		assert_true(st.next >= w->now + wait && st.next <= w->now + wait + wait / 2);
		w->now = st.next;
		lwm2m_client_tick(w->c, w->now);
	}
	/* gone: CoAP's retransmissions end, the owner is told, it goes on trying */
	began = w->now;
	while (client_state(w) == LWM2M_REGISTERING) {
		w->now = lwm2m_client_deadline(w->c);
		assert_true(w->now != LWM2M_NEVER && w->now < began + 400000);
		lwm2m_client_tick(w->c, w->now);
		while (receive(w, &m))
			;
	}
	assert_int_equal(client_state(w), LWM2M_WAITING);
	assert_int_equal(w->lost, 1);
	lwm2m_client_status(w->c, &st);
	assert_non_null(strstr(st.error, "does not answer"));
	w->now = st.next;
	lwm2m_client_tick(w->c, w->now);
	assert_true(receive(w, &m));
	answer_call(w, &m, COAP_201_CREATED, "rd/9");
	lwm2m_client_status(w->c, &st);
	assert_int_equal(st.state, LWM2M_REGISTERED);
	assert_int_equal(st.attempts, 0);
	/* the association breaks: nothing is tried before there is another one */
	lwm2m_client_down(w->c, w->now, -ECONNREFUSED, "coap://192.0.2.1: connection refused");
	assert_int_equal(client_state(w), LWM2M_OFFLINE);
	w->now += 3600000;
	lwm2m_client_tick(w->c, w->now);
	assert_false(receive(w, &m));
	/* the same peer again: an Update is enough; answered badly, it registers */
	lwm2m_client_up(w->c, w->now, false);
	expect_call(w, &m, COAP_POST, "/rd/9", "", "");
	answer_call(w, &m, COAP_400_BAD_REQUEST, NULL);
	expect_call(w, &m, COAP_POST, "/rd", "ep=urn:dev:test&lt=300&lwm2m=1.1&b=U", LINKS_11);
	/* an answer without a Location-Path is of no use */
	answer_call(w, &m, COAP_201_CREATED, NULL);
	assert_int_equal(client_state(w), LWM2M_WAITING);
}

static void test_owner_renews(void **state)
{
	struct world *w = *state;
	struct lwm2m_status st;
	struct coap_msg m;

	register_11(w);
	w->renews = true;
	w->now += 207000;
	lwm2m_client_tick(w->c, w->now);
	assert_true(receive(w, &m));
	lwm2m_client_unreachable(w->c, w->now, -ECONNREFUSED);
	assert_int_equal(w->lost, 1);
	lwm2m_client_status(w->c, &st);
	assert_int_equal(st.state, LWM2M_OFFLINE);
	assert_non_null(strstr(st.error, "Update"));
	w->now += 3600000;
	lwm2m_client_tick(w->c, w->now);
	assert_false(receive(w, &m));
	/* a new association: everything anew */
	register_11(w);
	assert_int_equal(client_state(w), LWM2M_REGISTERED);
}

static void test_server_object(void **state)
{
	struct world *w = *state;
	struct coap_msg m;

	register_11(w);
	/* a new lifetime is told to the server by an Update */
	assert_int_equal(request(w, &m,
				 REQUEST(COAP_PUT, "1/0/1", .format = COAP_FORMAT_TEXT,
					 .payload = "600", .len = 3)),
			 COAP_204_CHANGED);
	expect_call(w, &m, COAP_POST, "/rd/5a3f", "lt=600", "");
	answer_call(w, &m, COAP_204_CHANGED, NULL);
	/* Registration Update Trigger: the answer first, then the Update */
	assert_int_equal(request(w, &m, REQUEST(COAP_POST, "1/0/8")), COAP_204_CHANGED);
	expect_call(w, &m, COAP_POST, "/rd/5a3f", "", "");
	answer_call(w, &m, COAP_204_CHANGED, NULL);
	assert_int_equal(
		request(w, &m,
			REQUEST(COAP_PUT, "1/0/7", .format = 0, .payload = "S", .len = 1)),
		COAP_400_BAD_REQUEST);
	assert_int_equal(
		request(w, &m,
			REQUEST(COAP_PUT, "1/0/1", .format = 0, .payload = "0", .len = 1)),
		COAP_400_BAD_REQUEST);
	expect_words(&m, "/1/0/1");
	assert_int_equal(
		request(w, &m,
			REQUEST(COAP_PUT, "1/0/0", .format = 0, .payload = "7", .len = 1)),
		COAP_405_METHOD_NOT_ALLOWED);
	/* no server reads object 0 */
	assert_int_equal(request(w, &m, REQUEST(COAP_GET, "0/0/0")), COAP_401_UNAUTHORIZED);
	assert_int_equal(request(w, &m, REQUEST(COAP_GET, "0")), COAP_401_UNAUTHORIZED);
	assert_int_equal(request(w, &m, REQUEST(COAP_DELETE, "0/0")), COAP_401_UNAUTHORIZED);
}

/* ---- observing ------------------------------------------------------------- */

static void changed(struct world *w)
{
	lwm2m_client_changed(w->c, w->now, MODEL_OBJECT_SCRIPT, 0);
}

static void test_observe(void **state)
{
	struct world *w = *state;
	struct fake_script *s = &w->scripts[0];
	struct coap_msg m;
	uint32_t x;

	register_11(w);
	assert_int_equal(request(w, &m,
				 REQUEST(COAP_GET, "26242/0/4", .observe = 0,
					 .accept = COAP_FORMAT_TEXT)),
			 COAP_205_CONTENT);
	assert_true(coap_opt_uint(&m, COAP_OPT_OBSERVE, &x));
	expect_payload(&m, "0", 1);
	/* nothing moved, nothing is told */
	changed(w);
	assert_false(notified(w, &m));
	s->s.state = MODEL_SCRIPT_RUNNING;
	w->now += 10;
	changed(w);
	assert_true(notified(w, &m));
	expect_format(&m, COAP_FORMAT_TEXT);
	expect_payload(&m, "2", 1);
	/* another resource of the same instance is not this one's business */
	s->s.executed = 5;
	changed(w);
	assert_false(notified(w, &m));
	/* cancelled */
	assert_int_equal(request(w, &m, REQUEST(COAP_GET, "26242/0/4", .observe = 1)),
			 COAP_205_CONTENT);
	s->s.state = MODEL_SCRIPT_DONE;
	changed(w);
	assert_false(notified(w, &m));
}

static void test_observe_attributes(void **state)
{
	struct world *w = *state;
	struct fake_script *s = &w->scripts[0];
	struct coap_msg m;
	uint64_t began;

	register_11(w);
	assert_int_equal(
		request(w, &m, REQUEST(COAP_PUT, "26242/0/5", .query = "pmin=5&pmax=20")),
		COAP_204_CHANGED);
	assert_int_equal(request(w, &m, REQUEST(COAP_GET, "26242/0/5", .observe = 0)),
			 COAP_205_CONTENT);
	began = w->now;
	/* pmin holds it back, and only the newest is told */
	s->s.executed = 1;
	w->now += 1000;
	changed(w);
	s->s.executed = 2;
	changed(w);
	assert_false(notified(w, &m));
	assert_int_equal(lwm2m_client_deadline(w->c), began + 5000);
	w->now = began + 5000;
	lwm2m_client_tick(w->c, w->now);
	assert_true(notified(w, &m));
	expect_payload(&m, "2", 1);
	assert_false(notified(w, &m));
	/* pmax: told although nothing moved */
	assert_int_equal(lwm2m_client_deadline(w->c), began + 25000);
	w->now = began + 25000;
	lwm2m_client_tick(w->c, w->now);
	assert_true(notified(w, &m));
	expect_payload(&m, "2", 1);
	/* gt and st */
	assert_int_equal(
		request(w, &m,
			REQUEST(COAP_PUT, "26242/0/5", .query = "pmin=0&pmax&gt=10&st=50")),
		COAP_204_CHANGED);
	s->s.executed = 9;
	changed(w);
	assert_false(notified(w, &m));
	s->s.executed = 11;
	changed(w);
	assert_true(notified(w, &m));
	s->s.executed = 60;
	changed(w);
	assert_false(notified(w, &m));
	s->s.executed = 61;
	changed(w);
	assert_true(notified(w, &m));
	s->s.executed = 10;
	changed(w);
	assert_true(notified(w, &m));
}

static void test_observe_response(void **state)
{
	struct world *w = *state;
	struct fake_script *s = &w->scripts[0];
	struct coap_msg m;
	uint32_t block2;

	register_11(w);
	assert_int_equal(request(w, &m, REQUEST(COAP_GET, "26242/0/7", .observe = 0)),
			 COAP_205_CONTENT);
	expect_payload(&m, "", 0);
	set_response(s, 50000, 1);
	w->now += 10;
	changed(w);
	/* the first block comes with the notification, the rest is fetched */
	assert_true(notified(w, &m));
	assert_int_equal(m.payload_len, 1024);
	assert_memory_equal(m.payload, s->response, 1024);
	assert_true(coap_opt_uint(&m, COAP_OPT_BLOCK2, &block2));
	assert_int_equal(block2 & 8, 8);
	changed(w);
	assert_false(notified(w, &m));
	/* a new answer of the same length is a new one */
	set_response(s, 50000, 2);
	w->now += 10;
	changed(w);
	assert_true(notified(w, &m));
	assert_memory_equal(m.payload, s->response, 1024);
	/* Clear empties it */
	assert_int_equal(request(w, &m, REQUEST(COAP_POST, "26242/0/11")), COAP_204_CHANGED);
	assert_true(notified(w, &m));
	expect_payload(&m, "", 0);
}

static void test_observe_instance(void **state)
{
	struct world *w = *state;
	struct lwm2m_status st;
	struct coap_msg m;
	char words[CONTENT_WORDS_MAX];

	register_11(w);
	script_create(w, 1, words);
	assert_int_equal(request(w, &m,
				 REQUEST(COAP_GET, "26242/1", .observe = 0,
					 .accept = COAP_FORMAT_LWM2M_TLV)),
			 COAP_205_CONTENT);
	assert_int_equal(
		request(w, &m,
			REQUEST(COAP_FETCH, "", .observe = 0, .format = COAP_FORMAT_SENML_CBOR,
				.payload = "\x82\xa1\x00\x6a/26241/0/4\xa1\x00\x6a/26242/1/4",
				.len = 27)),
		COAP_205_CONTENT);
	lwm2m_client_status(w->c, &st);
	assert_int_equal(st.observations, 2);
	/* both see what both observe */
	w->scripts[1].s.state = MODEL_SCRIPT_RUNNING;
	lwm2m_client_changed(w->c, w->now, MODEL_OBJECT_SCRIPT, 1);
	assert_true(notified(w, &m));
	assert_true(notified(w, &m));
	w->se.generation++;
	w->now += 10;
	lwm2m_client_changed(w->c, w->now, MODEL_OBJECT_SE, 0);
	/* the list of objects that the server has is old: an Update, too */
	assert_true(notified(w, &m));
	expect_format(&m, COAP_FORMAT_SENML_CBOR);
	assert_true(receive(w, &m));
	answer_call(w, &m, COAP_204_CHANGED, NULL);
	/* deleted: the observation of it ends in silence */
	assert_int_equal(request(w, &m, REQUEST(COAP_DELETE, "26242/1")), COAP_202_DELETED);
	lwm2m_client_status(w->c, &st);
	assert_int_equal(st.observations, 1);
}

static void test_observe_while_away(void **state)
{
	struct world *w = *state;
	struct fake_script *s = &w->scripts[0];
	struct coap_msg m;

	register_11(w);
	assert_int_equal(request(w, &m, REQUEST(COAP_GET, "26242/0/4", .observe = 0)),
			 COAP_205_CONTENT);
	lwm2m_client_down(w->c, w->now, -ENETDOWN, "network is down");
	s->s.state = MODEL_SCRIPT_DONE;
	changed(w);
	assert_false(receive(w, &m));
	w->now += 1000;
	lwm2m_client_up(w->c, w->now, false);
	expect_call(w, &m, COAP_POST, "/rd/5a3f", "", "");
	answer_call(w, &m, COAP_204_CHANGED, NULL);
	assert_true(notified(w, &m));
	expect_payload(&m, "3", 1);
	/* a new registration forgets it: the server observes again */
	lwm2m_client_up(w->c, w->now, true);
	assert_true(receive(w, &m));
	answer_call(w, &m, COAP_201_CREATED, "rd/7");
	s->s.state = MODEL_SCRIPT_IDLE;
	changed(w);
	assert_false(receive(w, &m));
}

/* what broke is in /3/0/11 until the server resets it */
static void test_device_errors(void **state)
{
	struct world *w = *state;
	struct coap_msg m;

	register_11(w);
	assert_int_equal(request(w, &m, REQUEST(COAP_GET, "3/0/11/0")), COAP_205_CONTENT);
	expect_payload(&m, "0", 1);
	lwm2m_client_down(w->c, w->now, -ENETDOWN, "network is down");
	w->now += 1000;
	lwm2m_client_up(w->c, w->now, false);
	expect_call(w, &m, COAP_POST, "/rd/5a3f", "", "");
	answer_call(w, &m, COAP_204_CHANGED, NULL);
	assert_int_equal(request(w, &m, REQUEST(COAP_GET, "3/0/11/0")), COAP_205_CONTENT);
	expect_payload(&m, "7", 1);
	assert_int_equal(request(w, &m, REQUEST(COAP_GET, "3/0/11/1")), COAP_404_NOT_FOUND);
	assert_int_equal(request(w, &m, REQUEST(COAP_POST, "3/0/12")), COAP_204_CHANGED);
	assert_int_equal(request(w, &m, REQUEST(COAP_GET, "3/0/11/0")), COAP_205_CONTENT);
	expect_payload(&m, "0", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_register),	       TEST(test_step_down),
		TEST(test_refused_and_gone),   TEST(test_owner_renews),
		TEST(test_server_object),      TEST(test_observe),
		TEST(test_observe_attributes), TEST(test_observe_response),
		TEST(test_observe_instance),   TEST(test_observe_while_away),
		TEST(test_device_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
