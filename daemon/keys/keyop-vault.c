// SPDX-License-Identifier: Apache-2.0
/* The vault's side of an operation (Documentation/softse-card.rst): one command each. */
#include <errno.h>

#include "keys/keyop.h"

#define INS_GET_SLOT 0x42
#define INS_PUBLIC 0x34
#define INS_SIGN 0x36
#define INS_AGREE 0x38
#define INS_PRF 0x3a
#define EXT_LE_HIGH 0x10 /* 4096: the longest slot */

/* Case 2 with a length of three bytes: a slot has more than 256. */
static int get_slot(const struct keyop *op, uint8_t *cmd)
{
	const uint8_t c[] = {0x80, INS_GET_SLOT, op->ref.id[0], 0x00, 0x00, EXT_LE_HIGH, 0x00};

	for (size_t i = 0; i < sizeof(c); i++)
		cmd[i] = c[i];
	return (int)sizeof(c);
}

static int ask(struct keyop *op, uint8_t *cmd)
{
	uint8_t head[4] = {0x80, 0x00, op->ref.id[0], 0x00};
	uint8_t le = 0;

	switch (op->kind) {
	case KEYOP_READ:
		return get_slot(op, cmd);
	case KEYOP_PUBLIC:
		head[1] = INS_PUBLIC;
		op->size = KEYOP_POINT;
		break;
	case KEYOP_SIGN:
		head[1] = INS_SIGN;
		op->size = KEYOP_SIGNATURE;
		break;
	case KEYOP_AGREE:
		head[1] = INS_AGREE;
		op->size = KEYOP_SCALAR;
		break;
	case KEYOP_PRF:
		head[1] = INS_PRF;
		head[3] = 0x01; /* the slot is a pre-shared key */
		op->size = op->want;
		le = (uint8_t)op->want;
		break;
	}
	return keyop_command(cmd, head, op->in, op->in_len, true, le);
}

int keyop_vault(struct keyop *op, const struct job_exchange_answer *a, uint8_t *cmd)
{
	if (!op->step++) {
		op->size = 0;
		return ask(op, cmd);
	}
	if (!a->len || (op->size && a->len != op->size) ||
	    (op->kind == KEYOP_PUBLIC && a->data[0] != 0x04))
		return -EBADMSG;
	return keyop_take(op, a->data, a->len);
}
