/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A DM server in a thread, just clever enough for a client: it knows HTTP/1.1 with one
 * connection at a time, shows who it is by MD5, ends a session with its second message,
 * and does what its plan says instead of answering.
 */
#ifndef TEST_DM_HTTP_SERVER_H
#define TEST_DM_HTTP_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dm/auth.h"
#include "model/base64.h"

#define SERVER_REQUESTS 64
#define SERVER_ROOM 65536

/* what to do with a request instead of answering it */
enum server_plan {
	SERVE,
	LOSE,	   /* close the connection, unread by the session */
	DROP,	   /* the answer: act, but close instead */
	BUSY,	   /* 503 with Retry-After: 1 */
	LATER,	   /* 503 with Retry-After: 7200 */
	MOVED,	   /* 302 to elsewhere */
	FORBIDDEN, /* 403 */
	ENDLESS,   /* 200 with a body that does not end */
	LONG,	   /* 200 with a Content-Length that is too long */
	HTML,	   /* 200, text/html */
	EMPTY,	   /* 200, nothing */
	RUBBISH,   /* 200, the right type, no message */
};

struct server {
	int fd;
	uint16_t port;
	pthread_t thread;
	pthread_mutex_t lock;
	bool quit;
	enum server_plan plan[SERVER_REQUESTS];
	unsigned int n; /* requests so far */
	char *bodies[SERVER_REQUESTS];
	char heads[SERVER_REQUESTS][512];
	char resp_uri[128];	   /* RespURI in its messages, "": none */
	char commands[1024];	   /* in its first message */
	unsigned int alert_status; /* for Generic Alerts; 0: 200 */
	bool refuse;		   /* 401 for its first message */
	uint8_t nonce[128];	   /* that the client has given us */
	size_t nonce_len;
	char sent[SERVER_ROOM]; /* for a message that comes again */
	char last[16];		/* its MsgID and session */
	unsigned int repeats;
};

static inline bool server_take(const char *body, const char *open, char *out, size_t room)
{
	const char *p = strstr(body, open);
	size_t n;

	if (!p)
		return false;
	p += strlen(open);
	n = strcspn(p, "<");
	if (n >= room)
		return false;
	memcpy(out, p, n);
	out[n] = 0;
	return true;
}

static inline void server_nonce(struct server *s, const char *body)
{
	char text[200];
	ssize_t n;

	if (!server_take(body, "<NextNonce xmlns=\"syncml:metinf\">", text, sizeof(text)))
		return;
	n = base64_decode((const uint8_t *)text, strlen(text), s->nonce, false);
	if (n >= 0)
		s->nonce_len = (size_t)n;
}

/* Status for each command of package 1: they have the numbers from 1 on. */
static inline size_t server_statuses(struct server *s, const char *body, char *out, size_t room,
				     const char *msg)
{
	static const struct {
		const char *open, *name;
	} kinds[] = {{"<Alert>", "Alert"}, {"<Replace>", "Replace"}};
	const char *p = strstr(body, "<SyncBody>");
	unsigned int id = 100;
	size_t n = 0;

	for (; p && *p && n < room; p++) {
		for (unsigned int k = 0; k < 2; k++) {
			char cmd[16], code[16] = "";

			if (strncmp(p, kinds[k].open, strlen(kinds[k].open)) != 0 ||
			    !server_take(p, "<CmdID>", cmd, sizeof(cmd)))
				continue;
			if (!k)
				server_take(p, "<Data>", code, sizeof(code));
			n += (size_t)snprintf(out + n, room - n,
					      "<Status><CmdID>%u</CmdID><MsgRef>%s</"
					      "MsgRef><CmdRef>%s</CmdRef>"
					      "<Cmd>%s</Cmd><Data>%u</Data></Status>",
					      id++, msg, cmd, kinds[k].name,
					      !strcmp(code, "1226") && s->alert_status
						      ? s->alert_status
						      : 200);
		}
	}
	return n;
}

static inline void server_message(struct server *s, const char *body, char *out, size_t room)
{
	char session[8] = "", msg[8] = "", cred[64] = "", last[16], status[4096] = "";
	uint8_t digest[DM_AUTH_DIGEST_LEN];
	const struct dm_secret secret = {
		.name = "com.example.dm",
		.secret = (const uint8_t *)"server-secret",
		.secret_len = 13,
		.nonce = s->nonce,
		.nonce_len = s->nonce_len,
	};
	bool first;

	server_take(body, "<SessionID>", session, sizeof(session));
	server_take(body, "<MsgID>", msg, sizeof(msg));
	snprintf(last, sizeof(last), "%s/%s", session, msg);
	if (!strcmp(last, s->last)) {
		s->repeats++;
		snprintf(out, room, "%s", s->sent);
		return;
	}
	first = !strcmp(msg, "1");
	if (!first)
		server_nonce(s, body);
	dm_auth_digest(&secret, digest);
	cred[base64_encode(digest, sizeof(digest), cred, false)] = 0;
	server_statuses(s, body, status, sizeof(status), msg);
	snprintf(out, room,
		 "<?xml version=\"1.0\"?><SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr>"
		 "<VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto><SessionID>%s</SessionID>"
		 "<MsgID>%s</MsgID><Target><LocURI>urn:uuid:test</LocURI></Target>"
		 "<Source><LocURI>http://127.0.0.1/dm</LocURI><LocName>com.example.dm</LocName>"
		 "</Source>%s%s%s%s%s%s</SyncHdr><SyncBody>"
		 "<Status><CmdID>1</CmdID><MsgRef>%s</MsgRef><CmdRef>0</CmdRef>"
		 "<Cmd>SyncHdr</Cmd>%s<Data>%s</Data></Status>%s%s<Final/></SyncBody></SyncML>",
		 session, msg, *s->resp_uri ? "<RespURI>" : "", s->resp_uri,
		 *s->resp_uri ? "</RespURI>" : "",
		 first ? "<Cred><Meta><Type xmlns=\"syncml:metinf\">syncml:auth-md5</Type>"
			 "<Format xmlns=\"syncml:metinf\">b64</Format></Meta><Data>"
		       : "",
		 first ? cred : "", first ? "</Data></Cred>" : "", msg,
		 first ? "<Chal><Meta><Type xmlns=\"syncml:metinf\">syncml:auth-md5</Type>"
			 "<Format xmlns=\"syncml:metinf\">b64</Format>"
			 "<NextNonce xmlns=\"syncml:metinf\">bmV4dA==</NextNonce></Meta></Chal>"
		       : "",
		 !first	     ? "200"
		 : s->refuse ? "401"
			     : "212",
		 status, first ? s->commands : "");
	snprintf(s->sent, sizeof(s->sent), "%s", out);
	snprintf(s->last, sizeof(s->last), "%s", last);
}

static inline void server_put(int fd, const char *p, size_t len)
{
	while (len) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		p += n;
		len -= (size_t)n;
	}
}

static inline void server_say(int fd, const char *status, const char *more, const char *type,
			      const char *body)
{
	char head[512];
	int n = snprintf(head, sizeof(head),
			 "HTTP/1.1 %s\r\n%sContent-Type: %s\r\nContent-Length: %zu\r\n\r\n",
			 status, more, type, strlen(body));

	server_put(fd, head, (size_t)n);
	server_put(fd, body, strlen(body));
}

static inline void server_endless(int fd)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
				   "Content-Type: application/vnd.syncml.dm+xml\r\n\r\n";
	static const char chunk[] = "400\r\n";
	char fill[1024 + 2];

	memset(fill, ' ', sizeof(fill));
	memcpy(fill + 1024, "\r\n", 2);
	server_put(fd, head, strlen(head));
	for (int i = 0; i < 65536; i++) {
		if (send(fd, chunk, 5, MSG_NOSIGNAL) != 5 ||
		    send(fd, fill, sizeof(fill), MSG_NOSIGNAL) != sizeof(fill))
			return;
	}
}

/* Return: keep the connection? */
static inline bool server_act(struct server *s, int fd, const char *head, const char *body)
{
	static const char xml[] = "application/vnd.syncml.dm+xml; charset=UTF-8";
	static char out[SERVER_ROOM];
	enum server_plan plan;

	pthread_mutex_lock(&s->lock);
	plan = s->plan[s->n % SERVER_REQUESTS];
	if (s->n < SERVER_REQUESTS) {
		s->bodies[s->n] = strdup(body);
		snprintf(s->heads[s->n], sizeof(s->heads[0]), "%.*s",
			 (int)sizeof(s->heads[0]) - 1, head);
	}
	s->n++;
	if (plan == SERVE || plan == DROP)
		server_message(s, body, out, sizeof(out));
	pthread_mutex_unlock(&s->lock);
	switch (plan) {
	case SERVE:
		server_say(fd, "200 OK", "Set-Cookie: a=b\r\n", xml, out);
		return true;
	case BUSY:
		server_say(fd, "503 Busy", "Retry-After: 1\r\n", "text/plain", "later");
		return true;
	case LATER:
		server_say(fd, "503 Busy", "Retry-After: 7200\r\n", "text/plain", "later");
		return true;
	case MOVED:
		server_say(fd, "302 Found", "Location: /elsewhere\r\n", "text/plain", "");
		return true;
	case FORBIDDEN:
		server_say(fd, "403 No", "", "text/plain", "no");
		return true;
	case ENDLESS:
		server_endless(fd);
		return false;
	case LONG: {
		const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n"
				    "Content-Type: application/vnd.syncml.dm+xml\r\n\r\n";

		server_put(fd, text, strlen(text));
		return false;
	}
	case HTML:
		server_say(fd, "200 OK", "", "text/html", "<html/>");
		return true;
	case EMPTY:
		server_say(fd, "200 OK", "", xml, "");
		return true;
	case RUBBISH:
		server_say(fd, "200 OK", "", xml, "<SyncML");
		return true;
	default:
		return false;
	}
}

static inline bool server_request(struct server *s, int fd)
{
	static char in[SERVER_ROOM + 1];
	size_t len = 0, want = SIZE_MAX;
	char *end = NULL, *at;
	ssize_t n;

	while (len < want) {
		if (len == SERVER_ROOM)
			return false;
		n = recv(fd, in + len, SERVER_ROOM - len, 0);
		if (n <= 0)
			return false;
		len += (size_t)n;
		in[len] = 0;
		end = strstr(in, "\r\n\r\n");
		if (end && want == SIZE_MAX) {
			at = strcasestr(in, "content-length:");
			if (!at || at > end)
				return false;
			want = (size_t)(end - in) + 4 + strtoul(at + 15, NULL, 10);
		}
	}
	*end = 0;
	return server_act(s, fd, in, end + 4);
}

static inline void *server_run(void *arg)
{
	struct server *s = arg;
	int fd;

	while (!__atomic_load_n(&s->quit, __ATOMIC_SEQ_CST)) {
		struct pollfd p = {s->fd, POLLIN, 0};

		if (poll(&p, 1, 20) <= 0)
			continue;
		fd = accept(s->fd, NULL, NULL);
		if (fd < 0)
			continue;
		p.fd = fd;
		while (!__atomic_load_n(&s->quit, __ATOMIC_SEQ_CST)) {
			int r = poll(&p, 1, 20);

			if (r < 0 || (r && !server_request(s, fd)))
				break;
		}
		close(fd);
	}
	return NULL;
}

static inline int server_start(struct server *s)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);

	memset(s, 0, sizeof(*s));
	/* a package without commands would end the session */
	strcpy(s->commands, "<Get><CmdID>9</CmdID><Item><Target><LocURI>./DevInfo/Man</LocURI>"
			    "</Target></Item></Get>");
	pthread_mutex_init(&s->lock, NULL);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&a, len) || listen(s->fd, 8) ||
	    getsockname(s->fd, (struct sockaddr *)&a, &len))
		return -1;
	s->port = ntohs(a.sin_port);
	return pthread_create(&s->thread, NULL, server_run, s) ? -1 : 0;
}

static inline void server_stop(struct server *s)
{
	__atomic_store_n(&s->quit, true, __ATOMIC_SEQ_CST);
	pthread_join(s->thread, NULL);
	close(s->fd);
	for (unsigned int i = 0; i < SERVER_REQUESTS; i++)
		free(s->bodies[i]);
	pthread_mutex_destroy(&s->lock);
}

static inline unsigned int server_count(struct server *s)
{
	unsigned int n;

	pthread_mutex_lock(&s->lock);
	n = s->n;
	pthread_mutex_unlock(&s->lock);
	return n;
}

#endif /* TEST_DM_HTTP_SERVER_H */
