/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plans that outlive sectl: STATE/plans/ID.plan and ID.record, for their owner only. A plan
 * that changes a card is kept before its first APDU leaves, until somebody forgets it.
 */
#ifndef SECTL_KEPT_H
#define SECTL_KEPT_H

#include "gp/plan.h"
#include "gp/record.h"

#define KEPT_ID_MAX 80
#define KEPT_PATH_MAX 4096

/** kept_new - keep @plan, resolved; @id: out, what plan resume calls it; an exit status */
int kept_new(const struct gp_plan *plan, char id[KEPT_ID_MAX]);

/** kept_record_path - of the record of @id; an exit status */
int kept_record_path(const char *id, char path[KEPT_PATH_MAX]);

/** kept_begun - has something been sent of it that may have changed the card? */
bool kept_begun(const char *id);

/** kept_load - the plan of @id; an exit status */
int kept_load(const char *id, struct gp_plan **plan);

/**
 * kept_each - every kept plan, in the order of its beginning
 * @fn: @record is NULL if nothing was sent
 *
 * An exit status.
 */
int kept_each(void (*fn)(void *ctx, const char *id, const struct gp_plan *plan,
			 const struct gp_record *record),
	      void *ctx);

/** kept_remove - an exit status */
int kept_remove(const char *id);

#endif /* SECTL_KEPT_H */
