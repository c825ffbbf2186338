/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access rules of an SE: who on the device may talk to which of its applications, and with
 * which commands (GlobalPlatform Secure Element Access Control 1.1, chapters 4 and 6).
 * Pure: bytes in, decisions out. What no rule allows is denied.
 */
#ifndef SESAME_HAL_ARA_RULES_H
#define SESAME_HAL_ARA_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARA_RULES_MAX 1024  /* rules of one SE */
#define ARA_DATA_MAX 65535  /* bytes of them all */
#define ARA_FILTERS_MAX 256 /* filters that apply to one channel */
#define ARA_HASHES_MAX 16   /* of one caller: two for each certificate */
#define ARA_PACKAGE_MAX 127

/**
 * struct ara_caller - who asks
 * @hashes: SHA-1 and SHA-256 of its certificates, the one that signed it first
 * @n_hashes: their number; none: only rules for everybody apply
 * @package: its package name, "" if it is not known
 */
struct ara_caller {
	struct {
		uint8_t bytes[32];
		size_t len;
	} hashes[ARA_HASHES_MAX];
	size_t n_hashes;
	char package[ARA_PACKAGE_MAX + 1];
};

/**
 * ara_caller_add_certificate() - one more certificate of the caller
 * @der: X.509, as it is hashed (clause 6.1.2, DeviceAppID-REF-DO)
 *
 * Return: 0, -ENOSPC if there are ARA_HASHES_MAX, -EINVAL without bytes, -EIO of libcrypto.
 */
int ara_caller_add_certificate(struct ara_caller *caller, const void *der, size_t len);

/**
 * struct ara_filter - a header that may be sent
 * @header: CLA INS P1 P2, CLA as on the basic channel
 * @mask: bits of it that count
 */
struct ara_filter {
	uint8_t header[4];
	uint8_t mask[4];
};

/**
 * struct ara_verdict - what a caller may do on a channel
 * @allowed: it may be opened
 * @n_filters: 0: every command may be sent; else those that meet a filter
 * @why: of a denial, for people; a constant
 */
struct ara_verdict {
	bool allowed;
	size_t n_filters;
	struct ara_filter filters[ARA_FILTERS_MAX];
	const char *why;
};

struct ara_rules;

/**
 * ara_rules_parse() - the value of Response-ALL-AR-DO: a row of REF-AR-DO
 * @ret: out: to be freed with ara_rules_free(); untouched after an error
 * @data: copied
 *
 * One bad rule makes the whole row bad: rules that are read in part allow what they should
 * not. A rule that speaks of carrier privileges alone (PERM-AR-DO) is skipped.
 *
 * Return: 0, -EBADMSG, -E2BIG (limits above), -ENOMEM.
 */
int ara_rules_parse(struct ara_rules **ret, const uint8_t *data, size_t len);

/** ara_rules_free() - NULL is fine */
void ara_rules_free(struct ara_rules *rules);

/** ara_rules_count() - how many rules are kept */
size_t ara_rules_count(const struct ara_rules *rules);

/**
 * ara_rules_decide() - what may @caller do with an application?
 * @rules: NULL: there are none
 * @aid: of the application
 * @aid_len: 0: the one that is selected by default
 *
 * The order of clause 4.2.3: rules for the application and the caller, then for the
 * application and everybody, then for all applications and the caller, then for all and
 * everybody. A rule for another caller only shuts out the rules for everybody of its step.
 * An AID that is the beginning of one with rules, and has none itself, is denied. Of several
 * rules at one step NEVER wins; filters add up, and win over ALWAYS.
 */
void ara_rules_decide(const struct ara_rules *rules, const uint8_t *aid, size_t aid_len,
		      const struct ara_caller *caller, struct ara_verdict *verdict);

/**
 * ara_verdict_allows() - may this command be sent?
 * @cmd: CLA INS P1 P2 and more; the channel number in CLA does not count
 *
 * MANAGE CHANNEL and SELECT by name never: they would lead past the rules.
 */
bool ara_verdict_allows(const struct ara_verdict *verdict, const uint8_t *cmd, size_t len);

#endif
