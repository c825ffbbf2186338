/* SPDX-License-Identifier: Apache-2.0 */
/* A record in a file: replaced as a whole, with one writer at a time. */
#ifndef SESAME_RECORD_FILE_H
#define SESAME_RECORD_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "gp/error.h"

/** struct record_lock - held while a run may write; of the file beside it, NAME.lock */
struct record_lock {
	int fd;
};

/** record_file_lock() - 0; -EBUSY "record-busy" if another process has it; errno of open() */
int record_file_lock(const char *name, struct record_lock *lock, struct gp_error *err);
/** record_file_unlock() - also of one that is not held (fd -1) */
void record_file_unlock(struct record_lock *lock);

/**
 * record_file_read() - what is there
 * @needed: without one it is -ENOENT "no-record"; else one of a run that did not end is
 *	-EEXIST "record-exists", one that did is as good as none
 * @text: out: for free(); NULL if there is none
 */
int record_file_read(const char *name, bool needed, char **text, size_t *len,
		     struct gp_error *err);

/** record_file_write() - write, fsync, rename, fsync of the folder; mode 0600. 0 or -errno. */
int record_file_write(const char *name, const char *text, size_t len);

#endif /* SESAME_RECORD_FILE_H */
