// SPDX-License-Identifier: Apache-2.0
/* OMA's own objects (OMA-TS-DM_StdObj-V1_2_1): what there is of them here. */
#include "model/model.h"
#include "model/mo.h"

#define KEEP .permanent = true
#define MAYBE .occurs = MO_ZERO_OR_ONE
#define MANY .occurs = MO_ZERO_OR_MORE
#define SOME .occurs = MO_ONE_OR_MORE

/* ---- DevInfo: sent in package 1 of each session ------------------------------ */

static const struct mo_node devinfo_nodes[] = {
	MO_LEAF("DevId", MO_CHR, MO_GET, KEEP, MO_ID(MO_DEVINFO_ID),
		MO_SAYS("Identifies the device, worldwide: a URN such as urn:uuid or IMEI.")),
	MO_LEAF("Man", MO_CHR, MO_GET, KEEP, MO_ID(MO_DEVINFO_MAN),
		MO_SAYS("Who made the device."), MO_SAME(MODEL_OBJECT_DEVICE, 0)),
	MO_LEAF("Mod", MO_CHR, MO_GET, KEEP, MO_ID(MO_DEVINFO_MOD), MO_SAYS("Its model."),
		MO_SAME(MODEL_OBJECT_DEVICE, 1)),
	MO_LEAF("DmV", MO_CHR, MO_GET, KEEP, MO_ID(MO_DEVINFO_DMV),
		MO_SAYS("Version of the management client.")),
	MO_LEAF("Lang", MO_CHR, MO_GET, KEEP, MO_ID(MO_DEVINFO_LANG),
		MO_SAYS("Language of texts for the user, by RFC 5646.")),
};

static const struct mo_node devinfo_root =
	MO_INTERIOR("DevInfo", MO_GET, devinfo_nodes, KEEP,
		    MO_SAYS("What a server has to know of a device before all else."));

const struct mo_object mo_devinfo = {
	.name = "DevInfo",
	.moi = "urn:oma:mo:oma-dm-devinfo:1.0",
	.path = ".",
	.description = "Device Information",
	.root = &devinfo_root,
};

/* ---- DevDetail --------------------------------------------------------------- */

static const struct mo_node devdetail_uri[] = {
	MO_LEAF("MaxDepth", MO_CHR, MO_GET, KEEP, MO_ID(MO_DEVDETAIL_MAX_DEPTH),
		MO_SAYS("Segments that a URI may have; 0: no limit.")),
	MO_LEAF("MaxTotLen", MO_CHR, MO_GET, KEEP, MO_ID(MO_DEVDETAIL_MAX_TOT_LEN),
		MO_SAYS("Bytes of a URI; 0: no limit.")),
	MO_LEAF("MaxSegLen", MO_CHR, MO_GET, KEEP, MO_ID(MO_DEVDETAIL_MAX_SEG_LEN),
		MO_SAYS("Bytes of one segment; 0: no limit.")),
};

static const struct mo_node devdetail_nodes[] = {
	MO_LEAF("DevTyp", MO_CHR, MO_GET, KEEP, MO_ID(MO_DEVDETAIL_DEV_TYP),
		MO_SAYS("What kind of device it is.")),
	MO_LEAF("OEM", MO_CHR, MO_GET, KEEP, MO_ID(MO_DEVDETAIL_OEM),
		MO_SAYS("Who sells it under its own name.")),
	MO_LEAF("FwV", MO_CHR, MO_GET, KEEP, MO_ID(MO_DEVDETAIL_FWV),
		MO_SAYS("Version of the firmware."), MO_SAME(MODEL_OBJECT_DEVICE, 3)),
	MO_LEAF("SwV", MO_CHR, MO_GET, KEEP, MO_ID(MO_DEVDETAIL_SWV),
		MO_SAYS("Version of the software.")),
	MO_LEAF("HwV", MO_CHR, MO_GET, KEEP, MO_ID(MO_DEVDETAIL_HWV),
		MO_SAYS("Version of the hardware.")),
	MO_LEAF("LrgObj", MO_BOOL, MO_GET, KEEP, MO_ID(MO_DEVDETAIL_LRG_OBJ),
		MO_SAYS("Objects may come in pieces (MoreData): true.")),
	MO_INTERIOR("URI", MO_GET, devdetail_uri, KEEP, MO_SAYS("Limits of the tree.")),
};

static const struct mo_node devdetail_root = MO_INTERIOR(
	"DevDetail", MO_GET, devdetail_nodes, KEEP, MO_SAYS("More on the device, by request."));

const struct mo_object mo_devdetail = {
	.name = "DevDetail",
	.moi = "urn:oma:mo:oma-dm-devdetail:1.0",
	.path = ".",
	.description = "Device Detail",
	.root = &devdetail_root,
};

/* ---- DMAcc: one instance for each server ------------------------------------- */

#define WRITE (MO_ADD | MO_REPLACE | MO_DELETE)

static const struct mo_node dmacc_conref[] = {
	MO_LEAF("ConRef", MO_CHR, MO_OWN, .id = MO_DMACC_CON_REF,
		MO_SAYS("Connectivity to use; kept, and left to the system.")),
};
static const struct mo_node dmacc_conref_x[] = {
	MO_INTERIOR(NULL, MO_OWN, dmacc_conref, SOME),
};

static const struct mo_node dmacc_portnbr[] = {
	MO_LEAF("PortNbr", MO_INT, MO_OWN, .id = MO_DMACC_PORT_NBR, MO_SPAN(1, 65535),
		MO_SAYS("Port, where the address does not name one.")),
};
static const struct mo_node dmacc_port_x[] = {
	MO_INTERIOR(NULL, MO_OWN, dmacc_portnbr, SOME),
};

static const struct mo_node dmacc_addr[] = {
	MO_LEAF("Addr", MO_CHR, MO_OWN, .id = MO_DMACC_ADDR, MO_SPAN(1, 255),
		MO_SAYS("Where the server is: a URI.")),
	MO_LEAF("AddrType", MO_CHR, MO_OWN, .id = MO_DMACC_ADDR_TYPE,
		MO_SAYS("What Addr is: URI, IPv4 or IPv6.")),
	MO_INTERIOR("Port", MO_OWN, dmacc_port_x, MAYBE),
};
static const struct mo_node dmacc_addr_x[] = {
	MO_INTERIOR(NULL, MO_OWN, dmacc_addr, SOME),
};

static const struct mo_node dmacc_auth[] = {
	MO_LEAF("AAuthLevel", MO_CHR, MO_OWN, .id = MO_DMACC_AUTH_LEVEL,
		MO_SAYS("Who shows who it is with this: CLCRED the client, SRVCRED the "
			"server.")),
	MO_LEAF("AAuthType", MO_CHR, MO_OWN, MAYBE, .id = MO_DMACC_AUTH_TYPE,
		MO_SAYS("How: BASIC, DIGEST, HMAC, TRANSPORT.")),
	MO_LEAF("AAuthName", MO_CHR, MO_OWN, MAYBE, .id = MO_DMACC_AUTH_NAME,
		MO_SAYS("Name that goes with the secret.")),
	MO_LEAF("AAuthSecret", MO_BIN, WRITE, MAYBE, .id = MO_DMACC_AUTH_SECRET,
		MO_SAYS("Secret. Nobody can read it.")),
	MO_LEAF("AAuthData", MO_BIN, WRITE, MAYBE, .id = MO_DMACC_AUTH_DATA,
		MO_SAYS("Nonce to begin with. Nobody can read it.")),
};
static const struct mo_node dmacc_auth_x[] = {
	MO_INTERIOR(NULL, MO_OWN, dmacc_auth, SOME),
};

static const struct mo_node dmacc_nodes[] = {
	MO_LEAF("AppID", MO_CHR, MO_OWN, .id = MO_DMACC_APP_ID, .value = "w7",
		MO_SAYS("Always w7.")),
	MO_LEAF("ServerID", MO_CHR, MO_OWN, .id = MO_DMACC_SERVER_ID, MO_SPAN(1, 59),
		MO_SAYS("Identifier of the server: who it is in ACLs and notifications.")),
	MO_LEAF("Name", MO_CHR, MO_OWN, MAYBE, .id = MO_DMACC_NAME, MO_SPAN(0, 64),
		MO_SAYS("Name of the server for people.")),
	MO_LEAF("PrefConRef", MO_CHR, MO_OWN, MAYBE, .id = MO_DMACC_PREF_CON_REF,
		MO_SAYS("Preferred connectivity; kept, and left to the system.")),
	MO_INTERIOR("ToConRef", MO_OWN, dmacc_conref_x, MAYBE),
	MO_INTERIOR("AppAddr", MO_OWN, dmacc_addr_x, MO_SAYS("Addresses of the server.")),
	MO_LEAF("AAuthPref", MO_CHR, MO_OWN, MAYBE, .id = MO_DMACC_AUTH_PREF,
		MO_SAYS("AAuthType that a session begins with.")),
	MO_INTERIOR("AppAuth", MO_OWN, dmacc_auth_x, MAYBE,
		    MO_SAYS("How both sides show who they are.")),
	{.name = "Ext",
	 .format = MO_NODE,
	 .access = MO_OWN,
	 .occurs = MO_ZERO_OR_ONE,
	 .open = true,
	 .description = "Room for more."},
};

static const struct mo_node dmacc_root = MO_INTERIOR(
	NULL, MO_OWN, dmacc_nodes, MANY, MO_SAYS("The account of a management server."));

const struct mo_object mo_dmacc = {
	.name = "DMAcc",
	.moi = "urn:oma:mo:oma-dm-dmacc:1.0",
	.path = "./DMAcc",
	.description = "Accounts of management servers",
	.acl = "Get=*",
	.alone = true,
	.root = &dmacc_root,
};

/* ---- Inbox ------------------------------------------------------------------- */

static const struct mo_node inbox_root = {
	.name = "Inbox",
	.format = MO_NODE,
	.access = MO_GET,
	.permanent = true,
	.open = true,
	.description = "Takes serialised objects: the client puts each where it belongs.",
};

const struct mo_object mo_inbox = {
	.name = "Inbox",
	.moi = "urn:oma:mo:oma-dm-inbox:1.0",
	.path = ".",
	.description = "Inbox",
	.root = &inbox_root,
};

/* ---- all of them ------------------------------------------------------------- */

const struct mo_object *mo_object_at(size_t i)
{
	static const struct mo_object *const all[] = {
		&mo_devinfo, &mo_devdetail, &mo_dmacc, &mo_inbox, &mo_se,
	};

	return i < sizeof(all) / sizeof(all[0]) ? all[i] : NULL;
}
