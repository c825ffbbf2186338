/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What GET DATA and SELECT say of a card (GPCS 2.3.1, 11.3 and annex H; ETSI
 * TS 102 226, 8.2.1.7; CPLC as cards have it since Open Platform 2.0).
 *
 * Decoders take response data without status word, with the outer tag that the
 * command asked for or, as some cards answer, without it. They overwrite @out and
 * own nothing. All return 0 or -EBADMSG with code "bad-response" and what is wrong
 * in @err (may be NULL). More items than a structure holds are dropped and counted in
 * its @dropped: newer cards may tell more than we know, that is no error.
 */
#ifndef SESAME_GP_CARDDATA_H
#define SESAME_GP_CARDDATA_H

#include "gp/apdu.h"

/* ---- 66: card recognition data (H.2) ---- */

#define GP_SCPS_MAX 12
#define GP_SCP_OPTIONS_MAX 8
#define GP_OID_MAX 24
#define GP_OID_TEXT 96

/** struct gp_oid - an object identifier, the bytes behind tag 06; len 0 is none */
struct gp_oid {
	uint8_t bytes[GP_OID_MAX];
	uint8_t len;
};

/** gp_oid_to_text() - "1.2.840.114283.4.3.112"; "" for one that is malformed. */
void gp_oid_to_text(const struct gp_oid *oid, char *text, size_t room);

/**
 * struct gp_scp_option - a secure channel protocol and its implementation option
 * @scp: protocol: 02, 03, 11, 80, 81
 * @i: option; above 7F it is two bytes in base 128, as SCP11 has it
 */
struct gp_scp_option {
	uint8_t scp;
	uint16_t i;
};

/**
 * struct gp_recognition - what the card is
 * @version: of GPCS: major, minor, revision …; nr_version of them, 0 if not told
 * @identification: 63, card identification scheme
 * @scp: 64: protocols in the order told, from one tag 64 with several OIDs or
 *	from several tags
 * @configuration: 65, card configuration details
 * @chip: 66, card and chip details
 * @trust_point: 67, issuer SD's trust point certificate information
 * @certificate: 68, issuer SD's certificate information
 * @dropped: SCPs that found no room
 */
struct gp_recognition {
	uint8_t version[6];
	size_t nr_version;
	struct gp_oid identification;
	struct gp_scp_option scp[GP_SCPS_MAX];
	size_t nr_scp;
	struct gp_oid configuration, chip, trust_point, certificate;
	size_t dropped;
};

int gp_recognition_decode(struct gp_recognition *out, const uint8_t *p, size_t len,
			  struct gp_error *err);

/**
 * gp_scp_choose() - the protocol to use of those that a card offers
 *
 * The highest of SCP03 and SCP02, in it the option with most protection of responses; SCP11
 * only if it is all there is.
 *
 * Return: one of rec->scp, or NULL if there is none of them.
 */
const struct gp_scp_option *gp_scp_choose(const struct gp_recognition *rec);

/* ---- 67: card capability information (H.4) ---- */

/**
 * struct gp_scp_capability - one A0
 * @scp: 80, protocol
 * @i: 81, its options
 * @key_sizes: 82, SCP03: 01 AES-128, 02 AES-192, 04 AES-256
 * @tls: 83, cipher suites of SCP81, two bytes each
 * @psk_max: 84, longest pre-shared key, bytes
 */
struct gp_scp_capability {
	uint8_t scp;
	uint8_t i[GP_SCP_OPTIONS_MAX];
	size_t nr_i;
	uint8_t key_sizes;
	uint16_t tls[GP_SCP_OPTIONS_MAX];
	size_t nr_tls;
	uint16_t psk_max;
};

/* hash algorithms, 83 */
#define GP_HASH_SHA1 0x01
#define GP_HASH_SHA256 0x02
#define GP_HASH_SHA384 0x03
#define GP_HASH_SHA512 0x04

/**
 * struct gp_capability - what the card can do
 * @scp: A0
 * @sd_privileges: 81, what an SSD can be given (GP_PRIV_*)
 * @app_privileges: 82, what an application can be given
 * @hashes: 83, load file data block hashes (GP_HASH_*)
 * @ciphers: 84, bits: load file data block encryption (H-9)
 * @token_suites: 85, bits (H-10), first byte on top, as the next two
 * @receipt_suites: 86
 * @dap_suites: 87
 * @key_references: 88, EC curves that it knows (GP_KEY_EC_CURVE)
 * @told: bit n set: tag 81 + n was there
 * @dropped: what found no room
 */
struct gp_capability {
	struct gp_scp_capability scp[GP_SCPS_MAX];
	size_t nr_scp;
	uint32_t sd_privileges, app_privileges;
	uint8_t hashes[8];
	size_t nr_hashes;
	uint8_t ciphers;
	uint16_t token_suites, receipt_suites, dap_suites;
	uint8_t key_references[16];
	size_t nr_key_references;
	unsigned int told;
	size_t dropped;
};

int gp_capability_decode(struct gp_capability *out, const uint8_t *p, size_t len,
			 struct gp_error *err);

/** gp_hash_name() - "SHA-256"; "" if unknown. */
const char *gp_hash_name(uint8_t hash);

/* ---- 9F7F: card production life cycle data ---- */

#define GP_CPLC_LEN 42

/** struct gp_cplc - in the order of the bytes; dates as they are, see gp_cplc_date() */
struct gp_cplc {
	uint16_t ic_fabricator;
	uint16_t ic_type;
	uint16_t os_id;
	uint16_t os_date;
	uint16_t os_level;
	uint16_t fabrication_date;
	uint32_t ic_serial;
	uint16_t ic_batch;
	uint16_t module_fabricator;
	uint16_t module_date;
	uint16_t icc_manufacturer;
	uint16_t embedding_date;
	uint16_t pre_personalizer;
	uint16_t pre_personalization_date;
	uint32_t pre_personalization_equipment;
	uint16_t personalizer;
	uint16_t personalization_date;
	uint32_t personalization_equipment;
};

int gp_cplc_decode(struct gp_cplc *out, const uint8_t *p, size_t len, struct gp_error *err);

/**
 * gp_cplc_date() - a date of the CPLC: four decimal digits, last digit of the
 * year and day of the year
 * @date: as in struct gp_cplc
 * @this_year: the decade is not in there: the latest year up to this one is
 *	taken that ends in the digit
 * @year: out
 * @month: out: 1 to 12
 * @day: out: 1 to 31
 *
 * Return: 0; -ENODATA for 0000 (not set); -EINVAL if it is no such date.
 */
int gp_cplc_date(uint16_t date, int this_year, int *year, int *month, int *day);

/** gp_fabricator_name() - chip maker of ic_fabricator, "NXP"; "" if unknown. */
const char *gp_fabricator_name(uint16_t ic_fabricator);

/** struct gp_cplc_field - one field by name, for tables and JSON */
struct gp_cplc_field {
	const char *name; /* lower case, joined by "-": "ic-fabricator" */
	size_t offset;	  /* in struct gp_cplc */
	size_t size;	  /* 2 or 4 */
	bool date;
};

/** gp_cplc_field() - field number @n from 0, NULL behind the last. */
const struct gp_cplc_field *gp_cplc_field(size_t n);

/** gp_cplc_value() - its value. */
uint32_t gp_cplc_value(const struct gp_cplc *cplc, const struct gp_cplc_field *field);

/* ---- E0: key information template (11.3.3.1) ---- */

#define GP_KEY_INFO_MAX 128
#define GP_KEY_INFO_PARTS 8

/**
 * struct gp_key_info - one C0
 * @kid: key identifier
 * @kvn: key version number
 * @extended: told in the extended form (FF types, two-byte lengths)
 * @type: GP_KEY_* of each component
 * @length: bytes of each component
 * @nr: components, 1 to GP_KEY_INFO_PARTS
 * @usage: extended form: key usage qualifier, -1 if not told
 * @access: extended form: key access, -1 if not told
 */
struct gp_key_info {
	uint8_t kid, kvn;
	bool extended;
	uint8_t type[GP_KEY_INFO_PARTS];
	uint16_t length[GP_KEY_INFO_PARTS];
	size_t nr;
	int usage, access;
};

struct gp_key_infos {
	struct gp_key_info key[GP_KEY_INFO_MAX];
	size_t nr;
	size_t dropped;
};

int gp_keys_decode(struct gp_key_infos *out, const uint8_t *p, size_t len,
		   struct gp_error *err);

/** gp_keys_find() - the key with these numbers, or NULL. */
const struct gp_key_info *gp_keys_find(const struct gp_key_infos *keys, uint8_t kvn,
				       uint8_t kid);

/** gp_kvn_purpose() - what a key version is used for by convention: "SCP03", "DAP"; or "". */
const char *gp_kvn_purpose(uint8_t kvn);

/* ---- numbers and names ---- */

#define GP_ID_MAX 64

/** struct gp_id - IIN (42), CIN (45), KDD (CF), SD manager URL (5F50): bytes */
struct gp_id {
	uint8_t bytes[GP_ID_MAX];
	size_t len;
};

/**
 * gp_id_decode() - the value of @tag
 *
 * Longer ones than GP_ID_MAX are -EBADMSG: no card has them.
 */
int gp_id_decode(struct gp_id *out, uint16_t tag, const uint8_t *p, size_t len,
		 struct gp_error *err);

/**
 * gp_number_decode() - the value of @tag as a number: C1 sequence counter (2 or 3
 * bytes), C2 confirmation counter, D3 security level; up to 4 bytes
 */
int gp_number_decode(uint32_t *out, uint16_t tag, const uint8_t *p, size_t len,
		     struct gp_error *err);

/** struct gp_resources - FF21, -1 what the card does not tell */
struct gp_resources {
	int64_t applications; /* 81, number installed */
	int64_t nonvolatile;  /* 82, free bytes */
	int64_t vol;	      /* 83, free bytes */
};

int gp_resources_decode(struct gp_resources *out, const uint8_t *p, size_t len,
			struct gp_error *err);

#define GP_APPLICATIONS_MAX 256

/** struct gp_applications - 2F00, the AIDs of what can be selected */
struct gp_applications {
	struct gp_aid aid[GP_APPLICATIONS_MAX];
	size_t nr;
	size_t dropped;
};

/** gp_applications_decode() - 61{4F} entries, bare or in one template of any tag. */
int gp_applications_decode(struct gp_applications *out, const uint8_t *p, size_t len,
			   struct gp_error *err);

/* ---- SELECT ---- */

/**
 * struct gp_fci - the answer of SELECT (11.9.3.1)
 * @aid: 84, what was selected; empty if not told
 * @recognition: 73 in A5; has_recognition tells whether it was there
 * @life_cycle: 9F6E, application production life cycle data; may be empty
 * @block_max: 9F65, most data bytes of a command, 0 if not told
 */
struct gp_fci {
	struct gp_aid aid;
	bool has_recognition;
	struct gp_recognition recognition;
	struct gp_id life_cycle;
	uint32_t block_max;
};

/** gp_fci_decode() - an empty answer, or one that is no FCI (6F), tells nothing; no error. */
int gp_fci_decode(struct gp_fci *out, const uint8_t *p, size_t len, struct gp_error *err);

#endif /* SESAME_GP_CARDDATA_H */
