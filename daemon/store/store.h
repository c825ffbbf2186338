/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a front end keeps over a restart: bytes under a kind and a key, in
 * transactions. A power cut leaves the state before or after a commit, whole.
 *
 * It lies in DIR/NAME.db (SQLite, WAL, every commit on the disk, mode 0600), or
 * in memory for tests. Kinds and bytes are the opener's business: bytes begin with
 * a version, and what an owner does not understand it drops. Keys and PSKs may be
 * among them: deleted bytes are overwritten.
 *
 * Not thread safe; belongs to the owner's loop.
 */
#ifndef SESAME_STORE_H
#define SESAME_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_KEY_MAX 272 /* a URI of 255 bytes as a key, and some more */
#define STORE_VALUE_MAX (1U << 20)
#define STORE_KIND_MAX 255 /* kinds are 1 to this; what they mean is the opener's */
#define STORE_NAME_MAX 32

struct store;

/**
 * store_open() - open or make DIR/NAME.db
 * @dir: an existing directory; NULL: in memory
 * @name: of the file, without ".db"; shorter than STORE_NAME_MAX
 * @why: gets what is wrong, @room bytes
 *
 * Return: 0, -EPROTO (made by a newer version), -EBUSY (another process has it),
 * -ENOSPC, -EIO, -EACCES, -ENOMEM, -EINVAL (the name).
 */
int store_open(struct store **ret, const char *dir, const char *name, char *why, size_t room);
/** store_close() - an open transaction is rolled back; NULL is fine. */
void store_close(struct store *st);

/**
 * store_put() - keep @val under @kind and @key, instead of what was there
 *
 * Outside of a transaction it is one of its own. @klen is 1 to STORE_KEY_MAX, @vlen
 * 0 to STORE_VALUE_MAX.
 *
 * Return: 0, -EINVAL, -EBUSY (within store_each()), -ENOSPC, -EIO, -ENOMEM.
 */
int store_put(struct store *st, unsigned int kind, const void *key, size_t klen,
	      const void *val, size_t vlen);

/** store_del() - drop one; 0 also if it is not there, or a negative errno. */
int store_del(struct store *st, unsigned int kind, const void *key, size_t klen);

/** store_del_prefix() - drop all whose keys begin so; @plen 0: all of @kind. */
int store_del_prefix(struct store *st, unsigned int kind, const void *prefix, size_t plen);

/**
 * store_get() - copy of one value
 * @val: gets it, with a NUL behind it that does not count; release with free(), after
 *	explicit_bzero() if it is secret
 *
 * Return: 0, -ENOENT, -EIO, -ENOMEM.
 */
int store_get(struct store *st, unsigned int kind, const void *key, size_t klen, uint8_t **val,
	      size_t *vlen);

/**
 * store_each() - call @fn for all whose keys begin with @prefix, by rising key
 * @fn: other than 0 ends it. It may not change the store
 *
 * Return: 0, what @fn returned, or a negative errno.
 */
int store_each(struct store *st, unsigned int kind, const void *prefix, size_t plen,
	       int (*fn)(void *userdata, const uint8_t *key, size_t klen, const uint8_t *val,
			 size_t vlen),
	       void *userdata);

/**
 * store_next() - the first key that is @key or above it
 * @next: STORE_KEY_MAX bytes; may be @key
 *
 * Return: 0, -ENOENT, -EIO, -ENOMEM.
 */
int store_next(struct store *st, unsigned int kind, const void *key, size_t klen,
	       uint8_t next[STORE_KEY_MAX], size_t *nlen);

/**
 * store_begin() - a transaction; within one, a part of it
 *
 * Each begin wants one commit or rollback. A part that is rolled back takes only
 * itself back. Nothing is on the disk before the outermost commit returned 0;
 * a commit that fails has rolled back.
 */
int store_begin(struct store *st);
int store_commit(struct store *st);
void store_rollback(struct store *st);

#endif /* SESAME_STORE_H */
