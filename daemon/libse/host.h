/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel does for /dev/seN, for back ends that have an SE at APDU level only:
 * MANAGE CHANNEL, SELECT, the channel's number in CLA, streams, outcomes. Private to libse.
 */
#ifndef SE_HOST_H
#define SE_HOST_H

#include "backend.h"

#define SE_HOST_NS_PER_APDU 30000000000U /* where the caller names no deadline */

/**
 * struct se_host_ops - one way to exchange APDUs
 * @exchange: one exchange with the class byte @cla. Returns 0, or a negative errno with
 *	*outcome telling what is known; -ECONNRESET: the SE was reset by somebody else, the
 *	command was not sent. rsp_len and sw are valid with 0 only. With @settle a signal does
 *	not end it
 * @refresh: bring host->generation up to date
 * @abandon: nobody knows what is open over there: let go of it, set host->gone
 */
struct se_host_ops {
	int (*exchange)(struct se *se, const uint8_t *cmd, size_t len, int cla, uint8_t *rsp,
			size_t room, uint32_t *rsp_len, uint16_t *sw, uint16_t *outcome,
			uint64_t deadline_ns, bool settle);
	int (*refresh)(struct se *se, uint64_t deadline_ns);
	void (*abandon)(struct se *se);
};

/**
 * struct se_host - the first member of what se->priv points to
 * @stats: counters of this session
 * @generation: as last known
 * @channel: logical channel, or SE_CHANNEL_NONE
 * @gone: the connection is of no use any more
 * @signalled: a signal came during an exchange
 */
struct se_host {
	const struct se_host_ops *ops;
	struct se_stats stats;
	uint64_t generation;
	uint32_t channel;
	bool gone;
	bool signalled;
};

/** se_host_deadline() - @deadline_ns, or the default one for 0 */
uint64_t se_host_deadline(uint64_t deadline_ns);

/** se_host_outcome() - store it so that whoever shares the memory sees it before all else */
void se_host_outcome(uint16_t *outcome, enum se_outcome value);

/** se_host_digest() - of an ATR, in which an SE may count its resets */
uint16_t se_host_digest(const uint8_t *p, size_t len);

/** se_host_info() - what is the same of all of them; cip_ptr is kept, cip_len becomes 0 */
void se_host_info(struct se *se, struct se_info *info, uint32_t apdu_max);

/**
 * se_host_reset_begin() - what every reset begins with: @reset's outputs, its inputs checked
 *
 * Returns 0; -EINVAL; -EOPNOTSUPP for a resynchronisation, as there is no link of ours to put
 * in step; -ENODEV for an SE that has gone.
 */
int se_host_reset_begin(struct se *se, struct se_reset *reset);

/* members of struct se_backend */
int se_host_get_stats(struct se *se, struct se_stats *stats);
int se_host_submit(struct se *se, struct se_stream *stream);
int se_host_channel_open(struct se *se, struct se_channel_open *open);
int se_host_channel_close(struct se *se);

#endif /* SE_HOST_H */
