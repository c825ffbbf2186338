// SPDX-License-Identifier: Apache-2.0
/*
 * The stored objects. All instances lie in one table, sorted; a transaction has
 * a second table with the same instances, and an instance is copied when it is
 * changed while both have it. What a commit has to write, and to tell, is where
 * the two tables differ.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lwm2m/data-priv.h"
#include "lwm2m/internal.h"

bool lwm2m_data_stores(uint16_t object)
{
	static const uint16_t stored[] = {0, 1, 2, 16, 19, 21};

	for (size_t i = 0; i < sizeof(stored) / sizeof(stored[0]); i++)
		if (stored[i] == object && model_object(object))
			return true;
	return false;
}

/* ---- instances and tables ---------------------------------------------------- */

static void value_free(struct lwm2m_value *v)
{
	if (!v->p)
		return;
	explicit_bzero((void *)(uintptr_t)v->p, v->len);
	free((void *)(uintptr_t)v->p);
	v->p = NULL;
}

/* strings and opaques get a NUL behind them, lwm2m_data_string() promises it */
static int value_copy(struct lwm2m_value *to, const struct lwm2m_value *from)
{
	uint8_t *p;

	*to = *from;
	to->p = NULL;
	if (from->type != MODEL_STRING && from->type != MODEL_OPAQUE &&
	    from->type != MODEL_CORELNK) {
		to->len = 0;
		return 0;
	}
	p = malloc(from->len + 1);
	if (!p)
		return -ENOMEM;
	if (from->len > 0)
		memcpy(p, from->p, from->len);
	p[from->len] = 0;
	to->p = p;
	return 0;
}

static void inst_put(struct data_inst *in)
{
	if (!in || --in->refs > 0)
		return;
	for (size_t i = 0; i < in->n; i++)
		value_free(&in->v[i]);
	free(in->v);
	free(in);
}

static struct data_inst *inst_new(uint16_t object, uint16_t id)
{
	struct data_inst *in = calloc(1, sizeof(*in));

	if (in) {
		in->refs = 1;
		in->object = object;
		in->id = id;
	}
	return in;
}

static struct data_inst *inst_copy(const struct data_inst *from)
{
	struct data_inst *in = inst_new(from->object, from->id);

	if (!in)
		return NULL;
	in->v = calloc(from->n ? from->n : 1, sizeof(*in->v));
	in->room = from->n ? from->n : 1;
	for (; in->v && in->n < from->n; in->n++)
		if (value_copy(&in->v[in->n], &from->v[in->n]) < 0)
			break;
	if (in->n < from->n || !in->v) {
		inst_put(in);
		return NULL;
	}
	return in;
}

static void table_clear(struct data_table *t)
{
	for (size_t i = 0; i < t->n; i++)
		inst_put(t->v[i]);
	free(t->v);
	memset(t, 0, sizeof(*t));
}

static int table_copy(struct data_table *to, const struct data_table *from)
{
	memset(to, 0, sizeof(*to));
	to->v = calloc(from->n + 1, sizeof(struct data_inst *));
	if (!to->v)
		return -ENOMEM;
	to->room = from->n + 1;
	for (; to->n < from->n; to->n++) {
		to->v[to->n] = from->v[to->n];
		to->v[to->n]->refs++;
	}
	to->bytes = from->bytes;
	return 0;
}

/* where /@object/@id is, or where it would be */
static size_t table_at(const struct data_table *t, uint16_t object, uint16_t id)
{
	size_t lo = 0, hi = t->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		const struct data_inst *in = t->v[mid];

		if (in->object < object || (in->object == object && in->id < id))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct data_inst *table_find(const struct data_table *t, uint16_t object, uint16_t id)
{
	size_t at = table_at(t, object, id);

	return at < t->n && t->v[at]->object == object && t->v[at]->id == id ? t->v[at] : NULL;
}

static int table_add(struct data_table *t, struct data_inst *in)
{
	size_t at = table_at(t, in->object, in->id);

	if (t->n == t->room) {
		size_t room = t->room ? t->room * 2 : 8;
		struct data_inst **v = reallocarray(t->v, room, sizeof(struct data_inst *));

		if (!v)
			return -ENOMEM;
		t->v = v;
		t->room = room;
	}
	memmove(t->v + at + 1, t->v + at, (t->n - at) * sizeof(*t->v));
	t->v[at] = in;
	t->n++;
	return 0;
}

static size_t inst_bytes(const struct data_inst *in)
{
	size_t sum = 0;

	for (size_t i = 0; i < in->n; i++)
		sum += in->v[i].len;
	return sum;
}

static void table_drop(struct data_table *t, size_t at)
{
	t->bytes -= inst_bytes(t->v[at]);
	inst_put(t->v[at]);
	t->n--;
	memmove(t->v + at, t->v + at + 1, (t->n - at) * sizeof(*t->v));
}

/* the instance, ours alone to be changed; NULL: no memory */
static struct data_inst *table_edit(struct data_table *t, size_t at)
{
	struct data_inst *in = t->v[at];

	if (in->refs == 1)
		return in;
	in = inst_copy(in);
	if (!in)
		return NULL;
	inst_put(t->v[at]);
	t->v[at] = in;
	return in;
}

/* ---- life -------------------------------------------------------------------- */

static int new_data(struct lwm2m_data **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

struct load {
	struct lwm2m_data *d;
	char *why;
	int error;
};

static int load_one(void *userdata, const uint8_t *key, size_t klen, const uint8_t *val,
		    size_t vlen)
{
	struct load *l = userdata;
	struct data_inst *in;
	int r;

	if (klen != 4)
		return 0;
	in = inst_new((uint16_t)(key[0] << 8 | key[1]), (uint16_t)(key[2] << 8 | key[3]));
	if (!in)
		return -ENOMEM;
	r = data_inst_read(in, val, vlen, l->why);
	if (r == 0 && !lwm2m_data_stores(in->object))
		r = -EINVAL;
	if (r == 0)
		r = table_add(&l->d->now, in);
	if (r == 0) {
		l->d->now.bytes += inst_bytes(in);
		return 0;
	}
	if (r == -EINVAL)
		content_words(l->why, "/%u/%u is not understood and left out", in->object,
			      in->id);
	inst_put(in);
	return r == -EINVAL ? 0 : r;
}

int lwm2m_data_new(struct lwm2m_data **ret, struct store *st, char *why)
{
	struct load load = {.why = why};
	int r;

	*why = '\0';
	r = new_data(&load.d);
	if (r < 0)
		return r;
	load.d->st = st;
	if (st)
		r = store_each(st, LWM2M_KIND_DATA, NULL, 0, load_one, &load);
	if (r < 0) {
		content_words(
			why,
			"lwm2m.db: the data model cannot be read: %s; with the file moved "
			"away, the device begins anew with its configuration",
			strerror(-r));
		lwm2m_data_free(load.d);
		return r;
	}
	*ret = load.d;
	return 0;
}

void lwm2m_data_free(struct lwm2m_data *d)
{
	if (!d)
		return;
	table_clear(&d->now);
	table_clear(&d->before);
	free(d);
}

int lwm2m_data_copy(struct lwm2m_data **ret, const struct lwm2m_data *d)
{
	int r = new_data(ret);

	if (r == 0)
		r = table_copy(&(*ret)->now, &d->now);
	if (r < 0) {
		free(*ret);
		*ret = NULL;
	}
	return r;
}

/* ---- reading ------------------------------------------------------------------ */

size_t lwm2m_data_instances(const struct lwm2m_data *d, uint16_t object, uint16_t *ids,
			    size_t room)
{
	size_t n = 0;

	for (size_t i = table_at(&d->now, object, 0);
	     i < d->now.n && d->now.v[i]->object == object && n < room; i++)
		ids[n++] = d->now.v[i]->id;
	return n;
}

bool lwm2m_data_has(const struct lwm2m_data *d, uint16_t object, uint16_t instance)
{
	return table_find(&d->now, object, instance) != NULL;
}

const struct lwm2m_value *lwm2m_data_get(const struct lwm2m_data *d, uint16_t object,
					 uint16_t instance, uint16_t rid)
{
	const struct data_inst *in = table_find(&d->now, object, instance);

	for (size_t i = 0; in && i < in->n; i++)
		if (in->v[i].path.id[2] == rid)
			return in->v[i].type == MODEL_NONE ? NULL : &in->v[i];
	return NULL;
}

int64_t lwm2m_data_int(const struct lwm2m_data *d, uint16_t object, uint16_t instance,
		       uint16_t rid, int64_t other)
{
	const struct lwm2m_value *v = lwm2m_data_get(d, object, instance, rid);

	return v ? v->i : other;
}

const char *lwm2m_data_string(const struct lwm2m_data *d, uint16_t object, uint16_t instance,
			      uint16_t rid, size_t *len)
{
	const struct lwm2m_value *v = lwm2m_data_get(d, object, instance, rid);

	if (!v || !v->p)
		return NULL;
	if (len)
		*len = v->len;
	return (const char *)v->p;
}

int lwm2m_data_read(const struct lwm2m_data *d, uint16_t object, uint16_t instance, int32_t rid,
		    struct lwm2m_set *set)
{
	const struct data_inst *in = table_find(&d->now, object, instance);

	if (!in)
		return -ENOENT;
	for (size_t i = 0; i < in->n; i++) {
		struct lwm2m_value v = in->v[i];
		int r;

		if (rid >= 0 && v.path.id[2] != rid)
			continue;
		if (v.p) {
			uint8_t *p = lwm2m_set_alloc(set, v.len);

			if (!p)
				return -ENOMEM;
			memcpy(p, v.p, v.len);
			v.p = p;
		}
		r = lwm2m_set_add(set, &v);
		if (r < 0)
			return r;
	}
	return 0;
}

int32_t lwm2m_data_find(const struct lwm2m_data *d, uint16_t object, uint16_t rid,
			int64_t value)
{
	for (size_t i = table_at(&d->now, object, 0);
	     i < d->now.n && d->now.v[i]->object == object; i++) {
		const struct lwm2m_value *v = lwm2m_data_get(d, object, d->now.v[i]->id, rid);

		if (v && v->i == value)
			return d->now.v[i]->id;
	}
	return -1;
}

int32_t lwm2m_data_free_instance(const struct lwm2m_data *d, uint16_t object)
{
	int32_t id = 0;
	size_t n = 0;

	for (size_t i = table_at(&d->now, object, 0);
	     i < d->now.n && d->now.v[i]->object == object; i++, n++)
		if (d->now.v[i]->id == id)
			id++;
	return n < LWM2M_DATA_INSTANCES_MAX ? id : -1;
}

uint64_t lwm2m_data_generation(const struct lwm2m_data *d)
{
	return d->generation;
}

/* ---- transactions -------------------------------------------------------------- */

bool lwm2m_data_in_transaction(const struct lwm2m_data *d)
{
	return d->open;
}

int lwm2m_data_begin(struct lwm2m_data *d)
{
	int r;

	if (d->open)
		return -EALREADY;
	r = table_copy(&d->before, &d->now);
	d->open = r == 0;
	return r;
}

void lwm2m_data_rollback(struct lwm2m_data *d)
{
	if (!d->open)
		return;
	table_clear(&d->now);
	d->now = d->before;
	memset(&d->before, 0, sizeof(d->before));
	d->open = false;
}

/*
 * The next place where two tables differ: the instance of @a, of @b or of both.
 * False at the end.
 */
static bool next_difference(const struct data_table *a, size_t *ai, const struct data_table *b,
			    size_t *bi, struct data_inst **from, struct data_inst **to)
{
	while (*ai < a->n || *bi < b->n) {
		struct data_inst *x = *ai < a->n ? a->v[*ai] : NULL;
		struct data_inst *y = *bi < b->n ? b->v[*bi] : NULL;
		int order = !x			     ? 1
			    : !y		     ? -1
			    : x->object != y->object ? (x->object < y->object ? -1 : 1)
						     : (x->id > y->id) - (x->id < y->id);

		*from = order <= 0 ? x : NULL;
		*to = order >= 0 ? y : NULL;
		*ai += order <= 0;
		*bi += order >= 0;
		if (*from != *to)
			return true;
	}
	return false;
}

static int write_out(struct lwm2m_data *d)
{
	struct data_inst *from, *to;
	size_t a = 0, b = 0;
	int r = store_begin(d->st);

	if (r < 0)
		return r;
	while (r == 0 && next_difference(&d->before, &a, &d->now, &b, &from, &to)) {
		const struct data_inst *in = to ? to : from;
		const uint8_t key[] = {(uint8_t)(in->object >> 8), (uint8_t)in->object,
				       (uint8_t)(in->id >> 8), (uint8_t)in->id};
		struct model_buf buf = {.max = STORE_VALUE_MAX};

		if (!to) {
			r = store_del(d->st, LWM2M_KIND_DATA, key, sizeof(key));
			continue;
		}
		data_inst_write(to, &buf);
		r = buf.error;
		if (r == 0)
			r = store_put(d->st, LWM2M_KIND_DATA, key, sizeof(key), buf.p, buf.len);
		model_buf_free(&buf);
	}
	if (r == 0)
		return store_commit(d->st);
	store_rollback(d->st);
	return r;
}

int lwm2m_data_commit(struct lwm2m_data *d)
{
	struct data_inst *from, *to;
	struct data_table before;
	size_t a = 0, b = 0;
	int r = 0;

	if (!d->open)
		return -EINVAL;
	if (d->st)
		r = write_out(d);
	if (r < 0) {
		lwm2m_data_rollback(d);
		return r;
	}
	before = d->before;
	memset(&d->before, 0, sizeof(d->before));
	d->open = false;
	while (next_difference(&before, &a, &d->now, &b, &from, &to)) {
		const struct data_inst *in = to ? to : from;
		struct lwm2m_path path = lwm2m_path_at(2, in->object, in->id, 0, 0);

		d->generation++;
		if (d->changed)
			d->changed(d->changed_ctx, &path);
	}
	table_clear(&before);
	return 0;
}

void lwm2m_data_listen(struct lwm2m_data *d,
		       void (*fn)(void *ctx, const struct lwm2m_path *instance), void *ctx)
{
	d->changed = fn;
	d->changed_ctx = ctx;
}

/* the end of a change that is a transaction of its own, if none was open */
static int settle(struct lwm2m_data *d, bool own, int r)
{
	if (!own)
		return r;
	if (r == 0)
		return lwm2m_data_commit(d);
	lwm2m_data_rollback(d);
	return r;
}

int lwm2m_data_take(struct lwm2m_data *d, const struct lwm2m_data *from)
{
	bool own = !d->open;
	struct data_table t;
	int r = own ? lwm2m_data_begin(d) : 0;

	if (r < 0)
		return r;
	r = table_copy(&t, &from->now);
	if (r == 0) {
		table_clear(&d->now);
		d->now = t;
	}
	return settle(d, own, r);
}

/* ---- changes ------------------------------------------------------------------- */

int lwm2m_data_check(const struct lwm2m_value *v, char *words)
{
	const struct model_resource *res;
	char s[LWM2M_PATH_MAX];

	if (v->path.depth < 3 || !lwm2m_data_stores(v->path.id[0])) {
		content_words(words, "%s is not stored", lwm2m_path_print(&v->path, s));
		return -ENOENT;
	}
	res = model_resource(model_object(v->path.id[0]), v->path.id[2]);
	if (!res || (res->ops & MODEL_E)) {
		content_words(words, "there is no %s", lwm2m_path_print(&v->path, s));
		return -ENOENT;
	}
	if (res->multiple != (v->path.depth == 4)) {
		content_words(words, "%s (%s) is %s", lwm2m_path_print(&v->path, s), res->name,
			      res->multiple ? "a multiple resource" : "a single value");
		return -EINVAL;
	}
	if (v->type == MODEL_NONE && res->multiple)
		return 0;
	if (v->type != res->type) {
		content_words(words, "%s (%s) has another type", lwm2m_path_print(&v->path, s),
			      res->name);
		return -EINVAL;
	}
	return lwm2m_dm_check_value(v, words) == 0 ? 0 : -EINVAL;
}

static bool same_place(const struct lwm2m_value *a, const struct lwm2m_value *b)
{
	return a->path.id[2] == b->path.id[2] &&
	       (a->path.depth < 4 || a->path.id[3] == b->path.id[3]);
}

static void inst_remove(struct data_table *t, struct data_inst *in, size_t at)
{
	t->bytes -= in->v[at].len;
	value_free(&in->v[at]);
	in->n--;
	memmove(in->v + at, in->v + at + 1, (in->n - at) * sizeof(*in->v));
}

static int inst_insert(struct data_inst *in, const struct lwm2m_value *v)
{
	size_t at = 0;

	if (in->n == in->room) {
		size_t room = in->room ? in->room * 2 : 8;
		struct lwm2m_value *p = calloc(room, sizeof(*p));

		if (!p)
			return -ENOMEM;
		if (in->n > 0)
			memcpy(p, in->v, in->n * sizeof(*p));
		free(in->v);
		in->v = p;
		in->room = room;
	}
	while (at < in->n && (in->v[at].path.id[2] < v->path.id[2] ||
			      (in->v[at].path.id[2] == v->path.id[2] &&
			       in->v[at].path.id[3] < v->path.id[3])))
		at++;
	memmove(in->v + at + 1, in->v + at, (in->n - at) * sizeof(*in->v));
	in->v[at] = *v;
	in->n++;
	return 0;
}

/* An empty multiple resource is one value of MODEL_NONE; it is not beside others. */
static void make_room(struct data_table *t, struct data_inst *in, const struct lwm2m_value *v)
{
	for (size_t i = in->n; i-- > 0;) {
		const struct lwm2m_value *old = &in->v[i];

		if (old->path.id[2] == v->path.id[2] &&
		    (same_place(old, v) || v->type == MODEL_NONE || old->type == MODEL_NONE))
			inst_remove(t, in, i);
	}
}

static size_t count(const struct data_inst *in, uint16_t rid)
{
	size_t n = 0;

	for (size_t i = 0; i < in->n; i++)
		n += in->v[i].path.id[2] == rid;
	return n;
}

static int set(struct lwm2m_data *d, const struct lwm2m_value *v)
{
	size_t at = table_at(&d->now, v->path.id[0], v->path.id[1]);
	struct lwm2m_value copy;
	struct data_inst *in;
	int r;

	if (!lwm2m_data_has(d, v->path.id[0], v->path.id[1]))
		return -ENOENT;
	in = table_edit(&d->now, at);
	if (!in)
		return -ENOMEM;
	r = value_copy(&copy, v);
	if (r < 0)
		return r;
	copy.at = 0;
	if (copy.path.depth < 4)
		copy.path.id[3] = 0;
	make_room(&d->now, in, &copy);
	r = copy.len > LWM2M_DATA_BYTES_MAX - d->now.bytes ||
			    count(in, copy.path.id[2]) >= LWM2M_DATA_WRITES_MAX
		    ? -ENOSPC
		    : inst_insert(in, &copy);
	if (r < 0)
		value_free(&copy);
	else
		d->now.bytes += copy.len;
	return r;
}

int lwm2m_data_set(struct lwm2m_data *d, const struct lwm2m_value *v)
{
	char words[CONTENT_WORDS_MAX];
	bool own = !d->open;
	int r = lwm2m_data_check(v, words);

	if (r == 0 && own)
		r = lwm2m_data_begin(d);
	if (r < 0)
		return r;
	return settle(d, own, set(d, v));
}

int lwm2m_data_set_int(struct lwm2m_data *d, uint16_t object, uint16_t instance, uint16_t rid,
		       int64_t i)
{
	const struct model_resource *res = model_resource(model_object(object), rid);
	const struct lwm2m_value v = {
		.path = lwm2m_path_at(3, object, instance, rid, 0),
		.type = res ? res->type : MODEL_INTEGER,
		.i = i,
	};

	if (res && res->type != MODEL_INTEGER && res->type != MODEL_UNSIGNED &&
	    res->type != MODEL_BOOLEAN && res->type != MODEL_TIME)
		return -EINVAL;
	return lwm2m_data_set(d, &v);
}

int lwm2m_data_set_bytes(struct lwm2m_data *d, uint16_t object, uint16_t instance, uint16_t rid,
			 const void *p, size_t len)
{
	const struct model_resource *res = model_resource(model_object(object), rid);
	const struct lwm2m_value v = {
		.path = lwm2m_path_at(3, object, instance, rid, 0),
		.type = res ? res->type : MODEL_OPAQUE,
		.p = p,
		.len = len,
	};
	int r;

	if (p)
		return lwm2m_data_set(d, &v);
	r = lwm2m_data_remove(d, &v.path);
	return r == -ENOENT && lwm2m_data_has(d, object, instance) ? 0 : r;
}

int lwm2m_data_add(struct lwm2m_data *d, uint16_t object, uint16_t instance)
{
	bool own = !d->open;
	struct data_inst *in;
	int r;

	if (!lwm2m_data_stores(object) || instance == UINT16_MAX)
		return -ENOENT;
	if (lwm2m_data_has(d, object, instance))
		return -EEXIST;
	if (lwm2m_data_free_instance(d, object) < 0)
		return -ENOSPC;
	r = own ? lwm2m_data_begin(d) : 0;
	if (r < 0)
		return r;
	in = inst_new(object, instance);
	r = in ? table_add(&d->now, in) : -ENOMEM;
	if (r < 0)
		inst_put(in);
	return settle(d, own, r);
}

static bool removed_by(const struct lwm2m_path *path, const struct lwm2m_value *v)
{
	struct lwm2m_path at = v->path;

	if (path->depth == 4 && v->type == MODEL_NONE)
		return false;
	return lwm2m_path_covers(path, &at);
}

/* a multiple resource that lost its last instance is an empty one */
static int keep_empty(struct data_inst *in, const struct lwm2m_path *path)
{
	const struct lwm2m_value none = {
		.path = lwm2m_path_at(4, path->id[0], path->id[1], path->id[2], 0),
		.type = MODEL_NONE,
	};

	return path->depth == 4 && count(in, path->id[2]) == 0 ? inst_insert(in, &none) : 0;
}

static int take_out(struct lwm2m_data *d, const struct lwm2m_path *path)
{
	struct data_inst *in;
	bool any = false;
	int r = 0;

	for (size_t i = d->now.n; i-- > 0 && r == 0;) {
		struct lwm2m_path at =
			lwm2m_path_at(2, d->now.v[i]->object, d->now.v[i]->id, 0, 0);

		if (lwm2m_path_covers(path, &at)) {
			table_drop(&d->now, i);
			any = true;
			continue;
		}
		if (!lwm2m_path_covers(&at, path))
			continue;
		in = table_edit(&d->now, i);
		if (!in)
			return -ENOMEM;
		for (size_t k = in->n; k-- > 0;) {
			if (!removed_by(path, &in->v[k]))
				continue;
			inst_remove(&d->now, in, k);
			any = true;
		}
		if (any)
			r = keep_empty(in, path);
	}
	return r < 0 ? r : any ? 0 : -ENOENT;
}

int lwm2m_data_remove(struct lwm2m_data *d, const struct lwm2m_path *path)
{
	bool own = !d->open;
	int r = own ? lwm2m_data_begin(d) : 0;

	return r < 0 ? r : settle(d, own, take_out(d, path));
}
