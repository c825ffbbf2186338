// SPDX-License-Identifier: Apache-2.0
/*
 * Who the server is, and who we are (OMA-TS-DM_Security-V1_2_1, 5; Protocol, 9). The two
 * are independent: one may be known while the other is still being asked.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>

#include "dm/engine-priv.h"

void eng_party_secret(const struct eng_party *p, struct dm_secret *s)
{
	*s = (struct dm_secret){
		.name = p->name,
		.secret = p->secret,
		.secret_len = p->secret_len,
		.nonce = p->nonce,
		.nonce_len = p->nonce_len,
	};
}

int eng_auth_next(struct dm_engine *e)
{
	struct eng_party *p = &e->server;
	uint8_t nonce[ENG_NONCE_LEN];
	int r;

	if (p->type != DM_AUTH_MD5 && p->type != DM_AUTH_HMAC)
		return 0;
	if (e->ops->random(e->ctx, nonce, sizeof(nonce)))
		return eng_fail(e, DM_END_INTERNAL, "no randomness for a nonce");
	r = e->ops->nonce(e->ctx, true, nonce, sizeof(nonce));
	if (r)
		return eng_fail(e, DM_END_INTERNAL,
				"the server's next nonce cannot be kept: %s", strerror(-r));
	memcpy(e->used, p->nonce, p->nonce_len);
	e->used_len = p->nonce_len;
	memcpy(p->nonce, nonce, sizeof(nonce));
	p->nonce_len = sizeof(nonce);
	return 0;
}

static bool hmac_right(const struct dm_engine *e, const struct dm_engine_msg *in)
{
	struct dm_secret s;
	struct dm_hmac hmac;

	eng_party_secret(&e->server, &s);
	return !dm_hmac_parse(in->hmac, &hmac) && !strcmp(hmac.name, e->server.name) &&
	       dm_hmac_check(&hmac, &s, in->p, in->len);
}

static bool cred_right(const struct dm_engine *e, const struct dm_cred *cred)
{
	struct dm_secret s;

	if (dm_auth_of_uri(cred->type) != e->server.type)
		return false;
	eng_party_secret(&e->server, &s);
	if (dm_auth_check(e->server.type, &s, cred))
		return true;
	/* within a session some servers go on with the credentials that it began with */
	if (!e->server.ok || e->server.type != DM_AUTH_MD5)
		return false;
	s.nonce = e->used;
	s.nonce_len = e->used_len;
	return dm_auth_check(e->server.type, &s, cred);
}

static int refuse(struct dm_engine *e, unsigned int why, unsigned int *code, bool *chal)
{
	bool was_ok = e->server.ok;

	*code = why;
	e->server.ok = false;
	e->stats.server_known = false;
	e->server.tries++;
	/* a nonce that one side has lost looks the same; it is asked again with a new one */
	eng_log(e, LOG_NOTICE, "the server's credentials are %s",
		why == DM_MISSING_CREDENTIALS ? "missing"
					      : "not right: its secret or its nonce");
	/* with HMAC a message that fails once the server is known is a stranger's (5.4) */
	if (e->server.tries > ENG_AUTH_TRIES || (was_ok && e->server.type == DM_AUTH_HMAC))
		return eng_fail(e, DM_END_SERVER_AUTH, "the server did not show that it is %s",
				e->server.name);
	*chal = true;
	return 0;
}

int eng_auth_server(struct dm_engine *e, const struct dm_hdr *hdr,
		    const struct dm_engine_msg *in, unsigned int *code, bool *chal)
{
	struct eng_party *p = &e->server;
	bool first = !p->ok;

	*chal = false;
	*code = DM_OK;
	switch (p->type) {
	case DM_AUTH_HMAC:
		if (!in->hmac)
			return refuse(
				e, hdr->cred ? DM_INVALID_CREDENTIALS : DM_MISSING_CREDENTIALS,
				code, chal);
		if (!hmac_right(e, in))
			return refuse(e, DM_INVALID_CREDENTIALS, code, chal);
		break;
	case DM_AUTH_BASIC:
	case DM_AUTH_MD5:
		if (!hdr->cred && !p->ok)
			return refuse(e, DM_MISSING_CREDENTIALS, code, chal);
		if (hdr->cred && !cred_right(e, hdr->cred))
			return refuse(e, DM_INVALID_CREDENTIALS, code, chal);
		if (hdr->cred)
			*code = DM_AUTH_ACCEPTED;
		break;
	case DM_AUTH_NONE:
	case DM_AUTH_UNKNOWN:
		break;
	}
	p->ok = true;
	p->tries = 0;
	e->stats.server_known = p->type != DM_AUTH_NONE;
	*chal = p->type == DM_AUTH_HMAC || (p->type == DM_AUTH_MD5 && first);
	return 0;
}

static int take_nonce(struct dm_engine *e, const struct dm_meta *chal)
{
	struct eng_party *p = &e->client;
	int r;

	if (!chal->has_nonce)
		return 0;
	if (chal->nonce_len > sizeof(p->nonce))
		return eng_fail(e, DM_END_BAD_MESSAGE, "a nonce of %zu bytes", chal->nonce_len);
	if (chal->nonce_len)
		memcpy(p->nonce, chal->nonce, chal->nonce_len);
	p->nonce_len = chal->nonce_len;
	r = e->ops->nonce(e->ctx, false, p->nonce, p->nonce_len);
	return r ? eng_fail(e, DM_END_INTERNAL, "our next nonce cannot be kept: %s",
			    strerror(-r))
		 : 0;
}

/* 401 and 407: what the server wants, and whether we have it */
static int challenged(struct dm_engine *e, const struct dm_cmd *st, bool *again)
{
	struct eng_party *p = &e->client;
	enum dm_auth_type was = p->type, want = was;
	uint8_t old[DM_AUTH_NONCE_MAX];
	size_t old_len = p->nonce_len;
	int r;

	p->ok = false;
	e->stats.refused = true;
	memcpy(old, p->nonce, old_len);
	if (st->chal && st->chal_meta.type)
		want = dm_auth_of_uri(st->chal_meta.type);
	if (was == DM_AUTH_NONE)
		return eng_fail(e, DM_END_CLIENT_AUTH,
				"the server asks for credentials, and there are none");
	if (want == DM_AUTH_NONE || want == DM_AUTH_UNKNOWN ||
	    !(e->allow & DM_AUTH_BIT((unsigned int)want)))
		return eng_fail(
			e, DM_END_CLIENT_AUTH,
			"the server asks for a way to authenticate that is not allowed");
	if (++p->tries > ENG_AUTH_TRIES)
		return eng_fail(e, DM_END_CLIENT_AUTH,
				"the server refused our credentials %d times",
				ENG_AUTH_TRIES + 1);
	r = take_nonce(e, &st->chal_meta);
	if (r)
		return r;
	/* the same again can only have the same answer */
	if (st->code == DM_INVALID_CREDENTIALS && want == was &&
	    (want == DM_AUTH_BASIC ||
	     (p->nonce_len == old_len && !memcmp(old, p->nonce, old_len))))
		return eng_fail(e, DM_END_CLIENT_AUTH, "the server refused our credentials");
	p->type = want;
	*again = true;
	return 0;
}

int eng_auth_status(struct dm_engine *e, const struct dm_cmd *st, bool *again)
{
	switch (st->code) {
	case DM_INVALID_CREDENTIALS:
	case DM_MISSING_CREDENTIALS:
		return challenged(e, st, again);
	case DM_AUTH_ACCEPTED:
		/* HMAC stands for one message, whatever the server says */
		e->client.ok = e->client.type != DM_AUTH_HMAC;
		break;
	default:
		if (st->code >= 400)
			return eng_fail(e, DM_END_SERVER, "the server refused the message: %u",
					st->code);
	}
	e->accepted = true;
	e->stats.refused = false;
	e->client.tries = 0;
	return st->chal ? take_nonce(e, &st->chal_meta) : 0;
}
