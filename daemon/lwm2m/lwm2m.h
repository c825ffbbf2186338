/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LwM2M client front end: registration and device management for one server.
 *
 * Two layers, each of use by itself:
 *
 *   lwm2m_client   one server account, pure: bytes and time in, bytes out. It
 *                  owns a CoAP endpoint (coap/coap.h) and reaches secure
 *                  elements and scripts through two tables of functions.
 *   lwm2m_account  a client with its transport (UDP or DTLS) and its jobs: what
 *                  the daemon makes of each [server] section. The daemon's loop
 *                  watches one descriptor and one time.
 *
 * Times are CLOCK_MONOTONIC in milliseconds. Nothing here is thread safe;
 * everything belongs to the owner's loop.
 */
#ifndef SESAME_LWM2M_H
#define SESAME_LWM2M_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "coap/coap.h"
#include "content/words.h"
#include "lwm2m/registration.h"
#include "lwm2m/security.h"
#include "model/model.h"

struct content_ses;
struct job_store;
struct lwm2m_bootstrap;
struct lwm2m_shared;
struct se_keys;

#define LWM2M_SCRIPTS_MAX 64
#define LWM2M_NEVER COAP_NEVER

/** struct lwm2m_path - /object/instance/resource/resource instance; depth 0 to 4 */
struct lwm2m_path {
	uint8_t depth;
	uint16_t id[4];
};

/**
 * struct lwm2m_se_ops - the secure elements, given by the daemon
 *
 * Each returns 0 or a negative errno; @words (CONTENT_WORDS_MAX bytes) gets the
 * error in words for the server: what, where, what to try. -ENOENT means that
 * there is no such SE, -EBUSY that it cannot be done now.
 *
 * @list: fill @ids with the instance numbers by rising order, at most @room;
 *	returns how many
 * @get: a snapshot
 * @reset: reset the SE
 * @refresh: start reading it anew (model_se_probes());
 *	lwm2m_client_changed() tells when it is over
 */
struct lwm2m_se_ops {
	size_t (*list)(void *ctx, uint16_t *ids, size_t room);
	int (*get)(void *ctx, uint16_t id, struct model_se *out);
	int (*reset)(void *ctx, uint16_t id, char *words);
	int (*refresh)(void *ctx, uint16_t id, char *words);
};

/** struct lwm2m_script - one instance of object 26242 at one moment */
struct lwm2m_script {
	uint16_t se; /* instance of 26241 */
	uint8_t aid[SE_AID_MAX];
	size_t aid_len;
	bool keep_channel;
	uint32_t deadline_s;
	enum model_script_state state;
	uint32_t executed;
	uint32_t total;
	uint64_t response_len;
	char result[32];
	char detail[256];
	uint16_t last_sw;
	char job[40];
	enum se_outcome outcome;
};

/**
 * struct lwm2m_script_ops - the scripts; lwm2m_job_ops is the table over job/
 *
 * Errors as in struct lwm2m_se_ops. -EBUSY: queued or running; -ENOSPC: the
 * disk or the table is full; -EINVAL: the value makes no sense.
 *
 * @list: as above
 * @get: a snapshot
 * @create: a new, idle instance
 * @destroy: forgets script and result; refused while queued or running
 * @set: takes se, aid, keep_channel and deadline_s of @in
 * @write: script bytes at @offset, which is 0 (drops what was there) or where
 *	the last bytes ended; @last completes the script
 * @run, @cancel, @clear: as resources 3, 10 and 11 say
 * @read: response script bytes at @offset; returns how many, 0 at the end
 */
struct lwm2m_script_ops {
	size_t (*list)(void *ctx, uint16_t *ids, size_t room);
	int (*get)(void *ctx, uint16_t id, struct lwm2m_script *out);
	int (*create)(void *ctx, uint16_t id, char *words);
	int (*destroy)(void *ctx, uint16_t id, char *words);
	int (*set)(void *ctx, uint16_t id, const struct lwm2m_script *in, char *words);
	int (*write)(void *ctx, uint16_t id, uint64_t offset, const uint8_t *p, size_t len,
		     bool last, char *words);
	int (*run)(void *ctx, uint16_t id, char *words);
	int (*cancel)(void *ctx, uint16_t id, char *words);
	int (*clear)(void *ctx, uint16_t id, char *words);
	ssize_t (*read)(void *ctx, uint16_t id, uint64_t offset, uint8_t *p, size_t room);
};

/**
 * struct lwm2m_config - one server account; strings are copied
 * @name: of the [server NAME] section
 * @uri: coap:// or coaps:// address, resource /0/0/0
 * @secure_psk: resource /0/0/2 is 0 instead of 3
 * @endpoint: endpoint client name
 * @lifetime: seconds, 0: 86400
 * @ssid: short server id, 0: 1
 * @version: highest LwM2M version to try, 10, 11 or 12; 0: 12
 * @pmin, @pmax: default periods, seconds, 0: none
 * @manufacturer, @model, @serial, @firmware: of object 3; NULL: not there
 * @shared: what it shares with the other accounts of the device, with /1/@server in
 *	it; NULL: it has a data model of its own, of what is said above
 * @server: instance of object 1, if @shared is given
 * @bootstrap: the peer is a bootstrap server: it gets what comes and says what to send
 *	(lwm2m/bootstrap.h); there is no Server instance. Else NULL
 */
struct lwm2m_config {
	const char *name;
	const char *uri;
	bool secure_psk;
	const char *endpoint;
	uint32_t lifetime;
	uint16_t ssid;
	unsigned int version;
	uint32_t pmin;
	uint32_t pmax;
	const char *manufacturer;
	const char *model;
	const char *serial;
	const char *firmware;
	struct lwm2m_shared *shared;
	uint16_t server;
	struct lwm2m_bootstrap *bootstrap;
};

/**
 * struct lwm2m_client_ops - what a client needs from its owner
 * @coap: send and random are needed, dedup_store, dedup_find and mids
 *	optional; the rest is not looked at. They get @ctx.
 * @clock: CLOCK_REALTIME in seconds, for /3/0/13; optional
 * @log: @level as in syslog(3), @text without secrets and without the name of
 *	the server; optional
 * @lost: the server does not answer any more. True if the owner makes a new
 *	association, when @connect asks for it; false, or without it, the client
 *	retries over the one it has
 * @connect: make a (new) association and call lwm2m_client_up() or _down() then, not
 *	from within; the wait that resources 17 to 20 ask for is over
 * @failed: registration failed: all attempts of all sequences (resources 17 to
 *	20 of object 1). True if the owner bootstraps now: the client rests until
 *	lwm2m_client_up() or its end. False, or without it, it goes on with a
 *	sequence after the delay of resource 19. Optional
 */
struct lwm2m_client_ops {
	struct coap_ops coap;
	int64_t (*clock)(void *ctx);
	void (*log)(void *ctx, int level, const char *text);
	bool (*lost)(void *ctx);
	void (*connect)(void *ctx);
	bool (*failed)(void *ctx);
};

enum lwm2m_state {
	LWM2M_OFFLINE,	   /* no association with the server */
	LWM2M_REGISTERING, /* Register sent */
	LWM2M_REGISTERED,
	LWM2M_UPDATING, /* registered, Update sent */
	LWM2M_WAITING,	/* refused or unanswered; tries again at @next */
	LWM2M_DEREGISTERING,
	LWM2M_STOPPED,
	LWM2M_DISABLED, /* by resource 4 of object 1, until @next */
	LWM2M_FAILED,	/* registration failed and the owner bootstraps */
};

/** struct lwm2m_status - for logs and the control interface */
struct lwm2m_status {
	enum lwm2m_state state;
	unsigned int version;	       /* that was registered or is being tried: 10, 11, 12 */
	char location[128];	       /* "/rd/5a3f", empty if not registered */
	char error[CONTENT_WORDS_MAX]; /* the last error in words, empty if none since */
	uint64_t next;		       /* next Register or Update, or LWM2M_NEVER */
	unsigned int attempts;	       /* without success since the last success */
	unsigned int asked;	       /* Registers and Updates begun; wraps */
	unsigned int observations;
	struct coap_stats coap;
};

/** lwm2m_state_name() - "registered" and so on. */
const char *lwm2m_state_name(enum lwm2m_state state);

struct lwm2m_client;

/**
 * lwm2m_client_new() - a client; it does nothing before lwm2m_client_up()
 * @ops, @ses, @scripts: kept by reference
 * @ctx: for @ops; @ses_ctx and @scripts_ctx for the others
 *
 * Return: 0, -EINVAL (no endpoint name, bad version), -ENOMEM.
 */
int lwm2m_client_new(struct lwm2m_client **ret, const struct lwm2m_config *config,
		     const struct lwm2m_client_ops *ops, void *ctx,
		     const struct lwm2m_se_ops *ses, void *ses_ctx,
		     const struct lwm2m_script_ops *scripts, void *scripts_ctx);
void lwm2m_client_free(struct lwm2m_client *c);

/**
 * lwm2m_client_up() - an association stands: register, unless registered
 * @fresh: it is a new one, so that the server's message ids start anew
 */
void lwm2m_client_up(struct lwm2m_client *c, uint64_t now, bool fresh);

/**
 * lwm2m_client_down() - it does not, for the reason @what
 *
 * The owner makes a new one; lwm2m_client_up() then. A registration is kept.
 */
void lwm2m_client_down(struct lwm2m_client *c, uint64_t now, int error, const char *what);

/** lwm2m_client_unreachable() - it may (ICMP); what is under way fails now. */
void lwm2m_client_unreachable(struct lwm2m_client *c, uint64_t now, int error);

void lwm2m_client_input(struct lwm2m_client *c, uint64_t now, const uint8_t *data, size_t len);
void lwm2m_client_tick(struct lwm2m_client *c, uint64_t now);

/** lwm2m_client_deadline() - when lwm2m_client_tick() is wanted, or LWM2M_NEVER. */
uint64_t lwm2m_client_deadline(const struct lwm2m_client *c);

/** lwm2m_client_stop() - de-register; the state is LWM2M_STOPPED when it is over. */
void lwm2m_client_stop(struct lwm2m_client *c, uint64_t now);

/**
 * lwm2m_client_changed() - what is at or below @object[/@instance] may have changed
 * @instance: or -1 for all, also if there are more or fewer instances than before
 *
 * Compares with what was told to the server and notifies as pmin, pmax and the
 * other attributes say.
 */
void lwm2m_client_changed(struct lwm2m_client *c, uint64_t now, uint16_t object,
			  int32_t instance);

void lwm2m_client_status(const struct lwm2m_client *c, struct lwm2m_status *st);

/* ---- secure elements and scripts over job/ -------------------------------- */

/** For lwm2m_client_new() with the struct content_ses as context. */
extern const struct lwm2m_se_ops lwm2m_ses_ops;

struct lwm2m_jobs;

/**
 * lwm2m_jobs_new() - the scripts of origin "lwm2m:@server" in @store
 *
 * Instance 0 is made if there is none.
 */
int lwm2m_jobs_new(struct lwm2m_jobs **ret, struct job_store *store, const char *server);
void lwm2m_jobs_free(struct lwm2m_jobs *j);

/** For lwm2m_client_new() with the struct lwm2m_jobs as context. */
extern const struct lwm2m_script_ops lwm2m_jobs_ops;

/* ---- an account: client, transport, jobs ---------------------------------- */

/**
 * struct lwm2m_account_config
 * @client: uri and secure_psk are taken from @security
 * @security, @nr_security: how the server is reached, copied, at least one: the first is used
 *	unless resource 22 of object 1 prefers the transport of another; where an
 *	attempt over one ends without an answer, the next is tried
 * @keys: for keys by reference (keys/cred.h), has to outlive it; NULL: there are none
 * @failed: as in struct lwm2m_client_ops, with @log_ctx; optional
 * @hold_until: contact the server then, or at lwm2m_account_release(); 0: at once
 * @log: as in struct lwm2m_client_ops, with @log_ctx
 */
struct lwm2m_account_config {
	struct lwm2m_config client;
	const struct lwm2m_security *security;
	size_t nr_security;
	struct se_keys *keys;
	bool (*failed)(void *ctx);
	uint64_t hold_until;
	void (*log)(void *ctx, int level, const char *text);
	void *log_ctx;
};

struct lwm2m_account;

/**
 * lwm2m_account_new() - make it and begin; name resolution may block
 * @why: what is wrong with the configuration, CONTENT_WORDS_MAX bytes
 *
 * A server that cannot be reached is not an error: it is tried again.
 *
 * Return: 0, -EINVAL (uri, key), -ENOMEM, or what the journal said.
 */
int lwm2m_account_new(struct lwm2m_account **ret, const struct lwm2m_account_config *config,
		      struct job_store *store, struct content_ses *ses, uint64_t now,
		      char *why);
void lwm2m_account_free(struct lwm2m_account *a);

/** lwm2m_account_fd() - to be watched, -1 while there is none. It changes: ask
 * again after each call of an lwm2m_account function. */
int lwm2m_account_fd(const struct lwm2m_account *a);
/** lwm2m_account_events() - EPOLLIN, EPOLLOUT as wanted now. */
uint32_t lwm2m_account_events(const struct lwm2m_account *a);
/** lwm2m_account_deadline() - when lwm2m_account_tick() is wanted, or LWM2M_NEVER. */
uint64_t lwm2m_account_deadline(const struct lwm2m_account *a);
void lwm2m_account_ready(struct lwm2m_account *a, uint64_t now);
void lwm2m_account_tick(struct lwm2m_account *a, uint64_t now);
/** lwm2m_account_job_changed() - for the daemon's job_listen() call back. */
void lwm2m_account_job_changed(struct lwm2m_account *a, uint64_t now, uint64_t job);
/** lwm2m_account_se_changed() - for what content_ses_listen() tells. */
void lwm2m_account_se_changed(struct lwm2m_account *a, uint64_t now, uint16_t instance);
/** lwm2m_account_release() - what the server may ask for is there: contact it now. */
void lwm2m_account_release(struct lwm2m_account *a, uint64_t now);
/** lwm2m_account_network() - addresses or routes have changed: where the way to the server
 * begins at another address of ours now, the association is made anew, DTLS sessions and
 * registration go on. One that waits for its next attempt makes it now. */
void lwm2m_account_network(struct lwm2m_account *a, uint64_t now);
/** lwm2m_account_changed() - as lwm2m_client_changed(). */
void lwm2m_account_changed(struct lwm2m_account *a, uint64_t now, uint16_t object,
			   int32_t instance);
/** lwm2m_account_update() - send an Update as soon as it can be sent, as /1/x/8. */
void lwm2m_account_update(struct lwm2m_account *a, uint64_t now);
/** lwm2m_account_client() - its client, to tell accounts apart. */
const struct lwm2m_client *lwm2m_account_client(const struct lwm2m_account *a);
/** lwm2m_account_stop() - de-register; done when the state is LWM2M_STOPPED. */
void lwm2m_account_stop(struct lwm2m_account *a, uint64_t now);
void lwm2m_account_status(const struct lwm2m_account *a, struct lwm2m_status *st);

#endif /* SESAME_LWM2M_H */
