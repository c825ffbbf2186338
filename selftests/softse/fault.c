// SPDX-License-Identifier: Apache-2.0
#include "fault.h"

#include <errno.h>
#include <string.h>

#include "profile.h"

enum arg { ARG_NONE, ARG_MS, ARG_SIZE, ARG_TIMES, ARG_ERROR };

struct kind {
	const char *name, *what;
	unsigned int on;  /* default */
	unsigned int can; /* blocks that it can be limited to */
	enum arg arg;
	uint32_t value, min, max; /* of the argument */
};

/* Order of enum fault_kind. */
static const struct kind kinds[FAULT_KINDS] = {
	{"deaf", "a block from the host is lost", FAULT_ON_ANY, 15, ARG_NONE, 0, 0, 0},
	{"garble", "a block from the host arrives damaged", FAULT_ON_ANY, 15, ARG_NONE, 0, 0,
	 0},
	{"r-error", "a good block is refused by an R-block", FAULT_ON_ANY, 15, ARG_ERROR, 1, 0,
	 0},
	{"mute", "the SE hears and says nothing for a time", FAULT_ON_ANY, 15, ARG_MS, 1000, 1,
	 3600000},
	{"reset", "the SE resets in mid-chain instead of answering",
	 FAULT_ON_ANY | FAULT_ON_CHAIN, 15, ARG_NONE, 0, 0, 0},
	{"wtx", "the SE asks for more time though it needs none", FAULT_ON_I, 11, ARG_TIMES, 1,
	 1, 10000},
	{"ifs", "the SE changes its IFSC in mid-chain", FAULT_ON_ANY | FAULT_ON_CHAIN, 11,
	 ARG_SIZE, 16, 1, 4089},
	{"abort", "the SE aborts a chain", FAULT_ON_ANY | FAULT_ON_CHAIN, 11, ARG_NONE, 0, 0,
	 0},
	{"drop", "a block from the SE is lost", FAULT_ON_ANY, 15, ARG_NONE, 0, 0, 0},
	{"corrupt", "a block from the SE has a wrong bit", FAULT_ON_ANY, 15, ARG_NONE, 0, 0, 0},
	{"duplicate", "a block from the SE comes twice", FAULT_ON_ANY, 15, ARG_NONE, 0, 0, 0},
	{"truncate", "a block from the SE ends early", FAULT_ON_ANY, 15, ARG_NONE, 0, 0, 0},
	{"late", "a block from the SE comes late", FAULT_ON_ANY, 15, ARG_MS, 1000, 1, 3600000},
	{"wrong-ns", "an I-block has the other N(S)", FAULT_ON_I, 9, ARG_NONE, 0, 0, 0},
	{"wrong-nad", "a block has a NAD of somebody else", FAULT_ON_ANY, 15, ARG_NONE, 0, 0,
	 0},
	{"wrong-pcb", "a block has a PCB that does not exist", FAULT_ON_ANY, 15, ARG_NONE, 0, 0,
	 0},
	{"wrong-len", "LEN of a block is one too large", FAULT_ON_ANY, 15, ARG_NONE, 0, 0, 0},
	{"noise", "bytes that are no block come before it", FAULT_ON_ANY, 15, ARG_SIZE, 5, 1,
	 64},
	{"stale", "the last I-block comes again in its place", FAULT_ON_ANY, 15, ARG_NONE, 0, 0,
	 0},
	{"irq-late", "data-ready comes late (--sim)", 0, 0, ARG_MS, 20, 1, 60000},
	{"irq-lost", "data-ready makes no interrupt (--sim)", 0, 0, ARG_NONE, 0, 0, 0},
	{"irq-spurious", "data-ready comes for nothing (--sim)", 0, 0, ARG_MS, 1, 1, 60000},
	{"irq-stuck", "data-ready does not go (--sim)", 0, 0, ARG_MS, 20, 1, 60000},
	{"irq-dead", "data-ready does not come (--sim)", 0, 0, ARG_NONE, 0, 0, 0},
	{"short", "a transfer to the host ends early (--sim)", 0, 0, ARG_SIZE, 2, 1, 4095},
};

void fault_help(FILE *f)
{
	static const char *const args[] = {
		[ARG_NONE] = "",
		[ARG_MS] = "ms=",
		[ARG_SIZE] = "size=",
		[ARG_TIMES] = "times=",
		[ARG_ERROR] = "error=edc|other",
	};

	fprintf(f, "--fault=NAME[:ARG[,ARG...]], up to %d of them:\n\n", FAULT_MAX);
	for (size_t i = 0; i < FAULT_KINDS; i++) {
		char own[32] = "";

		if (kinds[i].arg == ARG_ERROR)
			snprintf(own, sizeof(own), "%s", args[ARG_ERROR]);
		else if (kinds[i].arg)
			snprintf(own, sizeof(own), "%s%u", args[kinds[i].arg], kinds[i].value);
		fprintf(f, "  %-12s %s", kinds[i].name, kinds[i].what);
		fprintf(f, *own ? " (%s)\n" : "\n", own);
	}
	fputs("\n"
	      "When (default n=1):\n"
	      "  n=N, or just N     at the N-th block that it looks at, once\n"
	      "  every=N            at each N-th\n"
	      "  ppm=N[,seed=S]     by chance, N in a million; the same seed gives the same "
	      "run\n"
	      "  count=N            at most N times\n"
	      "Which blocks:\n"
	      "  on=i|r|s|any       of this kind (default any; wtx and wrong-ns: i)\n"
	      "  on=chain           any inside a chain (default of reset, ifs and abort);\n"
	      "                     on=i-chain, on=r-chain likewise\n",
	      f);
}

static int bad(char *err, size_t room, const char *text, const char *what, const char *which)
{
	snprintf(err, room, "fault '%s': %s%s%s", text, what, which ? ": " : "",
		 which ? which : "");
	return -EINVAL;
}

static bool parse_on(struct fault *f, unsigned int can, const char *v)
{
	static const struct {
		const char *name;
		unsigned int on;
	} names[] = {
		{"i", FAULT_ON_I},
		{"r", FAULT_ON_R},
		{"s", FAULT_ON_S},
		{"any", FAULT_ON_ANY},
		{"chain", FAULT_ON_ANY | FAULT_ON_CHAIN},
		{"i-chain", FAULT_ON_I | FAULT_ON_CHAIN},
		{"r-chain", FAULT_ON_R | FAULT_ON_CHAIN},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(v, names[i].name))
			continue;
		f->on = names[i].on;
		/* one that could never strike is a mistake */
		return (f->on & can & FAULT_ON_ANY) &&
		       (!(f->on & FAULT_ON_CHAIN) || (can & FAULT_ON_CHAIN));
	}
	return false;
}

static const char *parse_arg(struct fault *f, const struct kind *k, const char *key,
			     const char *value)
{
	static const char *const own[] = {
		[ARG_MS] = "ms", [ARG_SIZE] = "size", [ARG_TIMES] = "times"};
	const struct {
		const char *name;
		uint32_t *to;
		unsigned long min, max;
	} numbers[] = {
		{"n", &f->n, 1, UINT32_MAX},
		{"every", &f->every, 1, UINT32_MAX},
		{"ppm", &f->ppm, 1, 1000000},
		{"count", &f->count, 1, UINT32_MAX},
	};
	unsigned long v;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (strcmp(key, numbers[i].name))
			continue;
		if (!parse_number(value, numbers[i].max, &v) || v < numbers[i].min)
			return "not a number that makes sense";
		*numbers[i].to = (uint32_t)v;
		return NULL;
	}
	if (!strcmp(key, "seed")) {
		if (!parse_number(value, UINT64_MAX, &v))
			return "a seed is a number";
		f->seed = v;
		return NULL;
	}
	if (!strcmp(key, "on"))
		return parse_on(f, k->can, value) ? NULL : "cannot be limited to that";
	if (k->arg == ARG_ERROR && !strcmp(key, "error")) {
		f->arg = !strcmp(value, "edc") ? 1 : 2;
		return f->arg == 1 || !strcmp(value, "other") ? NULL : "expected edc or other";
	}
	if (k->arg != ARG_NONE && k->arg != ARG_ERROR && !strcmp(key, own[k->arg])) {
		if (!parse_number(value, k->max, &v) || v < k->min)
			return "out of range";
		f->arg = (uint32_t)v;
		return NULL;
	}
	return "unknown argument";
}

/* Spreads close seeds; never 0, which the generator could not leave. */
static uint64_t scramble(uint64_t v)
{
	v += 0x9e3779b97f4a7c15;
	v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9;
	v = (v ^ v >> 27) * 0x94d049bb133111eb;
	v ^= v >> 31;
	return v ? v : 1;
}

int fault_add(struct fault_script *s, const char *text, char *err, size_t err_room)
{
	struct fault f = {.kind = FAULT_KINDS};
	const struct kind *k = NULL;
	char copy[128], *rest = copy, *name, *arg;

	if (s->n == FAULT_MAX)
		return bad(err, err_room, text, "too many faults", NULL);
	if (strlen(text) >= sizeof(copy))
		return bad(err, err_room, text, "too long", NULL);
	strcpy(copy, text);
	name = strsep(&rest, ":");
	for (size_t i = 0; i < FAULT_KINDS; i++)
		if (!strcmp(name, kinds[i].name)) {
			f.kind = (enum fault_kind)i;
			k = &kinds[i];
		}
	if (!k)
		return bad(err, err_room, text, "no such fault; --fault=help lists them", NULL);
	f.on = k->on;
	f.arg = k->value;
	while ((arg = strsep(&rest, ","))) {
		char *value = arg, *key = strsep(&value, "=");
		const char *wrong = parse_arg(&f, k, value ? key : "n", value ? value : key);

		if (wrong)
			return bad(err, err_room, text, wrong, key);
	}
	if (!!f.n + !!f.every + !!f.ppm > 1)
		return bad(err, err_room, text, "one of n, every and ppm is enough", NULL);
	if (!f.n && !f.every && !f.ppm)
		f.n = 1;
	if (f.kind >= FAULT_LINE && f.every)
		return bad(err, err_room, text, "the bus knows n, ppm and count only", NULL);
	f.random = scramble(f.seed);
	s->f[s->n++] = f;
	return 0;
}

uint32_t fault_random(struct fault *f, uint32_t below)
{
	/* xorshift64*, Vigna 2014 */
	f->random ^= f->random >> 12;
	f->random ^= f->random << 25;
	f->random ^= f->random >> 27;
	return (uint32_t)((f->random * 0x2545f4914f6cdd1d >> 32) % below);
}

struct fault *fault_strikes(struct fault_script *s, enum fault_kind kind, unsigned int on)
{
	struct fault *hit = NULL;

	if (!s)
		return NULL;
	for (size_t i = 0; i < s->n; i++) {
		struct fault *f = &s->f[i];

		if (f->kind != kind || !(f->on & on & FAULT_ON_ANY) ||
		    (f->on & FAULT_ON_CHAIN && !(on & FAULT_ON_CHAIN)))
			continue;
		f->seen++;
		if (hit || (f->count && f->struck == f->count))
			continue;
		if (f->n       ? f->seen == f->n
		    : f->every ? f->seen % f->every == 0
			       : fault_random(f, 1000000) < f->ppm) {
			f->struck++;
			hit = f;
		}
	}
	return hit;
}

void fault_report(const struct fault_script *s, FILE *f)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->f[i].kind < FAULT_LINE)
			fprintf(f, "softse: fault %s struck %u times in %u events\n",
				kinds[s->f[i].kind].name, s->f[i].struck, s->f[i].seen);
}
