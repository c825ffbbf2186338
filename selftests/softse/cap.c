// SPDX-License-Identifier: Apache-2.0
#include "cap.h"

#include <errno.h>
#include <string.h>

#include "tlv.h"

/* Component tags, JCVM 2.2 table 6-2. */
enum {
	CAP_HEADER = 1,
	CAP_DIRECTORY,
	CAP_APPLET,
	CAP_IMPORT,
	CAP_CONSTANT_POOL,
	CAP_CLASS,
	CAP_METHOD,
	CAP_STATIC_FIELD,
	CAP_REFERENCE_LOCATION,
	CAP_EXPORT,
	CAP_DESCRIPTOR,
	CAP_DEBUG,
	CAP_STATIC_RESOURCES, /* of format 2.3, its size has four bytes */
	CAP_TAGS,
	CAP_CUSTOM = 0x80,
};

enum {
	ACC_INT = 0x01,
	ACC_EXPORT = 0x02,
	ACC_APPLET = 0x04,
	CLASS_INTERFACE = 0x80,
	CLASS_REMOTE = 0x20,
	EXTERNAL = 0x80,
};

static const uint8_t magic[] = {0xde, 0xca, 0xff, 0xed};

/* A reader that cannot leave its component: once it would have, @bad stays. */
struct in {
	const uint8_t *p;
	size_t n;
	bool bad;
};

struct file {
	struct in part[CAP_TAGS];
	bool have[CAP_TAGS];
	struct cap *cap;
	uint8_t minor, flags; /* of the file format */
	size_t n_imports;
	const char *why;
};

static uint8_t u1(struct in *in)
{
	if (in->bad || !in->n) {
		in->bad = true;
		return 0;
	}
	in->n--;
	return *in->p++;
}

static uint16_t u2(struct in *in)
{
	uint16_t high = u1(in);

	return (uint16_t)(high << 8 | u1(in));
}

static const uint8_t *take(struct in *in, size_t n)
{
	const uint8_t *at = in->p;

	if (in->bad || in->n < n) {
		in->bad = true;
		return NULL;
	}
	in->p += n;
	in->n -= n;
	return at;
}

static size_t size_of(const struct file *f, int tag)
{
	return f->have[tag] ? f->part[tag].n : 0;
}

static int wrong(struct file *f, const char *why)
{
	f->why = why;
	return -EBADMSG;
}

static int finish(struct file *f, const struct in *in, const char *why)
{
	return in->bad || in->n ? wrong(f, why) : 0;
}

bool cap_is(const uint8_t *p, size_t n)
{
	return n >= 7 && p[0] == CAP_HEADER && !memcmp(p + 3, magic, sizeof(magic));
}

/* Cuts the file into its components. */
static int cut(struct file *f, const uint8_t *p, size_t n)
{
	struct in in = {p, n, false};

	while (in.n) {
		uint8_t tag = u1(&in);
		size_t high = tag == CAP_STATIC_RESOURCES ? u2(&in) : 0;
		size_t len = high << 16 | u2(&in);
		const uint8_t *v = take(&in, len);

		if (!v)
			return wrong(f, "a component goes beyond the end of the file");
		if (tag != CAP_HEADER && !f->have[CAP_HEADER])
			return wrong(f, "the Header component is not the first");
		if (tag >= CAP_CUSTOM)
			continue;
		if (!tag || tag == CAP_DEBUG || tag >= CAP_TAGS)
			return wrong(f, "a component with an unknown tag");
		if (f->have[tag])
			return wrong(f, "a component comes twice");
		f->have[tag] = true;
		f->part[tag] = (struct in){v, len, false};
	}
	for (int tag = CAP_HEADER; tag < CAP_EXPORT; tag++)
		if (tag != CAP_APPLET && !f->have[tag])
			return wrong(f, "a component is missing");
	return 0;
}

static int parse_header(struct file *f)
{
	struct in in = f->part[CAP_HEADER];
	const uint8_t *m = take(&in, sizeof(magic)), *aid;
	uint8_t major, len;

	if (!m || memcmp(m, magic, sizeof(magic)))
		return wrong(f, "Header: no magic");
	f->minor = u1(&in);
	major = u1(&in);
	f->flags = u1(&in);
	f->cap->minor = u1(&in);
	f->cap->major = u1(&in);
	len = u1(&in);
	aid = take(&in, len);
	if (!aid || !aid_set(&f->cap->package, aid, len))
		return wrong(f, "Header: package AID");
	if (major != 2 || f->minor < 1 || f->minor > 3)
		return wrong(f, "Header: file format version");
	if (f->flags & ~(ACC_INT | ACC_EXPORT | ACC_APPLET))
		return wrong(f, "Header: flags");
	if (f->minor >= 2)
		take(&in, u1(&in)); /* package name */
	if (!(f->flags & ACC_APPLET) == f->have[CAP_APPLET] ||
	    !(f->flags & ACC_EXPORT) == f->have[CAP_EXPORT])
		return wrong(f, "Header: flags and components do not agree");
	if (f->have[CAP_STATIC_RESOURCES] && f->minor < 3)
		return wrong(f, "Header: static resources came with format 2.3");
	return finish(f, &in, "Header: length");
}

static int parse_directory(struct file *f)
{
	struct in in = f->part[CAP_DIRECTORY];
	unsigned int count = f->minor >= 2 ? 12 : 11, imports, applets, customs;

	for (unsigned int tag = 1; tag <= count; tag++) {
		uint16_t size = u2(&in);

		/* Debug (12) is never loaded, and Descriptor need not be */
		if (tag == CAP_DEBUG || (tag == CAP_DESCRIPTOR && !f->have[tag]))
			continue;
		if (size != size_of(f, (int)tag))
			return wrong(f, "Directory: the size of a component");
	}
	if (f->minor >= 3) {
		size_t high = u2(&in);

		if ((high << 16 | u2(&in)) != size_of(f, CAP_STATIC_RESOURCES))
			return wrong(f, "Directory: the size of Static Resources");
	}
	f->cap->image = u2(&in);
	u2(&in); /* array_init_count, array_init_size: checked where they are */
	u2(&in);
	imports = u1(&in);
	applets = u1(&in);
	customs = u1(&in);
	while (customs--) {
		if (u1(&in) < CAP_CUSTOM)
			return wrong(f, "Directory: custom component");
		u2(&in);
		take(&in, u1(&in));
	}
	f->n_imports = imports;
	if (f->have[CAP_APPLET] != !!applets)
		return wrong(f, "Directory: number of applets");
	f->cap->n_modules = applets;
	return finish(f, &in, "Directory: length");
}

static int parse_imports(struct file *f)
{
	struct in in = f->part[CAP_IMPORT];
	size_t n = u1(&in);

	if (n != f->n_imports)
		return wrong(f, "Import: number of packages");
	if (n > ELF_IMPORTS)
		return -E2BIG;
	for (size_t i = 0; i < n; i++) {
		struct import *im = &f->cap->imports[i];
		const uint8_t *aid;
		uint8_t len;

		im->minor = u1(&in);
		im->major = u1(&in);
		len = u1(&in);
		aid = take(&in, len);
		if (!aid || !aid_set(&im->aid, aid, len))
			return wrong(f, "Import: AID");
	}
	f->cap->n_imports = n;
	return finish(f, &in, "Import: length");
}

/* A method is a header and at least one instruction. */
static bool is_method(const struct file *f, size_t offset)
{
	return offset >= 1 && offset + 3 <= size_of(f, CAP_METHOD);
}

static int parse_applets(struct file *f)
{
	struct in in = f->part[CAP_APPLET];
	size_t n;

	if (!f->have[CAP_APPLET])
		return 0;
	n = u1(&in);
	if (!n || n != f->cap->n_modules)
		return wrong(f, "Applet: number of applets");
	if (n > ELF_MODULES)
		return -E2BIG;
	for (size_t i = 0; i < n; i++) {
		uint8_t len = u1(&in);
		const uint8_t *aid = take(&in, len);

		if (!aid || !aid_set(&f->cap->modules[i], aid, len))
			return wrong(f, "Applet: AID");
		/* JCVM 6.5: an applet shares the RID of its package */
		if (memcmp(f->cap->modules[i].v, f->cap->package.v, 5))
			return wrong(f, "Applet: RID");
		if (!is_method(f, u2(&in)))
			return wrong(f, "Applet: install method");
		for (size_t k = 0; k < i; k++)
			if (aid_equal(&f->cap->modules[k], &f->cap->modules[i]))
				return wrong(f, "Applet: the same AID twice");
	}
	return finish(f, &in, "Applet: length");
}

/* class_ref: an offset here, or a package of the imports and a token there. */
static bool is_class(const struct file *f, uint16_t ref)
{
	if (ref == 0xffff)
		return true; /* java.lang.Object has no superclass */
	if (ref & 0x8000)
		return (ref >> 8 & 0x7f) < (int)f->cap->n_imports;
	return ref < size_of(f, CAP_CLASS);
}

static bool is_virtual(const struct file *f, uint16_t offset)
{
	return offset == 0xffff || is_method(f, offset);
}

static int parse_interface(struct file *f, struct in *in, uint8_t head)
{
	for (unsigned int n = head & 0x0f; n; n--)
		if (!is_class(f, u2(in)))
			return wrong(f, "Class: superinterface");
	if (head & CLASS_REMOTE)
		take(in, u1(in));
	return 0;
}

static void skip_remote(struct in *in)
{
	take(in, u1(in) * 5U);
	take(in, u1(in)); /* hash modifier */
	take(in, u1(in)); /* class name */
	take(in, u1(in) * 2U);
}

static int parse_class(struct file *f, struct in *in, uint8_t head)
{
	unsigned int publics, packages;

	if (!is_class(f, u2(in)))
		return wrong(f, "Class: superclass");
	take(in, 3); /* instance size, first reference, number of references */
	u1(in);
	publics = u1(in);
	u1(in);
	packages = u1(in);
	for (unsigned int n = publics + packages; n && !in->bad; n--)
		if (!is_virtual(f, u2(in)))
			return wrong(f, "Class: virtual method");
	for (unsigned int n = head & 0x0f; n; n--) {
		if (!is_class(f, u2(in)))
			return wrong(f, "Class: interface");
		take(in, u1(in));
	}
	if (head & CLASS_REMOTE)
		skip_remote(in);
	return 0;
}

static int parse_classes(struct file *f)
{
	struct in in = f->part[CAP_CLASS];

	if (f->minor >= 2)
		take(&in, u2(&in)); /* signature pool */
	while (in.n && !in.bad) {
		uint8_t head = u1(&in);
		int ret = head & CLASS_INTERFACE ? parse_interface(f, &in, head)
						 : parse_class(f, &in, head);

		if (ret)
			return ret;
	}
	return finish(f, &in, "Class: length");
}

static int parse_methods(struct file *f)
{
	struct in in = f->part[CAP_METHOD];
	size_t size = in.n, handlers = u1(&in);

	for (size_t i = 0; i < handlers && !in.bad; i++) {
		size_t start = u2(&in), active = u2(&in) & 0x7fff, to = u2(&in);

		u2(&in); /* catch type: an index of the constant pool */
		if (start < 1 + 8 * handlers || start + active > size || to >= size)
			return wrong(f, "Method: exception handler");
	}
	return in.bad ? wrong(f, "Method: length") : 0;
}

static int parse_static_fields(struct file *f)
{
	struct in in = f->part[CAP_STATIC_FIELD];
	size_t image = u2(&in), refs = u2(&in), arrays = u2(&in), defaults, others;

	if (image != f->cap->image)
		return wrong(f, "StaticField: image size");
	if (arrays > refs)
		return wrong(f, "StaticField: arrays");
	while (arrays-- && !in.bad) {
		uint8_t type = u1(&in);
		size_t n = u2(&in);

		if (type < 2 || type > 5)
			return wrong(f, "StaticField: array type");
		take(&in, n);
	}
	defaults = u2(&in);
	others = u2(&in);
	if (!in.bad && 2 * refs + defaults + others != image)
		return wrong(f, "StaticField: the parts are not the image");
	take(&in, others);
	return finish(f, &in, "StaticField: length");
}

/* Table 6-11 and what follows it. */
static int parse_constants(struct file *f)
{
	struct in in = f->part[CAP_CONSTANT_POOL];
	size_t n = u2(&in);

	while (n-- && !in.bad) {
		uint8_t tag = u1(&in), a = u1(&in);
		uint16_t rest = u2(&in), class = (uint16_t)(a << 8 | rest >> 8);
		bool ok;

		if (in.bad)
			break;
		switch (tag) {
		case 1: /* class */
		case 2: /* instance field */
		case 3: /* virtual method */
		case 4: /* super method */
			ok = is_class(f, class);
			break;
		case 5: /* static field */
			ok = a & EXTERNAL ? (a & 0x7f) < (int)f->cap->n_imports
					  : rest < f->cap->image;
			break;
		case 6: /* static method */
			ok = a & EXTERNAL ? (a & 0x7f) < (int)f->cap->n_imports
					  : is_method(f, rest);
			break;
		default:
			ok = false;
		}
		if (!ok)
			return wrong(f, "ConstantPool: an entry");
	}
	return finish(f, &in, "ConstantPool: length");
}

static int parse_locations(struct file *f)
{
	struct in in = f->part[CAP_REFERENCE_LOCATION];

	for (int width = 1; width <= 2; width++) {
		size_t n = u2(&in), at = 0;

		while (n-- && !in.bad)
			at += u1(&in);
		if (at + (size_t)width > size_of(f, CAP_METHOD) && at)
			return wrong(f, "ReferenceLocation: outside of the methods");
	}
	return finish(f, &in, "ReferenceLocation: length");
}

static int parse_exports(struct file *f)
{
	struct in in = f->part[CAP_EXPORT];
	size_t n;

	if (!f->have[CAP_EXPORT])
		return 0;
	n = u1(&in);
	while (n-- && !in.bad) {
		size_t at = u2(&in), fields = u1(&in), methods = u1(&in);

		if (at >= size_of(f, CAP_CLASS))
			return wrong(f, "Export: class");
		while (fields-- && !in.bad)
			if (u2(&in) >= f->cap->image)
				return wrong(f, "Export: static field");
		while (methods-- && !in.bad)
			if (!is_method(f, u2(&in)))
				return wrong(f, "Export: static method");
	}
	return finish(f, &in, "Export: length");
}

/* The Descriptor is for verifiers; it has to fit what it describes all the same. */
static int parse_descriptor(struct file *f)
{
	struct in in = f->part[CAP_DESCRIPTOR];
	size_t n, types;

	if (!f->have[CAP_DESCRIPTOR])
		return 0;
	n = u1(&in);
	while (n-- && !in.bad) {
		size_t interfaces, fields, methods;

		take(&in, 2); /* token, flags */
		if (!is_class(f, u2(&in)))
			return wrong(f, "Descriptor: class");
		interfaces = u1(&in);
		fields = u2(&in);
		methods = u2(&in);
		while (interfaces-- && !in.bad)
			if (!is_class(f, u2(&in)))
				return wrong(f, "Descriptor: interface");
		take(&in, 7 * fields);
		while (methods-- && !in.bad) {
			size_t at, code;

			take(&in, 2);
			at = u2(&in);
			take(&in, 2); /* type */
			code = u2(&in);
			take(&in, 4); /* exception handlers */
			if (at + code > size_of(f, CAP_METHOD))
				return wrong(f, "Descriptor: method");
		}
	}
	types = u2(&in);
	take(&in, 2 * types);
	return in.bad ? wrong(f, "Descriptor: length") : 0;
}

int cap_parse(const uint8_t *p, size_t n, struct cap *cap, const char **why)
{
	static int (*const steps[])(struct file *) = {
		parse_header,	 parse_directory, parse_imports,    parse_applets,
		parse_classes,	 parse_methods,	  parse_constants,  parse_static_fields,
		parse_locations, parse_exports,	  parse_descriptor,
	};
	struct file f = {.cap = cap, .why = "more than this card keeps"};
	int ret;

	memset(cap, 0, sizeof(*cap));
	ret = cut(&f, p, n);
	for (size_t i = 0; !ret && i < sizeof(steps) / sizeof(steps[0]); i++)
		ret = steps[i](&f);
	*why = ret ? f.why : NULL;
	return ret;
}

/* Packages of the platform, with the last version of each that is known. */
static const struct {
	uint8_t len;
	uint8_t aid[9];
	uint8_t major, minor;
} platform[] = {
	{7, {0xa0, 0, 0, 0, 0x62, 0x00, 0x01}, 1, 0},		  /* java.lang */
	{7, {0xa0, 0, 0, 0, 0x62, 0x00, 0x02}, 1, 0},		  /* java.io */
	{7, {0xa0, 0, 0, 0, 0x62, 0x00, 0x03}, 1, 0},		  /* java.rmi */
	{7, {0xa0, 0, 0, 0, 0x62, 0x01, 0x01}, 1, 8},		  /* javacard.framework */
	{8, {0xa0, 0, 0, 0, 0x62, 0x01, 0x01, 0x01}, 1, 0},	  /* .service */
	{7, {0xa0, 0, 0, 0, 0x62, 0x01, 0x02}, 1, 8},		  /* javacard.security */
	{7, {0xa0, 0, 0, 0, 0x62, 0x02, 0x01}, 1, 8},		  /* javacardx.crypto */
	{7, {0xa0, 0, 0, 0, 0x62, 0x02, 0x02}, 1, 0},		  /* javacardx.biometry */
	{7, {0xa0, 0, 0, 0, 0x62, 0x02, 0x03}, 1, 0},		  /* javacardx.external */
	{7, {0xa0, 0, 0, 0, 0x62, 0x02, 0x09}, 1, 0},		  /* javacardx.apdu */
	{8, {0xa0, 0, 0, 0, 0x62, 0x02, 0x09, 0x01}, 1, 0},	  /* .util */
	{8, {0xa0, 0, 0, 0, 0x62, 0x02, 0x08, 0x01}, 1, 1},	  /* framework.util */
	{9, {0xa0, 0, 0, 0, 0x62, 0x02, 0x08, 0x01, 0x01}, 1, 0}, /* .intx */
	{8, {0xa0, 0, 0, 0, 0x62, 0x02, 0x08, 0x02}, 1, 0},	  /* framework.math */
	{8, {0xa0, 0, 0, 0, 0x62, 0x02, 0x08, 0x03}, 1, 0},	  /* framework.tlv */
	{8, {0xa0, 0, 0, 0, 0x62, 0x02, 0x08, 0x04}, 1, 0},	  /* framework.string */
	{6, {0xa0, 0, 0, 1, 0x51, 0x00}, 1, 8},			  /* org.globalplatform */
};

int cap_platform(const struct import *import)
{
	for (size_t i = 0; i < sizeof(platform) / sizeof(platform[0]); i++) {
		if (import->aid.len != platform[i].len ||
		    memcmp(import->aid.v, platform[i].aid, platform[i].len))
			continue;
		return import->major == platform[i].major && import->minor <= platform[i].minor
			       ? 1
			       : -1;
	}
	return 0;
}
