/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan that tests of runs interrupt (a security domain, its keys, load, install, make
 * selectable, personalise, lock), and what the card is like: read from the card itself.
 */
#ifndef GP_RUN_BENCH_H
#define GP_RUN_BENCH_H

#include "gp_world.h"

#define SSD "F0534553414D455344"
#define ELF "F0000000010101"
#define MODULE "F000000001010101"
#define APP "F000000001010102"

/* a load file that is no CAP file: the card stores it as it is */
#define CODE                                                           \
	"C43C"                                                         \
	"000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D" \
	"202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D"

static inline struct gp_plan *plan_of(const char *text)
{
	struct gp_error err = {0};
	struct gp_plan *plan = NULL;

	if (gp_plan_parse(&plan, text, strlen(text), &err))
		fail_msg("%s: %s", err.code, err.detail);
	if (gp_plan_resolve(plan, NULL, NULL, &err))
		fail_msg("%s: %s", err.code, err.detail);
	return plan;
}

/* SSD, its keys, a package in it, an instance, its personalisation */
static inline struct gp_plan *install_plan(void)
{
	char text[4096], code[256];
	uint8_t bytes[128];
	size_t n = 0;
	sd_json_variant *v = NULL;
	char *b64 = NULL;

	for (const char *p = CODE; *p; p += 2)
		(void)sscanf(p, "%2hhx", &bytes[n++]);
	assert_true(sd_json_build(&v, SD_JSON_BUILD_BASE64(bytes, n)) >= 0);
	assert_true(sd_json_variant_format(v, 0, &b64) >= 0);
	(void)snprintf(code, sizeof(code), "%s", b64);
	free(b64);
	sd_json_variant_unref(v);
	(void)snprintf(text, sizeof(text),
		       "{\"version\":1,\"name\":\"install\",\"sessions\":["
		       "{\"keys\":\"isd\"},{\"sd\":\"" SSD
		       "\",\"keys\":\"isd\"}],\"operations\":["
		       "{\"op\":\"sd-create\",\"aid\":\"" SSD "\"},"
		       "{\"op\":\"put-key\",\"session\":1,\"keys\":\"new\"},"
		       "{\"op\":\"load\",\"aid\":\"" ELF "\",\"code\":%s,\"block\":16},"
		       "{\"op\":\"install\",\"elf\":\"" ELF "\",\"module\":\"" MODULE
		       "\",\"aid\":\"" APP "\"},"
		       "{\"op\":\"make-selectable\",\"aid\":\"" APP "\"},"
		       "{\"op\":\"personalise\",\"aid\":\"" SSD "\",\"repeatable\":true,"
		       "\"form\":\"dgi\",\"data\":\"007006420411223344007006450455667788\"},"
		       "{\"op\":\"lock\",\"aid\":\"" APP "\"}"
		       "]}",
		       code);
	return plan_of(text);
}

/* A command on a channel of its own, without keys; the response as hex into @out. */
static inline size_t ask(struct world *w, const char *hex, char *out)
{
	static uint8_t rsp[CARD_RAPDU_MAX];
	uint8_t cmd[64];
	size_t n = strlen(hex) / 2, len;

	for (size_t i = 0; i < n; i++)
		(void)sscanf(hex + 2 * i, "%2hhx", &cmd[i]);
	cmd[0] |= w->channel;
	len = world_raw(w, cmd, n, rsp);
	for (size_t i = 0; i < len; i++)
		(void)sprintf(out + 2 * i, "%02X", rsp[i]);
	out[2 * len] = '\n';
	return 2 * len + 1;
}

/* What the domain tells of itself: its keys, what personalised it. */
static inline size_t ask_domain(struct world *w, char *out)
{
	static uint8_t rsp[CARD_RAPDU_MAX];
	size_t n = 0;

	assert_int_equal(world_raw(w, (const uint8_t *)"\x00\x70\x00\x00\x01", 5, rsp), 3);
	w->channel = rsp[0];
	n += ask(w, "00A4040009" SSD "00", out + n);
	if (!strncmp(out + n - 5, "9000", 4)) {
		n += ask(w, "80CA00E000", out + n);
		n += ask(w, "80CA004200", out + n);
		n += ask(w, "80CA004500", out + n);
	}
	card_drop_origin(&w->card, 1);
	return n;
}

/* What the card is like: its registry and keys, without counters. */
static inline char *photo(struct world *w)
{
	static const char text[] =
		"{\"version\":1,\"sessions\":[{\"keys\":\"isd\"}],\"operations\":["
		"{\"op\":\"list\"},{\"op\":\"get-data\",\"tag\":\"E0\"}]}";
	struct gp_plan *plan = plan_of(text);
	struct gp_error err = {0};
	sd_json_variant *result = NULL;
	char *out = NULL, *keep = NULL;
	size_t keep_len = w->record_len, len;
	bool had = w->has_record;

	keep = malloc(sizeof(w->record));
	memcpy(keep, w->record, sizeof(w->record));
	w->cut = CUT_NONE;
	if (world_run(w, plan, GP_RUN_FORWARD, &result, &err))
		fail_msg("%s: %s", err.code, err.detail);
	memcpy(w->record, keep, sizeof(w->record));
	w->record_len = keep_len;
	w->has_record = had;
	free(keep);
	assert_true(sd_json_variant_format(sd_json_variant_by_key(result, "steps"),
					   SD_JSON_FORMAT_PRETTY, &out) >= 0);
	sd_json_variant_unref(result);
	gp_plan_free(plan);
	keep = realloc(out, strlen(out) + 4096);
	assert_non_null(keep);
	len = strlen(keep);
	keep[len + ask_domain(w, keep + len)] = 0;
	return keep;
}

static inline const char *state_of(sd_json_variant *result, size_t step)
{
	sd_json_variant *s =
		sd_json_variant_by_index(sd_json_variant_by_key(result, "steps"), step);

	return sd_json_variant_string(sd_json_variant_by_key(s, "state"));
}

static inline void show(const char *what, sd_json_variant *json)
{
	char *text = NULL;

	if (json && sd_json_variant_format(json, SD_JSON_FORMAT_PRETTY, &text) >= 0)
		print_message("%s: %s\n", what, text);
	free(text);
}

#endif
