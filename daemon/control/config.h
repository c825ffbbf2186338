/* SPDX-License-Identifier: Apache-2.0 */
/*
 * semd's configuration: an INI file and its drop-ins.
 *
 *	# comment            ; comment
 *	[section NAME]
 *	key=value
 *
 * FILE is read first, then FILE.d/ *.conf in the order of their names; the last
 * word on a key counts. An unknown section or key is a warning (a newer file
 * with an older program), a bad value is an error. All is said with file:line
 * and what would be allowed. Documentation/man/semd.conf.5 lists the keys.
 */
#ifndef SESAME_CONFIG_H
#define SESAME_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_SES_MAX 16
#define CONFIG_SERVERS_MAX 8
#define CONFIG_KEYSETS_MAX 32
#define CONFIG_POLICIES_MAX 16
#define CONFIG_NAME_MAX 32
#define CONFIG_PSK_MAX 64

/** struct config_se - [se NAME] */
struct config_se {
	char name[CONFIG_NAME_MAX];
	char where[128]; /* file:line of the section, for messages */
	char open[128];
	char type[16];
};

/** struct config_server - [server NAME] */
struct config_server {
	char name[CONFIG_NAME_MAX];
	char where[128];
	char uri[256];
	char endpoint[128];
	char psk_identity[128];
	char psk_file[256];
	uint32_t lifetime; /* seconds */
	uint32_t ssid;
	uint32_t pmin, pmax; /* seconds, 0 = none */
	uint32_t version;    /* 10 or 11 */
};

/** struct config_keyset - [keyset NAME]: where keys come from, keys/source.h */
struct config_keyset {
	char name[CONFIG_NAME_MAX];
	char where[128];
	char keys[512];
};

/** struct config_policy - [policy NAME]: as struct policy_text of job/policy.h */
struct config_policy {
	char name[CONFIG_NAME_MAX];
	char where[128];
	char origin[512];
	char keysets[512];
	char aids[640];
	char operations[512];
	char instructions[256];
	char rate[16];
};

struct config {
	char state_dir[256];
	char runtime_dir[256];
	char group[64];	    /* may use the control socket; empty = only root and us */
	uint32_t log_level; /* syslog's LOG_ERR to LOG_DEBUG */
	uint32_t chunk;
	uint32_t jobs_per_origin;
	uint32_t script_max; /* bytes */
	uint32_t keep_idle;  /* seconds */
	char manufacturer[64];
	char model[64];
	char serial[64];
	char firmware[64];
	struct config_se se[CONFIG_SES_MAX];
	size_t nr_se;
	struct config_server server[CONFIG_SERVERS_MAX];
	size_t nr_server;
	struct config_keyset keyset[CONFIG_KEYSETS_MAX];
	size_t nr_keyset;
	struct config_policy policy[CONFIG_POLICIES_MAX];
	size_t nr_policy;
};

struct job_policy;

/** called for each warning and error; @text starts with file:line */
typedef void (*config_report_t)(void *ctx, bool error, const char *text);

/** config_init - the defaults */
void config_init(struct config *c);

/**
 * config_parse - take over one file's text
 * @file: its name, for messages
 *
 * Goes on after an error, so that all are seen. Returns 0 or -EINVAL.
 */
int config_parse(struct config *c, const char *file, const char *text, size_t len,
		 config_report_t report, void *ctx);

/**
 * config_policy_read - what a section says, as job/ takes it
 * @why: gets what is wrong
 *
 * Returns 0 or -EINVAL.
 */
int config_policy_read(const struct config_policy *l, struct job_policy *policy, char *why,
		       size_t room);

/** config_check - is what was parsed complete and consistent? 0 or -EINVAL */
int config_check(const struct config *c, config_report_t report, void *ctx);

/**
 * config_load - init, read @path and its drop-ins, check
 *
 * Returns 0, -EINVAL, or -errno where a file cannot be read (reported too).
 */
int config_load(struct config *c, const char *path, config_report_t report, void *ctx);

/**
 * config_read_psk - a pre-shared key from a file of hex digits
 * @key: CONFIG_PSK_MAX bytes; the caller clears it
 * @why: gets the reason on failure
 *
 * The file must be a regular one that belongs to root or to us, and nobody
 * else may read it: -EACCES otherwise. -EINVAL if it holds anything but 1 to
 * CONFIG_PSK_MAX bytes in hex.
 */
int config_read_psk(const char *path, uint8_t *key, size_t *len, char *why, size_t room);

#endif /* SESAME_CONFIG_H */
