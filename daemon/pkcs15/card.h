/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a file of a PKCS #15 application from an SE: the walk of pkcs15/pkcs15.h, carried out
 * by exchanges of job/ (job/job-exchange.h), one command after the other between the jobs.
 */
#ifndef SESAME_PKCS15_CARD_H
#define SESAME_PKCS15_CARD_H

#include "gp/apdu.h"

struct gp_keyset;
struct job_store;
struct pkcs15_card;

#define PKCS15_CARD_ORIGIN "daemon:bootstrap"

/**
 * struct pkcs15_card_config - which card, which file, and what opens it; strings and bytes
 * are copied
 * @se: name of the SE in the configuration
 * @aid: of the PKCS #15 application; empty: the usual one, else as EF DIR says
 * @oid, @file, @enough: as in struct pkcs15_config
 * @pin: len 0: none
 * @keys: for SCP03 (LwM2M core 1.1, appendix H); NULL: no secure channel. Kept by reference
 */
struct pkcs15_card_config {
	const char *se;
	struct gp_aid aid;
	struct gp_bytes oid;
	const char *file;
	size_t (*enough)(const uint8_t *p, size_t len);
	struct gp_bytes pin;
	const struct gp_keyset *keys;
};

/**
 * pkcs15_card_done_t - a reading is over, called from job_store_dispatch()
 * @error: 0, as pkcs15_next() or job_exchange_done_t say, or -EACCES where a PIN was refused
 *	before: it is not presented again in the life of this object
 * @p, @len: the file, cleared after the call; no more than @enough says
 * @words: what is wrong; ""
 */
typedef void (*pkcs15_card_done_t)(void *ctx, int error, const uint8_t *p, size_t len,
				   const char *words);

/** pkcs15_card_new() - Return: 0, -EINVAL (no name, no OID, OID or PIN too long), -ENOMEM. */
int pkcs15_card_new(struct pkcs15_card **ret, struct job_store *store,
		    const struct pkcs15_card_config *config, pkcs15_card_done_t done,
		    void *ctx);
/** pkcs15_card_free() - a reading that is under way ends without a word; NULL is fine */
void pkcs15_card_free(struct pkcs15_card *c);

/** pkcs15_card_read() - begin. 0, then done() follows; -EBUSY: one is under way; -ENODEV … */
int pkcs15_card_read(struct pkcs15_card *c);

#endif /* SESAME_PKCS15_CARD_H */
