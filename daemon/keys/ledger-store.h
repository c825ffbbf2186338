/* SPDX-License-Identifier: Apache-2.0 */
/* Files and locks of the attempt ledger. All return 0 or a negative errno. */
#ifndef SESAME_KEYS_LEDGER_STORE_H
#define SESAME_KEYS_LEDGER_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "keys/ledger.h"

#define LEDGER_FOLDER "attempts"

/** ledger_store_default - the state folder of this user */
int ledger_store_default(char *path, size_t room);

/** ledger_store_make - mkdir -p, for us only */
int ledger_store_make(const char *path);

/** ledger_store_open - the folder of entries in the state folder @path, made if need be */
int ledger_store_open(const char *path, int *ret);

/** ledger_store_lock - the lock of an entry as a descriptor; -EBUSY: not to be had in @wait_ms
 */
int ledger_store_lock(int dir, const char *file, unsigned int wait_ms);

/** ledger_store_locked - does somebody hold it? */
bool ledger_store_locked(int dir, const char *file);

/** ledger_store_put - replace an entry as a whole; on the disk with 0 */
int ledger_store_put(int dir, const char *file, const struct ledger_entry *e);

/** ledger_store_get - -ENOENT; -EBADMSG: damaged, or about something else than its name says */
int ledger_store_get(int dir, const char *file, struct ledger_entry *e);

#endif /* SESAME_KEYS_LEDGER_STORE_H */
