// SPDX-License-Identifier: Apache-2.0
/* Object 1, Server. Its instances are the accounts' and come and go with them. */
#include <errno.h>
#include <string.h>

#include "lwm2m/stored.h"

LWM2M_STORED_FUNCTIONS(MODEL_OBJECT_SERVER)

enum { DISABLE = 4, BINDING = 7, UPDATE = 8, BOOTSTRAP = 9, PREFERRED = 22 };

/* U and T in any order, and Q of 1.0 (6.2.1.2) */
static bool good_binding(const struct lwm2m_value *v)
{
	bool any = false;

	for (size_t i = 0; i < v->len; i++) {
		if (!memchr("UTQ", v->p[i], 3) || memchr(v->p, v->p[i], i))
			return false;
		any |= v->p[i] != 'Q';
	}
	return any;
}

static int write(struct lwm2m_client *c, uint16_t instance, const struct lwm2m_value *v,
		 size_t n, bool replace, char *words)
{
	for (size_t i = 0; i < n; i++) {
		if (v[i].path.id[2] == BINDING && !good_binding(&v[i])) {
			content_words(words,
				      "/1/%u/7: only the bindings U and T are supported, and Q",
				      instance);
			return COAP_400_BAD_REQUEST;
		}
		if (v[i].path.id[2] == PREFERRED && v[i].type != MODEL_NONE &&
		    !memchr("UT", v[i].len ? v[i].p[0] : 0, 2)) {
			content_words(words, "/1/%u/22: U or T", instance);
			return COAP_400_BAD_REQUEST;
		}
	}
	return stored_write(c, instance, v, n, replace, words);
}

static int bootstrap(struct lwm2m_client *c, char *words)
{
	const struct lwm2m_shared *s = c->shared;
	int r = s->ops && s->ops->bootstrap ? s->ops->bootstrap(s->ops_ctx, c) : -ENOENT;

	if (r == 0)
		return 0;
	content_words(words, "no bootstrap: %s",
		      r == -ENOENT ? "there is no account of a bootstrap server"
				   : strerror(-r));
	return lwm2m_errno_code(r == -ENOENT ? -EOPNOTSUPP : r);
}

static int execute(struct lwm2m_client *c, uint16_t instance, uint16_t rid,
		   const struct lwm2m_args *args, char *words)
{
	const struct lwm2m_arg *over = lwm2m_args_find(args, 0);

	if (instance != c->server) {
		content_words(words, "/1/%u is another server's; it must do this itself",
			      instance);
		return COAP_405_METHOD_NOT_ALLOWED;
	}
	switch (rid) {
	case DISABLE:
		lwm2m_registration_disable(c);
		return 0;
	case BOOTSTRAP:
		return bootstrap(c, words);
	case UPDATE:
	default:
		/* 1.1: the argument 0 is the transport to use */
		if (over && over->len == 1 &&
		    lwm2m_registration_update_over(c, *over->value) == 0)
			return 0;
		if (over) {
			content_words(words, "/1/%u/8: no such transport for this server",
				      instance);
			return COAP_400_BAD_REQUEST;
		}
		lwm2m_registration_update(c, false);
		return 0;
	}
}

const struct lwm2m_object lwm2m_object_server = {
	.id = MODEL_OBJECT_SERVER,
	.instances = stored_instances,
	.read = stored_read,
	.write = write,
	.execute = execute,
};
