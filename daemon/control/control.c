// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-json.h>
#include <systemd/sd-varlink.h>
#include <unistd.h>

#include "control/control.h"
#include "libse/se.h"

#define ERROR(name) CONTROL_INTERFACE "." name
#define CONNECTIONS_MAX 64
#define GROUPS_MAX 256

/* one MonitorJob call that waits for more */
struct watcher {
	struct watcher *next;
	sd_varlink *link;
	uint64_t id;
};

struct control {
	sd_varlink_server *server;
	struct job_store *store;
	const struct control_ops *ops;
	void *ctx;
	gid_t group;
	char version[32];
	struct watcher *watchers;
};

/* ---- who may ---- */

static bool in_group(int fd, gid_t group)
{
	gid_t groups[GROUPS_MAX];
	socklen_t len = sizeof(groups);
	size_t i;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len))
		return false;
	for (i = 0; i < len / sizeof(groups[0]); i++)
		if (groups[i] == group)
			return true;
	return false;
}

static bool allowed(const struct control *c, sd_varlink *link, uid_t *uid)
{
	gid_t gid;

	if (sd_varlink_get_peer_uid(link, uid) < 0)
		return false;
	if (!*uid || *uid == geteuid())
		return true;
	if (c->group == (gid_t)-1)
		return false;
	if (!sd_varlink_get_peer_gid(link, &gid) && gid == c->group)
		return true;
	return in_group(sd_varlink_get_fd(link), c->group);
}

static int denied(sd_varlink *link)
{
	return sd_varlink_error(link, SD_VARLINK_ERROR_PERMISSION_DENIED, NULL);
}

/* Of every method with arguments: may the peer, and what does it want? If not, *r. */
static bool begin(struct control *c, sd_varlink *link, sd_json_variant *parameters,
		  const sd_json_dispatch_field *table, void *args, uid_t *uid, int *r)
{
	if (!allowed(c, link, uid)) {
		*r = denied(link);
		return false;
	}
	*r = sd_varlink_dispatch(link, parameters, table, args);
	return *r == 0;
}

/* ---- answers ---- */

static int say_error(sd_varlink *link, int error, const struct job_error *e, uint64_t id,
		     const char *se)
{
	if (error == -ENOENT)
		return sd_varlink_errorbo(link, ERROR("NoSuchJob"),
					  SD_JSON_BUILD_PAIR_UNSIGNED("id", id));
	if (error == -ENODEV)
		return sd_varlink_errorbo(link, ERROR("NoSuchElement"),
					  SD_JSON_BUILD_PAIR_STRING("se", se));
	return sd_varlink_errorbo(link,
				  error == -ENOSPC ? ERROR("StorageFull") : ERROR("Refused"),
				  SD_JSON_BUILD_PAIR_STRING("code", e->code),
				  SD_JSON_BUILD_PAIR_STRING("detail", e->detail));
}

static void sw_text(char out[5], uint16_t sw)
{
	if (sw)
		snprintf(out, 5, "%04X", sw);
	else
		out[0] = '\0';
}

static int job_json(const struct job_info *i, sd_json_variant **ret)
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

/* ---- methods that read ---- */

static int element_json(const struct job_se_info *i, sd_json_variant **ret)
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

static int append(sd_json_variant **array, sd_json_variant *v, int r)
{
	if (!r)
		r = sd_json_variant_append_array(array, v);
	sd_json_variant_unref(v);
	return r < 0 ? r : 0;
}

/* Replies with {name: array}, also if it is empty, or with the error. */
static int reply_array(sd_varlink *link, int r, const char *name, sd_json_variant *array)
{
	if (r >= 0)
		r = array ? sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_VARIANT(name, array))
			  : sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_EMPTY_ARRAY(name));
	else
		r = sd_varlink_error_errno(link, r);
	sd_json_variant_unref(array);
	return r;
}

static int list_elements(sd_varlink *link, sd_json_variant *parameters,
			 sd_varlink_method_flags_t flags, void *userdata)
{
	sd_json_variant *array = NULL, *v;
	struct control *c = userdata;
	struct job_se_info info;
	unsigned int i;
	uid_t uid;
	int r = 0;

	(void)flags;
	if (!allowed(c, link, &uid))
		return denied(link);
	r = sd_varlink_dispatch(link, parameters, (const sd_json_dispatch_field[]){{0}}, NULL);
	if (r)
		return r;
	for (i = 0; !r && !job_se_get(c->store, i, &info); i++) {
		v = NULL;
		r = element_json(&info, &v);
		r = append(&array, v, r < 0 ? r : 0);
	}
	return reply_array(link, r, "elements", array);
}

static int add_job(void *userdata, const struct job_info *info)
{
	sd_json_variant *v = NULL;
	int r = job_json(info, &v);

	return append(userdata, v, r < 0 ? r : 0);
}

static int list_jobs(sd_varlink *link, sd_json_variant *parameters,
		     sd_varlink_method_flags_t flags, void *userdata)
{
	static const sd_json_dispatch_field table[] = {
		{"origin", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string, 0,
		 SD_JSON_NULLABLE},
		{0},
	};
	struct control *c = userdata;
	sd_json_variant *array = NULL;
	const char *origin = NULL;
	uid_t uid;
	int r;

	(void)flags;
	if (!begin(c, link, parameters, table, &origin, &uid, &r))
		return r;
	r = job_list(c->store, origin, add_job, &array);
	return reply_array(link, r, "jobs", array);
}

static const sd_json_dispatch_field id_table[] = {
	{"id", SD_JSON_VARIANT_UNSIGNED, sd_json_dispatch_uint64, 0, SD_JSON_MANDATORY},
	{0},
};

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
	return append(userdata, v, r < 0 ? r : 0);
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

static int get_job(sd_varlink *link, sd_json_variant *parameters,
		   sd_varlink_method_flags_t flags, void *userdata)
{
	sd_json_variant *job = NULL, *apdus = NULL;
	struct control *c = userdata;
	struct job_info info;
	uint8_t *data = NULL;
	uint64_t id = 0;
	uid_t uid;
	int r;

	(void)flags;
	if (!begin(c, link, parameters, id_table, &id, &uid, &r))
		return r;
	r = job_get(c->store, id, &info);
	if (r == -ENOENT)
		return say_error(link, r, NULL, id, NULL);
	if (!r)
		r = job_apdus(c->store, id, add_apdu, &apdus);
	if (!r && !apdus)
		r = sd_json_variant_new_array(&apdus, NULL, 0);
	if (r >= 0)
		r = job_json(&info, &job);
	if (r >= 0 && info.result_len)
		r = read_result(c, &info, &data);
	if (r < 0)
		r = sd_varlink_error_errno(link, r);
	else
		r = sd_varlink_replybo(
			link, SD_JSON_BUILD_PAIR_VARIANT("job", job),
			SD_JSON_BUILD_PAIR_VARIANT("apdus", apdus),
			SD_JSON_BUILD_PAIR_CONDITION(
				!!data, "response",
				SD_JSON_BUILD_BASE64(data, data ? info.result_len : 0)));
	if (data)
		explicit_bzero(data, info.result_len);
	free(data);
	sd_json_variant_unref(job);
	sd_json_variant_unref(apdus);
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

static int get_status(sd_varlink *link, sd_json_variant *parameters,
		      sd_varlink_method_flags_t flags, void *userdata)
{
	sd_json_variant *servers = NULL, *v;
	struct control *c = userdata;
	struct counts n = {0};
	struct control_server s;
	struct job_se_info se;
	unsigned int i, ses;
	uid_t uid;
	int r;

	(void)flags;
	if (!allowed(c, link, &uid))
		return denied(link);
	r = sd_varlink_dispatch(link, parameters, (const sd_json_dispatch_field[]){{0}}, NULL);
	if (r)
		return r;
	for (ses = 0; !job_se_get(c->store, ses, &se); ses++)
		;
	r = job_list(c->store, NULL, count_job, &n);
	for (i = 0; !r && c->ops && !c->ops->server(c->ctx, i, &s); i++) {
		v = NULL;
		r = server_json(&s, &v);
		r = append(&servers, v, r < 0 ? r : 0);
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

/* ---- methods that act ---- */

struct run_args {
	const char *se, *aid, *script;
	int compact, keep;
	uint32_t token, deadline;
};

static int run_job(struct control *c, uid_t uid, const struct job_params *p, const void *script,
		   size_t len, uint64_t *id, struct job_error *e)
{
	char origin[JOB_ORIGIN_MAX];
	int r;

	snprintf(origin, sizeof(origin), "control:%u", (unsigned int)uid);
	r = job_create(c->store, origin, JOB_SLOT_NONE, id, e);
	if (r)
		return r;
	r = job_set(c->store, *id, p, e);
	if (!r)
		r = job_script_write(c->store, *id, 0, script, len, e);
	if (!r)
		r = job_script_end(c->store, *id, e);
	if (!r)
		r = job_run(c->store, *id, e);
	if (r)
		job_delete(c->store, *id, NULL);
	return r;
}

static int run_script(sd_varlink *link, sd_json_variant *parameters,
		      sd_varlink_method_flags_t flags, void *userdata)
{
	static const sd_json_dispatch_field table[] = {
		{"se", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
		 offsetof(struct run_args, se), SD_JSON_MANDATORY},
		{"aid", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
		 offsetof(struct run_args, aid), SD_JSON_NULLABLE},
		{"script", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
		 offsetof(struct run_args, script), SD_JSON_MANDATORY},
		{"compact", SD_JSON_VARIANT_BOOLEAN, sd_json_dispatch_tristate,
		 offsetof(struct run_args, compact), SD_JSON_NULLABLE},
		{"keepChannel", SD_JSON_VARIANT_BOOLEAN, sd_json_dispatch_tristate,
		 offsetof(struct run_args, keep), SD_JSON_NULLABLE},
		{"token", SD_JSON_VARIANT_UNSIGNED, sd_json_dispatch_uint32,
		 offsetof(struct run_args, token), SD_JSON_NULLABLE},
		{"deadline", SD_JSON_VARIANT_UNSIGNED, sd_json_dispatch_uint32,
		 offsetof(struct run_args, deadline), SD_JSON_NULLABLE},
		{0},
	};
	struct run_args a = {.compact = -1, .keep = -1};
	struct control *c = userdata;
	struct job_params p = {0};
	struct job_error e;
	void *script = NULL;
	size_t len, aid_len;
	uint64_t id = 0;
	uid_t uid;
	int r;

	(void)flags;
	if (!begin(c, link, parameters, table, &a, &uid, &r))
		return r;
	if (strlen(a.se) >= sizeof(p.se))
		return sd_varlink_error_invalid_parameter_name(link, "se");
	snprintf(p.se, sizeof(p.se), "%s", a.se);
	if (a.aid && se_from_hex(a.aid, strlen(a.aid), p.aid, sizeof(p.aid), &aid_len))
		return sd_varlink_error_invalid_parameter_name(link, "aid");
	p.aid_len = a.aid ? (uint8_t)aid_len : 0;
	p.compact = a.compact > 0;
	p.keep_channel = a.keep > 0;
	p.token = a.token;
	p.deadline_s = a.deadline;
	r = sd_json_variant_unbase64(sd_json_variant_by_key(parameters, "script"), &script,
				     &len);
	if (r < 0)
		return sd_varlink_error_invalid_parameter_name(link, "script");
	r = run_job(c, uid, &p, script, len, &id, &e);
	explicit_bzero(script, len);
	free(script);
	if (r)
		return say_error(link, r, &e, id, a.se);
	return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_UNSIGNED("id", id));
}

static int cancel_job(sd_varlink *link, sd_json_variant *parameters,
		      sd_varlink_method_flags_t flags, void *userdata)
{
	struct control *c = userdata;
	struct job_error e;
	uint64_t id = 0;
	uid_t uid;
	int r;

	(void)flags;
	if (!begin(c, link, parameters, id_table, &id, &uid, &r))
		return r;
	r = job_cancel(c->store, id, &e);
	return r ? say_error(link, r, &e, id, NULL) : sd_varlink_reply(link, NULL);
}

static int ack_job(sd_varlink *link, sd_json_variant *parameters,
		   sd_varlink_method_flags_t flags, void *userdata)
{
	struct control *c = userdata;
	struct job_info info;
	struct job_error e;
	uint64_t id = 0;
	uid_t uid;
	int r;

	(void)flags;
	if (!begin(c, link, parameters, id_table, &id, &uid, &r))
		return r;
	r = job_get(c->store, id, &info);
	if (r)
		return say_error(link, -ENOENT, &e, id, NULL);
	if (!strncmp(info.origin, "control:", 8))
		r = job_delete(c->store, id, &e);
	else
		r = job_ack(c->store, id, &e);
	return r ? say_error(link, r, &e, id, NULL) : sd_varlink_reply(link, NULL);
}

/* ---- MonitorJob ---- */

static bool active(const struct job_info *i)
{
	return i->state == JOB_QUEUED || i->state == JOB_RUNNING;
}

/* One reply; the last one if the job has ended. */
static int tell(struct control *c, sd_varlink *link, uint64_t id, bool *last)
{
	sd_json_variant *v = NULL;
	struct job_info info;
	int r;

	*last = true;
	r = job_get(c->store, id, &info);
	if (r)
		return say_error(link, -ENOENT, NULL, id, NULL);
	*last = !active(&info);
	r = job_json(&info, &v);
	if (r < 0)
		return r;
	r = *last ? sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_VARIANT("job", v))
		  : sd_varlink_notifybo(link, SD_JSON_BUILD_PAIR_VARIANT("job", v));
	sd_json_variant_unref(v);
	return r;
}

static int monitor_job(sd_varlink *link, sd_json_variant *parameters,
		       sd_varlink_method_flags_t flags, void *userdata)
{
	struct control *c = userdata;
	struct watcher *w;
	uint64_t id = 0;
	bool last;
	uid_t uid;
	int r;

	if (!begin(c, link, parameters, id_table, &id, &uid, &r))
		return r;
	if (!(flags & SD_VARLINK_METHOD_MORE))
		return sd_varlink_error(link, SD_VARLINK_ERROR_EXPECTED_MORE, NULL);
	r = tell(c, link, id, &last);
	if (r < 0 || last)
		return r;
	w = malloc(sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->link = sd_varlink_ref(link);
	w->id = id;
	w->next = c->watchers;
	c->watchers = w;
	return 0;
}

static void drop_watchers(struct control *c, const sd_varlink *link)
{
	struct watcher **p = &c->watchers, *w;

	while ((w = *p)) {
		if (link && w->link != link) {
			p = &w->next;
			continue;
		}
		*p = w->next;
		sd_varlink_unref(w->link);
		free(w);
	}
}

static void job_changed(void *userdata, uint64_t id)
{
	struct control *c = userdata;
	struct watcher **p = &c->watchers, *w;
	bool last;

	while ((w = *p)) {
		if (w->id != id) {
			p = &w->next;
			continue;
		}
		if (tell(c, w->link, id, &last) >= 0 && !last) {
			p = &w->next;
			continue;
		}
		*p = w->next;
		sd_varlink_unref(w->link);
		free(w);
	}
}

static void gone(sd_varlink_server *server, sd_varlink *link, void *userdata)
{
	(void)server;
	drop_watchers(userdata, link);
}

/* ---- set up ---- */

static int set_up(struct control *c, sd_event *event, const char *path)
{
	mode_t mode = c->group == (gid_t)-1 ? 0600 : 0660;
	int r;

	/* Scripts are payload: never in the library's logs, cleared after use. */
	r = sd_varlink_server_new(&c->server, SD_VARLINK_SERVER_INHERIT_USERDATA |
						      SD_VARLINK_SERVER_INPUT_SENSITIVE |
						      SD_VARLINK_SERVER_ACCOUNT_UID);
	if (r < 0)
		return r;
	sd_varlink_server_set_userdata(c->server, c);
	sd_varlink_server_set_connections_max(c->server, CONNECTIONS_MAX);
	r = sd_varlink_server_set_info(c->server, "Sesame", "semd", c->version, "");
	if (r >= 0)
		r = sd_varlink_server_add_interface(c->server, &vl_interface_io_sesame_Manager);
	if (r >= 0)
		r = sd_varlink_server_bind_method_many(
			c->server, CONTROL_INTERFACE ".ListElements", list_elements,
			CONTROL_INTERFACE ".ListJobs", list_jobs, CONTROL_INTERFACE ".GetJob",
			get_job, CONTROL_INTERFACE ".RunScript", run_script,
			CONTROL_INTERFACE ".MonitorJob", monitor_job,
			CONTROL_INTERFACE ".CancelJob", cancel_job, CONTROL_INTERFACE ".AckJob",
			ack_job, CONTROL_INTERFACE ".GetStatus", get_status);
	if (r >= 0)
		r = sd_varlink_server_bind_disconnect(c->server, gone);
	if (r >= 0)
		r = sd_varlink_server_listen_address(c->server, path, mode);
	if (r >= 0 && c->group != (gid_t)-1 && chown(path, (uid_t)-1, c->group))
		r = -errno;
	if (r >= 0)
		r = sd_varlink_server_attach_event(c->server, event, SD_EVENT_PRIORITY_NORMAL);
	return r;
}

int control_new(struct control **ret, sd_event *event, struct job_store *store,
		const char *path, gid_t group, const char *version,
		const struct control_ops *ops, void *ctx)
{
	struct control *c;
	int r;

	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->store = store;
	c->ops = ops;
	c->ctx = ctx;
	c->group = group;
	snprintf(c->version, sizeof(c->version), "%s", version);
	r = set_up(c, event, path);
	if (r >= 0)
		r = job_listen(store, job_changed, c);
	if (r < 0) {
		control_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void control_free(struct control *c)
{
	if (!c)
		return;
	job_unlisten(c->store, job_changed, c);
	drop_watchers(c, NULL);
	if (c->server) {
		sd_varlink_server_shutdown(c->server);
		sd_varlink_server_unref(c->server);
	}
	free(c);
}
