// SPDX-License-Identifier: Apache-2.0
/*
 * Key pairs in the IoT SAFE or vault application of an SE: their public half, and certificate
 * requests that they sign there. What semd calls se:se0/iotsafe/02 is iotsafe/02 here.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "gp/error.h"
#include "keys/keyop.h"
#include "libse/se.h"
#include "sectl/sectl.h"

#define SUBJECT_MAX 256

/* ---- operations ---- */

static int take_ref(struct seref *ref, const char *arg)
{
	char text[SEREF_TEXT_MAX];
	struct gp_error e = {0};

	if (!strncmp(arg, "se:", 3) && strchr(arg + 3, '/'))
		arg = strchr(arg + 3, '/') + 1; /* the SE is --se's */
	snprintf(text, sizeof(text), "se:se/%s", arg);
	if (seref_parse(ref, text, strlen(text), true, &e))
		return fail(EXIT_USAGE, "usage", "iotsafe/ID or vault/ID, ID in hex",
			    "%s is no key in an SE", arg);
	return EXIT_OK;
}

static int say(const struct keyop *op, int error)
{
	if (op->sw)
		return fail_sw(op->sw, "the application");
	if (error == -EBADMSG)
		return fail(EXIT_CARD, "bad-response", NULL,
			    "the application answered something else");
	return fail_errno(error, opt.se);
}

/* Runs it on a channel of its own, command by command. */
static int run(struct se *se, struct keyop *op)
{
	struct job_exchange_params p = {0};
	struct job_exchange_answer a = {0};
	uint8_t cmd[512], rsp[512];
	uint32_t got;
	int n, r;

	if (keyop_target(op, &p))
		return fail(EXIT_USAGE, "usage", NULL, "no such operation");
	r = target_channel(se, p.aid, p.aid_len, NULL, NULL);
	if (r)
		return r;
	while ((n = keyop_next(op, &a, cmd, sizeof(cmd))) > 0) {
		r = se_transmit(se, cmd, (uint32_t)n, rsp, sizeof(rsp), &got,
				target_deadline(1), NULL);
		if (r)
			return fail_errno(r, opt.se);
		if (got < 2 || got > sizeof(rsp))
			return say(op, -EBADMSG);
		a.index++;
		a.data = rsp;
		a.len = got - 2;
		a.sw = (uint16_t)(rsp[got - 2] << 8 | rsp[got - 1]);
	}
	r = n ? say(op, n) : EXIT_OK;
	se_channel_close(se);
	return r;
}

static EVP_PKEY *public_key(const uint8_t point[KEYOP_POINT])
{
	EVP_PKEY *key = EVP_PKEY_new(), *curve = EVP_EC_gen("P-256");

	if (!key || !curve || EVP_PKEY_copy_parameters(key, curve) != 1 ||
	    EVP_PKEY_set1_encoded_public_key(key, point, KEYOP_POINT) != 1) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	EVP_PKEY_free(curve);
	return key;
}

static int read_public(struct se *se, const struct seref *ref, EVP_PKEY **key)
{
	uint8_t point[KEYOP_POINT];
	struct keyop op = {
		.kind = KEYOP_PUBLIC, .ref = *ref, .out = point, .room = sizeof(point)};
	int r = run(se, &op);

	if (r)
		return r;
	*key = public_key(point);
	return *key ? EXIT_OK : say(&op, -EBADMSG);
}

static int print_pem(BIO *bio, const char *name)
{
	sd_json_variant *v = NULL;
	char *text = NULL;
	long n = BIO_get_mem_data(bio, &text);
	int r;

	if (!opt.json)
		return fwrite(text, 1, (size_t)n, stdout) == (size_t)n ? EXIT_OK : EXIT_FAILED;
	text[n - 1] = '\0'; /* the last line feed */
	r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR_STRING(name, text));
	return put_json(v, r);
}

int verb_key_public(int argc, char **argv)
{
	EVP_PKEY *key = NULL;
	struct seref ref;
	struct se *se;
	BIO *bio;
	int r = take_ref(&ref, argv[0]);

	(void)argc;
	if (r)
		return r;
	r = target_open(&se);
	if (r)
		return r;
	r = read_public(se, &ref, &key);
	se_close(se);
	if (r)
		return r;
	bio = BIO_new(BIO_s_mem());
	if (!bio || !PEM_write_bio_PUBKEY(bio, key))
		r = fail(EXIT_FAILED, "failed", NULL, "no memory");
	else
		r = print_pem(bio, "public");
	BIO_free(bio);
	EVP_PKEY_free(key);
	return r;
}

/* ---- certificate requests ---- */

/* CN=a,O=b; a comma in a value is not to be had */
static int take_subject(X509_NAME *name, const char *text)
{
	char copy[SUBJECT_MAX], *at = copy, *part, *value;

	if ((size_t)snprintf(copy, sizeof(copy), "%s", text) >= sizeof(copy))
		return -EINVAL;
	while ((part = strsep(&at, ","))) {
		value = strchr(part, '=');
		if (!value || value == part || !value[1])
			return -EINVAL;
		*value++ = '\0';
		if (!X509_NAME_add_entry_by_txt(name, part, MBSTRING_UTF8,
						(const unsigned char *)value, -1, -1, 0))
			return -EINVAL;
	}
	return 0;
}

static ASN1_BIT_STRING *signature_of(const uint8_t raw[KEYOP_SIGNATURE])
{
	ECDSA_SIG *s = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw, KEYOP_SIGNATURE / 2, NULL);
	BIGNUM *t = BN_bin2bn(raw + KEYOP_SIGNATURE / 2, KEYOP_SIGNATURE / 2, NULL);
	ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
	unsigned char *der = NULL;
	int n = -1;

	if (s && r && t && ECDSA_SIG_set0(s, r, t)) {
		r = t = NULL;
		n = i2d_ECDSA_SIG(s, &der);
	}
	if (n <= 0 || !bits || !ASN1_BIT_STRING_set(bits, der, n)) {
		ASN1_BIT_STRING_free(bits);
		bits = NULL;
	} else {
		/* whole bytes (X.690, 8.6.2.2) */
		bits->flags &= ~(ASN1_STRING_FLAG_BITS_LEFT | 0x07);
		bits->flags |= ASN1_STRING_FLAG_BITS_LEFT;
	}
	OPENSSL_free(der);
	BN_free(r);
	BN_free(t);
	ECDSA_SIG_free(s);
	return bits;
}

static int sign(struct se *se, const struct seref *ref, X509_REQ *req)
{
	uint8_t raw[KEYOP_SIGNATURE];
	struct keyop op = {.kind = KEYOP_SIGN, .ref = *ref, .out = raw, .room = sizeof(raw)};
	X509_ALGOR *algorithm = X509_ALGOR_new();
	ASN1_BIT_STRING *bits;
	unsigned char *tbs = NULL;
	int n, r;

	/* part of what is signed is none of it in a request: only the signature names it */
	if (!algorithm ||
	    !X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_ecdsa_with_SHA256), V_ASN1_UNDEF,
			     NULL) ||
	    !X509_REQ_set1_signature_algo(req, algorithm) ||
	    (n = i2d_re_X509_REQ_tbs(req, &tbs)) <= 0 ||
	    !EVP_Digest(tbs, (size_t)n, op.in, NULL, EVP_sha256(), NULL)) {
		r = fail(EXIT_FAILED, "failed", NULL, "OpenSSL makes no request");
	} else {
		op.in_len = 32;
		r = run(se, &op);
	}
	OPENSSL_free(tbs);
	X509_ALGOR_free(algorithm);
	if (r)
		return r;
	bits = signature_of(raw);
	if (!bits)
		return fail(EXIT_FAILED, "failed", NULL, "no memory");
	X509_REQ_set0_signature(req, bits);
	return EXIT_OK;
}

static int make_request(struct se *se, const struct seref *ref, const char *subject,
			X509_REQ *req)
{
	EVP_PKEY *key = NULL;
	int r;

	if (take_subject(X509_REQ_get_subject_name(req), subject))
		return fail(EXIT_USAGE, "usage", "CN=device-1,O=example", "%s: not a subject",
			    subject);
	r = read_public(se, ref, &key);
	if (!r &&
	    (!X509_REQ_set_version(req, X509_REQ_VERSION_1) || !X509_REQ_set_pubkey(req, key)))
		r = fail(EXIT_FAILED, "failed", NULL, "no memory");
	if (!r)
		r = sign(se, ref, req);
	/* a card that signs with another key than it shows is found out here */
	if (!r && X509_REQ_verify(req, key) != 1)
		r = fail(EXIT_CARD, "bad-response", NULL,
			 "the signature is not of the public key that the SE tells");
	EVP_PKEY_free(key);
	return r;
}

int verb_key_request(int argc, char **argv)
{
	X509_REQ *req = X509_REQ_new();
	BIO *bio = BIO_new(BIO_s_mem());
	struct seref ref;
	struct se *se;
	int r = take_ref(&ref, argv[0]);

	(void)argc;
	if (!r && (!req || !bio))
		r = fail(EXIT_FAILED, "failed", NULL, "no memory");
	if (!r)
		r = target_open(&se);
	if (!r) {
		r = make_request(se, &ref, argv[1], req);
		se_close(se);
		if (!r && !PEM_write_bio_X509_REQ(bio, req))
			r = fail(EXIT_FAILED, "failed", NULL, "no memory");
		if (!r)
			r = print_pem(bio, "request");
	}
	X509_REQ_free(req);
	BIO_free(bio);
	return r;
}
