// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "lwm2m/args.h"

/* the grammar's CHAR: "!" / %x23-26 / %x28-5B / %x5D-7E, no quotes, no backslash */
static bool is_char(uint8_t c)
{
	return c == '!' || (c >= 0x23 && c <= 0x26) || (c >= 0x28 && c <= 0x5b) ||
	       (c >= 0x5d && c <= 0x7e);
}

static const uint8_t *parse_one(const uint8_t *p, const uint8_t *end, struct lwm2m_arg *arg)
{
	if (p == end || *p < '0' || *p > '9')
		return NULL;
	*arg = (struct lwm2m_arg){.id = (uint8_t)(*p++ - '0')};
	if (p == end || *p != '=')
		return p;
	if (++p == end || *p++ != '\'')
		return NULL;
	arg->value = (const char *)p;
	for (; p < end && *p != '\''; p++)
		/* blanks are not in the grammar, but in what servers let people type */
		if (!is_char(*p) && *p != ' ')
			return NULL;
	if (p == end)
		return NULL;
	arg->len = (size_t)(p - (const uint8_t *)arg->value);
	return p + 1;
}

int lwm2m_args_parse(const uint8_t *p, size_t len, struct lwm2m_args *args)
{
	const uint8_t *end = p + len;
	unsigned int seen = 0;

	args->n = 0;
	while (p < end) {
		struct lwm2m_arg arg;

		p = parse_one(p, end, &arg);
		/* ten digits, each once: the table cannot overflow */
		if (!p || seen & 1U << arg.id)
			return -EINVAL;
		seen |= 1U << arg.id;
		args->v[args->n++] = arg;
		if (p == end)
			return 0;
		if (*p++ != ',' || p == end)
			return -EINVAL;
	}
	return 0;
}

const struct lwm2m_arg *lwm2m_args_find(const struct lwm2m_args *args, uint8_t id)
{
	for (size_t i = 0; i < args->n; i++)
		if (args->v[i].id == id)
			return &args->v[i];
	return NULL;
}

int lwm2m_args_uint(const struct lwm2m_args *args, uint8_t id, uint64_t max, uint64_t *value)
{
	const struct lwm2m_arg *arg = lwm2m_args_find(args, id);
	uint64_t u = 0;

	if (!arg)
		return -ENOENT;
	if (!arg->value || arg->len == 0 || arg->len > 19)
		return -EINVAL;
	for (size_t i = 0; i < arg->len; i++) {
		if (arg->value[i] < '0' || arg->value[i] > '9')
			return -EINVAL;
		u = u * 10 + (unsigned int)(arg->value[i] - '0');
	}
	if (u > max)
		return -EINVAL;
	*value = u;
	return 0;
}
