// SPDX-License-Identifier: Apache-2.0
/*
 * Back end "socket": an SE behind a UNIX stream socket at APDU level.
 *
 * Framing is vpcd's: a 16-bit big-endian length and a body. A body of one byte is
 * a control (00: off, 01: on, 02: reset, none of them answered; 04: tell the ATR,
 * answered); any other is a C-APDU, answered by an R-APDU. What the kernel does for /dev/seN is
 * done here: logical channels, CLA, deadlines, outcomes. It cannot keep another connection's
 * APDUs from coming between two of a stream.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include "host.h"

#define CONTROL_OFF 0x00
#define CONTROL_ON 0x01
#define CONTROL_RESET 0x02
#define CONTROL_ATR 0x04
#define FRAME_MAX 65535
#define CONNECT_SECONDS 2

/**
 * struct sock - state of a connection
 * @host: its generation moves when another process serves the socket, or its ATR changes
 * @process: the part of the generation that tells the process
 * @owed: responses that were given up and are still to come
 * @have: bytes of the frame (head included) that are in @buf
 * @buf: frame out or in; cleared after use
 */
struct sock {
	struct se_host host;
	uint64_t process;
	unsigned int owed;
	size_t have;
	uint8_t buf[2 + FRAME_MAX];
};

static int gone(struct sock *s)
{
	s->host.gone = true;
	s->host.channel = SE_CHANNEL_NONE;
	return -ENODEV;
}

/* wait until the socket is ready; -ETIMEDOUT, -EINTR, -ENODEV */
static int wait_for(struct se *se, short events, uint64_t deadline_ns, bool settle)
{
	struct sock *s = se->priv;

	for (;;) {
		struct pollfd pfd = {.fd = se->fd, .events = events};
		uint64_t now = se_deadline_in(0);
		uint64_t left = deadline_ns > now ? deadline_ns - now : 0;
		struct timespec ts = {
			.tv_sec = (time_t)(left / 1000000000U),
			.tv_nsec = (long)(left % 1000000000U),
		};
		int r = ppoll(&pfd, 1, &ts, NULL);

		if (r > 0)
			return 0;
		if (!r)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return gone(s);
		s->host.signalled = true;
		if (!settle)
			return -EINTR;
	}
}

/*
 * Write the frame in buf. Nothing but a whole frame is a command, so as long as
 * this fails the SE has not got one; a frame that is cut short breaks the
 * connection for good.
 */
static int put_frame(struct se *se, size_t len, uint64_t deadline_ns)
{
	struct sock *s = se->priv;
	size_t done = 0;

	while (done < len) {
		ssize_t n =
			send(se->fd, s->buf + done, len - done, MSG_NOSIGNAL | MSG_DONTWAIT);
		int r;

		if (n > 0) {
			done += (size_t)n;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return gone(s);
		r = wait_for(se, POLLOUT, deadline_ns, done > 0);
		if (r < 0) {
			if (done) {
				shutdown(se->fd, SHUT_RDWR);
				gone(s);
			}
			return r;
		}
	}
	return 0;
}

/* read one whole frame into buf: length of its body, or an error */
static int get_frame(struct se *se, uint64_t deadline_ns, bool settle)
{
	struct sock *s = se->priv;

	for (;;) {
		size_t want = 2;
		ssize_t n;
		int r;

		if (s->have >= 2)
			want += ((size_t)s->buf[0] << 8) | s->buf[1];
		if (s->have >= 2 && s->have == want) {
			s->have = 0;
			return (int)(want - 2);
		}
		n = recv(se->fd, s->buf + s->have, want - s->have, MSG_DONTWAIT);
		if (n > 0) {
			s->have += (size_t)n;
			continue;
		}
		if (!n)
			return gone(s);
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return gone(s);
		r = wait_for(se, POLLIN, deadline_ns, settle);
		if (r < 0)
			return r;
	}
}

/* take and drop what was given up earlier, so that answers match commands */
static int settle_debt(struct se *se, uint64_t deadline_ns)
{
	struct sock *s = se->priv;

	while (s->owed) {
		int r = get_frame(se, deadline_ns, false);

		if (r < 0)
			return r; /* what came of it stays in buf */
		explicit_bzero(s->buf, (size_t)r + 2);
		s->owed--;
	}
	return 0;
}

static uint16_t sw_of(const uint8_t *rsp, size_t len)
{
	return (uint16_t)((rsp[len - 2] << 8) | rsp[len - 1]);
}

/*
 * One exchange, CLA as it is. Returns 0, or a negative errno with *outcome
 * telling what is known. rsp_len and sw are valid with 0 only.
 */
static int exchange(struct se *se, const uint8_t *cmd, size_t len, int cla, uint8_t *rsp,
		    size_t room, uint32_t *rsp_len, uint16_t *sw, uint16_t *outcome,
		    uint64_t deadline_ns, bool settle)
{
	struct sock *s = se->priv;
	size_t n;
	int r;

	if (s->host.gone)
		return -ENODEV;
	if (len > FRAME_MAX)
		return -EMSGSIZE;
	r = settle_debt(se, deadline_ns);
	if (r < 0)
		return r;
	if (se_deadline_in(0) >= deadline_ns)
		return -ETIMEDOUT;

	s->buf[0] = (uint8_t)(len >> 8);
	s->buf[1] = (uint8_t)(len & 0xff);
	memcpy(s->buf + 2, cmd, len);
	s->buf[2] = (uint8_t)cla;
	se_host_outcome(outcome, SE_OUTCOME_UNKNOWN);
	r = put_frame(se, len + 2, deadline_ns);
	explicit_bzero(s->buf, len + 2);
	s->have = 0;
	if (r < 0) {
		se_host_outcome(outcome, SE_OUTCOME_NOT_SENT);
		s->host.stats.errors++;
		return r;
	}
	s->host.stats.bytes_tx += len;
	r = get_frame(se, deadline_ns, settle);
	if (r < 0) {
		if (!s->host.gone)
			s->owed++;
		s->host.stats.errors++;
		return r;
	}
	if (r < 2) {
		se_host_outcome(outcome, SE_OUTCOME_EXECUTED);
		s->host.stats.errors++;
		return -EPROTO;
	}
	n = (size_t)r;
	s->host.stats.bytes_rx += n;
	s->host.stats.apdus++;
	memcpy(rsp, s->buf + 2, n < room ? n : room);
	*rsp_len = (uint32_t)n;
	*sw = sw_of(s->buf + 2, n);
	explicit_bzero(s->buf, n + 2);
	se_host_outcome(outcome, SE_OUTCOME_EXECUTED);
	return 0;
}

static int fetch_atr(struct se *se, uint64_t deadline_ns);

static int refresh(struct se *se, uint64_t deadline_ns)
{
	int r = fetch_atr(se, deadline_ns);

	return r < 0 ? r : 0;
}

static void abandon(struct se *se)
{
	shutdown(se->fd, SHUT_RDWR);
	gone(se->priv);
}

static const struct se_host_ops sock_ops = {
	.exchange = exchange,
	.refresh = refresh,
	.abandon = abandon,
};

static int sock_open(struct se *se, const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	const struct timeval limit = {.tv_sec = CONNECT_SECONDS};
	struct ucred peer = {.pid = 0};
	socklen_t len = sizeof(peer);
	struct sock *s;
	int r;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	se->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (se->fd < 0)
		return -errno;
	/* a peer that does not accept and has its queue full makes connect() wait */
	setsockopt(se->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	while (connect(se->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		if (errno == EINTR)
			continue;
		r = errno == EAGAIN ? -ETIMEDOUT : -errno;
		close(se->fd);
		return r;
	}
	s = calloc(1, sizeof(*s));
	if (!s) {
		close(se->fd);
		return -ENOMEM;
	}
	/*
	 * Nobody counts generations here. Which process serves the socket is the
	 * same for all who ask, and another one has another volatile state. The
	 * ATR is added once it is known.
	 */
	getsockopt(se->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);
	s->process = 1U + (uint64_t)(uint32_t)peer.pid;
	s->host.generation = s->process << 16;
	s->host.channel = SE_CHANNEL_NONE;
	s->host.ops = &sock_ops;
	se->priv = s;
	return 0;
}

static void sock_close(struct se *se)
{
	struct sock *s = se->priv;

	close(se->fd); /* the other side closes our channel */
	explicit_bzero(s->buf, sizeof(s->buf));
	free(s);
}

static int put_control(struct se *se, uint8_t control, uint64_t deadline_ns)
{
	struct sock *s = se->priv;
	int r;

	s->buf[0] = 0;
	s->buf[1] = 1;
	s->buf[2] = control;
	r = put_frame(se, 3, deadline_ns);
	s->have = 0;
	return r;
}

/*
 * The ATR, into s->buf + 2: its length, or an error. The software SE counts its resets in the
 * historical bytes, which makes them known to all its connections: the ATR belongs to the
 * generation.
 */
static int fetch_atr(struct se *se, uint64_t deadline_ns)
{
	struct sock *s = se->priv;
	int r;

	r = settle_debt(se, deadline_ns);
	if (!r)
		r = put_control(se, CONTROL_ATR, deadline_ns);
	if (r < 0)
		return r;
	r = get_frame(se, deadline_ns, true);
	if (r < 0) {
		if (!s->host.gone)
			s->owed++;
		return r;
	}
	s->host.generation = s->process << 16 | se_host_digest(s->buf + 2, (size_t)r);
	return r;
}

/* the ATR stands where the CIP of a T=1' chip does */
static int get_atr(struct se *se, struct se_info *info, uint32_t room)
{
	uint8_t *to = (uint8_t *)(uintptr_t)info->cip_ptr;
	struct sock *s = se->priv;
	int r = fetch_atr(se, se_host_deadline(0));

	if (r < 0)
		return r;
	info->generation = s->host.generation;
	info->cip_len = (uint32_t)r;
	if (to && room)
		memcpy(to, s->buf + 2, (uint32_t)r < room ? (uint32_t)r : room);
	return 0;
}

static int sock_reset(struct se *se, struct se_reset *reset)
{
	uint64_t deadline_ns = se_host_deadline(reset->deadline_ns);
	struct sock *s = se->priv;
	uint64_t before = s->host.generation;
	int r = se_host_reset_begin(se, reset);

	if (r)
		return r;
	r = settle_debt(se, deadline_ns);
	if (!r && reset->level == SE_RESET_POWER) {
		r = put_control(se, CONTROL_OFF, deadline_ns);
		if (!r)
			r = put_control(se, CONTROL_ON, deadline_ns);
	} else if (!r) {
		r = put_control(se, CONTROL_RESET, deadline_ns);
	}
	if (r < 0)
		return r;
	s->host.channel = SE_CHANNEL_NONE;
	s->host.stats.resets++;
	/* an answer means that it is over */
	r = fetch_atr(se, deadline_ns);
	if (r < 0)
		return r;
	if (s->host.generation == before) {
		/* an SE that does not count: at least here it moves */
		s->process += 1ULL << 32;
		s->host.generation += 1ULL << 48;
	}
	reset->generation = s->host.generation;
	reset->state = SE_STATE_IDLE;
	return 0;
}

static int sock_get_info(struct se *se, struct se_info *info)
{
	uint32_t room = info->cip_ptr ? info->cip_len : 0;
	struct sock *s = se->priv;

	se_host_info(se, info, FRAME_MAX);
	if (s->host.gone)
		return -ENODEV;
	return get_atr(se, info, room);
}

const struct se_backend se_backend_socket = {
	.scheme = "socket",
	.open = sock_open,
	.close = sock_close,
	.get_info = sock_get_info,
	.get_stats = se_host_get_stats,
	.submit = se_host_submit,
	.channel_open = se_host_channel_open,
	.channel_close = se_host_channel_close,
	.reset = sock_reset,
};
