/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of CAP files, load files, tokens, receipts and data groupings share: hex,
 * and keys. All keys were made for these tests and open nothing.
 */
#ifndef SELFTESTS_GP_CONTENT_H
#define SELFTESTS_GP_CONTENT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "gp/apdu.h"
#include "gp/sign.h"

#define ELF "08F0534553414D4501"
#define MODULE "09F0534553414D450101"
#define APP "09F0534553414D450102"
#define ISD "08A000000151000000"
#define SSD "09A00000015153534401"
/* SHA-256 of "sesame" */
#define SESAME_SHA256 "D0C04F4B1951E4AEAAEC8223ED2039E542F3AAE805A6FA7F6D794E5AFFF5D272"

/* bytes from hex digits, for free() */
static inline uint8_t *unhex(const char *text, size_t *len)
{
	uint8_t *p = test_malloc(strlen(text) / 2 + 1);
	unsigned int byte;

	for (*len = 0; *text; text += 2) {
		assert_int_equal(sscanf(text, "%2x", &byte), 1);
		p[(*len)++] = (uint8_t)byte;
	}
	return p;
}

static inline void same_bytes(const uint8_t *p, size_t len, const char *text)
{
	size_t want_len;
	uint8_t *want = unhex(text, &want_len);

	assert_int_equal(len, want_len);
	assert_memory_equal(p, want, len);
	test_free(want);
}

static inline struct gp_aid aid_of(const char *lv)
{
	struct gp_aid aid;
	size_t len;
	uint8_t *p = unhex(lv, &len);

	assert_int_equal(p[0], len - 1);
	assert_int_equal(gp_aid_set(&aid, p + 1, len - 1), 0);
	test_free(p);
	return aid;
}

static const char pem_rsa1k[] =
	"-----BEGIN PRIVATE KEY-----\n"
	"MIICdQIBADANBgkqhkiG9w0BAQEFAASCAl8wggJbAgEAAoGBAKcMLi4pja9wKPPE\n"
	"WBrUTPvTPHgY/z/9m0X5mx7HDzP5ryqDYYWpcwgHviJBnaD4mQLhWkaiQPFq41lW\n"
	"WWad9nnTiw+QmR9qyQf91jhhOCkaqNbPsO76MxIR3wvycf/ZiINmfipFwcLCSjs/\n"
	"XvY2iHTygfGLGvRljaSZUa74jGJTAgMBAAECgYAbp9aVaee9HdKJ2P3FI1TDdEtU\n"
	"jr7jdzcXtKVLySTpM/MeFLY2jMEwmSePQFG6bq3WXjy16PLbhRiyl6shZBGEAUS2\n"
	"RN4LlQrWyApuFRwsICGwWgqfg2qon49Vvxp483UTqMg0WXmNR984b1hyBtOQfC25\n"
	"8cZa3mtr6QW6XVguEQJBANlpOBehgEdCCsXBA3SsaNmyhfekB+iuiM14JtaRleMt\n"
	"ZysbW5eBtT2OoTI7pJK+5VWEQvnkhVFmIH5SZ3y0310CQQDEsoitStoxlGUbvasY\n"
	"kTIdDkbAeukYu8sjRrp8p+1ur+Ho5yVHqe1NUji7/9j+rtIz8YEWwBGgWImduBXo\n"
	"+h1vAkBD0726MZpxoLr3oxXO6pLzh+yfq78D6p+naprDSjw22c1b93cFt2OxxrOn\n"
	"lk/rsD6gBVlX2OF22aO9hTvf/hXJAkA922+EH+ASa3qIiNM/vJmn7Y9uhLi9YIF3\n"
	"rIyFG0Jd5s4Csn5U1SmdgVf6N3GEVnIgh7hy8SAZ7v4ILZYmWFHdAkBOP4V6v5XS\n"
	"SXx0wnmHjtw09AXqdgidw0+1FciVrg49BNcj0X5Nj/3zlechVs9IeCxYNI7DwbHm\n"
	"fgSWKt71C+6S\n"
	"-----END PRIVATE KEY-----\n";

static const char pem_rsa2k[] =
	"-----BEGIN PRIVATE KEY-----\n"
	"MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQCzW+bMisrKMO+k\n"
	"IpR5zUz0ED4fS+mM0G1tYTr23a25KftQPkDIj3ZH7Fe1fjVBMz/Tz1PbZclnKE6f\n"
	"3hGNt3GqpZp/98B87xuVKVuieSsB8AaIaRtkL5Qpj4PPbJ1aZpRLIcB1Lv/Ib7P4\n"
	"gp3EtR7ug4xSj6t8oVcNXSj4fAiJzH4ehQQIosvUYX8V6S5jGvkxxEy3UUj05jyB\n"
	"4qcm6wd23xRSayRAUivJYFqbUp7MWlhXm8jP4KX4W2wj02d/oYVsdz9yN4lksV8D\n"
	"4QOQ3PopUzFomjCC036PwgKWVtOvMDyH3gfXGK3nBMdK7/KQtOyBx7klxc53ptUy\n"
	"Dglxxj3bAgMBAAECggEAVpIOsf5xyCrbmEUqlinOMWVfnrqE1XdKwgcyrzIrZlrJ\n"
	"lx8dJND9/dQpN4xdxwUmEyWYq6aTEiwF2ysUHOuEvSGmk4qxSXwdu57VQHQsmohQ\n"
	"lunokzBV2sOPEwCxaI9nl2YIn2cahZPI8bOV0/q6HdS316fJ1WOIgYZMPrebZWrU\n"
	"P9AzFuJg2tjVdo3PcckeydBcfxUZKcDyA5qVhgTqQgdwa7dRlrNp81N0gVXmogrZ\n"
	"STPkalaAP1QMQt7+4ext8prfWDOiC5winbCT4Et/pqYr2Yx8qnxEFUKn7I+KE4pr\n"
	"xdviFFPj+0EwQpv0TTB5att2BWco1B0CMaXNVZ4h8QKBgQDXJxTVX5lj0pbUQCSK\n"
	"Ps1fjXSyfOVu9yDpJxi//kp/uUyUYrdLLGueG2lAG2NUPCVn6JRgmJP0mFdKZ//t\n"
	"jXWJj00oioDKVTXgOVe9pi2dQIA5tyrJXcgfKoNJb6Va3dx/4v4x9NklNqUF62hh\n"
	"PK7kobfwsOSCf1M33UCuYH6tMQKBgQDVaSoptOzv+o8hC6YS+2J6txbjfntvwaW/\n"
	"stGhdRf++nQxLLBiwTT2+IjNV+RAs9geW1AmSPWE4J1ZxiBWRukVpty6vPFdlUPv\n"
	"dmeLlPICPS6sOHiluT4xFFFU24vpV1/j0+rYr7ARXpblgXg5ZKgHxoNiNA3b0eLv\n"
	"HgVlPKdoywKBgHxd5+oLL8SHB467YSPUd6zDPPCrx4fkLE75vZHFsVSxTPX9Ngyr\n"
	"Ka4kFCvtaPZZKhotVA+eQvBBWzv0b/jmK0oP3r8PiLDsno71NqW2uGlMzpIOMhpi\n"
	"LnrtfSRm+ANVec8m7F7+NMMRGkUYtaZ3iHU6kfP8nKpeZUFGkMv7lV4RAoGBAM4s\n"
	"BTG5utW0yKXyLQVVmzRWwWQSg4naGRjz1pYXG5GXwLzpIZamdVbLkM5gxQDFPltF\n"
	"eE8kWR2AKkPaps7zPqdORxyZAM2aMMGdMDenM456MSbsf5ILPkwIBvLmD2rkoJzn\n"
	"1JB2WrDNIxaiV9WKqtKoM7Gh/GmLgaPk6u19BXa1AoGBAI1YAolmGUrOaDe2tcLt\n"
	"kIXdXx6/gFFHPq3npOCHCNzhETwS42Pr9bAvSMV+35poU6g8TtJ2kL+L6Wdq/8Rb\n"
	"ma/FlDjABInAxS+xGw6bkm0w7UTKGIHFzdjoBRFjjLyD11t6xxvEYMIWmYVNGNMl\n"
	"nHJ7WmLhb4azzdwq5zTItbZ3\n"
	"-----END PRIVATE KEY-----\n";

static const char pem_p256[] =
	"-----BEGIN PRIVATE KEY-----\n"
	"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgX+HoqGhMcD6h5Y7Z\n"
	"E28Tq9TsOj1RuvAbt0/CAp1qUNihRANCAATW5sWheZbV4rRSr1lTSTBFnkx+dmCF\n"
	"/jOrIh5yFv3j9Xc3rltDCunqXlhBpiDAM4hdJ7TwvuvwH1LqAcQV6usi\n"
	"-----END PRIVATE KEY-----\n";

static const char pem_p384[] =
	"-----BEGIN PRIVATE KEY-----\n"
	"MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDAWWGEZZaxnHUuKyiYc\n"
	"41p+aWd07w/2W50USR1y17CLYt8rgkOkXthFKDmcal6FFBShZANiAARsU3+Zutzf\n"
	"oJ3xyezcK0z3Xwk1PFzUxtgRlIKoMUqVrba7crWsLQ6vxSjj2p+dFVX8TV8Isdpj\n"
	"UJOblJYP4CqgqeBkhRn4tpOoWV9+jU2rtxi6T+VsBw6HE1Z7tGNntXc=\n"
	"-----END PRIVATE KEY-----\n";

static inline EVP_PKEY *private_key(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

	BIO_free(bio);
	assert_non_null(key);
	return key;
}

/* the public half alone */
static inline EVP_PKEY *public_key(const char *pem)
{
	EVP_PKEY *key = private_key(pem), *half;
	unsigned char *der = NULL;
	const unsigned char *p;
	int len = i2d_PUBKEY(key, &der);

	assert_true(len > 0);
	p = der;
	half = d2i_PUBKEY(NULL, &p, len);
	assert_non_null(half);
	OPENSSL_free(der);
	EVP_PKEY_free(key);
	return half;
}

static inline struct gp_key symmetric_key(enum gp_key_type type, const char *text)
{
	struct gp_key key = {0};
	size_t len;
	uint8_t *p = unhex(text, &len);

	assert_int_equal(gp_key_set(&key, type, p, len), 0);
	test_free(p);
	return key;
}

/* a command with these data, for gp_apdu_clear() */
static inline struct gp_apdu command(uint8_t ins, uint8_t p1, uint8_t p2, const char *data)
{
	struct gp_apdu cmd;
	size_t len;
	uint8_t *p = unhex(data, &len);

	gp_apdu_init(&cmd, 0x80, ins, p1, p2);
	assert_int_equal(gp_apdu_add(&cmd, p, len), 0);
	test_free(p);
	return cmd;
}

#define DEFAULT_KEY "404142434445464748494A4B4C4D4E4F"

#endif
