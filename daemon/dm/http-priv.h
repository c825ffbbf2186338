/* SPDX-License-Identifier: Apache-2.0 */
/* What the owner's functions (http.c) and the thread (http-exchange.c) share. */
#ifndef SESAME_DM_HTTP_PRIV_H
#define SESAME_DM_HTTP_PRIV_H

#include <pthread.h>

#include <curl/curl.h>
#include <openssl/ssl.h>

#include "dm/http.h"

/* who we are to a peer; made by the owner, freed with the last who needs it */
struct http_identity {
	char *ca, *pin;
	EVP_PKEY *key;
	STACK_OF(X509) * certs;
	bool allow_http;
};

struct http_post {
	char *uri, *type, *hmac;
	uint8_t *body;
	size_t len, max;
	unsigned int timeout_ms;
};

struct dm_http {
	pthread_t thread;
	int fd;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool quit;
	bool cancel;		    /* the post under way, if there is one */
	bool drop;		    /* the connection */
	bool busy;		    /* a post waits or is under way */
	bool done;		    /* its answer is there */
	struct http_identity *next; /* for the thread to take over, with @drop */
	struct http_post *post;	    /* the same */
	struct dm_http_answer answer;
	CURLM *multi; /* the thread's, but for curl_multi_wakeup() */

	/* the thread's */
	CURL *easy;
	struct http_identity *who;
	size_t room;
	size_t max;
	bool too_long;
	char error[CURL_ERROR_SIZE];
};

/** http_exchange() - in the thread: one post, to its end; the answer is in @h->answer */
void http_exchange(struct dm_http *h, struct http_post *p);

#endif /* SESAME_DM_HTTP_PRIV_H */
