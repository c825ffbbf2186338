// SPDX-License-Identifier: Apache-2.0
/* Card management: domains, keys, signatures, tokens, receipts, personalization. */
#include "softse_bench.h"

#define SSD2 "F0534553414D455332"
#define KEY_40 "404142434445464748494A4B4C4D4E4F"
#define HELLO_HASH "2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824"
#define HELLO "C40568656C6C6F"

static const uint8_t key_40[16] = {0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47,
				   0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f};
static const uint8_t zero[16];

/* Another hex digit in the same place. */
static void spoil(char *digit)
{
	*digit = *digit == '0' ? '1' : '0';
}

/* Lengths in front, in hex. */
static char *lv(char *out, const char *hex)
{
	sprintf(out, "%02zX%s", strlen(hex) / 2, hex);
	return out;
}

/* One AES key of PUT KEY under a DEK, with its check value. */
static char *aes_field(char *out, const uint8_t dek[16], uint8_t fill, size_t len)
{
	uint8_t clear[32], cipher[32], kcv[16], ones[16];
	size_t padded = (len + 15) / 16 * 16;
	char c[80], k[8];

	memset(clear, 0, sizeof(clear));
	memset(clear, fill, len);
	memset(ones, 1, sizeof(ones));
	assert_int_equal(crypto_aes_cbc(true, dek, 16, zero, clear, padded, cipher), 0);
	assert_int_equal(crypto_aes_cbc(true, clear, len, zero, ones, 16, kcv), 0);
	sprintf(out, "88%02zX%02zX%s03%s", padded + 1, len, hex_of(c, cipher, padded),
		hex_of(k, kcv, 3));
	return out;
}

static void put_aes_set(struct bench *b, const char *head, uint8_t kvn, uint8_t fill,
			unsigned int want)
{
	char f[3][128], all[512];

	for (int i = 0; i < 3; i++)
		aes_field(f[i], key_40, (uint8_t)(fill + i), 16);
	sprintf(all, "%02X%s%s%s", kvn, f[0], f[1], f[2]);
	cmd(b, head, all, want);
}

static void put_one_aes(struct bench *b, uint8_t kvn, uint8_t fill)
{
	char f[128], all[256];

	sprintf(all, "%02X%s", kvn, aes_field(f, key_40, fill, 16));
	cmd(b, "80D80001", all, 0x9000);
}

static void make_domain(struct bench *b, const char *aid, const char *priv)
{
	char data[512];

	sprintf(data, "07" SD_ELF "08" SD_MODULE "%02zX%s03%s02C90000", strlen(aid) / 2, aid,
		priv);
	cmd(b, "80E60C00", data, 0x9000);
}

static void load_hello(struct bench *b, const char *install, const char *block,
		       unsigned int want_install, unsigned int want)
{
	cmd(b, "80E60200", install, want_install);
	if (want_install == 0x9000)
		cmd(b, "80E88000", block, want);
}

static void test_domain_with_keys(void **state)
{
	struct bench *b = *state;

	session(b, ISD);
	make_domain(b, SSD, "800000");
	cmd(b, "80F24002", "4F09" SSD, 0x9000);
	answer(b, "E3274F09" SSD "9F700107C503800000C407" SD_ELF "CC08" ISD);
	/* without keys of its own it uses the issuer's */
	session(b, SSD);
	cmd(b, "80E64000", "000000000000", 0x6985);
	put_aes_set(b, "80D80081", 0x31, 0x51, 0x9000);
	assert_int_equal(b->len, 10);
	assert_int_equal(b->rsp[0], 0x31);
	sw(b, "80CA00E000", 0x9000);
	answer(b, "E012C00401318810C00402318810C00403318810");
	/* now it has: the session is with KVN 31, the issuer's version is not there */
	cmd(b, "80503000", "0001020304050607", 0x6a88);
	session(b, SSD);
	assert_int_equal(b->card.channels[0].scp.kvn, 0x31);
	assert_ptr_not_equal(b->card.channels[0].scp.sd, b->card.entries[0]);
	session(b, ISD);
	cmd(b, "80F24002", "5C029F704F09" SSD, 0x9000);
	answer(b, "E3049F70010F"); /* PERSONALIZED by its keys */
	/* a locked domain is neither selected nor of service */
	cmd(b, "80F04080", SSD, 0x9000);
	cmd(b, "00A40400", SSD, 0x6a82);
	cmd(b, "80F04000", SSD, 0x9000);
	cmd(b, "00A40400", SSD, 0x9000);
}

static void test_put_key_rules(void **state)
{
	struct bench *b = *state;
	char f[128], all[512];

	session(b, ISD);
	put_aes_set(b, "80D83181", 0x31, 0x61, 0x6a88); /* nothing to replace */
	put_aes_set(b, "80D80081", 0x30, 0x61, 0x6985); /* the place is taken */
	put_aes_set(b, "80D80081", 0x00, 0x61, 0x6a80);
	put_aes_set(b, "80D80081", 0x80, 0x61, 0x6a80);
	put_aes_set(b, "80D80080", 0x31, 0x61, 0x6a86);
	put_aes_set(b, "80D80001", 0x31, 0x61, 0x6a80); /* three, but not announced */
	sprintf(all, "31%s", aes_field(f, key_40, 0x61, 16));
	spoil(all + strlen(all) - 1); /* of the check value */
	cmd(b, "80D80001", all, 0x6a80);
	all[strlen(all) - 2] = 0;
	cmd(b, "80D80001", all, 0x6a80);
	cmd(b, "80D80001", "31", 0x6a80);
	cmd(b, "80D80001", "3188", 0x6a80);
	cmd(b, "80D80001", "31FF0100", 0x6a80);
	/* a set is of one length */
	sprintf(all, "31%s", aes_field(f, key_40, 0x61, 16));
	cmd(b, "80D80001", all, 0x9000);
	sprintf(all, "31%s", aes_field(f, key_40, 0x61, 32));
	cmd(b, "80D80002", all, 0x6a80);
	/* replaced by another version; the old one is gone */
	put_aes_set(b, "80D83081", 0x32, 0x71, 0x9000);
	assert_null(entry_key(b->card.entries[0], 0x30, 1));
	assert_non_null(entry_key(b->card.entries[0], 0x32, 3));
	session(b, ISD);
	/* DELETE: by version, by both; not those of the session */
	cmd(b, "80E40000", "D20131", 0x9000);
	cmd(b, "80E40000", "D20131", 0x6a88);
	cmd(b, "80E40000", "D20132", 0x6985);
	cmd(b, "80E40000", "D00101D20132", 0x6985);
	cmd(b, "80E40000", "D0020101", 0x6a80);
	cmd(b, "80E40080", "D20132", 0x6a86);
	/* other types */
	cmd(b, "80D80001",
	    "74A18180"
	    "D1000000000000000000000000000000000000000000000000000000000000D1"
	    "D2000000000000000000000000000000000000000000000000000000000000D2"
	    "D3000000000000000000000000000000000000000000000000000000000000D3"
	    "D4000000000000000000000000000000000000000000000000000000000000D5"
	    "A00301000100",
	    0x9000);
	cmd(b, "80D80001", "76A00301000100", 0x6a80); /* half of a key */
	sw(b, "80CA00E000", 0x9000);
}

/* PUT KEY in two commands: bit 8 of P1 (GPCS 11.1.5). */
static void test_more_commands(void **state)
{
	struct bench *b = *state;
	char f[3][128], all[512], part[512];

	session(b, ISD);
	for (int i = 0; i < 3; i++)
		aes_field(f[i], key_40, (uint8_t)(0x51 + i), 16);
	sprintf(all, "31%s%s%s", f[0], f[1], f[2]);
	memcpy(part, all, 80);
	part[80] = 0;
	cmd(b, "80D88081", part, 0x9000);
	assert_int_equal(b->len, 0);
	cmd(b, "80D80081", all + 80, 0x9000);
	assert_int_equal(b->len, 10);
	/* anything in between, and the first part is forgotten */
	cmd(b, "80D88084", part, 0x9000);
	sw(b, "80CA006600", 0x9000);
	cmd(b, "80D80084", all + 80, 0x6a80);
}

static void test_extradition(void **state)
{
	struct bench *b = *state;

	session(b, ISD);
	make_domain(b, SSD, "804000");
	make_domain(b, SSD2, "800000");
	load_hello(b, "08" ELF "00000000", HELLO, 0x9000, 0x9000);
	cmd(b, "80E60C00", "08" ELF "09" MODULE "09" APP "010002C90000", 0x9000);
	cmd(b, "80E61000", "09" SSD "0009" APP "000000", 0x9000);
	cmd(b, "80E61000", "09" SSD "0009" APP "000000", 0x6985); /* it is there */
	cmd(b, "80E61000", "08" ISD "0008" ISD "000000", 0x6985);
	cmd(b, "80E61000", "09" SSD "0008F000000000000009000000", 0x6a88);
	cmd(b, "80E61000", "09" APP "0008" ELF "000000", 0x6a88);
	cmd(b, "80F24002", "5C01CC4F09" APP, 0x9000);
	answer(b, "E30BCC09" SSD);
	/* a domain sees and manages what is below it and nothing else */
	session(b, SSD);
	cmd(b, "80F24002", "5C014F4F00", 0x9000);
	answer(b, "E30B4F09" SSD "E30B4F09" APP);
	cmd(b, "80F22002", "4F00", 0x6a88);
	cmd(b, "80E40000", "4F08" ELF, 0x6985);
	cmd(b, "80F04080", SSD2, 0x6985);
	cmd(b, "80F04080", APP, 0x9000);
	cmd(b, "80F08007", "", 0x6985);
	/* authorized management: an application of its own, from the issuer's file */
	cmd(b, "80E60C00", "08" ELF "09" MODULE "09F0534553414D450103010002C90000", 0x9000);
	/* one without a privilege manages nothing */
	session(b, SSD2);
	cmd(b, "80E60200",
	    "08F000000000000001"
	    "00000000",
	    0x6985);
	cmd(b, "80E60C00", "08" ELF "09" MODULE "09F0534553414D450104010002C90000", 0x6985);
	/* a domain of which something depends does not go; on its own it can stand */
	session(b, ISD);
	cmd(b, "80E40000", "4F09" SSD, 0x6985);
	cmd(b, "80E61000", "09" SSD "0009" SSD "000000", 0x9000);
	cmd(b, "80F24002", "5C01CC4F09" SSD, 0x9000);
	answer(b, "E30BCC09" SSD);
	cmd(b, "80E61000", "09" SSD2 "0009" APP "000000", 0x6985); /* no longer below */
}

static void test_privileges(void **state)
{
	static const struct {
		const char *priv;
		bool sd;
		unsigned int want;
	} cases[] = {
		{"800000", true, 0x9000},  {"000000", true, 0x6a80},  {"A00000", true, 0x9000},
		{"804000", true, 0x9000},  {"A04000", true, 0x6a80},  {"C00000", true, 0x9000},
		{"810000", true, 0x6a80},  {"C10000", true, 0x9000},  {"80000F", true, 0x6a80},
		{"800000", false, 0x6a80}, {"020000", false, 0x9000}, {"004000", false, 0x6a80},
		{"000080", false, 0x6a80}, {"400000", false, 0x6a80}, {"000020", false, 0x9000},
	};
	struct bench *b = *state;
	char data[256];

	session(b, ISD);
	load_hello(b, "08" ELF "00000000", HELLO, 0x9000, 0x9000);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		sprintf(data, "%s07F0534553AA00%02zX03%s02C90000",
			cases[i].sd ? "07" SD_ELF "08" SD_MODULE : "08" ELF "09" MODULE, i,
			cases[i].priv);
		cmd(b, "80E60C00", data, cases[i].want);
	}
	/* Card Reset: one has it, the issuer's domain in the end */
	cmd(b, "80E60C00", "08" ELF "09" MODULE "07F0534553AB0001010402C90000", 0x9000);
	assert_false(b->card.entries[0]->priv & PRIV_CARD_RESET);
	cmd(b, "80E60C00", "08" ELF "09" MODULE "07F0534553AB0002010402C90000", 0x6985);
	card_reset(&b->card);
	sw(b, "8050000000", 0x9000); /* the test applet is selected by default */
	assert_int_equal(b->len, 1);
	session(b, ISD);
	cmd(b, "80E40000", "4F07F0534553AB0001", 0x9000);
	assert_true(b->card.entries[0]->priv & PRIV_CARD_RESET);
	/* registry update: privileges, restrictions; never the domain bit */
	cmd(b, "80E64000",
	    "000007F0534553AA000A03000000"
	    "0000",
	    0x9000);
	cmd(b, "80E64000",
	    "000007F0534553AA000A03800000"
	    "0000",
	    0x6a80);
	cmd(b, "80E64000",
	    "000007F0534553AA000A00"
	    "05EF03D90101"
	    "00",
	    0x9000);
	cmd(b, "80E40000", "4F07F0534553AA000A", 0x6985); /* restricted: no deletion */
	/* no more management that is not authorized */
	cmd(b, "80E64000",
	    "000008" ISD "00"
	    "05EF03D90102"
	    "00",
	    0x9000);
	cmd(b, "80E60200",
	    "08F000000000000001"
	    "00000000",
	    0x6985);
}

/* The signature of a DAP block over a file's hash. */
static void dap_block(char *out, const char *aid, const void *sig, size_t len)
{
	char name[128], value[320], s[300], inner[600];

	lv(name, aid);
	hex_of(s, sig, len);
	lv(value, s);
	sprintf(inner, "4F%sC3%s", name, value);
	sprintf(out, "E2%02zX%s" HELLO, strlen(inner) / 2, inner);
}

static void test_dap(void **state)
{
	struct bench *b = *state;
	uint8_t mac[16], hash[32], priv[32], pub[65], sig[64], key[16];
	struct crypto_part part = {hash, 32};
	char block[1024], all[512], p[200];

	unhex(HELLO_HASH, hash, 32);
	session(b, ISD);
	make_domain(b, SSD, "C00000");
	session(b, SSD);
	put_one_aes(b, 0x73, 0x99);
	session(b, ISD);
	/* to the domain: hash and signature are needed */
	load_hello(b, "08" ELF "09" SSD "000000", HELLO, 0x6a80, 0);
	load_hello(b, "08" ELF "09" SSD "20" HELLO_HASH "0000", HELLO, 0x9000, 0x6985);
	memset(key, 0x99, sizeof(key));
	crypto_cmac(key, 16, &part, 1, mac);
	dap_block(block, SSD, mac, 16);
	load_hello(b, "08" ELF "09" SSD "20" HELLO_HASH "0000", block, 0x9000, 0x9000);
	cmd(b, "80E40000", "4F08" ELF, 0x9000);
	mac[0] ^= 1;
	dap_block(block, SSD, mac, 16);
	load_hello(b, "08" ELF "09" SSD "20" HELLO_HASH "0000", block, 0x9000, 0x6982);
	/* a domain without the privilege has no say */
	dap_block(block, ISD, mac, 16);
	load_hello(b, "08" ELF "0020" HELLO_HASH "0000", block, 0x9000, 0x6985);
	/* mandated, by an elliptic curve: every file needs it */
	make_domain(b, SSD2, "C10000");
	session(b, SSD2);
	assert_int_equal(crypto_ec_generate(0, priv, pub), 0);
	sprintf(all, "73B041%sF0010000", hex_of(p, pub, 65));
	cmd(b, "80D80001", all, 0x9000);
	answer(b, "73");
	session(b, ISD);
	load_hello(b, "08" ELF "00000000", HELLO, 0x6a80, 0);
	load_hello(b, "08" ELF "0020" HELLO_HASH "0000", HELLO, 0x9000, 0x6985);
	assert_int_equal(crypto_ec_sign(0, priv, 32, 32, hash, 32, sig), 0);
	dap_block(block, SSD2, sig, 64);
	load_hello(b, "08" ELF "0020" HELLO_HASH "0000", block, 0x9000, 0x9000);
	cmd(b, "80E40000", "4F08" ELF, 0x9000);
	sig[63] ^= 1;
	dap_block(block, SSD2, sig, 64);
	load_hello(b, "08" ELF "0020" HELLO_HASH "0000", block, 0x9000, 0x6982);
}

static void test_ciphered_file(void **state)
{
	struct bench *b = *state;
	uint8_t clear[16] = "hello\x80", iv[16], cipher[16], key[16];
	char block[256], i[40], c[40];

	session(b, ISD);
	memset(key, 0x77, sizeof(key));
	memset(iv, 0x12, sizeof(iv));
	crypto_aes_cbc(true, key, 16, iv, clear, 16, cipher);
	sprintf(block, "D310%sD410%s", hex_of(i, iv, 16), hex_of(c, cipher, 16));
	load_hello(b, "08" ELF "0020" HELLO_HASH "0000", block, 0x9000, 0x6985);
	put_one_aes(b, 0x75, 0x77);
	load_hello(b, "08" ELF "0020" HELLO_HASH "0000", block, 0x9000, 0x9000);
	cmd(b, "80E40000", "4F08" ELF, 0x9000);
	spoil(block + 5); /* another ICV: other text, another hash */
	load_hello(b, "08" ELF "0020" HELLO_HASH "0000", block, 0x9000, 0x6a80);
	load_hello(b, "08" ELF "00000000", "D30112D410" KEY_40, 0x9000, 0x6a80);
	load_hello(b, "08" ELF "00000000", "D310" KEY_40 "C40568656C6C6F", 0x9000, 0x6a80);
}

/* A token under AES, over P1, P2, length and data. */
static char *with_token(char *out, uint8_t p1, const char *data)
{
	uint8_t bytes[300] = {p1, 0}, mac[16], key[16];
	size_t n = unhex(data, bytes + 3, sizeof(bytes) - 3);
	struct crypto_part part = {bytes, n + 3};
	char m[40];

	bytes[2] = (uint8_t)n;
	memset(key, 0x70, sizeof(key));
	crypto_cmac(key, 16, &part, 1, mac);
	sprintf(out, "%s10%s", data, hex_of(m, mac, 16));
	return out;
}

static void check_receipt(struct bench *b, uint8_t counter, const char *names)
{
	uint8_t data[200] = {2, 0, counter}, mac[16], key[16];
	size_t n = 3, unique = b->card.profile.iin_len + b->card.profile.cin_len;
	struct crypto_part part;

	data[n++] = (uint8_t)unique;
	memcpy(data + n, b->card.profile.iin, b->card.profile.iin_len);
	memcpy(data + n + b->card.profile.iin_len, b->card.profile.cin,
	       b->card.profile.cin_len);
	n += unique;
	/* the answer: the receipt, then counter and card */
	assert_int_equal(b->len, 17 + n);
	assert_int_equal(b->rsp[0], 16);
	assert_memory_equal(b->rsp + 17, data, n);
	n += unhex(names, data + n, sizeof(data) - n);
	memset(key, 0x71, sizeof(key));
	part = (struct crypto_part){data, n};
	crypto_cmac(key, 16, &part, 1, mac);
	assert_memory_equal(b->rsp + 1, mac, 16);
}

static void test_delegated(void **state)
{
	struct bench *b = *state;
	char t[1024];

	session(b, ISD);
	make_domain(b, SSD, "A00000");
	put_one_aes(b, 0x70, 0x70);
	put_one_aes(b, 0x71, 0x71);
	session(b, SSD);
	cmd(b, "80E60200", "08" ELF "09" SSD "20" HELLO_HASH "0000", 0x6985); /* no token */
	with_token(t, 0x02, "08" ELF "09" SSD "0000");
	cmd(b, "80E60200", t, 0x6a80); /* a token, and no hash */
	with_token(t, 0x02, "08" ELF "09" SSD "20" HELLO_HASH "00");
	spoil(t + 35);
	cmd(b, "80E60200", t, 0x6a88); /* another name */
	with_token(t, 0x02, "08" ELF "09" SSD "20" HELLO_HASH "00");
	spoil(t + strlen(t) - 1);
	cmd(b, "80E60200", t, 0x6982);
	with_token(t, 0x02, "08" ELF "09" SSD "20" HELLO_HASH "00");
	load_hello(b, t, HELLO, 0x9000, 0x9000);
	check_receipt(b, 1, "08" ELF "09" SSD);
	with_token(t, 0x0c, "08" ELF "09" MODULE "09" APP "010002C900");
	cmd(b, "80E60C00", t, 0x9000);
	check_receipt(b, 2, "08" ELF "09" APP);
	with_token(t, 0x10, "08" ISD "0009" APP "0000");
	cmd(b, "80E61000", t, 0x9000);
	check_receipt(b, 3, "09" SSD "09" APP "08" ISD);
	/* DELETE: the token has a tag of its own */
	cmd(b, "80E40000", "4F08" ELF, 0x6985);
	with_token(t, 0x00, "4F08" ELF);
	memmove(t + 22, t + 20, strlen(t + 20) + 1);
	memcpy(t + 20, "9E", 2);
	cmd(b, "80E40000", t, 0x6985); /* still needed */
	session(b, ISD);
	cmd(b, "80E40000", "4F09" APP, 0x9000);
	answer(b, "00"); /* the issuer needs no receipt */
	sw(b, "80CA00C200", 0x9000);
	answer(b, "C2020003");
	session(b, SSD);
	cmd(b, "80E40000", t, 0x9000);
	check_receipt(b, 4, "08" ELF);
}

static void test_personalization(void **state)
{
	struct bench *b = *state;
	uint8_t clear[16], cipher[16];
	char data[512], c[40];

	session(b, ISD);
	load_hello(b, "08" ELF "00000000", HELLO, 0x9000, 0x9000);
	cmd(b, "80E60C00", "08" ELF "09" MODULE "09" APP "010002C90000", 0x9000);
	cmd(b, "80E62000", "0000080000000000000001000000", 0x6a88);
	cmd(b, "80E62000", "000009" APP "000000", 0x9000);
	cmd(b, "80E20000", "000700000005", 0x9000);
	cmd(b, "80E28002", "000800000006", 0x6a86); /* the order of blocks */
	cmd(b, "80E62000", "000009" APP "000000", 0x9000);
	cmd(b, "80E20000", "000700000005", 0x9000);
	cmd(b, "80E28001", "000800000006", 0x9000);
	cmd(b, "00A40400", APP, 0x9000);
	sw(b, "8020000700", 0x9000);
	answer(b, "00000006");
	/* a domain: data objects, in one block or two, and keys as data groupings */
	session(b, ISD);
	make_domain(b, SSD, "800000");
	session(b, SSD);
	sw(b, "80CA004200", 0x6a88);
	cmd(b, "80E29000", "4203112233450401020304", 0x9000);
	sw(b, "80CA004200", 0x9000);
	answer(b, "4203112233");
	cmd(b, "80E21000", "5F5005687474", 0x9000);
	cmd(b, "80E29001", "7073", 0x9000);
	sw(b, "80CA5F5000", 0x9000);
	answer(b, "5F50056874747073");
	cmd(b, "80E29000", "5F50056874", 0x6a80);
	cmd(b, "80E29000", "5F0101AA", 0x6a88);
	memset(clear, 0x5a, sizeof(clear));
	crypto_aes_cbc(true, key_40, 16, zero, clear, 16, cipher);
	sprintf(data,
		"00B914B91295010896010080018881011082010183014081139100"
		"811310%s",
		hex_of(c, cipher, 16));
	cmd(b, "80E28800", data, 0x6a80); /* 91 is cut short */
	sprintf(data,
		"00B914B912950108960100800188810110820101830140"
		"811310%s",
		c);
	cmd(b, "80E28800", data, 0x9000);
	sw(b, "80CA00E000", 0x9000);
	answer(b, "E006C00401408810");
	/* P1 tells of its own command whether it is encrypted, and not of the last one */
	cmd(b, "80E20800", "00B914B912950108960100800188810110820101830141", 0x9000);
	sprintf(data, "811310%s", c);
	cmd(b, "80E2E801", data, 0x9000);
	sw(b, "80CA00E000", 0x9000);
	answer(b, "E00CC00401408810C00401418810");
	cmd(b, "80E20800", "00B914B912950108960100800188810110820101830142", 0x9000);
	cmd(b, "80E29001", "4203112233", 0x6a86); /* no other structure */
	cmd(b, "80E2E800", data, 0x6a80);	  /* the 00B9 is forgotten */
	cmd(b, "80E21000", "4203112233", 0x9000);
	cmd(b, "80E2F001", data, 0x6a86); /* BER-TLV is encrypted as a whole */
	cmd(b, "80E28800", "0070064204DEADBEEF", 0x9000);
	sw(b, "80CA004200", 0x9000);
	answer(b, "4204DEADBEEF");
}

static void test_family_lock(void **state)
{
	struct bench *b = *state;

	session(b, ISD);
	make_domain(b, SSD, "804000");
	load_hello(b, "08" ELF "00000000", HELLO, 0x9000, 0x9000);
	cmd(b, "80E60C00", "08" ELF "09" MODULE "09" APP "010002C90000", 0x9000);
	cmd(b, "80E60400", "08" ELF "09" MODULE "09" SSD2 "010002C90000", 0x9000);
	cmd(b, "80E61000", "09" SSD "0009" APP "000000", 0x9000);
	cmd(b, "80E61000", "09" SSD "0009" SSD2 "000000", 0x9000);
	cmd(b, "80F06080", APP, 0x6a88);
	cmd(b, "80F06080", SSD, 0x9000);
	cmd(b, "80F06080", SSD, 0x6985);
	cmd(b, "80F24002", "5C039F704F4F05F0534553410000", 0x6a80);
	cmd(b, "80F24002", "5C029F704F09" APP, 0x9000);
	answer(b, "E3049F700187");
	cmd(b, "80F24002", "5C029F704F09" SSD2, 0x9000);
	answer(b, "E3049F700183");
	cmd(b, "00A40400", APP, 0x6a82);
	cmd(b, "80F06000", SSD, 0x9000);
	cmd(b, "80F24002", "5C029F704F09" SSD2, 0x9000);
	answer(b, "E3049F700103");
	cmd(b, "00A40400", APP, 0x9000);
}

static void test_memory(void **state)
{
	struct bench *b = *state;

	session(b, ISD);
	cmd(b, "80E60200",
	    "08" ELF "000008EF06C60400200000"
	    "00",
	    0x6a84);
	cmd(b, "80E60200",
	    "08" ELF "000006EF04C6020100"
	    "00",
	    0x9000);
	cmd(b, "80E88000", HELLO, 0x9000);
	/* a reservation takes it from all others; it comes back with the application */
	cmd(b, "80E60C00",
	    "08" ELF "09" MODULE "09" APP "010010C900EF0CC804000F0000D804000F000000", 0x9000);
	cmd(b, "80E60C00",
	    "08" ELF "09" MODULE "09" SSD "010010C900EF0CC804000F0000D804000F000000", 0x6a84);
	cmd(b, "80E40000", "4F09" APP, 0x9000);
	cmd(b, "80E60C00",
	    "08" ELF "09" MODULE "09" SSD "010010C900EF0CC804000F0000D804000F000000", 0x9000);
}

/* Parameters of 127 to 256 bytes: their length takes one, two and three bytes (11.1.5). */
static void test_long_parameters(void **state)
{
	static const struct {
		const char *lengths; /* of the field; of C9 in it */
		size_t n;	     /* bytes in C9 */
		unsigned int want;
	} cases[] = {
		{"7FC97D", 125, 0x9000},       {"8180C97E", 126, 0x9000},
		{"8181C97F", 127, 0x9000},     {"8183C98180", 128, 0x9000},
		{"820102C981FF", 255, 0x9000}, {"80C97E", 126, 0x6a80},
		{"820100C981FF", 255, 0x6a80}, {"81", 0, 0x6a80},
		{"83000080C97E", 126, 0x6a80},
	};
	struct bench *b = *state;

	session(b, ISD);
	load_hello(b, "08" ELF "00000000", HELLO, 0x9000, 0x9000);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char data[1024], fill[2 * 255 + 1];

		memset(fill, '0', 2 * cases[i].n);
		fill[2 * cases[i].n] = 0;
		sprintf(data, "08" ELF "09" MODULE "09" APP "0100%s%s00", cases[i].lengths,
			fill);
		cmd(b, "80E60C00", data, cases[i].want);
		if (cases[i].want == 0x9000)
			cmd(b, "80E40000", "4F09" APP, 0x9000);
	}
}

/* @n LOAD blocks of one byte, the last one marked so; the answer to the last that was sent. */
static unsigned int load_bytes(struct bench *b, size_t n)
{
	/* C4 82 xxxx and what it says */
	uint8_t file[4 + 600] = {0xc4, 0x82, (uint8_t)((n - 4) >> 8), (uint8_t)(n - 4)};
	unsigned int got = 0x9000;

	assert_true(n > 4 && n <= sizeof(file));
	cmd(b, "80E60200", "08" ELF "00000000", 0x9000);
	for (size_t i = 0; i < n && got == 0x9000; i++) {
		const uint8_t c[] = {0x80,	 0xe8, i == n - 1 ? 0x80 : 0x00,
				     (uint8_t)i, 1,    file[i]};

		got = bench_run(b, c, sizeof(c));
	}
	return got;
}

/* Block 00 follows FF, as many times as it takes; a card may do without. */
static void test_many_blocks(void **state)
{
	struct bench *b = *state;

	for (size_t n = 255; n <= 604; n += n == 257 ? 347 : 1) {
		session(b, ISD);
		assert_int_equal(load_bytes(b, n), 0x9000);
		cmd(b, "80E40000", "4F08" ELF, 0x9000);
	}
	b->card.profile.no_load_wrap = 1;
	session(b, ISD);
	assert_int_equal(load_bytes(b, 256), 0x9000);
	cmd(b, "80E40000", "4F08" ELF, 0x9000);
	assert_int_equal(load_bytes(b, 257), 0x6a86);
	session(b, ISD);
	cmd(b, "80E40000", "4F08" ELF, 0x6a88);
}

int main(void)
{
#define BENCH_TEST(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)
	const struct CMUnitTest tests[] = {
		BENCH_TEST(test_domain_with_keys), BENCH_TEST(test_put_key_rules),
		BENCH_TEST(test_more_commands),	   BENCH_TEST(test_extradition),
		BENCH_TEST(test_privileges),	   BENCH_TEST(test_dap),
		BENCH_TEST(test_ciphered_file),	   BENCH_TEST(test_delegated),
		BENCH_TEST(test_personalization),  BENCH_TEST(test_family_lock),
		BENCH_TEST(test_memory),	   BENCH_TEST(test_many_blocks),
		BENCH_TEST(test_long_parameters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
