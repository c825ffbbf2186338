// SPDX-License-Identifier: Apache-2.0
/* Read and Read-Composite; the representation that Observe sends as well. */
#include <string.h>

#include "lwm2m/formats.h"
#include "lwm2m/internal.h"

static int collect_instance(struct lwm2m_client *c, const struct lwm2m_object *object,
			    const struct lwm2m_path *path, struct lwm2m_set *set, char *words)
{
	size_t before = set->n, kept;
	char s[LWM2M_PATH_MAX];
	int code;

	code = object->read(c, path->id[1], path->depth >= 3 ? path->id[2] : -1, set, words);
	if (code != 0 || path->depth < 3)
		return code;
	if (path->depth == 4) {
		kept = before;
		for (size_t i = before; i < set->n; i++)
			if (set->v[i].type != MODEL_NONE && set->v[i].path.id[3] == path->id[3])
				set->v[kept++] = set->v[i];
		set->n = kept;
	}
	if (set->n == before) {
		content_words(words, "%s is not known (now)", lwm2m_path_print(path, s));
		return COAP_404_NOT_FOUND;
	}
	return 0;
}

int lwm2m_dm_collect(struct lwm2m_client *c, const struct lwm2m_path *path,
		     struct lwm2m_set *set, char *words)
{
	const struct lwm2m_object *object;
	uint16_t ids[LWM2M_ID_BATCH];
	struct lwm2m_path at = *path;
	int code = lwm2m_dm_check(c, path, MODEL_R, words);
	size_t n;

	if (code != 0)
		return code;
	object = lwm2m_object(path->id[0]);
	if (path->depth >= 2)
		return collect_instance(c, object, path, set, words);
	n = object->instances(c, ids, LWM2M_ID_BATCH);
	at.depth = 2;
	for (size_t i = 0; i < n && code == 0; i++) {
		at.id[1] = ids[i];
		if (lwm2m_acl_allows(c, &at, LWM2M_ACL_R))
			code = collect_instance(c, object, &at, set, words);
	}
	return code;
}

/* core 1.1, 6.3.8: the root path names all that the server may read */
static int collect_root(struct lwm2m_client *c, struct lwm2m_set *set, char *words)
{
	const struct model_object *m;

	for (size_t i = 0; (m = model_object_at(i)); i++) {
		const struct lwm2m_path at = lwm2m_path_at(1, m->id, 0, 0, 0);
		size_t before = set->n;
		int code = lwm2m_dm_collect(c, &at, set, words);

		if (code == COAP_500_INTERNAL)
			return code;
		if (code != 0)
			set->n = before;
	}
	return 0;
}

/*
 * What a server gets that does not say what it wants. 1.0 makes TLV the default;
 * with 1.1 a single value goes as it is, the rest as SenML CBOR.
 */
uint32_t lwm2m_dm_default_format(const struct lwm2m_client *c, const struct lwm2m_path *path)
{
	const struct model_object *object = model_object(path->id[0]);
	const struct model_resource *res =
		object && path->depth >= 3 ? model_resource(object, path->id[2]) : NULL;

	if (c->version < 11)
		return COAP_FORMAT_LWM2M_TLV;
	if (!res || res->multiple != (path->depth == 4))
		return COAP_FORMAT_SENML_CBOR;
	return res->type == MODEL_OPAQUE ? COAP_FORMAT_OCTETS : COAP_FORMAT_TEXT;
}

/* a response script goes out as it lies in the journal where only bytes before it
 * make the format; the others, which code or close it, have it as a whole */
static bool is_streamed(const struct lwm2m_path *path, uint32_t format)
{
	return path->depth == 3 && path->id[0] == MODEL_OBJECT_SCRIPT &&
	       path->id[2] == MODEL_SCRIPT_RESPONSE &&
	       (format == COAP_FORMAT_OCTETS || format == COAP_FORMAT_CBOR ||
		format == COAP_FORMAT_SENML_CBOR || format == COAP_FORMAT_LWM2M_TLV);
}

int lwm2m_dm_content(struct lwm2m_client *c, const struct lwm2m_path *paths, size_t nr,
		     bool composite, uint32_t format, struct lwm2m_content *content,
		     char *words)
{
	const struct lwm2m_format *f = lwm2m_format(format);
	struct lwm2m_set set = {0};
	struct lwm2m_path root = {0};
	int code = 0;

	memset(content, 0, sizeof(*content));
	content->buf.max = 2 * LWM2M_BODY_MAX;
	content->format = format;
	if (composite && (!f || !(f->flags & LWM2M_FORMAT_PATHS))) {
		content_words(words, "a composite answer is SenML CBOR (112), SenML JSON (110) "
				     "or LwM2M CBOR (11544)");
		return COAP_406_NOT_ACCEPTABLE;
	}
	if (!composite && is_streamed(&paths[0], format)) {
		code = lwm2m_dm_check(c, &paths[0], MODEL_R, words);
		if (code == 0)
			code = lwm2m_script_stream(c, paths[0].id[1], format, &content->body,
						   words);
		content->streamed = code == 0;
		return code;
	}
	for (size_t i = 0; i < nr && code == 0; i++) {
		size_t before = set.n;

		code = composite && paths[i].depth == 0
			       ? collect_root(c, &set, words)
			       : lwm2m_dm_collect(c, &paths[i], &set, words);
		/* core 1.1, 6.3.8: what is not there is left out */
		if (composite && code != 0 && code != COAP_500_INTERNAL) {
			set.n = before;
			code = 0;
		}
	}
	if (code == 0)
		code = lwm2m_encode(format, composite ? &root : &paths[0], &set, &content->buf,
				    words);
	content->values = set.n;
	lwm2m_set_clear(&set);
	if (code != 0)
		model_buf_free(&content->buf);
	return code;
}

void lwm2m_content_fill(struct lwm2m_content *content, struct coap_response *rsp)
{
	rsp->content_format = content->format;
	if (content->streamed) {
		rsp->body = &content->body;
		content->body_given = true;
	} else {
		rsp->payload = content->buf.p;
		rsp->len = content->buf.len;
	}
}

void lwm2m_content_free(struct lwm2m_content *content)
{
	model_buf_free(&content->buf);
	if (content->streamed && !content->body_given)
		content->body.release(content->body.ctx);
}
