/* SPDX-License-Identifier: Apache-2.0 */
/* A record from inside; runs write it. */
#ifndef GP_RECORD_PRIV_H
#define GP_RECORD_PRIV_H

#include "gp/record.h"
#include "gp/view.h"

/**
 * struct gp_record - see gp/record.h
 * @digest: of the plan
 * @card: which card
 * @state: of the last run
 * @step: how far each operation is
 * @nr_steps: as many as the plan has operations
 * @before: what each session saw when it was opened for the first time
 * @has_before: that is known
 */
struct gp_record {
	uint8_t digest[32];
	char card[GP_CARD_ID_MAX];
	enum gp_record_state state;
	enum gp_step_state step[GP_PLAN_OPS_MAX];
	size_t nr_steps;
	struct gp_view before[GP_PLAN_SESSIONS_MAX];
	bool has_before[GP_PLAN_SESSIONS_MAX];
};

/** gp_record_format() - as text, for free(). 0 or -ENOMEM. */
int gp_record_format(const struct gp_record *record, char **text);

#endif /* GP_RECORD_PRIV_H */
