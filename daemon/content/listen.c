// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "content/listen.h"

int content_listeners_add(struct content_listeners *l, content_fn fn, void *ctx)
{
	size_t i = 0;

	while (i < CONTENT_LISTENERS_MAX && l->v[i].fn)
		i++;
	if (i == CONTENT_LISTENERS_MAX)
		return -ENOSPC;
	l->v[i].fn = fn;
	l->v[i].ctx = ctx;
	return 0;
}

void content_listeners_remove(struct content_listeners *l, content_fn fn, void *ctx)
{
	const size_t last = CONTENT_LISTENERS_MAX - 1;

	for (size_t i = 0; i <= last; i++) {
		if (l->v[i].fn != fn || l->v[i].ctx != ctx)
			continue;
		memmove(&l->v[i], &l->v[i + 1], (last - i) * sizeof(l->v[0]));
		memset(&l->v[last], 0, sizeof(l->v[last]));
		return;
	}
}

void content_listeners_tell(const struct content_listeners *l, uint16_t object,
			    int32_t instance)
{
	/* a copy: whoever is told may come or go */
	const struct content_listeners now = *l;

	for (size_t i = 0; i < CONTENT_LISTENERS_MAX && now.v[i].fn; i++)
		now.v[i].fn(now.v[i].ctx, object, instance);
}
