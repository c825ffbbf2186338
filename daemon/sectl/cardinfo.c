// SPDX-License-Identifier: Apache-2.0
/* What a card says of itself (GET DATA), decoded: as JSON, and from there as text. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gp/carddata.h"
#include "gp/cmd.h"
#include "gp/registry.h"
#include "libse/se.h"
#include "sectl/cardinfo.h"
#include "sectl/sectl.h"

#define RSP_ROOM 4098

typedef int decode_fn(sd_json_variant **v, const uint8_t *p, size_t len);

static int set_hex(sd_json_variant **v, const char *key, const uint8_t *p, size_t len)
{
	char text[2 * GP_ID_MAX + 1];

	se_to_hex(text, p, len < GP_ID_MAX ? len : GP_ID_MAX);
	return sd_json_variant_set_field_string(v, key, text);
}

static int decode_id(sd_json_variant **v, const uint8_t *p, size_t len, uint16_t tag,
		     const char *key)
{
	struct gp_id id;

	return gp_id_decode(&id, tag, p, len, NULL) ? 0 : set_hex(v, key, id.bytes, id.len);
}

static int decode_iin(sd_json_variant **v, const uint8_t *p, size_t len)
{
	return decode_id(v, p, len, GP_DATA_IIN, "iin");
}

static int decode_cin(sd_json_variant **v, const uint8_t *p, size_t len)
{
	return decode_id(v, p, len, GP_DATA_CIN, "cin");
}

static int decode_kdd(sd_json_variant **v, const uint8_t *p, size_t len)
{
	return decode_id(v, p, len, GP_DATA_KDD, "kdd");
}

static int decode_sequence(sd_json_variant **v, const uint8_t *p, size_t len)
{
	uint32_t n;

	return gp_number_decode(&n, GP_DATA_SEQUENCE, p, len, NULL)
		       ? 0
		       : sd_json_variant_set_field_unsigned(v, "sequenceCounter", n);
}

static int decode_cplc(sd_json_variant **v, const uint8_t *p, size_t len)
{
	const struct gp_cplc_field *f;
	sd_json_variant *o = NULL;
	struct gp_cplc cplc;
	char text[9];
	size_t i;
	int r = 0;

	if (gp_cplc_decode(&cplc, p, len, NULL))
		return 0;
	for (i = 0; r >= 0 && (f = gp_cplc_field(i)); i++) {
		snprintf(text, sizeof(text), "%0*" PRIX32, (int)(2 * f->size),
			 gp_cplc_value(&cplc, f));
		r = sd_json_variant_set_field_string(&o, f->name, text);
	}
	if (r >= 0 && *gp_fabricator_name(cplc.ic_fabricator))
		r = sd_json_variant_set_field_string(&o, "fabricator",
						     gp_fabricator_name(cplc.ic_fabricator));
	if (r >= 0)
		r = sd_json_variant_set_field(v, "cplc", o);
	sd_json_variant_unref(o);
	return r;
}

static int decode_recognition(sd_json_variant **v, const uint8_t *p, size_t len)
{
	sd_json_variant *scps = NULL, *o = NULL;
	struct gp_recognition rec;
	char version[32] = "", i_text[12], scp[12];
	size_t i, n = 0;
	int r = 0;

	if (gp_recognition_decode(&rec, p, len, NULL))
		return 0;
	for (i = 0; i < rec.nr_version; i++)
		n += (size_t)snprintf(version + n, sizeof(version) - n, "%s%u", i ? "." : "",
				      rec.version[i]);
	for (i = 0; i < rec.nr_scp && r >= 0; i++) {
		snprintf(scp, sizeof(scp), "%02X", rec.scp[i].scp);
		snprintf(i_text, sizeof(i_text), "%02X", rec.scp[i].i);
		r = sd_json_variant_append_arraybo(&scps, SD_JSON_BUILD_PAIR_STRING("scp", scp),
						   SD_JSON_BUILD_PAIR_STRING("option", i_text));
	}
	if (r >= 0)
		r = sd_json_variant_set_field_string(&o, "version", version);
	if (r >= 0 && scps)
		r = sd_json_variant_set_field(&o, "secureChannels", scps);
	if (r >= 0)
		r = sd_json_variant_set_field(v, "globalPlatform", o);
	sd_json_variant_unref(scps);
	sd_json_variant_unref(o);
	return r;
}

static int decode_capability(sd_json_variant **v, const uint8_t *p, size_t len)
{
	char sd[GP_PRIV_WORDS], app[GP_PRIV_WORDS];
	sd_json_variant *hashes = NULL, *o = NULL;
	struct gp_capability c;
	size_t i;
	int r = 0;

	if (gp_capability_decode(&c, p, len, NULL))
		return 0;
	for (i = 0; i < c.nr_hashes && r >= 0; i++)
		r = sd_json_variant_append_arrayb(
			&hashes, SD_JSON_BUILD_STRING(gp_hash_name(c.hashes[i])));
	gp_priv_to_text(c.sd_privileges, sd, sizeof(sd));
	gp_priv_to_text(c.app_privileges, app, sizeof(app));
	if (r >= 0)
		r = sd_json_buildo(&o, SD_JSON_BUILD_PAIR_STRING("domainPrivileges", sd),
				   SD_JSON_BUILD_PAIR_STRING("applicationPrivileges", app),
				   SD_JSON_BUILD_PAIR_CONDITION(!!hashes, "loadFileHashes",
								SD_JSON_BUILD_VARIANT(hashes)));
	if (r >= 0)
		r = sd_json_variant_set_field(v, "capability", o);
	sd_json_variant_unref(hashes);
	sd_json_variant_unref(o);
	return r;
}

static int decode_keys(sd_json_variant **v, const uint8_t *p, size_t len)
{
	struct gp_key_infos *keys = calloc(1, sizeof(*keys));
	sd_json_variant *array = NULL;
	size_t i;
	int r = keys ? 0 : -ENOMEM;

	if (keys && gp_keys_decode(keys, p, len, NULL))
		keys->nr = 0;
	for (i = 0; keys && i < keys->nr && r >= 0; i++) {
		const struct gp_key_info *k = &keys->key[i];
		const char *use = gp_kvn_purpose(k->kvn);

		r = sd_json_variant_append_arraybo(
			&array, SD_JSON_BUILD_PAIR_UNSIGNED("kvn", k->kvn),
			SD_JSON_BUILD_PAIR_UNSIGNED("kid", k->kid),
			SD_JSON_BUILD_PAIR_STRING("type", gp_key_type_name(k->type[0])),
			SD_JSON_BUILD_PAIR_UNSIGNED("length", k->length[0]),
			SD_JSON_BUILD_PAIR_CONDITION(!!*use, "use", SD_JSON_BUILD_STRING(use)));
	}
	if (r >= 0 && array)
		r = sd_json_variant_set_field(v, "keys", array);
	sd_json_variant_unref(array);
	free(keys);
	return r;
}

static int decode_resources(sd_json_variant **v, const uint8_t *p, size_t len)
{
	struct gp_resources res;
	sd_json_variant *o = NULL;
	int r = 0;

	if (gp_resources_decode(&res, p, len, NULL))
		return 0;
	if (res.applications >= 0)
		r = sd_json_variant_set_field_unsigned(&o, "applications",
						       (uint64_t)res.applications);
	if (r >= 0 && res.nonvolatile >= 0)
		r = sd_json_variant_set_field_unsigned(&o, "nonVolatileFree",
						       (uint64_t)res.nonvolatile);
	if (r >= 0 && res.vol >= 0)
		r = sd_json_variant_set_field_unsigned(&o, "volatileFree", (uint64_t)res.vol);
	if (r >= 0 && o)
		r = sd_json_variant_set_field(v, "resources", o);
	sd_json_variant_unref(o);
	return r;
}

static const struct {
	uint16_t tag;
	decode_fn *decode;
} asked[] = {
	{GP_DATA_IIN, decode_iin},
	{GP_DATA_CIN, decode_cin},
	{GP_DATA_KDD, decode_kdd},
	{GP_DATA_CPLC, decode_cplc},
	{GP_DATA_RECOGNITION, decode_recognition},
	{GP_DATA_CAPABILITY, decode_capability},
	{GP_DATA_KEYS, decode_keys},
	{GP_DATA_SEQUENCE, decode_sequence},
	{GP_DATA_RESOURCES, decode_resources},
};

#define NR_ASKED (sizeof(asked) / sizeof(asked[0]))

/* All are asked in one stream; a card has what it has. */
int cardinfo_read(struct se *se, sd_json_variant **v)
{
	struct se_stream stream = {.deadline_ns = target_deadline(NR_ASKED)};
	static uint8_t rsp[NR_ASKED][RSP_ROOM];
	struct se_apdu apdus[NR_ASKED] = {0};
	uint8_t cmd[NR_ASKED][5];
	size_t i;
	int r;

	for (i = 0; i < NR_ASKED; i++) {
		const uint8_t c[5] = {0x80, GP_INS_GET_DATA, (uint8_t)(asked[i].tag >> 8),
				      (uint8_t)asked[i].tag, 0x00};

		memcpy(cmd[i], c, sizeof(c));
		apdus[i].cmd_ptr = (uintptr_t)cmd[i];
		apdus[i].cmd_len = sizeof(c);
		apdus[i].rsp_ptr = (uintptr_t)rsp[i];
		apdus[i].rsp_room = RSP_ROOM;
	}
	r = target_submit(se, apdus, NR_ASKED, &stream);
	for (i = 0; i < NR_ASKED && !r; i++)
		if (apdus[i].sw == 0x9000 && apdus[i].rsp_len <= RSP_ROOM)
			r = asked[i].decode(v, rsp[i], apdus[i].rsp_len - 2) < 0 ? -ENOMEM : 0;
	for (i = 0; i + 1 < NR_ASKED && apdus[i].outcome == SE_OUTCOME_EXECUTED; i++)
		;
	return r ? fail_submit(r, (uint32_t)i + 1, &apdus[i], &stream) : EXIT_OK;
}

/* ---- as text ---- */

#define LABEL 18 /* columns before a value */

/* A list that the terminal has no room for goes on in the next line. */
static void line(const char *name, const char *value)
{
	size_t room = terminal_columns(), used = LABEL, n, gap = 1;

	if (!*value)
		return;
	printf("  %-*s", LABEL - 2, name);
	while (*value) {
		n = strcspn(value, " ");
		if (room > LABEL && used > LABEL && used + gap + n > room) {
			printf("\n%*s", LABEL, "");
			used = LABEL;
			gap = 1;
		}
		printf("%*s%.*s", (int)gap, "", (int)n, value);
		used += gap + n;
		value += n;
		gap = strspn(value, " ");
		value += gap;
	}
	putchar('\n');
}

static void print_keys(sd_json_variant *keys)
{
	struct table *t = table_new(">  KVN|>KID|TYPE|>BYTES|USE");
	sd_json_variant *k;
	size_t i;

	for (i = 0; keys && i < sd_json_variant_elements(keys); i++) {
		k = sd_json_variant_by_index(keys, i);
		table_cell(t, "  %02" PRIX64, json_number(k, "kvn"));
		table_cell(t, "%02" PRIX64, json_number(k, "kid"));
		table_cell(t, "%s", json_text(k, "type"));
		table_cell(t, "%" PRIu64, json_number(k, "length"));
		table_cell(t, "%s", json_text(k, "use"));
	}
	table_print(t);
}

static void print_scps(sd_json_variant *gp)
{
	sd_json_variant *scps = gp ? sd_json_variant_by_key(gp, "secureChannels") : NULL, *s;
	char text[160] = "";
	size_t i, n = 0;

	for (i = 0; scps && i < sd_json_variant_elements(scps) && n < sizeof(text); i++) {
		s = sd_json_variant_by_index(scps, i);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%sSCP%s (i=%s)",
				      i ? ", " : "", json_text(s, "scp"),
				      json_text(s, "option"));
	}
	if (gp)
		line("GlobalPlatform", json_text(gp, "version"));
	line("secure channels", text);
}

void cardinfo_print(sd_json_variant *v)
{
	sd_json_variant *cplc = sd_json_variant_by_key(v, "cplc");
	sd_json_variant *cap = sd_json_variant_by_key(v, "capability");
	sd_json_variant *res = sd_json_variant_by_key(v, "resources");
	char free_bytes[128];

	printf("%s\n", json_text(v, "name"));
	line("life cycle", json_text(v, "lifeCycle"));
	line("IIN", json_text(v, "iin"));
	line("CIN", json_text(v, "cin"));
	line("KDD", json_text(v, "kdd"));
	if (cplc) {
		line("chip", *json_text(cplc, "fabricator") ? json_text(cplc, "fabricator")
							    : json_text(cplc, "ic-fabricator"));
		line("chip serial", json_text(cplc, "ic-serial-number"));
		line("chip batch", json_text(cplc, "ic-batch"));
	}
	print_scps(sd_json_variant_by_key(v, "globalPlatform"));
	if (cap) {
		line("domains may", json_text(cap, "domainPrivileges"));
		line("apps may", json_text(cap, "applicationPrivileges"));
	}
	if (res) {
		snprintf(free_bytes, sizeof(free_bytes),
			 "%" PRIu64 " applications, free: %" PRIu64
			 " bytes non-volatile, %" PRIu64 " volatile",
			 json_number(res, "applications"), json_number(res, "nonVolatileFree"),
			 json_number(res, "volatileFree"));
		line("resources", free_bytes);
	}
	if (sd_json_variant_by_key(v, "keys")) {
		putchar('\n');
		print_keys(sd_json_variant_by_key(v, "keys"));
	}
}
