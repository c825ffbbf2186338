// SPDX-License-Identifier: Apache-2.0
/* The options: one row, one option. */
#include <string.h>

#include "sectl/sectl.h"

#define SOCKET_DEFAULT "/run/sesame/io.sesame.Manager"

struct options opt = {.socket = SOCKET_DEFAULT, .se = "se0"};

static int take_json(const char *value)
{
	if (value && strcmp(value, "short") && strcmp(value, "pretty"))
		return fail(EXIT_USAGE, "usage", "--json=short or --json=pretty",
			    "--json=%s: there is no such form", value);
	opt.json = true;
	opt.json_pretty = value && !strcmp(value, "pretty");
	return EXIT_OK;
}

static int take_keys(const char *value)
{
	if (opt.nr_keys == SECTL_KEYS_MAX)
		return fail(EXIT_USAGE, "usage", NULL, "more than %d times --keys",
			    SECTL_KEYS_MAX);
	opt.keys[opt.nr_keys++] = value;
	return EXIT_OK;
}

const struct option_def options[] = {
	{.name = "json",
	 .letter = 'j',
	 .value = "[=short|pretty]",
	 .take = take_json,
	 .help = "JSON on standard output, errors too"},
	{.name = "no-legend", .flag = &opt.no_legend, .help = "no headings over tables"},
	{.name = "socket",
	 .value = "PATH",
	 .text = &opt.socket,
	 .help = "semd's control socket"},
	{.name = "debug",
	 .letter = 'd',
	 .flag = &opt.debug,
	 .help = "each APDU with status word and time, on stderr"},
	{.name = "show-payload",
	 .flag = &opt.show_payload,
	 .help = "do not redact data in -d and --trace"},
	{.name = "trace",
	 .value = "FILE",
	 .text = &opt.trace,
	 .help = "capture of the APDUs for Wireshark (pcapng)"},
	{.name = "help", .letter = 'h', .help = "this text"},

	{.name = "se",
	 .value = "TARGET",
	 .groups = OPT_TARGET,
	 .text = &opt.se,
	 .help = "se0, socket:PATH, pcsc:READER, semd:se0 (se0)"},
	{.name = "keys",
	 .value = "SOURCE",
	 .groups = OPT_SD,
	 .take = take_keys,
	 .help = "file:PATH, fd:N, credential:NAME, pkcs11:URI"},
	{.name = "keyset",
	 .value = "NAME",
	 .groups = OPT_SD,
	 .text = &opt.keyset,
	 .help = "which of the key sets (the only one)"},
	{.name = "sd",
	 .value = "AID",
	 .groups = OPT_SD,
	 .text = &opt.sd,
	 .help = "security domain to talk to (the issuer's)"},
	{.name = "scp",
	 .value = "02|03|11a|…",
	 .groups = OPT_SD,
	 .text = &opt.scp,
	 .help = "protocol (what the card offers)"},
	{.name = "level",
	 .value = "LEVEL",
	 .groups = OPT_SD,
	 .text = &opt.level,
	 .help = "mac, enc, rmac or renc (the best there is)"},
	{.name = "retry-authentication",
	 .groups = OPT_SD,
	 .flag = &opt.retry_authentication,
	 .help = "although the last attempt failed"},
	{.name = "dry-run",
	 .letter = 'n',
	 .groups = OPT_DRY,
	 .flag = &opt.dry_run,
	 .help = "only say what would be done"},
	{.name = "yes",
	 .letter = 'y',
	 .groups = OPT_CONFIRM,
	 .flag = &opt.yes,
	 .help = "do not ask what can be undone"},
	{.name = "confirm",
	 .value = "WORDS",
	 .groups = OPT_CONFIRM,
	 .text = &opt.confirm,
	 .help = "the words that would have to be typed"},
	{.name = "aid",
	 .value = "HEX",
	 .groups = OPT_AID,
	 .text = &opt.aid,
	 .help = "application (the card's default one)"},
	{.name = "keep-channel",
	 .groups = OPT_SCRIPT,
	 .flag = &opt.keep_channel,
	 .help = "leave it open for the next script (semd)"},
	{.name = "token",
	 .value = "N",
	 .groups = OPT_SCRIPT,
	 .number = &opt.dialogue,
	 .help = "names the dialogue of these scripts (semd)"},
	{.name = "deadline",
	 .value = "SECONDS",
	 .groups = OPT_SCRIPT,
	 .number = &opt.deadline,
	 .help = "give up after that time"},
	{.name = "compact",
	 .groups = OPT_SCRIPT,
	 .flag = &opt.compact,
	 .help = "the file is in compact, not expanded format"},
	{.name = "keep-job",
	 .groups = OPT_SCRIPT,
	 .flag = &opt.keep_job,
	 .help = "leave the job in the journal (semd)"},
	{.name = "from",
	 .value = "FORM",
	 .groups = OPT_FROM,
	 .text = &opt.from,
	 .help = "expanded, compact or text (as it looks)"},
	{.name = "to",
	 .value = "FORM",
	 .groups = OPT_TO,
	 .text = &opt.format,
	 .help = "expanded, compact or text (text)"},
	{.name = "output",
	 .value = "FILE",
	 .groups = OPT_OUTPUT,
	 .text = &opt.output,
	 .help = "where it goes (standard output)"},
	{.name = "blocks",
	 .groups = OPT_BLOCKS,
	 .flag = &opt.blocks,
	 .help = "headers of blocks instead (root)"},
	{.name = "level",
	 .value = "LEVEL",
	 .groups = OPT_RESET,
	 .text = &opt.level,
	 .help = "resynch, software, line, power (line, software)"},
};
const size_t nr_options = sizeof(options) / sizeof(options[0]);
