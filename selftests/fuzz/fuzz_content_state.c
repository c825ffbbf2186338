// SPDX-License-Identifier: Apache-2.0
/*
 * What is kept of applications and their registries, as it comes back from the disk:
 * damaged bytes are dropped, and what was understood is kept again and understood the
 * same.
 */
#include <stdlib.h>

#include "content/apps-priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* as content_apps_new(), but for the journal, which knows no job here */
static struct content_apps *load(struct store *state)
{
	struct content_apps *a = calloc(1, sizeof(*a));

	if (!a)
		abort();
	a->state = state;
	if (apps_load(a) == 0)
		return a;
	content_apps_free(a);
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct store *state;
	struct content_apps *a, *b;
	char why[CONTENT_WORDS_MAX];

	if (!state && store_open(&state, NULL, "content", why, sizeof(why)) < 0)
		abort();
	if (size > STORE_VALUE_MAX ||
	    store_put(state, CONTENT_KIND_APPS, "se0", 3, data, size) < 0)
		return 0;
	a = load(state);
	if (!a)
		return 0;
	if (a->se[0].name[0]) {
		if (apps_save(a, 0) < 0)
			abort();
		b = load(state);
		if (!b || b->n != a->n || b->se[0].read != a->se[0].read)
			abort();
		content_apps_free(b);
	}
	content_apps_free(a);
	return 0;
}
