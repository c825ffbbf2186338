/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of elements in WBXML: SyncML 1.2, MetInf 1.2, DMDDF 1.2 (OMA-TS-SyncML_RepPro, 8;
 * OMA-TS-SyncML_MetaInfo, 7; OMA-TS-DM_TND, 9). */
#ifndef SESAME_DM_WBXML_TAGS_H
#define SESAME_DM_WBXML_TAGS_H

#include <stdint.h>

enum {
	DM_PAGE_SYNCML,
	DM_PAGE_METINF,
	DM_PAGE_DMDDF,
	DM_PAGES,
};

/** public identifiers */
#define DM_WBXML_SYNCML_1_0 0x0fd1
#define DM_WBXML_SYNCML_1_1 0x0fd3
#define DM_WBXML_SYNCML_1_2 0x1201

/** global tokens (WBXML 1.3, 7.1) */
enum {
	WB_SWITCH_PAGE = 0x00,
	WB_END = 0x01,
	WB_ENTITY = 0x02,
	WB_STR_I = 0x03,
	WB_LITERAL = 0x04,
	WB_EXT_I_0 = 0x40,
	WB_PI = 0x43,
	WB_LITERAL_C = 0x44,
	WB_EXT_T_0 = 0x80,
	WB_STR_T = 0x83,
	WB_EXT_0 = 0xc0,
	WB_OPAQUE = 0xc3,
	WB_CONTENT = 0x40,
	WB_ATTRS = 0x80,
	WB_TAG = 0x3f,
	WB_UTF_8 = 106, /* IANA's number of the character set */
	WB_US_ASCII = 3,
};

/** dm_wbxml_tag() - its name; NULL if there is none */
const char *dm_wbxml_tag(unsigned int page, unsigned int token);
/** dm_wbxml_token() - of a name, without the bit for content. Return: 0 if there is none. */
uint8_t dm_wbxml_token(unsigned int page, const char *name);
/** dm_wbxml_uri() - the namespace of a page */
const char *dm_wbxml_uri(unsigned int page);

#endif /* SESAME_DM_WBXML_TAGS_H */
