/* SPDX-License-Identifier: Apache-2.0 */
/* A secure channel whose other end is written down in hex. */
#ifndef SESAME_UNIT_GP_SCP_BENCH_H
#define SESAME_UNIT_GP_SCP_BENCH_H

#include "gp_bytes.h"

#include <errno.h>

#include "gp/scp.h"

struct scp_bench {
	struct gp_scp *scp;
	struct gp_keyset set;
	struct gp_scp_params p;
	struct gp_error err;
	uint8_t host[16];
	uint8_t random[256]; /* what the source of random bytes gives, in order */
	size_t given;
	struct gp_scp11_params scp11;
	struct gp_ec_key oce;
	uint8_t point[GP_EC_POINT_MAX];
};

static inline int bench_random(void *ctx, void *out, size_t len)
{
	struct scp_bench *b = ctx;

	if (b->given + len > sizeof(b->random))
		return -EIO;
	memcpy(out, b->random + b->given, len);
	b->given += len;
	return 0;
}

static inline void bench_key(struct gp_key *key, enum gp_key_type type, const char *hex)
{
	uint8_t v[32];

	assert_int_equal(gp_key_set(key, type, v, bytes_of(hex, v, sizeof(v))), 0);
}

static inline void bench_init(struct scp_bench *b, enum gp_protocol protocol, int i,
			      uint8_t level)
{
	memset(b, 0, sizeof(*b));
	b->p = (struct gp_scp_params){
		.protocol = protocol,
		.i = i,
		.level = level,
		.keys = &b->set,
		.random = {bench_random, b},
	};
	for (size_t n = 0; n < sizeof(b->random); n++)
		b->random[n] = (uint8_t)(n * 7 + 1);
	strcpy(b->set.name, "bench");
}

static inline void bench_keys(struct scp_bench *b, enum gp_key_type type, uint8_t kvn,
			      const char *enc, const char *mac, const char *dek)
{
	b->set.kvn = kvn;
	bench_key(&b->set.enc, type, enc);
	bench_key(&b->set.mac, type, mac);
	bench_key(&b->set.dek, type, dek);
}

static inline void bench_challenge(struct scp_bench *b, const char *hex)
{
	bytes_of(hex, b->host, sizeof(b->host));
	b->p.host_challenge = b->host;
}

static inline void bench_aid(struct scp_bench *b, const char *hex)
{
	uint8_t v[16];

	assert_int_equal(gp_aid_set(&b->p.aid, v, bytes_of(hex, v, sizeof(v))), 0);
}

static inline void bench_new(struct scp_bench *b)
{
	gp_scp_free(b->scp);
	if (gp_scp_new(&b->scp, &b->p, &b->err))
		fail_msg("%s", b->err.detail);
}

static inline void bench_free(struct scp_bench *b)
{
	gp_scp_free(b->scp);
	b->scp = NULL;
	gp_keyset_clear(&b->set);
}

static inline void apdu_is_at(struct gp_apdu *apdu, const char *want, int line)
{
	static const struct gp_wire wire = {.extended = true};
	uint8_t bytes[1024];
	size_t n;

	assert_int_equal(gp_apdu_encode(apdu, &wire, 0, bytes, sizeof(bytes), &n, NULL), 0);
	bytes_are_at(bytes, n, want, line);
}

/* The next command of the opening is this one. */
static inline void next_is_at(struct scp_bench *b, const char *want, int line)
{
	struct gp_apdu apdu;
	int ret = gp_scp_next(b->scp, &apdu, &b->err);

	if (ret != 1)
		fail_msg("line %d: %d %s", line, ret, b->err.detail);
	apdu_is_at(&apdu, want, line);
	gp_apdu_clear(&apdu);
}

#define next_is(b, want) next_is_at(b, want, __LINE__)

static inline int fed(struct scp_bench *b, const char *rsp_hex)
{
	uint8_t rsp[512];

	return gp_scp_feed(b->scp, rsp, bytes_of(rsp_hex, rsp, sizeof(rsp)), &b->err);
}

static inline void feed_at(struct scp_bench *b, const char *rsp_hex, int line)
{
	int ret = fed(b, rsp_hex);

	if (ret)
		fail_msg("line %d: %d %s", line, ret, b->err.detail);
}

#define feed(b, rsp) feed_at(b, rsp, __LINE__)

static inline void apdu_of(struct gp_apdu *apdu, const char *hex)
{
	uint8_t bytes[1024];

	assert_int_equal(gp_apdu_decode(apdu, bytes, bytes_of(hex, bytes, sizeof(bytes)), NULL),
			 0);
}

static inline void wrap_is_at(struct scp_bench *b, const char *clear, const char *want,
			      int line)
{
	struct gp_apdu apdu;
	int ret;

	apdu_of(&apdu, clear);
	ret = gp_scp_wrap(b->scp, &apdu, &b->err);
	if (ret)
		fail_msg("line %d: %d %s", line, ret, b->err.detail);
	apdu_is_at(&apdu, want, line);
	gp_apdu_clear(&apdu);
}

#define wrap_is(b, clear, want) wrap_is_at(b, clear, want, __LINE__)

static inline int unwrapped(struct scp_bench *b, const char *rsp_hex, uint8_t *rsp, size_t *n)
{
	*n = bytes_of(rsp_hex, rsp, 1024);
	return gp_scp_unwrap(b->scp, rsp, n, &b->err);
}

static inline void unwrap_is_at(struct scp_bench *b, const char *rsp_hex, const char *clear,
				int line)
{
	uint8_t rsp[1024];
	size_t n;
	int ret = unwrapped(b, rsp_hex, rsp, &n);

	if (ret)
		fail_msg("line %d: %d %s", line, ret, b->err.detail);
	bytes_are_at(rsp, n, clear, line);
}

#define unwrap_is(b, rsp, clear) unwrap_is_at(b, rsp, clear, __LINE__)

#endif /* SESAME_UNIT_GP_SCP_BENCH_H */
