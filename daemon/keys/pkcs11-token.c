// SPDX-License-Identifier: Apache-2.0
/* From a URI to a token, and into it: a PIN is tried once. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gp/error.h"
#include "keys/memory.h"
#include "keys/pkcs11-priv.h"

#define SLOTS_MAX 64
#define PIN_MAX 256

/* ---- modules and tokens ---- */

static int own_module(struct pkcs11 *p, const char *path, CK_FUNCTION_LIST **ret,
		      struct gp_error *err)
{
	CK_FUNCTION_LIST *m;
	size_t i;
	CK_RV rv;

	for (i = 0; i < p->nr_own; i++) {
		if (!strcmp(p->own[i].path, path)) {
			*ret = p->own[i].module;
			return 0;
		}
	}
	if (p->nr_own == MODULES_MAX)
		return gp_fail(err, -EFBIG, "token", "more than %d PKCS#11 modules",
			       MODULES_MAX);
	m = p11_kit_module_load(path, 0);
	if (!m)
		return gp_fail(err, -ENOENT, "token",
			       "the PKCS#11 module %.120s cannot be loaded", path);
	rv = p11_kit_module_initialize(m);
	p->own[p->nr_own].path = strdup(path);
	if (rv != CKR_OK || !p->own[p->nr_own].path) {
		if (rv == CKR_OK)
			p11_kit_module_finalize(m);
		p11_kit_module_release(m);
		free(p->own[p->nr_own].path);
		return gp_fail(err, -EIO, "token",
			       "the PKCS#11 module %.120s does not start: %s", path,
			       p11_kit_strerror(rv));
	}
	p->own[p->nr_own++].module = m;
	*ret = m;
	return 0;
}

struct found {
	CK_FUNCTION_LIST *module;
	CK_SLOT_ID slot;
	CK_TOKEN_INFO info;
	unsigned int n;
};

/* The tokens of a module that a URI fits. */
static void look_in(CK_FUNCTION_LIST *m, P11KitUri *u, struct found *f)
{
	CK_SLOT_ID ids[SLOTS_MAX], want = p11_kit_uri_get_slot_id(u);
	CK_ULONG n = SLOTS_MAX, i;
	CK_TOKEN_INFO token;
	CK_SLOT_INFO slot;
	CK_INFO info;

	if (m->C_GetInfo(&info) != CKR_OK || !p11_kit_uri_match_module_info(u, &info) ||
	    m->C_GetSlotList(CK_TRUE, ids, &n) != CKR_OK)
		return;
	for (i = 0; i < n; i++) {
		if ((want != (CK_SLOT_ID)-1 && want != ids[i]) ||
		    m->C_GetSlotInfo(ids[i], &slot) != CKR_OK ||
		    !p11_kit_uri_match_slot_info(u, &slot) ||
		    m->C_GetTokenInfo(ids[i], &token) != CKR_OK ||
		    !(token.flags & CKF_TOKEN_INITIALIZED) ||
		    !p11_kit_uri_match_token_info(u, &token))
			continue;
		if (!f->n++) {
			f->module = m;
			f->slot = ids[i];
			f->info = token;
		}
	}
}

static int find_token(struct pkcs11 *p, P11KitUri *u, struct found *f, struct gp_error *err)
{
	const char *path = p11_kit_uri_get_module_path(u);
	const char *name = p11_kit_uri_get_module_name(u);
	CK_FUNCTION_LIST *m = NULL, **all;
	char *is;
	int r;

	memset(f, 0, sizeof(*f));
	if (path) {
		r = own_module(p, path, &m, err);
		if (r)
			return r;
		look_in(m, u, f);
	} else {
		if (!p->system)
			p->system = p11_kit_modules_load_and_initialize(0);
		for (all = p->system; all && *all; all++) {
			is = p11_kit_module_get_name(*all);
			if (!name || (is && !strcmp(is, name)))
				look_in(*all, u, f);
			free(is);
		}
	}
	if (!f->n)
		return gp_fail(err, -ENOENT, "token", "no token fits the PKCS#11 URI");
	if (f->n > 1)
		return gp_fail(err, -ENOTUNIQ, "token",
			       "%u tokens fit the PKCS#11 URI: add serial= or slot-id=", f->n);
	return 0;
}

/* ---- login ---- */

/* "file:/path" or "/path"; the PIN is its first line */
static int read_pin(const char *source, char *pin, size_t room, size_t *len,
		    struct gp_error *err)
{
	char *end;
	int r;

	if (!strncmp(source, "file:", 5))
		source += 5;
	if (!strncmp(source, "///", 3))
		source += 2;
	if (*source != '/')
		return gp_fail(err, -EINVAL, "key-source",
			       "pin-source= of a PKCS#11 URI is file:/PATH");
	r = keys_read_file(source, KEYS_READ_SECRET, pin, room, len, err);
	if (r)
		return r;
	end = memchr(pin, '\n', *len);
	if (end)
		*len = (size_t)(end - pin);
	if (*len && pin[*len - 1] == '\r')
		--*len;
	if (!*len)
		return gp_fail(err, -EINVAL, "key-source", "%.120s holds no PIN", source);
	return 0;
}

static int login_with(struct session *s, CK_UTF8CHAR *pin, CK_ULONG len, struct gp_error *err)
{
	CK_RV rv = s->module->C_Login(s->handle, CKU_USER, pin, len);

	switch (rv) {
	case CKR_OK:
	case CKR_USER_ALREADY_LOGGED_IN:
		return 0;
	case CKR_PIN_INCORRECT:
	case CKR_PIN_INVALID:
	case CKR_PIN_LEN_RANGE:
		s->refused = true;
		return gp_fail(err, -EKEYREJECTED, "token-pin",
			       "the token refused the PIN; it is not tried again");
	case CKR_PIN_LOCKED:
		s->refused = true;
		return gp_fail(err, -EKEYREJECTED, "token-pin", "the token's PIN is locked");
	default:
		return gp_fail(err, -EIO, "token", "the token refused the login: %s",
			       p11_kit_strerror(rv));
	}
}

static int login(struct session *s, const CK_TOKEN_INFO *info, P11KitUri *u,
		 struct gp_error *err)
{
	const char *source = p11_kit_uri_get_pin_source(u);
	size_t len = 0;
	char *pin;
	int r;

	if (!(info->flags & CKF_LOGIN_REQUIRED))
		return 0;
	if (info->flags & CKF_USER_PIN_LOCKED)
		return gp_fail(err, -EKEYREJECTED, "token-pin", "the token's PIN is locked");
	if (info->flags & CKF_USER_PIN_FINAL_TRY)
		return gp_fail(
			err, -EKEYREJECTED, "token-pin",
			"the token has one try of its PIN left: log in once with another "
			"program before");
	if (info->flags & CKF_PROTECTED_AUTHENTICATION_PATH)
		return login_with(s, NULL, 0, err);
	if (!source)
		return gp_fail(err, -EINVAL, "token-pin",
			       "the token wants a PIN: add ?pin-source=file:/PATH to its URI");
	pin = keys_pages_new(PIN_MAX, NULL);
	if (!pin)
		return gp_fail(err, -ENOMEM, "no-memory", "out of memory");
	r = read_pin(source, pin, PIN_MAX, &len, err);
	if (!r)
		r = login_with(s, (CK_UTF8CHAR *)pin, (CK_ULONG)len, err);
	keys_pages_free(pin, PIN_MAX);
	return r;
}

int pkcs11_session(struct pkcs11 *p, P11KitUri *u, struct session **ret, struct gp_error *err)
{
	struct session *s;
	struct found f;
	size_t i;
	CK_RV rv;
	int r;

	r = find_token(p, u, &f, err);
	if (r)
		return r;
	for (i = 0; i < p->nr_sessions; i++) {
		s = &p->sessions[i];
		if (s->module != f.module || s->slot != f.slot)
			continue;
		if (s->refused)
			return gp_fail(err, -EKEYREJECTED, "token-pin",
				       "the token refused its PIN before");
		if (s->open) {
			*ret = s;
			return 0;
		}
		break;
	}
	if (i == SESSIONS_MAX)
		return gp_fail(err, -EFBIG, "token", "more than %d tokens", SESSIONS_MAX);
	s = &p->sessions[i];
	if (i == p->nr_sessions) {
		p->nr_sessions++;
		*s = (struct session){.p = p, .module = f.module, .slot = f.slot};
	}
	rv = s->module->C_OpenSession(s->slot, CKF_SERIAL_SESSION, NULL, NULL, &s->handle);
	if (rv != CKR_OK)
		return gp_fail(err, -EIO, "token", "the token opens no session: %s",
			       p11_kit_strerror(rv));
	r = login(s, &f.info, u, err);
	if (r) {
		s->module->C_CloseSession(s->handle);
		return r;
	}
	s->open = true;
	*ret = s;
	return 0;
}
