// SPDX-License-Identifier: Apache-2.0
/*
 * Where OSCORE meets the endpoint: messages are protected when they are built, so
 * that what is repeated, kept or recorded is the very same protected message, and
 * opened after the look for duplicates, which are known by their outside.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "coap/coap_priv.h"

void coap_endpoint_set_oscore(struct coap_endpoint *ep, struct oscore *o)
{
	ep->oscore = o;
}

static int frame(const struct coap_endpoint *ep, uint8_t *buf, size_t room,
		 const struct coap_msg *m, const struct coap_opts *opts)
{
	return ep->cfg.stream ? coap_encode_stream(buf, room, m, opts)
			      : coap_encode(buf, room, m, opts);
}

int coap_pack(struct coap_endpoint *ep, struct oscore_binding *b, const struct coap_msg *m,
	      const struct coap_opts *opts, uint8_t *buf, size_t room)
{
	bool request = COAP_CODE_CLASS(m->code) == 0;
	uint8_t plain[COAP_MESSAGE_MAX];
	struct coap_opts outer_opts;
	struct coap_msg outer;
	int r;

	if (!ep->oscore || !b || (!request && !b->used))
		return frame(ep, buf, room, m, opts);
	/* what turns out too long afterwards would have spent a nonce */
	r = room < OSCORE_OVERHEAD ? -EMSGSIZE
				   : frame(ep, buf, room - OSCORE_OVERHEAD, m, opts);
	if (r > 0 && request)
		r = oscore_protect_request(ep->oscore, m, opts, &outer, &outer_opts, plain,
					   sizeof(plain), b);
	else if (r > 0)
		r = oscore_protect_response(ep->oscore, m, opts, false, &outer, &outer_opts,
					    plain, sizeof(plain), b);
	if (r >= 0)
		r = frame(ep, buf, room, &outer, &outer_opts);
	if (r < 0)
		explicit_bzero(buf, room);
	explicit_bzero(plain, sizeof(plain));
	return r;
}

int coap_unpack_request(struct coap_endpoint *ep, const struct coap_msg *m,
			struct coap_unpacked *u, const char **why)
{
	u->len = m->payload_len + 4;
	u->buf = malloc(u->len);
	if (!u->buf) {
		*why = "out of memory";
		return COAP_503_UNAVAILABLE;
	}
	return oscore_open_request(ep->oscore, m, &u->m, u->buf, u->len, &u->b, why);
}

int coap_unpack_response(struct coap_endpoint *ep, const struct coap_msg *m,
			 const struct oscore_binding *b, struct coap_unpacked *u)
{
	u->len = m->payload_len + 4;
	u->buf = malloc(u->len);
	if (!u->buf)
		return -EPROTO; /* as if it had been lost: it comes again */
	return oscore_open_response(ep->oscore, m, &u->m, u->buf, u->len, b);
}

void coap_unpacked_wipe(struct coap_unpacked *u)
{
	if (u->buf)
		explicit_bzero(u->buf, u->len);
	free(u->buf);
	u->buf = NULL;
}

void coap_exchange_challenge(struct coap_endpoint *ep, struct coap_exchange *x)
{
	struct coap_response rsp = COAP_RESPONSE_INIT(COAP_401_UNAUTHORIZED);
	struct coap_opts opts = {0};

	if (!oscore_challenge(ep->oscore, &opts))
		rsp.opts = &opts;
	ep->st.refused++;
	coap_exchange_reply(ep, x, &rsp);
}
