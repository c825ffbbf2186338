/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attempt ledger: cards count failed authentications and lock up for good
 * after a few. So each EXTERNAL AUTHENTICATE is written down, on the disk,
 * before it leaves, one entry per (card, security domain, key version number);
 * after one that failed, or whose outcome is not known, the next is refused
 * until a person says to go on.
 *
 * Several programs may use one ledger at a time. An entry is replaced as a whole
 * (write, fsync, rename, fsync), so that a power cut leaves the old or the new
 * one; one that is damaged all the same is never taken for "no failures".
 *
 * Caller, around one authentication:
 *
 *	ledger_begin()		refused: nothing is sent
 *	EXTERNAL AUTHENTICATE
 *	ledger_end(outcome)
 *
 * A process that dies in between leaves the entry as "outcome unknown".
 */
#ifndef SESAME_KEYS_LEDGER_H
#define SESAME_KEYS_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gp_error;

#define LEDGER_CARD_MAX 97 /* card id with its NUL */

struct ledger;
struct ledger_attempt;

/**
 * struct ledger_id - what an entry is about
 * @card: what identifies the chip: capital hex digits of CPLC (9F7F) or of the key
 *	diversification data, 2 to 96 of them
 * @aid: of the security domain
 * @aid_len: its length, 5 to 16 bytes; 0 if it is not known (the default one)
 * @kvn: key version number as the card answered it
 */
struct ledger_id {
	char card[LEDGER_CARD_MAX];
	uint8_t aid[16];
	uint8_t aid_len;
	uint8_t kvn;
};

/** enum ledger_state - how the last attempt ended */
enum ledger_state {
	LEDGER_SUCCESS,
	LEDGER_FAILED,	/* the card said no */
	LEDGER_UNKNOWN, /* sent, or being sent; no answer came */
	LEDGER_CORRUPT, /* the entry cannot be read; only @id (if that) is valid */
};

/** enum ledger_outcome - how an attempt went; see struct se_apdu.outcome */
enum ledger_outcome {
	LEDGER_DID_SUCCEED,
	LEDGER_DID_FAIL,     /* an error status word to EXTERNAL AUTHENTICATE */
	LEDGER_DID_NOT_SEND, /* SE_OUTCOME_NOT_SENT: it did not happen */
	LEDGER_DID_BREAK,    /* SE_OUTCOME_UNKNOWN */
};

/**
 * struct ledger_entry - what is on the disk
 * @id: what it is about
 * @state: how the last attempt ended
 * @attempts: that did not succeed since the last one that did
 * @running: a process that lives is authenticating right now
 * @time: of the last attempt, seconds since 1970 (UTC)
 * @program: who made it, "sectl[1234]"
 * @file: name of the entry's file in the ledger's folder
 */
struct ledger_entry {
	struct ledger_id id;
	enum ledger_state state;
	uint32_t attempts;
	bool running;
	int64_t time;
	char program[32];
	char file[256];
};

/**
 * ledger_open - open a ledger, make its folder if need be
 * @dir: the state folder; NULL: /var/lib/sesame for root, else
 *	$XDG_STATE_HOME/sesame or ~/.local/state/sesame. Entries are in its
 *	folder "attempts", for their owner only
 *
 * Errors: those of mkdir() and open(); -EACCES if others may write there;
 * -ENOENT if no state folder can be named (no HOME).
 */
int ledger_open(struct ledger **ret, const char *dir, struct gp_error *err);

/** ledger_close - NULL is fine; attempts that are out stay valid */
void ledger_close(struct ledger *l);

/**
 * ledger_begin - write down that an EXTERNAL AUTHENTICATE is about to leave
 * @retry: go on after a failed attempt or one whose outcome is unknown, and over
 *	a damaged entry
 * @ret: out: to be given to ledger_end(), whatever happens
 *
 * With 0 the attempt is on the disk. Waits up to 5 s for another process that
 * is authenticating with the same key. Errors, with nothing written:
 * -EPERM	refused: the last attempt failed or is unknown (err->code
 *		"attempt-refused", or "attempt-unknown")
 * -EBUSY	another process is at it ("attempt-running")
 * -EBADMSG	the entry is damaged ("ledger-corrupt")
 * -EINVAL	@id is none
 * -ENOSPC, -EIO, … cannot be written: do not authenticate ("ledger")
 */
int ledger_begin(struct ledger *l, const struct ledger_id *id, bool retry,
		 struct ledger_attempt **ret, struct gp_error *err);

/**
 * ledger_end - write down how it went, free @a
 *
 * Returns 0, or a negative errno when that could not be written: the entry then
 * says "unknown", which errs on the safe side. NULL is fine (0).
 */
int ledger_end(struct ledger_attempt *a, enum ledger_outcome outcome);

/**
 * ledger_list - all entries, damaged ones too, in the order of their files' names
 * @each: called for each; a result other than 0 ends the walk and is returned
 */
int ledger_list(struct ledger *l, int (*each)(void *ctx, const struct ledger_entry *e),
		void *ctx, struct gp_error *err);

/**
 * ledger_look - one entry
 *
 * Returns 0; -ENOENT: there never was an attempt; -EBADMSG: damaged, @e->state
 * says so too.
 */
int ledger_look(struct ledger *l, const struct ledger_id *id, struct ledger_entry *e);

/**
 * ledger_forget - remove entries, damaged ones too
 * @file: as in struct ledger_entry; or a prefix of it, such as a card id
 * @n: out: how many; may be NULL
 *
 * Entries of running attempts stay (-EBUSY, the others are removed). -ENOENT if
 * none matches, -EINVAL if @file is empty.
 */
int ledger_forget(struct ledger *l, const char *file, size_t *n, struct gp_error *err);

/** ledger_state_name - "success", "failed", "unknown", "corrupt" */
const char *ledger_state_name(enum ledger_state state);

/**
 * ledger_parse - an entry's text (pure; the file has a checksum in its last line)
 *
 * Returns 0 or -EBADMSG with @e->state LEDGER_CORRUPT. @file and @running are not
 * set.
 */
int ledger_parse(struct ledger_entry *e, const char *text, size_t len);

#endif /* SESAME_KEYS_LEDGER_H */
