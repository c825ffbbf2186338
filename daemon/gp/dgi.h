/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data groupings for STORE DATA (EMV Card Personalization Specification 1.1; GPCS 2.3.1,
 * 11.1.12 and 11.11): identifier of two bytes, length of one byte, or FF and two bytes, data.
 */
#ifndef SESAME_GP_DGI_H
#define SESAME_GP_DGI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gp/apdu.h"
#include "gp/cmd.h"
#include "gp/error.h"

#define GP_DGI_FILE_MAX (1u << 20) /* bytes of a file of data groupings */
#define GP_DGI_MAX 4096		   /* groupings in it */

/* identifiers that this library knows (GPCS 11.11.4, tables 11-91 and 11-93) */
#define GP_DGI_KEY_INFO 0x00b9
#define GP_DGI_SECRET_KEY 0x8113

/**
 * struct gp_dgi - one data grouping
 * @id: identifier
 * @data: its contents; secret if @encrypt
 * @encrypt: contents go to the card enciphered (8112 to 8143 of GPCS 11.11.4: private and
 *	secret keys; or as the file or the caller says)
 */
struct gp_dgi {
	uint16_t id;
	struct gp_bytes data;
	bool encrypt;
};

/**
 * struct gp_dgis - the data groupings of a file, in order
 * @dgi: @nr of them; gp_dgis_clear() them
 * @memory: what they point into; private
 */
struct gp_dgis {
	struct gp_dgi *dgi;
	size_t nr;
	uint8_t *memory;
	size_t memory_len;
};

/**
 * gp_dgis_read() - read a file
 * @p: data groupings one after the other as bytes; or as text: hex digits with any white
 *	space, '#' up to the end of a line is a comment, a '!' in front of a grouping sets
 *	@encrypt. The form is told from the contents: bytes that all are printable ASCII
 *	or white space are text
 *
 * A length field of FF and a length below FF is refused: EMV CPS wants the short form there.
 *
 * Return: 0; -EBADMSG; -E2BIG beyond the bounds above; -ENOMEM. @err says where.
 */
int gp_dgis_read(const uint8_t *p, size_t len, struct gp_dgis *dgis, struct gp_error *err);

/** gp_dgis_add() - append one, copied. Return: 0, -E2BIG (above 65535 bytes, or full), -ENOMEM.
 */
int gp_dgis_add(struct gp_dgis *dgis, uint16_t id, const uint8_t *data, size_t len,
		bool encrypt);

/** gp_dgis_clear() - wipe and free; fine for a struct of zeros */
void gp_dgis_clear(struct gp_dgis *dgis);

/** gp_dgi_is_secret() - does GPCS 11.11.4 want this identifier enciphered? */
bool gp_dgi_is_secret(uint16_t id);

/**
 * enum gp_dgi_pack - how groupings go into commands
 * @GP_DGI_ONE: a STORE DATA per grouping, more only for one that does not fit
 * @GP_DGI_FULL: each command is filled up; groupings run over its end
 */
enum gp_dgi_pack {
	GP_DGI_ONE,
	GP_DGI_FULL,
};

/**
 * enum gp_dgi_pad - how contents come to whole blocks before they are enciphered
 * @GP_DGI_PAD_NONE: they must have them
 * @GP_DGI_PAD_FILL: zeroes up to the next block, none if there is no need (GPCS 11.11.4)
 * @GP_DGI_PAD_80: 80 and zeroes, at least one byte (EMV CPS)
 */
enum gp_dgi_pad {
	GP_DGI_PAD_NONE,
	GP_DGI_PAD_FILL,
	GP_DGI_PAD_80,
};

/**
 * struct gp_dgi_params - how the commands are made
 * @size: most data bytes of a command, see gp_block_size(); 6 at least
 * @pack: enum gp_dgi_pack. Commands never mix enciphered and clear groupings: P1 tells
 *	of a whole command whether it is enciphered
 * @pad: enum gp_dgi_pad. The length in the grouping is that of what was enciphered
 * @dek: enciphers the contents of groupings with @encrypt, under the data encryption key
 *	of the secure channel. NULL: they are enciphered already
 * @response: the last command expects response data (P1 b1)
 */
struct gp_dgi_params {
	size_t size;
	enum gp_dgi_pack pack;
	enum gp_dgi_pad pad;
	const struct gp_dek *dek;
	bool response;
};

/**
 * gp_dgis_store() - the STORE DATA commands for all of them
 * @cmds: out: array of commands for gp_apdu_clear() each and free()
 * @nr: out
 *
 * P1 has DGI formatting (08) and b7-b6 11 for enciphered groupings; b8 in the last command;
 * P2 counts from 00.
 *
 * Return: 0; -EINVAL for no groupings, bad parameters, or contents that are no whole
 * blocks; -E2BIG for more than 256 commands; what @dek->encrypt() said; -ENOMEM.
 */
int gp_dgis_store(const struct gp_dgis *dgis, const struct gp_dgi_params *params,
		  struct gp_apdu **cmds, size_t *nr, struct gp_error *err);

/**
 * struct gp_dgi_key - a secret key for gp_dgis_add_key() (GPCS table 11-92)
 * @usage: key usage qualifier (table 11-17), say 18 C-ENC, 14 C-MAC, 48 DEK, 81 token
 * @access: key access (table 11-19), 00 domain and its applications
 * @type: 80 DES, 88 AES, 85 TLS-PSK, 90 HMAC
 * @kid: key identifier
 * @kvn: key version number
 * @value: the key
 * @len: its length
 * @kcv: key check value (GPCS B.6)
 */
struct gp_dgi_key {
	uint8_t usage, access, type, kid, kvn;
	const uint8_t *value;
	size_t len;
	uint8_t kcv[3];
};

/**
 * gp_dgis_add_keys() - 00B9 that describes @n keys, then 8113 for each
 *
 * Return: 0; -EINVAL for none, or a key without value or above 65535 bytes; as
 * gp_dgis_add(). On error nothing has been added.
 */
int gp_dgis_add_keys(struct gp_dgis *dgis, const struct gp_dgi_key *keys, size_t n,
		     struct gp_error *err);

#endif /* SESAME_GP_DGI_H */
