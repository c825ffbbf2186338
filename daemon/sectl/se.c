// SPDX-License-Identifier: Apache-2.0
/* se: the secure elements themselves. No daemon needed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libse/se.h"
#include "sectl/device.h"
#include "model/stats.h"
#include "sectl/sectl.h"

int device_json(const struct se_device *d, const char *event, sd_json_variant **ret)
{
	char cip[2 * SE_CIP_MAX + 1];

	se_to_hex(cip, d->cip, d->cip_len < SE_CIP_MAX ? d->cip_len : SE_CIP_MAX);
	return sd_json_buildo(
		ret,
		SD_JSON_BUILD_PAIR_CONDITION(!!event, "event", SD_JSON_BUILD_STRING(event)),
		SD_JSON_BUILD_PAIR_STRING("name", d->name),
		SD_JSON_BUILD_PAIR_UNSIGNED("index", d->index),
		SD_JSON_BUILD_PAIR_STRING("parent", d->parent),
		SD_JSON_BUILD_PAIR_STRING("dialect", se_dialect_name(d->dialect)),
		SD_JSON_BUILD_PAIR_STRING("state", se_state_name(d->state)),
		SD_JSON_BUILD_PAIR_UNSIGNED("generation", d->generation),
		SD_JSON_BUILD_PAIR_STRING("irqMode", se_irq_mode_name(d->irq_mode)),
		SD_JSON_BUILD_PAIR_UNSIGNED("clockHz", d->clock_hz),
		SD_JSON_BUILD_PAIR_UNSIGNED("channelsInUse", d->channels_in_use),
		SD_JSON_BUILD_PAIR_CONDITION(!!event, "reason",
					     SD_JSON_BUILD_STRING(se_reason_name(d->reason))),
		SD_JSON_BUILD_PAIR_STRING("cip", cip));
}

int fail_no_driver(void)
{
	return fail(EXIT_NOT_FOUND, "no-driver", "modprobe se-spi",
		    "the driver is not loaded (no netlink family 'se')");
}

/* what stands after the verb is the short form of --se */
static void take_target(int argc, char **argv)
{
	if (argc)
		opt.se = argv[0];
}

/* ---- list ---- */

struct listing {
	sd_json_variant *array;
	struct table *table;
	int r;
};

static int list_one(void *ctx, const struct se_device *d)
{
	struct listing *l = ctx;
	sd_json_variant *v = NULL;

	if (opt.json) {
		l->r = device_json(d, NULL, &v);
		if (l->r >= 0)
			l->r = sd_json_variant_append_array(&l->array, v);
		sd_json_variant_unref(v);
		return 0;
	}
	table_cell(l->table, "%s", d->name);
	table_cell(l->table, "%s", d->parent);
	table_cell(l->table, "%s", se_dialect_name(d->dialect));
	table_cell(l->table, "%s", se_state_name(d->state));
	table_cell(l->table, "%llu", (unsigned long long)d->generation);
	table_cell(l->table, "%s", se_irq_mode_name(d->irq_mode));
	table_cell(l->table, "%u", d->channels_in_use);
	return 0;
}

int verb_se_list(int argc, char **argv)
{
	struct listing l = {0};
	sd_json_variant *v = NULL;
	int r;

	(void)argc;
	(void)argv;
	l.table = table_new("NAME|PARENT|DIALECT|STATE|>GENERATION|IRQ|>CHANNELS");
	r = se_list(list_one, &l);
	if (!r && !opt.json && !table_rows(l.table))
		printf("no secure elements\n");
	table_print(l.table);
	if (r < 0)
		sd_json_variant_unref(l.array);
	if (r == -ENOENT)
		return fail_no_driver();
	if (r < 0)
		return fail_errno(r, "list");
	if (!opt.json)
		return EXIT_OK;
	if (l.r >= 0 && !l.array)
		l.r = sd_json_variant_new_array(&l.array, NULL, 0);
	if (l.r >= 0)
		l.r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR_VARIANT("elements", l.array));
	sd_json_variant_unref(l.array);
	return put_json(v, l.r);
}

/* ---- info ---- */

static void info_table(const char *name, const struct se_info *i, const struct se_stats *s,
		       const char *cip)
{
	printf("%s: abi %u, dialect %s, %s, generation %llu\n", name, i->abi,
	       se_dialect_name(i->dialect), se_state_name(i->state),
	       (unsigned long long)i->generation);
	printf("  link      IFSC %u, IFSD %u, BWT %u us, clock %u Hz, %s%s%s\n", i->ifsc,
	       i->ifsd, i->bwt_us, i->clock_hz, se_irq_mode_name(i->irq_mode),
	       i->caps & SE_CAP_IRQ ? ", irq wired" : "",
	       i->caps & SE_CAP_RESET_LINE ? ", reset wired" : "");
	printf("  apdu      up to %u bytes, response up to %u\n", i->max_capdu, i->max_rapdu);
	printf("  cip       %s\n", *cip ? cip : "-");
	printf("  apdus     %llu, errors %llu\n", (unsigned long long)s->apdus,
	       (unsigned long long)s->errors);
	printf("  blocks    %llu out, %llu in, repeated %llu, bad checksum %llu\n",
	       (unsigned long long)s->blocks_tx, (unsigned long long)s->blocks_rx,
	       (unsigned long long)s->retrans, (unsigned long long)s->edc_errors);
	printf("  bus       %llu accesses, %llu bytes out, %llu in\n",
	       (unsigned long long)s->accesses, (unsigned long long)s->bytes_tx,
	       (unsigned long long)s->bytes_rx);
	printf("  irq       %llu, spurious %llu, polls %llu\n", (unsigned long long)s->irqs,
	       (unsigned long long)s->irqs_spurious, (unsigned long long)s->polls);
	printf("  recovery  timeouts %llu, wtx %llu, resyncs %llu, resets %llu\n",
	       (unsigned long long)s->timeouts, (unsigned long long)s->wtx,
	       (unsigned long long)s->resyncs, (unsigned long long)s->resets);
}

static int info_json(const char *name, const struct se_info *i, const struct se_stats *s,
		     const char *cip)
{
	sd_json_variant *v = NULL, *counters = NULL;
	int r;

	r = model_counters_json(s, &counters);
	if (r < 0)
		return put_json(NULL, r);
#define U(name, value) SD_JSON_BUILD_PAIR_UNSIGNED(name, value)
	r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR_STRING("name", name), U("abi", i->abi),
			   U("caps", i->caps),
			   SD_JSON_BUILD_PAIR_STRING("dialect", se_dialect_name(i->dialect)),
			   SD_JSON_BUILD_PAIR_STRING("state", se_state_name(i->state)),
			   U("generation", i->generation), U("ifsc", i->ifsc),
			   U("ifsd", i->ifsd), U("bwtUs", i->bwt_us), U("clockHz", i->clock_hz),
			   SD_JSON_BUILD_PAIR_STRING("irqMode", se_irq_mode_name(i->irq_mode)),
			   U("maxCapdu", i->max_capdu), U("maxRapdu", i->max_rapdu),
			   SD_JSON_BUILD_PAIR_STRING("cip", cip),
			   SD_JSON_BUILD_PAIR_VARIANT("stats", counters));
#undef U
	sd_json_variant_unref(counters);
	return put_json(v, r);
}

static int read_all(struct se_info *i, struct se_stats *s)
{
	struct se *se;
	int r;

	r = target_open(&se);
	if (r)
		return r;
	r = se_get_info(se, i);
	if (!r)
		r = se_get_stats(se, s);
	se_close(se);
	return r ? fail_errno(r, opt.se) : EXIT_OK;
}

int verb_se_info(int argc, char **argv)
{
	char text[2 * SE_CIP_MAX + 1];
	uint8_t cip[SE_CIP_MAX];
	struct se_info i = {.cip_ptr = (uintptr_t)cip, .cip_len = sizeof(cip)};
	struct se_stats s;
	int r;

	take_target(argc, argv);
	r = read_all(&i, &s);
	if (r)
		return r;
	se_to_hex(text, cip, i.cip_len < sizeof(cip) ? i.cip_len : sizeof(cip));
	if (opt.json)
		return info_json(opt.se, &i, &s, text);
	info_table(opt.se, &i, &s, text);
	return EXIT_OK;
}

/* ---- stats ---- */

static uint64_t hist_count(const struct se_hist *h)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < SE_HIST_BUCKETS; i++)
		n += h->bucket[i];
	return n;
}

/* the upper end, in microseconds, of the bucket that the @percent-th is in */
static uint64_t hist_below(const struct se_hist *h, unsigned int percent)
{
	uint64_t n = hist_count(h), seen = 0;
	size_t i;

	for (i = 0; i < SE_HIST_BUCKETS - 1; i++) {
		seen += h->bucket[i];
		if (n && 100 * seen >= percent * n)
			break;
	}
	return n ? 1ULL << i : 0;
}

static void hist_row(struct table *t, const struct se_hist *h, const char *name)
{
	uint64_t n = hist_count(h);

	table_cell(t, "%s", name);
	table_cell(t, "%llu", (unsigned long long)n);
	table_cell(t, "%.1f", n ? (double)h->sum_ns / (double)n / 1e3 : 0.0);
	table_cell(t, "%llu", (unsigned long long)hist_below(h, 50));
	table_cell(t, "%llu", (unsigned long long)hist_below(h, 95));
	table_cell(t, "%llu", (unsigned long long)hist_below(h, 100));
}

int verb_se_stats(int argc, char **argv)
{
	sd_json_variant *counters = NULL, *hists = NULL, *v = NULL;
	struct se_info info = {.cip_len = 0};
	struct se_stats s;
	const char *name;
	struct table *t;
	uint64_t value;
	size_t i;
	int r;

	take_target(argc, argv);
	r = read_all(&info, &s);
	if (r)
		return r;
	if (opt.json) {
		r = model_counters_json(&s, &counters);
		if (!r)
			r = model_hists_json(&s, &hists);
		if (r >= 0)
			r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR_STRING("name", opt.se),
					   SD_JSON_BUILD_PAIR_VARIANT("counters", counters),
					   SD_JSON_BUILD_PAIR_VARIANT("histograms", hists));
		sd_json_variant_unref(counters);
		sd_json_variant_unref(hists);
		return put_json(v, r);
	}
	t = table_new("COUNTER|>COUNT");
	for (i = 0; (name = model_counter(&s, i, &value)); i++) {
		table_cell(t, "%s", name);
		table_cell(t, "%llu", (unsigned long long)value);
	}
	table_print(t);
	putchar('\n');
	t = table_new("TIME|>COUNT|>MEAN US|>HALF BELOW|>95 % BELOW|>ALL BELOW");
	hist_row(t, &s.total, "exchange");
	hist_row(t, &s.wire, "on the bus");
	hist_row(t, &s.think, "the SE's");
	hist_row(t, &s.queue, "waiting");
	table_print(t);
	return EXIT_OK;
}

/* ---- reset ---- */

static int find_level(uint32_t *level)
{
	for (*level = SE_RESET_RESYNCH; *level <= SE_RESET_POWER; ++*level)
		if (!strcmp(se_reset_level_name(*level), opt.level))
			return EXIT_OK;
	return fail(EXIT_USAGE, "usage", "resynch, software, line or power",
		    "--level=%s: there is no such level", opt.level);
}

static int reset_answer(const char *name, const struct se_reset *r)
{
	sd_json_variant *v = NULL;
	int n;

	if (!opt.json) {
		printf("%s: %s reset, now %s, generation %llu\n", name,
		       se_reset_level_name(r->level), se_state_name(r->state),
		       (unsigned long long)r->generation);
		return EXIT_OK;
	}
	n = sd_json_buildo(&v, SD_JSON_BUILD_PAIR_STRING("name", name),
			   SD_JSON_BUILD_PAIR_STRING("level", se_reset_level_name(r->level)),
			   SD_JSON_BUILD_PAIR_STRING("state", se_state_name(r->state)),
			   SD_JSON_BUILD_PAIR_UNSIGNED("generation", r->generation));
	return put_json(v, n);
}

int verb_se_reset(int argc, char **argv)
{
	uint32_t level = SE_RESET_LINE;
	struct se_reset reset;
	struct se *se;
	int r;

	take_target(argc, argv);
	if (opt.level && find_level(&level))
		return EXIT_USAGE;
	if (opt.dry_run)
		return say_dry("would reset %s (%s); everybody's channels on it would be gone",
			       opt.se, opt.level ? opt.level : "line, else software");
	r = target_open(&se);
	if (r)
		return r;
	r = se_reset(se, level, target_deadline(1), &reset);
	if (r == -EOPNOTSUPP && !opt.level) {
		level = SE_RESET_SOFT;
		r = se_reset(se, level, target_deadline(1), &reset);
	}
	se_close(se);
	switch (r) {
	case 0:
		return reset_answer(opt.se, &reset);
	case -EOPNOTSUPP:
		return fail(EXIT_REFUSED, "not-wired", "another --level",
			    "%s: it cannot be reset at the level %s", opt.se,
			    se_reset_level_name(level));
	case -EBUSY:
		return fail(EXIT_REFUSED, "busy", "wait for it",
			    "%s: another reset is under way", opt.se);
	case -EPERM:
		return fail(EXIT_REFUSED, "refused", "root (CAP_SYS_ADMIN)", "%s: not allowed",
			    opt.se);
	case -EIO:
		return fail(EXIT_FAILED, "dead", "the kernel's log; another --level",
			    "%s: it did not come back", opt.se);
	default:
		return fail_errno(r, opt.se);
	}
}
