// SPDX-License-Identifier: Apache-2.0
/*
 * 61xx: the command was executed, and there is more of its answer than it let come (ISO/IEC
 * 7816-4 5.3.4). The stream ends there and GET RESPONSE fetches the rest, as it is: it carries
 * the response of a command, and has no secure messaging of its own. What was fetched is
 * unwrapped as one response.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>

#include "gp/run-priv.h"

#define MORE_MAX 65536 /* the longest response there is, ISO/IEC 7816-3 12.1.3 */

void run_more_clear(struct gp_run *run)
{
	gp_blob_clear(&run->part);
	run->more = false;
}

static int append(struct gp_run *run, const uint8_t *p, size_t len)
{
	size_t n = run->part.len;
	uint8_t *all = malloc(n + len + 1);

	if (!all)
		return -ENOMEM;
	if (n)
		memcpy(all, run->part.p, n);
	memcpy(all + n, p, len);
	gp_blob_clear(&run->part);
	run->part = (struct gp_blob){all, n + len};
	return 0;
}

int run_more_take(struct gp_run *run, const struct entry *entry, const uint8_t *rsp, size_t len)
{
	if (run->part.len + len - 2 > MORE_MAX)
		return run_fail(run, -EBADMSG, "bad-response",
				"the card's answer does not come to an end");
	if (append(run, rsp, len - 2))
		return run_fail(run, -ENOMEM, "memory", "out of memory");
	run->more = true;
	run->more_of = *entry;
	run->more_le = rsp[len - 1] ? rsp[len - 1] : GP_LE_ANY;
	return 0;
}

int run_more_put(struct gp_run *run)
{
	struct gp_error err;
	int r = run_put_response(run, run->more_le, &run->more_of, &err);

	return r ? run_fail_err(run, r, &err) : 1;
}

int run_more_end(struct gp_run *run, const uint8_t *rsp, size_t len)
{
	run->more = false;
	/* what did not leave because of it is put again, by who has put it */
	if (run->more_of.kind == ENTRY_TASK && run->phase != PHASE_FAILED)
		run_tasks_rewind(run, &run->more_of);
	return append(run, rsp, len) ? run_fail(run, -ENOMEM, "memory", "out of memory") : 0;
}
