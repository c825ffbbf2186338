// SPDX-License-Identifier: Apache-2.0
/* Write-Attributes, Observe and Notify (LwM2M core 1.1, 6.4 and 7.3.2). */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lwm2m/internal.h"

/* ---- attributes ------------------------------------------------------------ */

static const struct {
	const char *name;
	unsigned int bit;
} names[] = {
	{"pmin", ATTR_PMIN}, {"pmax", ATTR_PMAX},   {"gt", ATTR_GT},	   {"lt", ATTR_LT},
	{"st", ATTR_ST},     {"epmin", ATTR_EPMIN}, {"epmax", ATTR_EPMAX},
};

struct lwm2m_attributes *lwm2m_dm_attributes_at(struct lwm2m_client *c,
						const struct lwm2m_path *path)
{
	for (size_t i = 0; i < ATTRIBUTES_MAX; i++)
		if (c->attributes[i].set && lwm2m_path_equal(&c->attributes[i].path, path))
			return &c->attributes[i];
	return NULL;
}

static bool parse_number(const char *s, double *x)
{
	char *end;

	/* decimal only: no blanks, hexadecimal, inf or nan, which strtod() takes */
	if (!*s || strspn(s, "0123456789+-.eE") != strlen(s))
		return false;
	*x = strtod(s, &end);
	return !*end && isfinite(*x);
}

/* one query option: "pmin=10" sets, "pmin" alone or "pmin=" unsets */
static const char *parse_attribute(struct lwm2m_attributes *a, const struct coap_opt *o)
{
	char s[48], *value;
	unsigned int bit = 0;
	double x = 0;

	if (o->len >= sizeof(s))
		return "an attribute is too long";
	memcpy(s, o->val, o->len);
	s[o->len] = '\0';
	value = strchr(s, '=');
	if (value)
		*value++ = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(s, names[i].name) == 0)
			bit = names[i].bit;
	if (bit == 0)
		return "an attribute that is not known; there are pmin, pmax, gt, lt, st, "
		       "epmin, epmax";
	if (!value || !*value) {
		a->set &= ~bit;
		return NULL;
	}
	if (!parse_number(value, &x))
		return "the value of an attribute is not a number";
	if (!(bit & (ATTR_GT | ATTR_LT | ATTR_ST)) &&
	    (x < 0 || x > UINT32_MAX || (double)(uint64_t)x != x))
		return "a period is a whole number of seconds";
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
	}
	return NULL;
}

static const char *check_attributes(const struct lwm2m_attributes *a)
{
	const unsigned int both = ATTR_GT | ATTR_LT;
	const struct model_object *object = model_object(a->path.id[0]);
	const struct model_resource *res;

	if ((a->set & (both | ATTR_ST))) {
		res = a->path.depth >= 3 ? model_resource(object, a->path.id[2]) : NULL;
		if (!res || (res->type != MODEL_INTEGER && res->type != MODEL_TIME) ||
		    res->multiple != (a->path.depth == 4))
			return "gt, lt and st are for resources with a number";
	}
	if ((a->set & both) == both && a->lt >= a->gt)
		return "lt must be below gt";
	if ((a->set & both) == both && (a->set & ATTR_ST) && a->lt + 2 * a->st >= a->gt)
		return "lt + 2 st must be below gt";
	if ((a->set & (ATTR_PMIN | ATTR_PMAX)) == (ATTR_PMIN | ATTR_PMAX) && a->pmax != 0 &&
	    a->pmax < a->pmin)
		return "pmax is less than pmin";
	return NULL;
}

int lwm2m_dm_attributes(struct lwm2m_client *c, const struct lwm2m_path *path,
			const struct coap_msg *msg, char *words)
{
	struct lwm2m_attributes *at = lwm2m_dm_attributes_at(c, path), a = {.path = *path};
	const struct coap_opt *o;
	const char *why = NULL;
	unsigned int pos = 0;
	int code = lwm2m_dm_check(c, path, 0, words);

	if (code == 0)
		code = lwm2m_dm_allowed(c, path, LWM2M_ACL_R, words);
	if (code != 0)
		return code;
	if (at)
		a = *at;
	while (!why && (o = coap_opt_next(msg, COAP_OPT_URI_QUERY, &pos)))
		why = parse_attribute(&a, o);
	if (!why)
		why = check_attributes(&a);
	if (why) {
		lwm2m_words(words, "%s", why);
		return COAP_400_BAD_REQUEST;
	}
	for (size_t i = 0; !at && i < ATTRIBUTES_MAX; i++)
		if (!c->attributes[i].set)
			at = &c->attributes[i];
	if (!at) {
		lwm2m_words(words, "attributes are set on %d paths already", ATTRIBUTES_MAX);
		return COAP_500_INTERNAL;
	}
	*at = a;
	return 0;
}

/* what holds for @path: its own, else those of what it is in, else the server's */
static struct lwm2m_attributes effective(struct lwm2m_client *c, const struct lwm2m_path *path)
{
	struct lwm2m_attributes r = {.path = *path, .pmin = c->pmin, .pmax = c->pmax};
	struct lwm2m_path at = *path;

	for (at.depth = 1; at.depth <= path->depth; at.depth++) {
		const struct lwm2m_attributes *a = lwm2m_dm_attributes_at(c, &at);

		if (!a)
			continue;
		if (a->set & ATTR_PMIN)
			r.pmin = a->pmin;
		if (a->set & ATTR_PMAX)
			r.pmax = a->pmax;
		if (a->set & ATTR_GT)
			r.gt = a->gt;
		if (a->set & ATTR_LT)
			r.lt = a->lt;
		if (a->set & ATTR_ST)
			r.st = a->st;
		r.set |= a->set;
	}
	return r;
}

/* ---- what was told --------------------------------------------------------- */

/* The response script may be left out of the values for its length. */
static uint64_t hash_script(struct lwm2m_client *c, uint64_t h, const struct lwm2m_path *path)
{
	struct lwm2m_script s;

	if (path->depth < 2 || path->id[0] != MODEL_OBJECT_SCRIPT ||
	    (path->depth >= 3 && path->id[2] != MODEL_SCRIPT_RESPONSE) ||
	    c->scripts->get(c->scripts_ctx, path->id[1], &s) < 0)
		return h;
	h = lwm2m_hash(h, &s.response_len, sizeof(s.response_len));
	return s.response_len > 0 ? lwm2m_hash(h, s.job, strlen(s.job)) : h;
}

struct now {
	uint64_t digest;
	bool has_number;
	double number;
	bool exists;
};

static void look(struct lwm2m_client *c, const struct lwm2m_observation *o, struct now *n)
{
	char words[LWM2M_WORDS_MAX];
	struct lwm2m_set set = {0};

	*n = (struct now){.digest = LWM2M_HASH};
	for (size_t i = 0; i < o->nr; i++) {
		int code = lwm2m_dm_collect(c, &o->paths[i], &set, words);

		n->exists |= code == 0 || code == COAP_413_TOO_LARGE;
		n->digest = lwm2m_hash(n->digest, &code, sizeof(code));
		n->digest = hash_script(c, n->digest, &o->paths[i]);
	}
	for (size_t i = 0; i < set.n; i++) {
		const struct lwm2m_value *v = &set.v[i];

		n->digest = lwm2m_hash(n->digest, v->path.id,
				       v->path.depth * sizeof(v->path.id[0]));
		n->digest = lwm2m_hash(n->digest, &v->i, sizeof(v->i));
		n->digest = lwm2m_hash(n->digest, &v->object, sizeof(v->object));
		n->digest = lwm2m_hash(n->digest, &v->instance, sizeof(v->instance));
		n->digest = lwm2m_hash(n->digest, &v->len, sizeof(v->len));
		if (v->type == MODEL_STRING || v->type == MODEL_OPAQUE)
			n->digest = lwm2m_hash(n->digest, v->p, v->len);
	}
	if (!o->composite && set.n == 1 &&
	    (set.v[0].type == MODEL_INTEGER || set.v[0].type == MODEL_TIME)) {
		n->has_number = true;
		n->number = (double)set.v[0].i;
	}
	lwm2m_set_clear(&set);
}

static void told(struct lwm2m_client *c, struct lwm2m_observation *o, const struct now *n)
{
	o->digest = n->digest;
	o->has_number = n->has_number;
	o->number = n->number;
	o->told = c->now;
	o->dirty = false;
}

static bool crossed(double a, double b, double limit)
{
	return (a <= limit && b > limit) || (a > limit && b <= limit);
}

/* whether gt, lt and st let this change be told */
static bool wanted(const struct lwm2m_attributes *a, const struct lwm2m_observation *o,
		   const struct now *n)
{
	if (!(a->set & (ATTR_GT | ATTR_LT | ATTR_ST)) || !o->has_number || !n->has_number)
		return true;
	return ((a->set & ATTR_GT) && crossed(o->number, n->number, a->gt)) ||
	       ((a->set & ATTR_LT) && crossed(-o->number, -n->number, -a->lt)) ||
	       ((a->set & ATTR_ST) && fabs(n->number - o->number) >= a->st);
}

/* ---- observations ---------------------------------------------------------- */

void lwm2m_dm_observe(struct lwm2m_client *c, const struct coap_request *req,
		      const struct lwm2m_path *paths, size_t nr, bool composite,
		      uint32_t format)
{
	struct lwm2m_observation *o = NULL;
	struct now n;
	uint32_t obs;

	for (size_t i = 0; !o && i < OBSERVATIONS_MAX; i++)
		if (!c->observations[i].used)
			o = &c->observations[i];
	/* without room the answer goes out as a plain one: RFC 7641, 4.1 */
	if (!o || coap_observe_accept(c->ep, req->xid, NULL, &obs) < 0)
		return;
	for (size_t i = 0; i < OBSERVATIONS_MAX; i++)
		if (c->observations[i].used && c->observations[i].obs == obs)
			o = &c->observations[i];
	*o = (struct lwm2m_observation){
		.used = true, .obs = obs, .nr = nr, .composite = composite, .format = format};
	memcpy(o->paths, paths, nr * sizeof(paths[0]));
	look(c, o, &n);
	told(c, o, &n);
}

void lwm2m_dm_observe_ended(struct lwm2m_client *c, uint32_t obs)
{
	for (size_t i = 0; i < OBSERVATIONS_MAX; i++)
		if (c->observations[i].used && c->observations[i].obs == obs)
			c->observations[i].used = false;
}

unsigned int lwm2m_dm_observations(const struct lwm2m_client *c)
{
	unsigned int n = 0;

	for (size_t i = 0; i < OBSERVATIONS_MAX; i++)
		n += c->observations[i].used;
	return n;
}

void lwm2m_dm_changed(struct lwm2m_client *c, const struct lwm2m_path *path)
{
	for (size_t i = 0; i < OBSERVATIONS_MAX; i++) {
		struct lwm2m_observation *o = &c->observations[i];

		for (size_t k = 0; o->used && k < o->nr; k++)
			if (lwm2m_path_covers(path, &o->paths[k]) ||
			    lwm2m_path_covers(&o->paths[k], path))
				o->dirty = true;
	}
}

static void notify(struct lwm2m_client *c, struct lwm2m_observation *o, const struct now *n)
{
	char words[LWM2M_WORDS_MAX] = "";
	struct coap_response rsp = COAP_RESPONSE_INIT(COAP_205_CONTENT);
	struct lwm2m_content content;
	uint32_t obs = o->obs;
	int code, ret;

	code = lwm2m_dm_content(c, o->paths, o->nr, o->composite, o->format, &content, words);
	if (code == 0) {
		lwm2m_content_fill(&content, &rsp);
	} else {
		rsp.code = (uint8_t)code;
		rsp.diagnostic = words;
	}
	told(c, o, n);
	/* confirmable: a lost notification would leave the server waiting for the result */
	ret = coap_notify(c->ep, c->now, obs, &rsp, true);
	if (code == 0)
		lwm2m_content_free(&content);
	if (code != 0 || ret == -ESTALE)
		lwm2m_dm_observe_ended(c, obs);
	else if (ret < 0)
		lwm2m_log(c, 4, "notification not sent: %s", strerror(-ret));
}

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t lwm2m_dm_notify_run(struct lwm2m_client *c, bool send)
{
	uint64_t next = LWM2M_NEVER;

	for (size_t i = 0; i < OBSERVATIONS_MAX; i++) {
		struct lwm2m_observation *o = &c->observations[i];
		struct lwm2m_attributes a;
		uint64_t earliest, latest;
		struct now n;

		if (!o->used)
			continue;
		if (!send) {
			/* told later, or never, as /1/0/6 says */
			if (!c->storing)
				o->dirty = false;
			continue;
		}
		a = effective(c, &o->paths[0]);
		earliest = o->told + (uint64_t)a.pmin * 1000;
		latest = a.pmax == 0 || a.pmax < a.pmin ? LWM2M_NEVER
							: o->told + (uint64_t)a.pmax * 1000;
		if (c->now < latest && !(o->dirty && c->now >= earliest)) {
			next = min(next, o->dirty ? min(earliest, latest) : latest);
			continue;
		}
		look(c, o, &n);
		if (c->now < latest && (n.digest == o->digest || !wanted(&a, o, &n)))
			o->dirty = false;
		else
			notify(c, o, &n);
		if (o->used && a.pmax != 0 && a.pmax >= a.pmin)
			next = min(next, o->told + (uint64_t)a.pmax * 1000);
	}
	return next;
}
