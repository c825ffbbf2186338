// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * The T=1 engine against a card of our own on a bad wire, in every dialect: loss,
 * damage, doubling, noise, late answers, WTX, IFS and ABORT from both sides,
 * silence, callers that leave, and a card that is reset in mid-work. After each
 * exchange the card's own books are compared with what the engine said:
 *
 *	- no command runs twice, none runs damaged;
 *	- DONE means that it ran once and that the response is whole and its own;
 *	- NOT_SENT means that it did not run, EXECUTED that it did;
 *	- every exchange ends in time: a caller that leaves is free at once, and the
 *	  link soon after the time that an abandoned command gets.
 *
 * N=exchanges and SEED=number in the environment change the run. A failure
 * names its round's seed, dialect and faults: SEED=that DIALECT=name FAULTS=number
 * runs the round again.
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
#define BWT_US 1000U
#define BLOCK_US 20U		   /* on the wire */
#define DEADLINE_US (200 * BWT_US) /* of the caller */
#define DRAIN_US (100 * BWT_US)	   /* for an abandoned command */
#define RECOVERY_US (60 * BWT_US)  /* S(RESYNCH) and what a busy card may ask for */

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
	uint32_t late;	  /* the card is busy beyond the waiting time; per million commands */
	uint32_t mute;	  /* the card drops what comes, for a while */
	uint32_t abort;	  /* per million commands */
	uint32_t reset;	  /* after it ran the command */
	uint32_t worn;	  /* reset at work, while it asks for time; per million requests */
	uint32_t unheard; /* reset before a command */
	uint32_t give_up; /* the caller's deadline, per million blocks */
};

static const struct faults *faults;
static const struct se_t1_dialect *dialect;
static uint64_t collisions;

/* where the run is, for whoever wants to see it again */
static struct {
	uint64_t seed;
	unsigned int faults;
	uint32_t id;
} where;

#define CHECK(cond)                                                                   \
	do {                                                                          \
		if (!(cond))                                                          \
			fail_msg("%s; exchange %u of SEED=%llu DIALECT=%s FAULTS=%u " \
				 "(%s)",                                              \
				 #cond, where.id, (unsigned long long)where.seed,     \
				 dialect->name, where.faults, faults->name);          \
	} while (0)

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

static bool checksum_ok(const u8 *data, size_t len)
{
	return len >= se_t1_overhead(dialect) && se_edc_ok(dialect->edc, data, len);
}

/* what a checksum cannot see (CRC: 1 in 65536) is the wire's limit, not the engine's */
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
		if (*len != n || (memcmp(whole, data, n) && !checksum_ok(data, n)))
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
		if (!checksum_ok(junk, sizeof(junk)))
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

#define STYLE_NO_ABORT 2 /* and keeps quiet about doubled blocks */

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
	size_t n = 0;

	b[n++] = dialect->nad_rx;
	b[n++] = pcb;
	if (dialect->len_bytes == 2)
		b[n++] = (u8)(len >> 8);
	b[n++] = (u8)len;
	if (len)
		memcpy(b + n, inf, len);
	n += len;
	card.last_len = n + se_edc_put(dialect->edc, b, n);
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

		card.ifsc =
			below(2) || dialect->inf_max < 300 ? 20 + below(200) : 300 + below(800);
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
	if (card.aborted) { /* rule 7.3: our S(ABORT) has not been answered */
		card_send(0xc2, NULL, 0);
		return;
	}
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
	case 0xc1:
		card_send(0xe1, inf, len);
		break;
	case 0xc2:
		if (card.style == STYLE_NO_ABORT) {
			card_r(2);
			break;
		}
		if (card.answering)
			card.ns ^= 1;
		card.answering = false;
		card.cmd_len = 0;
		card.owes = OWES_NOTHING;
		card_send(0xe2, NULL, 0);
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

static size_t frame_len(const u8 *data)
{
	if (dialect->len_bytes == 2)
		return ((size_t)data[2] << 8) | data[3];
	return data[2];
}

static void card_step(void)
{
	struct frame *f;
	size_t head;
	u8 pcb;

	if (card.busy) {
		card.busy--;
		return;
	}
	f = get(&card.in);
	if (!f)
		return;
	if (card.owes == OWES_ANSWER && card.last[1] == 0xc3 && chance(faults->worn)) {
		card_reset(); /* it is up again by now, and has not expected that */
		card_r(2);
		return;
	}
	head = se_t1_prologue_len(dialect);
	if (card.mute) {
		card.mute--;
		return;
	}
	if (chance(faults->mute)) {
		card.mute = below(12);
		return;
	}
	if (f->data[0] != dialect->nad_tx || !checksum_ok(f->data, f->len) ||
	    f->len != se_t1_overhead(dialect) + frame_len(f->data)) {
		if (card.last_len && (card.last[1] & 0xe0) == 0xc0)
			card_again(); /* rule 7.3 */
		else
			card_r(f->len < 6 ? 2 : 1);
		return;
	}
	pcb = f->data[1];
	if (!(pcb & 0x80))
		card_on_i(pcb, f->data + head, frame_len(f->data));
	else if ((pcb & 0xc0) == 0x80)
		card_on_r(pcb);
	else
		card_on_s(pcb, f->data + head, frame_len(f->data));
}

/* ---- the host ---- */

static u8 tx[SE_T1_BLOCK_MAX];
static struct se_t1 t1;

static uint64_t now_us;

/*
 * Let the engine run to DONE or FAIL, on a clock of our own. A caller that leaves
 * is told what is known then: *told.
 */
static void play(struct se_t1_action *act, uint8_t *told, bool *left)
{
	uint64_t deadline = now_us + DEADLINE_US, drained = UINT64_MAX, end = UINT64_MAX;

	*left = false;
	while (act->op == SE_T1_SEND || act->op == SE_T1_WAIT) {
		struct frame *f = NULL;

		CHECK(now_us <= end);
		if (act->op == SE_T1_SEND) {
			now_us += BLOCK_US;
			travel(&card.in, act->block, act->len);
		}
		if (!*left && (now_us >= deadline || chance(faults->give_up))) {
			*left = true;
			*told = (uint8_t)se_t1_outcome(&t1);
			drained = now_us + (below(4) ? DRAIN_US : 0);
			end = drained + RECOVERY_US;
			se_t1_leave(&t1, -1);
		}
		if (now_us >= drained) {
			drained = UINT64_MAX;
			se_t1_abort(&t1, -1, act);
			continue;
		}
		for (;;) {
			card_step();
			f = get(&card.out);
			if (f || (!card.in.used && !card.busy) || (card.busy && !below(6)))
				break;
		}
		if (f) {
			now_us += BLOCK_US;
			se_t1_rx(&t1, f->data, f->len, act);
		} else {
			CHECK(act->wait_us && act->wait_us <= 255 * BWT_US);
			now_us += act->wait_us;
			se_t1_timeout(&t1, act);
		}
	}
	if (!*left)
		*told = (uint8_t)se_t1_outcome(&t1);
}

struct tally {
	uint32_t done, left, not_sent, executed, unknown, lost;
	uint64_t aborts, resyncs, wtx, retrans;
};

static void power_cycle(void)
{
	card.in.used = card.out.used = 0;
	card_reset();
	se_t1_reset(&t1);
}

static void tell_ifsd(void)
{
	u16 ifsd = (u16)(1 + below(dialect->inf_max));
	struct se_t1_action act;
	uint8_t told;
	bool left;

	if (ifsd == 255)
		ifsd = 254; /* no value of one byte */
	se_t1_start_ifs(&t1, ifsd, &act);
	play(&act, &told, &left);
	if (act.op == SE_T1_DONE)
		CHECK(t1.ifsd == ifsd);
	else if (act.link_lost)
		power_cycle();
}

static void one(uint32_t id, struct tally *tally, uint8_t *verdict)
{
	static u8 cmd[CMD_MAX], rsp[RSP_MAX], want[RSP_MAX];
	size_t len = make_command(id, 6 + below(below(4) ? 40 : CMD_MAX - 6), cmd), n;
	size_t room = below(10) ? sizeof(rsp) : 2 + below(20);
	struct se_t1_action act;
	bool left;

	where.id = id;
	/*
	 * Nobody hears of that, but the sequence numbers tell. Not so at the beginning
	 * of a chain, or where the first block of an answer is lost as well: one bit is
	 * too little for that. Whoever sees an SE reset itself has to say so
	 * (se_link_state_lost()).
	 */
	if (len <= t1.ifsc && chance(faults->unheard))
		card_reset();
	if (!below(50))
		tell_ifsd();
	card.style = below(3);
	card.ifsd = 1 + below(below(3) ? 300 : 20);
	if (card.ifsd > dialect->inf_max)
		card.ifsd = dialect->inf_max;
	se_t1_start_apdu(&t1, cmd, len, rsp, room, &act);
	play(&act, verdict, &left);
	tally->aborts += t1.count.aborts;
	tally->resyncs += t1.count.resyncs;
	tally->wtx += t1.count.wtx;
	tally->retrans += t1.count.retrans;
	tally->left += left;
	if (act.op == SE_T1_DONE) {
		n = make_response(id, want);
		CHECK(books[id].runs == 1);
		CHECK(*verdict != SE_T1_NOT_SENT);
		CHECK(t1.rsp_len == n);
		CHECK(!memcmp(rsp, want, n < room ? n : room));
		CHECK(t1.sw == (0x9000 | (id & 0xff)));
		CHECK(se_t1_outcome(&t1) == SE_T1_EXECUTED);
		tally->done++;
		return;
	}
	switch (*verdict) {
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
	{.name = "reset at WTX, 5 %", .loss = 5000, .damage = 5000, .worn = 50000},
	{.name = "reset unheard, 5 %", .unheard = 50000},
};

static void soak(const struct se_t1_dialect *d, unsigned int profile, uint32_t nr)
{
	struct se_t1_params params = {.ifsc = 100, .ifsd = 254, .bwt_us = BWT_US};
	uint8_t *verdicts = calloc(nr, 1);
	struct tally tally = {0};
	uint32_t id;

	dialect = d;
	faults = &profiles[profile];
	where.seed = seed;
	where.faults = profile;
	books = calloc(nr, sizeof(*books));
	books_nr = nr;
	card.in.frames = calloc(QUEUE, sizeof(struct frame));
	card.out.frames = calloc(QUEUE, sizeof(struct frame));
	assert_true(verdicts && books && card.in.frames && card.out.frames);
	assert_int_equal(se_t1_init(&t1, dialect, &params, tx, sizeof(tx)), 0);
	power_cycle();
	for (id = 0; id < nr; id++)
		one(id, &tally, &verdicts[id]);
	for (id = 0; id < nr; id++) {
		where.id = id;
		CHECK(books[id].runs <= 1);
		CHECK(verdicts[id] != SE_T1_NOT_SENT || books[id].runs == 0);
		CHECK(verdicts[id] != SE_T1_EXECUTED || books[id].runs == 1);
	}
	CHECK(card.ran_wrong == 0);
	print_message("             %-8s %-24s %u: done %u, left %u; not sent %u, executed %u, "
		      "unknown %u, link lost %u; ABORT %llu, RESYNCH %llu, WTX %llu, "
		      "repeats %llu\n",
		      dialect->name, faults->name, nr, tally.done, tally.left, tally.not_sent,
		      tally.executed, tally.unknown, tally.lost,
		      (unsigned long long)tally.aborts, (unsigned long long)tally.resyncs,
		      (unsigned long long)tally.wtx, (unsigned long long)tally.retrans);
	if (!profile)
		CHECK(tally.done == nr);
	free(verdicts);
	free(books);
	free(card.in.frames);
	free(card.out.frames);
	memset(&card, 0, sizeof(card));
}

#define PROFILES ((unsigned int)(sizeof(profiles) / sizeof(profiles[0])))
#define DIALECTS 5U

static void test_soak(void **state)
{
	const char *n = getenv("N"), *s = getenv("SEED"), *only = getenv("DIALECT"),
		   *which = getenv("FAULTS");
	uint32_t nr = n ? (uint32_t)strtoul(n, NULL, 0) : 100000, share, id;
	unsigned int i;

	(void)state;
	seed = s ? strtoull(s, NULL, 0) : 20261122;
	if (!seed)
		seed = 1;
	share = nr / (PROFILES * DIALECTS) + 1;
	print_message("             SEED=%llu N=%u\n", (unsigned long long)seed, nr);
	for (id = 0; id < DIALECTS; id++) {
		const struct se_t1_dialect *d = se_t1_dialect_by_id(id);

		if (only && strcmp(only, d->name))
			continue;
		for (i = 0; i < PROFILES; i++)
			if (!which || i == strtoul(which, NULL, 0))
				soak(d, i, share);
	}
	print_message("             damages that no checksum sees, taken back: %llu\n",
		      (unsigned long long)collisions);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_soak),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
