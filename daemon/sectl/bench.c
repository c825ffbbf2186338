// SPDX-License-Identifier: Apache-2.0
/* bench: how fast an SE answers, one command at a time and as streams. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libse/se.h"
#include "sectl/sectl.h"

#define COUNT_DEFAULT 1000
#define RSP_ROOM 258

/* SELECT'd card manager, a few bytes in and out: what is measured is the road */
static const uint8_t get_data[] = {0x80, 0xca, 0x00, 0x66, 0x00};

struct figures {
	double per_second;
	uint64_t median_ns, p95_ns;
};

static int by_value(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

static int submit(struct se *se, struct se_apdu *apdus, uint8_t (*rsp)[RSP_ROOM], uint32_t n,
		  uint64_t *times)
{
	struct se_stream stream = {.deadline_ns = target_deadline(n)};
	uint32_t i;
	int r;

	for (i = 0; i < n; i++)
		apdus[i] = (struct se_apdu){.cmd_ptr = (uintptr_t)get_data,
					    .cmd_len = sizeof(get_data),
					    .rsp_ptr = (uintptr_t)rsp[i],
					    .rsp_room = RSP_ROOM};
	r = target_submit(se, apdus, n, &stream);
	for (i = 0; i < n && apdus[i].outcome == SE_OUTCOME_EXECUTED; i++)
		times[i] = apdus[i].total_ns;
	return r ? fail_submit(r, i + 1, &apdus[i < n ? i : n - 1], &stream) : EXIT_OK;
}

/* @count commands, @batch in each call */
static int measure(struct se *se, const char *what, uint32_t count, uint32_t batch,
		   struct figures *f)
{
	static uint8_t rsp[SE_STREAM_MAX][RSP_ROOM];
	static struct se_apdu apdus[SE_STREAM_MAX];
	uint64_t *times = calloc(count, sizeof(*times)), start;
	struct progress bar;
	uint32_t done = 0, n;
	int r = EXIT_OK;

	if (!times)
		return fail(EXIT_FAILED, "failed", NULL, "no memory");
	progress_begin(&bar, what, count, "APDU");
	start = se_deadline_in(0);
	while (done < count && !r) {
		n = count - done < batch ? count - done : batch;
		r = submit(se, apdus, rsp, n, times + done);
		done += n;
		progress_update(&bar, done);
	}
	f->per_second = (double)count / ((double)(se_deadline_in(0) - start) / 1e9);
	progress_end(&bar);
	qsort(times, count, sizeof(*times), by_value);
	f->median_ns = times[count / 2];
	f->p95_ns = times[(uint64_t)count * 95 / 100];
	free(times);
	return r;
}

static int show(uint32_t count, const struct figures *one, const struct figures *many)
{
	double ratio = many->per_second / one->per_second;
	sd_json_variant *v = NULL;
	struct table *t;
	int r;

	if (opt.json) {
#define FIGURES(name, f)                                                                      \
	SD_JSON_BUILD_PAIR_OBJECT(name,                                                       \
				  SD_JSON_BUILD_PAIR_REAL("apdusPerSecond", (f)->per_second), \
				  SD_JSON_BUILD_PAIR_UNSIGNED("medianNs", (f)->median_ns),    \
				  SD_JSON_BUILD_PAIR_UNSIGNED("p95Ns", (f)->p95_ns))
		r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR_UNSIGNED("apdus", count),
				   FIGURES("single", one), FIGURES("stream", many),
				   SD_JSON_BUILD_PAIR_REAL("ratio", ratio));
#undef FIGURES
		return put_json(v, r);
	}
	t = table_new("GET DATA|>APDU/s|>MEDIAN US|>95 % US|>RATIO");
	table_cell(t, "one at a time");
	table_cell(t, "%.0f", one->per_second);
	table_cell(t, "%.1f", (double)one->median_ns / 1e3);
	table_cell(t, "%.1f", (double)one->p95_ns / 1e3);
	table_cell(t, "1.00");
	table_cell(t, "streams of %d", SE_STREAM_MAX);
	table_cell(t, "%.0f", many->per_second);
	table_cell(t, "%.1f", (double)many->median_ns / 1e3);
	table_cell(t, "%.1f", (double)many->p95_ns / 1e3);
	table_cell(t, "%.2f", ratio);
	table_print(t);
	return EXIT_OK;
}

int verb_bench(int argc, char **argv)
{
	uint32_t count = opt.count ? opt.count : COUNT_DEFAULT;
	struct figures one, many;
	struct se *se;
	int r;

	if (argc)
		opt.se = argv[0];
	if (count > 1000000)
		return fail(EXIT_USAGE, "usage", NULL, "--count: at most 1000000");
	r = target_open(&se);
	if (r)
		return r;
	r = target_channel(se, NULL, 0, NULL, NULL);
	if (!r)
		r = measure(se, "one at a time", count, 1, &one);
	if (!r)
		r = measure(se, "streams", count, SE_STREAM_MAX, &many);
	se_close(se);
	return r ? r : show(count, &one, &many);
}
