/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LwM2M CBOR (core 1.2, 7.4.5): maps within maps, whose keys are the steps of the
 * path from the root: {3: {0: {0: "maker", 11: {0: 0}}}}. A key may be an array
 * of several steps: {[3, 0, 0]: "maker"}. It knows no times.
 */
#ifndef SESAME_LWM2M_LWM2M_CBOR_H
#define SESAME_LWM2M_LWM2M_CBOR_H

#include "lwm2m/value.h"

/** lwm2m_lcbor_encode() - one key a step, maps of indefinite length. */
void lwm2m_lcbor_encode(const struct lwm2m_path *base, const struct lwm2m_set *set,
			struct model_buf *out);

/** lwm2m_lcbor_decode() - values at or below @base; see lwm2m_format.decode. */
int lwm2m_lcbor_decode(const struct lwm2m_path *base, const uint8_t *p, size_t len,
		       struct lwm2m_set *set, char *words);

/** lwm2m_lcbor_names() - paths end in null (or an empty map); see lwm2m_format.names. */
int lwm2m_lcbor_names(const uint8_t *p, size_t len, struct lwm2m_set *set, char *words);

#endif /* SESAME_LWM2M_LWM2M_CBOR_H */
