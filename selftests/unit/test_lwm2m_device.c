// SPDX-License-Identifier: Apache-2.0
/*
 * A device with its loop, on a real journal and real sockets: servers are played
 * here. Accounts from the configuration, accounts that come, change and go with
 * the data model, what one server changes told to the other, restarts.
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

#include "coap/coap.h"
#include "job/job.h"
#include "keys/cred.h"
#include "lwm2m/device.h"

#define PEERS 3

struct peer {
	int fd;
	char uri[64];
	struct sockaddr_in from;
	uint8_t in[2048];
	uint16_t mid;
	int answered; /* message id of the last request from there, -1: none */
};

struct rig {
	char dir[64];
	struct job_store *store;
	struct content *content;
	struct se_keys *keys;
	struct lwm2m_device *dev;
	struct peer peer[PEERS];
	char logged[2048];
	unsigned int reboots;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void on_log(void *ctx, int level, const char *server, const char *text)
{
	struct rig *r = ctx;
	size_t at = strlen(r->logged);

	(void)level;
	snprintf(r->logged + at, sizeof(r->logged) - at, "%s: %s\n", server, text);
}

static void on_reboot(void *ctx)
{
	((struct rig *)ctx)->reboots++;
}

static struct lwm2m_factory section(struct rig *r, unsigned int peer, const char *name,
				    uint16_t ssid)
{
	return (struct lwm2m_factory){
		.name = name,
		.ssid = ssid,
		.uri = r->peer[peer].uri,
		.mode = LWM2M_SECURITY_NONE,
		.cert_usage = -1,
		.lifetime = 300,
		.version = 11,
	};
}

static int make(struct rig *r, const struct lwm2m_factory *servers, size_t n, char *why)
{
	const struct lwm2m_device_config config = {
		.endpoint = "urn:dev:test",
		.state_dir = r->dir,
		.store = r->store,
		.content = r->content,
		.keys = r->keys,
		.servers = servers,
		.nr_servers = n,
		.reboot = on_reboot,
		.log = on_log,
		.ctx = r,
	};

	return lwm2m_device_new(&r->dev, &config, now_ms(), why);
}

static void open_device(struct rig *r, const struct lwm2m_factory *servers, size_t n)
{
	char why[CONTENT_WORDS_MAX];

	if (make(r, servers, n, why) != 0)
		fail_msg("no device: %s", why);
}

static void close_device(struct rig *r)
{
	lwm2m_device_free(r->dev);
	r->dev = NULL;
}

static int setup(void **state)
{
	struct job_options o = {0};
	struct rig *r = calloc(1, sizeof(*r));
	char why[CONTENT_WORDS_MAX];
	struct job_error err;

	strcpy(r->dir, "/tmp/test-lwm2m-device-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	o.dir = r->dir;
	for (unsigned int i = 0; i < PEERS; i++) {
		struct sockaddr_in sa = {.sin_family = AF_INET,
					 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		socklen_t len = sizeof(sa);
		struct peer *p = &r->peer[i];

		p->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		assert_int_equal(bind(p->fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
		assert_int_equal(getsockname(p->fd, (struct sockaddr *)&sa, &len), 0);
		snprintf(p->uri, sizeof(p->uri), "coap://127.0.0.1:%u", ntohs(sa.sin_port));
		p->mid = (uint16_t)(100 * i);
		p->answered = -1;
	}
	assert_int_equal(job_store_open(&r->store, &o, &err), 0);
	assert_int_equal(content_new(&r->content, r->store, r->dir, why), 0);
	*state = r;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct rig *r = *state;

	close_device(r);
	se_keys_free(r->keys);
	content_free(r->content);
	job_store_close(r->store);
	for (unsigned int i = 0; i < PEERS; i++)
		close(r->peer[i].fd);
	nftw(r->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(r);
	return 0;
}

/* ---- the loop, and what the servers see ---------------------------------------- */

/* one turn: as a daemon's loop would do it, on the descriptor and the deadline alone */
static void turn(struct rig *r, int peer_fd, int max_ms)
{
	struct pollfd fds[] = {{.fd = lwm2m_device_fd(r->dev), .events = POLLIN},
			       {.fd = peer_fd, .events = POLLIN}};
	uint64_t now = now_ms(), at = lwm2m_device_deadline(r->dev);
	int ms = max_ms;

	if (at <= now)
		ms = 0;
	else if (at - now < (uint64_t)ms)
		ms = (int)(at - now);
	poll(fds, 2, ms);
	if (fds[0].revents)
		lwm2m_device_ready(r->dev, now_ms());
	if (lwm2m_device_deadline(r->dev) <= now_ms())
		lwm2m_device_tick(r->dev, now_ms());
}

/* the next message at server @i within @ms; false if there is none */
static bool receive(struct rig *r, unsigned int i, struct coap_msg *m, int ms)
{
	struct peer *p = &r->peer[i];
	uint64_t until = now_ms() + (uint64_t)ms;
	socklen_t len = sizeof(p->from);

	for (;;) {
		ssize_t n = recvfrom(p->fd, p->in, sizeof(p->in), MSG_DONTWAIT,
				     (struct sockaddr *)&p->from, &len);

		if (n > 0) {
			assert_int_equal(coap_decode(m, p->in, (size_t)n), 0);
			return true;
		}
		if (now_ms() >= until)
			return false;
		turn(r, p->fd, 20);
	}
}

static void put(struct rig *r, unsigned int i, const struct coap_msg *m,
		const struct coap_opts *opts)
{
	struct peer *p = &r->peer[i];
	uint8_t b[1024];
	int n = coap_encode(b, sizeof(b), m, opts);

	assert_true(n > 0);
	assert_int_equal(
		sendto(p->fd, b, (size_t)n, 0, (struct sockaddr *)&p->from, sizeof(p->from)),
		n);
}

static void answer(struct rig *r, unsigned int i, const struct coap_msg *call, uint8_t code,
		   const char *location)
{
	struct coap_msg m = {
		.type = COAP_ACK, .code = code, .mid = call->mid, .token_len = call->token_len};
	struct coap_opts opts = {0};

	memcpy(m.token, call->token, call->token_len);
	r->peer[i].answered = call->mid;
	if (location)
		coap_opts_add_path(&opts, COAP_OPT_LOCATION_PATH, location);
	put(r, i, &m, &opts);
}

/* wait for a request with this method and path, answer it; its queries go to @query */
static void serve(struct rig *r, unsigned int i, uint8_t method, const char *path, uint8_t code,
		  const char *location, char query[256])
{
	char got[64];
	struct coap_msg m;

	/* it is repeated where the answer was late */
	do {
		if (!receive(r, i, &m, 60000))
			fail_msg("server %u: nothing came, %s expected; log:\n%s", i, path,
				 r->logged);
	} while (m.mid == r->peer[i].answered);
	assert_true(coap_opt_path(&m, COAP_OPT_URI_PATH, got, sizeof(got)) >= 0);
	assert_string_equal(got, path);
	assert_int_equal(m.code, method);
	if (query)
		assert_true(coap_opt_path(&m, COAP_OPT_URI_QUERY, query, 256) >= 0);
	answer(r, i, &m, code, location);
}

static void serve_register(struct rig *r, unsigned int i, const char *location)
{
	char query[256];

	serve(r, i, COAP_POST, "/rd", COAP_201_CREATED, location, query);
	assert_non_null(strstr(query, "ep=urn:dev:test"));
}

/* until the account @name is registered */
static void settle(struct rig *r, const char *name)
{
	uint64_t until = now_ms() + 60000;

	while (now_ms() < until) {
		struct lwm2m_device_account a;

		for (unsigned int i = 0; lwm2m_device_account(r->dev, i, &a) == 0; i++)
			if (strcmp(a.name, name) == 0 && a.working &&
			    a.status.state == LWM2M_REGISTERED)
				return;
		turn(r, -1, 10);
	}
	fail_msg("%s is not registered; log:\n%s", name, r->logged);
}

/* the answer to a request of server @i; notifications on the way are acknowledged */
static uint8_t request(struct rig *r, unsigned int i, struct coap_msg *m, uint8_t method,
		       const char *path, const char *payload, int observe)
{
	struct peer *p = &r->peer[i];
	struct coap_msg req = {.type = COAP_CON,
			       .code = method,
			       .mid = ++p->mid,
			       .token_len = 2,
			       .token = {(uint8_t)(p->mid >> 8), (uint8_t)p->mid},
			       .payload = (const uint8_t *)payload,
			       .payload_len = payload ? strlen(payload) : 0};
	struct coap_opts opts = {0};

	if (observe >= 0)
		coap_opts_add_uint(&opts, COAP_OPT_OBSERVE, (uint32_t)observe);
	coap_opts_add_path(&opts, COAP_OPT_URI_PATH, path);
	if (payload)
		coap_opts_add_uint(&opts, COAP_OPT_CONTENT_FORMAT, COAP_FORMAT_TEXT);
	put(r, i, &req, &opts);
	while (receive(r, i, m, 60000)) {
		if (m->type == COAP_ACK && m->mid == p->mid)
			return m->code;
	}
	fail_msg("%s: no answer", path);
	return 0;
}

/* everybody may read /1/@instance */
static void allow_reading(struct rig *r, uint16_t instance)
{
	struct lwm2m_data *d = lwm2m_device_data(r->dev);
	const struct lwm2m_value all = {
		.path = lwm2m_path_at(4, 2, 0, 2, 0), .type = MODEL_INTEGER, .i = 1};

	assert_int_equal(lwm2m_data_begin(d), 0);
	assert_int_equal(lwm2m_data_add(d, 2, 0), 0);
	assert_int_equal(lwm2m_data_set_int(d, 2, 0, 0, 1), 0);
	assert_int_equal(lwm2m_data_set_int(d, 2, 0, 1, instance), 0);
	assert_int_equal(lwm2m_data_set(d, &all), 0);
	assert_int_equal(lwm2m_data_set_int(d, 2, 0, 3, 101), 0);
	assert_int_equal(lwm2m_data_commit(d), 0);
}

/* ---- tests -------------------------------------------------------------------------- */

static void test_two_servers(void **state)
{
	struct rig *r = *state;
	struct lwm2m_factory s[] = {section(r, 0, "first", 101), section(r, 1, "second", 102)};
	struct lwm2m_device_account a;
	struct coap_msg m;

	open_device(r, s, 2);
	serve_register(r, 0, "rd/a");
	serve_register(r, 1, "rd/b");
	settle(r, "first");
	settle(r, "second");
	assert_int_equal(lwm2m_device_account(r->dev, 0, &a), 0);
	assert_string_equal(a.name, "first");
	assert_string_equal(a.uri, r->peer[0].uri);
	assert_int_equal(a.ssid, 101);
	assert_true(a.working);
	assert_string_equal(a.status.location, "/rd/a");
	assert_int_equal(lwm2m_device_account(r->dev, 1, &a), 0);
	assert_string_equal(a.name, "second");
	assert_int_equal(lwm2m_device_account(r->dev, 2, &a), -ENOENT);

	/* what one of them does, the other is told, if it may know */
	assert_int_equal(request(r, 1, &m, COAP_GET, "1/0/3", NULL, 0), COAP_401_UNAUTHORIZED);
	allow_reading(r, 0);
	/* there is an object more: both are told */
	lwm2m_device_tick(r->dev, now_ms());
	serve(r, 0, COAP_POST, "/rd/a", COAP_204_CHANGED, NULL, NULL);
	serve(r, 1, COAP_POST, "/rd/b", COAP_204_CHANGED, NULL, NULL);
	settle(r, "first");
	settle(r, "second");
	assert_int_equal(request(r, 1, &m, COAP_GET, "1/0/3", NULL, 0), COAP_205_CONTENT);
	assert_int_equal(request(r, 0, &m, COAP_PUT, "1/0/3", "76", -1), COAP_204_CHANGED);
	assert_true(receive(r, 1, &m, 60000));
	assert_int_equal(m.code, COAP_205_CONTENT);
	assert_true(m.payload_len >= 1);
	put(r, 1, &(struct coap_msg){.type = COAP_ACK, .mid = m.mid}, NULL);
	assert_int_equal(request(r, 0, &m, COAP_POST, "3/0/4", NULL, -1), COAP_204_CHANGED);
	assert_int_equal(r->reboots, 1);
	/* each has its own Server instance */
	assert_int_equal(request(r, 0, &m, COAP_PUT, "1/0/3", "77", -1), COAP_204_CHANGED);
	assert_true(receive(r, 1, &m, 60000));
	assert_int_equal(m.code, COAP_205_CONTENT);
	put(r, 1, &(struct coap_msg){.type = COAP_ACK, .mid = m.mid}, NULL);
	assert_int_equal(request(r, 0, &m, COAP_PUT, "1/1/3", "77", -1), COAP_401_UNAUTHORIZED);
	assert_int_equal(lwm2m_data_int(lwm2m_device_data(r->dev), 1, 0, 3, -1), 77);
	assert_int_equal(lwm2m_data_int(lwm2m_device_data(r->dev), 1, 1, 3, -1), 0);

	/* an Update now */
	assert_int_equal(lwm2m_device_update(r->dev, now_ms(), "nobody"), -ENOENT);
	assert_int_equal(lwm2m_device_update(r->dev, now_ms(), "second"), 0);
	serve(r, 1, COAP_POST, "/rd/b", COAP_204_CHANGED, NULL, NULL);
	settle(r, "second");

	lwm2m_device_stop(r->dev, now_ms());
	assert_false(lwm2m_device_stopped(r->dev));
	serve(r, 0, COAP_DELETE, "/rd/a", COAP_202_DELETED, NULL, NULL);
	serve(r, 1, COAP_DELETE, "/rd/b", COAP_202_DELETED, NULL, NULL);
	for (int i = 0; i < 3000 && !lwm2m_device_stopped(r->dev); i++)
		turn(r, -1, 20);
	assert_true(lwm2m_device_stopped(r->dev));
}

/* what a server or a bootstrap made of it stays, until the section changes */
static void test_configuration(void **state)
{
	struct rig *r = *state;
	struct lwm2m_factory s[] = {section(r, 0, "first", 101), section(r, 1, "second", 102)};
	struct lwm2m_data *d;
	int32_t id;

	open_device(r, s, 2);
	d = lwm2m_device_data(r->dev);
	assert_int_equal(lwm2m_data_int(d, 1, 0, 1, -1), 300);
	assert_int_equal(lwm2m_data_set_int(d, 1, 0, 1, 600), 0);
	close_device(r);

	open_device(r, s, 2);
	d = lwm2m_device_data(r->dev);
	assert_int_equal(lwm2m_data_int(d, 1, 0, 1, -1), 600);
	close_device(r);

	/* the section changed: it has the last word again; another one is gone */
	s[0].lifetime = 400;
	open_device(r, s, 1);
	d = lwm2m_device_data(r->dev);
	id = lwm2m_data_find(d, 1, 0, 101);
	assert_true(id >= 0);
	assert_int_equal(lwm2m_data_int(d, 1, (uint16_t)id, 1, -1), 400);
	assert_int_equal(lwm2m_data_find(d, 1, 0, 102), -1);
	assert_int_equal(lwm2m_data_find(d, 0, 10, 102), -1);
	close_device(r);

	/* another number for the same server: the old account is no more */
	s[0].ssid = 7;
	open_device(r, s, 1);
	d = lwm2m_device_data(r->dev);
	assert_int_equal(lwm2m_data_find(d, 1, 0, 101), -1);
	assert_true(lwm2m_data_find(d, 1, 0, 7) >= 0);
	close_device(r);

	/* another name for it: the server stays, and what it was told */
	open_device(r, s, 1);
	d = lwm2m_device_data(r->dev);
	id = lwm2m_data_find(d, 1, 0, 7);
	assert_int_equal(lwm2m_data_set_int(d, 1, (uint16_t)id, 3, 55), 0);
	close_device(r);
	s[0].name = "renamed";
	open_device(r, s, 1);
	d = lwm2m_device_data(r->dev);
	assert_true(lwm2m_data_find(d, 1, 0, 7) >= 0);
}

static void test_refused(void **state)
{
	struct rig *r = *state;
	struct lwm2m_factory s[] = {section(r, 0, "first", 101)};
	struct lwm2m_device_account a;
	char why[CONTENT_WORDS_MAX];

	s[0].ssid = 0;
	assert_int_equal(make(r, s, 1, why), -EINVAL);
	assert_non_null(strstr(why, "server first"));
	/* an account that cannot be is shown, and keeps no other away */
	s[0] = section(r, 0, "first", 101);
	s[0].mode = LWM2M_SECURITY_PSK;
	open_device(r, s, 1);
	assert_int_equal(lwm2m_device_account(r->dev, 0, &a), 0);
	assert_false(a.working);
	assert_non_null(strstr(a.status.error, "/0/0: the address is a coap one"));
	assert_int_equal(lwm2m_device_update(r->dev, now_ms(), NULL), -ENOTCONN);
}

static void add_account(struct rig *r, unsigned int peer, uint16_t instance, uint16_t ssid)
{
	struct lwm2m_data *d = lwm2m_device_data(r->dev);
	const char *uri = r->peer[peer].uri;

	assert_int_equal(lwm2m_data_begin(d), 0);
	assert_int_equal(lwm2m_data_add(d, 0, instance), 0);
	assert_int_equal(lwm2m_data_set_bytes(d, 0, instance, 0, uri, strlen(uri)), 0);
	assert_int_equal(lwm2m_data_set_int(d, 0, instance, 1, false), 0);
	assert_int_equal(lwm2m_data_set_int(d, 0, instance, 2, 3), 0);
	assert_int_equal(lwm2m_data_set_int(d, 0, instance, 10, ssid), 0);
	assert_int_equal(lwm2m_data_add(d, 1, instance), 0);
	assert_int_equal(lwm2m_data_set_int(d, 1, instance, 0, ssid), 0);
	assert_int_equal(lwm2m_data_set_int(d, 1, instance, 1, 300), 0);
	assert_int_equal(lwm2m_data_set_int(d, 1, instance, 6, true), 0);
	assert_int_equal(lwm2m_data_set_bytes(d, 1, instance, 7, "U", 1), 0);
	assert_int_equal(lwm2m_data_commit(d), 0);
}

/* accounts come, move and go while the first one lives on */
static void test_come_and_go(void **state)
{
	struct rig *r = *state;
	struct lwm2m_factory s[] = {section(r, 0, "first", 101)};
	struct lwm2m_path security = lwm2m_path_at(2, 0, 5, 0, 0);
	struct lwm2m_path server = lwm2m_path_at(2, 1, 5, 0, 0);
	struct lwm2m_device_account a;
	struct lwm2m_data *d;
	struct coap_msg m;
	uint8_t *val;
	size_t len;

	open_device(r, s, 1);
	d = lwm2m_device_data(r->dev);
	serve_register(r, 0, "rd/a");
	settle(r, "first");

	/* one without security that nobody configured is refused */
	add_account(r, 1, 5, 105);
	lwm2m_device_tick(r->dev, now_ms());
	assert_false(receive(r, 1, &m, 200));
	assert_int_equal(lwm2m_device_account(r->dev, 1, &a), 0);
	assert_false(a.working);
	assert_non_null(strstr(a.status.error, "allow_nosec"));
	close_device(r);

	/* the same where it is allowed */
	{
		const struct lwm2m_device_config config = {
			.endpoint = "urn:dev:test",
			.state_dir = r->dir,
			.store = r->store,
			.content = r->content,
			.servers = s,
			.nr_servers = 1,
			.allow_nosec = true,
			.log = on_log,
			.ctx = r,
		};
		char why[CONTENT_WORDS_MAX];

		assert_int_equal(lwm2m_device_new(&r->dev, &config, now_ms(), why), 0);
	}
	d = lwm2m_device_data(r->dev);
	serve_register(r, 1, "rd/b");
	settle(r, "ssid-105");
	/* 101 is known from before: an Update or a Register, as registration sees fit */
	assert_true(receive(r, 0, &m, 60000));
	answer(r, 0, &m, COAP_204_CHANGED, NULL);

	/* it moves to another address: the new one hears of it, the old one does not */
	assert_int_equal(
		lwm2m_data_set_bytes(d, 0, 5, 0, r->peer[2].uri, strlen(r->peer[2].uri)), 0);
	lwm2m_device_tick(r->dev, now_ms());
	serve_register(r, 2, "rd/c");
	settle(r, "ssid-105");
	assert_non_null(strstr(r->logged, "ssid-105: the account has changed"));

	/* it goes: with a word to its server, and nothing is kept for it */
	assert_int_equal(lwm2m_data_begin(d), 0);
	assert_int_equal(lwm2m_data_remove(d, &security), 0);
	assert_int_equal(lwm2m_data_remove(d, &server), 0);
	assert_int_equal(lwm2m_data_commit(d), 0);
	lwm2m_device_tick(r->dev, now_ms());
	serve(r, 2, COAP_DELETE, "/rd/c", COAP_202_DELETED, NULL, NULL);
	for (int i = 0; i < 3000 && lwm2m_device_account(r->dev, 1, &a) == 0; i++)
		turn(r, -1, 20);
	assert_int_equal(lwm2m_device_account(r->dev, 1, &a), -ENOENT);
	close_device(r);
	{
		struct store *st;
		const uint8_t key[] = {0, 105};
		char why[256];

		assert_int_equal(store_open(&st, r->dir, "lwm2m", why, sizeof(why)), 0);
		assert_int_equal(store_get(st, LWM2M_KIND_REG, key, 2, &val, &len), -ENOENT);
		store_close(st);
	}
}

static void wait_for_log(struct rig *r, const char *words)
{
	uint64_t until = now_ms() + 60000;

	while (!strstr(r->logged, words) && now_ms() < until)
		turn(r, -1, 20);
	if (!strstr(r->logged, words))
		fail_msg("\"%s\" was not said; log:\n%s", words, r->logged);
}

/*
 * The query of a PKCS#11 URI says which module is loaded into this process: it is followed
 * where the configuration has it, and refused where a server wrote it, into an account of its
 * own or into the one that the configuration made.
 */
static void test_references(void **state)
{
	/* that the query was looked at shows in what is said of it; nothing is loaded */
	static const char uri[] = "pkcs11:token=t;object=o?pin-value=1234";
	struct rig *r = *state;
	struct lwm2m_factory s[] = {section(r, 0, "first", 101)};
	struct lwm2m_data *d;

	assert_int_equal(se_keys_new(&r->keys, r->store), 0);
	s[0].uri = "coaps://127.0.0.1:9";
	s[0].mode = LWM2M_SECURITY_RPK;
	s[0].identity = s[0].peer = (struct lwm2m_bytes){"public", 6};
	s[0].secret = (struct lwm2m_bytes){uri, sizeof(uri) - 1};
	open_device(r, s, 1);
	wait_for_log(r, "pin-value");
	assert_null(strstr(r->logged, "must not have a query"));

	d = lwm2m_device_data(r->dev);
	add_account(r, 1, 5, 105);
	assert_int_equal(lwm2m_data_begin(d), 0);
	assert_int_equal(lwm2m_data_set_bytes(d, 0, 5, 0, s[0].uri, strlen(s[0].uri)), 0);
	assert_int_equal(lwm2m_data_set_int(d, 0, 5, 2, LWM2M_SECURITY_RPK), 0);
	assert_int_equal(lwm2m_data_set_bytes(d, 0, 5, 3, "public", 6), 0);
	assert_int_equal(lwm2m_data_set_bytes(d, 0, 5, 4, "public", 6), 0);
	assert_int_equal(lwm2m_data_set_bytes(d, 0, 5, 5, uri, sizeof(uri) - 1), 0);
	assert_int_equal(lwm2m_data_commit(d), 0);
	r->logged[0] = '\0';
	lwm2m_device_tick(r->dev, now_ms());
	wait_for_log(r, "/0/5: a PKCS#11 URI from elsewhere must not have a query");

	r->logged[0] = '\0';
	assert_int_equal(lwm2m_data_set_bytes(d, 0, 0, 14, "other", 5), 0);
	lwm2m_device_tick(r->dev, now_ms());
	wait_for_log(r, "first: the account has changed");
	wait_for_log(r, "/0/0: a PKCS#11 URI from elsewhere must not have a query");
}

/* 13 to 15 of object 1: the second waits for the first */
static void test_order(void **state)
{
	struct rig *r = *state;
	struct lwm2m_factory s[] = {section(r, 0, "first", 101), section(r, 1, "second", 102)};
	struct lwm2m_data *d;
	struct coap_msg m;

	open_device(r, s, 2);
	d = lwm2m_device_data(r->dev);
	assert_int_equal(lwm2m_data_set_int(d, 1, 0, 13, 2), 0);
	assert_int_equal(lwm2m_data_set_int(d, 1, 1, 13, 1), 0);
	assert_int_equal(lwm2m_data_set_int(d, 1, 1, 15, true), 0);
	close_device(r);
	while (recv(r->peer[0].fd, r->peer[0].in, sizeof(r->peer[0].in), MSG_DONTWAIT) > 0)
		;
	while (recv(r->peer[1].fd, r->peer[1].in, sizeof(r->peer[1].in), MSG_DONTWAIT) > 0)
		;

	open_device(r, s, 2);
	assert_true(receive(r, 1, &m, 60000));
	assert_int_equal(m.code, COAP_POST);
	assert_false(receive(r, 0, &m, 300));
	/* the second one's message was lost: it comes again, is answered, and frees the first
	 */
	serve_register(r, 1, "rd/b");
	serve_register(r, 0, "rd/a");
	settle(r, "first");
	settle(r, "second");
}

/*
 * A server knows a device without a session by its address: after a restart it is the same
 * one, and so no message id of the last minutes may come again, or the server takes a new
 * request for a repetition of an old one (RFC 7252 4.4, 4.5).
 */
static void test_message_ids(void **state)
{
	struct rig *r = *state;
	struct lwm2m_factory s[] = {section(r, 0, "first", 101)};
	struct coap_msg m;
	in_port_t port = 0;
	uint16_t mid = 0;

	for (int life = 0; life < 70; life++) {
		open_device(r, s, 1);
		assert_true(receive(r, 0, &m, 60000));
		if (life > 0) {
			assert_int_equal(r->peer[0].from.sin_port, port);
			assert_int_equal(m.mid, (uint16_t)(mid + COAP_MIDS));
		}
		port = r->peer[0].from.sin_port;
		mid = m.mid;
		close_device(r);
		/* its last word, should it have had one */
		while (recv(r->peer[0].fd, r->peer[0].in, sizeof(r->peer[0].in), MSG_DONTWAIT) >
		       0)
			;
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_two_servers), TEST(test_configuration), TEST(test_refused),
		TEST(test_come_and_go), TEST(test_references),	  TEST(test_order),
		TEST(test_message_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
