// SPDX-License-Identifier: Apache-2.0
/* The table: one row, one verb. Help, completion, dispatch and the tests come from it. */
#include "sectl/sectl.h"

const struct noun nouns[] = {
	{"se", "the secure elements of this machine"},
	{"apdu", "commands of one's own"},
	{"script", "ETSI TS 102 226 scripts"},
	{"cap", "Java Card packages; no card needed"},
	{"token", "tokens of delegated management; no card needed"},
	{"dap", "signatures over packages; no card needed"},
	{"monitor", "what happens, while it happens"},
	{"trace", "the same on the wire, for Wireshark"},
	{"status", "semd and its management servers"},
	{"jobs", "semd's journal"},
	{"help", "this, one verb, or all of it for programs"},
};
const size_t nr_nouns = sizeof(nouns) / sizeof(nouns[0]);

const struct verb verbs[] = {
	{"se", "list", "list", "", 0, 0, 0, verb_se_list, "secure elements that the driver has",
	 NULL, "sectl list --json"},
	{"se", "info", "info", "[SE]", 0, 1, OPT_TARGET, verb_se_info,
	 "what one is: link, sizes, CIP or ATR, counters", NULL, "sectl info se0"},
	{"se", "stats", NULL, "[SE]", 0, 1, OPT_TARGET, verb_se_stats,
	 "its counters and histograms", NULL, "sectl se stats se0"},
	{"se", "reset", "reset", "[SE]", 0, 1, OPT_TARGET | OPT_RESET | OPT_DRY, verb_se_reset,
	 "reset it, past semd: everybody's channels are gone", NULL,
	 "sectl reset se0 --level=line"},

	{"apdu", NULL, NULL, "[SE] HEX…|-", 1, 256, OPT_TARGET | OPT_AID | OPT_DRY, verb_apdu,
	 "send C-APDUs on a channel of their own, past semd",
	 "They run as one stream until one is answered by an error. \"-\" reads them from\n"
	 "standard input, one a line: arguments can be seen by everybody, a PIN goes there.\n",
	 "sectl apdu se0 80CA006600"},

	{"script", "run", NULL, "FILE|-", 1, 1,
	 OPT_TARGET | OPT_AID | OPT_SCRIPT | OPT_FROM | OPT_DRY, verb_script_run,
	 "run a script and show what came",
	 "TS 102 226 (expanded or compact) or one C-APDU in hex a line. With --se=semd:NAME "
	 "semd\n"
	 "runs it as a job, which is acknowledged once it is shown.\n",
	 "sectl script run identity.bin --se=semd:se0 --aid=A000000151000000"},
	{"script", "convert", NULL, "FILE|-", 1, 1, OPT_FROM | OPT_TO | OPT_OUTPUT,
	 verb_script_convert, "one form of a script into another, offline", NULL,
	 "sectl script convert apdus.txt --to=expanded --output=identity.bin"},

	{"cap", "info", NULL, "FILE", 1, 1, OPT_CAP, verb_cap_info,
	 "what is in a CAP, .ijc or load file", NULL, "sectl cap info wallet.cap"},
	{"token", "data", NULL, "COMMAND…|-", 1, 16, OPT_OUTPUT, verb_token_data,
	 "what a token for an INSTALL or DELETE command signs",
	 "The bytes of GPCS C.4, to be signed anywhere. Two commands: load, install and make\n"
	 "selectable. \"-\" reads commands from standard input, one a line.\n",
	 "sectl token data 80E400000A4F08F0534553414D450100 --output=to-sign.bin"},
	{"token", "sign", NULL, "COMMAND…|-", 1, 16, OPT_KEY | OPT_OUTPUT, verb_token_sign,
	 "make the token with a [key NAME] that has use=token", NULL,
	 "sectl token sign - --keys=file:issuer.keys --output=load.token <load.hex"},
	{"token", "verify", NULL, "COMMAND…|-", 1, 16, OPT_KEY | OPT_TOKEN, verb_token_verify,
	 "is a token right?", NULL,
	 "sectl token verify - --token=load.token --keys=file:issuer.keys <load.hex"},
	{"dap", "sign", NULL, "FILE", 1, 1, OPT_KEY | OPT_DAP | OPT_CAP | OPT_OUTPUT,
	 verb_dap_sign, "a DAP block for a package, with a [key NAME] that has use=dap", NULL,
	 "sectl dap sign wallet.cap --sd=A00000015153534401 --keys=file:app.keys"},
	{"dap", "verify", NULL, "FILE BLOCK", 2, 2, OPT_KEY | OPT_CAP, verb_dap_verify,
	 "is a DAP block right?", NULL,
	 "sectl dap verify wallet.cap wallet.dap --keys=file:app.keys"},

	{"monitor", NULL, NULL, "", 0, 0, OPT_BLOCKS, verb_monitor,
	 "the driver's events, until interrupted", NULL, "sectl monitor --json"},
	{"trace", NULL, NULL, "FILE", 1, 1, 0, verb_trace,
	 "headers of the blocks on the wire into a capture",
	 "Until interrupted. Of the data in the blocks nothing is told by the driver; what "
	 "sectl\n"
	 "itself exchanges goes into a capture with --trace=FILE at the verb that does it.\n",
	 "sectl trace wire.pcapng"},
	{"status", NULL, NULL, "", 0, 0, 0, verb_status, "semd and its management servers",
	 NULL, "sectl status"},

	{"jobs", "list", NULL, "", 0, 0, 0, verb_jobs_list, "semd's journal", NULL,
	 "sectl jobs list"},
	{"jobs", "show", NULL, "ID", 1, 1, 0, verb_jobs_show,
	 "one job, its APDUs and its response", NULL, "sectl jobs show 12"},
	{"jobs", "cancel", NULL, "ID", 1, 1, 0, verb_jobs_cancel,
	 "stop a job between two APDUs", NULL, "sectl jobs cancel 12"},
	{"jobs", "ack", NULL, "ID", 1, 1, 0, verb_jobs_ack,
	 "drop the result of a job that has ended", NULL, "sectl jobs ack 12"},

	{"help", NULL, NULL, "[NOUN [VERB]]", 0, 2, 0, verb_help,
	 "how it is used; with --json the whole table", NULL, "sectl help se reset"},
};
const size_t nr_verbs = sizeof(verbs) / sizeof(verbs[0]);
