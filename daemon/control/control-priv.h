/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of control/ share. Nothing outside control/ includes this. */
#ifndef SESAME_CONTROL_PRIV_H
#define SESAME_CONTROL_PRIV_H

#include <stdbool.h>
#include <systemd/sd-json.h>
#include <systemd/sd-varlink.h>

#include "control/control.h"
#include "libse/se.h"

#define CONTROL_ERROR(name) CONTROL_INTERFACE "." name
#define CONTROL_ELEMENTS_MAX 64 /* that MonitorElements looks after */

/**
 * struct watcher - a call that is answered later
 * @link: NULL once its peer has gone
 * @id: its job; 0 with MonitorElements
 * @more: MonitorJob, MonitorElements: several answers
 * @own: the job was made for this call: it is deleted with the answer
 */
struct watcher {
	struct watcher *next;
	sd_varlink *link;
	uint64_t id;
	bool more;
	bool own;
};

struct control {
	sd_varlink_server *server;
	struct job_store *store;
	const struct control_ops *ops;
	void *ctx;
	gid_t group;
	char version[32];
	struct watcher *watchers;
	struct job_se_info *elements; /* as MonitorElements told them last */
	size_t nr_elements;
};

/**
 * struct peer - who calls
 * @uid: its user
 * @privileged: root or the daemon's own user; others have their own jobs only
 * @origin: of the jobs that it makes
 */
struct peer {
	uid_t uid;
	bool privileged;
	char origin[JOB_ORIGIN_MAX];
};

/* control.c */

/** control_begin - may the peer, and what does it want? If not, *r is the answer */
bool control_begin(struct control *c, sd_varlink *link, sd_json_variant *parameters,
		   const sd_json_dispatch_field *table, void *args, struct peer *peer, int *r);
/** control_own_job - a job that the peer may act on; otherwise *r is the answer */
bool control_own_job(struct control *c, sd_varlink *link, const struct peer *peer, uint64_t id,
		     struct job_info *info, int *r);
int control_denied(sd_varlink *link);
/** control_say_error - answer with what job/ said */
int control_say_error(sd_varlink *link, int error, const struct job_error *e, uint64_t id,
		      const char *se);
/** control_append - @v to *@array if @r is 0; takes @v over. 0 or negative errno */
int control_append(sd_json_variant **array, sd_json_variant *v, int r);
/** control_reply_array - {name: array}, also if it is empty, or the error @r; takes it over */
int control_reply_array(sd_varlink *link, int r, const char *name, sd_json_variant *array);
/** control_id_table - of the methods whose one argument is a job's id */
extern const sd_json_dispatch_field control_id_table[];

/* control-read.c */
int control_job_json(const struct job_info *i, sd_json_variant **ret);
int control_element_json(const struct job_se_info *i, sd_json_variant **ret);
/** control_result - what a plan's job has as its result; *@ret NULL if nothing */
int control_result(struct control *c, const struct job_info *info, sd_json_variant **ret);

/* control-watch.c */
int control_watch(struct control *c, sd_varlink *link, uint64_t id, bool more, bool own);
void control_drop_watchers(struct control *c, const sd_varlink *link);
void control_job_changed(void *userdata, uint64_t id);

/* control-run.c: a job of @peer, complete and queued; it is gone again after an error */
int control_make_job(struct control *c, const struct peer *peer, const struct job_params *p,
		     const void *text, size_t len, uint64_t *id, struct job_error *e);

#define CONTROL_METHOD(name)                                              \
	int control_##name(sd_varlink *link, sd_json_variant *parameters, \
			   sd_varlink_method_flags_t flags, void *userdata)

CONTROL_METHOD(list_elements);
CONTROL_METHOD(list_jobs);
CONTROL_METHOD(get_job);
CONTROL_METHOD(get_status);
CONTROL_METHOD(run_script);
CONTROL_METHOD(run_plan);
CONTROL_METHOD(show_plan);
CONTROL_METHOD(cancel_job);
CONTROL_METHOD(resume_job);
CONTROL_METHOD(rollback_job);
CONTROL_METHOD(ack_job);
CONTROL_METHOD(monitor_job);
CONTROL_METHOD(monitor_elements);
CONTROL_METHOD(list_applications);
CONTROL_METHOD(get_card);
CONTROL_METHOD(reset_element);
CONTROL_METHOD(get_stats);
CONTROL_METHOD(list_key_sets);
CONTROL_METHOD(list_attempts);
CONTROL_METHOD(forget_attempts);
CONTROL_METHOD(send);
CONTROL_METHOD(update_server);
CONTROL_METHOD(list_dm_accounts);
CONTROL_METHOD(list_dm_ports);
CONTROL_METHOD(get_dm_question);
CONTROL_METHOD(answer_dm_question);
CONTROL_METHOD(start_dm_session);
CONTROL_METHOD(notify_dm);
CONTROL_METHOD(show_dm_tree);

#endif /* SESAME_CONTROL_PRIV_H */
