/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a session sees of a card: its registry and the key versions of its domain. Operations
 * are looked for in a view (is it so already? can it be done?) and applied to one (what will
 * be so afterwards). Private to plans, runs and records.
 */
#ifndef GP_VIEW_H
#define GP_VIEW_H

#include <systemd/sd-json.h>

#include "gp/carddata.h"
#include "gp/plan.h"
#include "gp/registry.h"

/**
 * struct gp_view - what was read
 * @registry: of GET STATUS
 * @known: GET STATUS was answered
 * @complete: it showed the issuer's domain, so what is not in it is not on the card
 * @keys: key information of the session's domain
 * @keys_known: the card told it
 */
struct gp_view {
	struct gp_registry registry;
	bool known, complete;
	struct gp_key_infos keys;
	bool keys_known;
};

void gp_view_clear(struct gp_view *view);
/** gp_view_copy() - @to is overwritten. 0 or -ENOMEM. */
int gp_view_copy(struct gp_view *to, const struct gp_view *from);

/**
 * struct gp_facts - what an operation means where the plan leaves it to key sets and cards
 * @sd: AID of the session's domain, empty if it is not known
 * @kvn: put-key: version of the new keys
 * @kid: put-key: identifier of the first
 * @nr_keys: put-key: their number
 * @opened_new: put-key: the session was opened with the keys that it puts: they are there
 * @opened_old: put-key: it was opened with the keys that it replaces: they are not replaced
 */
struct gp_facts {
	struct gp_aid sd;
	uint8_t kvn, kid, nr_keys;
	bool opened_new, opened_old;
};

/** enum gp_look - what a view says of an operation */
enum gp_look {
	GP_LOOK_MISSING,  /* not done; nothing seen that stands against it */
	GP_LOOK_THERE,	  /* it is as the operation makes it */
	GP_LOOK_CONFLICT, /* neither: it cannot be done */
	GP_LOOK_UNTOLD,	  /* the card does not tell such a thing */
};

#define GP_WHY_MAX 160

/**
 * gp_op_look() - is it done, can it be done?
 * @why: out: one clause in words, for every result; GP_WHY_MAX bytes
 */
enum gp_look gp_op_look(const struct gp_op *op, const struct gp_facts *facts,
			const struct gp_view *view, char *why);

/** gp_op_apply() - the view as it is after @op. 0, -ENOMEM, -ENOSPC. */
int gp_op_apply(const struct gp_op *op, const struct gp_facts *facts, struct gp_view *view);

/**
 * gp_op_same_subject() - do two operations act on the same thing, so that the card alone cannot
 * tell which of them was done?
 */
bool gp_op_same_subject(const struct gp_op *a, const struct gp_op *b);

/** gp_op_untold() - can no card tell whether it was done? */
bool gp_op_untold(const struct gp_op *op);

/**
 * gp_registry_to_json() - an array of entries
 * @words: also states and privileges in words, for people's programs
 */
int gp_registry_to_json(const struct gp_registry *registry, bool words, sd_json_variant **ret);

/**
 * gp_registry_from_json() - the reverse; what is there in words is not looked at
 *
 * Return: 0; -EBADMSG, -ENOSPC, -ENOMEM, with what was read before in @registry.
 */
int gp_registry_from_json(struct gp_registry *registry, sd_json_variant *json);

/** gp_view_to_json(), gp_view_from_json() - for records. 0; -EBADMSG, -ENOMEM. */
int gp_view_to_json(const struct gp_view *view, sd_json_variant **ret);
int gp_view_from_json(struct gp_view *view, sd_json_variant *json);

#endif /* GP_VIEW_H */
