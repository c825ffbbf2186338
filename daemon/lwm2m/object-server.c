// SPDX-License-Identifier: Apache-2.0
/* Object 1, Server: the one instance of this account. */
#include <string.h>

#include "lwm2m/internal.h"

enum { SSID, LIFETIME, PMIN, PMAX, STORING = 6, BINDING, UPDATE };

static size_t instances(struct lwm2m_client *c, uint16_t *ids, size_t room)
{
	(void)c;
	if (room > 0)
		ids[0] = 0;
	return room > 0;
}

static int read(struct lwm2m_client *c, uint16_t instance, int32_t rid, struct lwm2m_set *set,
		char *words)
{
	const struct lwm2m_value all[] = {
		{.path.id[2] = SSID, .type = MODEL_INTEGER, .i = c->ssid},
		{.path.id[2] = LIFETIME, .type = MODEL_INTEGER, .i = c->lifetime},
		{.path.id[2] = PMIN, .type = MODEL_INTEGER, .i = c->pmin},
		{.path.id[2] = PMAX, .type = MODEL_INTEGER, .i = c->pmax},
		{.path.id[2] = STORING, .type = MODEL_BOOLEAN, .i = c->storing},
		{.path.id[2] = BINDING,
		 .type = MODEL_STRING,
		 .p = (const uint8_t *)"U",
		 .len = 1},
	};

	(void)words;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct lwm2m_value v = all[i];

		if (rid >= 0 && rid != v.path.id[2])
			continue;
		v.path = lwm2m_path_at(3, MODEL_OBJECT_SERVER, instance, v.path.id[2], 0);
		if (lwm2m_set_add(set, &v) < 0)
			return COAP_500_INTERNAL;
	}
	return 0;
}

static int write(struct lwm2m_client *c, uint16_t instance, const struct lwm2m_value *v,
		 size_t n, bool replace, char *words)
{
	(void)instance;
	(void)replace; /* all of them are mandatory or keep their value */
	for (size_t i = 0; i < n; i++)
		if (v[i].path.id[2] == BINDING && (v[i].len != 1 || *v[i].p != 'U')) {
			lwm2m_words(words, "/1/0/7: only the binding U is supported");
			return COAP_400_BAD_REQUEST;
		}
	for (size_t i = 0; i < n; i++) {
		switch (v[i].path.id[2]) {
		case LIFETIME:
			c->lifetime = (uint32_t)v[i].i;
			lwm2m_registration_update(c, true);
			break;
		case PMIN:
			c->pmin = (uint32_t)v[i].i;
			break;
		case PMAX:
			c->pmax = (uint32_t)v[i].i;
			break;
		case STORING:
			c->storing = v[i].i != 0;
			break;
		}
	}
	return 0;
}

static int execute(struct lwm2m_client *c, uint16_t instance, uint16_t rid,
		   const struct lwm2m_args *args, char *words)
{
	(void)instance;
	(void)rid;
	(void)args;
	(void)words;
	lwm2m_registration_update(c, false);
	return 0;
}

const struct lwm2m_object lwm2m_object_server = {
	.id = MODEL_OBJECT_SERVER,
	.instances = instances,
	.read = read,
	.write = write,
	.execute = execute,
};
