/* SPDX-License-Identifier: Apache-2.0 */
/* How an object gives its resources to a reader, one after the other. */
#ifndef SESAME_LWM2M_READING_H
#define SESAME_LWM2M_READING_H

#include "lwm2m/internal.h"

/**
 * struct lwm2m_reading - one instance being read
 * @object, @instance: which
 * @rid: the resource that is wanted; -1: all
 * @set: what to append to; strings and bytes are copied
 * @ret: 0, or the CoAP code of the first thing that did not work
 */
struct lwm2m_reading {
	uint16_t object;
	uint16_t instance;
	int32_t rid;
	struct lwm2m_set *set;
	int ret;
};

/* Each does nothing for a resource that is not wanted, and after an error. */
void lwm2m_put_integer(struct lwm2m_reading *r, uint16_t rid, int64_t i);
void lwm2m_put_integer_at(struct lwm2m_reading *r, uint16_t rid, uint16_t at, int64_t i);
void lwm2m_put_boolean(struct lwm2m_reading *r, uint16_t rid, bool b);
void lwm2m_put_string(struct lwm2m_reading *r, uint16_t rid, const char *s);
void lwm2m_put_string_at(struct lwm2m_reading *r, uint16_t rid, uint16_t at, const char *s);
void lwm2m_put_opaque(struct lwm2m_reading *r, uint16_t rid, const uint8_t *p, size_t len);
void lwm2m_put_opaque_at(struct lwm2m_reading *r, uint16_t rid, uint16_t at, const uint8_t *p,
			 size_t len);
void lwm2m_put_link(struct lwm2m_reading *r, uint16_t rid, uint16_t object, uint16_t instance);
void lwm2m_put_link_at(struct lwm2m_reading *r, uint16_t rid, uint16_t at, uint16_t object,
		       uint16_t instance);
/** lwm2m_put_none() - a multiple resource without instances */
void lwm2m_put_none(struct lwm2m_reading *r, uint16_t rid);

#endif /* SESAME_LWM2M_READING_H */
