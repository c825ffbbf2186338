// SPDX-License-Identifier: Apache-2.0
/*
 * Register, Update, De-register (LwM2M core 1.1, 6.2; 1.2, 6.2). One request at a time:
 *
 *   up -> REGISTERING -> REGISTERED <-> UPDATING
 *            |  ^            |  |          |
 *            |  |            |  +- 4.04 ---+--> REGISTERING
 *            v  |            v
 *      WAITING, OFFLINE   DEREGISTERING -> STOPPED, DISABLED -> REGISTERING
 *            |
 *            v  all attempts of all sequences failed
 *         FAILED (the owner bootstraps, or nothing is to be done any more)
 *
 * WAITING tries again over the association that stands; OFFLINE has none and asks
 * the owner for one at @next, if reg.connect is set.
 *
 * A server that does not take 1.2 answers 4.12, some 4.00: then 1.1 and 1.0 are tried
 * at once. What worked is remembered, over a restart too; once a week the newest one
 * is tried again when the client registers, a server may have been renewed.
 *
 * A registration is kept over a restart and resumed by an Update. Whether it has
 * expired meanwhile is for the server to say (4.04): no clock needs to be trusted.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "lwm2m/internal.h"

#define MAX_TRANSMIT_WAIT_S                                               \
	(LWM2M_MAX_TRANSMIT_WAIT_MS / 1000) /* a request may take so long \
					     */
#define STOP_MS 5000U
#define LINKS_MAX 8192U

#define RENEW_MS 1000U /* a server that comes back must not meet all its devices at once */
#define RETRY_AFTER_MAX_S 86400U

static void set_state(struct lwm2m_client *c, enum lwm2m_state state, uint64_t next)
{
	c->state = state;
	c->next = next;
}

static uint64_t update_time(const struct lwm2m_client *c)
{
	uint32_t lifetime = c->reg.server.lifetime;
	uint64_t s = lifetime > 3 * MAX_TRANSMIT_WAIT_S ? lifetime - MAX_TRANSMIT_WAIT_S
							: ((uint64_t)lifetime + 1) / 2;

	return c->now + s * 1000;
}

/*
 * An attempt failed; the next is over a new association if @renew. The first one
 * after a registration that worked is made at once: what the server has forgotten
 * is often just the DTLS session.
 */
static void attempt_failed(struct lwm2m_client *c, bool renew, uint64_t at_least)
{
	bool over = false;
	uint64_t wait;
	uint32_t r;

	c->coap.random(c, &r, sizeof(r));
	c->attempts++;
	if (renew && at_least == 0 && c->registered && c->reg.attempt == 0 &&
	    c->reg.sequence == 0) {
		c->reg.attempt = 1;
		wait = r % RENEW_MS;
	} else {
		wait = lwm2m_retry_failed(&c->reg, r, at_least, &over);
	}
	c->reg.connect = false;
	if (over && c->reg.server.bootstrap_on_failure && c->ops.failed &&
	    c->ops.failed(c->ctx)) {
		set_state(c, LWM2M_FAILED, LWM2M_NEVER);
		lwm2m_log(c, LOG_WARNING, "%s; registration failed, bootstrapping", c->error);
		return;
	}
	if (wait == LWM2M_NEVER) {
		set_state(c, LWM2M_FAILED, LWM2M_NEVER);
		lwm2m_log(c, LOG_ERR,
			  "%s; given up as resources 17 to 20 of /1/%u say, until an Update is "
			  "asked for",
			  c->error, c->reg.server.instance);
		return;
	}
	c->reg.connect = renew || !c->up;
	set_state(c, c->reg.connect ? LWM2M_OFFLINE : LWM2M_WAITING, c->now + wait);
	lwm2m_log(c, LOG_WARNING, "%s; next try in %" PRIu64 " s", c->error,
		  (wait + 999) / 1000);
}

/* what cannot be made today cannot be made over a new association either */
static void back_off(struct lwm2m_client *c)
{
	attempt_failed(c, false, 0);
}

static int send_call(struct lwm2m_client *c, uint8_t method, const struct coap_opts *opts,
		     const struct model_buf *payload)
{
	struct coap_call call = {
		.method = method,
		.opts = opts,
		.payload = payload ? payload->p : NULL,
		.len = payload ? payload->len : 0,
	};
	int ret = coap_call(c->ep, c->now, &call, &c->call);

	c->calling = ret == 0;
	if (ret < 0) {
		content_words(c->error, "request to the server could not be made: %s",
			      strerror(-ret));
		back_off(c);
	}
	return ret;
}

static void add_query(struct coap_opts *opts, int *err, const char *key, const char *value)
{
	char s[256];

	if (*err == 0)
		*err = snprintf(s, sizeof(s), "%s=%s", key, value) < (int)sizeof(s)
			       ? coap_opts_add_str(opts, COAP_OPT_URI_QUERY, s)
			       : -EMSGSIZE;
}

static const char *version_text(unsigned int version)
{
	return version >= 12 ? "1.2" : version == 11 ? "1.1" : "1.0";
}

/* 1.0 has U and UQ; later the letters of all transports, and Q by itself */
static void add_binding(const struct lwm2m_client *c, struct coap_opts *opts, int *err)
{
	bool queue = lwm2m_registration_queue(c);
	char b[LWM2M_BINDING_MAX + 2];

	snprintf(b, sizeof(b), "%s%s", *c->reg.carriers ? c->reg.carriers : "U",
		 queue && c->version < 11 ? "Q" : "");
	add_query(opts, err, "b", b);
	if (queue && c->version >= 11 && *err == 0)
		*err = coap_opts_add_str(opts, COAP_OPT_URI_QUERY, "Q");
}

static void add_lifetime(const struct lwm2m_client *c, struct coap_opts *opts, int *err)
{
	char lifetime[16];

	snprintf(lifetime, sizeof(lifetime), "%" PRIu32, c->reg.server.lifetime);
	add_query(opts, err, "lt", lifetime);
}

static void nothing_to_update(struct lwm2m_client *c)
{
	c->update_lifetime = c->update_binding = c->update_objects = c->update_asked = false;
}

static void start_register(struct lwm2m_client *c)
{
	struct model_buf links = {.max = LINKS_MAX};
	struct coap_opts opts = {0};
	int err;

	/* what a server does not know any more, it must not be told */
	lwm2m_dm_forget(c, NULL);
	c->registered = c->reg.again = false;
	c->location[0] = '\0';
	nothing_to_update(c);
	if (c->now >= c->reg.newest) {
		c->version = c->max_version;
		c->reg.newest = c->now + LWM2M_NEWEST_AGAIN_MS;
	}
	lwm2m_dm_links(c, &links);
	c->links_told = lwm2m_hash(LWM2M_HASH, links.p, links.len);
	err = links.error;
	if (err == 0)
		err = coap_opts_add_str(&opts, COAP_OPT_URI_PATH, "rd");
	if (err == 0)
		err = coap_opts_add_uint(&opts, COAP_OPT_CONTENT_FORMAT, COAP_FORMAT_LINK);
	add_query(&opts, &err, "ep", c->endpoint);
	add_lifetime(c, &opts, &err);
	add_query(&opts, &err, "lwm2m", version_text(c->version));
	add_binding(c, &opts, &err);
	c->reg.told_lifetime = c->reg.server.lifetime;
	c->reg.told_queue = lwm2m_registration_queue(c);
	set_state(c, LWM2M_REGISTERING, LWM2M_NEVER);
	c->reg.asked++;
	if (err < 0) {
		content_words(c->error,
			      "Register cannot be made: %s (is the endpoint name too long?)",
			      strerror(-err));
		back_off(c);
	} else {
		send_call(c, COAP_POST, &opts, &links);
	}
	model_buf_free(&links);
}

static void start_update(struct lwm2m_client *c)
{
	struct model_buf links = {.max = LINKS_MAX};
	struct coap_opts opts = {0};
	int err;

	err = coap_opts_add_path(&opts, COAP_OPT_URI_PATH, c->location);
	if (c->update_objects) {
		lwm2m_dm_links(c, &links);
		c->links_told = lwm2m_hash(LWM2M_HASH, links.p, links.len);
		if (err == 0)
			err = coap_opts_add_uint(&opts, COAP_OPT_CONTENT_FORMAT,
						 COAP_FORMAT_LINK);
	}
	if (c->update_lifetime)
		add_lifetime(c, &opts, &err);
	if (c->update_binding)
		add_binding(c, &opts, &err);
	c->reg.told_lifetime = c->reg.server.lifetime;
	c->reg.told_queue = lwm2m_registration_queue(c);
	nothing_to_update(c);
	set_state(c, LWM2M_UPDATING, LWM2M_NEVER);
	c->reg.asked++;
	if (err < 0 || links.error < 0) {
		c->registered = false;
		content_words(c->error, "Update cannot be made; registering anew");
		back_off(c);
	} else {
		send_call(c, COAP_POST, &opts, links.len ? &links : NULL);
	}
	model_buf_free(&links);
}

/* by an Update if the server may still know us */
static void start(struct lwm2m_client *c)
{
	if (c->registered && !c->reg.again)
		start_update(c);
	else
		start_register(c);
}

/* what the server said for an error: its diagnostic payload if it is text */
static void set_error(struct lwm2m_client *c, const char *what, const struct coap_result *res)
{
	char name[8];
	size_t n = 0;

	if (res->error < 0) {
		content_words(c->error, "%s: %s", what,
			      res->error == -ETIMEDOUT ? "the server does not answer"
						       : strerror(-res->error));
		return;
	}
	while (n < res->len && n < 96 && res->data[n] >= 0x20 && res->data[n] < 0x7f)
		n++;
	content_words(c->error, "%s: the server answered %s%s%.*s", what,
		      coap_code_name(res->code, name), n ? ": " : "", (int)n,
		      n ? (const char *)res->data : "");
}

/* over this association, or over a new one if there was no answer at all */
static void try_again(struct lwm2m_client *c, const struct coap_result *res)
{
	bool renew = res->error < 0 && c->ops.lost && c->ops.lost(c->ctx);
	uint32_t s = 0;

	/* RFC 7252, 5.9.3.4: when to come back */
	if (res->error == 0 && res->code == COAP_503_UNAVAILABLE &&
	    coap_opt_uint(res->msg, COAP_OPT_MAX_AGE, &s) && s > RETRY_AFTER_MAX_S)
		s = RETRY_AFTER_MAX_S;
	attempt_failed(c, renew, (uint64_t)s * 1000);
}

static void registered(struct lwm2m_client *c)
{
	c->attempts = 0;
	lwm2m_retry_succeeded(&c->reg);
	c->error[0] = '\0';
	set_state(c, LWM2M_REGISTERED, update_time(c));
	lwm2m_keep_store(c);
}

static bool other_version(uint8_t code)
{
	return code == COAP_412_PRECONDITION || code == COAP_400_BAD_REQUEST ||
	       code == COAP_402_BAD_OPTION;
}

static void register_done(struct lwm2m_client *c, const struct coap_result *res)
{
	if (res->error == 0 && res->code == COAP_201_CREATED) {
		if (coap_opt_path(res->msg, COAP_OPT_LOCATION_PATH, c->location,
				  sizeof(c->location)) <= 1) {
			content_words(
				c->error,
				"Register: no usable Location-Path in the server's answer");
			c->location[0] = '\0';
			back_off(c);
			return;
		}
		c->registered = true;
		registered(c);
		lwm2m_log(c, LOG_INFO, "registered as \"%s\", LwM2M %s, %s", c->endpoint,
			  version_text(c->version), c->location);
		return;
	}
	set_error(c, "Register", res);
	if (res->error == 0 && other_version(res->code)) {
		if (c->version > 10) {
			c->version--;
			lwm2m_log(c, LOG_NOTICE, "%s; trying LwM2M %s", c->error,
				  version_text(c->version));
			start_register(c);
			return;
		}
		/* none of them: begin with the newest again, later */
		c->reg.newest = 0;
	}
	try_again(c, res);
}

static void update_done(struct lwm2m_client *c, const struct coap_result *res)
{
	if (res->error == 0 && COAP_CODE_CLASS(res->code) == 2) {
		registered(c);
		return;
	}
	set_error(c, "Update", res);
	if (res->error == 0 && res->code != COAP_503_UNAVAILABLE) {
		/* 4.04 says that we are not known; whatever else it is, registering tells */
		lwm2m_log(c, LOG_NOTICE, "%s; registering anew", c->error);
		start_register(c);
		return;
	}
	try_again(c, res);
}

static void deregistered(struct lwm2m_client *c)
{
	c->registered = false;
	c->location[0] = '\0';
	if (!c->reg.disable) {
		set_state(c, LWM2M_STOPPED, LWM2M_NEVER);
		lwm2m_keep_store(c);
		return;
	}
	c->reg.disable = false;
	lwm2m_dm_forget(c, NULL);
	lwm2m_retry_succeeded(&c->reg);
	set_state(c, LWM2M_DISABLED, c->now + (uint64_t)c->reg.server.disable_timeout * 1000);
	lwm2m_log(c, LOG_NOTICE, "disabled by the server for %" PRIu32 " s",
		  c->reg.server.disable_timeout);
	lwm2m_keep_store(c);
}

static void start_deregister(struct lwm2m_client *c)
{
	struct coap_opts opts = {0};

	set_state(c, LWM2M_DEREGISTERING, c->now + STOP_MS);
	if (!c->up || !c->registered ||
	    coap_opts_add_path(&opts, COAP_OPT_URI_PATH, c->location) < 0 ||
	    send_call(c, COAP_DELETE, &opts, NULL) < 0)
		deregistered(c);
}

void lwm2m_registration_result(struct lwm2m_client *c, const struct coap_result *res)
{
	if (!c->calling || res->call != c->call || (res->more && res->error == 0))
		return;
	c->calling = false;
	if (res->error == -ECANCELED)
		return;
	switch (c->state) {
	case LWM2M_REGISTERING:
		register_done(c, res);
		break;
	case LWM2M_UPDATING:
		update_done(c, res);
		break;
	case LWM2M_DEREGISTERING:
		deregistered(c);
		break;
	case LWM2M_OFFLINE:
	case LWM2M_REGISTERED:
	case LWM2M_WAITING:
	case LWM2M_STOPPED:
	case LWM2M_DISABLED:
	case LWM2M_FAILED:
	default:
		break;
	}
}

void lwm2m_registration_update(struct lwm2m_client *c, bool lifetime)
{
	c->update_lifetime |= lifetime;
	c->update_asked = true;
}

void lwm2m_registration_objects(struct lwm2m_client *c)
{
	struct model_buf links = {.max = LINKS_MAX};

	lwm2m_dm_links(c, &links);
	if (c->registered && lwm2m_hash(LWM2M_HASH, links.p, links.len) != c->links_told) {
		c->update_objects = true;
		c->update_asked = true;
	}
	model_buf_free(&links);
}

int lwm2m_registration_update_over(struct lwm2m_client *c, char binding)
{
	if (!binding || !strchr(*c->reg.carriers ? c->reg.carriers : "U", binding))
		return -EINVAL;
	c->reg.over = binding;
	if (c->reg.carrier && binding != c->reg.carrier)
		c->reg.reconnect = true;
	else
		lwm2m_registration_update(c, false);
	return 0;
}

void lwm2m_registration_disable(struct lwm2m_client *c)
{
	c->reg.disable = true;
}

static void drop_call(struct lwm2m_client *c)
{
	if (c->calling)
		coap_call_cancel(c->ep, c->call);
	c->calling = false;
}

/* the owner is asked for an association, now */
static void connect_now(struct lwm2m_client *c)
{
	c->up = false;
	c->reg.connect = c->reg.reconnect = false;
	set_state(c, LWM2M_OFFLINE, LWM2M_NEVER);
	if (c->ops.connect)
		c->ops.connect(c->ctx);
}

void lwm2m_registration_closed(struct lwm2m_client *c, uint32_t hold_off_s, const char *what,
			       const char *diagnostic)
{
	content_words(c->error, "%s%s%s", what, diagnostic && *diagnostic ? ": " : "",
		      diagnostic ? diagnostic : "");
	c->reg.closed = true;
	c->reg.hold_off_s = hold_off_s < RETRY_AFTER_MAX_S ? hold_off_s : RETRY_AFTER_MAX_S;
}

static void closed(struct lwm2m_client *c)
{
	c->reg.closed = false;
	if (c->state == LWM2M_STOPPED || c->state == LWM2M_FAILED)
		return;
	if (c->ops.lost)
		c->ops.lost(c->ctx);
	c->up = false;
	drop_call(c);
	if (c->state == LWM2M_DEREGISTERING)
		deregistered(c);
	else if (c->state != LWM2M_DISABLED)
		attempt_failed(c, true, c->reg.hold_off_s * 1000ULL);
}

void lwm2m_registration_run(struct lwm2m_client *c)
{
	lwm2m_registration_sync(c);
	if (c->reg.closed)
		closed(c);
	switch (c->state) {
	case LWM2M_REGISTERED:
		if (c->reg.disable)
			start_deregister(c);
		else if (c->reg.reconnect)
			connect_now(c);
		else if (c->update_asked || c->now >= c->next)
			start(c);
		break;
	case LWM2M_WAITING:
		if (c->reg.disable)
			start_deregister(c);
		else if (c->up && c->now >= c->next)
			start(c);
		break;
	case LWM2M_OFFLINE:
		if (c->reg.connect && c->now >= c->next)
			connect_now(c);
		break;
	case LWM2M_DISABLED:
		if (c->now < c->next)
			break;
		if (c->up)
			start_register(c);
		else
			connect_now(c);
		break;
	case LWM2M_FAILED:
		if (!c->update_asked)
			break;
		c->update_asked = false;
		if (c->up)
			start(c);
		else
			connect_now(c);
		break;
	case LWM2M_DEREGISTERING:
		if (c->now < c->next)
			break;
		drop_call(c);
		deregistered(c);
		break;
	case LWM2M_REGISTERING:
	case LWM2M_UPDATING:
	case LWM2M_STOPPED:
	default:
		break;
	}
}

void lwm2m_client_begin(struct lwm2m_client *c, uint64_t now)
{
	uint64_t disabled_ms = 0;

	c->now = now;
	if (c->reg.begun)
		return;
	c->reg.begun = true;
	if (c->bs)
		return;
	lwm2m_registration_sync(c);
	if (lwm2m_keep_load(c, &disabled_ms))
		c->reg.delayed = true; /* it is not the first contact */
	if (disabled_ms > 0)
		set_state(c, LWM2M_DISABLED, now + disabled_ms);
}

void lwm2m_client_carriers(struct lwm2m_client *c, const char *all, char current)
{
	snprintf(c->reg.carriers, sizeof(c->reg.carriers), "%s", all);
	c->reg.carrier = current;
}

char lwm2m_client_carrier_wanted(const struct lwm2m_client *c)
{
	const struct lwm2m_server *s = &c->reg.server;

	if (c->reg.over)
		return c->reg.over;
	if (s->preferred && strchr(c->reg.carriers, s->preferred))
		return s->preferred;
	for (const char *p = s->binding; *p; p++)
		if (strchr(c->reg.carriers, *p))
			return *p;
	return 0;
}

void lwm2m_client_up(struct lwm2m_client *c, uint64_t now, bool fresh)
{
	lwm2m_client_begin(c, now);
	if (c->bs) {
		lwm2m_client_bs_up(c, now, fresh);
		return;
	}
	c->up = true;
	c->reg.connect = c->reg.reconnect = c->reg.closed = false;
	c->reg.heard = now;
	if (c->state == LWM2M_STOPPED || c->state == LWM2M_DEREGISTERING)
		return;
	drop_call(c);
	if (fresh) {
		coap_endpoint_reset(c->ep, now, false);
		c->registered = false;
	}
	if (c->stream)
		coap_stream_start(c->ep, now);
	if (c->state == LWM2M_DISABLED)
		return;
	if (!c->reg.delayed && c->reg.server.initial_delay > 0) {
		c->reg.delayed = true;
		set_state(c, LWM2M_WAITING, now + (uint64_t)c->reg.server.initial_delay * 1000);
		return;
	}
	c->reg.delayed = true;
	/* what came and went while there was no association, or no process */
	lwm2m_registration_objects(c);
	start(c);
}

void lwm2m_client_down(struct lwm2m_client *c, uint64_t now, int error, const char *what)
{
	lwm2m_client_begin(c, now);
	if (c->bs) {
		lwm2m_client_bs_down(c, now, error, what);
		return;
	}
	c->up = false;
	drop_call(c);
	if (c->state == LWM2M_STOPPED || c->state == LWM2M_DISABLED || c->state == LWM2M_FAILED)
		return;
	if (c->state == LWM2M_DEREGISTERING) {
		deregistered(c);
		return;
	}
	content_words(c->error, "%s", what ? what : strerror(error < 0 ? -error : error));
	lwm2m_shared_error(c->shared, LWM2M_ERROR_IP_CONNECTIVITY);
	attempt_failed(c, true, 0);
}

void lwm2m_client_renew(struct lwm2m_client *c, uint64_t now)
{
	lwm2m_client_begin(c, now);
	if (c->bs) {
		lwm2m_client_bs_down(c, now, -ENETUNREACH, "the network changed");
		return;
	}
	if (c->state == LWM2M_STOPPED || c->state == LWM2M_DISABLED)
		return;
	drop_call(c);
	if (c->state == LWM2M_DEREGISTERING)
		deregistered(c);
	else
		connect_now(c);
}

void lwm2m_client_stop(struct lwm2m_client *c, uint64_t now)
{
	c->now = now;
	if (c->bs) {
		lwm2m_client_bs_stop(c);
		return;
	}
	if (c->state == LWM2M_STOPPED)
		return;
	c->reg.disable = false;
	if (c->state == LWM2M_DEREGISTERING)
		return;
	drop_call(c);
	if (c->state == LWM2M_DISABLED) /* it stays so over the restart */
		set_state(c, LWM2M_STOPPED, LWM2M_NEVER);
	else
		start_deregister(c);
}

const char *lwm2m_state_name(enum lwm2m_state state)
{
	static const char *const names[] = {
		[LWM2M_OFFLINE] = "offline",	   [LWM2M_REGISTERING] = "registering",
		[LWM2M_REGISTERED] = "registered", [LWM2M_UPDATING] = "updating",
		[LWM2M_WAITING] = "waiting",	   [LWM2M_DEREGISTERING] = "deregistering",
		[LWM2M_STOPPED] = "stopped",	   [LWM2M_DISABLED] = "disabled",
		[LWM2M_FAILED] = "failed",
	};

	return names[state];
}
