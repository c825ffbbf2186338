/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The secure elements as job/ knows them, read now and then with model_se_probes().
 * Instance numbers are job_se_get()'s indices. Not thread safe; belongs to the
 * owner's loop.
 */
#ifndef SESAME_CONTENT_SES_H
#define SESAME_CONTENT_SES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "content/listen.h"
#include "content/words.h"
#include "model/model.h"

#define CONTENT_SES_MAX 16

struct content_ses;
struct job_store;

/** content_ses_new() - the SEs of @store. 0 or -ENOMEM. */
int content_ses_new(struct content_ses **ret, struct job_store *store);
/** content_ses_free() - job_store_dispatch() must not be called any more after it. */
void content_ses_free(struct content_ses *s);

/** content_ses_listen() - be told (MODEL_OBJECT_SE, instance) of each SE that changed,
 * from job_store_dispatch() or content_ses_poll(). 0 or -ENOSPC. */
int content_ses_listen(struct content_ses *s, content_fn fn, void *ctx);
void content_ses_unlisten(struct content_ses *s, content_fn fn, void *ctx);

/**
 * content_ses_poll() - look for SEs that came or whose state or generation moved
 *
 * Call it after job_se_add(), on each netlink event, and every few seconds where
 * there are none. A new SE or a new generation is read anew by itself.
 */
void content_ses_poll(struct content_ses *s);

/** content_ses_reading() - whether an SE is being read at this moment. */
bool content_ses_reading(const struct content_ses *s);

/** content_ses_list() - instance numbers by rising order, at most @room. */
size_t content_ses_list(struct content_ses *s, uint16_t *ids, size_t room);

/** content_ses_get() - the snapshot of instance @id; 0 or -ENOENT. */
int content_ses_get(struct content_ses *s, uint16_t id, struct model_se *out);

/** content_ses_known() - has it been read, so that its snapshot says what is on it? */
bool content_ses_known(const struct content_ses *s, uint16_t id);

/** content_ses_find() - instance of the SE of this name, -1: there is none. */
int32_t content_ses_find(struct content_ses *s, const char *name);

/** content_ses_refresh() - read it anew; 0 or a negative errno with @words. Listeners are
 * told when it is over. */
int content_ses_refresh(struct content_ses *s, uint16_t id, char *words);

/** content_ses_reset() - reset it between jobs, by the best means there is; what came of
 * it, generation and error of the snapshot tell. 0 or a negative errno with @words. */
int content_ses_reset(struct content_ses *s, uint16_t id, char *words);

#endif /* SESAME_CONTENT_SES_H */
