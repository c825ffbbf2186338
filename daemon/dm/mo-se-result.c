// SPDX-License-Identifier: Apache-2.0
/* What the end of a job means to a DM server: Status, ResultCode, Report. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dm/mo-se-priv.h"

static const struct {
	const char *code;
	enum se_result result;
} codes[] = {
	/* job/ */
	{"cancelled", SE_RESULT_CANCELLED},
	{"deadline", SE_RESULT_DEADLINE},
	{"policy", SE_RESULT_POLICY},
	{"rate", SE_RESULT_POLICY},
	{"disk-full", SE_RESULT_STORAGE},
	{"journal", SE_RESULT_STORAGE},
	{"script-lost", SE_RESULT_NOT_STARTED},
	{"script-format-error", SE_RESULT_MALFORMED},
	{"script-too-long", SE_RESULT_MALFORMED},
	{"script-refused", SE_RESULT_MALFORMED},
	{"chaining-unsupported", SE_RESULT_MALFORMED},
	{"immediate-action", SE_RESULT_MALFORMED},
	{"status-word", SE_RESULT_REFUSED},
	{"select-refused", SE_RESULT_REFUSED},
	{"no-application", SE_RESULT_NO_APPLICATION},
	{"channel-lost", SE_RESULT_CHANNEL_LOST},
	{"result-too-long", SE_RESULT_TOO_LONG},
	{"response-cut", SE_RESULT_TOO_LONG},
	{"generation", SE_RESULT_LINK},
	{"se-gone", SE_RESULT_LINK},
	{"link-error", SE_RESULT_LINK},
	{"interrupted", SE_RESULT_INTERRUPTED},
	/* plans: gp/ and keys/ */
	{"plan-format", SE_RESULT_MALFORMED},
	{"plan-invalid", SE_RESULT_MALFORMED},
	{"no-files", SE_RESULT_MALFORMED},
	{"not-confirmed", SE_RESULT_PARAMETER},
	{"card-refused", SE_RESULT_REFUSED},
	{"no-such-keyset", SE_RESULT_KEYS},
	{"no-such-key", SE_RESULT_KEYS},
	{"no-key", SE_RESULT_KEYS},
	{"no-keys", SE_RESULT_KEYS},
	{"bad-keys", SE_RESULT_KEYS},
	{"wrong-keys", SE_RESULT_KEYS},
	{"other-keys", SE_RESULT_KEYS},
	{"key-blocked", SE_RESULT_KEYS},
	{"authentication-failed", SE_RESULT_AUTHENTICATION},
	{"attempt-refused", SE_RESULT_AUTHENTICATION},
	{"attempt-running", SE_RESULT_AUTHENTICATION},
	{"attempt-unknown", SE_RESULT_AUTHENTICATION},
	{"exists", SE_RESULT_STATE},
	{"not-found", SE_RESULT_STATE},
	{"precondition", SE_RESULT_STATE},
	{"already-done", SE_RESULT_STATE},
	{"contradiction", SE_RESULT_CONTRADICTION},
	{"changed", SE_RESULT_CONTRADICTION},
	{"postcondition", SE_RESULT_CONTRADICTION},
	{"record-other-card", SE_RESULT_CONTRADICTION},
	{"not-undoable", SE_RESULT_NOT_UNDOABLE},
	{"nothing-done", SE_RESULT_NOT_UNDOABLE},
	{"outcome-unknown", SE_RESULT_UNKNOWN},
};

/* ResultCode of a job's short code. */
static enum se_result result_of(const char *code)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (strcmp(codes[i].code, code) == 0)
			return codes[i].result;
	return SE_RESULT_FAILED;
}

/* A refusal ends a script; what is done may have a warning at its end (62XX, 63XX). */
static bool warned(const struct job_info *info)
{
	return info->params.kind == JOB_SCRIPT && info->last_sw != 0x9000 &&
	       info->last_sw >> 8 != 0x61 && info->executed > 0;
}

static enum se_result ended(const struct job_info *info)
{
	enum se_result result;

	switch (info->state) {
	case JOB_DONE:
		return warned(info) ? SE_RESULT_WARNING : SE_RESULT_OK;
	case JOB_CANCELLED:
		return SE_RESULT_CANCELLED;
	case JOB_EXPIRED:
		return SE_RESULT_DEADLINE;
	case JOB_UNKNOWN:
		return SE_RESULT_UNKNOWN;
	default:
		break;
	}
	result = result_of(info->code);
	/* "not enough memory space": of the card's refusals the one with a remedy */
	return result == SE_RESULT_REFUSED && info->last_sw == 0x6a84 ? SE_RESULT_SE_MEMORY
								      : result;
}

void se_report_job(struct se_report *out, const struct job_info *info)
{
	bool over = info->state > JOB_RUNNING;

	memset(out, 0, sizeof(*out));
	out->status = 10 * (unsigned int)info->state + 10;
	out->code = over ? ended(info) : 0;
	snprintf(out->result, sizeof(out->result), "%s", info->code);
	snprintf(out->detail, sizeof(out->detail), "%s", info->detail);
	out->executed = info->executed;
	out->total = info->total;
	out->last_sw = info->last_sw;
	out->outcome = info->interrupted == SE_OUTCOME_NOT_SENT	 ? 10
		       : info->interrupted == SE_OUTCOME_UNKNOWN ? 30
								 : 20;
	if (!over)
		out->outcome = 20;
	if (info->run > 0)
		snprintf(out->job, sizeof(out->job), "%s", info->name);
}

void se_report_set(struct se_report *out, enum se_status status, enum se_result code,
		   const char *result, const char *detail)
{
	memset(out, 0, sizeof(*out));
	out->status = status;
	out->code = code;
	out->outcome = code == SE_RESULT_NOT_STARTED ? 10 : code == SE_RESULT_UNKNOWN ? 30 : 20;
	snprintf(out->result, sizeof(out->result), "%s", result);
	snprintf(out->detail, sizeof(out->detail), "%s", detail);
}

int se_errno_status(int error)
{
	switch (error) {
	case 0:
		return 200;
	case -ENOENT:
	case -ENODEV:
		return 404;
	case -EBUSY:
	case -EALREADY:
	case -EOPNOTSUPP:
	case -ESTALE:
		return 409;
	case -EINVAL:
		return 405;
	case -EBADMSG:
		return 415;
	case -EPERM:
		return 412;
	case -EACCES:
		return 425;
	case -EFBIG:
	case -EMSGSIZE:
		return 413;
	case -ENOSPC:
	case -EDQUOT:
		return 420;
	case -EIO:
		return 510;
	default:
		return 500;
	}
}
