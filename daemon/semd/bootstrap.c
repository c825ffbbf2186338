// SPDX-License-Identifier: Apache-2.0
/* [bootstrap]: the card and the factory file that server accounts may come from. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "lwm2m/bsfile.h"
#include "semd/card.h"

struct semd_bootstrap {
	struct semd *d;
	struct semd_card card;
	struct config_bytes file;
};

static int on_read_card(void *ctx)
{
	struct semd *d = ctx;

	return pkcs15_card_read(d->bootstrap->card.card);
}

static void on_card(void *ctx, int error, const uint8_t *p, size_t len, const char *words)
{
	struct semd_bootstrap *b = ctx;

	if (error < 0)
		semd_log(LOG_NOTICE, "bootstrap: card: %s", words);
	semd_servers_card(b->d, error, p, len);
}

/* 2.23.43.9.1 (LwM2M core 1.1, G.3.4) */
static const uint8_t oid[] = {0x67, 0x2b, 0x09, 0x01};

static int take_card(struct semd_bootstrap *b, const struct config_bootstrap *c)
{
	const struct semd_card_config config = {
		.where = "[bootstrap] ",
		.pin_key = "[bootstrap] pin_file",
		.se = c->card,
		.aid = c->aid,
		.pin_file = c->pin_file,
		.keyset = c->keyset,
		.oid = {oid, sizeof(oid)},
		.file = "EF LwM2M_Bootstrap",
		.enough = lwm2m_bsfile_size,
	};

	return semd_card_new(&b->card, b->d, &config, on_card, b);
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
	config_bytes_clear(&d->bootstrap->file);
}

void semd_bootstrap_free(struct semd *d)
{
	if (!d->bootstrap)
		return;
	semd_card_clear(&d->bootstrap->card);
	config_bytes_clear(&d->bootstrap->file);
	free(d->bootstrap);
	d->bootstrap = NULL;
}
