// SPDX-License-Identifier: Apache-2.0
/* Counters of a secure element by their names. */
#include <stddef.h>
#include <string.h>

#include "model/stats.h"

#define COUNTER(label, field) {label, offsetof(struct se_stats, field)}

static const struct {
	const char *name;
	size_t at;
} counters[] = {
	COUNTER("apdus", apdus),
	COUNTER("errors", errors),
	COUNTER("blocksTx", blocks_tx),
	COUNTER("blocksRx", blocks_rx),
	COUNTER("bytesTx", bytes_tx),
	COUNTER("bytesRx", bytes_rx),
	COUNTER("accesses", accesses),
	COUNTER("irqs", irqs),
	COUNTER("irqsSpurious", irqs_spurious),
	COUNTER("polls", polls),
	COUNTER("retrans", retrans),
	COUNTER("edcErrors", edc_errors),
	COUNTER("timeouts", timeouts),
	COUNTER("wtx", wtx),
	COUNTER("resyncs", resyncs),
	COUNTER("resets", resets),
	COUNTER("irqsLost", irqs_lost),
	COUNTER("irqStorms", irq_storms),
	COUNTER("pollFallbacks", poll_fallbacks),
	COUNTER("irqReturns", irq_returns),
	COUNTER("aborts", aborts),
	COUNTER("protocolErrors", protocol_errors),
	COUNTER("wtxRefused", wtx_refused),
	COUNTER("releases", releases),
	COUNTER("powerOffs", power_offs),
	COUNTER("deadlines", deadlines),
	COUNTER("cancels", cancels),
	COUNTER("unknown", unknown),
	COUNTER("refused", refused),
	COUNTER("locks", locks),
	COUNTER("lockTimeouts", lock_timeouts),
};

#define NR_COUNTERS (sizeof(counters) / sizeof(counters[0]))

const char *model_counter(const struct se_stats *stats, size_t i, uint64_t *value)
{
	if (i >= NR_COUNTERS)
		return NULL;
	memcpy(value, (const char *)stats + counters[i].at, sizeof(*value));
	return counters[i].name;
}

int model_counters_json(const struct se_stats *stats, sd_json_variant **ret)
{
	const char *name;
	uint64_t value;
	size_t i;
	int r = 0;

	for (i = 0; r >= 0 && (name = model_counter(stats, i, &value)); i++)
		r = sd_json_variant_set_field_unsigned(ret, name, value);
	return r < 0 ? r : 0;
}

static int hist_json(const struct se_hist *h, sd_json_variant **ret, const char *name)
{
	sd_json_variant *buckets = NULL, *v = NULL;
	size_t i;
	int r = 0;

	for (i = 0; i < SE_HIST_BUCKETS && r >= 0; i++)
		r = sd_json_variant_append_arrayb(&buckets,
						  SD_JSON_BUILD_UNSIGNED(h->bucket[i]));
	if (r >= 0)
		r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR_UNSIGNED("sumNs", h->sum_ns),
				   SD_JSON_BUILD_PAIR_VARIANT("buckets", buckets));
	if (r >= 0)
		r = sd_json_variant_set_field(ret, name, v);
	sd_json_variant_unref(buckets);
	sd_json_variant_unref(v);
	return r;
}

int model_hists_json(const struct se_stats *stats, sd_json_variant **ret)
{
	int r;

	r = hist_json(&stats->total, ret, "total");
	if (r >= 0)
		r = hist_json(&stats->wire, ret, "wire");
	if (r >= 0)
		r = hist_json(&stats->think, ret, "think");
	if (r >= 0)
		r = hist_json(&stats->queue, ret, "queue");
	return r < 0 ? r : 0;
}
