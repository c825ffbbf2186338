// SPDX-License-Identifier: Apache-2.0
/* What the leaves of the Secure Element MO say. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dm/mo-se-priv.h"
#include "gp/cmd.h"
#include "libse/se.h"

static void put_number(struct model_buf *out, uint64_t v)
{
	model_buf_printf(out, "%" PRIu64, v);
}

static void put_bool(struct model_buf *out, bool v)
{
	model_buf_puts(out, v ? "true" : "false");
}

static void put_aids(struct model_buf *out, const struct gp_aid *aids, size_t n)
{
	char hex[2 * GP_AID_MAX + 1];

	for (size_t i = 0; i < n; i++) {
		se_to_hex(hex, aids[i].bytes, aids[i].len);
		model_buf_printf(out, "%s%s", i ? "," : "", hex);
	}
}

/* ---- an instance
 * ----------------------------------------------------------------------------- */

static unsigned int card_state(int life_cycle)
{
	switch (life_cycle) {
	case GP_CARD_OP_READY:
		return 10;
	case GP_CARD_INITIALIZED:
		return 20;
	case GP_CARD_SECURED:
		return 30;
	case GP_CARD_LOCKED:
		return 40;
	case GP_CARD_TERMINATED:
		return 50;
	default:
		return 0;
	}
}

/* With keys the registry has it, and is newer than what anybody is told. */
static unsigned int state_of_card(const struct dm_se *m, const struct se_carrier *c,
				  const struct model_se *se)
{
	const struct content_app *isd = content_apps_get(m->c.content->apps, c->app);

	if (isd && isd->entry.told & GP_ENTRY_STATE)
		return card_state(isd->entry.state);
	return card_state(se->life_cycle);
}

static void put_operations(struct model_buf *out)
{
	for (unsigned int op = MO_SE_OP_REFRESH; op < MO_SE_OPS; op++)
		if (op != MO_SE_OP_INSTALL) /* a package's has the same name */
			model_buf_printf(out, "%s%s", op > MO_SE_OP_REFRESH ? "," : "",
					 se_op_name((enum mo_se_op)op));
}

static int instance_value(struct dm_se *m, const struct se_where *w, const struct model_se *se,
			  struct model_buf *out)
{
	unsigned int state;

	switch (w->mo->id) {
	case MO_SE_ID:
		model_buf_puts(out, se->id);
		return DM_OK;
	case MO_SE_TYPE:
		model_buf_puts(out, se->type);
		return DM_OK;
	case MO_SE_ATR:
		model_buf_put(out, se->cip, se->cip_len);
		return se->cip_len ? DM_OK : DM_NOT_FOUND;
	case MO_SE_IDENTITY:
		model_buf_put(out, se->identity, se->identity_len);
		return se->identity_len ? DM_OK : DM_NOT_FOUND;
	case MO_SE_CARD_STATE:
		state = state_of_card(m, &w->c, se);
		put_number(out, state);
		return state ? DM_OK : DM_NOT_FOUND;
	case MO_SE_LINK:
		put_number(out, 10 * se->state + 10);
		return DM_OK;
	case MO_SE_GENERATION:
		put_number(out, se->generation);
		return DM_OK;
	case MO_SE_FREE_MEMORY:
		if (se->free_memory < 0)
			return DM_NOT_FOUND;
		put_number(out, (uint64_t)se->free_memory);
		return DM_OK;
	default:
		model_buf_puts(out, se->error[0] || w->c.app == UINT16_MAX
					    ? se->error
					    : content_apps_why(m->c.content->apps, w->c.app));
		return DM_OK;
	}
}

static int capability_value(struct dm_se *m, const struct se_where *w, struct model_buf *out)
{
	struct job_se_info info;
	uint32_t v;

	switch (w->mo->id) {
	case MO_SE_MAX_COMMAND:
	case MO_SE_MAX_RESPONSE:
		if (job_se_get(m->c.jobs, w->c.se, &info) < 0)
			return DM_NOT_FOUND;
		v = w->mo->id == MO_SE_MAX_COMMAND ? info.max_capdu : info.max_rapdu;
		put_number(out, v);
		return v ? DM_OK : DM_NOT_FOUND;
	case MO_SE_MAX_SCRIPT:
		put_number(out, SE_SCRIPT_MAX);
		return DM_OK;
	case MO_SE_MAX_PACKAGE:
		put_number(out, CONTENT_PACKAGE_MAX);
		return DM_OK;
	case MO_SE_FORMATS:
		model_buf_puts(out, "expanded,compact");
		return DM_OK;
	default:
		put_operations(out);
		return DM_OK;
	}
}

/* ---- a script
 * -------------------------------------------------------------------------------- */

int se_script_job(struct dm_se *m, const struct se_carrier *c, struct job_info *info)
{
	char origin[JOB_ORIGIN_MAX];

	se_origin(c->node->server, origin);
	return job_find(m->c.jobs, origin, c->node->number, info);
}

static int script_value(struct dm_se *m, const struct se_where *w, struct model_buf *out)
{
	struct job_info info;

	if (se_script_job(m, &w->c, &info) < 0)
		return DM_NOT_FOUND;
	switch (w->mo->id) {
	case MO_SE_TARGET_AID:
		model_buf_put(out, info.params.aid, info.params.aid_len);
		break;
	case MO_SE_FORMAT:
		model_buf_puts(out, info.params.compact ? "compact" : "expanded");
		break;
	case MO_SE_KEEP_CHANNEL:
		put_bool(out, info.params.keep_channel);
		break;
	default:
		put_number(out, info.params.deadline_s);
	}
	return DM_OK;
}

/* ---- a package
 * ------------------------------------------------------------------------------- */

static unsigned int package_state(const struct content_package *g)
{
	switch (g->state) {
	case MODEL_SOFTWARE_INITIAL:
		return 10;
	case MODEL_SOFTWARE_STARTED:
	case MODEL_SOFTWARE_DOWNLOADED:
		return 20;
	case MODEL_SOFTWARE_DELIVERED:
		return 30;
	default:
		return g->active ? 50 : 40;
	}
}

static int package_value(struct dm_se *m, const struct se_where *w, struct model_buf *out)
{
	const struct se_node *n = w->c.node;
	const struct content_package *g;
	char origin[JOB_ORIGIN_MAX];

	se_origin(n->server, origin);
	g = content_packages_get(m->c.content->packages, origin, MODEL_OBJECT_SOFTWARE,
				 n->number);
	if (!g)
		return DM_NOT_FOUND;
	switch (w->mo->id) {
	case MO_SE_PKG_KEYSET:
		model_buf_puts(out, n->choice.keyset);
		return DM_OK;
	case MO_SE_PKG_SD:
		model_buf_put(out, n->choice.sd.bytes, n->choice.sd.len);
		return DM_OK;
	case MO_SE_PKG_AID:
		model_buf_put(out, n->aid.bytes, n->aid.len);
		return DM_OK;
	case MO_SE_PKG_SIZE:
		put_number(out, g->staged);
		return DM_OK;
	case MO_SE_PKG_NAME:
		model_buf_puts(out, g->name);
		return g->name[0] ? DM_OK : DM_NOT_FOUND;
	case MO_SE_PKG_VERSION:
		model_buf_puts(out, g->version);
		return g->version[0] ? DM_OK : DM_NOT_FOUND;
	case MO_SE_PKG_LOAD_FILE:
		model_buf_put(out, g->elf.bytes, g->elf.len);
		return g->elf.len ? DM_OK : DM_NOT_FOUND;
	case MO_SE_PKG_INSTANCES:
		put_aids(out, g->aids, g->nr_aids);
		return g->nr_aids ? DM_OK : DM_NOT_FOUND;
	default:
		put_number(out, package_state(g));
		return DM_OK;
	}
}

/* ---- an entry
 * -------------------------------------------------------------------------------- */

static unsigned int entry_state(const struct gp_entry *e)
{
	if (gp_state_locked(e->kind, e->state))
		return 50;
	if (e->kind == GP_KIND_ELF)
		return 10;
	/* the issuer's domain has the life cycle of the card, and can always be selected */
	if (e->kind == GP_KIND_ISD)
		return 30;
	if (e->kind == GP_KIND_SSD && e->state == GP_SD_PERSONALIZED)
		return 40;
	return e->state == GP_APP_INSTALLED ? 20 : 30;
}

static int put_told(struct model_buf *out, const struct gp_entry *e, unsigned int what,
		    const uint8_t *p, size_t len)
{
	if (!(e->told & what))
		return DM_NOT_FOUND;
	model_buf_put(out, p, len);
	return DM_OK;
}

static int entry_value(struct dm_se *m, const struct se_where *w, struct model_buf *out)
{
	const struct content_app *app = content_apps_get(m->c.content->apps, w->c.app);
	const struct gp_entry *e = app ? &app->entry : NULL;
	uint8_t priv[3];

	if (!e)
		return DM_NOT_FOUND;
	switch (w->mo->id) {
	case MO_SE_AID:
		model_buf_put(out, e->aid.bytes, e->aid.len);
		return DM_OK;
	case MO_SE_STATE:
	case MO_SE_LIFE_CYCLE:
		put_number(out, w->mo->id == MO_SE_STATE ? entry_state(e) : e->state);
		return e->told & GP_ENTRY_STATE ? DM_OK : DM_NOT_FOUND;
	case MO_SE_PRIVILEGES:
		priv[0] = (uint8_t)(e->privileges >> 16);
		priv[1] = (uint8_t)(e->privileges >> 8);
		priv[2] = (uint8_t)e->privileges;
		return put_told(out, e, GP_ENTRY_PRIVILEGES, priv, sizeof(priv));
	case MO_SE_PARENT:
		return e->sd.len ? put_told(out, e, GP_ENTRY_SD, e->sd.bytes, e->sd.len)
				 : DM_NOT_FOUND;
	case MO_SE_LOAD_FILE:
		return e->elf.len ? put_told(out, e, GP_ENTRY_ELF, e->elf.bytes, e->elf.len)
				  : DM_NOT_FOUND;
	case MO_SE_VERSION:
		return put_told(out, e, GP_ENTRY_VERSION, e->version, e->version_len);
	default:
		put_aids(out, e->modules, e->nr_modules);
		return e->told & GP_ENTRY_MODULES ? DM_OK : DM_NOT_FOUND;
	}
}

/* ---- parameters
 * ------------------------------------------------------------------------------ */

static const struct se_params *prepared(const struct dm_se *m, const char *carrier)
{
	for (const struct se_params *p = m->params; p; p = p->next)
		if (strcmp(p->carrier, carrier) == 0)
			return p;
	return NULL;
}

static int param_value(struct dm_se *m, const struct se_where *w, struct model_buf *out)
{
	static const struct se_params none;
	const struct se_params *p = prepared(m, w->c.path);
	const struct se_node *n = se_node_find(m, w->c.path);

	p = p ? p : &none;
	switch (w->mo->id) {
	case MO_SE_P_KEYSET:
		model_buf_puts(out, n ? n->choice.keyset : "");
		break;
	case MO_SE_P_SD:
		model_buf_put(out, n ? n->choice.sd.bytes : NULL, n ? n->choice.sd.len : 0);
		break;
	case MO_SE_P_RELATED:
		put_bool(out, p->related);
		break;
	case MO_SE_P_TARGET:
		model_buf_put(out, p->target.bytes, p->target.len);
		break;
	case MO_SE_P_DATA_FORM:
		model_buf_puts(out, p->form == GP_STORE_DGI   ? "dgi"
				    : p->form == GP_STORE_BER ? "ber"
							      : "plain");
		break;
	case MO_SE_P_MODULE:
		model_buf_put(out, p->module.bytes, p->module.len);
		break;
	case MO_SE_P_AID:
		model_buf_put(out, p->aid.bytes, p->aid.len);
		break;
	case MO_SE_P_PRIVILEGES:
		model_buf_put(out, p->privileges, p->privileges_len);
		break;
	case MO_SE_P_INSTALL:
		model_buf_put(out, p->install, p->install_len);
		break;
	case MO_SE_P_SELECTABLE:
		put_bool(out, !p->not_selectable);
		break;
	case MO_SE_P_NEW_KEYSET:
		model_buf_puts(out, p->new_keyset);
		break;
	case MO_SE_P_KEY_VERSION:
		put_number(out, p->kvn);
		break;
	case MO_SE_P_KEY_ID:
		put_number(out, p->kid);
		break;
	case MO_SE_P_OLD_VERSION:
		put_number(out, p->old_kvn);
		break;
	case MO_SE_P_CONFIRM:
		model_buf_puts(out, p->confirm);
		break;
	default: /* token and data are not told; what cannot be read is empty */
		break;
	}
	return DM_OK;
}

/* ---- status
 * ---------------------------------------------------------------------------------- */

/* What is to say about the last operation at @c; its record or NULL. */
static const struct se_record *report_of(struct dm_se *m, const struct se_carrier *c,
					 struct se_report *out)
{
	struct se_record *r = se_record_last(m, c->path);
	struct job_info info;

	se_report_set(out, SE_STATUS_IDLE, 0, "", "");
	if (!r)
		return NULL;
	*out = r->report;
	/* until its end is told, an operation that has ended is running still: one truth */
	if (r->phase == SE_PHASE_STARTED && r->job && job_get(m->c.jobs, r->job, &info) == 0) {
		se_report_job(out, &info);
		if (out->code) {
			out->status = SE_STATUS_RUNNING;
			out->code = 0;
			out->result[0] = out->detail[0] = '\0';
		}
	}
	return r;
}

static int status_value(struct dm_se *m, const struct se_where *w, struct model_buf *out)
{
	struct se_report o;
	const struct se_record *r = report_of(m, &w->c, &o);

	switch (w->mo->id) {
	case MO_SE_STATUS:
		put_number(out, o.status);
		break;
	case MO_SE_RESULT_CODE:
		put_number(out, o.code);
		return o.code ? DM_OK : DM_NOT_FOUND;
	case MO_SE_R_OPERATION:
		model_buf_puts(out, r ? se_op_name(r->op) : "");
		break;
	case MO_SE_R_SERVER:
		model_buf_puts(out, r ? r->server : "");
		break;
	case MO_SE_R_CORRELATOR:
		model_buf_puts(out, r ? r->correlator : "");
		break;
	case MO_SE_R_RESULT:
		model_buf_puts(out, o.result);
		break;
	case MO_SE_R_DETAIL:
		model_buf_puts(out, o.detail);
		break;
	case MO_SE_R_EXECUTED:
		put_number(out, o.executed);
		break;
	case MO_SE_R_TOTAL:
		put_number(out, o.total);
		break;
	case MO_SE_R_LAST_SW:
		put_number(out, o.last_sw);
		break;
	case MO_SE_R_OUTCOME:
		put_number(out, o.outcome);
		break;
	default:
		model_buf_puts(out, o.job);
	}
	return DM_OK;
}

int se_value_of(struct dm_se *m, const struct se_where *w, struct model_buf *out)
{
	unsigned int id = w->mo->id;
	struct model_se *se;
	int ret;

	if (id >= MO_SE_EXEC)
		return DM_OK;
	if (id >= MO_SE_STATUS)
		ret = status_value(m, w, out);
	else if (id >= MO_SE_P_KEYSET)
		ret = param_value(m, w, out);
	else if (id >= MO_SE_AID)
		ret = entry_value(m, w, out);
	else if (id >= MO_SE_PKG_KEYSET)
		ret = package_value(m, w, out);
	else if (id >= MO_SE_TARGET_AID)
		ret = script_value(m, w, out);
	else if (id >= MO_SE_MAX_COMMAND)
		ret = capability_value(m, w, out);
	else {
		/* too big for the stack of somebody who has many */
		se = malloc(sizeof(*se));
		if (!se)
			return -ENOMEM;
		ret = content_ses_get(m->c.content->ses, w->c.se, se) < 0
			      ? DM_NOT_FOUND
			      : instance_value(m, w, se, out);
		free(se);
	}
	return out->error < 0 ? out->error : ret;
}
