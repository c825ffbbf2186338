// SPDX-License-Identifier: Apache-2.0
/*
 * Credentials of an association: bytes out of the Security instance, or references to
 * what lies in a secure element or a token (keys/cred.h). Those take time: an eventfd,
 * which the account shows as its descriptor meanwhile, says when they are there.
 */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "gp/error.h"
#include "keys/seref.h"
#include "lwm2m/account-priv.h"

static bool is_reference(const struct lwm2m_bytes *b)
{
	return b->len > 0 && seref_is(b->p, b->len);
}

bool account_cred_refers(const struct lwm2m_security *s)
{
	return is_reference(&s->key) || is_reference(&s->server) ||
	       (s->mode != LWM2M_SECURITY_PSK && is_reference(&s->identity));
}

static void on_cred(void *userdata, int error, const struct gp_error *err,
		    struct keys_cred *cred)
{
	struct lwm2m_account *a = userdata;

	a->load = NULL;
	a->cred_error = error;
	if (error == 0) {
		a->cred = *cred;
		memset(cred, 0, sizeof(*cred));
	} else {
		content_words(a->why, "/0/%u: %s", a->current->s.instance,
			      err && err->detail[0] ? err->detail : strerror(-error));
	}
	/* a counter of 1 cannot overflow */
	(void)!write(a->cred_fd, &(uint64_t){1}, sizeof(uint64_t));
}

int account_cred_start(struct lwm2m_account *a, const struct lwm2m_security *s)
{
	const struct keys_cred_request req = {
		.mode = (enum keys_cred_mode)s->mode,
		.own = {s->identity.p, s->identity.len},
		.server = {s->server.p, s->server.len},
		.secret = {s->key.p, s->key.len},
		.trusted = s->trusted,
	};
	struct gp_error err = {0};
	int ret;

	if (!a->keys) {
		content_words(a->why, "/0/%u: keys by reference cannot be used here",
			      s->instance);
		return -EOPNOTSUPP;
	}
	if (a->cred_fd < 0)
		a->cred_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (a->cred_fd < 0)
		return -errno;
	ret = keys_cred_start(a->keys, &req, on_cred, a, &a->load, &err);
	if (ret < 0)
		content_words(a->why, "/0/%u: %s", s->instance,
			      err.detail[0] ? err.detail : strerror(-ret));
	a->resolving = ret == 0;
	return ret;
}

int account_cred_result(struct lwm2m_account *a)
{
	uint64_t n;

	if (read(a->cred_fd, &n, sizeof(n)) < 0)
		return -EAGAIN;
	a->resolving = false;
	return a->cred_error;
}

void account_cred_drop(struct lwm2m_account *a)
{
	uint64_t n;

	if (a->load)
		keys_cred_cancel(a->load);
	a->load = NULL;
	if (a->resolving)
		(void)!read(a->cred_fd, &n, sizeof(n));
	a->resolving = false;
	keys_cred_clear(&a->cred);
}
