// SPDX-License-Identifier: Apache-2.0
/* CAP files: which form it is, names, and the block for the card. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "gp/cap-priv.h"
#include "gp/loadfile.h"

#define TAG_FILE 0xc4
#define TAG_DAP 0xe2
#define HEAD_MAX 5 /* tag and size of Static Resources */
#define MEMORY (4 * GP_CAP_LOOKED_MAX + GP_CAP_TAGS * HEAD_MAX)

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

/* These are read; all others are for the card. */
static bool is_looked_at(enum gp_cap_tag tag)
{
	return tag == GP_CAP_HEADER || tag == GP_CAP_DIRECTORY || tag == GP_CAP_APPLET ||
	       tag == GP_CAP_IMPORT;
}

int gp_cap_part_read(const struct gp_cap *cap, enum gp_cap_tag tag, size_t at, void *p,
		     size_t len, struct gp_error *err)
{
	const struct gp_cap_part *part = &cap->parts[tag];
	int r;

	if (cap->form == GP_CAP_FORM_ZIP)
		return gp_cap_zip_read(cap, tag, at, p, len, err);
	if (at > part->len || len > part->len - at)
		return -ERANGE;
	r = gp_source_read(&cap->source, part->at + at, p, len);
	return r ? gp_fail(err, r, "cap-read", "%s cannot be read: %s", names[tag],
			   strerror(-r))
		 : 0;
}

int gp_cap_take(struct gp_cap *cap, enum gp_cap_tag tag, uint64_t at, size_t len,
		struct gp_error *err)
{
	size_t keep = is_looked_at(tag) || len < HEAD_MAX ? len : HEAD_MAX, head, size;
	uint8_t *p = cap->memory + cap->used;
	int r;

	if (keep > GP_CAP_LOOKED_MAX)
		return gp_fail(err, -EBADMSG, "cap-component", "%s: goes on behind its end",
			       names[tag]);
	cap->parts[tag] = (struct gp_cap_part){p, len, at};
	r = gp_cap_part_read(cap, tag, 0, p, keep, err);
	if (r < 0)
		return r;
	cap->used += keep;
	head = gp_cap_head(p, len, &size);
	if (!head || p[0] != tag || size != len - head)
		return gp_fail(err, -EBADMSG, "cap-component",
			       "%s: tag or size at its start is wrong", names[tag]);
	return 0;
}

/* Components one after the other, in any order; custom ones (80 and up) are passed over. */
static int split(struct gp_cap *cap, uint64_t at, uint64_t end, struct gp_error *err)
{
	const uint64_t start = at;
	uint8_t p[HEAD_MAX];
	size_t head, size, n;
	int r = 0;

	if (at == end)
		return gp_fail(err, -EBADMSG, "cap-component", "there is no component in it");
	if (end - at > GP_CAP_UNPACKED_MAX)
		return gp_fail(err, -E2BIG, "cap-too-big", "%" PRIu64 " bytes of components",
			       end - at);
	for (; at < end && !r; at += head + size) {
		n = end - at < HEAD_MAX ? (size_t)(end - at) : HEAD_MAX;
		r = gp_source_read(&cap->source, at, p, n);
		if (r < 0)
			return gp_fail(err, r, "cap-read", "it cannot be read: %s",
				       strerror(-r));
		head = gp_cap_head(p, n, &size);
		if (!head || size > end - at - head)
			return gp_fail(err, -EBADMSG, "cap-component",
				       "%s at byte %" PRIu64 " goes beyond the end",
				       gp_cap_component_name(p[0]), at - start);
		if (at == start && p[0] != GP_CAP_HEADER)
			return gp_fail(err, -EBADMSG, "cap-component",
				       "Header is not the first component");
		if (!p[0] || (p[0] >= GP_CAP_TAGS && p[0] < 0x80))
			return gp_fail(err, -EBADMSG, "cap-component",
				       "byte %" PRIu64 ": no component has tag %02X",
				       at - start, p[0]);
		if (p[0] >= GP_CAP_TAGS)
			continue;
		if (cap->parts[p[0]].p)
			return gp_fail(err, -EBADMSG, "cap-component", "%s comes twice",
				       names[p[0]]);
		r = gp_cap_take(cap, p[0], at, head + size, err);
	}
	return r;
}

static int read_load_file(struct gp_cap *cap, struct gp_error *err)
{
	struct gp_loadfile lf;
	int r = gp_loadfile_look(&cap->source, &lf, NULL, 0, err);

	if (r < 0)
		return r;
	if (lf.ciphered)
		return gp_fail(err, -EOPNOTSUPP, "cap-ciphered",
			       "the load file is ciphered: what is in it cannot be told");
	return split(cap, lf.block, lf.block + lf.block_len, err);
}

static int read_form(struct gp_cap *cap, struct gp_error *err)
{
	size_t len = cap->source.len < 4 ? (size_t)cap->source.len : 4;
	uint8_t p[4];
	int r = gp_source_read(&cap->source, 0, p, len);

	if (r < 0)
		return gp_fail(err, r, "cap-read", "it cannot be read: %s", strerror(-r));
	if (len == 4 && p[0] == 'P' && p[1] == 'K') {
		cap->form = GP_CAP_FORM_ZIP;
		return gp_cap_unzip(cap, err);
	}
	if (len && p[0] == GP_CAP_HEADER) {
		cap->form = GP_CAP_FORM_IJC;
		return split(cap, 0, cap->source.len, err);
	}
	if (len && (p[0] == TAG_FILE || p[0] == TAG_DAP)) {
		cap->form = GP_CAP_FORM_BLOCK;
		return read_load_file(cap, err);
	}
	return gp_fail(err, -EBADMSG, "not-a-cap",
		       "this is no CAP file: neither an archive nor components nor a load "
		       "file");
}

int gp_cap_open(const struct gp_source *source, struct gp_cap **out, struct gp_error *err)
{
	struct gp_cap *cap;
	int r;

	*out = NULL;
	if (source->len > GP_CAP_FILE_MAX)
		return gp_fail(err, -E2BIG, "cap-too-big", "a file of %" PRIu64 " bytes",
			       source->len);
	cap = calloc(1, sizeof(*cap));
	if (cap)
		cap->memory = malloc(MEMORY);
	if (!cap || !cap->memory) {
		gp_cap_free(cap);
		return gp_fail(err, -ENOMEM, "no-memory", "out of memory");
	}
	cap->source = *source;
	r = read_form(cap, err);
	if (!r)
		r = gp_cap_check(cap, err);
	if (r < 0) {
		gp_cap_free(cap);
		return r == -ENOMEM ? gp_fail(err, r, "no-memory", "out of memory") : r;
	}
	*out = cap;
	return 0;
}

int gp_cap_read(const uint8_t *p, size_t len, struct gp_cap **out, struct gp_error *err)
{
	struct gp_source source;
	uint8_t *copy = NULL;
	int r;

	*out = NULL;
	if (len && len <= GP_CAP_FILE_MAX) {
		copy = malloc(len);
		if (!copy)
			return gp_fail(err, -ENOMEM, "no-memory", "out of memory");
		memcpy(copy, p, len);
	}
	source = gp_source_memory(copy, len);
	r = gp_cap_open(&source, out, err);
	if (r < 0)
		free(copy);
	else
		(*out)->file = copy;
	return r;
}

void gp_cap_free(struct gp_cap *cap)
{
	if (!cap)
		return;
	gp_cap_zip_free(cap->zip);
	free(cap->memory);
	free(cap->file);
	free(cap);
}

/* Is this one in the block? */
static bool in_block(const struct gp_cap *cap, unsigned int how, enum gp_cap_tag tag)
{
	return cap->parts[tag].p &&
	       (tag != GP_CAP_DESCRIPTOR || how & GP_CAP_WITH_DESCRIPTOR) &&
	       (tag != GP_CAP_DIRECTORY || !(how & GP_CAP_WITHOUT_DIRECTORY));
}

size_t gp_cap_block_len(const struct gp_cap *cap, unsigned int how)
{
	size_t len = 0;

	if (how & ~(unsigned int)(GP_CAP_WITH_DESCRIPTOR | GP_CAP_WITHOUT_DIRECTORY))
		return 0;
	for (size_t i = 0; i < sizeof(load_order); i++)
		if (in_block(cap, how, load_order[i]))
			len += cap->parts[load_order[i]].len;
	return len;
}

int gp_cap_block_read(const struct gp_cap *cap, unsigned int how, size_t at, void *p,
		      size_t len)
{
	size_t all = gp_cap_block_len(cap, how);
	uint8_t *out = p;
	int r = 0;

	if (!all)
		return -EINVAL;
	if (at > all || len > all - at)
		return -ERANGE;
	for (size_t i = 0; i < sizeof(load_order) && len && !r; i++) {
		enum gp_cap_tag tag = load_order[i];
		size_t n;

		if (!in_block(cap, how, tag))
			continue;
		if (at >= cap->parts[tag].len) {
			at -= cap->parts[tag].len;
			continue;
		}
		n = cap->parts[tag].len - at < len ? cap->parts[tag].len - at : len;
		r = gp_cap_part_read(cap, tag, at, out, n, NULL);
		out += n;
		len -= n;
		at = 0;
	}
	return r;
}

int gp_cap_block(const struct gp_cap *cap, unsigned int how, uint8_t **block, size_t *len)
{
	int r;

	*len = gp_cap_block_len(cap, how);
	if (!*len)
		return -EINVAL;
	*block = malloc(*len);
	if (!*block)
		return -ENOMEM;
	r = gp_cap_block_read(cap, how, 0, *block, *len);
	if (r) {
		free(*block);
		*block = NULL;
	}
	return r;
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
