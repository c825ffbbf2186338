// SPDX-License-Identifier: Apache-2.0
/*
 * Object instances as they are kept (lwm2m/data-file.c), read from bytes that a
 * disk or another program put there. What was understood is written and must be
 * understood again, to the same bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "lwm2m/data-priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void clear(struct data_inst *in)
{
	for (size_t i = 0; i < in->n; i++)
		free((void *)(uintptr_t)in->v[i].p);
	free(in->v);
	memset(in, 0, sizeof(*in));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t objects[] = {0, 1, 2, 16, 19, 21, 3};
	struct data_inst in = {.refs = 1}, again = {.refs = 1};
	struct model_buf out = {.max = STORE_VALUE_MAX};
	struct model_buf second = {.max = STORE_VALUE_MAX};
	char words[CONTENT_WORDS_MAX];

	if (size < 1)
		return 0;
	in.object = again.object = objects[*data % (sizeof(objects) / sizeof(objects[0]))];
	if (data_inst_read(&in, data + 1, size - 1, words) == 0) {
		data_inst_write(&in, &out);
		if (out.error == 0) {
			if (data_inst_read(&again, out.p, out.len, words) != 0 ||
			    again.n != in.n)
				abort();
			data_inst_write(&again, &second);
			if (second.len != out.len || memcmp(second.p, out.p, out.len) != 0)
				abort();
		}
	}
	model_buf_free(&out);
	model_buf_free(&second);
	clear(&in);
	clear(&again);
	return 0;
}
