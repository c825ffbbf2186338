// SPDX-License-Identifier: Apache-2.0
/* The tree's records in the store, and what an Atomic needs to take them back. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dm/tree-priv.h"

#define RECORD_VERSION 1

struct record {
	uint8_t version;
	uint8_t format;
	uint8_t flags;
	uint8_t reserved;
	uint16_t verno;
	uint16_t acl_len;
	uint64_t tstamp;
	uint32_t size;
	uint8_t type_len;
	uint8_t title_len;
	char text[DM_ACL_MAX + DM_TYPE_MAX + DM_TITLE_MAX];
} __attribute__((packed));
#define RECORD_HEAD offsetof(struct record, text)

void tree_key(struct tree_key *key, const struct dm_path *path, unsigned int n)
{
	key->p[0] = 1;
	key->len = 1;
	for (unsigned int i = 0; i < n; i++) {
		size_t len = strlen(path->name[i]) + 1;

		memcpy(key->p + key->len, path->name[i], len);
		key->len += len;
	}
}

bool tree_key_within(const struct tree_key *key, const struct tree_key *below)
{
	return key->len <= below->len && !memcmp(key->p, below->p, key->len);
}

/* ---- with undo --------------------------------------------------------------- */

/*
 * Keys of DM_KIND_UNDO: the kind, then the key. Values: a byte that says whether there was
 * something, then what it was.
 */
static int remember(struct dm_tree *t, unsigned int kind, const struct tree_key *key)
{
	uint8_t ukey[STORE_KEY_MAX], *val = NULL, *old;
	size_t len = 0;
	int r;

	if (!t->level[DM_LEVEL_ATOMIC] && !t->unsettled)
		return 0;
	if (key->len + 1 > sizeof(ukey))
		return -ENAMETOOLONG;
	ukey[0] = (uint8_t)kind;
	memcpy(ukey + 1, key->p, key->len);
	r = store_get(t->store, DM_KIND_UNDO, ukey, key->len + 1, &val, &len);
	if (!r) { /* the first change counts */
		explicit_bzero(val, len);
		free(val);
		/* another one must not be taken back with an Atomic that has not ended */
		return t->unsettled ? -EBUSY : 0;
	}
	if (r != -ENOENT || t->unsettled)
		return r == -ENOENT ? 0 : r;
	r = store_get(t->store, kind, key->p, key->len, &val, &len);
	if (r == -ENOENT) {
		uint8_t none = 0;

		return store_put(t->store, DM_KIND_UNDO, ukey, key->len + 1, &none, 1);
	}
	if (r < 0)
		return r;
	old = malloc(len + 1);
	r = -ENOMEM;
	if (old) {
		old[0] = 1;
		memcpy(old + 1, val, len);
		r = store_put(t->store, DM_KIND_UNDO, ukey, key->len + 1, old, len + 1);
		explicit_bzero(old, len + 1);
		free(old);
	}
	explicit_bzero(val, len);
	free(val);
	return r;
}

static int put(struct dm_tree *t, unsigned int kind, const struct tree_key *key,
	       const void *val, size_t len)
{
	int r = remember(t, kind, key);

	t->generation++;
	return r < 0 ? r : store_put(t->store, kind, key->p, key->len, val, len);
}

static int drop(struct dm_tree *t, unsigned int kind, const struct tree_key *key)
{
	int r = remember(t, kind, key);

	t->generation++;
	return r < 0 ? r : store_del(t->store, kind, key->p, key->len);
}

static int undo_one(struct dm_tree *t, const uint8_t *ukey, size_t ulen)
{
	uint8_t *val;
	size_t len;
	int r = store_get(t->store, DM_KIND_UNDO, ukey, ulen, &val, &len);

	if (r < 0)
		return r;
	if (ulen == 1) /* the mark of an Atomic that changed nothing here */
		r = 0;
	else if (len < 1)
		r = -EIO;
	else if (val[0])
		r = store_put(t->store, ukey[0], ukey + 1, ulen - 1, val + 1, len - 1);
	else
		r = store_del(t->store, ukey[0], ukey + 1, ulen - 1);
	explicit_bzero(val, len);
	free(val);
	return r < 0 ? r : store_del(t->store, DM_KIND_UNDO, ukey, ulen);
}

int tree_undo(struct dm_tree *t)
{
	uint8_t key[STORE_KEY_MAX];
	size_t len;
	int r;

	t->generation++;
	while ((r = store_next(t->store, DM_KIND_UNDO, NULL, 0, key, &len)) == 0) {
		r = undo_one(t, key, len);
		if (r < 0)
			return r;
	}
	return r == -ENOENT ? tree_records_count(t) : r;
}

int tree_undo_drop(struct dm_tree *t)
{
	return store_del_prefix(t->store, DM_KIND_UNDO, NULL, 0);
}

/* ---- nodes ------------------------------------------------------------------- */

static int decode(const uint8_t *p, size_t len, struct tree_node *node)
{
	struct record rec = {0};
	size_t acl, type, title;

	if (len < RECORD_HEAD || len > sizeof(rec))
		return -EIO;
	memcpy(&rec, p, len);
	acl = le16toh(rec.acl_len);
	type = rec.type_len;
	title = rec.title_len;
	if (rec.version != RECORD_VERSION || rec.format >= MO_FORMATS || acl > DM_ACL_MAX ||
	    type > DM_TYPE_MAX || title > DM_TITLE_MAX ||
	    len != RECORD_HEAD + acl + type + title)
		return -EIO;
	*node = (struct tree_node){
		.format = (enum mo_format)rec.format,
		.flags = rec.flags,
		.verno = le16toh(rec.verno),
		.tstamp = (int64_t)le64toh(rec.tstamp),
		.size = le32toh(rec.size),
	};
	memcpy(node->acl, rec.text, acl);
	memcpy(node->type, rec.text + acl, type);
	memcpy(node->title, rec.text + acl + type, title);
	return 0;
}

int tree_node_get(struct dm_tree *t, unsigned int kind, const struct tree_key *key,
		  struct tree_node *node)
{
	uint8_t *val;
	size_t len;
	int r = store_get(t->store, kind, key->p, key->len, &val, &len);

	if (r < 0)
		return r;
	r = decode(val, len, node);
	free(val);
	return r;
}

int tree_node_put(struct dm_tree *t, unsigned int kind, const struct tree_key *key,
		  const struct tree_node *node)
{
	size_t acl = strlen(node->acl), type = strlen(node->type), title = strlen(node->title);
	struct record rec = {
		.version = RECORD_VERSION,
		.format = (uint8_t)node->format,
		.flags = node->flags,
		.verno = htole16(node->verno),
		.acl_len = htole16((uint16_t)acl),
		.tstamp = htole64((uint64_t)node->tstamp),
		.size = htole32(node->size),
		.type_len = (uint8_t)type,
		.title_len = (uint8_t)title,
	};
	bool is_new = false;
	int r;

	if (kind == DM_KIND_TREE) {
		struct tree_node old;

		r = tree_node_get(t, kind, key, &old);
		if (r < 0 && r != -ENOENT)
			return r;
		is_new = r == -ENOENT;
		if (is_new && t->counts.nodes >= DM_NODES_MAX)
			return -ENOSPC;
	}
	memcpy(rec.text, node->acl, acl);
	memcpy(rec.text + acl, node->type, type);
	memcpy(rec.text + acl + type, node->title, title);
	r = put(t, kind, key, &rec, RECORD_HEAD + acl + type + title);
	if (!r && is_new)
		t->counts.nodes++;
	return r;
}

int tree_value_put(struct dm_tree *t, const struct tree_key *key, struct tree_node *node,
		   const uint8_t *p, size_t len)
{
	int r;

	if (len > DM_VALUE_MAX)
		return -EFBIG;
	if (t->counts.bytes - node->size + len > DM_TREE_BYTES_MAX)
		return -ENOSPC;
	r = len ? put(t, DM_KIND_VALUE, key, p, len)
		: (node->size ? drop(t, DM_KIND_VALUE, key) : 0);
	if (r < 0)
		return r;
	t->counts.bytes += len - node->size;
	node->size = (uint32_t)len;
	return 0;
}

int tree_value_get(struct dm_tree *t, const struct tree_key *key, uint8_t **p, size_t *len)
{
	int r = store_get(t->store, DM_KIND_VALUE, key->p, key->len, p, len);

	if (r != -ENOENT)
		return r;
	*p = calloc(1, 1);
	*len = 0;
	return *p ? 0 : -ENOMEM;
}

/* ---- subtrees ---------------------------------------------------------------- */

/* Calls @fn for each record of @kind at @key and below; @fn may drop it. */
static int each(struct dm_tree *t, unsigned int kind, const struct tree_key *key,
		int (*fn)(struct dm_tree *t, unsigned int kind, const struct tree_key *at,
			  const void *arg),
		const void *arg)
{
	struct tree_key at = *key;
	int r;

	for (;;) {
		r = store_next(t->store, kind, at.p, at.len, at.p, &at.len);
		if (r == -ENOENT || (!r && !tree_key_within(key, &at)))
			return 0;
		if (r < 0)
			return r;
		r = fn(t, kind, &at, arg);
		if (r < 0)
			return r;
		/* the next one: with a byte more it is just above */
		if (at.len == sizeof(at.p))
			return -EIO;
		at.p[at.len++] = 0;
	}
}

static int drop_one(struct dm_tree *t, unsigned int kind, const struct tree_key *at,
		    const void *arg)
{
	int r;

	(void)arg;
	if (kind == DM_KIND_TREE) {
		struct tree_node node;

		r = tree_node_get(t, kind, at, &node);
		if (r < 0)
			return r;
		t->counts.nodes--;
		t->counts.bytes -= node.size;
	}
	return drop(t, kind, at);
}

int tree_records_drop(struct dm_tree *t, const struct tree_key *key)
{
	static const unsigned int kinds[] = {DM_KIND_TREE, DM_KIND_VALUE, DM_KIND_PROPS};
	int r = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && !r; i++)
		r = each(t, kinds[i], key, drop_one, NULL);
	return r;
}

struct move {
	const struct tree_key *from;
	const struct tree_key *to;
};

/* The URI of a key, as it is written, may be longer than the key: escapes. */
static bool fits(const struct tree_key *key)
{
	struct dm_path path = {0};
	char uri[DM_URI_MAX + 1];

	for (size_t i = 1; i < key->len;) {
		size_t n = strlen((const char *)key->p + i);

		if (dm_path_push(&path, (const char *)key->p + i, n) < 0)
			return false;
		i += n + 1;
	}
	return dm_path_print(&path, uri) > 0;
}

static int move_one(struct dm_tree *t, unsigned int kind, const struct tree_key *at,
		    const void *arg)
{
	const struct move *m = arg;
	struct tree_key to = *m->to;
	size_t rest = at->len - m->from->len;
	uint8_t *val;
	size_t len;
	int r;

	if (to.len + rest > sizeof(to.p) - 1) /* undo wants one more */
		return -ENAMETOOLONG;
	memcpy(to.p + to.len, at->p + m->from->len, rest);
	to.len += rest;
	if (!fits(&to))
		return -ENAMETOOLONG;
	r = store_get(t->store, kind, at->p, at->len, &val, &len);
	if (r < 0)
		return r;
	r = put(t, kind, &to, val, len);
	explicit_bzero(val, len);
	free(val);
	return r < 0 ? r : drop(t, kind, at);
}

int tree_records_move(struct dm_tree *t, const struct tree_key *from, const struct tree_key *to)
{
	static const unsigned int kinds[] = {DM_KIND_TREE, DM_KIND_VALUE, DM_KIND_PROPS};
	const struct move m = {.from = from, .to = to};
	int r = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && !r; i++)
		r = each(t, kinds[i], from, move_one, &m);
	return r;
}

static int forget_one(struct dm_tree *t, unsigned int kind, const struct tree_key *at,
		      const void *arg)
{
	struct tree_node node;
	char acl[DM_ACL_MAX + 1];
	int r = tree_node_get(t, kind, at, &node);

	if (r < 0)
		return r;
	dm_acl_revoke(node.acl, arg, at->len == 1, acl);
	/* nobody's would be what it inherits: what was one server's would be everybody's */
	if (!*acl || !strcmp(acl, node.acl))
		return 0;
	strcpy(node.acl, acl);
	return tree_node_put(t, kind, at, &node);
}

int tree_records_forget(struct dm_tree *t, const char *server)
{
	struct tree_key root = {.p = {1}, .len = 1};
	int r = each(t, DM_KIND_TREE, &root, forget_one, server);

	return r ? r : each(t, DM_KIND_PROPS, &root, forget_one, server);
}

/* ---- walking ----------------------------------------------------------------- */

bool tree_stale(const struct dm_tree *t, const struct tree_key *key)
{
	for (size_t i = 0; i < t->nr_stale; i++)
		if (tree_key_within(&t->stale[i], key))
			return true;
	return false;
}

int tree_records_next(struct dm_tree *t, const struct tree_key *dir, const char *after,
		      char name[DM_SEGMENT_MAX + 1])
{
	struct tree_key at = *dir;
	size_t n = strlen(after);
	int r;

	if (at.len + n + 1 > sizeof(at.p))
		return -ENAMETOOLONG;
	memcpy(at.p + at.len, after, n);
	at.len += n;
	for (;;) {
		/* behind all that begins with a NUL here: what is below @after */
		at.p[at.len++] = 1;
		r = store_next(t->store, DM_KIND_TREE, at.p, at.len, at.p, &at.len);
		if (r < 0)
			return r;
		if (!tree_key_within(dir, &at))
			return -ENOENT;
		n = strnlen((const char *)at.p + dir->len, at.len - dir->len);
		/* a child comes before what is below it */
		if (n > DM_SEGMENT_MAX || dir->len + n + 1 != at.len)
			return -EIO;
		if (!tree_stale(t, &at)) {
			memcpy(name, at.p + dir->len, n + 1);
			return 0;
		}
		at.len--;
	}
}

struct count {
	struct dm_tree *t;
	struct tree_counts counts;
	bool scan; /* for mounts */
	int error;
};

static int count_one(void *userdata, const uint8_t *key, size_t klen, const uint8_t *val,
		     size_t vlen)
{
	struct count *c = userdata;
	struct tree_node node;
	struct tree_key *more;
	int r = decode(val, vlen, &node);

	if (r < 0)
		return r;
	c->counts.nodes++;
	c->counts.bytes += node.size;
	if (!c->scan || !(node.flags & TREE_MOUNT))
		return 0;
	more = reallocarray(c->t->stale, c->t->nr_stale + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	c->t->stale = more;
	memcpy(more[c->t->nr_stale].p, key, klen);
	more[c->t->nr_stale++].len = klen;
	return 0;
}

int tree_records_count(struct dm_tree *t)
{
	struct count c = {.t = t, .scan = t->nr_objects == 0 && !t->stale};
	int r = store_each(t->store, DM_KIND_TREE, NULL, 0, count_one, &c);

	if (!r)
		t->counts = c.counts;
	return r;
}
