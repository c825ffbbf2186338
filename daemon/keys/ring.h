/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of a ring of keys, for the two files that fill it. */
#ifndef SESAME_KEYS_RING_H
#define SESAME_KEYS_RING_H

#include <limits.h>

#include "gp/key.h"
#include "keys/keyset.h"
#include "keys/pkcs11.h"
#include "keys/pkey.h"
#include "keys/source.h"

#define WHERE_MAX 160

/* a key set of either kind, and a single key: what is not secret of them */
struct entry {
	char name[KEYS_NAME_MAX];
	char where[WHERE_MAX];
	struct gp_scp11_keyset *scp11; /* NULL: the set is in secrets->sets */
	struct keys_pkey host;	       /* of SCP11 */
	uint8_t *certs;
};

struct single {
	struct keys_single pub;
	struct keys_pkey pkey;
};

/* in pages of their own */
struct secrets {
	struct gp_keyset sets[KEYS_MAX]; /* by the index of their entry */
	struct gp_key single[KEYS_MAX];
	char text[KEYS_FILE_MAX];
	struct keyset_section sections[KEYS_MAX];
};

struct keys {
	struct secrets *secrets;
	bool locked;
	struct pkcs11 *tokens;
	struct entry entries[KEYS_MAX];
	size_t nr_entries;
	struct single singles[KEYS_MAX];
	size_t nr_singles;
	const struct gp_keyset *sets[KEYS_MAX]; /* the symmetric ones */
	size_t nr_sets;
};

/* what is being loaded */
struct load {
	struct keys *k;
	const char *as;
	char folder[PATH_MAX]; /* relative names start here; empty: there are none */
	struct gp_error *err;
};

/** keys_ring_entry - a place for a key set, with its name */
int keys_ring_entry(struct load *l, const char *name, const char *where, size_t *ret);

/** keys_ring_text - take over what is in secrets->text, @file for messages; 0 or negative errno
 */
int keys_ring_text(struct load *l, const char *file, size_t len);

#endif /* SESAME_KEYS_RING_H */
