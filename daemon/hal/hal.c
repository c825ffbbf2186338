// SPDX-License-Identifier: Apache-2.0
/* ISecureElement: connection, state, transmit, close, reset. Opening is in hal-open.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hal/hal-priv.h"

uint64_t hal_deadline(const struct se_hal *hal)
{
	return hal->deadline_ms ? se_deadline_in(hal->deadline_ms) : 0;
}

int se_hal_new(struct se_hal **ret, const char *name, uint32_t deadline_ms)
{
	struct se_hal *hal = calloc(1, sizeof(*hal));

	if (!hal)
		return -ENOMEM;
	hal->name = strdup(name);
	if (!hal->name) {
		free(hal);
		return -ENOMEM;
	}
	hal->deadline_ms = deadline_ms;
	pthread_mutex_init(&hal->lock, NULL);
	*ret = hal;
	return 0;
}

void hal_drop(struct hal_slot *slot, struct se *basic)
{
	if (slot->se != basic)
		se_close(slot->se);
	free(slot->rules);
	memset(slot, 0, sizeof(*slot));
}

static void drop_all(struct se_hal *hal)
{
	for (size_t i = 0; i < SE_HAL_CHANNELS; i++)
		hal_drop(&hal->slots[i], hal->se);
}

static void disconnect(struct se_hal *hal)
{
	drop_all(hal);
	se_close(hal->se);
	hal->se = NULL;
}

void se_hal_free(struct se_hal *hal)
{
	if (!hal)
		return;
	disconnect(hal);
	ara_forget(&hal->ara);
	pthread_mutex_destroy(&hal->lock);
	free(hal->name);
	free(hal);
}

static void tell(struct se_hal *hal, bool connected, const char *reason)
{
	if (hal->n_told == HAL_TOLD_MAX)
		return; /* no operation has that many */
	hal->told[hal->n_told++] = (struct hal_told){connected, reason};
}

void hal_unlock(struct se_hal *hal)
{
	size_t n = hal->n_told;
	se_hal_state_fn *state = hal->state;
	void *userdata = hal->userdata;
	struct hal_told told[HAL_TOLD_MAX];

	memcpy(told, hal->told, sizeof(told));
	hal->n_told = 0;
	pthread_mutex_unlock(&hal->lock);
	for (size_t i = 0; i < n && state; i++)
		state(userdata, told[i].connected, told[i].reason);
}

static bool answers(struct se_hal *hal)
{
	struct se_info info = {0};

	if (se_get_info(hal->se, &info) < 0 || info.state == SE_STATE_DEAD)
		return false;
	hal->generation = info.generation;
	return true;
}

static bool connect_se(struct se_hal *hal)
{
	if (se_open(&hal->se, hal->name) < 0) {
		hal->se = NULL;
		return false;
	}
	if (answers(hal))
		return true;
	disconnect(hal);
	return false;
}

void hal_check(struct se_hal *hal)
{
	uint64_t before = hal->generation;

	if (!hal->se) {
		if (connect_se(hal))
			tell(hal, true, "the secure element has come");
		return;
	}
	if (!answers(hal)) {
		disconnect(hal);
		tell(hal, false, "the secure element has gone");
	} else if (hal->generation != before) {
		drop_all(hal);
		tell(hal, false, "the secure element was reset");
		tell(hal, true, "the secure element is ready");
	}
}

enum se_hal_status se_hal_init(struct se_hal *hal, se_hal_state_fn *state, void *userdata)
{
	bool ok;

	pthread_mutex_lock(&hal->lock);
	disconnect(hal);
	hal->state = state;
	hal->userdata = userdata;
	hal->inited = true;
	ok = connect_se(hal);
	tell(hal, ok, ok ? "initialised" : "the secure element does not answer");
	hal_unlock(hal);
	return ok ? SE_HAL_OK : SE_HAL_IOERROR;
}

enum se_hal_status se_hal_get_atr(struct se_hal *hal, uint8_t *atr, size_t *len)
{
	uint8_t cip[SE_CIP_MAX];
	struct se_info info = {.cip_ptr = (uintptr_t)cip, .cip_len = sizeof(cip)};

	*len = 0;
	pthread_mutex_lock(&hal->lock);
	if (hal->se && !se_get_info(hal->se, &info))
		*len = se_atr(&info, cip,
			      info.cip_len < sizeof(cip) ? info.cip_len : sizeof(cip), atr);
	hal_unlock(hal);
	return SE_HAL_OK;
}

bool se_hal_is_card_present(struct se_hal *hal)
{
	bool present;

	pthread_mutex_lock(&hal->lock);
	if (hal->inited)
		hal_check(hal);
	present = hal->se;
	hal_unlock(hal);
	return present;
}

int hal_exchange(struct se_hal *hal, const struct hal_slot *slot, const uint8_t *cmd,
		 size_t cmd_len, uint8_t *rsp, size_t room, size_t *rsp_len)
{
	struct se_apdu a = {.cmd_ptr = (uintptr_t)cmd,
			    .cmd_len = (uint32_t)cmd_len,
			    .rsp_ptr = (uintptr_t)rsp,
			    .rsp_room = room > SE_RAPDU_MAX ? SE_RAPDU_MAX : (uint32_t)room};
	struct se_stream s = {.flags = SE_STREAM_CHECK_GENERATION,
			      .generation = slot->generation,
			      .deadline_ns = hal_deadline(hal)};
	int r = se_submit(slot->se, &a, 1, &s);

	*rsp_len = 0;
	if (r < 0)
		return r;
	if (s.stop == SE_STOP_ROOM)
		return -EMSGSIZE;
	*rsp_len = a.rsp_len;
	return 0;
}

/* The channel that CLA names (ISO/IEC 7816-4, 5.4.1), or SE_HAL_CHANNELS. */
static unsigned int channel_of(uint8_t cla)
{
	if (cla == 0xff)
		return SE_HAL_CHANNELS;
	if (cla & 0x40)
		return 4U + (cla & 0x0f);
	return cla & 0x20 ? SE_HAL_BASIC_CHANNEL : cla & 0x03;
}

enum se_hal_status se_hal_transmit(struct se_hal *hal, const uint8_t *cmd, size_t cmd_len,
				   uint8_t *rsp, size_t rsp_room, size_t *rsp_len)
{
	enum se_hal_status ret = SE_HAL_FAILED;
	const struct hal_slot *slot;
	unsigned int number;
	int r;

	*rsp_len = 0;
	if (cmd_len < SE_CAPDU_MIN || cmd_len > SE_CAPDU_MAX || rsp_room < 2)
		return SE_HAL_FAILED;
	number = channel_of(cmd[0]);
	pthread_mutex_lock(&hal->lock);
	slot = number < SE_HAL_CHANNELS ? &hal->slots[number] : NULL;
	if (!slot || !slot->se) {
		/* it may have been lost, which the caller is told then */
		if (hal->inited)
			hal_check(hal);
	} else if (slot->rules && !ara_verdict_allows(slot->rules, cmd, cmd_len)) {
		ret = SE_HAL_EX_SECURITY;
	} else {
		r = hal_exchange(hal, slot, cmd, cmd_len, rsp, rsp_room, rsp_len);
		if (!r)
			ret = SE_HAL_OK;
		else if (r != -EACCES && r != -EINVAL && r != -EMSGSIZE && r != -ENOMEM)
			ret = SE_HAL_CHANNEL_NOT_AVAILABLE;
		if (ret == SE_HAL_CHANNEL_NOT_AVAILABLE)
			hal_check(hal);
	}
	hal_unlock(hal);
	return ret;
}

enum se_hal_status se_hal_close_channel(struct se_hal *hal, uint8_t number)
{
	enum se_hal_status ret = SE_HAL_FAILED;
	struct hal_slot *slot;

	if (number == SE_HAL_BASIC_CHANNEL || number >= SE_HAL_CHANNELS)
		return SE_HAL_FAILED;
	pthread_mutex_lock(&hal->lock);
	slot = &hal->slots[number];
	if (slot->se) {
		ret = se_channel_close(slot->se) < 0 ? SE_HAL_FAILED : SE_HAL_OK;
		hal_drop(slot, hal->se);
	}
	if (ret != SE_HAL_OK && hal->inited)
		hal_check(hal);
	hal_unlock(hal);
	return ret;
}

enum se_hal_status se_hal_reset(struct se_hal *hal)
{
	enum se_hal_status ret = SE_HAL_FAILED;

	pthread_mutex_lock(&hal->lock);
	if (hal->inited)
		hal_check(hal);
	if (hal->se && !se_reset(hal->se, SE_RESET_SOFT, hal_deadline(hal), NULL)) {
		ret = SE_HAL_OK;
		drop_all(hal);
		tell(hal, false, "reset");
		if (answers(hal))
			tell(hal, true, "reset");
		else
			disconnect(hal);
	} else if (hal->se) {
		/* refused: all is as it was. Broken off: it may have been reset all the same */
		hal_check(hal);
	}
	hal_unlock(hal);
	return ret;
}

int se_hal_fd(struct se_hal *hal)
{
	int fd;

	pthread_mutex_lock(&hal->lock);
	fd = hal->se ? se_fd(hal->se) : -1;
	hal_unlock(hal);
	return fd;
}

void se_hal_dispatch(struct se_hal *hal)
{
	pthread_mutex_lock(&hal->lock);
	if (hal->inited)
		hal_check(hal);
	hal_unlock(hal);
}
