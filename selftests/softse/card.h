/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The card: everything above the link. APDU core, card manager and applets work
 * on one struct card; wires call card_execute() and card_reset() only.
 */
#ifndef SOFTSE_CARD_H
#define SOFTSE_CARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scp03.h"
#include "tlv.h"

#define CARD_CHANNELS 20
#define CARD_CAPDU_MAX 65544
#define CARD_RAPDU_MAX 65538
#define CARD_ENTRIES 64
#define CARD_MODULES 8
#define CARD_COUNTERS 4096 /* counters of one test applet */
#define CARD_NVM (1024U * 1024U)
#define CARD_LOAD_MAX (256U * 1024U)
#define CARD_KEYSETS 4

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
	APP_LOCKED = 0x80, /* a bit on top of the state to go back to */
};

enum {
	SW_OK = 0x9000,
	SW_MORE_DATA = 0x6310,
	SW_ALREADY_CLOSED = 0x6200,
	SW_SELECTED_LOCKED_CARD = 0x6283,
	SW_MEMORY = 0x6581,
	SW_LENGTH = 0x6700,
	SW_CHANNEL = 0x6881,
	SW_NO_SM = 0x6882,
	SW_NO_CHAINING = 0x6884,
	SW_SECURITY = 0x6982,
	SW_BLOCKED = 0x6983,
	SW_CONDITIONS = 0x6985,
	SW_NO_CODE = 0x6999,
	SW_WRONG_DATA = 0x6a80,
	SW_NOT_SUPPORTED = 0x6a81,
	SW_NOT_FOUND = 0x6a82,
	SW_NO_SPACE = 0x6a84,
	SW_P1P2 = 0x6a86,
	SW_NO_REFERENCE = 0x6a88,
	SW_INS = 0x6d00,
	SW_CLA = 0x6e00,
};

struct aid {
	uint8_t len;
	uint8_t v[16];
};

enum entry_kind {
	ENTRY_ISD,
	ENTRY_APP,
	ENTRY_ELF,
};

struct counter {
	uint16_t id;
	uint32_t value;
};

/** struct entry - a row of the registry; which members count depends on @kind */
struct entry {
	enum entry_kind kind;
	struct aid aid;
	struct aid parent; /* security domain */
	uint8_t state;
	/* applications */
	struct aid elf;
	struct aid module;
	uint8_t priv[3];
	struct counter *counters;
	size_t n_counters;
	/* load files */
	struct aid modules[CARD_MODULES];
	size_t n_modules;
	bool is_cap; /* modules come from the file; otherwise any name will do */
	uint8_t version[2];
	uint8_t hash[32]; /* SHA-256 of the load file data block */
	uint8_t *data;
	size_t size;
};

/** struct apdu - a decoded command, and room for its response */
struct apdu {
	uint8_t cla, ins, p1, p2;
	uint8_t channel;
	bool gp_class; /* CLA bit 8 */
	bool sm;       /* GlobalPlatform secure messaging bit */
	bool ext;      /* extended length fields */
	uint8_t *data; /* clear text after unwrapping */
	size_t lc;
	bool has_le;
	size_t ne; /* bytes expected; 0 without Le */
	struct buf rsp;
};

/** struct load - INSTALL [for load] and the LOAD commands after it */
struct load {
	bool active;
	uint8_t next;
	struct aid elf;
	struct aid parent;
	uint8_t hash[64];
	size_t hash_len;
	uint8_t *data;
	size_t len;
};

/** struct listing - where GET STATUS goes on */
struct listing {
	bool active;
	uint8_t p1, format;
	size_t next;
	struct aid prefix;
	uint8_t tags[32];
	size_t tags_len;
};

struct channel {
	bool open;
	int owner; /* who opened it: card_execute()'s origin */
	struct entry *selected;
	struct scp03 scp;
	struct load load;
	struct listing listing;
	uint8_t *more; /* for GET RESPONSE */
	size_t more_len;
};

/** struct card_profile - what kind of card it is; set before card_init() */
struct card_profile {
	struct scp03_keys keys[CARD_KEYSETS];
	size_t n_keys;
	uint8_t scp_i;
	uint8_t life_cycle; /* of a new card */
	unsigned int channels;
	unsigned int key_tries;	  /* wrong cryptograms in a row; 0: no limit */
	unsigned int status_page; /* most bytes in one GET STATUS response */
	struct aid isd;
	uint8_t iin[8], cin[10]; /* GET DATA 42 and 45 */
	size_t iin_len, cin_len;
	struct aid test_module; /* the module that the test applet is the code of */
	uint64_t work_us;	/* extra time that every command takes */
	bool no_fsync;
};

struct log;

struct card {
	struct card_profile profile;
	struct log *log;	/* or NULL */
	const char *state_path; /* or NULL: nothing outlives the process */
	/* kept in the state file */
	uint8_t life_cycle;
	uint32_t seq;
	uint32_t tries;
	struct entry *entries[CARD_ENTRIES]; /* [0] is the ISD */
	size_t n_entries;
	/* volatile */
	struct channel channels[CARD_CHANNELS];
	uint64_t work_us; /* of the command that is being run */
	uint8_t *scratch; /* the command while it is being decrypted */
	bool failed;	  /* the log cannot be written: stop */
};

/**
 * card_profile_default() - keys 40..4F, KVN 30, i = 70, OP_READY, 20 channels
 */
void card_profile_default(struct card_profile *p);

/**
 * card_init() - power the card up; loads the state file or makes a new card
 * @c: zeroed, with @profile, @log and @state_path set
 * @err: room for an explanation in words
 *
 * Return: 0 or negative errno with @err filled.
 */
int card_init(struct card *c, char *err, size_t err_room);

/** card_reset() - drop all volatile state, as a reset of the chip does */
void card_reset(struct card *c);

/** card_exit() - free; the state file stays as it is */
void card_exit(struct card *c);

/**
 * card_execute() - run one C-APDU
 * @origin: who sends it; channels it opens are closed by card_drop_origin()
 * @cmd: as it came from the link
 * @rsp: room for CARD_RAPDU_MAX bytes
 * @room: longest R-APDU that the link can carry; what is beyond waits for GET RESPONSE
 * @work_us: out: how long the card is busy before the response may leave
 *
 * The line in the log is written, and the state file is on disk, on return.
 * Return: length of the R-APDU, at least 2.
 */
size_t card_execute(struct card *c, int origin, const uint8_t *cmd, size_t len, uint8_t *rsp,
		    size_t room, uint64_t *work_us);

/** card_drop_origin() - close the channels that one origin opened */
void card_drop_origin(struct card *c, int origin);

/**
 * apdu_parse() - decode header and length fields (ISO/IEC 7816-4, 5.1, 5.4.1)
 * @scratch: copy of the command, writable; @a->data points into it
 *
 * Return: SW_OK or the status word to answer.
 */
uint16_t apdu_parse(struct apdu *a, uint8_t *scratch, size_t len);

/* registry.c */
bool aid_equal(const struct aid *a, const struct aid *b);
/** aid_set() - false where @len is not 5 to 16 */
bool aid_set(struct aid *a, const uint8_t *v, size_t len);
bool aid_starts(const struct aid *a, const uint8_t *prefix, size_t len);
struct entry *registry_find(struct card *c, const struct aid *aid);
/** registry_add() - SW_OK, SW_NO_SPACE; the card owns @e afterwards */
uint16_t registry_add(struct card *c, struct entry *e);
/** registry_remove() - take a row out without freeing it; returns its index */
size_t registry_remove(struct card *c, struct entry *e);
/** registry_insert() - undo registry_remove() */
void registry_insert(struct card *c, struct entry *e, size_t index);
void entry_free(struct entry *e);
size_t registry_free_nvm(const struct card *c);
/** registry_selected() - is the application selected on any open channel? */
bool registry_selected(const struct card *c, const struct entry *e);

/* store.c */
/** store_save() - the whole state to disk; 0 or negative errno */
int store_save(struct card *c);
/** store_load() - 0, -ENOENT where there is no file yet, or negative errno */
int store_load(struct card *c, char *err, size_t err_room);

/* The card manager: commands to the issuer security domain. */
uint16_t gp_dispatch(struct card *c, struct channel *ch, struct apdu *a);
uint16_t gp_get_data(struct card *c, struct channel *ch, struct apdu *a);
uint16_t gp_get_status(struct card *c, struct channel *ch, struct apdu *a);
uint16_t gp_set_status(struct card *c, struct channel *ch, struct apdu *a);
uint16_t gp_install(struct card *c, struct channel *ch, struct apdu *a);
uint16_t gp_load(struct card *c, struct channel *ch, struct apdu *a);
uint16_t gp_delete(struct card *c, struct channel *ch, struct apdu *a);
/** gp_load_cancel() - forget a load that was begun */
void gp_load_cancel(struct load *l);

/* applet-test.c */
uint16_t applet_test(struct card *c, struct entry *e, struct apdu *a);

#endif
