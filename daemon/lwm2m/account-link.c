// SPDX-License-Identifier: Apache-2.0
/*
 * Associations with the server: which of the Security instances is used, and with what
 * credentials. What of them is kept over a restart: account-kept.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "lwm2m/account-priv.h"

/* ---- what a Security instance says ------------------------------------------ */

/* [scheme]host[:port][/], the host in brackets if it is IPv6 */
static int parse_uri(struct account_link *l, const char *uri, char *why)
{
	int n = coap_transport_scheme(uri ? uri : "", &l->kind);
	const char *p, *end, *port = NULL;
	size_t len = 0;

	if (n < 0)
		goto bad;
	p = uri + n;
	if (*p == '[') {
		end = strchr(++p, ']');
		if (!end || (end[1] != '\0' && end[1] != ':' && end[1] != '/'))
			goto bad;
		port = end[1] == ':' ? end + 2 : NULL;
	} else {
		end = p + strcspn(p, ":/");
		port = *end == ':' ? end + 1 : NULL;
	}
	if (port)
		len = strspn(port, "0123456789");
	if (end == p ||
	    (port && (len < 1 || len > 5 || strtoul(port, NULL, 10) - 1 >= UINT16_MAX)))
		goto bad;
	l->host = strndup(p, (size_t)(end - p));
	if (port)
		l->port = strndup(port, len);
	p = port ? port + len : *end == ']' ? end + 1 : end;
	if (*p == '/')
		p++;
	if (*p)
		goto bad;
	l->letter = coap_transport_stream(l->kind) ? 'T' : 'U';
	return l->host && (!port || l->port) ? 0 : -ENOMEM;
bad:
	content_words(why,
		      "uri \"%s\" is not coap, coaps, coap+tcp or coaps+tcp ://host[:port]",
		      uri ? uri : "");
	return -EINVAL;
}

static int copy_bytes(struct lwm2m_bytes *to, const struct lwm2m_bytes *from)
{
	uint8_t *p;

	to->p = NULL;
	to->len = 0;
	if (from->len == 0)
		return 0;
	p = malloc(from->len + 1);
	if (!p)
		return -ENOMEM;
	memcpy(p, from->p, from->len);
	p[from->len] = 0; /* an identity is used as a string */
	to->p = p;
	to->len = from->len;
	return 0;
}

static void free_bytes(struct lwm2m_bytes *b)
{
	OPENSSL_clear_free((void *)(uintptr_t)b->p, b->p ? b->len + 1 : 0);
	b->p = NULL;
	b->len = 0;
}

static void link_free(struct account_link *l)
{
	free_bytes(&l->s.identity);
	free_bytes(&l->s.server);
	free_bytes(&l->s.key);
	free((void *)(uintptr_t)l->s.sni);
	free(l->host);
	free(l->port);
	if (!l->shares)
		account_oscore_free(l->oscore);
	memset(l, 0, sizeof(*l));
}

/* one context per instance of object 21, however many ways lead to its server */
static int add_oscore(struct lwm2m_account *a, struct account_link *l, char *why)
{
	if (l->s.oscore < 0)
		return 0;
	for (size_t i = 0; i < a->nr_links; i++)
		if (a->links[i].s.oscore == l->s.oscore) {
			l->oscore = a->links[i].oscore;
			l->shares = true;
			return 0;
		}
	return a->shared ? account_oscore_new(&l->oscore, a->shared, &l->s, why) : -EINVAL;
}

int account_link_add(struct lwm2m_account *a, const struct lwm2m_security *s, char *why)
{
	struct account_link *l = &a->links[a->nr_links];
	const char *what;
	int err;

	if (a->nr_links == ACCOUNT_LINKS_MAX)
		return -ENOSPC;
	l->s = *s;
	l->s.uri = NULL; /* it is in host and port */
	l->s.sni = NULL;
	memset(&l->s.server, 0, sizeof(l->s.server));
	memset(&l->s.key, 0, sizeof(l->s.key));
	err = copy_bytes(&l->s.identity, &s->identity);
	if (err == 0)
		err = copy_bytes(&l->s.server, &s->server);
	if (err == 0)
		err = copy_bytes(&l->s.key, &s->key);
	if (err == 0 && s->sni && !(l->s.sni = strdup(s->sni)))
		err = -ENOMEM;
	if (err == 0)
		err = parse_uri(l, s->uri, why);
	what = err == 0 ? lwm2m_security_lacks(&l->s, coap_transport_secure(l->kind)) : NULL;
	if (what) {
		content_words(why, "%s", what);
		err = -EINVAL;
	}
	if (err == 0)
		err = add_oscore(a, l, why);
	if (err < 0)
		link_free(l);
	else
		a->nr_links++;
	return err;
}

void account_links_free(struct lwm2m_account *a)
{
	for (size_t i = 0; i < a->nr_links; i++)
		link_free(&a->links[i]);
	a->nr_links = 0;
}

/* ---- call backs of the transport --------------------------------------------- */

static void tell_carriers(struct lwm2m_account *a, char current)
{
	char all[LWM2M_BINDING_MAX] = "";

	for (size_t i = 0; i < a->nr_links; i++)
		if (!strchr(all, a->links[i].letter))
			all[strlen(all)] = a->links[i].letter;
	lwm2m_client_carriers(a->client, all, current);
}

static void on_up(void *ctx, bool resumed)
{
	struct lwm2m_account *a = ctx;
	const struct account_link *l = a->current;
	/*
	 * Over UDP a registration outlives our socket, over DTLS with the session. A new
	 * session starts the message ids of the server anew, and with a stream go its
	 * observations (RFC 8323): then everything begins anew.
	 */
	bool fresh =
		coap_transport_stream(l->kind) || (coap_transport_secure(l->kind) && !resumed);

	if (coap_transport_secure(l->kind))
		account_log(a, LOG_INFO, "%s: %s, session %s",
			    coap_transport_name(a->transport),
			    coap_transport_cipher(a->transport), resumed ? "resumed" : "new");
	if (fresh)
		account_records_drop(a);
	a->was_up = true;
	a->port_taken = false;
	account_port_store(a);
	tell_carriers(a, l->letter);
	lwm2m_client_up(a->client, a->now, fresh);
}

static void on_datagram(void *ctx, const uint8_t *data, size_t len)
{
	struct lwm2m_account *a = ctx;

	lwm2m_client_input(a->client, a->now, data, len);
}

/* resource 11 of object 1 */
static void keep_alert(struct lwm2m_account *a)
{
	int alert = a->transport ? coap_transport_alert(a->transport) : -1;
	int32_t server;

	if (alert < 0 || !a->shared || lwm2m_data_in_transaction(a->shared->data))
		return;
	server = lwm2m_data_find(a->shared->data, MODEL_OBJECT_SERVER, 0, a->ssid);
	if (server >= 0 && lwm2m_data_int(a->shared->data, MODEL_OBJECT_SERVER,
					  (uint16_t)server, 11, -1) != alert)
		lwm2m_data_set_int(a->shared->data, MODEL_OBJECT_SERVER, (uint16_t)server, 11,
				   alert);
}

static void on_problem(void *ctx, int error, const char *what, bool fatal)
{
	struct lwm2m_account *a = ctx;

	if (!fatal) {
		lwm2m_client_unreachable(a->client, a->now, error < 0 ? error : -error);
		return;
	}
	a->dead = true;
	a->port_taken = error == -EADDRINUSE || error == EADDRINUSE;
	keep_alert(a);
	lwm2m_client_down(a->client, a->now, error, what);
}

static void on_session(void *ctx)
{
	account_session_store(ctx);
}

static const struct coap_transport_handler handler = {
	.up = on_up,
	.datagram = on_datagram,
	.problem = on_problem,
	.session = on_session,
};

/* ---- opening ----------------------------------------------------------------- */

/* the one that is wanted, and after each failure the next */
static struct account_link *choose(struct lwm2m_account *a)
{
	size_t first = 0;
	char wanted;

	if (!a->current)
		tell_carriers(a, 0);
	wanted = lwm2m_client_carrier_wanted(a->client);

	for (size_t i = 0; wanted && i < a->nr_links; i++)
		if (a->links[i].letter == wanted) {
			first = i;
			break;
		}
	return &a->links[(first + a->tries++) % a->nr_links];
}

static int credentials(struct lwm2m_account *a, const struct lwm2m_security *s,
		       struct coap_credentials *c)
{
	bool refers = account_cred_refers(s);
	int ret = 0;

	c->server = refers ? a->cred.server : s->server.p;
	c->server_len = refers ? a->cred.server_len : s->server.len;
	c->libctx = a->cred.libctx;
	c->async = a->cred.async;
	if (s->mode == LWM2M_SECURITY_PSK) {
		c->psk_identity = s->identity.p;
		c->psk_key = refers ? a->cred.psk : s->key.p;
		c->psk_key_len = refers ? a->cred.psk_len : s->key.len;
	} else if (s->mode != LWM2M_SECURITY_NONE) {
		c->cert = refers ? a->cred.own : s->identity.p;
		c->cert_len = refers ? a->cred.own_len : s->identity.len;
		if (a->cred.key && EVP_PKEY_up_ref(a->cred.key))
			c->key = a->cred.key;
		else
			ret = coap_private_key(s->key.p, s->key.len, &c->key);
	}
	if (ret < 0)
		content_words(a->why, "/0/%u/5 is no private key in PKCS#8", s->instance);
	return ret;
}

static int open_new(struct lwm2m_account *a, struct account_link *l)
{
	static const enum coap_auth auth[] = {
		[LWM2M_SECURITY_PSK] = COAP_AUTH_PSK,
		[LWM2M_SECURITY_RPK] = COAP_AUTH_RPK,
		[LWM2M_SECURITY_X509] = COAP_AUTH_X509,
		[LWM2M_SECURITY_NONE] = COAP_AUTH_NONE,
	};
	struct coap_transport_config config = {
		.kind = l->kind,
		.host = l->host,
		.port = l->port,
		.credentials =
			{
				.auth = auth[l->s.mode],
				.usage = (enum coap_cert_usage)l->s.usage,
				.match = (enum coap_cert_match)l->s.match,
				.sni = l->s.sni,
				.suites = l->s.nr_ciphers ? l->s.ciphers : NULL,
				.n_suites = l->s.nr_ciphers,
			},
	};
	int ret = credentials(a, &l->s, &config.credentials);
	uint16_t bound = a->port_taken ? 0 : account_port_load(a, l);
	uint8_t *session;
	char port[8];
	size_t len;

	if (ret < 0)
		return ret;
	snprintf(port, sizeof(port), "%u", bound);
	config.bind_port = bound ? port : NULL;
	session = account_session_load(a, l, &len);
	config.session = session ? session + 1 : NULL;
	config.session_len = session ? len - 1 : 0;
	ret = coap_transport_open(&a->transport, &config, &handler, a, a->now, a->why,
				  sizeof(a->why));
	if (ret == -EADDRINUSE && bound) {
		/* somebody else has it now: any other will do */
		config.bind_port = NULL;
		ret = coap_transport_open(&a->transport, &config, &handler, a, a->now, a->why,
					  sizeof(a->why));
	}
	if (session) {
		OPENSSL_cleanse(session, len);
		free(session);
	}
	EVP_PKEY_free(config.credentials.key);
	return ret;
}

void account_link_close(struct lwm2m_account *a)
{
	coap_transport_close(a->transport);
	a->transport = NULL;
	account_cred_drop(a);
}

static void opened(struct lwm2m_account *a, int ret)
{
	if (ret == 0)
		return;
	a->dead = true;
	lwm2m_client_down(a->client, a->now, ret, *a->why ? a->why : NULL);
}

void account_link_open(struct lwm2m_account *a)
{
	struct account_link *l = choose(a);
	/* an SE may have been changed or given other keys: references are read again */
	bool again = l == a->current && (a->was_up || !account_cred_refers(&l->s));
	int ret;

	a->dead = a->was_up = false;
	a->why[0] = '\0';
	lwm2m_client_oscore(a->client, l->oscore ? l->oscore->o : NULL);
	if (a->transport && again && !a->port_taken) {
		opened(a, coap_transport_reopen(a->transport, a->now, a->why, sizeof(a->why)));
		return;
	}
	account_link_close(a);
	a->current = l;
	ret = lwm2m_client_stream(a->client, a->now, coap_transport_stream(l->kind));
	if (ret == 0 && account_cred_refers(&l->s))
		ret = account_cred_start(a, &l->s);
	else if (ret == 0)
		ret = open_new(a, l);
	opened(a, ret);
}

void account_link_resolved(struct lwm2m_account *a)
{
	int ret = account_cred_result(a);

	if (ret == -EAGAIN)
		return;
	opened(a, ret < 0 ? ret : open_new(a, a->current));
}
