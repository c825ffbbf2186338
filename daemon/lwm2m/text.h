/* SPDX-License-Identifier: Apache-2.0 */
/* Text of one value (LwM2M core, 7.4.1) and the choice among formats. */
#ifndef SESAME_LWM2M_TEXT_H
#define SESAME_LWM2M_TEXT_H

#include "lwm2m/value.h"

/** lwm2m_text_encode() - one value; opaque becomes base64 (RFC 4648, 4). */
void lwm2m_text_encode(const struct lwm2m_value *v, struct lwm2m_buf *out);

/** lwm2m_text_decode() - one value for resource @path; 0 or a CoAP code. */
int lwm2m_text_decode(const struct lwm2m_path *path, const uint8_t *p, size_t len,
		      struct lwm2m_set *set, char *words);

/** lwm2m_format_known() - whether a payload of this Content-Format is understood. */
bool lwm2m_format_known(uint32_t format);

/**
 * lwm2m_encode() - the values of @set, which are at or below @base
 *
 * Return: 0; COAP_406_NOT_ACCEPTABLE if @format is not ours or cannot hold
 * this (text for more than one value), COAP_413_TOO_LARGE; with @words.
 */
int lwm2m_encode(uint32_t format, const struct lwm2m_path *base, const struct lwm2m_set *set,
		 struct lwm2m_buf *out, char *words);

/**
 * lwm2m_decode() - values for @base
 * @format: COAP_NO_FORMAT means text, or octets where the resource is opaque
 *
 * Return: 0, or COAP_415_FORMAT, or what the codec said; with @words.
 */
int lwm2m_decode(uint32_t format, const struct lwm2m_path *base, const uint8_t *p, size_t len,
		 struct lwm2m_set *set, char *words);

#endif /* SESAME_LWM2M_TEXT_H */
