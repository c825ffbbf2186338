// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gp/cmd.h"
#include "sectl/sectl.h"

#define SCHEMA 1 /* of Documentation/sectl.schema.json; moves when a field goes or changes */

static sd_json_variant *kept; /* result beside an error */
static char next_hint[160];

static int put_envelope(const char *key, sd_json_variant *v)
{
	const char *verb = current_verb ? verb_title(current_verb) : NULL;
	sd_json_variant *e = NULL;
	int r;

	r = sd_json_buildo(
		&e, SD_JSON_BUILD_PAIR_UNSIGNED("sectl", SCHEMA),
		SD_JSON_BUILD_PAIR_CONDITION(!!verb, "verb", SD_JSON_BUILD_STRING(verb)),
		SD_JSON_BUILD_PAIR_VARIANT(key, v),
		SD_JSON_BUILD_PAIR_CONDITION(!!kept, "result", SD_JSON_BUILD_VARIANT(kept)));
	if (r >= 0)
		r = sd_json_variant_dump(
			e,
			(opt.json_pretty ? SD_JSON_FORMAT_PRETTY : SD_JSON_FORMAT_NEWLINE) |
				SD_JSON_FORMAT_FLUSH,
			stdout, NULL);
	sd_json_variant_unref(e);
	return r;
}

void fail_keep(sd_json_variant *result)
{
	sd_json_variant_unref(kept);
	kept = result;
}

void fail_hint(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(next_hint, sizeof(next_hint), fmt, ap);
	va_end(ap);
}

static int put_pair(const char *key, sd_json_variant *v, int r)
{
	if (r >= 0)
		r = put_envelope(key, v);
	sd_json_variant_unref(v);
	if (r < 0) {
		fprintf(stderr, "sectl: cannot print JSON: %s\n", strerror(-r));
		return EXIT_FAILED;
	}
	return EXIT_OK;
}

int put_json(sd_json_variant *v, int r)
{
	return put_pair("result", v, r);
}

void warn(const char *fmt, ...)
{
	va_list ap;

	fputs("sectl: warning: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

int say_dry(const char *fmt, ...)
{
	sd_json_variant *v = NULL;
	char text[512];
	va_list ap;
	int r;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!opt.json) {
		puts(text);
		return EXIT_OK;
	}
	r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR_STRING("dryRun", text));
	return put_json(v, r);
}

static int say(int status, const char *code, const char *hint, const char *message, int sw)
{
	sd_json_variant *v = NULL;
	char text[5];
	int r;

	if (*next_hint)
		hint = next_hint;
	if (!opt.json) {
		fprintf(stderr, "sectl: %s%s%s\n", message, hint ? "\nTry: " : "",
			hint ? hint : "");
		return status;
	}
	snprintf(text, sizeof(text), "%04X", (unsigned int)sw & 0xffff);
	r = sd_json_buildo(
		&v, SD_JSON_BUILD_PAIR_STRING("code", code),
		SD_JSON_BUILD_PAIR_INTEGER("status", status),
		SD_JSON_BUILD_PAIR_STRING("message", message),
		SD_JSON_BUILD_PAIR_CONDITION(!!hint, "hint", SD_JSON_BUILD_STRING(hint)),
		SD_JSON_BUILD_PAIR_CONDITION(sw >= 0, "sw", SD_JSON_BUILD_STRING(text)));
	put_pair("error", v, r);
	return status;
}

int fail(int status, const char *code, const char *hint, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return say(status, code, hint, text, -1);
}

int fail_errno(int error, const char *what)
{
	switch (error) {
	case -ENOENT:
	case -ENODEV:
	case -ENXIO:
		return fail(EXIT_NOT_FOUND, "not-found",
			    "sectl list shows what is there; is the driver loaded?",
			    "%s: no such secure element", what);
	case -ENOMEDIUM:
		return fail(EXIT_NOT_FOUND, "no-card", NULL, "%s: no card in the reader", what);
	case -ECONNRESET:
		return fail(EXIT_FAILED, "reset", "again, on a channel anew",
			    "%s: the SE was reset by somebody else", what);
	case -ENOTUNIQ:
		return fail(EXIT_USAGE, "usage", "the whole name, or the number from 0",
			    "%s: several readers have a name that begins so", what);
	case -EPROTONOSUPPORT:
		return fail(EXIT_FAILED, "failed", NULL, "%s: the card does not speak T=1",
			    what);
	case -EACCES:
	case -EPERM:
		return fail(EXIT_REFUSED, "refused",
			    "root, or membership in the device's group", "%s: not allowed",
			    what);
	case -ETIMEDOUT:
		return fail(EXIT_TIMEOUT, "timeout", NULL, "%s: no answer in time", what);
	case -ECONNREFUSED:
		return fail(EXIT_UNREACHABLE, "unreachable",
			    strncmp(what, "pcsc:", 5) ? "softse --apdu-socket=PATH"
						      : "systemctl start pcscd.socket",
			    "%s: nobody listens", what);
	case -ENOTTY:
		return fail(EXIT_NOT_FOUND, "not-found", "sectl list shows what is there",
			    "%s: no secure element of the driver", what);
	default:
		return fail(EXIT_FAILED, "failed", NULL, "%s: %s", what, strerror(-error));
	}
}

int fail_sw(uint16_t sw, const char *what)
{
	const char *words = gp_sw_words(0, 0, sw);
	char text[256];

	snprintf(text, sizeof(text), "%s: the card answered %04X%s%s%s", what, sw,
		 *words ? " (" : "", words, *words ? ")" : "");
	return say(EXIT_CARD, "card-refused", NULL, text, sw);
}
