// SPDX-License-Identifier: Apache-2.0
/*
 * Queue mode (LwM2M core 1.1, 6.5; 1.0: binding UQ): the server keeps its requests
 * until the device shows itself by an Update, a notification or a Send.
 *
 * The device is awake for MAX_TRANSMIT_WAIT after the last message either way; what
 * still comes then is served all the same, the server just must not count on it.
 */
#include "lwm2m/internal.h"

bool lwm2m_client_awake(const struct lwm2m_client *c, uint64_t *until)
{
	uint64_t end = c->reg.heard + LWM2M_MAX_TRANSMIT_WAIT_MS;
	bool awake = true;

	if (!lwm2m_registration_queue(c) || !c->registered) {
		end = LWM2M_NEVER;
	} else if (c->now >= end) {
		end = LWM2M_NEVER;
		awake = false;
	}
	if (until)
		*until = end;
	return awake;
}
