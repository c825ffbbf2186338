// SPDX-License-Identifier: Apache-2.0
/* PUT KEY (GPCS 2.3.1, 11.8; Amendment D, 7.2; Amendment E for EC keys). */
#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

#include "gp/cmd-priv.h"

#define KEY_NUMBER_MAX 0x7f
#define P2_MULTIPLE 0x80
#define BLOCK_MAX 16
#define SECRET_MAX 512 /* bytes of a secret component, padding included */

static const struct {
	uint8_t type;
	bool secret;
	const char *name;
} types[] = {
	{0x80, true, "DES"},
	{0x81, true, "3DES"}, /* reserved since GPCS 2.1.1; cards still say so */
	{0x82, true, "3DES-CBC"},
	{0x83, true, "DES-ECB"},
	{0x84, true, "DES-CBC"},
	{0x85, true, "TLS-PSK"},
	{0x88, true, "AES"},
	{0x90, true, "HMAC-SHA1"},
	{0x91, true, "HMAC-SHA1-160"},
	{0xa0, false, "RSA exponent"},
	{0xa1, false, "RSA modulus"},
	{0xa2, true, "RSA private modulus"},
	{0xa3, true, "RSA private exponent"},
	{0xa4, true, "RSA CRT P"},
	{0xa5, true, "RSA CRT Q"},
	{0xa6, true, "RSA CRT PQ"},
	{0xa7, true, "RSA CRT DP1"},
	{0xa8, true, "RSA CRT DQ1"},
	{0xb0, false, "EC public"},
	{0xb1, true, "EC private"},
	{0xb2, false, "EC field P"},
	{0xb3, false, "EC coefficient A"},
	{0xb4, false, "EC coefficient B"},
	{0xb5, false, "EC generator G"},
	{0xb6, false, "EC order N"},
	{0xb7, false, "EC cofactor K"},
	{0xf0, false, "EC curve"},
	{0xff, false, "extended"},
};

const char *gp_key_type_name(uint8_t type)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].type == type)
			return types[i].name;
	return "";
}

bool gp_key_type_secret(uint8_t type)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].type == type)
			return types[i].secret;
	return true; /* what nobody knows does not leave in the clear */
}

/*
 * The clear length precedes the cipher text of AES keys always (Amendment D, 7.2), of
 * others where they had to be padded (tables 11-70 and 11-71).
 */
static int add_secret(struct gp_apdu *out, const struct gp_key_part *part,
		      const struct gp_dek *dek, struct gp_error *err)
{
	size_t len = part->value.len, padded;
	uint8_t clear[SECRET_MAX] = {0}, value[1 + SECRET_MAX];
	bool head;
	int ret;

	if (!dek || !dek->encrypt || (dek->block != 8 && dek->block != BLOCK_MAX))
		return gp_fail(err, -EINVAL, "no-dek",
			       "a key is to be put without a data encryption key");
	padded = (len + dek->block - 1) / dek->block * dek->block;
	head = part->type == GP_KEY_AES || padded != len;
	if (padded > SECRET_MAX || (head && len > 0xff))
		return gp_fail(err, -EMSGSIZE, "too-long", "a secret key of %zu bytes", len);
	if (part->type == GP_KEY_DES && padded != len)
		return gp_fail(err, -EINVAL, "bad-key", "a DES key of %zu bytes", len);
	memcpy(clear, part->value.p, len);
	if (padded != len)
		clear[len] = 0x80;
	ret = dek->encrypt(dek->ctx, clear, padded, value + 1, err);
	OPENSSL_cleanse(clear, sizeof(clear));
	if (ret < 0)
		return ret;
	value[0] = (uint8_t)len;
	return head ? gp_apdu_add_lv(out, value, 1 + padded)
		    : gp_apdu_add_lv(out, value + 1, padded);
}

static int add_key(struct gp_apdu *out, const struct gp_put_one *key, const struct gp_dek *dek,
		   struct gp_error *err)
{
	int ret = 0;

	if (key->parts == 0 || key->parts > GP_KEY_PARTS_MAX ||
	    (key->kcv_len != 0 && key->kcv_len != GP_KCV_LEN))
		return gp_fail(err, -EINVAL, "bad-key",
			       "a key of %zu components, check value "
			       "of %d bytes",
			       key->parts, key->kcv_len);
	for (size_t i = 0; i < key->parts && ret == 0; i++) {
		const struct gp_key_part *part = &key->part[i];

		/* the reference of the default curve may be empty (Amendment E) */
		if (part->value.len == 0 && part->type != GP_KEY_EC_CURVE)
			return gp_fail(err, -EINVAL, "bad-key", "an empty key component %s",
				       gp_key_type_name(part->type));
		ret = gp_apdu_add_byte(out, part->type);
		if (ret < 0)
			return ret;
		if (gp_key_type_secret(part->type))
			ret = add_secret(out, part, dek, err);
		else
			ret = gp_apdu_add_lv(out, part->value.p, part->value.len);
	}
	return ret < 0 ? ret : gp_apdu_add_lv(out, key->kcv, key->kcv_len);
}

int gp_cmd_put_key(struct gp_apdu *out, const struct gp_put_key *what, const struct gp_dek *dek,
		   struct gp_error *err)
{
	int ret;

	gp_apdu_init(out, GP_CLA, GP_INS_PUT_KEY, what->old_kvn, what->first_kid);
	out->le = GP_LE_ANY;
	out->chain = true;
	if (what->old_kvn > KEY_NUMBER_MAX || what->new_kvn == 0 ||
	    what->new_kvn > KEY_NUMBER_MAX || what->first_kid == 0 || what->keys == 0 ||
	    what->keys > GP_PUT_KEYS_MAX || what->first_kid + what->keys - 1 > KEY_NUMBER_MAX)
		return gp_cmd_done(out,
				   gp_fail(err, -EINVAL, "bad-key-number",
					   "PUT KEY of %zu keys from identifier %02X on, "
					   "version %02X in the place of %02X",
					   what->keys, what->first_kid, what->new_kvn,
					   what->old_kvn),
				   err);
	if (what->keys > 1 || what->multiple)
		out->p2 |= P2_MULTIPLE;
	ret = gp_apdu_add_byte(out, what->new_kvn);
	for (size_t i = 0; i < what->keys && ret == 0; i++)
		ret = add_key(out, &what->key[i], dek, err);
	return gp_cmd_done(out, ret, err);
}

int gp_put_key_check(const struct gp_put_key *what, const uint8_t *rsp, size_t len,
		     struct gp_error *err)
{
	size_t at = 1;

	if (len == 0)
		return 0;
	if (rsp[0] != what->new_kvn)
		return gp_fail(err, -EBADMSG, "bad-response",
			       "the card answers key version %02X, sent was %02X", rsp[0],
			       what->new_kvn);
	if (len == 1)
		return 0;
	for (size_t i = 0; i < what->keys; i++) {
		if (!what->key[i].kcv_len)
			continue;
		if (len - at < GP_KCV_LEN)
			return gp_fail(err, -EBADMSG, "bad-response",
				       "check values in %zu bytes for %zu keys", len,
				       what->keys);
		if (memcmp(rsp + at, what->key[i].kcv, GP_KCV_LEN))
			return gp_fail(err, -EBADMSG, "kcv-mismatch",
				       "the card computes another check value of key %02X",
				       (unsigned int)(what->first_kid + i));
		at += GP_KCV_LEN;
	}
	return 0;
}
