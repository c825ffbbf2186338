/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run of a plan (gp/run.h) asks of its host and every host answers alike: key sets of a
 * ring, the attempt ledger, random bytes.
 */
#ifndef SESAME_KEYS_RUN_HOST_H
#define SESAME_KEYS_RUN_HOST_H

#include <stdbool.h>
#include <stddef.h>

#include "gp/run.h"

struct keys;
struct ledger;
struct ledger_attempt;

/** run_host_candidate() - struct gp_run_host.candidate; @keys may be NULL */
const struct gp_keyset *run_host_candidate(const struct keys *keys, size_t i);

/**
 * run_host_attempt() - struct gp_run_host.attempt: ledger_begin() for it
 * @ledger: NULL: there is none, nothing holds the attempt back
 * @retry, @ret: see ledger_begin()
 *
 * Return: as ledger_begin(); -EINVAL for an attempt that no entry can name.
 */
int run_host_attempt(struct ledger *ledger, const struct gp_run_attempt *attempt, bool retry,
		     struct ledger_attempt **ret, struct gp_error *err);

/**
 * run_host_verdict() - struct gp_run_host.verdict: ledger_end() for it
 * @attempt: of run_host_attempt(); NULL afterwards
 *
 * What cannot be written stays "unknown" in the ledger.
 */
void run_host_verdict(struct ledger_attempt **attempt, enum gp_run_verdict verdict);

/** run_host_random() - struct gp_run_host.random. Return: 0 or negative errno. */
int run_host_random(void *userdata, void *out, size_t len);

#endif /* SESAME_KEYS_RUN_HOST_H */
