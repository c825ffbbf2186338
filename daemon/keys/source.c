// SPDX-License-Identifier: Apache-2.0
/*
 * The ring of keys: what a source's text says is looked up, checked and put in.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>

#include "gp/error.h"
#include "gp/key.h"
#include "gp/scp.h"
#include "keys/keyset.h"
#include "keys/memory.h"
#include "keys/pkcs11.h"
#include "keys/pkey.h"
#include "keys/source.h"
#include "libse/se.h"
#include "model/ber.h"

#define WHERE_MAX 160
#define URI_MAX 1024

/* a key set of either kind, and a single key: what is not secret of them */
struct entry {
	char name[KEYS_NAME_MAX];
	char where[WHERE_MAX];
	struct gp_scp11_keyset *scp11; /* NULL: the set is in secrets->sets */
	struct keys_pkey host;	       /* of SCP11 */
	uint8_t *certs;
};

struct single {
	struct keys_single pub;
	struct keys_pkey pkey;
};

/* in pages of their own */
struct secrets {
	struct gp_keyset sets[KEYS_MAX]; /* by the index of their entry */
	struct gp_key single[KEYS_MAX];
	char text[KEYS_FILE_MAX];
	struct keyset_section sections[KEYS_MAX];
};

struct keys {
	struct secrets *secrets;
	bool locked;
	struct pkcs11 *tokens;
	struct entry entries[KEYS_MAX];
	size_t nr_entries;
	struct single singles[KEYS_MAX];
	size_t nr_singles;
	const struct gp_keyset *sets[KEYS_MAX]; /* the symmetric ones */
	size_t nr_sets;
};

/* what is being loaded */
struct load {
	struct keys *k;
	const char *as;
	char folder[PATH_MAX]; /* relative names start here; empty: there are none */
	struct gp_error *err;
};

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

/* ---- what a section refers to ---- */

static int put_secret(struct load *l, const struct keyset_section *s, enum keyset_slot slot,
		      struct gp_key *key)
{
	const struct keyset_secret *from = &s->secret[slot];
	char uri[URI_MAX];
	int r;

	if (from->len)
		return gp_key_set(key, (enum gp_key_type)s->type, from->value, from->len);
	if (!from->uri.len)
		return 0;
	if (from->uri.len >= sizeof(uri))
		return gp_fail(l->err, -EINVAL, "key-source", "a PKCS#11 URI is too long");
	memcpy(uri, from->uri.p, from->uri.len);
	uri[from->uri.len] = '\0';
	r = pkcs11_secret(l->k->tokens, uri, NULL, key, l->err);
	if (!r && s->type && key->type != s->type)
		r = gp_fail(l->err, -EINVAL, "key-source",
			    "the token's key is %s, the file says %s",
			    key->type == GP_KEY_AES ? "AES" : "DES",
			    s->type == GP_KEY_AES ? "AES" : "DES");
	return r;
}

/* A file name relative to the folder of the key set file, or a URI as it is. */
static int full_name(struct load *l, struct keyset_span s, char path[PATH_MAX])
{
	const char *folder = "", *slash = "";

	if (*s.p != '/' && !(s.len > 7 && !memcmp(s.p, "pkcs11:", 7))) {
		if (!l->folder[0])
			return gp_fail(
				l->err, -EINVAL, "key-source",
				"this source has no folder: file names in it are absolute");
		folder = l->folder;
		slash = "/";
	}
	if (snprintf(path, PATH_MAX, "%s%s%.*s", folder, slash, (int)s.len, s.p) >= PATH_MAX)
		return gp_fail(l->err, -EINVAL, "key-source", "a file name is too long");
	return 0;
}

static int load_pkey(struct load *l, struct keyset_span where, bool private_key,
		     struct keys_pkey *pkey)
{
	char path[PATH_MAX];
	int r = full_name(l, where, path);

	return r ? r : keys_pkey_load(pkey, path, private_key, l->err);
}

static int put_keyset(struct load *l, const struct keyset_section *s, size_t i)
{
	struct gp_keyset *set = &l->k->secrets->sets[i];
	int r;

	snprintf(set->name, sizeof(set->name), "%s", l->k->entries[i].name);
	set->kvn = s->kvn;
	set->diversification = s->diversification;
	memcpy(set->template_, s->template_, sizeof(set->template_));
	r = put_secret(l, s, KEYSET_ENC, &set->enc);
	if (!r)
		r = put_secret(l, s, KEYSET_MAC, &set->mac);
	if (!r)
		r = put_secret(l, s, KEYSET_DEK, &set->dek);
	if (!r)
		r = put_secret(l, s, KEYSET_MASTER, &set->master);
	if (r)
		return r;
	if (!set->master.type && set->enc.type != set->mac.type)
		return gp_fail(l->err, -EINVAL, "key-source",
			       "enc and mac are keys of different types");
	if (set->template_[0] && gp_template_check(set->template_, set->master.type))
		return gp_fail(l->err, -EINVAL, "key-source",
			       "the template makes no key of the master's type");
	set->is_default = gp_keyset_is_default(set);
	return 0;
}

/* The file is a run of 7F21 templates, as bytes or as hex digits. */
static int take_certs(struct load *l, const char *path, const uint8_t *p, size_t len,
		      struct entry *e)
{
	struct gp_scp11_keyset *set = e->scp11;
	struct ber_reader r;
	struct ber_tlv tlv;
	size_t n = 0;
	int got;

	e->certs = malloc(len ? len : 1);
	if (!e->certs)
		return gp_fail(l->err, -ENOMEM, "no-memory", "out of memory");
	while (len && strchr(" \t\r\n", p[len - 1]) && p[0] != 0x7f)
		len--;
	if (len && p[0] != 0x7f) {
		if (se_from_hex((const char *)p, len, e->certs, len, &n))
			goto bad;
	} else {
		memcpy(e->certs, p, len);
		n = len;
	}
	r = (struct ber_reader){e->certs, n};
	while ((got = ber_next(&r, &tlv)) == 1) {
		if (tlv.tag != 0x7f21)
			goto bad;
		if (set->n_certs == GP_SCP11_CERTS_MAX)
			return gp_fail(l->err, -EFBIG, "key-source",
				       "%.120s holds more than %d certificates", path,
				       GP_SCP11_CERTS_MAX);
		set->certs[set->n_certs++] = (struct gp_bytes){tlv.start, tlv.size};
	}
	if (!got && set->n_certs)
		return 0;
bad:
	return gp_fail(l->err, -EINVAL, "key-source",
		       "%.120s holds no card certificates (templates 7F21, as bytes or in hex)",
		       path);
}

static int load_certs(struct load *l, struct keyset_span where, struct entry *e)
{
	char path[PATH_MAX], *text;
	size_t len;
	int r = full_name(l, where, path);

	if (r)
		return r;
	text = malloc(KEYS_CERTS_MAX);
	if (!text)
		return gp_fail(l->err, -ENOMEM, "no-memory", "out of memory");
	r = keys_read_file(path, KEYS_READ_PUBLIC, text, KEYS_CERTS_MAX, &len, l->err);
	if (!r)
		r = take_certs(l, path, (const uint8_t *)text, len, e);
	free(text);
	return r;
}

static int put_scp11(struct load *l, const struct keyset_section *s, struct entry *e)
{
	struct gp_scp11_keyset *set = calloc(1, sizeof(*set));
	struct keys_pkey ca = {0};
	int r = 0;

	e->scp11 = set;
	if (!set)
		return gp_fail(l->err, -ENOMEM, "no-memory", "out of memory");
	snprintf(set->name, sizeof(set->name), "%s", e->name);
	set->protocol = s->scp11 == 'a' ? GP_SCP11A : s->scp11 == 'b' ? GP_SCP11B : GP_SCP11C;
	set->kid = s->kid;
	set->kvn = s->kvn;
	set->ca_kid = s->ca_kid;
	set->ca_kvn = s->ca_kvn;
	set->key_len = (uint8_t)(s->session_bits / 8);
	if (s->host_key.len) {
		r = load_pkey(l, s->host_key, true, &e->host);
		if (!r)
			r = keys_pkey_ec(&e->host, &set->oce, l->err);
		if (!r)
			r = load_certs(l, s->host_certificates, e);
	}
	if (!r && s->card_ca.len) {
		r = load_pkey(l, s->card_ca, false, &ca);
		if (!r)
			r = keys_pkey_point(&ca, &set->ca_curve, set->ca, &set->ca_len, l->err);
		keys_pkey_clear(&ca);
	}
	return r;
}

static int put_single(struct load *l, const struct keyset_section *s, size_t i)
{
	struct gp_key *secret = &l->k->secrets->single[i];
	struct single *to = &l->k->singles[i];
	int r;

	memcpy(to->pub.name, s->name, sizeof(to->pub.name));
	to->pub.use = s->use;
	to->pub.kvn = s->kvn;
	to->pub.kid = s->kid;
	if (s->secret[KEYSET_SECRET].len || s->secret[KEYSET_SECRET].uri.len) {
		r = put_secret(l, s, KEYSET_SECRET, secret);
		to->pub.secret = secret;
		return r;
	}
	if (s->private_key.len)
		r = load_pkey(l, s->private_key, true, &to->pkey);
	else
		r = load_pkey(l, s->public_key, false, &to->pkey);
	to->pub.pkey = to->pkey.pkey;
	to->pub.ctx = to->pkey.ctx;
	to->pub.private_key = to->pkey.private_key;
	return r;
}

/* ---- into the ring ---- */

static int new_entry(struct load *l, const char *name, const char *where, size_t *ret)
{
	struct keys *k = l->k;
	size_t i;

	for (i = 0; i < k->nr_entries; i++)
		if (!strcmp(k->entries[i].name, name))
			return gp_fail(l->err, -EEXIST, "key-source",
				       "there is a key set %s already, of %.100s", name,
				       k->entries[i].where);
	if (k->nr_entries == KEYS_MAX)
		return gp_fail(l->err, -EFBIG, "key-source", "more than %d key sets", KEYS_MAX);
	i = k->nr_entries++;
	snprintf(k->entries[i].name, sizeof(k->entries[i].name), "%s", name);
	snprintf(k->entries[i].where, sizeof(k->entries[i].where), "%s", where);
	*ret = i;
	return 0;
}

/* Something below @where went wrong: say where, once. */
static int at_line(struct load *l, int r, const char *file, unsigned int line)
{
	char words[sizeof(l->err->detail)];

	if (!r || !l->err)
		return r;
	snprintf(words, sizeof(words), "%s", l->err->detail);
	return gp_fail(l->err, r, l->err->code, "%.60s:%u: %.180s", file, line, words);
}

static int add_section(struct load *l, const char *file, const struct keyset_section *s)
{
	char where[WHERE_MAX];
	struct keys *k = l->k;
	size_t i;
	int r;

	if (s->single) {
		if (l->as)
			return 0;
		for (i = 0; i < k->nr_singles; i++)
			if (!strcmp(k->singles[i].pub.name, s->name))
				return gp_fail(l->err, -EEXIST, "key-source",
					       "%.100s:%u: there is a [key %s] already", file,
					       s->line, s->name);
		if (k->nr_singles == KEYS_MAX)
			return gp_fail(l->err, -EFBIG, "key-source", "more than %d keys",
				       KEYS_MAX);
		i = k->nr_singles++;
		return at_line(l, put_single(l, s, i), file, s->line);
	}
	snprintf(where, sizeof(where), "%.140s:%u", file, s->line);
	r = new_entry(l, l->as ? l->as : s->name, where, &i);
	if (!r && s->scp11)
		r = put_scp11(l, s, &k->entries[i]);
	else if (!r)
		r = put_keyset(l, s, i);
	return at_line(l, r, file, s->line);
}

/* With a name that is asked for: the section of that name, or the only one. */
static int choose(struct load *l, const char *file, const struct keyset_section *s, size_t n,
		  size_t *first, size_t *end)
{
	size_t i, sets = 0, only = 0;

	*first = 0;
	*end = n;
	if (!l->as)
		return 0;
	for (i = 0; i < n; i++) {
		if (s[i].single)
			continue;
		sets++;
		only = i;
		if (!strcmp(s[i].name, l->as)) {
			sets = 1;
			break;
		}
	}
	if (sets != 1)
		return gp_fail(l->err, -ENOENT, "key-source",
			       "%.120s holds %zu key sets, none of them called %s", file, sets,
			       l->as);
	*first = only;
	*end = only + 1;
	return 0;
}

static int take_text(struct load *l, const char *file, size_t len)
{
	struct secrets *s = l->k->secrets;
	size_t n, i, end;
	int r;

	r = keyset_parse(file, s->text, len, s->sections, KEYS_MAX, &n, l->err);
	if (!r)
		r = choose(l, file, s->sections, n, &i, &end);
	for (; !r && i < end; i++)
		r = add_section(l, file, &s->sections[i]);
	return r;
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
	return r ? r : take_text(l, path, len);
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
	return r ? r : take_text(l, name, len);
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
	r = new_entry(l, l->as ? l->as : name, "pkcs11:", &i);
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

	r = new_entry(l, l->as ? l->as : KEYS_DEFAULT_NAME, "default", &i);
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
