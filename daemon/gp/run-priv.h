/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run from inside. What is done in which file:
 *
 *	run.c		batches out, responses in, ends
 *	run-batch.c	commands in bytes
 *	run-more.c	answers in pieces
 *	run-open.c	who the card is, the secure channel
 *	run-scp11.c	what is different with SCP11
 *	run-view.c	reading the registry and the keys
 *	run-decide.c	which operations are to be done at all
 *	run-task.c	operations under way, and what they answered
 *	run-receipt.c	what the card has signed of that
 *	run-result.c	the result as JSON
 *	rollback.c	what takes an operation back
 */
#ifndef GP_RUN_PRIV_H
#define GP_RUN_PRIV_H

#include "gp/carddata.h"
#include "gp/op-build.h"
#include "gp/profile.h"
#include "gp/record-priv.h"
#include "gp/run.h"
#include "gp/scp.h"
#include "gp/view.h"

#define RUN_DETAIL 256
#define RUN_WARNINGS 16
#define RUN_KNOWN 64 /* key sets tried on a card cryptogram */

/** enum task_state - an operation in this run */
enum task_state {
	TASK_WAITS,
	TASK_SKIP,     /* nothing to do: see its step's state */
	TASK_TODO,     /* built, not sent */
	TASK_SENT,     /* some of its commands have left */
	TASK_FINISHED, /* all were answered with 9000 */
	TASK_REFUSED,  /* the card refused one */
};

/** enum receipt_check - the key that a receipt was verified by */
enum receipt_check {
	RECEIPT_NO_KEY, /* the host has none */
	RECEIPT_VERIFIED,
	RECEIPT_NOT_VERIFIED,
};

/**
 * struct task - one operation to be done, or to be taken back
 * @op: the operation; of a rollback the inverse one
 * @index: of the plan's operation that it is about
 * @state: enum task_state
 * @was: state of its step before it was sent
 * @facts: see gp/view.h
 * @built: its commands, while it is under way
 * @next: command of it that is wrapped next
 * @answered: commands answered
 * @executed: the card has at least worked on one
 * @sw: last status word
 * @found: what the card said of it before, in words; "" if it was not looked at
 * @detail: what came of it
 * @receipt: of delegated management, or empty
 * @receipt_check: whether it is right
 * @data: response data of the last command
 * @list: registry read by a list operation
 * @list_next: the command is to be repeated for the next page
 */
struct task {
	const struct gp_op *op;
	size_t index;
	enum task_state state;
	enum gp_step_state was;
	struct gp_facts facts;
	struct gp_built built;
	size_t next, answered;
	bool executed;
	uint16_t sw;
	char found[GP_WHY_MAX];
	char detail[RUN_DETAIL];
	struct gp_blob receipt, data;
	enum receipt_check receipt_check;
	struct gp_registry list;
	bool list_next;
};

/** enum entry_kind - what a C-APDU of the batch is for */
enum entry_kind {
	ENTRY_DATA,   /* GET DATA while the session is opened */
	ENTRY_SCP,    /* opens the channel, counts nothing */
	ENTRY_AUTH,   /* the one that the card counts */
	ENTRY_STATUS, /* GET STATUS of ours */
	ENTRY_KEYS,   /* GET DATA E0 of ours */
	ENTRY_TASK,
};

/**
 * struct entry - one C-APDU of the batch
 * @kind: enum entry_kind
 * @tag: ENTRY_DATA
 * @list: ENTRY_STATUS: GP_LIST_*
 * @task: ENTRY_TASK: index
 * @cmd: ENTRY_TASK: which of its commands
 * @last: the last segment of its command
 * @wrapped: its response is to be unwrapped
 */
struct entry {
	enum entry_kind kind;
	uint16_t tag;
	uint8_t list;
	size_t task, cmd;
	bool last, wrapped;
};

/* data of the card that a session begins with */
#define RUN_ASKED_RECOGNITION 0x01
#define RUN_ASKED_CPLC 0x02
#define RUN_ASKED_CERTIFICATES 0x04

/** enum phase - what comes next */
enum phase {
	PHASE_OPEN,    /* ask for a channel */
	PHASE_IDENT,   /* data of the card, and the beginning of the secure channel */
	PHASE_CHANNEL, /* more of it */
	PHASE_AUTH,    /* what counts */
	PHASE_VIEW,    /* read registry and keys, then decide */
	PHASE_TASKS,   /* send */
	PHASE_VERIFY,  /* read them again, then compare */
	PHASE_AUTOPSY, /* an operation was refused: read what is so now */
	PHASE_NEXT,    /* another session, or the end */
	PHASE_END,
	PHASE_FAILED,
};

struct gp_run {
	struct gp_run_params params;
	const struct gp_plan *plan;
	struct gp_plan *inverse; /* ROLLBACK */
	struct gp_record *record;
	bool has_receipt;
	uint16_t receipt_counter; /* of the last one */
	bool partly;		  /* ROLLBACK: something stays */
	bool committed;		  /* a record is with the host */
	bool dirty;		  /* the record has to be stored before anything is sent */
	enum phase phase;

	struct task *tasks;
	size_t nr_tasks;
	size_t begin, end; /* tasks of the open session */
	size_t cursor;	   /* the one that is sent next */

	/* the session */
	bool waiting; /* for gp_run_opened() */
	bool opened;
	size_t session;
	struct gp_fci fci;
	struct gp_recognition recognition;
	bool has_recognition;
	struct gp_cplc cplc;
	bool has_cplc;
	const struct gp_profile *profile;
	struct gp_scp *scp;
	uint8_t challenge[GP_CHALLENGE_MAX];
	uint8_t answer[258]; /* to the last ENTRY_SCP */
	size_t answer_len;
	uint8_t asked; /* RUN_ASKED_*: answered, whatever it was */
	const struct gp_scp11_keyset *scp11;
	struct gp_scp11_params params11; /* with the card's key */
	uint8_t *certificates;		 /* of the card */
	size_t certificates_len;
	const struct gp_keyset *keys; /* the session is opened with */
	bool other_keys;	      /* not those that the plan names: what it has put since */
	const struct gp_keyset *known[RUN_KNOWN];
	bool attempt; /* verdict is owed */
	char card[GP_CARD_ID_MAX];
	struct gp_aid sd;
	struct gp_scp_info info; /* of the last secure channel */
	char keys_name[GP_KEYSET_NAME_MAX];

	/* reading the card */
	struct gp_view view;
	uint8_t want; /* GP_LIST_* still to be read */
	bool want_keys;
	uint8_t page_of;   /* GP_LIST_* whose next page comes */
	unsigned int form; /* of GET STATUS: 0 with tags, 1 without, 2 not TLV */
	bool view_refused;
	bool verified; /* the view was read after the last task */

	/* the batch */
	struct gp_run_apdu *apdus;
	struct entry *entries;
	uint8_t **bytes; /* what apdus point to */
	size_t n, fed, max;
	size_t used; /* bytes that apdus point to */
	bool more;   /* GET RESPONSE has to come next */
	struct entry more_of;
	uint32_t more_le;
	struct gp_blob part; /* what came of the response so far */
	bool stopped;	     /* by a status word */
	bool broken;	     /* by something else */
	bool unknown;	     /* and it is not known whether the last APDU was executed */

	/* the end */
	enum gp_run_state state;
	int error;
	struct gp_error err;
	struct task *refused;
	uint32_t apdus_done, round_trips;
	char warnings[RUN_WARNINGS][RUN_DETAIL];
	size_t nr_warnings;
};

/** run_sw() - status word of a response, 0 for none */
static inline uint16_t run_sw(const uint8_t *rsp, size_t len)
{
	if (!rsp || len < 2)
		return 0;
	return (uint16_t)(rsp[len - 2] << 8 | rsp[len - 1]);
}

/* run.c and run-batch.c */

/** run_fail() - end with @error; the record is stored by gp_run_next(). Returns @error. */
int run_fail(struct gp_run *run, int error, const char *code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/** run_fail_err() - the same with words that somebody else has found */
int run_fail_err(struct gp_run *run, int error, const struct gp_error *err);
/** run_warn() - for people; kept in the result. The same words only once. */
void run_warn(struct gp_run *run, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** run_step() - note how far the operation of a task is */
void run_step(struct gp_run *run, const struct task *t, enum gp_step_state state);
/**
 * run_put() - put a command at the end of the batch
 * @clear: not wrapped yet
 * @entry: what it is for
 *
 * Return: 0; -ENOSPC if the batch has no room (nothing was wrapped); what wrapping and
 * encoding say.
 */
int run_put(struct gp_run *run, const struct gp_apdu *clear, const struct entry *entry,
	    struct gp_error *err);
/** run_put_response() - the same for GET RESPONSE, of which nothing is wrapped */
int run_put_response(struct gp_run *run, uint32_t le, const struct entry *entry,
		     struct gp_error *err);
/** run_wire() - how commands are put into bytes for this card on this channel */
struct gp_wire run_wire(const struct gp_run *run);
/** run_room() - APDUs that still fit */
size_t run_room(const struct gp_run *run);

/** run_full() - has the batch as many APDUs, or bytes, as it should have? */
bool run_full(const struct gp_run *run);

/** run_batch_clear() - cleanse and forget it */
void run_batch_clear(struct gp_run *run);
/** run_goes_on() - does the stream go on after this answer? */
bool run_goes_on(const struct gp_run_apdu *a, uint16_t sw);

/* run-more.c */

/** run_more_take() - a response that ends with 61xx: keep it, ask for the rest next */
int run_more_take(struct gp_run *run, const struct entry *entry, const uint8_t *rsp,
		  size_t len);
/** run_more_put() - ask. Return: 1 or a negative errno. */
int run_more_put(struct gp_run *run);
/** run_more_end() - the last piece; run->part is the whole response then */
int run_more_end(struct gp_run *run, const uint8_t *rsp, size_t len);
/** run_more_clear() - cleanse and forget it */
void run_more_clear(struct gp_run *run);

/* run-scp11.c */
void run_scp11_params(struct gp_run *run);
int run_scp11_begin(struct gp_run *run);

/* run-open.c */
int run_new_scp(struct gp_run *run, enum gp_protocol protocol, int i);
int run_check_card(struct gp_run *run);
void run_session_begin(struct gp_run *run);
void run_session_clear(struct gp_run *run);
int run_ident(struct gp_run *run);
/** run_ident_done() - was all of run_ident() answered? */
bool run_ident_done(const struct gp_run *run);
int run_channel(struct gp_run *run);
int run_auth(struct gp_run *run);
int run_open_fed(struct gp_run *run, const struct entry *entry, const uint8_t *rsp, size_t len);
void run_auth_fed(struct gp_run *run, const uint8_t *rsp, size_t len, uint32_t outcome);
int run_open_answer(struct gp_run *run);
const struct gp_keyset *run_keyset(const struct gp_run *run, const char *name);

/* run-view.c */
void run_view_begin(struct gp_run *run, bool keys);
int run_view_put(struct gp_run *run);
int run_view_fed(struct gp_run *run, const struct entry *entry, const uint8_t *rsp, size_t len);
bool run_view_done(const struct gp_run *run);

/* run-decide.c */
int run_decide(struct gp_run *run);
int run_verify(struct gp_run *run);
void run_autopsy(struct gp_run *run);
/** run_needs_view() - does any task of the session depend on what the card has? */
bool run_needs_view(const struct gp_run *run);
/** run_needs_keys() - and on its keys? */
bool run_needs_keys(const struct gp_run *run);

/* run-task.c */
int run_tasks_put(struct gp_run *run);
int run_task_fed(struct gp_run *run, const struct entry *entry, const uint8_t *rsp, size_t len);
void run_task_clear(struct task *t);
/** run_tasks_rewind() - the stream ended behind this command: go on from there */
void run_tasks_rewind(struct gp_run *run, const struct entry *entry);

/* run-receipt.c */

/**
 * run_receipt() - look for a receipt in the answer to a task's command, keep and verify it
 * @cmd: index of the command
 * @rsp: its response data
 *
 * What is wrong with it is a warning of the run. Return: 0 or -ENOMEM.
 */
int run_receipt(struct gp_run *run, struct task *t, size_t cmd, const uint8_t *rsp, size_t len);
/** run_receipt_word() - for the result */
const char *run_receipt_word(enum receipt_check check);

/* rollback.c */
int run_rollback_tasks(struct gp_run *run);

#endif /* GP_RUN_PRIV_H */
