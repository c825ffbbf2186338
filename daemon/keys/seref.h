/* SPDX-License-Identifier: Apache-2.0 */
/*
 * References to keys and certificates that lie elsewhere. They stand where the key itself
 * would: in resources 3, 4 and 5 of LwM2M object 0 and in semd.conf.
 *
 *	se:NAME/iotsafe/ID	an object of the IoT SAFE application (GSMA IoT.05) of the SE
 *				NAME ("se0"); ID is its identifier, 1 to 20 bytes in hexadecimal
 *	se:NAME/vault/ID	a slot of the key store application, 00 to FF
 *	pkcs11:…		an object in a token (RFC 7512)
 *
 * Bytes that begin with "se:" or "pkcs11:" are references, never key bytes.
 */
#ifndef SESAME_KEYS_SEREF_H
#define SESAME_KEYS_SEREF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gp_error;

#define SEREF_SE_MAX 32 /* with the NUL, as JOB_SE_MAX */
#define SEREF_ID_MAX 20 /* bytes; IoT.05 */
#define SEREF_TEXT_MAX 512

/** enum seref_kind - where a reference leads */
enum seref_kind {
	SEREF_NONE, /* the value is no reference */
	SEREF_IOTSAFE,
	SEREF_VAULT,
	SEREF_PKCS11,
};

/**
 * struct seref - a reference
 * @se, @id, @id_len: of SEREF_IOTSAFE and SEREF_VAULT
 * @uri: of SEREF_PKCS11
 */
struct seref {
	enum seref_kind kind;
	char se[SEREF_SE_MAX];
	uint8_t id[SEREF_ID_MAX];
	size_t id_len;
	char uri[SEREF_TEXT_MAX];
};

/** seref_is - does this value begin as a reference? */
bool seref_is(const void *value, size_t len);

/**
 * seref_parse - read a value
 * @trusted: it is from the local configuration. Otherwise (from a server, from a card) a
 *	PKCS#11 URI must not have a query: module-path would load code, pin-source read files
 *
 * Returns 0; @ref->kind is SEREF_NONE for a value that is no reference. -EINVAL with words
 * for a bad one; -EACCES for one that takes trust.
 */
int seref_parse(struct seref *ref, const void *value, size_t len, bool trusted,
		struct gp_error *err);

#endif /* SESAME_KEYS_SEREF_H */
