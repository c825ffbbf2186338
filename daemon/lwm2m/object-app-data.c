// SPDX-License-Identifier: Apache-2.0
/* Object 19 BinaryAppDataContainer: what a server leaves here, kept as it is. */
#include "lwm2m/stored.h"

LWM2M_STORED_FUNCTIONS(MODEL_OBJECT_APP_DATA)

const struct lwm2m_object lwm2m_object_app_data = {
	.id = MODEL_OBJECT_APP_DATA,
	.instances = stored_instances,
	.read = stored_read,
	.write = stored_write,
	.create = stored_create,
	.remove = stored_remove,
};
