// SPDX-License-Identifier: Apache-2.0
/* An instance of object 0 as an account takes it. */
#include <errno.h>
#include <string.h>

#include "coap/transport.h"
#include "lwm2m/internal.h"

enum {
	URI,
	BOOTSTRAP,
	MODE,
	IDENTITY,
	PEER,
	SECRET,
	SSID = 10,
	MATCH = 13,
	SNI,
	USAGE,
	CIPHERS,
	OSCORE,
};

static struct lwm2m_bytes bytes(const struct lwm2m_data *d, uint16_t instance, uint16_t rid)
{
	struct lwm2m_bytes b = {0};
	const struct lwm2m_value *v = lwm2m_data_get(d, MODEL_OBJECT_SECURITY, instance, rid);

	if (v) {
		b.p = v->p;
		b.len = v->len;
	}
	return b;
}

static int64_t number(const struct lwm2m_data *d, uint16_t instance, uint16_t rid,
		      int64_t other)
{
	return lwm2m_data_int(d, MODEL_OBJECT_SECURITY, instance, rid, other);
}

static int get_ciphers(const struct lwm2m_data *d, uint16_t instance,
		       struct lwm2m_security *out)
{
	struct lwm2m_set set = {0};
	int r = lwm2m_data_read(d, MODEL_OBJECT_SECURITY, instance, CIPHERS, &set);

	for (size_t i = 0; r == 0 && i < set.n && out->nr_ciphers < LWM2M_CIPHERS_MAX; i++)
		if (set.v[i].type != MODEL_NONE)
			out->ciphers[out->nr_ciphers++] = (uint16_t)set.v[i].i;
	lwm2m_set_clear(&set);
	return r;
}

const char *lwm2m_security_lacks(const struct lwm2m_security *s, bool secure)
{
	if (s->mode > LWM2M_SECURITY_NONE)
		return "security mode 4 (certificate by EST) is not supported";
	if (secure && s->mode == LWM2M_SECURITY_NONE)
		return "the address is a coaps one and the security mode 3 (none)";
	if (!secure && s->mode != LWM2M_SECURITY_NONE)
		return "the address is a coap one and the security mode not 3 (none)";
	if (s->mode == LWM2M_SECURITY_PSK && (s->identity.len == 0 || s->key.len == 0))
		return "a pre-shared key needs resources 3 (identity) and 5 (key)";
	if (s->mode == LWM2M_SECURITY_PSK && s->identity.len > COAP_PSK_IDENTITY_MAX)
		return "the PSK identity is too long, 128 bytes can be used";
	if (s->mode == LWM2M_SECURITY_PSK && memchr(s->identity.p, 0, s->identity.len))
		return "the PSK identity has a NUL in it";
	if (s->mode == LWM2M_SECURITY_RPK && (s->key.len == 0 || s->server.len == 0))
		return "raw public keys need resources 4 (of the server) and 5 (private key)";
	if (s->mode == LWM2M_SECURITY_X509 && (s->identity.len == 0 || s->key.len == 0))
		return "certificates need resources 3 (certificate) and 5 (private key)";
	if (s->mode == LWM2M_SECURITY_X509 && s->server.len == 0 &&
	    s->usage > LWM2M_CERT_SERVICE_CONSTRAINT)
		return "this certificate usage needs resource 4 (certificate of the server)";
	return NULL;
}

int lwm2m_data_security(const struct lwm2m_data *d, uint16_t instance,
			struct lwm2m_security *out, char *words)
{
	static const struct lwm2m_security init = LWM2M_SECURITY_INIT;
	enum coap_transport_kind kind = COAP_TRANSPORT_UDP;
	const struct lwm2m_value *v;
	const char *why = NULL;
	int r;

	if (!lwm2m_data_has(d, MODEL_OBJECT_SECURITY, instance)) {
		content_words(words, "there is no /0/%u", instance);
		return -ENOENT;
	}
	*out = init;
	out->instance = instance;
	out->uri = lwm2m_data_string(d, MODEL_OBJECT_SECURITY, instance, URI, NULL);
	out->bootstrap = number(d, instance, BOOTSTRAP, 0) != 0;
	out->mode = (enum lwm2m_security_mode)number(d, instance, MODE, LWM2M_SECURITY_NONE);
	out->identity = bytes(d, instance, IDENTITY);
	out->server = bytes(d, instance, PEER);
	out->key = bytes(d, instance, SECRET);
	out->ssid =
		out->bootstrap ? LWM2M_SSID_BOOTSTRAP : (uint16_t)number(d, instance, SSID, 0);
	out->match = (enum lwm2m_cert_match)number(d, instance, MATCH, LWM2M_MATCH_EXACT);
	out->sni = lwm2m_data_string(d, MODEL_OBJECT_SECURITY, instance, SNI, NULL);
	out->usage =
		(enum lwm2m_cert_usage)number(d, instance, USAGE, LWM2M_CERT_DOMAIN_ISSUED);
	v = lwm2m_data_get(d, MODEL_OBJECT_SECURITY, instance, OSCORE);
	/* a link to 65535/65535 is none */
	if (v && v->object == MODEL_OBJECT_OSCORE)
		out->oscore = v->instance;
	r = get_ciphers(d, instance, out);
	if (r < 0)
		why = strerror(-r);
	else if (!out->uri || coap_transport_scheme(out->uri, &kind) < 0)
		why = "resource 0 is no coap, coaps, coap+tcp or coaps+tcp address";
	else if (out->oscore >= 0 &&
		 !lwm2m_data_has(d, MODEL_OBJECT_OSCORE, (uint16_t)out->oscore))
		why = "resource 17 links to an instance of object 21 that is not there";
	else if (!out->bootstrap && out->ssid == 0)
		why = "resource 10 (short server id) is missing";
	else
		why = lwm2m_security_lacks(out, coap_transport_secure(kind));
	if (!why)
		return 0;
	content_words(words, "/0/%u: %s", instance, why);
	return r < 0 ? r : -EINVAL;
}
