// SPDX-License-Identifier: Apache-2.0
/*
 * What of an association is kept over a restart: the DTLS or TLS session, our port, and
 * how far our message ids are.
 *
 * All of kind LWM2M_KIND_SESSION; keys begin with the short server id (two bytes, as all
 * numbers here big endian). Then:
 *	Security instance (two bytes): format 1, then what coap_transport_session() gave
 *	'P': the port (two bytes)
 *	'M': the message id from which on they are not given yet (two bytes)
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <syslog.h>

#include <openssl/crypto.h>

#include "lwm2m/account-priv.h"

#define SESSION_FORMAT 1

/* ---- sessions ---------------------------------------------------------------- */

static void session_key(const struct lwm2m_account *a, const struct account_link *l,
			uint8_t key[4])
{
	key[0] = (uint8_t)(a->ssid >> 8);
	key[1] = (uint8_t)a->ssid;
	key[2] = (uint8_t)(l->s.instance >> 8);
	key[3] = (uint8_t)l->s.instance;
}

void account_session_store(struct lwm2m_account *a)
{
	uint8_t key[4], *data = NULL, *value = NULL;
	size_t len = 0;
	int ret;

	if (!a->shared || coap_transport_session(a->transport, &data, &len) < 0)
		return;
	session_key(a, a->current, key);
	value = OPENSSL_malloc(len + 1);
	ret = value ? 0 : -ENOMEM;
	if (value) {
		value[0] = SESSION_FORMAT;
		memcpy(value + 1, data, len);
		ret = store_put(a->shared->state, LWM2M_KIND_SESSION, key, sizeof(key), value,
				len + 1);
	}
	if (ret < 0)
		account_log(a, LOG_WARNING, "the session cannot be kept over a restart: %s",
			    strerror(-ret));
	OPENSSL_clear_free(value, len + 1);
	OPENSSL_clear_free(data, len);
}

uint8_t *account_session_load(struct lwm2m_account *a, const struct account_link *l,
			      size_t *len)
{
	uint8_t key[4], *value = NULL;

	*len = 0;
	if (!a->shared || !coap_transport_secure(l->kind))
		return NULL;
	session_key(a, l, key);
	if (store_get(a->shared->state, LWM2M_KIND_SESSION, key, sizeof(key), &value, len) < 0)
		return NULL;
	if (*len > 1 && value[0] == SESSION_FORMAT)
		return value;
	OPENSSL_cleanse(value, *len);
	free(value);
	*len = 0;
	return NULL;
}

/* ---- our port and our message ids ---------------------------------------------- */

static bool number_load(const struct lwm2m_account *a, char what, uint16_t *number)
{
	const uint8_t key[3] = {(uint8_t)(a->ssid >> 8), (uint8_t)a->ssid, (uint8_t)what};
	uint8_t *value = NULL;
	size_t len = 0;
	bool good;

	if (!a->shared ||
	    store_get(a->shared->state, LWM2M_KIND_SESSION, key, sizeof(key), &value, &len) < 0)
		return false;
	good = len == 2;
	if (good)
		*number = (uint16_t)(value[0] << 8 | value[1]);
	free(value);
	return good;
}

static int number_store(const struct lwm2m_account *a, char what, uint16_t number)
{
	const uint8_t key[3] = {(uint8_t)(a->ssid >> 8), (uint8_t)a->ssid, (uint8_t)what};
	const uint8_t value[2] = {(uint8_t)(number >> 8), (uint8_t)number};

	if (!a->shared)
		return -EOPNOTSUPP;
	return store_put(a->shared->state, LWM2M_KIND_SESSION, key, sizeof(key), value,
			 sizeof(value));
}

/*
 * Without a session a server knows us by our address alone, and so the observations
 * that go on after a restart are only ours from the same port. It then takes us for
 * one and the same peer, whose message ids must not come again.
 */
uint16_t account_port_load(const struct lwm2m_account *a, const struct account_link *l)
{
	uint16_t port;

	return l->kind == COAP_TRANSPORT_UDP && number_load(a, 'P', &port) ? port : 0;
}

void account_port_store(struct lwm2m_account *a)
{
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} u = {0};
	socklen_t len = sizeof(u);
	uint16_t port;

	if (a->current->kind != COAP_TRANSPORT_UDP ||
	    getsockname(coap_transport_fd(a->transport), &u.sa, &len) < 0)
		return;
	port = ntohs(u.sa.sa_family == AF_INET6 ? u.in6.sin6_port : u.in.sin_port);
	if (port != account_port_load(a, a->current))
		(void)number_store(a, 'P', port);
}

int account_mids(void *ctx, uint16_t *first)
{
	const struct lwm2m_account *a = ctx;

	if (!number_load(a, 'M', first) &&
	    getrandom(first, sizeof(*first), 0) != (ssize_t)sizeof(*first))
		abort();
	return number_store(a, 'M', (uint16_t)(*first + COAP_MIDS));
}
