// SPDX-License-Identifier: Apache-2.0
/*
 * Bootstrap: the order of sources and the session, against a bootstrap server that is
 * another CoAP endpoint on the other end of a queue. Data model and state are real, in
 * memory; the card is a file that a call back hands over.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <syslog.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lwm2m/bootstrap.h"
#include "lwm2m/bsfile.h"
#include "lwm2m/data.h"
#include "lwm2m/formats.h"
#include "lwm2m/senml.h"

#define QUEUE 64
#define BS_URI "coaps://bs.example:5684"

struct datagram {
	bool to_client;
	size_t len;
	uint8_t bytes[1400];
};

struct world {
	struct store *state;
	struct lwm2m_data *data;
	struct lwm2m_bootstrap *b;
	struct coap_endpoint *server;
	uint64_t now;
	int64_t clock;
	struct datagram *queue;
	unsigned int head, tail;
	bool deaf; /* the server hears nothing */

	unsigned int connects, disconnects, changes, reads;
	int connected; /* Security instance, or -1 */
	char log[64 * CONTENT_WORDS_MAX];
	unsigned int warnings;

	/* the server */
	char asked[256];	     /* method, path and queries of the request */
	unsigned int requests;	     /* of the client */
	uint8_t answer, answer_pack; /* codes; 0: none */
	const uint8_t *pack;
	size_t pack_len;
	uint32_t pack_format;
	/* the last answer of the client */
	uint8_t code;
	char text[4096];
	size_t text_len;
	unsigned int answers;
};

/* ---- wiring ------------------------------------------------------------------ */

static void put(struct world *w, bool to_client, const uint8_t *p, size_t len)
{
	struct datagram *d = &w->queue[w->tail % QUEUE];

	assert_true(w->tail - w->head < QUEUE && len <= sizeof(d->bytes));
	d->to_client = to_client;
	d->len = len;
	memcpy(d->bytes, p, len);
	w->tail++;
}

static void client_send(void *ctx, const uint8_t *p, size_t len)
{
	struct world *w = ctx;

	assert_int_not_equal(w->connected, -1);
	if (!w->deaf)
		put(w, false, p, len);
}

static void server_send(void *ctx, const uint8_t *p, size_t len)
{
	put(ctx, true, p, len);
}

static void pseudo_random(void *ctx, void *buf, size_t len)
{
	static uint32_t s = 12345;
	uint8_t *p = buf;

	(void)ctx;
	for (size_t i = 0; i < len; i++) {
		s = s * 1664525 + 1013904223;
		p[i] = (uint8_t)(s >> 24);
	}
}

static void run(struct world *w)
{
	while (w->head != w->tail) {
		struct datagram d = w->queue[w->head++ % QUEUE];

		if (!d.to_client)
			coap_input(w->server, w->now, d.bytes, d.len);
		else if (w->connected >= 0)
			lwm2m_bootstrap_input(w->b, w->now, d.bytes, d.len);
	}
}

/* Time passes, until @ms later or the next thing that is wanted. */
static void pass(struct world *w, uint64_t ms)
{
	uint64_t end = w->now + ms, t;

	for (;;) {
		t = lwm2m_bootstrap_deadline(w->b);
		if (coap_next_deadline(w->server) < t)
			t = coap_next_deadline(w->server);
		if (t > end)
			break;
		if (t > w->now)
			w->now = t;
		lwm2m_bootstrap_tick(w->b, w->now);
		coap_tick(w->server, w->now);
		run(w);
	}
	w->now = end;
}

/* ---- the server -------------------------------------------------------------- */

static int on_request(void *ctx, const struct coap_request *req)
{
	struct coap_response rsp = COAP_RESPONSE_INIT(0);
	struct world *w = ctx;
	char path[64], query[128];

	coap_opt_path(req->msg, COAP_OPT_URI_PATH, path, sizeof(path));
	coap_opt_path(req->msg, COAP_OPT_URI_QUERY, query, sizeof(query));
	snprintf(w->asked, sizeof(w->asked), "%s %s?%s",
		 req->method == COAP_GET ? "GET" : "POST", path, query);
	w->requests++;
	rsp.code = req->method == COAP_GET ? w->answer_pack : w->answer;
	if (rsp.code == 0)
		return 0;
	if (rsp.code == COAP_205_CONTENT) {
		rsp.payload = w->pack;
		rsp.len = w->pack_len;
		rsp.content_format = w->pack_format;
	}
	return coap_respond(w->server, w->now, req->xid, &rsp);
}

static void on_result(void *ctx, const struct coap_result *res)
{
	struct world *w = ctx;

	if (res->error) {
		w->code = 0xff;
		w->answers++;
		return;
	}
	if (res->offset == 0)
		w->text_len = 0;
	assert_true(w->text_len + res->len < sizeof(w->text));
	if (res->len > 0)
		memcpy(w->text + w->text_len, res->data, res->len);
	w->text_len += res->len;
	w->text[w->text_len] = '\0';
	if (res->more)
		return;
	w->code = res->code;
	w->answers++;
}

static uint8_t ask(struct world *w, uint8_t method, const char *path, uint32_t format,
		   uint32_t accept, const void *p, size_t len)
{
	struct coap_opts opts = {0};
	struct coap_call call = {.method = method, .opts = &opts, .payload = p, .len = len};
	unsigned int before = w->answers;
	uint32_t id;

	coap_opts_add_path(&opts, COAP_OPT_URI_PATH, path);
	if (format != COAP_NO_FORMAT)
		coap_opts_add_uint(&opts, COAP_OPT_CONTENT_FORMAT, format);
	if (accept != COAP_NO_FORMAT)
		coap_opts_add_uint(&opts, COAP_OPT_ACCEPT, accept);
	assert_int_equal(coap_call(w->server, w->now, &call, &id), 0);
	run(w);
	assert_int_equal(w->answers, before + 1);
	return w->code;
}

static uint8_t finish(struct world *w)
{
	return ask(w, COAP_POST, "bs", COAP_NO_FORMAT, COAP_NO_FORMAT, NULL, 0);
}

static uint8_t delete(struct world *w, const char *path)
{
	return ask(w, COAP_DELETE, path, COAP_NO_FORMAT, COAP_NO_FORMAT, NULL, 0);
}

static uint8_t discover(struct world *w, const char *path)
{
	return ask(w, COAP_GET, path, COAP_NO_FORMAT, COAP_FORMAT_LINK, NULL, 0);
}

static uint8_t write_text(struct world *w, const char *path, const char *text)
{
	return ask(w, COAP_PUT, path, COAP_FORMAT_TEXT, COAP_NO_FORMAT, text, strlen(text));
}

/* Resources of one instance as TLV: "0=text" and "#1=number", one after the other. */
static size_t tlv(uint8_t *out, const char *const *res)
{
	size_t n = 0;

	for (; *res; res++) {
		bool number = **res == '#';
		const char *s = *res + number, *v = strchr(s, '=') + 1;
		size_t len =
			number ? (atoi(v) > 127 ? (atoi(v) > 32767 ? 4 : 2) : 1) : strlen(v);

		out[n++] = (uint8_t)(len < 8 ? 0xc0 | len : 0xc8);
		out[n++] = (uint8_t)atoi(s);
		if (len >= 8)
			out[n++] = (uint8_t)len;
		if (number)
			for (size_t i = len; i-- > 0;)
				out[n++] = (uint8_t)((unsigned int)atoi(v) >> (8 * i));
		else {
			memcpy(out + n, v, len);
			n += len;
		}
	}
	return n;
}

static uint8_t write_instance(struct world *w, const char *path, const char *const *res)
{
	uint8_t body[512];

	return ask(w, COAP_PUT, path, COAP_FORMAT_LWM2M_TLV, COAP_NO_FORMAT, body,
		   tlv(body, res));
}

static const char *const security_101[] = {
	"0=coaps://server.example", "#1=0",    "#2=0", "3=identity",
	"5=secretsecret",	    "#10=101", NULL};
static const char *const server_101[] = {"#0=101", "#1=300", "#6=1", "7=U", NULL};

/* ---- the device -------------------------------------------------------------- */

static int on_read_card(void *ctx)
{
	struct world *w = ctx;

	w->reads++;
	return 0;
}

static int on_connect(void *ctx, uint16_t instance)
{
	struct world *w = ctx;

	w->connects++;
	w->connected = instance;
	return 0;
}

static void on_disconnect(void *ctx)
{
	struct world *w = ctx;

	assert_true(w->connected >= 0);
	w->disconnects++;
	w->connected = -1;
}

static void on_changed(void *ctx)
{
	((struct world *)ctx)->changes++;
}

static void on_links(void *ctx, int32_t object, struct model_buf *out)
{
	(void)ctx;
	if (object < 0 || object == 3)
		model_buf_printf(out, ",</3/0>");
}

static int64_t on_clock(void *ctx)
{
	struct world *w = ctx;

	return w->clock + (int64_t)(w->now / 1000);
}

static void on_log(void *ctx, int level, const char *text)
{
	struct world *w = ctx;

	w->warnings += level <= LOG_WARNING;
	if (getenv("VERBOSE"))
		print_message("log: %s\n", text);
	/* no log line has a key in it */
	assert_null(strstr(text, "secretsecret"));
	if (strlen(w->log) + strlen(text) + 2 < sizeof(w->log)) {
		strcat(w->log, text);
		strcat(w->log, "\n");
	}
}

static const struct lwm2m_bootstrap_ops bootstrap_ops = {
	.coap = {.send = client_send, .random = pseudo_random},
	.read_card = on_read_card,
	.connect = on_connect,
	.disconnect = on_disconnect,
	.changed = on_changed,
	.links = on_links,
	.clock = on_clock,
	.log = on_log,
};

static void begin(struct world *w, const struct lwm2m_bootstrap_config *c)
{
	assert_int_equal(lwm2m_bootstrap_new(&w->b, c, w->data, w->state, &bootstrap_ops, w),
			 0);
	lwm2m_bootstrap_start(w->b, w->now);
}

/* As after a crash: what is not in the store is gone. */
static void again(struct world *w, const struct lwm2m_bootstrap_config *c)
{
	char why[CONTENT_WORDS_MAX];

	lwm2m_bootstrap_free(w->b);
	lwm2m_data_free(w->data);
	w->connected = -1;
	assert_int_equal(lwm2m_data_new(&w->data, w->state, why), 0);
	begin(w, c);
}

static struct lwm2m_bootstrap_status status(struct world *w)
{
	struct lwm2m_bootstrap_status st;

	lwm2m_bootstrap_status(w->b, &st);
	return st;
}

#define state_is(w, s) assert_int_equal(status(w).state, LWM2M_BS_##s)

static void set_string(struct world *w, uint16_t o, uint16_t i, uint16_t r, const char *s)
{
	assert_int_equal(lwm2m_data_set_bytes(w->data, o, i, r, s, strlen(s)), 0);
}

static void set_int(struct world *w, uint16_t o, uint16_t i, uint16_t r, int64_t v)
{
	assert_int_equal(lwm2m_data_set_int(w->data, o, i, r, v), 0);
}

static void add_server(struct world *w, uint16_t instance)
{
	assert_int_equal(lwm2m_data_add(w->data, 0, instance), 0);
	set_string(w, 0, instance, 0, BS_URI);
	set_int(w, 0, instance, 1, 1);
	set_int(w, 0, instance, 2, 0);
	set_string(w, 0, instance, 3, "device");
	set_string(w, 0, instance, 5, "bskeybskeybskey!");
}

static void add_account(struct world *w, uint16_t instance, uint16_t ssid, const char *uri)
{
	assert_int_equal(lwm2m_data_add(w->data, 0, instance), 0);
	set_string(w, 0, instance, 0, uri);
	set_int(w, 0, instance, 1, 0);
	set_int(w, 0, instance, 2, 3);
	set_int(w, 0, instance, 10, ssid);
	assert_int_equal(lwm2m_data_add(w->data, 1, instance), 0);
	set_int(w, 1, instance, 0, ssid);
	set_int(w, 1, instance, 1, 86400);
	set_int(w, 1, instance, 6, 1);
	set_string(w, 1, instance, 7, "U");
}

static const char *uri_of(struct world *w, uint16_t instance)
{
	return lwm2m_data_string(w->data, 0, instance, 0, NULL);
}

static int setup(void **state)
{
	static const struct coap_ops server_ops = {
		.send = server_send,
		.random = pseudo_random,
		.request = on_request,
		.result = on_result,
	};
	struct world *w = calloc(1, sizeof(*w));
	char why[CONTENT_WORDS_MAX];

	w->queue = calloc(QUEUE, sizeof(*w->queue));
	w->now = 1000000;
	w->clock = 1700000000;
	w->connected = -1;
	w->answer = COAP_204_CHANGED;
	w->answer_pack = COAP_501_NOT_IMPLEMENTED;
	if (coap_endpoint_new(&w->server, &server_ops, w, NULL) < 0 ||
	    store_open(&w->state, NULL, "lwm2m", why, sizeof(why)) < 0 ||
	    lwm2m_data_new(&w->data, w->state, why) < 0)
		return -1;
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	lwm2m_bootstrap_free(w->b);
	lwm2m_data_free(w->data);
	store_close(w->state);
	coap_endpoint_free(w->server);
	free(w->queue);
	free(w);
	return 0;
}

static const struct lwm2m_bootstrap_config plain = {.endpoint = "urn:dev:1", .version = 11};

/* Up to the session. */
static void into_session(struct world *w, const struct lwm2m_bootstrap_config *c)
{
	add_server(w, 0);
	begin(w, c);
	state_is(w, HOLD_OFF);
	pass(w, 0);
	state_is(w, CONNECTING);
	assert_int_equal(w->connected, 0);
	lwm2m_bootstrap_up(w->b, w->now);
	run(w);
	state_is(w, SESSION);
}

/* ---- tests ------------------------------------------------------------------- */

/* int-0 of OMA's test cases, with what is around it */
static void test_client_initiated(void **state)
{
	struct world *w = *state;

	into_session(w, &plain);
	assert_string_equal(w->asked, "POST /bs?ep=urn:dev:1&pct=112");
	assert_int_equal(write_instance(w, "0/1", security_101), COAP_204_CHANGED);
	assert_int_equal(write_instance(w, "1/0", server_101), COAP_204_CHANGED);
	/* nothing of it is there yet */
	assert_false(lwm2m_data_has(w->data, 0, 1));
	assert_int_equal(discover(w, ""), COAP_205_CONTENT);
	assert_non_null(strstr(w->text, "</>;lwm2m=1.1,"));
	assert_non_null(
		strstr(w->text, "</0/0>,</0/1>;ssid=101;uri=\"coaps://server.example\""));
	assert_non_null(strstr(w->text, "</1/0>;ssid=101"));
	assert_non_null(strstr(w->text, ",</3/0>"));
	assert_int_equal(finish(w), COAP_204_CHANGED);
	state_is(w, DONE);
	assert_int_equal(w->changes, 2); /* at the start, and now */
	assert_int_equal(status(w).source, LWM2M_BS_FROM_SERVER);
	assert_string_equal(uri_of(w, 1), "coaps://server.example");
	assert_string_equal(uri_of(w, 0), BS_URI);
	assert_int_equal(lwm2m_data_int(w->data, 1, 0, 1, 0), 300);
	/* the association stays for a Finish that is repeated, and then goes */
	assert_int_equal(w->disconnects, 0);
	pass(w, 92000);
	assert_int_equal(w->disconnects, 0);
	/* what comes now is no bootstrap */
	assert_int_equal(write_text(w, "1/0/1", "5"), COAP_401_UNAUTHORIZED);
	pass(w, 2000);
	assert_int_equal(w->disconnects, 1);
	again(w, &plain);
	state_is(w, DONE);
	assert_int_equal(status(w).source, LWM2M_BS_FROM_SERVER);
	assert_int_equal(lwm2m_data_int(w->data, 1, 0, 0, 0), 101);
}

static void test_session_ends(void **state)
{
	struct world *w = *state;
	unsigned int connects;

	into_session(w, &plain);
	assert_int_equal(delete (w, "/"), COAP_202_DELETED);
	assert_int_equal(write_instance(w, "0/1", security_101), COAP_204_CHANGED);
	pass(w, 246000);
	state_is(w, SESSION);
	pass(w, 2000);
	state_is(w, WAITING);
	assert_string_equal(status(w).error, "bootstrap: the server did not finish");
	assert_int_equal(w->disconnects, 1);
	/* as it was */
	assert_false(lwm2m_data_has(w->data, 0, 1));
	assert_string_equal(uri_of(w, 0), BS_URI);
	/* and again, ever more slowly */
	w->deaf = true;
	for (unsigned int i = 0; i < 12; i++) {
		connects = w->connects;
		pass(w, 620000);
		if (status(w).state == LWM2M_BS_CONNECTING)
			lwm2m_bootstrap_down(w->b, w->now, -ECONNREFUSED, "refused");
		assert_true(w->connects > connects || i == 0);
		assert_int_equal(status(w).attempts > i, true);
	}
	assert_int_equal(w->connects, w->disconnects);
}

static void test_no_answer(void **state)
{
	struct world *w = *state;

	add_server(w, 0);
	begin(w, &plain);
	w->deaf = true;
	pass(w, 0);
	lwm2m_bootstrap_up(w->b, w->now);
	state_is(w, REQUESTING);
	pass(w, 100000);
	assert_non_null(strstr(status(w).error, "does not answer"));
	w->deaf = false;
	/* refused for its pct, then for itself */
	w->answer = COAP_400_BAD_REQUEST;
	while (status(w).state != LWM2M_BS_CONNECTING)
		pass(w, 1000);
	lwm2m_bootstrap_up(w->b, w->now);
	run(w);
	assert_int_equal(w->requests, 2);
	assert_string_equal(w->asked, "POST /bs?ep=urn:dev:1");
	state_is(w, WAITING);
	assert_non_null(strstr(status(w).error, "4.00"));
}

/* int-9: what does not hold together is refused, and can be mended */
static void test_consistency(void **state)
{
	struct world *w = *state;
	const char *const same[] = {"0=coaps://other.example", "#1=0",	  "#2=0", "3=i",
				    "5=secretsecret",	       "#10=101", NULL};
	const char *const second[] = {"0=coaps://bs2.example", "#1=1", "#2=0", "3=i",
				      "5=secretsecret",	       NULL};
	const char *const nosec[] = {"0=coap://server.example", "#1=0", "#2=3", "#10=101",
				     NULL};

	into_session(w, &plain);
	/* int-9 itself */
	assert_int_equal(write_text(w, "1/0/5", "86400"), COAP_204_CHANGED);
	assert_int_equal(finish(w), COAP_406_NOT_ACCEPTABLE);
	assert_true(w->text_len > 0);
	state_is(w, SESSION);
	assert_false(lwm2m_data_has(w->data, 1, 0));
	/* no Server instance; no Security instance */
	assert_int_equal(delete (w, "1"), COAP_202_DELETED);
	assert_int_equal(write_instance(w, "0/1", security_101), COAP_204_CHANGED);
	assert_int_equal(finish(w), COAP_406_NOT_ACCEPTABLE);
	assert_int_equal(delete (w, "0/1"), COAP_202_DELETED);
	assert_int_equal(write_instance(w, "1/0", server_101), COAP_204_CHANGED);
	assert_int_equal(finish(w), COAP_406_NOT_ACCEPTABLE);
	/* two with one id */
	assert_int_equal(write_instance(w, "0/1", security_101), COAP_204_CHANGED);
	assert_int_equal(write_instance(w, "0/2", same), COAP_204_CHANGED);
	assert_int_equal(finish(w), COAP_406_NOT_ACCEPTABLE);
	assert_non_null(strstr(w->text, "same short server id"));
	/* without security, which nobody allowed */
	assert_int_equal(delete (w, "0/2"), COAP_202_DELETED);
	assert_int_equal(write_instance(w, "0/1", nosec), COAP_204_CHANGED);
	assert_int_equal(finish(w), COAP_406_NOT_ACCEPTABLE);
	assert_non_null(strstr(w->text, "without security"));
	/* an OSCORE context that is not there */
	assert_int_equal(write_instance(w, "0/1", security_101), COAP_204_CHANGED);
	assert_int_equal(write_text(w, "0/1/17", "21:7"), COAP_204_CHANGED);
	assert_int_equal(finish(w), COAP_406_NOT_ACCEPTABLE);
	assert_non_null(strstr(w->text, "object 21"));
	assert_int_equal(write_instance(w, "0/1", security_101), COAP_204_CHANGED);
	/* two more bootstrap servers; one more takes the place of the one there is */
	assert_int_equal(write_instance(w, "0/2", second), COAP_204_CHANGED);
	assert_int_equal(write_instance(w, "0/3", second), COAP_204_CHANGED);
	assert_int_equal(finish(w), COAP_406_NOT_ACCEPTABLE);
	assert_int_equal(delete (w, "0/3"), COAP_202_DELETED);
	assert_int_equal(lwm2m_data_generation(w->data) > 0, true);
	assert_string_equal(uri_of(w, 0), BS_URI);
	assert_int_equal(finish(w), COAP_204_CHANGED);
	assert_false(lwm2m_data_has(w->data, 0, 0));
	assert_string_equal(uri_of(w, 2), "coaps://bs2.example");
	state_is(w, DONE);
}

static void test_operations(void **state)
{
	struct world *w = *state;
	const char *const access[] = {"#0=3", "#1=0", "#3=101", NULL};
	/* int-0 writes objects in one message; the second resource 240 nobody knows */
	static const uint8_t two[] = {0x08, 1, 9, 0xc1, 0x0a, 0x65, 0xc1, 0xf0, 1,
				      0xc1, 2, 3, 0x08, 2,    3,    0xc1, 0x0a, 0x66};
	struct lwm2m_set set = {0};
	const struct lwm2m_path p1 = {.depth = 1, .id = {1}};
	char words[CONTENT_WORDS_MAX];

	into_session(w, &plain);
	assert_int_equal(
		ask(w, COAP_PUT, "0", COAP_FORMAT_LWM2M_TLV, COAP_NO_FORMAT, two, sizeof(two)),
		COAP_204_CHANGED);
	assert_int_equal(discover(w, "0"), COAP_205_CONTENT);
	assert_non_null(strstr(w->text, "</0/0>,</0/1>;ssid=101,</0/2>;ssid=102"));
	/* the whole instance is another now */
	assert_int_equal(write_instance(w, "0/2", security_101), COAP_204_CHANGED);
	assert_int_equal(write_instance(w, "1/4", server_101), COAP_204_CHANGED);
	assert_int_equal(write_text(w, "1/4/1", "20"), COAP_204_CHANGED);
	assert_int_equal(write_instance(w, "2/0", access), COAP_204_CHANGED);
	/* int-8: Read, and what cannot be read */
	assert_int_equal(ask(w, COAP_GET, "1", COAP_NO_FORMAT, COAP_FORMAT_SENML_CBOR, NULL, 0),
			 COAP_205_CONTENT);
	assert_int_equal(
		lwm2m_senml_decode(&p1, (const uint8_t *)w->text, w->text_len, &set, words), 0);
	assert_int_equal(set.n, 4);
	assert_int_equal(set.v[1].i, 20);
	lwm2m_set_clear(&set);
	assert_int_equal(ask(w, COAP_GET, "2/0", COAP_NO_FORMAT, COAP_NO_FORMAT, NULL, 0),
			 COAP_205_CONTENT);
	assert_int_equal(ask(w, COAP_GET, "0", COAP_NO_FORMAT, COAP_NO_FORMAT, NULL, 0),
			 COAP_405_METHOD_NOT_ALLOWED);
	assert_int_equal(ask(w, COAP_GET, "0/0/5", COAP_NO_FORMAT, COAP_NO_FORMAT, NULL, 0),
			 COAP_405_METHOD_NOT_ALLOWED);
	assert_int_equal(ask(w, COAP_GET, "1/9", COAP_NO_FORMAT, COAP_NO_FORMAT, NULL, 0),
			 COAP_404_NOT_FOUND);
	/* bad ones change nothing */
	assert_int_equal(write_text(w, "1/4/1", "soon"), COAP_400_BAD_REQUEST);
	assert_int_equal(write_text(w, "1/4/240", "1"), COAP_404_NOT_FOUND);
	assert_int_equal(write_text(w, "3/0/0", "me"), COAP_405_METHOD_NOT_ALLOWED);
	assert_int_equal(write_text(w, "61234/0/0", "x"), COAP_404_NOT_FOUND);
	assert_int_equal(write_text(w, "1/4/1/0", "1"), COAP_405_METHOD_NOT_ALLOWED);
	assert_int_equal(write_text(w, "", "1"), COAP_405_METHOD_NOT_ALLOWED);
	assert_int_equal(ask(w, COAP_PUT, "1/4/1", 9999, COAP_NO_FORMAT, "1", 1),
			 COAP_415_FORMAT);
	assert_int_equal(
		ask(w, COAP_PUT, "1", COAP_FORMAT_LWM2M_TLV, COAP_NO_FORMAT, "\xc1\x01\x05", 3),
		COAP_400_BAD_REQUEST);
	assert_int_equal(ask(w, COAP_POST, "1/4/8", COAP_NO_FORMAT, COAP_NO_FORMAT, NULL, 0),
			 COAP_405_METHOD_NOT_ALLOWED);
	assert_int_equal(
		ask(w, COAP_FETCH, "", COAP_FORMAT_SENML_CBOR, COAP_NO_FORMAT, "\x80", 1),
		COAP_405_METHOD_NOT_ALLOWED);
	assert_int_equal(discover(w, "1/4"), COAP_400_BAD_REQUEST);
	assert_int_equal(discover(w, "rd"), COAP_400_BAD_REQUEST);
	assert_int_equal(ask(w, COAP_GET, "1/4", COAP_NO_FORMAT, COAP_NO_FORMAT, NULL, 0),
			 COAP_205_CONTENT);
	/* int-4: the bootstrap account is not deleted, nor the device's own */
	assert_int_equal(delete (w, "0/0"), COAP_400_BAD_REQUEST);
	assert_int_equal(delete (w, "3/0"), COAP_400_BAD_REQUEST);
	assert_int_equal(delete (w, "1/4/1"), COAP_400_BAD_REQUEST);
	assert_int_equal(delete (w, "61234"), COAP_202_DELETED);
	assert_int_equal(delete (w, "1/77"), COAP_202_DELETED);
	assert_int_equal(delete (w, "/"), COAP_202_DELETED);
	assert_int_equal(discover(w, ""), COAP_205_CONTENT);
	assert_non_null(strstr(w->text, "</0/0>,"));
	assert_null(strstr(w->text, "</0/1>"));
	assert_null(strstr(w->text, "</1/4>"));
}

/* A body in blocks, in SenML. */
static void test_blocks(void **state)
{
	struct world *w = *state;
	struct lwm2m_set set = {0};
	struct model_buf body = {.max = LWM2M_BODY_MAX};
	const struct lwm2m_path p0 = {.depth = 1, .id = {0}};
	uint8_t cert[3000];
	struct lwm2m_value v = {.path = {.depth = 3, .id = {0, 1, 4}},
				.type = MODEL_OPAQUE,
				.p = cert,
				.len = sizeof(cert)};

	memset(cert, 0x30, sizeof(cert));
	into_session(w, &plain);
	assert_int_equal(lwm2m_set_add(&set, &v), 0);
	lwm2m_senml_encode(&p0, &set, &body);
	assert_int_equal(body.error, 0);
	assert_int_equal(
		ask(w, COAP_PUT, "0", COAP_FORMAT_SENML_CBOR, COAP_NO_FORMAT, body.p, body.len),
		COAP_204_CHANGED);
	assert_int_equal(discover(w, "0"), COAP_205_CONTENT);
	assert_non_null(strstr(w->text, "</0/1>"));
	lwm2m_set_clear(&set);
	model_buf_free(&body);
}

static const char pack_json[] =
	"[{\"bn\":\"/0/0/\",\"n\":\"0\",\"vs\":\"coaps://server1.example\"},"
	"{\"n\":\"1\",\"vb\":false},{\"n\":\"2\",\"v\":0},{\"n\":\"3\",\"vd\":\"aWQ\"},"
	"{\"n\":\"5\",\"vd\":\"c2VjcmV0\"},{\"n\":\"10\",\"v\":101},{\"n\":\"240\",\"v\":1},"
	"{\"bn\":\"/1/0/\",\"n\":\"0\",\"v\":101},{\"n\":\"1\",\"v\":86400},"
	"{\"n\":\"6\",\"vb\":true},{\"n\":\"7\",\"vs\":\"U\"}]";

/* 1.2-int-12; then packs that are none */
static void test_pack(void **state)
{
	const struct lwm2m_bootstrap_config c = {
		.endpoint = "urn:dev:1", .version = 12, .pack = true};
	struct world *w = *state;

	add_server(w, 0);
	w->answer_pack = COAP_205_CONTENT;
	w->pack = (const uint8_t *)pack_json;
	w->pack_len = sizeof(pack_json) - 1;
	w->pack_format = COAP_FORMAT_SENML_JSON;
	begin(w, &c);
	pass(w, 0);
	lwm2m_bootstrap_up(w->b, w->now);
	run(w);
	assert_string_equal(w->asked, "GET /bspack?ep=urn:dev:1");
	state_is(w, DONE);
	assert_int_equal(w->disconnects, 1);
	/* the pack's /0/0 is not the bootstrap account, which stays where it is */
	assert_string_equal(uri_of(w, 0), BS_URI);
	assert_string_equal(uri_of(w, 1), "coaps://server1.example");
	assert_int_equal(lwm2m_data_int(w->data, 1, 0, 0, 0), 101);

	/* once more: cut short, it leaves all as it is, and a session is asked for */
	w->pack_len -= 40;
	assert_int_equal(lwm2m_bootstrap_request(w->b, w->now), 0);
	pass(w, 0);
	lwm2m_bootstrap_up(w->b, w->now);
	run(w);
	assert_string_equal(w->asked, "POST /bs?ep=urn:dev:1&pct=112");
	state_is(w, SESSION);
	assert_string_equal(uri_of(w, 1), "coaps://server1.example");
	/* what the broken one had written is not there either */
	assert_int_equal(discover(w, "0"), COAP_205_CONTENT);
	assert_non_null(strstr(w->text, "</0/0>,</0/1>;ssid=101"));
	assert_int_equal(finish(w), COAP_204_CHANGED);

	/* not known to the server: 4.04, 4.05, 5.01 */
	w->answer_pack = COAP_405_METHOD_NOT_ALLOWED;
	assert_int_equal(lwm2m_bootstrap_request(w->b, w->now), 0);
	pass(w, 0);
	lwm2m_bootstrap_up(w->b, w->now);
	run(w);
	state_is(w, SESSION);
	assert_int_equal(w->requests, 5);
}

/* int-5: a server executes /1/x/9 */
static void test_server_initiated(void **state)
{
	struct world *w = *state;

	add_account(w, 1, 7, "coap://old.example");
	begin(w, &plain);
	state_is(w, DONE);
	assert_int_equal(lwm2m_bootstrap_request(w->b, w->now), -ENOENT);
	add_server(w, 0);
	assert_int_equal(lwm2m_bootstrap_request(w->b, w->now), 0);
	assert_int_equal(w->connects, 0); /* the answer has to leave first */
	/* that servers take this device is no reason not to */
	lwm2m_bootstrap_registered(w->b, w->now, 7);
	pass(w, 0);
	assert_int_equal(w->connects, 1);
	assert_int_equal(lwm2m_bootstrap_request(w->b, w->now), 0);
	lwm2m_bootstrap_up(w->b, w->now);
	run(w);
	state_is(w, SESSION);
	/* the account of a server that the bootstrap server does not touch stays, NoSec too */
	assert_int_equal(write_instance(w, "0/3", security_101), COAP_204_CHANGED);
	assert_int_equal(write_instance(w, "1/3", server_101), COAP_204_CHANGED);
	/* meanwhile another server writes */
	set_int(w, 1, 1, 1, 77);
	assert_int_equal(finish(w), COAP_204_CHANGED);
	assert_int_equal(lwm2m_data_int(w->data, 1, 1, 1, 0), 77);
	assert_string_equal(uri_of(w, 1), "coap://old.example");
	assert_string_equal(uri_of(w, 3), "coaps://server.example");
}

/* int-7: registration fails; hold-off; an account that comes back */
static void test_fallback(void **state)
{
	struct world *w = *state;

	add_account(w, 1, 7, "coap://gone.example");
	begin(w, &plain);
	lwm2m_bootstrap_failed(w->b, w->now, 7); /* there is nobody to ask */
	state_is(w, DONE);
	add_server(w, 0);
	set_int(w, 0, 0, 11, 30);
	lwm2m_bootstrap_failed(w->b, w->now, 7);
	state_is(w, HOLD_OFF);
	pass(w, 29000);
	assert_int_equal(w->connects, 0);
	lwm2m_bootstrap_registered(w->b, w->now, 7);
	state_is(w, DONE);
	pass(w, 60000);
	assert_int_equal(w->connects, 0);
	lwm2m_bootstrap_failed(w->b, w->now, 7);
	pass(w, 31000);
	assert_int_equal(w->connects, 1);
	state_is(w, CONNECTING);
	/* an association that never stands */
	pass(w, 121000);
	assert_true(w->disconnects >= 1);
	assert_int_equal(status(w).attempts, 1);
}

/* resource 12 of object 0, over a restart */
static void test_account_timeout(void **state)
{
	struct world *w = *state;

	into_session(w, &plain);
	assert_int_equal(write_instance(w, "0/1", security_101), COAP_204_CHANGED);
	assert_int_equal(write_instance(w, "1/0", server_101), COAP_204_CHANGED);
	assert_int_equal(write_text(w, "0/0/12", "600"), COAP_204_CHANGED);
	assert_int_equal(finish(w), COAP_204_CHANGED);
	pass(w, 400000);
	assert_true(lwm2m_data_has(w->data, 0, 0));
	again(w, &plain);
	pass(w, 190000);
	assert_true(lwm2m_data_has(w->data, 0, 0));
	pass(w, 11000);
	assert_false(lwm2m_data_has(w->data, 0, 0));
	assert_true(lwm2m_data_has(w->data, 0, 1));
	assert_int_equal(lwm2m_bootstrap_request(w->b, w->now), -ENOENT);
}

/* ---- card and factory -------------------------------------------------------- */

struct file {
	uint8_t p[1024];
	size_t len;
};

/* One account with @ssid, or with 0 a bootstrap server. */
static struct file make_file(struct world *w, uint16_t ssid, const char *uri)
{
	struct model_buf out = {.max = 1024};
	struct lwm2m_set set = {0};
	struct lwm2m_data *d;
	char why[CONTENT_WORDS_MAX];
	struct lwm2m_data *kept = w->data;
	struct file f = {.len = 0};

	assert_int_equal(lwm2m_data_new(&d, NULL, why), 0);
	w->data = d;
	if (ssid) {
		add_account(w, 0, ssid, uri);
		set_int(w, 0, 0, 2, 0);
		set_string(w, 0, 0, 3, "id");
		set_string(w, 0, 0, 5, "cardkeycardkey");
	} else {
		add_server(w, 0);
		set_string(w, 0, 0, 0, uri);
	}
	assert_int_equal(lwm2m_data_read(d, 0, 0, -1, &set), 0);
	if (ssid)
		assert_int_equal(lwm2m_data_read(d, 1, 0, -1, &set), 0);
	lwm2m_bsfile_encode(&set, &out);
	assert_int_equal(out.error, 0);
	memcpy(f.p, out.p, out.len);
	f.len = out.len;
	model_buf_free(&out);
	lwm2m_set_clear(&set);
	lwm2m_data_free(d);
	w->data = kept;
	return f;
}

/* int-3 and int-6: the card comes before what is configured; it changes; it goes */
static void test_card(void **state)
{
	const struct lwm2m_bootstrap_config c = {
		.endpoint = "urn:dev:1", .version = 11, .card = true};
	struct world *w = *state;
	struct file y = make_file(w, 43, "coaps://y.example"),
		    z = make_file(w, 44, "coaps://z.example");

	add_account(w, 0, 7, "coap://x.example");
	begin(w, &c);
	state_is(w, CARD);
	assert_int_equal(w->reads, 1);
	assert_int_equal(w->changes, 0);
	assert_int_equal(lwm2m_bootstrap_request(w->b, w->now), -EBUSY);
	lwm2m_bootstrap_card(w->b, w->now, 0, y.p, y.len);
	state_is(w, DONE);
	assert_int_equal(status(w).source, LWM2M_BS_FROM_CARD);
	assert_string_equal(uri_of(w, 0), "coaps://y.example");
	assert_int_equal(lwm2m_data_find(w->data, 1, 0, 7), -1);
	/* an Update: the same card */
	lwm2m_bootstrap_recheck(w->b, w->now, 43);
	assert_int_equal(w->reads, 2);
	lwm2m_bootstrap_recheck(w->b, w->now, 43); /* one at a time */
	assert_int_equal(w->reads, 2);
	lwm2m_bootstrap_card(w->b, w->now, 0, y.p, y.len);
	/* but then once more: the card may have changed behind the one that was under way */
	pass(w, 0);
	assert_int_equal(w->reads, 3);
	lwm2m_bootstrap_card(w->b, w->now, 0, y.p, y.len);
	pass(w, 10000);
	assert_int_equal(w->reads, 3);
	assert_int_equal(w->changes, 1);
	/* a restart, the same card: no other configuration, but what was changed stays */
	set_int(w, 1, 0, 1, 55);
	again(w, &c);
	state_is(w, CARD);
	/* the SE is not there yet: its accounts are not gone for that */
	lwm2m_bootstrap_card(w->b, w->now, -ENODEV, NULL, 0);
	state_is(w, CARD);
	pass(w, 3000);
	lwm2m_bootstrap_card(w->b, w->now, 0, y.p, y.len);
	state_is(w, DONE);
	assert_int_equal(lwm2m_data_int(w->data, 1, 0, 1, 0), 55);
	/* it cannot be read just now: tried again, and nobody loses a server for it */
	lwm2m_bootstrap_recheck(w->b, w->now, 43);
	lwm2m_bootstrap_card(w->b, w->now, -ETIMEDOUT, NULL, 0);
	pass(w, 3000);
	lwm2m_bootstrap_card(w->b, w->now, -ETIMEDOUT, NULL, 0);
	pass(w, 3000);
	lwm2m_bootstrap_card(w->b, w->now, -ETIMEDOUT, NULL, 0);
	assert_string_equal(uri_of(w, 0), "coaps://y.example");
	/* its content changed */
	lwm2m_bootstrap_recheck(w->b, w->now, 43);
	lwm2m_bootstrap_card(w->b, w->now, 0, z.p, z.len);
	assert_string_equal(uri_of(w, 0), "coaps://z.example");
	assert_int_equal(lwm2m_data_find(w->data, 1, 0, 43), -1);
	/* another server's Update is no reason to look */
	w->reads = 0;
	lwm2m_bootstrap_recheck(w->b, w->now, 7);
	assert_int_equal(w->reads, 0);
	/* it was taken out: what was there before it is there again */
	lwm2m_bootstrap_recheck(w->b, w->now, 0);
	assert_int_equal(w->reads, 1);
	lwm2m_bootstrap_card(w->b, w->now, -ENODEV, NULL, 0);
	assert_string_equal(uri_of(w, 0), "coap://x.example");
	assert_int_equal(lwm2m_data_find(w->data, 1, 0, 44), -1);
	state_is(w, DONE);
	again(w, &c);
	lwm2m_bootstrap_card(w->b, w->now, -ENODEV, NULL, 0);
	state_is(w, DONE);
	assert_string_equal(uri_of(w, 0), "coap://x.example");
}

static void test_card_bad(void **state)
{
	const struct lwm2m_bootstrap_config c = {
		.endpoint = "urn:dev:1", .version = 11, .card = true};
	static const uint8_t blank[] = {0xff, 0xff, 0xff, 0xff};
	struct world *w = *state;
	struct file y = make_file(w, 43, "coaps://y.example"), bs;

	add_account(w, 0, 7, "coap://x.example");
	begin(w, &c);
	/* blank, cut short, inconsistent: then what is configured */
	lwm2m_bootstrap_card(w->b, w->now, 0, blank, sizeof(blank));
	state_is(w, DONE);
	assert_string_equal(uri_of(w, 0), "coap://x.example");
	lwm2m_bootstrap_recheck(w->b, w->now, 0);
	lwm2m_bootstrap_card(w->b, w->now, 0, y.p, y.len - 3);
	assert_string_equal(uri_of(w, 0), "coap://x.example");
	y.p[1] = 1; /* only the first object: an account without its other half */
	y.p[2] = 0;
	y.p[3] = (uint8_t)(5 + (y.p[7] << 8 | y.p[8]));
	if (y.p[6] != 0) /* the version has two bytes */
		y.p[3] = (uint8_t)(6 + (y.p[8] << 8 | y.p[9]));
	lwm2m_bootstrap_recheck(w->b, w->now, 0);
	lwm2m_bootstrap_card(w->b, w->now, 0, y.p, y.len);
	assert_string_equal(uri_of(w, 0), "coap://x.example");
	assert_non_null(strstr(w->log, "no Server instance"));
	/* a card with a bootstrap server, and nothing else: it is asked */
	bs = make_file(w, 0, "coaps://bs-of-the-card.example");
	lwm2m_bootstrap_recheck(w->b, w->now, 0);
	lwm2m_bootstrap_card(w->b, w->now, 0, bs.p, bs.len);
	assert_string_equal(uri_of(w, 0), "coaps://bs-of-the-card.example");
	state_is(w, HOLD_OFF);
	/* it goes while its server writes: the session is over, nothing is kept of it */
	pass(w, 0);
	lwm2m_bootstrap_up(w->b, w->now);
	run(w);
	state_is(w, SESSION);
	assert_int_equal(write_instance(w, "0/1", security_101), COAP_204_CHANGED);
	lwm2m_bootstrap_recheck(w->b, w->now, 0);
	lwm2m_bootstrap_card(w->b, w->now, -ENOENT, NULL, 0);
	state_is(w, DONE);
	assert_int_equal(w->connected, -1);
	assert_string_equal(uri_of(w, 0), "coap://x.example");
	assert_false(lwm2m_data_has(w->data, 0, 1));
}

static void test_factory(void **state)
{
	struct world *w = *state;
	struct file f = make_file(w, 9, "coaps://factory.example"),
		    g = make_file(w, 10, "coaps://newer.example");
	struct lwm2m_bootstrap_config c = plain;

	c.factory = (struct gp_bytes){f.p, f.len};
	begin(w, &c);
	state_is(w, DONE);
	assert_int_equal(status(w).source, LWM2M_BS_FROM_FACTORY);
	assert_string_equal(uri_of(w, 0), "coaps://factory.example");
	/* once: what became of it since counts */
	set_int(w, 1, 0, 1, 55);
	again(w, &c);
	assert_int_equal(lwm2m_data_int(w->data, 1, 0, 1, 0), 55);
	/* another file is another configuration */
	c.factory = (struct gp_bytes){g.p, g.len};
	again(w, &c);
	assert_string_equal(uri_of(w, 0), "coaps://newer.example");
	assert_int_equal(lwm2m_data_find(w->data, 1, 0, 9), -1);
	/* one that is no file leaves what there is */
	c.factory.len--;
	again(w, &c);
	state_is(w, DONE);
	assert_string_equal(uri_of(w, 0), "coaps://newer.example");
	assert_non_null(strstr(w->log, "factory file"));
}

static void test_nothing(void **state)
{
	struct world *w = *state;
	struct lwm2m_bootstrap_config c = plain;

	c.version = 13;
	assert_int_equal(lwm2m_bootstrap_new(&w->b, &c, w->data, w->state, &bootstrap_ops, w),
			 -EINVAL);
	begin(w, &plain);
	state_is(w, IDLE);
	assert_int_equal(lwm2m_bootstrap_deadline(w->b), LWM2M_NEVER);
	assert_int_equal(w->warnings, 1);
	/* said, but not warned of, where it is meant */
	c = plain;
	c.optional = true;
	w->log[0] = 0;
	again(w, &c);
	state_is(w, IDLE);
	assert_int_equal(w->warnings, 1);
	assert_non_null(strstr(w->log, "no server account"));
	for (unsigned int i = 0; i <= LWM2M_BS_WAITING; i++)
		assert_true(strlen(lwm2m_bs_state_name(i)) > 0);
	for (unsigned int i = 0; i <= LWM2M_BS_FROM_SERVER; i++)
		assert_true(strlen(lwm2m_bs_source_name(i)) > 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_client_initiated),
		T(test_session_ends),
		T(test_no_answer),
		T(test_consistency),
		T(test_operations),
		T(test_blocks),
		T(test_pack),
		T(test_server_initiated),
		T(test_fallback),
		T(test_account_timeout),
		T(test_card),
		T(test_card_bad),
		T(test_factory),
		T(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
