// SPDX-License-Identifier: Apache-2.0
/* Object 26241, Secure Element. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "content/apps.h"
#include "lwm2m/reading.h"

static size_t instances(struct lwm2m_client *c, uint16_t *ids, size_t room)
{
	return c->ses->list(c->ses_ctx, ids, room);
}

static void put_applications(struct lwm2m_reading *r, const struct model_se *se)
{
	if (se->nr_apps == 0)
		lwm2m_put_none(r, MODEL_SE_APPLICATIONS);
	for (size_t i = 0; i < se->nr_apps; i++)
		lwm2m_put_opaque_at(r, MODEL_SE_APPLICATIONS, (uint16_t)i, se->apps[i].record,
				    se->apps[i].len);
}

static int read(struct lwm2m_client *c, uint16_t instance, int32_t rid, struct lwm2m_set *set,
		char *words)
{
	struct lwm2m_reading r = {MODEL_OBJECT_SE, instance, rid, set, 0};
	struct model_se *se = malloc(sizeof(*se));

	if (!se)
		return COAP_500_INTERNAL;
	if (c->ses->get(c->ses_ctx, instance, se) < 0) {
		free(se);
		content_words(words, "/26241/%u is gone", instance);
		return COAP_404_NOT_FOUND;
	}
	lwm2m_put_string(&r, MODEL_SE_ID, se->id);
	lwm2m_put_string(&r, MODEL_SE_TYPE, se->type);
	if (se->life_cycle >= 0)
		lwm2m_put_integer(&r, MODEL_SE_LIFE_CYCLE, se->life_cycle);
	lwm2m_put_integer(&r, MODEL_SE_STATE, se->state);
	lwm2m_put_integer(&r, MODEL_SE_GENERATION, (int64_t)(se->generation & INT64_MAX));
	if (se->cip_len > 0)
		lwm2m_put_opaque(&r, MODEL_SE_CIP, se->cip, se->cip_len);
	if (se->free_memory >= 0)
		lwm2m_put_integer(&r, MODEL_SE_FREE_MEMORY, se->free_memory);
	put_applications(&r, se);
	if (se->identity_len > 0)
		lwm2m_put_opaque(&r, MODEL_SE_IDENTITY, se->identity, se->identity_len);
	lwm2m_put_string(&r, MODEL_SE_ERROR, se->error);
	free(se);
	return r.ret;
}

static int execute(struct lwm2m_client *c, uint16_t instance, uint16_t rid,
		   const struct lwm2m_args *args, char *words)
{
	int ret;

	(void)args;
	ret = rid == MODEL_SE_RESET ? c->ses->reset(c->ses_ctx, instance, words)
				    : c->ses->refresh(c->ses_ctx, instance, words);
	/* with keys, where a server named some; what fails there, 26243 tells */
	if (ret == 0 && rid == MODEL_SE_REFRESH && c->shared->apps)
		content_apps_refresh(c->shared->apps, instance);
	return ret < 0 ? lwm2m_errno_code(ret) : 0;
}

const struct lwm2m_object lwm2m_object_se = {
	.id = MODEL_OBJECT_SE,
	.instances = instances,
	.read = read,
	.execute = execute,
};
