// SPDX-License-Identifier: Apache-2.0
/*
 * Objects 9 Software Management and 5 Firmware Update over packages.h. Both are
 * a package that is written in blocks and then run; their states are one machine
 * under two numberings.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "content/packages.h"
#include "lwm2m/app-args.h"
#include "lwm2m/reading.h"

static const struct content_package *get(struct lwm2m_client *c, uint16_t object,
					 uint16_t instance)
{
	return c->shared->packages
		       ? content_packages_get(c->shared->packages, c->origin, object, instance)
		       : NULL;
}

static int gone(uint16_t object, uint16_t instance, char *words)
{
	content_words(words, "/%u/%u is gone", object, instance);
	return COAP_404_NOT_FOUND;
}

static int code(int ret)
{
	return ret < 0 ? lwm2m_errno_code(ret) : 0;
}

/* ---- object 9 ------------------------------------------------------------------------- */

static size_t instances(struct lwm2m_client *c, uint16_t *ids, size_t room)
{
	return c->shared->packages ? content_packages_list(c->shared->packages, c->origin,
							   MODEL_OBJECT_SOFTWARE, ids, room)
				   : 0;
}

/* Instances that the package made, as far as the registry has been read since. */
static void put_components(struct lwm2m_reading *r, const struct lwm2m_client *c,
			   const struct content_package *p)
{
	uint16_t se = p->se < 0 ? 0 : (uint16_t)p->se, n = 0;

	if (p->state != MODEL_SOFTWARE_INSTALLED || !c->shared->apps)
		return;
	for (size_t i = 0; i < p->nr_aids; i++) {
		const struct content_app *app =
			content_apps_find(c->shared->apps, se, &p->aids[i]);

		if (app && app->entry.kind == GP_KIND_APP)
			lwm2m_put_link_at(r, MODEL_SOFTWARE_COMPONENTS, n++,
					  MODEL_OBJECT_COMPONENT, app->id);
	}
	if (n == 0)
		lwm2m_put_none(r, MODEL_SOFTWARE_COMPONENTS);
	lwm2m_put_integer(r, MODEL_SOFTWARE_COUNT, n);
}

static int read(struct lwm2m_client *c, uint16_t instance, int32_t rid, struct lwm2m_set *set,
		char *words)
{
	struct lwm2m_reading r = {MODEL_OBJECT_SOFTWARE, instance, rid, set, 0};
	const struct content_package *p = get(c, MODEL_OBJECT_SOFTWARE, instance);

	if (!p)
		return gone(MODEL_OBJECT_SOFTWARE, instance, words);
	lwm2m_put_string(&r, MODEL_SOFTWARE_NAME, p->name);
	lwm2m_put_string(&r, MODEL_SOFTWARE_VERSION, p->version);
	lwm2m_put_integer(&r, MODEL_SOFTWARE_STATE, p->state);
	lwm2m_put_boolean(&r, MODEL_SOFTWARE_UPDATE_OBJECTS, p->update_objects);
	lwm2m_put_integer(&r, MODEL_SOFTWARE_RESULT, p->result);
	lwm2m_put_boolean(&r, MODEL_SOFTWARE_ACTIVE, p->active);
	if (p->se >= 0)
		lwm2m_put_link(&r, MODEL_SOFTWARE_SETTINGS, MODEL_OBJECT_SE, (uint16_t)p->se);
	lwm2m_put_string(&r, MODEL_SOFTWARE_REASON, p->reason);
	put_components(&r, c, p);
	return r.ret;
}

static int chunk(struct lwm2m_client *c, uint16_t instance, uint64_t offset, const uint8_t *p,
		 size_t len, bool last, char *words)
{
	return code(content_packages_write(c->shared->packages, c->origin,
					   MODEL_OBJECT_SOFTWARE, instance, offset, p, len,
					   last, words));
}

static int take_settings(struct lwm2m_client *c, const struct lwm2m_value *v, int32_t *se,
			 char *words)
{
	*se = -1;
	if (v->type == MODEL_NONE)
		return 0;
	if (v->object != MODEL_OBJECT_SE ||
	    !lwm2m_has_instance(c, &lwm2m_object_se, v->instance)) {
		content_words(words, "/9/x/13: there is no secure element /%u/%u", v->object,
			      v->instance);
		return COAP_400_BAD_REQUEST;
	}
	*se = v->instance;
	return 0;
}

static int write(struct lwm2m_client *c, uint16_t instance, const struct lwm2m_value *v,
		 size_t n, bool replace, char *words)
{
	const struct content_package *p = get(c, MODEL_OBJECT_SOFTWARE, instance);
	const struct lwm2m_value *package = NULL;
	bool settings = replace, update;
	int32_t se;
	int ret = 0;

	if (!p)
		return gone(MODEL_OBJECT_SOFTWARE, instance, words);
	se = replace ? -1 : p->se;
	update = !replace && p->update_objects;
	for (size_t i = 0; i < n && ret == 0; i++) {
		switch (v[i].path.id[2]) {
		case MODEL_SOFTWARE_PACKAGE:
			package = &v[i];
			break;
		case MODEL_SOFTWARE_URI:
			content_packages_reset(c->shared->packages, c->origin,
					       MODEL_OBJECT_SOFTWARE, instance, 56, words);
			content_words(words, "/9/x/3: write the package to /9/%u/2 instead",
				      instance);
			return COAP_400_BAD_REQUEST;
		case MODEL_SOFTWARE_UPDATE_OBJECTS:
			update = v[i].i != 0;
			settings = true;
			break;
		case MODEL_SOFTWARE_SETTINGS:
			ret = take_settings(c, &v[i], &se, words);
			settings = true;
			break;
		}
	}
	if (ret == 0 && settings)
		ret = code(content_packages_set(c->shared->packages, c->origin,
						MODEL_OBJECT_SOFTWARE, instance, se, update,
						words));
	if (ret == 0 && package)
		ret = chunk(c, instance, 0, package->p, package->len, true, words);
	return ret;
}

static int install(struct lwm2m_client *c, uint16_t instance, const struct lwm2m_args *args,
		   char *words)
{
	const struct lwm2m_arg *keys = lwm2m_args_find(args, 0);
	struct gp_aid sd, aid;
	char keyset[64];
	int ret = lwm2m_arg_aid(args, 1, &sd, words);

	if (ret == 0)
		ret = lwm2m_arg_aid(args, 2, &aid, words);
	if (ret != 0)
		return ret;
	if (keys && keys->len >= sizeof(keyset)) {
		content_words(words, "argument 0 is not the name of a key set");
		return COAP_400_BAD_REQUEST;
	}
	snprintf(keyset, sizeof(keyset), "%.*s", keys ? (int)keys->len : 0,
		 keys ? keys->value : "");
	return code(content_packages_run(c->shared->packages, c->origin, MODEL_OBJECT_SOFTWARE,
					 instance, CONTENT_PACKAGE_INSTALL, keyset, &sd, &aid,
					 words));
}

static int uninstall(struct lwm2m_client *c, uint16_t instance, char *words)
{
	const struct content_package *p = get(c, MODEL_OBJECT_SOFTWARE, instance);

	/* nothing is on the card yet: only the bytes go */
	if (p && p->state != MODEL_SOFTWARE_INSTALLED)
		return code(content_packages_reset(c->shared->packages, c->origin,
						   MODEL_OBJECT_SOFTWARE, instance,
						   MODEL_SOFTWARE_NONE, words));
	return code(content_packages_run(c->shared->packages, c->origin, MODEL_OBJECT_SOFTWARE,
					 instance, CONTENT_PACKAGE_UNINSTALL, NULL, NULL, NULL,
					 words));
}

static int execute(struct lwm2m_client *c, uint16_t instance, uint16_t rid,
		   const struct lwm2m_args *args, char *words)
{
	if (!get(c, MODEL_OBJECT_SOFTWARE, instance))
		return gone(MODEL_OBJECT_SOFTWARE, instance, words);
	if (rid == MODEL_SOFTWARE_INSTALL)
		return install(c, instance, args, words);
	if (rid == MODEL_SOFTWARE_UNINSTALL)
		return uninstall(c, instance, words);
	return code(content_packages_run(
		c->shared->packages, c->origin, MODEL_OBJECT_SOFTWARE, instance,
		rid == MODEL_SOFTWARE_ACTIVATE ? CONTENT_PACKAGE_ACTIVATE
					       : CONTENT_PACKAGE_DEACTIVATE,
		NULL, NULL, NULL, words));
}

static int create(struct lwm2m_client *c, uint16_t instance, char *words)
{
	if (!c->shared->packages) {
		content_words(words, "there is no secure element to install anything on");
		return COAP_405_METHOD_NOT_ALLOWED;
	}
	return code(content_packages_create(c->shared->packages, c->origin,
					    MODEL_OBJECT_SOFTWARE, instance, words));
}

static int remove_instance(struct lwm2m_client *c, uint16_t instance, char *words)
{
	return code(content_packages_remove(c->shared->packages, c->origin,
					    MODEL_OBJECT_SOFTWARE, instance, words));
}

const struct lwm2m_object lwm2m_object_software = {
	.id = MODEL_OBJECT_SOFTWARE,
	.own = true,
	.instances = instances,
	.read = read,
	.write = write,
	.execute = execute,
	.create = create,
	.remove = remove_instance,
	.stream = MODEL_SOFTWARE_PACKAGE,
	.chunk = chunk,
};

/* ---- object 5 ------------------------------------------------------------------------- */

enum { IDLE, DOWNLOADING, DOWNLOADED, UPDATING };

/* The one instance; what is kept of it is made when it is first written to. */
static int need(struct lwm2m_client *c, char *words)
{
	if (get(c, MODEL_OBJECT_FIRMWARE, 0))
		return 0;
	return code(content_packages_create(c->shared->packages, c->origin,
					    MODEL_OBJECT_FIRMWARE, 0, words));
}

static size_t firmware_instances(struct lwm2m_client *c, uint16_t *ids, size_t room)
{
	if (!c->shared->packages || room == 0)
		return 0;
	ids[0] = 0;
	return 1;
}

static unsigned int firmware_state(const struct content_package *p)
{
	if (!p)
		return IDLE;
	if (p->op != CONTENT_PACKAGE_IDLE)
		return UPDATING;
	switch (p->state) {
	case MODEL_SOFTWARE_STARTED:
		return DOWNLOADING;
	case MODEL_SOFTWARE_DOWNLOADED:
	case MODEL_SOFTWARE_DELIVERED:
		return DOWNLOADED;
	default:
		return IDLE;
	}
}

/* Update Result of object 5 for that of object 9, or as it was set by a reset. */
static unsigned int firmware_result(const struct content_package *p)
{
	switch (p ? p->result : 0) {
	case MODEL_SOFTWARE_OK:
		return 1;
	case MODEL_SOFTWARE_NO_ROOM:
		return 2;
	case MODEL_SOFTWARE_LOST:
		return 4;
	case MODEL_SOFTWARE_BAD:
		return 5;
	case MODEL_SOFTWARE_UNSUPPORTED:
		return 6;
	case MODEL_SOFTWARE_ERROR:
	case MODEL_SOFTWARE_INSTALL_FAILED:
		return 8;
	case 9:	 /* a URI was written */
	case 10: /* Cancel */
		return p->result;
	default:
		return 0;
	}
}

static int read_firmware(struct lwm2m_client *c, uint16_t instance, int32_t rid,
			 struct lwm2m_set *set, char *words)
{
	struct lwm2m_reading r = {MODEL_OBJECT_FIRMWARE, instance, rid, set, 0};
	const struct content_package *p = get(c, MODEL_OBJECT_FIRMWARE, instance);

	(void)words;
	lwm2m_put_string(&r, MODEL_FIRMWARE_URI, "");
	lwm2m_put_integer(&r, MODEL_FIRMWARE_STATE, firmware_state(p));
	lwm2m_put_integer(&r, MODEL_FIRMWARE_RESULT, firmware_result(p));
	lwm2m_put_integer(&r, MODEL_FIRMWARE_METHOD, 1);
	return r.ret;
}

static int reset_firmware(struct lwm2m_client *c, unsigned int result, char *words)
{
	int ret = need(c, words);

	return ret != 0 ? ret
			: code(content_packages_reset(c->shared->packages, c->origin,
						      MODEL_OBJECT_FIRMWARE, 0, result, words));
}

static int firmware_chunk(struct lwm2m_client *c, uint16_t instance, uint64_t offset,
			  const uint8_t *p, size_t len, bool last, char *words)
{
	int ret = need(c, words);

	if (ret != 0)
		return ret;
	/* an empty package, or one of one zero: back to the beginning */
	if (offset == 0 && last && (len == 0 || (len == 1 && p[0] == 0)))
		return reset_firmware(c, MODEL_SOFTWARE_NONE, words);
	/* what was updated before is over */
	if (offset == 0 && get(c, MODEL_OBJECT_FIRMWARE, 0)->state == MODEL_SOFTWARE_INSTALLED)
		ret = reset_firmware(c, MODEL_SOFTWARE_NONE, words);
	return ret != 0 ? ret
			: code(content_packages_write(c->shared->packages, c->origin,
						      MODEL_OBJECT_FIRMWARE, instance, offset,
						      p, len, last, words));
}

static int write_firmware(struct lwm2m_client *c, uint16_t instance,
			  const struct lwm2m_value *v, size_t n, bool replace, char *words)
{
	int ret = 0;

	(void)replace;
	for (size_t i = 0; i < n && ret == 0; i++) {
		if (v[i].path.id[2] == MODEL_FIRMWARE_PACKAGE)
			ret = firmware_chunk(c, instance, 0, v[i].p, v[i].len, true, words);
		else if (v[i].path.id[2] == MODEL_FIRMWARE_URI)
			ret = reset_firmware(c, v[i].len ? 9 : MODEL_SOFTWARE_NONE, words);
	}
	return ret;
}

static int execute_firmware(struct lwm2m_client *c, uint16_t instance, uint16_t rid,
			    const struct lwm2m_args *args, char *words)
{
	const struct content_package *p = get(c, MODEL_OBJECT_FIRMWARE, instance);

	(void)args;
	if (rid == MODEL_FIRMWARE_CANCEL && firmware_state(p) != IDLE)
		return reset_firmware(c, 10, words);
	if (!p || rid == MODEL_FIRMWARE_CANCEL) {
		content_words(words, "/5/0/3 is 0: there is nothing to update with");
		return COAP_405_METHOD_NOT_ALLOWED;
	}
	return code(content_packages_run(c->shared->packages, c->origin, MODEL_OBJECT_FIRMWARE,
					 instance, CONTENT_PACKAGE_INSTALL, "", NULL, NULL,
					 words));
}

const struct lwm2m_object lwm2m_object_firmware = {
	.id = MODEL_OBJECT_FIRMWARE,
	.own = true,
	.instances = firmware_instances,
	.read = read_firmware,
	.write = write_firmware,
	.execute = execute_firmware,
	.stream = MODEL_FIRMWARE_PACKAGE,
	.chunk = firmware_chunk,
};
