// SPDX-License-Identifier: Apache-2.0
/* GET DATA (GPCS 2.3.1, 11.3; appendix H; TS 102 226, 8.2.1.7.2). */
#include <string.h>

#include "gp.h"

/* OIDs below 1.2.840.114283, appendix H.1 */
#define GP_OID 0x2a, 0x86, 0x48, 0x86, 0xfc, 0x6b

/* Does any domain have keys of this type that a secure channel can use? */
static bool has_sets(const struct card *c, uint8_t type)
{
	for (size_t i = 0; i < c->n_entries; i++)
		for (size_t k = 0; k < c->entries[i]->n_keys; k++) {
			const struct key *key = &c->entries[i]->keys[k];

			if (key->kid == 1 && key->kvn < KVN_TOKEN && key->n_parts &&
			    key->part[0].type == type)
				return true;
		}
	return false;
}

static void card_recognition(struct card *c, struct buf *rsp)
{
	static const uint8_t gp[] = {GP_OID, 1};
	static const uint8_t version[] = {0x06, 10, GP_OID, 2, 2, 3, 1};
	static const uint8_t scheme[] = {0x06, 7, GP_OID, 3};
	const uint8_t scp[] = {0x06, 9, GP_OID, 4, 3, c->profile.scp_i};
	const uint8_t scp02[] = {0x06, 9, GP_OID, 4, 2, c->profile.scp02_i};
	uint8_t in[96], out[112];
	struct buf b = {.data = in, .room = sizeof(in)};
	struct buf d = {.data = out, .room = sizeof(out)};

	buf_tlv(&b, 0x06, gp, sizeof(gp));
	buf_tlv(&b, 0x60, version, sizeof(version));
	buf_tlv(&b, 0x63, scheme, sizeof(scheme));
	buf_tlv(&b, 0x64, scp, sizeof(scp));
	if (has_sets(c, KEY_DES))
		buf_tlv(&b, 0x64, scp02, sizeof(scp02));
	buf_tlv(&d, 0x73, b.data, b.len);
	buf_tlv(rsp, 0x66, d.data, d.len);
}

/* Table H-4: what the card can do. */
static void capabilities(struct card *c, struct buf *rsp)
{
	static const uint8_t sd_privileges[] = {0xff, 0xfe, 0xc0};
	static const uint8_t app_privileges[] = {0x1e, 0x07, 0x30};
	static const uint8_t hashes[] = {1, 2, 3, 4}; /* SHA-1, -256, -384, -512 */
	uint8_t sizes = 0, in[16], out[96];
	struct buf d = {.data = out, .room = sizeof(out)};

	for (size_t i = 0; i < c->n_entries; i++)
		for (size_t k = 0; k < c->entries[i]->n_keys; k++)
			if (c->entries[i]->keys[k].part[0].type == KEY_AES)
				sizes |= (uint8_t)(1 << (c->entries[i]->keys[k].part[0].v->len /
								 8 -
							 2));
	if (sizes) {
		struct buf b = {.data = in, .room = sizeof(in)};

		buf_tlv(&b, 0x80, "\x03", 1);
		buf_tlv(&b, 0x81, &c->profile.scp_i, 1);
		buf_tlv(&b, 0x82, &sizes, 1);
		buf_tlv(&d, 0xa0, b.data, b.len);
	}
	if (has_sets(c, KEY_DES)) {
		struct buf b = {.data = in, .room = sizeof(in)};

		buf_tlv(&b, 0x80, "\x02", 1);
		buf_tlv(&b, 0x81, &c->profile.scp02_i, 1);
		buf_tlv(&d, 0xa0, b.data, b.len);
	}
	buf_tlv(&d, 0x81, sd_privileges, sizeof(sd_privileges));
	buf_tlv(&d, 0x82, app_privileges, sizeof(app_privileges));
	buf_tlv(&d, 0x83, hashes, sizeof(hashes));
	buf_tlv(rsp, 0x67, d.data, d.len);
}

/* Table 11-29; a domain without keys shows those that it would use. */
static void key_information(const struct entry *sd, struct buf *rsp)
{
	uint8_t out[SD_KEYS * (4 + 3 * KEY_PARTS)];
	struct buf b = {.data = out, .room = sizeof(out)};

	for (size_t i = 0; i < sd->n_keys; i++) {
		const struct key *k = &sd->keys[i];
		uint8_t v[2 + 4 * KEY_PARTS], n = 0;
		bool wide = false;

		for (size_t p = 0; p < k->n_parts; p++)
			wide |= k->part[p].v->len > 255;
		v[n++] = k->kid;
		v[n++] = k->kvn;
		if (wide)
			v[n++] = 0xff; /* the format for long components */
		for (size_t p = 0; p < k->n_parts && n + 3U <= sizeof(v); p++) {
			v[n++] = k->part[p].type;
			if (wide)
				v[n++] = (uint8_t)(k->part[p].v->len >> 8);
			v[n++] = (uint8_t)k->part[p].v->len;
		}
		buf_tlv(&b, 0xc0, v, n);
	}
	buf_tlv(rsp, 0xe0, b.data, b.len);
}

/* Everything that is an application, security domains included. */
static void applications(struct card *c, const struct entry *sd, struct buf *rsp)
{
	for (size_t i = 0; i < c->n_entries; i++) {
		const struct entry *e = c->entries[i];
		uint8_t out[20];
		struct buf b = {.data = out, .room = sizeof(out)};

		if (e->kind == ENTRY_ELF ||
		    (e != sd && !(sd->priv & PRIV_GLOBAL_REGISTRY) && !entry_below(e, sd)))
			continue;
		buf_tlv(&b, 0x4f, e->aid.v, e->aid.len);
		buf_tlv(rsp, 0x61, b.data, b.len);
	}
}

static void put_be32(struct buf *b, uint32_t tag, uint32_t v)
{
	const uint8_t be[] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8),
			      (uint8_t)v};

	buf_tlv(b, tag, be, sizeof(be));
}

static void resources(struct card *c, struct buf *rsp)
{
	uint8_t out[32], apps = 0;
	struct buf b = {.data = out, .room = sizeof(out)};

	for (size_t i = 0; i < c->n_entries; i++)
		apps = (uint8_t)(apps + (c->entries[i]->kind == ENTRY_APP));
	buf_tlv(&b, 0x81, &apps, 1);
	put_be32(&b, 0x82, (uint32_t)registry_free_nvm(c));
	put_be32(&b, 0x83, 32768);
	buf_tlv(rsp, 0xff21, b.data, b.len);
}

/* Card production life cycle data: the common 42-byte form, mostly empty. */
static void cplc(struct card *c, struct buf *rsp)
{
	uint8_t v[42] = {0x53, 0x45, 0x53, 0x4d}; /* fabricator, type: "SESM" */
	size_t n = c->profile.cin_len < 8 ? c->profile.cin_len : 8;

	memcpy(v + 12, c->profile.cin + c->profile.cin_len - n, n); /* serial and batch */
	buf_tlv(rsp, 0x9f7f, v, sizeof(v));
}

/* The counter of the key set that INITIALIZE UPDATE takes without a version. */
static uint16_t sequence_counter(const struct entry *sd, struct buf *rsp)
{
	for (; sd; sd = sd->parent)
		for (size_t i = 0; i < sd->n_keys; i++) {
			const struct key *k = &sd->keys[i];
			const uint8_t seq[] = {(uint8_t)(k->seq >> 16), (uint8_t)(k->seq >> 8),
					       (uint8_t)k->seq};
			bool two = k->part[0].type == KEY_DES;

			if (k->kid != 1 || k->kvn >= KVN_TOKEN)
				continue;
			buf_tlv(rsp, 0xc1, seq + two, sizeof(seq) - two);
			return SW_OK;
		}
	return SW_NO_REFERENCE;
}

/* What STORE DATA brought, or @def. */
static uint16_t stored(struct entry *sd, uint32_t tag, const uint8_t *def, size_t def_len,
		       struct buf *rsp)
{
	const struct object *o = entry_object(sd, tag, 0);

	if (o)
		buf_tlv(rsp, tag, o->v->v, o->v->len);
	else if (def)
		buf_tlv(rsp, tag, def, def_len);
	else
		return SW_NO_REFERENCE;
	return SW_OK;
}

/* BF21: the certificates that belong to a key, named by A6 {83 KID KVN}. */
static uint16_t certificates(struct entry *sd, const struct apdu *a, struct buf *rsp)
{
	const struct object *o;
	struct tlv crt, t;

	if (tlv_find(a->data, a->lc, 0xa6, &crt) != 1 ||
	    tlv_find(crt.val, crt.len, 0x83, &t) != 1 || t.len != 2)
		return SW_WRONG_DATA;
	o = entry_object(sd, 0xbf21, get_be16(t.val));
	if (!o)
		return SW_NO_REFERENCE;
	buf_tlv(rsp, 0xbf21, o->v->v, o->v->len);
	return SW_OK;
}

uint16_t gp_get_data(struct card *c, struct channel *ch, struct entry *sd, struct apdu *a)
{
	bool isd = sd->kind == ENTRY_ISD;

	switch (a->p1 << 8 | a->p2) {
	case 0x0042:
		return stored(sd, 0x42, isd ? c->profile.iin : NULL, c->profile.iin_len,
			      &a->rsp);
	case 0x0045:
		return stored(sd, 0x45, isd ? c->profile.cin : NULL, c->profile.cin_len,
			      &a->rsp);
	case 0x5f50:
		return stored(sd, 0x5f50, NULL, 0, &a->rsp);
	case 0x0066:
		if (stored(sd, 0x66, NULL, 0, &a->rsp) == SW_OK)
			return SW_OK;
		card_recognition(c, &a->rsp);
		return SW_OK;
	case 0x0067:
		capabilities(c, &a->rsp);
		return SW_OK;
	case 0x00c1:
		return sequence_counter(sd, &a->rsp);
	case 0x00c2: {
		const uint8_t n[] = {(uint8_t)(sd->confirmations >> 8),
				     (uint8_t)sd->confirmations};

		if (!(sd->priv & PRIV_RECEIPT))
			return SW_NO_REFERENCE;
		buf_tlv(&a->rsp, 0xc2, n, sizeof(n));
		return SW_OK;
	}
	case 0x00d3: {
		uint8_t level = ch->scp.level;

		if (ch->scp.state == SCP_OPEN && ch->scp.authenticated)
			level |= 0x80;
		buf_tlv(&a->rsp, 0xd3, &level, 1);
		return SW_OK;
	}
	case 0x00e0:
		key_information(sd, &a->rsp);
		return SW_OK;
	case 0x2f00:
		applications(c, sd, &a->rsp);
		return SW_OK;
	case 0x9f7f:
		cplc(c, &a->rsp);
		return SW_OK;
	case 0xbf21:
		return certificates(sd, a, &a->rsp);
	case 0xff21:
		resources(c, &a->rsp);
		return SW_OK;
	default:
		return SW_NO_REFERENCE;
	}
}
