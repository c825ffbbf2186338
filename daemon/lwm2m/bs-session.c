// SPDX-License-Identifier: Apache-2.0
/*
 * The session with the bootstrap server as CoAP has it (LwM2M transport 1.1, 6.4.1):
 *
 *	GET /bspack?ep=&…	-> 2.05, the pack		(1.2)
 *	POST /bs?ep=&pct=	-> 2.04, then the server asks:
 *	GET / PUT / DELETE	its operations
 *	POST /bs		Bootstrap-Finish: 2.04 or 4.06
 *
 * Nothing for EXCHANGE_LIFETIME ends a session, and then it was none.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "lwm2m/bs-priv.h"
#include "lwm2m/formats.h"

#define EXCHANGE_LIFETIME_MS 247000U /* RFC 7252, 4.8.2 */
#define LINGER_MS 93000U	     /* MAX_TRANSMIT_WAIT: so long a Finish may be repeated */
#define PREFERRED COAP_FORMAT_SENML_CBOR

static int answer(struct lwm2m_bootstrap *b, const struct coap_request *req, int code,
		  const char *words)
{
	struct coap_response rsp = COAP_RESPONSE_INIT((uint8_t)code);

	if (COAP_CODE_CLASS(code) >= 4 && *words) {
		rsp.diagnostic = words;
		bs_log(b, LOG_NOTICE, "bootstrap: answered %u.%02u: %s",
		       (unsigned int)COAP_CODE_CLASS(code),
		       (unsigned int)COAP_CODE_DETAIL(code), words);
	}
	return coap_respond(b->ep, req->now, req->xid, &rsp);
}

static int answer_body(struct lwm2m_bootstrap *b, const struct coap_request *req,
		       uint32_t format, int code, struct model_buf *buf, const char *words)
{
	struct coap_response rsp = COAP_RESPONSE_INIT(COAP_205_CONTENT);

	if (code != 0) {
		code = answer(b, req, code, words);
	} else {
		rsp.content_format = format;
		rsp.payload = buf->p;
		rsp.len = buf->len;
		code = coap_respond(b->ep, req->now, req->xid, &rsp);
	}
	model_buf_free(buf);
	return code;
}

/* ---- requests ---------------------------------------------------------------- */

/* "/bs" is true; a path of numbers goes into @path. 0 or -EINVAL. */
static int get_path(const struct coap_request *req, struct lwm2m_path *path, bool *bs)
{
	const struct coap_opt *o;
	unsigned int pos = 0, segments = 0;
	struct lwm2m_path one;

	memset(path, 0, sizeof(*path));
	*bs = false;
	while ((o = coap_opt_next(req->msg, COAP_OPT_URI_PATH, &pos))) {
		if (o->len == 0) /* a path that ends with a slash */
			continue;
		if (*bs || path->depth == 4)
			return -EINVAL;
		if (segments++ == 0 && coap_opt_eq(o, "bs")) {
			*bs = true;
			continue;
		}
		if (o->val[0] == '/' ||
		    lwm2m_path_parse((const char *)o->val, o->len, &one) < 0 || one.depth != 1)
			return -EINVAL;
		path->id[path->depth++] = one.id[0];
	}
	return 0;
}

/* Bodies in blocks. Return: 1 if it is whole in b->body, 0 if more is to come, or a code. */
static int collect(struct lwm2m_bootstrap *b, const struct coap_request *req, char *words)
{
	if (req->offset == 0) {
		model_buf_free(&b->body);
		b->body = (struct model_buf){.max = LWM2M_BODY_MAX};
		b->transfer = req->transfer;
	}
	if (req->transfer != b->transfer || b->body.len != req->offset) {
		content_words(words, "a block is missing; begin again");
		return COAP_408_INCOMPLETE;
	}
	model_buf_put(&b->body, req->data, req->len);
	if (b->body.error < 0) {
		model_buf_free(&b->body);
		content_words(words, "more than %u bytes", LWM2M_BODY_MAX);
		return COAP_413_TOO_LARGE;
	}
	return !req->more;
}

static void finish(struct lwm2m_bootstrap *b, const struct coap_request *req)
{
	char words[CONTENT_WORDS_MAX];
	int r = bs_finish(b, words);

	if (r < 0) {
		/* the server may mend it and finish again (core 1.1, 6.1.6) */
		answer(b, req, r == -EINVAL ? COAP_406_NOT_ACCEPTABLE : COAP_500_INTERNAL,
		       words);
		return;
	}
	answer(b, req, COAP_204_CHANGED, "");
	b->linger = b->now + LINGER_MS;
	bs_succeeded(b);
}

static int route(struct lwm2m_bootstrap *b, const struct coap_request *req,
		 const struct lwm2m_path *path, const uint8_t *p, size_t len)
{
	struct model_buf buf = {.max = LWM2M_BODY_MAX};
	char words[CONTENT_WORDS_MAX] = "";
	uint32_t format;
	int code;

	switch (req->method) {
	case COAP_GET:
		if (req->accept == COAP_FORMAT_LINK) {
			code = bs_discover(b, path, &buf, words);
			return answer_body(b, req, COAP_FORMAT_LINK, code, &buf, words);
		}
		format = req->accept != COAP_NO_FORMAT ? req->accept
			 : b->version == 10	       ? COAP_FORMAT_LWM2M_TLV
						       : PREFERRED;
		code = bs_read(b, path, format, &buf, words);
		return answer_body(b, req, format, code, &buf, words);
	case COAP_PUT:
		code = bs_write(b, path, req->content_format, p, len, words);
		return answer(b, req, code == 0 ? COAP_204_CHANGED : code, words);
	case COAP_DELETE:
		code = bs_delete(b, path, words);
		return answer(b, req, code == 0 ? COAP_202_DELETED : code, words);
	default:
		return answer(b, req, COAP_405_METHOD_NOT_ALLOWED,
			      "not an operation of a bootstrap server");
	}
}

int lwm2m_bootstrap_take(struct lwm2m_bootstrap *b, const struct coap_request *req)
{
	char words[CONTENT_WORDS_MAX] = "";
	const uint8_t *p = req->data;
	size_t len = req->len;
	struct lwm2m_path path;
	bool bs;
	int r;

	b->now = req->now;
	/* the first request may overtake the answer to ours */
	if (b->at != LWM2M_BS_SESSION && b->at != LWM2M_BS_REQUESTING)
		return answer(b, req, COAP_401_UNAUTHORIZED, "no bootstrap is under way");
	if (b->asking_pack)
		return answer(b, req, COAP_401_UNAUTHORIZED, "a pack was asked for");
	b->at = LWM2M_BS_SESSION;
	b->next = b->now + EXCHANGE_LIFETIME_MS;
	if (get_path(req, &path, &bs) < 0)
		return answer(b, req, COAP_400_BAD_REQUEST, "not a path of an LwM2M client");
	if (req->transfer != 0) {
		r = collect(b, req, words);
		if (r != 1)
			return r == 0 ? 0 : answer(b, req, r, words);
		p = b->body.p;
		len = b->body.len;
	}
	if (!bs)
		r = route(b, req, &path, p ? p : (const uint8_t *)"", len);
	else if (req->method == COAP_POST)
		r = (finish(b, req), 0);
	else
		r = answer(b, req, COAP_405_METHOD_NOT_ALLOWED, "Bootstrap-Finish is a POST");
	model_buf_free(&b->body);
	return r;
}

void lwm2m_bootstrap_lost(struct lwm2m_bootstrap *b, uint32_t transfer)
{
	if (transfer == b->transfer)
		model_buf_free(&b->body);
}

/* ---- our request ------------------------------------------------------------- */

static void send_request(struct lwm2m_bootstrap *b)
{
	struct coap_opts opts = {0};
	struct coap_call call = {.method = b->asking_pack ? COAP_GET : COAP_POST,
				 .opts = &opts};
	char query[300];
	int r;

	r = coap_opts_add_str(&opts, COAP_OPT_URI_PATH, b->asking_pack ? "bspack" : "bs");
	if (r == 0 && b->endpoint) {
		snprintf(query, sizeof(query), "ep=%s", b->endpoint);
		r = coap_opts_add_str(&opts, COAP_OPT_URI_QUERY, query);
	}
	if (r == 0 && !b->asking_pack && !b->asked_plain && b->version >= 11) {
		snprintf(query, sizeof(query), "pct=%d", PREFERRED);
		r = coap_opts_add_str(&opts, COAP_OPT_URI_QUERY, query);
	}
	if (r == 0 && b->asking_pack)
		r = coap_opts_add_uint(&opts, COAP_OPT_ACCEPT, PREFERRED);
	b->at = LWM2M_BS_REQUESTING;
	b->next = LWM2M_NEVER; /* the call has its own end */
	if (r == 0)
		r = coap_call(b->ep, b->now, &call, &b->call);
	b->calling = r == 0;
	if (r < 0) {
		content_words(b->error, "bootstrap: the request cannot be made: %s",
			      strerror(-r));
		bs_failed(b);
	}
}

/* Not with a pack, then: as the standard wants it after any failure of one. */
static void without_pack(struct lwm2m_bootstrap *b, const char *why)
{
	bs_log(b, LOG_NOTICE, "bootstrap: no pack (%s), asking for a session", why);
	b->asking_pack = false;
	lwm2m_data_free(b->copy);
	b->copy = NULL;
	bs_list_clear(&b->touched);
	if (bs_copy(b) < 0) {
		content_words(b->error, "bootstrap: out of memory");
		bs_failed(b);
		return;
	}
	send_request(b);
}

static void pack_done(struct lwm2m_bootstrap *b, const struct coap_result *res)
{
	char words[CONTENT_WORDS_MAX] = "", name[8];
	uint32_t format = res->content_format;

	if (res->error < 0) {
		content_words(b->error, "bootstrap: %s",
			      res->error == -ETIMEDOUT ? "the server does not answer"
						       : strerror(-res->error));
		bs_failed(b);
		return;
	}
	if (res->code != COAP_205_CONTENT) {
		without_pack(b, coap_code_name(res->code, name));
		return;
	}
	if (res->offset == 0) {
		model_buf_free(&b->body);
		b->body = (struct model_buf){.max = LWM2M_BODY_MAX};
	}
	if (res->len > 0)
		model_buf_put(&b->body, res->data, res->len);
	if (res->more && b->body.error == 0)
		return;
	if (b->body.error < 0) {
		content_words(words, "it has more than %u bytes", LWM2M_BODY_MAX);
		if (res->more)
			coap_call_cancel(b->ep, b->call);
	} else if (bs_pack(b, format == COAP_NO_FORMAT ? PREFERRED : format,
			   b->body.p ? b->body.p : (const uint8_t *)"", b->body.len,
			   words) == 0 &&
		   bs_finish(b, words) == 0) {
		model_buf_free(&b->body);
		bs_succeeded(b);
		return;
	}
	model_buf_free(&b->body);
	without_pack(b, words);
}

void lwm2m_bootstrap_answer(struct lwm2m_bootstrap *b, const struct coap_result *res)
{
	char name[8];

	if (!b->calling || res->call != b->call)
		return;
	if (res->now > b->now)
		b->now = res->now;
	if (!res->more || res->error < 0)
		b->calling = false;
	if (res->error == -ECANCELED)
		return;
	if (b->asking_pack) {
		pack_done(b, res);
		return;
	}
	/* the session may have begun already */
	if (res->more || (b->at != LWM2M_BS_REQUESTING && res->error < 0))
		return;
	if (res->error == 0 && COAP_CODE_CLASS(res->code) == 2) {
		if (b->at == LWM2M_BS_REQUESTING) {
			b->at = LWM2M_BS_SESSION;
			b->next = b->now + EXCHANGE_LIFETIME_MS;
		}
		return;
	}
	if (b->at != LWM2M_BS_REQUESTING)
		return;
	if (res->error == 0 && COAP_CODE_CLASS(res->code) == 4 && !b->asked_plain &&
	    b->version >= 11) {
		/* servers of 1.0 do not know pct */
		b->asked_plain = true;
		send_request(b);
		return;
	}
	if (res->error < 0)
		content_words(b->error, "bootstrap: %s",
			      res->error == -ETIMEDOUT ? "the server does not answer"
						       : strerror(-res->error));
	else
		content_words(b->error, "bootstrap: the server answered %s",
			      coap_code_name(res->code, name));
	bs_failed(b);
}

/* ---- life -------------------------------------------------------------------- */

static int on_request(void *ctx, const struct coap_request *req)
{
	return lwm2m_bootstrap_take(ctx, req);
}

static void on_lost(void *ctx, uint32_t transfer)
{
	lwm2m_bootstrap_lost(ctx, transfer);
}

static void on_result(void *ctx, const struct coap_result *res)
{
	lwm2m_bootstrap_answer(ctx, res);
}

static void on_send(void *ctx, const uint8_t *data, size_t len)
{
	struct lwm2m_bootstrap *b = ctx;

	b->ops.coap.send(b->ctx, data, len);
}

static void on_random(void *ctx, void *buf, size_t len)
{
	struct lwm2m_bootstrap *b = ctx;

	b->ops.coap.random(b->ctx, buf, len);
}

int bs_session_new(struct lwm2m_bootstrap *b)
{
	static const struct coap_config config = {
		.max_upload = LWM2M_BODY_MAX,
		.max_uploads = 1,
		.max_observations = 1,
		.max_dedup = 256,
	};
	int r;

	b->coap = (struct coap_ops){
		.send = on_send,
		.random = on_random,
		.request = on_request,
		.transfer_lost = on_lost,
		.result = on_result,
	};
	r = coap_endpoint_new(&b->own, &b->coap, b, &config);
	b->ep = b->own;
	return r;
}

void bs_session_begin(struct lwm2m_bootstrap *b)
{
	int r;

	if (b->ep == b->own)
		coap_endpoint_reset(b->ep, b->now, false);
	bs_list_clear(&b->touched);
	lwm2m_data_free(b->copy);
	b->copy = NULL;
	b->asked_plain = false;
	b->asking_pack = b->pack && b->version >= 12;
	r = bs_copy(b);
	if (r < 0) {
		content_words(b->error, "bootstrap: %s", strerror(-r));
		bs_failed(b);
		return;
	}
	send_request(b);
}

void bs_session_end(struct lwm2m_bootstrap *b)
{
	if (b->calling) {
		b->calling = false;
		coap_call_cancel(b->ep, b->call);
	}
	model_buf_free(&b->body);
	bs_list_clear(&b->touched);
	lwm2m_data_free(b->copy);
	b->copy = NULL;
}

void lwm2m_bootstrap_attach(struct lwm2m_bootstrap *b, struct coap_endpoint *ep)
{
	if (!ep)
		b->calling = false; /* it went with the endpoint */
	b->ep = ep ? ep : b->own;
}
