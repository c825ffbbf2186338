// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <getopt.h>
#include <linux/se_sim.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "profile.h"
#include "wire.h"

#define DEFAULT_SIM "/dev/se-sim"
#define FDS 64

enum { EXIT_USAGE = 2 };

enum {
	OPT_SIM = 256,
	OPT_APDU_SOCKET,
	OPT_STATE,
	OPT_LOG,
	OPT_PROFILE,
	OPT_KEYS,
	OPT_SCP,
	OPT_WORK_MS,
	OPT_MAX_HZ,
	OPT_NO_IRQ,
	OPT_NO_RESET,
	OPT_EDGE,
	OPT_FILL_FF,
	OPT_NO_CLOCK,
	OPT_SPIDEV,
	OPT_NO_FSYNC,
};

static const struct option options[] = {
	{"sim", optional_argument, NULL, OPT_SIM},
	{"apdu-socket", required_argument, NULL, OPT_APDU_SOCKET},
	{"state", required_argument, NULL, OPT_STATE},
	{"log", required_argument, NULL, OPT_LOG},
	{"profile", required_argument, NULL, OPT_PROFILE},
	{"keys", required_argument, NULL, OPT_KEYS},
	{"scp", required_argument, NULL, OPT_SCP},
	{"work-ms", required_argument, NULL, OPT_WORK_MS},
	{"max-hz", required_argument, NULL, OPT_MAX_HZ},
	{"no-irq", no_argument, NULL, OPT_NO_IRQ},
	{"no-reset", no_argument, NULL, OPT_NO_RESET},
	{"irq-edge", no_argument, NULL, OPT_EDGE},
	{"fill-ff", no_argument, NULL, OPT_FILL_FF},
	{"no-clock", no_argument, NULL, OPT_NO_CLOCK},
	{"spidev", no_argument, NULL, OPT_SPIDEV},
	{"no-fsync", no_argument, NULL, OPT_NO_FSYNC},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static const char help[] =
	"Usage: softse [--sim[=DEVICE]] [--apdu-socket=PATH] [OPTION]...\n"
	"The software secure element: a GlobalPlatform card for tests.\n"
	"\n"
	"Where it is plugged in (one of these at least; both see the same card):\n"
	"  --sim[=DEVICE]      virtual SPI bus, speaking T=1' (default " DEFAULT_SIM ")\n"
	"  --apdu-socket=PATH  UNIX socket; APDUs with a two-byte length in front\n"
	"\n"
	"What it is:\n"
	"  --state=FILE        keep the card in FILE; without it all is lost at the end\n"
	"  --profile=FILE      card and link parameters, 'key = value' lines\n"
	"  --keys=FILE         SCP03 keys: one line of hex digits or three (ENC, MAC, DEK)\n"
	"                      (default 404142..4F for all, key version 30)\n"
	"  --scp=I             SCP03 option 'i' in hex: 00 10 20 30 60 or 70 (default 70)\n"
	"  --work-ms=N         let every command take N ms more\n"
	"  --no-fsync          do not wait for the disk: faster, not safe from power cuts\n"
	"\n"
	"How the bus is wired (with --sim):\n"
	"  --max-hz=N          fastest clock of the bus\n"
	"  --no-irq            no data-ready line: the host has to poll\n"
	"  --irq-edge          data-ready by rising edge instead of level\n"
	"  --no-reset          no reset line\n"
	"  --fill-ff           idle byte FF instead of 00\n"
	"  --no-clock          bytes take no time\n"
	"  --spidev            bind spidev instead of the SE driver\n"
	"\n"
	"What it tells:\n"
	"  --log=FILE          a line for every executed command, before its answer leaves\n"
	"  -h, --help          this text\n"
	"\n"
	"Exit status: 0 ended by SIGTERM or SIGINT, 1 failure, 2 wrong usage. When it is\n"
	"ready the line 'softse: ready' goes to standard output. See softse(1).\n";

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

struct setup {
	const char *sim, *socket, *log, *profile, *keys;
	uint32_t sim_flags, max_hz;
	struct card_profile *card;
	const char **state;
	unsigned long scp;
	bool scp_given;
};

static int usage(const char *what, const char *arg)
{
	fprintf(stderr, "softse: %s%s%s\nTry 'softse --help'.\n", what, arg ? ": " : "",
		arg ? arg : "");
	return EXIT_USAGE;
}

static bool scp_option(const char *text, unsigned long *i)
{
	uint8_t v;

	if (parse_hex(text, &v, 1) != 1)
		return false;
	*i = v;
	return v == 0x00 || v == 0x10 || v == 0x20 || v == 0x30 || v == 0x60 || v == 0x70;
}

/* 0, or the exit status plus one. */
static int parse(int argc, char **argv, struct setup *s)
{
	unsigned long v;
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		switch (opt) {
		case 'h':
			fputs(help, stdout);
			return 1;
		case OPT_SIM:
			s->sim = optarg ? optarg : DEFAULT_SIM;
			break;
		case OPT_APDU_SOCKET:
			s->socket = optarg;
			break;
		case OPT_STATE:
			*s->state = optarg;
			break;
		case OPT_LOG:
			s->log = optarg;
			break;
		case OPT_PROFILE:
			s->profile = optarg;
			break;
		case OPT_KEYS:
			s->keys = optarg;
			break;
		case OPT_SCP:
			if (!scp_option(optarg, &s->scp))
				return 1 +
				       usage("--scp wants 00, 10, 20, 30, 60 or 70", optarg);
			s->scp_given = true;
			break;
		case OPT_WORK_MS:
			if (!parse_number(optarg, 3600000, &v))
				return 1 + usage("--work-ms wants 0 to 3600000", optarg);
			s->card->work_us = v * 1000;
			break;
		case OPT_MAX_HZ:
			if (!parse_number(optarg, 1000000000, &v) || !v)
				return 1 + usage("--max-hz wants 1 to 1000000000", optarg);
			s->max_hz = (uint32_t)v;
			break;
		case OPT_NO_IRQ:
			s->sim_flags |= SE_SIM_NO_IRQ;
			break;
		case OPT_NO_RESET:
			s->sim_flags |= SE_SIM_NO_RESET;
			break;
		case OPT_EDGE:
			s->sim_flags |= SE_SIM_IRQ_EDGE;
			break;
		case OPT_FILL_FF:
			s->sim_flags |= SE_SIM_FILL_FF;
			break;
		case OPT_NO_CLOCK:
			s->sim_flags |= SE_SIM_NO_CLOCK;
			break;
		case OPT_SPIDEV:
			s->sim_flags |= SE_SIM_SPIDEV;
			break;
		case OPT_NO_FSYNC:
			s->card->no_fsync = true;
			break;
		case ':':
			return 1 + usage("option needs a value", argv[optind - 1]);
		default:
			return 1 + usage("unknown option", argv[optind - 1]);
		}
	}
	if (optind < argc)
		return 1 + usage("unexpected argument", argv[optind]);
	if (!s->sim && !s->socket)
		return 1 +
		       usage("nothing to be plugged into: give --sim or --apdu-socket", NULL);
	return 0;
}

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static int serve(struct chip *chip, struct wire **wires, size_t n, const sigset_t *unblocked)
{
	struct pollfd fds[FDS];

	while (!stop) {
		size_t start[3] = {0}, count = 0;
		uint64_t deadline = WIRE_NEVER, now = now_us();
		struct timespec wait, *timeout = NULL;

		for (size_t i = 0; i < n; i++) {
			count += wires[i]->prepare(wires[i], fds + count, FDS - count,
						   &deadline);
			start[i + 1] = count;
		}
		if (deadline != WIRE_NEVER) {
			uint64_t us = deadline > now ? deadline - now : 0;

			wait.tv_sec = (time_t)(us / 1000000);
			wait.tv_nsec = (long)(us % 1000000 * 1000);
			timeout = &wait;
		}
		if (ppoll(fds, count, timeout, unblocked) < 0) {
			if (errno == EINTR)
				continue;
			perror("softse: ppoll");
			return EXIT_FAILURE;
		}
		for (size_t i = 0; i < n; i++) {
			int ret = wires[i]->dispatch(wires[i], fds + start[i],
						     start[i + 1] - start[i], now_us());

			if (ret) {
				fprintf(stderr, "softse: the wire broke: %s\n", strerror(-ret));
				return EXIT_FAILURE;
			}
			if (chip->card.failed) {
				fprintf(stderr,
					"softse: the log cannot be written; stopping\n");
				return EXIT_FAILURE;
			}
		}
	}
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static struct chip chip;
	struct card *card = &chip.card;
	struct t1_params t1;
	struct setup s = {.card = &card->profile, .state = &card->state_path};
	struct wire *wires[2];
	struct sigaction sa = {.sa_handler = on_signal};
	sigset_t block, unblocked;
	char err[512] = "";
	size_t n = 0;
	int ret;

	card_profile_default(&card->profile);
	t1_params_default(&t1);
	ret = parse(argc, argv, &s);
	if (ret)
		return ret - 1;
	if ((s.profile && profile_read(s.profile, &card->profile, &t1, err, sizeof(err))) ||
	    (s.keys && keys_read(s.keys, &card->profile, err, sizeof(err)))) {
		fprintf(stderr, "softse: %s\n", err);
		return EXIT_USAGE;
	}
	if (s.scp_given)
		card->profile.scp_i = (uint8_t)s.scp;

	sigemptyset(&block);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, SIGINT);
	sigprocmask(SIG_BLOCK, &block, &unblocked);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);

	ret = s.log ? log_open(&card->log, s.log) : 0;
	if (ret) {
		fprintf(stderr, "softse: %s: %s\n", s.log, strerror(-ret));
		return EXIT_FAILURE;
	}
	ret = EXIT_FAILURE;
	if (card_init(card, err, sizeof(err)))
		goto out;
	if (s.socket) {
		wires[n] = wire_socket_open(&chip, s.socket, err, sizeof(err));
		if (!wires[n])
			goto out;
		n++;
	}
	if (s.sim) {
		wires[n] = wire_sim_open(&chip, s.sim, s.sim_flags, s.max_hz, &t1, err,
					 sizeof(err));
		if (!wires[n])
			goto out;
		n++;
	}
	puts("softse: ready");
	fflush(stdout);
	ret = serve(&chip, wires, n, &unblocked);
out:
	if (*err)
		fprintf(stderr, "softse: %s\n", err);
	while (n--)
		wires[n]->close(wires[n]);
	card_exit(card);
	log_close(card->log);
	return ret;
}
