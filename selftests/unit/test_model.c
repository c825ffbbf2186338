// SPDX-License-Identifier: Apache-2.0
/* The table of objects, the OMA files made from it, answers of cards. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/ber.h"
#include "model/model.h"

static void test_table(void **state)
{
	const struct model_object *o;
	int32_t before = -1;

	(void)state;
	for (size_t i = 0; (o = model_object_at(i)); i++) {
		assert_ptr_equal(model_object(o->id), o);
		assert_true(o->id > before);
		before = o->id;
		for (size_t k = 0; k < o->nr; k++) {
			const struct model_resource *r = &o->resources[k];

			if (k > 0)
				assert_true(r->id > r[-1].id);
			assert_ptr_equal(model_resource(o, r->id), r);
			/* executable and a value exclude each other */
			assert_int_equal(r->type == MODEL_NONE, r->ops == MODEL_E);
			assert_true(r->min <= r->max);
		}
	}
	assert_int_equal(before, MODEL_OBJECT_APP);
	/* numbers that servers know */
	o = model_object(MODEL_OBJECT_SCRIPT);
	assert_int_equal(o->nr, 17);
	assert_string_equal(model_resource(o, 3)->name, "Run");
	assert_string_equal(model_resource(o, 7)->name, "Response Script");
	assert_null(model_resource(o, 17));
	assert_null(model_object(8));
	/* the numbers of enum model_app_resource are those of the table */
	o = model_object(MODEL_OBJECT_APP);
	assert_int_equal(o->nr, MODEL_APP_CLEAR + 1);
	assert_string_equal(model_resource(o, 16)->name, "Install");
	assert_string_equal(model_resource(o, 22)->name, "Operation State");
}

static void check_file(uint16_t id)
{
	char path[128], *made = NULL, *there;
	size_t made_len = 0, n;
	FILE *f = open_memstream(&made, &made_len);
	FILE *g;

	assert_non_null(f);
	assert_int_equal(model_write_xml(f, model_object(id)), 0);
	fclose(f);
	snprintf(path, sizeof(path), "Documentation/objects/%u.xml", id);
	g = fopen(path, "re");
	if (!g)
		fail_msg("%s: %s (run from the top of the tree)", path, strerror(errno));
	there = malloc(made_len + 2);
	n = fread(there, 1, made_len + 2, g);
	fclose(g);
	if (n != made_len || memcmp(made, there, n) != 0)
		fail_msg("%s is old: make it again with semd --dump-objects", path);
	free(there);
	free(made);
}

static void test_files_are_current(void **state)
{
	(void)state;
	for (size_t i = 0; model_object_at(i); i++)
		check_file(model_object_at(i)->id);
}

static void test_ber(void **state)
{
	/* GPCS 2.3.1 style: one-, two- and three-byte tags, long length */
	static const uint8_t good[] = {0x4f, 0x02, 1,	 2, 0x9f, 0x70, 0x01, 7,
				       0xc5, 0x81, 0x01, 9, 0x9f, 0x81, 0x02, 0x00};
	static const struct {
		size_t len;
		uint8_t b[6];
	} bad[] = {
		{1, {0x4f}},
		{2, {0x4f, 0x01}},
		{1, {0x9f}},
		{2, {0x9f, 0x70}},
		{2, {0x4f, 0x80}}, /* indefinite */
		{3, {0x4f, 0x82, 0x01}},
		{6, {0x4f, 0x84, 0, 0, 0, 0}},
		{6, {0x9f, 0x81, 0x81, 0x81, 0x01, 0x00}},
	};
	struct ber_reader r = {good, sizeof(good)};
	struct ber_tlv t;

	(void)state;
	assert_int_equal(ber_next(&r, &t), 1);
	assert_int_equal(t.tag, 0x4f);
	assert_int_equal(t.len, 2);
	assert_int_equal(ber_next(&r, &t), 1);
	assert_int_equal(t.tag, 0x9f70);
	assert_int_equal(t.value[0], 7);
	assert_int_equal(ber_next(&r, &t), 1);
	assert_int_equal(t.tag, 0xc5);
	assert_int_equal(t.size, 4);
	assert_int_equal(ber_next(&r, &t), 1);
	assert_int_equal(t.tag, 0x9f8102);
	assert_int_equal(ber_next(&r, &t), 0);
	assert_int_equal(ber_find(good, sizeof(good), 0xc5, &t), 1);
	assert_int_equal(ber_find(good, sizeof(good), 0xc6, &t), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		/* a copy of its own size, so that reading on is noticed */
		uint8_t *p = malloc(bad[i].len);

		memcpy(p, bad[i].b, bad[i].len);
		r = (struct ber_reader){p, bad[i].len};
		assert_int_equal(ber_next(&r, &t), -EBADMSG);
		free(p);
	}
}

static int take(struct model_se *se, uint8_t ins, uint8_t p1, uint8_t p2, const void *rsp,
		size_t len)
{
	const uint8_t cmd[] = {0x80, ins, p1, p2, 0x00};
	uint8_t *copy = malloc(len + 1);
	int ret;

	memcpy(copy, rsp, len);
	ret = model_se_take(se, cmd, sizeof(cmd), copy, len);
	free(copy);
	return ret;
}

#define TAKE(se, ins, p1, p2, ...)                         \
	({                                                 \
		const uint8_t rsp_[] = {__VA_ARGS__};      \
		take(se, ins, p1, p2, rsp_, sizeof(rsp_)); \
	})

static void test_answers(void **state)
{
	static const uint8_t entry[] = {0xe3, 0x0f, 0x4f, 0x05, 0xa0, 0,    0,	  1,   0x51,
					0x9f, 0x70, 0x01, 0x07, 0xc5, 0x01, 0x9e, 0x00};
	struct model_se se;

	(void)state;
	model_se_init(&se, "se0", "eSE");
	assert_int_equal(se.life_cycle, -1);
	assert_int_equal(se.free_memory, -1);
	/* IIN, CIN */
	assert_int_equal(TAKE(&se, 0xca, 0, 0x42, 0x42, 0x02, 0xaa, 0xbb, 0x90, 0x00), 0);
	assert_int_equal(TAKE(&se, 0xca, 0, 0x45, 0x45, 0x01, 0xcc, 0x90, 0x00), 0);
	assert_int_equal(se.identity_len, 7);
	assert_memory_equal(se.identity, "\x42\x02\xaa\xbb\x45\x01\xcc", 7);
	/* extended card resources: free NVM 0x012345 */
	assert_int_equal(TAKE(&se, 0xca, 0xff, 0x21, 0xff, 0x21, 0x0b, 0x81, 0x01, 0x02, 0x82,
			      0x03, 0x01, 0x23, 0x45, 0x83, 0x01, 0x00, 0x90, 0x00),
			 0);
	assert_int_equal(se.free_memory, 0x012345);
	/* refused: 6982, and nothing changes */
	assert_int_equal(TAKE(&se, 0xf2, 0x80, 0x02, 0x69, 0x82), 0);
	assert_int_equal(se.nr_apps, 0);
	/* GET STATUS of the ISD; 6310 says that more follows */
	assert_int_equal(TAKE(&se, 0xf2, 0x80, 0x02, 0xe3, 0x0e, 0x4f, 0x05, 0xa0, 0, 0, 1,
			      0x51, 0x9f, 0x70, 0x01, 0x0f, 0xc5, 0x01, 0x9e, 0x63, 0x10),
			 0);
	assert_int_equal(se.life_cycle, 15);
	assert_int_equal(se.nr_apps, 1);
	assert_int_equal(se.apps[0].len, 16);
	/* the same cut short, and without an AID */
	assert_int_equal(TAKE(&se, 0xf2, 0x80, 0x02, 0xe3, 0x0f, 0x4f, 0x05, 0xa0, 0, 0, 1,
			      0x51, 0x9f, 0x70, 0x01, 0x07, 0xc5, 0x01, 0x9e, 0x90, 0x00),
			 -EBADMSG);
	assert_int_equal(
		TAKE(&se, 0xf2, 0x40, 0x02, 0xe3, 0x04, 0x9f, 0x70, 0x01, 0x07, 0x90, 0x00),
		-EBADMSG);
	assert_int_equal(se.nr_apps, 1);
	/* the list of applications adds what is missing, and only that */
	assert_int_equal(TAKE(&se, 0xca, 0x2f, 0x00, 0x61, 0x07, 0x4f, 0x05, 0xa0, 0, 0, 1,
			      0x51, 0x61, 0x08, 0x4f, 0x06, 0xa0, 0, 0, 1, 0x51, 0x02, 0x90,
			      0x00),
			 0);
	assert_int_equal(se.nr_apps, 2);
	assert_int_equal(se.apps[1].len, 10);
	assert_memory_equal(se.apps[1].record, "\xe3\x08\x4f\x06\xa0\x00\x00\x01\x51\x02", 10);
	/* the same inside one element */
	model_se_begin(&se);
	assert_int_equal(TAKE(&se, 0xca, 0x2f, 0x00, 0x2f, 0x09, 0x61, 0x07, 0x4f, 0x05, 0xa0,
			      0, 0, 1, 0x51, 0x90, 0x00),
			 0);
	assert_int_equal(se.nr_apps, 1);
	/* two entries in one E3, and the form without TLV: an entry each */
	model_se_begin(&se);
	assert_int_equal(TAKE(&se, 0xf2, 0x40, 0x02, 0xe3, 0x11, 0x4f, 0x05, 0xa0, 0, 0, 1,
			      0x51, 0x9f, 0x70, 0x01, 0x07, 0x4f, 0x05, 0xa0, 0, 0, 1, 0x52,
			      0x63, 0x10),
			 -EBADMSG); /* cut short by one byte */
	assert_int_equal(se.nr_apps, 0);
	assert_int_equal(TAKE(&se, 0xf2, 0x40, 0x02, 0xe3, 0x12, 0x4f, 0x05, 0xa0, 0, 0, 1,
			      0x51, 0x9f, 0x70, 0x01, 0x07, 0x4f, 0x05, 0xa0, 0, 0, 1, 0x52,
			      0x90, 0x00),
			 0);
	assert_int_equal(se.nr_apps, 2);
	assert_int_equal(se.apps[0].len, 13);
	assert_memory_equal(se.apps[0].record,
			    "\xe3\x0b\x4f\x05\xa0\x00\x00\x01\x51\x9f\x70\x01\x07", 13);
	assert_int_equal(se.apps[1].len, 9);
	assert_memory_equal(se.apps[1].record, "\xe3\x07\x4f\x05\xa0\x00\x00\x01\x52", 9);
	assert_int_equal(se.life_cycle, -1);
	assert_int_equal(
		TAKE(&se, 0xf2, 0x80, 0x02, 0x05, 0xa0, 0, 0, 1, 0x53, 0x0f, 0x9e, 0x90, 0x00),
		0);
	assert_int_equal(se.life_cycle, 15);
	assert_int_equal(se.nr_apps, 3);
	assert_memory_equal(se.apps[2].record, "\xe3\x07\x4f\x05\xa0\x00\x00\x01\x53", 9);
	/* no answer, and answers that make no sense */
	assert_int_equal(take(&se, 0xca, 0, 0x42, entry, 0), 0);
	assert_int_equal(TAKE(&se, 0xca, 0, 0x42, 0x90), -EBADMSG);
	assert_int_equal(TAKE(&se, 0xca, 0, 0x42, 0x45, 0x00, 0x90, 0x00), -EBADMSG);
	assert_int_equal(TAKE(&se, 0xca, 0xff, 0x21, 0xff, 0x21, 0x02, 0x82, 0x00, 0x90, 0x00),
			 -EBADMSG);
	assert_int_equal(TAKE(&se, 0xb0, 0, 0, 0x90, 0x00), -EBADMSG);
}

static void test_many_applications(void **state)
{
	uint8_t rsp[4 * (MODEL_SE_APPS_MAX + 1) * 3 + 2];
	struct model_se *se = malloc(sizeof(*se));
	size_t n = 0;

	(void)state;
	model_se_init(se, "se0", "eSE");
	for (unsigned int i = 0; i <= MODEL_SE_APPS_MAX; i++) {
		const uint8_t e[] = {0x61, 0x07, 0x4f, 0x05, 0xa0, 0, 0, 0, (uint8_t)i};

		memcpy(rsp + n, e, sizeof(e));
		n += sizeof(e);
	}
	rsp[n++] = 0x90;
	rsp[n++] = 0x00;
	assert_int_equal(take(se, 0xca, 0x2f, 0x00, rsp, n), -ENOSPC);
	assert_int_equal(se->nr_apps, MODEL_SE_APPS_MAX);
	free(se);
}

static void test_probes(void **state)
{
	size_t n;
	const struct model_probe *p = model_se_probes(&n);

	(void)state;
	assert_true(n > 0);
	for (size_t i = 0; i < n; i++) {
		/* reading only: GET DATA, GET STATUS */
		assert_true(p[i].cmd[1] == 0xca || p[i].cmd[1] == 0xf2);
		assert_true(p[i].len == 5 || p[i].len == 6 + p[i].cmd[4]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_files_are_current),
		cmocka_unit_test(test_ber),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_many_applications),
		cmocka_unit_test(test_probes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
