// SPDX-License-Identifier: Apache-2.0
/*
 * An account on a real journal and a real socket: addresses that are refused,
 * scripts as jobs, and requests that do not run twice over a restart.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "coap/transport.h"
#include "content/ses.h"
#include "job/job.h"
#include "lwm2m/lwm2m.h"

struct rig {
	char dir[64];
	struct job_store *store;
	struct content_ses *ses;
	struct lwm2m_account *a;
	int fd;
	uint16_t port;
	uint64_t hold_until;
	struct sockaddr_in peer;
	uint8_t in[2048];
	uint16_t mid;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void open_store(struct rig *r)
{
	const struct job_options options = {.dir = r->dir};
	struct job_error err;

	assert_int_equal(job_store_open(&r->store, &options, &err), 0);
	assert_int_equal(content_ses_new(&r->ses, r->store), 0);
}

static int new_secured(struct rig *r, const struct lwm2m_security *security, size_t n,
		       char *why)
{
	const struct lwm2m_account_config config = {
		.client = {.name = "main", .endpoint = "test", .lifetime = 300},
		.security = security,
		.nr_security = n,
		.hold_until = r->hold_until,
	};

	return lwm2m_account_new(&r->a, &config, r->store, r->ses, now_ms(), why);
}

static int new_account(struct rig *r, const char *uri, char *why)
{
	struct lwm2m_security security = LWM2M_SECURITY_INIT;

	security.uri = uri;
	return new_secured(r, &security, 1, why);
}

static void open_account(struct rig *r)
{
	char uri[64], why[CONTENT_WORDS_MAX];

	snprintf(uri, sizeof(uri), "coap://127.0.0.1:%u", r->port);
	assert_int_equal(new_account(r, uri, why), 0);
}

static void close_all(struct rig *r)
{
	lwm2m_account_free(r->a);
	r->a = NULL;
	job_store_close(r->store);
	content_ses_free(r->ses);
}

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct sockaddr_in sa = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sa);

	strcpy(r->dir, "/tmp/test-lwm2m-account-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	r->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(r->fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(getsockname(r->fd, (struct sockaddr *)&sa, &len), 0);
	r->port = ntohs(sa.sin_port);
	r->mid = 100;
	open_store(r);
	*state = r;
	return 0;
}

static int unlink_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct rig *r = *state;

	close_all(r);
	close(r->fd);
	nftw(r->dir, unlink_one, 8, FTW_DEPTH | FTW_PHYS);
	free(r);
	return 0;
}

/* let the account work until the server has a datagram */
static void receive(struct rig *r, struct coap_msg *m)
{
	uint64_t end = now_ms() + 60000;

	while (now_ms() < end) {
		struct pollfd p[2] = {{.fd = r->fd, .events = POLLIN},
				      {.fd = lwm2m_account_fd(r->a), .events = POLLIN}};
		uint64_t at = lwm2m_account_deadline(r->a), now = now_ms();
		socklen_t len = sizeof(r->peer);
		ssize_t n;

		poll(p, 2, at <= now ? 0 : at - now > 100 ? 100 : (int)(at - now));
		if (p[1].revents)
			lwm2m_account_ready(r->a, now_ms());
		lwm2m_account_tick(r->a, now_ms());
		if (!(p[0].revents & POLLIN))
			continue;
		n = recvfrom(r->fd, r->in, sizeof(r->in), 0, (struct sockaddr *)&r->peer, &len);
		assert_true(n > 0);
		assert_int_equal(coap_decode(m, r->in, (size_t)n), 0);
		return;
	}
	fail_msg("nothing came in a minute");
}

static void send_msg(struct rig *r, const struct coap_msg *m, const struct coap_opts *opts)
{
	uint8_t b[2048];
	int n = coap_encode(b, sizeof(b), m, opts);

	assert_true(n > 0);
	assert_int_equal(
		sendto(r->fd, b, (size_t)n, 0, (struct sockaddr *)&r->peer, sizeof(r->peer)),
		n);
}

static void answer(struct rig *r, const struct coap_msg *call, uint8_t code,
		   const char *location)
{
	struct coap_msg m = {
		.type = COAP_ACK, .code = code, .mid = call->mid, .token_len = call->token_len};
	struct coap_opts opts = {0};

	memcpy(m.token, call->token, call->token_len);
	if (location)
		coap_opts_add_path(&opts, COAP_OPT_LOCATION_PATH, location);
	send_msg(r, &m, &opts);
}

static void expect_register(struct rig *r)
{
	struct coap_msg m;
	char s[256];

	/* what an account that was closed had sent may come first */
	do {
		receive(r, &m);
		assert_int_equal(m.code, COAP_POST);
		assert_true(coap_opt_path(&m, COAP_OPT_URI_PATH, s, sizeof(s)) > 0);
	} while (strcmp(s, "/rd") != 0);
	answer(r, &m, COAP_201_CREATED, "rd/1");
}

static void send_request(struct rig *r, uint8_t method, uint16_t mid, const char *path,
			 uint32_t format, const void *payload, size_t len)
{
	struct coap_msg q = {.type = COAP_CON,
			     .code = method,
			     .mid = mid,
			     .token_len = 1,
			     .payload = payload,
			     .payload_len = len};
	struct coap_opts opts = {0};

	coap_opts_add_path(&opts, COAP_OPT_URI_PATH, path);
	if (len > 0)
		coap_opts_add_uint(&opts, COAP_OPT_CONTENT_FORMAT, format);
	send_msg(r, &q, &opts);
}

static uint8_t request(struct rig *r, struct coap_msg *m, uint8_t method, uint16_t mid,
		       const char *path, uint32_t format, const void *payload, size_t len)
{
	send_request(r, method, mid, path, format, payload, len);
	for (;;) {
		receive(r, m);
		if (m->type == COAP_ACK && m->mid == mid)
			return m->code;
		if (m->type == COAP_CON && m->code == COAP_POST) /* an Update */
			answer(r, m, COAP_204_CHANGED, NULL);
	}
}

static void test_addresses(void **state)
{
	static const char *const bad[] = {
		"",
		"http://h",
		"coap://",
		"coap://[::1",
		"coap://h:",
		"coap://h:x",
		"coap://h:1/path",
		"coap://[::1]x",
		"coaps://127.0.0.1",
		"coap:h",
	};
	struct rig *r = *state;
	char why[CONTENT_WORDS_MAX];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (new_account(r, bad[i], why) != -EINVAL || !*why)
			fail_msg("\"%s\" was taken, or refused without a reason", bad[i]);
	}
	/* a server that does not exist is no mistake of the configuration */
	assert_int_equal(new_account(r, "coap://[::1]:9/", why), 0);
	assert_true(lwm2m_account_deadline(r->a) != LWM2M_NEVER);
}

/* What a mode needs, and what cannot be used, is told before anything is sent. */
static void test_security(void **state)
{
	static const uint8_t some[COAP_PSK_IDENTITY_MAX + 1] = "identity";
	static const struct {
		enum lwm2m_security_mode mode;
		const char *uri;
		size_t identity, server, key;
		const char *word; /* NULL: it is taken */
	} cases[] = {
		{LWM2M_SECURITY_NONE, "coaps://127.0.0.1:9", 0, 0, 0, "coaps one"},
		{LWM2M_SECURITY_PSK, "coap://127.0.0.1:9", 8, 0, 16, "coap one"},
		{LWM2M_SECURITY_PSK, "coaps://127.0.0.1:9", 0, 0, 16, "3 (identity)"},
		{LWM2M_SECURITY_PSK, "coaps://127.0.0.1:9", 8, 0, 0, "5 (key)"},
		{LWM2M_SECURITY_PSK, "coaps://127.0.0.1:9", 9, 0, 16, "NUL"},
		{LWM2M_SECURITY_PSK, "coaps://127.0.0.1:9", sizeof(some), 0, 16, "too long"},
		{LWM2M_SECURITY_PSK, "coaps://127.0.0.1:9", 8, 0, 16, NULL},
		{LWM2M_SECURITY_RPK, "coaps://127.0.0.1:9", 8, 0, 16, "4 (of the server)"},
		{LWM2M_SECURITY_X509, "coaps://127.0.0.1:9", 0, 8, 16, "3 (certificate)"},
		{LWM2M_SECURITY_X509, "coaps://127.0.0.1:9", 8, 0, 16, "resource 4"},
		{LWM2M_SECURITY_EST, "coaps://127.0.0.1:9", 8, 8, 16, "EST"},
	};
	struct rig *r = *state;
	char why[CONTENT_WORDS_MAX];

	assert_int_equal(new_secured(r, NULL, 0, why), -EINVAL);
	assert_non_null(strstr(why, "no Security instance"));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lwm2m_security s = LWM2M_SECURITY_INIT;
		int err;

		s.mode = cases[i].mode;
		s.uri = cases[i].uri;
		s.identity = (struct lwm2m_bytes){some, cases[i].identity};
		s.server = (struct lwm2m_bytes){some, cases[i].server};
		s.key = (struct lwm2m_bytes){some, cases[i].key};
		err = new_secured(r, &s, 1, why);
		if (!cases[i].word)
			assert_int_equal(err, 0);
		else if (err != -EINVAL || !strstr(why, cases[i].word))
			fail_msg("case %zu: %d, \"%s\"", i, err, why);
	}
}

/* A server is not contacted before what it will ask for is there. */
static void test_held(void **state)
{
	struct rig *r = *state;
	struct pollfd p = {.fd = r->fd, .events = POLLIN};
	uint64_t t0 = now_ms();

	r->hold_until = t0 + 60000;
	open_account(r);
	assert_int_equal(lwm2m_account_deadline(r->a), r->hold_until);
	lwm2m_account_tick(r->a, t0 + 59999);
	assert_int_equal(poll(&p, 1, 100), 0);
	lwm2m_account_release(r->a, now_ms());
	expect_register(r);
	lwm2m_account_free(r->a);

	/* without a release the time comes all the same */
	r->hold_until = now_ms() + 50;
	open_account(r);
	expect_register(r);
}

static void test_scripts_are_jobs(void **state)
{
	static const uint8_t script[] = {0xaa, 0x07, 0x22, 0x05, 0x80, 0xca, 0x00, 0x42, 0x00};
	struct rig *r = *state;
	struct lwm2m_status st;
	struct job_info info;
	struct coap_msg m;
	char s[512];

	open_account(r);
	expect_register(r);
	/* instance 0 is there from the start */
	assert_int_equal(request(r, &m, COAP_GET, ++r->mid, "26242/0/4", 0, NULL, 0),
			 COAP_205_CONTENT);
	assert_int_equal(request(r, &m, COAP_PUT, ++r->mid, "26242/0/2", COAP_FORMAT_OCTETS,
				 script, sizeof(script)),
			 COAP_204_CHANGED);
	assert_int_equal(
		request(r, &m, COAP_PUT, ++r->mid, "26242/0/13", COAP_FORMAT_TEXT, "30", 2),
		COAP_204_CHANGED);
	assert_int_equal(job_find(r->store, "lwm2m:main", 0, &info), 0);
	assert_int_equal(info.script_len, sizeof(script));
	assert_int_equal(info.params.deadline_s, 30);
	/* there is no SE here: Run says so, by the code of job/ and in words */
	assert_int_equal(request(r, &m, COAP_POST, ++r->mid, "26242/0/3", 0, NULL, 0),
			 COAP_400_BAD_REQUEST);
	snprintf(s, sizeof(s), "%.*s", (int)m.payload_len, (const char *)m.payload);
	assert_non_null(strstr(s, "no-such-se"));
	assert_int_equal(request(r, &m, COAP_POST, ++r->mid, "26242/0/10", 0, NULL, 0),
			 COAP_405_METHOD_NOT_ALLOWED);
	lwm2m_account_status(r->a, &st);
	assert_int_equal(st.state, LWM2M_REGISTERED);
}

static void test_not_twice_over_a_restart(void **state)
{
	struct rig *r = *state;
	struct job_info info;
	struct coap_msg m;

	open_account(r);
	expect_register(r);
	/* Create of /26242/3 with a deadline of 9 s */
	assert_int_equal(request(r, &m, COAP_POST, 500, "26242", COAP_FORMAT_LWM2M_TLV,
				 "\x03\x03\xc1\x0d\x09", 5),
			 COAP_201_CREATED);
	assert_int_equal(request(r, &m, COAP_DELETE, 501, "26242/3", 0, NULL, 0),
			 COAP_202_DELETED);
	assert_int_equal(job_find(r->store, "lwm2m:main", 3, &info), -ENOENT);
	close_all(r);
	open_store(r);
	open_account(r);
	expect_register(r);
	/* the network repeats the Create: answered as before, and nothing is made */
	assert_int_equal(request(r, &m, COAP_POST, 500, "26242", COAP_FORMAT_LWM2M_TLV,
				 "\x03\x03\xc1\x0d\x09", 5),
			 COAP_201_CREATED);
	assert_int_equal(job_find(r->store, "lwm2m:main", 3, &info), -ENOENT);
	/* the same number with other bytes is another request */
	assert_int_equal(request(r, &m, COAP_POST, 502, "26242", COAP_FORMAT_LWM2M_TLV,
				 "\x03\x03\xc1\x0d\x09", 5),
			 COAP_201_CREATED);
	assert_int_equal(job_find(r->store, "lwm2m:main", 3, &info), 0);
	close_all(r);
	open_store(r);
	open_account(r);
	expect_register(r);
	/* the instance has outlived its maker */
	assert_int_equal(request(r, &m, COAP_GET, ++r->mid, "26242/3/13", 0, NULL, 0),
			 COAP_205_CONTENT);
	assert_int_equal(m.payload_len, 1);
	assert_memory_equal(m.payload, "9", 1);
}

/* A record guards for its time only: then the same bytes are another request. */
static void test_record_has_an_end(void **state)
{
	struct rig *r = *state;
	struct job_info info;
	struct pollfd p;
	struct coap_msg m;

	open_account(r);
	expect_register(r);
	assert_int_equal(request(r, &m, COAP_POST, 500, "26242", COAP_FORMAT_LWM2M_TLV,
				 "\x03\x03\xc1\x0d\x09", 5),
			 COAP_201_CREATED);
	assert_int_equal(request(r, &m, COAP_DELETE, 501, "26242/3", 0, NULL, 0),
			 COAP_202_DELETED);
	close_all(r);
	open_store(r);
	open_account(r);
	expect_register(r);
	send_request(r, COAP_POST, 500, "26242", COAP_FORMAT_LWM2M_TLV, "\x03\x03\xc1\x0d\x09",
		     5);
	p = (struct pollfd){.fd = lwm2m_account_fd(r->a), .events = POLLIN};
	assert_int_equal(poll(&p, 1, 60000), 1);
	lwm2m_account_ready(r->a, now_ms() + 250000);
	assert_int_equal(job_find(r->store, "lwm2m:main", 3, &info), 0);
}

static void test_good_bye(void **state)
{
	struct rig *r = *state;
	struct lwm2m_status st;
	struct coap_msg m;
	uint64_t end;

	open_account(r);
	expect_register(r);
	assert_int_equal(request(r, &m, COAP_GET, ++r->mid, "1/0/1", 0, NULL, 0),
			 COAP_205_CONTENT);
	lwm2m_account_stop(r->a, now_ms());
	receive(r, &m);
	assert_int_equal(m.code, COAP_DELETE);
	answer(r, &m, COAP_202_DELETED, NULL);
	for (end = now_ms() + 60000; now_ms() < end; usleep(1000)) {
		lwm2m_account_ready(r->a, now_ms());
		lwm2m_account_status(r->a, &st);
		if (st.state == LWM2M_STOPPED)
			break;
	}
	assert_int_equal(st.state, LWM2M_STOPPED);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_addresses),
		TEST(test_security),
		TEST(test_held),
		TEST(test_scripts_are_jobs),
		TEST(test_not_twice_over_a_restart),
		TEST(test_record_has_an_end),
		TEST(test_good_bye),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
