// SPDX-License-Identifier: Apache-2.0
/*
 * Package 0: a server asks for a session. Wrong ones are dropped with a word in the log at
 * debug level, so that nobody can fill it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "dm/client-priv.h"
#include "dm/notify.h"
#include "dm/profile.h"

#define SEEN_MAX 64 /* notifications of a server that are remembered */

int client_refuse(struct dm_client *c, char *why, int error, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, DM_CLIENT_WORDS_MAX, format, ap);
	va_end(ap);
	client_log(c, LOG_DEBUG, "", "dropped: %s", why);
	return error;
}

/* ---- notifications --------------------------------------------------------------------- */

static size_t seen_key(const char *server, char key[STORE_KEY_MAX])
{
	size_t n = strlen(server) + 1;

	memcpy(key, server, n);
	return n;
}

/* Was it taken before? If not, it is from here on, durably. The digest covers the nonce and
 * the session's number, so that a new notification has a new one. */
static int once(struct dm_client *c, const char *server, const uint8_t *digest)
{
	uint8_t ring[(SEEN_MAX + 1) * DM_AUTH_DIGEST_LEN], *old = NULL;
	char key[STORE_KEY_MAX];
	size_t klen = seen_key(server, key), len = 0;
	int r = store_get(c->store, DM_KIND_NOTIFY, key, klen, &old, &len);

	if (r && r != -ENOENT)
		return r;
	len -= len % DM_AUTH_DIGEST_LEN;
	if (len > SEEN_MAX * DM_AUTH_DIGEST_LEN)
		len = SEEN_MAX * DM_AUTH_DIGEST_LEN;
	for (size_t i = 0; i < len; i += DM_AUTH_DIGEST_LEN) {
		if (!memcmp(old + i, digest, DM_AUTH_DIGEST_LEN)) {
			free(old);
			return -EALREADY;
		}
	}
	memcpy(ring, digest, DM_AUTH_DIGEST_LEN);
	if (len == SEEN_MAX * DM_AUTH_DIGEST_LEN)
		len -= DM_AUTH_DIGEST_LEN;
	if (len)
		memcpy(ring + DM_AUTH_DIGEST_LEN, old, len);
	free(old);
	return store_put(c->store, DM_KIND_NOTIFY, key, klen, ring, len + DM_AUTH_DIGEST_LEN);
}

/* That it was taken and that its session is still to come are one: whoever loses the
 * second has lost the session, since the server's next try is refused. */
static int remember(struct dm_client *c, const struct slot *s, const struct dm_notify *n)
{
	unsigned int want = s->want | client_session_wants(c, s) | WANT_NOTIFIED;
	int r = store_begin(c->store);

	if (r)
		return r;
	r = once(c, s->server_id, n->digest);
	if (!r)
		r = client_want_put(c, s, want, n->session, n->by_server);
	if (!r)
		return store_commit(c->store);
	store_rollback(c->store);
	return r;
}

static int judge(struct dm_client *c, struct slot *s, const struct dm_notify *n, char *why)
{
	enum dm_notify_nonce nonce;
	struct dm_account a;
	int r = dm_account_read(c->tree, s->node, &a, why);

	if (r)
		return r;
	const struct dm_secret secret = {
		.name = a.server_id,
		.secret = a.server.secret,
		.secret_len = a.server.secret_len,
		.nonce = a.server.nonce,
		.nonce_len = a.server.nonce_len,
	};

	if (!a.server.secret_len) {
		dm_account_clear(&a);
		return client_refuse(
			c, why, -EKEYREJECTED,
			"%s: the account has no secret of the server: nobody can be known "
			"by a notification",
			s->node);
	}
	nonce = dm_notify_check(n, &secret);
	dm_account_clear(&a);
	if (nonce == DM_NOTIFY_WRONG)
		return client_refuse(c, why, -EKEYREJECTED,
				     "%s: the notification's digest is wrong", s->node);
	r = remember(c, s, n);
	if (r == -EALREADY)
		return client_refuse(c, why, r, "%s: the notification was taken before",
				     s->node);
	if (r)
		return client_refuse(c, why, r, "%s: %s", s->node, strerror(-r));
	if (nonce == DM_NOTIFY_DEFAULT)
		client_log(c, LOG_NOTICE, s->node,
			   "the notification was made with the default nonce: the server has "
			   "lost the other");
	return 0;
}

static int take(struct dm_client *c, uint64_t now, enum dm_via via, const struct dm_notify *n,
		char *why)
{
	static const char *const ways[] = {"from here", "over UDP", "over CoAP"};
	struct slot *s = NULL;
	int r;

	for (size_t i = 0; i < c->nr_slots && !s; i++)
		if (c->slots[i].usable && !strcmp(c->slots[i].server_id, n->server))
			s = &c->slots[i];
	if (!s)
		return client_refuse(c, why, -ENOENT, "there is no account of '%.64s'",
				     n->server);
	if (!n->session)
		return client_refuse(c, why, -EBADMSG, "%s: session 0", s->node);
	r = judge(c, s, n, why);
	if (r)
		return r;
	client_log(c, LOG_INFO, s->node, "notification %s: session %X", ways[via], n->session);
	s->want |= WANT_NOTIFIED;
	s->notified = n->session;
	s->by_server = n->by_server;
	/* it is there, whatever was before */
	s->failures = 0;
	s->not_before = 0;
	dm_client_tick(c, now);
	return 0;
}

int dm_client_notify(struct dm_client *c, uint64_t now, enum dm_via via, const uint8_t *p,
		     size_t len, char *why)
{
	char words[DM_WORDS_MAX] = "";
	struct dm_profile_mac mac;
	struct dm_notify n;
	const uint8_t *body;
	size_t body_len;
	int r;

	*why = 0;
	if (c->stopping)
		return -ESHUTDOWN;
	r = dm_notify_parse(p, len, &n, words);
	if (!r)
		return take(c, now, via, &n, why);
	/* a push with a profile comes to the same port; locally there is another way */
	if (via == DM_VIA_UDP && !dm_profile_push(p, len, &mac, &body, &body_len))
		return dm_client_bootstrap(c, now, p, len, DM_FROM_PUSH, why);
	return client_refuse(c, why, r, "no notification: %s", *words ? words : strerror(-r));
}
