// SPDX-License-Identifier: Apache-2.0
/* Channels and streams for back ends that have an SE at APDU level only. */
#include <errno.h>
#include <string.h>
#include "host.h"

void se_host_outcome(uint16_t *outcome, enum se_outcome value)
{
	/* seen by whoever shares the memory before anything else happens */
	__atomic_store_n(outcome, (uint16_t)value, __ATOMIC_SEQ_CST);
}

uint64_t se_host_deadline(uint64_t deadline_ns)
{
	return deadline_ns ? deadline_ns : se_deadline_in(SE_HOST_NS_PER_APDU / 1000000U);
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
	case -ECONNRESET:
		*stop = SE_STOP_GENERATION;
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
	struct se_host *s = se->priv;
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
	r = s->ops->exchange(se, cmd, a->cmd_len, cla, (uint8_t *)(uintptr_t)a->rsp_ptr,
			     a->rsp_room, &a->rsp_len, &a->sw, &a->outcome,
			     se_host_deadline(stream->deadline_ns),
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

int se_host_submit(struct se *se, struct se_stream *stream)
{
	struct se_apdu *apdus = (struct se_apdu *)(uintptr_t)stream->apdus_ptr;
	struct se_host *s = se->priv;
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
		se_host_outcome(&apdus[i].outcome, SE_OUTCOME_NOT_SENT);
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
	stream->generation = s->generation;
	return r;
}

/* best effort: the connection's end closes it as well */
static void close_channel(struct se *se, uint32_t channel, uint64_t deadline_ns)
{
	uint8_t cmd[] = {0x00, 0x70, 0x80, (uint8_t)channel};
	uint8_t rsp[2];
	uint32_t rsp_len;
	uint16_t sw, outcome = SE_OUTCOME_NOT_SENT;
	struct se_host *s = se->priv;
	int r;

	r = s->ops->exchange(se, cmd, sizeof(cmd), cmd[0], rsp, sizeof(rsp), &rsp_len, &sw,
			     &outcome, deadline_ns, true);
	if (r < 0 && r != -ECONNRESET) /* a reset closed it */
		s->ops->abandon(se);
}

static int manage_open(struct se *se, struct se_channel_open *open, uint64_t deadline_ns,
		       uint32_t *channel)
{
	static const uint8_t cmd[] = {0x00, 0x70, 0x00, 0x00, 0x01};
	struct se_host *s = se->priv;
	uint32_t rsp_len = 0;
	uint8_t rsp[16];
	int r;

	r = s->ops->exchange(se, cmd, sizeof(cmd), cmd[0], rsp, sizeof(rsp), &rsp_len,
			     &open->sw, &open->outcome, deadline_ns, false);
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
	struct se_host *s = se->priv;
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
	r = s->ops->exchange(se, cmd, n, cla, to ? to : none, to ? open->rsp_room : 0,
			     &open->rsp_len, &open->sw, &open->outcome, deadline_ns, false);
	if (r < 0)
		return r;
	if (open->sw == 0x6a82)
		return -ENOENT;
	/* a warning (such as 6283, card locked) is a selection all the same */
	if (open->sw != 0x9000 && open->sw >> 8 != 0x62 && open->sw >> 8 != 0x63)
		return -EREMOTEIO;
	return 0;
}

int se_host_channel_open(struct se *se, struct se_channel_open *open)
{
	uint64_t deadline_ns = se_host_deadline(open->deadline_ns);
	struct se_host *s = se->priv;
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
	r = s->ops->refresh(se, deadline_ns);
	open->generation = s->generation;
	if (r < 0)
		return r;
	r = manage_open(se, open, deadline_ns, &channel);
	if (r < 0) {
		if (open->outcome == SE_OUTCOME_UNKNOWN && !s->gone) {
			/* a channel that may be open and has no owner */
			s->ops->abandon(se);
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

int se_host_channel_close(struct se *se)
{
	struct se_host *s = se->priv;
	uint32_t channel = s->channel;

	if (channel == SE_CHANNEL_NONE)
		return -ENOTCONN;
	s->channel = SE_CHANNEL_NONE;
	if (s->gone)
		return -ENODEV;
	close_channel(se, channel, se_host_deadline(0));
	return s->gone ? -ENODEV : 0;
}

uint16_t se_host_digest(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	/* 257: one more in a byte is not made up for by the check byte */
	while (len--)
		sum = sum * 257 + *p++;
	return (uint16_t)sum;
}

void se_host_info(struct se *se, struct se_info *info, uint32_t apdu_max)
{
	uint64_t cip_ptr = info->cip_ptr;
	struct se_host *s = se->priv;

	memset(info, 0, sizeof(*info));
	info->abi = SE_ABI_VERSION;
	info->dialect = SE_DIALECT_GP;
	info->state = s->gone ? SE_STATE_OFF : SE_STATE_IDLE;
	info->generation = s->generation;
	info->max_capdu = SE_CAPDU_MAX < apdu_max ? SE_CAPDU_MAX : apdu_max;
	info->max_rapdu = SE_RAPDU_MAX < apdu_max ? SE_RAPDU_MAX : apdu_max;
	info->irq_mode = SE_IRQ_MODE_IRQ;
	info->channel = s->channel;
	info->cip_ptr = cip_ptr;
}

int se_host_reset_begin(struct se *se, struct se_reset *reset)
{
	const struct se_host *s = se->priv;

	reset->generation = s->generation;
	reset->state = SE_STATE_OFF;
	if (reset->level > SE_RESET_POWER || reset->flags || reset->reserved)
		return -EINVAL;
	if (reset->level == SE_RESET_RESYNCH)
		return -EOPNOTSUPP;
	return s->gone ? -ENODEV : 0;
}

int se_host_get_stats(struct se *se, struct se_stats *stats)
{
	const struct se_host *s = se->priv;

	*stats = s->stats;
	return 0;
}
