/* SPDX-License-Identifier: Apache-2.0 */
/* Text of one value (LwM2M core, 7.4.1). */
#ifndef SESAME_LWM2M_TEXT_H
#define SESAME_LWM2M_TEXT_H

#include "lwm2m/formats.h"

/** lwm2m_text_encode() - one value; opaque becomes base64 (RFC 4648, 4). */
void lwm2m_text_encode(const struct lwm2m_value *v, struct model_buf *out);

/** lwm2m_text_decode() - one value for resource @path; 0 or a CoAP code. */
int lwm2m_text_decode(const struct lwm2m_path *path, const uint8_t *p, size_t len,
		      struct lwm2m_set *set, char *words);

/** lwm2m_float_parse() - a finite decimal number, nothing around it. */
bool lwm2m_float_parse(const void *p, size_t len, double *f);

#endif /* SESAME_LWM2M_TEXT_H */
