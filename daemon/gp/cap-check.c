// SPDX-License-Identifier: Apache-2.0
/* What the components of a CAP file say: JCVM 3.1, 6.4 to 6.7. */
#include <errno.h>
#include <string.h>

#include "gp/cap-priv.h"

static const uint8_t magic[] = {0xde, 0xca, 0xff, 0xed};

#define RID_LEN 5
#define CUSTOM_FIRST 0x80

/* Reads on in a component; once it would have gone beyond the end, @bad stays. */
struct cursor {
	const uint8_t *p;
	size_t len;
	bool bad;
};

static struct cursor contents(const struct gp_cap *cap, enum gp_cap_tag tag)
{
	const struct gp_cap_part *part = &cap->parts[tag];
	size_t size, head = gp_cap_head(part->p, part->len, &size);

	return (struct cursor){part->p + head, part->len - head, false};
}

static const uint8_t *take(struct cursor *c, size_t n)
{
	const uint8_t *at = c->p;

	if (c->bad || n > c->len) {
		c->bad = true;
		return NULL;
	}
	c->p += n;
	c->len -= n;
	return at;
}

static uint32_t number(struct cursor *c, size_t n)
{
	const uint8_t *p = take(c, n);
	uint32_t v = 0;

	for (size_t i = 0; p && i < n; i++)
		v = v << 8 | p[i];
	return v;
}

/* AID_length, AID */
static int take_aid(struct cursor *c, struct gp_aid *aid)
{
	size_t len = number(c, 1);
	const uint8_t *p = take(c, len);

	if (!p || !len)
		return -EBADMSG;
	return gp_aid_set(aid, p, len) ? -EBADMSG : 0;
}

static int wrong(struct gp_error *err, enum gp_cap_tag tag, const char *what)
{
	return gp_fail(err, -EBADMSG, "cap-component", "%s: %s", gp_cap_component_name(tag),
		       what);
}

static int whole(const struct cursor *c, struct gp_error *err, enum gp_cap_tag tag)
{
	if (c->bad)
		return wrong(err, tag, "ends too soon");
	return c->len ? wrong(err, tag, "goes on behind its end") : 0;
}

static int read_header(struct gp_cap *cap, struct gp_error *err)
{
	struct cursor c = contents(cap, GP_CAP_HEADER);
	const uint8_t *m = take(&c, sizeof(magic)), *name;
	const uint8_t known = GP_CAP_INT | GP_CAP_EXPORTS | GP_CAP_APPLETS;
	size_t len;

	if (!m || memcmp(m, magic, sizeof(magic)))
		return wrong(err, GP_CAP_HEADER, "does not begin with DECAFFED");
	cap->format_minor = (uint8_t)number(&c, 1);
	cap->format_major = (uint8_t)number(&c, 1);
	cap->flags = (uint8_t)number(&c, 1);
	if (c.bad)
		return wrong(err, GP_CAP_HEADER, "ends too soon");
	if (cap->format_major != 2 || cap->format_minor < 1 || cap->format_minor > 3)
		return gp_fail(err, -EOPNOTSUPP, "cap-format",
			       "CAP file format %u.%u is not known here; 2.1 to 2.3 are",
			       cap->format_major, cap->format_minor);
	if (cap->format_minor >= 3 && cap->flags & GP_CAP_EXTENDED)
		return gp_fail(err, -EOPNOTSUPP, "cap-extended",
			       "this is an extended CAP file (Java Card 3.1 and later): it has "
			       "to be converted in compact format");
	if (cap->flags & ~known)
		return wrong(err, GP_CAP_HEADER, "has flags that do not exist");
	cap->minor = (uint8_t)number(&c, 1);
	cap->major = (uint8_t)number(&c, 1);
	if (take_aid(&c, &cap->package))
		return wrong(err, GP_CAP_HEADER, "the package's AID is none");
	/* 6.4: with 2.2 a name may follow; some converters leave out even its length */
	if (cap->format_minor >= 2 && c.len) {
		len = number(&c, 1);
		name = take(&c, len);
		if (name && len)
			gp_cap_set_name(cap, (const char *)name, len);
	}
	return whole(&c, err, GP_CAP_HEADER);
}

static int read_imports(struct gp_cap *cap, struct gp_error *err)
{
	struct cursor c = contents(cap, GP_CAP_IMPORT);

	cap->nr_imports = number(&c, 1);
	for (size_t i = 0; i < cap->nr_imports; i++) {
		struct gp_cap_import *im = &cap->imports[i];

		im->minor = (uint8_t)number(&c, 1);
		im->major = (uint8_t)number(&c, 1);
		if (take_aid(&c, &im->aid))
			return wrong(err, GP_CAP_IMPORT, "an AID is none");
	}
	return whole(&c, err, GP_CAP_IMPORT);
}

static int read_applets(struct gp_cap *cap, struct gp_error *err)
{
	size_t methods = contents(cap, GP_CAP_METHOD).len;
	struct cursor c;

	if (!cap->parts[GP_CAP_APPLET].p)
		return 0;
	c = contents(cap, GP_CAP_APPLET);
	cap->nr_applets = number(&c, 1);
	if (!c.bad && !cap->nr_applets)
		return wrong(err, GP_CAP_APPLET, "has no applets");
	for (size_t i = 0; i < cap->nr_applets; i++) {
		struct gp_cap_applet *a = &cap->applets[i];

		if (take_aid(&c, &a->aid))
			return wrong(err, GP_CAP_APPLET, "an AID is none");
		a->install = (uint16_t)number(&c, 2);
		if (memcmp(a->aid.bytes, cap->package.bytes, RID_LEN))
			return wrong(err, GP_CAP_APPLET,
				     "an applet has another RID than its package");
		/* offset 0 is the number of exception handlers */
		if (!a->install || a->install >= methods)
			return wrong(err, GP_CAP_APPLET, "install() is not in Method");
		for (size_t k = 0; k < i; k++)
			if (gp_aid_equal(&cap->applets[k].aid, &a->aid))
				return wrong(err, GP_CAP_APPLET, "an AID comes twice");
	}
	return whole(&c, err, GP_CAP_APPLET);
}

/* component_size_info: who has which number of bytes in which format version */
static size_t size_width(const struct gp_cap *cap, enum gp_cap_tag tag)
{
	if (tag == GP_CAP_STATIC_RESOURCES)
		return cap->format_minor >= 3 ? 4 : 0;
	if (tag == GP_CAP_DEBUG)
		return cap->format_minor >= 2 ? 2 : 0;
	return 2;
}

static int read_directory(struct gp_cap *cap, struct gp_error *err)
{
	struct cursor c;
	size_t customs;

	if (!cap->parts[GP_CAP_DIRECTORY].p)
		return 0;
	c = contents(cap, GP_CAP_DIRECTORY);
	for (enum gp_cap_tag tag = GP_CAP_HEADER; tag < GP_CAP_TAGS; tag++) {
		uint32_t size = number(&c, size_width(cap, tag));

		/* what need not be there, or is not ours to load, may be absent */
		if (tag == GP_CAP_DEBUG ||
		    (tag == GP_CAP_DESCRIPTOR && !cap->parts[GP_CAP_DESCRIPTOR].p))
			continue;
		if (!c.bad && size != (cap->parts[tag].p ? contents(cap, tag).len : (size_t)0))
			return gp_fail(err, -EBADMSG, "cap-component",
				       "Directory: another size for %s than it has",
				       gp_cap_component_name(tag));
	}
	take(&c, 6); /* static field sizes: for the card's memory management */
	if (number(&c, 1) != cap->nr_imports && !c.bad)
		return wrong(err, GP_CAP_DIRECTORY, "another number of imports");
	if (number(&c, 1) != cap->nr_applets && !c.bad)
		return wrong(err, GP_CAP_DIRECTORY, "another number of applets");
	for (customs = number(&c, 1); customs && !c.bad; customs--) {
		struct gp_aid aid;

		if (number(&c, 1) < CUSTOM_FIRST && !c.bad)
			return wrong(err, GP_CAP_DIRECTORY, "a custom component's tag");
		take(&c, 2);
		if (take_aid(&c, &aid) && !c.bad)
			return wrong(err, GP_CAP_DIRECTORY, "a custom component's AID");
	}
	return whole(&c, err, GP_CAP_DIRECTORY);
}

/* JCVM 6.1 and 6.2: these always are there */
static bool is_required(const struct gp_cap *cap, enum gp_cap_tag tag)
{
	switch (tag) {
	case GP_CAP_HEADER:
	case GP_CAP_IMPORT:
	case GP_CAP_CONSTANT_POOL:
	case GP_CAP_CLASS:
	case GP_CAP_METHOD:
	case GP_CAP_STATIC_FIELD:
	case GP_CAP_REF_LOCATION:
		return true;
	case GP_CAP_DIRECTORY:
		/* a load file may have been made without */
		return cap->form == GP_CAP_FORM_ZIP;
	case GP_CAP_APPLET:
		return cap->flags & GP_CAP_APPLETS;
	case GP_CAP_EXPORT:
		return cap->flags & GP_CAP_EXPORTS;
	default:
		return false;
	}
}

int gp_cap_check(struct gp_cap *cap, struct gp_error *err)
{
	int r = read_header(cap, err);

	if (r < 0)
		return r;
	for (enum gp_cap_tag tag = GP_CAP_HEADER; tag < GP_CAP_TAGS; tag++)
		if (is_required(cap, tag) && !cap->parts[tag].p)
			return wrong(err, tag, "is missing");
	if ((cap->parts[GP_CAP_APPLET].p && !(cap->flags & GP_CAP_APPLETS)) ||
	    (cap->parts[GP_CAP_EXPORT].p && !(cap->flags & GP_CAP_EXPORTS)))
		return wrong(err, GP_CAP_HEADER, "flags do not say what components there are");
	if (cap->parts[GP_CAP_STATIC_RESOURCES].p && cap->format_minor < 3)
		return wrong(err, GP_CAP_STATIC_RESOURCES, "is of a later format version");
	r = read_imports(cap, err);
	if (!r)
		r = read_applets(cap, err);
	return r ? r : read_directory(cap, err);
}
