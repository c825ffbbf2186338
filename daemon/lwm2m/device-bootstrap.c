// SPDX-License-Identifier: Apache-2.0
/*
 * Bootstrap in its place: the state machine (bootstrap.h) decides; here are its association
 * with the bootstrap server, which is an account among the others (LWM2M_SSID_BOOTSTRAP), and
 * what it has to be told of the accounts. What it asks for is done after the call in which
 * it asked, as it may be on the stack then.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <syslog.h>
#include <time.h>

#include "lwm2m/bootstrap.h"
#include "lwm2m/device-priv.h"

/* ---- call backs of the state machine ------------------------------------------- */

static void on_send(void *ctx, const uint8_t *data, size_t len)
{
	/* a session speaks through its account */
	(void)ctx;
	(void)data;
	(void)len;
}

static void on_random(void *ctx, void *buf, size_t len)
{
	(void)ctx;
	if (getrandom(buf, len, 0) != (ssize_t)len)
		abort();
}

static int on_read_card(void *ctx)
{
	struct lwm2m_device *dev = ctx;

	return dev->config.read_card ? dev->config.read_card(dev->config.ctx) : -ENODEV;
}

static int on_connect(void *ctx, uint16_t instance)
{
	struct lwm2m_device *dev = ctx;

	dev->bs.connect = instance;
	return 0;
}

static void on_disconnect(void *ctx)
{
	struct lwm2m_device *dev = ctx;

	dev->bs.disconnect = true;
	dev->bs.connect = -1;
}

static void on_changed(void *ctx)
{
	/* device_accounts_sync() sees the generation of the data model move */
	(void)ctx;
}

/* Objects that are made by the device, for a Bootstrap-Discover. */
static void on_links(void *ctx, int32_t object, struct model_buf *out)
{
	const struct model_object *m;

	(void)ctx;
	for (size_t i = 0; (m = model_object_at(i)); i++) {
		if (lwm2m_data_stores(m->id) || (object >= 0 && object != m->id) ||
		    !lwm2m_object(m->id))
			continue;
		if (strcmp(m->version, "1.0") != 0)
			model_buf_printf(out, ",</%u>;ver=%s", m->id, m->version);
		else if (m->multiple)
			model_buf_printf(out, ",</%u>", m->id);
		if (!m->multiple)
			model_buf_printf(out, ",</%u/0>", m->id);
	}
}

static int64_t on_clock(void *ctx)
{
	(void)ctx;
	return time(NULL);
}

static void on_log(void *ctx, int level, const char *text)
{
	device_log(ctx, NULL, level, "%s", text);
}

static const struct lwm2m_bootstrap_ops ops = {
	.coap = {.send = on_send, .random = on_random},
	.read_card = on_read_card,
	.connect = on_connect,
	.disconnect = on_disconnect,
	.changed = on_changed,
	.links = on_links,
	.clock = on_clock,
	.log = on_log,
};

/* ---- the association -------------------------------------------------------------- */

static void on_account_log(void *ctx, int level, const char *text)
{
	const struct device_account *a = ctx;

	device_log(a->dev, a, level, "%s", text);
}

/* 0, or a negative errno with a->why */
static int make(struct device_account *a)
{
	struct lwm2m_device *dev = a->dev;
	bool trusted = device_trusted(dev, LWM2M_SSID_BOOTSTRAP, a->digest);
	struct lwm2m_security security;
	struct lwm2m_account_config config = {
		.client =
			{
				.name = a->name,
				.endpoint = dev->config.endpoint,
				.shared = &dev->shared,
				.bootstrap = dev->bs.machine,
			},
		.security = &security,
		.nr_security = 1,
		.keys = dev->config.keys,
		.log = on_account_log,
		.log_ctx = a,
	};
	int r = lwm2m_data_security(dev->shared.data, a->security, &security, a->why);

	if (r < 0)
		return r;
	security.trusted = trusted;
	if (security.mode == LWM2M_SECURITY_NONE && security.oscore < 0 && !trusted &&
	    !dev->config.allow_nosec) {
		content_words(a->why,
			      "/0/%u has no security, which only the configuration may allow "
			      "([lwm2m] allow_nosec)",
			      a->security);
		return -EACCES;
	}
	a->mode = security.mode;
	snprintf(a->uri, sizeof(a->uri), "%s", security.uri);
	r = lwm2m_account_new(&a->account, &config, dev->config.store, dev->shared.ses,
			      dev->now, a->why);
	if (r < 0)
		a->account = NULL;
	return r;
}

static void connect_now(struct lwm2m_device *dev)
{
	struct device_account *a = device_accounts_new(dev, LWM2M_SSID_BOOTSTRAP);
	char why[CONTENT_WORDS_MAX] = "no memory";
	int r = -ENOMEM;

	if (a) {
		a->security = (uint16_t)dev->bs.connect;
		if (device_digest(dev->shared.data, LWM2M_SSID_BOOTSTRAP, a->digest) < 0)
			memset(a->digest, 0, sizeof(a->digest));
		r = make(a);
		content_words(why, "%s", a->why);
	}
	dev->bs.connect = -1;
	if (r < 0)
		lwm2m_bootstrap_down(dev->bs.machine, dev->now, r, why);
}

/* ---- what it is told ----------------------------------------------------------------- */

/* an account began to register, registered, or gave up */
static void tell(struct lwm2m_device *dev, struct device_account *a)
{
	struct lwm2m_status st;

	if (!a->account || a->leaving || a->ssid == LWM2M_SSID_BOOTSTRAP)
		return;
	lwm2m_account_status(a->account, &st);
	/* an Update may follow the one before it, answered or not, within one call */
	if (st.asked != a->asked)
		lwm2m_bootstrap_recheck(dev->bs.machine, dev->now, a->ssid);
	a->asked = st.asked;
	if (st.state == a->state)
		return;
	a->state = st.state;
	if (st.state == LWM2M_REGISTERED)
		lwm2m_bootstrap_registered(dev->bs.machine, dev->now, a->ssid);
	else if (st.state == LWM2M_FAILED)
		lwm2m_bootstrap_failed(dev->bs.machine, dev->now, a->ssid);
}

bool device_bootstrap_wanted(struct lwm2m_device *dev, const struct device_account *a)
{
	struct lwm2m_server server;

	return dev->bs.machine && !dev->stopping &&
	       lwm2m_data_find(dev->shared.data, MODEL_OBJECT_SECURITY, 1, 1) >= 0 &&
	       lwm2m_server_read(dev->shared.data, a->server, &server) == 0 &&
	       server.bootstrap_on_failure;
}

void device_bootstrap_settle(struct lwm2m_device *dev)
{
	struct lwm2m_bootstrap_status st;

	if (!dev->bs.machine)
		return;
	for (size_t i = 0; i < dev->nr; i++)
		tell(dev, dev->accounts[i]);
	/* an attempt that cannot be made may end in asking for the next one */
	for (unsigned int i = 0; i < 4 && (dev->bs.disconnect || dev->bs.connect >= 0); i++) {
		device_accounts_drop_ssid(dev, LWM2M_SSID_BOOTSTRAP);
		dev->bs.disconnect = false;
		if (dev->bs.connect >= 0 && !dev->stopping)
			connect_now(dev);
	}
	/* who rests while a bootstrap is under way goes on when it is over */
	lwm2m_bootstrap_status(dev->bs.machine, &st);
	if (st.state == LWM2M_BS_DONE || st.state == LWM2M_BS_WAITING)
		device_accounts_revive(dev);
}

bool device_bootstrap_first(const struct lwm2m_device *dev)
{
	struct lwm2m_bootstrap_status st;

	if (!dev->bs.machine)
		return false;
	lwm2m_bootstrap_status(dev->bs.machine, &st);
	return st.state == LWM2M_BS_CARD;
}

int device_bootstrap_request(struct lwm2m_device *dev)
{
	return dev->bs.machine ? lwm2m_bootstrap_request(dev->bs.machine, dev->now) : -ENOENT;
}

uint64_t device_bootstrap_deadline(const struct lwm2m_device *dev)
{
	return dev->bs.machine && !dev->held ? lwm2m_bootstrap_deadline(dev->bs.machine)
					     : LWM2M_NEVER;
}

void device_bootstrap_tick(struct lwm2m_device *dev)
{
	if (dev->bs.machine && !dev->held && !dev->stopping &&
	    lwm2m_bootstrap_deadline(dev->bs.machine) <= dev->now)
		lwm2m_bootstrap_tick(dev->bs.machine, dev->now);
}

void device_bootstrap_se_changed(struct lwm2m_device *dev)
{
	if (dev->bs.machine)
		lwm2m_bootstrap_recheck(dev->bs.machine, dev->now, 0);
}

int device_bootstrap_new(struct lwm2m_device *dev, const struct lwm2m_device_config *config)
{
	const struct lwm2m_bootstrap_config bs = {
		.endpoint = dev->config.endpoint,
		.card = config->read_card != NULL,
		.pack = config->bootstrap_pack,
		.version = config->bootstrap_version ? config->bootstrap_version : 12,
		.allow_nosec = config->allow_nosec,
		.optional = config->optional,
		.factory = {config->factory.p, config->factory.len},
	};
	int r;

	dev->bs.connect = -1;
	r = lwm2m_bootstrap_new(&dev->bs.machine, &bs, dev->shared.data, dev->shared.state,
				&ops, dev);
	if (r < 0)
		return r;
	lwm2m_bootstrap_start(dev->bs.machine, dev->now);
	return 0;
}

void device_bootstrap_free(struct lwm2m_device *dev)
{
	lwm2m_bootstrap_free(dev->bs.machine);
	dev->bs.machine = NULL;
}

void lwm2m_device_card(struct lwm2m_device *dev, uint64_t now, int error, const uint8_t *p,
		       size_t len)
{
	dev->now = now;
	if (dev->bs.machine)
		lwm2m_bootstrap_card(dev->bs.machine, now, error, p, len);
	lwm2m_device_tick(dev, now);
}

int lwm2m_device_bootstrap(const struct lwm2m_device *dev, struct lwm2m_bootstrap_status *out)
{
	if (!dev->bs.machine)
		return -ENOENT;
	lwm2m_bootstrap_status(dev->bs.machine, out);
	return 0;
}
