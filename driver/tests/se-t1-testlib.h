/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Blocks as text: "PCB INF" in hexadecimal, spaces where they help. NAD, LEN and
 * the checksum are the dialect's.
 */
#ifndef SE_T1_TESTLIB_H
#define SE_T1_TESTLIB_H

#include "../se-t1.h"
#include "se-kunit.h"

#define SE_TEST_BWT	100000U
#define SE_TEST_BLOCK	96	/* room for a block written as text */
#define SE_TEST_DIALECTS 5

extern u8 se_test_tx[SE_T1_BLOCK_MAX];

size_t se_test_hex(const char *text, u8 *out, size_t room);
size_t se_test_block(const struct se_t1_dialect *d, bool from_se, const char *text, u8 *out);
void se_test_link(struct kunit *test, struct se_t1 *t1, const struct se_t1_dialect *d, u16 ifsc);
void se_test_feed(struct se_t1 *t1, const char *text, struct se_t1_action *act);
void se_test_expect(struct kunit *test, const struct se_t1 *t1, const struct se_t1_action *act,
		    const char *want, const char *where, size_t step);

extern struct kunit_suite se_edc_suite;
extern struct kunit_suite se_t1_annex_suite;
extern struct kunit_suite se_t1_rule_suite;
extern struct kunit_suite se_t1_link_suite;
extern struct kunit_suite se_t1_param_suite;

#endif /* SE_T1_TESTLIB_H */
