// SPDX-License-Identifier: GPL-2.0-only
/* What the SE says of itself: CIP, the ATR of UM11225, that of ISO/IEC 7816-3. */
#ifdef __KERNEL__
#include <linux/errno.h>
#else
#include <errno.h>
#endif
#include "se-t1-testlib.h"

#define PLP_SPI "0C 01 19 2710 64 0A 00C8 0400 0005"

static void cip(struct kunit *test)
{
	struct se_t1_cip cip;
	u8 in[128];
	size_t n;

	n = se_test_hex("01 04 A0B0C0D0 01" PLP_SPI "04 012C 0FF9 03 AABBCC", in, sizeof(in));
	KUNIT_EXPECT_EQ(test, se_t1_cip_parse(in, n, &cip), 0);
	KUNIT_EXPECT_TRUE(test, !cip.problem);
	KUNIT_EXPECT_EQ(test, (int)cip.pver, 1);
	KUNIT_EXPECT_EQ(test, (int)cip.iin_len, 4);
	KUNIT_EXPECT_TRUE(test, !memcmp(cip.iin, "\xa0\xb0\xc0\xd0", 4));
	KUNIT_EXPECT_EQ(test, (int)cip.plid, SE_T1_PLID_SPI);
	KUNIT_EXPECT_EQ(test, (int)cip.config, 1);
	KUNIT_EXPECT_EQ(test, (int)cip.pwt_us, 25000);
	KUNIT_EXPECT_EQ(test, (int)cip.mcf_hz, 10000000);
	KUNIT_EXPECT_EQ(test, (int)cip.pst_ms, 100);
	KUNIT_EXPECT_EQ(test, (int)cip.mpot_us, 1000);
	KUNIT_EXPECT_EQ(test, (int)cip.segt_us, 200);
	KUNIT_EXPECT_EQ(test, (int)cip.seal, 1024);
	KUNIT_EXPECT_EQ(test, (int)cip.wut_us, 5);
	KUNIT_EXPECT_EQ(test, (int)cip.bwt_us, 300000);
	KUNIT_EXPECT_EQ(test, (int)cip.ifsc, 4089);
	KUNIT_EXPECT_EQ(test, (int)cip.hb_len, 3);
	KUNIT_EXPECT_TRUE(test, !memcmp(in + cip.hb_off, "\xaa\xbb\xcc", 3));

	/* I2C, parameters of a later version, no historical bytes */
	n = se_test_hex("01 03 A0B0C0 02 09 00 19 0190 64 0A 000A FF 06 0064 0008 FFFF", in,
			sizeof(in));
	KUNIT_EXPECT_EQ(test, se_t1_cip_parse(in, n, &cip), 0);
	KUNIT_EXPECT_EQ(test, (int)cip.plid, SE_T1_PLID_I2C);
	KUNIT_EXPECT_EQ(test, (int)cip.mcf_hz, 400000);
	KUNIT_EXPECT_EQ(test, (int)cip.rwgt_us, 10);
	KUNIT_EXPECT_EQ(test, (int)cip.ifsc, 8);
	KUNIT_EXPECT_EQ(test, (int)cip.hb_len, 0);
}

static void cip_bad(struct kunit *test)
{
	/* one thing wrong in each: PLID, IIN, PLP, MCF, DLLP, BWT, IFSC twice, HB */
	static const char *const bad[] = {
		"01 04 A0B0C0D0 03" PLP_SPI "04 012C 0FF9 00",
		"01 09 A0B0C0D0A0B0C0D0A0 01" PLP_SPI "04 012C 0FF9 00",
		"01 04 A0B0C0D0 01 0B 01 19 2710 64 0A 00C8 0400 00 04 012C 0FF9 00",
		"01 04 A0B0C0D0 01 0C 01 19 0000 64 0A 00C8 0400 0005 04 012C 0FF9 00",
		"01 04 A0B0C0D0 01" PLP_SPI "03 012C 0F",
		"01 04 A0B0C0D0 01" PLP_SPI "04 0000 0FF9 00",
		"01 04 A0B0C0D0 01" PLP_SPI "04 012C 0000 00",
		"01 04 A0B0C0D0 01" PLP_SPI "04 012C 0FFA 00",
		"01 04 A0B0C0D0 01" PLP_SPI "04 012C 0FF9 02 AA",
	};
	struct se_t1_cip cip;
	u8 in[128];
	size_t n, i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		n = se_test_hex(bad[i], in, sizeof(in));
		KUNIT_EXPECT_EQ_MSG(test, se_t1_cip_parse(in, n, &cip), -EINVAL, "%s", bad[i]);
		KUNIT_EXPECT_TRUE(test, cip.problem);
	}
	/* cut anywhere */
	n = se_test_hex("01 04 A0B0C0D0 01" PLP_SPI "04 012C 0FF9", in, sizeof(in));
	for (i = 0; i < n; i++)
		KUNIT_EXPECT_EQ(test, se_t1_cip_parse(in, i, &cip), -EINVAL);
	KUNIT_EXPECT_EQ(test, se_t1_cip_parse(in, n, &cip), 0);
}

/* the one that an SE050 gives */
#define SE050 "00 A000000396 04 03E8 00FE 02 0B 03E8 08 01 000000 0064 0000"
#define SE050_HB "0A 4A434F50342041545051"

static void s_atr(struct kunit *test)
{
	struct se_t1_cip cip;
	u8 in[128];
	size_t n, i, whole;

	n = se_test_hex(SE050 SE050_HB, in, sizeof(in));
	KUNIT_EXPECT_EQ(test, se_t1_s_atr_parse(in, n, &cip), 0);
	KUNIT_EXPECT_EQ(test, (int)cip.iin_len, 5);
	KUNIT_EXPECT_TRUE(test, !memcmp(cip.iin, "\xa0\x00\x00\x03\x96", 5));
	KUNIT_EXPECT_EQ(test, (int)cip.plid, SE_T1_PLID_I2C);
	KUNIT_EXPECT_EQ(test, (int)cip.bwt_us, 1000000);
	KUNIT_EXPECT_EQ(test, (int)cip.ifsc, 254);
	KUNIT_EXPECT_EQ(test, (int)cip.mcf_hz, 1000000);
	KUNIT_EXPECT_EQ(test, (int)cip.config, 8);
	KUNIT_EXPECT_EQ(test, (int)cip.mpot_us, 1000);
	KUNIT_EXPECT_EQ(test, (int)cip.segt_us, 100);
	KUNIT_EXPECT_EQ(test, (int)cip.wut_us, 0);
	KUNIT_EXPECT_EQ(test, (int)cip.hb_len, 10);
	KUNIT_EXPECT_TRUE(test, !memcmp(in + cip.hb_off, "JCOP4", 5));

	/* cut anywhere; without historical bytes it is whole */
	whole = se_test_hex(SE050, in, sizeof(in));
	n = se_test_hex(SE050 SE050_HB, in, sizeof(in));
	for (i = 0; i < n; i++)
		KUNIT_EXPECT_EQ_MSG(test, se_t1_s_atr_parse(in, i, &cip),
				    i == whole ? 0 : -EINVAL, "%zu bytes", i);
	in[7] = 0;
	in[8] = 0;
	KUNIT_EXPECT_EQ(test, se_t1_s_atr_parse(in, n, &cip), -EINVAL);	/* BWT */
	in[8] = 1;
	in[9] = 0x10;
	KUNIT_EXPECT_EQ(test, se_t1_s_atr_parse(in, n, &cip), -EINVAL);	/* IFSC */
	in[9] = 0;
	in[11] = 3;
	KUNIT_EXPECT_EQ(test, se_t1_s_atr_parse(in, n, &cip), -EINVAL);	/* PLID */
}

static void atr(struct kunit *test)
{
	struct se_t1_atr atr;
	u8 in[64];
	size_t n, i;

	/* T=1 only: IFSC FE, BWI 4, CWI 5; TCK */
	n = se_test_hex("3B F8 13 00 00 81 31 FE 45 4A434F5076323431 B7", in, sizeof(in));
	KUNIT_EXPECT_EQ(test, se_t1_atr_parse(in, n, &atr), 0);
	KUNIT_EXPECT_EQ(test, (int)atr.ifsc, 254);
	KUNIT_EXPECT_EQ(test, (int)atr.bwt_us, 1600000);
	KUNIT_EXPECT_FALSE(test, atr.crc);
	KUNIT_EXPECT_EQ(test, (int)atr.hb_len, 8);
	KUNIT_EXPECT_TRUE(test, !memcmp(in + atr.hb_off, "JCOPv241", 8));
	for (i = 0; i < n; i++)
		KUNIT_EXPECT_EQ_MSG(test, se_t1_atr_parse(in, i, &atr), -EINVAL, "%zu bytes", i);
	in[n - 1] ^= 1;
	KUNIT_EXPECT_EQ(test, se_t1_atr_parse(in, n, &atr), -EINVAL);	/* TCK */

	/* T=0 and T=1, CRC, BWI 2, a second group of T=1 that does not count, T=15 */
	n = se_test_hex("3B 80 80 F1 20 25 01 91 40 1F 00 2A", in, sizeof(in));
	in[n - 1] = 0;
	for (i = 1; i < n - 1; i++)
		in[n - 1] ^= in[i];
	KUNIT_EXPECT_EQ(test, se_t1_atr_parse(in, n, &atr), 0);
	KUNIT_EXPECT_EQ(test, (int)atr.ifsc, 0x20);
	KUNIT_EXPECT_EQ(test, (int)atr.bwt_us, 400000);
	KUNIT_EXPECT_TRUE(test, atr.crc);

	/* defaults */
	n = se_test_hex("3B 80 01 81", in, sizeof(in));
	KUNIT_EXPECT_EQ(test, se_t1_atr_parse(in, n, &atr), 0);
	KUNIT_EXPECT_EQ(test, (int)atr.ifsc, 32);
	KUNIT_EXPECT_EQ(test, (int)atr.bwt_us, 1600000);
	KUNIT_EXPECT_FALSE(test, atr.crc);
}

static void atr_bad(struct kunit *test)
{
	/* TS, T=0 only twice, IFSC 0 and FF, BWI 10, checksum, a byte too many */
	static const char *const bad[] = {
		"3A 80 01 81", "3B 00", "3B 80 00", "3B 80 81 11 00 10", "3B 80 81 11 FF EF",
		"3B 80 81 21 A5 85", "3B 80 81 41 02 42", "3B 80 01 81 00",
	};
	struct se_t1_atr atr;
	u8 in[64];
	size_t n, i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		n = se_test_hex(bad[i], in, sizeof(in));
		KUNIT_EXPECT_EQ_MSG(test, se_t1_atr_parse(in, n, &atr), -EINVAL, "%s", bad[i]);
		KUNIT_EXPECT_TRUE(test, atr.problem);
	}
	/* groups without end */
	memset(in, 0x81, sizeof(in));
	in[0] = 0x3b;
	for (i = 0; i <= sizeof(in); i++)
		KUNIT_EXPECT_EQ(test, se_t1_atr_parse(in, i, &atr), -EINVAL);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(cip),
	KUNIT_CASE(cip_bad),
	KUNIT_CASE(s_atr),
	KUNIT_CASE(atr),
	KUNIT_CASE(atr_bad),
	{}
};

struct kunit_suite se_t1_param_suite = {
	.name = "se-t1-param",
	.test_cases = cases,
};
