/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The formats of payloads: one table, and the choice among them (LwM2M core
 * 1.1 and 1.2, 7.4).
 *
 *   0     text             one value
 *   42    octets           one opaque value
 *   60    CBOR             one value
 *   110   SenML JSON       any paths, times; composite operations, Send
 *   112   SenML CBOR       the same
 *   11542 LwM2M TLV        one object
 *   11543 LwM2M JSON       any paths below one base, times; LwM2M 1.0
 *   11544 LwM2M CBOR       any paths; LwM2M 1.2
 *
 * The link format (40) is no format of values: dm-discover.c writes it.
 */
#ifndef SESAME_LWM2M_FORMATS_H
#define SESAME_LWM2M_FORMATS_H

#include "lwm2m/value.h"

enum {
	LWM2M_FORMAT_ONE = 1,	/* holds one value and no path */
	LWM2M_FORMAT_PATHS = 2, /* holds values of any objects: composite, Send */
	LWM2M_FORMAT_TIME = 4,	/* keeps lwm2m_value.at */
};

/**
 * struct lwm2m_format - one Content-Format
 * @id: its number (COAP_FORMAT_…)
 * @name: "SenML CBOR"
 * @flags: LWM2M_FORMAT_*
 * @encode: values at and below @base into @out, whose error field tells of
 *	trouble; values of MODEL_NONE are resources or resource instances without
 *	a value
 * @decode: values at and below @base, typed by the model; strings and opaques
 *	point into @p or are owned by @set. 0 or a CoAP code with @words.
 * @names: the paths of a Read-Composite or Observe-Composite as values of
 *	MODEL_NONE, of any depth; NULL where the format has no such thing
 */
struct lwm2m_format {
	uint32_t id;
	const char *name;
	unsigned int flags;
	void (*encode)(const struct lwm2m_path *base, const struct lwm2m_set *set,
		       struct model_buf *out);
	int (*decode)(const struct lwm2m_path *base, const uint8_t *p, size_t len,
		      struct lwm2m_set *set, char *words);
	int (*names)(const uint8_t *p, size_t len, struct lwm2m_set *set, char *words);
};

/**
 * lwm2m_format() - the row of Content-Format @id, or NULL
 *
 * 1542 and 1543, which servers used before LwM2M 1.0 was final, are TLV and JSON.
 */
const struct lwm2m_format *lwm2m_format(uint32_t id);

/** lwm2m_format_known() - whether a payload of this Content-Format is understood. */
bool lwm2m_format_known(uint32_t format);

/**
 * lwm2m_encode() - the values of @set, which are at or below @base
 *
 * Return: 0; COAP_406_NOT_ACCEPTABLE if @format is not ours or cannot hold
 * this (text for more than one value), COAP_413_TOO_LARGE; with @words.
 */
int lwm2m_encode(uint32_t format, const struct lwm2m_path *base, const struct lwm2m_set *set,
		 struct model_buf *out, char *words);

/**
 * lwm2m_decode() - values for @base
 * @format: COAP_NO_FORMAT means text, or octets where the resource is opaque
 *
 * A value that is explicitly null (SenML, LwM2M CBOR) comes as MODEL_NONE.
 *
 * Return: 0, or COAP_415_FORMAT, or what the codec said; with @words.
 */
int lwm2m_decode(uint32_t format, const struct lwm2m_path *base, const uint8_t *p, size_t len,
		 struct lwm2m_set *set, char *words);

/**
 * lwm2m_decode_paths() - the paths that a composite operation names
 *
 * Return: 0, COAP_415_FORMAT where @format cannot name paths, or what the codec
 * said; with @words.
 */
int lwm2m_decode_paths(uint32_t format, const uint8_t *p, size_t len, struct lwm2m_set *set,
		       char *words);

#endif /* SESAME_LWM2M_FORMATS_H */
