// SPDX-License-Identifier: Apache-2.0
/* CAP files in load-file form. What is accepted has names that are names. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "softse/cap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *why = NULL;
	struct cap cap;

	if (cap_parse(data, size, &cap, &why)) {
		if (!why)
			abort(); /* refused without a word */
		return 0;
	}
	if (why || !cap_is(data, size) || cap.package.len < 5 || cap.n_modules > ELF_MODULES ||
	    cap.n_imports > ELF_IMPORTS)
		abort();
	for (size_t i = 0; i < cap.n_modules; i++)
		if (cap.modules[i].len < 5 || cap.modules[i].len > 16)
			abort();
	for (size_t i = 0; i < cap.n_imports; i++)
		cap_platform(&cap.imports[i]);
	return 0;
}
