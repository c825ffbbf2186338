// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdio.h>

#include "gp/error.h"

int gp_fail(struct gp_error *err, int error, const char *code, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return error;
	snprintf(err->code, sizeof(err->code), "%s", code);
	va_start(ap, fmt);
	vsnprintf(err->detail, sizeof(err->detail), fmt, ap);
	va_end(ap);
	return error;
}
