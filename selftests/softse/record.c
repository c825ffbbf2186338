// SPDX-License-Identifier: Apache-2.0
#include "record.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define APDU_MAX 65544
#define RECORDS_MAX 1000000

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_hex(const char *word, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (digit(word[i]) < 0)
			return false;
	return len % 2 == 0;
}

/* Words of hex digits, one after the other; NULL or what is wrong. */
static const char *parse_bytes(struct record *r, const char *text, size_t len, bool loose)
{
	size_t at = 0;

	r->data = malloc(len / 2 + 1);
	if (!r->data)
		return "out of memory";
	while (at < len) {
		size_t start = at;

		while (at < len && text[at] != ' ' && text[at] != '\t')
			at++;
		if (is_hex(text + start, at - start)) {
			for (size_t i = start; i < at; i += 2)
				r->data[r->len++] =
					(uint8_t)(digit(text[i]) << 4 | digit(text[i + 1]));
		} else if (!loose) {
			return "expected bytes in hex";
		}
		at++;
	}
	if (r->len < (r->what == RECORD_COMMAND ? 4U : 2U))
		return r->what == RECORD_COMMAND ? "a command has four bytes at least"
						 : "a response has two bytes at least";
	return r->len > APDU_MAX ? "longer than any APDU" : NULL;
}

static const char *parse_line(struct record *r, const char *line, size_t len)
{
	static const struct {
		const char *mark;
		enum record_what what;
		bool loose;
	} marks[] = {
		{"A>>", RECORD_COMMAND, true},
		{"A<<", RECORD_RESPONSE, true},
		{">", RECORD_COMMAND, false},
		{"<", RECORD_RESPONSE, false},
	};

	if (len == 5 && !memcmp(line, "reset", 5)) {
		r->what = RECORD_RESET;
		return NULL;
	}
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		size_t n = strlen(marks[i].mark);

		if (len < n || memcmp(line, marks[i].mark, n) != 0)
			continue;
		r->what = marks[i].what;
		return parse_bytes(r, line + n, len - n, marks[i].loose);
	}
	return "expected '> command', '< response', 'reset' or '# comment'";
}

static const char *append(struct recording *rec, const struct record *r)
{
	const struct record *last = rec->n ? &rec->r[rec->n - 1] : NULL;
	struct record *bigger;

	if (r->what == RECORD_RESPONSE && (!last || last->what != RECORD_COMMAND))
		return "a response without its command";
	if (r->what != RECORD_RESPONSE && last && last->what == RECORD_COMMAND)
		return "the command before has no response";
	if (rec->n == RECORDS_MAX)
		return "too long a recording";
	if (!(rec->n & (rec->n - 1))) { /* room doubles */
		bigger = reallocarray(rec->r, rec->n ? 2 * rec->n : 1, sizeof(*bigger));
		if (!bigger)
			return "out of memory";
		rec->r = bigger;
	}
	rec->r[rec->n++] = *r;
	return NULL;
}

int record_parse(struct recording *rec, const char *text, size_t len, char *err,
		 size_t err_room)
{
	unsigned int number = 0;
	const char *wrong = NULL;
	size_t at = 0;

	*rec = (struct recording){0};
	while (at < len && !wrong) {
		const char *line = text + at, *end = memchr(line, '\n', len - at);
		size_t n = end ? (size_t)(end - line) : len - at;
		struct record r = {.line = ++number};

		at += n + 1;
		while (n && isspace((unsigned char)*line)) {
			line++;
			n--;
		}
		while (n && isspace((unsigned char)line[n - 1]))
			n--;
		if (!n || *line == '#')
			continue;
		wrong = parse_line(&r, line, n);
		if (!wrong)
			wrong = append(rec, &r);
		if (wrong)
			free(r.data);
	}
	if (!wrong && rec->n && rec->r[rec->n - 1].what == RECORD_COMMAND)
		wrong = "the last command has no response";
	if (!wrong && !rec->n)
		wrong = "nothing is recorded";
	if (!wrong)
		return 0;
	snprintf(err, err_room, "%u: %s", number, wrong);
	record_free(rec);
	return -EINVAL;
}

void record_free(struct recording *rec)
{
	for (size_t i = 0; i < rec->n; i++)
		free(rec->r[i].data);
	free(rec->r);
	*rec = (struct recording){0};
}
