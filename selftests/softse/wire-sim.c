// SPDX-License-Identifier: Apache-2.0
/* The SE end of the virtual bus: <linux/se_sim.h>, with T=1 on it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/se_sim.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "wire.h"

#define RECORD_ROOM (sizeof(struct se_sim_record) + 65536)
#define BACKLOG 8

struct sim_wire {
	struct wire wire;
	struct link link;
	const struct sim_setup *setup;
	int fd;
	bool attached;
	int error;
	/* blocks that the FIFO had no room for */
	uint8_t backlog[BACKLOG][T1_BLOCK_MAX];
	size_t backlog_len[BACKLOG];
	size_t waiting;
	uint8_t record[RECORD_ROOM];
};

static void flush(struct sim_wire *s)
{
	while (s->waiting) {
		ssize_t n = write(s->fd, s->backlog[0], s->backlog_len[0]);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) {
			s->error = -errno;
			return;
		}
		s->waiting--;
		memmove(s->backlog[0], s->backlog[1], s->waiting * sizeof(s->backlog[0]));
		memmove(s->backlog_len, s->backlog_len + 1,
			s->waiting * sizeof(s->backlog_len[0]));
	}
}

static void send_block(void *ctx, const uint8_t *block, size_t len)
{
	struct sim_wire *s = ctx;

	/* a host that never reads loses the newest block, as a chip would do */
	if (s->waiting == BACKLOG)
		return;
	memcpy(s->backlog[s->waiting], block, len);
	s->backlog_len[s->waiting++] = len;
	flush(s);
}

static int attach(struct sim_wire *s)
{
	const struct t1_params *params = &s->link.t1.params;
	const struct sim_setup *setup = s->setup;
	struct se_sim_prop dialect = {
		.name = "sesame,dialect",
		.type = SE_SIM_PROP_STRING,
	};
	struct se_sim_attach a = {
		.max_hz = setup->max_hz,
		.flags = setup->flags | (params->fill_ff ? SE_SIM_FILL_FF : 0),
	};
	const char *device = setup->device;

	/* T=1' tells what it is by its CIP; of any other the board has to know */
	if (strcmp(params->dialect->name, "gp") != 0) {
		strcpy(dialect.text, params->dialect->name);
		a.nr_props = 1;
		a.props_ptr = (uintptr_t)&dialect;
		if (!device)
			device = "t1-se";
	}
	if (device)
		snprintf(a.device, sizeof(a.device), "%s", device);
	if (ioctl(s->fd, SE_SIM_IOC_ATTACH, &a))
		return -errno;
	s->attached = true;
	return 0;
}

static size_t prepare(struct wire *w, struct pollfd *fds, size_t room, uint64_t now_us,
		      uint64_t *deadline_us)
{
	struct sim_wire *s = (struct sim_wire *)w;
	uint64_t when = link_poll(&s->link, now_us);

	if (when < *deadline_us)
		*deadline_us = when;
	/* a board without its chip is plugged in when the chip has come */
	if (!s->attached && !s->error && !s->link.chip->absent)
		s->error = attach(s);
	if (s->error)
		*deadline_us = now_us;
	if (!room || !s->attached)
		return 0;
	fds[0] = (struct pollfd){.fd = s->fd,
				 .events = (short)(POLLIN | (s->waiting ? POLLOUT : 0))};
	return 1;
}

static void take_record(struct sim_wire *s, uint64_t now_us)
{
	struct se_sim_record head;
	ssize_t n = read(s->fd, s->record, sizeof(s->record));

	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			s->error = -errno;
		return;
	}
	if ((size_t)n < sizeof(head)) {
		s->error = -EPIPE;
		return;
	}
	memcpy(&head, s->record, sizeof(head));
	if (head.len > (size_t)n - sizeof(head)) {
		s->error = -EBADMSG;
		return;
	}
	if (head.type == SE_SIM_RESET || head.type == SE_SIM_POWER) {
		s->waiting = 0;
		link_reset(&s->link, now_us);
	} else if (head.type == SE_SIM_ACCESS) {
		link_input(&s->link, s->record + sizeof(head), head.len, now_us);
	}
}

static int dispatch(struct wire *w, const struct pollfd *fds, size_t n, uint64_t now_us)
{
	struct sim_wire *s = (struct sim_wire *)w;

	if (n && fds[0].revents & POLLOUT)
		flush(s);
	if (n && fds[0].revents & POLLIN)
		take_record(s, now_us);
	else if (n && fds[0].revents & (POLLHUP | POLLERR))
		s->error = -ENODEV;
	link_poll(&s->link, now_us);
	return s->error;
}

static void close_wire(struct wire *w)
{
	struct sim_wire *s = (struct sim_wire *)w;

	link_close(&s->link);
	close(s->fd);
	free(s);
}

/* What the SE asks of the host, for the bus to hold it to. */
static int set_timing(int fd, const struct t1_params *p)
{
	const struct se_sim_timing timing = {
		.flags = SE_SIM_STRICT,
		.segt_us = p->segt_us,
		.seal = p->seal,
		.max_hz = p->mcf_khz * 1000U,
		.pwt_us = p->pwt_ms * 1000U,
		.pst_us = p->pst_ms * 1000U,
		.wut_us = p->wut,
	};

	return p->enforce ? ioctl(fd, SE_SIM_IOC_TIMING, &timing) : 0;
}

static int set_fault(int fd, const struct fault *f)
{
	static const uint8_t kinds[] = {
		[FAULT_IRQ_LATE - FAULT_LINE] = SE_SIM_FAULT_IRQ_LATE,
		[FAULT_IRQ_LOST - FAULT_LINE] = SE_SIM_FAULT_IRQ_LOST,
		[FAULT_IRQ_SPURIOUS - FAULT_LINE] = SE_SIM_FAULT_IRQ_SPURIOUS,
		[FAULT_IRQ_STUCK - FAULT_LINE] = SE_SIM_FAULT_IRQ_STUCK,
		[FAULT_IRQ_DEAD - FAULT_LINE] = SE_SIM_FAULT_IRQ_DEAD,
		[FAULT_SHORT - FAULT_LINE] = SE_SIM_FAULT_SHORT,
	};
	struct se_sim_fault fault = {
		.kind = kinds[f->kind - FAULT_LINE],
		.ppm = f->ppm ? f->ppm : SE_SIM_PPM,
		.nth = f->n,
		.count = f->count ? f->count
			 : f->n	  ? 1
				  : 0,
	};
	uint64_t seed = f->seed;

	if (f->kind == FAULT_SHORT)
		fault.len = f->arg;
	else
		fault.delay_us = f->arg * 1000U;
	if (seed && ioctl(fd, SE_SIM_IOC_SEED, &seed))
		return -1;
	return ioctl(fd, SE_SIM_IOC_FAULT, &fault);
}

static int set_faults(int fd, const struct fault_script *faults)
{
	for (size_t i = 0; i < faults->n; i++)
		if (faults->f[i].kind >= FAULT_LINE && set_fault(fd, &faults->f[i]))
			return -1;
	return 0;
}

struct wire *wire_sim_open(struct chip *chip, const struct sim_setup *setup,
			   const struct t1_params *params, struct fault_script *faults,
			   char *err, size_t err_room)
{
	struct sim_wire *s = calloc(1, sizeof(*s));
	const char *step = NULL;
	int ret = 0;

	if (!s) {
		snprintf(err, err_room, "out of memory");
		return NULL;
	}
	s->wire = (struct wire){prepare, dispatch, close_wire};
	s->setup = setup;
	link_init(&s->link, chip, WIRE_SIM_ORIGIN, params, faults, send_block, s);
	s->fd = open(setup->path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (s->fd < 0) {
		ret = errno;
		snprintf(err, err_room, "%s: %s%s", setup->path, strerror(ret),
			 ret == ENOENT ? " (is the module se-sim loaded?)" : "");
		goto fail;
	}
	/* before the driver sees the device, so that they act on its probe */
	if (set_timing(s->fd, params))
		step = "the bus cannot enforce times";
	else if (set_faults(s->fd, faults))
		step = "the bus cannot make this fault";
	else if (!chip->absent && (ret = attach(s)))
		step = "cannot attach";
	if (!step)
		return &s->wire;
	ret = ret ? -ret : errno;
	snprintf(err, err_room, "%s: %s: %s", setup->path, step, strerror(ret));
	close(s->fd);
fail:
	free(s);
	errno = ret;
	return NULL;
}
