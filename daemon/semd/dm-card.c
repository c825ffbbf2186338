// SPDX-License-Identifier: Apache-2.0
/*
 * EF DM_Bootstrap of a card (OMA DM Bootstrap 1.2; OMA Provisioning Smartcard): when it is
 * read, and when again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "semd/card.h"

/* what cannot be read just now is read again */
#define RETRY_MS 3000U
#define TRIES 3
/* where reading itself would make the SE begin anew, it must not go round and round */
#define PAUSE_MS 60000U

static const uint8_t oid[] = {0x67, 0x2b, 0x07, 0x01}; /* 2.23.43.7.1 */

struct semd_dm_card {
	struct semd *d;
	struct semd_card reader;
	semd_dm_card_t take;
	void *ctx;
	sd_event_source *timer;
	bool there;	     /* and read, when it had … */
	uint64_t generation; /* … this one */
	uint64_t not_before;
	unsigned int tries;
};

static bool passing(int error)
{
	return error == -ETIMEDOUT || error == -EIO || error == -EUSERS || error == -EBUSY ||
	       error == -EAGAIN || error == -ENOMEM || error == -EINTR;
}

static void later(struct semd_dm_card *c, uint64_t ms)
{
	sd_event_source_set_time_relative(c->timer, ms * 1000U);
	sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT);
}

static void failed(struct semd_dm_card *c, int error, const char *words)
{
	const char *se = c->d->cfg.dm.bootstrap_card;
	bool again = passing(error) && ++c->tries < TRIES;

	/* a card without a profile is nothing to worry about, as long as others bring one */
	semd_log(error == -ENOENT ? LOG_INFO : LOG_WARNING, "[dm] bootstrap_card=%s: %s%s", se,
		 words, again ? "; will be tried again" : "");
	if (again)
		later(c, RETRY_MS);
}

static void on_card(void *ctx, int error, const uint8_t *p, size_t len, const char *words)
{
	struct semd_dm_card *c = ctx;

	if (c->d->stopping)
		return;
	if (error < 0) {
		failed(c, error, words);
		return;
	}
	c->tries = 0;
	c->take(c->ctx, p, len);
}

static void begin(struct semd_dm_card *c)
{
	int r = pkcs15_card_read(c->reader.card);

	c->not_before = semd_now_ms() + PAUSE_MS;
	if (r < 0 && r != -EBUSY)
		failed(c, r, strerror(-r));
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct semd_dm_card *c = userdata;

	(void)source;
	(void)usec;
	if (!c->d->stopping && c->there)
		begin(c);
	return 0;
}

void semd_dm_card_look(struct semd_dm_card *c, int32_t instance)
{
	uint64_t now = semd_now_ms();
	struct model_se se;
	int32_t id;

	if (!c || c->d->stopping)
		return;
	id = content_ses_find(c->d->content->ses, c->d->cfg.dm.bootstrap_card);
	if (id < 0 || content_ses_get(c->d->content->ses, (uint16_t)id, &se)) {
		c->there = false;
		return;
	}
	/* told of before it was read for the first time: it has just come */
	if (instance == id && !content_ses_known(c->d->content->ses, (uint16_t)id))
		c->there = false;
	if (c->there && se.generation == c->generation)
		return;
	c->tries = 0;
	c->generation = se.generation;
	if (c->there && now < c->not_before) {
		later(c, c->not_before - now);
		return;
	}
	c->there = true;
	begin(c);
}

int semd_dm_card_new(struct semd_dm_card **ret, struct semd *d, semd_dm_card_t take, void *ctx)
{
	const struct config_dm *dm = &d->cfg.dm;
	const struct semd_card_config config = {
		.where = "[dm] bootstrap_",
		.pin_key = "[dm] bootstrap_card_pin_file",
		.se = dm->bootstrap_card,
		.aid = dm->bootstrap_aid,
		.pin_file = dm->bootstrap_card_pin_file,
		.keyset = dm->bootstrap_keyset,
		.oid = {oid, sizeof(oid)},
		.file = "EF DM_Bootstrap",
	};
	struct semd_dm_card *c;
	int r;

	*ret = NULL;
	if (!*config.se) {
		if (*config.aid || *config.pin_file || *config.keyset)
			semd_log(LOG_WARNING, "[dm] bootstrap_card is not set: what opens it "
					      "is not used");
		return 0;
	}
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->d = d;
	c->take = take;
	c->ctx = ctx;
	r = semd_card_new(&c->reader, d, &config, on_card, c);
	if (r == 0)
		r = sd_event_add_time(d->event, &c->timer, CLOCK_MONOTONIC, UINT64_MAX, 1000,
				      on_time, c);
	if (r < 0) {
		semd_dm_card_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void semd_dm_card_free(struct semd_dm_card *c)
{
	if (!c)
		return;
	sd_event_source_disable_unref(c->timer);
	semd_card_clear(&c->reader);
	free(c);
}
