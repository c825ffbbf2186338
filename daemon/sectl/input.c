// SPDX-License-Identifier: Apache-2.0
/* What comes in: files, numbers, hex, a person's word. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libse/se.h"
#include "sectl/sectl.h"

#define STEP 65536

void forget(void *data, size_t len)
{
	if (data)
		explicit_bzero(data, len);
	free(data);
}

/* realloc() may leave a copy behind; this does not. */
static int grow(uint8_t **data, size_t len, size_t room)
{
	uint8_t *more = malloc(room + 1);

	if (!more)
		return -ENOMEM;
	if (*data)
		memcpy(more, *data, len);
	forget(*data, len);
	*data = more;
	return 0;
}

static int slurp(int fd, size_t max, uint8_t **data, size_t *len)
{
	size_t room = 0;
	ssize_t n;

	for (;;) {
		if (*len == room) {
			room = room ? 2 * room : STEP;
			if (grow(data, *len, room))
				return -ENOMEM;
		}
		n = read(fd, *data + *len, room - *len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		*len += (size_t)n;
		if (*len > max)
			return -EFBIG;
	}
	(*data)[*len] = '\0';
	return 0;
}

int read_input(const char *path, size_t max, uint8_t **data, size_t *len)
{
	bool standard = !strcmp(path, "-");
	int fd, r;

	*data = NULL;
	*len = 0;
	fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		r = errno;
		return fail(r == EACCES ? EXIT_REFUSED : EXIT_NOT_FOUND,
			    r == EACCES ? "permission-denied" : "no-such-file", NULL, "%s: %s",
			    path, strerror(r));
	}
	r = slurp(fd, max, data, len);
	if (!standard)
		close(fd);
	if (!r && *len)
		return EXIT_OK;
	forget(*data, *len);
	*data = NULL;
	if (!r || r == -EFBIG)
		return fail(EXIT_USAGE, "bad-file", NULL, "%s: 1 to %zu bytes are needed",
			    standard ? "standard input" : path, max);
	return fail(EXIT_FAILED, "failed", NULL, "%s: %s", path, strerror(-r));
}

int read_lines(size_t max, int (*take)(void *ctx, const char *line, size_t len), void *ctx)
{
	size_t len, i = 0, n;
	uint8_t *text;
	int r = read_input("-", max, &text, &len);

	if (r)
		return r;
	while (!r && i < len) {
		const char *line = (char *)text + i;

		n = strcspn(line, "\n");
		i += n + 1;
		while (n && isspace((unsigned char)line[n - 1]))
			n--;
		if (n)
			r = take(ctx, line, n);
	}
	forget(text, len);
	return r;
}

int write_output(const char *path, const void *data, size_t len)
{
	const uint8_t *p = data;
	bool standard = !path || !strcmp(path, "-");
	int fd = STDOUT_FILENO, r = 0;

	if (standard)
		fflush(stdout);
	else
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_TRUNC, 0600);
	if (fd < 0)
		return fail(EXIT_FAILED, "cannot-write", NULL, "%s: %s", path, strerror(errno));
	while (len && !r) {
		ssize_t n = write(fd, p, len);

		if (n >= 0) {
			p += n;
			len -= (size_t)n;
		} else if (errno != EINTR) {
			r = errno;
		}
	}
	if (!standard && close(fd) && !r)
		r = errno;
	return r ? fail(EXIT_FAILED, "cannot-write", NULL, "%s: %s",
			standard ? "standard output" : path, strerror(r))
		 : EXIT_OK;
}

int take_hex(const char *what, const char *text, uint8_t *out, size_t room, size_t *len)
{
	char digits[3] = "";
	size_t n = 0, d = 0, one;

	for (; *text; text++) {
		if (d == 0 && (*text == ' ' || *text == ':'))
			continue;
		digits[d++] = *text;
		if (d < 2)
			continue;
		if (n == room)
			return fail(EXIT_USAGE, "usage", NULL, "%s: more than %zu bytes", what,
				    room);
		if (se_from_hex(digits, 2, out + n, 1, &one))
			break;
		n++;
		d = 0;
	}
	explicit_bzero(digits, sizeof(digits));
	if (d)
		return fail(EXIT_USAGE, "usage", NULL,
			    "%s: two hex digits a byte are needed; wrong after %zu bytes", what,
			    n);
	*len = n;
	return EXIT_OK;
}

int take_aid(const char *what, const char *text, uint8_t aid[SECTL_AID_MAX], size_t *len)
{
	*len = 0;
	if (se_from_hex(text, strlen(text), aid, SECTL_AID_MAX, len) || *len < SE_AID_MIN)
		return fail(EXIT_USAGE, "usage", "an AID such as A000000151000000",
			    "%s '%s': 5 to 16 bytes in hex are needed", what, text);
	return EXIT_OK;
}

int take_number(const char *what, const char *text, uint32_t min, uint32_t max, uint32_t *out)
{
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(text, &end, strncmp(text, "0x", 2) ? 10 : 16);
	if (errno || end == text || *end || !isdigit((unsigned char)*text) || v < min ||
	    v > max)
		return fail(EXIT_USAGE, "usage", NULL,
			    "%s '%s': a number from %u to %u is needed", what, text, min, max);
	*out = (uint32_t)v;
	return EXIT_OK;
}

int confirm_yes(const char *what)
{
	if (opt.yes)
		return EXIT_OK;
	if (opt.json || access("/dev/tty", R_OK | W_OK) || !isatty(STDIN_FILENO))
		return fail(EXIT_REFUSED, "not-confirmed", NULL, "%s: this needs --yes", what);
	return confirm(what, "yes");
}

int confirm(const char *what, const char *words)
{
	char line[64] = "";
	FILE *tty;

	if (opt.confirm) {
		if (!strcmp(opt.confirm, words))
			return EXIT_OK;
		return fail(EXIT_REFUSED, "not-confirmed", NULL,
			    "%s: --confirm=%s is not what confirms it", what, opt.confirm);
	}
	/* asked of the terminal, so that a pipe cannot answer by chance */
	tty = opt.json ? NULL : fopen("/dev/tty", "r+e");
	if (!tty)
		return fail(EXIT_REFUSED, "not-confirmed",
			    "on a terminal; or --confirm= with what would be asked for there",
			    "%s: this has to be confirmed", what);
	fprintf(tty, "%s.\nType %s to go on: ", what, words);
	fflush(tty);
	if (!fgets(line, sizeof(line), tty))
		line[0] = '\0';
	fclose(tty);
	line[strcspn(line, "\r\n")] = '\0';
	return strcmp(line, words) ? fail(EXIT_REFUSED, "not-confirmed", NULL,
					  "%s: not confirmed, nothing was sent", what)
				   : EXIT_OK;
}
