// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gp/cmd.h"
#include "gp/token-priv.h"
#include "model/ber.h"

#define TAG_AID 0x4f
#define TAG_CRT 0xb6
#define TAG_TOKEN 0x9e

/* INSTALL: fields in front of the token, whatever it is for (GPCS 11.5.2.3) */
#define LOAD_FIELDS 4	 /* load file, domain, hash, parameters */
#define INSTALL_FIELDS 5 /* two AIDs or lengths 0, application, privileges, parameters */

static const char *const names[] = {
	[GP_TOKEN_LOAD] = "load",
	[GP_TOKEN_INSTALL] = "install",
	[GP_TOKEN_MAKE_SELECTABLE] = "make-selectable",
	[GP_TOKEN_INSTALL_MAKE_SELECTABLE] = "install-make-selectable",
	[GP_TOKEN_EXTRADITION] = "extradition",
	[GP_TOKEN_REGISTRY_UPDATE] = "registry-update",
	[GP_TOKEN_DELETE] = "delete",
	[GP_TOKEN_LOAD_INSTALL_SELECTABLE] = "load-install-make-selectable",
};

const char *gp_token_kind_name(enum gp_token_kind kind)
{
	return (size_t)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "?";
}

/* A length as gp_put_length() writes it. Return: its own size, 0 if it is none. */
static size_t read_length(const uint8_t *p, size_t len, size_t *value)
{
	size_t n;

	if (!len || p[0] == 0x80 || p[0] > 0x82)
		return 0;
	if (p[0] < 0x80) {
		*value = p[0];
		return 1;
	}
	n = p[0] & 0x7f;
	if (len < 1 + n)
		return 0;
	*value = n == 1 ? p[1] : (size_t)p[1] << 8 | p[2];
	return 1 + n;
}

bool gp_take_field(struct gp_bytes *in, struct gp_bytes *field)
{
	size_t value = 0, size = read_length(in->p, in->len, &value);

	if (!size || value > in->len - size)
		return false;
	*field = (struct gp_bytes){in->p + size, value};
	in->p += size + value;
	in->len -= size + value;
	return true;
}

static bool is_load(const struct gp_apdu *cmd)
{
	return cmd->p1 & GP_INSTALL_LOAD && cmd->p2 != GP_INSTALL_COMBINED_END;
}

/* What one command is for; the two of C.4.7 are told by P2. */
static int kind_of(const struct gp_apdu *cmd, struct gp_error *err)
{
	if (cmd->ins == GP_INS_DELETE)
		return GP_TOKEN_DELETE;
	if (cmd->ins == GP_INS_INSTALL) {
		if (cmd->p2 == GP_INSTALL_COMBINED_BEGIN || cmd->p2 == GP_INSTALL_COMBINED_END)
			return GP_TOKEN_LOAD_INSTALL_SELECTABLE;
		switch (cmd->p2 ? 0 : cmd->p1) {
		case GP_INSTALL_LOAD:
			return GP_TOKEN_LOAD;
		case GP_INSTALL_INSTALL:
			return GP_TOKEN_INSTALL;
		case GP_INSTALL_MAKE_SELECTABLE:
			return GP_TOKEN_MAKE_SELECTABLE;
		case GP_INSTALL_INSTALL | GP_INSTALL_MAKE_SELECTABLE:
			return GP_TOKEN_INSTALL_MAKE_SELECTABLE;
		case GP_INSTALL_EXTRADITION:
			return GP_TOKEN_EXTRADITION;
		case GP_INSTALL_REGISTRY_UPDATE:
			return GP_TOKEN_REGISTRY_UPDATE;
		default:
			break;
		}
	}
	return gp_fail(err, -EINVAL, "no-token-here",
		       "a command with INS %02X, P1 %02X, P2 %02X takes no token", cmd->ins,
		       cmd->p1, cmd->p2);
}

static int bad(struct gp_error *err, const char *what)
{
	return gp_fail(err, -EBADMSG, "bad-command", "%s", what);
}

static int scan_install(struct gp_apdu *cmd, struct gp_bytes *token, struct gp_error *err)
{
	size_t fields = is_load(cmd) ? LOAD_FIELDS : INSTALL_FIELDS;
	struct gp_bytes in = {cmd->data, cmd->len}, field;

	for (size_t i = 0; i < fields; i++)
		if (!gp_take_field(&in, &field))
			return bad(err, "INSTALL: a field goes beyond the end of the data");
	cmd->signed_len = cmd->len - in.len;
	/* the builder of a token's data may have left out even its length */
	if (!in.len)
		return 0;
	if (!gp_take_field(&in, token) || in.len)
		return bad(err, "INSTALL: what follows the parameters is no token");
	return 0;
}

static int scan_delete(struct gp_apdu *cmd, struct gp_bytes *token, struct gp_error *err)
{
	struct ber_reader r = {cmd->data, cmd->len};
	struct ber_tlv t;
	int n = ber_next(&r, &t);

	if (n == 1 && t.tag != TAG_AID)
		return gp_fail(err, -EINVAL, "no-token-here", "DELETE of a key takes no token");
	if (n != 1)
		return bad(err, "DELETE: the data do not begin with an AID");
	cmd->signed_len = t.size;
	n = ber_next(&r, &t);
	if (n == 1 && t.tag == TAG_CRT) {
		cmd->signed_len += t.size;
		n = ber_next(&r, &t);
	}
	if (n == 1 && t.tag == TAG_TOKEN && !r.len) {
		*token = (struct gp_bytes){t.value, t.len};
		return 0;
	}
	return n ? bad(err, "DELETE: what follows the AID is no token") : 0;
}

int gp_token_scan(struct gp_apdu *cmd, struct gp_bytes *token, struct gp_error *err)
{
	struct gp_bytes ignored;
	int r = kind_of(cmd, err);

	if (!token)
		token = &ignored;
	*token = (struct gp_bytes){NULL, 0};
	cmd->signed_len = 0;
	if (r < 0)
		return r;
	if (!cmd->len)
		return bad(err, "the command has no data");
	return cmd->ins == GP_INS_DELETE ? scan_delete(cmd, token, err)
					 : scan_install(cmd, token, err);
}

int gp_token_kind(const struct gp_apdu *const *cmds, size_t n, struct gp_error *err)
{
	int kind;

	if (!n || n > 2)
		return gp_fail(err, -EINVAL, "no-token-here",
			       "a token is over one command or two, not %zu", n);
	for (size_t i = 0; i < n; i++) {
		kind = kind_of(cmds[i], err);
		if (kind < 0)
			return kind;
		if ((kind == GP_TOKEN_LOAD_INSTALL_SELECTABLE) != (n == 2))
			return gp_fail(err, -EINVAL, "no-token-here",
				       n == 2 ? "two commands share a token only for load, "
						"install and make selectable (P2 01, then 03)"
					      : "load, install and make selectable is two "
						"commands with one token");
	}
	if (n == 2 && (cmds[0]->p2 != GP_INSTALL_COMBINED_BEGIN ||
		       cmds[1]->p2 != GP_INSTALL_COMBINED_END))
		return gp_fail(err, -EINVAL, "no-token-here",
			       "the command with P2 01 comes first, the one with 03 second");
	return kind;
}

int gp_token_data(const struct gp_apdu *const *cmds, size_t n, uint8_t **data, size_t *len,
		  struct gp_error *err)
{
	int r = gp_token_kind(cmds, n, err);
	size_t room = 0;
	uint8_t *p;

	*data = NULL;
	*len = 0;
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (!cmds[i]->signed_len || cmds[i]->signed_len > cmds[i]->len)
			return gp_fail(err, -EINVAL, "no-token-here",
				       "it is not known where the command's token begins");
		room += 5 + cmds[i]->signed_len;
	}
	p = *data = malloc(room);
	if (!p)
		return gp_fail(err, -ENOMEM, "no-memory", "out of memory");
	for (size_t i = 0; i < n; i++) {
		size_t l = cmds[i]->signed_len;

		*p++ = cmds[i]->p1;
		*p++ = cmds[i]->p2;
		/* as of an extended Lc, not BER */
		if (l > 0xff) {
			*p++ = 0;
			*p++ = (uint8_t)(l >> 8);
		}
		*p++ = (uint8_t)l;
		memcpy(p, cmds[i]->data, l);
		p += l;
	}
	*len = (size_t)(p - *data);
	return 0;
}

int gp_token_sign(const struct gp_signer *s, const struct gp_apdu *const *cmds, size_t n,
		  uint8_t token[GP_SIGN_MAX], size_t *token_len, struct gp_error *err)
{
	uint8_t *data;
	size_t len;
	int r = gp_token_data(cmds, n, &data, &len, err);

	if (!r)
		r = gp_sign(s, data, len, token, token_len, err);
	free(data);
	return r;
}

int gp_token_verify(const struct gp_signer *s, const struct gp_apdu *const *cmds, size_t n,
		    const uint8_t *token, size_t token_len, struct gp_error *err)
{
	uint8_t *data;
	size_t len;
	int r = gp_token_data(cmds, n, &data, &len, err);

	if (!r)
		r = gp_verify(s, data, len, token, token_len, err);
	free(data);
	return r;
}

int gp_token_put(struct gp_apdu *cmd, const uint8_t *token, size_t len, struct gp_error *err)
{
	struct gp_apdu made;
	int r = kind_of(cmd, err);

	if (r < 0)
		return r;
	if (!cmd->signed_len || cmd->signed_len > cmd->len || len > GP_SIGN_MAX)
		return gp_fail(err, -EINVAL, "bad-token",
			       "a token of %zu bytes cannot be put into this command", len);
	gp_apdu_init(&made, cmd->cla, cmd->ins, cmd->p1, cmd->p2);
	r = gp_apdu_add(&made, cmd->data, cmd->signed_len);
	if (!r && cmd->ins == GP_INS_INSTALL)
		r = gp_apdu_add_lv(&made, token, len);
	else if (!r && len)
		r = gp_apdu_add_tlv(&made, TAG_TOKEN, token, len);
	if (r) {
		gp_apdu_clear(&made);
		return gp_fail(err, r, "bad-token", "the command has no room for the token");
	}
	made.le = cmd->le;
	made.signed_len = cmd->signed_len;
	made.chain = cmd->chain;
	gp_apdu_clear(cmd);
	*cmd = made;
	return 0;
}
