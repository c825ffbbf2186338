// SPDX-License-Identifier: Apache-2.0
/*
 * Power cuts: the life of a card, with the power taken away before the k-th step that
 * changes the disk, for every k. What the next start finds is a whole card: all that was
 * answered with success and nothing else; and the life goes on from there.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "softse_bench.h"

#define SCRIPT_MAX 40

static const char big_block[] =
	"C481A0"
	"000102030405060708090A0B0C0D0E0F000102030405060708090A0B0C0D0E0F"
	"000102030405060708090A0B0C0D0E0F000102030405060708090A0B0C0D0E0F"
	"000102030405060708090A0B0C0D0E0F000102030405060708090A0B0C0D0E0F"
	"000102030405060708090A0B0C0D0E0F000102030405060708090A0B0C0D0E0F"
	"000102030405060708090A0B0C0D0E0F000102030405060708090A0B0C0D0E0F";

/* Header and data; "" opens a session with the issuer's domain. */
static const char *const life[][2] = {
	{"", ISD},
	{"80E60200", "08" ELF "00000000"},
	{"80E88000", big_block},
	{"80E60C00", "08" ELF "09" MODULE "09" APP "010002C90000"},
	{"80E60C00", "07" SD_ELF "08" SD_MODULE "09" SSD "0380400002C90000"},
	{"80E61000", "09" SSD "0009" APP "000000"},
	{"80E29000", "45080102030405060708"},
	{"80F04080", APP},
	{"80F06080", SSD},
	{"80F06000", SSD},
	{"00A40400", APP},
	{"80200001", ""},
	{"80200001", ""},
	{"", ISD},
	{"80E40080", "4F08" ELF},
	{"80E40000", "4F09" SSD},
	{"80F08007", ""},
	{"80F0800F", ""},
	{"80F0807F", ""},
	{"80F0800F", ""},
};

#define STEPS (sizeof(life) / sizeof(life[0]))

static char *image(const char *path, size_t *len)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	char *text;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	text = malloc((size_t)st.st_size + 1);
	assert_int_equal(read(fd, text, (size_t)st.st_size), st.st_size);
	close(fd);
	*len = (size_t)st.st_size;
	return text;
}

/* 0 with its answer seen; -1: the power went, whatever it says now. */
static int live(struct bench *b, size_t step)
{
	uint8_t c[300];
	size_t n;
	unsigned int got;

	if (!*life[step][0]) {
		struct scp03 *s = &b->card.channels[0].scp.s3;
		uint8_t auth[21] = {0x84, 0x82, 0, 0, 16}, mac[16];
		struct crypto_part parts[] = {{s->chain, 16}, {auth, 13}};

		cmd(b, "00A40400", life[step][1], 0x9000);
		n = unhex("8050000008000102030405060700", c, sizeof(c));
		got = bench_run(b, c, n);
		if (got != 0x9000)
			return -1;
		memcpy(auth + 5, s->host_cryptogram, 8);
		crypto_cmac(s->s_mac, s->key_len, parts, 2, mac);
		memcpy(auth + 13, mac, 8);
		return bench_run(b, auth, sizeof(auth)) == 0x9000 ? 0 : -1;
	}
	n = unhex(life[step][0], c, 4);
	c[4] = (uint8_t)(strlen(life[step][1]) / 2);
	n = c[4] ? 5 + unhex(life[step][1], c + 5, sizeof(c) - 5) : 5;
	got = bench_run(b, c, n);
	/* 6581 is the card's word for a write that failed; the power is off anyway */
	if (got != 0x9000 && got != 0x6581)
		fail_msg("step %zu: %04X", step, got);
	return got == 0x9000 ? 0 : -1;
}

static void start(struct bench *b)
{
	bench_power_up(b);
	b->card.profile.no_fsync = false;
}

/*
 * Lives until the power goes at write @k of the whole life. Return: false if it never
 * went.
 */
static bool one_cut(struct bench *b, unsigned int k)
{
	char *before, *after, *found;
	size_t n_before, n_after, n_found, step;
	bool gone = false;
	const char *why;

	unlink(b->path);
	start(b);
	b->card.cut = true;
	b->card.writes_left = k;
	before = image(b->path, &n_before);
	for (step = 0; step < STEPS && !gone; step++) {
		gone = live(b, step) < 0;
		if (gone)
			break;
		free(before);
		before = image(b->path, &n_before);
	}
	if (!gone) {
		free(before);
		card_exit(&b->card);
		return false;
	}
	found = image(b->path, &n_found);
	card_exit(&b->card);
	start(b); /* refuses a file that is no card */
	why = registry_check(&b->card);
	if (why)
		fail_msg("cut %u: %s", k, why);
	card_exit(&b->card);
	/*
	 * The command was not answered with success, so nothing of it is there. A session
	 * counts itself and its try, each by itself: those may have come through.
	 */
	if ((n_found != n_before || memcmp(found, before, n_found)) && *life[step][0])
		fail_msg("cut %u, step %zu: not the card before", k, step);
	/* the life goes on: a session opens, the registry answers */
	start(b);
	if (b->card.life_cycle == CARD_LOCKED) {
		cmd(b, "00A40400", ISD, 0x6283);
		cmd(b, "80500000", "0001020304050607", 0x9000);
	} else {
		session(b, ISD);
		cmd(b, "80F28002", "4F00", 0x9000);
	}
	after = image(b->path, &n_after);
	assert_true(n_after > 0);
	card_exit(&b->card);
	free(before);
	free(found);
	free(after);
	return true;
}

static void test_every_cut(void **state)
{
	struct bench *b = *state;
	unsigned int k = 0;

	while (one_cut(b, k))
		k++;
	print_message("%u places to cut the power\n", k);
	assert_true(k > 100);
}

/* A load that breaks off leaves nothing, also where another channel goes on. */
static void test_load_breaks_off(void **state)
{
	struct bench *b = *state;
	char *before, *found;
	size_t n, m;

	start(b);
	session(b, ISD);
	before = image(b->path, &n);
	cmd(b, "80E60200", "08" ELF "00000000", 0x9000);
	cmd(b, "80E80000", "C481A000", 0x9000);
	card_exit(&b->card);
	start(b);
	found = image(b->path, &m);
	assert_int_equal(n, m);
	assert_memory_equal(before, found, n);
	free(before);
	free(found);
	session(b, ISD);
	cmd(b, "80F22002", "4F00", 0x6a88);
	/* the combined process: a load file without its application does not stay */
	cmd(b, "80E60E01", "08" ELF "00000000", 0x9000);
	cmd(b, "80E88000", "C40568656C6C6F", 0x9000);
	cmd(b, "80F22002", "4F00", 0x6a88);
	cmd(b, "80E60E03", "0009" MODULE "09" APP "010002C90000", 0x6985);
	cmd(b, "80E60E01", "08" ELF "00000000", 0x9000);
	cmd(b, "80E88000", "C40568656C6C6F", 0x9000);
	cmd(b, "80E60E03", "0009" MODULE "09" APP "010002C90000", 0x9000);
	cmd(b, "80F24002", "4F00", 0x9000);
	card_exit(&b->card);
}

static int power_setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	strcpy(b->dir, "/tmp/softse-power-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	snprintf(b->path, sizeof(b->path), "%s/state", b->dir);
	*state = b;
	return 0;
}

static int power_teardown(void **state)
{
	struct bench *b = *state;
	char tmp[128];

	snprintf(tmp, sizeof(tmp), "%s.new", b->path);
	unlink(tmp);
	unlink(b->path);
	rmdir(b->dir);
	free(b);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_cut, power_setup, power_teardown),
		cmocka_unit_test_setup_teardown(test_load_breaks_off, power_setup,
						power_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
