// SPDX-License-Identifier: Apache-2.0
/* Object 26242, SE Script. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lwm2m/reading.h"
#include "lwm2m/senml.h"
#include "lwm2m/tlv.h"

static size_t instances(struct lwm2m_client *c, uint16_t *ids, size_t room)
{
	return c->scripts->list(c->scripts_ctx, ids, room);
}

/* ---- reading --------------------------------------------------------------- */

static void put_response(struct lwm2m_client *c, struct lwm2m_reading *r,
			 const struct lwm2m_script *s)
{
	size_t len = (size_t)s->response_len, at = 0;
	struct lwm2m_value v = {.type = MODEL_OPAQUE};
	uint8_t *p;

	if (r->rid >= 0 && r->rid != MODEL_SCRIPT_RESPONSE)
		return;
	if (s->response_len > STREAM_ONLY_ABOVE) {
		if (r->rid >= 0)
			r->ret = COAP_413_TOO_LARGE;
		return;
	}
	p = lwm2m_set_alloc(r->set, len);
	if (!p) {
		/* several of them in one reading of the object: as above */
		if (r->rid >= 0)
			r->ret = COAP_500_INTERNAL;
		return;
	}
	while (at < len) {
		ssize_t n = c->scripts->read(c->scripts_ctx, r->instance, at, p + at, len - at);

		if (n <= 0) {
			r->ret = COAP_500_INTERNAL;
			return;
		}
		at += (size_t)n;
	}
	v.path = lwm2m_path_at(3, MODEL_OBJECT_SCRIPT, r->instance, MODEL_SCRIPT_RESPONSE, 0);
	v.p = p;
	v.len = len;
	if (lwm2m_set_add(r->set, &v) < 0)
		r->ret = COAP_500_INTERNAL;
}

static int read(struct lwm2m_client *c, uint16_t instance, int32_t rid, struct lwm2m_set *set,
		char *words)
{
	struct lwm2m_reading r = {MODEL_OBJECT_SCRIPT, instance, rid, set, 0};
	struct lwm2m_script s;

	if (c->scripts->get(c->scripts_ctx, instance, &s) < 0) {
		content_words(words, "/26242/%u is gone", instance);
		return COAP_404_NOT_FOUND;
	}
	lwm2m_put_link(&r, MODEL_SCRIPT_SE, MODEL_OBJECT_SE, s.se);
	lwm2m_put_opaque(&r, MODEL_SCRIPT_AID, s.aid, s.aid_len);
	lwm2m_put_integer(&r, MODEL_SCRIPT_STATE, s.state);
	lwm2m_put_integer(&r, MODEL_SCRIPT_EXECUTED, s.executed);
	lwm2m_put_integer(&r, MODEL_SCRIPT_TOTAL, s.total);
	put_response(c, &r, &s);
	lwm2m_put_string(&r, MODEL_SCRIPT_RESULT, s.result);
	lwm2m_put_string(&r, MODEL_SCRIPT_DETAIL, s.detail);
	lwm2m_put_boolean(&r, MODEL_SCRIPT_KEEP_CHANNEL, s.keep_channel);
	lwm2m_put_integer(&r, MODEL_SCRIPT_DEADLINE, s.deadline_s);
	lwm2m_put_integer(&r, MODEL_SCRIPT_LAST_SW, s.last_sw);
	lwm2m_put_string(&r, MODEL_SCRIPT_JOB, s.job);
	lwm2m_put_integer(&r, MODEL_SCRIPT_OUTCOME, s.outcome);
	if (r.ret == COAP_413_TOO_LARGE)
		content_words(
			words,
			"the response script has %llu bytes; read it as octets (42), TLV, "
			"CBOR or SenML CBOR",
			(unsigned long long)s.response_len);
	return r.ret;
}

/* ---- the response script as a body ----------------------------------------- */

struct stream {
	struct lwm2m_client *c;
	uint16_t instance;
	struct lwm2m_script then; /* as it was when the transfer began */
	struct model_buf head;
};

static int stream_read(void *ctx, uint64_t offset, uint8_t *buf, size_t len)
{
	struct stream *st = ctx;
	const struct lwm2m_client *c = st->c;
	struct lwm2m_script s;
	size_t at = 0, n;
	ssize_t got;

	if (c->scripts->get(c->scripts_ctx, st->instance, &s) < 0 ||
	    strcmp(s.job, st->then.job) != 0 || s.response_len != st->then.response_len ||
	    s.state != st->then.state)
		return -ESTALE;
	if (offset < st->head.len) {
		n = st->head.len - (size_t)offset;
		at = n < len ? n : len;
		memcpy(buf, st->head.p + offset, at);
	}
	while (at < len && offset + at - st->head.len < s.response_len) {
		got = c->scripts->read(c->scripts_ctx, st->instance, offset + at - st->head.len,
				       buf + at, len - at);
		if (got < 0)
			return (int)got;
		if (got == 0)
			break;
		at += (size_t)got;
	}
	return (int)at;
}

static void stream_release(void *ctx)
{
	struct stream *st = ctx;

	model_buf_free(&st->head);
	free(st);
}

int lwm2m_script_stream(struct lwm2m_client *c, uint16_t instance, uint32_t format,
			struct coap_body *body, char *words)
{
	struct lwm2m_path path =
		lwm2m_path_at(3, MODEL_OBJECT_SCRIPT, instance, MODEL_SCRIPT_RESPONSE, 0);
	uint8_t header[LWM2M_TLV_HEADER_MAX];
	struct stream *st = calloc(1, sizeof(*st));
	size_t len;

	if (!st)
		return COAP_500_INTERNAL;
	st->c = c;
	st->instance = instance;
	st->head.max = 64;
	if (c->scripts->get(c->scripts_ctx, instance, &st->then) < 0) {
		free(st);
		content_words(words, "/26242/%u is gone", instance);
		return COAP_404_NOT_FOUND;
	}
	len = (size_t)st->then.response_len;
	if (format == COAP_FORMAT_LWM2M_TLV && len > 0xffffff) {
		free(st);
		content_words(words, "too long for TLV; read it as octets (42)");
		return COAP_406_NOT_ACCEPTABLE;
	}
	if (format == COAP_FORMAT_LWM2M_TLV)
		model_buf_put(&st->head, header,
			      lwm2m_tlv_header(header, LWM2M_TLV_RESOURCE,
					       MODEL_SCRIPT_RESPONSE, len));
	else if (format == COAP_FORMAT_SENML_CBOR)
		lwm2m_senml_opaque_head(&path, len, &st->head);
	else if (format == COAP_FORMAT_CBOR)
		lwm2m_cbor_opaque_head(len, &st->head);
	if (st->head.error < 0) {
		stream_release(st);
		return COAP_500_INTERNAL;
	}
	*body = (struct coap_body){
		.read = stream_read,
		.release = stream_release,
		.ctx = st,
		.total = st->head.len + st->then.response_len,
	};
	return 0;
}

/* ---- writing --------------------------------------------------------------- */

static bool se_exists(struct lwm2m_client *c, uint16_t id)
{
	return lwm2m_has_instance(c, &lwm2m_object_se, id);
}

static int chunk(struct lwm2m_client *c, uint16_t instance, uint64_t offset, const uint8_t *p,
		 size_t len, bool last, char *words)
{
	int ret = c->scripts->write(c->scripts_ctx, instance, offset, p, len, last, words);

	return ret < 0 ? lwm2m_errno_code(ret) : 0;
}

static int write(struct lwm2m_client *c, uint16_t instance, const struct lwm2m_value *v,
		 size_t n, bool replace, char *words)
{
	const struct lwm2m_value *command = NULL;
	struct lwm2m_script s;
	bool params = replace;
	int ret;

	if (c->scripts->get(c->scripts_ctx, instance, &s) < 0) {
		content_words(words, "/26242/%u is gone", instance);
		return COAP_404_NOT_FOUND;
	}
	if (replace) {
		s.se = 0;
		s.aid_len = 0;
		s.keep_channel = false;
		s.deadline_s = 0;
	}
	for (; n > 0; v++, n--) {
		params |= v->path.id[2] != MODEL_SCRIPT_COMMAND;
		switch (v->path.id[2]) {
		case MODEL_SCRIPT_COMMAND:
			command = v;
			break;
		case MODEL_SCRIPT_SE:
			if (v->object != MODEL_OBJECT_SE || !se_exists(c, v->instance)) {
				content_words(words,
					      "/26242/%u/0: there is no /%u/%u; Read /26241 "
					      "lists the "
					      "secure elements",
					      instance, v->object, v->instance);
				return COAP_400_BAD_REQUEST;
			}
			s.se = v->instance;
			break;
		case MODEL_SCRIPT_AID:
			if (v->len != 0 && (v->len < SE_AID_MIN || v->len > SE_AID_MAX)) {
				content_words(words,
					      "/26242/%u/1: an AID has 5 to 16 bytes, not %zu",
					      instance, v->len);
				return COAP_400_BAD_REQUEST;
			}
			s.aid_len = v->len;
			if (v->len > 0)
				memcpy(s.aid, v->p, v->len);
			break;
		case MODEL_SCRIPT_KEEP_CHANNEL:
			s.keep_channel = v->i != 0;
			break;
		case MODEL_SCRIPT_DEADLINE:
			s.deadline_s = (uint32_t)v->i;
			break;
		}
	}
	if (params) {
		ret = c->scripts->set(c->scripts_ctx, instance, &s, words);
		if (ret < 0)
			return lwm2m_errno_code(ret);
	}
	return command ? chunk(c, instance, 0, command->p, command->len, true, words) : 0;
}

static int execute(struct lwm2m_client *c, uint16_t instance, uint16_t rid,
		   const struct lwm2m_args *args, char *words)
{
	int ret;

	(void)args;
	ret = rid == MODEL_SCRIPT_RUN	   ? c->scripts->run(c->scripts_ctx, instance, words)
	      : rid == MODEL_SCRIPT_CANCEL ? c->scripts->cancel(c->scripts_ctx, instance, words)
					   : c->scripts->clear(c->scripts_ctx, instance, words);
	return ret < 0 ? lwm2m_errno_code(ret) : 0;
}

static int create(struct lwm2m_client *c, uint16_t instance, char *words)
{
	int ret = c->scripts->create(c->scripts_ctx, instance, words);

	return ret < 0 ? lwm2m_errno_code(ret) : 0;
}

static int remove_instance(struct lwm2m_client *c, uint16_t instance, char *words)
{
	int ret = c->scripts->destroy(c->scripts_ctx, instance, words);

	return ret < 0 ? lwm2m_errno_code(ret) : 0;
}

const struct lwm2m_object lwm2m_object_script = {
	.id = MODEL_OBJECT_SCRIPT,
	.own = true,
	.instances = instances,
	.read = read,
	.write = write,
	.execute = execute,
	.create = create,
	.remove = remove_instance,
	.stream = MODEL_SCRIPT_COMMAND,
	.chunk = chunk,
};
