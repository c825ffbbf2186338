/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the client share. Nothing outside client*.c includes this. */
#ifndef SESAME_DM_CLIENT_PRIV_H
#define SESAME_DM_CLIENT_PRIV_H

#include "dm/account.h"
#include "dm/client.h"
#include "dm/engine.h"
#include "dm/http.h"
#include "dm/listen.h"
#include "dm/mo-device.h"
#include "dm/profile.h"
#include "keys/cred.h"

#define CLIENT_RETRY_MS 30000U
#define CLIENT_RETRY_MAX_MS 3600000U
#define CLIENT_MESSAGE_TRIES 5 /* of one message, before the session counts as failed */
#define CLIENT_WANT_TRIES 6    /* of a session that was asked for, then it is not any more */
#define CLIENT_DEVICE_INFO 8   /* leaves of ./DevInfo, at most */

/* why there shall be a session; the lower, the earlier */
enum want {
	WANT_NOTIFIED = 1, /* by package 0 */
	WANT_ASKED = 2,	   /* by a local user */
	WANT_NEW = 4,	   /* the account is new or was changed */
	WANT_ALERT = 8,	   /* an alert waits */
	WANT_POLL = 16,	   /* it is time */
};
/* these are given up after some failures */
#define WANT_ONCE (WANT_NOTIFIED | WANT_ASKED | WANT_NEW)
/* these are known over a restart by a record of their own */
#define WANT_KEPT (WANT_NOTIFIED | WANT_ASKED)

/**
 * struct factory - a section of the configuration, copied, without what goes to the tree
 * @server_id: NULL: of all accounts that have none of their own
 */
struct factory {
	char *server_id;
	char *ca, *pin;
	uint8_t *cert, *key;
	size_t cert_len, key_len;
	uint32_t poll_s;
	bool allow_http, allow_basic, wbxml;
};

/**
 * struct slot - an account of the tree, as the client sees it. No secrets
 * @rules: of the configuration; never NULL
 * @want: enum want, what is to be done
 * @not_before: because of failures; @poll_at: DM_NEVER if there is no interval
 * @notified: session that the notification named; @by_server: 1200
 * @alerts: that wait; @seen: an account of this name was read just now
 */
struct slot {
	char node[DM_SEGMENT_MAX + 1];
	char server_id[DM_SERVER_MAX];
	char uri[256];
	const struct factory *rules;
	bool usable, seen;
	char error[DM_CLIENT_WORDS_MAX];
	unsigned int want;
	uint64_t not_before, poll_at;
	uint16_t notified;
	bool by_server;
	unsigned int alerts;
	unsigned int sessions, failures;
	uint64_t last_s;
};

enum phase {
	PHASE_NONE,
	PHASE_KEYS,  /* keys by reference are looked up */
	PHASE_POST,  /* a message is on its way, or its answer */
	PHASE_PAUSE, /* … was lost: it goes again at @at */
	PHASE_TREE,  /* an operation in the tree has to end */
	PHASE_LAST,  /* the abort is on its way; nobody cares for its answer */
};

/**
 * struct session - the one that runs
 * @want: what of the slot it is for
 * @out: what was sent last; the engine's
 * @cert, @cert_len: ours: those of @cred, or the configuration's
 */
struct session {
	enum phase phase;
	struct dm_account account;
	const struct factory *rules;
	unsigned int want;
	uint16_t id;
	bool by_server;
	struct dm_engine *engine;
	struct dm_engine_msg out;
	unsigned int tries;
	uint64_t at;
	struct keys_cred_load *load;
	struct keys_cred cred;
	bool cred_done;
	int cred_error;
	char cred_why[DM_CLIENT_WORDS_MAX];
	EVP_PKEY *key;
	char info[CLIENT_DEVICE_INFO][2][256]; /* URIs and values of DevInfo */
	unsigned int nr_info;
	struct dm_outbox_alert alert; /* that the engine looks at */
	uint64_t alert_last;	      /* the highest that it has seen */
};

/* what is in the epoll set */
enum { ON_KICK, ON_HTTP, ON_UDP, ON_COAP };

/**
 * struct client_port - where notifications arrive
 * @used: the configuration wants it; @number: as it says
 * @again: when it is tried again, DM_NEVER if it is open or not used
 * @tries: in vain, in a row; @error: why, a negative errno that was logged
 */
struct client_port {
	struct dm_listen l;
	bool used, coap;
	uint16_t number;
	uint64_t again;
	unsigned int tries;
	int error;
};
#define CLIENT_PORTS 2 /* UDP, CoAP */

struct dm_client {
	struct dm_client_config config; /* its pointers but ctx are not kept */
	struct dm_device device;	/* its texts are the client's */
	int epoll, kick;
	struct store *store;
	struct dm_tree *tree;
	struct dm_outbox *outbox;
	struct dm_http *http;
	struct client_port port[CLIENT_PORTS];
	char bind[46];	       /* "": loopback */
	struct factory *rules; /* of all sections, and the one of all others at the end */
	size_t nr_rules;
	struct slot *slots;
	size_t nr_slots;
	bool started, stopping, dirty;
	uint64_t hold_until;
	struct session session;
	struct {
		bool is;
		uint64_t token;
		int code;
	} resumed;
	char pin[65];
	uint8_t network[DM_PROFILE_NETWORK_MAX];
	size_t network_len;
	uint64_t now; /* of the last call that may have run commands */
	struct {
		uint64_t until; /* 0: nothing is asked */
		uint64_t seen;	/* when somebody looked; 0: never */
		uint64_t last;	/* number of the last one */
		struct dm_client_question ask;
	} ui;
	unsigned int mac_failures; /* of profiles */
	unsigned int turn;	   /* so that no account waits behind another for ever */
};

/* client.c */
void client_log(struct dm_client *c, int level, const char *account, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/** client_kick() - have dm_client_ready() called soon */
void client_kick(struct dm_client *c);
/** client_http() - the thread that speaks HTTP, which is made with the first session */
int client_http(struct dm_client *c);
/** client_random() - 0 or -EIO */
int client_random(void *p, size_t len);
/** client_jitter() - @ms, a fifth more or less */
uint64_t client_jitter(uint64_t ms);

/** client_watch() - dm_client_ready() looks at @fd; @what of the set it is */
int client_watch(struct dm_client *c, int fd, uint32_t what);

/* client-ui.c */
/** client_ui_ask() - a server's question, from within the engine */
enum dm_ui_result client_ui_ask(struct dm_client *c, const struct dm_engine_ui *ask);
/** client_ui_tick() - nobody has answered in time */
void client_ui_tick(struct dm_client *c, uint64_t now);
uint64_t client_ui_deadline(const struct dm_client *c);
/** client_ui_close() - its session is over, or it was answered */
void client_ui_close(struct dm_client *c);

/* client-listen.c */
/** client_listen() - open the ports; what is taken is tried again. -EINVAL: no address */
int client_listen(struct dm_client *c, uint64_t now, char *why);
void client_listen_tick(struct dm_client *c, uint64_t now);
/** client_listen_soon() - addresses have changed: try now */
void client_listen_soon(struct dm_client *c, uint64_t now);
uint64_t client_listen_deadline(const struct dm_client *c);
void client_listen_close(struct dm_client *c);

/* client-accounts.c */
int client_factory(struct dm_client *c, char *why);
void client_factory_free(struct dm_client *c);
/** client_accounts() - read the tree's accounts anew; slots may move */
void client_accounts(struct dm_client *c, uint64_t now);
/** client_slot() - by the account's name, else by its server's identifier */
struct slot *client_slot(struct dm_client *c, const char *name);
struct slot *client_slot_of(struct dm_client *c, const char *server_id);
/** client_last() - keep when the last good session was */
void client_last(struct dm_client *c, struct slot *s, uint64_t now);

/* client-want.c */
/**
 * client_want_put() - store which of @want (enum want) is still to be done for @s
 * @session, @by_server: what WANT_NOTIFIED is for
 *
 * Return: 0 or as store_put().
 */
int client_want_put(struct dm_client *c, const struct slot *s, unsigned int want,
		    uint16_t session, bool by_server);
/** client_want_keep() - the same with the slot's session; a failure is logged */
void client_want_keep(struct dm_client *c, const struct slot *s, unsigned int want);
/** client_want_load() - add what was stored for this account and its server */
void client_want_load(struct dm_client *c, struct slot *s);
/** client_want_drop() - forget it: the account is gone */
void client_want_drop(struct dm_client *c, const struct slot *s);

/* client-session.c */
/** client_session_wants() - what the session that runs is for, if it is one of @s, or 0 */
unsigned int client_session_wants(const struct dm_client *c, const struct slot *s);
void client_session_begin(struct dm_client *c, struct slot *s, uint64_t now);
void client_session_http(struct dm_client *c, uint64_t now);
void client_session_tick(struct dm_client *c, uint64_t now);
void client_session_resume(struct dm_client *c, uint64_t now, uint64_t token, int code);
void client_session_abort(struct dm_client *c, uint64_t now);
/** client_session_answer() - of a person, see dm_engine_ui_done() */
void client_session_answer(struct dm_client *c, uint64_t now, enum dm_ui_result result,
			   const struct dm_engine_ui_answer *answer);
/** client_session_keys() - go on if they are there */
void client_session_keys(struct dm_client *c, uint64_t now);
/** client_session_drop() - at once, without a word to the server */
void client_session_drop(struct dm_client *c);

/* client-notify.c: say no to what came from outside, in words; returns @error */
int client_refuse(struct dm_client *c, char *why, int error, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* client-engine.c: what the engine asks for; its context is the client */
extern const struct dm_engine_ops client_engine_ops;
/** client_device_info() - read ./DevInfo for package 1 */
void client_device_info(struct dm_client *c);

#endif /* SESAME_DM_CLIENT_PRIV_H */
