// SPDX-License-Identifier: Apache-2.0
/* Methods that read what the daemon knows. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/control-priv.h"

static void sw_text(char out[5], uint16_t sw)
{
	if (sw)
		snprintf(out, 5, "%04X", sw);
	else
		out[0] = '\0';
}

int control_job_json(const struct job_info *i, sd_json_variant **ret)
{
	char aid[2 * SE_AID_MAX + 1], sel[2 * JOB_SELECT_MAX + 1], sw[5], sel_sw[5];

	se_to_hex(aid, i->params.aid, i->params.aid_len);
	se_to_hex(sel, i->select_rsp, i->select_rsp_len);
	sw_text(sw, i->last_sw);
	sw_text(sel_sw, i->select_sw);
	return sd_json_buildo(
		ret, SD_JSON_BUILD_PAIR_UNSIGNED("id", i->id),
		SD_JSON_BUILD_PAIR_STRING("name", i->name),
		SD_JSON_BUILD_PAIR_STRING("origin", i->origin),
		SD_JSON_BUILD_PAIR_CONDITION(i->slot >= 0, "slot",
					     SD_JSON_BUILD_INTEGER(i->slot)),
		SD_JSON_BUILD_PAIR_STRING("kind", job_kind_name(i->params.kind)),
		SD_JSON_BUILD_PAIR_STRING("mode", job_mode_name(i->mode)),
		SD_JSON_BUILD_PAIR_BOOLEAN("resumable", i->resumable),
		SD_JSON_BUILD_PAIR_STRING("keySet", i->params.keyset),
		SD_JSON_BUILD_PAIR_STRING("se", i->params.se),
		SD_JSON_BUILD_PAIR_STRING("aid", aid),
		SD_JSON_BUILD_PAIR_STRING("state", job_state_name(i->state)),
		SD_JSON_BUILD_PAIR_STRING("code", i->code),
		SD_JSON_BUILD_PAIR_STRING("detail", i->detail),
		SD_JSON_BUILD_PAIR_UNSIGNED("executed", i->executed),
		SD_JSON_BUILD_PAIR_UNSIGNED("total", i->total),
		SD_JSON_BUILD_PAIR_STRING("lastSw", sw),
		SD_JSON_BUILD_PAIR_STRING("interrupted", job_outcome_name(i->interrupted)),
		SD_JSON_BUILD_PAIR_UNSIGNED("scriptLength", i->script_len),
		SD_JSON_BUILD_PAIR_UNSIGNED("resultLength", i->result_len),
		SD_JSON_BUILD_PAIR_STRING("selectSw", sel_sw),
		SD_JSON_BUILD_PAIR_STRING("selectResponse", sel),
		SD_JSON_BUILD_PAIR_UNSIGNED("generation", i->generation),
		SD_JSON_BUILD_PAIR_BOOLEAN("keepChannel", i->params.keep_channel),
		SD_JSON_BUILD_PAIR_UNSIGNED("token", i->params.token),
		SD_JSON_BUILD_PAIR_UNSIGNED("deadline", i->params.deadline_s),
		SD_JSON_BUILD_PAIR_UNSIGNED("created", i->created_ms),
		SD_JSON_BUILD_PAIR_UNSIGNED("started", i->started_ms),
		SD_JSON_BUILD_PAIR_UNSIGNED("ended", i->ended_ms));
}

int control_element_json(const struct job_se_info *i, sd_json_variant **ret)
{
	char cip[2 * SE_CIP_MAX + 1];

	se_to_hex(cip, i->cip, i->cip_len);
	return sd_json_buildo(
		ret, SD_JSON_BUILD_PAIR_STRING("name", i->name),
		SD_JSON_BUILD_PAIR_STRING("type", i->type),
		SD_JSON_BUILD_PAIR_STRING("open", i->open),
		SD_JSON_BUILD_PAIR_STRING("state", se_state_name(i->state)),
		SD_JSON_BUILD_PAIR_STRING("dialect", se_dialect_name(i->dialect)),
		SD_JSON_BUILD_PAIR_UNSIGNED("generation", i->generation),
		SD_JSON_BUILD_PAIR_UNSIGNED("ifsc", i->ifsc),
		SD_JSON_BUILD_PAIR_UNSIGNED("ifsd", i->ifsd),
		SD_JSON_BUILD_PAIR_UNSIGNED("bwtUs", i->bwt_us),
		SD_JSON_BUILD_PAIR_STRING("irqMode", se_irq_mode_name(i->irq_mode)),
		SD_JSON_BUILD_PAIR_UNSIGNED("clockHz", i->clock_hz),
		SD_JSON_BUILD_PAIR_STRING("cip", cip),
		SD_JSON_BUILD_PAIR_CONDITION(i->error != 0, "error",
					     SD_JSON_BUILD_STRING(strerror(-i->error))));
}

CONTROL_METHOD(list_elements)
{
	sd_json_variant *array = NULL, *v;
	struct control *c = userdata;
	struct job_se_info info;
	unsigned int i;
	struct peer peer;
	int r = 0;

	(void)flags;
	if (!control_begin(c, link, parameters, (const sd_json_dispatch_field[]){{0}}, NULL,
			   &peer, &r))
		return r;
	for (i = 0; !r && !job_se_get(c->store, i, &info); i++) {
		v = NULL;
		r = control_element_json(&info, &v);
		r = control_append(&array, v, r < 0 ? r : 0);
	}
	return control_reply_array(link, r, "elements", array);
}

static int add_job(void *userdata, const struct job_info *info)
{
	sd_json_variant *v = NULL;
	int r = control_job_json(info, &v);

	return control_append(userdata, v, r < 0 ? r : 0);
}

CONTROL_METHOD(list_jobs)
{
	static const sd_json_dispatch_field table[] = {
		{"origin", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string, 0,
		 SD_JSON_NULLABLE},
		{0},
	};
	struct control *c = userdata;
	sd_json_variant *array = NULL;
	const char *origin = NULL;
	struct peer peer;
	int r;

	(void)flags;
	if (!control_begin(c, link, parameters, table, &origin, &peer, &r))
		return r;
	r = job_list(c->store, origin, add_job, &array);
	return control_reply_array(link, r, "jobs", array);
}

static int add_apdu(void *userdata, const struct job_apdu *a)
{
	sd_json_variant *v = NULL;
	char header[9], sw[5];
	int r;

	se_to_hex(header, a->header, 4);
	sw_text(sw, a->sw);
	r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR_UNSIGNED("index", a->index),
			   SD_JSON_BUILD_PAIR_STRING("header", header),
			   SD_JSON_BUILD_PAIR_UNSIGNED("commandLength", a->cmd_len),
			   SD_JSON_BUILD_PAIR_UNSIGNED("responseLength", a->rsp_len),
			   SD_JSON_BUILD_PAIR_STRING("sw", sw),
			   SD_JSON_BUILD_PAIR_STRING("outcome", job_outcome_name(a->outcome)),
			   SD_JSON_BUILD_PAIR_UNSIGNED("wtx", a->wtx),
			   SD_JSON_BUILD_PAIR_UNSIGNED("wireNs", a->wire_ns),
			   SD_JSON_BUILD_PAIR_UNSIGNED("totalNs", a->total_ns));
	return control_append(userdata, v, r < 0 ? r : 0);
}

static int read_result(struct control *c, const struct job_info *info, uint8_t **data)
{
	int n;

	*data = malloc(info->result_len ? info->result_len : 1);
	if (!*data)
		return -ENOMEM;
	n = job_result_read(c->store, info->id, 0, *data, info->result_len);
	if (n >= 0 && (uint64_t)n != info->result_len)
		n = -EIO;
	if (n < 0) {
		free(*data);
		*data = NULL;
	}
	return n < 0 ? n : 0;
}

int control_result(struct control *c, const struct job_info *info, sd_json_variant **ret)
{
	uint8_t *data = NULL;
	char *text;
	int r;

	*ret = NULL;
	if (!info->result_len)
		return 0;
	r = read_result(c, info, &data);
	if (r)
		return r;
	text = strndup((const char *)data, info->result_len);
	r = text ? sd_json_parse(text, 0, ret, NULL, NULL) : -ENOMEM;
	explicit_bzero(data, info->result_len);
	free(data);
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
	return r < 0 ? r : 0;
}

CONTROL_METHOD(get_job)
{
	sd_json_variant *job = NULL, *apdus = NULL, *result = NULL;
	struct control *c = userdata;
	struct job_info info;
	uint8_t *data = NULL;
	uint64_t id = 0;
	struct peer peer;
	int r;

	(void)flags;
	if (!control_begin(c, link, parameters, control_id_table, &id, &peer, &r) ||
	    !control_own_job(c, link, &peer, id, &info, &r))
		return r;
	r = job_apdus(c->store, id, add_apdu, &apdus);
	if (!r && !apdus)
		r = sd_json_variant_new_array(&apdus, NULL, 0);
	if (r >= 0)
		r = control_job_json(&info, &job);
	if (r >= 0 && info.params.kind == JOB_PLAN)
		r = control_result(c, &info, &result);
	else if (r >= 0 && info.result_len)
		r = read_result(c, &info, &data);
	if (r < 0)
		r = sd_varlink_error_errno(link, r);
	else
		r = sd_varlink_replybo(
			link, SD_JSON_BUILD_PAIR_VARIANT("job", job),
			SD_JSON_BUILD_PAIR_VARIANT("apdus", apdus),
			SD_JSON_BUILD_PAIR_CONDITION(
				!!data, "response",
				SD_JSON_BUILD_BASE64(data, data ? info.result_len : 0)),
			SD_JSON_BUILD_PAIR_CONDITION(!!result, "result",
						     SD_JSON_BUILD_VARIANT(result)));
	if (data)
		explicit_bzero(data, info.result_len);
	free(data);
	sd_json_variant_unref(job);
	sd_json_variant_unref(apdus);
	sd_json_variant_unref(result);
	return r;
}

struct counts {
	uint64_t all, active;
};

static int count_job(void *userdata, const struct job_info *info)
{
	struct counts *n = userdata;

	n->all++;
	n->active += info->state == JOB_QUEUED || info->state == JOB_RUNNING;
	return 0;
}

static int server_json(const struct control_server *s, sd_json_variant **ret)
{
	return sd_json_buildo(ret, SD_JSON_BUILD_PAIR_STRING("name", s->name),
			      SD_JSON_BUILD_PAIR_STRING("uri", s->uri),
			      SD_JSON_BUILD_PAIR_STRING("state", s->state),
			      SD_JSON_BUILD_PAIR_STRING("version", s->version),
			      SD_JSON_BUILD_PAIR_STRING("location", s->location),
			      SD_JSON_BUILD_PAIR_STRING("error", s->error),
			      SD_JSON_BUILD_PAIR_UNSIGNED("observations", s->observations),
			      SD_JSON_BUILD_PAIR_UNSIGNED("attempts", s->attempts));
}

CONTROL_METHOD(get_status)
{
	sd_json_variant *servers = NULL, *v;
	struct control *c = userdata;
	struct counts n = {0};
	struct control_server s;
	struct job_se_info se;
	unsigned int i, ses;
	struct peer peer;
	int r;

	(void)flags;
	if (!control_begin(c, link, parameters, (const sd_json_dispatch_field[]){{0}}, NULL,
			   &peer, &r))
		return r;
	for (ses = 0; !job_se_get(c->store, ses, &se); ses++)
		;
	r = job_list(c->store, NULL, count_job, &n);
	for (i = 0; !r && c->ops && !c->ops->server(c->ctx, i, &s); i++) {
		v = NULL;
		r = server_json(&s, &v);
		r = control_append(&servers, v, r < 0 ? r : 0);
	}
	if (!r && !servers)
		r = sd_json_variant_new_array(&servers, NULL, 0);
	if (r < 0)
		r = sd_varlink_error_errno(link, r);
	else
		r = sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_STRING("version", c->version),
				       SD_JSON_BUILD_PAIR_UNSIGNED("elements", ses),
				       SD_JSON_BUILD_PAIR_UNSIGNED("jobs", n.all),
				       SD_JSON_BUILD_PAIR_UNSIGNED("active", n.active),
				       SD_JSON_BUILD_PAIR_VARIANT("servers", servers));
	sd_json_variant_unref(servers);
	return r;
}
