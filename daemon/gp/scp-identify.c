// SPDX-License-Identifier: Apache-2.0
/* What a card's answer to INITIALIZE UPDATE says, and which key made its cryptogram. */
#include "gp/scp-priv.h"

#include <errno.h>
#include <string.h>

/* kdd 10, KVN, 02, seq 2, challenge 6, cryptogram 8 */
#define SCP02_LEN 28
/* kdd 10, KVN, 03, i, challenge, cryptogram, and perhaps seq 3 */
#define SCP03_HEAD 13
#define SCP03_SEQ 3

int gp_init_update_parse(const uint8_t *rsp, size_t len, struct gp_init_update *out,
			 struct gp_error *err)
{
	memset(out, 0, sizeof(*out));
	if (len < SCP02_LEN)
		return gp_fail(err, -EBADMSG, "bad-response",
			       "the answer to INITIALIZE UPDATE has %zu bytes, less than any "
			       "protocol has",
			       len);
	memcpy(out->kdd, rsp, GP_KDD_LEN);
	out->kvn = rsp[10];
	if (rsp[11] == GP_SCP02 && len == SCP02_LEN) {
		out->protocol = GP_SCP02;
		out->seq = (uint32_t)(rsp[12] << 8 | rsp[13]);
		out->has_seq = true;
		out->challenge_len = 8;
		memcpy(out->challenge, rsp + 12, 8);
		memcpy(out->cryptogram, rsp + 20, 8);
		return 0;
	}
	if (rsp[11] == GP_SCP03) {
		size_t seq;

		out->challenge_len = len >= SCP03_HEAD + 32 ? 16 : 8;
		seq = SCP03_HEAD + 2 * out->challenge_len;
		if (len == seq || len == seq + SCP03_SEQ) {
			out->protocol = GP_SCP03;
			out->i = rsp[12];
			memcpy(out->challenge, rsp + SCP03_HEAD, out->challenge_len);
			memcpy(out->cryptogram, rsp + SCP03_HEAD + out->challenge_len,
			       out->challenge_len);
			out->has_seq = len > seq;
			if (out->has_seq)
				out->seq = (uint32_t)(rsp[seq] << 16 | rsp[seq + 1] << 8 |
						      rsp[seq + 2]);
			return 0;
		}
	} else if (rsp[11] != GP_SCP02) {
		return gp_fail(err, -EPROTONOSUPPORT, "wrong-protocol",
			       "key version %02X of the card is for SCP%02X, which is not "
			       "supported",
			       rsp[10], rsp[11]);
	}
	return gp_fail(err, -EBADMSG, "bad-response",
		       "the answer to INITIALIZE UPDATE of SCP%02X has %zu bytes", rsp[11],
		       len);
}

struct search {
	const struct gp_init_update *iu;
	const uint8_t *host;
	uint8_t type; /* that the protocol needs */
};

/* A copy of a key that does not own it, taken for another type where its value is known. */
static void lend(struct gp_key *to, const struct gp_key *from, uint8_t type)
{
	*to = *from;
	to->borrowed = true;
	if (to->type && !to->ops)
		to->type = type;
}

static bool usable(const struct gp_key *key, uint8_t type)
{
	return !key->type || key->type == type;
}

/* Is it this set, by this method? */
static int try_set(const struct search *f, const struct gp_keyset *set,
		   enum gp_diversification div, struct gp_scp_match *match)
{
	struct gp_keyset as = {.diversification = (uint8_t)div}, card;
	int ret;

	memcpy(as.template_, set->template_, sizeof(as.template_));
	lend(&as.enc, &set->enc, f->type);
	lend(&as.mac, &set->mac, f->type);
	lend(&as.master, &set->master, f->type);
	if (!usable(&as.enc, f->type) || !usable(&as.mac, f->type) ||
	    !usable(&as.master, f->type)) {
		gp_keyset_clear(&as);
		return 0;
	}
	ret = gp_keyset_resolve(&as, f->iu->kdd, &card);
	gp_keyset_clear(&as);
	if (ret) /* this method is none for such keys; what a token refuses is no match, too */
		return ret == -EIO ? ret : 0;
	ret = f->iu->protocol == GP_SCP02 ? gp_scp02_explains(&card, f->iu, f->host)
					  : gp_scp03_explains(&card, f->iu, f->host);
	gp_keyset_clear(&card);
	if (ret <= 0)
		return ret == -EIO ? ret : 0;
	match->set = set;
	match->diversification = div;
	match->type = (enum gp_key_type)f->type;
	match->declared = div == set->diversification &&
			  (set->master.type ? set->master.type : set->enc.type) == f->type;
	return 1;
}

int gp_scp_identify(const uint8_t *host, size_t host_len, const uint8_t *rsp, size_t len,
		    const struct gp_keyset *const *sets, size_t n, struct gp_scp_match *match)
{
	struct gp_init_update iu;
	struct search f = {&iu, host, 0};
	int ret;

	memset(match, 0, sizeof(*match));
	/* a status word more does no harm: no protocol's length is another's with two more */
	if (gp_init_update_parse(rsp, len, &iu, NULL) &&
	    (len < 2 || gp_init_update_parse(rsp, len - 2, &iu, NULL)))
		return -EBADMSG;
	if (iu.challenge_len != host_len)
		return -EBADMSG;
	f.type = iu.protocol == GP_SCP02 ? GP_KEY_DES : GP_KEY_AES;
	for (size_t i = 0; i < n; i++) {
		if (!sets[i])
			continue;
		ret = try_set(&f, sets[i], (enum gp_diversification)sets[i]->diversification,
			      match);
		if (ret)
			return ret;
	}
	for (size_t i = 0; i < n; i++) {
		for (int d = GP_DIV_NONE; sets[i] && d <= GP_DIV_TEMPLATE; d++) {
			if (d == sets[i]->diversification ||
			    (d == GP_DIV_TEMPLATE && !*sets[i]->template_))
				continue;
			ret = try_set(&f, sets[i], (enum gp_diversification)d, match);
			if (ret)
				return ret;
		}
	}
	return 0;
}
