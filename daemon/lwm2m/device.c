// SPDX-License-Identifier: Apache-2.0
/*
 * A device: its life and its place in the owner's loop. After each call the
 * accounts are compared with the data model, what one server changed is told to
 * the others, and the epoll set is put in order.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <syslog.h>
#include <unistd.h>

#include "lwm2m/device-priv.h"

void device_log(struct lwm2m_device *dev, const struct device_account *a, int level,
		const char *format, ...)
{
	char text[512];
	va_list ap;

	if (!dev->config.log)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	dev->config.log(dev->config.ctx, level, a ? a->name : "", text);
}

/* ---- what the accounts want of the device ------------------------------------- */

static void note_change(struct lwm2m_device *dev, struct lwm2m_client *by, uint16_t object,
			int32_t instance)
{
	for (size_t i = 0; i < dev->nr_changes; i++) {
		struct device_change *c = &dev->changes[i];

		if (c->object != object || (c->instance >= 0 && c->instance != instance))
			continue;
		if (c->by != by)
			c->by = NULL;
		return;
	}
	if (dev->nr_changes == DEVICE_CHANGES_MAX) {
		dev->all_changed = true;
		return;
	}
	dev->changes[dev->nr_changes++] = (struct device_change){by, object, instance};
}

static void on_changed(void *ctx, struct lwm2m_client *by, const struct lwm2m_path *path)
{
	if (path->depth == 0)
		return;
	note_change(ctx, by, path->id[0], path->depth >= 2 ? path->id[1] : -1);
}

/* a commit: instances may have come or gone */
static void on_data(void *ctx, const struct lwm2m_path *instance)
{
	if (instance->id[0] != MODEL_OBJECT_SECURITY && instance->id[0] != MODEL_OBJECT_OSCORE)
		note_change(ctx, NULL, instance->id[0], -1);
}

static int on_reboot(void *ctx)
{
	struct lwm2m_device *dev = ctx;

	if (!dev->config.reboot)
		return -EOPNOTSUPP;
	dev->config.reboot(dev->config.ctx);
	return 0;
}

/*
 * It may have been another front end's doing, in the middle of anything: the owner is
 * made to call. Of SEs the owner tells, lwm2m_device_se_changed().
 */
static void on_content(void *ctx, uint16_t object, int32_t instance)
{
	struct lwm2m_device *dev = ctx;

	if (object == MODEL_OBJECT_SE)
		return;
	note_change(dev, NULL, object, instance);
	/* 14 is a view of 26243 */
	if (object == MODEL_OBJECT_APP)
		note_change(dev, NULL, MODEL_OBJECT_COMPONENT, instance);
	if (!dev->awake)
		dev->awake = eventfd_write(dev->wake, 1) == 0;
}

static int on_bootstrap(void *ctx, struct lwm2m_client *by)
{
	(void)by;
	return device_bootstrap_request(ctx);
}

static const struct lwm2m_shared_ops shared_ops = {
	.changed = on_changed,
	.reboot = on_reboot,
	.bootstrap = on_bootstrap,
};

/* ---- after each call ------------------------------------------------------------ */

static void tell(struct lwm2m_device *dev)
{
	struct device_change changes[DEVICE_CHANGES_MAX];
	size_t n = dev->nr_changes;
	bool all = dev->all_changed;

	memcpy(changes, dev->changes, n * sizeof(changes[0]));
	dev->nr_changes = 0;
	dev->all_changed = false;
	for (size_t i = 0; i < dev->nr; i++) {
		struct lwm2m_account *a = dev->accounts[i]->account;

		if (!a || dev->accounts[i]->leaving ||
		    dev->accounts[i]->ssid == LWM2M_SSID_BOOTSTRAP)
			continue;
		for (size_t k = 0; k < n && !all; k++)
			if (lwm2m_account_client(a) != changes[k].by)
				lwm2m_account_changed(a, dev->now, changes[k].object,
						      changes[k].instance);
		for (size_t k = 0; all; k++) {
			const struct model_object *o = model_object_at(k);

			if (!o)
				break;
			lwm2m_account_changed(a, dev->now, o->id, -1);
		}
	}
}

static void settle(struct lwm2m_device *dev)
{
	/* taking leave of an account may change the data model, and so on; not for long */
	for (unsigned int i = 0; i < 8; i++) {
		device_bootstrap_settle(dev);
		device_accounts_sync(dev);
		if (dev->nr_changes == 0 && !dev->all_changed)
			break;
		tell(dev);
	}
	device_accounts_order(dev);
	device_accounts_reap(dev);
	device_accounts_watch(dev);
	if (dev->awake && eventfd_read(dev->wake, &(eventfd_t){0}) == 0)
		dev->awake = false;
}

/* ---- life ------------------------------------------------------------------------- */

static int copy_config(struct lwm2m_device *dev, const struct lwm2m_device_config *config)
{
	const char **to[] = {
		&dev->config.endpoint, &dev->config.manufacturer, &dev->config.model,
		&dev->config.serial,   &dev->config.firmware,
	};

	dev->config = *config;
	dev->config.servers = NULL;
	dev->config.nr_servers = 0;
	dev->config.state_dir = NULL;
	for (size_t i = 0; i < sizeof(to) / sizeof(to[0]); i++) {
		if (!*to[i])
			continue;
		dev->strings[i] = strdup(*to[i]);
		if (!dev->strings[i])
			return -ENOMEM;
		*to[i] = dev->strings[i];
	}
	return 0;
}

static int open_data(struct lwm2m_device *dev, const struct lwm2m_device_config *config,
		     char *why)
{
	int r = store_open(&dev->shared.state, config->state_dir, "lwm2m", why,
			   CONTENT_WORDS_MAX);

	if (r < 0)
		return r;
	r = lwm2m_data_new(&dev->shared.data, dev->shared.state, why);
	if (r < 0)
		return r;
	if (*why)
		device_log(dev, NULL, LOG_WARNING, "%s", why);
	return device_factory(dev, config->servers, config->nr_servers, why);
}

static int open_content(struct lwm2m_device *dev, struct content *content)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u32 = DEVICE_WAKE};

	if (epoll_ctl(dev->epoll, EPOLL_CTL_ADD, dev->wake, &ev) < 0)
		return -errno;
	dev->shared.ses = content->ses;
	dev->shared.apps = content->apps;
	dev->shared.packages = content->packages;
	return content_listen(content, on_content, dev);
}

int lwm2m_device_new(struct lwm2m_device **ret, const struct lwm2m_device_config *config,
		     uint64_t now, char *why)
{
	struct lwm2m_device *dev;
	int r;

	*why = '\0';
	if (!config->endpoint || !*config->endpoint) {
		content_words(why, "the device needs an endpoint name");
		return -EINVAL;
	}
	dev = calloc(1, sizeof(*dev));
	if (!dev)
		return -ENOMEM;
	dev->now = now;
	dev->epoll = epoll_create1(EPOLL_CLOEXEC);
	dev->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = dev->epoll < 0 || dev->wake < 0 ? -errno : copy_config(dev, config);
	if (r == 0)
		r = open_data(dev, config, why);
	if (r == 0 && config->content)
		r = open_content(dev, config->content);
	if (r < 0) {
		if (!*why)
			content_words(why, "%s", strerror(-r));
		lwm2m_device_free(dev);
		return r;
	}
	dev->shared.endpoint = dev->config.endpoint;
	dev->shared.manufacturer = dev->config.manufacturer;
	dev->shared.model = dev->config.model;
	dev->shared.serial = dev->config.serial;
	dev->shared.firmware = dev->config.firmware;
	dev->shared.jobs = config->store;
	dev->shared.ops = &shared_ops;
	dev->shared.ops_ctx = dev;
	dev->held = config->hold_until > now;
	lwm2m_data_listen(dev->shared.data, on_data, dev);
	r = device_bootstrap_new(dev, config);
	if (r < 0) {
		content_words(why, "bootstrap cannot be made: %s", strerror(-r));
		lwm2m_device_free(dev);
		return r;
	}
	settle(dev);
	*ret = dev;
	return 0;
}

void lwm2m_device_free(struct lwm2m_device *dev)
{
	if (!dev)
		return;
	device_accounts_free(dev);
	device_bootstrap_free(dev);
	if (dev->shared.apps)
		content_unlisten(dev->config.content, on_content, dev);
	lwm2m_data_free(dev->shared.data);
	store_close(dev->shared.state);
	if (dev->wake >= 0)
		close(dev->wake);
	if (dev->epoll >= 0)
		close(dev->epoll);
	for (size_t i = 0; i < sizeof(dev->strings) / sizeof(dev->strings[0]); i++)
		free(dev->strings[i]);
	free(dev);
}

/* ---- the loop's side ---------------------------------------------------------------- */

int lwm2m_device_fd(const struct lwm2m_device *dev)
{
	return dev->epoll;
}

uint64_t lwm2m_device_deadline(const struct lwm2m_device *dev)
{
	uint64_t t = device_bootstrap_deadline(dev);

	if (dev->held && dev->config.hold_until < t)
		t = dev->config.hold_until;

	for (size_t i = 0; i < dev->nr; i++) {
		const struct device_account *a = dev->accounts[i];
		uint64_t u = a->account ? lwm2m_account_deadline(a->account) : LWM2M_NEVER;

		if (a->leaving && a->leave_by < u)
			u = a->leave_by;
		if (u < t)
			t = u;
	}
	/* what is blocked has a time that never comes */
	return t >= LWM2M_NEVER - 1 ? LWM2M_NEVER : t;
}

static struct lwm2m_account *account(const struct lwm2m_device *dev, uint32_t id)
{
	for (size_t i = 0; i < dev->nr; i++)
		if (dev->accounts[i]->id == id)
			return dev->accounts[i]->account;
	return NULL;
}

void lwm2m_device_ready(struct lwm2m_device *dev, uint64_t now)
{
	struct epoll_event ev[2 * LWM2M_ACCOUNTS_MAX];
	int n = epoll_wait(dev->epoll, ev, (int)(sizeof(ev) / sizeof(ev[0])), 0);

	dev->now = now;
	for (int i = 0; i < n; i++) {
		struct lwm2m_account *a = account(dev, ev[i].data.u32);

		if (a)
			lwm2m_account_ready(a, now);
	}
	settle(dev);
}

void lwm2m_device_release(struct lwm2m_device *dev, uint64_t now)
{
	dev->now = now;
	dev->held = false;
	for (size_t i = 0; i < dev->nr; i++)
		if (dev->accounts[i]->account && !dev->accounts[i]->blocked)
			lwm2m_account_release(dev->accounts[i]->account, now);
	settle(dev);
}

void lwm2m_device_tick(struct lwm2m_device *dev, uint64_t now)
{
	dev->now = now;
	if (dev->held && now >= dev->config.hold_until)
		dev->held = false;
	device_bootstrap_tick(dev);
	for (size_t i = 0; i < dev->nr; i++) {
		struct lwm2m_account *a = dev->accounts[i]->account;

		if (a && lwm2m_account_deadline(a) <= now)
			lwm2m_account_tick(a, now);
	}
	settle(dev);
}

void lwm2m_device_job_changed(struct lwm2m_device *dev, uint64_t now, uint64_t job)
{
	dev->now = now;
	for (size_t i = 0; i < dev->nr; i++)
		if (dev->accounts[i]->account)
			lwm2m_account_job_changed(dev->accounts[i]->account, now, job);
	settle(dev);
}

static void note_dead(struct lwm2m_device *dev, uint16_t instance)
{
	struct model_se *se = malloc(sizeof(*se));

	if (se && content_ses_get(dev->shared.ses, instance, se) == 0 &&
	    se->state == SE_STATE_DEAD)
		lwm2m_shared_error(&dev->shared, LWM2M_ERROR_PERIPHERAL);
	free(se);
}

void lwm2m_device_se_changed(struct lwm2m_device *dev, uint64_t now, uint16_t instance)
{
	dev->now = now;
	if (dev->shared.ses)
		note_dead(dev, instance);
	for (size_t i = 0; i < dev->nr; i++)
		if (dev->accounts[i]->account)
			lwm2m_account_se_changed(dev->accounts[i]->account, now, instance);
	device_bootstrap_se_changed(dev);
	settle(dev);
}

void lwm2m_device_stop(struct lwm2m_device *dev, uint64_t now)
{
	dev->now = now;
	dev->stopping = true;
	dev->held = false;
	for (size_t i = 0; i < dev->nr; i++)
		if (dev->accounts[i]->account && !dev->accounts[i]->leaving)
			lwm2m_account_stop(dev->accounts[i]->account, now);
	settle(dev);
}

bool lwm2m_device_stopped(const struct lwm2m_device *dev)
{
	struct lwm2m_status st;

	for (size_t i = 0; i < dev->nr; i++) {
		if (!dev->accounts[i]->account)
			continue;
		lwm2m_account_status(dev->accounts[i]->account, &st);
		if (st.state != LWM2M_STOPPED)
			return false;
	}
	return true;
}

void lwm2m_device_network(struct lwm2m_device *dev, uint64_t now)
{
	dev->now = now;
	for (size_t i = 0; i < dev->nr; i++)
		if (dev->accounts[i]->account && !dev->accounts[i]->leaving)
			lwm2m_account_network(dev->accounts[i]->account, now);
	settle(dev);
}

int lwm2m_device_update(struct lwm2m_device *dev, uint64_t now, const char *name)
{
	int r = name ? -ENOENT : 0;

	dev->now = now;
	for (size_t i = 0; i < dev->nr; i++) {
		struct device_account *a = dev->accounts[i];
		struct lwm2m_status st;

		if (a->leaving || a->ssid == LWM2M_SSID_BOOTSTRAP ||
		    (name && strcmp(a->name, name) != 0))
			continue;
		r = -ENOTCONN;
		if (!a->account)
			continue;
		lwm2m_account_status(a->account, &st);
		if (st.state != LWM2M_REGISTERED && st.state != LWM2M_UPDATING)
			continue;
		lwm2m_account_update(a->account, now);
		r = 0;
	}
	settle(dev);
	return r;
}

int lwm2m_device_account(const struct lwm2m_device *dev, unsigned int index,
			 struct lwm2m_device_account *out)
{
	const struct device_account *a;

	if (index >= dev->nr)
		return -ENOENT;
	a = dev->accounts[index];
	memset(out, 0, sizeof(*out));
	memcpy(out->name, a->name, sizeof(out->name));
	memcpy(out->uri, a->uri, sizeof(out->uri));
	out->ssid = a->ssid;
	out->security = a->security;
	out->server = a->server;
	out->mode = a->mode;
	out->working = a->account != NULL;
	if (a->account) {
		lwm2m_account_status(a->account, &out->status);
		return 0;
	}
	out->status.next = LWM2M_NEVER;
	snprintf(out->status.error, sizeof(out->status.error), "%s", a->why);
	return 0;
}

struct lwm2m_data *lwm2m_device_data(struct lwm2m_device *dev)
{
	return dev->shared.data;
}
