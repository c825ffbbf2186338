// SPDX-License-Identifier: Apache-2.0
/* CoAP on a stream: RFC 8323, cut anywhere. The input is described in coap_world.h. */
#include "fuzz/coap_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_coap(data, size, true);
	return 0;
}
