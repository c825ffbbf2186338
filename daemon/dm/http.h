/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP exchange after the other with a DM server (OMA-TS-DM_TransportBinding_HTTP,
 * 1.2), by libcurl, in a thread of its own: names are resolved and private keys in
 * secure elements sign there without keeping the loop waiting.
 *
 * What a library would do out of kindness is off: redirects, cookies, proxies from the
 * environment, netrc, compression, HTTP authentication, HTTP/2. TLS is 1.2 or newer and
 * always verified. An answer is read no further than the bound that the caller gives.
 *
 * The functions are for one thread, the owner's.
 */
#ifndef SESAME_DM_HTTP_H
#define SESAME_DM_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/types.h>

#define DM_HTTP_WORDS_MAX 256
#define DM_HTTP_HMAC_MAX 512

struct dm_http;

/**
 * struct dm_http_peer - who we are, and whom we trust; copied, of @key a reference is kept
 * @ca: PEM file; NULL: the system's
 * @pin: as CURLOPT_PINNEDPUBLICKEY has it, "sha256//…;sha256//…"; NULL: none
 * @key: our private key, may lie in a secure element; NULL: none
 * @certs, @certs_len: our certificate, DER or PEM, issuers behind it
 * @allow_http: http:// may be used
 */
struct dm_http_peer {
	const char *ca;
	const char *pin;
	EVP_PKEY *key;
	const uint8_t *certs;
	size_t certs_len;
	bool allow_http;
};

/**
 * struct dm_http_request - one POST; all is copied
 * @hmac: value of x-syncml-hmac, NULL: none
 * @max: longest body of an answer, bytes
 * @timeout_ms: for all of it; 0: 60 s
 */
struct dm_http_request {
	const char *uri;
	const char *content_type;
	const char *hmac;
	const uint8_t *body;
	size_t len;
	size_t max;
	unsigned int timeout_ms;
};

/**
 * struct dm_http_answer - dm_http_release() it
 * @error: 0: there is a status. -EACCES (the address or TLS is not as it has to be:
 *	trying again does not help), -EMSGSIZE (the body is longer than @max), -ECANCELED,
 *	-ETIMEDOUT, -ENOMEM, -ECONNREFUSED and the like: -EIO
 * @status: of HTTP
 * @content_type: without parameters, lower case; "" if there is none
 * @hmac: of x-syncml-hmac; ""
 * @retry_after_s: of Retry-After, 0: none
 * @body: @len bytes
 * @why: with an error, in words
 */
struct dm_http_answer {
	int error;
	unsigned int status;
	char content_type[64];
	char hmac[DM_HTTP_HMAC_MAX];
	uint32_t retry_after_s;
	uint8_t *body;
	size_t len;
	char why[DM_HTTP_WORDS_MAX];
};

/** dm_http_new() - 0, -ENOMEM, -ENOTSUP (a libcurl without OpenSSL), another -errno */
int dm_http_new(struct dm_http **ret);
/** dm_http_free() - gives up what is under way, and waits for its end. NULL is fine. */
void dm_http_free(struct dm_http *h);

/** dm_http_fd() - readable when dm_http_result() has something */
int dm_http_fd(const struct dm_http *h);

/**
 * dm_http_begin() - the next requests are to this peer; connections of before are closed
 *
 * Return: 0, -EINVAL (certificates that cannot be read, or a key of another), -EBUSY, -ENOMEM.
 */
int dm_http_begin(struct dm_http *h, const struct dm_http_peer *peer);

/** dm_http_cancel() - the post under way, if there is one: nothing of it is told */
void dm_http_cancel(struct dm_http *h);

/** dm_http_end() - close the connection, forget the peer; what is under way is given up */
void dm_http_end(struct dm_http *h);

/** dm_http_post() - 0, -EBUSY (one is under way), -EINVAL, -ENOMEM. */
int dm_http_post(struct dm_http *h, const struct dm_http_request *req);

/** dm_http_result() - 0 and the answer, or -EAGAIN. */
int dm_http_result(struct dm_http *h, struct dm_http_answer *answer);
void dm_http_release(struct dm_http_answer *answer);

/**
 * dm_http_uri_check() - may this be asked for?
 * @allow_http: http:// too
 *
 * https, a host, no user information, no fragment, no characters that do not belong there.
 * Return: NULL, or what is wrong with it.
 */
const char *dm_http_uri_check(const char *uri, bool allow_http);

/** dm_http_same_host() - do scheme, host and port agree? */
bool dm_http_same_host(const char *a, const char *b);

#endif /* SESAME_DM_HTTP_H */
