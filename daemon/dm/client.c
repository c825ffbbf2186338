// SPDX-License-Identifier: Apache-2.0
/* The client device: what it lives on, its descriptor and time, whose turn it is. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "dm/client-priv.h"

void client_log(struct dm_client *c, int level, const char *account, const char *format, ...)
{
	char text[2 * DM_CLIENT_WORDS_MAX];
	va_list ap;

	if (!c->config.log)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	c->config.log(c->config.ctx, level, account, text);
}

void client_kick(struct dm_client *c)
{
	(void)!write(c->kick, &(uint64_t){1}, sizeof(uint64_t));
}

int client_random(void *p, size_t len)
{
	return RAND_bytes(p, (int)len) == 1 ? 0 : -EIO;
}

uint64_t client_jitter(uint64_t ms)
{
	uint32_t r = 0;

	(void)client_random(&r, sizeof(r));
	return ms - ms / 5 + r % (ms / 5 * 2 + 1);
}

/* ---- made and unmade ------------------------------------------------------------------ */

static int64_t wall_clock(void *ctx)
{
	(void)ctx;
	return (int64_t)time(NULL);
}

/* Out of the midst of the tree: the engine is told in its own time. */
static void on_tree_resume(void *ctx, uint64_t token, int code)
{
	struct dm_client *c = ctx;

	c->resumed.is = true;
	c->resumed.token = token;
	c->resumed.code = code;
	client_kick(c);
}

static void on_outbox(void *ctx, const char *server)
{
	struct dm_client *c = ctx;

	(void)server;
	c->dirty = true;
	client_kick(c);
}

static void on_dmacc(void *ctx)
{
	struct dm_client *c = ctx;

	c->dirty = true;
	client_kick(c);
}

static int on_dmacc_check(void *ctx, const struct dm_req *req, const struct dm_path *path,
			  const uint8_t *p, size_t len)
{
	struct dm_client *c = ctx;
	int r = dm_account_check(c->tree, req, path, p, len);
	char id[DM_SERVER_MAX];

	if (r != DM_OK || !p || !req->server || !c->config.may_bring || path->n != 2 ||
	    strcmp(path->name[1], "ServerID") != 0)
		return r;
	/* its length was looked at */
	snprintf(id, sizeof(id), "%.*s", (int)len, (const char *)p);
	if (!strcmp(id, req->server) || c->config.may_bring(c->config.ctx, req->server, id))
		return DM_OK;
	client_log(c, LOG_WARNING, "", "%s may not bring an account for %s", req->server, id);
	return DM_FORBIDDEN;
}

static int copy_device(struct dm_client *c, const struct dm_client_config *config)
{
	const struct {
		const char *from;
		const char **to;
	} text[] = {
		{config->device_id, &c->device.id},
		{config->manufacturer, &c->device.manufacturer},
		{config->model, &c->device.model},
		{config->firmware, &c->device.firmware},
		{config->software, &c->device.software},
		{config->hardware, &c->device.hardware},
	};

	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++)
		if (text[i].from && !(*text[i].to = strdup(text[i].from)))
			return -ENOMEM;
	return 0;
}

static void free_device(struct dm_client *c)
{
	const struct dm_device *d = &c->device;

	free((char *)d->id);
	free((char *)d->manufacturer);
	free((char *)d->model);
	free((char *)d->firmware);
	free((char *)d->software);
	free((char *)d->hardware);
}

static int make_tree(struct dm_client *c, const struct dm_client_config *config, char *why)
{
	static const struct dm_watch_ops watch = {.check = on_dmacc_check, .changed = on_dmacc};
	const struct dm_tree_config tree = {
		.store = c->store, .now = wall_clock, .resume = on_tree_resume, .ctx = c};
	int r = dm_tree_new(&c->tree, &tree, why);

	if (!r)
		r = copy_device(c, config);
	if (!r)
		r = dm_device_mount(c->tree, &c->device);
	if (!r)
		r = dm_tree_describe(c->tree, &mo_dmacc, &watch, c);
	/* no server may change this list: it is what the configuration says now */
	if (!r)
		r = dm_tree_acl(c->tree, DM_ACCOUNT_ROOT,
				config->server_accounts ? "Add=*&Get=*" : "Get=*");
	if (r && !*why)
		snprintf(why, DM_CLIENT_WORDS_MAX, "the tree cannot be made: %s", strerror(-r));
	return r;
}

int client_watch(struct dm_client *c, int fd, uint32_t what)
{
	struct epoll_event e = {.events = EPOLLIN, .data.u32 = what};

	return epoll_ctl(c->epoll, EPOLL_CTL_ADD, fd, &e) ? -errno : 0;
}

int client_http(struct dm_client *c)
{
	int r;

	if (c->http)
		return 0;
	r = dm_http_new(&c->http);
	if (!r)
		r = client_watch(c, dm_http_fd(c->http), ON_HTTP);
	if (r) {
		dm_http_free(c->http);
		c->http = NULL;
	}
	return r;
}

static int make(struct dm_client *c, const struct dm_client_config *config, uint64_t now,
		char *why)
{
	int r;

	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	c->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->epoll < 0 || c->kick < 0)
		return -errno;
	r = client_watch(c, c->kick, ON_KICK);
	if (!r)
		r = store_open(&c->store, config->state_dir, DM_STORE_NAME, why,
			       DM_CLIENT_WORDS_MAX);
	if (!r)
		r = make_tree(c, config, why);
	if (!r)
		r = dm_outbox_new(&c->outbox, c->store);
	if (!r)
		r = client_factory(c, why);
	if (r)
		return r;
	dm_outbox_watch(c->outbox, on_outbox, c);
	client_accounts(c, now);
	return 0;
}

int dm_client_new(struct dm_client **ret, const struct dm_client_config *config, uint64_t now,
		  char *why)
{
	struct dm_client *c = calloc(1, sizeof(*c));
	int r;

	*why = 0;
	if (!c)
		return -ENOMEM;
	c->config = *config;
	if (!c->config.retry_ms)
		c->config.retry_ms = CLIENT_RETRY_MS;
	c->config.pin = NULL;
	c->config.network = (struct dm_bytes){0};
	c->hold_until = config->hold_until;
	c->epoll = c->kick = -1;
	for (unsigned int i = 0; i < CLIENT_PORTS; i++)
		c->port[i] = (struct client_port){.l.fd = -1, .coap = i > 0, .again = DM_NEVER};
	if (config->pin && strlen(config->pin) >= sizeof(c->pin)) {
		snprintf(why, DM_CLIENT_WORDS_MAX, "the PIN is longer than %zu digits",
			 sizeof(c->pin) - 1);
		r = -EINVAL;
	} else if (config->network.len > sizeof(c->network)) {
		snprintf(why, DM_CLIENT_WORDS_MAX,
			 "the network's secret is longer than %zu bytes", sizeof(c->network));
		r = -EINVAL;
	} else {
		strcpy(c->pin, config->pin ? config->pin : "");
		if (config->network.len)
			memcpy(c->network, config->network.p, config->network.len);
		c->network_len = config->network.len;
		r = make(c, config, now, why);
	}
	/* theirs, and gone when this returns */
	c->config.accounts = NULL;
	c->config.nr_accounts = 0;
	c->config.tls = (struct dm_tls){0};
	if (r) {
		if (!*why)
			snprintf(why, DM_CLIENT_WORDS_MAX, "%s", strerror(-r));
		dm_client_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

int dm_client_start(struct dm_client *c, uint64_t now, char *why)
{
	int r;

	*why = 0;
	r = client_listen(c, now, why);
	if (r)
		return r;
	c->config.bind = NULL;
	c->started = true;
	/* what an object has put there while it was made */
	c->dirty = true;
	dm_client_tick(c, now);
	return 0;
}

void dm_client_free(struct dm_client *c)
{
	if (!c)
		return;
	client_session_drop(c);
	dm_http_free(c->http);
	client_listen_close(c);
	dm_outbox_free(c->outbox);
	dm_tree_free(c->tree);
	free_device(c);
	store_close(c->store);
	client_factory_free(c);
	free(c->slots);
	explicit_bzero(c->pin, sizeof(c->pin));
	explicit_bzero(c->network, sizeof(c->network));
	if (c->kick >= 0)
		close(c->kick);
	if (c->epoll >= 0)
		close(c->epoll);
	free(c);
}

struct store *dm_client_store(struct dm_client *c)
{
	return c->store;
}

struct dm_tree *dm_client_tree(struct dm_client *c)
{
	return c->tree;
}

struct dm_outbox *dm_client_outbox(struct dm_client *c)
{
	return c->outbox;
}

bool dm_client_waits(const struct dm_client *c, uint64_t token)
{
	uint64_t waits;

	return c->session.phase == PHASE_TREE && dm_engine_waits(c->session.engine, &waits) &&
	       waits == token;
}

/* ---- whose turn it is ---------------------------------------------------------------- */

/* Why it wants a session now, and if not: when. 0 and DM_NEVER: it does not. */
static unsigned int wants(const struct slot *s, uint64_t now, uint64_t *at)
{
	unsigned int want = s->want;

	*at = DM_NEVER;
	if (!s->usable)
		return 0;
	if (s->alerts)
		want |= WANT_ALERT;
	if (s->poll_at <= now)
		want |= WANT_POLL;
	if (want)
		*at = s->not_before;
	else if (s->poll_at != DM_NEVER)
		*at = s->poll_at > s->not_before ? s->poll_at : s->not_before;
	return *at <= now ? want : 0;
}

static bool may_begin(const struct dm_client *c, uint64_t now)
{
	return c->started && !c->stopping && c->session.phase == PHASE_NONE &&
	       c->hold_until <= now;
}

static struct slot *choose(struct dm_client *c, uint64_t now)
{
	unsigned int best = ~0U, want;
	struct slot *found = NULL;
	uint64_t at;

	for (size_t i = 0; i < c->nr_slots; i++) {
		struct slot *s = &c->slots[(i + c->turn) % c->nr_slots];

		want = wants(s, now, &at);
		/* the lowest bit: the most urgent of its reasons */
		if (want && (want & -want) < best) {
			best = want & -want;
			found = s;
		}
	}
	return found;
}

static uint64_t session_deadline(const struct dm_client *c)
{
	uint64_t first = DM_NEVER, at;

	if (c->session.phase == PHASE_PAUSE)
		return c->session.at;
	if (!c->started || c->stopping || c->session.phase != PHASE_NONE)
		return DM_NEVER;
	for (size_t i = 0; i < c->nr_slots; i++) {
		(void)wants(&c->slots[i], 0, &at);
		if (at < first)
			first = at;
	}
	return first != DM_NEVER && first < c->hold_until ? c->hold_until : first;
}

uint64_t dm_client_deadline(const struct dm_client *c)
{
	uint64_t session = session_deadline(c), port = client_listen_deadline(c);
	uint64_t ui = client_ui_deadline(c);

	if (ui < session)
		session = ui;

	return port < session && !c->stopping ? port : session;
}

void dm_client_tick(struct dm_client *c, uint64_t now)
{
	struct slot *s;

	c->now = now;
	if (c->resumed.is) {
		c->resumed.is = false;
		client_session_resume(c, now, c->resumed.token, c->resumed.code);
	}
	if (!c->stopping)
		client_listen_tick(c, now);
	client_session_keys(c, now);
	client_session_tick(c, now);
	client_ui_tick(c, now);
	if (c->dirty) {
		c->dirty = false;
		client_accounts(c, now);
	}
	/* one that fails before its first message makes room for the next */
	while (may_begin(c, now) && (s = choose(c, now))) {
		c->turn = (unsigned int)(s - c->slots) + 1;
		client_session_begin(c, s, now);
	}
}

struct received {
	struct dm_client *c;
	uint64_t now;
	enum dm_via via;
};

static void on_datagram(void *userdata, const uint8_t *p, size_t len)
{
	struct received *r = userdata;
	char why[DM_CLIENT_WORDS_MAX];

	(void)dm_client_notify(r->c, r->now, r->via, p, len, why);
}

void dm_client_ready(struct dm_client *c, uint64_t now)
{
	struct epoll_event e[4];
	struct received udp = {c, now, DM_VIA_UDP}, coap = {c, now, DM_VIA_COAP};
	int n = epoll_wait(c->epoll, e, 4, 0);
	uint64_t count;

	c->now = now;
	for (int i = 0; i < n; i++) {
		switch (e[i].data.u32) {
		case ON_KICK:
			(void)!read(c->kick, &count, sizeof(count));
			break;
		case ON_HTTP:
			client_session_http(c, now);
			break;
		case ON_UDP:
			dm_listen_ready(&c->port[0].l, now, on_datagram, &udp);
			break;
		default:
			dm_listen_ready(&c->port[1].l, now, on_datagram, &coap);
		}
	}
	dm_client_tick(c, now);
}

int dm_client_fd(const struct dm_client *c)
{
	return c->epoll;
}

/* ---- from outside ---------------------------------------------------------------------- */

void dm_client_network(struct dm_client *c, uint64_t now)
{
	for (size_t i = 0; i < c->nr_slots; i++)
		if (c->slots[i].failures)
			c->slots[i].not_before = now;
	if (c->session.phase == PHASE_PAUSE)
		c->session.at = now;
	client_listen_soon(c, now);
	dm_client_tick(c, now);
}

void dm_client_release(struct dm_client *c, uint64_t now)
{
	c->hold_until = 0;
	dm_client_tick(c, now);
}

void dm_client_stop(struct dm_client *c, uint64_t now)
{
	c->stopping = true;
	client_session_abort(c, now);
}

bool dm_client_stopped(const struct dm_client *c)
{
	return c->stopping && c->session.phase == PHASE_NONE;
}

int dm_client_session(struct dm_client *c, uint64_t now, const char *server)
{
	struct slot *s = client_slot(c, server);

	if (c->stopping)
		return -ESHUTDOWN;
	if (!s)
		return -ENOENT;
	if (!s->usable)
		return -EINVAL;
	/* one that waits after a failure does not have to */
	if (s->want & WANT_ASKED && s->not_before <= now)
		return -EALREADY;
	s->want |= WANT_ASKED;
	client_want_keep(c, s, s->want | client_session_wants(c, s));
	s->failures = 0;
	s->not_before = 0;
	dm_client_tick(c, now);
	return 0;
}

static enum dm_client_state state_of(const struct dm_client *c, const struct slot *s,
				     uint64_t *at)
{
	bool runs = c->session.phase != PHASE_NONE && !strcmp(c->session.account.node, s->node);

	/* 0: what is due is so whatever the time is */
	(void)wants(s, 0, at);
	if (!s->usable)
		return DM_ACCOUNT_UNUSABLE;
	if (runs)
		return DM_ACCOUNT_RUNNING;
	if (!s->want && !s->alerts)
		return DM_ACCOUNT_IDLE;
	return s->failures ? DM_ACCOUNT_WAITING : DM_ACCOUNT_QUEUED;
}

int dm_client_account(const struct dm_client *c, unsigned int index,
		      struct dm_client_account *out)
{
	const struct slot *s;

	if (index >= c->nr_slots)
		return -ENOENT;
	s = &c->slots[index];
	memset(out, 0, sizeof(*out));
	snprintf(out->name, sizeof(out->name), "%s", s->node);
	snprintf(out->server_id, sizeof(out->server_id), "%s", s->server_id);
	snprintf(out->uri, sizeof(out->uri), "%s", s->uri);
	snprintf(out->error, sizeof(out->error), "%s", s->error);
	out->state = state_of(c, s, &out->next_ms);
	out->sessions = s->sessions;
	out->failures = s->failures;
	out->alerts = s->alerts;
	out->last_s = s->last_s;
	return 0;
}

const char *dm_client_state_name(enum dm_client_state state)
{
	static const char *const names[] = {"unusable", "idle", "queued", "running", "waiting"};

	return names[state];
}
