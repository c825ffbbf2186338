// SPDX-License-Identifier: Apache-2.0
#include "scp02.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "crypto.h"

/* GPCS 2.3.1, E.4.1: constant, sequence counter, zeros; CBC under the static key. */
static int derive(const uint8_t key[16], uint16_t constant, uint16_t seq, uint8_t out[16])
{
	static const uint8_t zero[DES_BLOCK];
	uint8_t in[16] = {(uint8_t)(constant >> 8), (uint8_t)constant, (uint8_t)(seq >> 8),
			  (uint8_t)seq};

	return crypto_des_cbc(true, key, 16, zero, in, sizeof(in), out);
}

static void forget_command(struct scp02 *s)
{
	if (s->data)
		OPENSSL_clear_free(s->data, s->len + 1);
	s->data = NULL;
	s->len = 0;
}

void scp02_close(struct scp02 *s)
{
	forget_command(s);
	OPENSSL_cleanse(s, sizeof(*s));
}

static int session_keys(struct scp02 *s, const struct scp02_keys *keys, uint8_t i, uint16_t seq)
{
	int bad = 0;

	scp02_close(s);
	s->i = i;
	bad |= derive(keys->mac, 0x0101, seq, s->s_mac);
	bad |= derive(keys->mac, 0x0102, seq, s->s_rmac);
	bad |= derive(keys->enc, 0x0182, seq, s->s_enc);
	bad |= derive(keys->dek, 0x0181, seq, s->s_dek);
	return bad;
}

int scp02_initialize(struct scp02 *s, const struct scp02_keys *keys, uint8_t i,
		     const uint8_t host[8], uint16_t seq, const uint8_t *aid, size_t aid_len,
		     const uint8_t random[6], uint8_t rsp[28])
{
	uint8_t mac[DES_BLOCK], *card = rsp + 12;
	struct crypto_part name = {aid, aid_len};
	struct crypto_part card_proof[] = {{host, 8}, {card, 8}};
	struct crypto_part host_proof[] = {{card, 8}, {host, 8}};
	int bad = session_keys(s, keys, i, seq);

	memset(rsp, 0, 10); /* no key diversification */
	rsp[10] = keys->kvn;
	rsp[11] = 0x02;
	card[0] = (uint8_t)(seq >> 8);
	card[1] = (uint8_t)seq;
	if (i & SCP02_I_WELL_KNOWN) {
		/* E.4.2.3 */
		bad |= crypto_des_mac(false, s->s_mac, 16, NULL, &name, 1, mac);
		memcpy(card + 2, mac, 6);
	} else {
		memcpy(card + 2, random, 6);
	}
	bad |= crypto_des_mac(true, s->s_enc, 16, NULL, card_proof, 2, rsp + 20);
	bad |= crypto_des_mac(true, s->s_enc, 16, NULL, host_proof, 2, s->host_cryptogram);
	if (bad) {
		scp02_close(s);
		return -EIO;
	}
	return 0;
}

int scp02_implicit(struct scp02 *s, const struct scp02_keys *keys, uint8_t i, uint16_t seq,
		   const uint8_t *aid, size_t aid_len)
{
	struct crypto_part name = {aid, aid_len};
	int bad = session_keys(s, keys, i, seq);

	if (i & SCP02_I_ICV_AID) {
		bad |= crypto_des_mac(false, s->s_mac, 16, NULL, &name, 1, s->icv);
		s->icv_set = true;
	}
	if (bad) {
		scp02_close(s);
		return -EIO;
	}
	s->level = SCP02_CMAC;
	memcpy(s->ricv, s->icv, sizeof(s->ricv));
	return 0;
}

/*
 * Checks the C-MAC at the end of data[0..len) (E.4.4). @clear: what the MAC is
 * over, without it; the header is as sent or, by option i, as it was before.
 */
static int check_cmac(struct scp02 *s, const uint8_t head[4], bool ext, const uint8_t *clear,
		      size_t len, const uint8_t *mac)
{
	bool modified = !(s->i & SCP02_I_UNMODIFIED);
	size_t lc = len + (modified ? DES_BLOCK : 0);
	uint8_t h[7] = {head[0], head[1], head[2], head[3]}, icv[DES_BLOCK], have[DES_BLOCK];
	struct crypto_part parts[] = {{h, ext ? 7 : 5}, {clear, len}};

	if (!modified)
		h[0] &= (uint8_t)~0x04;
	if (ext) {
		h[5] = (uint8_t)(lc >> 8);
		h[6] = (uint8_t)lc;
	} else {
		h[4] = (uint8_t)lc;
	}
	memcpy(icv, s->icv, sizeof(icv));
	/* E.3.4: from the second command on the ICV is encrypted */
	if (s->icv_set && s->i & SCP02_I_ICV_ENC &&
	    crypto_des_cbc(true, s->s_mac, 8, NULL, icv, sizeof(icv), icv))
		return -EIO;
	if (crypto_des_mac(false, s->s_mac, 16, icv, parts, 2, have) ||
	    CRYPTO_memcmp(have, mac, sizeof(have)))
		return -EBADMSG;
	memcpy(s->icv, have, sizeof(have));
	s->icv_set = true;
	return 0;
}

static bool level_offered(uint8_t level, uint8_t i)
{
	if (level & ~(SCP02_CMAC | SCP02_CENC | SCP02_RMAC))
		return false;
	if (level & SCP02_CENC && !(level & SCP02_CMAC))
		return false;
	return !(level & SCP02_RMAC) || i & SCP02_I_RMAC;
}

uint16_t scp02_authenticate(struct scp02 *s, const uint8_t head[4], const uint8_t *data,
			    size_t len)
{
	if (!level_offered(head[2], s->i) || head[3])
		return 0x6a86;
	if (len != 16)
		return 0x6700;
	if (CRYPTO_memcmp(data, s->host_cryptogram, 8))
		return 0x6300;
	if (check_cmac(s, head, false, data, 8, data + 8))
		return 0x6982;
	s->level = head[2];
	memcpy(s->ricv, s->icv, sizeof(s->ricv));
	return 0x9000;
}

/* Length without 80 00 .., or -1 where that is no padding. */
static long unpad(const uint8_t *data, size_t n)
{
	while (n && !data[n - 1])
		n--;
	return n && data[n - 1] == 0x80 ? (long)n - 1 : -1;
}

uint16_t scp02_unwrap(struct scp02 *s, const uint8_t head[4], bool ext, uint8_t *data,
		      size_t *len)
{
	static const uint8_t zero[DES_BLOCK];
	uint8_t mac[DES_BLOCK];
	size_t n = *len;
	long clear;

	if (!(s->level & SCP02_CMAC) || n < DES_BLOCK)
		return 0x6982;
	n -= DES_BLOCK;
	memcpy(mac, data + n, sizeof(mac));
	/* the MAC is over the clear text (E.4.6), so the text comes first */
	if (s->level & SCP02_CENC && n) {
		if (n % DES_BLOCK || crypto_des_cbc(false, s->s_enc, 16, zero, data, n, data))
			return 0x6982;
		clear = unpad(data, n);
		if (clear < 0)
			return 0x6982;
		n = (size_t)clear;
	}
	if (check_cmac(s, head, ext, data, n, mac))
		return 0x6982;
	*len = n;
	return 0x9000;
}

int scp02_remember(struct scp02 *s, const uint8_t head[4], const uint8_t *data, size_t len)
{
	forget_command(s);
	memcpy(s->head, head, 4);
	s->head[0] &= (uint8_t)~0x07; /* as it was before secure messaging */
	s->head[4] = (uint8_t)len;
	s->data = malloc(len + 1);
	if (!s->data)
		return -ENOMEM;
	if (len)
		memcpy(s->data, data, len);
	s->len = len;
	return 0;
}

int scp02_rmac(struct scp02 *s, uint8_t *data, size_t *len, size_t room, uint16_t sw)
{
	uint8_t n = (uint8_t)*len, sw_bytes[2] = {(uint8_t)(sw >> 8), (uint8_t)sw};
	/* E.4.5: the command in clear, length of the response, response, status word */
	struct crypto_part parts[] = {
		{s->head, 5}, {s->data, s->len}, {&n, 1}, {data, *len}, {sw_bytes, 2},
	};

	if (room < *len + DES_BLOCK)
		return -ENOSPC;
	if (crypto_des_mac(false, s->s_rmac, 16, s->ricv, parts, 5, s->ricv))
		return -EIO;
	memcpy(data + *len, s->ricv, DES_BLOCK);
	*len += DES_BLOCK;
	forget_command(s);
	return 0;
}
