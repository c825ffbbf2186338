// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "dm/wsp.h"

#define PDU_PUSH 0x06
#define QUOTE_LENGTH 31 /* the value's length follows as uintvar */
#define PARAM_SEC 0x11	/* (OMA-WAP-TS-ProvCont, 4.3; WINA) */
#define PARAM_MAC 0x12
#define HEADER_APPLICATION 0x2f /* X-Wap-Application-Id */

struct octets {
	const uint8_t *p;
	size_t left;
};

/* WAP-230, 8.1.2: as mb_u_int32 of WBXML; false: cut short, or more than 28 bits */
static bool uintvar(struct octets *o, size_t *to)
{
	*to = 0;
	for (int i = 0; i < 4 && o->left > 0; i++) {
		uint8_t c = *o->p++;

		o->left--;
		*to = *to << 7 | (c & 0x7f);
		if (!(c & 0x80))
			return true;
	}
	return false;
}

static bool take(struct octets *o, size_t n, struct octets *part)
{
	if (n > o->left)
		return false;
	*part = (struct octets){o->p, n};
	o->p += n;
	o->left -= n;
	return true;
}

/* 8.4.1.2: one value, of whatever form; a text is without its quote and its NUL */
static bool value(struct octets *o, struct octets *v)
{
	size_t n;

	if (o->left == 0)
		return false;
	if (o->p[0] >= 0x80)
		return take(o, 1, v);
	if (o->p[0] < QUOTE_LENGTH)
		return take(o, 1, v) && take(o, v->p[0], v);
	if (o->p[0] == QUOTE_LENGTH)
		return take(o, 1, v) && uintvar(o, &n) && take(o, n, v);
	n = strnlen((const char *)o->p, o->left);
	if (n == o->left || !take(o, n + 1, v))
		return false;
	v->left--;
	if (v->left > 0 && (v->p[0] == 0x7f || v->p[0] == '"')) {
		v->p++;
		v->left--;
	}
	return true;
}

/* a number: one octet with the high bit, or some octets; -1: it is none */
static int number(bool is_short, const struct octets *v)
{
	int n = 0;

	if (is_short)
		return v->p[0] & 0x7f;
	if (v->left == 0 || v->left > 3)
		return -1;
	for (size_t i = 0; i < v->left; i++)
		n = n << 8 | v->p[i];
	return n;
}

static bool copy(char *to, size_t room, const struct octets *v)
{
	if (v->left >= room || memchr(v->p, '\0', v->left))
		return false;
	for (size_t i = 0; i < v->left; i++)
		to[i] = (char)tolower(v->p[i]);
	to[v->left] = '\0';
	return true;
}

static bool parameters(struct octets *o, struct wsp_push *push)
{
	struct octets name, v;

	while (o->left > 0) {
		bool known = o->p[0] >= 0x80, sec, is_short;

		if (!value(o, &name) || o->left == 0)
			return false;
		sec = known ? number(true, &name) == PARAM_SEC
			    : name.left == 3 &&
				      strncasecmp((const char *)name.p, "sec", 3) == 0;
		is_short = o->p[0] >= 0x80;
		if (!value(o, &v))
			return false;
		if (sec)
			push->sec = number(is_short, &v);
		else if ((known ? number(true, &name) == PARAM_MAC
				: name.left == 3 &&
					  strncasecmp((const char *)name.p, "mac", 3) == 0) &&
			 (is_short || !copy(push->mac, sizeof(push->mac), &v)))
			return false;
	}
	return true;
}

/* a number or words */
static bool media(struct octets *o, struct wsp_push *push)
{
	struct octets v;
	uint8_t first = o->left > 0 ? o->p[0] : 0;
	int n;

	if (!value(o, &v))
		return false;
	if (first > QUOTE_LENGTH && first < 0x80)
		return v.left > 0 && copy(push->mime, sizeof(push->mime), &v);
	n = number(first >= 0x80, &v);
	push->type = n > 0 ? (unsigned int)n : 0;
	return n > 0;
}

static bool content_type(struct octets *o, struct wsp_push *push)
{
	struct octets general;

	if (o->left == 0)
		return false;
	if (o->p[0] > QUOTE_LENGTH)
		return media(o, push);
	return value(o, &general) && media(&general, push) && parameters(&general, push);
}

static bool header(struct octets *o, struct wsp_push *push)
{
	static const char dm[] = "x-wap-application:syncml.dm";
	bool known = o->p[0] >= 0x80, is_text, is_short;
	struct octets name, v;

	if (!value(o, &name) || o->left == 0)
		return false;
	is_short = o->p[0] >= 0x80;
	is_text = !is_short && o->p[0] > QUOTE_LENGTH;
	if (!value(o, &v))
		return false;
	if (!known || number(true, &name) != HEADER_APPLICATION)
		return true;
	if (is_text)
		push->application =
			v.left == sizeof(dm) - 1 && memcmp(v.p, dm, sizeof(dm) - 1) == 0
				? WSP_APPLICATION_DM
				: -2;
	else
		push->application = number(is_short, &v);
	return true;
}

int wsp_push_parse(const uint8_t *p, size_t len, struct wsp_push *push)
{
	struct octets o = {p, len}, headers;
	size_t n;

	memset(push, 0, sizeof(*push));
	push->sec = -1;
	push->application = -1;
	if (len < 4 || p[1] != PDU_PUSH)
		return -EBADMSG;
	o.p += 2;
	o.left -= 2;
	if (!uintvar(&o, &n) || !take(&o, n, &headers) || !content_type(&headers, push))
		return -EBADMSG;
	while (headers.left > 0)
		if (!header(&headers, push))
			return -EBADMSG;
	push->body = o.p;
	push->body_len = o.left;
	return 0;
}
