/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments of Execute (LwM2M core 1.1, 6.3.5): 0='text',1,5='x' */
#ifndef SESAME_LWM2M_ARGS_H
#define SESAME_LWM2M_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LWM2M_ARGS_MAX 10

/**
 * struct lwm2m_arg - one argument
 * @id: 0 to 9
 * @value: what is between the quotes, without a final NUL, inside the payload;
 *	NULL for an argument without a value
 */
struct lwm2m_arg {
	uint8_t id;
	const char *value;
	size_t len;
};

/** struct lwm2m_args - those of one Execute, in the order in which they came */
struct lwm2m_args {
	size_t n;
	struct lwm2m_arg v[LWM2M_ARGS_MAX];
};

/**
 * lwm2m_args_parse() - read an argument list; nothing at all is an empty one
 *
 * Each digit at most once. A value has the characters that the standard's
 * grammar has (printable ASCII without quote, and without what CHAR leaves out).
 *
 * Return: 0 or -EINVAL.
 */
int lwm2m_args_parse(const uint8_t *p, size_t len, struct lwm2m_args *args);

/** lwm2m_args_find() - the argument @id, or NULL. */
const struct lwm2m_arg *lwm2m_args_find(const struct lwm2m_args *args, uint8_t id);

/**
 * lwm2m_args_uint() - the value of argument @id as a decimal number
 *
 * Return: 0, -ENOENT (not there), -EINVAL (no value, not a number, above @max).
 */
int lwm2m_args_uint(const struct lwm2m_args *args, uint8_t id, uint64_t max, uint64_t *value);

#endif /* SESAME_LWM2M_ARGS_H */
