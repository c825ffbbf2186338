/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run: a plan put into effect. Pure: the host opens channels, sends batches of C-APDUs, and
 * feeds back what came. The loop of a host:
 *
 *	while ((r = gp_run_next(run, &batch, err)) > 0) {
 *		if (r == GP_RUN_OPEN) {
 *			close the channel; open one on batch.aid;
 *			gp_run_opened(run, select response, length, outcome);
 *		} else {
 *			submit batch.apdus as ONE stream;
 *			for each: gp_run_feed(run, i, response, length, outcome);
 *		}
 *	}
 *	result = gp_run_result(run);
 *
 * The host may give up at any point with gp_run_abort(), and lose a process at any point:
 * what is needed afterwards is in the record that it was given to store.
 *
 * Threads: one run is used by one thread at a time.
 */
#ifndef GP_RUN_H
#define GP_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/se.h>
#include <systemd/sd-json.h>

#include "gp/error.h"
#include "gp/plan.h"
#include "gp/record.h"
#include "gp/scp.h"
#include "gp/sign.h"

struct gp_run;

/** enum gp_run_mode - what to do with the plan */
enum gp_run_mode {
	GP_RUN_FORWARD,	 /* from the beginning; a record is refused */
	GP_RUN_RESUME,	 /* what is missing, by the card's registry and the record */
	GP_RUN_ROLLBACK, /* undo what this plan has changed */
};

/**
 * struct gp_run_attempt - an authentication that is about to be tried
 * @card: capital hex digits of CPLC or, where the card has none, of the key diversification
 *	data
 * @sd: the domain, empty if it is the default one and did not tell its AID
 * @kvn: key version number as the card answered it
 * @keys: name of the key set
 */
struct gp_run_attempt {
	const char *card;
	struct gp_aid sd;
	uint8_t kvn;
	const char *keys;
};

/** enum gp_run_verdict - how it ended; see keys/ledger.h */
enum gp_run_verdict {
	GP_VERDICT_ACCEPTED,
	GP_VERDICT_REFUSED,  /* the card said no */
	GP_VERDICT_NOT_SENT, /* it did not happen */
	GP_VERDICT_UNKNOWN,  /* it left, no answer came */
};

/**
 * struct gp_run_host - what a run needs of its host; all are called from gp_run_*() only
 * @keyset: the key set of this name, unchanged until gp_run_free(); NULL: there is none
 * @scp11: the same for SCP11 key sets; the pointer may be NULL
 * @candidate: the @i-th key set that is known, to tell which one a card has when the named one
 *	does not fit; NULL at the end. The pointer may be NULL
 * @attempt: write down, durably, that EXTERNAL AUTHENTICATE is about to leave. 0 to go on, or
 *	a negative errno with @err: then nothing is sent
 * @verdict: how that attempt ended; called exactly once after each @attempt that returned 0
 *	(at the latest from gp_run_free(), as UNKNOWN)
 * @commit: store the record durably before returning 0; a negative errno stops the run before
 *	anything more is sent. NULL: the host cannot; the plan can then not be resumed
 * @random: @len random bytes: challenges. 0 or negative errno
 * @receipt_key: the key that receipts of the card are verified with, by the name that the plan
 *	has for it; "": it has none, and a host that knows one key only may give that. 0 with
 *	@signer set, whose keys stay until gp_run_free(); a negative errno: there is none. The
 *	pointer may be NULL
 * @progress: something happened; see gp_run_progress(). The pointer may be NULL
 * @userdata: given to all
 */
struct gp_run_host {
	const struct gp_keyset *(*keyset)(void *userdata, const char *name);
	const struct gp_scp11_keyset *(*scp11)(void *userdata, const char *name);
	const struct gp_keyset *(*candidate)(void *userdata, size_t i);
	int (*attempt)(void *userdata, const struct gp_run_attempt *attempt,
		       struct gp_error *err);
	void (*verdict)(void *userdata, enum gp_run_verdict verdict);
	int (*commit)(void *userdata, const char *record, size_t len);
	int (*random)(void *userdata, void *out, size_t len);
	int (*receipt_key)(void *userdata, const char *name, struct gp_signer *signer);
	void (*progress)(void *userdata, const struct gp_run *run);
	void *userdata;
};

#define GP_RUN_BATCH_MIN 8

/**
 * struct gp_run_params - a run
 * @plan: validated and resolved; unchanged until gp_run_free()
 * @mode: enum gp_run_mode
 * @record: text of the record of the runs before; needed by RESUME and ROLLBACK
 * @record_len: its length
 * @partial: ROLLBACK: undo what can be undone although something cannot; otherwise such a
 *	rollback is refused before anything is changed
 * @max_capdu: longest C-APDU that the channel takes, bytes; 0 means short ones alone. Extended
 *	length is used where the card takes it as well: by @hist or by its profile
 * @hist: historical bytes of the card's ATR, or of its CIP; empty if they are not known.
 *	Unchanged until gp_run_free()
 * @batch_max: most APDUs in a batch, GP_RUN_BATCH_MIN to SE_STREAM_MAX; 0 for the latter
 * @batch_bytes: no command of an operation is added to a batch that has this many bytes: with
 *	commands of extended length a package would be a batch; 0: no bound but @batch_max
 * @host: callbacks
 */
struct gp_run_params {
	const struct gp_plan *plan;
	enum gp_run_mode mode;
	const char *record;
	size_t record_len;
	bool partial;
	uint32_t max_capdu;
	struct gp_bytes hist;
	uint32_t batch_max;
	size_t batch_bytes;
	struct gp_run_host host;
};

/**
 * struct gp_run_apdu - one C-APDU to send
 * @cmd: its bytes, wrapped; valid until the next gp_run_next()
 * @len: their number
 * @header: CLA INS P1 P2 of the clear command, for journals
 * @expect: status words after which the stream goes on, as in struct se_apdu
 * @rsp_room: room that its response needs, status word included
 * @op: index of the operation in the plan, or -1 (opening, reading the registry)
 */
struct gp_run_apdu {
	const uint8_t *cmd;
	size_t len;
	uint8_t header[4];
	struct se_sw_match expect[SE_SW_MATCHES];
	uint32_t rsp_room;
	int op;
};

/**
 * struct gp_run_batch - what to do next
 * @aid: GP_RUN_OPEN: select this on a fresh logical channel; empty: the default application
 * @apdus: GP_RUN_SEND: to be sent as one stream, in order, until one is not as expected
 * @n: their number, 1 to SE_STREAM_MAX
 */
struct gp_run_batch {
	struct gp_aid aid;
	const struct gp_run_apdu *apdus;
	size_t n;
};

/* results of gp_run_next() */
#define GP_RUN_END 0
#define GP_RUN_SEND 1
#define GP_RUN_OPEN 2

/**
 * gp_run_new() - begin
 *
 * Return: 0; -EINVAL for a record of another plan or none where one is needed; -ENOKEY for a
 * key set that the host does not have; -EPERM "not-confirmed"; -ENOMEM.
 */
int gp_run_new(struct gp_run **ret, const struct gp_run_params *params, struct gp_error *err);

/** gp_run_free() - cleanse and free. NULL is fine. */
void gp_run_free(struct gp_run *run);

/**
 * gp_run_next() - what to do next
 * @err: with a negative result: why. It stays in the result, too
 *
 * All APDUs of the last batch must have been fed. Return: GP_RUN_SEND or GP_RUN_OPEN with
 * @batch; GP_RUN_END when everything is done; a negative errno when the run has failed or was
 * interrupted, now and at every later call. Either way there is a result.
 */
int gp_run_next(struct gp_run *run, struct gp_run_batch *batch, struct gp_error *err);

/**
 * gp_run_opened() - answer to GP_RUN_OPEN
 * @rsp: response to SELECT with its status word; may be empty if there was none
 * @error: 0, or the negative errno with which the channel could not be opened
 *
 * With another status word than 9000, 62xx or 63xx the run fails at its next step.
 */
void gp_run_opened(struct gp_run *run, const uint8_t *rsp, size_t len, int error);

/**
 * gp_run_feed() - what became of APDU @i of the batch
 * @i: in order, from 0
 * @rsp: R-APDU with its status word; @len 0 if there is none
 * @outcome: enum se_outcome
 */
void gp_run_feed(struct gp_run *run, size_t i, const uint8_t *rsp, size_t len,
		 uint32_t outcome);

/**
 * gp_run_abort() - the host gives up: cancelled, out of time, channel lost
 * @error: negative errno
 * @code: for the result: "cancelled", "deadline", "channel-lost", …
 *
 * What was not fed counts as unknown. gp_run_next() fails from here on.
 */
void gp_run_abort(struct gp_run *run, int error, const char *code, const char *detail);

/** enum gp_run_state - struct gp_run_progress.state, and "state" of the result */
enum gp_run_state {
	GP_RUN_RUNNING,
	GP_RUN_DONE,
	GP_RUN_FAILED,	    /* the card or a check refused; what is so is known */
	GP_RUN_INTERRUPTED, /* stopped between two APDUs or by the host; resume it */
	GP_RUN_UNKNOWN,	    /* an APDU's outcome is not known; resume it to find out */
};

/** gp_run_state_name() - "running", "done", "failed", "interrupted", "unknown" */
const char *gp_run_state_name(enum gp_run_state state);

/**
 * struct gp_run_progress - for bars and journals
 * @state: enum gp_run_state
 * @op: index of the operation under way, -1 before the first and after the last
 * @words: what is going on: "LOAD block 17 of 260"
 * @done: APDUs answered so far
 * @total: APDUs that there will be as far as is known; may grow
 * @round_trips: batches and channel openings so far
 */
struct gp_run_progress {
	enum gp_run_state state;
	int op;
	char words[96];
	uint32_t done, total, round_trips;
};

void gp_run_progress(const struct gp_run *run, struct gp_run_progress *progress);

/**
 * gp_run_result() - what became of it, at any time
 *
 * An object, documented in Documentation/daemon/gp.rst: {plan, mode, state, error?: {code,
 * detail}, warnings: [text], card: {id, scp, kvn, keys, …}, steps: [{op, label?, state, found?,
 * sw?, detail?, receipt?, data?}], apdus, roundTrips}. Holds no keys. @ret is to be
 * unreferenced. Return: 0 or -ENOMEM.
 */
int gp_run_result(const struct gp_run *run, sd_json_variant **ret);

#endif /* GP_RUN_H */
