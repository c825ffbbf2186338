// SPDX-License-Identifier: Apache-2.0
/*
 * ARA-M: the access rules of GlobalPlatform's Secure Element Access Control 1.1.
 * Rules are read by everybody (GET DATA) and changed by STORE DATA, in a session with
 * the applet's security domain or after INSTALL [for personalization].
 */
#include <openssl/crypto.h>
#include <string.h>

#include "applet.h"
#include "crypto.h"

enum {
	INS_GET_DATA = 0xca,
	INS_STORE_DATA = 0xe2,
	P1P2_ALL = 0xff40,
	P1P2_SPECIFIC = 0xff50,
	P1P2_NEXT = 0xff60,
	P1P2_REFRESH_TAG = 0xdf20,
	DO_STORE = 0xf0,
	DO_DELETE = 0xf1,
	DO_UPDATE_REFRESH_TAG = 0xf2,
	REF_AR_DO = 0xe2,
	REF_DO = 0xe1,
	AR_DO = 0xe3,
	AID_REF_DO = 0x4f,
	AID_REF_DO_DEFAULT = 0xc0, /* the application that is selected without a name */
	DEVICE_APP_ID_REF_DO = 0xc1,
	PKG_REF_DO = 0xca,
	APDU_AR_DO = 0xd0,
	NFC_AR_DO = 0xd1,
	PERM_AR_DO = 0xdb,
};

#define RULES 256
#define RULE_MAX 1024
#define REFRESH_TAG_LEN 8
#define LEVEL_CMAC 0x01

/* What an answer did not have room for; in the channel's memory. */
struct reading {
	uint8_t active;
	uint8_t offset[4];
};

/* 4F {}, 4F {AID} or C0 {}, then C1 {nothing, SHA-1 or SHA-256} and CA {package name}. */
static bool ref_good(const struct tlv *ref)
{
	const uint8_t *p = ref->val, *end = p + ref->len;
	bool target = false, device = false, package = false;
	struct tlv t;
	int ret;

	while ((ret = tlv_next(&p, end, &t)) == 1) {
		if (!target && !device && t.tag == AID_REF_DO && (!t.len || t.len >= 5) &&
		    t.len <= 16)
			target = true;
		else if (!target && !device && t.tag == AID_REF_DO_DEFAULT && !t.len)
			target = true;
		else if (target && !device && t.tag == DEVICE_APP_ID_REF_DO &&
			 (!t.len || t.len == 20 || t.len == 32))
			device = true;
		else if (device && !package && t.tag == PKG_REF_DO && t.len && t.len <= 127)
			package = true;
		else
			return false;
	}
	return !ret && target && device;
}

/* D0: never, always, or filters of header and mask; D1: never or always. */
static bool rule_good(const struct tlv *ar)
{
	const uint8_t *p = ar->val, *end = p + ar->len;
	bool apdu = false, nfc = false, perm = false;
	struct tlv t;
	int ret;

	while ((ret = tlv_next(&p, end, &t)) == 1) {
		bool flag = t.len == 1 && t.val[0] <= 1;

		if (!apdu && t.tag == APDU_AR_DO && (flag || (t.len && !(t.len % 8))))
			apdu = true;
		else if (!nfc && t.tag == NFC_AR_DO && flag)
			nfc = true;
		else if (!perm && t.tag == PERM_AR_DO && t.len == 8)
			perm = true;
		else
			return false;
	}
	return !ret && (apdu || nfc || perm);
}

/* REF-AR-DO: REF-DO and AR-DO, nothing else. */
static bool ref_ar(const uint8_t *p, size_t n, struct tlv *ref, struct tlv *ar)
{
	const uint8_t *end = p + n;

	return tlv_next(&p, end, ref) == 1 && ref->tag == REF_DO && ref_good(ref) &&
	       tlv_next(&p, end, ar) == 1 && ar->tag == AR_DO && rule_good(ar) && p == end;
}

/* The rule with this REF-DO, or NULL. */
static struct object *find_rule(struct entry *e, const struct tlv *ref)
{
	for (size_t i = 0; i < e->n_objects; i++) {
		struct object *o = &e->objects[i];
		struct tlv have, ar;

		if (o->tag == REF_AR_DO && ref_ar(o->v->v, o->v->len, &have, &ar) &&
		    have.len == ref->len && !memcmp(have.val, ref->val, ref->len))
			return o;
	}
	return NULL;
}

/* Whoever reads the rules sees by the tag that they changed. */
static uint16_t new_refresh_tag(struct card *c, struct entry *e)
{
	uint8_t tag[REFRESH_TAG_LEN];

	if (crypto_random(tag, sizeof(tag)))
		return SW_MEMORY;
	return entry_put_object(c, e, P1P2_REFRESH_TAG, 0, tag, sizeof(tag));
}

static uint16_t store_rule(struct card *c, struct entry *e, const struct tlv *rule)
{
	struct tlv ref, ar;
	struct object *o;
	uint16_t id = 0;
	size_t n = 0;

	if (rule->len > RULE_MAX || !ref_ar(rule->val, rule->len, &ref, &ar))
		return SW_WRONG_DATA;
	o = find_rule(e, &ref);
	if (o)
		return entry_put_object(c, e, REF_AR_DO, o->ref, rule->val, rule->len);
	for (size_t i = 0; i < e->n_objects; i++)
		n += e->objects[i].tag == REF_AR_DO;
	if (n >= RULES)
		return SW_NO_SPACE;
	while (entry_object(e, REF_AR_DO, id))
		id++;
	return entry_put_object(c, e, REF_AR_DO, id, rule->val, rule->len);
}

/* F1 {}: all; {AID-REF-DO}: of one application; {REF-DO} or {REF-AR-DO}: one rule. */
static uint16_t delete_rules(struct entry *e, const struct tlv *what)
{
	const uint8_t *p = what->val;
	struct tlv t = {0}, ref, ar;
	bool found = !what->len;

	if (what->len &&
	    (tlv_next(&p, what->val + what->len, &t) != 1 || p != what->val + what->len))
		return SW_WRONG_DATA;
	if (what->len && t.tag != REF_DO && t.tag != REF_AR_DO && t.tag != AID_REF_DO &&
	    t.tag != AID_REF_DO_DEFAULT)
		return SW_WRONG_DATA;
	for (size_t i = e->n_objects; i-- > 0;) {
		struct object *o = &e->objects[i];
		const uint8_t *q;
		struct tlv target;
		bool hit = !what->len;

		if (o->tag != REF_AR_DO)
			continue;
		if (what->len && ref_ar(o->v->v, o->v->len, &ref, &ar)) {
			q = ref.val;
			if (t.tag == REF_DO)
				hit = t.len == ref.len && !memcmp(t.val, ref.val, t.len);
			else if (t.tag == REF_AR_DO)
				hit = t.len == o->v->len && !memcmp(t.val, o->v->v, t.len);
			else if (tlv_next(&q, ref.val + ref.len, &target) == 1)
				hit = target.tag == t.tag && target.len == t.len &&
				      (!t.len || !memcmp(target.val, t.val, t.len));
		}
		if (hit)
			entry_drop_object(e, o);
		found = found || hit;
	}
	return found ? SW_OK : SW_NO_REFERENCE;
}

/* One command object, whole: rules come one at a time. */
static uint16_t store(struct card *c, struct entry *e, const struct apdu *a)
{
	const uint8_t *p = a->data, *end = p + a->lc;
	struct tlv command, rule;
	uint16_t sw;

	if (tlv_next(&p, end, &command) != 1 || p != end)
		return SW_WRONG_DATA;
	sw = card_touch(c, e);
	if (sw != SW_OK)
		return sw;
	switch (command.tag) {
	case DO_STORE:
		p = command.val;
		end = p + command.len;
		if (tlv_next(&p, end, &rule) != 1 || rule.tag != REF_AR_DO || p != end)
			return SW_WRONG_DATA;
		sw = store_rule(c, e, &rule);
		break;
	case DO_DELETE:
		sw = delete_rules(e, &command);
		break;
	case DO_UPDATE_REFRESH_TAG:
		if (command.len)
			return SW_WRONG_DATA;
		break;
	default:
		return SW_WRONG_DATA;
	}
	return sw == SW_OK ? new_refresh_tag(c, e) : sw;
}

/* All rules, as one answer would have them; NULL without memory. */
static uint8_t *all_rules(const struct entry *e, size_t *len)
{
	struct buf rules = {0}, out = {0};
	size_t room = 0;

	for (size_t i = 0; i < e->n_objects; i++)
		if (e->objects[i].tag == REF_AR_DO)
			room += e->objects[i].v->len + 5;
	rules.room = room;
	out.room = room + 8;
	rules.data = OPENSSL_malloc(rules.room + 1);
	out.data = OPENSSL_malloc(out.room);
	if (!rules.data || !out.data) {
		OPENSSL_free(rules.data);
		OPENSSL_free(out.data);
		return NULL;
	}
	for (size_t i = 0; i < e->n_objects; i++)
		if (e->objects[i].tag == REF_AR_DO)
			buf_tlv(&rules, REF_AR_DO, e->objects[i].v->v, e->objects[i].v->len);
	buf_tlv(&out, P1P2_ALL, rules.data, rules.len);
	OPENSSL_free(rules.data);
	*len = out.len;
	return out.data;
}

/*
 * What does not fit the answer is for GET DATA [Next], as the length in front of it
 * tells; 61xx is not needed.
 */
static uint16_t read_all(struct channel *ch, struct apdu *a, bool next)
{
	size_t want = a->has_le ? a->ne : 256, len = 0, offset = 0;
	struct reading r;
	uint8_t *all;

	memcpy(&r, ch->ram, sizeof(r));
	if (next && !r.active)
		return SW_CONDITIONS;
	all = all_rules(ch->selected, &len);
	if (!all)
		return SW_MEMORY;
	if (next)
		offset = (size_t)get_be16(r.offset) << 16 | get_be16(r.offset + 2);
	if (offset > len)
		offset = len; /* rules were removed meanwhile */
	if (want > len - offset)
		want = len - offset;
	buf_put(&a->rsp, all + offset, want);
	OPENSSL_free(all);
	offset += want;
	r.active = offset < len;
	for (size_t i = 0; i < 4; i++)
		r.offset[i] = (uint8_t)(offset >> (24 - 8 * i));
	memcpy(ch->ram, &r, sizeof(r));
	return SW_OK;
}

static uint16_t read_one(struct entry *e, struct apdu *a)
{
	const uint8_t *p = a->data;
	uint8_t room[RULE_MAX];
	struct buf rule = {.data = room, .room = sizeof(room)};
	struct tlv ref, have, ar;
	struct object *o;

	if (tlv_next(&p, a->data + a->lc, &ref) != 1 || ref.tag != REF_DO ||
	    p != a->data + a->lc || !ref_good(&ref))
		return SW_WRONG_DATA;
	o = find_rule(e, &ref);
	if (!o || !ref_ar(o->v->v, o->v->len, &have, &ar))
		return SW_NO_REFERENCE;
	buf_tlv(&rule, AR_DO, ar.val, ar.len);
	if (rule.overflow)
		return SW_MEMORY;
	buf_tlv(&a->rsp, P1P2_SPECIFIC, rule.data, rule.len);
	return SW_OK;
}

static uint16_t get_data(struct channel *ch, struct apdu *a)
{
	struct object *tag;

	switch (a->p1 << 8 | a->p2) {
	case P1P2_ALL:
		return read_all(ch, a, false);
	case P1P2_NEXT:
		return read_all(ch, a, true);
	case P1P2_SPECIFIC:
		return read_one(ch->selected, a);
	case P1P2_REFRESH_TAG:
		tag = entry_object(ch->selected, P1P2_REFRESH_TAG, 0);
		if (!tag)
			return SW_NO_REFERENCE;
		buf_tlv(&a->rsp, P1P2_REFRESH_TAG, tag->v->v, tag->v->len);
		return SW_OK;
	default:
		return SW_NO_REFERENCE;
	}
}

static uint16_t process(struct card *c, struct channel *ch, struct apdu *a)
{
	if (!a->gp_class)
		return SW_CLA;
	switch (a->ins) {
	case INS_GET_DATA:
		return get_data(ch, a);
	case INS_STORE_DATA:
		if (!applet_authenticated(ch, LEVEL_CMAC))
			return SW_SECURITY;
		/* rules that are being read are not the rules any more */
		memset(ch->ram, 0, sizeof(struct reading));
		return a->p1 == 0x90 && !a->p2 ? store(c, ch->selected, a) : SW_P1P2;
	default:
		return SW_INS;
	}
}

static uint16_t personalise(struct card *c, struct entry *e, struct apdu *a)
{
	return store(c, e, a);
}

static uint16_t install(struct card *c, struct entry *e, const uint8_t *params, size_t len)
{
	(void)params;
	(void)len;
	return new_refresh_tag(c, e);
}

const struct applet applet_ara = {
	.name = "access rules",
	.secure = true,
	.install = install,
	.process = process,
	.personalise = personalise,
};
