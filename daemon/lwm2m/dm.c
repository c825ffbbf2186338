// SPDX-License-Identifier: Apache-2.0
/*
 * Requests of the server: which operation they are (LwM2M transport 1.1, 6.4),
 * bodies that come in blocks, answers.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lwm2m/formats.h"
#include "lwm2m/internal.h"
#include "lwm2m/notif.h"

static const struct lwm2m_object *const objects[] = {
	&lwm2m_object_server,	    &lwm2m_object_access,     &lwm2m_object_device,
	&lwm2m_object_se,	    &lwm2m_object_script,     &lwm2m_object_app,
	&lwm2m_object_component,    &lwm2m_object_software,   &lwm2m_object_firmware,
	&lwm2m_object_connectivity, &lwm2m_object_statistics, &lwm2m_object_portfolio,
	&lwm2m_object_app_data,	    &lwm2m_object_event_log,  &lwm2m_object_rsp,
	&lwm2m_object_sim,
};

const struct lwm2m_object *lwm2m_object(uint16_t id)
{
	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++)
		if (objects[i]->id == id)
			return objects[i];
	return NULL;
}

bool lwm2m_has_instance(struct lwm2m_client *c, const struct lwm2m_object *object,
			uint16_t instance)
{
	uint16_t ids[LWM2M_ID_BATCH];
	size_t n = object->instances(c, ids, LWM2M_ID_BATCH);

	for (size_t i = 0; i < n; i++)
		if (ids[i] == instance)
			return true;
	return false;
}

int lwm2m_errno_code(int err)
{
	switch (err) {
	case -ENOENT:
		return COAP_404_NOT_FOUND;
	case -EBUSY:
	case -EALREADY:
	case -EOPNOTSUPP:
	case -EACCES:
		return COAP_405_METHOD_NOT_ALLOWED;
	case -EINVAL:
	case -ENODEV:
	case -EBADMSG:
	case -EEXIST:
		return COAP_400_BAD_REQUEST;
	case -EFBIG:
		return COAP_413_TOO_LARGE;
	case -ESTALE:
		return COAP_408_INCOMPLETE;
	default:
		return COAP_500_INTERNAL;
	}
}

static unsigned int to_right(unsigned int op)
{
	return op == MODEL_R ? LWM2M_ACL_R : op == MODEL_W ? LWM2M_ACL_W : LWM2M_ACL_E;
}

int lwm2m_dm_allowed(struct lwm2m_client *c, const struct lwm2m_path *path, unsigned int rights,
		     char *words)
{
	char s[LWM2M_PATH_MAX];

	if (lwm2m_acl_allows(c, path, rights))
		return 0;
	content_words(words, "server %u has no right to do this to %s (object 2)", c->ssid,
		      lwm2m_path_print(path, s));
	return COAP_401_UNAUTHORIZED;
}

int lwm2m_dm_check(struct lwm2m_client *c, const struct lwm2m_path *path, unsigned int op,
		   char *words)
{
	const struct lwm2m_object *object = lwm2m_object(path->id[0]);
	const struct model_resource *res;
	char s[LWM2M_PATH_MAX];
	int code;

	if (path->id[0] == MODEL_OBJECT_SECURITY || path->id[0] == MODEL_OBJECT_OSCORE) {
		content_words(words, "/%u holds keys; no server may use it", path->id[0]);
		return COAP_401_UNAUTHORIZED;
	}
	if (!object) {
		content_words(words, "there is no object %u here", path->id[0]);
		return COAP_404_NOT_FOUND;
	}
	if (path->depth >= 2 && !lwm2m_has_instance(c, object, path->id[1])) {
		content_words(words, "there is no /%u/%u", path->id[0], path->id[1]);
		return COAP_404_NOT_FOUND;
	}
	code = op == 0 ? 0 : lwm2m_dm_allowed(c, path, to_right(op), words);
	if (code != 0 || path->depth < 3)
		return code;
	res = model_resource(model_object(path->id[0]), path->id[2]);
	if (!res || (path->depth == 4 && !res->multiple)) {
		content_words(words, "there is no %s", lwm2m_path_print(path, s));
		return COAP_404_NOT_FOUND;
	}
	if (op != 0 && !(res->ops & op)) {
		content_words(words, "%s (%s) cannot be %s", lwm2m_path_print(path, s),
			      res->name,
			      op == MODEL_R   ? "read"
			      : op == MODEL_W ? "written"
					      : "executed");
		return COAP_405_METHOD_NOT_ALLOWED;
	}
	return 0;
}

static void drop_uploads(struct lwm2m_client *c)
{
	for (size_t i = 0; i < UPLOADS_MAX; i++) {
		model_buf_free(&c->uploads[i].buf);
		memset(&c->uploads[i], 0, sizeof(c->uploads[i]));
	}
	memset(c->streams, 0, sizeof(c->streams));
}

void lwm2m_dm_forget(struct lwm2m_client *c, const struct lwm2m_path *path)
{
	if (path)
		lwm2m_attributes_forget(c, path);
	for (size_t i = 0; i < OBSERVATIONS_MAX; i++) {
		struct lwm2m_observation *o = &c->observations[i];

		if (!o->used ||
		    (path && (o->composite || !lwm2m_path_covers(path, &o->paths[0]))))
			continue;
		/* a new registration knows nothing of the observation, but what was kept for it
		 * is not lost: Send takes it, where there is one */
		if (!path && c->version >= 11)
			lwm2m_notif_give(c, o->id, LWM2M_NOTIF_SEND);
		lwm2m_observe_forget(c, o);
	}
	if (!path)
		drop_uploads(c);
}

void lwm2m_dm_load(struct lwm2m_client *c)
{
	lwm2m_attributes_load(c);
	lwm2m_notif_load(c);
	lwm2m_observe_load(c);
}

void lwm2m_dm_free(struct lwm2m_client *c)
{
	for (size_t i = 0; i < OBSERVATIONS_MAX; i++) {
		struct lwm2m_observation *o = &c->observations[i];

		if (o->unacked)
			explicit_bzero(o->unacked, o->unacked_len);
		free(o->unacked);
		memset(o, 0, sizeof(*o));
	}
	lwm2m_send_free(c);
	lwm2m_notif_free(c);
	drop_uploads(c);
}

/* ---- answers --------------------------------------------------------------- */

/* lines that the requests of one server may put into the log in a minute */
#define REFUSALS_SHOWN 30
#define REFUSALS_MS 60000

static void say_refusal(struct lwm2m_client *c, uint64_t now, int code, const char *words)
{
	if (now - c->refusals_from >= REFUSALS_MS) {
		if (c->refusals > REFUSALS_SHOWN)
			lwm2m_log(c, 5, "%u more requests were refused",
				  c->refusals - REFUSALS_SHOWN);
		c->refusals_from = now;
		c->refusals = 0;
	}
	if (++c->refusals <= REFUSALS_SHOWN)
		lwm2m_log(c, 6, "answered %u.%02u: %s", (unsigned int)COAP_CODE_CLASS(code),
			  (unsigned int)COAP_CODE_DETAIL(code), words);
	else if (c->refusals == REFUSALS_SHOWN + 1)
		lwm2m_log(c, 5,
			  "more than %d requests refused in a minute: the next ones are "
			  "counted, not shown",
			  REFUSALS_SHOWN);
}

static int answer(struct lwm2m_client *c, const struct coap_request *req, int code,
		  const char *words)
{
	struct coap_response rsp = COAP_RESPONSE_INIT((uint8_t)code);

	if (COAP_CODE_CLASS(code) >= 4 && *words) {
		rsp.diagnostic = words;
		say_refusal(c, req->now, code, words);
	}
	return coap_respond(c->ep, req->now, req->xid, &rsp);
}

/* "depth=2" among the queries (core 1.2, 6.3.3); -1: it is not there; -2: it is wrong */
static int get_depth(const struct coap_request *req)
{
	const struct coap_opt *o;
	unsigned int pos = 0;
	int depth = -1;

	while ((o = coap_opt_next(req->msg, COAP_OPT_URI_QUERY, &pos))) {
		if (depth != -1 || o->len != 7 || memcmp(o->val, "depth=", 6) != 0 ||
		    o->val[6] < '0' || o->val[6] > '3')
			return -2;
		depth = o->val[6] - '0';
	}
	return depth;
}

static int answer_links(struct lwm2m_client *c, const struct coap_request *req,
			const struct lwm2m_path *path, char *words)
{
	struct coap_response rsp = COAP_RESPONSE_INIT(COAP_205_CONTENT);
	struct model_buf buf = {.max = LWM2M_BODY_MAX};
	int depth = get_depth(req), code;

	if (depth == -2)
		return answer(c, req, COAP_400_BAD_REQUEST,
			      "of queries, Discover takes depth from 0 to 3");
	code = lwm2m_dm_discover(c, path, depth, &buf, words);
	if (code == 0) {
		rsp.content_format = COAP_FORMAT_LINK;
		rsp.payload = buf.p;
		rsp.len = buf.len;
		code = coap_respond(c->ep, req->now, req->xid, &rsp);
	} else {
		code = answer(c, req, code, words);
	}
	model_buf_free(&buf);
	return code;
}

static int answer_content(struct lwm2m_client *c, const struct coap_request *req,
			  const struct lwm2m_path *paths, size_t nr, bool composite,
			  char *words)
{
	struct coap_response rsp = COAP_RESPONSE_INIT(COAP_205_CONTENT);
	struct lwm2m_content content;
	uint32_t format = req->accept;
	int ret;

	if (format == COAP_NO_FORMAT)
		format =
			composite ? req->content_format : lwm2m_dm_default_format(c, &paths[0]);
	ret = lwm2m_dm_content(c, paths, nr, composite, format, &content, words);
	if (ret != 0)
		return answer(c, req, ret, words);
	if (req->observe == 0) {
		ret = lwm2m_dm_observe(c, req, paths, nr, composite, format, words);
		if (ret != 0) {
			lwm2m_content_free(&content);
			return answer(c, req, ret, words);
		}
	}
	lwm2m_content_fill(&content, &rsp);
	ret = coap_respond(c->ep, req->now, req->xid, &rsp);
	lwm2m_content_free(&content);
	return ret;
}

static int answer_create(struct lwm2m_client *c, const struct coap_request *req,
			 const struct lwm2m_path *path, const uint8_t *p, size_t len,
			 char *words)
{
	struct coap_response rsp = COAP_RESPONSE_INIT(COAP_201_CREATED);
	struct coap_opts opts = {0};
	char location[LWM2M_PATH_MAX];
	uint16_t instance;
	int code;

	code = lwm2m_dm_create(c, path, req->content_format, p, len, &instance, words);
	if (code != 0)
		return answer(c, req, code, words);
	snprintf(location, sizeof(location), "%u/%u", path->id[0], instance);
	coap_opts_add_path(&opts, COAP_OPT_LOCATION_PATH, location);
	rsp.opts = &opts;
	return coap_respond(c->ep, req->now, req->xid, &rsp);
}

/* ---- composite reading ----------------------------------------------------- */

static int answer_composite(struct lwm2m_client *c, const struct coap_request *req,
			    const uint8_t *p, size_t len, char *words)
{
	struct lwm2m_path paths[OBSERVED_PATHS_MAX];
	struct lwm2m_set set = {0};
	size_t nr = 0;
	int code = 0;

	code = lwm2m_decode_paths(req->content_format, p, len, &set, words);
	if (code == 0 && (set.n == 0 || set.n > OBSERVED_PATHS_MAX)) {
		content_words(words, "%zu paths; 1 to %d can be read at once", set.n,
			      OBSERVED_PATHS_MAX);
		code = set.n == 0 ? COAP_400_BAD_REQUEST : COAP_413_TOO_LARGE;
	}
	if (code == 0)
		for (; nr < set.n; nr++)
			paths[nr] = set.v[nr].path;
	lwm2m_set_clear(&set);
	return code == 0 ? answer_content(c, req, paths, nr, true, words)
			 : answer(c, req, code, words);
}

/* ---- bodies in blocks ------------------------------------------------------ */

static struct lwm2m_upload *upload_find(struct lwm2m_client *c, uint32_t transfer)
{
	for (size_t i = 0; i < UPLOADS_MAX; i++)
		if (c->uploads[i].transfer == transfer)
			return &c->uploads[i];
	return NULL;
}

static void upload_drop(struct lwm2m_upload *u)
{
	model_buf_free(&u->buf);
	memset(u, 0, sizeof(*u));
}

void lwm2m_dm_transfer_lost(struct lwm2m_client *c, uint32_t transfer)
{
	struct lwm2m_upload *u = transfer ? upload_find(c, transfer) : NULL;

	if (u)
		upload_drop(u);
	for (size_t i = 0; i < UPLOADS_MAX; i++)
		if (c->streams[i].transfer == transfer)
			c->streams[i].transfer = 0;
}

static bool streams_to(const struct lwm2m_client *c, size_t i, const struct lwm2m_path *path)
{
	return c->streams[i].transfer != 0 && c->streams[i].object == path->id[0] &&
	       c->streams[i].instance == path->id[1];
}

/*
 * Of several transfers to one instance only the one that began last may go on, or
 * their blocks would mix.
 */
static int stream_owner(struct lwm2m_client *c, const struct lwm2m_path *path,
			uint32_t transfer, bool first)
{
	size_t at = UPLOADS_MAX;

	for (size_t i = 0; i < UPLOADS_MAX; i++) {
		if (streams_to(c, i, path)) {
			at = i;
			break;
		}
		if (c->streams[i].transfer == 0)
			at = i;
	}
	if (!first)
		return at < UPLOADS_MAX && c->streams[at].transfer == transfer ? 0 : -ESTALE;
	if (at == UPLOADS_MAX)
		return -ENOBUFS;
	c->streams[at].object = path->id[0];
	c->streams[at].instance = path->id[1];
	c->streams[at].transfer = transfer;
	return 0;
}

/*
 * A script or a package as octets goes to the disk chunk by chunk. A transfer may
 * begin at another block than the first: it goes on where an earlier one ended,
 * and whoever keeps the bytes says whether it can.
 */
static int stream_chunk(struct lwm2m_client *c, const struct coap_request *req,
			const struct lwm2m_path *path, char *words)
{
	bool first = req->offset == 0 || req->restart;
	int code;

	if (first) {
		code = lwm2m_dm_check(c, path, MODEL_W, words);
		if (code != 0)
			return answer(c, req, code, words);
	}
	if (req->transfer != 0 && stream_owner(c, path, req->transfer, first) < 0) {
		content_words(words, "/%u/%u/%u was written anew meanwhile; begin again",
			      path->id[0], path->id[1], path->id[2]);
		return answer(c, req, COAP_408_INCOMPLETE, words);
	}
	if (req->transfer == 0) /* whole in one: blocks of another transfer are over */
		for (size_t i = 0; i < UPLOADS_MAX; i++)
			if (streams_to(c, i, path))
				c->streams[i].transfer = 0;
	code = lwm2m_object(path->id[0])
		       ->chunk(c, path->id[1], req->offset, req->data, req->len, !req->more,
			       words);
	if (req->transfer != 0 && (code != 0 || !req->more))
		lwm2m_dm_transfer_lost(c, req->transfer);
	if (code != 0)
		return answer(c, req, code, words);
	if (req->more)
		return 0;
	lwm2m_changed(c, path);
	return answer(c, req, COAP_204_CHANGED, words);
}

/* Return: 1 if the body is whole in @u, 0 if more is to come or it was answered. */
static int collect(struct lwm2m_client *c, const struct coap_request *req,
		   struct lwm2m_upload **u, char *words)
{
	struct lwm2m_upload *up = upload_find(c, req->transfer);

	if (req->offset == 0) {
		if (!up)
			up = upload_find(c, 0);
		if (!up) {
			answer(c, req, COAP_503_UNAVAILABLE, "too many transfers at once");
			return 0;
		}
		upload_drop(up);
		up->transfer = req->transfer;
		up->buf.max = LWM2M_BODY_MAX;
	}
	if (!up || up->buf.len != req->offset) {
		if (up)
			upload_drop(up);
		answer(c, req, COAP_408_INCOMPLETE, "a block is missing; begin again");
		return 0;
	}
	model_buf_put(&up->buf, req->data, req->len);
	if (up->buf.error < 0) {
		upload_drop(up);
		content_words(
			words,
			"more than %u bytes; write a long script or package as octets (42) "
			"to its resource",
			LWM2M_BODY_MAX);
		answer(c, req, COAP_413_TOO_LARGE, words);
		return 0;
	}
	*u = up;
	return !req->more;
}

/* ---- routing --------------------------------------------------------------- */

static int get_path(const struct coap_request *req, struct lwm2m_path *path)
{
	const struct coap_opt *o;
	unsigned int pos = 0;

	memset(path, 0, sizeof(*path));
	while ((o = coap_opt_next(req->msg, COAP_OPT_URI_PATH, &pos))) {
		struct lwm2m_path one;

		/* a client may end its path with a slash: an empty last segment */
		if (o->len == 0)
			continue;
		if (path->depth == 4 || (o->len > 0 && o->val[0] == '/') ||
		    lwm2m_path_parse((const char *)o->val, o->len, &one) < 0 || one.depth != 1)
			return -EINVAL;
		path->id[path->depth++] = one.id[0];
	}
	return 0;
}

static int route_get(struct lwm2m_client *c, const struct coap_request *req,
		     const struct lwm2m_path *path, char *words)
{
	int code;

	if (req->accept == COAP_FORMAT_LINK)
		return answer_links(c, req, path, words);
	if (path->depth == 0)
		return answer(c, req, COAP_405_METHOD_NOT_ALLOWED,
			      "the root cannot be read; name an object");
	code = lwm2m_dm_check(c, path, MODEL_R, words);
	if (code != 0)
		return answer(c, req, code, words);
	return answer_content(c, req, path, 1, false, words);
}

static int route_body(struct lwm2m_client *c, const struct coap_request *req,
		      const struct lwm2m_path *path, const uint8_t *p, size_t len, char *words)
{
	const struct model_object *object = model_object(path->id[0]);
	const struct model_resource *res =
		object && path->depth >= 3 ? model_resource(object, path->id[2]) : NULL;
	int code;

	switch (req->method) {
	case COAP_PUT:
		if (len == 0 && req->content_format == COAP_NO_FORMAT &&
		    coap_opt_find(req->msg, COAP_OPT_URI_QUERY))
			code = lwm2m_dm_attributes(c, path, req->msg, words);
		else
			code = lwm2m_dm_write(c, path, true, req->content_format, p, len,
					      words);
		break;
	case COAP_POST:
		if (path->depth == 1)
			return answer_create(c, req, path, p, len, words);
		if (path->depth == 3 && (!res || (res->ops & MODEL_E)))
			code = lwm2m_dm_execute(c, path, p, len, words);
		else if (path->depth == 3 && !(res->ops & MODEL_W))
			code = lwm2m_dm_check(c, path, MODEL_E, words);
		else
			code = lwm2m_dm_write(c, path, false, req->content_format, p, len,
					      words);
		break;
	case COAP_FETCH:
		return answer_composite(c, req, p, len, words);
	case COAP_IPATCH:
	default:
		code = lwm2m_dm_write_composite(c, req->content_format, p, len, words);
		break;
	}
	return answer(c, req, code == 0 ? COAP_204_CHANGED : code, words);
}

static bool is_stream(const struct coap_request *req, const struct lwm2m_path *path)
{
	const struct lwm2m_object *object = lwm2m_object(path->id[0]);

	return (req->method == COAP_PUT || req->method == COAP_POST) && path->depth == 3 &&
	       object && object->chunk && path->id[2] == object->stream &&
	       (req->content_format == COAP_FORMAT_OCTETS ||
		(req->content_format == COAP_NO_FORMAT && req->len > 0));
}

int lwm2m_dm_request(struct lwm2m_client *c, const struct coap_request *req)
{
	char words[CONTENT_WORDS_MAX] = "";
	struct coap_request whole = *req;
	struct lwm2m_upload *u = NULL;
	struct lwm2m_path path;
	int ret;

	/* below, no bytes are an empty buffer */
	if (!whole.data)
		whole.data = (const uint8_t *)"";
	req = &whole;
	if (get_path(req, &path) < 0) {
		content_words(words, "not a path of an LwM2M client");
		return answer(c, req, COAP_404_NOT_FOUND, words);
	}
	switch (req->method) {
	case COAP_GET:
		return route_get(c, req, &path, words);
	case COAP_DELETE:
		ret = lwm2m_dm_delete(c, &path, words);
		return answer(c, req, ret == 0 ? COAP_202_DELETED : ret, words);
	case COAP_PUT:
	case COAP_POST:
		if (path.depth == 0) {
			content_words(words, "the root cannot be written; name an object");
			return answer(c, req, COAP_405_METHOD_NOT_ALLOWED, words);
		}
		break;
	case COAP_FETCH:
	case COAP_IPATCH:
		if (path.depth != 0) {
			content_words(words, "a composite operation goes to the root");
			return answer(c, req, COAP_400_BAD_REQUEST, words);
		}
		break;
	default:
		return answer(c, req, COAP_405_METHOD_NOT_ALLOWED, words);
	}
	if (is_stream(req, &path))
		return stream_chunk(c, req, &path, words);
	if (req->content_format != COAP_NO_FORMAT && !lwm2m_format_known(req->content_format)) {
		content_words(
			words,
			"Content-Format %u is not known; try 112 (SenML CBOR) or 11542 (TLV)",
			req->content_format);
		return answer(c, req, COAP_415_FORMAT, words);
	}
	if (req->transfer == 0)
		return route_body(c, req, &path, req->data, req->len, words);
	if (collect(c, req, &u, words) == 0)
		return 0;
	ret = route_body(c, req, &path, u->buf.p ? u->buf.p : whole.data, u->buf.len, words);
	upload_drop(u);
	return ret;
}
