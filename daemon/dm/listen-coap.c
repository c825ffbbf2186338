// SPDX-License-Identifier: Apache-2.0
/* Package 0 over CoAP: POST to one path, answered in the acknowledgement. */
#include <errno.h>
#include <string.h>

#include "coap/coap.h"
#include "dm/listen.h"
#include "dm/notify.h"

/* What is wrong with a request, as a code; 0: nothing. */
static uint8_t judge(const struct coap_msg *m)
{
	const struct coap_opt *path = NULL;
	unsigned int segments = 0;

	for (unsigned int i = 0; i < m->n_opts; i++) {
		switch (m->opts[i].num) {
		case COAP_OPT_URI_PATH:
			path = &m->opts[i];
			segments++;
			break;
		case COAP_OPT_URI_HOST:
		case COAP_OPT_URI_PORT:
			break;
		case COAP_OPT_BLOCK1:
			return COAP_413_TOO_LARGE;
		case COAP_OPT_PROXY_URI:
		case COAP_OPT_PROXY_SCHEME:
			return COAP_505_NO_PROXYING;
		default:
			/* odd numbers are critical, RFC 7252, 5.4.1 */
			if (m->opts[i].num & 1)
				return COAP_402_BAD_OPTION;
		}
	}
	if (segments != 1 || !coap_opt_eq(path, DM_COAP_PATH))
		return COAP_404_NOT_FOUND;
	if (m->code != COAP_POST)
		return COAP_405_METHOD_NOT_ALLOWED;
	if (m->payload_len > DM_NOTIFY_MAX)
		return COAP_413_TOO_LARGE;
	return m->payload_len ? 0 : COAP_400_BAD_REQUEST;
}

size_t dm_coap_take(const uint8_t *p, size_t len, const uint8_t **body, size_t *body_len,
		    uint8_t *out)
{
	struct coap_msg m, answer = {.type = COAP_RST};
	uint8_t code;
	int r;

	*body = NULL;
	*body_len = 0;
	r = coap_decode(&m, p, len);
	if (r == -EPROTO)
		return 0;
	answer.mid = m.mid;
	if (r || !m.code || m.code >= 32) {
		/* a ping, what is no request, or broken: Reset to what wants an answer */
		if (m.type != COAP_CON)
			return 0;
	} else if (m.type != COAP_CON && m.type != COAP_NON) {
		return 0;
	} else {
		code = judge(&m);
		if (!code) {
			*body = m.payload;
			*body_len = m.payload_len;
			code = COAP_204_CHANGED;
		}
		if (m.type == COAP_NON)
			return 0;
		answer.type = COAP_ACK;
		answer.code = code;
		answer.token_len = m.token_len;
		memcpy(answer.token, m.token, sizeof(m.token));
	}
	r = coap_encode(out, DM_COAP_ROOM, &answer, NULL);
	return r < 0 ? 0 : (size_t)r;
}
