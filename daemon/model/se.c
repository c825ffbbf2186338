// SPDX-License-Identifier: Apache-2.0
/* What the answers of a card say about it, as gp/ reads them (GPCS 2.3.1, 11.3, 11.4). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gp/carddata.h"
#include "gp/cmd.h"
#include "gp/registry.h"
#include "model/ber.h"
#include "model/model.h"

#define TAG_AID 0x4f
#define TAG_REGISTRY_ENTRY 0xe3

/*
 * The registry first: its entries tell more than the list of applications,
 * which then only adds what is missing.
 */
static const struct model_probe probes[] = {
	{5, {0x80, GP_INS_GET_DATA, 0x00, 0x42, 0x00}},
	{5, {0x80, GP_INS_GET_DATA, 0x00, 0x45, 0x00}},
	{5, {0x80, GP_INS_GET_DATA, 0xff, 0x21, 0x00}},
	{8, {0x80, GP_INS_GET_STATUS, 0x80, 0x02, 0x02, TAG_AID, 0x00, 0x00}},
	{8, {0x80, GP_INS_GET_STATUS, 0x40, 0x02, 0x02, TAG_AID, 0x00, 0x00}},
	{8, {0x80, GP_INS_GET_STATUS, 0x20, 0x02, 0x02, TAG_AID, 0x00, 0x00}},
	{8, {0x80, GP_INS_GET_DATA, 0x2f, 0x00, 0x02, 0x5c, 0x00, 0x00}},
};

const struct model_probe *model_se_probes(size_t *nr)
{
	*nr = sizeof(probes) / sizeof(probes[0]);
	return probes;
}

void model_se_init(struct model_se *se, const char *id, const char *type)
{
	memset(se, 0, sizeof(*se));
	snprintf(se->id, sizeof(se->id), "%s", id);
	snprintf(se->type, sizeof(se->type), "%s", type);
	model_se_begin(se);
}

void model_se_begin(struct model_se *se)
{
	se->life_cycle = -1;
	se->free_memory = -1;
	se->identity_len = 0;
	se->nr_apps = 0;
}

static int take_identity(struct model_se *se, uint16_t tag, const uint8_t *p, size_t len)
{
	struct ber_tlv tlv;
	int ret = ber_find(p, len, tag, &tlv);

	if (ret <= 0)
		return -EBADMSG;
	if (tlv.size > sizeof(se->identity) - se->identity_len)
		return -ENOSPC;
	memcpy(se->identity + se->identity_len, tlv.start, tlv.size);
	se->identity_len += tlv.size;
	return 0;
}

static int take_resources(struct model_se *se, const uint8_t *p, size_t len)
{
	struct gp_resources resources;
	int ret = gp_resources_decode(&resources, p, len, NULL);

	if (ret < 0)
		return ret;
	se->free_memory = resources.nonvolatile;
	return se->free_memory < 0 ? -EBADMSG : 0;
}

/* an E3 with @contents; without any the AID alone, which always fits */
static int add_app(struct model_se *se, const struct gp_aid *aid, const uint8_t *contents,
		   size_t len)
{
	struct model_app *app = &se->apps[se->nr_apps];
	uint8_t only[2 + GP_AID_MAX] = {TAG_AID, aid->len};

	for (size_t i = 0; i < se->nr_apps; i++)
		if (gp_aid_equal(&se->apps[i].aid, aid))
			return 0;
	if (!contents) {
		memcpy(only + 2, aid->bytes, aid->len);
		contents = only;
		len = 2U + aid->len;
	}
	if (se->nr_apps == MODEL_SE_APPS_MAX || len > MODEL_SE_RECORD_MAX - 3)
		return -ENOSPC;
	app->aid = *aid;
	app->len = 0;
	app->record[app->len++] = TAG_REGISTRY_ENTRY;
	app->len += gp_put_length(app->record + app->len, len);
	memcpy(app->record + app->len, contents, len);
	app->len += len;
	se->nr_apps++;
	return 0;
}

/* Where entries go, and the first error with one; those after it are taken all the same. */
struct taking {
	struct model_se *se;
	int first;
};

static int take_entry(void *ctx, struct gp_entry *e, const uint8_t *raw, size_t len)
{
	struct taking *t = ctx;
	int ret = 0;

	if (e->kind == GP_KIND_ISD && e->told & GP_ENTRY_STATE)
		t->se->life_cycle = e->state;
	if (e->aid.len)
		ret = add_app(t->se, &e->aid, raw, len);
	if (ret < 0 && !t->first)
		t->first = ret;
	return 0;
}

static int take_status(struct model_se *se, uint8_t list, const uint8_t *p, size_t len)
{
	struct taking t = {.se = se};
	int ret = gp_registry_each(list, p, len, take_entry, &t, NULL);

	return ret < 0 ? ret : t.first;
}

static int take_applications(struct model_se *se, const uint8_t *p, size_t len)
{
	struct gp_applications found;
	int ret = gp_applications_decode(&found, p, len, NULL), first = 0;

	for (size_t i = 0; i < found.nr; i++) {
		int bad = add_app(se, &found.aid[i], NULL, 0);

		if (bad < 0 && first == 0)
			first = bad;
	}
	if (found.dropped && first == 0)
		first = -ENOSPC;
	return ret < 0 ? ret : first;
}

int model_se_take(struct model_se *se, const uint8_t *cmd, size_t cmd_len, const uint8_t *rsp,
		  size_t rsp_len)
{
	unsigned int p1p2;
	uint8_t sw1;

	if (rsp_len == 0)
		return 0;
	if (cmd_len < SE_CAPDU_MIN || rsp_len < 2)
		return -EBADMSG;
	rsp_len -= 2;
	sw1 = rsp[rsp_len];
	if (sw1 != 0x90 && sw1 != 0x62 && sw1 != 0x63)
		return 0;
	p1p2 = (unsigned int)cmd[2] << 8 | cmd[3];
	if (cmd[1] == GP_INS_GET_STATUS)
		return take_status(se, cmd[2], rsp, rsp_len);
	if (cmd[1] != GP_INS_GET_DATA)
		return -EBADMSG;
	switch (p1p2) {
	case GP_DATA_IIN:
	case GP_DATA_CIN:
		return take_identity(se, (uint16_t)p1p2, rsp, rsp_len);
	case GP_DATA_RESOURCES:
		return take_resources(se, rsp, rsp_len);
	case GP_DATA_APPLICATIONS:
		return take_applications(se, rsp, rsp_len);
	default:
		return -EBADMSG;
	}
}
