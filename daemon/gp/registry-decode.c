// SPDX-License-Identifier: Apache-2.0
/* The registry as GET STATUS tells it (GPCS 2.3.1, 11.4.3.1). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gp/cmd.h"
#include "gp/registry.h"
#include "model/ber.h"

#define TAG_ENTRY 0xe3
#define TAG_AID 0x4f
#define TAG_MODULE 0x84
#define TAG_ELF 0xc4
#define TAG_PRIVILEGES 0xc5
#define TAG_SD 0xcc
#define TAG_VERSION 0xce
#define TAG_IMPLICIT 0xcf
#define TAG_STATE 0x9f70

static int bad(struct gp_error *err, const char *what)
{
	return gp_fail(err, -EBADMSG, "bad-response", "GET STATUS: %s", what);
}

static enum gp_kind kind_of(uint8_t list, uint32_t privileges)
{
	if (list == GP_LIST_ISD)
		return GP_KIND_ISD;
	if (list == GP_LIST_APPS)
		return gp_priv_has(privileges, GP_PRIV_SD) ? GP_KIND_SSD : GP_KIND_APP;
	return GP_KIND_ELF;
}

/* an AID, or none: cards answer C4 and CC empty for what has no load file or domain */
static int maybe_aid(const struct ber_tlv *t, struct gp_aid *aid, unsigned int flag,
		     unsigned int *told)
{
	if (gp_aid_set(aid, t->value, t->len) < 0)
		return -EBADMSG;
	if (t->len)
		*told |= flag;
	return 0;
}

/* one byte means that of Open Platform and GPCS up to 2.1.1 */
static void take_privileges(struct gp_entry *e, const struct ber_tlv *t)
{
	uint32_t v = 0;

	if (t->len == 0)
		return;
	for (size_t i = 0; i < 3; i++)
		v = v << 8 | (i < t->len ? t->value[i] : 0U);
	e->privileges = v;
	e->told |= GP_ENTRY_PRIVILEGES;
}

static int take_module(struct gp_entry *e, const struct ber_tlv *t)
{
	struct gp_aid aid;

	/* cards with ROM code answer load files whose modules have no name */
	if (t->len == 0)
		return 0;
	if (gp_aid_set(&aid, t->value, t->len) < 0)
		return -EBADMSG;
	return gp_entry_has_module(e, &aid) ? 0 : gp_entry_add_module(e, &aid);
}

static int take_field(struct gp_entry *e, const struct ber_tlv *t)
{
	switch (t->tag) {
	case TAG_AID:
		return gp_aid_set(&e->aid, t->value, t->len) < 0 ? -EBADMSG : 0;
	case TAG_STATE:
		/* some write it in two bytes, the first one is the state */
		if (t->len == 0)
			return -EBADMSG;
		e->state = t->value[0];
		e->told |= GP_ENTRY_STATE;
		return 0;
	case TAG_PRIVILEGES:
		take_privileges(e, t);
		return 0;
	case TAG_ELF:
		return maybe_aid(t, &e->elf, GP_ENTRY_ELF, &e->told);
	case TAG_SD:
		return maybe_aid(t, &e->sd, GP_ENTRY_SD, &e->told);
	case TAG_MODULE:
		return take_module(e, t);
	case TAG_VERSION:
		e->version_len =
			(uint8_t)(t->len < GP_ENTRY_VERSION_MAX ? t->len
								: GP_ENTRY_VERSION_MAX);
		memcpy(e->version, t->value, e->version_len);
		e->told |= GP_ENTRY_VERSION;
		return 0;
	case TAG_IMPLICIT:
		for (size_t i = 0; i < t->len && e->nr_implicit < GP_ENTRY_IMPLICIT_MAX; i++)
			e->implicit[e->nr_implicit++] = t->value[i];
		e->told |= GP_ENTRY_IMPLICIT;
		return 0;
	default:
		return 0; /* EA and what else a card adds */
	}
}

/* what @from tells goes into @to, its modules change hands */
static void merge(struct gp_entry *to, struct gp_entry *from)
{
	struct gp_entry old = *to;

	if (!(from->told & GP_ENTRY_PRIVILEGES)) {
		from->privileges = old.privileges;
		/* a page without privileges calls an SSD an application */
		if (from->kind == GP_KIND_APP)
			from->kind = old.kind;
	}
	*to = *from;
	to->told |= old.told;
	if (!(from->told & GP_ENTRY_STATE))
		to->state = old.state;
	if (!(from->told & GP_ENTRY_SD))
		to->sd = old.sd;
	if (!(from->told & GP_ENTRY_ELF))
		to->elf = old.elf;
	if (!(from->told & GP_ENTRY_VERSION)) {
		memcpy(to->version, old.version, sizeof(to->version));
		to->version_len = old.version_len;
	}
	if (!(from->told & GP_ENTRY_IMPLICIT)) {
		memcpy(to->implicit, old.implicit, sizeof(to->implicit));
		to->nr_implicit = old.nr_implicit;
	}
	if (from->told & GP_ENTRY_MODULES) {
		free(old.modules);
	} else {
		to->modules = old.modules;
		to->nr_modules = old.nr_modules;
	}
	from->modules = NULL;
}

static int store(void *ctx, struct gp_entry *e, const uint8_t *raw, size_t len)
{
	struct gp_registry *reg = ctx;
	struct gp_entry *have = NULL;
	int ret = 0;

	(void)raw;
	(void)len;
	if (e->kind == GP_KIND_ISD)
		have = gp_registry_isd(reg);
	if (!have && e->aid.len)
		have = e->kind == GP_KIND_ELF ? gp_registry_find_elf(reg, &e->aid)
					      : gp_registry_find(reg, &e->aid);
	/* an application may have the AID of its load file */
	if (have && (have->kind == GP_KIND_ELF) != (e->kind == GP_KIND_ELF))
		have = NULL;
	/* some cards list the ISD among the applications once more */
	if (have && have->kind == GP_KIND_ISD)
		e->kind = GP_KIND_ISD;
	if (!have)
		have = gp_registry_add(reg, &e->aid, e->kind, &ret);
	if (!have)
		return ret;
	if (!e->aid.len)
		e->aid = have->aid;
	merge(have, e);
	return 0;
}

/* Who reads, and what. */
struct reading {
	uint8_t list;
	gp_entry_fn fn;
	void *ctx;
};

/* an entry is complete; nothing of @e is left */
static int finish(const struct reading *to, struct gp_entry *e, const uint8_t *raw, size_t len)
{
	int ret = -EBADMSG;

	if (e->aid.len || e->kind == GP_KIND_ISD)
		ret = to->fn(to->ctx, e, raw, len);
	free(e->modules);
	*e = (struct gp_entry){0};
	return ret;
}

/*
 * One E3. Some UICCs have all their entries in a single one, so another AID begins another
 * entry. Returns how many there were.
 */
static int take_template(const struct reading *to, const struct ber_tlv *entry)
{
	struct ber_reader r = {entry->value, entry->len};
	const uint8_t *from = entry->value;
	struct gp_entry e = {0};
	struct ber_tlv t;
	int ret, n = 0;

	while ((ret = ber_next(&r, &t)) > 0) {
		if (t.tag == TAG_AID && e.aid.len) {
			e.kind = kind_of(to->list, e.privileges);
			ret = finish(to, &e, from, (size_t)(t.start - from));
			if (ret < 0)
				return ret;
			from = t.start;
			n++;
		}
		ret = take_field(&e, &t);
		if (ret < 0)
			break;
	}
	if (ret < 0) {
		free(e.modules);
		return ret;
	}
	e.kind = kind_of(to->list, e.privileges);
	ret = finish(to, &e, from, (size_t)(entry->value + entry->len - from));
	return ret < 0 ? ret : n + 1;
}

static int take_tlv(const struct reading *to, const uint8_t *p, size_t len,
		    struct gp_error *err)
{
	struct ber_reader r = {p, len};
	struct ber_tlv t;
	int ret, n = 0;

	while ((ret = ber_next(&r, &t)) > 0) {
		if (t.tag != TAG_ENTRY)
			continue;
		ret = take_template(to, &t);
		if (ret < 0)
			return ret == -EBADMSG ? bad(err, "an entry makes no sense") : ret;
		n += ret;
	}
	return ret < 0 ? bad(err, "an entry is cut short") : n;
}

/* length, AID, as the older form has them */
static int old_aid(struct ber_reader *r, struct gp_aid *aid)
{
	size_t len;

	if (r->len == 0)
		return -EBADMSG;
	len = *r->p;
	if (len > r->len - 1 || len == 0 || gp_aid_set(aid, r->p + 1, len) < 0)
		return -EBADMSG;
	r->p += 1 + len;
	r->len -= 1 + len;
	return 0;
}

/* tables 11-34 and 11-35: AID, state, one byte of privileges; modules with list 10 */
static int old_entry(struct ber_reader *r, uint8_t list, struct gp_entry *e)
{
	struct gp_aid module;
	unsigned int n;
	int ret = old_aid(r, &e->aid);

	if (ret < 0 || r->len < 2)
		return -EBADMSG;
	e->state = r->p[0];
	e->told |= GP_ENTRY_STATE;
	e->privileges = (uint32_t)r->p[1] << 16;
	r->p += 2;
	r->len -= 2;
	e->kind = kind_of(list, e->privileges);
	if (e->kind == GP_KIND_ELF)
		e->privileges = 0;
	else
		e->told |= GP_ENTRY_PRIVILEGES;
	if (list != GP_LIST_MODULES)
		return 0;
	if (r->len == 0)
		return -EBADMSG;
	n = *r->p++;
	r->len--;
	e->told |= GP_ENTRY_MODULES;
	while (n-- && ret == 0) {
		ret = old_aid(r, &module);
		ret = ret < 0 ? ret : gp_entry_add_module(e, &module);
	}
	return ret;
}

static int take_old(const struct reading *to, const uint8_t *p, size_t len,
		    struct gp_error *err)
{
	struct ber_reader r = {p, len};
	int ret, n = 0;

	while (r.len) {
		struct gp_entry e = {0};

		ret = old_entry(&r, to->list, &e);
		if (ret < 0) {
			free(e.modules);
			return ret == -EBADMSG ? bad(err, "an entry (form without TLV) makes "
							  "no sense")
					       : ret;
		}
		ret = finish(to, &e, NULL, 0);
		if (ret < 0)
			return ret;
		n++;
	}
	return n;
}

int gp_registry_each(uint8_t list, const uint8_t *p, size_t len, gp_entry_fn fn, void *ctx,
		     struct gp_error *err)
{
	const struct reading to = {list, fn, ctx};
	int ret;

	if (len == 0)
		return 0;
	/* an AID of the older form has 5 to 16 bytes, so no length is E3 */
	ret = p[0] == TAG_ENTRY ? take_tlv(&to, p, len, err) : take_old(&to, p, len, err);
	return ret == -ENOMEM ? gp_fail(err, ret, "no-memory", "not enough memory") : ret;
}

int gp_registry_take(struct gp_registry *reg, uint8_t list, const uint8_t *p, size_t len,
		     struct gp_error *err)
{
	int ret = gp_registry_each(list, p, len, store, reg, err);

	if (ret == -ENOSPC)
		return gp_fail(err, ret, "too-many",
			       "the registry has over %d entries or an "
			       "entry over %d modules",
			       GP_REGISTRY_ENTRIES_MAX, GP_ENTRY_MODULES_MAX);
	return ret;
}
