// SPDX-License-Identifier: Apache-2.0
/*
 * Messages: RFC 7252 section 3 (format) and 5.10 (option rules), RFC 8323 section 3
 * (format on a stream).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "coap/coap_priv.h"

/* RFC 7252 table 4, RFC 7641 section 2, RFC 7959 sections 2.1 and 4 */
static const struct coap_opt_rule rules[] = {
	{COAP_OPT_IF_MATCH, 0, 8, true},
	{COAP_OPT_URI_HOST, 1, 255, false},
	{COAP_OPT_ETAG, 1, 8, true},
	{COAP_OPT_IF_NONE_MATCH, 0, 0, false},
	{COAP_OPT_OBSERVE, 0, 3, false},
	{COAP_OPT_URI_PORT, 0, 2, false},
	{COAP_OPT_LOCATION_PATH, 0, 255, true},
	{COAP_OPT_URI_PATH, 0, 255, true},
	{COAP_OPT_CONTENT_FORMAT, 0, 2, false},
	{COAP_OPT_MAX_AGE, 0, 4, false},
	{COAP_OPT_URI_QUERY, 0, 255, true},
	{COAP_OPT_ACCEPT, 0, 2, false},
	{COAP_OPT_LOCATION_QUERY, 0, 255, true},
	{COAP_OPT_BLOCK2, 0, 3, false},
	{COAP_OPT_BLOCK1, 0, 3, false},
	{COAP_OPT_SIZE2, 0, 4, false},
	{COAP_OPT_PROXY_URI, 1, 1034, false},
	{COAP_OPT_PROXY_SCHEME, 1, 255, false},
	{COAP_OPT_SIZE1, 0, 4, false},
};

const struct coap_opt_rule *coap_opt_rule(uint16_t num)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].num == num)
			return &rules[i];
	return NULL;
}

/* ---- decoding -------------------------------------------------------------- */

/*
 * One extended delta or length (RFC 7252 3.1). Return: 0, or -EBADMSG when it
 * is reserved or cut off.
 */
static int extended(uint32_t *v, const uint8_t **p, const uint8_t *end)
{
	if (*v < 13)
		return 0;
	if (*v == 13) {
		if (end - *p < 1)
			return -EBADMSG;
		*v = 13u + (*p)[0];
		*p += 1;
		return 0;
	}
	if (*v == 14) {
		if (end - *p < 2)
			return -EBADMSG;
		*v = 269u + ((uint32_t)(*p)[0] << 8 | (*p)[1]);
		*p += 2;
		return 0;
	}
	return -EBADMSG;
}

/* Options and payload, from @p on. */
static int decode_body(struct coap_msg *m, const uint8_t *p, const uint8_t *end)
{
	uint32_t num = 0;

	while (p < end) {
		uint32_t delta, olen;
		int r;

		if (*p == 0xff) {
			if (++p == end)
				return -EBADMSG;
			m->payload = p;
			m->payload_len = (size_t)(end - p);
			return 0;
		}
		delta = *p >> 4;
		olen = *p & 15;
		p++;
		r = extended(&delta, &p, end);
		if (!r)
			r = extended(&olen, &p, end);
		if (r)
			return r;
		num += delta;
		if (num > UINT16_MAX || olen > (size_t)(end - p))
			return -EBADMSG;
		if (m->n_opts == COAP_MSG_OPTS_MAX)
			return -E2BIG;
		m->opts[m->n_opts].num = (uint16_t)num;
		m->opts[m->n_opts].len = (uint16_t)olen;
		m->opts[m->n_opts].val = p;
		m->n_opts++;
		p += olen;
	}
	return 0;
}

int coap_decode(struct coap_msg *m, const uint8_t *data, size_t len)
{
	const uint8_t *p, *end = data + len;

	memset(m, 0, sizeof(*m));
	if (len < 4 || data[0] >> 6 != 1)
		return -EPROTO;
	m->type = (enum coap_type)(data[0] >> 4 & 3);
	m->code = data[1];
	m->mid = (uint16_t)(data[2] << 8 | data[3]);
	p = data + 4;

	if ((data[0] & 15) > COAP_TOKEN_MAX || (size_t)(end - p) < (size_t)(data[0] & 15))
		return -EBADMSG;
	m->token_len = data[0] & 15;
	memcpy(m->token, p, m->token_len);
	p += m->token_len;

	/* an Empty message is the four header bytes and nothing else (4.1) */
	if (m->code == COAP_EMPTY)
		return len == 4 ? 0 : -EBADMSG;
	return decode_body(m, p, end);
}

/* ---- streams: RFC 8323 section 3 ---------------------------------------------- */

/* Bytes before the token: length, extended length, code. */
static size_t stream_header(uint8_t first)
{
	static const uint8_t extra[] = {1, 2, 4};

	return 2u + (first >> 4 < 13 ? 0 : extra[(first >> 4) - 13]);
}

int64_t coap_stream_length(const uint8_t *data, size_t len)
{
	uint64_t v;
	size_t n;

	if (!len)
		return 0;
	if ((data[0] & 15) > COAP_TOKEN_MAX)
		return -EBADMSG;
	n = stream_header(data[0]);
	if (len < n - 1)
		return 0;
	switch (data[0] >> 4) {
	case 13:
		v = 13u + data[1];
		break;
	case 14:
		v = 269u + ((uint32_t)data[1] << 8 | data[2]);
		break;
	case 15:
		v = 65805u + ((uint64_t)data[1] << 24 | (uint64_t)data[2] << 16 |
			      (uint64_t)data[3] << 8 | data[4]);
		break;
	default:
		v = data[0] >> 4;
	}
	return (int64_t)(v + n + (data[0] & 15));
}

int coap_decode_stream(struct coap_msg *m, const uint8_t *data, size_t len)
{
	const uint8_t *p;

	memset(m, 0, sizeof(*m));
	if (len < 2 || coap_stream_length(data, len) != (int64_t)len)
		return -EBADMSG;
	m->type = COAP_NON;
	p = data + stream_header(data[0]);
	m->code = p[-1];
	m->token_len = data[0] & 15;
	memcpy(m->token, p, m->token_len);
	return decode_body(m, p + m->token_len, data + len);
}

/*
 * Whether the option at @i may be used: known, of an allowed length, not a
 * second one where only one is allowed.
 */
static bool usable(const struct coap_msg *m, unsigned int i, const struct coap_opt_rule *rule)
{
	const struct coap_opt *o = &m->opts[i];

	if (!rule || o->len < rule->min || o->len > rule->max)
		return false;
	return rule->repeatable || !i || m->opts[i - 1].num != o->num;
}

uint16_t coap_check_options(struct coap_msg *m)
{
	unsigned int kept = 0;
	uint16_t bad = 0;

	for (unsigned int i = 0; i < m->n_opts; i++) {
		const struct coap_opt_rule *rule = coap_opt_rule(m->opts[i].num);

		/*
		 * 5.4.1, 5.4.3, 5.4.5: what cannot be used counts as
		 * unrecognised. Elective: dropped. Critical: named.
		 * An unknown elective one stays, a handler may know it.
		 */
		if (!usable(m, i, rule)) {
			if (m->opts[i].num & 1) {
				if (!bad)
					bad = m->opts[i].num;
				continue;
			}
			if (rule)
				continue;
		}
		if (kept != i)
			m->opts[kept] = m->opts[i];
		kept++;
	}
	m->n_opts = kept;
	return bad;
}

const struct coap_opt *coap_opt_next(const struct coap_msg *m, uint16_t num, unsigned int *pos)
{
	while (*pos < m->n_opts) {
		const struct coap_opt *o = &m->opts[(*pos)++];

		if (o->num == num)
			return o;
		if (o->num > num)
			break;
	}
	*pos = m->n_opts;
	return NULL;
}

const struct coap_opt *coap_opt_find(const struct coap_msg *m, uint16_t num)
{
	unsigned int pos = 0;

	return coap_opt_next(m, num, &pos);
}

bool coap_opt_uint(const struct coap_msg *m, uint16_t num, uint32_t *val)
{
	const struct coap_opt *o = coap_opt_find(m, num);

	if (!o || o->len > 4)
		return false;
	*val = 0;
	for (unsigned int i = 0; i < o->len; i++)
		*val = *val << 8 | o->val[i];
	return true;
}

bool coap_opt_eq(const struct coap_opt *o, const char *str)
{
	return o && o->len == strlen(str) && !memcmp(o->val, str, o->len);
}

int coap_opt_path(const struct coap_msg *m, uint16_t num, char *buf, size_t room)
{
	bool query = num == COAP_OPT_URI_QUERY || num == COAP_OPT_LOCATION_QUERY;
	const struct coap_opt *o;
	unsigned int pos = 0;
	size_t n = 0;

	if (!room)
		return -ENOSPC;
	while ((o = coap_opt_next(m, num, &pos))) {
		bool separator = query ? n > 0 : true;

		if (n + separator + o->len >= room)
			return -ENOSPC;
		if (separator)
			buf[n++] = query ? '&' : '/';
		for (unsigned int i = 0; i < o->len; i++) {
			uint8_t c = o->val[i];

			/* lwm2m-node-lib answers with the whole path in one option */
			if (c == '/' && num == COAP_OPT_LOCATION_PATH)
				;
			else if (c < 0x20 || c == 0x7f || c == (query ? '&' : '/'))
				return -EBADMSG;
			buf[n++] = (char)c;
		}
	}
	buf[n] = '\0';
	return (int)n;
}

/* ---- encoding -------------------------------------------------------------- */

int coap_opts_add(struct coap_opts *opts, uint16_t num, const void *val, size_t len)
{
	const struct coap_opt_rule *rule = coap_opt_rule(num);

	if (rule && (len < rule->min || len > rule->max))
		return -EINVAL;
	return coap_opts_put(opts, num, val, len);
}

int coap_opts_put(struct coap_opts *opts, uint16_t num, const void *val, size_t len)
{
	unsigned int i;

	if (opts->n == COAP_MSG_OPTS_MAX || len > sizeof(opts->bytes) - opts->used)
		return -ENOSPC;
	for (i = opts->n; i && opts->o[i - 1].num > num; i--)
		opts->o[i] = opts->o[i - 1];
	opts->o[i].num = num;
	opts->o[i].len = (uint16_t)len;
	opts->o[i].at = (uint16_t)opts->used;
	if (len)
		memcpy(opts->bytes + opts->used, val, len);
	opts->used += (unsigned int)len;
	opts->n++;
	return 0;
}

int coap_opts_add_uint(struct coap_opts *opts, uint16_t num, uint32_t val)
{
	uint8_t be[4] = {(uint8_t)(val >> 24), (uint8_t)(val >> 16), (uint8_t)(val >> 8),
			 (uint8_t)val};
	size_t skip = 0;

	while (skip < 4 && !be[skip])
		skip++;
	return coap_opts_add(opts, num, be + skip, 4 - skip);
}

int coap_opts_add_str(struct coap_opts *opts, uint16_t num, const char *str)
{
	return coap_opts_add(opts, num, str, strlen(str));
}

int coap_opts_add_path(struct coap_opts *opts, uint16_t num, const char *path)
{
	bool query = num == COAP_OPT_URI_QUERY || num == COAP_OPT_LOCATION_QUERY;
	char separator = query ? '&' : '/';

	if (!query && *path == '/')
		path++;
	if (!*path)
		return 0;
	for (;;) {
		const char *end = strchrnul(path, separator);
		int r = coap_opts_add(opts, num, path, (size_t)(end - path));

		if (r)
			return r;
		if (!*end)
			return 0;
		path = end + 1;
	}
}

/* The four-bit form of a delta or length; the bytes that extend it go to @ext. */
static unsigned int nibble(uint32_t v, uint8_t ext[2], size_t *n)
{
	if (v < 13) {
		*n = 0;
		return v;
	}
	if (v < 269) {
		ext[0] = (uint8_t)(v - 13);
		*n = 1;
		return 13;
	}
	ext[0] = (uint8_t)((v - 269) >> 8);
	ext[1] = (uint8_t)(v - 269);
	*n = 2;
	return 14;
}

/* Options and payload. Return: where they end, or -EMSGSIZE. */
static int encode_body(uint8_t *buf, size_t n, size_t room, const struct coap_msg *m,
		       const struct coap_opts *opts)
{
	uint16_t last = 0;

	for (unsigned int i = 0; opts && i < opts->n; i++) {
		uint8_t dext[2], lext[2];
		size_t dn, ln;
		unsigned int d = nibble((uint32_t)(opts->o[i].num - last), dext, &dn);
		unsigned int l = nibble(opts->o[i].len, lext, &ln);

		if (room - n < 1 + dn + ln + opts->o[i].len)
			return -EMSGSIZE;
		buf[n++] = (uint8_t)(d << 4 | l);
		memcpy(buf + n, dext, dn);
		n += dn;
		memcpy(buf + n, lext, ln);
		n += ln;
		memcpy(buf + n, opts->bytes + opts->o[i].at, opts->o[i].len);
		n += opts->o[i].len;
		last = opts->o[i].num;
	}
	if (m->payload_len) {
		if (room - n < 1 || room - n - 1 < m->payload_len)
			return -EMSGSIZE;
		buf[n++] = 0xff;
		memcpy(buf + n, m->payload, m->payload_len);
		n += m->payload_len;
	}
	return (int)n;
}

int coap_encode(uint8_t *buf, size_t room, const struct coap_msg *m,
		const struct coap_opts *opts)
{
	size_t n = 4u + m->token_len;

	if (m->token_len > COAP_TOKEN_MAX || (unsigned int)m->type > 3)
		return -EINVAL;
	if (m->code == COAP_EMPTY && (m->token_len || m->payload_len || (opts && opts->n)))
		return -EINVAL;
	if (room < n)
		return -EMSGSIZE;
	buf[0] = (uint8_t)(0x40 | (unsigned int)m->type << 4 | m->token_len);
	buf[1] = m->code;
	buf[2] = (uint8_t)(m->mid >> 8);
	buf[3] = (uint8_t)m->mid;
	memcpy(buf + 4, m->token, m->token_len);
	return encode_body(buf, n, room, m, opts);
}

int coap_encode_stream(uint8_t *buf, size_t room, const struct coap_msg *m,
		       const struct coap_opts *opts)
{
	/* the longest header first; what it has too much is closed up afterwards */
	size_t at = 6, head = 2;
	uint8_t h[6];
	uint32_t v;
	int n;

	if (m->token_len > COAP_TOKEN_MAX || room > INT32_MAX)
		return -EINVAL;
	if (room < at + m->token_len)
		return -EMSGSIZE;
	n = encode_body(buf, at + m->token_len, room, m, opts);
	if (n < 0)
		return n;
	v = (uint32_t)n - (uint32_t)at - m->token_len;
	if (v < 13) {
		h[0] = (uint8_t)(v << 4);
	} else if (v < 269) {
		h[0] = 13 << 4;
		h[1] = (uint8_t)(v - 13);
		head = 3;
	} else if (v < 65805) {
		h[0] = 14 << 4;
		h[1] = (uint8_t)((v - 269) >> 8);
		h[2] = (uint8_t)(v - 269);
		head = 4;
	} else {
		h[0] = 15 << 4;
		h[1] = (uint8_t)((v - 65805) >> 24);
		h[2] = (uint8_t)((v - 65805) >> 16);
		h[3] = (uint8_t)((v - 65805) >> 8);
		h[4] = (uint8_t)(v - 65805);
		head = 6;
	}
	h[0] |= m->token_len;
	h[head - 1] = m->code;
	memmove(buf + head + m->token_len, buf + at + m->token_len, v);
	memcpy(buf, h, head);
	memcpy(buf + head, m->token, m->token_len);
	return (int)(head + m->token_len + v);
}

/* ---- names ----------------------------------------------------------------- */

const char *coap_code_name(uint8_t code, char buf[8])
{
	switch (code) {
	case COAP_EMPTY:
		return "0.00 Empty";
	case COAP_GET:
		return "0.01 GET";
	case COAP_POST:
		return "0.02 POST";
	case COAP_PUT:
		return "0.03 PUT";
	case COAP_DELETE:
		return "0.04 DELETE";
	case COAP_FETCH:
		return "0.05 FETCH";
	case COAP_PATCH:
		return "0.06 PATCH";
	case COAP_IPATCH:
		return "0.07 iPATCH";
	case COAP_201_CREATED:
		return "2.01 Created";
	case COAP_202_DELETED:
		return "2.02 Deleted";
	case COAP_203_VALID:
		return "2.03 Valid";
	case COAP_204_CHANGED:
		return "2.04 Changed";
	case COAP_205_CONTENT:
		return "2.05 Content";
	case COAP_231_CONTINUE:
		return "2.31 Continue";
	case COAP_400_BAD_REQUEST:
		return "4.00 Bad Request";
	case COAP_401_UNAUTHORIZED:
		return "4.01 Unauthorized";
	case COAP_402_BAD_OPTION:
		return "4.02 Bad Option";
	case COAP_403_FORBIDDEN:
		return "4.03 Forbidden";
	case COAP_404_NOT_FOUND:
		return "4.04 Not Found";
	case COAP_405_METHOD_NOT_ALLOWED:
		return "4.05 Method Not Allowed";
	case COAP_406_NOT_ACCEPTABLE:
		return "4.06 Not Acceptable";
	case COAP_408_INCOMPLETE:
		return "4.08 Request Entity Incomplete";
	case COAP_409_CONFLICT:
		return "4.09 Conflict";
	case COAP_412_PRECONDITION:
		return "4.12 Precondition Failed";
	case COAP_413_TOO_LARGE:
		return "4.13 Request Entity Too Large";
	case COAP_415_FORMAT:
		return "4.15 Unsupported Content-Format";
	case COAP_422_UNPROCESSABLE:
		return "4.22 Unprocessable Entity";
	case COAP_500_INTERNAL:
		return "5.00 Internal Server Error";
	case COAP_501_NOT_IMPLEMENTED:
		return "5.01 Not Implemented";
	case COAP_503_UNAVAILABLE:
		return "5.03 Service Unavailable";
	case COAP_504_GATEWAY_TIMEOUT:
		return "5.04 Gateway Timeout";
	case COAP_505_NO_PROXYING:
		return "5.05 Proxying Not Supported";
	case COAP_701_CSM:
		return "7.01 CSM";
	case COAP_702_PING:
		return "7.02 Ping";
	case COAP_703_PONG:
		return "7.03 Pong";
	case COAP_704_RELEASE:
		return "7.04 Release";
	case COAP_705_ABORT:
		return "7.05 Abort";
	default:
		snprintf(buf, 8, "%u.%02u", COAP_CODE_CLASS(code), COAP_CODE_DETAIL(code));
		return buf;
	}
}
