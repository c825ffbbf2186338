// SPDX-License-Identifier: Apache-2.0
/* sectl: one table of verbs; help, options and dispatch come from it. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sectl/sectl.h"

#define SOCKET_DEFAULT "/run/sesame/io.sesame.Manager"

struct options opt = {.socket = SOCKET_DEFAULT, .se = "se0"};

enum {
	O_JSON = 256,
	O_SOCKET,
	O_AID,
	O_SE,
	O_KEEP_CHANNEL,
	O_TOKEN,
	O_DEADLINE,
	O_COMPACT,
	O_KEEP_JOB,
	O_LEVEL,
	O_VERSION,
};

/* which options a verb has beside --json, --socket and --help */
enum {
	HAS_AID = 1 << 0,
	HAS_SE = 1 << 1,
	HAS_SCRIPT = 1 << 2,
	HAS_DRY = 1 << 3,
	HAS_LEVEL = 1 << 4,
};

static const struct {
	int opt;
	unsigned int group; /* 0: all verbs */
	struct option o;
	const char *help;
} options[] = {
	{'j',
	 0,
	 {"json", no_argument, NULL, 'j'},
	 "-j, --json           JSON on standard output, errors too"},
	{O_SOCKET,
	 0,
	 {"socket", required_argument, NULL, O_SOCKET},
	 "--socket=PATH        semd's control socket (" SOCKET_DEFAULT ")"},
	{'h', 0, {"help", no_argument, NULL, 'h'}, "-h, --help           this text"},
	{O_AID,
	 HAS_AID,
	 {"aid", required_argument, NULL, O_AID},
	 "--aid=HEX            application (the card's default one)"},
	{O_SE,
	 HAS_SE,
	 {"se", required_argument, NULL, O_SE},
	 "--se=NAME            secure element as semd calls it (se0)"},
	{O_KEEP_CHANNEL,
	 HAS_SCRIPT,
	 {"keep-channel", no_argument, NULL, O_KEEP_CHANNEL},
	 "--keep-channel       leave it open for the next script with the same token"},
	{O_TOKEN,
	 HAS_SCRIPT,
	 {"token", required_argument, NULL, O_TOKEN},
	 "--token=N            names the dialogue (0)"},
	{O_DEADLINE,
	 HAS_SCRIPT,
	 {"deadline", required_argument, NULL, O_DEADLINE},
	 "--deadline=SECONDS   give up after that time"},
	{O_COMPACT,
	 HAS_SCRIPT,
	 {"compact", no_argument, NULL, O_COMPACT},
	 "--compact            the file is in compact, not expanded format"},
	{O_KEEP_JOB,
	 HAS_SCRIPT,
	 {"keep-job", no_argument, NULL, O_KEEP_JOB},
	 "--keep-job           leave the job in the journal"},
	{O_LEVEL,
	 HAS_LEVEL,
	 {"level", required_argument, NULL, O_LEVEL},
	 "--level=LEVEL        resynch, software, line or power (line, else software)"},
	{'n',
	 HAS_DRY,
	 {"dry-run", no_argument, NULL, 'n'},
	 "-n, --dry-run        only say what would be done"},
};

#define NR_OPTIONS (sizeof(options) / sizeof(options[0]))

static const struct verb {
	const char *noun, *verb; /* verb NULL: the noun alone */
	const char *args;
	int min, max;
	unsigned int has;
	int (*fn)(int argc, char **argv);
	const char *help;
	const char *example;
} verbs[] = {
	{"list", NULL, "", 0, 0, 0, verb_list, "secure elements that the driver has",
	 "sectl list --json"},
	{"info", NULL, "SE", 1, 1, 0, verb_info, "what one is, and its counters",
	 "sectl info se0"},
	{"apdu", NULL, "SE HEX…|-", 2, 256, HAS_AID | HAS_DRY, verb_apdu,
	 "send C-APDUs on a channel of their own, past semd", "sectl apdu se0 80CA006600"},
	{"reset", NULL, "SE", 1, 1, HAS_LEVEL | HAS_DRY, verb_reset,
	 "reset it, past semd: everybody's channels are gone", "sectl reset se0 --level=line"},
	{"monitor", NULL, "", 0, 0, 0, verb_monitor, "the driver's events, until interrupted",
	 "sectl monitor --json"},
	{"status", NULL, "", 0, 0, 0, verb_status, "semd and its management servers",
	 "sectl status"},
	{"script", "run", "FILE", 1, 1, HAS_AID | HAS_SE | HAS_SCRIPT | HAS_DRY,
	 verb_script_run, "have semd run a TS 102 226 script, wait and show what came",
	 "sectl script run identity.bin --se=se0 --aid=A000000151000000"},
	{"jobs", "list", "", 0, 0, 0, verb_jobs_list, "semd's journal", "sectl jobs list"},
	{"jobs", "show", "ID", 1, 1, 0, verb_jobs_show, "one job, its APDUs and its response",
	 "sectl jobs show 12"},
	{"jobs", "cancel", "ID", 1, 1, 0, verb_jobs_cancel, "stop a job between two APDUs",
	 "sectl jobs cancel 12"},
	{"jobs", "ack", "ID", 1, 1, 0, verb_jobs_ack, "drop the result of a job that has ended",
	 "sectl jobs ack 12"},
};

#define NR_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static void help_all(void)
{
	size_t i;

	printf("sectl NOUN [VERB] [ARGUMENT…] [OPTION…]: secure elements and semd\n\n");
	for (i = 0; i < NR_VERBS; i++)
		printf("  %-6s %-7s %-8s  %s\n", verbs[i].noun,
		       verbs[i].verb ? verbs[i].verb : "", verbs[i].args, verbs[i].help);
	printf("\nsectl NOUN VERB --help tells more. Exit status: 0 ok, 1 failed, 2 usage, 3 "
	       "not\n"
	       "found, 4 refused, 5 semd not reachable, 6 timeout, 7 the card said no.\n");
}

static void help_verb(const struct verb *v)
{
	size_t i;

	printf("sectl %s%s%s%s%s [OPTION…]: %s\n\n", v->noun, v->verb ? " " : "",
	       v->verb ? v->verb : "", *v->args ? " " : "", v->args, v->help);
	for (i = 0; i < NR_OPTIONS; i++)
		if (!options[i].group || (options[i].group & v->has))
			printf("  %s\n", options[i].help);
	printf("\nExample: %s\n", v->example);
}

static const struct verb *find_verb(const char *noun, const char *verb, int *words)
{
	size_t i;

	for (i = 0; i < NR_VERBS; i++) {
		if (strcmp(verbs[i].noun, noun))
			continue;
		if (!verbs[i].verb) {
			*words = 1;
			return &verbs[i];
		}
		if (verb && !strcmp(verbs[i].verb, verb)) {
			*words = 2;
			return &verbs[i];
		}
	}
	return NULL;
}

static int take_number(const char *name, const char *text, uint32_t *out)
{
	unsigned long v;
	char *end;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || v > UINT32_MAX)
		return fail(EXIT_USAGE, "usage", NULL, "--%s=%s: a number is needed", name,
			    text);
	*out = (uint32_t)v;
	return EXIT_OK;
}

static int take_option(int c)
{
	switch (c) {
	case 'j':
		opt.json = true;
		break;
	case 'n':
		opt.dry_run = true;
		break;
	case O_SOCKET:
		opt.socket = optarg;
		break;
	case O_AID:
		opt.aid = optarg;
		break;
	case O_SE:
		opt.se = optarg;
		break;
	case O_KEEP_CHANNEL:
		opt.keep_channel = true;
		break;
	case O_COMPACT:
		opt.compact = true;
		break;
	case O_KEEP_JOB:
		opt.keep_job = true;
		break;
	case O_LEVEL:
		opt.level = optarg;
		break;
	case O_TOKEN:
		return take_number("token", optarg, &opt.token);
	case O_DEADLINE:
		return take_number("deadline", optarg, &opt.deadline);
	}
	return EXIT_OK;
}

/* --json anywhere makes even the complaint about other options JSON. */
static void look_for_json(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--json") || !strcmp(argv[i], "-j"))
			opt.json = true;
}

/* Returns -1 to go on, else the exit status. */
static int parse(const struct verb *v, int argc, char **argv)
{
	struct option longs[NR_OPTIONS + 1] = {0};
	char shorts[2 * NR_OPTIONS + 2] = ":";
	size_t i, n = 0, s = 1;
	int c, r;

	for (i = 0; i < NR_OPTIONS; i++) {
		if (options[i].group && !(options[i].group & v->has))
			continue;
		longs[n++] = options[i].o;
		if (options[i].opt < 256)
			shorts[s++] = (char)options[i].opt;
	}
	shorts[s] = '\0';
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (c == 'h') {
			help_verb(v);
			return EXIT_OK;
		}
		if (c == '?' || c == ':')
			return fail(EXIT_USAGE, "usage", "sectl NOUN VERB --help", "%s: %s",
				    argv[optind - 1],
				    c == ':' ? "needs a value" : "no such option here");
		r = take_option(c);
		if (r)
			return r;
	}
	return -1;
}

int main(int argc, char **argv)
{
	const struct verb *v;
	int words = 0, r;

	look_for_json(argc, argv);
	/* Options for all verbs may also come first. */
	while (argc > 1 && (!strcmp(argv[1], "--json") || !strcmp(argv[1], "-j") ||
			    !strncmp(argv[1], "--socket=", 9))) {
		if (argv[1][2] == 's')
			opt.socket = argv[1] + 9;
		argv[1] = argv[0];
		argc--;
		argv++;
	}
	if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		help_all();
		return argc < 2 ? EXIT_USAGE : EXIT_OK;
	}
	if (!strcmp(argv[1], "--version")) {
		puts("sectl 0.1");
		return EXIT_OK;
	}
	v = find_verb(argv[1], argc > 2 ? argv[2] : NULL, &words);
	if (!v)
		return fail(EXIT_USAGE, "usage", "sectl --help", "'%s%s%s' is not known",
			    argv[1], argc > 2 ? " " : "", argc > 2 ? argv[2] : "");
	/* What is left looks like a command line of its own. */
	argc -= words;
	argv += words;
	r = parse(v, argc, argv);
	if (r >= 0)
		return r;
	if (argc - optind < v->min || argc - optind > v->max)
		return fail(EXIT_USAGE, "usage", v->example, "%s%s%s takes: %s", v->noun,
			    v->verb ? " " : "", v->verb ? v->verb : "",
			    *v->args ? v->args : "no argument");
	return v->fn(argc - optind, argv + optind);
}
