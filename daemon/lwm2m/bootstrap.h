/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bootstrap (LwM2M core 1.1 and 1.2, chapter 6.1).
 *
 * Where accounts come from, in the order of 6.1.4 (6.1.3 in 1.2):
 *
 *	1. smart card, if one is configured (pkcs15/card.h)
 *	2. what is stored from before; at the very first start the factory file
 *	3. with any account: register; bootstrap is over
 *	4. without one, or if none of them takes us (resource 16 of object 1): the bootstrap
 *	   server asks to be asked, after its hold-off time (resource 11 of object 0)
 *
 * and at any time when a server executes /1/x/9 (server-initiated).
 *
 * struct lwm2m_bootstrap is that order and the session with the bootstrap server in one pure
 * state machine: bytes and a monotonic time in milliseconds in, call backs out. The data
 * model is changed once, at the end: a session works on a copy of it, which Bootstrap-Finish
 * (or the pack of 1.2) checks and stores in one transaction. A session that fails or is cut
 * short leaves what was there, and the accounts that are registered stay so meanwhile.
 */
#ifndef SESAME_LWM2M_BOOTSTRAP_H
#define SESAME_LWM2M_BOOTSTRAP_H

#include "gp/apdu.h"
#include "lwm2m/lwm2m.h"
#include "lwm2m/state.h"
#include "lwm2m/value.h"

struct lwm2m_data;
struct lwm2m_bootstrap;

/** enum lwm2m_bs_state - where it is; for logs and the control interface */
enum lwm2m_bs_state {
	LWM2M_BS_IDLE,	     /* not started, or nothing configured to bootstrap from */
	LWM2M_BS_CARD,	     /* the card is being read */
	LWM2M_BS_DONE,	     /* there are accounts; nothing to do */
	LWM2M_BS_HOLD_OFF,   /* waits until @next to ask the bootstrap server */
	LWM2M_BS_CONNECTING, /* the association is being made */
	LWM2M_BS_REQUESTING, /* Bootstrap-(Pack-)Request sent */
	LWM2M_BS_SESSION,    /* the server writes */
	LWM2M_BS_WAITING,    /* failed; tries again at @next */
};

/** enum lwm2m_bs_source - what the present accounts came from */
enum lwm2m_bs_source {
	LWM2M_BS_FROM_NOTHING,
	LWM2M_BS_FROM_CARD,
	LWM2M_BS_FROM_FACTORY,
	LWM2M_BS_FROM_SERVER,
};

/**
 * struct lwm2m_bootstrap_config - strings are copied
 * @endpoint: endpoint client name; NULL or empty: none is sent (1.1 allows that)
 * @card: read the card first
 * @pack: try a Bootstrap-Pack-Request before a Bootstrap-Request (1.2)
 * @version: 10, 11 or 12: pct= from 11 on, packs from 12 on
 * @allow_nosec: a bootstrap server, the card or its file may add accounts without security
 * @optional: the device is managed otherwise: that there is neither an account nor a bootstrap
 *	server is nothing to warn of
 * @factory: contents of the factory file (lwm2m/bsfile.h); len 0: none
 */
struct lwm2m_bootstrap_config {
	const char *endpoint;
	bool card;
	bool pack;
	unsigned int version;
	bool allow_nosec;
	bool optional;
	struct gp_bytes factory;
};

/**
 * struct lwm2m_bootstrap_ops - given by the owner; called from within the functions below
 * @coap: send and random are needed; the rest is not looked at
 * @read_card: begin to read the card; lwm2m_bootstrap_card() tells what came of it
 * @connect: make an association with the bootstrap server of Security instance @instance;
 *	then lwm2m_bootstrap_up() or _down(). Return: 0 or a negative errno (as _down())
 * @disconnect: end it; called from within whatever the owner called: not before that is over
 * @links: append ",</3/0>" and so on to the answer of a Bootstrap-Discover: what there is of
 *	@object, or of all objects if it is negative, that is not in the data model; optional
 * @clock: CLOCK_REALTIME in seconds, for resource 12 of object 0 over a restart; optional
 * @changed: accounts were added, changed or removed: compare with what runs
 * @log: as in struct lwm2m_client_ops
 */
struct lwm2m_bootstrap_ops {
	struct coap_ops coap;
	int (*read_card)(void *ctx);
	int (*connect)(void *ctx, uint16_t instance);
	void (*disconnect)(void *ctx);
	void (*changed)(void *ctx);
	void (*links)(void *ctx, int32_t object, struct model_buf *out);
	int64_t (*clock)(void *ctx);
	void (*log)(void *ctx, int level, const char *text);
};

/** struct lwm2m_bootstrap_status - for the control interface */
struct lwm2m_bootstrap_status {
	enum lwm2m_bs_state state;
	enum lwm2m_bs_source source;
	uint64_t next; /* or LWM2M_NEVER */
	unsigned int attempts;
	char error[CONTENT_WORDS_MAX]; /* the last one in words, empty if none since success */
};

/**
 * lwm2m_bootstrap_new() - nothing happens before lwm2m_bootstrap_start()
 * @data: the data model; kept by reference
 * @state: what it is kept in, kind LWM2M_KIND_BS; kept by reference
 * @ops: kept by reference
 *
 * Return: 0, -EINVAL (version), -ENOMEM.
 */
int lwm2m_bootstrap_new(struct lwm2m_bootstrap **ret,
			const struct lwm2m_bootstrap_config *config, struct lwm2m_data *data,
			struct store *state, const struct lwm2m_bootstrap_ops *ops, void *ctx);
void lwm2m_bootstrap_free(struct lwm2m_bootstrap *b);

/** lwm2m_bootstrap_start() - begin with step 1; accounts may run when @changed says so or
 * the state is LWM2M_BS_DONE */
void lwm2m_bootstrap_start(struct lwm2m_bootstrap *b, uint64_t now);

/**
 * lwm2m_bootstrap_card() - what came of ops.read_card, or of a later re-check
 * @error: 0, or a negative errno as pkcs15_next() gives, -ENODEV (no SE), -ENOMEDIUM; then
 *	accounts that came from the card are dropped
 * @p: the file; not needed any more afterwards
 * @len: its bytes
 *
 * Where the file is the same as last time nothing changes.
 */
void lwm2m_bootstrap_card(struct lwm2m_bootstrap *b, uint64_t now, int error, const uint8_t *p,
			  size_t len);

/**
 * lwm2m_bootstrap_recheck() - a Register or Update of @ssid leaves, or the SE changed (@ssid 0)
 *
 * Where the account came from the card, ops.read_card is called; the account need not wait
 * for it (core 1.1, 6.1.3.2).
 */
void lwm2m_bootstrap_recheck(struct lwm2m_bootstrap *b, uint64_t now, uint16_t ssid);

/**
 * lwm2m_bootstrap_failed() - an account gave up registering (resources 17 to 20 of
 * object 1) and its resource 16 says that this is a reason to bootstrap
 */
void lwm2m_bootstrap_failed(struct lwm2m_bootstrap *b, uint64_t now, uint16_t ssid);

/** lwm2m_bootstrap_registered() - an account did register: the data are good ones */
void lwm2m_bootstrap_registered(struct lwm2m_bootstrap *b, uint64_t now, uint16_t ssid);

/**
 * lwm2m_bootstrap_request() - a server executes /1/x/9
 *
 * Nothing is done before the next lwm2m_bootstrap_tick(), so that the answer can leave; nor
 * if a session runs already.
 *
 * Return: 0; -ENOENT: there is no bootstrap server; -EBUSY: the card is being read.
 */
int lwm2m_bootstrap_request(struct lwm2m_bootstrap *b, uint64_t now);

/** lwm2m_bootstrap_up(), _down(), _input() - as lwm2m_client_up() and so on, for the
 * association with the bootstrap server */
void lwm2m_bootstrap_up(struct lwm2m_bootstrap *b, uint64_t now);
void lwm2m_bootstrap_down(struct lwm2m_bootstrap *b, uint64_t now, int error, const char *what);
void lwm2m_bootstrap_input(struct lwm2m_bootstrap *b, uint64_t now, const uint8_t *data,
			   size_t len);

/**
 * lwm2m_bootstrap_attach() - the session runs over @ep, an endpoint of the owner
 * @ep: NULL: not any more; it may be gone then
 *
 * Before lwm2m_bootstrap_up(), instead of ops.coap and lwm2m_bootstrap_input(). The owner hands
 * over what its endpoint calls back with: _take() is coap_ops.request, _answer() result and
 * _lost() transfer_lost.
 */
void lwm2m_bootstrap_attach(struct lwm2m_bootstrap *b, struct coap_endpoint *ep);
int lwm2m_bootstrap_take(struct lwm2m_bootstrap *b, const struct coap_request *req);
void lwm2m_bootstrap_answer(struct lwm2m_bootstrap *b, const struct coap_result *res);
void lwm2m_bootstrap_lost(struct lwm2m_bootstrap *b, uint32_t transfer);

void lwm2m_bootstrap_tick(struct lwm2m_bootstrap *b, uint64_t now);
/** lwm2m_bootstrap_deadline() - when lwm2m_bootstrap_tick() is wanted, or LWM2M_NEVER. */
uint64_t lwm2m_bootstrap_deadline(const struct lwm2m_bootstrap *b);

void lwm2m_bootstrap_status(const struct lwm2m_bootstrap *b, struct lwm2m_bootstrap_status *st);
/** lwm2m_bs_state_name() - "hold-off" and so on; lwm2m_bs_source_name() - "card". */
const char *lwm2m_bs_state_name(enum lwm2m_bs_state state);
const char *lwm2m_bs_source_name(enum lwm2m_bs_source source);

#endif /* SESAME_LWM2M_BOOTSTRAP_H */
