// SPDX-License-Identifier: Apache-2.0
/*
 * lwm2m-fleet N URI DIR: N devices with a secure element each, in one process. Every
 * device is what semd has: a journal, a data model on disk, a worker for its card, one
 * account with the server at URI; its endpoint name is fleet-0, fleet-1, …
 *
 * Says "ready" when all cards have been read, then contacts the server. SIGTERM
 * de-registers and ends. DIR is best on a tmpfs: there are four databases a device.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "bench/card-farm.h"
#include "job/job.h"
#include "lwm2m/device.h"

#define READ_MS 60000U /* all cards */
#define STOP_MS 10000U

struct unit {
	struct job_store *store;
	struct content *content;
	struct lwm2m_device *device;
	bool reading;
};

static struct unit *units;
static unsigned int nr;
static struct farm farm;

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static _Noreturn void die(unsigned int i, const char *what, const char *why)
{
	fprintf(stderr, "lwm2m-fleet: device %u: %s: %s\n", i, what, why);
	exit(1);
}

static void on_log(void *ctx, int level, const char *server, const char *text)
{
	if (level <= LOG_WARNING)
		fprintf(stderr, "fleet-%u: %s: %s\n",
			(unsigned int)((struct unit *)ctx - units), server, text);
}

static void on_se(void *ctx, uint16_t object, int32_t instance)
{
	struct unit *u = ctx;

	(void)object;
	u->reading = content_ses_reading(u->content->ses);
	if (u->device)
		lwm2m_device_se_changed(u->device, now_ms(), (uint16_t)instance);
}

static void on_job(void *ctx, uint64_t id)
{
	struct unit *u = ctx;

	if (u->device)
		lwm2m_device_job_changed(u->device, now_ms(), id);
}

static void make(unsigned int i, const char *uri, const char *base)
{
	struct unit *u = &units[i];
	char dir[96], card[112], open[128], name[32], why[CONTENT_WORDS_MAX];
	const struct lwm2m_factory server = {.name = "main",
					     .ssid = 1,
					     .uri = uri,
					     .mode = LWM2M_SECURITY_NONE,
					     .cert_usage = -1,
					     .lifetime = 86400};
	const struct job_options options = {.dir = dir};
	struct lwm2m_device_config config = {.endpoint = name,
					     .state_dir = dir,
					     .manufacturer = "Sesame",
					     .model = "fleet",
					     .servers = &server,
					     .nr_servers = 1,
					     .hold_until = LWM2M_NEVER - 1,
					     .log = on_log,
					     .ctx = u};
	struct job_error err;
	int r;

	snprintf(name, sizeof(name), "fleet-%u", i);
	snprintf(dir, sizeof(dir), "%s/%u", base, i);
	snprintf(card, sizeof(card), "%s/card", dir);
	snprintf(open, sizeof(open), "socket:%s", card);
	if (mkdir(dir, 0700) && errno != EEXIST)
		die(i, dir, strerror(errno));
	unlink(card);
	farm_add(&farm, card);
	if (job_store_open(&u->store, &options, &err))
		die(i, "journal", err.detail);
	r = job_se_add(u->store, "se0", open, "eSE");
	u->reading = true;
	if (r == 0)
		r = content_new(&u->content, u->store, dir, why);
	if (r == 0)
		r = content_ses_listen(u->content->ses, on_se, u);
	if (r == 0)
		r = job_listen(u->store, on_job, u);
	if (r)
		die(i, "secure element", strerror(-r));
	config.store = u->store;
	config.content = u->content;
	if (lwm2m_device_new(&u->device, &config, now_ms(), why))
		die(i, "client", why);
}

/* where something has happened, or it is time; @stopping: are all gone? */
static bool turn(int epoll, bool stopping)
{
	struct epoll_event ev[256];
	uint64_t now = now_ms(), next = now + 1000;
	bool gone = stopping;
	int n;

	for (unsigned int i = 0; i < nr; i++) {
		uint64_t at = lwm2m_device_deadline(units[i].device);

		if (at <= now) {
			lwm2m_device_tick(units[i].device, now);
			at = lwm2m_device_deadline(units[i].device);
		}
		next = at < next ? at : next;
		gone = gone && lwm2m_device_stopped(units[i].device);
	}
	now = now_ms();
	n = epoll_wait(epoll, ev, 256, next > now ? (int)(next - now) : 0);
	for (int i = 0; i < n; i++) {
		struct unit *u = &units[ev[i].data.u64 >> 1];

		if (ev[i].data.u64 == UINT64_MAX)
			continue; /* the signal: left to be read */
		if (ev[i].data.u64 & 1)
			job_store_dispatch(u->store);
		else
			lwm2m_device_ready(u->device, now_ms());
	}
	return gone;
}

static void watch(int epoll, int fd, uint64_t what)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = what};

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev))
		farm_die("epoll_ctl");
}

static bool reading(void)
{
	for (unsigned int i = 0; i < nr; i++)
		if (units[i].reading)
			return true;
	return false;
}

static bool asked_to_stop(int fd)
{
	struct signalfd_siginfo si;

	return read(fd, &si, sizeof(si)) == sizeof(si);
}

int main(int argc, char **argv)
{
	struct rlimit limit;
	uint64_t began, end;
	sigset_t set;
	int epoll, sig;

	if (argc != 4 || (nr = (unsigned int)strtoul(argv[1], NULL, 10)) == 0) {
		fprintf(stderr, "lwm2m-fleet N URI DIR\n");
		return 2;
	}
	/* a dozen descriptors a device */
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	sig = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	units = calloc(nr, sizeof(*units));
	if (epoll < 0 || sig < 0 || !units)
		farm_die("lwm2m-fleet");
	farm_start(&farm);
	watch(epoll, sig, UINT64_MAX);
	began = now_ms();
	for (unsigned int i = 0; i < nr; i++) {
		make(i, argv[2], argv[3]);
		watch(epoll, lwm2m_device_fd(units[i].device), (uint64_t)i << 1);
		watch(epoll, job_store_fd(units[i].store), (uint64_t)i << 1 | 1);
	}
	for (end = now_ms() + READ_MS; reading() && now_ms() < end;)
		turn(epoll, false);
	if (reading())
		die(0, "card", "not all could be read in time");
	printf("ready: %u devices in %llu ms\n", nr, (unsigned long long)(now_ms() - began));
	fflush(stdout);
	for (unsigned int i = 0; i < nr; i++)
		lwm2m_device_release(units[i].device, now_ms());
	while (!asked_to_stop(sig))
		turn(epoll, false);
	for (unsigned int i = 0; i < nr; i++)
		lwm2m_device_stop(units[i].device, now_ms());
	for (end = now_ms() + STOP_MS; !turn(epoll, true) && now_ms() < end;)
		;
	for (unsigned int i = 0; i < nr; i++) {
		lwm2m_device_free(units[i].device);
		units[i].device = NULL;
		content_free(units[i].content);
		job_store_close(units[i].store);
	}
	free(units);
	return 0;
}
