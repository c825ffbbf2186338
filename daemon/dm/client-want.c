// SPDX-License-Identifier: Apache-2.0
/*
 * Sessions that somebody has asked for, over a restart: a notification that was taken is not
 * taken again, so that the session it was for has to come without it.
 *
 * A record by the account's name, from the moment the wish is taken until its session has
 * succeeded or is given up. It names the server too: an account that leads to another one
 * meanwhile does not inherit it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "dm/client-priv.h"

#define WANT_VERSION 1
#define WANT_HEAD 5 /* version, enum want, session (2 bytes, big endian), by the server */

int client_want_put(struct dm_client *c, const struct slot *s, unsigned int want,
		    uint16_t session, bool by_server)
{
	uint8_t val[WANT_HEAD + DM_SERVER_MAX] = {WANT_VERSION};
	size_t len = strlen(s->server_id);

	want &= WANT_KEPT;
	if (!want)
		return store_del(c->store, DM_KIND_WANT, s->node, strlen(s->node));
	val[1] = (uint8_t)want;
	val[2] = (uint8_t)(session >> 8);
	val[3] = (uint8_t)session;
	val[4] = by_server;
	memcpy(val + WANT_HEAD, s->server_id, len);
	return store_put(c->store, DM_KIND_WANT, s->node, strlen(s->node), val,
			 WANT_HEAD + len);
}

void client_want_keep(struct dm_client *c, const struct slot *s, unsigned int want)
{
	int r = client_want_put(c, s, want, s->notified, s->by_server);

	/* at worst a session too many or too few after a restart */
	if (r)
		client_log(c, LOG_WARNING, s->node,
			   "which sessions were asked for cannot be stored: %s", strerror(-r));
}

void client_want_load(struct dm_client *c, struct slot *s)
{
	size_t id = strlen(s->server_id), len;
	unsigned int want;
	uint16_t session;
	uint8_t *p;

	if (store_get(c->store, DM_KIND_WANT, s->node, strlen(s->node), &p, &len))
		return;
	if (len == WANT_HEAD + id && p[0] == WANT_VERSION &&
	    !memcmp(p + WANT_HEAD, s->server_id, id)) {
		want = p[1] & WANT_KEPT;
		session = (uint16_t)(p[2] << 8 | p[3]);
		/* session 0 was never taken: the record is none of ours */
		if (!session)
			want &= ~(unsigned int)WANT_NOTIFIED;
		if (want & WANT_NOTIFIED && !(s->want & WANT_NOTIFIED)) {
			s->notified = session;
			s->by_server = p[4];
		}
		s->want |= want;
		if (want)
			client_log(c, LOG_INFO, s->node,
				   "a session that was asked for before is still to come");
	}
	free(p);
}

void client_want_drop(struct dm_client *c, const struct slot *s)
{
	(void)store_del(c->store, DM_KIND_WANT, s->node, strlen(s->node));
}
