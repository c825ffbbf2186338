// SPDX-License-Identifier: Apache-2.0
/*
 * Block-wise transfers: RFC 7959, RFC 8323 section 6. Block options, and Block1 of
 * the peer: blocks go to the handler as they come and are not collected; what is kept
 * is which offset comes next. Bodies of ours are in coap_body.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "coap/coap_priv.h"

bool coap_blk_get(const struct coap_endpoint *ep, const struct coap_msg *m, uint16_t num,
		  struct coap_blk *b)
{
	uint32_t v;

	memset(b, 0, sizeof(*b));
	if (!coap_opt_uint(m, num, &v))
		return true;
	b->present = true;
	b->num = v >> 4;
	b->more = v >> 3 & 1;
	b->szx = v & 7;
	/* reserved on datagrams (2.2) */
	return b->szx < COAP_SZX_BERT || ep->cfg.stream;
}

/* options and header of a message that carries several blocks */
#define BERT_OVERHEAD (COAP_MESSAGE_MAX - COAP_CHUNK_MAX)

size_t coap_blk_size(const struct coap_endpoint *ep, uint8_t szx)
{
	size_t n;

	if (szx < COAP_SZX_BERT)
		return (size_t)16 << szx;
	n = ep->room < BERT_OVERHEAD ? 0 : (ep->room - BERT_OVERHEAD) / COAP_BLOCK;
	n = n > COAP_CHUNK_MAX / COAP_BLOCK ? COAP_CHUNK_MAX / COAP_BLOCK : n;
	return (n ? n : 1) * COAP_BLOCK;
}

bool coap_blk_full(uint8_t szx, size_t len)
{
	if (szx < COAP_SZX_BERT)
		return len == (size_t)16 << szx;
	return len && len % COAP_BLOCK == 0;
}

int coap_blk_add(struct coap_opts *opts, uint16_t num, const struct coap_blk *b)
{
	if (b->num > 0xfffff)
		return -EMSGSIZE;
	return coap_opts_add_uint(opts, num, b->num << 4 | (uint32_t)b->more << 3 | b->szx);
}

uint64_t coap_request_key(const struct coap_msg *m)
{
	static const uint16_t nums[] = {COAP_OPT_URI_PATH, COAP_OPT_URI_QUERY, COAP_OPT_ACCEPT};
	uint64_t h = coap_digest(COAP_DIGEST_START, &m->code, 1);

	for (size_t i = 0; i < sizeof(nums) / sizeof(nums[0]); i++) {
		const struct coap_opt *o;
		unsigned int pos = 0;

		while ((o = coap_opt_next(m, nums[i], &pos))) {
			h = coap_digest(h, &o->num, sizeof(o->num));
			h = coap_digest(h, &o->len, sizeof(o->len));
			h = coap_digest(h, o->val, o->len);
		}
	}
	return h;
}

/* ---- Block1: bodies that come to us ------------------------------------------- */

static void upload_free(struct coap_endpoint *ep, struct coap_upload *u, bool tell)
{
	uint32_t id = u->id;

	TAILQ_REMOVE(&ep->uploads, u, link);
	ep->n_uploads--;
	free(u);
	if (tell && ep->ops->transfer_lost)
		ep->ops->transfer_lost(ep->ctx, id);
}

static struct coap_upload *upload_find(struct coap_endpoint *ep, uint64_t key)
{
	struct coap_upload *u;

	TAILQ_FOREACH(u, &ep->uploads, link)
	if (u->key == key)
		return u;
	return NULL;
}

void coap_upload_drop(struct coap_endpoint *ep, uint32_t id, bool tell)
{
	struct coap_upload *u;

	TAILQ_FOREACH(u, &ep->uploads, link)
	{
		if (u->id == id) {
			upload_free(ep, u, tell);
			return;
		}
	}
}

static struct coap_upload *upload_new(struct coap_endpoint *ep, uint64_t key)
{
	struct coap_upload *u;

	while (ep->n_uploads >= ep->cfg.max_uploads)
		upload_free(ep, TAILQ_FIRST(&ep->uploads), true);
	u = calloc(1, sizeof(*u));
	if (!u)
		return NULL;
	u->id = coap_new_id(ep);
	u->key = key;
	TAILQ_INSERT_TAIL(&ep->uploads, u, link);
	ep->n_uploads++;
	return u;
}

static void refuse_size(struct coap_endpoint *ep, struct coap_exchange *x)
{
	struct coap_response rsp = COAP_RESPONSE_INIT(COAP_413_TOO_LARGE);
	struct coap_opts opts = {0};
	uint64_t max = ep->cfg.max_upload;

	rsp.diagnostic = "body is larger than Size1 of this answer";
	if (!coap_opts_add_uint(&opts, COAP_OPT_SIZE1,
				max > UINT32_MAX ? UINT32_MAX : (uint32_t)max))
		rsp.opts = &opts;
	ep->st.refused++;
	coap_exchange_reply(ep, x, &rsp);
}

void coap_block1_input(struct coap_endpoint *ep, struct coap_exchange *x,
		       const struct coap_msg *m)
{
	const struct coap_blk *b = &x->block1;
	uint64_t offset = coap_blk_offset(b);
	struct coap_upload *u = upload_find(ep, x->key);
	uint64_t total = COAP_SIZE_UNKNOWN;
	bool restart = false;
	uint32_t size1;

	if (m->code == COAP_GET || m->code == COAP_DELETE)
		return coap_exchange_refuse(ep, x, COAP_402_BAD_OPTION,
					    "Block1 in a request without a body");
	if (b->more ? !coap_blk_full(b->szx, m->payload_len)
		    : b->szx < COAP_SZX_BERT && m->payload_len > (size_t)16 << b->szx)
		return coap_exchange_refuse(ep, x, COAP_400_BAD_REQUEST,
					    "payload is not as long as its Block1 option says");
	if (coap_opt_uint(m, COAP_OPT_SIZE1, &size1))
		total = size1;

	if (ep->cfg.max_upload &&
	    (offset + m->payload_len > ep->cfg.max_upload ||
	     (!offset && total != COAP_SIZE_UNKNOWN && total > ep->cfg.max_upload))) {
		if (u)
			upload_free(ep, u, true);
		return refuse_size(ep, x);
	}

	if (offset == 0) {
		if (u) {
			restart = true;
		} else if (b->more) {
			u = upload_new(ep, x->key);
			if (!u)
				return coap_exchange_refuse(ep, x, COAP_503_UNAVAILABLE,
							    "out of memory");
		}
		if (u) {
			u->next = 0;
			u->size = total;
		}
	} else if (!u && ep->cfg.resume_uploads) {
		u = upload_new(ep, x->key);
		if (!u)
			return coap_exchange_refuse(ep, x, COAP_503_UNAVAILABLE,
						    "out of memory");
		u->next = offset;
		u->size = total;
		restart = true;
	} else if (!u) {
		/* 2.9.2: the blocks before this one are not known here */
		return coap_exchange_refuse(
			ep, x, COAP_408_INCOMPLETE,
			"no such transfer (restarted or timed out): begin at block 0");
	} else if (offset + m->payload_len <= u->next && b->more) {
		/* this block is known; its answer was lost and it came under a new ID */
		struct coap_response rsp = COAP_RESPONSE_INIT(COAP_231_CONTINUE);

		ep->st.rx_duplicate++;
		coap_exchange_reply(ep, x, &rsp);
		return;
	} else if (offset != u->next) {
		return coap_exchange_refuse(
			ep, x, COAP_408_INCOMPLETE,
			"a block is missing before this one: begin at block 0");
	}

	if (u) {
		x->transfer = u->id;
		total = u->size;
		u->next = offset + m->payload_len;
		u->expires = ep->now + ep->cfg.exchange_lifetime_ms;
		TAILQ_REMOVE(&ep->uploads, u, link);
		TAILQ_INSERT_TAIL(&ep->uploads, u, link);
		/* complete: what comes next for this target is another body */
		if (!b->more)
			upload_free(ep, u, false);
	}
	coap_deliver(ep, x, m, offset, b->more, restart, total);
}

/* ---- time ---------------------------------------------------------------------------- */

void coap_block_tick(struct coap_endpoint *ep)
{
	struct coap_upload *u;
	struct coap_download *d;

restart:
	TAILQ_FOREACH(u, &ep->uploads, link)
	{
		if (u->expires <= ep->now) {
			upload_free(ep, u, true);
			goto restart;
		}
	}
again:
	TAILQ_FOREACH(d, &ep->downloads, link)
	{
		if (d->expires <= ep->now) {
			coap_download_free(ep, d);
			goto again;
		}
	}
}

uint64_t coap_block_deadline(const struct coap_endpoint *ep)
{
	const struct coap_upload *u;
	const struct coap_download *d;
	uint64_t t = COAP_NEVER;

	TAILQ_FOREACH(u, &ep->uploads, link)
	if (u->expires < t)
		t = u->expires;
	TAILQ_FOREACH(d, &ep->downloads, link)
	if (d->expires < t)
		t = d->expires;
	return t;
}

void coap_block_clear(struct coap_endpoint *ep)
{
	while (!TAILQ_EMPTY(&ep->uploads))
		upload_free(ep, TAILQ_FIRST(&ep->uploads), true);
	while (!TAILQ_EMPTY(&ep->downloads))
		coap_download_free(ep, TAILQ_FIRST(&ep->downloads));
}
