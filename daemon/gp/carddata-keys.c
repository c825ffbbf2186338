// SPDX-License-Identifier: Apache-2.0
/* The key information template E0 (GPCS 2.3.1, 11.3.3.1). */
#include <string.h>

#include "gp/carddata-priv.h"
#include "gp/cmd.h"

#define TAG_KEY 0xc0
#define TYPE_FIRST 0x80 /* lower ones only in the extended form, behind FF */

/* type and length of one component; false if there is none here */
static bool component(struct ber_reader *r, bool extended, struct gp_key_info *key,
		      size_t *dropped)
{
	size_t head = extended && r->len && r->p[0] == GP_KEY_EXTENDED, size;
	uint16_t length;
	uint8_t type;

	size = head + (extended ? 3 : 2);
	if (r->len < size)
		return false;
	type = r->p[head];
	/* extended: what is no type is the length of the key usage */
	if (extended && !head && type < TYPE_FIRST)
		return false;
	length = r->p[head + 1];
	if (extended)
		length = (uint16_t)(length << 8 | r->p[head + 2]);
	if (key->nr < GP_KEY_INFO_PARTS) {
		key->type[key->nr] = type;
		key->length[key->nr++] = length;
	} else {
		(*dropped)++;
	}
	r->p += size;
	r->len -= size;
	return true;
}

/* length and value of key usage or key access, one or two bytes; false if it is cut short */
static bool qualifier(struct ber_reader *r, int *value)
{
	size_t n;

	if (r->len == 0)
		return true;
	n = *r->p;
	if (n > 2 || n > r->len - 1)
		return false;
	if (n)
		*value = n == 1 ? r->p[1] : r->p[1] << 8 | r->p[2];
	r->p += 1 + n;
	r->len -= 1 + n;
	return true;
}

static bool take_key(const struct ber_tlv *t, struct gp_key_info *key, size_t *dropped)
{
	struct ber_reader r = {t->value, t->len};

	memset(key, 0, sizeof(*key));
	key->usage = key->access = -1;
	if (r.len < 4)
		return false;
	key->kid = r.p[0];
	key->kvn = r.p[1];
	r.p += 2;
	r.len -= 2;
	key->extended = r.p[0] == GP_KEY_EXTENDED;
	while (component(&r, key->extended, key, dropped))
		;
	if (key->extended && (!qualifier(&r, &key->usage) || !qualifier(&r, &key->access)))
		return false;
	return key->nr && !r.len;
}

int gp_keys_decode(struct gp_key_infos *out, const uint8_t *p, size_t len, struct gp_error *err)
{
	struct gp_key_info key;
	struct ber_reader r;
	struct ber_tlv t;
	int ret;

	memset(out, 0, sizeof(*out));
	gp_data_unwrap(GP_DATA_KEYS, &p, &len);
	r = (struct ber_reader){p, len};
	while ((ret = ber_next(&r, &t)) > 0) {
		/* a domain without keys answers an empty C0 */
		if (t.tag != TAG_KEY || t.len == 0)
			continue;
		if (!take_key(&t, &key, &out->dropped))
			return gp_data_bad(err, GP_DATA_KEYS, "an entry makes no sense");
		if (out->nr < GP_KEY_INFO_MAX)
			out->key[out->nr++] = key;
		else
			out->dropped++;
	}
	return ret < 0 ? gp_data_bad(err, GP_DATA_KEYS, "an entry is cut short") : 0;
}

const struct gp_key_info *gp_keys_find(const struct gp_key_infos *keys, uint8_t kvn,
				       uint8_t kid)
{
	for (size_t i = 0; i < keys->nr; i++)
		if (keys->key[i].kvn == kvn && keys->key[i].kid == kid)
			return &keys->key[i];
	return NULL;
}

const char *gp_kvn_purpose(uint8_t kvn)
{
	static const struct {
		uint8_t first, last;
		const char *purpose;
	} table[] = {
		{0x01, 0x0f, "SCP80"},	 {0x11, 0x11, "DAP"}, /* TS 102 226 */
		{0x20, 0x2f, "SCP02"},	 {0x30, 0x3f, "SCP03"},
		{0x40, 0x4f, "SCP81"},	 {0x70, 0x70, "token"},
		{0x71, 0x71, "receipt"}, {0x73, 0x73, "DAP"},
		{0x74, 0x74, "CASD"},	 {0x75, 0x75, "ciphered load file"},
		{0xff, 0xff, "initial"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (kvn >= table[i].first && kvn <= table[i].last)
			return table[i].purpose;
	return "";
}
