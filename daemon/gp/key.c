// SPDX-License-Identifier: Apache-2.0
#include "gp/key.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

static const uint8_t well_known[16] = {0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47,
				       0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f};

int gp_key_set(struct gp_key *key, enum gp_key_type type, const uint8_t *value, size_t len)
{
	if (type != GP_KEY_DES && type != GP_KEY_AES)
		return -EINVAL;
	if (len != 16 && len != 24 && (len != 32 || type == GP_KEY_DES))
		return -EINVAL;
	memset(key, 0, sizeof(*key));
	key->type = (uint8_t)type;
	key->len = (uint8_t)len;
	memcpy(key->value, value, len);
	return 0;
}

void gp_key_clear(struct gp_key *key)
{
	if (key->ops && key->ops->release && !key->borrowed)
		key->ops->release(key->ctx);
	OPENSSL_cleanse(key, sizeof(*key));
}

int gp_key_cbc(const struct gp_key *key, bool encrypt, const uint8_t *iv, const uint8_t *in,
	       size_t len, uint8_t *out)
{
	if (key->ops)
		return key->ops->cbc ? key->ops->cbc(key->ctx, encrypt, iv, in, len, out)
				     : -EINVAL;
	if (key->type == GP_KEY_DES)
		return gp_des_cbc(encrypt, key->value, key->len, iv, in, len, out);
	if (key->type == GP_KEY_AES)
		return gp_aes_cbc(encrypt, key->value, key->len, iv, in, len, out);
	return -EINVAL;
}

int gp_key_cmac(const struct gp_key *key, const struct gp_part *parts, size_t n,
		uint8_t mac[GP_AES_BLOCK])
{
	if (key->type != GP_KEY_AES)
		return -EINVAL;
	if (key->ops)
		return key->ops->cmac ? key->ops->cmac(key->ctx, parts, n, mac) : -EINVAL;
	return gp_aes_cmac(key->value, key->len, parts, n, mac);
}

int gp_key_kdf(const struct gp_key *key, const struct gp_part *parts, size_t n,
	       uint8_t *counter, uint8_t *out, size_t len)
{
	uint8_t block[GP_AES_BLOCK];
	int ret = 0;

	if (len > 4 * sizeof(block))
		return -EINVAL;
	for (*counter = 1; len && !ret; ++*counter) {
		size_t take = len < sizeof(block) ? len : sizeof(block);

		ret = gp_key_cmac(key, parts, n, block);
		if (!ret)
			memcpy(out, block, take);
		out += take;
		len -= take;
	}
	OPENSSL_cleanse(block, sizeof(block));
	return ret;
}

static int kcv(const struct gp_key *key, uint8_t fill, uint8_t out[GP_KCV_LEN])
{
	uint8_t block[GP_AES_BLOCK];
	size_t len = key->type == GP_KEY_DES ? GP_DES_BLOCK : GP_AES_BLOCK;
	int ret;

	memset(block, fill, sizeof(block));
	ret = gp_key_cbc(key, true, NULL, block, len, block);
	if (!ret)
		memcpy(out, block, GP_KCV_LEN);
	OPENSSL_cleanse(block, sizeof(block));
	return ret;
}

int gp_kcv(const struct gp_key *key, uint8_t out[GP_KCV_LEN])
{
	return kcv(key, key->type == GP_KEY_AES ? 0x01 : 0x00, out);
}

int gp_kcv_check(const struct gp_key *key, const uint8_t want[GP_KCV_LEN])
{
	uint8_t have[GP_KCV_LEN];
	struct gp_key other;
	int ret = gp_kcv(key, have);

	if (ret)
		return ret;
	if (!CRYPTO_memcmp(have, want, sizeof(have)))
		return GP_KCV_MATCH;
	if (key->type == GP_KEY_AES) {
		ret = kcv(key, 0x00, have);
		if (ret)
			return ret;
		if (!CRYPTO_memcmp(have, want, sizeof(have)))
			return GP_KCV_ZERO_BLOCK;
	}
	if (key->ops || gp_key_set(&other, key->type == GP_KEY_AES ? GP_KEY_DES : GP_KEY_AES,
				   key->value, key->len))
		return GP_KCV_DIFFERENT;
	ret = gp_kcv(&other, have);
	gp_key_clear(&other);
	if (ret)
		return ret;
	return CRYPTO_memcmp(have, want, sizeof(have)) ? GP_KCV_DIFFERENT : GP_KCV_OTHER_TYPE;
}

void gp_keyset_clear(struct gp_keyset *set)
{
	gp_key_clear(&set->enc);
	gp_key_clear(&set->mac);
	gp_key_clear(&set->dek);
	gp_key_clear(&set->master);
	OPENSSL_cleanse(set, sizeof(*set));
}

void gp_keyset_default(struct gp_keyset *set, enum gp_key_type type)
{
	memset(set, 0, sizeof(*set));
	strcpy(set->name, "default");
	gp_key_set(&set->enc, type, well_known, sizeof(well_known));
	set->mac = set->enc;
	set->dek = set->enc;
	set->is_default = true;
}

bool gp_keyset_is_default(const struct gp_keyset *set)
{
	const struct gp_key *keys[] = {&set->enc, &set->mac, &set->dek, &set->master};

	if (set->is_default)
		return true;
	/* longer keys that begin so, or repeat it, are no better a secret */
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i]->type && !keys[i]->ops &&
		    !CRYPTO_memcmp(keys[i]->value, well_known, sizeof(well_known)))
			return true;
	return false;
}
