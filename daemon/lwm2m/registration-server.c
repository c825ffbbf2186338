// SPDX-License-Identifier: Apache-2.0
/* Object 1 as registration sees it: read when the data model moved, acted upon. */
#include <errno.h>
#include <string.h>

#include "lwm2m/internal.h"

enum {
	SSID,
	LIFETIME,
	PMIN,
	PMAX,
	DISABLE_TIMEOUT = 5,
	STORING,
	BINDING,
	PRIORITY = 13,
	INITIAL_DELAY,
	FAILURE_BLOCK,
	BOOTSTRAP_ON_FAILURE,
	RETRY_COUNT,
	RETRY_TIMER,
	SEQUENCE_DELAY,
	SEQUENCE_COUNT,
	TRIGGER,
	PREFERRED,
	MUTE_SEND,
};

static uint32_t number(const struct lwm2m_data *d, uint16_t instance, uint16_t rid,
		       uint32_t other)
{
	int64_t i = lwm2m_data_int(d, MODEL_OBJECT_SERVER, instance, rid, other);

	if (i < 0)
		return 0;
	return i < UINT32_MAX ? (uint32_t)i : UINT32_MAX;
}

static bool flag(const struct lwm2m_data *d, uint16_t instance, uint16_t rid, bool other)
{
	return lwm2m_data_int(d, MODEL_OBJECT_SERVER, instance, rid, other) != 0;
}

int lwm2m_server_read(const struct lwm2m_data *d, uint16_t instance, struct lwm2m_server *out)
{
	static const struct lwm2m_server init = LWM2M_SERVER_INIT;
	struct lwm2m_server s = init;
	const char *p;
	size_t len;

	if (!lwm2m_data_has(d, MODEL_OBJECT_SERVER, instance))
		return -ENOENT;
	s.instance = instance;
	s.ssid = (uint16_t)number(d, instance, SSID, 0);
	s.lifetime = number(d, instance, LIFETIME, s.lifetime);
	s.pmin = number(d, instance, PMIN, s.pmin);
	s.pmax = number(d, instance, PMAX, s.pmax);
	s.disable_timeout = number(d, instance, DISABLE_TIMEOUT, s.disable_timeout);
	s.storing = flag(d, instance, STORING, s.storing);
	p = lwm2m_data_string(d, MODEL_OBJECT_SERVER, instance, BINDING, &len);
	if (p && len > 0 && len < sizeof(s.binding))
		memcpy(s.binding, p, len + 1);
	s.priority = number(d, instance, PRIORITY, s.priority);
	s.initial_delay = number(d, instance, INITIAL_DELAY, s.initial_delay);
	s.failure_block = flag(d, instance, FAILURE_BLOCK, s.failure_block);
	s.bootstrap_on_failure =
		flag(d, instance, BOOTSTRAP_ON_FAILURE, s.bootstrap_on_failure);
	s.retry_count = number(d, instance, RETRY_COUNT, s.retry_count);
	s.retry_timer = number(d, instance, RETRY_TIMER, s.retry_timer);
	s.sequence_delay = number(d, instance, SEQUENCE_DELAY, s.sequence_delay);
	s.sequence_count = number(d, instance, SEQUENCE_COUNT, s.sequence_count);
	s.trigger = flag(d, instance, TRIGGER, s.trigger);
	p = lwm2m_data_string(d, MODEL_OBJECT_SERVER, instance, PREFERRED, &len);
	s.preferred = p && len == 1 ? *p : 0;
	s.mute_send = flag(d, instance, MUTE_SEND, s.mute_send);
	*out = s;
	return 0;
}

bool lwm2m_registration_queue(const struct lwm2m_client *c)
{
	return c->reg.server.queue || strchr(c->reg.server.binding, 'Q');
}

/* in 1.0 it is a binding; later a server may not look for Q in an Update */
void lwm2m_registration_queue_changed(struct lwm2m_client *c)
{
	if (c->version < 11)
		c->update_binding = true;
	else
		c->reg.again = true;
	c->update_asked = true;
}

void lwm2m_client_set_server(struct lwm2m_client *c, uint64_t now,
			     const struct lwm2m_server *server)
{
	char preferred = c->reg.server.preferred;
	bool first = !c->reg.loaded;

	c->now = now;
	c->reg.server = *server;
	c->reg.loaded = true;
	if (first || !c->registered)
		return;
	if (server->lifetime != c->reg.told_lifetime)
		lwm2m_registration_update(c, true);
	if (lwm2m_registration_queue(c) != c->reg.told_queue)
		lwm2m_registration_queue_changed(c);
	if (server->preferred && server->preferred != preferred)
		lwm2m_registration_update_over(c, server->preferred);
}

const struct lwm2m_server *lwm2m_client_server(const struct lwm2m_client *c)
{
	return &c->reg.server;
}

void lwm2m_registration_sync(struct lwm2m_client *c)
{
	struct lwm2m_server s;
	uint64_t generation;

	/* not while a bootstrap server is in the midst of it */
	if (lwm2m_data_in_transaction(c->shared->data))
		return;
	generation = lwm2m_data_generation(c->shared->data);
	if (c->reg.loaded && generation == c->reg.generation)
		return;
	c->reg.generation = generation;
	if (lwm2m_server_read(c->shared->data, c->server, &s) < 0)
		return;
	s.queue = c->reg.server.queue;
	lwm2m_client_set_server(c, c->now, &s);
}
