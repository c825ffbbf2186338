/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Static keys of a security domain, as the host knows them: values in memory, or handles on
 * keys that never leave a token. Key check values and key diversification.
 */
#ifndef SESAME_GP_KEY_H
#define SESAME_GP_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gp/crypto.h"

/** enum gp_key_type - GPCS 2.3.1, table 11-16 */
enum gp_key_type {
	GP_KEY_NONE = 0,
	GP_KEY_DES = 0x80,
	GP_KEY_AES = 0x88,
};

#define GP_KEY_MAX 32
#define GP_KCV_LEN 3
#define GP_KDD_LEN 10 /* key diversification data of INITIALIZE UPDATE */

/**
 * struct gp_key_ops - what a key inside a token can do
 *
 * Each returns 0 or a negative errno, which goes up to the caller of the library unchanged.
 * @cbc: CBC without padding by the key's own algorithm (3DES or AES); @iv NULL: zeros; @len a
 *	multiple of the block size, at most 4096; @in and @out may be the same. Encryption is
 *	what the library needs (@encrypt false is never asked of static keys)
 * @cmac: AES-CMAC, 16 bytes. Needed of AES keys only; NULL for DES
 * @release: called once by gp_key_clear(); may be NULL
 */
struct gp_key_ops {
	int (*cbc)(void *ctx, bool encrypt, const uint8_t *iv, const uint8_t *in, size_t len,
		   uint8_t *out);
	int (*cmac)(void *ctx, const struct gp_part *parts, size_t n,
		    uint8_t mac[GP_AES_BLOCK]);
	void (*release)(void *ctx);
};

/**
 * struct gp_key - a symmetric key
 * @type: enum gp_key_type; GP_KEY_NONE: there is no key here
 * @len: 16 or 24 (DES; 24 as a static key of SCP02 is refused), 16, 24 or 32 (AES)
 * @value: the key itself if @ops is NULL
 * @ops: operations of a key that cannot be read
 * @ctx: theirs
 * @borrowed: somebody else releases @ctx: set this in a copy of a struct with @ops
 */
struct gp_key {
	uint8_t type;
	uint8_t len;
	uint8_t value[GP_KEY_MAX];
	const struct gp_key_ops *ops;
	void *ctx;
	bool borrowed;
};

/** gp_key_set() - a key from its value. Return: 0, -EINVAL for a length @type cannot have. */
int gp_key_set(struct gp_key *key, enum gp_key_type type, const uint8_t *value, size_t len);
/** gp_key_clear() - wipe it, release what is in a token; also for a struct of zeros */
void gp_key_clear(struct gp_key *key);
/** gp_key_cbc() - by value or by token. Return: 0, -EINVAL, -EIO, or what the token said. */
int gp_key_cbc(const struct gp_key *key, bool encrypt, const uint8_t *iv, const uint8_t *in,
	       size_t len, uint8_t *out);
/** gp_key_cmac() - AES keys only. Return: 0, -EINVAL, -EIO, or what the token said. */
int gp_key_cmac(const struct gp_key *key, const struct gp_part *parts, size_t n,
		uint8_t mac[GP_AES_BLOCK]);

/**
 * gp_key_kdf() - SP 800-108 in counter mode with AES-CMAC
 * @parts: what is hashed for each block; one of them holds @counter
 * @counter: set to 1 for the first block of 16 bytes, 2 for the second
 * @len: bytes at @out, up to 64
 *
 * Return: as gp_key_cmac(); then @out is not to be used.
 */
int gp_key_kdf(const struct gp_key *key, const struct gp_part *parts, size_t n,
	       uint8_t *counter, uint8_t *out, size_t len);

/**
 * gp_kcv() - key check value (GPCS B.6): DES over 8 bytes of 00, AES over 16 bytes of 01
 *
 * Return: 0, -EINVAL for no key, -EIO, or what the token said.
 */
int gp_kcv(const struct gp_key *key, uint8_t kcv[GP_KCV_LEN]);

/** enum gp_kcv_match - what a key check value says of a key */
enum gp_kcv_match {
	GP_KCV_MATCH,
	GP_KCV_DIFFERENT, /* another key */
	/*
	 * It is this key's, made the other algorithm's way: the tool or card that made it
	 * took DES for AES or the reverse
	 */
	GP_KCV_OTHER_TYPE,
	/* AES, but over 16 bytes of 00 as with DES: a mistake known of tools */
	GP_KCV_ZERO_BLOCK,
};

/**
 * gp_kcv_check() - compare a key check value, and tell the known confusions apart
 * @kcv: 3 bytes
 *
 * The other algorithm is tried only with values in memory.
 * Return: enum gp_kcv_match or negative errno.
 */
int gp_kcv_check(const struct gp_key *key, const uint8_t kcv[GP_KCV_LEN]);

/**
 * enum gp_diversification - how a card's keys come of a master key
 * @GP_DIV_NONE: they are the master key, or are given one by one
 * @GP_DIV_VISA2: bytes 0-1 and 4-7 of the diversification data, F0, key number; the same
 *	with 0F; enciphered in ECB mode
 * @GP_DIV_EMV: bytes 4-9, F0, key number; the same with 0F (EMV CPS 1.1, 4.1)
 * @GP_DIV_KDF3: SP 800-108 counter mode with AES-CMAC: counter, 00 00 00, key number, 00,
 *	diversification data
 * @GP_DIV_TEMPLATE: as struct gp_keyset's @template_ says
 */
enum gp_diversification {
	GP_DIV_NONE,
	GP_DIV_VISA2,
	GP_DIV_EMV,
	GP_DIV_KDF3,
	GP_DIV_TEMPLATE,
};

/** gp_diversification_name() - none, visa2, emv, kdf3, template; NULL for another number */
const char *gp_diversification_name(enum gp_diversification d);
/** gp_diversification_parse() - the reverse. Return: enum gp_diversification or -EINVAL. */
int gp_diversification_parse(const char *name);

/** which of the three keys of a set: the key identifier of GPCS E.1.1 and Amendment D 5.1 */
enum gp_key_role {
	GP_ROLE_ENC = 1,
	GP_ROLE_MAC = 2,
	GP_ROLE_DEK = 3,
};

#define GP_TEMPLATE_MAX 256
#define GP_KEYSET_NAME_MAX 64

/**
 * struct gp_keyset - the keys of one key version of a security domain
 * @name: what people call it; never empty in messages
 * @kvn: key version number 01..7F (or FF); 00: whichever the card offers first
 * @enc: with @master unset: Key-ENC
 * @mac: Key-MAC
 * @dek: Key-DEK; may be GP_KEY_NONE where nothing is enciphered with it
 * @master: set (type not NONE): the three come of it by @diversification
 * @diversification: GP_DIV_NONE with @master: the three are the same key; another without
 *	@master: each of the three is a master key
 * @template_: GP_DIV_TEMPLATE: what is enciphered or hashed with the master key: hex digits in
 *	pairs ("0x" in front is allowed), $0 to $9 a byte of the diversification data, $k the
 *	key number (01, 02, 03), $l$l the key's length in bits, $_ (once) the counter of SP
 *	800-108; blanks mean nothing. With $_ the key is derived by AES-CMAC in counter mode;
 *	without, the template's bytes are as many as the key's and are enciphered in ECB mode.
 *	VISA2 is "$0$1$4$5$6$7 F0 $k $0$1$4$5$6$7 0F $k"
 * @is_default: a key that everybody knows (404142..4F): worth a loud warning
 */
struct gp_keyset {
	char name[GP_KEYSET_NAME_MAX];
	uint8_t kvn;
	struct gp_key enc;
	struct gp_key mac;
	struct gp_key dek;
	struct gp_key master;
	uint8_t diversification;
	char template_[GP_TEMPLATE_MAX];
	bool is_default;
};

/** gp_keyset_clear() - wipe and release all keys in it */
void gp_keyset_clear(struct gp_keyset *set);

/**
 * gp_keyset_default() - the key everybody knows, 40 41 .. 4F, as all three keys
 * @type: GP_KEY_DES or GP_KEY_AES; @set: name "default", kvn 00, is_default
 */
void gp_keyset_default(struct gp_keyset *set, enum gp_key_type type);

/** gp_keyset_is_default() - true if a key in memory is 40 41 .. 4F, whatever it is called */
bool gp_keyset_is_default(const struct gp_keyset *set);

/**
 * gp_template_check() - is it a template for @type?
 *
 * Return: 0 or -EINVAL.
 */
int gp_template_check(const char *template_, enum gp_key_type type);

/**
 * gp_diversify() - one card key of a master key
 * @master: type and length are the result's, too
 * @div: not GP_DIV_NONE
 * @template_: for GP_DIV_TEMPLATE, else NULL
 * @kdd: the card's key diversification data, GP_KDD_LEN bytes
 * @role: which of the three
 * @key: out, value in memory; gp_key_clear() it
 *
 * VISA2 and EMV want a master of 16 bytes, DES or AES; KDF3 an AES master.
 * Return: 0, -EINVAL where the method does not fit the key, -EIO, or what the token said.
 */
int gp_diversify(const struct gp_key *master, enum gp_diversification div,
		 const char *template_, const uint8_t kdd[GP_KDD_LEN], enum gp_key_role role,
		 struct gp_key *key);

/**
 * gp_keyset_resolve() - the three keys of a set for one card
 * @set: outlives @out
 * @kdd: GP_KDD_LEN bytes of INITIALIZE UPDATE; NULL if it is not known: then a set that has to
 *	be diversified is refused
 * @out: name, kvn and three keys, no master. Keys in tokens are borrowed from @set (they are
 *	not released with @out); gp_keyset_clear() it
 *
 * Return: 0, -EINVAL, -ENOKEY if ENC or MAC is missing, -EIO, or what the token said.
 */
int gp_keyset_resolve(const struct gp_keyset *set, const uint8_t *kdd, struct gp_keyset *out);

#endif /* SESAME_GP_KEY_H */
