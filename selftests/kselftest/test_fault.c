// SPDX-License-Identifier: Apache-2.0
/*
 * What the driver makes of each fault of the bus: the exact outcome, and how often
 * the command ran. Each fault strikes once, at the command's own block.
 */
#include "simcard.h"

#define ALL UINT32_MAX

enum { BWT_MS = 400 };

struct world {
	struct simcard card;
	atomic_uint ran;
	int fd;
	uint64_t generation;
	unsigned int think_us;
};

/* A test that fails leaves its card running: that is not to be on the stack. */
static struct world *world_new(void)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	return w;
}

static size_t run_command(void *ctx, const uint8_t *cmd, size_t len, uint8_t *rsp,
			  uint64_t now_us, uint64_t *ready_us)
{
	struct world *w = ctx;

	(void)len;
	atomic_fetch_add(&w->ran, 1);
	memset(rsp, cmd[3], 40);
	rsp[40] = 0x90;
	rsp[41] = 0x00;
	*ready_us = now_us + w->think_us;
	return 42;
}

static uint64_t generation(int fd)
{
	struct se_info info = {0};

	assert_int_equal(ioctl(fd, SE_IOC_GET_INFO, &info), 0);
	return info.generation;
}

static int exchange(struct world *w, uint8_t p2, struct se_apdu *a)
{
	struct step s = {0};
	int ret;

	apdu_set(a, &s, 0x80, 0x10, p2);
	ret = submit(w->fd, a, 1, NULL);
	if (!ret) {
		assert_int_equal(a->rsp_len, 42);
		for (int i = 0; i < 40; i++)
			assert_int_equal(s.rsp[i], p2);
	}
	return ret;
}

static void plug(struct world *w, uint32_t flags)
{
	struct se_apdu a;

	memset(w, 0, sizeof(*w));
	simcard_init(&w->card, "gp");
	w->think_us = 5000;
	w->card.execute = run_command;
	w->card.ctx = w;
	w->card.params.bwt_ms = BWT_MS;
	w->card.attach.flags = SE_SIM_NO_CLOCK | flags;
	simcard_prop_u32(&w->card, "sesame,power-up-us", 1500);
	simcard_prop_u32(&w->card, "sesame,reset-pulse-us", 50);
	simcard_plug(&w->card);
	w->fd = simcard_node(&w->card);
	assert_int_equal(exchange(w, 1, &a), 0);
	atomic_store(&w->ran, 0);
	w->generation = generation(w->fd);
}

static void pull(struct world *w)
{
	close(w->fd);
	simcard_pull(&w->card);
}

static void once(struct world *w, uint32_t kind, uint32_t dir, struct se_sim_fault f)
{
	f.kind = kind;
	f.dir = dir;
	f.ppm = SE_SIM_PPM;
	f.count = 1;
	simcard_fault(&w->card, &f);
}

/* The caller does not notice: the command ran once and its answer came. */
static void expect_fine(struct world *w, uint32_t kind, uint32_t dir, struct se_sim_fault f)
{
	uint64_t done = simcard_done(&w->card, kind, dir);
	unsigned int ran = atomic_load(&w->ran);
	struct se_apdu a;
	int ret;

	once(w, kind, dir, f);
	ret = exchange(w, 0x55, &a);
	if (ret || a.outcome != SE_OUTCOME_EXECUTED)
		fail_msg("fault %u, direction %u: errno %d, outcome %u, ran %u times", kind,
			 dir, -ret, a.outcome, atomic_load(&w->ran) - ran);
	assert_int_equal(simcard_done(&w->card, kind, dir), done + 1);
	assert_int_equal(atomic_load(&w->ran), ran + 1);
	/* nothing of it is left for the next one */
	assert_int_equal(exchange(w, 0xaa, &a), 0);
	assert_int_equal(atomic_load(&w->ran), ran + 2);
}

/* The recovery's reset comes so soon that the SE may not have begun. */
#define PERHAPS 2

/* It fails, with nothing claimed; the command ran @times. */
static void expect_unknown(struct world *w, uint32_t kind, uint32_t dir, struct se_sim_fault f,
			   unsigned int times)
{
	unsigned int ran = atomic_load(&w->ran);
	struct se_apdu a;

	once(w, kind, dir, f);
	assert_true(exchange(w, 0x55, &a) < 0);
	assert_int_equal(a.outcome, SE_OUTCOME_UNKNOWN);
	assert_int_equal(exchange(w, 0xaa, &a), 0);
	if (times == PERHAPS)
		assert_in_range(atomic_load(&w->ran), ran + 1, ran + 2);
	else
		assert_int_equal(atomic_load(&w->ran), ran + times + 1);
	assert_true(generation(w->fd) > w->generation);
	w->generation = generation(w->fd);
}

/* Damage to bytes is what T=1 is for. */
static void test_bytes(void **state)
{
	const struct se_sim_fault middle = {.offset = 5, .len = 1};
	struct world *w = world_new();

	(void)state;
	plug(w, 0);
	for (int i = 0; i < 2; i++) { /* with either N(S) */
		expect_fine(w, SE_SIM_FAULT_CORRUPT, SE_SIM_OUT, middle);
		expect_fine(w, SE_SIM_FAULT_CORRUPT, SE_SIM_IN, middle);
		expect_fine(w, SE_SIM_FAULT_DROP, SE_SIM_IN, middle);
		expect_fine(w, SE_SIM_FAULT_DROP, SE_SIM_IN, (struct se_sim_fault){0});
		expect_fine(w, SE_SIM_FAULT_INSERT, SE_SIM_IN, middle);
		expect_fine(w, SE_SIM_FAULT_DUPLICATE, SE_SIM_IN, (struct se_sim_fault){0});
		expect_fine(w, SE_SIM_FAULT_DUPLICATE, SE_SIM_OUT, (struct se_sim_fault){0});
		expect_fine(w, SE_SIM_FAULT_DELAY, SE_SIM_IN,
			    (struct se_sim_fault){.delay_us = BWT_MS * 500});
		expect_fine(w, SE_SIM_FAULT_DELAY, SE_SIM_OUT,
			    (struct se_sim_fault){.delay_us = BWT_MS * 500});
		/* so late that it has been asked for again meanwhile */
		expect_fine(w, SE_SIM_FAULT_DELAY, SE_SIM_IN,
			    (struct se_sim_fault){.delay_us = BWT_MS * 1500});
		/* an odd number of exchanges makes the other N(S) the next one's */
		{
			struct se_apdu a;

			assert_int_equal(exchange(w, 2, &a), 0);
		}
	}
	assert_int_equal(generation(w->fd), w->generation);
	pull(w);
	free(w);
}

/*
 * With its address damaged nobody knows where a block ends. What there is of it is
 * taken and thrown away; the block is asked for again.
 */
static void test_bad_address(void **state)
{
	const struct se_sim_fault nad = {.offset = 0, .value = 0x40};
	struct world *w = world_new();

	(void)state;
	plug(w, 0);
	for (int i = 0; i < 3; i++)
		expect_fine(w, SE_SIM_FAULT_CORRUPT, SE_SIM_IN, nad);
	assert_int_equal(generation(w->fd), w->generation);
	pull(w);
	free(w);
}

/* A transfer that fails says nothing of what has arrived. */
static void test_bus_error(void **state)
{
	struct world *w = world_new();

	(void)state;
	plug(w, 0);
	expect_unknown(w, SE_SIM_FAULT_ERROR, SE_SIM_OUT, (struct se_sim_fault){.len = ALL},
		       PERHAPS);
	expect_unknown(w, SE_SIM_FAULT_ERROR, SE_SIM_OUT, (struct se_sim_fault){.len = 0}, 0);
	expect_unknown(w, SE_SIM_FAULT_ERROR, SE_SIM_IN, (struct se_sim_fault){.len = 0}, 1);
	pull(w);
	free(w);
}

/* The SE resets itself: before the command, while it works, with the answer. */
static void test_reset(void **state)
{
	struct world *w = world_new();

	(void)state;
	plug(w, 0);
	expect_unknown(w, SE_SIM_FAULT_RESET, SE_SIM_OUT, (struct se_sim_fault){0}, 0);
	w->think_us = 200000;
	expect_unknown(w, SE_SIM_FAULT_RESET, SE_SIM_OUT,
		       (struct se_sim_fault){.delay_us = 100000}, 1);
	expect_unknown(w, SE_SIM_FAULT_RESET, SE_SIM_IN, (struct se_sim_fault){0}, 1);
	pull(w);
	free(w);
}

/* Whatever the line does, answers come, and not later than the watch allows. */
static void test_line(void **state)
{
	static const uint32_t wirings[] = {0, SE_SIM_IRQ_EDGE};
	struct world *w = world_new();
	uint64_t begin;

	(void)state;
	for (int i = 0; i < 2; i++) {
		plug(w, wirings[i]);
		begin = now_ms();
		expect_fine(w, SE_SIM_FAULT_IRQ_SPURIOUS, SE_SIM_IN, (struct se_sim_fault){0});
		expect_fine(w, SE_SIM_FAULT_IRQ_SPURIOUS, SE_SIM_IN,
			    (struct se_sim_fault){.delay_us = 2000});
		expect_fine(w, SE_SIM_FAULT_IRQ_LOST, SE_SIM_IN, (struct se_sim_fault){0});
		expect_fine(w, SE_SIM_FAULT_IRQ_LATE, SE_SIM_IN,
			    (struct se_sim_fault){.delay_us = 20000});
		expect_fine(w, SE_SIM_FAULT_IRQ_DEAD, SE_SIM_IN, (struct se_sim_fault){0});
		expect_fine(w, SE_SIM_FAULT_IRQ_STUCK, SE_SIM_IN,
			    (struct se_sim_fault){.delay_us = 200000});
		assert_true(now_ms() - begin < 20000);
		assert_int_equal(generation(w->fd), w->generation);
		pull(w);
	}
	free(w);
}

/* Dead from the beginning: the probe finds it out, and the SE is polled. */
static void test_line_never(void **state)
{
	struct se_sim_fault dead = {.kind = SE_SIM_FAULT_IRQ_DEAD, .ppm = SE_SIM_PPM};
	struct se_stats stats = {0};
	struct se_apdu a;
	struct world *w = world_new();

	(void)state;
	memset(w, 0, sizeof(*w));
	simcard_init(&w->card, "gp");
	w->card.execute = run_command;
	w->card.ctx = w;
	w->card.params.bwt_ms = BWT_MS;
	w->card.attach.flags = SE_SIM_NO_CLOCK;
	simcard_open(&w->card);
	simcard_fault(&w->card, &dead);
	simcard_plug(&w->card);
	w->fd = simcard_node(&w->card);
	for (int i = 0; i < 5; i++)
		assert_int_equal(exchange(w, 3, &a), 0);
	assert_int_equal(atomic_load(&w->ran), 5);
	assert_int_equal(ioctl(w->fd, SE_IOC_GET_STATS, &stats), 0);
	assert_int_equal(stats.irqs, 0);
	assert_true(stats.polls > 0);
	assert_true(stats.poll_fallbacks > 0);
	pull(w);
	free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),	  cmocka_unit_test(test_bad_address),
		cmocka_unit_test(test_bus_error), cmocka_unit_test(test_reset),
		cmocka_unit_test(test_line),	  cmocka_unit_test(test_line_never),
	};

	return cmocka_run_group_tests_name("bus faults", tests, NULL, NULL);
}
