// SPDX-License-Identifier: Apache-2.0
/* package: load files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sectl/listing.h"
#include "sectl/act.h"
#include "sectl/sectl.h"

static int take_hash(struct gp_op *op)
{
	static const struct {
		const char *name;
		uint8_t len;
	} hashes[] = {
		{"none", 0}, {"sha1", 20}, {"sha256", 32}, {"sha384", 48}, {"sha512", 64}};
	size_t i;

	if (!opt.hash)
		return EXIT_OK;
	for (i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++)
		if (!strcmp(opt.hash, hashes[i].name)) {
			op->hash_len = hashes[i].len;
			return EXIT_OK;
		}
	return fail(EXIT_USAGE, "usage", "none, sha1, sha256, sha384 or sha512",
		    "--hash=%s: there is no such hash", opt.hash);
}

int package_load_op(struct act *a, const char *path, bool if_needed)
{
	struct gp_op *op = act_add(a, GP_OP_LOAD);
	int r;

	op->if_needed = if_needed;
	op->file = strdup(path);
	if (!op->file)
		return fail(EXIT_FAILED, "failed", NULL, "no memory");
	op->block = (uint16_t)(opt.block_size < UINT16_MAX ? opt.block_size : UINT16_MAX);
	r = take_hash(op);
	if (!r && opt.load_to)
		r = act_aid("--to-sd", opt.load_to, &op->sd);
	if (!r)
		r = act_blob_of_file(opt.dap, &op->dap);
	if (!r)
		r = act_blob_of_file(opt.load_token, &op->token);
	return r;
}

int verb_package_load(int argc, char **argv)
{
	struct act a;
	int r;

	(void)argc;
	r = act_begin(&a, verb_title(current_verb), true);
	if (!r)
		r = package_load_op(&a, argv[0], false);
	return act_done(&a, r);
}

int verb_package_list(int argc, char **argv)
{
	struct act a;
	int r;

	(void)argc;
	(void)argv;
	r = act_begin(&a, verb_title(current_verb), true);
	if (r)
		return act_done(&a, r);
	act_add(&a, GP_OP_LIST)->scope = GP_LIST_ELFS | GP_LIST_MODULES;
	return act_do_with(&a, listing_print);
}
