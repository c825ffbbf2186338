/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One OMA DM session (OMA-TS-DM_Protocol-V1_2_1), the client's side, as a pure engine:
 * bytes of a message in, bytes of the next one out. No I/O and no clock; randomness
 * comes through the caller. An engine is one session and is freed after it.
 *
 * Package 1 is dm_engine_begin(); every message of the server goes to
 * dm_engine_input(). Each returns what the caller has to do:
 *
 *   DM_STEP_SEND  send what is in @out, then wait for the server's next message
 *   DM_STEP_WAIT  an operation or a person has not answered yet: nothing to send;
 *                 dm_engine_resume() or dm_engine_ui_done() goes on
 *   DM_STEP_END   the session is over, dm_engine_end() says why. If @out has bytes,
 *                 send them still (the abort, 1223) and ignore what is answered
 *
 * Exactly once: a message that arrives again (same MsgID) is answered with the same
 * bytes, and nothing runs again. Where the server's answer did not arrive, the caller
 * sends the bytes of @out again: they stay valid until the next call.
 *
 * Commands are run in their order while the answer is written. Where it is full
 * (MaxMsgSize) the rest waits for the server's Alert 1222, so that memory depends on
 * the size of a message alone, not on the number of commands, nor on the size of the
 * objects: they go to the tree and come from it in pieces.
 *
 * Not thread safe. One thread, one engine; callbacks must not call the engine.
 */
#ifndef SESAME_DM_ENGINE_H
#define SESAME_DM_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dm/auth.h"

#define DM_ENGINE_WORDS_MAX 256
#define DM_ENGINE_ALERTS_MAX 32 /* generic alerts that wait for their Status at a time */
#define DM_ENGINE_CHOICES_MAX 32
#define DM_ENGINE_MSG_MIN 1024 /* smallest MaxMsgSize that a session can live with */

#define DM_ENGINE_TOO_BIG 413 /* alert_status(): the alert fits no message */
#define DM_AUTH_BIT(type) (1U << (type))

struct dm_engine;
struct dm_tree_ops;

/** enum dm_step - what the caller does next, see above */
enum dm_step {
	DM_STEP_SEND,
	DM_STEP_WAIT,
	DM_STEP_END,
};

/** enum dm_end - why a session ended */
enum dm_end {
	DM_END_NOT,    /* it runs */
	DM_END_DONE,   /* the server had no more commands: all is well */
	DM_END_SERVER, /* the server aborted it: Alert 1223, or a Status that forbids to go on
			*/
	DM_END_CLIENT, /* dm_engine_abort() */
	DM_END_CLIENT_AUTH, /* the server does not accept our credentials */
	DM_END_SERVER_AUTH, /* the server did not show that it is who it should be */
	DM_END_BAD_MESSAGE, /* not readable, of another session, or against the protocol */
	DM_END_LIMIT,	    /* more messages than allowed, or a MaxMsgSize that nothing fits */
	DM_END_INTERNAL,    /* no memory, the tree or the randomness failed: try again later */
};

/**
 * struct dm_engine_msg - a message
 * @p, @len: its bytes; in @out they are the engine's, valid until its next call
 * @wbxml: application/vnd.syncml.dm+wbxml rather than +xml
 * @hmac: value of the HTTP header x-syncml-hmac, NULL if there is none
 */
struct dm_engine_msg {
	const uint8_t *p;
	size_t len;
	bool wbxml;
	const char *hmac;
};

/**
 * struct dm_engine_party - how one side shows the other who it is
 * @type: DM_AUTH_NONE: not at all (the transport has), or how the session begins. The
 *	other side's challenge may ask for another type
 * @name: AAuthName
 * @secret, @secret_len: AAuthSecret; copied, wiped with the engine
 * @nonce, @nonce_len: AAuthData as octets; at most DM_AUTH_NONCE_MAX
 */
struct dm_engine_party {
	enum dm_auth_type type;
	const char *name;
	const uint8_t *secret;
	size_t secret_len;
	const uint8_t *nonce;
	size_t nonce_len;
};

/** struct dm_engine_leaf - a node of DevInfo for package 1; the strings stay the callee's */
struct dm_engine_leaf {
	const char *uri;    /* "./DevInfo/DevId" */
	const char *format; /* "chr"; NULL is that */
	const char *value;
};

/**
 * struct dm_engine_alert - an alert of the client's for the server
 * @id: names it in alert_status(); ascending, from 1
 * @code: 1226 (generic) or 1224 (client event)
 * @correlator, @source, @type, @format, @mark: as in struct dm_outbox_alert; NULL or ""
 *	where there is none
 */
struct dm_engine_alert {
	uint64_t id;
	unsigned int code;
	const char *correlator;
	const char *source;
	const char *type;
	const char *format;
	const char *mark;
	const uint8_t *data;
	size_t len;
};

/**
 * struct dm_engine_ui - a question or a notice for people (alerts 1100 to 1104)
 * @code: 1100 display, 1101 confirm, 1102 text, 1103 one choice, 1104 several
 * @text: what to show, UTF-8
 * @mindt, @maxdt: seconds to show it at least, at most; 0: not given
 * @dr: default response or NULL: of 1101 "0" or "1", of 1102 the text, of 1103 and
 *	1104 numbers of choices from 1 with '-' between
 * @maxlen: of the text, characters; 0: not given
 * @it: input type, 'A' alphanumeric, 'N' numeric, 'D' date, 'T' time, 'P' phone number,
 *	'I' IP address; 'A' if not given
 * @et: echo type, 'T' readable, 'P' like a password; 'T' if not given
 */
struct dm_engine_ui {
	unsigned int code;
	const char *text;
	unsigned int mindt, maxdt;
	const char *dr;
	unsigned int maxlen;
	char it, et;
	const char *choices[DM_ENGINE_CHOICES_MAX];
	unsigned int nr_choices;
};

/** enum dm_ui_result - what a person did */
enum dm_ui_result {
	DM_UI_OK,	   /* seen (1100), yes (1101), answered */
	DM_UI_NO,	   /* 1101 only: 304 */
	DM_UI_CANCELLED,   /* 214 */
	DM_UI_TIMEOUT,	   /* @maxdt passed: the default response counts, else 408 */
	DM_UI_UNSUPPORTED, /* nobody to ask: 406 */
	DM_UI_PENDING,	   /* dm_engine_ui_done() follows */
};

/**
 * struct dm_engine_ui_answer - filled by who asked
 * @text: of 1102; UTF-8, cut at the @maxlen of the question
 * @chosen: of 1103 and 1104: bit n stands for choice n + 1
 */
struct dm_engine_ui_answer {
	char text[256];
	uint32_t chosen;
};

/**
 * struct dm_engine_ops - what the engine asks of its owner; each must be there but @ui and
 * @log
 * @random: fill @p; 0 or a negative errno (the session ends)
 * @nonce: keep the next nonce, durably: with @server the one that the server is to use,
 *	else the one for us; 0 or a negative errno (the session ends)
 * @device_info: leaf @i of DevInfo; 0, -ENOENT after the last
 * @alert_next: the first alert with an id above @after; 0, -ENOENT, or another negative
 *	errno (as -ENOENT). What @alert points to is valid until the next call
 * @alert_status: the server's Status for alert @id, or DM_ENGINE_TOO_BIG: it fits no
 *	message that this server takes
 * @ui: NULL: 1100 to 1104 are answered with 406
 * @log: @level is syslog's; no secrets, no data of nodes
 */
struct dm_engine_ops {
	int (*random)(void *ctx, uint8_t *p, size_t n);
	int (*nonce)(void *ctx, bool server, const uint8_t *p, size_t n);
	int (*device_info)(void *ctx, unsigned int i, struct dm_engine_leaf *leaf);
	int (*alert_next)(void *ctx, uint64_t after, struct dm_engine_alert *alert);
	void (*alert_status)(void *ctx, uint64_t id, unsigned int status);
	enum dm_ui_result (*ui)(void *ctx, const struct dm_engine_ui *ask,
				struct dm_engine_ui_answer *answer);
	void (*log)(void *ctx, int level, const char *text);
};

/**
 * struct dm_engine_config - everything is copied, but the ops and what they point to
 * @device_id: ./DevInfo/DevId, our Source/LocURI
 * @server_id: identifier of the server: whose rights count in the tree
 * @server_uri: where the session goes, Target/LocURI of package 1
 * @client, @server: credentials, ours and the server's
 * @allow: DM_AUTH_BIT()s of the types that we answer a challenge with; that of @client
 *	always
 * @wbxml: coding of package 1; later messages follow the server's
 * @max_msg: bytes of a message that we take (MaxMsgSize), and the most that we send; 0: 65536
 * @max_obj: bytes of an object that we take (MaxObjSize); 0: 1048576
 * @max_messages: messages of the server in a session; 0: 100000
 */
struct dm_engine_config {
	const char *device_id;
	const char *server_id;
	const char *server_uri;
	struct dm_engine_party client, server;
	unsigned int allow;
	bool wbxml;
	size_t max_msg, max_obj;
	unsigned int max_messages;
	const struct dm_tree_ops *tree;
	void *tree_ctx;
	const struct dm_engine_ops *ops;
	void *ctx; /* of @ops */
};

/** dm_engine_new() - 0, -EINVAL (something missing or too long), -ENOMEM */
int dm_engine_new(struct dm_engine **ret, const struct dm_engine_config *config);

/** dm_engine_free() - also in the middle: what an Atomic or a large object began is rolled
 * back. NULL is fine. */
void dm_engine_free(struct dm_engine *e);

/**
 * dm_engine_begin() - package 1
 * @session: number of the session: of the notification, or the caller's own; not 0
 * @by_server: it answers a notification: Alert 1200 instead of 1201
 */
enum dm_step dm_engine_begin(struct dm_engine *e, uint16_t session, bool by_server,
			     struct dm_engine_msg *out);

/** dm_engine_input() - the server's message, of any length; see above */
enum dm_step dm_engine_input(struct dm_engine *e, const struct dm_engine_msg *in,
			     struct dm_engine_msg *out);

/**
 * dm_engine_resume() - the answer to an operation that was DM_PENDING (dm/tree.h)
 * @code: its Status, 200 and so on
 *
 * DM_STEP_WAIT if @token is none that is waited for.
 */
enum dm_step dm_engine_resume(struct dm_engine *e, uint64_t token, int code,
			      struct dm_engine_msg *out);

/** dm_engine_ui_done() - the answer to a question that was DM_UI_PENDING */
enum dm_step dm_engine_ui_done(struct dm_engine *e, enum dm_ui_result result,
			       const struct dm_engine_ui_answer *answer,
			       struct dm_engine_msg *out);

/** dm_engine_ui_numbers() - choices as a server names them: "1-3" is the first and the third.
 * Return: as struct dm_engine_ui_answer.chosen; 0: it is nothing of @nr choices */
uint32_t dm_engine_ui_numbers(const char *s, unsigned int nr);

/** dm_engine_abort() - end the session: Alert 1223, at once; always DM_STEP_END */
enum dm_step dm_engine_abort(struct dm_engine *e, struct dm_engine_msg *out);

/** dm_engine_end() - why it is over; @words, DM_ENGINE_WORDS_MAX bytes, may be NULL */
enum dm_end dm_engine_end(const struct dm_engine *e, char *words);
const char *dm_end_name(enum dm_end end);

/** dm_engine_waits() - the token that dm_engine_resume() is to bring; false: none */
bool dm_engine_waits(const struct dm_engine *e, uint64_t *token);

/** dm_engine_resp_uri() - where the next message goes: the server's RespURI, or the
 * @server_uri. As the server said it: the caller judges whether it may go there. */
const char *dm_engine_resp_uri(const struct dm_engine *e);

/** dm_engine_session_id() - as it is written, upper-case hex */
const char *dm_engine_session_id(const struct dm_engine *e);

/** struct dm_engine_stats - of a session */
struct dm_engine_stats {
	unsigned int messages_in, messages_out;
	unsigned int commands; /* of the server, that were answered */
	unsigned int repeats;  /* messages that came again */
	bool server_known;     /* its credentials were right */
	bool refused;	       /* the last it said of ours was 401 or 407 */
};
void dm_engine_stats(const struct dm_engine *e, struct dm_engine_stats *out);

#endif /* SESAME_DM_ENGINE_H */
