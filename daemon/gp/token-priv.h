/* SPDX-License-Identifier: Apache-2.0 */
/* What tokens and receipts share: the fields of INSTALL. */
#ifndef SESAME_GP_TOKEN_PRIV_H
#define SESAME_GP_TOKEN_PRIV_H

#include <stdbool.h>

#include "gp/token.h"

/** gp_take_field() - the next length (GPCS 11.1.5) and that many bytes; false: there is none */
bool gp_take_field(struct gp_bytes *in, struct gp_bytes *field);

#endif /* SESAME_GP_TOKEN_PRIV_H */
