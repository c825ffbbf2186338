/* SPDX-License-Identifier: Apache-2.0 */
/* What the decoders of card data share. */
#ifndef SESAME_GP_CARDDATA_PRIV_H
#define SESAME_GP_CARDDATA_PRIV_H

#include "gp/carddata.h"
#include "model/ber.h"

/** gp_data_bad() - -EBADMSG, "bad-response", with the name of @tag. */
int gp_data_bad(struct gp_error *err, uint16_t tag, const char *what);

/**
 * gp_data_unwrap() - step inside the element @tag that is all of (@p, @len)
 *
 * Tolerated, as cards answer so: the tag written in two bytes as in P1 P2 (00 66), the
 * element once more inside itself (67 3A 67 38), and none of it at all.
 *
 * Return: was it there? Else @p and @len stay.
 */
bool gp_data_unwrap(uint16_t tag, const uint8_t **p, size_t *len);

#endif /* SESAME_GP_CARDDATA_PRIV_H */
