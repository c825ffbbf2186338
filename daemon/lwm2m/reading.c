// SPDX-License-Identifier: Apache-2.0
/* How an object gives its resources to a reader. */
#include <string.h>

#include "lwm2m/reading.h"

#define SINGLE (-1)

static void put(struct lwm2m_reading *r, uint16_t rid, int32_t at, struct lwm2m_value v)
{
	uint8_t *copy;

	if (r->ret != 0 || (r->rid >= 0 && r->rid != rid))
		return;
	v.path = lwm2m_path_at(at < 0 ? 3 : 4, r->object, r->instance, rid,
			       (uint16_t)(at < 0 ? 0 : at));
	if (v.type == MODEL_STRING || v.type == MODEL_OPAQUE) {
		/* what it is a part of goes away before the set does */
		copy = lwm2m_set_alloc(r->set, v.len);
		if (!copy) {
			r->ret = COAP_500_INTERNAL;
			return;
		}
		if (v.len > 0)
			memcpy(copy, v.p, v.len);
		v.p = copy;
	}
	if (lwm2m_set_add(r->set, &v) < 0)
		r->ret = COAP_500_INTERNAL;
}

void lwm2m_put_integer(struct lwm2m_reading *r, uint16_t rid, int64_t i)
{
	put(r, rid, SINGLE, (struct lwm2m_value){.type = MODEL_INTEGER, .i = i});
}

void lwm2m_put_integer_at(struct lwm2m_reading *r, uint16_t rid, uint16_t at, int64_t i)
{
	put(r, rid, at, (struct lwm2m_value){.type = MODEL_INTEGER, .i = i});
}

void lwm2m_put_boolean(struct lwm2m_reading *r, uint16_t rid, bool b)
{
	put(r, rid, SINGLE, (struct lwm2m_value){.type = MODEL_BOOLEAN, .i = b});
}

static struct lwm2m_value text(const char *s)
{
	return (struct lwm2m_value){
		.type = MODEL_STRING, .p = (const uint8_t *)s, .len = strlen(s)};
}

void lwm2m_put_string(struct lwm2m_reading *r, uint16_t rid, const char *s)
{
	put(r, rid, SINGLE, text(s));
}

void lwm2m_put_string_at(struct lwm2m_reading *r, uint16_t rid, uint16_t at, const char *s)
{
	put(r, rid, at, text(s));
}

void lwm2m_put_opaque(struct lwm2m_reading *r, uint16_t rid, const uint8_t *p, size_t len)
{
	put(r, rid, SINGLE, (struct lwm2m_value){.type = MODEL_OPAQUE, .p = p, .len = len});
}

void lwm2m_put_opaque_at(struct lwm2m_reading *r, uint16_t rid, uint16_t at, const uint8_t *p,
			 size_t len)
{
	put(r, rid, at, (struct lwm2m_value){.type = MODEL_OPAQUE, .p = p, .len = len});
}

void lwm2m_put_link(struct lwm2m_reading *r, uint16_t rid, uint16_t object, uint16_t instance)
{
	put(r, rid, SINGLE,
	    (struct lwm2m_value){.type = MODEL_OBJLNK, .object = object, .instance = instance});
}

void lwm2m_put_link_at(struct lwm2m_reading *r, uint16_t rid, uint16_t at, uint16_t object,
		       uint16_t instance)
{
	put(r, rid, at,
	    (struct lwm2m_value){.type = MODEL_OBJLNK, .object = object, .instance = instance});
}

void lwm2m_put_none(struct lwm2m_reading *r, uint16_t rid)
{
	put(r, rid, 0, (struct lwm2m_value){.type = MODEL_NONE});
}
