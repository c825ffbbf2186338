// SPDX-License-Identifier: Apache-2.0
/* sectl: takes the command line apart and calls the verb. */
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys/source.h"
#include "sectl/sectl.h"

#define GIVEN_MAX 64
#define LONG_FIRST 256 /* getopt's number of options[0] */

const struct verb *current_verb;

/* what was given, until the verb that has to take it is known */
struct given {
	struct {
		const char *name; /* of the option */
		const char *value;
	} list[GIVEN_MAX];
	unsigned int n;
	bool help, version;
};

const char *verb_title(const struct verb *v)
{
	static char title[64];

	snprintf(title, sizeof(title), "%s%s%s", v->noun, v->name ? " " : "",
		 v->name ? v->name : "");
	return title;
}

/* --json anywhere makes even the complaint about other options JSON. */
static void look_for_json(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "--json") || !strncmp(argv[i], "--json=", 7) ||
		    !strcmp(argv[i], "-j"))
			opt.json = true;
}

/* The same name twice is the same form of option, see struct option_def. */
static void fill_getopt(struct option *longs, char *shorts)
{
	size_t i, k, n = 0;

	*shorts++ = ':';
	for (i = 0; i < nr_options; i++) {
		const struct option_def *o = &options[i];

		for (k = 0; k < i && strcmp(options[k].name, o->name); k++)
			;
		if (k < i)
			continue;
		longs[n++] = (struct option){
			.name = o->name,
			.has_arg = !o->value	      ? no_argument
				   : *o->value == '[' ? optional_argument
						      : required_argument,
			.val = LONG_FIRST + (int)i,
		};
		if (o->letter)
			*shorts++ = (char)o->letter;
	}
	longs[n++] = (struct option){.name = "version", .val = 'V'};
	*shorts = '\0';
	longs[n] = (struct option){0};
}

static const char *name_of(int c)
{
	size_t i;

	if (c >= LONG_FIRST)
		return options[c - LONG_FIRST].name;
	for (i = 0; i < nr_options && options[i].letter != c; i++)
		;
	return i < nr_options ? options[i].name : "";
}

static const struct verb *find_verb(char **word, int n, int *used)
{
	size_t i;

	for (i = 0; i < nr_verbs; i++) {
		const struct verb *v = &verbs[i];

		*used = v->name ? 2 : 1;
		if (!strcmp(v->noun, word[0]) &&
		    (!v->name || (n > 1 && !strcmp(v->name, word[1]))))
			return v;
		*used = 1;
		if (v->alias && !strcmp(v->alias, word[0]))
			return v;
	}
	return NULL;
}

/* The hint has the verb, as far as one can be made out. */
static int fail_option(int argc, char **argv, bool value)
{
	const struct verb *v;
	int i, used, n = 0;
	char *word[2];

	for (i = 1; i < argc && n < 2; i++)
		if (*argv[i] != '-')
			word[n++] = argv[i];
	v = n ? find_verb(word, n, &used) : NULL;
	fail_hint("sectl %s%s--help", v ? verb_title(v) : "", v ? " " : "");
	return fail(EXIT_USAGE, "usage", NULL, "%s: %s", argv[optind - 1],
		    value ? "needs a value" : "no such option here");
}

static int collect(int argc, char **argv, struct given *g)
{
	struct option *longs = calloc(nr_options + 2, sizeof(*longs));
	char *shorts = calloc(nr_options + 2, 1);
	int c, r = EXIT_OK;

	if (!longs || !shorts) {
		r = fail(EXIT_FAILED, "failed", NULL, "no memory");
	} else {
		fill_getopt(longs, shorts);
		opterr = 0;
		while (!r && (c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
			if (c == '?' || c == ':')
				r = fail_option(argc, argv, c == ':');
			else if (c == 'V')
				g->version = true;
			else if (!strcmp(name_of(c), "help"))
				g->help = true;
			else if (g->n == GIVEN_MAX)
				r = fail(EXIT_USAGE, "usage", NULL, "too many options");
			else {
				g->list[g->n].name = name_of(c);
				g->list[g->n++].value = optarg;
			}
		}
	}
	free(longs);
	free(shorts);
	return r;
}

static int take_u32(const struct option_def *o, const char *value)
{
	char what[40];

	snprintf(what, sizeof(what), "--%s", o->name);
	return take_number(what, value, 0, UINT32_MAX, o->number);
}

static int take(const struct verb *v, const char *name, const char *value)
{
	const struct option_def *o;
	size_t i;

	for (i = 0; i < nr_options; i++) {
		o = &options[i];
		if (strcmp(o->name, name) || (o->groups && !(o->groups & v->groups)))
			continue;
		if (o->flag)
			*o->flag = true;
		else if (o->text)
			*o->text = value;
		else if (o->number)
			return take_u32(o, value);
		else if (o->take)
			return o->take(value);
		return EXIT_OK;
	}
	fail_hint("sectl %s --help", verb_title(v));
	return fail(EXIT_USAGE, "usage", NULL, "--%s: no such option here, for %s", name,
		    verb_title(v));
}

static int unknown(char **word, int n)
{
	size_t i;

	for (i = 0; i < nr_verbs; i++)
		if (n && !strcmp(verbs[i].noun, word[0]) && verbs[i].name)
			break;
	if (i < nr_verbs) {
		fail_hint("sectl %s --help", verbs[i].noun);
		return fail(EXIT_USAGE, "usage", NULL,
			    n > 1 ? "%s has no verb '%s'" : "%s needs a verb", word[0],
			    n > 1 ? word[1] : "");
	}
	return fail(EXIT_USAGE, "usage", "sectl --help", "'%s' is not known", word[0]);
}

int main(int argc, char **argv)
{
	struct given given = {.n = 0};
	const struct verb *v;
	unsigned int i;
	int used, n, r;
	char **word;

	(void)keys_harden_process();
	setlocale(LC_CTYPE, "");
	if (!strcmp(setlocale(LC_CTYPE, NULL), "C"))
		setlocale(LC_CTYPE, "C.UTF-8");
	look_for_json(argc, argv);
	r = collect(argc, argv, &given);
	if (r)
		return r;
	if (given.version) {
		puts("sectl 0.1");
		return EXIT_OK;
	}
	word = argv + optind;
	n = argc - optind;
	if (!n || given.help) {
		r = verb_help(n, word);
		return n || given.help ? r : EXIT_USAGE;
	}
	v = find_verb(word, n, &used);
	if (!v)
		return unknown(word, n);
	current_verb = v;
	for (i = 0; i < given.n; i++) {
		r = take(v, given.list[i].name, given.list[i].value);
		if (r)
			return r;
	}
	n -= used;
	word += used;
	if (n < v->min || n > v->max)
		return fail(EXIT_USAGE, "usage", v->example, "%s takes: %s", verb_title(v),
			    *v->args ? v->args : "no argument");
	r = v->fn(n, word);
	if (fflush(stdout) && !r)
		r = fail(EXIT_FAILED, "cannot-write", NULL, "standard output: %s",
			 strerror(errno));
	return r;
}
