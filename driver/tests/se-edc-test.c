// SPDX-License-Identifier: GPL-2.0-only
/* Checksums: known values, and what they notice. */
#include "../se-edc.h"
#include "se-t1-testlib.h"

static const u8 digits[] = "123456789";

static void known_values(struct kunit *test)
{
	u8 block[8] = { 0x21, 0xc0, 0x00, 0x00 }, lrc[8] = { 0x00, 0xc1, 0x01, 0xfe };

	KUNIT_EXPECT_EQ(test, (int)se_edc_crc(digits, 9), 0x906e);	/* CRC-16/X.25 */
	KUNIT_EXPECT_EQ(test, (int)se_edc_crc(digits, 0), 0);
	KUNIT_EXPECT_EQ(test, (int)se_edc_lrc(digits, 9), 0x31);
	KUNIT_EXPECT_EQ(test, (int)se_edc_put(SE_T1_EDC_CRC_MSB, block, 4), 2);
	KUNIT_EXPECT_TRUE(test, block[4] == 0x65 && block[5] == 0xac);
	KUNIT_EXPECT_EQ(test, (int)se_edc_put(SE_T1_EDC_CRC_LSB, block, 4), 2);
	KUNIT_EXPECT_TRUE(test, block[4] == 0xac && block[5] == 0x65);
	KUNIT_EXPECT_EQ(test, (int)se_edc_put(SE_T1_EDC_LRC, lrc, 4), 1);
	KUNIT_EXPECT_EQ(test, (int)lrc[4], 0x3e);
}

/* every single bit, every pair of bits of a burst, in every byte */
static void notices_damage(struct kunit *test)
{
	static const enum se_t1_edc kinds[] = { SE_T1_EDC_LRC, SE_T1_EDC_CRC_MSB,
						SE_T1_EDC_CRC_LSB };
	u8 block[40];
	size_t k, i, n, bit;

	for (k = 0; k < ARRAY_SIZE(kinds); k++) {
		for (i = 0; i < 32; i++)
			block[i] = (u8)(i * 37 + 5);
		n = 32 + se_edc_put(kinds[k], block, 32);
		KUNIT_EXPECT_TRUE(test, se_edc_ok(kinds[k], block, n));
		for (i = 0; i < n; i++) {
			for (bit = 0; bit < 8; bit++) {
				block[i] ^= (u8)(1 << bit);
				KUNIT_EXPECT_FALSE(test, se_edc_ok(kinds[k], block, n));
				block[i] ^= (u8)(1 << bit);
			}
			block[i] ^= 0x3c;
			KUNIT_EXPECT_FALSE(test, se_edc_ok(kinds[k], block, n));
			block[i] ^= 0x3c;
		}
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(known_values),
	KUNIT_CASE(notices_damage),
	{}
};

struct kunit_suite se_edc_suite = {
	.name = "se-edc",
	.test_cases = cases,
};
