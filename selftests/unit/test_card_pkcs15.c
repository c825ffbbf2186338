// SPDX-License-Identifier: Apache-2.0
/*
 * The walk to EF LwM2M_Bootstrap, or EF DM_Bootstrap, and softse's PKCS #15 application, which
 * share no code: plain, with a PIN, and in an SCP03 session (LwM2M core, appendices G and H).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dm/profile.h"
#include "gp/key.h"
#include "lwm2m/bsfile.h"
#include "pkcs15/pkcs15.h"
#include "softse/applet.h"
#include "softse/card.h"

/* 2.23.43.9.1 (LwM2M core, G.3.4) */
#define LWM2M .oid = {(const uint8_t *)"\x67\x2b\x09\x01", 4}, .file = "EF LwM2M_Bootstrap"
#define FILE_LEN 70 /* without the two bytes behind the last object */

struct world {
	struct card card;
	uint8_t rsp[CARD_RAPDU_MAX];
	unsigned int commands, verifies;
	uint8_t answer[CARD_RAPDU_MAX]; /* of the last READ BINARY as it came */
	size_t answer_len;
};

static unsigned int run(struct world *w, const uint8_t *cmd, size_t n, size_t *len)
{
	uint64_t work_us;

	*len = card_execute(&w->card, 1, cmd, n, w->rsp, sizeof(w->rsp), &work_us);
	assert_true(*len >= 2);
	return (unsigned int)(w->rsp[*len - 2] << 8 | w->rsp[*len - 1]);
}

static void power_up(struct world *w, const char *applet)
{
	char err[256];

	memset(w, 0, sizeof(*w));
	card_profile_default(&w->card.profile);
	w->card.profile.no_fsync = true;
	assert_null(applet_profile(&w->card.profile, applet));
	if (card_init(&w->card, err, sizeof(err)))
		fail_msg("%s", err);
}

static uint16_t open_aid(struct world *w, const struct gp_aid *aid)
{
	uint8_t cmd[5 + GP_AID_MAX + 1] = {0x00, 0xa4, 0x04, 0x00, aid->len};
	size_t len;

	memcpy(cmd + 5, aid->bytes, aid->len);
	/* the channel is opened anew: what was selected and verified is gone */
	return (uint16_t)run(w, cmd, aid->len ? 5U + aid->len + 1 : 5, &len);
}

static int pseudo_random(void *ctx, void *out, size_t len)
{
	uint8_t *p = out;

	(void)ctx;
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(0x5a + i);
	return 0;
}

static int walk_only(struct world *w, const struct pkcs15_config *c, struct pkcs15 **ret,
		     char *words)
{
	struct pkcs15_action a;
	struct pkcs15 *p;
	size_t len;
	int r;

	assert_int_equal(pkcs15_new(&p, c), 0);
	*ret = p;
	while ((r = pkcs15_next(p, &a, words)) == 1) {
		assert_true(++w->commands < 100);
		if (a.step == PKCS15_OPEN) {
			pkcs15_opened(p, open_aid(w, &a.aid));
			continue;
		}
		run(w, a.cmd, a.cmd_len, &len);
		if (a.cmd[1] == 0x20 && a.cmd_len > 4)
			w->verifies++;
		if (a.cmd[1] == 0xb0) {
			memcpy(w->answer, w->rsp, len);
			w->answer_len = len;
		}
		pkcs15_answer(p, w->rsp, len);
	}
	return r;
}

static int walk(struct world *w, const struct pkcs15_config *c, struct lwm2m_set *set,
		struct pkcs15 **ret, char *words)
{
	const uint8_t *file;
	size_t len;
	int r = walk_only(w, c, ret, words);

	if (r < 0)
		return r;
	file = pkcs15_file(*ret, &len);
	return lwm2m_bsfile_values(file, len, set, NULL, words);
}

/* What softse has in its file, as Documentation/softse-card.rst says. */
static void check(const struct lwm2m_set *set)
{
	static const char uri[] = "coaps://127.0.0.1:5684";

	assert_true(set->n >= 3);
	assert_int_equal(set->v[0].len, sizeof(uri) - 1);
	assert_memory_equal(set->v[0].p, uri, sizeof(uri) - 1);
	assert_int_equal(set->v[1].path.id[2], 1);
	assert_int_equal(set->v[1].i, 1);
}

static void finish(struct world *w, struct pkcs15 *p, struct lwm2m_set *set)
{
	lwm2m_set_clear(set);
	pkcs15_free(p);
	card_exit(&w->card);
}

static void test_plain(void **state)
{
	struct pkcs15_config c = {LWM2M, .enough = lwm2m_bsfile_size};
	struct world *w = *state;
	struct lwm2m_set set = {0};
	char words[CONTENT_WORDS_MAX];
	struct pkcs15 *p;

	power_up(w, "pkcs15");
	assert_int_equal(walk(w, &c, &set, &p, words), 0);
	check(&set);
	/* no more than the vectors of a modem: OPEN and three times SELECT and READ */
	assert_int_equal(w->commands, 7);
	finish(w, p, &set);
}

static void test_pin(void **state)
{
	static const uint8_t right[] = {'1', '2', '3', '4'}, wrong[] = {'9', '9', '9', '9'};
	struct pkcs15_config none = {LWM2M}, c = {LWM2M, .pin = {wrong, 4}};
	struct world *w = *state;
	struct lwm2m_set set = {0};
	char words[CONTENT_WORDS_MAX];
	struct pkcs15 *p;

	power_up(w, "pkcs15-pin");
	assert_int_equal(walk(w, &none, &set, &p, words), -EACCES);
	assert_false(pkcs15_pin_used(p));
	pkcs15_free(p);
	assert_int_equal(walk(w, &c, &set, &p, words), -EACCES);
	assert_non_null(strstr(words, "2 tries"));
	assert_true(pkcs15_pin_used(p));
	pkcs15_free(p);
	assert_int_equal(walk(w, &c, &set, &p, words), -EACCES);
	pkcs15_free(p);
	assert_int_equal(w->verifies, 2);
	/* the last try is not ours */
	assert_int_equal(walk(w, &c, &set, &p, words), -EACCES);
	assert_non_null(strstr(words, "only one try"));
	assert_false(pkcs15_pin_used(p));
	pkcs15_free(p);
	assert_int_equal(w->verifies, 2);
	card_exit(&w->card);

	power_up(w, "pkcs15-pin");
	c.pin.p = right;
	assert_int_equal(walk(w, &c, &set, &p, words), 0);
	assert_int_equal(w->verifies, 1);
	check(&set);
	finish(w, p, &set);
}

static void test_scp03(void **state)
{
	struct pkcs15_config none = {LWM2M}, c = {LWM2M, .random = pseudo_random};
	struct world *w = *state;
	struct lwm2m_set set = {0};
	struct gp_keyset keys;
	char words[CONTENT_WORDS_MAX];
	struct pkcs15 *p;

	power_up(w, "pkcs15-scp03");
	assert_int_equal(walk(w, &none, &set, &p, words), -EACCES);
	assert_non_null(strstr(words, "secure channel"));
	pkcs15_free(p);
	gp_keyset_default(&keys, GP_KEY_AES);
	c.keys = &keys;
	assert_int_equal(walk(w, &c, &set, &p, words), 0);
	check(&set);
	/* what went over the wire was not the file: ciphertext and a MAC around it */
	assert_true(w->answer_len > FILE_LEN + 8);
	assert_null(memmem(w->answer, w->answer_len, "coaps://", 8));
	finish(w, p, &set);

	/* keys that the card does not have: the card shows it first, nothing is counted */
	power_up(w, "pkcs15-scp03");
	gp_keyset_clear(&keys);
	gp_keyset_default(&keys, GP_KEY_AES);
	assert_int_equal(
		gp_key_set(&keys.enc, GP_KEY_AES, (const uint8_t *)"0123456789abcdef", 16), 0);
	assert_int_equal(
		gp_key_set(&keys.mac, GP_KEY_AES, (const uint8_t *)"0123456789abcdef", 16), 0);
	assert_int_equal(walk(w, &c, &set, &p, words), -EKEYREJECTED);
	gp_keyset_clear(&keys);
	finish(w, p, &set);
}

/* The other object of the same application: by its identifier, and read by the parser of
 * profiles. */
static void test_dm(void **state)
{
	static const uint8_t pin[] = {'1', '2', '3', '4'};
	struct pkcs15_config lwm2m = {LWM2M, .enough = lwm2m_bsfile_size};
	struct pkcs15_config dm = {.oid = {(const uint8_t *)"\x67\x2b\x07\x01", 4},
				   .file = "EF DM_Bootstrap"};
	struct world *w = *state;
	struct dm_profile profile;
	struct lwm2m_set set = {0};
	char words[256], why[256];
	const uint8_t *file;
	struct pkcs15 *p;
	size_t len;

	power_up(w, "pkcs15");
	assert_int_equal(walk_only(w, &dm, &p, words), -ENOENT);
	pkcs15_free(p);
	card_exit(&w->card);

	power_up(w, "pkcs15-dm-pin");
	assert_int_equal(walk_only(w, &dm, &p, words), -EACCES);
	assert_non_null(strstr(words, "EF DM_Bootstrap"));
	pkcs15_free(p);
	dm.pin = (struct gp_bytes){pin, sizeof(pin)};
	assert_int_equal(walk_only(w, &dm, &p, words), 0);
	file = pkcs15_file(p, &len);
	assert_true(len > 2);
	assert_int_equal(dm_profile_parse(file, len - 2, &profile, why), 0);
	assert_int_equal(profile.kind, DM_PROFILE_CP);
	assert_int_equal(profile.n_accounts, 1);
	assert_string_equal(profile.accounts[0].server_id, "softse");
	assert_string_equal(profile.accounts[0].addr, "https://127.0.0.1:8443/dm");
	assert_int_equal(profile.accounts[0].server.secret_len, 6);
	dm_profile_free(&profile);
	pkcs15_free(p);
	card_exit(&w->card);

	power_up(w, "pkcs15-dm");
	assert_int_equal(walk(w, &lwm2m, &set, &p, words), 0);
	check(&set);
	finish(w, p, &set);
}

static void test_none(void **state)
{
	struct pkcs15_config c = {LWM2M};
	struct world *w = *state;
	struct lwm2m_set set = {0};
	char words[CONTENT_WORDS_MAX];
	struct pkcs15 *p;

	power_up(w, "vault");
	assert_int_equal(walk(w, &c, &set, &p, words), -ENOENT);
	finish(w, p, &set);
}

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct world));
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_plain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pin, setup, teardown),
		cmocka_unit_test_setup_teardown(test_scp03, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dm, setup, teardown),
		cmocka_unit_test_setup_teardown(test_none, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
