// SPDX-License-Identifier: Apache-2.0
/*
 * The two halves of an OSCORE message: which option goes where (RFC 8613 4.1), the
 * plaintext (5.3) and the compressed COSE object (6).
 */
#include <errno.h>
#include <string.h>

#include "coap/oscore_priv.h"

#define FLAG_PIV 0x07
#define FLAG_KID 0x08
#define FLAG_KID_CONTEXT 0x10

/* the fake header before a plaintext that is decoded or encoded as a message */
#define HEADER 4

int oscore_option_decode(struct oscore_option *opt, const uint8_t *val, size_t len)
{
	const uint8_t *p = val, *end = val + len;
	uint8_t flags;

	memset(opt, 0, sizeof(*opt));
	/* 6.1: empty when all flags would be zero, and no zero byte alone */
	if (!len)
		return 0;
	flags = *p++;
	if (!flags || (flags & ~(FLAG_PIV | FLAG_KID | FLAG_KID_CONTEXT)))
		return -EBADMSG;
	opt->piv_len = flags & FLAG_PIV;
	if (opt->piv_len > OSCORE_PIV_MAX || (size_t)(end - p) < opt->piv_len)
		return -EBADMSG;
	/* 5: leading zeroes are not sent, and 0 is one byte */
	if (opt->piv_len > 1 && !p[0])
		return -EBADMSG;
	opt->piv = p;
	p += opt->piv_len;
	if (flags & FLAG_KID_CONTEXT) {
		if (p == end || (size_t)(end - p) - 1 < p[0])
			return -EBADMSG;
		opt->has_kid_context = true;
		opt->kid_context_len = *p++;
		opt->kid_context = p;
		p += opt->kid_context_len;
	}
	if (flags & FLAG_KID) {
		opt->has_kid = true;
		opt->kid = p;
		opt->kid_len = (size_t)(end - p);
	} else if (p != end) {
		return -EBADMSG;
	}
	return 0;
}

int oscore_option_encode(const struct oscore_option *opt, uint8_t *val, size_t room)
{
	size_t n = 1, want = 1 + opt->piv_len + (opt->has_kid_context ? 1u : 0u) +
			     opt->kid_context_len + opt->kid_len;

	if (want > room || opt->kid_context_len > UINT8_MAX)
		return -ENOSPC;
	if (!opt->piv_len && !opt->has_kid_context && !opt->has_kid)
		return 0;
	val[0] = (uint8_t)(opt->piv_len | (opt->has_kid ? FLAG_KID : 0) |
			   (opt->has_kid_context ? FLAG_KID_CONTEXT : 0));
	if (opt->piv_len)
		memcpy(val + n, opt->piv, opt->piv_len);
	n += opt->piv_len;
	if (opt->has_kid_context) {
		val[n++] = (uint8_t)opt->kid_context_len;
		if (opt->kid_context_len)
			memcpy(val + n, opt->kid_context, opt->kid_context_len);
		n += opt->kid_context_len;
	}
	if (opt->has_kid && opt->kid_len)
		memcpy(val + n, opt->kid, opt->kid_len);
	n += opt->kid_len;
	return (int)n;
}

/* Class U alone (figure 5): whoever forwards the message needs them. */
static bool outer_only(uint16_t num)
{
	return num == COAP_OPT_URI_HOST || num == COAP_OPT_URI_PORT ||
	       num == COAP_OPT_PROXY_URI || num == COAP_OPT_PROXY_SCHEME;
}

int oscore_split(const struct coap_msg *m, const struct coap_opts *opts,
		 struct coap_opts *outer_opts, uint8_t *buf, size_t room)
{
	struct coap_msg plain = {
		.code = m->code,
		.payload = m->payload,
		.payload_len = m->payload_len,
	};
	bool response = COAP_CODE_CLASS(m->code) != 0;
	struct coap_opts inner = {0};
	int r = 0, n;

	memset(outer_opts, 0, sizeof(*outer_opts));
	for (unsigned int i = 0; opts && i < opts->n && !r; i++) {
		const uint8_t *val = opts->bytes + opts->o[i].at;
		uint16_t num = opts->o[i].num;
		size_t len = opts->o[i].len;

		if (num == COAP_OPT_OBSERVE) {
			/* both; the number of a notification is its Partial IV (4.1.3.5) */
			r = coap_opts_add(outer_opts, num, val, len);
			if (!r)
				r = coap_opts_add(&inner, num, val, response ? 0 : len);
		} else {
			r = coap_opts_add(outer_only(num) ? outer_opts : &inner, num, val, len);
		}
	}
	if (r)
		return r;
	if (room < HEADER)
		return -EMSGSIZE;
	n = coap_encode(buf, room, &plain, &inner);
	OPENSSL_cleanse(&inner, sizeof(inner));
	if (n < 0)
		return n;
	/* of the header only the code is left */
	memmove(buf + 1, buf + HEADER, (size_t)n - HEADER);
	buf[0] = m->code;
	return n - HEADER + 1;
}

int oscore_join(const struct coap_msg *outer, uint8_t *buf, size_t plain_len,
		struct coap_msg *inner)
{
	bool response = COAP_CODE_CLASS(outer->code) != 0;
	uint8_t code = buf[HEADER - 1];
	struct coap_msg plain;
	unsigned int i = 0, j = 0, n = 0;

	buf[0] = 0x40;
	buf[1] = code;
	buf[2] = buf[3] = 0;
	/* a request stays a request: what the outside says decides what it is taken for */
	if (coap_decode(&plain, buf, HEADER - 1 + plain_len) || code == COAP_EMPTY ||
	    (COAP_CODE_CLASS(code) != 0) != response)
		return -EBADMSG;
	*inner = plain;
	inner->type = outer->type;
	inner->mid = outer->mid;
	inner->token_len = outer->token_len;
	memcpy(inner->token, outer->token, sizeof(inner->token));

	/*
	 * 8.2, 8.4: of the readable options only those of Class U count, and inside
	 * those do not. Observe must be on both sides; in a request by the same word,
	 * as somebody on the way may have taken it away.
	 */
	inner->n_opts = 0;
	while (i < plain.n_opts || j < outer->n_opts) {
		const struct coap_opt *in = i < plain.n_opts ? &plain.opts[i] : NULL;
		const struct coap_opt *out = j < outer->n_opts ? &outer->opts[j] : NULL;
		const struct coap_opt *take = NULL;

		if (out && (!in || out->num < in->num)) {
			j++;
			if (outer_only(out->num))
				take = out;
		} else {
			i++;
			if (in->num == COAP_OPT_OBSERVE) {
				const struct coap_opt *o =
					coap_opt_find(outer, COAP_OPT_OBSERVE);

				if (o && (response ||
					  (o->len == in->len &&
					   (!o->len || !memcmp(o->val, in->val, o->len)))))
					take = in;
			} else if (!outer_only(in->num)) {
				take = in;
			}
		}
		if (!take)
			continue;
		if (n == COAP_MSG_OPTS_MAX)
			return -EBADMSG;
		inner->opts[n++] = *take;
	}
	inner->n_opts = n;
	return 0;
}
