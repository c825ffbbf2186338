// SPDX-License-Identifier: Apache-2.0
/* Object 26241, Secure Element. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lwm2m/apps.h"
#include "lwm2m/internal.h"

static size_t instances(struct lwm2m_client *c, uint16_t *ids, size_t room)
{
	return c->ses->list(c->ses_ctx, ids, room);
}

struct reading {
	uint16_t instance;
	int32_t rid;
	struct lwm2m_set *set;
	int ret;
};

static void put(struct reading *r, uint16_t rid, struct lwm2m_value v)
{
	if (r->ret != 0 || (r->rid >= 0 && r->rid != rid))
		return;
	if (v.path.depth == 0)
		v.path.depth = 3;
	v.path.id[0] = MODEL_OBJECT_SE;
	v.path.id[1] = r->instance;
	v.path.id[2] = rid;
	if (lwm2m_set_add(r->set, &v) < 0)
		r->ret = COAP_500_INTERNAL;
}

static void put_integer(struct reading *r, uint16_t rid, int64_t i)
{
	put(r, rid, (struct lwm2m_value){.type = MODEL_INTEGER, .i = i});
}

/* the snapshot goes away before the set does */
static const uint8_t *keep(struct reading *r, const void *p, size_t len)
{
	uint8_t *copy = lwm2m_set_alloc(r->set, len);

	if (!copy) {
		r->ret = COAP_500_INTERNAL;
		return NULL;
	}
	memcpy(copy, p, len);
	return copy;
}

static void put_string(struct reading *r, uint16_t rid, const char *s)
{
	size_t len = strlen(s);

	put(r, rid,
	    (struct lwm2m_value){.type = MODEL_STRING, .p = keep(r, s, len), .len = len});
}

static void put_opaque(struct reading *r, uint16_t rid, const uint8_t *p, size_t len)
{
	put(r, rid,
	    (struct lwm2m_value){.type = MODEL_OPAQUE, .p = keep(r, p, len), .len = len});
}

static void put_applications(struct reading *r, const struct model_se *se)
{
	struct lwm2m_value v = {.path.depth = 4, .type = MODEL_OPAQUE};

	if (se->nr_apps == 0)
		put(r, MODEL_SE_APPLICATIONS, (struct lwm2m_value){.path.depth = 4});
	for (size_t i = 0; i < se->nr_apps; i++) {
		v.path.id[3] = (uint16_t)i;
		v.p = keep(r, se->apps[i].record, se->apps[i].len);
		v.len = se->apps[i].len;
		put(r, MODEL_SE_APPLICATIONS, v);
	}
}

static int read(struct lwm2m_client *c, uint16_t instance, int32_t rid, struct lwm2m_set *set,
		char *words)
{
	struct reading r = {instance, rid, set, 0};
	struct model_se *se = malloc(sizeof(*se));

	if (!se)
		return COAP_500_INTERNAL;
	if (c->ses->get(c->ses_ctx, instance, se) < 0) {
		free(se);
		lwm2m_words(words, "/26241/%u is gone", instance);
		return COAP_404_NOT_FOUND;
	}
	put_string(&r, MODEL_SE_ID, se->id);
	put_string(&r, MODEL_SE_TYPE, se->type);
	if (se->life_cycle >= 0)
		put_integer(&r, MODEL_SE_LIFE_CYCLE, se->life_cycle);
	put_integer(&r, MODEL_SE_STATE, se->state);
	put_integer(&r, MODEL_SE_GENERATION, (int64_t)(se->generation & INT64_MAX));
	if (se->cip_len > 0)
		put_opaque(&r, MODEL_SE_CIP, se->cip, se->cip_len);
	if (se->free_memory >= 0)
		put_integer(&r, MODEL_SE_FREE_MEMORY, se->free_memory);
	put_applications(&r, se);
	if (se->identity_len > 0)
		put_opaque(&r, MODEL_SE_IDENTITY, se->identity, se->identity_len);
	put_string(&r, MODEL_SE_ERROR, se->error);
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
		lwm2m_apps_refresh(c->shared->apps, instance);
	return ret < 0 ? lwm2m_errno_code(ret) : 0;
}

const struct lwm2m_object lwm2m_object_se = {
	.id = MODEL_OBJECT_SE,
	.instances = instances,
	.read = read,
	.execute = execute,
};
