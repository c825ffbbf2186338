// SPDX-License-Identifier: Apache-2.0
/*
 * After which status words does a script go on?
 *
 * TS 102 226 lets the processing of a command list end at the first error, and
 * at 62F1 (response data cut, 5.2.1.1). What is an error is for TS 102 221, 10.2.1
 * to say: 9000, 91xx and 92xx are normal endings, 62xx and 63xx are warnings (6310,
 * "more data", is one that GlobalPlatform's GET STATUS lives on), all the rest
 * are errors. ISO/IEC 7816-4 has 61xx, "done, more bytes can be fetched", as
 * a normal ending too; a script that holds a GET RESPONSE counts on it.
 *
 * 9Fxx is what 61xx was for the SIM of GSM 11.11; 9300 ("busy") is an error.
 *
 * A stream has four patterns. 9000 and 92xx are so written as 90xx and 92xx; no
 * standard gives another 90xx a meaning. 62F1 cannot be left out of 62xx, and
 * need not be: it is made by whoever cuts a response, which is the host. There
 * the stream stops with SE_STOP_ROOM.
 */
#include "script.h"

void script_expect(struct se_sw_match expect[SE_SW_MATCHES])
{
	expect[0] = (struct se_sw_match){.value = 0x9000, .mask = 0xfd00}; /* 90, 92 */
	expect[1] = (struct se_sw_match){.value = 0x6200, .mask = 0xfe00}; /* 62, 63 */
	expect[2] = (struct se_sw_match){.value = 0x9100, .mask = 0xff00};
	expect[3] = (struct se_sw_match){.value = 0x6100, .mask = 0xff00};
}

bool script_goes_on(uint16_t sw)
{
	if (sw == 0x62f1)
		return false;
	switch (sw >> 8) {
	case 0x61:
	case 0x62:
	case 0x63:
	case 0x90:
	case 0x91:
	case 0x92:
		return true;
	default:
		return false;
	}
}
