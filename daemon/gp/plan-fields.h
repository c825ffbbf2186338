/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of plans in JSON: one table for both ways. */
#ifndef GP_PLAN_FIELDS_H
#define GP_PLAN_FIELDS_H

#include "gp/plan-priv.h"

/** enum plan_form - how a field of struct gp_op is written */
enum plan_form {
	FORM_AID,
	FORM_HEX,	 /* struct gp_blob as hex digits */
	FORM_BASE64,	 /* struct gp_blob */
	FORM_CODE,	 /* struct gp_blob, or what stands for one: see gp_op_code() */
	FORM_BOOL,	 /* bool */
	FORM_BYTE,	 /* uint8_t as a number */
	FORM_SHORT,	 /* uint16_t as a number */
	FORM_OPTIONAL,	 /* int16_t, 0 to 255, or -1 for none */
	FORM_TAG,	 /* uint16_t as hex digits */
	FORM_NAME,	 /* char[GP_PLAN_NAME_MAX] */
	FORM_FILE,	 /* char *, owned */
	FORM_PRIVILEGES, /* uint32_t and the length behind it */
	FORM_DIGEST,	 /* uint8_t hash_len by name */
	FORM_STORE,	 /* uint8_t form by name */
	FORM_STATE,	 /* uint8_t card state by name */
	FORM_SCOPE,	 /* uint8_t GP_LIST_* by name */
	FORM_SCP,	 /* uint8_t[2] as hex digits */
};

/** struct plan_field - one field of operations, and in which of them it may be */
struct plan_field {
	const char *name;
	enum plan_form form;
	size_t offset;
	uint32_t on; /* operations that have it */
};

extern const struct plan_field plan_fields[];
extern const size_t plan_nr_fields;

/** struct plan_word - the name of a number; lists end with one without a name */
struct plan_word {
	const char *name;
	uint8_t value;
};

extern const struct plan_word plan_stores[], plan_states[], plan_scopes[], plan_levels[],
	plan_confirms[];

#define PLAN_ON(type) (1U << (type))

#define LIFT_MARK '@' /* no character of base64 */
#define LIFT_MARK_MAX 24

/**
 * struct plan_lift - what was left in a text; in the JSON that is parsed "@0", "@1" and so on
 * stand for it
 * @text: the text
 * @v: where, @n of them, of which @taken have found their operation
 */
struct plan_lift {
	struct gp_source text;
	struct gp_code_text v[GP_PLAN_OPS_MAX];
	size_t n, taken;
};

/** plan_take_text() - gp_plan_parse() of @len characters at @text with a NUL behind them, which
 * are cleansed. @lift may be NULL. */
int plan_take_text(struct gp_plan **ret, char *text, size_t len, struct plan_lift *lift,
		   struct gp_error *err);

#endif /* GP_PLAN_FIELDS_H */
