// SPDX-License-Identifier: Apache-2.0
/*
 * The operations of a bootstrap server (LwM2M core 1.1 and 1.2, 6.1.7), on the session's
 * copy of the data model. What is not stored there (objects 3 to 9, the SEs …) is made by
 * the device: it is told in a Bootstrap-Discover, and a bootstrap server has nothing to write
 * to it.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lwm2m/bs-priv.h"
#include "lwm2m/formats.h"

#define IDS (LWM2M_DATA_INSTANCES_MAX + 1)

static int code_of(int r, char *words)
{
	if (r == 0)
		return 0;
	if (*words == '\0')
		content_words(words, "%s", strerror(-r));
	return r == -EINVAL || r == -ENOENT ? COAP_400_BAD_REQUEST
	       : r == -ENOSPC		    ? COAP_413_TOO_LARGE
					    : COAP_500_INTERNAL;
}

static int check_object(uint16_t object, char *words)
{
	if (!model_object(object)) {
		content_words(words, "there is no object %u here", object);
		return COAP_404_NOT_FOUND;
	}
	if (!lwm2m_data_stores(object)) {
		content_words(words, "instances of object %u are the device's own", object);
		return COAP_405_METHOD_NOT_ALLOWED;
	}
	return 0;
}

/* ---- Bootstrap-Write --------------------------------------------------------- */

/* Values of one instance, in the place of those it has (@whole) or beside them. */
static int put_instance(struct lwm2m_bootstrap *b, const struct lwm2m_value *v, size_t n,
			bool whole, char *words)
{
	const struct lwm2m_path at = lwm2m_path_at(2, v->path.id[0], v->path.id[1], 0, 0);
	int r = bs_list_add(&b->touched, at.id[0], at.id[1]);

	if (r == 0 && whole && lwm2m_data_has(b->copy, at.id[0], at.id[1]))
		r = lwm2m_data_remove(b->copy, &at);
	if (r == 0 && !lwm2m_data_has(b->copy, at.id[0], at.id[1]))
		r = lwm2m_data_add(b->copy, at.id[0], at.id[1]);
	for (size_t i = 0; r == 0 && i < n; i++) {
		const uint16_t *id = v[i].path.id;
		const struct lwm2m_path res = lwm2m_path_at(3, id[0], id[1], id[2], 0);

		r = lwm2m_data_check(&v[i], words);
		/* a multiple resource is written as a whole */
		if (r == 0 && !whole && (i == 0 || id[2] != v[i - 1].path.id[2])) {
			r = lwm2m_data_remove(b->copy, &res);
			if (r == -ENOENT)
				r = 0;
		}
		if (r == 0)
			r = lwm2m_data_set(b->copy, &v[i]);
	}
	return r;
}

/* All or nothing: a write that fails half way must not leave the other half. */
static int put_values(struct lwm2m_bootstrap *b, const struct lwm2m_set *set, bool whole,
		      char *words)
{
	int r = lwm2m_data_begin(b->copy);

	for (size_t i = 0, to; r == 0 && i < set->n; i = to) {
		const uint16_t *id = set->v[i].path.id;

		for (to = i; to < set->n && set->v[to].path.id[0] == id[0] &&
			     set->v[to].path.id[1] == id[1];
		     to++)
			;
		r = put_instance(b, set->v + i, to - i, whole, words);
	}
	if (r == 0)
		return lwm2m_data_commit(b->copy);
	if (lwm2m_data_in_transaction(b->copy))
		lwm2m_data_rollback(b->copy);
	return r;
}

static bool same_instance(const struct lwm2m_value *a, const struct lwm2m_value *b)
{
	return a->path.id[0] == b->path.id[0] && a->path.id[1] == b->path.id[1];
}

/* A null has no meaning here; instances one after the other, each in one piece. */
static int check_values(const struct lwm2m_set *set, char *words)
{
	for (size_t i = 0; i < set->n; i++) {
		char s[LWM2M_PATH_MAX];

		if (set->v[i].type == MODEL_NONE && set->v[i].path.depth == 3) {
			content_words(words, "%s has no value",
				      lwm2m_path_print(&set->v[i].path, s));
			return COAP_400_BAD_REQUEST;
		}
		if (set->v[i].path.id[1] == UINT16_MAX) {
			content_words(words,
				      "the payload does not say which instance of object %u",
				      set->v[i].path.id[0]);
			return COAP_400_BAD_REQUEST;
		}
		if (i == 0 || same_instance(&set->v[i], &set->v[i - 1]))
			continue;
		for (size_t k = 0; k + 1 < i; k++) {
			if (!same_instance(&set->v[i], &set->v[k]))
				continue;
			content_words(words, "/%u/%u is in the payload twice",
				      set->v[i].path.id[0], set->v[i].path.id[1]);
			return COAP_400_BAD_REQUEST;
		}
	}
	return 0;
}

int bs_write(struct lwm2m_bootstrap *b, const struct lwm2m_path *path, uint32_t format,
	     const uint8_t *p, size_t len, char *words)
{
	struct lwm2m_set set = {.lenient = true};
	int code;

	if (path->depth == 0 || path->depth > 3) {
		content_words(words,
			      "an object, an object instance or a resource can be written");
		return COAP_405_METHOD_NOT_ALLOWED;
	}
	code = check_object(path->id[0], words);
	if (code != 0)
		return code;
	if (path->depth == 3 && !model_resource(model_object(path->id[0]), path->id[2])) {
		content_words(words, "object %u has no resource %u", path->id[0], path->id[2]);
		return COAP_404_NOT_FOUND;
	}
	/* 1.0 servers leave the format out and mean TLV */
	if (format == COAP_NO_FORMAT && path->depth < 3)
		format = COAP_FORMAT_LWM2M_TLV;
	code = lwm2m_decode(format, path, p, len, &set, words);
	if (code == 0)
		code = check_values(&set, words);
	if (code == 0)
		code = code_of(put_values(b, &set, path->depth < 3, words), words);
	/* an instance without resources is one all the same */
	if (code == 0 && path->depth == 2 && set.n == 0) {
		struct lwm2m_value none = {.path = *path};

		code = code_of(put_instance(b, &none, 0, true, words), words);
	}
	lwm2m_set_clear(&set);
	return code;
}

/* ---- Bootstrap-Delete -------------------------------------------------------- */

/* The bootstrap account and its OSCORE context outlive every Delete. */
static bool protected(const struct lwm2m_bootstrap *b, uint16_t object, uint16_t instance)
{
	int32_t server = bs_server(b->copy);
	const struct lwm2m_value *link =
		server < 0 ? NULL : lwm2m_data_get(b->copy, 0, (uint16_t)server, BS_SEC_OSCORE);

	if (object == 0)
		return instance == server;
	return object == 21 && link && link->object == 21 && link->instance == instance;
}

static int delete_object(struct lwm2m_bootstrap *b, uint16_t object)
{
	uint16_t ids[IDS];
	size_t n = lwm2m_data_instances(b->copy, object, ids, IDS);
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct lwm2m_path at = lwm2m_path_at(2, object, ids[i], 0, 0);

		if (protected(b, object, ids[i]))
			continue;
		r = bs_list_add(&b->touched, object, ids[i]);
		if (r == 0)
			r = lwm2m_data_remove(b->copy, &at);
	}
	return r;
}

int bs_delete(struct lwm2m_bootstrap *b, const struct lwm2m_path *path, char *words)
{
	const struct model_object *m;
	int r = 0;

	if (path->depth > 2) {
		content_words(words, "all, an object or an object instance can be deleted");
		return COAP_400_BAD_REQUEST;
	}
	if (path->depth == 0) {
		for (size_t i = 0; r == 0 && (m = model_object_at(i)); i++)
			if (lwm2m_data_stores(m->id))
				r = delete_object(b, m->id);
		return code_of(r, words);
	}
	/* of an object that is not here there is nothing left, as was asked for */
	if (!model_object(path->id[0]))
		return 0;
	if (!lwm2m_data_stores(path->id[0])) {
		content_words(words, "instances of object %u are the device's own",
			      path->id[0]);
		return path->depth == 1 ? 0 : COAP_400_BAD_REQUEST;
	}
	if (path->depth == 1)
		return code_of(delete_object(b, path->id[0]), words);
	if (protected(b, path->id[0], path->id[1])) {
		content_words(words, "the bootstrap account is not deleted");
		return COAP_400_BAD_REQUEST;
	}
	r = bs_list_add(&b->touched, path->id[0], path->id[1]);
	if (r == 0)
		r = lwm2m_data_remove(b->copy, path);
	return code_of(r == -ENOENT ? 0 : r, words);
}

/* ---- Bootstrap-Read ---------------------------------------------------------- */

int bs_read(struct lwm2m_bootstrap *b, const struct lwm2m_path *path, uint32_t format,
	    struct model_buf *out, char *words)
{
	struct lwm2m_set set = {0};
	uint16_t ids[IDS];
	size_t n;
	int r = 0, code;

	if (path->depth == 0 || path->depth > 2 || (path->id[0] != 1 && path->id[0] != 2)) {
		content_words(words, "objects 1 and 2 and their instances can be read");
		return COAP_405_METHOD_NOT_ALLOWED;
	}
	if (path->depth == 2 && !lwm2m_data_has(b->copy, path->id[0], path->id[1])) {
		content_words(words, "there is no /%u/%u", path->id[0], path->id[1]);
		return COAP_404_NOT_FOUND;
	}
	n = lwm2m_data_instances(b->copy, path->id[0], ids, IDS);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (path->depth == 1 || ids[i] == path->id[1])
			r = lwm2m_data_read(b->copy, path->id[0], ids[i], -1, &set);
	code = code_of(r, words);
	if (code == 0)
		code = lwm2m_encode(format, path, &set, out, words);
	lwm2m_set_clear(&set);
	return code;
}

/* ---- Bootstrap-Discover ------------------------------------------------------ */

static int64_t ssid_of(const struct lwm2m_data *d, uint16_t object, uint16_t instance)
{
	uint16_t ids[IDS];
	size_t n;

	if (object == 1)
		return lwm2m_data_int(d, 1, instance, BS_SRV_SSID, 0);
	if (object == 0)
		return lwm2m_data_int(d, 0, instance, BS_SEC_BOOTSTRAP, 0)
			       ? 0
			       : lwm2m_data_int(d, 0, instance, BS_SEC_SSID, 0);
	/* an OSCORE context is that of the account which has a link to it */
	n = lwm2m_data_instances(d, 0, ids, IDS);
	for (size_t i = 0; i < n; i++) {
		const struct lwm2m_value *link = lwm2m_data_get(d, 0, ids[i], BS_SEC_OSCORE);

		if (link && link->object == 21 && link->instance == instance)
			return ssid_of(d, 0, ids[i]);
	}
	return 0;
}

/* A URI of our own data model, in quotes: what would end them does not belong in a URI. */
static void put_uri(struct model_buf *out, const char *uri)
{
	model_buf_printf(out, ";uri=\"");
	for (; *uri; uri++)
		if (*uri > ' ' && *uri < 0x7f && *uri != '"' && *uri != '\\')
			model_buf_put(out, uri, 1);
	model_buf_printf(out, "\"");
}

static void put_links(struct lwm2m_bootstrap *b, const struct model_object *m,
		      struct model_buf *out)
{
	uint16_t ids[IDS];
	size_t n = lwm2m_data_instances(b->copy, m->id, ids, IDS);

	if (strcmp(m->version, "1.0") != 0)
		model_buf_printf(out, ",</%u>;ver=%s", m->id, m->version);
	else if (n == 0)
		model_buf_printf(out, ",</%u>", m->id);
	for (size_t i = 0; i < n; i++) {
		int64_t ssid = m->id == 0 || m->id == 1 || m->id == 21
				       ? ssid_of(b->copy, m->id, ids[i])
				       : 0;
		const char *uri = m->id == 0 && ssid ? lwm2m_data_string(b->copy, 0, ids[i],
									 BS_SEC_URI, NULL)
						     : NULL;

		model_buf_printf(out, ",</%u/%u>", m->id, ids[i]);
		if (ssid)
			model_buf_printf(out, ";ssid=%" PRId64, ssid);
		if (uri)
			put_uri(out, uri);
	}
}

int bs_discover(struct lwm2m_bootstrap *b, const struct lwm2m_path *path, struct model_buf *out,
		char *words)
{
	const struct model_object *m;

	if (path->depth > 1) {
		content_words(words, "the root or an object can be discovered");
		return COAP_400_BAD_REQUEST;
	}
	if (path->depth == 1 && !model_object(path->id[0])) {
		content_words(words, "there is no object %u here", path->id[0]);
		return COAP_404_NOT_FOUND;
	}
	/* 1.0 had it without the reference (its examples), 1.1 corrected that */
	if (b->version == 10)
		model_buf_printf(out, "lwm2m=\"1.0\"");
	else
		model_buf_printf(out, "</>;lwm2m=1.%u", b->version - 10);
	for (size_t i = 0; (m = model_object_at(i)); i++)
		if (lwm2m_data_stores(m->id) && (path->depth == 0 || m->id == path->id[0]))
			put_links(b, m, out);
	if (b->ops.links && (path->depth == 0 || !lwm2m_data_stores(path->id[0])))
		b->ops.links(b->ctx, path->depth ? path->id[0] : -1, out);
	if (out->error < 0)
		return code_of(out->error, words);
	return 0;
}

/* ---- Bootstrap-Pack ---------------------------------------------------------- */

/* An account on the number of the bootstrap account, which stays: it gets another. */
static int make_room(struct lwm2m_bootstrap *b, struct lwm2m_set *set)
{
	int32_t server = bs_server(b->copy), other;

	for (size_t i = 0; i < set->n; i++) {
		const uint16_t *id = set->v[i].path.id;

		if (id[0] == 0 && id[1] == server && id[2] == BS_SEC_BOOTSTRAP && set->v[i].i)
			return 0; /* it is the bootstrap account's new self */
	}
	for (other = 0; other < LWM2M_DATA_INSTANCES_MAX; other++) {
		size_t i = 0;

		while (i < set->n &&
		       !(set->v[i].path.id[0] == 0 && set->v[i].path.id[1] == other))
			i++;
		if (i == set->n && other != server)
			break;
	}
	if (other == LWM2M_DATA_INSTANCES_MAX)
		return -ENOSPC;
	for (size_t i = 0; i < set->n; i++)
		if (set->v[i].path.id[0] == 0 && set->v[i].path.id[1] == server)
			set->v[i].path.id[1] = (uint16_t)other;
	return 0;
}

int bs_pack(struct lwm2m_bootstrap *b, uint32_t format, const uint8_t *p, size_t len,
	    char *words)
{
	const struct lwm2m_path root = {0};
	struct lwm2m_set set = {.lenient = true};
	int code;

	code = lwm2m_decode(format, &root, p, len, &set, words);
	for (size_t i = 0; code == 0 && i < set.n; i++)
		code = check_object(set.v[i].path.id[0], words);
	if (code == 0)
		code = check_values(&set, words);
	if (code == 0 && set.n == 0) {
		content_words(words, "the pack is empty");
		code = COAP_400_BAD_REQUEST;
	}
	if (code == 0)
		code = code_of(make_room(b, &set), words);
	/* what there is of an object that the pack has is replaced, of others not */
	for (size_t i = 0; code == 0 && i < set.n; i++)
		if (i == 0 || set.v[i].path.id[0] != set.v[i - 1].path.id[0])
			code = code_of(delete_object(b, set.v[i].path.id[0]), words);
	if (code == 0)
		code = code_of(put_values(b, &set, true, words), words);
	lwm2m_set_clear(&set);
	return code;
}
