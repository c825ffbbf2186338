// SPDX-License-Identifier: GPL-2.0-only
/*
 * What observers are told: tracepoints, and the block headers of the netlink
 * group "monitor". With nobody there, a block costs a test or two.
 */
#include <linux/ktime.h>

#include "se-chip.h"

#define CREATE_TRACE_POINTS
#include "se-trace.h"

/**
 * se_observe_block() - a block has passed
 * @chip: worker context
 * @sent: to the SE, rather than from it
 * @block: what was moved; of it only the prologue is looked at
 * @size: bytes of it, 0 if no block could be made out
 * @edc_ok: the checksum was right; always so for sent ones
 * @rule: of struct se_t1_action
 * @begin: when the bus access began, CLOCK_MONOTONIC, nanoseconds
 * @end: when it had ended
 */
void se_observe_block(struct se_chip *chip, bool sent, const u8 *block, size_t size, bool edc_ok,
		      const char *rule, u64 begin, u64 end)
{
	bool monitored = se_netlink_monitored();
	struct se_block_info info = {
		.sent = sent,
		.edc_ok = edc_ok,
		.rule = rule,
		.begin_ns = begin,
		.duration_ns = end - begin,
	};

	if (!monitored && !(sent ? trace_se_block_tx_enabled() : trace_se_block_rx_enabled()))
		return;
	if (size >= se_t1_prologue_len(chip->dialect)) {
		info.size = size;
		info.nad = block[0];
		info.pcb = block[1];
		info.inf_len = block[2];
		if (chip->dialect->len_bytes == 2)
			info.inf_len = info.inf_len << 8 | block[3];
	}
	if (sent)
		trace_se_block_tx(chip, &info);
	else
		trace_se_block_rx(chip, &info);
	if (monitored)
		se_netlink_block(chip, &info);
}

/**
 * se_chip_irq_event() - something about the data-ready interrupt: count and tell it
 * @chip: of se_chip_alloc()
 * @event: what
 *
 * Any context but NMI. A change of the mode itself goes with
 * se_chip_set_irq_mode(), which listeners hear of.
 */
void se_chip_irq_event(struct se_chip *chip, enum se_irq_event event)
{
	switch (event) {
	case SE_IRQ_EVENT_DATA:
		se_stat_inc(chip, irqs);
		break;
	case SE_IRQ_EVENT_SPURIOUS:
		se_stat_inc(chip, irqs_spurious);
		break;
	case SE_IRQ_EVENT_POLL:
		se_stat_inc(chip, polls);
		break;
	case SE_IRQ_EVENT_LOST:
		se_stat_inc(chip, irqs_lost);
		WRITE_ONCE(chip->irq_reason, SE_REASON_IRQ_LOST);
		break;
	case SE_IRQ_EVENT_STORM:
		se_stat_inc(chip, irq_storms);
		WRITE_ONCE(chip->irq_reason, SE_REASON_IRQ_STORM);
		se_netlink_tell(chip, SE_TELL_STORM);
		break;
	case SE_IRQ_EVENT_FALLBACK:
		se_stat_inc(chip, poll_fallbacks);
		break;
	case SE_IRQ_EVENT_RETURN:
		se_stat_inc(chip, irq_returns);
		WRITE_ONCE(chip->irq_reason, SE_REASON_IRQ_GOOD);
		break;
	}
	trace_se_irq(chip, event);
}
EXPORT_SYMBOL_GPL(se_chip_irq_event);
