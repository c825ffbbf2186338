// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>
#include <cmocka.h>

#include "control/config.h"
#include "gp/plan.h"
#include "job/policy.h"

struct said {
	unsigned int errors, warnings;
	char last[512];
};

static void take(void *ctx, bool error, const char *text)
{
	struct said *s = ctx;

	error ? s->errors++ : s->warnings++;
	snprintf(s->last, sizeof(s->last), "%s", text);
}

static int parse(struct config *c, struct said *s, const char *text)
{
	int r, r2;

	memset(s, 0, sizeof(*s));
	config_init(c);
	r = config_parse(c, "f.conf", text, strlen(text), take, s);
	r2 = config_check(c, take, s);
	return r ? r : r2;
}

static void test_whole(void **state)
{
	struct config c;
	struct said s;

	(void)state;
	assert_int_equal(
		parse(&c, &s,
		      "# comment\n; another\n\n[semd]\n state_dir = /a b \nlog_level=debug\r\n"
		      "[job]\nchunk=32\n[se se0]\nopen=ioctl:/dev/se0\n"
		      "[se uicc]\nopen=socket:/run/x\ntype=uicc\n"
		      "[server main]\nuri=coaps://h:5684\nendpoint=dev=1\nssid=101\n"
		      "psk_identity=id\npsk_file=/k\nlifetime=300\nversion=1.0\n"),
		0);
	assert_int_equal(s.errors + s.warnings, 0);
	assert_string_equal(c.state_dir, "/a b");
	assert_int_equal(c.log_level, LOG_DEBUG);
	assert_int_equal(c.chunk, 32);
	assert_int_equal(c.nr_se, 2);
	assert_string_equal(c.se[0].type, "eSE");
	assert_string_equal(c.se[1].type, "uicc");
	assert_int_equal(c.nr_server, 1);
	assert_string_equal(c.server[0].endpoint, "dev=1");
	assert_int_equal(c.server[0].lifetime, 300);
	assert_int_equal(c.server[0].version, 10);
	assert_int_equal(c.server[0].ssid, 101);
}

static void test_errors(void **state)
{
	static const struct {
		const char *text, *words;
	} bad[] = {
		{"[job]\n\nchunk=0\n",
		 "f.conf:3: chunk=0: a number from 1 to 256 (APDUs) is allowed"},
		{"[job]\nchunk=12x\n", "f.conf:2: chunk=12x"},
		{"[job]\nchunk=-1\n", "f.conf:2: chunk=-1"},
		{"[semd]\nstate_dir=rel\n", "f.conf:2: state_dir=: an absolute path"},
		{"[se a]\nopen=/dev/se0\n", "open=/dev/se0: ioctl:/dev/seN or socket:/PATH"},
		{"[se a]\nopen=socket:/x\ntype=sim\n", "f.conf:3: type=sim: one of eSE iSE"},
		{"[server a]\nuri=http://x\n", "coap://HOST[:PORT]"},
		{"[server a]\nuri=coap://\n", "coap://HOST[:PORT]"},
		{"[server a]\nuri=coaps+tcp://:5684\n", "coap://HOST[:PORT]"},
		{"[server a]\nversion=1.3\n", "1.0, 1.1 or 1.2"},
		{"[server a/b]\n", "f.conf:1: [server NAME] needs a name"},
		{"[semd\n", "f.conf:1: '[semd' lacks its closing bracket"},
		{"[semd x]\n", "takes no name"},
		{"key=1\n", "before the first [section]"},
		{"[semd]\nnonsense\n", "f.conf:2: 'nonsense' is neither"},
		{"[se a]\n", "f.conf:1: [se a] has no open="},
		{"[server a]\nendpoint=e\n", "f.conf:1: [server a] has no uri="},
		{"[server a]\nuri=coap://x\n", "has no endpoint="},
		{"[server a]\nuri=coaps://x\nendpoint=e\n", "psk_identity= and psk_file="},
		{"[server a]\nuri=coap://x\nendpoint=e\nssid=2\n[server b]\nuri=coap://y\n"
		 "endpoint=e\n",
		 "f.conf:5: [server b] has the ssid= of another [server]"},
		{"[server a]\nuri=coap://x\nendpoint=e\nbootstrap=yes\n[server b]\n"
		 "uri=coap://y\nendpoint=e\nbootstrap=yes\n",
		 "f.conf:5: [server b] is a second one with bootstrap=yes"},
		{"[server a]\nuri=coap://x\nendpoint=e\nbinding=T\n", "without the transport"},
		{"[server a]\nuri=coap+tcp://x\nendpoint=e\nbinding=UQ\n",
		 "f.conf:1: [server a] has a binding= without the transport"},
		{"[server a]\nuri=coap://x\nendpoint=e\noscore_salt=01\n",
		 "has not all of oscore_secret_file="},
		{"[server a]\nuri=coap://x\nendpoint=e\noscore_secret_file=/k\n"
		 "oscore_sender=0a\noscore_recipient=0A\n",
		 "they must differ"},
		{"[server a]\nuri=coap://x\nendpoint=e\noscore_secret_file=/k\n"
		 "oscore_sender=0102030405060708\noscore_recipient=0A\n",
		 "more than 7 bytes"},
		{"[se a]\nopen=socket:/x\n[bootstrap]\ncard=b\n",
		 "[bootstrap] card=b: there is no [se b]"},
		{"[bootstrap]\nkeyset=k\n", "[bootstrap] keyset=k: there is no [keyset k]"},
		{"[se a]\nopen=socket:/x\n[dm]\nbootstrap_card=b\n",
		 "[dm] bootstrap_card=b: there is no [se b]"},
		{"[dm]\nbootstrap_keyset=k\n",
		 "[dm] bootstrap_keyset=k: there is no [keyset k]"},
		{"[keyset a]\n", "f.conf:1: [keyset a] has no keys="},
		{"[keyset a]\nkeys=404142434445464748494A4B4C4D4E4F\n", "f.conf:2: keys=: "},
		{"[keyset a]\nkeys=fd:3\n", "f.conf:2: keys=: a daemon inherits no descriptor"},
		{"[policy a]\n", "f.conf:1: [policy a] origin=: who it is about is missing"},
		{"[policy a]\norigin=lwm2m:*x\n", "origin=: 'lwm2m:*x' is none"},
		{"[policy a]\norigin=control:@no-such-group\n",
		 "origin=: there is no group 'no-such-group'"},
		{"[policy a]\norigin=*\nkeysets=b\n", "keysets=: there is no [keyset b]"},
		{"[policy a]\norigin=*\naids=A000\n", "aids=: 'A000' is none: 5 to 16 bytes"},
		{"[policy a]\norigin=*\naids=*A0\n", "aids=: '*A0' is none"},
		{"[policy a]\norigin=*\noperations=load,explode\n",
		 "operations=: 'explode' is none of load install"},
		{"[policy a]\norigin=*\ninstructions=8\n",
		 "instructions=: '8' is none: CLA INS"},
		{"[policy a]\norigin=*\ninstructions=80CAxx\n",
		 "instructions=: '80CAxx' is none"},
		{"[policy a]\norigin=*\nrate=0\n", "rate=: 0 is none: 1 to 100000 jobs"},
		{"[policy a]\norigin=1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n",
		 "origin=: more than 16 entries"},
	};
	struct config c;
	struct said s;
	bool found;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(&s, 0, sizeof(s));
		config_init(&c);
		/* what the parser says, or else the check of the whole */
		if (!config_parse(&c, "f.conf", bad[i].text, strlen(bad[i].text), take, &s))
			assert_int_equal(config_check(&c, take, &s), -EINVAL);
		assert_true(s.errors > 0);
		found = strstr(s.last, bad[i].words) != NULL;
		if (!found)
			print_message("'%s' lacks '%s'\n", s.last, bad[i].words);
		assert_true(found);
	}
}

/* a key or PIN in place of its file is a slip that the log must not repeat */
static void test_secrets(void **state)
{
	static const char *const slips[] = {
		"[server a]\nuri=coaps://x\nendpoint=e\npsk_identity=i\npsk=%s\n",
		"[server a]\nuri=coaps://x\nendpoint=e\npsk_identity=i\npsk_file=%s\n",
		"[server a]\nuri=coaps://x\nendpoint=e\nkey=%s\n",
		"[server a]\nuri=coaps://x\nendpoint=e\nkey=pkcs11:a=b?pin-value=%s\n",
		"[server a]\nuri=coap://x\nendpoint=e\noscore_secret_file=%s\n",
		"[keyset a]\nkeys=%s\n",
		"[bootstrap]\npin_file=%s\n",
	};
	static const char secret[] = "0F1E2D3C4B5A69788796A5B4C3D2E1F0";
	struct config c;
	struct said s;
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(slips) / sizeof(slips[0]); i++) {
		memset(&s, 0, sizeof(s));
		config_init(&c);
		snprintf(text, sizeof(text), slips[i], secret);
		assert_int_equal(config_parse(&c, "f.conf", text, strlen(text), take, &s),
				 -EINVAL);
		assert_int_equal(s.errors, 1);
		assert_non_null(strstr(s.last, "f.conf:"));
		assert_null(strstr(s.last, "0F1E"));
	}
}

static void test_warnings(void **state)
{
	struct config c;
	struct said s;

	(void)state;
	assert_int_equal(parse(&c, &s, "[semd]\ncolour=red\n"), 0);
	assert_int_equal(s.warnings, 1);
	assert_non_null(strstr(s.last, "f.conf:2: unknown key 'colour' in [semd]"));
	assert_non_null(strstr(s.last, "state_dir"));
	assert_int_equal(parse(&c, &s, "[future]\nx=1\n"), 0);
	assert_int_equal(s.warnings, 1);
}

static const struct job_policy *policy_of(const char *text, struct job_policy *p,
					  const char *origin)
{
	struct config c;
	struct said s;
	char why[256];

	if (parse(&c, &s, text))
		fail_msg("%s", s.last);
	assert_int_equal(config_policy_read(&c.policy[0], p, why, sizeof(why)), 0);
	return policy_find(p, 1, origin);
}

static bool may_send(const struct job_policy *p, uint32_t header)
{
	const uint8_t h[4] = {(uint8_t)(header >> 24), (uint8_t)(header >> 16),
			      (uint8_t)(header >> 8), (uint8_t)header};

	return policy_command(p, h);
}

static void test_policy(void **state)
{
	static const uint8_t aid[] = {0xa0, 0, 0, 0, 3, 0x10},
			     other[] = {0xa0, 0, 0, 1, 3, 0x10};
	struct job_policy p;

	(void)state;
	/* only what is said is narrowed */
	assert_non_null(policy_of("[policy a]\norigin=lwm2m:*\n", &p, "lwm2m:main"));
	assert_true(policy_aid(&p, aid, 0) && policy_aid(&p, aid, sizeof(aid)));
	assert_true(may_send(&p, 0x80e60200) && policy_operation(&p, 5));
	assert_false(policy_keyset(&p, "isd"));
	assert_null(policy_find(&p, 1, "control:0"));
	assert_null(policy_find(&p, 1, "lwm2m"));
	/* a name without a star is that name */
	assert_null(policy_of("[policy a]\norigin=lwm2m:main\n", &p, "lwm2m:main2"));
	assert_non_null(policy_find(&p, 1, "lwm2m:main"));
	/* AIDs, whole or from their beginning */
	policy_of("[keyset k]\nkeys=default\n[policy a]\norigin=*\nkeysets=k\n"
		  "aids=a000000003* , A00001*  default\naids=A0000000*,A000010310\n",
		  &p, "x");
	assert_true(policy_aid(&p, aid, sizeof(aid)));
	assert_false(policy_aid(&p, other, sizeof(other)));
	assert_false(policy_aid(&p, aid, 3));
	assert_false(policy_aid(&p, aid, 0));
	assert_true(policy_keyset(&p, "k") && !policy_keyset(&p, "kk"));
	policy_of("[policy a]\norigin=*\naids=default\n", &p, "x");
	assert_true(policy_aid(&p, aid, 0) && !policy_aid(&p, aid, sizeof(aid)));
	/* commands: a channel and a chain in the class count for nothing */
	policy_of("[policy a]\norigin=*\ninstructions=..CA 80E2..0. 00A4020C\n", &p, "x");
	assert_true(may_send(&p, 0x00ca9f7f) && may_send(&p, 0x84ca0066));
	assert_true(may_send(&p, 0x80e28005) && may_send(&p, 0x91e28005));
	assert_true(may_send(&p, 0xc0e20000));	/* a further channel */
	assert_false(may_send(&p, 0xe0e20000)); /* … under secure messaging */
	assert_false(may_send(&p, 0x80e28015) || may_send(&p, 0x84e28005));
	assert_true(may_send(&p, 0x00a4020c) && !may_send(&p, 0x00a40400));
	assert_false(may_send(&p, 0x80e60200));
	policy_of("[policy a]\norigin=*\ninstructions=none\noperations=list,get-data\n", &p,
		  "x");
	assert_false(may_send(&p, 0x00ca9f7f));
	assert_true(policy_operation(&p, (unsigned int)gp_op_parse("list")));
	assert_false(policy_operation(&p, (unsigned int)gp_op_parse("delete")));
	/* members of a group, as the user database has it: root is in its own */
	assert_non_null(policy_of("[policy a]\norigin=control:@root\n", &p, "control:0"));
	assert_null(policy_find(&p, 1, "control:4294967295"));
	assert_null(policy_find(&p, 1, "control:0x0"));
	assert_null(policy_find(&p, 1, "lwm2m:root"));
}

static void put(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	fchmod(fd, mode);
	close(fd);
}

static void test_files(void **state)
{
	char dir[] = "/tmp/test-config-XXXXXX", path[64], drop[96], why[256];
	uint8_t key[CONFIG_PSK_MAX];
	struct config c;
	struct said s = {0};
	size_t len;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/c.conf", dir);
	assert_int_equal(config_load(&c, path, take, &s), -ENOENT);
	assert_non_null(strstr(s.last, "c.conf"));
	put(path, "[job]\nchunk=8\nkeep_idle=9\n", 0644);
	snprintf(drop, sizeof(drop), "%s.d", path);
	mkdir(drop, 0755);
	snprintf(drop, sizeof(drop), "%s.d/20-b.conf", path);
	put(drop, "[job]\nchunk=3\n", 0644);
	snprintf(drop, sizeof(drop), "%s.d/10-a.conf", path);
	put(drop, "[job]\nchunk=4\n", 0644);
	snprintf(drop, sizeof(drop), "%s.d/30-c.conf.bak", path);
	put(drop, "[job]\nchunk=5\n", 0644);
	assert_int_equal(config_load(&c, path, take, &s), 0);
	assert_int_equal(c.chunk, 3);
	assert_int_equal(c.keep_idle, 9);

	put(path, "00fF10\n", 0600);
	assert_int_equal(config_read_psk(path, key, &len, why, sizeof(why)), 0);
	assert_int_equal(len, 3);
	assert_memory_equal(key, "\x00\xff\x10", 3);
	put(path, "00fF10\n", 0640);
	assert_int_equal(config_read_psk(path, key, &len, why, sizeof(why)), -EACCES);
	assert_non_null(strstr(why, "chmod 600"));
	put(path, "00fF1", 0600);
	assert_int_equal(config_read_psk(path, key, &len, why, sizeof(why)), -EINVAL);
	put(path, "secret", 0600);
	assert_int_equal(config_read_psk(path, key, &len, why, sizeof(why)), -EINVAL);
	/* what is no file is not waited for */
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(config_read_psk(path, key, &len, why, sizeof(why)), -EISDIR);
	assert_non_null(strstr(why, "not a file"));
	assert_int_equal(config_load(&c, path, take, &s), -EISDIR);
	snprintf(why, sizeof(why), "rm -rf %s", dir);
	assert_int_equal(system(why), 0);
}

#define DM_GOOD                                                                \
	"[dm main]\nserver_id=com.example.dm\nuri=https://dm.example.org/dm\n" \
	"client_name=dev\nclient_secret_file=/c\nserver_secret_file=/s\n"

#define PIN "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define SE0A "[se se0]\nopen=ioctl:/dev/se0\n"
#define SE0 SE0A "[dm main]\n"

/* what is said of a slip, and what is not */
static void test_dm_words(void **state)
{
	struct config c;
	struct said s;

	(void)state;
	assert_int_equal(parse(&c, &s, DM_GOOD "uri=https://joe:geheim@h/\n"), -EINVAL);
	assert_non_null(strstr(s.last, "has a user name in it"));
	assert_null(strstr(s.last, "geheim"));
	assert_int_equal(parse(&c, &s, DM_GOOD "colour=red\n"), 0);
	assert_int_equal(s.warnings, 1);
	assert_non_null(strstr(s.last, "in [dm NAME], ignored"));
	/* the section's name where the identifier belongs: nothing would be allowed */
	assert_int_equal(parse(&c, &s, DM_GOOD "[policy p]\norigin=dm:main\n"), 0);
	assert_int_equal(s.warnings, 1);
	assert_non_null(strstr(s.last, "[policy p] origin=dm:main: no [dm NAME] has this"));
	assert_int_equal(parse(&c, &s, DM_GOOD "[policy p]\norigin=dm:com.example.dm\n"), 0);
	assert_int_equal(s.warnings, 0);
	assert_int_equal(parse(&c, &s, DM_GOOD "[policy p]\norigin=dm:com.*\n"), 0);
	assert_int_equal(s.warnings, 0);
	/* no server may bring one that has a policy, unless it is named */
	assert_int_equal(parse(&c, &s, "[dm]\nserver_accounts=yes\n[policy p]\norigin=dm:x\n"),
			 0);
	assert_int_equal(s.warnings, 1);
	assert_false(config_dm_may_bring(&c, "x"));
	assert_true(config_dm_may_bring(&c, "y"));
	assert_int_equal(parse(&c, &s,
			       "[dm]\nserver_accounts=yes\nserver_accounts_ids=yy x\n"
			       "[policy p]\norigin=dm:x\n[policy q]\norigin=dm:*\n"),
			 0);
	assert_int_equal(s.warnings, 0);
	assert_true(config_dm_may_bring(&c, "x"));
	assert_true(config_dm_may_bring(&c, "yy"));
	assert_false(config_dm_may_bring(&c, "y"));
	assert_false(config_dm_may_bring(&c, ""));
	assert_false(config_dm_may_bring(&c, "z"));
	assert_int_equal(parse(&c, &s, DM_GOOD "[policy q]\norigin=dm:*\n"), 0);
	assert_false(config_dm_may_bring(&c, "com.example.dm"));
	assert_true(config_dm_may_bring(&c, "com.example.other"));
	assert_int_equal(parse(&c, &s, "[dm]\nserver_accounts_ids=x\n"), -EINVAL);
	assert_non_null(strstr(s.last, "server_accounts_ids="));
	assert_int_equal(parse(&c, &s, "[dm]\nserver_accounts=perhaps\n"), -EINVAL);
	assert_int_equal(parse(&c, &s, "[dm]\nbootstrap_file=/b\n[policy p]\norigin=dm:main\n"),
			 0);
	assert_int_equal(s.warnings, 0);
	assert_int_equal(parse(&c, &s, "[dm]\nbootstrap_card=a\n[policy p]\norigin=dm:main\n"),
			 0);
	assert_int_equal(s.warnings, 0);
	assert_int_equal(parse(&c, &s,
			       DM_GOOD SE0 "pin=" PIN ";" PIN "\ncert=/c\nkey=se:se0"
					   "/iotsafe/10\n[dm]\nbind=::1\n"),
			 0);
	assert_int_equal(s.warnings, 0);
}

static void test_dm(void **state)
{
	static const struct {
		const char *text, *words;
	} bad[] = {
		{"[dm main]\nuri=https://h/\n", "f.conf:1: [dm main] has no server_id="},
		{"[dm main]\nserver_id=a+b\nuri=https://h/\n", "has a server_id= with one of"},
		{"[dm main]\nserver_id=a\n", "has no uri="},
		{DM_GOOD "uri=ftp://h/\n", "f.conf:7: uri=ftp://h/: is neither"},
		{DM_GOOD "uri=https://u:p@h/\n", "has a user name in it"},
		{"[dm main]\nserver_id=a\nuri=http://h/\n", "has an http uri"},
		{"[dm main]\nserver_id=a\nuri=https://h/\n", "needs client_name="},
		{"[dm main]\nserver_id=a\nuri=https://h/\nauth=basic\n", "has auth=basic"},
		{"[dm main]\nserver_id=a\nuri=https://h/\nauth=transport\n",
		 "cert= and key= are needed"},
		{"[dm main]\nserver_id=a\nuri=https://h/\ncert=/c\n", "has one of cert="},
		{"[dm main]\nserver_id=a\nuri=http://h/\nallow_http=yes\nclient_name=d\n"
		 "client_secret_file=/c\n",
		 "has no server_secret_file="},
		{DM_GOOD "[dm two]\nserver_id=com.example.dm\nuri=https://h/\n"
			 "client_name=dev\nclient_secret_file=/c\n",
		 "[dm two] has the server_id= of another"},
		{DM_GOOD "uri=https:///dm\n", "is no address"},
		{DM_GOOD "uri=https:/h/dm\n", "is no address"},
		{DM_GOOD "pin=abcdef\n", "has a pin= that is none"},
		{DM_GOOD "pin=" PIN ";sha256//\n", "has a pin= that is none"},
		{DM_GOOD "pin=" PIN ";\n", "has a pin= that is none"},
		{DM_GOOD SE0 "cert=se:se9/iotsafe/40\nkey=se:se0/iotsafe/10\n",
		 "in a secure element that no [se NAME] has"},
		{DM_GOOD SE0 "cert=/c\nkey=se:se9/iotsafe/10\n",
		 "in a secure element that no [se NAME] has"},
		{"[dm]\nbind=nowhere\n", "[dm] bind=: an IPv4 or IPv6 address"},
		{"[dm]\ncert=/c\n", "[dm] has one of cert= and key="},
		{SE0A "[dm]\ncert=/c\nkey=se:se9/iotsafe/10\n", "[dm] cert= or key= names"},
		{"[dm]\nudp_port=65536\n", "udp_port=65536"},
		{"[dm]\nmax_msg=100\n", "max_msg=100"},
	};
	struct config c;
	struct said s;

	(void)state;
	assert_int_equal(parse(&c, &s, ""), 0);
	assert_false(c.dm.used);
	assert_int_equal(parse(&c, &s, "[dm]\ndevice_id=IMEI:1\ncoap_port=5683\n" DM_GOOD), 0);
	assert_int_equal(s.errors + s.warnings, 0);
	assert_true(c.dm.used);
	assert_string_equal(c.dm.device_id, "IMEI:1");
	assert_int_equal(c.dm.udp_port, 2948);
	assert_int_equal(c.dm.coap_port, 5683);
	assert_int_equal(c.nr_dm, 1);
	assert_string_equal(c.dm_account[0].auth, "md5");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(&c, &s, bad[i].text), -EINVAL);
		if (!strstr(s.last, bad[i].words))
			fail_msg("%zu: '%s' is not '%s'", i, s.last, bad[i].words);
	}
}

/* what --check finds before the first session does */
static void test_dm_files(void **state)
{
	char why[256], dir[] = "/tmp/test_config.XXXXXX", path[64];
	struct config c;
	struct said s;
	static const char *const no_network[] = {"hex:", "hex:8", "hex:0g", "26201-1234567"};
	struct config_bytes b = {0};

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/file", dir);
	assert_int_equal(parse(&c, &s, "[dm]\n"), 0);
	assert_int_equal(config_dm_files(&c, NULL, why, sizeof(why)), 0);
	snprintf(c.dm.ca, sizeof(c.dm.ca), "%s", path);
	assert_int_equal(config_dm_files(&c, NULL, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "/file: cannot be read"));
	put(path, "what", 0600);
	assert_int_equal(config_dm_files(&c, NULL, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "/file: no certificate"));
	c.dm.ca[0] = 0;
	snprintf(c.dm.bootstrap_pin_file, sizeof(c.dm.bootstrap_pin_file), "%s", path);
	assert_int_equal(config_dm_files(&c, NULL, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "/file: a PIN has digits only"));
	assert_null(strstr(why, "what"));
	put(path, "1234\n", 0600);
	assert_int_equal(config_dm_files(&c, NULL, why, sizeof(why)), 0);
	/* four digits are a PIN, and no IMSI; nothing of what is there is said */
	snprintf(c.dm.bootstrap_network_file, sizeof(c.dm.bootstrap_network_file), "%s", path);
	assert_int_equal(config_dm_files(&c, NULL, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "bootstrap_network_file: "));
	assert_non_null(strstr(why, "/file: an IMSI of 6 to 15 digits"));
	assert_null(strstr(why, "1234"));
	put(path, "001010123456789\n", 0600);
	assert_int_equal(config_dm_files(&c, NULL, why, sizeof(why)), 0);
	assert_int_equal(config_read_network(path, &b, why, sizeof(why)), 0);
	assert_int_equal(b.len, 8);
	assert_memory_equal(b.p, "\x09\x10\x10\x10\x32\x54\x76\x98", 8);
	config_bytes_clear(&b);
	put(path, "001010123456789\n", 0644);
	assert_true(config_read_network(path, &b, why, sizeof(why)) < 0);
	unlink(path);
	put(path, "hex:80A1b2c3\n", 0600);
	assert_int_equal(config_read_network(path, &b, why, sizeof(why)), 0);
	assert_int_equal(b.len, 4);
	assert_memory_equal(b.p, "\x80\xa1\xb2\xc3", 4);
	config_bytes_clear(&b);
	for (size_t i = 0; i < sizeof(no_network) / sizeof(*no_network); i++) {
		put(path, no_network[i], 0600);
		assert_int_equal(config_read_network(path, &b, why, sizeof(why)), -EINVAL);
		assert_null(b.p);
	}
	c.dm.bootstrap_network_file[0] = 0;
	put(path, "1234\n", 0600);
	snprintf(c.dm.bootstrap_card_pin_file, sizeof(c.dm.bootstrap_card_pin_file), "%s",
		 path);
	assert_int_equal(config_dm_files(&c, NULL, why, sizeof(why)), 0);
	snprintf(c.dm.bootstrap_card_pin_file, sizeof(c.dm.bootstrap_card_pin_file), "%s/no",
		 dir);
	assert_int_equal(config_dm_files(&c, NULL, why, sizeof(why)), -ENOENT);
	assert_non_null(strstr(why, "bootstrap_card_pin_file: "));
	c.dm.bootstrap_card_pin_file[0] = 0;
	snprintf(c.dm.bootstrap_file, sizeof(c.dm.bootstrap_file), "%s/none", dir);
	assert_int_equal(config_dm_files(&c, NULL, why, sizeof(why)), -ENOENT);
	assert_non_null(strstr(why, "bootstrap_file: "));
	unlink(path);
	assert_int_equal(config_dm_files(&c, NULL, why, sizeof(why)), -ENOENT);
	assert_non_null(strstr(why, "bootstrap_pin_file: "));
	rmdir(dir);
}

static void test_dm_secrets(void **state)
{
	struct config_dm_credentials cred;
	struct config_dm_account *a;
	struct config c;
	struct said s;
	char why[256], dir[] = "/tmp/test_config.XXXXXX", path[64];
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/secret", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("pass word\n", f);
	fclose(f);
	assert_int_equal(parse(&c, &s, DM_GOOD "client_nonce=0102\n"), 0);
	a = &c.dm_account[0];
	snprintf(a->client_secret_file, sizeof(a->client_secret_file), "%s", path);
	a->server_secret_file[0] = 0;
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(config_dm_credentials(&c, a, &cred, why, sizeof(why)), -EACCES);
	assert_non_null(strstr(why, "client_secret_file: "));
	config_dm_credentials_clear(&cred);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(config_dm_credentials(&c, a, &cred, why, sizeof(why)), 0);
	assert_int_equal(cred.client_secret.len, 9);
	assert_memory_equal(cred.client_secret.p, "pass word", 9);
	assert_int_equal(cred.server_secret.len, 0);
	assert_int_equal(cred.client_nonce.len, 2);
	config_dm_credentials_clear(&cred);
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(config_dm_credentials(&c, a, &cred, why, sizeof(why)), -EINVAL);
	config_dm_credentials_clear(&cred);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dm),	 cmocka_unit_test(test_dm_secrets),
		cmocka_unit_test(test_dm_words), cmocka_unit_test(test_dm_files),
		cmocka_unit_test(test_whole),	 cmocka_unit_test(test_errors),
		cmocka_unit_test(test_warnings), cmocka_unit_test(test_policy),
		cmocka_unit_test(test_secrets),	 cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
