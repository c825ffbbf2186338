/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 at the end of a buffer; model/base64.h is the codec. */
#ifndef SESAME_LWM2M_BASE64_H
#define SESAME_LWM2M_BASE64_H

#include "lwm2m/value.h"
#include "model/base64.h"

/** lwm2m_base64_put() - text and LwM2M JSON have RFC 4648, section 4; @url, for SenML JSON:
 * section 5, without padding. */
void lwm2m_base64_put(struct lwm2m_buf *out, const uint8_t *p, size_t len, bool url);

#endif /* SESAME_LWM2M_BASE64_H */
