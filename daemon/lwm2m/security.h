/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How one server is reached and how it and we prove who we are: an instance of
 * object 0 (LwM2M core 1.2, E.1), as the account takes it. Times of resource 11
 * (Client Hold Off) and 12 (Bootstrap-Server Account Timeout) are not in it, they
 * concern the bootstrap state machine.
 *
 * Strings and bytes are the caller's; lwm2m_account_new() copies what it keeps and
 * wipes its copy at the end.
 */
#ifndef SESAME_LWM2M_SECURITY_H
#define SESAME_LWM2M_SECURITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** enum lwm2m_security_mode - resource 2 */
enum lwm2m_security_mode {
	LWM2M_SECURITY_PSK = 0,
	LWM2M_SECURITY_RPK = 1,
	LWM2M_SECURITY_X509 = 2,
	LWM2M_SECURITY_NONE = 3,
	LWM2M_SECURITY_EST = 4, /* certificates by EST: not supported, refused */
};

/** enum lwm2m_cert_usage - resource 15 (RFC 6698, 2.1.1); 3 if it is not there */
enum lwm2m_cert_usage {
	LWM2M_CERT_CA_CONSTRAINT = 0,
	LWM2M_CERT_SERVICE_CONSTRAINT = 1,
	LWM2M_CERT_TRUST_ANCHOR = 2,
	LWM2M_CERT_DOMAIN_ISSUED = 3,
};

/** enum lwm2m_cert_match - resource 13: what resource 4 is of the certificate */
enum lwm2m_cert_match {
	LWM2M_MATCH_EXACT = 0,
	LWM2M_MATCH_SHA256 = 1,
	LWM2M_MATCH_SHA384 = 2,
	LWM2M_MATCH_SHA512 = 3,
};

#define LWM2M_CIPHERS_MAX 16
#define LWM2M_NO_OSCORE (-1)

/** struct lwm2m_bytes - borrowed bytes; @len 0: none */
struct lwm2m_bytes {
	const void *p;
	size_t len;
};

/**
 * struct lwm2m_security - one instance of object 0
 * @instance: its number
 * @uri: 0: coap, coaps, coap+tcp or coaps+tcp ://host[:port]
 * @bootstrap: 1: it is the account of a bootstrap server
 * @mode: 2
 * @identity: 3: PSK identity; own SubjectPublicKeyInfo (RPK) or certificates
 *	(X.509: DER, one after the other, own one first). May be a reference
 * @server: 4: the server's SubjectPublicKeyInfo (RPK), or its certificate or a
 *	digest of it as @match says (X.509). May be a reference. Empty with X.509
 *	and usage 0 or 1: the system's trust store alone
 * @key: 5: PSK; PKCS#8 private key (RPK, X.509). May be a reference
 * @ssid: 10
 * @match: 13
 * @sni: 14, or NULL: the host of @uri
 * @usage: 15
 * @ciphers, @nr_ciphers: 16: IANA numbers, best first; none: all that the
 *	stack allows
 * @oscore: 17: instance of object 21, or LWM2M_NO_OSCORE
 * @trusted: it is of the local configuration, whose references may have what those of a
 *	server may not, keys/seref.h
 *
 * A reference is "se:…" (keys/seref.h) or a "pkcs11:" URI; the bytes that it
 * stands for are fetched or used in place when the association is made.
 */
struct lwm2m_security {
	uint16_t instance;
	const char *uri;
	bool bootstrap;
	enum lwm2m_security_mode mode;
	struct lwm2m_bytes identity;
	struct lwm2m_bytes server;
	struct lwm2m_bytes key;
	uint16_t ssid;
	enum lwm2m_cert_match match;
	const char *sni;
	enum lwm2m_cert_usage usage;
	uint16_t ciphers[LWM2M_CIPHERS_MAX];
	size_t nr_ciphers;
	int32_t oscore;
	bool trusted;
};

#define LWM2M_SECURITY_INIT                 \
	{.mode = LWM2M_SECURITY_NONE,       \
	 .usage = LWM2M_CERT_DOMAIN_ISSUED, \
	 .oscore = LWM2M_NO_OSCORE}

#endif /* SESAME_LWM2M_SECURITY_H */
