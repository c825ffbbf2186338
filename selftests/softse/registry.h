/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The GlobalPlatform registry and all else that outlives the power: entries,
 * their keys and data, and transactions over them.
 *
 * A command changes an entry only after card_touch(); card_execute() makes the
 * changes of a command that succeeded durable together, and takes those of one that failed
 * back together (GPCS 2.3.1, 9.3.5 and 9.5: content changes are atomic).
 */
#ifndef SOFTSE_REGISTRY_H
#define SOFTSE_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct card;
struct applet;

#define CARD_ENTRIES 96
#define ELF_MODULES 16
#define ELF_IMPORTS 32
#define KEY_PARTS 3
#define SD_KEYS 48
#define CARD_COUNTERS 4096 /* counters of one test applet */
/* What a row of the registry costs beside its content. */
#define ENTRY_COST 128

/* Life cycles, GPCS 2.3.1 tables 11-3 to 11-6. */
enum {
	CARD_OP_READY = 0x01,
	CARD_INITIALIZED = 0x07,
	CARD_SECURED = 0x0f,
	CARD_LOCKED = 0x7f,
	CARD_TERMINATED = 0xff,
	ELF_LOADED = 0x01,
	APP_INSTALLED = 0x03,
	APP_SELECTABLE = 0x07,
	SD_PERSONALIZED = 0x0f,
	APP_LOCKED = 0x80, /* a bit on top of the state to go back to */
};

/* Privileges, GPCS 2.3.1 tables 11-7 to 11-9, the three bytes as one number. */
enum {
	PRIV_SD = 0x800000,
	PRIV_DAP = 0x400000, /* comes with PRIV_SD: C0 */
	PRIV_DELEGATED = 0x200000,
	PRIV_CARD_LOCK = 0x100000,
	PRIV_CARD_TERMINATE = 0x080000,
	PRIV_CARD_RESET = 0x040000,
	PRIV_CVM = 0x020000,
	PRIV_MANDATED_DAP = 0x010000,
	PRIV_TRUSTED_PATH = 0x008000,
	PRIV_AUTHORIZED = 0x004000,
	PRIV_TOKEN = 0x002000,
	PRIV_GLOBAL_DELETE = 0x001000,
	PRIV_GLOBAL_LOCK = 0x000800,
	PRIV_GLOBAL_REGISTRY = 0x000400,
	PRIV_FINAL = 0x000200,
	PRIV_GLOBAL_SERVICE = 0x000100,
	PRIV_RECEIPT = 0x000080,
	PRIV_CIPHERED_LOAD = 0x000040,
	PRIV_CONTACTLESS = 0x000020,
	PRIV_CONTACTLESS_SELF = 0x000010,
	PRIV_KNOWN = 0xfffff0,
};

struct aid {
	uint8_t len;
	uint8_t v[16];
};

/** struct blob - bytes that never change; shared between an entry and its undo copy */
struct blob {
	unsigned int refs;
	size_t len;
	uint8_t v[];
};

/** blob_new() - NULL without memory; @v NULL leaves the bytes to the caller */
struct blob *blob_new(const void *v, size_t len);
struct blob *blob_get(struct blob *b);
/** blob_put() - drop a reference; the last one wipes the bytes */
void blob_put(struct blob *b);

/* Key types, GPCS 2.3.1 table 11-16. */
enum {
	KEY_DES = 0x80,
	KEY_TLS_PSK = 0x85,
	KEY_AES = 0x88,
	KEY_HMAC = 0x90,
	KEY_RSA_E = 0xa0,
	KEY_RSA_N = 0xa1,
	KEY_RSA_D = 0xa3,
	KEY_RSA_CRT_P = 0xa4, /* to A8 */
	KEY_RSA_CRT_DQ = 0xa8,
	KEY_EC_PUBLIC = 0xb0,
	KEY_EC_PRIVATE = 0xb1,
	KEY_EC_CURVE = 0xf0,
};

struct key_part {
	uint8_t type;
	struct blob *v;
};

struct key {
	uint8_t kvn, kid;
	uint8_t n_parts;
	uint32_t seq; /* sequence counter of the set; kept with its first key */
	struct key_part part[KEY_PARTS];
};

/** struct object - a data object of a security domain or an applet */
struct object {
	uint32_t tag;
	uint16_t ref;
	struct blob *v;
};

struct counter {
	uint16_t id;
	uint32_t value;
};

struct module {
	struct aid aid;
};

struct import {
	struct aid aid;
	uint8_t major, minor;
};

enum entry_kind {
	ENTRY_ISD,
	ENTRY_APP, /* security domains other than the issuer's as well */
	ENTRY_ELF,
};

/** struct entry - a row of the registry; which members count depends on @kind */
struct entry {
	enum entry_kind kind;
	uint8_t state;
	struct aid aid;
	struct entry *parent; /* security domain; NULL: none above (GPCS 7.2) */
	/* applications */
	struct entry *elf; /* NULL: code of the card itself */
	struct aid module;
	const struct applet *code; /* NULL: softse has none for this module */
	uint32_t priv;
	uint8_t restricted;	  /* tag D9 */
	uint8_t implicit;	  /* tag CF; 0: none */
	uint32_t quota, reserved; /* C8, D8: NV memory; 0: none given */
	struct object *objects;
	size_t n_objects;
	struct counter *counters;
	size_t n_counters;
	/* security domains */
	struct key *keys;
	size_t n_keys;
	uint32_t tries;		/* wrong cryptograms in a row */
	uint16_t confirmations; /* receipts made */
	/* load files */
	struct aid modules[ELF_MODULES];
	size_t n_modules;
	struct import imports[ELF_IMPORTS];
	size_t n_imports;
	bool is_cap; /* modules come from the file; otherwise any name will do */
	uint8_t version[2];
	uint8_t hash[32]; /* SHA-256 of the load file data block */
	struct blob *data;
};

/** struct undo - how to take one change back */
struct undo {
	struct entry *e;
	struct entry *before; /* a copy; NULL for what was added or removed */
	size_t index;
	bool added, removed;
};

struct txn {
	struct undo *u;
	size_t n, room;
	uint8_t life_cycle; /* before */
	bool dirty;
};

bool aid_equal(const struct aid *a, const struct aid *b);
/** aid_set() - false where @len is not 5 to 16 */
bool aid_set(struct aid *a, const uint8_t *v, size_t len);
bool aid_starts(const struct aid *a, const uint8_t *prefix, size_t len);

struct entry *registry_find(struct card *c, const struct aid *aid);
/** registry_sd() - a security domain by name, or NULL */
struct entry *registry_sd(struct card *c, const struct aid *aid);
/** registry_with() - first security domain that has a privilege, or NULL */
struct entry *registry_with(struct card *c, uint32_t priv);
bool entry_is_sd(const struct entry *e);
/** entry_below() - is @e associated with @sd, directly or through others? */
bool entry_below(const struct entry *e, const struct entry *sd);
/** entry_size() - NV memory that counts for an entry, reservations included */
size_t entry_size(const struct entry *e);
/** registry_free_nvm() - what is left */
size_t registry_free_nvm(const struct card *c);
/** registry_selected() - is the application selected on any open channel? */
bool registry_selected(const struct card *c, const struct entry *e);
struct entry *entry_new(enum entry_kind kind);
void entry_free(struct entry *e);

/**
 * card_touch() - an entry is about to be changed
 *
 * Return: SW_OK, or SW_MEMORY and nothing may be changed.
 */
uint16_t card_touch(struct card *c, struct entry *e);
/** card_add() - a new row; SW_OK and the card owns @e, or SW_NO_SPACE, SW_MEMORY */
uint16_t card_add(struct card *c, struct entry *e);
/** card_remove() - take a row out; SW_OK or SW_MEMORY */
uint16_t card_remove(struct card *c, struct entry *e);
/** card_set_life_cycle() - the card's own state */
void card_set_life_cycle(struct card *c, uint8_t state);
/**
 * card_commit() - changes since the last commit become durable
 *
 * Return: SW_OK, or SW_MEMORY and all of them are taken back.
 */
uint16_t card_commit(struct card *c);
/** card_rollback() - take back what was changed since the last commit */
void card_rollback(struct card *c);

/* Keys and objects of a touched entry. */
struct key *entry_key(struct entry *e, uint8_t kvn, uint8_t kid);
const struct key_part *key_part(const struct key *k, uint8_t type);
/** entry_put_key() - add or replace by version and identifier; the parts change hands */
uint16_t entry_put_key(struct entry *e, const struct key *k);
void entry_drop_key(struct entry *e, struct key *k);
void key_clear(struct key *k);
struct object *entry_object(struct entry *e, uint32_t tag, uint16_t ref);
/** entry_put_object() - add or replace; SW_OK, SW_NO_SPACE, SW_MEMORY */
uint16_t entry_put_object(struct card *c, struct entry *e, uint32_t tag, uint16_t ref,
			  const void *v, size_t len);
void entry_drop_object(struct entry *e, struct object *o);
/** entry_add_counter() - a counter that is 0, or NULL where there is no room */
struct counter *entry_add_counter(struct card *c, struct entry *e, uint16_t id);

#endif
