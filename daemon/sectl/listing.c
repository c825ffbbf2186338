// SPDX-License-Identifier: Apache-2.0
/* Registries as tables. */
#include <stdio.h>
#include <string.h>

#include "sectl/listing.h"
#include "sectl/act.h"
#include "sectl/sectl.h"

#define WORDS_MAX 512

static void join(sd_json_variant *array, const char *key, char *text, size_t room)
{
	sd_json_variant *v;
	size_t i, n = 0;
	const char *s;

	text[0] = '\0';
	for (i = 0; array && i < sd_json_variant_elements(array); i++) {
		v = sd_json_variant_by_index(array, i);
		s = key ? json_text(v, key) : sd_json_variant_string(v);
		n += (size_t)snprintf(text + n, room - n, "%s%s", i ? " " : "", s);
		if (n >= room)
			return;
	}
}

static void one_entry(struct table *t, sd_json_variant *e, bool packages)
{
	char words[WORDS_MAX];

	table_cell(t, "%s", *json_text(e, "aid") ? json_text(e, "aid") : "(not told)");
	if (packages) {
		table_cell(t, "%s", json_text(e, "stateName"));
		table_cell(t, "%s", json_text(e, "version"));
		table_cell(t, "%s", json_text(e, "sd"));
		join(sd_json_variant_by_key(e, "modules"), "aid", words, sizeof(words));
	} else {
		table_cell(t, "%s", json_text(e, "kind"));
		table_cell(t, "%s", json_text(e, "stateName"));
		table_cell(t, "%s", json_text(e, "elf"));
		table_cell(t, "%s", json_text(e, "sd"));
		join(sd_json_variant_by_key(e, "privilegeNames"), NULL, words, sizeof(words));
	}
	table_cell(t, "%s", words);
}

static void print_kind(sd_json_variant *list, bool packages)
{
	struct table *t = table_new(packages ? "PACKAGE|STATE|VERSION|DOMAIN|MODULES"
					     : "AID|KIND|STATE|PACKAGE|DOMAIN|PRIVILEGES");
	sd_json_variant *e;
	size_t i;

	for (i = 0; i < sd_json_variant_elements(list); i++) {
		e = sd_json_variant_by_index(list, i);
		if (!strcmp(json_text(e, "kind"), "elf") == packages)
			one_entry(t, e, packages);
	}
	table_print(t);
}

static bool has_kind(sd_json_variant *list, bool packages)
{
	size_t i;

	for (i = 0; i < sd_json_variant_elements(list); i++)
		if (!strcmp(json_text(sd_json_variant_by_index(list, i), "kind"), "elf") ==
		    packages)
			return true;
	return false;
}

void listing_print(const struct act *a)
{
	sd_json_variant *step = act_step(a, 0), *list;
	bool apps;

	list = step ? sd_json_variant_by_key(step, "data") : NULL;
	if (!list || !sd_json_variant_elements(list)) {
		printf("nothing there\n");
		return;
	}
	apps = has_kind(list, false);
	if (apps)
		print_kind(list, false);
	if (apps && has_kind(list, true))
		putchar('\n');
	if (has_kind(list, true))
		print_kind(list, true);
}
