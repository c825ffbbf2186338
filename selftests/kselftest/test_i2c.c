// SPDX-License-Identifier: Apache-2.0
/*
 * se-i2c on the wire: both conventions, polled and with the line, NACKs, adapters
 * with short messages, what is refused. softse's T=1 plays the SE on se-sim.
 */
#include "simcard.h"

struct world {
	struct simcard card;
	atomic_uint ran;
	unsigned int think_us;
};

/* A test that fails leaves its card running: that is not to be on the stack. */
static struct world *world_new(void)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	return w;
}

/* The data of the command, and 9000. */
static size_t echo(void *ctx, const uint8_t *cmd, size_t len, uint8_t *rsp, uint64_t now_us,
		   uint64_t *ready_us)
{
	struct world *w = ctx;
	size_t head = len > 7 && !cmd[4] ? 7 : 5, n = 0;

	atomic_fetch_add(&w->ran, 1);
	if (len > head) {
		n = head == 7 ? (size_t)(cmd[5] << 8 | cmd[6]) : cmd[4];
		memcpy(rsp, cmd + head, n);
	}
	rsp[n] = 0x90;
	rsp[n + 1] = 0x00;
	*ready_us = now_us + w->think_us;
	return n + 2;
}

static void world_init(struct world *w, const char *dialect, const char *device, uint32_t flags)
{
	memset(w, 0, sizeof(*w));
	simcard_init(&w->card, dialect);
	w->card.execute = echo;
	w->card.ctx = w;
	w->card.params.physical = 2;
	w->card.params.bwt_ms = 2000;
	w->card.attach.flags = SE_SIM_I2C | SE_SIM_NO_CLOCK | flags;
	snprintf(w->card.attach.device, sizeof(w->card.attach.device), "%s", device);
	simcard_prop_u32(&w->card, "sesame,power-up-us", 1500);
	simcard_prop_u32(&w->card, "sesame,reset-pulse-us", 50);
}

static void get_info(int fd, struct se_info *info)
{
	memset(info, 0, sizeof(*info));
	assert_int_equal(ioctl(fd, SE_IOC_GET_INFO, info), 0);
}

static void counters(struct world *w, struct se_sim_counters *c)
{
	assert_int_equal(ioctl(w->card.sim, SE_SIM_IOC_COUNTERS, c), 0);
}

/* One echo with @n bytes of data. */
static int exchange(int fd, size_t n, struct se_apdu *a)
{
	static uint8_t cmd[4100], rsp[4200];
	size_t len = 0;
	int ret;

	memcpy(cmd, (const uint8_t[]){0x80, 0x10, 0, 0}, 4);
	len = 4;
	if (n > 255) {
		cmd[len++] = 0;
		cmd[len++] = (uint8_t)(n >> 8);
	}
	cmd[len++] = (uint8_t)n;
	for (size_t i = 0; i < n; i++)
		cmd[len++] = (uint8_t)(i * 7 + n);
	memset(a, 0, sizeof(*a));
	a->cmd_ptr = (uintptr_t)cmd;
	a->cmd_len = (uint32_t)len;
	a->rsp_ptr = (uintptr_t)rsp;
	a->rsp_room = sizeof(rsp);
	ret = submit(fd, a, 1, NULL);
	if (!ret) {
		assert_int_equal(a->outcome, SE_OUTCOME_EXECUTED);
		assert_int_equal(a->sw, 0x9000);
		assert_int_equal(a->rsp_len, n + 2);
		assert_memory_equal(rsp, cmd + len - n, n);
	}
	return ret;
}

static void check_sizes(struct world *w, uint32_t dialect)
{
	static const size_t sizes[] = {1, 2, 8, 100, 254, 255, 300, 1000, 4000};
	struct se_info info;
	struct se_apdu a;
	int fd;

	simcard_plug(&w->card);
	fd = simcard_node(&w->card);
	get_info(fd, &info);
	assert_int_equal(info.dialect, dialect);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_int_equal(exchange(fd, sizes[i], &a), 0);
		assert_int_equal(a.retrans, 0);
	}
	assert_int_equal(atomic_load(&w->ran), sizeof(sizes) / sizeof(sizes[0]));
	close(fd);
	simcard_pull(&w->card);
}

static void test_gp(void **state)
{
	static const uint32_t flags[] = {0, SE_SIM_IRQ_EDGE, SE_SIM_NO_IRQ,
					 SE_SIM_NO_IRQ | SE_SIM_NO_NACK | SE_SIM_FILL_FF,
					 SE_SIM_SUPPLY | SE_SIM_ENABLE};
	struct world *w = world_new();

	(void)state;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		world_init(w, "gp", "gp-se", flags[i]);
		check_sizes(w, SE_DIALECT_GP);
	}
	free(w);
}

static void test_um11225(void **state)
{
	static const char *const devices[] = {"se050", "se051", "t1-se"};
	struct world *w = world_new();

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		world_init(w, "um11225", devices[i], SE_SIM_NO_IRQ);
		if (i == 2)
			simcard_prop_text(&w->card, "sesame,dialect", "um11225");
		check_sizes(w, SE_DIALECT_UM11225);
	}
	world_init(w, "um11225", "se050", 0);
	check_sizes(w, SE_DIALECT_UM11225);
	free(w);
}

/* While the SE computes it is asked once in a polling interval, not more. */
static void test_polling(void **state)
{
	struct se_sim_counters before, after;
	struct se_info info;
	struct se_apdu a;
	struct world *w = world_new();
	uint64_t begin;
	int fd;

	(void)state;
	world_init(w, "um11225", "se050", SE_SIM_NO_IRQ);
	simcard_prop_u32(&w->card, "sesame,poll-interval-us", 5000);
	w->think_us = 100000;
	simcard_plug(&w->card);
	fd = simcard_node(&w->card);
	get_info(fd, &info);
	assert_false(info.caps & SE_CAP_IRQ);
	counters(w, &before);
	begin = now_ms();
	assert_int_equal(exchange(fd, 10, &a), 0);
	counters(w, &after);
	assert_in_range(after.nacks - before.nacks, 1, (now_ms() - begin) / 5 + 2);
	close(fd);
	simcard_pull(&w->card);
	free(w);
}

/* With the line nobody asks in vain. */
static void test_line(void **state)
{
	struct se_sim_counters before, after;
	struct se_apdu a;
	struct world *w = world_new();
	int fd;

	(void)state;
	world_init(w, "gp", "gp-se", 0);
	simcard_plug(&w->card);
	fd = simcard_node(&w->card);
	for (int i = 0; i < 4; i++)
		assert_int_equal(exchange(fd, 10, &a), 0);
	w->think_us = 60000;
	counters(w, &before);
	assert_int_equal(exchange(fd, 10, &a), 0);
	counters(w, &after);
	assert_int_equal(after.nacks, before.nacks);
	close(fd);
	simcard_pull(&w->card);
	free(w);
}

/* A write that is not acknowledged comes again; the SE runs it once. */
static void test_nack(void **state)
{
	struct se_sim_fault f = {
		.kind = SE_SIM_FAULT_NACK, .dir = SE_SIM_OUT, .ppm = SE_SIM_PPM, .count = 5};
	struct se_apdu a;
	struct world *w = world_new();
	int fd;

	(void)state;
	world_init(w, "gp", "gp-se", 0);
	simcard_plug(&w->card);
	fd = simcard_node(&w->card);
	simcard_fault(&w->card, &f);
	assert_int_equal(exchange(fd, 10, &a), 0);
	assert_int_equal(a.retrans, 0);
	assert_int_equal(simcard_done(&w->card, f.kind, f.dir), 5);
	assert_int_equal(atomic_load(&w->ran), 1);
	/* in the middle of a block as well */
	f.dir = SE_SIM_IN;
	f.nth = 2;
	f.count = 2;
	simcard_fault(&w->card, &f);
	assert_int_equal(exchange(fd, 10, &a), 0);
	assert_int_equal(atomic_load(&w->ran), 2);
	/* one that never acknowledges is an error, and the command did not run */
	f = (struct se_sim_fault){
		.kind = SE_SIM_FAULT_NACK, .dir = SE_SIM_OUT, .ppm = SE_SIM_PPM, .count = 20};
	simcard_fault(&w->card, &f);
	assert_int_equal(exchange(fd, 10, &a), -EIO);
	assert_int_not_equal(a.outcome, SE_OUTCOME_EXECUTED);
	assert_int_equal(atomic_load(&w->ran), 2);
	/* and the driver has recovered */
	assert_int_equal(exchange(fd, 10, &a), 0);
	assert_int_equal(atomic_load(&w->ran), 3);
	close(fd);
	simcard_pull(&w->card);
	free(w);
}

/*
 * With its address damaged nobody knows where a block ends. What there is of it is
 * taken and thrown away; the block is asked for again, and the command runs once.
 */
static void test_bad_address(void **state)
{
	const struct se_sim_fault f = {.kind = SE_SIM_FAULT_CORRUPT,
				       .dir = SE_SIM_IN,
				       .ppm = SE_SIM_PPM,
				       .count = 1,
				       .offset = 0,
				       .value = 0x40};
	uint64_t generation;
	struct se_info info;
	struct se_apdu a;
	struct world *w = world_new();
	int fd;

	(void)state;
	world_init(w, "gp", "gp-se", 0);
	simcard_plug(&w->card);
	fd = simcard_node(&w->card);
	get_info(fd, &info);
	generation = info.generation;
	for (unsigned int i = 1; i <= 3; i++) {
		simcard_fault(&w->card, &f);
		assert_int_equal(exchange(fd, 200, &a), 0);
		assert_int_equal(simcard_done(&w->card, f.kind, f.dir), i);
		assert_int_equal(atomic_load(&w->ran), i);
		assert_true(a.retrans >= 1);
	}
	get_info(fd, &info);
	assert_int_equal(info.generation, generation);
	close(fd);
	simcard_pull(&w->card);
	free(w);
}

/* An adapter with short messages makes short blocks: each a single write. */
static void test_short_messages(void **state)
{
	struct se_sim_counters c;
	struct se_apdu a;
	struct world *w = world_new();
	int fd;

	(void)state;
	world_init(w, "gp", "gp-se", 0);
	w->card.attach.max_transfer = 32;
	simcard_plug(&w->card);
	fd = simcard_node(&w->card);
	assert_int_equal(exchange(fd, 300, &a), 0);
	counters(w, &c);
	assert_in_range(c.longest, 30, 32);
	close(fd);
	simcard_pull(&w->card);
	free(w);
}

/* Too short for any block: refused when the driver is bound. */
static void test_refused(void **state)
{
	struct world *w = world_new();

	(void)state;
	world_init(w, "gp", "gp-se", 0);
	w->card.attach.max_transfer = 12;
	assert_false(simcard_plug_ms(&w->card, 1500));
	simcard_pull(&w->card);
	/* and one whose dialect nobody names */
	world_init(w, "um11225", "t1-se", 0);
	assert_false(simcard_plug_ms(&w->card, 1500));
	simcard_pull(&w->card);
	free(w);
}

/* The SE's guard time lies between any two accesses, also prologue and rest. */
static void test_guard(void **state)
{
	struct se_sim_timing timing = {.flags = SE_SIM_STRICT, .segt_us = 2000};
	struct se_sim_counters c;
	struct se_apdu a;
	struct world *w = world_new();
	int fd;

	(void)state;
	world_init(w, "gp", "gp-se", 0);
	w->card.params.rwgt_us = 2000;
	simcard_plug(&w->card);
	fd = simcard_node(&w->card);
	assert_int_equal(exchange(fd, 10, &a), 0);
	assert_int_equal(ioctl(w->card.sim, SE_SIM_IOC_TIMING, &timing), 0);
	assert_int_equal(exchange(fd, 300, &a), 0);
	counters(w, &c);
	assert_int_equal(c.segt_violations, 0);
	close(fd);
	simcard_pull(&w->card);
	free(w);
}

/* Bytes in front of each I-block, for parts that want them; else nothing. */
static void test_dummy_frame(void **state)
{
	struct se_sim_counters before, after;
	struct se_sim_prop *p;
	struct se_apdu a;
	struct world *w = world_new();
	int fd;

	(void)state;
	for (unsigned int dummy = 0; dummy < 2; dummy++) {
		world_init(w, "gp", "gp-se", 0);
		if (dummy) {
			p = simcard_prop(&w->card, "sesame,dummy-frame");
			p->type = SE_SIM_PROP_BYTES;
			p->value = 1; /* 00: line fill to the SE */
		}
		simcard_plug(&w->card);
		fd = simcard_node(&w->card);
		counters(w, &before);
		assert_int_equal(exchange(fd, 10, &a), 0);
		counters(w, &after);
		assert_int_equal(after.accesses_out - before.accesses_out, 1 + dummy);
		close(fd);
		simcard_pull(&w->card);
	}
	free(w);
}

/* Reset line and power are seen by the SE; the driver goes on afterwards. */
static void test_reset(void **state)
{
	struct se_reset reset = {.level = SE_RESET_LINE};
	unsigned int before;
	struct se_apdu a;
	struct world *w = world_new();
	int fd;

	(void)state;
	world_init(w, "um11225", "se050", SE_SIM_SUPPLY);
	simcard_plug(&w->card);
	fd = simcard_node(&w->card);
	assert_int_equal(exchange(fd, 10, &a), 0);
	before = atomic_load(&w->card.resets);
	assert_int_equal(ioctl(fd, SE_IOC_RESET, &reset), 0);
	assert_int_equal(atomic_load(&w->card.resets), before + 1);
	reset = (struct se_reset){.level = SE_RESET_POWER};
	before = atomic_load(&w->card.power_offs);
	assert_int_equal(ioctl(fd, SE_IOC_RESET, &reset), 0);
	assert_int_equal(atomic_load(&w->card.power_offs), before + 1);
	assert_int_equal(exchange(fd, 10, &a), 0);
	close(fd);
	simcard_pull(&w->card);
	free(w);
}

/* Unplugged while the SE computes: ENODEV, and what is known of it. */
static void *pull_soon(void *arg)
{
	struct world *w = arg;

	while (!atomic_load(&w->ran))
		pause_ms(1);
	simcard_pull(&w->card);
	return NULL;
}

static void test_unplug(void **state)
{
	pthread_t thread;
	struct se_apdu a;
	struct world *w = world_new();
	int fd;

	(void)state;
	world_init(w, "gp", "gp-se", 0);
	w->think_us = PATIENCE_MS * 1000;
	simcard_plug(&w->card);
	fd = simcard_node(&w->card);
	assert_int_equal(pthread_create(&thread, NULL, pull_soon, w), 0);
	assert_int_equal(exchange(fd, 10, &a), -ENODEV);
	assert_int_equal(a.outcome, SE_OUTCOME_UNKNOWN);
	pthread_join(thread, NULL);
	close(fd);
	free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gp),
		cmocka_unit_test(test_um11225),
		cmocka_unit_test(test_polling),
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_nack),
		cmocka_unit_test(test_bad_address),
		cmocka_unit_test(test_short_messages),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_guard),
		cmocka_unit_test(test_dummy_frame),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_unplug),
	};

	return cmocka_run_group_tests_name("se-i2c", tests, NULL, NULL);
}
