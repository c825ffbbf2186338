/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions of a struct lwm2m_object for objects that are stored in the data
 * model (data.h). What an object does beside that, it does around them.
 */
#ifndef SESAME_LWM2M_STORED_H
#define SESAME_LWM2M_STORED_H

#include "lwm2m/internal.h"

size_t lwm2m_stored_instances(struct lwm2m_client *c, uint16_t object, uint16_t *ids,
			      size_t room);
/** lwm2m_stored_read() - resources that only a bootstrap server may use are left out */
int lwm2m_stored_read(struct lwm2m_client *c, uint16_t object, uint16_t instance, int32_t rid,
		      struct lwm2m_set *set, char *words);

/**
 * lwm2m_stored_write() - all of @v or nothing, durable when it returns 0
 *
 * With @replace, what a server may write, is not mandatory and not among @v goes.
 * A mandatory resource is never taken away. Joins a transaction that is open, and
 * leaves it to be rolled back after an error.
 */
int lwm2m_stored_write(struct lwm2m_client *c, uint16_t object, uint16_t instance,
		       const struct lwm2m_value *v, size_t n, bool replace, char *words);
int lwm2m_stored_create(struct lwm2m_client *c, uint16_t object, uint16_t instance,
			char *words);
int lwm2m_stored_remove(struct lwm2m_client *c, uint16_t object, uint16_t instance,
			char *words);

/* The five of them for object @id, as static functions stored_instances and so on. */
#define LWM2M_STORED_FUNCTIONS(id_)                                                        \
	static __attribute__((unused)) size_t stored_instances(struct lwm2m_client *c,     \
							       uint16_t *ids, size_t room) \
	{                                                                                  \
		return lwm2m_stored_instances(c, (id_), ids, room);                        \
	}                                                                                  \
	static __attribute__((unused)) int stored_read(struct lwm2m_client *c,             \
						       uint16_t instance, int32_t rid,     \
						       struct lwm2m_set *set, char *words) \
	{                                                                                  \
		return lwm2m_stored_read(c, (id_), instance, rid, set, words);             \
	}                                                                                  \
	static __attribute__((unused)) int stored_write(                                   \
		struct lwm2m_client *c, uint16_t instance, const struct lwm2m_value *v,    \
		size_t n, bool replace, char *words)                                       \
	{                                                                                  \
		return lwm2m_stored_write(c, (id_), instance, v, n, replace, words);       \
	}                                                                                  \
	static __attribute__((unused)) int stored_create(struct lwm2m_client *c,           \
							 uint16_t instance, char *words)   \
	{                                                                                  \
		return lwm2m_stored_create(c, (id_), instance, words);                     \
	}                                                                                  \
	static __attribute__((unused)) int stored_remove(struct lwm2m_client *c,           \
							 uint16_t instance, char *words)   \
	{                                                                                  \
		return lwm2m_stored_remove(c, (id_), instance, words);                     \
	}

#endif /* SESAME_LWM2M_STORED_H */
