// SPDX-License-Identifier: Apache-2.0
/* INSTALL in all its forms (GPCS 2.3.1, 11.5). */
#include <stdlib.h>
#include <string.h>

#include "applet.h"
#include "gp.h"

#define FIELDS 6

/* What the parameters field says; absent values are 0. */
struct params {
	struct tlv app; /* C9 */
	bool has_app;
	uint32_t nvm;	   /* C6, C8: what is needed, or a quota */
	uint32_t reserved; /* D8 */
	uint8_t implicit;  /* CF */
	bool has_implicit;
	uint8_t restricted; /* D9 */
	bool has_restricted;
};

/* A field with a length as 11.1.5 has it: one byte up to 7F, else 81 xx or 82 xx xx. */
static bool field_next(const uint8_t **p, const uint8_t *end, struct tlv *f)
{
	size_t left = (size_t)(end - *p), head = 1;

	if (!left)
		return false;
	f->len = **p;
	if (f->len > 0x7f) {
		head = f->len == 0x81 ? 2 : 3;
		if ((f->len != 0x81 && f->len != 0x82) || left < head)
			return false;
		f->len = head == 2 ? (*p)[1] : get_be16(*p + 1);
	}
	if (left - head < f->len)
		return false;
	f->tag = 0;
	f->val = *p + head;
	*p = f->val + f->len;
	return true;
}

/*
 * The length-prefixed fields of INSTALL; exactly @n, nothing behind them. The length of a
 * token, the last, may have one byte for 128 as well (11.5.2.3.1).
 */
static bool split(const struct apdu *a, struct tlv *f, size_t n)
{
	const uint8_t *p = a->data, *end = p + a->lc;

	for (size_t i = 0; i + 1 < n; i++)
		if (!field_next(&p, end, &f[i]))
			return false;
	/* the long forms first: 81 80 in front of 128 bytes is no length of 129 */
	if (end - p > 2 && p[0] == 0x81 && (size_t)(end - p) == 2U + p[1])
		p += 2;
	else if (end - p > 3 && p[0] == 0x82 && (size_t)(end - p) == 3U + get_be16(p + 1))
		p += 3;
	else
		return lv_next(&p, end, &f[n - 1]) == 1 && p == end;
	f[n - 1] = (struct tlv){.val = p, .len = (size_t)(end - p)};
	return true;
}

static bool number(const struct tlv *t, uint32_t *v)
{
	/* two bytes, or four (table 11-49) */
	if (t->len != 2 && t->len != 4)
		return false;
	for (size_t i = *v = 0; i < t->len; i++)
		*v = *v << 8 | t->val[i];
	return true;
}

static bool system_params(const struct tlv *ef, struct params *out)
{
	const uint8_t *p = ef->val, *end = p + ef->len;
	struct tlv t;
	uint32_t v;
	int ret;

	while ((ret = tlv_next(&p, end, &t)) == 1) {
		switch (t.tag) {
		case 0xc6:
		case 0xc8:
			if (!number(&t, &out->nvm))
				return false;
			break;
		case 0xc7:
		case 0xd7:
			if (!number(&t, &v))
				return false;
			break;
		case 0xd8:
			if (!number(&t, &out->reserved))
				return false;
			break;
		case 0xcf:
			if (t.len != 1)
				return false;
			out->implicit = t.val[0];
			out->has_implicit = true;
			break;
		case 0xd9:
			if (t.len != 1 || t.val[0] & 0x80)
				return false;
			out->restricted = t.val[0];
			out->has_restricted = true;
			break;
		default:
			break; /* CB, CD, DD, CA, EA: nothing here depends on them */
		}
	}
	return !ret;
}

static bool parse_params(const struct tlv *field, struct params *out)
{
	const uint8_t *p = field->val, *end = p + field->len;
	struct tlv t;
	int ret;

	memset(out, 0, sizeof(*out));
	while ((ret = tlv_next(&p, end, &t)) == 1) {
		if (t.tag == 0xc9) {
			out->app = t;
			out->has_app = true;
		} else if (t.tag == 0xef && !system_params(&t, out)) {
			return false;
		}
	}
	return !ret;
}

static bool parse_privileges(const struct tlv *f, uint32_t *priv)
{
	*priv = 0;
	if (f->len != 1 && f->len != 3)
		return false;
	for (size_t i = 0; i < 3; i++)
		*priv = *priv << 8 | (i < f->len ? f->val[i] : 0U);
	return true;
}

/* The token is the last field; it signs all before its length. */
static uint16_t check_token(struct card *c, const struct entry *sd, const struct apdu *a,
			    const struct tlv *token)
{
	size_t before = (size_t)(token->val - a->data);

	/* back over its length, in whichever form split() found it */
	if (token->val[-1] == token->len)
		before -= before > 1 && token->len > 127 && token->val[-2] == 0x81 ? 2 : 1;
	else
		before -= 3;
	return gp_check_token(c, sd, a, before, token->val, token->len);
}

static bool dap_wanted(struct card *c, const struct entry *sd)
{
	for (size_t i = 0; i < c->n_entries; i++)
		if (c->entries[i]->kind != ENTRY_ELF && c->entries[i]->priv & PRIV_MANDATED_DAP)
			return true;
	return sd->priv & PRIV_DAP;
}

static uint16_t for_load(struct card *c, struct channel *ch, struct entry *sd, struct apdu *a)
{
	struct load *l = &ch->load;
	struct entry *owner = sd;
	struct tlv f[FIELDS];
	struct params params;
	struct aid elf, name;
	size_t hash;
	uint16_t sw;

	gp_load_cancel(l);
	if (!split(a, f, 5) || !aid_set(&elf, f[0].val, f[0].len) ||
	    (f[1].len && !aid_set(&name, f[1].val, f[1].len)) || !parse_params(&f[3], &params))
		return SW_WRONG_DATA;
	hash = f[2].len;
	if (hash && hash != 20 && hash != 32 && hash != 48 && hash != 64)
		return SW_WRONG_DATA;
	if (f[1].len)
		owner = registry_sd(c, &name);
	if (!owner)
		return SW_NO_REFERENCE;
	sw = gp_may_manage(c, sd, owner);
	if (sw != SW_OK)
		return sw;
	if ((sd->restricted | owner->restricted) & RESTRICT_LOAD)
		return SW_CONDITIONS;
	/* table 11-48: with a token or a DAP there is something to be signed */
	if (!hash && (f[4].len || dap_wanted(c, owner)))
		return SW_WRONG_DATA;
	sw = check_token(c, sd, a, &f[4]);
	if (sw != SW_OK)
		return sw;
	if (registry_find(c, &elf) || aid_equal(&elf, &c->profile.sd_elf))
		return SW_CONDITIONS;
	if (params.nvm + ENTRY_COST > registry_free_nvm(c) || c->n_entries == CARD_ENTRIES)
		return SW_NO_SPACE;
	l->active = true;
	l->combined = a->p2 == 0x01;
	l->elf = elf;
	l->sd = owner;
	l->hash_len = hash;
	memcpy(l->hash, f[2].val, hash);
	return SW_OK;
}

/* A load file that is no CAP file does not name its modules: any will do. */
static bool module_known(const struct card *c, const struct entry *elf,
			 const struct aid *module)
{
	if (!elf)
		return aid_equal(module, &c->profile.sd_module) || applet_native(module);
	for (size_t i = 0; i < elf->n_modules; i++)
		if (aid_equal(&elf->modules[i], module))
			return true;
	return !elf->is_cap;
}

/* Name, module and load file of INSTALL [for install]. */
struct target {
	struct aid elf_aid, module, instance;
	struct entry *elf;
};

static uint16_t find_target(struct card *c, const struct tlv *f, struct target *t,
			    struct entry *pending)
{
	if ((f[0].len || !pending) && !aid_set(&t->elf_aid, f[0].val, f[0].len))
		return SW_WRONG_DATA;
	if (!aid_set(&t->module, f[1].val, f[1].len))
		return SW_WRONG_DATA;
	t->instance = t->module;
	if (f[2].len && !aid_set(&t->instance, f[2].val, f[2].len))
		return SW_WRONG_DATA;
	if (pending) {
		if (f[0].len && !aid_equal(&t->elf_aid, &pending->aid))
			return SW_WRONG_DATA;
		t->elf = pending;
	} else {
		t->elf = registry_find(c, &t->elf_aid);
		if (t->elf ? t->elf->kind != ENTRY_ELF
			   : !aid_equal(&t->elf_aid, &c->profile.sd_elf))
			return SW_NO_REFERENCE;
	}
	return module_known(c, t->elf, &t->module) ? SW_OK : SW_NO_REFERENCE;
}

static uint16_t new_instance(struct card *c, struct entry *sd, const struct target *t,
			     uint32_t priv, const struct params *params, bool selectable)
{
	struct entry *e = entry_new(ENTRY_APP);
	uint16_t sw;

	if (!e)
		return SW_MEMORY;
	e->aid = t->instance;
	e->elf = t->elf;
	e->module = t->module;
	e->code = applet_find(c, &t->module);
	/* GPCS 9.3.6: associated with the domain that installs it */
	e->parent = sd;
	e->state = selectable ? APP_SELECTABLE : APP_INSTALLED;
	e->priv = priv;
	e->implicit = params->implicit;
	e->quota = params->nvm;
	e->reserved = params->reserved;
	sw = card_add(c, e);
	if (sw != SW_OK) {
		entry_free(e);
		return sw;
	}
	if (e->code && e->code->install)
		sw = e->code->install(c, e, params->app.val, params->app.len);
	if (sw == SW_OK)
		sw = gp_take_exclusive(c, e);
	return sw;
}

static uint16_t for_install(struct card *c, struct entry *sd, struct apdu *a,
			    struct entry *pending)
{
	struct target t;
	struct tlv f[FIELDS];
	struct params params;
	uint32_t priv;
	bool is_sd;
	uint16_t sw;

	if (!split(a, f, 6) || !parse_privileges(&f[3], &priv) ||
	    !parse_params(&f[4], &params) || !params.has_app)
		return SW_WRONG_DATA;
	sw = find_target(c, f, &t, pending);
	if (sw != SW_OK)
		return sw;
	sw = gp_may_manage(c, sd, NULL);
	if (sw != SW_OK)
		return sw;
	if (sd->restricted & RESTRICT_INSTALL ||
	    (a->p1 & FOR_MAKE_SELECTABLE && sd->restricted & RESTRICT_SELECTABLE))
		return SW_CONDITIONS;
	sw = check_token(c, sd, a, &f[5]);
	if (sw != SW_OK)
		return sw;
	is_sd = applet_find(c, &t.module) == &applet_sd;
	sw = gp_check_privileges(c, priv, is_sd, NULL);
	if (sw != SW_OK)
		return sw;
	if (registry_find(c, &t.instance))
		return SW_CONDITIONS;
	if (params.nvm > registry_free_nvm(c) || (params.nvm && params.reserved > params.nvm))
		return SW_NO_SPACE;
	sw = new_instance(c, sd, &t, priv, &params, a->p1 & FOR_MAKE_SELECTABLE);
	if (sw == SW_OK) {
		const struct aid *names[] = {t.elf ? &t.elf->aid : &c->profile.sd_elf,
					     &t.instance};

		sw = gp_confirm(c, sd, a, names, 2);
	}
	return sw;
}

/* The end of the combined process (11.5.1.2): load file and application, or neither. */
static uint16_t finish_combined(struct card *c, struct channel *ch, struct entry *sd,
				struct apdu *a)
{
	struct load *l = &ch->load;
	struct entry *elf = l->pending;
	uint16_t sw;

	if (!l->combined || !elf) {
		gp_load_cancel(l);
		return SW_CONDITIONS;
	}
	sw = gp_put_load_file(c, l);
	if (sw == SW_OK)
		sw = for_install(c, sd, a, elf);
	gp_load_cancel(l);
	return sw;
}

/* An application by the third field, for the forms that change one. */
static struct entry *find_app(struct card *c, const struct tlv *f)
{
	struct aid aid;
	struct entry *e;

	if (!aid_set(&aid, f->val, f->len))
		return NULL;
	e = registry_find(c, &aid);
	return e && e->kind == ENTRY_APP ? e : NULL;
}

static uint16_t for_make_selectable(struct card *c, struct entry *sd, struct apdu *a)
{
	struct tlv f[FIELDS];
	struct params params;
	struct entry *e;
	uint32_t priv = 0;
	uint16_t sw;

	if (!split(a, f, 6) || f[0].len || f[1].len || f[2].len < 5 || f[2].len > 16 ||
	    (f[3].len && !parse_privileges(&f[3], &priv)) || !parse_params(&f[4], &params))
		return SW_WRONG_DATA;
	e = find_app(c, &f[2]);
	if (!e)
		return SW_NO_REFERENCE;
	sw = gp_may_manage(c, sd, e);
	if (sw == SW_OK && (e == sd || (sd->restricted | e->restricted) & RESTRICT_SELECTABLE))
		sw = SW_CONDITIONS;
	if (sw == SW_OK)
		sw = check_token(c, sd, a, &f[5]);
	if (sw == SW_OK && e->state != APP_INSTALLED)
		sw = SW_CONDITIONS;
	/* 11.5.2.3.3: only the default selection may be given on this occasion */
	if (sw == SW_OK && priv & PRIV_CARD_RESET)
		sw = gp_check_privileges(c, e->priv | PRIV_CARD_RESET, entry_is_sd(e), e);
	if (sw == SW_OK)
		sw = card_touch(c, e);
	if (sw != SW_OK)
		return sw;
	e->state = APP_SELECTABLE;
	e->priv |= priv & PRIV_CARD_RESET;
	if (params.has_implicit)
		e->implicit = params.implicit;
	sw = gp_take_exclusive(c, e);
	if (sw == SW_OK) {
		/* the command names no load file, table C-7 does */
		const struct aid *names[] = {e->elf ? &e->elf->aid : &c->profile.sd_elf,
					     &e->aid};

		sw = gp_confirm(c, sd, a, names, 2);
	}
	return sw;
}

/* Changes whom an application, domain or load file belongs to (GPCS 9.4.1). */
static uint16_t extradite(struct card *c, struct entry *sd, struct entry *e, struct entry *to)
{
	if (e->kind == ENTRY_ISD || e == sd || !entry_below(e, sd))
		return SW_CONDITIONS;
	if ((sd->restricted | to->restricted | e->restricted) & RESTRICT_EXTRADITION)
		return SW_CONDITIONS;
	/* to itself: the root of a hierarchy of its own */
	if (to == e) {
		if (!entry_is_sd(e))
			return SW_CONDITIONS;
		to = NULL;
	} else {
		if (entry_below(to, e) || to == e->parent)
			return SW_CONDITIONS;
		if (to->kind != ENTRY_ISD &&
		    (to->state == APP_INSTALLED || to->state & APP_LOCKED))
			return SW_CONDITIONS;
	}
	if (card_touch(c, e) != SW_OK)
		return SW_MEMORY;
	e->parent = to;
	return SW_OK;
}

static uint16_t for_extradition(struct card *c, struct entry *sd, struct apdu *a)
{
	struct aid to_aid, aid, from;
	struct entry *e, *to;
	struct params params;
	struct tlv f[FIELDS];
	uint16_t sw;

	if (!split(a, f, 6) || !aid_set(&to_aid, f[0].val, f[0].len) || f[1].len ||
	    !aid_set(&aid, f[2].val, f[2].len) || f[3].len || !parse_params(&f[4], &params))
		return SW_WRONG_DATA;
	to = registry_sd(c, &to_aid);
	e = registry_find(c, &aid);
	if (!to || !e)
		return SW_NO_REFERENCE;
	sw = gp_may_manage(c, sd, e);
	if (sw == SW_OK)
		sw = check_token(c, sd, a, &f[5]);
	if (sw != SW_OK)
		return sw;
	from = e->parent ? e->parent->aid : e->aid;
	sw = extradite(c, sd, e, to);
	if (sw == SW_OK) {
		const struct aid *names[] = {&from, &e->aid, &to_aid};

		sw = gp_confirm(c, sd, a, names, 3);
	}
	return sw;
}

/* GPCS 9.4.2: privileges, restrictions, implicit selection, and the domain as well. */
static uint16_t update(struct card *c, struct entry *sd, struct entry *e, const struct tlv *f,
		       const struct params *params)
{
	struct entry before;
	struct aid to_aid;
	uint32_t priv;
	uint16_t sw;

	sw = card_touch(c, e);
	if (sw != SW_OK)
		return sw;
	if (f[3].len) {
		if (!parse_privileges(&f[3], &priv))
			return SW_WRONG_DATA;
		if ((priv ^ e->priv) & PRIV_SD)
			return SW_WRONG_DATA;
		if (e->kind == ENTRY_ISD)
			return SW_CONDITIONS;
		sw = gp_check_privileges(c, priv, entry_is_sd(e), e);
		if (sw != SW_OK)
			return sw;
		/* what it had alone goes back to the issuer's domain */
		before = *e;
		before.priv &= ~priv;
		sw = gp_return_exclusive(c, &before);
		e->priv = priv;
		if (sw == SW_OK)
			sw = gp_take_exclusive(c, e);
		if (sw != SW_OK)
			return sw;
	}
	if (params->has_implicit)
		e->implicit = params->implicit;
	if (params->has_restricted)
		e->restricted |= params->restricted; /* there is no way back */
	if (f[0].len) {
		struct entry *to =
			aid_set(&to_aid, f[0].val, f[0].len) ? registry_sd(c, &to_aid) : NULL;

		if (!to)
			return SW_NO_REFERENCE;
		if (to != e->parent)
			return extradite(c, sd, e, to);
	}
	return SW_OK;
}

static uint16_t for_registry_update(struct card *c, struct entry *sd, struct apdu *a)
{
	struct entry *e = c->entries[0];
	struct params params;
	struct tlv f[FIELDS];
	struct aid aid;
	uint16_t sw;

	if (!split(a, f, 6) || (f[0].len && (f[0].len < 5 || f[0].len > 16)) || f[1].len ||
	    (f[2].len && !aid_set(&aid, f[2].val, f[2].len)) || !parse_params(&f[4], &params))
		return SW_WRONG_DATA;
	if (f[2].len)
		e = registry_find(c, &aid);
	if (!e || e->kind == ENTRY_ELF)
		return SW_NO_REFERENCE;
	sw = gp_may_manage(c, sd, e);
	if (sw == SW_OK && ((e == sd && e->kind != ENTRY_ISD) ||
			    (sd->restricted | e->restricted) & RESTRICT_REGISTRY))
		sw = SW_CONDITIONS;
	if (sw == SW_OK)
		sw = check_token(c, sd, a, &f[5]);
	if (sw == SW_OK)
		sw = update(c, sd, e, f, &params);
	if (sw == SW_OK && a->p1 & FOR_MAKE_SELECTABLE) {
		if (e->kind == ENTRY_ISD || e->state != APP_INSTALLED ||
		    e->restricted & RESTRICT_SELECTABLE)
			return SW_CONDITIONS;
		e->state = APP_SELECTABLE;
	}
	if (sw == SW_OK) {
		const struct aid *names[] = {&sd->aid, &e->aid};

		sw = gp_confirm(c, sd, a, names, 2);
	}
	return sw;
}

static uint16_t for_personalization(struct card *c, struct channel *ch, struct entry *sd,
				    struct apdu *a)
{
	struct tlv f[FIELDS];
	struct entry *e;

	if (!split(a, f, 6) || f[0].len || f[1].len || f[2].len < 5 || f[2].len > 16 ||
	    f[3].len || f[4].len || f[5].len)
		return SW_WRONG_DATA;
	e = find_app(c, &f[2]);
	if (!e)
		return SW_NO_REFERENCE;
	/* GPCS 7.3.3: the domain that it is associated with, and nobody else */
	if (e->parent != sd || e->state & APP_LOCKED ||
	    (sd->restricted | e->restricted) & RESTRICT_PERSO ||
	    (!entry_is_sd(e) && (!e->code || !e->code->personalise)))
		return SW_CONDITIONS;
	gp_perso_cancel(&ch->perso);
	ch->perso.target = e;
	buf_u8(&a->rsp, 0x00);
	return SW_OK;
}

uint16_t gp_install(struct card *c, struct channel *ch, struct entry *sd, struct apdu *a)
{
	bool load_combined = a->p1 == (FOR_LOAD | FOR_INSTALL | FOR_MAKE_SELECTABLE);
	uint16_t sw;

	if (load_combined) {
		if (a->p2 == 0x03)
			return finish_combined(c, ch, sd, a);
		if (a->p2 != 0x01)
			return SW_P1P2;
	} else if (a->p2) {
		return SW_P1P2;
	}
	if (!load_combined)
		gp_load_cancel(&ch->load);
	switch (a->p1) {
	case FOR_LOAD:
	case FOR_LOAD | FOR_INSTALL | FOR_MAKE_SELECTABLE:
		sw = for_load(c, ch, sd, a);
		if (sw == SW_OK)
			buf_u8(&a->rsp, 0x00);
		return sw;
	case FOR_INSTALL:
	case FOR_INSTALL | FOR_MAKE_SELECTABLE:
		return for_install(c, sd, a, NULL);
	case FOR_MAKE_SELECTABLE:
		return for_make_selectable(c, sd, a);
	case FOR_EXTRADITION:
		return for_extradition(c, sd, a);
	case FOR_PERSONALIZATION:
		return for_personalization(c, ch, sd, a);
	case FOR_REGISTRY_UPDATE:
	case FOR_REGISTRY_UPDATE | FOR_MAKE_SELECTABLE:
		return for_registry_update(c, sd, a);
	default:
		return SW_P1P2;
	}
}
