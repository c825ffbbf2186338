// SPDX-License-Identifier: Apache-2.0
/*
 * When to try again: resources 17 to 20 of object 1 (LwM2M core 1.1, 6.2.1.1).
 *
 * A sequence is @retry_count attempts, with @retry_timer * 2^(n-1) after the n-th
 * of them; @sequence_count sequences, with @sequence_delay between them, are a
 * failed registration. Up to half of each wait is added at random: a thousand
 * devices that lost their server at once must not come back in step.
 */
#include "lwm2m/internal.h"

#define WAIT_MAX_S 86400U

static uint64_t wait_ms(uint64_t s, uint32_t random)
{
	return s * 1000 + random % (s * 500 + 1);
}

uint64_t lwm2m_retry_failed(struct lwm2m_reg *reg, uint32_t random, uint64_t at_least,
			    bool *over)
{
	const struct lwm2m_server *s = &reg->server;
	uint64_t wait;

	*over = false;
	if (++reg->attempt < s->retry_count) {
		unsigned int shift = reg->attempt - 1 < 17 ? reg->attempt - 1 : 17;

		wait = (uint64_t)s->retry_timer << shift;
		wait = wait_ms(wait < WAIT_MAX_S ? wait : WAIT_MAX_S, random);
	} else {
		reg->attempt = 0;
		if (++reg->sequence >= s->sequence_count) {
			reg->sequence = 0;
			*over = true;
		}
		if (s->sequence_delay == LWM2M_NO_SEQUENCE)
			return LWM2M_NEVER;
		wait = wait_ms(s->sequence_delay, random);
	}
	/* a retry timer of 0 is allowed and must not make a busy loop */
	if (wait < 1000)
		wait = 1000;
	return wait > at_least ? wait : at_least + random % 1000;
}

void lwm2m_retry_succeeded(struct lwm2m_reg *reg)
{
	reg->attempt = reg->sequence = 0;
}
