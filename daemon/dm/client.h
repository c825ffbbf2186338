/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One OMA DM client device: its tree, accounts, alerts that wait, sessions. To the
 * outside one descriptor (an epoll set, readable when there is something to do) and one
 * deadline, so that a process may have many of them.
 *
 * An account is a DMAcc object below ./DMAcc. What the configuration names is put
 * there at the first start, and again when its section changed; from then on the tree
 * counts: a bootstrap profile or a server may add, change and remove accounts.
 *
 * One session at a time; others wait in a queue, notified ones before alerts, alerts
 * before those of the schedule. A session that fails is tried again, later each time, and
 * with the very same bytes where the answer to a message did not arrive.
 *
 * Times are CLOCK_MONOTONIC in milliseconds. Not thread safe.
 */
#ifndef SESAME_DM_CLIENT_H
#define SESAME_DM_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dm/auth.h"
#include "dm/engine.h"
#include "dm/outbox.h"

#define DM_ACCOUNTS_MAX 16
#define DM_CLIENT_WORDS_MAX 256
#define DM_NEVER UINT64_MAX

struct dm_client;
struct dm_tree;
struct se_keys;

/** struct dm_bytes - bytes of somebody else's */
struct dm_bytes {
	const uint8_t *p;
	size_t len;
};

/**
 * struct dm_tls - of an account
 * @ca: PEM file with what the server's certificate has to come from; NULL: the system's
 * @pin: "sha256//BASE64" of its public key, several with ';' (as curl has it); NULL: none
 * @cert, @key: our certificate, issuers behind it (PEM, DER), and its key (PKCS #8, PEM or
 *	DER), each itself or as a reference (keys/seref.h); len 0: none
 */
struct dm_tls {
	const char *ca, *pin;
	struct dm_bytes cert, key;
};

/**
 * struct dm_factory - a server as the configuration has it, a [dm NAME] section
 * @name: names the account in logs and is the node below ./DMAcc
 * @server_id: identifier of the server, shorter than DM_SERVER_MAX
 * @uri: https://…, or http://… where @allow_http
 * @auth: what both sides begin with; a server may ask for another that is allowed.
 *	DM_AUTH_NONE: TLS with certificates, both ways
 * @client_name, @client_secret: who we are
 * @server_name, @server_secret: who it is; name NULL: @server_id. No secret: the
 *	server is trusted by its certificate alone
 * @client_nonce, @server_nonce: to begin with, may be empty
 * @poll_s: seconds between sessions of our own accord, 0: none
 * @allow_http, @allow_basic: although anybody could read along
 * @wbxml: begin with WBXML rather than XML; the server's answers decide later
 * Bytes and strings are copied; secrets are wiped at the end.
 */
struct dm_factory {
	const char *name;
	const char *server_id;
	const char *uri;
	enum dm_auth_type auth;
	const char *client_name;
	struct dm_bytes client_secret;
	const char *server_name;
	struct dm_bytes server_secret;
	struct dm_bytes client_nonce, server_nonce;
	struct dm_tls tls;
	uint32_t poll_s;
	bool allow_http, allow_basic, wbxml;
};

/** enum dm_via - how a notification came, for the log */
enum dm_via { DM_VIA_LOCAL, DM_VIA_UDP, DM_VIA_COAP };

/**
 * struct dm_client_config
 * @state_dir: where dm.db lies; NULL: in memory, all is forgotten
 * @keys: for keys by reference, outlives the client; NULL: there are none
 * @device_id: ./DevInfo/DevId, "IMEI:…", "urn:uuid:…"
 * @manufacturer, @model, @firmware, @software, @hardware: DevInfo, DevDetail; NULL: ""
 * @accounts, @nr_accounts: the configuration's
 * @tls: of accounts that the configuration does not name
 * @server_accounts: a server may add accounts of others
 * @may_bring: may @by add an account for @server_id? NULL: any that has none yet
 * @retry_ms: before a session that failed is tried again, doubled each time up to an
 *	hour; 0: 30 s
 * @max_msg, @max_obj: bytes of one message and one object that we take; 0: defaults
 * @udp_port: of package 0, -1: do not listen; 0: any; 2948 is WAP push
 * @coap_port: of package 0 over CoAP, -1: do not listen, 0: any
 * @bind: address to listen on; NULL: loopback only
 * @pin: digits, of the user: for profiles that come as a push; NULL: those are refused that
 *	want it
 * @network: secret that the network shares with the device, for such profiles; len 0: the
 *	same. Both are copied, and wiped at the end
 * @hold_until: begin no session before then or dm_client_release(); 0: at once
 * @log: @level is syslog's; @server: the account's name or ""
 */
struct dm_client_config {
	const char *state_dir;
	struct se_keys *keys;
	const char *device_id;
	const char *manufacturer, *model, *firmware, *software, *hardware;
	const struct dm_factory *accounts;
	size_t nr_accounts;
	struct dm_tls tls;
	bool server_accounts;
	uint32_t retry_ms;
	size_t max_msg, max_obj;
	int udp_port, coap_port;
	const char *bind;
	const char *pin;
	struct dm_bytes network;
	uint64_t hold_until;
	void (*log)(void *ctx, int level, const char *server, const char *text);
	bool (*may_bring)(void *ctx, const char *by, const char *server_id);
	void *ctx; /* of both */
};

/**
 * dm_client_new() - open the store, make the tree and the accounts; contacts nobody
 * @why: what is wrong, DM_CLIENT_WORDS_MAX bytes
 *
 * Between this and dm_client_start() the owner mounts further objects.
 * Return: 0, -EINVAL (configuration), -ENOMEM, or what the store said.
 */
int dm_client_new(struct dm_client **ret, const struct dm_client_config *config, uint64_t now,
		  char *why);
/** dm_client_start() - listen and begin; a port that cannot be had is logged and tried again
 * while the rest goes on. 0 or -EINVAL (@bind is no address), with @why */
int dm_client_start(struct dm_client *c, uint64_t now, char *why);
void dm_client_free(struct dm_client *c);

/** dm_client_fd() - always the same one; wait for EPOLLIN. */
int dm_client_fd(const struct dm_client *c);
/** dm_client_deadline() - when dm_client_tick() is wanted, or DM_NEVER. */
uint64_t dm_client_deadline(const struct dm_client *c);
void dm_client_ready(struct dm_client *c, uint64_t now);
void dm_client_tick(struct dm_client *c, uint64_t now);
/** dm_client_network() - addresses or routes have changed: try what waits, now. */
void dm_client_network(struct dm_client *c, uint64_t now);
/** dm_client_release() - what servers may ask for is there: begin. */
void dm_client_release(struct dm_client *c, uint64_t now);
/** dm_client_stop() - end the session with an abort (1223); begin none. */
void dm_client_stop(struct dm_client *c, uint64_t now);
bool dm_client_stopped(const struct dm_client *c);

/* what objects (mo-*.c) live on; theirs is the tree's and the store's thread */
struct store *dm_client_store(struct dm_client *c);
struct dm_tree *dm_client_tree(struct dm_client *c);
struct dm_outbox *dm_client_outbox(struct dm_client *c);

/** dm_client_waits() - does the session wait for the operation with this token? */
bool dm_client_waits(const struct dm_client *c, uint64_t token);

/**
 * dm_client_session() - begin a session with @server (account name or server identifier)
 *
 * Return: 0 (queued), -ENOENT, -EALREADY (one is queued), -EINVAL (the account cannot be
 * used), -ESHUTDOWN.
 */
int dm_client_session(struct dm_client *c, uint64_t now, const char *server);

/**
 * dm_client_notify() - package 0 arrived, or over UDP a push with a bootstrap profile
 * @p, @len: the message, or the WSP push around it
 * @why: in words, DM_CLIENT_WORDS_MAX bytes; for local callers: nobody else is told
 *
 * Return: 0 (a session is queued), -EBADMSG (no notification), -ENOENT (no such server),
 * -EKEYREJECTED (digest), -EALREADY (seen before), -ESHUTDOWN, …; of a profile what
 * dm_client_bootstrap() returns.
 */
int dm_client_notify(struct dm_client *c, uint64_t now, enum dm_via via, const uint8_t *p,
		     size_t len, char *why);

/**
 * enum dm_profile_from - where a bootstrap profile came from
 * @DM_FROM_PUSH: from anywhere: its MAC has to be right, by the PIN of the configuration
 * @DM_FROM_FILE: a file of the administrator. It may replace an account
 * @DM_FROM_CARD: EF DM_Bootstrap. An account that is there stays as it is; FF or 00 behind
 *	the profile fill the file
 */
enum dm_profile_from { DM_FROM_PUSH, DM_FROM_FILE, DM_FROM_CARD };

/**
 * dm_client_bootstrap() - take a bootstrap profile (dm/profile.h)
 *
 * Return: 0, -EALREADY (taken before), -ENODATA (a card's file with nothing in it), -EBADMSG,
 * -EEXIST (a push that would replace an account), -EKEYREJECTED (MAC), …; @why in words.
 */
int dm_client_bootstrap(struct dm_client *c, uint64_t now, const uint8_t *p, size_t len,
			enum dm_profile_from from, char *why);

/** enum dm_client_state - of an account */
enum dm_client_state {
	DM_ACCOUNT_UNUSABLE, /* see error */
	DM_ACCOUNT_IDLE,
	DM_ACCOUNT_QUEUED,  /* its turn comes */
	DM_ACCOUNT_RUNNING, /* a session */
	DM_ACCOUNT_WAITING, /* to try again */
};

/** struct dm_client_account - for logs and the control interface */
struct dm_client_account {
	char name[65];
	char server_id[DM_SERVER_MAX];
	char uri[256];
	enum dm_client_state state;
	unsigned int sessions;		 /* that ended well, since the start */
	unsigned int failures;		 /* in a row */
	unsigned int alerts;		 /* that wait */
	uint64_t last_s;		 /* CLOCK_REALTIME of the last one that ended well; 0 */
	uint64_t next_ms;		 /* when the next one begins by itself; DM_NEVER */
	char error[DM_CLIENT_WORDS_MAX]; /* of the last one; "" */
};

/** dm_client_account() - the one at @index; 0 or -ENOENT. */
int dm_client_account(const struct dm_client *c, unsigned int index,
		      struct dm_client_account *out);
const char *dm_client_state_name(enum dm_client_state state);

/**
 * struct dm_client_question - what a server wants to show or to ask; see struct dm_engine_ui
 * @id: names it in dm_client_answer()
 * @name: of the account
 * @left_s: seconds until nobody has answered
 */
struct dm_client_question {
	uint64_t id;
	char name[65];
	unsigned int code, mindt, left_s, maxlen, nr_choices;
	char it, et;
	char text[1024];
	char dr[256];
	char choices[DM_ENGINE_CHOICES_MAX][128];
};

/**
 * dm_client_question() - the one that waits; and that somebody looks for one
 *
 * Questions are put for 15 s after each call: otherwise there is nobody to ask (406).
 * Return: 0, -ENOENT: there is none now.
 */
int dm_client_question(struct dm_client *c, uint64_t now, struct dm_client_question *out);

/**
 * dm_client_answer() - what a person said to question @id
 * @result: DM_UI_OK, DM_UI_NO (1101) or DM_UI_CANCELLED
 * @value: with DM_UI_OK the text of 1102, the numbers of 1103 and 1104 ("1-3"); else NULL
 *
 * Return: 0 (the session goes on), -ENOENT (it does not wait for this one any more), -EINVAL.
 */
int dm_client_answer(struct dm_client *c, uint64_t now, uint64_t id, enum dm_ui_result result,
		     const char *value);

/**
 * struct dm_client_port - where notifications are taken
 * @used: the configuration wants it
 * @number: that it has, or is to have
 * @bind: address, "": loopback
 * @again_ms: when it is tried again, DM_NEVER while it is open; @error: why it is not
 */
struct dm_client_port {
	bool used, coap, open;
	uint16_t number;
	char bind[46];
	uint64_t again_ms;
	char error[64];
};

/** dm_client_port() - 0: UDP, 1: CoAP; -ENOENT behind them */
int dm_client_port(const struct dm_client *c, unsigned int index, struct dm_client_port *out);

#endif /* SESAME_DM_CLIENT_H */
