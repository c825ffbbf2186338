// SPDX-License-Identifier: Apache-2.0
/*
 * Accounts: what the configuration says of them goes into the tree, what the tree says
 * becomes slots.
 *
 * A section [dm NAME] is written there when it is new, and again when it was changed: the
 * SHA-256 of what it says is kept under "account/NAME". A section that is gone takes its
 * account with it. What is not for the tree (TLS, what is allowed) stays here.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include <openssl/evp.h>

#include "dm/client-priv.h"

#define DIGEST 32
#define PREFIX "account/"
#define LAST_VERSION 1

/* ---- the configuration's rules ---------------------------------------------------------- */

static void factory_clear(struct factory *f)
{
	free(f->server_id);
	free(f->ca);
	free(f->pin);
	free(f->cert);
	if (f->key)
		explicit_bzero(f->key, f->key_len);
	free(f->key);
}

static int copy_text(char **to, const char *from)
{
	if (from && !(*to = strdup(from)))
		return -ENOMEM;
	return 0;
}

static int copy_bytes(uint8_t **to, size_t *len, const struct dm_bytes *from)
{
	if (!from->len)
		return 0;
	*to = malloc(from->len);
	if (!*to)
		return -ENOMEM;
	memcpy(*to, from->p, from->len);
	*len = from->len;
	return 0;
}

static int copy_rules(struct factory *f, const struct dm_tls *tls, const char *server_id)
{
	int r = copy_text(&f->server_id, server_id);

	if (!r)
		r = copy_text(&f->ca, tls->ca);
	if (!r)
		r = copy_text(&f->pin, tls->pin);
	if (!r)
		r = copy_bytes(&f->cert, &f->cert_len, &tls->cert);
	if (!r)
		r = copy_bytes(&f->key, &f->key_len, &tls->key);
	return r;
}

void client_factory_free(struct dm_client *c)
{
	for (size_t i = 0; i < c->nr_rules; i++)
		factory_clear(&c->rules[i]);
	free(c->rules);
	c->rules = NULL;
	c->nr_rules = 0;
}

static const struct factory *rules_of(const struct dm_client *c, const char *server_id)
{
	for (size_t i = 0; i + 1 < c->nr_rules; i++)
		if (!strcmp(c->rules[i].server_id, server_id))
			return &c->rules[i];
	return &c->rules[c->nr_rules - 1];
}

/* ---- sections into the tree ------------------------------------------------------------- */

static bool mix(EVP_MD_CTX *md, const void *p, size_t len)
{
	uint64_t n = htobe64(len);

	return EVP_DigestUpdate(md, &n, sizeof(n)) == 1 &&
	       (!len || EVP_DigestUpdate(md, p, len) == 1);
}

static int digest(const struct dm_factory *f, uint8_t out[DIGEST])
{
	const struct dm_bytes bytes[] = {f->client_secret, f->server_secret, f->client_nonce,
					 f->server_nonce};
	const char *text[] = {f->server_id, f->uri, f->client_name, f->server_name};
	uint32_t type = htobe32((uint32_t)f->auth);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool ok = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 &&
		  mix(md, &type, sizeof(type));

	for (size_t i = 0; ok && i < sizeof(text) / sizeof(text[0]); i++)
		ok = mix(md, text[i], text[i] ? strlen(text[i]) : 0);
	for (size_t i = 0; ok && i < sizeof(bytes) / sizeof(bytes[0]); i++)
		ok = mix(md, bytes[i].p, bytes[i].len);
	ok = ok && EVP_DigestFinal_ex(md, out, NULL) == 1;
	EVP_MD_CTX_free(md);
	return ok ? 0 : -EIO;
}

static int take_auth(struct dm_account_auth *a, enum dm_auth_type type, const char *name,
		     const struct dm_bytes *secret, const struct dm_bytes *nonce)
{
	a->type = type;
	if (strlen(name) >= sizeof(a->name) || secret->len > sizeof(a->secret) ||
	    nonce->len > sizeof(a->nonce))
		return -EINVAL;
	strcpy(a->name, name);
	if (secret->len)
		memcpy(a->secret, secret->p, secret->len);
	a->secret_len = secret->len;
	if (nonce->len)
		memcpy(a->nonce, nonce->p, nonce->len);
	a->nonce_len = nonce->len;
	return 0;
}

static int account_of(const struct dm_factory *f, struct dm_account *a)
{
	int r = 0;

	memset(a, 0, sizeof(*a));
	if (strlen(f->name) >= sizeof(a->node) ||
	    strlen(f->server_id) >= sizeof(a->server_id) || strlen(f->uri) >= sizeof(a->uri))
		return -EINVAL;
	strcpy(a->node, f->name);
	strcpy(a->server_id, f->server_id);
	strcpy(a->uri, f->uri);
	if (f->client_name)
		r = take_auth(&a->client, f->auth, f->client_name, &f->client_secret,
			      &f->client_nonce);
	if (!r && f->server_secret.len)
		r = take_auth(&a->server, f->auth == DM_AUTH_NONE ? DM_AUTH_MD5 : f->auth,
			      f->server_name ? f->server_name : f->server_id, &f->server_secret,
			      &f->server_nonce);
	return r;
}

static size_t key_of(const char *prefix, const char *name, char key[STORE_KEY_MAX])
{
	int n = snprintf(key, STORE_KEY_MAX, "%s%s", prefix, name);

	return n < 0 || n >= STORE_KEY_MAX ? 0 : (size_t)n;
}

static int write_section(struct dm_client *c, const struct dm_factory *f, const char *key,
			 size_t klen, const uint8_t sha[DIGEST])
{
	struct dm_account a;
	int r = account_of(f, &a);

	if (!r)
		r = store_begin(c->store);
	if (!r) {
		r = dm_account_write(c->tree, &a, f->name);
		if (!r)
			r = store_put(c->store, DM_KIND_META, key, klen, sha, DIGEST);
		if (!r)
			r = store_commit(c->store);
		else
			store_rollback(c->store);
	}
	dm_account_clear(&a);
	return r;
}

static int take_section(struct dm_client *c, const struct dm_factory *f, bool *is_new)
{
	uint8_t sha[DIGEST], *old;
	char key[STORE_KEY_MAX];
	size_t klen = key_of(PREFIX, f->name, key), len;
	int r = klen ? digest(f, sha) : -EINVAL;

	*is_new = false;
	if (r)
		return r;
	r = store_get(c->store, DM_KIND_META, key, klen, &old, &len);
	if (r && r != -ENOENT)
		return r;
	*is_new = r || len != DIGEST || memcmp(old, sha, DIGEST) != 0;
	if (!r)
		free(old);
	return *is_new ? write_section(c, f, key, klen, sha) : 0;
}

struct gone {
	const struct dm_client_config *config;
	char name[DM_SEGMENT_MAX + 1];
};

static int on_record(void *userdata, const uint8_t *key, size_t klen, const uint8_t *val,
		     size_t vlen)
{
	size_t skip = strlen(PREFIX), n = klen - skip;
	struct gone *g = userdata;

	(void)val;
	(void)vlen;
	if (n >= sizeof(g->name))
		return 0;
	memcpy(g->name, key + skip, n);
	g->name[n] = 0;
	for (size_t i = 0; i < g->config->nr_accounts; i++)
		if (!strcmp(g->config->accounts[i].name, g->name))
			return 0;
	return 1;
}

/* A slot for an account that is gone: what there is of its server is forgotten when the
 * client starts and those who wait for its alerts are there. */
static void leave_slot(struct dm_client *c, const char *node)
{
	char why[DM_ACCOUNT_WORDS_MAX];
	struct dm_account a;
	struct slot *s;

	if (c->nr_slots == DM_ACCOUNTS_MAX || dm_account_read(c->tree, node, &a, why))
		return;
	s = &c->slots[c->nr_slots++];
	snprintf(s->node, sizeof(s->node), "%s", node);
	strcpy(s->server_id, a.server_id);
	dm_account_clear(&a);
}

/* Accounts whose section is gone. */
static int drop_sections(struct dm_client *c)
{
	struct gone g = {.config = &c->config};
	char key[STORE_KEY_MAX];
	int r;

	while ((r = store_each(c->store, DM_KIND_META, PREFIX, strlen(PREFIX), on_record,
			       &g)) == 1) {
		client_log(c, LOG_NOTICE, g.name,
			   "its section is gone from the configuration: removed");
		leave_slot(c, g.name);
		r = dm_account_drop(c->tree, g.name);
		if (!r)
			r = store_del(c->store, DM_KIND_META, key, key_of(PREFIX, g.name, key));
		if (r)
			return r;
	}
	return r;
}

int client_factory(struct dm_client *c, char *why)
{
	const struct dm_client_config *config = &c->config;
	int r;

	c->rules = calloc(config->nr_accounts + 1, sizeof(*c->rules));
	c->slots = calloc(DM_ACCOUNTS_MAX, sizeof(*c->slots));
	if (!c->rules || !c->slots)
		return -ENOMEM;
	for (size_t i = 0; i < config->nr_accounts; i++) {
		const struct dm_factory *f = &config->accounts[i];
		struct factory *rules = &c->rules[c->nr_rules++];
		bool is_new = false;

		r = copy_rules(rules, &f->tls, f->server_id);
		rules->poll_s = f->poll_s;
		rules->allow_http = f->allow_http;
		rules->allow_basic = f->allow_basic;
		rules->wbxml = f->wbxml;
		if (!r)
			r = take_section(c, f, &is_new);
		if (r) {
			snprintf(why, DM_CLIENT_WORDS_MAX, "account %.64s: %s", f->name,
				 strerror(-r));
			return r;
		}
		/* the slot is not there yet: this is how it learns of it */
		if (is_new && c->nr_slots < DM_ACCOUNTS_MAX) {
			struct slot *s = &c->slots[c->nr_slots++];

			snprintf(s->node, sizeof(s->node), "%s", f->name);
			s->want = WANT_NEW;
		}
	}
	r = copy_rules(&c->rules[c->nr_rules++], &config->tls, NULL);
	return r ? r : drop_sections(c);
}

/* ---- what is there ------------------------------------------------------------------------
 */

struct slot *client_slot(struct dm_client *c, const char *name)
{
	for (size_t i = 0; i < c->nr_slots; i++)
		if (!strcmp(c->slots[i].node, name))
			return &c->slots[i];
	return client_slot_of(c, name);
}

struct slot *client_slot_of(struct dm_client *c, const char *server_id)
{
	for (size_t i = 0; i < c->nr_slots; i++)
		if (!strcmp(c->slots[i].server_id, server_id))
			return &c->slots[i];
	return NULL;
}

/* CLOCK_REALTIME of the last good session, over restarts */
static uint64_t read_last(struct dm_client *c, const char *server_id)
{
	uint64_t last = 0;
	uint8_t *p;
	size_t len;

	if (store_get(c->store, DM_KIND_ACCOUNT, server_id, strlen(server_id), &p, &len))
		return 0;
	if (len == 1 + sizeof(last) && p[0] == LAST_VERSION)
		memcpy(&last, p + 1, sizeof(last));
	free(p);
	return be64toh(last);
}

static void plan_poll(struct slot *s, uint64_t now)
{
	uint64_t wall = (uint64_t)time(NULL), next;

	s->poll_at = DM_NEVER;
	if (!s->rules->poll_s)
		return;
	/* a clock that went back makes nobody wait longer than the interval */
	next = s->last_s + s->rules->poll_s;
	if (s->last_s > wall)
		next = wall + s->rules->poll_s;
	s->poll_at = next > wall ? now + (next - wall) * 1000 : now;
}

void client_last(struct dm_client *c, struct slot *s, uint64_t now)
{
	uint8_t val[1 + sizeof(uint64_t)] = {LAST_VERSION};
	uint64_t last;

	s->last_s = (uint64_t)time(NULL);
	last = htobe64(s->last_s);
	memcpy(val + 1, &last, sizeof(last));
	/* without it the next session comes too early after a restart: no harm */
	(void)store_put(c->store, DM_KIND_ACCOUNT, s->server_id, strlen(s->server_id), val,
			sizeof(val));
	plan_poll(s, now);
}

static struct slot *slot_for(struct dm_client *c, const char *node)
{
	for (size_t i = 0; i < c->nr_slots; i++)
		if (!strcmp(c->slots[i].node, node))
			return &c->slots[i];
	if (c->nr_slots == DM_ACCOUNTS_MAX)
		return NULL;
	memset(&c->slots[c->nr_slots], 0, sizeof(*c->slots));
	snprintf(c->slots[c->nr_slots].node, sizeof(c->slots[0].node), "%s", node);
	return &c->slots[c->nr_slots++];
}

static void read_slot(struct dm_client *c, struct slot *s, uint64_t now)
{
	char why[DM_ACCOUNT_WORDS_MAX] = "";
	struct dm_account a;
	int r = dm_account_read(c->tree, s->node, &a, why);
	bool fresh = strcmp(s->server_id, a.server_id) != 0;

	s->seen = true;
	s->usable = !r;
	if (r) {
		if (strcmp(s->error, why) != 0)
			client_log(c, LOG_WARNING, s->node, "%s", why);
		snprintf(s->error, sizeof(s->error), "%s", why);
		return;
	}
	strcpy(s->uri, a.uri);
	strcpy(s->server_id, a.server_id);
	dm_account_clear(&a);
	s->rules = rules_of(c, s->server_id);
	s->alerts = (unsigned int)dm_outbox_count(c->outbox, s->server_id);
	if (fresh) {
		s->error[0] = 0;
		s->last_s = read_last(c, s->server_id);
		plan_poll(s, now);
		client_want_load(c, s);
	}
}

static bool other_has(const struct dm_client *c, const struct slot *s)
{
	for (size_t i = 0; i < c->nr_slots; i++)
		if (&c->slots[i] != s && c->slots[i].seen &&
		    !strcmp(c->slots[i].server_id, s->server_id))
			return true;
	return false;
}

void client_accounts(struct dm_client *c, uint64_t now)
{
	char node[DM_SEGMENT_MAX + 1] = "";
	struct slot *s;

	for (size_t i = 0; i < c->nr_slots; i++)
		c->slots[i].seen = false;
	while (!dm_account_next(c->tree, node)) {
		s = slot_for(c, node);
		if (s)
			read_slot(c, s, now);
		else
			client_log(c, LOG_WARNING, node, "not used: there are %d already",
				   DM_ACCOUNTS_MAX);
	}
	for (size_t i = 0; i < c->nr_slots;) {
		s = &c->slots[i];
		if (s->seen || !c->started) {
			i++;
			continue;
		}
		client_want_drop(c, s);
		if (s->server_id[0] && !other_has(c, s)) {
			client_log(c, LOG_INFO, s->node, "the account is gone");
			(void)dm_outbox_forget(c->outbox, s->server_id);
			(void)dm_tree_forget(c->tree, s->server_id);
			(void)store_del(c->store, DM_KIND_ACCOUNT, s->server_id,
					strlen(s->server_id));
			(void)store_del_prefix(c->store, DM_KIND_NOTIFY, s->server_id,
					       strlen(s->server_id) + 1);
		}
		*s = c->slots[--c->nr_slots];
	}
}
