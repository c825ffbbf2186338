// SPDX-License-Identifier: Apache-2.0
/*
 * Every command of card content management between two readings of the standard: the
 * builders and decoders of daemon/gp in a secure channel, and softse's card.
 */
#include "gp_hex.h"
#include "gp_scp_bench.h"

#include <stdlib.h>

#include "gp/carddata.h"
#include "gp/cmd.h"
#include "gp/profile.h"
#include "gp/registry.h"
#include "softse/card.h"

#define ELF "F0534553414D45A0"
#define MODULE "F0534553414D45A001"
#define APP "F0534553414D45A002"
#define SSD "A00000015153534401"

static const struct gp_bytes none = {NULL, 0};
static const struct gp_wire any_length = {.extended = true};

struct world {
	struct card card;
	struct scp_bench b;
	uint8_t rsp[CARD_RAPDU_MAX];
	size_t len; /* of the data, status word taken off */
	unsigned int segments;
};

static unsigned int run(struct world *w, struct gp_apdu *a, const struct gp_wire *wire)
{
	static uint8_t bytes[GP_CAPDU_MAX];
	int n = gp_apdu_segments(a, wire, &w->b.err);
	unsigned int sw = 0;
	uint64_t us;
	size_t len;

	assert_true(n > 0);
	w->segments = (unsigned int)n;
	for (int i = 0; i < n; i++) {
		assert_int_equal(gp_apdu_encode(a, wire, (size_t)i, bytes, sizeof(bytes), &len,
						&w->b.err),
				 0);
		w->len = card_execute(&w->card, 1, bytes, len, w->rsp, sizeof(w->rsp), &us);
		assert_true(w->len >= 2);
		sw = (unsigned int)(w->rsp[w->len - 2] << 8 | w->rsp[w->len - 1]);
		if (i + 1 < n)
			assert_int_equal(sw, 0x9000);
	}
	gp_apdu_clear(a);
	w->len -= 2;
	return sw;
}

/* a command that was built, through the channel; status word, data in w->rsp */
static unsigned int go_at(struct world *w, int built, struct gp_apdu *a,
			  const struct gp_wire *wire, int line)
{
	unsigned int sw;
	size_t len;

	if (built)
		fail_msg("line %d: %s", line, w->b.err.detail);
	assert_int_equal(gp_scp_wrap(w->b.scp, a, &w->b.err), 0);
	sw = run(w, a, wire);
	len = w->len + 2;
	assert_int_equal(gp_scp_unwrap(w->b.scp, w->rsp, &len, &w->b.err), 0);
	w->len = len - 2;
	return sw;
}

#define go(w, built, a) go_at(w, built, a, NULL, __LINE__)
#define go_long(w, built, a) go_at(w, built, a, &any_length, __LINE__)

static void power_up(struct world *w, unsigned int page)
{
	char err[256];

	memset(w, 0, sizeof(*w));
	card_profile_default(&w->card.profile);
	w->card.profile.no_fsync = true;
	w->card.profile.status_page = page;
	if (card_init(&w->card, err, sizeof(err)))
		fail_msg("%s", err);
}

static void open_session(struct world *w)
{
	const struct scp03_keys *k = &w->card.profile.keys[0];
	struct gp_apdu a;
	int ret;

	bench_init(&w->b, GP_SCP_AUTO, GP_SCP_I_AUTO, 0x03);
	assert_int_equal(gp_key_set(&w->b.set.enc, GP_KEY_AES, k->enc, k->len), 0);
	assert_int_equal(gp_key_set(&w->b.set.mac, GP_KEY_AES, k->mac, k->len), 0);
	assert_int_equal(gp_key_set(&w->b.set.dek, GP_KEY_AES, k->dek, k->len), 0);
	bench_new(&w->b);
	while ((ret = gp_scp_next(w->b.scp, &a, &w->b.err)) == 1) {
		run(w, &a, NULL);
		assert_int_equal(gp_scp_feed(w->b.scp, w->rsp, w->len + 2, &w->b.err), 0);
	}
	assert_int_equal(ret, 0);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	*state = w;
	if (!w)
		return -1;
	power_up(w, 60);
	open_session(w);
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	bench_free(&w->b);
	card_exit(&w->card);
	free(w);
	return 0;
}

static struct gp_apdu a; /* the command at hand */

/* ---- what the card says of itself ---- */

static unsigned int get(struct world *w, uint16_t tag)
{
	return go(w, gp_cmd_get_data(&a, tag, none, &w->b.err), &a);
}

static void test_read(void **state)
{
	struct world *w = *state;
	struct gp_error *err = &w->b.err;
	static struct gp_applications apps;
	struct gp_capability capability;
	struct gp_recognition rec;
	struct gp_resources res;
	struct gp_cplc cplc;
	struct gp_id id;
	struct gp_fci fci;
	uint32_t n;

	assert_int_equal(get(w, GP_DATA_RECOGNITION), 0x9000);
	assert_int_equal(gp_recognition_decode(&rec, w->rsp, w->len, err), 0);
	assert_memory_equal(rec.version, "\2\3\1", 3);
	assert_int_equal(gp_scp_choose(&rec)->scp, 3);
	assert_int_equal(gp_scp_choose(&rec)->i, w->card.profile.scp_i);
	assert_int_equal(get(w, GP_DATA_CAPABILITY), 0x9000);
	assert_int_equal(gp_capability_decode(&capability, w->rsp, w->len, err), 0);
	assert_int_equal(capability.nr_hashes, 4);
	assert_int_equal(capability.sd_privileges, 0xfffec0);
	assert_int_equal(get(w, GP_DATA_CPLC), 0x9000);
	assert_int_equal(gp_cplc_decode(&cplc, w->rsp, w->len, err), 0);
	assert_string_equal(gp_profile_find(&(struct gp_identity){none, &cplc, &rec})->name,
			    "softse");
	assert_int_equal(get(w, GP_DATA_CIN), 0x9000);
	assert_int_equal(gp_id_decode(&id, GP_DATA_CIN, w->rsp, w->len, err), 0);
	assert_int_equal(id.len, w->card.profile.cin_len);
	assert_memory_equal(id.bytes, w->card.profile.cin, id.len);
	assert_int_equal(get(w, GP_DATA_IIN), 0x9000);
	assert_int_equal(gp_id_decode(&id, GP_DATA_IIN, w->rsp, w->len, err), 0);
	assert_int_equal(id.len, w->card.profile.iin_len);
	assert_int_equal(get(w, GP_DATA_SEQUENCE), 0x9000);
	assert_int_equal(gp_number_decode(&n, GP_DATA_SEQUENCE, w->rsp, w->len, err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(get(w, GP_DATA_SECURITY_LEVEL), 0x9000);
	assert_int_equal(gp_number_decode(&n, GP_DATA_SECURITY_LEVEL, w->rsp, w->len, err), 0);
	assert_int_equal(n, 0x83);
	assert_int_equal(get(w, GP_DATA_RESOURCES), 0x9000);
	assert_int_equal(gp_resources_decode(&res, w->rsp, w->len, err), 0);
	assert_true(res.nonvolatile > 0 && res.vol > 0);
	assert_int_equal(get(w, GP_DATA_APPLICATIONS), 0x9000);
	assert_int_equal(gp_applications_decode(&apps, w->rsp, w->len, err), 0);
	assert_int_equal(apps.nr, res.applications + 1); /* and the ISD */
	assert_int_equal(get(w, GP_DATA_KDD), 0x6a88);
	/* SELECT ends the session */
	assert_int_equal(gp_cmd_select(&a, NULL, false, err), 0);
	assert_int_equal(run(w, &a, NULL), 0x9000);
	assert_int_equal(gp_fci_decode(&fci, w->rsp, w->len, err), 0);
	assert_memory_equal(fci.aid.bytes, w->card.profile.isd.v, fci.aid.len);
	assert_int_equal(fci.block_max, 255);
	assert_int_equal(gp_cmd_channel_open(&a, err), 0);
	assert_int_equal(run(w, &a, NULL), 0x9000);
	assert_int_equal(w->len, 1);
	assert_int_equal(gp_cmd_channel_close(&a, w->rsp[0], err), 0);
	assert_int_equal(run(w, &a, NULL), 0x9000);
}

/* ---- the registry ---- */

static unsigned int list(struct world *w, struct gp_registry *reg, bool old)
{
	static const uint8_t lists[] = {GP_LIST_ISD, GP_LIST_APPS, GP_LIST_ELFS,
					GP_LIST_MODULES};
	unsigned int pages = 0, sw;

	gp_registry_clear(reg);
	for (size_t i = 0; i < sizeof(lists); i++) {
		struct gp_get_status what = {.list = lists[i], .old = old};

		if (!old)
			what.tags = GP_STATUS_TAGS;
		do {
			sw = go(w, gp_cmd_get_status(&a, &what, &w->b.err), &a);
			if (sw == 0x6a88)
				break;
			assert_true(sw == 0x9000 || sw == 0x6310);
			assert_true(gp_registry_take(reg, what.list, w->rsp, w->len,
						     &w->b.err) > 0);
			what.next = true;
			pages++;
		} while (sw == 0x6310);
	}
	return pages;
}

static struct gp_entry *entry(struct world *w, struct gp_registry *reg, const char *aid)
{
	struct gp_aid want = gp_hex_aid(aid);

	list(w, reg, false);
	return gp_registry_find(reg, &want);
}

static unsigned int install(struct world *w, struct gp_install what)
{
	return go(w, gp_cmd_install(&a, &what, &w->b.err), &a);
}

/* a load file that is no CAP file: the card takes any module of it */
static void load(struct world *w, struct gp_install what, size_t block,
		 const struct gp_wire *wire)
{
	static uint8_t file[5000];
	size_t head = 1 + gp_put_length(file + 1, sizeof(file) - 4), size = sizeof(file);
	unsigned int n = 0;

	assert_int_equal(head, 4);
	file[0] = 0xc4;
	what.elf = gp_hex_aid(ELF);
	assert_int_equal(install(w, what), 0x9000);
	for (size_t at = 0; at < size; at += block) {
		size_t len = size - at < block ? size - at : block;

		assert_int_equal(
			go_at(w,
			      gp_cmd_load(&a, n++, at + len == size,
					  (struct gp_bytes){file + at, len}, &w->b.err),
			      &a, wire, __LINE__),
			0x9000);
	}
}

static void make_ssd(struct world *w)
{
	struct gp_install what = {.p1 = GP_INSTALL_INSTALL | GP_INSTALL_MAKE_SELECTABLE,
				  .privileges = GP_PRIV_SD | GP_PRIV_TRUSTED_PATH,
				  .privileges_len = 3};

	what.elf = gp_hex_aid("A0000001515350");
	what.module = gp_hex_aid("A000000151535041");
	what.instance = gp_hex_aid(SSD);
	assert_int_equal(install(w, what), 0x9000);
}

static void test_content(void **state)
{
	struct world *w = *state;
	const struct gp_system_params sys = {.set = GP_SYS_NONVOLATILE | GP_SYS_NV_RESERVED,
					     .nonvol = 4096,
					     .nonvol_reserved = 512,
					     .implicit = {(const uint8_t *)"\x81", 1}};
	struct gp_install what = {.p1 = GP_INSTALL_INSTALL, .privileges_len = 1, .sys = &sys};
	struct gp_registry reg = {0}, old = {0};
	struct gp_aid elf = gp_hex_aid(ELF), app = gp_hex_aid(APP), ssd = gp_hex_aid(SSD);
	struct gp_delete gone = {.aid = elf};
	struct gp_entry *e;

	make_ssd(w);
	load(w, (struct gp_install){.p1 = GP_INSTALL_LOAD}, 239, NULL);
	what.elf = elf;
	what.module = gp_hex_aid(MODULE);
	what.instance = app;
	assert_int_equal(install(w, what), 0x9000);
	e = entry(w, &reg, APP);
	assert_int_equal(e->kind, GP_KIND_APP);
	assert_int_equal(e->state, GP_APP_INSTALLED);
	assert_true(gp_aid_equal(&e->elf, &elf));
	assert_int_equal(e->nr_implicit, 1);
	assert_int_equal(e->implicit[0], 0x81);
	assert_ptr_equal(gp_registry_next_of(&reg, &elf, NULL), e);
	assert_non_null(gp_registry_find_elf(&reg, &elf));
	assert_int_equal(entry(w, &reg, SSD)->kind, GP_KIND_SSD);
	/* pages: an entry or two each; the older form tells the same, one privilege byte */
	assert_true(list(w, &reg, false) > 4);
	list(w, &old, true);
	assert_int_equal(old.n, reg.n);
	for (size_t i = 0; i < reg.n; i++) {
		assert_true(gp_aid_equal(&old.entries[i].aid, &reg.entries[i].aid));
		assert_int_equal(old.entries[i].kind, reg.entries[i].kind);
		assert_int_equal(old.entries[i].state, reg.entries[i].state);
		assert_int_equal(old.entries[i].privileges,
				 reg.entries[i].privileges & 0xff0000);
	}
	gp_registry_clear(&old);
	/* make selectable, registry update, lock, unlock */
	what = (struct gp_install){.p1 = GP_INSTALL_MAKE_SELECTABLE, .privileges_len = 1};
	what.instance = app;
	assert_int_equal(install(w, what), 0x9000);
	what = (struct gp_install){.p1 = GP_INSTALL_REGISTRY_UPDATE,
				   .privileges = GP_PRIV_CARD_RESET | GP_PRIV_GLOBAL_SERVICE,
				   .privileges_len = 3};
	what.instance = app;
	assert_int_equal(install(w, what), 0x9000);
	assert_int_equal(
		go(w, gp_cmd_set_status(&a, GP_STATUS_APP, GP_STATUS_LOCK, &app, &w->b.err),
		   &a),
		0x9000);
	e = entry(w, &reg, APP);
	assert_int_equal(e->state, GP_APP_LOCKED_BIT | GP_APP_SELECTABLE);
	assert_int_equal(e->privileges, GP_PRIV_CARD_RESET | GP_PRIV_GLOBAL_SERVICE);
	assert_int_equal(
		go(w, gp_cmd_set_status(&a, GP_STATUS_APP, GP_STATUS_UNLOCK, &app, &w->b.err),
		   &a),
		0x9000);
	/* extradition */
	what = (struct gp_install){.p1 = GP_INSTALL_EXTRADITION};
	what.sd = ssd;
	what.instance = app;
	assert_int_equal(install(w, what), 0x9000);
	e = entry(w, &reg, APP);
	assert_int_equal(e->state, GP_APP_SELECTABLE);
	assert_true(gp_aid_equal(&e->sd, &ssd));
	assert_ptr_equal(gp_registry_next_in(&reg, &ssd, NULL), e);
	/* a domain and what is in it */
	assert_int_equal(
		go(w, gp_cmd_set_status(&a, GP_STATUS_SD, GP_STATUS_LOCK, &ssd, &w->b.err), &a),
		0x9000);
	assert_true(gp_state_locked(GP_KIND_APP, entry(w, &reg, APP)->state));
	assert_true(gp_state_locked(GP_KIND_SSD, entry(w, &reg, SSD)->state));
	/* what is used stays, then it goes with what was made of it */
	assert_int_equal(go(w, gp_cmd_delete(&a, &gone, &w->b.err), &a), 0x6985);
	gone.related = true;
	assert_int_equal(go(w, gp_cmd_delete(&a, &gone, &w->b.err), &a), 0x9000);
	assert_null(entry(w, &reg, APP));
	assert_null(gp_registry_find_elf(&reg, &elf));
	gone = (struct gp_delete){.aid = ssd};
	assert_int_equal(go(w, gp_cmd_delete(&a, &gone, &w->b.err), &a), 0x9000);
	assert_int_equal(go(w, gp_cmd_delete(&a, &gone, &w->b.err), &a), 0x6a88);
	gp_registry_clear(&reg);
}

static void test_combined(void **state)
{
	struct world *w = *state;
	struct gp_install what = {.p1 = 0x0e, .p2 = GP_INSTALL_COMBINED_BEGIN};
	struct gp_registry reg = {0};

	/* extended LOAD: three blocks in the place of 21 */
	load(w, what, 2000, &any_length);
	assert_null(
		entry(w, &reg, ELF)); /* asking ends the combined process: nothing is left */
	load(w, what, 2000, &any_length);
	what = (struct gp_install){
		.p1 = 0x0e, .p2 = GP_INSTALL_COMBINED_END, .privileges_len = 1};
	what.module = gp_hex_aid(MODULE);
	what.instance = gp_hex_aid(APP);
	assert_int_equal(install(w, what), 0x9000);
	assert_int_equal(entry(w, &reg, APP)->state, GP_APP_SELECTABLE);
	assert_non_null(entry(w, &reg, ELF));
	gp_registry_clear(&reg);
}

/* ---- keys and data ---- */

static int under_dek(void *ctx, const uint8_t *clear, size_t len, uint8_t *out,
		     struct gp_error *err)
{
	size_t n;

	(void)err;
	return gp_scp_encrypt(ctx, clear, len, out, len, &n);
}

static void put(struct world *w, const struct gp_put_key *what, unsigned int segments)
{
	const struct gp_dek dek = {under_dek, w->b.scp, 16};

	assert_int_equal(go(w, gp_cmd_put_key(&a, what, &dek, &w->b.err), &a), 0x9000);
	assert_int_equal(w->segments, segments);
	assert_int_equal(gp_put_key_check(what, w->rsp, w->len, &w->b.err), 0);
}

static const struct gp_key_info *told(struct world *w, uint8_t kvn, uint8_t kid)
{
	static struct gp_key_infos infos;

	assert_int_equal(get(w, GP_DATA_KEYS), 0x9000);
	assert_int_equal(gp_keys_decode(&infos, w->rsp, w->len, &w->b.err), 0);
	return gp_keys_find(&infos, kvn, kid);
}

static void one_part(struct gp_put_one *one, uint8_t type, const uint8_t *v, size_t len)
{
	struct gp_key key = {0};

	*one = (struct gp_put_one){.parts = 1};
	one->part[0] = (struct gp_key_part){type, {v, len}};
	if (type != GP_KEY_AES && type != GP_KEY_DES)
		return;
	assert_int_equal(gp_key_set(&key, type, v, len), 0);
	assert_int_equal(gp_kcv(&key, one->kcv), 0);
	one->kcv_len = GP_KCV_LEN;
}

static void test_keys(void **state)
{
	struct world *w = *state;
	static uint8_t value[256], point[65];
	const uint8_t e[] = {1, 0, 1}, p256 = 0, priv[32] = {[31] = 7};
	struct gp_put_one keys[3];
	struct gp_put_key what = {.new_kvn = 0x31, .first_kid = 1, .key = keys, .keys = 3};

	memset(value, 0xc1, sizeof(value));
	/* AES of each length; 24 bytes are padded */
	for (size_t len = 16; len <= 32; len += 8) {
		for (size_t i = 0; i < 3; i++)
			one_part(&keys[i], GP_KEY_AES, value + i, len);
		put(w, &what, 1);
		assert_int_equal(told(w, what.new_kvn, 3)->length[0], len);
		what.new_kvn++;
	}
	/* in the place of a version; a wrong check value is refused and changes nothing */
	what.old_kvn = 0x31;
	put(w, &what, 1);
	assert_null(told(w, 0x31, 1));
	assert_non_null(told(w, what.new_kvn, 1));
	keys[1].kcv[0] ^= 1;
	what = (struct gp_put_key){.new_kvn = 0x38, .first_kid = 1, .key = keys, .keys = 3};
	{
		const struct gp_dek dek = {under_dek, w->b.scp, 16};

		assert_int_equal(go(w, gp_cmd_put_key(&a, &what, &dek, &w->b.err), &a), 0x6a80);
	}
	assert_null(told(w, 0x38, 1));
	/* DES keys for SCP02, a PSK that has to be padded, one that has not */
	for (size_t i = 0; i < 3; i++)
		one_part(&keys[i], GP_KEY_DES, value + i, 16);
	what.new_kvn = 0x21;
	put(w, &what, 1);
	assert_int_equal(told(w, 0x21, 2)->type[0], GP_KEY_DES);
	what = (struct gp_put_key){.new_kvn = 0x40, .first_kid = 1, .key = keys, .keys = 2};
	one_part(&keys[0], GP_KEY_TLS_PSK, value, 21);
	one_part(&keys[1], GP_KEY_TLS_PSK, value, 32);
	put(w, &what, 1);
	assert_int_equal(told(w, 0x40, 1)->length[0], 21);
	assert_int_equal(told(w, 0x40, 2)->length[0], 32);
	/* RSA of 2048 bits: too long for one command, and told in the extended form */
	what = (struct gp_put_key){.new_kvn = 0x73, .first_kid = 1, .key = keys, .keys = 1};
	one_part(&keys[0], GP_KEY_RSA_N, value, sizeof(value));
	keys[0].parts = 2;
	keys[0].part[1] = (struct gp_key_part){GP_KEY_RSA_E, {e, sizeof(e)}};
	put(w, &what, 2);
	assert_true(told(w, 0x73, 1)->extended);
	assert_int_equal(told(w, 0x73, 1)->length[0], 256);
	assert_int_equal(told(w, 0x73, 1)->type[1], GP_KEY_RSA_E);
	/* EC, a point of the curve */
	assert_int_equal(gp_ec_public(0, priv, point), 0);
	what.new_kvn = 0x74;
	one_part(&keys[0], GP_KEY_EC_PUBLIC, point, sizeof(point));
	keys[0].parts = 2;
	keys[0].part[1] = (struct gp_key_part){GP_KEY_EC_CURVE, {&p256, 1}};
	put(w, &what, 1);
	assert_int_equal(told(w, 0x74, 1)->type[0], GP_KEY_EC_PUBLIC);
	/* away, one and a version */
	assert_int_equal(go(w, gp_cmd_delete_key(&a, 1, 0x40, &w->b.err), &a), 0x9000);
	assert_null(told(w, 0x40, 1));
	assert_non_null(told(w, 0x40, 2));
	assert_int_equal(go(w, gp_cmd_delete_key(&a, 0, 0x21, &w->b.err), &a), 0x9000);
	assert_null(told(w, 0x21, 3));
	assert_int_equal(go(w, gp_cmd_delete_key(&a, 0, 0x21, &w->b.err), &a), 0x6a88);
}

static void test_store(void **state)
{
	struct world *w = *state;
	const struct gp_hex data = gp_hex("5F5010 00112233445566778899AABBCCDDEEFF"
					  "4508 0102030405060708");
	struct gp_bytes d = gp_hex_bytes(&data);
	struct gp_id id;

	assert_int_equal(gp_store_blocks(d.len, 12, &w->b.err), 3);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(
			go(w, gp_cmd_store_data_nth(&a, GP_STORE_BER, d, 12, i, &w->b.err), &a),
			0x9000);
	assert_int_equal(get(w, GP_DATA_MANAGER_URL), 0x9000);
	assert_int_equal(gp_id_decode(&id, GP_DATA_MANAGER_URL, w->rsp, w->len, &w->b.err), 0);
	assert_int_equal(id.len, 16);
	assert_int_equal(get(w, GP_DATA_CIN), 0x9000);
	assert_int_equal(gp_id_decode(&id, GP_DATA_CIN, w->rsp, w->len, &w->b.err), 0);
	assert_memory_equal(id.bytes, "\1\2\3\4\5\6\7\x08", 8);
	/* a block number that does not follow */
	assert_int_equal(
		go(w, gp_cmd_store_data_nth(&a, GP_STORE_BER, d, 12, 1, &w->b.err), &a),
		0x6a86);
}

static void test_card_states(void **state)
{
	static const struct {
		uint8_t to;
		unsigned int sw;
		const char *name;
	} steps[] = {
		{GP_CARD_SECURED, 0x6985, "OP_READY"},
		{GP_CARD_INITIALIZED, 0x9000, "INITIALIZED"},
		{GP_CARD_SECURED, 0x9000, "SECURED"},
		{GP_CARD_INITIALIZED, 0x6985, "SECURED"},
		{GP_CARD_LOCKED, 0x9000, "CARD_LOCKED"},
		{GP_CARD_SECURED, 0x9000, "SECURED"},
	};
	struct world *w = *state;
	struct gp_registry reg = {0};
	char text[GP_STATE_WORDS];

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		assert_int_equal(
			go(w,
			   gp_cmd_set_status(&a, GP_STATUS_CARD, steps[i].to, NULL, &w->b.err),
			   &a),
			steps[i].sw);
		list(w, &reg, false);
		gp_state_to_text(GP_KIND_ISD, gp_registry_isd(&reg)->state, text, sizeof(text));
		assert_string_equal(text, steps[i].name);
	}
	gp_registry_clear(&reg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_content, setup, teardown),
		cmocka_unit_test_setup_teardown(test_combined, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(test_store, setup, teardown),
		cmocka_unit_test_setup_teardown(test_card_states, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
