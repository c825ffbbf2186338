// SPDX-License-Identifier: Apache-2.0
/* The SE end of the virtual SPI bus: <linux/se_sim.h>, with T=1' on it. */
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
#define ORIGIN 0
#define BACKLOG 8

struct sim_wire {
	struct wire wire;
	struct chip *chip;
	int fd;
	int error;
	struct t1 t1;
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

	/*
	 * A host that never reads loses the newest block, as a chip would do; and
	 * an answer without a witness does not leave.
	 */
	if (s->waiting == BACKLOG || s->chip->card.failed)
		return;
	memcpy(s->backlog[s->waiting], block, len);
	s->backlog_len[s->waiting++] = len;
	flush(s);
}

static size_t execute(void *ctx, const uint8_t *cmd, size_t len, uint8_t *rsp, uint64_t now_us,
		      uint64_t *ready_us)
{
	struct sim_wire *s = ctx;
	size_t n = chip_execute(s->chip, ORIGIN, cmd, len, rsp, T1_RAPDU_MAX, now_us);

	*ready_us = s->chip->busy_until_us;
	return n;
}

static void reset_card(void *ctx)
{
	struct sim_wire *s = ctx;

	card_reset(&s->chip->card);
	s->chip->busy_until_us = 0;
}

static size_t prepare(struct wire *w, struct pollfd *fds, size_t room, uint64_t *deadline_us)
{
	struct sim_wire *s = (struct sim_wire *)w;
	uint64_t when = t1_deadline(&s->t1);

	if (when < *deadline_us)
		*deadline_us = when;
	if (!room)
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
	if (head.type == SE_SIM_RESET) {
		s->waiting = 0;
		t1_reset(&s->t1);
		reset_card(s);
	} else if (head.type == SE_SIM_ACCESS) {
		t1_input(&s->t1, s->record + sizeof(head), head.len, now_us);
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
	t1_tick(&s->t1, now_us);
	return s->error;
}

static void close_wire(struct wire *w)
{
	struct sim_wire *s = (struct sim_wire *)w;

	close(s->fd);
	free(s);
}

struct wire *wire_sim_open(struct chip *chip, const char *path, uint32_t flags, uint32_t max_hz,
			   const struct t1_params *params, char *err, size_t err_room)
{
	struct se_sim_attach attach = {.max_hz = max_hz, .flags = flags};
	struct t1_user user = {NULL, send_block, execute, reset_card};
	struct sim_wire *s = calloc(1, sizeof(*s));
	int ret;

	if (!s) {
		snprintf(err, err_room, "out of memory");
		return NULL;
	}
	s->wire = (struct wire){prepare, dispatch, close_wire};
	s->chip = chip;
	user.ctx = s;
	t1_init(&s->t1, params, &user);
	s->fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (s->fd < 0) {
		ret = errno;
		snprintf(err, err_room, "%s: %s%s", path, strerror(ret),
			 ret == ENOENT ? " (is the module se-sim loaded?)" : "");
		goto fail;
	}
	if (ioctl(s->fd, SE_SIM_IOC_ATTACH, &attach)) {
		ret = errno;
		snprintf(err, err_room, "%s: cannot attach: %s", path, strerror(ret));
		close(s->fd);
		goto fail;
	}
	return &s->wire;
fail:
	free(s);
	errno = ret;
	return NULL;
}
