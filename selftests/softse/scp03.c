// SPDX-License-Identifier: Apache-2.0
#include "scp03.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

#include "crypto.h"

/* Derivation constants, Amendment D table 4-1. */
enum {
	DERIVE_CARD_CRYPTOGRAM = 0x00,
	DERIVE_HOST_CRYPTOGRAM = 0x01,
	DERIVE_CARD_CHALLENGE = 0x02,
	DERIVE_S_ENC = 0x04,
	DERIVE_S_MAC = 0x06,
	DERIVE_S_RMAC = 0x07,
};

/* SP 800-108 counter mode with CMAC, Amendment D 4.1.5. */
static int derive(const uint8_t *key, size_t key_len, uint8_t constant, const void *context,
		  size_t context_len, uint8_t *out, size_t out_len)
{
	uint8_t label[16] = {0}, block[AES_BLOCK];
	struct crypto_part parts[2] = {{label, sizeof(label)}, {context, context_len}};
	size_t bits = out_len * 8;

	label[11] = constant;
	label[13] = (uint8_t)(bits >> 8);
	label[14] = (uint8_t)bits;
	for (label[15] = 1; out_len; label[15]++) {
		size_t n = out_len < AES_BLOCK ? out_len : AES_BLOCK;

		if (crypto_cmac(key, key_len, parts, 2, block))
			return -EIO;
		memcpy(out, block, n);
		out += n;
		out_len -= n;
	}
	OPENSSL_cleanse(block, sizeof(block));
	return 0;
}

void scp03_close(struct scp03 *s)
{
	OPENSSL_cleanse(s, sizeof(*s));
	s->state = SCP03_NONE;
}

int scp03_initialize(struct scp03 *s, const struct scp03_keys *keys, uint8_t i,
		     const uint8_t *host, const uint8_t seq[3], const uint8_t *aid,
		     size_t aid_len, const uint8_t *random, uint8_t rsp[SCP03_RSP_MAX],
		     size_t *rsp_len)
{
	size_t n = i & SCP03_I_S16 ? 16 : 8;
	uint8_t context[32], *card = rsp + 13, *end = card + 2 * n;
	int bad = 0;

	scp03_close(s);
	memset(rsp, 0, 10); /* no key diversification */
	rsp[10] = keys->kvn;
	rsp[11] = 0x03;
	rsp[12] = i;
	*rsp_len = 13 + 2 * n;
	if (i & SCP03_I_PSEUDO_RANDOM) {
		/* Amendment D 6.2.2.1: sequence counter and AID */
		memcpy(context, seq, 3);
		memcpy(context + 3, aid, aid_len);
		bad |= derive(keys->enc, keys->len, DERIVE_CARD_CHALLENGE, context, 3 + aid_len,
			      card, n);
		memcpy(end, seq, 3);
		*rsp_len += 3;
	} else {
		memcpy(card, random, n);
	}
	memcpy(context, host, n);
	memcpy(context + n, card, n);
	s->i = i;
	s->key_len = keys->len;
	s->mac_len = (uint8_t)n;
	bad |= derive(keys->enc, keys->len, DERIVE_S_ENC, context, 2 * n, s->s_enc, keys->len);
	bad |= derive(keys->mac, keys->len, DERIVE_S_MAC, context, 2 * n, s->s_mac, keys->len);
	bad |= derive(keys->mac, keys->len, DERIVE_S_RMAC, context, 2 * n, s->s_rmac,
		      keys->len);
	bad |= derive(s->s_mac, keys->len, DERIVE_CARD_CRYPTOGRAM, context, 2 * n, card + n, n);
	bad |= derive(s->s_mac, keys->len, DERIVE_HOST_CRYPTOGRAM, context, 2 * n,
		      s->host_cryptogram, n);
	if (bad) {
		scp03_close(s);
		return -EIO;
	}
	s->state = SCP03_INITIATED;
	return 0;
}

void scp03_open(struct scp03 *s, uint8_t level, const uint8_t *enc, const uint8_t *mac,
		const uint8_t *rmac, size_t key_len, const uint8_t chain[16])
{
	scp03_close(s);
	s->i = SCP03_I_RMAC | SCP03_I_RENC;
	s->level = level;
	s->key_len = (uint8_t)key_len;
	s->mac_len = SCP03_MAC_LEN;
	memcpy(s->s_enc, enc, key_len);
	memcpy(s->s_mac, mac, key_len);
	memcpy(s->s_rmac, rmac, key_len);
	memcpy(s->chain, chain, sizeof(s->chain));
	s->state = SCP03_OPEN;
}

/* Checks the MAC at the end of data[0..len), Amendment D 6.2.4. */
static int check_cmac(struct scp03 *s, const uint8_t head[4], int ext, const uint8_t *data,
		      size_t len)
{
	uint8_t lc[3] = {0, (uint8_t)(len >> 8), (uint8_t)len};
	uint8_t mac[AES_BLOCK];
	struct crypto_part parts[] = {
		{s->chain, sizeof(s->chain)},
		{head, 4},
		{ext ? lc : lc + 2, ext ? 3 : 1},
		{data, len - s->mac_len},
	};

	if (crypto_cmac(s->s_mac, s->key_len, parts, 4, mac) ||
	    CRYPTO_memcmp(mac, data + len - s->mac_len, s->mac_len))
		return -EBADMSG;
	memcpy(s->chain, mac, sizeof(mac));
	return 0;
}

static int level_offered(uint8_t level, uint8_t i)
{
	switch (level) {
	case 0:
	case SCP03_CMAC:
	case SCP03_CMAC | SCP03_CENC:
		return 1;
	case SCP03_CMAC | SCP03_RMAC:
	case SCP03_CMAC | SCP03_CENC | SCP03_RMAC:
		return !!(i & SCP03_I_RMAC);
	case SCP03_CMAC | SCP03_CENC | SCP03_RMAC | SCP03_RENC:
		return (i & SCP03_I_RMAC) && (i & SCP03_I_RENC);
	default:
		return 0;
	}
}

uint16_t scp03_authenticate(struct scp03 *s, const uint8_t head[4], const uint8_t *data,
			    size_t len)
{
	uint16_t sw;

	if (s->state != SCP03_INITIATED)
		sw = 0x6985;
	else if (!level_offered(head[2], s->i) || head[3])
		sw = 0x6a86;
	else if (len != 2U * s->mac_len)
		sw = 0x6700;
	else if (CRYPTO_memcmp(data, s->host_cryptogram, s->mac_len))
		sw = 0x6300;
	else if (check_cmac(s, head, 0, data, len))
		sw = 0x6982;
	else
		sw = 0x9000;
	if (sw != 0x9000) {
		scp03_close(s);
		return sw;
	}
	s->level = head[2];
	s->state = SCP03_OPEN;
	memset(s->counter, 0, sizeof(s->counter));
	return sw;
}

static void count_command(struct scp03 *s)
{
	for (size_t i = sizeof(s->counter); i--;)
		if (++s->counter[i])
			return;
}

/* IV for one direction, Amendment D 6.2.6 and 6.2.7. */
static int make_iv(const struct scp03 *s, uint8_t top, uint8_t iv[AES_BLOCK])
{
	static const uint8_t zero[AES_BLOCK];
	uint8_t block[AES_BLOCK];

	memcpy(block, s->counter, sizeof(block));
	block[0] |= top;
	return crypto_aes_cbc(true, s->s_enc, s->key_len, zero, block, sizeof(block), iv);
}

uint16_t scp03_unwrap(struct scp03 *s, const uint8_t head[4], int ext, uint8_t *data,
		      size_t *len)
{
	uint8_t iv[AES_BLOCK];
	size_t n = *len;

	count_command(s);
	if (!(s->level & SCP03_CMAC) || n < s->mac_len || check_cmac(s, head, ext, data, n))
		goto refuse;
	n -= s->mac_len;
	if ((s->level & SCP03_CENC) && n) {
		if (n % AES_BLOCK || make_iv(s, 0, iv) ||
		    crypto_aes_cbc(false, s->s_enc, s->key_len, iv, data, n, data))
			goto refuse;
		do
			n--;
		while (n && !data[n]);
		if (data[n] != 0x80)
			goto refuse;
	}
	*len = n;
	return 0x9000;
refuse:
	scp03_close(s);
	return 0x6982;
}

int scp03_wrap(struct scp03 *s, uint8_t *data, size_t *len, size_t room, uint16_t sw)
{
	uint8_t iv[AES_BLOCK], mac[AES_BLOCK];
	uint8_t sw_bytes[2] = {(uint8_t)(sw >> 8), (uint8_t)sw};
	size_t n = *len;

	if (s->state != SCP03_OPEN || !(s->level & SCP03_RMAC))
		return 0;
	/* Amendment D 6.2.5: no R-MAC on an error */
	if (sw != 0x9000 && sw >> 8 != 0x62 && sw >> 8 != 0x63)
		return 0;
	if (room < n + AES_BLOCK + s->mac_len)
		return -ENOSPC;
	if ((s->level & SCP03_RENC) && n) {
		data[n++] = 0x80;
		while (n % AES_BLOCK)
			data[n++] = 0;
		if (make_iv(s, 0x80, iv) ||
		    crypto_aes_cbc(true, s->s_enc, s->key_len, iv, data, n, data))
			return -EIO;
	}
	struct crypto_part parts[] = {
		{s->chain, sizeof(s->chain)},
		{data, n},
		{sw_bytes, 2},
	};
	if (crypto_cmac(s->s_rmac, s->key_len, parts, 3, mac))
		return -EIO;
	memcpy(data + n, mac, s->mac_len);
	*len = n + s->mac_len;
	return 0;
}
