// SPDX-License-Identifier: Apache-2.0
/* The service: who may call, and what all methods share. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/control-priv.h"

#define CONNECTIONS_MAX 64
#define GROUPS_MAX 256

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

static bool allowed(const struct control *c, sd_varlink *link, struct peer *peer)
{
	gid_t gid;

	if (sd_varlink_get_peer_uid(link, &peer->uid) < 0)
		return false;
	snprintf(peer->origin, sizeof(peer->origin), "control:%u", (unsigned int)peer->uid);
	peer->privileged = !peer->uid || peer->uid == geteuid();
	if (peer->privileged)
		return true;
	if (c->group == (gid_t)-1)
		return false;
	if (!sd_varlink_get_peer_gid(link, &gid) && gid == c->group)
		return true;
	return in_group(sd_varlink_get_fd(link), c->group);
}

int control_denied(sd_varlink *link)
{
	return sd_varlink_error(link, SD_VARLINK_ERROR_PERMISSION_DENIED, NULL);
}

bool control_begin(struct control *c, sd_varlink *link, sd_json_variant *parameters,
		   const sd_json_dispatch_field *table, void *args, struct peer *peer, int *r)
{
	if (!allowed(c, link, peer)) {
		*r = control_denied(link);
		return false;
	}
	*r = sd_varlink_dispatch(link, parameters, table, args);
	return *r == 0;
}

bool control_own_job(struct control *c, sd_varlink *link, const struct peer *peer, uint64_t id,
		     struct job_info *info, int *r)
{
	*r = job_get(c->store, id, info);
	if (*r)
		*r = control_say_error(link, -ENOENT, NULL, id, NULL);
	else if (!peer->privileged && strcmp(info->origin, peer->origin) != 0)
		*r = control_denied(link);
	else
		return true;
	return false;
}

/* ---- answers ---- */

int control_say_error(sd_varlink *link, int error, const struct job_error *e, uint64_t id,
		      const char *se)
{
	if (error == -ENOENT)
		return sd_varlink_errorbo(link, CONTROL_ERROR("NoSuchJob"),
					  SD_JSON_BUILD_PAIR_UNSIGNED("id", id));
	if (error == -ENODEV)
		return sd_varlink_errorbo(link, CONTROL_ERROR("NoSuchElement"),
					  SD_JSON_BUILD_PAIR_STRING("se", se));
	return sd_varlink_errorbo(link,
				  error == -ENOSPC ? CONTROL_ERROR("StorageFull")
						   : CONTROL_ERROR("Refused"),
				  SD_JSON_BUILD_PAIR_STRING("code", e->code),
				  SD_JSON_BUILD_PAIR_STRING("detail", e->detail));
}

int control_append(sd_json_variant **array, sd_json_variant *v, int r)
{
	if (!r)
		r = sd_json_variant_append_array(array, v);
	sd_json_variant_unref(v);
	return r < 0 ? r : 0;
}

int control_reply_array(sd_varlink *link, int r, const char *name, sd_json_variant *array)
{
	if (r >= 0)
		r = array ? sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_VARIANT(name, array))
			  : sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_EMPTY_ARRAY(name));
	else
		r = sd_varlink_error_errno(link, r);
	sd_json_variant_unref(array);
	return r;
}

const sd_json_dispatch_field control_id_table[] = {
	{"id", SD_JSON_VARIANT_UNSIGNED, sd_json_dispatch_uint64, 0, SD_JSON_MANDATORY},
	{0},
};

/* ---- set up ---- */

static const struct {
	const char *name;
	sd_varlink_method_t fn;
} methods[] = {
	{CONTROL_INTERFACE ".ListElements", control_list_elements},
	{CONTROL_INTERFACE ".ListJobs", control_list_jobs},
	{CONTROL_INTERFACE ".GetJob", control_get_job},
	{CONTROL_INTERFACE ".GetStatus", control_get_status},
	{CONTROL_INTERFACE ".RunScript", control_run_script},
	{CONTROL_INTERFACE ".RunPlan", control_run_plan},
	{CONTROL_INTERFACE ".ShowPlan", control_show_plan},
	{CONTROL_INTERFACE ".CancelJob", control_cancel_job},
	{CONTROL_INTERFACE ".ResumeJob", control_resume_job},
	{CONTROL_INTERFACE ".RollbackJob", control_rollback_job},
	{CONTROL_INTERFACE ".AckJob", control_ack_job},
	{CONTROL_INTERFACE ".MonitorJob", control_monitor_job},
	{CONTROL_INTERFACE ".MonitorElements", control_monitor_elements},
	{CONTROL_INTERFACE ".ListApplications", control_list_applications},
	{CONTROL_INTERFACE ".GetCard", control_get_card},
	{CONTROL_INTERFACE ".ResetElement", control_reset_element},
	{CONTROL_INTERFACE ".GetStats", control_get_stats},
	{CONTROL_INTERFACE ".ListKeySets", control_list_key_sets},
	{CONTROL_INTERFACE ".ListAttempts", control_list_attempts},
	{CONTROL_INTERFACE ".ForgetAttempts", control_forget_attempts},
	{CONTROL_INTERFACE ".Send", control_send},
	{CONTROL_INTERFACE ".UpdateServer", control_update_server},
	{CONTROL_INTERFACE ".ListDmAccounts", control_list_dm_accounts},
	{CONTROL_INTERFACE ".ListDmPorts", control_list_dm_ports},
	{CONTROL_INTERFACE ".GetDmQuestion", control_get_dm_question},
	{CONTROL_INTERFACE ".AnswerDmQuestion", control_answer_dm_question},
	{CONTROL_INTERFACE ".StartDmSession", control_start_dm_session},
	{CONTROL_INTERFACE ".NotifyDm", control_notify_dm},
	{CONTROL_INTERFACE ".ShowDmTree", control_show_dm_tree},
};

static void gone(sd_varlink_server *server, sd_varlink *link, void *userdata)
{
	(void)server;
	control_drop_watchers(userdata, link);
}

/*
 * The path appears when somebody listens there and it has its mode and its group, not before:
 * whoever waits for it would be refused. A descriptor or a negative errno.
 */
static int listen_at(const char *path, mode_t mode, gid_t group)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	size_t len = strlen(path);
	int fd, r = 0;

	if (len + 1 >= sizeof(un.sun_path))
		return -ENAMETOOLONG;
	memcpy(un.sun_path, path, len);
	un.sun_path[len] = '~'; /* beside it; whoever lists sockets sees this name */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	(void)unlink(un.sun_path); /* of one that was killed here */
	if (bind(fd, (const struct sockaddr *)&un, sizeof(un)) || chmod(un.sun_path, mode) ||
	    (group != (gid_t)-1 && chown(un.sun_path, (uid_t)-1, group)) ||
	    listen(fd, SOMAXCONN) || rename(un.sun_path, path)) {
		r = -errno;
		(void)unlink(un.sun_path);
		close(fd);
	}
	return r < 0 ? r : fd;
}

static int take_listener(sd_varlink_server *server, int fd)
{
	int r = sd_varlink_server_listen_fd(server, fd);

	if (r < 0)
		close(fd);
	return r;
}

static int set_up(struct control *c, sd_event *event, const char *path)
{
	mode_t mode = c->group == (gid_t)-1 ? 0600 : 0660;
	size_t i;
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
	for (i = 0; r >= 0 && i < sizeof(methods) / sizeof(methods[0]); i++)
		r = sd_varlink_server_bind_method(c->server, methods[i].name, methods[i].fn);
	if (r >= 0)
		r = sd_varlink_server_bind_disconnect(c->server, gone);
	if (r >= 0)
		r = listen_at(path, mode, c->group);
	if (r >= 0)
		r = take_listener(c->server, r);
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
		r = job_listen(store, control_job_changed, c);
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
	job_unlisten(c->store, control_job_changed, c);
	control_drop_watchers(c, NULL);
	free(c->elements);
	if (c->server) {
		sd_varlink_server_shutdown(c->server);
		sd_varlink_server_unref(c->server);
	}
	free(c);
}
