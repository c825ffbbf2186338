/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host for softse's T=1 endpoint, as plain as can be: a test says which block
 * comes and looks at what the SE sent. Blocks are made here, byte by byte, from
 * ISO/IEC 7816-3, not by the code under test.
 */
#ifndef SOFTSE_HOST_H
#define SOFTSE_HOST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "softse/t1.h"

#define HOST_SENT 64

struct host {
	struct t1 t1;
	struct fault_script faults;
	uint8_t sent[HOST_SENT][T1_BLOCK_MAX];
	size_t sent_len[HOST_SENT];
	size_t n_sent;
	unsigned int executed, resets;
	size_t cmd_len;
	size_t rsp_len;
	bool pending;
	uint64_t work_us, now;
};

static void host_on_send(void *ctx, const uint8_t *block, size_t len)
{
	struct host *h = ctx;

	assert_true(h->n_sent < HOST_SENT);
	memcpy(h->sent[h->n_sent], block, len);
	h->sent_len[h->n_sent++] = len;
}

static size_t host_on_execute(void *ctx, uint32_t work, const uint8_t *cmd, size_t len,
			      uint8_t *rsp, uint64_t now, uint64_t *ready)
{
	struct host *h = ctx;

	(void)work;
	(void)cmd;
	h->executed++;
	h->cmd_len = len;
	if (h->pending)
		return T1_PENDING;
	for (size_t i = 0; i < h->rsp_len; i++)
		rsp[i] = (uint8_t)i;
	*ready = now + h->work_us;
	return h->rsp_len;
}

static void host_on_reset(void *ctx)
{
	((struct host *)ctx)->resets++;
}

/* @faults: each as on the command line, NULL at the end */
static struct host *host_new(const char *dialect, const char *const *faults)
{
	struct host *h = calloc(1, sizeof(*h));
	const struct t1_user user = {h, host_on_send, host_on_execute, host_on_reset, NULL};
	struct t1_params p;
	char err[128];

	assert_non_null(h);
	for (; faults && *faults; faults++)
		assert_int_equal(fault_add(&h->faults, *faults, err, sizeof(err)), 0);
	t1_params_default(&p, t1_dialect(dialect));
	t1_init(&h->t1, &p, &user, &h->faults);
	h->rsp_len = 2;
	return h;
}

static uint16_t host_crc(const uint8_t *data, size_t len)
{
	unsigned int crc = 0xffff;

	for (size_t i = 0; i < len * 8; i++) {
		unsigned int bit = data[i / 8] >> i % 8 & 1;

		crc = (crc ^ bit) & 1 ? crc >> 1 ^ 0x8408 : crc >> 1;
	}
	return (uint16_t)(crc ^ 0xffff);
}

/* Prologue and epilogue of a dialect; returns the block's length. */
static size_t host_frame(const char *dialect, uint8_t nad, uint8_t pcb, const uint8_t *inf,
			 size_t len, uint8_t *out)
{
	size_t n = 0;
	uint16_t crc;

	out[n++] = nad;
	out[n++] = pcb;
	if (!strcmp(dialect, "gp"))
		out[n++] = (uint8_t)(len >> 8);
	out[n++] = (uint8_t)len;
	if (len)
		memcpy(out + n, inf, len);
	n += len;
	if (!strcmp(dialect, "iso-lrc") || !strcmp(dialect, "nxp")) {
		uint8_t lrc = 0;

		for (size_t i = 0; i < n; i++)
			lrc ^= out[i];
		out[n++] = lrc;
		return n;
	}
	crc = host_crc(out, n);
	out[n++] = (uint8_t)(strcmp(dialect, "gp") ? crc & 0xff : crc >> 8);
	out[n++] = (uint8_t)(strcmp(dialect, "gp") ? crc >> 8 : crc & 0xff);
	return n;
}

static void host_sends(struct host *h, uint8_t pcb, const void *inf, size_t len)
{
	const struct t1_params *p = &h->t1.params;
	uint8_t block[T1_BLOCK_MAX];

	t1_input(&h->t1, block, host_frame(p->dialect->name, p->nad_host, pcb, inf, len, block),
		 h->now);
}

/* The oldest block not looked at yet is this one, and whole. */
static void host_gets(struct host *h, uint8_t pcb, size_t len)
{
	const struct t1_params *p = &h->t1.params;
	size_t head = p->dialect->len_bytes == 2 ? 4 : 3;
	uint8_t want[T1_BLOCK_MAX];

	assert_true(h->n_sent > 0);
	assert_int_equal(h->sent[0][1], pcb);
	assert_int_equal(h->sent_len[0], host_frame(p->dialect->name, p->nad_se, pcb,
						    h->sent[0] + head, len, want));
	assert_memory_equal(h->sent[0], want, h->sent_len[0]);
	h->n_sent--;
	memmove(h->sent[0], h->sent[1], h->n_sent * sizeof(h->sent[0]));
	memmove(h->sent_len, h->sent_len + 1, h->n_sent * sizeof(h->sent_len[0]));
}

static void host_hears_nothing(const struct host *h)
{
	assert_int_equal(h->n_sent, 0);
}

static void host_waits(struct host *h, uint64_t us)
{
	h->now += us;
	t1_tick(&h->t1, h->now);
}

#endif
