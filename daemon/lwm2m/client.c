// SPDX-License-Identifier: Apache-2.0
/* One server account: the CoAP endpoint below, registration and operations above. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lwm2m/account-oscore.h"
#include "lwm2m/bootstrap.h"
#include "lwm2m/internal.h"

void lwm2m_log(struct lwm2m_client *c, int level, const char *format, ...)
{
	char text[512];
	va_list ap;

	if (!c->ops.log)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	/* some of it may be the peer's words: they must not begin a line of their own */
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	c->ops.log(c->ctx, level, text);
}

/* ---- call backs of the engine ---------------------------------------------- */

static void on_send(void *ctx, const uint8_t *data, size_t len)
{
	struct lwm2m_client *c = ctx;

	c->reg.heard = c->now;
	lwm2m_statistics_count(c, len, true);
	c->ops.coap.send(c->ctx, data, len);
}

static void on_random(void *ctx, void *buf, size_t len)
{
	struct lwm2m_client *c = ctx;

	c->ops.coap.random(c->ctx, buf, len);
}

static int on_request(void *ctx, const struct coap_request *req)
{
	struct lwm2m_client *c = ctx;

	c->now = req->now;
	if (c->bs)
		return lwm2m_bootstrap_take(c->bs, req);
	return lwm2m_dm_request(c, req);
}

static void on_transfer_lost(void *ctx, uint32_t transfer)
{
	struct lwm2m_client *c = ctx;

	if (c->bs)
		lwm2m_bootstrap_lost(c->bs, transfer);
	else
		lwm2m_dm_transfer_lost(c, transfer);
}

static void on_result(void *ctx, const struct coap_result *res)
{
	struct lwm2m_client *c = ctx;

	if (res->now > c->now)
		c->now = res->now;
	if (c->bs)
		lwm2m_bootstrap_answer(c->bs, res);
	else if (!lwm2m_send_result(c, res))
		lwm2m_registration_result(c, res);
}

static void on_observe_end(void *ctx, uint32_t obs, void *user, enum coap_observe_end why)
{
	struct lwm2m_client *c = ctx;

	(void)user;
	lwm2m_dm_observe_ended(c, obs, why);
	/* nobody acknowledges: an Update will tell whether the server is still there */
	if (why == COAP_OBSERVE_TIMEOUT)
		lwm2m_registration_update(c, false);
}

/* the peer closes a stream, or is to be given up */
static void on_signal(void *ctx, const struct coap_signal *sig)
{
	struct lwm2m_client *c = ctx;
	const char *what = sig->what == COAP_SIGNAL_RELEASE
				   ? "the server releases the connection"
			   : sig->what == COAP_SIGNAL_ABORT ? "the server aborts the connection"
			   : sig->what == COAP_SIGNAL_BROKEN ? "the server broke the protocol"
							     : NULL;

	if (what && c->bs)
		lwm2m_client_bs_down(c, c->now, -ECONNRESET, what);
	else if (what)
		lwm2m_registration_closed(c, sig->hold_off_s, what, sig->diagnostic);
}

static int on_dedup_store(void *ctx, const struct coap_dedup_record *rec)
{
	struct lwm2m_client *c = ctx;

	return c->ops.coap.dedup_store(c->ctx, rec);
}

static int on_dedup_find(void *ctx, struct coap_dedup_record *rec)
{
	struct lwm2m_client *c = ctx;

	return c->ops.coap.dedup_find(c->ctx, rec);
}

static int on_mids(void *ctx, uint16_t *first)
{
	struct lwm2m_client *c = ctx;

	return c->ops.coap.mids(c->ctx, first);
}

/* ---- life ------------------------------------------------------------------ */

static int copy(char **to, const char *from)
{
	if (from)
		*to = strdup(from);
	return from && !*to ? -ENOMEM : 0;
}

/* object 1 as the data model has it now */
static void take_server(struct lwm2m_client *c)
{
	uint64_t generation = lwm2m_data_generation(c->shared->data) + 1;
	struct lwm2m_server s;

	if (generation == c->server_seen)
		return;
	c->server_seen = generation;
	if (lwm2m_server_read(c->shared->data, c->server, &s) < 0)
		return;
	c->ssid = s.ssid;
	c->lifetime = s.lifetime;
	c->pmin = s.pmin;
	c->pmax = s.pmax;
	c->storing = s.storing;
}

static int take_shared(struct lwm2m_client *c, const struct lwm2m_config *config)
{
	int err = 0;

	c->shared = config->shared;
	if (config->bootstrap) {
		lwm2m_client_bs_new(c, config);
		return 0;
	}
	c->server = config->shared ? config->server : 0;
	if (!c->shared)
		err = lwm2m_shared_own(c, config);
	if (err == 0 && !lwm2m_data_has(c->shared->data, MODEL_OBJECT_SERVER, c->server))
		err = -EINVAL;
	if (err == 0)
		take_server(c);
	return err;
}

static int new_endpoint(struct lwm2m_client *c, struct coap_endpoint **ep, bool stream)
{
	const struct coap_config coap = {.resume_uploads = true,
					 .max_observations = OBSERVATIONS_MAX,
					 .max_uploads = UPLOADS_MAX,
					 .stream = stream};

	return coap_endpoint_new(ep, &c->coap, c, &coap);
}

int lwm2m_client_stream(struct lwm2m_client *c, uint64_t now, bool stream)
{
	struct coap_endpoint *ep;
	int err;

	c->now = now;
	if (stream == c->stream)
		return 0;
	err = new_endpoint(c, &ep, stream);
	if (err < 0)
		return err;
	coap_endpoint_free(c->ep);
	c->ep = ep;
	c->stream = stream;
	coap_endpoint_set_oscore(ep, c->oscore);
	return 0;
}

void lwm2m_client_oscore(struct lwm2m_client *c, struct oscore *o)
{
	c->oscore = o;
	coap_endpoint_set_oscore(c->ep, o);
}

int lwm2m_client_new(struct lwm2m_client **ret, const struct lwm2m_config *config,
		     const struct lwm2m_client_ops *ops, void *ctx,
		     const struct lwm2m_se_ops *ses, void *ses_ctx,
		     const struct lwm2m_script_ops *scripts, void *scripts_ctx)
{
	struct lwm2m_client *c;
	int err;

	if (!config->endpoint || !*config->endpoint || !ops->coap.send || !ops->coap.random ||
	    (config->version != 0 && (config->version < 10 || config->version > 12)))
		return -EINVAL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->ops = *ops;
	c->ctx = ctx;
	c->ses = ses;
	c->ses_ctx = ses_ctx;
	c->scripts = scripts;
	c->scripts_ctx = scripts_ctx;
	c->secure_psk = config->secure_psk;
	c->max_version = c->version = config->version ? config->version : 12;
	c->state = LWM2M_OFFLINE;
	c->next = LWM2M_NEVER;
	c->coap = (struct coap_ops){
		.send = on_send,
		.random = on_random,
		.request = on_request,
		.transfer_lost = on_transfer_lost,
		.result = on_result,
		.signal = on_signal,
		.observe_end = on_observe_end,
		.dedup_store = ops->coap.dedup_store ? on_dedup_store : NULL,
		.dedup_find = ops->coap.dedup_find ? on_dedup_find : NULL,
		.mids = ops->coap.mids ? on_mids : NULL,
	};
	err = copy(&c->name, config->name ? config->name : "");
	if (err == 0 && asprintf(&c->origin, "lwm2m:%s", c->name) < 0) {
		c->origin = NULL;
		err = -ENOMEM;
	}
	if (err == 0)
		err = copy(&c->uri, config->uri);
	if (err == 0)
		err = copy(&c->endpoint, config->endpoint);
	if (err == 0)
		err = copy(&c->manufacturer, config->manufacturer);
	if (err == 0)
		err = copy(&c->model, config->model);
	if (err == 0)
		err = copy(&c->serial, config->serial);
	if (err == 0)
		err = copy(&c->firmware, config->firmware);
	if (err == 0)
		err = take_shared(c, config);
	if (err == 0)
		err = new_endpoint(c, &c->ep, false);
	if (err < 0) {
		lwm2m_client_free(c);
		return err;
	}
	if (!c->bs)
		lwm2m_dm_load(c);
	*ret = c;
	return 0;
}

void lwm2m_client_free(struct lwm2m_client *c)
{
	if (!c)
		return;
	lwm2m_client_bs_stop(c);
	if (c->ep) {
		lwm2m_dm_free(c);
		coap_endpoint_free(c->ep);
	}
	lwm2m_shared_drop(c);
	free(c->name);
	free(c->origin);
	free(c->uri);
	free(c->endpoint);
	free(c->manufacturer);
	free(c->model);
	free(c->serial);
	free(c->firmware);
	free(c);
}

/* ---- time ------------------------------------------------------------------ */

static bool told_now(const struct lwm2m_client *c)
{
	return c->up && c->registered &&
	       (c->state == LWM2M_REGISTERED || c->state == LWM2M_UPDATING);
}

static void run(struct lwm2m_client *c)
{
	if (c->bs)
		return;
	take_server(c);
	c->notify_next = lwm2m_dm_notify_run(c, told_now(c));
	lwm2m_send_run(c, told_now(c) && c->state == LWM2M_REGISTERED);
	lwm2m_registration_run(c);
}

void lwm2m_client_input(struct lwm2m_client *c, uint64_t now, const uint8_t *data, size_t len)
{
	c->now = c->reg.heard = now;
	lwm2m_statistics_count(c, len, false);
	coap_input(c->ep, now, data, len);
	run(c);
}

void lwm2m_client_tick(struct lwm2m_client *c, uint64_t now)
{
	c->now = now;
	coap_tick(c->ep, now);
	run(c);
}

void lwm2m_client_unreachable(struct lwm2m_client *c, uint64_t now, int error)
{
	c->now = now;
	coap_unreachable(c->ep, now, error);
	run(c);
}

void lwm2m_changed(struct lwm2m_client *c, const struct lwm2m_path *path)
{
	struct lwm2m_shared *s = c->shared;

	lwm2m_dm_changed(c, path);
	if (s->ops && s->ops->changed)
		s->ops->changed(s->ops_ctx, c, path);
}

void lwm2m_client_changed(struct lwm2m_client *c, uint64_t now, uint16_t object,
			  int32_t instance)
{
	struct lwm2m_path path = lwm2m_path_at(instance < 0 ? 1 : 2, object,
					       (uint16_t)(instance < 0 ? 0 : instance), 0, 0);

	c->now = now;
	if (c->bs)
		return;
	if (instance < 0 || object == MODEL_OBJECT_SE)
		lwm2m_registration_objects(c);
	lwm2m_dm_changed(c, &path);
	run(c);
}

uint64_t lwm2m_client_deadline(const struct lwm2m_client *c)
{
	uint64_t t = coap_next_deadline(c->ep);

	if (c->update_asked && (c->state == LWM2M_REGISTERED || c->state == LWM2M_FAILED))
		return 0;
	if (c->next < t)
		t = c->next;
	if (c->notify_next < t)
		t = c->notify_next;
	return t;
}

void lwm2m_client_status(const struct lwm2m_client *c, struct lwm2m_status *st)
{
	memset(st, 0, sizeof(*st));
	st->state = c->state;
	st->version = c->version;
	snprintf(st->location, sizeof(st->location), "%s", c->location);
	snprintf(st->error, sizeof(st->error), "%s", c->error);
	st->next = c->next;
	st->attempts = c->attempts;
	st->asked = c->reg.asked;
	st->observations = lwm2m_dm_observations(c);
	coap_get_stats(c->ep, &st->coap);
}
