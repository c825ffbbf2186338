/* SPDX-License-Identifier: Apache-2.0 */
/* Operations as commands, before the secure channel. Private to plans and runs. */
#ifndef GP_OP_BUILD_H
#define GP_OP_BUILD_H

#include "gp/plan.h"
#include "gp/profile.h"
#include "gp/scp.h"
#include "gp/view.h"

#define GP_OP_KEYS_MAX 3

/**
 * struct gp_build - what commands depend on
 * @facts: see gp/view.h
 * @profile: what the card wants otherwise than GPCS says
 * @max_data: most clear data bytes of a LOAD or STORE DATA
 * @scp: for what is encrypted under the session's data encryption key; NULL: such data are
 *	left as they are, for showing lengths only
 * @keys: put-key: the key set, resolved for this card
 */
struct gp_build {
	const struct gp_facts *facts;
	const struct gp_profile *profile;
	size_t max_data;
	struct gp_scp *scp;
	const struct gp_keyset *keys;
};

struct gp_code;

/**
 * struct gp_built - an operation as commands
 * @cmd: @n of them; of a load INSTALL [for load] and the LOAD that was asked for last
 * @code: of a load; the plan's
 * @size: of a load: data bytes of each LOAD but the last
 * @made: of a load: which one cmd[1] is, 0 for none
 * @put: put-key: what its answer is compared with; values are not in it
 * @one: its keys
 */
struct gp_built {
	struct gp_apdu *cmd;
	size_t n;
	const struct gp_code *code;
	size_t size, made;
	struct gp_put_key put;
	struct gp_put_one one[GP_OP_KEYS_MAX];
};

/**
 * gp_op_build() - the commands of an operation
 *
 * @op stays as it is as long as @built is used. Return: 0, or what the builders of gp/cmd.h
 * say; -E2BIG "too-long" for what has no form that this card takes. Then @built is empty.
 */
int gp_op_build(const struct gp_op *op, const struct gp_build *how, struct gp_built *built,
		struct gp_error *err);

/**
 * gp_built_cmd() - its command @i, from 0
 * @cmd: out: until the next call
 *
 * LOADs are made as they are asked for, best in their order: the code of a package is never in
 * memory as a whole. Return: 0; "code-lost" and what reading it said; -ENOMEM.
 */
int gp_built_cmd(struct gp_built *built, size_t i, struct gp_apdu **cmd, struct gp_error *err);

/** gp_built_kind() - INS and P1 of that command, for words; no more of it counts */
const struct gp_apdu *gp_built_kind(const struct gp_built *built, size_t i);

/** gp_built_clear() - cleanse and free */
void gp_built_clear(struct gp_built *built);

#endif /* GP_OP_BUILD_H */
