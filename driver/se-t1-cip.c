// SPDX-License-Identifier: GPL-2.0-only
/*
 * Communication interface parameters, the INF field of S(CIP response) in T=1':
 *
 *	PVER(1) | len IIN | PLID(1) | len PLP | len DLLP | len HB
 *
 * PLP and DLLP may be longer than what is known here; the rest is passed over.
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

#define PLP_SPI_MIN	12
#define PLP_I2C_MIN	8
#define DLLP_MIN	4

struct reader {
	const u8 *p;
	size_t left;
};

static int take_byte(struct reader *r, u8 *v)
{
	if (!r->left)
		return -EINVAL;
	*v = *r->p++;
	r->left--;
	return 0;
}

/* a length byte and as many bytes; NULL if they are not all there */
static const u8 *take_lv(struct reader *r, u8 *len)
{
	const u8 *v;

	if (take_byte(r, len) || *len > r->left)
		return NULL;
	v = r->p;
	r->p += *len;
	r->left -= *len;
	return v;
}

static u32 be16(const u8 *p)
{
	return ((u32)p[0] << 8) | p[1];
}

static int fail(struct se_t1_cip *cip, const char *problem)
{
	cip->problem = problem;
	return -EINVAL;
}

static int parse_plp(struct se_t1_cip *cip, const u8 *v, u8 len)
{
	u8 min = cip->plid == SE_T1_PLID_SPI ? PLP_SPI_MIN : PLP_I2C_MIN;

	if (len < min)
		return fail(cip, "physical layer parameters are too short");
	cip->config = v[0];
	cip->pwt_us = v[1] * 1000U;
	cip->mcf_hz = be16(v + 2) * 1000U;
	cip->pst_ms = v[4];
	cip->mpot_us = v[5] * 100U;
	if (!cip->mcf_hz)
		return fail(cip, "maximum clock frequency is 0");
	if (cip->plid == SE_T1_PLID_SPI) {
		cip->segt_us = be16(v + 6);
		cip->seal = be16(v + 8);
		cip->wut_us = be16(v + 10);
	} else {
		cip->rwgt_us = be16(v + 6);
	}
	return 0;
}

int se_t1_cip_parse(const u8 *inf, size_t len, struct se_t1_cip *cip)
{
	struct reader r = { inf, len };
	const u8 *v;
	u32 ifsc;
	u8 n;

	memset(cip, 0, sizeof(*cip));
	if (len > 0xffff)
		return fail(cip, "too long");

	if (take_byte(&r, &cip->pver))
		return fail(cip, "empty");

	v = take_lv(&r, &n);
	if (!v)
		return fail(cip, "cut short in the issuer identification number");
	if (n > sizeof(cip->iin))
		return fail(cip, "issuer identification number is too long");
	memcpy(cip->iin, v, n);
	cip->iin_len = n;

	if (take_byte(&r, &cip->plid))
		return fail(cip, "no physical layer identifier");
	if (cip->plid != SE_T1_PLID_SPI && cip->plid != SE_T1_PLID_I2C)
		return fail(cip, "unknown physical layer identifier");
	v = take_lv(&r, &n);
	if (!v)
		return fail(cip, "cut short in the physical layer parameters");
	if (parse_plp(cip, v, n))
		return -EINVAL;

	v = take_lv(&r, &n);
	if (!v)
		return fail(cip, "cut short in the data link layer parameters");
	if (n < DLLP_MIN)
		return fail(cip, "data link layer parameters are too short");
	cip->bwt_us = be16(v) * 1000U;
	if (!cip->bwt_us)
		return fail(cip, "block waiting time is 0");
	ifsc = be16(v + 2);
	if (!ifsc || ifsc > SE_T1_INF_MAX)
		return fail(cip, "IFSC is out of range (1 to 4089)");
	cip->ifsc = (u16)ifsc;

	/* some parts leave empty historical bytes out altogether */
	if (!r.left)
		return 0;
	v = take_lv(&r, &n);
	if (!v)
		return fail(cip, "cut short in the historical bytes");
	cip->hb_off = (u16)(v - inf);
	cip->hb_len = n;
	return 0;
}
