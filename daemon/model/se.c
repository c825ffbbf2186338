// SPDX-License-Identifier: Apache-2.0
/* What the answers of a card say about it (GPCS 2.3.1, 11.3 and 11.4, annex H). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "model/ber.h"
#include "model/model.h"

#define INS_GET_DATA 0xca
#define INS_GET_STATUS 0xf2

#define TAG_AID 0x4f
#define TAG_APPLICATION 0x61
#define TAG_REGISTRY_ENTRY 0xe3
#define TAG_LIFE_CYCLE 0x9f70
#define TAG_FREE_NVM 0x82

#define DATA_IIN 0x0042
#define DATA_CIN 0x0045
#define DATA_APPLICATIONS 0x2f00
#define DATA_RESOURCES 0xff21

/*
 * The registry first: its entries tell more than the list of applications,
 * which then only adds what is missing.
 */
static const struct model_probe probes[] = {
	{5, {0x80, INS_GET_DATA, 0x00, 0x42, 0x00}},
	{5, {0x80, INS_GET_DATA, 0x00, 0x45, 0x00}},
	{5, {0x80, INS_GET_DATA, 0xff, 0x21, 0x00}},
	{8, {0x80, INS_GET_STATUS, 0x80, 0x02, 0x02, TAG_AID, 0x00, 0x00}},
	{8, {0x80, INS_GET_STATUS, 0x40, 0x02, 0x02, TAG_AID, 0x00, 0x00}},
	{8, {0x80, INS_GET_STATUS, 0x20, 0x02, 0x02, TAG_AID, 0x00, 0x00}},
	{8, {0x80, INS_GET_DATA, 0x2f, 0x00, 0x02, 0x5c, 0x00, 0x00}},
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

/* a number of up to seven bytes, so that it is never negative */
static int number(const struct ber_tlv *tlv, int64_t *value)
{
	if (tlv->len == 0 || tlv->len > 7)
		return -EBADMSG;
	*value = 0;
	for (size_t i = 0; i < tlv->len; i++)
		*value = *value << 8 | tlv->value[i];
	return 0;
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
	struct ber_tlv outer, tlv;

	if (ber_find(p, len, DATA_RESOURCES, &outer) <= 0 ||
	    ber_find(outer.value, outer.len, TAG_FREE_NVM, &tlv) <= 0)
		return -EBADMSG;
	return number(&tlv, &se->free_memory);
}

static bool known_app(const struct model_se *se, const struct ber_tlv *aid)
{
	struct ber_tlv entry, have;

	for (size_t i = 0; i < se->nr_apps; i++)
		if (ber_find(se->apps[i].record, se->apps[i].len, TAG_REGISTRY_ENTRY, &entry) >
			    0 &&
		    ber_find(entry.value, entry.len, TAG_AID, &have) > 0 &&
		    have.len == aid->len && memcmp(have.value, aid->value, aid->len) == 0)
			return true;
	return false;
}

/* an E3 with what fits of @contents; the AID always fits */
static int add_app(struct model_se *se, const struct ber_tlv *aid, const uint8_t *contents,
		   size_t len)
{
	struct model_app *app = &se->apps[se->nr_apps];

	if (aid->len > SE_AID_MAX)
		return -EBADMSG;
	if (known_app(se, aid))
		return 0;
	if (se->nr_apps == MODEL_SE_APPS_MAX || len > MODEL_SE_RECORD_MAX - 3)
		return -ENOSPC;
	app->len = 0;
	app->record[app->len++] = TAG_REGISTRY_ENTRY;
	if (len > 0x7f)
		app->record[app->len++] = 0x81;
	app->record[app->len++] = (uint8_t)len;
	memcpy(app->record + app->len, contents, len);
	app->len += len;
	se->nr_apps++;
	return 0;
}

static int take_status(struct model_se *se, bool isd, const uint8_t *p, size_t len)
{
	struct ber_reader r = {p, len};
	struct ber_tlv entry, tlv;
	int ret, first = 0;

	while ((ret = ber_next(&r, &entry)) > 0) {
		if (entry.tag != TAG_REGISTRY_ENTRY)
			continue;
		if (isd && ber_find(entry.value, entry.len, TAG_LIFE_CYCLE, &tlv) > 0 &&
		    tlv.len > 0)
			se->life_cycle = tlv.value[0];
		if (ber_find(entry.value, entry.len, TAG_AID, &tlv) <= 0)
			return -EBADMSG;
		ret = add_app(se, &tlv, entry.value, entry.len);
		if (ret < 0 && first == 0)
			first = ret;
	}
	return ret < 0 ? ret : first;
}

/* 61{4F} entries, bare or inside one element of whatever tag the card chose */
static int take_applications(struct model_se *se, const uint8_t *p, size_t len)
{
	struct ber_reader r = {p, len};
	struct ber_tlv entry, aid;
	int ret, first = 0;

	ret = ber_next(&r, &entry);
	if (ret > 0 && entry.tag != TAG_APPLICATION && r.len == 0)
		r = (struct ber_reader){entry.value, entry.len};
	else
		r = (struct ber_reader){p, len};
	while ((ret = ber_next(&r, &entry)) > 0) {
		if (entry.tag != TAG_APPLICATION)
			continue;
		if (ber_find(entry.value, entry.len, TAG_AID, &aid) <= 0)
			return -EBADMSG;
		ret = add_app(se, &aid, aid.start, aid.size);
		if (ret < 0 && first == 0)
			first = ret;
	}
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
	if (cmd[1] == INS_GET_STATUS)
		return take_status(se, cmd[2] == 0x80, rsp, rsp_len);
	if (cmd[1] != INS_GET_DATA)
		return -EBADMSG;
	switch (p1p2) {
	case DATA_IIN:
	case DATA_CIN:
		return take_identity(se, (uint16_t)p1p2, rsp, rsp_len);
	case DATA_RESOURCES:
		return take_resources(se, rsp, rsp_len);
	case DATA_APPLICATIONS:
		return take_applications(se, rsp, rsp_len);
	default:
		return -EBADMSG;
	}
}
