// SPDX-License-Identifier: Apache-2.0
/* Properties of nodes (OMA-TS-DM_TND-V1_2_1, 7). */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "dm/syncml-dom.h"
#include "dm/tree-priv.h"

static void print_time(struct model_buf *out, int64_t at)
{
	time_t when = (time_t)at;
	char s[32];
	struct tm tm;

	if (!at || !gmtime_r(&when, &tm))
		return;
	strftime(s, sizeof(s), "%Y%m%dT%H%M%SZ", &tm);
	model_buf_puts(out, s);
}

int tree_prop_print(struct dm_tree *t, const struct tree_at *at, unsigned int prop,
		    struct model_buf *out)
{
	(void)t;
	switch (prop) {
	case DM_PROP_ACL:
		model_buf_puts(out, at->node.acl);
		break;
	case DM_PROP_FORMAT:
		model_buf_puts(out, mo_format_name(at->st.format));
		break;
	case DM_PROP_NAME:
		model_buf_puts(out, at->path.n ? at->path.name[at->path.n - 1] : ".");
		break;
	case DM_PROP_SIZE:
		if (at->st.format == MO_NODE)
			return DM_UNSUPPORTED;
		model_buf_printf(out, "%llu", (unsigned long long)at->st.size);
		break;
	case DM_PROP_TITLE:
		if (*at->node.title || !at->desc || !at->desc->title)
			model_buf_puts(out, at->node.title);
		else
			model_buf_puts(out, at->desc->title);
		break;
	case DM_PROP_TSTAMP:
		if (at->mounted)
			return DM_UNSUPPORTED;
		print_time(out, at->node.tstamp);
		break;
	case DM_PROP_TYPE:
		model_buf_puts(out, at->st.type);
		break;
	case DM_PROP_VERNO:
		if (at->mounted)
			return DM_UNSUPPORTED;
		model_buf_printf(out, "%u", at->node.verno);
		break;
	default:
		return DM_UNSUPPORTED;
	}
	return out->error ? out->error : DM_OK;
}

/* Keeps what is in @at->node, wherever this node's properties are. */
static int keep(struct dm_tree *t, struct tree_at *at)
{
	int r;

	if (!at->mounted)
		tree_bump(t, &at->node);
	r = tree_node_put(t, at->mounted ? DM_KIND_PROPS : DM_KIND_TREE, &at->key, &at->node);
	return r < 0 ? r : DM_OK;
}

/*
 * Who may change the list: of an interior node who may Replace it; of both kinds who may
 * Replace the parent (7.7.1.3).
 */
static int may_change_acl(struct dm_tree *t, const struct dm_req *req, const struct tree_at *at)
{
	int r = 0;

	if (at->st.format == MO_NODE)
		r = tree_allows(t, at, false, MO_REPLACE, req->server);
	return r ? r : tree_allows(t, at, true, MO_REPLACE, req->server);
}

static int write_acl(struct dm_tree *t, struct tree_at *at, const char *acl)
{
	if (dm_acl_check(acl) < 0)
		return DM_BAD_REQUEST;
	/* nobody could give it back: the root must say who may add (7.7.1.2) */
	if (at->path.n == 0 && !dm_acl_allows(acl, MO_ADD, "*"))
		return DM_NOT_ALLOWED;
	strcpy(at->node.acl, acl);
	return keep(t, at);
}

/* A node of another name among its siblings, with all below. */
static int rename_node(struct dm_tree *t, struct tree_at *at, const char *name)
{
	char uri[DM_URI_MAX + 1];
	struct tree_at to;
	int r;

	if (at->mounted || at->path.n == 0 ||
	    (at->node.flags & (TREE_MOUNT | TREE_PERMANENT)) ||
	    (at->desc && (at->desc->permanent || at->desc->name)))
		return DM_NOT_ALLOWED;
	dm_path_set(&to.path, &at->path, 0);
	dm_path_pop(&to.path);
	r = dm_path_push(&to.path, name, strlen(name));
	if (r < 0)
		return r == -EINVAL ? DM_BAD_REQUEST : DM_URI_TOO_LONG;
	if (dm_path_print(&to.path, uri) < 0)
		return DM_URI_TOO_LONG;
	r = tree_find(t, &to);
	if (r < 0)
		return r;
	if (to.there)
		return DM_EXISTS;
	/* a name that the description gives to something else */
	if (!to.known || to.desc != at->desc || to.object != at->object)
		return DM_NOT_ALLOWED;
	r = tree_records_move(t, &at->key, &to.key);
	if (r == -ENAMETOOLONG)
		return DM_URI_TOO_LONG;
	if (r < 0)
		return r;
	tree_bump(t, &at->node);
	r = tree_node_put(t, DM_KIND_TREE, &to.key, &at->node);
	if (!r)
		r = tree_bump_parent(t, &to);
	tree_touch(t, at->object);
	return r < 0 ? r : DM_OK;
}

int tree_prop_write(struct dm_tree *t, const struct dm_req *req, struct tree_at *at,
		    unsigned int prop, const struct dm_put *put)
{
	char value[DM_ACL_MAX + 1];
	struct tree_mark mark;
	int r;

	if (!prop)
		return DM_UNSUPPORTED;
	if (prop != DM_PROP_ACL && prop != DM_PROP_NAME && prop != DM_PROP_TITLE)
		return DM_NOT_ALLOWED;
	if (!put->last || put->offset > 0 || put->len > DM_ACL_MAX)
		return DM_TOO_LARGE;
	if (!put->has_data && prop != DM_PROP_ACL)
		return DM_INCOMPLETE;
	if (memchr(put->data ? put->data : (const uint8_t *)"", 0, put->len) ||
	    !dm_utf8_valid(put->data, put->len))
		return DM_BAD_REQUEST;
	if (put->len)
		memcpy(value, put->data, put->len);
	value[put->len] = 0;
	/* the nodes of a mount come and go: a list for one must not be another's */
	if (at->mounted && (!at->desc || !at->desc->name) && prop == DM_PROP_ACL)
		return DM_NOT_ALLOWED;
	r = prop == DM_PROP_ACL ? may_change_acl(t, req, at)
				: tree_allows(t, at, false, MO_REPLACE, req->server);
	if (r <= 0)
		return r < 0 ? r : DM_DENIED;
	r = tree_begin(t, &mark);
	if (r < 0)
		return r;
	if (prop == DM_PROP_ACL) {
		r = write_acl(t, at, value);
	} else if (prop == DM_PROP_NAME) {
		r = rename_node(t, at, value);
	} else if (put->len > DM_TITLE_MAX) {
		r = DM_TOO_LARGE;
	} else {
		strcpy(at->node.title, value);
		r = keep(t, at);
	}
	return tree_end(t, &mark, r);
}
