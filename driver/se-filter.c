// SPDX-License-Identifier: GPL-2.0-only
/*
 * SE_IOC_SET_FILTER: what an open file may send.
 *
 * A filter is looked at with the class byte in one plain form, so that it makes
 * no difference in which form it came or on which channel it goes out. Filters
 * are only ever added, and all of them have to agree.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "se-chip.h"
#include "se-session.h"

#define INS_GET_RESPONSE	0xc0
#define INS_SELECT		0xa4
#define P1_BY_NAME		0x04
#define P1_BY_NAME_MASK		0xfc
#define P2_OCCURRENCE		0x03

#define CLA_SM			0x0c	/* in the plain form */
#define CLA_ANY_SM		0x40	/* unused in the plain form: se_cla_any_sm() */

#define SE_FILTER_ALL		(SE_FILTER_RULES | SE_FILTER_AIDS | SE_FILTER_NO_BASIC | \
				 SE_FILTER_NO_LOCK | SE_FILTER_NO_RESET)

/**
 * struct se_filter_layer - one SE_IOC_SET_FILTER
 * @flags: SE_FILTER_*
 * @nr_rules: length of @rules
 * @nr_aids: length of @aids
 * @rules: with SE_FILTER_RULES, the commands that may be sent
 * @aids: with SE_FILTER_AIDS, the applications that may be selected
 */
struct se_filter_layer {
	u32 flags;
	u32 nr_rules;
	u32 nr_aids;
	struct se_filter_rule *rules;
	struct se_filter_aid *aids;
};

static void free_layer(struct se_filter_layer *layer)
{
	if (!layer)
		return;
	kfree(layer->rules);
	kfree(layer->aids);
	kfree(layer);
}

static bool aids_are_valid(const struct se_filter_layer *layer)
{
	u32 i;

	for (i = 0; i < layer->nr_aids; i++) {
		const struct se_filter_aid *aid = &layer->aids[i];

		if (aid->len && (aid->len < SE_AID_MIN || aid->len > SE_AID_MAX))
			return false;
		if (memchr_inv(aid->reserved, 0, sizeof(aid->reserved)))
			return false;
	}
	return true;
}

static int get_layer(struct se_filter_layer *layer, const struct se_filter *filter)
{
	void *p;

	layer->flags = filter->flags;
	if (filter->nr_rules) {
		p = memdup_user(u64_to_user_ptr(filter->rules_ptr),
				filter->nr_rules * sizeof(*layer->rules));
		if (IS_ERR(p))
			return PTR_ERR(p);
		layer->rules = p;
		layer->nr_rules = filter->nr_rules;
	}
	if (filter->nr_aids) {
		p = memdup_user(u64_to_user_ptr(filter->aids_ptr),
				filter->nr_aids * sizeof(*layer->aids));
		if (IS_ERR(p))
			return PTR_ERR(p);
		layer->aids = p;
		layer->nr_aids = filter->nr_aids;
	}
	return aids_are_valid(layer) ? 0 : -EINVAL;
}

/**
 * se_filter_set() - SE_IOC_SET_FILTER
 * @file: open file
 * @filter: in
 *
 * Return: 0 or negative errno.
 */
int se_filter_set(struct se_file *file, const struct se_filter *filter)
{
	struct se_chip *chip = file->chip;
	struct se_filter_layer *layer;
	int ret;

	if (!filter->flags || filter->flags & ~SE_FILTER_ALL || filter->reserved)
		return -EINVAL;
	if (filter->nr_rules && !(filter->flags & SE_FILTER_RULES))
		return -EINVAL;
	if (filter->nr_aids && !(filter->flags & SE_FILTER_AIDS))
		return -EINVAL;
	if (filter->nr_rules > SE_FILTER_RULES_MAX || filter->nr_aids > SE_FILTER_AIDS_MAX)
		return -E2BIG;
	layer = kzalloc(sizeof(*layer), GFP_KERNEL_ACCOUNT);
	if (!layer)
		return -ENOMEM;
	ret = get_layer(layer, filter);
	if (!ret) {
		spin_lock_irq(&chip->lock);
		if (chip->dead)
			ret = -ENODEV;
		else if (file->nr_filters == SE_FILTER_LAYERS_MAX)
			ret = -ENOSPC;
		else
			file->filters[file->nr_filters++] = layer;
		spin_unlock_irq(&chip->lock);
	}
	if (ret)
		free_layer(layer);
	return ret;
}

/**
 * se_filter_free() - part of closing a file
 * @file: nobody uses it any more
 */
void se_filter_free(struct se_file *file)
{
	while (file->nr_filters)
		free_layer(file->filters[--file->nr_filters]);
}

/**
 * se_filter_forbids_locked() - has the file given something up?
 * @file: open file; the chip's lock is held
 * @flag: SE_FILTER_NO_*
 *
 * Return: true if it has.
 */
bool se_filter_forbids_locked(struct se_file *file, u32 flag)
{
	unsigned int i;

	lockdep_assert_held(&file->chip->lock);
	for (i = 0; i < file->nr_filters; i++)
		if (file->filters[i]->flags & flag)
			return true;
	return false;
}

/*
 * The class of a further channel has one bit for three kinds of secure
 * messaging; which one it is cannot be seen, so a rule has to allow all.
 */
static bool cla_matches(const struct se_filter_rule *rule, u8 cla, bool any_sm)
{
	u8 plain = se_cla_plain(cla);
	u8 sm;

	if (!any_sm)
		return !((plain ^ rule->cla) & rule->cla_mask);
	for (sm = 0x04; sm <= CLA_SM; sm += 0x04)
		if ((((plain & ~CLA_SM) | sm) ^ rule->cla) & rule->cla_mask)
			return false;
	return true;
}

static bool rules_allow(const struct se_filter_layer *layer, const u8 *cmd)
{
	bool any_sm = se_cla_any_sm(cmd[0]);
	u32 i;

	for (i = 0; i < layer->nr_rules; i++) {
		const struct se_filter_rule *rule = &layer->rules[i];

		if (!((cmd[1] ^ rule->ins) & rule->ins_mask) &&
		    !((cmd[2] ^ rule->p1) & rule->p1_mask) &&
		    !((cmd[3] ^ rule->p2) & rule->p2_mask) &&
		    cla_matches(rule, cmd[0], any_sm))
			return true;
	}
	return false;
}

static bool has_aid(const struct se_filter_layer *layer, const u8 *aid, size_t len)
{
	u32 i;

	for (i = 0; i < layer->nr_aids; i++)
		if (layer->aids[i].len == len && !memcmp(layer->aids[i].aid, aid, len))
			return true;
	return false;
}

/*
 * Some SEs look at the instruction alone, hence any class. Under secure messaging,
 * or in parts, the name cannot be seen.
 */
static bool selects_by_name(const u8 *cmd)
{
	return cmd[1] == INS_SELECT && (cmd[2] & P1_BY_NAME_MASK) == P1_BY_NAME;
}

static bool select_allowed(const struct se_filter_layer *layer, const u8 *cmd, size_t len,
			   const struct se_flow *flow)
{
	const u8 *aid = NULL;
	size_t n = 0;

	if (flow->chained || se_cla_is_chained(cmd[0]) || se_cla_any_sm(cmd[0]) ||
	    se_cla_plain(cmd[0]) & CLA_SM || cmd[3] & P2_OCCURRENCE)
		return false;
	/* se_capdu_ok() has looked at the lengths */
	if (len > 5 && cmd[4]) {
		aid = cmd + 5;
		n = cmd[4];
	} else if (len > 7) {
		aid = cmd + 7;
		n = (size_t)cmd[5] << 8 | cmd[6];
	}
	return has_aid(layer, aid, n);
}

static bool is_get_response(const u8 *cmd, size_t len)
{
	return cmd[1] == INS_GET_RESPONSE && !cmd[2] && !cmd[3] && !se_cla_is_chained(cmd[0]) &&
	       (len <= 5 || len == 7);
}

static u8 chain_class(u8 cla)
{
	return se_cla_plain(cla) | (se_cla_any_sm(cla) ? CLA_ANY_SM : 0);
}

/* A chain is of one command, so the rules were asked for all of it. */
static bool continues_chain(const struct se_flow *flow, const u8 *cmd)
{
	return chain_class(cmd[0]) == flow->header[0] && !memcmp(cmd + 1, flow->header + 1, 3);
}

/**
 * se_filter_check_locked() - do the file's filters let a command through?
 * @file: open file; the chip's lock is held
 * @cmd: C-APDU, se_capdu_ok()
 * @len: its length
 * @flow: what went before it
 *
 * Return: 0 or -EACCES.
 */
int se_filter_check_locked(struct se_file *file, const u8 *cmd, size_t len,
			   const struct se_flow *flow)
{
	unsigned int i;

	lockdep_assert_held(&file->chip->lock);
	if (!file->nr_filters)
		return 0;
	if (flow->chained && !continues_chain(flow, cmd))
		return -EACCES;
	for (i = 0; i < file->nr_filters; i++) {
		const struct se_filter_layer *layer = file->filters[i];

		if (layer->flags & SE_FILTER_AIDS && selects_by_name(cmd) &&
		    !select_allowed(layer, cmd, len, flow))
			return -EACCES;
		if (!(layer->flags & SE_FILTER_RULES) || rules_allow(layer, cmd))
			continue;
		if (!is_get_response(cmd, len) || !(flow->more || flow->unknown))
			return -EACCES;
	}
	return 0;
}

/**
 * se_filter_aid_ok_locked() - may SE_IOC_CHANNEL_OPEN select it?
 * @file: open file; the chip's lock is held
 * @aid: AID
 * @len: its length, 0 for the default application
 *
 * Return: true if it may.
 */
bool se_filter_aid_ok_locked(struct se_file *file, const u8 *aid, size_t len)
{
	unsigned int i;

	lockdep_assert_held(&file->chip->lock);
	for (i = 0; i < file->nr_filters; i++)
		if (file->filters[i]->flags & SE_FILTER_AIDS &&
		    !has_aid(file->filters[i], aid, len))
			return false;
	return true;
}

/**
 * se_flow_sent() - a command of the file is to leave
 * @flow: of the file, or a copy that looks ahead
 * @cmd: C-APDU
 */
void se_flow_sent(struct se_flow *flow, const u8 *cmd)
{
	flow->chained = se_cla_is_chained(cmd[0]);
	flow->header[0] = chain_class(cmd[0]);
	memcpy(flow->header + 1, cmd + 1, 3);
	flow->more = false;
	flow->unknown = true;
}

/**
 * se_flow_ended() - it was answered, or got lost, or has not left after all
 * @flow: of the file
 * @before: the same before se_flow_sent()
 * @xfer: its exchange
 */
void se_flow_ended(struct se_flow *flow, const struct se_flow *before, const struct se_xfer *xfer)
{
	if (xfer->outcome == SE_OUTCOME_NOT_SENT) {
		/* the SE is where it was: in a chain, or with a response to fetch */
		*flow = *before;
		return;
	}
	flow->more = xfer->sw >> 8 == 0x61;
	flow->unknown = false;
}
