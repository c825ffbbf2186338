// SPDX-License-Identifier: Apache-2.0
/*
 * The SE's end of T=1. Input: one byte that chooses dialect and faults, then pieces,
 * each with a control byte in front. Below 0x80 it is the length of an access with
 * raw bytes; from 0x80 on the bytes are PCB and INF of a block that gets a right
 * frame, so that what lies behind the checksum is reached; 0xff lets time pass.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "softse/t1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned int sent, allowed;
static struct t1 t;
static struct fault_script faults;

static void on_send(void *ctx, const uint8_t *block, size_t len)
{
	const struct t1_dialect *d = t.params.dialect;
	size_t head = 2U + d->len_bytes;

	(void)ctx;
	sent++;
	if (faults.n)
		return;
	/* without faults what leaves is always a whole, valid block */
	if (len < head + t1_edc_len(d) || block[0] != t.params.nad_se ||
	    !t1_edc_good(d, block, len) ||
	    (d->len_bytes == 2 ? (size_t)(block[2] << 8 | block[3]) : block[2]) !=
		    len - head - t1_edc_len(d))
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

static void choose(uint8_t how)
{
	static const char *const dialects[] = {"gp", "iso-lrc", "iso-crc", "nxp", "um11225"};
	static const char *const scripts[] = {
		"drop:every=3",	       "duplicate:every=2",  "late:every=3,ms=150",
		"reset:n=3",	       "abort:every=3",	     "ifs:every=2",
		"wtx:every=2,times=2", "stale:every=3",	     "mute:n=4,ms=250",
		"r-error:every=4",     "corrupt:ppm=300000", "truncate:every=3",
		"wrong-len:every=4",   "noise:every=3",
	};
	const struct t1_user user = {NULL, on_send, on_execute, on_reset, NULL};
	struct t1_params p;
	char err[128];

	faults = (struct fault_script){0};
	/* half of the inputs run without faults */
	for (size_t i = 0; how & 0x80 && i < 2; i++)
		if (fault_add(&faults, scripts[(how / 5 + 5 * i) % 14], err, sizeof(err)))
			abort();
	t1_params_default(&p, t1_dialect(dialects[how % 5]));
	p.ifs_request = how & 0x40;
	t1_init(&t, &p, &user, &faults);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t block[256];
	uint64_t now = 0;

	if (!size)
		return 0;
	choose(*data++);
	size--;
	sent = allowed = 0;
	while (size) {
		uint8_t control = *data++;
		size_t n = control & 0x7f;

		size--;
		if (control == 0xff) {
			now += 100000;
			allowed += 2;
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
			const struct t1_dialect *d = t.params.dialect;
			size_t head = t1_put_head(d, block, t.params.nad_host, data[0], n - 1);

			memcpy(block + head, data + 1, n - 1);
			n = t1_put_edc(d, block, head + n - 1);
			allowed += (unsigned int)n;
			t1_input(&t, block, n, now);
			n -= head - 1 + t1_edc_len(d);
		}
		data += n;
		size -= n;
		/* a fault sends noise in front, or the block twice, or a late one with it */
		if (sent > (faults.n ? 4 * allowed : allowed))
			abort(); /* talks unasked */
	}
	return 0;
}
