// SPDX-License-Identifier: Apache-2.0
/* [bootstrap]: the card and the factory file that server accounts may come from. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "gp/error.h"
#include "gp/key.h"
#include "keys/source.h"
#include "libse/se.h"
#include "lwm2m/bsfile.h"
#include "pkcs15/card.h"
#include "semd/semd.h"

struct semd_bootstrap {
	struct semd *d;
	struct pkcs15_card *card;
	struct keys *keys;
	struct config_bytes file;
};

static int on_read_card(void *ctx)
{
	struct semd *d = ctx;

	return pkcs15_card_read(d->bootstrap->card);
}

static void on_card(void *ctx, int error, const uint8_t *p, size_t len, const char *words)
{
	struct semd_bootstrap *b = ctx;

	if (error < 0)
		semd_log(LOG_NOTICE, "bootstrap: card: %s", words);
	semd_servers_card(b->d, error, p, len);
}

static void clear(struct config_bytes *b)
{
	if (b->p)
		explicit_bzero(b->p, b->len);
	free(b->p);
	b->p = NULL;
	b->len = 0;
}

/* The key set of SCP03, by its name in the configuration. */
static int take_keyset(struct semd_bootstrap *b, const struct gp_keyset **keys)
{
	const struct config *c = &b->d->cfg;
	struct gp_error err = {0};
	int r;

	for (size_t i = 0; i < c->nr_keyset; i++) {
		if (strcmp(c->keyset[i].name, c->bootstrap.keyset) != 0)
			continue;
		r = keys_new(&b->keys);
		if (r == 0)
			r = keys_add(b->keys, c->keyset[i].keys, c->keyset[i].name, &err);
		if (r == 0)
			*keys = keys_find(b->keys, c->keyset[i].name);
		if (r == 0 && !*keys)
			r = -EINVAL;
		if (r)
			semd_log(LOG_ERR, "[bootstrap] keyset=%s: %s", c->bootstrap.keyset,
				 *err.detail ? err.detail : "not one for SCP03");
		return r;
	}
	semd_log(LOG_ERR, "[bootstrap] keyset=%s: there is no such [keyset]",
		 c->bootstrap.keyset);
	return -EINVAL;
}

static int take_pin(const char *path, struct config_bytes *pin)
{
	char why[512];
	int r = config_read_file(path, true, pin, why, sizeof(why));

	if (r) {
		semd_log(LOG_ERR, "[bootstrap] pin_file: %s", why);
		return r;
	}
	while (pin->len > 0 && (pin->p[pin->len - 1] == '\n' || pin->p[pin->len - 1] == '\r'))
		pin->len--;
	if (pin->len == 0) {
		semd_log(LOG_ERR, "[bootstrap] pin_file: %s is empty", path);
		return -EINVAL;
	}
	return 0;
}

/* 2.23.43.9.1 (LwM2M core 1.1, G.3.4) */
static const uint8_t oid[] = {0x67, 0x2b, 0x09, 0x01};

static int take_card(struct semd_bootstrap *b, const struct config_bootstrap *c)
{
	struct pkcs15_card_config config = {
		.se = c->card,
		.oid = {oid, sizeof(oid)},
		.file = "EF LwM2M_Bootstrap",
		.enough = lwm2m_bsfile_size,
	};
	struct config_bytes pin = {0};
	uint8_t aid[GP_AID_MAX];
	size_t len = 0, all;
	int r = 0;

	if (*c->aid && (se_from_hex(c->aid, strlen(c->aid), aid, sizeof(aid), &len) ||
			gp_aid_set(&config.aid, aid, len))) {
		semd_log(LOG_ERR, "[bootstrap] aid=%s is no AID", c->aid);
		return -EINVAL;
	}
	if (*c->keyset)
		r = take_keyset(b, &config.keys);
	if (r == 0 && *c->pin_file)
		r = take_pin(c->pin_file, &pin);
	all = pin.len;
	config.pin = (struct gp_bytes){pin.p, pin.len};
	if (r == 0) {
		r = pkcs15_card_new(&b->card, b->d->store, &config, on_card, b);
		if (r == -EINVAL)
			semd_log(LOG_ERR, "[bootstrap] the PIN is too long");
	}
	pin.len = all;
	clear(&pin);
	return r;
}

int semd_bootstrap_start(struct semd *d, struct lwm2m_device_config *config)
{
	const struct config_bootstrap *c = &d->cfg.bootstrap;
	struct semd_bootstrap *b = calloc(1, sizeof(*b));
	char why[512];
	int r = 0;

	if (!b)
		return -ENOMEM;
	b->d = d;
	d->bootstrap = b;
	config->bootstrap_pack = !strcmp(c->pack, "yes");
	if (*c->file) {
		r = config_read_file(c->file, true, &b->file, why, sizeof(why));
		if (r)
			semd_log(LOG_ERR, "[bootstrap] file: %s", why);
		config->factory = (struct lwm2m_bytes){b->file.p, b->file.len};
	}
	if (r == 0 && *c->card) {
		r = take_card(b, c);
		config->read_card = on_read_card;
	} else if (r == 0 && (*c->aid || *c->pin_file || *c->keyset)) {
		semd_log(LOG_WARNING, "[bootstrap] card is not set: what opens it is not used");
	}
	return r;
}

void semd_bootstrap_taken(struct semd *d)
{
	clear(&d->bootstrap->file);
}

void semd_bootstrap_free(struct semd *d)
{
	if (!d->bootstrap)
		return;
	pkcs15_card_free(d->bootstrap->card);
	keys_free(d->bootstrap->keys);
	clear(&d->bootstrap->file);
	free(d->bootstrap);
	d->bootstrap = NULL;
}
