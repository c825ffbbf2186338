// SPDX-License-Identifier: Apache-2.0
/* What servers write into the Secure Element MO: scripts, packages, parameters. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dm/mo-se-priv.h"
#include "gp/cmd.h"

/* ---- nodes that servers add
 * ------------------------------------------------------------------- */

static bool good_name(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789-_.");

	return len > 0 && len < DM_SE_NAME_MAX && !name[len];
}

static bool is_script(const struct se_node *n)
{
	return strstr(n->carrier, "/APDU/") != NULL;
}

/* The lowest number that no node of the same kind and server has; -1: there are enough. */
static int32_t free_number(const struct dm_se *m, const char *server, bool script, int32_t max)
{
	for (int32_t i = 0; i < max; i++) {
		const struct se_node *n = m->nodes;

		while (n && (n->number != i || is_script(n) != script ||
			     (!script && !strstr(n->carrier, "/Package/")) ||
			     strcmp(n->server, server) != 0))
			n = n->next;
		if (!n)
			return i;
	}
	return -1;
}

static int make_script(struct dm_se *m, const struct se_node *n, const char *se)
{
	struct job_params p = {.token = n->number};
	struct job_error err = {.code = ""};
	char origin[JOB_ORIGIN_MAX];
	struct job_info info;
	uint64_t job;
	int ret = 0;

	se_origin(n->server, origin);
	/* of a node whose Add did not get to the disk */
	if (job_find(m->c.jobs, origin, n->number, &info) == 0)
		ret = job_delete(m->c.jobs, info.id, &err);
	if (ret == 0)
		ret = job_create(m->c.jobs, origin, n->number, &job, &err);
	if (ret < 0)
		return ret;
	snprintf(p.se, sizeof(p.se), "%s", se);
	ret = job_set(m->c.jobs, job, &p, &err);
	if (ret < 0)
		job_delete(m->c.jobs, job, &err);
	return ret;
}

static int make_package(struct dm_se *m, const struct se_node *n, uint16_t se)
{
	struct content_packages *ps = m->c.content->packages;
	char origin[JOB_ORIGIN_MAX], words[CONTENT_WORDS_MAX];
	int ret;

	se_origin(n->server, origin);
	if (content_packages_get(ps, origin, MODEL_OBJECT_SOFTWARE, n->number))
		content_packages_remove(ps, origin, MODEL_OBJECT_SOFTWARE, n->number, words);
	ret = content_packages_create(ps, origin, MODEL_OBJECT_SOFTWARE, n->number, words);
	if (ret == 0)
		ret = content_packages_set(ps, origin, MODEL_OBJECT_SOFTWARE, n->number, se,
					   false, words);
	return ret;
}

/* Nobody but who added it may do anything with it, until that one says so. */
static int make_private(struct dm_se *m, const struct se_node *n)
{
	char uri[DM_URI_MAX + 1], acl[DM_ACL_MAX + 1];

	if (!m->tree)
		return 0;
	snprintf(uri, sizeof(uri), DM_SE_ROOT "/%s", n->carrier);
	snprintf(acl, sizeof(acl), "Add=%s&Delete=%s&Exec=%s&Get=%s&Replace=%s", n->server,
		 n->server, n->server, n->server, n->server);
	return dm_tree_acl(m->tree, uri, acl);
}

static int add(struct dm_se *m, const struct dm_req *req, const struct dm_path *path)
{
	struct dm_path dir;
	struct se_where w;
	struct se_node *n;
	char carrier[SE_PATH_MAX];
	int32_t number;
	bool script;
	int ret;

	if (path->n == 0)
		return DM_NOT_ALLOWED;
	dm_path_set(&dir, path, 0);
	dm_path_pop(&dir);
	ret = se_find(m, &dir, &w);
	if (ret != DM_OK)
		return ret;
	if (!w.mo || (w.mo->id != MO_SE_SCRIPTS && w.mo->id != MO_SE_PACKAGES))
		return DM_NOT_ALLOWED;
	if (se_atomic_on(m))
		return DM_UNSUPPORTED;
	if (!good_name(path->name[path->n - 1]) ||
	    snprintf(carrier, sizeof(carrier), "%s/%s", w.c.path, path->name[path->n - 1]) >=
		    (int)sizeof(carrier))
		return DM_BAD_REQUEST;
	script = w.mo->id == MO_SE_SCRIPTS;
	number = free_number(m, req->server, script, script ? SE_SCRIPTS_MAX : SE_PACKAGES_MAX);
	if (number < 0)
		return DM_DEVICE_FULL;
	n = se_node_add(m, carrier, req->server);
	if (!n)
		return -ENOMEM;
	n->number = (uint16_t)number;
	ret = se_node_save(m, n);
	if (ret == 0)
		ret = script ? make_script(m, n, w.c.se_name) : make_package(m, n, w.c.se);
	if (ret == 0)
		ret = make_private(m, n);
	if (ret == 0)
		return DM_OK;
	se_node_drop(m, n);
	return se_errno_status(ret);
}

static void drop_records(struct dm_se *m, const char *carrier)
{
	struct se_record *r, *next;

	for (r = m->records; r; r = next) {
		next = r->next;
		/* what the server has not acknowledged is a repetition still */
		if (r->phase == SE_PHASE_KNOWN && strcmp(r->carrier, carrier) == 0)
			se_record_drop(m, r);
	}
}

int se_del(struct dm_se *m, const struct dm_req *req, const struct dm_path *path)
{
	struct job_error err = {.code = ""};
	char origin[JOB_ORIGIN_MAX], words[CONTENT_WORDS_MAX];
	struct job_info info;
	struct se_where w;
	int ret = se_find(m, path, &w);

	(void)req;
	if (ret != DM_OK)
		return ret;
	if (!w.mo || (w.mo->id != MO_SE_SCRIPT && w.mo->id != MO_SE_PACKAGE))
		return DM_NOT_ALLOWED;
	if (se_atomic_on(m))
		return DM_UNSUPPORTED;
	if (se_record_busy(m, w.c.path))
		return DM_CONFLICT;
	se_origin(w.c.node->server, origin);
	if (w.mo->id == MO_SE_PACKAGE)
		ret = content_packages_remove(m->c.content->packages, origin,
					      MODEL_OBJECT_SOFTWARE, w.c.node->number, words);
	else
		ret = job_find(m->c.jobs, origin, w.c.node->number, &info) == 0
			      ? job_delete(m->c.jobs, info.id, &err)
			      : 0;
	if (ret < 0 && ret != -ENOENT)
		return se_errno_status(ret);
	drop_records(m, w.c.path);
	ret = se_node_drop(m, w.c.node);
	return ret < 0 ? ret : DM_OK;
}

/* ---- what is too big to be collected
 * ----------------------------------------------------------- */

static int write_command(struct dm_se *m, const struct se_where *w, const struct dm_put *put)
{
	struct job_error err = {.code = ""};
	struct job_info info;
	int ret = se_script_job(m, &w->c, &info);

	if (ret == 0 && put->last && put->offset + put->len == 0)
		return DM_BAD_FORMAT;
	if (ret == 0)
		ret = job_script_write(m->c.jobs, info.id, put->offset, put->data, put->len,
				       &err);
	if (ret == 0 && put->last)
		ret = job_script_end(m->c.jobs, info.id, &err);
	if (ret == 0)
		return put->last ? DM_OK : DM_BUFFERED;
	return ret == -EINVAL ? DM_BAD_FORMAT : se_errno_status(ret);
}

static int write_package(struct dm_se *m, const struct se_where *w, const struct dm_put *put)
{
	char origin[JOB_ORIGIN_MAX], words[CONTENT_WORDS_MAX];
	int ret;

	se_origin(w->c.node->server, origin);
	ret = content_packages_write(m->c.content->packages, origin, MODEL_OBJECT_SOFTWARE,
				     w->c.node->number, put->offset, put->data, put->len,
				     put->last, words);
	if (ret == 0)
		return put->last ? DM_OK : DM_BUFFERED;
	return ret == -EINVAL ? DM_BAD_FORMAT : se_errno_status(ret);
}

/* ---- small values
 * ------------------------------------------------------------------------------- */

static bool is_text(const uint8_t *p, size_t len, const char *text)
{
	return len == strlen(text) && memcmp(p, text, len) == 0;
}

static bool get_aid(struct gp_aid *aid, const uint8_t *p, size_t len)
{
	if (len != 0 && (len < GP_AID_MIN || len > GP_AID_MAX))
		return false;
	aid->len = (uint8_t)len;
	memcpy(aid->bytes, p, len);
	return true;
}

static bool get_text(char *to, size_t room, const uint8_t *p, size_t len)
{
	if (len >= room || memchr(p, 0, len))
		return false;
	memcpy(to, p, len);
	to[len] = '\0';
	return true;
}

static bool get_bytes(uint8_t *to, size_t room, size_t *to_len, const uint8_t *p, size_t len)
{
	if (len > room)
		return false;
	memcpy(to, p, len);
	*to_len = len;
	return true;
}

/* The tree has looked that it is a number within its range. */
static uint32_t get_number(const uint8_t *p, size_t len)
{
	char text[16];

	return get_text(text, sizeof(text), p, len) ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

static int set_script(struct dm_se *m, const struct se_where *w, const uint8_t *p, size_t len)
{
	struct job_error err = {.code = ""};
	struct job_info info;
	struct gp_aid aid;
	int ret = se_script_job(m, &w->c, &info);

	if (ret < 0)
		return se_errno_status(ret);
	switch (w->mo->id) {
	case MO_SE_TARGET_AID:
		if (!get_aid(&aid, p, len))
			return DM_BAD_FORMAT;
		info.params.aid_len = aid.len;
		memcpy(info.params.aid, aid.bytes, aid.len);
		break;
	case MO_SE_FORMAT:
		info.params.compact = is_text(p, len, "compact");
		if (!info.params.compact && !is_text(p, len, "expanded"))
			return DM_BAD_FORMAT;
		break;
	case MO_SE_KEEP_CHANNEL:
		info.params.keep_channel = is_text(p, len, "true");
		break;
	default:
		info.params.deadline_s = get_number(p, len);
	}
	ret = job_set(m->c.jobs, info.id, &info.params, &err);
	return se_errno_status(ret);
}

static int set_package(struct dm_se *m, const struct se_where *w, const uint8_t *p, size_t len)
{
	struct se_node *n = w->c.node, before = *n;
	bool fine;
	int ret;

	if (w->mo->id == MO_SE_PKG_KEYSET)
		fine = get_text(n->choice.keyset, sizeof(n->choice.keyset), p, len);
	else
		fine = get_aid(w->mo->id == MO_SE_PKG_SD ? &n->choice.sd : &n->aid, p, len);
	if (!fine)
		return DM_BAD_FORMAT;
	ret = se_node_save(m, n);
	if (ret < 0)
		*n = before;
	return ret < 0 ? ret : DM_OK;
}

static int set_choice(struct dm_se *m, const struct dm_req *req, const struct se_where *w,
		      const uint8_t *p, size_t len)
{
	struct se_node *n = se_node_find(m, w->c.path);
	int ret;

	if (!n)
		n = se_node_add(m, w->c.path, req->server);
	if (!n)
		return -ENOMEM;
	if (!(w->mo->id == MO_SE_P_KEYSET
		      ? get_text(n->choice.keyset, sizeof(n->choice.keyset), p, len)
		      : get_aid(&n->choice.sd, p, len)))
		return DM_BAD_FORMAT;
	snprintf(n->server, sizeof(n->server), "%s", req->server);
	ret = se_node_save(m, n);
	if (ret == 0 && w->c.kind == MO_SE_INSTANCE)
		se_choice_reader(m, n);
	return ret < 0 ? ret : DM_OK;
}

static bool get_privileges(struct se_params *a, const uint8_t *p, size_t len)
{
	return (len == 0 || len == 1 || len == 3) &&
	       get_bytes(a->privileges, sizeof(a->privileges), &a->privileges_len, p, len);
}

static bool get_form(struct se_params *a, const uint8_t *p, size_t len)
{
	a->form = is_text(p, len, "dgi")   ? GP_STORE_DGI
		  : is_text(p, len, "ber") ? GP_STORE_BER
					   : 0;
	return a->form || is_text(p, len, "plain");
}

static bool set_param(struct se_params *a, unsigned int id, const uint8_t *p, size_t len)
{
	switch (id) {
	case MO_SE_P_TOKEN:
		return get_bytes(a->token, sizeof(a->token), &a->token_len, p, len);
	case MO_SE_P_RELATED:
		a->related = is_text(p, len, "true");
		return true;
	case MO_SE_P_TARGET:
		return get_aid(&a->target, p, len);
	case MO_SE_P_DATA:
		return get_bytes(a->data, sizeof(a->data), &a->data_len, p, len);
	case MO_SE_P_DATA_FORM:
		return get_form(a, p, len);
	case MO_SE_P_MODULE:
		return get_aid(&a->module, p, len);
	case MO_SE_P_AID:
		return get_aid(&a->aid, p, len);
	case MO_SE_P_PRIVILEGES:
		return get_privileges(a, p, len);
	case MO_SE_P_INSTALL:
		return get_bytes(a->install, sizeof(a->install), &a->install_len, p, len);
	case MO_SE_P_SELECTABLE:
		a->not_selectable = !is_text(p, len, "true");
		return true;
	case MO_SE_P_NEW_KEYSET:
		return get_text(a->new_keyset, sizeof(a->new_keyset), p, len);
	case MO_SE_P_KEY_VERSION:
		a->kvn = (uint8_t)get_number(p, len);
		return true;
	case MO_SE_P_KEY_ID:
		a->kid = (uint8_t)get_number(p, len);
		return true;
	case MO_SE_P_OLD_VERSION:
		a->old_kvn = (uint8_t)get_number(p, len);
		return true;
	case MO_SE_P_CONFIRM:
		return get_text(a->confirm, sizeof(a->confirm), p, len);
	default:
		return false;
	}
}

static int set_value(struct dm_se *m, const struct dm_req *req, const struct se_where *w,
		     const uint8_t *p, size_t len)
{
	unsigned int id = w->mo->id;
	struct se_params *a;
	int ret;

	if (id >= MO_SE_TARGET_AID && id < MO_SE_PKG_KEYSET)
		return se_atomic_on(m) ? DM_UNSUPPORTED : set_script(m, w, p, len);
	if (id >= MO_SE_PKG_KEYSET && id <= MO_SE_PKG_AID)
		return se_atomic_on(m) ? DM_UNSUPPORTED : set_package(m, w, p, len);
	if (id < MO_SE_P_KEYSET || id > MO_SE_P_CONFIRM)
		return DM_NOT_ALLOWED;
	ret = se_atomic_params(m, w->c.path);
	if (ret < 0)
		return ret;
	/* kept, and not taken back with the Atomic's end */
	if (id == MO_SE_P_KEYSET || id == MO_SE_P_SD)
		return se_atomic_on(m) ? DM_UNSUPPORTED : set_choice(m, req, w, p, len);
	a = se_params_of(m, w->c.path, req->server, true);
	if (!a)
		return -ENOMEM;
	return set_param(a, id, p, len) ? DM_OK : DM_BAD_FORMAT;
}

void se_write_abort(struct dm_se *m)
{
	explicit_bzero(&m->value, sizeof(m->value));
}

static int write_value(struct dm_se *m, const struct dm_req *req, const struct se_where *w,
		       const struct dm_put *put)
{
	struct se_value *v = &m->value;
	int ret;

	if (put->offset == 0)
		se_write_abort(m);
	if (put->offset != v->len)
		return DM_CONFLICT;
	if (put->len > sizeof(v->p) - v->len)
		return DM_TOO_LARGE;
	if (put->len)
		memcpy(v->p + v->len, put->data, put->len);
	v->len += put->len;
	if (!put->last)
		return DM_BUFFERED;
	ret = set_value(m, req, w, v->p, v->len);
	se_write_abort(m);
	return ret;
}

int se_write(struct dm_se *m, const struct dm_req *req, enum dm_how how,
	     const struct dm_path *path, const struct dm_put *put)
{
	struct se_where w;
	int ret = se_find(m, path, &w);

	if (ret == DM_NOT_FOUND && how == DM_HOW_ADD)
		return add(m, req, path);
	if (ret != DM_OK)
		return ret;
	if (!w.mo || w.mo->format == MO_NODE)
		return how == DM_HOW_ADD ? DM_EXISTS : DM_NOT_ALLOWED;
	if (w.mo->id != MO_SE_COMMAND && w.mo->id != MO_SE_PKG_DATA)
		return write_value(m, req, &w, put);
	if (se_atomic_on(m))
		return DM_UNSUPPORTED;
	/* what has a result to show is as it was; so is what is under way */
	if (se_record_busy(m, w.c.path))
		return DM_CONFLICT;
	return w.mo->id == MO_SE_COMMAND ? write_command(m, &w, put)
					 : write_package(m, &w, put);
}
