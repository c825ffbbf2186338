// SPDX-License-Identifier: Apache-2.0
/*
 * The Security Context of OSCORE: RFC 8613 section 3, its processing in section 8, and
 * the ways back after a restart of Appendix B.
 *
 * Sequence numbers of ours go on when Appendix B.2 changes the keys: what it takes
 * are some bytes, what it gives is that no slip there can repeat a nonce.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "coap/oscore_priv.h"

/* ---- life ------------------------------------------------------------------------------- */

static int params(struct oscore_params *p, const struct oscore_config *c)
{
	size_t id_max;

	memset(p, 0, sizeof(*p));
	p->alg = oscore_alg_find(c->aead);
	p->digest = oscore_digest_find(c->hkdf);
	if (!p->alg || !p->digest)
		return -ENOTSUP;
	id_max = p->alg->nonce - 6u;
	if (!c->master_secret_len || c->master_secret_len > sizeof(p->secret) ||
	    c->master_salt_len > sizeof(p->salt) || c->sender_id_len > id_max ||
	    c->recipient_id_len > id_max ||
	    (c->has_id_context && c->id_context_len > sizeof(p->id_context)))
		return -EINVAL;
	/* 3.3: the nonces of the two would be the same */
	if (c->sender_id_len == c->recipient_id_len &&
	    (!c->sender_id_len || !memcmp(c->sender_id, c->recipient_id, c->sender_id_len)))
		return -EINVAL;
#define COPY(to, from)                                         \
	do {                                                   \
		p->to##_len = c->from##_len;                   \
		if (c->from##_len)                             \
			memcpy(p->to, c->from, c->from##_len); \
	} while (0)
	COPY(secret, master_secret);
	COPY(salt, master_salt);
	COPY(sid, sender_id);
	COPY(rid, recipient_id);
	p->has_id_context = c->has_id_context;
	if (c->has_id_context)
		COPY(id_context, id_context);
#undef COPY
	return 0;
}

/* Derived as the keys are, with a label that no key has: it tells nothing of them. */
static int name_of(const struct oscore_params *p, uint8_t name[OSCORE_NAME_LEN])
{
	uint8_t info[64 + 2 * OSCORE_ID_MAX + OSCORE_ID_CONTEXT_MAX];
	size_t n = 0;

	info[n++] = 0x84;
	n += oscore_put_bstr(info + n, "sesame state", 12);
	n += oscore_put_bstr(info + n, p->sid, p->sid_len);
	n += oscore_put_bstr(info + n, p->rid, p->rid_len);
	info[n++] = (uint8_t)p->alg->id;
	info[n++] = p->has_id_context;
	n += oscore_put_bstr(info + n, p->id_context, p->id_context_len);
	return oscore_kdf(p, info, n, name, OSCORE_NAME_LEN);
}

int oscore_name(const struct oscore_config *config, uint8_t name[OSCORE_NAME_LEN])
{
	struct oscore_params p;
	int r = params(&p, config);

	if (!r)
		r = name_of(&p, name);
	OPENSSL_cleanse(&p, sizeof(p));
	return r;
}

/* Begin Appendix B.2 as a client: requests are request #1 from now on. */
static int rederive_begin(struct oscore *o)
{
	uint8_t id1[OSCORE_R_LEN];
	int r;

	o->ops->random(o->ctx, id1, sizeof(id1));
	r = oscore_derive(&o->p, &o->keys, true, id1, sizeof(id1));
	if (r)
		return r;
	o->generation++;
	o->phase = OSCORE_ASKING;
	oscore_window_reset(o);
	return 0;
}

int oscore_new(struct oscore **op, const struct oscore_config *config,
	       const struct oscore_ops *ops, void *ctx, const uint8_t *state, size_t state_len)
{
	struct oscore *o = calloc(1, sizeof(*o));
	int r;

	*op = NULL;
	if (!o)
		return -ENOMEM;
	o->ops = ops;
	o->ctx = ctx;
	o->rederive = config->rederive;
	o->accept_rederive = config->accept_rederive || config->rederive;
	r = params(&o->p, config);
	if (!r)
		r = name_of(&o->p, o->name);
	if (!r) {
		o->cipher = EVP_CIPHER_fetch(NULL, o->p.alg->cipher, NULL);
		r = o->cipher ? 0 : -ENOTSUP;
	}
	if (!r)
		r = oscore_derive(&o->p, &o->keys, o->p.has_id_context, o->p.id_context,
				  o->p.id_context_len);
	if (!r && state)
		r = oscore_load(o, state, state_len);
	else if (!r && o->rederive)
		r = rederive_begin(o);
	if (r) {
		EVP_CIPHER_free(o->cipher);
		OPENSSL_cleanse(o, sizeof(*o));
		free(o);
		return r;
	}
	ops->random(ctx, o->echo, sizeof(o->echo));
	*op = o;
	return 0;
}

void oscore_free(struct oscore *o)
{
	if (!o)
		return;
	/*
	 * Not in the middle of B.2: those keys are not agreed yet. And not when
	 * nothing has happened, which would be a store for nothing. If it fails, the
	 * marks of before are still true.
	 */
	if (o->phase == OSCORE_SETTLED && !o->exact && o->ssn + o->recv_limit > 0)
		(void)oscore_save(o, o->ssn, o->recv_limit, true);
	EVP_CIPHER_free(o->cipher);
	OPENSSL_cleanse(o, sizeof(*o));
	free(o);
}

void oscore_get_stats(const struct oscore *o, struct oscore_stats *st)
{
	*st = o->st;
}

/* ---- protecting -------------------------------------------------------------------------- */

/*
 * Encrypt under @k with the nonce of (@id, @piv); the option says @opt.
 */
static int protect(struct oscore *o, const struct oscore_keys *k, const uint8_t *id,
		   size_t id_len, const uint8_t *piv, size_t piv_len,
		   const struct oscore_option *opt, const struct coap_msg *m,
		   const struct coap_opts *opts, uint8_t outer_code, struct coap_msg *outer,
		   struct coap_opts *outer_opts, uint8_t *buf, size_t room,
		   const struct oscore_binding *b)
{
	uint8_t val[1 + OSCORE_PIV_MAX + 1 + OSCORE_CTXID_MAX + 2 + OSCORE_ID_MAX];
	uint8_t aad[OSCORE_AAD_MAX], nonce[OSCORE_NONCE_MAX];
	size_t aad_len, tag = o->p.alg->tag;
	int n, r;

	n = oscore_option_encode(opt, val, sizeof(val));
	if (n < 0)
		return n;
	if (room < tag)
		return -EMSGSIZE;
	r = oscore_split(m, opts, outer_opts, buf, room - tag);
	if (r < 0)
		return r;
	aad_len = oscore_aad(o->p.alg, b, aad);
	oscore_nonce(o->p.alg, k, id, id_len, piv, piv_len, nonce);
	r = oscore_seal(o, k->sender, nonce, aad, aad_len, buf, (size_t)r, buf);
	if (r < 0) {
		OPENSSL_cleanse(buf, room);
		return r;
	}
	*outer = (struct coap_msg){
		.type = m->type,
		.code = outer_code,
		.mid = m->mid,
		.token_len = m->token_len,
		.payload = buf,
		.payload_len = (size_t)r,
	};
	memcpy(outer->token, m->token, sizeof(outer->token));
	r = coap_opts_add(outer_opts, OSCORE_OPTION, val, (size_t)n);
	if (!r)
		o->st.protected_++;
	return r;
}

static bool has_observe(const struct coap_opts *opts)
{
	for (unsigned int i = 0; opts && i < opts->n; i++)
		if (opts->o[i].num == COAP_OPT_OBSERVE)
			return true;
	return false;
}

int oscore_protect_request(struct oscore *o, const struct coap_msg *m,
			   const struct coap_opts *opts, struct coap_msg *outer,
			   struct coap_opts *outer_opts, uint8_t *buf, size_t room,
			   struct oscore_binding *b)
{
	uint8_t wrapped[OSCORE_CTXID_MAX + 2];
	struct oscore_option opt = {.has_kid = true};
	int r;

	memset(b, 0, sizeof(*b));
	b->fetch = has_observe(opts);
	r = oscore_take_ssn(o, b->piv, &b->piv_len);
	if (r)
		return r;
	b->used = true;
	b->generation = o->generation;
	b->kid_len = (uint8_t)o->p.sid_len;
	memcpy(b->kid, o->p.sid, o->p.sid_len);
	opt.piv = b->piv;
	opt.piv_len = b->piv_len;
	opt.kid = o->p.sid;
	opt.kid_len = o->p.sid_len;
	/* 5.1: the ID Context, where there is one; in B.2 as a CBOR byte string */
	opt.has_kid_context = o->keys.has_id_context;
	opt.kid_context = o->keys.id_context;
	opt.kid_context_len = o->keys.id_context_len;
	if (o->phase != OSCORE_SETTLED) {
		opt.kid_context_len =
			oscore_put_bstr(wrapped, o->keys.id_context, o->keys.id_context_len);
		opt.kid_context = wrapped;
	}
	return protect(o, &o->keys, b->kid, b->kid_len, b->piv, b->piv_len, &opt, m, opts,
		       b->fetch ? COAP_FETCH : COAP_POST, outer, outer_opts, buf, room, b);
}

int oscore_protect_response(struct oscore *o, const struct coap_msg *m,
			    const struct coap_opts *opts, bool own_piv, struct coap_msg *outer,
			    struct coap_opts *outer_opts, uint8_t *buf, size_t room,
			    struct oscore_binding *b)
{
	const struct oscore_keys *k = b->first ? &o->next : &o->keys;
	uint8_t piv[OSCORE_PIV_MAX], piv_len, r2[OSCORE_R_LEN + 1];
	struct oscore_option opt = {0};
	int r;

	/* the keys have changed since: its client does not have the request open any more */
	if (!b->used || (!b->first && b->generation != o->generation))
		return -ENOKEY;
	if (b->nonce_spent || b->first || b->challenge || has_observe(opts))
		own_piv = true;
	if (own_piv) {
		r = oscore_take_ssn(o, piv, &piv_len);
		if (r)
			return r;
		opt.piv = piv;
		opt.piv_len = piv_len;
	} else {
		b->nonce_spent = true;
	}
	if (b->first) {
		opt.has_kid_context = true;
		opt.kid_context = r2;
		opt.kid_context_len = oscore_put_bstr(r2, o->r2, sizeof(o->r2));
	}
	return protect(o, k, own_piv ? o->p.sid : b->kid, own_piv ? o->p.sid_len : b->kid_len,
		       own_piv ? piv : b->piv, own_piv ? piv_len : b->piv_len, &opt, m, opts,
		       b->fetch ? COAP_205_CONTENT : COAP_204_CHANGED, outer, outer_opts, buf,
		       room, b);
}

/* ---- opening --------------------------------------------------------------------------------
 */

/* Decrypt @m under @k, with a nonce made with @nk. Return: 0, -EBADMSG (does not verify, or is
 * no message), -EIO. */
static int unprotect(struct oscore *o, const struct oscore_keys *k,
		     const struct oscore_keys *nk, const uint8_t *id, size_t id_len,
		     const uint8_t *piv, size_t piv_len, const struct coap_msg *m,
		     struct coap_msg *inner, uint8_t *buf, size_t room,
		     const struct oscore_binding *b)
{
	uint8_t aad[OSCORE_AAD_MAX], nonce[OSCORE_NONCE_MAX];
	size_t aad_len = oscore_aad(o->p.alg, b, aad);
	int r;

	if (room < m->payload_len)
		return -EBADMSG;
	oscore_nonce(o->p.alg, nk, id, id_len, piv, piv_len, nonce);
	/* oscore_join() wants three bytes before it; the tag leaves more than that free */
	r = oscore_open(o, k->recipient, nonce, aad, aad_len, m->payload, m->payload_len,
			buf + 3);
	if (r < 0)
		return r;
	return oscore_join(m, buf, (size_t)r, inner);
}

static bool same(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	return a_len == b_len && (!a_len || !memcmp(a, b, a_len));
}

static uint64_t piv_value(const uint8_t *piv, size_t len)
{
	uint64_t v = 0;

	for (size_t i = 0; i < len; i++)
		v = v << 8 | piv[i];
	return v;
}

/*
 * Which keys a request of the peer is for, by its kid context; Appendix B.2 makes new
 * ones in o->next. Return: the keys, or NULL.
 */
static const struct oscore_keys *select_keys(struct oscore *o, const struct oscore_option *opt,
					     struct oscore_binding *b)
{
	const struct oscore_keys *k = &o->keys;
	uint8_t id[OSCORE_CTXID_MAX];
	const uint8_t *part;
	size_t len;

	b->generation = o->generation;
	if (!opt->has_kid_context)
		return k;
	if (k->has_id_context &&
	    same(opt->kid_context, opt->kid_context_len, k->id_context, k->id_context_len))
		return k;
	if (oscore_get_bstr(opt->kid_context, opt->kid_context_len, &part, &len))
		return NULL;
	/* request #2 once more */
	if (o->generation && same(part, len, k->id_context, k->id_context_len))
		return k;
	if (!o->accept_rederive)
		return NULL;
	if (o->has_r2 && len > OSCORE_R_LEN && !memcmp(part, o->r2, OSCORE_R_LEN)) {
		/* request #2, with R2 || R3 */
		if (oscore_derive(&o->p, &o->next, true, part, len))
			return NULL;
		b->second = true;
		b->generation = o->generation + 1;
		return &o->next;
	}
	/* request #1, with ID1; the answer to it is under R2 || ID1 */
	if (len > sizeof(id) - OSCORE_R_LEN || oscore_derive(&o->p, &o->next, true, part, len))
		return NULL;
	b->first = true;
	return &o->next;
}

int oscore_open_request(struct oscore *o, const struct coap_msg *m, struct coap_msg *inner,
			uint8_t *buf, size_t room, struct oscore_binding *b, const char **why)
{
	const struct coap_opt *raw = coap_opt_find(m, OSCORE_OPTION);
	const struct oscore_keys *k;
	struct oscore_option opt;
	int r;

	memset(b, 0, sizeof(*b));
	o->st.refused++; /* until it is not */
	if (!raw) {
		*why = "OSCORE is required";
		return COAP_401_UNAUTHORIZED;
	}
	*why = "Failed to decode COSE";
	if (oscore_option_decode(&opt, raw->val, raw->len) || !opt.has_kid || !opt.piv_len)
		return COAP_402_BAD_OPTION;
	for (unsigned int i = 0; i + 1 < m->n_opts; i++)
		if (m->opts[i].num == OSCORE_OPTION && m->opts[i + 1].num == OSCORE_OPTION)
			return COAP_402_BAD_OPTION;
	*why = "Security context not found";
	if (!same(opt.kid, opt.kid_len, o->p.rid, o->p.rid_len))
		return COAP_401_UNAUTHORIZED;
	b->fetch = m->code == COAP_FETCH;
	b->kid_len = (uint8_t)opt.kid_len;
	if (opt.kid_len)
		memcpy(b->kid, opt.kid, opt.kid_len);
	b->piv_len = (uint8_t)opt.piv_len;
	memcpy(b->piv, opt.piv, opt.piv_len);
	k = select_keys(o, &opt, b);
	if (!k)
		return COAP_401_UNAUTHORIZED;
	*why = "Decryption failed";
	r = unprotect(o, k, k, b->kid, b->kid_len, b->piv, b->piv_len, m, inner, buf, room, b);
	if (r)
		return COAP_400_BAD_REQUEST;
	b->used = true;
	o->st.refused--;
	o->st.opened++;
	return 0;
}

/* Request #1 of B.2 is never run: it proves nothing of its freshness. */
static int answer_first(struct oscore *o, struct oscore_binding *b)
{
	uint8_t id[OSCORE_CTXID_MAX];
	size_t len = o->next.id_context_len;

	/* one R2 until it was used: a replayed request #1 does not take it away */
	if (!o->has_r2)
		o->ops->random(o->ctx, o->r2, sizeof(o->r2));
	o->has_r2 = true;
	memcpy(id, o->r2, OSCORE_R_LEN);
	memcpy(id + OSCORE_R_LEN, o->next.id_context, len);
	if (oscore_derive(&o->p, &o->next, true, id, OSCORE_R_LEN + len))
		return COAP_500_INTERNAL;
	b->challenge = true;
	o->st.challenges++;
	return 0;
}

/* Request #2 carries our R2, so it is fresh: these are the keys from now on. */
static int take_second(struct oscore *o)
{
	struct oscore_keys old = o->keys;
	uint32_t generation = o->generation;

	o->keys = o->next;
	o->generation++;
	o->has_r2 = false;
	o->phase = OSCORE_SETTLED;
	oscore_window_reset(o);
	if (oscore_save(o, o->ssn_limit, 0, false)) {
		/* not for good; what was seen under the old keys is not known any more */
		o->keys = old;
		o->generation = generation;
		o->any = o->recovering = true;
		o->top = OSCORE_SSN_MAX;
		o->seen = UINT64_MAX;
		o->recv_limit = OSCORE_SSN_MAX;
		OPENSSL_cleanse(&old, sizeof(old));
		return -EIO;
	}
	OPENSSL_cleanse(&old, sizeof(old));
	o->st.rederived++;
	return 0;
}

int oscore_accept_request(struct oscore *o, const struct coap_msg *inner,
			  struct oscore_binding *b, const char **why)
{
	const struct coap_opt *echo = coap_opt_find(inner, OSCORE_ECHO);
	uint64_t piv = piv_value(b->piv, b->piv_len);
	int r;

	*why = "the record of sequence numbers could not be kept";
	if (b->first)
		return answer_first(o, b);
	if (b->second && take_second(o))
		return COAP_503_UNAVAILABLE;
	if (o->recovering && piv < o->recv_limit) {
		/* B.1.2: perhaps seen before the restart. Only who echoes is fresh. */
		if (!echo || echo->len != sizeof(o->echo) ||
		    CRYPTO_memcmp(echo->val, o->echo, sizeof(o->echo))) {
			b->challenge = true;
			o->st.challenges++;
			return 0;
		}
		o->recovering = false;
		o->top = piv;
		o->seen = UINT64_MAX;
		r = oscore_save(o, o->ssn_limit, o->recv_limit, false);
		if (r) {
			o->recovering = true;
			return COAP_503_UNAVAILABLE;
		}
		o->ops->random(o->ctx, o->echo, sizeof(o->echo));
		return 0;
	}
	if (oscore_seen(o, piv)) {
		o->st.replays++;
		*why = "Replay detected";
		return COAP_401_UNAUTHORIZED;
	}
	r = oscore_see(o, piv);
	if (r)
		return COAP_503_UNAVAILABLE;
	o->recovering = false; /* beyond the mark: fresh, and what is older is not taken */
	return 0;
}

int oscore_challenge(struct oscore *o, struct coap_opts *opts)
{
	return coap_opts_add(opts, OSCORE_ECHO, o->echo, sizeof(o->echo));
}

/*
 * Response #1 of Appendix B.2: the peer has lost our context, or never had it. Verified
 * under R2 || ID1, it is followed by request #2 under R2 || R3. Without a Partial IV
 * its nonce is the very one of the request (5.2), made with the IV that was then.
 */
static int response_first(struct oscore *o, const struct oscore_option *opt,
			  const struct coap_msg *m, struct coap_msg *inner, uint8_t *buf,
			  size_t room, const struct oscore_binding *b)
{
	uint8_t id[OSCORE_CTXID_MAX];
	const uint8_t *r2;
	size_t len;

	if (!o->accept_rederive ||
	    oscore_get_bstr(opt->kid_context, opt->kid_context_len, &r2, &len) || !len ||
	    len > sizeof(id) - OSCORE_R_LEN || len > sizeof(id) - o->keys.id_context_len)
		return -EPROTO;
	memcpy(id, r2, len);
	memcpy(id + len, o->keys.id_context, o->keys.id_context_len);
	if (oscore_derive(&o->p, &o->next, true, id, len + o->keys.id_context_len) ||
	    unprotect(o, &o->next, opt->piv_len ? &o->next : &o->keys,
		      opt->piv_len ? o->p.rid : b->kid,
		      opt->piv_len ? o->p.rid_len : b->kid_len,
		      opt->piv_len ? opt->piv : b->piv,
		      opt->piv_len ? opt->piv_len : b->piv_len, m, inner, buf, room, b))
		return -EPROTO;
	o->ops->random(o->ctx, id + len, OSCORE_R_LEN);
	if (oscore_derive(&o->p, &o->next, true, id, len + OSCORE_R_LEN))
		return -EPROTO;
	o->keys = o->next;
	o->generation++;
	o->phase = OSCORE_CONFIRMING;
	o->has_r2 = false;
	oscore_window_reset(o);
	return -EAGAIN;
}

int oscore_open_response(struct oscore *o, const struct coap_msg *m, struct coap_msg *inner,
			 uint8_t *buf, size_t room, const struct oscore_binding *b)
{
	const struct coap_opt *raw = coap_opt_find(m, OSCORE_OPTION);
	struct oscore_option opt;
	int r;

	o->st.refused++;
	if (!b->used)
		return -EPROTO;
	if (!raw) {
		if (m->code != COAP_400_BAD_REQUEST && m->code != COAP_401_UNAUTHORIZED &&
		    m->code != COAP_402_BAD_OPTION)
			return -EPROTO;
		/*
		 * It does not know the context, or (libcoap, 4.00) takes its ID for the
		 * first step of B.2: with B.2 there may be another.
		 */
		if ((o->rederive || o->generation) && m->code != COAP_402_BAD_OPTION &&
		    b->generation == o->generation && o->phase != OSCORE_ASKING &&
		    !rederive_begin(o))
			return -EAGAIN;
		return -EKEYREJECTED;
	}
	if (b->generation != o->generation || oscore_option_decode(&opt, raw->val, raw->len) ||
	    (opt.has_kid && !same(opt.kid, opt.kid_len, o->p.rid, o->p.rid_len)))
		return -EPROTO;
	if (opt.has_kid_context && !same(opt.kid_context, opt.kid_context_len,
					 o->keys.id_context, o->keys.id_context_len)) {
		r = response_first(o, &opt, m, inner, buf, room, b);
		if (r == -EAGAIN)
			o->st.refused--;
		return r;
	}
	r = unprotect(o, &o->keys, &o->keys, opt.piv_len ? o->p.rid : b->kid,
		      opt.piv_len ? o->p.rid_len : b->kid_len, opt.piv_len ? opt.piv : b->piv,
		      opt.piv_len ? opt.piv_len : b->piv_len, m, inner, buf, room, b);
	if (r)
		return -EPROTO;
	if (o->phase == OSCORE_CONFIRMING) {
		/* response #2: the peer has them too. Kept now; lost, B.2 runs once more. */
		o->phase = OSCORE_SETTLED;
		o->st.rederived++;
		(void)oscore_save(o, o->ssn_limit, o->recv_limit, false);
	}
	o->st.refused--;
	o->st.opened++;
	return 0;
}
