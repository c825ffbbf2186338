/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of plans and runs share among themselves. */
#ifndef GP_PLAN_PRIV_H
#define GP_PLAN_PRIV_H

#include "gp/plan.h"
#include "gp/source.h"

/**
 * struct gp_code_text - code that was left in the plan's text
 * @base64: where
 * @len: how many bytes it stands for
 */
struct gp_code_text {
	struct gp_base64 base64;
	uint64_t len;
};

/** gp_op_code() - of a load: the load file if it is resolved, or what it is given; .len 0 for
 * nothing. Valid while @op is as it is. */
struct gp_source gp_op_code(const struct gp_op *op);

/* load file and module that security domains are made of by default */
extern const struct gp_aid gp_sd_elf;
extern const struct gp_aid gp_sd_module;

/** gp_op_changes() - can it change anything in the card? False for what only reads. */
bool gp_op_changes(const struct gp_op *op);

/** gp_plan_resolved() - has gp_plan_resolve() nothing left to do? */
bool gp_plan_resolved(const struct gp_plan *plan);

/** gp_json_set_hex() - field @name of @object: @len bytes as hex digits. 0 or -errno. */
int gp_json_set_hex(sd_json_variant **object, const char *name, const void *p, size_t len);

/** gp_json_hex() - the bytes of a string of hex digits; -EBADMSG if it is none. */
int gp_json_hex(sd_json_variant *json, uint8_t *out, size_t room, size_t *len);

#endif /* GP_PLAN_PRIV_H */
