/* SPDX-License-Identifier: Apache-2.0 */
/* Golden vectors of commands and answers, for the tests of daemon/gp. */
#ifndef SESAME_UNIT_GP_HEX_H
#define SESAME_UNIT_GP_HEX_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "gp/apdu.h"
#include "libse/se.h"

#define GP_HEX_MAX 2048

/** struct gp_hex - up to GP_HEX_MAX bytes that were written as hex digits and blanks */
struct gp_hex {
	uint8_t p[GP_HEX_MAX];
	size_t len;
};

static inline struct gp_hex gp_hex(const char *text)
{
	char digits[2 * GP_HEX_MAX + 1] = "";
	struct gp_hex h = {.len = 0};
	size_t n = 0;

	for (; *text; text++)
		if (*text != ' ') {
			assert_true(n < sizeof(digits) - 1);
			digits[n++] = *text;
		}
	assert_int_equal(se_from_hex(digits, n, h.p, sizeof(h.p), &h.len), 0);
	return h;
}

static inline struct gp_bytes gp_hex_bytes(const struct gp_hex *h)
{
	return (struct gp_bytes){h->p, h->len};
}

static inline struct gp_aid gp_hex_aid(const char *text)
{
	struct gp_hex h = gp_hex(text);
	struct gp_aid aid;

	assert_int_equal(gp_aid_set(&aid, h.p, h.len), 0);
	return aid;
}

/* @apdu is these bytes, in short form; it is used up */
static inline void expect(struct gp_apdu *apdu, const char *bytes)
{
	struct gp_hex want = gp_hex(bytes);
	char text[2 * (5 + 255 + 1) + 1];
	uint8_t got[5 + 255 + 1];
	struct gp_error err;
	char wanted[sizeof(text)];
	size_t len;

	assert_int_equal(gp_apdu_encode(apdu, NULL, 0, got, sizeof(got), &len, &err), 0);
	se_to_hex(text, got, len);
	assert_true(want.len <= sizeof(got));
	se_to_hex(wanted, want.p, want.len);
	assert_string_equal(text, wanted);
	gp_apdu_clear(apdu);
}

static inline void refused(struct gp_apdu *apdu, int ret, int error, const struct gp_error *err,
			   const char *code)
{
	assert_int_equal(ret, error);
	assert_string_equal(err->code, code);
	assert_true(strlen(err->detail) > 0);
	assert_null(apdu->data);
	assert_int_equal(apdu->ins, 0);
}

#endif /* SESAME_UNIT_GP_HEX_H */
