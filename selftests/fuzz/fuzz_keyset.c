// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as a key set file, and as an entry of the attempt ledger: no crash, every refusal
 * has a place and no value, and what is taken is complete.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gp/error.h"
#include "keys/keyset.h"
#include "keys/ledger-entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct keyset_section *s, const char *text, size_t len)
{
	size_t i;

	if (!keyset_name_ok(s->name) || !s->line || (s->scp11 && s->single))
		abort();
	for (i = 0; i < KEYSET_SLOTS; i++) {
		if (s->secret[i].len && !s->type)
			abort();
		if (s->secret[i].uri.len &&
		    (s->secret[i].uri.p < text ||
		     s->secret[i].uri.p + s->secret[i].uri.len > text + len))
			abort();
	}
	if (!s->single && !s->scp11 && !s->secret[KEYSET_MASTER].len &&
	    !s->secret[KEYSET_MASTER].uri.len && !s->secret[KEYSET_ENC].len &&
	    !s->secret[KEYSET_ENC].uri.len)
		abort();
}

/* An entry that is taken is what would be written. */
static void check_entry(const char *text, size_t len)
{
	char again[LEDGER_TEXT_MAX];
	struct ledger_entry e;
	int n;

	if (ledger_parse(&e, text, len)) {
		if (e.state != LEDGER_CORRUPT)
			abort();
		return;
	}
	n = ledger_format(&e, again);
	if (n < 0 || ledger_parse(&e, again, (size_t)n))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct keyset_section *s = calloc(KEYS_MAX, sizeof(*s));
	struct gp_error err = {0};
	size_t n = 0, i;
	char *text;
	int r;

	text = malloc(size ? size : 1);
	if (s && text) {
		if (size)
			memcpy(text, data, size);
		r = keyset_parse("fuzz", text, size, s, KEYS_MAX, &n, &err);
		if (r ? n != 0 || strncmp(err.detail, "fuzz:", 5) != 0 : n == 0)
			abort();
		for (i = 0; i < n; i++)
			check(&s[i], text, size);
		check_entry(text, size);
	}
	free(text);
	free(s);
	return 0;
}
