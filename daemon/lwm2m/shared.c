// SPDX-License-Identifier: Apache-2.0
/* The shared part of a client that was given none: its one account, in memory. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lwm2m/internal.h"

enum { URI, BOOTSTRAP, MODE, SECURITY_SSID = 10 };
enum { SSID, LIFETIME, PMIN, PMAX, STORING = 6, BINDING };

static int fill(struct lwm2m_data *d, const struct lwm2m_config *config)
{
	uint16_t ssid = config->ssid ? config->ssid : 1;
	int64_t lifetime = config->lifetime ? config->lifetime : 86400;
	int r = lwm2m_data_add(d, MODEL_OBJECT_SECURITY, 0);

	if (r == 0)
		r = lwm2m_data_add(d, MODEL_OBJECT_SERVER, 0);
	if (r == 0 && config->uri)
		r = lwm2m_data_set_bytes(d, MODEL_OBJECT_SECURITY, 0, URI, config->uri,
					 strlen(config->uri));
	if (r == 0)
		r = lwm2m_data_set_int(d, MODEL_OBJECT_SECURITY, 0, BOOTSTRAP, 0);
	if (r == 0)
		r = lwm2m_data_set_int(d, MODEL_OBJECT_SECURITY, 0, MODE,
				       config->secure_psk ? LWM2M_SECURITY_PSK
							  : LWM2M_SECURITY_NONE);
	if (r == 0)
		r = lwm2m_data_set_int(d, MODEL_OBJECT_SECURITY, 0, SECURITY_SSID, ssid);
	if (r == 0)
		r = lwm2m_data_set_int(d, MODEL_OBJECT_SERVER, 0, SSID, ssid);
	if (r == 0)
		r = lwm2m_data_set_int(d, MODEL_OBJECT_SERVER, 0, LIFETIME, lifetime);
	if (r == 0)
		r = lwm2m_data_set_int(d, MODEL_OBJECT_SERVER, 0, PMIN, config->pmin);
	if (r == 0)
		r = lwm2m_data_set_int(d, MODEL_OBJECT_SERVER, 0, PMAX, config->pmax);
	if (r == 0)
		r = lwm2m_data_set_int(d, MODEL_OBJECT_SERVER, 0, STORING, true);
	if (r == 0)
		r = lwm2m_data_set_bytes(d, MODEL_OBJECT_SERVER, 0, BINDING, "U", 1);
	return r;
}

int lwm2m_shared_own(struct lwm2m_client *c, const struct lwm2m_config *config)
{
	struct lwm2m_shared *s = calloc(1, sizeof(*s));
	char why[CONTENT_WORDS_MAX];
	int r;

	if (!s)
		return -ENOMEM;
	c->shared = s;
	s->own = c;
	s->endpoint = c->endpoint;
	s->manufacturer = c->manufacturer;
	s->model = c->model;
	s->serial = c->serial;
	s->firmware = c->firmware;
	r = store_open(&s->state, NULL, "lwm2m", why, sizeof(why));
	if (r == 0)
		r = lwm2m_data_new(&s->data, s->state, why);
	return r < 0 ? r : fill(s->data, config);
}

void lwm2m_shared_drop(struct lwm2m_client *c)
{
	struct lwm2m_shared *s = c->shared;

	if (!s || s->own != c)
		return;
	lwm2m_data_free(s->data);
	store_close(s->state);
	free(s);
	c->shared = NULL;
}

void lwm2m_shared_error(struct lwm2m_shared *s, unsigned int code)
{
	const struct lwm2m_path path = lwm2m_path_at(2, MODEL_OBJECT_DEVICE, 0, 0, 0);

	if (code == 0 || code > 31 || (s->errors & 1U << code))
		return;
	s->errors |= 1U << code;
	if (s->ops && s->ops->changed)
		s->ops->changed(s->ops_ctx, NULL, &path);
	else if (s->own)
		lwm2m_dm_changed(s->own, &path);
}
