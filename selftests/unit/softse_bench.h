/* SPDX-License-Identifier: Apache-2.0 */
/* A card on the bench: commands in hex, sessions by what the card itself knows. */
#ifndef SOFTSE_BENCH_H
#define SOFTSE_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "softse/card.h"
#include "softse/crypto.h"
#include "softse/profile.h"
#include "softse/registry-check.h"

#define ELF "F0534553414D4501"
#define MODULE "F0534553414D450101"
#define APP "F0534553414D450102"
#define ISD "A000000151000000"
#define SD_ELF "A0000001515350"
#define SD_MODULE "A000000151535041"
#define SSD "F0534553414D455344"

struct bench {
	struct card card;
	char dir[64], path[96];
	uint8_t rsp[CARD_RAPDU_MAX];
	size_t len;
	uint64_t work_us;
	const char *channel; /* CLA of the channel that is used, "80" */
};

/* Power on; a card of this profile where there is no state file. */
static inline void bench_power_up_as(struct bench *b, const struct card_profile *p)
{
	char err[256];

	memset(&b->card, 0, sizeof(b->card));
	b->card.profile = *p;
	b->card.profile.no_fsync = true;
	b->card.state_path = *b->path ? b->path : NULL;
	if (card_init(&b->card, err, sizeof(err)))
		fail_msg("%s", err);
}

static inline void bench_power_up(struct bench *b)
{
	struct card_profile p;

	card_profile_default(&p);
	bench_power_up_as(b, &p);
}

static inline int bench_setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	bench_power_up(b);
	*state = b;
	return 0;
}

static inline int bench_teardown(void **state)
{
	struct bench *b = *state;
	const char *why = registry_check(&b->card);

	card_exit(&b->card);
	free(b);
	if (why)
		print_error("registry: %s\n", why);
	return why ? -1 : 0;
}

static inline unsigned int bench_run(struct bench *b, const uint8_t *cmd, size_t n)
{
	b->len = card_execute(&b->card, 1, cmd, n, b->rsp, sizeof(b->rsp), &b->work_us);
	assert_true(b->len >= 2);
	b->len -= 2;
	return get_be16(b->rsp + b->len);
}

static inline size_t unhex(const char *hex, uint8_t *out, size_t room)
{
	int n = parse_hex(hex, out, room);

	if (n < 0)
		fail_msg("not hex: %s", hex);
	return (size_t)n;
}

/* A whole command in hex. */
static inline void sw_at(struct bench *b, const char *hex, unsigned int want, int line)
{
	uint8_t cmd[2048];
	unsigned int got = bench_run(b, cmd, unhex(hex, cmd, sizeof(cmd)));

	if (got != want)
		fail_msg("line %d: %s: %04X, not %04X", line, hex, got, want);
}

#define sw(b, hex, want) sw_at(b, hex, want, __LINE__)

/* Header and data apart: Lc is counted here. */
static inline void cmd_at(struct bench *b, const char *head, const char *data_hex,
			  unsigned int want, int line)
{
	uint8_t cmd[2048];
	size_t head_len = unhex(head, cmd, 4), n = strlen(data_hex) / 2;
	unsigned int got;

	assert_int_equal(head_len, 4);
	if (!n) {
		got = bench_run(b, cmd, 4);
	} else if (n > 255) {
		cmd[4] = 0;
		cmd[5] = (uint8_t)(n >> 8);
		cmd[6] = (uint8_t)n;
		unhex(data_hex, cmd + 7, sizeof(cmd) - 7);
		got = bench_run(b, cmd, n + 7);
	} else {
		cmd[4] = (uint8_t)n;
		unhex(data_hex, cmd + 5, sizeof(cmd) - 6);
		cmd[5 + n] = 0;
		got = bench_run(b, cmd, n + 6);
	}
	if (got != want)
		fail_msg("line %d: %s %s: %04X, not %04X", line, head, data_hex, got, want);
}

#define cmd(b, head, data, want) cmd_at(b, head, data, want, __LINE__)

static inline void answer_at(struct bench *b, const char *want_hex, int line)
{
	uint8_t want[2048];
	size_t n = unhex(want_hex, want, sizeof(want));

	if (b->len != n || memcmp(b->rsp, want, n)) {
		print_error("line %d: want %s\n         have ", line, want_hex);
		for (size_t i = 0; i < b->len; i++)
			print_error("%02X", b->rsp[i]);
		print_error("\n");
		fail();
	}
}

#define answer(b, want) answer_at(b, want, __LINE__)

/* SELECT, unless that is done, and a session of that level on the basic channel, SCP03. */
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
		fail_msg("line %d: no session of level %02X with %s", line, level,
			 aid ? aid : "what is selected");
}

#define secure_session(b, aid, level) secure_session_at(b, aid, level, __LINE__)
#define session(b, aid) secure_session(b, aid, 0x00)

static inline char *hex_of(char *out, const void *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		snprintf(out + 2 * i, 3, "%02X", ((const uint8_t *)data)[i]);
	out[2 * len] = 0;
	return out;
}

#endif
