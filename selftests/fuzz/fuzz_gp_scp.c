// SPDX-License-Identifier: Apache-2.0
/*
 * All that a card says while a secure channel is opened and used, and what people write as
 * templates. The first byte chooses what the rest is:
 *	0 the answer to INITIALIZE UPDATE, with SCP02, SCP03 and unknown keys
 *	1 responses of a session at level 33, each with a length of two bytes before it
 *	2 the same with an R-MAC that is right, so that decryption and padding are reached
 *	3 the answer to MUTUAL AUTHENTICATE
 *	4 a store of certificates
 *	5 a template of diversification
 */
#include <stdlib.h>
#include <string.h>

#include "gp/scp-priv.h"

static int fill(void *ctx, void *out, size_t len)
{
	(void)ctx;
	memset(out, 0x11, len);
	return 0;
}

static const uint8_t host[16] = {0xfd, 0xf3, 0x82, 0x59, 0xa1, 0xe0, 0xde, 0x44};

/* pySim's vector of AES-128 at level 33: a session that opens. */
static const uint8_t answer[] = {0,    0,    0,	   0,	 0,    0,    0,	   0,	 0,
				 0,    0x30, 0x03, 0x70, 0x3b, 0x1a, 0xca, 0x81, 0xe8,
				 0x21, 0xf2, 0x19, 0x08, 0x1c, 0xdc, 0x01, 0xc2, 0x6b,
				 0x37, 0x2d, 0,	   0,	 0x03, 0x90, 0};

static void keys(struct gp_keyset *set, enum gp_key_type type)
{
	uint8_t v[16];

	memset(set, 0, sizeof(*set));
	for (uint8_t i = 0; i < 48; i++) {
		v[i % 16] = i;
		if (i % 16 == 15)
			gp_key_set(i == 15   ? &set->enc
				   : i == 31 ? &set->mac
					     : &set->dek,
				   type, v, 16);
	}
}

static struct gp_scp *begin(const struct gp_scp_params *p)
{
	struct gp_apdu apdu;
	struct gp_scp *s;

	if (gp_scp_new(&s, p, NULL))
		abort();
	if (gp_scp_next(s, &apdu, NULL) != 1)
		abort();
	gp_apdu_clear(&apdu);
	return s;
}

static void initialize(const uint8_t *data, size_t len)
{
	struct gp_keyset des, aes, div;
	const struct gp_keyset *known[] = {&des, &aes, &div};
	struct gp_scp_match match;
	struct gp_scp_params p = {
		.i = GP_SCP_I_AUTO,
		.level = 0x01,
		.keys = &aes,
		.known = known,
		.n_known = 3,
		.host_challenge = host,
		.aid = {{0xa0, 0, 0, 1, 0x51}, 5},
	};
	struct gp_error err;
	struct gp_scp *s;

	keys(&des, GP_KEY_DES);
	keys(&aes, GP_KEY_AES);
	keys(&div, GP_KEY_AES);
	div.diversification = GP_DIV_KDF3;
	s = begin(&p);
	if (gp_scp_feed(s, data, len, &err) && !err.code[0])
		abort();
	gp_scp_free(s);
	gp_scp_identify(host, 8, data, len, known, 3, &match);
	gp_scp_identify(host, 16, data, len, known, 3, &match);
	gp_keyset_clear(&des);
	gp_keyset_clear(&aes);
	gp_keyset_clear(&div);
}

static void respond(struct gp_scp *s, uint8_t *rsp, size_t len, bool right)
{
	size_t n = len, before = gp_scp_pending(s);

	if (right && len >= 2) {
		const struct gp_part parts[] = {{s->pending[s->first].after.mac, 16},
						{rsp, len - 2},
						{rsp + len - 2, 2}};
		uint8_t mac[16], sw[2] = {rsp[len - 2], rsp[len - 1]};

		if (gp_aes_cmac(s->keys.rmac, s->keys.len, parts, 3, mac))
			abort();
		memcpy(rsp + len - 2, mac, 8);
		memcpy(rsp + len + 6, sw, 2);
		n = len + 8;
	}
	if (!gp_scp_unwrap(s, rsp, &n, NULL) && (n < 2 || n > len + 8))
		abort();
	if (before && gp_scp_pending(s) != before - 1)
		abort();
}

static void session(const uint8_t *data, size_t len, bool right)
{
	struct gp_keyset aes;
	struct gp_scp_params p = {
		.i = GP_SCP_I_AUTO,
		.level = 0x33,
		.keys = &aes,
		.host_challenge = host,
	};
	struct gp_scp *s;
	struct gp_apdu apdu;

	keys(&aes, GP_KEY_AES);
	s = begin(&p);
	if (gp_scp_feed(s, answer, sizeof(answer), NULL) || gp_scp_next(s, &apdu, NULL) != 1 ||
	    gp_scp_feed(s, answer + sizeof(answer) - 2, 2, NULL))
		abort();
	gp_apdu_clear(&apdu);
	for (uint8_t i = 0; i < 5; i++) {
		static const uint8_t ins[] = {0xf2, 0x7a, 0x78, 0xca, 0xf2};

		gp_apdu_init(&apdu, 0x80, ins[i], 0, i == 2 ? 3 : 1);
		if (i & 1)
			gp_apdu_add_byte(&apdu, i);
		if (gp_scp_wrap(s, &apdu, NULL))
			abort();
		gp_apdu_clear(&apdu);
	}
	while (len >= 2) {
		size_t n = (size_t)(data[0] << 8 | data[1]);
		uint8_t *rsp;

		data += 2;
		len -= 2;
		if (n > len)
			n = len;
		rsp = malloc(n + 8);
		if (!rsp)
			abort();
		if (n)
			memcpy(rsp, data, n);
		if (gp_scp_pending(s) && gp_scp_is_open(s))
			respond(s, rsp, n, right);
		else
			respond(s, rsp, n, false);
		free(rsp);
		data += n;
		len -= n;
	}
	gp_scp_unsent(s);
	gp_scp_free(s);
	gp_keyset_clear(&aes);
}

/* The generator of P-256 serves as everybody's key. */
static void point_of(uint8_t point[65])
{
	uint8_t one[32] = {[31] = 1};

	if (gp_ec_public(0, one, point))
		abort();
}

static void mutual(const uint8_t *data, size_t len)
{
	static const uint8_t cert[] = {0x7f, 0x21, 0x00};
	static const struct gp_bytes certs[] = {{cert, sizeof(cert)}};
	struct gp_ec_key oce = {.value = {[31] = 3}};
	uint8_t point[65];
	struct gp_scp11_params k = {
		.kvn = 1,
		.ca_kvn = 1,
		.point = point,
		.point_len = sizeof(point),
		.oce = &oce,
		.certs = certs,
		.n_certs = 1,
		.key_len = 16,
	};
	struct gp_scp_params p = {
		.protocol = GP_SCP11A,
		.level = 0x33,
		.random = {fill, NULL},
		.scp11 = &k,
	};
	struct gp_apdu apdu;
	struct gp_scp *s;

	point_of(point);
	s = begin(&p);
	if (gp_scp_feed(s, answer + sizeof(answer) - 2, 2, NULL) ||
	    gp_scp_next(s, &apdu, NULL) != 1)
		abort();
	gp_apdu_clear(&apdu);
	gp_scp_feed(s, data, len, NULL);
	gp_scp_free(s);
}

static void certificates(const uint8_t *data, size_t len)
{
	static const uint8_t today[4] = {0x20, 0x26, 0x11, 0x22};
	uint8_t point[65];
	struct gp_cert cert;
	struct gp_error err;

	point_of(point);
	gp_cert_parse(data, len, &cert, &err);
	gp_scp11_card_key(data, len, 0, point, sizeof(point), today, &cert, &err);
}

static void template_(const uint8_t *data, size_t len)
{
	static const uint8_t kdd[GP_KDD_LEN] = {1, 2, 3};
	char *text = malloc(len + 1);
	struct gp_keyset set;
	struct gp_key key;

	if (!text)
		abort();
	if (len)
		memcpy(text, data, len);
	text[len] = 0;
	keys(&set, GP_KEY_AES);
	/* what is a template for keys of some length works with those, or does not fit these */
	if (!gp_diversify(&set.enc, GP_DIV_TEMPLATE, text, kdd, GP_ROLE_MAC, &key)) {
		if (gp_template_check(text, GP_KEY_AES))
			abort();
		gp_key_clear(&key);
	}
	gp_keyset_clear(&set);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (!len)
		return 0;
	data++;
	len--;
	switch (data[-1]) {
	case 0:
		initialize(data, len);
		break;
	case 1:
	case 2:
		session(data, len, data[-1] == 2);
		break;
	case 3:
		mutual(data, len);
		break;
	case 4:
		certificates(data, len);
		break;
	case 5:
		template_(data, len);
		break;
	default:
		break;
	}
	return 0;
}
