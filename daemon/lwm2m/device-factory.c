// SPDX-License-Identifier: Apache-2.0
/*
 * What the configuration says about servers, in the data model.
 *
 * A section is written there when the device sees it for the first time, and
 * again when it was changed; otherwise what servers and bootstrap made of it
 * stays. Kept for each section, under "server/NAME": version (1), the SHA-256 of
 * all it says, that of what the data model got of it, and the short server id. A
 * section that is gone takes its account with it.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coap/transport.h"
#include "lwm2m/device-priv.h"

#define PREFIX "server/"
#define VERSION 1
#define RECORD (1 + 2 * DEVICE_DIGEST + 2)

enum {
	URI,
	BOOTSTRAP,
	MODE,
	IDENTITY,
	PEER,
	SECRET,
	SSID = 10,
	HOLD_OFF,
	SNI = 14,
	USAGE,
	OSCORE = 17
};
enum {
	SERVER_SSID,
	LIFETIME,
	PMIN,
	PMAX,
	STORING = 6,
	BINDING,
	RETRY_COUNT = 17,
	RETRY_TIMER,
	SEQUENCE_DELAY,
	SEQUENCE_COUNT,
};
enum { MASTER_SECRET, SENDER, RECIPIENT, AEAD, HMAC, SALT, CONTEXT };

/* ---- has it changed? ---------------------------------------------------------- */

static void put_string(struct model_buf *b, const char *s)
{
	model_buf_put(b, s ? s : "", s ? strlen(s) + 1 : 1);
}

static void put_number(struct model_buf *b, int64_t i)
{
	model_buf_printf(b, "%lld;", (long long)i);
}

static void put_bytes(struct model_buf *b, const struct lwm2m_bytes *x)
{
	put_number(b, (int64_t)x->len);
	model_buf_put(b, x->p, x->len);
}

static int digest(const struct lwm2m_factory *f, uint8_t out[DEVICE_DIGEST])
{
	struct model_buf b = {.max = LWM2M_BODY_MAX};
	int r;

	put_string(&b, f->uri);
	put_number(&b, f->bootstrap);
	put_number(&b, f->ssid);
	put_number(&b, f->mode);
	put_bytes(&b, &f->identity);
	put_bytes(&b, &f->peer);
	put_bytes(&b, &f->secret);
	put_string(&b, f->sni);
	put_number(&b, f->cert_usage);
	put_number(&b, f->hold_off);
	put_number(&b, f->lifetime);
	put_number(&b, f->pmin);
	put_number(&b, f->pmax);
	put_string(&b, f->binding);
	put_bytes(&b, &f->oscore.secret);
	put_bytes(&b, &f->oscore.salt);
	put_bytes(&b, &f->oscore.sender);
	put_bytes(&b, &f->oscore.recipient);
	put_bytes(&b, &f->oscore.context);
	put_number(&b, f->oscore.aead);
	r = b.error;
	if (r == 0 && !EVP_Q_digest(NULL, "SHA256", NULL, b.p, b.len, out, NULL))
		r = -EIO;
	model_buf_free(&b);
	return r;
}

static size_t make_key(const char *name, uint8_t key[STORE_KEY_MAX])
{
	int n = snprintf((char *)key, STORE_KEY_MAX, PREFIX "%s", name);

	return n < 0 ? 0 : (size_t)n;
}

/* the short server id that the section had, 0 if it is new; *same: nothing changed */
static int look(struct store *st, const char *name, const uint8_t now[DEVICE_DIGEST],
		uint8_t made[DEVICE_DIGEST], uint16_t *ssid, bool *same)
{
	uint8_t key[STORE_KEY_MAX], *val;
	size_t len;
	int r = store_get(st, LWM2M_KIND_META, key, make_key(name, key), &val, &len);

	*ssid = 0;
	*same = false;
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	if (len == RECORD && val[0] == VERSION) {
		*same = memcmp(val + 1, now, DEVICE_DIGEST) == 0;
		memcpy(made, val + 1 + DEVICE_DIGEST, DEVICE_DIGEST);
		*ssid = (uint16_t)(val[len - 2] << 8 | val[len - 1]);
	}
	free(val);
	return 0;
}

static int note(struct store *st, const char *name, const uint8_t now[DEVICE_DIGEST],
		const uint8_t made[DEVICE_DIGEST], uint16_t ssid)
{
	uint8_t key[STORE_KEY_MAX], val[RECORD] = {VERSION};

	memcpy(val + 1, now, DEVICE_DIGEST);
	memcpy(val + 1 + DEVICE_DIGEST, made, DEVICE_DIGEST);
	val[RECORD - 2] = (uint8_t)(ssid >> 8);
	val[RECORD - 1] = (uint8_t)ssid;
	return store_put(st, LWM2M_KIND_META, key, make_key(name, key), val, sizeof(val));
}

/* ---- into the data model ------------------------------------------------------ */

static int drop(struct lwm2m_data *d, uint16_t object, int32_t instance)
{
	struct lwm2m_path path;

	if (instance < 0)
		return 0;
	path = lwm2m_path_at(2, object, (uint16_t)instance, 0, 0);
	return lwm2m_data_remove(d, &path);
}

static int32_t find_security(const struct lwm2m_data *d, uint16_t ssid)
{
	return ssid == LWM2M_SSID_BOOTSTRAP
		       ? lwm2m_data_find(d, MODEL_OBJECT_SECURITY, BOOTSTRAP, 1)
		       : lwm2m_data_find(d, MODEL_OBJECT_SECURITY, SSID, ssid);
}

/* all that there is of an account */
static int drop_account(struct lwm2m_data *d, uint16_t ssid)
{
	int32_t security;
	int r = 0;

	while (r == 0 && (security = find_security(d, ssid)) >= 0) {
		const struct lwm2m_value *link =
			lwm2m_data_get(d, MODEL_OBJECT_SECURITY, (uint16_t)security, OSCORE);

		if (link && link->object == MODEL_OBJECT_OSCORE &&
		    lwm2m_data_has(d, MODEL_OBJECT_OSCORE, link->instance))
			r = drop(d, MODEL_OBJECT_OSCORE, link->instance);
		if (r == 0)
			r = drop(d, MODEL_OBJECT_SECURITY, security);
	}
	if (r == 0 && ssid != LWM2M_SSID_BOOTSTRAP)
		r = drop(d, MODEL_OBJECT_SERVER,
			 lwm2m_data_find(d, MODEL_OBJECT_SERVER, SERVER_SSID, ssid));
	return r;
}

static int put(struct lwm2m_data *d, int r, uint16_t object, uint16_t instance, uint16_t rid,
	       const struct lwm2m_bytes *b)
{
	return r < 0 ? r
		     : lwm2m_data_set_bytes(d, object, instance, rid,
					    b->p ? b->p : (const uint8_t *)"", b->len);
}

static int put_text(struct lwm2m_data *d, int r, uint16_t object, uint16_t instance,
		    uint16_t rid, const char *s)
{
	const struct lwm2m_bytes b = {(const uint8_t *)s, strlen(s)};

	return put(d, r, object, instance, rid, &b);
}

static int put_int(struct lwm2m_data *d, int r, uint16_t object, uint16_t instance,
		   uint16_t rid, int64_t i)
{
	return r < 0 ? r : lwm2m_data_set_int(d, object, instance, rid, i);
}

static int add_oscore(struct lwm2m_data *d, const struct lwm2m_factory *f, uint16_t security)
{
	const uint16_t o = MODEL_OBJECT_OSCORE;
	int32_t id = lwm2m_data_free_instance(d, o);
	uint16_t i = (uint16_t)id;
	const struct lwm2m_value link = {
		.path = lwm2m_path_at(3, MODEL_OBJECT_SECURITY, security, OSCORE, 0),
		.type = MODEL_OBJLNK,
		.object = o,
		.instance = i,
	};
	int r = id < 0 ? -ENOSPC : lwm2m_data_add(d, o, i);

	r = put(d, r, o, i, MASTER_SECRET, &f->oscore.secret);
	r = put(d, r, o, i, SENDER, &f->oscore.sender);
	r = put(d, r, o, i, RECIPIENT, &f->oscore.recipient);
	if (f->oscore.aead != 0)
		r = put_int(d, r, o, i, AEAD, f->oscore.aead);
	if (f->oscore.salt.len > 0)
		r = put(d, r, o, i, SALT, &f->oscore.salt);
	if (f->oscore.context.len > 0)
		r = put(d, r, o, i, CONTEXT, &f->oscore.context);
	return r < 0 ? r : lwm2m_data_set(d, &link);
}

static int add_security(struct lwm2m_data *d, const struct lwm2m_factory *f)
{
	const uint16_t o = MODEL_OBJECT_SECURITY;
	int32_t id = lwm2m_data_free_instance(d, o);
	uint16_t i = (uint16_t)id;
	int r = id < 0 ? -ENOSPC : lwm2m_data_add(d, o, i);

	r = put_text(d, r, o, i, URI, f->uri);
	r = put_int(d, r, o, i, BOOTSTRAP, f->bootstrap);
	r = put_int(d, r, o, i, MODE, f->mode);
	r = put(d, r, o, i, IDENTITY, &f->identity);
	r = put(d, r, o, i, PEER, &f->peer);
	r = put(d, r, o, i, SECRET, &f->secret);
	if (!f->bootstrap)
		r = put_int(d, r, o, i, SSID, f->ssid);
	else
		r = put_int(d, r, o, i, HOLD_OFF, f->hold_off);
	if (f->sni)
		r = put_text(d, r, o, i, SNI, f->sni);
	if (f->cert_usage >= 0)
		r = put_int(d, r, o, i, USAGE, f->cert_usage);
	if (r == 0 && (f->oscore.secret.len > 0 || f->oscore.sender.len > 0))
		r = add_oscore(d, f, i);
	return r;
}

/* the binding that goes with the address */
static const char *binding(const struct lwm2m_factory *f)
{
	enum coap_transport_kind kind;

	if (f->binding)
		return f->binding;
	return coap_transport_scheme(f->uri, &kind) >= 0 && coap_transport_stream(kind) ? "T"
											: "U";
}

static int add_server(struct lwm2m_data *d, const struct lwm2m_factory *f)
{
	const uint16_t o = MODEL_OBJECT_SERVER;
	int32_t id = lwm2m_data_free_instance(d, o);
	uint16_t i = (uint16_t)id;
	int r = id < 0 ? -ENOSPC : lwm2m_data_add(d, o, i);

	r = put_int(d, r, o, i, SERVER_SSID, f->ssid);
	r = put_int(d, r, o, i, LIFETIME, f->lifetime ? f->lifetime : 86400);
	r = put_int(d, r, o, i, PMIN, f->pmin);
	r = put_int(d, r, o, i, PMAX, f->pmax);
	r = put_int(d, r, o, i, STORING, true);
	r = put_text(d, r, o, i, BINDING, binding(f));
	r = put_int(d, r, o, i, RETRY_COUNT, LWM2M_FACTORY_RETRY_COUNT);
	r = put_int(d, r, o, i, RETRY_TIMER, LWM2M_FACTORY_RETRY_TIMER);
	r = put_int(d, r, o, i, SEQUENCE_DELAY, LWM2M_FACTORY_SEQUENCE_DELAY);
	return put_int(d, r, o, i, SEQUENCE_COUNT, LWM2M_FACTORY_SEQUENCE_COUNT);
}

static int write_section(struct lwm2m_device *dev, const struct lwm2m_factory *f,
			 uint8_t made[DEVICE_DIGEST], char *why)
{
	struct lwm2m_data *d = dev->shared.data;
	uint16_t ssid = f->bootstrap ? LWM2M_SSID_BOOTSTRAP : f->ssid;
	uint8_t now[DEVICE_DIGEST];
	uint16_t before = 0;
	bool same = false;
	int r = digest(f, now);

	if (r == 0)
		r = look(dev->shared.state, f->name, now, made, &before, &same);
	if (r < 0 || same)
		return r;
	if (before != 0 && before != ssid)
		r = drop_account(d, before);
	if (r == 0)
		r = drop_account(d, ssid);
	if (r == 0)
		r = add_security(d, f);
	if (r == 0 && !f->bootstrap)
		r = add_server(d, f);
	if (r == 0)
		r = device_digest(d, ssid, made);
	if (r == 0)
		r = note(dev->shared.state, f->name, now, made, ssid);
	if (r < 0)
		content_words(why, "server %s: %s", f->name,
			      r == -EINVAL ? "a value is not what an account may have"
					   : strerror(-r));
	return r;
}

/* ---- sections that are gone ---------------------------------------------------- */

struct gone {
	const struct lwm2m_factory *servers;
	size_t nr;
	char names[LWM2M_ACCOUNTS_MAX][LWM2M_NAME_MAX];
	uint16_t ssids[LWM2M_ACCOUNTS_MAX];
	size_t n;
};

static int see_gone(void *userdata, const uint8_t *key, size_t klen, const uint8_t *val,
		    size_t vlen)
{
	struct gone *g = userdata;
	const size_t skip = sizeof(PREFIX) - 1;
	char name[LWM2M_NAME_MAX];

	if (vlen != RECORD || val[0] != VERSION || klen - skip >= sizeof(name) ||
	    g->n == LWM2M_ACCOUNTS_MAX)
		return 0;
	memcpy(name, key + skip, klen - skip);
	name[klen - skip] = '\0';
	for (size_t i = 0; i < g->nr; i++)
		if (strcmp(g->servers[i].name, name) == 0)
			return 0;
	memcpy(g->names[g->n], name, sizeof(name));
	g->ssids[g->n++] = (uint16_t)(val[vlen - 2] << 8 | val[vlen - 1]);
	return 0;
}

static bool used(const struct gone *g, uint16_t ssid)
{
	for (size_t i = 0; i < g->nr; i++)
		if ((g->servers[i].bootstrap ? LWM2M_SSID_BOOTSTRAP : g->servers[i].ssid) ==
		    ssid)
			return true;
	return false;
}

static int remove_gone(struct lwm2m_device *dev, struct gone *g)
{
	uint8_t key[STORE_KEY_MAX];
	int r = store_each(dev->shared.state, LWM2M_KIND_META, PREFIX, sizeof(PREFIX) - 1,
			   see_gone, g);

	for (size_t i = 0; r == 0 && i < g->n; i++) {
		/* another name for the same server: it is still that server's */
		if (!used(g, g->ssids[i]))
			r = drop_account(dev->shared.data, g->ssids[i]);
		if (r == 0)
			r = store_del(dev->shared.state, LWM2M_KIND_META, key,
				      make_key(g->names[i], key));
	}
	return r;
}

int device_factory(struct lwm2m_device *dev, const struct lwm2m_factory *servers, size_t nr,
		   char *why)
{
	struct gone gone = {.servers = servers, .nr = nr};
	int r;

	if (nr > LWM2M_ACCOUNTS_MAX) {
		content_words(why, "%zu servers, at most %d can be used", nr,
			      LWM2M_ACCOUNTS_MAX);
		return -EINVAL;
	}
	for (size_t i = 0; i < nr; i++) {
		const struct lwm2m_factory *f = &servers[i];

		snprintf(dev->factory[i].name, LWM2M_NAME_MAX, "%s", f->name);
		dev->factory[i].ssid = f->bootstrap ? LWM2M_SSID_BOOTSTRAP : f->ssid;
		if (f->endpoint)
			snprintf(dev->factory[i].endpoint, sizeof(dev->factory[i].endpoint),
				 "%s", f->endpoint);
		dev->factory[i].version = f->version;
	}
	dev->nr_factory = nr;
	/* notes and instances in one: the store's transaction is around the data's */
	r = store_begin(dev->shared.state);
	if (r < 0)
		return r;
	r = lwm2m_data_begin(dev->shared.data);
	if (r == 0) {
		r = remove_gone(dev, &gone);
		for (size_t i = 0; r == 0 && i < nr; i++)
			r = write_section(dev, &servers[i], dev->factory[i].made, why);
		if (r == 0)
			r = lwm2m_data_commit(dev->shared.data);
		else
			lwm2m_data_rollback(dev->shared.data);
	}
	if (r == 0)
		return store_commit(dev->shared.state);
	store_rollback(dev->shared.state);
	return r;
}

bool device_trusted(const struct lwm2m_device *dev, uint16_t ssid,
		    const uint8_t digest[DEVICE_DIGEST])
{
	for (size_t i = 0; i < dev->nr_factory; i++)
		if (dev->factory[i].ssid == ssid &&
		    memcmp(dev->factory[i].made, digest, DEVICE_DIGEST) == 0)
			return true;
	return false;
}

void device_name(const struct lwm2m_device *dev, uint16_t ssid, char name[LWM2M_NAME_MAX])
{
	for (size_t i = 0; i < dev->nr_factory; i++) {
		if (dev->factory[i].ssid != ssid)
			continue;
		memcpy(name, dev->factory[i].name, LWM2M_NAME_MAX);
		return;
	}
	if (ssid == LWM2M_SSID_BOOTSTRAP)
		snprintf(name, LWM2M_NAME_MAX, "bootstrap");
	else
		snprintf(name, LWM2M_NAME_MAX, "ssid-%u", ssid);
}
