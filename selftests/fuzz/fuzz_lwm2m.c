// SPDX-License-Identifier: Apache-2.0
/*
 * The whole client, registered, against a hostile server: the input is a row of
 * datagrams, each after one byte that says how many seconds pass and two of
 * length. Secure elements and scripts are those of the unit tests.
 */
#include <stdlib.h>

#define LWM2M_WORLD_FUZZ
#include "unit/lwm2m_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *state;
	struct world *w;
	struct coap_msg m;

	setup(&state);
	w = state;
	register_11(w);
	while (size > 3) {
		size_t len = (size_t)data[1] << 8 | data[2];
		uint8_t *copy;

		w->now += (uint64_t)data[0] * 1000;
		data += 3;
		size -= 3;
		if (len > size)
			len = size;
		copy = malloc(len ? len : 1);
		memcpy(copy, data, len);
		lwm2m_client_input(w->c, w->now, copy, len);
		free(copy);
		data += len;
		size -= len;
		w->head = w->tail;
		/* what the job's worker would do meanwhile */
		if (w->scripts[0].s.state == MODEL_SCRIPT_QUEUED)
			set_response(&w->scripts[0], 3000, (uint8_t)size);
		lwm2m_client_changed(w->c, w->now, MODEL_OBJECT_SCRIPT, -1);
		w->head = w->tail;
		lwm2m_client_tick(w->c, w->now);
		while (receive(w, &m))
			;
	}
	teardown(&state);
	return 0;
}
