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
#include "backend.h"

#define CONTROL_OFF 0x00
#define CONTROL_ON 0x01
#define CONTROL_RESET 0x02
#define CONTROL_ATR 0x04
#define FRAME_MAX 65535
#define CONNECT_SECONDS 2
#define NS_PER_APDU 30000000000U /* where the caller names no deadline */

/**
 * struct sock - state of a connection
 * @generation: moves when another process serves the socket, or its ATR changes
 * @process: the part of @generation that tells the process
 * @channel: logical channel, or SE_CHANNEL_NONE
 * @owed: responses that were given up and are still to come
 * @gone: the connection is of no use any more
 * @signalled: a signal came during the exchange
 * @have: bytes of the frame (head included) that are in @buf
 * @buf: frame out or in; cleared after use
 */
struct sock {
	struct se_stats stats;
	uint64_t generation;
	uint64_t process;
	uint32_t channel;
	unsigned int owed;
	bool gone;
	bool signalled;
	size_t have;
	uint8_t buf[2 + FRAME_MAX];
};

static uint64_t deadline_or_default(uint64_t deadline_ns)
{
	return deadline_ns ? deadline_ns : se_deadline_in(NS_PER_APDU / 1000000U);
}

static int gone(struct sock *s)
{
	s->gone = true;
	s->channel = SE_CHANNEL_NONE;
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
		s->signalled = true;
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

static void store_outcome(uint16_t *outcome, enum se_outcome value)
{
	/* seen by whoever shares the memory before anything else happens */
	__atomic_store_n(outcome, (uint16_t)value, __ATOMIC_SEQ_CST);
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

	if (s->gone)
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
	store_outcome(outcome, SE_OUTCOME_UNKNOWN);
	r = put_frame(se, len + 2, deadline_ns);
	explicit_bzero(s->buf, len + 2);
	s->have = 0;
	if (r < 0) {
		store_outcome(outcome, SE_OUTCOME_NOT_SENT);
		s->stats.errors++;
		return r;
	}
	s->stats.bytes_tx += len;
	r = get_frame(se, deadline_ns, settle);
	if (r < 0) {
		if (!s->gone)
			s->owed++;
		s->stats.errors++;
		return r;
	}
	if (r < 2) {
		store_outcome(outcome, SE_OUTCOME_EXECUTED);
		s->stats.errors++;
		return -EPROTO;
	}
	n = (size_t)r;
	s->stats.bytes_rx += n;
	s->stats.apdus++;
	memcpy(rsp, s->buf + 2, n < room ? n : room);
	*rsp_len = (uint32_t)n;
	*sw = sw_of(s->buf + 2, n);
	explicit_bzero(s->buf, n + 2);
	store_outcome(outcome, SE_OUTCOME_EXECUTED);
	return 0;
}

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
	s->generation = s->process << 16;
	s->channel = SE_CHANNEL_NONE;
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
 * The software SE counts its resets in the historical bytes, which makes them
 * known to all its connections: the ATR belongs to the generation.
 */
static uint16_t digest(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	/* 257: one more in a byte is not made up for by the check byte */
	while (len--)
		sum = sum * 257 + *p++;
	return (uint16_t)sum;
}

/* The ATR, into s->buf + 2: its length, or an error. */
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
		if (!s->gone)
			s->owed++;
		return r;
	}
	s->generation = s->process << 16 | digest(s->buf + 2, (size_t)r);
	return r;
}

/* the ATR stands where the CIP of a T=1' chip does */
static int get_atr(struct se *se, struct se_info *info, uint32_t room)
{
	uint8_t *to = (uint8_t *)(uintptr_t)info->cip_ptr;
	struct sock *s = se->priv;
	int r = fetch_atr(se, deadline_or_default(0));

	if (r < 0)
		return r;
	info->generation = s->generation;
	info->cip_len = (uint32_t)r;
	if (to && room)
		memcpy(to, s->buf + 2, (uint32_t)r < room ? (uint32_t)r : room);
	return 0;
}

static int sock_reset(struct se *se, struct se_reset *reset)
{
	uint64_t deadline_ns = deadline_or_default(reset->deadline_ns);
	struct sock *s = se->priv;
	uint64_t before = s->generation;
	int r;

	reset->generation = s->generation;
	reset->state = SE_STATE_OFF;
	if (reset->level > SE_RESET_POWER || reset->flags || reset->reserved)
		return -EINVAL;
	if (reset->level == SE_RESET_RESYNCH)
		return -EOPNOTSUPP; /* there is no link to put in step */
	if (s->gone)
		return -ENODEV;
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
	s->channel = SE_CHANNEL_NONE;
	s->stats.resets++;
	/* an answer means that it is over */
	r = fetch_atr(se, deadline_ns);
	if (r < 0)
		return r;
	if (s->generation == before) {
		/* an SE that does not count: at least here it moves */
		s->process += 1ULL << 32;
		s->generation += 1ULL << 48;
	}
	reset->generation = s->generation;
	reset->state = SE_STATE_IDLE;
	return 0;
}

static int sock_get_info(struct se *se, struct se_info *info)
{
	uint32_t room = info->cip_ptr ? info->cip_len : 0;
	uint64_t cip_ptr = info->cip_ptr;
	struct sock *s = se->priv;

	memset(info, 0, sizeof(*info));
	info->abi = SE_ABI_VERSION;
	info->dialect = SE_DIALECT_GP;
	info->state = s->gone ? SE_STATE_OFF : SE_STATE_IDLE;
	info->generation = s->generation;
	info->max_capdu = SE_CAPDU_MAX < FRAME_MAX ? SE_CAPDU_MAX : FRAME_MAX;
	info->max_rapdu = SE_RAPDU_MAX < FRAME_MAX ? SE_RAPDU_MAX : FRAME_MAX;
	info->irq_mode = SE_IRQ_MODE_IRQ;
	info->channel = s->channel;
	info->cip_ptr = cip_ptr;
	if (s->gone)
		return -ENODEV;
	return get_atr(se, info, room);
}

static int sock_get_stats(struct se *se, struct se_stats *stats)
{
	struct sock *s = se->priv;

	*stats = s->stats;
	return 0;
}

static bool is_manage_channel(const uint8_t *cmd)
{
	return !(cmd[0] & 0x80) && cmd[1] == 0x70;
}

static int check_stream(const struct se_stream *stream, const struct se_apdu *apdus)
{
	uint32_t i;

	if (!stream->nr || stream->nr > SE_STREAM_MAX)
		return -EINVAL;
	if (stream->flags & ~(SE_STREAM_CHECK_GENERATION | SE_STREAM_SETTLE))
		return -EINVAL;
	for (i = 0; i < stream->nr; i++) {
		const struct se_apdu *a = &apdus[i];

		if (a->cmd_len < SE_CAPDU_MIN || a->cmd_len > SE_CAPDU_MAX || a->rsp_room < 2 ||
		    a->flags || a->reserved || !a->cmd_ptr || !a->rsp_ptr)
			return -EINVAL;
	}
	return 0;
}

static int stop_for(int r, enum se_stop *stop)
{
	switch (r) {
	case -ETIMEDOUT:
		*stop = SE_STOP_DEADLINE;
		break;
	case -EINTR:
		*stop = SE_STOP_SIGNAL;
		break;
	case -ENODEV:
		*stop = SE_STOP_GONE;
		break;
	default:
		*stop = SE_STOP_LINK;
	}
	return r;
}

static int run_one(struct se *se, struct se_apdu *a, const struct se_stream *stream,
		   enum se_stop *stop)
{
	const uint8_t *cmd = (const uint8_t *)(uintptr_t)a->cmd_ptr;
	struct sock *s = se->priv;
	uint64_t start = se_deadline_in(0);
	int cla, r;

	if (s->channel != SE_CHANNEL_NONE)
		cla = se_cla_on_channel(cmd[0], s->channel);
	else
		cla = se_cla_is_basic(cmd[0]) ? cmd[0] : -EINVAL;
	if (cla < 0 || is_manage_channel(cmd)) {
		*stop = SE_STOP_REFUSED;
		return -EACCES;
	}
	/* rsp_len and sw are in the caller's memory before the outcome says EXECUTED */
	r = exchange(se, cmd, a->cmd_len, cla, (uint8_t *)(uintptr_t)a->rsp_ptr, a->rsp_room,
		     &a->rsp_len, &a->sw, &a->outcome, deadline_or_default(stream->deadline_ns),
		     stream->flags & SE_STREAM_SETTLE);
	a->total_ns = se_deadline_in(0) - start;
	if (r < 0)
		return stop_for(r, stop);
	if (a->rsp_len > a->rsp_room)
		*stop = SE_STOP_ROOM;
	else if (!se_sw_expected(a, a->sw))
		*stop = SE_STOP_SW;
	else
		*stop = SE_STOP_END;
	return 0;
}

static int sock_submit(struct se *se, struct se_stream *stream)
{
	struct se_apdu *apdus = (struct se_apdu *)(uintptr_t)stream->apdus_ptr;
	struct sock *s = se->priv;
	enum se_stop stop = SE_STOP_END;
	uint64_t expected = stream->generation;
	uint32_t i;
	int r;

	r = check_stream(stream, apdus);
	if (r < 0)
		return r;
	for (i = 0; i < stream->nr; i++) {
		apdus[i].rsp_len = 0;
		apdus[i].sw = 0;
		store_outcome(&apdus[i].outcome, SE_OUTCOME_NOT_SENT);
		apdus[i].wtx = 0;
		apdus[i].retrans = 0;
		apdus[i].wire_ns = 0;
		apdus[i].total_ns = 0;
	}
	stream->generation = s->generation;
	s->signalled = false;
	if ((stream->flags & SE_STREAM_CHECK_GENERATION) && expected != s->generation) {
		stream->stop = SE_STOP_GENERATION;
		return -ECONNRESET;
	}
	for (i = 0; i < stream->nr && stop == SE_STOP_END; i++) {
		if (s->signalled) {
			stop = SE_STOP_SIGNAL;
			r = -EINTR;
			break;
		}
		r = run_one(se, &apdus[i], stream, &stop);
		if (apdus[i].outcome == SE_OUTCOME_EXECUTED)
			stream->done++;
		if (r < 0)
			break;
	}
	stream->stop = stop;
	return r;
}

/* best effort: the connection's end closes it as well */
static void close_channel(struct se *se, uint32_t channel, uint64_t deadline_ns)
{
	uint8_t cmd[] = {0x00, 0x70, 0x80, (uint8_t)channel};
	uint8_t rsp[2];
	uint32_t rsp_len;
	uint16_t sw, outcome = SE_OUTCOME_NOT_SENT;

	if (exchange(se, cmd, sizeof(cmd), cmd[0], rsp, sizeof(rsp), &rsp_len, &sw, &outcome,
		     deadline_ns, true) < 0) {
		struct sock *s = se->priv;

		/* nobody knows what is open over there */
		shutdown(se->fd, SHUT_RDWR);
		gone(s);
	}
}

static int manage_open(struct se *se, struct se_channel_open *open, uint64_t deadline_ns,
		       uint32_t *channel)
{
	static const uint8_t cmd[] = {0x00, 0x70, 0x00, 0x00, 0x01};
	uint32_t rsp_len = 0;
	uint8_t rsp[16];
	int r;

	r = exchange(se, cmd, sizeof(cmd), cmd[0], rsp, sizeof(rsp), &rsp_len, &open->sw,
		     &open->outcome, deadline_ns, false);
	if (r < 0)
		return r;
	if (open->sw == 0x6a81 || open->sw == 0x6881)
		return -EUSERS;
	if (open->sw != 0x9000)
		return -EREMOTEIO;
	if (rsp_len != 3 || !rsp[0] || rsp[0] > 19)
		return -EPROTO;
	*channel = rsp[0];
	return 0;
}

static int select_aid(struct se *se, struct se_channel_open *open, uint64_t deadline_ns,
		      uint32_t channel)
{
	uint8_t *to = (uint8_t *)(uintptr_t)open->rsp_ptr;
	int cla = se_cla_on_channel(0x00, channel);
	uint8_t cmd[5 + SE_AID_MAX + 1] = {(uint8_t)cla, 0xa4, 0x04, 0x00};
	uint8_t none[2];
	size_t n = 4;
	int r;

	if (open->aid_len) {
		cmd[n++] = (uint8_t)open->aid_len;
		memcpy(cmd + n, (const void *)(uintptr_t)open->aid_ptr, open->aid_len);
		n += open->aid_len;
	}
	cmd[n++] = 0x00; /* Le */
	open->sw = 0;
	open->outcome = SE_OUTCOME_NOT_SENT;
	r = exchange(se, cmd, n, cla, to ? to : none, to ? open->rsp_room : 0, &open->rsp_len,
		     &open->sw, &open->outcome, deadline_ns, false);
	if (r < 0)
		return r;
	if (open->sw == 0x6a82)
		return -ENOENT;
	/* a warning (such as 6283, card locked) is a selection all the same */
	if (open->sw != 0x9000 && open->sw >> 8 != 0x62 && open->sw >> 8 != 0x63)
		return -EREMOTEIO;
	return 0;
}

static int sock_channel_open(struct se *se, struct se_channel_open *open)
{
	uint64_t deadline_ns = deadline_or_default(open->deadline_ns);
	struct sock *s = se->priv;
	uint32_t channel = 0;
	int r;

	if (open->flags || open->aid_len > SE_AID_MAX ||
	    (open->aid_len && (open->aid_len < SE_AID_MIN || !open->aid_ptr)))
		return -EINVAL;
	if (s->channel != SE_CHANNEL_NONE)
		return -EBUSY;
	open->rsp_len = 0;
	open->sw = 0;
	open->outcome = SE_OUTCOME_NOT_SENT;
	open->channel = SE_CHANNEL_NONE;
	s->signalled = false;
	r = fetch_atr(se, deadline_ns);
	open->generation = s->generation;
	if (r < 0)
		return r;
	r = manage_open(se, open, deadline_ns, &channel);
	if (r < 0) {
		if (open->outcome == SE_OUTCOME_UNKNOWN && !s->gone) {
			/* a channel that may be open and has no owner */
			shutdown(se->fd, SHUT_RDWR);
			gone(s);
		}
		return r;
	}
	r = select_aid(se, open, deadline_ns, channel);
	if (r < 0) {
		if (!s->gone)
			close_channel(se, channel, se_deadline_in(1000));
		return r;
	}
	s->channel = channel;
	open->channel = channel;
	return 0;
}

static int sock_channel_close(struct se *se)
{
	struct sock *s = se->priv;
	uint32_t channel = s->channel;

	if (channel == SE_CHANNEL_NONE)
		return -ENOTCONN;
	s->channel = SE_CHANNEL_NONE;
	if (s->gone)
		return -ENODEV;
	close_channel(se, channel, deadline_or_default(0));
	return s->gone ? -ENODEV : 0;
}

const struct se_backend se_backend_socket = {
	.scheme = "socket",
	.open = sock_open,
	.close = sock_close,
	.get_info = sock_get_info,
	.get_stats = sock_get_stats,
	.submit = sock_submit,
	.channel_open = sock_channel_open,
	.channel_close = sock_channel_close,
	.reset = sock_reset,
};
