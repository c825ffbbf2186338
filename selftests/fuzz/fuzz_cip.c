// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/* Communication interface parameters of T=1'. */
#include <stdint.h>
#include <stdlib.h>
#include "se-t1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct se_t1_cip cip;
	int r = se_t1_cip_parse(data, size, &cip);

	if ((r < 0) != (cip.problem != NULL))
		abort();
	if (r < 0)
		return 0;
	if (!cip.ifsc || cip.ifsc > SE_T1_INF_MAX || !cip.bwt_us || !cip.mcf_hz ||
	    cip.iin_len > sizeof(cip.iin) || (size_t)cip.hb_off + cip.hb_len > size)
		abort();
	return 0;
}
