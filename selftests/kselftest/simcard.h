/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests of the driver on a bus that the test makes itself: a card in a
 * thread, on softse's T=1 endpoint, plugged into se-sim with what the test wants
 * of bus and board. What it answers and counts is the test's own business.
 */
#ifndef SIMCARD_H
#define SIMCARD_H

#include "card.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <linux/se_sim.h>
#include <softse/t1.h>

#define SIMCARD_PROPS 8

struct simcard {
	/* set by the test before simcard_plug() */
	struct se_sim_attach attach;
	struct se_sim_prop props[SIMCARD_PROPS];
	struct t1_params params;
	struct fault_script faults;
	/* run a C-APDU; returns the length of the R-APDU. In the card's thread */
	size_t (*execute)(void *ctx, const uint8_t *cmd, size_t len, uint8_t *rsp,
			  uint64_t now_us, uint64_t *ready_us);
	/* sees each block that leaves; may be NULL */
	void (*sent)(void *ctx, const uint8_t *block, size_t len);
	void *ctx;
	/* the rest is the card's */
	int sim, stop;
	pthread_t thread;
	char node[32];
	struct t1 t1;
	atomic_uint resets, power_ons, power_offs, accesses;
	atomic_uint lost; /* how often it lost its state, by whatever reset */
};

static inline uint64_t simcard_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static inline void simcard_send(void *ctx, const uint8_t *block, size_t len)
{
	struct simcard *c = ctx;

	if (c->sent)
		c->sent(c->ctx, block, len);
	/* a host that never reads loses the newest block */
	if (write(c->sim, block, len) < 0 && errno != EAGAIN)
		abort();
}

static inline size_t simcard_execute(void *ctx, uint32_t work, const uint8_t *cmd, size_t len,
				     uint8_t *rsp, uint64_t now_us, uint64_t *ready_us)
{
	struct simcard *c = ctx;

	(void)work;
	*ready_us = now_us;
	return c->execute(c->ctx, cmd, len, rsp, now_us, ready_us);
}

static inline void simcard_reset(void *ctx)
{
	struct simcard *c = ctx;

	atomic_fetch_add(&c->lost, 1);
}

static inline void simcard_record(struct simcard *c)
{
	struct {
		struct se_sim_record head;
		uint8_t data[16384];
	} rec;
	uint64_t now = simcard_now_us();

	if (read(c->sim, &rec, sizeof(rec)) < (ssize_t)sizeof(rec.head))
		return;
	switch (rec.head.type) {
	case SE_SIM_ACCESS:
		atomic_fetch_add(&c->accesses, 1);
		t1_input(&c->t1, rec.data, rec.head.len, now);
		break;
	case SE_SIM_RESET:
		atomic_fetch_add(&c->resets, 1);
		atomic_fetch_add(&c->lost, 1);
		t1_power_up(&c->t1, now);
		break;
	case SE_SIM_POWER:
		atomic_fetch_add(rec.data[0] ? &c->power_ons : &c->power_offs, 1);
		atomic_fetch_add(&c->lost, 1);
		t1_power_up(&c->t1, now);
		break;
	default:
		abort();
	}
}

static inline void *simcard_run(void *arg)
{
	struct simcard *c = arg;

	for (;;) {
		struct pollfd p[2] = {{.fd = c->sim, .events = POLLIN},
				      {.fd = c->stop, .events = POLLIN}};
		uint64_t when = t1_deadline(&c->t1), now = simcard_now_us();
		struct timespec ts = {0};

		if (when != T1_NEVER && when > now) {
			ts.tv_sec = (time_t)((when - now) / 1000000);
			ts.tv_nsec = (long)((when - now) % 1000000) * 1000;
		}
		ppoll(p, 2, when == T1_NEVER ? NULL : &ts, NULL);
		if (p[1].revents)
			return NULL;
		if (p[0].revents & POLLIN)
			simcard_record(c);
		t1_tick(&c->t1, simcard_now_us());
	}
}

/* A part of this dialect, as fast as the rules of the bus let it be. */
static inline void simcard_init(struct simcard *c, const char *dialect)
{
	memset(c, 0, sizeof(*c));
	c->sim = -1;
	t1_params_default(&c->params, t1_dialect(dialect));
	c->params.pwt_ms = 1;
	c->params.segt_us = 1;
	c->params.rwgt_us = 1;
	c->params.pst_ms = 0;
}

static inline struct se_sim_prop *simcard_prop(struct simcard *c, const char *name)
{
	struct se_sim_prop *p = &c->props[c->attach.nr_props++];

	assert_true(c->attach.nr_props <= SIMCARD_PROPS);
	snprintf(p->name, sizeof(p->name), "%s", name);
	return p;
}

static inline void simcard_prop_u32(struct simcard *c, const char *name, uint32_t value)
{
	struct se_sim_prop *p = simcard_prop(c, name);

	p->type = SE_SIM_PROP_U32;
	p->value = value;
}

static inline void simcard_prop_text(struct simcard *c, const char *name, const char *text)
{
	struct se_sim_prop *p = simcard_prop(c, name);

	p->type = SE_SIM_PROP_STRING;
	snprintf(p->text, sizeof(p->text), "%s", text);
}

/* Open the bus, so that faults and timing can be set before the driver sees it. */
static inline void simcard_open(struct simcard *c)
{
	c->sim = open("/dev/se-sim", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	assert_true(c->sim >= 0);
}

static inline void simcard_fault(struct simcard *c, const struct se_sim_fault *fault)
{
	assert_int_equal(ioctl(c->sim, SE_SIM_IOC_FAULT, fault), 0);
}

/* How often it has happened. */
static inline uint64_t simcard_done(struct simcard *c, uint32_t kind, uint32_t dir)
{
	struct se_sim_fault f = {.kind = kind, .dir = dir};

	assert_int_equal(ioctl(c->sim, SE_SIM_IOC_GET_FAULT, &f), 0);
	return f.done;
}

/* Plug in, and begin to answer. */
static inline void simcard_attach(struct simcard *c)
{
	struct t1_user user = {.ctx = c,
			       .send = simcard_send,
			       .execute = simcard_execute,
			       .reset = simcard_reset};

	if (c->sim < 0)
		simcard_open(c);
	/* where NAD is 00, line fill cannot be */
	if (!c->params.nad_se)
		c->attach.flags |= SE_SIM_FILL_FF;
	c->stop = eventfd(0, EFD_CLOEXEC);
	assert_true(c->stop >= 0);
	t1_init(&c->t1, &c->params, &user, &c->faults);
	c->attach.props_ptr = (uintptr_t)c->props;
	assert_int_equal(ioctl(c->sim, SE_SIM_IOC_ATTACH, &c->attach), 0);
	assert_int_equal(pthread_create(&c->thread, NULL, simcard_run, c), 0);
}

/* The same, and wait at most @ms until the driver has it. */
static inline bool simcard_plug_ms(struct simcard *c, unsigned int ms)
{
	struct se_monitor *mon;
	struct se_event event;
	bool found;

	assert_int_equal(se_monitor_open(&mon), 0);
	simcard_attach(c);
	found = await_event(mon, SE_EVENT_ADD, &event, ms);
	se_monitor_close(mon);
	if (!found)
		return false;
	snprintf(c->node, sizeof(c->node), "/dev/se%u", event.dev.index);
	for (int i = 0; i < PATIENCE_MS / 10 && access(c->node, F_OK); i++)
		pause_ms(10);
	return true;
}

static inline void simcard_plug(struct simcard *c)
{
	if (!simcard_plug_ms(c, PATIENCE_MS))
		fail_msg("no SE came within %d s", PATIENCE_MS / 1000);
}

static inline void simcard_pull(struct simcard *c)
{
	uint64_t one = 1;

	assert_int_equal(write(c->stop, &one, sizeof(one)), sizeof(one));
	pthread_join(c->thread, NULL);
	close(c->stop);
	close(c->sim);
	for (int i = 0; c->node[0] && i < PATIENCE_MS / 10 && !access(c->node, F_OK); i++)
		pause_ms(10);
}

static inline int simcard_node(const struct simcard *c)
{
	int fd = open(c->node, O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

#endif
