// SPDX-License-Identifier: Apache-2.0
/*
 * SCP11 and S16 by the vectors that Samsung's OpenSCP-Java publishes with its tests
 * (testdata/SmartCardScp11*, SmartCardScp03*S16*, Apache-2.0), and live: the three variants
 * with certificates made here.
 */
#include "softse_bench.h"

#define ESK_OCE "B69D2D4A2544B5938ED3C4F6319810837E4DBBEFF115BD9955607E8CDBBBACE5"
#define SK_OCE "A5116B848D41BD93737F187ABC03886BF7A80422D150025109C6749F45BB9B6D"
#define PK_SD                                                                \
	"044F92A07D168C309959EED99E288381DD192979CD452D8FBE1F163447979207C5" \
	"E6CD1F4DD11609E2100C033BBD723BE78B71477E64883EB41EC366713E44AF1E"
#define EPK_SD                                                               \
	"0492CAFD79D7E39EA433611E9AAD9742D85B3BD06F3D6055D7CDE28FC44D0AB556" \
	"BC0F94D2100D87727FDFA2B49033C78F07A30AA8D5A6A505E59F99FCDFB25266"
#define AGREE(params, len)                                                                     \
	"A60D900211" params "95013C8001888101" len "5F49410470B0BD7863E90E32DA5401188354D1F4"  \
	"1999442FDFDCBA7472B7F1E5DBBF8A32F92D9D4F9D55C60D57D39BD6D7973306CEA55F7A86884096651A" \
	"9CCAC8239C92"
#define PACKAGES                                                       \
	"08A00000015141434C010010A00000022020030101010000000000060100" \
	"10A0000002202003010101000000000011010005A0000002480100"

static const struct {
	const char *name, *agree, *point, *receipt, *command, *response;
	uint8_t key_len, mac_len;
} vectors[] = {
	{"SCP11a, AES-128, S8", AGREE("01", "10"), EPK_SD, "0B63C42C2D5138936FF5894F10C1234F",
	 "84F2200018E1EE3A92EF45551E8464A252F997230DC4E84F41BA692405",
	 "DC8D7D92F77BB20F4AEA2C2EB70A7D93C5F0EA0F27D193679C3D1C970BED8F73C394C63A201C8D367A9F0"
	 "9"
	 "90146D1FF5CEC2E5F90F6956EF241D2CC899BA25B964FFFB799F4C4246",
	 16, 8},
	{"SCP11a, AES-128, S16", AGREE("01", "10"), EPK_SD, "0B63C42C2D5138936FF5894F10C1234F",
	 "84F2200020E1EE3A92EF45551E8464A252F997230D4C7BF9A271B036DD0423ACE5DE96B3CD",
	 "DC8D7D92F77BB20F4AEA2C2EB70A7D93C5F0EA0F27D193679C3D1C970BED8F73C394C63A201C8D367A9F0"
	 "9"
	 "90146D1FF5CEC2E5F90F6956EF241D2CC899BA25B962B2B347CDB592E2E99EFBE5A4459D16",
	 16, 16},
	{"SCP11c, AES-128, S8", AGREE("03", "10"), PK_SD, "0B9394B90AEC0BC62F1F024E6D748ADD",
	 "84F2200018D2AAA03B2F7B80150EEB1A62CE525FA9B98055B95E2E35A4",
	 "A05ADFADAF85CD3E9FCBBC05597FFA61B6328C799934B35A92AA3ABC3B7596FD6E77F30C5A7D6758A2636"
	 "A"
	 "26FF81C1A9643C189D834565C153D34A1901B1D706411CE2DC076B5177",
	 16, 8},
};

/* The host's half of the agreement gives the secrets that the card's half gives. */
static void test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		uint8_t esk[32], sk[32], point[65], pk[65], secret[64], keys[160], want[16];
		uint8_t agree[128], mac[16], c[64], rsp[256], want_rsp[256];
		uint8_t head[4] = {0x84, 0xf2, 0x20, 0};
		size_t n = vectors[i].key_len, len, want_len;
		struct crypto_part parts[2] = {{agree, 0}};
		uint8_t tail[68] = {0x5f, 0x49, 65};
		struct scp03 s = {0};

		unhex(ESK_OCE, esk, 32);
		unhex(SK_OCE, sk, 32);
		unhex(vectors[i].point, point, 65);
		unhex(PK_SD, pk, 65);
		assert_int_equal(crypto_ecdh(0, esk, 32, point, 65, secret), 0);
		assert_int_equal(crypto_ecdh(0, sk, 32, pk, 65, secret + 32), 0);
		assert_int_equal(scp11_keys(0x3c, (uint8_t)n, secret, 64, NULL, 0, keys), 0);
		parts[0].len = unhex(vectors[i].agree, agree, sizeof(agree));
		memcpy(tail + 3, point, 65);
		parts[1] = (struct crypto_part){tail, sizeof(tail)};
		assert_int_equal(crypto_cmac(keys, n, parts, 2, mac), 0);
		unhex(vectors[i].receipt, want, 16);
		assert_memory_equal(mac, want, 16);
		scp03_open(&s, 0x33, keys + n, keys + 2 * n, keys + 3 * n, n, mac);
		s.mac_len = vectors[i].mac_len;
		len = unhex(vectors[i].command, c, sizeof(c)) - 5;
		assert_int_equal(scp03_unwrap(&s, head, 0, c + 5, &len), 0x9000);
		assert_int_equal(len, 2);
		assert_memory_equal(c + 5, "\x4f\x00", 2);
		len = unhex(PACKAGES, rsp, sizeof(rsp));
		assert_int_equal(scp03_wrap(&s, rsp, &len, sizeof(rsp), 0x9000), 0);
		want_len = unhex(vectors[i].response, want_rsp, sizeof(want_rsp));
		assert_int_equal(len, want_len);
		assert_memory_equal(rsp, want_rsp, len);
	}
}

static void test_s16_vectors(void **state)
{
	static const char *const commands[] = {
		"84F2200020EB30913C363A6C1309D13ADC765D9DF1C44F207C2941B898A290F627B05AE990",
		"84F2400020F1EC5CF268D357692CD0FAF186A1E6C79F68B473C4672C0A08F0437B16314698"};
	static const char *const clear[] = {
		PACKAGES,
		"0AA9A8A7A6A5A4A3A2A1A00F800AA0A1A2A3A4A5A6A7A8A9070009A00000015141434C00070010"
		"A0000"
		"002202003010301000000000011070007A00000024804000700"};
	static const char *const responses[] = {
		"05717C3DED78C6BB7AEE55A68E66E0D7C90473C380A60755DD7B63ECF55FD0B4067612B43A0A05"
		"CDA95"
		"E9122C91D8527A21681805C1A25AAA38994E15A6379DF66EE234701C673C32DAF5C54B11085C4",
		"D7B658F9308D59779672CE4E5D1B8E6BD2A5A90F745788DAA817980BF84C2522B791382D5A0958"
		"68C09"
		"6AC6A851A98A028CBBA7AC67D5F834F7969FE199B0DBBA12EF90E27CCF95C062D27BADAFC3B03C"
		"FB696"
		"4CCBE3FC04B54EFCD3B446B446"};
	struct scp03_keys keys = {.kvn = 0x30, .len = 16};
	uint8_t host[16], card[16], rsp[SCP03_RSP_MAX], want[32], c[64];
	struct scp03 s = {0};
	size_t len;

	(void)state;
	unhex("1D72CD9283FD55162722C6BEAA4DC187", keys.enc, 16);
	unhex("F4932BA02FFC3098D172790099D28382", keys.mac, 16);
	unhex("06F85B77251BF79406F85B77251BF794", host, 16);
	unhex("0617A2C34D50B562F7DECFC3DBF58A64", card, 16);
	unhex("9EF733B7486D813C92E4CA61E5102F91", want, 16);
	assert_int_equal(
		scp03_initialize(&s, &keys, 0x61, host, NULL, NULL, 0, card, rsp, &len), 0);
	assert_memory_equal(rsp + 29, want, 16);
	len = unhex(
		"84823300201C6A43582F842A90D81CA4E970754664D8C0C6C340E007C5C6EBCDF4F7C065BE", c,
		sizeof(c));
	assert_int_equal(scp03_authenticate(&s, c, c + 5, len - 5), 0x9000);
	for (int i = 0; i < 2; i++) {
		uint8_t r[256], w[256];
		size_t want_len;

		len = unhex(commands[i], c, sizeof(c)) - 5;
		assert_int_equal(scp03_unwrap(&s, c, 0, c + 5, &len), 0x9000);
		assert_int_equal(len, 2);
		len = unhex(clear[i], r, sizeof(r));
		assert_int_equal(scp03_wrap(&s, r, &len, sizeof(r), 0x9000), 0);
		want_len = unhex(responses[i], w, sizeof(w));
		assert_int_equal(len, want_len);
		assert_memory_equal(r, w, len);
	}
}

/* The host of the live tests. */
struct host {
	uint8_t ca[32], ca_pub[65], sub[32], sub_pub[65], sk[32], pk[65], esk[32], epk[65];
};

static void put(struct card *c, uint8_t kid, uint8_t type, const uint8_t *v, size_t len)
{
	struct key k = {.kvn = 3, .kid = kid, .n_parts = 1};

	k.part[0] = (struct key_part){.type = type, .v = blob_new(v, len)};
	assert_int_equal(entry_put_key(c->entries[0], &k), SW_OK);
}

static void prepare(struct bench *b, struct host *h, uint8_t sd[32], uint8_t sd_pub[65])
{
	assert_int_equal(crypto_ec_generate(0, h->ca, h->ca_pub), 0);
	assert_int_equal(crypto_ec_generate(0, h->sub, h->sub_pub), 0);
	assert_int_equal(crypto_ec_generate(0, h->sk, h->pk), 0);
	assert_int_equal(crypto_ec_generate(0, h->esk, h->epk), 0);
	assert_int_equal(crypto_ec_generate(0, sd, sd_pub), 0);
	put(&b->card, 0x10, KEY_EC_PUBLIC, h->ca_pub, 65);
	put(&b->card, 0x11, KEY_EC_PRIVATE, sd, 32);
	put(&b->card, 0x13, KEY_EC_PRIVATE, sd, 32);
	put(&b->card, 0x15, KEY_EC_PRIVATE, sd, 32);
}

/* A certificate: serial, usage, key, signature. */
static char *certificate(char *out, const uint8_t signer[32], uint8_t usage,
			 const uint8_t pub[65], const char *serial)
{
	char body[400], p[140], s[140];
	uint8_t bytes[200], sig[64];
	size_t n;

	sprintf(body, "93%02zX%s9501%02X7F4946B041%sF00100", strlen(serial) / 2, serial, usage,
		hex_of(p, pub, 65));
	n = unhex(body, bytes, sizeof(bytes));
	assert_int_equal(crypto_ec_sign(0, signer, 32, 32, bytes, n, sig), 0);
	sprintf(out, "7F2181%02zX%s5F3740%s", n + 67, body, hex_of(s, sig, 64));
	return out;
}

/* The host's end of an AUTHENTICATE command: it checks the receipt and has the keys. */
static void agree(struct bench *b, struct host *h, const char *head, const char *params,
		  const uint8_t *static_sk, const uint8_t sd_pub[65], struct scp03 *s)
{
	char data[300], p[140];
	uint8_t bytes[200], secret[64], keys[160], mac[16];
	struct crypto_part parts[2];
	size_t n;

	sprintf(data,
		"A60D900211%s95013C80018881011"
		"05F4941%s",
		params, hex_of(p, h->epk, 65));
	n = unhex(data, bytes, sizeof(bytes));
	cmd(b, head, data, 0x9000);
	assert_int_equal(b->len, 68 + 18);
	assert_int_equal(crypto_ecdh(0, h->esk, 32, b->rsp + 3, 65, secret), 0);
	assert_int_equal(crypto_ecdh(0, static_sk, 32, sd_pub, 65, secret + 32), 0);
	assert_int_equal(scp11_keys(0x3c, 16, secret, 64, NULL, 0, keys), 0);
	parts[0] = (struct crypto_part){bytes, n};
	parts[1] = (struct crypto_part){b->rsp, 68};
	assert_int_equal(crypto_cmac(keys, 16, parts, 2, mac), 0);
	assert_memory_equal(b->rsp + 70, mac, 16);
	memset(s, 0, sizeof(*s));
	scp03_open(s, 0x33, keys + 16, keys + 32, keys + 48, 16, mac);
}

/* GET STATUS under the session's C-MAC and encryption: what comes back. */
static unsigned int status(struct bench *b, struct scp03 *s)
{
	uint8_t c[64] = {0x84, 0xf2, 0x80, 0x02, 24, 0x4f, 0, 0x80}, iv[16] = {0}, mac[16];
	uint8_t count[16] = {0};
	static const uint8_t zero[16];
	struct crypto_part parts[] = {{s->chain, 16}, {c, 21}};

	count[15] = 1;
	assert_int_equal(crypto_aes_cbc(true, s->s_enc, 16, zero, count, 16, iv), 0);
	assert_int_equal(crypto_aes_cbc(true, s->s_enc, 16, iv, c + 5, 16, c + 5), 0);
	assert_int_equal(crypto_cmac(s->s_mac, 16, parts, 2, mac), 0);
	memcpy(c + 21, mac, 8);
	return bench_run(b, c, 29);
}

static void test_live(void **state)
{
	struct bench *b = *state;
	struct host h;
	uint8_t sd[32], sd_pub[65], first[65];
	char cert[600], sub[600];
	struct scp03 s;

	prepare(b, &h, sd, sd_pub);
	/* b: the card shows who it is; the host does not, and may not manage */
	agree(b, &h, "80880313", "00", h.esk, sd_pub, &s);
	assert_int_equal(status(b, &s), 0x6982);
	/* a: not without a certificate */
	cmd(b, "80820311",
	    "A60D90021101"
	    "95013C8001888101105F494104",
	    0x6a80);
	certificate(cert, h.ca, 0x80, h.pk, "01");
	cmd(b, "802A0310", cert, 0x9000);
	agree(b, &h, "80820311", "01", h.sk, sd_pub, &s);
	memcpy(first, b->rsp + 3, 65);
	assert_int_equal(status(b, &s), 0x9000);
	assert_int_equal(b->len % 16, 8);
	/* each time another ephemeral key */
	cmd(b, "802A0310", cert, 0x9000);
	agree(b, &h, "80820311", "01", h.sk, sd_pub, &s);
	assert_memory_not_equal(first, b->rsp + 3, 65);
	/* a chain: an authority below the one that the card knows */
	certificate(sub, h.ca, 0x82, h.sub_pub, "02");
	certificate(cert, h.sub, 0x80, h.pk, "0301");
	cmd(b, "802A0390", sub, 0x9000);
	cmd(b, "802A0310", cert, 0x9000);
	agree(b, &h, "80820311", "01", h.sk, sd_pub, &s);
	/* c: the card's own key, so that a script can be made without it */
	cmd(b, "802A0390", sub, 0x9000);
	cmd(b, "802A0310", cert, 0x9000);
	agree(b, &h, "80820315", "03", h.sk, sd_pub, &s);
	assert_memory_equal(b->rsp + 3, sd_pub, 65);
	assert_int_equal(status(b, &s), 0x9000);
}

static void test_refused(void **state)
{
	struct bench *b = *state;
	struct host h;
	uint8_t sd[32], sd_pub[65];
	char cert[600], sub[600], data[600], p[140], part[600];
	struct scp03 s;
	size_t n;

	prepare(b, &h, sd, sd_pub);
	certificate(cert, h.ca, 0x80, h.pk, "0A");
	certificate(sub, h.ca, 0x82, h.sub_pub, "0B");
	sprintf(data, "A60D9002110195013C8001888101105F4941%s", hex_of(p, h.epk, 65));
	/* without a chain; with half of one; for the other variant's key */
	cmd(b, "80820311", data, 0x6985);
	cmd(b, "802A0390", sub, 0x9000);
	cmd(b, "80820311", data, 0x6985);
	cmd(b, "802A0310", cert, 0x9000);
	cmd(b, "80820315", data, 0x6a80);
	cmd(b, "802A0310", cert, 0x9000);
	cmd(b, "80820313", data, 0x6a86);
	cmd(b, "80880311", data, 0x6a86);
	cmd(b, "80820411", data, 0x6a88);
	/* an authority's certificate in the place of a user's, and the other way round */
	cmd(b, "802A0310", sub, 0x6982);
	cmd(b, "802A0390", cert, 0x6982);
	cmd(b, "802A0410", cert, 0x6a88);
	/* signed by somebody else; another digit; cut short */
	certificate(data, h.sub, 0x80, h.pk, "0A");
	cmd(b, "802A0310", data, 0x6982);
	strcpy(data, cert);
	n = strlen(data) - 1;
	data[n] = data[n] == '0' ? '1' : '0';
	cmd(b, "802A0310", data, 0x6982);
	strcpy(part, cert);
	part[strlen(part) - 2] = 0;
	cmd(b, "802A0310", part, 0x6a80);
	cmd(b, "802A0310", "7F2100", 0x6a80);
	/* in two commands: marked in P1, or by chaining as well */
	memcpy(part, cert, 100);
	part[100] = 0;
	cmd(b, "802A8310", part, 0x9000);
	cmd(b, "802A0310", cert + 100, 0x9000);
	agree(b, &h, "80820311", "01", h.sk, sd_pub, &s);
	cmd(b, "902A8310", part, 0x9000);
	cmd(b, "802A0310", cert + 100, 0x9000);
	agree(b, &h, "80820311", "01", h.sk, sd_pub, &s);
	/* a list of serial numbers: only those */
	session(b, ISD);
	cmd(b, "80E29000", "A60483021003700393010C", 0x9000);
	cmd(b, "802A0310", cert, 0x6982);
	session(b, ISD);
	cmd(b, "80E29000", "A60483021003700393010A", 0x9000);
	cmd(b, "802A0310", cert, 0x9000);
	/* a point that is not on the curve */
	h.epk[64] ^= 1;
	sprintf(data, "A60D9002110195013C8001888101105F4941%s", hex_of(p, h.epk, 65));
	cmd(b, "80820311", data, 0x6985);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_s16_vectors),
		cmocka_unit_test_setup_teardown(test_live, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(test_refused, bench_setup, bench_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
