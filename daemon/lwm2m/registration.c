// SPDX-License-Identifier: Apache-2.0
/*
 * Register, Update, De-register (LwM2M core 1.1, 6.2). One request at a time:
 *
 *   up -> REGISTERING -> REGISTERED <-> UPDATING
 *            |  ^            |             |
 *            v  |            +- 4.04 ------+--> REGISTERING
 *          WAITING <------------ no answer, refused
 *
 * A server that does not take 1.1 answers 4.12, some 4.00: then 1.0 is tried at
 * once.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "lwm2m/internal.h"

#define RETRY_FIRST_MS 2000U
#define RETRY_MAX_MS 300000U
#define MAX_TRANSMIT_WAIT_S 93U /* RFC 7252, 4.8.2: a request may take so long */
#define STOP_MS 5000U
#define LINKS_MAX 8192U

static void set_state(struct lwm2m_client *c, enum lwm2m_state state, uint64_t next)
{
	c->state = state;
	c->next = next;
}

static uint64_t update_time(const struct lwm2m_client *c)
{
	uint64_t s = c->lifetime > 3 * MAX_TRANSMIT_WAIT_S ? c->lifetime - MAX_TRANSMIT_WAIT_S
							   : (c->lifetime + 1) / 2;

	return c->now + s * 1000;
}

/* exponential, with up to half of it at random: a fleet must not come back in step */
static void back_off(struct lwm2m_client *c)
{
	uint32_t r, ms = RETRY_MAX_MS;

	if (c->attempts < 8)
		ms = RETRY_FIRST_MS << c->attempts;
	if (ms > RETRY_MAX_MS)
		ms = RETRY_MAX_MS;
	c->coap.random(c, &r, sizeof(r));
	c->attempts++;
	set_state(c, LWM2M_WAITING, c->now + ms / 2 + r % (ms / 2 + 1));
	lwm2m_log(c, LOG_WARNING, "%s; next try in %" PRIu64 " s", c->error,
		  (c->next - c->now + 999) / 1000);
}

static int send_call(struct lwm2m_client *c, uint8_t method, const struct coap_opts *opts,
		     const struct lwm2m_buf *payload)
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
		lwm2m_words(c->error, "request to the server could not be made: %s",
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

static void start_register(struct lwm2m_client *c)
{
	struct lwm2m_buf links = {.max = LINKS_MAX};
	struct coap_opts opts = {0};
	char lifetime[16];
	int err;

	/* what a server does not know any more, it must not be told */
	lwm2m_dm_forget(c, NULL);
	c->registered = false;
	c->location[0] = '\0';
	c->update_lifetime = c->update_objects = c->update_asked = false;
	snprintf(lifetime, sizeof(lifetime), "%" PRIu32, c->lifetime);
	lwm2m_dm_links(c, &links);
	c->links_told = lwm2m_hash(LWM2M_HASH, links.p, links.len);
	err = links.error;
	if (err == 0)
		err = coap_opts_add_str(&opts, COAP_OPT_URI_PATH, "rd");
	if (err == 0)
		err = coap_opts_add_uint(&opts, COAP_OPT_CONTENT_FORMAT, COAP_FORMAT_LINK);
	add_query(&opts, &err, "ep", c->endpoint);
	add_query(&opts, &err, "lt", lifetime);
	add_query(&opts, &err, "lwm2m", c->version < 11 ? "1.0" : "1.1");
	add_query(&opts, &err, "b", "U");
	set_state(c, LWM2M_REGISTERING, LWM2M_NEVER);
	if (err < 0) {
		lwm2m_words(c->error,
			    "Register cannot be made: %s (is the endpoint name too long?)",
			    strerror(-err));
		back_off(c);
	} else {
		send_call(c, COAP_POST, &opts, &links);
	}
	lwm2m_buf_free(&links);
}

static void start_update(struct lwm2m_client *c)
{
	struct lwm2m_buf links = {.max = LINKS_MAX};
	struct coap_opts opts = {0};
	char lifetime[16];
	int err;

	err = coap_opts_add_path(&opts, COAP_OPT_URI_PATH, c->location);
	if (c->update_objects) {
		lwm2m_dm_links(c, &links);
		c->links_told = lwm2m_hash(LWM2M_HASH, links.p, links.len);
		if (err == 0)
			err = coap_opts_add_uint(&opts, COAP_OPT_CONTENT_FORMAT,
						 COAP_FORMAT_LINK);
	}
	if (c->update_lifetime) {
		snprintf(lifetime, sizeof(lifetime), "%" PRIu32, c->lifetime);
		add_query(&opts, &err, "lt", lifetime);
	}
	c->update_lifetime = c->update_objects = c->update_asked = false;
	set_state(c, LWM2M_UPDATING, LWM2M_NEVER);
	if (err < 0 || links.error < 0) {
		c->registered = false;
		lwm2m_words(c->error, "Update cannot be made; registering anew");
		back_off(c);
	} else {
		send_call(c, COAP_POST, &opts, links.len ? &links : NULL);
	}
	lwm2m_buf_free(&links);
}

/* what the server said for an error: its diagnostic payload if it is text */
static void set_error(struct lwm2m_client *c, const char *what, const struct coap_result *res)
{
	char name[8];
	size_t n = 0;

	if (res->error < 0) {
		lwm2m_words(c->error, "%s: %s", what,
			    res->error == -ETIMEDOUT ? "the server does not answer"
						     : strerror(-res->error));
		return;
	}
	while (n < res->len && n < 96 && res->data[n] >= 0x20 && res->data[n] < 0x7f)
		n++;
	lwm2m_words(c->error, "%s: the server answered %s%s%.*s", what,
		    coap_code_name(res->code, name), n ? ": " : "", (int)n,
		    n ? (const char *)res->data : "");
}

/* over this association, or over a new one if there was no answer at all */
static void try_again(struct lwm2m_client *c, const struct coap_result *res)
{
	if (res->error < 0 && c->ops.lost && c->ops.lost(c->ctx)) {
		c->attempts++;
		set_state(c, LWM2M_OFFLINE, LWM2M_NEVER);
	} else {
		back_off(c);
	}
}

static void registered(struct lwm2m_client *c)
{
	c->attempts = 0;
	c->error[0] = '\0';
	set_state(c, LWM2M_REGISTERED, update_time(c));
}

static void register_done(struct lwm2m_client *c, const struct coap_result *res)
{
	if (res->error == 0 && res->code == COAP_201_CREATED) {
		if (coap_opt_path(res->msg, COAP_OPT_LOCATION_PATH, c->location,
				  sizeof(c->location)) <= 1) {
			lwm2m_words(c->error,
				    "Register: no usable Location-Path in the server's answer");
			c->location[0] = '\0';
			back_off(c);
			return;
		}
		c->registered = true;
		registered(c);
		lwm2m_log(c, LOG_INFO, "registered as \"%s\", LwM2M 1.%u, %s", c->endpoint,
			  c->version - 10, c->location);
		return;
	}
	set_error(c, "Register", res);
	if (res->error == 0 && c->version == 11 &&
	    (res->code == COAP_412_PRECONDITION || res->code == COAP_400_BAD_REQUEST ||
	     res->code == COAP_402_BAD_OPTION)) {
		lwm2m_log(c, LOG_NOTICE, "%s; trying LwM2M 1.0", c->error);
		c->version = 10;
		start_register(c);
		return;
	}
	/* the next round begins with the newest version again */
	c->version = c->max_version;
	try_again(c, res);
}

static void update_done(struct lwm2m_client *c, const struct coap_result *res)
{
	if (res->error == 0 && COAP_CODE_CLASS(res->code) == 2) {
		registered(c);
		return;
	}
	set_error(c, "Update", res);
	if (res->error == 0) {
		/* 4.04 says that we are not known; whatever else it is, registering tells */
		lwm2m_log(c, LOG_NOTICE, "%s; registering anew", c->error);
		c->version = c->max_version;
		start_register(c);
		return;
	}
	try_again(c, res);
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
		c->registered = false;
		c->location[0] = '\0';
		set_state(c, LWM2M_STOPPED, LWM2M_NEVER);
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
	struct lwm2m_buf links = {.max = LINKS_MAX};

	lwm2m_dm_links(c, &links);
	if (c->registered && lwm2m_hash(LWM2M_HASH, links.p, links.len) != c->links_told) {
		c->update_objects = true;
		c->update_asked = true;
	}
	lwm2m_buf_free(&links);
}

void lwm2m_registration_run(struct lwm2m_client *c)
{
	switch (c->state) {
	case LWM2M_REGISTERED:
		if (c->update_asked || c->now >= c->next)
			start_update(c);
		break;
	case LWM2M_WAITING:
		if (!c->up || c->now < c->next)
			break;
		if (c->registered)
			start_update(c);
		else
			start_register(c);
		break;
	case LWM2M_DEREGISTERING:
		if (c->now < c->next)
			break;
		if (c->calling)
			coap_call_cancel(c->ep, c->call);
		c->calling = false;
		set_state(c, LWM2M_STOPPED, LWM2M_NEVER);
		break;
	case LWM2M_OFFLINE:
	case LWM2M_REGISTERING:
	case LWM2M_UPDATING:
	case LWM2M_STOPPED:
	case LWM2M_DISABLED:
	case LWM2M_FAILED:
	default:
		break;
	}
}

static void drop_call(struct lwm2m_client *c)
{
	if (c->calling)
		coap_call_cancel(c->ep, c->call);
	c->calling = false;
}

void lwm2m_client_up(struct lwm2m_client *c, uint64_t now, bool fresh)
{
	c->now = now;
	c->up = true;
	if (c->state == LWM2M_STOPPED || c->state == LWM2M_DEREGISTERING)
		return;
	drop_call(c);
	if (fresh) {
		coap_endpoint_reset(c->ep, now, false);
		c->registered = false;
		c->version = c->max_version;
	}
	if (c->registered)
		start_update(c);
	else
		start_register(c);
}

void lwm2m_client_down(struct lwm2m_client *c, uint64_t now, int error, const char *what)
{
	c->now = now;
	c->up = false;
	drop_call(c);
	if (c->state == LWM2M_STOPPED)
		return;
	if (c->state == LWM2M_DEREGISTERING) {
		set_state(c, LWM2M_STOPPED, LWM2M_NEVER);
		return;
	}
	lwm2m_words(c->error, "%s", what ? what : strerror(error < 0 ? -error : error));
	c->attempts++;
	set_state(c, LWM2M_OFFLINE, LWM2M_NEVER);
}

void lwm2m_client_stop(struct lwm2m_client *c, uint64_t now)
{
	struct coap_opts opts = {0};

	c->now = now;
	if (c->state == LWM2M_STOPPED || c->state == LWM2M_DEREGISTERING)
		return;
	drop_call(c);
	if (!c->up || !c->registered ||
	    coap_opts_add_path(&opts, COAP_OPT_URI_PATH, c->location) < 0) {
		set_state(c, LWM2M_STOPPED, LWM2M_NEVER);
		return;
	}
	set_state(c, LWM2M_DEREGISTERING, now + STOP_MS);
	if (send_call(c, COAP_DELETE, &opts, NULL) < 0)
		set_state(c, LWM2M_STOPPED, LWM2M_NEVER);
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
