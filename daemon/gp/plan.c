// SPDX-License-Identifier: Apache-2.0
/* Plans: making them, checking them, and what can be said of them without a card. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>

#include "gp/code.h"
#include "gp/plan-priv.h"
#include "gp/plan.h"

/* the package that security domains are made of where a plan does not say (GPCS 2.3.1, H.1.3)
 */
const struct gp_aid gp_sd_elf = {{0xa0, 0x00, 0x00, 0x01, 0x51, 0x53, 0x50}, 7};
const struct gp_aid gp_sd_module = {{0xa0, 0x00, 0x00, 0x01, 0x51, 0x53, 0x50, 0x41}, 8};

static const char *const op_names[GP_OP_TYPES] = {
	[GP_OP_LOAD] = "load",
	[GP_OP_INSTALL] = "install",
	[GP_OP_MAKE_SELECTABLE] = "make-selectable",
	[GP_OP_SD_CREATE] = "sd-create",
	[GP_OP_EXTRADITE] = "extradite",
	[GP_OP_REGISTRY_UPDATE] = "registry-update",
	[GP_OP_PERSONALISE] = "personalise",
	[GP_OP_STORE_DATA] = "store-data",
	[GP_OP_DELETE] = "delete",
	[GP_OP_LOCK] = "lock",
	[GP_OP_UNLOCK] = "unlock",
	[GP_OP_SD_PERSONALISED] = "sd-personalised",
	[GP_OP_PUT_KEY] = "put-key",
	[GP_OP_DELETE_KEY] = "delete-key",
	[GP_OP_CARD_STATE] = "card-state",
	[GP_OP_LIST] = "list",
	[GP_OP_GET_DATA] = "get-data",
	[GP_OP_APDU] = "apdu",
};

const char *gp_op_name(enum gp_op_type type)
{
	return (unsigned int)type < GP_OP_TYPES ? op_names[type] : NULL;
}

int gp_op_parse(const char *name)
{
	for (int i = 0; i < GP_OP_TYPES; i++)
		if (!strcmp(name, op_names[i]))
			return i;
	return -EINVAL;
}

int gp_blob_take(struct gp_blob *blob, void *p, size_t len)
{
	struct gp_blob new = {p, len};

	if (len > GP_PLAN_BLOB_MAX) {
		gp_blob_clear(&new);
		return -EMSGSIZE;
	}
	gp_blob_clear(blob);
	*blob = new;
	return 0;
}

int gp_blob_set(struct gp_blob *blob, const void *p, size_t len)
{
	uint8_t *copy = NULL;

	if (len > GP_PLAN_BLOB_MAX)
		return -EMSGSIZE;
	if (len) {
		copy = malloc(len);
		if (!copy)
			return -ENOMEM;
		memcpy(copy, p, len);
	}
	return gp_blob_take(blob, copy, len);
}

void gp_blob_clear(struct gp_blob *blob)
{
	if (blob->p)
		OPENSSL_cleanse(blob->p, blob->len);
	free(blob->p);
	*blob = (struct gp_blob){0};
}

struct gp_source gp_op_code(const struct gp_op *op)
{
	if (op->load)
		return gp_code_source(op->load);
	if (op->text)
		return gp_source_base64(&op->text->base64, op->text->len);
	return gp_source_memory(op->code.p, op->code.len);
}

struct gp_plan *gp_plan_new(void)
{
	return calloc(1, sizeof(struct gp_plan));
}

static void op_clear(struct gp_op *op)
{
	struct gp_blob *blobs[] = {&op->params,	    &op->system, &op->uicc, &op->token_ref,
				   &op->all_params, &op->token,	 &op->code, &op->dap,
				   &op->hash,	    &op->data};

	gp_code_free(op->load); /* reads code or text */
	for (size_t i = 0; i < sizeof(blobs) / sizeof(blobs[0]); i++)
		gp_blob_clear(blobs[i]);
	free(op->text);
	free(op->file);
}

void gp_plan_free(struct gp_plan *plan)
{
	if (!plan)
		return;
	for (size_t i = 0; i < plan->nr_ops; i++)
		op_clear(&plan->ops[i]);
	free(plan->ops);
	free(plan);
}

int gp_plan_session(struct gp_plan *plan, const struct gp_aid *sd, const char *keys)
{
	struct gp_session *s;

	if (plan->nr_sessions == GP_PLAN_SESSIONS_MAX)
		return -ENOSPC;
	if (keys && strlen(keys) >= sizeof(s->keys))
		return -EINVAL;
	s = &plan->sessions[plan->nr_sessions];
	*s = (struct gp_session){0};
	if (sd)
		s->sd = *sd;
	if (keys)
		strcpy(s->keys, keys);
	return (int)plan->nr_sessions++;
}

struct gp_op *gp_plan_add(struct gp_plan *plan, enum gp_op_type type, unsigned int session)
{
	struct gp_op *ops;

	if (plan->nr_ops == GP_PLAN_OPS_MAX || session >= GP_PLAN_SESSIONS_MAX) {
		errno = ENOSPC;
		return NULL;
	}
	ops = realloc(plan->ops, (plan->nr_ops + 1) * sizeof(*ops));
	if (!ops) {
		errno = ENOMEM;
		return NULL;
	}
	plan->ops = ops;
	ops += plan->nr_ops++;
	*ops = (struct gp_op){
		.type = (uint8_t)type,
		.session = (uint8_t)session,
		.privileges_len = type == GP_OP_REGISTRY_UPDATE ? 0 : 1,
		.accept_extradition = -1,
		.accept_deletion = -1,
	};
	if (type == GP_OP_SD_CREATE) {
		ops->privileges = GP_PRIV_SD;
		ops->selectable = true;
		ops->elf = gp_sd_elf;
		ops->module = gp_sd_module;
	}
	return ops;
}

bool gp_op_changes(const struct gp_op *op)
{
	if (op->type == GP_OP_APDU && op->data.len >= 2)
		return op->data.p[1] != GP_INS_GET_DATA &&
		       op->data.p[1] != GP_INS_GET_DATA_ODD &&
		       op->data.p[1] != GP_INS_GET_STATUS && op->data.p[1] != GP_INS_SELECT;
	return op->type != GP_OP_LIST && op->type != GP_OP_GET_DATA;
}

/* What validation finds missing in one operation, or NULL. */
static const char *op_lacks(const struct gp_plan *plan, size_t i)
{
	const struct gp_op *op = &plan->ops[i];

	switch (op->type) {
	case GP_OP_LOAD:
		if (!op->file && !gp_op_code(op).len)
			return "neither code nor the name of a file";
		if (op->file && gp_op_code(op).len)
			return "code and the name of a file";
		if (op->hash.len && op->hash.len != 20 && op->hash.len != 32 &&
		    op->hash.len != 48 && op->hash.len != 64)
			return "a hash of a length that none has";
		if (op->hash_len && op->hash_len != 20 && op->hash_len != 32 &&
		    op->hash_len != 48 && op->hash_len != 64)
			return "an unknown hash algorithm";
		return NULL;
	case GP_OP_INSTALL:
		if (!op->elf.len || !op->module.len || !op->aid.len) {
			while (i--)
				if (plan->ops[i].type == GP_OP_LOAD)
					return NULL;
			return "elf, module and aid are needed where no load comes before";
		}
		return NULL;
	case GP_OP_SD_CREATE:
		if (!gp_priv_has(op->privileges, GP_PRIV_SD))
			return "privileges without that of a security domain";
		return op->aid.len ? NULL : "no aid";
	case GP_OP_EXTRADITE:
		if (!op->sd.len)
			return "no sd to go to";
		return op->aid.len ? NULL : "no aid";
	case GP_OP_PERSONALISE:
		if (!op->data.len)
			return "no data";
		return op->aid.len ? NULL : "no aid";
	case GP_OP_STORE_DATA:
		return op->data.len ? NULL : "no data";
	case GP_OP_MAKE_SELECTABLE:
	case GP_OP_DELETE:
	case GP_OP_LOCK:
	case GP_OP_UNLOCK:
		return op->aid.len ? NULL : "no aid";
	case GP_OP_PUT_KEY:
		if (!op->keys[0] == !op->data.len)
			return "either keys or a public key is needed";
		if (op->data.len && !op->kvn)
			return "no kvn for the public key";
		return NULL;
	case GP_OP_DELETE_KEY:
		return op->kvn || op->kid ? NULL : "neither kvn nor kid";
	case GP_OP_CARD_STATE:
		return op->card_state == GP_CARD_INITIALIZED ||
				       op->card_state == GP_CARD_SECURED ||
				       op->card_state == GP_CARD_LOCKED ||
				       op->card_state == GP_CARD_TERMINATED
			       ? NULL
			       : "not a state that a card can be brought to";
	case GP_OP_GET_DATA:
		return op->tag ? NULL : "no tag";
	case GP_OP_APDU:
		return op->data.len >= 4 ? NULL : "no C-APDU";
	default:
		return NULL;
	}
}

static int check_level(uint8_t level)
{
	switch (level) {
	case 0x00: /* the default */
	case 0x01:
	case 0x03:
	case 0x10:
	case 0x11:
	case 0x13:
	case 0x33:
		return 0;
	default:
		return -EINVAL;
	}
}

static int check_op(const struct gp_plan *plan, size_t i, struct gp_error *err)
{
	const struct gp_op *op = &plan->ops[i];
	const char *lacks;

	if (op->type >= GP_OP_TYPES)
		return gp_fail(err, -EINVAL, "plan-invalid",
			       "operation %zu is of no known kind", i);
	if (op->session >= plan->nr_sessions)
		return gp_fail(err, -EINVAL, "plan-invalid",
			       "operation %zu (%s) is in session %u, which is not there", i,
			       op_names[op->type], op->session);
	lacks = op_lacks(plan, i);
	if (lacks)
		return gp_fail(err, -EINVAL, "plan-invalid", "operation %zu (%s): %s", i,
			       op_names[op->type], lacks);
	if (gp_op_changes(op) && op->type != GP_OP_APDU && !plan->sessions[op->session].keys[0])
		return gp_fail(err, -EINVAL, "plan-invalid",
			       "operation %zu (%s) needs a session with keys", i,
			       op_names[op->type]);
	if (op->privileges_len > 3 || op->privileges_len == 2)
		return gp_fail(err, -EINVAL, "plan-invalid",
			       "operation %zu (%s): privileges have 1 or 3 bytes", i,
			       op_names[op->type]);
	return 0;
}

/* What cannot be taken back has to be asked for twice. */
static int check_confirmed(const struct gp_plan *plan, size_t i, struct gp_error *err)
{
	const struct gp_op *op = &plan->ops[i];
	uint8_t to = op->card_state;
	bool card = op->type == GP_OP_CARD_STATE;

	/* the same by hand counts, too */
	if (op->type == GP_OP_APDU && (op->data.p[0] & 0x80) &&
	    op->data.p[1] == GP_INS_SET_STATUS && op->data.p[2] == GP_STATUS_CARD) {
		card = true;
		to = op->data.p[3];
	}
	if (card && to == GP_CARD_LOCKED && !(plan->confirmed & GP_CONFIRM_CARD_LOCK))
		return gp_fail(err, -EPERM, "not-confirmed",
			       "operation %zu locks the card, which the plan does not confirm",
			       i);
	if (card && to == GP_CARD_TERMINATED && !(plan->confirmed & GP_CONFIRM_CARD_TERMINATE))
		return gp_fail(
			err, -EPERM, "not-confirmed",
			"operation %zu terminates the card for good, which the plan does "
			"not confirm",
			i);
	return 0;
}

int gp_plan_validate(const struct gp_plan *plan, struct gp_error *err)
{
	int r;

	if (!plan->nr_sessions || !plan->nr_ops)
		return gp_fail(err, -EINVAL, "plan-invalid", "the plan has no %s",
			       plan->nr_ops ? "session" : "operation");
	for (size_t i = 0; i < plan->nr_sessions; i++)
		if (check_level(plan->sessions[i].level))
			return gp_fail(
				err, -EINVAL, "plan-invalid",
				"session %zu asks for a security level that there is not", i);
	for (size_t i = 0; i < plan->nr_ops; i++) {
		r = check_op(plan, i, err);
		if (!r)
			r = check_confirmed(plan, i, err);
		if (r)
			return r;
	}
	return 0;
}

/* ---- what a plan is about ---- */

int gp_plan_aids(const struct gp_plan *plan,
		 int (*fn)(void *userdata, const struct gp_aid *aid), void *userdata)
{
	int r = 0;

	for (size_t i = 0; i < plan->nr_sessions && !r; i++)
		r = fn(userdata, &plan->sessions[i].sd);
	for (size_t i = 0; i < plan->nr_ops && !r; i++) {
		const struct gp_op *op = &plan->ops[i];

		if (op->aid.len && op->type != GP_OP_LIST)
			r = fn(userdata, &op->aid);
		if (!r && op->sd.len)
			r = fn(userdata, &op->sd);
	}
	return r;
}
