// SPDX-License-Identifier: Apache-2.0
#include "image.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Is it a card? A file that softse would refuse is not copied or compared. */
static bool is_card(const struct card_profile *p, const char *path)
{
	struct card c = {.profile = *p, .state_path = path};
	char err[512] = "";
	bool ok;

	if (access(path, R_OK)) {
		fprintf(stderr, "softse: %s: %s\n", path, strerror(errno));
		return false;
	}
	ok = !card_init(&c, err, sizeof(err));
	if (!ok)
		fprintf(stderr, "softse: %s\n", err);
	else
		card_exit(&c);
	return ok;
}

static char *read_text(const char *path, size_t *len)
{
	FILE *f = fopen(path, "re");
	struct stat st;
	char *text = NULL;

	if (f && !fstat(fileno(f), &st)) {
		*len = (size_t)st.st_size;
		text = malloc(*len + 1);
		if (text && fread(text, 1, *len, f) != *len) {
			free(text);
			text = NULL;
		}
	}
	if (f)
		fclose(f);
	if (!text)
		fprintf(stderr, "softse: %s: cannot be read\n", path);
	else
		text[*len] = 0;
	return text;
}

static void forget(char *text, size_t len)
{
	if (text)
		OPENSSL_cleanse(text, len);
	free(text);
}

int image_copy(const struct card_profile *p, const char *state_path, const char *to)
{
	bool std = !strcmp(to, "-"), ok;
	size_t len = 0;
	char *text;
	FILE *f;

	if (!is_card(p, state_path))
		return EXIT_FAILURE;
	text = read_text(state_path, &len);
	if (!text)
		return EXIT_FAILURE;
	umask(077); /* keys are in it */
	f = std ? stdout : fopen(to, "we");
	ok = f && fwrite(text, 1, len, f) == len && !fflush(f) && (std || !fsync(fileno(f)));
	if (f && !std && fclose(f))
		ok = false;
	if (!ok)
		fprintf(stderr, "softse: %s: %s\n", to, strerror(errno));
	forget(text, len);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Cuts a text into lines, the header and the hash in the last line left out. */
static size_t lines_of(char *text, char **lines, size_t room)
{
	char *line;
	size_t n = 0;

	strsep(&text, "\n");
	while ((line = strsep(&text, "\n")) && n < room)
		if (*line && strncmp(line, "end ", 4) != 0)
			lines[n++] = line;
	return n;
}

static size_t count_lines(const char *text)
{
	size_t n = 1;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* Three words say whose line it is; what follows may be a key. */
static void tell(char sign, const char *line)
{
	size_t words = 0, n = 0;

	while (line[n] && (words += line[n] == ' ') < 3)
		n++;
	printf("%c %.*s%s\n", sign, (int)n, line, line[n] ? " .." : "");
}

static size_t missing(char sign, char **a, size_t n_a, char **b, size_t n_b)
{
	size_t differences = 0;

	for (size_t i = 0; i < n_a; i++) {
		bool found = false;

		for (size_t k = 0; k < n_b && !found; k++)
			found = !strcmp(a[i], b[k]);
		if (!found) {
			tell(sign, a[i]);
			differences++;
		}
	}
	return differences;
}

int image_compare(const struct card_profile *p, const char *state_path, const char *other)
{
	char *a = NULL, *b = NULL, **in_a = NULL, **in_b = NULL;
	size_t len_a = 0, len_b = 0, n_a, n_b;
	int ret = EXIT_FAILURE;

	if (!is_card(p, state_path) || !is_card(p, other))
		return ret;
	a = read_text(state_path, &len_a);
	b = read_text(other, &len_b);
	if (!a || !b)
		goto out;
	in_a = calloc(count_lines(a), sizeof(*in_a));
	in_b = calloc(count_lines(b), sizeof(*in_b));
	if (!in_a || !in_b)
		goto out;
	n_a = lines_of(a, in_a, count_lines(a));
	n_b = lines_of(b, in_b, count_lines(b));
	/* both ways, and all of it is told */
	if (!(missing('-', in_a, n_a, in_b, n_b) + missing('+', in_b, n_b, in_a, n_a)))
		ret = EXIT_SUCCESS;
out:
	free(in_a);
	free(in_b);
	forget(a, len_a);
	forget(b, len_b);
	return ret;
}

int image_reset(const char *state_path)
{
	if (unlink(state_path) && errno != ENOENT) {
		fprintf(stderr, "softse: %s: %s\n", state_path, strerror(errno));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
