// SPDX-License-Identifier: Apache-2.0
/* The table: one row, one verb. Help, completion, dispatch and the tests come from it. */
#include "sectl/sectl.h"

const struct noun nouns[] = {
	{"se", "the secure elements of this machine"},
	{"apdu", "commands of one's own"},
	{"script", "ETSI TS 102 226 scripts"},
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
