/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record of a run: what the card's registry was before, and how far the plan has come. A
 * small JSON text that the host keeps where a power cut does not reach it, replaced as a whole
 * at the points that the run announces (struct gp_run_host.commit). It holds no keys and no
 * payload. With it an interrupted plan is resumed or rolled back.
 */
#ifndef GP_RECORD_H
#define GP_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gp/error.h"
#include "gp/plan.h"

#define GP_RECORD_MAX (1 << 20) /* longest record, bytes */
#define GP_CARD_ID_MAX 97	/* hex digits of CPLC or KDD, and a NUL */

/** enum gp_step_state - how far an operation is */
enum gp_step_state {
	GP_STEP_PENDING, /* not begun */
	GP_STEP_BEGUN,	 /* its first APDU may have left */
	GP_STEP_DONE,	 /* this plan did it */
	GP_STEP_ALREADY, /* it was so before this plan ever ran */
	GP_STEP_FAILED,	 /* the card refused it; nothing was changed by it */
	GP_STEP_UNKNOWN, /* begun, and neither card nor record tell how far it came */
	GP_STEP_UNDONE,	 /* rolled back */
};

/** gp_step_state_name() - "pending", "begun", "done", "already", "failed", "unknown", "undone"
 */
const char *gp_step_state_name(enum gp_step_state state);

/** enum gp_record_state - the run as a whole */
enum gp_record_state {
	GP_RECORD_RUNNING, /* or interrupted: nobody wrote an end */
	GP_RECORD_DONE,
	GP_RECORD_FAILED,
	GP_RECORD_ROLLED_BACK,
};

struct gp_record;

/**
 * gp_record_parse() - from its text
 *
 * Return: 0; -EBADMSG "record-damaged"; -EMSGSIZE, -ENOMEM.
 */
int gp_record_parse(struct gp_record **ret, const char *text, size_t len, struct gp_error *err);

/** gp_record_free() - NULL is fine */
void gp_record_free(struct gp_record *record);

/** gp_record_state() - how the last run ended */
enum gp_record_state gp_record_state(const struct gp_record *record);

/** gp_record_step() - how far operation @i came; GP_STEP_PENDING where there is none */
enum gp_step_state gp_record_step(const struct gp_record *record, size_t i);

/** gp_record_card() - the card that it is about, as in struct gp_run_attempt */
const char *gp_record_card(const struct gp_record *record);

/** gp_record_fits() - is it a record of this plan? 0, or -EINVAL "record-other-plan". */
int gp_record_fits(const struct gp_record *record, const struct gp_plan *plan,
		   struct gp_error *err);

#endif /* GP_RECORD_H */
