// SPDX-License-Identifier: GPL-2.0-only
/* What the suites of the T=1 engine share. */
#ifdef __KERNEL__
#include <linux/errno.h>
#else
#include <errno.h>
#endif
#include "../se-edc.h"
#include "se-t1-testlib.h"

u8 se_test_tx[SE_T1_BLOCK_MAX];

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* spaces between bytes; the text ends where it is none */
size_t se_test_hex(const char *text, u8 *out, size_t room)
{
	size_t n = 0;

	while (*text && n < room) {
		if (*text == ' ') {
			text++;
			continue;
		}
		if (nibble(text[0]) < 0 || nibble(text[1]) < 0)
			break;
		out[n++] = (u8)(nibble(text[0]) << 4 | nibble(text[1]));
		text += 2;
	}
	return n;
}

size_t se_test_block(const struct se_t1_dialect *d, bool from_se, const char *text, u8 *out)
{
	u8 data[SE_TEST_BLOCK];
	size_t len = se_test_hex(text, data, sizeof(data) - 8), n = 0;

	out[n++] = from_se ? d->nad_rx : d->nad_tx;
	out[n++] = data[0];
	if (d->len_bytes == 2)
		out[n++] = 0;
	out[n++] = (u8)(len - 1);
	memcpy(out + n, data + 1, len - 1);
	n += len - 1;
	return n + se_edc_put(d->edc, out, n);
}

void se_test_link(struct kunit *test, struct se_t1 *t1, const struct se_t1_dialect *d, u16 ifsc)
{
	struct se_t1_params params = { .ifsc = ifsc, .ifsd = 32, .bwt_us = SE_TEST_BWT };

	memset(se_test_tx, 0, sizeof(se_test_tx));
	KUNIT_EXPECT_EQ(test, se_t1_init(t1, d, &params, se_test_tx, sizeof(se_test_tx)), 0);
}

/*
 * What comes: a block, "!" and a block that is damaged, "" for the end of the
 * waiting time, "LEAVE" and "ABORT" for a caller that gives up.
 */
void se_test_feed(struct se_t1 *t1, const char *text, struct se_t1_action *act)
{
	u8 block[SE_TEST_BLOCK];
	size_t n;

	if (!*text) {
		se_t1_timeout(t1, act);
	} else if (!strcmp(text, "ABORT")) {
		se_t1_abort(t1, -ETIME, act);
	} else if (!strcmp(text, "LEAVE")) {
		se_t1_leave(t1, -ETIME);
	} else {
		n = se_test_block(t1->dialect, true, text + (*text == '!'), block);
		if (*text == '!')
			block[n - 1] ^= 0x01;
		se_t1_rx(t1, block, n, act);
	}
}

/* What the engine does: "WAIT", "DONE", "FAIL", or the block that it sends. */
void se_test_expect(struct kunit *test, const struct se_t1 *t1, const struct se_t1_action *act,
		    const char *want, const char *where, size_t step)
{
	const char *name = t1->dialect->name;
	u8 block[SE_TEST_BLOCK];
	bool same;
	size_t n;

	if (!strcmp(want, "WAIT")) {
		KUNIT_EXPECT_EQ_MSG(test, (int)act->op, (int)SE_T1_WAIT, "%s: %s, step %zu", name,
				    where, step);
		KUNIT_EXPECT_TRUE_MSG(test, act->wait_us && act->wait_us <= 255ULL * SE_TEST_BWT,
				      "%s: %s, step %zu", name, where, step);
	} else if (!strcmp(want, "DONE")) {
		KUNIT_EXPECT_EQ_MSG(test, (int)act->op, (int)SE_T1_DONE, "%s: %s, step %zu", name,
				    where, step);
	} else if (!strcmp(want, "FAIL")) {
		KUNIT_EXPECT_EQ_MSG(test, (int)act->op, (int)SE_T1_FAIL, "%s: %s, step %zu", name,
				    where, step);
	} else {
		n = se_test_block(t1->dialect, false, want, block);
		same = act->op == SE_T1_SEND && act->len == n && !memcmp(act->block, block, n);
		KUNIT_EXPECT_TRUE_MSG(test, same, "%s: %s, step %zu: op %d, PCB %02X, wanted %s",
				      name, where, step, act->op,
				      act->op == SE_T1_SEND ? act->block[1] : 0, want);
	}
}
