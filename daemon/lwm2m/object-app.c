// SPDX-License-Identifier: Apache-2.0
/* Objects 26243 SE Application and 14 Software Component, which is a view of it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "content/ops.h"
#include "libse/se.h"
#include "lwm2m/app-args.h"
#include "lwm2m/reading.h"

static struct content_ops *ops_of(struct lwm2m_client *c)
{
	return content_ops_of(c->shared->apps, c->origin);
}

static int gone(uint16_t object, uint16_t instance, char *words)
{
	content_words(words, "/%u/%u is gone", object, instance);
	return COAP_404_NOT_FOUND;
}

static size_t instances(struct lwm2m_client *c, uint16_t *ids, size_t room)
{
	return c->shared->apps ? content_apps_list(c->shared->apps, ids, room) : 0;
}

/* ---- reading ----------------------------------------------------------------------- */

static void put_link(struct lwm2m_reading *r, const struct content_apps *apps, uint16_t rid,
		     uint16_t se, const struct gp_aid *aid)
{
	const struct content_app *to = content_apps_find(apps, se, aid);

	if (to)
		lwm2m_put_link(r, rid, MODEL_OBJECT_APP, to->id);
}

static void put_modules(struct lwm2m_reading *r, const struct gp_entry *e)
{
	if (e->nr_modules == 0)
		lwm2m_put_none(r, MODEL_APP_MODULES);
	for (size_t i = 0; i < e->nr_modules; i++)
		lwm2m_put_opaque_at(r, MODEL_APP_MODULES, (uint16_t)i, e->modules[i].bytes,
				    e->modules[i].len);
}

static void put_entry(struct lwm2m_reading *r, const struct content_apps *apps,
		      const struct content_app *app)
{
	const struct gp_entry *e = &app->entry;
	uint8_t privileges[3] = {(uint8_t)(e->privileges >> 16), (uint8_t)(e->privileges >> 8),
				 (uint8_t)e->privileges};

	lwm2m_put_link(r, MODEL_APP_SE, MODEL_OBJECT_SE, app->se);
	lwm2m_put_opaque(r, MODEL_APP_AID, e->aid.bytes, e->aid.len);
	lwm2m_put_integer(r, MODEL_APP_KIND, e->kind);
	if (!app->gone && e->told & GP_ENTRY_STATE)
		lwm2m_put_integer(r, MODEL_APP_LIFE_CYCLE, e->state);
	if (e->told & GP_ENTRY_PRIVILEGES)
		lwm2m_put_opaque(r, MODEL_APP_PRIVILEGES, privileges, sizeof(privileges));
	if (e->told & GP_ENTRY_SD)
		put_link(r, apps, MODEL_APP_PARENT, app->se, &e->sd);
	if (e->told & GP_ENTRY_ELF)
		put_link(r, apps, MODEL_APP_LOAD_FILE, app->se, &e->elf);
	if (e->kind == GP_KIND_ELF)
		put_modules(r, e);
	if (e->told & GP_ENTRY_VERSION)
		lwm2m_put_opaque(r, MODEL_APP_VERSION, e->version, e->version_len);
	if (!app->gone && e->told & GP_ENTRY_STATE && e->kind != GP_KIND_ELF)
		lwm2m_put_boolean(r, MODEL_APP_LOCKED, gp_state_locked(e->kind, e->state));
}

static void put_operation(struct lwm2m_reading *r, const struct content_apps *apps, uint16_t id,
			  const struct content_task *op)
{
	lwm2m_put_integer(r, MODEL_APP_DATA_FORM, op->form);
	lwm2m_put_string(r, MODEL_APP_KEY_SET, op->keyset);
	lwm2m_put_opaque(r, MODEL_APP_SECURITY_DOMAIN, op->sd.bytes, op->sd.len);
	lwm2m_put_integer(r, MODEL_APP_STATE, op->state);
	lwm2m_put_string(r, MODEL_APP_RESULT, op->result);
	lwm2m_put_string(r, MODEL_APP_DETAIL,
			 op->has_job ? op->detail : content_apps_why(apps, id));
	lwm2m_put_integer(r, MODEL_APP_EXECUTED, op->executed);
	lwm2m_put_integer(r, MODEL_APP_TOTAL, op->total);
	lwm2m_put_integer(r, MODEL_APP_LAST_SW, op->last_sw);
	lwm2m_put_string(r, MODEL_APP_JOB, op->job);
}

static int read(struct lwm2m_client *c, uint16_t instance, int32_t rid, struct lwm2m_set *set,
		char *words)
{
	struct lwm2m_reading r = {MODEL_OBJECT_APP, instance, rid, set, 0};
	const struct content_apps *apps = c->shared->apps;
	struct content_ops *ops = ops_of(c);
	const struct content_app *app = content_apps_get(apps, instance);
	struct content_task op;

	if (!app || !ops || content_ops_get(ops, instance, &op) < 0)
		return gone(MODEL_OBJECT_APP, instance, words);
	put_entry(&r, apps, app);
	put_operation(&r, apps, instance, &op);
	explicit_bzero(&op, sizeof(op));
	return r.ret;
}

/* ---- writing ----------------------------------------------------------------------- */

static int take_value(struct content_task *op, const struct lwm2m_value *v, char *words)
{
	switch (v->path.id[2]) {
	case MODEL_APP_DATA:
		memcpy(op->data, v->p, v->len);
		op->data_len = v->len;
		break;
	case MODEL_APP_DATA_FORM:
		op->form = (uint8_t)v->i;
		break;
	case MODEL_APP_TOKEN:
		memcpy(op->token, v->p, v->len);
		op->token_len = v->len;
		break;
	case MODEL_APP_KEY_SET:
		memcpy(op->keyset, v->p, v->len);
		op->keyset[v->len] = '\0';
		break;
	case MODEL_APP_SECURITY_DOMAIN:
		op->sd.len = 0;
		if (v->len != 0 && gp_aid_set(&op->sd, v->p, v->len) < 0) {
			content_words(words, "/26243/x/21: an AID has 5 to 16 bytes, not %zu",
				      v->len);
			return COAP_400_BAD_REQUEST;
		}
		break;
	}
	return 0;
}

static int write(struct lwm2m_client *c, uint16_t instance, const struct lwm2m_value *v,
		 size_t n, bool replace, char *words)
{
	struct content_ops *ops = ops_of(c);
	struct content_task op;
	int ret = 0;

	if (!ops || content_ops_get(ops, instance, &op) < 0)
		return gone(MODEL_OBJECT_APP, instance, words);
	if (replace) {
		op.data_len = op.token_len = 0;
		op.form = 0;
		op.keyset[0] = '\0';
		op.sd.len = 0;
	}
	for (size_t i = 0; i < n && ret == 0; i++)
		ret = take_value(&op, &v[i], words);
	if (ret == 0) {
		ret = content_ops_set(ops, instance, &op);
		ret = ret < 0 ? lwm2m_errno_code(ret) : 0;
	}
	explicit_bzero(&op, sizeof(op));
	return ret;
}

/* ---- executing --------------------------------------------------------------------- */

static int install_arguments(const struct lwm2m_args *args, struct content_step *in,
			     char *words)
{
	uint8_t privileges[3] = {0};
	size_t len;
	int ret = lwm2m_arg_aid(args, 0, &in->module, words);

	if (ret == 0)
		ret = lwm2m_arg_aid(args, 1, &in->aid, words);
	if (ret == 0)
		ret = lwm2m_arg_hex(args, 2, privileges, sizeof(privileges), &len, words);
	if (ret == 0 && len == 2)
		ret = lwm2m_arg_bad(2, "one or three bytes of privileges", words);
	if (ret == 0)
		ret = lwm2m_arg_hex(args, 3, in->params, sizeof(in->params), &in->params_len,
				    words);
	in->privileges = (uint32_t)(privileges[0] << 16 | privileges[1] << 8 | privileges[2]);
	in->selectable = !lwm2m_args_find(args, 4);
	return ret;
}

/* Where to: an AID, or an instance of this object. */
static int extradite_arguments(struct lwm2m_client *c, const struct lwm2m_args *args,
			       struct gp_aid *sd, char *words)
{
	const struct content_app *to;
	uint64_t number;
	int ret = lwm2m_arg_aid(args, 0, sd, words);

	if (ret != 0 || sd->len)
		return ret;
	if (lwm2m_args_uint(args, 1, UINT16_MAX, &number) < 0) {
		content_words(words,
			      "Extradite wants a security domain: argument 0 its AID, or 1 "
			      "its instance of 26243");
		return COAP_400_BAD_REQUEST;
	}
	to = content_apps_get(c->shared->apps, (uint16_t)number);
	if (!to || to->entry.kind > GP_KIND_SSD || !to->entry.aid.len)
		return lwm2m_arg_bad(1, "the instance of a security domain", words);
	*sd = to->entry.aid;
	return 0;
}

static int control(struct content_ops *ops, uint16_t instance, uint16_t rid, char *words)
{
	enum content_control what = rid == MODEL_APP_CANCEL	 ? CONTENT_CANCEL
				    : rid == MODEL_APP_RESUME	 ? CONTENT_RESUME
				    : rid == MODEL_APP_ROLL_BACK ? CONTENT_ROLL_BACK
								 : CONTENT_CLEAR;
	int ret = content_ops_control(ops, instance, what, words);

	return ret < 0 ? lwm2m_errno_code(ret) : 0;
}

/* Install on an issuer's domain makes a security domain of the card's own kind. */
static enum content_op op_of(const struct content_app *app, uint16_t rid)
{
	switch (rid) {
	case MODEL_APP_LOCK:
		return CONTENT_OP_LOCK;
	case MODEL_APP_UNLOCK:
		return CONTENT_OP_UNLOCK;
	case MODEL_APP_MAKE_SELECTABLE:
		return CONTENT_OP_MAKE_SELECTABLE;
	case MODEL_APP_EXTRADITE:
		return CONTENT_OP_EXTRADITE;
	case MODEL_APP_PERSONALISE:
		return CONTENT_OP_PERSONALISE;
	case MODEL_APP_DELETE:
		return CONTENT_OP_DELETE;
	case MODEL_APP_INSTALL:
		return app && app->entry.kind == GP_KIND_ISD ? CONTENT_OP_SD_CREATE
							     : CONTENT_OP_INSTALL;
	default:
		return CONTENT_OPS;
	}
}

static int execute(struct lwm2m_client *c, uint16_t instance, uint16_t rid,
		   const struct lwm2m_args *args, char *words)
{
	struct content_ops *ops = ops_of(c);
	struct content_step step = {0};
	int ret = 0;

	if (!ops)
		return COAP_500_INTERNAL;
	if (rid >= MODEL_APP_CANCEL)
		return control(ops, instance, rid, words);
	step.op = op_of(content_apps_get(c->shared->apps, instance), rid);
	if (rid == MODEL_APP_INSTALL)
		ret = install_arguments(args, &step, words);
	else if (rid == MODEL_APP_EXTRADITE)
		ret = extradite_arguments(c, args, &step.sd, words);
	else
		step.related = lwm2m_args_find(args, 0);
	if (ret != 0)
		return ret;
	ret = content_ops_run(ops, instance, &step, words);
	return ret < 0 ? lwm2m_errno_code(ret) : 0;
}

const struct lwm2m_object lwm2m_object_app = {
	.id = MODEL_OBJECT_APP,
	.instances = instances,
	.read = read,
	.write = write,
	.execute = execute,
};

/* ---- object 14 ------------------------------------------------------------------------ */

enum { IDENTITY, VERSION = 2, ACTIVATE, DEACTIVATE, ACTIVE };

static bool is_component(const struct content_app *app)
{
	return app && app->entry.kind == GP_KIND_APP && !app->gone;
}

static size_t components(struct lwm2m_client *c, uint16_t *ids, size_t room)
{
	uint16_t all[CONTENT_APPS_MAX];
	size_t n = instances(c, all, CONTENT_APPS_MAX), found = 0;

	for (size_t i = 0; i < n && found < room; i++)
		if (is_component(content_apps_get(c->shared->apps, all[i])))
			ids[found++] = all[i];
	return found;
}

/* Selectable, or further on in a life cycle of its own. */
static bool is_active(const struct gp_entry *e)
{
	return e->state >= GP_APP_SELECTABLE && !(e->state & GP_APP_LOCKED_BIT);
}

static int read_component(struct lwm2m_client *c, uint16_t instance, int32_t rid,
			  struct lwm2m_set *set, char *words)
{
	struct lwm2m_reading r = {MODEL_OBJECT_COMPONENT, instance, rid, set, 0};
	const struct content_app *app = content_apps_get(c->shared->apps, instance), *elf;
	char text[2 * GP_AID_MAX + 1];

	if (!is_component(app))
		return gone(MODEL_OBJECT_COMPONENT, instance, words);
	se_to_hex(text, app->entry.aid.bytes, app->entry.aid.len);
	lwm2m_put_string(&r, IDENTITY, text);
	elf = content_apps_find(c->shared->apps, app->se, &app->entry.elf);
	if (elf && elf->entry.version_len == 2) {
		snprintf(text, sizeof(text), "%u.%u", elf->entry.version[0],
			 elf->entry.version[1]);
		lwm2m_put_string(&r, VERSION, text);
	}
	if (app->entry.told & GP_ENTRY_STATE)
		lwm2m_put_boolean(&r, ACTIVE, is_active(&app->entry));
	return r.ret;
}

static int execute_component(struct lwm2m_client *c, uint16_t instance, uint16_t rid,
			     const struct lwm2m_args *args, char *words)
{
	const struct content_app *app = content_apps_get(c->shared->apps, instance);
	struct content_ops *ops = ops_of(c);
	struct content_step step = {.op = CONTENT_OP_LOCK};
	int ret;

	(void)args;
	if (!is_component(app))
		return gone(MODEL_OBJECT_COMPONENT, instance, words);
	if (!ops)
		return COAP_500_INTERNAL;
	if (rid == ACTIVATE)
		step.op = app->entry.state & GP_APP_LOCKED_BIT ? CONTENT_OP_UNLOCK
							       : CONTENT_OP_MAKE_SELECTABLE;
	ret = content_ops_run(ops, instance, &step, words);
	return ret < 0 ? lwm2m_errno_code(ret) : 0;
}

const struct lwm2m_object lwm2m_object_component = {
	.id = MODEL_OBJECT_COMPONENT,
	.instances = components,
	.read = read_component,
	.execute = execute_component,
};
