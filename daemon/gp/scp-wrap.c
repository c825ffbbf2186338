// SPDX-License-Identifier: Apache-2.0
/* Secure messaging of an open session: any number of commands, then their responses. */
#include "gp/scp-priv.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define INS_BEGIN_RMAC 0x7a
#define INS_END_RMAC 0x78

static void forget(struct scp_pending *p)
{
	OPENSSL_clear_free(p->data, p->len + 1);
	memset(p, 0, sizeof(*p));
}

static int make_room(struct gp_scp *s)
{
	struct scp_pending *bigger;
	size_t room = s->room ? 2 * s->room : 16;

	if (!s->n_pending)
		s->first = 0;
	if (s->first + s->n_pending < s->room)
		return 0;
	if (s->first) {
		memmove(s->pending, s->pending + s->first, s->n_pending * sizeof(*s->pending));
		s->first = 0;
		return 0;
	}
	bigger = reallocarray(s->pending, room, sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	s->pending = bigger;
	s->room = room;
	return 0;
}

/* What the response has more than the card's application gives, if it gives @le bytes. */
static uint32_t grown(const struct gp_scp *s, uint32_t le, uint8_t level)
{
	uint32_t more = le;

	if (!le)
		return level & GP_LEVEL_RMAC && s->p.quirks.le_for_rmac ? GP_LE_ANY : 0;
	if (le >= GP_LE_EXTENDED || !(level & GP_LEVEL_RMAC) || le == GP_LE_ANY)
		return le;
	if (level & GP_LEVEL_RENC)
		more = (uint32_t)gp_pad80(le, GP_AES_BLOCK);
	more += s->keys.mac_len;
	if (le < GP_LE_ANY)
		return more > GP_LE_ANY ? GP_LE_ANY : more;
	return more > GP_LE_EXTENDED ? GP_LE_EXTENDED : more;
}

static int check_command(const struct gp_scp *s, const struct gp_apdu *apdu,
			 struct gp_error *err)
{
	if (s->state != SCP_OPEN)
		return gp_fail(err, -ENOTCONN, "session-over",
			       "the secure channel is not open");
	/* 80 and 00 of the basic channel are left; 40 and up are other channels (7816-4, 5.4.1)
	 */
	if (apdu->cla & 0x7f)
		return gp_fail(err, -EINVAL, "bad-class",
			       "CLA %02X has a logical channel, chaining or secure messaging",
			       apdu->cla);
	if (apdu->len > gp_scp_max_data(s, GP_LC_EXTENDED))
		return gp_fail(err, -EMSGSIZE, "too-long",
			       "%zu bytes of data do not fit with secure messaging", apdu->len);
	return 0;
}

static enum scp_special special_of(const struct gp_apdu *apdu)
{
	if (apdu->cla != 0x80)
		return SCP_ORDINARY;
	if (apdu->ins == INS_BEGIN_RMAC)
		return SCP_BEGIN_RMAC;
	return apdu->ins == INS_END_RMAC && apdu->p2 == 0x03 ? SCP_END_RMAC : SCP_ORDINARY;
}

int gp_scp_wrap(struct gp_scp *s, struct gp_apdu *apdu, struct gp_error *err)
{
	enum scp_special special = special_of(apdu);
	struct scp_chain before = s->cur;
	struct scp_pending *p;
	struct gp_apdu out;
	uint8_t p1 = apdu->p1;
	int ret = check_command(s, apdu, err);

	if (ret)
		return ret;
	if (make_room(s))
		return gp_fail(err, -ENOMEM, "no-memory", "out of memory");
	p = s->pending + s->first + s->n_pending;
	memset(p, 0, sizeof(*p));
	p->special = special;
	p->level = s->cur.level;
	ret = gp_apdu_copy(&out, apdu);
	if (ret)
		return gp_fail(err, ret, "no-memory", "out of memory");
	out.le = grown(s, out.le, p->level);
	if (s->protocol == GP_SCP02 && p->level & GP_LEVEL_RMAC)
		ret = gp_scp02_remember(p, apdu);
	if (!ret)
		ret = s->protocol == GP_SCP02 ? gp_scp02_wrap(s, &out) : gp_scp03_wrap(s, &out);
	if (ret) {
		gp_apdu_clear(&out);
		forget(p);
		s->cur = before;
		return gp_fail(err, ret, ret == -ENOMEM ? "no-memory" : "crypto",
			       "the command could not be wrapped");
	}
	if (special == SCP_BEGIN_RMAC) {
		s->cur.level |= p1 & (GP_LEVEL_RMAC | GP_LEVEL_RENC);
		p->level = s->cur.level;
	} else if (special == SCP_END_RMAC) {
		s->cur.level &= (uint8_t)~(GP_LEVEL_RMAC | GP_LEVEL_RENC);
	}
	p->after = s->cur;
	s->n_pending++;
	gp_apdu_clear(apdu);
	*apdu = out;
	return 0;
}

int gp_scp_unwrap(struct gp_scp *s, uint8_t *rsp, size_t *len, struct gp_error *err)
{
	struct scp_pending *p = s->pending + s->first;
	size_t n = *len;
	uint16_t sw;
	bool open = s->state == SCP_OPEN;
	int ret = 0;

	if (!s->n_pending)
		return gp_fail(err, -ENOENT, "no-command", "no response is expected");
	if (!open) {
		ret = -EBADMSG;
	} else if (n < 2) {
		ret = -EBADMSG;
	} else {
		uint8_t bytes[2];

		n -= 2;
		memcpy(bytes, rsp + n, 2);
		sw = (uint16_t)(bytes[0] << 8 | bytes[1]);
		/* Amendment D 6.2.5: errors come bare; so they do with SCP02 */
		if (sw == SW_OK || sw >> 8 == 0x62 || sw >> 8 == 0x63)
			ret = s->protocol == GP_SCP02 ? gp_scp02_unwrap(s, p, rsp, &n, sw)
						      : gp_scp03_unwrap(s, p, rsp, &n, sw);
		if (!ret) {
			memcpy(rsp + n, bytes, 2);
			*len = n + 2;
		}
		/* the card did not do it, so its level is what it was */
		if (!ret && p->special != SCP_ORDINARY && sw != SW_OK) {
			p->after.level = s->done.level;
			if (s->n_pending == 1)
				s->cur.level = s->done.level;
		}
	}
	if (!ret)
		s->done = p->after;
	forget(p);
	s->first++;
	s->n_pending--;
	if (!ret)
		return 0;
	s->state = SCP_FAILED;
	OPENSSL_cleanse(&s->keys, sizeof(s->keys));
	if (ret != -EBADMSG)
		return gp_fail(err, ret, "crypto", "a response could not be unwrapped");
	return gp_fail(err, ret,
		       !open	  ? "session-over"
		       : *len < 2 ? "bad-response"
				  : "bad-rmac",
		       !open ? "the secure channel failed before"
			     : "a response is not what the card sent: its MAC is wrong or "
			       "missing");
}

size_t gp_scp_pending(const struct gp_scp *s)
{
	return s->n_pending;
}

void gp_scp_unsent(struct gp_scp *s)
{
	while (s->n_pending)
		forget(s->pending + s->first + --s->n_pending);
	s->first = 0;
	s->cur = s->done;
}

void gp_scp_set_quirks(struct gp_scp *s, const struct gp_scp_quirks *quirks)
{
	s->p.quirks = *quirks;
}

size_t gp_scp_max_data(const struct gp_scp *s, size_t lc_max)
{
	size_t mac = s->protocol == GP_SCP02 ? GP_DES_BLOCK : s->keys.mac_len;
	size_t block = s->protocol == GP_SCP02 ? GP_DES_BLOCK : GP_AES_BLOCK;

	if (!(s->cur.level & GP_LEVEL_CMAC))
		return lc_max;
	if (lc_max < mac)
		return 0;
	lc_max -= mac;
	if (!(s->cur.level & GP_LEVEL_CENC))
		return lc_max;
	return lc_max < block ? 0 : lc_max / block * block - 1;
}

enum gp_key_type gp_scp_dek_type(const struct gp_scp *s)
{
	if (s->protocol == GP_SCP_AUTO)
		return GP_KEY_NONE;
	return s->protocol == GP_SCP02 ? GP_KEY_DES : GP_KEY_AES;
}

int gp_scp_encrypt(struct gp_scp *s, const uint8_t *in, size_t len, uint8_t *out, size_t room,
		   size_t *out_len)
{
	size_t block = s->protocol == GP_SCP02 ? GP_DES_BLOCK : GP_AES_BLOCK;
	size_t size = len % block ? gp_pad80(len, block) : len;
	int ret = 0;

	if (s->state != SCP_OPEN)
		return -ENOTCONN;
	if (size > room)
		return -ENOSPC;
	if (s->protocol == GP_SCP03 && s->keyset.dek.type != GP_KEY_AES)
		return -ENOKEY;
	if (s->protocol == GP_SCP02 && s->i & GP_SCP02_THREE_KEYS && !s->keyset.dek.type)
		return -ENOKEY;
	if (in != out)
		memmove(out, in, len);
	if (size > len) {
		memset(out + len, 0, size - len);
		out[len] = 0x80;
	}
	if (s->protocol == GP_SCP03) {
		ret = gp_key_cbc(&s->keyset.dek, true, NULL, out, size, out);
	} else if (s->protocol == GP_SCP02) {
		for (size_t at = 0; at < size && !ret; at += block)
			ret = gp_des_cbc(true, s->keys.dek, 16, NULL, out + at, block,
					 out + at);
	} else {
		ret = gp_aes_cbc(true, s->keys.dek, s->keys.len, NULL, out, size, out);
	}
	if (ret)
		OPENSSL_cleanse(out, size);
	else
		*out_len = size;
	return ret;
}
