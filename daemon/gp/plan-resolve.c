// SPDX-License-Identifier: Apache-2.0
/* Load files of plans: from names to what goes down in LOAD, and what follows from it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gp/cap.h"
#include "gp/code.h"
#include "gp/loadfile.h"
#include "gp/plan-priv.h"
#include "gp/plan.h"

static int hash_code(struct gp_op *op, struct gp_error *err)
{
	uint8_t hash[GP_DIGEST_MAX];
	int r;

	if (op->hash.len || !(op->hash_len || op->dap.len))
		return 0;
	if (!op->hash_len)
		op->hash_len = GP_DIGEST_SHA256;
	r = gp_code_hash(op->load, op->hash_len, hash);
	if (r)
		return gp_fail(err, r, "no-hash",
			       "the hash of the load file cannot be made: %s", strerror(-r));
	return gp_blob_set(&op->hash, hash, op->hash_len);
}

/* A load file from a CAP file and the DAP blocks beside it. */
static int from_cap(struct gp_op *op, const struct gp_source *source, struct gp_error *err)
{
	struct gp_dap daps[GP_LOADFILE_DAPS_MAX];
	size_t nr = 0;
	int r;

	for (size_t at = 0; at < op->dap.len; nr++) {
		if (nr == GP_LOADFILE_DAPS_MAX)
			return gp_fail(err, -EINVAL, "plan-invalid", "too many DAP blocks");
		r = gp_dap_read(op->dap.p + at, op->dap.len - at, &daps[nr], err);
		if (r < 0)
			return r;
		at += (size_t)r;
	}
	r = gp_code_cap(&op->load, source, daps, nr, err);
	if (!r)
		r = hash_code(op, err);
	if (!r && op->aid.len && !gp_aid_equal(&op->aid, &op->load->cap->package))
		r = gp_fail(err, -EINVAL, "plan-invalid",
			    "the file is another package than the plan says");
	if (!r) {
		op->aid = op->load->cap->package;
		gp_blob_clear(&op->dap);
	}
	return r;
}

/* A load file that somebody else has put together: taken as it is. */
static int from_load_file(struct gp_op *op, const struct gp_source *source,
			  struct gp_error *err)
{
	int r = gp_code_file(&op->load, source, err);

	if (r)
		return r;
	if (!op->aid.len && op->load->cap)
		op->aid = op->load->cap->package;
	if (!op->aid.len)
		return gp_fail(err, -EINVAL, "plan-invalid",
			       "a load file that is no CAP file needs its AID in the plan");
	if (op->dap.len)
		return gp_fail(err, -EINVAL, "plan-invalid",
			       "DAP blocks are in the load file already, or it is a CAP file");
	/* the hash of a ciphered one is not ours to make (C.6) */
	return op->load->ciphered ? 0 : hash_code(op, err);
}

static bool is_load_file(uint8_t first)
{
	return first == 0xe2 || first == 0xc4 || first == 0xd3 || first == 0xd4;
}

static int make_load(struct gp_op *op, struct gp_error *err)
{
	const struct gp_source source = gp_op_code(op);
	uint8_t first = 0;
	int r = gp_source_read(&source, 0, &first, 1);

	if (r)
		return gp_fail(err, r, "no-code", "the code cannot be read: %s", strerror(-r));
	return is_load_file(first) ? from_load_file(op, &source, err)
				   : from_cap(op, &source, err);
}

static int read_file(struct gp_op *op,
		     int (*read)(void *userdata, const char *name, uint8_t **p, size_t *len),
		     void *userdata, struct gp_error *err)
{
	uint8_t *p = NULL;
	size_t len = 0;
	int r;

	if (!read)
		return gp_fail(err, -ENOENT, "no-files", "files cannot be read here: %.128s",
			       op->file);
	r = read(userdata, op->file, &p, &len);
	if (r)
		return gp_fail(err, r, "no-file", "%.128s: %s", op->file, strerror(-r));
	r = len ? gp_blob_set(&op->code, p, len)
		: gp_fail(err, -EINVAL, "plan-invalid", "%.128s is empty", op->file);
	free(p);
	if (r)
		return r;
	if (!op->label[0]) { /* what remains of the name, for people */
		const char *base = strrchr(op->file, '/');

		strncpy(op->label, base ? base + 1 : op->file, sizeof(op->label) - 1);
	}
	free(op->file);
	op->file = NULL;
	return 0;
}

static bool has_module(const struct gp_cap *cap, const struct gp_aid *aid)
{
	for (size_t i = 0; i < cap->nr_applets; i++)
		if (gp_aid_equal(&cap->applets[i].aid, aid))
			return true;
	return false;
}

/* Before the load file goes down for nothing. */
static int check_module(const struct gp_plan *plan, size_t i, const struct gp_cap *cap,
			struct gp_error *err)
{
	const struct gp_op *op = &plan->ops[i];
	char hex[2 * GP_AID_MAX + 1] = "";

	if (!cap || !gp_aid_equal(&op->elf, &cap->package) || has_module(cap, &op->module))
		return 0;
	for (size_t k = 0; k < op->module.len; k++)
		(void)snprintf(hex + 2 * k, 3, "%02X", op->module.bytes[k]);
	return gp_fail(err, -EINVAL, "plan-invalid",
		       "operation %zu (install): the load file has no module %s", i, hex);
}

/* What is wrong with a load file, with the name that people know it by. */
static int blame(const struct gp_op *op, int r, struct gp_error *err)
{
	struct gp_error why;

	if (!r || !err || !op->label[0])
		return r;
	why = *err;
	return gp_fail(err, r, why.code, "%s: %s", op->label, why.detail);
}

static int fill_install(struct gp_plan *plan, size_t i, size_t load, const struct gp_cap *cap,
			struct gp_error *err)
{
	struct gp_op *op = &plan->ops[i];

	if (!op->elf.len)
		op->elf = plan->ops[load].aid;
	if (!op->module.len) {
		if (!cap || cap->nr_applets != 1)
			return gp_fail(
				err, -EINVAL, "plan-invalid",
				"operation %zu (install) has to name the module: the load "
				"file does not have exactly one",
				i);
		op->module = cap->applets[0].aid;
	}
	if (!op->aid.len)
		op->aid = op->module;
	return 0;
}

int gp_plan_resolve(struct gp_plan *plan,
		    int (*read)(void *userdata, const char *name, uint8_t **p, size_t *len),
		    void *userdata, struct gp_error *err)
{
	const struct gp_cap *cap = NULL; /* of the nearest load before */
	size_t load = 0;
	int r = 0;

	for (size_t i = 0; i < plan->nr_ops && !r; i++) {
		struct gp_op *op = &plan->ops[i];

		if (op->type == GP_OP_INSTALL &&
		    (!op->elf.len || !op->module.len || !op->aid.len))
			r = fill_install(plan, i, load, cap, err);
		if (!r && op->type == GP_OP_INSTALL)
			r = check_module(plan, i, cap, err);
		if (op->type != GP_OP_LOAD)
			continue;
		if (op->file)
			r = read_file(op, read, userdata, err);
		if (!r && !op->load)
			r = blame(op, make_load(op, err), err);
		cap = r ? NULL : op->load->cap;
		load = i;
	}
	return r ? r : gp_plan_validate(plan, err);
}

bool gp_plan_resolved(const struct gp_plan *plan)
{
	for (size_t i = 0; i < plan->nr_ops; i++) {
		const struct gp_op *op = &plan->ops[i];

		if (op->type == GP_OP_LOAD && (op->file || !op->aid.len || !op->load))
			return false;
		if (op->type == GP_OP_INSTALL &&
		    (!op->elf.len || !op->module.len || !op->aid.len))
			return false;
	}
	return true;
}
