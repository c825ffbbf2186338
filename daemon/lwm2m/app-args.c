// SPDX-License-Identifier: Apache-2.0
/* Arguments of Execute that are bytes. */
#include "lwm2m/app-args.h"
#include "libse/se.h"

int lwm2m_arg_bad(unsigned int id, const char *what, char *words)
{
	content_words(words, "argument %u is not %s", id, what);
	return COAP_400_BAD_REQUEST;
}

int lwm2m_arg_hex(const struct lwm2m_args *args, uint8_t id, uint8_t *out, size_t room,
		  size_t *len, char *words)
{
	const struct lwm2m_arg *a = lwm2m_args_find(args, id);

	*len = 0;
	if (!a || a->len == 0)
		return 0;
	if (se_from_hex(a->value, a->len, out, room, len) < 0)
		return lwm2m_arg_bad(id, "hexadecimal digits, or too long", words);
	return 0;
}

int lwm2m_arg_aid(const struct lwm2m_args *args, uint8_t id, struct gp_aid *aid, char *words)
{
	uint8_t bytes[GP_AID_MAX];
	size_t len;
	int ret = lwm2m_arg_hex(args, id, bytes, sizeof(bytes), &len, words);

	aid->len = 0;
	if (ret == 0 && len > 0 && gp_aid_set(aid, bytes, len) < 0)
		ret = lwm2m_arg_bad(id, "an AID of 5 to 16 bytes", words);
	return ret;
}
