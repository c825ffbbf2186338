/* SPDX-License-Identifier: Apache-2.0 */
/* What a back end of libse is; private to libse. */
#ifndef SE_BACKEND_H
#define SE_BACKEND_H

#include "se.h"

/**
 * struct se_backend - one way to reach an SE
 * @scheme: what stands before the colon in a name
 * @open: sets se->fd and, if it needs one, se->priv
 * The others are as their namesakes in se.h. submit() finds apdus_ptr, nr and
 * apdu_size filled in. From @lock on NULL means -EOPNOTSUPP.
 */
struct se_backend {
	const char *scheme;
	int (*open)(struct se *se, const char *path);
	void (*close)(struct se *se);
	int (*get_info)(struct se *se, struct se_info *info);
	int (*get_stats)(struct se *se, struct se_stats *stats);
	int (*submit)(struct se *se, struct se_stream *stream);
	int (*channel_open)(struct se *se, struct se_channel_open *open);
	int (*channel_close)(struct se *se);
	int (*reset)(struct se *se, struct se_reset *reset);
	int (*lock)(struct se *se, struct se_lock *lock);
	int (*unlock)(struct se *se);
	int (*cancel)(struct se *se, struct se_cancel *cancel);
	int (*set_filter)(struct se *se, const struct se_filter *filter);
};

struct se {
	const struct se_backend *ops;
	int fd;
	void *priv;
};

extern const struct se_backend se_backend_ioctl;
extern const struct se_backend se_backend_socket;
extern const struct se_backend se_backend_pcsc;

/**
 * se_cla_on_channel() - write a logical channel number into CLA
 * @cla: as it would be on the basic channel; a channel number in it is replaced
 * @channel: 0 to 19
 *
 * ISO/IEC 7816-4, 5.4.1, and GlobalPlatform Card Specification 11.1.4: 00-0F and
 * 80-8F carry channels 0 to 3 and the secure messaging bits; 40-7F and C0-FF
 * carry channels 4 to 19 and one secure messaging bit.
 * Returns CLA, or -EINVAL for a CLA that has no room for a channel, or whose
 * secure messaging bit could mean more than one thing in the other form.
 */
int se_cla_on_channel(uint8_t cla, unsigned int channel);

/** se_cla_is_basic() - is this CLA one of the basic channel? */
bool se_cla_is_basic(uint8_t cla);

/** se_sw_expected() - does a status word fit the expectation? */
bool se_sw_expected(const struct se_apdu *apdu, uint16_t sw);

#endif /* SE_BACKEND_H */
