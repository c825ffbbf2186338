// SPDX-License-Identifier: Apache-2.0
/*
 * Start-up by dialect and the recovery ladder, seen from /dev/seN: what is tried,
 * what the caller of the day is told, and that the generation moves once.
 */
#include "simcard.h"

struct world {
	struct simcard card;
	atomic_uint ran, think_us;
};

static size_t echo(void *ctx, const uint8_t *cmd, size_t len, uint8_t *rsp, uint64_t now_us,
		   uint64_t *ready_us)
{
	struct world *w = ctx;
	size_t n = len > 300 ? 300 : len;

	atomic_fetch_add(&w->ran, 1);
	*ready_us = now_us + atomic_load(&w->think_us);
	memcpy(rsp, cmd, n);
	rsp[n] = 0x90;
	rsp[n + 1] = 0x00;
	return n + 2;
}

static void world_init(struct world *w, const char *dialect, uint32_t flags)
{
	memset(w, 0, sizeof(*w));
	simcard_init(&w->card, dialect);
	w->card.execute = echo;
	w->card.ctx = w;
	w->card.params.bwt_ms = 60;
	w->card.attach.flags = flags;
	if (strcmp(dialect, "gp")) {
		snprintf(w->card.attach.device, sizeof(w->card.attach.device), "t1-se");
		simcard_prop_text(&w->card, "sesame,dialect", dialect);
		simcard_prop_u32(&w->card, "sesame,bwt-ms", 60);
	}
}

static struct se_info info_of(int fd)
{
	struct se_info info = {0};

	assert_int_equal(ioctl(fd, SE_IOC_GET_INFO, &info), 0);
	return info;
}

static struct se_stats stats_of(int fd)
{
	struct se_stats stats = {0};

	assert_int_equal(ioctl(fd, SE_IOC_GET_STATS, &stats), 0);
	return stats;
}

static void set_up(struct se_apdu *a, uint8_t *cmd, size_t len, uint8_t *rsp, size_t room)
{
	memset(cmd, 0x33, len);
	memcpy(cmd, "\x80\x10\x00\x00", 4);
	if (len > 5 && len <= 260) {
		cmd[4] = (uint8_t)(len - 5);
	} else if (len > 260) {
		cmd[4] = 0;
		cmd[5] = (uint8_t)((len - 7) >> 8);
		cmd[6] = (uint8_t)(len - 7);
	}
	memset(a, 0, sizeof(*a));
	a->cmd_ptr = (uintptr_t)cmd;
	a->cmd_len = (uint32_t)len;
	a->rsp_ptr = (uintptr_t)rsp;
	a->rsp_room = (uint32_t)room;
}

static int exchange(int fd, size_t len, unsigned int ms, struct se_apdu *a)
{
	static uint8_t cmd[70000], rsp[400];
	struct se_stream s = {.deadline_ns = ms ? se_deadline_in(ms) : 0};

	set_up(a, cmd, len, rsp, sizeof(rsp));
	return submit(fd, a, 1, &s);
}

static int reset(int fd, uint32_t level, struct se_reset *r)
{
	memset(r, 0, sizeof(*r));
	r->level = level;
	return ioctl(fd, SE_IOC_RESET, r) ? -errno : 0;
}

/* every dialect: parameters read, short and chained commands, each reset that it has */
static void test_dialects(void **state)
{
	static const struct {
		const char *name;
		uint32_t dialect, ifsc, ifsd;
		bool soft;
	} kinds[] = {
		{"gp", SE_DIALECT_GP, 1024, 4089, true},
		{"iso-lrc", SE_DIALECT_ISO_LRC, 32, 254, false},
		{"iso-crc", SE_DIALECT_ISO_CRC, 32, 254, false},
		{"nxp", SE_DIALECT_NXP, 254, 254, true},
		{"um11225", SE_DIALECT_UM11225, 254, 254, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct se_info info;
		struct se_reset r;
		struct se_apdu a;
		struct world w;
		int fd;

		print_message("# %s\n", kinds[i].name);
		world_init(&w, kinds[i].name, SE_SIM_NO_CLOCK);
		simcard_plug(&w.card);
		fd = simcard_node(&w.card);
		info = info_of(fd);
		assert_int_equal(info.dialect, kinds[i].dialect);
		assert_int_equal(info.ifsc, kinds[i].ifsc);
		assert_int_equal(info.ifsd, kinds[i].ifsd);
		assert_int_equal(info.bwt_us, 60000);
		assert_int_equal(exchange(fd, 20, 0, &a), 0);
		assert_int_equal(a.rsp_len, 22);
		assert_int_equal(exchange(fd, 3000, 0, &a), 0);
		assert_int_equal(a.rsp_len, 302);
		assert_int_equal(atomic_load(&w.ran), 2);
		for (uint32_t level = SE_RESET_RESYNCH; level <= SE_RESET_LINE; level++) {
			int ret = reset(fd, level, &r);

			if (level == SE_RESET_SOFT && !kinds[i].soft) {
				assert_int_equal(ret, -EOPNOTSUPP);
				continue;
			}
			assert_int_equal(ret, 0);
			/* one counter for all SEs, and no other one moves */
			assert_int_equal(r.generation, ++info.generation);
			assert_int_equal(exchange(fd, 20, 0, &a), 0);
		}
		close(fd);
		simcard_pull(&w.card);
	}
}

/* ISO/IEC 7816-3, clause 8: the board knows the ATR that nobody sends over SPI */
static void test_board_atr(void **state)
{
	static const uint8_t atr[] = {0x3b, 0x80, 0x81, 0x31, 0x50, 0x25, 0x45};
	uint8_t check = 0, got[64];
	struct se_sim_prop *p;
	struct se_info info;
	struct se_apdu a;
	struct world w;
	int fd;

	(void)state;
	world_init(&w, "iso-lrc", SE_SIM_NO_CLOCK);
	w.card.attach.nr_props--; /* BWT is the ATR's */
	w.card.params.bwt_ms = 400;
	w.card.params.ifsc = 0x50;
	p = simcard_prop(&w.card, "sesame,atr");
	p->type = SE_SIM_PROP_BYTES;
	p->value = sizeof(atr);
	memcpy(p->text, atr, sizeof(atr));
	for (size_t i = 1; i < sizeof(atr) - 1; i++)
		check ^= atr[i];
	p->text[sizeof(atr) - 1] = (char)check;
	simcard_plug(&w.card);
	fd = simcard_node(&w.card);
	info = (struct se_info){.cip_ptr = (uintptr_t)got, .cip_len = sizeof(got)};
	assert_int_equal(ioctl(fd, SE_IOC_GET_INFO, &info), 0);
	assert_int_equal(info.ifsc, 0x50);
	assert_int_equal(info.bwt_us, 400000); /* BWI 2 */
	assert_int_equal(info.cip_len, sizeof(atr));
	assert_memory_equal(got, p->text, sizeof(atr));
	assert_int_equal(exchange(fd, 200, 0, &a), 0);
	close(fd);
	simcard_pull(&w.card);
}

/* an SE that says no more climbs to the top, is dead, and comes back when asked */
static void test_dead_and_back(void **state)
{
	struct se_sim_fault deaf = {
		.kind = SE_SIM_FAULT_DROP, .dir = SE_SIM_OUT, .ppm = SE_SIM_PPM};
	struct se_info before, info;
	struct se_reset r;
	struct se_apdu a;
	struct world w;
	int fd;

	(void)state;
	world_init(&w, "gp", SE_SIM_NO_CLOCK);
	simcard_plug(&w.card);
	fd = simcard_node(&w.card);
	before = info_of(fd);
	simcard_fault(&w.card, &deaf);
	assert_int_equal(exchange(fd, 20, 0, &a), -EIO);
	assert_int_equal(a.outcome, SE_OUTCOME_UNKNOWN);
	for (int i = 0; i < PATIENCE_MS / 100 && info_of(fd).state != SE_STATE_DEAD; i++)
		pause_ms(100);
	info = info_of(fd);
	assert_int_equal(info.state, SE_STATE_DEAD);
	assert_int_equal(info.generation, before.generation + 1);
	assert_int_equal(atomic_load(&w.card.resets), 3); /* the line, before each start-up */
	assert_int_equal(exchange(fd, 20, 0, &a), -EIO);
	assert_int_equal(a.outcome, SE_OUTCOME_NOT_SENT);
	/* a reset does not help as long as nothing has changed */
	assert_int_equal(reset(fd, SE_RESET_LINE, &r), -EIO);
	assert_int_equal(r.state, SE_STATE_DEAD);

	deaf.ppm = 0;
	simcard_fault(&w.card, &deaf);
	info = info_of(fd);
	assert_int_equal(reset(fd, SE_RESET_LINE, &r), 0);
	assert_int_equal(r.state, SE_STATE_IDLE);
	assert_int_equal(r.generation, info.generation + 1);
	assert_int_equal(exchange(fd, 20, 0, &a), 0);
	assert_int_equal(atomic_load(&w.ran), 1);
	close(fd);
	simcard_pull(&w.card);
}

/* a bus that fails once: the rungs are climbed in their order, none is left out */
static void test_bus_error(void **state)
{
	struct se_sim_fault error = {
		.kind = SE_SIM_FAULT_ERROR, .dir = SE_SIM_OUT, .ppm = SE_SIM_PPM, .count = 1};
	struct se_stats before, after;
	struct se_info info;
	struct se_apdu a;
	struct world w;
	int fd;

	(void)state;
	world_init(&w, "gp", SE_SIM_NO_CLOCK);
	simcard_plug(&w.card);
	fd = simcard_node(&w.card);
	info = info_of(fd);
	before = stats_of(fd);
	simcard_fault(&w.card, &error);
	assert_int_equal(exchange(fd, 20, 0, &a), -EIO);
	assert_int_equal(a.outcome, SE_OUTCOME_UNKNOWN);
	assert_int_equal(exchange(fd, 20, 0, &a), 0);
	after = stats_of(fd);
	assert_int_equal(after.resets, before.resets + 1);
	assert_int_equal(atomic_load(&w.card.resets), 0); /* S(SWR) was enough */
	assert_int_equal(info_of(fd).generation, info.generation + 1);
	close(fd);
	simcard_pull(&w.card);
}

struct worker {
	pthread_t thread;
	int fd, ret;
	struct se_apdu a;
};

static void *run_worker(void *arg)
{
	struct worker *k = arg;

	k->ret = exchange(k->fd, 20, 0, &k->a);
	return NULL;
}

/* a reset that ends somebody's exchange moves the generation once */
static void test_reset_in_exchange(void **state)
{
	static const uint32_t levels[] = {SE_RESET_LINE, SE_RESET_SOFT, SE_RESET_RESYNCH};
	struct world w;
	int admin;

	(void)state;
	world_init(&w, "gp", SE_SIM_NO_CLOCK);
	w.card.params.wtx = 1;
	simcard_plug(&w.card);
	admin = simcard_node(&w.card);
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		struct worker k = {.fd = simcard_node(&w.card)};
		struct se_info before = info_of(admin);
		struct se_reset r;

		/* the line does not wait for the SE, the others do */
		atomic_store(&w.think_us, levels[i] == SE_RESET_LINE ? 20000000 : 2000000);
		assert_int_equal(pthread_create(&k.thread, NULL, run_worker, &k), 0);
		while (atomic_load(&w.ran) <= i)
			pause_ms(1);
		assert_int_equal(reset(admin, levels[i], &r), 0);
		pthread_join(k.thread, NULL);
		assert_int_equal(k.ret, -ECONNRESET);
		assert_int_equal(k.a.outcome, SE_OUTCOME_UNKNOWN);
		assert_int_equal(r.generation, before.generation + 1);
		assert_int_equal(info_of(admin).generation, before.generation + 1);
		assert_int_equal(atomic_load(&w.ran), i + 1);
		close(k.fd);
	}
	close(admin);
	simcard_pull(&w.card);
}

/* left in the middle of a long command: S(ABORT), no RESYNCH, nothing lost */
static void test_leave_chain(void **state)
{
	struct se_stats before, after;
	struct se_info info;
	struct se_apdu a;
	struct world w;
	int fd;

	(void)state;
	world_init(&w, "um11225", 0);
	w.card.attach.max_hz = 200000;
	simcard_plug(&w.card);
	fd = simcard_node(&w.card);
	info = info_of(fd);
	before = stats_of(fd);
	/* 2.4 s at this clock */
	assert_int_equal(exchange(fd, 60000, 700, &a), -ETIMEDOUT);
	assert_int_equal(a.outcome, SE_OUTCOME_NOT_SENT);
	assert_int_equal(exchange(fd, 20, 0, &a), 0);
	assert_int_equal(atomic_load(&w.ran), 1);
	after = stats_of(fd);
	assert_int_equal(after.aborts, before.aborts + 1);
	assert_int_equal(after.resyncs, before.resyncs);
	assert_int_equal(info_of(fd).generation, info.generation);
	close(fd);
	simcard_pull(&w.card);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dialects),      cmocka_unit_test(test_board_atr),
		cmocka_unit_test(test_dead_and_back), cmocka_unit_test(test_reset_in_exchange),
		cmocka_unit_test(test_leave_chain),   cmocka_unit_test(test_bus_error),
	};

	return cmocka_run_group_tests_name("recover", tests, NULL, NULL);
}
