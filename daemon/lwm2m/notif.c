// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "lwm2m/internal.h"
#include "lwm2m/notif.h"
#include "lwm2m/pack.h"
#include "lwm2m/senml.h"

#define KEPT_VERSION 1

struct entry {
	TAILQ_ENTRY(entry) link;
	struct lwm2m_notif n;
};

TAILQ_HEAD(entries, entry);

struct lwm2m_notifs {
	struct entries entries; /* by rising seq */
	uint64_t seq;
	size_t count, bytes;
};

static struct lwm2m_notifs *notifs(struct lwm2m_client *c)
{
	if (!c->notifs) {
		c->notifs = calloc(1, sizeof(*c->notifs));
		if (c->notifs)
			TAILQ_INIT(&c->notifs->entries);
	}
	return c->notifs;
}

/* short server id, then seq, so that they come back in order */
static void make_key(const struct lwm2m_client *c, uint64_t seq, uint8_t key[10])
{
	lwm2m_pack(lwm2m_pack(key, c->ssid, 2), seq, 8);
}

static void remove_entry(struct lwm2m_client *c, struct entry *e, bool state)
{
	uint8_t key[10];

	if (state) {
		make_key(c, e->n.seq, key);
		(void)store_del(c->shared->state, LWM2M_KIND_NOTIF, key, sizeof(key));
	}
	TAILQ_REMOVE(&c->notifs->entries, e, link);
	c->notifs->count--;
	c->notifs->bytes -= e->n.len;
	explicit_bzero(e->n.pack, e->n.len);
	free(e->n.pack);
	free(e);
}

/* @pack becomes the entry's */
static int append(struct lwm2m_client *c, uint64_t seq, uint32_t owner, uint8_t *pack,
		  size_t len)
{
	struct lwm2m_notifs *s = notifs(c);
	struct entry *e = s ? calloc(1, sizeof(*e)) : NULL;

	if (!e)
		return -ENOMEM;
	e->n = (struct lwm2m_notif){seq, owner, pack, len};
	TAILQ_INSERT_TAIL(&s->entries, e, link);
	s->count++;
	s->bytes += len;
	if (seq > s->seq)
		s->seq = seq;
	return 0;
}

static int store(struct lwm2m_client *c, const struct lwm2m_notif *n)
{
	uint8_t key[10], *val = malloc(5 + n->len);
	int ret;

	if (!val)
		return -ENOMEM;
	val[0] = KEPT_VERSION;
	lwm2m_pack(val + 1, n->owner, 4);
	memcpy(val + 5, n->pack, n->len);
	make_key(c, n->seq, key);
	ret = store_put(c->shared->state, LWM2M_KIND_NOTIF, key, sizeof(key), val, 5 + n->len);
	explicit_bzero(val, 5 + n->len);
	free(val);
	return ret;
}

int lwm2m_notif_add(struct lwm2m_client *c, uint32_t owner, const struct lwm2m_set *set)
{
	struct model_buf buf = {.max = LWM2M_NOTIF_BYTES_MAX / 2};
	struct lwm2m_path root = {0};
	struct lwm2m_notifs *s = notifs(c);
	int ret;

	if (!s)
		return -ENOMEM;
	lwm2m_senml_encode(&root, set, &buf);
	ret = buf.error;
	if (ret == 0)
		ret = append(c, s->seq + 1, owner, buf.p, buf.len);
	if (ret < 0) {
		model_buf_free(&buf);
		return ret;
	}
	while (s->count > LWM2M_NOTIF_ENTRIES_MAX || s->bytes > LWM2M_NOTIF_BYTES_MAX)
		remove_entry(c, TAILQ_FIRST(&s->entries), true);
	return store(c, &TAILQ_LAST(&s->entries, entries)->n);
}

const struct lwm2m_notif *lwm2m_notif_next(const struct lwm2m_client *c, uint32_t owner,
					   uint64_t seq)
{
	const struct entry *e;

	if (!c->notifs)
		return NULL;
	TAILQ_FOREACH(e, &c->notifs->entries, link)
	if (e->n.owner == owner && e->n.seq > seq)
		return &e->n;
	return NULL;
}

void lwm2m_notif_drop(struct lwm2m_client *c, uint32_t owner, uint64_t seq)
{
	struct entry *e, *next;

	if (!c->notifs)
		return;
	for (e = TAILQ_FIRST(&c->notifs->entries); e; e = next) {
		next = TAILQ_NEXT(e, link);
		if (e->n.owner == owner && e->n.seq <= seq)
			remove_entry(c, e, true);
	}
}

void lwm2m_notif_give(struct lwm2m_client *c, uint32_t owner, uint32_t heir)
{
	struct entry *e;

	if (!c->notifs)
		return;
	TAILQ_FOREACH(e, &c->notifs->entries, link)
	if (e->n.owner == owner) {
		e->n.owner = heir;
		(void)store(c, &e->n);
	}
}

static int load_one(void *userdata, const uint8_t *key, size_t klen, const uint8_t *val,
		    size_t vlen)
{
	struct lwm2m_client *c = userdata;
	uint32_t owner;
	uint64_t seq;
	uint8_t *pack;

	if (klen != 10 || vlen <= 5 || val[0] != KEPT_VERSION ||
	    (c->notifs && (c->notifs->count >= LWM2M_NOTIF_ENTRIES_MAX ||
			   c->notifs->bytes + vlen > LWM2M_NOTIF_BYTES_MAX)))
		return 0;
	key += 2;
	seq = lwm2m_unpack(&key, 8);
	val++;
	owner = (uint32_t)lwm2m_unpack(&val, 4);
	pack = malloc(vlen - 5);
	if (!pack)
		return -ENOMEM;
	memcpy(pack, val, vlen - 5);
	if (append(c, seq, owner, pack, vlen - 5) < 0) {
		explicit_bzero(pack, vlen - 5);
		free(pack);
		return -ENOMEM;
	}
	return 0;
}

int lwm2m_notif_load(struct lwm2m_client *c)
{
	uint8_t prefix[2];

	lwm2m_pack(prefix, c->ssid, 2);
	return store_each(c->shared->state, LWM2M_KIND_NOTIF, prefix, sizeof(prefix), load_one,
			  c);
}

void lwm2m_notif_free(struct lwm2m_client *c)
{
	if (!c->notifs)
		return;
	while (!TAILQ_EMPTY(&c->notifs->entries))
		remove_entry(c, TAILQ_FIRST(&c->notifs->entries), false);
	free(c->notifs);
	c->notifs = NULL;
}
