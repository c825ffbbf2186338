// SPDX-License-Identifier: Apache-2.0
/*
 * lwm2m-load: a management server that does nothing but measure, over plain UDP.
 *
 *	lwm2m-load PORT N SECONDS NAME…		N devices register at PORT, then
 *	lwm2m-load -s HOST:PORT SECONDS NAME…	libcoap's coap-server instead of devices
 *
 * Names: register, reads, reads1, notify, notify1: many requests at once, or one after the
 * other. A read is a confirmable GET of one number, a notification the confirmable or
 * non-confirmable message that a PUT brings about, the PUT's answer included. Prints lines
 * "NAME VALUE UNIT P50_US P99_US".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "coap/coap.h"

#define AGAIN_NS 2000000000ULL /* what is not answered is asked again */
#define WAIT_NS 300000000000ULL
#define SAMPLES 2000000U
#define PUTS                                                                              \
	450U	   /* to one device: it keeps the last 1024 requests for 247 s, not to do \
		    * one twice, and refuses more */
#define WINDOW 64U /* requests at once: what fits any socket's buffer */

enum what { READ, WRITE, OBSERVE, PUT }; /* PUT: a write that is to bring a notification */

struct peer {
	struct sockaddr_in at;
	bool registered, observed;
	bool waiting, answered, told; /* … of the request that is under way */
	uint16_t mid;
	uint64_t since;
};

static int fd;
static struct peer *peers;
static unsigned int nr, registered;
static unsigned int by_port[65536]; /* index and one */
static uint64_t first, last;	    /* Register came, last one answered */
static bool server;		    /* libcoap's */
static const char *read_path = "3/0/11/0", *write_path = "1/0/5";
static uint32_t *samples;
static unsigned int nr_samples, done, again;
static uint16_t mids;
static unsigned int serial;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

static void send_to(const struct sockaddr_in *to, const struct coap_msg *m,
		    const struct coap_opts *opts)
{
	uint8_t b[1280];
	int n = coap_encode(b, sizeof(b), m, opts);

	if (n < 0 ||
	    sendto(fd, b, (size_t)n, 0, (const struct sockaddr *)to, sizeof(*to)) != n) {
		perror("lwm2m-load: sendto");
		exit(1);
	}
}

static void ask(struct peer *p, enum what what)
{
	struct coap_msg m = {.type = COAP_CON, .code = COAP_GET, .mid = ++mids, .token_len = 3};
	struct coap_opts opts = {0};
	char value[16];

	m.token[0] = (uint8_t)what;
	m.token[1] = (uint8_t)((p - peers) >> 8);
	m.token[2] = (uint8_t)(p - peers);
	if (what == OBSERVE)
		coap_opts_add_uint(&opts, COAP_OPT_OBSERVE, 0);
	coap_opts_add_path(&opts, COAP_OPT_URI_PATH, what == READ ? read_path : write_path);
	if (what == PUT || what == WRITE) {
		m.code = COAP_PUT;
		coap_opts_add_uint(&opts, COAP_OPT_CONTENT_FORMAT, COAP_FORMAT_TEXT);
		m.payload_len = (size_t)snprintf(value, sizeof(value), "%u", 1000 + ++serial);
		m.payload = (const uint8_t *)value;
	} else if (!server) {
		coap_opts_add_uint(&opts, COAP_OPT_ACCEPT, COAP_FORMAT_TEXT);
	}
	p->mid = m.mid;
	p->waiting = true;
	p->answered = p->told = false;
	p->since = now_ns();
	send_to(&p->at, &m, &opts);
}

/* a device registers; where it is, is where its requests come from */
static void on_register(const struct sockaddr_in *from, const struct coap_msg *req)
{
	struct coap_msg m = {.type = COAP_ACK,
			     .code = COAP_201_CREATED,
			     .mid = req->mid,
			     .token_len = req->token_len};
	struct coap_opts opts = {0};
	unsigned int i = by_port[ntohs(from->sin_port)];
	char path[32];

	if (req->code == COAP_DELETE) {
		m.code = COAP_202_DELETED;
	} else if (i > 0 && peers[i - 1].registered) {
		m.code = COAP_204_CHANGED; /* an Update, or the same again */
	} else {
		if (registered == nr)
			return;
		if (registered == 0)
			first = now_ns();
		i = ++registered;
		by_port[ntohs(from->sin_port)] = i;
		peers[i - 1].at = *from;
		peers[i - 1].registered = true;
		snprintf(path, sizeof(path), "rd/%u", i);
		coap_opts_add_path(&opts, COAP_OPT_LOCATION_PATH, path);
	}
	memcpy(m.token, req->token, req->token_len);
	send_to(from, &m, &opts);
	last = now_ns();
}

static void finished(struct peer *p)
{
	uint64_t us = (now_ns() - p->since) / 1000;

	p->waiting = false;
	done++;
	if (nr_samples < SAMPLES)
		samples[nr_samples++] = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

static void on_message(const struct sockaddr_in *from, const struct coap_msg *m, enum what what)
{
	unsigned int i = server ? 1 : by_port[ntohs(from->sin_port)];
	struct peer *p = i ? &peers[i - 1] : NULL;
	struct coap_msg ack = {.type = COAP_ACK, .mid = m->mid};

	if (COAP_CODE_CLASS(m->code) == 0 && m->code != COAP_EMPTY) {
		if (!server)
			on_register(from, m);
		return;
	}
	if (m->type == COAP_CON)
		send_to(from, &ack, NULL);
	if (!p || m->code == COAP_EMPTY || m->token_len != 3)
		return;
	if (COAP_CODE_CLASS(m->code) != 2) {
		fprintf(stderr, "lwm2m-load: a request was answered %u.%02u: %.*s\n",
			COAP_CODE_CLASS(m->code), COAP_CODE_DETAIL(m->code),
			(int)m->payload_len, m->payload_len ? (const char *)m->payload : "");
		exit(1);
	}
	if (m->type == COAP_ACK && m->mid == p->mid) {
		p->answered = true;
		if (m->token[0] == OBSERVE)
			p->observed = true;
	} else if (m->token[0] == OBSERVE) {
		p->told = true;
	}
	if (p->waiting && p->answered && (what != PUT || p->told))
		finished(p);
}

/* what has come, or @ns later */
static void pump(enum what what, uint64_t ns)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	struct sockaddr_in from;
	struct coap_msg m;
	uint8_t b[4096];

	if (poll(&pfd, 1, (int)(ns / 1000000)) <= 0)
		return;
	for (unsigned int i = 0; i < WINDOW; i++) {
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, b, sizeof(b), MSG_DONTWAIT, (struct sockaddr *)&from,
				     &len);

		if (n < 0)
			return;
		if (coap_decode(&m, b, (size_t)n) == 0)
			on_message(&from, &m, what);
	}
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void say(const char *name, double value, const char *unit)
{
	qsort(samples, nr_samples, sizeof(*samples), compare);
	printf("%s %.0f %s %u %u\n", name, value, unit,
	       nr_samples ? samples[nr_samples / 2] : 0,
	       nr_samples ? samples[nr_samples - 1 - nr_samples / 100] : 0);
	fflush(stdout);
	if (again)
		fprintf(stderr, "lwm2m-load: %s: %u requests had to be repeated\n", name,
			again);
	nr_samples = done = again = 0;
}

/* one request after the other to each of @n peers, @window of them at a time */
static void run(enum what what, unsigned int n, unsigned int window, uint64_t ns, bool once)
{
	uint64_t end = now_ns() + ns;
	unsigned int next = 0, out;

	while (now_ns() < end && (!once || done < n) &&
	       (what != PUT || server || done < n * PUTS)) {
		uint64_t now = now_ns();

		out = 0;
		for (unsigned int i = 0; i < n; i++) {
			if (peers[i].waiting && now > peers[i].since + AGAIN_NS) {
				again++;
				ask(&peers[i], what);
			}
			out += peers[i].waiting;
		}
		for (unsigned int i = 0; i < n && out < window; i++, next++) {
			struct peer *p = &peers[next % n];

			if (p->waiting || (once && next >= n))
				continue;
			ask(p, what);
			out++;
		}
		/* the next few answers without looking at everybody */
		for (unsigned int before = done; done == before && now_ns() < now + 10000000;)
			pump(what, 10000000);
	}
	for (end = now_ns() + AGAIN_NS; now_ns() < end;) {
		out = 0;
		for (unsigned int i = 0; i < n; i++)
			out += peers[i].waiting;
		if (!out)
			break;
		pump(what, 10000000);
	}
	for (unsigned int i = 0; i < n; i++)
		peers[i].waiting = false;
}

static void observe_all(void)
{
	unsigned int n = 0;

	/* so that the resource is there */
	run(WRITE, nr, WINDOW, WAIT_NS, true);
	nr_samples = done = again = 0;
	run(OBSERVE, nr, WINDOW, WAIT_NS, true);
	for (unsigned int i = 0; i < nr; i++)
		n += peers[i].observed;
	if (n != nr) {
		fprintf(stderr, "lwm2m-load: %u of %u are observed\n", n, nr);
		exit(1);
	}
	nr_samples = done = again = 0;
}

static void measure(const char *name, double seconds)
{
	bool one = name[strlen(name) - 1] == '1';
	uint64_t ns = (uint64_t)(seconds * 1e9), began;
	bool notify = strncmp(name, "notify", 6) == 0;
	unsigned int n = one && !notify ? 1 : nr;

	if (strcmp(name, "register") == 0) {
		say(name, registered * 1e9 / (double)(last - first), "devices/s");
		return;
	}
	if (notify)
		observe_all();
	began = now_ns();
	run(notify ? PUT : READ, n, one ? 1 : WINDOW, ns, false);
	say(name, done * 1e9 / (double)(now_ns() - began), "per_s");
}

static void open_socket(const char *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int room = 8 << 20;

	a.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a))) {
		perror("lwm2m-load: socket");
		exit(1);
	}
}

static void wait_for_all(void)
{
	uint64_t end = now_ns() + WAIT_NS;

	while (registered < nr && now_ns() < end)
		pump(READ, 100000000);
	if (registered < nr) {
		fprintf(stderr, "lwm2m-load: %u of %u registered\n", registered, nr);
		exit(1);
	}
	/* what a device does after it has registered is not measured */
	for (end = now_ns() + 500000000; now_ns() < end;)
		pump(READ, 50000000);
}

int main(int argc, char **argv)
{
	int names = 4;

	if (argc < 5) {
		fprintf(stderr,
			"lwm2m-load PORT N SECONDS NAME... | -s HOST:PORT SECONDS NAME...\n");
		return 2;
	}
	samples = malloc(SAMPLES * sizeof(*samples));
	server = strcmp(argv[1], "-s") == 0;
	nr = server ? 1 : (unsigned int)strtoul(argv[2], NULL, 10);
	peers = calloc(nr, sizeof(*peers));
	if (!samples || !peers)
		return 1;
	open_socket(server ? "0" : argv[1]);
	if (server) {
		char *colon = strchr(argv[2], ':');

		if (!colon)
			return 2;
		*colon = '\0';
		peers[0].at.sin_family = AF_INET;
		peers[0].at.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
		inet_pton(AF_INET, argv[2], &peers[0].at.sin_addr);
		read_path = "time";
		write_path = "example_data";
	} else {
		printf("listening\n");
		fflush(stdout);
		wait_for_all();
	}
	for (int i = names; i < argc; i++)
		measure(argv[i], strtod(argv[3], NULL));
	free(samples);
	free(peers);
	return 0;
}
