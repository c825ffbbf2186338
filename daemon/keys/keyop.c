// SPDX-License-Identifier: Apache-2.0
/* Operations of keys in an SE: what is the same for all applications. */
#include <errno.h>
#include <string.h>

#include "keys/keyop.h"

#define LC_MAX 255

static const struct se_filter_rule iotsafe_rules[] = {
	{.ins = 0x24, .ins_mask = 0xff, .cla = 0x80, .cla_mask = 0xf3}, /* PUT PUBLIC KEY */
	{.ins = 0xd8, .ins_mask = 0xff, .cla = 0x80, .cla_mask = 0xf3},
	{.ins = 0x2a, .ins_mask = 0xff, .cla = 0x80, .cla_mask = 0xf3}, /* COMPUTE SIGNATURE */
	{.ins = 0x2b, .ins_mask = 0xff, .cla = 0x80, .cla_mask = 0xf3},
	{.ins = 0x46, .ins_mask = 0xff, .cla = 0x80, .cla_mask = 0xf3}, /* COMPUTE DH */
	{.ins = 0x48, .ins_mask = 0xff, .cla = 0x80, .cla_mask = 0xf3}, /* COMPUTE PRF */
	{.ins = 0xb0, .ins_mask = 0xff, .cla = 0x80, .cla_mask = 0xf3}, /* READ FILE */
	{.ins = 0xcb, .ins_mask = 0xff, .cla = 0x80, .cla_mask = 0xf3}, /* GET DATA */
	{.ins = 0xcd, .ins_mask = 0xff, .cla = 0x80, .cla_mask = 0xf3}, /* READ PUBLIC KEY */
};

static const struct se_filter_rule vault_rules[] = {
	{.ins = 0x42, .ins_mask = 0xff, .cla = 0x80, .cla_mask = 0xf3}, /* GET SLOT */
	{.ins = 0x34, .ins_mask = 0xff, .cla = 0x80, .cla_mask = 0xf3}, /* PUBLIC KEY */
	{.ins = 0x36, .ins_mask = 0xff, .cla = 0x80, .cla_mask = 0xf3}, /* SIGN */
	{.ins = 0x38, .ins_mask = 0xff, .cla = 0x80, .cla_mask = 0xf3}, /* AGREE */
	{.ins = 0x3a, .ins_mask = 0xff, .cla = 0x80, .cla_mask = 0xf3}, /* PRF */
};

/* what is registered to GSMA; makers append to it */
static const uint8_t iotsafe_aid[] = {0xa0, 0x00, 0x00, 0x05, 0x59, 0x00, 0x10};
static const uint8_t vault_aid[] = {0xf0, 'S', 'E', 'S', 'A', 'M', 'E', 0x04};

static bool input_fits(const struct keyop *op)
{
	switch (op->kind) {
	case KEYOP_SIGN:
		return op->in_len == 32 || op->in_len == 48 || op->in_len == 64;
	case KEYOP_AGREE:
		return op->in_len == KEYOP_POINT;
	case KEYOP_PRF:
		return op->in_len && op->in_len <= KEYOP_PRF_MAX && op->want &&
		       op->want <= KEYOP_PRF_MAX;
	default:
		return !op->in_len;
	}
}

int keyop_target(const struct keyop *op, struct job_exchange_params *p)
{
	if (!input_fits(op))
		return -EINVAL;
	p->se = op->ref.se;
	switch (op->ref.kind) {
	case SEREF_IOTSAFE:
		p->aid_len = sizeof(iotsafe_aid);
		memcpy(p->aid, iotsafe_aid, sizeof(iotsafe_aid));
		p->rules = iotsafe_rules;
		p->nr_rules = sizeof(iotsafe_rules) / sizeof(iotsafe_rules[0]);
		return 0;
	case SEREF_VAULT:
		p->aid_len = sizeof(vault_aid);
		memcpy(p->aid, vault_aid, sizeof(vault_aid));
		p->rules = vault_rules;
		p->nr_rules = sizeof(vault_rules) / sizeof(vault_rules[0]);
		return 0;
	default:
		return -EINVAL;
	}
}

/* 63xx to 9xxx but 9000: what the card says against it */
static int judge(struct keyop *op, uint16_t sw)
{
	if (sw == 0x9000)
		return 0;
	op->sw = sw;
	switch (sw) {
	case 0x6a82:
	case 0x6a83:
	case 0x6a88:
		return -ENOENT;
	case 0x6982:
	case 0x6985:
		return -EACCES;
	default:
		return -EIO;
	}
}

int keyop_next(void *userdata, const struct job_exchange_answer *a, uint8_t *cmd, size_t room)
{
	struct keyop *op = userdata;
	int r;

	(void)room;
	if (!a->index) {
		op->step = 0;
		op->out_len = 0;
		op->sw = 0;
	} else {
		r = judge(op, a->sw);
		if (r)
			return r;
	}
	return op->ref.kind == SEREF_IOTSAFE ? keyop_iotsafe(op, a, cmd)
					     : keyop_vault(op, a, cmd);
}

int keyop_command(uint8_t *cmd, const uint8_t head[4], const uint8_t *data, size_t lc, bool le,
		  uint8_t le_byte)
{
	size_t n = 4;

	if (lc > LC_MAX)
		return -EMSGSIZE;
	memcpy(cmd, head, 4);
	if (lc) {
		cmd[n++] = (uint8_t)lc;
		memcpy(cmd + n, data, lc);
		n += lc;
	}
	if (le)
		cmd[n++] = le_byte;
	return (int)n;
}

int keyop_take(struct keyop *op, const uint8_t *p, size_t len)
{
	if (len > op->room - op->out_len)
		return -EMSGSIZE;
	if (len)
		memcpy(op->out + op->out_len, p, len);
	op->out_len += len;
	return 0;
}

size_t keyop_psk_premaster(const uint8_t *psk, size_t len, uint8_t *out)
{
	out[0] = (uint8_t)(len >> 8);
	out[1] = (uint8_t)len;
	memset(out + 2, 0, len);
	out[2 + len] = (uint8_t)(len >> 8);
	out[3 + len] = (uint8_t)len;
	memcpy(out + 4 + len, psk, len);
	return 4 + 2 * len;
}
