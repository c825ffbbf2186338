// SPDX-License-Identifier: Apache-2.0
#include "options.h"

#include <getopt.h>
#include <linux/se_sim.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profile.h"

#define DEFAULT_SIM "/dev/se-sim"

enum {
	OPT_SIM = 256,
	OPT_APDU_SOCKET,
	OPT_BLOCK_SOCKET,
	OPT_VPCD,
	OPT_BRIDGE,
	OPT_STATE,
	OPT_EXPORT,
	OPT_COMPARE,
	OPT_RESET_IMAGE,
	OPT_LOG,
	OPT_PROFILE,
	OPT_DIALECT,
	OPT_FAULT,
	OPT_KEYS,
	OPT_SCP,
	OPT_WORK_MS,
	OPT_MAX_HZ,
	OPT_DEVICE,
	OPT_POWER_CUT,
	OPT_BUS_FLAG, /* and up: bus_flags[] */
	OPT_NO_FSYNC = OPT_BUS_FLAG + 32,
};

/* Options that are a flag of the virtual bus. */
static const struct {
	const char *name;
	uint32_t flag;
} bus_flags[] = {
	{"no-irq", SE_SIM_NO_IRQ},     {"no-reset", SE_SIM_NO_RESET},
	{"irq-edge", SE_SIM_IRQ_EDGE}, {"fill-ff", SE_SIM_FILL_FF},
	{"no-clock", SE_SIM_NO_CLOCK}, {"spidev", SE_SIM_SPIDEV},
	{"i2c", SE_SIM_I2C},	       {"no-nack", SE_SIM_NO_NACK},
	{"supply", SE_SIM_SUPPLY},     {"enable", SE_SIM_ENABLE},
};

#define BUS_FLAGS (sizeof(bus_flags) / sizeof(bus_flags[0]))

static const struct option fixed[] = {
	{"sim", optional_argument, NULL, OPT_SIM},
	{"apdu-socket", required_argument, NULL, OPT_APDU_SOCKET},
	{"block-socket", required_argument, NULL, OPT_BLOCK_SOCKET},
	{"vpcd", optional_argument, NULL, OPT_VPCD},
	{"bridge", required_argument, NULL, OPT_BRIDGE},
	{"state", required_argument, NULL, OPT_STATE},
	{"export", required_argument, NULL, OPT_EXPORT},
	{"compare", required_argument, NULL, OPT_COMPARE},
	{"reset-image", no_argument, NULL, OPT_RESET_IMAGE},
	{"log", required_argument, NULL, OPT_LOG},
	{"profile", required_argument, NULL, OPT_PROFILE},
	{"dialect", required_argument, NULL, OPT_DIALECT},
	{"fault", required_argument, NULL, OPT_FAULT},
	{"keys", required_argument, NULL, OPT_KEYS},
	{"scp", required_argument, NULL, OPT_SCP},
	{"work-ms", required_argument, NULL, OPT_WORK_MS},
	{"max-hz", required_argument, NULL, OPT_MAX_HZ},
	{"device", required_argument, NULL, OPT_DEVICE},
	{"power-cut", required_argument, NULL, OPT_POWER_CUT},
	{"no-fsync", no_argument, NULL, OPT_NO_FSYNC},
	{"help", no_argument, NULL, 'h'},
};

#define FIXED (sizeof(fixed) / sizeof(fixed[0]))

static const char help[] =
	"Usage: softse [--sim[=DEVICE]] [--apdu-socket=PATH] [--vpcd[=HOST:PORT]] [OPTION]...\n"
	"The software secure element: a GlobalPlatform card for tests.\n"
	"\n"
	"Where it is plugged in (one of these at least; all see the same card):\n"
	"  --sim[=DEVICE]       virtual SPI or I2C bus (default " DEFAULT_SIM ")\n"
	"  --apdu-socket=PATH   UNIX socket; APDUs with a two-byte length in front\n"
	"  --block-socket=PATH  UNIX socket; T=1 blocks in frames, see softse(1)\n"
	"  --vpcd[=HOST:PORT]   a vpcd reader, as its card; goes on trying while there is\n"
	"                       none (default localhost:35963)\n"
	"\n"
	"What it is:\n"
	"  --state=FILE         keep the card in FILE; without it all is lost at the end\n"
	"  --reset-image        begin with a new card, whatever is in that file\n"
	"  --export=FILE        check that file, copy it (\"-\": to standard output), end\n"
	"  --compare=FILE       tell how that file differs from another, end (1: it does)\n"
	"  --profile=FILE       card and link parameters, 'key = value' lines\n"
	"  --dialect=NAME       gp, iso-lrc, iso-crc, nxp or um11225 (default gp)\n"
	"  --keys=FILE          SCP03 keys: one line of hex digits or three (ENC, MAC, DEK)\n"
	"                       (default 404142..4F for all, key version 30)\n"
	"  --scp=I              SCP03 option 'i' in hex: 00 10 20 30 60 or 70 (default 70);\n"
	"                       one more for S16\n"
	"  --work-ms=N          let every command take N ms more\n"
	"  --no-fsync           do not wait for the disk: faster, not safe from power cuts\n"
	"  --power-cut=N        end, without a word, before the N-th step from now on that\n"
	"                       changes the state file: a piece of it, its fsync, its rename\n"
	"  --fault=NAME[:ARGS]  what goes wrong on the link; --fault=help lists it\n"
	"\n"
	"A card of somebody else instead (one of these at most):\n"
	"  --bridge=vpcd:PORT   wait on this port of localhost for a vpcd card, such as vicc\n"
	"  --bridge=t1:PATH     a card that speaks T=1 over a UNIX socket (or HOST:PORT)\n"
	"  --bridge=replay:FILE play back recorded APDUs\n"
	"\n"
	"How the bus is wired (with --sim):\n"
	"  --i2c                I2C instead of SPI\n"
	"  --device=NAME        name of the device, by which its driver is found\n"
	"  --max-hz=N           fastest clock of the bus\n"
	"  --no-irq             no data-ready line: the host has to poll\n"
	"  --irq-edge           data-ready by rising edge instead of level\n"
	"  --no-reset           no reset line\n"
	"  --supply, --enable   a regulator, an enable line to switch its power by\n"
	"  --fill-ff            idle byte FF instead of 00\n"
	"  --no-nack            I2C: idle bytes instead of NACK\n"
	"  --no-clock           bytes take no time\n"
	"  --spidev             leave it to spidev or i2c-dev instead of the SE driver\n"
	"\n"
	"What it tells:\n"
	"  --log=FILE           a line for every executed command, before its answer leaves\n"
	"  -h, --help           this text\n"
	"\n"
	"Exit status: 0 ended by SIGTERM or SIGINT, 1 failure, 2 wrong usage. When it is\n"
	"ready the line 'softse: ready' goes to standard output. See softse(1).\n";

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
	v &= (uint8_t)~SCP03_I_S16;
	return v == 0x00 || v == 0x10 || v == 0x20 || v == 0x30 || v == 0x60 || v == 0x70;
}

static int add_fault(struct options *o, const char *text)
{
	if (!strcmp(text, "help")) {
		fault_help(stdout);
		return EXIT_SUCCESS;
	}
	if (o->n_faults == FAULT_MAX)
		return usage("too many faults", text);
	o->faults[o->n_faults++] = text;
	return -1;
}

/* One option; as options_parse(). */
static int take(int opt, const char *name, struct options *o, struct card_profile *card,
		const char **state_path)
{
	unsigned long v;

	switch (opt) {
	case 'h':
		fputs(help, stdout);
		return EXIT_SUCCESS;
	case OPT_SIM:
		o->sim = true;
		o->bus.path = optarg ? optarg : DEFAULT_SIM;
		break;
	case OPT_APDU_SOCKET:
		o->apdu_socket = optarg;
		break;
	case OPT_BLOCK_SOCKET:
		o->block_socket = optarg;
		break;
	case OPT_VPCD:
		o->vpcd = optarg ? optarg : "localhost:35963";
		break;
	case OPT_BRIDGE:
		if (o->bridge)
			return usage("one card is enough", optarg);
		o->bridge = optarg;
		break;
	case OPT_STATE:
		*state_path = optarg;
		break;
	case OPT_EXPORT:
		o->export_to = optarg;
		break;
	case OPT_COMPARE:
		o->compare_with = optarg;
		break;
	case OPT_RESET_IMAGE:
		o->reset_image = true;
		break;
	case OPT_LOG:
		o->log = optarg;
		break;
	case OPT_PROFILE:
		o->profile = optarg;
		break;
	case OPT_DIALECT:
		if (!t1_dialect(optarg))
			return usage("--dialect wants gp, iso-lrc, iso-crc, nxp or um11225",
				     optarg);
		o->dialect = optarg;
		break;
	case OPT_FAULT:
		return add_fault(o, optarg);
	case OPT_KEYS:
		o->keys = optarg;
		break;
	case OPT_SCP:
		if (!scp_option(optarg, &o->scp))
			return usage("--scp wants 00, 10, 20, 30, 60 or 70, or one more",
				     optarg);
		o->scp_given = true;
		break;
	case OPT_WORK_MS:
		if (!parse_number(optarg, 3600000, &v))
			return usage("--work-ms wants 0 to 3600000", optarg);
		card->work_us = v * 1000;
		break;
	case OPT_MAX_HZ:
		if (!parse_number(optarg, 1000000000, &v) || !v)
			return usage("--max-hz wants 1 to 1000000000", optarg);
		o->bus.max_hz = (uint32_t)v;
		break;
	case OPT_DEVICE:
		if (!*optarg || strlen(optarg) > 23)
			return usage("--device wants 1 to 23 characters", optarg);
		o->bus.device = optarg;
		break;
	case OPT_POWER_CUT:
		if (!parse_number(optarg, 1000000, &o->power_cut) || !o->power_cut)
			return usage("--power-cut wants 1 to 1000000", optarg);
		break;
	case OPT_NO_FSYNC:
		card->no_fsync = true;
		break;
	case ':':
		return usage("option needs a value", name);
	default:
		if (opt < OPT_BUS_FLAG || opt >= OPT_BUS_FLAG + (int)BUS_FLAGS)
			return usage("unknown option", name);
		o->bus.flags |= bus_flags[opt - OPT_BUS_FLAG].flag;
	}
	return -1;
}

/* What goes together and what does not. */
static int check(const struct options *o, const char *state_path)
{
	if ((o->export_to || o->compare_with || o->reset_image || o->power_cut) && !state_path)
		return usage("an image is a --state=FILE", NULL);
	if (o->export_to || o->compare_with)
		return -1;
	if (!o->sim && !o->apdu_socket && !o->block_socket && !o->vpcd)
		return usage("nothing to be plugged into: give --sim, --apdu-socket, "
			     "--block-socket or --vpcd",
			     NULL);
	if (o->bus.flags && !o->sim)
		return usage("options of the bus need --sim", NULL);
	if (!o->bridge)
		return -1;
	if (!strncmp(o->bridge, "t1:", 3)) {
		if (o->apdu_socket || o->vpcd || (o->sim && o->block_socket))
			return usage(
				"a card that speaks T=1 serves one wire of blocks: --sim or "
				"--block-socket",
				NULL);
	} else if (strncmp(o->bridge, "vpcd:", 5) != 0 &&
		   strncmp(o->bridge, "replay:", 7) != 0) {
		return usage("--bridge wants vpcd:PORT, t1:PATH or replay:FILE", o->bridge);
	}
	return -1;
}

int options_parse(int argc, char **argv, struct options *o, struct card_profile *card,
		  const char **state_path)
{
	struct option all[FIXED + BUS_FLAGS + 1];
	int opt, ret;

	memcpy(all, fixed, sizeof(fixed));
	for (size_t i = 0; i < BUS_FLAGS; i++)
		all[FIXED + i] = (struct option){bus_flags[i].name, no_argument, NULL,
						 OPT_BUS_FLAG + (int)i};
	all[FIXED + BUS_FLAGS] = (struct option){0};
	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":h", all, NULL)) != -1) {
		ret = take(opt, argv[optind - 1], o, card, state_path);
		if (ret >= 0)
			return ret;
	}
	if (optind < argc)
		return usage("unexpected argument", argv[optind]);
	return check(o, *state_path);
}
