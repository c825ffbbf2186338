// SPDX-License-Identifier: Apache-2.0
/*
 * The SE's end of T=1'. Input: pieces, each with a control byte in front. Below
 * 0x80 it is the length of an access with raw bytes; from 0x80 on the bytes are
 * PCB and INF of a block that gets a right frame, so that what lies behind the
 * checksum is reached; 0xff lets time pass.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "softse/t1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned int sent, allowed;

static void on_send(void *ctx, const uint8_t *block, size_t len)
{
	uint16_t crc = t1_crc(block, len - 2);

	(void)ctx;
	sent++;
	/* what leaves is always a whole, valid block */
	if (len < 6 || block[0] != 0x12 || (size_t)(block[2] << 8 | block[3]) != len - 6 ||
	    block[len - 2] != crc >> 8 || block[len - 1] != (crc & 0xff))
		abort();
}

static size_t on_execute(void *ctx, uint32_t work, const uint8_t *cmd, size_t len, uint8_t *rsp,
			 uint64_t now, uint64_t *ready)
{
	(void)ctx;
	(void)work;
	*ready = now + (len ? cmd[0] * 10000ULL : 0);
	memset(rsp, 0xa5, len + 2 < T1_RAPDU_MAX ? len + 2 : T1_RAPDU_MAX);
	return len + 2 < T1_RAPDU_MAX ? len + 2 : T1_RAPDU_MAX;
}

static void on_reset(void *ctx)
{
	(void)ctx;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct t1 t;
	struct t1_user user = {NULL, on_send, on_execute, on_reset, NULL};
	struct t1_params p;
	uint8_t block[256];
	uint64_t now = 0;

	t1_params_default(&p, t1_dialect("gp"));
	t1_init(&t, &p, &user, NULL);
	sent = allowed = 0;
	while (size) {
		uint8_t control = *data++;
		size_t n = control & 0x7f;

		size--;
		if (control == 0xff) {
			now += 100000;
			allowed++;
			t1_tick(&t, now);
			if (t1_deadline(&t) < now)
				abort(); /* a deadline that never ends */
			continue;
		}
		if (n > size)
			n = size;
		now += 1000;
		if (control < 0x80) {
			allowed += (unsigned int)n;
			t1_input(&t, data, n, now);
		} else if (n) {
			uint16_t crc;

			block[0] = 0x21;
			block[1] = data[0];
			block[2] = 0;
			block[3] = (uint8_t)(n - 1);
			memcpy(block + 4, data + 1, n - 1);
			crc = t1_crc(block, 3 + n);
			block[3 + n] = (uint8_t)(crc >> 8);
			block[4 + n] = (uint8_t)crc;
			allowed += (unsigned int)n + 5;
			t1_input(&t, block, 5 + n, now);
		}
		data += n;
		size -= n;
		if (sent > allowed)
			abort(); /* talks unasked */
	}
	return 0;
}
