// SPDX-License-Identifier: Apache-2.0
/* STORE DATA (GPCS 2.3.1, 11.11; Amendment A for keys; Amendment F for certificates). */
#include <openssl/crypto.h>
#include <string.h>

#include "applet.h"
#include "crypto.h"
#include "gp.h"

#define LAST 0x80
#define ENCRYPTION 0x60
#define ENCRYPTED 0x60
#define STRUCTURE 0x18
#define STRUCTURE_DGI 0x08
#define STRUCTURE_BER 0x10
#define OBJECT_MAX 4096

enum {
	DGI_BER = 0x0070,
	DGI_CRT = 0x00b9,
	DGI_SECRET = 0x8113,
	TAG_CERTIFICATES = 0xbf21,
	TAG_ALLOWLIST = 0x70,
};

void gp_perso_cancel(struct perso *p)
{
	if (p->data)
		OPENSSL_clear_free(p->data, p->len + 1);
	memset(p, 0, sizeof(*p));
}

/* Tags that a domain keeps as they come; [0] is the longest value. */
static bool is_plain(uint32_t tag, size_t len)
{
	switch (tag) {
	case 0x42:
	case 0x45:
		return len >= 1 && len <= 16;
	case 0x5f50:
	case 0x66:
		return len <= 255;
	default:
		return false;
	}
}

/* Control reference A6 {83 KID KVN, ..}: what the next data object is for. */
static bool reference(const struct tlv *crt, uint16_t *ref)
{
	struct tlv t;

	if (tlv_find(crt->val, crt->len, 0x83, &t) != 1 || t.len != 2)
		return false;
	*ref = get_be16(t.val);
	return true;
}

static uint16_t take_ber(struct card *c, struct entry *sd, const uint8_t *p, size_t n)
{
	const uint8_t *end = p + n;
	uint16_t ref = 0, sw = SW_OK;
	bool have_ref = false;
	struct tlv t, id;
	int ret;

	while (sw == SW_OK && (ret = tlv_next(&p, end, &t)) == 1) {
		if (t.tag == 0xa6) {
			have_ref = reference(&t, &ref);
			if (!have_ref)
				return SW_WRONG_DATA;
			/* the name of the certificates' issuer may be there (Amendment F) */
			if (tlv_find(t.val, t.len, 0x42, &id) == 1)
				sw = entry_put_object(c, sd, 0xa642, ref, id.val, id.len);
		} else if (t.tag == TAG_CERTIFICATES || t.tag == TAG_ALLOWLIST) {
			if (!have_ref || t.len > OBJECT_MAX)
				return SW_WRONG_DATA;
			sw = entry_put_object(c, sd, t.tag, ref, t.val, t.len);
		} else if (is_plain(t.tag, t.len)) {
			sw = entry_put_object(c, sd, t.tag, 0, t.val, t.len);
		} else {
			return SW_NO_REFERENCE;
		}
	}
	return sw == SW_OK && ret < 0 ? SW_WRONG_DATA : sw;
}

static uint16_t take_crt(const uint8_t *p, size_t n, struct key_control *k)
{
	const uint8_t *end = p + n;
	struct tlv t;

	if (tlv_next(&p, end, &t) != 1 || t.tag != 0xb9 || p != end)
		return SW_WRONG_DATA;
	p = t.val;
	end = p + t.len;
	memset(k, 0, sizeof(*k));
	while (p < end) {
		if (tlv_next(&p, end, &t) != 1)
			return SW_WRONG_DATA;
		if (t.tag != 0x95 && t.tag != 0x96 && t.tag != 0x91 && t.tag != 0x45 &&
		    t.len != 1)
			return SW_WRONG_DATA;
		switch (t.tag) {
		case 0x80:
			k->type = t.val[0];
			break;
		case 0x81:
			k->len = t.val[0];
			break;
		case 0x82:
			k->kid = t.val[0];
			break;
		case 0x83:
			k->kvn = t.val[0];
			break;
		default:
			break; /* usage, access, counter: kept nowhere */
		}
	}
	k->have = k->type && k->kid && k->kid < 0x80 && k->kvn && k->kvn < 0x80;
	return k->have ? SW_OK : SW_WRONG_DATA;
}

static uint16_t take_secret(struct card *c, struct channel *ch, struct entry *sd, uint8_t *v,
			    size_t n, struct key_control *k, bool decrypted)
{
	struct key key = {.kvn = k->kvn, .kid = k->kid};
	uint16_t sw = SW_OK;

	if (!k->have || k->len > n)
		return SW_WRONG_DATA;
	if (!decrypted)
		sw = scp_decrypt(ch, v, n);
	if (sw == SW_OK && (!gp_key_length(k->type, k->len) ||
			    (k->type != KEY_DES && k->type != KEY_AES &&
			     k->type != KEY_TLS_PSK && k->type != KEY_HMAC)))
		sw = SW_WRONG_DATA;
	if (sw != SW_OK)
		return sw;
	key.part[0] = (struct key_part){.type = k->type, .v = blob_new(v, k->len)};
	if (!key.part[0].v)
		return SW_MEMORY;
	key.n_parts = 1;
	sw = entry_put_key(sd, &key);
	if (sw != SW_OK)
		key_clear(&key);
	else if (k->kvn < KVN_TOKEN && entry_key(sd, k->kvn, 1) && entry_key(sd, k->kvn, 2) &&
		 entry_key(sd, k->kvn, 3))
		gp_auto_personalize(sd);
	if (sw == SW_OK && !registry_free_nvm(c))
		sw = SW_NO_SPACE;
	k->kid++;
	return sw;
}

/* Data groupings: identifier of two bytes, length of one or FF and two. */
static uint16_t take_dgi(struct card *c, struct channel *ch, struct entry *sd, uint8_t *p,
			 size_t n, bool encrypted, struct key_control *k)
{
	uint8_t *end = p + n;
	uint16_t sw = SW_OK;

	while (sw == SW_OK && p < end) {
		uint16_t dgi;
		size_t len;

		if (end - p < 3)
			return SW_WRONG_DATA;
		dgi = get_be16(p);
		len = p[2];
		p += 3;
		if (len == 0xff) {
			if (end - p < 2)
				return SW_WRONG_DATA;
			len = get_be16(p);
			p += 2;
		}
		if ((size_t)(end - p) < len)
			return SW_WRONG_DATA;
		if (encrypted && dgi != DGI_CRT) {
			sw = scp_decrypt(ch, p, len);
			if (sw != SW_OK)
				return sw;
		}
		if (dgi == DGI_BER)
			sw = take_ber(c, sd, p, len);
		else if (dgi == DGI_CRT)
			sw = take_crt(p, len, k);
		else if (dgi == DGI_SECRET)
			sw = take_secret(c, ch, sd, p, len, k, encrypted);
		else
			sw = SW_NO_REFERENCE;
		p += len;
	}
	return sw;
}

/* What has come of a domain's own data, and was not looked at yet. */
static uint16_t take_whole(struct card *c, struct channel *ch, struct entry *sd)
{
	struct perso *p = &ch->perso;
	bool encrypted = (p->p1 & ENCRYPTION) == ENCRYPTED;
	uint16_t sw;

	if (!p->len)
		return SW_WRONG_DATA;
	sw = card_touch(c, sd);
	if (sw != SW_OK)
		return sw;
	if ((p->p1 & STRUCTURE) == STRUCTURE_DGI)
		return take_dgi(c, ch, sd, p->data, p->len, encrypted, &p->control);
	if (encrypted) {
		/* padding of the cipher is not removed by DGI; here it has to be */
		sw = scp_decrypt(ch, p->data, p->len);
		if (sw != SW_OK)
			return sw;
		while (p->len && !p->data[p->len - 1])
			p->len--;
		if (!p->len || p->data[--p->len] != 0x80)
			return SW_WRONG_DATA;
	}
	return take_ber(c, sd, p->data, p->len);
}

/*
 * A domain's own data: the blocks are put together first. P1 tells of its own command
 * whether it is encrypted (11.11.2.1): where that changes, groupings end.
 */
static uint16_t take(struct card *c, struct channel *ch, struct entry *sd, struct apdu *a)
{
	struct perso *p = &ch->perso;
	struct parts all;
	uint16_t sw;

	if (p->len && (p->p1 ^ a->p1) & ENCRYPTION) {
		sw = take_whole(c, ch, sd);
		if (sw != SW_OK)
			return sw;
		OPENSSL_cleanse(p->data, p->len);
		p->len = 0;
	}
	p->p1 = a->p1;
	all = (struct parts){.data = p->data, .len = p->len};
	p->data = NULL;
	p->len = 0;
	sw = parts_add(&all, a->data, a->lc);
	p->data = all.data;
	p->len = all.len;
	return sw == SW_OK && a->p1 & LAST ? take_whole(c, ch, sd) : sw;
}

uint16_t gp_store_data(struct card *c, struct channel *ch, struct entry *sd, struct apdu *a)
{
	struct perso *p = &ch->perso;
	struct entry *target = p->target;
	uint8_t same;
	uint16_t sw;

	if (a->p2 != p->next || (a->p1 & STRUCTURE) == STRUCTURE || a->p1 & 0x06)
		return SW_P1P2;
	/* 11.11.2.1; BER-TLV and formats of one's own are encrypted as a whole */
	same = (a->p1 & STRUCTURE) == STRUCTURE_DGI ? STRUCTURE : STRUCTURE | ENCRYPTION;
	if (p->active && (p->p1 ^ a->p1) & same)
		return SW_P1P2;
	if (!p->active)
		p->p1 = a->p1;
	p->active = true;
	if (target && !entry_is_sd(target)) {
		sw = card_touch(c, target);
		if (sw == SW_OK && (a->p1 & ENCRYPTION) == ENCRYPTED)
			sw = scp_decrypt(ch, a->data, a->lc);
		if (sw == SW_OK)
			sw = target->code->personalise(c, target, a);
	} else {
		if (!target && sd->restricted & RESTRICT_PERSO)
			return SW_CONDITIONS;
		sw = take(c, ch, target ? target : sd, a);
	}
	if (sw == SW_OK && !(a->p1 & LAST)) {
		if (p->next++ == 0xff)
			sw = SW_P1P2; /* the last block number was used */
		return sw;
	}
	gp_perso_cancel(p);
	return sw;
}
