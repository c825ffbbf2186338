// SPDX-License-Identifier: Apache-2.0
/*
 * Files of data groupings. What has been read goes into commands whose data, joined, are
 * the same groupings.
 */
#include <stdlib.h>
#include <string.h>

#include "gp/dgi.h"

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_store(const struct gp_dgis *dgis, const struct gp_dgi_params *params)
{
	struct gp_apdu *cmds;
	struct gp_dgis again;
	struct gp_error err;
	uint8_t *joined;
	size_t nr, len = 0;

	if (gp_dgis_store(dgis, params, &cmds, &nr, &err)) {
		check(!cmds && err.detail[0]);
		return;
	}
	joined = malloc(nr * params->size);
	check(joined);
	for (size_t i = 0; i < nr; i++) {
		check(cmds[i].len && cmds[i].len <= params->size && cmds[i].p2 == i);
		check(!(cmds[i].p1 & GP_STORE_LAST) == (i + 1 < nr));
		memcpy(joined + len, cmds[i].data, cmds[i].len);
		len += cmds[i].len;
		gp_apdu_clear(&cmds[i]);
	}
	free(cmds);
	/* may by chance be text: then there is nothing to compare with */
	if (!gp_dgis_read(joined, len, &again, &err)) {
		if (again.nr == dgis->nr)
			for (size_t i = 0; i < again.nr; i++)
				check(again.dgi[i].id == dgis->dgi[i].id &&
				      again.dgi[i].data.len == dgis->dgi[i].data.len);
		gp_dgis_clear(&again);
	}
	free(joined);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct gp_dgi_params params = {.size = 255};
	struct gp_error err = {{0}, {0}};
	struct gp_dgis dgis;

	if (len < 2)
		return 0;
	params.size = 6 + data[0];
	params.pack = data[1] & 1 ? GP_DGI_FULL : GP_DGI_ONE;
	if (gp_dgis_read(data + 2, len - 2, &dgis, &err)) {
		check(!dgis.memory && !dgis.dgi && err.code[0] && err.detail[0]);
		return 0;
	}
	check(dgis.nr);
	check_store(&dgis, &params);
	gp_dgis_clear(&dgis);
	return 0;
}
