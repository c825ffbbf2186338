// SPDX-License-Identifier: Apache-2.0
/*
 * Every decoder of what a card answers to card content management. Byte 0 chooses the decoder,
 * the rest is the answer. What was understood has to keep the bounds that the headers promise,
 * go through the functions that show it, and be understood again where it can be written again.
 */
#include <stdlib.h>
#include <string.h>

#include "gp/carddata.h"
#include "gp/cmd.h"
#include "gp/profile.h"
#include "gp/registry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* an error has a code and words */
static void said(int ret, const struct gp_error *err)
{
	must(ret >= 0 || (err->code[0] && err->detail[0]));
}

static int none(void *ctx, unsigned int diff, const struct gp_entry *before,
		const struct gp_entry *now)
{
	(void)ctx;
	(void)before;
	(void)now;
	return diff ? 1 : 0;
}

static void show(const struct gp_registry *reg)
{
	char priv[GP_PRIV_WORDS], state[GP_STATE_WORDS];
	struct gp_error err;
	uint32_t again;

	for (size_t i = 0; i < reg->n; i++) {
		const struct gp_entry *e = &reg->entries[i];
		uint8_t s;

		must(e->aid.len <= GP_AID_MAX && (e->aid.len || e->kind == GP_KIND_ISD));
		must(e->nr_implicit <= GP_ENTRY_IMPLICIT_MAX);
		must(e->version_len <= GP_ENTRY_VERSION_MAX);
		must((e->nr_modules == 0) == (e->modules == NULL));
		gp_state_to_text(e->kind, e->state, state, sizeof(state));
		must(strlen(state) < sizeof(state) - 1);
		must(gp_state_from_text(e->kind, state, &s) < 0 || s == e->state ||
		     s == GP_APP_LOCKED_BIT);
		must(gp_priv_to_text(e->privileges & 0xfffff0, priv, sizeof(priv)) <
		     sizeof(priv) - 1);
		/* two-bit privileges bring their second bit back with them */
		must(!gp_priv_from_text(priv, &again, &err));
		must((again & (e->privileges & 0xfffff0)) == (e->privileges & 0xfffff0));
		for (size_t m = 0; m < e->nr_modules; m++)
			must(gp_registry_find_module(reg, &e->modules[m]) != NULL);
		must(gp_registry_find(reg, &e->aid) != NULL);
	}
}

static void registry(const uint8_t *p, size_t len)
{
	static const uint8_t lists[] = {GP_LIST_ISD, GP_LIST_APPS, GP_LIST_ELFS,
					GP_LIST_MODULES};
	struct gp_registry reg = {0}, copy;
	struct gp_error err = {0};
	uint8_t list;
	int ret;

	if (len < 1)
		return;
	list = lists[p[0] & 3];
	ret = gp_registry_take(&reg, list, p + 1, len - 1, &err);
	said(ret, &err);
	/* the same answer as another page and another list */
	gp_registry_take(&reg, list, p + 1, len - 1, NULL);
	gp_registry_take(&reg, lists[p[0] >> 2 & 3], p + 1, len - 1, NULL);
	show(&reg);
	must(!gp_registry_copy(&copy, &reg));
	must(!gp_registry_compare(&reg, &copy, none, NULL));
	gp_registry_clear(&copy);
	gp_registry_clear(&reg);
}

static void recognition(const uint8_t *p, size_t len)
{
	struct gp_recognition rec;
	struct gp_error err = {0};
	char oid[GP_OID_TEXT];

	said(gp_recognition_decode(&rec, p, len, &err), &err);
	must(rec.nr_scp <= GP_SCPS_MAX && rec.nr_version <= sizeof(rec.version));
	gp_oid_to_text(&rec.identification, oid, sizeof(oid));
	gp_oid_to_text(&rec.configuration, oid, sizeof(oid));
	gp_oid_to_text(&rec.chip, oid, 3);
	gp_scp_choose(&rec);
	must(gp_profile_find(&(struct gp_identity){{p, len}, NULL, &rec}) != NULL);
}

static void cplc(const uint8_t *p, size_t len)
{
	struct gp_error err = {0};
	const struct gp_cplc_field *f;
	struct gp_cplc c;
	int y, m, d;

	said(gp_cplc_decode(&c, p, len, &err), &err);
	for (size_t i = 0; (f = gp_cplc_field(i)) != NULL; i++)
		if (f->date && !gp_cplc_date((uint16_t)gp_cplc_value(&c, f), 2026, &y, &m, &d))
			must(y > 2016 && y <= 2026 && m >= 1 && m <= 12 && d >= 1 && d <= 31);
	gp_fabricator_name(c.ic_fabricator);
	gp_profile_find(&(struct gp_identity){{p, len}, &c, NULL});
}

static void keys(const uint8_t *p, size_t len)
{
	static struct gp_key_infos k;
	struct gp_error err = {0};

	said(gp_keys_decode(&k, p, len, &err), &err);
	must(k.nr <= GP_KEY_INFO_MAX);
	for (size_t i = 0; i < k.nr; i++) {
		must(k.key[i].nr >= 1 && k.key[i].nr <= GP_KEY_INFO_PARTS);
		must(gp_keys_find(&k, k.key[i].kvn, k.key[i].kid) != NULL);
		gp_key_type_name(k.key[i].type[0]);
		gp_kvn_purpose(k.key[i].kvn);
	}
}

static void fci(const uint8_t *p, size_t len)
{
	const struct gp_profile *profile = gp_profile_at(len % 8);
	struct gp_error err = {0};
	struct gp_wire wire;
	struct gp_fci f;

	said(gp_fci_decode(&f, p, len, &err), &err);
	must(f.aid.len <= GP_AID_MAX && f.life_cycle.len <= GP_ID_MAX);
	if (!profile)
		return;
	wire = gp_profile_wire(profile);
	must(gp_profile_load_lc(profile, &wire, &f) >= 64);
}

static void apdu(const uint8_t *p, size_t len)
{
	const struct gp_wire wire = {.extended = true};
	struct gp_error err = {0};
	struct gp_apdu a, again;
	size_t out_len = 0;
	uint8_t *out;
	int ret = gp_apdu_decode(&a, p, len, &err);

	said(ret, &err);
	if (ret < 0)
		return;
	out = malloc(len + 5);
	must(out && !gp_apdu_encode(&a, &wire, 0, out, len + 5, &out_len, &err));
	/* extended length where short would do comes back short, but means the same */
	must(out_len <= len && !gp_apdu_decode(&again, out, out_len, &err));
	must(again.len == a.len && again.le == a.le && again.p2 == a.p2);
	must(!a.len || !memcmp(again.data, a.data, a.len));
	gp_apdu_clear(&again);
	gp_apdu_clear(&a);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct gp_applications apps;
	static const struct gp_put_one one = {.kcv = {1, 2, 3}, .kcv_len = 3};
	const struct gp_put_key put = {.new_kvn = 1, .key = &one, .keys = 1};
	struct gp_capability capability;
	struct gp_resources resources;
	struct gp_error err = {0};
	struct gp_id id;
	uint32_t number;

	if (size < 1)
		return 0;
	switch (*data++ % 12) {
	case 0:
		registry(data, size - 1);
		break;
	case 1:
		recognition(data, size - 1);
		break;
	case 2:
		said(gp_capability_decode(&capability, data, size - 1, &err), &err);
		must(capability.nr_scp <= GP_SCPS_MAX);
		break;
	case 3:
		cplc(data, size - 1);
		break;
	case 4:
		keys(data, size - 1);
		break;
	case 5:
		said(gp_id_decode(&id, GP_DATA_CIN, data, size - 1, &err), &err);
		must(id.len <= GP_ID_MAX);
		break;
	case 6:
		said(gp_number_decode(&number, GP_DATA_SEQUENCE, data, size - 1, &err), &err);
		break;
	case 7:
		said(gp_resources_decode(&resources, data, size - 1, &err), &err);
		must(resources.nonvolatile >= -1 && resources.vol >= -1);
		break;
	case 8:
		said(gp_applications_decode(&apps, data, size - 1, &err), &err);
		must(apps.nr <= GP_APPLICATIONS_MAX);
		break;
	case 9:
		fci(data, size - 1);
		break;
	case 10:
		said(gp_put_key_check(&put, data, size - 1, &err), &err);
		gp_hist_extended((struct gp_bytes){data, size - 1});
		break;
	default:
		apdu(data, size - 1);
		break;
	}
	return 0;
}
