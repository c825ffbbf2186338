/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading EF LwM2M_Bootstrap from an SE: the walk of lwm2m/pkcs15.h, carried out by
 * exchanges of job/ (job/job-exchange.h), one command after the other between the jobs.
 */
#ifndef SESAME_LWM2M_CARD_H
#define SESAME_LWM2M_CARD_H

#include "gp/apdu.h"

struct gp_keyset;
struct job_store;
struct lwm2m_card;

#define LWM2M_CARD_ORIGIN "daemon:bootstrap"

/**
 * struct lwm2m_card_config - which card, and what opens it; strings and bytes are copied
 * @se: name of the SE in the configuration
 * @aid: of the PKCS #15 application; empty: the usual one, else as EF DIR says
 * @pin: len 0: none
 * @keys: for SCP03 (LwM2M core 1.1, appendix H); NULL: no secure channel. Kept by reference
 */
struct lwm2m_card_config {
	const char *se;
	struct gp_aid aid;
	struct gp_bytes pin;
	const struct gp_keyset *keys;
};

/**
 * lwm2m_card_done_t - a reading is over, called from job_store_dispatch()
 * @error: 0, as pkcs15_next() or job_exchange_done_t say, or -EACCES where a PIN was refused
 *	before: it is not presented again in the life of this object
 * @p, @len: the file, cleared after the call; up to the end of its last object
 * @words: what is wrong; ""
 */
typedef void (*lwm2m_card_done_t)(void *ctx, int error, const uint8_t *p, size_t len,
				  const char *words);

/** lwm2m_card_new() - Return: 0, -EINVAL (no name, PIN too long), -ENOMEM. */
int lwm2m_card_new(struct lwm2m_card **ret, struct job_store *store,
		   const struct lwm2m_card_config *config, lwm2m_card_done_t done, void *ctx);
/** lwm2m_card_free() - a reading that is under way ends without a word; NULL is fine */
void lwm2m_card_free(struct lwm2m_card *c);

/** lwm2m_card_read() - begin. 0, then done() follows; -EBUSY: one is under way; -ENODEV … */
int lwm2m_card_read(struct lwm2m_card *c);

#endif /* SESAME_LWM2M_CARD_H */
