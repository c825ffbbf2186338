// SPDX-License-Identifier: Apache-2.0
/*
 * Access control (LwM2M core 1.1, 8): who may do what, by the instances of
 * object 2.
 *
 * Object instances that nobody made, because they come with the device, have no
 * access control instance unless a bootstrap server or the configuration gave
 * them one. The standard would keep every server away from them; then a device
 * with two servers could not be managed by either before somebody wrote a table
 * of all it has. Here they are for every server, but for the instances of object
 * 1, which are for their own server. What a server may do to a secure element is
 * the policy's to say in any case (job/policy.h).
 */
#include <errno.h>

#include "lwm2m/internal.h"

enum { OBJECT, INSTANCE, ACL, OWNER };

#define ANY_INSTANCE 65535 /* /2/x/1: it is about Create */
#define NO_OWNER 65535	   /* /2/x/3: only a bootstrap server */

/* the access control instance of /@object/@instance, or -1 */
static int32_t find(const struct lwm2m_data *d, uint16_t object, uint16_t instance)
{
	uint16_t ids[LWM2M_DATA_INSTANCES_MAX];
	size_t n = lwm2m_data_instances(d, MODEL_OBJECT_ACCESS, ids, LWM2M_DATA_INSTANCES_MAX);

	for (size_t i = 0; i < n; i++)
		if (lwm2m_data_int(d, MODEL_OBJECT_ACCESS, ids[i], OBJECT, -1) == object &&
		    lwm2m_data_int(d, MODEL_OBJECT_ACCESS, ids[i], INSTANCE, -1) == instance)
			return ids[i];
	return -1;
}

static bool several_servers(const struct lwm2m_data *d)
{
	uint16_t ids[2];

	return lwm2m_data_instances(d, MODEL_OBJECT_SERVER, ids, 2) > 1;
}

/* rights of @ssid by its own entry, or by the one for all others; -1: no such entry */
static int64_t entry(const struct lwm2m_set *acl, uint16_t ssid)
{
	for (size_t i = 0; i < acl->n; i++)
		if (acl->v[i].type == MODEL_INTEGER && acl->v[i].path.id[3] == ssid)
			return acl->v[i].i;
	return -1;
}

static bool by_instance(const struct lwm2m_data *d, uint16_t aco, uint16_t ssid,
			unsigned int rights)
{
	struct lwm2m_set acl = {0};
	int64_t has;

	if (lwm2m_data_read(d, MODEL_OBJECT_ACCESS, aco, ACL, &acl) < 0) {
		lwm2m_set_clear(&acl);
		return false; /* no memory: rather too little */
	}
	has = entry(&acl, ssid);
	if (has < 0 && lwm2m_data_int(d, MODEL_OBJECT_ACCESS, aco, OWNER, NO_OWNER) == ssid)
		has = LWM2M_ACL_R | LWM2M_ACL_W | LWM2M_ACL_E | LWM2M_ACL_D | LWM2M_ACL_C;
	if (has < 0)
		has = entry(&acl, 0);
	lwm2m_set_clear(&acl);
	return has >= 0 && ((unsigned int)has & rights) == rights;
}

bool lwm2m_acl_allows(struct lwm2m_client *c, const struct lwm2m_path *path,
		      unsigned int rights)
{
	const struct lwm2m_data *d = c->shared->data;
	const struct lwm2m_object *object = lwm2m_object(path->id[0]);
	int32_t aco;

	if (path->depth == 0)
		return true;
	switch (path->id[0]) {
	case MODEL_OBJECT_SECURITY:
	case MODEL_OBJECT_OSCORE:
		return false;
	case MODEL_OBJECT_ACCESS:
		if (!(rights & ~(unsigned int)LWM2M_ACL_R))
			return true;
		return rights == LWM2M_ACL_W && path->depth >= 2 &&
		       lwm2m_data_int(d, MODEL_OBJECT_ACCESS, path->id[1], OWNER, NO_OWNER) ==
			       c->ssid;
	default:
		break;
	}
	if (!several_servers(d) || (object && object->own))
		return true;
	if (path->depth < 2 && !(rights & LWM2M_ACL_C))
		return true;
	aco = find(d, path->id[0], path->depth < 2 ? ANY_INSTANCE : path->id[1]);
	if (aco >= 0)
		return by_instance(d, (uint16_t)aco, c->ssid, rights);
	return path->id[0] != MODEL_OBJECT_SERVER || path->depth < 2 ||
	       path->id[1] == c->server;
}

/* /2/@id is about /@object/@instance and belongs to @ssid */
static int add(struct lwm2m_data *d, uint16_t id, uint16_t object, uint16_t instance,
	       uint16_t ssid)
{
	const struct lwm2m_value none = {
		.path = lwm2m_path_at(4, MODEL_OBJECT_ACCESS, id, ACL, 0),
		.type = MODEL_NONE,
	};
	int r = lwm2m_data_add(d, MODEL_OBJECT_ACCESS, id);

	if (r == 0)
		r = lwm2m_data_set_int(d, MODEL_OBJECT_ACCESS, id, OBJECT, object);
	if (r == 0)
		r = lwm2m_data_set_int(d, MODEL_OBJECT_ACCESS, id, INSTANCE, instance);
	if (r == 0)
		r = lwm2m_data_set(d, &none);
	if (r == 0)
		r = lwm2m_data_set_int(d, MODEL_OBJECT_ACCESS, id, OWNER, ssid);
	return r;
}

static int end(struct lwm2m_data *d, bool own, int r)
{
	if (!own)
		return r;
	if (r == 0)
		return lwm2m_data_commit(d);
	lwm2m_data_rollback(d);
	return r;
}

int lwm2m_acl_created(struct lwm2m_client *c, uint16_t object, uint16_t instance)
{
	const struct lwm2m_object *o = lwm2m_object(object);
	struct lwm2m_data *d = c->shared->data;
	bool own = !lwm2m_data_in_transaction(d);
	int32_t id;
	int r;

	if (!several_servers(d) || (o && o->own))
		return 0;
	r = lwm2m_acl_deleted(c, object, instance); /* of an earlier life of that number */
	id = lwm2m_data_free_instance(d, MODEL_OBJECT_ACCESS);
	if (r == 0 && id < 0)
		r = -ENOSPC;
	if (r == 0 && own)
		r = lwm2m_data_begin(d);
	if (r < 0)
		return r;
	return end(d, own, add(d, (uint16_t)id, object, instance, c->ssid));
}

int lwm2m_acl_deleted(struct lwm2m_client *c, uint16_t object, uint16_t instance)
{
	int32_t aco = find(c->shared->data, object, instance);
	struct lwm2m_path path;

	if (aco < 0)
		return 0;
	path = lwm2m_path_at(2, MODEL_OBJECT_ACCESS, (uint16_t)aco, 0, 0);
	return lwm2m_data_remove(c->shared->data, &path);
}

/*
 * Who comes after an owner that is gone: of the servers that have an entry, the
 * one with the most to say, Write and Delete (8.1.3); 0: there is none.
 */
static uint16_t successor(const struct lwm2m_set *acl)
{
	unsigned int best = 0;
	uint16_t ssid = 0;

	for (size_t i = 0; i < acl->n; i++) {
		unsigned int weight = 1; /* of an entry without either */

		if (acl->v[i].type != MODEL_INTEGER || acl->v[i].path.id[3] == 0)
			continue;
		weight += (acl->v[i].i & LWM2M_ACL_W) != 0;
		weight += (acl->v[i].i & LWM2M_ACL_D) != 0;
		if (weight > best) {
			best = weight;
			ssid = acl->v[i].path.id[3];
		}
	}
	return ssid;
}

static int one_gone(struct lwm2m_data *d, uint16_t aco, uint16_t ssid)
{
	const struct lwm2m_path mine = lwm2m_path_at(4, MODEL_OBJECT_ACCESS, aco, ACL, ssid);
	const struct lwm2m_path self = lwm2m_path_at(2, MODEL_OBJECT_ACCESS, aco, 0, 0);
	struct lwm2m_set acl = {0};
	struct lwm2m_path target;
	uint16_t next;
	int r = lwm2m_data_remove(d, &mine);

	if (r < 0 && r != -ENOENT)
		return r;
	if (lwm2m_data_int(d, MODEL_OBJECT_ACCESS, aco, OWNER, NO_OWNER) != ssid)
		return 0;
	r = lwm2m_data_read(d, MODEL_OBJECT_ACCESS, aco, ACL, &acl);
	next = successor(&acl);
	lwm2m_set_clear(&acl);
	if (r < 0)
		return r;
	if (next != 0)
		return lwm2m_data_set_int(d, MODEL_OBJECT_ACCESS, aco, OWNER, next);
	/* nobody's any more: it goes, and what it is about too */
	target = lwm2m_path_at(
		2, (uint16_t)lwm2m_data_int(d, MODEL_OBJECT_ACCESS, aco, OBJECT, 0),
		(uint16_t)lwm2m_data_int(d, MODEL_OBJECT_ACCESS, aco, INSTANCE, ANY_INSTANCE),
		0, 0);
	r = lwm2m_data_remove(d, &self);
	if (r == 0 && lwm2m_data_has(d, target.id[0], target.id[1]))
		r = lwm2m_data_remove(d, &target);
	return r;
}

int lwm2m_acl_server_gone(struct lwm2m_data *d, uint16_t ssid)
{
	uint16_t ids[LWM2M_DATA_INSTANCES_MAX];
	size_t n = lwm2m_data_instances(d, MODEL_OBJECT_ACCESS, ids, LWM2M_DATA_INSTANCES_MAX);
	bool own = !lwm2m_data_in_transaction(d);
	int r = own ? lwm2m_data_begin(d) : 0;

	if (r < 0)
		return r;
	for (size_t i = 0; i < n && r == 0; i++)
		r = one_gone(d, ids[i], ssid);
	return end(d, own, r);
}
