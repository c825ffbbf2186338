// SPDX-License-Identifier: Apache-2.0
/* Execute. None of our resources takes arguments; what is sent is not looked at. */
#include "lwm2m/internal.h"

int lwm2m_dm_execute(struct lwm2m_client *c, const struct lwm2m_path *path, char *words)
{
	const struct lwm2m_object *object;
	struct lwm2m_path instance = *path;
	int code = lwm2m_dm_check(c, path, MODEL_E, words);

	if (code != 0)
		return code;
	object = lwm2m_object(path->id[0]);
	if (!object->execute) {
		lwm2m_words(words, "object %u has nothing to execute", path->id[0]);
		return COAP_405_METHOD_NOT_ALLOWED;
	}
	code = object->execute(c, path->id[1], path->id[2], words);
	instance.depth = 2;
	lwm2m_dm_changed(c, &instance);
	return code;
}
