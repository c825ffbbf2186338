// SPDX-License-Identifier: Apache-2.0
/* Accounts in the tree, read and written. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dm/account.h"
#include "dm/http.h"

#define URI_ROOM (DM_URI_MAX + 1)

void dm_account_clear(struct dm_account *a)
{
	explicit_bzero(a, sizeof(*a));
}

static void say(char *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(char *why, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, DM_ACCOUNT_WORDS_MAX, format, ap);
	va_end(ap);
}

/* "./DMAcc/NODE/rest"; -EINVAL beyond what a URI may have */
static int uri_of(char uri[URI_ROOM], const char *node, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int uri_of(char uri[URI_ROOM], const char *node, const char *format, ...)
{
	int n = snprintf(uri, URI_ROOM, DM_ACCOUNT_ROOT "/%s", node);
	va_list ap;

	/* a name that would need escapes: nobody has a reason for one */
	if (n < 0 || n >= URI_ROOM || strpbrk(node, "/%?"))
		return -EINVAL;
	va_start(ap, format);
	n += vsnprintf(uri + n, (size_t)(URI_ROOM - n), format, ap);
	va_end(ap);
	return n < URI_ROOM ? 0 : -EINVAL;
}

int dm_account_next(struct dm_tree *t, char node[DM_SEGMENT_MAX + 1])
{
	return dm_tree_next(t, DM_ACCOUNT_ROOT, node);
}

/* ---- reading --------------------------------------------------------------------------- */

/* A leaf's bytes. 0 with *len 0 where it is not there; -EFBIG if they do not fit. */
static int take(struct dm_tree *t, const char *uri, void *out, size_t room, size_t *len)
{
	uint8_t *p;
	size_t n;
	int r = dm_tree_get(t, uri, &p, &n);

	*len = 0;
	if (r == -ENOENT || r == -EISDIR)
		return 0;
	if (r)
		return r;
	if (n > room)
		r = -EFBIG;
	else if (n)
		memcpy(out, p, n);
	*len = r ? 0 : n;
	explicit_bzero(p, n);
	free(p);
	return r;
}

/* The same as a text. */
static int take_text(struct dm_tree *t, const char *uri, char *out, size_t room)
{
	size_t len;
	int r = take(t, uri, out, room - 1, &len);

	out[r ? 0 : len] = 0;
	if (!r && strlen(out) != len)
		r = -EINVAL;
	return r;
}

static int take_below(struct dm_tree *t, const char *node, const char *rest, char *out,
		      size_t room)
{
	char uri[URI_ROOM];
	int r = uri_of(uri, node, "/%s", rest);

	return r ? r : take_text(t, uri, out, room);
}

/* the name of the first child of ./DMAcc/NODE/rest */
static int first_below(struct dm_tree *t, const char *node, const char *rest,
		       char name[DM_SEGMENT_MAX + 1])
{
	char uri[URI_ROOM];
	int r = uri_of(uri, node, "/%s", rest);

	name[0] = 0;
	return r ? r : dm_tree_next(t, uri, name);
}

/* "https://host/x" and 8443: "https://host:8443/x", where the address has no port */
static int with_port(char *uri, size_t room, const char *port)
{
	char *host = strstr(uri, "://"), *end, *at;
	char rest[256];

	if (!*port || !host || strspn(port, "0123456789") != strlen(port))
		return 0;
	host += 3;
	end = host + strcspn(host, "/?");
	at = *host == '[' ? memchr(host, ']', (size_t)(end - host)) : host;
	if (!at || memchr(at, ':', (size_t)(end - at)))
		return 0;
	snprintf(rest, sizeof(rest), "%s", end);
	return snprintf(end, room - (size_t)(end - uri), ":%s%s", port, rest) <
			       (int)(room - (size_t)(end - uri))
		       ? 0
		       : -EFBIG;
}

static int read_address(struct dm_tree *t, const char *node, struct dm_account *a)
{
	char addr[DM_SEGMENT_MAX + 1], port[DM_SEGMENT_MAX + 1], text[16], uri[URI_ROOM];
	int r = first_below(t, node, "AppAddr", addr);

	if (r)
		return r == -ENOENT ? 0 : r;
	r = uri_of(uri, node, "/AppAddr/%s/Addr", addr);
	if (!r)
		r = take_text(t, uri, a->uri, sizeof(a->uri));
	if (!r)
		r = uri_of(uri, node, "/AppAddr/%s/Port", addr);
	port[0] = 0;
	if (r || dm_tree_next(t, uri, port))
		return r;
	r = uri_of(uri, node, "/AppAddr/%s/Port/%s/PortNbr", addr, port);
	if (!r)
		r = take_text(t, uri, text, sizeof(text));
	return r ? r : with_port(a->uri, sizeof(a->uri), text);
}

/* the better way to show who one is */
static unsigned int strength(enum dm_auth_type type)
{
	switch (type) {
	case DM_AUTH_HMAC:
		return 3;
	case DM_AUTH_MD5:
		return 2;
	case DM_AUTH_BASIC:
		return 1;
	default:
		return 0;
	}
}

static int read_auth(struct dm_tree *t, const char *account, const char *node,
		     struct dm_account_auth *auth)
{
	char uri[URI_ROOM];
	int r;

	snprintf(auth->node, sizeof(auth->node), "%s", node);
	r = uri_of(uri, account, "/AppAuth/%s/AAuthName", node);
	if (!r)
		r = take_text(t, uri, auth->name, sizeof(auth->name));
	if (!r)
		r = uri_of(uri, account, "/AppAuth/%s/AAuthSecret", node);
	if (!r)
		r = take(t, uri, auth->secret, sizeof(auth->secret), &auth->secret_len);
	if (!r)
		r = uri_of(uri, account, "/AppAuth/%s/AAuthData", node);
	if (!r)
		r = take(t, uri, auth->nonce, sizeof(auth->nonce), &auth->nonce_len);
	return r;
}

/* Where there are several of a level: the preferred type, then the strongest. */
static bool better(enum dm_auth_type type, enum dm_auth_type pref,
		   const struct dm_account_auth *than)
{
	if (!than->node[0])
		return true;
	if ((type == pref) != (than->type == pref))
		return type == pref;
	return strength(type) > strength(than->type);
}

static int read_auths(struct dm_tree *t, const char *node, struct dm_account *a)
{
	char name[DM_SEGMENT_MAX + 1] = "", level[16], type[32], uri[URI_ROOM], list[URI_ROOM];
	enum dm_auth_type pref, is;
	struct dm_account_auth *side;
	int r;

	r = take_below(t, node, "AAuthPref", type, sizeof(type));
	if (r)
		return r;
	pref = *type ? dm_auth_of_pref(type) : DM_AUTH_UNKNOWN;
	r = uri_of(list, node, "/AppAuth");
	while (!r && !dm_tree_next(t, list, name)) {
		r = uri_of(uri, node, "/AppAuth/%s/AAuthLevel", name);
		if (!r)
			r = take_text(t, uri, level, sizeof(level));
		if (!r)
			r = uri_of(uri, node, "/AppAuth/%s/AAuthType", name);
		if (!r)
			r = take_text(t, uri, type, sizeof(type));
		if (r)
			break;
		side = !strcmp(level, "CLCRED")	   ? &a->client
		       : !strcmp(level, "SRVCRED") ? &a->server
						   : NULL;
		/* without a type: what the account prefers */
		is = *type ? dm_auth_of_pref(type) : pref;
		if (!side || is == DM_AUTH_UNKNOWN || !better(is, pref, side))
			continue;
		memset(side, 0, sizeof(*side));
		side->type = is;
		r = read_auth(t, node, name, side);
	}
	return r;
}

static int judge(const struct dm_account *a, char *why)
{
	const char *wrong;

	if (!a->server_id[0]) {
		say(why, "%s/%s has no ServerID", DM_ACCOUNT_ROOT, a->node);
		return -EINVAL;
	}
	if (!a->uri[0]) {
		say(why, "%s/%s has no address (AppAddr)", DM_ACCOUNT_ROOT, a->node);
		return -EINVAL;
	}
	wrong = dm_http_uri_check(a->uri, true);
	if (wrong) {
		say(why, "%s/%s: the address %s", DM_ACCOUNT_ROOT, a->node, wrong);
		return -EINVAL;
	}
	if (a->client.type != DM_AUTH_NONE && !a->client.name[0]) {
		say(why, "%s/%s has no AAuthName of the client", DM_ACCOUNT_ROOT, a->node);
		return -EINVAL;
	}
	return 0;
}

int dm_account_read(struct dm_tree *t, const char *node, struct dm_account *a, char *why)
{
	struct dm_stat st;
	char uri[URI_ROOM];
	int r = uri_of(uri, node, "%s", "");

	memset(a, 0, sizeof(*a));
	snprintf(a->node, sizeof(a->node), "%s", node);
	if (!r)
		r = dm_tree_find(t, uri, &st);
	if (!r)
		r = take_below(t, node, "ServerID", a->server_id, sizeof(a->server_id));
	if (!r)
		r = read_address(t, node, a);
	if (!r)
		r = read_auths(t, node, a);
	if (r) {
		say(why, "%s/%s cannot be read: %s", DM_ACCOUNT_ROOT, node,
		    r == -EFBIG ? "a value is too long" : strerror(-r));
		r = r == -EFBIG ? -EINVAL : r;
	} else {
		r = judge(a, why);
	}
	/* the server goes by its identifier where it has no other name */
	if (!r && a->server.node[0] && !a->server.name[0])
		snprintf(a->server.name, sizeof(a->server.name), "%s", a->server_id);
	if (r)
		dm_account_clear(a);
	return r;
}

/* ---- writing --------------------------------------------------------------------------- */

static int put(struct dm_tree *t, const char *node, const char *rest, enum mo_format format,
	       const void *p, size_t len)
{
	char uri[URI_ROOM];
	int r = uri_of(uri, node, "/%s", rest);

	return r ? r : dm_tree_set(t, uri, format, NULL, p, len);
}

static int put_text(struct dm_tree *t, const char *node, const char *rest, const char *text)
{
	return put(t, node, rest, MO_CHR, text, strlen(text));
}

static int put_auth(struct dm_tree *t, const char *node, const char *level,
		    const struct dm_account_auth *auth)
{
	const char *name = !strcmp(level, "CLCRED") ? "ClientCred" : "ServerCred";
	char rest[64];
	int r;

#define BELOW(leaf) (snprintf(rest, sizeof(rest), "AppAuth/%s/" leaf, name), rest)
	r = put_text(t, node, BELOW("AAuthLevel"), level);
	if (!r)
		r = put_text(t, node, BELOW("AAuthType"), dm_auth_pref(auth->type));
	if (!r && auth->name[0])
		r = put_text(t, node, BELOW("AAuthName"), auth->name);
	if (!r)
		r = put(t, node, BELOW("AAuthSecret"), MO_BIN, auth->secret, auth->secret_len);
	if (!r)
		r = put(t, node, BELOW("AAuthData"), MO_BIN, auth->nonce, auth->nonce_len);
#undef BELOW
	return r;
}

int dm_account_drop(struct dm_tree *t, const char *node)
{
	char uri[URI_ROOM];
	int r = uri_of(uri, node, "%s", "");

	if (!r)
		r = dm_tree_drop(t, uri);
	return r == -ENOENT ? 0 : r;
}

int dm_account_write(struct dm_tree *t, const struct dm_account *a, const char *name)
{
	char acl[2 * DM_SERVER_MAX + 32], uri[URI_ROOM];
	int r = dm_account_drop(t, a->node);

	if (!r)
		r = put_text(t, a->node, "AppID", "w7");
	if (!r)
		r = put_text(t, a->node, "ServerID", a->server_id);
	if (!r)
		r = put_text(t, a->node, "Name", name ? name : a->node);
	if (!r)
		r = put_text(t, a->node, "AppAddr/1/Addr", a->uri);
	if (!r)
		r = put_text(t, a->node, "AppAddr/1/AddrType", "URI");
	if (!r)
		r = put_text(t, a->node, "AAuthPref", dm_auth_pref(a->client.type));
	if (!r && (a->client.type != DM_AUTH_NONE || a->client.name[0]))
		r = put_auth(t, a->node, "CLCRED", &a->client);
	if (!r && a->server.secret_len)
		r = put_auth(t, a->node, "SRVCRED", &a->server);
	if (!r)
		r = uri_of(uri, a->node, "%s", "");
	if (r)
		return r;
	snprintf(acl, sizeof(acl), "Get=%s&Replace=%s", a->server_id, a->server_id);
	return dm_tree_acl(t, uri, acl);
}

int dm_account_nonce(struct dm_tree *t, struct dm_account *a, bool server, const uint8_t *p,
		     size_t n)
{
	struct dm_account_auth *side = server ? &a->server : &a->client;
	char rest[DM_SEGMENT_MAX + 32];

	if (n > sizeof(side->nonce))
		return -EFBIG;
	if (n)
		memcpy(side->nonce, p, n);
	side->nonce_len = n;
	/* a side that is trusted by TLS alone has no place for it */
	if (!side->node[0])
		return 0;
	snprintf(rest, sizeof(rest), "AppAuth/%s/AAuthData", side->node);
	return put(t, a->node, rest, MO_BIN, p, n);
}

/* ---- from a profile -------------------------------------------------------------------- */

static int auth_of_profile(const struct dm_profile_auth *p, const char *pref,
			   struct dm_account_auth *a)
{
	const char *type = p->type ? p->type : pref;

	if (!p->name && !p->secret_len)
		return 0;
	a->type = type ? dm_auth_of_pref(type) : DM_AUTH_MD5;
	if (a->type == DM_AUTH_UNKNOWN)
		a->type = DM_AUTH_MD5;
	if (p->secret_len > sizeof(a->secret) || p->nonce_len > sizeof(a->nonce) ||
	    (p->name && strlen(p->name) >= sizeof(a->name)))
		return -EINVAL;
	snprintf(a->name, sizeof(a->name), "%s", p->name ? p->name : "");
	if (p->secret_len)
		memcpy(a->secret, p->secret, p->secret_len);
	a->secret_len = p->secret_len;
	if (p->nonce_len)
		memcpy(a->nonce, p->nonce, p->nonce_len);
	a->nonce_len = p->nonce_len;
	return 0;
}

int dm_account_of_profile(const struct dm_profile_account *p, struct dm_account *a, char *why)
{
	char port[8];
	size_t n = 0;

	memset(a, 0, sizeof(*a));
	if (strlen(p->server_id) >= sizeof(a->server_id) || !*p->server_id ||
	    strpbrk(p->server_id, "+&=* ")) {
		say(why, "the profile's ServerID is too long, or has + & = * or a space in it");
		return -EINVAL;
	}
	strcpy(a->server_id, p->server_id);
	/* a name of letters, digits, dots: one that needs no escapes in a URI */
	for (const char *s = p->server_id; *s && n < DM_SEGMENT_MAX - 4; s++)
		if (isalnum((unsigned char)*s) || (n && strchr(".-_", *s)))
			a->node[n++] = *s;
	if (!n)
		strcpy(a->node, "server");
	if (snprintf(a->uri, sizeof(a->uri), "%s%s",
		     p->addr_type && strcmp(p->addr_type, "URI") != 0 ? "https://" : "",
		     p->addr) >= (int)sizeof(a->uri)) {
		say(why, "the profile's address is too long");
		return -EINVAL;
	}
	snprintf(port, sizeof(port), "%u", p->port);
	if (auth_of_profile(&p->client, p->auth_pref, &a->client) ||
	    auth_of_profile(&p->server, p->auth_pref, &a->server) ||
	    (p->port && with_port(a->uri, sizeof(a->uri), port))) {
		say(why, "a name, secret or nonce of the profile is too long");
		dm_account_clear(a);
		return -EINVAL;
	}
	return judge(a, why);
}

/* ---- what servers write ------------------------------------------------------------------ */

/* An identifier stands for rights, in ACLs and in policies: one that another account has is not
 * to be taken, nor can an account become somebody else's. */
static int check_id(struct dm_tree *t, const char *account, const char *id)
{
	char node[DM_SEGMENT_MAX + 1] = "", has[DM_SERVER_MAX];

	if (!*id || strlen(id) >= DM_SERVER_MAX || strpbrk(id, "+&=* "))
		return DM_BAD_FORMAT;
	while (!dm_account_next(t, node)) {
		/* one that cannot be read is not used either */
		if (take_below(t, node, "ServerID", has, sizeof(has)))
			continue;
		if (!strcmp(node, account)) {
			if (*has && strcmp(has, id) != 0)
				return DM_NOT_ALLOWED;
		} else if (!strcmp(has, id)) {
			return DM_EXISTS;
		}
	}
	return DM_OK;
}

int dm_account_check(void *ctx, const struct dm_req *req, const struct dm_path *path,
		     const uint8_t *p, size_t len)
{
	const char *leaf = path->n ? path->name[path->n - 1] : "";
	char text[256];

	(void)req;
	/* see uri_of(): it would be an account that is never used, until it is renamed */
	if (path->n == 1 && strpbrk(path->name[0], "/%?"))
		return DM_BAD_REQUEST;
	if (!p)
		return DM_OK;
	if (strcmp(leaf, "Addr") != 0 && strcmp(leaf, "AAuthType") != 0 &&
	    strcmp(leaf, "AAuthPref") != 0 && strcmp(leaf, "ServerID") != 0)
		return DM_OK;
	if (len >= sizeof(text) || memchr(p, 0, len))
		return DM_BAD_FORMAT;
	memcpy(text, p, len);
	text[len] = 0;
	if (!strcmp(leaf, "Addr") && strstr(text, "://"))
		return dm_http_uri_check(text, true) ? DM_BAD_FORMAT : DM_OK;
	if (!strncmp(leaf, "AAuth", 5))
		return dm_auth_of_pref(text) == DM_AUTH_UNKNOWN ? DM_BAD_FORMAT : DM_OK;
	if (!strcmp(leaf, "ServerID"))
		return check_id(ctx, path->name[0], text);
	return DM_OK;
}
