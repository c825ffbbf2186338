// SPDX-License-Identifier: Apache-2.0
/* OMA's objects of software, and of data that a server leaves or fetches. */
#include "model/tables.h"

static const struct model_resource firmware[] = {
	RES(MODEL_FIRMWARE_PACKAGE, "Package", MODEL_W, MODEL_OPAQUE, MUST,
	    SAYS("A command script of the maker of the secure element (ETSI TS 102 226, tag AA "
		 "or "
		 "AE). One byte 00, or none: everything is forgotten, State is 0 again.")),
	RES(MODEL_FIRMWARE_URI, "Package URI", MODEL_RW, MODEL_STRING, MUST, BYTES(0, 255),
	    SAYS("Not supported: 9 in Update Result. An empty one is as an empty Package.")),
	RES(MODEL_FIRMWARE_UPDATE, "Update", MODEL_E, MODEL_NONE, MUST,
	    SAYS("Runs the script, once. Only while State is 2.")),
	RES(MODEL_FIRMWARE_STATE, "State", MODEL_R, MODEL_INTEGER, MUST, SPAN(0, 3),
	    SAYS("0 idle, 1 downloading, 2 downloaded, 3 updating.")),
	RES(MODEL_FIRMWARE_RESULT, "Update Result", MODEL_R, MODEL_INTEGER, MUST, SPAN(0, 11),
	    SAYS("0 none, 1 updated, 2 no room, 4 connection lost, 5 integrity check failed, 6 "
		 "unsupported package, 8 failed, 9 unsupported protocol, 10 cancelled.")),
	RES(MODEL_FIRMWARE_NAME, "PkgName", MODEL_R, MODEL_STRING, BYTES(0, 255),
	    SAYS("Name of the secure element that it is for.")),
	RES(MODEL_FIRMWARE_METHOD, "Firmware Update Delivery Method", MODEL_R, MODEL_INTEGER,
	    MUST, SPAN(0, 2), SAYS("1: by writing Package.")),
	RES(MODEL_FIRMWARE_CANCEL, "Cancel", MODEL_E, MODEL_NONE,
	    SAYS("Drops the package. Not while it runs.")),
};

const struct model_object model_firmware = {
	.id = MODEL_OBJECT_FIRMWARE,
	.name = "Firmware Update",
	.urn = "urn:oma:lwm2m:oma:5:1.1",
	.version = "1.1",
	.lwm2m_version = "1.1",
	.description =
		"Firmware of the first secure element, as a script of commands. The device's "
		"own firmware is not ours to change.",
	.resources = firmware,
	.nr = NR(firmware),
};

static const struct model_resource software[] = {
	RES(MODEL_SOFTWARE_NAME, "PkgName", MODEL_R, MODEL_STRING, MUST, BYTES(0, 255),
	    SAYS("Name or AID of the package, once it is delivered.")),
	RES(MODEL_SOFTWARE_VERSION, "PkgVersion", MODEL_R, MODEL_STRING, MUST, BYTES(0, 255),
	    SAYS("Its version.")),
	RES(MODEL_SOFTWARE_PACKAGE, "Package", MODEL_W, MODEL_OPAQUE,
	    SAYS("A CAP file, a load file (tags E2, C4, D4), a command script (AA, AE) or a "
		 "plan "
		 "(JSON). Blocks may go on where an earlier transfer ended, also after a "
		 "restart.")),
	RES(MODEL_SOFTWARE_URI, "Package URI", MODEL_W, MODEL_STRING, BYTES(0, 255),
	    SAYS("Not supported: 56 in Update Result.")),
	RES(MODEL_SOFTWARE_INSTALL, "Install", MODEL_E, MODEL_NONE, MUST,
	    SAYS("Loads the package and makes an instance of each of its applets, not "
		 "selectable "
		 "yet. Arguments: 0 key set; 1 security domain, 2 AID of the instance of a "
		 "package "
		 "with one applet, both hexadecimal.")),
	RES(MODEL_SOFTWARE_UNINSTALL, "Uninstall", MODEL_E, MODEL_NONE, MUST,
	    SAYS("Deletes instances and load file. Argument 1: prepare for an update.")),
	RES(MODEL_SOFTWARE_STATE, "Update State", MODEL_R, MODEL_INTEGER, MUST, SPAN(0, 4),
	    SAYS("0 initial, 1 download started, 2 downloaded, 3 delivered, 4 installed.")),
	RES(MODEL_SOFTWARE_UPDATE_OBJECTS, "Update Supported Objects", MODEL_RW, MODEL_BOOLEAN,
	    SAYS("True: an Update follows an installation.")),
	RES(MODEL_SOFTWARE_RESULT, "Update Result", MODEL_R, MODEL_INTEGER, MUST, SPAN(0, 200),
	    SAYS("0 none, 1 downloading, 2 installed, 3 downloaded and checked, 50 no room, 52 "
		 "connection lost, 53 damaged, 54 unsupported package, 56 invalid URI, 57 "
		 "error of "
		 "the device, 58 installation failed, 59 removal failed.")),
	RES(MODEL_SOFTWARE_ACTIVATE, "Activate", MODEL_E, MODEL_NONE, MUST,
	    SAYS("Makes the instances selectable, or unlocks them.")),
	RES(MODEL_SOFTWARE_DEACTIVATE, "Deactivate", MODEL_E, MODEL_NONE, MUST,
	    SAYS("Locks the instances.")),
	RES(MODEL_SOFTWARE_ACTIVE, "Activation State", MODEL_R, MODEL_BOOLEAN, MUST,
	    SAYS("Whether the instances can be selected.")),
	RES(MODEL_SOFTWARE_SETTINGS, "Package Settings", MODEL_RW, MODEL_OBJLNK,
	    SAYS("Secure element that the package is for, an instance of 26241; the first one "
		 "where "
		 "it is not set.")),
	RES(MODEL_SOFTWARE_REASON, "Status Reason", MODEL_R, MODEL_STRING,
	    SAYS("The last result in words.")),
	RES(MODEL_SOFTWARE_COMPONENTS, "Software Component Link", MODEL_R, MODEL_OBJLNK, MANY,
	    SAYS("Instances of object 14 that the package made.")),
	RES(MODEL_SOFTWARE_COUNT, "Software Component tree length", MODEL_R, MODEL_INTEGER,
	    SPAN(0, 255), SAYS("Their number.")),
};

const struct model_object model_software = {
	.id = MODEL_OBJECT_SOFTWARE,
	.name = "LWM2M Software Management",
	.urn = "urn:oma:lwm2m:oma:9",
	.version = "1.0",
	.lwm2m_version = "1.0",
	.multiple = true,
	.description =
		"Packages for secure elements: an applet is a software package. Each server "
		"sees its own.",
	.resources = software,
	.nr = NR(software),
};

static const struct model_resource component[] = {
	RES(0, "Component Identity", MODEL_R, MODEL_STRING, BYTES(0, 255),
	    SAYS("AID of the application, hexadecimal.")),
	RES(2, "Component Version", MODEL_R, MODEL_STRING, BYTES(0, 255),
	    SAYS("Version of its load file, where the card tells it.")),
	RES(3, "Activate", MODEL_E, MODEL_NONE, SAYS("Makes it selectable, or unlocks it.")),
	RES(4, "Deactivate", MODEL_E, MODEL_NONE, SAYS("Locks it.")),
	RES(5, "Activation State", MODEL_R, MODEL_BOOLEAN, SAYS("Whether it can be selected.")),
};

const struct model_object model_component = {
	.id = MODEL_OBJECT_COMPONENT,
	.name = "LWM2M Software Component",
	.urn = "urn:oma:lwm2m:oma:14",
	.version = "1.0",
	.lwm2m_version = "1.0",
	.multiple = true,
	.description =
		"Applications on secure elements, with the instance numbers of object 26243.",
	.resources = component,
	.nr = NR(component),
};

static const struct model_resource portfolio[] = {
	RES(0, "Identity", MODEL_RW, MODEL_STRING, MANY, MUST,
	    SAYS("Data of other objects: 0 host device id, 1 manufacturer, 2 model, 3 software "
		 "version.")),
};

const struct model_object model_portfolio = {
	.id = MODEL_OBJECT_PORTFOLIO,
	.name = "Portfolio",
	.urn = "urn:oma:lwm2m:oma:16",
	.version = "1.0",
	.lwm2m_version = "1.0",
	.multiple = true,
	.description = "What a server wants to be kept with the device.",
	.resources = portfolio,
	.nr = NR(portfolio),
};

static const struct model_resource app_data[] = {
	RES(0, "Data", MODEL_RW, MODEL_OPAQUE, MANY, MUST, SAYS("Data of an application.")),
	RES(1, "Data Priority", MODEL_RW, MODEL_INTEGER, SPAN(0, 2),
	    SAYS("0 immediate, 1 best effort, 2 latest.")),
	RES(2, "Data Creation Time", MODEL_RW, MODEL_TIME, SAYS("")),
	RES(3, "Data Description", MODEL_RW, MODEL_STRING, BYTES(0, 32), SAYS("")),
	RES(4, "Data Format", MODEL_RW, MODEL_STRING, BYTES(0, 32), SAYS("")),
	RES(5, "App ID", MODEL_RW, MODEL_INTEGER, SPAN(0, 65535), SAYS("")),
};

const struct model_object model_app_data = {
	.id = MODEL_OBJECT_APP_DATA,
	.name = "BinaryAppDataContainer",
	.urn = "urn:oma:lwm2m:oma:19",
	.version = "1.0",
	.lwm2m_version = "1.0",
	.multiple = true,
	.description = "Data that a server leaves with the device.",
	.resources = app_data,
	.nr = NR(app_data),
};

static const struct model_resource event_log[] = {
	RES(4010, "LogClass", MODEL_RW, MODEL_INTEGER, SPAN(0, 255),
	    SAYS("3: events. Other classes are empty.")),
	RES(4011, "LogStart", MODEL_E, MODEL_NONE,
	    SAYS("Begins to collect; argument 0='1': and keeps what is there.")),
	RES(4012, "LogStop", MODEL_E, MODEL_NONE,
	    SAYS("Ends it; argument 0='1': and drops what is there.")),
	RES(4013, "LogStatus", MODEL_R, MODEL_INTEGER, SPAN(0, 255),
	    SAYS("Bit 0 stopped, bit 1 there is something, bit 2 something was lost.")),
	RES(4014, "LogData", MODEL_R, MODEL_OPAQUE, MUST,
	    SAYS("A line of text for each job of this server that changed its state: time, "
		 "number, "
		 "state, result. The last 8192 bytes of them.")),
	RES(4015, "LogDataFormat", MODEL_RW, MODEL_INTEGER, SPAN(0, 255),
	    SAYS("0: no specific format.")),
};

const struct model_object model_event_log = {
	.id = MODEL_OBJECT_EVENT_LOG,
	.name = "EventLog",
	.urn = "urn:oma:lwm2m:oma:20",
	.version = "1.0",
	.lwm2m_version = "1.0",
	.description = "What happened to the jobs of this server.",
	.resources = event_log,
	.nr = NR(event_log),
};
