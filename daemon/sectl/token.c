// SPDX-License-Identifier: Apache-2.0
/* token, receipt: delegated management where no card is. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gp/cmd.h"
#include "gp/receipt.h"
#include "gp/token.h"
#include "libse/se.h"
#include "sectl/act.h"
#include "sectl/sectl.h"
#include "sectl/sign.h"

#define LINES_MAX (1U << 20)
#define RECEIPT_MAX 1024
#define COMMANDS_MAX 2 /* of load, install and make selectable */

/* commands, their segments joined */
struct commands {
	struct gp_apdu apdu[COMMANDS_MAX];
	size_t n;
	bool open; /* the last one has more segments to come */
	enum gp_token_kind kind;
};

static const struct gp_apdu *const *list(const struct commands *c,
					 const struct gp_apdu *cmds[COMMANDS_MAX])
{
	for (size_t i = 0; i < c->n; i++)
		cmds[i] = &c->apdu[i];
	return cmds;
}

static void commands_clear(struct commands *c)
{
	for (size_t i = 0; i < c->n; i++)
		gp_apdu_clear(&c->apdu[i]);
	c->n = 0;
}

/* GPCS 11.1.5.1: the same header but for P1 b8, which is set in all but the last */
static int join(struct commands *c, struct gp_apdu *next, struct gp_error *err)
{
	struct gp_apdu *all = &c->apdu[c->n - 1];

	if (next->ins != all->ins || next->p2 != all->p2 ||
	    (next->p1 & ~GP_P1_MORE) != (all->p1 & ~GP_P1_MORE))
		return gp_fail(err, -EINVAL, "bad-command",
			       "a command with P1 b8 set is not followed by the rest of it");
	all->p1 = next->p1;
	return gp_apdu_add(all, next->data, next->len);
}

static int add(void *ctx, const char *hex, size_t digits)
{
	struct commands *c = ctx;
	struct gp_error err = {0};
	uint8_t *p = malloc(digits / 2 + 1);
	struct gp_apdu cmd;
	size_t len;
	int r;

	if (!p)
		return fail(EXIT_FAILED, "failed", NULL, "no memory");
	r = se_from_hex(hex, digits, p, digits / 2, &len);
	if (!r)
		r = gp_apdu_decode(&cmd, p, len, &err);
	forget(p, digits / 2);
	if (r)
		return fail(EXIT_USAGE, "bad-apdu", "an INSTALL or DELETE command in hex",
			    "not a C-APDU (%zu characters)", digits);
	if (c->open) {
		r = join(c, &cmd, &err);
		gp_apdu_clear(&cmd);
	} else if (c->n == COMMANDS_MAX) {
		gp_apdu_clear(&cmd);
		r = gp_fail(&err, -EINVAL, "usage",
			    "a token is over one command, or over the two of load, install "
			    "and make selectable");
	} else {
		c->apdu[c->n++] = cmd;
	}
	if (r)
		return fail_gp(r, &err);
	/* P1 b8 means other things elsewhere: in LOAD the last one has it */
	c->open =
		c->apdu[c->n - 1].p1 & GP_P1_MORE && (c->apdu[c->n - 1].ins == GP_INS_INSTALL ||
						      c->apdu[c->n - 1].ins == GP_INS_DELETE);
	return EXIT_OK;
}

static int take_commands(int argc, char **argv, struct commands *c)
{
	const struct gp_apdu *cmds[COMMANDS_MAX];
	struct gp_error err = {0};
	int r = EXIT_OK, kind;

	memset(c, 0, sizeof(*c));
	for (int i = 0; !r && i < argc; i++)
		/* install parameters may hold secrets; those commands come through a pipe */
		r = strcmp(argv[i], "-") ? add(c, argv[i], strlen(argv[i]))
					 : read_lines(LINES_MAX, add, c);
	if (!r && c->open)
		r = fail(EXIT_USAGE, "bad-command", NULL,
			 "P1 of the last command says that more of it follows");
	for (size_t i = 0; !r && i < c->n; i++)
		if ((kind = gp_token_scan(&c->apdu[i], NULL, &err)))
			r = fail_gp(-EINVAL, &err);
	if (r)
		return r;
	kind = gp_token_kind(list(c, cmds), c->n, &err);
	if (kind < 0)
		return fail_gp(kind, &err);
	c->kind = (enum gp_token_kind)kind;
	return EXIT_OK;
}

int verb_token_data(int argc, char **argv)
{
	const struct gp_apdu *cmds[COMMANDS_MAX];
	struct gp_error err = {0};
	uint8_t *data = NULL;
	struct commands c;
	size_t len;
	int r = take_commands(argc, argv, &c);

	if (!r) {
		r = gp_token_data(list(&c, cmds), c.n, &data, &len, &err);
		r = r ? fail_gp(r, &err) : put_signed("data", data, len, NULL);
	}
	free(data);
	commands_clear(&c);
	return r;
}

int verb_token_sign(int argc, char **argv)
{
	const struct gp_apdu *cmds[COMMANDS_MAX];
	uint8_t token[GP_SIGN_MAX];
	struct gp_error err = {0};
	struct signing s = {0};
	struct commands c;
	size_t len;
	int r = take_commands(argc, argv, &c);

	if (!r)
		r = signing_open(&s, KEYS_USE_TOKEN, true);
	if (!r) {
		r = gp_token_sign(&s.signer, list(&c, cmds), c.n, token, &len, &err);
		r = r ? fail_gp(r, &err) : put_signed("token", token, len, s.scheme);
	}
	signing_close(&s);
	commands_clear(&c);
	return r;
}

int verb_token_verify(int argc, char **argv)
{
	const struct gp_apdu *cmds[COMMANDS_MAX];
	struct gp_bytes there = {NULL, 0};
	uint8_t token[GP_SIGN_MAX];
	struct gp_error err = {0};
	struct signing s = {0};
	sd_json_variant *v = NULL;
	struct commands c;
	size_t len = 0;
	int r = take_commands(argc, argv, &c);

	/* the token that is in the command, unless another is brought */
	if (!r && opt.token)
		r = read_hex_or_bytes(opt.token, token, sizeof(token), &len);
	else if (!r && !gp_token_scan(&c.apdu[c.n - 1], &there, &err) &&
		 there.len <= sizeof(token) && there.len) {
		memcpy(token, there.p, there.len);
		len = there.len;
	}
	if (!r && !len)
		r = fail(EXIT_USAGE, "usage", "--token=FILE",
			 "there is no token in the command, and none was given");
	if (!r)
		r = signing_open(&s, KEYS_USE_TOKEN, false);
	if (!r) {
		r = gp_token_verify(&s.signer, list(&c, cmds), c.n, token, len, &err);
		if (r) {
			r = fail_gp(r, &err);
		} else if (opt.json) {
			r = sd_json_buildo(
				&v, SD_JSON_BUILD_PAIR_BOOLEAN("verified", true),
				SD_JSON_BUILD_PAIR_STRING("kind", gp_token_kind_name(c.kind)),
				SD_JSON_BUILD_PAIR_STRING("scheme", s.scheme));
			r = put_json(v, r);
		} else {
			printf("%s token is right (%s)\n", gp_token_kind_name(c.kind),
			       s.scheme);
		}
	}
	signing_close(&s);
	commands_clear(&c);
	return r;
}

/* ---- receipt verify ---- */

static int check_receipt(const struct commands *c, const uint8_t *rsp, size_t len,
			 const struct signing *s)
{
	const struct gp_apdu *cmds[COMMANDS_MAX];
	struct gp_aid executing, elf = {.len = 0};
	struct gp_receipt_subject subject;
	struct gp_receipt receipt;
	struct gp_error err = {0};
	sd_json_variant *v = NULL;
	int r = act_aid("--sd", opt.sd, &executing);

	if (!r && opt.package)
		r = act_aid("--package", opt.package, &elf);
	if (r)
		return r;
	r = gp_receipt_subject(list(c, cmds), c->n, &executing, &elf, &subject, &err);
	if (!r)
		r = gp_receipt_read(rsp, len, &receipt, &err);
	if (!r)
		return fail(EXIT_FAILED, "no-receipt", NULL,
			    "the card confirms, but gives no receipt");
	if (r > 0)
		r = gp_receipt_verify(&s->signer, &receipt, &subject, &err);
	if (r < 0)
		return fail_gp(r, &err);
	if (!opt.json) {
		printf("%s receipt %u is right (%s)\n", gp_receipt_kind_name(subject.kind),
		       receipt.counter, s->scheme);
		return EXIT_OK;
	}
	r = sd_json_buildo(
		&v, SD_JSON_BUILD_PAIR_BOOLEAN("verified", true),
		SD_JSON_BUILD_PAIR_STRING("kind", gp_receipt_kind_name(subject.kind)),
		SD_JSON_BUILD_PAIR_UNSIGNED("counter", receipt.counter),
		SD_JSON_BUILD_PAIR_STRING("scheme", s->scheme));
	return put_json(v, r);
}

int verb_receipt_verify(int argc, char **argv)
{
	uint8_t rsp[RECEIPT_MAX];
	struct signing s = {0};
	struct commands c = {.n = 0};
	size_t len;
	int r;

	if (!opt.sd)
		return fail(EXIT_USAGE, "usage", "--sd=AID",
			    "a receipt speaks of the security domain that ran the command");
	r = take_hex("receipt", argv[0], rsp, sizeof(rsp), &len);
	if (!r)
		r = take_commands(argc - 1, argv + 1, &c);
	if (!r)
		r = signing_open(&s, KEYS_USE_RECEIPT, false);
	if (!r)
		r = check_receipt(&c, rsp, len, &s);
	signing_close(&s);
	commands_clear(&c);
	return r;
}
