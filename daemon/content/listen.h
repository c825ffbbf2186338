/* SPDX-License-Identifier: Apache-2.0 */
/* Who wants to know what changed; several front ends do. */
#ifndef SESAME_CONTENT_LISTEN_H
#define SESAME_CONTENT_LISTEN_H

#include <stdint.h>

#define CONTENT_LISTENERS_MAX 8

/**
 * content_fn - something changed
 * @object: what it is, by the number of its object (model/model.h): MODEL_OBJECT_SE,
 *	MODEL_OBJECT_APP, MODEL_OBJECT_SOFTWARE, MODEL_OBJECT_FIRMWARE
 * @instance: which one; -1: some came or went
 *
 * Called from within the function that changed it, or from job_store_dispatch(). It may
 * ask, and listen or not listen any more; it does not change anything itself.
 */
typedef void (*content_fn)(void *ctx, uint16_t object, int32_t instance);

/** struct content_listeners - they are called in the order in which they came */
struct content_listeners {
	struct {
		content_fn fn;
		void *ctx;
	} v[CONTENT_LISTENERS_MAX];
};

/** content_listeners_add() - 0, or -ENOSPC. */
int content_listeners_add(struct content_listeners *l, content_fn fn, void *ctx);
/** content_listeners_remove() - the one with the same @fn and @ctx, if it is there. */
void content_listeners_remove(struct content_listeners *l, content_fn fn, void *ctx);
void content_listeners_tell(const struct content_listeners *l, uint16_t object,
			    int32_t instance);

#endif /* SESAME_CONTENT_LISTEN_H */
