// SPDX-License-Identifier: Apache-2.0
/*
 * The parsers behind sockets and files. The first byte of the input chooses: vpcd
 * frames, T=1 over a stream, an ATR, a recording, a fault script.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "softse/fault.h"
#include "softse/frame.h"
#include "softse/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void frames(const uint8_t *data, size_t size)
{
	size_t n;

	while ((n = vpcd_frame(data, size))) {
		if (n > size || n < VPCD_HEAD)
			abort();
		data += n;
		size -= n;
	}
}

static void t1_frames(const uint8_t *data, size_t size)
{
	uint8_t again[T1S_FRAME_MAX];
	int n;

	while ((n = t1s_frame(data, size)) > 0) {
		if ((size_t)n > size ||
		    t1s_put(again, data[0], data + T1S_HEAD, (size_t)n - T1S_OVERHEAD) !=
			    (size_t)n ||
		    memcmp(again, data, (size_t)n) != 0)
			abort();
		data += n;
		size -= (size_t)n;
	}
	if (n < 0 && n != -EBADMSG)
		abort();
}

static void recording(const uint8_t *data, size_t size)
{
	struct recording rec;
	char err[64];

	if (record_parse(&rec, (const char *)data, size, err, sizeof(err)))
		return;
	for (size_t i = 0; i < rec.n; i++)
		if (rec.r[i].what == RECORD_COMMAND &&
		    (i + 1 == rec.n || rec.r[i + 1].what != RECORD_RESPONSE ||
		     rec.r[i + 1].len < 2))
			abort(); /* bridge-replay.c takes this for granted */
	record_free(&rec);
}

static void script(const uint8_t *data, size_t size)
{
	struct fault_script s = {0};
	char text[200], err[300];

	if (size >= sizeof(text))
		size = sizeof(text) - 1;
	memcpy(text, data, size);
	text[size] = 0;
	if (fault_add(&s, text, err, sizeof(err)))
		return;
	for (unsigned int i = 0; i < 20; i++)
		for (unsigned int kind = 0; kind < FAULT_KINDS; kind++)
			fault_strikes(&s, (enum fault_kind)kind, 1 + i % 15);
	if (s.f[0].count && s.f[0].struck > s.f[0].count)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t ifsc;
	int crc;

	if (!size)
		return 0;
	switch (data[0] % 5) {
	case 0:
		frames(data + 1, size - 1);
		break;
	case 1:
		t1_frames(data + 1, size - 1);
		break;
	case 2:
		if (atr_t1(data + 1, size - 1, &ifsc, &crc) >= 0 && (!ifsc || ifsc == 0xff))
			abort();
		break;
	case 3:
		recording(data + 1, size - 1);
		break;
	default:
		script(data + 1, size - 1);
	}
	return 0;
}
