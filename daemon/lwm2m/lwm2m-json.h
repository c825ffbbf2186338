/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON of LwM2M 1.0 (OMA-TS-LightweightM2M-V1_0_2, 6.4.4): {"bn":…,"e":[…]}. */
#ifndef SESAME_LWM2M_LWM2M_JSON_H
#define SESAME_LWM2M_LWM2M_JSON_H

#include "lwm2m/value.h"

/** lwm2m_json_encode() - one entry a value; base time where values carry a time. */
void lwm2m_json_encode(const struct lwm2m_path *base, const struct lwm2m_set *set,
		       struct model_buf *out);

/**
 * lwm2m_json_decode() - values at or below @base, typed by the model
 *
 * Without a base name, names are relative to @base.
 *
 * Return: 0, or a CoAP error code with @words.
 */
int lwm2m_json_decode(const struct lwm2m_path *base, const uint8_t *p, size_t len,
		      struct lwm2m_set *set, char *words);

#endif /* SESAME_LWM2M_LWM2M_JSON_H */
