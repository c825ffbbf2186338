/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SenML (RFC 8428) in CBOR and in JSON as LwM2M 1.1 uses it (core, 7.4.4), and
 * plain CBOR (RFC 8949) for one value.
 */
#ifndef SESAME_LWM2M_SENML_H
#define SESAME_LWM2M_SENML_H

#include "lwm2m/value.h"

/** lwm2m_senml_encode() - one record a value; the first carries the base name. */
void lwm2m_senml_encode(const struct lwm2m_path *base, const struct lwm2m_set *set,
			struct model_buf *out);

/**
 * lwm2m_senml_opaque_head() - all but the bytes of one opaque value of @len
 *
 * What a pack with this single record begins with; the bytes follow.
 */
void lwm2m_senml_opaque_head(const struct lwm2m_path *path, size_t len, struct model_buf *out);

/**
 * lwm2m_senml_decode() - values at or below @base, typed by the model
 *
 * Strings and opaques point into @p. A null is a value of MODEL_NONE.
 *
 * Return: 0, or a CoAP error code with @words.
 */
int lwm2m_senml_decode(const struct lwm2m_path *base, const uint8_t *p, size_t len,
		       struct lwm2m_set *set, char *words);

/** lwm2m_senml_names() - records without values (Read-Composite): values of type
 * MODEL_NONE with a path of any depth. */
int lwm2m_senml_names(const uint8_t *p, size_t len, struct lwm2m_set *set, char *words);

/** lwm2m_senml_json_encode(), _decode(), _names() - the same in JSON (RFC 8428, 5). */
void lwm2m_senml_json_encode(const struct lwm2m_path *base, const struct lwm2m_set *set,
			     struct model_buf *out);
int lwm2m_senml_json_decode(const struct lwm2m_path *base, const uint8_t *p, size_t len,
			    struct lwm2m_set *set, char *words);
int lwm2m_senml_json_names(const uint8_t *p, size_t len, struct lwm2m_set *set, char *words);

/** lwm2m_cbor_encode() - one value; lwm2m_cbor_opaque_head() as above. */
void lwm2m_cbor_encode(const struct lwm2m_value *v, struct model_buf *out);
void lwm2m_cbor_opaque_head(size_t len, struct model_buf *out);

/** lwm2m_cbor_decode() - one value for resource @path. */
int lwm2m_cbor_decode(const struct lwm2m_path *path, const uint8_t *p, size_t len,
		      struct lwm2m_set *set, char *words);

#endif /* SESAME_LWM2M_SENML_H */
