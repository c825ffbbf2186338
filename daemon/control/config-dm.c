// SPDX-License-Identifier: Apache-2.0
/* [dm NAME]: is it complete, and what do its files hold? */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config.h"
#include "dm/http.h"
#include "dm/state.h"

static bool yes(const char *value)
{
	return !strcmp(value, "yes");
}

const char *config_dm_uri(const char *uri)
{
	/* whether http is allowed may stand in a later line */
	return dm_http_uri_check(uri, true);
}

/* two sections that would be one account: rights in the tree go by the identifier */
static bool twice(const struct config *c, const struct config_dm_account *a)
{
	for (const struct config_dm_account *o = c->dm_account; o < a; o++)
		if (!strcmp(o->server_id, a->server_id))
			return true;
	return false;
}

static const char *check_auth(const struct config_dm_account *a)
{
	bool transport = !strcmp(a->auth, "transport");

	if (!strcmp(a->auth, "basic") && !yes(a->allow_basic))
		return "has auth=basic, which shows the secret to whoever reads along: "
		       "auth=md5, or allow_basic=yes";
	if (transport && (!a->cert[0] || !a->key[0]))
		return "has auth=transport: cert= and key= are needed, so that TLS shows who "
		       "the device is";
	if (transport && strncmp(a->uri, "https:", 6) != 0)
		return "has auth=transport: its uri has to be an https one";
	if (!transport && (!a->client_name[0] || !a->client_secret_file[0]))
		return "needs client_name= and client_secret_file=, or auth=transport";
	if (!a->server_secret_file[0] && strncmp(a->uri, "https:", 6) != 0)
		return "has no server_secret_file=: over http anybody could be the server";
	return NULL;
}

const char *config_dm_check(const struct config *c, const struct config_dm_account *a)
{
	if (!a->server_id[0])
		return "has no server_id=: add the identifier that the server goes by";
	if (strlen(a->server_id) >= DM_SERVER_MAX)
		return "has a server_id= that is too long: 59 characters";
	/* it stands in access control lists, where these part one from the other */
	if (strpbrk(a->server_id, "+&=* "))
		return "has a server_id= with one of + & = * or a space in it";
	if (!a->uri[0])
		return "has no uri=: add uri=https://HOST/PATH";
	if (!strncmp(a->uri, "http:", 5) && !yes(a->allow_http))
		return "has an http uri, which anybody can read and change: use https, or "
		       "allow_http=yes";
	if (!a->cert[0] != !a->key[0])
		return "has one of cert= and key=: both are needed";
	if (twice(c, a))
		return "has the server_id= of another [dm NAME]";
	return check_auth(a);
}

int config_read_secret(const char *path, struct config_bytes *out, char *why, size_t room)
{
	int r = config_read_file(path, true, out, why, room);

	if (r)
		return r;
	while (out->len && isspace(out->p[out->len - 1]))
		out->p[--out->len] = 0;
	/* it is part of texts that are hashed; a longer one would be cut somewhere */
	if (!out->len || out->len > 255 || memchr(out->p, 0, out->len)) {
		snprintf(why, room, "%s: a secret of 1 to 255 characters is needed", path);
		config_bytes_clear(out);
		return -EINVAL;
	}
	return 0;
}

static int take_secret(const char *key, const char *path, struct config_bytes *out, char *why,
		       size_t room)
{
	int n = snprintf(why, room, "%s: ", key);

	return *path ? config_read_secret(path, out, why + n, room - (size_t)n) : 0;
}

int config_dm_credentials(const struct config *c, const struct config_dm_account *a,
			  struct config_dm_credentials *out, char *why, size_t room)
{
	int r = 0;

	memset(out, 0, sizeof(*out));
	if (a) {
		r = take_secret("client_secret_file", a->client_secret_file,
				&out->client_secret, why, room);
		if (!r)
			r = take_secret("server_secret_file", a->server_secret_file,
					&out->server_secret, why, room);
		if (!r)
			r = config_take_hex(a->client_nonce, &out->client_nonce);
		if (!r)
			r = config_take_hex(a->server_nonce, &out->server_nonce);
	}
	if (!r)
		r = config_take("cert", a ? a->cert : c->dm.cert, false, &out->cert, why, room);
	if (!r)
		r = config_take_key(a ? a->key : c->dm.key, &out->key, why, room);
	if (r == -ENOMEM)
		snprintf(why, room, "out of memory");
	return r;
}

void config_dm_credentials_clear(struct config_dm_credentials *c)
{
	config_bytes_clear(&c->client_secret);
	config_bytes_clear(&c->server_secret);
	config_bytes_clear(&c->client_nonce);
	config_bytes_clear(&c->server_nonce);
	config_bytes_clear(&c->cert);
	config_bytes_clear(&c->key);
}
