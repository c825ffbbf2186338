// SPDX-License-Identifier: GPL-2.0-only
/*
 * Answers to reset: that of ISO/IEC 7816-3, 8.2, and what UM11225 calls ATR, the
 * INF field of S(get ATR response):
 *
 *	PVER(1) | VID(5) | len DLLP | PLID(1) | len PLP | len HB
 *
 * DLLP and PLP may be longer than what is known here; the rest is passed over.
 */
#ifdef __KERNEL__
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#else
#include <errno.h>
#include <string.h>
#endif
#include "se-t1.h"

#define TS_DIRECT	0x3b
#define TS_INVERSE	0x3f
#define BWI_DEFAULT	4
#define BWI_MAX		9
/* 960 * 372 / 3.5712 MHz, 11.4.3 */
#define BWT_UNIT_US	100000U

#define VID_LEN		5
#define DLLP_MIN	4
#define PLP_MIN		11

struct atr_reader {
	const u8 *p;
	size_t left;
};

static int atr_fail(struct se_t1_atr *atr, const char *problem)
{
	atr->problem = problem;
	return -EINVAL;
}

static bool take(struct atr_reader *r, u8 *v)
{
	if (!r->left)
		return false;
	*v = *r->p++;
	r->left--;
	return true;
}

/* TAi, TBi, TCi for T=1; those of the first group count (11.4) */
static int take_t1(struct se_t1_atr *atr, u8 y, const u8 v[3], u8 *seen)
{
	if ((y & 0x1) && !(*seen & 0x1)) {
		if (!v[0] || v[0] == 0xff)
			return atr_fail(atr, "IFSC is out of range (1 to 254)");
		atr->ifsc = v[0];
	}
	if ((y & 0x2) && !(*seen & 0x2)) {
		if (v[1] >> 4 > BWI_MAX)
			return atr_fail(atr, "BWI is out of range (0 to 9)");
		atr->bwt_us = BWT_UNIT_US << (v[1] >> 4);
	}
	if ((y & 0x4) && !(*seen & 0x4)) {
		if (v[2] & 0xfe)
			return atr_fail(atr, "unknown checksum");
		atr->crc = v[2];
	}
	*seen |= y & 0x7;
	return 0;
}

int se_t1_atr_parse(const u8 *data, size_t len, struct se_t1_atr *atr)
{
	struct atr_reader r = { data, len };
	bool t1 = false, tck = false;
	u8 ts, t0, y, td, t = 0, seen = 0, check = 0, v[3];
	size_t i;
	int group, ret, k;

	memset(atr, 0, sizeof(*atr));
	atr->ifsc = 32;
	atr->bwt_us = BWT_UNIT_US << BWI_DEFAULT;
	if (len > SE_T1_ATR_MAX)
		return atr_fail(atr, "too long");
	if (!take(&r, &ts) || (ts != TS_DIRECT && ts != TS_INVERSE))
		return atr_fail(atr, "does not begin with TS");
	if (!take(&r, &t0))
		return atr_fail(atr, "no T0");
	y = t0 >> 4;
	/* each group takes a byte at least, or is the last one */
	for (group = 1; y; group++) {
		for (k = 0; k < 3; k++) {
			v[k] = 0;
			if ((y & (1 << k)) && !take(&r, &v[k]))
				return atr_fail(atr, "cut short in the interface bytes");
		}
		if (group > 2 && t == 1) {
			ret = take_t1(atr, y, v, &seen);
			if (ret)
				return ret;
		}
		if (!(y & 0x8))
			break;
		if (!take(&r, &td))
			return atr_fail(atr, "cut short in the interface bytes");
		y = td >> 4;
		t = td & 0x0f;
		t1 |= t == 1;
		tck |= t != 0;
	}
	if (!t1)
		return atr_fail(atr, "does not offer T=1");
	atr->hb_len = t0 & 0x0f;
	atr->hb_off = (u8)(len - r.left);
	if (r.left != (size_t)atr->hb_len + tck)
		return atr_fail(atr, "wrong length of the historical bytes");
	for (i = 1; i < len; i++)
		check ^= data[i];
	if (tck && check)
		return atr_fail(atr, "wrong TCK");
	return 0;
}

static u32 be16(const u8 *p)
{
	return ((u32)p[0] << 8) | p[1];
}

static int cip_fail(struct se_t1_cip *cip, const char *problem)
{
	cip->problem = problem;
	return -EINVAL;
}

/* a length byte and as many bytes; NULL if they are not all there */
static const u8 *take_lv(struct atr_reader *r, u8 *len)
{
	const u8 *v;

	if (!take(r, len) || *len > r->left)
		return NULL;
	v = r->p;
	r->p += *len;
	r->left -= *len;
	return v;
}

int se_t1_s_atr_parse(const u8 *inf, size_t len, struct se_t1_cip *cip)
{
	struct atr_reader r = { inf, len };
	const u8 *v;
	u32 ifsc;
	u8 n;

	memset(cip, 0, sizeof(*cip));
	if (!take(&r, &cip->pver) || r.left < VID_LEN)
		return cip_fail(cip, "cut short in the vendor identification");
	memcpy(cip->iin, r.p, VID_LEN);
	cip->iin_len = VID_LEN;
	r.p += VID_LEN;
	r.left -= VID_LEN;

	v = take_lv(&r, &n);
	if (!v || n < DLLP_MIN)
		return cip_fail(cip, "cut short in the data link layer parameters");
	cip->bwt_us = be16(v) * 1000U;
	if (!cip->bwt_us)
		return cip_fail(cip, "block waiting time is 0");
	ifsc = be16(v + 2);
	if (!ifsc || ifsc > SE_T1_INF_MAX)
		return cip_fail(cip, "IFSC is out of range");
	cip->ifsc = (u16)ifsc;

	if (!take(&r, &cip->plid))
		return cip_fail(cip, "no physical layer identifier");
	if (cip->plid != SE_T1_PLID_SPI && cip->plid != SE_T1_PLID_I2C)
		return cip_fail(cip, "unknown physical layer identifier");
	v = take_lv(&r, &n);
	if (!v || n < PLP_MIN)
		return cip_fail(cip, "cut short in the physical layer parameters");
	cip->mcf_hz = be16(v) * 1000U;
	if (!cip->mcf_hz)
		return cip_fail(cip, "maximum clock frequency is 0");
	cip->config = v[2];
	cip->mpot_us = v[3] * 1000U;
	/* three bytes are reserved */
	cip->segt_us = be16(v + 7);
	cip->rwgt_us = cip->segt_us;
	cip->wut_us = be16(v + 9);

	if (!r.left)
		return 0;
	v = take_lv(&r, &n);
	if (!v)
		return cip_fail(cip, "cut short in the historical bytes");
	cip->hb_off = (u16)(v - inf);
	cip->hb_len = n;
	return 0;
}
