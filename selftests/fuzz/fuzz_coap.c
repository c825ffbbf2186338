// SPDX-License-Identifier: Apache-2.0
/* CoAP on datagrams: RFC 7252, 7641, 7959. The input is described in coap_world.h. */
#include "fuzz/coap_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_coap(data, size, false);
	return 0;
}
