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

#include "registry.h"
#include "scp.h"
#include "tlv.h"

#define CARD_CHANNELS 20
#define CARD_CAPDU_MAX 65544
#define CARD_RAPDU_MAX 65538
#define CARD_NVM (1024U * 1024U)
#define CARD_LOAD_MAX (768U * 1024U)
#define CARD_KEYSETS 4
#define CARD_HASH_MAX 64

enum {
	SW_OK = 0x9000,
	SW_MORE_DATA = 0x6310,
	SW_ALREADY_CLOSED = 0x6200,
	SW_SELECTED_LOCKED_CARD = 0x6283,
	SW_CRYPTOGRAM = 0x6300,
	SW_MEMORY = 0x6581,
	SW_LENGTH = 0x6700,
	SW_CHANNEL = 0x6881,
	SW_NO_SM = 0x6882,
	SW_LAST_EXPECTED = 0x6883,
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

/** struct apdu - a decoded command, and room for its response */
struct apdu {
	uint8_t cla, ins, p1, p2;
	uint8_t channel;
	bool gp_class; /* CLA bit 8 */
	bool sm;       /* GlobalPlatform secure messaging bit */
	bool chained;  /* CLA bit 5: more of this command follows */
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
	bool combined; /* waits for the INSTALL command that ends it */
	bool receipt;
	uint8_t next;
	struct aid elf;
	struct entry *sd;      /* that the load file will belong to */
	struct entry *pending; /* loaded, not in the registry yet */
	uint8_t hash[CARD_HASH_MAX];
	size_t hash_len;
	uint8_t *data;
	size_t len, room;
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

/** struct parts - a command that comes in several (CLA bit 5; P1 bit 8 of GP commands) */
struct parts {
	bool active;
	uint8_t head[4];
	uint8_t *data;
	size_t len;
};

/** struct key_control - what DGI 00B9 says of the keys in the DGIs behind it */
struct key_control {
	bool have;
	uint8_t type, len, kid, kvn;
};

/** struct perso - INSTALL [for personalization] or STORE DATA in several blocks */
struct perso {
	struct entry *target; /* NULL: the security domain itself */
	bool active;
	uint8_t next, p1;
	uint8_t *data;
	size_t len;
	struct key_control control;
};

struct channel {
	bool open;
	int owner; /* who opened it: card_execute()'s origin */
	struct entry *selected;
	struct scp scp;
	struct load load;
	struct listing listing;
	struct parts chain; /* ISO/IEC 7816-4, 5.3.3 */
	struct parts more;  /* GPCS 11.1.5 */
	struct perso perso;
	uint8_t *rest; /* for GET RESPONSE */
	size_t rest_len;
	uint8_t repeat[4]; /* header that was answered 6Cxx */
	bool repeat_on;
	uint8_t ram[512]; /* the selected applet's; zero after SELECT */
};

/* Answers that do not fit Le, or that come without one. */
enum le_policy {
	LE_SERVE,  /* as much as fits, then 61xx */
	LE_WRONG,  /* 6Cxx; the answer waits for the same command with this Le */
	LE_STRICT, /* 61xx and nothing else unless Le covers it all */
};

/** struct card_profile - what kind of card it is; set before card_init() */
struct card_profile {
	struct scp03_keys keys[CARD_KEYSETS]; /* of a new card's issuer security domain */
	uint8_t key_types[CARD_KEYSETS];      /* KEY_AES, or KEY_DES; 0 is KEY_AES */
	size_t n_keys;
	uint8_t scp_i;	    /* SCP03 */
	uint8_t scp02_i;    /* SCP02 */
	uint8_t life_cycle; /* of a new card */
	uint32_t isd_privileges;
	unsigned int channels;
	unsigned int key_tries;	   /* wrong cryptograms in a row; 0: no limit */
	unsigned int status_page;  /* most bytes in one GET STATUS response */
	unsigned int le_policy;	   /* enum le_policy */
	unsigned int no_chaining;  /* refuse CLA bit 5 */
	unsigned int strict_load;  /* only CAP files may be loaded */
	unsigned int no_load_wrap; /* no LOAD block 00 after FF */
	struct aid isd;
	struct aid sd_elf, sd_module; /* the package that security domains are made of */
	uint8_t iin[8], cin[10];      /* GET DATA 42 and 45 */
	size_t iin_len, cin_len;
	uint8_t kdd[10];	/* key diversification data of INITIALIZE UPDATE */
	struct aid test_module; /* the module that the test applet is the code of */
	uint32_t applets;	/* of a new card: bits, see applet.c */
	uint8_t default_applet; /* its number and one; 0: the issuer security domain */
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
	struct entry *entries[CARD_ENTRIES]; /* [0] is the ISD */
	size_t n_entries;
	/* volatile */
	struct txn txn;
	struct channel channels[CARD_CHANNELS];
	uint64_t work_us; /* of the command that is being run */
	uint8_t *scratch; /* the command while it is being decrypted */
	bool failed;	  /* the log cannot be written: stop */
	/* where the power is cut in tests: writes that are left; 0 with @cut set: none */
	bool cut;
	bool cut_ends; /* the program ends there, instead of an error for the rest of the test
			*/
	unsigned int writes_left;
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

/** parts_add() - one more part; SW_OK or SW_MEMORY, SW_LENGTH */
uint16_t parts_add(struct parts *p, const uint8_t *data, size_t len);
void parts_drop(struct parts *p);

/* store.c */
/** store_save() - the whole state to disk; 0 or negative errno */
int store_save(struct card *c);
/** store_load() - 0, -ENOENT where there is no file yet, or negative errno */
int store_load(struct card *c, char *err, size_t err_room);

#endif
