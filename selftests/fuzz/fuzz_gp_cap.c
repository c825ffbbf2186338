// SPDX-License-Identifier: Apache-2.0
/*
 * CAP files in all forms and load files. What has been read must give a block that reads
 * as the same package again, as a whole and piece by piece; a load file that has been read
 * slices into all of itself. A file that gets lost meanwhile is an error and no more.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gp/cap.h"
#include "gp/code.h"
#include "gp/error.h"
#include "gp/loadfile.h"

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_block(const struct gp_cap *cap, unsigned int how)
{
	struct gp_error err;
	struct gp_cap *again;
	uint8_t *block;
	size_t len;

	check(!gp_cap_block(cap, how, &block, &len));
	check(!gp_cap_read(block, len, &again, &err));
	check(gp_aid_equal(&again->package, &cap->package));
	check(again->nr_applets == cap->nr_applets && again->nr_imports == cap->nr_imports);
	check(!memcmp(again->applets, cap->applets, sizeof(cap->applets)));
	check(!memcmp(again->imports, cap->imports, sizeof(cap->imports)));
	gp_cap_free(again);
	free(block);
}

/* as much of the file as is left */
struct file {
	const uint8_t *p;
	size_t left;
};

static int read_file(const void *ctx, uint64_t at, void *p, size_t len)
{
	const struct file *f = ctx;

	if (at + len > f->left)
		return -EIO;
	memcpy(p, f->p + at, len);
	return 0;
}

/* The load file of it in pieces of @size, also from places before; then the file is cut. */
static void check_pieces(const uint8_t *data, size_t len, size_t size)
{
	struct file file = {data, len};
	const struct gp_source source = {read_file, &file, len};
	struct gp_source s;
	struct gp_error err;
	uint8_t *all, *piece = malloc(size);
	struct gp_code *c;
	size_t n;

	check(piece && !gp_code_cap(&c, &source, NULL, 0, &err));
	s = gp_code_source(c);
	all = malloc(s.len);
	check(all && !gp_source_read(&s, 0, all, s.len));
	for (size_t at = 0; at < s.len; at += n) {
		n = s.len - at < size ? s.len - at : size;
		check(!gp_source_read(&s, at, piece, n) && !memcmp(piece, all + at, n));
		check(!gp_source_read(&s, at / 2, piece, n) && !memcmp(piece, all + at / 2, n));
	}
	file.left = len / 2;
	(void)gp_source_read(&s, 0, all, s.len);
	file.left = 0;
	check(gp_source_read(&s, s.len - 1, all, 1) <= 0);
	gp_code_free(c);
	free(all);
	free(piece);
}

static void check_slices(const struct gp_loadfile *lf, size_t size)
{
	int n = gp_load_blocks(lf->len, size, true);
	struct gp_load_block b;
	size_t sum = 0;

	check(n > 0);
	for (int i = 0; i < n; i++) {
		check(!gp_load_block(lf->len, size, (size_t)i, &b));
		check(b.len && b.at == sum);
		check((b.p1 == 0x80) == (i + 1 == n));
		sum += b.len;
	}
	check(sum == lf->len && gp_load_block(lf->len, size, (size_t)n, &b) < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct gp_dap daps[GP_LOADFILE_DAPS_MAX];
	uint8_t bytes[GP_DAP_MAX];
	struct gp_error err = {{0}, {0}};
	struct gp_loadfile lf;
	struct gp_cap *cap;

	if (!gp_cap_read(data, len, &cap, &err)) {
		check_block(cap, 0);
		check_block(cap, GP_CAP_WITH_DESCRIPTOR | GP_CAP_WITHOUT_DIRECTORY);
		(void)gp_cap_java_card(cap);
		gp_cap_free(cap);
		check_pieces(data, len, 64 + len % 1000);
	} else {
		check(!cap && err.code[0] && err.detail[0]);
	}
	if (gp_loadfile_read(data, len, &lf, daps, GP_LOADFILE_DAPS_MAX, &err))
		return 0;
	check(lf.block + lf.block_len == lf.len);
	for (size_t i = 0; i < lf.nr_daps; i++)
		check(gp_dap_write(&daps[i], bytes) > 0);
	check_slices(&lf, 1 + len % 300);
	gp_loadfile_clear(&lf);
	return 0;
}
