// SPDX-License-Identifier: Apache-2.0
/* Is a configuration one that the client can work with (LwM2M core 1.1, 6.1.6)? */
#include <errno.h>
#include <string.h>

#include "lwm2m/bs-priv.h"
#include "lwm2m/security.h"
#include "lwm2m/shared.h"

#define IDS (LWM2M_DATA_INSTANCES_MAX + 1)
#define NOBODY 65535 /* owner of what a bootstrap server made for itself (core 1.1, 8.1) */

enum { ACL_ENTRIES = 2, ACL_OWNER = 3 };

/* Every resource that the object's description calls mandatory has a value. */
static int check_mandatory(const struct lwm2m_data *d, uint16_t object, uint16_t instance,
			   char *words)
{
	const struct model_object *model = model_object(object);

	for (size_t i = 0; model && i < model->nr; i++) {
		const struct model_resource *res = &model->resources[i];

		if (!res->mandatory || res->type == MODEL_NONE ||
		    lwm2m_data_get(d, object, instance, res->id))
			continue;
		content_words(words, "/%u/%u: resource %u (%s) is missing", object, instance,
			      res->id, res->name);
		return -EINVAL;
	}
	return 0;
}

static int check_security(const struct lwm2m_data *d, uint16_t instance,
			  const struct bs_list *fresh, bool allow_nosec, char *words)
{
	struct lwm2m_security s;
	int r = lwm2m_data_security(d, instance, &s, words);

	if (r == 0 && s.oscore >= 0)
		r = check_mandatory(d, 21, (uint16_t)s.oscore, words);
	if (r < 0)
		return -EINVAL;
	if (s.mode == LWM2M_SECURITY_NONE && s.oscore < 0 && !allow_nosec &&
	    bs_list_has(fresh, 0, instance)) {
		content_words(words, "/0/%u: accounts without security are not allowed here",
			      instance);
		return -EINVAL;
	}
	if (s.bootstrap)
		return 0;
	if (lwm2m_data_find(d, 1, BS_SRV_SSID, s.ssid) < 0) {
		content_words(words,
			      "/0/%u: there is no Server instance with short server id %u",
			      instance, s.ssid);
		return -EINVAL;
	}
	return 0;
}

/* Short server ids of the instances of object 0 (not of bootstrap) or 1: each once. */
static int check_ids(const struct lwm2m_data *d, uint16_t object, uint16_t rid, char *words)
{
	uint16_t ids[IDS];
	size_t n = lwm2m_data_instances(d, object, ids, IDS);

	for (size_t i = 0; i < n; i++) {
		int64_t ssid = lwm2m_data_int(d, object, ids[i], rid, 0);

		if (object == 0 && lwm2m_data_int(d, 0, ids[i], BS_SEC_BOOTSTRAP, 0))
			continue;
		for (size_t k = 0; k < i; k++) {
			if (lwm2m_data_int(d, object, ids[k], rid, 0) != ssid ||
			    (object == 0 && lwm2m_data_int(d, 0, ids[k], BS_SEC_BOOTSTRAP, 0)))
				continue;
			content_words(words,
				      "/%u/%u and /%u/%u have the same short server id %lld",
				      object, ids[k], object, ids[i], (long long)ssid);
			return -EINVAL;
		}
	}
	return 0;
}

static bool has_account(const struct lwm2m_data *d, int64_t ssid)
{
	uint16_t ids[IDS];
	size_t n = lwm2m_data_instances(d, 0, ids, IDS);

	for (size_t i = 0; i < n; i++)
		if (!lwm2m_data_int(d, 0, ids[i], BS_SEC_BOOTSTRAP, 0) &&
		    lwm2m_data_int(d, 0, ids[i], BS_SEC_SSID, 0) == ssid)
			return true;
	return false;
}

static int check_servers(const struct lwm2m_data *d, char *words)
{
	uint16_t ids[IDS];
	size_t n = lwm2m_data_instances(d, 1, ids, IDS);

	if (n == 0) {
		content_words(words, "there is no server account: object 1 has no instance");
		return -EINVAL;
	}
	for (size_t i = 0; i < n; i++) {
		int64_t ssid = lwm2m_data_int(d, 1, ids[i], BS_SRV_SSID, 0);

		if (check_mandatory(d, 1, ids[i], words) < 0)
			return -EINVAL;
		if (has_account(d, ssid))
			continue;
		content_words(words,
			      "/1/%u: there is no Security instance with short server id %lld",
			      ids[i], (long long)ssid);
		return -EINVAL;
	}
	return 0;
}

/* Access control that names servers which are not there is of another device. */
static int check_access(const struct lwm2m_data *d, const struct bs_list *fresh, char *words)
{
	uint16_t ids[IDS];
	size_t n = lwm2m_data_instances(d, 2, ids, IDS);

	for (size_t i = 0; i < n; i++) {
		int64_t owner = lwm2m_data_int(d, 2, ids[i], ACL_OWNER, NOBODY);

		if (!bs_list_has(fresh, 2, ids[i]))
			continue;
		if (check_mandatory(d, 2, ids[i], words) < 0)
			return -EINVAL;
		if (owner != NOBODY && lwm2m_data_find(d, 1, BS_SRV_SSID, owner) < 0) {
			content_words(words, "/2/%u: its owner, server %lld, is not there",
				      ids[i], (long long)owner);
			return -EINVAL;
		}
	}
	return 0;
}

int bs_check(const struct lwm2m_data *d, const struct bs_list *fresh, bool allow_nosec,
	     char *words)
{
	uint16_t ids[IDS];
	size_t n = lwm2m_data_instances(d, 0, ids, IDS), servers = 0;
	int r = 0;

	*words = '\0';
	for (size_t i = 0; r == 0 && i < n; i++) {
		servers += lwm2m_data_int(d, 0, ids[i], BS_SEC_BOOTSTRAP, 0) != 0;
		r = check_security(d, ids[i], fresh, allow_nosec, words);
	}
	if (r == 0 && servers > 1) {
		content_words(words, "there are %zu bootstrap servers; there can be one",
			      servers);
		r = -EINVAL;
	}
	if (r == 0)
		r = check_ids(d, 0, BS_SEC_SSID, words);
	if (r == 0)
		r = check_ids(d, 1, BS_SRV_SSID, words);
	if (r == 0)
		r = check_servers(d, words);
	if (r == 0)
		r = check_access(d, fresh, words);
	return r;
}
