// SPDX-License-Identifier: Apache-2.0
/*
 * The walk: one file after the other, each by SELECT and READ BINARY in pieces.
 *
 *	OPEN -> (SECURE) -> ODF -> DODF … -> (AODF -> TRIES -> VERIFY) -> DATA
 *	  |        ^
 *	  v        |
 *	OPEN default -> DIR -> OPEN what it names
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gp/cmd.h"
#include "gp/scp.h"
#include "pkcs15/pkcs15-priv.h"

int pkcs15_new(struct pkcs15 **ret, const struct pkcs15_config *c)
{
	static const uint8_t usual[] = {0xa0, 0x00, 0x00, 0x00, 0x63, 0x50,
					0x4b, 0x43, 0x53, 0x2d, 0x31, 0x35};
	struct pkcs15 *p;

	if (c->oid.len == 0 || c->oid.len > sizeof(p->oid_bytes) ||
	    c->pin.len > PKCS15_PIN_MAX || c->aid.len > GP_AID_MAX || (c->keys && !c->random))
		return -EINVAL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->given_aid = c->aid.len > 0;
	p->aid = c->aid;
	if (!p->given_aid)
		gp_aid_set(&p->aid, usual, sizeof(usual));
	p->oid = (struct gp_bytes){p->oid_bytes, c->oid.len};
	memcpy(p->oid_bytes, c->oid.p, c->oid.len);
	p->name = c->file;
	p->pin = (struct gp_bytes){p->pin_bytes, c->pin.len};
	if (c->pin.len > 0)
		memcpy(p->pin_bytes, c->pin.p, c->pin.len);
	p->keys = c->keys;
	p->random = (struct gp_scp_random){.fill = c->random, .ctx = c->ctx};
	p->enough = c->enough;
	*ret = p;
	return 0;
}

void pkcs15_free(struct pkcs15 *p)
{
	if (!p)
		return;
	gp_scp_free(p->scp);
	pkcs15_forget(p);
	explicit_bzero(p, sizeof(*p));
	free(p);
}

/* ---- commands --------------------------------------------------------------- */

/* Path to SELECT with: P1 08 wants it from the master file or the application's folder. */
static int build_select(const struct pkcs15 *p, struct gp_apdu *a)
{
	uint8_t fids[2 * PKCS15_PATH_MAX + 2];
	const struct pkcs15_path *path = &p->path;
	const uint8_t *from = path->fids;
	size_t n = path->len, at = 0;

	if (p->by_fid) {
		gp_apdu_init(a, 0x00, GP_INS_SELECT, 0x00, 0x04);
		a->le = GP_LE_ANY;
		return gp_apdu_add(a, path->fids + n - 2, 2);
	}
	if (p->file != FILE_DIR && n == 2 && p->base.len > 0) {
		memcpy(fids, p->base.fids, p->base.len);
		at = p->base.len;
	} else if (p->file != FILE_DIR && n == 2) {
		fids[at++] = FID_HERE_HI;
		fids[at++] = FID_HERE_LO;
	}
	memcpy(fids + at, from, n);
	at += n;
	from = fids;
	if (at > 2 && from[0] == 0x3f && from[1] == 0x00) {
		from += 2;
		at -= 2;
	}
	gp_apdu_init(a, 0x00, GP_INS_SELECT, 0x08, 0x04);
	a->le = GP_LE_ANY;
	return gp_apdu_add(a, from, at);
}

static uint32_t piece(const struct pkcs15 *p)
{
	size_t left = p->end - p->len - p->path.offset;

	if (p->again == 0x6c)
		return p->asked;
	return p->end_known && left < PIECE ? (uint32_t)left : PIECE;
}

static int build(struct pkcs15 *p, struct gp_apdu *a)
{
	uint8_t pin[PKCS15_PIN_MAX];
	size_t offset;
	int n, r;

	if (p->again == 0x61) {
		gp_apdu_init(a, 0x00, INS_GET_RESPONSE, 0x00, 0x00);
		a->le = p->asked;
		return 0;
	}
	switch (p->at) {
	case AT_SELECT:
		return build_select(p, a);
	case AT_READ:
		offset = p->path.offset + p->len;
		gp_apdu_init(a, 0x00, INS_READ_BINARY, (uint8_t)(offset >> 8), (uint8_t)offset);
		a->le = piece(p);
		p->asked = (uint16_t)a->le;
		return 0;
	case AT_RECORD:
		gp_apdu_init(a, 0x00, INS_READ_RECORD, (uint8_t)p->record, 0x04);
		a->le = p->again == 0x6c ? p->asked : GP_LE_ANY;
		return 0;
	case AT_TRIES:
		gp_apdu_init(a, 0x00, INS_VERIFY, 0x00, p->form.reference);
		return 0;
	case AT_VERIFY:
	default:
		gp_apdu_init(a, 0x00, INS_VERIFY, 0x00, p->form.reference);
		n = pkcs15_pin_bytes(&p->form, &p->pin, pin, sizeof(pin));
		r = n < 0 ? n : gp_apdu_add(a, pin, (size_t)n);
		explicit_bzero(pin, sizeof(pin));
		return r;
	}
}

/* The next command of the secure channel. Return: 1, or 0 if it is open or has failed. */
static int next_secure(struct pkcs15 *p, struct gp_apdu *a)
{
	const struct gp_scp_params params = {
		.protocol = GP_SCP03,
		.i = GP_SCP_I_AUTO,
		.level = GP_LEVEL_CMAC | GP_LEVEL_CENC | GP_LEVEL_RMAC | GP_LEVEL_RENC,
		.kvn = p->keys->kvn,
		.keys = p->keys,
		.aid = p->aid,
		.random = p->random,
		.quirks = {.le_for_rmac = true},
	};
	struct gp_error err = {0};
	int r = p->scp ? 0 : gp_scp_new(&p->scp, &params, &err);

	if (r == 0)
		r = gp_scp_next(p->scp, a, &err);
	if (r < 0)
		pkcs15_fail(p,
			    r == -EKEYREJECTED || r == -EACCES || r == -ENOKEY ? r : -EREMOTEIO,
			    "secure channel to the PKCS #15 application: %s", err.detail);
	if (r == 0) {
		p->secured = true;
		pkcs15_go_fid(p, FILE_ODF, 0x50, 0x31);
	}
	return r > 0;
}

static int give(struct pkcs15 *p, struct pkcs15_action *action)
{
	struct gp_apdu a = {0};
	struct gp_error err = {0};
	int r = 0, made = 0;

	if (p->at == AT_SECURE)
		made = next_secure(p, &a);
	if (p->at != AT_FAILED && !made) {
		r = build(p, &a);
		if (r == 0 && p->secured)
			r = gp_scp_wrap(p->scp, &a, &err);
	}
	if (r == 0 && p->at != AT_FAILED)
		r = gp_apdu_encode(&a, NULL, 0, action->cmd, sizeof(action->cmd),
				   &action->cmd_len, &err);
	gp_apdu_clear(&a);
	if (r == -EINVAL && p->at == AT_VERIFY)
		pkcs15_fail(p, -EACCES, "the PIN does not have the form that EF AODF asks for");
	else if (r < 0)
		pkcs15_fail(p, r, "a command for %s cannot be made: %s", pkcs15_file_name(p),
			    strerror(-r));
	if (p->at == AT_FAILED)
		return p->error;
	if (p->at == AT_VERIFY && p->again == 0)
		p->pin_used = true;
	action->step = PKCS15_SEND;
	p->waiting = true;
	return 1;
}

int pkcs15_next(struct pkcs15 *p, struct pkcs15_action *action, char *words)
{
	int r;

	*words = '\0';
	memset(action, 0, sizeof(*action));
	if (p->waiting)
		return -EBUSY;
	if (p->at == AT_DONE)
		return 0;
	if (p->at == AT_OPEN) {
		action->step = PKCS15_OPEN;
		action->aid = p->aid;
		p->waiting = true;
		return 1;
	}
	r = p->at == AT_FAILED ? p->error : give(p, action);
	if (r < 0)
		memcpy(words, p->words, PKCS15_WORDS_MAX);
	return r;
}

const uint8_t *pkcs15_file(const struct pkcs15 *p, size_t *len)
{
	*len = p->at == AT_DONE ? p->len : 0;
	return p->at == AT_DONE ? p->data : NULL;
}

bool pkcs15_pin_used(const struct pkcs15 *p)
{
	return p->pin_used;
}
