/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's side of an SCP03 session with a card on the bench, for applets that ask for
 * its level. It takes the session keys from the card: what makes them is tested elsewhere.
 */
#ifndef SOFTSE_SCP03_HOST_H
#define SOFTSE_SCP03_HOST_H

#include "softse/applet.h"
#include "softse_bench.h"

static inline void host_iv(const struct scp03 *s, uint8_t top, uint8_t iv[16])
{
	static const uint8_t zero[16];
	uint8_t block[16];

	memcpy(block, s->counter, 16);
	block[0] |= top;
	assert_int_equal(crypto_aes_cbc(true, s->s_enc, s->key_len, zero, block, 16, iv), 0);
}

/* A command in the session, at its level; the answer is clear text again. */
static inline void secure_at(struct bench *b, const char *head, const char *data_hex,
			     unsigned int want, int line)
{
	struct scp03 *s = &b->card.channels[0].scp.s3;
	uint8_t c[600], iv[16], mac[16], sw_bytes[2];
	size_t n = unhex(data_hex, c + 5, 240);
	unsigned int got;

	unhex(head, c, 4);
	c[0] |= 0x04;
	/* the card counts this command before it looks at it */
	for (size_t i = 16; i-- > 0 && !++s->counter[i];)
		;
	if (s->level & SCP03_CENC && n) {
		c[5 + n++] = 0x80;
		while (n % 16)
			c[5 + n++] = 0;
		host_iv(s, 0, iv);
		assert_int_equal(
			crypto_aes_cbc(true, s->s_enc, s->key_len, iv, c + 5, n, c + 5), 0);
	}
	for (size_t i = 16; i-- > 0 && !s->counter[i]--;)
		;
	c[4] = (uint8_t)(n + 8);
	{
		struct crypto_part parts[] = {{s->chain, 16}, {c, 5 + n}};

		assert_int_equal(crypto_cmac(s->s_mac, s->key_len, parts, 2, mac), 0);
	}
	memcpy(c + 5 + n, mac, 8);
	c[5 + n + 8] = 0;
	got = bench_run(b, c, 5 + n + 9);
	if (got != want)
		fail_msg("line %d: %s %s: %04X, not %04X", line, head, data_hex, got, want);
	if (!(s->level & SCP03_RMAC) || got != 0x9000)
		return;
	assert_true(b->len >= 8);
	b->len -= 8;
	sw_bytes[0] = 0x90;
	sw_bytes[1] = 0x00;
	{
		struct crypto_part parts[] = {{s->chain, 16}, {b->rsp, b->len}, {sw_bytes, 2}};

		assert_int_equal(crypto_cmac(s->s_rmac, s->key_len, parts, 3, mac), 0);
	}
	assert_memory_equal(b->rsp + b->len, mac, 8);
	if (s->level & SCP03_RENC && b->len) {
		host_iv(s, 0x80, iv);
		assert_int_equal(
			crypto_aes_cbc(false, s->s_enc, s->key_len, iv, b->rsp, b->len, b->rsp),
			0);
		while (b->len && !b->rsp[--b->len])
			;
		assert_int_equal(b->rsp[b->len], 0x80);
	}
}

#define secure(b, head, data, want) secure_at(b, head, data, want, __LINE__)

/* A new card with these applets; a state file if it has a path already. */
static inline void bench_with(struct bench *b, const char *const *applets)
{
	struct card_profile p;

	card_profile_default(&p);
	for (; *applets; applets++)
		assert_null(applet_profile(&p, *applets));
	bench_power_up_as(b, &p);
}

/* The same with one, which is selected unless @aid is NULL. */
static inline void bench_with_one(struct bench *b, const char *applet, const char *aid)
{
	const char *const names[] = {applet, NULL};

	bench_with(b, names);
	if (aid)
		cmd(b, "00A40400", aid, 0x9000);
}

/*
 * Power off and on, then SELECT unless @aid is NULL: the profile does not matter any more, the
 * state file does.
 */
static inline void bench_again(struct bench *b, const char *aid)
{
	card_exit(&b->card);
	bench_power_up(b);
	if (aid)
		cmd(b, "00A40400", aid, 0x9000);
}

/* Of a test that makes its own card, which has a state file. */
static inline int applet_setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	strcpy(b->dir, "/tmp/softse-applet-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	snprintf(b->path, sizeof(b->path), "%s/state", b->dir);
	*state = b;
	return 0;
}

static inline int applet_teardown(void **state)
{
	struct bench *b = *state;

	unlink(b->path);
	rmdir(b->dir);
	return bench_teardown(state);
}

#endif
