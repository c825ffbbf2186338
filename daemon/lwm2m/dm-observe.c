// SPDX-License-Identifier: Apache-2.0
/*
 * Observe, Observe-Composite and Notify (LwM2M core 1.2, 6.4 and 7.3.2).
 *
 * An observation lives as long as the registration: in a new association, after a
 * restart, and after a server did not acknowledge, it goes on as soon as an Update
 * was answered. What falls due while the server cannot be told is kept with its
 * time (notif.h) and told first then.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lwm2m/formats.h"
#include "lwm2m/internal.h"
#include "lwm2m/notif.h"
#include "lwm2m/senml.h"

/* values of one message with kept notifications; a message is limited as well */
#define REPLAY_VALUES_MAX 1000
/* what a notification on its way may have, to be kept if it is not acknowledged */
#define UNACKED_MAX 8192

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
	size_t nr_numbers;
	struct {
		uint16_t id;
		double x;
	} numbers[OBSERVED_NUMBERS_MAX];
	struct lwm2m_set set;
};

static void hash_value(uint64_t *h, const struct lwm2m_value *v)
{
	*h = lwm2m_hash(*h, v->path.id, v->path.depth * sizeof(v->path.id[0]));
	*h = lwm2m_hash(*h, &v->i, sizeof(v->i));
	*h = lwm2m_hash(*h, &v->object, sizeof(v->object));
	*h = lwm2m_hash(*h, &v->instance, sizeof(v->instance));
	*h = lwm2m_hash(*h, &v->len, sizeof(v->len));
	if (v->type == MODEL_FLOAT)
		*h = lwm2m_hash(*h, &v->f, sizeof(v->f));
	if (v->type == MODEL_STRING || v->type == MODEL_OPAQUE || v->type == MODEL_CORELNK)
		*h = lwm2m_hash(*h, v->p, v->len);
}

static bool as_number(const struct lwm2m_value *v, double *x)
{
	switch (v->type) {
	case MODEL_INTEGER:
	case MODEL_TIME:
	case MODEL_BOOLEAN:
		*x = (double)v->i;
		return true;
	case MODEL_UNSIGNED:
		*x = (double)(uint64_t)v->i;
		return true;
	case MODEL_FLOAT:
		*x = v->f;
		return true;
	default:
		return false;
	}
}

/* clear n->set when done with it */
static void look(struct lwm2m_client *c, const struct lwm2m_observation *o, struct now *n)
{
	char words[CONTENT_WORDS_MAX];

	*n = (struct now){.digest = LWM2M_HASH};
	for (size_t i = 0; i < o->nr; i++) {
		int code = lwm2m_dm_collect(c, &o->paths[i], &n->set, words);

		n->digest = lwm2m_hash(n->digest, &code, sizeof(code));
		n->digest = hash_script(c, n->digest, &o->paths[i]);
	}
	for (size_t i = 0; i < n->set.n; i++)
		hash_value(&n->digest, &n->set.v[i]);
	/* gt, lt, st and edge are for the resource that is observed itself */
	if (o->composite || o->paths[0].depth < 3 || n->set.n > OBSERVED_NUMBERS_MAX)
		return;
	for (size_t i = 0; i < n->set.n; i++) {
		const struct lwm2m_value *v = &n->set.v[i];

		if (as_number(v, &n->numbers[n->nr_numbers].x))
			n->numbers[n->nr_numbers++].id = v->path.depth == 4 ? v->path.id[3] : 0;
	}
}

static void told(struct lwm2m_client *c, struct lwm2m_observation *o, const struct now *n)
{
	o->digest = n->digest;
	o->nr_numbers = n->nr_numbers;
	memcpy(o->numbers, n->numbers, sizeof(o->numbers));
	o->told = o->evaluated = c->now;
	o->dirty = false;
}

/* ---- attributes that count ----------------------------------------------------- */

/* of a composite one: the longest pmin and the shortest pmax of all its paths */
static struct lwm2m_attributes effective(struct lwm2m_client *c,
					 const struct lwm2m_observation *o)
{
	struct lwm2m_attributes r = lwm2m_attributes_effective(c, &o->paths[0], &o->own);

	for (size_t i = 1; i < o->nr; i++) {
		struct lwm2m_attributes a =
			lwm2m_attributes_effective(c, &o->paths[i], &o->own);

		if (a.pmin > r.pmin)
			r.pmin = a.pmin;
		if (a.pmax != 0 && (r.pmax == 0 || a.pmax < r.pmax))
			r.pmax = a.pmax;
		if (a.epmin > r.epmin)
			r.epmin = a.epmin;
		if (a.epmax != 0 && (r.epmax == 0 || a.epmax < r.epmax))
			r.epmax = a.epmax;
		if (a.set & ATTR_CON)
			r.con = (r.set & ATTR_CON && r.con) || a.con;
		r.set |= a.set;
	}
	if (r.pmax < r.pmin) /* table 7.3.2-1: as if it were not there */
		r.pmax = 0;
	return r;
}

static bool crossed(double a, double b, double limit)
{
	return (a <= limit && b > limit) || (a > limit && b <= limit);
}

static bool wanted_number(const struct lwm2m_attributes *a, double from, double to)
{
	if (a->set & ATTR_EDGE)
		return from != to && (to != 0) == a->edge;
	if (!(a->set & (ATTR_GT | ATTR_LT | ATTR_ST)))
		return from != to;
	return ((a->set & ATTR_GT) && crossed(from, to, a->gt)) ||
	       ((a->set & ATTR_LT) && crossed(-from, -to, -a->lt)) ||
	       ((a->set & ATTR_ST) && from != to && fabs(to - from) >= a->st);
}

/* whether gt, lt, st and edge let this change be told */
static bool wanted(struct lwm2m_client *c, const struct lwm2m_observation *o,
		   const struct now *n)
{
	struct lwm2m_path path = o->paths[0];

	if (n->nr_numbers == 0 || n->nr_numbers != o->nr_numbers)
		return true;
	for (size_t i = 0; i < n->nr_numbers; i++) {
		struct lwm2m_attributes a;

		if (n->numbers[i].id != o->numbers[i].id)
			return true;
		/* an instance of a multiple resource may have attributes of its own */
		path.id[3] = n->numbers[i].id;
		if (o->paths[0].depth == 3 && n->nr_numbers > 1)
			path.depth = 4;
		a = lwm2m_attributes_effective(c, &path, &o->own);
		if (wanted_number(&a, o->numbers[i].x, n->numbers[i].x))
			return true;
	}
	return false;
}

/* ---- observations ---------------------------------------------------------- */

static void drop_unacked(struct lwm2m_observation *o)
{
	if (o->unacked)
		explicit_bzero(o->unacked, o->unacked_len);
	free(o->unacked);
	o->unacked = NULL;
	o->unacked_len = 0;
	o->waiting = false;
}

void lwm2m_observe_forget(struct lwm2m_client *c, struct lwm2m_observation *o)
{
	if (o->obs)
		coap_observe_end(c->ep, o->obs);
	drop_unacked(o);
	lwm2m_notif_drop(c, o->id, UINT64_MAX);
	lwm2m_observe_unstore(c, o);
	memset(o, 0, sizeof(*o));
}

int lwm2m_dm_observe(struct lwm2m_client *c, const struct coap_request *req,
		     const struct lwm2m_path *paths, size_t nr, bool composite, uint32_t format,
		     char *words)
{
	struct lwm2m_attributes own = {.path = paths[0]};
	struct lwm2m_observation *o = NULL, *again = NULL;
	int code = lwm2m_attributes_query(&own, req->msg, words);
	struct now n;
	uint32_t obs;

	if (code != 0)
		return code;
	for (size_t i = 0; !o && i < OBSERVATIONS_MAX; i++)
		if (!c->observations[i].used)
			o = &c->observations[i];
	/* without room the answer goes out as a plain one: RFC 7641, 4.1 */
	if (!o || coap_observe_accept(c->ep, req->xid, NULL, &obs) < 0)
		return 0;
	for (size_t i = 0; i < OBSERVATIONS_MAX; i++)
		if (c->observations[i].used && c->observations[i].obs == obs)
			again = &c->observations[i];
	if (again) {
		drop_unacked(again);
		lwm2m_notif_drop(c, again->id, UINT64_MAX);
		o = again;
	} else {
		*o = (struct lwm2m_observation){.id = ++c->observation_ids};
	}
	o->used = true;
	o->obs = obs;
	o->own = own;
	o->nr = nr;
	o->composite = composite;
	o->format = format;
	memcpy(o->paths, paths, nr * sizeof(paths[0]));
	look(c, o, &n);
	told(c, o, &n);
	lwm2m_set_clear(&n.set);
	lwm2m_observe_store(c, o);
	return 0;
}

static int64_t clock_ms(const struct lwm2m_client *c)
{
	return c->ops.clock ? c->ops.clock(c->ctx) * 1000 : 0;
}

/* keep what is due now for later; the oldest goes if there is more than hqmax */
static void keep(struct lwm2m_client *c, struct lwm2m_observation *o, struct lwm2m_set *set)
{
	struct lwm2m_attributes a = effective(c, o);
	const struct lwm2m_notif *e;
	uint32_t n = 0;
	int ret;

	for (size_t i = 0; i < set->n; i++)
		set->v[i].at = clock_ms(c);
	ret = lwm2m_notif_add(c, o->id, set);
	if (ret < 0)
		lwm2m_log(c, 4, "a notification could not be kept: %s", strerror(-ret));
	if (!(a.set & ATTR_HQMAX) || a.hqmax == 0)
		return;
	for (e = lwm2m_notif_next(c, o->id, 0); e; e = lwm2m_notif_next(c, o->id, e->seq))
		n++;
	for (; n > a.hqmax; n--)
		lwm2m_notif_drop(c, o->id, lwm2m_notif_next(c, o->id, 0)->seq);
}

/* it goes on when the server has answered an Update */
static void detach(struct lwm2m_client *c, struct lwm2m_observation *o)
{
	struct lwm2m_path root = {0};
	struct lwm2m_set set = {0};
	char words[CONTENT_WORDS_MAX];

	o->obs = 0;
	if (o->waiting) {
		/* the server does not have it, or never said so: tell it again */
		if (!o->unacked)
			o->digest = 0;
		else if (c->storing && lwm2m_senml_decode(&root, o->unacked, o->unacked_len,
							  &set, words) == 0)
			(void)lwm2m_notif_add(c, o->id, &set);
		lwm2m_set_clear(&set);
		o->dirty = true;
	}
	drop_unacked(o);
}

void lwm2m_dm_observe_ended(struct lwm2m_client *c, uint32_t obs, enum coap_observe_end why)
{
	for (size_t i = 0; i < OBSERVATIONS_MAX; i++) {
		struct lwm2m_observation *o = &c->observations[i];

		if (!o->used || o->obs != obs)
			continue;
		if (why == COAP_OBSERVE_CLOSED || why == COAP_OBSERVE_TIMEOUT) {
			detach(c, o);
		} else {
			o->obs = 0; /* the endpoint is at it already */
			lwm2m_observe_forget(c, o);
		}
	}
}

static bool attach(struct lwm2m_client *c, struct lwm2m_observation *o)
{
	int ret = coap_observe_restore(c->ep, c->now, &o->coap, NULL, &o->obs);

	if (ret < 0) {
		o->obs = 0;
		lwm2m_log(c, 5, "an observation cannot go on: %s", strerror(-ret));
		lwm2m_observe_forget(c, o);
		return false;
	}
	lwm2m_observe_store(c, o);
	return true;
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

/* ---- sending ------------------------------------------------------------------- */

/* con, or /1/x/26; without both confirmable: the server waits for the result */
static bool confirmable(struct lwm2m_client *c, const struct lwm2m_attributes *a)
{
	if (a->set & ATTR_CON)
		return a->con;
	return lwm2m_data_int(c->shared->data, MODEL_OBJECT_SERVER, c->server, 26, 1) != 0;
}

/* @rsp leaves; @o may be gone afterwards */
static void send_out(struct lwm2m_client *c, struct lwm2m_observation *o,
		     const struct coap_response *rsp, bool con)
{
	uint32_t obs = o->obs;
	bool ends = COAP_CODE_CLASS(rsp->code) != 2;
	int ret = coap_notify(c->ep, c->now, obs, rsp, con);

	if (!o->used || o->obs != obs)
		return;
	if (ends || ret == -ESTALE) {
		/* an error that is on its way ends it by itself when it is there */
		o->obs = ends && ret == 0 ? 0 : o->obs;
		lwm2m_observe_forget(c, o);
		return;
	}
	if (ret < 0) {
		lwm2m_log(c, 4, "notification not sent: %s", strerror(-ret));
		drop_unacked(o);
		return;
	}
	o->waiting = true;
}

/* what @o has on its way and what is added to it, with their times; false if there is no room
 */
static bool pack_unacked(struct lwm2m_observation *o, const struct lwm2m_set *set,
			 struct model_buf *buf)
{
	struct lwm2m_path root = {0};
	char words[CONTENT_WORDS_MAX];
	struct lwm2m_set all = {0};
	int ret = 0;

	if (o->unacked &&
	    lwm2m_senml_decode(&root, o->unacked, o->unacked_len, &all, words) != 0)
		lwm2m_set_clear(&all);
	for (size_t i = 0; ret == 0 && i < set->n; i++)
		ret = lwm2m_set_add(&all, &set->v[i]);
	if (ret == 0)
		lwm2m_senml_encode(&root, &all, buf);
	lwm2m_set_clear(&all);
	return ret == 0 && buf->error == 0;
}

/*
 * What is on its way, so that it can be kept if nobody acknowledges it: all that a newer
 * state has taken the place of, too.
 */
static void remember(struct lwm2m_client *c, struct lwm2m_observation *o, struct lwm2m_set *set)
{
	struct model_buf buf = {.max = UNACKED_MAX};

	for (size_t i = 0; i < set->n; i++)
		set->v[i].at = clock_ms(c);
	if (!c->storing || !pack_unacked(o, set, &buf)) {
		drop_unacked(o);
		model_buf_free(&buf);
		return;
	}
	drop_unacked(o);
	o->unacked = buf.p;
	o->unacked_len = buf.len;
}

static void notify(struct lwm2m_client *c, struct lwm2m_observation *o,
		   const struct lwm2m_attributes *a, struct now *n)
{
	char words[CONTENT_WORDS_MAX] = "";
	struct coap_response rsp = COAP_RESPONSE_INIT(COAP_205_CONTENT);
	struct lwm2m_content content;
	int code;

	code = lwm2m_dm_content(c, o->paths, o->nr, o->composite, o->format, &content, words);
	if (code == 0) {
		lwm2m_content_fill(&content, &rsp);
	} else {
		rsp.code = (uint8_t)code;
		rsp.diagnostic = words;
	}
	told(c, o, n);
	remember(c, o, &n->set);
	o->replayed = 0;
	send_out(c, o, &rsp, confirmable(c, a));
	if (code == 0)
		lwm2m_content_free(&content);
}

/* append the values of one entry; false if it cannot be read, or does not fit */
static bool unpack(const struct lwm2m_notif *e, struct lwm2m_set *set)
{
	struct lwm2m_path root = {0};
	char words[CONTENT_WORDS_MAX];

	return lwm2m_senml_decode(&root, e->pack, e->len, set, words) == 0;
}

/*
 * Kept notifications go first. Formats that know times take many in one message;
 * the others one after the other, each when the one before was acknowledged.
 */
static bool replay(struct lwm2m_client *c, struct lwm2m_observation *o)
{
	const struct lwm2m_format *f = lwm2m_format(o->format);
	const struct lwm2m_notif *e = lwm2m_notif_next(c, o->id, 0);
	struct coap_response rsp = COAP_RESPONSE_INIT(COAP_205_CONTENT);
	struct model_buf buf = {.max = LWM2M_BODY_MAX};
	struct lwm2m_path root = {0};
	struct lwm2m_set set = {0};
	char words[CONTENT_WORDS_MAX];
	size_t bytes = 0;
	uint64_t last = 0;
	int code;

	if (!e || !f)
		return false;
	for (; e; e = lwm2m_notif_next(c, o->id, e->seq)) {
		/* base64 and names: the message is at most so much longer */
		if (last != 0 && (!(f->flags & LWM2M_FORMAT_TIME) ||
				  set.n > REPLAY_VALUES_MAX || bytes + e->len > 16384))
			break;
		if (!unpack(e, &set))
			lwm2m_log(c, 4, "a kept notification cannot be read");
		bytes += e->len;
		last = e->seq;
	}
	code = lwm2m_encode(o->format, o->composite ? &root : &o->paths[0], &set, &buf, words);
	if (code == 0 && set.n > 0) {
		rsp.content_format = o->format;
		rsp.payload = buf.p;
		rsp.len = buf.len;
		drop_unacked(o);
		o->replayed = last;
		o->told = c->now;
		send_out(c, o, &rsp, true);
	} else {
		/* it could not be sent at any later time either */
		lwm2m_log(c, 4, "a kept notification does not fit its format");
		lwm2m_notif_drop(c, o->id, last);
	}
	model_buf_free(&buf);
	lwm2m_set_clear(&set);
	return true;
}

/*
 * false while a notification is on its way. A newer state takes its place when it is repeated
 * (RFC 7641, 4.5.2); what is replayed is not replaced.
 */
static bool settled(struct lwm2m_client *c, struct lwm2m_observation *o)
{
	if (!o->waiting)
		return true;
	if (coap_observe_waiting(c->ep, o->obs))
		return false;
	if (o->replayed != 0)
		lwm2m_notif_drop(c, o->id, o->replayed);
	o->replayed = 0;
	drop_unacked(o);
	lwm2m_observe_store(c, o);
	return true;
}

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t after(uint64_t t, uint32_t seconds)
{
	return seconds == 0 ? LWM2M_NEVER : t + (uint64_t)seconds * 1000;
}

/* one observation; returns when to come again */
static uint64_t run(struct lwm2m_client *c, struct lwm2m_observation *o, bool online)
{
	struct lwm2m_attributes a = effective(c, o);
	uint64_t earliest, evaluate, latest = online ? after(o->told, a.pmax) : LWM2M_NEVER;
	struct now n;

	if (o->evaluated + (uint64_t)a.epmin * 1000 > o->told + (uint64_t)a.pmin * 1000)
		earliest = o->evaluated + (uint64_t)a.epmin * 1000;
	else
		earliest = o->told + (uint64_t)a.pmin * 1000;
	evaluate = after(o->evaluated, a.epmax);
	if (c->now >= evaluate)
		o->dirty = true;
	if (c->now < latest && !(o->dirty && c->now >= earliest))
		return min(o->dirty ? min(earliest, latest) : latest,
			   o->dirty ? LWM2M_NEVER : evaluate);
	look(c, o, &n);
	if (c->now < latest && (n.digest == o->digest || !wanted(c, o, &n))) {
		o->dirty = false;
		o->evaluated = c->now;
	} else if (online) {
		notify(c, o, &a, &n);
	} else {
		/* told later, or never, as /1/0/6 says */
		if (c->storing)
			keep(c, o, &n.set);
		told(c, o, &n);
		lwm2m_observe_store(c, o);
	}
	lwm2m_set_clear(&n.set);
	if (!o->used)
		return LWM2M_NEVER;
	return min(online ? after(o->told, a.pmax) : LWM2M_NEVER, after(o->evaluated, a.epmax));
}

uint64_t lwm2m_dm_notify_run(struct lwm2m_client *c, bool send)
{
	/* an Update that is asked for shows whether the server still knows us */
	bool sure = send && c->state == LWM2M_REGISTERED && !c->update_asked;
	uint64_t next = LWM2M_NEVER;

	for (size_t i = 0; i < OBSERVATIONS_MAX; i++) {
		struct lwm2m_observation *o = &c->observations[i];
		bool online, flying;

		if (!o->used || (o->obs == 0 && sure && !attach(c, o)))
			continue;
		online = send && o->obs != 0;
		flying = o->obs != 0 && !settled(c, o);
		if (flying && (!online || o->replayed != 0))
			continue;
		if (!flying && online && replay(c, o))
			next = c->now;
		else
			next = min(next, run(c, o, online));
	}
	return next;
}
