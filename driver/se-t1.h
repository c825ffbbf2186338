/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * T=1 family link layer: a pure state machine.
 *
 * It allocates nothing, never sleeps and knows no clock. Its user gives it a
 * start, a received block or the end of a waiting time, and gets back what to
 * do next. The same files are built into the kernel module and into a
 * user-space library for tests and fuzzing.
 *
 * Locking: none inside; one struct se_t1 is used by one thread at a time.
 */
#ifndef SE_T1_H
#define SE_T1_H

#include <linux/types.h>

#ifndef __KERNEL__
#include <stdbool.h>
#include <stddef.h>
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
#endif

#define SE_T1_PROLOGUE_MAX	4	/* NAD, PCB, LEN (1 or 2 bytes) */
#define SE_T1_EDC_MAX		2
#define SE_T1_INF_MAX		4089	/* 0FF9, largest IFS of T=1' */
#define SE_T1_BLOCK_MAX		(SE_T1_PROLOGUE_MAX + SE_T1_INF_MAX + SE_T1_EDC_MAX)
#define SE_T1_RSP_MAX		65538	/* longest R-APDU: 65536 bytes and SW1SW2 */
#define SE_T1_NO_CODE		0xff	/* a dialect that lacks this S-block */

/**
 * enum se_t1_edc - the checksum of a block
 * @SE_T1_EDC_LRC: one byte: exclusive-or of all bytes before it
 * @SE_T1_EDC_CRC_MSB: CRC-16/X.25, high byte first
 * @SE_T1_EDC_CRC_LSB: CRC-16/X.25, low byte first
 */
enum se_t1_edc {
	SE_T1_EDC_LRC,
	SE_T1_EDC_CRC_MSB,
	SE_T1_EDC_CRC_LSB,
};

/**
 * enum se_t1_read - where the SE's parameters come from
 * @SE_T1_READ_NONE: nowhere: the dialect's and the board's hold
 * @SE_T1_READ_CIP: S(CIP)
 * @SE_T1_READ_S_ATR: S(get ATR) of UM11225
 * @SE_T1_READ_ATR: an answer to reset of ISO/IEC 7816-3, clause 8, that the
 *	board's description carries: none comes over SPI or I2C
 */
enum se_t1_read {
	SE_T1_READ_NONE,
	SE_T1_READ_CIP,
	SE_T1_READ_S_ATR,
	SE_T1_READ_ATR,
};

/**
 * struct se_t1_dialect - the constants that make one T=1 family
 * @name: for people and for the board's description
 * @id: enum se_dialect of uapi/linux/se.h
 * @nad_tx: NAD of blocks to the SE
 * @nad_rx: NAD of blocks from the SE
 * @len_bytes: width of LEN, 1 or 2 (big endian)
 * @edc: checksum
 * @read: where parameters come from
 * @inf_max: largest INF field of any block
 * @s_resynch: S-block code of RESYNCH, 0 to 1f
 * @s_ifs: of IFS
 * @s_abort: of ABORT
 * @s_wtx: of WTX
 * @s_cip: of CIP, or SE_T1_NO_CODE
 * @s_release: of RELEASE, or SE_T1_NO_CODE
 * @s_swr: of SWR (software reset), or SE_T1_NO_CODE
 * @s_atr: of get ATR, or SE_T1_NO_CODE
 * @swr_full: SWR resets the SE and not its interface only
 * @ifsc: what to assume before the SE has told its own
 * @ifsd: what the SE assumes before S(IFS)
 * @bwt_us: block waiting time to assume before CIP, microseconds
 */
struct se_t1_dialect {
	const char *name;
	u32 id;
	u8 nad_tx;
	u8 nad_rx;
	u8 len_bytes;
	enum se_t1_edc edc;
	enum se_t1_read read;
	u16 inf_max;
	u8 s_resynch;
	u8 s_ifs;
	u8 s_abort;
	u8 s_wtx;
	u8 s_cip;
	u8 s_release;
	u8 s_swr;
	u8 s_atr;
	bool swr_full;
	u16 ifsc;
	u16 ifsd;
	u32 bwt_us;
};

extern const struct se_t1_dialect se_t1_dialect_gp;
extern const struct se_t1_dialect se_t1_dialect_iso_lrc;
extern const struct se_t1_dialect se_t1_dialect_iso_crc;
extern const struct se_t1_dialect se_t1_dialect_nxp;
extern const struct se_t1_dialect se_t1_dialect_um11225;

/**
 * se_t1_dialect_by_id() - find a dialect
 * @id: enum se_dialect
 *
 * Return: the dialect, or NULL.
 */
const struct se_t1_dialect *se_t1_dialect_by_id(u32 id);

/**
 * se_t1_dialect_by_name() - find a dialect
 * @name: "gp", "iso-lrc", "iso-crc", "nxp", "um11225"
 *
 * Return: the dialect, or NULL.
 */
const struct se_t1_dialect *se_t1_dialect_by_name(const char *name);

/**
 * enum se_t1_op - what the user of the engine has to do
 * @SE_T1_SEND: put the block on the wire, then wait for a block, at most wait_us
 * @SE_T1_WAIT: send nothing, wait for a block, at most wait_us from now
 * @SE_T1_DONE: the exchange is over and went well
 * @SE_T1_FAIL: the exchange is over and failed
 */
enum se_t1_op {
	SE_T1_SEND,
	SE_T1_WAIT,
	SE_T1_DONE,
	SE_T1_FAIL,
};

/**
 * struct se_t1_action - one step
 * @op: what to do
 * @block: SEND: the block; it stays valid and unchanged until the next call
 * @len: SEND: its length
 * @wait_us: SEND, WAIT: how long to wait
 * @error: FAIL: -ETIMEDOUT (no answer, or given up by se_t1_abort()),
 *	-EPROTO (answers that break the protocol), -EBADMSG (only damaged
 *	blocks), -ECONNABORTED (the SE aborted the chain), -EMSGSIZE (a
 *	response without end), -EOPNOTSUPP, -EINVAL or -EBUSY (a start that
 *	makes no sense)
 * @link_lost: FAIL: SE and engine are not in step any more; nothing but
 *	se_t1_start_resynch(), se_t1_start_cip(), se_t1_start_swr() or a reset
 *	of the SE and se_t1_reset() helps. If false, the next exchange may start
 * @resynced: FAIL: S(RESYNCH) has put the link in step again; IFSC and IFSD
 *	are back at what se_t1_init() or se_t1_set_params() said
 * @edc_error: the block just given to se_t1_rx() had a wrong checksum
 * @repeat: SEND: this block, or an R-block in its place, went out before
 * @wtx: SEND: the SE asked for a waiting time extension and gets it
 * @rule: the rule of ISO/IEC 7816-3, 11.6.3.2, that decided about a block or a
 *	silence; NULL after a start
 */
struct se_t1_action {
	enum se_t1_op op;
	const u8 *block;
	size_t len;
	u64 wait_us;
	int error;
	bool link_lost;
	bool resynced;
	bool edc_error;
	bool repeat;
	bool wtx;
	const char *rule;
};

/**
 * enum se_t1_outcome - what is known of the C-APDU; equal to enum se_outcome
 * @SE_T1_NOT_SENT: its last block was never handed out by a SEND
 * @SE_T1_EXECUTED: a block of its answer has been accepted
 * @SE_T1_UNKNOWN: neither
 */
enum se_t1_outcome {
	SE_T1_NOT_SENT,
	SE_T1_EXECUTED,
	SE_T1_UNKNOWN,
};

/**
 * struct se_t1_params - what the engine needs of the SE
 * @ifsc: largest INF field that the SE takes, 1 to dialect->inf_max
 * @ifsd: largest INF field that we take, until S(IFS) tells another one
 * @bwt_us: block waiting time, microseconds, not 0
 * @wtx_max: waiting time extensions granted in one exchange; 0 is no limit,
 *	for users that bound an exchange by a deadline and se_t1_abort()
 * @no_resynch: do not send S(RESYNCH) to recover: the link is lost then
 */
struct se_t1_params {
	u16 ifsc;
	u16 ifsd;
	u32 bwt_us;
	u32 wtx_max;
	bool no_resynch;
};

/**
 * struct se_t1_counters - of the current or last exchange
 * @blocks_tx: SENDs
 * @blocks_rx: blocks given to se_t1_rx()
 * @wtx: waiting time extensions granted
 * @retrans: repeated blocks and R-blocks that ask for a repeat
 * @edc_errors: blocks with a wrong checksum
 * @timeouts: waiting times that passed
 * @resyncs: S(RESYNCH) requests sent
 * @aborts: S(ABORT) requests, sent and received
 * @bad: blocks with a right checksum that may not be, or not there
 * @wtx_refused: requests beyond wtx_max
 */
struct se_t1_counters {
	u32 blocks_tx;
	u32 blocks_rx;
	u32 wtx;
	u32 retrans;
	u32 edc_errors;
	u32 timeouts;
	u32 resyncs;
	u32 aborts;
	u32 bad;
	u32 wtx_refused;
};

/**
 * struct se_t1 - one link. Members are for the engine; readers may look at
 * those of the first group between calls.
 * @dialect: constants
 * @ifsc: largest INF field for blocks to the SE, in force now
 * @ifsd: largest INF field that the SE has been told
 * @sw: after DONE of an APDU: its status word, right also if @rsp_room cut it
 * @rsp_len: whole length of the response, or of the INF of an S response; may
 *	exceed the room
 * @count: of the current or last exchange
 */
struct se_t1 {
	const struct se_t1_dialect *dialect;
	u16 ifsc;
	u16 ifsd;
	u16 sw;
	u32 rsp_len;
	struct se_t1_counters count;

	/* private */
	struct se_t1_params params;
	u8 *tx;
	size_t tx_room;
	size_t tx_used;
	const u8 *cmd;
	size_t cmd_len;
	size_t cmd_off;		/* of the I-block in flight */
	size_t cmd_part;	/* its INF length */
	u8 *rsp;
	size_t rsp_room;
	u64 wait_us;		/* of the last step */
	u8 phase;
	u8 ns;			/* N(S) of our I-block in flight, or the next one */
	u8 nr;			/* N(S) that the SE's next I-block must have */
	u8 s_code;		/* of our S request in flight */
	u8 s_inf[2];
	u8 s_inf_len;
	u8 requests;		/* R-blocks and S requests sent for this step */
	u8 resends;		/* blocks repeated because the SE asked, in this step */
	u8 ignored;		/* blocks passed over in this step */
	u8 aborts;		/* S(ABORT) requests answered in this exchange */
	u8 outcome;
	bool silent;		/* a waiting time has passed in this step */
	bool heard;		/* the SE has shown that it has the whole command */
	bool lost;		/* out of step with the SE */
	int leaving;		/* the caller has left, for this reason */
	int error;		/* that the exchange ends with after recovery */
};

/**
 * se_t1_init() - set a link up, in the state that follows a reset of the SE
 * @t1: what to set up; any former content is ignored
 * @dialect: stays referenced
 * @params: copied
 * @tx: buffer in which blocks are built, stays referenced. DMA may read it
 * @tx_room: its size; at least an empty block and two bytes. A size of less than
 *	SE_T1_BLOCK_MAX keeps IFSC down
 *
 * Return: 0, or -EINVAL for parameters out of range.
 */
int se_t1_init(struct se_t1 *t1, const struct se_t1_dialect *dialect,
	       const struct se_t1_params *params, u8 *tx, size_t tx_room);

/**
 * se_t1_set_params() - take new parameters, as a rule those of the CIP
 * @t1: a link between two exchanges
 * @params: copied
 *
 * Return: 0, -EBUSY in mid-exchange, or -EINVAL; then nothing has changed.
 */
int se_t1_set_params(struct se_t1 *t1, const struct se_t1_params *params);

/**
 * se_t1_reset() - the SE was reset from outside: sequence bits to 0, IFSC and
 * IFSD to the parameters; an exchange that was under way is dropped (ask
 * se_t1_outcome() for what became of it)
 * @t1: the link
 */
void se_t1_reset(struct se_t1 *t1);

/**
 * se_t1_start_apdu() - begin the exchange of one APDU
 * @t1: a link between two exchanges
 * @cmd: C-APDU, stays referenced until DONE or FAIL
 * @len: its length, at least 1
 * @rsp: where the R-APDU goes, stays referenced until DONE or FAIL
 * @room: its size. A longer response is taken to its end and cut
 * @act: out: the first step
 */
void se_t1_start_apdu(struct se_t1 *t1, const u8 *cmd, size_t len, u8 *rsp, size_t room,
		      struct se_t1_action *act);

/**
 * se_t1_start_cip() - S(CIP request); DONE: the parameters are in @rsp
 * @t1: a link between two exchanges, in step or not
 * @rsp: where the INF field of the answer goes; rsp_len is its length
 * @room: its size
 * @act: out: the first step
 */
void se_t1_start_cip(struct se_t1 *t1, u8 *rsp, size_t room, struct se_t1_action *act);

/**
 * se_t1_start_atr() - S(get ATR request) of UM11225; as se_t1_start_cip()
 * @t1: a link between two exchanges, in step or not
 * @rsp: where the INF field of the answer goes; rsp_len is its length
 * @room: its size
 * @act: out: the first step
 */
void se_t1_start_atr(struct se_t1 *t1, u8 *rsp, size_t room, struct se_t1_action *act);

/**
 * se_t1_start_resynch() - S(RESYNCH request), up to three times; DONE: the
 * link is in step, as after se_t1_reset()
 *
 * After the response comes a WAIT that has to pass in silence (a sixteenth of
 * the block waiting time, or all of it if a request was repeated), so that no
 * second response is left over for a later S(RESYNCH).
 *
 * @t1: a link between two exchanges, in step or not
 * @act: out: the first step
 */
void se_t1_start_resynch(struct se_t1 *t1, struct se_t1_action *act);

/**
 * se_t1_start_ifs() - S(IFS request): tell the SE our IFSD; DONE: it is in force
 * @t1: a link between two exchanges
 * @ifsd: 1 to dialect->inf_max
 * @act: out: the first step
 */
void se_t1_start_ifs(struct se_t1 *t1, u16 ifsd, struct se_t1_action *act);

/**
 * se_t1_start_release() - S(RELEASE request): the SE may go to sleep
 * @t1: a link between two exchanges
 * @act: out: the first step
 */
void se_t1_start_release(struct se_t1 *t1, struct se_t1_action *act);

/**
 * se_t1_start_swr() - S(SWR request): software reset; DONE: as after
 * se_t1_reset(), but the SE needs its power-up time before the next block
 * @t1: a link between two exchanges, in step or not
 * @act: out: the first step
 */
void se_t1_start_swr(struct se_t1 *t1, struct se_t1_action *act);

/**
 * se_t1_rx() - a block came
 * @t1: a link in mid-exchange
 * @block: what was read: any bytes, of any length; they are not kept
 * @len: number of bytes
 * @act: out: the next step
 */
void se_t1_rx(struct se_t1 *t1, const u8 *block, size_t len, struct se_t1_action *act);

/**
 * se_t1_timeout() - the waiting time passed and no block came
 * @t1: a link in mid-exchange
 * @act: out: the next step
 */
void se_t1_timeout(struct se_t1 *t1, struct se_t1_action *act);

/**
 * se_t1_leave() - nobody wants the answer any more: end as soon as may be
 * @t1: a link in mid-exchange
 * @error: negative errno to end with
 *
 * The action in force stays so. No further part of the command is sent; when
 * the SE hands the right to send over, S(ABORT) ends its chain or ours (rule 9),
 * and the exchange ends with FAIL; S(RESYNCH) follows only if that is not
 * answered. An answer that comes whole ends with DONE. Outcome and counters go on
 * as ever. An SE that keeps silent or asks for time is not hurried: see
 * se_t1_abort().
 */
void se_t1_leave(struct se_t1 *t1, int error);

/**
 * se_t1_abort() - give the exchange up now: the link is put in step with
 * S(RESYNCH), then the exchange ends with FAIL
 * @t1: a link in mid-exchange
 * @error: negative errno to end with
 * @act: out: the next step. In a recovery that runs already: WAIT
 */
void se_t1_abort(struct se_t1 *t1, int error, struct se_t1_action *act);

/**
 * se_t1_outcome() - what is known of the APDU of the current or last exchange
 * @t1: the link
 */
enum se_t1_outcome se_t1_outcome(const struct se_t1 *t1);

/** se_t1_busy() - is an exchange under way? */
bool se_t1_busy(const struct se_t1 *t1);

/** se_t1_overhead() - bytes of a block that are not INF. */
size_t se_t1_overhead(const struct se_t1_dialect *dialect);

/** se_t1_prologue_len() - bytes before INF. */
size_t se_t1_prologue_len(const struct se_t1_dialect *dialect);

/**
 * se_t1_block_len() - how long is the block that starts so?
 * @dialect: constants
 * @prologue: the first se_t1_prologue_len() bytes
 *
 * Return: length of the whole block, or -EPROTO if NAD or LEN cannot be.
 */
int se_t1_block_len(const struct se_t1_dialect *dialect, const u8 *prologue);

/**
 * se_t1_is_idle() - is this byte line fill rather than a NAD?
 * @dialect: constants
 * @byte: a received byte
 *
 * FF and, unless it is the NAD itself, 00: such a nibble is no address.
 */
static inline bool se_t1_is_idle(const struct se_t1_dialect *dialect, u8 byte)
{
	return byte == 0xff || (byte == 0x00 && dialect->nad_rx != 0x00);
}

/** se_t1_all_idle() - is there nothing but line fill in (@buf, @len)? */
static inline bool se_t1_all_idle(const struct se_t1_dialect *dialect, const u8 *buf, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!se_t1_is_idle(dialect, buf[i]))
			return false;
	return true;
}

enum se_t1_plid {
	SE_T1_PLID_SPI = 1,
	SE_T1_PLID_I2C = 2,
};

/**
 * struct se_t1_cip - communication interface parameters, in ready units
 * @problem: after an error: what is wrong, in words; NULL otherwise
 * @pver: protocol version
 * @iin_len: length of @iin
 * @iin: issuer identification number
 * @plid: enum se_t1_plid
 * @config: configuration byte of the physical layer
 * @pwt_us: power-up waiting time
 * @mcf_hz: fastest clock
 * @pst_ms: idle time after which the SE may sleep
 * @mpot_us: polling interval
 * @segt_us: SPI: guard time between two accesses
 * @rwgt_us: I2C: guard time between write and read
 * @seal: SPI: most bytes of one access; 0: no limit
 * @wut_us: SPI: wake-up time
 * @bwt_us: block waiting time
 * @ifsc: largest INF field that the SE takes
 * @hb_off: where in the CIP the historical bytes start
 * @hb_len: their number
 */
struct se_t1_cip {
	const char *problem;
	u8 pver;
	u8 iin_len;
	u8 iin[8];
	u8 plid;
	u8 config;
	u32 pwt_us;
	u32 mcf_hz;
	u32 pst_ms;
	u32 mpot_us;
	u32 segt_us;
	u32 rwgt_us;
	u32 seal;
	u32 wut_us;
	u32 bwt_us;
	u16 ifsc;
	u16 hb_off;
	u16 hb_len;
};

/**
 * se_t1_cip_parse() - read the INF field of an S(CIP response)
 * @inf: any bytes
 * @len: their number
 * @cip: out
 *
 * Return: 0, or -EINVAL and cip->problem.
 */
int se_t1_cip_parse(const u8 *inf, size_t len, struct se_t1_cip *cip);

/**
 * se_t1_s_atr_parse() - read the INF field of an S(get ATR response) of UM11225
 * @inf: any bytes
 * @len: their number
 * @cip: out; the vendor identification is in iin, there is no seal and no pwt_us
 *
 * Return: 0, or -EINVAL and cip->problem.
 */
int se_t1_s_atr_parse(const u8 *inf, size_t len, struct se_t1_cip *cip);

#define SE_T1_ATR_MAX		33	/* TS and 32 bytes */
#define SE_T1_BWT_MAX_MS	65535	/* what a CIP can say */

/**
 * struct se_t1_atr - an answer to reset of ISO/IEC 7816-3, what T=1 needs of it
 * @problem: after an error: what is wrong, in words; NULL otherwise
 * @bwt_us: block waiting time, at the 3.5712 MHz and Fd of a contact interface
 * @ifsc: largest INF field that the SE takes
 * @crc: checksum: a CRC, not the longitudinal one
 * @hb_off: where the historical bytes start
 * @hb_len: their number
 */
struct se_t1_atr {
	const char *problem;
	u32 bwt_us;
	u16 ifsc;
	bool crc;
	u8 hb_off;
	u8 hb_len;
};

/**
 * se_t1_atr_parse() - read an answer to reset
 * @data: any bytes, in the direct convention
 * @len: their number
 * @atr: out
 *
 * Return: 0, or -EINVAL and atr->problem.
 */
int se_t1_atr_parse(const u8 *data, size_t len, struct se_t1_atr *atr);

#endif /* SE_T1_H */
