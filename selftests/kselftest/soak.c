// SPDX-License-Identifier: Apache-2.0
/*
 * Exchanges through /dev/seN over se-sim, with everything going wrong that can:
 * on the wire, at its interrupt and in the SE. Each command carries a number of
 * its own; the card in this program counts how often it ran each, so that what
 * the driver says of an exchange can be held against what happened.
 *
 * N=exchanges SEED=number, both printed; the same seed makes the same choices.
 * ROUND=number runs one round alone, DIALECT=name and PPM=rate make all rounds alike.
 *
 * A damaged block whose checksum is right all the same cannot be told from a good
 * one. Where that happened it is counted apart, and only where it did: commands
 * are compared with what was sent, and of an answer that is wrong the bytes that
 * went over the wire are searched for a block that makes it so. So is an SE that
 * resets itself within a chain and takes what is left of it for a command.
 */
#include <inttypes.h>

#include "simcard.h"

enum {
	ROUND = 500,	 /* exchanges with one card */
	DATA_MAX = 4000, /* of a command or an answer */
	HEAD = 12,	 /* number and wanted length, at the beginning of the data */
	WIRE = 1 << 17,	 /* bytes of the card that are kept */
	BLOCK = 4100,	 /* at most */
	ENDS = 4096,	 /* ends of blocks that are kept, a power of two */
	DEADLINE_MS = 5000,
	GRACE_MS = 10000, /* for the way to the caller on a busy machine */
};

static const char *const dialects[] = {"gp", "gp", "um11225", "iso-crc", "iso-lrc", "nxp"};

struct soak {
	struct simcard card;
	pthread_mutex_t lock;
	/* the exchange that is under way */
	uint64_t now;
	uint8_t cmd[DATA_MAX + 16];
	size_t cmd_len;
	/* what the card saw */
	uint8_t *ran;	      /* how often each was run; 255 is many */
	uint32_t *print;      /* of each command, to know it again */
	unsigned int foreign; /* commands that are none of ours: damaged on the way */
	/* what left it, for the judge of wrong answers */
	uint8_t wire[WIRE];
	size_t wire_len;
	size_t ends[ENDS]; /* where in it what was sent at once ends; a ring */
	size_t nr_ends;
	unsigned int lost; /* of the card, before the exchange */
	/* what came of it */
	uint64_t ok, failed, unknown, executed, not_sent;
	uint64_t collided_out, collided_in, tails, dead, resets, plugs;
	uint64_t longest_ms;
	uint64_t seed, random;
	uint64_t round;
};

static uint64_t rnd(struct soak *s, uint64_t below)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return (s->random >> 11) % below;
}

static void reseed(struct soak *s, uint64_t round)
{
	/* seeds that are neighbours must not have rounds in common */
	s->random = (s->seed * 0x9e3779b97f4a7c15U ^ (round + 1) * 0xbf58476d1ce4e5b9U) | 1;
	for (int i = 0; i < 16; i++)
		rnd(s, 2);
}

static uint64_t env_number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

static void put64(uint8_t *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (56 - 8 * i));
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

static uint32_t fingerprint(const uint8_t *p, size_t len)
{
	uint32_t h = 2166136261U;

	while (len--)
		h = (h ^ *p++) * 16777619U;
	return h;
}

/* The only right answer to command @nr; returns its length. */
static size_t make_answer(uint64_t nr, uint32_t want, uint8_t *rsp)
{
	uint64_t x = nr * 0x9e3779b97f4a7c15U | 1;

	put64(rsp, nr);
	for (uint32_t i = 8; i < want; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		rsp[i] = (uint8_t)(x >> 24);
	}
	rsp[want] = 0x90;
	rsp[want + 1] = 0x00;
	return want + 2;
}

/* ---- the card ------------------------------------------------------------- */

static size_t card_execute(void *ctx, const uint8_t *cmd, size_t len, uint8_t *rsp,
			   uint64_t now_us, uint64_t *ready_us)
{
	struct soak *s = ctx;
	size_t n = 2, head = len > 7 && !cmd[4] ? 7 : 5;

	(void)now_us;
	(void)ready_us;
	rsp[0] = 0x6f;
	rsp[1] = 0x00;
	pthread_mutex_lock(&s->lock);
	if (len != s->cmd_len || memcmp(cmd, s->cmd, len) != 0) {
		/* not what the caller sent last: late, or damaged */
		uint64_t nr = len >= head + HEAD ? get64(cmd + head) : UINT64_MAX;

		if (nr < s->now && s->print[nr] == fingerprint(cmd, len)) {
			s->ran[nr] = (uint8_t)(s->ran[nr] + (s->ran[nr] < 255));
			n = make_answer(nr, 8, rsp);
		} else {
			s->foreign++;
		}
	} else {
		s->ran[s->now] = (uint8_t)(s->ran[s->now] + (s->ran[s->now] < 255));
		n = make_answer(s->now,
				(uint32_t)(cmd[head + 8] << 24 | cmd[head + 9] << 16 |
					   cmd[head + 10] << 8 | cmd[head + 11]),
				rsp);
	}
	pthread_mutex_unlock(&s->lock);
	return n;
}

static void card_sent(void *ctx, const uint8_t *block, size_t len)
{
	struct soak *s = ctx;

	pthread_mutex_lock(&s->lock);
	if (s->wire_len + len > WIRE) {
		s->wire_len = 0;
		s->nr_ends = 0;
	}
	memcpy(s->wire + s->wire_len, block, len);
	s->wire_len += len;
	s->ends[s->nr_ends++ % ENDS] = s->wire_len;
	pthread_mutex_unlock(&s->lock);
}

/* ---- a round: one card, one kind of trouble -------------------------------- */

static void script(struct soak *s, const char *name, const char *more, uint32_t ppm)
{
	char text[80], err[120];

	if (!ppm)
		return;
	snprintf(text, sizeof(text), "%s:ppm=%u,seed=%" PRIu64 "%s", name, ppm,
		 rnd(s, 1000000) + 1, more);
	if (fault_add(&s->card.faults, text, err, sizeof(err)))
		fail_msg("%s", err);
}

/* What goes wrong in the SE, and with what it says. */
static void faults_of_card(struct soak *s, uint32_t ppm)
{
	script(s, "drop", "", ppm / 4);
	script(s, "corrupt", "", ppm / 4);
	script(s, "duplicate", "", ppm / 4);
	script(s, "truncate", "", ppm / 8);
	script(s, "noise", "", ppm / 8);
	script(s, "late", ",ms=15", ppm / 16);
	script(s, "wtx", "", ppm);
	script(s, "r-error", "", ppm / 8);
	script(s, "ifs", ",size=24", ppm);
	script(s, "abort", "", ppm / 4);
	script(s, "reset", "", ppm / 32);
}

static void bus_fault(struct soak *s, uint32_t kind, uint32_t dir, uint32_t ppm,
		      struct se_sim_fault f)
{
	f.kind = kind;
	f.dir = dir;
	f.ppm = ppm;
	simcard_fault(&s->card, &f);
}

/* What goes wrong on the bus. */
static void faults_of_bus(struct soak *s, uint32_t ppm)
{
	const struct se_sim_fault any = {.flags = SE_SIM_FAULT_RANDOM, .len = 2, .value = 0};
	const struct se_sim_fault late = {.delay_us = 3000};
	const struct se_sim_fault insert = {.flags = SE_SIM_FAULT_RANDOM, .value = 0xa5};
	const struct se_sim_fault rest = {.len = (__u32)rnd(s, 40)};
	const struct se_sim_fault none = {0};
	uint64_t seed = rnd(s, UINT32_MAX);

	assert_int_equal(ioctl(s->card.sim, SE_SIM_IOC_SEED, &seed), 0);
	bus_fault(s, SE_SIM_FAULT_DROP, SE_SIM_OUT, ppm / 4, any);
	bus_fault(s, SE_SIM_FAULT_CORRUPT, SE_SIM_OUT, ppm / 2, any);
	bus_fault(s, SE_SIM_FAULT_INSERT, SE_SIM_OUT, ppm / 8, insert);
	bus_fault(s, SE_SIM_FAULT_DUPLICATE, SE_SIM_OUT, ppm / 8, none);
	bus_fault(s, SE_SIM_FAULT_DELAY, SE_SIM_OUT, ppm / 8, late);
	bus_fault(s, SE_SIM_FAULT_DELAY, SE_SIM_IN, ppm / 4, late);
	bus_fault(s, SE_SIM_FAULT_DUPLICATE, SE_SIM_IN, ppm / 4, none);
	bus_fault(s, SE_SIM_FAULT_SHORT, SE_SIM_OUT, ppm / 16, rest);
	bus_fault(s, SE_SIM_FAULT_ERROR, SE_SIM_OUT, ppm / 64, rest);
	bus_fault(s, SE_SIM_FAULT_ERROR, SE_SIM_IN, ppm / 64, none);
	bus_fault(s, SE_SIM_FAULT_RESET, SE_SIM_OUT, ppm / 64, none);
	bus_fault(s, SE_SIM_FAULT_RESET, SE_SIM_IN, ppm / 64, late);
	bus_fault(s, SE_SIM_FAULT_IRQ_LOST, SE_SIM_IN, ppm, none);
	bus_fault(s, SE_SIM_FAULT_IRQ_LATE, SE_SIM_IN, ppm, late);
	bus_fault(s, SE_SIM_FAULT_IRQ_SPURIOUS, SE_SIM_IN, ppm, none);
	bus_fault(s, SE_SIM_FAULT_IRQ_STUCK, SE_SIM_IN, ppm / 8, late);
	if (s->card.attach.flags & SE_SIM_I2C) {
		bus_fault(s, SE_SIM_FAULT_NACK, SE_SIM_OUT, ppm, none);
		bus_fault(s, SE_SIM_FAULT_NACK, SE_SIM_IN, ppm, none);
	}
}

static void plug(struct soak *s, uint64_t round)
{
	static const uint32_t rates[] = {0, 1000, 10000, 20000, 50000};
	static const uint32_t wirings[] = {0, 0, SE_SIM_IRQ_EDGE, SE_SIM_NO_IRQ};
	const char *dialect;
	struct simcard *c = &s->card;
	uint32_t ppm;

	reseed(s, round);
	dialect = dialects[rnd(s, sizeof(dialects) / sizeof(dialects[0]))];
	if (getenv("DIALECT"))
		dialect = getenv("DIALECT");
	simcard_init(c, dialect);
	c->execute = card_execute;
	c->sent = card_sent;
	c->ctx = s;
	c->attach.flags =
		SE_SIM_NO_CLOCK | wirings[rnd(s, 4)] | (rnd(s, 2) ? SE_SIM_SUPPLY : 0);
	if (!strcmp(dialect, "um11225") || (!strcmp(dialect, "gp") && !rnd(s, 3))) {
		c->attach.flags |= SE_SIM_I2C;
		c->params.physical = 2;
	}
	c->params.bwt_ms = 30;
	c->params.seal = (uint16_t)(rnd(s, 3) ? 0 : 32 + rnd(s, 200));
	c->params.ifsc =
		(uint16_t)(c->params.dialect->inf_max > 254 && rnd(s, 2) ? 255 + rnd(s, 3835)
									 : 16 + rnd(s, 239));
	snprintf(c->attach.device, sizeof(c->attach.device), "t1-se");
	simcard_prop_text(c, "sesame,dialect", dialect);
	simcard_prop_u32(c, "sesame,bwt-ms", 30);
	simcard_prop_u32(c, "sesame,power-up-us", 1500);
	simcard_prop_u32(c, "sesame,reset-pulse-us", 50);
	simcard_prop_u32(c, "sesame,poll-interval-us", 100);
	ppm = (uint32_t)env_number("PPM", rates[rnd(s, 5)]);
	faults_of_card(s, ppm);
	printf("# round %" PRIu64 ": %s on %s, flags %x, IFSC %u, SEAL %u, %u ppm\n", round,
	       dialect, c->attach.flags & SE_SIM_I2C ? "I2C" : "SPI", c->attach.flags,
	       c->params.ifsc, c->params.seal, ppm);
	fflush(stdout);
	simcard_open(c);
	simcard_plug(c);
	/* the driver has seen a good SE; from here on nothing is certain */
	faults_of_bus(s, ppm);
	s->plugs++;
	s->round = round;
}

/* ---- one exchange ---------------------------------------------------------- */

static void make_command(struct soak *s, uint64_t nr, uint32_t *want)
{
	static const uint16_t sizes[] = {20, 100, 255, DATA_MAX};
	size_t data = HEAD + rnd(s, sizes[rnd(s, 20) ? rnd(s, 3) : 3] - HEAD);
	uint8_t *p = s->cmd;

	*want = 8 + (uint32_t)rnd(s, (rnd(s, 20) ? 246U : DATA_MAX - 8U));
	memcpy(p, (const uint8_t[]){0x80, 0x10, 0x00, 0x00}, 4);
	p += 4;
	if (data > 255 || *want > 256) {
		*p++ = 0;
		*p++ = (uint8_t)(data >> 8);
	}
	*p++ = (uint8_t)data;
	put64(p, nr);
	p[8] = 0;
	p[9] = 0;
	p[10] = (uint8_t)(*want >> 8);
	p[11] = (uint8_t)*want;
	for (size_t i = HEAD; i < data; i++)
		p[i] = (uint8_t)rnd(s, 256);
	p += data;
	*p++ = 0;
	if (s->cmd[4] == 0)
		*p++ = 0;
	s->cmd_len = (size_t)(p - s->cmd);
	s->now = nr;
	s->print[nr] = fingerprint(s->cmd, s->cmd_len);
	s->foreign = 0;
}

/* Is the INF field (@inf, @n) in the answer, but in no right one? */
static bool is_why(struct soak *s, const uint8_t *inf, size_t n, const uint8_t *rsp, size_t len)
{
	static uint8_t right[DATA_MAX + 300];
	size_t right_len = make_answer(s->now, (uint32_t)(len - 2), right);

	for (size_t j = 0; j + n <= len; j++)
		if (!memcmp(rsp + j, inf, n) &&
		    (right_len < j + n || memcmp(right + j, inf, n) != 0))
			return true;
	return false;
}

/*
 * What the driver reads as a block, if it begins at @from of the wire, what was sent
 * at once from @start on is cut off at @to, comes @twice from the bus, and is followed
 * by nothing but @fill: has it a good checksum, and is it why?
 */
static bool collides(struct soak *s, size_t from, size_t start, size_t to, bool twice,
		     uint8_t fill, const uint8_t *rsp, size_t len)
{
	const struct t1_dialect *d = s->card.params.dialect;
	size_t head = 2U + d->len_bytes, have = to - from, inf, all;
	static uint8_t b[3 * BLOCK];

	if (s->wire[from] != s->card.params.nad_se || have > BLOCK)
		return false;
	memset(b, fill, sizeof(b));
	memcpy(b, s->wire + from, have);
	if (twice && to - start <= BLOCK)
		memcpy(b + have, s->wire + start, to - start);
	inf = d->len_bytes == 2 ? (size_t)(b[2] << 8 | b[3]) : b[2];
	all = head + inf + t1_edc_len(d);
	return inf && inf <= d->inf_max && !(b[1] & 0x80) && t1_edc_good(d, b, all) &&
	       is_why(s, b + head, inf, rsp, len);
}

/*
 * Is there, in what the card put on the wire of late, a block with a good
 * checksum that is not one of those that it made? Then the wrong answer is no
 * fault of the driver's. Blocks of the card begin where they begin; a collision
 * begins or ends elsewhere, or differs.
 */
static bool collision_in(struct soak *s, const uint8_t *rsp, size_t len)
{
	size_t first = s->nr_ends > ENDS ? s->nr_ends - ENDS : 0;

	for (size_t i = first; i < s->nr_ends; i++) {
		size_t start = i > first ? s->ends[(i - 1) % ENDS] : 0;
		size_t to = s->ends[i % ENDS], from = to > BLOCK ? to - BLOCK : 0;

		for (; from < to; from++)
			if (collides(s, from, start, to, false, 0x00, rsp, len) ||
			    collides(s, from, start, to, false, 0xff, rsp, len) ||
			    collides(s, from, start, to, true, 0x00, rsp, len) ||
			    collides(s, from, start, to, true, 0xff, rsp, len))
				return true;
	}
	return false;
}

/* What the driver saw, if its tracepoints are there. */
static void show_trace(void)
{
	if (!access("/sys/kernel/tracing/events/se/enable", F_OK))
		(void)!system("tail -n 80 /sys/kernel/tracing/trace | sed 's/^/# /' >&2");
}

static void explain(struct soak *s, uint64_t nr, const struct se_apdu *a, int error)
{
	fprintf(stderr,
		"# exchange %" PRIu64
		": errno %d, outcome %u, SW %04x, %u bytes, ran %u times, %u "
		"retransmissions\n# replay: SEED=%" PRIu64 " ROUND=%" PRIu64 "\n",
		nr, error, a->outcome, a->sw, a->rsp_len, s->ran[nr], a->retrans, s->seed,
		s->round);
	show_trace();
}

static bool lost_state(struct soak *s)
{
	return atomic_load(&s->card.lost) != s->lost;
}

static bool judge_answer(struct soak *s, uint64_t nr, const struct se_apdu *a, uint32_t want,
			 const uint8_t *rsp)
{
	static uint8_t right[DATA_MAX + 2];
	size_t n = make_answer(nr, want, right), at;

	if (a->rsp_len == n && !memcmp(rsp, right, n))
		return true;
	if (a->sw == 0x6f00 && s->foreign) { /* it ran a damaged command, or its end */
		*(lost_state(s) ? &s->tails : &s->collided_out) += s->foreign;
		s->foreign = 0;
		return true;
	}
	if (collision_in(s, rsp, a->rsp_len)) {
		s->collided_in++;
		return true;
	}
	for (at = 0; at < n && at < a->rsp_len && rsp[at] == right[at];)
		at++;
	fprintf(stderr,
		"# wrong answer: number %" PRIu64 ", %zu bytes expected; from byte %zu on: ",
		a->rsp_len >= 8 ? get64(rsp) : UINT64_MAX, n, at);
	for (size_t i = at; i < a->rsp_len && i < at + 16; i++)
		fprintf(stderr, "%02x", rsp[i]);
	fprintf(stderr, "\n");
	return false;
}

/* Faults that change the bytes of a command on its way. */
static bool commands_get_damaged(struct soak *s)
{
	static const uint32_t kinds[] = {SE_SIM_FAULT_DROP, SE_SIM_FAULT_CORRUPT,
					 SE_SIM_FAULT_INSERT, SE_SIM_FAULT_SHORT,
					 SE_SIM_FAULT_ERROR};
	uint64_t done = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		done += simcard_done(&s->card, kinds[i], SE_SIM_OUT);
	return done;
}

/* False: what the driver says and what happened are two things. */
static bool judge(struct soak *s, uint64_t nr, const struct se_apdu *a, int error,
		  uint32_t want, const uint8_t *rsp, uint64_t took_ms)
{
	uint8_t ran = s->ran[nr];

	if (took_ms > s->longest_ms)
		s->longest_ms = took_ms;
	if (took_ms > DEADLINE_MS + GRACE_MS) {
		fprintf(stderr, "# %" PRIu64 " ms, the deadline is %d\n", took_ms, DEADLINE_MS);
		return false;
	}
	if (ran > 1 || (s->foreign && !commands_get_damaged(s) && !lost_state(s)))
		return false;
	if (error)
		s->failed++;
	else
		s->ok++;
	switch (a->outcome) {
	case SE_OUTCOME_NOT_SENT:
		s->not_sent++;
		return error && !ran;
	case SE_OUTCOME_UNKNOWN:
		s->unknown++;
		return error;
	case SE_OUTCOME_EXECUTED:
		s->executed++;
		if (!error)
			return judge_answer(s, nr, a, want, rsp) &&
			       (ran || s->collided_out || s->tails);
		return ran || s->foreign;
	default:
		return false;
	}
}

/* Nothing helped: what an administrator would do. */
static void revive(struct soak *s, int fd)
{
	struct se_reset reset = {.level = SE_RESET_LINE};
	struct se_info info = {0};

	assert_int_equal(ioctl(fd, SE_IOC_GET_INFO, &info), 0);
	if (info.state != SE_STATE_DEAD)
		return;
	s->dead++;
	for (int i = 0; i < 20 && ioctl(fd, SE_IOC_RESET, &reset); i++)
		pause_ms(10);
}

static bool exchange(struct soak *s, int fd, uint64_t nr)
{
	static uint8_t rsp[DATA_MAX + 300];
	struct se_stream stream = {0};
	struct se_apdu a = {0};
	uint64_t begin;
	uint32_t want;
	int error;
	bool good;

	pthread_mutex_lock(&s->lock);
	make_command(s, nr, &want);
	pthread_mutex_unlock(&s->lock);
	a.cmd_ptr = (uintptr_t)s->cmd;
	a.cmd_len = (uint32_t)s->cmd_len;
	a.rsp_ptr = (uintptr_t)rsp;
	a.rsp_room = sizeof(rsp);
	s->lost = atomic_load(&s->card.lost);
	begin = now_ms();
	stream.deadline_ns = (begin + DEADLINE_MS) * 1000000;
	error = submit(fd, &a, 1, &stream);
	begin = now_ms() - begin;
	/* -EMSGSIZE of a damaged answer that is too long is an answer, too */
	if (stream.stop == SE_STOP_ROOM)
		error = -EMSGSIZE;

	pthread_mutex_lock(&s->lock);
	good = judge(s, nr, &a, error, want, rsp, begin);
	if (!good)
		explain(s, nr, &a, error);
	pthread_mutex_unlock(&s->lock);
	memset(rsp, 0, sizeof(rsp));
	if (error)
		revive(s, fd);
	return good;
}

/* A round's exchanges; what was not run in time may not be run later either. */
static bool run_round(struct soak *s, uint64_t round, uint64_t first, uint64_t n)
{
	uint8_t *before;
	bool good = true;
	int fd;

	plug(s, round);
	fd = simcard_node(&s->card);
	for (uint64_t i = 0; i < n && good; i++)
		good = exchange(s, fd, first + i);
	before = malloc(n);
	assert_non_null(before);
	memcpy(before, s->ran + first, n);
	pause_ms(20);
	pthread_mutex_lock(&s->lock);
	for (uint64_t i = 0; i < n && good; i++)
		if (s->ran[first + i] != before[i] && before[i]) {
			fprintf(stderr, "# %" PRIu64 " ran again later\n", first + i);
			good = false;
		}
	pthread_mutex_unlock(&s->lock);
	free(before);
	close(fd);
	s->resets += atomic_load(&s->card.resets) + atomic_load(&s->card.power_ons);
	simcard_pull(&s->card);
	return good;
}

static void test_soak(void **state)
{
	uint64_t n = env_number("N", 2000);
	uint64_t only = env_number("ROUND", UINT64_MAX);
	struct soak *s = calloc(1, sizeof(*s));
	uint64_t begin = now_ms();
	bool good = true;

	(void)state;
	assert_non_null(s);
	s->seed = env_number("SEED", choose_seed());
	s->ran = calloc(n + 1, 1);
	s->print = calloc(n + 1, sizeof(*s->print));
	assert_true(s->ran && s->print);
	pthread_mutex_init(&s->lock, NULL);
	(void)!system("mount -t tracefs none /sys/kernel/tracing 2>/dev/null;"
		      "echo 1 2>/dev/null >/sys/kernel/tracing/events/se/enable");
	printf("# N=%" PRIu64 " SEED=%" PRIu64 "\n", n, s->seed);
	for (uint64_t round = 0; round * ROUND < n && good; round++) {
		uint64_t left = n - round * ROUND;

		if (only == UINT64_MAX || only == round)
			good = run_round(s, round, round * ROUND, left < ROUND ? left : ROUND);
	}
	printf("# %" PRIu64 " went well, %" PRIu64 " failed (%" PRIu64 " not sent, %" PRIu64
	       " unknown); %" PRIu64 " cards, %" PRIu64 " resets, %" PRIu64 " times dead\n",
	       s->ok, s->failed, s->not_sent, s->unknown, s->plugs, s->resets, s->dead);
	printf("# checksum collisions: %" PRIu64 " commands, %" PRIu64
	       " answers; ends of commands: %" PRIu64 "; longest %" PRIu64 " ms; %" PRIu64
	       " exchanges/s\n",
	       s->collided_out, s->collided_in, s->tails, s->longest_ms,
	       (s->ok + s->failed) * 1000 / (now_ms() - begin + 1));
	free(s->print);
	free(s->ran);
	free(s);
	assert_true(good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_soak)};

	return cmocka_run_group_tests_name("soak", tests, NULL, NULL);
}
