// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "model/mo.h"

static const char *const formats[MO_FORMATS] = {
	[MO_NODE] = "node", [MO_CHR] = "chr",	[MO_INT] = "int",     [MO_BOOL] = "bool",
	[MO_BIN] = "bin",   [MO_B64] = "b64",	[MO_XML] = "xml",     [MO_NULL] = "null",
	[MO_DATE] = "date", [MO_TIME] = "time", [MO_FLOAT] = "float",
};

const char *mo_format_name(enum mo_format format)
{
	return (unsigned int)format < MO_FORMATS ? formats[format] : "";
}

int mo_format_parse(const char *name, enum mo_format *format)
{
	for (unsigned int i = 0; i < MO_FORMATS; i++) {
		if (!strcmp(name, formats[i])) {
			*format = (enum mo_format)i;
			return 0;
		}
	}
	return -EINVAL;
}

bool mo_format_text(enum mo_format format)
{
	return format != MO_NODE && format != MO_BIN;
}

const struct mo_node *mo_child(const struct mo_node *node, const char *name)
{
	for (size_t i = 0; i < node->nr; i++)
		if (!node->children[i].name || !strcmp(node->children[i].name, name))
			return &node->children[i];
	return NULL;
}

const char *mo_type(const struct mo_node *node)
{
	if (node->type)
		return node->type;
	if (node->format == MO_NODE)
		return "";
	return node->format == MO_BIN ? "application/octet-stream" : "text/plain";
}

/* ---- values ------------------------------------------------------------------ */

/* The number of digits in front of @p. */
static size_t digits(const uint8_t *p, size_t len)
{
	size_t n = 0;

	while (n < len && p[n] >= '0' && p[n] <= '9')
		n++;
	return n;
}

static int check_int(const struct mo_node *node, const uint8_t *p, size_t len)
{
	bool minus = len > 0 && *p == '-';
	size_t sign = len > 0 && (*p == '-' || *p == '+');
	int64_t v = 0;

	/* ten digits hold 32 bits; more can only be zeros, and nobody sends these */
	if (len == sign || len - sign > 10 || digits(p + sign, len - sign) != len - sign)
		return -EINVAL;
	for (size_t i = sign; i < len; i++)
		v = v * 10 + (p[i] - '0');
	if (minus)
		v = -v;
	if (v < INT32_MIN || v > INT32_MAX)
		return -ERANGE;
	return node->min != node->max && (v < node->min || v > node->max) ? -ERANGE : 0;
}

/* Reads @n digits, a value from @least to @most. */
static bool field(const uint8_t **p, size_t *len, size_t n, unsigned int least,
		  unsigned int most)
{
	unsigned int v = 0;

	if (digits(*p, *len) < n)
		return false;
	for (size_t i = 0; i < n; i++)
		v = v * 10 + (unsigned int)((*p)[i] - '0');
	*p += n;
	*len -= n;
	return v >= least && v <= most;
}

static bool skip(const uint8_t **p, size_t *len, char c)
{
	if (*len == 0 || **p != (uint8_t)c)
		return false;
	++*p;
	--*len;
	return true;
}

static bool check_date(const uint8_t **p, size_t *len)
{
	bool extended;

	if (!field(p, len, 4, 0, 9999))
		return false;
	extended = skip(p, len, '-');
	return field(p, len, 2, 1, 12) && skip(p, len, '-') == extended &&
	       field(p, len, 2, 1, 31);
}

static bool check_time(const uint8_t **p, size_t *len)
{
	bool extended;

	if (!field(p, len, 2, 0, 24))
		return false;
	extended = skip(p, len, ':');
	if (!field(p, len, 2, 0, 59) || skip(p, len, ':') != extended ||
	    !field(p, len, 2, 0, 60))
		return false;
	skip(p, len, 'Z');
	return true;
}

/* A format "time" is a time of day or, as many have it, a date with one. */
static int check_moment(const uint8_t *p, size_t len, bool time)
{
	const uint8_t *q = p;
	size_t n = len;

	if (time && check_time(&q, &n) && n == 0)
		return 0;
	q = p;
	n = len;
	if (!check_date(&q, &n))
		return -EINVAL;
	if (n == 0 && !time)
		return 0;
	return time && skip(&q, &n, 'T') && check_time(&q, &n) && n == 0 ? 0 : -EINVAL;
}

static int check_float(const uint8_t *p, size_t len)
{
	size_t a, b = 0;

	if (len > 0 && (*p == '-' || *p == '+'))
		p++, len--;
	if ((len == 3 && (!memcmp(p, "INF", 3) || !memcmp(p, "NaN", 3))))
		return 0;
	a = digits(p, len);
	p += a;
	len -= a;
	if (skip(&p, &len, '.')) {
		b = digits(p, len);
		p += b;
		len -= b;
	}
	if (a + b == 0)
		return -EINVAL;
	if (len > 0 && (*p == 'e' || *p == 'E')) {
		p++, len--;
		if (len > 0 && (*p == '-' || *p == '+'))
			p++, len--;
		if (len == 0)
			return -EINVAL;
		a = digits(p, len);
		len -= a;
	}
	return len == 0 ? 0 : -EINVAL;
}

int mo_value_check(const struct mo_node *node, const uint8_t *p, size_t len)
{
	switch (node->format) {
	case MO_NODE:
		return -EINVAL;
	case MO_INT:
		return check_int(node, p, len);
	case MO_BOOL:
		return (len == 4 && !memcmp(p, "true", 4)) ||
				       (len == 5 && !memcmp(p, "false", 5))
			       ? 0
			       : -EINVAL;
	case MO_NULL:
		return len == 0 ? 0 : -EINVAL;
	case MO_DATE:
		return check_moment(p, len, false);
	case MO_TIME:
		return check_moment(p, len, true);
	case MO_FLOAT:
		return check_float(p, len);
	case MO_CHR:
	case MO_BIN:
	case MO_B64:
	case MO_XML:
		break;
	}
	return node->min != node->max && ((int64_t)len < node->min || (int64_t)len > node->max)
		       ? -ERANGE
		       : 0;
}
