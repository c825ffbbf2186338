// SPDX-License-Identifier: Apache-2.0
/*
 * A plan's text without its code: the values of fields "code" stay where they are, all else
 * is copied. What is no plan, or no JSON at all, is for the parser to say.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>

#include "gp/plan-fields.h"

#define PIECE 4096
#define CODE "code"

/* where in the text, and what of it is copied */
struct lifting {
	struct plan_lift *lift;
	uint64_t at;
	uint64_t from; /* text[] is from here */
	size_t have;
	char text[PIECE];
	char *out;
	size_t len, room;
	int error;
};

/* The next character; -1 at the end, and where it cannot be read. */
static int peek(struct lifting *l)
{
	const struct gp_source *text = &l->lift->text;
	uint64_t left = text->len - l->at;

	if (l->error || !left)
		return -1;
	if (l->at < l->from || l->at >= l->from + l->have) {
		l->from = l->at;
		l->have = left < PIECE ? (size_t)left : PIECE;
		l->error = gp_source_read(text, l->at, l->text, l->have);
		if (l->error) {
			l->have = 0;
			return -1;
		}
	}
	return (unsigned char)l->text[l->at - l->from];
}

/* A character more; one byte of room is left for a NUL. */
static void put(struct lifting *l, int c)
{
	if (l->len + 1 >= l->room && !l->error) {
		size_t room = l->room ? 2 * l->room : PIECE;
		char *more = malloc(room);

		if (!more) {
			l->error = -ENOMEM;
			return;
		}
		if (l->out) {
			memcpy(more, l->out, l->len);
			OPENSSL_cleanse(l->out, l->len);
		}
		free(l->out);
		l->out = more;
		l->room = room;
	}
	if (!l->error)
		l->out[l->len++] = (char)c;
}

/* Behind the opening quote of a string that is to be code: is it one that can stay? */
static bool leave(struct lifting *l)
{
	/* bits of the last character that stand for nothing, by the number of '=' behind it */
	static const int unused[] = {0, 3, 15};
	struct gp_code_text *v = &l->lift->v[l->lift->n];
	uint64_t start = l->at, chars;
	char mark[LIFT_MARK_MAX];
	unsigned int pad = 0;
	int value, last = 0;

	for (; (value = gp_base64_value(peek(l))) >= 0; l->at++)
		last = value;
	for (; peek(l) == '='; l->at++)
		pad++;
	chars = l->at - start;
	if (peek(l) != '"' || !chars || chars % 4 || pad > 2 || last & unused[pad] ||
	    chars / 4 * 3 - pad > GP_PLAN_BLOB_MAX || l->lift->n == GP_PLAN_OPS_MAX) {
		l->at = start;
		return false;
	}
	*v = (struct gp_code_text){{l->lift->text, start}, chars / 4 * 3 - pad};
	(void)snprintf(mark, sizeof(mark), "%c%zu", LIFT_MARK, l->lift->n++);
	for (const char *m = mark; *m; m++)
		put(l, *m);
	return true;
}

/* From quote to quote, as it is. True: what is between says "code". */
static bool copy_string(struct lifting *l, bool code)
{
	size_t start;
	int c;

	put(l, '"');
	l->at++;
	start = l->len;
	if (!code || !leave(l))
		for (; (c = peek(l)) >= 0 && c != '"'; l->at++) {
			put(l, c);
			if (c != '\\')
				continue;
			l->at++;
			c = peek(l);
			if (c < 0)
				break;
			put(l, c);
		}
	if (peek(l) < 0)
		return false;
	put(l, '"');
	l->at++;
	return !l->error && l->len - start == sizeof(CODE) &&
	       !memcmp(l->out + start, CODE, sizeof(CODE) - 1);
}

static void copy(struct lifting *l)
{
	bool named = false, code = false; /* behind "code", and behind its colon */
	int c;

	while ((c = peek(l)) >= 0 && !l->error) {
		if (c == '"') {
			named = copy_string(l, code);
			code = false;
			continue;
		}
		if (c != ' ' && c != '\t' && c != '\n' && c != '\r') {
			code = c == ':' && named;
			named = false;
		}
		put(l, c);
		l->at++;
	}
}

int gp_plan_open(struct gp_plan **ret, const struct gp_source *text, struct gp_error *err)
{
	struct lifting l = {0};
	int r;

	if (text->len > GP_PLAN_TEXT_MAX)
		return gp_fail(err, -EMSGSIZE, "plan-format", "a plan of more than %d bytes",
			       GP_PLAN_TEXT_MAX);
	l.lift = calloc(1, sizeof(*l.lift));
	if (!l.lift)
		return gp_fail(err, -ENOMEM, "memory", "out of memory");
	l.lift->text = *text;
	copy(&l);
	put(&l, 0);
	if (l.error == -ENOMEM)
		r = gp_fail(err, -ENOMEM, "memory", "out of memory");
	else if (l.error)
		r = gp_fail(err, l.error, "plan-format", "the plan cannot be read: %s",
			    strerror(-l.error));
	else
		r = plan_take_text(ret, l.out, l.len - 1, l.lift, err);
	OPENSSL_cleanse(l.text, sizeof(l.text));
	if (l.out)
		OPENSSL_cleanse(l.out, l.len);
	free(l.out);
	free(l.lift);
	return r;
}
