// SPDX-License-Identifier: Apache-2.0
/* Preconditions and postconditions: operations against what a card tells of itself. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gp/plan-priv.h"
#include "gp/view.h"

#define SELECTABLE_BIT 0x04

void gp_view_clear(struct gp_view *view)
{
	gp_registry_clear(&view->registry);
	*view = (struct gp_view){0};
}

int gp_view_copy(struct gp_view *to, const struct gp_view *from)
{
	*to = *from;
	to->registry = (struct gp_registry){0};
	return gp_registry_copy(&to->registry, &from->registry);
}

static enum gp_look say(char *why, enum gp_look look, const char *words)
{
	(void)snprintf(why, GP_WHY_MAX, "%s", words);
	return look;
}

bool gp_op_untold(const struct gp_op *op)
{
	switch (op->type) {
	case GP_OP_PERSONALISE:
	case GP_OP_STORE_DATA:
	case GP_OP_APDU:
		return true;
	case GP_OP_REGISTRY_UPDATE: /* only privileges and domains are in the registry */
		return op->system.len || op->all_params.len ||
		       !(op->privileges_len || op->sd.len);
	default:
		return false;
	}
}

bool gp_op_same_subject(const struct gp_op *a, const struct gp_op *b)
{
	bool keys_a = a->type == GP_OP_PUT_KEY || a->type == GP_OP_DELETE_KEY;
	bool keys_b = b->type == GP_OP_PUT_KEY || b->type == GP_OP_DELETE_KEY;

	if (keys_a || keys_b)
		return keys_a && keys_b && a->session == b->session;
	if (a->type == GP_OP_CARD_STATE || b->type == GP_OP_CARD_STATE)
		return a->type == b->type;
	/* what deletes more than one thing stands against everything */
	if ((a->type == GP_OP_DELETE && a->related) || (b->type == GP_OP_DELETE && b->related))
		return gp_op_changes(a) && gp_op_changes(b);
	return a->aid.len && gp_aid_equal(&a->aid, &b->aid);
}

static const struct gp_entry *find_app(const struct gp_view *view, const struct gp_aid *aid)
{
	const struct gp_entry *e = gp_registry_find(&view->registry, aid);

	return e && e->kind != GP_KIND_ELF ? e : NULL;
}

static enum gp_look look_load(const struct gp_op *op, const struct gp_facts *facts,
			      const struct gp_view *view, char *why)
{
	const struct gp_entry *e = gp_registry_find_elf(&view->registry, &op->aid);
	const struct gp_aid *sd = op->sd.len ? &op->sd : &facts->sd;

	if (!e)
		return say(why, GP_LOOK_MISSING, "the load file is not on the card");
	if (sd->len && e->told & GP_ENTRY_SD && !gp_aid_equal(&e->sd, sd))
		return say(
			why, GP_LOOK_CONFLICT,
			"a load file with this AID is on the card, in another security domain");
	return say(why, GP_LOOK_THERE, "the load file is on the card");
}

static enum gp_look look_install(const struct gp_op *op, const struct gp_view *view, char *why)
{
	const struct gp_entry *e = gp_registry_find(&view->registry, &op->aid);

	e = e && e->kind == GP_KIND_ELF ? NULL : e;
	if (!e)
		return say(why, GP_LOOK_MISSING, "there is no such application");
	if (e->told & GP_ENTRY_ELF && !gp_aid_equal(&e->elf, &op->elf))
		return say(why, GP_LOOK_CONFLICT,
			   "an application with this AID is there, of another load file");
	if ((e->kind == GP_KIND_SSD) != !!gp_priv_has(op->privileges, GP_PRIV_SD))
		return say(why, GP_LOOK_CONFLICT,
			   "what has this AID is a security domain, or is none, unlike the "
			   "plan's");
	if (op->selectable && e->told & GP_ENTRY_STATE && !(e->state & SELECTABLE_BIT))
		return say(why, GP_LOOK_CONFLICT,
			   "the application is there, but not selectable");
	return say(why, GP_LOOK_THERE, "the application is there");
}

/* Applications that have to be there for what is done to them. */
static enum gp_look look_app(const struct gp_op *op, const struct gp_view *view, char *why)
{
	const struct gp_entry *e = find_app(view, &op->aid);
	bool locked;

	if (!e)
		return view->complete
			       ? say(why, GP_LOOK_CONFLICT, "there is no such application")
			       : say(why, GP_LOOK_UNTOLD, "the application is not shown");
	if (op->type == GP_OP_PERSONALISE)
		return say(why, GP_LOOK_UNTOLD, "cards do not tell what personalises them");
	if (!(e->told & GP_ENTRY_STATE))
		return say(why, GP_LOOK_UNTOLD, "the card does not tell the state");
	locked = gp_state_locked(e->kind, e->state);
	switch (op->type) {
	case GP_OP_MAKE_SELECTABLE:
		return e->state & SELECTABLE_BIT
			       ? say(why, GP_LOOK_THERE, "it is selectable")
			       : say(why, GP_LOOK_MISSING, "it is not selectable yet");
	case GP_OP_LOCK:
		return locked ? say(why, GP_LOOK_THERE, "it is locked")
			      : say(why, GP_LOOK_MISSING, "it is not locked");
	default:
		return locked ? say(why, GP_LOOK_MISSING, "it is locked")
			      : say(why, GP_LOOK_THERE, "it is not locked");
	}
}

static enum gp_look look_extradite(const struct gp_op *op, const struct gp_view *view,
				   char *why)
{
	const struct gp_entry *e = gp_registry_find(&view->registry, &op->aid);

	if (!e)
		return view->complete ? say(why, GP_LOOK_CONFLICT, "it is not on the card")
				      : say(why, GP_LOOK_UNTOLD, "it is not shown");
	if (!(e->told & GP_ENTRY_SD))
		return say(why, GP_LOOK_UNTOLD, "the card does not tell what belongs where");
	if (gp_aid_equal(&e->sd, &op->sd))
		return say(why, GP_LOOK_THERE, "it belongs to that security domain");
	if (view->complete && !find_app(view, &op->sd))
		return say(why, GP_LOOK_CONFLICT, "the security domain to go to is not there");
	return say(why, GP_LOOK_MISSING, "it belongs to another security domain");
}

static enum gp_look look_update(const struct gp_op *op, const struct gp_view *view, char *why)
{
	const struct gp_entry *e = op->aid.len ? find_app(view, &op->aid) : NULL;

	if (op->aid.len && !e && view->complete)
		return say(why, GP_LOOK_CONFLICT, "there is no such application");
	if (gp_op_untold(op) || !e ||
	    (op->privileges_len && !(e->told & GP_ENTRY_PRIVILEGES)) ||
	    (op->sd.len && !(e->told & GP_ENTRY_SD)))
		return say(why, GP_LOOK_UNTOLD, "the card does not tell all that this changes");
	if ((op->privileges_len && e->privileges != op->privileges) ||
	    (op->sd.len && !gp_aid_equal(&e->sd, &op->sd)))
		return say(why, GP_LOOK_MISSING, "the registry has other values");
	return say(why, GP_LOOK_THERE, "the registry has these values");
}

static enum gp_look look_delete(const struct gp_op *op, const struct gp_view *view, char *why)
{
	if (gp_registry_find(&view->registry, &op->aid))
		return say(why, GP_LOOK_MISSING, "it is on the card");
	return view->complete ? say(why, GP_LOOK_THERE, "it is not on the card")
			      : say(why, GP_LOOK_UNTOLD, "it is not shown");
}

static enum gp_look look_personalised(const struct gp_facts *facts, const struct gp_view *view,
				      char *why)
{
	const struct gp_entry *e = find_app(view, &facts->sd);

	if (!e || !(e->told & GP_ENTRY_STATE))
		return say(why, GP_LOOK_UNTOLD, "the domain does not show itself");
	if (e->state == GP_SD_PERSONALIZED)
		return say(why, GP_LOOK_THERE, "the domain is personalised");
	if (gp_state_locked(e->kind, e->state))
		return say(why, GP_LOOK_CONFLICT, "the domain is locked");
	return say(why, GP_LOOK_MISSING, "the domain is not personalised yet");
}

static bool has_version(const struct gp_view *view, uint8_t kvn)
{
	for (size_t i = 0; i < view->keys.nr; i++)
		if (view->keys.key[i].kvn == kvn)
			return true;
	return false;
}

static enum gp_look look_put_key(const struct gp_op *op, const struct gp_facts *facts,
				 const struct gp_view *view, char *why)
{
	unsigned int there = 0;

	/* the surest sign: the card has proved which of them it has */
	if (facts->opened_new)
		return say(why, GP_LOOK_THERE, "the card has proved that it has the new keys");
	if (!view->keys_known)
		return say(why, GP_LOOK_UNTOLD, "the card does not tell its keys");
	for (unsigned int i = 0; i < facts->nr_keys; i++)
		there += !!gp_keys_find(&view->keys, facts->kvn, (uint8_t)(facts->kid + i));
	if (op->old_kvn && op->old_kvn == facts->kvn) {
		if (!there)
			return say(why, GP_LOOK_CONFLICT,
				   "the key version to replace is not there");
		return facts->opened_old ? say(why, GP_LOOK_MISSING,
					       "the card has proved that it has the old keys")
					 : say(why, GP_LOOK_UNTOLD,
					       "new and old keys have the same version number");
	}
	if (there == facts->nr_keys)
		return say(why, GP_LOOK_THERE, "this key version is on the card");
	if (there)
		return say(why, GP_LOOK_CONFLICT, "some keys of this version are on the card");
	if (op->old_kvn && !has_version(view, op->old_kvn))
		return say(why, GP_LOOK_CONFLICT, "the key version to replace is not there");
	return say(why, GP_LOOK_MISSING, "this key version is not on the card");
}

static bool is_key(const struct gp_op *op, const struct gp_key_info *key)
{
	return (!op->kvn || key->kvn == op->kvn) && (!op->kid || key->kid == op->kid);
}

static enum gp_look look_delete_key(const struct gp_op *op, const struct gp_view *view,
				    char *why)
{
	if (!view->keys_known)
		return say(why, GP_LOOK_UNTOLD, "the card does not tell its keys");
	for (size_t i = 0; i < view->keys.nr; i++)
		if (is_key(op, &view->keys.key[i]))
			return say(why, GP_LOOK_MISSING, "the key is on the card");
	return say(why, GP_LOOK_THERE, "there is no such key");
}

/* GPCS 2.3.1, figure 5-1 */
static enum gp_look look_card(const struct gp_op *op, const struct gp_view *view, char *why)
{
	const struct gp_entry *isd = gp_registry_isd(&view->registry);
	uint8_t from = isd ? isd->state : 0, to = op->card_state;

	if (!isd || !(isd->told & GP_ENTRY_STATE))
		return say(why, GP_LOOK_UNTOLD, "the card does not tell its state");
	if (from == to)
		return say(why, GP_LOOK_THERE, "the card is in this state");
	if (to == GP_CARD_TERMINATED ||
	    (to == GP_CARD_INITIALIZED && from == GP_CARD_OP_READY) ||
	    (to == GP_CARD_SECURED &&
	     (from == GP_CARD_INITIALIZED || from == GP_CARD_LOCKED)) ||
	    (to == GP_CARD_LOCKED && from == GP_CARD_SECURED))
		return say(why, GP_LOOK_MISSING, "the card is in another state");
	return say(why, GP_LOOK_CONFLICT,
		   "no way leads there from the state that the card is in");
}

enum gp_look gp_op_look(const struct gp_op *op, const struct gp_facts *facts,
			const struct gp_view *view, char *why)
{
	if (!gp_op_changes(op))
		return say(why, GP_LOOK_MISSING, "it only reads");
	if (op->type == GP_OP_PUT_KEY)
		return look_put_key(op, facts, view, why);
	if (op->type == GP_OP_DELETE_KEY)
		return look_delete_key(op, view, why);
	if (op->type == GP_OP_STORE_DATA || op->type == GP_OP_APDU)
		return say(why, GP_LOOK_UNTOLD, "cards do not tell such a thing");
	if (!view->known)
		return say(why, GP_LOOK_UNTOLD, "the card does not show its registry");
	switch (op->type) {
	case GP_OP_LOAD:
		return look_load(op, facts, view, why);
	case GP_OP_INSTALL:
	case GP_OP_SD_CREATE:
		return look_install(op, view, why);
	case GP_OP_EXTRADITE:
		return look_extradite(op, view, why);
	case GP_OP_REGISTRY_UPDATE:
		return look_update(op, view, why);
	case GP_OP_DELETE:
		return look_delete(op, view, why);
	case GP_OP_SD_PERSONALISED:
		return look_personalised(facts, view, why);
	case GP_OP_CARD_STATE:
		return look_card(op, view, why);
	default:
		return look_app(op, view, why);
	}
}

/* ---- what is so afterwards ---- */

static void remove_entry(struct gp_registry *reg, struct gp_entry *e)
{
	size_t i = (size_t)(e - reg->entries);

	free(e->modules);
	memmove(e, e + 1, (reg->n - i - 1) * sizeof(*e));
	reg->n--;
}

static int add_app(const struct gp_op *op, const struct gp_facts *facts,
		   struct gp_registry *reg)
{
	bool sd = gp_priv_has(op->privileges, GP_PRIV_SD);
	struct gp_entry *e;
	int r = 0;

	e = gp_registry_add(reg, &op->aid, sd ? GP_KIND_SSD : GP_KIND_APP, &r);
	if (!e)
		return r;
	e->state = op->selectable ? GP_APP_SELECTABLE : GP_APP_INSTALLED;
	e->elf = op->elf;
	e->privileges = op->privileges;
	e->sd = facts->sd;
	/* an ELF that is part of the card is often not told; privileges may be moved */
	e->told = GP_ENTRY_STATE | (facts->sd.len ? GP_ENTRY_SD : 0);
	return 0;
}

static int add_elf(const struct gp_op *op, const struct gp_facts *facts,
		   struct gp_registry *reg)
{
	struct gp_entry *e;
	int r = 0;

	e = gp_registry_add(reg, &op->aid, GP_KIND_ELF, &r);
	if (!e)
		return r;
	e->state = GP_ELF_LOADED;
	e->sd = op->sd.len ? op->sd : facts->sd;
	e->told = GP_ENTRY_STATE | (e->sd.len ? GP_ENTRY_SD : 0);
	return 0;
}

static void apply_delete(const struct gp_op *op, struct gp_registry *reg)
{
	struct gp_entry *e = gp_registry_find(reg, &op->aid);

	if (e && e->kind == GP_KIND_ELF && op->related)
		for (struct gp_entry *app; (app = gp_registry_next_of(reg, &op->aid, NULL));)
			remove_entry(reg, app);
	e = gp_registry_find(reg, &op->aid);
	if (e)
		remove_entry(reg, e);
}

static void apply_keys(const struct gp_op *op, const struct gp_facts *facts,
		       struct gp_key_infos *keys)
{
	struct gp_op gone = {.kvn = op->type == GP_OP_PUT_KEY ? op->old_kvn : op->kvn,
			     .kid = op->type == GP_OP_PUT_KEY ? 0 : op->kid};
	size_t n = 0;

	if (gone.kvn || gone.kid) {
		for (size_t i = 0; i < keys->nr; i++)
			if (!is_key(&gone, &keys->key[i]))
				keys->key[n++] = keys->key[i];
		keys->nr = n;
	}
	if (op->type != GP_OP_PUT_KEY)
		return;
	for (unsigned int i = 0; i < facts->nr_keys && keys->nr < GP_KEY_INFO_MAX; i++)
		keys->key[keys->nr++] = (struct gp_key_info){.kid = (uint8_t)(facts->kid + i),
							     .kvn = facts->kvn,
							     .usage = -1,
							     .access = -1};
}

int gp_op_apply(const struct gp_op *op, const struct gp_facts *facts, struct gp_view *view)
{
	struct gp_registry *reg = &view->registry;
	struct gp_entry *e = op->aid.len ? gp_registry_find(reg, &op->aid) : NULL;

	switch (op->type) {
	case GP_OP_LOAD:
		return add_elf(op, facts, reg);
	case GP_OP_INSTALL:
	case GP_OP_SD_CREATE:
		return add_app(op, facts, reg);
	case GP_OP_DELETE:
		apply_delete(op, reg);
		return 0;
	case GP_OP_PUT_KEY:
	case GP_OP_DELETE_KEY:
		apply_keys(op, facts, &view->keys);
		return 0;
	case GP_OP_CARD_STATE:
		e = gp_registry_isd(reg);
		if (e)
			e->state = op->card_state;
		return 0;
	case GP_OP_SD_PERSONALISED:
		e = gp_registry_find(reg, &facts->sd);
		if (e && e->kind == GP_KIND_SSD)
			e->state = GP_SD_PERSONALIZED;
		return 0;
	default:
		break;
	}
	if (!e)
		return 0;
	if (op->type == GP_OP_MAKE_SELECTABLE)
		e->state |= SELECTABLE_BIT;
	else if (op->type == GP_OP_LOCK)
		e->state |= GP_APP_LOCKED_BIT;
	else if (op->type == GP_OP_UNLOCK)
		e->state &= (uint8_t)~GP_APP_LOCKED_BIT;
	else if ((op->type == GP_OP_EXTRADITE || op->type == GP_OP_REGISTRY_UPDATE) &&
		 op->sd.len)
		e->sd = op->sd;
	if (op->type == GP_OP_REGISTRY_UPDATE && op->privileges_len)
		e->privileges = op->privileges;
	return 0;
}
