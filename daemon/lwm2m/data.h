/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stored objects: instances and values that servers, a bootstrap server, the
 * card or the configuration put there and that are kept as they are. 0 Security,
 * 1 Server, 2 Access Control, 16 Portfolio, 19 BinaryAppDataContainer, 21 OSCORE.
 *
 * Values are checked against model/: existence, type, range, single or multiple.
 * Rights and operations are not: that is dm's business, and a bootstrap server
 * may write what a server may not read.
 *
 * A transaction is all or nothing, on the disk too: until the commit, everybody
 * who asks sees the new values, and after a rollback the old ones.
 */
#ifndef SESAME_LWM2M_DATA_H
#define SESAME_LWM2M_DATA_H

#include "lwm2m/state.h"
#include "lwm2m/value.h"

#define LWM2M_DATA_INSTANCES_MAX 64	  /* of one object */
#define LWM2M_DATA_BYTES_MAX (256U << 10) /* strings and opaques of all together */
#define LWM2M_DATA_WRITES_MAX 16	  /* resource instances of one resource */

struct lwm2m_data;

/**
 * lwm2m_data_new() - with what @st keeps
 * @st: NULL: nothing is kept. It must outlive the data
 * @why: what was wrong, CONTENT_WORDS_MAX bytes; also with 0, where an instance
 *	was dropped because this version does not understand it. "" if all is well
 *
 * Return: 0, -ENOMEM, or what the store said.
 */
int lwm2m_data_new(struct lwm2m_data **ret, struct store *st, char *why);
/** lwm2m_data_free() - wipes; an open transaction is rolled back. NULL is fine. */
void lwm2m_data_free(struct lwm2m_data *d);

/**
 * lwm2m_data_copy() - the same values in a data model of its own, kept nowhere
 *
 * To try out many changes, look at what comes of them, and lwm2m_data_take() it.
 *
 * Return: 0 or -ENOMEM.
 */
int lwm2m_data_copy(struct lwm2m_data **ret, const struct lwm2m_data *d);

/**
 * lwm2m_data_take() - all values of @from in the place of those of @d
 *
 * One transaction, or part of the open one; only what differs is written and told.
 *
 * Return: 0, -ENOMEM, or what the store said.
 */
int lwm2m_data_take(struct lwm2m_data *d, const struct lwm2m_data *from);

/** lwm2m_data_stores() - is @object one of the stored ones? */
bool lwm2m_data_stores(uint16_t object);

/* ---- reading ---------------------------------------------------------------- */

/** lwm2m_data_instances() - numbers by rising order, at most @room; returns how many. */
size_t lwm2m_data_instances(const struct lwm2m_data *d, uint16_t object, uint16_t *ids,
			    size_t room);
bool lwm2m_data_has(const struct lwm2m_data *d, uint16_t object, uint16_t instance);

/**
 * lwm2m_data_get() - a single resource, or the first instance of a multiple one
 *
 * Return: the value, path included, valid until the next change; NULL if not there.
 */
const struct lwm2m_value *lwm2m_data_get(const struct lwm2m_data *d, uint16_t object,
					 uint16_t instance, uint16_t rid);

/** lwm2m_data_int() - an integer, time or boolean, or @other if it is not there. */
int64_t lwm2m_data_int(const struct lwm2m_data *d, uint16_t object, uint16_t instance,
		       uint16_t rid, int64_t other);

/** lwm2m_data_string() - of a string or opaque, always ended with a NUL behind its
 * @len (may be NULL) bytes; NULL if not there. Valid until the next change. */
const char *lwm2m_data_string(const struct lwm2m_data *d, uint16_t object, uint16_t instance,
			      uint16_t rid, size_t *len);

/**
 * lwm2m_data_read() - append copies to @set, by rising path
 * @rid: -1: all. A multiple resource without instances, as long as it was set
 *	so, is one value of MODEL_NONE with depth 4
 *
 * Return: 0, -ENOENT (no such instance), -ENOMEM, -E2BIG.
 */
int lwm2m_data_read(const struct lwm2m_data *d, uint16_t object, uint16_t instance, int32_t rid,
		    struct lwm2m_set *set);

/** lwm2m_data_find() - the instance of @object whose integer @rid is @value, or -1. */
int32_t lwm2m_data_find(const struct lwm2m_data *d, uint16_t object, uint16_t rid,
			int64_t value);

/* ---- changing --------------------------------------------------------------- */

/**
 * lwm2m_data_begin() - several changes as one
 *
 * Return: 0, -EALREADY if one is open (they do not nest), -ENOMEM.
 */
int lwm2m_data_begin(struct lwm2m_data *d);
/** lwm2m_data_commit() - 0, or what the store said: it was rolled back then. */
int lwm2m_data_commit(struct lwm2m_data *d);
void lwm2m_data_rollback(struct lwm2m_data *d);
/** lwm2m_data_in_transaction() - is one open? */
bool lwm2m_data_in_transaction(const struct lwm2m_data *d);

/**
 * lwm2m_data_set() - set a resource (path depth 3) or resource instance (depth 4)
 * @v: a value of depth 4 with MODEL_NONE makes the multiple resource an empty one
 *
 * The instance must be there. Outside of a transaction it is one of its own, as
 * each of the changes below; one that fails within a transaction may have been
 * done in part, and leaves nothing but to roll back.
 *
 * Return: 0, -ENOENT (no such object, instance, resource), -EINVAL (type, range,
 * single or multiple), -ENOSPC (too much), -ENOMEM, or what the store said.
 */
int lwm2m_data_set(struct lwm2m_data *d, const struct lwm2m_value *v);
int lwm2m_data_set_int(struct lwm2m_data *d, uint16_t object, uint16_t instance, uint16_t rid,
		       int64_t i);
/** lwm2m_data_set_bytes() - a string or opaque; NULL removes the resource. */
int lwm2m_data_set_bytes(struct lwm2m_data *d, uint16_t object, uint16_t instance, uint16_t rid,
			 const void *p, size_t len);

/** lwm2m_data_add() - a new, empty instance; 0, -EEXIST, -ENOENT (object), -ENOSPC, … */
int lwm2m_data_add(struct lwm2m_data *d, uint16_t object, uint16_t instance);

/** lwm2m_data_free_instance() - the lowest number that is free, or -1. */
int32_t lwm2m_data_free_instance(const struct lwm2m_data *d, uint16_t object);

/**
 * lwm2m_data_remove() - what is at and below @path, depth 0 to 4
 *
 * Return: 0, -ENOENT (nothing there), -ENOMEM, or what the store said.
 */
int lwm2m_data_remove(struct lwm2m_data *d, const struct lwm2m_path *path);

/**
 * lwm2m_data_check() - may @v be set, by itself? 0, -ENOENT, -EINVAL as above
 * @words: what is wrong; CONTENT_WORDS_MAX bytes
 */
int lwm2m_data_check(const struct lwm2m_value *v, char *words);

/**
 * lwm2m_data_listen() - be told what a commit changed; one listener
 * @fn: an instance (depth 2) that came, went or changed. It may read; changes
 *	are for later
 */
void lwm2m_data_listen(struct lwm2m_data *d,
		       void (*fn)(void *ctx, const struct lwm2m_path *instance), void *ctx);

/** lwm2m_data_generation() - moves with each commit that changed something. */
uint64_t lwm2m_data_generation(const struct lwm2m_data *d);

#endif /* SESAME_LWM2M_DATA_H */
