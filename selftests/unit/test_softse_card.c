// SPDX-License-Identifier: Apache-2.0
/* The card at APDU level: channels, registry, life cycles, what survives. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "softse/card.h"
#include "softse/crypto.h"
#include "softse/profile.h"

#define ELF "F0534553414D4501"
#define MODULE "F0534553414D450101"
#define APP "F0534553414D450102"
#define ISD "A000000151000000"
#define HELLO "2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824"

struct bench {
	struct card card;
	char dir[64], path[96];
	uint8_t rsp[CARD_RAPDU_MAX];
	size_t len;
	uint64_t work_us;
};

static void power_up(struct bench *b)
{
	struct card_profile p = b->card.profile;
	char err[256];

	memset(&b->card, 0, sizeof(b->card));
	b->card.profile = p;
	b->card.state_path = b->path;
	assert_int_equal(card_init(&b->card, err, sizeof(err)), 0);
}

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	strcpy(b->dir, "/tmp/softse-test-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	snprintf(b->path, sizeof(b->path), "%s/state", b->dir);
	card_profile_default(&b->card.profile);
	b->card.profile.no_fsync = true;
	power_up(b);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	card_exit(&b->card);
	unlink(b->path);
	rmdir(b->dir);
	free(b);
	return 0;
}

/* Runs a command by @origin, gives the status word. */
static unsigned int run_as(struct bench *b, int origin, const char *hex)
{
	uint8_t cmd[600];
	int n = parse_hex(hex, cmd, sizeof(cmd));

	assert_true(n > 0);
	b->len = card_execute(&b->card, origin, cmd, (size_t)n, b->rsp, sizeof(b->rsp),
			      &b->work_us);
	assert_true(b->len >= 2);
	b->len -= 2;
	return get_be16(b->rsp + b->len);
}

static void sw(struct bench *b, const char *hex, unsigned int want)
{
	unsigned int got = run_as(b, 1, hex);

	if (got != want)
		print_error("%s\n", hex);
	assert_int_equal(got, want);
}

static void data(struct bench *b, const char *hex, const char *want_hex)
{
	uint8_t want[600];
	int n = parse_hex(want_hex, want, sizeof(want));

	sw(b, hex, 0x9000);
	assert_int_equal(b->len, n);
	assert_memory_equal(b->rsp, want, (size_t)n);
}

/* A session at a level, by what the card itself knows of the host's part. */
static void authenticate(struct bench *b, uint8_t level, bool spoil, unsigned int want)
{
	struct scp03 *s = &b->card.channels[0].scp.s3;
	uint8_t cmd[21] = {0x84, 0x82, level, 0, 16}, mac[16];
	struct crypto_part parts[] = {{s->chain, 16}, {cmd, 13}};
	char hex[43];

	sw(b, "8050000008000102030405060700", 0x9000);
	memcpy(cmd + 5, s->host_cryptogram, 8);
	cmd[5] ^= spoil;
	crypto_cmac(s->s_mac, s->key_len, parts, 2, mac);
	memcpy(cmd + 13, mac, 8);
	for (size_t i = 0; i < sizeof(cmd); i++)
		snprintf(hex + 2 * i, 3, "%02X", cmd[i]);
	sw(b, hex, want);
}

static void install_app(struct bench *b)
{
	authenticate(b, 0, false, 0x9000);
	sw(b, "80E602002D08" ELF "0020" HELLO "000000", 0x9000);
	sw(b, "80E8800007C40568656C6C6F", 0x9000);
	sw(b, "80E60C002308" ELF "09" MODULE "09" APP "010002C9000000", 0x9000);
}

static void test_lengths(void **state)
{
	struct bench *b = *state;

	sw(b, "00", 0x6700);
	sw(b, "00A404", 0x6700);
	sw(b, "00A4040008A0000001510000", 0x6700);
	sw(b, "00A4040002A0000000AB", 0x6700);
	sw(b, "00A40400000000", 0x9000);
	sw(b, "00A404000000", 0x6700);
	sw(b, "00A40400000008" ISD, 0x9000);
	sw(b, "00A40400000008" ISD "0000", 0x9000);
	sw(b, "00A40400000009" ISD, 0x6700);
	sw(b, "20A4040000", 0x6E00);
	sw(b, "FFA4040000", 0x6E00);
	/* CLA bit 5: parts of one command, and what does not continue them */
	sw(b, "10A4040004A0000001", 0x9000);
	sw(b, "00A404000451000000", 0x9000);
	sw(b, "10A4040004A0000001", 0x9000);
	sw(b, "00A4040C0451000000", 0x6883);
	b->card.profile.no_chaining = 1;
	sw(b, "10A4040000", 0x6884);
	sw(b, "0CA4040000", 0x6882);
	sw(b, "0012000000", 0x6D00);
}

static void test_channels(void **state)
{
	struct bench *b = *state;

	sw(b, "01A4040000", 0x6881);
	data(b, "0070000001", "01");
	data(b, "0070000001", "02");
	sw(b, "00700002", 0x6A86);
	sw(b, "00700005", 0x9000);
	sw(b, "41A4040000", 0x9000); /* 4 + 1 */
	assert_int_equal(run_as(b, 2, "0070000001"), 0x9000);
	assert_int_equal(b->rsp[0], 3);
	card_drop_origin(&b->card, 1);
	sw(b, "03A4040000", 0x9000);
	sw(b, "41A4040000", 0x6881);
	sw(b, "00708001", 0x6200);
	sw(b, "03708000", 0x9000);
	sw(b, "03A4040000", 0x6881);
	for (unsigned int i = 1; i < 20; i++)
		sw(b, "0070000001", 0x9000);
	sw(b, "0070000001", 0x6A81);
	sw(b, "4FA4040000", 0x9000);
	card_reset(&b->card);
	sw(b, "4FA4040000", 0x6881);
	sw(b, "00708000", 0x6A86);
}

static void test_needs_session(void **state)
{
	struct bench *b = *state;

	sw(b, "80F28002024F0000", 0x6982);
	sw(b,
	   "80F04080"
	   "09" APP,
	   0x6982);
	sw(b, "80E602000D08" ELF "00000000", 0x6982);
	sw(b,
	   "80E4000008"
	   "4F06"
	   "F05345534141",
	   0x6982);
	sw(b, "80E8800007C40568656C6C6F", 0x6982);
	sw(b, "8082000010000000000000000000000000000000000000", 0x6700);
	sw(b, "84820000100000000000000000000000000000000000", 0x6985);
	/* level 01 and a bare command: the session is over */
	authenticate(b, 1, false, 0x9000);
	sw(b, "80F28002024F0000", 0x6982);
	authenticate(b, 0, false, 0x9000);
	sw(b, "80F28002024F0000", 0x9000);
	sw(b, "84F28002024F0000", 0x6982);
	sw(b, "80F28002024F0000", 0x6982);
	/* SELECT ends it too */
	authenticate(b, 0, false, 0x9000);
	sw(b, "00A4040000", 0x9000);
	sw(b, "80F28002024F0000", 0x6982);
}

static void test_tries(void **state)
{
	struct bench *b = *state;

	for (int i = 0; i < 9; i++)
		authenticate(b, 0, true, 0x6300);
	authenticate(b, 0, false, 0x9000);
	assert_int_equal(b->card.entries[0]->tries, 0);
	for (int i = 0; i < 10; i++)
		authenticate(b, 0, true, 0x6300);
	card_exit(&b->card);
	card_profile_default(&b->card.profile);
	power_up(b);
	sw(b, "8050000008000102030405060700", 0x6983);
	sw(b, "8050310008000102030405060700", 0x6A88);
}

static void test_life_of_an_application(void **state)
{
	struct bench *b = *state;

	install_app(b);
	data(b, "80F24002024F0000", "E3284F09" APP "9F700107C503000000C408" ELF "CC08" ISD);
	data(b, "80F24002075C039F70C54F0000", "E3099F700107C503000000");
	data(b, "80F24002085C044F9F70C54F0000", "E3144F09" APP "9F700107C503000000");
	data(b, "80F22002024F0000", "E31C4F08" ELF "9F700101CE020000CC08" ISD);
	data(b, "80F24000024F0000", "09" APP "0700");
	sw(b, "80F24002054F03A0000000", 0x6A88);
	/* twice is refused, both ways */
	sw(b, "80F0408009" APP, 0x9000);
	sw(b, "80F0408009" APP, 0x6985);
	data(b, "80F24002065C029F704F0000", "E3049F700187");
	sw(b, "80F0400009" APP, 0x9000);
	sw(b, "80F0400009" APP, 0x6985);
	sw(b, "80F0408008" ELF, 0x6A88);
	sw(b, "80F0408008" ISD, 0x6A88);
	sw(b, "80E600000A4F08" ELF, 0x6A86);
	sw(b, "80E400000A4F08" ELF, 0x6985);
	sw(b, "80E400000A4F08" ISD, 0x6985);
	sw(b, "80E400000B4F09" APP, 0x9000);
	sw(b, "80E400000B4F09" APP, 0x6A88);
	sw(b, "80E400000A4F08" ELF, 0x9000);
	sw(b, "80F22002024F0000", 0x6A88);
}

static void test_locked_is_not_selected(void **state)
{
	struct bench *b = *state;

	install_app(b);
	data(b, "0070000001", "01");
	sw(b, "01A4040009" APP, 0x9000);
	sw(b, "8150000000", 0x9000);
	sw(b, "80F0408009" APP, 0x9000);
	sw(b, "8150000000", 0x6985);
	sw(b, "01A4040009" APP, 0x6A82);
	sw(b, "80F0400009" APP, 0x9000);
	data(b, "8150000000", "01");
	sw(b, "80E400800A4F08" ELF, 0x6985); /* selected on channel 1 */
	sw(b, "00708001", 0x9000);
	sw(b, "80E400800A4F08" ELF, 0x9000);
}

static void test_install_in_steps(void **state)
{
	struct bench *b = *state;

	authenticate(b, 0, false, 0x9000);
	sw(b, "80E602000D08" ELF "00000000", 0x9000);
	sw(b, "80E8800007C40568656C6C6F", 0x9000);
	sw(b, "80E604002308" ELF "09" MODULE "09" APP "010002C9000000", 0x9000);
	sw(b, "80E604002308" ELF "09" MODULE "09" APP "010002C9000000", 0x6985);
	sw(b, "80E60C002208" ELF "08" ELF "09" APP "010002C9000000", 0x6985);
	data(b, "80F24002065C029F704F0000", "E3049F700103");
	sw(b,
	   "80E60800100000"
	   "09" APP "01000000",
	   0x9000);
	sw(b,
	   "80E60800100000"
	   "09" APP "01000000",
	   0x6985);
	/* a module that nobody has code for */
	sw(b,
	   "80E60C002108" ELF "07F0000000000009"
	   "09F05345534141414141"
	   "010002C90000",
	   0x9000);
	data(b, "00A4040009" APP "00", "6F118409" APP "A5049F6501FF");
	sw(b, "00A4040009F05345534141414141", 0x6999);
	data(b, "8050000000", "00"); /* and the one before is still selected */
}

static void test_load_rules(void **state)
{
	struct bench *b = *state;

	authenticate(b, 0, false, 0x9000);
	sw(b, "80E8800007C40568656C6C6F", 0x6985);
	/* wrong hash */
	sw(b, "80E602002D08" ELF "0020" HELLO "0000", 0x9000);
	sw(b, "80E8800007C40568656C6C70", 0x6A80);
	sw(b, "80F22002024F0000", 0x6A88);
	/* order, and a command in between */
	sw(b, "80E602000D08" ELF "00000000", 0x9000);
	sw(b, "80E8000007C40668656C6C6F", 0x9000);
	sw(b, "80E8800201AA", 0x6A86);
	sw(b, "80E8800101AA", 0x6985);
	sw(b, "80E602000D08" ELF "00000000", 0x9000);
	sw(b, "80E8000007C40668656C6C6F", 0x9000);
	sw(b, "80CA00660000", 0x6700);
	sw(b, "80CA006600", 0x9000);
	sw(b, "80E8800101AA", 0x6985);
	/* in two blocks; unfinished content; a DAP block of nobody */
	sw(b, "80E602000D08" ELF "00000000", 0x9000);
	sw(b, "80E8000004C4056865", 0x9000);
	sw(b, "80E88001026C6C", 0x6A80);
	sw(b, "80E602000D08" ELF "00000000", 0x9000);
	sw(b, "80E8800008E2024F00C4056865", 0x6A80);
	sw(b, "80E602000D08" ELF "00000000", 0x9000);
	sw(b, "80E8000004C4056865", 0x9000);
	sw(b, "80E88001036C6C6F", 0x9000);
	sw(b, "80E602000D08" ELF "00000000", 0x6985);
}

static void test_paging(void **state)
{
	struct bench *b = *state;
	char cmd[128];

	install_app(b);
	for (unsigned int i = 0; i < 12; i++) {
		snprintf(cmd, sizeof(cmd),
			 "80E60C002308" ELF "09" MODULE "09F0534553414D4502%02X010002C9000000",
			 i);
		sw(b, cmd, 0x9000);
	}
	sw(b, "80F24003024F0000", 0x6985);
	sw(b, "80F24002024F0000", 0x6310);
	assert_int_equal(b->len, 5 * 42);
	sw(b, "80F24003024F0000", 0x6310);
	sw(b, "80F24003024F0000", 0x9000);
	assert_int_equal(b->len, 3 * 42);
	sw(b, "80F24003024F0000", 0x6985);
}

static void test_card_life_cycle(void **state)
{
	struct bench *b = *state;

	install_app(b);
	sw(b, "80F0800F", 0x6985);
	sw(b, "80F08007", 0x9000);
	sw(b, "80F0800F", 0x9000);
	sw(b, "80F0800F", 0x6985);
	sw(b, "80F08007", 0x6985);
	sw(b, "80F0807F", 0x9000);
	sw(b, "80E400800A4F08" ELF, 0x6985);
	sw(b, "00A4040009" APP, 0x6A82);
	sw(b, "00A4040000", 0x6283);
	authenticate(b, 0, false, 0x9000);
	data(b, "80F28002065C029F704F0000", "E3049F70017F");
	sw(b, "80F0800F", 0x9000);
	sw(b, "80F080FF", 0x9000);
	sw(b, "80F28002024F0000", 0x6985);
	sw(b, "80CA006600", 0x9000);
}

static void test_applet(void **state)
{
	struct bench *b = *state;

	install_app(b);
	sw(b, "00A4040009" APP, 0x9000);
	data(b, "801000000568656C6C6F00", "68656C6C6F");
	data(b, "8020000700", "00000001");
	data(b, "8020000700", "00000002");
	data(b, "8020000800", "00000001");
	sw(b, "803000FA", 0x9000);
	assert_int_equal(b->work_us, 250000);
	/* more than Le takes */
	sw(b, "8040012C00", 0x612C);
	assert_int_equal(b->len, 256);
	sw(b, "00C0000010", 0x611C);
	assert_int_equal(b->len, 16);
	sw(b, "00C000001C", 0x9000);
	assert_int_equal(b->rsp[27], 0x2b);
	sw(b, "00C0000000", 0x6D00);
	sw(b, "8040FFFF000000", 0x9000);
	assert_int_equal(b->len, 65535);
	sw(b, "80A0000000", 0x6D00);
	sw(b, "8410000000", 0x6882);
}

static void test_power_cycle(void **state)
{
	struct bench *b = *state;
	struct stat st;

	install_app(b);
	sw(b, "80F0408009" APP, 0x9000);
	sw(b, "80F0400009" APP, 0x9000);
	sw(b, "00A4040009" APP, 0x9000);
	data(b, "8020000700", "00000001");
	card_exit(&b->card);
	card_profile_default(&b->card.profile);
	power_up(b);
	sw(b, "00A4040009" APP, 0x9000);
	data(b, "8020000700", "00000002");
	sw(b, "00A4040000", 0x9000);
	data(b, "80CA00C100", "C103000001");
	assert_int_equal(stat(b->path, &st), 0);
	assert_int_equal(st.st_mode & 077, 0);
}

static void test_state_file_checked(void **state)
{
	struct bench *b = *state;
	struct card other = {.state_path = b->path};
	char err[256];
	int fd;

	install_app(b);
	fd = open(b->path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "7", 1, 21), 1);
	card_profile_default(&other.profile);
	assert_int_not_equal(card_init(&other, err, sizeof(err)), 0);
	assert_non_null(strstr(err, "damaged"));
	memset(&other, 0, sizeof(other));
	other.state_path = b->path;
	assert_int_equal(ftruncate(fd, 0), 0);
	close(fd);
	card_profile_default(&other.profile);
	assert_int_not_equal(card_init(&other, err, sizeof(err)), 0);
	assert_non_null(strstr(err, ":1:"));
}

/* A full disk: the command fails and the card is as it was. */
static void test_no_space_for_state(void **state)
{
	struct bench *b = *state;

	install_app(b);
	b->card.state_path = "/nonexistent/state";
	sw(b, "80F0408009" APP, 0x6581);
	sw(b, "80E400800A4F08" ELF, 0x6581);
	sw(b, "80F08007", 0x6581);
	sw(b,
	   "80E60C002108" ELF "07F0000000000009"
	   "09F05345534141414141"
	   "010002C90000",
	   0x6581);
	b->card.state_path = b->path;
	data(b, "80F24002024F0000", "E3284F09" APP "9F700107C503000000C408" ELF "CC08" ISD);
	data(b, "80F22002024F0000", "E31C4F08" ELF "9F700101CE020000CC08" ISD);
	data(b, "80F28002065C029F704F0000", "E3049F700101");
}

int main(void)
{
#define CARD_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CARD_TEST(test_lengths),
		CARD_TEST(test_channels),
		CARD_TEST(test_needs_session),
		CARD_TEST(test_tries),
		CARD_TEST(test_life_of_an_application),
		CARD_TEST(test_locked_is_not_selected),
		CARD_TEST(test_install_in_steps),
		CARD_TEST(test_load_rules),
		CARD_TEST(test_paging),
		CARD_TEST(test_card_life_cycle),
		CARD_TEST(test_applet),
		CARD_TEST(test_power_cycle),
		CARD_TEST(test_state_file_checked),
		CARD_TEST(test_no_space_for_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
