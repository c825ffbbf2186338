// SPDX-License-Identifier: Apache-2.0
/* Builders of the commands with few fields (GPCS 2.3.1, chapter 11). */
#include <errno.h>

#include "gp/cmd-priv.h"

#define CHANNEL_MAX 19
#define KEY_NUMBER_MAX 0x7f
#define KVN_INITIAL 0xff /* of keys that nobody has replaced yet */

int gp_cmd_done(struct gp_apdu *out, int ret, struct gp_error *err)
{
	if (ret >= 0)
		return 0;
	if (ret == -EMSGSIZE)
		gp_fail(err, ret, "too-long", "a command has room for %d bytes of data",
			GP_LC_EXTENDED);
	else if (ret == -ENOMEM)
		gp_fail(err, ret, "no-memory", "not enough memory");
	gp_apdu_clear(out);
	return ret;
}

int gp_cmd_select(struct gp_apdu *out, const struct gp_aid *aid, bool next,
		  struct gp_error *err)
{
	gp_apdu_init(out, 0x00, GP_INS_SELECT, 0x04, next ? 0x02 : 0x00);
	out->le = GP_LE_ANY;
	return gp_cmd_done(out, aid ? gp_apdu_add(out, aid->bytes, aid->len) : 0, err);
}

int gp_cmd_channel_open(struct gp_apdu *out, struct gp_error *err)
{
	(void)err;
	gp_apdu_init(out, 0x00, GP_INS_MANAGE_CHANNEL, 0x00, 0x00);
	out->le = 1;
	return 0;
}

int gp_cmd_channel_close(struct gp_apdu *out, uint8_t channel, struct gp_error *err)
{
	gp_apdu_init(out, 0x00, GP_INS_MANAGE_CHANNEL, 0x80, channel);
	if (channel == 0 || channel > CHANNEL_MAX)
		return gp_cmd_done(out,
				   gp_fail(err, -EINVAL, "bad-channel",
					   "channel %d: only 1 to %d can be closed", channel,
					   CHANNEL_MAX),
				   err);
	return 0;
}

int gp_cmd_load(struct gp_apdu *out, unsigned int block, bool last, struct gp_bytes data,
		struct gp_error *err)
{
	gp_apdu_init(out, GP_CLA, GP_INS_LOAD, last ? 0x80 : 0x00, (uint8_t)block);
	out->le = GP_LE_ANY;
	if (block >= GP_LOAD_BLOCKS || data.len == 0)
		return gp_cmd_done(out,
				   gp_fail(err, -EINVAL, "bad-block",
					   "LOAD block %u of %zu bytes: there are 0 to %d, "
					   "of at least one byte",
					   block, data.len, GP_LOAD_BLOCKS - 1),
				   err);
	return gp_cmd_done(out, gp_apdu_add(out, data.p, data.len), err);
}

static int add_if(struct gp_apdu *out, unsigned int tag, struct gp_bytes b)
{
	return b.len ? gp_apdu_add_tlv(out, tag, b.p, b.len) : 0;
}

int gp_cmd_token_ref(struct gp_apdu *out, const struct gp_token_ref *ref)
{
	struct gp_apdu in = {0};
	int ret;

	if (!ref)
		return 0;
	ret = add_if(&in, 0x42, ref->sd_id);
	ret = ret < 0 ? ret : add_if(&in, 0x45, ref->sd_image);
	ret = ret < 0 ? ret : add_if(&in, 0x5f20, ref->provider);
	ret = ret < 0 ? ret : add_if(&in, 0x93, ref->number);
	ret = ret < 0 ? ret : gp_apdu_add(&in, ref->more.p, ref->more.len);
	if (ret == 0 && in.len)
		ret = gp_apdu_add_tlv(out, 0xb6, in.data, in.len);
	gp_apdu_clear(&in);
	return ret;
}

int gp_cmd_delete(struct gp_apdu *out, const struct gp_delete *what, struct gp_error *err)
{
	int ret;

	gp_apdu_init(out, GP_CLA, GP_INS_DELETE, 0x00, what->related ? 0x80 : 0x00);
	out->le = GP_LE_ANY;
	out->chain = true;
	if (what->aid.len == 0)
		return gp_cmd_done(out, gp_fail(err, -EINVAL, "no-aid", "DELETE of no AID"),
				   err);
	ret = gp_apdu_add_tlv(out, 0x4f, what->aid.bytes, what->aid.len);
	ret = ret < 0 ? ret : gp_cmd_token_ref(out, what->token_ref);
	out->signed_len = out->len;
	ret = ret < 0 ? ret : add_if(out, 0x9e, what->token);
	return gp_cmd_done(out, ret, err);
}

int gp_cmd_delete_key(struct gp_apdu *out, uint8_t kid, uint8_t kvn, struct gp_error *err)
{
	int ret = 0;

	gp_apdu_init(out, GP_CLA, GP_INS_DELETE, 0x00, 0x00);
	out->le = GP_LE_ANY;
	if ((!kid && !kvn) || kid > KEY_NUMBER_MAX ||
	    (kvn > KEY_NUMBER_MAX && kvn != KVN_INITIAL))
		return gp_cmd_done(out,
				   gp_fail(err, -EINVAL, "bad-key-number",
					   "DELETE of key identifier %02X, version %02X: 01 to "
					   "7F, 00 for all of one, but not for both",
					   kid, kvn),
				   err);
	if (kid)
		ret = gp_apdu_add_tlv(out, 0xd0, &kid, 1);
	if (kvn && ret == 0)
		ret = gp_apdu_add_tlv(out, 0xd2, &kvn, 1);
	return gp_cmd_done(out, ret, err);
}

int gp_cmd_get_status(struct gp_apdu *out, const struct gp_get_status *what,
		      struct gp_error *err)
{
	int ret;

	gp_apdu_init(out, GP_CLA, GP_INS_GET_STATUS, what->list,
		     (uint8_t)((what->old ? 0x00 : 0x02) | (what->next ? 0x01 : 0x00)));
	out->le = GP_LE_ANY;
	if (what->list != GP_LIST_ISD && what->list != GP_LIST_APPS &&
	    what->list != GP_LIST_ELFS && what->list != GP_LIST_MODULES)
		return gp_cmd_done(out,
				   gp_fail(err, -EINVAL, "bad-list",
					   "GET STATUS of %02X: one of 80, 40, 20, 10",
					   what->list),
				   err);
	if (what->prefix.len > GP_AID_MAX || what->tags.len > 0x7f)
		return gp_cmd_done(
			out,
			gp_fail(err, -EINVAL, "bad-criteria",
				"GET STATUS: an AID has %d bytes at most, a tag list "
				"127",
				GP_AID_MAX),
			err);
	ret = gp_apdu_add_tlv(out, 0x4f, what->prefix.p, what->prefix.len);
	ret = ret < 0 ? ret : add_if(out, 0x5c, what->tags);
	return gp_cmd_done(out, ret, err);
}

int gp_cmd_set_status(struct gp_apdu *out, uint8_t what, uint8_t state,
		      const struct gp_aid *aid, struct gp_error *err)
{
	size_t len = aid ? aid->len : 0;

	gp_apdu_init(out, GP_CLA, GP_INS_SET_STATUS, what, state);
	if ((what != GP_STATUS_CARD && what != GP_STATUS_APP && what != GP_STATUS_SD) ||
	    (what != GP_STATUS_CARD && !len))
		return gp_cmd_done(out,
				   gp_fail(err, -EINVAL, "bad-status",
					   "SET STATUS of %02X: 80 for the card, 40 or 60 with "
					   "an AID",
					   what),
				   err);
	return gp_cmd_done(out, len ? gp_apdu_add(out, aid->bytes, len) : 0, err);
}

int gp_cmd_store_data(struct gp_apdu *out, uint8_t flags, unsigned int block,
		      struct gp_bytes data, struct gp_error *err)
{
	gp_apdu_init(out, GP_CLA, GP_INS_STORE_DATA, flags, (uint8_t)block);
	/* 11.11.2.1: case 4 only if an answer is asked for */
	out->le = flags & GP_STORE_RESPONSE ? GP_LE_ANY : 0;
	if (block > 0xff ||
	    (flags & (GP_STORE_DGI | GP_STORE_BER)) == (GP_STORE_DGI | GP_STORE_BER) ||
	    flags & 0x06)
		return gp_cmd_done(out,
				   gp_fail(err, -EINVAL, "bad-block",
					   "STORE DATA block %u with P1 %02X", block, flags),
				   err);
	return gp_cmd_done(out, gp_apdu_add(out, data.p, data.len), err);
}

int gp_store_blocks(size_t len, size_t max, struct gp_error *err)
{
	size_t n;

	if (max == 0 || max > GP_LC_EXTENDED)
		return gp_fail(err, -EINVAL, "bad-block", "blocks of %zu bytes", max);
	n = len ? (len - 1) / max + 1 : 1;
	if (n > 256)
		return gp_fail(err, -EMSGSIZE, "too-long",
			       "%zu bytes of data in blocks of %zu take %zu STORE DATA "
			       "commands; there can be 256",
			       len, max, n);
	return (int)n;
}

int gp_cmd_store_data_nth(struct gp_apdu *out, uint8_t flags, struct gp_bytes data, size_t max,
			  unsigned int n, struct gp_error *err)
{
	int blocks = gp_store_blocks(data.len, max, err);
	struct gp_bytes part = data;
	bool last;

	gp_apdu_init(out, 0, 0, 0, 0);
	if (blocks < 0)
		return blocks;
	if (n >= (unsigned int)blocks)
		return gp_fail(err, -EINVAL, "bad-block", "block %u of %d", n, blocks);
	last = n + 1 == (unsigned int)blocks;
	if (data.len) {
		part.p = data.p + (size_t)n * max;
		part.len = last ? data.len - (size_t)n * max : max;
	}
	return gp_cmd_store_data(out, (uint8_t)(flags | (last ? GP_STORE_LAST : 0)), n, part,
				 err);
}

int gp_cmd_get_data(struct gp_apdu *out, uint16_t tag, struct gp_bytes data,
		    struct gp_error *err)
{
	static const uint8_t all[] = {0x5c, 0x00};

	gp_apdu_init(out, GP_CLA, GP_INS_GET_DATA, (uint8_t)(tag >> 8), (uint8_t)tag);
	out->le = GP_LE_ANY;
	if (tag == GP_DATA_APPLICATIONS && data.len == 0)
		data = (struct gp_bytes){all, sizeof(all)};
	return gp_cmd_done(out, gp_apdu_add(out, data.p, data.len), err);
}

int gp_cmd_get_certificates(struct gp_apdu *out, uint8_t kid, uint8_t kvn, struct gp_error *err)
{
	const uint8_t key[] = {0xa6, 0x04, 0x83, 0x02, kid, kvn};

	return gp_cmd_get_data(out, GP_DATA_CERTIFICATES, (struct gp_bytes){key, sizeof(key)},
			       err);
}
