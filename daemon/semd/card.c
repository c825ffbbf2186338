// SPDX-License-Identifier: Apache-2.0
/* A bootstrap file on a card, as [bootstrap] and [dm] name it: the application, its PIN,
 * keys for a secure channel. */
#include <errno.h>
#include <string.h>
#include <syslog.h>

#include "gp/error.h"
#include "gp/key.h"
#include "keys/source.h"
#include "semd/card.h"

/* The key set of SCP03, by its name in the configuration. */
static int take_keyset(struct semd_card *card, const struct config *c,
		       const struct semd_card_config *w, const struct gp_keyset **keys)
{
	struct gp_error err = {0};
	int r;

	for (size_t i = 0; i < c->nr_keyset; i++) {
		if (strcmp(c->keyset[i].name, w->keyset) != 0)
			continue;
		r = keys_new(&card->keys);
		if (r == 0)
			r = keys_add(card->keys, c->keyset[i].keys, c->keyset[i].name, &err);
		if (r == 0)
			*keys = keys_find(card->keys, c->keyset[i].name);
		if (r == 0 && !*keys)
			r = -EINVAL;
		if (r)
			semd_log(LOG_ERR, "%skeyset=%s: %s", w->where, w->keyset,
				 *err.detail ? err.detail : "not one for SCP03");
		return r;
	}
	semd_log(LOG_ERR, "%skeyset=%s: there is no such [keyset]", w->where, w->keyset);
	return -EINVAL;
}

static int take_pin(const struct semd_card_config *w, struct config_bytes *pin)
{
	char why[512];
	int r = config_read_secret(w->pin_file, pin, why, sizeof(why));

	if (r)
		semd_log(LOG_ERR, "%s: %s", w->pin_key, why);
	return r;
}

int semd_card_new(struct semd_card *card, struct semd *d, const struct semd_card_config *w,
		  pkcs15_card_done_t done, void *ctx)
{
	struct pkcs15_card_config config = {
		.se = w->se,
		.oid = w->oid,
		.file = w->file,
		.enough = w->enough,
	};
	struct config_bytes pin = {0};
	uint8_t aid[GP_AID_MAX];
	size_t len = 0;
	int r = 0;

	if (*w->aid && (se_from_hex(w->aid, strlen(w->aid), aid, sizeof(aid), &len) ||
			gp_aid_set(&config.aid, aid, len))) {
		semd_log(LOG_ERR, "%said=%s is no AID", w->where, w->aid);
		return -EINVAL;
	}
	if (*w->keyset)
		r = take_keyset(card, &d->cfg, w, &config.keys);
	if (r == 0 && *w->pin_file)
		r = take_pin(w, &pin);
	config.pin = (struct gp_bytes){pin.p, pin.len};
	if (r == 0) {
		r = pkcs15_card_new(&card->card, d->store, &config, done, ctx);
		if (r == -EINVAL)
			semd_log(LOG_ERR, "%s: the PIN is too long", w->pin_key);
	}
	config_bytes_clear(&pin);
	return r;
}

void semd_card_clear(struct semd_card *card)
{
	pkcs15_card_free(card->card);
	keys_free(card->keys);
	card->card = NULL;
	card->keys = NULL;
}
