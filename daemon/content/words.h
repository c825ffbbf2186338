/* SPDX-License-Identifier: Apache-2.0 */
/* Errors in words, for whoever asked: what, where, what to try. */
#ifndef SESAME_CONTENT_WORDS_H
#define SESAME_CONTENT_WORDS_H

#define CONTENT_WORDS_MAX 256 /* room for an error in words, final NUL included */

struct job_error;

/** content_words() - an error in words, cut at CONTENT_WORDS_MAX. */
void content_words(char *words, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** content_job_words() - @ret, with the code and the words of @err in @words if it is one:
 * the code comes first, so that programs can look for it. */
int content_job_words(int ret, const struct job_error *err, char *words);

#endif /* SESAME_CONTENT_WORDS_H */
