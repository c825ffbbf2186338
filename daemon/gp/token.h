/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens of delegated management (GPCS 2.3.1, 9.2.3 and C.4): the card issuer's signature
 * that lets a security domain with that privilege run one INSTALL or DELETE command.
 *
 * What is signed follows from the command: P1, P2, the length of the data in front of the
 * token field (one byte, or 00 and two bytes above 255), those data; for the combined
 * load, install and make selectable the same of both INSTALL commands, one after the
 * other, and the token goes into the second. So a token is made in three steps that may
 * be done on three machines: gp_token_data(), any signer, gp_token_put().
 */
#ifndef SESAME_GP_TOKEN_H
#define SESAME_GP_TOKEN_H

#include <stddef.h>
#include <stdint.h>

#include "gp/apdu.h"
#include "gp/error.h"
#include "gp/sign.h"

/** enum gp_token_kind - what a token allows; each is a clause of C.4 */
enum gp_token_kind {
	GP_TOKEN_LOAD,			  /* C.4.1 */
	GP_TOKEN_INSTALL,		  /* C.4.2 */
	GP_TOKEN_MAKE_SELECTABLE,	  /* C.4.3 */
	GP_TOKEN_INSTALL_MAKE_SELECTABLE, /* C.4.2, P1 0C */
	GP_TOKEN_EXTRADITION,		  /* C.4.4 */
	GP_TOKEN_REGISTRY_UPDATE,	  /* C.4.5 */
	GP_TOKEN_DELETE,		  /* C.4.6 */
	GP_TOKEN_LOAD_INSTALL_SELECTABLE, /* C.4.7: two INSTALL commands */
};

/** gp_token_kind_name() - "load", "install", "extradition"...; "?" for another number */
const char *gp_token_kind_name(enum gp_token_kind kind);

/* the most data a token is computed over, both commands of C.4.7 together */
#define GP_TOKEN_DATA_MAX (2 * (5 + GP_LC_EXTENDED))

/**
 * gp_token_scan() - find the token field of a command that came as bytes
 * @cmd: INSTALL or DELETE; signed_len is set. GP_P1_MORE must not be set: join the
 *	segments first
 * @token: out: the token, in the command's data; empty if there is none; or NULL
 *
 * Return: 0; -EINVAL for a command that takes no token (another instruction, INSTALL
 * [for personalization], DELETE of a key); -EBADMSG for data that are not as the command
 * wants them.
 */
int gp_token_scan(struct gp_apdu *cmd, struct gp_bytes *token, struct gp_error *err);

/**
 * gp_token_kind() - what a token over these commands allows
 * @cmds: one, or the two of C.4.7: INSTALL with P2 01 and INSTALL with P2 03
 *
 * Return: enum gp_token_kind; -EINVAL for what takes no token.
 */
int gp_token_kind(const struct gp_apdu *const *cmds, size_t n, struct gp_error *err);

/**
 * gp_token_data() - the bytes that are signed
 * @cmds: with signed_len set, by their builder or by gp_token_scan(). A token that is
 *	there already does not count
 * @data: out: for free(); nothing secret
 *
 * Return: 0; -EINVAL as gp_token_kind(); -ENOMEM.
 */
int gp_token_data(const struct gp_apdu *const *cmds, size_t n, uint8_t **data, size_t *len,
		  struct gp_error *err);

/** gp_token_sign() - gp_token_data() and gp_sign(); @token has GP_SIGN_MAX bytes */
int gp_token_sign(const struct gp_signer *s, const struct gp_apdu *const *cmds, size_t n,
		  uint8_t token[GP_SIGN_MAX], size_t *token_len, struct gp_error *err);

/** gp_token_verify() - 0 if the token is the key's over these commands; as gp_verify() */
int gp_token_verify(const struct gp_signer *s, const struct gp_apdu *const *cmds, size_t n,
		    const uint8_t *token, size_t token_len, struct gp_error *err);

/**
 * gp_token_put() - write a token into a command, in the place of one that is there
 * @cmd: with signed_len set; of C.4.7 the second one
 * @len: 0 takes the token out
 *
 * INSTALL ends with the token's length and the token; DELETE has tag 9E.
 *
 * Return: 0; -EINVAL for another command or more than GP_SIGN_MAX; as gp_apdu_add().
 */
int gp_token_put(struct gp_apdu *cmd, const uint8_t *token, size_t len, struct gp_error *err);

#endif /* SESAME_GP_TOKEN_H */
