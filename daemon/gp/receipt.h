/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receipts: the card's signed confirmation that a delegated command was carried out, in
 * the response to it (GPCS 2.3.1, 11.1.6 and C.5).
 *
 *   LV receipt, LV confirmation counter, LV unique data of the security domain
 *   [, LV token identifier [, LV digest of the token's data]]
 *
 * The tables of the responses (11-25 for DELETE) can be read so that the length of all this
 * comes first; some cards have it, some do not. Both are taken.
 */
#ifndef SESAME_GP_RECEIPT_H
#define SESAME_GP_RECEIPT_H

#include <stddef.h>
#include <stdint.h>

#include "gp/apdu.h"
#include "gp/error.h"
#include "gp/sign.h"

/** enum gp_receipt_kind - of what; it says which fields of the subject count */
enum gp_receipt_kind {
	GP_RECEIPT_LOAD,	    /* C.5.1: elf, sd */
	GP_RECEIPT_INSTALL,	    /* C.5.2: elf, app. Also make selectable, and both */
	GP_RECEIPT_EXTRADITION,	    /* C.5.3: old_sd, app (or ELF), sd: the new one */
	GP_RECEIPT_REGISTRY_UPDATE, /* C.5.4: the same, each optional; privileges, params */
	GP_RECEIPT_DELETE,	    /* C.5.5: app (or ELF) */
	GP_RECEIPT_LOAD_INSTALL_SELECTABLE, /* C.5.6: elf, app, sd */
};

/** gp_receipt_kind_name() - "load", "install", ...; "?" for another number */
const char *gp_receipt_kind_name(enum gp_receipt_kind kind);

/**
 * struct gp_receipt - a confirmation; all pointers lead into the response
 * @signature: the receipt itself; length 0: the card confirms without one
 * @confirmation: the confirmation data as they are signed: all that follows
 * @counter: confirmation counter
 * @unique: 42 and 45 of the signing domain, one after the other without tags
 * @token_id: of the token's tag 93, or empty
 * @token_digest: or empty
 */
struct gp_receipt {
	struct gp_bytes signature;
	struct gp_bytes confirmation;
	uint16_t counter;
	struct gp_bytes unique;
	struct gp_bytes token_id;
	struct gp_bytes token_digest;
};

/**
 * struct gp_receipt_subject - what a receipt speaks of; the host knows it from the command
 * @kind: which of the others count
 */
struct gp_receipt_subject {
	enum gp_receipt_kind kind;
	struct gp_aid elf;
	struct gp_aid app;
	struct gp_aid sd;
	struct gp_aid old_sd;
	struct gp_bytes privileges; /* 0, 1 or 3 bytes */
	struct gp_bytes params;	    /* registry update parameters */
};

/**
 * gp_receipt_subject() - what the receipt for a command has to speak of
 * @cmds: INSTALL or DELETE with signed_len set, see gp_token_scan(); of load, install and
 *	make selectable both. The receipt of INSTALL [for load] comes with the last LOAD
 * @executing: the domain that ran them
 * @elf: for make selectable alone, whose command does not name it; else NULL
 * @subject: out; its privileges and parameters are in the command's data
 *
 * Return: 0; -EINVAL for a command without receipts, or where @elf is missing.
 */
int gp_receipt_subject(const struct gp_apdu *const *cmds, size_t n,
		       const struct gp_aid *executing, const struct gp_aid *elf,
		       struct gp_receipt_subject *subject, struct gp_error *err);

/**
 * gp_receipt_read() - the data of a response, without the status word
 *
 * Return: 1 with @receipt filled; 0 for a response without receipt (nothing, or the one
 * byte 00); -EBADMSG.
 */
int gp_receipt_read(const uint8_t *rsp, size_t len, struct gp_receipt *receipt,
		    struct gp_error *err);

/**
 * gp_receipt_data() - the bytes that the card has signed
 * @data: out: for free()
 *
 * Return: 0; -EINVAL if an AID is missing that @subject's kind needs; -ENOMEM.
 */
int gp_receipt_data(const struct gp_receipt *receipt, const struct gp_receipt_subject *subject,
		    uint8_t **data, size_t *len, struct gp_error *err);

/**
 * gp_receipt_verify() - is it the key's, of this subject?
 *
 * Return: 0 yes; -EBADMSG no, or there is no signature in it; else as gp_verify() and
 * gp_receipt_data(). That the counter moves on from receipt to receipt is the caller's
 * to watch.
 */
int gp_receipt_verify(const struct gp_signer *s, const struct gp_receipt *receipt,
		      const struct gp_receipt_subject *subject, struct gp_error *err);

#endif /* SESAME_GP_RECEIPT_H */
