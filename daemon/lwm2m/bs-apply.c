// SPDX-License-Identifier: Apache-2.0
/*
 * How the data model changes by bootstrap: always in one transaction, in which what is
 * kept beside it (KIND_BS) goes along.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "lwm2m/bs-priv.h"
#include "lwm2m/bsfile.h"

#define IDS (LWM2M_DATA_INSTANCES_MAX + 1)

/* ---- copies ------------------------------------------------------------------ */

static int copy_instance(const struct lwm2m_data *from, struct lwm2m_data *to, uint16_t object,
			 uint16_t instance)
{
	struct lwm2m_set set = {0};
	int r = lwm2m_data_read(from, object, instance, -1, &set);

	if (r == 0)
		r = lwm2m_data_add(to, object, instance);
	for (size_t i = 0; r == 0 && i < set.n; i++)
		r = lwm2m_data_set(to, &set.v[i]);
	lwm2m_set_clear(&set);
	return r;
}

int bs_copy(struct lwm2m_bootstrap *b)
{
	char words[CONTENT_WORDS_MAX];
	const struct model_object *m;
	uint16_t ids[IDS];
	size_t n;
	int r = lwm2m_data_new(&b->copy, NULL, words);

	for (size_t i = 0; r == 0 && (m = model_object_at(i)); i++) {
		if (!lwm2m_data_stores(m->id))
			continue;
		n = lwm2m_data_instances(b->data, m->id, ids, IDS);
		for (size_t k = 0; r == 0 && k < n; k++)
			r = copy_instance(b->data, b->copy, m->id, ids[k]);
	}
	if (r < 0) {
		lwm2m_data_free(b->copy);
		b->copy = NULL;
	}
	return r;
}

static int remove_instance(struct lwm2m_data *d, uint16_t object, uint16_t instance)
{
	const struct lwm2m_path path = lwm2m_path_at(2, object, instance, 0, 0);
	int r = lwm2m_data_remove(d, &path);

	return r == -ENOENT ? 0 : r;
}

/* ---- the transaction --------------------------------------------------------- */

static int begin(struct lwm2m_bootstrap *b)
{
	int r = store_begin(b->state);

	if (r < 0)
		return r;
	r = lwm2m_data_begin(b->data);
	if (r < 0)
		store_rollback(b->state);
	return r;
}

/* @r: what came of the changes. Return: the same, or why they could not be kept. */
static int end(struct lwm2m_bootstrap *b, int r)
{
	if (r == 0) {
		r = lwm2m_data_commit(b->data);
		if (r == 0)
			r = store_commit(b->state);
		else
			store_rollback(b->state);
		return r;
	}
	lwm2m_data_rollback(b->data);
	store_rollback(b->state);
	return r;
}

static void words_for(int r, char *words, const char *what)
{
	if (r < 0 && *words == '\0')
		content_words(words, "%s: %s", what, strerror(-r));
}

/* ---- a session's end --------------------------------------------------------- */

/*
 * A new bootstrap account takes the place of the one that the session runs on (core 1.2,
 * 6.1.3.3, step 3).
 */
static int retire_server(struct lwm2m_bootstrap *b)
{
	uint16_t ids[IDS];
	size_t n = lwm2m_data_instances(b->data, 0, ids, IDS);
	unsigned int others = 0;

	for (size_t i = 0; i < n; i++)
		others += ids[i] != b->server &&
			  lwm2m_data_int(b->data, 0, ids[i], BS_SEC_BOOTSTRAP, 0);
	if (others != 1 || b->server < 0 || bs_list_has(&b->touched, 0, (uint16_t)b->server))
		return 0;
	return remove_instance(b->data, 0, (uint16_t)b->server);
}

static void note_time(struct lwm2m_bootstrap *b)
{
	uint16_t ids[IDS];
	size_t n = lwm2m_data_instances(b->data, 1, ids, IDS);

	/* resource 12 of the accounts that the bootstrap server wrote; a want of it is no harm
	 */
	for (size_t i = 0; b->ops.clock && i < n; i++)
		if (bs_list_has(&b->touched, 1, ids[i]))
			lwm2m_data_set_int(b->data, 1, ids[i], BS_SRV_LAST,
					   b->ops.clock(b->ctx));
}

/* What came from the card and was written over is the server's now. */
static int disown(struct lwm2m_bootstrap *b, struct bs_list *left)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < b->from_card.n; i++) {
		const struct bs_at *at = &b->from_card.at[i];

		if (!bs_list_has(&b->touched, at->object, at->instance))
			r = bs_list_add(left, at->object, at->instance);
	}
	return r;
}

int bs_finish(struct lwm2m_bootstrap *b, char *words)
{
	enum lwm2m_bs_source source = b->source;
	struct bs_list left = {0}, old = b->from_card;
	int r = begin(b);

	*words = '\0';
	if (r < 0)
		goto out;
	for (size_t i = 0; r == 0 && i < b->touched.n; i++) {
		const struct bs_at *at = &b->touched.at[i];

		r = remove_instance(b->data, at->object, at->instance);
		if (r == 0 && lwm2m_data_has(b->copy, at->object, at->instance))
			r = copy_instance(b->copy, b->data, at->object, at->instance);
	}
	if (r == 0)
		r = retire_server(b);
	if (r == 0)
		r = bs_check(b->data, &b->touched, b->allow_nosec, words);
	if (r == 0)
		r = disown(b, &left);
	if (r == 0) {
		note_time(b);
		b->source = LWM2M_BS_FROM_SERVER;
		b->from_card = left;
		r = bs_state_save_card(b);
		if (r == 0)
			r = bs_state_drop_before(b);
	}
	r = end(b, r);
	if (r < 0) {
		b->source = source;
		b->from_card = old;
		bs_list_clear(&left);
	} else {
		bs_list_clear(&old);
	}
out:
	words_for(r, words, "the configuration cannot be stored");
	return r;
}

/* ---- files ------------------------------------------------------------------- */

static bool has_server(const struct lwm2m_set *set)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->v[i].path.id[0] == 0 && set->v[i].path.id[2] == BS_SEC_BOOTSTRAP &&
		    set->v[i].i)
			return true;
	return false;
}

/* The OSCORE instance of the bootstrap account, or -1. */
static int32_t server_oscore(const struct lwm2m_data *d, int32_t server)
{
	const struct lwm2m_value *link =
		server < 0 ? NULL : lwm2m_data_get(d, 0, (uint16_t)server, BS_SEC_OSCORE);

	return link && link->object == 21 ? link->instance : -1;
}

/* All instances of @object, but @server and what belongs to it. */
static int clear_object(struct lwm2m_data *d, uint16_t object, int32_t server, int32_t oscore)
{
	uint16_t ids[IDS];
	size_t n = lwm2m_data_instances(d, object, ids, IDS);
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		if (!(object == 0 && ids[i] == server) && !(object == 21 && ids[i] == oscore))
			r = remove_instance(d, object, ids[i]);
	return r;
}

/*
 * The objects whose instances make room for those of @set. A file that has accounts is the
 * whole configuration: none of object 1 stays without its object 0, no rights of servers
 * that are gone.
 */
static int objects_of(const struct lwm2m_set *set, struct bs_list *objects)
{
	static const uint16_t accounts[] = {0, 1, 2, 21};
	int r = 0;

	for (size_t i = 0; r == 0 && i < set->n; i++)
		r = bs_list_add(objects, set->v[i].path.id[0], 0);
	if (bs_list_has(objects, 0, 0))
		for (size_t i = 0; r == 0 && i < sizeof(accounts) / sizeof(accounts[0]); i++)
			r = bs_list_add(objects, accounts[i], 0);
	return r;
}

/*
 * Values, a whole configuration, in the place of the objects that they belong to; @made
 * gets the instances. The bootstrap account stays unless there is one among them.
 */
static int apply_values(struct lwm2m_data *d, const struct lwm2m_set *set, struct bs_list *made)
{
	int32_t server = has_server(set) ? -1 : bs_server(d), oscore = server_oscore(d, server);
	int32_t moved = -1; /* where an instance of 0 goes that would be on @server */
	struct bs_list objects = {0};
	int r = objects_of(set, &objects);

	for (size_t i = 0; r == 0 && i < objects.n; i++)
		r = clear_object(d, objects.at[i].object, server, oscore);
	bs_list_clear(&objects);
	for (size_t i = 0; r == 0 && i < set->n; i++) {
		struct lwm2m_value v = set->v[i];
		uint16_t *id = v.path.id;

		if (id[0] == 0 && id[1] == server) {
			if (moved < 0)
				moved = lwm2m_data_free_instance(d, 0);
			if (moved < 0)
				r = -ENOSPC;
			id[1] = (uint16_t)moved;
		}
		if (r == 0 && !lwm2m_data_has(d, id[0], id[1])) {
			r = lwm2m_data_add(d, id[0], id[1]);
			if (r == 0 && made)
				r = bs_list_add(made, id[0], id[1]);
		}
		if (r == 0)
			r = lwm2m_data_set(d, &v);
	}
	return r;
}

/* What is stored of the objects that @set takes the place of, as a file. */
static int snapshot(struct lwm2m_bootstrap *b, const struct lwm2m_set *set,
		    struct model_buf *out)
{
	struct bs_list objects = {0};
	struct lwm2m_set all = {0};
	uint16_t ids[IDS];
	size_t n;
	int r = objects_of(set, &objects);

	for (size_t i = 0; r == 0 && i < objects.n; i++) {
		n = lwm2m_data_instances(b->data, objects.at[i].object, ids, IDS);
		for (size_t k = 0; r == 0 && k < n; k++)
			r = lwm2m_data_read(b->data, objects.at[i].object, ids[k], -1, &all);
	}
	bs_list_clear(&objects);
	if (r == 0)
		lwm2m_bsfile_encode(&all, out);
	lwm2m_set_clear(&all);
	return r < 0 ? r : out->error;
}

/* Objects that are not stored have no place in a configuration; values are checked. */
static int only_stored(struct lwm2m_set *set, unsigned int *skipped, char *words)
{
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < set->n; i++) {
		if (!lwm2m_data_stores(set->v[i].path.id[0])) {
			(*skipped)++;
			continue;
		}
		r = lwm2m_data_check(&set->v[i], words);
		set->v[n++] = set->v[i];
	}
	set->n = n;
	return r;
}

static int read_file(struct lwm2m_bootstrap *b, const uint8_t *p, size_t len, const char *what,
		     struct lwm2m_set *set, char *words)
{
	unsigned int skipped = 0;
	int r;

	*words = '\0';
	r = lwm2m_bsfile_values(p, len, set, &skipped, words);
	if (r == 0)
		r = only_stored(set, &skipped, words);
	if (r == 0 && set->n == 0) {
		content_words(words, "%s: nothing in it that this device knows", what);
		r = -ENODATA;
	}
	if (r == 0 && skipped > 0)
		bs_log(b, LOG_NOTICE, "%s: %u objects and resources that are not known here",
		       what, skipped);
	if (r < 0)
		lwm2m_set_clear(set);
	return r;
}

/* A file need not have server accounts: with a bootstrap server it is enough. */
static int check_file(struct lwm2m_bootstrap *b, const struct bs_list *made, char *words)
{
	uint16_t ids[IDS];
	int r;

	if (bs_server(b->data) >= 0 && lwm2m_data_instances(b->data, 1, ids, IDS) == 0) {
		char text[CONTENT_WORDS_MAX];

		r = bs_check(b->data, made, b->allow_nosec, text);
		/* the one thing that may be missing is object 1 */
		if (r < 0 && !strstr(text, "object 1 has no instance")) {
			memcpy(words, text, sizeof(text));
			return r;
		}
		return 0;
	}
	return bs_check(b->data, made, b->allow_nosec, words);
}

/* As it was before the card. Return: 1 if something came back, 0 if not, or an errno. */
static int restore(struct lwm2m_bootstrap *b)
{
	char words[CONTENT_WORDS_MAX];
	struct lwm2m_set set = {0};
	uint8_t *before = NULL;
	size_t len = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < b->from_card.n; i++)
		r = remove_instance(b->data, b->from_card.at[i].object,
				    b->from_card.at[i].instance);
	if (r == 0)
		r = bs_state_get_before(b, &before, &len);
	/* an empty snapshot is no file */
	if (r == 0 && before && lwm2m_bsfile_values(before, len, &set, NULL, words) == 0) {
		r = apply_values(b->data, &set, NULL);
		if (r == 0)
			r = set.n > 0;
	}
	lwm2m_set_clear(&set);
	if (before)
		explicit_bzero(before, len);
	free(before);
	return r;
}

int bs_take_card(struct lwm2m_bootstrap *b, const uint8_t *p, size_t len, char *words)
{
	struct model_buf before = {.max = STORE_VALUE_MAX / 2};
	struct bs_list made = {0}, old = b->from_card;
	uint8_t digest[BS_DIGEST], was[BS_DIGEST];
	bool had = b->applied;
	struct lwm2m_set set = {0};
	int r = read_file(b, p, len, "the card's bootstrap file", &set, words);

	if (r < 0)
		return r;
	bs_digest(p, len, digest);
	memcpy(was, b->digest, sizeof(was));
	r = begin(b);
	if (r < 0)
		goto out;
	if (had)
		r = restore(b);
	if (r >= 0)
		r = snapshot(b, &set, &before);
	if (r == 0)
		r = bs_state_put_before(b, &before);
	if (r == 0)
		r = apply_values(b->data, &set, &made);
	if (r == 0)
		r = check_file(b, &made, words);
	if (r == 0) {
		memcpy(b->digest, digest, sizeof(digest));
		b->applied = true;
		b->from_card = made;
		b->source = LWM2M_BS_FROM_CARD;
		r = bs_state_save_card(b);
		if (r == 0)
			r = bs_state_save(b);
	}
	r = end(b, r);
	if (r < 0) {
		memcpy(b->digest, was, sizeof(was));
		b->applied = had;
		b->from_card = old;
		bs_list_clear(&made);
	} else {
		bs_list_clear(&old);
	}
out:
	words_for(r, words, "the card's configuration cannot be stored");
	model_buf_free(&before);
	lwm2m_set_clear(&set);
	return r;
}

int bs_drop_card(struct lwm2m_bootstrap *b, char *words)
{
	enum lwm2m_bs_source source = b->source;
	struct bs_list old = b->from_card;
	int r, back;

	*words = '\0';
	r = begin(b);
	if (r < 0)
		goto out;
	back = restore(b);
	r = back < 0 ? back : bs_state_drop_before(b);
	if (r == 0) {
		b->applied = false;
		b->from_card = (struct bs_list){0};
		if (b->source == LWM2M_BS_FROM_CARD)
			b->source = back ? LWM2M_BS_FROM_FACTORY : LWM2M_BS_FROM_NOTHING;
		r = bs_state_save_card(b);
		if (r == 0)
			r = bs_state_save(b);
	}
	r = end(b, r);
	if (r < 0) {
		b->applied = true;
		b->from_card = old;
		b->source = source;
	} else {
		bs_list_clear(&old);
	}
out:
	words_for(r, words, "what came from the card cannot be removed");
	return r;
}

int bs_take_factory(struct lwm2m_bootstrap *b, char *words)
{
	enum lwm2m_bs_source source = b->source;
	uint8_t digest[BS_DIGEST];
	struct lwm2m_set set = {0};
	struct bs_list made = {0};
	int r = read_file(b, b->factory, b->factory_len, "the factory file", &set, words);

	if (r < 0)
		return r;
	bs_digest(b->factory, b->factory_len, digest);
	r = begin(b);
	if (r < 0)
		goto out;
	r = apply_values(b->data, &set, &made);
	if (r == 0)
		r = check_file(b, &made, words);
	if (r == 0)
		r = bs_state_set_factory(b, digest);
	if (r == 0) {
		b->source = LWM2M_BS_FROM_FACTORY;
		r = bs_state_save(b);
	}
	r = end(b, r);
	if (r < 0)
		b->source = source;
out:
	words_for(r, words, "the factory configuration cannot be stored");
	bs_list_clear(&made);
	lwm2m_set_clear(&set);
	return r;
}
