// SPDX-License-Identifier: Apache-2.0
/* [dm NAME]: is it complete, and what do its files hold? */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "control/config.h"
#include "dm/http.h"
#include "dm/profile.h"
#include "dm/state.h"
#include "gp/error.h"
#include "keys/seref.h"
#include "libse/se.h"

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

/* libcurl would take anything else for the name of a file */
static bool pin_ok(const char *pin)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	do {
		if (strncmp(pin, "sha256//", 8) != 0 || strspn(pin + 8, digits) != 43 ||
		    pin[51] != '=')
			return false;
		pin += 52;
	} while (*pin == ';' && pin++);
	return !*pin;
}

/* a reference to an SE that has no section; without any, the names are the kernel's */
static bool no_se(const struct config *c, const char *value)
{
	struct gp_error e;
	struct seref ref;

	if (!c->nr_se || !config_is_reference(value) ||
	    seref_parse(&ref, value, strlen(value), true, &e) || ref.kind == SEREF_PKCS11)
		return false;
	for (size_t i = 0; i < c->nr_se; i++)
		if (!strcmp(c->se[i].name, ref.se))
			return false;
	return true;
}

const char *config_dm_general(const struct config *c)
{
	struct in6_addr a;

	if (c->dm.bind[0] && inet_pton(AF_INET, c->dm.bind, &a) != 1 &&
	    inet_pton(AF_INET6, c->dm.bind, &a) != 1)
		return "[dm] bind=: an IPv4 or IPv6 address of this machine is needed, no name";
	if (c->dm.server_accounts_ids[0] && !yes(c->dm.server_accounts))
		return "[dm] has server_accounts_ids=, which says nothing without "
		       "server_accounts=yes";
	if (!c->dm.cert[0] != !c->dm.key[0])
		return "[dm] has one of cert= and key=: both are needed";
	if (no_se(c, c->dm.cert) || no_se(c, c->dm.key))
		return "[dm] cert= or key= names a secure element that no [se NAME] has";
	return NULL;
}

bool config_dm_may_bring(const struct config *c, const char *server_id)
{
	const char *ids = c->dm.server_accounts_ids, *end;
	size_t n = strlen(server_id);

	if (*ids) {
		for (; *ids; ids = *end ? end + 1 : end) {
			end = ids + strcspn(ids, " ");
			if ((size_t)(end - ids) == n && !memcmp(ids, server_id, n))
				return n > 0;
		}
		return false;
	}
	for (size_t i = 0; i < c->nr_dm; i++)
		if (!strcmp(c->dm_account[i].server_id, server_id))
			return false;
	for (size_t i = 0; i < c->nr_policy; i++)
		if (!strncmp(c->policy[i].origin, "dm:", 3) &&
		    !strcmp(c->policy[i].origin + 3, server_id))
			return false;
	return true;
}

bool config_dm_stranger(const struct config *c, const char *origin)
{
	size_t n = strlen(origin);

	if (strncmp(origin, "dm:", 3) != 0 || origin[n - 1] == '*' || c->dm.bootstrap_file[0] ||
	    c->dm.bootstrap_pin_file[0] || c->dm.bootstrap_network_file[0] ||
	    c->dm.bootstrap_card[0] ||
	    (yes(c->dm.server_accounts) && config_dm_may_bring(c, origin + 3)))
		return false;
	for (size_t i = 0; i < c->nr_dm; i++)
		if (!strcmp(c->dm_account[i].server_id, origin + 3))
			return false;
	return true;
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
	if (no_se(c, a->cert) || no_se(c, a->key))
		return "has a cert= or key= in a secure element that no [se NAME] has";
	if (a->pin[0] && !pin_ok(a->pin))
		return "has a pin= that is none: sha256//BASE64 of the server's public key, "
		       "with ; between several";
	if (twice(c, a))
		return "has the server_id= of another [dm NAME]";
	return check_auth(a);
}

/* a file for libcurl: one certificate has to be there, the others are as good as that */
static int check_ca(const char *path, char *why, size_t room)
{
	BIO *b = *path ? BIO_new_file(path, "r") : NULL;
	X509 *x = b ? PEM_read_bio_X509(b, NULL, NULL, NULL) : NULL;

	if (*path && !b)
		snprintf(why, room, "ca: %s: cannot be read", path);
	else if (*path && !x)
		snprintf(why, room, "ca: %s: no certificate in it (PEM)", path);
	X509_free(x);
	BIO_free(b);
	return *path && !x ? -EINVAL : 0;
}

int config_dm_files(const struct config *c, const struct config_dm_account *a, char *why,
		    size_t room)
{
	struct config_dm_credentials cred;
	struct config_bytes b = {0};
	int n, r = config_dm_credentials(c, a, &cred, why, room);

	config_dm_credentials_clear(&cred);
	if (!r)
		r = check_ca(a ? a->ca : c->dm.ca, why, room);
	if (r || a)
		return r;
	if (c->dm.bootstrap_pin_file[0]) {
		n = snprintf(why, room, "bootstrap_pin_file: ");
		r = config_read_secret(c->dm.bootstrap_pin_file, &b, why + n, room - (size_t)n);
		for (size_t i = 0; !r && i < b.len; i++)
			if (!isdigit(b.p[i]))
				r = -EINVAL;
		if (r == -EINVAL && b.len)
			snprintf(why, room, "bootstrap_pin_file: %s: a PIN has digits only",
				 c->dm.bootstrap_pin_file);
		config_bytes_clear(&b);
	}
	if (!r && c->dm.bootstrap_network_file[0]) {
		n = snprintf(why, room, "bootstrap_network_file: ");
		r = config_read_network(c->dm.bootstrap_network_file, &b, why + n,
					room - (size_t)n);
		config_bytes_clear(&b);
	}
	if (!r && c->dm.bootstrap_card_pin_file[0]) {
		n = snprintf(why, room, "bootstrap_card_pin_file: ");
		r = config_read_secret(c->dm.bootstrap_card_pin_file, &b, why + n,
				       room - (size_t)n);
		config_bytes_clear(&b);
	}
	if (!r && c->dm.bootstrap_file[0]) {
		n = snprintf(why, room, "bootstrap_file: ");
		r = config_read_file(c->dm.bootstrap_file, true, &b, why + n, room - (size_t)n);
		config_bytes_clear(&b);
	}
	return r;
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

int config_read_network(const char *path, struct config_bytes *out, char *why, size_t room)
{
	uint8_t key[DM_PROFILE_NETWORK_MAX];
	struct config_bytes text = {0};
	int len, r = config_read_secret(path, &text, why, room);
	size_t n = 0;

	if (r)
		return r;
	if (!strncmp((const char *)text.p, "hex:", 4)) {
		r = se_from_hex((const char *)text.p + 4, text.len - 4, key, sizeof(key), &n);
	} else {
		len = dm_profile_imsi((const char *)text.p, key);
		r = len < 0 ? len : 0;
		n = len < 0 ? 0 : (size_t)len;
	}
	config_bytes_clear(&text);
	if (r || !n) {
		snprintf(why, room,
			 "%s: an IMSI of 6 to 15 digits, or hex: and at most %d octets", path,
			 DM_PROFILE_NETWORK_MAX);
		r = -EINVAL;
	} else {
		out->p = malloc(n);
		r = out->p ? 0 : -ENOMEM;
		if (!r)
			memcpy(out->p, key, n);
		out->len = r ? 0 : n;
	}
	explicit_bzero(key, sizeof(key));
	return r;
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
