// SPDX-License-Identifier: Apache-2.0
/*
 * Names are resolved in a thread of their own: getaddrinfo() waits for name
 * servers for up to half a minute, which the owner's loop must not. The end is
 * told through a pipe. Nobody waits for the thread: whoever is the last of it
 * and its owner frees what they share.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "coap/transport_priv.h"

struct coap_resolver {
	atomic_uint refs;
	int read_end, write_end;
	char *host, *port;
	/* the thread's until it closes the pipe, then the owner's */
	struct addrinfo *list;
	int result, result_errno;
};

int coap_resolve_now(const char *host, const char *port, int flags, struct addrinfo **list)
{
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_DGRAM,
		.ai_flags = flags,
	};

	return getaddrinfo(host, port, &hints, list);
}

static void unref(struct coap_resolver *r)
{
	if (atomic_fetch_sub(&r->refs, 1) != 1)
		return;
	if (r->list)
		freeaddrinfo(r->list);
	if (r->read_end >= 0)
		close(r->read_end);
	if (r->write_end >= 0)
		close(r->write_end);
	free(r->host);
	free(r->port);
	free(r);
}

static void *work(void *arg)
{
	struct coap_resolver *r = arg;

	r->result = coap_resolve_now(r->host, r->port, AI_ADDRCONFIG, &r->list);
	if (r->result) /* a machine with loopback only has no address "configured" */
		r->result = coap_resolve_now(r->host, r->port, 0, &r->list);
	r->result_errno = errno;
	close(r->write_end); /* end of file at the other end: done */
	r->write_end = -1;
	unref(r);
	return NULL;
}

int coap_resolver_start(struct coap_resolver **rp, const char *host, const char *port)
{
	struct coap_resolver *r = calloc(1, sizeof(*r));
	sigset_t all, old;
	pthread_attr_t attr;
	pthread_t thread;
	int ends[2], e;

	*rp = NULL;
	if (!r)
		return -ENOMEM;
	atomic_init(&r->refs, 1);
	r->read_end = r->write_end = -1;
	r->host = strdup(host);
	r->port = strdup(port);
	if (!r->host || !r->port) {
		unref(r);
		return -ENOMEM;
	}
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK)) {
		e = errno;
		unref(r);
		return -e;
	}
	r->read_end = ends[0];
	r->write_end = ends[1];

	e = pthread_attr_init(&attr);
	if (!e) {
		pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
		/* signals are the owner's */
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &old);
		atomic_fetch_add(&r->refs, 1);
		e = pthread_create(&thread, &attr, work, r);
		if (e)
			atomic_fetch_sub(&r->refs, 1);
		pthread_sigmask(SIG_SETMASK, &old, NULL);
		pthread_attr_destroy(&attr);
	}
	if (e) {
		unref(r);
		return -e;
	}
	*rp = r;
	return 0;
}

int coap_resolver_fd(const struct coap_resolver *r)
{
	return r->read_end;
}

int coap_resolver_result(struct coap_resolver *r, struct addrinfo **list, int *error)
{
	char c;

	if (read(r->read_end, &c, 1) != 0)
		return -EAGAIN;
	*list = r->list;
	r->list = NULL;
	errno = r->result_errno;
	*error = r->result;
	return 0;
}

void coap_resolver_drop(struct coap_resolver *r)
{
	if (r)
		unref(r);
}
