// SPDX-License-Identifier: Apache-2.0
/* io.sesame.Manager.Send: values of the device's objects for a management server. */
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "control/control-priv.h"

struct send {
	const char *server;
	char **paths;
	bool keep;
};

CONTROL_METHOD(send)
{
	static const sd_json_dispatch_field table[] = {
		{"server", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
		 offsetof(struct send, server), SD_JSON_NULLABLE},
		{"paths", SD_JSON_VARIANT_ARRAY, sd_json_dispatch_strv,
		 offsetof(struct send, paths), SD_JSON_MANDATORY},
		{"keep", SD_JSON_VARIANT_BOOLEAN, sd_json_dispatch_stdbool,
		 offsetof(struct send, keep), SD_JSON_NULLABLE},
		{0},
	};
	struct control *c = userdata;
	struct send s = {0};
	struct job_error e = {0};
	struct peer peer;
	int r;

	(void)flags;
	if (!control_begin(c, link, parameters, table, &s, &peer, &r))
		goto out;
	r = c->ops && c->ops->send
		    ? c->ops->send(c->ctx, s.server, (const char *const *)s.paths, s.keep,
				   e.detail, sizeof(e.detail))
		    : -EOPNOTSUPP;
	if (r == 0) {
		r = sd_varlink_reply(link, NULL);
		goto out;
	}
	if (!*e.detail)
		snprintf(e.detail, sizeof(e.detail), "%s", strerror(-r));
	snprintf(e.code, sizeof(e.code), "%s",
		 r == -ENOENT	  ? "no-such-server"
		 : r == -ENODATA  ? "no-values"
		 : r == -EACCES	  ? "muted"
		 : r == -ENOTCONN ? "not-registered"
		 : r == -EINVAL	  ? "bad-path"
				  : "failed");
	/* -ENOENT and -ENODEV are words of jobs there, -ENOSPC of the journal */
	r = control_say_error(link, -EIO, &e, 0, NULL);
out:
	for (char **p = s.paths; p && *p; p++)
		free(*p);
	free(s.paths);
	return r;
}
