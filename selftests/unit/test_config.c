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
		{"[semd]\nstate_dir=rel\n", "f.conf:2: state_dir=rel: an absolute path"},
		{"[se a]\nopen=/dev/se0\n", "open=/dev/se0: ioctl:/dev/seN or socket:/PATH"},
		{"[se a]\nopen=socket:/x\ntype=sim\n", "f.conf:3: type=sim: one of eSE iSE"},
		{"[server a]\nuri=http://x\n", "coap://HOST[:PORT]"},
		{"[server a]\nversion=1.2\n", "1.0 or 1.1"},
		{"[server a/b]\n", "f.conf:1: [server NAME] needs a name"},
		{"[semd\n", "f.conf:1: '[semd' lacks its closing bracket"},
		{"[semd x]\n", "takes no name"},
		{"key=1\n", "before the first [section]"},
		{"[semd]\nnonsense\n", "f.conf:2: 'nonsense' is neither"},
		{"[se a]\n", "f.conf:1: [se a] has no open="},
		{"[server a]\nendpoint=e\n", "f.conf:1: [server a] has no uri="},
		{"[server a]\nuri=coap://x\n", "has no endpoint="},
		{"[server a]\nuri=coaps://x\nendpoint=e\n", "psk_identity= and psk_file="},
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
	snprintf(why, sizeof(why), "rm -rf %s", dir);
	assert_int_equal(system(why), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
