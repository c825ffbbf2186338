// SPDX-License-Identifier: Apache-2.0
/*
 * Alerts that wait for their server. Nothing of them is kept in memory: a transaction of
 * the store that is rolled back would not take it back.
 *
 * Key: the server's identifier, NUL, the entry's number (8 bytes, big endian). Value:
 * version, tries, token (8), six texts with their NUL (correlator, source, type, format,
 * mark, owner), and the data up to the end.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dm/outbox.h"

#define VERSION 1
#define HEAD (2 + 8)
#define TEXTS 6
#define OWNERS_MAX 8
#define KEY_MAX (DM_SERVER_MAX + 8)

static const char next_key[] = "outbox.next";

struct owner {
	char name[DM_OUTBOX_OWNER_MAX];
	dm_outbox_done_t fn;
	void *userdata;
};

struct dm_outbox {
	struct store *st;
	struct owner owners[OWNERS_MAX];
	size_t nr_owners;
	void (*watch)(void *userdata, const char *server);
	void *watch_data;
};

int dm_outbox_new(struct dm_outbox **ret, struct store *st)
{
	*ret = calloc(1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	(*ret)->st = st;
	return 0;
}

void dm_outbox_free(struct dm_outbox *ob)
{
	free(ob);
}

int dm_outbox_own(struct dm_outbox *ob, const char *owner, dm_outbox_done_t fn, void *userdata)
{
	struct owner *o;

	if (ob->nr_owners == OWNERS_MAX || strlen(owner) >= sizeof(o->name))
		return -ENOMEM;
	o = &ob->owners[ob->nr_owners++];
	strcpy(o->name, owner);
	o->fn = fn;
	o->userdata = userdata;
	return 0;
}

void dm_outbox_watch(struct dm_outbox *ob, void (*fn)(void *userdata, const char *server),
		     void *userdata)
{
	ob->watch = fn;
	ob->watch_data = userdata;
}

/* ---- keys and values --------------------------------------------------------------- */

/* What all keys of a server begin with; 0 if it cannot be one. */
static size_t prefix_of(const char *server, uint8_t key[KEY_MAX])
{
	size_t n = server ? strlen(server) + 1 : 0;

	if (n < 2 || n > DM_SERVER_MAX)
		return 0;
	memcpy(key, server, n);
	return n;
}

static size_t key_of(const char *server, uint64_t id, uint8_t key[KEY_MAX])
{
	uint64_t number = htobe64(id);
	size_t n = prefix_of(server, key);

	if (!n)
		return 0;
	memcpy(key + n, &number, sizeof(number));
	return n + sizeof(number);
}

/* the number of an entry by its key; 0 if that is none */
static uint64_t id_of(const uint8_t *key, size_t klen)
{
	uint64_t number;

	if (klen < 2 + sizeof(number) || key[klen - sizeof(number) - 1])
		return 0;
	memcpy(&number, key + klen - sizeof(number), sizeof(number));
	return be64toh(number);
}

static int encode(const struct dm_outbox_alert *a, uint8_t **ret, size_t *len)
{
	const struct {
		const char *s;
		size_t room;
	} text[TEXTS] = {
		{a->correlator ? a->correlator : "", DM_CORRELATOR_MAX},
		{a->source ? a->source : "", DM_OUTBOX_URI_MAX},
		{a->type, DM_OUTBOX_TYPE_MAX},
		{a->format ? a->format : "chr", 16},
		{a->mark ? a->mark : "", 16},
		{a->owner ? a->owner : "", DM_OUTBOX_OWNER_MAX},
	};
	uint64_t token = htobe64(a->token);
	size_t n = HEAD;
	uint8_t *p;

	if (!a->type || !*a->type || (a->len && !a->data))
		return -EINVAL;
	if (a->len > DM_OUTBOX_DATA_MAX)
		return -EMSGSIZE;
	for (unsigned int i = 0; i < TEXTS; i++) {
		if (strlen(text[i].s) >= text[i].room)
			return -EINVAL;
		n += strlen(text[i].s) + 1;
	}
	*ret = p = malloc(n + a->len);
	if (!p)
		return -ENOMEM;
	*len = n + a->len;
	*p++ = VERSION;
	*p++ = (uint8_t)a->tries;
	memcpy(p, &token, sizeof(token));
	p += sizeof(token);
	for (unsigned int i = 0; i < TEXTS; i++)
		p = (uint8_t *)stpcpy((char *)p, text[i].s) + 1;
	if (a->len)
		memcpy(p, a->data, a->len);
	return 0;
}

/* @val stays the caller's; what it holds is pointed into. */
static int decode(const uint8_t *val, size_t vlen, struct dm_outbox_alert *a)
{
	const uint8_t *p = val + HEAD, *end = val + vlen;
	const char *text[TEXTS];
	uint64_t token;

	if (vlen < HEAD || val[0] != VERSION)
		return -EBADMSG;
	memcpy(&token, val + 2, sizeof(token));
	for (unsigned int i = 0; i < TEXTS; i++) {
		const uint8_t *nul = memchr(p, 0, (size_t)(end - p));

		if (!nul)
			return -EBADMSG;
		text[i] = *p ? (const char *)p : NULL;
		p = nul + 1;
	}
	if (!text[2])
		return -EBADMSG;
	a->tries = val[1];
	a->token = be64toh(token);
	a->correlator = text[0];
	a->source = text[1];
	a->type = text[2];
	a->format = text[3];
	a->mark = text[4];
	a->owner = text[5];
	a->data = p;
	a->len = (size_t)(end - p);
	return 0;
}

/* ---- in ---------------------------------------------------------------------------- */

static int take_number(struct dm_outbox *ob, uint64_t *id)
{
	uint64_t next = 1;
	uint8_t *p;
	size_t len;
	int r;

	r = store_get(ob->st, DM_KIND_META, next_key, strlen(next_key), &p, &len);
	if (r && r != -ENOENT)
		return r;
	if (!r) {
		if (len == sizeof(next)) {
			memcpy(&next, p, sizeof(next));
			next = be64toh(next);
		}
		free(p);
	}
	*id = next;
	next = htobe64(next + 1);
	return store_put(ob->st, DM_KIND_META, next_key, strlen(next_key), &next, sizeof(next));
}

static int write_entry(struct dm_outbox *ob, const struct dm_outbox_alert *a)
{
	uint8_t key[KEY_MAX], *val;
	size_t klen = key_of(a->server, a->id, key), vlen;
	int r;

	if (!klen)
		return -EINVAL;
	r = encode(a, &val, &vlen);
	if (r)
		return r;
	r = store_put(ob->st, DM_KIND_OUTBOX, key, klen, val, vlen);
	explicit_bzero(val, vlen);
	free(val);
	return r;
}

int dm_outbox_put(struct dm_outbox *ob, const struct dm_outbox_alert *alert, uint64_t *id)
{
	struct dm_outbox_alert a = *alert;
	int r = store_begin(ob->st);

	if (r)
		return r;
	if (dm_outbox_count(ob, a.server) >= DM_OUTBOX_MAX)
		r = -EDQUOT;
	a.tries = 0;
	if (!r)
		r = take_number(ob, &a.id);
	if (!r)
		r = write_entry(ob, &a);
	if (r) {
		store_rollback(ob->st);
		return r;
	}
	r = store_commit(ob->st);
	if (r)
		return r;
	if (id)
		*id = a.id;
	if (ob->watch)
		ob->watch(ob->watch_data, a.server);
	return 0;
}

/* ---- out --------------------------------------------------------------------------- */

struct search {
	uint64_t after, id;
	size_t count;
};

static int on_next(void *userdata, const uint8_t *key, size_t klen, const uint8_t *val,
		   size_t vlen)
{
	struct dm_outbox_alert a;
	struct search *s = userdata;
	uint64_t id = id_of(key, klen);

	if (id <= s->after || decode(val, vlen, &a))
		return 0;
	s->id = id;
	return 1;
}

int dm_outbox_next(struct dm_outbox *ob, const char *server, uint64_t after,
		   struct dm_outbox_alert *ret)
{
	struct search s = {.after = after};
	uint8_t key[KEY_MAX], *val;
	size_t klen = prefix_of(server, key), vlen;
	int r;

	memset(ret, 0, sizeof(*ret));
	if (!klen)
		return -ENOENT;
	r = store_each(ob->st, DM_KIND_OUTBOX, key, klen, on_next, &s);
	if (r <= 0)
		return r ? r : -ENOENT;
	klen = key_of(server, s.id, key);
	r = store_get(ob->st, DM_KIND_OUTBOX, key, klen, &val, &vlen);
	if (r)
		return r;
	r = decode(val, vlen, ret);
	ret->id = s.id;
	ret->server = strdup(server);
	if (!r && !ret->server)
		r = -ENOMEM;
	if (r) {
		free(val);
		memset(ret, 0, sizeof(*ret));
		return r;
	}
	ret->held = val;
	return 0;
}

void dm_outbox_release(struct dm_outbox_alert *alert)
{
	free((char *)alert->server);
	free(alert->held);
	memset(alert, 0, sizeof(*alert));
}

static int on_count(void *userdata, const uint8_t *key, size_t klen, const uint8_t *val,
		    size_t vlen)
{
	struct dm_outbox_alert a;
	struct search *s = userdata;

	if (id_of(key, klen) && !decode(val, vlen, &a))
		s->count++;
	return 0;
}

size_t dm_outbox_count(struct dm_outbox *ob, const char *server)
{
	struct search s = {0};
	uint8_t key[KEY_MAX];
	size_t klen = server ? prefix_of(server, key) : 0;

	if (server && !klen)
		return 0;
	/* it cannot be read: then nothing can be delivered either */
	(void)store_each(ob->st, DM_KIND_OUTBOX, key, klen, on_count, &s);
	return s.count;
}

/* ---- what became of them ------------------------------------------------------------- */

static void tell(struct dm_outbox *ob, const struct dm_outbox_alert *a, unsigned int status)
{
	for (size_t i = 0; a->owner && i < ob->nr_owners; i++)
		if (!strcmp(ob->owners[i].name, a->owner))
			ob->owners[i].fn(ob->owners[i].userdata, a, status);
}

static int drop(struct dm_outbox *ob, const struct dm_outbox_alert *a, unsigned int status)
{
	uint8_t key[KEY_MAX];
	size_t klen = key_of(a->server, a->id, key);
	int r = store_begin(ob->st);

	if (r)
		return r;
	r = store_del(ob->st, DM_KIND_OUTBOX, key, klen);
	if (r) {
		store_rollback(ob->st);
		return r;
	}
	tell(ob, a, status);
	return store_commit(ob->st);
}

int dm_outbox_status(struct dm_outbox *ob, const char *server, uint64_t id, unsigned int status)
{
	struct dm_outbox_alert a;
	int r;

	if (!id || status < 200 || status == 401 || status == 407)
		return 0;
	r = dm_outbox_next(ob, server, id - 1, &a);
	if (r == -ENOENT || (!r && a.id != id)) {
		dm_outbox_release(&a);
		return 0;
	}
	if (r)
		return r;
	a.tries++;
	if (status < 300 || a.tries >= DM_OUTBOX_TRIES)
		r = drop(ob, &a, status);
	else
		r = write_entry(ob, &a);
	dm_outbox_release(&a);
	return r;
}

int dm_outbox_forget(struct dm_outbox *ob, const char *server)
{
	struct dm_outbox_alert a;
	uint8_t key[KEY_MAX];
	size_t klen = prefix_of(server, key);
	int r = klen ? store_begin(ob->st) : -EINVAL;

	if (r)
		return r;
	while (!(r = dm_outbox_next(ob, server, 0, &a))) {
		r = drop(ob, &a, 0);
		dm_outbox_release(&a);
		if (r)
			break;
	}
	/* those that cannot be read */
	if (r == -ENOENT)
		r = store_del_prefix(ob->st, DM_KIND_OUTBOX, key, klen);
	if (r) {
		store_rollback(ob->st);
		return r;
	}
	return store_commit(ob->st);
}
