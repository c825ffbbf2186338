// SPDX-License-Identifier: Apache-2.0
/* The SE at the other end of --se, and the one way there. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libse/se.h"
#include "sectl/sectl.h"
#include "sectl/trace.h"

const char *target_semd(void)
{
	return strncmp(opt.se, "semd:", 5) ? NULL : opt.se + 5;
}

int target_open(struct se **se)
{
	int r;

	*se = NULL;
	if (target_semd())
		return fail(EXIT_USAGE, "usage",
			    "a target without semd:", "semd does not serve %s",
			    verb_title(current_verb));
	r = trace_open();
	if (r)
		return r;
	r = se_open(se, opt.se);
	if (r == -EINVAL)
		return fail(EXIT_USAGE, "usage",
			    "se0, /dev/se0, socket:PATH, pcsc:READER or semd:se0",
			    "--se=%s: not a target", opt.se);
	return r ? fail_errno(r, opt.se) : EXIT_OK;
}

uint64_t target_deadline(uint32_t nr)
{
	return se_deadline_in(1000ULL *
			      (opt.deadline ? opt.deadline : TARGET_SECONDS * (nr + 1)));
}

int target_select(struct se *se, const uint8_t *aid, size_t aid_len, struct se_channel_open *o)
{
	uint64_t start = se_deadline_in(0);
	int r;

	o->aid_ptr = (uintptr_t)aid;
	o->aid_len = (uint32_t)aid_len;
	o->deadline_ns = target_deadline(1);
	r = se_channel_open(se, o);
	trace_select(aid, aid_len, o, se_deadline_in(0) - start);
	return r;
}

int target_channel(struct se *se, const uint8_t *aid, size_t aid_len, uint8_t *rsp,
		   uint32_t *rsp_len)
{
	uint8_t mine[258];
	struct se_channel_open o = {
		.rsp_ptr = (uintptr_t)(rsp ? rsp : mine),
		.rsp_room = rsp ? *rsp_len : sizeof(mine),
	};
	int r;

	r = target_select(se, aid, aid_len, &o);
	if (rsp)
		*rsp_len = o.rsp_len < *rsp_len ? o.rsp_len : *rsp_len;
	if (!r)
		return EXIT_OK;
	if (o.sw && r == -EUSERS)
		return fail_sw(o.sw, "no logical channel left");
	if (o.sw && r == -ENOENT)
		return fail_sw(o.sw, "there is no such application");
	if (o.sw && r == -EREMOTEIO)
		return fail_sw(o.sw, "SELECT");
	return fail_errno(r, "opening a channel");
}

int target_submit(struct se *se, struct se_apdu *apdus, uint32_t nr, struct se_stream *stream)
{
	int r = se_submit(se, apdus, nr, stream);

	trace_stream(apdus, nr);
	return r;
}

int fail_submit(int error, uint32_t n, const struct se_apdu *apdu, const struct se_stream *s)
{
	bool unknown = apdu->outcome == SE_OUTCOME_UNKNOWN;

	return fail(error == -ETIMEDOUT			  ? EXIT_TIMEOUT
		    : error == -EACCES || error == -EPERM ? EXIT_REFUSED
							  : EXIT_FAILED,
		    unknown ? "outcome-unknown" : "failed",
		    unknown ? "ask the card before repeating it" : NULL,
		    "APDU %u: %s (%s); this APDU: %s", n, strerror(-error),
		    se_stop_name(s->stop), se_outcome_name(apdu->outcome));
}
