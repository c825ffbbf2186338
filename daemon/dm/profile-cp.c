// SPDX-License-Identifier: Apache-2.0
/* OMA client provisioning: APPLICATION w7 (OMA-WAP-TS-ProvCont 1.1, 4.6.11; the registration
 * document of w7). */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "dm/profile-priv.h"

struct reader {
	struct dm_profile *p;
	bool no_memory;
};

static char *copy(struct reader *r, const char *s, size_t len)
{
	char *c = dm_arena_copy(r->p->arena, s, len);

	if (!c)
		r->no_memory = true;
	return c;
}

/* what model_buf_xml() escaped */
static char *unescaped(struct reader *r, const char *s, size_t len)
{
	static const struct {
		const char *as;
		char is;
	} escapes[] = {
		{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&#13;", '\r'},
	};
	char *out = copy(r, s, len), *to = out;

	for (const char *from = out; out && *from;) {
		size_t n = 0;

		for (size_t i = 0; i < sizeof(escapes) / sizeof(*escapes) && n == 0; i++)
			if (strncmp(from, escapes[i].as, strlen(escapes[i].as)) == 0) {
				n = strlen(escapes[i].as);
				*to++ = escapes[i].is;
			}
		if (n == 0) {
			*to++ = *from;
			n = 1;
		}
		from += n;
	}
	if (out)
		*to = '\0';
	return out;
}

/* from the attributes as dm_xml_read() leaves them: ' name="value"' one after another */
static const char *attribute(struct reader *r, const struct dm_node *n, const char *name)
{
	size_t len = strlen(name);

	for (const char *s = n->attrs; s && *s == ' ';) {
		const char *eq = strchr(s, '='), *end = eq ? strchr(eq + 2, '"') : NULL;

		if (!end)
			return NULL;
		if ((size_t)(eq - s - 1) == len && strncmp(s + 1, name, len) == 0)
			return unescaped(r, eq + 2, (size_t)(end - eq - 2));
		s = end + 1;
	}
	return NULL;
}

/* the next characteristic of that type from @n on */
static const struct dm_node *next(struct reader *r, const struct dm_node *n, const char *type)
{
	for (; n; n = n->next) {
		const char *is;

		if (!n->name || strcmp(n->name, "characteristic") != 0)
			continue;
		is = attribute(r, n, "type");
		if (is && strcasecmp(is, type) == 0)
			return n;
	}
	return NULL;
}

/* "" if it has no value, NULL if it is not there */
static const char *parm(struct reader *r, const struct dm_node *up, const char *name)
{
	for (const struct dm_node *n = up ? up->kids : NULL; n; n = n->next) {
		const char *is, *value;

		if (!n->name || strcmp(n->name, "parm") != 0)
			continue;
		is = attribute(r, n, "name");
		if (!is || strcasecmp(is, name) != 0)
			continue;
		value = attribute(r, n, "value");
		return value ? value : "";
	}
	return NULL;
}

static const char *said(struct reader *r, const struct dm_node *up, const char *name)
{
	const char *s = parm(r, up, name);

	return s && *s ? s : NULL;
}

static void auth(struct reader *r, const struct dm_node *n, struct dm_profile_account *a)
{
	const char *level = said(r, n, "AAUTHLEVEL"), *secret, *nonce;
	struct dm_profile_auth *to;

	/* APPSRV is what the application server asks of the client */
	if (level && strcasecmp(level, "APPSRV") == 0)
		to = &a->client;
	else if (level && strcasecmp(level, "CLIENT") == 0)
		to = &a->server;
	else
		return;
	if (to->name)
		return;
	to->type = said(r, n, "AAUTHTYPE");
	to->name = said(r, n, "AAUTHNAME");
	if (!to->name)
		to->name = to == &a->server ? a->server_id : "";
	secret = parm(r, n, "AAUTHSECRET");
	to->secret = (const uint8_t *)(secret ? secret : "");
	to->secret_len = secret ? strlen(secret) : 0;
	nonce = said(r, n, "AAUTHDATA");
	if (nonce && !profile_bytes(r->p, nonce, &to->nonce, &to->nonce_len))
		r->no_memory = true;
}

static void address(struct reader *r, const struct dm_node *app, struct dm_profile_account *a)
{
	const struct dm_node *n = next(r, app->kids, "APPADDR");

	a->addr = said(r, n, "ADDR");
	if (!a->addr) {
		a->addr = said(r, app, "ADDR");
		return;
	}
	a->addr_type = said(r, n, "ADDRTYPE");
	a->port = profile_port(said(r, next(r, n->kids, "PORT"), "PORTNBR"));
}

static void application(struct reader *r, const struct dm_node *n)
{
	struct dm_profile_account *a;
	const char *id = said(r, n, "APPID"), *init;

	if (!id || strcasecmp(id, "w7") != 0)
		return;
	a = profile_account(r->p);
	if (!a)
		return;
	a->server_id = said(r, n, "PROVIDER-ID");
	a->name = said(r, n, "NAME");
	address(r, n, a);
	a->con_ref = said(r, n, "TO-NAPID");
	if (!a->con_ref)
		a->con_ref = said(r, n, "TO-PROXY");
	a->auth_pref = said(r, n, "AAUTHPREF");
	init = parm(r, n, "INIT");
	a->init = init && strcmp(init, "0") != 0;
	for (const struct dm_node *c = next(r, n->kids, "APPAUTH"); c;
	     c = next(r, c->next, "APPAUTH"))
		auth(r, c, a);
	profile_keep(r->p, a);
}

int profile_cp(struct dm_profile *p, const struct dm_node *root)
{
	struct reader r = {.p = p};

	p->kind = DM_PROFILE_CP;
	for (const struct dm_node *n = next(&r, root->kids, "APPLICATION"); n;
	     n = next(&r, n->next, "APPLICATION"))
		application(&r, n);
	return r.no_memory ? dm_arena_error(p->arena) : 0;
}
