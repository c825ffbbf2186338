// SPDX-License-Identifier: Apache-2.0
/* The files that a configuration is read from: itself, its drop-ins, keys, certificates. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/config.h"
#include "libse/se.h"

#define FILE_BYTES_MAX (1 << 20)
#define KEY_BYTES_MAX (16 << 10)

static int load_file(struct config *c, const char *path, config_report_t report, void *ctx)
{
	char why[512];
	char *text = NULL;
	struct stat st;
	ssize_t n = 0;
	int fd, r = 0;

	/* a pipe is no file, and nobody may write to it: do not wait */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st))
		r = -errno;
	else if (!S_ISREG(st.st_mode))
		r = -EISDIR;
	else if (st.st_size > FILE_BYTES_MAX)
		r = -EFBIG;
	if (!r) {
		text = malloc((size_t)st.st_size + 1);
		n = text ? read(fd, text, (size_t)st.st_size) : -1;
		if (n < 0)
			r = text ? -errno : -ENOMEM;
	}
	if (fd >= 0)
		close(fd);
	if (r) {
		snprintf(why, sizeof(why), "%s: cannot be read: %s", path, strerror(-r));
		if (report)
			report(ctx, true, why);
	} else {
		r = config_parse(c, path, text, (size_t)n, report, ctx);
	}
	free(text);
	return r;
}

static int is_conf(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return e->d_name[0] != '.' && n > 5 && !strcmp(e->d_name + n - 5, ".conf");
}

int config_load(struct config *c, const char *path, config_report_t report, void *ctx)
{
	char dir[4096], file[4096 + 256];
	struct dirent **list;
	int n, i, r, first;

	config_init(c);
	first = load_file(c, path, report, ctx);
	if (snprintf(dir, sizeof(dir), "%s.d", path) >= (int)sizeof(dir))
		return -ENAMETOOLONG;
	n = scandir(dir, &list, is_conf, alphasort);
	for (i = 0; i < n; i++) {
		snprintf(file, sizeof(file), "%s/%.255s", dir, list[i]->d_name);
		r = load_file(c, file, report, ctx);
		if (!first)
			first = r;
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	r = config_check(c, report, ctx);
	return first ? first : r;
}

/* ---- keys ---- */

/* whatever ends the line is not the key's */
static int take_key_text(const char *text, size_t len, uint8_t *key, size_t *ret)
{
	while (len && isspace((unsigned char)text[len - 1]))
		len--;
	return len ? se_from_hex(text, len, key, CONFIG_PSK_MAX, ret) : -EINVAL;
}

int config_read_file(const char *path, bool secret, struct config_bytes *out, char *why,
		     size_t room)
{
	struct stat st;
	ssize_t n;
	int fd, r = 0;

	out->p = NULL;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st)) {
		r = -errno;
		snprintf(why, room, "%s: cannot be read: %s", path, strerror(-r));
		goto out;
	}
	if (!S_ISREG(st.st_mode)) {
		r = -EISDIR;
		snprintf(why, room, "%s: not a file", path);
		goto out;
	}
	if (secret && ((st.st_mode & 077) || (st.st_uid && st.st_uid != geteuid()))) {
		r = -EACCES;
		snprintf(why, room,
			 "%s: others can read the key (mode %04o, owner %u): chown it to the "
			 "daemon's user and chmod 600 it",
			 path, st.st_mode & 07777, st.st_uid);
		goto out;
	}
	if (st.st_size < 1 || st.st_size > KEY_BYTES_MAX) {
		r = -EINVAL;
		snprintf(why, room, "%s: 1 to %d bytes are needed", path, KEY_BYTES_MAX);
		goto out;
	}
	out->p = calloc(1, (size_t)st.st_size + 1);
	n = out->p ? read(fd, out->p, (size_t)st.st_size) : -1;
	if (n < 0) {
		r = out->p ? -errno : -ENOMEM;
		snprintf(why, room, "%s: cannot be read: %s", path, strerror(-r));
		free(out->p);
		out->p = NULL;
	} else {
		out->len = (size_t)n;
	}
out:
	if (fd >= 0)
		close(fd);
	return r;
}

int config_read_psk(const char *path, uint8_t *key, size_t *len, char *why, size_t room)
{
	struct config_bytes text;
	int r = config_read_file(path, true, &text, why, room);

	if (r && r != -EINVAL)
		return r;
	if (!r)
		r = take_key_text((const char *)text.p, text.len, key, len);
	if (r)
		snprintf(why, room, "%s: 1 to %d bytes in hex digits are needed, nothing else",
			 path, CONFIG_PSK_MAX);
	if (text.p)
		explicit_bzero(text.p, text.len);
	free(text.p);
	return r;
}
