// SPDX-License-Identifier: Apache-2.0
/*
 * What a card answers to delegated commands, and commands that a token is looked for in.
 * Byte 0: even a confirmation, odd a C-APDU.
 */
#include <stdlib.h>
#include <string.h>

#include "gp/receipt.h"
#include "gp/token.h"

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void receipt(const uint8_t *data, size_t len)
{
	const struct gp_receipt_subject subject = {.kind = GP_RECEIPT_REGISTRY_UPDATE};
	struct gp_error err = {{0}, {0}};
	struct gp_receipt r;
	uint8_t *made;
	size_t made_len;
	int n = gp_receipt_read(data, len, &r, &err);

	if (n < 0)
		check(err.detail[0]);
	if (n <= 0)
		return;
	check(r.unique.len && r.confirmation.len >= 5);
	check(r.confirmation.p + r.confirmation.len == data + len);
	check(!gp_receipt_data(&r, &subject, &made, &made_len, &err));
	check(made_len == r.confirmation.len + 5);
	free(made);
}

static void token(const uint8_t *data, size_t len)
{
	struct gp_error err = {{0}, {0}};
	const struct gp_apdu *cmds[1];
	struct gp_bytes found, again;
	uint8_t *made, copy[GP_SIGN_MAX];
	struct gp_apdu cmd;
	size_t made_len;
	int r;

	if (gp_apdu_decode(&cmd, data, len, &err))
		return;
	cmds[0] = &cmd;
	r = gp_token_scan(&cmd, &found, &err);
	if (r) {
		check(err.detail[0]);
		gp_apdu_clear(&cmd);
		return;
	}
	check(cmd.signed_len && cmd.signed_len <= cmd.len);
	r = gp_token_data(cmds, 1, &made, &made_len, &err);
	if (!r) {
		check(made_len == cmd.signed_len + (cmd.signed_len > 255 ? 5 : 3));
		free(made);
	}
	if (found.len <= sizeof(copy)) {
		size_t found_len = found.len;

		if (found_len)
			memcpy(copy, found.p, found_len);
		r = gp_token_put(&cmd, copy, found_len, &err);
		if (!r) {
			check(!gp_token_scan(&cmd, &again, &err));
			check(again.len == found_len);
			check(!found_len || !memcmp(again.p, copy, found_len));
		}
	}
	gp_apdu_clear(&cmd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (!len)
		return 0;
	if (data[0] & 1)
		token(data + 1, len - 1);
	else
		receipt(data + 1, len - 1);
	return 0;
}
