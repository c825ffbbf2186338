// SPDX-License-Identifier: Apache-2.0
#include "lwm2m/base64.h"

void lwm2m_base64_put(struct lwm2m_buf *out, const uint8_t *p, size_t len, bool url)
{
	/* whole groups of three, so that only the last one may need padding */
	enum { PIECE = 192 };
	char s[BASE64_LEN(PIECE)];

	for (size_t n; len > 0; p += n, len -= n) {
		n = len < PIECE ? len : PIECE;
		lwm2m_buf_put(out, s, base64_encode(p, n, s, url));
	}
}
