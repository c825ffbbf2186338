// SPDX-License-Identifier: Apache-2.0
/* Description of the Secure Element MO (Documentation/dm/secure-element-mo.rst). */
#include "model/model.h"
#include "model/mo-se.h"
#include "model/mo.h"

#define LEAF(n, f, a, i, ...) MO_LEAF(n, f, a, MO_ID(i), .permanent = true, __VA_ARGS__)
#define MAYBE(n, f, i, ...) \
	MO_LEAF(n, f, MO_GET, MO_ID(i), .occurs = MO_ZERO_OR_ONE, __VA_ARGS__)
#define GROUP(n, below, i, ...) \
	MO_INTERIOR(n, MO_GET, below, MO_ID(i), .permanent = true, __VA_ARGS__)
#define MANY(below, a, i, ...) \
	MO_INTERIOR(NULL, a, below, MO_ID(i), .occurs = MO_ZERO_OR_MORE, __VA_ARGS__)
#define EXEC(n, op, d)                                                            \
	MO_LEAF(n, MO_NULL, MO_EXEC, MO_ID((int)MO_SE_EXEC + (int)MO_SE_OP_##op), \
		.permanent = true, MO_SAYS(d))
#define AID MO_SPAN(0, 16)

/* ---- what is alike at all carriers ------------------------------------------------- */

static const struct mo_node report[] = {
	LEAF("Operation", MO_CHR, MO_GET, MO_SE_R_OPERATION,
	     MO_SAYS("Name of the last operation; empty: none.")),
	LEAF("Server", MO_CHR, MO_GET, MO_SE_R_SERVER,
	     MO_SAYS("Identifier of the server that executed it.")),
	LEAF("Correlator", MO_CHR, MO_GET, MO_SE_R_CORRELATOR,
	     MO_SAYS("Correlator of its Exec; empty: it had none.")),
	LEAF("Result", MO_CHR, MO_GET, MO_SE_R_RESULT,
	     MO_SAYS("Short code of the client, for example ok, status-word, policy; empty "
		     "before "
		     "the end."),
	     MO_SAME(MODEL_OBJECT_APP, MODEL_APP_RESULT)),
	LEAF("Detail", MO_CHR, MO_GET, MO_SE_R_DETAIL,
	     MO_SAYS("The same in words: what happened, where, what to try."),
	     MO_SAME(MODEL_OBJECT_APP, MODEL_APP_DETAIL)),
	LEAF("Executed", MO_INT, MO_GET, MO_SE_R_EXECUTED,
	     MO_SAYS("Commands that the secure element has certainly executed."),
	     MO_SAME(MODEL_OBJECT_APP, MODEL_APP_EXECUTED)),
	LEAF("Total", MO_INT, MO_GET, MO_SE_R_TOTAL,
	     MO_SAYS("How many commands there are, as far as is known."),
	     MO_SAME(MODEL_OBJECT_APP, MODEL_APP_TOTAL)),
	LEAF("LastSW", MO_INT, MO_GET, MO_SE_R_LAST_SW, MO_SPAN(0, 65535),
	     MO_SAYS("Status word of the last command that was executed; 0: none was."),
	     MO_SAME(MODEL_OBJECT_APP, MODEL_APP_LAST_SW)),
	LEAF("Outcome", MO_INT, MO_GET, MO_SE_R_OUTCOME, MO_SPAN(10, 30),
	     MO_SAYS("What is known of the command at which the operation was interrupted: 10 "
		     "not "
		     "sent, 20 executed, 30 unknown. 20 if it was not interrupted.")),
	LEAF("Job", MO_CHR, MO_GET, MO_SE_R_JOB,
	     MO_SAYS("Number of the job in the journal of the device."),
	     MO_SAME(MODEL_OBJECT_APP, MODEL_APP_JOB)),
};

#define STATUS                                                                                 \
	LEAF("Status", MO_INT, MO_GET, MO_SE_STATUS, MO_SPAN(10, 80),                          \
	     MO_SAYS("Of the last operation: 10 idle, 20 queued, 30 running, 40 done, 50 "     \
		     "failed, 60 unknown, 70 cancelled, 80 expired.")),                        \
		MAYBE("ResultCode", MO_INT, MO_SE_RESULT_CODE, MO_SPAN(1200, 1599),            \
		      MO_SAYS("Result of the last operation: 1200 success, 12xx success with " \
			      "a remark, 14xx failure, 15xx interruption. Absent before its "  \
			      "end.")),                                                        \
		GROUP("Report", report, MO_SE_NOTHING,                                         \
		      MO_SAYS("What is known of the last operation."))

#define EXT MO_LEAF("Ext", MO_NODE, MO_GET, .permanent = true, MO_SAYS("For the maker's own."))

#define CONTROL(says_clear)                                                           \
	EXEC("Cancel", CANCEL, "Ends what is queued or runs, between two commands."), \
		EXEC("Clear", CLEAR, says_clear)

#define RESUMABLE                                                                          \
	CONTROL("Drops the result."),                                                      \
		EXEC("Resume", RESUME,                                                     \
		     "Does what is missing of an operation that ended early; the card is " \
		     "asked first."),                                                      \
		EXEC("RollBack", ROLL_BACK, "Undoes what the operation has changed.")

/* ---- scripts ------------------------------------------------------------------------ */

static const struct mo_node script_operations[] = {
	EXEC("Transmit", TRANSMIT,
	     "Selects TargetAID and sends the commands of Command in their order."),
	CONTROL("Acknowledges the result: Command, Response and result are dropped."),
};

static const struct mo_node script[] = {
	LEAF("TargetAID", MO_BIN, MO_RW, MO_SE_TARGET_AID, AID,
	     MO_SAYS("Application to select, 5 to 16 bytes; empty: the one that a new channel "
		     "has."),
	     MO_SAME(MODEL_OBJECT_SCRIPT, MODEL_SCRIPT_AID)),
	LEAF("Format", MO_CHR, MO_RW, MO_SE_FORMAT, .value = "expanded",
	     MO_SAYS("Of Command: expanded (tags AA, AE) or compact, ETSI TS 102 226, 5.")),
	LEAF("KeepChannel", MO_BOOL, MO_RW, MO_SE_KEEP_CHANNEL, .value = "false",
	     MO_SAYS("The channel stays open, and the next Transmit here goes on in it."),
	     MO_SAME(MODEL_OBJECT_SCRIPT, MODEL_SCRIPT_KEEP_CHANNEL)),
	LEAF("Deadline", MO_INT, MO_RW, MO_SE_DEADLINE, MO_SPAN(0, 86400 * 365), .value = "0",
	     MO_SAYS("Seconds after Transmit at which a script that has not ended is stopped; "
		     "0: "
		     "none."),
	     MO_SAME(MODEL_OBJECT_SCRIPT, MODEL_SCRIPT_DEADLINE)),
	LEAF("Command", MO_BIN, MO_REPLACE, MO_SE_COMMAND,
	     MO_SAYS("The command script; may be a large object."),
	     MO_SAME(MODEL_OBJECT_SCRIPT, MODEL_SCRIPT_COMMAND)),
	LEAF("Response", MO_BIN, MO_GET, MO_SE_RESPONSE,
	     MO_SAYS("The response script (tags AB, AF); empty before the end. May be a large "
		     "object."),
	     MO_SAME(MODEL_OBJECT_SCRIPT, MODEL_SCRIPT_RESPONSE)),
	STATUS,
	GROUP("Operations", script_operations, MO_SE_NOTHING, MO_SAYS("What can be executed.")),
	EXT,
};

static const struct mo_node scripts[] = {
	MANY(script, MO_GET | MO_ADD | MO_DELETE, MO_SE_SCRIPT,
	     MO_SAYS("A command script; Add makes the nodes below.")),
};

/* ---- packages ----------------------------------------------------------------------- */

static const struct mo_node package_operations[] = {
	EXEC("Install", PACKAGE_INSTALL,
	     "Loads the load file and installs its applets; runs a script or a plan."),
	EXEC("Remove", PACKAGE_REMOVE,
	     "Deletes the load file with its instances; rolls a plan back."),
	EXEC("Activate", PACKAGE_ACTIVATE, "Makes the instances selectable, or unlocks them."),
	EXEC("Deactivate", PACKAGE_DEACTIVATE, "Locks the instances."),
	CONTROL("Drops the result."),
};

static const struct mo_node package[] = {
	LEAF("KeySet", MO_CHR, MO_RW, MO_SE_PKG_KEYSET, MO_SPAN(0, 31),
	     MO_SAYS("Name of the device's key set for Install; empty: that of the instance.")),
	LEAF("SecurityDomain", MO_BIN, MO_RW, MO_SE_PKG_SD, AID,
	     MO_SAYS("AID of the domain whose keys these are.")),
	LEAF("InstanceAID", MO_BIN, MO_RW, MO_SE_PKG_AID, AID,
	     MO_SAYS("AID of the instance, where there is one applet; empty: the module's.")),
	LEAF("Data", MO_BIN, MO_REPLACE, MO_SE_PKG_DATA,
	     MO_SAYS("The package, a large object: CAP file or load file, script, or plan."),
	     MO_SAME(MODEL_OBJECT_SOFTWARE, MODEL_SOFTWARE_PACKAGE)),
	LEAF("Size", MO_INT, MO_GET, MO_SE_PKG_SIZE, MO_SAYS("Bytes of it that are here.")),
	MAYBE("Name", MO_CHR, MO_SE_PKG_NAME, MO_SAYS("As the package says."),
	      MO_SAME(MODEL_OBJECT_SOFTWARE, MODEL_SOFTWARE_NAME)),
	MAYBE("Version", MO_CHR, MO_SE_PKG_VERSION, MO_SAYS("As the package says."),
	      MO_SAME(MODEL_OBJECT_SOFTWARE, MODEL_SOFTWARE_VERSION)),
	MAYBE("LoadFile", MO_BIN, MO_SE_PKG_LOAD_FILE, MO_SAYS("AID of its load file.")),
	MAYBE("Instances", MO_CHR, MO_SE_PKG_INSTANCES,
	      MO_SAYS("AIDs of the instances that Install makes, hexadecimal, with commas.")),
	LEAF("State", MO_INT, MO_GET, MO_SE_PKG_STATE, MO_SPAN(10, 50),
	     MO_SAYS("10 empty, 20 incomplete, 30 delivered, 40 installed, 50 active.")),
	STATUS,
	GROUP("Operations", package_operations, MO_SE_NOTHING,
	      MO_SAYS("What can be executed.")),
	EXT,
};

static const struct mo_node packages[] = {
	MANY(package, MO_GET | MO_ADD | MO_DELETE, MO_SE_PACKAGE,
	     MO_SAYS("A package; Add makes the nodes below.")),
};

/* ---- the inventory ------------------------------------------------------------------ */

#define P_KEYS                                                                               \
	LEAF("KeySet", MO_CHR, MO_RW, MO_SE_P_KEYSET, MO_SPAN(0, 31),                        \
	     MO_SAYS("Name of the device's key set that operations use; empty: that of the " \
		     "instance."),                                                           \
	     MO_SAME(MODEL_OBJECT_APP, MODEL_APP_KEY_SET)),                                  \
		LEAF("SecurityDomain", MO_BIN, MO_RW, MO_SE_P_SD, AID,                       \
		     MO_SAYS("AID of the domain whose keys these are; empty: the one that "  \
			     "the card selects by itself."),                                 \
		     MO_SAME(MODEL_OBJECT_APP, MODEL_APP_SECURITY_DOMAIN))

#define P_COMMON                                                                        \
	P_KEYS,                                                                         \
		LEAF("Token", MO_BIN, MO_REPLACE, MO_SE_P_TOKEN, MO_SPAN(0, 512),       \
		     MO_SAYS("Token of the card's owner for the next operation."),      \
		     MO_SAME(MODEL_OBJECT_APP, MODEL_APP_TOKEN)),                       \
		LEAF("Related", MO_BOOL, MO_RW, MO_SE_P_RELATED, .value = "false",      \
		     MO_SAYS("Delete: with what belongs to it. Lock, Unlock: a domain " \
			     "with all of its applications.")),                         \
		LEAF("Target", MO_BIN, MO_RW, MO_SE_P_TARGET, AID,                      \
		     MO_SAYS("Extradite: AID of the domain that gets it."))

#define P_DATA                                                                       \
	LEAF("Data", MO_BIN, MO_REPLACE, MO_SE_P_DATA, MO_SPAN(0, 4096),             \
	     MO_SAYS("Personalise: what is stored."),                                \
	     MO_SAME(MODEL_OBJECT_APP, MODEL_APP_DATA)),                             \
		LEAF("DataForm", MO_CHR, MO_RW, MO_SE_P_DATA_FORM, .value = "plain", \
		     MO_SAYS("How Data is coded: plain, dgi or ber."),               \
		     MO_SAME(MODEL_OBJECT_APP, MODEL_APP_DATA_FORM))

#define P_NEW                                                                        \
	LEAF("AID", MO_BIN, MO_RW, MO_SE_P_AID, AID,                                 \
	     MO_SAYS("AID of what is made; of an instance empty: the module's.")),   \
		LEAF("Privileges", MO_BIN, MO_RW, MO_SE_P_PRIVILEGES, MO_SPAN(0, 3), \
		     MO_SAYS("Its privileges, 1 or 3 bytes; empty: the least.")),    \
		LEAF("Install", MO_BIN, MO_RW, MO_SE_P_INSTALL, MO_SPAN(0, 512),     \
		     MO_SAYS("Its install parameters, contents of C9."))

static const struct mo_node domain_parameters[] = {
	P_COMMON,
	P_DATA,
	LEAF("NewKeySet", MO_CHR, MO_RW, MO_SE_P_NEW_KEYSET, MO_SPAN(0, 31),
	     MO_SAYS("PutKey: name of the device's key set whose keys are put.")),
	LEAF("KeyVersion", MO_INT, MO_RW, MO_SE_P_KEY_VERSION, MO_SPAN(0, 127), .value = "0",
	     MO_SAYS("PutKey: 0: that of the key set. DeleteKey: which; 0: any.")),
	LEAF("KeyID", MO_INT, MO_RW, MO_SE_P_KEY_ID, MO_SPAN(0, 127), .value = "0",
	     MO_SAYS("DeleteKey: which; 0: all of the version.")),
	LEAF("OldKeyVersion", MO_INT, MO_RW, MO_SE_P_OLD_VERSION, MO_SPAN(0, 127), .value = "0",
	     MO_SAYS("PutKey: the version that is replaced; 0: none, the keys are added.")),
};

static const struct mo_node file_parameters[] = {
	P_COMMON,
	LEAF("Module", MO_BIN, MO_RW, MO_SE_P_MODULE, AID,
	     MO_SAYS("Install: AID of the module; may be empty where there is one.")),
	P_NEW,
	LEAF("Selectable", MO_BOOL, MO_RW, MO_SE_P_SELECTABLE, .value = "true",
	     MO_SAYS("Install: the instance can be selected at once.")),
};

static const struct mo_node app_parameters[] = {
	P_COMMON,
	P_DATA,
};

#define EXEC_APP                                                                          \
	EXEC("Lock", LOCK, "Locks it; with Related, a domain with its applications."),    \
		EXEC("Unlock", UNLOCK, "Unlocks it, as Lock."),                           \
		EXEC("MakeSelectable", MAKE_SELECTABLE, "Makes it selectable."),          \
		EXEC("Extradite", EXTRADITE, "Gives it to the domain Target."),           \
		EXEC("Personalise", PERSONALISE, "Hands Data to it through its domain."), \
		EXEC("Delete", DELETE, "Deletes it; with Related, with what belongs to it.")

static const struct mo_node domain_operations[] = {
	EXEC_APP,
	EXEC("PutKey", PUT_KEY, "Puts the keys of NewKeySet into the domain."),
	EXEC("DeleteKey", DELETE_KEY, "Deletes KeyVersion, KeyID from the domain."),
	RESUMABLE,
};

static const struct mo_node file_operations[] = {
	EXEC("Install", INSTALL, "Makes an instance of Module."),
	EXEC("Extradite", EXTRADITE, "Gives it to the domain Target."),
	EXEC("Delete", DELETE, "Deletes it; with Related, with its instances."),
	RESUMABLE,
};

static const struct mo_node app_operations[] = {
	EXEC_APP,
	RESUMABLE,
};

#define ENTRY                                                                                \
	LEAF("AID", MO_BIN, MO_GET, MO_SE_AID,                                               \
	     MO_SAYS("Its AID; empty while the card has not told it."),                      \
	     MO_SAME(MODEL_OBJECT_APP, MODEL_APP_AID)),                                      \
		MAYBE("State", MO_INT, MO_SE_STATE, MO_SPAN(10, 50),                         \
		      MO_SAYS("10 loaded, 20 installed, 30 selectable, 40 personalized, 50 " \
			      "locked. Absent while unknown.")),                             \
		MAYBE("LifeCycle", MO_INT, MO_SE_LIFE_CYCLE, MO_SPAN(0, 255),                \
		      MO_SAYS("Its life cycle as GlobalPlatform codes it."),                 \
		      MO_SAME(MODEL_OBJECT_APP, MODEL_APP_LIFE_CYCLE)),                      \
		MAYBE("Parent", MO_BIN, MO_SE_PARENT,                                        \
		      MO_SAYS("AID of the domain that it belongs to."))

#define ENTRY_APP                                                       \
	ENTRY,                                                          \
		MAYBE("Privileges", MO_BIN, MO_SE_PRIVILEGES,           \
		      MO_SAYS("Its privileges, three bytes."),          \
		      MO_SAME(MODEL_OBJECT_APP, MODEL_APP_PRIVILEGES)), \
		MAYBE("LoadFile", MO_BIN, MO_SE_LOAD_FILE,              \
		      MO_SAYS("AID of the load file that it was made from."))

#define BELOW(parameters, operations)                                                      \
	GROUP("Parameter", parameters, MO_SE_NOTHING, MO_SAYS("For the next operation.")), \
		STATUS,                                                                    \
		GROUP("Operations", operations, MO_SE_NOTHING,                             \
		      MO_SAYS("What can be executed.")),                                   \
		EXT

static const struct mo_node domain[] = {
	ENTRY_APP,
	BELOW(domain_parameters, domain_operations),
};

static const struct mo_node file[] = {
	ENTRY,
	MAYBE("Version", MO_BIN, MO_SE_VERSION, MO_SAYS("Version of the load file."),
	      MO_SAME(MODEL_OBJECT_APP, MODEL_APP_VERSION)),
	MAYBE("Modules", MO_CHR, MO_SE_MODULES,
	      MO_SAYS("AIDs of its modules, hexadecimal, with commas."),
	      MO_SAME(MODEL_OBJECT_APP, MODEL_APP_MODULES)),
	BELOW(file_parameters, file_operations),
};

static const struct mo_node app[] = {
	ENTRY_APP,
	BELOW(app_parameters, app_operations),
};

static const struct mo_node domains[] = {
	MANY(domain, MO_GET, MO_SE_DOMAIN,
	     MO_SAYS("A security domain; named by its AID, the issuer's is Issuer.")),
};

static const struct mo_node files[] = {
	MANY(file, MO_GET, MO_SE_FILE, MO_SAYS("A load file; named by its AID.")),
};

static const struct mo_node apps[] = {
	MANY(app, MO_GET, MO_SE_APP, MO_SAYS("An application; named by its AID.")),
};

static const struct mo_node inventory[] = {
	GROUP("SecurityDomain", domains, MO_SE_DOMAINS, MO_SAYS("Security domains.")),
	GROUP("LoadFile", files, MO_SE_FILES, MO_SAYS("Executable load files.")),
	GROUP("Application", apps, MO_SE_APPS, MO_SAYS("Applications.")),
};

/* ---- an instance -------------------------------------------------------------------- */

static const struct mo_node capability[] = {
	MAYBE("MaxCommand", MO_INT, MO_SE_MAX_COMMAND, MO_SAYS("Longest command APDU, bytes.")),
	MAYBE("MaxResponse", MO_INT, MO_SE_MAX_RESPONSE,
	      MO_SAYS("Longest response APDU, bytes.")),
	LEAF("MaxScript", MO_INT, MO_GET, MO_SE_MAX_SCRIPT, MO_SAYS("Longest Command, bytes.")),
	LEAF("MaxPackage", MO_INT, MO_GET, MO_SE_MAX_PACKAGE, MO_SAYS("Longest Data, bytes.")),
	LEAF("Formats", MO_CHR, MO_GET, MO_SE_FORMATS,
	     MO_SAYS("Values of Format of a script, with commas.")),
	LEAF("Operations", MO_CHR, MO_GET, MO_SE_OPERATIONS,
	     MO_SAYS("Names of the operations that are there, with commas.")),
};

static const struct mo_node parameters[] = {
	P_KEYS,
	P_NEW,
	LEAF("Confirm", MO_CHR, MO_RW, MO_SE_P_CONFIRM, MO_SPAN(0, 32),
	     MO_SAYS("card-lock before LockCard, card-terminate before Terminate.")),
};

static const struct mo_node operations[] = {
	EXEC("Refresh", REFRESH, "Reads identity, life cycle, memory and registry anew."),
	EXEC("Reset", RESET, "Resets the secure element between two operations."),
	EXEC("Initialize", INITIALIZE, "Card to INITIALIZED."),
	EXEC("Secure", SECURE, "Card to SECURED."),
	EXEC("LockCard", LOCK_CARD, "Card to CARD_LOCKED; needs Confirm."),
	EXEC("UnlockCard", UNLOCK_CARD, "Card from CARD_LOCKED to SECURED."),
	EXEC("Terminate", TERMINATE, "Card to TERMINATED, for ever; needs Confirm."),
	EXEC("CreateSecurityDomain", CREATE_SD, "Makes the security domain AID."),
	RESUMABLE,
};

static const struct mo_node instance[] = {
	LEAF("ID", MO_CHR, MO_GET, MO_SE_ID,
	     MO_SAYS("Name of the secure element in the device."),
	     MO_SAME(MODEL_OBJECT_SE, MODEL_SE_ID)),
	LEAF("Type", MO_CHR, MO_GET, MO_SE_TYPE, MO_SAYS("eSE, iSE, uicc, euicc or ieuicc."),
	     MO_SAME(MODEL_OBJECT_SE, MODEL_SE_TYPE)),
	MAYBE("ATR", MO_BIN, MO_SE_ATR,
	      MO_SAYS("Answer to reset, or communication interface parameters."),
	      MO_SAME(MODEL_OBJECT_SE, MODEL_SE_CIP)),
	MAYBE("Identity", MO_BIN, MO_SE_IDENTITY,
	      MO_SAYS("Issuer (tag 42) and card image (tag 45) numbers, as TLVs."),
	      MO_SAME(MODEL_OBJECT_SE, MODEL_SE_IDENTITY)),
	MAYBE("State", MO_INT, MO_SE_CARD_STATE, MO_SPAN(10, 50),
	      MO_SAYS("Life cycle of the card: 10 OP_READY, 20 INITIALIZED, 30 SECURED, 40 "
		      "CARD_LOCKED, 50 TERMINATED. Absent while unknown.")),
	LEAF("Link", MO_INT, MO_GET, MO_SE_LINK, MO_SPAN(10, 50),
	     MO_SAYS("10 off, 20 idle, 30 busy, 40 recovering, 50 dead.")),
	LEAF("Generation", MO_CHR, MO_GET, MO_SE_GENERATION,
	     MO_SAYS("Moves each time that the secure element may have lost its sessions."),
	     MO_SAME(MODEL_OBJECT_SE, MODEL_SE_GENERATION)),
	MAYBE("FreeMemory", MO_INT, MO_SE_FREE_MEMORY,
	      MO_SAYS("Bytes of non-volatile memory that are left."),
	      MO_SAME(MODEL_OBJECT_SE, MODEL_SE_FREE_MEMORY)),
	LEAF("Error", MO_CHR, MO_GET, MO_SE_ERROR,
	     MO_SAYS("Last error of the link or of reading the secure element, in words."),
	     MO_SAME(MODEL_OBJECT_SE, MODEL_SE_ERROR)),
	GROUP("Capability", capability, MO_SE_NOTHING, MO_SAYS("What the client can do.")),
	GROUP("Parameter", parameters, MO_SE_NOTHING,
	      MO_SAYS("For operations at this node; key set and domain for all below too.")),
	STATUS,
	GROUP("Operations", operations, MO_SE_NOTHING, MO_SAYS("What can be executed.")),
	GROUP("APDU", scripts, MO_SE_SCRIPTS, MO_SAYS("Command scripts.")),
	GROUP("Package", packages, MO_SE_PACKAGES, MO_SAYS("Packages.")),
	GROUP("Inventory", inventory, MO_SE_NOTHING, MO_SAYS("What is on the secure element.")),
	EXT,
};

static const struct mo_node root = {
	.name = NULL,
	.format = MO_NODE,
	.access = MO_GET,
	.occurs = MO_ZERO_OR_MORE,
	.type = "io.sesame/1.0/SecureElement",
	.description = "A secure element of the device.",
	.id = MO_SE_INSTANCE,
	.children = instance,
	.nr = sizeof(instance) / sizeof(*instance),
};

const struct mo_object mo_se = {
	.name = "SecureElement",
	.moi = "io.sesame/1.0/SecureElement",
	.path = "./SecureElement",
	/* what a server may do with a secure element is decided by the policy (job/policy.h) */
	.acl = "Add=*&Delete=*&Exec=*&Get=*&Replace=*",
	.description =
		"Installs, configures, manages and removes applications and their data on a "
		"secure element, and carries APDUs to it. Every operation is "
		"asynchronous: Exec is answered with 202, a Generic Alert with its "
		"Correlator tells the end. No command is sent to the secure element "
		"twice.",
	.root = &root,
};
