// SPDX-License-Identifier: Apache-2.0
/* CAP files as archives (JCVM 4.1.3): libzip reads them, the bounds are ours. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <zip.h>

#include "gp/cap-priv.h"

#define PATH_SHOWN 80 /* of an entry's name in messages; it is the file's to choose */

/* where a component is in the archive */
struct found {
	bool there;
	zip_uint64_t index;
	size_t size;
};

struct archive {
	zip_t *zip;
	struct found found[GP_CAP_TAGS];
	const char *dir; /* of the components; libzip's memory, lives with the archive */
	size_t dir_len;
	struct gp_error *err;
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/*
 * Which component an entry is, 0: none. With format 2.3 those whose size has four bytes
 * are called .capx (JCVM 3.1, 6.1): Static Resources always, some others in the extended
 * format only.
 */
static int component_of(const struct archive *a, const char *path, enum gp_cap_tag *tag)
{
	const char *base = base_name(path), *dot = strrchr(base, '.');
	bool wide;

	*tag = 0;
	if (!dot || (strcmp(dot, ".cap") && strcmp(dot, ".capx")))
		return 0;
	wide = dot[4] == 'x';
	*tag = gp_cap_tag_by_name(base, (size_t)(dot - base));
	if (*tag == GP_CAP_DEBUG)
		*tag = 0; /* never goes to a card */
	if (!*tag || !wide || *tag == GP_CAP_STATIC_RESOURCES)
		return 0;
	return gp_fail(a->err, -EOPNOTSUPP, "cap-extended",
		       "this is an extended CAP file (%.*s): it has to be converted in "
		       "compact format",
		       PATH_SHOWN, base);
}

static int check_entry(struct archive *a, const zip_stat_t *st, enum gp_cap_tag tag)
{
	const char *name = gp_cap_component_name(tag);
	const zip_uint64_t need =
		ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;

	if ((st->valid & need) != need)
		return gp_fail(a->err, -EBADMSG, "cap-archive",
			       "the archive does not say how long %s is", name);
	if (st->valid & ZIP_STAT_ENCRYPTION_METHOD && st->encryption_method != ZIP_EM_NONE)
		return gp_fail(a->err, -EOPNOTSUPP, "cap-encrypted",
			       "%s is encrypted in the archive", name);
	if (st->comp_method != ZIP_CM_STORE && st->comp_method != ZIP_CM_DEFLATE)
		return gp_fail(a->err, -EOPNOTSUPP, "cap-archive",
			       "%s is packed by method %u; Java archives have 0 or 8", name,
			       st->comp_method);
	if (st->size > GP_CAP_UNPACKED_MAX)
		return gp_fail(a->err, -E2BIG, "cap-too-big",
			       "%s would unpack to %" PRIu64 " bytes", name, st->size);
	/* + 64: a few bytes pack to almost nothing */
	if (st->size > GP_CAP_RATIO_MAX * (st->comp_size + 64))
		return gp_fail(a->err, -E2BIG, "cap-too-big",
			       "%s would unpack to %" PRIu64 " times its size", name,
			       st->size / (st->comp_size ? st->comp_size : 1));
	return 0;
}

static int look_at(struct archive *a, zip_uint64_t index)
{
	enum gp_cap_tag tag;
	zip_stat_t st;
	size_t dir_len;
	int r;

	zip_stat_init(&st);
	if (zip_stat_index(a->zip, index, 0, &st) || !(st.valid & ZIP_STAT_NAME))
		return gp_fail(a->err, -EBADMSG, "cap-archive", "entry %" PRIu64 ": %s", index,
			       zip_strerror(a->zip));
	r = component_of(a, st.name, &tag);
	if (r < 0 || !tag)
		return r;
	r = check_entry(a, &st, tag);
	if (r < 0)
		return r;
	if (a->found[tag].there)
		return gp_fail(a->err, -EBADMSG, "cap-archive",
			       "two %s components: there is more than one package in it",
			       gp_cap_component_name(tag));
	dir_len = (size_t)(base_name(st.name) - st.name);
	if (!a->dir) {
		a->dir = st.name;
		a->dir_len = dir_len;
	} else if (dir_len != a->dir_len || memcmp(a->dir, st.name, dir_len)) {
		return gp_fail(a->err, -EBADMSG, "cap-archive",
			       "%s is in another folder than the components before it",
			       gp_cap_component_name(tag));
	}
	a->found[tag] = (struct found){true, index, (size_t)st.size};
	return 0;
}

/* Reads one component to its end, so that libzip checks the CRC. */
static int unpack(struct archive *a, enum gp_cap_tag tag, uint8_t *to)
{
	const struct found *f = &a->found[tag];
	const char *name = gp_cap_component_name(tag);
	zip_file_t *file = zip_fopen_index(a->zip, f->index, 0);
	size_t have = 0, head, size;
	zip_int64_t n = 0;
	uint8_t more;
	int r = 0;

	if (!file)
		return gp_fail(a->err, -EBADMSG, "cap-archive", "%s: %s", name,
			       zip_strerror(a->zip));
	while (have < f->size && (n = zip_fread(file, to + have, f->size - have)) > 0)
		have += (size_t)n;
	if (n >= 0)
		n = zip_fread(file, &more, 1);
	if (n < 0 || have != f->size)
		r = gp_fail(a->err, -EBADMSG, "cap-archive", "%s: %s", name,
			    n < 0 ? zip_file_strerror(file) : "shorter than the archive says");
	else if (n > 0)
		r = gp_fail(a->err, -EBADMSG, "cap-archive", "%s: longer than the archive says",
			    name);
	zip_fclose(file);
	if (r < 0)
		return r;
	head = gp_cap_head(to, have, &size);
	if (!head || to[0] != tag || size != have - head)
		return gp_fail(a->err, -EBADMSG, "cap-component",
			       "%s: tag or size at its start is wrong", name);
	return 0;
}

static int read_all(struct archive *a, struct gp_cap *cap)
{
	zip_int64_t entries = zip_get_num_entries(a->zip, 0);
	static const char suffix[] = "/javacard/";
	size_t total = 0, at = 0;
	int r;

	if (entries > GP_CAP_ENTRIES_MAX)
		return gp_fail(a->err, -E2BIG, "cap-too-big",
			       "the archive has %" PRId64 " entries", entries);
	for (zip_int64_t i = 0; i < entries; i++) {
		r = look_at(a, (zip_uint64_t)i);
		if (r < 0)
			return r;
	}
	for (enum gp_cap_tag tag = GP_CAP_HEADER; tag < GP_CAP_TAGS; tag++)
		total += a->found[tag].size;
	if (!a->found[GP_CAP_HEADER].there)
		return gp_fail(a->err, -EBADMSG, "cap-no-header",
			       "there is no Header.cap in the archive: this is no CAP file");
	if (total > GP_CAP_UNPACKED_MAX)
		return gp_fail(a->err, -E2BIG, "cap-too-big",
			       "the components would unpack to %zu bytes", total);
	cap->memory = malloc(total);
	if (!cap->memory)
		return -ENOMEM;
	for (enum gp_cap_tag tag = GP_CAP_HEADER; tag < GP_CAP_TAGS; tag++) {
		if (!a->found[tag].there)
			continue;
		r = unpack(a, tag, cap->memory + at);
		if (r < 0)
			return r;
		cap->parts[tag] = (struct gp_cap_part){cap->memory + at, a->found[tag].size};
		at += a->found[tag].size;
	}
	/* com/example/wallet/javacard/Header.cap */
	if (a->dir_len > sizeof(suffix) - 1 &&
	    !memcmp(a->dir + a->dir_len - (sizeof(suffix) - 1), suffix, sizeof(suffix) - 1))
		gp_cap_set_name(cap, a->dir, a->dir_len - (sizeof(suffix) - 1));
	return 0;
}

int gp_cap_unzip(const uint8_t *p, size_t len, struct gp_cap *cap, struct gp_error *err)
{
	struct archive a = {.err = err};
	zip_source_t *source;
	zip_error_t error;
	int r;

	zip_error_init(&error);
	source = zip_source_buffer_create(p, len, 0, &error);
	if (!source) {
		zip_error_fini(&error);
		return -ENOMEM;
	}
	a.zip = zip_open_from_source(source, ZIP_RDONLY, &error);
	if (!a.zip) {
		r = zip_error_code_zip(&error) == ZIP_ER_MEMORY ? -ENOMEM : -EBADMSG;
		gp_fail(err, r, "cap-archive", "the archive is damaged: %s",
			zip_error_strerror(&error));
		zip_source_free(source);
		zip_error_fini(&error);
		return r;
	}
	r = read_all(&a, cap);
	zip_discard(a.zip);
	zip_error_fini(&error);
	return r;
}
