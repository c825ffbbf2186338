// SPDX-License-Identifier: Apache-2.0
/* Opening a secure channel: which commands, and what their answers have to be. */
#include "gp/scp-priv.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static bool is_scp11(enum gp_protocol p)
{
	return p == GP_SCP11A || p == GP_SCP11B || p == GP_SCP11C;
}

static bool level_exists(enum gp_protocol protocol, uint8_t level)
{
	switch (level) {
	case GP_LEVEL_NONE:
	case GP_LEVEL_CMAC | GP_LEVEL_CENC | GP_LEVEL_RMAC:
		return !is_scp11(protocol);
	case GP_LEVEL_CMAC:
	case GP_LEVEL_CMAC | GP_LEVEL_CENC:
	case GP_LEVEL_CMAC | GP_LEVEL_RMAC:
		return true;
	case GP_LEVEL_RMAC:
		return protocol == GP_SCP02 || protocol == GP_SCP_AUTO;
	case GP_LEVEL_CMAC | GP_LEVEL_CENC | GP_LEVEL_RMAC | GP_LEVEL_RENC:
		return protocol != GP_SCP02;
	default:
		return false;
	}
}

static int check_params(const struct gp_scp_params *p, struct gp_error *err)
{
	if (p->protocol != GP_SCP_AUTO && p->protocol != GP_SCP02 && p->protocol != GP_SCP03 &&
	    !is_scp11(p->protocol))
		return gp_fail(err, -EINVAL, "wrong-protocol",
			       "secure channel protocol %02X is not known",
			       (unsigned int)p->protocol);
	if (!level_exists(p->protocol, p->level))
		return gp_fail(err, -EINVAL, "bad-level",
			       "there is no security level %02X in this protocol", p->level);
	if (is_scp11(p->protocol))
		return gp_scp11_check(p, err);
	if (!p->keys)
		return gp_fail(err, -ENOKEY, "no-keys", "no key set is given");
	if (p->i != GP_SCP_I_AUTO && (p->i < 0 || p->i > 0x7f))
		return gp_fail(err, -EINVAL, "bad-option", "option i is one byte, 00 to 7F");
	if (!p->host_challenge && !p->random.fill)
		return gp_fail(err, -EINVAL, "no-random", "no source of random bytes is given");
	return 0;
}

/* A session without INITIALIZE UPDATE (GPCS E.1.2.2); its first C-MAC opens it. */
static int open_implicit(struct gp_scp *s, struct gp_error *err)
{
	int ret;

	if (s->level != GP_LEVEL_CMAC)
		return gp_fail(err, -EINVAL, "bad-level",
			       "a session that begins by itself has level 01");
	if (s->i & GP_SCP02_ICV_AID && !s->p.aid.len)
		return gp_fail(err, -EINVAL, "no-aid", "the first ICV needs the selected AID");
	/* there is no diversification data to be had */
	ret = gp_keyset_resolve(s->p.keys, NULL, &s->keyset);
	if (!ret && (s->keyset.enc.type != GP_KEY_DES || s->keyset.enc.len != 16))
		ret = -EINVAL;
	if (ret)
		return gp_fail(err, ret, "bad-keys",
			       "key set \"%s\" does not serve for SCP02 as it is",
			       s->p.keys->name);
	ret = gp_scp02_implicit(s);
	if (ret)
		return gp_fail(err, ret, "crypto", "session keys could not be derived");
	s->state = SCP_OPEN;
	return 0;
}

int gp_scp_new(struct gp_scp **scp, const struct gp_scp_params *p, struct gp_error *err)
{
	int ret = check_params(p, err);
	struct gp_scp *s;

	*scp = NULL;
	if (ret)
		return ret;
	s = OPENSSL_zalloc(sizeof(*s));
	if (!s)
		return gp_fail(err, -ENOMEM, "no-memory", "out of memory");
	s->p = *p;
	s->protocol = p->protocol;
	s->level = p->level;
	if (p->i != GP_SCP_I_AUTO)
		s->i = (uint8_t)p->i;
	else if (p->protocol == GP_SCP02)
		s->i = 0x15;
	s->cur.level = p->level;
	if (p->protocol == GP_SCP02 && !(s->i & GP_SCP02_EXPLICIT)) {
		ret = open_implicit(s, err);
		s->done = s->cur;
	}
	if (ret) {
		gp_scp_free(s);
		return ret;
	}
	*scp = s;
	return 0;
}

void gp_scp_free(struct gp_scp *s)
{
	if (!s)
		return;
	gp_scp_unsent(s);
	free(s->pending);
	gp_keyset_clear(&s->keyset);
	OPENSSL_clear_free(s, sizeof(*s));
}

/* No way back: whoever wants to go on begins anew. */
static int over(struct gp_scp *s, int ret)
{
	s->state = SCP_FAILED;
	s->waiting = false;
	gp_keyset_clear(&s->keyset);
	OPENSSL_cleanse(&s->keys, sizeof(s->keys));
	OPENSSL_cleanse(s->esk, sizeof(s->esk));
	return ret;
}

enum gp_scp_step gp_scp_step(const struct gp_scp *s)
{
	if (s->state == SCP_INITIALIZED)
		return GP_STEP_AUTHENTICATE;
	if (s->state != SCP_NEW && s->state != SCP_CERTIFIED)
		return GP_STEP_OPEN;
	if (!is_scp11(s->protocol))
		return GP_STEP_INITIALIZE;
	if (s->protocol == GP_SCP11B)
		return GP_STEP_INTERNAL;
	return s->state == SCP_NEW ? GP_STEP_CERTIFICATE : GP_STEP_AUTHENTICATE;
}

static int initialize_update(struct gp_scp *s, struct gp_apdu *apdu)
{
	/* the same bit means something else in SCP02 */
	bool s16 =
		s->p.protocol == GP_SCP03 && s->p.i != GP_SCP_I_AUTO && s->p.i & GP_SCP03_S16;
	uint8_t kvn = s->p.kvn ? s->p.kvn : s->p.keys->kvn;
	int ret = 0;

	s->host_len = s16 ? 16 : 8;
	if (s->p.host_challenge)
		memcpy(s->host, s->p.host_challenge, s->host_len);
	else
		ret = s->p.random.fill(s->p.random.ctx, s->host, s->host_len);
	gp_apdu_init(apdu, 0x80, 0x50, kvn, 0x00);
	apdu->le = GP_LE_ANY;
	return ret ? ret : gp_apdu_add(apdu, s->host, s->host_len);
}

int gp_scp_next(struct gp_scp *s, struct gp_apdu *apdu, struct gp_error *err)
{
	enum gp_scp_step step = gp_scp_step(s);
	int ret;

	gp_apdu_init(apdu, 0, 0, 0, 0);
	if (s->waiting)
		return gp_fail(err, -EBUSY, "response-missing",
			       "the response to the command before is missing");
	if (s->state == SCP_FAILED)
		return gp_fail(err, -ENOTCONN, "session-over", "the secure channel failed");
	switch (step) {
	case GP_STEP_INITIALIZE:
		ret = initialize_update(s, apdu);
		break;
	case GP_STEP_CERTIFICATE:
		ret = gp_scp11_certificate(s, apdu);
		break;
	case GP_STEP_AUTHENTICATE:
	case GP_STEP_INTERNAL:
		ret = s->protocol == GP_SCP02	? gp_scp02_authenticate(s, apdu)
		      : s->protocol == GP_SCP03 ? gp_scp03_authenticate(s, apdu)
						: gp_scp11_agree(s, apdu, err);
		break;
	default:
		return 0;
	}
	if (ret) {
		gp_apdu_clear(apdu);
		if (ret == -ENOMEM)
			gp_fail(err, ret, "no-memory", "out of memory");
		else if (step == GP_STEP_CERTIFICATE)
			gp_fail(err, ret, "too-long", "a certificate is too long");
		else if (!is_scp11(s->protocol)) /* that has said it itself */
			gp_fail(err, ret, "crypto", "the command could not be made");
		return over(s, ret);
	}
	s->waiting = true;
	return 1;
}

/* The card cryptogram fits none of the keys that should have been: which, then? */
static int wrong_keys(struct gp_scp *s, const uint8_t *rsp, size_t len, struct gp_error *err)
{
	int ret = gp_scp_identify(s->host, s->host_len, rsp, len, s->p.known, s->p.n_known,
				  &s->match);

	if (!ret)
		ret = gp_scp_identify(s->host, s->host_len, rsp, len, &s->p.keys, 1, &s->match);
	if (ret < 0)
		return gp_fail(err, ret, "crypto", "the card cryptogram could not be compared");
	if (!ret)
		return gp_fail(err, -EKEYREJECTED, "wrong-keys",
			       "the card's key version %02X of SCP%02X is none of the keys "
			       "tried; nothing that counts was sent",
			       s->iu.kvn, (unsigned int)s->iu.protocol);
	s->matched = true;
	return gp_fail(err, -EKEYREJECTED, "other-keys",
		       "the card's key version %02X is key set \"%s\", %s, diversification %s; "
		       "not as asked for; nothing that counts was sent",
		       s->iu.kvn, s->match.set->name,
		       s->match.type == GP_KEY_AES ? "AES" : "DES",
		       gp_diversification_name(s->match.diversification));
}

static int check_option(struct gp_scp *s, struct gp_error *err)
{
	uint8_t lacks = 0;

	if (s->protocol == GP_SCP03) {
		/* what the card says it does, is what it does */
		s->i = s->iu.i;
		if (s->level & GP_LEVEL_RMAC)
			lacks |= GP_SCP03_RMAC & ~s->i;
		if (s->level & GP_LEVEL_RENC)
			lacks |= GP_SCP03_RENC & ~s->i;
	} else {
		if (s->p.i == GP_SCP_I_AUTO)
			s->i = 0x15 | (s->level & GP_LEVEL_RMAC ? GP_SCP02_RMAC : 0);
		else if (s->level & GP_LEVEL_RMAC)
			lacks = GP_SCP02_RMAC & ~s->i;
	}
	if (lacks || !level_exists(s->protocol, s->level))
		return gp_fail(err, -EINVAL, "bad-level",
			       "SCP%02X with option i=%02X has no security level %02X",
			       (unsigned int)s->protocol, s->i, s->level);
	return 0;
}

/* The key that everybody knows is 16 bytes for either algorithm: it is what the card wants. */
static void retype_default(struct gp_keyset *set, enum gp_key_type type)
{
	struct gp_key *keys[] = {&set->enc, &set->mac, &set->dek};

	for (int i = 0; i < 3; i++)
		if (keys[i]->len == 16 && !keys[i]->ops)
			keys[i]->type = (uint8_t)type;
}

static int initialized(struct gp_scp *s, const uint8_t *rsp, size_t len, struct gp_error *err)
{
	int ret = gp_init_update_parse(rsp, len, &s->iu, err);

	if (ret)
		return ret;
	if (s->p.protocol != GP_SCP_AUTO && s->p.protocol != s->iu.protocol)
		return gp_fail(err, -EPROTO, "wrong-protocol",
			       "key version %02X of the card is for SCP%02X", s->iu.kvn,
			       (unsigned int)s->iu.protocol);
	if (s->iu.challenge_len != s->host_len)
		return gp_fail(err, -EPROTO, "wrong-protocol",
			       "the card's challenge has %zu bytes, not %u: S%s mode",
			       s->iu.challenge_len, s->host_len,
			       s->iu.challenge_len == 16 ? "16" : "8");
	s->protocol = s->iu.protocol;
	ret = check_option(s, err);
	if (ret)
		return ret;
	ret = gp_keyset_resolve(s->p.keys, s->iu.kdd, &s->keyset);
	if (!ret && s->p.keys->is_default)
		retype_default(&s->keyset, s->protocol == GP_SCP02 ? GP_KEY_DES : GP_KEY_AES);
	if (!ret)
		ret = s->protocol == GP_SCP02 ? gp_scp02_explains(&s->keyset, &s->iu, s->host)
					      : gp_scp03_explains(&s->keyset, &s->iu, s->host);
	else if (ret == -EINVAL)
		ret = 0; /* a method that this protocol's keys do not have explains nothing */
	if (ret < 0)
		return gp_fail(err, ret, ret == -ENOKEY ? "no-keys" : "crypto",
			       "key set \"%s\" cannot be used", s->p.keys->name);
	if (!ret)
		return wrong_keys(s, rsp, len, err);
	ret = s->protocol == GP_SCP02 ? gp_scp02_session(s, (uint16_t)s->iu.seq)
				      : gp_scp03_session(s);
	if (ret)
		return gp_fail(err, ret, "crypto", "session keys could not be derived");
	if (s->p.aid.len && s->protocol == GP_SCP02 ? s->i & GP_SCP02_PSEUDO
						    : s->p.aid.len && s->iu.has_seq) {
		ret = s->protocol == GP_SCP02 ? gp_scp02_check_challenge(s)
					      : gp_scp03_check_challenge(s);
		if (ret >= 0)
			s->challenge = ret ? GP_CHALLENGE_EXPECTED : GP_CHALLENGE_OTHER;
	}
	s->state = SCP_INITIALIZED;
	return 0;
}

static int refused(struct gp_scp *s, enum gp_scp_step step, uint16_t sw, struct gp_error *err)
{
	static const char *const what[] = {
		[GP_STEP_INITIALIZE] = "INITIALIZE UPDATE",
		[GP_STEP_CERTIFICATE] = "a certificate",
		[GP_STEP_AUTHENTICATE] = "the authentication",
		[GP_STEP_INTERNAL] = "INTERNAL AUTHENTICATE",
	};
	uint8_t kvn = s->p.kvn ? s->p.kvn : s->p.keys ? s->p.keys->kvn : 0;

	if (sw == 0x6983)
		return gp_fail(err, -EACCES, "key-blocked",
			       "the card refused %s: its key is blocked (6983)", what[step]);
	if (sw == 0x6a88 && step == GP_STEP_INITIALIZE && kvn)
		return gp_fail(err, -EPROTO, "no-such-key",
			       "the card refused %s: it has no key version %02X (6A88)",
			       what[step], kvn);
	if (sw == 0x6a88 && step != GP_STEP_AUTHENTICATE)
		return gp_fail(err, -EPROTO, "no-such-key",
			       "the card refused %s: it has no such key (6A88)", what[step]);
	/* 6300, 63Cx: cryptogram; 6982, 6985, 6988: MAC or conditions */
	if (step == GP_STEP_AUTHENTICATE && (sw >> 8 == 0x63 || sw >> 8 == 0x69))
		return gp_fail(err, -EACCES, "authentication-failed",
			       "the card refused %s: %04X", what[step], sw);
	return gp_fail(err, -EPROTO, "card-refused", "the card refused %s: %04X", what[step],
		       sw);
}

int gp_scp_feed(struct gp_scp *s, const uint8_t *rsp, size_t len, struct gp_error *err)
{
	enum gp_scp_step step = gp_scp_step(s);
	uint16_t sw;
	int ret = 0;

	if (!s->waiting)
		return gp_fail(err, -EINVAL, "no-command", "no response is expected");
	s->waiting = false;
	if (len < 2)
		return over(s, gp_fail(err, -EBADMSG, "bad-response",
				       "the response has no status word"));
	len -= 2;
	sw = (uint16_t)(rsp[len] << 8 | rsp[len + 1]);
	if (sw != SW_OK)
		return over(s, refused(s, step, sw, err));
	switch (step) {
	case GP_STEP_INITIALIZE:
		ret = initialized(s, rsp, len, err);
		break;
	case GP_STEP_CERTIFICATE:
		if (++s->cert == s->p.scp11->n_certs)
			s->state = SCP_CERTIFIED;
		break;
	default:
		if (is_scp11(s->protocol))
			ret = gp_scp11_agreed(s, rsp, len, err);
		if (!ret) {
			s->state = SCP_OPEN;
			s->cur.level = s->level;
			s->done = s->cur;
		}
	}
	return ret ? over(s, ret) : 0;
}

void gp_scp_info(const struct gp_scp *s, struct gp_scp_info *info)
{
	memset(info, 0, sizeof(*info));
	info->protocol = s->protocol;
	info->i = s->i;
	info->level = s->state == SCP_OPEN ? s->cur.level : s->level;
	info->challenge = s->challenge;
	info->authenticated = s->state == SCP_OPEN && s->protocol != GP_SCP11B;
	if (is_scp11(s->protocol)) {
		info->kvn = s->p.scp11->kvn;
		return;
	}
	info->has_kdd = s->iu.protocol != GP_SCP_AUTO;
	info->has_seq = s->iu.has_seq;
	info->seq = s->iu.seq;
	info->kvn = info->has_kdd ? s->iu.kvn : s->p.keys->kvn;
	memcpy(info->kdd, s->iu.kdd, sizeof(info->kdd));
}

bool gp_scp_is_open(const struct gp_scp *s)
{
	return s->state == SCP_OPEN;
}

const struct gp_scp_match *gp_scp_identified(const struct gp_scp *s)
{
	return s->matched ? &s->match : NULL;
}
