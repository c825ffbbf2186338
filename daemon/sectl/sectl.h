/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of sectl share. */
#ifndef SECTL_H
#define SECTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-json.h>
#include <systemd/sd-varlink.h>

/* exit status; sectl(1) has the table, and scripts count on it */
enum {
	EXIT_OK,
	EXIT_FAILED,
	EXIT_USAGE,
	EXIT_NOT_FOUND,
	EXIT_REFUSED,
	EXIT_UNREACHABLE,
	EXIT_TIMEOUT,
	EXIT_CARD,
};

struct options {
	bool json;
	const char *socket; /* of semd */
	const char *aid;    /* hex */
	const char *se;
	bool keep_channel;
	bool compact;
	bool dry_run;
	bool keep_job;	   /* do not acknowledge */
	const char *level; /* of a reset; NULL: the best there is */
	uint32_t token;
	uint32_t deadline; /* seconds */
};

extern struct options opt;

/* ---- out.c ---- */

/**
 * fail - say what went wrong, as text on stderr or as JSON on stdout
 * @status: exit status, returned
 * @code: short name of the error
 * @hint: what to try, or NULL
 */
int fail(int status, const char *code, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/** fail_errno - the same for a negative errno of libse on @what */
int fail_errno(int error, const char *what);

/** fail_sw - the card's answer is no; the status word in words */
int fail_sw(uint16_t sw, const char *what);

/** sw_words - a status word in words, "" if it has no general meaning */
const char *sw_words(uint16_t sw);

/** put_json - print and unref; @r is what building gave */
int put_json(sd_json_variant *v, int r);

/* ---- verbs: local.c is about /dev/seN, remote.c about semd ---- */

int verb_list(int argc, char **argv);
int verb_info(int argc, char **argv);
int verb_apdu(int argc, char **argv);
int verb_reset(int argc, char **argv);
int verb_monitor(int argc, char **argv);
int verb_status(int argc, char **argv);
int verb_script_run(int argc, char **argv);
int verb_jobs_list(int argc, char **argv);
int verb_jobs_show(int argc, char **argv);
int verb_jobs_cancel(int argc, char **argv);
int verb_jobs_ack(int argc, char **argv);

#endif /* SECTL_H */
