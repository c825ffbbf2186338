// SPDX-License-Identifier: Apache-2.0
/*
 * Accounts as the data model has them: they come, change and go with it.
 *
 * An account whose server is in the data model no more de-registers before it
 * goes. One whose address or keys changed is made anew at once: what it had with
 * the server under that short server id is forgotten.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <syslog.h>

#include "lwm2m/device-priv.h"

#define LEAVE_MS 5000U

enum { SECURITY_BOOTSTRAP = 1, SECURITY_SSID = 10, SECURITY_OSCORE = 17 };

/* an account that the data model has */
struct wanted {
	uint16_t ssid;
	uint16_t server;
	uint16_t security[DEVICE_SECURITIES_MAX];
	size_t nr;
	uint8_t digest[DEVICE_DIGEST];
};

/* ---- what should be there ------------------------------------------------------ */

static void put_instance(const struct lwm2m_data *d, uint16_t object, uint16_t instance,
			 struct model_buf *b)
{
	struct lwm2m_set set = {0};

	if (lwm2m_data_read(d, object, instance, -1, &set) < 0)
		b->error = -ENOMEM;
	model_buf_printf(b, "/%u/%u:", object, instance);
	for (size_t i = 0; i < set.n; i++) {
		const struct lwm2m_value *v = &set.v[i];

		model_buf_printf(b, "%u/%u:%d:%lld:%u/%u:%zu:", v->path.id[2], v->path.id[3],
				 (int)v->type, (long long)v->i, v->object, v->instance, v->len);
		model_buf_put(b, v->p, v->len);
	}
	lwm2m_set_clear(&set);
}

static int make_digest(const struct lwm2m_data *d, struct wanted *w)
{
	struct model_buf b = {.max = LWM2M_DATA_BYTES_MAX};
	int r;

	model_buf_printf(&b, "%u:", w->server);
	for (size_t i = 0; i < w->nr; i++) {
		const struct lwm2m_value *link = lwm2m_data_get(
			d, MODEL_OBJECT_SECURITY, w->security[i], SECURITY_OSCORE);

		put_instance(d, MODEL_OBJECT_SECURITY, w->security[i], &b);
		if (link && lwm2m_data_has(d, MODEL_OBJECT_OSCORE, link->instance))
			put_instance(d, MODEL_OBJECT_OSCORE, link->instance, &b);
	}
	r = b.error;
	if (r == 0 && !EVP_Q_digest(NULL, "SHA256", NULL, b.p, b.len, w->digest, NULL))
		r = -EIO;
	model_buf_free(&b);
	return r;
}

static struct wanted *find_wanted(struct wanted *w, size_t n, uint16_t ssid)
{
	for (size_t i = 0; i < n; i++)
		if (w[i].ssid == ssid)
			return &w[i];
	return NULL;
}

static size_t collect(const struct lwm2m_data *d, struct wanted *w)
{
	uint16_t ids[LWM2M_DATA_INSTANCES_MAX];
	size_t nr =
		lwm2m_data_instances(d, MODEL_OBJECT_SECURITY, ids, LWM2M_DATA_INSTANCES_MAX);
	size_t n = 0;

	for (size_t i = 0; i < nr; i++) {
		int64_t ssid =
			lwm2m_data_int(d, MODEL_OBJECT_SECURITY, ids[i], SECURITY_SSID, 0);
		int32_t server = lwm2m_data_find(d, MODEL_OBJECT_SERVER, 0, ssid);
		struct wanted *one;

		if (lwm2m_data_int(d, MODEL_OBJECT_SECURITY, ids[i], SECURITY_BOOTSTRAP, 0) ||
		    server < 0)
			continue;
		one = find_wanted(w, n, (uint16_t)ssid);
		if (!one && n == LWM2M_ACCOUNTS_MAX)
			continue;
		if (!one) {
			one = &w[n++];
			memset(one, 0, sizeof(*one));
			one->ssid = (uint16_t)ssid;
			one->server = (uint16_t)server;
		}
		if (one->nr < DEVICE_SECURITIES_MAX)
			one->security[one->nr++] = ids[i];
	}
	return n;
}

int device_digest(const struct lwm2m_data *d, uint16_t ssid, uint8_t digest[DEVICE_DIGEST])
{
	struct wanted w[LWM2M_ACCOUNTS_MAX], bootstrap = {.ssid = ssid, .nr = 1}, *one;
	int32_t security;
	int r;

	if (ssid == LWM2M_SSID_BOOTSTRAP) {
		security = lwm2m_data_find(d, MODEL_OBJECT_SECURITY, SECURITY_BOOTSTRAP, 1);
		bootstrap.security[0] = (uint16_t)security;
		one = security < 0 ? NULL : &bootstrap;
	} else {
		one = find_wanted(w, collect(d, w), ssid);
	}
	r = one ? make_digest(d, one) : -ENOENT;
	if (r == 0)
		memcpy(digest, one->digest, DEVICE_DIGEST);
	return r;
}

/* ---- what is there --------------------------------------------------------------- */

static void on_log(void *ctx, int level, const char *text)
{
	const struct device_account *a = ctx;

	device_log(a->dev, a, level, "%s", text);
}

/* it gave up; true: it rests until the bootstrap is over */
static bool on_failed(void *ctx)
{
	const struct device_account *a = ctx;

	return device_bootstrap_wanted(a->dev, a);
}

static unsigned int version_of(const struct lwm2m_device *dev, uint16_t ssid)
{
	for (size_t i = 0; i < dev->nr_factory; i++)
		if (dev->factory[i].ssid == ssid)
			return dev->factory[i].version;
	return 0;
}

static const char *endpoint_of(const struct lwm2m_device *dev, uint16_t ssid)
{
	for (size_t i = 0; i < dev->nr_factory; i++)
		if (dev->factory[i].ssid == ssid && dev->factory[i].endpoint[0])
			return dev->factory[i].endpoint;
	return dev->config.endpoint;
}

/* what the Security instances say; those that cannot be used are left out, with words */
static size_t read_securities(struct device_account *a, const struct wanted *w,
			      struct lwm2m_security *out)
{
	bool trusted = device_trusted(a->dev, w->ssid, w->digest);
	char words[CONTENT_WORDS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < w->nr; i++) {
		int r = lwm2m_data_security(a->dev->shared.data, w->security[i], &out[n],
					    words);

		if (r == 0 && out[n].mode == LWM2M_SECURITY_NONE && out[n].oscore < 0 &&
		    !trusted && !a->dev->config.allow_nosec) {
			content_words(words,
				      "/0/%u has no security, which only the configuration may "
				      "allow ([lwm2m] allow_nosec)",
				      w->security[i]);
			r = -EACCES;
		}
		if (r == 0) {
			out[n].trusted = trusted;
			n++;
			continue;
		}
		device_log(a->dev, a, LOG_ERR, "%s", words);
		content_words(a->why, "%s", words);
	}
	return n;
}

static void begin(struct device_account *a, const struct wanted *w)
{
	struct lwm2m_device *dev = a->dev;
	struct lwm2m_security security[DEVICE_SECURITIES_MAX];
	size_t n = read_securities(a, w, security);
	struct lwm2m_server server;
	struct lwm2m_account_config config = {
		.client =
			{
				.name = a->name,
				.endpoint = endpoint_of(dev, w->ssid),
				.ssid = w->ssid,
				.version = version_of(dev, w->ssid),
				.manufacturer = dev->config.manufacturer,
				.model = dev->config.model,
				.serial = dev->config.serial,
				.firmware = dev->config.firmware,
				.shared = &dev->shared,
				.server = w->server,
			},
		.security = security,
		.nr_security = n,
		.keys = dev->config.keys,
		.hold_until = dev->held ? dev->config.hold_until : 0,
		.failed = on_failed,
		.log = on_log,
		.log_ctx = a,
	};
	int r;

	if (n == 0)
		return;
	if (lwm2m_server_read(dev->shared.data, w->server, &server) == 0 &&
	    server.priority != LWM2M_NO_PRIORITY) {
		a->blocked = true;
		config.hold_until = LWM2M_NEVER - 1;
	}
	a->security = security[0].instance;
	a->mode = security[0].mode;
	snprintf(a->uri, sizeof(a->uri), "%s", security[0].uri);
	r = lwm2m_account_new(&a->account, &config, dev->config.store, dev->shared.ses,
			      dev->now, a->why);
	if (r < 0) {
		a->account = NULL;
		device_log(dev, a, LOG_ERR, "no account: %s", a->why);
	} else {
		a->why[0] = '\0';
	}
}

static void forget_fd(struct device_account *a)
{
	struct stat st;

	/* a number that meanwhile belongs to another socket is not ours to take out */
	if (a->fd >= 0 && fstat(a->fd, &st) == 0 && st.st_ino == a->inode)
		epoll_ctl(a->dev->epoll, EPOLL_CTL_DEL, a->fd, NULL);
	a->fd = -1;
}

static void drop(struct lwm2m_device *dev, size_t at)
{
	struct device_account *a = dev->accounts[at];

	/* before the account closes it */
	forget_fd(a);
	for (size_t i = 0; i < dev->nr_changes; i++)
		if (a->account && dev->changes[i].by == lwm2m_account_client(a->account))
			dev->changes[i].by = NULL;
	lwm2m_account_free(a->account);
	free(a);
	dev->nr--;
	memmove(dev->accounts + at, dev->accounts + at + 1,
		(dev->nr - at) * sizeof(dev->accounts[0]));
}

struct device_account *device_accounts_new(struct lwm2m_device *dev, uint16_t ssid)
{
	struct device_account *a;

	if (dev->nr == sizeof(dev->accounts) / sizeof(dev->accounts[0])) {
		device_log(dev, NULL, LOG_ERR, "too many accounts come and go at once");
		return NULL;
	}
	a = calloc(1, sizeof(*a));
	if (!a) {
		device_log(dev, NULL, LOG_ERR, "no memory for the account of server %u", ssid);
		return NULL;
	}
	a->dev = dev;
	a->id = ++dev->last_id;
	a->fd = -1;
	a->ssid = ssid;
	device_name(dev, ssid, a->name);
	dev->accounts[dev->nr++] = a;
	return a;
}

static void add(struct lwm2m_device *dev, const struct wanted *w)
{
	struct device_account *a = device_accounts_new(dev, w->ssid);

	if (!a)
		return;
	a->server = w->server;
	a->security = w->security[0];
	memcpy(a->digest, w->digest, sizeof(a->digest));
	begin(a, w);
}

void device_accounts_drop_ssid(struct lwm2m_device *dev, uint16_t ssid)
{
	for (size_t i = dev->nr; i-- > 0;)
		if (dev->accounts[i]->ssid == ssid)
			drop(dev, i);
}

void device_accounts_revive(struct lwm2m_device *dev)
{
	for (size_t i = dev->nr; i-- > 0;) {
		struct device_account *a = dev->accounts[i];
		struct lwm2m_status st;

		if (!a->account || a->leaving || a->ssid == LWM2M_SSID_BOOTSTRAP)
			continue;
		lwm2m_account_status(a->account, &st);
		if (st.state != LWM2M_FAILED)
			continue;
		/* the next comparison with the data model makes it anew */
		drop(dev, i);
		dev->seen = 0;
	}
}

static void forget_state(struct lwm2m_device *dev, uint16_t ssid)
{
	int r = lwm2m_state_forget(dev->shared.state, ssid);

	if (r < 0)
		device_log(dev, NULL, LOG_ERR,
			   "what was kept for server %u could not be dropped: %s", ssid,
			   strerror(-r));
}

/* the server is not in the data model any more: take leave */
static void leave(struct lwm2m_device *dev, struct device_account *a)
{
	int r;

	device_log(dev, a, LOG_NOTICE, "the account is gone from the data model");
	a->leaving = true;
	a->leave_by = dev->now + LEAVE_MS;
	if (a->account)
		lwm2m_account_stop(a->account, dev->now);
	r = lwm2m_acl_server_gone(dev->shared.data, a->ssid);
	if (r < 0)
		device_log(dev, a, LOG_ERR, "its rights could not be taken away: %s",
			   strerror(-r));
}

static bool is_there(const struct lwm2m_device *dev, uint16_t ssid)
{
	for (size_t i = 0; i < dev->nr; i++)
		if (!dev->accounts[i]->leaving && dev->accounts[i]->ssid == ssid)
			return true;
	return false;
}

/* one pass over those that are there; they may change the data model (access control) */
static void compare(struct lwm2m_device *dev, struct wanted *w, size_t n)
{
	for (size_t i = dev->nr; i-- > 0;) {
		struct device_account *a = dev->accounts[i];
		struct wanted *one = find_wanted(w, n, a->ssid);

		if (a->ssid == LWM2M_SSID_BOOTSTRAP)
			continue;
		if (!one) {
			if (!a->leaving)
				leave(dev, a);
			continue;
		}
		if (!a->leaving && memcmp(one->digest, a->digest, sizeof(a->digest)) == 0)
			continue;
		/* another address, other keys, or back before it had left */
		device_log(dev, a, LOG_NOTICE, "the account has changed, a new one is made");
		drop(dev, i);
		forget_state(dev, one->ssid);
	}
	for (size_t i = 0; i < n; i++)
		if (!is_there(dev, w[i].ssid))
			add(dev, &w[i]);
}

void device_accounts_sync(struct lwm2m_device *dev)
{
	struct lwm2m_data *d = dev->shared.data;
	struct wanted w[LWM2M_ACCOUNTS_MAX];
	size_t n;

	if (dev->stopping || device_bootstrap_first(dev) || lwm2m_data_in_transaction(d) ||
	    dev->seen == lwm2m_data_generation(d) + 1)
		return;
	dev->seen = lwm2m_data_generation(d) + 1;
	n = collect(d, w);
	for (size_t i = 0; i < n; i++) {
		int r = make_digest(d, &w[i]);

		if (r < 0) {
			device_log(dev, NULL, LOG_ERR, "the accounts stay as they are: %s",
				   strerror(-r));
			return;
		}
	}
	compare(dev, w, n);
}

/* ---- order, leave-taking, descriptors ------------------------------------------- */

/* whether those behind @a in the order may go on */
static bool done(const struct device_account *a, const struct lwm2m_server *server)
{
	struct lwm2m_status st;

	if (!a->account)
		return !server->failure_block;
	lwm2m_account_status(a->account, &st);
	switch (st.state) {
	case LWM2M_REGISTERED:
	case LWM2M_UPDATING:
	case LWM2M_DISABLED:
	case LWM2M_DEREGISTERING:
	case LWM2M_STOPPED:
		return true;
	case LWM2M_OFFLINE:
	case LWM2M_REGISTERING:
	case LWM2M_WAITING:
	case LWM2M_FAILED:
	default:
		return st.attempts > 0 && !server->failure_block;
	}
}

static bool is_turn(const struct lwm2m_device *dev, const struct device_account *a)
{
	struct lwm2m_server mine, other;

	if (lwm2m_server_read(dev->shared.data, a->server, &mine) < 0)
		return true;
	for (size_t i = 0; i < dev->nr; i++) {
		const struct device_account *b = dev->accounts[i];

		if (b == a || b->leaving || b->ssid == LWM2M_SSID_BOOTSTRAP ||
		    lwm2m_server_read(dev->shared.data, b->server, &other) < 0)
			continue;
		if (other.priority < mine.priority && !done(b, &other))
			return false;
	}
	return true;
}

void device_accounts_order(struct lwm2m_device *dev)
{
	if (dev->held || dev->stopping)
		return;
	for (size_t i = 0; i < dev->nr; i++) {
		struct device_account *a = dev->accounts[i];

		if (!a->blocked || !a->account || !is_turn(dev, a))
			continue;
		a->blocked = false;
		lwm2m_account_release(a->account, dev->now);
	}
}

void device_accounts_reap(struct lwm2m_device *dev)
{
	for (size_t i = dev->nr; i-- > 0;) {
		struct device_account *a = dev->accounts[i];
		struct lwm2m_status st = {.state = LWM2M_STOPPED};
		uint16_t ssid = a->ssid;

		if (!a->leaving)
			continue;
		if (a->account)
			lwm2m_account_status(a->account, &st);
		if (st.state != LWM2M_STOPPED && dev->now < a->leave_by)
			continue;
		drop(dev, i);
		if (!is_there(dev, ssid))
			forget_state(dev, ssid);
	}
}

static void watch(struct device_account *a)
{
	int fd = a->account ? lwm2m_account_fd(a->account) : -1;
	uint32_t events = a->account ? lwm2m_account_events(a->account) : 0;
	struct epoll_event ev = {.events = events, .data.u32 = a->id};
	struct stat st = {0};

	if (fd >= 0 && fstat(fd, &st) < 0)
		fd = -1;
	/* a new socket may have the old number, so the inode is what counts */
	if (a->fd >= 0 && (fd != a->fd || st.st_ino != a->inode))
		forget_fd(a);
	if (fd < 0 || (fd == a->fd && events == a->events))
		return;
	if (epoll_ctl(a->dev->epoll, fd == a->fd ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &ev) <
	    0) {
		device_log(a->dev, a, LOG_ERR, "the socket cannot be watched: %s",
			   strerror(errno));
		return;
	}
	a->fd = fd;
	a->inode = st.st_ino;
	a->events = events;
}

void device_accounts_watch(struct lwm2m_device *dev)
{
	for (size_t i = 0; i < dev->nr; i++)
		watch(dev->accounts[i]);
}

void device_accounts_free(struct lwm2m_device *dev)
{
	while (dev->nr > 0)
		drop(dev, dev->nr - 1);
}
