// SPDX-License-Identifier: Apache-2.0
/* Card keys of a master key, by the diversification data that a card tells. */
#include "gp/key.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

static const char *const names[] = {
	[GP_DIV_NONE] = "none", [GP_DIV_VISA2] = "visa2",	[GP_DIV_EMV] = "emv",
	[GP_DIV_KDF3] = "kdf3", [GP_DIV_TEMPLATE] = "template",
};

/* The methods with a name, in the words of the template form. */
static const char *const templates[] = {
	[GP_DIV_VISA2] = "$0$1$4$5$6$7F0$k$0$1$4$5$6$70F$k",
	[GP_DIV_EMV] = "$4$5$6$7$8$9F0$k$4$5$6$7$8$90F$k",
	[GP_DIV_KDF3] = "$_000000$k00$0$1$2$3$4$5$6$7$8$9",
};

const char *gp_diversification_name(enum gp_diversification d)
{
	return (size_t)d < sizeof(names) / sizeof(names[0]) ? names[d] : NULL;
}

int gp_diversification_parse(const char *name)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], name))
			return (int)i;
	return -EINVAL;
}

struct expanded {
	uint8_t bytes[GP_TEMPLATE_MAX];
	size_t len;
	bool counter;  /* there is a $_ .. */
	size_t before; /* .. after so many bytes */
};

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int expand(const char *t, const uint8_t kdd[GP_KDD_LEN], enum gp_key_role role,
		  size_t key_len, struct expanded *x)
{
	memset(x, 0, sizeof(*x));
	if (strnlen(t, GP_TEMPLATE_MAX) == GP_TEMPLATE_MAX)
		return -EINVAL;
	while (*t) {
		if (*t == ' ' || (t[0] == '0' && t[1] == 'x')) {
			t += *t == ' ' ? 1 : 2;
			continue;
		}
		if (x->len + 2 > sizeof(x->bytes))
			return -EINVAL;
		if (*t != '$') {
			int high = digit(t[0]), low = high < 0 ? -1 : digit(t[1]);

			if (low < 0)
				return -EINVAL;
			x->bytes[x->len++] = (uint8_t)(high << 4 | low);
			t += 2;
		} else if (t[1] >= '0' && t[1] <= '9') {
			x->bytes[x->len++] = kdd[t[1] - '0'];
			t += 2;
		} else if (t[1] == 'k') {
			x->bytes[x->len++] = (uint8_t)role;
			t += 2;
		} else if (t[1] == 'l' && t[2] == '$' && t[3] == 'l') {
			x->bytes[x->len++] = (uint8_t)(key_len * 8 >> 8);
			x->bytes[x->len++] = (uint8_t)(key_len * 8);
			t += 4;
		} else if (t[1] == '_' && !x->counter) {
			x->counter = true;
			x->before = x->len;
			t += 2;
		} else {
			return -EINVAL;
		}
	}
	return x->len ? 0 : -EINVAL;
}

static bool fits(const struct expanded *x, uint8_t type, size_t key_len)
{
	if (x->counter)
		return type == GP_KEY_AES;
	return x->len == key_len &&
	       key_len % (type == GP_KEY_AES ? GP_AES_BLOCK : GP_DES_BLOCK) == 0;
}

int gp_template_check(const char *t, enum gp_key_type type)
{
	static const uint8_t kdd[GP_KDD_LEN];
	struct expanded x;

	if (expand(t, kdd, GP_ROLE_ENC, 16, &x))
		return -EINVAL;
	if (fits(&x, (uint8_t)type, 16) || fits(&x, (uint8_t)type, 24) ||
	    fits(&x, (uint8_t)type, 32))
		return 0;
	return -EINVAL;
}

static int counter_mode(const struct gp_key *master, const struct expanded *x, uint8_t *out)
{
	uint8_t counter;
	const struct gp_part parts[] = {{x->bytes, x->before},
					{&counter, 1},
					{x->bytes + x->before, x->len - x->before}};

	return gp_key_kdf(master, parts, 3, &counter, out, master->len);
}

/* CBC with an IV of zeros of each block alone is ECB, which tokens need not offer. */
static int ecb(const struct gp_key *master, const struct expanded *x, uint8_t *out)
{
	size_t block = master->type == GP_KEY_AES ? GP_AES_BLOCK : GP_DES_BLOCK;

	for (size_t at = 0; at < x->len; at += block) {
		int ret = gp_key_cbc(master, true, NULL, x->bytes + at, block, out + at);

		if (ret)
			return ret;
	}
	return 0;
}

int gp_diversify(const struct gp_key *master, enum gp_diversification div,
		 const char *template_, const uint8_t kdd[GP_KDD_LEN], enum gp_key_role role,
		 struct gp_key *key)
{
	uint8_t value[GP_KEY_MAX];
	struct expanded x;
	int ret;

	memset(key, 0, sizeof(*key));
	if (div == GP_DIV_TEMPLATE ? !template_ : div <= GP_DIV_NONE || div > GP_DIV_KDF3)
		return -EINVAL;
	ret = expand(div == GP_DIV_TEMPLATE ? template_ : templates[div], kdd, role,
		     master->len, &x);
	if (ret)
		return ret;
	if (!fits(&x, master->type, master->len))
		return -EINVAL;
	ret = x.counter ? counter_mode(master, &x, value) : ecb(master, &x, value);
	if (!ret)
		ret = gp_key_set(key, master->type, value, master->len);
	OPENSSL_cleanse(value, sizeof(value));
	return ret;
}

static void borrow(struct gp_key *to, const struct gp_key *from)
{
	*to = *from;
	to->borrowed = true;
}

int gp_keyset_resolve(const struct gp_keyset *set, const uint8_t *kdd, struct gp_keyset *out)
{
	int ret = 0;

	memset(out, 0, sizeof(*out));
	memcpy(out->name, set->name, sizeof(out->name));
	out->kvn = set->kvn;
	out->is_default = set->is_default;
	if (set->diversification != GP_DIV_NONE) {
		struct gp_key *keys[] = {&out->enc, &out->mac, &out->dek};
		const struct gp_key *from[] = {&set->enc, &set->mac, &set->dek};

		if (!kdd)
			return -EINVAL;
		for (int i = 0; i < 3 && !ret; i++) {
			const struct gp_key *master = set->master.type ? &set->master : from[i];

			if (!master->type && i + 1 == GP_ROLE_DEK)
				break;
			ret = !master->type
				      ? -ENOKEY
				      : gp_diversify(
						master,
						(enum gp_diversification)set->diversification,
						set->template_, kdd, (enum gp_key_role)(i + 1),
						keys[i]);
		}
	} else if (set->master.type) {
		borrow(&out->enc, &set->master);
		borrow(&out->mac, &set->master);
		borrow(&out->dek, &set->master);
	} else if (!set->enc.type || !set->mac.type) {
		ret = -ENOKEY;
	} else if (set->enc.type != set->mac.type || set->enc.len != set->mac.len) {
		ret = -EINVAL;
	} else {
		borrow(&out->enc, &set->enc);
		borrow(&out->mac, &set->mac);
		if (set->dek.type)
			borrow(&out->dek, &set->dek);
	}
	if (ret)
		gp_keyset_clear(out);
	return ret;
}
