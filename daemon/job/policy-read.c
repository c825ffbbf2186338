// SPDX-License-Identifier: Apache-2.0
/* A policy from the words of a configuration. */
#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gp/plan.h"
#include "job/policy.h"
#include "libse/se.h"

#define WORD_MAX 128
#define GROUP_ROOM 16384
#define RATE_MAX 100000

struct reader {
	struct job_policy *p;
	const char *key;
	char *why;
	size_t room;
};

static int wrong(const struct reader *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int wrong(const struct reader *r, const char *fmt, ...)
{
	va_list ap;
	int n;

	n = snprintf(r->why, r->room, "%s=: ", r->key);
	if (n >= 0 && (size_t)n < r->room) {
		va_start(ap, fmt);
		vsnprintf(r->why + n, r->room - (size_t)n, fmt, ap);
		va_end(ap);
	}
	return -EINVAL;
}

/* Calls @take for each word; commas and blanks are between them. */
static int each_word(const struct reader *r, const char *text,
		     int (*take)(const struct reader *r, const char *word))
{
	char word[WORD_MAX];
	int ret = 0;
	size_t n;

	while (!ret) {
		text += strspn(text, ", \t");
		n = strcspn(text, ", \t");
		if (!n)
			return 0;
		if (n >= sizeof(word))
			return wrong(r, "'%.20s…' is too long", text);
		memcpy(word, text, n);
		word[n] = '\0';
		text += n;
		ret = take(r, word);
	}
	return ret;
}

static int full(const struct reader *r)
{
	return wrong(r, "more than %d entries", POLICY_LIST_MAX);
}

/* ---- entries ---- */

static int take_group(const struct reader *r, struct policy_origin *o, const char *name)
{
	struct group g, *found = NULL;
	char room[GROUP_ROOM];

	if (getgrnam_r(name, &g, room, sizeof(room), &found) || !found)
		return wrong(r, "there is no group '%s'", name);
	o->group = true;
	o->gid = g.gr_gid;
	snprintf(o->text, sizeof(o->text), "%.*s", (int)sizeof(o->text) - 1, name);
	return 0;
}

static int take_origin(const struct reader *r, const char *word)
{
	struct policy_origin *o = &r->p->origins[r->p->nr_origins];
	size_t len = strlen(word);
	const char *star = strchr(word, '*');
	int ret = 0;

	if (r->p->nr_origins == POLICY_LIST_MAX)
		return full(r);
	memset(o, 0, sizeof(*o));
	if (len >= sizeof(o->text) || (star && star[1]))
		return wrong(r,
			     "'%s' is none: such as lwm2m:main, lwm2m:*, control:1000 or "
			     "control:@GROUP",
			     word);
	if (!strncmp(word, "control:@", 9)) {
		ret = take_group(r, o, word + 9);
	} else {
		o->prefix = star != NULL;
		memcpy(o->text, word, len - o->prefix);
	}
	if (!ret)
		r->p->nr_origins++;
	return ret;
}

static int take_keyset(const struct reader *r, const char *word)
{
	if (!strcmp(word, "*")) {
		r->p->any_keyset = true;
		return 0;
	}
	if (r->p->nr_keysets == POLICY_LIST_MAX)
		return full(r);
	if (strlen(word) >= JOB_KEYSET_MAX)
		return wrong(r, "'%s' is too long for the name of a key set", word);
	snprintf(r->p->keysets[r->p->nr_keysets++], JOB_KEYSET_MAX, "%s", word);
	return 0;
}

static int take_aid(const struct reader *r, const char *word)
{
	struct policy_aid *a = &r->p->aids[r->p->nr_aids];
	size_t digits = strlen(word), len;

	if (!strcmp(word, "*")) {
		r->p->any_aid = true;
		return 0;
	}
	if (r->p->nr_aids == POLICY_LIST_MAX)
		return full(r);
	memset(a, 0, sizeof(*a));
	if (!strcmp(word, "default")) {
		r->p->nr_aids++;
		return 0;
	}
	a->prefix = word[digits - 1] == '*';
	digits -= a->prefix;
	if (se_from_hex(word, digits, a->aid, sizeof(a->aid), &len) || !len ||
	    (!a->prefix && len < SE_AID_MIN))
		return wrong(r,
			     "'%s' is none: %d to %d bytes in hexadecimal digits, or the "
			     "beginning of some with a * at its end, or default",
			     word, SE_AID_MIN, SE_AID_MAX);
	a->len = (uint8_t)len;
	r->p->nr_aids++;
	return 0;
}

static void operation_names(char *out, size_t room)
{
	size_t n = 0;
	int i;

	*out = '\0';
	for (i = 0; i < GP_OP_TYPES && n < room; i++)
		n += (size_t)snprintf(out + n, room - n, "%s%s", i ? " " : "",
				      gp_op_name((enum gp_op_type)i));
}

static int take_operation(const struct reader *r, const char *word)
{
	char names[320];
	int type;

	if (!strcmp(word, "*")) {
		r->p->any_operation = true;
		return 0;
	}
	type = gp_op_parse(word);
	if (type < 0) {
		operation_names(names, sizeof(names));
		return wrong(r, "'%.40s' is none of %s", word, names);
	}
	r->p->operations |= 1ULL << type;
	return 0;
}

/* A nibble and which of its bits count. */
static bool nibble(char c, uint8_t *value, uint8_t *mask)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = strchr(digits, tolower((unsigned char)c));

	*value = 0;
	*mask = 0;
	if (c == '.')
		return true;
	if (!c || !at)
		return false;
	*value = (uint8_t)(at - digits);
	*mask = 0x0f;
	return true;
}

static int take_instruction(const struct reader *r, const char *word)
{
	struct se_filter_rule *rule = &r->p->rules[r->p->nr_rules];
	uint8_t value[4] = {0}, mask[4] = {0}, hv, hm, lv, lm;
	size_t n = strlen(word), i;

	if (!strcmp(word, "*")) {
		r->p->any_instruction = true;
		return 0;
	}
	if (r->p->nr_rules == POLICY_LIST_MAX)
		return full(r);
	if (n % 2 || n < 4 || n > 8)
		goto bad;
	for (i = 0; i < n / 2; i++) {
		if (!nibble(word[2 * i], &hv, &hm) || !nibble(word[2 * i + 1], &lv, &lm))
			goto bad;
		value[i] = (uint8_t)(hv << 4 | lv);
		mask[i] = (uint8_t)(hm << 4 | lm);
	}
	*rule = (struct se_filter_rule){
		.cla = value[0] & mask[0],
		.cla_mask = mask[0],
		.ins = value[1],
		.ins_mask = mask[1],
		.p1 = value[2],
		.p1_mask = mask[2],
		.p2 = value[3],
		.p2_mask = mask[3],
	};
	r->p->nr_rules++;
	return 0;
bad:
	return wrong(r, "'%s' is none: CLA INS [P1 [P2]] in hexadecimal digits, a dot for any",
		     word);
}

static int take_rate(const struct reader *r, const char *text)
{
	unsigned long v;
	char *end;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || errno || !v || v > RATE_MAX)
		return wrong(r, "%.20s is none: 1 to %d jobs an hour", text, RATE_MAX);
	r->p->rate = (uint32_t)v;
	return 0;
}

/* ---- the whole ---- */

int policy_read(struct job_policy *p, const char *name, const struct policy_text *t, char *why,
		size_t room)
{
	struct reader r = {.p = p, .why = why, .room = room};
	int ret;

	memset(p, 0, sizeof(*p));
	snprintf(p->name, sizeof(p->name), "%s", name);
	r.key = "origin";
	ret = each_word(&r, t->origin, take_origin);
	if (!ret && !p->nr_origins)
		ret = wrong(&r, "who it is about is missing: such as lwm2m:main, control:*");
	r.key = "keysets";
	if (!ret)
		ret = each_word(&r, t->keysets, take_keyset);
	r.key = "aids";
	if (!ret)
		ret = each_word(&r, t->aids, take_aid);
	r.key = "operations";
	if (!ret)
		ret = each_word(&r, t->operations, take_operation);
	r.key = "instructions";
	if (!ret && strcmp(t->instructions, "none") != 0)
		ret = each_word(&r, t->instructions, take_instruction);
	r.key = "rate";
	if (!ret && *t->rate)
		ret = take_rate(&r, t->rate);
	/* what is not said is not limited */
	p->any_aid |= !p->nr_aids;
	p->any_operation |= !p->operations;
	p->any_instruction |= !*t->instructions;
	return ret;
}
