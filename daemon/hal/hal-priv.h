/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SESAME_HAL_PRIV_H
#define SESAME_HAL_PRIV_H

#include <pthread.h>

#include "hal/ara.h"
#include "hal/hal.h"
#include "libse/se.h"

#define HAL_TOLD_MAX 4

/**
 * struct hal_slot - an open channel
 * @se: its session; that of struct se_hal for the basic channel; NULL: not open
 * @generation: in which it was opened
 * @rules: what its caller may send; NULL: everything
 */
struct hal_slot {
	struct se *se;
	uint64_t generation;
	struct ara_verdict *rules;
};

struct hal_told {
	bool connected;
	const char *reason;
};

/**
 * struct se_hal - one SE
 * @se: session for information, reset and the basic channel; NULL: not connected
 * @generation: as it was last told of
 * @told: changes of state that are to be told once @lock is let go
 */
struct se_hal {
	pthread_mutex_t lock;
	char *name;
	uint32_t deadline_ms;
	bool inited;
	struct se *se;
	uint64_t generation;
	struct ara ara;
	struct hal_slot slots[SE_HAL_CHANNELS];
	se_hal_state_fn *state;
	void *userdata;
	struct hal_told told[HAL_TOLD_MAX];
	size_t n_told;
};

/** hal_deadline() - of an exchange that begins now */
uint64_t hal_deadline(const struct se_hal *hal);

/** hal_drop() - close the channel of a slot; its outcome is of no interest */
void hal_drop(struct hal_slot *slot, struct se *basic);

/** hal_check() - was the SE reset, or taken away? then channels are dropped and it is told */
void hal_check(struct se_hal *hal);

/** hal_unlock() - end of an operation */
void hal_unlock(struct se_hal *hal);

/**
 * hal_exchange() - one APDU in the generation of the slot
 *
 * Return: 0 or se_submit()'s error; -EMSGSIZE for an answer that is longer than @room.
 */
int hal_exchange(struct se_hal *hal, const struct hal_slot *slot, const uint8_t *cmd,
		 size_t cmd_len, uint8_t *rsp, size_t room, size_t *rsp_len);

#endif
