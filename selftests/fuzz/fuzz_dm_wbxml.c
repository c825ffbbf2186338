// SPDX-License-Identifier: Apache-2.0
/* SyncML messages in WBXML. */
#include "dm_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	dm_codec_one(DM_WBXML, data, size);
	return 0;
}
