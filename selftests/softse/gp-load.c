// SPDX-License-Identifier: Apache-2.0
/*
 * LOAD (GPCS 2.3.1, 11.6). The load file is collected, checked when the last
 * block has come, and only then enters the registry: a load that breaks off
 * leaves nothing behind.
 */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "cap.h"
#include "crypto.h"
#include "gp.h"

#define DAPS 8

enum {
	TAG_DAP = 0xe2,
	TAG_FILE = 0xc4,
	TAG_ICV = 0xd3,
	TAG_CIPHERED = 0xd4,
};

void gp_load_cancel(struct load *l)
{
	free(l->data);
	entry_free(l->pending);
	memset(l, 0, sizeof(*l));
}

/* Every import is there, in a version that fits (JCVM 4.5). */
static bool resolve(struct card *c, const struct cap *cap)
{
	for (size_t i = 0; i < cap->n_imports; i++) {
		const struct import *im = &cap->imports[i];
		struct entry *e = registry_find(c, &im->aid);

		if (cap_platform(im) == 1)
			continue;
		if (!e || e->kind != ENTRY_ELF || !e->is_cap || e->version[0] != im->major ||
		    e->version[1] < im->minor)
			return false;
	}
	return true;
}

static uint16_t read_cap(struct card *c, struct entry *e)
{
	struct cap cap;
	const char *why;

	if (!cap_is(e->data->v, e->data->len))
		return c->profile.strict_load ? SW_WRONG_DATA : SW_OK;
	if (cap_parse(e->data->v, e->data->len, &cap, &why))
		return SW_WRONG_DATA;
	if (!aid_equal(&cap.package, &e->aid))
		return SW_WRONG_DATA;
	if (!resolve(c, &cap))
		return SW_NO_REFERENCE;
	/* module names become applications' names: one that is taken cannot be used */
	e->is_cap = true;
	e->version[0] = cap.major;
	e->version[1] = cap.minor;
	e->n_modules = cap.n_modules;
	memcpy(e->modules, cap.modules, sizeof(e->modules));
	e->n_imports = cap.n_imports;
	memcpy(e->imports, cap.imports, sizeof(e->imports));
	e->reserved = (uint32_t)e->data->len + cap.image;
	return SW_OK;
}

/* The key of a domain that DAP signatures are verified with. */
static const struct key *dap_key(const struct entry *sd)
{
	for (size_t i = 0; i < sd->n_keys; i++)
		if (sd->keys[i].kvn == KVN_DAP)
			return &sd->keys[i];
	return NULL;
}

/* DAP blocks: who signed, checked once the file's hash is known to be right. */
struct daps {
	struct entry *sd[DAPS];
	struct tlv sig[DAPS];
	size_t n;
};

static uint16_t take_dap(struct card *c, const struct tlv *block, struct daps *d)
{
	struct tlv name, sig;
	struct aid aid;

	if (d->n == DAPS || tlv_find(block->val, block->len, 0x4f, &name) != 1 ||
	    tlv_find(block->val, block->len, 0xc3, &sig) != 1 ||
	    !aid_set(&aid, name.val, name.len))
		return SW_WRONG_DATA;
	d->sd[d->n] = registry_sd(c, &aid);
	d->sig[d->n] = sig;
	return d->sd[d->n++] ? SW_OK : SW_NO_REFERENCE;
}

static uint16_t check_daps(struct card *c, const struct load *l, const struct daps *d)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct key *k;

		/* a block of a domain without the privilege says nothing (9.2.1) */
		if (!(d->sd[i]->priv & PRIV_DAP))
			return SW_CONDITIONS;
		k = dap_key(d->sd[i]);
		if (!k)
			return SW_CONDITIONS;
		if (!l->hash_len ||
		    !gp_signature(k, l->hash, l->hash_len, d->sig[i].val, d->sig[i].len))
			return SW_SECURITY;
	}
	/* the domain that owns the file, and every one with Mandated DAP */
	for (size_t i = 0; i < c->n_entries; i++) {
		const struct entry *e = c->entries[i];
		bool have = false;

		if (!entry_is_sd(e) ||
		    !(e->priv & PRIV_MANDATED_DAP || (e == l->sd && e->priv & PRIV_DAP)))
			continue;
		for (size_t k = 0; k < d->n; k++)
			have |= d->sd[k] == e;
		if (!have)
			return SW_CONDITIONS;
	}
	return SW_OK;
}

/* GPCS C.6: a file that is ciphered for the domain that may have such. */
static uint16_t decipher(struct card *c, const struct tlv *t, const struct tlv *icv,
			 struct blob **out)
{
	struct entry *sd = registry_with(c, PRIV_CIPHERED_LOAD);
	const struct key *k = sd ? entry_key(sd, KVN_CIPHERED_LOAD, 1) : NULL;
	static const uint8_t zero[AES_BLOCK];
	const uint8_t *iv = icv->len ? icv->val : zero;
	size_t block, n;
	struct blob *b;
	int bad;

	if (!k)
		return SW_CONDITIONS;
	block = k->part[0].type == KEY_DES ? DES_BLOCK : AES_BLOCK;
	if ((k->part[0].type != KEY_DES && k->part[0].type != KEY_AES) || t->len % block ||
	    (icv->len && icv->len != block))
		return SW_WRONG_DATA;
	b = blob_new(NULL, t->len);
	if (!b)
		return SW_MEMORY;
	bad = block == DES_BLOCK ? crypto_des_cbc(false, k->part[0].v->v, k->part[0].v->len, iv,
						  t->val, t->len, b->v)
				 : crypto_aes_cbc(false, k->part[0].v->v, k->part[0].v->len, iv,
						  t->val, t->len, b->v);
	for (n = t->len; !bad && n && !b->v[n - 1]; n--)
		;
	if (bad || n < 2 || b->v[n - 1] != 0x80) {
		blob_put(b);
		return SW_WRONG_DATA;
	}
	b->len = n - 1;
	*out = b;
	return SW_OK;
}

/* Walks E2* (C4 | [D3] D4), checks hash and signatures; fills @e. */
static uint16_t check_file(struct card *c, const struct load *l, struct entry *e)
{
	const uint8_t *p = l->data, *end = p + l->len;
	uint8_t hash[CARD_HASH_MAX];
	struct tlv t, icv = {0};
	struct daps daps = {.n = 0};
	uint16_t sw = SW_OK;

	for (;;) {
		if (tlv_next(&p, end, &t) != 1)
			return SW_WRONG_DATA;
		if (t.tag != TAG_DAP)
			break;
		sw = take_dap(c, &t, &daps);
		if (sw != SW_OK)
			return sw;
	}
	if (t.tag == TAG_ICV) {
		icv = t;
		if (tlv_next(&p, end, &t) != 1 || t.tag != TAG_CIPHERED)
			return SW_WRONG_DATA;
	}
	if ((t.tag != TAG_FILE && t.tag != TAG_CIPHERED) || p != end || !t.len)
		return SW_WRONG_DATA;
	if (t.len + ENTRY_COST > registry_free_nvm(c))
		return SW_NO_SPACE;
	if (t.tag == TAG_CIPHERED) {
		sw = decipher(c, &t, &icv, &e->data);
		if (sw != SW_OK)
			return sw;
	} else {
		e->data = blob_new(t.val, t.len);
		if (!e->data)
			return SW_MEMORY;
	}
	if (l->hash_len) {
		if (crypto_sha(l->hash_len, e->data->v, e->data->len, hash) ||
		    CRYPTO_memcmp(hash, l->hash, l->hash_len))
			return SW_WRONG_DATA;
	}
	if (crypto_sha(sizeof(e->hash), e->data->v, e->data->len, e->hash))
		return SW_MEMORY;
	sw = check_daps(c, l, &daps);
	return sw == SW_OK ? read_cap(c, e) : sw;
}

uint16_t gp_put_load_file(struct card *c, struct load *l)
{
	struct entry *e = l->pending;
	uint16_t sw;

	if (registry_find(c, &e->aid))
		return SW_CONDITIONS; /* another channel was faster */
	sw = card_add(c, e);
	if (sw == SW_OK)
		l->pending = NULL; /* the registry's now */
	return sw;
}

static uint16_t finish(struct card *c, struct load *l, struct entry *sd, struct apdu *a)
{
	const struct aid *names[] = {&l->elf, &l->sd->aid};
	struct entry *e = entry_new(ENTRY_ELF);
	uint16_t sw;

	if (!e)
		return SW_MEMORY;
	l->pending = e;
	e->aid = l->elf;
	e->parent = l->sd;
	e->state = ELF_LOADED;
	sw = registry_find(c, &e->aid) ? SW_CONDITIONS : check_file(c, l, e);
	if (sw != SW_OK)
		return sw;
	free(l->data);
	l->data = NULL;
	l->len = l->room = 0;
	l->active = false;
	if (l->combined) {
		buf_u8(&a->rsp, 0x00); /* the INSTALL command that ends it confirms */
		return SW_OK;
	}
	sw = gp_put_load_file(c, l);
	if (sw == SW_OK)
		sw = gp_confirm(c, sd, a, names, 2);
	gp_load_cancel(l);
	return sw;
}

uint16_t gp_load(struct card *c, struct channel *ch, struct entry *sd, struct apdu *a)
{
	struct load *l = &ch->load;

	if (!l->active)
		return SW_CONDITIONS;
	if ((a->p1 != 0x00 && a->p1 != 0x80) || a->p2 != l->next)
		return SW_P1P2;
	if (!a->lc)
		return SW_WRONG_DATA;
	if (l->len + a->lc > CARD_LOAD_MAX || l->len + a->lc > registry_free_nvm(c))
		return SW_NO_SPACE;
	if (l->len + a->lc > l->room) {
		size_t room = 2 * l->room + a->lc + 1024;
		uint8_t *data = realloc(l->data, room);

		if (!data)
			return SW_MEMORY;
		l->data = data;
		l->room = room;
	}
	memcpy(l->data + l->len, a->data, a->lc);
	l->len += a->lc;
	if (a->p1 == 0x80)
		return finish(c, l, sd, a);
	/* P2 is one byte (11.6.2.2); most cards count on from 00, some end there */
	if (l->next == 0xff && c->profile.no_load_wrap)
		return SW_P1P2;
	l->next++;
	return SW_OK;
}
