// SPDX-License-Identifier: Apache-2.0
#include "keys/run-host.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "keys/ledger.h"
#include "keys/source.h"

const struct gp_keyset *run_host_candidate(const struct keys *keys, size_t i)
{
	const struct gp_keyset *const *sets;
	size_t n = 0;

	sets = keys ? keys_sets(keys, &n) : NULL;
	return i < n ? sets[i] : NULL;
}

int run_host_attempt(struct ledger *ledger, const struct gp_run_attempt *attempt, bool retry,
		     struct ledger_attempt **ret, struct gp_error *err)
{
	struct ledger_id id = {.aid_len = attempt->sd.len, .kvn = attempt->kvn};

	if (!ledger)
		return 0;
	if (snprintf(id.card, sizeof(id.card), "%s", attempt->card) >= (int)sizeof(id.card) ||
	    attempt->sd.len > sizeof(id.aid))
		return gp_fail(err, -EINVAL, "ledger", "the card's name is too long");
	memcpy(id.aid, attempt->sd.bytes, attempt->sd.len);
	return ledger_begin(ledger, &id, retry, ret, err);
}

void run_host_verdict(struct ledger_attempt **attempt, enum gp_run_verdict verdict)
{
	static const enum ledger_outcome outcomes[] = {
		[GP_VERDICT_ACCEPTED] = LEDGER_DID_SUCCEED,
		[GP_VERDICT_REFUSED] = LEDGER_DID_FAIL,
		[GP_VERDICT_NOT_SENT] = LEDGER_DID_NOT_SEND,
		[GP_VERDICT_UNKNOWN] = LEDGER_DID_BREAK,
	};

	(void)ledger_end(*attempt, outcomes[verdict]);
	*attempt = NULL;
}

int run_host_random(void *userdata, void *out, size_t len)
{
	uint8_t *p = out;
	ssize_t n;

	(void)userdata;
	while (len) {
		n = getrandom(p, len, 0);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
	return 0;
}
