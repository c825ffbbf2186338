// SPDX-License-Identifier: Apache-2.0
/* ISecureElement: openLogicalChannel and openBasicChannel, and who may. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hal/hal-priv.h"

/* What SELECT was answered, where it was answered. */
static enum se_hal_status select_status(uint16_t sw)
{
	switch (sw) {
	case 0x6a82:
	case 0x6985: /* it is there, and does not let itself be selected (now) */
	case 0x6999:
		return SE_HAL_NO_SUCH_ELEMENT_ERROR;
	case 0x6a81:
	case 0x6a86:
		return SE_HAL_UNSUPPORTED_OPERATION;
	}
	/* a warning is a selection all the same */
	return sw == 0x9000 || sw >> 8 == 0x62 || sw >> 8 == 0x63 ? SE_HAL_OK : SE_HAL_FAILED;
}

static enum se_hal_status open_status(int r, uint16_t sw)
{
	switch (r) {
	case 0:
		return SE_HAL_OK;
	case -ENOENT:
		return SE_HAL_NO_SUCH_ELEMENT_ERROR;
	case -EUSERS:
		return SE_HAL_CHANNEL_NOT_AVAILABLE;
	case -EREMOTEIO:
		return select_status(sw);
	case -EINVAL:
	case -ENOMEM:
		return SE_HAL_FAILED;
	}
	return SE_HAL_IOERROR;
}

/* A session with a channel and an application; @channel may be NULL. */
static enum se_hal_status open_session(struct se_hal *hal, const uint8_t *aid, size_t aid_len,
				       struct hal_slot *slot, struct se_hal_channel *channel)
{
	struct se_channel_open open = {.aid_ptr = aid_len ? (uintptr_t)aid : 0,
				       .aid_len = (uint32_t)aid_len,
				       .deadline_ns = hal_deadline(hal)};
	enum se_hal_status ret;
	int r;

	if (channel) {
		open.rsp_ptr = (uintptr_t)channel->response;
		open.rsp_room = sizeof(channel->response);
	}
	r = se_open(&slot->se, hal->name);
	if (r < 0) {
		slot->se = NULL;
		return SE_HAL_IOERROR;
	}
	r = se_channel_open(slot->se, &open);
	ret = open_status(r, open.sw);
	if (!r && channel && open.rsp_len > sizeof(channel->response))
		ret = SE_HAL_FAILED;
	if (!r && (!open.channel || open.channel >= SE_HAL_CHANNELS))
		ret = SE_HAL_FAILED;
	if (r < 0 || ret != SE_HAL_OK) {
		hal_drop(slot, hal->se);
		return r < 0 && ret == SE_HAL_OK ? SE_HAL_FAILED : ret;
	}
	slot->generation = open.generation;
	if (channel) {
		channel->number = (uint8_t)open.channel;
		channel->response_len = open.rsp_len;
	}
	return SE_HAL_OK;
}

/* SELECT by name with any P2, on a channel that is open already. */
static enum se_hal_status select_on(struct se_hal *hal, const struct hal_slot *slot,
				    const uint8_t *aid, size_t aid_len, uint8_t p2,
				    struct se_hal_channel *channel)
{
	uint8_t cmd[5 + SE_AID_MAX + 1] = {0x00, 0xa4, 0x04, p2};
	const uint8_t *rsp = channel->response;
	size_t n = 4, len;
	int r;

	if (aid_len) {
		cmd[n++] = (uint8_t)aid_len;
		memcpy(cmd + n, aid, aid_len);
		n += aid_len;
	}
	cmd[n++] = 0x00; /* Le */
	r = hal_exchange(hal, slot, cmd, n, channel->response, sizeof(channel->response), &len);
	if (r < 0)
		return r == -EACCES ? SE_HAL_CHANNEL_NOT_AVAILABLE
				    : open_status(r == -EMSGSIZE ? -EINVAL : r, 0);
	channel->response_len = len;
	return select_status((uint16_t)(rsp[len - 2] << 8 | rsp[len - 1]));
}

/* The rules as they are now. */
static enum se_hal_status refresh_rules(struct se_hal *hal)
{
	uint8_t cmd[ARA_CMD_LEN], rsp[SE_HAL_SELECT_MAX];
	struct hal_slot slot = {0};
	enum se_hal_status ret;
	size_t len;
	int r = 0;

	ret = open_session(hal, ara_aid, sizeof(ara_aid), &slot, NULL);
	if (ret != SE_HAL_OK) {
		ara_forget(&hal->ara);
		return ret == SE_HAL_CHANNEL_NOT_AVAILABLE || ret == SE_HAL_IOERROR
			       ? ret
			       : SE_HAL_EX_SECURITY;
	}
	ara_begin(&hal->ara);
	while (!r && ara_next(&hal->ara, cmd)) {
		r = hal_exchange(hal, &slot, cmd, sizeof(cmd), rsp, sizeof(rsp), &len);
		if (r < 0) {
			ara_forget(&hal->ara);
			ret = SE_HAL_IOERROR;
		} else {
			r = ara_answer(&hal->ara, rsp, len);
			ret = r < 0 ? SE_HAL_EX_SECURITY : SE_HAL_OK;
		}
	}
	hal_drop(&slot, hal->se);
	return ret;
}

static enum se_hal_status ask_rules(struct se_hal *hal, const struct ara_caller *caller,
				    const uint8_t *aid, size_t aid_len,
				    struct ara_verdict **ret)
{
	enum se_hal_status status;

	*ret = NULL;
	if (!caller)
		return SE_HAL_OK;
	status = refresh_rules(hal);
	if (status != SE_HAL_OK)
		return status;
	*ret = malloc(sizeof(**ret));
	if (!*ret)
		return SE_HAL_FAILED;
	ara_rules_decide(hal->ara.rules, aid, aid_len, caller, *ret);
	if ((*ret)->allowed)
		return SE_HAL_OK;
	free(*ret);
	*ret = NULL;
	return SE_HAL_EX_SECURITY;
}

/* What can be told without the SE. */
static enum se_hal_status look_at(struct se_hal *hal, size_t aid_len, uint8_t p2)
{
	hal_check(hal);
	if (!hal->se)
		return SE_HAL_IOERROR;
	if (p2 & 0xf0)
		return SE_HAL_UNSUPPORTED_OPERATION; /* ISO/IEC 7816-4, table 63: RFU */
	if (aid_len && (aid_len < SE_AID_MIN || aid_len > SE_AID_MAX))
		return SE_HAL_NO_SUCH_ELEMENT_ERROR;
	return SE_HAL_OK;
}

static enum se_hal_status open_logical(struct se_hal *hal, const uint8_t *aid, size_t aid_len,
				       uint8_t p2, struct ara_verdict *rules,
				       struct se_hal_channel *channel)
{
	struct hal_slot slot = {0};
	enum se_hal_status ret;

	ret = open_session(hal, aid, p2 ? 0 : aid_len, &slot, channel);
	if (ret == SE_HAL_OK && p2) {
		ret = select_on(hal, &slot, aid, aid_len, p2, channel);
		if (ret != SE_HAL_OK)
			hal_drop(&slot, hal->se);
	}
	if (ret != SE_HAL_OK)
		return ret;
	/* only a reset that nobody noticed leaves one with this number behind */
	hal_drop(&hal->slots[channel->number], hal->se);
	slot.rules = rules;
	hal->slots[channel->number] = slot;
	return SE_HAL_OK;
}

static enum se_hal_status open_basic(struct se_hal *hal, const uint8_t *aid, size_t aid_len,
				     uint8_t p2, struct ara_verdict *rules,
				     struct se_hal_channel *channel)
{
	struct hal_slot slot = {.se = hal->se, .generation = hal->generation};
	enum se_hal_status ret;

	hal_drop(&hal->slots[SE_HAL_BASIC_CHANNEL], hal->se);
	ret = select_on(hal, &slot, aid, aid_len, p2, channel);
	if (ret != SE_HAL_OK)
		return ret;
	slot.rules = rules;
	hal->slots[SE_HAL_BASIC_CHANNEL] = slot;
	return SE_HAL_OK;
}

static enum se_hal_status open_any(struct se_hal *hal, bool basic,
				   const struct ara_caller *caller, const uint8_t *aid,
				   size_t aid_len, uint8_t p2, struct se_hal_channel *channel)
{
	struct ara_verdict *rules = NULL;
	enum se_hal_status ret;

	memset(channel, 0, sizeof(*channel));
	pthread_mutex_lock(&hal->lock);
	ret = hal->inited ? look_at(hal, aid_len, p2) : SE_HAL_IOERROR;
	if (ret == SE_HAL_OK)
		ret = ask_rules(hal, caller, aid, aid_len, &rules);
	if (ret == SE_HAL_OK) {
		ret = basic ? open_basic(hal, aid, aid_len, p2, rules, channel)
			    : open_logical(hal, aid, aid_len, p2, rules, channel);
		if (ret != SE_HAL_OK)
			free(rules);
	}
	if (ret != SE_HAL_OK)
		memset(channel, 0, sizeof(*channel));
	if (ret == SE_HAL_IOERROR && hal->inited)
		hal_check(hal);
	hal_unlock(hal);
	return ret;
}

enum se_hal_status se_hal_open_logical_channel(struct se_hal *hal,
					       const struct ara_caller *caller,
					       const uint8_t *aid, size_t aid_len, uint8_t p2,
					       struct se_hal_channel *channel)
{
	return open_any(hal, false, caller, aid, aid_len, p2, channel);
}

enum se_hal_status se_hal_open_basic_channel(struct se_hal *hal,
					     const struct ara_caller *caller,
					     const uint8_t *aid, size_t aid_len, uint8_t p2,
					     struct se_hal_channel *channel)
{
	return open_any(hal, true, caller, aid, aid_len, p2, channel);
}
