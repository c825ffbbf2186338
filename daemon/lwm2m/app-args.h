/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments of Execute that are bytes: hexadecimal digits between the quotes. */
#ifndef SESAME_LWM2M_APP_ARGS_H
#define SESAME_LWM2M_APP_ARGS_H

#include "gp/apdu.h"
#include "lwm2m/internal.h"

/* Each returns 0, or COAP_400_BAD_REQUEST with @words. */

/** lwm2m_arg_bad() - argument @id is not @what; always COAP_400_BAD_REQUEST */
int lwm2m_arg_bad(unsigned int id, const char *what, char *words);

/** lwm2m_arg_hex() - up to @room bytes; @len 0 if there is no such argument */
int lwm2m_arg_hex(const struct lwm2m_args *args, uint8_t id, uint8_t *out, size_t room,
		  size_t *len, char *words);

/** lwm2m_arg_aid() - an AID; empty if there is no such argument */
int lwm2m_arg_aid(const struct lwm2m_args *args, uint8_t id, struct gp_aid *aid, char *words);

#endif /* SESAME_LWM2M_APP_ARGS_H */
