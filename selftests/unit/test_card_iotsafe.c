// SPDX-License-Identifier: Apache-2.0
/*
 * Operations of keys in softse's IoT SAFE and vault, through the exchanges of job/; what
 * exchanges keep to; references.
 */
#include "unit/keys_world.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "job/job-exchange.h"
#include "job/policy.h"
#include "keys/keyop.h"

/* ---- references ---- */

static void test_seref(void **state)
{
	static const char *const bad[] = {
		"se:",
		"se:se0",
		"se:se0/",
		"se:se0/iotsafe",
		"se:se0/iotsafe/",
		"se:se0/iotsafe/0",
		"se:se0/iotsafe/xy",
		"se:se0/vault/0102",
		"se:se0/pkcs15/01",
		"se:/vault/01",
		"se:a b/vault/01",
		"se:se0/iotsafe/01/02",
		"se:se0/iotsafe/000102030405060708090a0b0c0d0e0f1011121314",
		"se:a123456789012345678901234567890123/vault/01",
		"pkcs11:nonsense",
		"pkcs11:token=a?pin-value=1234"};
	static const char with_module[] = "pkcs11:token=a;object=b?module-path=/tmp/evil.so";
	struct seref r;

	(void)state;
	assert_int_equal(seref_parse(&r, "se:se0/iotsafe/0A0b", 19, false, NULL), 0);
	assert_int_equal(r.kind, SEREF_IOTSAFE);
	assert_string_equal(r.se, "se0");
	assert_int_equal(r.id_len, 2);
	assert_memory_equal(r.id, "\x0a\x0b", 2);
	assert_int_equal(seref_parse(&r, "se:eSE-1_x/vault/ff", 19, false, NULL), 0);
	assert_int_equal(r.kind, SEREF_VAULT);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(seref_parse(&r, bad[i], strlen(bad[i]), true, NULL), -EINVAL);
		assert_int_equal(r.kind, SEREF_NONE);
	}
	assert_int_equal(seref_parse(&r, "se:se0/vault/01\0x", 17, true, NULL), -EINVAL);
	/* key bytes are none */
	assert_int_equal(seref_parse(&r, kw_psk, sizeof(kw_psk), false, NULL), 0);
	assert_int_equal(r.kind, SEREF_NONE);
	assert_int_equal(seref_parse(&r, "se", 2, false, NULL), 0);
	assert_int_equal(r.kind, SEREF_NONE);
	assert_int_equal(seref_parse(&r, "pkcs11:token=a;object=b", 23, false, NULL), 0);
	assert_int_equal(r.kind, SEREF_PKCS11);
	/* a server must not have code loaded */
	assert_int_equal(seref_parse(&r, with_module, strlen(with_module), false, NULL),
			 -EACCES);
	assert_int_equal(seref_parse(&r, with_module, strlen(with_module), true, NULL), 0);
}

/* ---- operations ---- */

static uint8_t out[KEYOP_FILE_MAX];

static struct keyop make(enum keyop_kind kind, const char *ref)
{
	struct keyop op = {.kind = kind, .out = out, .room = sizeof(out)};

	assert_int_equal(seref_parse(&op.ref, ref, strlen(ref), false, NULL), 0);
	return op;
}

static int run(struct keyop *op)
{
	struct job_exchange_params p = {.origin = "daemon:test",
					.timeout_ms = 60000,
					.next = keyop_next,
					.userdata = op};

	assert_int_equal(keyop_target(op, &p), 0);
	return job_exchange_run(store, &p, NULL, NULL);
}

static EVP_PKEY *point_key(const uint8_t *point)
{
	static char group[] = "prime256v1";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
						  (void *)(uintptr_t)point, KEYOP_POINT),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;

	assert_int_equal(EVP_PKEY_fromdata_init(c), 1);
	assert_int_equal(EVP_PKEY_fromdata(c, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
	EVP_PKEY_CTX_free(c);
	return key;
}

static bool verify(EVP_PKEY *key, const uint8_t *hash, size_t hash_len, const uint8_t *raw)
{
	ECDSA_SIG *s = ECDSA_SIG_new();
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key, NULL);
	unsigned char *der = NULL;
	int n, r;

	ECDSA_SIG_set0(s, BN_bin2bn(raw, 32, NULL), BN_bin2bn(raw + 32, 32, NULL));
	n = i2d_ECDSA_SIG(s, &der);
	assert_true(n > 0);
	assert_int_equal(EVP_PKEY_verify_init(c), 1);
	r = EVP_PKEY_verify(c, der, (size_t)n, hash, hash_len);
	OPENSSL_free(der);
	ECDSA_SIG_free(s);
	EVP_PKEY_CTX_free(c);
	return r == 1;
}

/* What OpenSSL makes of the premaster secret, label and seed. */
static void openssl_prf(const uint8_t *psk, size_t psk_len, const char *seed, uint8_t *to,
			size_t len)
{
	uint8_t pre[4 + 2 * KEYOP_PSK_MAX];
	size_t pre_len = keyop_psk_premaster(psk, psk_len, pre);
	static char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, pre, pre_len),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, (void *)(uintptr_t)seed,
						  strlen(seed)),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
	EVP_KDF_CTX *c = EVP_KDF_CTX_new(kdf);

	assert_int_equal(EVP_KDF_derive(c, to, len, params), 1);
	EVP_KDF_CTX_free(c);
	EVP_KDF_free(kdf);
}

static void key_pair(const char *ref)
{
	uint8_t point[KEYOP_POINT], secret[32];
	EVP_PKEY *se, *mine = EVP_EC_gen("P-256");
	struct keyop op = make(KEYOP_PUBLIC, ref);
	EVP_PKEY_CTX *c;
	size_t n = 32;

	assert_int_equal(run(&op), 0);
	assert_int_equal(op.out_len, KEYOP_POINT);
	memcpy(point, out, sizeof(point));
	se = point_key(point);
	for (size_t len = 32; len <= 64; len += 16) {
		op = make(KEYOP_SIGN, ref);
		op.in_len = len;
		memset(op.in, (int)len, len);
		assert_int_equal(run(&op), 0);
		assert_int_equal(op.out_len, KEYOP_SIGNATURE);
		assert_true(verify(se, op.in, len, out));
		op.in[0] ^= 1;
		assert_false(verify(se, op.in, len, out));
	}
	op = make(KEYOP_AGREE, ref);
	op.in_len = KEYOP_POINT;
	assert_int_equal(EVP_PKEY_get_octet_string_param(mine, OSSL_PKEY_PARAM_PUB_KEY, op.in,
							 KEYOP_POINT, NULL),
			 1);
	assert_int_equal(run(&op), 0);
	assert_int_equal(op.out_len, KEYOP_SCALAR);
	c = EVP_PKEY_CTX_new(mine, NULL);
	assert_int_equal(EVP_PKEY_derive_init(c), 1);
	assert_int_equal(EVP_PKEY_derive_set_peer(c, se), 1);
	assert_int_equal(EVP_PKEY_derive(c, secret, &n), 1);
	assert_memory_equal(out, secret, sizeof(secret));
	EVP_PKEY_CTX_free(c);
	EVP_PKEY_free(mine);
	EVP_PKEY_free(se);
	/* a point that is on no curve */
	op = make(KEYOP_AGREE, ref);
	op.in_len = KEYOP_POINT;
	op.in[0] = 0x04;
	assert_int_equal(run(&op), -EIO);
	assert_int_not_equal(op.sw, 0x9000);
}

static void test_key_pairs(void **state)
{
	uint8_t scalar[32];

	(void)state;
	memset(scalar, 0x11, sizeof(scalar));
	kw_slot(7, 0x08 | 0x01, scalar, sizeof(scalar));
	key_pair("se:se0/iotsafe/02");
	key_pair("se:se0/vault/07");
}

static void test_psk(void **state)
{
	static const char seed[] = "master secret and the two randoms of 32 bytes each, about";
	uint8_t pre[4 + 2 * KEYOP_PSK_MAX], want[48], big[KEYOP_PSK_MAX];
	struct keyop op;

	(void)state;
	memset(big, 0x5a, sizeof(big));
	kw_secret(0x20, pre, keyop_psk_premaster(kw_psk, sizeof(kw_psk), pre));
	kw_secret(0x21, pre, keyop_psk_premaster(big, sizeof(big), pre));
	kw_slot(0x20, 0x08 | 0x01, kw_psk, sizeof(kw_psk));
	kw_slot(0x21, 0x08 | 0x01, big, sizeof(big));
	for (int i = 0; i < 4; i++) {
		op = make(KEYOP_PRF, i == 0   ? "se:se0/iotsafe/20"
				     : i == 1 ? "se:se0/iotsafe/21"
				     : i == 2 ? "se:se0/vault/20"
					      : "se:se0/vault/21");
		op.want = sizeof(want);
		op.in_len = strlen(seed);
		memcpy(op.in, seed, op.in_len);
		assert_int_equal(run(&op), 0);
		assert_int_equal(op.out_len, sizeof(want));
		openssl_prf(i % 2 ? big : kw_psk, i % 2 ? sizeof(big) : sizeof(kw_psk), seed,
			    want, sizeof(want));
		assert_memory_equal(out, want, sizeof(want));
	}
}

static void test_files(void **state)
{
	static uint8_t file[5000];
	struct keyop op;

	(void)state;
	for (size_t i = 0; i < sizeof(file); i++)
		file[i] = (uint8_t)(i * 7);
	kw_file(0x30, file, sizeof(file));
	kw_file(0x31, file, 255);
	kw_slot(0x30, 0x01 | 0x10, file, 200);
	kw_slot(0x31, 0x02, file, 20);
	op = make(KEYOP_READ, "se:se0/iotsafe/30");
	assert_int_equal(run(&op), 0);
	assert_int_equal(op.out_len, sizeof(file));
	assert_memory_equal(out, file, sizeof(file));
	op = make(KEYOP_READ, "se:se0/iotsafe/31");
	assert_int_equal(run(&op), 0);
	assert_int_equal(op.out_len, 255);
	op = make(KEYOP_READ, "se:se0/iotsafe/30");
	op.room = sizeof(file) - 1;
	assert_int_equal(run(&op), -EMSGSIZE);
	op = make(KEYOP_READ, "se:se0/vault/30");
	assert_int_equal(run(&op), 0);
	assert_int_equal(op.out_len, 200);
	assert_memory_equal(out, file, 200);
	/* under the PIN; a key; not there; no private key */
	op = make(KEYOP_READ, "se:se0/vault/31");
	assert_int_equal(run(&op), -EACCES);
	op = make(KEYOP_READ, "se:se0/vault/20");
	assert_int_equal(run(&op), -EACCES);
	op = make(KEYOP_READ, "se:se0/vault/99");
	assert_int_equal(run(&op), -ENOENT);
	op = make(KEYOP_READ, "se:se0/iotsafe/7777");
	assert_int_equal(run(&op), -ENOENT);
	op = make(KEYOP_PUBLIC, "se:se0/vault/30");
	assert_int_equal(run(&op), -EACCES);
	op = make(KEYOP_PUBLIC, "se:se0/vault/20");
	assert_int_equal(run(&op), -EACCES);
	/* input that no operation has */
	op = make(KEYOP_SIGN, "se:se0/vault/07");
	op.in_len = 33;
	assert_int_equal(keyop_target(&op, &(struct job_exchange_params){0}), -EINVAL);
}

/* ---- exchanges ---- */

struct talk {
	uint8_t cmd[16];
	size_t len;
	unsigned int times, asked, told;
	int over, error;
	uint16_t sw, outcome;
};

static int talk_next(void *userdata, const struct job_exchange_answer *a, uint8_t *cmd,
		     size_t room)
{
	struct talk *t = userdata;

	assert_true(room >= sizeof(t->cmd));
	assert_int_equal(a->index, t->asked);
	t->sw = a->sw;
	if (t->asked == t->times)
		return 0;
	t->asked++;
	memcpy(cmd, t->cmd, t->len);
	return (int)t->len;
}

static void talk_done(void *userdata, int error, uint16_t outcome)
{
	struct talk *t = userdata;

	t->told++;
	t->over = 1;
	t->error = error;
	t->outcome = outcome;
}

static const struct se_filter_rule random_rule = {
	.cla = 0x80, .cla_mask = 0xff, .ins = 0x84, .ins_mask = 0xff};

static struct job_exchange_params talk_params(struct talk *t)
{
	struct job_exchange_params p = {
		.origin = "daemon:test",
		.se = "se0",
		.rules = &random_rule,
		.nr_rules = 1,
		.timeout_ms = 60000,
		.next = talk_next,
		.done = talk_done,
		.userdata = t,
	};

	memset(t, 0, sizeof(*t));
	memcpy(t->cmd, "\x80\x84\x00\x00\x08", 5);
	t->len = 5;
	t->times = 3;
	memcpy(p.aid, kw_iotsafe, sizeof(kw_iotsafe));
	p.aid_len = sizeof(kw_iotsafe);
	return p;
}

static void test_exchange(void **state)
{
	struct job_exchange_params p;
	struct job_exchange *x;
	struct job_error e;
	unsigned int before;
	struct talk t;

	(void)state;
	p = talk_params(&t);
	assert_int_equal(job_exchange_start(store, &p, &x, &e), 0);
	assert_false(t.told); /* in the loop only */
	assert_true(kw_until(&t.over));
	assert_int_equal(t.error, 0);
	assert_int_equal(t.asked, 3);
	assert_int_equal(t.sw, 0x9000);
	assert_int_equal(t.told, 1);

	/* a command that it must not send is not sent */
	p = talk_params(&t);
	memcpy(t.cmd, "\x80\xb9\x00\x00\x08", 5);
	before = atomic_load(&cs.apdus);
	assert_int_equal(job_exchange_run(store, &p, &t.outcome, &e), -EACCES);
	assert_int_equal(t.outcome, SE_OUTCOME_NOT_SENT);
	p = talk_params(&t);
	memcpy(t.cmd, "\x81\x84\x00\x00\x08", 5); /* a channel that is not its own */
	assert_int_equal(job_exchange_run(store, &p, NULL, &e), -EACCES);
	assert_int_equal(atomic_load(&cs.apdus), before);

	/* errors before there is a channel */
	p = talk_params(&t);
	p.aid[2] = 0x77;
	assert_int_equal(job_exchange_run(store, &p, NULL, &e), -ENOENT);
	p = talk_params(&t);
	p.se = "se9";
	assert_int_equal(job_exchange_start(store, &p, &x, &e), -ENODEV);
	assert_string_equal(e.code, "no-such-se");
	p = talk_params(&t);
	p.nr_rules = 0;
	assert_int_equal(job_exchange_start(store, &p, &x, &e), -EINVAL);
	p = talk_params(&t);
	p.in_worker = true;
	assert_int_equal(job_exchange_start(store, &p, &x, &e), -EINVAL);
	assert_false(t.told);
}

static void test_cancel(void **state)
{
	struct job_exchange_params p;
	struct job_exchange *x;
	struct job_error e;
	struct talk t, after;

	(void)state;
	/* while a command is on its way */
	cs_hold(0x84);
	p = talk_params(&t);
	t.times = 50;
	assert_int_equal(job_exchange_start(store, &p, &x, &e), 0);
	assert_true(cs_held());
	job_exchange_cancel(x);
	memset(&t, 0xee, sizeof(t)); /* nobody looks at it any more */
	/* a time that passes while it waits for another, and on its way */
	p = talk_params(&after);
	p.timeout_ms = 1;
	assert_int_equal(job_exchange_run(store, &p, NULL, &e), -ETIMEDOUT);
	cs_go();
	cs_hold(0x84);
	p = talk_params(&after);
	p.timeout_ms = 200;
	after.times = 50;
	assert_int_equal(job_exchange_run(store, &p, NULL, &e), -ETIMEDOUT);
	assert_true(after.asked < 2);
	cs_go();
	p = talk_params(&after);
	assert_int_equal(job_exchange_run(store, &p, NULL, &e), 0);
	assert_int_equal(after.asked, 3);
}

static void test_policy(void **state)
{
	struct policy_text text = {
		.origin = "daemon:*",
		.keysets = "",
		.aids = "A0000005590010",
		.operations = "",
		.instructions = "",
		.rate = "",
	};
	struct job_policy policies[2];
	struct job_exchange_params p;
	char why[256] = "";
	struct job_error e;
	struct talk t;

	(void)state;
	/* one that is not about it forbids nothing */
	assert_int_equal(policy_read(&policies[0], "keys", &text, why, sizeof(why)), 0);
	text.origin = "lwm2m:*";
	assert_int_equal(policy_read(&policies[1], "servers", &text, why, sizeof(why)), 0);
	assert_int_equal(job_set_policies(store, &policies[1], 1), 0);
	p = talk_params(&t);
	assert_int_equal(job_exchange_run(store, &p, NULL, &e), 0);
	assert_int_equal(job_set_policies(store, policies, 2), 0);
	p = talk_params(&t);
	assert_int_equal(job_exchange_run(store, &p, NULL, &e), 0);
	p = talk_params(&t);
	p.aid_len = 0;
	assert_int_equal(job_exchange_run(store, &p, NULL, &e), -EACCES);
	text.origin = "daemon:*";
	text.instructions = "80CA";
	assert_int_equal(policy_read(&policies[0], "keys", &text, why, sizeof(why)), 0);
	assert_int_equal(job_set_policies(store, policies, 1), 0);
	p = talk_params(&t);
	assert_int_equal(job_exchange_run(store, &p, NULL, &e), -EACCES);
	assert_int_equal(job_set_policies(store, NULL, 0), 0);
}

/* Four threads and a script at once: each gets its own answers, the script its own channel. */
static void *many(void *arg)
{
	struct talk t;
	struct job_exchange_params p = talk_params(&t);

	for (int i = 0; i < 25; i++) {
		p = talk_params(&t);
		if (job_exchange_run(store, &p, NULL, NULL) || t.asked != 3)
			*(int *)arg = -1;
	}
	return NULL;
}

static void test_beside_a_job(void **state)
{
	static const uint8_t head[] = {0xaa, 0x82};
	uint8_t script[4 + 60 * 7];
	struct job_params params = {.se = "se0"};
	struct job_info i = {0};
	struct job_error e;
	pthread_t threads[4];
	int bad = 0, ended = 0;
	uint64_t id;
	size_t n = 4;

	(void)state;
	memcpy(params.aid, kw_vault, sizeof(kw_vault));
	params.aid_len = sizeof(kw_vault);
	/* COUNTER RAISE of counter 1, sixty times: how often it ran can be seen */
	for (int k = 0; k < 60; k++, n += 7)
		memcpy(script + n, "\x22\x05\x80\x32\x00\x01\x00", 7);
	memcpy(script, head, 2);
	script[2] = (uint8_t)((n - 4) >> 8);
	script[3] = (uint8_t)(n - 4);
	assert_int_equal(job_create(store, "control:0", JOB_SLOT_NONE, &id, &e), 0);
	assert_int_equal(job_set(store, id, &params, &e), 0);
	assert_int_equal(job_script_write(store, id, 0, script, n, &e), 0);
	if (job_script_end(store, id, &e) || job_run(store, id, &e))
		fail_msg("%s: %s", e.code, e.detail);
	for (int k = 0; k < 4; k++)
		assert_int_equal(pthread_create(&threads[k], NULL, many, &bad), 0);
	for (int k = 0; k < 4; k++)
		pthread_join(threads[k], NULL);
	assert_int_equal(bad, 0);
	for (int k = 0; k < 6000 && !ended; k++) {
		assert_int_equal(job_get(store, id, &i), 0);
		ended = i.state > JOB_RUNNING;
		usleep(10000);
	}
	assert_int_equal(i.state, JOB_DONE);
	assert_int_equal(i.executed, 60);
}

/* The SE goes below one: it is told so. */
static void test_gone(void **state)
{
	struct job_exchange_params p;
	struct job_exchange *x;
	struct job_error e;
	struct talk t[3];

	(void)state;
	atomic_store(&cs.slow_us, 20000);
	for (int i = 0; i < 3; i++) {
		p = talk_params(&t[i]);
		t[i].times = 20;
		assert_int_equal(job_exchange_start(store, &p, &x, &e), 0);
	}
	assert_int_equal(job_se_remove(store, "se0"), 0);
	for (int i = 0; i < 3; i++)
		assert_true(kw_until(&t[i].over));
	assert_int_equal(t[2].error, -ENODEV);
	assert_int_equal(t[2].asked, 0);
	atomic_store(&cs.slow_us, 0);
	/* and one whose end nobody comes to hear */
	assert_int_equal(job_se_add(store, "se0", cs.open, "eSE"), 0);
	p = talk_params(&t[0]);
	assert_int_equal(job_exchange_start(store, &p, &x, &e), 0);
	job_store_close(store);
	assert_int_equal(t[0].told, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seref),	 cmocka_unit_test(test_key_pairs),
		cmocka_unit_test(test_psk),	 cmocka_unit_test(test_files),
		cmocka_unit_test(test_exchange), cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_policy),	 cmocka_unit_test(test_beside_a_job),
		cmocka_unit_test(test_gone),
	};
	int r;

	if (cs_start(1U << IOT_SAFE | 1U << VAULT))
		return 1;
	kw_open();
	r = cmocka_run_group_tests_name("card-iotsafe", tests, NULL, NULL);
	return cs_stop() ? 1 : r;
}
