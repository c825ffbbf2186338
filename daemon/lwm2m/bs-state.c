// SPDX-License-Identifier: Apache-2.0
/*
 * What bootstrap keeps over a restart, kind LWM2M_KIND_BS; each value begins with 01:
 *
 *	"bs"		source, end of the bootstrap account (8, seconds since 1970, 0: none)
 *	"card"		SHA-256 of the card's file, then object and instance of what came of it
 *	"factory"	SHA-256 of the factory file
 *	"before"	what the card took the place of, as a bootstrap file
 */
#include <errno.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "lwm2m/bs-priv.h"
#include "lwm2m/pack.h"

#define FORMAT 1

int bs_list_add(struct bs_list *l, uint16_t object, uint16_t instance)
{
	struct bs_at *p;
	size_t i = 0;

	while (i < l->n && (l->at[i].object < object ||
			    (l->at[i].object == object && l->at[i].instance < instance)))
		i++;
	if (i < l->n && l->at[i].object == object && l->at[i].instance == instance)
		return 0;
	if (l->n == l->room) {
		p = reallocarray(l->at, l->room + 16, sizeof(*p));
		if (!p)
			return -ENOMEM;
		l->at = p;
		l->room += 16;
	}
	memmove(l->at + i + 1, l->at + i, (l->n - i) * sizeof(*l->at));
	l->at[i] = (struct bs_at){object, instance};
	l->n++;
	return 0;
}

bool bs_list_has(const struct bs_list *l, uint16_t object, uint16_t instance)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->at[i].object == object && l->at[i].instance == instance)
			return true;
	return false;
}

void bs_list_clear(struct bs_list *l)
{
	free(l->at);
	memset(l, 0, sizeof(*l));
}

void bs_digest(const uint8_t *p, size_t len, uint8_t digest[BS_DIGEST])
{
	SHA256(p, len, digest);
}

static int get(struct lwm2m_bootstrap *b, const char *key, uint8_t **p, size_t *len)
{
	int r = store_get(b->state, LWM2M_KIND_BS, key, strlen(key), p, len);

	if (r == 0 && (*len == 0 || **p != FORMAT)) { /* of a newer version */
		explicit_bzero(*p, *len);
		free(*p);
		r = -ENOENT;
	}
	if (r < 0)
		*p = NULL;
	return r;
}

static int put(struct lwm2m_bootstrap *b, const char *key, const uint8_t *p, size_t len)
{
	return store_put(b->state, LWM2M_KIND_BS, key, strlen(key), p, len);
}

static int load_card(struct lwm2m_bootstrap *b)
{
	const uint8_t *at;
	uint8_t *p;
	size_t len;
	int r = get(b, "card", &p, &len);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (len >= 1 + BS_DIGEST) {
		memcpy(b->digest, p + 1, BS_DIGEST);
		b->applied = true;
		at = p + 1 + BS_DIGEST;
		while (r == 0 && at + 4 <= p + len) {
			uint16_t object = (uint16_t)lwm2m_unpack(&at, 2);

			r = bs_list_add(&b->from_card, object, (uint16_t)lwm2m_unpack(&at, 2));
		}
	}
	free(p);
	return r;
}

int bs_state_load(struct lwm2m_bootstrap *b)
{
	const uint8_t *at;
	uint8_t *p;
	size_t len;
	int64_t end = 0, left;
	int r = get(b, "bs", &p, &len);

	if (r == 0 && len >= 10) {
		b->source = p[1] <= LWM2M_BS_FROM_SERVER ? (enum lwm2m_bs_source)p[1]
							 : LWM2M_BS_FROM_NOTHING;
		at = p + 2;
		end = (int64_t)lwm2m_unpack(&at, 8);
	}
	free(p);
	if (end > 0 && b->ops.clock) {
		left = end - b->ops.clock(b->ctx);
		b->purge = left > 0 ? (uint64_t)left * 1000 : 0; /* the start is not told yet */
	}
	return r < 0 && r != -ENOENT ? r : load_card(b);
}

int bs_state_save(struct lwm2m_bootstrap *b)
{
	uint8_t v[10] = {FORMAT, (uint8_t)b->source};
	uint64_t end = 0;

	if (b->purge != LWM2M_NEVER && b->ops.clock) {
		end = b->purge > b->now ? (b->purge - b->now) / 1000 : 0;
		end += (uint64_t)b->ops.clock(b->ctx);
	}
	lwm2m_pack(v + 2, end, 8);
	return put(b, "bs", v, sizeof(v));
}

int bs_state_save_card(struct lwm2m_bootstrap *b)
{
	size_t len = 1 + BS_DIGEST + 4 * b->from_card.n;
	uint8_t *v, *to;
	int r;

	if (!b->applied)
		return store_del(b->state, LWM2M_KIND_BS, "card", 4);
	v = malloc(len);
	if (!v)
		return -ENOMEM;
	v[0] = FORMAT;
	memcpy(v + 1, b->digest, BS_DIGEST);
	to = v + 1 + BS_DIGEST;
	for (size_t i = 0; i < b->from_card.n; i++) {
		to = lwm2m_pack(to, b->from_card.at[i].object, 2);
		to = lwm2m_pack(to, b->from_card.at[i].instance, 2);
	}
	r = put(b, "card", v, len);
	free(v);
	return r;
}

int bs_state_put_before(struct lwm2m_bootstrap *b, const struct model_buf *file)
{
	uint8_t *v;
	int r;

	if (file->error < 0)
		return file->error;
	v = malloc(file->len + 1);
	if (!v)
		return -ENOMEM;
	v[0] = FORMAT;
	memcpy(v + 1, file->p, file->len);
	r = put(b, "before", v, file->len + 1);
	explicit_bzero(v, file->len + 1);
	free(v);
	return r;
}

int bs_state_get_before(struct lwm2m_bootstrap *b, uint8_t **p, size_t *len)
{
	int r = get(b, "before", p, len);

	if (r == 0) {
		memmove(*p, *p + 1, *len - 1);
		(*p)[*len - 1] = 0;
		(*len)--;
	}
	return r == -ENOENT ? 0 : r;
}

int bs_state_drop_before(struct lwm2m_bootstrap *b)
{
	return store_del(b->state, LWM2M_KIND_BS, "before", 6);
}

bool bs_state_factory(struct lwm2m_bootstrap *b, const uint8_t digest[BS_DIGEST])
{
	uint8_t *p;
	size_t len;
	bool same;

	if (get(b, "factory", &p, &len) < 0)
		return false;
	same = len == 1 + BS_DIGEST && memcmp(p + 1, digest, BS_DIGEST) == 0;
	free(p);
	return same;
}

int bs_state_set_factory(struct lwm2m_bootstrap *b, const uint8_t digest[BS_DIGEST])
{
	uint8_t v[1 + BS_DIGEST] = {FORMAT};

	memcpy(v + 1, digest, BS_DIGEST);
	return put(b, "factory", v, sizeof(v));
}
