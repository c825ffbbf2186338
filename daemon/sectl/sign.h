/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs about tokens and DAP blocks share. */
#ifndef SECTL_SIGN_H
#define SECTL_SIGN_H

#include "gp/error.h"
#include "gp/sign.h"
#include "keys/source.h"

/**
 * struct signing - a single key of the sources that --keys names, and the ring it is in
 * @signer: the key, for gp/sign.h
 * @scheme: in words
 */
struct signing {
	struct gp_signer signer;
	struct keys *ring;
	char scheme[64];
};

/**
 * signing_open - find the key that --key names, or the only one with this use
 * @to_sign: it has to be a private or a secret one
 *
 * Returns an exit status and has said what is wrong.
 */
int signing_open(struct signing *s, enum keys_use use, bool to_sign);

/** signing_close - forget it; for a struct of zeros too */
void signing_close(struct signing *s);

/**
 * put_signed - what was made: JSON {name: hex, scheme, output}, a line of hex, or with
 * --output the bytes in a file
 */
int put_signed(const char *name, const uint8_t *p, size_t len, const char *scheme);

/** read_hex_or_bytes - a file that has bytes, or the same as hex digits and white space */
int read_hex_or_bytes(const char *path, uint8_t *out, size_t room, size_t *len);

#endif /* SECTL_SIGN_H */
