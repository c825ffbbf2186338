// SPDX-License-Identifier: Apache-2.0
/*
 * Package 0 and bootstrap profiles: what comes from outside of a session. The wrong ones are
 * dropped with a word in the log at debug level, so that nobody can fill it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include <openssl/evp.h>

#include "dm/client-priv.h"
#include "dm/notify.h"

#define SEEN_MAX 64 /* notifications of a server that are remembered */
#define DIGEST 32
#define MAC_FAILURES_MAX 5

static int refuse(struct dm_client *c, char *why, int error, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static int refuse(struct dm_client *c, char *why, int error, const char *format, ...)
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

	if (!a.server.secret_len)
		return refuse(
			c, why, -EKEYREJECTED,
			"%s: the account has no secret of the server: nobody can be known "
			"by a notification",
			s->node);
	nonce = dm_notify_check(n, &secret);
	dm_account_clear(&a);
	if (nonce == DM_NOTIFY_WRONG)
		return refuse(c, why, -EKEYREJECTED, "%s: the notification's digest is wrong",
			      s->node);
	r = once(c, s->server_id, n->digest);
	if (r == -EALREADY)
		return refuse(c, why, r, "%s: the notification was taken before", s->node);
	if (r)
		return refuse(c, why, r, "%s: %s", s->node, strerror(-r));
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
		return refuse(c, why, -ENOENT, "there is no account of '%.64s'", n->server);
	if (!n->session)
		return refuse(c, why, -EBADMSG, "%s: session 0", s->node);
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
	struct dm_notify n;
	int r;

	*why = 0;
	if (c->stopping)
		return -ESHUTDOWN;
	r = dm_notify_parse(p, len, &n, words);
	if (!r)
		return take(c, now, via, &n, why);
	/* a push with a profile comes to the same port; locally there is another way */
	if (via == DM_VIA_UDP && r == -ENOTSUP &&
	    dm_client_bootstrap(c, now, p, len, false, why) != -ENOTSUP)
		return 0;
	return refuse(c, why, r, "no notification: %s", *words ? words : strerror(-r));
}

/* ---- profiles ---------------------------------------------------------------------------- */

/* ./DMAcc/NODE that no other account has */
static int name_account(struct dm_client *c, struct dm_account *a)
{
	size_t n = strlen(a->node);
	char uri[DM_URI_MAX + 1];
	struct dm_stat st;

	for (unsigned int i = 2; i < 100; i++) {
		snprintf(uri, sizeof(uri), DM_ACCOUNT_ROOT "/%s", a->node);
		if (dm_tree_find(c->tree, uri, &st))
			return 0;
		snprintf(a->node + n, sizeof(a->node) - n, "-%u", i);
	}
	return -EEXIST;
}

static int take_account(struct dm_client *c, const struct dm_profile_account *p, char *why)
{
	struct dm_account a;
	struct slot *old;
	int r = dm_account_of_profile(p, &a, why);

	if (r)
		return r;
	old = client_slot(c, a.server_id);
	if (old)
		strcpy(a.node, old->node);
	else
		r = name_account(c, &a);
	if (!r)
		r = dm_account_write(c->tree, &a, p->name);
	if (r)
		snprintf(why, DM_CLIENT_WORDS_MAX, "account of %.64s: %s", a.server_id,
			 strerror(-r));
	else
		client_log(c, LOG_NOTICE, a.node, "account from a bootstrap profile");
	dm_account_clear(&a);
	return r;
}

static int take_profile(struct dm_client *c, const struct dm_profile *profile, char *why)
{
	int r = 0;

	for (size_t i = 0; i < profile->n_accounts && !r; i++)
		r = take_account(c, &profile->accounts[i], why);
	return r;
}

/* Sessions with the accounts that came. */
static void begin_new(struct dm_client *c, uint64_t now, const struct dm_profile *profile)
{
	struct slot *s;

	client_accounts(c, now);
	for (size_t i = 0; i < profile->n_accounts; i++) {
		s = client_slot(c, profile->accounts[i].server_id);
		if (s)
			s->want |= WANT_NEW;
	}
	client_kick(c);
}

static int check_mac(struct dm_client *c, const uint8_t **p, size_t *len, char *why)
{
	struct dm_profile_mac mac;
	int r = dm_profile_push(*p, *len, &mac, p, len);

	if (r)
		return refuse(c, why, r, "no push with a profile");
	if (c->mac_failures >= MAC_FAILURES_MAX)
		r = -EKEYREJECTED;
	else
		r = dm_profile_check_mac(&mac, NULL, 0, *c->pin ? c->pin : NULL, *p, *len);
	/* a PIN is short: who may try it often, finds it */
	if (r == -EKEYREJECTED && ++c->mac_failures == MAC_FAILURES_MAX)
		client_log(
			c, LOG_WARNING, "",
			"%u profiles with a wrong MAC: none is taken any more until the next "
			"start",
			c->mac_failures);
	if (r == -ENOKEY)
		return refuse(c, why, r, "the profile has no MAC, or one that takes a PIN");
	return r ? refuse(c, why, r, "the profile's MAC is wrong") : 0;
}

int dm_client_bootstrap(struct dm_client *c, uint64_t now, const uint8_t *p, size_t len,
			bool trusted, char *why)
{
	struct dm_profile profile;
	char words[DM_WORDS_MAX] = "";
	uint8_t sha[DIGEST], *old;
	size_t old_len;
	int r = 0;

	*why = 0;
	if (!trusted)
		r = check_mac(c, &p, &len, why);
	if (r)
		return r;
	if (EVP_Digest(p, len, sha, NULL, EVP_sha256(), NULL) != 1)
		return -EIO;
	if (!store_get(c->store, DM_KIND_BOOTSTRAP, sha, sizeof(sha), &old, &old_len)) {
		free(old);
		return refuse(c, why, -EALREADY, "the profile was taken before");
	}
	r = dm_profile_parse(p, len, &profile, words);
	if (r)
		return refuse(c, why, r, "no profile: %s", *words ? words : strerror(-r));
	r = store_begin(c->store);
	if (!r) {
		r = take_profile(c, &profile, why);
		if (!r)
			r = store_put(c->store, DM_KIND_BOOTSTRAP, sha, sizeof(sha), "", 0);
		if (!r)
			r = store_commit(c->store);
		else
			store_rollback(c->store);
	}
	if (!r)
		begin_new(c, now, &profile);
	else if (!*why)
		snprintf(why, DM_CLIENT_WORDS_MAX, "%s", strerror(-r));
	dm_profile_free(&profile);
	return r;
}
