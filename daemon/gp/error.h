/* SPDX-License-Identifier: Apache-2.0 */
/* How gp/ says what went wrong: an errno, a code for programs, words for people. */
#ifndef SESAME_GP_ERROR_H
#define SESAME_GP_ERROR_H

/**
 * struct gp_error - why a function of gp/ failed
 * @code: for programs: lower case words joined by "-", stable ("bad-response",
 *	"too-long", "card-refused"); empty if there was no error
 * @detail: for people: one sentence without a full stop. Never holds keys,
 *	cryptograms or payload
 */
struct gp_error {
	char code[32];
	char detail[256];
};

/**
 * gp_fail() - note an error and return it
 * @err: filled in, earlier contents are replaced; may be NULL
 * @error: negative errno
 * @code: as struct gp_error.code
 * @fmt: printf() format of the detail
 *
 * Return: @error, so that "return gp_fail(...)" does both.
 */
int gp_fail(struct gp_error *err, int error, const char *code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif /* SESAME_GP_ERROR_H */
