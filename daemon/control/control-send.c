// SPDX-License-Identifier: Apache-2.0
/* io.sesame.Manager.Send and .UpdateServer: what a management server is told at the owner's
 * wish. */
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

static int answer(sd_varlink *link, int r, struct job_error *e)
{
	if (r == 0)
		return sd_varlink_reply(link, NULL);
	if (!*e->detail)
		snprintf(e->detail, sizeof(e->detail), "%s",
			 r == -ENOENT ? "there is no such server" : strerror(-r));
	snprintf(e->code, sizeof(e->code), "%s",
		 r == -ENOENT	  ? "no-such-server"
		 : r == -ENODATA  ? "no-values"
		 : r == -EACCES	  ? "muted"
		 : r == -ENOTCONN ? "not-registered"
		 : r == -EINVAL	  ? "bad-path"
				  : "failed");
	/* -ENOENT and -ENODEV are words of jobs there, -ENOSPC of the journal */
	return control_say_error(link, -EIO, e, 0, NULL);
}

CONTROL_METHOD(update_server)
{
	static const sd_json_dispatch_field table[] = {
		{"server", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string, 0,
		 SD_JSON_NULLABLE},
		{0},
	};
	struct control *c = userdata;
	const char *server = NULL;
	struct job_error e = {0};
	struct peer peer;
	int r;

	(void)flags;
	if (!control_begin(c, link, parameters, table, &server, &peer, &r))
		return r;
	r = c->ops && c->ops->update ? c->ops->update(c->ctx, server) : -EOPNOTSUPP;
	if (r == -ENOTCONN)
		snprintf(e.detail, sizeof(e.detail),
			 "the server does not know the device now; it registers by itself");
	return answer(link, r, &e);
}

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
	r = answer(link, r, &e);
out:
	for (char **p = s.paths; p && *p; p++)
		free(*p);
	free(s.paths);
	return r;
}
