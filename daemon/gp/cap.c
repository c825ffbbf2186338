// SPDX-License-Identifier: Apache-2.0
/* CAP files: which form it is, names, and the block for the card. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gp/cap-priv.h"
#include "gp/loadfile.h"

#define TAG_FILE 0xc4
#define TAG_DAP 0xe2

static const char *const names[GP_CAP_TAGS] = {
	[GP_CAP_HEADER] = "Header",
	[GP_CAP_DIRECTORY] = "Directory",
	[GP_CAP_APPLET] = "Applet",
	[GP_CAP_IMPORT] = "Import",
	[GP_CAP_CONSTANT_POOL] = "ConstantPool",
	[GP_CAP_CLASS] = "Class",
	[GP_CAP_METHOD] = "Method",
	[GP_CAP_STATIC_FIELD] = "StaticField",
	[GP_CAP_REF_LOCATION] = "RefLocation",
	[GP_CAP_EXPORT] = "Export",
	[GP_CAP_DESCRIPTOR] = "Descriptor",
	[GP_CAP_DEBUG] = "Debug",
	[GP_CAP_STATIC_RESOURCES] = "StaticResources",
};

/* the order in which a card links them, JCVM 3.1, table 6-2 */
static const uint8_t load_order[] = {
	GP_CAP_HEADER,	      GP_CAP_DIRECTORY,	   GP_CAP_IMPORT,	    GP_CAP_APPLET,
	GP_CAP_CLASS,	      GP_CAP_METHOD,	   GP_CAP_STATIC_FIELD,	    GP_CAP_EXPORT,
	GP_CAP_CONSTANT_POOL, GP_CAP_REF_LOCATION, GP_CAP_STATIC_RESOURCES, GP_CAP_DESCRIPTOR,
};

const char *gp_cap_component_name(enum gp_cap_tag tag)
{
	return tag < GP_CAP_TAGS && names[tag] ? names[tag] : "?";
}

enum gp_cap_tag gp_cap_tag_by_name(const char *name, size_t len)
{
	for (enum gp_cap_tag tag = GP_CAP_HEADER; tag < GP_CAP_TAGS; tag++)
		if (strlen(names[tag]) == len && !memcmp(names[tag], name, len))
			return tag;
	return 0;
}

void gp_cap_set_name(struct gp_cap *cap, const char *name, size_t len)
{
	if (len > GP_CAP_NAME_MAX)
		len = GP_CAP_NAME_MAX;
	for (size_t i = 0; i < len; i++)
		cap->name[i] = name[i] > ' ' && name[i] < 0x7f ? name[i] : '?';
	cap->name[len] = '\0';
}

size_t gp_cap_head(const uint8_t *p, size_t len, size_t *size)
{
	size_t head = len && p[0] == GP_CAP_STATIC_RESOURCES ? 5 : 3;

	if (len < head)
		return 0;
	*size = 0;
	for (size_t i = 1; i < head; i++)
		*size = *size << 8 | p[i];
	return head;
}

/* Components one after the other, in any order; custom ones (80 and up) are passed over. */
static int split(const uint8_t *p, size_t len, struct gp_cap *cap, struct gp_error *err)
{
	size_t at = 0, head, size;

	if (!len)
		return gp_fail(err, -EBADMSG, "cap-component", "there is no component in it");
	if (len > GP_CAP_UNPACKED_MAX)
		return gp_fail(err, -E2BIG, "cap-too-big", "%zu bytes of components", len);
	cap->memory = malloc(len);
	if (!cap->memory)
		return -ENOMEM;
	memcpy(cap->memory, p, len);
	while (at < len) {
		uint8_t tag = p[at];

		head = gp_cap_head(p + at, len - at, &size);
		if (!head || size > len - at - head)
			return gp_fail(err, -EBADMSG, "cap-component",
				       "%s at byte %zu goes beyond the end",
				       gp_cap_component_name(tag), at);
		if (!at && tag != GP_CAP_HEADER)
			return gp_fail(err, -EBADMSG, "cap-component",
				       "Header is not the first component");
		if (!tag || (tag >= GP_CAP_TAGS && tag < 0x80))
			return gp_fail(err, -EBADMSG, "cap-component",
				       "byte %zu: no component has tag %02X", at, tag);
		if (tag < GP_CAP_TAGS && cap->parts[tag].p)
			return gp_fail(err, -EBADMSG, "cap-component", "%s comes twice",
				       names[tag]);
		if (tag < GP_CAP_TAGS)
			cap->parts[tag] = (struct gp_cap_part){cap->memory + at, head + size};
		at += head + size;
	}
	return 0;
}

static int read_load_file(const uint8_t *p, size_t len, struct gp_cap *cap,
			  struct gp_error *err)
{
	struct gp_loadfile lf;
	int r = gp_loadfile_read(p, len, &lf, NULL, 0, err);

	if (r < 0)
		return r;
	if (lf.ciphered)
		r = gp_fail(err, -EOPNOTSUPP, "cap-ciphered",
			    "the load file is ciphered: what is in it cannot be told");
	else
		r = split(lf.bytes + lf.block, lf.block_len, cap, err);
	gp_loadfile_clear(&lf);
	return r;
}

static int read_form(const uint8_t *p, size_t len, struct gp_cap *cap, struct gp_error *err)
{
	if (len >= 4 && p[0] == 'P' && p[1] == 'K') {
		cap->form = GP_CAP_FORM_ZIP;
		return gp_cap_unzip(p, len, cap, err);
	}
	if (len && p[0] == GP_CAP_HEADER) {
		cap->form = GP_CAP_FORM_IJC;
		return split(p, len, cap, err);
	}
	if (len && (p[0] == TAG_FILE || p[0] == TAG_DAP)) {
		cap->form = GP_CAP_FORM_BLOCK;
		return read_load_file(p, len, cap, err);
	}
	return gp_fail(err, -EBADMSG, "not-a-cap",
		       "this is no CAP file: neither an archive nor components nor a load "
		       "file");
}

int gp_cap_read(const uint8_t *p, size_t len, struct gp_cap **out, struct gp_error *err)
{
	struct gp_cap *cap;
	int r;

	*out = NULL;
	if (len > GP_CAP_FILE_MAX)
		return gp_fail(err, -E2BIG, "cap-too-big", "a file of %zu bytes", len);
	cap = calloc(1, sizeof(*cap));
	if (!cap)
		return gp_fail(err, -ENOMEM, "no-memory", "out of memory");
	r = read_form(p, len, cap, err);
	if (!r)
		r = gp_cap_check(cap, err);
	if (r < 0) {
		gp_cap_free(cap);
		return r == -ENOMEM ? gp_fail(err, r, "no-memory", "out of memory") : r;
	}
	*out = cap;
	return 0;
}

void gp_cap_free(struct gp_cap *cap)
{
	if (!cap)
		return;
	free(cap->memory);
	free(cap);
}

int gp_cap_block(const struct gp_cap *cap, unsigned int how, uint8_t **block, size_t *len)
{
	const struct gp_cap_part *parts[sizeof(load_order)];
	size_t n = 0, at = 0;

	if (how & ~(unsigned int)(GP_CAP_WITH_DESCRIPTOR | GP_CAP_WITHOUT_DIRECTORY))
		return -EINVAL;
	*len = 0;
	for (size_t i = 0; i < sizeof(load_order); i++) {
		const struct gp_cap_part *part = &cap->parts[load_order[i]];

		if (!part->p ||
		    (load_order[i] == GP_CAP_DESCRIPTOR && !(how & GP_CAP_WITH_DESCRIPTOR)) ||
		    (load_order[i] == GP_CAP_DIRECTORY && how & GP_CAP_WITHOUT_DIRECTORY))
			continue;
		parts[n++] = part;
		*len += part->len;
	}
	*block = malloc(*len);
	if (!*block)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		memcpy(*block + at, parts[i]->p, parts[i]->len);
		at += parts[i]->len;
	}
	return 0;
}

/* packages that many import; by prefix of the whole AID */
static const struct {
	const char *name;
	uint8_t len;
	uint8_t aid[GP_AID_MAX];
} known[] = {
	{"java.lang", 7, {0xa0, 0, 0, 0, 0x62, 0, 1}},
	{"java.io", 7, {0xa0, 0, 0, 0, 0x62, 0, 2}},
	{"java.rmi", 7, {0xa0, 0, 0, 0, 0x62, 0, 3}},
	{"javacard.framework", 7, {0xa0, 0, 0, 0, 0x62, 1, 1}},
	{"javacard.framework.service", 8, {0xa0, 0, 0, 0, 0x62, 1, 1, 1}},
	{"javacard.security", 7, {0xa0, 0, 0, 0, 0x62, 1, 2}},
	{"javacardx.crypto", 7, {0xa0, 0, 0, 0, 0x62, 2, 1}},
	{"javacardx.biometry", 7, {0xa0, 0, 0, 0, 0x62, 2, 2}},
	{"javacardx.external", 7, {0xa0, 0, 0, 0, 0x62, 2, 3}},
	{"javacardx.framework.util", 8, {0xa0, 0, 0, 0, 0x62, 2, 8, 1}},
	{"javacardx.framework.math", 8, {0xa0, 0, 0, 0, 0x62, 2, 8, 2}},
	{"javacardx.framework.tlv", 8, {0xa0, 0, 0, 0, 0x62, 2, 8, 3}},
	{"javacardx.apdu", 7, {0xa0, 0, 0, 0, 0x62, 2, 9}},
	{"org.globalplatform", 6, {0xa0, 0, 0, 1, 0x51, 0}},
	{"visa.openplatform", 7, {0xa0, 0, 0, 0, 3, 0, 0}},
	{"uicc.access",
	 16,
	 {0xa0, 0, 0, 0, 9, 0, 5, 0xff, 0xff, 0xff, 0xff, 0x89, 0x11, 0, 0, 0}},
	{"uicc.toolkit",
	 16,
	 {0xa0, 0, 0, 0, 9, 0, 5, 0xff, 0xff, 0xff, 0xff, 0x89, 0x12, 0, 0, 0}},
	{"sim.access",
	 16,
	 {0xa0, 0, 0, 0, 9, 0, 3, 0xff, 0xff, 0xff, 0xff, 0x89, 0x10, 0x71, 0, 1}},
	{"sim.toolkit",
	 16,
	 {0xa0, 0, 0, 0, 9, 0, 3, 0xff, 0xff, 0xff, 0xff, 0x89, 0x10, 0x71, 0, 2}},
};

const char *gp_cap_import_name(const struct gp_aid *aid)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (aid->len == known[i].len && !memcmp(aid->bytes, known[i].aid, aid->len))
			return known[i].name;
	return NULL;
}

const char *gp_cap_java_card(const struct gp_cap *cap)
{
	/* by minor version of the package, major 1 */
	static const char *const framework[] = {"2.1.1", "2.1.2", "2.2.1", "2.2.2", "3.0.1",
						"3.0.4", "3.0.5", NULL,	   "3.1.0"};
	static const char *const security[] = {NULL,	"2.1.1", "2.2.1", "2.2.2",
					       "3.0.1", "3.0.4", "3.0.5", "3.1.0"};
	static const struct {
		const char *name;
		const char *const *versions;
		size_t nr;
	} tell[] = {
		{"javacard.framework", framework, sizeof(framework) / sizeof(framework[0])},
		{"javacard.security", security, sizeof(security) / sizeof(security[0])},
	};

	for (size_t t = 0; t < sizeof(tell) / sizeof(tell[0]); t++)
		for (size_t i = 0; i < cap->nr_imports; i++) {
			const struct gp_cap_import *im = &cap->imports[i];
			const char *name = gp_cap_import_name(&im->aid);

			if (name && !strcmp(name, tell[t].name) && im->major == 1 &&
			    im->minor < tell[t].nr)
				return tell[t].versions[im->minor];
		}
	return NULL;
}
