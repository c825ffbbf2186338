// SPDX-License-Identifier: Apache-2.0
/* Access rules: what they say, and which of them counts (SEAC 1.1, 4.2.3 and 6.1). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hal/ara-rules.h"
#include "model/ber.h"

enum {
	REF_AR_DO = 0xe2,
	REF_DO = 0xe1,
	AR_DO = 0xe3,
	AID_REF_DO = 0x4f,
	AID_REF_DO_DEFAULT = 0xc0,
	DEVICE_APP_ID_REF_DO = 0xc1,
	PKG_REF_DO = 0xca,
	APDU_AR_DO = 0xd0,
	NFC_AR_DO = 0xd1,
	PERM_AR_DO = 0xdb,
	AID_MIN = 5,
	AID_LONGEST = 16,
	FILTER_LEN = 8,
};

enum target { TARGET_ALL, TARGET_DEFAULT, TARGET_AID };
enum access { ACCESS_UNSAID, ACCESS_NEVER, ACCESS_ALWAYS, ACCESS_FILTERS };

/* Pointers go into struct ara_rules.data. */
struct rule {
	enum target target;
	enum access access;
	const uint8_t *aid, *hash, *package, *filters;
	size_t aid_len, hash_len, package_len, n_filters;
};

struct ara_rules {
	size_t n;
	struct rule *rules;
	uint8_t data[];
};

/* 4F {}, 4F {AID} or C0 {}; C1 {}, {SHA-1} or {SHA-256}; CA {package}, which may be left out */
static int parse_ref(struct rule *r, const struct ber_tlv *ref)
{
	struct ber_reader in = {.p = ref->value, .len = ref->len};
	bool target = false, device = false;
	struct ber_tlv t;
	int ret;

	while ((ret = ber_next(&in, &t)) == 1) {
		if (t.tag == AID_REF_DO && !target &&
		    (!t.len || (t.len >= AID_MIN && t.len <= AID_LONGEST))) {
			r->target = t.len ? TARGET_AID : TARGET_ALL;
			r->aid = t.value;
			r->aid_len = t.len;
			target = true;
		} else if (t.tag == AID_REF_DO_DEFAULT && !target && !t.len) {
			r->target = TARGET_DEFAULT;
			target = true;
		} else if (t.tag == DEVICE_APP_ID_REF_DO && !device &&
			   (!t.len || t.len == 20 || t.len == 32)) {
			r->hash = t.value;
			r->hash_len = t.len;
			device = true;
		} else if (t.tag == PKG_REF_DO && !r->package && t.len &&
			   t.len <= ARA_PACKAGE_MAX) {
			r->package = t.value;
			r->package_len = t.len;
		} else {
			return -EBADMSG;
		}
	}
	/* rules of version 1.0 for all applications may leave the AID out */
	return ret < 0 || !device ? -EBADMSG : 0;
}

static int parse_apdu_ar(struct rule *r, const struct ber_tlv *t)
{
	if (r->access != ACCESS_UNSAID)
		return -EBADMSG;
	if (t->len == 1 && t->value[0] <= 1) {
		r->access = t->value[0] ? ACCESS_ALWAYS : ACCESS_NEVER;
		return 0;
	}
	if (!t->len || t->len % FILTER_LEN)
		return -EBADMSG;
	r->access = ACCESS_FILTERS;
	r->filters = t->value;
	r->n_filters = t->len / FILTER_LEN;
	return r->n_filters > ARA_FILTERS_MAX ? -E2BIG : 0;
}

/* 1: a rule about access, 0: one of carrier privileges only */
static int parse_ar(struct rule *r, const struct ber_tlv *ar)
{
	struct ber_reader in = {.p = ar->value, .len = ar->len};
	bool about = false, perm = false;
	struct ber_tlv t;
	int ret;

	while ((ret = ber_next(&in, &t)) == 1) {
		if (t.tag == APDU_AR_DO) {
			ret = parse_apdu_ar(r, &t);
			if (ret < 0)
				return ret;
			about = true;
		} else if (t.tag == NFC_AR_DO && t.len == 1 && t.value[0] <= 1) {
			about = true; /* it says nothing of commands: none is allowed */
		} else if (t.tag == PERM_AR_DO && t.len == 8) {
			perm = true;
		} else {
			return -EBADMSG;
		}
	}
	return ret < 0 || (!about && !perm) ? -EBADMSG : about;
}

/* 1: kept in @r, 0: skipped */
static int parse_rule(struct rule *r, const struct ber_tlv *rule)
{
	struct ber_reader in = {.p = rule->value, .len = rule->len};
	struct ber_tlv ref, ar;
	int ret;

	memset(r, 0, sizeof(*r));
	if (rule->tag != REF_AR_DO || ber_next(&in, &ref) != 1 || ref.tag != REF_DO ||
	    ber_next(&in, &ar) != 1 || ar.tag != AR_DO || in.len)
		return -EBADMSG;
	ret = parse_ref(r, &ref);
	return ret < 0 ? ret : parse_ar(r, &ar);
}

int ara_rules_parse(struct ara_rules **ret, const uint8_t *data, size_t len)
{
	struct ara_rules *rules;
	struct ber_reader in;
	struct ber_tlv t;
	size_t n = 0;
	int r;

	if (len > ARA_DATA_MAX)
		return -E2BIG;
	in = (struct ber_reader){.p = data, .len = len};
	while ((r = ber_next(&in, &t)) == 1)
		n++;
	if (r < 0)
		return r;
	if (n > ARA_RULES_MAX)
		return -E2BIG;
	rules = calloc(1, sizeof(*rules) + len);
	if (!rules)
		return -ENOMEM;
	rules->rules = calloc(n ? n : 1, sizeof(*rules->rules));
	if (!rules->rules) {
		free(rules);
		return -ENOMEM;
	}
	if (len)
		memcpy(rules->data, data, len);
	in = (struct ber_reader){.p = rules->data, .len = len};
	while (ber_next(&in, &t) == 1) {
		r = parse_rule(&rules->rules[rules->n], &t);
		if (r < 0) {
			ara_rules_free(rules);
			return r;
		}
		rules->n += (size_t)r;
	}
	*ret = rules;
	return 0;
}

void ara_rules_free(struct ara_rules *rules)
{
	if (!rules)
		return;
	free(rules->rules);
	free(rules);
}

size_t ara_rules_count(const struct ara_rules *rules)
{
	return rules->n;
}

static bool is_specific(const struct rule *r)
{
	return r->hash_len || r->package_len;
}

static bool is_about(const struct rule *r, const struct ara_caller *c)
{
	bool hash = !r->hash_len;

	for (size_t i = 0; i < c->n_hashes && !hash; i++)
		hash = c->hashes[i].len == r->hash_len &&
		       !memcmp(c->hashes[i].bytes, r->hash, r->hash_len);
	return hash && (!r->package_len || (strlen(c->package) == r->package_len &&
					    !memcmp(c->package, r->package, r->package_len)));
}

static bool is_target(const struct rule *r, bool all, const uint8_t *aid, size_t aid_len)
{
	if (all)
		return r->target == TARGET_ALL;
	if (!aid_len)
		return r->target == TARGET_DEFAULT;
	return r->target == TARGET_AID && r->aid_len == aid_len &&
	       !memcmp(r->aid, aid, aid_len);
}

static bool deny(struct ara_verdict *v, const char *why)
{
	v->allowed = false;
	v->n_filters = 0;
	v->why = why;
	return true;
}

/* Several rules with the same reference are one; it cannot be wider than any of them. */
static bool merge(struct ara_verdict *v, const struct rule *r, bool *always)
{
	if (r->access == ACCESS_NEVER)
		return false;
	*always = *always || r->access == ACCESS_ALWAYS;
	for (size_t i = 0; i < r->n_filters; i++) {
		const uint8_t *p = r->filters + i * FILTER_LEN;

		if (v->n_filters == ARA_FILTERS_MAX)
			return true; /* those beyond allow nothing */
		memcpy(v->filters[v->n_filters].header, p, 4);
		memcpy(v->filters[v->n_filters++].mask, p + 4, 4);
	}
	return true;
}

/* One step: is it decided by rules for this target and kind of caller? */
static bool decide(const struct ara_rules *rules, bool all, bool specific, const uint8_t *aid,
		   size_t aid_len, const struct ara_caller *c, struct ara_verdict *v)
{
	bool others = false, found = false, always = false;

	for (size_t i = 0; i < rules->n; i++) {
		const struct rule *r = &rules->rules[i];

		if (!is_target(r, all, aid, aid_len) || is_specific(r) != specific)
			continue;
		if (!is_about(r, c)) {
			others = true;
			continue;
		}
		found = true;
		if (!merge(v, r, &always))
			return deny(v, "a rule denies it");
	}
	if (found) {
		v->allowed = always || v->n_filters;
		return v->allowed || deny(v, "the rule says nothing of commands");
	}
	return others && deny(v, "the rules are for other applications of the device");
}

/*
 * SELECT takes the beginning of a name for the name. An application that has a rule must not
 * be had past it, under a shorter name that only the rules for all applications know.
 */
static bool is_beginning(const struct ara_rules *rules, const uint8_t *aid, size_t aid_len)
{
	for (size_t i = 0; aid_len && i < rules->n; i++) {
		const struct rule *r = &rules->rules[i];

		if (r->target == TARGET_AID && r->aid_len > aid_len &&
		    !memcmp(r->aid, aid, aid_len))
			return true;
	}
	return false;
}

void ara_rules_decide(const struct ara_rules *rules, const uint8_t *aid, size_t aid_len,
		      const struct ara_caller *caller, struct ara_verdict *verdict)
{
	memset(verdict, 0, sizeof(*verdict));
	for (int step = 0; rules && step < 4; step++) {
		if (step == 2 && is_beginning(rules, aid, aid_len)) {
			deny(verdict, "an application with rules needs its whole name");
			return;
		}
		if (decide(rules, step >= 2, !(step & 1), aid, aid_len, caller, verdict))
			return;
	}
	deny(verdict, "no rule allows it");
}

/*
 * A class without the number of its channel and the bit of command chaining. That of a
 * further channel has one bit for three kinds of secure messaging: all must be allowed.
 */
static bool class_fits(const struct ara_filter *f, uint8_t cla)
{
	if ((cla & 0x60) == 0x60) {
		for (uint8_t sm = 0x04; sm <= 0x0c; sm = (uint8_t)(sm + 4))
			if (((cla & 0x80) ^ sm ^ f->header[0]) & f->mask[0])
				return false;
		return true;
	}
	if (cla & 0x40)
		cla &= 0x80;
	else if (!(cla & 0x20))
		cla &= 0x8c;
	return !((cla ^ f->header[0]) & f->mask[0]);
}

bool ara_verdict_allows(const struct ara_verdict *v, const uint8_t *cmd, size_t len)
{
	bool fits = !v->n_filters;

	if (!v->allowed || len < 4)
		return false;
	if ((!(cmd[0] & 0x80) && cmd[1] == 0x70) ||
	    (cmd[1] == 0xa4 && cmd[2] >= 0x04 && cmd[2] <= 0x07))
		return false;
	for (size_t i = 0; i < v->n_filters && !fits; i++) {
		const struct ara_filter *f = &v->filters[i];

		fits = class_fits(f, cmd[0]);
		for (size_t j = 1; j < 4; j++)
			fits = fits && !((cmd[j] ^ f->header[j]) & f->mask[j]);
	}
	return fits;
}
