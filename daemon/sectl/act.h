/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every verb shares that manages a card: it makes a plan of one session, and here that
 * is shown (-n) or run. Keys come from --keys, the domain from --sd.
 */
#ifndef SECTL_ACT_H
#define SECTL_ACT_H

#include <stdbool.h>
#include <systemd/sd-json.h>

#include "gp/plan.h"
#include "gp/run.h"
#include "keys/source.h"

struct ledger;

/**
 * struct act - a plan on its way
 * @keys: ring of all --keys; empty with semd:, which has its own
 * @plan: with session 0 made of --sd, --keyset, --level and --profile
 * @warned: of default keys: the run does it once more
 * @result: of act_run(), see gp_run_result(); NULL with -n
 */
struct act {
	struct keys *keys;
	struct gp_plan *plan;
	sd_json_variant *result;
	bool warned;
};

/**
 * act_begin - load the keys, begin the plan
 * @name: of the plan, for people
 * @secure: a secure channel is needed, and so a key set
 *
 * Default keys are warned of. Returns an exit status and has said what is wrong; act_end() is
 * due in any case.
 */
int act_begin(struct act *a, const char *name, bool secure);

/**
 * act_take - the same with a plan that exists, which is taken over
 *
 * The keys are loaded; sessions say which of them.
 */
int act_take(struct act *a, struct gp_plan *plan);

/** act_add - an operation in session 0, or the process ends for want of memory */
struct gp_op *act_add(struct act *a, enum gp_op_type type);

/**
 * act_run - run the plan, or show it with -n
 *
 * Opens the target and the ledger, draws the bar. An error is said with what to do about it;
 * with --json the result so far is beside it. Returns an exit status.
 */
int act_run(struct act *a);

/**
 * act_run_here - the part of act_run() that runs it on the target
 * @id: of a kept plan (kept.h): its record is read, and written; NULL: there is none
 */
int act_run_here(struct act *a, enum gp_run_mode mode, const char *id);

/** act_print - the steps as a table, or the result as JSON; nothing after -n */
int act_print(struct act *a);

/** act_do - act_run(), act_print() and act_end() */
int act_do(struct act *a);

/** act_do_with - the same with @print instead of act_print() where the output is text */
int act_do_with(struct act *a, void (*print)(const struct act *a));

/** act_done - act_do() if @status is EXIT_OK, else act_end() and @status */
int act_done(struct act *a, int status);

/** act_end - wipe and free all of it */
void act_end(struct act *a);

/** act_step - the result's step @i, an object, or NULL */
sd_json_variant *act_step(const struct act *a, size_t i);

/** act_aid - an argument as AID; an exit status */
int act_aid(const char *what, const char *text, struct gp_aid *aid);

/** act_blob - an option's hex as bytes; NULL is none; an exit status */
int act_blob(const char *what, const char *text, struct gp_blob *blob);

/** act_blob_of_file - the bytes of a file, "-" standard input; NULL is none; an exit status */
int act_blob_of_file(const char *path, struct gp_blob *blob);

/** act_kvn - a key version number, two hex digits; an exit status */
int act_kvn(const char *what, const char *text, uint8_t *kvn);

/**
 * act_status - exit status that a code of gp/, keys/, manage/ or a job means
 * @hint: out: what to do about it, or NULL
 *
 * EXIT_FAILED if the code alone does not say.
 */
int act_status(const char *code, const char **hint);

/** act_ledger - the ledger of attempts, opened; an exit status */
int act_ledger(struct ledger **ledger);

/** fail_gp - what gp/, keys/ or manage/ said, as an exit status */
int fail_gp(int error, const struct gp_error *err);

#endif /* SECTL_ACT_H */
