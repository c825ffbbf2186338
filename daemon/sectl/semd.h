/* SPDX-License-Identifier: Apache-2.0 */
/* semd, over io.sesame.Manager. All functions say what is wrong. */
#ifndef SECTL_SEMD_H
#define SECTL_SEMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-json.h>
#include <systemd/sd-varlink.h>

struct gp_plan;

/** semd_connect - to the control socket; an exit status */
int semd_connect(sd_varlink **link);

/**
 * semd_call - call io.sesame.Manager.@method
 * @reply: out: belongs to @link and lives until its next call
 *
 * Returns an exit status.
 */
int semd_call(sd_varlink *link, const char *method, sd_json_variant *parameters,
	      sd_json_variant **reply);

/** print_servers - management servers as GetStatus tells them, a table */
void print_servers(sd_json_variant *servers);

/** semd_call_id - the same with {id} for parameters */
int semd_call_id(sd_varlink *link, const char *method, uint64_t id, sd_json_variant **reply);

/** fail_call - an error reply, as an exit status */
int fail_call(const char *error, sd_json_variant *parameters);

/**
 * semd_run_script - have semd run a script as a job, wait, show; an exit status
 * @name: of the script, for people
 * @compact: it is in compact, not in expanded format
 */
int semd_run_script(const char *name, const uint8_t *data, size_t len, bool compact);

/**
 * semd_run_plan - have semd run a plan as a job, and wait for its end
 * @result: out: of the run (Documentation/daemon/gp.rst), to be unreferenced; or NULL
 *
 * A job that can be resumed or rolled back stays in the journal. Returns an exit status.
 */
int semd_run_plan(const struct gp_plan *plan, sd_json_variant **result);

#endif /* SECTL_SEMD_H */
