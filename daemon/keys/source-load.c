// SPDX-License-Identifier: Apache-2.0
/* What a key set file says, looked up and put into the ring. */
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
#include "model/ber.h"

#define URI_MAX 1024

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

int keys_ring_entry(struct load *l, const char *name, const char *where, size_t *ret)
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
	r = keys_ring_entry(l, l->as ? l->as : s->name, where, &i);
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

int keys_ring_text(struct load *l, const char *file, size_t len)
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
