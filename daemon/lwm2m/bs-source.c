// SPDX-License-Identifier: Apache-2.0
/* What accounts come from without a bootstrap server: the card, and the factory file. */
#include <errno.h>
#include <string.h>
#include <syslog.h>

#include "lwm2m/bs-priv.h"

#define CARD_RETRY_MS 3000U
#define CARD_TRIES 3

/* What is stored is what there is: register, or ask the bootstrap server. */
static void settle(struct lwm2m_bootstrap *b)
{
	if (bs_accounts(b->data) > 0)
		bs_set_state(b, LWM2M_BS_DONE, LWM2M_NEVER);
	else
		bs_hold_off(b, bs_hold_off_ms(b));
	b->ops.changed(b->ctx);
}

static void factory(struct lwm2m_bootstrap *b)
{
	uint8_t digest[BS_DIGEST];
	char words[CONTENT_WORDS_MAX];
	int r;

	if (b->factory_len == 0 || b->applied)
		return;
	bs_digest(b->factory, b->factory_len, digest);
	if (bs_state_factory(b, digest) &&
	    (bs_accounts(b->data) > 0 || bs_server(b->data) >= 0))
		return; /* taken over before; what bootstrap made of it since counts */
	r = bs_take_factory(b, words);
	if (r < 0) {
		content_words(b->error, "factory file: %s", words);
		bs_log(b, LOG_ERR, "%s", b->error);
	} else {
		bs_log(b, LOG_INFO, "bootstrap: factory file taken over, %zu server accounts",
		       bs_accounts(b->data));
	}
}

void bs_read_card(struct lwm2m_bootstrap *b)
{
	int r;

	b->card_next = LWM2M_NEVER;
	if (b->reading)
		return;
	b->reading = true;
	r = b->ops.read_card(b->ctx);
	if (r < 0 && b->reading)
		lwm2m_bootstrap_card(b, b->now, r, NULL, 0);
}

void lwm2m_bootstrap_start(struct lwm2m_bootstrap *b, uint64_t now)
{
	b->now = now;
	if (b->started)
		return;
	b->started = true;
	if (b->purge != LWM2M_NEVER)
		b->purge += now;
	if (b->card && b->ops.read_card) {
		bs_set_state(b, LWM2M_BS_CARD, LWM2M_NEVER);
		bs_read_card(b);
		return;
	}
	if (b->applied) { /* the card is configured no more */
		char words[CONTENT_WORDS_MAX];

		if (bs_drop_card(b, words) < 0)
			bs_log(b, LOG_ERR, "%s", words);
	}
	factory(b);
	settle(b);
}

/* The card may be there and answer another time. */
static bool passing(int error)
{
	return error == -ETIMEDOUT || error == -EIO || error == -EUSERS || error == -EBUSY ||
	       error == -EAGAIN || error == -ENOMEM || error == -EINTR;
}

static void card_gone(struct lwm2m_bootstrap *b, int error)
{
	char words[CONTENT_WORDS_MAX];

	if (!b->applied) {
		bs_log(b, error == -ENOENT || error == -ENODEV ? LOG_INFO : LOG_WARNING,
		       "bootstrap: nothing from the card: %s", strerror(-error));
		return;
	}
	if (bs_drop_card(b, words) < 0)
		bs_log(b, LOG_ERR, "%s", words);
	else
		bs_log(b, LOG_WARNING,
		       "bootstrap: the card is not what it was; the accounts from it are gone");
}

void lwm2m_bootstrap_card(struct lwm2m_bootstrap *b, uint64_t now, int error, const uint8_t *p,
			  size_t len)
{
	char words[CONTENT_WORDS_MAX];
	uint8_t digest[BS_DIGEST];
	bool first = b->at == LWM2M_BS_CARD;
	/* after a start the SE may take a moment to be there; what came from it waits */
	bool again = passing(error) || (first && b->applied && error == -ENODEV);

	b->now = now;
	b->reading = false;
	if (b->reread)
		b->card_next = now;
	b->reread = false;
	if (again && ++b->card_tries < CARD_TRIES) {
		b->card_next = now + CARD_RETRY_MS;
		return;
	}
	b->card_tries = 0;
	if (passing(error) && !first) {
		bs_log(b, LOG_WARNING, "bootstrap: the card cannot be read now: %s",
		       strerror(-error));
		return; /* not a reason to leave its servers */
	}
	if (error == 0) {
		bs_digest(p, len, digest);
		if (b->applied && memcmp(digest, b->digest, sizeof(digest)) == 0) {
			if (first)
				settle(b);
			return;
		}
		error = bs_take_card(b, p, len, words);
		if (error < 0)
			bs_log(b, LOG_ERR, "%s", words);
		else
			bs_log(b, LOG_INFO,
			       "bootstrap: taken from the card, %zu server accounts",
			       bs_accounts(b->data));
	}
	if (error < 0 && !passing(error))
		card_gone(b, error);
	/* a session of its own accord may be under way: it works on what was there */
	if (!first && b->at != LWM2M_BS_DONE && b->at != LWM2M_BS_IDLE) {
		bs_session_end(b);
		bs_disconnect(b);
	}
	factory(b);
	settle(b);
}

void lwm2m_bootstrap_recheck(struct lwm2m_bootstrap *b, uint64_t now, uint16_t ssid)
{
	int32_t server;

	b->now = now;
	if (!b->card || !b->ops.read_card || b->at == LWM2M_BS_CARD ||
	    b->card_next != LWM2M_NEVER)
		return;
	server = ssid ? lwm2m_data_find(b->data, 1, BS_SRV_SSID, ssid) : -1;
	/* a card that comes is looked at, one that is there only if something came from it */
	if (ssid != 0 && (server < 0 || !bs_list_has(&b->from_card, 1, (uint16_t)server)))
		return;
	/* what is being read may have been read before what there is to see now */
	if (b->reading)
		b->reread = true;
	else
		bs_read_card(b);
}
