// SPDX-License-Identifier: Apache-2.0
/* store-data: personalisation, to a security domain or through it to an application. */
#include <string.h>

#include "sectl/act.h"
#include "sectl/sectl.h"

static int take_form(struct gp_op *op)
{
	if (!opt.format || !strcmp(opt.format, "raw"))
		op->form = 0;
	else if (!strcmp(opt.format, "dgi"))
		op->form = GP_STORE_DGI;
	else if (!strcmp(opt.format, "ber"))
		op->form = GP_STORE_BER;
	else
		return fail(EXIT_USAGE, "usage", "raw, dgi or ber",
			    "--format=%s: there is no such form", opt.format);
	return EXIT_OK;
}

int verb_store_data(int argc, char **argv)
{
	struct act a;
	struct gp_op *op;
	int r;

	(void)argc;
	r = act_begin(&a, verb_title(current_verb), true);
	if (r)
		return act_done(&a, r);
	op = act_add(&a, opt.aid ? GP_OP_PERSONALISE : GP_OP_STORE_DATA);
	op->encrypted = opt.encrypted;
	op->repeatable = opt.repeatable;
	if (opt.aid)
		r = act_aid("--aid", opt.aid, &op->aid);
	if (!r)
		r = take_form(op);
	if (!r)
		r = act_blob_of_file(argv[0], &op->data);
	return act_done(&a, r);
}
