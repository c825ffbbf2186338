/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the CoAP engine; nobody else includes this.
 *
 * Handles (exchanges, calls, observations, transfers) are numbers and looked
 * up anew after every call back, because a call back may have ended them.
 */
#ifndef SESAME_COAP_PRIV_H
#define SESAME_COAP_PRIV_H

#include <sys/queue.h>

#include "coap/coap.h"
#include "coap/oscore.h"

#define COAP_BLOCK 1024
#define COAP_CHUNK_MAX (8 * COAP_BLOCK) /* of a body in one message: BERT */
#define COAP_SZX_BERT 7			/* RFC 8323 section 6 */
#define COAP_ETAGS_MAX 4
#define COAP_DEDUP_BUCKETS 256
#define COAP_DEDUP_SAFE_MAX 64 /* records of GET and FETCH: a cache, not a promise */
#define COAP_ACKED_RING 16
#define COAP_OBS_MIDS 4

struct coap_opt_rule {
	uint16_t num;
	uint16_t min, max;
	bool repeatable;
};

/** A Block1 or Block2 option. */
struct coap_blk {
	bool present;
	bool more;
	uint8_t szx;
	uint32_t num;
};

/* Block numbers count in blocks of 2 to this power; those of BERT are of 1024 bytes. */
static inline unsigned int coap_blk_shift(uint8_t szx)
{
	return szx < COAP_SZX_BERT ? szx + 4u : 10;
}

static inline uint64_t coap_blk_offset(const struct coap_blk *b)
{
	return (uint64_t)b->num << coap_blk_shift(b->szx);
}

/** ETags of a request: what the peer has of the resource. */
struct coap_etags {
	unsigned int n;
	uint8_t len[COAP_ETAGS_MAX];
	uint8_t val[COAP_ETAGS_MAX][8];
};

/* ---- a confirmable message of ours, until it is acknowledged ----------------- */

enum coap_con_owner { COAP_CON_CALL, COAP_CON_NOTIFY, COAP_CON_RESPONSE, COAP_CON_PING };

struct coap_con {
	TAILQ_ENTRY(coap_con) link;
	enum coap_con_owner owner;
	uint32_t owner_id;
	bool sent;
	uint16_t mid;
	unsigned int tries;
	uint64_t timeout, due, first; /* first: when it was sent at first */
	size_t len;
	uint8_t data[COAP_DATAGRAM_MAX];
};

/* ---- deduplication ------------------------------------------------------------ */

enum coap_dedup_class {
	COAP_DEDUP_SAFE,  /* GET, FETCH, later blocks of a response */
	COAP_DEDUP_CHUNK, /* a block that does not end its body: the transfer guards it too */
	COAP_DEDUP_STATE, /* changes state: never forgotten before its time */
	COAP_DEDUP_CLASSES
};

struct coap_dedup {
	TAILQ_ENTRY(coap_dedup) age;
	LIST_ENTRY(coap_dedup) bucket;
	enum coap_dedup_class class;
	uint16_t mid;
	uint64_t digest;
	uint64_t expires;
	bool busy;  /* an exchange refers to it */
	bool acked; /* an empty ACK was sent */
	size_t response_len;
	uint8_t *response;
};

/* ---- requests of the peer -------------------------------------------------------- */

struct coap_exchange {
	TAILQ_ENTRY(coap_exchange) link;
	uint32_t xid;
	enum coap_type type; /* of the request */
	uint8_t method;
	uint16_t mid;
	uint8_t token_len;
	uint8_t token[COAP_TOKEN_MAX];
	uint64_t digest;
	bool acked;
	bool persist;	  /* the record was stored */
	uint64_t ack_due; /* COAP_NEVER: none */
	struct coap_blk block1, block2;
	bool size2; /* the peer asks for the size */
	struct coap_etags etags;
	int observe;
	uint32_t obs; /* 0 = not observing */
	uint64_t key, body_digest;
	uint32_t transfer;
	struct coap_dedup *dedup;
	struct oscore_binding sec;
};

struct coap_upload {
	TAILQ_ENTRY(coap_upload) link; /* least recently used first */
	uint32_t id;
	uint64_t key;
	uint64_t next; /* offset of the block that is awaited */
	uint64_t size;
	uint64_t expires;
};

struct coap_download {
	TAILQ_ENTRY(coap_download) link; /* least recently used first */
	uint64_t key, body_digest;	 /* body_digest 0: of any request body */
	uint64_t expires;
	uint8_t code;
	uint32_t content_format, max_age;
	uint8_t etag[8];
	size_t etag_len;
	struct coap_body body;
};

struct coap_observation {
	TAILQ_ENTRY(coap_observation) link;
	uint32_t id;
	void *user;
	uint8_t token_len;
	uint8_t token[COAP_TOKEN_MAX];
	uint64_t key, body_digest;
	struct coap_blk block2; /* the size that the peer asked for */
	struct oscore_binding sec;
	uint32_t seq;
	uint64_t last_con;
	uint16_t mids[COAP_OBS_MIDS]; /* of the last non-confirmable ones, to match RST */
	unsigned int n_mids;
	bool held; /* what is pending waits for its turn (RFC 7641 4.5.1) */
	bool last; /* ends once what is on its way was delivered (error notified) */
	/* the newest state, waiting behind a confirmable one, or for its turn */
	size_t pending_len;
	bool pending_con;
	uint8_t *pending;
};

/* ---- requests of ours --------------------------------------------------------------- */

struct coap_call_state {
	TAILQ_ENTRY(coap_call_state) link;
	uint32_t id;
	void *user;
	uint8_t method;
	bool non;
	uint32_t timeout_ms;
	uint8_t token[COAP_TOKEN_MAX];
	struct coap_opts opts;
	bool has_body;
	struct coap_body body;
	/* request body: block at @sent of size 16 << szx is on its way */
	bool block1;
	bool block1_more;
	uint8_t szx;
	uint64_t sent;
	size_t sent_len;
	/* response body */
	bool fetching;
	uint8_t rszx;
	uint64_t received;
	uint8_t etag[8];
	size_t etag_len;
	struct oscore_binding sec;
	unsigned int again; /* times it was sent anew: Echo, OSCORE's Appendix B.2 */
	uint8_t echo[40];
	size_t echo_len;
	uint64_t deadline; /* COAP_NEVER while retransmission decides */
};

/* ---- streams ------------------------------------------------------------------------ */

struct coap_stream {
	bool started; /* our CSM was sent */
	bool ready;   /* the peer's came */
	bool broken;  /* nothing more is read or sent */
	bool blocks;  /* the peer knows block-wise transfer */
	uint32_t peer_max;
	/* a message that has not come whole yet */
	uint8_t *rx;
	size_t rx_len, rx_room;
};

struct coap_ping {
	bool active;
	uint64_t due; /* streams */
	uint8_t token[COAP_TOKEN_MAX];
};

/* ---- pace --------------------------------------------------------------------------- */

struct coap_pace {
	bool waiting;	      /* something was sent since the peer was heard */
	uint64_t since;	      /* ... first at */
	uint64_t credit, at;  /* PROBING_RATE: byte/1000, and when they were counted */
	uint64_t rtt;	      /* ms; 0: not known */
	uint64_t non_arrival; /* theoretical arrival time of the next NON notification */
};

TAILQ_HEAD(coap_con_list, coap_con);
TAILQ_HEAD(coap_dedup_list, coap_dedup);
LIST_HEAD(coap_dedup_bucket, coap_dedup);
TAILQ_HEAD(coap_exchange_list, coap_exchange);
TAILQ_HEAD(coap_upload_list, coap_upload);
TAILQ_HEAD(coap_download_list, coap_download);
TAILQ_HEAD(coap_observation_list, coap_observation);
TAILQ_HEAD(coap_call_list, coap_call_state);

struct coap_endpoint {
	const struct coap_ops *ops;
	void *ctx;
	struct coap_config cfg;
	uint8_t szx; /* our largest block */
	uint64_t now;
	struct coap_stats st;
	struct oscore *oscore; /* or NULL */
	size_t room;	       /* of a message that we build */
	struct coap_stream stream;
	struct coap_ping ping;
	struct coap_pace pace;
	uint16_t mid; /* the last one used */
	uint16_t mids_left;
	uint32_t id;
	unsigned int n_exchanges, n_uploads, n_downloads, n_observations, n_calls;
	unsigned int n_dedup[COAP_DEDUP_CLASSES];
	struct coap_con_list cons;
	struct coap_dedup_list dedups[COAP_DEDUP_CLASSES]; /* oldest first */
	struct coap_dedup_bucket buckets[COAP_DEDUP_BUCKETS];
	struct coap_exchange_list exchanges;
	struct coap_upload_list uploads;
	struct coap_download_list downloads;
	struct coap_observation_list observations;
	struct coap_call_list calls;
	/* confirmable responses that we acknowledged lately */
	struct {
		uint64_t digest, until;
	} acked[COAP_ACKED_RING];
	unsigned int n_acked;
};

/* coap_msg.c */

/** coap_opt_rule() - RFC 7252 5.10 row of an option, NULL for an unknown number. */
const struct coap_opt_rule *coap_opt_rule(uint16_t num);
/** coap_opts_put() - coap_opts_add() for numbers that mean something else (signals). */
int coap_opts_put(struct coap_opts *opts, uint16_t num, const void *val, size_t len);
/**
 * coap_check_options() - drop the options that count as unrecognised.
 * Return: 0, or the number of the first such option that is critical.
 */
uint16_t coap_check_options(struct coap_msg *m);

/** What surrounds a response: whom it answers and how. */
struct coap_shape {
	enum coap_type type;
	uint16_t mid;
	const uint8_t *token;
	uint8_t token_len;
	struct coap_blk block1; /* echoed when present */
	struct coap_blk block2; /* as the request has it */
	bool size2;
	const struct coap_etags *etags; /* may be NULL */
	bool observe;
	uint32_t seq;
	uint64_t key, body_digest;
	struct oscore_binding *sec; /* may be NULL */
};

/* coap_endpoint.c */

uint32_t coap_new_id(struct coap_endpoint *ep);
uint16_t coap_new_mid(struct coap_endpoint *ep);
/** coap_message_input() - a request or response that is well-formed. */
void coap_message_input(struct coap_endpoint *ep, struct coap_msg *m, const uint8_t *data,
			size_t len);
void coap_set_now(struct coap_endpoint *ep, uint64_t now);
void coap_transmit(struct coap_endpoint *ep, const uint8_t *data, size_t len);
void coap_send_empty(struct coap_endpoint *ep, enum coap_type type, uint16_t mid);
/** FNV-1a, 64 bits: stable over restarts, not for adversaries (the peer is one party). */
uint64_t coap_digest(uint64_t h, const void *data, size_t len);
#define COAP_DIGEST_START 0xcbf29ce484222325ULL

/* coap_con.c */

/** coap_con_new() - take a confirmable datagram (its MID is in it) into care; NULL: no memory.
 */
struct coap_con *coap_con_new(struct coap_endpoint *ep, enum coap_con_owner owner,
			      uint32_t owner_id, const uint8_t *data, size_t len);
/** coap_con_by_mid() - one that was sent. */
struct coap_con *coap_con_by_mid(struct coap_endpoint *ep, uint16_t mid);
/** coap_con_answered() - drop it, and learn how long the answer took. */
void coap_con_answered(struct coap_endpoint *ep, struct coap_con *con);
/** coap_con_acked(), coap_con_failed() - its end; whoever owns it is told. */
void coap_con_acked(struct coap_endpoint *ep, struct coap_con *con);
void coap_con_failed(struct coap_endpoint *ep, struct coap_con *con, int error);
/** coap_con_tick() - repeat what is due. */
void coap_con_tick(struct coap_endpoint *ep);
/** coap_con_find() - by owner. */
struct coap_con *coap_con_find(const struct coap_endpoint *ep, enum coap_con_owner owner,
			       uint32_t id);
void coap_con_drop(struct coap_endpoint *ep, struct coap_con *con);
/** coap_con_replace() - new content under a new MID, retry count kept. */
void coap_con_replace(struct coap_con *con, const uint8_t *data, size_t len);
/** coap_con_kick() - send what NSTART allows. */
void coap_con_kick(struct coap_endpoint *ep);

/* coap_exchange.c */

/** coap_exchange_free() - forget it unanswered. */
void coap_exchange_free(struct coap_endpoint *ep, struct coap_exchange *x);
/** coap_exchange_refuse() - answer with an error of the engine's own, and free. */
void coap_exchange_refuse(struct coap_endpoint *ep, struct coap_exchange *x, uint8_t code,
			  const char *why);
/** coap_exchange_shape() - how the answer to @x is framed; takes a message ID if it needs one.
 */
void coap_exchange_shape(struct coap_endpoint *ep, struct coap_exchange *x,
			 struct coap_shape *shape);
/** coap_exchange_finish() - send and record this answer, framed so, and free @x. */
void coap_exchange_finish(struct coap_endpoint *ep, struct coap_exchange *x,
			  const uint8_t *data, size_t len);
/** coap_exchange_reply() - answer and free @x, record the answer. Return: as coap_respond(). */
int coap_exchange_reply(struct coap_endpoint *ep, struct coap_exchange *x,
			const struct coap_response *rsp);
/** coap_deliver() - hand a request or chunk to the handler and see to its answer. */
void coap_deliver(struct coap_endpoint *ep, struct coap_exchange *x, const struct coap_msg *m,
		  uint64_t offset, bool more, bool restart, uint64_t size);

/* coap_request.c */

/** coap_request_input() - a request. */
void coap_request_input(struct coap_endpoint *ep, struct coap_msg *m, const uint8_t *data,
			size_t len);

/* oscore_coap.c */

/**
 * coap_pack() - encode a message as it leaves: protected where there is OSCORE.
 * @b: of the request (filled) or of the request that it answers; NULL, or one that is not
 *     used: leaves unprotected
 * Return: length, as coap_encode(), as oscore_protect_request() and _response().
 */
int coap_pack(struct coap_endpoint *ep, struct oscore_binding *b, const struct coap_msg *m,
	      const struct coap_opts *opts, uint8_t *buf, size_t room);

/** A message that was protected; wiped by coap_unpacked_wipe() in any case. */
struct coap_unpacked {
	struct coap_msg m;
	struct oscore_binding b; /* of a request */
	uint8_t *buf;
	size_t len;
};

/** coap_unpack_request() - Return: 0, or the code to refuse it with, and @why. */
int coap_unpack_request(struct coap_endpoint *ep, const struct coap_msg *m,
			struct coap_unpacked *u, const char **why);
/** coap_unpack_response() - Return: as oscore_open_response(). */
int coap_unpack_response(struct coap_endpoint *ep, const struct coap_msg *m,
			 const struct oscore_binding *b, struct coap_unpacked *u);
void coap_unpacked_wipe(struct coap_unpacked *u);
/** coap_exchange_challenge() - ask for proof of freshness, and free @x. */
void coap_exchange_challenge(struct coap_endpoint *ep, struct coap_exchange *x);

/* coap_dedup.c */
void coap_dedup_init(struct coap_endpoint *ep);
struct coap_dedup *coap_dedup_lookup(struct coap_endpoint *ep, uint16_t mid, uint64_t digest);
/** coap_dedup_add() - a new record; NULL: no room for a state-changing one, or no memory. */
struct coap_dedup *coap_dedup_add(struct coap_endpoint *ep, enum coap_dedup_class class,
				  uint16_t mid, uint64_t digest, bool confirmable);
/** coap_dedup_set_response() - keep a copy of what was answered. */
void coap_dedup_set_response(struct coap_dedup *d, const uint8_t *data, size_t len);
void coap_dedup_remove(struct coap_endpoint *ep, struct coap_dedup *d);
void coap_dedup_clear(struct coap_endpoint *ep);
/** coap_dedup_oldest() - seconds until a state-changing record may be forgotten. */
uint32_t coap_dedup_wait(const struct coap_endpoint *ep);

/* coap_block.c */

/** coap_blk_get() - decode a block option. Return: false when it is there but illegal. */
bool coap_blk_get(const struct coap_endpoint *ep, const struct coap_msg *m, uint16_t num,
		  struct coap_blk *b);
/** coap_blk_size() - bytes of a body that we put into one message of this block size. */
size_t coap_blk_size(const struct coap_endpoint *ep, uint8_t szx);
/** coap_blk_full() - whether @len bytes are what a block with others behind it has. */
bool coap_blk_full(uint8_t szx, size_t len);
int coap_blk_add(struct coap_opts *opts, uint16_t num, const struct coap_blk *b);
/** coap_request_key() - digest of what identifies a target: method, path, queries, formats. */
uint64_t coap_request_key(const struct coap_msg *m);
/** coap_block1_input() - a request with a Block1 option. */
void coap_block1_input(struct coap_endpoint *ep, struct coap_exchange *x,
		       const struct coap_msg *m);
/** coap_upload_drop() - forget a transfer; @tell the handler. */
void coap_upload_drop(struct coap_endpoint *ep, uint32_t id, bool tell);
void coap_block_tick(struct coap_endpoint *ep);
uint64_t coap_block_deadline(const struct coap_endpoint *ep);
void coap_block_clear(struct coap_endpoint *ep);

/* coap_body.c */

/** coap_download_free() - forget a body that is kept. */
void coap_download_free(struct coap_endpoint *ep, struct coap_download *d);
/**
 * coap_block2_input() - a request for a later block of a response that is kept.
 * Return: false when there is none: ask the handler.
 */
bool coap_block2_input(struct coap_endpoint *ep, struct coap_exchange *x,
		       const struct coap_msg *m);
/**
 * coap_build_response() - encode; a body that goes on in further blocks is
 * kept, any other is released. @from: a kept body instead of @rsp's.
 * Return: length, -EMSGSIZE, -ENOMEM, -ERANGE (block beyond the end), or the reader's error.
 */
int coap_build_response(struct coap_endpoint *ep, const struct coap_response *rsp,
			const struct coap_shape *shape, struct coap_download *from,
			uint8_t buf[COAP_MESSAGE_MAX]);
void coap_body_release(const struct coap_body *body);
/** coap_body_copy() - a body that is a copy of these bytes. */
int coap_body_copy(struct coap_body *body, const void *data, size_t len);

/* coap_observe.c */
/** coap_observe_cancel() - Observe 1 from the peer. */
void coap_observe_cancel(struct coap_endpoint *ep, const struct coap_msg *m);
/** coap_observe_answered() - the registration was answered with @code; sequence number or -1.
 */
int64_t coap_observe_answered(struct coap_endpoint *ep, uint32_t obs, uint8_t code,
			      const struct coap_blk *block2);
void coap_observe_acked(struct coap_endpoint *ep, uint32_t obs);
void coap_observe_failed(struct coap_endpoint *ep, uint32_t obs, enum coap_observe_end why);
/** coap_observe_retry() - before a retransmission: newer state goes instead. */
void coap_observe_retry(struct coap_endpoint *ep, struct coap_con *con);
/** coap_observe_reset() - RST for @mid. Return: whether it was a notification. */
bool coap_observe_reset(struct coap_endpoint *ep, uint16_t mid);
/** coap_observe_tick() - what waited for its turn. */
void coap_observe_tick(struct coap_endpoint *ep);
uint64_t coap_observe_deadline(const struct coap_endpoint *ep);
void coap_observe_clear(struct coap_endpoint *ep);

/* coap_stream.c */
void coap_stream_init(struct coap_endpoint *ep);
/** coap_stream_input() - bytes of a stream. */
void coap_stream_input(struct coap_endpoint *ep, const uint8_t *data, size_t len);
void coap_stream_clear(struct coap_endpoint *ep);
/** coap_ping_done() - the peer answered, or was silent. */
void coap_ping_done(struct coap_endpoint *ep, bool answered);
void coap_ping_tick(struct coap_endpoint *ep);

/* coap_pace.c */

/** coap_pace_heard() - the peer is there. */
void coap_pace_heard(struct coap_endpoint *ep);
/** coap_pace_sent() - something that the peer should react to left. */
void coap_pace_sent(struct coap_endpoint *ep);
/** coap_pace_rtt() - an answer came after so many ms. */
void coap_pace_rtt(struct coap_endpoint *ep, uint64_t ms);
/**
 * coap_pace_probe() - whether @len bytes that nobody has to answer may be sent to this peer
 * (RFC 7252 4.7, PROBING_RATE); if not, they must be confirmable.
 */
bool coap_pace_probe(struct coap_endpoint *ep, size_t len);
/**
 * coap_pace_notify() - whether a non-confirmable notification may leave now (RFC 7641
 * 4.5.1), which counts it; when, otherwise: coap_pace_next().
 */
bool coap_pace_notify(struct coap_endpoint *ep);
uint64_t coap_pace_next(const struct coap_endpoint *ep);

/* coap_client.c */
void coap_client_acked(struct coap_endpoint *ep, uint32_t call);
void coap_client_failed(struct coap_endpoint *ep, uint32_t call, int error);
/** coap_client_input() - a response. */
void coap_client_input(struct coap_endpoint *ep, struct coap_msg *m, const uint8_t *data,
		       size_t len);
void coap_client_tick(struct coap_endpoint *ep);
uint64_t coap_client_deadline(const struct coap_endpoint *ep);
void coap_client_clear(struct coap_endpoint *ep, int error);

#endif
