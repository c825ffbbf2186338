// SPDX-License-Identifier: Apache-2.0
/* Object 3, Device. */
#include <errno.h>
#include <string.h>

#include "lwm2m/internal.h"

enum {
	MANUFACTURER,
	MODEL,
	SERIAL,
	FIRMWARE,
	REBOOT,
	ERROR = 11,
	RESET_ERROR,
	TIME,
	BINDING = 16
};

static size_t instances(struct lwm2m_client *c, uint16_t *ids, size_t room)
{
	(void)c;
	if (room > 0)
		ids[0] = 0;
	return room > 0;
}

static int add(struct lwm2m_set *set, int32_t rid, struct lwm2m_value v)
{
	if (rid >= 0 && rid != v.path.id[2])
		return 0;
	return lwm2m_set_add(set, &v) < 0 ? COAP_500_INTERNAL : 0;
}

static int add_string(struct lwm2m_set *set, int32_t rid, uint16_t id, const char *s)
{
	if (!s)
		return 0;
	return add(set, rid,
		   (struct lwm2m_value){
			   .path = lwm2m_path_at(3, MODEL_OBJECT_DEVICE, 0, id, 0),
			   .type = MODEL_STRING,
			   .p = (const uint8_t *)s,
			   .len = strlen(s),
		   });
}

/* one resource instance per error, or the code 0 */
static int add_errors(struct lwm2m_client *c, struct lwm2m_set *set, int32_t rid)
{
	struct lwm2m_value v = {.type = MODEL_INTEGER};
	uint16_t n = 0;
	int ret = 0;

	for (int64_t code = 1; code < 32 && ret == 0; code++) {
		if (!(c->shared->errors & 1U << code))
			continue;
		v.path = lwm2m_path_at(4, MODEL_OBJECT_DEVICE, 0, ERROR, n++);
		v.i = code;
		ret = add(set, rid, v);
	}
	if (n > 0 || ret != 0)
		return ret;
	v.path = lwm2m_path_at(4, MODEL_OBJECT_DEVICE, 0, ERROR, 0);
	return add(set, rid, v);
}

static int read(struct lwm2m_client *c, uint16_t instance, int32_t rid, struct lwm2m_set *set,
		char *words)
{
	const char *const strings[] = {c->manufacturer, c->model, c->serial, c->firmware};
	int ret = 0;

	(void)instance;
	(void)words;
	for (uint16_t i = MANUFACTURER; i <= FIRMWARE && ret == 0; i++)
		ret = add_string(set, rid, i, strings[i]);
	if (ret == 0)
		ret = add_errors(c, set, rid);
	if (ret == 0 && c->ops.clock)
		ret = add(set, rid,
			  (struct lwm2m_value){
				  .path = lwm2m_path_at(3, MODEL_OBJECT_DEVICE, 0, TIME, 0),
				  .type = MODEL_TIME,
				  .i = c->ops.clock(c->ctx),
			  });
	if (ret == 0)
		/* TCP came with 1.1 */
		ret = add_string(set, rid, BINDING, c->version < 11 ? "U" : "UT");
	return ret;
}

static int execute(struct lwm2m_client *c, uint16_t instance, uint16_t rid,
		   const struct lwm2m_args *args, char *words)
{
	const struct lwm2m_shared *s = c->shared;
	int r;

	(void)instance;
	(void)args;
	if (rid == RESET_ERROR) {
		c->shared->errors = 0;
		return 0;
	}
	r = s->ops && s->ops->reboot ? s->ops->reboot(s->ops_ctx) : -EOPNOTSUPP;
	if (r == 0)
		return 0;
	content_words(words, "/3/0/%u: the configuration of this device does not allow it",
		      REBOOT);
	return lwm2m_errno_code(r);
}

const struct lwm2m_object lwm2m_object_device = {
	.id = MODEL_OBJECT_DEVICE,
	.instances = instances,
	.read = read,
	.execute = execute,
};
