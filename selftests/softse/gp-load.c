// SPDX-License-Identifier: Apache-2.0
/*
 * LOAD (GPCS 2.3.1, 11.6). The load file is collected, checked when the last
 * block has come, and only then enters the registry: a load that breaks off
 * leaves nothing behind.
 */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "card.h"
#include "crypto.h"

void gp_load_cancel(struct load *l)
{
	free(l->data);
	memset(l, 0, sizeof(*l));
}

/*
 * Modules and version from the Header and Applet components of a CAP file
 * (JCVM 6.4, 6.6), where the data block is one. Anything else is stored as it is.
 */
static void read_cap(struct entry *e)
{
	const uint8_t *p = e->data, *end = p + e->size;
	static const uint8_t magic[] = {0xde, 0xca, 0xff, 0xed};
	bool header = false;

	while (end - p >= 3) {
		uint8_t tag = p[0];
		size_t len = get_be16(p + 1);
		const uint8_t *v = p + 3;

		if ((size_t)(end - v) < len)
			return;
		p = v + len;
		if (!header && (tag != 1 || len < 9 || memcmp(v, magic, sizeof(magic))))
			return;
		if (tag == 1) {
			header = true;
			e->is_cap = true;
			e->version[0] = v[8]; /* package major.minor */
			e->version[1] = v[7];
		}
		if (tag != 3 || !len)
			continue;
		for (unsigned int n = *v++; n && v < p; n--) {
			size_t aid_len = *v++;

			if ((size_t)(p - v) < aid_len + 2 || e->n_modules == CARD_MODULES ||
			    !aid_set(&e->modules[e->n_modules], v, aid_len))
				return;
			e->n_modules++;
			v += aid_len + 2; /* and install_method_offset */
		}
	}
}

/* Walks E2* C4 and checks the hash; fills @e. */
static uint16_t check_file(struct card *c, const struct load *l, struct entry *e)
{
	const uint8_t *p = l->data, *end = p + l->len;
	uint8_t hash[64];
	struct tlv t;

	do {
		if (tlv_next(&p, end, &t) != 1)
			return SW_WRONG_DATA;
	} while (t.tag == 0xe2); /* DAP blocks: nobody here asks for them */
	if (t.tag != 0xc4 || p != end || !t.len)
		return SW_WRONG_DATA;
	if (t.len + sizeof(*e) > registry_free_nvm(c))
		return SW_NO_SPACE;
	if (l->hash_len) {
		if (crypto_sha(l->hash_len, t.val, t.len, hash) ||
		    CRYPTO_memcmp(hash, l->hash, l->hash_len))
			return SW_WRONG_DATA;
	}
	if (crypto_sha(sizeof(e->hash), t.val, t.len, e->hash))
		return SW_MEMORY;
	e->data = malloc(t.len);
	if (!e->data)
		return SW_MEMORY;
	memcpy(e->data, t.val, t.len);
	e->size = t.len;
	read_cap(e);
	return SW_OK;
}

static uint16_t finish(struct card *c, struct load *l)
{
	struct entry *e = calloc(1, sizeof(*e));
	uint16_t sw;

	if (!e)
		return SW_MEMORY;
	e->kind = ENTRY_ELF;
	e->aid = l->elf;
	e->parent = l->parent;
	e->state = ELF_LOADED;
	sw = registry_find(c, &e->aid) ? SW_CONDITIONS : check_file(c, l, e);
	if (sw == SW_OK)
		sw = registry_add(c, e);
	if (sw != SW_OK) {
		entry_free(e);
		return sw;
	}
	if (store_save(c)) {
		registry_remove(c, e);
		entry_free(e);
		return SW_MEMORY;
	}
	return SW_OK;
}

static uint16_t take_block(struct card *c, struct load *l, struct apdu *a)
{
	uint8_t *data;
	uint16_t sw;

	if (!l->active)
		return SW_CONDITIONS;
	if ((a->p1 != 0x00 && a->p1 != 0x80) || a->p2 != l->next)
		return SW_P1P2;
	if (!a->lc)
		return SW_WRONG_DATA;
	if (l->len + a->lc > CARD_LOAD_MAX)
		return SW_NO_SPACE;
	data = realloc(l->data, l->len + a->lc);
	if (!data)
		return SW_MEMORY;
	l->data = data;
	memcpy(data + l->len, a->data, a->lc);
	l->len += a->lc;
	if (a->p1 == 0x00) {
		/* P2 is one byte: after block FF only a last one could have come */
		if (l->next == 0xff)
			return SW_P1P2;
		l->next++;
		return SW_OK;
	}
	sw = finish(c, l);
	gp_load_cancel(l);
	return sw;
}

uint16_t gp_load(struct card *c, struct channel *ch, struct apdu *a)
{
	uint16_t sw = take_block(c, &ch->load, a);

	if (sw != SW_OK)
		gp_load_cancel(&ch->load);
	else if (a->p1 == 0x80)
		buf_u8(&a->rsp, 0x00); /* no confirmation */
	return sw;
}
