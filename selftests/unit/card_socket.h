/* SPDX-License-Identifier: Apache-2.0 */
/*
 * softse's card behind a UNIX socket, served by threads of the test itself, which so sees
 * every command. One card per program.
 */
#ifndef SESAME_TEST_CARD_SOCKET_H
#define SESAME_TEST_CARD_SOCKET_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "softse/card.h"

#define CS_ANY 256 /* for cs_hold() */

static struct {
	pthread_mutex_t lock;
	struct card card;
	unsigned int origin;
	int listen_fd;
	char dir[64], path[96], open[112];
	atomic_uint apdus;    /* commands, channels and SELECT apart */
	atomic_uint slow_us;  /* that each one takes */
	atomic_bool hang_up;  /* connections end at their next frame */
	atomic_int hold;      /* see cs_hold() */
	atomic_bool held;     /* a command waits */
	atomic_int serving;   /* connections */
	atomic_uint resets;   /* that the ATR tells */
	uint8_t seen[256];    /* how often each INS came, up to 255 */
	uint8_t refuse_ins;   /* this one is answered 6A80 and not executed, once, */
	uint8_t refuse_after; /* … after so many that are let through */
	uint8_t also_ok;      /* this one is answered 9000 and not executed, always */
} cs = {.lock = PTHREAD_MUTEX_INITIALIZER, .listen_fd = -1};

static bool cs_read(int fd, uint8_t *p, size_t len)
{
	ssize_t n;

	for (; len; p += n, len -= (size_t)n) {
		n = read(fd, p, len);
		if (n <= 0)
			return false;
	}
	return true;
}

static size_t cs_execute(int origin, const uint8_t *cmd, size_t len, uint8_t *rsp)
{
	uint64_t work = 0;

	if (cmd[1] != 0x70 && cmd[1] != 0xa4)
		atomic_fetch_add(&cs.apdus, 1);
	if (cs.seen[cmd[1]] < 255)
		cs.seen[cmd[1]]++;
	if (cs.refuse_ins && cmd[1] == cs.refuse_ins && cs.refuse_after-- == 0) {
		cs.refuse_ins = 0;
		memcpy(rsp, (uint8_t[]){0x6a, 0x80}, 2);
		return 2;
	}
	if (cs.also_ok && cmd[1] == cs.also_ok) {
		memcpy(rsp, (uint8_t[]){0x90, 0x00}, 2);
		return 2;
	}
	return card_execute(&cs.card, origin, cmd, len, rsp, CARD_RAPDU_MAX, &work);
}

static void cs_nap(void)
{
	nanosleep(&(const struct timespec){0, 1000000}, NULL);
}

/* the gate of cs_hold() */
static void cs_wait(uint8_t ins)
{
	int hold = atomic_load(&cs.hold);

	if (hold != CS_ANY && (!hold || hold != ins))
		return;
	atomic_store(&cs.held, true);
	while (atomic_load(&cs.hold) == hold)
		cs_nap();
}

static void *cs_serve(void *arg)
{
	int fd = (int)(intptr_t)arg, origin;
	uint8_t head[2], *cmd = malloc(65536), *rsp = malloc(CARD_RAPDU_MAX + 2);
	size_t len, n;

	pthread_mutex_lock(&cs.lock);
	origin = (int)(16 + cs.origin++);
	pthread_mutex_unlock(&cs.lock);
	while (cs_read(fd, head, 2)) {
		len = (size_t)head[0] << 8 | head[1];
		if (!cs_read(fd, cmd, len) || atomic_load(&cs.hang_up))
			break;
		if (len > 1 && atomic_load(&cs.slow_us))
			usleep(atomic_load(&cs.slow_us));
		if (len > 1)
			cs_wait(cmd[1]);
		pthread_mutex_lock(&cs.lock);
		n = len == 1 ? 3 : cs_execute(origin, cmd, len, rsp + 2);
		pthread_mutex_unlock(&cs.lock);
		if (len == 1 && cmd[0] != 4)
			continue;
		if (len == 1)
			memcpy(rsp + 2, (uint8_t[]){0x3b, 0x01, (uint8_t)cs.resets}, 3);
		rsp[0] = (uint8_t)(n >> 8);
		rsp[1] = (uint8_t)n;
		if (write(fd, rsp, n + 2) != (ssize_t)(n + 2))
			break;
	}
	pthread_mutex_lock(&cs.lock);
	card_drop_origin(&cs.card, origin);
	pthread_mutex_unlock(&cs.lock);
	close(fd);
	free(cmd);
	free(rsp);
	atomic_fetch_sub(&cs.serving, 1);
	return NULL;
}

static void *cs_accept(void *arg)
{
	pthread_t t;
	int fd;

	(void)arg;
	while ((fd = accept4(cs.listen_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		atomic_fetch_add(&cs.serving, 1);
		pthread_create(&t, NULL, cs_serve, (void *)(intptr_t)fd);
		pthread_detach(t);
	}
	return NULL;
}

/**
 * cs_start() - a new card, listening on cs.path; cs.open is its name for se_open()
 * @applets: bits of card_profile.applets
 *
 * Return: 0 or -1.
 */
static int cs_start(uint32_t applets)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	pthread_t t;
	char err[256];

	snprintf(cs.dir, sizeof(cs.dir), "/tmp/test-card-XXXXXX");
	if (!mkdtemp(cs.dir))
		return -1;
	snprintf(cs.path, sizeof(cs.path), "%s/se", cs.dir);
	snprintf(cs.open, sizeof(cs.open), "socket:%s", cs.path);
	memcpy(a.sun_path, cs.path, strlen(cs.path) + 1);
	card_profile_default(&cs.card.profile);
	cs.card.profile.no_fsync = true;
	cs.card.profile.applets = applets;
	if (card_init(&cs.card, err, sizeof(err))) {
		fprintf(stderr, "%s\n", err);
		return -1;
	}
	signal(SIGPIPE, SIG_IGN);
	cs.listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(cs.listen_fd, (struct sockaddr *)&a, sizeof(a)) || listen(cs.listen_fd, 64))
		return -1;
	return -pthread_create(&t, NULL, cs_accept, NULL);
}

/**
 * cs_hold() - the next command does not run before cs_go()
 * @ins: one with this INS, or CS_ANY
 *
 * So a test is amid a command without being faster than it.
 */
static inline void cs_hold(int ins)
{
	atomic_store(&cs.held, false);
	atomic_store(&cs.hold, ins);
}

/** cs_held() - wait for that command; false if none came in a minute */
static inline bool cs_held(void)
{
	for (int i = 0; i < 60000 && !atomic_load(&cs.held); i++)
		cs_nap();
	return atomic_load(&cs.held);
}

static inline void cs_go(void)
{
	atomic_store(&cs.hold, 0);
}

/**
 * cs_alone() - wait until nobody is connected any more, for a minute
 *
 * What a process that was killed had sent has run then.
 *
 * Return: false if somebody is.
 */
static inline bool cs_alone(void)
{
	for (int i = 0; i < 60000 && atomic_load(&cs.serving); i++)
		cs_nap();
	return !atomic_load(&cs.serving);
}

/** cs_stop() - its folder goes, with all that the test put there */
static int cs_stop(void)
{
	char cmd[96];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", cs.dir);
	return system(cmd) ? 1 : 0;
}

#endif
