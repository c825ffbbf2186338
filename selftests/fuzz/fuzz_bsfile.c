// SPDX-License-Identifier: Apache-2.0
/* A bootstrap file: what is read and written again is read as the same values. */
#include <stdlib.h>
#include <string.h>

#include "lwm2m/bsfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const struct lwm2m_value *a, const struct lwm2m_value *b)
{
	if (!lwm2m_path_equal(&a->path, &b->path) || a->type != b->type)
		return false;
	if (a->type == MODEL_STRING || a->type == MODEL_OPAQUE)
		return a->len == b->len && memcmp(a->p, b->p, a->len) == 0;
	return a->i == b->i && a->object == b->object && a->instance == b->instance;
}

/* Instances in rising order and each once: what the encoder asks for. */
static bool sorted(const struct lwm2m_set *set)
{
	for (size_t i = 1; i < set->n; i++) {
		const uint16_t *a = set->v[i - 1].path.id, *b = set->v[i].path.id;

		for (unsigned int k = 0; k < 4; k++) {
			if (a[k] > b[k])
				return false;
			if (a[k] < b[k])
				break;
			if (k == 3 || (k == 2 && set->v[i].path.depth == 3))
				return false;
		}
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lwm2m_set set = {0}, again = {0};
	struct model_buf out = {.max = 2 * LWM2M_BSFILE_MAX};
	char words[CONTENT_WORDS_MAX];

	lwm2m_bsfile_size(data, size);
	if (lwm2m_bsfile_values(data, size, &set, NULL, words) < 0) {
		if (*words == '\0')
			abort();
		return 0;
	}
	if (sorted(&set)) {
		lwm2m_bsfile_encode(&set, &out);
		if (out.error == 0 && set.n > 0) {
			if (lwm2m_bsfile_values(out.p, out.len, &again, NULL, words) < 0 ||
			    again.n != set.n)
				abort();
			for (size_t i = 0; i < set.n; i++)
				if (!same(&set.v[i], &again.v[i]))
					abort();
		}
	}
	lwm2m_set_clear(&set);
	lwm2m_set_clear(&again);
	model_buf_free(&out);
	return 0;
}
