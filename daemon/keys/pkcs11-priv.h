/* SPDX-License-Identifier: Apache-2.0 */
/* Modules, sessions and keys of pkcs11.c and pkcs11-token.c. */
#ifndef SESAME_KEYS_PKCS11_PRIV_H
#define SESAME_KEYS_PKCS11_PRIV_H

#include <pthread.h>
#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>

#include "keys/pkcs11.h"
#include "keys/source.h"

#define MODULES_MAX 8
#define SESSIONS_MAX 8
#define SECRETS_MAX (4 * KEYS_MAX)

/* a session with one token; the keys of it compute in it, one at a time */
struct session {
	struct pkcs11 *p;
	CK_FUNCTION_LIST *module;
	CK_SLOT_ID slot;
	CK_SESSION_HANDLE handle;
	bool open;
	bool refused; /* the PIN was wrong: never again */
};

struct secret {
	struct session *session;
	CK_OBJECT_HANDLE object;
	bool des;
};

struct pkcs11 {
	pthread_mutex_t lock; /* over all calls into sessions */
	CK_FUNCTION_LIST **system;
	struct {
		char *path;
		CK_FUNCTION_LIST *module;
	} own[MODULES_MAX]; /* by module-path */
	size_t nr_own;
	struct session sessions[SESSIONS_MAX];
	size_t nr_sessions;
	struct secret secrets[SECRETS_MAX];
	size_t nr_secrets;
};

/**
 * pkcs11_session - the session with the one token that a URI fits, logged in
 *
 * Opened at its first use. Errors as pkcs11_secret().
 */
int pkcs11_session(struct pkcs11 *p, P11KitUri *u, struct session **ret, struct gp_error *err);

#endif /* SESAME_KEYS_PKCS11_PRIV_H */
