// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "dm/notify.h"
#include "dm/syncml-dom.h"
#include "dm/wsp.h"

#define HEADER_LEN 8
#define LEAST (DM_AUTH_DIGEST_LEN + HEADER_LEN + 1)

static int fail(char *words, int error, const char *why)
{
	if (words)
		snprintf(words, DM_WORDS_MAX, "%s", why);
	return error;
}

static bool version_known(unsigned int version)
{
	/* DM 1.1 and 1.2 both say 1.1 here; servers that say 1.0 and 1.2 are about */
	return version >= 10 && version <= 12;
}

static int bare(const uint8_t *p, size_t len, struct dm_notify *n, char *words)
{
	uint64_t h = 0;
	size_t id;

	if (len < LEAST)
		return fail(words, -EBADMSG, "shorter than a notification");
	for (int i = 0; i < HEADER_LEN; i++)
		h = h << 8 | p[DM_AUTH_DIGEST_LEN + i];
	memset(n, 0, sizeof(*n));
	n->digest = p;
	n->version = (unsigned int)(h >> 54);
	n->ui = (enum dm_notify_ui)(h >> 52 & 3);
	n->by_server = h >> 51 & 1;
	n->future = (uint32_t)(h >> 24 & 0x7ffffff);
	n->session = (uint16_t)(h >> 8);
	id = h & 0xff;
	n->trigger = p + DM_AUTH_DIGEST_LEN;
	n->trigger_len = len - DM_AUTH_DIGEST_LEN;
	if (id == 0 || id > n->trigger_len - HEADER_LEN)
		return fail(words, -EBADMSG, "a server id that does not fit");
	memcpy(n->server, n->trigger + HEADER_LEN, id);
	if (strlen(n->server) != id || !dm_utf8_valid((const uint8_t *)n->server, id))
		return fail(words, -EBADMSG, "a server id that is no text");
	n->body = n->trigger + HEADER_LEN + id;
	n->body_len = n->trigger_len - HEADER_LEN - id;
	if (!version_known(n->version))
		return fail(words, -ENOTSUP, "a version of notifications that is not known");
	return 0;
}

int dm_notify_parse(const uint8_t *p, size_t len, struct dm_notify *n, char *words)
{
	struct wsp_push push;

	if (words)
		words[0] = '\0';
	if (len > DM_NOTIFY_MAX)
		return fail(words, -EBADMSG, "longer than a notification");
	/* a digest may begin like a push, but not go on like one of this type */
	if (wsp_push_parse(p, len, &push) == 0 &&
	    (push.type == WSP_DM_NOTIFICATION ||
	     strcmp(push.mime, DM_MIME_NOTIFICATION) == 0)) {
		if (push.application != -1 && push.application != WSP_APPLICATION_DM)
			return fail(words, -ENOTSUP, "a push for another application");
		return bare(push.body, push.body_len, n, words);
	}
	return bare(p, len, n, words);
}

static bool matches(const struct dm_notify *n, const struct dm_secret *s, const void *nonce,
		    size_t len)
{
	struct dm_secret with = *s;
	uint8_t mac[DM_AUTH_DIGEST_LEN];

	with.nonce = nonce;
	with.nonce_len = len;
	return dm_auth_mac(&with, n->trigger, n->trigger_len, mac) == 0 &&
	       CRYPTO_memcmp(mac, n->digest, sizeof(mac)) == 0;
}

enum dm_notify_nonce dm_notify_check(const struct dm_notify *n, const struct dm_secret *s)
{
	static const uint8_t zeros[4];
	static const char words[] = "0x00000000";

	if (matches(n, s, s->nonce, s->nonce_len))
		return DM_NOTIFY_CURRENT;
	if (matches(n, s, zeros, sizeof(zeros)) || matches(n, s, words, sizeof(words) - 1))
		return DM_NOTIFY_DEFAULT;
	return DM_NOTIFY_WRONG;
}

void dm_notify_session(uint16_t session, char text[5])
{
	snprintf(text, 5, "%X", session);
}
