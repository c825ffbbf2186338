// SPDX-License-Identifier: Apache-2.0
/* OMA's objects of SIMs: what they say of a secure element that is one. */
#include "model/tables.h"

#define SIM_TYPES "0 UICC, 1 removable eUICC, 2 embedded eUICC, 3 integrated UICC."

static const struct model_resource rsp[] = {
	RES(0, "Current SIM Type", MODEL_R, MODEL_INTEGER, MUST, SPAN(0, 24), SAYS(SIM_TYPES)),
	RES(1, "Supported SIM Type", MODEL_R, MODEL_INTEGER, MANY, MUST, SPAN(0, 24),
	    SAYS(SIM_TYPES)),
	RES(11, "Profile Download Delivery Method", MODEL_R, MODEL_INTEGER, MUST, SPAN(0, 3),
	    SAYS("3: profiles are managed outside of LwM2M.")),
	RES(12, "Free Memory on SIM", MODEL_R, MODEL_INTEGER, UNIT("bit"), SAYS("")),
	RES(22, "Integrated Circuit Card Identifier (ICCID)", MODEL_R, MODEL_STRING, MANY, MUST,
	    SAYS("Where the card tells it.")),
	RES(23, "eUICC ID", MODEL_R, MODEL_STRING, SAYS("Where the card tells it.")),
	RES(25, "RSP Type", MODEL_R, MODEL_INTEGER, MUST, SPAN(0, 24),
	    SAYS("0 none, 1 GSMA for M2M, 2 GSMA for consumers, 3 nuSIM.")),
};

const struct model_object model_rsp = {
	.id = MODEL_OBJECT_RSP,
	.name = "Remote SIM Provisioning",
	.urn = "urn:oma:lwm2m:oma:504",
	.version = "1.0",
	.lwm2m_version = "1.0",
	.multiple = true,
	.description =
		"Secure elements that are SIMs (types uicc, euicc, ieuicc), with the instance "
		"numbers of object 26241.",
	.resources = rsp,
	.nr = NR(rsp),
};

static const struct model_resource sim[] = {
	RES(0, "Current SIM Type", MODEL_R, MODEL_INTEGER, MUST, SPAN(0, 3), SAYS(SIM_TYPES)),
	RES(1, "Supported SIM Type", MODEL_R, MODEL_INTEGER, MANY, MUST, SPAN(0, 3),
	    SAYS(SIM_TYPES)),
	RES(2, "Service Provider Name", MODEL_R, MODEL_STRING, MUST, SAYS("Empty: not known.")),
	RES(6, "Update State", MODEL_R, MODEL_INTEGER, MUST, SPAN(0, 3), SAYS("0: idle.")),
	RES(7, "Update Result", MODEL_R, MODEL_INTEGER, MUST, SPAN(0, 8), SAYS("0: none.")),
	RES(11, "Profile Update Delivery Method", MODEL_R, MODEL_INTEGER, MUST, SPAN(0, 2),
	    SAYS("1: push; there is nothing to push to yet.")),
	RES(12, "Free Memory on SIM", MODEL_R, MODEL_INTEGER, UNIT("KiB"), SAYS("")),
	RES(15, "eUICC ID", MODEL_R, MODEL_STRING, SAYS("Where the card tells it.")),
};

const struct model_object model_sim = {
	.id = MODEL_OBJECT_SIM,
	.name = "LwM2M Remote SIM Provisioning",
	.urn = "urn:oma:lwm2m:oma:505",
	.version = "1.0",
	.lwm2m_version = "1.0",
	.multiple = true,
	.description = "As object 504, for servers that know this one.",
	.resources = sim,
	.nr = NR(sim),
};

static const struct model_resource esim[] = {
	RES(0, "State", MODEL_R, MODEL_INTEGER, MUST, SPAN(0, 1),
	    SAYS("0 ready for a message of the eIM, 1 not.")),
	RES(1, "EID", MODEL_R, MODEL_STRING, MUST, SAYS("Of the eUICC.")),
	RES(2, "eIM message", MODEL_W, MODEL_OPAQUE, MUST, SAYS("DER, SGP.32 6.3.1.")),
	RES(3, "IPA message", MODEL_R, MODEL_OPAQUE, MUST, SAYS("DER, SGP.32 6.3.1.")),
	RES(4, "Clear IPA message", MODEL_E, MODEL_NONE, MUST, SAYS("The server has it.")),
};

const struct model_object model_esim = {
	.id = MODEL_OBJECT_ESIM,
	.name = "eSIM IoT",
	.urn = "urn:oma:lwm2m:ext:3443",
	.version = "1.0",
	.lwm2m_version = "1.0",
	.description = "Between an eIM and the profile assistant of SGP.32. It has no instance "
		       "as long "
		       "as the device has no such assistant.",
	.resources = esim,
	.nr = NR(esim),
};
