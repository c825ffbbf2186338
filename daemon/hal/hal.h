/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operations of Android's android.hardware.secure_element.ISecureElement (AIDL) over
 * libse: what a Binder service of a vendor partition has left to do is to call these and to
 * turn the status into an exception. Documentation/howto/android.rst has the mapping.
 *
 * The interface does not say who asks, as the system's service above it enforces the access
 * rules. Where nothing is above (no such service, or one that is not trusted with it), each
 * opening is given a caller, and the rules of the SE's ARA-M are enforced here.
 *
 * Any thread may call; operations run one after another. No APDU is sent twice.
 */
#ifndef SESAME_HAL_H
#define SESAME_HAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/ara-rules.h"

/**
 * enum se_hal_status - how an operation ended
 *
 * Above 0: the codes of ServiceSpecificException. Below: Binder's own exceptions, by their
 * numbers (EX_SECURITY).
 */
enum se_hal_status {
	SE_HAL_EX_SECURITY = -1, /* the access rules do not allow it; nothing was sent */
	SE_HAL_OK = 0,
	SE_HAL_FAILED = 1,
	SE_HAL_CHANNEL_NOT_AVAILABLE = 2,
	SE_HAL_NO_SUCH_ELEMENT_ERROR = 3,
	SE_HAL_UNSUPPORTED_OPERATION = 4,
	SE_HAL_IOERROR = 5,
};

#define SE_HAL_CHANNELS 20    /* channel 0 is the basic channel */
#define SE_HAL_SELECT_MAX 258 /* answer to SELECT: 256 bytes and the status word */
#define SE_HAL_BASIC_CHANNEL 0

/**
 * struct se_hal_channel - LogicalChannelResponse
 * @number: channelNumber, 1 to 19: goes into CLA of what is transmitted
 * @response: selectResponse, status word included
 * @response_len: 2 to SE_HAL_SELECT_MAX
 */
struct se_hal_channel {
	uint8_t number;
	uint8_t response[SE_HAL_SELECT_MAX];
	size_t response_len;
};

/**
 * typedef se_hal_state_fn - ISecureElementCallback.onStateChange()
 * @connected: false: all channels are gone
 * @reason: for people; a constant
 *
 * Called by the thread whose operation found it, after the operation has ended: it may call
 * operations itself.
 */
typedef void se_hal_state_fn(void *userdata, bool connected, const char *reason);

struct se_hal;

/**
 * se_hal_new() - without a word to the SE
 * @ret: out: to be freed with se_hal_free()
 * @name: as se_open() takes it, e.g. "/dev/se0"
 * @deadline_ms: for each exchange; 0: the driver's
 *
 * Return: 0, -ENOMEM.
 */
int se_hal_new(struct se_hal **ret, const char *name, uint32_t deadline_ms);

/** se_hal_free() - channels are closed. NULL is fine. */
void se_hal_free(struct se_hal *hal);

/**
 * se_hal_init() - init(): connect; @state is told true, or false and why
 * @state: replaces the one of an earlier call, whose channels are closed; may be NULL
 *
 * Return: SE_HAL_OK, or SE_HAL_IOERROR (there is no such SE, or it does not answer).
 */
enum se_hal_status se_hal_init(struct se_hal *hal, se_hal_state_fn *state, void *userdata);

/**
 * se_hal_get_atr() - getAtr()
 * @atr: out: room for SE_ATR_MAX bytes
 * @len: out: 0 if there is none to be had
 */
enum se_hal_status se_hal_get_atr(struct se_hal *hal, uint8_t *atr, size_t *len);

/** se_hal_is_card_present() - isCardPresent(): asks the driver, not the SE */
bool se_hal_is_card_present(struct se_hal *hal);

/**
 * se_hal_open_logical_channel() - openLogicalChannel()
 * @caller: whom the access rules must allow it; NULL: somebody above enforces them
 * @aid: of the application; not read with @aid_len 0
 * @aid_len: 5 to 16; 0: the application that is selected by default
 * @p2: of SELECT: 00, 04, 08, 0C (what is answered), with 01 to 03 added for the last, next
 *	or previous occurrence. With another one than 00 the channel has the default
 *	application for a moment
 * @channel: out
 *
 * The rules are read from the ARA-M on a channel of their own, which is closed again: the
 * refresh tag each time, the rules if the tag is another one. An SE without an ARA-M denies.
 *
 * Return: SE_HAL_OK; CHANNEL_NOT_AVAILABLE (the SE has none left); NO_SUCH_ELEMENT_ERROR
 * (no such application, or it does not let itself be selected); UNSUPPORTED_OPERATION
 * (@p2); IOERROR; FAILED (another status word); EX_SECURITY. No channel is left open then.
 */
enum se_hal_status se_hal_open_logical_channel(struct se_hal *hal,
					       const struct ara_caller *caller,
					       const uint8_t *aid, size_t aid_len, uint8_t p2,
					       struct se_hal_channel *channel);

/**
 * se_hal_open_basic_channel() - openBasicChannel(): SELECT on channel 0
 *
 * As above; @channel->number is 0. Channel 0 cannot be closed (that is the interface's
 * word): the next opening takes it over, and after one that fails it is nobody's.
 * CHANNEL_NOT_AVAILABLE also where the driver keeps channel 0 to itself (no CAP_SYS_ADMIN).
 */
enum se_hal_status se_hal_open_basic_channel(struct se_hal *hal,
					     const struct ara_caller *caller,
					     const uint8_t *aid, size_t aid_len, uint8_t p2,
					     struct se_hal_channel *channel);

/**
 * se_hal_transmit() - transmit(): one APDU on the channel that its CLA names
 * @rsp: R-APDU; 65538 bytes (SE_RAPDU_MAX) hold every one
 * @rsp_len: out: its length, 0 after an error
 *
 * Return: SE_HAL_OK, whatever the status word; FAILED (no APDU, no such channel open, MANAGE
 * CHANNEL, an answer longer than @rsp_room); CHANNEL_NOT_AVAILABLE (the link failed, the SE
 * was reset or has gone: whether the command ran is not known); EX_SECURITY.
 */
enum se_hal_status se_hal_transmit(struct se_hal *hal, const uint8_t *cmd, size_t cmd_len,
				   uint8_t *rsp, size_t rsp_room, size_t *rsp_len);

/** se_hal_close_channel() - closeChannel(). FAILED for channel 0 and one that is not open. */
enum se_hal_status se_hal_close_channel(struct se_hal *hal, uint8_t number);

/**
 * se_hal_reset() - reset(): all channels are closed; @state is told false, then true
 *
 * SE_RESET_SOFT: the SE's own reset, without its lines. FAILED if that is not possible, or
 * not allowed: channels stay open then unless the SE was reset all the same (@state is told).
 */
enum se_hal_status se_hal_reset(struct se_hal *hal);

/**
 * se_hal_fd() - what to poll for, with POLLPRI and POLLRDHUP; -1: nothing (call by timer)
 *
 * When it is ready, and once a second or so while there is no connection: se_hal_dispatch(),
 * and then ask for it anew.
 */
int se_hal_fd(struct se_hal *hal);

/** se_hal_dispatch() - has the SE been reset or taken away, or come back? tells @state */
void se_hal_dispatch(struct se_hal *hal);

#endif
