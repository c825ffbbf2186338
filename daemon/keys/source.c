// SPDX-License-Identifier: Apache-2.0
/*
 * The ring of keys: what a source's text says is looked up, checked and put in.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>

#include "gp/error.h"
#include "gp/scp.h"
#include "keys/memory.h"
#include "keys/ring.h"
#include "libse/se.h"

int keys_new(struct keys **ret)
{
	struct keys *k = calloc(1, sizeof(*k));

	if (!k)
		return -ENOMEM;
	k->secrets = keys_pages_new(sizeof(*k->secrets), &k->locked);
	if (!k->secrets || pkcs11_new(&k->tokens)) {
		keys_free(k);
		return -ENOMEM;
	}
	*ret = k;
	return 0;
}

static void drop_entry(struct keys *k, size_t i)
{
	struct entry *e = &k->entries[i];

	gp_keyset_clear(&k->secrets->sets[i]);
	free(e->scp11);
	free(e->certs);
	keys_pkey_clear(&e->host);
	memset(e, 0, sizeof(*e));
}

static void drop_single(struct keys *k, size_t i)
{
	gp_key_clear(&k->secrets->single[i]);
	keys_pkey_clear(&k->singles[i].pkey);
	memset(&k->singles[i], 0, sizeof(k->singles[i]));
}

/* back to what the ring was */
static void drop_from(struct keys *k, size_t entries, size_t singles)
{
	while (k->nr_entries > entries)
		drop_entry(k, --k->nr_entries);
	while (k->nr_singles > singles)
		drop_single(k, --k->nr_singles);
}

void keys_free(struct keys *k)
{
	if (!k)
		return;
	drop_from(k, 0, 0);
	keys_pages_free(k->secrets, sizeof(*k->secrets));
	pkcs11_free(k->tokens);
	free(k);
}

/* ---- the kinds of source ---- */

static int add_file(struct load *l, const char *path, enum keys_reading how)
{
	const char *slash = strrchr(path, '/');
	size_t len;
	int r;

	if (snprintf(l->folder, sizeof(l->folder), "%.*s", slash ? (int)(slash - path) : 1,
		     slash ? path : ".") >= (int)sizeof(l->folder))
		return gp_fail(l->err, -ENAMETOOLONG, "key-source", "the path is too long");
	if (slash == path)
		strcpy(l->folder, "/");
	r = keys_read_file(path, how, l->k->secrets->text, KEYS_FILE_MAX, &len, l->err);
	return r ? r : keys_ring_text(l, path, len);
}

static int parse_fd(const char *text)
{
	unsigned long v;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	v = strtoul(text, &end, 10);
	return *end || errno || v > INT_MAX ? -EINVAL : (int)v;
}

static int add_fd(struct load *l, const char *text)
{
	char name[32];
	size_t len;
	int r;

	snprintf(name, sizeof(name), "fd:%d", parse_fd(text));
	r = keys_read_fd(parse_fd(text), name, l->k->secrets->text, KEYS_FILE_MAX, &len,
			 l->err);
	return r ? r : keys_ring_text(l, name, len);
}

static int add_credential(struct load *l, const char *name)
{
	const char *folder = secure_getenv("CREDENTIALS_DIRECTORY");
	char path[PATH_MAX];

	if (!folder || *folder != '/')
		return gp_fail(l->err, -ENOENT, "key-source",
			       "credential:%.60s: $CREDENTIALS_DIRECTORY is not set; systemd "
			       "sets it for a unit with LoadCredential=",
			       name);
	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		return gp_fail(l->err, -ENAMETOOLONG, "key-source", "the path is too long");
	return add_file(l, path, KEYS_READ_CREDENTIAL);
}

static int token_keys(struct load *l, const char *uri, struct gp_keyset *set)
{
	struct gp_error own;
	int r;

	if (set->diversification == GP_DIV_NONE) {
		r = pkcs11_secret(l->k->tokens, uri, "-enc", &set->enc, l->err);
		if (!r)
			r = pkcs11_secret(l->k->tokens, uri, "-mac", &set->mac, l->err);
		if (!r)
			r = pkcs11_secret(l->k->tokens, uri, "-dek", &set->dek, &own);
		/* not every use of a set needs it */
		return r == -ENOENT && set->mac.type ? 0 : r;
	}
	r = pkcs11_secret(l->k->tokens, uri, NULL, &set->master, l->err);
	if (r == -ENOENT)
		r = pkcs11_secret(l->k->tokens, uri, "-master", &set->master, l->err);
	return r;
}

/*
 * pkcs11:token=T;object=NAME?x-kvn=30&x-diversification=kdf3: the keys NAME-enc,
 * NAME-mac and NAME-dek, or with a diversification the master key NAME.
 */
static int add_token(struct load *l, const char *uri)
{
	char name[KEYS_NAME_MAX] = "", value[16];
	struct gp_keyset *set;
	size_t i, n;
	int r, d;

	r = pkcs11_uri_object(uri, name, sizeof(name));
	if (r || !keyset_name_ok(name))
		return gp_fail(l->err, -EINVAL, "key-source",
			       "a pkcs11: source has an object= of 1 to %d letters, digits, "
			       "'-', '_' and '.', the start of its keys' labels",
			       KEYS_NAME_MAX - 1);
	r = keys_ring_entry(l, l->as ? l->as : name, "pkcs11:", &i);
	if (r)
		return r;
	set = &l->k->secrets->sets[i];
	snprintf(set->name, sizeof(set->name), "%s", l->k->entries[i].name);
	r = pkcs11_uri_query(uri, "x-kvn", value, sizeof(value));
	if (r < 0 || (r && (se_from_hex(value, strlen(value), &set->kvn, 1, &n) || !set->kvn)))
		return gp_fail(l->err, -EINVAL, "key-source",
			       "x-kvn= of a pkcs11: source is two hex digits");
	r = pkcs11_uri_query(uri, "x-diversification", value, sizeof(value));
	d = r == 1 ? gp_diversification_parse(value) : r;
	if (d < 0 || d == GP_DIV_TEMPLATE)
		return gp_fail(l->err, -EINVAL, "key-source",
			       "x-diversification= of a pkcs11: source is none, visa2, emv or "
			       "kdf3");
	set->diversification = (uint8_t)d;
	return token_keys(l, uri, set);
}

static int add_default(struct load *l)
{
	struct gp_keyset *set;
	size_t i;
	int r;

	r = keys_ring_entry(l, l->as ? l->as : KEYS_DEFAULT_NAME, "default", &i);
	if (r)
		return r;
	set = &l->k->secrets->sets[i];
	gp_keyset_default(set, GP_KEY_AES);
	snprintf(set->name, sizeof(set->name), "%s", l->k->entries[i].name);
	return 0;
}

/* ---- */

static bool starts(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

int keys_spec_check(const char *spec, struct gp_error *err)
{
	const char *name;

	if (!strcmp(spec, "default"))
		return 0;
	if (starts(spec, "pkcs11:"))
		return pkcs11_uri_check(spec, err);
	if (starts(spec, "fd:")) {
		if (parse_fd(spec + 3) >= 0)
			return 0;
	} else if (starts(spec, "credential:")) {
		name = spec + strlen("credential:");
		if (*name && *name != '.' && strlen(name) < 256 && !strchr(name, '/'))
			return 0;
	} else if (starts(spec, "file:")) {
		if (spec[5])
			return 0;
	} else if (strchr(spec, '/')) {
		return 0;
	}
	/* not repeated: somebody may have put a key here */
	return gp_fail(
		err, -EINVAL, "key-source",
		"keys come from file:PATH, fd:N, credential:NAME, pkcs11:URI or default; "
		"a key itself is never an argument");
}

/* the symmetric sets as a list */
static void relist(struct keys *k)
{
	size_t i;

	k->nr_sets = 0;
	for (i = 0; i < k->nr_entries; i++)
		if (!k->entries[i].scp11)
			k->sets[k->nr_sets++] = &k->secrets->sets[i];
}

int keys_add(struct keys *k, const char *spec, const char *as, struct gp_error *err)
{
	size_t entries = k->nr_entries, singles = k->nr_singles;
	struct gp_error own;
	struct load *l;
	int r;

	if (!err)
		err = &own;
	r = keys_spec_check(spec, err);
	if (r)
		return r;
	if (as && !keyset_name_ok(as))
		return gp_fail(err, -EINVAL, "key-source",
			       "a key set's name has 1 to %d letters, digits, '-', '_' and '.'",
			       KEYS_NAME_MAX - 1);
	l = calloc(1, sizeof(*l));
	if (!l)
		return gp_fail(err, -ENOMEM, "no-memory", "out of memory");
	l->k = k;
	l->as = as;
	l->err = err;
	if (!strcmp(spec, "default"))
		r = add_default(l);
	else if (starts(spec, "pkcs11:"))
		r = add_token(l, spec);
	else if (starts(spec, "fd:"))
		r = add_fd(l, spec + 3);
	else if (starts(spec, "credential:"))
		r = add_credential(l, spec + strlen("credential:"));
	else
		r = add_file(l, starts(spec, "file:") ? spec + 5 : spec, KEYS_READ_SECRET);
	OPENSSL_cleanse(k->secrets->sections, sizeof(k->secrets->sections));
	OPENSSL_cleanse(k->secrets->text, sizeof(k->secrets->text));
	if (r)
		drop_from(k, entries, singles);
	relist(k);
	free(l);
	return r;
}

/* ---- asking ---- */

static const struct entry *find(const struct keys *k, const char *name, bool scp11)
{
	const struct entry *only = NULL;
	size_t i;

	for (i = 0; i < k->nr_entries; i++) {
		if (!k->entries[i].scp11 == scp11)
			continue;
		if (name && !strcmp(k->entries[i].name, name))
			return &k->entries[i];
		if (!name && only)
			return NULL;
		only = &k->entries[i];
	}
	return name ? NULL : only;
}

size_t keys_count(const struct keys *k)
{
	return k->nr_entries;
}

const char *keys_name_at(const struct keys *k, size_t i)
{
	return i < k->nr_entries ? k->entries[i].name : NULL;
}

const struct gp_keyset *keys_find(const struct keys *k, const char *name)
{
	const struct entry *e = find(k, name, false);

	return e ? &k->secrets->sets[e - k->entries] : NULL;
}

const struct gp_scp11_keyset *keys_find_scp11(const struct keys *k, const char *name)
{
	const struct entry *e = find(k, name, true);

	return e ? e->scp11 : NULL;
}

const struct gp_keyset *const *keys_sets(const struct keys *k, size_t *n)
{
	*n = k->nr_sets;
	return k->sets;
}

const struct keys_single *keys_single(const struct keys *k, enum keys_use use, const char *name)
{
	const struct keys_single *only = NULL;
	size_t i;

	for (i = 0; i < k->nr_singles; i++) {
		if (k->singles[i].pub.use != use)
			continue;
		if (name && !strcmp(k->singles[i].pub.name, name))
			return &k->singles[i].pub;
		if (!name && only)
			return NULL;
		only = &k->singles[i].pub;
	}
	return name ? NULL : only;
}

const char *keys_where(const struct keys *k, const char *name)
{
	size_t i;

	for (i = 0; i < k->nr_entries; i++)
		if (!strcmp(k->entries[i].name, name))
			return k->entries[i].where;
	return "";
}

bool keys_locked(const struct keys *k)
{
	return k->locked;
}
