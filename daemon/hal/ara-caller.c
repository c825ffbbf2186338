// SPDX-License-Identifier: Apache-2.0
/* Who asks, as the rules name it: by the hashes of its certificates. */
#include <errno.h>

#include "gp/crypto.h"
#include "hal/ara-rules.h"

int ara_caller_add_certificate(struct ara_caller *caller, const void *der, size_t len)
{
	static const size_t hash_len[] = {20, 32};
	const struct gp_part part = {.data = der, .len = len};

	if (!der || !len)
		return -EINVAL;
	if (caller->n_hashes + 2 > ARA_HASHES_MAX)
		return -ENOSPC;
	for (size_t i = 0; i < 2; i++) {
		int r = gp_hash(hash_len[i], &part, 1,
				caller->hashes[caller->n_hashes + i].bytes);

		if (r < 0)
			return r;
		caller->hashes[caller->n_hashes + i].len = hash_len[i];
	}
	caller->n_hashes += 2;
	return 0;
}
