/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the bootstrap state machine share. */
#ifndef SESAME_LWM2M_BS_PRIV_H
#define SESAME_LWM2M_BS_PRIV_H

#include "lwm2m/bootstrap.h"
#include "lwm2m/data.h"

#define BS_DIGEST 32 /* SHA-256 */

/* resources of objects 0 and 1 that bootstrap looks at */
enum {
	BS_SEC_URI = 0,
	BS_SEC_BOOTSTRAP = 1,
	BS_SEC_MODE = 2,
	BS_SEC_SSID = 10,
	BS_SEC_HOLD_OFF = 11,
	BS_SEC_TIMEOUT = 12,
	BS_SEC_OSCORE = 17,
	BS_SRV_SSID = 0,
	BS_SRV_LAST = 12, /* Last Bootstrapped */
	BS_NO_SECURITY = 3,
};

/** struct bs_at - an instance of a stored object */
struct bs_at {
	uint16_t object;
	uint16_t instance;
};

/** struct bs_list - instances by rising object and instance */
struct bs_list {
	struct bs_at *at;
	size_t n, room;
};

int bs_list_add(struct bs_list *l, uint16_t object, uint16_t instance); /* 0, -ENOMEM */
bool bs_list_has(const struct bs_list *l, uint16_t object, uint16_t instance);
void bs_list_clear(struct bs_list *l);

struct lwm2m_bootstrap {
	struct lwm2m_bootstrap_ops ops;
	void *ctx;
	struct coap_ops coap;	  /* ours, in front of the owner's */
	struct coap_endpoint *ep; /* @own, or the account's */
	struct coap_endpoint *own;
	struct lwm2m_data *data;
	struct store *state;
	char *endpoint;
	bool card, pack, allow_nosec, optional;
	unsigned int version;
	uint8_t *factory;
	size_t factory_len;

	uint64_t now;
	bool started;
	enum lwm2m_bs_state at;
	enum lwm2m_bs_source source;
	uint64_t next; /* of the state: hold-off, retry, or when a session has failed */
	unsigned int attempts;
	bool requested; /* by a server: it stays so although servers take us */
	char error[CONTENT_WORDS_MAX];

	/* the card */
	bool reread;		 /* asked for meanwhile: what is read may be older than that */
	bool reading;		 /* ops.read_card was called, nothing came yet */
	unsigned int card_tries; /* of a card that cannot be read just now */
	uint64_t card_next;	 /* when to read it again */
	uint8_t digest[BS_DIGEST]; /* of the file that is applied */
	bool applied;		   /* it is */
	struct bs_list from_card;  /* instances that came from it */

	/* the session */
	int32_t server;	  /* Security instance of the bootstrap server, or -1 */
	bool connected;	  /* ops.connect was called */
	bool asked_plain; /* pct was not taken: ask without */
	bool asking_pack;
	uint32_t call;
	bool calling;
	uint64_t linger; /* the association is kept, to answer a repeated Finish */
	struct lwm2m_data *copy;
	struct bs_list touched;
	struct model_buf body;
	uint32_t transfer;
	uint64_t purge; /* resource 12: when the bootstrap account ends */
};

void bs_log(struct lwm2m_bootstrap *b, int level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* bootstrap.c */
/** bs_failed() - this attempt is over; b->error says why. Sets what is next. */
void bs_failed(struct lwm2m_bootstrap *b);
/** bs_succeeded() - the data were changed by the session and kept */
void bs_succeeded(struct lwm2m_bootstrap *b);
void bs_set_state(struct lwm2m_bootstrap *b, enum lwm2m_bs_state at, uint64_t next);
/** bs_disconnect() - end the association, if there is one */
void bs_disconnect(struct lwm2m_bootstrap *b);
/** bs_hold_off() - ask the bootstrap server in @ms, if there is one */
void bs_hold_off(struct lwm2m_bootstrap *b, uint64_t ms);
/** bs_hold_off_ms() - resource 11 of its account, 0 if there is none */
uint64_t bs_hold_off_ms(const struct lwm2m_bootstrap *b);
/** bs_accounts() - how many pairs of Security and Server instances there are */
size_t bs_accounts(const struct lwm2m_data *d);
/** bs_server() - the Security instance of the bootstrap server, or -1 */
int32_t bs_server(const struct lwm2m_data *d);

/* bs-source.c */
void bs_read_card(struct lwm2m_bootstrap *b);

/* bs-session.c */
int bs_session_new(struct lwm2m_bootstrap *b);
void bs_session_begin(struct lwm2m_bootstrap *b);
void bs_session_end(struct lwm2m_bootstrap *b);

/* bs-ops.c: on the session's copy; 0 or a CoAP code with @words */
int bs_write(struct lwm2m_bootstrap *b, const struct lwm2m_path *path, uint32_t format,
	     const uint8_t *p, size_t len, char *words);
int bs_delete(struct lwm2m_bootstrap *b, const struct lwm2m_path *path, char *words);
int bs_read(struct lwm2m_bootstrap *b, const struct lwm2m_path *path, uint32_t format,
	    struct model_buf *out, char *words);
int bs_discover(struct lwm2m_bootstrap *b, const struct lwm2m_path *path, struct model_buf *out,
		char *words);
int bs_pack(struct lwm2m_bootstrap *b, uint32_t format, const uint8_t *p, size_t len,
	    char *words);

/* bs-apply.c: on the data model */
/** bs_copy() - the session's copy; 0, -ENOMEM */
int bs_copy(struct lwm2m_bootstrap *b);
/**
 * bs_finish() - store what the session touched, if it is consistent
 *
 * Return: 0; -EINVAL with @words: it is not, nothing was changed; or another errno.
 */
int bs_finish(struct lwm2m_bootstrap *b, char *words);
/** bs_take_card() - the card's file as it is now; bs_drop_card() - what came from it goes.
 * 0 or a negative errno with @words. */
int bs_take_card(struct lwm2m_bootstrap *b, const uint8_t *p, size_t len, char *words);
int bs_drop_card(struct lwm2m_bootstrap *b, char *words);
int bs_take_factory(struct lwm2m_bootstrap *b, char *words);

/* bs-check.c */
/**
 * bs_check() - may the client live with this configuration? (core 1.1, 6.1.6)
 * @fresh: instances that are new or changed: the ones in which NoSec counts
 *
 * Return: 0, or -EINVAL with @words.
 */
int bs_check(const struct lwm2m_data *d, const struct bs_list *fresh, bool allow_nosec,
	     char *words);

/* bs-state.c: what is kept */
int bs_state_load(struct lwm2m_bootstrap *b);
int bs_state_save_card(struct lwm2m_bootstrap *b);
int bs_state_save(struct lwm2m_bootstrap *b);
/** bs_state_before() - what the card took the place of: keep, fetch (NULL: nothing), forget */
int bs_state_put_before(struct lwm2m_bootstrap *b, const struct model_buf *file);
int bs_state_get_before(struct lwm2m_bootstrap *b, uint8_t **p, size_t *len);
int bs_state_drop_before(struct lwm2m_bootstrap *b);
/** bs_state_factory() - is the factory file the one that was applied last? set: note it */
bool bs_state_factory(struct lwm2m_bootstrap *b, const uint8_t digest[BS_DIGEST]);
int bs_state_set_factory(struct lwm2m_bootstrap *b, const uint8_t digest[BS_DIGEST]);
void bs_digest(const uint8_t *p, size_t len, uint8_t digest[BS_DIGEST]);

#endif /* SESAME_LWM2M_BS_PRIV_H */
