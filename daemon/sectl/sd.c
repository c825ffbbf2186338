// SPDX-License-Identifier: Apache-2.0
/* Security domains: made, moved, restricted. Their keys are in key.c. */
#include <stdio.h>
#include <string.h>

#include "gp/cmd.h"
#include "gp/error.h"
#include "gp/registry.h"
#include "sectl/act.h"
#include "sectl/sectl.h"

static int take_privileges(struct gp_op *op)
{
	struct gp_error err = {0};
	int r;

	if (!opt.privileges)
		return EXIT_OK;
	r = gp_priv_from_text(opt.privileges, &op->privileges, &err);
	if (r)
		return fail(EXIT_USAGE, "usage", NULL, "--privileges: %s", err.detail);
	op->privileges_len = op->privileges & 0xffff ? 3 : 1;
	return EXIT_OK;
}

/* Whom a domain accepts: parameters 82 and 87 of C9, one byte of bits or a word */
static int take_accept(const char *what, const char *text, int16_t *value)
{
	static const struct {
		const char *name;
		int16_t value;
	} words[] = {{"all", 0x20}, {"none", 0x00}};
	uint8_t byte;
	size_t i, len;
	int r;

	if (!text)
		return EXIT_OK;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!strcmp(text, words[i].name)) {
			*value = words[i].value;
			return EXIT_OK;
		}
	}
	r = take_hex(what, text, &byte, 1, &len);
	if (!r && !len)
		r = fail(EXIT_USAGE, "usage", "all, none or two hex digits", "%s is empty",
			 what);
	if (!r)
		*value = byte;
	return r;
}

int verb_sd_create(int argc, char **argv)
{
	struct gp_op *op;
	struct act a;
	int r;

	(void)argc;
	r = act_begin(&a, "sd create", true);
	if (!r) {
		op = act_add(&a, GP_OP_SD_CREATE);
		r = act_aid("AID", argv[0], &op->aid);
		if (!r && opt.package)
			r = act_aid("--package", opt.package, &op->elf);
		if (!r && opt.module)
			r = act_aid("--module", opt.module, &op->module);
		if (!r)
			r = take_privileges(op);
		if (!r)
			r = take_accept("--accept-extradition", opt.accept_extradition,
					&op->accept_extradition);
		if (!r)
			r = take_accept("--accept-deletion", opt.accept_deletion,
					&op->accept_deletion);
	}
	if (!r)
		return act_do(&a);
	act_end(&a);
	return r;
}

int verb_sd_extradite(int argc, char **argv)
{
	struct gp_op *op;
	struct act a;
	int r;

	(void)argc;
	r = act_begin(&a, "sd extradite", true);
	if (!r) {
		op = act_add(&a, GP_OP_EXTRADITE);
		r = act_aid("AID", argv[0], &op->aid);
		if (!r)
			r = act_aid("SD", argv[1], &op->sd);
		if (!r)
			r = act_blob_of_file(opt.token, &op->token);
	}
	if (!r)
		return act_do(&a);
	act_end(&a);
	return r;
}

static int take_restriction(const char *text, struct gp_op *op)
{
	static const struct {
		const char *name;
		uint8_t bit;
	} words[] = {
		{"registry-update", GP_RESTRICT_REGISTRY_UPDATE},
		{"personalise", GP_RESTRICT_PERSONALIZATION},
		{"extradite", GP_RESTRICT_EXTRADITION},
		{"make-selectable", GP_RESTRICT_MAKE_SELECTABLE},
		{"install", GP_RESTRICT_INSTALL},
		{"load", GP_RESTRICT_LOAD},
		{"delete", GP_RESTRICT_DELETE},
	};
	uint8_t d9[] = {0xd9, 1, 0};
	size_t i, n;

	while (*text) {
		n = strcspn(text, ",");
		for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			if (strlen(words[i].name) == n && !memcmp(text, words[i].name, n))
				break;
		if (i == sizeof(words) / sizeof(words[0]))
			return fail(EXIT_USAGE, "usage",
				    "load, install, make-selectable, extradite, personalise, "
				    "registry-update, delete; commas between them",
				    "--forbid: no such operation as %.*s", (int)n, text);
		d9[2] |= words[i].bit;
		text += n + (text[n] == ',');
	}
	if (gp_blob_set(&op->system, d9, sizeof(d9)))
		return fail(EXIT_FAILED, "failed", NULL, "no memory");
	return EXIT_OK;
}

int verb_sd_policy(int argc, char **argv)
{
	struct gp_op *op;
	struct act a;
	int r;

	(void)argc;
	r = act_begin(&a, "sd policy", true);
	if (!r) {
		op = act_add(&a, GP_OP_REGISTRY_UPDATE);
		r = act_aid("AID", argv[0], &op->aid);
		if (!r)
			r = take_privileges(op);
		if (!r && opt.forbid)
			r = take_restriction(opt.forbid, op);
		if (!r)
			r = act_blob_of_file(opt.token, &op->token);
		if (!r && !opt.privileges && !opt.forbid)
			r = fail(EXIT_USAGE, "usage", "--privileges=LIST, --forbid=LIST",
				 "what is to be changed of %s?", argv[0]);
	}
	if (!r)
		return act_do(&a);
	act_end(&a);
	return r;
}
