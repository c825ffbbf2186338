// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "lwm2m/item.h"
#include "lwm2m/lwm2m-cbor.h"
#include "lwm2m/senml.h"

/* ---- encoding -------------------------------------------------------------- */

/* close the maps of @open that @next is not in and open its own; both have their
 * last step as a key in the innermost map */
static void step(struct model_buf *out, const struct lwm2m_path *open,
		 const struct lwm2m_path *next)
{
	unsigned int common = 0;

	while (common + 1 < open->depth && common + 1 < next->depth &&
	       open->id[common] == next->id[common])
		common++;
	for (unsigned int i = common + 1; i < open->depth; i++)
		lwm2m_put_break(out);
	for (unsigned int i = common; i < next->depth; i++) {
		if (i > common || open->depth == 0)
			lwm2m_put_open_map(out);
		lwm2m_put_uint(out, next->id[i]);
	}
}

void lwm2m_lcbor_encode(const struct lwm2m_path *base, const struct lwm2m_set *set,
			struct model_buf *out)
{
	struct lwm2m_path open = {0};

	(void)base; /* paths begin at the root */
	for (size_t i = 0; i < set->n; i++) {
		struct lwm2m_value v = set->v[i];
		bool empty = v.type == MODEL_NONE;

		/* a multiple resource without instances is an empty map */
		if (empty)
			v.path.depth = 3;
		step(out, &open, &v.path);
		if (empty) {
			lwm2m_put_open_map(out);
			lwm2m_put_break(out);
		} else {
			lwm2m_cbor_encode(&v, out);
		}
		open = v.path;
	}
	if (open.depth == 0)
		lwm2m_put_open_map(out);
	for (unsigned int i = 0; i < open.depth || i == 0; i++)
		lwm2m_put_break(out);
}

/* ---- decoding -------------------------------------------------------------- */

#define LEVELS 5 /* the root and one map for each step */

struct level {
	size_t left; /* pairs, SIZE_MAX where the length is indefinite */
	uint8_t depth;
};

struct decoder {
	const struct lwm2m_path *scope;
	bool names;
	struct lwm2m_reader r;
	struct lwm2m_path path; /* of the key that was read */
	struct level level[LEVELS];
	int top; /* -1: all is read */
	struct lwm2m_set *set;
	char *words;
};

static int bad(struct decoder *d, const char *what)
{
	return lwm2m_bad(d->words, "LwM2M CBOR", &d->path, what);
}

static bool add_step(struct decoder *d, const struct lwm2m_item *it)
{
	if (it->kind != LWM2M_ITEM_INT || it->negative || it->u > 65534 || d->path.depth == 4)
		return false;
	d->path.id[d->path.depth++] = (uint16_t)it->u;
	return true;
}

static bool add_steps(struct decoder *d, size_t n)
{
	struct lwm2m_item it;

	if (n == 0)
		return false;
	for (; n > 0; n -= n != SIZE_MAX) {
		if (!lwm2m_item_value(&d->r, &it))
			return false;
		if (n == SIZE_MAX && it.kind == LWM2M_ITEM_BREAK)
			break;
		if (!add_step(d, &it))
			return false;
	}
	return true;
}

static int take(struct decoder *d, const struct lwm2m_item *it)
{
	const struct model_object *object = model_object(d->path.id[0]);
	const struct model_resource *res =
		object && d->path.depth >= 3 ? model_resource(object, d->path.id[2]) : NULL;
	struct lwm2m_value v = {.path = d->path};
	int ret = 0;

	if (!lwm2m_path_covers(d->scope, &d->path))
		return bad(d, "not at or below the path of the request");
	if (d->names) {
		if (it->kind != LWM2M_ITEM_NULL)
			return bad(d, "has a value, only names are expected");
	} else {
		if (!res && d->path.depth >= 3 && d->set->lenient) {
			d->set->skipped++;
			return 0;
		}
		if (!res) {
			bad(d, "no such resource");
			return d->path.depth < 3 ? COAP_400_BAD_REQUEST : COAP_404_NOT_FOUND;
		}
		if (res->multiple != (d->path.depth == 4) &&
		    !(res->multiple && it->kind == LWM2M_ITEM_NULL))
			return bad(d, res->multiple ? "the resource instance is missing"
						    : "has no resource instances");
		v.type = res->type;
		ret = lwm2m_item_convert(it, &v, "LwM2M CBOR", d->words);
	}
	return ret != 0 ? ret : lwm2m_set_add(d->set, &v) < 0 ? COAP_413_TOO_LARGE : 0;
}

static int open_map(struct decoder *d, size_t n)
{
	const struct lwm2m_item null = {.kind = LWM2M_ITEM_NULL};

	/* nothing below: of a name that is all, of a value it says that there is none */
	if (n == 0 && d->path.depth > 0)
		return d->names || d->path.depth == 3 ? take(d, &null) : 0;
	if (d->path.depth == 4)
		return bad(d, "a map below a resource instance");
	if (d->top + 1 == LEVELS)
		return bad(d, "too deep");
	d->level[++d->top] = (struct level){n, d->path.depth};
	return 0;
}

/* one pair of the innermost map, or its end */
static int read_pair(struct decoder *d)
{
	struct level *l = &d->level[d->top];
	struct lwm2m_item it;

	d->path.depth = l->depth;
	if (l->left == 0) {
		d->top--;
		return 0;
	}
	if (!lwm2m_item_value(&d->r, &it))
		return bad(d, "cut short");
	if (it.kind == LWM2M_ITEM_BREAK && l->left == SIZE_MAX) {
		d->top--;
		return 0;
	}
	l->left -= l->left != SIZE_MAX;
	if (!(it.kind == LWM2M_ITEM_ARRAY ? add_steps(d, it.n) : add_step(d, &it)))
		return bad(d, "a key is no step of a path");
	if (!lwm2m_item_value(&d->r, &it))
		return bad(d, "cut short");
	if (it.kind == LWM2M_ITEM_MAP)
		return open_map(d, it.n);
	if (it.kind == LWM2M_ITEM_ARRAY || it.kind == LWM2M_ITEM_BREAK ||
	    it.kind == LWM2M_ITEM_OTHER)
		return bad(d, "a value that is not simple");
	return take(d, &it);
}

static int decode(const struct lwm2m_path *scope, bool names, const uint8_t *p, size_t len,
		  struct lwm2m_set *set, char *words)
{
	struct decoder d = {.scope = scope,
			    .names = names,
			    .r = {p, len},
			    .top = -1,
			    .set = set,
			    .words = words};
	struct lwm2m_item it;
	int ret;

	if (!lwm2m_item_value(&d.r, &it) || it.kind != LWM2M_ITEM_MAP)
		return bad(&d, "not a map");
	for (ret = open_map(&d, it.n); ret == 0 && d.top >= 0;)
		ret = read_pair(&d);
	d.path.depth = 0;
	if (ret == 0 && d.r.len > 0)
		ret = bad(&d, "bytes after the end");
	return ret;
}

int lwm2m_lcbor_decode(const struct lwm2m_path *base, const uint8_t *p, size_t len,
		       struct lwm2m_set *set, char *words)
{
	return decode(base, false, p, len, set, words);
}

int lwm2m_lcbor_names(const uint8_t *p, size_t len, struct lwm2m_set *set, char *words)
{
	const struct lwm2m_path root = {0};

	return decode(&root, true, p, len, set, words);
}
