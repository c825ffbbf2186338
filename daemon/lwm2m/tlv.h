/* SPDX-License-Identifier: Apache-2.0 */
/* The LwM2M TLV format (OMA-TS-LightweightM2M-V1_0, 6.4.3; 1.1 core, 7.4.3). */
#ifndef SESAME_LWM2M_TLV_H
#define SESAME_LWM2M_TLV_H

#include "lwm2m/value.h"

enum lwm2m_tlv_kind {
	LWM2M_TLV_OBJECT_INSTANCE,
	LWM2M_TLV_RESOURCE_INSTANCE,
	LWM2M_TLV_MULTIPLE_RESOURCE,
	LWM2M_TLV_RESOURCE,
};

struct lwm2m_tlv {
	enum lwm2m_tlv_kind kind;
	uint16_t id;
	const uint8_t *value;
	size_t len;
};

/**
 * lwm2m_tlv_next() - read one element and move (*@p, *@len) on
 *
 * Return: 1 with @tlv filled, 0 at the end, -EBADMSG if it is cut short.
 */
int lwm2m_tlv_next(const uint8_t **p, size_t *len, struct lwm2m_tlv *tlv);

#define LWM2M_TLV_HEADER_MAX 6
/** lwm2m_tlv_header() - write the header of an element; returns its length. */
size_t lwm2m_tlv_header(uint8_t out[LWM2M_TLV_HEADER_MAX], enum lwm2m_tlv_kind kind,
			uint16_t id, size_t len);

/** lwm2m_tlv_encode() - the values of @set at and below @base. */
void lwm2m_tlv_encode(const struct lwm2m_path *base, const struct lwm2m_set *set,
		      struct model_buf *out);

/**
 * lwm2m_tlv_decode() - values for @base, typed by the model
 * @set: gets them; strings and opaques point into @p
 *
 * Return: 0, or a CoAP error code with @words.
 */
int lwm2m_tlv_decode(const struct lwm2m_path *base, const uint8_t *p, size_t len,
		     struct lwm2m_set *set, char *words);

#endif /* SESAME_LWM2M_TLV_H */
