// SPDX-License-Identifier: Apache-2.0
/*
 * Object 2, Access Control. Who may see and change its instances is acl.c's
 * business; a server makes them by creating other instances, never by itself.
 */
#include "lwm2m/stored.h"

LWM2M_STORED_FUNCTIONS(MODEL_OBJECT_ACCESS)

enum { OBJECT, INSTANCE, ACL, OWNER };

/* A new owner must be a server that is there: else nobody could ever change it again. */
static int write(struct lwm2m_client *c, uint16_t instance, const struct lwm2m_value *v,
		 size_t n, bool replace, char *words)
{
	for (size_t i = 0; i < n; i++) {
		if (v[i].path.id[2] != OWNER || v[i].type == MODEL_NONE)
			continue;
		if (lwm2m_data_find(c->shared->data, MODEL_OBJECT_SERVER, 0, v[i].i) < 0) {
			content_words(words, "/2/%u/3: there is no server %lld", instance,
				      (long long)v[i].i);
			return COAP_400_BAD_REQUEST;
		}
	}
	return stored_write(c, instance, v, n, replace, words);
}

const struct lwm2m_object lwm2m_object_access = {
	.id = MODEL_OBJECT_ACCESS,
	.instances = stored_instances,
	.read = stored_read,
	.write = write,
};
