// SPDX-License-Identifier: Apache-2.0
/* app: applications and security domains on a card. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gp/carddata.h"
#include "gp/cmd.h"
#include "libse/se.h"
#include "sectl/listing.h"
#include "sectl/act.h"
#include "sectl/sectl.h"

#define SELECT_ROOM 258

int verb_app_list(int argc, char **argv)
{
	struct act a;
	int r;

	(void)argc;
	(void)argv;
	r = act_begin(&a, verb_title(current_verb), true);
	if (r)
		return act_done(&a, r);
	act_add(&a, GP_OP_LIST)->scope = opt.show_all ? 0 : GP_LIST_ISD | GP_LIST_APPS;
	return act_do_with(&a, listing_print);
}

/* ---- install ---- */

static int install_details(struct gp_op *op)
{
	struct gp_error err = {0};
	int r = EXIT_OK;

	op->selectable = !opt.not_selectable;
	if (opt.instance)
		r = act_aid("--instance", opt.instance, &op->aid);
	if (!r && opt.module)
		r = act_aid("--module", opt.module, &op->module);
	if (!r && opt.privileges) {
		if (gp_priv_from_text(opt.privileges, &op->privileges, &err))
			return fail(EXIT_USAGE, "usage", "such as CardReset or 040000",
				    "--privileges: %s", err.detail);
		op->privileges_len = op->privileges & 0xffff ? 3 : 1;
	}
	if (!r)
		r = act_blob("--params", opt.params, &op->params);
	if (!r)
		r = act_blob("--system-params", opt.system_params, &op->system);
	if (!r)
		r = act_blob_of_file(opt.token, &op->token);
	return r;
}

/* Of a file sectl knows the modules, of a package on the card nobody tells before it is asked.
 */
static int module_named(struct gp_op *op)
{
	if (!op->module.len)
		return fail(EXIT_USAGE, "usage",
			    "--module=AID; sectl package list has the modules of a package",
			    "which module of the package is to be installed?");
	if (!op->aid.len)
		op->aid = op->module;
	return EXIT_OK;
}

/* A load file that is on the card by its AID, or a CAP file that is loaded before. */
int verb_app_install(int argc, char **argv)
{
	struct gp_aid elf = {.len = 0};
	struct act a = {0};
	struct gp_op *op = NULL;
	bool file;
	int r;

	(void)argc;
	file = !access(argv[0], F_OK) || strchr(argv[0], '.') || strchr(argv[0], '/');
	r = file ? EXIT_OK : act_aid("package", argv[0], &elf);
	if (!r)
		r = act_begin(&a, verb_title(current_verb), true);
	if (!r && file)
		r = package_load_op(&a, argv[0], true);
	if (!r) {
		op = act_add(&a, GP_OP_INSTALL);
		op->elf = elf;
		r = install_details(op);
	}
	if (!r && !file)
		r = module_named(op);
	return act_done(&a, r);
}

/* ---- one operation on one AID ---- */

static int on_aid(enum gp_op_type type, const char *text)
{
	struct act a;
	struct gp_op *op;
	int r;

	r = act_begin(&a, verb_title(current_verb), true);
	if (r)
		return act_done(&a, r);
	op = act_add(&a, type);
	op->related = opt.related;
	r = act_aid("AID", text, &op->aid);
	if (!r && type == GP_OP_DELETE)
		r = act_blob_of_file(opt.token, &op->token);
	return act_done(&a, r);
}

int verb_app_delete(int argc, char **argv)
{
	(void)argc;
	return on_aid(GP_OP_DELETE, argv[0]);
}

int verb_app_lock(int argc, char **argv)
{
	(void)argc;
	return on_aid(GP_OP_LOCK, argv[0]);
}

int verb_app_unlock(int argc, char **argv)
{
	(void)argc;
	return on_aid(GP_OP_UNLOCK, argv[0]);
}

/* ---- select ---- */

static int show_selected(const char *asked, const uint8_t *rsp, size_t len)
{
	char hex[2 * SELECT_ROOM + 1], aid[2 * GP_AID_MAX + 1], word[5];
	struct gp_error err = {0};
	sd_json_variant *v = NULL;
	struct gp_fci fci;
	uint16_t sw;
	bool known;
	int r;

	sw = (uint16_t)(rsp[len - 2] << 8 | rsp[len - 1]);
	se_to_hex(hex, rsp, len - 2);
	known = !gp_fci_decode(&fci, rsp, len - 2, &err);
	se_to_hex(aid, fci.aid.bytes, known ? fci.aid.len : 0);
	if (!opt.json) {
		printf("%s: selected%s%s%s\n", asked ? asked : "default application",
		       *aid ? ", it is " : "", aid, sw == 0x9000 ? "" : ", with a warning");
		if (known && fci.block_max)
			printf("  longest command data: %u bytes\n", fci.block_max);
		printf("  %s %04X  %s\n", hex, sw, gp_sw_words(GP_INS_SELECT, 4, sw));
		return EXIT_OK;
	}
	snprintf(word, sizeof(word), "%04X", sw);
	r = sd_json_buildo(
		&v, SD_JSON_BUILD_PAIR_CONDITION(!!*aid, "aid", SD_JSON_BUILD_STRING(aid)),
		SD_JSON_BUILD_PAIR_CONDITION(known && fci.block_max, "blockMax",
					     SD_JSON_BUILD_UNSIGNED(fci.block_max)),
		SD_JSON_BUILD_PAIR_STRING("fci", hex), SD_JSON_BUILD_PAIR_STRING("sw", word));
	return put_json(v, r);
}

int verb_app_select(int argc, char **argv)
{
	struct gp_aid aid = {.len = 0};
	uint8_t rsp[SELECT_ROOM];
	uint32_t len = sizeof(rsp);
	struct se *se;
	int r = EXIT_OK;

	if (argc)
		r = act_aid("AID", argv[0], &aid);
	if (!r)
		r = target_open(&se);
	if (r)
		return r;
	r = target_channel(se, aid.bytes, aid.len, rsp, &len);
	if (!r)
		r = show_selected(argc ? argv[0] : NULL, rsp, len);
	se_close(se);
	return r;
}
