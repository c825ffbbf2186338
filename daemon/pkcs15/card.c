// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "job/job-exchange.h"
#include "pkcs15/card.h"
#include "pkcs15/pkcs15.h"

#define TIMEOUT_MS 30000U
#define SW_NOT_FOUND 0x6a82

struct pkcs15_card {
	struct job_store *store;
	char se[JOB_SE_MAX];
	struct gp_aid aid;
	uint8_t oid[PKCS15_OID_MAX];
	size_t oid_len;
	const char *file;
	size_t (*enough)(const uint8_t *p, size_t len);
	uint8_t pin[PKCS15_PIN_MAX];
	size_t pin_len;
	const struct gp_keyset *keys;
	pkcs15_card_done_t done;
	void *ctx;

	struct pkcs15 *walk;
	struct job_exchange *x;
	struct pkcs15_action next; /* opens the next channel, once this exchange is over */
	bool opening;
	bool more;
	bool pin_refused;
	char words[PKCS15_WORDS_MAX];
};

/*
 * What a walk sends: SELECT of files (never by name: that is the exchange's), READ BINARY and
 * RECORD, VERIFY, GET RESPONSE, and the opening of a secure channel. 04 is secure messaging.
 */
static const struct se_filter_rule rules[] = {
	{.cla = 0x00,
	 .cla_mask = 0xfb,
	 .ins = 0xa4,
	 .ins_mask = 0xff,
	 .p1 = 0x00,
	 .p1_mask = 0xf7},
	{.cla = 0x00, .cla_mask = 0xfb, .ins = 0xb0, .ins_mask = 0xfd},
	{.cla = 0x00, .cla_mask = 0xfb, .ins = 0x20, .ins_mask = 0xff},
	{.cla = 0x00, .cla_mask = 0xff, .ins = 0xc0, .ins_mask = 0xff},
	{.cla = 0x80, .cla_mask = 0xff, .ins = 0x50, .ins_mask = 0xff},
	{.cla = 0x84, .cla_mask = 0xff, .ins = 0x82, .ins_mask = 0xff},
};

static int fill_random(void *ctx, void *out, size_t len)
{
	(void)ctx;
	return getrandom(out, len, 0) == (ssize_t)len ? 0 : -EIO;
}

int pkcs15_card_new(struct pkcs15_card **ret, struct job_store *store,
		    const struct pkcs15_card_config *config, pkcs15_card_done_t done, void *ctx)
{
	struct pkcs15_card *c;

	if (!config->se || !*config->se || strlen(config->se) >= sizeof(c->se) ||
	    config->oid.len == 0 || config->oid.len > sizeof(c->oid) ||
	    config->pin.len > sizeof(c->pin))
		return -EINVAL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->store = store;
	snprintf(c->se, sizeof(c->se), "%s", config->se);
	c->aid = config->aid;
	memcpy(c->oid, config->oid.p, config->oid.len);
	c->oid_len = config->oid.len;
	c->file = config->file;
	c->enough = config->enough;
	if (config->pin.len > 0)
		memcpy(c->pin, config->pin.p, config->pin.len);
	c->pin_len = config->pin.len;
	c->keys = config->keys;
	c->done = done;
	c->ctx = ctx;
	*ret = c;
	return 0;
}

void pkcs15_card_free(struct pkcs15_card *c)
{
	if (!c)
		return;
	if (c->x)
		job_exchange_cancel(c->x);
	pkcs15_free(c->walk);
	explicit_bzero(c, sizeof(*c));
	free(c);
}

/* In the worker's thread: the walk is its alone until done() is called. */
static int on_next(void *userdata, const struct job_exchange_answer *a, uint8_t *cmd,
		   size_t room)
{
	struct pkcs15_card *c = userdata;
	struct pkcs15_action action;
	uint8_t *rsp;
	size_t len;
	int r;

	if (a->index == 0) {
		pkcs15_opened(c->walk, a->sw);
	} else {
		rsp = malloc(a->len + 2);
		if (!rsp)
			return -ENOMEM;
		if (a->len > 0)
			memcpy(rsp, a->data, a->len);
		rsp[a->len] = (uint8_t)(a->sw >> 8);
		rsp[a->len + 1] = (uint8_t)a->sw;
		pkcs15_answer(c->walk, rsp, a->len + 2);
		explicit_bzero(rsp, a->len + 2);
		free(rsp);
	}
	c->opening = false;
	r = pkcs15_next(c->walk, &action, c->words);
	if (r <= 0)
		return r;
	if (action.step == PKCS15_OPEN) {
		c->next = action;
		c->more = true;
		return 0;
	}
	len = action.cmd_len;
	if (len <= room)
		memcpy(cmd, action.cmd, len);
	explicit_bzero(&action, sizeof(action));
	return len <= room ? (int)len : -EMSGSIZE;
}

static int start(struct pkcs15_card *c);

static void finish(struct pkcs15_card *c, int error)
{
	struct pkcs15 *walk = c->walk;
	char words[PKCS15_WORDS_MAX];
	const uint8_t *p;
	size_t len = 0, size;

	memcpy(words, c->words, sizeof(words));
	if (error < 0 && *words == '\0')
		snprintf(words, sizeof(words), "%s", strerror(-error));
	/* a reading may be begun from within */
	c->walk = NULL;
	c->pin_refused |= pkcs15_pin_used(walk) && error == -EACCES;
	p = error == 0 ? pkcs15_file(walk, &len) : NULL;
	size = p && c->enough ? c->enough(p, len) : 0;
	if (size > 0 && size < len)
		len = size; /* what is behind it may change without being a change */
	c->done(c->ctx, error, p, len, words);
	pkcs15_free(walk);
}

static void on_done(void *userdata, int error, uint16_t outcome)
{
	struct pkcs15_card *c = userdata;

	(void)outcome;
	c->x = NULL;
	if (c->opening && (error == -ENOENT || error == -EREMOTEIO)) {
		/* SELECT by name was refused; the walk may know another way */
		pkcs15_opened(c->walk, error == -ENOENT ? SW_NOT_FOUND : 0x6f00);
		error = pkcs15_next(c->walk, &c->next, c->words);
		c->more = error > 0;
		error = error < 0 ? error : 0;
	}
	if (error == 0 && c->more) {
		c->more = false;
		error = start(c);
		if (error == 0)
			return;
	}
	finish(c, error);
}

static int start(struct pkcs15_card *c)
{
	struct job_exchange_params params = {
		.origin = PKCS15_CARD_ORIGIN,
		.se = c->se,
		.rules = rules,
		.nr_rules = sizeof(rules) / sizeof(rules[0]),
		.timeout_ms = TIMEOUT_MS,
		.next = on_next,
		.done = on_done,
		.userdata = c,
	};
	struct job_error err = {0};
	int r;

	memcpy(params.aid, c->next.aid.bytes, c->next.aid.len);
	params.aid_len = c->next.aid.len;
	c->opening = true;
	r = job_exchange_start(c->store, &params, &c->x, &err);
	if (r < 0)
		snprintf(c->words, sizeof(c->words), "%s", err.detail);
	return r;
}

int pkcs15_card_read(struct pkcs15_card *c)
{
	const struct pkcs15_config config = {
		.aid = c->aid,
		.pin = {c->pin, c->pin_refused ? 0 : c->pin_len},
		.keys = c->keys,
		.random = fill_random,
		.oid = {c->oid, c->oid_len},
		.file = c->file,
		.enough = c->enough,
	};
	int r;

	if (c->walk)
		return -EBUSY;
	c->words[0] = '\0';
	c->more = false;
	r = pkcs15_new(&c->walk, &config);
	if (r == 0) {
		r = pkcs15_next(c->walk, &c->next, c->words);
		r = r == 1 ? start(c) : r < 0 ? r : -EPROTO;
	}
	if (r < 0) {
		pkcs15_free(c->walk);
		c->walk = NULL;
	}
	return r;
}
