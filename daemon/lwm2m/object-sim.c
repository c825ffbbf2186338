// SPDX-License-Identifier: Apache-2.0
/*
 * Objects 504 Remote SIM Provisioning and 505 LwM2M Remote SIM Provisioning: what
 * is known of secure elements that are SIMs. Their instances have the numbers of
 * object 26241. Profiles are not managed here.
 */
#include <stdlib.h>
#include <string.h>

#include "content/ses.h"
#include "lwm2m/reading.h"

enum {
	CURRENT_TYPE = 0,
	SUPPORTED_TYPES = 1,
	PROVIDER = 2, /* 505 */
	STATE = 6,    /* 505 */
	RESULT = 7,   /* 505 */
	METHOD = 11,
	FREE_MEMORY = 12,
	ICCID = 22,    /* 504 */
	RSP_TYPE = 25, /* 504 */
};

#define OUTSIDE 3 /* METHOD of 504: profiles are managed outside of LwM2M */
#define PUSH 1	  /* METHOD of 505 */

/* SIM type of OMA for ours; -1: no SIM. A uicc that is built in is still one. */
static int sim_type(const char *type)
{
	return strcmp(type, "uicc") == 0     ? 0
	       : strcmp(type, "euicc") == 0  ? 2
	       : strcmp(type, "ieuicc") == 0 ? 3
					     : -1;
}

static size_t instances(struct lwm2m_client *c, uint16_t *ids, size_t room)
{
	struct model_se *se = malloc(sizeof(*se));
	uint16_t all[CONTENT_SES_MAX];
	size_t n = se ? c->ses->list(c->ses_ctx, all, CONTENT_SES_MAX) : 0, found = 0;

	for (size_t i = 0; i < n && found < room; i++)
		if (c->ses->get(c->ses_ctx, all[i], se) == 0 && sim_type(se->type) >= 0)
			ids[found++] = all[i];
	free(se);
	return found;
}

static void put_common(struct lwm2m_reading *r, const struct model_se *se)
{
	lwm2m_put_integer(r, CURRENT_TYPE, sim_type(se->type));
	lwm2m_put_integer_at(r, SUPPORTED_TYPES, 0, sim_type(se->type));
}

static int get(struct lwm2m_client *c, const struct lwm2m_reading *r, struct model_se **se,
	       char *words)
{
	*se = malloc(sizeof(**se));
	if (!*se)
		return COAP_500_INTERNAL;
	if (c->ses->get(c->ses_ctx, r->instance, *se) == 0)
		return 0;
	free(*se);
	content_words(words, "/%u/%u is gone", r->object, r->instance);
	return COAP_404_NOT_FOUND;
}

static int read_rsp(struct lwm2m_client *c, uint16_t instance, int32_t rid,
		    struct lwm2m_set *set, char *words)
{
	struct lwm2m_reading r = {MODEL_OBJECT_RSP, instance, rid, set, 0};
	struct model_se *se;
	int ret = get(c, &r, &se, words);

	if (ret != 0)
		return ret;
	put_common(&r, se);
	lwm2m_put_integer(&r, METHOD, OUTSIDE);
	if (se->free_memory >= 0)
		lwm2m_put_integer(&r, FREE_MEMORY, 8 * se->free_memory); /* in bits */
	lwm2m_put_none(&r, ICCID);
	lwm2m_put_integer(&r, RSP_TYPE, sim_type(se->type) ? 1 : 0);
	free(se);
	return r.ret;
}

static int read_sim(struct lwm2m_client *c, uint16_t instance, int32_t rid,
		    struct lwm2m_set *set, char *words)
{
	struct lwm2m_reading r = {MODEL_OBJECT_SIM, instance, rid, set, 0};
	struct model_se *se;
	int ret = get(c, &r, &se, words);

	if (ret != 0)
		return ret;
	put_common(&r, se);
	lwm2m_put_string(&r, PROVIDER, "");
	lwm2m_put_integer(&r, STATE, 0);
	lwm2m_put_integer(&r, RESULT, 0);
	lwm2m_put_integer(&r, METHOD, PUSH);
	if (se->free_memory >= 0)
		lwm2m_put_integer(&r, FREE_MEMORY, se->free_memory / 1024);
	free(se);
	return r.ret;
}

const struct lwm2m_object lwm2m_object_rsp = {
	.id = MODEL_OBJECT_RSP,
	.instances = instances,
	.read = read_rsp,
};

const struct lwm2m_object lwm2m_object_sim = {
	.id = MODEL_OBJECT_SIM,
	.instances = instances,
	.read = read_sim,
};
