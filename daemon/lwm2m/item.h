/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An item of CBOR or JSON before it is known what it stands for, the reader that
 * takes items from CBOR (libcbor's streaming decoder, which allocates nothing),
 * and the writers of the heads of CBOR items.
 */
#ifndef SESAME_LWM2M_ITEM_H
#define SESAME_LWM2M_ITEM_H

#include "lwm2m/value.h"

enum lwm2m_item_kind {
	LWM2M_ITEM_INT,
	LWM2M_ITEM_FLOAT,
	LWM2M_ITEM_STRING,
	LWM2M_ITEM_BYTES,
	LWM2M_ITEM_BOOL,
	LWM2M_ITEM_NULL,
	LWM2M_ITEM_ARRAY,
	LWM2M_ITEM_MAP,
	LWM2M_ITEM_TAG,
	LWM2M_ITEM_OTHER, /* undefined, strings of indefinite length */
	LWM2M_ITEM_BREAK,
};

/**
 * struct lwm2m_item
 * @i: of an integer
 * @u: the same as 64 bits without sign, if it is not @negative
 * @too_big: an integer that does not fit @i
 * @f: of a float
 * @p, @n: of a string or byte string; @n: items of an array, pairs of a map,
 *	SIZE_MAX where the length is indefinite
 */
struct lwm2m_item {
	enum lwm2m_item_kind kind;
	int64_t i;
	uint64_t u;
	bool negative;
	bool too_big;
	double f;
	const uint8_t *p;
	size_t n;
};

/** struct lwm2m_reader - what is left of the bytes */
struct lwm2m_reader {
	const uint8_t *p;
	size_t len;
};

/** lwm2m_item_next() - take one item (of an array or map, its head); false if the
 * bytes are cut short or not CBOR. */
bool lwm2m_item_next(struct lwm2m_reader *r, struct lwm2m_item *it);

/** lwm2m_item_value() - the same, past tags. */
bool lwm2m_item_value(struct lwm2m_reader *r, struct lwm2m_item *it);

/** lwm2m_item_skip() - jump over an item with all that is in it, seven levels deep. */
bool lwm2m_item_skip(struct lwm2m_reader *r);

/**
 * lwm2m_item_convert() - @it as a value of the type @v->type
 * @format: for the words
 *
 * A null makes it MODEL_NONE. A number with a fraction is no integer.
 *
 * Return: 0 or COAP_400_BAD_REQUEST with @words.
 */
int lwm2m_item_convert(const struct lwm2m_item *it, struct lwm2m_value *v, const char *format,
		       char *words);

/** lwm2m_link_parse() - "26241:0", also "65535:65535", the link to nothing. */
bool lwm2m_link_parse(const uint8_t *p, size_t n, struct lwm2m_value *v);

/** lwm2m_bad() - "FORMAT: /path: WHAT" into @words; COAP_400_BAD_REQUEST. */
int lwm2m_bad(char *words, const char *format, const struct lwm2m_path *path, const char *what);

/* ---- writing CBOR ---------------------------------------------------------- */

void lwm2m_put_int(struct model_buf *out, int64_t i);
void lwm2m_put_uint(struct model_buf *out, uint64_t u);
void lwm2m_put_float(struct model_buf *out, double f);
void lwm2m_put_text(struct model_buf *out, const void *p, size_t len);
void lwm2m_put_bytes_head(struct model_buf *out, size_t len);
void lwm2m_put_array_head(struct model_buf *out, size_t n);
void lwm2m_put_map_head(struct model_buf *out, size_t n);
void lwm2m_put_open_map(struct model_buf *out);
void lwm2m_put_break(struct model_buf *out);

#endif /* SESAME_LWM2M_ITEM_H */
