/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy: which origin may send what to which application, with which keys.
 *
 * Pure but for group membership. A job has one target AID, so that the AID part
 * is exact; instructions of a script are looked at before anything leaves, and
 * where the SE has a driver they are a filter of the job's open file too
 * (SE_IOC_SET_FILTER), which no mistake of ours gets past.
 */
#ifndef SESAME_JOB_POLICY_H
#define SESAME_JOB_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/se.h>

#include "job/job.h"

#define POLICY_NAME_MAX 32
#define POLICY_LIST_MAX 16 /* entries of each list */

/**
 * struct policy_text - a policy as a person writes it; "" is the default
 * @origin: names, comma or space between: "lwm2m:main", "lwm2m:*" (a star at the
 *	end stands for the rest), "control:1000", "control:@GROUP" (local users
 *	who are in that group). Needed
 * @keysets: names of key sets, or "*"; default: none, that is, no plans
 * @aids: hexadecimal AIDs of 5 to 16 bytes, or beginnings of AIDs with a star
 *	("A0000001*"), or "default" (the application that a channel has without
 *	SELECT); "*" is the default: any
 * @operations: of plans: names as in gp/plan.h; "*" is the default: any
 * @instructions: of scripts: CLA INS P1 P2 in hexadecimal digits, a dot for any,
 *	cut off where nothing counts any more: "..CA", "80E2", "00A4..0C"; "*" is
 *	the default: any; "none": no scripts
 * @rate: jobs in any hour, "" for as many as come
 */
struct policy_text {
	const char *origin, *keysets, *aids, *operations, *instructions, *rate;
};

/** struct job_policy - the same, read; an entry of a list that is "any" is not looked at */
struct job_policy {
	char name[POLICY_NAME_MAX];
	struct policy_origin {
		char text[JOB_ORIGIN_MAX];
		bool prefix; /* it had a star */
		bool group;  /* text is a group's name */
		uint32_t gid;
	} origins[POLICY_LIST_MAX];
	size_t nr_origins;
	bool any_keyset;
	char keysets[POLICY_LIST_MAX][JOB_KEYSET_MAX];
	size_t nr_keysets;
	bool any_aid;
	struct policy_aid {
		uint8_t aid[SE_AID_MAX];
		uint8_t len; /* 0 without prefix: the default application */
		bool prefix;
	} aids[POLICY_LIST_MAX];
	size_t nr_aids;
	bool any_operation;
	uint64_t operations; /* bit n: enum gp_op_type n */
	bool any_instruction;
	struct se_filter_rule rules[POLICY_LIST_MAX];
	size_t nr_rules;
	uint32_t rate; /* jobs an hour, 0 = no limit */
};

/**
 * policy_read - from text
 * @name: for messages and journals
 * @why: gets what is wrong: which key, which word, what would be allowed
 *
 * Returns 0 or -EINVAL. Looks group names up.
 */
int policy_read(struct job_policy *p, const char *name, const struct policy_text *text,
		char *why, size_t room);

/**
 * policy_find - the first of @n that is about @origin, or NULL
 *
 * Groups of "control:UID" are those that the user database gives it now.
 */
const struct job_policy *policy_find(const struct job_policy *policies, size_t n,
				     const char *origin);

/** policy_aid - may this one be the target, or be touched by an operation? */
bool policy_aid(const struct job_policy *p, const uint8_t *aid, size_t len);
/** policy_keyset - may it use this key set? */
bool policy_keyset(const struct job_policy *p, const char *name);
/** policy_operation - may a plan of it have this operation (enum gp_op_type)? */
bool policy_operation(const struct job_policy *p, unsigned int type);
/** policy_command - may a script of it have a command with this header (CLA INS P1 P2)? */
bool policy_command(const struct job_policy *p, const uint8_t header[4]);

#endif /* SESAME_JOB_POLICY_H */
