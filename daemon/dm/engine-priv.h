/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the session engine share.
 *
 *   engine.c          begin, input, resume, the end: the order of things
 *   engine-auth.c     credentials and challenges, both ways
 *   engine-in.c       a message of the server: its Status, its commands as units
 *   engine-run.c      run units: the commands, Sequence and Atomic
 *   engine-large.c    large objects that come in
 *   engine-ui.c       questions for people
 *   engine-tell.c     Status
 *   engine-results.c  Results, also in pieces
 *   engine-out.c      messages of ours, DevInfo, what is sent again
 *   engine-alert.c    generic alerts
 *
 * A message of the server becomes a list of units, one for each item of each command
 * and one for each Sequence and Atomic. Two cursors go along it: what has been run, and
 * what the server has been told. Outside of an Atomic they go step by step, and stop
 * when the answer is full, or when an operation has not ended.
 *
 * Functions return 0 or a negative errno; -ECANCELED: the session has ended, and why is
 * written down already (eng_fail()). -EMSGSIZE: the answer is full.
 */
#ifndef SESAME_DM_ENGINE_PRIV_H
#define SESAME_DM_ENGINE_PRIV_H

#include "dm/engine.h"
#include "dm/syncml.h"
#include "dm/tree-ops.h"

#define ENG_AUTH_TRIES 3	  /* challenges that one side answers in a row */
#define ENG_NONCE_LEN 16	  /* bytes, of those that we make */
#define ENG_ID_MAX 32		  /* MsgID, with the NUL */
#define ENG_FIRST_MAX (16U << 10) /* bytes, before the server has said its MaxMsgSize */
#define ENG_CHUNK_MIN 64	  /* bytes of an object that are worth a message */
#define ENG_QUEUE_MAX 4		  /* messages of the server that wait for an answer */
#define ENG_AGAIN_ROOM 768	  /* bytes left free while a message may go again, with Cred */
#define ENG_NONE UINT32_MAX

/** struct eng_told - what a person answered, until the server is told */
struct eng_told {
	unsigned int alert;
	struct dm_engine_ui_answer answer;
};

/**
 * struct eng_unit - one thing to do and to tell
 * @item: NULL: a Sequence, an Atomic, an Alert, or a command without items
 * @parent: the Sequence or Atomic around it, ENG_NONE
 * @end: index after the last unit inside; of all others the next one
 * @code: its Status; 0: not run yet
 * @atomic: inside one, at any depth
 * @told: answer of a person, owned
 */
struct eng_unit {
	const struct dm_cmd *cmd;
	const struct dm_item *item;
	uint32_t parent;
	uint32_t end;
	uint16_t code;
	bool atomic;
	struct eng_told *told;
};

/**
 * struct eng_work - a message that is being answered
 * @run, @told: the cursors
 * @status_told: of units[told]: its Results follow
 */
struct eng_work {
	struct eng_work *next;
	struct dm_msg msg;
	enum dm_coding coding;
	struct eng_unit *units;
	uint32_t nr, run, told;
	bool status_told;
};

/**
 * struct eng_party - one side's credentials
 * @ok: they were right, for the rest of the session
 * @tries: that failed, in a row
 */
struct eng_party {
	enum dm_auth_type type;
	char name[DM_AUTH_NAME_MAX + 1];
	uint8_t secret[DM_AUTH_SECRET_MAX];
	size_t secret_len;
	uint8_t nonce[DM_AUTH_NONCE_MAX];
	size_t nonce_len;
	bool ok;
	unsigned int tries;
};

/** struct eng_flight - an alert that waits for its Status */
struct eng_flight {
	uint64_t id;
	unsigned int msg, cmd;
};

/**
 * struct eng_large - an object that comes in pieces
 * @b64: its text is base64, cut anywhere
 */
struct eng_large {
	bool on;
	enum dm_kind kind;
	char uri[DM_URI_MAX + 1];
	char format[32];
	char type[DM_TYPE_MAX + 1];
	uint64_t total, got;
	bool b64;
	struct dm_b64 st;
};

/**
 * struct eng_results - of a Get, while they are being sent
 * @st: of the node
 * @list: nodes of a list instead of one value; @at: the last one that was sent
 * @loaded: @buf has the beginning of the value already
 * @part: in the middle of a value: @off of @total bytes were sent, of node @at
 * @buf: bytes read: of one value, or of the nodes that go together
 */
struct eng_results {
	struct dm_stat st;
	bool list;
	bool loaded;
	bool part;
	char at[DM_URI_MAX + 1];
	uint64_t off, total;
	size_t room;
	uint8_t buf[];
};

enum eng_state {
	ENG_NEW,
	ENG_SENT, /* the server's turn */
	ENG_BUSY, /* something has not answered */
	ENG_ENDED,
};

struct dm_engine {
	/* what does not change */
	char *device_id, *server_id, *server_uri;
	size_t max_msg, max_obj;
	unsigned int max_messages;
	unsigned int allow;
	const struct dm_tree_ops *tree;
	void *tree_ctx;
	const struct dm_engine_ops *ops;
	void *ctx;
	char session[8];
	uint16_t session_nr;

	enum eng_state state;
	enum dm_end end;
	char words[DM_ENGINE_WORDS_MAX];
	struct dm_engine_stats stats;
	struct eng_party client, server;
	uint8_t used[DM_AUTH_NONCE_MAX]; /* the server's nonce before this one */
	size_t used_len;
	bool accepted; /* the server took a header of ours */
	enum dm_coding coding;
	size_t peer_max, peer_obj; /* what the server takes; 0: not said */
	char *resp_uri;

	/* what came */
	char in_id[ENG_ID_MAX];
	uint8_t in_digest[32];
	bool in_known;	   /* it was no stranger's */
	bool server_final; /* the server's package is whole */
	bool stopped;	   /* a person has cancelled: the rest is not executed */
	struct eng_work *work;
	struct eng_large large;
	char lost[DM_URI_MAX + 1]; /* Alert 1225 is due for it; "" if not */
	bool level;		   /* DM_LEVEL_MESSAGE has begun */
	uint32_t atomic;	   /* unit of the Atomic that runs, ENG_NONE */
	bool committing, ui_waits, token_waits;
	uint64_t token;

	/* what goes */
	struct dm_out *out, *last; /* being written; sent, kept for a repetition */
	const uint8_t *last_p;
	size_t last_len, out_max;
	bool last_final;
	enum dm_coding out_coding, last_coding;
	char hmac[DM_HMAC_ROOM];
	unsigned int msg_id, cmd_id; /* of the last message and command of ours */
	bool fresh;		     /* there is no more than the Status for SyncHdr in it */
	struct eng_flight flight[DM_ENGINE_ALERTS_MAX];
	unsigned int nr_flight;
	uint64_t alert_after; /* the last one that was sent in this session */
	uint64_t alert_part;  /* the one that is sent in pieces; 0: none */
	size_t alert_off;
	unsigned int alert_cmd; /* CmdID of its last piece */
	struct eng_results *results;
};

/* engine.c */
int eng_fail(struct dm_engine *e, enum dm_end end, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void eng_log(struct dm_engine *e, int level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/** eng_req() - for the tree; with a new token */
struct dm_req eng_req(struct dm_engine *e, const struct dm_cmd *cmd);
/** eng_level() - begin or commit what one message does */
int eng_level(struct dm_engine *e, bool begin);

/* engine-auth.c */
void eng_party_secret(const struct eng_party *p, struct dm_secret *s);
/**
 * eng_auth_server() - are the server's credentials right?
 * @code: of the Status for SyncHdr; @chal: a challenge or a new nonce goes with it
 *
 * -ECANCELED: ended, but the Status is to be sent still.
 */
int eng_auth_server(struct dm_engine *e, const struct dm_hdr *hdr,
		    const struct dm_engine_msg *in, unsigned int *code, bool *chal);
/** eng_auth_next() - a new nonce for the server, which a message is about to tell it. The one
 * before stays good for what it sends again. 0 or -ECANCELED */
int eng_auth_next(struct dm_engine *e);
/** eng_auth_status() - the server's Status for our SyncHdr. @again: send the message again */
int eng_auth_status(struct dm_engine *e, const struct dm_cmd *status, bool *again);

/* engine-in.c */
int eng_in_parse(struct dm_engine *e, const struct dm_engine_msg *in, struct eng_work **ret);
/** eng_in_header() - version, session; @code: 200, or why nothing of it is run */
int eng_in_header(struct dm_engine *e, const struct dm_hdr *hdr, unsigned int *code);
/** eng_in_status() - its Status commands, and Alert 1223 */
int eng_in_status(struct dm_engine *e, const struct eng_work *w, bool trusted, bool *again);
/** eng_in_units() - its commands; @code: that all get, 0: they are to be run */
int eng_in_units(struct eng_work *w, unsigned int code);
void eng_work_free(struct eng_work *w);

/* engine-run.c */
/** eng_run_next() - run units[run]. Return: 0, -EINPROGRESS: it has not ended, -ECANCELED */
int eng_run_next(struct dm_engine *e, struct eng_work *w);
/** eng_run_done() - what had not ended has, with Status @code; as eng_run_next() */
int eng_run_done(struct dm_engine *e, struct eng_work *w, int code);
/** eng_run_abandon() - roll back what was begun. @keep: what has been done stays done, and the
 * server may be told; else it is undone, and nobody is */
void eng_run_abandon(struct dm_engine *e, bool keep);

/* engine-large.c */
/** eng_large_check() - unit @u is next: an object that it does not go on with is lost. True:
 * it is a piece of one */
bool eng_large_check(struct dm_engine *e, const struct eng_unit *u);
/** eng_large_piece() - a Status, DM_PENDING or a negative errno */
int eng_large_piece(struct dm_engine *e, const struct eng_work *w, const struct eng_unit *u,
		    const struct dm_req *req);
/** eng_large_drop() - the rest will not come */
void eng_large_drop(struct dm_engine *e);

/* engine-ui.c */
/** eng_ui_run() - the Status; 0: it waits for a person; or a negative errno */
int eng_ui_run(struct dm_engine *e, struct eng_unit *u);
int eng_ui_done(struct eng_unit *u, enum dm_ui_result result,
		const struct dm_engine_ui_answer *answer);

/* engine-tell.c */
int eng_tell_header(struct dm_engine *e, const struct dm_hdr *hdr, unsigned int code,
		    bool chal);
int eng_tell_status(struct dm_engine *e, const struct eng_work *w, const struct eng_unit *u);
/** eng_tell_next() - tell units[told] and go on */
int eng_tell_next(struct dm_engine *e, struct eng_work *w);

/* engine-results.c */
/** eng_results_begin() - a Get: the Status; 200: there are Results */
int eng_results_begin(struct dm_engine *e, const struct dm_req *req, const char *uri);
/** eng_results_put() - the Results, or some: 0 when all were written */
int eng_results_put(struct dm_engine *e, const struct eng_work *w, const struct eng_unit *u);
void eng_results_drop(struct dm_engine *e);

/* engine-out.c */
int eng_out_open(struct dm_engine *e);
/** eng_out_put() - a command, with the next CmdID. -EMSGSIZE, -EINVAL (cannot be said) */
int eng_out_put(struct dm_engine *e, struct dm_cmd *cmd);
/**
 * eng_out_value() - a command whose only item may go in pieces
 * @total: bytes of the whole value, @off of them were sent; the item's data begins there
 * @cut: send a piece also of what would fit a message of its own
 * @sent: bytes that went. -EMSGSIZE with @sent: a piece, the rest in the next message
 */
int eng_out_value(struct dm_engine *e, struct dm_cmd *cmd, uint64_t off, uint64_t total,
		  bool cut, size_t *sent);
int eng_out_alert(struct dm_engine *e, unsigned int code, const char *target);
int eng_out_device_info(struct dm_engine *e);
/** eng_out_again() - the commands of the last message, in this one */
int eng_out_again(struct dm_engine *e);
int eng_out_close(struct dm_engine *e, bool final);

/* engine-alert.c */
/** eng_alert_put() - as many alerts as fit. -EMSGSIZE: one goes on in the next message */
int eng_alert_put(struct dm_engine *e);
/** eng_alert_status() - the server's, for a command of ours */
void eng_alert_status(struct dm_engine *e, const struct dm_cmd *status);

#endif /* SESAME_DM_ENGINE_PRIV_H */
