// SPDX-License-Identifier: Apache-2.0
/*
 * dm-bench: the OMA DM session engine by itself, its tree in memory: commands a second of a
 * session of 10 000 commands beside what libxml2 needs to do no more than read the same
 * messages into its tree, and libwbxml2 to make XML of them, and memory: what a session of ten
 * times as many commands, or an object eight times as large, needs more. Prints "bench NAME
 * VALUE UNIT REFERENCE RATIO". Exit status 1 where memory grows with either.
 */
#include <libxml/parser.h>
#include <malloc.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <wbxml/wbxml.h>
#include <wbxml/wbxml_conv.h>

#include "../unit/dm_engine_world.h"

#define COMMANDS 100 /* of a message: as many Replace as Get */
#define MESSAGES 100
#define ROUNDS 5
#define CHUNK 12000
/* of memory: below that it is pages and the allocator; an object that is kept makes 3 */
#define GROWTH 1.5

struct message {
	uint8_t *p;
	size_t len;
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void die(const char *what)
{
	fprintf(stderr, "dm-bench: %s\n", what);
	exit(2);
}

/* values are counted and forgotten: what the engine needs is what is measured */
static int sink(void *ctx, const struct dm_req *req, enum dm_how how, const char *uri,
		const struct dm_put *put)
{
	struct world *w = ctx;

	(void)req;
	(void)how;
	(void)uri;
	w->writes += put->last;
	return put->last ? DM_OK : DM_BUFFERED;
}

static int level(void *ctx, enum dm_level what)
{
	(void)ctx;
	(void)what;
	return DM_OK;
}

static int commit(void *ctx, const struct dm_req *req)
{
	(void)ctx;
	(void)req;
	return DM_OK;
}

static struct dm_tree_ops tree;

static void begin(struct world *w, bool wbxml)
{
	struct dm_engine_config c;

	world_init(w, wbxml);
	tree = world_tree;
	tree.write = sink;
	tree.begin = level;
	tree.commit = commit;
	c = world_config(w);
	c.tree = &tree;
	if (world_begin(w, &c) != DM_STEP_SEND)
		die("the session does not begin");
}

static struct message message(struct world *w, const char *body, bool final)
{
	char *xml = world_xml(w, ++w->msg, body, final);
	struct message m;

	m.p = world_encode(w, xml, &m.len);
	free(xml);
	return m;
}

static struct message commands(struct world *w)
{
	char body[COMMANDS * 200] = "", one[400];

	for (unsigned int i = 0; i < COMMANDS; i++) {
		if (i % 2)
			snprintf(one, sizeof(one), CMD("Get", "%u", ITEM("./A/one")), i + 1);
		else
			snprintf(one, sizeof(one),
				 CMD("Replace", "%u", VALUE("./A/one", "0123456789abcdef")),
				 i + 1);
		strcat(body, one);
	}
	return message(w, body, true);
}

static void input(struct world *w, const struct message *m)
{
	struct dm_engine_msg in = {.p = m->p, .len = m->len, .wbxml = w->wbxml};
	char words[DM_ENGINE_WORDS_MAX];

	if (dm_engine_input(w->e, &in, &w->out) == DM_STEP_SEND && w->out.len)
		return;
	dm_engine_end(w->e, words);
	die(words);
}

/* ---- time ---------------------------------------------------------------------------------
 */

static double engine_rate(bool wbxml, struct message *m)
{
	static struct world w;
	double from, best = 0, rate;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		begin(&w, wbxml);
		for (unsigned int i = 0; i < MESSAGES; i++)
			m[i] = commands(&w);
		from = now();
		for (unsigned int i = 0; i < MESSAGES; i++)
			input(&w, &m[i]);
		rate = COMMANDS * MESSAGES / (now() - from);
		best = rate > best ? rate : best;
		world_free(&w);
		for (unsigned int i = 0; i < MESSAGES && round + 1 < ROUNDS; i++)
			free(m[i].p);
	}
	return best;
}

static void bare(bool wbxml, const struct message *m)
{
	WBXMLConvWBXML2XML *conv;
	WB_UTINY *xml = NULL;
	WB_ULONG len;
	xmlDoc *doc;

	if (wbxml) {
		if (wbxml_conv_wbxml2xml_create(&conv) != WBXML_OK)
			die("no converter");
		if (wbxml_conv_wbxml2xml_run(conv, m->p, (WB_ULONG)m->len, &xml, &len) !=
		    WBXML_OK)
			die("libwbxml2 cannot read it");
		wbxml_conv_wbxml2xml_destroy(conv);
		free(xml);
		return;
	}
	doc = xmlReadMemory((const char *)m->p, (int)m->len, NULL, NULL, XML_PARSE_NONET);
	if (!doc)
		die("libxml2 cannot read it");
	xmlFreeDoc(doc);
}

static double bare_rate(bool wbxml, const struct message *m)
{
	double from, best = 0, rate;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		from = now();
		for (unsigned int i = 0; i < MESSAGES; i++)
			bare(wbxml, &m[i]);
		rate = COMMANDS * MESSAGES / (now() - from);
		best = rate > best ? rate : best;
	}
	return best;
}

static void time_of(const char *name, bool wbxml)
{
	struct message m[MESSAGES];
	double ours, theirs;

	ours = engine_rate(wbxml, m);
	theirs = bare_rate(wbxml, m);
	printf("bench dm-engine-%s %.0f commands_per_s %s=%.0f %.2f\n", name, ours,
	       wbxml ? "wbxml2xml" : "libxml2", theirs, ours / theirs);
	for (unsigned int i = 0; i < MESSAGES; i++)
		free(m[i].p);
}

/* ---- memory ---------------------------------------------------------------------------------
 */

static unsigned long status_kib(const char *key)
{
	unsigned long n = 0;
	char line[200];
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			n = strtoul(line + strlen(key), NULL, 10);
	if (f)
		fclose(f);
	return n;
}

static void run_commands(bool wbxml, size_t n)
{
	static struct world w;
	struct message m;

	begin(&w, wbxml);
	for (size_t i = 0; i < n / COMMANDS; i++) {
		m = commands(&w);
		input(&w, &m);
		free(m.p);
	}
	world_free(&w);
}

static void run_in(bool wbxml, size_t n)
{
	static struct world w;
	char *body = malloc(CHUNK + 1000), *data = malloc(CHUNK + 1), meta[100];
	struct message m;

	begin(&w, wbxml);
	memset(data, 'x', CHUNK);
	data[CHUNK] = 0;
	for (size_t at = 0; at < n; at += CHUNK) {
		meta[0] = 0;
		if (!at)
			snprintf(meta, sizeof(meta),
				 "<Meta><Size xmlns=\"syncml:metinf\">%zu</Size></Meta>", n);
		if (n - at < CHUNK)
			data[n - at] = 0;
		snprintf(body, CHUNK + 1000,
			 "<Add><CmdID>1</CmdID><Item><Target><LocURI>./P</LocURI></Target>%s"
			 "<Data>%s</Data>%s</Item></Add>",
			 meta, data, n - at > CHUNK ? "<MoreData/>" : "");
		m = message(&w, body, n - at <= CHUNK);
		input(&w, &m);
		free(m.p);
	}
	if (w.writes != 1)
		die("the object did not arrive");
	free(body);
	free(data);
	world_free(&w);
}

static void run_out(bool wbxml, size_t n)
{
	static struct world w;
	struct message m;
	unsigned int messages = 0;

	begin(&w, wbxml);
	w.endless = n;
	w.hdr = "<Meta><MaxMsgSize xmlns=\"syncml:metinf\">16384</MaxMsgSize></Meta>";
	m = message(&w, CMD("Get", "1", ITEM("./Endless")), true);
	for (;;) {
		input(&w, &m);
		free(m.p);
		messages++;
		if (w.out.len < 12000)
			break;
		m = message(&w, CMD("Alert", "2", "<Data>1222</Data>"), false);
	}
	if (messages < n / 16384)
		die("the object did not go");
	world_free(&w);
}

/* KiB that @run needs, in a process of its own */
static unsigned long peak(void (*run)(bool, size_t), bool wbxml, size_t n)
{
	unsigned long kib = 0, before;
	int fd[2], status;
	pid_t pid;

	if (pipe(fd) || (pid = fork()) < 0)
		die("no process");
	if (!pid) {
		/* what the libraries set up once is no session's */
		run(wbxml, COMMANDS);
		malloc_trim(0);
		before = status_kib("VmRSS:");
		run(wbxml, n);
		kib = status_kib("VmHWM:") - before;
		_exit(write(fd[1], &kib, sizeof(kib)) != sizeof(kib));
	}
	close(fd[1]);
	if (read(fd[0], &kib, sizeof(kib)) != sizeof(kib))
		die("no figure");
	close(fd[0]);
	if (waitpid(pid, &status, 0) != pid || status)
		die("a session failed");
	return kib;
}

static int memory(const char *name, void (*run)(bool, size_t), bool wbxml, size_t little,
		  size_t much, const char *what)
{
	/* pages come one by one: a base of some makes a ratio of noise none */
	unsigned long small = peak(run, wbxml, little) + 64,
		      large = peak(run, wbxml, much) + 64;
	double ratio = (double)large / (double)small;

	printf("bench dm-%s-memory %lu KiB %s=%lu %.2f\n", name, large, what, small, ratio);
	return ratio > GROWTH;
}

int main(void)
{
	int rc = 0;

	/* memory first: a heap that has been large would hide what is needed */
	rc |= memory("session-10000-xml", run_commands, false, 1000, 10000, "1000-commands");
	rc |= memory("session-10000-wbxml", run_commands, true, 1000, 10000, "1000-commands");
	rc |= memory("512KiB-in-xml", run_in, false, 64 << 10, 512 << 10, "64-KiB");
	rc |= memory("512KiB-in-wbxml", run_in, true, 64 << 10, 512 << 10, "64-KiB");
	rc |= memory("512KiB-out-xml", run_out, false, 64 << 10, 512 << 10, "64-KiB");
	rc |= memory("512KiB-out-wbxml", run_out, true, 64 << 10, 512 << 10, "64-KiB");
	time_of("xml", false);
	time_of("wbxml", true);
	return rc;
}
