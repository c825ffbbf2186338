// SPDX-License-Identifier: Apache-2.0
/* INSTALL and DELETE (GPCS 2.3.1, 11.5 and 11.2). */
#include <stdlib.h>
#include <string.h>

#include "card.h"

#define PRIV1_SD 0x80
#define FIELDS 6

/* The length-prefixed fields of INSTALL; exactly @n, nothing behind them. */
static bool split(const struct apdu *a, struct tlv *f, size_t n)
{
	const uint8_t *p = a->data, *end = p + a->lc;

	for (size_t i = 0; i < n; i++)
		if (lv_next(&p, end, &f[i]) != 1)
			return false;
	return p == end;
}

/* Are the parameters a run of data objects? Gives the wish for NV memory in EF. */
static bool check_params(const struct tlv *params, size_t *nvm)
{
	const uint8_t *p = params->val, *end = p + params->len;
	struct tlv t, in;
	int ret;

	*nvm = 0;
	while ((ret = tlv_next(&p, end, &t)) == 1) {
		const uint8_t *q = t.val;

		if (t.tag != 0xef)
			continue;
		while ((ret = tlv_next(&q, t.val + t.len, &in)) == 1)
			if (in.tag == 0xc6 || in.tag == 0xc8)
				for (size_t i = *nvm = 0; i < in.len && i < 4; i++)
					*nvm = *nvm << 8 | in.val[i];
		if (ret < 0)
			return false;
	}
	return !ret;
}

static uint16_t for_load(struct card *c, struct channel *ch, struct apdu *a)
{
	struct load *l = &ch->load;
	struct tlv f[FIELDS];
	struct aid elf, sd = c->entries[0]->aid;
	size_t nvm, hash;

	if (!split(a, f, 5) || !aid_set(&elf, f[0].val, f[0].len) ||
	    (f[1].len && !aid_set(&sd, f[1].val, f[1].len)) || !check_params(&f[3], &nvm))
		return SW_WRONG_DATA;
	hash = f[2].len;
	if (hash && hash != 20 && hash != 32 && hash != 48 && hash != 64)
		return SW_WRONG_DATA;
	if (!aid_equal(&sd, &c->entries[0]->aid))
		return SW_NO_REFERENCE; /* no other security domain is here */
	if (registry_find(c, &elf))
		return SW_CONDITIONS;
	if (nvm > registry_free_nvm(c) || c->n_entries == CARD_ENTRIES)
		return SW_NO_SPACE;
	l->active = true;
	l->elf = elf;
	l->parent = sd;
	l->hash_len = hash;
	memcpy(l->hash, f[2].val, hash);
	return SW_OK;
}

/* A load file that is no CAP file does not name its modules: any will do. */
static bool module_known(const struct entry *elf, const struct aid *module)
{
	for (size_t i = 0; i < elf->n_modules; i++)
		if (aid_equal(&elf->modules[i], module))
			return true;
	return !elf->is_cap;
}

static uint16_t for_install(struct card *c, struct apdu *a)
{
	struct tlv f[FIELDS], t;
	struct aid elf_aid, module, instance;
	struct entry *elf, *e;
	size_t nvm;
	uint16_t sw;

	if (!split(a, f, 6) || !aid_set(&elf_aid, f[0].val, f[0].len) ||
	    !aid_set(&module, f[1].val, f[1].len) || (f[3].len != 1 && f[3].len != 3) ||
	    !check_params(&f[4], &nvm) || tlv_find(f[4].val, f[4].len, 0xc9, &t) != 1)
		return SW_WRONG_DATA;
	instance = module;
	if (f[2].len && !aid_set(&instance, f[2].val, f[2].len))
		return SW_WRONG_DATA;
	if (f[3].val[0] & PRIV1_SD)
		return SW_WRONG_DATA; /* supplementary security domains: none */
	elf = registry_find(c, &elf_aid);
	if (!elf || elf->kind != ENTRY_ELF || !module_known(elf, &module))
		return SW_NO_REFERENCE;
	if (registry_find(c, &instance))
		return SW_CONDITIONS;
	if (nvm + sizeof(*e) > registry_free_nvm(c))
		return SW_NO_SPACE;
	e = calloc(1, sizeof(*e));
	if (!e)
		return SW_MEMORY;
	e->kind = ENTRY_APP;
	e->aid = instance;
	e->elf = elf_aid;
	e->module = module;
	e->parent = elf->parent;
	e->state = a->p1 & 0x08 ? APP_SELECTABLE : APP_INSTALLED;
	memcpy(e->priv, f[3].val, f[3].len);
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

static uint16_t for_make_selectable(struct card *c, struct apdu *a)
{
	struct tlv f[FIELDS];
	struct aid aid;
	struct entry *e;
	size_t nvm;

	if (!split(a, f, 6) || f[0].len || f[1].len || !aid_set(&aid, f[2].val, f[2].len) ||
	    (f[3].len > 1 && f[3].len != 3) || !check_params(&f[4], &nvm))
		return SW_WRONG_DATA;
	e = registry_find(c, &aid);
	if (!e || e->kind != ENTRY_APP)
		return SW_NO_REFERENCE;
	if (e->state != APP_INSTALLED)
		return SW_CONDITIONS;
	e->state = APP_SELECTABLE;
	if (store_save(c)) {
		e->state = APP_INSTALLED;
		return SW_MEMORY;
	}
	return SW_OK;
}

uint16_t gp_install(struct card *c, struct channel *ch, struct apdu *a)
{
	uint16_t sw;

	if (a->p2)
		return SW_P1P2;
	switch (a->p1) {
	case 0x02:
		sw = for_load(c, ch, a);
		break;
	case 0x04:
	case 0x0c:
		sw = for_install(c, a);
		break;
	case 0x08:
		sw = for_make_selectable(c, a);
		break;
	default:
		return SW_P1P2;
	}
	if (sw == SW_OK)
		buf_u8(&a->rsp, 0x00); /* no confirmation */
	return sw;
}

/* Takes rows out together: either all are gone and on disk so, or none. */
static uint16_t remove_all(struct card *c, struct entry **victims, size_t n)
{
	size_t where[CARD_ENTRIES];

	for (size_t i = 0; i < n; i++)
		where[i] = registry_remove(c, victims[i]);
	if (store_save(c)) {
		while (n--)
			registry_insert(c, victims[n], where[n]);
		return SW_MEMORY;
	}
	for (size_t i = 0; i < n; i++)
		entry_free(victims[i]);
	return SW_OK;
}

uint16_t gp_delete(struct card *c, struct channel *ch, struct apdu *a)
{
	struct entry *victims[CARD_ENTRIES], *e;
	const uint8_t *p = a->data, *end = p + a->lc;
	struct aid aid;
	struct tlv t;
	size_t n = 0;
	uint16_t sw;

	(void)ch;
	if (a->p1 || (a->p2 & 0x7f))
		return SW_P1P2;
	if (tlv_next(&p, end, &t) != 1 || t.tag != 0x4f || !aid_set(&aid, t.val, t.len))
		return SW_WRONG_DATA;
	while (p < end) /* control reference and token */
		if (tlv_next(&p, end, &t) != 1 || (t.tag != 0xb6 && t.tag != 0x9e))
			return SW_WRONG_DATA;
	e = registry_find(c, &aid);
	if (!e)
		return SW_NO_REFERENCE;
	if (e->kind == ENTRY_ISD)
		return SW_CONDITIONS;
	if (e->kind == ENTRY_ELF)
		for (size_t i = 0; i < c->n_entries; i++)
			if (c->entries[i]->kind == ENTRY_APP &&
			    aid_equal(&c->entries[i]->elf, &e->aid))
				victims[n++] = c->entries[i];
	/* a load file goes with its applications or not at all */
	if (n && !(a->p2 & 0x80))
		return SW_CONDITIONS;
	victims[n++] = e;
	for (size_t i = 0; i < n; i++)
		if (registry_selected(c, victims[i]))
			return SW_CONDITIONS;
	sw = remove_all(c, victims, n);
	if (sw == SW_OK)
		buf_u8(&a->rsp, 0x00);
	return sw;
}
