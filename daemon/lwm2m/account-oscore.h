/* SPDX-License-Identifier: Apache-2.0 */
/* The OSCORE context of a Security instance: resource 17 of object 0, object 21. */
#ifndef SESAME_LWM2M_ACCOUNT_OSCORE_H
#define SESAME_LWM2M_ACCOUNT_OSCORE_H

#include "coap/oscore.h"
#include "lwm2m/shared.h"

/**
 * struct account_oscore - a context, and where its state is kept
 * @instance: of object 21
 */
struct account_oscore {
	struct oscore *o;
	struct store *state;
	uint16_t instance;
	uint8_t key[2 + OSCORE_NAME_LEN];
	uint8_t last[OSCORE_STATE_MAX]; /* as it was stored; another than that is another's */
	size_t last_len;
};

/**
 * account_oscore_new() - the context of /21/@s->oscore, with the state that is kept of it
 * @why: what is wrong, CONTENT_WORDS_MAX bytes
 *
 * There may be one at a time of the same keys: with two, nonces would repeat. So an
 * instance of object 21 that another server's account uses as well, or whose keys it
 * has, is refused to the account with the higher Security instance. One that takes
 * leave while the next is made cannot store any more, and so not go on for long.
 *
 * State is kept under the keys, not under the account: who bootstraps the same keys
 * again goes on where they stopped.
 *
 * Return: 0, -EINVAL, -ENOTSUP (algorithm), -EBADMSG (what was kept is damaged: the
 * keys cannot be used any more), -ENOMEM, or what the store said.
 */
int account_oscore_new(struct account_oscore **ret, struct lwm2m_shared *shared,
		       const struct lwm2m_security *s, char *why);

/** account_oscore_free() - stores where it stopped; after the client. NULL is fine. */
void account_oscore_free(struct account_oscore *ao);

/** lwm2m_client_oscore() - client.c: what it says and hears from now on is protected by
 * @o, which must outlive it or be taken away; NULL: not any more. */
void lwm2m_client_oscore(struct lwm2m_client *c, struct oscore *o);

#endif /* SESAME_LWM2M_ACCOUNT_OSCORE_H */
