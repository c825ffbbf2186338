// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdio.h>

#include "content/words.h"
#include "job/job.h"

void content_words(char *words, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(words, CONTENT_WORDS_MAX, format, ap);
	va_end(ap);
}

int content_job_words(int ret, const struct job_error *err, char *words)
{
	if (ret < 0 && *err->code)
		content_words(words, "%s%s%s", err->code, *err->detail ? ": " : "",
			      err->detail);
	return ret;
}
