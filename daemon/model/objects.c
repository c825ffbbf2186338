// SPDX-License-Identifier: Apache-2.0
/* The table of all objects; what is in them is in objects-*.c. */
#include "model/tables.h"

static const struct model_object *const objects[] = {
	&model_security,     &model_server,    &model_access,	     &model_device,
	&model_connectivity, &model_firmware,  &model_location,	     &model_statistics,
	&model_software,     &model_component, &model_portfolio,     &model_app_data,
	&model_event_log,    &model_oscore,    &model_rsp,	     &model_sim,
	&model_esim,	     &model_object_se, &model_object_script, &model_object_app,
};

const struct model_object *model_object_at(size_t i)
{
	return i < NR(objects) ? objects[i] : NULL;
}

const struct model_object *model_object(uint16_t id)
{
	for (size_t i = 0; i < NR(objects); i++)
		if (objects[i]->id == id)
			return objects[i];
	return NULL;
}

const struct model_resource *model_resource(const struct model_object *object, uint16_t id)
{
	for (size_t i = 0; i < object->nr; i++)
		if (object->resources[i].id == id)
			return &object->resources[i];
	return NULL;
}
