// SPDX-License-Identifier: Apache-2.0
/*
 * The registration over a restart: kind LWM2M_KIND_REG, key: short server id.
 *
 * Written when something in it changes, not with each Update: a device of ten years
 * must not wear out its flash. So there is no time of expiry in it either; the
 * server knows.
 *
 * Format, numbers big endian:
 *	1  version of the format, 1
 *	1  flags: 1 registered, 2 disabled, 4 queue mode
 *	1  LwM2M version that worked: 10, 11, 12
 *	1  the newest that was tried then
 *	8  digest of server address and endpoint name: it is nobody else's
 *	8  digest of the object list that the server has
 *	4  lifetime that the server has
 *	4  s, for how long it was disabled
 *	8  CLOCK_REALTIME, s, until when
 *	n  location
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "lwm2m/internal.h"
#include "lwm2m/pack.h"

#define FORMAT 1
#define HEADER 36U

enum { REGISTERED = 1, DISABLED = 2, QUEUE = 4 };

static uint64_t whose(const struct lwm2m_client *c)
{
	uint64_t h = LWM2M_HASH;

	if (c->uri)
		h = lwm2m_hash(h, c->uri, strlen(c->uri) + 1);
	return lwm2m_hash(h, c->endpoint, strlen(c->endpoint));
}

static void make_key(const struct lwm2m_client *c, uint8_t key[2])
{
	lwm2m_pack(key, c->ssid, 2);
}

void lwm2m_keep_store(struct lwm2m_client *c)
{
	bool disabled = c->state == LWM2M_DISABLED && c->next != LWM2M_NEVER;
	uint64_t left = disabled && c->next > c->now ? (c->next - c->now + 999) / 1000 : 0;
	int64_t clock = c->ops.clock ? c->ops.clock(c->ctx) : 0;
	uint8_t b[HEADER + sizeof(c->location)], key[2], *p = b;
	size_t len = strlen(c->location);
	uint64_t digest;
	int ret;

	p = lwm2m_pack(p, FORMAT, 1);
	p = lwm2m_pack(p,
		       (c->registered ? REGISTERED : 0U) | (disabled ? DISABLED : 0U) |
			       (c->reg.told_queue ? QUEUE : 0U),
		       1);
	p = lwm2m_pack(p, c->version, 1);
	p = lwm2m_pack(p, c->max_version, 1);
	p = lwm2m_pack(p, whose(c), 8);
	p = lwm2m_pack(p, c->links_told, 8);
	p = lwm2m_pack(p, c->reg.told_lifetime, 4);
	p = lwm2m_pack(p, left, 4);
	p = lwm2m_pack(p, disabled ? (uint64_t)clock + left : 0, 8);
	memcpy(p, c->location, len);
	digest = lwm2m_hash(LWM2M_HASH, b, HEADER + len);
	if (digest == c->reg.kept)
		return;
	make_key(c, key);
	ret = store_put(c->shared->state, LWM2M_KIND_REG, key, sizeof(key), b, HEADER + len);
	if (ret == 0)
		c->reg.kept = digest;
	else
		lwm2m_log(c, LOG_ERR, "the registration cannot be kept over a restart: %s",
			  strerror(-ret));
}

/* by the clock of the day: one that was set meanwhile must not make it longer */
static uint64_t left_ms(struct lwm2m_client *c, uint64_t total, int64_t until)
{
	int64_t clock = c->ops.clock ? c->ops.clock(c->ctx) : until - (int64_t)total;
	int64_t left = until - clock;

	if (left <= 0)
		return 0;
	return ((uint64_t)left < total ? (uint64_t)left : total) * 1000;
}

static bool take(struct lwm2m_client *c, const uint8_t *p, size_t len, uint64_t *disabled_ms)
{
	unsigned int flags, version, newest;
	uint64_t total;
	int64_t until;

	if (len < HEADER || len - HEADER >= sizeof(c->location) ||
	    lwm2m_unpack(&p, 1) != FORMAT)
		return false;
	flags = (unsigned int)lwm2m_unpack(&p, 1);
	version = (unsigned int)lwm2m_unpack(&p, 1);
	newest = (unsigned int)lwm2m_unpack(&p, 1);
	if (lwm2m_unpack(&p, 8) != whose(c) || version < 10 || version > newest)
		return false;
	/* another version= in the configuration counts more than what worked once */
	if (newest == c->max_version) {
		c->version = version;
		c->reg.newest = c->now + LWM2M_NEWEST_AGAIN_MS;
	}
	c->links_told = lwm2m_unpack(&p, 8);
	c->reg.told_lifetime = (uint32_t)lwm2m_unpack(&p, 4);
	total = lwm2m_unpack(&p, 4);
	until = (int64_t)lwm2m_unpack(&p, 8);
	if (flags & DISABLED)
		*disabled_ms = left_ms(c, total, until);
	if (!(flags & REGISTERED) || newest != c->max_version || len - HEADER <= 1 ||
	    memchr(p, '\0', len - HEADER))
		return true;
	memcpy(c->location, p, len - HEADER);
	c->location[len - HEADER] = '\0';
	c->registered = true;
	c->reg.told_queue = (flags & QUEUE) != 0;
	return true;
}

bool lwm2m_keep_load(struct lwm2m_client *c, uint64_t *disabled_ms)
{
	uint8_t key[2], *val;
	size_t len;
	int ret;

	*disabled_ms = 0;
	make_key(c, key);
	ret = store_get(c->shared->state, LWM2M_KIND_REG, key, sizeof(key), &val, &len);
	if (ret < 0)
		return false;
	if (!take(c, val, len, disabled_ms))
		store_del(c->shared->state, LWM2M_KIND_REG, key, sizeof(key));
	else
		c->reg.kept = lwm2m_hash(LWM2M_HASH, val, len);
	free(val);
	if (!c->registered)
		return false;
	/* what has changed since is told with the Update that resumes it */
	if (c->reg.told_lifetime != c->reg.server.lifetime)
		c->update_lifetime = true;
	if (c->reg.told_queue != lwm2m_registration_queue(c))
		lwm2m_registration_queue_changed(c);
	return true;
}
