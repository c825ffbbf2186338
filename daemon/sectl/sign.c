// SPDX-License-Identifier: Apache-2.0
/* Keys to sign and verify with, and what comes of them. No card needed. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libse/se.h"
#include "sectl/act.h"
#include "sectl/sectl.h"
#include "sectl/sign.h"

static const char *use_name(enum keys_use use)
{
	return use == KEYS_USE_TOKEN ? "token" : use == KEYS_USE_DAP ? "dap" : "receipt";
}

int signing_open(struct signing *s, enum keys_use use, bool to_sign)
{
	struct gp_error err = {0};
	const struct keys_single *key;
	unsigned int i;
	int r;

	memset(s, 0, sizeof(*s));
	if (!opt.nr_keys)
		return fail(EXIT_USAGE, "usage", "--keys=file:PATH, see sesame-keys(5)",
			    "no --keys: where is the key?");
	r = keys_new(&s->ring);
	if (r)
		return fail(EXIT_FAILED, "failed", NULL, "no memory");
	for (i = 0; i < opt.nr_keys; i++) {
		r = keys_add(s->ring, opt.keys[i], NULL, &err);
		if (r)
			return fail_gp(r, &err);
	}
	key = keys_single(s->ring, use, opt.key);
	if (!key && opt.key)
		return fail(EXIT_NOT_FOUND, "no-such-key", NULL,
			    "there is no [key %s] with use=%s", opt.key, use_name(use));
	if (!key)
		return fail(EXIT_NOT_FOUND, "no-such-key", "--key=NAME",
			    "there is not exactly one [key NAME] with use=%s", use_name(use));
	s->signer = (struct gp_signer){
		.pkey = key->pkey, .ctx = key->ctx, .key = key->secret, .pkcs1 = opt.pkcs1};
	if (to_sign && key->pkey && !key->private_key)
		return fail(EXIT_REFUSED, "key-is-public", NULL,
			    "[key %s] is a public key: it can only verify", key->name);
	if (!gp_sign_scheme(&s->signer, s->scheme, sizeof(s->scheme)))
		return fail(EXIT_USAGE, "bad-signing-key", NULL,
			    "[key %s]: no signature scheme of GlobalPlatform has such a key",
			    key->name);
	return EXIT_OK;
}

void signing_close(struct signing *s)
{
	keys_free(s->ring);
	memset(s, 0, sizeof(*s));
}

int put_signed(const char *name, const uint8_t *p, size_t len, const char *scheme)
{
	char *hex = malloc(2 * len + 1);
	sd_json_variant *v = NULL;
	int r = EXIT_OK;

	if (!hex)
		return fail(EXIT_FAILED, "failed", NULL, "no memory");
	se_to_hex(hex, p, len);
	if (opt.output)
		r = write_output(opt.output, p, len);
	if (!r && opt.json) {
		r = sd_json_buildo(
			&v, SD_JSON_BUILD_PAIR_STRING(name, hex),
			SD_JSON_BUILD_PAIR_CONDITION(!!scheme, "scheme",
						     SD_JSON_BUILD_STRING(scheme)),
			SD_JSON_BUILD_PAIR_CONDITION(!!opt.output, "output",
						     SD_JSON_BUILD_STRING(opt.output)));
		r = put_json(v, r);
	} else if (!r && !opt.output) {
		puts(hex);
	}
	free(hex);
	return r;
}

static bool is_text(const uint8_t *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!isxdigit(p[i]) && !isspace(p[i]))
			return false;
	return true;
}

int read_hex_or_bytes(const char *path, uint8_t *out, size_t room, size_t *len)
{
	uint8_t *data;
	size_t n, i, digits = 0;
	int r;

	r = read_input(path, 3 * room, &data, &n);
	if (r)
		return r;
	if (is_text(data, n)) {
		for (i = 0; i < n; i++)
			if (!isspace(data[i]))
				data[digits++] = data[i];
		r = se_from_hex((char *)data, digits, out, room, len) ? -EINVAL : 0;
	} else if (n > room) {
		r = -EINVAL;
	} else {
		memcpy(out, data, n);
		*len = n;
	}
	forget(data, n);
	return r ? fail(EXIT_USAGE, "bad-file", NULL,
			"%s: up to %zu bytes, or twice as many hex digits, are needed", path,
			room)
		 : EXIT_OK;
}
