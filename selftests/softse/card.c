// SPDX-License-Identifier: Apache-2.0
/* Power-up and power-down of the card. */
#include "card.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void card_profile_default(struct card_profile *p)
{
	static const uint8_t isd[] = {0xa0, 0, 0, 1, 0x51, 0, 0, 0};
	static const uint8_t module[] = {0xf0, 'S', 'E', 'S', 'A', 'M', 'E', 1, 1};
	static const uint8_t iin[] = {0x99, 0x99, 0x99, 0x0f};
	static const uint8_t cin[] = {'S', 'E', 'S', 'A', 'M', 'E', 0, 1};

	memset(p, 0, sizeof(*p));
	p->keys[0].kvn = 0x30;
	p->keys[0].len = 16;
	for (uint8_t i = 0; i < 16; i++)
		p->keys[0].enc[i] = p->keys[0].mac[i] = p->keys[0].dek[i] = (uint8_t)(0x40 + i);
	p->n_keys = 1;
	p->scp_i = SCP03_I_PSEUDO_RANDOM | SCP03_I_RMAC | SCP03_I_RENC;
	p->life_cycle = CARD_OP_READY;
	p->channels = CARD_CHANNELS;
	p->key_tries = 10;
	aid_set(&p->isd, isd, sizeof(isd));
	aid_set(&p->test_module, module, sizeof(module));
	memcpy(p->iin, iin, sizeof(iin));
	p->iin_len = sizeof(iin);
	memcpy(p->cin, cin, sizeof(cin));
	p->cin_len = sizeof(cin);
}

int card_init(struct card *c, char *err, size_t err_room)
{
	struct entry *isd = calloc(1, sizeof(*isd));
	int ret = 0;

	c->scratch = malloc(CARD_CAPDU_MAX);
	if (!c->scratch || !isd) {
		free(isd);
		snprintf(err, err_room, "out of memory");
		ret = -ENOMEM;
		goto fail;
	}
	c->life_cycle = c->profile.life_cycle;
	isd->kind = ENTRY_ISD;
	isd->aid = c->profile.isd;
	registry_add(c, isd);
	if (c->state_path) {
		ret = store_load(c, err, err_room);
		if (ret == -ENOENT) {
			ret = store_save(c);
			if (ret)
				snprintf(err, err_room, "cannot write the state file %s: %s",
					 c->state_path, strerror(-ret));
		}
	}
	if (ret)
		goto fail;
	card_reset(c);
	return 0;
fail:
	card_exit(c);
	return ret;
}

void card_exit(struct card *c)
{
	if (c->n_entries)
		card_reset(c);
	for (size_t i = 0; i < c->n_entries; i++)
		entry_free(c->entries[i]);
	c->n_entries = 0;
	free(c->scratch);
	c->scratch = NULL;
	OPENSSL_cleanse(c->profile.keys, sizeof(c->profile.keys));
}
