/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The description of a secure element and of the resources through which it is
 * managed. Front ends, the OMA object files in Documentation/objects and the
 * checks of every operation are made from the table in objects.c.
 *
 * Object numbers 26241 to 26243 are of the range that OMNA leaves to bulk
 * registration; they are the project's own and not registered. All others are
 * OMA's; the table has the resources of them that can mean something here.
 */
#ifndef SESAME_MODEL_H
#define SESAME_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <linux/se.h>

#include "gp/apdu.h"

enum model_type {
	MODEL_NONE, /* executable resources */
	MODEL_STRING,
	MODEL_INTEGER,
	MODEL_BOOLEAN,
	MODEL_OPAQUE,
	MODEL_TIME,
	MODEL_OBJLNK,
	MODEL_FLOAT,	/* 64 bits */
	MODEL_UNSIGNED, /* 64 bits */
	MODEL_CORELNK,	/* links in the format of RFC 6690 */
};

/* operations of a resource */
#define MODEL_R (1U << 0)
#define MODEL_W (1U << 1)
#define MODEL_E (1U << 2)
#define MODEL_RW (MODEL_R | MODEL_W)

struct model_resource {
	uint16_t id;
	const char *name;
	unsigned int ops; /* MODEL_R, _W, _E; 0: only a bootstrap server may use it */
	enum model_type type;
	bool multiple;
	bool mandatory;
	int64_t min,
		max; /* of an integer, or of the length of a string or opaque; none if equal */
	const char *range; /* the same for people */
	const char *units;
	const char *description;
};

struct model_object {
	uint16_t id;
	const char *name;
	const char *urn;
	const char *version;	   /* object version */
	const char *lwm2m_version; /* earliest LwM2M version */
	bool multiple;
	bool mandatory;
	const char *description;
	const struct model_resource *resources; /* by rising id */
	size_t nr;
};

#define MODEL_OBJECT_SECURITY 0
#define MODEL_OBJECT_SERVER 1
#define MODEL_OBJECT_ACCESS 2
#define MODEL_OBJECT_DEVICE 3
#define MODEL_OBJECT_CONNECTIVITY 4
#define MODEL_OBJECT_FIRMWARE 5
#define MODEL_OBJECT_LOCATION 6
#define MODEL_OBJECT_STATISTICS 7
#define MODEL_OBJECT_SOFTWARE 9
#define MODEL_OBJECT_COMPONENT 14
#define MODEL_OBJECT_PORTFOLIO 16
#define MODEL_OBJECT_APP_DATA 19
#define MODEL_OBJECT_EVENT_LOG 20
#define MODEL_OBJECT_OSCORE 21
#define MODEL_OBJECT_RSP 504
#define MODEL_OBJECT_SIM 505
#define MODEL_OBJECT_ESIM 3443
#define MODEL_OBJECT_SE 26241
#define MODEL_OBJECT_SCRIPT 26242
#define MODEL_OBJECT_APP 26243

/* resources of object 5, Firmware Update: of a secure element, by a script */
enum model_firmware_resource {
	MODEL_FIRMWARE_PACKAGE,
	MODEL_FIRMWARE_URI,
	MODEL_FIRMWARE_UPDATE,
	MODEL_FIRMWARE_STATE,
	MODEL_FIRMWARE_RESULT = 5,
	MODEL_FIRMWARE_NAME,
	MODEL_FIRMWARE_VERSION,
	MODEL_FIRMWARE_PROTOCOLS,
	MODEL_FIRMWARE_METHOD,
	MODEL_FIRMWARE_CANCEL,
};

/* resources of object 9, Software Management: a package is an applet's */
enum model_software_resource {
	MODEL_SOFTWARE_NAME,
	MODEL_SOFTWARE_VERSION,
	MODEL_SOFTWARE_PACKAGE,
	MODEL_SOFTWARE_URI,
	MODEL_SOFTWARE_INSTALL,
	MODEL_SOFTWARE_UNINSTALL = 6,
	MODEL_SOFTWARE_STATE,
	MODEL_SOFTWARE_UPDATE_OBJECTS,
	MODEL_SOFTWARE_RESULT,
	MODEL_SOFTWARE_ACTIVATE,
	MODEL_SOFTWARE_DEACTIVATE,
	MODEL_SOFTWARE_ACTIVE,
	MODEL_SOFTWARE_SETTINGS,
	MODEL_SOFTWARE_REASON = 16,
	MODEL_SOFTWARE_COMPONENTS,
	MODEL_SOFTWARE_COUNT,
};

/* values of resource 7 of object 9 */
enum model_software_state {
	MODEL_SOFTWARE_INITIAL,
	MODEL_SOFTWARE_STARTED,
	MODEL_SOFTWARE_DOWNLOADED,
	MODEL_SOFTWARE_DELIVERED,
	MODEL_SOFTWARE_INSTALLED,
};

/* values of resource 9 of object 9 that are used */
enum model_software_result {
	MODEL_SOFTWARE_NONE = 0,
	MODEL_SOFTWARE_DOWNLOADING = 1,
	MODEL_SOFTWARE_OK = 2,
	MODEL_SOFTWARE_VERIFIED = 3,
	MODEL_SOFTWARE_NO_ROOM = 50,
	MODEL_SOFTWARE_LOST = 52,
	MODEL_SOFTWARE_BAD = 53,
	MODEL_SOFTWARE_UNSUPPORTED = 54,
	MODEL_SOFTWARE_ERROR = 57,
	MODEL_SOFTWARE_INSTALL_FAILED = 58,
	MODEL_SOFTWARE_UNINSTALL_FAILED = 59,
};

/* resources of object 26241, Secure Element */
enum model_se_resource {
	MODEL_SE_ID,
	MODEL_SE_TYPE,
	MODEL_SE_LIFE_CYCLE,
	MODEL_SE_STATE,
	MODEL_SE_GENERATION,
	MODEL_SE_CIP,
	MODEL_SE_FREE_MEMORY,
	MODEL_SE_APPLICATIONS,
	MODEL_SE_RESET,
	MODEL_SE_REFRESH,
	MODEL_SE_IDENTITY,
	MODEL_SE_ERROR,
};

/* resources of object 26242, SE Script */
enum model_script_resource {
	MODEL_SCRIPT_SE,
	MODEL_SCRIPT_AID,
	MODEL_SCRIPT_COMMAND,
	MODEL_SCRIPT_RUN,
	MODEL_SCRIPT_STATE,
	MODEL_SCRIPT_EXECUTED,
	MODEL_SCRIPT_TOTAL,
	MODEL_SCRIPT_RESPONSE,
	MODEL_SCRIPT_RESULT,
	MODEL_SCRIPT_DETAIL,
	MODEL_SCRIPT_CANCEL,
	MODEL_SCRIPT_CLEAR,
	MODEL_SCRIPT_KEEP_CHANNEL,
	MODEL_SCRIPT_DEADLINE,
	MODEL_SCRIPT_LAST_SW,
	MODEL_SCRIPT_JOB,
	MODEL_SCRIPT_OUTCOME,
};

/* values of resource 4 of object 26242 */
enum model_script_state {
	MODEL_SCRIPT_IDLE,
	MODEL_SCRIPT_QUEUED,
	MODEL_SCRIPT_RUNNING,
	MODEL_SCRIPT_DONE,
	MODEL_SCRIPT_FAILED,
	MODEL_SCRIPT_UNKNOWN,
	MODEL_SCRIPT_CANCELLED,
	MODEL_SCRIPT_EXPIRED,
};

/* resources of object 26243, SE Application */
enum model_app_resource {
	MODEL_APP_SE,
	MODEL_APP_AID,
	MODEL_APP_KIND,
	MODEL_APP_LIFE_CYCLE,
	MODEL_APP_PRIVILEGES,
	MODEL_APP_PARENT,
	MODEL_APP_LOAD_FILE,
	MODEL_APP_MODULES,
	MODEL_APP_VERSION,
	MODEL_APP_LOCKED,
	MODEL_APP_LOCK,
	MODEL_APP_UNLOCK,
	MODEL_APP_MAKE_SELECTABLE,
	MODEL_APP_EXTRADITE,
	MODEL_APP_PERSONALISE,
	MODEL_APP_DELETE,
	MODEL_APP_INSTALL,
	MODEL_APP_DATA,
	MODEL_APP_DATA_FORM,
	MODEL_APP_TOKEN,
	MODEL_APP_KEY_SET,
	MODEL_APP_SECURITY_DOMAIN,
	MODEL_APP_STATE,
	MODEL_APP_RESULT,
	MODEL_APP_DETAIL,
	MODEL_APP_EXECUTED,
	MODEL_APP_TOTAL,
	MODEL_APP_LAST_SW,
	MODEL_APP_JOB,
	MODEL_APP_CANCEL,
	MODEL_APP_RESUME,
	MODEL_APP_ROLL_BACK,
	MODEL_APP_CLEAR,
};

/* values of resource 2 of object 26243: enum gp_kind of gp/registry.h */
enum model_app_kind {
	MODEL_APP_ISD,
	MODEL_APP_SSD,
	MODEL_APP_APPLICATION,
	MODEL_APP_ELF,
};

/** model_object() - the description of object @id, or NULL. */
const struct model_object *model_object(uint16_t id);

/** model_object_at() - the @i-th of them, by rising id; NULL past the end. */
const struct model_object *model_object_at(size_t i);

/** model_resource() - the description of resource @id of @object, or NULL. */
const struct model_resource *model_resource(const struct model_object *object, uint16_t id);

/**
 * model_write_xml() - write @object as an OMA object file (LWM2M.xsd 1.0.1)
 *
 * Return: 0, or -EIO if @out could not be written.
 */
int model_write_xml(FILE *out, const struct model_object *object);

/**
 * model_dump_objects() - write an OMA file of each object into the folder @dir
 *
 * Named by the object's number: 26241.xml and so on.
 *
 * Return: 0 or a negative errno.
 */
int model_dump_objects(const char *dir);

#define MODEL_SE_NAME_MAX 31
#define MODEL_SE_APPS_MAX 64
#define MODEL_SE_RECORD_MAX 128
#define MODEL_SE_IDENTITY_MAX 128
#define MODEL_SE_ERROR_MAX 159

/**
 * struct model_app - one entry of the card's registry
 * @aid: its AID
 * @record: an E3 TLV, contents as the card told them
 * @len: its bytes
 */
struct model_app {
	struct gp_aid aid;
	uint8_t record[MODEL_SE_RECORD_MAX];
	size_t len;
};

/**
 * struct model_se - what is known of one SE at one moment
 * @id: the name of the SE in the configuration, "se0"
 * @type: eSE, iSE, uicc, euicc or ieuicc
 * @life_cycle: card life cycle (GPCS 2.3.1 table 11-6), -1 if the card did not tell
 * @state: enum se_state
 * @generation: as in struct se_info
 * @cip: ATR or communication interface parameters
 * @free_memory: bytes of non-volatile memory, -1 if the card did not tell
 * @identity: the TLVs of GET DATA 42 (IIN) and 45 (CIN), in this order
 * @apps: the registry as far as it could be read
 * @error: the last error in words; empty if none
 *
 * Whoever watches the SE fills id, type, state, generation, cip and error;
 * model_se_begin() and model_se_take() the rest.
 */
struct model_se {
	char id[MODEL_SE_NAME_MAX + 1];
	char type[16];
	int life_cycle;
	unsigned int state;
	uint64_t generation;
	uint8_t cip[SE_CIP_MAX];
	size_t cip_len;
	int64_t free_memory;
	uint8_t identity[MODEL_SE_IDENTITY_MAX];
	size_t identity_len;
	struct model_app apps[MODEL_SE_APPS_MAX];
	size_t nr_apps;
	char error[MODEL_SE_ERROR_MAX + 1];
};

/** model_se_init() - nothing known yet but the name and the type. */
void model_se_init(struct model_se *se, const char *id, const char *type);

/** struct model_probe - a C-APDU that only reads */
struct model_probe {
	uint8_t len;
	uint8_t cmd[11];
};

/**
 * model_se_probes() - what to ask an SE to fill a struct model_se
 * @nr: gets how many
 *
 * GET DATA and GET STATUS (GPCS 2.3.1, 11.3 and 11.4) for the default
 * application, the ISD. A card may refuse each of them.
 */
const struct model_probe *model_se_probes(size_t *nr);

/** model_se_begin() - forget what earlier answers said; answers follow. */
void model_se_begin(struct model_se *se);

/**
 * model_se_take() - take over one answer
 * @cmd: the C-APDU, one of model_se_probes()
 * @cmd_len: its length
 * @rsp: R-APDU, status word included
 * @rsp_len: its length, 0 if there was none
 *
 * Return: 0, also for a refusal (status word other than 90xx, 62xx, 63xx),
 * which leaves things unknown; -EBADMSG for an answer that is not what the
 * command asks for, -ENOSPC if it has more than a struct model_se holds. What
 * was understood before the error is kept.
 */
int model_se_take(struct model_se *se, const uint8_t *cmd, size_t cmd_len, const uint8_t *rsp,
		  size_t rsp_len);

#endif /* SESAME_MODEL_H */
