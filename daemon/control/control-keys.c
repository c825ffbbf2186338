// SPDX-License-Identifier: Apache-2.0
/* Key sets by name, and the ledger of authentications. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/control-priv.h"
#include "gp/error.h"
#include "keys/ledger.h"

/* Where exactly its keys are is nobody's business. */
static const char *kind_of(const char *source)
{
	static const char *const kinds[] = {"credential", "pkcs11", "default"};
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strncmp(source, kinds[i], strlen(kinds[i])))
			return kinds[i];
	return "file";
}

CONTROL_METHOD(list_key_sets)
{
	sd_json_variant *array = NULL, *v;
	struct control *c = userdata;
	struct job_keyset set;
	struct peer peer;
	unsigned int i;
	int r;

	(void)flags;
	if (!control_begin(c, link, parameters, (const sd_json_dispatch_field[]){{0}}, NULL,
			   &peer, &r))
		return r;
	for (i = 0; !r && !job_keyset_get(c->store, i, &set); i++) {
		v = NULL;
		r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR_STRING("name", set.name),
				   SD_JSON_BUILD_PAIR_STRING("kind", kind_of(set.source)));
		r = control_append(&array, v, r < 0 ? r : 0);
	}
	return control_reply_array(link, r, "keySets", array);
}

/* ---- attempts ---- */

static int say_ledger(sd_varlink *link, int error, const struct gp_error *ge)
{
	struct job_error e;

	memcpy(e.code, ge->code, sizeof(e.code));
	memcpy(e.detail, ge->detail, sizeof(e.detail));
	/* not a job that is missing */
	return control_say_error(link, error == -ENOENT ? -EINVAL : error, &e, 0, NULL);
}

static int add_attempt(void *ctx, const struct ledger_entry *l)
{
	char aid[2 * sizeof(l->id.aid) + 1];
	sd_json_variant *v = NULL;
	int r;

	se_to_hex(aid, l->id.aid, l->id.aid_len);
	r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR_STRING("file", l->file),
			   SD_JSON_BUILD_PAIR_STRING("card", l->id.card),
			   SD_JSON_BUILD_PAIR_STRING("sd", aid),
			   SD_JSON_BUILD_PAIR_UNSIGNED("kvn", l->id.kvn),
			   SD_JSON_BUILD_PAIR_STRING("state", ledger_state_name(l->state)),
			   SD_JSON_BUILD_PAIR_UNSIGNED("attempts", l->attempts),
			   SD_JSON_BUILD_PAIR_BOOLEAN("running", l->running),
			   SD_JSON_BUILD_PAIR_INTEGER("time", l->time),
			   SD_JSON_BUILD_PAIR_STRING("program", l->program));
	return control_append(ctx, v, r < 0 ? r : 0);
}

CONTROL_METHOD(list_attempts)
{
	struct gp_error ge = {.code = "ledger"};
	sd_json_variant *array = NULL;
	struct control *c = userdata;
	struct ledger *l = NULL;
	struct peer peer;
	int r;

	(void)flags;
	if (!control_begin(c, link, parameters, (const sd_json_dispatch_field[]){{0}}, NULL,
			   &peer, &r))
		return r;
	r = ledger_open(&l, job_store_dir(c->store), &ge);
	if (!r)
		r = ledger_list(l, add_attempt, &array, &ge);
	ledger_close(l);
	if (!r)
		return control_reply_array(link, 0, "attempts", array);
	sd_json_variant_unref(array);
	return say_ledger(link, r, &ge);
}

CONTROL_METHOD(forget_attempts)
{
	static const sd_json_dispatch_field table[] = {
		{"file", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string, 0,
		 SD_JSON_MANDATORY},
		{0},
	};
	struct gp_error ge = {.code = "ledger"};
	struct control *c = userdata;
	const char *file = NULL;
	struct ledger *l = NULL;
	struct peer peer;
	size_t n = 0;
	int r;

	(void)flags;
	if (!control_begin(c, link, parameters, table, &file, &peer, &r))
		return r;
	/* It gives a card's last tries away. */
	if (!peer.privileged)
		return control_denied(link);
	r = ledger_open(&l, job_store_dir(c->store), &ge);
	if (!r)
		r = ledger_forget(l, file, &n, &ge);
	ledger_close(l);
	if (r == -ENOENT)
		r = 0; /* nothing of it is there, which is what was asked for */
	if (r)
		return say_ledger(link, r, &ge);
	return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_UNSIGNED("forgotten", n));
}
