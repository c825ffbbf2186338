// SPDX-License-Identifier: Apache-2.0
/* sectl help, for people and, with --json, for programs: both read the table. */
#include <stdio.h>
#include <string.h>

#include "sectl/sectl.h"

static bool is_noun_alone(const char *noun)
{
	size_t i;

	for (i = 0; i < nr_verbs; i++)
		if (!strcmp(verbs[i].noun, noun))
			return !verbs[i].name;
	return false;
}

static void help_all(void)
{
	size_t i, k, used;

	printf("sectl NOUN VERB [ARGUMENT…] [OPTION…]: secure elements, their cards, semd\n\n");
	for (i = 0; i < nr_nouns; i++) {
		used = (size_t)printf("  %-8s", nouns[i].name);
		for (k = 0; k < nr_verbs; k++)
			if (!strcmp(verbs[k].noun, nouns[i].name) && verbs[k].name)
				used += (size_t)printf(" %s", verbs[k].name);
		printf("%*s  %s\n", used < 58 ? (int)(58 - used) : 0, "", nouns[i].help);
	}
	printf("\nsectl NOUN --help and sectl NOUN VERB --help tell more, sectl(1) the rest.\n"
	       "--se=se0, /dev/se0, socket:PATH, pcsc:READER or semd:se0 says which SE.\n"
	       "Exit status: 0 ok, 1 failed, 2 usage, 3 not found, 4 refused, 5 not "
	       "reachable,\n"
	       "6 timeout, 7 the card said no.\n");
}

static void help_noun(const char *noun)
{
	char head[64];
	size_t i;

	for (i = 0; i < nr_verbs; i++) {
		const struct verb *v = &verbs[i];

		if (strcmp(v->noun, noun))
			continue;
		snprintf(head, sizeof(head), "%s %s", verb_title(v), v->args);
		printf("  sectl %-32s%s %s\n", head, text_columns(head) > 32 ? " " : "",
		       v->help);
	}
	printf("\nsectl %s VERB --help tells more.\n", noun);
}

static void help_option(const struct option_def *o)
{
	char text[64];

	snprintf(text, sizeof(text), "%s%c%s--%s%s%s", o->letter ? "-" : "",
		 o->letter ? o->letter : ' ', o->letter ? ", " : "", o->name,
		 o->value && *o->value != '[' ? "=" : "", o->value ? o->value : "");
	printf("  %s%*s%s\n", text + !o->letter,
	       text_columns(text + !o->letter) < 26
		       ? (int)(26 - text_columns(text + !o->letter))
		       : 1,
	       "", o->help);
}

static void help_verb(const struct verb *v)
{
	size_t i, used;

	printf("sectl %s%s%s [OPTION…]: %s\n", verb_title(v), *v->args ? " " : "", v->args,
	       v->help);
	if (v->alias)
		printf("Short: sectl %s\n", v->alias);
	if (v->more)
		printf("%s", v->more);
	putchar('\n');
	for (i = 0; i < nr_options; i++)
		if ((options[i].groups & v->groups) && !options[i].brief)
			help_option(&options[i]);
	used = (size_t)printf("  and, see sectl(1):");
	for (i = 0; i < nr_options; i++) {
		const struct option_def *o = &options[i];
		size_t len = strlen(o->name) + 3 + (o->value ? strlen(o->value) + 1 : 0);

		if (o->groups && !(o->brief && (o->groups & v->groups)))
			continue;
		if (used + len > 78)
			used = (size_t)printf("\n   ");
		used += (size_t)printf(" --%s%s%s", o->name,
				       o->value && *o->value != '[' ? "=" : "",
				       o->value ? o->value : "");
	}
	printf("\n\nExample: %s\n", v->example);
}

/* ---- the table, for programs ---- */

static int option_json(const struct option_def *o, sd_json_variant **array)
{
	char letter[2] = {(char)o->letter, '\0'};

	return sd_json_variant_append_arraybo(
		array, SD_JSON_BUILD_PAIR_STRING("name", o->name),
		SD_JSON_BUILD_PAIR_CONDITION(!!o->letter, "letter",
					     SD_JSON_BUILD_STRING(letter)),
		SD_JSON_BUILD_PAIR_CONDITION(!!o->value, "value",
					     SD_JSON_BUILD_STRING(o->value)),
		SD_JSON_BUILD_PAIR_STRING("help", o->help));
}

static int options_json(uint64_t groups, sd_json_variant **array)
{
	size_t i;
	int r;

	r = sd_json_variant_new_array(array, NULL, 0);
	for (i = 0; i < nr_options && r >= 0; i++)
		if (groups ? !!(options[i].groups & groups) : !options[i].groups)
			r = option_json(&options[i], array);
	return r;
}

static int verb_json(const struct verb *v, sd_json_variant **array)
{
	sd_json_variant *o = NULL;
	int r = 0;

	r = v->groups ? options_json(v->groups, &o) : sd_json_variant_new_array(&o, NULL, 0);
	if (r >= 0)
		r = sd_json_variant_append_arraybo(
			array, SD_JSON_BUILD_PAIR_STRING("noun", v->noun),
			SD_JSON_BUILD_PAIR_CONDITION(!!v->name, "verb",
						     SD_JSON_BUILD_STRING(v->name)),
			SD_JSON_BUILD_PAIR_CONDITION(!!v->alias, "alias",
						     SD_JSON_BUILD_STRING(v->alias)),
			SD_JSON_BUILD_PAIR_STRING("arguments", v->args),
			SD_JSON_BUILD_PAIR_STRING("help", v->help),
			SD_JSON_BUILD_PAIR_STRING("example", v->example),
			SD_JSON_BUILD_PAIR_VARIANT("options", o));
	sd_json_variant_unref(o);
	return r;
}

static int table_json(void)
{
	sd_json_variant *rows = NULL, *common = NULL, *v = NULL;
	size_t i;
	int r;

	r = options_json(0, &common);
	for (i = 0; i < nr_verbs && r >= 0; i++)
		r = verb_json(&verbs[i], &rows);
	if (r >= 0)
		r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR_VARIANT("verbs", rows),
				   SD_JSON_BUILD_PAIR_VARIANT("options", common));
	sd_json_variant_unref(rows);
	sd_json_variant_unref(common);
	return put_json(v, r);
}

int verb_help(int argc, char **argv)
{
	size_t i;

	if (opt.json)
		return table_json();
	if (!argc) {
		help_all();
		return EXIT_OK;
	}
	for (i = 0; i < nr_verbs; i++) {
		const struct verb *v = &verbs[i];

		if ((v->alias && !strcmp(v->alias, argv[0])) ||
		    (!strcmp(v->noun, argv[0]) &&
		     (!v->name || (argc > 1 && !strcmp(v->name, argv[1]))))) {
			help_verb(v);
			return EXIT_OK;
		}
	}
	for (i = 0; i < nr_nouns; i++)
		if (!strcmp(nouns[i].name, argv[0]) && !is_noun_alone(argv[0])) {
			help_noun(argv[0]);
			return EXIT_OK;
		}
	return fail(EXIT_USAGE, "usage", "sectl --help", "'%s' is not known", argv[0]);
}
