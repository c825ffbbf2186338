/* SPDX-License-Identifier: GPL-2.0-only */
/* Steps of the T=1 engine; shared by its own files only. */
#ifndef SE_T1_RULES_H
#define SE_T1_RULES_H

#include "se-t1-block.h"

/* se-t1-rules.c: the next step after a block or a silence */
void se_t1_dispatch(struct se_t1 *t1, enum se_t1_event event, const struct se_t1_rx *rx,
		    struct se_t1_action *act);

/* se-t1.c: what steps are made of */
void se_t1_send(struct se_t1 *t1, u8 pcb, const u8 *inf, size_t len, struct se_t1_action *act);
/* the I-block that starts at cmd_off; the same one each time until cmd_off moves */
void se_t1_send_i(struct se_t1 *t1, struct se_t1_action *act);
/* the S request of s_code */
void se_t1_send_request(struct se_t1 *t1, struct se_t1_action *act);
/* the link has made a step forward: what it puts up with is counted anew */
void se_t1_step(struct se_t1 *t1);
void se_t1_link_reset(struct se_t1 *t1);
void se_t1_done(struct se_t1 *t1, struct se_t1_action *act);
void se_t1_fail(struct se_t1 *t1, int error, struct se_t1_action *act);
/* the next rung of the ladder: S(RESYNCH), rule 6.1 */
void se_t1_recover(struct se_t1 *t1, int error, struct se_t1_action *act);

#endif /* SE_T1_RULES_H */
