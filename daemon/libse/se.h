/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libse: secure elements as a C program sees them.
 *
 * The structures are those of <linux/se.h>, so that the caller owns all memory:
 * an array of struct se_apdu may lie in a shared file mapping and then survives
 * its process (see struct se_apdu.outcome).
 *
 * Three back ends answer the same calls: "ioctl" (/dev/seN), "socket" (the
 * APDU socket of the software SE: 16-bit length and body, as vpcd has it) and "pcsc" (a
 * card in a PC/SC reader, T=1). With the latter two this library does what the kernel does
 * otherwise: MANAGE CHANNEL, SELECT, the channel number in CLA, deadlines and outcomes.
 *
 * One struct se is used by one thread at a time. All functions return 0 or a
 * negative errno unless said otherwise.
 */
#ifndef SE_H
#define SE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/se.h>

struct se;

/**
 * se_open() - open a session with a secure element
 * @ret: out: to be closed with se_close()
 * @name: "ioctl:/dev/se0", "/dev/se0", "se0", "socket:/path/of/socket", or "pcsc:READER",
 *	a reader's name, the beginning of one, or its number from 0
 *
 * Errors: -EINVAL for a name of another form, or those of open() and connect(); of a reader:
 * -ENOENT there is none such, -ENOTUNIQ several, -ENOMEDIUM no card in it, -ECONNREFUSED no
 * pcscd, -EPROTONOSUPPORT a card without T=1.
 */
int se_open(struct se **ret, const char *name);

/** se_close() - close it; its channel is closed as well. NULL is fine. */
void se_close(struct se *se);

/** se_get_info() - SE_IOC_GET_INFO; cip_ptr and cip_len are the caller's. */
int se_get_info(struct se *se, struct se_info *info);

/**
 * se_fd() - what to wait on for an SE that was reset or taken away
 *
 * Only to be polled, also while another thread is in se_submit(): POLLPRI says that the
 * generation moved (se_get_info() ends it; on the socket it hangs up instead), POLLHUP or
 * POLLRDHUP that the SE has gone.
 * Returns -1 for a back end without one.
 */
int se_fd(const struct se *se);

#define SE_ATR_MAX 33 /* ISO/IEC 7816-3, 8.2.1: TS and 32 characters */

/**
 * se_atr() - the answer to reset that PC/SC programs know the SE by
 * @info: of se_get_info()
 * @cip: what se_get_info() stored at cip_ptr; any bytes
 * @len: their number; 0 is fine
 * @atr: out: room for SE_ATR_MAX bytes
 *
 * An SE's own ATR that offers T=1 stays as it is. Around the historical bytes of any other,
 * and of parameters (GPC_SPE_172, UM11225), one is built that offers T=1 and nothing else,
 * with the IFSC and a right TCK. An ATR holds 15 of them: what is above is left out, of
 * COMPACT-TLV (ISO/IEC 7816-4, 12.1.1) by whole objects.
 * Returns its length, 4 to SE_ATR_MAX.
 */
size_t se_atr(const struct se_info *info, const uint8_t *cip, size_t len, uint8_t *atr);

/**
 * se_historical() - the historical bytes of an SE (ISO/IEC 7816-4, 12.1.1), all of them
 * @info: of se_get_info()
 * @cip: what se_get_info() stored at cip_ptr; any bytes
 * @len: their number; 0 is fine
 * @hist: out: where they are in @cip; NULL if there are none
 *
 * Returns their number, 0 for none.
 */
size_t se_historical(const struct se_info *info, const uint8_t *cip, size_t len,
		     const uint8_t **hist);

/** se_get_stats() - SE_IOC_GET_STATS; a back end without counters gives zeros. */
int se_get_stats(struct se *se, struct se_stats *stats);

/**
 * se_submit() - SE_IOC_SUBMIT: run APDUs back to back
 * @se: the session
 * @apdus: in and out; the outcome of each is stored before its bytes leave
 * @nr: their number, 1 to SE_STREAM_MAX
 * @stream: in: flags, deadline_ns, generation, cookie; the rest is filled in.
 *	out: done, generation, stop
 *
 * Returns 0 when stream->stop is SE_STOP_END, SE_STOP_SW or SE_STOP_ROOM, else
 * as SE_IOC_SUBMIT does.
 */
int se_submit(struct se *se, struct se_apdu *apdus, uint32_t nr, struct se_stream *stream);

/**
 * se_transmit() - run one APDU; a stream of one
 * @se: the session
 * @cmd: C-APDU
 * @cmd_len: its length
 * @rsp: where the R-APDU goes
 * @rsp_room: its size
 * @rsp_len: out: length of the R-APDU
 * @deadline_ns: as in struct se_stream
 * @outcome: out: enum se_outcome; may be NULL
 */
int se_transmit(struct se *se, const void *cmd, uint32_t cmd_len, void *rsp, uint32_t rsp_room,
		uint32_t *rsp_len, uint64_t deadline_ns, uint16_t *outcome);

/** se_channel_open() - SE_IOC_CHANNEL_OPEN: MANAGE CHANNEL and SELECT. */
int se_channel_open(struct se *se, struct se_channel_open *open);

/** se_channel_close() - SE_IOC_CHANNEL_CLOSE. -ENOTCONN if there is none. */
int se_channel_close(struct se *se);

/**
 * se_reset() - SE_IOC_RESET: reset the SE; everybody's channels are gone
 * @level: enum se_reset_level
 * @deadline_ns: as in struct se_stream
 * @ret: out: generation and state afterwards; may be NULL
 *
 * In a reader SE_RESET_SOFT and SE_RESET_LINE are PC/SC's reset, SE_RESET_POWER its unpower.
 * On the socket SE_RESET_SOFT and SE_RESET_LINE are vpcd's control 02, and
 * SE_RESET_POWER is 00 and 01. Its other connections are closed by the SE.
 * Errors: -EPERM, -EOPNOTSUPP (there is no such level here), -EBUSY, -EIO,
 * -ETIMEDOUT, -EINTR, -ENODEV.
 */
int se_reset(struct se *se, uint32_t level, uint64_t deadline_ns, struct se_reset *ret);

/**
 * se_lock() - SE_IOC_LOCK: have the SE for oneself, for a while
 * @hold_ms: for how long, 0 for as long as the policy allows
 * @deadline_ns: bounds the wait for it, as in struct se_stream
 * @ret: out: what was granted, and until when; may be NULL
 *
 * Ends with se_unlock(), se_close(), or by itself. Errors: those of SE_IOC_LOCK;
 * -EOPNOTSUPP on the other back ends.
 */
int se_lock(struct se *se, uint32_t hold_ms, uint64_t deadline_ns, struct se_lock *ret);

/** se_unlock() - SE_IOC_UNLOCK. -ENOLCK if it is not held, or not any more. */
int se_unlock(struct se *se);

/**
 * se_cancel() - SE_IOC_CANCEL: give up what this session asked for
 * @cookie: of struct se_stream
 * @flags: SE_CANCEL_*
 *
 * The one call that another thread may make while se_submit() is under way.
 * Returns how many requests it met. Errors: -ENOENT (none), -ENODEV; -EOPNOTSUPP on
 * the socket, where a deadline has to do.
 */
int se_cancel(struct se *se, uint64_t cookie, uint32_t flags);

/**
 * se_set_filter() - SE_IOC_SET_FILTER: narrow what this session may do, for good
 * @flags: SE_FILTER_*
 * @rules: with SE_FILTER_RULES, commands that may be sent
 * @nr_rules: their number
 * @aids: with SE_FILTER_AIDS, applications that may be selected
 * @nr_aids: their number
 *
 * Errors: those of SE_IOC_SET_FILTER; -EOPNOTSUPP on the socket: nobody could hold
 * a process to a filter that lies in its own memory.
 */
int se_set_filter(struct se *se, uint32_t flags, const struct se_filter_rule *rules,
		  uint32_t nr_rules, const struct se_filter_aid *aids, uint32_t nr_aids);

/** se_deadline_in() - now plus @ms, in the terms of struct se_stream.deadline_ns. */
uint64_t se_deadline_in(uint64_t ms);

/* names of the numbers, for people and for JSON; "?" for an unknown one */
const char *se_state_name(uint32_t state);
const char *se_dialect_name(uint32_t dialect);
const char *se_irq_mode_name(uint32_t mode);
const char *se_outcome_name(uint32_t outcome);
const char *se_reset_level_name(uint32_t level);
const char *se_stop_name(uint32_t stop);
const char *se_lock_state_name(uint32_t lock);
const char *se_reason_name(uint32_t reason);

/** se_to_hex() - @len bytes as 2 * @len capital digits and a NUL. */
void se_to_hex(char *text, const uint8_t *p, size_t len);

/**
 * se_from_hex() - the bytes of @text_len digits, in either case
 *
 * Returns 0, or -EINVAL: an odd number of digits, another character, more than @room bytes.
 * *len is set with 0 only; @out may be half written.
 */
int se_from_hex(const char *text, size_t text_len, uint8_t *out, size_t room, size_t *len);

/* ---- which secure elements are there: generic netlink, family "se" ---- */

#define SE_NAME_MAX 32

/**
 * struct se_config - how an SE is driven; attribute set "policy" of se.yaml
 * @present: bit n is set if attribute n (SE_A_POLICY_*) is there
 */
struct se_config {
	uint32_t present;
	uint32_t ladder;
	uint32_t wtx_max;
	uint32_t deadline_ms;
	uint32_t drain_ms;
	uint32_t autosuspend_ms;
	uint32_t hold_max_ms;
	uint32_t irq_policy;
};

/**
 * struct se_device - what netlink says of one SE
 * @present: bit n is set if attribute n (SE_A_DEV_*) was there
 * @reason: enum se_reason, in events
 * @reset_level: enum se_reset_level, in SE_EVENT_RESET_DONE
 * @error: 0 or a negative errno, in SE_EVENT_RESET_DONE
 * The rest is as in struct se_info and in Documentation/netlink/specs/se.yaml.
 */
struct se_device {
	uint32_t present;
	uint32_t index;
	char name[SE_NAME_MAX];
	char parent[SE_NAME_MAX];
	uint32_t dialect;
	uint32_t state;
	uint64_t generation;
	uint32_t ifsc;
	uint32_t ifsd;
	uint32_t bwt_us;
	uint32_t irq_mode;
	uint32_t caps;
	uint32_t clock_hz;
	uint32_t channels_in_use;
	uint32_t reason;
	uint32_t power_state;
	uint32_t reset_level;
	int32_t error;
	uint32_t cip_len;
	uint8_t cip[SE_CIP_MAX];
	uint32_t atr_len;
	uint8_t atr[SE_CIP_MAX];
	struct se_config config;
};

/**
 * struct se_block - the header of a block that has passed
 * Attribute set "block" of se.yaml.
 */
struct se_block {
	uint32_t index;
	uint32_t direction;
	uint8_t nad;
	uint8_t pcb;
	uint8_t edc_ok;
	uint16_t len;
	uint32_t size;
	uint64_t time_ns;
	uint64_t duration_ns;
};

/** se_device_has() - was attribute @attr (SE_A_DEV_*) there? */
static inline bool se_device_has(const struct se_device *dev, unsigned int attr)
{
	return attr < 32 && (dev->present & (1U << attr));
}

/**
 * se_list() - call @cb for each SE that the kernel knows (dev-get dump)
 * @cb: non-zero return ends the listing and is returned
 * @ctx: handed to @cb
 *
 * Errors: -ENOENT if the kernel has no family "se" (module not loaded).
 */
int se_list(int (*cb)(void *ctx, const struct se_device *dev), void *ctx);

/**
 * se_get_by_netlink() - one SE by its number (dev-get do)
 *
 * Errors: -ENODEV if there is no such SE, -ENOENT if there is no family "se".
 */
int se_get_by_netlink(uint32_t index, struct se_device *dev);

/**
 * se_get_stats_by_netlink() - counters and histograms (stats-get do)
 *
 * Errors: as se_get_by_netlink().
 */
int se_get_stats_by_netlink(uint32_t index, struct se_stats *stats);

/**
 * se_config_by_netlink() - change how an SE is driven (config-set)
 * @index: its number
 * @config: what is to change, as @config->present says
 * @why: out: after an error what the kernel says of it, or ""; may be NULL
 * @room: its size
 *
 * Errors: -EPERM, -ERANGE, -ENODEV, -ENOENT, -EINVAL.
 */
int se_config_by_netlink(uint32_t index, const struct se_config *config, char *why,
			 size_t room);

/**
 * se_reset_by_netlink() - begin a reset (reset); SE_EVENT_RESET_DONE tells its end
 * @index: its number
 * @level: enum se_reset_level
 * @why: as in se_config_by_netlink()
 * @room: its size
 *
 * Errors: also -EOPNOTSUPP and -EBUSY.
 */
int se_reset_by_netlink(uint32_t index, uint32_t level, char *why, size_t room);

/**
 * enum se_event_type - what an event of the multicast group tells
 * @SE_EVENT_ADD: an SE came
 * @SE_EVENT_DEL: an SE went
 * @SE_EVENT_STATE: its state changed
 * @SE_EVENT_GENERATION: it may have lost its volatile state
 * @SE_EVENT_LOST: events were dropped because we were slow; list anew
 * @SE_EVENT_IRQ_MODE: the end of its work is noticed in another way
 * @SE_EVENT_IRQ_STORM: its interrupt did not stop and was masked
 * @SE_EVENT_CONFIG: its configuration was changed
 * @SE_EVENT_RESET_DONE: a reset that netlink began has ended
 * @SE_EVENT_BLOCK: a block has passed; only from se_monitor_open_blocks()
 */
enum se_event_type {
	SE_EVENT_ADD,
	SE_EVENT_DEL,
	SE_EVENT_STATE,
	SE_EVENT_GENERATION,
	SE_EVENT_LOST,
	SE_EVENT_IRQ_MODE,
	SE_EVENT_IRQ_STORM,
	SE_EVENT_CONFIG,
	SE_EVENT_RESET_DONE,
	SE_EVENT_BLOCK,
};

const char *se_event_name(uint32_t type);

/**
 * struct se_event - one event
 * @type: which
 * @dev: whom it is about; empty with SE_EVENT_LOST and SE_EVENT_BLOCK
 * @block: with SE_EVENT_BLOCK
 */
struct se_event {
	enum se_event_type type;
	struct se_device dev;
	struct se_block block;
};

struct se_monitor;

/**
 * se_monitor_open() - subscribe to the events
 *
 * Errors: -ENOENT if the kernel has no family "se".
 */
int se_monitor_open(struct se_monitor **ret);

/**
 * se_monitor_open_blocks() - subscribe to the headers of all blocks that pass
 *
 * Errors: -EPERM without CAP_NET_ADMIN, -ENOENT as above. Kernels before 5.12 cannot
 * keep others from listening, so that nothing ever comes there.
 */
int se_monitor_open_blocks(struct se_monitor **ret);

/** se_monitor_close() - NULL is fine. */
void se_monitor_close(struct se_monitor *mon);

/** se_monitor_fd() - readable when se_monitor_dispatch() has something to do. */
int se_monitor_fd(const struct se_monitor *mon);

/**
 * se_monitor_dispatch() - hand over what has come; never blocks
 * @cb: non-zero return ends the call and is returned
 * @ctx: handed to @cb
 */
int se_monitor_dispatch(struct se_monitor *mon,
			int (*cb)(void *ctx, const struct se_event *event), void *ctx);

/**
 * se_netlink_parse() - decode netlink messages of the family "se"
 * @data: one or more messages, any bytes
 * @len: their length
 * @family: id of the family; messages of other types, and those that are about
 *	counters or blocks, are passed over
 * @cb: called for each message with its SE_CMD_*; non-zero return ends the call
 * @ctx: handed to @cb
 *
 * Returns 0, what @cb returned, or -EBADMSG at the first malformed message.
 */
int se_netlink_parse(const void *data, size_t len, uint16_t family,
		     int (*cb)(void *ctx, unsigned int cmd, const struct se_device *dev),
		     void *ctx);

/** se_netlink_parse_blocks() - the same for block headers */
int se_netlink_parse_blocks(const void *data, size_t len, uint16_t family,
			    int (*cb)(void *ctx, const struct se_block *block), void *ctx);

/** se_netlink_parse_stats() - the same for counters; @index is the SE's number */
int se_netlink_parse_stats(const void *data, size_t len, uint16_t family,
			   int (*cb)(void *ctx, uint32_t index, const struct se_stats *stats),
			   void *ctx);

#endif /* SE_H */
