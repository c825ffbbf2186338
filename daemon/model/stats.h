/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of a secure element by their names, for everything that shows them. */
#ifndef SESAME_MODEL_STATS_H
#define SESAME_MODEL_STATS_H

#include <stddef.h>
#include <stdint.h>
#include <linux/se.h>
#include <systemd/sd-json.h>

/** model_counter - the @i-th counter; NULL past the end, otherwise its name */
const char *model_counter(const struct se_stats *stats, size_t i, uint64_t *value);

/** model_counters_json - all counters as the fields of one object. 0 or negative errno */
int model_counters_json(const struct se_stats *stats, sd_json_variant **ret);

/**
 * model_hists_json - {total, wire, think, queue}: each {sumNs, buckets}
 *
 * As struct se_hist has them. 0 or negative errno.
 */
int model_hists_json(const struct se_stats *stats, sd_json_variant **ret);

#endif /* SESAME_MODEL_STATS_H */
