// SPDX-License-Identifier: GPL-2.0-only
/*
 * Blocks of the T=1 family: built, and taken apart. Nothing that was received
 * is looked at before its length and its checksum have been found right.
 */
#ifdef __KERNEL__
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#else
#include <errno.h>
#include <string.h>
#endif
#include "se-edc.h"
#include "se-t1.h"
#include "se-t1-block.h"

size_t se_t1_prologue_len(const struct se_t1_dialect *dialect)
{
	return 2U + dialect->len_bytes;
}

size_t se_t1_overhead(const struct se_t1_dialect *dialect)
{
	return se_t1_prologue_len(dialect) + se_edc_len(dialect->edc);
}

static size_t get_len(const struct se_t1_dialect *d, const u8 *prologue)
{
	if (d->len_bytes == 1)
		return prologue[2];
	return ((size_t)prologue[2] << 8) | prologue[3];
}

int se_t1_block_len(const struct se_t1_dialect *dialect, const u8 *prologue)
{
	size_t len = get_len(dialect, prologue);

	if (prologue[0] != dialect->nad_rx || len > dialect->inf_max)
		return -EPROTO;
	return (int)(len + se_t1_overhead(dialect));
}

size_t se_t1_build(const struct se_t1_dialect *dialect, u8 *block, u8 pcb, const u8 *inf,
		   size_t len)
{
	size_t n = 0;

	block[n++] = dialect->nad_tx;
	block[n++] = pcb;
	if (dialect->len_bytes == 2)
		block[n++] = (u8)(len >> 8);
	block[n++] = (u8)(len & 0xff);
	if (len)
		memcpy(block + n, inf, len);
	n += len;
	return n + se_edc_put(dialect->edc, block, n);
}

u32 se_t1_ifs_value(const struct se_t1_rx *rx)
{
	if (rx->len == 1)
		return rx->inf[0] == 0xff ? 0 : rx->inf[0];
	return ((u32)rx->inf[0] << 8) | rx->inf[1];
}

static bool response_fits(const struct se_t1 *t1, const struct se_t1_rx *rx)
{
	const struct se_t1_dialect *d = t1->dialect;

	/* what the dialect says in these differs from part to part */
	if (t1->s_code == d->s_cip || t1->s_code == d->s_atr || t1->s_code == d->s_swr ||
	    t1->s_code == d->s_release)
		return true;
	if (rx->len != t1->s_inf_len)
		return false;
	return !rx->len || !memcmp(rx->inf, t1->s_inf, rx->len);
}

static enum se_t1_event classify_s(const struct se_t1 *t1, u8 pcb, const struct se_t1_rx *rx)
{
	const struct se_t1_dialect *d = t1->dialect;
	u8 code = pcb & PCB_S_CODE;
	u32 ifs;

	if (pcb & PCB_S_RESPONSE) {
		if (t1->phase != PH_REQUEST && t1->phase != PH_RESYNCH && t1->phase != PH_STOP)
			return EV_STRAY;
		if (code != t1->s_code)
			return EV_STRAY;
		return response_fits(t1, rx) ? EV_RESPONSE : EV_BAD;
	}
	if (code == d->s_wtx)
		return rx->len == 1 ? EV_WTX : EV_BAD;
	if (code == d->s_abort)
		return rx->len ? EV_BAD : EV_ABORT;
	if (code == d->s_ifs && (rx->len == 1 || (rx->len == 2 && d->inf_max > 0xfe))) {
		ifs = se_t1_ifs_value(rx);
		if (ifs && ifs <= d->inf_max)
			return EV_IFS;
	}
	/* RESYNCH is the device's alone (rule 6.1); the others are unknown */
	return EV_BAD;
}

enum se_t1_event se_t1_classify(const struct se_t1 *t1, const u8 *block, size_t len,
				struct se_t1_rx *rx)
{
	const struct se_t1_dialect *d = t1->dialect;
	size_t prologue = se_t1_prologue_len(d);
	int want;
	u8 pcb;

	if (len < se_t1_overhead(d))
		return EV_BAD;
	want = se_t1_block_len(d, block);
	if (want < 0 || (size_t)want != len)
		return EV_BAD;
	if (!se_edc_ok(d->edc, block, len)) {
		rx->edc_error = true;
		return EV_BAD;
	}
	rx->inf = block + prologue;
	rx->len = len - se_t1_overhead(d);
	pcb = block[1];

	if (!(pcb & PCB_R)) {
		/* 00 00 00 00 passes for a block, but is a line without an SE */
		if ((pcb & PCB_I_RFU) || (d->edc == SE_T1_EDC_LRC && !block[0] && !pcb && !rx->len))
			return EV_BAD;
		rx->more = pcb & PCB_I_MORE;
		if (pcb >> 6 != t1->nr)
			return EV_I_OLD;
		return pcb & PCB_I_MORE ? EV_I_MORE : EV_I_LAST;
	}
	if ((pcb & PCB_S) == PCB_R) {
		if ((pcb & PCB_R_RFU) || (pcb & 0x03) == 0x03 || rx->len)
			return EV_BAD;
		rx->r_error = pcb & 0x03;
		rx->n_r = (pcb >> 4) & 1;
		return rx->n_r == t1->ns ? EV_R_SAME : EV_R_NEXT;
	}
	return classify_s(t1, pcb, rx);
}
