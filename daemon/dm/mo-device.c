// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "dm/mo-device.h"

#define STR_(x) #x
#define STR(x) STR_(x)

static const char * or (const char *s, const char *otherwise)
{
	return s ? s : otherwise;
}

static const char *devinfo(const struct dm_device *d, unsigned int id)
{
	switch (id) {
	case MO_DEVINFO_ID:
		return or (d->id, "");
	case MO_DEVINFO_MAN:
		return or (d->manufacturer, "");
	case MO_DEVINFO_MOD:
		return or (d->model, "");
	case MO_DEVINFO_DMV:
		return "1.2";
	case MO_DEVINFO_LANG:
		return or (d->language, "en");
	default:
		return NULL;
	}
}

static const char *devdetail(const struct dm_device *d, unsigned int id)
{
	switch (id) {
	case MO_DEVDETAIL_DEV_TYP:
		return or (d->type, "gateway");
	case MO_DEVDETAIL_OEM:
		return or (d->oem, "");
	case MO_DEVDETAIL_FWV:
		return or (d->firmware, "");
	case MO_DEVDETAIL_SWV:
		return or (d->software, "");
	case MO_DEVDETAIL_HWV:
		return or (d->hardware, "");
	case MO_DEVDETAIL_LRG_OBJ:
		return "true";
	case MO_DEVDETAIL_MAX_DEPTH:
		return STR(DM_DEPTH_MAX);
	case MO_DEVDETAIL_MAX_TOT_LEN:
		return STR(DM_URI_MAX);
	case MO_DEVDETAIL_MAX_SEG_LEN:
		return STR(DM_SEGMENT_MAX);
	default:
		return NULL;
	}
}

/* ---- nodes that are all in the table ----------------------------------------- */

static const struct mo_node *describe(const struct mo_object *mo, const struct dm_path *path)
{
	const struct mo_node *n = mo->root;

	for (unsigned int i = 0; i < path->n && n; i++)
		n = mo_child(n, path->name[i]);
	return n;
}

static int has(const struct mo_object *mo,
	       const char *(*value)(const struct dm_device *d, unsigned int id),
	       const struct dm_device *d, const struct dm_path *path, struct dm_stat *st)
{
	const struct mo_node *n = describe(mo, path);

	if (!n)
		return DM_NOT_FOUND;
	if (n->format != MO_NODE)
		st->size = strlen(value(d, n->id));
	return DM_OK;
}

static int next(const struct mo_object *mo, const struct dm_path *dir, const char *after,
		char name[DM_SEGMENT_MAX + 1])
{
	const struct mo_node *n = describe(mo, dir);
	size_t i = 0;

	if (!n)
		return DM_NOT_FOUND;
	while (*after && i < n->nr && strcmp(n->children[i++].name, after))
		;
	if (i == n->nr)
		return 0;
	strcpy(name, n->children[i].name);
	return DM_OK;
}

static int read_value(const char *s, uint64_t offset, void *p, size_t room, size_t *n)
{
	size_t len = strlen(s);

	*n = offset < len ? len - (size_t)offset : 0;
	if (*n > room)
		*n = room;
	if (*n)
		memcpy(p, s + offset, *n);
	return DM_OK;
}

static int info_has(void *ctx, const struct dm_path *path, struct dm_stat *st)
{
	return has(&mo_devinfo, devinfo, ctx, path, st);
}

static int info_next(void *ctx, const struct dm_path *dir, const char *after,
		     char name[DM_SEGMENT_MAX + 1])
{
	(void)ctx;
	return next(&mo_devinfo, dir, after, name);
}

static int info_read(void *ctx, const struct dm_path *path, uint64_t offset, void *p,
		     size_t room, size_t *n)
{
	return read_value(devinfo(ctx, describe(&mo_devinfo, path)->id), offset, p, room, n);
}

static int detail_has(void *ctx, const struct dm_path *path, struct dm_stat *st)
{
	return has(&mo_devdetail, devdetail, ctx, path, st);
}

static int detail_next(void *ctx, const struct dm_path *dir, const char *after,
		       char name[DM_SEGMENT_MAX + 1])
{
	(void)ctx;
	return next(&mo_devdetail, dir, after, name);
}

static int detail_read(void *ctx, const struct dm_path *path, uint64_t offset, void *p,
		       size_t room, size_t *n)
{
	return read_value(devdetail(ctx, describe(&mo_devdetail, path)->id), offset, p, room,
			  n);
}

int dm_device_mount(struct dm_tree *t, const struct dm_device *device)
{
	static const struct dm_mount_ops info = {
		.has = info_has,
		.next = info_next,
		.read = info_read,
	};
	static const struct dm_mount_ops detail = {
		.has = detail_has,
		.next = detail_next,
		.read = detail_read,
	};
	/* the callbacks do not write to it */
	void *ctx = (void *)(uintptr_t)device;
	int r = dm_tree_mount(t, &mo_devinfo, &info, ctx);

	if (!r)
		r = dm_tree_mount(t, &mo_devdetail, &detail, ctx);
	return r ? r : dm_tree_describe(t, &mo_inbox, NULL, NULL);
}
