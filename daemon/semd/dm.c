// SPDX-License-Identifier: Apache-2.0
/* OMA DM servers: the client device that serves them, its descriptor and time on the loop,
 * the secure elements in its tree. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <syslog.h>
#include <systemd/sd-id128.h>

#include "dm/client.h"
#include "dm/mo-se.h"
#include "dm/tree.h"
#include "semd/card.h"

/* the machine's own number stays its own: this is what servers see is made with */
#define DEVICE_ID SD_ID128_MAKE(6f, 0c, 62, 4f, 36, 4b, 4b, 0e, 8d, 5e, a4, 1e, 30, 5c, 57, b1)

/* SEs are read before a server may ask for them; see servers.c */
#define HOLD_MS 5000U

struct semd_dm {
	struct semd *d;
	struct dm_client *client;
	struct dm_se *se;
	struct semd_dm_card *card;
	sd_event_source *io, *timer;
};

static void arm(struct semd_dm *m)
{
	uint64_t at = dm_client_deadline(m->client);

	if (at == DM_NEVER) {
		sd_event_source_set_enabled(m->timer, SD_EVENT_OFF);
		return;
	}
	sd_event_source_set_time(m->timer, at * 1000U);
	sd_event_source_set_enabled(m->timer, SD_EVENT_ONESHOT);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct semd_dm *m = userdata;

	(void)source;
	(void)fd;
	(void)revents;
	dm_client_ready(m->client, semd_now_ms());
	arm(m);
	return 0;
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct semd_dm *m = userdata;

	(void)source;
	(void)usec;
	dm_client_tick(m->client, semd_now_ms());
	arm(m);
	return 0;
}

static void on_log(void *ctx, int level, const char *server, const char *text)
{
	(void)ctx;
	if (*server)
		semd_log(level, "dm: %s: %s", server, text);
	else
		semd_log(level, "dm: %s", text);
}

/* Policies that a reload brings count as well. */
static bool on_may_bring(void *ctx, const char *by, const char *server_id)
{
	const struct semd_dm *m = ctx;

	(void)by;
	return config_dm_may_bring(&m->d->cfg, server_id);
}

/* ---- made and unmade ------------------------------------------------------------------- */

static const char *or_null(const char *s)
{
	return *s ? s : NULL;
}

static struct dm_bytes to_bytes(const struct config_bytes *b)
{
	return (struct dm_bytes){b->p, b->len};
}

static void take_account(const struct config *c, const struct config_dm_account *a,
			 const struct config_dm_credentials *cred, struct dm_factory *f)
{
	const char *pref = !strcmp(a->auth, "md5")     ? "DIGEST"
			   : !strcmp(a->auth, "hmac")  ? "HMAC"
			   : !strcmp(a->auth, "basic") ? "BASIC"
						       : "TRANSPORT";

	*f = (struct dm_factory){
		.name = a->name,
		.server_id = a->server_id,
		.uri = a->uri,
		.auth = dm_auth_of_pref(pref),
		.client_name = or_null(a->client_name),
		.client_secret = to_bytes(&cred->client_secret),
		.server_name = or_null(a->server_name),
		.server_secret = to_bytes(&cred->server_secret),
		.client_nonce = to_bytes(&cred->client_nonce),
		.server_nonce = to_bytes(&cred->server_nonce),
		.tls =
			{
				.ca = or_null(*a->ca ? a->ca : c->dm.ca),
				.pin = or_null(a->pin),
				.cert = to_bytes(&cred->cert),
				.key = to_bytes(&cred->key),
			},
		.poll_s = a->poll,
		.allow_http = !strcmp(a->allow_http, "yes"),
		.allow_basic = !strcmp(a->allow_basic, "yes"),
		.wbxml = !strcmp(a->coding, "wbxml"),
	};
}

static int device_id(const struct config *c, char out[128])
{
	char text[SD_ID128_UUID_STRING_MAX];
	sd_id128_t id;
	int r;

	if (c->dm.device_id[0]) {
		snprintf(out, 128, "%s", c->dm.device_id);
		return 0;
	}
	r = sd_id128_get_machine_app_specific(DEVICE_ID, &id);
	if (r < 0) {
		semd_log(LOG_ERR,
			 "[dm] device_id= is needed, or a machine id: "
			 "systemd-machine-id-setup makes one (%s)",
			 strerror(-r));
		return r;
	}
	snprintf(out, 128, "urn:uuid:%s", sd_id128_to_uuid_string(id, text));
	return 0;
}

static int port(uint32_t configured)
{
	return configured ? (int)configured : -1;
}

static int make_client(struct semd_dm *m, const struct dm_factory *accounts,
		       const struct config_dm_credentials *general, const char *pin,
		       const struct config_bytes *network)
{
	const struct config *c = &m->d->cfg;
	char id[128], why[DM_CLIENT_WORDS_MAX];
	struct dm_client_config config = {
		.state_dir = c->state_dir,
		.keys = m->d->keys,
		.device_id = id,
		.manufacturer = c->manufacturer,
		.model = c->model,
		.firmware = c->firmware,
		.software = SEMD_VERSION,
		.hardware = "",
		.accounts = accounts,
		.nr_accounts = c->nr_dm,
		.tls =
			{
				.ca = or_null(c->dm.ca),
				.cert = to_bytes(&general->cert),
				.key = to_bytes(&general->key),
			},
		.server_accounts = !strcmp(c->dm.server_accounts, "yes"),
		.retry_ms = c->dm.retry * 1000U,
		.max_msg = c->dm.max_msg,
		.max_obj = c->dm.max_obj,
		.udp_port = port(c->dm.udp_port),
		.coap_port = port(c->dm.coap_port),
		.bind = or_null(c->dm.bind),
		.pin = pin,
		.network = to_bytes(network),
		.hold_until =
			content_ses_reading(m->d->content->ses) ? semd_now_ms() + HOLD_MS : 0,
		.log = on_log,
		.may_bring = on_may_bring,
		.ctx = m,
	};
	int r = device_id(c, id);

	if (r)
		return r;
	r = dm_client_new(&m->client, &config, semd_now_ms(), why);
	if (r)
		semd_log(LOG_ERR, "dm: %s", why);
	return r;
}

static bool on_waits(void *ctx, uint64_t token)
{
	return dm_client_waits(((struct semd_dm *)ctx)->client, token);
}

/* An SE was read; when all are, servers may come. */
static void on_se(void *ctx, uint16_t object, int32_t instance)
{
	struct semd_dm *m = ctx;

	(void)object;
	semd_dm_card_look(m->card, instance);
	if (m->d->stopping || content_ses_reading(m->d->content->ses))
		return;
	dm_client_release(m->client, semd_now_ms());
	if (m->timer)
		arm(m);
}

static int add_objects(struct semd_dm *m)
{
	const struct dm_se_config config = {
		.store = dm_client_store(m->client),
		.outbox = dm_client_outbox(m->client),
		.jobs = m->d->store,
		.content = m->d->content,
		.waits = on_waits,
		.ctx = m,
	};
	int r = dm_se_new(&m->se, &config);

	if (!r)
		r = dm_se_mount(m->se, dm_client_tree(m->client));
	if (r)
		semd_log(LOG_ERR, "dm: the secure elements cannot be put into the tree: %s",
			 strerror(-r));
	return r;
}

static int add_sources(struct semd_dm *m)
{
	int r = sd_event_add_io(m->d->event, &m->io, dm_client_fd(m->client), EPOLLIN, on_io,
				m);

	if (r >= 0)
		r = sd_event_add_time(m->d->event, &m->timer, CLOCK_MONOTONIC, 0, 1000, on_time,
				      m);
	return r < 0 ? r : 0;
}

/* Files of the section, or of [dm] with NULL; what is wrong is logged. */
static int read_files(const struct config *c, const struct config_dm_account *a,
		      struct config_dm_credentials *cred)
{
	char why[512];
	int r = config_dm_credentials(c, a, cred, why, sizeof(why));

	if (r && a)
		semd_log(LOG_ERR, "%s: [dm %s] %s", a->where, a->name, why);
	else if (r)
		semd_log(LOG_ERR, "[dm] %s", why);
	return r;
}

static int read_secret(const char *what, const char *path, struct config_bytes *out)
{
	char why[512];
	int r = *path ? config_read_secret(path, out, why, sizeof(why)) : 0;

	if (r)
		semd_log(LOG_ERR, "[dm] %s: %s", what, why);
	return r;
}

static int read_network(const char *path, struct config_bytes *out)
{
	char why[512];
	int r = *path ? config_read_network(path, out, why, sizeof(why)) : 0;

	if (r)
		semd_log(LOG_ERR, "[dm] bootstrap_network_file: %s", why);
	return r;
}

/* The profile of a file, once. */
static void take_file(struct semd_dm *m)
{
	const char *path = m->d->cfg.dm.bootstrap_file;
	char why[512] = "";
	struct config_bytes b = {0};
	int r = *path ? config_read_file(path, true, &b, why, sizeof(why)) : -ENOENT;

	if (!r)
		r = dm_client_bootstrap(m->client, semd_now_ms(), b.p, b.len, DM_FROM_FILE,
					why);
	if (*path && r && r != -EALREADY)
		semd_log(LOG_ERR, "[dm] bootstrap_file=%s: %s", path, why);
	config_bytes_clear(&b);
}

/* The profile of a card; one that was taken before is nothing new. */
static void on_profile(void *ctx, const uint8_t *p, size_t len)
{
	struct semd_dm *m = ctx;
	char why[DM_CLIENT_WORDS_MAX] = "";
	int r = dm_client_bootstrap(m->client, semd_now_ms(), p, len, DM_FROM_CARD, why);

	if (r && r != -EALREADY)
		semd_log(r == -ENODATA ? LOG_INFO : LOG_ERR, "[dm] bootstrap_card=%s: %s",
			 m->d->cfg.dm.bootstrap_card, why);
	arm(m);
}

static int make(struct semd_dm *m)
{
	struct config_dm_credentials *cred = calloc(CONFIG_DMS_MAX + 1, sizeof(*cred));
	struct dm_factory *accounts = calloc(CONFIG_DMS_MAX, sizeof(*accounts));
	const struct config *c = &m->d->cfg;
	struct config_bytes pin = {0}, network = {0};
	int r = cred && accounts ? 0 : -ENOMEM;

	for (size_t i = 0; !r && i < c->nr_dm; i++) {
		r = read_files(c, &c->dm_account[i], &cred[i]);
		if (!r)
			take_account(c, &c->dm_account[i], &cred[i], &accounts[i]);
	}
	if (!r)
		r = read_files(c, NULL, &cred[CONFIG_DMS_MAX]);
	if (!r)
		r = read_secret("bootstrap_pin_file", c->dm.bootstrap_pin_file, &pin);
	if (!r)
		r = read_network(c->dm.bootstrap_network_file, &network);
	if (!r)
		r = make_client(m, accounts, &cred[CONFIG_DMS_MAX], (const char *)pin.p,
				&network);
	for (size_t i = 0; cred && i <= CONFIG_DMS_MAX; i++)
		config_dm_credentials_clear(&cred[i]);
	config_bytes_clear(&pin);
	config_bytes_clear(&network);
	free(cred);
	free(accounts);
	return r;
}

int semd_dm_start(struct semd *d)
{
	char why[DM_CLIENT_WORDS_MAX];
	unsigned int nodes;
	struct semd_dm *m;
	uint64_t bytes;
	int r;

	if (!d->cfg.dm.used)
		return 0;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->d = d;
	d->dm = m;
	r = make(m);
	if (!r)
		r = add_objects(m);
	if (!r)
		r = add_sources(m);
	if (!r)
		r = semd_dm_card_new(&m->card, d, on_profile, m);
	if (!r)
		r = content_ses_listen(d->content->ses, on_se, m);
	if (r)
		return r;
	take_file(m);
	semd_dm_card_look(m->card, -1);
	r = dm_client_start(m->client, semd_now_ms(), why);
	if (r) {
		semd_log(LOG_ERR, "dm: %s", why);
		return r;
	}
	dm_tree_usage(dm_client_tree(m->client), &nodes, &bytes);
	semd_log(LOG_INFO, "dm: %u nodes in the tree, %llu bytes of values", nodes,
		 (unsigned long long)bytes);
	arm(m);
	return 0;
}

void semd_dm_free(struct semd *d)
{
	struct semd_dm *m = d->dm;

	if (!m)
		return;
	m->io = sd_event_source_disable_unref(m->io);
	m->timer = sd_event_source_disable_unref(m->timer);
	content_ses_unlisten(d->content->ses, on_se, m);
	semd_dm_card_free(m->card);
	dm_se_free(m->se);
	dm_client_free(m->client);
	free(m);
	d->dm = NULL;
}

void semd_dm_dispatch(struct semd *d)
{
	if (d->dm)
		dm_se_dispatch(d->dm->se);
}

void semd_dm_stop(struct semd *d)
{
	size_t busy;

	if (!d->dm)
		return;
	busy = d->dm->se ? dm_se_busy(d->dm->se) : 0;
	if (busy)
		semd_log(LOG_NOTICE,
			 "dm: %zu operation%s of servers %s not ended; the next start tells "
			 "them how",
			 busy, busy == 1 ? "" : "s", busy == 1 ? "has" : "have");
	dm_client_stop(d->dm->client, semd_now_ms());
	arm(d->dm);
}

bool semd_dm_stopped(const struct semd *d)
{
	return !d->dm || dm_client_stopped(d->dm->client);
}

void semd_dm_network(struct semd *d)
{
	if (!d->dm || d->stopping)
		return;
	dm_client_network(d->dm->client, semd_now_ms());
	arm(d->dm);
}

struct dm_client *semd_dm_client(const struct semd *d)
{
	return d->dm ? d->dm->client : NULL;
}

void semd_dm_arm(struct semd *d)
{
	arm(d->dm);
}
