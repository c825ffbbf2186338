// SPDX-License-Identifier: Apache-2.0
/*
 * Key data, domain data, parameters, certificates: the parsers behind PUT KEY, STORE
 * DATA, INSTALL, LOAD, PERFORM SECURITY OPERATION and the AUTHENTICATE commands of SCP11,
 * each with the whole input as its data field. First byte: which command, second and
 * third: P1 and P2.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "softse/card.h"
#include "softse/crypto.h"
#include "softse/registry-check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void let_in(struct card *c)
{
	struct scp *s = &c->channels[0].scp;

	scp_close(s);
	s->proto = 3;
	s->kvn = 0x30;
	s->sd = c->entries[0];
	s->state = SCP_OPEN;
	s->authenticated = true;
	s->s3.state = SCP03_OPEN;
	s->s3.key_len = 16;
	s->s3.mac_len = 8;
}

static void put(struct card *c, uint8_t kvn, uint8_t kid, uint8_t type, const uint8_t *v,
		size_t len)
{
	struct key k = {.kvn = kvn, .kid = kid, .n_parts = 1};

	k.part[0] = (struct key_part){.type = type, .v = blob_new(v, len)};
	if (!k.part[0].v || entry_put_key(c->entries[0], &k) != SW_OK)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t ins[] = {0xd8, 0xe2, 0xe6, 0xe8, 0x2a, 0x82, 0x88, 0xe4,
				      0xf2, 0xf0, 0xca, 0x50, 0x7a, 0xe2, 0xe6, 0xd8};
	static uint8_t cmd[CARD_CAPDU_MAX], rsp[CARD_RAPDU_MAX];
	static uint8_t priv[32], pub[65];
	static struct card card;
	uint64_t work;
	char err[128];
	size_t n;

	if (size < 3 || size > 60000)
		return 0;
	if (!pub[0]) {
		priv[31] = 7;
		if (crypto_ec_public(0, priv, sizeof(priv), pub))
			abort();
	}
	memset(&card, 0, sizeof(card));
	card_profile_default(&card.profile);
	if (card_init(&card, err, sizeof(err)))
		abort();
	put(&card, 1, 0x10, KEY_EC_PUBLIC, pub, sizeof(pub));
	put(&card, 1, 0x11, KEY_EC_PRIVATE, priv, sizeof(priv));
	put(&card, 1, 0x13, KEY_EC_PRIVATE, priv, sizeof(priv));
	put(&card, 1, 0x15, KEY_EC_PRIVATE, priv, sizeof(priv));
	put(&card, 0x75, 1, KEY_AES, priv, 16);
	put(&card, 0x70, 1, KEY_AES, priv, 16);
	let_in(&card);
	if ((*data & 0x0f) == 3) { /* LOAD goes on from an INSTALL */
		static const uint8_t load[] = "\x80\xe6\x02\x00\x0d\x08\xf0SESAME\x01\0\0\0\0";

		card_execute(&card, 1, load, sizeof(load) - 1, rsp, sizeof(rsp), &work);
	}
	cmd[0] = 0x80;
	cmd[1] = ins[*data & 0x0f];
	cmd[2] = data[1];
	cmd[3] = data[2];
	data += 3;
	size -= 3;
	cmd[4] = 0;
	cmd[5] = (uint8_t)(size >> 8);
	cmd[6] = (uint8_t)size;
	memcpy(cmd + 7, data, size);
	n = size ? 7 + size : 4;
	for (int i = 0; i < 2; i++) {
		if (card_execute(&card, 1, cmd, n, rsp, sizeof(rsp), &work) < 2)
			abort();
		if (registry_check(&card))
			abort();
	}
	card_exit(&card);
	return 0;
}
