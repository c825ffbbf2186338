// SPDX-License-Identifier: Apache-2.0
/* Methods that ask a secure element, or reset it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/control-priv.h"
#include "model/stats.h"

static const sd_json_dispatch_field se_table[] = {
	{"se", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string, 0, SD_JSON_MANDATORY},
	{0},
};

/* ---- ListApplications: a plan of one operation, run to its end ---- */

struct list_args {
	const char *se, *sd, *keyset;
	uint32_t deadline;
	int retry;
};

static int list_plan(const struct list_args *a, char **text)
{
	sd_json_variant *plan = NULL;
	int r;

	r = sd_json_buildo(
		&plan, SD_JSON_BUILD_PAIR_UNSIGNED("version", 1),
		SD_JSON_BUILD_PAIR_STRING("name", "list"),
		SD_JSON_BUILD_PAIR_ARRAY(
			"sessions",
			SD_JSON_BUILD_OBJECT(
				SD_JSON_BUILD_PAIR_CONDITION(a->sd && *a->sd, "sd",
							     SD_JSON_BUILD_STRING(a->sd)),
				SD_JSON_BUILD_PAIR_CONDITION(a->keyset && *a->keyset, "keys",
							     SD_JSON_BUILD_STRING(a->keyset)))),
		SD_JSON_BUILD_PAIR_ARRAY(
			"operations",
			SD_JSON_BUILD_OBJECT(SD_JSON_BUILD_PAIR_STRING("op", "list"))));
	if (r >= 0)
		r = sd_json_variant_format(plan, 0, text);
	sd_json_variant_unref(plan);
	return r < 0 ? r : 0;
}

CONTROL_METHOD(list_applications)
{
	static const sd_json_dispatch_field table[] = {
		{"se", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
		 offsetof(struct list_args, se), SD_JSON_MANDATORY},
		{"sd", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
		 offsetof(struct list_args, sd), SD_JSON_NULLABLE},
		{"keySet", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
		 offsetof(struct list_args, keyset), SD_JSON_NULLABLE},
		{"deadline", SD_JSON_VARIANT_UNSIGNED, sd_json_dispatch_uint32,
		 offsetof(struct list_args, deadline), SD_JSON_NULLABLE},
		{"retryAuthentication", SD_JSON_VARIANT_BOOLEAN, sd_json_dispatch_tristate,
		 offsetof(struct list_args, retry), SD_JSON_NULLABLE},
		{0},
	};
	struct job_params p = {.kind = JOB_PLAN};
	struct list_args a = {.retry = -1};
	struct control *c = userdata;
	char *text = NULL;
	struct job_error e;
	struct peer peer;
	uint64_t id = 0;
	int r;

	(void)flags;
	if (!control_begin(c, link, parameters, table, &a, &peer, &r))
		return r;
	if (strlen(a.se) >= sizeof(p.se))
		return sd_varlink_error_invalid_parameter_name(link, "se");
	snprintf(p.se, sizeof(p.se), "%s", a.se);
	p.deadline_s = a.deadline;
	p.retry_authentication = a.retry > 0;
	r = list_plan(&a, &text);
	if (r)
		return r;
	r = control_make_job(c, &peer, &p, text, strlen(text), &id, &e);
	free(text);
	if (r)
		return control_say_error(link, r, &e, id, a.se);
	return control_watch(c, link, id, false, true);
}

/* ---- GetCard: what the card tells without keys ---- */

/* GPCS 2.3.1, 11.3.3.1 and H.6; FF21 is ETSI TS 102 226, 8.2.1.7.2 */
static const uint16_t card_tags[] = {
	0x9f7f, /* CPLC */
	0x0066, /* card recognition data */
	0x0067, /* card capability information */
	0x00e0, /* key information */
	0x0042, /* issuer identification number */
	0x0045, /* card image number */
	0x00cf, /* key diversification data */
	0x00c1, /* sequence counter of the default key version */
	0xff21, /* free memory */
};

#define NR_TAGS (sizeof(card_tags) / sizeof(card_tags[0]))

static int item_json(uint16_t tag, const struct job_probe_apdu *a, sd_json_variant **ret)
{
	char hex[2 * sizeof(a->rsp) + 1], name[5], sw[5];
	uint32_t len = a->rsp_len - 2;

	snprintf(name, sizeof(name), "%04X", tag);
	snprintf(sw, sizeof(sw), "%02X%02X", a->rsp[len], a->rsp[len + 1]);
	se_to_hex(hex, a->rsp, len);
	return sd_json_buildo(ret, SD_JSON_BUILD_PAIR_STRING("tag", name),
			      SD_JSON_BUILD_PAIR_STRING("sw", sw),
			      SD_JSON_BUILD_PAIR_STRING("data", hex));
}

static void on_card(void *userdata, int error, struct job_probe_apdu *apdus, size_t n)
{
	sd_json_variant *array = NULL, *v;
	sd_varlink *link = userdata;
	struct job_error e;
	size_t i;
	int r = 0;

	if (error) {
		snprintf(e.code, sizeof(e.code), "no-answer");
		snprintf(e.detail, sizeof(e.detail), "the card could not be read: %s",
			 strerror(-error));
		control_say_error(link, -EIO, &e, 0, NULL);
	} else {
		for (i = 0; !r && i < n; i++) {
			v = NULL;
			if (apdus[i].rsp_len >= 2)
				r = item_json(card_tags[i], &apdus[i], &v);
			if (v)
				r = control_append(&array, v, r < 0 ? r : 0);
		}
		control_reply_array(link, r, "items", array);
	}
	sd_varlink_unref(link);
}

struct card_args {
	const char *se, *aid;
};

CONTROL_METHOD(get_card)
{
	static const sd_json_dispatch_field table[] = {
		{"se", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
		 offsetof(struct card_args, se), SD_JSON_MANDATORY},
		{"aid", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
		 offsetof(struct card_args, aid), SD_JSON_NULLABLE},
		{0},
	};
	struct job_probe_apdu *apdus;
	struct control *c = userdata;
	struct card_args a = {0};
	uint8_t aid[SE_AID_MAX];
	size_t aid_len = 0, i;
	struct job_error e;
	struct peer peer;
	int r;

	(void)flags;
	if (!control_begin(c, link, parameters, table, &a, &peer, &r))
		return r;
	if (a.aid && se_from_hex(a.aid, strlen(a.aid), aid, sizeof(aid), &aid_len))
		return sd_varlink_error_invalid_parameter_name(link, "aid");
	apdus = calloc(NR_TAGS, sizeof(*apdus));
	if (!apdus)
		return -ENOMEM;
	for (i = 0; i < NR_TAGS; i++) {
		const uint8_t cmd[] = {0x80, 0xca, (uint8_t)(card_tags[i] >> 8),
				       (uint8_t)card_tags[i], 0};

		memcpy(apdus[i].cmd, cmd, sizeof(cmd));
		apdus[i].cmd_len = sizeof(cmd);
	}
	r = job_probe(c->store, a.se, aid, aid_len, apdus, NR_TAGS, on_card,
		      sd_varlink_ref(link));
	free(apdus);
	if (!r)
		return 0;
	sd_varlink_unref(link);
	snprintf(e.code, sizeof(e.code), "failed");
	snprintf(e.detail, sizeof(e.detail), "%s", strerror(-r));
	return control_say_error(link, r, &e, 0, a.se);
}

/* ---- ResetElement ---- */

static void on_reset(void *userdata, int error, uint32_t level)
{
	sd_varlink *link = userdata;
	struct job_error e;

	if (error) {
		snprintf(e.code, sizeof(e.code), "reset-failed");
		snprintf(e.detail, sizeof(e.detail), "a reset (%s) failed: %s",
			 se_reset_level_name(level), strerror(-error));
		control_say_error(link, -EIO, &e, 0, NULL);
	} else {
		sd_varlink_replybo(
			link, SD_JSON_BUILD_PAIR_STRING("level", se_reset_level_name(level)));
	}
	sd_varlink_unref(link);
}

struct reset_args {
	const char *se, *level;
};

static int level_of(const char *name)
{
	int i;

	if (!name || !*name)
		return JOB_RESET_BEST;
	for (i = 0; i <= SE_RESET_POWER; i++)
		if (!strcmp(name, se_reset_level_name((uint32_t)i)))
			return i;
	return -EINVAL;
}

CONTROL_METHOD(reset_element)
{
	static const sd_json_dispatch_field table[] = {
		{"se", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
		 offsetof(struct reset_args, se), SD_JSON_MANDATORY},
		{"level", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
		 offsetof(struct reset_args, level), SD_JSON_NULLABLE},
		{0},
	};
	struct control *c = userdata;
	struct reset_args a = {0};
	struct job_error e;
	struct peer peer;
	int r, level;

	(void)flags;
	if (!control_begin(c, link, parameters, table, &a, &peer, &r))
		return r;
	/* It takes the dialogues of everybody away. */
	if (!peer.privileged)
		return control_denied(link);
	level = level_of(a.level);
	if (level == -EINVAL)
		return sd_varlink_error_invalid_parameter_name(link, "level");
	r = job_se_reset(c->store, a.se, level, on_reset, sd_varlink_ref(link));
	if (!r)
		return 0;
	sd_varlink_unref(link);
	snprintf(e.code, sizeof(e.code), "failed");
	snprintf(e.detail, sizeof(e.detail), "%s", strerror(-r));
	return control_say_error(link, r, &e, 0, a.se);
}

/* ---- GetStats ---- */

CONTROL_METHOD(get_stats)
{
	sd_json_variant *counters = NULL, *hists = NULL;
	struct control *c = userdata;
	const char *se = NULL;
	struct se_stats stats;
	struct job_error e;
	struct peer peer;
	int r;

	(void)flags;
	if (!control_begin(c, link, parameters, se_table, &se, &peer, &r))
		return r;
	r = job_se_stats(c->store, se, &stats);
	if (r) {
		snprintf(e.code, sizeof(e.code), "failed");
		snprintf(e.detail, sizeof(e.detail), "%s", strerror(-r));
		return control_say_error(link, r, &e, 0, se);
	}
	r = model_counters_json(&stats, &counters);
	if (!r)
		r = model_hists_json(&stats, &hists);
	if (r)
		r = sd_varlink_error_errno(link, r);
	else
		r = sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_VARIANT("counters", counters),
				       SD_JSON_BUILD_PAIR_VARIANT("histograms", hists));
	sd_json_variant_unref(counters);
	sd_json_variant_unref(hists);
	return r;
}
