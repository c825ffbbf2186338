// SPDX-License-Identifier: Apache-2.0
/* [server NAME]: is it complete, and what do its files hold? */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "coap/transport.h"
#include "control/config.h"
#include "keys/seref.h"
#include "libse/se.h"

enum { MODE_PSK, RPK, MODE_X509, NOSEC };

bool config_is_reference(const char *value)
{
	return seref_is(value, strlen(value));
}

bool config_server_secure(const struct config_server *s)
{
	enum coap_transport_kind kind;

	return coap_transport_scheme(s->uri, &kind) >= 0 && coap_transport_secure(kind);
}

static bool oscore(const struct config_server *s)
{
	return s->oscore_secret_file[0] || s->oscore_sender[0] || s->oscore_recipient[0] ||
	       s->oscore_salt[0] || s->oscore_context[0];
}

/* as it is said, or as what is there suggests */
static unsigned int mode(const struct config_server *s)
{
	static const char *const names[] = {
		[MODE_PSK] = "psk", [RPK] = "rpk", [MODE_X509] = "x509", [NOSEC] = "nosec"};

	for (unsigned int i = 0; s->security[0] && i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(s->security, names[i]))
			return i;
	if (!config_server_secure(s))
		return NOSEC;
	if (s->cert[0])
		return MODE_X509;
	return s->key[0] ? RPK : MODE_PSK;
}

static const char *check_mode(const struct config_server *s)
{
	switch (mode(s)) {
	case MODE_PSK:
		if (!s->psk_identity[0] || (!s->psk_file[0] && !s->psk[0]))
			return "has a coaps uri: psk_identity= and psk_file= are needed, or "
			       "key= with cert= or server_key=";
		if (s->psk_file[0] && s->psk[0])
			return "has both psk_file= and psk=: one of them";
		return NULL;
	case RPK:
		return s->key[0] && s->server_key[0] ? NULL
						     : "has raw public keys: key= (ours, "
						       "private) and server_key= are "
						       "needed";
	case MODE_X509:
		if (!s->key[0] || !s->cert[0])
			return "has certificates: cert= and key= are needed";
		if (!s->server_cert[0] && strcmp(s->cert_usage, "ca") != 0 &&
		    strcmp(s->cert_usage, "service") != 0)
			return "has no server_cert=: only cert_usage=ca and service do without";
		return NULL;
	default:
		/* keys that would not be used: nothing is sent in the clear by mistake */
		return s->psk_identity[0] || s->psk_file[0] || s->psk[0] || s->key[0] ||
				       s->cert[0]
			       ? "has keys and no security: its uri should be a coaps one"
			       : NULL;
	}
}

/* two sections that would be one account: the later would take the place of the former */
static const char *check_others(const struct config *c, const struct config_server *s)
{
	bool bootstrap = !strcmp(s->bootstrap, "yes");

	for (const struct config_server *o = c->server; o < s; o++) {
		if (bootstrap != !strcmp(o->bootstrap, "yes"))
			continue;
		if (bootstrap)
			return "is a second one with bootstrap=yes: there may be one";
		if (o->ssid == s->ssid)
			return "has the ssid= of another [server] (left out, it is the "
			       "section's number): give each its own";
	}
	return NULL;
}

/* the transport of the address has to be among those that the server is told */
static const char *check_binding(const struct config_server *s)
{
	enum coap_transport_kind kind;

	if (!s->binding[0] || coap_transport_scheme(s->uri, &kind) < 0 ||
	    strchr(s->binding, coap_transport_stream(kind) ? 'T' : 'U'))
		return NULL;
	return "has a binding= without the transport of its uri: T for +tcp, U for the others";
}

const char *config_server_check(const struct config *c, const struct config_server *s)
{
	const char *why;

	if (!s->uri[0])
		return "has no uri=: add uri=coaps://HOST";
	if (!s->endpoint[0] && !c->endpoint[0])
		return "has no endpoint=: add the name that the server knows the device by";
	if (config_server_secure(s) && mode(s) == NOSEC)
		return "has a coaps uri and security=nosec: one of them is wrong";
	if (!config_server_secure(s) && mode(s) != NOSEC)
		return "has a coap uri, which has no security: use coaps:// or security=nosec";
	why = check_mode(s);
	if (why)
		return why;
	if (oscore(s) &&
	    (!s->oscore_secret_file[0] || !s->oscore_sender[0] || !s->oscore_recipient[0]))
		return "has not all of oscore_secret_file=, oscore_sender= and "
		       "oscore_recipient=";
	if (oscore(s) && !strcasecmp(s->oscore_sender, s->oscore_recipient))
		return "has the same oscore_sender= and oscore_recipient=: they must differ";
	if (strlen(s->oscore_sender) > 14 || strlen(s->oscore_recipient) > 14)
		return "has an oscore_sender= or oscore_recipient= of more than 7 bytes";
	if (s->pmax && s->pmax < s->pmin)
		return "has a pmax smaller than its pmin";
	why = check_binding(s);
	return why ? why : check_others(c, s);
}

/* ---- what the files hold --------------------------------------------------------- */

static int copy(struct config_bytes *out, const void *p, size_t len)
{
	out->p = malloc(len + 1);
	if (!out->p)
		return -ENOMEM;
	memcpy(out->p, p, len);
	out->p[len] = 0;
	out->len = len;
	return 0;
}

int config_take(const char *key, const char *value, bool secret, struct config_bytes *out,
		char *why, size_t room)
{
	int n = snprintf(why, room, "%s: ", key);

	if (!*value)
		return 0;
	if (config_is_reference(value))
		return copy(out, value, strlen(value));
	return config_read_file(value, secret, out, why + n, room - (size_t)n);
}

/* one that nothing can read is better found now than at each try of the server */
int config_take_key(const char *value, struct config_bytes *out, char *why, size_t room)
{
	int r = config_take("key", value, true, out, why, room);
	EVP_PKEY *key;

	if (r || !*value || config_is_reference(value))
		return r;
	r = coap_private_key(out->p, out->len, &key);
	if (r)
		snprintf(why, room,
			 "key: %s: no private key (PKCS #8, PEM or DER, no pass phrase)",
			 value);
	else
		EVP_PKEY_free(key);
	return r;
}

static int take_psk(const char *key, const char *path, struct config_bytes *out, char *why,
		    size_t room)
{
	uint8_t bytes[CONFIG_PSK_MAX];
	int n = snprintf(why, room, "%s: ", key), r;
	size_t len;

	r = config_read_psk(path, bytes, &len, why + n, room - (size_t)n);
	if (!r)
		r = copy(out, bytes, len);
	explicit_bzero(bytes, sizeof(bytes));
	return r;
}

int config_take_hex(const char *hex, struct config_bytes *out)
{
	uint8_t bytes[128];
	size_t len;
	int r;

	if (!*hex)
		return 0;
	r = se_from_hex(hex, strlen(hex), bytes, sizeof(bytes), &len);
	return r ? r : copy(out, bytes, len);
}

static int take_oscore(const struct config_server *s, struct config_credentials *out, char *why,
		       size_t room)
{
	int r;

	if (!oscore(s))
		return 0;
	r = take_psk("oscore_secret_file", s->oscore_secret_file, &out->oscore_secret, why,
		     room);
	if (r)
		return r;
	r = config_take_hex(s->oscore_sender, &out->oscore_sender);
	if (!r)
		r = config_take_hex(s->oscore_recipient, &out->oscore_recipient);
	if (!r)
		r = config_take_hex(s->oscore_salt, &out->oscore_salt);
	if (!r)
		r = config_take_hex(s->oscore_context, &out->oscore_context);
	if (r)
		snprintf(why, room, "oscore keys: %s", strerror(-r));
	return r;
}

static int usage(const struct config_server *s)
{
	static const char *const names[] = {"ca", "service", "anchor", "domain"};

	for (int i = 0; i < 4; i++)
		if (!strcmp(s->cert_usage, names[i]))
			return i;
	return -1;
}

int config_server_credentials(const struct config_server *s, struct config_credentials *out,
			      char *why, size_t room)
{
	int r = 0;

	memset(out, 0, sizeof(*out));
	out->mode = mode(s);
	out->usage = out->mode == MODE_X509 ? usage(s) : -1;
	switch (out->mode) {
	case MODE_PSK:
		r = copy(&out->identity, s->psk_identity, strlen(s->psk_identity));
		if (!r && s->psk[0])
			r = copy(&out->secret, s->psk, strlen(s->psk));
		else if (!r)
			r = take_psk("psk_file", s->psk_file, &out->secret, why, room);
		break;
	case RPK:
		r = config_take_key(s->key, &out->secret, why, room);
		if (!r)
			r = config_take("server_key", s->server_key, false, &out->peer, why,
					room);
		break;
	case MODE_X509:
		r = config_take_key(s->key, &out->secret, why, room);
		if (!r)
			r = config_take("cert", s->cert, false, &out->identity, why, room);
		if (!r)
			r = config_take("server_cert", s->server_cert, false, &out->peer, why,
					room);
		break;
	default:
		break;
	}
	if (r == -ENOMEM)
		snprintf(why, room, "out of memory");
	return r ? r : take_oscore(s, out, why, room);
}

void config_bytes_clear(struct config_bytes *b)
{
	if (b->p)
		explicit_bzero(b->p, b->len);
	free(b->p);
	b->p = NULL;
	b->len = 0;
}

void config_credentials_clear(struct config_credentials *c)
{
	config_bytes_clear(&c->identity);
	config_bytes_clear(&c->peer);
	config_bytes_clear(&c->secret);
	config_bytes_clear(&c->oscore_secret);
	config_bytes_clear(&c->oscore_salt);
	config_bytes_clear(&c->oscore_sender);
	config_bytes_clear(&c->oscore_recipient);
	config_bytes_clear(&c->oscore_context);
}
