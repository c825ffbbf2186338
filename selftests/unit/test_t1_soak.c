// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * T=1' engine against a card of our own on a bad wire: loss, damage, doubling,
 * noise, late answers, WTX, IFS, ABORT, silence, and a card that is reset in
 * mid-work. After each exchange the card's own books are compared with what
 * the engine said:
 *
 *	- no command runs twice, none runs damaged;
 *	- DONE means that it ran once and that the response is whole and its own;
 *	- NOT_SENT means that it did not run, EXECUTED that it did;
 *	- every exchange ends, within a bounded number of blocks.
 *
 * N=exchanges and SEED=number in the environment change the run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "se-edc.h"
#include "se-t1.h"

#define CMD_MAX 1200
#define RSP_MAX 1400
#define QUEUE 256
#define STEPS_MAX 20000

/* ---- chance ---- */

static uint64_t seed;

static uint32_t rnd(void)
{
	seed ^= seed << 13; /* xorshift64 */
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16);
}

static uint32_t below(uint32_t n)
{
	return rnd() % n;
}

static bool chance(uint32_t per_million)
{
	return below(1000000) < per_million;
}

/* ---- the wire ---- */

struct frame {
	size_t len;
	u8 data[SE_T1_BLOCK_MAX];
};

struct queue {
	struct frame *frames;
	unsigned int head;
	unsigned int used;
};

struct faults {
	const char *name;
	uint32_t loss; /* all in events per million blocks */
	uint32_t damage;
	uint32_t dup;
	uint32_t noise;
	uint32_t late;	/* the card is busy beyond the waiting time; per million commands */
	uint32_t mute;	/* the card drops what comes, for a while */
	uint32_t abort; /* per million commands */
	uint32_t reset;
	uint32_t give_up; /* the caller's deadline, per million blocks */
};

static const struct faults *faults;
static uint64_t collisions;

static void put(struct queue *q, const u8 *data, size_t len)
{
	struct frame *f;

	if (q->used == QUEUE)
		return; /* lost */
	f = &q->frames[(q->head + q->used++) % QUEUE];
	memcpy(f->data, data, len);
	f->len = len;
}

static struct frame *get(struct queue *q)
{
	struct frame *f = &q->frames[q->head];

	if (!q->used)
		return NULL;
	q->head = (q->head + 1) % QUEUE;
	q->used--;
	return f;
}

static bool crc_ok(const u8 *data, size_t len)
{
	u16 crc;

	if (len < 6)
		return false;
	crc = se_edc_crc(data, len - 2);
	return data[len - 2] == crc >> 8 && data[len - 1] == (crc & 0xff);
}

/* a CRC cannot see one damage in 65536: that is the wire's limit, not the engine's */
static void damage(u8 *data, size_t *len)
{
	u8 whole[SE_T1_BLOCK_MAX];
	size_t n = *len;

	memcpy(whole, data, n);
	for (;;) {
		uint32_t flips = 1 + below(8);

		while (flips--)
			data[below((uint32_t)n)] ^= (u8)(1U << below(8));
		if (!below(8))
			*len = below((uint32_t)n);
		if (*len != n || (memcmp(whole, data, n) && !crc_ok(data, n)))
			return;
		if (memcmp(whole, data, n))
			collisions++;
		memcpy(data, whole, n);
		*len = n;
	}
}

static void travel(struct queue *q, const u8 *data, size_t len)
{
	static u8 copy[SE_T1_BLOCK_MAX];
	size_t n = len;

	if (chance(faults->noise)) {
		u8 junk[12];
		size_t i;

		for (i = 0; i < sizeof(junk); i++)
			junk[i] = (u8)rnd();
		if (!crc_ok(junk, sizeof(junk)))
			put(q, junk, 1 + below(sizeof(junk)));
	}
	if (chance(faults->loss))
		return;
	memcpy(copy, data, len);
	if (chance(faults->damage))
		damage(copy, &n);
	put(q, copy, n);
	while (chance(faults->dup))
		put(q, data, len);
}

/* ---- the books: what was asked, what ran ---- */

struct book {
	u8 runs;
	bool wrong; /* something ran that nobody asked for */
};

static struct book *books;
static uint32_t books_nr;

static size_t make_command(uint32_t id, size_t len, u8 *out)
{
	size_t i;

	for (i = 0; i < len; i++)
		out[i] = (u8)(id * 7 + i * 13 + (i >> 8));
	out[0] = (u8)(id >> 24);
	out[1] = (u8)(id >> 16);
	out[2] = (u8)(id >> 8);
	out[3] = (u8)id;
	out[4] = (u8)(len >> 8);
	out[5] = (u8)len;
	return len;
}

static size_t make_response(uint32_t id, u8 *out)
{
	size_t len = (id * 2654435761U >> 7) % (id % 5 ? 40 : RSP_MAX - 10), i;

	for (i = 0; i < len; i++)
		out[i] = (u8)(id * 11 + i * 17 + (i >> 8));
	out[len++] = 0x90;
	out[len++] = (u8)id;
	return len;
}

static bool run_command(const u8 *cmd, size_t len, uint32_t *id)
{
	static u8 want[CMD_MAX];

	if (len < 6)
		return false;
	*id = ((uint32_t)cmd[0] << 24) | ((uint32_t)cmd[1] << 16) | ((uint32_t)cmd[2] << 8) |
	      cmd[3];
	if (*id >= books_nr || len != (((size_t)cmd[4] << 8) | cmd[5]))
		return false;
	make_command(*id, len, want);
	if (memcmp(want, cmd, len))
		return false;
	books[*id].runs++;
	return true;
}

/* ---- the card: ISO/IEC 7816-3 as a card's programmer reads it ---- */

enum owes { OWES_NOTHING, OWES_ANSWER, OWES_ACK };

static struct {
	struct queue in, out;
	u8 ns, nr;
	u8 last[SE_T1_BLOCK_MAX]; /* last block sent */
	size_t last_len;
	u8 cmd[CMD_MAX];
	size_t cmd_len;
	u8 rsp[RSP_MAX];
	size_t rsp_len, rsp_off, rsp_part;
	bool answering; /* I-blocks of the response are on their way */
	enum owes owes; /* what follows when an S exchange has ended */
	uint32_t wtx, busy, mute;
	size_t ifsd, ifsc;
	bool aborted;
	unsigned int style;
	uint64_t ran_wrong;
} card;

static void card_send(u8 pcb, const u8 *inf, size_t len)
{
	u8 *b = card.last;
	u16 crc;

	b[0] = 0x12;
	b[1] = pcb;
	b[2] = (u8)(len >> 8);
	b[3] = (u8)len;
	if (len)
		memcpy(b + 4, inf, len);
	crc = se_edc_crc(b, len + 4);
	b[len + 4] = (u8)(crc >> 8);
	b[len + 5] = (u8)crc;
	card.last_len = len + 6;
	travel(&card.out, b, card.last_len);
}

static void card_again(void)
{
	travel(&card.out, card.last, card.last_len);
}

static void card_reset(void)
{
	card.ns = card.nr = 0;
	card.last_len = 0;
	card.cmd_len = 0;
	card.answering = false;
	card.owes = OWES_NOTHING;
	card.wtx = card.busy = card.mute = 0;
	card.aborted = false;
}

static void card_r(u8 error)
{
	card_send((u8)(0x80 | (card.nr << 4) | error), NULL, 0);
}

static void card_i(void)
{
	size_t left = card.rsp_len - card.rsp_off;
	size_t n = left < card.ifsd ? left : card.ifsd;

	/* blocks of any length up to IFSD are allowed, empty ones among them */
	if (left > 1 && !below(4))
		n = below((uint32_t)n);
	card.rsp_part = n;
	card.answering = true;
	card_send((u8)((card.ns << 6) | (n < left ? 0x20 : 0)), card.rsp + card.rsp_off, n);
}

/* go on with what is due, with time and IFS requests thrown in */
static void card_go(void)
{
	if (card.owes == OWES_ANSWER && card.wtx) {
		u8 m = (u8)(1 + below(3));

		card.wtx--;
		card_send(0xc3, &m, 1);
		return;
	}
	if (!below(40)) {
		u8 inf[2];
		size_t n = 1;

		card.ifsc = below(2) ? 20 + below(200) : 300 + below(800);
		if (card.ifsc > 254) {
			inf[0] = (u8)(card.ifsc >> 8);
			inf[1] = (u8)card.ifsc;
			n = 2;
		} else {
			inf[0] = (u8)card.ifsc;
		}
		card_send(0xc1, inf, n);
		return;
	}
	if (card.owes == OWES_ANSWER)
		card_i();
	else if (card.owes == OWES_ACK)
		card_r(0);
	card.owes = OWES_NOTHING;
}

static void card_execute(void)
{
	uint32_t id = 0;

	if (!run_command(card.cmd, card.cmd_len, &id))
		card.ran_wrong++;
	card.cmd_len = 0;
	card.rsp_len = make_response(id, card.rsp);
	card.rsp_off = 0;
	card.wtx = below(4) ? 0 : below(4);
	card.busy = chance(faults->late) ? below(12) : 0;
	card.owes = OWES_ANSWER;
	if (chance(faults->reset)) {
		card_reset(); /* it ran, and nobody hears of it */
		return;
	}
	card_go();
}

static void card_on_i(u8 pcb, const u8 *inf, size_t len)
{
	if (pcb >> 6 != card.nr) { /* a doubled one */
		switch (card.style % 3) {
		case 0:
			card_r(0);
			break;
		case 1:
			card_r(2);
			break;
		default:
			break; /* keeps quiet */
		}
		return;
	}
	card.nr ^= 1;
	if (card.answering) { /* rule 2.1: our last block has arrived */
		card.answering = false;
		card.ns ^= 1;
		card.cmd_len = 0;
	}
	if (card.cmd_len + len > CMD_MAX) {
		card.ran_wrong++;
		return;
	}
	memcpy(card.cmd + card.cmd_len, inf, len);
	card.cmd_len += len;
	if (chance(faults->abort)) {
		card.aborted = true;
		card_send(0xc2, NULL, 0);
		return;
	}
	if (pcb & 0x20) {
		card.owes = OWES_ACK;
		card_go();
	} else {
		card_execute();
	}
}

static void card_on_r(u8 pcb)
{
	u8 n_r = (pcb >> 4) & 1;

	/* rule 7.3: an S request of ours has not been answered */
	if (card.last_len && (card.last[1] & 0xe0) == 0xc0) {
		card_again();
		return;
	}
	if (card.answering && n_r == card.ns) { /* asks for the block sent last */
		if ((card.last[1] & 0x80) == 0)
			card_again();
		else
			card_send(
				(u8)((card.ns << 6) |
				     (card.rsp_off + card.rsp_part < card.rsp_len ? 0x20 : 0)),
				card.rsp + card.rsp_off, card.rsp_part);
		return;
	}
	if (card.answering && card.rsp_off + card.rsp_part < card.rsp_len) {
		card.rsp_off += card.rsp_part;
		card.ns ^= 1;
		card.owes = OWES_ANSWER;
		if (chance(faults->abort)) {
			card.aborted = true;
			card_send(0xc2, NULL, 0);
			return;
		}
		card_go();
		return;
	}
	card_r(0); /* rule 7.2 */
}

static void card_on_s(u8 pcb, const u8 *inf, size_t len)
{
	(void)inf;
	(void)len;
	switch (pcb) {
	case 0xc0:
		card_reset();
		card_send(0xe0, NULL, 0);
		break;
	case 0xe1:
	case 0xe3:
		if (card.last_len && card.last[1] == (pcb & 0xdf))
			card_go();
		break;
	case 0xe2:
		if (card.aborted) {
			card.aborted = false;
			card.cmd_len = 0;
			card.answering = false;
			card_r(0);
		}
		break;
	default:
		card_r(2);
	}
}

static void card_step(void)
{
	struct frame *f;
	u8 pcb;

	if (card.busy) {
		card.busy--;
		return;
	}
	f = get(&card.in);
	if (!f)
		return;
	if (card.mute) {
		card.mute--;
		return;
	}
	if (chance(faults->mute)) {
		card.mute = below(12);
		return;
	}
	if (f->len < 6 || f->data[0] != 0x21 || !crc_ok(f->data, f->len) ||
	    f->len != 6U + (((size_t)f->data[2] << 8) | f->data[3])) {
		if (card.last_len && (card.last[1] & 0xe0) == 0xc0)
			card_again(); /* rule 7.3 */
		else
			card_r(f->len < 6 ? 2 : 1);
		return;
	}
	pcb = f->data[1];
	if (!(pcb & 0x80))
		card_on_i(pcb, f->data + 4, f->len - 6);
	else if ((pcb & 0xc0) == 0x80)
		card_on_r(pcb);
	else
		card_on_s(pcb, f->data + 4, f->len - 6);
}

/* ---- the host ---- */

static u8 tx[SE_T1_BLOCK_MAX];
static struct se_t1 t1;

/* let the engine run to DONE or FAIL; how many steps it took */
static unsigned int play(struct se_t1_action *act)
{
	unsigned int steps = 0;

	while (act->op == SE_T1_SEND || act->op == SE_T1_WAIT) {
		struct frame *f = NULL;

		if (++steps > STEPS_MAX)
			fail_msg("exchange without end");
		if (act->op == SE_T1_SEND)
			travel(&card.in, act->block, act->len);
		if (chance(faults->give_up)) {
			se_t1_abort(&t1, -1, act);
			continue;
		}
		for (;;) {
			card_step();
			f = get(&card.out);
			if (f || (!card.in.used && !card.busy) || (card.busy && !below(6)))
				break;
		}
		if (f)
			se_t1_rx(&t1, f->data, f->len, act);
		else
			se_t1_timeout(&t1, act);
	}
	return steps;
}

struct tally {
	uint32_t done, not_sent, executed, unknown, lost;
};

static void power_cycle(void)
{
	card.in.used = card.out.used = 0;
	card_reset();
	se_t1_reset(&t1);
}

static void one(uint32_t id, struct tally *tally, uint8_t *verdict)
{
	static u8 cmd[CMD_MAX], rsp[RSP_MAX], want[RSP_MAX];
	size_t len = make_command(id, 6 + below(below(4) ? 40 : CMD_MAX - 6), cmd), n;
	size_t room = below(10) ? sizeof(rsp) : 2 + below(20);
	struct se_t1_action act;

	card.style = below(3);
	card.ifsd = 1 + below(below(3) ? 300 : 20);
	se_t1_start_apdu(&t1, cmd, len, rsp, room, &act);
	play(&act);
	*verdict = (uint8_t)se_t1_outcome(&t1);
	if (act.op == SE_T1_DONE) {
		n = make_response(id, want);
		assert_int_equal(books[id].runs, 1);
		assert_int_equal(t1.rsp_len, n);
		assert_memory_equal(rsp, want, n < room ? n : room);
		assert_int_equal(t1.sw, 0x9000 | (id & 0xff));
		assert_int_equal(se_t1_outcome(&t1), SE_T1_EXECUTED);
		tally->done++;
		return;
	}
	switch (se_t1_outcome(&t1)) {
	case SE_T1_NOT_SENT:
		tally->not_sent++;
		break;
	case SE_T1_EXECUTED:
		tally->executed++;
		break;
	default:
		tally->unknown++;
	}
	if (act.link_lost) {
		tally->lost++;
		power_cycle();
	}
}

static const struct faults profiles[] = {
	{.name = "good wire"},
	{.name = "0.1 % loss, damage", .loss = 1000, .damage = 1000},
	{.name = "1 % loss, damage", .loss = 10000, .damage = 10000},
	{.name = "5 % loss, damage", .loss = 50000, .damage = 50000},
	{.name = "5 % damage only", .damage = 50000},
	{.name = "5 % doubled, noise", .dup = 50000, .noise = 50000},
	{.name = "late answers", .late = 100000},
	{.name = "silence, abort, deadline",
	 .loss = 2000,
	 .late = 10000,
	 .mute = 3000,
	 .abort = 10000,
	 .give_up = 3000},
	{.name = "all at 1 %",
	 .loss = 10000,
	 .damage = 10000,
	 .dup = 10000,
	 .noise = 10000,
	 .late = 10000,
	 .mute = 2000,
	 .abort = 10000,
	 .give_up = 5000},
	{.name = "all at 5 %",
	 .loss = 50000,
	 .damage = 50000,
	 .dup = 50000,
	 .noise = 50000,
	 .late = 50000,
	 .mute = 10000,
	 .abort = 50000,
	 .give_up = 20000},
	{.name = "reset in mid-work, 1 %", .loss = 5000, .damage = 5000, .reset = 10000},
};

static void soak(const struct faults *f, uint32_t nr)
{
	struct se_t1_params params = {.ifsc = 100, .ifsd = 254, .bwt_us = 1000};
	uint8_t *verdicts = calloc(nr, 1);
	struct tally tally = {0};
	uint32_t id, ran = 0;

	faults = f;
	books = calloc(nr, sizeof(*books));
	books_nr = nr;
	card.in.frames = calloc(QUEUE, sizeof(struct frame));
	card.out.frames = calloc(QUEUE, sizeof(struct frame));
	assert_true(verdicts && books && card.in.frames && card.out.frames);
	card.ran_wrong = 0;
	assert_int_equal(se_t1_init(&t1, &se_t1_dialect_gp, &params, tx, sizeof(tx)), 0);
	power_cycle();
	for (id = 0; id < nr; id++)
		one(id, &tally, &verdicts[id]);
	for (id = 0; id < nr; id++) {
		assert_true(books[id].runs <= 1);
		if (verdicts[id] == SE_T1_NOT_SENT)
			assert_int_equal(books[id].runs, 0);
		if (verdicts[id] == SE_T1_EXECUTED)
			assert_int_equal(books[id].runs, 1);
		ran += books[id].runs;
	}
	assert_int_equal(card.ran_wrong, 0);
	print_message(
		"             %-28s %u: done %u, failed: not sent %u, executed %u, unknown %u; "
		"link lost %u; ran %u\n",
		f->name, nr, tally.done, tally.not_sent, tally.executed, tally.unknown,
		tally.lost, ran);
	if (f == &profiles[0])
		assert_int_equal(tally.done, nr);
	free(verdicts);
	free(books);
	free(card.in.frames);
	free(card.out.frames);
	memset(&card, 0, sizeof(card));
}

static void test_soak(void **state)
{
	const char *n = getenv("N"), *s = getenv("SEED");
	uint32_t nr = n ? (uint32_t)strtoul(n, NULL, 0) : 100000;
	uint32_t profiles_nr = sizeof(profiles) / sizeof(profiles[0]), i;

	(void)state;
	seed = s ? strtoull(s, NULL, 0) : 20261122;
	if (!seed)
		seed = 1;
	print_message("             SEED=%llu N=%u\n", (unsigned long long)seed, nr);
	for (i = 0; i < profiles_nr; i++)
		soak(&profiles[i], nr / profiles_nr);
	print_message("             damages that a CRC cannot see, taken back: %llu\n",
		      (unsigned long long)collisions);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_soak),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
