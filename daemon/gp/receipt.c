// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gp/receipt.h"
#include "gp/token-priv.h"
#include "model/ber.h"

static const char *const names[] = {
	[GP_RECEIPT_LOAD] = "load",
	[GP_RECEIPT_INSTALL] = "install",
	[GP_RECEIPT_EXTRADITION] = "extradition",
	[GP_RECEIPT_REGISTRY_UPDATE] = "registry-update",
	[GP_RECEIPT_DELETE] = "delete",
	[GP_RECEIPT_LOAD_INSTALL_SELECTABLE] = "load-install-make-selectable",
};

const char *gp_receipt_kind_name(enum gp_receipt_kind kind)
{
	return (size_t)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "?";
}

static int bad(struct gp_error *err, const char *what)
{
	return gp_fail(err, -EBADMSG, "bad-receipt", "the card's confirmation %s", what);
}

/* One length byte and that many bytes. */
static bool take_lv(struct gp_bytes *in, struct gp_bytes *out)
{
	if (!in->len || in->p[0] > in->len - 1)
		return false;
	*out = (struct gp_bytes){in->p + 1, in->p[0]};
	in->p += 1 + out->len;
	in->len -= 1 + out->len;
	return true;
}

/*
 * The receipt's own length is BER-TLV's (table 11-13): 81 in front of 80 to FF. A
 * signature by RSA of more than 2040 bits needs 82, which the table leaves out.
 */
static bool take_signature(struct gp_bytes *in, struct gp_bytes *out)
{
	size_t head, len;

	if (!in->len)
		return false;
	head = in->p[0] == 0x81 ? 2 : in->p[0] == 0x82 ? 3 : 1;
	if (in->len < head || (head == 1 && in->p[0] >= 0x80))
		return false;
	len = head == 1 ? in->p[0] : head == 2 ? in->p[1] : (size_t)in->p[1] << 8 | in->p[2];
	if (len > in->len - head)
		return false;
	*out = (struct gp_bytes){in->p + head, len};
	in->p += head + len;
	in->len -= head + len;
	return true;
}

int gp_receipt_read(const uint8_t *rsp, size_t len, struct gp_receipt *receipt,
		    struct gp_error *err)
{
	struct gp_bytes in = {rsp, len}, counter;

	memset(receipt, 0, sizeof(*receipt));
	if (!len || (len == 1 && !rsp[0]))
		return 0;
	if (!take_signature(&in, &receipt->signature))
		return bad(err, "does not begin with a receipt");
	/* nothing behind it: that was the length of the whole */
	if (!in.len) {
		in = receipt->signature;
		if (!take_signature(&in, &receipt->signature))
			return bad(err, "does not begin with a receipt");
	}
	receipt->confirmation = in;
	if (!take_lv(&in, &counter) || counter.len != 2)
		return bad(err, "has no confirmation counter of two bytes");
	receipt->counter = (uint16_t)(counter.p[0] << 8 | counter.p[1]);
	if (!take_lv(&in, &receipt->unique) || !receipt->unique.len)
		return bad(err, "does not name the card");
	if (in.len && !take_lv(&in, &receipt->token_id))
		return bad(err, "has a token identifier that is cut short");
	if (in.len && !take_lv(&in, &receipt->token_digest))
		return bad(err, "has a token digest that is cut short");
	return in.len ? bad(err, "goes on behind its end") : 1;
}

/* bytes on their way into one buffer, or only counted if @p is NULL */
struct out {
	uint8_t *p;
	size_t len;
};

static void put(struct out *o, const void *p, size_t len)
{
	if (o->p && len)
		memcpy(o->p + o->len, p, len);
	o->len += len;
}

static void put_aid(struct out *o, const struct gp_aid *aid)
{
	put(o, &aid->len, 1);
	put(o, aid->bytes, aid->len);
}

static void put_subject(struct out *o, const struct gp_receipt_subject *s)
{
	uint8_t privileges_len = (uint8_t)s->privileges.len, params_len[3];

	switch (s->kind) {
	case GP_RECEIPT_LOAD:
		put_aid(o, &s->elf);
		put_aid(o, &s->sd);
		break;
	case GP_RECEIPT_INSTALL:
		put_aid(o, &s->elf);
		put_aid(o, &s->app);
		break;
	case GP_RECEIPT_EXTRADITION:
		put_aid(o, &s->old_sd);
		put_aid(o, &s->app);
		put_aid(o, &s->sd);
		break;
	case GP_RECEIPT_REGISTRY_UPDATE:
		put_aid(o, &s->old_sd);
		put_aid(o, &s->app);
		put_aid(o, &s->sd);
		put(o, &privileges_len, 1);
		put(o, s->privileges.p, s->privileges.len);
		put(o, params_len, gp_put_length(params_len, s->params.len));
		put(o, s->params.p, s->params.len);
		break;
	case GP_RECEIPT_DELETE:
		put_aid(o, &s->app);
		break;
	case GP_RECEIPT_LOAD_INSTALL_SELECTABLE:
		put_aid(o, &s->elf);
		put_aid(o, &s->app);
		put_aid(o, &s->sd);
		break;
	}
}

static bool is_complete(const struct gp_receipt_subject *s)
{
	switch (s->kind) {
	case GP_RECEIPT_LOAD:
		return s->elf.len && s->sd.len;
	case GP_RECEIPT_INSTALL:
		return s->elf.len && s->app.len;
	case GP_RECEIPT_EXTRADITION:
		return s->old_sd.len && s->app.len && s->sd.len;
	case GP_RECEIPT_REGISTRY_UPDATE:
		return s->privileges.len <= 3 && s->privileges.len != 2 &&
		       s->params.len <= GP_LC_EXTENDED;
	case GP_RECEIPT_DELETE:
		return s->app.len;
	case GP_RECEIPT_LOAD_INSTALL_SELECTABLE:
		return s->elf.len && s->app.len && s->sd.len;
	}
	return false;
}

int gp_receipt_data(const struct gp_receipt *receipt, const struct gp_receipt_subject *subject,
		    uint8_t **data, size_t *len, struct gp_error *err)
{
	struct out o = {NULL, 0};

	*data = NULL;
	*len = 0;
	if (!is_complete(subject))
		return gp_fail(err, -EINVAL, "bad-receipt-subject",
			       "it is not known what the %s receipt speaks of",
			       gp_receipt_kind_name(subject->kind));
	put_subject(&o, subject);
	o.p = malloc(o.len + receipt->confirmation.len);
	if (!o.p)
		return gp_fail(err, -ENOMEM, "no-memory", "out of memory");
	o.len = 0;
	put(&o, receipt->confirmation.p, receipt->confirmation.len);
	put_subject(&o, subject);
	*data = o.p;
	*len = o.len;
	return 0;
}

int gp_receipt_verify(const struct gp_signer *s, const struct gp_receipt *receipt,
		      const struct gp_receipt_subject *subject, struct gp_error *err)
{
	uint8_t *data;
	size_t len;
	int r;

	if (!receipt->signature.len)
		return bad(err, "has no receipt in it");
	r = gp_receipt_data(receipt, subject, &data, &len, err);
	if (!r)
		r = gp_verify(s, data, len, receipt->signature.p, receipt->signature.len, err);
	free(data);
	return r;
}

/* ---- the command that it answers ---- */

#define FIELDS 5 /* of INSTALL in front of the token; LOAD's form has one less */

static bool take_aid(struct gp_aid *aid, const struct gp_bytes *field)
{
	return !gp_aid_set(aid, field->p, field->len);
}

/* The fields of INSTALL; what is not there stays empty. */
static void take_fields(const struct gp_apdu *cmd, struct gp_bytes f[FIELDS])
{
	struct gp_bytes in = {cmd->data, cmd->signed_len};

	memset(f, 0, FIELDS * sizeof(*f));
	for (size_t i = 0; i < FIELDS && gp_take_field(&in, &f[i]); i++)
		;
}

static bool of_delete(const struct gp_apdu *cmd, struct gp_receipt_subject *s)
{
	struct ber_reader r = {cmd->data, cmd->signed_len};
	struct ber_tlv t;

	s->kind = GP_RECEIPT_DELETE;
	return ber_next(&r, &t) == 1 && !gp_aid_set(&s->app, t.value, t.len);
}

/* [for extradition] and [for registry update]: new domain, -, object, privileges, params */
static bool of_move(const struct gp_bytes f[FIELDS], const struct gp_aid *executing,
		    struct gp_receipt_subject *s)
{
	if (s->kind == GP_RECEIPT_EXTRADITION || f[0].len)
		s->old_sd = *executing;
	s->privileges = f[3];
	s->params = f[4];
	return take_aid(&s->sd, &f[0]) && take_aid(&s->app, &f[2]);
}

int gp_receipt_subject(const struct gp_apdu *const *cmds, size_t n,
		       const struct gp_aid *executing, const struct gp_aid *elf,
		       struct gp_receipt_subject *s, struct gp_error *err)
{
	int kind = gp_token_kind(cmds, n, err);
	struct gp_bytes f[FIELDS];
	bool good = true;

	memset(s, 0, sizeof(*s));
	if (kind < 0)
		return kind;
	take_fields(cmds[0], f);
	switch ((enum gp_token_kind)kind) {
	case GP_TOKEN_LOAD:
		s->kind = GP_RECEIPT_LOAD;
		s->sd = *executing;
		good = take_aid(&s->elf, &f[0]) && (!f[1].len || take_aid(&s->sd, &f[1]));
		break;
	case GP_TOKEN_INSTALL:
	case GP_TOKEN_MAKE_SELECTABLE:
	case GP_TOKEN_INSTALL_MAKE_SELECTABLE:
		s->kind = GP_RECEIPT_INSTALL;
		good = take_aid(&s->elf, &f[0]) && take_aid(&s->app, &f[2]);
		if (!s->elf.len && elf)
			s->elf = *elf;
		break;
	case GP_TOKEN_EXTRADITION:
		s->kind = GP_RECEIPT_EXTRADITION;
		good = of_move(f, executing, s);
		break;
	case GP_TOKEN_REGISTRY_UPDATE:
		s->kind = GP_RECEIPT_REGISTRY_UPDATE;
		good = of_move(f, executing, s);
		break;
	case GP_TOKEN_DELETE:
		good = of_delete(cmds[0], s);
		break;
	case GP_TOKEN_LOAD_INSTALL_SELECTABLE:
		s->kind = GP_RECEIPT_LOAD_INSTALL_SELECTABLE;
		s->sd = *executing;
		good = take_aid(&s->elf, &f[0]) && (!f[1].len || take_aid(&s->sd, &f[1]));
		take_fields(cmds[1], f);
		good = good && take_aid(&s->app, &f[2]);
		break;
	}
	if (!good || !is_complete(s))
		return gp_fail(err, -EINVAL, "bad-receipt-subject",
			       "the command does not say all that its receipt speaks of");
	return 0;
}
