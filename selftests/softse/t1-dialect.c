// SPDX-License-Identifier: Apache-2.0
/* The families of T=1, their frames and their parameter blocks. */
#include <string.h>

#include "t1.h"

/*
 * ISO/IEC 7816-3, 11.3.2.2. The CRC of ISO/IEC 13239 goes with its highest term
 * first and bits of a byte lowest first: the low byte of the reflected register
 * is the first one, and so do ST's parts.
 */
#define ISO_CODES [0] = T1_S_RESYNCH, [1] = T1_S_IFS, [2] = T1_S_ABORT, [3] = T1_S_WTX

static const struct t1_dialect dialects[] = {
	{
		.name = "gp", /* GPC_SPE_172; 1E and 1F are NXP's additions */
		.nad_host = 0x21,
		.nad_se = 0x12,
		.len_bytes = 2,
		.edc = T1_CRC_HIGH_FIRST,
		.inf_max = T1_INF_MAX,
		.ifsc = 1024,
		.ifsd = 254,
		.bwt_ms = 300,
		.s = {ISO_CODES, [0x04] = T1_S_CIP, [0x06] = T1_S_RELEASE, [0x0f] = T1_S_SWR,
		      [0x1e] = T1_S_CHIP_RESET, [0x1f] = T1_S_SLEEP},
	},
	{
		.name = "iso-lrc",
		.len_bytes = 1,
		.edc = T1_LRC,
		.inf_max = 254,
		.ifsc = 32,
		.ifsd = 32,
		.bwt_ms = 1600,
		.s = {ISO_CODES},
	},
	{
		.name = "iso-crc",
		.len_bytes = 1,
		.edc = T1_CRC_LOW_FIRST,
		.inf_max = 254,
		.ifsc = 32,
		.ifsd = 32,
		.bwt_ms = 1600,
		.s = {ISO_CODES},
	},
	{
		.name = "nxp", /* P73 and SN1x0 on SPI before T=1' */
		.nad_host = 0x5a,
		.nad_se = 0xa5,
		.len_bytes = 1,
		.edc = T1_LRC,
		.inf_max = 254,
		.ifsc = 254,
		.ifsd = 254,
		.bwt_ms = 1000,
		.s = {ISO_CODES, [0x04] = T1_S_IF_RESET, [0x05] = T1_S_END},
	},
	{
		.name = "um11225", /* SE05x on I2C */
		.nad_host = 0x5a,
		.nad_se = 0xa5,
		.len_bytes = 1,
		.edc = T1_CRC_LOW_FIRST,
		.inf_max = 254,
		.ifsc = 254,
		.ifsd = 254,
		.bwt_ms = 1000,
		.s = {ISO_CODES, [0x05] = T1_S_END, [0x06] = T1_S_CHIP_RESET, [0x07] = T1_S_ATR,
		      [0x0f] = T1_S_IF_RESET_ATR},
	},
};

const struct t1_dialect *t1_dialect(const char *name)
{
	for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++)
		if (!strcmp(name, dialects[i].name))
			return &dialects[i];
	return NULL;
}

void t1_params_default(struct t1_params *p, const struct t1_dialect *d)
{
	static const uint8_t iin[] = {0x99, 0x99, 0x99, 0x0f};

	memset(p, 0, sizeof(*p));
	p->dialect = d;
	p->nad_host = d->nad_host;
	p->nad_se = d->nad_se;
	p->ifsc = d->ifsc;
	p->ifsd = d->ifsd;
	p->bwt_ms = d->bwt_ms;
	p->wtx = 1;
	p->pver = d->len_bytes == 2;
	memcpy(p->iin, iin, sizeof(iin));
	p->iin_len = sizeof(iin);
	p->physical = 1;
	p->pwt_ms = 5;
	p->mcf_khz = 10000;
	p->mpot_100us = 10;
	p->segt_us = 20;
	p->seal = T1_BLOCK_MAX;
	p->rwgt_us = 10;
	/* an idle 00 would be the start of a block */
	p->fill_ff = !d->nad_se;
	memcpy(p->hist, "SESAME", 6);
	p->hist_len = 6;
}

uint16_t t1_crc(const uint8_t *data, size_t len)
{
	uint16_t crc = 0xffff;

	while (len--) {
		crc ^= *data++;
		for (int bit = 0; bit < 8; bit++)
			crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0x8408 : crc >> 1);
	}
	return (uint16_t)~crc;
}

size_t t1_edc_len(const struct t1_dialect *d)
{
	return d->edc == T1_LRC ? 1 : 2;
}

size_t t1_put_edc(const struct t1_dialect *d, uint8_t *block, size_t len)
{
	uint8_t lrc = 0;
	uint16_t crc;

	if (d->edc == T1_LRC) {
		for (size_t i = 0; i < len; i++)
			lrc ^= block[i];
		block[len] = lrc;
		return len + 1;
	}
	crc = t1_crc(block, len);
	block[len + (d->edc == T1_CRC_LOW_FIRST)] = (uint8_t)(crc >> 8);
	block[len + (d->edc == T1_CRC_HIGH_FIRST)] = (uint8_t)crc;
	return len + 2;
}

bool t1_edc_good(const struct t1_dialect *d, const uint8_t *block, size_t len)
{
	uint8_t lrc = 0;
	uint16_t crc;

	if (d->edc == T1_LRC) {
		for (size_t i = 0; i < len; i++)
			lrc ^= block[i];
		return !lrc;
	}
	crc = t1_crc(block, len - 2);
	return block[len - (d->edc == T1_CRC_LOW_FIRST ? 1 : 2)] == crc >> 8 &&
	       block[len - (d->edc == T1_CRC_HIGH_FIRST ? 1 : 2)] == (crc & 0xff);
}

size_t t1_put_head(const struct t1_dialect *d, uint8_t *block, uint8_t nad, uint8_t pcb,
		   size_t inf)
{
	uint8_t *o = block;

	*o++ = nad;
	*o++ = pcb;
	if (d->len_bytes == 2)
		*o++ = (uint8_t)(inf >> 8);
	*o++ = (uint8_t)inf;
	return (size_t)(o - block);
}

static uint8_t *put16(uint8_t *p, uint16_t v)
{
	*p++ = (uint8_t)(v >> 8);
	*p++ = (uint8_t)v;
	return p;
}

size_t t1_cip(const struct t1_params *p, uint8_t cip[T1_CIP_MAX])
{
	bool spi = p->physical == 1;
	uint8_t *o = cip;

	*o++ = p->pver;
	*o++ = p->iin_len;
	memcpy(o, p->iin, p->iin_len);
	o += p->iin_len;
	*o++ = p->physical;
	*o++ = spi ? 12 : 8;
	*o++ = p->config;
	*o++ = p->pwt_ms;
	o = put16(o, p->mcf_khz);
	*o++ = p->pst_ms;
	*o++ = p->mpot_100us;
	if (spi) {
		o = put16(o, p->segt_us);
		o = put16(o, p->seal);
		o = put16(o, p->wut);
	} else {
		o = put16(o, p->rwgt_us);
	}
	*o++ = 4;
	o = put16(o, p->bwt_ms);
	o = put16(o, p->ifsc);
	*o++ = p->hist_len;
	memcpy(o, p->hist, p->hist_len);
	o += p->hist_len;
	return (size_t)(o - cip);
}

/* UM11225, 4.4: what S(get ATR) and S(interface reset) answer. */
static size_t atr_um11225(const struct t1_params *p, uint8_t *atr)
{
	uint8_t *o = atr;

	*o++ = p->pver;
	memset(o, 0, 5); /* vendor: up to five bytes of the IIN */
	memcpy(o, p->iin, p->iin_len < 5 ? p->iin_len : 5);
	o += 5;
	*o++ = 4;
	o = put16(o, p->bwt_ms);
	o = put16(o, p->ifsc);
	*o++ = 2; /* I2C */
	*o++ = 11;
	o = put16(o, p->mcf_khz);
	*o++ = p->config;
	*o++ = (uint8_t)((p->mpot_100us + 9) / 10); /* ms here */
	memset(o, 0, 3);
	o += 3;
	o = put16(o, p->segt_us);
	o = put16(o, p->wut);
	*o++ = p->hist_len;
	memcpy(o, p->hist, p->hist_len);
	return (size_t)(o - atr) + p->hist_len;
}

/* ISO/IEC 7816-3, 8.2: T=1 with TA3 (IFSC), TB3 (BWI, CWI 5) and TC3 (EDC). */
static size_t atr_iso(const struct t1_params *p, uint8_t *atr)
{
	uint8_t hist = p->hist_len < 15 ? p->hist_len : 15, bwi = 0, tck = 0;
	uint8_t *o = atr;

	while (bwi < 9 && 100U << bwi < p->bwt_ms)
		bwi++;
	*o++ = 0x3b;
	*o++ = (uint8_t)(0x80 | hist);
	*o++ = 0x81;
	*o++ = 0x71;
	*o++ = (uint8_t)(p->ifsc < 254 ? p->ifsc : 254);
	*o++ = (uint8_t)(bwi << 4 | 5);
	*o++ = p->dialect->edc != T1_LRC;
	memcpy(o, p->hist, hist);
	o += hist;
	for (const uint8_t *i = atr + 1; i < o; i++)
		tck ^= *i;
	*o++ = tck;
	return (size_t)(o - atr);
}

size_t t1_atr(const struct t1_params *p, uint8_t atr[T1_ATR_MAX])
{
	if (p->atr_len) {
		memcpy(atr, p->atr, p->atr_len);
		return p->atr_len;
	}
	return !strcmp(p->dialect->name, "um11225") ? atr_um11225(p, atr) : atr_iso(p, atr);
}
