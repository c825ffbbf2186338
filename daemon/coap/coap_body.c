// SPDX-License-Identifier: Apache-2.0
/*
 * Bodies that we send: RFC 7959 section 2.4. The body of a response that is
 * longer than one block is kept (or its reader is) and serves the later blocks, so
 * that all of them are of one representation. With it, what says which one that is:
 * ETag (RFC 7252 5.10.6) and sizes (RFC 7959 section 4).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "coap/coap_priv.h"

/* a body whose last block was sent is kept a little: that block may be asked for again */
#define SERVED_LINGER_MS 10000

void coap_body_release(const struct coap_body *body)
{
	if (body && body->release)
		body->release(body->ctx);
}

struct copy {
	size_t len;
	uint8_t data[];
};

static int copy_read(void *ctx, uint64_t offset, uint8_t *buf, size_t len)
{
	const struct copy *c = ctx;

	if (offset >= c->len)
		return 0;
	if (len > c->len - offset)
		len = c->len - (size_t)offset;
	memcpy(buf, c->data + offset, len);
	return (int)len;
}

/* A copy may hold a protected script or its answer: it does not stay in the heap. */
static void copy_release(void *ctx)
{
	struct copy *c = ctx;

	explicit_bzero(c->data, c->len);
	free(c);
}

int coap_body_copy(struct coap_body *body, const void *data, size_t len)
{
	struct copy *c = malloc(sizeof(*c) + len);

	if (!c)
		return -ENOMEM;
	c->len = len;
	if (len)
		memcpy(c->data, data, len);
	*body = (struct coap_body){copy_read, copy_release, c, len};
	return 0;
}

void coap_download_free(struct coap_endpoint *ep, struct coap_download *d)
{
	TAILQ_REMOVE(&ep->downloads, d, link);
	ep->n_downloads--;
	coap_body_release(&d->body);
	free(d);
}

static struct coap_download *download_find(struct coap_endpoint *ep, uint64_t key,
					   uint64_t body_digest)
{
	struct coap_download *d;

	TAILQ_FOREACH(d, &ep->downloads, link)
	if (d->key == key && (!body_digest || !d->body_digest || d->body_digest == body_digest))
		return d;
	return NULL;
}

bool coap_block2_input(struct coap_endpoint *ep, struct coap_exchange *x,
		       const struct coap_msg *m)
{
	struct coap_download *d = download_find(ep, x->key, x->body_digest);

	if (d) {
		uint8_t buf[COAP_MESSAGE_MAX];
		struct coap_shape shape;
		int r;

		coap_exchange_shape(ep, x, &shape);
		r = coap_build_response(ep, NULL, &shape, d, buf);
		if (r > 0) {
			coap_exchange_finish(ep, x, buf, (size_t)r);
			return true;
		}
		if (r == -ERANGE) {
			coap_exchange_refuse(ep, x, COAP_402_BAD_OPTION,
					     "Block2 number is beyond the end of the body");
			return true;
		}
		coap_download_free(ep, d);
		if (r != -ESTALE) {
			coap_exchange_refuse(ep, x, COAP_500_INTERNAL,
					     "the body could not be read");
			return true;
		}
	}
	if (m->code == COAP_GET || (m->code == COAP_FETCH && m->payload_len))
		return false;
	coap_exchange_refuse(ep, x, COAP_408_INCOMPLETE,
			     "this answer is not kept any more: ask anew");
	return true;
}

/* How much of a body lies where: one block, and whether there is more behind it. */
struct slice {
	uint8_t buf[COAP_CHUNK_MAX + 1];
	const uint8_t *data;
	size_t len;
	bool more;
};

static int slice_get(struct slice *s, const struct coap_response *rsp,
		     const struct coap_body *body, uint64_t offset, size_t size)
{
	s->more = false;
	if (body) {
		int n = body->read(body->ctx, offset, s->buf, size + 1);

		if (n < 0)
			return n;
		s->data = s->buf;
		s->len = (size_t)n;
	} else {
		s->data = rsp->payload;
		s->len = 0;
		if (offset < rsp->len) {
			s->data = (const uint8_t *)rsp->payload + offset;
			s->len = rsp->len - (size_t)offset;
		}
	}
	if (s->len > size) {
		s->more = true;
		s->len = size;
	}
	if (!s->len && offset)
		return -ERANGE;
	return 0;
}

/* Options that go with a code and its payload; not those of blocks. */
static int base_options(struct coap_opts *opts, const struct coap_response *rsp,
			const struct coap_shape *shape)
{
	int r = 0;

	if (rsp->opts)
		*opts = *rsp->opts;
	else
		memset(opts, 0, sizeof(*opts));
	if (rsp->etag_len)
		r = coap_opts_add(opts, COAP_OPT_ETAG, rsp->etag, rsp->etag_len);
	if (!r && shape->observe)
		r = coap_opts_add_uint(opts, COAP_OPT_OBSERVE, shape->seq);
	if (!r && rsp->content_format != COAP_NO_FORMAT && !rsp->diagnostic &&
	    rsp->code != COAP_203_VALID)
		r = coap_opts_add_uint(opts, COAP_OPT_CONTENT_FORMAT, rsp->content_format);
	if (!r && rsp->max_age != COAP_NO_FORMAT)
		r = coap_opts_add_uint(opts, COAP_OPT_MAX_AGE, rsp->max_age);
	if (!r && shape->block1.present)
		r = coap_blk_add(opts, COAP_OPT_BLOCK1, &shape->block1);
	return r;
}

static int keep(struct coap_endpoint *ep, const struct coap_response *rsp,
		const struct coap_shape *shape, const uint8_t *etag, size_t etag_len)
{
	struct coap_download *d = download_find(ep, shape->key, shape->body_digest);

	if (d)
		coap_download_free(ep, d);
	while (ep->n_downloads >= ep->cfg.max_downloads)
		coap_download_free(ep, TAILQ_FIRST(&ep->downloads));
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	if (rsp->body) {
		d->body = *rsp->body;
	} else {
		int r = rsp->len > ep->cfg.max_copy
				? -EMSGSIZE
				: coap_body_copy(&d->body, rsp->payload, rsp->len);

		if (r) {
			free(d);
			return r;
		}
	}
	d->key = shape->key;
	d->body_digest = shape->body_digest;
	d->code = rsp->code;
	d->content_format = rsp->content_format;
	d->max_age = rsp->max_age;
	if (etag_len)
		memcpy(d->etag, etag, etag_len);
	d->etag_len = etag_len;
	d->expires = ep->now + ep->cfg.exchange_lifetime_ms;
	TAILQ_INSERT_TAIL(&ep->downloads, d, link);
	ep->n_downloads++;
	return 0;
}

/* An ETag of our own: the digest of bytes that we have, else a number never used before. */
static void make_etag(struct coap_endpoint *ep, const struct coap_response *rsp,
		      uint8_t etag[8])
{
	if (rsp->body) {
		ep->ops->random(ep->ctx, etag, 8);
	} else {
		uint64_t h = coap_digest(COAP_DIGEST_START, rsp->payload, rsp->len);

		/* the same value in another format is another representation */
		h = coap_digest(h, &rsp->content_format, sizeof(rsp->content_format));
		memcpy(etag, &h, 8);
	}
}

static bool asks(const struct coap_shape *shape)
{
	return shape->etags && shape->etags->n;
}

/* Whether the peer has this representation already (RFC 7252 5.10.6.2). */
static bool valid(const struct coap_response *rsp, const struct coap_shape *shape)
{
	if (rsp->code != COAP_205_CONTENT || !rsp->etag_len || !asks(shape))
		return false;
	for (unsigned int i = 0; i < shape->etags->n; i++)
		if (shape->etags->len[i] == rsp->etag_len &&
		    !memcmp(shape->etags->val[i], rsp->etag, rsp->etag_len))
			return true;
	return false;
}

static int build(struct coap_endpoint *ep, const struct coap_response *rsp,
		 const struct coap_shape *shape, struct coap_download *from,
		 uint8_t buf[COAP_MESSAGE_MAX], bool *kept)
{
	const struct coap_body *body = from ? &from->body : rsp->body;
	uint64_t total = body ? body->total : rsp->len;
	struct coap_msg m = {.type = shape->type, .code = rsp->code, .mid = shape->mid};
	struct coap_blk b = shape->block2;
	uint64_t offset = coap_blk_offset(&b);
	struct coap_opts opts;
	struct slice s;
	uint8_t etag[8];
	bool own_etag = false;
	int r, n;

	m.token_len = shape->token_len;
	memcpy(m.token, shape->token, shape->token_len);

	if (rsp->diagnostic || (!body && !rsp->len)) {
		r = base_options(&opts, rsp, shape);
		if (r)
			return -EMSGSIZE;
		if (rsp->diagnostic) {
			m.payload = (const uint8_t *)rsp->diagnostic;
			m.payload_len = strnlen(rsp->diagnostic, 512);
		}
		return coap_pack(ep, shape->sec, &m, &opts, buf, ep->room);
	}

	if (!b.present || b.szx > ep->szx)
		b.szx = ep->szx;
	for (;;) {
		struct coap_response with = *rsp;
		bool blockwise;

		b.num = (uint32_t)(offset >> coap_blk_shift(b.szx));
		r = slice_get(&s, rsp, body, offset, coap_blk_size(ep, b.szx));
		if (r)
			goto out;
		b.more = s.more;
		blockwise = shape->block2.present || s.more;
		if ((blockwise || asks(shape)) && !rsp->etag_len &&
		    COAP_CODE_CLASS(rsp->code) == 2) {
			if (!own_etag)
				make_etag(ep, rsp, etag);
			own_etag = true;
			with.etag = etag;
			with.etag_len = sizeof(etag);
		}
		if (!from && !offset && valid(&with, shape)) {
			with.code = m.code = COAP_203_VALID;
			r = base_options(&opts, &with, shape);
			if (!r)
				r = coap_pack(ep, shape->sec, &m, &opts, buf, ep->room);
			goto out;
		}
		r = base_options(&opts, &with, shape);
		if (!r && blockwise)
			r = coap_blk_add(&opts, COAP_OPT_BLOCK2, &b);
		if (!r && (blockwise || shape->size2) && !offset && total <= UINT32_MAX)
			r = coap_opts_add_uint(&opts, COAP_OPT_SIZE2, (uint32_t)total);
		if (r) {
			r = -EMSGSIZE;
			goto out;
		}
		m.payload = s.data;
		m.payload_len = s.len;
		n = coap_pack(ep, shape->sec, &m, &opts, buf, ep->room);
		if (from)
			*kept = s.more;
		if (n > 0 && s.more && !from) {
			r = keep(ep, rsp, shape, with.etag, with.etag_len);
			if (r)
				goto out;
			*kept = true;
		}
		if (n != -EMSGSIZE || !b.szx) {
			r = n;
			goto out;
		}
		b.szx--; /* large options: smaller blocks */
	}
out:
	explicit_bzero(s.buf, sizeof(s.buf));
	return r;
}

int coap_build_response(struct coap_endpoint *ep, const struct coap_response *rsp,
			const struct coap_shape *shape, struct coap_download *from,
			uint8_t buf[COAP_MESSAGE_MAX])
{
	struct coap_response kept_rsp;
	bool kept = false;
	int r;

	if (from) {
		kept_rsp = (struct coap_response){
			.code = from->code,
			.content_format = from->content_format,
			.max_age = from->max_age,
			.etag = from->etag,
			.etag_len = from->etag_len,
		};
		r = build(ep, &kept_rsp, shape, from, buf, &kept);
		if (r > 0) {
			/* kept: there is more of it */
			from->expires = ep->now + (kept ? ep->cfg.exchange_lifetime_ms
							: SERVED_LINGER_MS);
			TAILQ_REMOVE(&ep->downloads, from, link);
			TAILQ_INSERT_TAIL(&ep->downloads, from, link);
		}
		return r;
	}
	r = build(ep, rsp, shape, NULL, buf, &kept);
	if (!kept)
		coap_body_release(rsp->body);
	return r;
}
