/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of an account: account.c (life), account-link.c (associations),
 * account-kept.c (what of them outlives us), account-record.c (requests that must not
 * run twice). */
#ifndef SESAME_LWM2M_ACCOUNT_PRIV_H
#define SESAME_LWM2M_ACCOUNT_PRIV_H

#include "coap/transport.h"
#include "keys/cred.h"
#include "lwm2m/account-oscore.h"
#include "lwm2m/internal.h"

#define ACCOUNT_LINKS_MAX 4

/**
 * struct account_link - one way to the server: a Security instance, copied
 * @s: its pointers are this struct's own
 * @letter: 'U' or 'T', as in resource 7 of object 1
 */
struct account_link {
	struct lwm2m_security s;
	enum coap_transport_kind kind;
	char letter;
	char *host, *port;
	struct account_oscore *oscore; /* resource 17; NULL: none */
	bool shares;		       /* … it is an earlier link's */
};

struct account_record;

struct lwm2m_account {
	char *name;
	uint16_t ssid;
	struct job_store *store;
	struct lwm2m_jobs *jobs;
	struct lwm2m_client *client;
	struct lwm2m_shared *shared; /* NULL: nothing is kept */
	void (*log)(void *ctx, int level, const char *text);
	bool (*failed)(void *ctx);
	void *log_ctx;

	struct account_link links[ACCOUNT_LINKS_MAX];
	size_t nr_links;
	struct coap_transport *transport; /* owned by us, uses @cred */
	struct se_keys *keys;		  /* NULL: no references */
	struct keys_cred_load *load;	  /* under way */
	struct keys_cred cred;
	int cred_fd; /* eventfd, or -1 */
	int cred_error;
	bool resolving;		      /* @cred is not there yet */
	bool was_up;		      /* @transport, since it was made */
	struct account_link *current; /* @transport's */
	unsigned int tries;	      /* associations since one led to a registration */

	uint64_t now;
	uint64_t hold_until; /* not contacted yet, on purpose; 0: it is */
	bool wanted;	     /* an association, as soon as nobody is on the stack */
	bool dead;	     /* @transport is of no use any more */
	bool port_taken;     /* the one that we had before: use another */

	char why[CONTENT_WORDS_MAX];

	struct account_record *records; /* from before this process */
	bool records_lost;		/* … there was no memory for all */
};

void account_log(struct lwm2m_account *a, int level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* account-record.c; call backs of the engine, with the account as context */
int account_record_store(void *ctx, const struct coap_dedup_record *rec);
int account_record_find(void *ctx, struct coap_dedup_record *rec);
/** account_records_load() - those of before; 0, -ENOMEM, or what the journal said. */
int account_records_load(struct lwm2m_account *a);
/** account_records_drop() - the server counts its messages anew. */
void account_records_drop(struct lwm2m_account *a);

/* account-kept.c */
/** account_session_store() - that of the association; one that it has not is none. */
void account_session_store(struct lwm2m_account *a);
/** account_session_load() - the one of this way to the server, @len bytes with a format in
 * the first, or NULL; to be released with OPENSSL_cleanse() and free(). */
uint8_t *account_session_load(struct lwm2m_account *a, const struct account_link *l,
			      size_t *len);
/** account_port_load() - the port that we had over UDP, 0: none is known. */
uint16_t account_port_load(const struct lwm2m_account *a, const struct account_link *l);
/** account_port_store() - the one that the association has now, if it is UDP. */
void account_port_store(struct lwm2m_account *a);
/** account_mids() - call back of the engine (coap_ops.mids), with the account as context. */
int account_mids(void *ctx, uint16_t *first);

/* account-cred.c */
/** account_cred_refers() - is anything in it a reference? */
bool account_cred_refers(const struct lwm2m_security *s);
/** account_cred_start() - resolve them; a->cred_fd is readable when that is over.
 * 0, or a negative errno with words in a->why. */
int account_cred_start(struct lwm2m_account *a, const struct lwm2m_security *s);
/** account_cred_result() - -EAGAIN: not over yet; 0: they are in a->cred; or what was
 * wrong, with words in a->why. */
int account_cred_result(struct lwm2m_account *a);
/** account_cred_drop() - no transport may use them any more. */
void account_cred_drop(struct lwm2m_account *a);

/* account-link.c */
/**
 * account_link_add() - check and copy one Security instance
 *
 * Return: 0, -EINVAL with @why (CONTENT_WORDS_MAX bytes), -ENOSPC, -ENOMEM.
 */
int account_link_add(struct lwm2m_account *a, const struct lwm2m_security *s, char *why);
/** account_links_free() - wipes what is secret. */
void account_links_free(struct lwm2m_account *a);
/** account_link_open() - make an association now; the client hears what came of it. */
void account_link_open(struct lwm2m_account *a);
/** account_link_resolved() - a->cred_fd is readable: go on with it. */
void account_link_resolved(struct lwm2m_account *a);
/** account_link_close() - end the association, forget its credentials. */
void account_link_close(struct lwm2m_account *a);

#endif /* SESAME_LWM2M_ACCOUNT_PRIV_H */
