// SPDX-License-Identifier: Apache-2.0
/*
 * DTLS and TLS with keys that stay in softse: credentials by reference, through the transports
 * of coap/, to OpenSSL's own server in the same process; whoever it is told to trust is
 * what the SE can prove to be.
 */
#include "unit/keys_tls.h"

static void test_x509(void **state)
{
	struct near n;

	(void)state;
	for (int i = 0; i < 4; i++) {
		assert_int_equal(load(&n, KEYS_CRED_X509, "se:se0/iotsafe/40", NULL, 0,
				      "se:se0/iotsafe/02"),
				 0);
		assert_true(n.cred.async);
		associate(&n, i / 2 ? COAP_TRANSPORT_TLS : COAP_TRANSPORT_DTLS, COAP_AUTH_X509,
			  i % 2);
		assert_int_equal(cs.seen[0x2b], 1); /* one signature, in the SE */
	}
	/* what we trust is in the SE too */
	assert_int_equal(load(&n, KEYS_CRED_X509, "se:se0/iotsafe/40", "se:se0/iotsafe/41", 17,
			      "se:se0/iotsafe/02"),
			 0);
	associate(&n, COAP_TRANSPORT_DTLS, COAP_AUTH_X509, true);
}

static void test_rpk(void **state)
{
	struct near n;

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(load(&n, KEYS_CRED_RPK, i ? "se:se0/iotsafe/02" : NULL,
				      server_spki, server_spki_len, "se:se0/iotsafe/02"),
				 0);
		associate(&n, COAP_TRANSPORT_DTLS, COAP_AUTH_RPK, true);
		assert_int_equal(cs.seen[0x2b], 1);
	}
	/* the key in the vault is another one: the server does not know it */
	assert_int_equal(
		load(&n, KEYS_CRED_RPK, NULL, server_spki, server_spki_len, "se:se0/vault/07"),
		0);
	{
		struct far f;

		far_open(&f, COAP_TRANSPORT_DTLS, COAP_AUTH_RPK);
		near_open(&n, &f, COAP_TRANSPORT_DTLS, COAP_AUTH_RPK, true);
		assert_true(until(&n, &f, &n.fatal));
		assert_int_equal(n.ups, 0);
		near_close(&n);
		far_close(&f);
	}
}

static void test_psk(void **state)
{
	static const char *const refs[] = {"se:se0/iotsafe/20", "se:se0/vault/20"};
	struct near n;
	struct far f;

	(void)state;
	for (int i = 0; i < 8; i++) {
		assert_int_equal(load(&n, KEYS_CRED_PSK, NULL, NULL, 0, refs[i % 2]), 0);
		assert_int_equal(n.cred.psk_len, KEYS_CRED_PSK_LEN);
		associate(&n, i / 4 ? COAP_TRANSPORT_TLS : COAP_TRANSPORT_DTLS, COAP_AUTH_PSK,
			  i / 2 % 2);
		assert_int_equal(cs.seen[i % 2 ? 0x3a : 0x48], 1); /* the master secret */
	}
	/* another key: its Finished is noise, to which DTLS does not answer */
	assert_int_equal(load(&n, KEYS_CRED_PSK, NULL, NULL, 0, "se:se0/vault/21"), 0);
	far_open(&f, COAP_TRANSPORT_DTLS, COAP_AUTH_PSK);
	handshake_ms = 1500;
	near_open(&n, &f, COAP_TRANSPORT_DTLS, COAP_AUTH_PSK, true);
	handshake_ms = 60000;
	assert_true(until(&n, &f, &n.fatal));
	assert_int_equal(n.ups, 0);
	near_close(&n);
	far_close(&f);
	/* one that is not there */
	assert_int_equal(load(&n, KEYS_CRED_PSK, NULL, NULL, 0, "se:se0/iotsafe/66"), 0);
	far_open(&f, COAP_TRANSPORT_DTLS, COAP_AUTH_PSK);
	near_open(&n, &f, COAP_TRANSPORT_DTLS, COAP_AUTH_PSK, true);
	assert_true(until(&n, &f, &n.fatal));
	assert_non_null(strstr(n.what, "the secure element has no such key"));
	near_close(&n);
	far_close(&f);
	/* key bytes pass as they are */
	assert_int_equal(load(&n, KEYS_CRED_PSK, NULL, NULL, 0, "a key for tests!"), 0);
	assert_false(n.cred.async);
	assert_null(n.cred.libctx);
	assert_int_equal(n.cred.psk_len, 16);
	associate(&n, COAP_TRANSPORT_DTLS, COAP_AUTH_PSK, false);
}

/* Until the SE has a command, which it holds; that does not hold up anybody else. */
static void to_the_se(struct near *n, struct far *f)
{
	for (int i = 0; i < 12000 && !atomic_load(&cs.held); i++)
		step(n, f);
	assert_true(atomic_load(&cs.held));
	for (int i = 0; i < 20; i++) /* each returns, although the SE does not answer */
		step(n, f);
	assert_int_equal(n->ups, 0);
}

/* A slow SE holds up nobody: no call into the transport waits for it. */
static void test_slow(void **state)
{
	struct near n;
	struct far f;

	(void)state;
	assert_int_equal(load(&n, KEYS_CRED_PSK, NULL, NULL, 0, "se:se0/vault/20"), 0);
	far_open(&f, COAP_TRANSPORT_DTLS, COAP_AUTH_PSK);
	near_open(&n, &f, COAP_TRANSPORT_DTLS, COAP_AUTH_PSK, true);
	cs_hold(0x3a); /* the master secret */
	to_the_se(&n, &f);
	cs_go();
	assert_true(until(&n, &f, &n.ups));
	near_close(&n);
	far_close(&f);
	/* closed in the midst of it */
	assert_int_equal(load(&n, KEYS_CRED_PSK, NULL, NULL, 0, "se:se0/vault/20"), 0);
	far_open(&f, COAP_TRANSPORT_DTLS, COAP_AUTH_PSK);
	near_open(&n, &f, COAP_TRANSPORT_DTLS, COAP_AUTH_PSK, true);
	cs_hold(CS_ANY);
	to_the_se(&n, &f);
	near_close(&n);
	far_close(&f);
	cs_go();
}

/* The stand-in outlives us, so that a kept session still belongs to it. */
static void test_stand_in(void **state)
{
	struct se_keys *before = keys;
	struct near a, b, c;

	(void)state;
	assert_int_equal(load(&a, KEYS_CRED_PSK, NULL, NULL, 0, "se:se0/vault/20"), 0);
	assert_int_equal(se_keys_new(&keys, store), 0);
	assert_int_equal(load(&b, KEYS_CRED_PSK, NULL, NULL, 0, "se:se0/vault/20"), 0);
	assert_int_equal(load(&c, KEYS_CRED_PSK, NULL, NULL, 0, "se:se0/vault/21"), 0);
	assert_memory_equal(a.cred.psk, b.cred.psk, KEYS_CRED_PSK_LEN);
	assert_memory_not_equal(a.cred.psk, c.cred.psk, KEYS_CRED_PSK_LEN);
	keys_cred_clear(&b.cred);
	keys_cred_clear(&c.cred);
	se_keys_free(keys);
	keys = before;
	keys_cred_clear(&a.cred);
}

static void test_errors(void **state)
{
	struct keys_cred_request req = {.mode = KEYS_CRED_X509};
	struct keys_cred_load *l;
	struct near n;

	(void)state;
	/* somebody else's certificate */
	assert_int_equal(
		load(&n, KEYS_CRED_X509, "se:se0/iotsafe/42", NULL, 0, "se:se0/iotsafe/02"),
		-EKEYREJECTED);
	assert_non_null(strstr(n.err.detail, "se:se0/iotsafe/02"));
	assert_int_equal(
		load(&n, KEYS_CRED_X509, "se:se0/iotsafe/99", NULL, 0, "se:se0/iotsafe/02"),
		-ENOENT);
	assert_int_equal(load(&n, KEYS_CRED_X509, NULL, NULL, 0, "se:se0/iotsafe/02"), -ENOENT);
	assert_int_equal(
		load(&n, KEYS_CRED_X509, "no certificate", NULL, 0, "se:se0/iotsafe/02"),
		-EINVAL);
	assert_int_equal(load(&n, KEYS_CRED_RPK, NULL, NULL, 0, "se:se0/iotsafe/99"), -ENOENT);
	assert_int_equal(load(&n, KEYS_CRED_RPK, NULL, NULL, 0, "se:se7/iotsafe/02"), -ENODEV);
	assert_int_equal(load(&n, KEYS_CRED_RPK, NULL, NULL, 0, "se:se0/iotsafe/"), -EINVAL);
	assert_int_equal(load(&n, KEYS_CRED_PSK, NULL, NULL, 0, "pkcs11:token=a;object=b"),
			 -EINVAL);
	/* given up before it is over, at once and after a while */
	req.own = (struct keys_value){(const uint8_t *)"se:se0/iotsafe/40", 17};
	req.secret = (struct keys_value){(const uint8_t *)"se:se0/iotsafe/02", 17};
	memset(&n, 0, sizeof(n));
	for (int i = 0; i < 10; i++) {
		assert_int_equal(keys_cred_start(keys, &req, on_cred, &n, &l, &n.err), 0);
		assert_non_null(l);
		usleep((useconds_t)i * 300);
		keys_cred_cancel(l);
	}
	usleep(50000);
	job_store_dispatch(store);
	assert_int_equal(n.loaded, 0);
}

/* What an EVP_PKEY of the SE does beside TLS, and what it never does. */
static void test_pkey(void **state)
{
	static const uint8_t text[] = "something to sign";
	unsigned char sig[128], *der = NULL;
	size_t len = sizeof(sig), n32 = 32, m32 = 32;
	uint8_t secret[32], same[32];
	EVP_PKEY *pub = point_key(point), *peer = EVP_EC_gen("P-256");
	EVP_PKEY_CTX *c;
	EVP_MD_CTX *md;
	BIGNUM *priv = NULL;
	struct near n;

	(void)state;
	assert_int_equal(load(&n, KEYS_CRED_RPK, NULL, NULL, 0, "se:se0/iotsafe/02"), 0);
	assert_int_equal(EVP_PKEY_eq(pub, n.cred.key), 1);
	assert_int_equal(EVP_PKEY_eq(peer, n.cred.key), 0);
	assert_int_equal(n.cred.own_len, 91);
	assert_int_equal(i2d_PUBKEY(n.cred.key, &der), 91);
	assert_memory_equal(der, n.cred.own, 91);
	OPENSSL_free(der);
	md = EVP_MD_CTX_new();
	assert_int_equal(
		EVP_DigestSignInit_ex(md, NULL, "SHA384", NULL, NULL, n.cred.key, NULL), 1);
	assert_int_equal(EVP_DigestSign(md, sig, &len, text, sizeof(text)), 1);
	EVP_MD_CTX_free(md);
	md = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestVerifyInit_ex(md, NULL, "SHA384", NULL, NULL, pub, NULL), 1);
	assert_int_equal(EVP_DigestVerify(md, sig, len, text, sizeof(text)), 1);
	EVP_MD_CTX_free(md);
	c = EVP_PKEY_CTX_new_from_pkey(NULL, n.cred.key, NULL);
	assert_int_equal(EVP_PKEY_derive_init(c), 1);
	assert_int_equal(EVP_PKEY_derive_set_peer(c, peer), 1);
	assert_int_equal(EVP_PKEY_derive(c, secret, &n32), 1);
	EVP_PKEY_CTX_free(c);
	c = EVP_PKEY_CTX_new_from_pkey(NULL, peer, NULL);
	assert_int_equal(EVP_PKEY_derive_init(c), 1);
	assert_int_equal(EVP_PKEY_derive_set_peer(c, pub), 1);
	assert_int_equal(EVP_PKEY_derive(c, same, &m32), 1);
	EVP_PKEY_CTX_free(c);
	assert_memory_equal(secret, same, 32);
	assert_int_not_equal(EVP_PKEY_get_bn_param(n.cred.key, OSSL_PKEY_PARAM_PRIV_KEY, &priv),
			     1);
	der = NULL;
	assert_true(i2d_PrivateKey(n.cred.key, &der) <= 0);
	ERR_clear_error();
	EVP_PKEY_free(pub);
	EVP_PKEY_free(peer);
	keys_cred_clear(&n.cred);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_x509),	 cmocka_unit_test(test_rpk),
		cmocka_unit_test(test_psk),	 cmocka_unit_test(test_pkey),
		cmocka_unit_test(test_slow),	 cmocka_unit_test(test_errors),
		cmocka_unit_test(test_stand_in),
	};
	int r;

	if (cs_start(1U << IOT_SAFE | 1U << VAULT))
		return 1;
	kw_open();
	if (se_keys_new(&keys, store))
		return 1;
	provision();
	r = cmocka_run_group_tests_name("card-dtls", tests, NULL, NULL);
	se_keys_free(keys);
	job_store_close(store);
	X509_free(ca);
	X509_free(server_cert);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(server_key);
	return cs_stop() ? 1 : r;
}
