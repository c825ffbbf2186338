// SPDX-License-Identifier: Apache-2.0
/*
 * Secure channels between two readings of the standard: the host of daemon/gp, and softse's
 * card, which shares no code with it.
 */
#include "gp_scp_bench.h"

#include <stdlib.h>

#include "softse/card.h"
#include "softse/crypto.h"

#define ISD "A000000151000000"

struct world {
	struct card card;
	struct scp_bench b;
	uint8_t rsp[CARD_RAPDU_MAX];
	size_t len;
};

static void power_up(struct world *w, void (*change)(struct card_profile *p))
{
	char err[256];

	memset(&w->card, 0, sizeof(w->card));
	card_profile_default(&w->card.profile);
	w->card.profile.no_fsync = true;
	if (change)
		change(&w->card.profile);
	if (card_init(&w->card, err, sizeof(err)))
		fail_msg("%s", err);
}

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct world));
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	struct world *w = *state;

	bench_free(&w->b);
	card_exit(&w->card);
	free(w);
	return 0;
}

static unsigned int run(struct world *w, const uint8_t *cmd, size_t n)
{
	uint64_t work_us;

	w->len = card_execute(&w->card, 1, cmd, n, w->rsp, sizeof(w->rsp), &work_us);
	assert_true(w->len >= 2);
	return (unsigned int)(w->rsp[w->len - 2] << 8 | w->rsp[w->len - 1]);
}

/* All C-APDUs that a command is cut into. */
static unsigned int send(struct world *w, struct gp_apdu *apdu, const struct gp_wire *wire)
{
	uint8_t bytes[4096];
	unsigned int sw = 0;
	int n = gp_apdu_segments(apdu, wire, NULL);
	size_t len;

	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		assert_int_equal(
			gp_apdu_encode(apdu, wire, (size_t)i, bytes, sizeof(bytes), &len, NULL),
			0);
		sw = run(w, bytes, len);
		if (i + 1 < n)
			assert_int_equal(sw, 0x9000);
	}
	gp_apdu_clear(apdu);
	return sw;
}

static const struct gp_wire any_length = {.extended = true};

/* Return: 0, or what gp_scp_feed() said. */
static int open_session(struct world *w)
{
	struct gp_apdu apdu;
	int ret;

	w->b.p.quirks.extended = any_length.extended;
	bench_new(&w->b);
	while ((ret = gp_scp_next(w->b.scp, &apdu, &w->b.err)) == 1) {
		send(w, &apdu, &any_length);
		ret = gp_scp_feed(w->b.scp, w->rsp, w->len, &w->b.err);
		if (ret)
			return ret;
	}
	return ret;
}

static void opened_at(struct world *w, int line)
{
	int ret = open_session(w);

	if (ret)
		fail_msg("line %d: %d %s: %s", line, ret, w->b.err.code, w->b.err.detail);
}

#define opened(w) opened_at(w, __LINE__)

/* One command in the session; the answer is clear in w->rsp. */
static unsigned int secure_at(struct world *w, const char *clear, int line)
{
	struct gp_apdu apdu;
	unsigned int sw;
	int ret;

	apdu_of(&apdu, clear);
	ret = gp_scp_wrap(w->b.scp, &apdu, &w->b.err);
	if (ret)
		fail_msg("line %d: wrap: %s", line, w->b.err.detail);
	sw = send(w, &apdu, &any_length);
	ret = gp_scp_unwrap(w->b.scp, w->rsp, &w->len, &w->b.err);
	if (ret)
		fail_msg("line %d: %04X: unwrap: %s", line, sw, w->b.err.detail);
	return sw;
}

#define secure(w, clear) secure_at(w, clear, __LINE__)

/* What every open session has to be able to do. */
static void exercise(struct world *w)
{
	char big[600] = "80E290000001";

	/* the registry: data both ways */
	assert_int_equal(secure(w, "80F28002024F0000"), 0x9000);
	assert_int_equal(w->rsp[0], 0xe3);
	assert_int_equal(w->rsp[1] + 4, w->len);
	/* no data to the card; an error, which comes bare; and the session goes on */
	assert_int_equal(secure(w, "80CA006600"), 0x9000);
	assert_int_equal(w->rsp[0], 0x66);
	assert_int_equal(secure(w, "80F24002084F06F012345678AA00"), 0x6a88);
	assert_int_equal(w->len, 2);
	/* 256 bytes, of extended length: refused by what reads them, not for their MAC */
	strcat(big, "00");
	for (int i = 0; i < 256; i++)
		strcat(big, "7F");
	assert_int_equal(secure(w, big), 0x6a88);
	/* two bytes of data, but Le is more than 256: Lc has three bytes, in the MAC, too */
	assert_int_equal(secure(w, "80F280020000024F000000"), 0x9000);
	assert_int_equal(w->rsp[0], 0xe3);
	assert_int_equal(w->card.entries[0]->tries, 0);
}

static uint8_t card_i, card_key_len = 16;
static bool card_des;

static void as_asked(struct card_profile *p)
{
	p->scp_i = p->scp02_i = card_i;
	p->key_types[0] = card_des ? KEY_DES : KEY_AES;
	p->keys[0].len = card_key_len;
	for (uint8_t i = 0; i < card_key_len; i++) {
		p->keys[0].enc[i] = (uint8_t)(0x10 + i);
		p->keys[0].mac[i] = (uint8_t)(0x31 + i);
		p->keys[0].dek[i] = (uint8_t)(0x52 + i);
	}
}

static void host_keys(struct world *w)
{
	const struct scp03_keys *k = &w->card.profile.keys[0];
	enum gp_key_type type = card_des ? GP_KEY_DES : GP_KEY_AES;

	assert_int_equal(gp_key_set(&w->b.set.enc, type, k->enc, k->len), 0);
	assert_int_equal(gp_key_set(&w->b.set.mac, type, k->mac, k->len), 0);
	assert_int_equal(gp_key_set(&w->b.set.dek, type, k->dek, k->len), 0);
}

static void one_session(struct world *w, enum gp_protocol protocol, int i, uint8_t level)
{
	struct gp_scp_info info;

	card_i = (uint8_t)i;
	card_des = protocol == GP_SCP02;
	power_up(w, as_asked);
	bench_init(&w->b, protocol, i, level);
	host_keys(w);
	bench_aid(&w->b, ISD);
	if (open_session(w))
		fail_msg("SCP%02X i=%02X level %02X: %s: %s", protocol, i, level, w->b.err.code,
			 w->b.err.detail);
	gp_scp_info(w->b.scp, &info);
	assert_int_equal(info.level, level);
	assert_int_equal(info.i, i);
	if (protocol == GP_SCP03 ? i & GP_SCP03_PSEUDO
				 : i & GP_SCP02_PSEUDO && i & GP_SCP02_EXPLICIT)
		assert_int_equal(info.challenge, GP_CHALLENGE_EXPECTED);
	exercise(w);
	bench_free(&w->b);
	card_exit(&w->card);
}

static void test_scp03(void **state)
{
	static const uint8_t options[] = {0x00, 0x10, 0x20, 0x30, 0x60, 0x70};
	static const uint8_t levels[] = {0x00, 0x01, 0x03, 0x11, 0x13, 0x33};
	struct world *w = *state;

	for (uint8_t n = 16; n <= 32; n = (uint8_t)(n + 8))
		for (size_t i = 0; i < 2 * sizeof(options); i++)
			for (size_t k = 0; k < sizeof(levels); k++) {
				uint8_t option = options[i / 2] | (i & 1);

				if ((levels[k] & 0x10 && !(option & 0x20)) ||
				    (levels[k] & 0x20 && !(option & 0x40)))
					continue;
				card_key_len = n;
				one_session(w, GP_SCP03, option, levels[k]);
			}
	card_key_len = 16;
	power_up(w, NULL); /* for the teardown */
}

static void test_scp02(void **state)
{
	static const uint8_t levels[] = {0x00, 0x01, 0x03, 0x10, 0x11, 0x13};
	struct world *w = *state;

	for (uint8_t i = 0; i < 0x80; i++) {
		if (!(i & GP_SCP02_EXPLICIT))
			continue;
		for (size_t k = 0; k < sizeof(levels); k++)
			if (!(levels[k] & 0x10) || i & GP_SCP02_RMAC)
				one_session(w, GP_SCP02, i, levels[k]);
	}
	power_up(w, NULL);
}

/* No INITIALIZE UPDATE: the first C-MAC opens the session. */
static void test_scp02_implicit(void **state)
{
	struct world *w = *state;

	for (uint8_t i = 0; i < 0x40; i++)
		if (!(i & GP_SCP02_EXPLICIT))
			one_session(w, GP_SCP02, i, GP_LEVEL_CMAC);
	power_up(w, NULL);
}

/* A card that gives no data without Le keeps an R-MAC for itself, unless it gets one. */
static void test_strict_le(void **state)
{
	struct world *w = *state;

	for (int des = 0; des < 2; des++)
		for (int quirk = 0; quirk < 2; quirk++) {
			struct gp_apdu apdu;

			card_i = des ? 0x35 : 0x70;
			card_des = des;
			power_up(w, as_asked);
			w->card.profile.le_policy = LE_STRICT;
			bench_init(&w->b, GP_SCP_AUTO, des ? 0x35 : GP_SCP_I_AUTO,
				   des ? 0x13 : 0x33);
			host_keys(w);
			w->b.p.quirks.le_for_rmac = quirk;
			opened(w);
			apdu_of(&apdu, "80F08007"); /* OP_READY to INITIALIZED */
			assert_int_equal(gp_scp_wrap(w->b.scp, &apdu, NULL), 0);
			assert_int_equal(apdu.le, quirk ? GP_LE_ANY : 0);
			assert_int_equal(send(w, &apdu, &any_length), quirk ? 0x9000 : 0x6108);
			if (quirk)
				assert_int_equal(gp_scp_unwrap(w->b.scp, w->rsp, &w->len, NULL),
						 0);
			bench_free(&w->b);
			card_exit(&w->card);
		}
	power_up(w, NULL);
}

/* R-MAC begun and ended in mid-session. */
static void test_rmac_session(void **state)
{
	static const struct {
		enum gp_protocol protocol;
		uint8_t i, level;
		const char *begin;
		uint8_t with;
	} cases[] = {
		{GP_SCP02, 0x35, 0x01, "807A1001", 0x11},
		{GP_SCP02, 0x35, 0x03, "807A1001", 0x13},
		{GP_SCP03, 0x30, 0x01, "807A1001", 0x11},
		{GP_SCP03, 0x70, 0x03, "807A3001", 0x33},
	};
	struct world *w = *state;

	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		struct gp_scp_info info;

		card_i = cases[k].i;
		card_des = cases[k].protocol == GP_SCP02;
		power_up(w, as_asked);
		bench_init(&w->b, cases[k].protocol, cases[k].i, cases[k].level);
		host_keys(w);
		opened(w);
		exercise(w);
		assert_int_equal(secure(w, cases[k].begin), 0x9000);
		gp_scp_info(w->b.scp, &info);
		assert_int_equal(info.level, cases[k].with);
		exercise(w);
		/* refused: it has begun already; the level stays */
		assert_int_equal(secure(w, cases[k].begin), 0x6985);
		exercise(w);
		assert_int_equal(secure(w, "80780003"), 0x9000);
		gp_scp_info(w->b.scp, &info);
		assert_int_equal(info.level, cases[k].level);
		exercise(w);
		bench_free(&w->b);
		card_exit(&w->card);
	}
	power_up(w, NULL);
}

/* Many commands on their way before the first answer is looked at. */
static void test_batch(void **state)
{
	static const uint8_t levels[] = {0x00, 0x01, 0x03, 0x11, 0x13, 0x33};
	enum { N = 200 };
	static uint8_t answers[N][600];
	static size_t lens[N];
	struct world *w = *state;

	for (size_t k = 0; k < sizeof(levels); k++) {
		struct gp_apdu apdu[N];

		card_i = 0x70;
		card_des = false;
		power_up(w, as_asked);
		bench_init(&w->b, GP_SCP03, GP_SCP_I_AUTO, levels[k]);
		host_keys(w);
		opened(w);
		for (int i = 0; i < N; i++) {
			apdu_of(&apdu[i], i % 3 == 0   ? "80F28002024F0000"
					  : i % 3 == 1 ? "80CA006600"
						       : "80F24002084F06F012345678AA00");
			assert_int_equal(gp_scp_wrap(w->b.scp, &apdu[i], NULL), 0);
		}
		assert_int_equal(gp_scp_pending(w->b.scp), N);
		for (int i = 0; i < N; i++) {
			send(w, &apdu[i], &any_length);
			assert_true(w->len <= sizeof(answers[i]));
			memcpy(answers[i], w->rsp, w->len);
			lens[i] = w->len;
		}
		for (int i = 0; i < N; i++) {
			if (gp_scp_unwrap(w->b.scp, answers[i], &lens[i], &w->b.err))
				fail_msg("%d: %s", i, w->b.err.detail);
			assert_int_equal(answers[i][0], i % 3 == 0   ? 0xe3
							: i % 3 == 1 ? 0x66
								     : 0x6a);
		}
		bench_free(&w->b);
		card_exit(&w->card);
	}
	power_up(w, NULL);
}

/* A stream stopped in its middle: what was not sent is taken back, the session goes on. */
static void test_unsent(void **state)
{
	static const struct {
		enum gp_protocol protocol;
		uint8_t i, level;
	} cases[] = {
		{GP_SCP02, 0x15, 0x01}, {GP_SCP02, 0x35, 0x13}, {GP_SCP03, 0x00, 0x03},
		{GP_SCP03, 0x70, 0x33}, {GP_SCP03, 0x71, 0x33},
	};
	struct world *w = *state;

	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		struct gp_apdu apdu[6];

		card_i = cases[k].i;
		card_des = cases[k].protocol == GP_SCP02;
		power_up(w, as_asked);
		bench_init(&w->b, cases[k].protocol, cases[k].i, cases[k].level);
		host_keys(w);
		opened(w);
		for (int stop = 0; stop < 6; stop++) {
			for (int i = 0; i < 6; i++) {
				apdu_of(&apdu[i], "80F28002024F0000");
				assert_int_equal(gp_scp_wrap(w->b.scp, &apdu[i], NULL), 0);
			}
			for (int i = 0; i < 6; i++) {
				if (i >= stop) {
					gp_apdu_clear(&apdu[i]);
					continue;
				}
				assert_int_equal(send(w, &apdu[i], &any_length), 0x9000);
				assert_int_equal(gp_scp_unwrap(w->b.scp, w->rsp, &w->len, NULL),
						 0);
			}
			gp_scp_unsent(w->b.scp);
			assert_int_equal(gp_scp_pending(w->b.scp), 0);
			exercise(w);
		}
		bench_free(&w->b);
		card_exit(&w->card);
	}
	power_up(w, NULL);
}

/* A command that is cut (P1 "more"): its MAC is over the whole, with a length of three bytes.
 */
static void test_cut(void **state)
{
	static const struct {
		size_t data;
		uint8_t lc_max;
	} cases[] = {{300, 0}, {700, 0}, {300, 100}, {130, 100}, {80, 100}, {2000, 255}};
	struct world *w = *state;

	for (int des = 0; des < 2; des++)
		for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
			const struct gp_wire wire = {.lc_max = cases[k].lc_max};
			struct gp_apdu apdu;

			card_i = des ? 0x15 : 0x70;
			card_des = des;
			power_up(w, as_asked);
			bench_init(&w->b, GP_SCP_AUTO, GP_SCP_I_AUTO, 0x03);
			w->b.p.quirks.lc_max = cases[k].lc_max;
			host_keys(w);
			opened(w);
			/* DELETE of an AID of 00s, with an empty token that is too long */
			gp_apdu_init(&apdu, 0x80, 0xe4, 0, 0);
			apdu.chain = true;
			assert_int_equal(gp_apdu_add(&apdu, "\x4f\x05\x01\x02\x03\x04\x05", 7),
					 0);
			while (apdu.len < cases[k].data)
				assert_int_equal(gp_apdu_add(&apdu, "\x5f\x20\x00", 3), 0);
			assert_int_equal(gp_scp_wrap(w->b.scp, &apdu, NULL), 0);
			assert_int_equal(gp_apdu_segments(&apdu, &wire, NULL) > 1,
					 apdu.len > (wire.lc_max ? wire.lc_max : 255));
			assert_int_equal(send(w, &apdu, &wire) & 0xff00, 0x6a00);
			assert_int_equal(gp_scp_unwrap(w->b.scp, w->rsp, &w->len, NULL), 0);
			exercise(w);
			bench_free(&w->b);
			card_exit(&w->card);
		}
	power_up(w, NULL);
}

/* PUT KEY under the DEK; then the new keys open a session. */
static void test_put_key(void **state)
{
	struct world *w = *state;

	for (int proto = 0; proto < 2; proto++) {
		enum gp_key_type type = proto ? GP_KEY_DES : GP_KEY_AES;
		struct gp_apdu apdu;
		struct gp_key key;
		uint8_t value[16], field[16], kcv[3];
		size_t n;

		card_i = proto ? 0x15 : 0x70;
		card_des = proto;
		power_up(w, as_asked);
		bench_init(&w->b, GP_SCP_AUTO, GP_SCP_I_AUTO, 0x01);
		host_keys(w);
		opened(w);
		assert_int_equal(gp_scp_dek_type(w->b.scp), type);
		gp_apdu_init(&apdu, 0x80, 0xd8, 0x00, 0x81);
		apdu.le = GP_LE_ANY;
		gp_apdu_add_byte(&apdu, 0x31);
		for (uint8_t i = 0; i < 3; i++) {
			memset(value, 0xa0 + i, sizeof(value));
			assert_int_equal(gp_key_set(&key, type, value, 16), 0);
			assert_int_equal(gp_kcv(&key, kcv), 0);
			assert_int_equal(gp_scp_encrypt(w->b.scp, value, 16, field, 15, &n),
					 -ENOSPC);
			assert_int_equal(gp_scp_encrypt(w->b.scp, value, 16, field, 16, &n), 0);
			assert_int_equal(n, 16);
			gp_apdu_add_byte(&apdu, (uint8_t)type);
			if (type == GP_KEY_AES)
				gp_apdu_add_byte(&apdu, 17);
			gp_apdu_add_byte(&apdu, 16);
			gp_apdu_add(&apdu, field, 16);
			gp_apdu_add_byte(&apdu, 3);
			gp_apdu_add(&apdu, kcv, 3);
		}
		assert_int_equal(gp_scp_wrap(w->b.scp, &apdu, NULL), 0);
		assert_int_equal(send(w, &apdu, &any_length), 0x9000);
		bench_free(&w->b);
		bench_init(&w->b, GP_SCP_AUTO, GP_SCP_I_AUTO, 0x03);
		w->b.set.kvn = 0x31;
		for (uint8_t i = 0; i < 3; i++) {
			struct gp_key *const keys[] = {&w->b.set.enc, &w->b.set.mac,
						       &w->b.set.dek};

			memset(value, 0xa0 + i, sizeof(value));
			assert_int_equal(gp_key_set(keys[i], type, value, 16), 0);
		}
		opened(w);
		exercise(w);
		bench_free(&w->b);
		card_exit(&w->card);
	}
	power_up(w, NULL);
}

static struct gp_key card_master;
static enum gp_diversification card_div;

/* The card's keys come of a master key by a method; its diversification data are zeros. */
static void diversified(struct card_profile *p)
{
	static const uint8_t kdd[GP_KDD_LEN];
	struct scp03_keys *k = &p->keys[0];
	uint8_t *const to[] = {k->enc, k->mac, k->dek};

	p->key_types[0] = card_des ? KEY_DES : KEY_AES;
	k->len = card_master.len;
	for (int i = 0; i < 3; i++) {
		struct gp_key key;

		if (card_div == GP_DIV_NONE)
			key = card_master;
		else
			assert_int_equal(gp_diversify(&card_master, card_div, NULL, kdd,
						      (enum gp_key_role)(i + 1), &key),
					 0);
		memcpy(to[i], key.value, key.len);
	}
}

/* Whatever is wrong with the host's keys is found without an attempt that the card counts. */
static void test_identify(void **state)
{
	struct world *w = *state;
	uint8_t value[16];

	memset(value, 0x5a, sizeof(value));
	for (int des = 0; des < 2; des++) {
		enum gp_key_type type = des ? GP_KEY_DES : GP_KEY_AES;

		for (int d = GP_DIV_NONE; d <= GP_DIV_KDF3; d++) {
			struct gp_keyset decoy, right;
			const struct gp_keyset *known[] = {&decoy, &right};
			const struct gp_scp_match *m;

			if (des && d == GP_DIV_KDF3)
				continue;
			card_des = des;
			card_div = (enum gp_diversification)d;
			gp_key_set(&card_master, type, value, 16);
			power_up(w, diversified);
			gp_keyset_default(&decoy, type);
			memset(&right, 0, sizeof(right));
			strcpy(right.name, "right");
			/* declared as the other algorithm, and not diversified */
			gp_key_set(&right.master, des ? GP_KEY_AES : GP_KEY_DES, value, 16);
			bench_init(&w->b, GP_SCP_AUTO, GP_SCP_I_AUTO, 0x01);
			w->b.p.keys = &decoy;
			w->b.p.known = known;
			w->b.p.n_known = 1;
			assert_int_equal(open_session(w), -EKEYREJECTED);
			assert_string_equal(w->b.err.code, "wrong-keys");
			assert_null(gp_scp_identified(w->b.scp));
			w->b.p.n_known = 2;
			assert_int_equal(open_session(w), -EKEYREJECTED);
			assert_string_equal(w->b.err.code, "other-keys");
			m = gp_scp_identified(w->b.scp);
			assert_non_null(m);
			assert_ptr_equal(m->set, &right);
			assert_int_equal(m->type, type);
			/* with diversification data of zeros two methods give the same */
			assert_int_equal(m->diversification,
					 d == GP_DIV_EMV ? GP_DIV_VISA2 : d);
			assert_false(m->declared);
			assert_int_equal(w->card.entries[0]->tries, 0);
			/* so it is done as it said */
			gp_key_set(&right.master, m->type, value, 16);
			right.diversification = (uint8_t)m->diversification;
			w->b.p.keys = &right;
			opened(w);
			exercise(w);
			gp_scp_free(w->b.scp);
			w->b.scp = NULL;
			card_exit(&w->card);
		}
	}
	power_up(w, NULL);
}

/* A wrong MAC on the way back, a response taken out: noticed, and nothing goes on. */
static void test_tampered(void **state)
{
	struct world *w = *state;

	for (int des = 0; des < 2; des++)
		for (int how = 0; how < 4; how++) {
			struct gp_apdu apdu;

			card_i = des ? 0x35 : 0x70;
			card_des = des;
			power_up(w, as_asked);
			bench_init(&w->b, GP_SCP_AUTO, des ? 0x35 : GP_SCP_I_AUTO,
				   des ? 0x13 : 0x33);
			host_keys(w);
			opened(w);
			apdu_of(&apdu, "80F28002024F0000");
			assert_int_equal(gp_scp_wrap(w->b.scp, &apdu, NULL), 0);
			assert_int_equal(send(w, &apdu, &any_length), 0x9000);
			if (how == 0)
				w->rsp[0] ^= 1;
			else if (how == 1)
				w->rsp[w->len - 3] ^= 1;
			else if (how == 2)
				memcpy(w->rsp + w->len - 2, "\x63\x10", 2);
			else
				memcpy(w->rsp, "\x90\x00", w->len = 2);
			assert_int_equal(gp_scp_unwrap(w->b.scp, w->rsp, &w->len, &w->b.err),
					 -EBADMSG);
			assert_string_equal(w->b.err.code, "bad-rmac");
			assert_false(gp_scp_is_open(w->b.scp));
			apdu_of(&apdu, "80F28002024F0000");
			assert_int_equal(gp_scp_wrap(w->b.scp, &apdu, NULL), -ENOTCONN);
			gp_apdu_clear(&apdu);
			bench_free(&w->b);
			card_exit(&w->card);
		}
	power_up(w, NULL);
}

/* SCP11: keys and certificates made here. */
struct authority {
	uint8_t ca[66], ca_pub[133], sub[66], sub_pub[133], sd[66], sd_pub[133], oce_pub[133];
	uint8_t cert[2][600];
	struct gp_bytes chain[2];
	size_t size;
	uint8_t curve;
};

static void put_key(struct card *c, uint8_t kid, uint8_t type, const uint8_t *v, size_t len,
		    uint8_t curve)
{
	struct key k = {.kvn = 3, .kid = kid, .n_parts = 2};

	k.part[0] = (struct key_part){.type = type, .v = blob_new(v, len)};
	k.part[1] = (struct key_part){.type = KEY_EC_CURVE, .v = blob_new(&curve, 1)};
	assert_int_equal(entry_put_key(c->entries[0], &k), SW_OK);
}

static void certify(struct authority *a, int which, const uint8_t *signer, uint8_t usage,
		    const uint8_t *pub, uint8_t serial)
{
	struct gp_apdu body, key, cert;
	uint8_t sig[132];

	gp_apdu_init(&body, 0, 0, 0, 0);
	gp_apdu_init(&key, 0, 0, 0, 0);
	gp_apdu_init(&cert, 0, 0, 0, 0);
	gp_apdu_add_tlv(&body, 0x93, &serial, 1);
	gp_apdu_add_tlv(&body, 0x5f25, "\x20\x20\x01\x01", 4);
	gp_apdu_add_tlv(&body, 0x5f24, "\x20\x99\x12\x31", 4);
	gp_apdu_add_tlv(&body, 0x95, &usage, 1);
	gp_apdu_add_tlv(&key, 0xb0, pub, 1 + 2 * a->size);
	gp_apdu_add_tlv(&key, 0xf0, &a->curve, 1);
	gp_apdu_add_tlv(&body, 0x7f49, key.data, key.len);
	assert_int_equal(crypto_ec_sign(a->curve, signer, a->size, crypto_ec_hash(a->curve),
					body.data, body.len, sig),
			 0);
	gp_apdu_add_tlv(&body, 0x5f37, sig, 2 * a->size);
	gp_apdu_add_tlv(&cert, 0x7f21, body.data, body.len);
	memcpy(a->cert[which], cert.data, cert.len);
	a->chain[which] = (struct gp_bytes){a->cert[which], cert.len};
	gp_apdu_clear(&body);
	gp_apdu_clear(&key);
	gp_apdu_clear(&cert);
}

static void certified(struct world *w, struct authority *a, uint8_t curve)
{
	a->curve = curve;
	a->size = crypto_ec_size(curve);
	assert_int_equal(crypto_ec_generate(curve, a->ca, a->ca_pub), 0);
	assert_int_equal(crypto_ec_generate(curve, a->sub, a->sub_pub), 0);
	assert_int_equal(crypto_ec_generate(curve, a->sd, a->sd_pub), 0);
	assert_int_equal(crypto_ec_generate(curve, w->b.oce.value, a->oce_pub), 0);
	w->b.oce.curve = curve;
	put_key(&w->card, 0x10, KEY_EC_PUBLIC, a->ca_pub, 1 + 2 * a->size, curve);
	put_key(&w->card, 0x11, KEY_EC_PRIVATE, a->sd, a->size, curve);
	put_key(&w->card, 0x13, KEY_EC_PRIVATE, a->sd, a->size, curve);
	put_key(&w->card, 0x15, KEY_EC_PRIVATE, a->sd, a->size, curve);
	certify(a, 0, a->ca, 0x82, a->sub_pub, 1);
	certify(a, 1, a->sub, 0x80, a->oce_pub, 2);
	w->b.scp11 = (struct gp_scp11_params){
		.kvn = 3,
		.ca_kvn = 3,
		.point = a->sd_pub,
		.point_len = 1 + 2 * a->size,
		.curve = curve,
		.oce = &w->b.oce,
		.certs = a->chain,
		.n_certs = 2,
		.key_len = 16,
	};
	w->b.p.scp11 = &w->b.scp11;
}

static void test_scp11(void **state)
{
	static const enum gp_protocol protocols[] = {GP_SCP11A, GP_SCP11B, GP_SCP11C};
	static const uint8_t levels[] = {0x01, 0x03, 0x11, 0x33};
	struct world *w = *state;
	struct authority a;

	for (uint8_t curve = 0; curve < 3; curve++)
		for (size_t p = 0; p < 3; p++)
			for (size_t k = 0; k < sizeof(levels); k++) {
				struct gp_scp_info info;

				power_up(w, NULL);
				bench_init(&w->b, protocols[p], GP_SCP_I_AUTO, levels[k]);
				certified(w, &a, curve);
				w->b.scp11.key_len = (uint8_t)(16 + 8 * curve);
				if (k & 1) {
					/* both sides in the keys */
					w->b.scp11.host_id = (const uint8_t *)"host";
					w->b.scp11.host_id_len = 4;
					w->b.scp11.sin = (struct gp_bytes){
						w->card.profile.iin, w->card.profile.iin_len};
					w->b.scp11.sdin = (struct gp_bytes){
						w->card.profile.cin, w->card.profile.cin_len};
				}
				opened(w);
				gp_scp_info(w->b.scp, &info);
				assert_int_equal(info.authenticated, protocols[p] != GP_SCP11B);
				if (protocols[p] != GP_SCP11B) {
					exercise(w);
				} else {
					/* the card does not know the host, but it answers */
					assert_int_equal(secure(w, "80CA006600"), 0x9000);
					assert_int_equal(w->rsp[0], 0x66);
				}
				bench_free(&w->b);
				card_exit(&w->card);
			}
	power_up(w, NULL);
}

/* Another card behind the certificate; a certificate that the card does not take. */
static void test_scp11_refused(void **state)
{
	struct world *w = *state;
	struct authority a;

	power_up(w, NULL);
	bench_init(&w->b, GP_SCP11A, GP_SCP_I_AUTO, 0x33);
	certified(w, &a, 0);
	w->b.scp11.point = a.sub_pub;
	assert_int_equal(open_session(w), -EKEYREJECTED);
	assert_string_equal(w->b.err.code, "receipt-wrong");
	w->b.scp11.point = a.sd_pub;
	a.cert[1][a.chain[1].len - 1] ^= 1;
	assert_int_equal(open_session(w), -EPROTO);
	assert_string_equal(w->b.err.code, "card-refused");
	a.cert[1][a.chain[1].len - 1] ^= 1;
	w->b.scp11.ca_kvn = 9;
	assert_int_equal(open_session(w), -EPROTO);
	assert_string_equal(w->b.err.code, "no-such-key");
	w->b.scp11.ca_kvn = 3;
	/* the certificate of another key than the host's own */
	w->b.oce.value[5] ^= 1;
	assert_int_equal(open_session(w), -EKEYREJECTED);
	assert_string_equal(w->b.err.code, "receipt-wrong");
}

/* The card's key out of its certificates, by those who vouch for it. */
static void test_card_key(void **state)
{
	static const uint8_t today[4] = {0x20, 0x26, 0x11, 0x22};
	struct world *w = *state;
	struct authority a;
	struct gp_apdu store, other;
	struct gp_cert key;
	struct gp_error err;

	power_up(w, NULL);
	for (uint8_t curve = 0; curve < 3; curve++) {
		bench_init(&w->b, GP_SCP11B, GP_SCP_I_AUTO, 0x33);
		certified(w, &a, curve);
		certify(&a, 1, a.sub, 0x80, a.sd_pub, 7);
		gp_apdu_init(&store, 0, 0, 0, 0);
		gp_apdu_init(&other, 0, 0, 0, 0);
		gp_apdu_add(&other, a.chain[0].p, a.chain[0].len);
		gp_apdu_add(&other, a.chain[1].p, a.chain[1].len);
		gp_apdu_add_tlv(&store, 0xbf21, other.data, other.len);
		/* with the template and without it */
		for (int bare = 0; bare < 2; bare++) {
			const struct gp_apdu *s = bare ? &other : &store;

			assert_int_equal(gp_scp11_card_key(s->data, s->len, curve, a.ca_pub,
							   1 + 2 * a.size, today, &key, &err),
					 0);
			assert_int_equal(key.curve, curve);
			assert_int_equal(key.point.len, 1 + 2 * a.size);
			assert_memory_equal(key.point.p, a.sd_pub, key.point.len);
		}
		/* the day before it begins, the last day, the day after */
		assert_int_equal(gp_scp11_card_key(
					 store.data, store.len, curve, a.ca_pub, 1 + 2 * a.size,
					 (uint8_t[]){0x20, 0x19, 0x12, 0x31}, &key, &err),
				 -EKEYREJECTED);
		assert_string_equal(err.code, "certificate-expired");
		assert_int_equal(gp_scp11_card_key(
					 store.data, store.len, curve, a.ca_pub, 1 + 2 * a.size,
					 (uint8_t[]){0x20, 0x99, 0x12, 0x31}, &key, &err),
				 0);
		assert_int_equal(gp_scp11_card_key(
					 store.data, store.len, curve, a.ca_pub, 1 + 2 * a.size,
					 (uint8_t[]){0x21, 0x00, 0x01, 0x01}, &key, &err),
				 -EKEYREJECTED);
		/* nobody vouches, or somebody else would have to */
		assert_int_equal(gp_scp11_card_key(store.data, store.len, curve, NULL, 0, today,
						   &key, &err),
				 0);
		assert_int_equal(gp_scp11_card_key(store.data, store.len, curve, a.sub_pub,
						   1 + 2 * a.size, today, &key, &err),
				 -EKEYREJECTED);
		/* an authority is no card, and a card no authority */
		assert_int_equal(gp_scp11_card_key(a.chain[0].p, a.chain[0].len, curve,
						   a.ca_pub, 1 + 2 * a.size, today, &key, &err),
				 -EKEYREJECTED);
		certify(&a, 0, a.ca, 0x80, a.sub_pub, 1);
		gp_apdu_clear(&other);
		gp_apdu_add(&other, a.chain[0].p, a.chain[0].len);
		gp_apdu_add(&other, a.chain[1].p, a.chain[1].len);
		assert_int_equal(gp_scp11_card_key(other.data, other.len, curve, a.ca_pub,
						   1 + 2 * a.size, today, &key, &err),
				 -EKEYREJECTED);
		/* without a first link the second's signature still counts */
		other.data[other.len - 1] ^= 1;
		assert_int_equal(gp_scp11_card_key(other.data, other.len, curve, NULL, 0, today,
						   &key, &err),
				 -EKEYREJECTED);
		gp_apdu_clear(&other);
		gp_apdu_clear(&store);
	}
	bench_new(&w->b);
}

/* Keys that the card refuses once it was asked. */
static void test_refused(void **state)
{
	struct world *w = *state;
	struct gp_apdu apdu;

	card_i = 0x70;
	card_des = false;
	power_up(w, as_asked);
	bench_init(&w->b, GP_SCP_AUTO, GP_SCP_I_AUTO, 0x01);
	host_keys(w);
	w->b.p.kvn = 0x2a;
	assert_int_equal(open_session(w), -EPROTO);
	assert_string_equal(w->b.err.code, "no-such-key");
	w->b.p.kvn = 0;
	/* S16 asked of a card in S8 mode */
	w->b.p.protocol = GP_SCP03;
	w->b.p.i = GP_SCP03_S16;
	assert_int_equal(open_session(w), -EPROTO);
	w->b.p.i = GP_SCP_I_AUTO;
	/* the host's cryptogram damaged on the way: that counts */
	bench_new(&w->b);
	assert_int_equal(gp_scp_next(w->b.scp, &apdu, NULL), 1);
	send(w, &apdu, &any_length);
	assert_int_equal(gp_scp_feed(w->b.scp, w->rsp, w->len, NULL), 0);
	assert_int_equal(gp_scp_step(w->b.scp), GP_STEP_AUTHENTICATE);
	assert_int_equal(gp_scp_next(w->b.scp, &apdu, NULL), 1);
	apdu.data[0] ^= 1;
	send(w, &apdu, &any_length);
	assert_int_equal(gp_scp_feed(w->b.scp, w->rsp, w->len, &w->b.err), -EACCES);
	assert_string_equal(w->b.err.code, "authentication-failed");
	assert_int_equal(w->card.entries[0]->tries, 1);
	assert_int_equal(gp_scp_next(w->b.scp, &apdu, NULL), -ENOTCONN);
	/* until the key is blocked: 6983 comes before anything that counts */
	w->card.entries[0]->tries = w->card.profile.key_tries;
	assert_int_equal(open_session(w), -EACCES);
	assert_string_equal(w->b.err.code, "key-blocked");
}

int main(void)
{
#define CARD_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CARD_TEST(test_scp03),		CARD_TEST(test_scp02),
		CARD_TEST(test_scp02_implicit), CARD_TEST(test_rmac_session),
		CARD_TEST(test_batch),		CARD_TEST(test_strict_le),
		CARD_TEST(test_unsent),		CARD_TEST(test_cut),
		CARD_TEST(test_put_key),	CARD_TEST(test_identify),
		CARD_TEST(test_tampered),	CARD_TEST(test_scp11),
		CARD_TEST(test_scp11_refused),	CARD_TEST(test_card_key),
		CARD_TEST(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
