// SPDX-License-Identifier: Apache-2.0
/* What a policy says to a job. How a policy is read is in policy-read.c. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "job/policy.h"

#define LOCAL "control:"
#define GROUPS_MAX 256
#define PASSWD_ROOM 16384

/* Is the local user of this origin in the group, by the user database? */
static bool in_group(const char *origin, gid_t gid)
{
	gid_t groups[GROUPS_MAX];
	struct passwd pw, *found = NULL;
	char room[PASSWD_ROOM], *end;
	int n = GROUPS_MAX, i;
	unsigned long uid;

	if (strncmp(origin, LOCAL, sizeof(LOCAL) - 1))
		return false;
	origin += sizeof(LOCAL) - 1;
	errno = 0;
	uid = strtoul(origin, &end, 10);
	if (!*origin || *end || errno || (uid_t)uid != uid)
		return false;
	if (getpwuid_r((uid_t)uid, &pw, room, sizeof(room), &found) || !found)
		return false;
	/* -1: more groups than we look at; those that were given are good */
	if (getgrouplist(pw.pw_name, pw.pw_gid, groups, &n) < 0)
		n = GROUPS_MAX;
	for (i = 0; i < n; i++)
		if (groups[i] == gid)
			return true;
	return false;
}

static bool is_about(const struct policy_origin *o, const char *origin)
{
	if (o->group)
		return in_group(origin, o->gid);
	if (o->prefix)
		return !strncmp(o->text, origin, strlen(o->text));
	return !strcmp(o->text, origin);
}

const struct job_policy *policy_find(const struct job_policy *policies, size_t n,
				     const char *origin)
{
	size_t i, j;

	for (i = 0; i < n; i++)
		for (j = 0; j < policies[i].nr_origins; j++)
			if (is_about(&policies[i].origins[j], origin))
				return &policies[i];
	return NULL;
}

bool policy_aid(const struct job_policy *p, const uint8_t *aid, size_t len)
{
	size_t i;

	for (i = 0; !p->any_aid && i < p->nr_aids; i++) {
		const struct policy_aid *a = &p->aids[i];

		if (a->prefix ? len < a->len : len != a->len)
			continue;
		if (!a->len || !memcmp(aid, a->aid, a->len))
			return true;
	}
	return p->any_aid;
}

bool policy_keyset(const struct job_policy *p, const char *name)
{
	size_t i;

	for (i = 0; !p->any_keyset && i < p->nr_keysets; i++)
		if (!strcmp(p->keysets[i], name))
			return true;
	return p->any_keyset;
}

bool policy_operation(const struct job_policy *p, unsigned int type)
{
	return p->any_operation || (type < 64 && (p->operations >> type & 1));
}

/*
 * The class as the driver's filter looks at it (se_cla_plain()): on the basic
 * channel, unchained. That of a further channel has one bit for three kinds of
 * secure messaging, so all of them must be allowed.
 */
#define CLA_FURTHER 0x40
#define CLA_FURTHER_SM 0x20
#define CLA_FIRST_RFU 0x20

static bool class_fits(const struct se_filter_rule *r, uint8_t cla)
{
	uint8_t sm;

	if ((cla & (CLA_FURTHER | CLA_FURTHER_SM)) == (CLA_FURTHER | CLA_FURTHER_SM)) {
		for (sm = 0x04; sm <= 0x0c; sm += 0x04)
			if (((cla & 0x80) ^ sm ^ r->cla) & r->cla_mask)
				return false;
		return true;
	}
	if (cla & CLA_FURTHER)
		cla &= 0x80;
	else if (!(cla & CLA_FIRST_RFU))
		cla &= 0x8c;
	return !((cla ^ r->cla) & r->cla_mask);
}

bool policy_command(const struct job_policy *p, const uint8_t header[4])
{
	size_t i;

	for (i = 0; !p->any_instruction && i < p->nr_rules; i++) {
		const struct se_filter_rule *r = &p->rules[i];

		if (class_fits(r, header[0]) && !((header[1] ^ r->ins) & r->ins_mask) &&
		    !((header[2] ^ r->p1) & r->p1_mask) && !((header[3] ^ r->p2) & r->p2_mask))
			return true;
	}
	return p->any_instruction;
}
