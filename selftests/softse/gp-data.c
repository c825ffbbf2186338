// SPDX-License-Identifier: Apache-2.0
/* GET DATA (GPCS 2.3.1, 11.3; appendix H; TS 102 226, 8.2.1.7.2). */
#include <string.h>

#include "card.h"

/* OIDs below 1.2.840.114283, appendix H.1 */
#define GP_OID 0x2a, 0x86, 0x48, 0x86, 0xfc, 0x6b

static void card_recognition(struct card *c, struct buf *rsp)
{
	static const uint8_t gp[] = {GP_OID, 1};
	static const uint8_t version[] = {0x06, 10, GP_OID, 2, 2, 3, 1};
	static const uint8_t scheme[] = {0x06, 7, GP_OID, 3};
	const uint8_t scp[] = {0x06, 9, GP_OID, 4, 3, c->profile.scp_i};
	uint8_t in[96], out[112];
	struct buf b = {.data = in, .room = sizeof(in)};
	struct buf d = {.data = out, .room = sizeof(out)};

	buf_tlv(&b, 0x06, gp, sizeof(gp));
	buf_tlv(&b, 0x60, version, sizeof(version));
	buf_tlv(&b, 0x63, scheme, sizeof(scheme));
	buf_tlv(&b, 0x64, scp, sizeof(scp));
	buf_tlv(&d, 0x73, b.data, b.len);
	buf_tlv(rsp, 0x66, d.data, d.len);
}

static void capabilities(struct card *c, struct buf *rsp)
{
	static const uint8_t app_privileges[] = {0x06, 0x03, 0x00};
	static const uint8_t hashes[] = {1, 2, 3, 4}; /* SHA-1, -256, -384, -512 */
	uint8_t sizes = 0, in[16], out[64];
	struct buf b = {.data = in, .room = sizeof(in)};
	struct buf d = {.data = out, .room = sizeof(out)};

	for (size_t i = 0; i < c->profile.n_keys; i++)
		sizes |= (uint8_t)(1 << (c->profile.keys[i].len / 8 - 2));
	buf_tlv(&b, 0x80, "\x03", 1);
	buf_tlv(&b, 0x81, &c->profile.scp_i, 1);
	buf_tlv(&b, 0x82, &sizes, 1);
	buf_tlv(&d, 0xa0, b.data, b.len);
	buf_tlv(&d, 0x82, app_privileges, sizeof(app_privileges));
	buf_tlv(&d, 0x83, hashes, sizeof(hashes));
	buf_tlv(rsp, 0x67, d.data, d.len);
}

static void key_information(struct card *c, struct buf *rsp)
{
	uint8_t out[CARD_KEYSETS * 18];
	struct buf b = {.data = out, .room = sizeof(out)};

	for (size_t i = 0; i < c->profile.n_keys; i++)
		for (uint8_t kid = 1; kid <= 3; kid++) {
			const struct scp03_keys *k = &c->profile.keys[i];
			const uint8_t v[] = {kid, k->kvn, 0x88, k->len};

			buf_tlv(&b, 0xc0, v, sizeof(v));
		}
	buf_tlv(rsp, 0xe0, b.data, b.len);
}

/* Everything that is an application, security domains included. */
static void applications(struct card *c, struct buf *rsp)
{
	for (size_t i = 0; i < c->n_entries; i++) {
		const struct entry *e = c->entries[i];
		uint8_t out[20];
		struct buf b = {.data = out, .room = sizeof(out)};

		if (e->kind == ENTRY_ELF)
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

uint16_t gp_get_data(struct card *c, struct channel *ch, struct apdu *a)
{
	const uint8_t seq[] = {(uint8_t)(c->seq >> 16), (uint8_t)(c->seq >> 8),
			       (uint8_t)c->seq};

	switch (a->p1 << 8 | a->p2) {
	case 0x0042:
		buf_tlv(&a->rsp, 0x42, c->profile.iin, c->profile.iin_len);
		return SW_OK;
	case 0x0045:
		buf_tlv(&a->rsp, 0x45, c->profile.cin, c->profile.cin_len);
		return SW_OK;
	case 0x0066:
		card_recognition(c, &a->rsp);
		return SW_OK;
	case 0x0067:
		capabilities(c, &a->rsp);
		return SW_OK;
	case 0x00c1:
		if (!(c->profile.scp_i & SCP03_I_PSEUDO_RANDOM))
			return SW_NO_REFERENCE;
		buf_tlv(&a->rsp, 0xc1, seq, sizeof(seq));
		return SW_OK;
	case 0x00d3: {
		uint8_t level = ch->scp.state == SCP03_OPEN ? 0x80 | ch->scp.level : 0;

		buf_tlv(&a->rsp, 0xd3, &level, 1);
		return SW_OK;
	}
	case 0x00e0:
		key_information(c, &a->rsp);
		return SW_OK;
	case 0x2f00:
		applications(c, &a->rsp);
		return SW_OK;
	case 0x9f7f:
		cplc(c, &a->rsp);
		return SW_OK;
	case 0xff21:
		resources(c, &a->rsp);
		return SW_OK;
	default:
		return SW_NO_REFERENCE;
	}
}
