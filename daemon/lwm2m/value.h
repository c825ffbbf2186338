/* SPDX-License-Identifier: Apache-2.0 */
/* Values with their paths. */
#ifndef SESAME_LWM2M_VALUE_H
#define SESAME_LWM2M_VALUE_H

#include "lwm2m/lwm2m.h"
#include "model/buf.h"

/* Largest body that is handled as a whole; opaque streams have no such limit. */
#define LWM2M_BODY_MAX (64U << 10)
#define LWM2M_VALUES_MAX 4096

/**
 * struct lwm2m_value - one resource (path depth 3) or resource instance (4)
 * @i: MODEL_INTEGER, MODEL_TIME (seconds since 1970), MODEL_BOOLEAN; MODEL_UNSIGNED
 *	as the same 64 bits
 * @f: MODEL_FLOAT
 * @object, @instance: MODEL_OBJLNK
 * @p, @len: MODEL_STRING, MODEL_OPAQUE, MODEL_CORELNK; somebody else's memory
 * @at: when it was so, milliseconds since 1970; 0: now, or not known
 */
struct lwm2m_value {
	struct lwm2m_path path;
	enum model_type type;
	int64_t i;
	double f;
	int64_t at;
	uint16_t object;
	uint16_t instance;
	const uint8_t *p;
	size_t len;
};

/**
 * struct lwm2m_set - values in the order of their paths; frees with _clear()
 * @lenient: for decoders: resources that the model does not have are left out, and
 *	counted in @skipped; TLV of an object may have several instances. As bootstrap
 *	wants it (core 1.1, 6.1.7.5)
 */
struct lwm2m_set {
	bool lenient;
	unsigned int skipped;
	struct lwm2m_value *v;
	size_t n;
	size_t room;
	struct lwm2m_chunk *chunks; /* copies of strings and opaques */
	size_t copied;
};

/**
 * lwm2m_set_add() - append a value
 *
 * Return: 0, -ENOMEM, -E2BIG beyond LWM2M_VALUES_MAX.
 */
int lwm2m_set_add(struct lwm2m_set *set, const struct lwm2m_value *v);

/** lwm2m_set_alloc() - memory that lives as long as the set; NULL beyond
 * twice LWM2M_BODY_MAX in all. */
uint8_t *lwm2m_set_alloc(struct lwm2m_set *set, size_t len);

/** lwm2m_set_clear() - wipe and free; the set can be used again. */
void lwm2m_set_clear(struct lwm2m_set *set);

/** lwm2m_put_double() - the shortest of 15 to 17 digits that reads back as @f. */
void lwm2m_put_double(struct model_buf *b, double f);

/* ---- paths ----------------------------------------------------------------- */

/** lwm2m_path_at() - the path of @depth ids, of which the rest must be given. */
struct lwm2m_path lwm2m_path_at(uint8_t depth, uint16_t o, uint16_t i, uint16_t r, uint16_t ri);

/**
 * lwm2m_path_parse() - "/3/0/9", with or without the leading slash, "" or "/"
 *
 * Decimal numbers from 0 to 65534 (65535 is reserved) without leading zeros.
 *
 * Return: 0 or -EINVAL.
 */
int lwm2m_path_parse(const char *s, size_t len, struct lwm2m_path *path);

/** lwm2m_path_covers() - @below is @path or lies below it. */
bool lwm2m_path_covers(const struct lwm2m_path *path, const struct lwm2m_path *below);
bool lwm2m_path_equal(const struct lwm2m_path *a, const struct lwm2m_path *b);

/** lwm2m_path_print() - into @buf, "/" for depth 0; returns @buf. */
#define LWM2M_PATH_MAX 25
const char *lwm2m_path_print(const struct lwm2m_path *path, char buf[LWM2M_PATH_MAX]);

/** lwm2m_hash() - FNV-1a, to notice changes; begin with LWM2M_HASH. */
#define LWM2M_HASH 0xcbf29ce484222325ULL
uint64_t lwm2m_hash(uint64_t h, const void *p, size_t len);

#endif /* SESAME_LWM2M_VALUE_H */
