// SPDX-License-Identifier: Apache-2.0
/* Calls that are answered later: MonitorJob, MonitorElements, and jobs run to their end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/control-priv.h"

int control_watch(struct control *c, sd_varlink *link, uint64_t id, bool more, bool own)
{
	struct watcher *w;

	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->link = sd_varlink_ref(link);
	w->id = id;
	w->more = more;
	w->own = own;
	w->next = c->watchers;
	c->watchers = w;
	return 0;
}

static void drop(struct watcher **p)
{
	struct watcher *w = *p;

	*p = w->next;
	sd_varlink_unref(w->link);
	free(w);
}

void control_drop_watchers(struct control *c, const sd_varlink *link)
{
	struct watcher **p = &c->watchers, *w;

	while ((w = *p)) {
		if (link && w->link != link) {
			p = &w->next;
		} else if (link && w->own) {
			/* nobody waits for its answer; it is deleted at its end all the same */
			w->link = sd_varlink_unref(w->link);
			job_cancel(c->store, w->id, NULL);
			p = &w->next;
		} else {
			drop(p);
		}
	}
}

/* ---- jobs ---- */

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
		return control_say_error(link, -ENOENT, NULL, id, NULL);
	*last = !active(&info);
	r = control_job_json(&info, &v);
	if (r < 0)
		return r;
	r = *last ? sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_VARIANT("job", v))
		  : sd_varlink_notifybo(link, SD_JSON_BUILD_PAIR_VARIANT("job", v));
	sd_json_variant_unref(v);
	return r;
}

CONTROL_METHOD(monitor_job)
{
	struct control *c = userdata;
	struct job_info info;
	struct peer peer;
	uint64_t id = 0;
	bool last;
	int r;

	if (!control_begin(c, link, parameters, control_id_table, &id, &peer, &r) ||
	    !control_own_job(c, link, &peer, id, &info, &r))
		return r;
	if (!(flags & SD_VARLINK_METHOD_MORE))
		return sd_varlink_error(link, SD_VARLINK_ERROR_EXPECTED_MORE, NULL);
	r = tell(c, link, id, &last);
	if (r < 0 || last)
		return r;
	return control_watch(c, link, id, true, false);
}

/* The answer of a call that made a job of its own: what came of it. */
static void answer(struct control *c, struct watcher *w, const struct job_info *info)
{
	sd_json_variant *result = NULL;
	struct job_error e;
	int r;

	r = control_result(c, info, &result);
	if (!w->link) {
		r = 0;
	} else if (r < 0) {
		r = sd_varlink_error_errno(w->link, r);
	} else if (info->state != JOB_DONE) {
		memcpy(e.code, info->code, sizeof(e.code));
		memcpy(e.detail, info->detail, sizeof(e.detail));
		r = control_say_error(w->link, -ECANCELED, &e, info->id, NULL);
	} else {
		r = sd_varlink_replybo(w->link, SD_JSON_BUILD_PAIR_VARIANT("result", result));
	}
	sd_json_variant_unref(result);
	job_delete(c->store, info->id, NULL);
}

void control_job_changed(void *userdata, uint64_t id)
{
	struct control *c = userdata;
	struct watcher **p = &c->watchers, *w;
	struct job_info info;
	bool last;
	int r;

	while ((w = *p)) {
		if (w->id != id) {
			p = &w->next;
			continue;
		}
		if (!w->own) {
			if (tell(c, w->link, id, &last) < 0 || last)
				drop(p);
			else
				p = &w->next;
			continue;
		}
		r = job_get(c->store, id, &info);
		if (!r && active(&info)) {
			p = &w->next;
			continue;
		}
		if (!r)
			answer(c, w, &info);
		else if (w->link)
			control_say_error(w->link, -ENOENT, NULL, id, NULL);
		drop(p);
	}
}

/* ---- elements ---- */

static int tell_element(sd_varlink *link, const char *event, const struct job_se_info *i)
{
	sd_json_variant *v = NULL;
	int r;

	r = control_element_json(i, &v);
	if (r >= 0)
		r = sd_varlink_notifybo(link, SD_JSON_BUILD_PAIR_STRING("event", event),
					SD_JSON_BUILD_PAIR_VARIANT("element", v));
	sd_json_variant_unref(v);
	return r;
}

static void tell_all(struct control *c, const char *event, const struct job_se_info *i)
{
	struct watcher **p = &c->watchers, *w;

	while ((w = *p)) {
		if (w->id || tell_element(w->link, event, i) >= 0)
			p = &w->next;
		else
			drop(p);
	}
}

static struct job_se_info *find(struct job_se_info *list, size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!strcmp(list[i].name, name))
			return &list[i];
	return NULL;
}

static const char *difference(const struct job_se_info *was, const struct job_se_info *is)
{
	if (was->error != is->error)
		return is->error ? "lost" : "found";
	if (was->generation != is->generation)
		return "generation";
	if (was->state != is->state)
		return "state";
	return was->irq_mode != is->irq_mode ? "irq-mode" : NULL;
}

static bool anybody(const struct control *c)
{
	const struct watcher *w;

	for (w = c->watchers; w; w = w->next)
		if (!w->id)
			return true;
	return false;
}

static size_t look(struct control *c, struct job_se_info *list)
{
	size_t n = 0;

	while (n < CONTROL_ELEMENTS_MAX && !job_se_get(c->store, (unsigned int)n, &list[n]))
		n++;
	return n;
}

void control_elements_changed(struct control *c)
{
	struct job_se_info *now, *was;
	const char *event;
	size_t n, i;

	if (!c || !anybody(c))
		return;
	now = calloc(CONTROL_ELEMENTS_MAX, sizeof(*now));
	if (!now)
		return; /* the next look tells */
	n = look(c, now);
	for (i = 0; i < c->nr_elements; i++)
		if (!find(now, n, c->elements[i].name))
			tell_all(c, "removed", &c->elements[i]);
	for (i = 0; i < n; i++) {
		was = find(c->elements, c->nr_elements, now[i].name);
		event = was ? difference(was, &now[i]) : "added";
		if (event)
			tell_all(c, event, &now[i]);
	}
	free(c->elements);
	c->elements = now;
	c->nr_elements = n;
}

CONTROL_METHOD(monitor_elements)
{
	struct control *c = userdata;
	struct job_se_info *now;
	struct peer peer;
	size_t i;
	int r;

	if (!control_begin(c, link, parameters, (const sd_json_dispatch_field[]){{0}}, NULL,
			   &peer, &r))
		return r;
	if (!(flags & SD_VARLINK_METHOD_MORE))
		return sd_varlink_error(link, SD_VARLINK_ERROR_EXPECTED_MORE, NULL);
	if (anybody(c)) {
		control_elements_changed(c); /* the others, up to now */
	} else {
		now = calloc(CONTROL_ELEMENTS_MAX, sizeof(*now));
		if (!now)
			return -ENOMEM;
		free(c->elements);
		c->elements = now;
		c->nr_elements = look(c, now);
	}
	for (i = 0; i < c->nr_elements; i++) {
		r = tell_element(link, "present", &c->elements[i]);
		if (r < 0)
			return r;
	}
	return control_watch(c, link, 0, true, false);
}
