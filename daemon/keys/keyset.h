/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a key set file, sesame-keys(5): a pure parser. What a value refers
 * to (a token, another file) is looked up by source.c.
 */
#ifndef SESAME_KEYS_KEYSET_H
#define SESAME_KEYS_KEYSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gp/key.h"
#include "keys/source.h"

struct gp_error;

/** struct keyset_span - a piece of the text that was parsed; not terminated */
struct keyset_span {
	const char *p;
	size_t len;
};

/** enum keyset_slot - the values that may be bytes, or refer to a token */
enum keyset_slot {
	KEYSET_ENC,
	KEYSET_MAC,
	KEYSET_DEK,
	KEYSET_MASTER,
	KEYSET_SECRET, /* secret= of [key NAME] */
	KEYSET_SLOTS
};

/**
 * struct keyset_secret - one of them
 * @len: bytes of @value; 0 if there is none
 * @value: as it was written, in hex there
 * @uri: or the PKCS#11 URI
 */
struct keyset_secret {
	uint8_t len;
	uint8_t value[GP_KEY_MAX];
	struct keyset_span uri;
};

/**
 * struct keyset_section - one [keyset NAME] or [key NAME], complete and consistent
 * @name: checked
 * @line: of the section's head
 * @single: it is a [key NAME]
 * @type: GP_KEY_DES or GP_KEY_AES; GP_KEY_NONE with @scp11 or @single with key files, or
 *	when every secret is in a token and the file does not say
 * @scp11: 'a', 'b', 'c', or 0
 * @use: of a single key
 * @kvn: 0 if not said
 * @kid: 0 if not said
 * @ca_kvn: 0 if not said
 * @ca_kid: 0 if not said
 * @session_bits: SCP11: 128, 192 or 256
 * @diversification: enum gp_diversification
 * @template_: for GP_DIV_TEMPLATE
 * @secret: of the slots
 * @host_key: file name or PKCS#11 URI
 * @host_certificates: file name
 * @card_ca: file name or URI
 * @public_key: file name or URI
 * @private_key: file name or URI
 */
struct keyset_section {
	char name[KEYS_NAME_MAX];
	unsigned int line;
	bool single;
	uint8_t type;
	char scp11;
	enum keys_use use;
	uint8_t kvn, kid, ca_kvn, ca_kid;
	uint16_t session_bits;
	uint8_t diversification;
	char template_[GP_TEMPLATE_MAX];
	struct keyset_secret secret[KEYSET_SLOTS];
	struct keyset_span host_key, host_certificates, card_ca, public_key, private_key;
};

/**
 * keyset_parse - read a key set file
 * @file: its name, for messages
 * @text: kept as long as the spans in @out are used
 * @out: @room sections; the caller wipes it, with an error too
 * @room: at most KEYS_MAX
 * @n: out: how many were read
 *
 * Stops at the first mistake. Returns 0, or -EINVAL with "FILE:LINE: …" (no value in
 * it), -EFBIG for more than @room sections, -EEXIST for a name that comes twice.
 */
int keyset_parse(const char *file, const char *text, size_t len, struct keyset_section *out,
		 size_t room, size_t *n, struct gp_error *err);

/** keyset_name_ok - 1 to KEYS_NAME_MAX - 1 letters, digits, '-', '_', '.' */
bool keyset_name_ok(const char *name);

#endif /* SESAME_KEYS_KEYSET_H */
