// SPDX-License-Identifier: Apache-2.0
/* Key sources: the key set file, permissions, limits, and that no key stays behind. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "gp/error.h"
#include "gp/key.h"
#include "gp/scp.h"
#include "keys/keyset.h"
#include "keys/source.h"

static char dir[64];
static struct gp_error err;

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/keys-XXXXXX");
	memset(&err, 0, sizeof(err));
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	char cmd[128];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static const char *put(const char *name, const char *text, mode_t mode)
{
	static char path[160];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

static const char *spec(const char *name, const char *text)
{
	static char s[200];

	snprintf(s, sizeof(s), "file:%s", put(name, text, 0600));
	return s;
}

static struct keys *ring(void)
{
	struct keys *k = NULL;

	assert_int_equal(keys_new(&k), 0);
	return k;
}

#define K1 "101112131415161718191A1B1C1D1E1F"
#define K2 "202122232425262728292a2b2c2d2e2f"
#define K3 "303132333435363738393A3B3C3D3E3F"

static const char good[] =
	"# three of a card\n"
	"[keyset isd]\r\n"
	" type = aes \n"
	"kvn=30\n"
	"enc=" K1 "\n"
	"mac = " K2 "\n"
	"dek=" K3 "\n"
	"\n; one of many cards\n"
	"[keyset bank.emv]\n"
	"type=des\nkvn=0x2f\nmaster=" K1 "\ndiversification=emv\n"
	"[keyset long]\n"
	"type=aes\n"
	"enc=" K1 K2 "\nmac=" K2 K3 "\n"
	"[keyset own]\ntype=aes\nmaster=" K1 "\ndiversification=template\n"
	"template=$0$1$2$3$4$5F0$k$0$1$2$3$4$50F$k\n"
	"[key issuer]\nuse=receipt\ntype=aes\nsecret=" K3 "\nkvn=71\nkid=1\n";

static void test_file(void **state)
{
	static const uint8_t k1[16] = {0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17,
				       0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f};
	const struct keys_single *one;
	const struct gp_keyset *set;
	const struct gp_keyset *const *sets;
	struct keys *k = ring();
	char where[200];
	size_t n;

	(void)state;
	assert_int_equal(keys_add(k, spec("a", good), NULL, &err), 0);
	assert_int_equal(keys_count(k), 4);
	assert_string_equal(keys_name_at(k, 0), "isd");
	assert_string_equal(keys_name_at(k, 3), "own");
	assert_null(keys_name_at(k, 4));
	snprintf(where, sizeof(where), "%s/a:2", dir);
	assert_string_equal(keys_where(k, "isd"), where);
	assert_string_equal(keys_where(k, "other"), "");
	assert_null(keys_find(k, NULL)); /* there are several */
	assert_null(keys_find(k, "Isd"));

	set = keys_find(k, "isd");
	assert_non_null(set);
	assert_string_equal(set->name, "isd");
	assert_int_equal(set->kvn, 0x30);
	assert_int_equal(set->enc.type, GP_KEY_AES);
	assert_int_equal(set->enc.len, 16);
	assert_memory_equal(set->enc.value, k1, 16);
	assert_int_equal(set->dek.value[15], 0x3f);
	assert_int_equal(set->mac.value[10], 0x2a);
	assert_int_equal(set->master.type, GP_KEY_NONE);
	assert_false(set->is_default);

	set = keys_find(k, "bank.emv");
	assert_int_equal(set->kvn, 0x2f);
	assert_int_equal(set->diversification, GP_DIV_EMV);
	assert_int_equal(set->master.type, GP_KEY_DES);
	assert_int_equal(set->enc.type, GP_KEY_NONE);
	set = keys_find(k, "long");
	assert_int_equal(set->enc.len, 32);
	assert_int_equal(set->kvn, 0);
	assert_int_equal(set->dek.type, GP_KEY_NONE);
	set = keys_find(k, "own");
	assert_string_equal(set->template_, "$0$1$2$3$4$5F0$k$0$1$2$3$4$50F$k");

	sets = keys_sets(k, &n);
	assert_int_equal(n, 4);
	assert_ptr_equal(sets[3], set);
	one = keys_single(k, KEYS_USE_RECEIPT, NULL);
	assert_non_null(one);
	assert_ptr_equal(one, keys_single(k, KEYS_USE_RECEIPT, "issuer"));
	assert_int_equal(one->kvn, 0x71);
	assert_int_equal(one->kid, 1);
	assert_null(one->pkey);
	assert_int_equal(one->secret->len, 16);
	assert_int_equal(one->secret->type, GP_KEY_AES);
	assert_null(keys_single(k, KEYS_USE_TOKEN, NULL));
	assert_null(keys_find_scp11(k, NULL));

	/* all or nothing: the second set's name is taken */
	assert_int_equal(keys_add(k,
				  spec("b", "[keyset new]\ntype=aes\nmaster=" K1
					    "\n[keyset isd]\ntype=aes\nmaster=" K1 "\n"),
				  NULL, &err),
			 -EEXIST);
	assert_non_null(strstr(err.detail, "isd"));
	assert_int_equal(keys_count(k), 4);
	assert_null(keys_find(k, "new"));
	assert_int_equal(keys_add(k, "default", NULL, &err), 0);
	set = keys_find(k, "default");
	assert_true(set->is_default);
	assert_int_equal(set->enc.value[0], 0x40);
	assert_int_equal(keys_add(k, "default", NULL, &err), -EEXIST);
	keys_free(k);
}

static void test_default_by_value(void **state)
{
	struct keys *k = ring();

	(void)state;
	/* another name does not make it another key */
	assert_int_equal(keys_add(k,
				  spec("d", "[keyset x]\ntype=des\nmaster="
					    "404142434445464748494A4B4C4D4E4F\n"),
				  NULL, &err),
			 0);
	assert_true(keys_find(k, NULL)->is_default);
	keys_free(k);
}

static void test_as(void **state)
{
	struct keys *k = ring();

	(void)state;
	assert_int_equal(keys_add(k, spec("a", good), "isd", &err), 0);
	assert_int_equal(keys_count(k), 1);
	assert_int_equal(keys_find(k, NULL)->kvn, 0x30);
	assert_null(keys_single(k, KEYS_USE_RECEIPT, NULL));
	assert_int_equal(keys_add(k, spec("a", good), "prod", &err), -ENOENT);
	assert_non_null(strstr(err.detail, "4 key sets"));
	assert_int_equal(
		keys_add(k, spec("c", "[keyset x]\ntype=aes\nmaster=" K2 "\n"), "prod", &err),
		0);
	assert_null(keys_find(k, "x"));
	assert_string_equal(keys_find(k, "prod")->name, "prod");
	assert_int_equal(keys_add(k, "default", "factory", &err), 0);
	assert_string_equal(keys_find(k, "factory")->name, "factory");
	assert_int_equal(keys_add(k, "default", "no space", &err), -EINVAL);
	keys_free(k);
}

/* ---- mistakes ---- */

#define SET "[keyset s]\n"

static const struct {
	const char *text;
	int error;
	const char *words; /* and the line */
} mistakes[] = {
	{"", -EINVAL, "holds no [keyset"},
	{"# nothing\n", -EINVAL, "holds no"},
	{"type=aes\n", -EINVAL, ":1: name=value stands before"},
	{SET "type=aes\n" K1 "\n", -EINVAL, ":3: a line is neither"},
	{SET "type=aes\nmaster=" K1 "\nmaster=" K2 "\n", -EINVAL, ":4: master= comes twice"},
	{SET "type=rsa\n", -EINVAL, ":2: type= is aes, des"},
	{SET "kvn=00\n", -EINVAL, ":2: kvn="},
	{SET "kvn=100\n", -EINVAL, ":2: kvn="},
	{SET "kvn=3g\n", -EINVAL, ":2: kvn="},
	{SET "kvn=\n", -EINVAL, ":2: kvn="},
	{SET "enc=0011\n", -EINVAL, ":2: enc= is 16, 24 or 32"},
	{SET "enc=" K1 "0\n", -EINVAL, ":2: enc= is"},
	{SET "enc=" K1 K2 K3 "\n", -EINVAL, ":2: enc= is"},
	{SET "enc=pkcs11:\n", -EINVAL, ":2: enc= is"},
	{SET "type=aes\nenc=" K1 "\n", -EINVAL, ":1: [s] needs enc= and mac="},
	{SET "type=aes\nenc=" K1 "\nmac=" K2 "\nmaster=" K3 "\n", -EINVAL, ":1: [s] has both"},
	{SET "master=" K1 "\n", -EINVAL, ":1: [s] has no type="},
	{SET "type=des\nmaster=" K1 K2 "\n", -EINVAL, ":1: [s] master= has 32 bytes"},
	{SET "type=aes\nenc=" K1 "\nmac=" K1 "\ndiversification=emv\n", -EINVAL,
	 ":1: [s] has a diversification= but no master="},
	{SET "diversification=visa\n", -EINVAL, ":2: diversification= is none, visa2"},
	{SET "diversification=0123456789abcdefghij\n", -EINVAL, ":2: diversification= is"},
	{SET "type=aes\nmaster=" K1 "\ndiversification=template\n", -EINVAL, "go together"},
	{SET "type=aes\nmaster=" K1 "\ntemplate=k0\n", -EINVAL, "go together"},
	{SET "type=aes\nmaster=" K1 "\ndiversification=template\ntemplate=zz\n", -EINVAL,
	 "makes no key"},
	{SET "type=aes\nmaster=" K1 "\nhost_key=x\n", -EINVAL, "which is of SCP11"},
	{SET "diversifikation=emv\n", -EINVAL, ":2: no such name="},
	{SET "secret=" K1 "\n", -EINVAL, ":2: no such name="},
	{"[keyset s\n", -EINVAL, ":1: a section lacks its closing bracket"},
	{"[keyset]\n", -EINVAL, ":1: a section is [keyset NAME]"},
	{"[keyset ]\n", -EINVAL, ":1: a section is [keyset NAME]"},
	{"[keyset a b]\n", -EINVAL, ":1: a name has 1 to 31"},
	{"[keyset 0123456789012345678901234567890123]\n", -EINVAL, ":1: a name has"},
	{"[]\n", -EINVAL, ":1: a section is"},
	{"[", -EINVAL, ":1: a section lacks"},
	{"[other x]\n", -EINVAL, ":1: a section is"},
	{SET "type=aes\nmaster=" K1 "\n" SET, -EEXIST, ":4: [keyset s] stands in line 1"},
	{"[key k]\nsecret=" K1 "\ntype=aes\n", -EINVAL, "has no use="},
	{"[key k]\nuse=dap\n", -EINVAL, "needs one of"},
	{"[key k]\nuse=dap\nsecret=" K1 "\npublic=x\n", -EINVAL, "needs one of"},
	{"[key k]\nuse=dap\npublic=\n", -EINVAL, ":3: public= names a file"},
	{"[key k]\nuse=dap\nsecret=" K1 "\n", -EINVAL, "has no type="},
	{"[key k]\nuse=dap\ntype=aes\npublic=x\n", -EINVAL, "says itself what it is"},
	{"[key k]\nuse=all\n", -EINVAL, ":2: use= is token"},
	{"[key k]\nuse=dap\nenc=" K1 "\n", -EINVAL, ":3: no such name="},
	{"[key k]\nuse=dap\ntype=scp11a\n", -EINVAL, ":3: type= is aes or des"},
	{SET "type=scp11a\nkvn=1\n", -EINVAL, "host_key= and host_certificates= are needed"},
	{SET "type=scp11b\n", -EINVAL, "has no kvn="},
	{SET "type=scp11b\nkvn=1\nhost_key=x\n", -EINVAL, "neither key nor certificate"},
	{SET "type=scp11b\nkvn=1\nenc=" K1 "\n", -EINVAL, "it has no enc="},
	{SET "type=scp11b\nkvn=1\nsession_bits=512\n", -EINVAL, ":4: session_bits= is"},
};

static void test_mistakes(void **state)
{
	struct keys *k = ring();
	size_t i;
	int r;

	(void)state;
	for (i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		r = keys_add(k, spec("m", mistakes[i].text), NULL, &err);
		if (r != mistakes[i].error || !strstr(err.detail, mistakes[i].words))
			fail_msg("%s: %d %s", mistakes[i].text, r, err.detail);
		/* no value in a message, not even one that stands at a wrong place */
		assert_null(strstr(err.detail, "1011121314"));
		assert_null(strstr(err.detail, "diversifikation"));
		assert_int_equal(keys_count(k), 0);
	}
	keys_free(k);
}

static void test_limits(void **state)
{
	char *text = malloc(KEYS_FILE_MAX + 2);
	struct keys *k = ring();
	size_t n = 0, i;

	(void)state;
	assert_non_null(text);
	for (i = 0; i < KEYS_MAX; i++)
		n += (size_t)sprintf(text + n, "[keyset s%zu]\ntype=aes\nmaster=" K1 "\n", i);
	assert_int_equal(keys_add(k, spec("l", text), NULL, &err), 0);
	assert_int_equal(keys_count(k), KEYS_MAX);
	assert_int_equal(keys_add(k, "default", NULL, &err), -EFBIG);
	keys_free(k);
	k = ring();
	strcpy(text + n, "[keyset more]\ntype=aes\nmaster=" K1 "\n");
	assert_int_equal(keys_add(k, spec("l", text), NULL, &err), -EFBIG);
	assert_int_equal(keys_count(k), 0);
	/* as large as may be, and one more */
	memset(text, '\n', KEYS_FILE_MAX + 1);
	text[KEYS_FILE_MAX + 1] = '\0';
	n = (size_t)sprintf(text, "[keyset s]\ntype=aes\nmaster=" K1 "\n");
	text[n] = '\n';
	assert_int_equal(keys_add(k, spec("l", text), NULL, &err), -EFBIG);
	text[KEYS_FILE_MAX] = '\0';
	assert_int_equal(keys_add(k, spec("l", text), NULL, &err), 0);
	/* a line that does not end */
	memset(text, 'a', 5000);
	text[5000] = '\0';
	assert_int_equal(keys_add(k, spec("l", text), NULL, &err), -EINVAL);
	assert_non_null(strstr(err.detail, ":1: the line is longer"));
	keys_free(k);
	free(text);
}

/* ---- who may read it ---- */

static void test_permissions(void **state)
{
	struct keys *k = ring();
	char path[160], link[160], s[200];

	(void)state;
	strcpy(path, put("p", good, 0640));
	snprintf(s, sizeof(s), "file:%s", path);
	assert_int_equal(keys_add(k, s, NULL, &err), -EACCES);
	assert_non_null(strstr(err.detail, "chmod 600"));
	assert_non_null(strstr(err.detail, "0640"));
	assert_int_equal(chmod(path, 0604), 0);
	assert_int_equal(keys_add(k, s, NULL, &err), -EACCES);
	assert_int_equal(chmod(path, 0620), 0);
	assert_int_equal(keys_add(k, s, NULL, &err), -EACCES);
	assert_int_equal(chmod(path, 0400), 0);
	assert_int_equal(keys_add(k, s, "isd", &err), 0);
	/* a path alone is a file too */
	assert_int_equal(keys_add(k, path, "long", &err), 0);

	snprintf(link, sizeof(link), "%s/link", dir);
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(keys_add(k, link, "own", &err), 0); /* our own link */
	if (!geteuid()) {
		if (!lchown(link, 12345, 12345)) {
			assert_int_equal(keys_add(k, link, "bank.emv", &err), -EACCES);
			assert_non_null(strstr(err.detail, "symbolic link of another user"));
		}
		if (!chown(path, 12345, 12345)) {
			assert_int_equal(keys_add(k, path, "bank.emv", &err), -EACCES);
			assert_non_null(strstr(err.detail, "another user"));
		}
	}

	snprintf(s, sizeof(s), "file:%s", dir);
	assert_int_equal(keys_add(k, s, NULL, &err), -EACCES); /* a folder */
	snprintf(s, sizeof(s), "file:%s/none", dir);
	assert_int_equal(keys_add(k, s, NULL, &err), -ENOENT);
	snprintf(path, sizeof(path), "%s/fifo", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(keys_add(k, path, NULL, &err), -EACCES); /* and does not wait */
	assert_int_equal(keys_count(k), 3);
	keys_free(k);
}

static void test_specs(void **state)
{
	static const char *const bad[] = {
		"",
		K1,
		"file:",
		"fd:",
		"fd:-1",
		"fd:1x",
		"fd:99999999999",
		"credential:",
		"credential:a/b",
		"credential:..",
		"Default",
		"pkcs11",
		"pkcs11:object",
		"pkcs11:object=x;pin-value=1",
		"env:KEY",
		"pkcs11:object=x?pin-value=1",
		"pkcs11:unheard=of",
	};
	struct keys *k = ring();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (keys_spec_check(bad[i], &err) != -EINVAL)
			fail_msg("taken: %s", bad[i]);
		assert_null(strstr(err.detail, "1011"));
		assert_int_equal(keys_add(k, bad[i], NULL, &err), -EINVAL);
	}
	assert_int_equal(keys_spec_check("default", &err), 0);
	assert_int_equal(keys_spec_check("fd:3", &err), 0);
	assert_int_equal(keys_spec_check("credential:isd", &err), 0);
	assert_int_equal(keys_spec_check("./keys", &err), 0);
	assert_int_equal(
		keys_spec_check("pkcs11:token=T;object=isd?pin-source=file:/p&x-kvn=30", &err),
		0);
	keys_free(k);
}

static void test_fd(void **state)
{
	struct keys *k = ring();
	char s[32];
	int p[2], fd;

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(write(p[1], good, sizeof(good) - 1), sizeof(good) - 1);
	close(p[1]);
	snprintf(s, sizeof(s), "fd:%d", p[0]);
	assert_int_equal(keys_add(k, s, NULL, &err), 0);
	assert_int_equal(keys_count(k), 4);
	strcat(s, ":15");
	assert_string_equal(keys_where(k, "long"), s);
	*strrchr(s, ':') = '\0';
	/* read to its end */
	assert_int_equal(keys_add(k, s, NULL, &err), -EINVAL);
	assert_non_null(strstr(err.detail, "holds no [keyset"));
	close(p[0]);
	assert_int_equal(keys_add(k, s, NULL, &err), -EBADF);
	/* no folder: a relative name is nobody's */
	fd = memfd_create("keys", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_true(dprintf(fd, "[key t]\nuse=token\npublic=t.pem\n") > 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	snprintf(s, sizeof(s), "fd:%d", fd);
	assert_int_equal(keys_add(k, s, NULL, &err), -EINVAL);
	assert_non_null(strstr(err.detail, ":1: this source has no folder"));
	/* one that has no end */
	close(fd);
	fd = open("/dev/zero", O_RDONLY);
	snprintf(s, sizeof(s), "fd:%d", fd);
	assert_int_equal(keys_add(k, s, NULL, &err), -EFBIG);
	close(fd);
	keys_free(k);
}

static void test_credential(void **state)
{
	struct keys *k = ring();

	(void)state;
	unsetenv("CREDENTIALS_DIRECTORY");
	assert_int_equal(keys_add(k, "credential:isd", NULL, &err), -ENOENT);
	assert_non_null(strstr(err.detail, "LoadCredential="));
	setenv("CREDENTIALS_DIRECTORY", dir, 1);
	assert_int_equal(keys_add(k, "credential:isd", NULL, &err), -ENOENT);
	put("isd", good, 0440); /* as systemd has it with an ACL */
	assert_int_equal(keys_add(k, "credential:isd", "isd", &err), 0);
	put("open", good, 0444);
	assert_int_equal(keys_add(k, "credential:open", "long", &err), -EACCES);
	unsetenv("CREDENTIALS_DIRECTORY");
	keys_free(k);
}

/* ---- key pairs ---- */

static void put_pem(const char *name, EVP_PKEY *pkey, bool private_key, const char *pass,
		    mode_t mode)
{
	char path[160];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	if (private_key)
		assert_int_equal(PEM_write_PrivateKey(f, pkey, pass ? EVP_aes_128_cbc() : NULL,
						      NULL, 0, NULL, (void *)(uintptr_t)pass),
				 1);
	else
		assert_int_equal(PEM_write_PUBKEY(f, pkey), 1);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void test_pairs(void **state)
{
	EVP_PKEY *rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
	EVP_PKEY *ec = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	struct keys *k = ring();
	const struct keys_single *one;

	(void)state;
	put_pem("rsa.pem", rsa, true, NULL, 0600);
	put_pem("rsa.pub", rsa, false, NULL, 0644);
	put_pem("ec.pem", ec, true, NULL, 0600);
	assert_int_equal(keys_add(k,
				  spec("f", "[key t]\nuse=token\nprivate=rsa.pem\n"
					    "[key v]\nuse=token\npublic=rsa.pub\nkvn=70\n"
					    "[key d]\nuse=dap\nprivate=./ec.pem\n"),
				  NULL, &err),
			 0);
	assert_int_equal(keys_count(k), 0);
	assert_null(keys_single(k, KEYS_USE_TOKEN, NULL)); /* two */
	one = keys_single(k, KEYS_USE_TOKEN, "t");
	assert_true(one->private_key);
	assert_int_equal(EVP_PKEY_eq(one->pkey, rsa), 1);
	one = keys_single(k, KEYS_USE_TOKEN, "v");
	assert_false(one->private_key);
	assert_int_equal(one->kvn, 0x70);
	assert_int_equal(EVP_PKEY_eq(one->pkey, rsa), 1);
	assert_true(keys_single(k, KEYS_USE_DAP, NULL)->private_key);
	assert_null(keys_single(k, KEYS_USE_DAP, "t"));

	put_pem("open.pem", rsa, true, NULL, 0644);
	assert_int_equal(
		keys_add(k, spec("f", "[key o]\nuse=token\nprivate=open.pem\n"), NULL, &err),
		-EACCES);
	assert_non_null(strstr(err.detail, "/f:1: "));
	put_pem("written.pub", rsa, false, NULL, 0666);
	assert_int_equal(
		keys_add(k, spec("f", "[key o]\nuse=dap\npublic=written.pub\n"), NULL, &err),
		-EACCES);
	put_pem("pass.pem", rsa, true, "secret", 0600);
	assert_int_equal(
		keys_add(k, spec("f", "[key o]\nuse=token\nprivate=pass.pem\n"), NULL, &err),
		-EINVAL);
	assert_non_null(strstr(err.detail, "passphrase"));
	/* the wrong half */
	assert_int_equal(
		keys_add(k, spec("f", "[key o]\nuse=dap\npublic=rsa.pem\n"), NULL, &err),
		-EINVAL);
	assert_int_equal(
		keys_add(k, spec("f", "[key o]\nuse=dap\nprivate=none.pem\n"), NULL, &err),
		-ENOENT);
	assert_int_equal(
		keys_add(k, spec("f", "[key t]\nuse=dap\npublic=rsa.pub\n"), NULL, &err),
		-EEXIST);
	assert_null(keys_single(k, KEYS_USE_DAP, "o"));
	keys_free(k);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ec);
}

static void test_scp11(void **state)
{
	EVP_PKEY *ec = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	EVP_PKEY *peer = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	EVP_PKEY *rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
	uint8_t point[GP_EC_POINT_MAX], a[GP_EC_MAX], b[GP_EC_MAX];
	const struct gp_scp11_keyset *set;
	struct keys *k = ring();
	EVP_PKEY_CTX *c;
	size_t n = 0;

	(void)state;
	put_pem("oce.pem", ec, true, NULL, 0600);
	put_pem("ca.pub", peer, false, NULL, 0644);
	put_pem("rsa.pem", rsa, true, NULL, 0600);
	put("certs", "7F210393010\n", 0644);
	put("two", "7F21039301017F2103930102\n", 0644);
#define SCP11A "[keyset h]\ntype=scp11a\nkvn=3\nca_kid=10\nca_kvn=4\nsession_bits=256\n"
	assert_int_equal(keys_add(k,
				  spec("s", SCP11A "host_key=oce.pem\n"
						   "host_certificates=two\ncard_ca=ca.pub\n"
						   "[keyset b]\ntype=scp11b\nkvn=1\n"),
				  NULL, &err),
			 0);
	assert_null(keys_find(k, "h"));
	set = keys_find_scp11(k, "h");
	assert_non_null(set);
	assert_string_equal(set->name, "h");
	assert_int_equal(set->protocol, GP_SCP11A);
	assert_int_equal(set->kid, 0);
	assert_int_equal(set->kvn, 3);
	assert_int_equal(set->ca_kid, 0x10);
	assert_int_equal(set->ca_kvn, 4);
	assert_int_equal(set->key_len, 32);
	assert_int_equal(set->n_certs, 2);
	assert_int_equal(set->certs[1].len, 6);
	assert_int_equal(set->certs[1].p[5], 2);
	assert_int_equal(set->ca_len, 65);
	assert_int_equal(set->oce.curve, 0);
	assert_int_equal(EVP_PKEY_get_octet_string_param(peer, "pub", point, sizeof(point), &n),
			 1);
	assert_memory_equal(set->ca, point, 65);
	/* the shared secret is the one that the other side gets */
	assert_int_equal(set->oce.ecdh(set->oce.ctx, point, n, a), 0);
	c = EVP_PKEY_CTX_new(peer, NULL);
	n = sizeof(b);
	assert_int_equal(EVP_PKEY_derive_init(c), 1);
	assert_int_equal(EVP_PKEY_derive_set_peer(c, ec), 1);
	assert_int_equal(EVP_PKEY_derive(c, b, &n), 1);
	EVP_PKEY_CTX_free(c);
	assert_memory_equal(a, b, 32);
	point[40] ^= 1; /* not on the curve any more */
	assert_int_equal(set->oce.ecdh(set->oce.ctx, point, 65, a), -EBADMSG);
	set = keys_find_scp11(k, "b");
	assert_int_equal(set->protocol, GP_SCP11B);
	assert_int_equal(set->key_len, 16);
	assert_int_equal(set->ca_len, 0);
	keys_free(k);

	k = ring();
	assert_int_equal(keys_add(k,
				  spec("s", SCP11A "host_key=oce.pem\n"
						   "host_certificates=certs\n"),
				  NULL, &err),
			 -EINVAL);
	assert_non_null(strstr(err.detail, "holds no card certificates"));
	put("bad", "7F21059301", 0644);
	assert_int_equal(keys_add(k,
				  spec("s", SCP11A "host_key=oce.pem\n"
						   "host_certificates=bad\n"),
				  NULL, &err),
			 -EINVAL);
	assert_int_equal(keys_add(k,
				  spec("s", SCP11A "host_key=rsa.pem\n"
						   "host_certificates=two\n"),
				  NULL, &err),
			 -EINVAL);
	assert_non_null(strstr(err.detail, "not an elliptic curve key"));
	assert_int_equal(keys_count(k), 0);
	keys_free(k);
	EVP_PKEY_free(ec);
	EVP_PKEY_free(peer);
	EVP_PKEY_free(rsa);
}

/* ---- what stays behind ---- */

/*
 * The needle is known here only with all its bits inverted, and so is the hay when it is
 * searched: the searcher finds neither itself nor what it left on its stack.
 */
static unsigned int scan_memory(const uint8_t *inverted, size_t len)
{
	static uint8_t buf[1 << 20];
	FILE *maps = fopen("/proc/self/maps", "r");
	int mem = open("/proc/self/mem", O_RDONLY);
	unsigned int found = 0;
	unsigned long lo, hi, at;
	char line[512], perms[8];
	ssize_t n, i;
	uint8_t *p;

	assert_non_null(maps);
	assert_true(mem >= 0);
	while (fgets(line, sizeof(line), maps)) {
		/* not what ASan maps for its own books, terabytes of it */
		if (sscanf(line, "%lx-%lx %7s", &lo, &hi, perms) != 3 || perms[0] != 'r' ||
		    perms[1] != 'w' || hi - lo > (1UL << 28))
			continue;
		for (at = lo; at + len <= hi; at += sizeof(buf) - len + 1) {
			n = pread(mem, buf, hi - at < sizeof(buf) ? hi - at : sizeof(buf),
				  (off_t)at);
			for (i = 0; i < n; i++)
				buf[i] ^= 0xff;
			for (p = buf;
			     n > 0 && (p = memmem(p, (size_t)(buf + n - p), inverted, len));
			     p++)
				found++;
		}
	}
	fclose(maps);
	close(mem);
	explicit_bzero(buf, sizeof(buf));
	return found;
}

/* The text is made in another process, so that nothing but the library has it here. */
static void test_nothing_stays(void **state)
{
	unsigned int in_use;
	uint8_t half[8];
	struct keys *k;
	char s[32];
	int p[2], i, st;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(p), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		dprintf(p[1], "[keyset s]\ntype=aes\n");
		for (st = 0; st < 3; st++) {
			dprintf(p[1], "%s=", st == 0 ? "enc" : st == 1 ? "mac" : "dek");
			for (i = 0; i < 16; i++)
				dprintf(p[1], "%02X", (0x5a + i * 37) & 0xff);
			dprintf(p[1], "\n");
		}
		_exit(0);
	}
	close(p[1]);
	for (i = 0; i < 8; i++)
		half[i] = (uint8_t)~(0x5a + (i + 4) * 37);
	k = ring();
	snprintf(s, sizeof(s), "fd:%d", p[0]);
	assert_int_equal(keys_add(k, s, NULL, &err), 0);
	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_int_equal(st, 0);
	in_use = scan_memory(half, sizeof(half));
	/* the three of the set, and nothing else: no copy of the text either */
	assert_int_equal(in_use, 3);
	keys_free(k);
	assert_int_equal(scan_memory(half, sizeof(half)), 0);
	close(p[0]);
}

static void test_pages(void **state)
{
	struct keys *k = ring();
	const struct gp_keyset *set;
	char line[512];
	unsigned long lo, hi, at;
	bool here = false, dontdump = false, locked = false;
	FILE *smaps;
	int st;
	pid_t pid;

	(void)state;
	assert_int_equal(keys_add(k, spec("a", good), NULL, &err), 0);
	set = keys_find(k, "isd");
	at = (unsigned long)set;
	smaps = fopen("/proc/self/smaps", "r");
	assert_non_null(smaps);
	while (fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &lo, &hi) == 2)
			here = at >= lo && at < hi;
		else if (here && !strncmp(line, "VmFlags:", 8)) {
			dontdump = strstr(line, " dd") != NULL;
			locked = strstr(line, " lo") != NULL;
		}
	}
	fclose(smaps);
	assert_true(dontdump);
#ifdef __SANITIZE_ADDRESS__
	locked = keys_locked(k); /* ASan makes mlock() do nothing */
#endif
	assert_int_equal(locked, keys_locked(k));
	/* a child has zeros where the keys were */
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(set->enc.type || set->enc.value[0] ? 1 : 0);
	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_int_equal(st, 0);
	assert_int_equal(set->enc.value[0], 0x10);
	/* and no core of it */
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		struct rlimit lim;

		if (keys_harden_process() || getrlimit(RLIMIT_CORE, &lim) || lim.rlim_max != 0)
			_exit(1);
#ifndef __SANITIZE_ADDRESS__
		if (prctl(PR_GET_DUMPABLE) != 0)
			_exit(2);
#endif
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_int_equal(st, 0);
	keys_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_default_by_value, setup, teardown),
		cmocka_unit_test_setup_teardown(test_as, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mistakes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_permissions, setup, teardown),
		cmocka_unit_test(test_specs),
		cmocka_unit_test_setup_teardown(test_fd, setup, teardown),
		cmocka_unit_test_setup_teardown(test_credential, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pairs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_scp11, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pages, setup, teardown),
	};

	return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
