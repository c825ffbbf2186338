// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/* Answers to reset: that of ISO/IEC 7816-3 and the INF field of UM11225's. */
#include <stdint.h>
#include <stdlib.h>
#include "se-t1.h"

static void iso(const uint8_t *data, size_t size)
{
	struct se_t1_atr atr;
	int r = se_t1_atr_parse(data, size, &atr);

	if ((r < 0) != (atr.problem != NULL))
		abort();
	if (r < 0)
		return;
	if (!atr.ifsc || atr.ifsc > 254 || !atr.bwt_us || size > SE_T1_ATR_MAX ||
	    (size_t)atr.hb_off + atr.hb_len > size)
		abort();
}

static void um11225(const uint8_t *data, size_t size)
{
	struct se_t1_cip cip;
	int r = se_t1_s_atr_parse(data, size, &cip);

	if ((r < 0) != (cip.problem != NULL))
		abort();
	if (r < 0)
		return;
	if (!cip.ifsc || cip.ifsc > SE_T1_INF_MAX || !cip.bwt_us || !cip.mcf_hz ||
	    cip.iin_len > sizeof(cip.iin) || (size_t)cip.hb_off + cip.hb_len > size)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	iso(data, size);
	um11225(data, size);
	return 0;
}
