// SPDX-License-Identifier: Apache-2.0
/*
 * What an SE may answer to the operations of keys: input is which operation (low nibble of
 * the first byte: kind, high: application), then answers, each a length byte and that many
 * bytes, the last two of which are the status word. Then the rest as a reference.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "keys/keyop.h"

#define ROUNDS 400

static void check(bool what)
{
	if (!what)
		abort();
}

static void fuzz_ref(const uint8_t *data, size_t size)
{
	struct seref ref;
	char *copy = malloc(size + 1);

	if (!copy)
		return;
	memcpy(copy, "se:", size < 3 ? size : 3);
	if (size > 3)
		memcpy(copy + 3, data + 3, size - 3);
	if (!seref_parse(&ref, copy, size, false, NULL)) {
		check(ref.kind != SEREF_NONE || size < 3);
		check(ref.kind != SEREF_VAULT || ref.id_len == 1);
		check(ref.id_len <= sizeof(ref.id));
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t cmd[SE_CAPDU_MAX], out[2048];
	struct job_exchange_params p = {0};
	struct job_exchange_answer a = {0};
	struct keyop op = {.out = out, .room = sizeof(out), .want = 48};
	uint8_t *answer;
	size_t n;
	int r;

	if (size < 1)
		return 0;
	op.kind = (enum keyop_kind)((data[0] & 0x0f) % 5);
	op.ref.kind = data[0] & 0x10 ? SEREF_VAULT : SEREF_IOTSAFE;
	op.ref.id_len = op.ref.kind == SEREF_VAULT || !(data[0] & 0x20) ? 1 : SEREF_ID_MAX;
	op.in_len = op.kind == KEYOP_SIGN    ? 48
		    : op.kind == KEYOP_AGREE ? KEYOP_POINT
		    : op.kind == KEYOP_PRF   ? 77
					     : 0;
	check(!keyop_target(&op, &p) && p.aid_len >= 5 && p.nr_rules);
	fuzz_ref(data, size);
	data++;
	size--;
	r = keyop_next(&op, &a, cmd, sizeof(cmd));
	for (unsigned int i = 0; r > 0 && i < ROUNDS; i++) {
		check(r >= 4 && r <= 4 + 1 + 255 + 1 && cmd[0] == 0x80);
		check(op.out_len <= op.room);
		n = size ? data[0] : 0;
		if (size < 1 || n > size - 1 || n < 2)
			return 0;
		answer = malloc(n - 2 ? n - 2 : 1);
		if (!answer)
			return 0;
		memcpy(answer, data + 1, n - 2);
		a.index++;
		a.data = answer;
		a.len = n - 2;
		a.sw = (uint16_t)(data[n - 1] << 8 | data[n]);
		data += n + 1;
		size -= n + 1;
		r = keyop_next(&op, &a, cmd, sizeof(cmd));
		free(answer);
	}
	check(r <= 0 || op.kind == KEYOP_READ);
	check(op.out_len <= op.room);
	if (!r && op.kind == KEYOP_SIGN)
		check(op.out_len == KEYOP_SIGNATURE);
	if (!r && op.kind == KEYOP_PUBLIC)
		check(op.out_len == KEYOP_POINT);
	if (!r && op.kind == KEYOP_AGREE)
		check(op.out_len == KEYOP_SCALAR);
	if (!r && op.kind == KEYOP_PRF)
		check(op.out_len == 48);
	return 0;
}
