/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the walk through a PKCS #15 application share. */
#ifndef SESAME_PKCS15_PRIV_H
#define SESAME_PKCS15_PRIV_H

#include "gp/scp.h"
#include "pkcs15/pkcs15.h"

#define PKCS15_PATH_MAX 16 /* bytes */
#define PKCS15_DODFS_MAX 4
#define PKCS15_ID_MAX 16

/**
 * struct pkcs15_path - Path (ISO/IEC 7816-15, 8.2.6)
 * @fids: file identifiers, an even number of bytes; none: not there
 * @offset: first byte of the file that is meant
 * @part: how many of them, 0: all to the end
 */
struct pkcs15_path {
	uint8_t fids[PKCS15_PATH_MAX];
	size_t len;
	size_t offset;
	size_t part;
};

/** struct pkcs15_odf - what concerns us of EF ODF */
struct pkcs15_odf {
	struct pkcs15_path dodf[PKCS15_DODFS_MAX];
	size_t nr_dodf;
	struct pkcs15_path aodf;
};

/**
 * struct pkcs15_object - the data object that was looked for
 * @private: CommonObjectFlags say so
 * @auth_id: of the PIN that opens it; @auth_id_len 0: not said
 */
struct pkcs15_object {
	struct pkcs15_path path;
	bool private;
	uint8_t auth_id[PKCS15_ID_MAX];
	size_t auth_id_len;
};

/** enum pkcs15_pin_type - PasswordType */
enum pkcs15_pin_type {
	PKCS15_PIN_BCD,
	PKCS15_PIN_ASCII,
	PKCS15_PIN_UTF8,
	PKCS15_PIN_HALF_NIBBLE,
	PKCS15_PIN_ISO9564,
};

/** struct pkcs15_pin - how a PIN is presented */
struct pkcs15_pin {
	unsigned int type;
	bool padded;
	uint8_t pad;
	size_t stored;
	uint8_t reference;
};

/**
 * struct pkcs15_fcp - of the answer to SELECT
 * @size: bytes, or -1 if it does not say
 * @records: not transparent
 */
struct pkcs15_fcp {
	int32_t size;
	bool records;
};

/** struct pkcs15_entry - an application template of EF DIR */
struct pkcs15_entry {
	struct gp_aid aid;
	struct pkcs15_path path;
};

/* All: 1 found, 0 not there, -EBADMSG. Bytes 00 and FF between elements are filling. */
int pkcs15_read_odf(const uint8_t *p, size_t len, struct pkcs15_odf *odf);
int pkcs15_read_dodf(const uint8_t *p, size_t len, const struct gp_bytes *oid,
		     struct pkcs15_object *object);
/** pkcs15_read_aodf() - the PIN @id, or the first one if @id_len is 0 */
int pkcs15_read_aodf(const uint8_t *p, size_t len, const uint8_t *id, size_t id_len,
		     struct pkcs15_pin *pin);
int pkcs15_read_dir(const uint8_t *p, size_t len, struct pkcs15_entry *entry);
/** pkcs15_read_fcp() - never an error: many cards tell little */
void pkcs15_read_fcp(const uint8_t *p, size_t len, struct pkcs15_fcp *fcp);

/**
 * pkcs15_pin_bytes() - a PIN as VERIFY carries it
 *
 * Return: its length; -EINVAL if it cannot be put so (a letter in BCD, too long).
 */
int pkcs15_pin_bytes(const struct pkcs15_pin *form, const struct gp_bytes *pin, uint8_t *out,
		     size_t room);

/* ---- the walk itself ---- */

enum {
	INS_VERIFY = 0x20,
	INS_READ_BINARY = 0xb0,
	INS_READ_RECORD = 0xb2,
	INS_GET_RESPONSE = 0xc0,
	FID_HERE_HI = 0x7f, /* 7FFF: the application's own folder */
	FID_HERE_LO = 0xff,
	SW_OK = 0x9000,
	SW_END_OF_FILE = 0x6282,
	SW_STRUCTURE = 0x6981,
	SW_SECURITY = 0x6982,
	SW_BLOCKED = 0x6983,
	SW_NOT_FOUND = 0x6a82,
	SW_NO_RECORD = 0x6a83,
	SW_OFFSET = 0x6b00,
};

/* with the padding and the MAC of SCP03 this still is a short answer */
#define PIECE 224U
#define RECORDS_MAX 64
#define TRIES_WANTED 2 /* so that one is left for the person whose PIN it is */

enum pkcs15_at {
	AT_OPEN,
	AT_SECURE,
	AT_SELECT,
	AT_READ,
	AT_RECORD,
	AT_TRIES,
	AT_VERIFY,
	AT_DONE,
	AT_FAILED,
};

enum pkcs15_file { FILE_DIR, FILE_ODF, FILE_DODF, FILE_AODF, FILE_DATA };

struct pkcs15 {
	struct gp_bytes oid, pin;
	const char *name; /* of the file that is looked for */
	uint8_t oid_bytes[PKCS15_OID_MAX], pin_bytes[PKCS15_PIN_MAX];
	const struct gp_keyset *keys;
	size_t (*enough)(const uint8_t *p, size_t len);
	struct gp_scp_random random;
	struct gp_scp *scp;
	bool secured; /* commands are wrapped */

	enum pkcs15_at at;
	bool waiting;		 /* for the answer to the action given last */
	bool given_aid;		 /* EF DIR is not asked */
	bool through_dir;	 /* it was */
	struct gp_aid aid;	 /* to open */
	struct gp_aid tried;	 /* before EF DIR */
	struct pkcs15_path base; /* of the application in the default one's folders */

	enum pkcs15_file file;
	struct pkcs15_path path; /* of @file */
	bool by_fid;		 /* this card does not know paths */
	struct pkcs15_fcp fcp;
	uint8_t *data;
	size_t len, room, end; /* end: where reading stops, if @end_known */
	bool end_known;
	uint16_t asked; /* bytes by the last READ, or by a 6Cxx */
	uint8_t again;	/* a GET RESPONSE (61) or other Le (6C) is next */
	unsigned int record;

	struct pkcs15_odf odf;
	size_t dodf; /* which one is read */
	struct pkcs15_object object;
	struct pkcs15_pin form;
	bool verified, pin_used;

	int error;
	char words[PKCS15_WORDS_MAX];
};

/** pkcs15_file_name() - the current file, for words */
const char *pkcs15_file_name(const struct pkcs15 *p);

/** pkcs15_fail() - the walk ends here, with @error and words */
void pkcs15_fail(struct pkcs15 *p, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/** pkcs15_forget() - what was read of the current file */
void pkcs15_forget(struct pkcs15 *p);
/** pkcs15_go() - on to the file @path */
void pkcs15_go(struct pkcs15 *p, enum pkcs15_file file, const struct pkcs15_path *path);
void pkcs15_go_fid(struct pkcs15 *p, enum pkcs15_file file, uint8_t hi, uint8_t lo);

#endif /* SESAME_PKCS15_PRIV_H */
