/* SPDX-License-Identifier: Apache-2.0 */
/* Pages for secrets, and reading secrets into them. */
#ifndef SESAME_KEYS_MEMORY_H
#define SESAME_KEYS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

struct gp_error;

/**
 * keys_pages_new - pages of zeros, left out of core dumps, zeros again in a child
 * @locked: out: they are locked into memory; may be NULL
 *
 * Returns NULL for want of memory.
 */
void *keys_pages_new(size_t len, bool *locked);

/** keys_pages_free - wipe them, give them back. NULL is fine. */
void keys_pages_free(void *p, size_t len);

/** enum keys_reading - what is asked of a file before it is believed */
enum keys_reading {
	KEYS_READ_SECRET,     /* ours or root's; nobody else may read or write it */
	KEYS_READ_CREDENTIAL, /* the same, but its group may read it (systemd's ACLs) */
	KEYS_READ_PUBLIC,     /* ours or root's; nobody else may write it */
};

/**
 * keys_read_file - a small regular file as a whole
 * @text: @room bytes; not terminated
 *
 * A symbolic link is followed if it is ours or root's. Returns 0, or -errno with words:
 * -EACCES for a file that is not as @how wants it, -EFBIG for one above @room.
 */
int keys_read_file(const char *path, enum keys_reading how, char *text, size_t room,
		   size_t *len, struct gp_error *err);

/** keys_read_fd - all that is left in a descriptor; @name for messages */
int keys_read_fd(int fd, const char *name, char *text, size_t room, size_t *len,
		 struct gp_error *err);

#endif /* SESAME_KEYS_MEMORY_H */
