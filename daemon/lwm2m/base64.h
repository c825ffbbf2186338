/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648): section 4 with padding for text and LwM2M JSON, section 5
 * (URL alphabet) without padding for SenML JSON. */
#ifndef SESAME_LWM2M_BASE64_H
#define SESAME_LWM2M_BASE64_H

#include <sys/types.h>

#include "lwm2m/value.h"

/** lwm2m_base64_put() - @url: section 5, without padding. */
void lwm2m_base64_put(struct lwm2m_buf *out, const uint8_t *p, size_t len, bool url);

/** room for what @len characters stand for */
#define LWM2M_BASE64_ROOM(len) ((len) / 4 * 3 + 3)

/**
 * lwm2m_base64_get() - read it; padding is needed unless @url, where it may be there
 * @out: LWM2M_BASE64_ROOM(@len) bytes
 *
 * Return: how many bytes, or -1 if it is not base64: characters of neither
 * alphabet, bits left over that are not zero, a wrong length.
 */
ssize_t lwm2m_base64_get(const uint8_t *p, size_t len, uint8_t *out, bool url);

#endif /* SESAME_LWM2M_BASE64_H */
