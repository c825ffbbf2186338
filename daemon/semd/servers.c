// SPDX-License-Identifier: Apache-2.0
/* Management servers: the LwM2M device that serves them, its descriptor and time on
 * the loop. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <syslog.h>
#include <time.h>

#include "lwm2m/send.h"
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

/* after each call of the device: what it waits for may be another time */
static void arm(struct semd *d)
{
	uint64_t at;

	if (!d->device || !d->device_timer)
		return;
	at = lwm2m_device_deadline(d->device);
	if (at == LWM2M_NEVER) {
		sd_event_source_set_enabled(d->device_timer, SD_EVENT_OFF);
		return;
	}
	sd_event_source_set_time(d->device_timer, at * 1000U);
	sd_event_source_set_enabled(d->device_timer, SD_EVENT_ONESHOT);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct semd *d = userdata;

	(void)source;
	(void)fd;
	(void)revents;
	lwm2m_device_ready(d->device, semd_now_ms());
	arm(d);
	return 0;
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct semd *d = userdata;

	(void)source;
	(void)usec;
	lwm2m_device_tick(d->device, semd_now_ms());
	arm(d);
	return 0;
}

static void on_log(void *ctx, int level, const char *server, const char *text)
{
	(void)ctx;
	if (*server)
		semd_log(level, "%s: %s", server, text);
	else
		semd_log(level, "lwm2m: %s", text);
}

static void on_reboot(void *ctx)
{
	struct semd *d = ctx;

	d->restart = true;
	semd_log(LOG_NOTICE, "a server asks for a reboot: semd ends and starts again");
	semd_stop(d);
}

static const char *or_null(const char *s)
{
	return *s ? s : NULL;
}

static struct lwm2m_bytes to_bytes(const struct config_bytes *b)
{
	return (struct lwm2m_bytes){b->p, b->len};
}

static int take_server(const struct config_server *c, struct lwm2m_factory *f,
		       struct config_credentials *cred)
{
	char why[512];
	int r = config_server_credentials(c, cred, why, sizeof(why));

	if (r) {
		semd_log(LOG_ERR, "%s: [server %s] %s", c->where, c->name, why);
		return r;
	}
	*f = (struct lwm2m_factory){
		.name = c->name,
		.bootstrap = !strcmp(c->bootstrap, "yes"),
		.ssid = (uint16_t)c->ssid,
		.uri = c->uri,
		.endpoint = or_null(c->endpoint),
		.mode = cred->mode,
		.identity = to_bytes(&cred->identity),
		.peer = to_bytes(&cred->peer),
		.secret = to_bytes(&cred->secret),
		.sni = or_null(c->sni),
		.cert_usage = cred->usage,
		.hold_off = c->hold_off,
		.lifetime = c->lifetime,
		.pmin = c->pmin,
		.pmax = c->pmax,
		.binding = or_null(c->binding),
		.version = c->version,
		.oscore =
			{
				.secret = to_bytes(&cred->oscore_secret),
				.salt = to_bytes(&cred->oscore_salt),
				.sender = to_bytes(&cred->oscore_sender),
				.recipient = to_bytes(&cred->oscore_recipient),
				.context = to_bytes(&cred->oscore_context),
			},
	};
	return 0;
}

static int make_device(struct semd *d, const struct lwm2m_factory *servers)
{
	const struct config *c = &d->cfg;
	const char *endpoint = c->endpoint[0]	  ? c->endpoint
			       : c->nr_server > 0 ? c->server[0].endpoint
						  : "sesame";
	struct lwm2m_device_config config = {
		.endpoint = endpoint,
		.state_dir = c->state_dir,
		.store = d->store,
		.content = d->content,
		.keys = d->keys,
		.manufacturer = or_null(c->manufacturer),
		.model = or_null(c->model),
		.serial = or_null(c->serial),
		.firmware = or_null(c->firmware),
		.servers = servers,
		.nr_servers = c->nr_server,
		.allow_nosec = !strcmp(c->allow_nosec, "yes"),
		/* OMA DM is enough */
		.optional = c->dm.used && !c->nr_server && !*c->bootstrap.card &&
			    !*c->bootstrap.file,
		.hold_until =
			content_ses_reading(d->content->ses) ? semd_now_ms() + HOLD_MS : 0,
		.reboot = strcmp(c->reboot, "no") ? on_reboot : NULL,
		.log = on_log,
		.ctx = d,
	};
	char why[CONTENT_WORDS_MAX];
	int r = semd_bootstrap_start(d, &config);

	if (r)
		return r;
	r = lwm2m_device_new(&d->device, &config, semd_now_ms(), why);
	if (r)
		semd_log(LOG_ERR, "lwm2m: %s", why);
	semd_bootstrap_taken(d);
	return r;
}

int semd_servers_start(struct semd *d)
{
	struct config_credentials *cred = calloc(CONFIG_SERVERS_MAX, sizeof(*cred));
	struct lwm2m_factory *servers = calloc(CONFIG_SERVERS_MAX, sizeof(*servers));
	int r = cred && servers ? 0 : -ENOMEM;

	for (size_t i = 0; !r && i < d->cfg.nr_server; i++)
		r = take_server(&d->cfg.server[i], &servers[i], &cred[i]);
	if (!r)
		r = make_device(d, servers);
	for (size_t i = 0; cred && i < CONFIG_SERVERS_MAX; i++)
		config_credentials_clear(&cred[i]);
	free(cred);
	free(servers);
	if (r)
		return r;
	r = sd_event_add_io(d->event, &d->device_io, lwm2m_device_fd(d->device), EPOLLIN, on_io,
			    d);
	if (r >= 0)
		r = sd_event_add_time(d->event, &d->device_timer, CLOCK_MONOTONIC, 0, 1000,
				      on_time, d);
	if (r < 0)
		return r;
	arm(d);
	return 0;
}

void semd_servers_stop(struct semd *d)
{
	lwm2m_device_stop(d->device, semd_now_ms());
	arm(d);
}

bool semd_servers_stopped(const struct semd *d)
{
	return lwm2m_device_stopped(d->device);
}

void semd_servers_free(struct semd *d)
{
	d->device_io = sd_event_source_disable_unref(d->device_io);
	d->device_timer = sd_event_source_disable_unref(d->device_timer);
	lwm2m_device_free(d->device);
	d->device = NULL;
	semd_bootstrap_free(d);
}

void semd_servers_job_changed(struct semd *d, uint64_t id)
{
	if (!d->device)
		return;
	lwm2m_device_job_changed(d->device, semd_now_ms(), id);
	arm(d);
}

void semd_servers_se_changed(void *ctx, uint16_t object, int32_t instance)
{
	struct semd *d = ctx;

	(void)object;
	if (!d->device)
		return;
	lwm2m_device_se_changed(d->device, semd_now_ms(), (uint16_t)instance);
	if (!d->stopping && !content_ses_reading(d->content->ses))
		lwm2m_device_release(d->device, semd_now_ms());
	arm(d);
}

void semd_servers_network(struct semd *d)
{
	if (!d->device || d->stopping)
		return;
	lwm2m_device_network(d->device, semd_now_ms());
	arm(d);
}

void semd_servers_card(struct semd *d, int error, const uint8_t *p, size_t len)
{
	if (!d->device)
		return;
	lwm2m_device_card(d->device, semd_now_ms(), error, p, len);
	arm(d);
}

int semd_servers_describe(void *ctx, unsigned int index, struct control_server *out)
{
	struct lwm2m_device_account a;
	struct semd *d = ctx;
	int r = lwm2m_device_account(d->device, index, &a);

	if (r)
		return r;
	memset(out, 0, sizeof(*out));
	snprintf(out->name, sizeof(out->name), "%s", a.name);
	snprintf(out->uri, sizeof(out->uri), "%s", a.uri);
	snprintf(out->state, sizeof(out->state), "%s",
		 a.working ? lwm2m_state_name(a.status.state) : "unusable");
	if (a.status.version)
		snprintf(out->version, sizeof(out->version), "%u.%u",
			 a.status.version / 10 % 10, a.status.version % 10);
	snprintf(out->location, sizeof(out->location), "%s", a.status.location);
	snprintf(out->error, sizeof(out->error), "%s", a.status.error);
	out->observations = a.status.observations;
	out->attempts = a.status.attempts;
	return 0;
}

int semd_servers_update(void *ctx, const char *name)
{
	struct semd *d = ctx;
	int r = lwm2m_device_update(d->device, semd_now_ms(), name);

	arm(d);
	return r;
}

int semd_servers_send(void *ctx, const char *name, const char *const *paths, bool keep,
		      char *why, size_t room)
{
	struct lwm2m_path path[LWM2M_SEND_PATHS_MAX];
	char words[CONTENT_WORDS_MAX] = "";
	struct semd *d = ctx;
	size_t n = 0;
	int r;

	for (; paths && paths[n]; n++) {
		if (n == LWM2M_SEND_PATHS_MAX ||
		    lwm2m_path_parse(paths[n], strlen(paths[n]), &path[n])) {
			snprintf(why, room,
				 n == LWM2M_SEND_PATHS_MAX ? "too many paths: %.64s"
							   : "not a path: %.64s",
				 paths[n]);
			return -EINVAL;
		}
	}
	r = lwm2m_device_send(d->device, semd_now_ms(), name, path, n,
			      keep ? LWM2M_SEND_KEEP : 0, words);
	arm(d);
	snprintf(why, room, "%s", words);
	return r;
}
