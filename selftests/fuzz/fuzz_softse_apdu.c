// SPDX-License-Identifier: Apache-2.0
/*
 * The card. Input: one byte of what has been before, then APDUs, each with its
 * length (one byte) in front.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "softse/applet.h"
#include "softse/card.h"
#include "softse/registry-check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Sessions cannot be guessed: the fuzzer is let in. */
static void authenticate(struct card *c, uint8_t level)
{
	struct scp *s = &c->channels[0].scp;

	scp_close(s);
	s->proto = 3;
	s->kvn = 0x30;
	s->sd = c->entries[0];
	s->state = SCP_OPEN;
	s->authenticated = true;
	s->level = s->s3.level = level;
	s->s3.state = SCP03_OPEN;
	s->s3.key_len = 16;
	s->s3.mac_len = 8;
	/* an applet may be what is selected; other channels begin with it */
	c->channels[0].selected = c->entries[0];
}

static void install(struct card *c)
{
	static const uint8_t load[] = "\x80\xe6\x02\x00\x0d\x08\xf0SESAME\x01\0\0\0\0";
	static const uint8_t block[] = "\x80\xe8\x80\x00\x07\xc4\x05hello";
	static const uint8_t app[] =
		"\x80\xe6\x0c\x00\x23\x08\xf0SESAME\x01\x09\xf0SESAME\x01\x01"
		"\x09\xf0SESAME\x01\x02\x01\x00\x02\xc9\x00\x00";
	static uint8_t rsp[CARD_RAPDU_MAX];
	size_t n = c->n_entries;
	uint64_t work;

	authenticate(c, 0);
	card_execute(c, 1, load, sizeof(load) - 1, rsp, sizeof(rsp), &work);
	card_execute(c, 1, block, sizeof(block) - 1, rsp, sizeof(rsp), &work);
	card_execute(c, 1, app, sizeof(app) - 1, rsp, sizeof(rsp), &work);
	if (c->n_entries != n + 2)
		abort();
}

/* The upper bits: one applet, selected from the beginning, or none. */
static void add_applets(struct card_profile *p, uint8_t first)
{
	static const char *const names[8] = {NULL,
					     "pkcs15 default",
					     "pkcs15-pin default",
					     "pkcs15-scp03 default",
					     "iot-safe default",
					     "vault default",
					     "ara default"};
	const char *name = names[first >> 5];

	if (name && applet_profile(p, name))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct card card;
	static uint8_t rsp[CARD_RAPDU_MAX];
	char err[128];
	uint64_t work;

	if (!size)
		return 0;
	memset(&card, 0, sizeof(card));
	card_profile_default(&card.profile);
	card.profile.status_page = 24;
	add_applets(&card.profile, *data);
	if (card_init(&card, err, sizeof(err)))
		abort();
	if (*data & 1)
		install(&card);
	if (*data & 2)
		card_reset(&card);
	if (*data & 4)
		authenticate(&card, *data >> 3 & 1 ? 0x33 : 0);
	data++;
	size--;
	while (size) {
		size_t n = *data++, got;

		size--;
		if (n > size)
			n = size;
		got = card_execute(&card, 1, data, n, rsp, sizeof(rsp), &work);
		if (got < 2 || got > sizeof(rsp) || registry_check(&card))
			abort();
		data += n;
		size -= n;
	}
	card_exit(&card);
	return 0;
}
