// SPDX-License-Identifier: Apache-2.0
/* The commands of an operation one by one: those of a load are made when they are wanted. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>

#include "gp/code.h"
#include "gp/loadfile.h"
#include "gp/op-build.h"

void gp_built_clear(struct gp_built *built)
{
	size_t n = built->code ? 2 : built->n;

	for (size_t i = 0; i < n; i++)
		gp_apdu_clear(&built->cmd[i]);
	free(built->cmd);
	*built = (struct gp_built){0};
}

static int make_load(struct gp_built *built, size_t i, struct gp_error *err)
{
	const struct gp_source code = gp_code_source(built->code);
	struct gp_load_block block;
	uint8_t *data;
	int r;

	gp_apdu_clear(&built->cmd[1]);
	built->made = 0;
	r = gp_load_block(built->code->len, built->size, i - 1, &block);
	if (r)
		return gp_fail(err, r, "internal", "there is no such block");
	data = malloc(block.len);
	if (!data)
		return gp_fail(err, -ENOMEM, "memory", "out of memory");
	r = gp_source_read(&code, block.at, data, block.len);
	r = r ? gp_fail(err, r, "code-lost", "the load file cannot be read any more: %s",
			strerror(-r))
	      : gp_cmd_load(&built->cmd[1], block.p2, block.p1 & 0x80,
			    (struct gp_bytes){data, block.len}, err);
	OPENSSL_cleanse(data, block.len);
	free(data);
	built->made = r ? 0 : i;
	return r;
}

int gp_built_cmd(struct gp_built *built, size_t i, struct gp_apdu **cmd, struct gp_error *err)
{
	int r = 0;

	if (built->code && i && built->made != i)
		r = make_load(built, i, err);
	*cmd = &built->cmd[built->code && i ? 1 : i];
	return r;
}

const struct gp_apdu *gp_built_kind(const struct gp_built *built, size_t i)
{
	static const struct gp_apdu load = {.ins = GP_INS_LOAD};

	return built->code && i ? &load : &built->cmd[i];
}
