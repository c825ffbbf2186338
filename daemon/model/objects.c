// SPDX-License-Identifier: Apache-2.0
/*
 * The table. Objects 0, 1 and 3 list what we have of them (OMA LwM2M core, 1.1,
 * appendix E); 26241 and 26242 are whole.
 */
#include <limits.h>

#include "model/model.h"

#define ROOM(a) (sizeof(a) / sizeof((a)[0]))

static const struct model_resource security[] = {
	{.id = 0,
	 .name = "LWM2M Server URI",
	 .type = MODEL_STRING,
	 .mandatory = true,
	 .min = 0,
	 .max = 255,
	 .range = "0-255 bytes",
	 .description = "Address of the server."},
	{.id = 1,
	 .name = "Bootstrap-Server",
	 .type = MODEL_BOOLEAN,
	 .mandatory = true,
	 .description = "True for a bootstrap server."},
	{.id = 2,
	 .name = "Security Mode",
	 .type = MODEL_INTEGER,
	 .mandatory = true,
	 .min = 0,
	 .max = 4,
	 .range = "0-4",
	 .description = "0 pre-shared key, 3 none."},
	{.id = 10,
	 .name = "Short Server ID",
	 .type = MODEL_INTEGER,
	 .min = 1,
	 .max = 65534,
	 .range = "1-65534",
	 .description = "Links this account to its Server instance."},
};

static const struct model_resource server[] = {
	{.id = 0,
	 .name = "Short Server ID",
	 .ops = MODEL_R,
	 .type = MODEL_INTEGER,
	 .mandatory = true,
	 .min = 1,
	 .max = 65534,
	 .range = "1-65534",
	 .description = "Number of the server within this device."},
	{.id = 1,
	 .name = "Lifetime",
	 .ops = MODEL_RW,
	 .type = MODEL_INTEGER,
	 .mandatory = true,
	 .min = 1,
	 .max = UINT32_MAX,
	 .units = "s",
	 .description = "Lifetime of the registration."},
	{.id = 2,
	 .name = "Default Minimum Period",
	 .ops = MODEL_RW,
	 .type = MODEL_INTEGER,
	 .min = 0,
	 .max = UINT32_MAX,
	 .units = "s",
	 .description = "pmin of an observation that has none of its own."},
	{.id = 3,
	 .name = "Default Maximum Period",
	 .ops = MODEL_RW,
	 .type = MODEL_INTEGER,
	 .min = 0,
	 .max = UINT32_MAX,
	 .units = "s",
	 .description = "pmax of an observation that has none of its own; 0: none."},
	{.id = 6,
	 .name = "Notification Storing When Disabled or Offline",
	 .ops = MODEL_RW,
	 .type = MODEL_BOOLEAN,
	 .mandatory = true,
	 .description = "Whether what happens while the server is away is told later."},
	{.id = 7,
	 .name = "Binding",
	 .ops = MODEL_RW,
	 .type = MODEL_STRING,
	 .mandatory = true,
	 .min = 1,
	 .max = 8,
	 .description = "U: CoAP over UDP."},
	{.id = 8,
	 .name = "Registration Update Trigger",
	 .ops = MODEL_E,
	 .mandatory = true,
	 .description = "Sends an Update."},
};

static const struct model_resource device[] = {
	{.id = 0, .name = "Manufacturer", .ops = MODEL_R, .type = MODEL_STRING},
	{.id = 1, .name = "Model Number", .ops = MODEL_R, .type = MODEL_STRING},
	{.id = 2, .name = "Serial Number", .ops = MODEL_R, .type = MODEL_STRING},
	{.id = 3, .name = "Firmware Version", .ops = MODEL_R, .type = MODEL_STRING},
	{.id = 11,
	 .name = "Error Code",
	 .ops = MODEL_R,
	 .type = MODEL_INTEGER,
	 .multiple = true,
	 .mandatory = true,
	 .min = 0,
	 .max = 8,
	 .range = "0-8",
	 .description = "0: no error."},
	{.id = 13, .name = "Current Time", .ops = MODEL_R, .type = MODEL_TIME},
	{.id = 16,
	 .name = "Supported Binding and Modes",
	 .ops = MODEL_R,
	 .type = MODEL_STRING,
	 .mandatory = true},
};

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

static const struct model_object objects[] = {
	{
		.id = MODEL_OBJECT_SECURITY,
		.name = "LWM2M Security",
		.urn = "urn:oma:lwm2m:oma:0",
		.version = "1.0",
		.lwm2m_version = "1.0",
		.multiple = true,
		.mandatory = true,
		.description = "Server accounts. No server may read them.",
		.resources = security,
		.nr = ROOM(security),
	},
	{
		.id = MODEL_OBJECT_SERVER,
		.name = "LwM2M Server",
		.urn = "urn:oma:lwm2m:oma:1",
		.version = "1.0",
		.lwm2m_version = "1.0",
		.multiple = true,
		.mandatory = true,
		.description = "How the device behaves to a server.",
		.resources = server,
		.nr = ROOM(server),
	},
	{
		.id = MODEL_OBJECT_DEVICE,
		.name = "Device",
		.urn = "urn:oma:lwm2m:oma:3",
		.version = "1.0",
		.lwm2m_version = "1.0",
		.mandatory = true,
		.description = "The device.",
		.resources = device,
		.nr = ROOM(device),
	},
	{
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
		.nr = ROOM(se),
	},
	{
		.id = MODEL_OBJECT_SCRIPT,
		.name = "SE Script",
		.urn = "urn:oma:lwm2m:x:26242",
		.version = "1.0",
		.lwm2m_version = "1.0",
		.multiple = true,
		.description =
			"A stream of commands (APDUs) for an application of a secure element, "
			"and "
			"its answer. Write Command Script, execute Run, observe State or "
			"Response "
			"Script, execute Clear. No command is ever sent to the secure element "
			"twice; after an interruption Executed and Outcome tell what is known. "
			"Project-defined; the object number is not registered.",
		.resources = script,
		.nr = ROOM(script),
	},
};

const struct model_object *model_objects(size_t *nr)
{
	*nr = ROOM(objects);
	return objects;
}

const struct model_object *model_object(uint16_t id)
{
	for (size_t i = 0; i < ROOM(objects); i++)
		if (objects[i].id == id)
			return &objects[i];
	return NULL;
}

const struct model_resource *model_resource(const struct model_object *object, uint16_t id)
{
	for (size_t i = 0; i < object->nr; i++)
		if (object->resources[i].id == id)
			return &object->resources[i];
	return NULL;
}
