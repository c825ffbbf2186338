// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dm/acl.h"

static const struct {
	unsigned int right;
	const char *name;
} commands[] = {
	{MO_ADD, "Add"}, {MO_DELETE, "Delete"},	  {MO_EXEC, "Exec"},
	{MO_GET, "Get"}, {MO_REPLACE, "Replace"},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* One "Cmd=id+id" of a list. */
struct entry {
	unsigned int right; /* 0: no command */
	const char *ids;
	size_t len;
};

/* The next entry at *@p, which is moved behind it; false at the end. */
static bool next_entry(const char **p, struct entry *e)
{
	const char *s = *p, *end, *eq;

	if (!*s)
		return false;
	end = strchrnul(s, '&');
	eq = memchr(s, '=', (size_t)(end - s));
	*e = (struct entry){.ids = eq ? eq + 1 : end, .len = eq ? (size_t)(end - eq - 1) : 0};
	for (size_t i = 0; eq && i < COMMANDS; i++)
		if (strlen(commands[i].name) == (size_t)(eq - s) &&
		    !memcmp(commands[i].name, s, (size_t)(eq - s)))
			e->right = commands[i].right;
	*p = *end ? end + 1 : end;
	return true;
}

/* The next identifier of an entry's. */
static bool next_id(struct entry *e, const char **id, size_t *len)
{
	const char *plus;

	if (!e->ids)
		return false;
	plus = memchr(e->ids, '+', e->len);
	*id = e->ids;
	*len = plus ? (size_t)(plus - e->ids) : e->len;
	if (plus) {
		e->len -= *len + 1;
		e->ids = plus + 1;
	} else {
		e->ids = NULL;
	}
	return true;
}

static bool id_good(const char *id, size_t len)
{
	if (len == 0)
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)id[i] <= ' ' || id[i] == 0x7f || strchr("=&*+", id[i]))
			return false;
	return true;
}

int dm_acl_check(const char *acl)
{
	size_t n = strlen(acl);
	unsigned int seen = 0;
	struct entry e;

	if (n > DM_ACL_MAX)
		return -E2BIG;
	if (n > 0 && acl[n - 1] == '&')
		return -EINVAL;
	while (next_entry(&acl, &e)) {
		const char *id;
		size_t len;

		if (!e.right || (seen & e.right))
			return -EINVAL;
		seen |= e.right;
		while (next_id(&e, &id, &len))
			if (!(len == 1 && *id == '*') && !id_good(id, len))
				return -EINVAL;
	}
	return 0;
}

static bool is(const char *id, size_t len, const char *server)
{
	return strlen(server) == len && !memcmp(id, server, len);
}

bool dm_acl_allows(const char *acl, unsigned int right, const char *server)
{
	struct entry e;

	while (next_entry(&acl, &e)) {
		const char *id;
		size_t len;

		if (e.right != right)
			continue;
		while (next_id(&e, &id, &len))
			if (is(id, len, "*") || is(id, len, server))
				return true;
	}
	return false;
}

/* Appends to a list that is being written; false if there is no room. */
static bool append(char *out, const char *s, size_t len)
{
	size_t n = strlen(out);

	if (len > DM_ACL_MAX - n)
		return false;
	memcpy(out + n, s, len);
	out[n + len] = 0;
	return true;
}

/* Appends an identifier to the entry of @command, which it begins if need be. */
static bool append_id(char *out, bool *begun, const char *command, const char *id, size_t len)
{
	bool r;

	if (*begun)
		return append(out, "+", 1) && append(out, id, len);
	r = (!*out || append(out, "&", 1)) && append(out, command, strlen(command)) &&
	    append(out, "=", 1) && append(out, id, len);
	*begun = true;
	return r;
}

int dm_acl_grant(const char *acl, unsigned int rights, const char *server, char *out)
{
	*out = 0;
	if (!id_good(server, strlen(server)))
		return -EINVAL;
	for (size_t i = 0; i < COMMANDS; i++) {
		unsigned int right = commands[i].right;
		bool begun = false, had = dm_acl_allows(acl, right, server);
		const char *p = acl, *id;
		struct entry e;
		size_t len;

		while (next_entry(&p, &e))
			while (e.right == right && next_id(&e, &id, &len))
				if (!append_id(out, &begun, commands[i].name, id, len))
					return -E2BIG;
		if ((rights & right) && !had &&
		    !append_id(out, &begun, commands[i].name, server, strlen(server)))
			return -E2BIG;
	}
	return 0;
}

void dm_acl_revoke(const char *acl, const char *server, bool root, char *out)
{
	*out = 0;
	for (size_t i = 0; i < COMMANDS; i++) {
		bool begun = false, there = false;
		const char *p = acl, *id;
		struct entry e;
		size_t len;

		while (next_entry(&p, &e)) {
			while (e.right == commands[i].right && next_id(&e, &id, &len)) {
				there = true;
				/* shorter than what was there: it fits */
				if (!is(id, len, server))
					append_id(out, &begun, commands[i].name, id, len);
			}
		}
		if (root && there && !begun)
			append_id(out, &begun, commands[i].name, "*", 1);
	}
}
