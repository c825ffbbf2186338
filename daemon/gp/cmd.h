/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands of card content management (GPCS 2.3.1, chapter 11; Amendment A
 * for STORE DATA of keys; ETSI TS 102 226 for the parameters of UICCs).
 *
 * A builder overwrites @out (call gp_apdu_clear() on one that is in use) and
 * gives the clear command: class 80, channel 0, not wrapped. All return 0 or
 *	-EINVAL	  an argument that the command cannot carry; @err says which
 *	-EMSGSIZE data that no C-APDU, not even several, can hold
 *	-ENOMEM
 * and leave @out empty then. @err may be NULL. What the card makes of it is
 * told by gp_sw_words().
 */
#ifndef SESAME_GP_CMD_H
#define SESAME_GP_CMD_H

#include "gp/apdu.h"
#include "gp/key.h"
#include "gp/key.h"

/* instruction bytes */
#define GP_INS_INITIALIZE_UPDATE 0x50
#define GP_INS_MANAGE_CHANNEL 0x70
#define GP_INS_END_RMAC 0x78
#define GP_INS_BEGIN_RMAC 0x7a
#define GP_INS_EXTERNAL_AUTHENTICATE 0x82
#define GP_INS_INTERNAL_AUTHENTICATE 0x88
#define GP_INS_PERFORM_SECURITY_OPERATION 0x2a
#define GP_INS_SELECT 0xa4
#define GP_INS_GET_DATA 0xca
#define GP_INS_GET_DATA_ODD 0xcb
#define GP_INS_PUT_KEY 0xd8
#define GP_INS_STORE_DATA 0xe2
#define GP_INS_DELETE 0xe4
#define GP_INS_INSTALL 0xe6
#define GP_INS_LOAD 0xe8
#define GP_INS_SET_STATUS 0xf0
#define GP_INS_GET_STATUS 0xf2

/** gp_cmd_name() - "INSTALL [for load]", "GET STATUS", …; "" if unknown. */
const char *gp_cmd_name(uint8_t ins, uint8_t p1);

/* ---- selection and channels ---- */

/**
 * gp_cmd_select() - SELECT by name (11.9)
 * @aid: NULL or empty for the issuer security domain
 * @next: the next application whose AID begins so
 */
int gp_cmd_select(struct gp_apdu *out, const struct gp_aid *aid, bool next,
		  struct gp_error *err);

/** gp_cmd_channel_open() - MANAGE CHANNEL open (11.7); the card chooses the number. */
int gp_cmd_channel_open(struct gp_apdu *out, struct gp_error *err);

/** gp_cmd_channel_close() - MANAGE CHANNEL close of @channel, 1 to 19. */
int gp_cmd_channel_close(struct gp_apdu *out, uint8_t channel, struct gp_error *err);

/* ---- INSTALL (11.5) ---- */

/* P1, may be combined as table 11-42 says */
#define GP_INSTALL_LOAD 0x02
#define GP_INSTALL_INSTALL 0x04
#define GP_INSTALL_MAKE_SELECTABLE 0x08
#define GP_INSTALL_EXTRADITION 0x10
#define GP_INSTALL_PERSONALIZATION 0x20
#define GP_INSTALL_REGISTRY_UPDATE 0x40

/* P2 */
#define GP_INSTALL_ALONE 0x00
#define GP_INSTALL_COMBINED_BEGIN 0x01 /* [for load, install and make selectable] begins */
#define GP_INSTALL_COMBINED_END 0x03   /* and ends with this command */

/* which numbers of struct gp_system_params are there */
#define GP_SYS_CODE (1U << 0)		   /* C6 */
#define GP_SYS_VOLATILE (1U << 1)	   /* C7 */
#define GP_SYS_NONVOLATILE (1U << 2)	   /* C8 */
#define GP_SYS_VOLATILE_RESERVED (1U << 3) /* D7 */
#define GP_SYS_NV_RESERVED (1U << 4)	   /* D8 */
#define GP_SYS_RESTRICT (1U << 5)	   /* D9 */
#define GP_SYS_BLOCK_FORMAT (1U << 6)	   /* CD */

/* D9, restrict parameter: what an SD may no longer do (table 11-53) */
#define GP_RESTRICT_REGISTRY_UPDATE 0x40
#define GP_RESTRICT_PERSONALIZATION 0x20
#define GP_RESTRICT_EXTRADITION 0x10
#define GP_RESTRICT_MAKE_SELECTABLE 0x08
#define GP_RESTRICT_INSTALL 0x04
#define GP_RESTRICT_LOAD 0x02
#define GP_RESTRICT_DELETE 0x01

/**
 * struct gp_system_params - contents of EF, the system specific parameters
 * @set: GP_SYS_*, which of the numbers are there
 * @code: minimum (load) of non-volatile code memory, bytes
 * @vol: volatile data memory quota, bytes
 * @nonvol: non-volatile data memory quota, bytes
 * @vol_reserved: reserved volatile memory, bytes
 * @nonvol_reserved: reserved non-volatile memory, bytes
 * @restrict_: GP_RESTRICT_*
 * @block_format: load file data block format identifier
 * @block_params: DD, load file data block parameters
 * @services: CB, global service parameters: two bytes each
 * @implicit: CF, implicit selection parameters: one byte and one TLV each
 *	(80 contactless, 40 contact, low five bits the channel)
 * @toolkit: CA, SIM file access and toolkit parameters (TS 102 226, 8.2.1.3.2.1)
 * @more: further TLVs of EF as they are (A0, A1, B0 … of Amendment C)
 *
 * Memory sizes are written in two bytes up to 32767 and in four above, as 11.5.2.3.7
 * has them.
 */
struct gp_system_params {
	unsigned int set;
	uint32_t code, vol, nonvol, vol_reserved, nonvol_reserved;
	uint8_t restrict_;
	uint8_t block_format;
	struct gp_bytes block_params;
	struct gp_bytes services;
	struct gp_bytes implicit;
	struct gp_bytes toolkit;
	struct gp_bytes more;
};

/**
 * struct gp_token_ref - contents of B6, control reference template for a token
 * @sd_id: 42, identification number of the token's SD
 * @sd_image: 45, image number of that SD
 * @provider: 5F20, application provider identifier
 * @number: 93, token identifier or number
 * @more: TLVs of B6 as they are, behind those above
 *
 * Empty ones are left out, all empty: no B6.
 */
struct gp_token_ref {
	struct gp_bytes sd_id, sd_image, provider, number, more;
};

/**
 * struct gp_install - one INSTALL command
 * @p1: GP_INSTALL_*, combined as allowed
 * @p2: GP_INSTALL_ALONE, _COMBINED_BEGIN or _COMBINED_END
 * @elf: load, install: executable load file
 * @module: install: executable module
 * @instance: install, make selectable, personalization: the application;
 *	extradition: the application or load file that moves;
 *	registry update: the application, empty for the SD that executes it
 * @sd: load: the SD that is to own the file, empty for the executing one;
 *	extradition, registry update: the new SD (registry update: empty if none)
 * @privileges: install, make selectable, registry update: GP_PRIV_* of registry.h
 * @privileges_len: bytes of it: 0 (only registry update), 1 or 3. With 1 the
 *	privileges of bytes 2 and 3 must not be asked for
 * @hash: load: load file data block hash, may be empty
 * @app_params: install: contents of C9, which is always written
 * @sys: EF; NULL for none
 * @uicc: install: contents of EA, UICC system specific parameters (TS 102 226)
 * @token_ref: B6; NULL for none
 * @params: takes the place of all parameters above if not NULL: the whole
 *	field as the caller has it
 * @params_max: most bytes of that field, 0 for no limit
 * @token: the token, empty for none
 */
struct gp_install {
	uint8_t p1, p2;
	struct gp_aid elf, module, instance, sd;
	uint32_t privileges;
	uint8_t privileges_len;
	struct gp_bytes hash;
	struct gp_bytes app_params;
	const struct gp_system_params *sys;
	struct gp_bytes uicc;
	const struct gp_token_ref *token_ref;
	const struct gp_bytes *params;
	size_t params_max;
	struct gp_bytes token;
};

/**
 * gp_cmd_install() - INSTALL in every form of 11.5.2
 *
 * Forms of P1: load; install; install + make selectable; make selectable;
 * extradition; registry update; personalization; and, with P2 01 and 03,
 * load + install + make selectable. out->signed_len is set: gp/token.h makes
 * a token of these bytes, and puts one into a command that was built without.
 */
int gp_cmd_install(struct gp_apdu *out, const struct gp_install *what, struct gp_error *err);

/* ---- LOAD (11.6) ---- */

#define GP_LOAD_BLOCKS 256 /* P2 counts them in one byte */

/**
 * gp_cmd_load() - one LOAD block
 * @block: its number, from 0, below GP_LOAD_BLOCKS
 * @last: it is the last
 * @data: its bytes, at least one
 */
int gp_cmd_load(struct gp_apdu *out, unsigned int block, bool last, struct gp_bytes data,
		struct gp_error *err);

/* ---- DELETE (11.2) ---- */

/**
 * struct gp_delete - DELETE of an application, load file or SD
 * @aid: what goes
 * @related: and all that was made of it (P2 80)
 * @token_ref: B6, or NULL
 * @token: 9E, empty for none
 */
struct gp_delete {
	struct gp_aid aid;
	bool related;
	const struct gp_token_ref *token_ref;
	struct gp_bytes token;
};

/** gp_cmd_delete() - DELETE of an object; out->signed_len as gp_cmd_install(). */
int gp_cmd_delete(struct gp_apdu *out, const struct gp_delete *what, struct gp_error *err);

/**
 * gp_cmd_delete_key() - DELETE of keys
 * @kid: key identifier, 1 to 127, or 0 for all of that version
 * @kvn: key version, 1 to 127 or 255, or 0 for all with that identifier
 *
 * One of them at least is to be given.
 */
int gp_cmd_delete_key(struct gp_apdu *out, uint8_t kid, uint8_t kvn, struct gp_error *err);

/* ---- GET STATUS and SET STATUS (11.4, 11.10) ---- */

/* what GET STATUS lists, its P1 */
#define GP_LIST_ISD 0x80
#define GP_LIST_APPS 0x40 /* applications and security domains but the ISD */
#define GP_LIST_ELFS 0x20
#define GP_LIST_MODULES 0x10 /* load files with their modules */

/**
 * struct gp_get_status - what to list
 * @list: one of GP_LIST_*
 * @old: the form without TLV, deprecated since GPCS 2.2 and all that some
 *	cards know
 * @next: further entries after status word 6310; else the same as at first
 * @prefix: only AIDs that begin so; empty for all
 * @tags: 5C, the tags wanted (one or two bytes each, one after the other);
 *	empty: as the card likes
 */
struct gp_get_status {
	uint8_t list;
	bool old, next;
	struct gp_bytes prefix;
	struct gp_bytes tags;
};

/** gp_cmd_get_status() - GET STATUS; the answers go to gp_registry_take(). */
int gp_cmd_get_status(struct gp_apdu *out, const struct gp_get_status *what,
		      struct gp_error *err);

/* 4F 9F70 C5 C4 CC CF CE: what gp_registry_take() can use; ask for it in 5C */
#define GP_STATUS_TAGS \
	((struct gp_bytes){(const uint8_t *)"\x4f\x9f\x70\xc5\xc4\xcc\xcf\xce\x84", 9})

/* whose state SET STATUS sets, its P1 */
#define GP_STATUS_CARD 0x80
#define GP_STATUS_APP 0x40 /* an application or SSD */
#define GP_STATUS_SD 0x60  /* an SD and all its applications */

#define GP_STATUS_LOCK 0x80
#define GP_STATUS_UNLOCK 0x00

/**
 * gp_cmd_set_status() - SET STATUS
 * @what: GP_STATUS_CARD, _APP or _SD
 * @state: card: GP_CARD_* of registry.h; others: GP_STATUS_LOCK, _UNLOCK, or
 *	the state an application gives itself
 * @aid: of the application or SD; NULL for the card
 */
int gp_cmd_set_status(struct gp_apdu *out, uint8_t what, uint8_t state,
		      const struct gp_aid *aid, struct gp_error *err);

/* ---- PUT KEY (11.8) ---- */

/* key types, table 11-16; GP_KEY_DES and GP_KEY_AES are in key.h */
#define GP_KEY_TLS_PSK 0x85
#define GP_KEY_HMAC_SHA1 0x90
#define GP_KEY_HMAC_SHA1_160 0x91
#define GP_KEY_RSA_E 0xa0
#define GP_KEY_RSA_N 0xa1
#define GP_KEY_EC_PUBLIC 0xb0
#define GP_KEY_EC_PRIVATE 0xb1
#define GP_KEY_EC_CURVE 0xf0 /* reference of the curve */
#define GP_KEY_EXTENDED 0xff /* the type follows in the next byte */

/** gp_key_type_name() - "DES", "AES", "RSA modulus" …; "" if unknown. */
const char *gp_key_type_name(uint8_t type);

/** gp_key_type_secret() - is a component of this type encrypted when it is put? */
bool gp_key_type_secret(uint8_t type);

#define GP_PUT_KEYS_MAX 16
#define GP_KEY_PARTS_MAX 4

/**
 * struct gp_key_part - one component of a key
 * @type: GP_KEY_*
 * @value: clear value; RSA modulus and exponent big-endian, EC point 04 X Y,
 *	curve reference one byte
 */
struct gp_key_part {
	uint8_t type;
	struct gp_bytes value;
};

/**
 * struct gp_put_one - one key
 * @part: DES, AES, PSK, HMAC: one component; RSA: modulus then exponent; EC:
 *	the point, then its curve reference
 * @parts: their number, 1 to GP_KEY_PARTS_MAX
 * @kcv: key check value, which the card compares and answers; empty or GP_KCV_LEN
 *	bytes
 */
struct gp_put_one {
	struct gp_key_part part[GP_KEY_PARTS_MAX];
	size_t parts;
	uint8_t kcv[GP_KCV_LEN];
	uint8_t kcv_len;
};

/**
 * struct gp_dek - how secret components are encrypted
 * @encrypt: encrypts @len bytes, a multiple of @block, to as many at @out, with
 *	the data encryption key of the session (gp/scp.h); 0 or a negative errno
 * @ctx: its first argument
 * @block: block length of that key: 8 (SCP02) or 16 (SCP03, SCP11)
 */
struct gp_dek {
	int (*encrypt)(void *ctx, const uint8_t *clear, size_t len, uint8_t *out,
		       struct gp_error *err);
	void *ctx;
	size_t block;
};

/**
 * struct gp_put_key - PUT KEY
 * @old_kvn: version that is replaced, 1 to 127, or 0 for new keys
 * @new_kvn: version they get, 1 to 127
 * @first_kid: identifier of the first, 1 to 127; the others count up
 * @key: the keys
 * @keys: their number, 1 to GP_PUT_KEYS_MAX
 * @multiple: set bit 8 of P2 also for one key
 */
struct gp_put_key {
	uint8_t old_kvn, new_kvn, first_kid;
	const struct gp_put_one *key;
	size_t keys;
	bool multiple;
};

/**
 * gp_cmd_put_key() - PUT KEY
 * @dek: may be NULL if no component is secret
 *
 * DES keys are as long as their cipher text. The clear length precedes the cipher text
 * of AES keys always (Amendment D, 7.2) and of other secret components if they had to be
 * padded (tables 11-70 and 11-71); padding is 80 00 ..
 *
 * Return: as all builders, or what @dek->encrypt() returned.
 */
int gp_cmd_put_key(struct gp_apdu *out, const struct gp_put_key *what, const struct gp_dek *dek,
		   struct gp_error *err);

/**
 * gp_put_key_check() - is the answer of PUT KEY what was sent?
 * @rsp: response data, without status word
 *
 * The answer is the new version and the check values (11.8.3.1). Cards that
 * answer the version alone, or nothing, are taken at their word: status 9000 says
 * that the check values were compared in the card.
 *
 * Return: 0; -EBADMSG, code "kcv-mismatch" or "bad-response".
 */
int gp_put_key_check(const struct gp_put_key *what, const uint8_t *rsp, size_t len,
		     struct gp_error *err);

/* ---- STORE DATA (11.11) ---- */

#define GP_STORE_LAST 0x80
#define GP_STORE_ENCRYPTED 0x60		 /* all data are encrypted */
#define GP_STORE_ENCRYPTION_DEPENDS 0x20 /* by the application */
#define GP_STORE_DGI 0x08
#define GP_STORE_BER 0x10
#define GP_STORE_RESPONSE 0x01 /* the application answers with data */

/**
 * gp_cmd_store_data() - one STORE DATA block
 * @flags: GP_STORE_*
 * @block: its number, from 0 to 255
 */
int gp_cmd_store_data(struct gp_apdu *out, uint8_t flags, unsigned int block,
		      struct gp_bytes data, struct gp_error *err);

/**
 * gp_store_blocks() - STORE DATA commands that @len bytes take
 * @max: most bytes of one, 1 to GP_LC_EXTENDED
 *
 * Return: 1 or more; -EINVAL; -EMSGSIZE if there would be more than 256.
 */
int gp_store_blocks(size_t len, size_t max, struct gp_error *err);

/**
 * gp_cmd_store_data_nth() - block @n of @data cut into pieces of @max
 * @flags: GP_STORE_*; GP_STORE_LAST is added to the last block
 *
 * Return: as all builders; -EINVAL for a block that is not there.
 */
int gp_cmd_store_data_nth(struct gp_apdu *out, uint8_t flags, struct gp_bytes data, size_t max,
			  unsigned int n, struct gp_error *err);

/* ---- GET DATA (11.3) ---- */

#define GP_DATA_IIN 0x0042
#define GP_DATA_CIN 0x0045
#define GP_DATA_RECOGNITION 0x0066
#define GP_DATA_CAPABILITY 0x0067
#define GP_DATA_SEQUENCE 0x00c1
#define GP_DATA_CONFIRMATIONS 0x00c2
#define GP_DATA_KDD 0x00cf
#define GP_DATA_SECURITY_LEVEL 0x00d3
#define GP_DATA_KEYS 0x00e0
#define GP_DATA_APPLICATIONS 0x2f00
#define GP_DATA_MANAGER_URL 0x5f50
#define GP_DATA_CPLC 0x9f7f
#define GP_DATA_CERTIFICATES 0xbf21
#define GP_DATA_RESOURCES 0xff21

/**
 * gp_cmd_get_data() - GET DATA
 * @tag: P1 and P2
 * @data: command data, empty for none; 2F00 gets its 5C 00 by itself
 */
int gp_cmd_get_data(struct gp_apdu *out, uint16_t tag, struct gp_bytes data,
		    struct gp_error *err);

/**
 * gp_cmd_get_certificates() - GET DATA BF21: the certificates of one key
 *
 * A6 {83 KID KVN} names the key (Amendment F, 7.2).
 */
int gp_cmd_get_certificates(struct gp_apdu *out, uint8_t kid, uint8_t kvn,
			    struct gp_error *err);

/** gp_data_name() - "card recognition data" …; "" for a tag not above. */
const char *gp_data_name(uint16_t tag);

/* ---- answers in words ---- */

/**
 * gp_sw_words() - a status word in words
 * @ins: instruction of the command, 0 if it is not known
 * @p1: its P1, which tells the forms of INSTALL apart
 *
 * The words fit the command: 6A80 of INSTALL [for load] names other reasons than that
 * of PUT KEY.
 *
 * Return: a constant string, "" for a status word without a known meaning.
 */
const char *gp_sw_words(uint8_t ins, uint8_t p1, uint16_t sw);

/**
 * gp_capdu_sw_words() - the same for a C-APDU in bytes
 * @cmd: the command; its instruction counts if its class is one of GlobalPlatform, or if it
 *	is SELECT or MANAGE CHANNEL: with other classes E2 or F2 are other commands
 */
const char *gp_capdu_sw_words(const uint8_t *cmd, size_t len, uint16_t sw);

#endif /* SESAME_GP_CMD_H */
