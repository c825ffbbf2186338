// SPDX-License-Identifier: Apache-2.0
/*
 * Keys in a token (SoftHSM): they compute what the same keys in memory compute, down to a
 * secure channel's session keys, and a wrong PIN is tried once.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <p11-kit/p11-kit.h>

#include "gp/error.h"
#include "gp/key.h"
#include "gp/scp.h"
#include "gp/sign.h"
#include "keys/cred.h"
#include "keys/pkcs11.h"
#include "keys/source.h"

#define MODULE "/usr/lib/softhsm/libsofthsm2.so"
#define QUERY "module-path=" MODULE

static char dir[64];
static struct gp_error err;
static CK_FUNCTION_LIST *module;
static CK_SESSION_HANDLE session;

static const uint8_t k_enc[16] = {0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47,
				  0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x51};
static const uint8_t k_mac[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
static const uint8_t k_dek[16] = {9, 9, 9, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
static const uint8_t k_long[32] = {7, 7, 7, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

static const char *at(const char *name)
{
	static char path[2][160];
	static int i;

	i ^= 1;
	snprintf(path[i], sizeof(path[i]), "%s/%s", dir, name);
	return path[i];
}

static void put(const char *name, const char *text, mode_t mode)
{
	FILE *f = fopen(at(name), "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(at(name), mode), 0);
}

static void put_key(const char *label, uint8_t id, CK_KEY_TYPE type, const uint8_t *value,
		    size_t len)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ATTRIBUTE a[] = {
		{CKA_CLASS, &class, sizeof(class)},
		{CKA_KEY_TYPE, &type, sizeof(type)},
		{CKA_TOKEN, &yes, 1},
		{CKA_PRIVATE, &yes, 1},
		{CKA_SENSITIVE, &yes, 1},
		{CKA_EXTRACTABLE, &no, 1},
		{CKA_ENCRYPT, &yes, 1},
		{CKA_DECRYPT, &yes, 1},
		{CKA_SIGN, &yes, 1},
		{CKA_LABEL, (void *)(uintptr_t)label, strlen(label)},
		{CKA_ID, &id, 1},
		{CKA_VALUE, (void *)(uintptr_t)value, len},
	};
	CK_OBJECT_HANDLE h;

	assert_int_equal(module->C_CreateObject(session, a, sizeof(a) / sizeof(a[0]), &h),
			 CKR_OK);
}

static void init_token(const char *label)
{
	char cmd[256];

	snprintf(cmd, sizeof(cmd),
		 "softhsm2-util --init-token --free --label %s --so-pin 8765 --pin 1234 "
		 ">/dev/null",
		 label);
	assert_int_equal(system(cmd), 0);
}

/* a session of the test's own, to put keys in */
static void open_token(void)
{
	CK_SLOT_ID slots[4];
	CK_TOKEN_INFO info;
	CK_ULONG n = 4, i;

	module = p11_kit_module_load(MODULE, 0);
	assert_non_null(module);
	assert_int_equal(p11_kit_module_initialize(module), CKR_OK);
	assert_int_equal(module->C_GetSlotList(CK_TRUE, slots, &n), CKR_OK);
	for (i = 0; i < n; i++) {
		assert_int_equal(module->C_GetTokenInfo(slots[i], &info), CKR_OK);
		if (!strncmp((char *)info.label, "sesame ", 7))
			break;
	}
	assert_true(i < n);
	assert_int_equal(module->C_OpenSession(slots[i], CKF_SERIAL_SESSION | CKF_RW_SESSION,
					       NULL, NULL, &session),
			 CKR_OK);
	assert_int_equal(module->C_Login(session, CKU_USER, (CK_UTF8CHAR *)"1234", 4), CKR_OK);
}

static void close_token(void)
{
	module->C_CloseSession(session);
	p11_kit_module_finalize(module);
	p11_kit_module_release(module);
}

static int setup(void **state)
{
	char conf[256];

	(void)state;
	if (access(MODULE, R_OK)) {
		/* the rig's root has it: missing there is a failure */
		if (!access("/src/selftests/rig/packages", R_OK))
			return -1;
		print_message("no SoftHSM here\n");
		exit(0);
	}
	strcpy(dir, "/tmp/token-XXXXXX");
	if (!mkdtemp(dir) || mkdir(at("tokens"), 0700))
		return -1;
	snprintf(conf, sizeof(conf), "directories.tokendir = %s/tokens\nlog.level = ERROR\n",
		 dir);
	put("softhsm2.conf", conf, 0600);
	put("pin", "1234\n", 0600);
	put("wrong", "9999\n", 0600);
	setenv("SOFTHSM2_CONF", at("softhsm2.conf"), 1);
	init_token("sesame");
	open_token();
	put_key("isd-enc", 1, CKK_AES, k_enc, 16);
	put_key("isd-mac", 2, CKK_AES, k_mac, 16);
	put_key("isd-dek", 3, CKK_AES, k_dek, 16);
	put_key("old-enc", 4, CKK_DES2, k_enc, 16);
	put_key("old-mac", 5, CKK_DES2, k_mac, 16);
	put_key("bank", 6, CKK_AES, k_mac, 16);
	put_key("bank3", 7, CKK_DES2, k_mac, 16);
	put_key("long", 8, CKK_AES, k_long, 32);
	put_key("twin", 9, CKK_AES, k_enc, 16);
	put_key("twin", 10, CKK_AES, k_mac, 16);
	put_key("odd", 11, CKK_GENERIC_SECRET, k_mac, 16);
	close_token();
	return 0;
}

static int teardown(void **state)
{
	char cmd[128];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static const char *uri(const char *object, const char *pin, const char *more)
{
	static char u[512];

	snprintf(u, sizeof(u), "pkcs11:token=sesame;object=%s?" QUERY "&pin-source=file:%s%s",
		 object, at(pin), more);
	return u;
}

/* all that gp/ asks of a key, against the same key in memory */
static void same(const struct gp_key *token, enum gp_key_type type, const uint8_t *value,
		 size_t len)
{
	uint8_t data[64], a[64], b[64], iv[16], kcv_a[3], kcv_b[3];
	const struct gp_part parts[] = {{data, 5}, {NULL, 0}, {data + 5, 22}};
	struct gp_key mem = {0};
	size_t i;

	for (i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	memset(iv, 0xa5, sizeof(iv));
	assert_int_equal(gp_key_set(&mem, type, value, len), 0);
	assert_int_equal(token->type, type);
	assert_int_equal(token->len, len);
	assert_non_null(token->ops);
	for (i = 0; i < GP_KEY_MAX; i++)
		assert_int_equal(token->value[i], 0);
	assert_int_equal(gp_key_cbc(token, true, NULL, data, 64, a), 0);
	assert_int_equal(gp_key_cbc(&mem, true, NULL, data, 64, b), 0);
	assert_memory_equal(a, b, 64);
	assert_int_equal(gp_key_cbc(token, true, iv, data, 16, a), 0);
	assert_int_equal(gp_key_cbc(&mem, true, iv, data, 16, b), 0);
	assert_memory_equal(a, b, 16);
	assert_int_equal(gp_key_cbc(token, false, iv, a, 16, b), 0);
	assert_memory_equal(b, data, 16);
	assert_int_equal(gp_key_cbc(token, true, NULL, data, 7, a), -EINVAL);
	assert_int_equal(gp_kcv(token, kcv_a), 0);
	assert_int_equal(gp_kcv(&mem, kcv_b), 0);
	assert_memory_equal(kcv_a, kcv_b, 3);
	if (type == GP_KEY_AES) {
		assert_int_equal(gp_key_cmac(token, parts, 3, a), 0);
		assert_int_equal(gp_key_cmac(&mem, parts, 3, b), 0);
		assert_memory_equal(a, b, 16);
	}
	gp_key_clear(&mem);
}

static void test_same(void **state)
{
	struct pkcs11 *p = NULL;
	struct gp_key key;

	(void)state;
	assert_int_equal(pkcs11_new(&p), 0);
	assert_int_equal(pkcs11_secret(p, uri("isd-enc", "pin", ""), NULL, &key, &err), 0);
	same(&key, GP_KEY_AES, k_enc, 16);
	assert_int_equal(pkcs11_secret(p, uri("isd", "pin", ""), "-mac", &key, &err), 0);
	same(&key, GP_KEY_AES, k_mac, 16);
	assert_int_equal(pkcs11_secret(p, uri("long", "pin", ""), NULL, &key, &err), 0);
	same(&key, GP_KEY_AES, k_long, 32);
	assert_int_equal(pkcs11_secret(p, uri("old-enc", "pin", ""), NULL, &key, &err), 0);
	same(&key, GP_KEY_DES, k_enc, 16);
	/* by its id, where labels do not tell */
	assert_int_equal(pkcs11_secret(p, uri("twin", "pin", ""), NULL, &key, &err), -ENOTUNIQ);
	assert_int_equal(pkcs11_secret(p, uri("twin;id=%0A", "pin", ""), NULL, &key, &err), 0);
	same(&key, GP_KEY_AES, k_mac, 16);

	assert_int_equal(pkcs11_secret(p, uri("none", "pin", ""), NULL, &key, &err), -ENOENT);
	assert_non_null(strstr(err.detail, "\"none\""));
	assert_int_equal(pkcs11_secret(p, uri("odd", "pin", ""), NULL, &key, &err), -EINVAL);
	assert_int_equal(key.type, GP_KEY_NONE);
	assert_int_equal(
		pkcs11_secret(p, "pkcs11:token=other;object=x?" QUERY, NULL, &key, &err),
		-ENOENT);
	assert_int_equal(
		pkcs11_secret(p, "pkcs11:object=x?module-path=/none.so", NULL, &key, &err),
		-ENOENT);
	assert_non_null(strstr(err.detail, "/none.so"));
	pkcs11_free(p);
}

static void test_pin(void **state)
{
	struct pkcs11 *p = NULL;
	struct gp_key key;
	char u[512];

	(void)state;
	assert_int_equal(pkcs11_new(&p), 0);
	assert_int_equal(
		pkcs11_secret(p, "pkcs11:token=sesame;object=isd-enc?" QUERY, NULL, &key, &err),
		-EINVAL);
	assert_non_null(strstr(err.detail, "pin-source"));
	put("open", "1234\n", 0644);
	assert_int_equal(pkcs11_secret(p, uri("isd-enc", "open", ""), NULL, &key, &err),
			 -EACCES);
	put("empty", "\n", 0600);
	assert_int_equal(pkcs11_secret(p, uri("isd-enc", "empty", ""), NULL, &key, &err),
			 -EINVAL);
	snprintf(u, sizeof(u),
		 "pkcs11:token=sesame;object=isd-enc?" QUERY "&pin-source=%%7Ccat%%20/tmp/pin");
	assert_int_equal(pkcs11_secret(p, u, NULL, &key, &err), -EINVAL);
	/* once, and then never again, not even with the right one */
	assert_int_equal(pkcs11_secret(p, uri("isd-enc", "wrong", ""), NULL, &key, &err),
			 -EKEYREJECTED);
	assert_null(strstr(err.detail, "9999"));
	assert_int_equal(pkcs11_secret(p, uri("isd-enc", "wrong", ""), NULL, &key, &err),
			 -EKEYREJECTED);
	assert_non_null(strstr(err.detail, "before"));
	assert_int_equal(pkcs11_secret(p, uri("isd-enc", "pin", ""), NULL, &key, &err),
			 -EKEYREJECTED);
	pkcs11_free(p);
}

static void test_sources(void **state)
{
	const struct gp_keyset *set;
	struct keys *k = NULL;
	char text[2048];

	(void)state;
	assert_int_equal(keys_new(&k), 0);
	assert_int_equal(keys_add(k, uri("isd", "pin", "&x-kvn=30"), NULL, &err), 0);
	set = keys_find(k, "isd");
	assert_non_null(set);
	assert_int_equal(set->kvn, 0x30);
	assert_int_equal(set->diversification, GP_DIV_NONE);
	same(&set->enc, GP_KEY_AES, k_enc, 16);
	same(&set->mac, GP_KEY_AES, k_mac, 16);
	same(&set->dek, GP_KEY_AES, k_dek, 16);
	assert_false(set->is_default);
	/* no DEK there: fine until it is needed */
	assert_int_equal(keys_add(k, uri("old", "pin", ""), "scp02", &err), 0);
	set = keys_find(k, "scp02");
	same(&set->mac, GP_KEY_DES, k_mac, 16);
	assert_int_equal(set->dek.type, GP_KEY_NONE);
	assert_int_equal(keys_add(k, uri("bank", "pin", "&x-diversification=kdf3"), NULL, &err),
			 0);
	set = keys_find(k, "bank");
	assert_int_equal(set->diversification, GP_DIV_KDF3);
	same(&set->master, GP_KEY_AES, k_mac, 16);

	assert_int_equal(keys_add(k, uri("none", "pin", ""), NULL, &err), -ENOENT);
	assert_null(keys_find(k, "none"));
	assert_int_equal(keys_add(k, uri("x", "pin", "&x-kvn=1"), NULL, &err), -EINVAL);
	assert_int_equal(keys_add(k, uri("x", "pin", "&x-diversification=visa"), NULL, &err),
			 -EINVAL);
	assert_int_equal(keys_add(k, "pkcs11:token=sesame?" QUERY, NULL, &err), -EINVAL);

	/* in a key set file, mixed with what is in memory */
	snprintf(text, sizeof(text), "[keyset mix]\nkvn=31\nenc=%s\n",
		 uri("isd-enc", "pin", ""));
	strcat(text, "mac=");
	strcat(text, uri("isd-mac", "pin", ""));
	strcat(text, "\n");
	put("set", text, 0600);
	assert_int_equal(keys_add(k, at("set"), NULL, &err), 0);
	set = keys_find(k, "mix");
	assert_int_equal(set->enc.type, GP_KEY_AES);
	same(&set->mac, GP_KEY_AES, k_mac, 16);
	/* the file says one thing and the token another */
	snprintf(text, sizeof(text), "[keyset des]\ntype=des\nmaster=%s\n",
		 uri("isd-enc", "pin", ""));
	put("set", text, 0600);
	assert_int_equal(keys_add(k, at("set"), NULL, &err), -EINVAL);
	assert_non_null(strstr(err.detail, "set:1: the token's key is AES"));
	keys_free(k);
}

/* Card keys of a master key that stays in the token. */
static void test_diversified(void **state)
{
	static const uint8_t kdd[GP_KDD_LEN] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
	static const struct {
		const char *object;
		const char *method;
		enum gp_key_type type;
		enum gp_diversification d;
	} cases[] = {
		{"bank", "kdf3", GP_KEY_AES, GP_DIV_KDF3},
		{"bank3", "emv", GP_KEY_DES, GP_DIV_EMV},
		{"bank3", "visa2", GP_KEY_DES, GP_DIV_VISA2},
	};
	struct gp_keyset mem, a, b;
	char more[64];
	struct keys *k;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(keys_new(&k), 0);
		snprintf(more, sizeof(more), "&x-diversification=%s", cases[i].method);
		assert_int_equal(keys_add(k, uri(cases[i].object, "pin", more), NULL, &err), 0);
		memset(&mem, 0, sizeof(mem));
		strcpy(mem.name, "mem");
		assert_int_equal(gp_key_set(&mem.master, cases[i].type, k_mac, 16), 0);
		mem.diversification = (uint8_t)cases[i].d;
		assert_int_equal(gp_keyset_resolve(keys_find(k, NULL), kdd, &a), 0);
		assert_int_equal(gp_keyset_resolve(&mem, kdd, &b), 0);
		assert_memory_equal(a.enc.value, b.enc.value, 16);
		assert_memory_equal(a.mac.value, b.mac.value, 16);
		assert_memory_equal(a.dek.value, b.dek.value, 16);
		assert_memory_not_equal(a.enc.value, a.mac.value, 16);
		gp_keyset_clear(&a);
		gp_keyset_clear(&b);
		gp_keyset_clear(&mem);
		keys_free(k);
	}
}

/* A published SCP03 trace (AES-128, level 33): the EXTERNAL AUTHENTICATE is that of the trace.
 */
static void test_scp03(void **state)
{
	static const uint8_t vec[3][16] = {
		{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
		{0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c,
		 0x1d, 0x1e, 0x1f},
		{0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x2b, 0x2c,
		 0x2d, 0x2e, 0x2f},
	};
	static const uint8_t challenge[8] = {0xfd, 0xf3, 0x82, 0x59, 0xa1, 0xe0, 0xde, 0x44};
	static const uint8_t rsp[] = {0,    0,	  0,	0,    0,    0,	  0,	0,    0,
				      0,    0x30, 0x03, 0x70, 0x3b, 0x1a, 0xca, 0x81, 0xe8,
				      0x21, 0xf2, 0x19, 0x08, 0x1c, 0xdc, 0x01, 0xc2, 0x6b,
				      0x37, 0x2d, 0,	0,    0,    0x90, 0x00};
	static const uint8_t auth[] = {0x84, 0x82, 0x33, 0x00, 0x10, 0x8c, 0x36,
				       0xf9, 0x6b, 0xcc, 0x00, 0x72, 0x4a, 0x4e,
				       0x13, 0xad, 0x59, 0x1d, 0x7d, 0xa3, 0xf0};
	struct gp_scp_params params = {.protocol = GP_SCP_AUTO,
				       .i = GP_SCP_I_AUTO,
				       .level = 0x33,
				       .host_challenge = challenge};
	struct gp_scp *scp = NULL;
	struct keys *k = NULL;
	struct gp_apdu apdu;

	(void)state;
	open_token();
	put_key("vec-enc", 21, CKK_AES, vec[0], 16);
	put_key("vec-mac", 22, CKK_AES, vec[1], 16);
	put_key("vec-dek", 23, CKK_AES, vec[2], 16);
	close_token();
	assert_int_equal(keys_new(&k), 0);
	assert_int_equal(keys_add(k, uri("vec", "pin", ""), NULL, &err), 0);
	params.keys = keys_find(k, "vec");
	assert_int_equal(gp_scp_new(&scp, &params, &err), 0);
	assert_int_equal(gp_scp_next(scp, &apdu, &err), 1);
	gp_apdu_clear(&apdu);
	assert_int_equal(gp_scp_feed(scp, rsp, sizeof(rsp), &err), 0);
	assert_int_equal(gp_scp_next(scp, &apdu, &err), 1);
	assert_int_equal(apdu.p1, 0x33);
	assert_int_equal(apdu.len, sizeof(auth) - 5);
	assert_memory_equal(apdu.data, auth + 5, sizeof(auth) - 5);
	gp_apdu_clear(&apdu);
	gp_scp_free(scp);
	keys_free(k);
}

/* A private key behind OpenSSL's provider signs; it verifies with the public one. */
static void test_pair(void **state)
{
	static const uint8_t text[] = "load this";
	const struct keys_single *one;
	char cmd[512], set[1024];
	struct keys *k = NULL;
	struct gp_signer signer = {0};
	uint8_t sig[GP_SIGN_MAX];
	size_t len = 0;

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	/* the provider loads modules with RTLD_DEEPBIND, which ASan does not bear */
	skip();
#endif
	snprintf(cmd, sizeof(cmd),
		 "pkcs11-tool --module " MODULE " --token-label sesame --login --pin 1234 "
		 "--keypairgen --key-type EC:prime256v1 --label pair --id 77 >/dev/null 2>&1");
	assert_int_equal(system(cmd), 0);
	snprintf(set, sizeof(set), "[key pair]\nuse=token\nprivate=%s\n",
		 uri("pair;type=private", "pin", ""));
	put("pair", set, 0600);
	assert_int_equal(keys_new(&k), 0);
	if (keys_add(k, at("pair"), NULL, &err))
		fail_msg("%s", err.detail);
	one = keys_single(k, KEYS_USE_TOKEN, NULL);
	assert_true(one->private_key);
	signer.pkey = one->pkey;
	signer.ctx = one->ctx;
	if (gp_sign(&signer, text, sizeof(text), sig, &len, &err))
		fail_msg("%s", err.detail);
	assert_int_equal(len, 64);
	/* the public half, in memory, agrees */
	snprintf(cmd, sizeof(cmd),
		 "pkcs11-tool --module " MODULE
		 " --token-label sesame --read-object --type pubkey "
		 "--label pair 2>/dev/null | openssl pkey -pubin -inform DER -out %s",
		 at("pair.pub"));
	assert_int_equal(system(cmd), 0);
	put("pub", "[key pub]\nuse=dap\npublic=pair.pub\n", 0600);
	assert_int_equal(keys_add(k, at("pub"), NULL, &err), 0);
	signer.pkey = keys_single(k, KEYS_USE_DAP, NULL)->pkey;
	signer.ctx = NULL;
	assert_int_equal(gp_verify(&signer, text, sizeof(text), sig, len, &err), 0);
	sig[len - 1] ^= 1;
	assert_int_equal(gp_verify(&signer, text, sizeof(text), sig, len, &err), -EBADMSG);
	keys_free(k);
}

static void take_cred(void *userdata, int error, const struct gp_error *e,
		      struct keys_cred *cred)
{
	assert_int_equal(error, 0);
	assert_string_equal(e->code, "");
	*(struct keys_cred *)userdata = *cred;
}

static int accept_any(int ok, X509_STORE_CTX *ctx)
{
	(void)ok;
	(void)ctx;
	return 1;
}

/* The same pair as a reference: a TLS client proves that it has it. */
static void test_reference(void **state)
{
	static const unsigned char rpk[] = {TLSEXT_cert_type_rpk};
	struct keys_cred_request req = {.mode = KEYS_CRED_RPK, .trusted = true};
	SSL_CTX *near_ctx, *far_ctx;
	EVP_PKEY *server_key;
	struct keys_cred cred = {0};
	struct keys_cred_load *load;
	SSL *near, *far;
	struct se_keys *k;
	BIO *a, *b;
	char ref[512];

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	skip();
#endif
	snprintf(ref, sizeof(ref), "%s", uri("pair;type=private", "pin", ""));
	req.secret = (struct keys_value){(const uint8_t *)ref, strlen(ref)};
	assert_int_equal(se_keys_new(&k, NULL), 0);
	/* from a server it may not say which module */
	req.trusted = false;
	assert_int_equal(keys_cred_start(k, &req, take_cred, &cred, &load, &err), -EACCES);
	req.trusted = true;
	if (keys_cred_start(k, &req, take_cred, &cred, &load, &err))
		fail_msg("%s", err.detail);
	assert_null(load);
	assert_non_null(cred.key);
	server_key = EVP_EC_gen("P-256");
	near_ctx = SSL_CTX_new_ex(cred.libctx, NULL, TLS_client_method());
	far_ctx = SSL_CTX_new(TLS_server_method());
	assert_int_equal(SSL_CTX_set_max_proto_version(near_ctx, TLS1_2_VERSION), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(near_ctx, cred.key), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(far_ctx, server_key), 1);
	SSL_CTX_set_verify(far_ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
			   accept_any);
	near = SSL_new(near_ctx);
	far = SSL_new(far_ctx);
	assert_int_equal(SSL_set1_client_cert_type(near, rpk, 1), 1);
	assert_int_equal(SSL_set1_client_cert_type(far, rpk, 1), 1);
	assert_int_equal(SSL_set1_server_cert_type(near, rpk, 1), 1);
	assert_int_equal(SSL_set1_server_cert_type(far, rpk, 1), 1);
	assert_int_equal(BIO_new_bio_pair(&a, 0, &b, 0), 1);
	SSL_set_bio(near, a, a);
	SSL_set_bio(far, b, b);
	SSL_set_connect_state(near);
	SSL_set_accept_state(far);
	for (int i = 0; i < 10 && !(SSL_is_init_finished(near) && SSL_is_init_finished(far));
	     i++) {
		SSL_do_handshake(near);
		SSL_do_handshake(far);
	}
	assert_true(SSL_is_init_finished(far));
	assert_int_equal(EVP_PKEY_eq(SSL_get0_peer_rpk(far), cred.key), 1);
	SSL_free(near);
	SSL_free(far);
	SSL_CTX_free(near_ctx);
	SSL_CTX_free(far_ctx);
	EVP_PKEY_free(server_key);
	keys_cred_clear(&cred);
	se_keys_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),	  cmocka_unit_test(test_pin),
		cmocka_unit_test(test_sources),	  cmocka_unit_test(test_diversified),
		cmocka_unit_test(test_scp03),	  cmocka_unit_test(test_pair),
		cmocka_unit_test(test_reference),
	};

	return cmocka_run_group_tests_name("keys_pkcs11", tests, setup, teardown);
}
