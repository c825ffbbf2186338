// SPDX-License-Identifier: Apache-2.0
/*
 * CAP files. The components are those that selftests/server/cap.py makes, and one of
 * format 2.3 written out by hand; archives are made here, good ones and bombs.
 */
#include "gp_content.h"
#include <errno.h>
#include <zip.h>

#include "gp/cap.h"
#include "gp/loadfile.h"

#define PACKAGE "F0534553414D4501"

/* tag, size and contents, by tag; NULL: the package has none */
struct parts {
	const char *part[GP_CAP_TAGS];
};

/* format 2.1, two applets, two imports */
static struct parts parts_21(void)
{
	return (struct parts){{
		[GP_CAP_HEADER] = "010012DECAFFED010204000108" PACKAGE,
		[GP_CAP_DIRECTORY] =
			"02001F0012001F001900150012000C0018000A000500000000000400000000020200",
		[GP_CAP_IMPORT] = "04001502000107A0000000620101000107A0000000620001",
		[GP_CAP_APPLET] = "0300190209" PACKAGE "01000109" PACKAGE "020001",
		[GP_CAP_CLASS] = "06000C00800300FF00070100000004",
		[GP_CAP_METHOD] = "0700180002307A01207A0000000000000000000000000000000000",
		[GP_CAP_STATIC_FIELD] = "08000A00040000000000040000",
		[GP_CAP_CONSTANT_POOL] = "050012000401000000060000010180030005000000",
		[GP_CAP_REF_LOCATION] = "0900050001020000",
	}};
}

/* where the card wants what */
static const uint8_t order[] = {
	GP_CAP_HEADER,	      GP_CAP_DIRECTORY,	   GP_CAP_IMPORT,	    GP_CAP_APPLET,
	GP_CAP_CLASS,	      GP_CAP_METHOD,	   GP_CAP_STATIC_FIELD,	    GP_CAP_EXPORT,
	GP_CAP_CONSTANT_POOL, GP_CAP_REF_LOCATION, GP_CAP_STATIC_RESOURCES, GP_CAP_DESCRIPTOR,
};

/* 2.2: name in the Header, an Export component, Debug in the Directory */
static struct parts parts_22(void)
{
	struct parts p = parts_21();

	p.part[GP_CAP_HEADER] = "01001EDECAFFED020206000108" PACKAGE "0B736573616D652F74657374";
	p.part[GP_CAP_DIRECTORY] =
		"020021001E0021001900150012000E0018000A0005000700000000000400000000020200";
	p.part[GP_CAP_CLASS] = "06000E000000800300FF00070100000004";
	p.part[GP_CAP_EXPORT] = "0A000701000200010001";
	return p;
}

/* 2.3, compact: no name, Static Resources with a size of four bytes */
static struct parts parts_23(void)
{
	struct parts p = parts_21();

	p.part[GP_CAP_HEADER] = "010013DECAFFED030204000108" PACKAGE "00";
	p.part[GP_CAP_DIRECTORY] = "02002500130025001900150012000C0018000A000500000000000000000"
				   "00C000400000000020200";
	p.part[GP_CAP_STATIC_RESOURCES] = "0D0000000C000100010000000"
					  "4CAFEBABE";
	return p;
}

/* the components as bytes in load order, for free() */
static uint8_t *join(const struct parts *p, size_t *len)
{
	char text[4096] = "";

	for (size_t i = 0; i < sizeof(order); i++)
		if (p->part[order[i]])
			strcat(text, p->part[order[i]]);
	return unhex(text, len);
}

static int read_parts(const struct parts *p, struct gp_cap **cap, struct gp_error *err)
{
	size_t len;
	uint8_t *bytes = join(p, &len);
	int r = gp_cap_read(bytes, len, cap, err);

	test_free(bytes);
	return r;
}

/* ---- archives ---- */

struct entry {
	const char *path;
	const char *hex; /* contents */
	size_t zeroes;	 /* or as many zeroes, behind @hex */
	bool store;	 /* not deflated */
};

static uint8_t *archive(const struct entry *entries, size_t n, size_t *len)
{
	zip_source_t *out = zip_source_buffer_create(NULL, 0, 0, NULL);
	uint8_t *contents[1024], *p;
	zip_stat_t st;
	zip_t *zip;

	assert_non_null(out);
	assert_true(n <= 1024);
	zip_source_keep(out);
	zip = zip_open_from_source(out, ZIP_CREATE | ZIP_TRUNCATE, NULL);
	assert_non_null(zip);
	for (size_t i = 0; i < n; i++) {
		size_t head_len;
		uint8_t *head = unhex(entries[i].hex ? entries[i].hex : "", &head_len);
		zip_source_t *s;
		zip_int64_t at;

		contents[i] = test_calloc(1, head_len + entries[i].zeroes + 1);
		memcpy(contents[i], head, head_len);
		test_free(head);
		s = zip_source_buffer(zip, contents[i], head_len + entries[i].zeroes, 0);
		assert_non_null(s);
		at = zip_file_add(zip, entries[i].path, s, 0);
		assert_true(at >= 0);
		zip_set_file_compression(zip, (zip_uint64_t)at,
					 entries[i].store ? ZIP_CM_STORE : ZIP_CM_DEFLATE, 9);
	}
	assert_int_equal(zip_close(zip), 0);
	for (size_t i = 0; i < n; i++)
		test_free(contents[i]);
	zip_source_open(out);
	assert_int_equal(zip_source_stat(out, &st), 0);
	*len = (size_t)st.size;
	p = test_malloc(*len + 1);
	assert_int_equal(zip_source_read(out, p, *len), (zip_int64_t)*len);
	zip_source_close(out);
	zip_source_free(out);
	return p;
}

#define DIR "sesame/test/javacard/"

/* as converters write it: by tag, with what else is in such archives */
static size_t cap_entries(const struct parts *p, struct entry *e, char (*paths)[64])
{
	size_t n = 0;

	e[n++] = (struct entry){.path = "META-INF/MANIFEST.MF", .hex = "4D616E69"};
	e[n++] = (struct entry){.path = DIR, .store = true};
	for (int tag = GP_CAP_TAGS - 1; tag > 0; tag--) {
		if (!p->part[tag])
			continue;
		snprintf(paths[n], sizeof(paths[n]), DIR "%s.cap%s",
			 gp_cap_component_name((enum gp_cap_tag)tag),
			 tag == GP_CAP_STATIC_RESOURCES ? "x" : "");
		e[n] = (struct entry){
			.path = paths[n], .hex = p->part[tag], .store = n % 2 == 0};
		n++;
	}
	/* Debug and Descriptor are no business of the card */
	e[n++] = (struct entry){.path = DIR "Debug.cap", .hex = "0C000101"};
	e[n++] = (struct entry){.path = "APPLET-INF/applet.xml", .hex = "3C"};
	return n;
}

static int read_entries(const struct entry *e, size_t n, struct gp_cap **cap,
			struct gp_error *err)
{
	size_t len;
	uint8_t *p = archive(e, n, &len);
	int r = gp_cap_read(p, len, cap, err);

	test_free(p);
	return r;
}

/* ---- tests ---- */

static void same_as(const struct gp_cap *cap, const struct parts *p, unsigned int how)
{
	uint8_t *want, *block;
	size_t want_len, len;
	struct parts expect = *p;

	if (!(how & GP_CAP_WITH_DESCRIPTOR))
		expect.part[GP_CAP_DESCRIPTOR] = NULL;
	if (how & GP_CAP_WITHOUT_DIRECTORY)
		expect.part[GP_CAP_DIRECTORY] = NULL;
	want = join(&expect, &want_len);
	assert_int_equal(gp_cap_block(cap, how, &block, &len), 0);
	assert_int_equal(len, want_len);
	assert_memory_equal(block, want, len);
	free(block);
	test_free(want);
}

static void check_contents(const struct gp_cap *cap, uint8_t minor)
{
	struct gp_aid package = aid_of("08" PACKAGE), applet = aid_of("09" PACKAGE "02");

	assert_int_equal(cap->format_major, 2);
	assert_int_equal(cap->format_minor, minor);
	assert_true(gp_aid_equal(&cap->package, &package));
	assert_int_equal(cap->major, 1);
	assert_int_equal(cap->minor, 0);
	assert_int_equal(cap->nr_applets, 2);
	assert_true(gp_aid_equal(&cap->applets[1].aid, &applet));
	assert_int_equal(cap->applets[1].install, 1);
	assert_int_equal(cap->nr_imports, 2);
	assert_string_equal(gp_cap_import_name(&cap->imports[0].aid), "javacard.framework");
	assert_string_equal(gp_cap_import_name(&cap->imports[1].aid), "java.lang");
	assert_int_equal(cap->imports[0].major, 1);
	assert_string_equal(gp_cap_java_card(cap), "2.1.1");
	assert_null(gp_cap_import_name(&package));
}

static void test_forms(void **state)
{
	const struct parts all[] = {parts_21(), parts_22(), parts_23()};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct gp_error err = {0};
		struct entry e[24];
		char paths[24][64];
		struct gp_loadfile lf;
		struct gp_dap dap = {.sd = aid_of(SSD), .sig_len = 16};
		struct gp_cap *cap;
		uint8_t *bytes;
		size_t len;

		if (read_parts(&all[i], &cap, &err))
			fail_msg("2.%zu: %s", i + 1, err.detail);
		assert_int_equal(cap->form, GP_CAP_FORM_IJC);
		check_contents(cap, (uint8_t)(i + 1));
		same_as(cap, &all[i], 0);
		same_as(cap, &all[i], GP_CAP_WITHOUT_DIRECTORY);
		assert_string_equal(cap->name, i == 1 ? "sesame/test" : "");
		assert_int_equal(cap->flags, GP_CAP_APPLETS | (i == 1 ? GP_CAP_EXPORTS : 0));
		gp_cap_free(cap);

		assert_int_equal(read_entries(e, cap_entries(&all[i], e, paths), &cap, &err),
				 0);
		assert_int_equal(cap->form, GP_CAP_FORM_ZIP);
		assert_string_equal(cap->name, "sesame/test");
		check_contents(cap, (uint8_t)(i + 1));
		same_as(cap, &all[i], 0);
		gp_cap_free(cap);

		bytes = join(&all[i], &len);
		assert_int_equal(gp_loadfile_make(bytes, len, &dap, 1, NULL, &lf, &err), 0);
		assert_int_equal(gp_cap_read(lf.bytes, lf.len, &cap, &err), 0);
		assert_int_equal(cap->form, GP_CAP_FORM_BLOCK);
		check_contents(cap, (uint8_t)(i + 1));
		same_as(cap, &all[i], 0);
		gp_cap_free(cap);
		gp_loadfile_clear(&lf);
		test_free(bytes);
	}
}

static void test_block(void **state)
{
	struct parts p = parts_21();
	struct gp_error err = {0};
	struct gp_cap *cap;
	uint8_t *block;
	size_t len;

	(void)state;
	/* the Directory's word for the Descriptor counts when there is one */
	p.part[GP_CAP_DESCRIPTOR] = "0B0003010203";
	assert_int_equal(read_parts(&p, &cap, &err), -EBADMSG);
	assert_non_null(strstr(err.detail, "Descriptor"));
	p.part[GP_CAP_DIRECTORY] =
		"02001F0012001F001900150012000C0018000A000500000003000400000000020200";
	assert_int_equal(read_parts(&p, &cap, &err), 0);
	same_as(cap, &p, 0);
	same_as(cap, &p, GP_CAP_WITH_DESCRIPTOR);
	same_as(cap, &p, GP_CAP_WITH_DESCRIPTOR | GP_CAP_WITHOUT_DIRECTORY);
	assert_int_equal(gp_cap_block(cap, 4, &block, &len), -EINVAL);
	gp_cap_free(cap);
	/* custom components are not for this card; Debug never */
	p.part[GP_CAP_REF_LOCATION] = "0900050001020000"
				      "8100021234"
				      "0C000101";
	assert_int_equal(read_parts(&p, &cap, &err), 0);
	p.part[GP_CAP_REF_LOCATION] = "0900050001020000";
	same_as(cap, &p, GP_CAP_WITH_DESCRIPTOR);
	gp_cap_free(cap);
	gp_cap_free(NULL);
}

static void test_java_card(void **state)
{
	static const struct {
		const char *import; /* one, minor version first */
		const char *want;
	} v[] = {
		{"030107A0000000620101", "2.2.2"}, {"060107A0000000620101", "3.0.5"},
		{"080107A0000000620101", "3.1.0"}, {"070107A0000000620101", NULL},
		{"400107A0000000620101", NULL},	   {"000207A0000000620101", NULL},
		{"050107A0000000620102", "3.0.4"}, {"000107A0000000620102", NULL},
		{"050107A0000000620201", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct parts p = parts_21();
		struct gp_cap *cap;
		char import[64];
		const char *got;

		snprintf(import, sizeof(import), "04000B01%s", v[i].import);
		p.part[GP_CAP_IMPORT] = import;
		p.part[GP_CAP_DIRECTORY] = NULL;
		assert_int_equal(read_parts(&p, &cap, NULL), 0);
		got = gp_cap_java_card(cap);
		if (v[i].want)
			assert_string_equal(got, v[i].want);
		else
			assert_null(got);
		gp_cap_free(cap);
	}
}

static void test_damaged(void **state)
{
	static const struct {
		enum gp_cap_tag tag;
		const char *part; /* takes its place */
		int want;
		const char *words;
	} bad[] = {
		{GP_CAP_HEADER, "010012DECAFFEE010204000108" PACKAGE, -EBADMSG, "DECAFFED"},
		{GP_CAP_HEADER, "010012DECAFFED010304000108" PACKAGE, -EOPNOTSUPP, "3.1"},
		{GP_CAP_HEADER, "010012DECAFFED040204000108" PACKAGE, -EOPNOTSUPP, "2.4"},
		{GP_CAP_HEADER, "010012DECAFFED000204000108" PACKAGE, -EOPNOTSUPP, "2.0"},
		{GP_CAP_HEADER, "010012DECAFFED03020C000108" PACKAGE, -EOPNOTSUPP, "extended"},
		{GP_CAP_HEADER, "010012DECAFFED01020C000108" PACKAGE, -EBADMSG, "flags"},
		{GP_CAP_HEADER, "010012DECAFFED010284000108" PACKAGE, -EBADMSG, "flags"},
		{GP_CAP_HEADER, "010012DECAFFED010200000108" PACKAGE, -EBADMSG, "flags"},
		{GP_CAP_HEADER, "010012DECAFFED010206000108" PACKAGE, -EBADMSG, "Export"},
		{GP_CAP_HEADER, "01000EDECAFFED010204000104F0534553", -EBADMSG, "AID"},
		{GP_CAP_HEADER, "010013DECAFFED010204000108" PACKAGE "00", -EBADMSG, "behind"},
		{GP_CAP_HEADER, "010003DECAFF", -EBADMSG, "DECAFFED"},
		{GP_CAP_HEADER, "010006DECAFFED0102", -EBADMSG, "too soon"},
		{GP_CAP_HEADER, NULL, -EBADMSG, "neither"},
		{GP_CAP_IMPORT, NULL, -EBADMSG, "Import: is missing"},
		{GP_CAP_IMPORT, "04001503000107A0000000620101000107A0000000620001", -EBADMSG,
		 "AID"},
		{GP_CAP_IMPORT, "04000100", -EBADMSG, "another size"},
		{GP_CAP_APPLET, NULL, -EBADMSG, "Applet: is missing"},
		{GP_CAP_APPLET, "03000100", -EBADMSG, "no applets"},
		{GP_CAP_APPLET, "03000D0109" PACKAGE "010001", -EBADMSG, "another size"},
		{GP_CAP_APPLET, "0300190209" PACKAGE "01000109" PACKAGE "010001", -EBADMSG,
		 "twice"},
		{GP_CAP_APPLET, "0300190209" PACKAGE "01000009" PACKAGE "020001", -EBADMSG,
		 "install()"},
		{GP_CAP_APPLET, "0300190209" PACKAGE "01001809" PACKAGE "020001", -EBADMSG,
		 "install()"},
		{GP_CAP_APPLET, "0300190209A1534553414D450101000109" PACKAGE "020001", -EBADMSG,
		 "RID"},
		{GP_CAP_APPLET, "0300190211" PACKAGE "01000109" PACKAGE "020001", -EBADMSG,
		 "AID"},
		{GP_CAP_CLASS, NULL, -EBADMSG, "Class: is missing"},
		{GP_CAP_METHOD, NULL, -EBADMSG, "Method: is missing"},
		{GP_CAP_STATIC_FIELD, NULL, -EBADMSG, "StaticField: is missing"},
		{GP_CAP_CONSTANT_POOL, NULL, -EBADMSG, "ConstantPool: is missing"},
		{GP_CAP_REF_LOCATION, NULL, -EBADMSG, "RefLocation: is missing"},
		{GP_CAP_REF_LOCATION, "0900060001020000", -EBADMSG, "goes beyond"},
		{GP_CAP_REF_LOCATION,
		 "0900050001020000"
		 "0900050001020000",
		 -EBADMSG, "twice"},
		{GP_CAP_REF_LOCATION,
		 "0900050001020000"
		 "000000",
		 -EBADMSG, "tag 00"},
		{GP_CAP_REF_LOCATION,
		 "0900050001020000"
		 "0E0000",
		 -EBADMSG, "tag 0E"},
		{GP_CAP_REF_LOCATION,
		 "0900050001020000"
		 "81",
		 -EBADMSG, "goes beyond"},
		{GP_CAP_REF_LOCATION,
		 "0900050001020000"
		 "0D0000000100",
		 -EBADMSG, "later"},
		{GP_CAP_REF_LOCATION,
		 "0900050001020000"
		 "0D0000",
		 -EBADMSG, "goes beyond"},
		{GP_CAP_REF_LOCATION,
		 "0900050001020000"
		 "0DFFFFFFFF",
		 -EBADMSG, "goes beyond"},
		{GP_CAP_DIRECTORY,
		 "02001F0012001F001900150012000C0019000A000500000000000400000000020200",
		 -EBADMSG, "Method"},
		{GP_CAP_DIRECTORY,
		 "02001F0012001F001900150012000C0018000A000500000000000400000000030200",
		 -EBADMSG, "imports"},
		{GP_CAP_DIRECTORY,
		 "02001F0012001F001900150012000C0018000A000500000000000400000000020100",
		 -EBADMSG, "applets"},
		{GP_CAP_DIRECTORY,
		 "02002000120020001900150012000C0018000A00050000000000040000000002020000",
		 -EBADMSG, "behind"},
		/* one custom component: its tag, then its AID */
		{GP_CAP_DIRECTORY,
		 "02002800120028001900150012000C0018000A0005000000000004000000000202017F000005F"
		 "053455341",
		 -EBADMSG, "tag"},
		{GP_CAP_DIRECTORY,
		 "02002800120028001900150012000C0018000A00050000000000040000000002020180000004F"
		 "053455341",
		 -EBADMSG, "AID"},
		{GP_CAP_DIRECTORY,
		 "02001F0012001F001900150012000C0018000A000500000000000400000000020201",
		 -EBADMSG, "too soon"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct parts p = parts_21();
		struct gp_error err = {0};
		struct gp_cap *cap;
		int r;

		p.part[bad[i].tag] = bad[i].part;
		r = read_parts(&p, &cap, &err);
		if (r != bad[i].want || !strstr(err.detail, bad[i].words))
			fail_msg("%zu: %d, \"%s\"; wanted %d, \"%s\"", i, r, err.detail,
				 bad[i].want, bad[i].words);
		assert_null(cap);
	}
}

/* A prefix is never a package, and no byte that is turned over does harm. */
static void test_cut_and_turned(void **state)
{
	struct parts p = parts_22();
	struct gp_error err;
	struct entry e[24];
	char paths[24][64];
	struct gp_cap *cap;
	uint8_t *bytes;
	size_t len;

	(void)state;
	bytes = join(&p, &len);
	for (size_t n = 0; n < len; n++) {
		assert_int_equal(gp_cap_read(bytes, n, &cap, &err), -EBADMSG);
		assert_true(err.detail[0]);
	}
	test_free(bytes);
	bytes = archive(e, cap_entries(&p, e, paths), &len);
	for (size_t n = 0; n < len; n += 13)
		assert_true(gp_cap_read(bytes, n, &cap, &err) < 0);
	for (size_t n = 0; n < len; n++) {
		bytes[n] ^= 0x40;
		if (!gp_cap_read(bytes, len, &cap, &err))
			gp_cap_free(cap);
		bytes[n] ^= 0x40;
	}
	test_free(bytes);
}

static void test_archives(void **state)
{
	struct parts p = parts_21();
	struct gp_error err = {0};
	struct entry e[600];
	char paths[24][64];
	struct gp_cap *cap;
	size_t n = cap_entries(&p, e, paths), len;
	uint8_t *bytes;

	(void)state;
	/* a second package beside the first, in its own folder or half of it */
	e[n] = (struct entry){.path = "other/javacard/Header.cap",
			      .hex = p.part[GP_CAP_HEADER]};
	assert_int_equal(read_entries(e, n + 1, &cap, &err), -EBADMSG);
	assert_non_null(strstr(err.detail, "more than one package"));
	e[n] = (struct entry){.path = "other/javacard/Export.cap", .hex = "0A000101"};
	assert_int_equal(read_entries(e, n + 1, &cap, &err), -EBADMSG);
	assert_non_null(strstr(err.detail, "another folder"));
	/* what an extended CAP file has */
	e[n] = (struct entry){.path = DIR "Method.capx", .hex = "0700000000"};
	assert_int_equal(read_entries(e, n + 1, &cap, &err), -EOPNOTSUPP);
	assert_string_equal(err.code, "cap-extended");
	/* names that only look like components */
	e[n] = (struct entry){.path = DIR "Header.CAP", .hex = "00"};
	e[n + 1] = (struct entry){.path = DIR "header.cap", .hex = "00"};
	e[n + 2] = (struct entry){.path = DIR "Headers.cap", .hex = "00"};
	e[n + 3] = (struct entry){.path = DIR "Custom.capx", .hex = "00"};
	assert_int_equal(read_entries(e, n + 4, &cap, &err), 0);
	gp_cap_free(cap);
	/* tag and size against name and length */
	e[n - 3].hex = "020012DECAFFED010204000108" PACKAGE;
	assert_string_equal(e[n - 3].path, DIR "Header.cap");
	assert_int_equal(read_entries(e, n, &cap, &err), -EBADMSG);
	assert_non_null(strstr(err.detail, "Header: tag or size"));
	e[n - 3].hex = "010011DECAFFED010204000108" PACKAGE;
	assert_int_equal(read_entries(e, n, &cap, &err), -EBADMSG);
	e[n - 3].hex = "";
	assert_int_equal(read_entries(e, n, &cap, &err), -EBADMSG);
	/* no package at all */
	assert_int_equal(read_entries(e, 2, &cap, &err), -EBADMSG);
	assert_string_equal(err.code, "cap-no-header");
	/* the archive must have a Directory, a block need not */
	p.part[GP_CAP_DIRECTORY] = NULL;
	assert_int_equal(read_entries(e, cap_entries(&p, e, paths), &cap, &err), -EBADMSG);
	assert_non_null(strstr(err.detail, "Directory: is missing"));
	/* not in a folder called javacard: no name to be had */
	p = parts_21();
	n = cap_entries(&p, e, paths);
	for (size_t i = 2; i < n - 2; i++)
		memmove(paths[i], paths[i] + strlen(DIR), strlen(paths[i] + strlen(DIR)) + 1);
	e[n - 2].path = "Debug.cap";
	assert_int_equal(read_entries(e, n, &cap, &err), 0);
	assert_string_equal(cap->name, "");
	gp_cap_free(cap);
	/* the CRC is looked at */
	n = cap_entries(&p, e, paths);
	bytes = archive(e, n, &len);
	for (size_t i = 0; i + 4 < len; i++)
		if (!memcmp(bytes + i, "PK\1\2", 4)) {
			bytes[i + 16] ^= 1;
		}
	assert_int_equal(gp_cap_read(bytes, len, &cap, &err), -EBADMSG);
	test_free(bytes);
	/* encrypted: bit 0 of the flags, there and in front of the data */
	bytes = archive(e, n, &len);
	for (size_t i = 0; i + 30 < len; i++) {
		if (!memcmp(bytes + i, "PK\1\2", 4))
			bytes[i + 8] |= 1;
		if (!memcmp(bytes + i, "PK\3\4", 4))
			bytes[i + 6] |= 1;
	}
	assert_int_equal(gp_cap_read(bytes, len, &cap, &err), -EOPNOTSUPP);
	assert_string_equal(err.code, "cap-encrypted");
	test_free(bytes);
}

static void test_bombs(void **state)
{
	struct parts p = parts_21();
	struct gp_error err = {0};
	struct entry e[600];
	char paths[24][64], many[600][16];
	struct gp_cap *cap;
	size_t n = cap_entries(&p, e, paths), m = n;
	uint8_t *big;

	(void)state;
	/* a component that unpacks to a thousand times its size; one that is too long */
	e[n] = (struct entry){.path = DIR "Export.cap", .hex = "0A", .zeroes = 1 << 20};
	assert_int_equal(read_entries(e, n + 1, &cap, &err), -E2BIG);
	assert_non_null(strstr(err.detail, "times its size"));
	e[n].zeroes = GP_CAP_UNPACKED_MAX;
	e[n].store = true;
	assert_int_equal(read_entries(e, n + 1, &cap, &err), -E2BIG);
	assert_non_null(strstr(err.detail, "would unpack to"));
	/* each within the bound, all together not */
	e[n].zeroes = GP_CAP_UNPACKED_MAX - 100;
	assert_int_equal(read_entries(e, n + 1, &cap, &err), -E2BIG);
	assert_non_null(strstr(err.detail, "the components would"));
	/* what is no component may be as large as it likes: it is not unpacked */
	e[n] = (struct entry){.path = "doc/zeroes", .zeroes = 4 << 20};
	assert_int_equal(read_entries(e, n + 1, &cap, &err), 0);
	gp_cap_free(cap);
	/* entries */
	for (; m <= GP_CAP_ENTRIES_MAX; m++) {
		snprintf(many[m], sizeof(many[m]), "%zu", m);
		e[m] = (struct entry){.path = many[m], .store = true};
	}
	assert_int_equal(read_entries(e, m - 1, &cap, &err), 0);
	gp_cap_free(cap);
	assert_int_equal(read_entries(e, m, &cap, &err), -E2BIG);
	assert_non_null(strstr(err.detail, "entries"));
	/* a file, and components without an archive */
	big = calloc(1, GP_CAP_FILE_MAX + 1);
	assert_non_null(big);
	big[0] = 1;
	assert_int_equal(gp_cap_read(big, GP_CAP_FILE_MAX + 1, &cap, &err), -E2BIG);
	assert_int_equal(gp_cap_read(big, GP_CAP_UNPACKED_MAX + 1, &cap, &err), -E2BIG);
	free(big);
}

static void test_no_cap(void **state)
{
	static const char *const bad[] = {"",	      "50", "504B", "504B0304", "504B0506",
					  "7F454C46", "00", "C400", "E200",	"D303"};
	struct gp_key aes = symmetric_key(GP_KEY_AES, DEFAULT_KEY);
	const struct gp_lfdb_cipher cipher = {&aes, NULL};
	struct gp_loadfile lf;
	struct gp_error err;
	struct gp_cap *cap;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		size_t len;
		uint8_t *p = unhex(bad[i], &len);

		err.code[0] = '\0';
		assert_int_equal(gp_cap_read(p, len, &cap, &err), -EBADMSG);
		assert_true(err.code[0]);
		assert_null(cap);
		test_free(p);
	}
	assert_int_equal(gp_loadfile_make((const uint8_t *)"x", 1, NULL, 0, &cipher, &lf, &err),
			 0);
	/* D4 alone is taken for nothing known; behind a DAP block it is seen */
	assert_int_equal(gp_cap_read(lf.bytes, lf.len, &cap, &err), -EBADMSG);
	gp_loadfile_clear(&lf);
	assert_int_equal(gp_loadfile_make((const uint8_t *)"x", 1,
					  &(struct gp_dap){.sd = aid_of(SSD), .sig_len = 1}, 1,
					  &cipher, &lf, &err),
			 0);
	assert_int_equal(gp_cap_read(lf.bytes, lf.len, &cap, &err), -EOPNOTSUPP);
	assert_string_equal(err.code, "cap-ciphered");
	gp_loadfile_clear(&lf);
	assert_string_equal(gp_cap_component_name(GP_CAP_REF_LOCATION), "RefLocation");
	assert_string_equal(gp_cap_component_name(0), "?");
	assert_string_equal(gp_cap_component_name(GP_CAP_TAGS), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),	       cmocka_unit_test(test_block),
		cmocka_unit_test(test_java_card),      cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_cut_and_turned), cmocka_unit_test(test_archives),
		cmocka_unit_test(test_bombs),	       cmocka_unit_test(test_no_cap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
