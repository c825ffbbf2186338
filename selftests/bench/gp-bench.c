// SPDX-License-Identifier: Apache-2.0
/*
 * gp-bench OURS THEIRS…: what it costs to install a package of 64 KiB. The same run of the same
 * plan over several names of libse, in turns: OURS has streams, the others are told one APDU
 * after the other. Lines "bench NAME VALUE UNIT REFERENCE RATIO" on stdout.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gp/plan.h"
#include "keys/source.h"
#include "libse/se.h"
#include "manage/manage.h"

#define PACKAGE_BYTES 65536
#define TURNS 3
#define TARGETS 4
/*
 * Of one LOAD: P2 counts 256 of them, so that short APDUs (239 bytes under C-DEC) are too short
 * for 64 KiB; this is the next whole number of AES blocks that is enough, less the padding.
 */
#define BLOCK 271

static const struct gp_aid elf = {.len = 8, .bytes = "\xf0SESAM\x45\x7e"};
static const struct gp_aid module = {.len = 9, .bytes = "\xf0SESAM\x45\x01\x01"};
static const struct gp_aid instance = {.len = 9, .bytes = "\xf0SESAM\x45\x7e\x02"};

/**
 * struct cost - of one run
 * @ns: from opening the channel to the last answer
 * @apdus: sent, those of the kernel's or libse's channel not counted
 * @trips: streams, and openings of a channel
 * @digest: of what was sent less cryptograms and MACs: headers and lengths
 */
struct cost {
	uint64_t ns;
	uint32_t apdus;
	uint32_t trips;
	uint32_t loads;
	uint64_t digest;
};

static void on_stream(void *userdata, const struct se_apdu *apdus, uint32_t n)
{
	struct cost *c = userdata;
	uint32_t i, k;

	c->trips++;
	c->apdus += n;
	for (i = 0; i < n; i++) {
		const uint8_t *cmd = (const uint8_t *)(uintptr_t)apdus[i].cmd_ptr;

		c->loads += cmd[1] == 0xe8;
		for (k = 0; k < 5; k++)
			c->digest = c->digest * 1099511628211U +
				    (k < 4 ? cmd[k] : apdus[i].cmd_len);
	}
}

static void on_open(void *userdata, const struct se_channel_open *open, uint64_t ns)
{
	(void)open, (void)ns;
	((struct cost *)userdata)->trips++;
}

static struct gp_plan *plan_install(const char *keys)
{
	struct gp_plan *plan = gp_plan_new();
	static uint8_t code[PACKAGE_BYTES];
	struct gp_error err = {0};
	struct gp_op *op;
	size_t i;

	for (i = 0; i < sizeof(code); i++)
		code[i] = (uint8_t)(i * 131 >> 3);
	if (!plan || gp_plan_session(plan, NULL, keys) != 0)
		return NULL;
	op = gp_plan_add(plan, GP_OP_LOAD, 0);
	if (!op)
		return NULL;
	op->aid = elf;
	op->block = BLOCK;
	/* C4: the load file data block, GPCS 2.3.1, 11.6.2.3 */
	op->code.p = malloc(sizeof(code) + 5);
	if (!op->code.p)
		return NULL;
	op->code.len = sizeof(code) + 5;
	memcpy(op->code.p, "\xc4\x83\x01\x00\x00", 5);
	memcpy(op->code.p + 5, code, sizeof(code));
	op = gp_plan_add(plan, GP_OP_INSTALL, 0);
	if (!op)
		return NULL;
	op->elf = elf;
	op->module = module;
	op->aid = instance;
	op->selectable = true;
	if (gp_plan_validate(plan, &err) || gp_plan_resolve(plan, NULL, NULL, &err)) {
		fprintf(stderr, "gp-bench: %s: %s\n", err.code, err.detail);
		return NULL;
	}
	return plan;
}

static struct gp_plan *plan_delete(const char *keys)
{
	struct gp_plan *plan = gp_plan_new();
	struct gp_error err = {0};
	struct gp_op *op;

	if (!plan || gp_plan_session(plan, NULL, keys) != 0)
		return NULL;
	op = gp_plan_add(plan, GP_OP_DELETE, 0);
	if (!op)
		return NULL;
	op->aid = elf;
	op->related = true;
	if (gp_plan_validate(plan, &err) || gp_plan_resolve(plan, NULL, NULL, &err))
		return NULL;
	return plan;
}

static int run(const char *name, const struct gp_plan *plan, const struct keys *keys,
	       struct cost *cost)
{
	struct manage_options opt = {
		.keys = keys,
		.trace = on_stream,
		.trace_open = on_open,
		.userdata = cost,
	};
	sd_json_variant *result = NULL;
	struct gp_error err = {0};
	struct se *se;
	int ret = se_open(&se, name);

	if (ret < 0) {
		fprintf(stderr, "gp-bench: %s: %s\n", name, strerror(-ret));
		return ret;
	}
	memset(cost, 0, sizeof(*cost));
	cost->ns = se_deadline_in(0);
	ret = manage_run(se, plan, &opt, &result, &err);
	cost->ns = se_deadline_in(0) - cost->ns;
	if (ret < 0 && result)
		sd_json_variant_dump(result, SD_JSON_FORMAT_NEWLINE, stderr, NULL);
	sd_json_variant_unref(result);
	se_close(se);
	if (ret < 0)
		fprintf(stderr, "gp-bench: %s: %s: %s\n", name, err.code, err.detail);
	return ret;
}

static int by_time(const void *a, const void *b)
{
	const struct cost *x = a, *y = b;

	return (x->ns > y->ns) - (x->ns < y->ns);
}

static void line(const char *what, double value, const char *unit, double reference)
{
	printf("bench %s %.1f %s %.1f %.2f\n", what, value, unit, reference, value / reference);
}

/* What no host can do without: the channel, two for the session, two INSTALLs, whole LOADs. */
static void against_minimum(const struct cost *c)
{
	const size_t file = PACKAGE_BYTES + 5;
	const double loads = (double)((file + BLOCK - 1) / BLOCK);
	const double apdus = 4 + loads;
	/* INITIALIZE UPDATE has to be answered before anything else can be computed */
	const double trips =
		2 + (double)(((size_t)apdus - 1 + SE_STREAM_MAX - 1) / SE_STREAM_MAX);

	line("gp-install-apdus", c->apdus, "apdus", apdus);
	line("gp-install-trips", c->trips, "trips", trips);
	line("gp-install-loads", c->loads, "apdus", loads);
}

int main(int argc, char **argv)
{
	static struct cost costs[TARGETS][TURNS];
	struct gp_plan *install, *remove_it;
	struct gp_error err = {0};
	struct cost unused;
	struct keys *keys;
	int t, i;

	if (argc < 3 || argc > 1 + TARGETS || keys_new(&keys) ||
	    keys_add(keys, "default", NULL, &err)) {
		fprintf(stderr, "usage: gp-bench OURS THEIRS…; %s\n", err.detail);
		return 2;
	}
	install = plan_install(keys_name_at(keys, 0));
	remove_it = plan_delete(keys_name_at(keys, 0));
	if (!install || !remove_it)
		return 1;
	for (i = 0; i < TURNS; i++)
		for (t = 1; t < argc; t++)
			if (run(argv[t], install, keys, &costs[t - 1][i]) ||
			    run(argv[t], remove_it, keys, &unused))
				return 1;
	for (t = 0; t < argc - 1; t++) {
		if (costs[t][0].digest != costs[0][0].digest) {
			fprintf(stderr, "gp-bench: %s was sent something else\n", argv[t + 1]);
			return 1;
		}
		qsort(costs[t], TURNS, sizeof(costs[t][0]), by_time);
		fprintf(stderr, "# %s: %u APDUs in %u streams, %.1f to %.1f ms\n", argv[t + 1],
			costs[t][0].apdus, costs[t][0].trips, (double)costs[t][0].ns / 1e6,
			(double)costs[t][TURNS - 1].ns / 1e6);
	}
	for (t = 1; t < argc - 1; t++)
		line(t == 1 ? "gp-install-64k-pcscd" : "gp-install-64k-vpcd",
		     (double)costs[0][TURNS / 2].ns / 1e6, "ms",
		     (double)costs[t][TURNS / 2].ns / 1e6);
	against_minimum(&costs[0][0]);
	gp_plan_free(install);
	gp_plan_free(remove_it);
	keys_free(keys);
	return 0;
}
