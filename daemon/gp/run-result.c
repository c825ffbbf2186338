// SPDX-License-Identifier: Apache-2.0
/* What became of a run, as JSON, and how far it is. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gp/plan-priv.h"
#include "gp/receipt.h"
#include "gp/run-priv.h"

static const char *const mode_names[] = {
	[GP_RUN_FORWARD] = "forward",
	[GP_RUN_RESUME] = "resume",
	[GP_RUN_ROLLBACK] = "rollback",
};

static int put_error(sd_json_variant **json, const struct gp_run *run)
{
	return run->error ? sd_json_variant_set_fieldbo(
				    json, "error",
				    SD_JSON_BUILD_PAIR_STRING("code", run->err.code),
				    SD_JSON_BUILD_PAIR_STRING("detail", run->err.detail))
			  : 0;
}

static int put_card(sd_json_variant **json, const struct gp_run *run)
{
	sd_json_variant *card = NULL;
	int r = 0;

	if (!run->card[0])
		return 0;
	r = sd_json_variant_set_field_string(&card, "id", run->card);
	if (r >= 0)
		r = sd_json_variant_set_field_string(&card, "profile", run->profile->name);
	if (r >= 0 && run->info.protocol) {
		r = sd_json_variant_set_field_unsigned(&card, "scp",
						       (uint64_t)run->info.protocol);
		if (r >= 0)
			r = gp_json_set_hex(&card, "option", &run->info.i, 1);
		if (r >= 0)
			r = gp_json_set_hex(&card, "level", &run->info.level, 1);
		if (r >= 0)
			r = sd_json_variant_set_field_unsigned(&card, "kvn", run->info.kvn);
	}
	if (r >= 0 && run->keys_name[0])
		r = sd_json_variant_set_field_string(&card, "keys", run->keys_name);
	if (r >= 0)
		r = sd_json_variant_set_field(json, "card", card);
	sd_json_variant_unref(card);
	return r;
}

static int put_warnings(sd_json_variant **json, const struct gp_run *run)
{
	sd_json_variant *array = NULL;
	int r = sd_json_variant_new_array(&array, NULL, 0);

	for (size_t i = 0; i < run->nr_warnings && r >= 0; i++)
		r = sd_json_variant_append_arrayb(&array,
						  SD_JSON_BUILD_STRING(run->warnings[i]));
	if (r >= 0)
		r = sd_json_variant_set_field(json, "warnings", array);
	sd_json_variant_unref(array);
	return r;
}

static const struct task *task_of(const struct gp_run *run, size_t index)
{
	for (size_t i = 0; i < run->nr_tasks; i++)
		if (run->tasks[i].index == index)
			return &run->tasks[i];
	return NULL;
}

/* The words of the contract: done, already, skipped, failed, unknown; and undone. */
static const char *step_word(const struct gp_run *run, const struct task *t, size_t index)
{
	enum gp_step_state step = run->record->step[index];

	if (t && t->state == TASK_REFUSED && step != GP_STEP_DONE)
		return "failed";
	switch (step) {
	case GP_STEP_PENDING:
		return "skipped";
	case GP_STEP_BEGUN:
		return "unknown";
	default:
		return gp_step_state_name(step);
	}
}

static int put_receipt(sd_json_variant **step, const struct task *t)
{
	sd_json_variant *object = NULL;
	struct gp_receipt receipt;
	int r;

	if (gp_receipt_read(t->receipt.p, t->receipt.len, &receipt, NULL) != 1)
		return 0;
	r = gp_json_set_hex(&object, "raw", t->receipt.p, t->receipt.len);
	if (r >= 0)
		r = gp_json_set_hex(&object, "signature", receipt.signature.p,
				    receipt.signature.len);
	if (r >= 0)
		r = sd_json_variant_set_field_unsigned(&object, "counter", receipt.counter);
	if (r >= 0)
		r = sd_json_variant_set_field_string(&object, "check",
						     run_receipt_word(t->receipt_check));
	if (r >= 0)
		r = sd_json_variant_set_field(step, "receipt", object);
	sd_json_variant_unref(object);
	return r;
}

static int put_task(sd_json_variant **step, const struct task *t)
{
	sd_json_variant *list = NULL;
	int r = 0;

	if (t->found[0])
		r = sd_json_variant_set_field_string(step, "found", t->found);
	if (r >= 0 && t->sw)
		r = gp_json_set_hex(step, "sw",
				    (uint8_t[]){(uint8_t)(t->sw >> 8), (uint8_t)t->sw}, 2);
	if (r >= 0 && t->detail[0])
		r = sd_json_variant_set_field_string(step, "detail", t->detail);
	if (r >= 0 && t->receipt.len)
		r = put_receipt(step, t);
	if (r >= 0 && (t->op->type == GP_OP_GET_DATA || t->op->type == GP_OP_APDU) &&
	    t->state == TASK_FINISHED)
		r = gp_json_set_hex(step, "data", t->data.p, t->data.len);
	if (r >= 0 && t->op->type == GP_OP_LIST && t->state == TASK_FINISHED) {
		r = gp_registry_to_json(&t->list, true, &list);
		if (r >= 0)
			r = sd_json_variant_set_field(step, "data", list);
		sd_json_variant_unref(list);
	}
	return r;
}

static int put_steps(sd_json_variant **json, const struct gp_run *run)
{
	sd_json_variant *array = NULL, *step;
	int r = sd_json_variant_new_array(&array, NULL, 0);

	for (size_t i = 0; i < run->plan->nr_ops && r >= 0; i++) {
		const struct gp_op *op = &run->plan->ops[i];
		const struct task *t = task_of(run, i);

		step = NULL;
		r = sd_json_variant_set_field_string(&step, "op", gp_op_name(op->type));
		if (r >= 0 && op->label[0])
			r = sd_json_variant_set_field_string(&step, "label", op->label);
		if (r >= 0 && op->aid.len)
			r = gp_json_set_hex(&step, "aid", op->aid.bytes, op->aid.len);
		if (r >= 0)
			r = sd_json_variant_set_field_string(&step, "state",
							     step_word(run, t, i));
		if (r >= 0 && t)
			r = put_task(&step, t);
		if (r >= 0)
			r = sd_json_variant_append_array(&array, step);
		sd_json_variant_unref(step);
	}
	if (r >= 0)
		r = sd_json_variant_set_field(json, "steps", array);
	sd_json_variant_unref(array);
	return r;
}

int gp_run_result(const struct gp_run *run, sd_json_variant **ret)
{
	sd_json_variant *json = NULL;
	int r;

	r = sd_json_variant_set_field_string(&json, "plan", run->plan->name);
	if (r >= 0)
		r = sd_json_variant_set_field_string(&json, "mode",
						     mode_names[run->params.mode]);
	if (r >= 0)
		r = sd_json_variant_set_field_string(&json, "state",
						     gp_run_state_name(run->state));
	if (r >= 0)
		r = put_error(&json, run);
	if (r >= 0)
		r = put_warnings(&json, run);
	if (r >= 0)
		r = put_card(&json, run);
	if (r >= 0)
		r = put_steps(&json, run);
	if (r >= 0)
		r = sd_json_variant_set_field_unsigned(&json, "apdus", run->apdus_done);
	if (r >= 0)
		r = sd_json_variant_set_field_unsigned(&json, "roundTrips", run->round_trips);
	if (r < 0) {
		sd_json_variant_unref(json);
		return r;
	}
	*ret = json;
	return 0;
}

void gp_run_progress(const struct gp_run *run, struct gp_run_progress *progress)
{
	const struct task *now = NULL;

	*progress = (struct gp_run_progress){
		.state = run->state,
		.op = -1,
		.done = run->apdus_done,
		.total = run->apdus_done + (uint32_t)(run->n - run->fed),
		.round_trips = run->round_trips,
	};
	for (size_t i = 0; i < run->nr_tasks; i++) {
		const struct task *t = &run->tasks[i];

		if (t->state == TASK_TODO || t->state == TASK_SENT)
			progress->total += (uint32_t)(t->built.n - t->next);
		if (t->state == TASK_SENT && !now)
			now = t;
	}
	if (now && now->answered < now->built.n) {
		const struct gp_apdu *cmd = gp_built_kind(&now->built, now->answered);

		progress->op = (int)now->index;
		(void)snprintf(progress->words, sizeof(progress->words), "%s %zu of %zu",
			       gp_cmd_name(cmd->ins, cmd->p1), now->answered + 1, now->built.n);
	} else if (run->phase <= PHASE_AUTH && run->state == GP_RUN_RUNNING) {
		(void)snprintf(progress->words, sizeof(progress->words),
			       "opening the secure channel");
	} else if (run->state == GP_RUN_RUNNING) {
		(void)snprintf(progress->words, sizeof(progress->words),
			       "reading the registry");
	}
}
