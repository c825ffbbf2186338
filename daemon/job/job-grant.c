// SPDX-License-Identifier: Apache-2.0
/* Which key sets there are, and what the policy says to a job. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "job/job-store.h"
#include "job/policy.h"

#define HOUR_MS 3600000

/* ---- setting ---- */

static int replace(struct job_store *s, void **list, size_t *nr, const void *from, size_t n,
		   size_t size)
{
	void *copy = NULL, *old;

	if (n) {
		copy = calloc(n, size);
		if (!copy)
			return -ENOMEM;
		memcpy(copy, from, n * size);
	}
	job_lock(s);
	old = *list;
	*list = copy;
	*nr = n;
	job_unlock(s);
	free(old);
	return 0;
}

int job_set_keysets(struct job_store *s, const struct job_keyset *sets, size_t n)
{
	return replace(s, (void **)&s->keysets, &s->nr_keysets, sets, n, sizeof(*sets));
}

int job_set_policies(struct job_store *s, const struct job_policy *policies, size_t n)
{
	return replace(s, (void **)&s->policies, &s->nr_policies, policies, n,
		       sizeof(*policies));
}

int job_keyset_get(struct job_store *s, unsigned int index, struct job_keyset *set)
{
	int r = -ENOENT;

	job_lock(s);
	if (index < s->nr_keysets) {
		*set = s->keysets[index];
		r = 0;
	}
	job_unlock(s);
	return r;
}

/* ---- asking ---- */

#define LOCAL "control:"

static int judge(const struct job_policy *p, const struct job_info *i, struct job_error *err)
{
	const struct job_params *a = &i->params;
	char aid[2 * SE_AID_MAX + 1];

	if (a->kind == JOB_PLAN && !p->any_keyset && !p->nr_keysets)
		return job_fail(err, -EACCES, "policy",
				"the policy '%s' of %s allows no plans: it has no keysets=",
				p->name, i->origin);
	if (a->kind == JOB_SCRIPT && !p->any_instruction && !p->nr_rules)
		return job_fail(err, -EACCES, "policy",
				"the policy '%s' of %s allows no scripts", p->name, i->origin);
	if (policy_aid(p, a->aid, a->aid_len))
		return 0;
	se_to_hex(aid, a->aid, a->aid_len);
	return job_fail(err, -EACCES, "policy",
			"the policy '%s' of %s does not have the application %s", p->name,
			i->origin, a->aid_len ? aid : "that is selected by default");
}

int job_grant(struct job_store *s, const struct job_info *info, struct job_policy **policy,
	      struct job_error *err)
{
	const struct job_policy *p;
	int r = 0;

	if (policy)
		*policy = NULL;
	job_lock(s);
	p = policy_find(s->policies, s->nr_policies, info->origin);
	if (!p && s->nr_policies)
		r = job_fail(err, -EACCES, "policy", "no policy is about %s", info->origin);
	else if (!p && info->params.kind == JOB_PLAN &&
		 strncmp(info->origin, LOCAL, sizeof(LOCAL) - 1) != 0)
		r = job_fail(err, -EACCES, "policy",
			     "%s needs a policy with keysets= to run plans", info->origin);
	else if (p)
		r = judge(p, info, err);
	if (!r && p && policy) {
		*policy = malloc(sizeof(**policy));
		if (*policy)
			**policy = *p;
		else
			r = job_fail(err, -ENOMEM, "no-memory", "out of memory");
	}
	job_unlock(s);
	return r;
}

/* Counted in the journal, so that a restart does not start the hour anew. */
int job_grant_rate(struct job_store *s, const struct job_info *info)
{
	const struct job_policy *p = policy_find(s->policies, s->nr_policies, info->origin);
	int64_t now = (int64_t)job_now_ms(), n = 0;
	sqlite3_stmt *st;
	int r;

	if (!p || !p->rate)
		return 0;
	/* What lies in the future comes of a clock that was set back. */
	r = job_db_run(&s->db, "DELETE FROM started WHERE at_ms<=? OR at_ms>?", "ii",
		       now - HOUR_MS, now);
	if (!r)
		r = job_db_query(&s->db, &st, "SELECT count(*) FROM started WHERE origin=?",
				 "t", info->origin);
	if (r)
		return r;
	r = job_db_step(&s->db, st);
	if (r == 1)
		n = sqlite3_column_int64(st, 0);
	job_db_done(st);
	if (r < 0)
		return r;
	if (n >= p->rate)
		return -EAGAIN;
	return job_db_run(&s->db, "INSERT INTO started(origin,at_ms) VALUES(?,?)", "ti",
			  info->origin, now);
}

int job_keyset_find(struct job_store *s, const char *name, struct job_keyset *set)
{
	unsigned int i;

	for (i = 0; !job_keyset_get(s, i, set); i++)
		if (!strcmp(set->name, name))
			return 0;
	return -ENOENT;
}
