/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's side of an SCP03 session with a card on the bench, for applets that ask for
 * its level. It takes the session keys from the card: what makes them is tested elsewhere.
 */
#ifndef SOFTSE_SCP03_HOST_H
#define SOFTSE_SCP03_HOST_H

#include "softse/applet.h"
#include "softse_bench.h"

static inline void secure_session_at(struct bench *b, const char *aid, uint8_t level, int line)
{
	struct scp03 *s = &b->card.channels[0].scp.s3;
	uint8_t auth[21] = {0x84, 0x82, level, 0, 16}, mac[16];
	struct crypto_part parts[] = {{s->chain, 16}, {auth, 13}};

	if (aid)
		cmd_at(b, "00A40400", aid, 0x9000, line);
	cmd_at(b, "80500000", "0001020304050607", 0x9000, line);
	memcpy(auth + 5, s->host_cryptogram, 8);
	assert_int_equal(crypto_cmac(s->s_mac, s->key_len, parts, 2, mac), 0);
	memcpy(auth + 13, mac, 8);
	if (bench_run(b, auth, sizeof(auth)) != 0x9000)
		fail_msg("line %d: no session at level %02X", line, level);
}

#define secure_session(b, aid, level) secure_session_at(b, aid, level, __LINE__)

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
	char err[256];

	card_profile_default(&p);
	p.no_fsync = true;
	for (; *applets; applets++)
		assert_null(applet_profile(&p, *applets));
	memset(&b->card, 0, sizeof(b->card));
	b->card.profile = p;
	b->card.state_path = *b->path ? b->path : NULL;
	if (card_init(&b->card, err, sizeof(err)))
		fail_msg("%s", err);
}

#endif
