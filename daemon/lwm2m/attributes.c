// SPDX-License-Identifier: Apache-2.0
/*
 * <NOTIFICATION> attributes: Write-Attributes and what comes of them (LwM2M core
 * 1.2, 5.1.2 and 7.3). They are kept for the server over registrations and over
 * restarts.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lwm2m/internal.h"
#include "lwm2m/pack.h"
#include "lwm2m/text.h"

static const struct {
	const char *name;
	unsigned int bit;
} names[] = {
	{"pmin", ATTR_PMIN}, {"pmax", ATTR_PMAX},   {"gt", ATTR_GT},	   {"lt", ATTR_LT},
	{"st", ATTR_ST},     {"epmin", ATTR_EPMIN}, {"epmax", ATTR_EPMAX}, {"edge", ATTR_EDGE},
	{"con", ATTR_CON},   {"hqmax", ATTR_HQMAX},
};

struct lwm2m_attributes *lwm2m_dm_attributes_at(struct lwm2m_client *c,
						const struct lwm2m_path *path)
{
	for (size_t i = 0; i < ATTRIBUTES_MAX; i++)
		if (c->attributes[i].set && lwm2m_path_equal(&c->attributes[i].path, path))
			return &c->attributes[i];
	return NULL;
}

/* ---- keeping ---------------------------------------------------------------- */

/*
 * Kind LWM2M_KIND_ATTR: a version byte, then as lwm2m_attributes_pack(). Version 1
 * was a structure as it lay in memory; it is dropped.
 */
#define KEPT_VERSION 2

uint8_t *lwm2m_attributes_pack(uint8_t *p, const struct lwm2m_attributes *a)
{
	p = lwm2m_pack(p, a->set, 4);
	p = lwm2m_pack(p, a->pmin, 4);
	p = lwm2m_pack(p, a->pmax, 4);
	p = lwm2m_pack(p, a->epmin, 4);
	p = lwm2m_pack(p, a->epmax, 4);
	p = lwm2m_pack(p, a->hqmax, 4);
	p = lwm2m_pack_double(p, a->gt);
	p = lwm2m_pack_double(p, a->lt);
	p = lwm2m_pack_double(p, a->st);
	p = lwm2m_pack(p, a->edge, 1);
	return lwm2m_pack(p, a->con, 1);
}

void lwm2m_attributes_unpack(const uint8_t **p, struct lwm2m_attributes *a)
{
	a->set = (unsigned int)lwm2m_unpack(p, 4);
	a->pmin = (uint32_t)lwm2m_unpack(p, 4);
	a->pmax = (uint32_t)lwm2m_unpack(p, 4);
	a->epmin = (uint32_t)lwm2m_unpack(p, 4);
	a->epmax = (uint32_t)lwm2m_unpack(p, 4);
	a->hqmax = (uint32_t)lwm2m_unpack(p, 4);
	a->gt = lwm2m_unpack_double(p);
	a->lt = lwm2m_unpack_double(p);
	a->st = lwm2m_unpack_double(p);
	a->edge = lwm2m_unpack(p, 1) != 0;
	a->con = lwm2m_unpack(p, 1) != 0;
}

/* short server id, then the path: 65535 where it ends */
static void make_key(const struct lwm2m_client *c, const struct lwm2m_path *path,
		     uint8_t key[10])
{
	uint8_t *p = lwm2m_pack(key, c->ssid, 2);

	for (size_t i = 0; i < 4; i++)
		p = lwm2m_pack(p, i < path->depth ? path->id[i] : 0xffff, 2);
}

static void store(struct lwm2m_client *c, const struct lwm2m_attributes *a)
{
	uint8_t key[10], kept[1 + LWM2M_ATTRIBUTES_LEN] = {KEPT_VERSION};
	int ret;

	make_key(c, &a->path, key);
	lwm2m_attributes_pack(kept + 1, a);
	ret = a->set ? store_put(c->shared->state, LWM2M_KIND_ATTR, key, sizeof(key), kept,
				 sizeof(kept))
		     : store_del(c->shared->state, LWM2M_KIND_ATTR, key, sizeof(key));
	if (ret < 0)
		lwm2m_log(c, 4, "attributes will not outlive a restart: %s", strerror(-ret));
}

static int load_one(void *userdata, const uint8_t *key, size_t klen, const uint8_t *val,
		    size_t vlen)
{
	struct lwm2m_client *c = userdata;
	struct lwm2m_attributes *a = NULL;

	if (klen != 10 || vlen != 1 + LWM2M_ATTRIBUTES_LEN || val[0] != KEPT_VERSION)
		return 0;
	for (size_t i = 0; !a && i < ATTRIBUTES_MAX; i++)
		if (!c->attributes[i].set)
			a = &c->attributes[i];
	if (!a)
		return 0;
	memset(a, 0, sizeof(*a));
	val++;
	lwm2m_attributes_unpack(&val, a);
	key += 2;
	for (size_t i = 0; i < 4; i++) {
		uint16_t id = (uint16_t)lwm2m_unpack(&key, 2);

		if (id == 0xffff)
			break;
		a->path.id[a->path.depth++] = id;
	}
	return 0;
}

void lwm2m_attributes_load(struct lwm2m_client *c)
{
	uint8_t prefix[2];

	lwm2m_pack(prefix, c->ssid, 2);
	store_each(c->shared->state, LWM2M_KIND_ATTR, prefix, sizeof(prefix), load_one, c);
}

void lwm2m_attributes_forget(struct lwm2m_client *c, const struct lwm2m_path *path)
{
	for (size_t i = 0; i < ATTRIBUTES_MAX; i++) {
		struct lwm2m_attributes *a = &c->attributes[i];

		if (a->set == 0 || !lwm2m_path_covers(path, &a->path))
			continue;
		a->set = 0;
		store(c, a);
	}
}

/* ---- writing ---------------------------------------------------------------- */

/* one query option: "pmin=10" sets, "pmin" alone or "pmin=" unsets */
static const char *parse_attribute(struct lwm2m_attributes *a, const char *name,
				   size_t name_len, const char *value, size_t value_len)
{
	unsigned int bit = 0;
	double x = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i].name) == name_len &&
		    memcmp(name, names[i].name, name_len) == 0)
			bit = names[i].bit;
	if (bit == 0)
		return "an attribute that is not known; there are pmin, pmax, gt, lt, st, "
		       "epmin, epmax, edge, con, hqmax";
	if (value_len == 0) {
		a->set &= ~bit;
		return NULL;
	}
	if (!lwm2m_float_parse(value, value_len, &x))
		return "the value of an attribute is not a number";
	if (bit & (ATTR_EDGE | ATTR_CON)) {
		if (x != 0 && x != 1)
			return "edge and con are 0 or 1";
	} else if (!(bit & (ATTR_GT | ATTR_LT | ATTR_ST))) {
		if (x < 0 || x > UINT32_MAX || (double)(uint64_t)x != x)
			return bit == ATTR_HQMAX ? "hqmax is a whole number"
						 : "a period is a whole number of seconds";
	}
	if (bit == ATTR_ST && x < 0)
		return "st is not negative";
	a->set |= bit;
	switch (bit) {
	case ATTR_PMIN:
		a->pmin = (uint32_t)x;
		break;
	case ATTR_PMAX:
		a->pmax = (uint32_t)x;
		break;
	case ATTR_GT:
		a->gt = x;
		break;
	case ATTR_LT:
		a->lt = x;
		break;
	case ATTR_ST:
		a->st = x;
		break;
	case ATTR_EPMIN:
		a->epmin = (uint32_t)x;
		break;
	case ATTR_EPMAX:
		a->epmax = (uint32_t)x;
		break;
	case ATTR_EDGE:
		a->edge = x != 0;
		break;
	case ATTR_CON:
		a->con = x != 0;
		break;
	case ATTR_HQMAX:
		a->hqmax = (uint32_t)x;
		break;
	}
	return NULL;
}

static bool is_number(enum model_type type)
{
	return type == MODEL_INTEGER || type == MODEL_UNSIGNED || type == MODEL_FLOAT ||
	       type == MODEL_TIME;
}

/* table 7.3.2-1: on which levels, on which types, and how they go together */
static const char *check_attributes(const struct lwm2m_attributes *a)
{
	const unsigned int both = ATTR_GT | ATTR_LT;
	const struct model_object *object = model_object(a->path.id[0]);
	const struct model_resource *res =
		a->path.depth >= 3 && object ? model_resource(object, a->path.id[2]) : NULL;

	if ((a->set & (both | ATTR_ST)) && (!res || !is_number(res->type)))
		return "gt, lt and st are for resources with a number";
	if ((a->set & ATTR_EDGE) && (!res || res->type != MODEL_BOOLEAN))
		return "edge is for resources with a boolean";
	if ((a->set & both) == both && a->lt >= a->gt)
		return "lt must be below gt";
	if ((a->set & both) == both && (a->set & ATTR_ST) && a->lt + 2 * a->st >= a->gt)
		return "lt + 2 st must be below gt";
	if ((a->set & (ATTR_PMIN | ATTR_PMAX)) == (ATTR_PMIN | ATTR_PMAX) && a->pmax != 0 &&
	    a->pmax < a->pmin)
		return "pmax is less than pmin";
	if ((a->set & (ATTR_EPMIN | ATTR_EPMAX)) == (ATTR_EPMIN | ATTR_EPMAX) &&
	    a->epmax != 0 && a->epmax <= a->epmin)
		return "epmax is not more than epmin";
	return NULL;
}

int lwm2m_attributes_query(struct lwm2m_attributes *a, const struct coap_msg *msg, char *words)
{
	const struct coap_opt *o;
	unsigned int pos = 0;
	const char *why = NULL;

	while (!why && (o = coap_opt_next(msg, COAP_OPT_URI_QUERY, &pos))) {
		const char *s = (const char *)o->val;
		const char *value = o->len > 0 ? memchr(s, '=', o->len) : NULL;
		size_t len = value ? (size_t)(value - s) : o->len;

		if (value)
			value++;
		why = parse_attribute(a, s, len, value, value ? o->len - len - 1 : 0);
	}
	if (!why)
		why = check_attributes(a);
	if (!why)
		return 0;
	content_words(words, "%s", why);
	return COAP_400_BAD_REQUEST;
}

int lwm2m_dm_attributes(struct lwm2m_client *c, const struct lwm2m_path *path,
			const struct coap_msg *msg, char *words)
{
	struct lwm2m_attributes next = {.path = *path}, *a;
	int code = lwm2m_dm_check(c, path, 0, words);

	if (code == 0)
		code = lwm2m_dm_allowed(c, path, LWM2M_ACL_R, words);
	if (code != 0)
		return code;
	a = lwm2m_dm_attributes_at(c, path);
	if (a)
		next = *a;
	/* all or none: @next is put in place when everything is right */
	code = lwm2m_attributes_query(&next, msg, words);
	if (code != 0)
		return code;
	for (size_t i = 0; !a && i < ATTRIBUTES_MAX; i++)
		if (c->attributes[i].set == 0)
			a = &c->attributes[i];
	if (!a) {
		content_words(words, "attributes are set on %d paths already", ATTRIBUTES_MAX);
		return COAP_500_INTERNAL;
	}
	*a = next;
	store(c, a);
	return 0;
}

/* ---- what counts ------------------------------------------------------------- */

static void take(struct lwm2m_attributes *r, const struct lwm2m_attributes *a)
{
	if (a->set & ATTR_PMIN)
		r->pmin = a->pmin;
	if (a->set & ATTR_PMAX)
		r->pmax = a->pmax;
	if (a->set & ATTR_GT)
		r->gt = a->gt;
	if (a->set & ATTR_LT)
		r->lt = a->lt;
	if (a->set & ATTR_ST)
		r->st = a->st;
	if (a->set & ATTR_EPMIN)
		r->epmin = a->epmin;
	if (a->set & ATTR_EPMAX)
		r->epmax = a->epmax;
	if (a->set & ATTR_EDGE)
		r->edge = a->edge;
	if (a->set & ATTR_CON)
		r->con = a->con;
	if (a->set & ATTR_HQMAX)
		r->hqmax = a->hqmax;
	r->set |= a->set;
}

struct lwm2m_attributes lwm2m_attributes_effective(struct lwm2m_client *c,
						   const struct lwm2m_path *path,
						   const struct lwm2m_attributes *own)
{
	struct lwm2m_attributes r = {.path = *path, .pmin = c->pmin, .pmax = c->pmax};
	struct lwm2m_path at = *path;

	for (at.depth = 1; at.depth <= path->depth; at.depth++) {
		const struct lwm2m_attributes *a = lwm2m_dm_attributes_at(c, &at);

		if (a)
			take(&r, a);
	}
	if (own)
		take(&r, own);
	return r;
}

void lwm2m_attributes_print(const struct lwm2m_attributes *a, struct model_buf *out)
{
	const struct {
		unsigned int bit;
		uint32_t x;
	} whole[] = {
		{ATTR_PMIN, a->pmin},	{ATTR_PMAX, a->pmax}, {ATTR_EPMIN, a->epmin},
		{ATTR_EPMAX, a->epmax}, {ATTR_EDGE, a->edge}, {ATTR_CON, a->con},
		{ATTR_HQMAX, a->hqmax},
	};
	const struct {
		unsigned int bit;
		double x;
	} real[] = {{ATTR_GT, a->gt}, {ATTR_LT, a->lt}, {ATTR_ST, a->st}};

	for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
		if (!(a->set & names[n].bit))
			continue;
		model_buf_printf(out, ";%s=", names[n].name);
		for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
			if (whole[i].bit == names[n].bit)
				model_buf_printf(out, "%u", whole[i].x);
		for (size_t i = 0; i < sizeof(real) / sizeof(real[0]); i++)
			if (real[i].bit == names[n].bit)
				lwm2m_put_double(out, real[i].x);
	}
}
