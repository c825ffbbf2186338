// SPDX-License-Identifier: Apache-2.0
/* SCP02, the host's side (GPCS 2.3.1, appendix E). */
#include "gp/scp-priv.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

/* E.4.1: constant, sequence counter, zeros; CBC under the static key. */
static int derive(const struct gp_key *key, uint16_t constant, uint16_t seq, uint8_t out[16])
{
	const uint8_t in[16] = {(uint8_t)(constant >> 8), (uint8_t)constant,
				(uint8_t)(seq >> 8), (uint8_t)seq};

	return gp_key_cbc(key, true, NULL, in, sizeof(in), out);
}

int gp_scp02_session(struct gp_scp *s, uint16_t seq)
{
	bool three = s->i & GP_SCP02_THREE_KEYS;
	const struct gp_keyset *k = &s->keyset;
	const struct gp_key *mac = three ? &k->mac : &k->enc;
	const struct gp_key *dek = three ? &k->dek : &k->enc;
	int ret;

	s->keys.len = 16;
	s->keys.mac_len = GP_DES_BLOCK;
	ret = derive(&k->enc, 0x0182, seq, s->keys.enc);
	if (!ret)
		ret = derive(mac, 0x0101, seq, s->keys.mac);
	if (!ret)
		ret = derive(mac, 0x0102, seq, s->keys.rmac);
	if (!ret && dek->type)
		ret = derive(dek, 0x0181, seq, s->keys.dek);
	return ret;
}

int gp_scp02_explains(const struct gp_keyset *set, const struct gp_init_update *iu,
		      const uint8_t *host)
{
	const struct gp_part parts[] = {{host, 8}, {iu->challenge, 8}};
	uint8_t s_enc[16], mac[GP_DES_BLOCK];
	int ret;

	if (set->enc.type != GP_KEY_DES || set->enc.len != 16)
		return 0;
	ret = derive(&set->enc, 0x0182, (uint16_t)iu->seq, s_enc);
	if (!ret)
		ret = gp_des_mac(true, s_enc, NULL, parts, 2, mac);
	if (!ret)
		ret = !CRYPTO_memcmp(mac, iu->cryptogram, sizeof(mac));
	OPENSSL_cleanse(s_enc, sizeof(s_enc));
	return ret;
}

/* E.4.2.3: the leftmost bytes of a MAC over the AID. Return: 1, 0 or errno. */
int gp_scp02_check_challenge(struct gp_scp *s)
{
	const struct gp_part aid = {s->p.aid.bytes, s->p.aid.len};
	uint8_t mac[GP_DES_BLOCK];
	int ret = gp_des_mac(false, s->keys.mac, NULL, &aid, 1, mac);

	return ret ? ret : !memcmp(mac, s->iu.challenge + 2, 6);
}

int gp_scp02_implicit(struct gp_scp *s)
{
	const struct gp_part aid = {s->p.aid.bytes, s->p.aid.len};
	int ret = gp_scp02_session(s, s->p.seq);

	if (!ret && s->i & GP_SCP02_ICV_AID) {
		ret = gp_des_mac(false, s->keys.mac, NULL, &aid, 1, s->cur.mac);
		s->cur.mac_set = true;
	}
	memcpy(s->ricv, s->cur.mac, sizeof(s->ricv));
	return ret;
}

/*
 * The next C-MAC (E.4.4) over a command in clear. @wire_lc: Lc as the card will see it, which
 * says in which form the length is authenticated.
 */
static int next_mac(struct gp_scp *s, const struct gp_apdu *clear, size_t wire_lc)
{
	bool modified = !(s->i & GP_SCP02_UNMODIFIED);
	bool lengthy = scp_long_lc(s, clear, wire_lc);
	size_t lc = clear->len + (modified ? GP_DES_BLOCK : 0);
	uint8_t head[7] = {(uint8_t)(clear->cla | (modified ? 0x04 : 0)), clear->ins, clear->p1,
			   clear->p2},
		icv[GP_DES_BLOCK];
	const struct gp_part parts[] = {{head, lengthy ? 7 : 5}, {clear->data, clear->len}};
	int ret;

	if (lengthy) {
		head[5] = (uint8_t)(lc >> 8);
		head[6] = (uint8_t)lc;
	} else {
		head[4] = (uint8_t)lc;
	}
	memcpy(icv, s->cur.mac, sizeof(icv));
	/* E.3.4: single DES with the first half of the key, never of the first zeros */
	if (s->cur.mac_set && s->i & GP_SCP02_ICV_ENC) {
		ret = gp_des_cbc(true, s->keys.mac, 8, NULL, icv, sizeof(icv), icv);
		if (ret)
			return ret;
	}
	ret = gp_des_mac(false, s->keys.mac, icv, parts, 2, s->cur.mac);
	s->cur.mac_set = true;
	return ret;
}

int gp_scp02_authenticate(struct gp_scp *s, struct gp_apdu *apdu)
{
	const struct gp_part proof[] = {{s->iu.challenge, 8}, {s->host, 8}};
	uint8_t cryptogram[GP_DES_BLOCK];
	int ret = gp_des_mac(true, s->keys.enc, NULL, proof, 2, cryptogram);

	gp_apdu_init(apdu, 0x80, 0x82, s->level, 0x00);
	if (!ret)
		ret = gp_apdu_add(apdu, cryptogram, sizeof(cryptogram));
	if (!ret)
		ret = next_mac(s, apdu, 16);
	if (!ret)
		ret = gp_apdu_add(apdu, s->cur.mac, GP_DES_BLOCK);
	apdu->cla = 0x84;
	/* E.4.5: it is the first ICV of R-MACs, too */
	memcpy(s->ricv, s->cur.mac, sizeof(s->ricv));
	return ret;
}

int gp_scp02_wrap(struct gp_scp *s, struct gp_apdu *apdu)
{
	bool encrypt = s->cur.level & GP_LEVEL_CENC && apdu->len;
	size_t padded = encrypt ? gp_pad80(apdu->len, GP_DES_BLOCK) : apdu->len;
	static const uint8_t pad[GP_DES_BLOCK] = {0x80};
	int ret;

	if (!(s->cur.level & GP_LEVEL_CMAC))
		return 0;
	/* first the MAC, over clear text (E.4.6) */
	ret = next_mac(s, apdu, padded + GP_DES_BLOCK);
	if (!ret && encrypt)
		ret = gp_apdu_add(apdu, pad, padded - apdu->len);
	if (!ret && encrypt)
		ret = gp_des_cbc(true, s->keys.enc, 16, NULL, apdu->data, apdu->len,
				 apdu->data);
	if (!ret)
		ret = gp_apdu_add(apdu, s->cur.mac, GP_DES_BLOCK);
	apdu->cla |= 0x04;
	return ret;
}

int gp_scp02_remember(struct scp_pending *p, const struct gp_apdu *clear)
{
	/* E.4.5: without secure messaging and logical channel */
	p->head[0] = clear->cla & (uint8_t)~0x07;
	p->head[1] = clear->ins;
	p->head[2] = clear->p1;
	p->head[3] = clear->p2;
	p->head[4] = (uint8_t)clear->len; /* one byte is all that the standard knows here */
	p->len = clear->len;
	p->data = malloc(p->len + 1);
	if (!p->data)
		return -ENOMEM;
	if (p->len)
		memcpy(p->data, clear->data, p->len);
	return 0;
}

static int rmac(struct gp_scp *s, const struct scp_pending *p, const uint8_t *rsp, size_t len,
		uint16_t sw, uint8_t mac[GP_DES_BLOCK])
{
	const uint8_t n = (uint8_t)len, bytes[2] = {(uint8_t)(sw >> 8), (uint8_t)sw};
	const struct gp_part parts[] = {
		{p->head, 5}, {p->data, p->len}, {&n, 1}, {rsp, len}, {bytes, 2},
	};

	return gp_des_mac(false, s->keys.rmac, s->ricv, parts, 5, mac);
}

int gp_scp02_unwrap(struct gp_scp *s, const struct scp_pending *p, uint8_t *rsp, size_t *len,
		    uint16_t sw)
{
	uint8_t mac[GP_DES_BLOCK];
	size_t n = *len;
	int ret;

	if (p->special == SCP_BEGIN_RMAC) {
		/* the chain begins with the next response */
		if (sw == SW_OK)
			memset(s->ricv, 0, sizeof(s->ricv));
		return 0;
	}
	if (!(p->level & GP_LEVEL_RMAC))
		return 0;
	/* END R-MAC SESSION gives the MAC so far; some cards protect that answer, too */
	if (p->special == SCP_END_RMAC && n == GP_DES_BLOCK &&
	    !CRYPTO_memcmp(rsp, s->ricv, GP_DES_BLOCK))
		return 0;
	if (n < GP_DES_BLOCK)
		return -EBADMSG;
	n -= GP_DES_BLOCK;
	ret = rmac(s, p, rsp, n, sw, mac);
	if (ret)
		return ret;
	if (CRYPTO_memcmp(mac, rsp + n, sizeof(mac)))
		return -EBADMSG;
	memcpy(s->ricv, mac, sizeof(mac));
	*len = n;
	return 0;
}
