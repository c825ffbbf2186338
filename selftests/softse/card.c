// SPDX-License-Identifier: Apache-2.0
/* Power-up and power-down of the card. */
#include "card.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "applet.h"

void card_profile_default(struct card_profile *p)
{
	static const uint8_t isd[] = {0xa0, 0, 0, 1, 0x51, 0, 0, 0};
	static const uint8_t module[] = {0xf0, 'S', 'E', 'S', 'A', 'M', 'E', 1, 1};
	static const uint8_t sd_elf[] = {0xa0, 0, 0, 1, 0x51, 0x53, 0x50};
	static const uint8_t sd_module[] = {0xa0, 0, 0, 1, 0x51, 0x53, 0x50, 0x41};
	static const uint8_t iin[] = {0x99, 0x99, 0x99, 0x0f};
	static const uint8_t cin[] = {'S', 'E', 'S', 'A', 'M', 'E', 0, 1};

	memset(p, 0, sizeof(*p));
	p->keys[0].kvn = 0x30;
	p->keys[0].len = 16;
	for (uint8_t i = 0; i < 16; i++)
		p->keys[0].enc[i] = p->keys[0].mac[i] = p->keys[0].dek[i] = (uint8_t)(0x40 + i);
	p->n_keys = 1;
	p->scp_i = SCP03_I_PSEUDO_RANDOM | SCP03_I_RMAC | SCP03_I_RENC;
	p->scp02_i =
		SCP02_I_THREE_KEYS | SCP02_I_EXPLICIT | SCP02_I_ICV_ENC | SCP02_I_WELL_KNOWN;
	p->life_cycle = CARD_OP_READY;
	/* all that is not another domain's by nature: 9E FE 80 */
	p->isd_privileges = PRIV_SD | PRIV_CARD_LOCK | PRIV_CARD_TERMINATE | PRIV_CARD_RESET |
			    PRIV_CVM | PRIV_TRUSTED_PATH | PRIV_AUTHORIZED | PRIV_TOKEN |
			    PRIV_GLOBAL_DELETE | PRIV_GLOBAL_LOCK | PRIV_GLOBAL_REGISTRY |
			    PRIV_FINAL | PRIV_RECEIPT | PRIV_CIPHERED_LOAD;
	p->channels = CARD_CHANNELS;
	p->key_tries = 10;
	aid_set(&p->isd, isd, sizeof(isd));
	aid_set(&p->sd_elf, sd_elf, sizeof(sd_elf));
	aid_set(&p->sd_module, sd_module, sizeof(sd_module));
	aid_set(&p->test_module, module, sizeof(module));
	memcpy(p->iin, iin, sizeof(iin));
	p->iin_len = sizeof(iin);
	memcpy(p->cin, cin, sizeof(cin));
	p->cin_len = sizeof(cin);
}

/* The keys that a new card is made with. */
static int put_keys(const struct card_profile *p, struct entry *isd)
{
	for (size_t i = 0; i < p->n_keys; i++) {
		const uint8_t *const parts[] = {p->keys[i].enc, p->keys[i].mac, p->keys[i].dek};

		for (uint8_t kid = 1; kid <= 3; kid++) {
			struct key k = {.kvn = p->keys[i].kvn, .kid = kid, .n_parts = 1};

			k.part[0].type = p->key_types[i] ? p->key_types[i] : KEY_AES;
			k.part[0].v = blob_new(parts[kid - 1], p->keys[i].len);
			if (!k.part[0].v)
				return -ENOMEM;
			if (entry_put_key(isd, &k) != SW_OK) {
				key_clear(&k);
				return -ENOMEM;
			}
		}
	}
	return 0;
}

/* A card as it leaves the factory: the issuer's domain, and what the profile names. */
static int make_card(struct card *c)
{
	struct entry *isd = entry_new(ENTRY_ISD);

	if (!isd)
		return -ENOMEM;
	isd->aid = c->profile.isd;
	isd->priv = c->profile.isd_privileges;
	isd->code = &applet_sd;
	isd->state = SD_PERSONALIZED;
	c->entries[0] = isd;
	c->n_entries = 1;
	c->life_cycle = c->profile.life_cycle;
	return put_keys(&c->profile, isd) ? -ENOMEM : applet_make(c);
}

int card_init(struct card *c, char *err, size_t err_room)
{
	int ret;

	c->scratch = malloc(CARD_CAPDU_MAX);
	ret = c->scratch ? make_card(c) : -ENOMEM;
	if (ret) {
		snprintf(err, err_room, "out of memory");
		goto fail;
	}
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
	free(c->txn.u);
	memset(&c->txn, 0, sizeof(c->txn));
	free(c->scratch);
	c->scratch = NULL;
	OPENSSL_cleanse(c->profile.keys, sizeof(c->profile.keys));
}
