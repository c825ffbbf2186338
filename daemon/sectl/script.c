// SPDX-License-Identifier: Apache-2.0
/* script: ETSI TS 102 226 scripts and lines of hex, run on an SE or turned into each other. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libse/se.h"
#include "script/script.h"
#include "sectl/batch.h"
#include "sectl/sectl.h"
#include "sectl/semd.h"

#define SCRIPT_MAX (8U << 20)
#define COMMANDS_MAX 65535

enum form {
	FORM_AUTO,
	FORM_EXPANDED,
	FORM_COMPACT,
	FORM_TEXT,
};

/* the C-APDUs of a script, in one piece of memory that is wiped as a whole */
struct commands {
	uint8_t *bytes;
	size_t used, room;
	struct {
		size_t at, len;
	} *list;
	uint32_t n;
};

static void commands_free(struct commands *c)
{
	forget(c->bytes, c->room);
	free(c->list);
	*c = (struct commands){0};
}

static int add(struct commands *c, const uint8_t *p, size_t len)
{
	if (!(c->n % 64)) {
		void *more = realloc(c->list, (c->n + 64) * sizeof(*c->list));

		if (!more)
			return -ENOMEM;
		c->list = more;
	}
	if (c->n == COMMANDS_MAX || len > c->room - c->used)
		return -EMSGSIZE;
	memcpy(c->bytes + c->used, p, len);
	c->list[c->n].at = c->used;
	c->list[c->n++].len = len;
	c->used += len;
	return 0;
}

static int fail_script(const struct script_error *e)
{
	return fail(EXIT_USAGE, "script-format-error", *e->hint ? e->hint : NULL,
		    "byte %llu: %s", (unsigned long long)e->offset, e->what);
}

/* What a host without a management session cannot do is refused before anything is sent. */
static int take_item(struct commands *c, const struct script_item *item)
{
	char words[SCRIPT_ACTION_WORDS];

	switch (item->type) {
	case SCRIPT_ITEM_CAPDU:
		return add(c, item->data, item->len)
			       ? fail(EXIT_FAILED, "failed", NULL, "no memory")
			       : EXIT_OK;
	case SCRIPT_ITEM_IMMEDIATE:
	case SCRIPT_ITEM_ERROR_ACTION:
		if (!item->len)
			return EXIT_OK;
		script_action_words(item->data, item->len, words, sizeof(words));
		return fail(EXIT_REFUSED, "not-here", "--se=semd:se0",
			    "byte %llu: an action (%s) needs semd",
			    (unsigned long long)item->offset, words);
	case SCRIPT_ITEM_CHAINING:
		return fail(EXIT_REFUSED, "not-here", "--se=semd:se0",
			    "byte %llu: script chaining needs semd",
			    (unsigned long long)item->offset);
	case SCRIPT_ITEM_END:
		break;
	}
	return EXIT_OK;
}

static int decode(struct commands *c, enum script_format format, const uint8_t *p, size_t len)
{
	struct script_decoder *d = script_decoder_new(format, NULL);
	struct script_item item;
	size_t used;
	int r = 1, status = EXIT_OK;

	if (!d)
		return fail(EXIT_FAILED, "failed", NULL, "no memory");
	while (!status && len > 0) {
		r = script_decoder_feed(d, p, len, &used, &item);
		if (r < 0)
			break;
		p += used;
		len -= used;
		if (r > 0)
			status = take_item(c, &item);
	}
	while (!status && r >= 0) {
		r = script_decoder_end(d, &item);
		if (r <= 0)
			break;
		status = take_item(c, &item);
	}
	if (!status && r < 0)
		status = fail_script(script_decoder_error(d));
	script_decoder_free(d);
	return status;
}

/* one C-APDU a line, "#" begins a comment, blanks are as one likes */
static int decode_text(struct commands *c, const uint8_t *text, size_t len)
{
	static uint8_t apdu[SE_CAPDU_MAX];
	unsigned int line = 0;
	char what[32];
	size_t i, n;
	int r = EXIT_OK;

	for (i = 0; !r && i < len;) {
		const char *s = (const char *)text + i;
		size_t end = strcspn(s, "\r\n"), text_len = strcspn(s, "#\r\n");
		char *one = strndup(s, text_len);

		line++;
		i += end + 1;
		if (!one)
			return fail(EXIT_FAILED, "failed", NULL, "no memory");
		while (text_len && isspace((unsigned char)one[text_len - 1]))
			one[--text_len] = '\0';
		snprintf(what, sizeof(what), "line %u", line);
		if (text_len) {
			r = take_hex(what, one + strspn(one, " \t"), apdu, sizeof(apdu), &n);
			if (!r && (n < SE_CAPDU_MIN || script_capdu_case(apdu, n) < 0))
				r = fail(EXIT_USAGE, "bad-apdu", "CLA INS P1 P2 [Lc data] [Le]",
					 "%s: not a C-APDU (%zu bytes)", what, n);
			if (!r && add(c, apdu, n))
				r = fail(EXIT_FAILED, "failed", NULL, "no memory");
		}
		forget(one, text_len);
	}
	explicit_bzero(apdu, sizeof(apdu));
	return r;
}

static int take_form(const char *name, const char *value, enum form *form)
{
	static const char *const names[] = {"auto", "expanded", "compact", "text"};
	size_t i;

	for (i = 0; value && i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(value, names[i])) {
			*form = (enum form)i;
			return EXIT_OK;
		}
	return value ? fail(EXIT_USAGE, "usage", "expanded, compact or text",
			    "--%s=%s: there is no such form", name, value)
		     : EXIT_OK;
}

static enum form guess(const uint8_t *p, size_t len)
{
	size_t i;

	if (p[0] == SCRIPT_TAG_COMMANDS || p[0] == SCRIPT_TAG_COMMANDS_INDEF)
		return FORM_EXPANDED;
	for (i = 0; i < len; i++)
		if (!isxdigit(p[i]) && !isspace(p[i]) && p[i] != '#' && p[i] != ':')
			break;
		else if (p[i] == '#')
			while (i + 1 < len && p[i + 1] != '\n')
				i++;
	return i == len ? FORM_TEXT : FORM_COMPACT;
}

/* What was read, which is forgotten. */
static int take_commands(const char *path, enum form form, uint8_t *data, size_t len,
			 struct commands *c)
{
	int r;

	c->room = len;
	c->bytes = malloc(len);
	if (form == FORM_AUTO)
		form = guess(data, len);
	if (!c->bytes)
		r = fail(EXIT_FAILED, "failed", NULL, "no memory");
	else if (form == FORM_TEXT)
		r = decode_text(c, data, len);
	else
		r = decode(c, form == FORM_COMPACT ? SCRIPT_COMPACT : SCRIPT_EXPANDED, data,
			   len);
	forget(data, len);
	if (!r && !c->n)
		r = fail(EXIT_USAGE, "bad-script", NULL, "%s: there is no command in it", path);
	return r;
}

static int load(const char *path, enum form form, struct commands *c)
{
	uint8_t *data;
	size_t len;
	int r;

	r = read_input(path, SCRIPT_MAX, &data, &len);
	return r ? r : take_commands(path, form, data, len, c);
}

/* ---- convert ---- */

static size_t encode_expanded(const struct commands *c, uint8_t *out)
{
	uint64_t body = 0;
	size_t n;
	uint32_t i;

	for (i = 0; i < c->n; i++)
		body += script_cmd_size(c->list[i].len);
	n = script_cmd_begin(out, body);
	for (i = 0; i < c->n; i++) {
		n += script_cmd_capdu(out + n, c->list[i].len);
		memcpy(out + n, c->bytes + c->list[i].at, c->list[i].len);
		n += c->list[i].len;
	}
	return n;
}

static size_t encode_text(const struct commands *c, char *out)
{
	size_t n = 0;
	uint32_t i;

	for (i = 0; i < c->n; i++) {
		se_to_hex(out + n, c->bytes + c->list[i].at, c->list[i].len);
		n += 2 * c->list[i].len;
		out[n++] = '\n';
	}
	out[n] = '\0';
	return n;
}

static int encode_compact(const struct commands *c, uint8_t *out, size_t *len)
{
	uint32_t i;
	int n;

	*len = 0;
	for (i = 0; i < c->n; i++) {
		n = script_cmd_compact(c->bytes + c->list[i].at, c->list[i].len, i + 1 == c->n);
		if (n < 0)
			return fail(EXIT_REFUSED, "no-compact-form", "--to=expanded",
				    "command %u is extended, or wants response data in the "
				    "middle: compact format has no form for it",
				    i + 1);
		memcpy(out + *len, c->bytes + c->list[i].at, (size_t)n);
		*len += (size_t)n;
		if (n == 4)
			out[(*len)++] = 0; /* P3 of a command without data */
	}
	return EXIT_OK;
}

/* @out has a NUL behind it if it is text */
static int put_converted(const uint8_t *out, size_t len, uint32_t n, bool text)
{
	sd_json_variant *v = NULL;
	char *hex;
	int r;

	if (!opt.json || opt.output)
		return write_output(opt.output, out, len);
	hex = malloc(2 * len + 1);
	if (!hex)
		return fail(EXIT_FAILED, "failed", NULL, "no memory");
	se_to_hex(hex, out, len);
	r = sd_json_buildo(
		&v, SD_JSON_BUILD_PAIR_UNSIGNED("commands", n),
		SD_JSON_BUILD_PAIR_CONDITION(text, "text",
					     SD_JSON_BUILD_STRING((const char *)out)),
		SD_JSON_BUILD_PAIR_CONDITION(!text, "script", SD_JSON_BUILD_STRING(hex)));
	forget(hex, 2 * len);
	return put_json(v, r);
}

int verb_script_convert(int argc, char **argv)
{
	enum form from = FORM_AUTO, to = FORM_TEXT;
	struct commands c = {0};
	size_t room, len = 0;
	uint8_t *out = NULL;
	int r;

	(void)argc;
	r = take_form("from", opt.from, &from);
	if (!r)
		r = take_form("to", opt.format, &to);
	if (!r)
		r = load(argv[0], from, &c);
	room = 2 * c.used + 16 * ((size_t)c.n + 1);
	out = r ? NULL : malloc(room);
	if (!r && !out)
		r = fail(EXIT_FAILED, "failed", NULL, "no memory");
	if (!r && to == FORM_COMPACT)
		r = encode_compact(&c, out, &len);
	else if (!r && to == FORM_EXPANDED)
		len = encode_expanded(&c, out);
	else if (!r)
		len = encode_text(&c, (char *)out);
	if (!r)
		r = put_converted(out, len, c.n, to == FORM_TEXT || to == FORM_AUTO);
	forget(out, room);
	commands_free(&c);
	return r;
}

/* ---- run ---- */

static int run_batches(struct se *se, const struct commands *c, sd_json_variant **array,
		       uint16_t *sw)
{
	struct batch *b = batch_new();
	struct progress bar;
	uint32_t i, first = 0;
	int r = EXIT_OK;

	progress_begin(&bar, "script", c->n, "APDU");
	for (i = 0; i < c->n && !r; i++) {
		if (batch_add(b, c->bytes + c->list[i].at, c->list[i].len))
			r = fail(EXIT_FAILED, "failed", NULL, "no memory");
		if (r || (b->n < BATCH_MAX && i + 1 < c->n))
			continue;
		r = batch_run(se, b, first + 1, array, sw);
		batch_clear(b);
		first = i + 1;
		progress_update(&bar, first);
	}
	progress_end(&bar);
	batch_free(b);
	return r;
}

static int run_commands(const struct commands *c)
{
	sd_json_variant *array = NULL, *v = NULL;
	uint8_t aid[SECTL_AID_MAX];
	size_t aid_len = 0;
	uint16_t sw = 0;
	struct se *se;
	int r = EXIT_OK, status;

	if (opt.aid)
		r = take_aid("--aid", opt.aid, aid, &aid_len);
	if (!r)
		r = target_open(&se);
	if (r)
		return r;
	status = target_channel(se, aid, aid_len, NULL, NULL);
	if (!status) {
		status = run_batches(se, c, &array, &sw);
		if (opt.json && (!status || status == EXIT_CARD)) {
			r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR_UNSIGNED("commands", c->n),
					   SD_JSON_BUILD_PAIR_VARIANT("responses", array));
			put_json(v, r);
		}
	}
	sd_json_variant_unref(array);
	se_close(se);
	return status;
}

/*
 * semd takes the two forms of the standard, with all that can be in them. It begins before it
 * has read to the end, so that compact format, which anything looks like, has to be said.
 */
static int run_on_semd(const char *path, enum form form)
{
	struct commands c = {0};
	size_t len, room;
	uint8_t *data;
	int r;

	r = read_input(path, SCRIPT_MAX, &data, &len);
	if (r)
		return r;
	if (form == FORM_AUTO && guess(data, len) == FORM_TEXT)
		form = FORM_TEXT;
	room = len;
	if (form == FORM_TEXT) {
		r = take_commands(path, form, data, len, &c);
		room = c.used + 16 * ((size_t)c.n + 1);
		data = r ? NULL : malloc(room);
		if (!r && !data)
			r = fail(EXIT_FAILED, "failed", NULL, "no memory");
		len = r ? 0 : encode_expanded(&c, data);
	}
	if (!r)
		r = semd_run_script(path, data, len, form == FORM_COMPACT);
	forget(data, room);
	commands_free(&c);
	return r;
}

int verb_script_run(int argc, char **argv)
{
	struct commands c = {0};
	enum form form = FORM_AUTO;
	int r;

	(void)argc;
	r = take_form("from", opt.compact ? "compact" : opt.from, &form);
	if (!r && target_semd())
		return run_on_semd(argv[0], form);
	if (!r)
		r = load(argv[0], form, &c);
	if (!r && opt.dry_run)
		r = say_dry("would run the %u commands of %s on %s for %s", c.n, argv[0],
			    opt.se, opt.aid ? opt.aid : "the default application");
	else if (!r)
		r = run_commands(&c);
	commands_free(&c);
	return r;
}
