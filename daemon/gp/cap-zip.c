// SPDX-License-Identifier: Apache-2.0
/*
 * CAP files as archives (JCVM 4.1.3): libzip reads them where they are, the bounds are ours.
 * In memory are the archive's directory, 512 entries at most, and one inflater.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <zip.h>

#include "gp/cap-priv.h"

#define PIECE 4096
#define END_LEN 22		  /* end of central directory record */
#define END_MAX (END_LEN + 65535) /* with its comment */
#define LOCATOR_LEN 20		  /* of ZIP64, right before it */
#define PATH_SHOWN 80 /* of an entry's name in messages; it is the file's to choose */

/* where a component is in the archive */
struct found {
	bool there;
	zip_uint64_t index;
	size_t size;
};

/* the archive, and how far one component of it is unpacked */
struct gp_cap_zip {
	struct gp_source source;
	uint64_t pos; /* libzip's, in the source */
	zip_error_t error;
	zip_t *zip;
	zip_file_t *file; /* NULL: none is open */
	enum gp_cap_tag tag;
	size_t at;
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

/* ---- reading ---------------------------------------------------------------------------- */

static void close_part(struct gp_cap_zip *z)
{
	if (z->file)
		zip_fclose(z->file);
	z->file = NULL;
}

static int open_part(struct gp_cap_zip *z, const struct gp_cap *cap, enum gp_cap_tag tag,
		     struct gp_error *err)
{
	close_part(z);
	z->file = zip_fopen_index(z->zip, cap->parts[tag].at, 0);
	z->tag = tag;
	z->at = 0;
	return z->file ? 0
		       : gp_fail(err, -EBADMSG, "cap-archive", "%s: %s",
				 gp_cap_component_name(tag), zip_strerror(z->zip));
}

/* The next @len bytes of what is open; with the last one libzip checks the CRC. */
static int unpack(struct gp_cap_zip *z, size_t total, uint8_t *p, size_t len,
		  struct gp_error *err)
{
	const char *name = gp_cap_component_name(z->tag);
	zip_int64_t n = 0;
	uint8_t more;

	while (len && (n = zip_fread(z->file, p, len)) > 0) {
		p += n;
		len -= (size_t)n;
		z->at += (size_t)n;
	}
	if (n >= 0 && !len && z->at == total)
		n = zip_fread(z->file, &more, 1);
	else if (n >= 0 && !len)
		return 0;
	if (n < 0 || len)
		return gp_fail(err, -EBADMSG, "cap-archive", "%s: %s", name,
			       n < 0 ? zip_file_strerror(z->file)
				     : "shorter than the archive says");
	return n > 0 ? gp_fail(err, -EBADMSG, "cap-archive", "%s: longer than the archive says",
			       name)
		     : 0;
}

/* On to @at without keeping it. */
static int pass(struct gp_cap_zip *z, size_t total, size_t at, struct gp_error *err)
{
	uint8_t piece[PIECE];
	int r = 0;

	while (z->at < at && !r) {
		size_t n = at - z->at < PIECE ? at - z->at : PIECE;

		r = unpack(z, total, piece, n, err);
	}
	return r;
}

int gp_cap_zip_read(const struct gp_cap *cap, enum gp_cap_tag tag, size_t at, void *p,
		    size_t len, struct gp_error *err)
{
	size_t total = cap->parts[tag].len;
	struct gp_cap_zip *z = cap->zip;
	int r = 0;

	if (at > total || len > total - at)
		return -ERANGE;
	if (!len)
		return 0;
	if (!z->file || z->tag != tag || z->at > at)
		r = open_part(z, cap, tag, err);
	if (!r)
		r = pass(z, total, at, err);
	if (!r)
		r = unpack(z, total, p, len, err);
	/* a place that is not known is none to go on from */
	if (r || z->at == total)
		close_part(z);
	return r;
}

/* ---- the archive --------------------------------------------------------------------------
 */

/* Each component once to its end, so that its size and CRC are what the archive says. */
static int check_all(const struct archive *a, struct gp_cap *cap)
{
	struct gp_cap_zip *z = cap->zip;
	int r = 0;

	for (enum gp_cap_tag tag = GP_CAP_HEADER; tag < GP_CAP_TAGS && !r; tag++) {
		const struct found *f = &a->found[tag];

		if (!f->there)
			continue;
		r = gp_cap_take(cap, tag, f->index, f->size, a->err);
		if (!r && z->file)
			r = pass(z, f->size, f->size, a->err);
		close_part(z);
	}
	return r;
}

static int read_all(struct archive *a, struct gp_cap *cap)
{
	zip_int64_t entries = zip_get_num_entries(a->zip, 0);
	static const char suffix[] = "/javacard/";
	size_t total = 0;
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
	r = check_all(a, cap);
	if (r < 0)
		return r;
	/* com/example/wallet/javacard/Header.cap */
	if (a->dir_len > sizeof(suffix) - 1 &&
	    !memcmp(a->dir + a->dir_len - (sizeof(suffix) - 1), suffix, sizeof(suffix) - 1))
		gp_cap_set_name(cap, a->dir, a->dir_len - (sizeof(suffix) - 1));
	return 0;
}

static uint32_t little(const uint8_t *p, size_t n)
{
	uint32_t v = 0;

	while (n--)
		v = v << 8 | p[n];
	return v;
}

/*
 * libzip reads the whole directory before it tells how many entries it has, and keeps more
 * of each than the file has bytes for it. So whatever may be the end of the directory (APPNOTE
 * 4.3.16), which stands in the last bytes of the file, is looked at first.
 */
static int check_end(const struct gp_source *s, struct gp_error *err)
{
	size_t len = s->len < END_MAX ? (size_t)s->len : END_MAX;
	uint64_t from = s->len - len;
	uint8_t *p = malloc(len);
	int r = p ? gp_source_read(s, from, p, len) : -ENOMEM;

	if (r && r != -ENOMEM)
		r = gp_fail(err, r, "cap-read", "it cannot be read: %s", strerror(-r));
	for (size_t i = 0; !r && i + END_LEN <= len; i++) {
		if (memcmp(p + i, "PK\5\6", 4) != 0)
			continue;
		uint32_t entries = little(p + i + 10, 2), size = little(p + i + 12, 4),
			 at = little(p + i + 16, 4);

		/* ZIP64: for what has more than 65534 entries or 4 GiB */
		if (i >= LOCATOR_LEN && !memcmp(p + i - LOCATOR_LEN, "PK\6\7", 4))
			r = gp_fail(err, -EOPNOTSUPP, "cap-archive",
				    "the archive is in the form for huge ones (ZIP64)");
		else if (entries > GP_CAP_ENTRIES_MAX && (uint64_t)at + size <= from + i)
			r = gp_fail(err, -E2BIG, "cap-too-big",
				    "the archive has %" PRIu32 " entries", entries);
	}
	free(p);
	return r;
}

static zip_int64_t serve_read(struct gp_cap_zip *z, void *p, zip_uint64_t len)
{
	uint64_t left = z->source.len - z->pos, n = len < left ? len : left;
	int r = gp_source_read(&z->source, z->pos, p, (size_t)n);

	if (r) {
		zip_error_set(&z->error, ZIP_ER_READ, -r);
		return -1;
	}
	z->pos += n;
	return (zip_int64_t)n;
}

/* The file as libzip wants it. */
static zip_int64_t serve(void *ctx, void *p, zip_uint64_t len, zip_source_cmd_t what)
{
	struct gp_cap_zip *z = ctx;
	zip_int64_t at;

	switch (what) {
	case ZIP_SOURCE_OPEN:
		z->pos = 0;
		return 0;
	case ZIP_SOURCE_READ:
		return serve_read(z, p, len);
	case ZIP_SOURCE_SEEK:
		at = zip_source_seek_compute_offset(z->pos, z->source.len, p, len, &z->error);
		if (at < 0)
			return -1;
		z->pos = (uint64_t)at;
		return 0;
	case ZIP_SOURCE_TELL:
		return (zip_int64_t)z->pos;
	case ZIP_SOURCE_STAT:
		zip_stat_init(p);
		((zip_stat_t *)p)->valid = ZIP_STAT_SIZE;
		((zip_stat_t *)p)->size = z->source.len;
		return sizeof(zip_stat_t);
	case ZIP_SOURCE_ERROR:
		return zip_error_to_data(&z->error, p, len);
	case ZIP_SOURCE_CLOSE:
	case ZIP_SOURCE_FREE: /* gp_cap_zip_free() */
		return 0;
	case ZIP_SOURCE_SUPPORTS:
		return zip_source_make_command_bitmap(
			ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT,
			ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE, ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL,
			ZIP_SOURCE_SUPPORTS, -1);
	default:
		zip_error_set(&z->error, ZIP_ER_OPNOTSUPP, 0);
		return -1;
	}
}

static int open_archive(struct gp_cap_zip *z, struct gp_error *err)
{
	zip_source_t *source;
	zip_error_t error;
	int r = 0;

	zip_error_init(&error);
	source = zip_source_function_create(serve, z, &error);
	if (source)
		z->zip = zip_open_from_source(source, ZIP_RDONLY, &error);
	if (!z->zip) {
		r = zip_error_code_zip(&error) == ZIP_ER_MEMORY ? -ENOMEM : -EBADMSG;
		gp_fail(err, r, "cap-archive", "the archive is damaged: %s",
			zip_error_strerror(&error));
		zip_source_free(source);
	}
	zip_error_fini(&error);
	return r;
}

int gp_cap_unzip(struct gp_cap *cap, struct gp_error *err)
{
	struct gp_cap_zip *z;
	int r = check_end(&cap->source, err);

	if (r < 0)
		return r;
	cap->zip = z = calloc(1, sizeof(*z));
	if (!z)
		return -ENOMEM;
	z->source = cap->source;
	zip_error_init(&z->error);
	r = open_archive(z, err);
	return r ? r : read_all(&(struct archive){.zip = z->zip, .err = err}, cap);
}

void gp_cap_zip_free(struct gp_cap_zip *z)
{
	if (!z)
		return;
	close_part(z);
	if (z->zip)
		zip_discard(z->zip);
	zip_error_fini(&z->error);
	free(z);
}
