// SPDX-License-Identifier: Apache-2.0
/* Datagrams on the CoAP port of notifications (dm/listen.h): an answer is short, of the right
 * message, and there is a body only where the answer is 2.04 or none. */
#include <stdlib.h>
#include <string.h>

#include "dm/listen.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t out[DM_COAP_ROOM], *p = malloc(size ? size : 1);
	const uint8_t *body;
	size_t len, n;

	if (!p)
		return 0;
	if (size)
		memcpy(p, data, size);
	n = dm_coap_take(p, size, &body, &len, out);
	if (n > sizeof(out) || (body && (body < p || body + len > p + size || !len)))
		abort();
	if (n) {
		/* version 1; acknowledgement or reset; the peer's message id */
		if (n < 4 || out[0] >> 6 != 1 || (out[0] >> 4 & 3) < 2 ||
		    memcmp(out + 2, p + 2, 2) != 0)
			abort();
		/* nothing is taken that is not acknowledged with 2.04 */
		if ((body != NULL) != (out[1] == 0x44))
			abort();
	}
	free(p);
	return 0;
}
