// SPDX-License-Identifier: Apache-2.0
/* Keys of a security domain, and the ledger of attempts to use them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <openssl/crypto.h>
#include <openssl/x509.h>

#include "gp/carddata.h"
#include "gp/cmd.h"
#include "gp/error.h"
#include "keys/ledger.h"
#include "libse/se.h"
#include "sectl/act.h"
#include "sectl/sectl.h"

/* ---- list ---- */

static int key_json(sd_json_variant **array, const struct gp_key_info *k)
{
	sd_json_variant *parts = NULL;
	size_t i;
	int r = 0;

	for (i = 0; i < k->nr && r >= 0; i++)
		r = sd_json_variant_append_arraybo(
			&parts, SD_JSON_BUILD_PAIR_UNSIGNED("type", k->type[i]),
			SD_JSON_BUILD_PAIR_STRING("name", gp_key_type_name(k->type[i])),
			SD_JSON_BUILD_PAIR_UNSIGNED("length", k->length[i]));
	if (r >= 0)
		r = sd_json_variant_append_arraybo(
			array, SD_JSON_BUILD_PAIR_UNSIGNED("kvn", k->kvn),
			SD_JSON_BUILD_PAIR_UNSIGNED("kid", k->kid),
			SD_JSON_BUILD_PAIR_STRING("use", gp_kvn_purpose(k->kvn)),
			SD_JSON_BUILD_PAIR_VARIANT("parts", parts));
	sd_json_variant_unref(parts);
	return r;
}

static void key_row(struct table *t, const struct gp_key_info *k)
{
	char types[64] = "";
	size_t i, n = 0;

	for (i = 0; i < k->nr && n < sizeof(types); i++)
		n += (size_t)snprintf(types + n, sizeof(types) - n, "%s%s %u", i ? ", " : "",
				      gp_key_type_name(k->type[i]), k->length[i]);
	table_cell(t, "%02X", k->kvn);
	table_cell(t, "%02X", k->kid);
	table_cell(t, "%s", types);
	table_cell(t, "%s", gp_kvn_purpose(k->kvn));
}

static int print_keys(const struct gp_key_infos *keys)
{
	sd_json_variant *array = NULL, *v = NULL;
	struct table *t;
	size_t i;
	int r;

	if (opt.json) {
		r = sd_json_variant_new_array(&array, NULL, 0);
		for (i = 0; i < keys->nr && r >= 0; i++)
			r = key_json(&array, &keys->key[i]);
		if (r >= 0)
			r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR_VARIANT("keys", array));
		sd_json_variant_unref(array);
		return put_json(v, r);
	}
	t = table_new("KVN|KID|KEY (BYTES)|USE");
	for (i = 0; i < keys->nr; i++)
		key_row(t, &keys->key[i]);
	table_print(t);
	if (gp_keys_find(keys, 0xff, 1))
		warn("the domain has the initial key FF and no keys of its own yet");
	return EXIT_OK;
}

static int decode_keys(struct act *a)
{
	const char *hex = json_text(act_step(a, 0), "data");
	struct gp_key_infos keys;
	struct gp_error err = {0};
	uint8_t data[1024];
	size_t len;
	int r;

	if (se_from_hex(hex, strlen(hex), data, sizeof(data), &len))
		return fail(EXIT_FAILED, "bad-response", NULL,
			    "the card's key information is too long");
	r = gp_keys_decode(&keys, data, len, &err);
	return r ? fail_gp(r, &err) : print_keys(&keys);
}

int verb_key_list(int argc, char **argv)
{
	struct act a;
	int r;

	(void)argc;
	(void)argv;
	r = act_begin(&a, "key list", false);
	if (!r) {
		act_add(&a, GP_OP_GET_DATA)->tag = GP_DATA_KEYS;
		r = act_run(&a);
	}
	if (!r && a.result)
		r = decode_keys(&a);
	act_end(&a);
	return r;
}

/* ---- put ---- */

/* A public key ([key NAME] of the file) goes as DER. */
static int put_public(struct gp_op *op, const struct keys_single *k)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(k->pkey, &der), r;

	if (n <= 0)
		return fail(EXIT_FAILED, "failed", NULL, "the public key of %s cannot be read",
			    k->name);
	r = gp_blob_set(&op->data, der, (size_t)n);
	OPENSSL_free(der);
	if (r)
		return fail(EXIT_FAILED, "failed", NULL, "no memory");
	if (!op->kvn)
		op->kvn = k->kvn;
	if (!op->kid)
		op->kid = k->kid;
	return EXIT_OK;
}

static const struct keys_single *find_public(const struct act *a, const char *name)
{
	const struct keys_single *k;
	int use;

	for (use = KEYS_USE_TOKEN; use <= KEYS_USE_DAP; use++) {
		k = keys_single(a->keys, (enum keys_use)use, name);
		if (k && k->pkey)
			return k;
	}
	return NULL;
}

static int fill_put(struct act *a, struct gp_op *op, const char *name)
{
	const struct gp_keyset *set = keys_find(a->keys, name);
	const struct keys_single *single = find_public(a, name);
	int r = EXIT_OK;

	if (opt.kvn)
		r = act_kvn("--kvn", opt.kvn, &op->kvn);
	if (!r && opt.kid)
		r = act_kvn("--kid", opt.kid, &op->kid);
	if (!r && opt.replace)
		r = act_kvn("--replace", opt.replace, &op->old_kvn);
	if (r)
		return r;
	if (!set && single && !target_semd())
		return put_public(op, single);
	if (!set && !target_semd())
		return fail(EXIT_NOT_FOUND, "not-found",
			    "--keys=file:PATH of the file that has it, beside that of the key "
			    "set which opens the channel",
			    "there is no key set %s", name);
	if (set && set->enc.ops)
		return fail(EXIT_REFUSED, "key-in-token", NULL,
			    "the keys of %s do not leave their token: they cannot be put onto "
			    "a card",
			    name);
	if ((size_t)snprintf(op->keys, sizeof(op->keys), "%s", name) >= sizeof(op->keys))
		return fail(EXIT_USAGE, "usage", NULL, "%s: too long", name);
	return EXIT_OK;
}

/* key put, and sd keys, which is the same in a domain that is named */
static int put(const char *title, const char *name)
{
	struct act a;
	int r;

	r = act_begin(&a, title, true);
	if (!r)
		r = fill_put(&a, act_add(&a, GP_OP_PUT_KEY), name);
	if (!r)
		return act_do(&a);
	act_end(&a);
	return r;
}

int verb_key_put(int argc, char **argv)
{
	(void)argc;
	return put("key put", argv[0]);
}

int verb_sd_keys(int argc, char **argv)
{
	(void)argc;
	opt.sd = argv[0];
	return put("sd keys", argv[1]);
}

int verb_key_delete(int argc, char **argv)
{
	struct gp_op *op;
	struct act a;
	int r;

	r = act_begin(&a, "key delete", true);
	if (!r) {
		op = act_add(&a, GP_OP_DELETE_KEY);
		r = act_kvn("KVN", argv[0], &op->kvn);
		if (!r && argc > 1)
			r = act_kvn("KID", argv[1], &op->kid);
	}
	if (!r)
		return act_do(&a);
	act_end(&a);
	return r;
}

/* ---- the ledger ---- */

struct listing {
	struct table *t;
	sd_json_variant *array;
	int r;
};

static int entry_json(sd_json_variant **array, const struct ledger_entry *e)
{
	bool known = e->state != LEDGER_CORRUPT;
	char sd[33] = "";

	se_to_hex(sd, e->id.aid, e->id.aid_len);
	return sd_json_variant_append_arraybo(
		array, SD_JSON_BUILD_PAIR_STRING("entry", e->file),
		SD_JSON_BUILD_PAIR_STRING("state", ledger_state_name(e->state)),
		SD_JSON_BUILD_PAIR_BOOLEAN("running", e->running),
		SD_JSON_BUILD_PAIR_CONDITION(known, "card", SD_JSON_BUILD_STRING(e->id.card)),
		SD_JSON_BUILD_PAIR_CONDITION(known, "sd", SD_JSON_BUILD_STRING(sd)),
		SD_JSON_BUILD_PAIR_CONDITION(known, "kvn", SD_JSON_BUILD_UNSIGNED(e->id.kvn)),
		SD_JSON_BUILD_PAIR_CONDITION(known, "attempts",
					     SD_JSON_BUILD_UNSIGNED(e->attempts)),
		SD_JSON_BUILD_PAIR_CONDITION(known, "time", SD_JSON_BUILD_INTEGER(e->time)),
		SD_JSON_BUILD_PAIR_CONDITION(known, "program",
					     SD_JSON_BUILD_STRING(e->program)));
}

static void entry_row(struct table *t, const struct ledger_entry *e)
{
	time_t when = (time_t)e->time;
	char day[24] = "";
	struct tm tm;

	if (e->state != LEDGER_CORRUPT && gmtime_r(&when, &tm))
		strftime(day, sizeof(day), "%Y-%m-%d %H:%M:%S", &tm);
	table_cell(t, "%s", e->running ? "running" : ledger_state_name(e->state));
	table_cell(t, "%u", e->attempts);
	table_cell(t, "%s", day);
	table_cell(t, "%s", e->program);
	table_cell(t, "%s", e->file);
}

static int on_entry(void *ctx, const struct ledger_entry *e)
{
	struct listing *l = ctx;

	if (l->t)
		entry_row(l->t, e);
	else if (l->r >= 0)
		l->r = entry_json(&l->array, e);
	return 0;
}

int verb_key_attempts(int argc, char **argv)
{
	struct listing l = {0};
	struct gp_error err = {0};
	struct ledger *ledger;
	sd_json_variant *v = NULL;
	int r;

	(void)argc;
	(void)argv;
	r = act_ledger(&ledger);
	if (r)
		return r;
	if (opt.json)
		l.r = sd_json_variant_new_array(&l.array, NULL, 0);
	else
		l.t = table_new("STATE|>FAILED|LAST (UTC)|BY|=ENTRY");
	r = ledger_list(ledger, on_entry, &l, &err);
	ledger_close(ledger);
	if (l.t && !r && !table_rows(l.t))
		printf("no attempts\n");
	if (l.t)
		table_print(l.t);
	if (!r && opt.json) {
		if (l.r >= 0)
			l.r = sd_json_buildo(&v,
					     SD_JSON_BUILD_PAIR_VARIANT("attempts", l.array));
		r = put_json(v, l.r);
		sd_json_variant_unref(l.array);
		return r;
	}
	sd_json_variant_unref(l.array);
	return r ? fail_gp(r, &err) : EXIT_OK;
}

int verb_key_forget(int argc, char **argv)
{
	struct gp_error err = {0};
	struct ledger *ledger;
	sd_json_variant *v = NULL;
	size_t n = 0;
	int r;

	(void)argc;
	r = act_ledger(&ledger);
	if (r)
		return r;
	r = ledger_forget(ledger, argv[0], &n, &err);
	ledger_close(ledger);
	if (r)
		return fail_gp(r, &err);
	if (opt.json) {
		r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR_UNSIGNED("forgotten", n));
		return put_json(v, r);
	}
	printf("%zu forgotten\n", n);
	return EXIT_OK;
}
