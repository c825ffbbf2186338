/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints: tracefs events/se/. What is told of an APDU is its length, its
 * status word and its times; of a block its prologue. Never a byte of either.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM se

#if !defined(_SE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _SE_TRACE_H

#include <linux/se.h>
#include <linux/se_netlink.h>
#include <linux/tracepoint.h>

#include "se-chip.h"
#include "se-compat.h"

TRACE_DEFINE_ENUM(SE_OUTCOME_NOT_SENT);
TRACE_DEFINE_ENUM(SE_OUTCOME_EXECUTED);
TRACE_DEFINE_ENUM(SE_OUTCOME_UNKNOWN);
TRACE_DEFINE_ENUM(SE_IRQ_MODE_POLL);
TRACE_DEFINE_ENUM(SE_IRQ_MODE_IRQ);
TRACE_DEFINE_ENUM(SE_IRQ_EVENT_DATA);
TRACE_DEFINE_ENUM(SE_IRQ_EVENT_SPURIOUS);
TRACE_DEFINE_ENUM(SE_IRQ_EVENT_POLL);
TRACE_DEFINE_ENUM(SE_IRQ_EVENT_LOST);
TRACE_DEFINE_ENUM(SE_IRQ_EVENT_STORM);
TRACE_DEFINE_ENUM(SE_IRQ_EVENT_FALLBACK);
TRACE_DEFINE_ENUM(SE_IRQ_EVENT_RETURN);
TRACE_DEFINE_ENUM(SE_RECOVER_DRAIN);
TRACE_DEFINE_ENUM(SE_RECOVER_ABORT);
TRACE_DEFINE_ENUM(SE_RECOVER_RESYNCH);
TRACE_DEFINE_ENUM(SE_RECOVER_SOFT);
TRACE_DEFINE_ENUM(SE_RECOVER_LINE);
TRACE_DEFINE_ENUM(SE_RECOVER_POWER);
TRACE_DEFINE_ENUM(SE_RECOVER_START_UP);
TRACE_DEFINE_ENUM(SE_RECOVER_READY);
TRACE_DEFINE_ENUM(SE_RECOVER_DEAD);

#define se_trace_outcome(v)					\
	__print_symbolic(v,					\
			 { SE_OUTCOME_NOT_SENT,	"not-sent" },	\
			 { SE_OUTCOME_EXECUTED,	"executed" },	\
			 { SE_OUTCOME_UNKNOWN,	"unknown" })

#define se_trace_irq_mode(v)					\
	__print_symbolic(v,					\
			 { SE_IRQ_MODE_POLL,	"poll" },	\
			 { SE_IRQ_MODE_IRQ,	"irq" })

#define se_trace_irq_event(v)						\
	__print_symbolic(v,						\
			 { SE_IRQ_EVENT_DATA,		"data" },	\
			 { SE_IRQ_EVENT_SPURIOUS,	"spurious" },	\
			 { SE_IRQ_EVENT_POLL,		"poll" },	\
			 { SE_IRQ_EVENT_LOST,		"lost" },	\
			 { SE_IRQ_EVENT_STORM,		"storm" },	\
			 { SE_IRQ_EVENT_FALLBACK,	"fallback" },	\
			 { SE_IRQ_EVENT_RETURN,		"return" })

#define se_trace_recover_step(v)				\
	__print_symbolic(v,					\
			 { SE_RECOVER_DRAIN,	"drain" },	\
			 { SE_RECOVER_ABORT,	"abort" },	\
			 { SE_RECOVER_RESYNCH,	"resynch" },	\
			 { SE_RECOVER_SOFT,	"soft" },	\
			 { SE_RECOVER_LINE,	"line" },	\
			 { SE_RECOVER_POWER,	"power" },	\
			 { SE_RECOVER_START_UP,	"start-up" },	\
			 { SE_RECOVER_READY,	"ready" },	\
			 { SE_RECOVER_DEAD,	"dead" })

/* Both ends of an exchange have the same id: they make a pair. */
TRACE_EVENT(se_apdu_begin,
	TP_PROTO(const struct se_chip *chip, const struct se_xfer *xfer),
	TP_ARGS(chip, xfer),
	TP_STRUCT__entry(
		__field(u32, index)
		__field(u64, id)
		__field(u64, cookie)
		__field(u32, cmd_len)
	),
	TP_fast_assign(
		__entry->index = chip->index;
		__entry->id = chip->apdu_id;
		__entry->cookie = xfer->cookie;
		__entry->cmd_len = xfer->cmd_len;
	),
	TP_printk("se%u id=%llu cookie=%llx len=%u",
		  __entry->index, __entry->id, __entry->cookie, __entry->cmd_len)
);

TRACE_EVENT(se_apdu_end,
	TP_PROTO(const struct se_chip *chip, const struct se_xfer *xfer),
	TP_ARGS(chip, xfer),
	TP_STRUCT__entry(
		__field(u32, index)
		__field(u64, id)
		__field(u64, cookie)
		__field(int, error)
		__field(u32, outcome)
		__field(u32, sw)
		__field(u32, rsp_len)
		__field(u32, wtx)
		__field(u32, retrans)
		__field(u64, wire_ns)
		__field(u64, total_ns)
	),
	TP_fast_assign(
		__entry->index = chip->index;
		__entry->id = chip->apdu_id;
		__entry->cookie = xfer->cookie;
		__entry->error = xfer->error;
		__entry->outcome = xfer->outcome;
		__entry->sw = xfer->sw;
		__entry->rsp_len = xfer->rsp_len;
		__entry->wtx = xfer->wtx;
		__entry->retrans = xfer->retrans;
		__entry->wire_ns = xfer->wire_ns;
		__entry->total_ns = xfer->total_ns;
	),
	TP_printk("se%u id=%llu cookie=%llx %s error=%d sw=%04x len=%u wtx=%u retrans=%u wire_ns=%llu total_ns=%llu",
		  __entry->index, __entry->id, __entry->cookie,
		  se_trace_outcome(__entry->outcome), __entry->error, __entry->sw,
		  __entry->rsp_len, __entry->wtx, __entry->retrans, __entry->wire_ns,
		  __entry->total_ns)
);

/* What was too short or had no prologue at all shows as size 0. */
DECLARE_EVENT_CLASS(se_block,
	TP_PROTO(const struct se_chip *chip, const struct se_block_info *block),
	TP_ARGS(chip, block),
	TP_STRUCT__entry(
		__field(u32, index)
		__field(u32, size)
		__field(u32, inf_len)
		__field(u8, nad)
		__field(u8, pcb)
		__field(u8, edc_ok)
		__field(u64, ns)
		__string(rule, block->rule ? block->rule : "")
	),
	TP_fast_assign(
		__entry->index = chip->index;
		__entry->size = block->size;
		__entry->inf_len = block->inf_len;
		__entry->nad = block->nad;
		__entry->pcb = block->pcb;
		__entry->edc_ok = block->edc_ok;
		__entry->ns = block->duration_ns;
		se_assign_str(rule, block->rule ? block->rule : "");
	),
	TP_printk("se%u nad=%02x pcb=%02x len=%u size=%u edc=%s bus_ns=%llu rule=%s",
		  __entry->index, __entry->nad, __entry->pcb, __entry->inf_len, __entry->size,
		  __entry->edc_ok ? "ok" : "bad", __entry->ns, __get_str(rule))
);

DEFINE_EVENT(se_block, se_block_tx,
	TP_PROTO(const struct se_chip *chip, const struct se_block_info *block),
	TP_ARGS(chip, block)
);

DEFINE_EVENT(se_block, se_block_rx,
	TP_PROTO(const struct se_chip *chip, const struct se_block_info *block),
	TP_ARGS(chip, block)
);

TRACE_EVENT(se_wtx,
	TP_PROTO(const struct se_chip *chip, u32 count, u64 wait_us),
	TP_ARGS(chip, count, wait_us),
	TP_STRUCT__entry(
		__field(u32, index)
		__field(u32, count)
		__field(u64, wait_us)
	),
	TP_fast_assign(
		__entry->index = chip->index;
		__entry->count = count;
		__entry->wait_us = wait_us;
	),
	TP_printk("se%u count=%u wait_us=%llu", __entry->index, __entry->count, __entry->wait_us)
);

/* @why is an enum se_reason; events of netlink name it likewise. */
TRACE_EVENT(se_recover,
	TP_PROTO(const struct se_chip *chip, enum se_recover_step step, u32 why),
	TP_ARGS(chip, step, why),
	TP_STRUCT__entry(
		__field(u32, index)
		__field(u32, step)
		__field(u32, why)
		__field(u32, attempt)
		__field(u64, generation)
	),
	TP_fast_assign(
		__entry->index = chip->index;
		__entry->step = step;
		__entry->why = why;
		__entry->attempt = chip->attempts;
		__entry->generation = chip->generation;
	),
	TP_printk("se%u step=%s reason=%u attempt=%u generation=%llu",
		  __entry->index, se_trace_recover_step(__entry->step), __entry->why,
		  __entry->attempt, __entry->generation)
);

TRACE_EVENT(se_irq,
	TP_PROTO(const struct se_chip *chip, enum se_irq_event event),
	TP_ARGS(chip, event),
	TP_STRUCT__entry(
		__field(u32, index)
		__field(u32, mode)
		__field(u32, event)
	),
	TP_fast_assign(
		__entry->index = chip->index;
		__entry->mode = chip->irq_mode;
		__entry->event = event;
	),
	TP_printk("se%u mode=%s event=%s", __entry->index, se_trace_irq_mode(__entry->mode),
		  se_trace_irq_event(__entry->event))
);

#endif /* _SE_TRACE_H */

/* this part must be outside of the guard */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE se-trace
#include <trace/define_trace.h>
