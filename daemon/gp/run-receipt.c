// SPDX-License-Identifier: Apache-2.0
/* Receipts of delegated management: is it the card's word on what was done here? */
#include <stdio.h>
#include <string.h>

#include "gp/receipt.h"
#include "gp/run-priv.h"
#include "gp/token.h"

static const char *const words[] = {
	[RECEIPT_NO_KEY] = "no-key",
	[RECEIPT_VERIFIED] = "verified",
	[RECEIPT_NOT_VERIFIED] = "not-verified",
};

const char *run_receipt_word(enum receipt_check check)
{
	return words[check];
}

/* Of which load file an application is: the card said so, or the plan has made it. */
static const struct gp_aid *elf_of(const struct gp_run *run, const struct gp_aid *aid)
{
	const struct gp_entry *e = gp_registry_find(&run->view.registry, aid);

	if (e && e->elf.len)
		return &e->elf;
	for (size_t i = 0; i < run->plan->nr_ops; i++) {
		const struct gp_op *op = &run->plan->ops[i];

		if (op->elf.len && gp_aid_equal(&op->aid, aid))
			return &op->elf;
	}
	return NULL;
}

static int verify(const struct gp_run *run, struct task *t, const struct gp_apdu *cmd,
		  const struct gp_receipt *receipt, const struct gp_signer *key,
		  struct gp_error *err)
{
	struct gp_receipt_subject subject;
	int r;

	r = gp_receipt_subject(&cmd, 1, &t->facts.sd, elf_of(run, &t->op->aid), &subject, err);
	return r ? r : gp_receipt_verify(key, receipt, &subject, err);
}

/* INSTALL, DELETE, and the LOAD that ends what INSTALL [for load] began (11.6.3.1). */
static const struct gp_apdu *confirmed(const struct task *t, size_t cmd)
{
	const struct gp_apdu *first = &t->built.cmd[0];

	if (cmd + 1 < t->built.n || !first->signed_len)
		return NULL;
	return gp_token_kind(&first, 1, NULL) < 0 ? NULL : first;
}

int run_receipt(struct gp_run *run, struct task *t, size_t cmd, const uint8_t *rsp, size_t len)
{
	const struct gp_run_host *host = &run->params.host;
	const char *name = run->plan->sessions[run->session].receipt_key;
	const struct gp_apdu *command = confirmed(t, cmd);
	struct gp_receipt receipt;
	struct gp_signer key = {0};
	struct gp_error err = {0};
	int r;

	if (!command)
		return 0;
	r = gp_receipt_read(rsp, len, &receipt, &err);
	if (r < 0 || (!r && name[0])) {
		run_warn(run, "operation %zu (%s): %s", t->index, gp_op_name(t->op->type),
			 r ? err.detail : "the card gave no receipt");
		return 0;
	}
	if (!r)
		return 0;
	r = gp_blob_set(&t->receipt, rsp, len);
	if (r)
		return r;
	t->receipt_check = RECEIPT_NO_KEY;
	if (!host->receipt_key || host->receipt_key(host->userdata, name, &key))
		return 0;
	r = verify(run, t, command, &receipt, &key, &err);
	t->receipt_check = r ? RECEIPT_NOT_VERIFIED : RECEIPT_VERIFIED;
	/* it is done all the same; but who confirms it is not who should */
	if (r)
		run_warn(run, "operation %zu (%s): the receipt was not verified: %s", t->index,
			 gp_op_name(t->op->type), err.detail);
	else if (run->has_receipt && receipt.counter <= run->receipt_counter)
		run_warn(run, "operation %zu (%s): receipt %u comes after receipt %u", t->index,
			 gp_op_name(t->op->type), receipt.counter, run->receipt_counter);
	run->has_receipt = true;
	run->receipt_counter = receipt.counter;
	return 0;
}
