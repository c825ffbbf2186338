// SPDX-License-Identifier: Apache-2.0
/*
 * Our CoAP engine as a small server and as a small client, for tests against
 * other implementations. Not installed.
 *
 *   coap_peer server PORT [OSCOREFILE]    UDP and TCP on 127.0.0.1, until stdin is closed
 *   coap_peer client [OPTION…] HOST PORT METHOD PATH[?QUERY] [FILE]
 *
 * The client writes the answer's payload to stdout and "CODE LENGTH" to
 * stderr; FILE is the request's payload, -n sends NON, -r does it a second time
 * on a resumed session. -s coap+tcp:// or another scheme says how. Credentials:
 * -i IDENTITY -k KEYFILE (in hex); -c CERTFILE -j KEYFILE, or -R -j KEYFILE for a raw
 * public key. -C what is expected of the server (certificate or key), -u usage, -t
 * trust store, -N its name. -S SESSIONFILE is resumed from and written to.
 *
 * Resources of the server: /big (5000 bytes), /store (PUT, GET, any size up
 * to 1 MiB), /counter (POST counts, GET reads), /slow (answers after 1.2 s),
 * /tick (observable, moves each 300 ms; each fifth state is 3000 bytes),
 * /echo (FETCH, iPATCH), /gone (4.04).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "coap/coap.h"
#include "coap/transport.h"
#include "coap_peer_oscore.h"

static struct oscore *protection; /* of all that is said, or NULL */

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void on_random(void *ctx, void *buf, size_t len)
{
	(void)ctx;
	if (getrandom(buf, len, 0) != (ssize_t)len)
		abort();
}

/* ---- server ------------------------------------------------------------------------ */

#define PEERS 32
#define STORE (1 << 20)

struct peer {
	struct coap_endpoint *ep;
	struct sockaddr_in addr;
	int fd; /* of a stream, or -1 */
	uint32_t obs;
	bool observing;
	uint32_t slow_xid;
	uint64_t slow_at;
};

static struct server {
	int fd, listener;
	struct peer peers[PEERS];
	unsigned int n_peers;
	uint8_t store[STORE];
	size_t store_len;
	unsigned int counter;
	unsigned int tick;
	uint64_t tick_at;
} srv;

static void srv_send(void *ctx, const uint8_t *data, size_t len)
{
	struct peer *p = ctx;

	/* blocking: this server has nothing else to do */
	if (p->fd >= 0) {
		if (send(p->fd, data, len, MSG_NOSIGNAL) != (ssize_t)len)
			perror("send");
		return;
	}
	if (sendto(srv.fd, data, len, 0, (struct sockaddr *)&p->addr, sizeof(p->addr)) < 0)
		perror("sendto");
}

static void respond(struct peer *p, const struct coap_request *req, uint8_t code,
		    const void *data, size_t len)
{
	struct coap_response rsp = COAP_RESPONSE_INIT(code);

	rsp.payload = data;
	rsp.len = len;
	rsp.content_format = COAP_FORMAT_TEXT;
	coap_respond(p->ep, req->now, req->xid, &rsp);
}

static int store_read(void *ctx, uint64_t offset, uint8_t *buf, size_t len)
{
	(void)ctx;
	if (offset >= srv.store_len)
		return 0;
	if (len > srv.store_len - offset)
		len = srv.store_len - (size_t)offset;
	memcpy(buf, srv.store + offset, len);
	return (int)len;
}

static size_t tick_state(uint8_t *buf)
{
	size_t n = (size_t)sprintf((char *)buf, "tick %u\n", srv.tick);

	if (srv.tick % 5 != 3)
		return n;
	memset(buf + n, '3', 3000 - n);
	buf[2999] = '\n';
	return 3000;
}

static int srv_request(void *ctx, const struct coap_request *req)
{
	static uint8_t buf[8192];
	struct peer *p = ctx;
	char path[64];

	if (coap_opt_path(req->msg, COAP_OPT_URI_PATH, path, sizeof(path)) < 0)
		return COAP_400_BAD_REQUEST;
	if (!strcmp(path, "/store") && req->method == COAP_PUT) {
		if (req->offset + req->len > STORE)
			return COAP_413_TOO_LARGE;
		if (req->len)
			memcpy(srv.store + req->offset, req->data, req->len);
		srv.store_len = (size_t)req->offset + req->len;
		return req->more ? 0 : COAP_204_CHANGED;
	}
	if (req->more)
		return COAP_413_TOO_LARGE;
	if (!strcmp(path, "/store") && req->method == COAP_GET) {
		struct coap_response rsp = COAP_RESPONSE_INIT(COAP_205_CONTENT);
		struct coap_body body = {store_read, NULL, NULL, srv.store_len};

		rsp.body = &body;
		rsp.content_format = COAP_FORMAT_OCTETS;
		coap_respond(p->ep, req->now, req->xid, &rsp);
	} else if (!strcmp(path, "/big") && req->method == COAP_GET) {
		for (int i = 0; i < 5000; i++)
			buf[i] = (uint8_t)("0123456789\n"[i % 11]);
		respond(p, req, COAP_205_CONTENT, buf, 5000);
	} else if (!strcmp(path, "/counter")) {
		if (req->method == COAP_POST)
			srv.counter++;
		sprintf((char *)buf, "%u", srv.counter);
		respond(p, req, req->method == COAP_POST ? COAP_204_CHANGED : COAP_205_CONTENT,
			buf, strlen((char *)buf));
	} else if (!strcmp(path, "/slow")) {
		p->slow_xid = req->xid;
		p->slow_at = req->now + 1200;
	} else if (!strcmp(path, "/tick") &&
		   (req->method == COAP_GET || req->method == COAP_FETCH)) {
		if (req->observe == 0 && !coap_observe_accept(p->ep, req->xid, p, &p->obs))
			p->observing = true;
		respond(p, req, COAP_205_CONTENT, buf, tick_state(buf));
	} else if (!strcmp(path, "/echo") &&
		   (req->method == COAP_FETCH || req->method == COAP_IPATCH)) {
		respond(p, req, req->method == COAP_FETCH ? COAP_205_CONTENT : COAP_204_CHANGED,
			req->data, req->len);
	} else {
		struct coap_response rsp = COAP_RESPONSE_INIT(COAP_404_NOT_FOUND);

		rsp.diagnostic = "no such resource";
		coap_respond(p->ep, req->now, req->xid, &rsp);
	}
	return 0;
}

static void srv_result(void *ctx, const struct coap_result *res)
{
	(void)ctx;
	(void)res;
}

static void srv_observe_end(void *ctx, uint32_t obs, void *user, enum coap_observe_end why)
{
	struct peer *p = ctx;

	(void)obs;
	(void)user;
	p->observing = false;
	fprintf(stderr, "observe end %d\n", (int)why);
}

static const char *const signal_names[] = {"ready",   "pong",  "silent",
					   "release", "abort", "broken"};

static void srv_signal(void *ctx, const struct coap_signal *sig)
{
	(void)ctx;
	fprintf(stderr, "signal %s %s\n", signal_names[sig->what], sig->diagnostic);
}

static const struct coap_ops srv_ops = {
	.send = srv_send,
	.signal = srv_signal,
	.random = on_random,
	.request = srv_request,
	.result = srv_result,
	.observe_end = srv_observe_end,
};

#define GONE (-2) /* fd of a stream that ended */

static void peer_drop(struct peer *p)
{
	coap_endpoint_free(p->ep);
	if (p->fd >= 0)
		close(p->fd);
}

/* The peer at this address, or on this stream (a new one). */
static struct peer *peer_of(const struct sockaddr_in *addr, int fd)
{
	const struct coap_config config = {.stream = fd >= 0};
	static unsigned int evict;
	struct peer *p;

	for (unsigned int i = 0; fd < 0 && i < srv.n_peers; i++)
		if (srv.peers[i].fd == -1 && srv.peers[i].addr.sin_port == addr->sin_port &&
		    srv.peers[i].addr.sin_addr.s_addr == addr->sin_addr.s_addr)
			return &srv.peers[i];
	if (srv.n_peers < PEERS) {
		p = &srv.peers[srv.n_peers++];
	} else {
		p = &srv.peers[evict++ % PEERS];
		peer_drop(p);
	}
	memset(p, 0, sizeof(*p));
	p->addr = *addr;
	p->fd = fd;
	if (coap_endpoint_new(&p->ep, &srv_ops, p, &config))
		abort();
	coap_endpoint_set_oscore(p->ep, protection);
	return p;
}

/* What came on the stream of @p, which may be its end. */
static void stream_input(struct peer *p)
{
	static uint8_t buf[65536];
	ssize_t n = recv(p->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n > 0) {
		coap_input(p->ep, now_ms(), buf, (size_t)n);
		return;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	coap_endpoint_reset(p->ep, now_ms(), false);
	close(p->fd);
	p->fd = GONE;
}

static void server_tick(uint64_t now)
{
	uint8_t buf[4096];
	bool moved = now >= srv.tick_at;

	if (moved) {
		srv.tick++;
		srv.tick_at = now + 300;
	}
	for (unsigned int i = 0; i < srv.n_peers; i++) {
		struct peer *p = &srv.peers[i];
		struct coap_response rsp = COAP_RESPONSE_INIT(COAP_205_CONTENT);

		coap_tick(p->ep, now);
		if (moved && p->observing) {
			rsp.payload = buf;
			rsp.len = tick_state(buf);
			rsp.content_format = COAP_FORMAT_TEXT;
			coap_notify(p->ep, now, p->obs, &rsp, srv.tick % 2);
		}
		if (p->slow_at && now >= p->slow_at) {
			p->slow_at = 0;
			rsp.payload = "slow";
			rsp.len = 4;
			coap_respond(p->ep, now, p->slow_xid, &rsp);
		}
	}
}

static int server(const char *port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_port = htons((uint16_t)atoi(port)),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	static uint8_t buf[65536];

	srv.fd = socket(AF_INET, SOCK_DGRAM, 0);
	srv.listener = socket(AF_INET, SOCK_STREAM, 0);
	if (srv.fd < 0 || bind(srv.fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    srv.listener < 0 || bind(srv.listener, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(srv.listener, 5)) {
		perror("coap_peer: bind");
		return 1;
	}
	fprintf(stderr, "ready\n");
	for (;;) {
		struct pollfd pfd[3 + PEERS] = {
			{srv.fd, POLLIN, 0}, {0, POLLIN, 0}, {srv.listener, POLLIN, 0}};
		unsigned int peers = srv.n_peers;
		socklen_t alen = sizeof(addr);
		ssize_t n;

		for (unsigned int i = 0; i < peers; i++)
			pfd[3 + i] = (struct pollfd){srv.peers[i].fd, POLLIN, 0};
		poll(pfd, 3 + peers, 20);
		for (unsigned int i = 0; i < peers; i++)
			if (pfd[3 + i].revents)
				stream_input(&srv.peers[i]);
		if (pfd[2].revents) {
			int fd = accept(srv.listener, (struct sockaddr *)&addr, &alen);

			if (fd >= 0)
				coap_stream_start(peer_of(&addr, fd)->ep, now_ms());
		}
		if (pfd[1].revents) {
			char c;

			if (read(0, &c, 1) <= 0)
				break;
		}
		if (pfd[0].revents) {
			n = recvfrom(srv.fd, buf, sizeof(buf), 0, (struct sockaddr *)&addr,
				     &alen);
			if (n >= 0)
				coap_input(peer_of(&addr, -1)->ep, now_ms(), buf, (size_t)n);
		}
		server_tick(now_ms());
	}
	for (unsigned int i = 0; i < srv.n_peers; i++)
		peer_drop(&srv.peers[i]);
	oscore_free(protection);
	return 0;
}

/* ---- client -------------------------------------------------------------------------- */

static struct client {
	struct coap_transport *t;
	struct coap_endpoint *ep;
	const char *method, *path, *query;
	FILE *body;
	const char *session; /* file of the session to be resumed */
	bool non, again, done, stream;
	int status;
} cl;

static void cl_send(void *ctx, const uint8_t *data, size_t len)
{
	int r = coap_transport_send(cl.t, data, len);

	(void)ctx;
	if (r)
		fprintf(stderr, "send: %s\n", strerror(-r));
}

static int cl_request(void *ctx, const struct coap_request *req)
{
	(void)ctx;
	(void)req;
	return COAP_404_NOT_FOUND;
}

static void cl_result(void *ctx, const struct coap_result *res)
{
	char name[8];

	(void)ctx;
	if (res->error) {
		fprintf(stderr, "error: %s\n", strerror(-res->error));
		cl.done = true;
		cl.status = 1;
		return;
	}
	if (res->len)
		fwrite(res->data, 1, res->len, stdout);
	if (res->more)
		return;
	fprintf(stderr, "%s %llu\n", coap_code_name(res->code, name),
		(unsigned long long)(res->offset + res->len));
	cl.done = true;
}

static void cl_signal(void *ctx, const struct coap_signal *sig);

static const struct coap_ops cl_ops = {
	.send = cl_send,
	.signal = cl_signal,
	.random = on_random,
	.request = cl_request,
	.result = cl_result,
};

static int file_read(void *ctx, uint64_t offset, uint8_t *buf, size_t len)
{
	if (fseek(ctx, (long)offset, SEEK_SET))
		return -errno;
	return (int)fread(buf, 1, len, ctx);
}

static void cl_up(void *ctx, bool resumed)
{
	static const char *const methods[] = {"get",   "post",	"put",	 "delete",
					      "fetch", "patch", "ipatch"};
	struct coap_body body = {file_read, NULL, cl.body, COAP_SIZE_UNKNOWN};
	struct coap_opts opts = {0};
	struct coap_call call = {.non = cl.non, .opts = &opts, .timeout_ms = 10000};
	int r;

	(void)ctx;
	fprintf(stderr, "up %s%s\n",
		coap_transport_cipher(cl.t) ? coap_transport_cipher(cl.t)
		: cl.stream		    ? "tcp"
					    : "udp",
		resumed ? " resumed" : "");
	coap_stream_start(cl.ep, now_ms());
	for (uint8_t i = 0; i < 7; i++)
		if (!strcmp(methods[i], cl.method))
			call.method = (uint8_t)(i + 1);
	coap_opts_add_path(&opts, COAP_OPT_URI_PATH, cl.path);
	if (cl.query)
		coap_opts_add_path(&opts, COAP_OPT_URI_QUERY, cl.query);
	if (cl.body)
		call.body = &body;
	r = coap_call(cl.ep, now_ms(), &call, NULL);
	if (r) {
		fprintf(stderr, "call: %s\n", strerror(-r));
		cl.done = true;
		cl.status = 1;
	}
}

static void cl_datagram(void *ctx, const uint8_t *data, size_t len)
{
	(void)ctx;
	coap_input(cl.ep, now_ms(), data, len);
}

static void cl_problem(void *ctx, int error, const char *what, bool fatal)
{
	(void)ctx;
	fprintf(stderr, "problem (%s): %s\n", fatal ? "fatal" : "warning", what);
	coap_unreachable(cl.ep, now_ms(), error);
	if (fatal) {
		cl.done = true;
		cl.status = 1;
	}
}

static void cl_session(void *ctx)
{
	uint8_t *data;
	size_t len;
	FILE *f;

	(void)ctx;
	if (!cl.session || coap_transport_session(cl.t, &data, &len))
		return;
	f = fopen(cl.session, "w");
	if (!f || fwrite(data, 1, len, f) != len || fclose(f))
		perror(cl.session);
	OPENSSL_clear_free(data, len);
}

static void cl_signal(void *ctx, const struct coap_signal *sig)
{
	(void)ctx;
	fprintf(stderr, "signal %s %s\n", signal_names[sig->what], sig->diagnostic);
}

static const struct coap_transport_handler cl_handler = {
	.session = cl_session,
	.up = cl_up,
	.datagram = cl_datagram,
	.problem = cl_problem,
};

static size_t read_key(const char *file, uint8_t *key, size_t room)
{
	FILE *f = fopen(file, "r");
	size_t n = 0;
	unsigned int v;

	if (!f)
		return 0;
	while (n < room && fscanf(f, "%2x", &v) == 1)
		key[n++] = (uint8_t)v;
	fclose(f);
	return n;
}

/* A file whole; *len 0 and NULL when there is none. */
static uint8_t *read_all(const char *file, size_t *len)
{
	FILE *f = fopen(file, "r");
	uint8_t *data = malloc(65536);

	*len = 0;
	if (f && data)
		*len = fread(data, 1, 65536, f);
	else
		perror(file);
	if (f)
		fclose(f);
	if (!*len) {
		free(data);
		return NULL;
	}
	return data;
}

/* -c CERTFILE, -R (raw public key): how we show who we are, with -j KEYFILE. */
static int credentials(struct coap_transport_config *config, char opt, char *arg)
{
	struct coap_credentials *c = &config->credentials;
	uint8_t *data;
	size_t len;
	int r;

	switch (opt) {
	case 'c':
		c->auth = COAP_AUTH_X509;
		c->cert = read_all(arg, &c->cert_len);
		return c->cert ? 0 : 1;
	case 'R':
		c->auth = COAP_AUTH_RPK;
		return 0;
	case 'j':
		data = read_all(arg, &len);
		r = data ? coap_private_key(data, len, &c->key) : 1;
		OPENSSL_clear_free(data, len);
		return r;
	case 'C':
		c->server = read_all(arg, &c->server_len);
		return c->server ? 0 : 1;
	case 'u':
		c->usage = (enum coap_cert_usage)atoi(arg);
		return 0;
	case 't':
		c->trust = arg;
		return 0;
	case 'N':
		c->sni = arg;
		return 0;
	default:
		return 1;
	}
}

static void client_loop(void)
{
	while (!cl.done) {
		struct pollfd pfd = {
			coap_transport_fd(cl.t),
			coap_transport_events(cl.t) & EPOLLOUT ? POLLIN | POLLOUT : POLLIN, 0};
		uint64_t now = now_ms(), t = coap_transport_deadline(cl.t),
			 e = coap_next_deadline(cl.ep);
		int wait = 1000;

		if (e < t)
			t = e;
		if (t <= now)
			wait = 0;
		else if (t - now < 1000)
			wait = (int)(t - now);
		if (poll(&pfd, 1, wait) > 0)
			coap_transport_ready(cl.t, now_ms());
		coap_transport_tick(cl.t, now_ms());
		coap_tick(cl.ep, now_ms());
	}
}

static int client(int argc, char **argv)
{
	struct coap_transport_config config = {.handshake_timeout_ms = 5000};
	struct coap_config endpoint = {0};
	uint8_t key[64], *session = NULL;
	bool scheme = false;
	char why[512];
	int opt;

	while ((opt = getopt(argc, argv, "i:k:nrO:s:S:c:Rj:C:u:t:N:")) != -1) {
		if (opt == 'i')
			config.credentials.psk_identity = optarg;
		else if (opt == 'k')
			config.credentials.psk_key_len = read_key(optarg, key, sizeof(key));
		else if (opt == 'n')
			cl.non = true;
		else if (opt == 'r')
			cl.again = true;
		else if (opt == 'O')
			protection = oscore_of_file(optarg);
		else if (opt == 's' && coap_transport_scheme(optarg, &config.kind) >= 0)
			scheme = true;
		else if (opt == 'S')
			cl.session = optarg;
		else if (credentials(&config, (char)opt, optarg))
			return 2;
	}
	if (argc - optind < 4)
		return 2;
	if (config.credentials.psk_identity) {
		config.credentials.auth = COAP_AUTH_PSK;
		config.credentials.psk_key = key;
	}
	if (config.credentials.auth && !scheme)
		config.kind = COAP_TRANSPORT_DTLS;
	if (cl.session && !access(cl.session, R_OK))
		config.session = session = read_all(cl.session, &config.session_len);
	cl.stream = endpoint.stream = coap_transport_stream(config.kind);
	config.host = argv[optind];
	config.port = argv[optind + 1];
	cl.method = argv[optind + 2];
	cl.path = argv[optind + 3];
	cl.query = strchr(cl.path, '?');
	if (cl.query) {
		argv[optind + 3][cl.query - cl.path] = '\0';
		cl.query++;
	}
	if (argc - optind > 4) {
		cl.body = fopen(argv[optind + 4], "r");
		if (!cl.body) {
			perror(argv[optind + 4]);
			return 1;
		}
	}
	if (coap_endpoint_new(&cl.ep, &cl_ops, NULL, &endpoint))
		return 1;
	coap_endpoint_set_oscore(cl.ep, protection);
	cl.status = coap_transport_open(&cl.t, &config, &cl_handler, NULL, now_ms(), why,
					sizeof(why));
	free(session);
	free((void *)config.credentials.cert);
	free((void *)config.credentials.server);
	EVP_PKEY_free(config.credentials.key);
	if (cl.status) {
		fprintf(stderr, "open: %s\n", why);
		coap_endpoint_free(cl.ep);
		return 1;
	}
	client_loop();
	if (cl.again && !cl.status) {
		cl.done = false;
		coap_endpoint_reset(cl.ep, now_ms(), false);
		if (coap_transport_reopen(cl.t, now_ms(), why, sizeof(why))) {
			fprintf(stderr, "reopen: %s\n", why);
			cl.status = 1;
		} else {
			client_loop();
		}
	}
	coap_stream_release(cl.ep, now_ms());
	coap_endpoint_free(cl.ep);
	oscore_free(protection);
	coap_transport_close(cl.t);
	if (cl.body)
		fclose(cl.body);
	return cl.status;
}

int main(int argc, char **argv)
{
	if ((argc == 3 || argc == 4) && !strcmp(argv[1], "server")) {
		if (argc == 4)
			protection = oscore_of_file(argv[3]);
		return server(argv[2]);
	}
	if (argc > 2 && !strcmp(argv[1], "client"))
		return client(argc - 1, argv + 1);
	fprintf(stderr, "usage: coap_peer server PORT [OSCOREFILE]\n"
			"       coap_peer client [-s SCHEME://] [-i IDENTITY -k KEYFILE] [-O "
			"OSCOREFILE]\n"
			"           [-c CERTFILE | -R] [-j KEYFILE] [-C SERVERFILE] [-u USAGE] "
			"[-t TRUST]\n"
			"           [-N NAME] [-S SESSIONFILE] [-n] [-r] HOST PORT METHOD PATH "
			"[FILE]\n");
	return 2;
}
