// SPDX-License-Identifier: Apache-2.0
/* Management servers: an LwM2M account each, its socket and time on the loop. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>

#include "semd/semd.h"

uint64_t semd_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000U + (uint64_t)ts.tv_nsec / 1000000U;
}

/*
 * How long a server waits for the SEs to be read for the first time. What it
 * reads is then there; an SE that does not answer must not keep the device away
 * from its server.
 */
#define HOLD_MS 5000U

static void arm(struct server *s);

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct server *s = userdata;

	(void)source;
	(void)fd;
	(void)revents;
	lwm2m_account_ready(s->account, semd_now_ms());
	arm(s);
	return 0;
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct server *s = userdata;

	(void)source;
	(void)usec;
	lwm2m_account_tick(s->account, semd_now_ms());
	arm(s);
	return 0;
}

/*
 * After each call of the account: its socket may be another one. A new one may
 * have the old number, so the inode is what counts.
 */
static void arm_io(struct server *s)
{
	int fd = lwm2m_account_fd(s->account), r;
	struct stat st = {0};

	if (fd >= 0 && fstat(fd, &st))
		fd = -1;
	if (s->io && (fd < 0 || st.st_ino != s->socket))
		s->io = sd_event_source_disable_unref(s->io);
	if (fd < 0)
		return;
	if (s->io) {
		sd_event_source_set_io_events(s->io, lwm2m_account_events(s->account));
		return;
	}
	r = sd_event_add_io(s->d->event, &s->io, fd, lwm2m_account_events(s->account), on_io,
			    s);
	if (r < 0)
		semd_log(LOG_ERR, "%s: the socket cannot be watched: %s", s->cfg->name,
			 strerror(-r));
	else
		s->socket = st.st_ino;
}

static void arm(struct server *s)
{
	uint64_t at;

	if (!s->account)
		return;
	arm_io(s);
	at = lwm2m_account_deadline(s->account);
	if (at == UINT64_MAX) {
		sd_event_source_set_enabled(s->timer, SD_EVENT_OFF);
		return;
	}
	sd_event_source_set_time(s->timer, at * 1000U);
	sd_event_source_set_enabled(s->timer, SD_EVENT_ONESHOT);
}

static void on_log(void *ctx, int level, const char *text)
{
	struct server *s = ctx;

	semd_log(level, "%s: %s", s->cfg->name, text);
}

static const char *or_null(const char *s)
{
	return *s ? s : NULL;
}

static int start_one(struct semd *d, struct server *s)
{
	const struct config_server *c = s->cfg;
	struct lwm2m_account_config a = {
		.client =
			{
				.name = c->name,
				.uri = c->uri,
				.secure_psk = !strncmp(c->uri, "coaps:", 6),
				.endpoint = c->endpoint,
				.lifetime = c->lifetime,
				.ssid = (uint16_t)c->ssid,
				.version = c->version,
				.pmin = c->pmin,
				.pmax = c->pmax,
				.manufacturer = or_null(d->cfg.manufacturer),
				.model = or_null(d->cfg.model),
				.serial = or_null(d->cfg.serial),
				.firmware = or_null(d->cfg.firmware),
			},
		.psk_identity = or_null(c->psk_identity),
		.hold_until = lwm2m_ses_reading(d->ses) ? semd_now_ms() + HOLD_MS : 0,
		.log = on_log,
		.log_ctx = s,
	};
	char why[LWM2M_WORDS_MAX] = "";
	uint8_t key[CONFIG_PSK_MAX];
	size_t key_len = 0;
	int r;

	if (c->psk_file[0]) {
		char words[512];

		r = config_read_psk(c->psk_file, key, &key_len, words, sizeof(words));
		if (r) {
			semd_log(LOG_ERR, "%s: [server %s] psk_file: %s", c->where, c->name,
				 words);
			return r;
		}
		a.psk_key = key;
		a.psk_key_len = key_len;
	}
	r = sd_event_add_time(d->event, &s->timer, CLOCK_MONOTONIC, 0, 1000, on_time, s);
	if (r >= 0) {
		sd_event_source_set_enabled(s->timer, SD_EVENT_OFF);
		r = lwm2m_account_new(&s->account, &a, d->store, d->ses, semd_now_ms(), why);
		if (r)
			semd_log(LOG_ERR, "%s: [server %s] %s", c->where, c->name, why);
	}
	explicit_bzero(key, sizeof(key));
	if (r < 0)
		return r;
	arm(s);
	return 0;
}

int semd_servers_start(struct semd *d)
{
	struct server *s;
	size_t i;
	int r;

	for (i = 0; i < d->cfg.nr_server; i++) {
		s = &d->server[i];
		s->d = d;
		s->cfg = &d->cfg.server[i];
		d->nr_server = i + 1;
		r = start_one(d, s);
		if (r)
			return r;
	}
	return 0;
}

void semd_servers_stop(struct semd *d)
{
	size_t i;

	for (i = 0; i < d->nr_server; i++) {
		lwm2m_account_stop(d->server[i].account, semd_now_ms());
		arm(&d->server[i]);
	}
}

bool semd_servers_stopped(const struct semd *d)
{
	struct lwm2m_status st;
	size_t i;

	for (i = 0; i < d->nr_server; i++) {
		lwm2m_account_status(d->server[i].account, &st);
		if (st.state != LWM2M_STOPPED)
			return false;
	}
	return true;
}

void semd_servers_free(struct semd *d)
{
	struct server *s;
	size_t i;

	for (i = 0; i < d->nr_server; i++) {
		s = &d->server[i];
		s->io = sd_event_source_disable_unref(s->io);
		s->timer = sd_event_source_disable_unref(s->timer);
		if (s->account)
			lwm2m_account_free(s->account);
		s->account = NULL;
	}
	d->nr_server = 0;
}

void semd_servers_job_changed(struct semd *d, uint64_t id)
{
	size_t i;

	for (i = 0; i < d->nr_server; i++) {
		lwm2m_account_job_changed(d->server[i].account, semd_now_ms(), id);
		arm(&d->server[i]);
	}
}

void semd_servers_se_changed(void *ctx, uint16_t instance)
{
	struct semd *d = ctx;
	size_t i;

	for (i = 0; i < d->nr_server; i++) {
		if (!d->server[i].account)
			continue;
		lwm2m_account_se_changed(d->server[i].account, semd_now_ms(), instance);
		if (!d->stopping && !lwm2m_ses_reading(d->ses))
			lwm2m_account_release(d->server[i].account, semd_now_ms());
		arm(&d->server[i]);
	}
}

int semd_servers_describe(void *ctx, unsigned int index, struct control_server *out)
{
	struct semd *d = ctx;
	struct lwm2m_status st;
	struct server *s;

	if (index >= d->nr_server)
		return -ENOENT;
	s = &d->server[index];
	lwm2m_account_status(s->account, &st);
	memset(out, 0, sizeof(*out));
	snprintf(out->name, sizeof(out->name), "%s", s->cfg->name);
	snprintf(out->uri, sizeof(out->uri), "%s", s->cfg->uri);
	snprintf(out->state, sizeof(out->state), "%s", lwm2m_state_name(st.state));
	snprintf(out->version, sizeof(out->version), "%u.%u", st.version / 10 % 10,
		 st.version % 10);
	snprintf(out->location, sizeof(out->location), "%s", st.location);
	snprintf(out->error, sizeof(out->error), "%s", st.error);
	out->observations = st.observations;
	out->attempts = st.attempts;
	return 0;
}
