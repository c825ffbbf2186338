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

#endif /* GP_PLAN_FIELDS_H */
