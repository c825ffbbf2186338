/* SPDX-License-Identifier: Apache-2.0 */
/* What the builders of commands share. */
#ifndef SESAME_GP_CMD_PRIV_H
#define SESAME_GP_CMD_PRIV_H

#include "gp/cmd.h"

#define GP_CLA 0x80

/** gp_cmd_done() - how every builder ends: with @ret < 0 @out is emptied and @err set. */
int gp_cmd_done(struct gp_apdu *out, int ret, struct gp_error *err);

/** gp_cmd_token_ref() - append B6, unless @ref is NULL or says nothing. */
int gp_cmd_token_ref(struct gp_apdu *out, const struct gp_token_ref *ref);

#endif /* SESAME_GP_CMD_PRIV_H */
