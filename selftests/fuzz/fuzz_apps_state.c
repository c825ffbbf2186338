// SPDX-License-Identifier: Apache-2.0
/*
 * What is kept of applications and their registries, as it comes back from the disk:
 * damaged bytes are dropped, and what was understood is kept again and understood the
 * same.
 */
#include <stdlib.h>

#include "lwm2m/apps-priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[] = {
		MODEL_OBJECT_APP >> 8, MODEL_OBJECT_APP & 0xff, 's', 's', 'e', '0'};
	static struct store *state;
	struct lwm2m_apps *a, *b;
	char why[LWM2M_WORDS_MAX];

	if (!state && store_open(&state, NULL, "lwm2m", why, sizeof(why)) < 0)
		abort();
	if (size > STORE_VALUE_MAX ||
	    store_put(state, LWM2M_KIND_OBJECT, key, sizeof(key), data, size) < 0)
		return 0;
	if (lwm2m_apps_new(&a, NULL, state, NULL, NULL) < 0)
		return 0;
	if (a->se[0].name[0]) {
		if (apps_save(a, 0) < 0 || lwm2m_apps_new(&b, NULL, state, NULL, NULL) < 0)
			abort();
		if (b->n != a->n || b->se[0].read != a->se[0].read)
			abort();
		lwm2m_apps_free(b);
	}
	lwm2m_apps_free(a);
	return 0;
}
