/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an LwM2M device keeps over a restart: bytes under a kind and a key, in
 * transactions. A power cut leaves the state before or after a commit, whole.
 *
 * It lies in DIR/lwm2m.db (SQLite, WAL, every commit on the disk, mode 0600), or
 * in memory for tests. The bytes are their owners' business: they begin with a
 * version, and what an owner does not understand it drops. Keys and PSKs are
 * among them: deleted bytes are overwritten.
 *
 * Not thread safe; belongs to the device's loop.
 */
#ifndef SESAME_LWM2M_STATE_H
#define SESAME_LWM2M_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LWM2M_STATE_KEY_MAX 128
#define LWM2M_STATE_VALUE_MAX (1U << 20)

/*
 * enum lwm2m_kind - who owns the bytes. The numbers are in files: never change them.
 *
 * Keys of the kinds marked with * begin with the account's short server id, two
 * bytes, big endian (LWM2M_SSID_BOOTSTRAP for the bootstrap account): all that
 * is kept for an account goes with it, lwm2m_state_forget().
 */
enum lwm2m_kind {
	LWM2M_KIND_META = 1, /* device.c: digests of the configuration */
	LWM2M_KIND_DATA,     /* data.c: instances of the stored objects */
	LWM2M_KIND_ATTR,     /* * attributes of Write-Attributes */
	LWM2M_KIND_REG,	     /* * registration: location, version, … */
	LWM2M_KIND_OBS,	     /* * observations */
	LWM2M_KIND_NOTIF,    /* * notifications that wait for the server */
	LWM2M_KIND_SESSION,  /* * DTLS and TLS sessions */
	LWM2M_KIND_OSCORE,   /* * sequence numbers, replay windows */
	LWM2M_KIND_BS,	     /* bootstrap: where accounts came from, timeouts */
	LWM2M_KIND_SW,	     /* software packages */
	LWM2M_KIND_DEDUP,    /* * requests that must not run twice */
	LWM2M_KIND_OBJECT, /* what an object keeps that is not stored in data.h; key: object id,
			      two bytes, first */
	LWM2M_KIND_MAX = LWM2M_KIND_OBJECT,
};

#define LWM2M_SSID_BOOTSTRAP 65535U

struct lwm2m_store;

/**
 * lwm2m_state_open() - open or make DIR/lwm2m.db
 * @dir: an existing directory; NULL: in memory
 * @why: gets what is wrong, @room bytes
 *
 * Return: 0, -EPROTO (made by a newer version), -EBUSY (another process has it),
 * -ENOSPC, -EIO, -EACCES, -ENOMEM.
 */
int lwm2m_state_open(struct lwm2m_store **ret, const char *dir, char *why, size_t room);
/** lwm2m_state_close() - an open transaction is rolled back; NULL is fine. */
void lwm2m_state_close(struct lwm2m_store *st);

/**
 * lwm2m_state_put() - keep @val under @kind and @key, instead of what was there
 *
 * Outside of a transaction it is one of its own. @klen is 1 to
 * LWM2M_STATE_KEY_MAX, @vlen 0 to LWM2M_STATE_VALUE_MAX.
 *
 * Return: 0, -EINVAL, -ENOSPC, -EIO, -ENOMEM.
 */
int lwm2m_state_put(struct lwm2m_store *st, enum lwm2m_kind kind, const void *key, size_t klen,
		    const void *val, size_t vlen);

/** lwm2m_state_del() - drop one; 0 also if it is not there, or a negative errno. */
int lwm2m_state_del(struct lwm2m_store *st, enum lwm2m_kind kind, const void *key, size_t klen);

/** lwm2m_state_del_prefix() - drop all whose keys begin so; @plen 0: all of @kind. */
int lwm2m_state_del_prefix(struct lwm2m_store *st, enum lwm2m_kind kind, const void *prefix,
			   size_t plen);

/**
 * lwm2m_state_get() - copy of one value
 * @val: gets it; release with free(), after explicit_bzero() if it is secret
 *
 * Return: 0, -ENOENT, -EIO, -ENOMEM.
 */
int lwm2m_state_get(struct lwm2m_store *st, enum lwm2m_kind kind, const void *key, size_t klen,
		    uint8_t **val, size_t *vlen);

/**
 * lwm2m_state_each() - call @fn for all whose keys begin with @prefix, by rising key
 * @fn: other than 0 ends it. It may not change the store
 *
 * Return: 0, what @fn returned, or a negative errno.
 */
int lwm2m_state_each(struct lwm2m_store *st, enum lwm2m_kind kind, const void *prefix,
		     size_t plen,
		     int (*fn)(void *userdata, const uint8_t *key, size_t klen,
			       const uint8_t *val, size_t vlen),
		     void *userdata);

/**
 * lwm2m_state_begin() - a transaction; within one, a part of it
 *
 * Each begin wants one commit or rollback. A part that is rolled back takes only
 * itself back. Nothing is on the disk before the outermost commit returned 0;
 * a commit that fails has rolled back.
 */
int lwm2m_state_begin(struct lwm2m_store *st);
int lwm2m_state_commit(struct lwm2m_store *st);
void lwm2m_state_rollback(struct lwm2m_store *st);

/** lwm2m_state_forget() - all that is kept for the account @ssid (kinds with a *). */
int lwm2m_state_forget(struct lwm2m_store *st, uint16_t ssid);

#endif /* SESAME_LWM2M_STATE_H */
