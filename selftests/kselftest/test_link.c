// SPDX-License-Identifier: Apache-2.0
/*
 * What the driver does when the link or the SE misbehaves. A small SE in a
 * thread plays the far end of se-sim: it damages answers, swallows commands,
 * forgets that it has channels open or gives numbers that are none, and counts
 * what it has run. Only short APDUs, one block each.
 */
#include "card.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <linux/se_sim.h>

enum { BLOCK = 300 };

struct se {
	int sim, stop;
	__u32 bus;
	pthread_t thread;
	char node[32];
	/* how it misbehaves; set by the test, counted down by the SE */
	atomic_int damage;  /* answers with a wrong checksum */
	atomic_int swallow; /* blocks that do not arrive */
	atomic_int channel; /* what MANAGE CHANNEL gives; 0: the next one */
	/* what it saw */
	atomic_int ran;	    /* APDUs but MANAGE CHANNEL and SELECT */
	atomic_uint closed; /* channels closed, a bit each */
	atomic_int resynchs;
	uint8_t ns; /* of our next I-block */
	uint8_t nr; /* that the host's next I-block has */
	uint8_t next_channel;
	uint8_t last[BLOCK];
	size_t last_len;
};

static uint16_t crc16(const uint8_t *p, size_t n)
{
	uint16_t crc = 0xffff;

	while (n--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0x8408 : crc >> 1);
	}
	return (uint16_t)~crc;
}

static bool count_down(atomic_int *n)
{
	if (atomic_load(n) <= 0)
		return false;
	atomic_fetch_sub(n, 1);
	return true;
}

static void put_block(struct se *se)
{
	uint8_t block[BLOCK];

	memcpy(block, se->last, se->last_len);
	/* S-blocks stay whole, so that RESYNCH works */
	if ((block[1] & 0xc0) != 0xc0 && count_down(&se->damage))
		block[se->last_len - 1] ^= 0x55;
	if (write(se->sim, block, se->last_len) < 0)
		abort();
}

static void say(struct se *se, uint8_t pcb, const uint8_t *inf, size_t len)
{
	uint8_t *b = se->last;
	uint16_t crc;

	b[0] = 0x12;
	b[1] = pcb;
	b[2] = 0;
	b[3] = (uint8_t)len;
	if (len)
		memcpy(b + 4, inf, len);
	crc = crc16(b, 4 + len);
	b[4 + len] = (uint8_t)(crc >> 8);
	b[5 + len] = (uint8_t)crc;
	se->last_len = len + 6;
	put_block(se);
}

static void answer(struct se *se, const uint8_t *apdu)
{
	uint8_t rsp[4];
	size_t n = 0;

	if (apdu[1] == 0x70 && apdu[2] == 0x00) {
		rsp[n] = (uint8_t)atomic_load(&se->channel);
		if (!rsp[n])
			rsp[n] = ++se->next_channel;
		n++;
	} else if (apdu[1] == 0x70) {
		atomic_fetch_or(&se->closed, 1U << apdu[3]);
	} else if (apdu[1] != 0xa4) {
		atomic_fetch_add(&se->ran, 1);
	}
	rsp[n++] = 0x90;
	rsp[n++] = 0x00;
	say(se, (uint8_t)(se->ns << 6), rsp, n);
	se->ns ^= 1;
}

static void got_block(struct se *se, const uint8_t *b)
{
	static const uint8_t cip[] = {
		1, 3,  0x11, 0x22, 0x33, 1, 12, 0, 5,	0x1f, 0x40, 0, 10,
		0, 20, 0,    0,	   0,	 0, 4,	0, 100, 0,    254,  0}; /* BWT 100 ms */

	if ((b[1] & 0xc0) != 0xc0 && count_down(&se->swallow))
		return;
	switch (b[1]) {
	case 0xc0:
		atomic_fetch_add(&se->resynchs, 1);
		se->ns = 0;
		se->nr = 0;
		say(se, 0xe0, NULL, 0);
		break;
	case 0xc1:
		say(se, 0xe1, b + 4, b[3]);
		break;
	case 0xc4:
		say(se, 0xe4, cip, sizeof(cip));
		break;
	case 0x00:
	case 0x40:
		if (b[1] >> 6 == se->nr) {
			se->nr ^= 1;
			answer(se, b + 4);
		} else {
			put_block(se);
		}
		break;
	default:
		/* R: N(R) that differs from our last N(S) asks for what never came */
		if ((b[1] >> 4 & 1) == (se->ns ^ 1) && (se->last[1] & 0x80) == 0)
			put_block(se);
		else
			say(se, (uint8_t)(0x80 | se->nr << 4), NULL, 0);
	}
}

static void *run(void *arg)
{
	struct {
		struct se_sim_record head;
		uint8_t data[8192];
	} rec;
	struct se *se = arg;

	for (;;) {
		struct pollfd p[2] = {{.fd = se->sim, .events = POLLIN},
				      {.fd = se->stop, .events = POLLIN}};

		poll(p, 2, -1);
		if (p[1].revents)
			break;
		if (read(se->sim, &rec, sizeof(rec)) < 0)
			continue;
		if (rec.head.type == SE_SIM_ACCESS)
			got_block(se, rec.data);
	}
	close(se->sim);
	return NULL;
}

static void se_plug(struct se *se)
{
	struct se_sim_attach attach = {.flags = SE_SIM_NO_CLOCK | SE_SIM_NO_RESET};
	struct se_monitor *mon;
	struct se_event event;

	memset(se, 0, sizeof(*se));
	assert_int_equal(se_monitor_open(&mon), 0);
	se->sim = open("/dev/se-sim", O_RDWR | O_CLOEXEC);
	se->stop = eventfd(0, EFD_CLOEXEC);
	assert_true(se->sim >= 0 && se->stop >= 0);
	assert_int_equal(ioctl(se->sim, SE_SIM_IOC_ATTACH, &attach), 0);
	assert_int_equal(pthread_create(&se->thread, NULL, run, se), 0);
	assert_true(await_event(mon, SE_EVENT_ADD, &event, PATIENCE_MS));
	snprintf(se->node, sizeof(se->node), "/dev/se%u", event.dev.index);
	se_monitor_close(mon);
}

static void se_pull(struct se *se)
{
	uint64_t one = 1;

	assert_int_equal(write(se->stop, &one, sizeof(one)), sizeof(one));
	pthread_join(se->thread, NULL);
	close(se->stop);
	for (int i = 0; i < PATIENCE_MS / 20 && !access(se->node, F_OK); i++)
		pause_ms(20);
}

static int open_node(const struct se *se)
{
	int fd = open(se->node, O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static uint64_t generation(int fd)
{
	struct se_info info = {0};

	assert_int_equal(ioctl(fd, SE_IOC_GET_INFO, &info), 0);
	return info.generation;
}

/* A damaged answer is asked for again; the APDU is not. */
static void test_damaged_answer(void **state)
{
	struct se_apdu a;
	struct step s;
	struct se se;
	uint64_t gen;
	int fd;

	(void)state;
	se_plug(&se);
	fd = open_node(&se);
	assert_int_equal(channel_open(fd, NULL, 0, NULL), 0);
	gen = generation(fd);
	for (int n = 1; n <= 2; n++) {
		atomic_store(&se.damage, n);
		apdu_set(&a, &s, 0x80, 0x10, 0);
		assert_int_equal(submit(fd, &a, 1, NULL), 0);
		assert_int_equal(a.sw, 0x9000);
		assert_int_equal(a.retrans, n);
		assert_int_equal(atomic_load(&se.ran), n);
	}
	assert_int_equal(generation(fd), gen);
	close(fd);
	se_pull(&se);
}

/*
 * A command that got lost. R(1) of the SE proves that it did not run: it comes
 * again. R(0) is what an SE that has just started says as well, which may have
 * run the command before: then it does not, and the outcome says so.
 */
static void test_lost_command(void **state)
{
	struct se_apdu a;
	struct step s;
	struct se se;
	int fd;

	(void)state;
	se_plug(&se);
	fd = open_node(&se);
	assert_int_equal(channel_open(fd, NULL, 0, NULL), 0);
	assert_int_equal(transmit(fd, 0x80, 0x10, 0, &s), 0x9000);
	for (int n = 1; n <= 2; n++) { /* with N(S) = 1 */
		atomic_store(&se.swallow, n);
		apdu_set(&a, &s, 0x80, 0x10, 0);
		assert_int_equal(submit(fd, &a, 1, NULL), 0);
		assert_int_equal(a.outcome, SE_OUTCOME_EXECUTED);
		assert_true(a.retrans >= 1);
		assert_int_equal(atomic_load(&se.ran), 2 * n);
		assert_int_equal(transmit(fd, 0x80, 0x10, 0, &s), 0x9000);
	}
	assert_int_equal(transmit(fd, 0x80, 0x10, 0, &s), 0x9000);
	assert_int_equal(atomic_load(&se.ran), 6);
	atomic_store(&se.swallow, 1); /* with N(S) = 0 */
	assert_int_equal(submit(fd, &a, 1, NULL), -EIO);
	assert_int_equal(a.outcome, SE_OUTCOME_UNKNOWN);
	assert_int_equal(atomic_load(&se.ran), 6);
	close(fd);
	se_pull(&se);
}

/* No answer gets through: RESYNCH, error, UNKNOWN; and never a second run. */
static void test_resynch(void **state)
{
	struct se_stream stream = {0};
	struct se_channel_open open;
	struct se_apdu a[2];
	struct step s[2];
	struct pollfd p;
	struct se se;
	uint64_t gen;
	int fd, other, ret;

	(void)state;
	se_plug(&se);
	fd = open_node(&se);
	other = open_node(&se);
	assert_int_equal(channel_open(fd, NULL, 0, NULL), 0);
	assert_int_equal(channel_open(other, NULL, 0, NULL), 0);
	gen = generation(other);
	atomic_store(&se.resynchs, 0);
	atomic_store(&se.damage, 4);
	apdu_set(&a[0], &s[0], 0x80, 0x10, 0);
	apdu_set(&a[1], &s[1], 0x80, 0x10, 0);
	ret = submit(fd, a, 2, &stream);
	assert_true(ret == -EIO || ret == -EPROTO);
	assert_int_equal(stream.stop, SE_STOP_LINK);
	assert_int_equal(a[0].outcome, SE_OUTCOME_UNKNOWN);
	assert_int_equal(a[1].outcome, SE_OUTCOME_NOT_SENT);
	assert_true(stream.generation > gen);
	assert_int_equal(atomic_load(&se.ran), 1);
	assert_int_equal(atomic_load(&se.resynchs), 1);

	/* everybody's channel counts as lost, and is closed to be safe */
	p = (struct pollfd){.fd = other, .events = POLLPRI};
	assert_int_equal(poll(&p, 1, 1000), 1);
	assert_int_equal(transmit(other, 0x80, 0x10, 0, NULL), -ECONNRESET);
	assert_int_equal(channel_open(other, NULL, 0, &open), 0);
	assert_int_equal(atomic_load(&se.closed), 1U << 1 | 1U << 2);
	assert_int_equal(transmit(other, 0x80, 0x10, 0, NULL), 0x9000);
	assert_int_equal(atomic_load(&se.ran), 2);
	close(other);
	close(fd);
	se_pull(&se);
}

/* An SE that gives a channel out twice has been reset in between. */
static void test_channel_twice(void **state)
{
	struct se se;
	uint64_t gen;
	int fd, other;

	(void)state;
	se_plug(&se);
	fd = open_node(&se);
	other = open_node(&se);
	assert_int_equal(channel_open(fd, NULL, 0, NULL), 0);
	gen = generation(fd);
	atomic_store(&se.channel, 1);
	assert_int_equal(channel_open(other, NULL, 0, NULL), -ECONNRESET);
	assert_int_equal(transmit(fd, 0x80, 0x10, 0, NULL), -ECONNRESET);
	assert_true(generation(fd) > gen);
	assert_int_equal(atomic_load(&se.ran), 0);
	atomic_store(&se.channel, 0);
	assert_int_equal(channel_open(other, NULL, 0, NULL), 0);
	assert_int_equal(transmit(other, 0x80, 0x10, 0, NULL), 0x9000);
	close(other);
	close(fd);
	se_pull(&se);
}

/* Numbers that are no channel: refused, and whatever was opened is closed. */
static void test_channel_that_is_none(void **state)
{
	struct se_channel_open open;
	struct se se;
	int fd;

	(void)state;
	se_plug(&se);
	fd = open_node(&se);
	atomic_store(&se.channel, 20);
	assert_int_equal(channel_open(fd, NULL, 0, &open), -EPROTO);
	assert_int_equal(open.channel, SE_CHANNEL_NONE);
	atomic_store(&se.channel, 0);
	assert_int_equal(channel_open(fd, NULL, 0, &open), 0);
	assert_int_equal(open.channel, 1);
	assert_int_equal(atomic_load(&se.closed), 0xffffe);
	close(fd);
	se_pull(&se);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_damaged_answer),
		cmocka_unit_test(test_lost_command),
		cmocka_unit_test(test_resynch),
		cmocka_unit_test(test_channel_twice),
		cmocka_unit_test(test_channel_that_is_none),
	};

	return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
