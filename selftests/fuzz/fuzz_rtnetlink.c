// SPDX-License-Identifier: Apache-2.0
/* What the kernel says of addresses and routes, cut anywhere. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lwm2m/network.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* what is true of the beginning stays true with more behind it */
	uint8_t *part = malloc(size / 2 + 1);

	if (!part)
		return 0;
	if (size)
		memcpy(part, data, size / 2);
	if (lwm2m_network_concerns(part, size / 2) && !lwm2m_network_concerns(data, size))
		abort();
	free(part);
	return 0;
}
