// SPDX-License-Identifier: Apache-2.0
/* SCP03, the host's side (Amendment D), and the sessions that SCP11 makes keys for. */
#include "gp/scp-priv.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

/* Table 4-1. */
enum {
	DERIVE_CARD_CRYPTOGRAM = 0x00,
	DERIVE_HOST_CRYPTOGRAM = 0x01,
	DERIVE_CARD_CHALLENGE = 0x02,
	DERIVE_S_ENC = 0x04,
	DERIVE_S_MAC = 0x06,
	DERIVE_S_RMAC = 0x07,
};

/* 4.1.5; @context in two parts. */
static int derive(const struct gp_key *key, uint8_t constant, const struct gp_part context[2],
		  uint8_t *out, size_t len)
{
	uint8_t label[16] = {
		[11] = constant, [13] = (uint8_t)(len * 8 >> 8), [14] = (uint8_t)(len * 8)};
	const struct gp_part parts[3] = {{label, sizeof(label)}, context[0], context[1]};

	return gp_key_kdf(key, parts, 3, &label[15], out, len);
}

/* A cryptogram, under the session's MAC key. */
static int cryptogram(const uint8_t *s_mac, size_t key_len, uint8_t constant,
		      const struct gp_part context[2], uint8_t *out, size_t len)
{
	struct gp_key key;
	int ret = gp_key_set(&key, GP_KEY_AES, s_mac, key_len);

	if (!ret)
		ret = derive(&key, constant, context, out, len);
	gp_key_clear(&key);
	return ret;
}

int gp_scp03_session(struct gp_scp *s)
{
	const struct gp_part context[] = {{s->host, s->host_len},
					  {s->iu.challenge, s->iu.challenge_len}};
	const struct gp_keyset *k = &s->keyset;
	int ret;

	s->keys.len = k->enc.len;
	s->keys.mac_len = (uint8_t)s->iu.challenge_len;
	ret = derive(&k->enc, DERIVE_S_ENC, context, s->keys.enc, s->keys.len);
	if (!ret)
		ret = derive(&k->mac, DERIVE_S_MAC, context, s->keys.mac, s->keys.len);
	if (!ret)
		ret = derive(&k->mac, DERIVE_S_RMAC, context, s->keys.rmac, s->keys.len);
	return ret;
}

int gp_scp03_explains(const struct gp_keyset *set, const struct gp_init_update *iu,
		      const uint8_t *host)
{
	const struct gp_part context[] = {{host, iu->challenge_len},
					  {iu->challenge, iu->challenge_len}};
	uint8_t s_mac[GP_KEY_MAX], have[GP_CHALLENGE_MAX];
	int ret;

	if (set->mac.type != GP_KEY_AES || set->enc.type != GP_KEY_AES)
		return 0;
	ret = derive(&set->mac, DERIVE_S_MAC, context, s_mac, set->mac.len);
	if (!ret)
		ret = cryptogram(s_mac, set->mac.len, DERIVE_CARD_CRYPTOGRAM, context, have,
				 iu->challenge_len);
	if (!ret)
		ret = !CRYPTO_memcmp(have, iu->cryptogram, iu->challenge_len);
	OPENSSL_cleanse(s_mac, sizeof(s_mac));
	return ret;
}

/* 6.2.2.1: sequence counter and AID, under the static key. Return: 1, 0 or errno. */
int gp_scp03_check_challenge(struct gp_scp *s)
{
	const uint8_t seq[3] = {(uint8_t)(s->iu.seq >> 16), (uint8_t)(s->iu.seq >> 8),
				(uint8_t)s->iu.seq};
	const struct gp_part context[] = {{seq, 3}, {s->p.aid.bytes, s->p.aid.len}};
	uint8_t have[GP_CHALLENGE_MAX];
	int ret = derive(&s->keyset.enc, DERIVE_CARD_CHALLENGE, context, have,
			 s->iu.challenge_len);

	return ret ? ret : !memcmp(have, s->iu.challenge, s->iu.challenge_len);
}

/* 6.2.4: over the data as they go to the card, encrypted if they are. */
static int next_mac(struct gp_scp *s, const struct gp_apdu *apdu)
{
	size_t lc = apdu->len + s->keys.mac_len;
	bool lengthy = scp_long_lc(s, apdu, lc);
	const uint8_t head[4] = {(uint8_t)(apdu->cla | 0x04), apdu->ins, apdu->p1, apdu->p2};
	const uint8_t length[3] = {0, (uint8_t)(lc >> 8), (uint8_t)lc};
	const struct gp_part parts[] = {
		{s->cur.mac, sizeof(s->cur.mac)},
		{head, sizeof(head)},
		{lengthy ? length : length + 2, lengthy ? 3 : 1},
		{apdu->data, apdu->len},
	};

	return gp_aes_cmac(s->keys.mac, s->keys.len, parts, 4, s->cur.mac);
}

int gp_scp03_authenticate(struct gp_scp *s, struct gp_apdu *apdu)
{
	const struct gp_part context[] = {{s->host, s->host_len},
					  {s->iu.challenge, s->iu.challenge_len}};
	uint8_t proof[GP_CHALLENGE_MAX];
	int ret = cryptogram(s->keys.mac, s->keys.len, DERIVE_HOST_CRYPTOGRAM, context, proof,
			     s->keys.mac_len);

	gp_apdu_init(apdu, 0x80, 0x82, s->level, 0x00);
	if (!ret)
		ret = gp_apdu_add(apdu, proof, s->keys.mac_len);
	if (!ret)
		ret = next_mac(s, apdu);
	if (!ret)
		ret = gp_apdu_add(apdu, s->cur.mac, s->keys.mac_len);
	apdu->cla = 0x84;
	return ret;
}

static void count(uint8_t counter[GP_AES_BLOCK])
{
	for (size_t i = GP_AES_BLOCK; i--;)
		if (++counter[i])
			return;
}

/* 6.2.6 and 6.2.7: the counter block enciphered; @top 80 for responses. */
static int make_iv(const struct gp_scp *s, const uint8_t counter[GP_AES_BLOCK], uint8_t top,
		   uint8_t iv[GP_AES_BLOCK])
{
	memcpy(iv, counter, GP_AES_BLOCK);
	iv[0] |= top;
	return gp_aes_cbc(true, s->keys.enc, s->keys.len, NULL, iv, GP_AES_BLOCK, iv);
}

int gp_scp03_wrap(struct gp_scp *s, struct gp_apdu *apdu)
{
	static const uint8_t pad[GP_AES_BLOCK] = {0x80};
	uint8_t iv[GP_AES_BLOCK];
	int ret = 0;

	if (!(s->cur.level & GP_LEVEL_CMAC))
		return 0;
	/* 6.2.6: every command counts; on cards of the quirk only those with data */
	if (apdu->len || !s->p.quirks.no_count_no_data)
		count(s->cur.counter);
	if (s->cur.level & GP_LEVEL_CENC && apdu->len) {
		ret = gp_apdu_add(apdu, pad, gp_pad80(apdu->len, GP_AES_BLOCK) - apdu->len);
		if (!ret)
			ret = make_iv(s, s->cur.counter, 0, iv);
		if (!ret)
			ret = gp_aes_cbc(true, s->keys.enc, s->keys.len, iv, apdu->data,
					 apdu->len, apdu->data);
	}
	if (!ret)
		ret = next_mac(s, apdu);
	if (!ret)
		ret = gp_apdu_add(apdu, s->cur.mac, s->keys.mac_len);
	apdu->cla |= 0x04;
	return ret;
}

static int decrypt(struct gp_scp *s, const struct scp_pending *p, uint8_t *rsp, size_t *len)
{
	uint8_t iv[GP_AES_BLOCK];
	size_t n = *len;
	int ret;

	if (n % GP_AES_BLOCK)
		return -EBADMSG;
	ret = make_iv(s, p->after.counter, 0x80, iv);
	if (!ret)
		ret = gp_aes_cbc(false, s->keys.enc, s->keys.len, iv, rsp, n, rsp);
	if (ret)
		return ret;
	while (n && !rsp[n - 1])
		n--;
	if (!n || rsp[n - 1] != 0x80)
		return -EBADMSG;
	*len = n - 1;
	return 0;
}

int gp_scp03_unwrap(struct gp_scp *s, const struct scp_pending *p, uint8_t *rsp, size_t *len,
		    uint16_t sw)
{
	const uint8_t bytes[2] = {(uint8_t)(sw >> 8), (uint8_t)sw};
	struct gp_part parts[] = {
		{p->after.mac, sizeof(p->after.mac)}, {rsp, *len}, {bytes, 2}};
	uint8_t mac[GP_AES_BLOCK];
	size_t n = *len;
	int ret;

	/*
	 * Where R-MAC begins and ends, cards differ about the answer of that command. It has
	 * no data, so nothing is lost with a bare one.
	 */
	if (!(p->level & GP_LEVEL_RMAC) || (p->special != SCP_ORDINARY && !n))
		return 0;
	if (n < s->keys.mac_len)
		return -EBADMSG;
	n -= s->keys.mac_len;
	parts[1].len = n;
	ret = gp_aes_cmac(s->keys.rmac, s->keys.len, parts, 3, mac);
	if (ret)
		return ret;
	if (CRYPTO_memcmp(mac, rsp + n, s->keys.mac_len))
		return -EBADMSG;
	*len = n;
	return p->level & GP_LEVEL_RENC && n ? decrypt(s, p, rsp, len) : 0;
}
