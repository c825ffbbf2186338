// SPDX-License-Identifier: Apache-2.0
/*
 * Packages that stay where they are: sources, what LOAD sends made piece by piece, and plans
 * whose code is left in their text. What comes must be what the whole in memory gives.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <stdio.h>
#include <unistd.h>
#include <zip.h>
#include <openssl/evp.h>

#include <cmocka.h>

#include "gp/code.h"
#include "gp/crypto.h"
#include "gp/loadfile.h"
#include "gp/op-build.h"
#include "gp/plan.h"

#define DIR "a/javacard/"
#define RESOURCE (200 << 10)

/* ---- a package of 200 KiB ---- */

static uint8_t noise(size_t i)
{
	uint32_t x = (uint32_t)i * 2654435761U;

	return (uint8_t)(x >> 24 ^ x >> 11);
}

static const struct {
	const char *name, *hex;
} parts[] = {
	{"Header.cap", "010013DECAFFED0302040001"
		       "09F00102030405060708"},
	{"Import.cap", "04000100"},
	{"Applet.cap", "03000E01"
		       "0AF0010203040506070809"
		       "0001"},
	{"ConstantPool.cap", "0500020000"},
	{"Class.cap", "06000101"},
	{"Method.cap", "070003000102"},
	{"StaticField.cap", "08000A00000000000000000000"},
	{"RefLocation.cap", "09000400000000"},
};

static size_t unhex(const char *hex, uint8_t *out)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		char two[] = {hex[2 * i], hex[2 * i + 1], 0};

		out[i] = (uint8_t)strtoul(two, NULL, 16);
	}
	return n;
}

static void add(zip_t *z, const char *name, const uint8_t *p, size_t len, bool deflate)
{
	zip_source_t *s;
	char path[64];
	zip_int64_t at;
	uint8_t *copy = malloc(len);

	memcpy(copy, p, len);
	snprintf(path, sizeof(path), DIR "%s", name);
	s = zip_source_buffer(z, copy, len, 1);
	assert_non_null(s);
	at = zip_file_add(z, path, s, 0);
	assert_true(at >= 0);
	assert_int_equal(zip_set_file_compression(z, (zip_uint64_t)at,
						  deflate ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0),
			 0);
}

/* sizes as component_size_info of format 2.3 has them */
static size_t directory(uint8_t *out, const size_t *size)
{
	size_t n = 3;

	for (unsigned int tag = 1; tag <= 13; tag++) {
		size_t width = tag == 13 ? 4 : 2;

		for (size_t i = width; i-- > 0;)
			out[n++] = (uint8_t)(size[tag] >> 8 * i);
	}
	memset(out + n, 0, 6); /* static fields */
	n += 6;
	out[n++] = 0; /* imports */
	out[n++] = 1; /* applets */
	out[n++] = 0; /* customs */
	out[0] = 2;
	out[1] = (uint8_t)((n - 3) >> 8);
	out[2] = (uint8_t)(n - 3);
	return n;
}

/* The archive; for free(). */
static uint8_t *package(bool deflate, size_t *len)
{
	uint8_t *big = malloc(RESOURCE + 5), *out, bytes[256];
	zip_source_t *target = zip_source_buffer_create(NULL, 0, 0, NULL);
	size_t size[14] = {0}, n;
	zip_stat_t st;
	zip_t *z;

	assert_true(big && target);
	zip_source_keep(target);
	z = zip_open_from_source(target, ZIP_CREATE | ZIP_TRUNCATE, NULL);
	assert_non_null(z);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		n = unhex(parts[i].hex, bytes);
		size[bytes[0]] = n - 3;
		add(z, parts[i].name, bytes, n, deflate);
	}
	big[0] = 13;
	big[1] = 0;
	big[2] = (uint8_t)(RESOURCE >> 16);
	big[3] = (uint8_t)(RESOURCE >> 8);
	big[4] = (uint8_t)RESOURCE;
	for (size_t i = 0; i < RESOURCE; i++)
		big[5 + i] = i % 3 ? noise(i) : 0;
	size[13] = RESOURCE;
	add(z, "StaticResources.capx", big, RESOURCE + 5, deflate);
	size[2] = directory(bytes, size) - 3;
	n = directory(bytes, size);
	add(z, "Directory.cap", bytes, n, deflate);
	assert_int_equal(zip_close(z), 0);
	assert_int_equal(zip_source_open(target), 0);
	assert_int_equal(zip_source_stat(target, &st), 0);
	out = malloc(st.size);
	assert_int_equal(zip_source_read(target, out, st.size), st.size);
	zip_source_close(target);
	zip_source_free(target);
	free(big);
	*len = (size_t)st.size;
	return out;
}

/* the same bytes, from a file */
static int file_of(const void *p, size_t len)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, len), len);
	return fd;
}

static char *base64(const uint8_t *p, size_t len, size_t *chars)
{
	char *text = malloc((len + 2) / 3 * 4 + 1);

	*chars = (size_t)EVP_EncodeBlock((unsigned char *)text, p, (int)len);
	return text;
}

/* ---- sources ---- */

static void test_source(void **state)
{
	uint8_t want[2000], have[2000];
	size_t len = sizeof(want);

	(void)state;
	for (size_t i = 0; i < len; i++)
		want[i] = noise(i);
	for (size_t cut = 0; cut < 3; cut++, len--) {
		size_t chars;
		char *text = base64(want, len, &chars), *all = malloc(chars + 7);
		struct gp_base64 b = {.at = 7};
		int fd;

		memcpy(all, "prefix:", 7);
		memcpy(all + 7, text, chars);
		fd = file_of(all, chars + 7);
		b.text = gp_source_file(fd, chars + 7);
		struct gp_source s[] = {gp_source_memory(want, len), gp_source_base64(&b, len)};

		for (size_t k = 0; k < 2; k++) {
			for (size_t at = 0; at <= len; at += 97)
				for (size_t n = 0; n <= len - at; n += 1 + n) {
					memset(have, 0xee, sizeof(have));
					assert_int_equal(gp_source_read(&s[k], at, have, n), 0);
					assert_memory_equal(have, want + at, n);
					if (n < sizeof(have))
						assert_int_equal(have[n], 0xee);
				}
			assert_int_equal(gp_source_read(&s[k], len, have, 1), -ERANGE);
			assert_int_equal(gp_source_read(&s[k], 0, have, len + 1), -ERANGE);
			assert_int_equal(gp_source_read(&s[k], UINT64_MAX, have, 2), -ERANGE);
		}
		/* a file that is cut, and one that says something else now */
		assert_int_equal(pwrite(fd, "!", 1, 7 + 100), 1);
		assert_int_equal(gp_source_read(&s[1], 0, have, 75), 0);
		assert_int_equal(gp_source_read(&s[1], 0, have, 76), -EBADMSG);
		assert_int_equal(ftruncate(fd, 500), 0);
		assert_int_equal(gp_source_read(&s[1], 600, have, 1), -ESTALE);
		close(fd);
		free(all);
		free(text);
	}
}

/* ---- what LOAD sends ---- */

static void same_in_any_order(const struct gp_source *s, const uint8_t *want, size_t len)
{
	uint8_t *have = malloc(len);
	uint32_t x = 1;

	assert_int_equal(s->len, len);
	for (size_t at = 0, n; at < len; at += n) {
		n = len - at < 247 ? len - at : 247;
		assert_int_equal(gp_source_read(s, at, have, n), 0);
		assert_memory_equal(have, want + at, n);
	}
	for (unsigned int i = 0; i < 60; i++) {
		size_t at, n;

		x = x * 1103515245U + 12345U;
		at = (x >> 8) % len;
		n = 1 + (x >> 4) % 5000;
		n = n < len - at ? n : len - at;
		assert_int_equal(gp_source_read(s, at, have, n), 0);
		assert_memory_equal(have, want + at, n);
	}
	assert_int_equal(gp_source_read(s, len - 1, have, 2), -ERANGE);
	free(have);
}

static void test_code(void **state)
{
	const struct gp_dap daps[] = {
		{.sd = {{0xf0, 1, 2, 3, 4, 5}, 6}, .sig = {1}, .sig_len = 64},
		{.sd = {{0xf0, 1, 2, 3, 4, 6}, 6}, .sig = {2}, .sig_len = 9}};

	(void)state;
	for (unsigned int deflate = 0; deflate < 2; deflate++)
		for (size_t nr = 0; nr <= 2; nr++) {
			struct gp_error err = {0};
			struct gp_loadfile lf;
			struct gp_source s;
			struct gp_code *c;
			struct gp_cap *cap;
			size_t len, block_len;
			uint8_t *zip = package(deflate, &len), *block, one[32], two[32];
			int fd = file_of(zip, len);

			if (gp_cap_read(zip, len, &cap, &err))
				fail_msg("%s", err.detail);
			assert_int_equal(gp_cap_block(cap, 0, &block, &block_len), 0);
			assert_int_equal(block_len, gp_cap_block_len(cap, 0));
			assert_int_equal(
				gp_loadfile_make(block, block_len, daps, nr, NULL, &lf, &err),
				0);
			s = gp_source_file(fd, len);
			assert_int_equal(gp_code_cap(&c, &s, daps, nr, &err), 0);
			assert_true(gp_aid_equal(&c->cap->package, &cap->package));
			s = gp_code_source(c);
			same_in_any_order(&s, lf.bytes, lf.len);
			assert_int_equal(gp_code_hash(c, 32, one), 0);
			assert_int_equal(
				gp_hash(32, &(struct gp_part){block, block_len}, 1, two), 0);
			assert_memory_equal(one, two, 32);
			assert_int_equal(gp_code_hash(c, 33, one), -EINVAL);
			gp_code_free(c);
			close(fd);

			/* the load file that it makes, as one that somebody sends */
			fd = file_of(lf.bytes, lf.len);
			s = gp_source_file(fd, lf.len);
			assert_int_equal(gp_code_file(&c, &s, &err), 0);
			assert_true(gp_aid_equal(&c->cap->package, &cap->package));
			s = gp_code_source(c);
			same_in_any_order(&s, lf.bytes, lf.len);
			assert_int_equal(gp_code_hash(c, 32, one), 0);
			assert_memory_equal(one, two, 32);
			/* it goes away while it is sent */
			assert_int_equal(ftruncate(fd, 1000), 0);
			assert_int_equal(gp_source_read(&s, 999, one, 2), -ESTALE);
			gp_code_free(c);
			close(fd);
			gp_loadfile_clear(&lf);
			gp_cap_free(cap);
			free(block);
			free(zip);
		}
}

/* Another file under it: the archive's checksums tell, and what cannot be read does. */
static void test_lost(void **state)
{
	struct gp_error err = {0};
	size_t len;
	uint8_t *zip = package(true, &len), buf[4096];
	int fd = file_of(zip, len);
	struct gp_source s = gp_source_file(fd, len);
	struct gp_code *c;
	int r = 0;

	(void)state;
	assert_int_equal(gp_code_cap(&c, &s, NULL, 0, &err), 0);
	s = gp_code_source(c);
	for (size_t i = 0; i < len / 2; i += 64)
		assert_int_equal(pwrite(fd, "\x55", 1, (off_t)(len / 4 + i)), 1);
	for (size_t at = 0; at + sizeof(buf) <= s.len && !r; at += sizeof(buf))
		r = gp_source_read(&s, at, buf, sizeof(buf));
	assert_int_equal(r, -EBADMSG);
	assert_int_equal(ftruncate(fd, (off_t)len / 4), 0);
	assert_true(gp_source_read(&s, s.len - 100, buf, 100) < 0);
	gp_code_free(c);
	close(fd);
	free(zip);
}

/* What says that it has more entries than we look at is refused before they are read. */
static void test_directory(void **state)
{
	struct gp_error err = {0};
	struct gp_cap *cap;
	size_t len, end;
	uint8_t *zip = package(true, &len);
	uint8_t *more = calloc(1, len + 100);

	(void)state;
	end = len - 22;
	assert_memory_equal(zip + end, "PK\5\6", 4);
	memcpy(more, zip, len);
	more[end + 10] = 0x01;
	more[end + 11] = 0x02; /* 513 */
	assert_int_equal(gp_cap_read(more, len, &cap, &err), -E2BIG);
	assert_string_equal(err.detail, "the archive has 513 entries");
	/* another end in its comment */
	memcpy(more, zip, len);
	more[end + 20] = 22;
	memcpy(more + len, zip + end, 22);
	more[len + 10] = 0xff;
	more[len + 11] = 0xff;
	assert_int_equal(gp_cap_read(more, len + 22, &cap, &err), -E2BIG);
	/* ZIP64 */
	memcpy(more, zip, end);
	memcpy(more + end, "PK\6\7", 4);
	memcpy(more + end + 20, zip + end, 22);
	assert_int_equal(gp_cap_read(more, len + 20, &cap, &err), -EOPNOTSUPP);
	assert_non_null(strstr(err.detail, "ZIP64"));
	free(more);
	free(zip);
}

/* ---- plans ---- */

static const char before[] =
	"{ \"version\": 1,\n \"name\": \"a \\\"code\\\":\\\"xAMBAgM=\\\" in a name\",\n"
	" \"sessions\": [ { \"keys\": \"isd\" } ],\n"
	" \"operations\": [ { \"op\": \"load\", \"aid\": \"F000000001\",\n"
	"  \"code\" : \"xAMBAgM=\", \"label\": \"code\" },\n"
	"  { \"op\": \"load\", \"hashAlgorithm\": \"sha256\", \"code\"\n:\t\"";
static const char behind[] = "\" },\n  { \"op\": \"install\", \"selectable\": true } ] }\n";

static char *plan_text(const uint8_t *code, size_t code_len, size_t *len)
{
	size_t chars, at = sizeof(before) - 1;
	char *b = base64(code, code_len, &chars);
	char *text = malloc(at + chars + sizeof(behind));

	memcpy(text, before, at);
	memcpy(text + at, b, chars);
	memcpy(text + at + chars, behind, sizeof(behind));
	*len = at + chars + sizeof(behind) - 1;
	free(b);
	return text;
}

/* SHA-256 of the whole text, as it was made when the whole text was in memory. */
static void digest_of_text(const struct gp_plan *plan, uint8_t digest[32])
{
	sd_json_variant *json = NULL;
	char *text = NULL;

	assert_int_equal(gp_plan_to_json(plan, &json), 0);
	assert_true(sd_json_variant_format(json, 0, &text) >= 0);
	assert_int_equal(gp_hash(32, &(struct gp_part){text, strlen(text)}, 1, digest), 0);
	sd_json_variant_unref(json);
	free(text);
}

static void same_commands(const struct gp_op *a, const struct gp_op *b, uint16_t size)
{
	struct gp_facts facts = {0};
	struct gp_build how = {
		.facts = &facts, .profile = gp_profile_by_name("generic"), .max_data = size};
	struct gp_built one, two;
	struct gp_apdu *x, *y;
	struct gp_error err;

	assert_int_equal(gp_op_build(a, &how, &one, &err), 0);
	assert_int_equal(gp_op_build(b, &how, &two, &err), 0);
	assert_int_equal(one.n, two.n);
	assert_true(one.n > 2);
	/* one forwards, one backwards */
	for (size_t i = 0; i < one.n; i++) {
		assert_int_equal(gp_built_cmd(&one, i, &x, &err), 0);
		for (size_t k = one.n; k-- > i && i % 37 == 0;)
			assert_int_equal(gp_built_cmd(&two, k, &y, &err), 0);
		assert_int_equal(gp_built_cmd(&two, i, &y, &err), 0);
		assert_int_equal(x->len, y->len);
		assert_memory_equal(x->data, y->data, x->len);
		assert_true(x->ins == y->ins && x->p1 == y->p1 && x->p2 == y->p2);
		assert_int_equal(gp_built_kind(&one, i)->ins, i ? GP_INS_LOAD : GP_INS_INSTALL);
		assert_int_equal(x->p1, !i ? GP_INSTALL_LOAD : i + 1 == one.n ? 0x80 : 0);
	}
	gp_built_clear(&one);
	gp_built_clear(&two);
}

static void test_plan(void **state)
{
	struct gp_error err = {0};
	struct gp_plan *open, *parsed;
	uint8_t one[32], two[32];
	size_t zip_len, len;
	uint8_t *zip = package(true, &zip_len);
	char *text = plan_text(zip, zip_len, &len);
	int fd = file_of(text, len);
	struct gp_source s = gp_source_file(fd, len);

	(void)state;
	if (gp_plan_open(&open, &s, &err) || gp_plan_parse(&parsed, text, len, &err))
		fail_msg("%s", err.detail);
	/* nothing of it is in memory */
	for (size_t i = 0; i < 2; i++) {
		assert_null(open->ops[i].code.p);
		assert_non_null(open->ops[i].text);
		assert_non_null(parsed->ops[i].code.p);
	}
	for (unsigned int resolved = 0; resolved < 2; resolved++) {
		assert_int_equal(gp_plan_digest(open, one), 0);
		assert_int_equal(gp_plan_digest(parsed, two), 0);
		assert_memory_equal(one, two, 32);
		digest_of_text(open, two);
		assert_memory_equal(one, two, 32);
		if (!resolved && (gp_plan_resolve(open, NULL, NULL, &err) ||
				  gp_plan_resolve(parsed, NULL, NULL, &err)))
			fail_msg("%s", err.detail);
	}
	assert_int_equal(open->ops[1].hash.len, 32);
	assert_memory_equal(open->ops[1].hash.p, parsed->ops[1].hash.p, 32);
	same_commands(&open->ops[1], &parsed->ops[1], 247);
	same_commands(&open->ops[1], &parsed->ops[1], 60000);
	/* the file is lost while it is sent: said, and nothing is made up */
	struct gp_facts facts = {0};
	struct gp_build how = {
		.facts = &facts, .profile = gp_profile_by_name("generic"), .max_data = 247};
	struct gp_built built;
	struct gp_apdu *cmd;

	assert_int_equal(gp_op_build(&open->ops[1], &how, &built, &err), 0);
	assert_int_equal(gp_built_cmd(&built, 1, &cmd, &err), 0);
	assert_int_equal(ftruncate(fd, 5000), 0);
	assert_true(gp_built_cmd(&built, built.n - 1, &cmd, &err) < 0);
	assert_string_equal(err.code, "code-lost");
	gp_built_clear(&built);
	gp_plan_free(open);
	gp_plan_free(parsed);
	close(fd);
	free(text);
	free(zip);
}

/* What cannot be left in the text is read as ever; nobody names what was left. */
static void test_odd_plans(void **state)
{
#define HEAD                                                                               \
	"{\"version\":1,\"sessions\":[{\"keys\":\"k\"}],\"operations\":[{\"op\":\"load\"," \
	"\"aid\":"                                                                         \
	"\"F000000001\","
	static const struct {
		const char *text;
		int error;
		size_t left;
	} odd[] = {
		{HEAD "\"code\":\"xAMBAgM=\"}]}", 0, 1},
		{HEAD "\"code\":\"xAMB\\u0041gM=\"}]}", 0, 0},
		{HEAD "\"c\\u006fde\":\"xAMBAgM=\"}]}", 0, 0},
		{HEAD "\"code\":\"xAMB AgM=\"}]}", 0, 0},
		{HEAD "\"code\":\"xAMBAgM=\",\"code\":\"xAIBAg==\"}]}", 0, 1},
		{HEAD "\"code\":\"@0\"}]}", -EBADMSG, 0},
		{HEAD "\"c\\u006fde\":\"@0\"},{\"op\":\"load\",\"aid\":\"F000000002\",\"code\":"
		      "\"xAMBAgM=\"}]}",
		 -EBADMSG, 0},
		{HEAD "\"code\":\"xAMBAgM=\"},{\"op\":\"load\",\"aid\":\"F000000002\","
		      "\"c\\u006fde\":\"@0\"}]}",
		 -EBADMSG, 0},
		{HEAD "\"code\":\"xAMBAg=\"}]}", -EBADMSG, 0},
		{HEAD "\"code\":\"=AMBAgM=\"}]}", -EBADMSG, 0},
		{HEAD "\"code\":\"\"}]}", -EINVAL, 0},
		{HEAD "\"code\":7}]}", -EBADMSG, 0},
		{HEAD "\"code\":\"xAMBAgM=", -EBADMSG, 0},
		{HEAD "\"code\":\"xAMBAgM=\\", -EBADMSG, 0},
		{HEAD "\"label\":\"code\",\"code\":\"xAMBAgM=\"}]}", 0, 1},
		{"{\"version\":1,\"code\":\"xAMBAgM=\",\"sessions\":[{\"keys\":\"k\"}],"
		 "\"operations\":[]}",
		 -EBADMSG, 0},
		{"\"code\":\"xAMBAgM=\"", -EBADMSG, 0},
		{"", -EBADMSG, 0},
		{"\"", -EBADMSG, 0},
		{"\\", -EBADMSG, 0},
	};
	struct gp_error err;
	struct gp_source s;

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		struct gp_plan *plan = NULL;
		int r;

		s = gp_source_memory(odd[i].text, strlen(odd[i].text));
		r = gp_plan_open(&plan, &s, &err);
		if (r != odd[i].error)
			fail_msg("%s: %d, not %d: %s", odd[i].text, r, odd[i].error,
				 r ? err.detail : "");
		if (r)
			continue;
		if (!!plan->ops[0].text != odd[i].left)
			fail_msg("%s: left %d", odd[i].text, !!plan->ops[0].text);
		if (gp_plan_resolve(plan, NULL, NULL, &err))
			fail_msg("%s: %s", odd[i].text, err.detail);
		gp_plan_free(plan);
	}
	s = gp_source_memory(NULL, GP_PLAN_TEXT_MAX + 1);
	assert_int_equal(gp_plan_open(&(struct gp_plan *){NULL}, &s, &err), -EMSGSIZE);
	s = gp_source_file(-1, 100);
	assert_int_equal(gp_plan_open(&(struct gp_plan *){NULL}, &s, &err), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_source), cmocka_unit_test(test_code),
		cmocka_unit_test(test_lost),   cmocka_unit_test(test_directory),
		cmocka_unit_test(test_plan),   cmocka_unit_test(test_odd_plans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
