/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CoAP: one association with one peer, client and server at once.
 *
 * The engine is pure: datagrams (or the bytes of a stream) and a monotonic time in milliseconds
 * go in, datagrams, requests and responses come out through struct coap_ops. It does no I/O,
 * reads no clock, has no globals and takes no locks: one thread per endpoint. Memory is bounded
 * by struct coap_config.
 *
 * RFC 7252 (messages), 7641 (Observe), 7959 (block-wise), 8132 (FETCH, PATCH,
 * iPATCH), 8323 (streams). Transports are beside it: transport.h.
 *
 * A call back of struct coap_ops may call back into the endpoint (coap_respond,
 * coap_call, coap_notify…) but must not free or reset it. The functions of
 * struct coap_body must not call into the endpoint at all.
 */
#ifndef SESAME_COAP_H
#define SESAME_COAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- numbers ------------------------------------------------------------ */

#define COAP_CODE(c, d) ((uint8_t)(((c) << 5) | (d)))
#define COAP_CODE_CLASS(code) ((uint8_t)(code) >> 5)
#define COAP_CODE_DETAIL(code) ((uint8_t)(code) & 31)

enum {
	COAP_EMPTY = 0,
	COAP_GET = 1,
	COAP_POST = 2,
	COAP_PUT = 3,
	COAP_DELETE = 4,
	COAP_FETCH = 5,
	COAP_PATCH = 6,
	COAP_IPATCH = 7,

	COAP_201_CREATED = COAP_CODE(2, 1),
	COAP_202_DELETED = COAP_CODE(2, 2),
	COAP_203_VALID = COAP_CODE(2, 3),
	COAP_204_CHANGED = COAP_CODE(2, 4),
	COAP_205_CONTENT = COAP_CODE(2, 5),
	COAP_231_CONTINUE = COAP_CODE(2, 31),
	COAP_400_BAD_REQUEST = COAP_CODE(4, 0),
	COAP_401_UNAUTHORIZED = COAP_CODE(4, 1),
	COAP_402_BAD_OPTION = COAP_CODE(4, 2),
	COAP_403_FORBIDDEN = COAP_CODE(4, 3),
	COAP_404_NOT_FOUND = COAP_CODE(4, 4),
	COAP_405_METHOD_NOT_ALLOWED = COAP_CODE(4, 5),
	COAP_406_NOT_ACCEPTABLE = COAP_CODE(4, 6),
	COAP_408_INCOMPLETE = COAP_CODE(4, 8),
	COAP_409_CONFLICT = COAP_CODE(4, 9),
	COAP_412_PRECONDITION = COAP_CODE(4, 12),
	COAP_413_TOO_LARGE = COAP_CODE(4, 13),
	COAP_415_FORMAT = COAP_CODE(4, 15),
	COAP_422_UNPROCESSABLE = COAP_CODE(4, 22),
	COAP_500_INTERNAL = COAP_CODE(5, 0),
	COAP_501_NOT_IMPLEMENTED = COAP_CODE(5, 1),
	COAP_503_UNAVAILABLE = COAP_CODE(5, 3),
	COAP_504_GATEWAY_TIMEOUT = COAP_CODE(5, 4),
	COAP_505_NO_PROXYING = COAP_CODE(5, 5),

	/* signals of a stream, RFC 8323 section 5 */
	COAP_701_CSM = COAP_CODE(7, 1),
	COAP_702_PING = COAP_CODE(7, 2),
	COAP_703_PONG = COAP_CODE(7, 3),
	COAP_704_RELEASE = COAP_CODE(7, 4),
	COAP_705_ABORT = COAP_CODE(7, 5),
};

enum coap_type { COAP_CON = 0, COAP_NON = 1, COAP_ACK = 2, COAP_RST = 3 };

/* option numbers: RFC 7252 12.2, 7641, 7959 */
enum {
	COAP_OPT_IF_MATCH = 1,
	COAP_OPT_URI_HOST = 3,
	COAP_OPT_ETAG = 4,
	COAP_OPT_IF_NONE_MATCH = 5,
	COAP_OPT_OBSERVE = 6,
	COAP_OPT_URI_PORT = 7,
	COAP_OPT_LOCATION_PATH = 8,
	COAP_OPT_URI_PATH = 11,
	COAP_OPT_CONTENT_FORMAT = 12,
	COAP_OPT_MAX_AGE = 14,
	COAP_OPT_URI_QUERY = 15,
	COAP_OPT_ACCEPT = 17,
	COAP_OPT_LOCATION_QUERY = 20,
	COAP_OPT_BLOCK2 = 23,
	COAP_OPT_BLOCK1 = 27,
	COAP_OPT_SIZE2 = 28,
	COAP_OPT_PROXY_URI = 35,
	COAP_OPT_PROXY_SCHEME = 39,
	COAP_OPT_SIZE1 = 60,
};

/* Content-Format numbers that the stack meets (IANA CoAP registry) */
enum {
	COAP_FORMAT_TEXT = 0,
	COAP_FORMAT_LINK = 40,
	COAP_FORMAT_OCTETS = 42,
	COAP_FORMAT_CBOR = 60,
	COAP_FORMAT_SENML_JSON = 110,
	COAP_FORMAT_SENML_CBOR = 112,
	COAP_FORMAT_LWM2M_TLV = 11542,
	COAP_FORMAT_LWM2M_JSON = 11543,
	COAP_FORMAT_LWM2M_CBOR = 11544,
};

/** "no Content-Format / Accept option" in the fields of that kind. */
#define COAP_NO_FORMAT UINT32_MAX
/** "size not known" in the fields of that kind. */
#define COAP_SIZE_UNKNOWN UINT64_MAX
/** "no deadline". */
#define COAP_NEVER UINT64_MAX

#define COAP_TOKEN_MAX 8
#define COAP_MSG_OPTS_MAX 48	/* options in one message, both ways */
#define COAP_OPTS_BYTES_MAX 640 /* their values, in a message that we build */
#define COAP_DATAGRAM_MAX 1280	/* what we send at most; we take up to 64 KiB */
#define COAP_MESSAGE_MAX 9216	/* the same on a stream: eight blocks of BERT and options */

/* ---- messages ------------------------------------------------------------ */

struct coap_opt {
	uint16_t num;
	uint16_t len;
	const uint8_t *val;
};

/** A decoded message; values and payload point into the datagram. */
struct coap_msg {
	enum coap_type type;
	uint8_t code;
	uint16_t mid;
	uint8_t token_len;
	uint8_t token[COAP_TOKEN_MAX];
	unsigned int n_opts;
	struct coap_opt opts[COAP_MSG_OPTS_MAX];
	const uint8_t *payload;
	size_t payload_len;
};

/** Options of a message to be built: kept sorted, values copied in. */
struct coap_opts {
	unsigned int n;
	unsigned int used;
	struct {
		uint16_t num, len, at;
	} o[COAP_MSG_OPTS_MAX];
	uint8_t bytes[COAP_OPTS_BYTES_MAX];
};

/**
 * coap_decode() - decode one datagram (RFC 7252 section 3).
 * @m: filled; on an error type, mid, code and token are as far as they could
 *     be read, so that the message can be rejected
 * Return: 0, -EBADMSG (format error: a CON is rejected with RST), -EPROTO (not
 * version 1, or too short: silently ignored), -E2BIG (more than
 * COAP_MSG_OPTS_MAX options).
 */
int coap_decode(struct coap_msg *m, const uint8_t *data, size_t len);

/**
 * coap_encode() - build one datagram from a header, options and payload.
 * @m: type, code, mid, token and payload are used; its options are not
 * @opts: may be NULL
 * Return: length, or -EMSGSIZE when it does not fit, -EINVAL for an impossible header.
 */
int coap_encode(uint8_t *buf, size_t room, const struct coap_msg *m,
		const struct coap_opts *opts);

/**
 * coap_stream_length() - length of the message that begins here (RFC 8323 3.2).
 * @len: bytes at hand
 * Return: its length in bytes, header and all, at most UINT32_MAX + 21; 0: more
 * bytes are needed to tell; -EBADMSG: a token length that is reserved.
 */
int64_t coap_stream_length(const uint8_t *data, size_t len);

/**
 * coap_decode_stream() - decode one whole message of a stream.
 * @m: type is COAP_NON, mid 0
 * Return: as coap_decode(), without -EPROTO.
 */
int coap_decode_stream(struct coap_msg *m, const uint8_t *data, size_t len);

/** coap_encode_stream() - as coap_encode(), for a stream; type and mid are not used. */
int coap_encode_stream(uint8_t *buf, size_t room, const struct coap_msg *m,
		       const struct coap_opts *opts);

/**
 * coap_opts_add() - add an option, after those of the same number.
 * Return: 0, -ENOSPC, or -EINVAL when RFC 7252 5.10 does not allow that length.
 */
int coap_opts_add(struct coap_opts *opts, uint16_t num, const void *val, size_t len);
/** coap_opts_add_uint() - the same with the shortest form of a number. */
int coap_opts_add_uint(struct coap_opts *opts, uint16_t num, uint32_t val);
/** coap_opts_add_str() - the same with a C string. */
int coap_opts_add_str(struct coap_opts *opts, uint16_t num, const char *str);
/**
 * coap_opts_add_path() - "a/b/c" (a leading slash is allowed) as one option
 * @num a segment; with COAP_OPT_URI_QUERY split at '&' instead.
 */
int coap_opts_add_path(struct coap_opts *opts, uint16_t num, const char *path);

/** coap_opt_find() - the first option of this number, or NULL. */
const struct coap_opt *coap_opt_find(const struct coap_msg *m, uint16_t num);
/**
 * coap_opt_next() - the options of one number in order; *pos starts at 0.
 * Return: the option, or NULL at the end.
 */
const struct coap_opt *coap_opt_next(const struct coap_msg *m, uint16_t num, unsigned int *pos);
/** coap_opt_uint() - true and *val when the option is there and a uint of at most 4 bytes. */
bool coap_opt_uint(const struct coap_msg *m, uint16_t num, uint32_t *val);
/** coap_opt_eq() - whether the option's value is this string. */
bool coap_opt_eq(const struct coap_opt *o, const char *str);
/**
 * coap_opt_path() - the values of the options @num joined as "/a/b" (Uri-Path,
 * Location-Path) or "a&b" (queries) in a C string; for logs and plain paths.
 * A Location-Path that comes in one option with slashes in it is taken apart.
 * Return: length, -ENOSPC, or -EBADMSG when a value holds NUL, '/' or a control character.
 */
int coap_opt_path(const struct coap_msg *m, uint16_t num, char *buf, size_t room);
/** coap_code_name() - "2.05 Content", or "c.dd" in @buf for one without a name. */
const char *coap_code_name(uint8_t code, char buf[8]);

/* ---- the endpoint --------------------------------------------------------- */

struct coap_endpoint;

/**
 * A body that is pulled by offset when it is sent in blocks.
 *
 * @read gives up to @len bytes at @offset: the number of bytes (fewer than
 * @len only at the end), -ESTALE when the body that was offered has changed
 * since (a Block2 transfer is then answered by asking the request handler
 * again; the new ETag tells the peer), another -errno otherwise.
 * @release is called exactly once when the engine no longer needs it, also
 * when the call that offered it failed; may be NULL.
 */
struct coap_body {
	int (*read)(void *ctx, uint64_t offset, uint8_t *buf, size_t len);
	void (*release)(void *ctx);
	void *ctx;
	uint64_t total; /* or COAP_SIZE_UNKNOWN */
};

/** A request of the peer, or one chunk of it. Valid during the call only. */
struct coap_request {
	uint64_t now;
	uint32_t xid; /* names the exchange in coap_respond() */
	uint8_t method;
	const struct coap_msg *msg; /* options; path and queries by coap_opt_next() */
	uint32_t content_format;    /* or COAP_NO_FORMAT */
	uint32_t accept;	    /* or COAP_NO_FORMAT */
	int observe;		    /* 0 register, 1 cancel, -1 no Observe option */

	const uint8_t *data; /* the chunk, or the whole payload */
	size_t len;
	uint64_t offset;   /* of the chunk in the body; 0 = first or only one */
	bool more;	   /* more chunks follow: do not act yet */
	bool restart;	   /* the peer began this transfer anew: forget what came before */
	uint64_t size;	   /* Size1 of the peer, or COAP_SIZE_UNKNOWN */
	uint32_t transfer; /* the same number in all chunks of a body; 0 = not block-wise */
};

/** What we answer, or notify. Zero it first; all pointers are read during the call only. */
struct coap_response {
	uint8_t code;
	uint32_t content_format; /* COAP_NO_FORMAT = none: COAP_RESPONSE_INIT sets that */
	const void *payload;	 /* whole body in memory; what exceeds one block is copied */
	size_t len;
	const struct coap_body *body; /* instead of payload */
	const uint8_t *etag;	      /* at most 8 bytes; without one, the engine makes
				       * one for a body that it sends in blocks */
	size_t etag_len;
	uint32_t max_age;	      /* COAP_NO_FORMAT = none (the default of 60 s) */
	const char *diagnostic;	      /* text payload of an error; instead of payload */
	const struct coap_opts *opts; /* further options (Location-Path, Size1…) or NULL */
};

#define COAP_RESPONSE_INIT(c) \
	{.code = (c), .content_format = COAP_NO_FORMAT, .max_age = COAP_NO_FORMAT}

/** A request of ours. Pointers but @body's are read during coap_call() only. */
struct coap_call {
	uint8_t method;
	bool non;		      /* send as NON */
	const struct coap_opts *opts; /* path, query, format, accept… */
	const void *payload;	      /* copied */
	size_t len;
	const struct coap_body *body; /* instead of payload: pulled as Block1 goes on */
	uint32_t timeout_ms; /* for the response after the ACK; 0 = exchange lifetime */
	void *user;	     /* handed back with the result */
};

/** The answer to a call of ours, or one chunk of it. Valid during the call back only. */
struct coap_result {
	uint64_t now;
	uint32_t call;
	void *user;
	/*
	 * 0, or why there is no (complete) answer: -ETIMEDOUT (nobody answers),
	 * -ECONNRESET (rejected by RST), -ECANCELED, -EPROTO (answer that breaks
	 * the protocol), -EKEYREJECTED (the peer does not take our OSCORE
	 * context), -ESTALE (the body changed while it was fetched in blocks),
	 * what the body reader gave.
	 */
	int error;
	const struct coap_msg *msg; /* NULL when error */
	uint8_t code;
	uint32_t content_format;
	const uint8_t *data;
	size_t len;
	uint64_t offset;
	bool more;     /* false: the call is over, its number no longer valid */
	uint64_t size; /* Size2 of the peer, or COAP_SIZE_UNKNOWN */
};

/** Record of one request that changes state (POST, PUT, DELETE, PATCH, iPATCH). */
struct coap_dedup_record {
	uint16_t mid;
	uint8_t code;
	uint8_t token_len;
	uint8_t token[COAP_TOKEN_MAX];
	uint64_t digest;	 /* of the request datagram */
	const uint8_t *response; /* the datagram that answered, NULL while there is none */
	size_t response_len;
};

enum coap_observe_end {
	COAP_OBSERVE_CANCELLED, /* Observe 1 */
	COAP_OBSERVE_REPLACED,	/* the same token registered again for something else */
	COAP_OBSERVE_RESET,	/* RST to a notification */
	COAP_OBSERVE_TIMEOUT,	/* a confirmable notification was never acknowledged */
	COAP_OBSERVE_ERROR,	/* we notified an error code, which ends it (RFC 7641 4.2) */
	COAP_OBSERVE_CLOSED,	/* endpoint closed */
};

/** What is told of a stream by its signals (RFC 8323 section 5). */
enum coap_signal_kind {
	COAP_SIGNAL_READY,   /* the peer's first CSM came */
	COAP_SIGNAL_PONG,    /* coap_ping() was answered */
	COAP_SIGNAL_SILENT,  /* ... was not, within its time */
	COAP_SIGNAL_RELEASE, /* the peer wants to close: begin nothing, close when done */
	COAP_SIGNAL_ABORT,   /* the peer closes now: close */
	COAP_SIGNAL_BROKEN,  /* the peer broke the protocol, was sent Abort: close */
};

struct coap_signal {
	enum coap_signal_kind what;
	uint32_t hold_off_s;	/* RELEASE: not to connect again before; 0 when not said */
	const char *diagnostic; /* printable, may be empty; valid during the call */
};

struct coap_ops {
	/** One datagram (or message of a stream) to the peer; taken as lost in the network
	 * when it fails. */
	void (*send)(void *ctx, const uint8_t *data, size_t len);
	/** Random bytes, unpredictable to the peer (tokens, message ids, jitter). */
	void (*random)(void *ctx, void *buf, size_t len);

	/**
	 * A request, or the next chunk of one. Delivered once, whatever the
	 * network repeats. Return:
	 *   0    answered by coap_respond() in the call, or to be answered later
	 *        (the peer gets an empty ACK meanwhile); a chunk with @more is
	 *        answered with 2.31 unless coap_respond() was called
	 *   > 0  a code (COAP_404_NOT_FOUND…) to answer with, without payload
	 *   < 0  -errno, answered with 5.00
	 * After an error answer to a chunk, that transfer is forgotten.
	 */
	int (*request)(void *ctx, const struct coap_request *req);
	/** A body stopped coming (no further block within the exchange lifetime, or
	 * pushed out by other transfers). Optional. */
	void (*transfer_lost)(void *ctx, uint32_t transfer);
	/** The answer to a coap_call(), or its failure. */
	void (*result)(void *ctx, const struct coap_result *res);
	/** A stream's signals, and the answer to coap_ping(). Optional. */
	void (*signal)(void *ctx, const struct coap_signal *sig);
	/** An observation is over; @obs is not valid any more. Optional. */
	void (*observe_end)(void *ctx, uint32_t obs, void *user, enum coap_observe_end why);

	/**
	 * Keep @rec for one exchange lifetime, over restarts. Called before the
	 * request is delivered (response NULL) and again, with the same key,
	 * before its response leaves. A failure of the first (-errno) means that
	 * the request is refused with 5.03 and not delivered. Optional.
	 */
	int (*dedup_store)(void *ctx, const struct coap_dedup_record *rec);
	/**
	 * Find the record with this mid, code, token and digest that is younger
	 * than the exchange lifetime and was stored before this endpoint was
	 * made. @rec->response may be NULL (interrupted: the peer gets 5.00 and
	 * the request is not delivered again); else it stays valid until the
	 * next call. Return: 1 found, 0 not, -errno (refused with 5.03). Optional.
	 */
	int (*dedup_find)(void *ctx, struct coap_dedup_record *rec);

	/**
	 * Set aside the next COAP_MIDS message ids, over restarts: those from *@first on
	 * were not given before, until all have been. A peer that knows us by the address
	 * that we had in an earlier life takes an id of that life for a repetition (RFC
	 * 7252 4.4, 4.5), answers as it did then, and we wait in vain. Called when the
	 * first id is needed, and for each COAP_MIDS more. Return: 0; -errno: nothing is
	 * set aside, ids go on from where they are. Optional: ids begin at random.
	 */
	int (*mids)(void *ctx, uint16_t *first);
};

/** Message ids that are set aside at once: 64 times before they are used again. */
#define COAP_MIDS 1024

/** block_szx of 16-byte blocks: 0 means the default there. */
#define COAP_SZX_16 0x80

/** Limits and protocol parameters; 0 in a field takes the default in brackets. */
struct coap_config {
	uint32_t ack_timeout_ms;       /* [2000] RFC 7252 4.8 */
	uint32_t ack_random_permille;  /* [1500] ACK_RANDOM_FACTOR */
	uint32_t max_retransmit;       /* [4], at most 10 */
	uint32_t exchange_lifetime_ms; /* [247000] */
	uint32_t non_lifetime_ms;      /* [145000] */
	uint32_t ack_delay_ms;	       /* [0 = at once] empty ACK of a deferred answer */
	uint8_t block_szx;	       /* [6] largest block is 16 << szx; COAP_SZX_16 */
	uint64_t max_upload;	       /* [no limit] 4.13 with Size1 above that */
	bool resume_uploads; /* [no] a later block of a body that is not known here begins a
			      * transfer there, with restart set: the handler decides */
	unsigned int max_observations; /* [64] */
	unsigned int max_exchanges;    /* [16] requests of the peer not answered yet */
	unsigned int max_calls;	       /* [16] */
	unsigned int max_uploads;      /* [4] Block1 transfers at once */
	unsigned int max_downloads;    /* [8] Block2 bodies kept at once */
	unsigned int max_dedup;	       /* [1024] records of requests */
	size_t max_copy;	       /* [65536] bytes of a body given as payload */
	uint32_t probing_rate;	       /* [1] bytes/s to a peer that is silent, 4.7 */
	uint32_t non_interval_ms;      /* [3000] of NON notifications while the round-trip
					* time is not known, RFC 7641 4.5.1 */
	unsigned int non_burst;	       /* [16] of them at once */
	bool stream;		       /* RFC 8323: no message layer, begin with
					* coap_stream_start() */
	uint32_t max_message;	       /* [16384] of a stream, what we announce and take */
};

/**
 * coap_endpoint_new() - an endpoint for one peer.
 * @ops: kept by reference; send, random, request and result are needed
 * Return: 0, -EINVAL, -ENOMEM.
 */
int coap_endpoint_new(struct coap_endpoint **ep, const struct coap_ops *ops, void *ctx,
		      const struct coap_config *config);

/**
 * coap_endpoint_free() - forget everything; calls fail with -ECANCELED and
 * observations end with COAP_OBSERVE_CLOSED before it returns. Sends nothing.
 */
void coap_endpoint_free(struct coap_endpoint *ep);

/**
 * coap_endpoint_reset() - the association is gone (new DTLS session, new
 * address): as coap_endpoint_free(), but the endpoint stays usable.
 * @keep_dedup: message ids of the peer go on (same address, same session)
 */
void coap_endpoint_reset(struct coap_endpoint *ep, uint64_t now, bool keep_dedup);

/**
 * coap_stream_start() - the connection of a stream stands: our CSM leaves.
 * After coap_endpoint_reset() on each new connection.
 */
void coap_stream_start(struct coap_endpoint *ep, uint64_t now);

/**
 * coap_stream_release() - tell the peer that we close (7.04); answers to what is
 * under way are still taken.
 */
void coap_stream_release(struct coap_endpoint *ep, uint64_t now);

/**
 * coap_ping() - is the peer there? Told by ops->signal: PONG or SILENT. On
 * datagrams an Empty confirmable message (RFC 7252 4.3), on streams 7.02.
 * @timeout_ms: streams; 0 = the exchange lifetime
 * Return: 0, -EALREADY (one is under way), -ENOTCONN (stream not started), -ENOMEM.
 */
int coap_ping(struct coap_endpoint *ep, uint64_t now, uint32_t timeout_ms);

/**
 * coap_input() - a datagram of the peer, or any number of bytes of a stream,
 * arrived. Never fails: bad ones are counted.
 */
void coap_input(struct coap_endpoint *ep, uint64_t now, const uint8_t *data, size_t len);

/** coap_tick() - do what is due; harmless when called too early. */
void coap_tick(struct coap_endpoint *ep, uint64_t now);

/** coap_next_deadline() - when coap_tick() is wanted next, or COAP_NEVER. */
uint64_t coap_next_deadline(const struct coap_endpoint *ep);

/**
 * coap_respond() - answer a request.
 * Piggy-backed when the request was not acknowledged yet, else in a message of
 * its own. A body longer than a block is sent as Block2, later blocks without
 * asking the handler again.
 * Return: 0, -ESTALE (no such exchange: answered already, or the peer was
 * forgotten), -EMSGSIZE (options too long), -ENOMEM, or what the body reader
 * gave. After an error other than -ESTALE the peer got 5.00.
 */
int coap_respond(struct coap_endpoint *ep, uint64_t now, uint32_t xid,
		 const struct coap_response *rsp);

/**
 * coap_observe_accept() - make the GET or FETCH with Observe 0 an observation;
 * before coap_respond(), which must then carry a 2.xx.
 * A registration by the same token for the same target renews the old one and
 * gives its number again.
 * @user: handed back in observe_end
 * Return: 0, -ENOSPC (limit; answer without observing), -EINVAL (no Observe 0), -ESTALE.
 */
int coap_observe_accept(struct coap_endpoint *ep, uint32_t xid, void *user, uint32_t *obs);

/** coap_observe_waiting() - a notification is on its way or waits for its turn. */
bool coap_observe_waiting(const struct coap_endpoint *ep, uint32_t obs);

/**
 * coap_observe_end() - the peer is not notified any more (no message is sent;
 * observe_end is not called).
 */
void coap_observe_end(struct coap_endpoint *ep, uint32_t obs);

/** What an observation is made of, to be kept over a restart. */
struct coap_observe_state {
	uint8_t token_len;
	uint8_t token[COAP_TOKEN_MAX];
	uint64_t key, body_digest; /* what was asked, for renewals */
	uint8_t block_szx;	   /* 0xff: none was asked for */
	uint32_t seq;
	uint8_t sec[18]; /* of OSCORE: how the request was protected, no key in it */
	uint8_t sec_len;
};

/** coap_observe_save() - its state now. Return: 0 or -ESTALE. */
int coap_observe_save(struct coap_endpoint *ep, uint32_t obs, struct coap_observe_state *state);

/**
 * coap_observe_restore() - go on with an observation of an earlier life of the
 * same association (same peer, datagrams; RFC 7641 4.4: its numbers go on 65536 behind the
 * saved one, so that a state saved up to as many notifications ago still makes
 * fresh ones).
 * Return: 0, -ENOSPC (limit), -EEXIST (token in use), -EINVAL, -ENOMEM.
 */
int coap_observe_restore(struct coap_endpoint *ep, uint64_t now,
			 const struct coap_observe_state *state, void *user, uint32_t *obs);

/**
 * coap_notify() - tell the peer the new state.
 * While an earlier confirmable notification waits for its ACK the newest state
 * replaces what waits; the peer sees the last one for sure, not each of them.
 * An error code in @rsp ends the observation. The first notification after 24
 * hours is made confirmable by itself (RFC 7641 4.5).
 * Return: 0, -ESTALE (no such observation), -EMSGSIZE, -ENOMEM, reader's error.
 */
int coap_notify(struct coap_endpoint *ep, uint64_t now, uint32_t obs,
		const struct coap_response *rsp, bool confirmable);

/**
 * coap_call() - send a request; result comes through ops->result, once or, for
 * a block-wise answer, in chunks. Queued while another is outstanding (NSTART 1).
 * @call: number of the call, may be NULL
 * Return: 0, -EMSGSIZE (does not fit a datagram), -ENOBUFS (limit), -ENOMEM, -EINVAL.
 */
int coap_call(struct coap_endpoint *ep, uint64_t now, const struct coap_call *c,
	      uint32_t *call);

/** coap_call_cancel() - drop a call; ops->result is not called for it. */
void coap_call_cancel(struct coap_endpoint *ep, uint32_t call);

/** coap_unreachable() - the transport reported the peer refusing (ICMP, DTLS
 * closed): outstanding calls fail now with @error (-ECONNREFUSED…). */
void coap_unreachable(struct coap_endpoint *ep, uint64_t now, int error);

struct coap_stats {
	uint64_t rx, tx;	   /* datagrams */
	uint64_t rx_bad;	   /* undecodable or out of place */
	uint64_t rx_duplicate;	   /* answered from the record */
	uint64_t retransmissions;  /* of ours */
	uint64_t requests, chunks; /* delivered */
	uint64_t refused;	   /* requests answered by the engine itself with an error */
	uint64_t timeouts;
};

/** coap_get_stats() - counters since the endpoint was made. */
void coap_get_stats(const struct coap_endpoint *ep, struct coap_stats *st);

#endif
