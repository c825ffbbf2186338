/* SPDX-License-Identifier: Apache-2.0 */
/* One reader of pcscd: an SE as PC/SC programs see it. Private to the handler. */
#ifndef SESAME_IFD_H
#define SESAME_IFD_H

#include <pthread.h>
#include <ifdhandler.h>
#include "libse/se.h"

#define READERS 16  /* of pcscd: PCSCLITE_MAX_READERS_CONTEXTS */
#define CHANNELS 20 /* ISO/IEC 7816-4, 5.4.1 */

/**
 * struct reader - one line of reader.conf
 * @lock: for all of it; the waiting itself is done without
 * @in_use: between IFDHCreateChannel and IFDHCloseChannel
 * @basic: the basic channel, not a logical one
 * @powered: PC/SC thinks so
 * @open: channel[0] has its logical channel
 * @used: something was sent since power-up or reset: there is a state to lose
 * @lost: that state is gone, and pcscd is to see the card go and come
 * @told: it has seen it go
 * @waits: pcscd's event thread is @waiter
 * @generation: that the state belongs to, with @used
 * @bell: eventfd that ends the waiting
 * @watch: inotify of the folder where the node will be, or -1
 * @node: the device or the socket
 * @name: for se_open()
 * @channel: [0] also for asking; the others are there while they are open
 * @atr: of the last look
 */
struct reader {
	pthread_mutex_t lock;
	bool in_use;
	bool basic;
	bool powered;
	bool open;
	bool used;
	bool lost;
	bool told;
	bool waits;
	pthread_t waiter;
	uint64_t generation;
	int bell;
	int watch;
	char node[256];
	char name[256];
	struct se *channel[CHANNELS];
	struct se_info info;
	uint8_t atr[SE_ATR_MAX];
	size_t atr_len;
};

/* ---- card.c: the SE as a card. The reader is locked by the caller. ---- */

/**
 * card_look() - is it there, and who is it?
 *
 * Fills in @r->info and @r->atr. Nothing is sent to an SE behind the driver.
 * Returns 0, or a negative errno: it is not there, and nothing is open any more.
 */
int card_look(struct reader *r);

/**
 * card_transmit() - run one C-APDU
 * @r: card_look() was fine since it was last forgotten
 * @cmd: any bytes
 * @len: their number
 * @rsp: where the R-APDU goes
 * @rsp_len: in: its size, 2 or more; out: length of the R-APDU, which may be above
 *
 * Returns 0, or a negative errno: -ENODEV and -ECONNRESET say that what was selected and
 * unlocked is gone.
 */
int card_transmit(struct reader *r, const uint8_t *cmd, DWORD len, uint8_t *rsp,
		  DWORD *rsp_len);

/** card_reset() - end whatever was selected and unlocked. 0 or a negative errno. */
int card_reset(struct reader *r);

/** card_forget() - the same, and close everything. */
void card_forget(struct reader *r);

/** card_lose() - somebody else did that: pcscd is to see the card go and come. */
void card_lose(struct reader *r, int error);

/* ---- wait.c: for pcscd's event thread ---- */

/** wait_begin() - make @r->bell and @r->watch. 0 or a negative errno. */
int wait_begin(struct reader *r);
void wait_end(struct reader *r);

/** wait_ring() - have the event thread look. */
void wait_ring(const struct reader *r);

/**
 * wait_for_event() - until there may be something new about the card
 * @r: locked; unlocked on return
 * @timeout: milliseconds
 */
RESPONSECODE wait_for_event(struct reader *r, int timeout);

#endif /* SESAME_IFD_H */
