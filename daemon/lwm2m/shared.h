/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the accounts of one device share. It hangs off every client as c->shared,
 * which is never NULL: a client that was given none makes its own, with a data
 * model in memory that has its one account (/0/0 and /1/0).
 */
#ifndef SESAME_LWM2M_SHARED_H
#define SESAME_LWM2M_SHARED_H

#include "lwm2m/data.h"
#include "lwm2m/lwm2m.h"
#include "lwm2m/state.h"

struct job_store;
struct content_apps;
struct content_packages;

/**
 * struct lwm2m_shared_ops - what the device does for its accounts; each may be NULL
 * @changed: @by told its own observers that something at or below @path may have
 *	changed; the others are told now. NULL for @by: all
 * @reboot: /3/0/4 was executed. 0 or a negative errno
 * @bootstrap: /1/x/9 was executed: begin a client-initiated bootstrap. 0, -ENOENT
 *	(no bootstrap account), -EBUSY
 * @disabled: /1/x/4 was executed, the server is left alone for /1/x/5 seconds
 */
struct lwm2m_shared_ops {
	void (*changed)(void *ctx, struct lwm2m_client *by, const struct lwm2m_path *path);
	int (*reboot)(void *ctx);
	int (*bootstrap)(void *ctx, struct lwm2m_client *by);
	void (*disabled)(void *ctx, struct lwm2m_client *by);
};

/* bits of lwm2m_shared.errors: codes of /3/0/11 that a device without battery, GPS … has */
#define LWM2M_ERROR_IP_CONNECTIVITY 7 /* an association broke or could not be made */
#define LWM2M_ERROR_PERIPHERAL 8      /* an SE that does not come back, SE_STATE_DEAD */

/**
 * struct lwm2m_shared
 * @data, @state: never NULL
 * @manufacturer and so on: NULL: not known
 * @jobs, @ses: of the process; NULL in tests of the pure client
 * @apps, @packages: apps.h, packages.h; NULL: there are none
 * @errors: bit n: code n of /3/0/11 since the last /3/0/12; change with
 *	lwm2m_shared_error()
 * @own: the client that made it, and frees it; NULL if it is the device's
 */
struct lwm2m_shared {
	struct lwm2m_data *data;
	struct store *state;
	const char *endpoint;
	const char *manufacturer, *model, *serial, *firmware;
	struct job_store *jobs;
	struct content_ses *ses;
	struct content_apps *apps;
	struct content_packages *packages;
	uint32_t errors;
	const struct lwm2m_shared_ops *ops;
	void *ops_ctx;
	struct lwm2m_client *own;
};

/** lwm2m_shared_error() - raise error @code of object 3; observers are told. */
void lwm2m_shared_error(struct lwm2m_shared *s, unsigned int code);

/* ---- accounts as the data model has them: account-data.c ---------------------- */

/**
 * lwm2m_data_security() - /0/@instance, as an account takes it
 *
 * Strings and bytes are the data model's: valid until its next change.
 *
 * Return: 0, -ENOENT, or -EINVAL with @words (CONTENT_WORDS_MAX bytes): a value
 * makes no sense, or one that is needed is missing.
 */
int lwm2m_data_security(const struct lwm2m_data *d, uint16_t instance,
			struct lwm2m_security *out, char *words);

/**
 * lwm2m_security_lacks() - is there enough for the mode; what is in it, the handshake tells
 * @secure: by its address the transport is DTLS or TLS
 *
 * Return: what is missing or cannot be used, in words; NULL: nothing.
 */
const char *lwm2m_security_lacks(const struct lwm2m_security *s, bool secure);

/* ---- access control: acl.c --------------------------------------------------- */

/* rights of /2/x/2 (LwM2M core 1.1, 8.2) */
enum {
	LWM2M_ACL_R = 1, /* Read, Observe, Write-Attributes */
	LWM2M_ACL_W = 2,
	LWM2M_ACL_E = 4,
	LWM2M_ACL_D = 8,
	LWM2M_ACL_C = 16,
};

/**
 * lwm2m_acl_allows() - may the server of @c do this?
 * @path: Create: depth 1; others: depth 2 to 4. Discover needs no right. A Read
 *	of a whole object (depth 1) is allowed: what the server may not read in it
 *	is left out, instance by instance
 * @rights: LWM2M_ACL_*, all of them are needed
 *
 * With one Server instance, all but objects 0 and 21 is allowed. With more, object
 * 2 decides: the entry of the server; without one, the owner may do everything,
 * and everybody else what the entry 0 says, or nothing. What nobody made, because
 * it comes with the device, is for every server, as long as it has no instance of
 * object 2 (acl.c says why); an instance of object 1 for its own server.
 *
 * An instance of object 2 may be read by every server, and written by its owner.
 */
bool lwm2m_acl_allows(struct lwm2m_client *c, const struct lwm2m_path *path,
		      unsigned int rights);

/** lwm2m_acl_created() - @c made /@object/@instance: it becomes the owner. 0, -errno. */
int lwm2m_acl_created(struct lwm2m_client *c, uint16_t object, uint16_t instance);
/** lwm2m_acl_deleted() - it is gone, and its access control instance goes with it. */
int lwm2m_acl_deleted(struct lwm2m_client *c, uint16_t object, uint16_t instance);

/**
 * lwm2m_acl_server_gone() - the account @ssid is no more
 *
 * Its rights go. What it owned goes to the server that may write and delete it,
 * or to any that has rights on it; what nobody has rights on is deleted.
 */
int lwm2m_acl_server_gone(struct lwm2m_data *d, uint16_t ssid);

#endif /* SESAME_LWM2M_SHARED_H */
