// SPDX-License-Identifier: Apache-2.0
/* Object 16 Portfolio: what a server leaves here, kept as it is. */
#include "lwm2m/stored.h"

LWM2M_STORED_FUNCTIONS(MODEL_OBJECT_PORTFOLIO)

const struct lwm2m_object lwm2m_object_portfolio = {
	.id = MODEL_OBJECT_PORTFOLIO,
	.instances = stored_instances,
	.read = stored_read,
	.write = stored_write,
	.create = stored_create,
	.remove = stored_remove,
};
