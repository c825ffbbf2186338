/* SPDX-License-Identifier: Apache-2.0 */
/* Many cards of softse in this process, each behind a UNIX socket, served by one thread. */
#ifndef BENCH_CARD_FARM_H
#define BENCH_CARD_FARM_H

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "softse/card.h"

struct farm_card {
	struct card card;
	int origins;
};

/* a listening socket, or a connection to it */
struct farm_peer {
	struct farm_card *card;
	int fd;
	bool listens;
	int origin;
	size_t have;
	uint8_t in[2 + 65536];
};

struct farm {
	int epoll;
	pthread_t thread;
	uint8_t rsp[2 + CARD_RAPDU_MAX];
};

static inline void farm_die(const char *what)
{
	perror(what);
	exit(1);
}

static inline void farm_watch(struct farm *f, struct farm_card *card, int fd, bool listens)
{
	/* a listening socket needs no room for commands; the kernel gives none it is not asked
	 * for */
	struct farm_peer *p = calloc(1, sizeof(*p));
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = p};

	if (!p || fd < 0)
		farm_die("card farm");
	p->card = card;
	p->fd = fd;
	p->listens = listens;
	p->origin = card->origins++;
	if (epoll_ctl(f->epoll, EPOLL_CTL_ADD, fd, &ev))
		farm_die("epoll_ctl");
}

static inline bool farm_answer(struct farm *f, struct farm_peer *p, const uint8_t *cmd,
			       size_t len)
{
	uint64_t work = 0;
	size_t n = 2;

	if (len == 1 && cmd[0] != 4)
		return true;
	if (len == 1)
		memcpy(f->rsp + 2, "\x3b\x00", 2); /* ATR */
	else
		n = card_execute(&p->card->card, p->origin, cmd, len, f->rsp + 2,
				 CARD_RAPDU_MAX, &work);
	f->rsp[0] = (uint8_t)(n >> 8);
	f->rsp[1] = (uint8_t)n;
	return write(p->fd, f->rsp, n + 2) == (ssize_t)(n + 2);
}

static inline bool farm_read(struct farm *f, struct farm_peer *p)
{
	ssize_t n = read(p->fd, p->in + p->have, sizeof(p->in) - p->have);
	size_t len;

	if (n <= 0)
		return false;
	p->have += (size_t)n;
	while (p->have >= 2 && p->have >= (len = 2U + ((size_t)p->in[0] << 8 | p->in[1]))) {
		if (len > 2 && !farm_answer(f, p, p->in + 2, len - 2))
			return false;
		p->have -= len;
		memmove(p->in, p->in + len, p->have);
	}
	return true;
}

static inline void *farm_run(void *arg)
{
	struct farm *f = arg;
	struct epoll_event ev[64];

	for (;;) {
		int n = epoll_wait(f->epoll, ev, 64, -1);

		for (int i = 0; i < n; i++) {
			struct farm_peer *p = ev[i].data.ptr;

			if (p->listens) {
				farm_watch(f, p->card, accept4(p->fd, NULL, NULL, SOCK_CLOEXEC),
					   false);
			} else if (!farm_read(f, p)) {
				card_drop_origin(&p->card->card, p->origin);
				close(p->fd);
				free(p);
			}
		}
	}
	return NULL;
}

static inline void farm_start(struct farm *f)
{
	f->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (f->epoll < 0 || pthread_create(&f->thread, NULL, farm_run, f))
		farm_die("card farm");
}

/* one more card, at @path */
static inline void farm_add(struct farm *f, const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct farm_card *c = calloc(1, sizeof(*c));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char err[256];

	if (!c || strlen(path) >= sizeof(a.sun_path))
		farm_die(path);
	strcpy(a.sun_path, path);
	card_profile_default(&c->card.profile);
	c->card.profile.no_fsync = true;
	if (card_init(&c->card, err, sizeof(err))) {
		fprintf(stderr, "%s\n", err);
		exit(1);
	}
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 16))
		farm_die(path);
	farm_watch(f, c, fd, true);
}

#endif /* BENCH_CARD_FARM_H */
