// SPDX-License-Identifier: Apache-2.0
/* Our own objects: 26241 Secure Element, 26242 SE Script, 26243 SE Application. */
#include <limits.h>

#include "model/tables.h"

static const struct model_resource se[] = {
	{.id = MODEL_SE_ID,
	 .name = "SE Identifier",
	 .ops = MODEL_R,
	 .type = MODEL_STRING,
	 .mandatory = true,
	 .min = 1,
	 .max = MODEL_SE_NAME_MAX,
	 .range = "1-31 bytes",
	 .description = "Name of the secure element in this device, for example se0."},
	{.id = MODEL_SE_TYPE,
	 .name = "SE Type",
	 .ops = MODEL_R,
	 .type = MODEL_STRING,
	 .mandatory = true,
	 .range = "eSE, iSE, uicc, euicc, ieuicc",
	 .description =
		 "Kind of secure element: embedded, integrated, UICC, eUICC or integrated "
		 "eUICC."},
	{.id = MODEL_SE_LIFE_CYCLE,
	 .name = "Card Life Cycle",
	 .ops = MODEL_R,
	 .type = MODEL_INTEGER,
	 .min = 1,
	 .max = 255,
	 .range = "1,7,15,127,255",
	 .description =
		 "Life cycle state of the card as GlobalPlatform codes it: 1 OP_READY, 7 "
		 "INITIALIZED, 15 SECURED, 127 CARD_LOCKED, 255 TERMINATED. Absent while "
		 "unknown: many cards tell it only to an authenticated party."},
	{.id = MODEL_SE_STATE,
	 .name = "State",
	 .ops = MODEL_R,
	 .type = MODEL_INTEGER,
	 .mandatory = true,
	 .min = 0,
	 .max = 4,
	 .range = "0-4",
	 .description = "0 off, 1 idle, 2 busy, 3 recovering, 4 dead."},
	{.id = MODEL_SE_GENERATION,
	 .name = "Generation",
	 .ops = MODEL_R,
	 .type = MODEL_INTEGER,
	 .mandatory = true,
	 .description = "Moves each time the secure element may have lost its volatile state "
			"(sessions, open channels). Two equal values mean that it did not."},
	{.id = MODEL_SE_CIP,
	 .name = "ATR or CIP",
	 .ops = MODEL_R,
	 .type = MODEL_OPAQUE,
	 .min = 0,
	 .max = SE_CIP_MAX,
	 .range = "0-128 bytes",
	 .description =
		 "What the secure element said of its interface at start-up: the answer to "
		 "reset, or the communication interface parameters of T=1' (GPC_SPE_172)."},
	{.id = MODEL_SE_FREE_MEMORY,
	 .name = "Free Memory",
	 .ops = MODEL_R,
	 .type = MODEL_INTEGER,
	 .units = "B",
	 .description =
		 "Non-volatile memory left (GET DATA FF21, tag 82). Absent while unknown."},
	{.id = MODEL_SE_APPLICATIONS,
	 .name = "Applications",
	 .ops = MODEL_R,
	 .type = MODEL_OPAQUE,
	 .multiple = true,
	 .min = 0,
	 .max = MODEL_SE_RECORD_MAX,
	 .range = "0-128 bytes",
	 .description =
		 "One registry entry each, as a GlobalPlatform E3 TLV: 4F the AID and, where "
		 "the card told it, 9F70 the life cycle, C5 the privileges. The instance "
		 "numbers mean nothing."},
	{.id = MODEL_SE_RESET,
	 .name = "Reset",
	 .ops = MODEL_E,
	 .description =
		 "Resets the secure element by its reset line, or where there is none by its "
		 "own "
		 "software reset. Waits for the script that runs; Generation moves when it is "
		 "done, Error tells a failure. Channels that scripts left open are gone."},
	{.id = MODEL_SE_REFRESH,
	 .name = "Refresh",
	 .ops = MODEL_E,
	 .description = "Reads Card Life Cycle, Free Memory, Applications and Identity anew."},
	{.id = MODEL_SE_IDENTITY,
	 .name = "Identity",
	 .ops = MODEL_R,
	 .type = MODEL_OPAQUE,
	 .min = 0,
	 .max = MODEL_SE_IDENTITY_MAX,
	 .range = "0-128 bytes",
	 .description =
		 "Issuer (tag 42) and card image (tag 45) numbers, the TLVs that GET DATA "
		 "gave, one after the other."},
	{.id = MODEL_SE_ERROR,
	 .name = "Error",
	 .ops = MODEL_R,
	 .type = MODEL_STRING,
	 .min = 0,
	 .max = MODEL_SE_ERROR_MAX,
	 .range = "0-159 bytes",
	 .description = "The last error of this secure element in words; empty if none."},
};

static const struct model_resource script[] = {
	{.id = MODEL_SCRIPT_SE,
	 .name = "Secure Element",
	 .ops = MODEL_RW,
	 .type = MODEL_OBJLNK,
	 .mandatory = true,
	 .description = "The instance of object 26241 that the script is for."},
	{.id = MODEL_SCRIPT_AID,
	 .name = "Target AID",
	 .ops = MODEL_RW,
	 .type = MODEL_OPAQUE,
	 .min = 0,
	 .max = SE_AID_MAX,
	 .range = "0 or 5-16 bytes",
	 .description = "Application to select before the first command. Empty: the default "
			"application, on a GlobalPlatform card the issuer security domain."},
	{.id = MODEL_SCRIPT_COMMAND,
	 .name = "Command Script",
	 .ops = MODEL_W,
	 .type = MODEL_OPAQUE,
	 .mandatory = true,
	 .description =
		 "Script in the expanded remote format of ETSI TS 102 226 (AA, AE). It may be "
		 "written in blocks of any number. Writing replaces what was there; refused "
		 "while a script is queued or runs or its result waits for Clear."},
	{.id = MODEL_SCRIPT_RUN,
	 .name = "Run",
	 .ops = MODEL_E,
	 .mandatory = true,
	 .description =
		 "Queues the script. Refused if there is none, or as in Command Script."},
	{.id = MODEL_SCRIPT_STATE,
	 .name = "State",
	 .ops = MODEL_R,
	 .type = MODEL_INTEGER,
	 .mandatory = true,
	 .min = 0,
	 .max = 7,
	 .range = "0-7",
	 .description =
		 "0 idle, 1 queued, 2 running, 3 done, 4 failed, 5 unknown (it is not known "
		 "whether the last command was executed), 6 cancelled, 7 expired."},
	{.id = MODEL_SCRIPT_EXECUTED,
	 .name = "Executed",
	 .ops = MODEL_R,
	 .type = MODEL_INTEGER,
	 .mandatory = true,
	 .min = 0,
	 .max = INT32_MAX,
	 .description = "Number of commands that the secure element has certainly executed."},
	{.id = MODEL_SCRIPT_TOTAL,
	 .name = "Total",
	 .ops = MODEL_R,
	 .type = MODEL_INTEGER,
	 .mandatory = true,
	 .min = 0,
	 .max = INT32_MAX,
	 .description = "Number of commands in the script."},
	{.id = MODEL_SCRIPT_RESPONSE,
	 .name = "Response Script",
	 .ops = MODEL_R,
	 .type = MODEL_OPAQUE,
	 .mandatory = true,
	 .description =
		 "The answer, in the format that belongs to the command script (AB, AF). Kept "
		 "until Clear. One of more than 32768 bytes is left out when more than this "
		 "resource is read."},
	{.id = MODEL_SCRIPT_RESULT,
	 .name = "Result",
	 .ops = MODEL_R,
	 .type = MODEL_STRING,
	 .mandatory = true,
	 .description = "A short code: ok, script-format-error, no-application, channel-lost, "
			"se-gone, interrupted and so on; empty before the end."},
	{.id = MODEL_SCRIPT_DETAIL,
	 .name = "Result Detail",
	 .ops = MODEL_R,
	 .type = MODEL_STRING,
	 .description = "The same in words: what happened, where, what to try."},
	{.id = MODEL_SCRIPT_CANCEL,
	 .name = "Cancel",
	 .ops = MODEL_E,
	 .description = "Ends the script after the command that is being executed."},
	{.id = MODEL_SCRIPT_CLEAR,
	 .name = "Clear",
	 .ops = MODEL_E,
	 .mandatory = true,
	 .description =
		 "Acknowledges the result: script, response and result are dropped. Refused "
		 "while the script is queued or runs."},
	{.id = MODEL_SCRIPT_KEEP_CHANNEL,
	 .name = "Keep Channel",
	 .ops = MODEL_RW,
	 .type = MODEL_BOOLEAN,
	 .description =
		 "True: the logical channel stays open after the script, and the next script "
		 "of this instance goes on in it. For dialogues of more than one script, such "
		 "as the opening of a secure channel."},
	{.id = MODEL_SCRIPT_DEADLINE,
	 .name = "Deadline",
	 .ops = MODEL_RW,
	 .type = MODEL_INTEGER,
	 .min = 0,
	 .max = 86400 * 365,
	 .range = "0-31536000",
	 .units = "s",
	 .description =
		 "Time after Run at which a script that has not ended is stopped; 0: none."},
	{.id = MODEL_SCRIPT_LAST_SW,
	 .name = "Last Status Word",
	 .ops = MODEL_R,
	 .type = MODEL_INTEGER,
	 .min = 0,
	 .max = 65535,
	 .range = "0-65535",
	 .description = "Status word of the last command that was executed; 0 if none was."},
	{.id = MODEL_SCRIPT_JOB,
	 .name = "Job",
	 .ops = MODEL_R,
	 .type = MODEL_STRING,
	 .description = "Number of the job in the journal of the device."},
	{.id = MODEL_SCRIPT_OUTCOME,
	 .name = "Outcome",
	 .ops = MODEL_R,
	 .type = MODEL_INTEGER,
	 .min = 0,
	 .max = 2,
	 .range = "0-2",
	 .description = "What is known of the command at which the script was interrupted: 0 "
			"not sent, "
			"1 executed, 2 unknown. 1 if it was not interrupted."},
};

static const struct model_resource app[] = {
	RES(MODEL_APP_SE, "Secure Element", MODEL_R, MODEL_OBJLNK, MUST,
	    SAYS("Instance of 26241 that it is on.")),
	RES(MODEL_APP_AID, "AID", MODEL_R, MODEL_OPAQUE, MUST, BYTES(0, 16),
	    SAYS("Its AID; empty for an issuer security domain that does not tell it.")),
	RES(MODEL_APP_KIND, "Kind", MODEL_R, MODEL_INTEGER, MUST, SPAN(0, 3),
	    SAYS("0 issuer security domain, 1 security domain, 2 application, 3 load file.")),
	RES(MODEL_APP_LIFE_CYCLE, "Life Cycle", MODEL_R, MODEL_INTEGER, SPAN(0, 255),
	    SAYS("As GlobalPlatform codes it: of a load file 1 LOADED; of the others 3 "
		 "INSTALLED, 7 "
		 "SELECTABLE, 15 PERSONALIZED, 128 and up LOCKED, between them the "
		 "application's own. Absent while unknown.")),
	RES(MODEL_APP_PRIVILEGES, "Privileges", MODEL_R, MODEL_OPAQUE, BYTES(0, 3),
	    SAYS("Three bytes. Absent while unknown.")),
	RES(MODEL_APP_PARENT, "Parent", MODEL_R, MODEL_OBJLNK,
	    SAYS("The security domain that it belongs to, an instance of this object.")),
	RES(MODEL_APP_LOAD_FILE, "Load File", MODEL_R, MODEL_OBJLNK,
	    SAYS("The load file that it was made from, an instance of this object.")),
	RES(MODEL_APP_MODULES, "Modules", MODEL_R, MODEL_OPAQUE, MANY, BYTES(0, 16),
	    SAYS("AIDs of the modules of a load file: what Install can make instances of.")),
	RES(MODEL_APP_VERSION, "Version", MODEL_R, MODEL_OPAQUE, BYTES(0, 8),
	    SAYS("Version of a load file.")),
	RES(MODEL_APP_LOCKED, "Locked", MODEL_R, MODEL_BOOLEAN,
	    SAYS("Whether it is locked. Absent while unknown.")),
	RES(MODEL_APP_LOCK, "Lock", MODEL_E, MODEL_NONE,
	    SAYS("Locks it. Argument 0: a security domain with all of its applications.")),
	RES(MODEL_APP_UNLOCK, "Unlock", MODEL_E, MODEL_NONE, SAYS("Argument as Lock.")),
	RES(MODEL_APP_MAKE_SELECTABLE, "Make Selectable", MODEL_E, MODEL_NONE,
	    SAYS("An application that was installed only.")),
	RES(MODEL_APP_EXTRADITE, "Extradite", MODEL_E, MODEL_NONE,
	    SAYS("Gives it to another security domain. Argument 0: its AID, hexadecimal; or 1: "
		 "its "
		 "instance of this object.")),
	RES(MODEL_APP_PERSONALISE, "Personalise", MODEL_E, MODEL_NONE,
	    SAYS("Gives Data to the application through its security domain.")),
	RES(MODEL_APP_DELETE, "Delete", MODEL_E, MODEL_NONE,
	    SAYS("Deletes it from the card. Argument 0: with what belongs to it.")),
	RES(MODEL_APP_INSTALL, "Install", MODEL_E, MODEL_NONE,
	    SAYS("Makes an instance of a module of this load file; on an issuer security "
		 "domain: a "
		 "new security domain. Arguments, hexadecimal: 0 the module, needed where "
		 "there "
		 "are several; 1 AID, that of the module otherwise; 2 privileges, one or three "
		 "bytes; 3 parameters (contents of C9). 4: not selectable yet.")),
	RES(MODEL_APP_DATA, "Data", MODEL_W, MODEL_OPAQUE, BYTES(0, 4096),
	    SAYS("For Personalise. Used up by it.")),
	RES(MODEL_APP_DATA_FORM, "Data Form", MODEL_RW, MODEL_INTEGER, SPAN(0, 2),
	    SAYS("How Data are coded: 0 not told, 1 DGI, 2 BER-TLV.")),
	RES(MODEL_APP_TOKEN, "Token", MODEL_W, MODEL_OPAQUE, BYTES(0, 512),
	    SAYS("Token of the owner of the card for the next operation, which uses it up.")),
	RES(MODEL_APP_KEY_SET, "Key Set", MODEL_RW, MODEL_STRING, BYTES(0, 31),
	    SAYS("Name of the key set of the device that operations are done with. The policy "
		 "of "
		 "this server must have it. Empty: none, so only with what the card lets "
		 "anybody "
		 "do.")),
	RES(MODEL_APP_SECURITY_DOMAIN, "Security Domain", MODEL_RW, MODEL_OPAQUE, BYTES(0, 16),
	    SAYS("AID of the domain whose keys these are; empty: the one that the card selects "
		 "by "
		 "itself.")),
	RES(MODEL_APP_STATE, "Operation State", MODEL_R, MODEL_INTEGER, MUST, SPAN(0, 7),
	    SAYS("Of the last operation of this server: 0 none, 1 queued, 2 running, 3 done, 4 "
		 "failed, 5 unknown (what the card did is not known), 6 cancelled, 7 "
		 "expired.")),
	RES(MODEL_APP_RESULT, "Result", MODEL_R, MODEL_STRING,
	    SAYS("Its result as a short code: ok, status-word, policy, no-such-keyset and so "
		 "on; "
		 "empty before the end.")),
	RES(MODEL_APP_DETAIL, "Result Detail", MODEL_R, MODEL_STRING,
	    SAYS("The same in words.")),
	RES(MODEL_APP_EXECUTED, "Executed", MODEL_R, MODEL_INTEGER, .min = 0, .max = INT32_MAX,
	    SAYS("Commands that the secure element has executed for it.")),
	RES(MODEL_APP_TOTAL, "Total", MODEL_R, MODEL_INTEGER, .min = 0, .max = INT32_MAX,
	    SAYS("How many there will be, as far as is known.")),
	RES(MODEL_APP_LAST_SW, "Last Status Word", MODEL_R, MODEL_INTEGER, SPAN(0, 65535),
	    SAYS("Of the last command that was executed; 0 if none was.")),
	RES(MODEL_APP_JOB, "Job", MODEL_R, MODEL_STRING,
	    SAYS("Number of the job in the journal of the device.")),
	RES(MODEL_APP_CANCEL, "Cancel", MODEL_E, MODEL_NONE,
	    SAYS("Ends the operation after the command that is being executed.")),
	RES(MODEL_APP_RESUME, "Resume", MODEL_E, MODEL_NONE,
	    SAYS("Does what is missing of an operation that ended early; the card is asked "
		 "first.")),
	RES(MODEL_APP_ROLL_BACK, "Roll Back", MODEL_E, MODEL_NONE,
	    SAYS("Undoes what the operation has done.")),
	RES(MODEL_APP_CLEAR, "Clear", MODEL_E, MODEL_NONE,
	    SAYS("Acknowledges the result, and drops it.")),
};

const struct model_object model_object_se = {
	.id = MODEL_OBJECT_SE,
	.name = "Secure Element",
	.urn = "urn:oma:lwm2m:x:26241",
	.version = "1.0",
	.lwm2m_version = "1.0",
	.multiple = true,
	.description = "A secure element of the device: what it is and how it is. One "
		       "instance "
		       "each. Project-defined; the object number is not registered.",
	.resources = se,
	.nr = NR(se),
};

const struct model_object model_object_script = {
	.id = MODEL_OBJECT_SCRIPT,
	.name = "SE Script",
	.urn = "urn:oma:lwm2m:x:26242",
	.version = "1.0",
	.lwm2m_version = "1.0",
	.multiple = true,
	.description = "A stream of commands (APDUs) for an application of a secure element, "
		       "and "
		       "its answer. Write Command Script, execute Run, observe State or "
		       "Response "
		       "Script, execute Clear. No command is ever sent to the secure element "
		       "twice; after an interruption Executed and Outcome tell what is known. "
		       "Project-defined; the object number is not registered.",
	.resources = script,
	.nr = NR(script),
};

const struct model_object model_object_app = {
	.id = MODEL_OBJECT_APP,
	.name = "SE Application",
	.urn = "urn:oma:lwm2m:x:26243",
	.version = "1.0",
	.lwm2m_version = "1.0",
	.multiple = true,
	.description =
		"What is on a secure element: an instance for each load file, security domain "
		"and application. Execute an operation, observe Operation State, execute "
		"Clear. The operations, key sets and AIDs that a server may use are those of "
		"its policy. Project-defined; the object number is not registered.",
	.resources = app,
	.nr = NR(app),
};
