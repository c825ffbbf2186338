/* SPDX-License-Identifier: Apache-2.0 */
/* Documents in WBXML other than messages: TNDS and client provisioning. */
#ifndef SESAME_DM_WBXML_H
#define SESAME_DM_WBXML_H

#include "dm/syncml-dom.h"

/**
 * struct dm_wbxml_head - what is before the first element (WBXML 1.3, 5.3)
 * @version: 1 is WBXML 1.1
 * @public_id: 0: @fpi says it
 */
struct dm_wbxml_head {
	uint8_t version;
	uint32_t public_id;
	char fpi[64];
	const uint8_t *table;
	size_t table_len;
};

/** dm_wbxml_head() - read it and move on. Return: 0, -EBADMSG, -ENOTSUP for another version or
 * charset. */
int dm_wbxml_head(const uint8_t **p, size_t *len, struct dm_wbxml_head *h);

/** languages that are told by name, in the string table */
#define DM_WBXML_DDF_FPI "-//OMA//DTD-DM-DDF 1.2//EN"
#define DM_WBXML_PROV_FPI "-//WAPFORUM//DTD PROV 1.0//EN"
/** public identifier of client provisioning */
#define DM_WBXML_PROV 0x0b

/** dm_wbxml_number() - a mb_u_int32 (WBXML 1.3, 5.1), moving on. Return: false if it is cut
 * short or has more than 32 bits. */
bool dm_wbxml_number(const uint8_t **p, size_t *len, uint32_t *to);

/**
 * dm_wbxml_prov() - a client provisioning document as XML text, by libwbxml2
 * @out: its @max is how long the XML may get
 *
 * Before libwbxml2 has it: language, charset, all tokens, strings, depth, and how long the XML
 * would be. It allocates without a limit and recurses for each element.
 *
 * Return: 0; -EBADMSG; -ENOTSUP another language; -E2BIG nested or blown up; -ENOMEM.
 */
int dm_wbxml_prov(const uint8_t *p, size_t len, struct model_buf *out);

/**
 * dm_wbxml_tnds() - a MgmtTree in WBXML as XML text, with its namespace
 *
 * Return: as above.
 */
int dm_wbxml_tnds(const uint8_t *p, size_t len, struct model_buf *out);

/**
 * dm_wbxml_from_tnds() - a MgmtTree in XML as WBXML, by libwbxml2
 *
 * Return: 0; -EBADMSG not well-formed, or not a MgmtTree; -ENOMEM, -EMSGSIZE.
 */
int dm_wbxml_from_tnds(const uint8_t *p, size_t len, struct model_buf *out);

#endif /* SESAME_DM_WBXML_H */
