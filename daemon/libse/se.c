// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <linux/se_netlink.h>
#include "backend.h"

static const struct se_backend *const backends[] = {
	&se_backend_ioctl,
	&se_backend_socket,
#ifndef SE_WITHOUT_PCSC /* the handler for pcscd would be its own client */
#ifndef SE_WITHOUT_PCSC /* the handler for pcscd is on the other side of it */
	&se_backend_pcsc,
#endif
#endif
};

/* "se0" and "/dev/se0" are short for "ioctl:/dev/se0" */
static const struct se_backend *find(const char *name, const char **path)
{
	const char *colon = strchr(name, ':');
	size_t i;

	if (!colon) {
		*path = name;
		return &se_backend_ioctl;
	}
	*path = colon + 1;
	for (i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
		if (strlen(backends[i]->scheme) == (size_t)(colon - name) &&
		    !strncmp(backends[i]->scheme, name, (size_t)(colon - name)))
			return backends[i];
	}
	return NULL;
}

int se_open(struct se **ret, const char *name)
{
	const struct se_backend *ops;
	const char *path;
	struct se *se;
	int r;

	*ret = NULL;
	if (!name)
		return -EINVAL;
	ops = find(name, &path);
	if (!ops || !*path)
		return -EINVAL;
	se = calloc(1, sizeof(*se));
	if (!se)
		return -ENOMEM;
	se->ops = ops;
	se->fd = -1;
	r = ops->open(se, path);
	if (r < 0) {
		free(se);
		return r;
	}
	*ret = se;
	return 0;
}

void se_close(struct se *se)
{
	if (!se)
		return;
	se->ops->close(se);
	free(se);
}

int se_get_info(struct se *se, struct se_info *info)
{
	return se->ops->get_info(se, info);
}

int se_fd(const struct se *se)
{
	return se->fd;
}

int se_get_stats(struct se *se, struct se_stats *stats)
{
	return se->ops->get_stats(se, stats);
}

int se_submit(struct se *se, struct se_apdu *apdus, uint32_t nr, struct se_stream *stream)
{
	stream->apdus_ptr = (uintptr_t)apdus;
	stream->nr = nr;
	stream->apdu_size = sizeof(*apdus);
	stream->done = 0;
	stream->stop = SE_STOP_END;
	return se->ops->submit(se, stream);
}

int se_transmit(struct se *se, const void *cmd, uint32_t cmd_len, void *rsp, uint32_t rsp_room,
		uint32_t *rsp_len, uint64_t deadline_ns, uint16_t *outcome)
{
	struct se_stream stream = {.deadline_ns = deadline_ns};
	struct se_apdu apdu = {
		.cmd_ptr = (uintptr_t)cmd,
		.rsp_ptr = (uintptr_t)rsp,
		.cmd_len = cmd_len,
		.rsp_room = rsp_room,
	};
	int r = se_submit(se, &apdu, 1, &stream);

	*rsp_len = apdu.rsp_len;
	if (outcome)
		*outcome = apdu.outcome;
	return r;
}

int se_channel_open(struct se *se, struct se_channel_open *open)
{
	return se->ops->channel_open(se, open);
}

int se_channel_close(struct se *se)
{
	return se->ops->channel_close(se);
}

int se_reset(struct se *se, uint32_t level, uint64_t deadline_ns, struct se_reset *ret)
{
	struct se_reset mine;

	if (!ret)
		ret = &mine;
	*ret = (struct se_reset){.level = level, .deadline_ns = deadline_ns};
	return se->ops->reset(se, ret);
}

int se_lock(struct se *se, uint32_t hold_ms, uint64_t deadline_ns, struct se_lock *ret)
{
	struct se_lock mine;

	if (!ret)
		ret = &mine;
	*ret = (struct se_lock){.hold_ms = hold_ms, .deadline_ns = deadline_ns};
	return se->ops->lock ? se->ops->lock(se, ret) : -EOPNOTSUPP;
}

int se_unlock(struct se *se)
{
	return se->ops->unlock ? se->ops->unlock(se) : -EOPNOTSUPP;
}

int se_cancel(struct se *se, uint64_t cookie, uint32_t flags)
{
	struct se_cancel c = {.cookie = cookie, .flags = flags};
	int r = se->ops->cancel ? se->ops->cancel(se, &c) : -EOPNOTSUPP;

	return r < 0 ? r : (int)c.cancelled;
}

int se_set_filter(struct se *se, uint32_t flags, const struct se_filter_rule *rules,
		  uint32_t nr_rules, const struct se_filter_aid *aids, uint32_t nr_aids)
{
	const struct se_filter f = {
		.rules_ptr = (uintptr_t)rules,
		.aids_ptr = (uintptr_t)aids,
		.nr_rules = nr_rules,
		.nr_aids = nr_aids,
		.flags = flags,
	};

	return se->ops->set_filter ? se->ops->set_filter(se, &f) : -EOPNOTSUPP;
}

uint64_t se_deadline_in(uint64_t ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec + ms * 1000000U;
}

int se_cla_on_channel(uint8_t cla, unsigned int channel)
{
	bool further = cla & 0x40;
	uint8_t fixed, sm;

	/* 20-3F and A0-BF (the SIM's) have no channel; FF is not a class */
	if (cla == 0xff || (!further && (cla & 0x20)) || channel > 19)
		return -EINVAL;
	fixed = cla & 0x90; /* proprietary, command chaining */
	if (channel < 4) {
		if (further && (cla & 0x20))
			return -EINVAL; /* one bit there, three kinds here */
		sm = further ? 0 : cla & 0x0c;
		return fixed | sm | (int)channel;
	}
	sm = (further ? (cla & 0x20) : (cla & 0x0c)) ? 0x20 : 0;
	return fixed | 0x40 | sm | (int)(channel - 4);
}

bool se_cla_is_basic(uint8_t cla)
{
	if (cla == 0xff || (cla & 0x40))
		return false;
	return (cla & 0x20) || !(cla & 0x03);
}

bool se_sw_expected(const struct se_apdu *apdu, uint16_t sw)
{
	bool any = true;
	int i;

	for (i = 0; i < SE_SW_MATCHES; i++) {
		const struct se_sw_match *m = &apdu->expect[i];

		if (!m->mask)
			continue;
		any = false;
		if ((sw & m->mask) == (m->value & m->mask))
			return true;
	}
	return any;
}

static const char *name_of(const char *const *names, size_t nr, uint32_t value)
{
	return value < nr ? names[value] : "?";
}

#define NAMES(fn, ...)                                                          \
	const char *fn(uint32_t value)                                          \
	{                                                                       \
		static const char *const names[] = {__VA_ARGS__};               \
		return name_of(names, sizeof(names) / sizeof(names[0]), value); \
	}

NAMES(se_state_name, "off", "idle", "busy", "recovering", "dead")
NAMES(se_dialect_name, "gp")
NAMES(se_reset_level_name, "resynch", "software", "line", "power")
NAMES(se_irq_mode_name, "poll", "irq")
NAMES(se_outcome_name, "not-sent", "executed", "unknown")
NAMES(se_stop_name, "end", "status-word", "room", "deadline", "signal", "generation", "link",
      "gone", "fault", "refused", "cancelled", "lock")
NAMES(se_lock_state_name, "free", "mine", "other", "lost")
NAMES(se_reason_name, "none", "startup", "removed", "link", "abandoned", "reset-line",
      "requested", "irq-lost", "irq-storm", "irq-good", "config", "power")
NAMES(se_event_name, "device-add", "device-del", "state-change", "generation-change", "lost",
      "irq-mode-change", "irq-storm", "config-change", "reset-done", "block")
