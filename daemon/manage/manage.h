/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run of a plan over libse, for programs without a journal: opens the channels, sends the
 * batches, asks the attempt ledger, keeps the record in a file.
 */
#ifndef SESAME_MANAGE_H
#define SESAME_MANAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-json.h>

#include "gp/error.h"
#include "gp/run.h"

struct se;
struct keys;
struct ledger;

/**
 * struct manage_options - how
 * @keys: ring with the key sets that the plan names
 * @ledger: attempt ledger; NULL: there is none, nothing holds an attempt back (tests)
 * @retry_authentication: go on over a failed attempt
 * @record: name of the record's file, "" or NULL for none: then nothing can be resumed.
 *	FORWARD makes it (-EEXIST if there is one of a run that did not end), RESUME and
 *ROLLBACK read it. Written with fsync and rename, mode 0600; removed by nobody
 * @mode: enum gp_run_mode
 * @partial: see struct gp_run_params
 * @deadline_ns: CLOCK_MONOTONIC, 0 for none; for the whole run
 * @batch_max: see struct gp_run_params; a few for those who want to see progress
 * @cancel: looked at between two batches; true ends the run as interrupted. May be NULL
 * @progress: called now and then from manage_run(). May be NULL
 * @trace: called with each stream that has ended, APDUs as sent: secure messaging where there
 *	is any, but else in clear. May be NULL
 * @trace_open: the same for channels, with how long opening took. May be NULL
 * @userdata: given to them
 */
struct manage_options {
	const struct keys *keys;
	struct ledger *ledger;
	bool retry_authentication;
	const char *record;
	enum gp_run_mode mode;
	bool partial;
	uint64_t deadline_ns;
	uint32_t batch_max;
	bool (*cancel)(void *userdata);
	void (*progress)(void *userdata, const struct gp_run_progress *progress);
	void (*trace)(void *userdata, const struct se_apdu *apdus, uint32_t n);
	void (*trace_open)(void *userdata, const struct se_channel_open *open, uint64_t ns);
	void *userdata;
};

/**
 * manage_run() - run a plan to its end
 * @se: the session; its channel, if it has one, is closed, and none is left open
 * @plan: validated and resolved
 * @result: out: result of gp_run_result(), also with errors that came after the run began,
 *	else NULL; to be unreferenced
 *
 * Return: 0 when the plan is done; a negative errno with @err otherwise.
 */
int manage_run(struct se *se, const struct gp_plan *plan, const struct manage_options *opt,
	       sd_json_variant **result, struct gp_error *err);

/**
 * manage_read_file() - for gp_plan_resolve(): a regular file of at most GP_PLAN_BLOB_MAX bytes
 * @userdata: a folder (const char *) that relative names are looked up in, or NULL
 */
int manage_read_file(void *userdata, const char *name, uint8_t **p, size_t *len);

#endif /* SESAME_MANAGE_H */
