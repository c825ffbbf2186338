// SPDX-License-Identifier: Apache-2.0
/* Execute. What the arguments mean is up to the object. */
#include "lwm2m/internal.h"

int lwm2m_dm_execute(struct lwm2m_client *c, const struct lwm2m_path *path, const uint8_t *p,
		     size_t len, char *words)
{
	const struct lwm2m_object *object;
	struct lwm2m_path instance = *path;
	struct lwm2m_args args;
	int code = lwm2m_dm_check(c, path, MODEL_E, words);

	if (code != 0)
		return code;
	object = lwm2m_object(path->id[0]);
	if (!object->execute) {
		content_words(words, "object %u has nothing to execute", path->id[0]);
		return COAP_405_METHOD_NOT_ALLOWED;
	}
	if (lwm2m_args_parse(p, len, &args) < 0) {
		content_words(words, "the arguments are not a list as in 0='text',1");
		return COAP_400_BAD_REQUEST;
	}
	code = object->execute(c, path->id[1], path->id[2], &args, words);
	instance.depth = 2;
	lwm2m_changed(c, &instance);
	return code;
}
