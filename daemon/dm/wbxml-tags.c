// SPDX-License-Identifier: Apache-2.0
#include <stddef.h>
#include <string.h>

#include "dm/syncml.h"
#include "dm/wbxml-tags.h"

#define FIRST 0x05

/* in the order of their tokens, from FIRST on */
static const char *const syncml[] = {
	"Add",		"Alert",      "Archive",
	"Atomic",	"Chal",	      "Cmd",
	"CmdID",	"CmdRef",     "Copy",
	"Cred",		"Data",	      "Delete",
	"Exec",		"Final",      "Get",
	"Item",		"Lang",	      "LocName",
	"LocURI",	"Map",	      "MapItem",
	"Meta",		"MsgID",      "MsgRef",
	"NoResp",	"NoResults",  "Put",
	"Replace",	"RespURI",    "Results",
	"Search",	"Sequence",   "SessionID",
	"SftDel",	"Source",     "SourceRef",
	"Status",	"Sync",	      "SyncBody",
	"SyncHdr",	"SyncML",     "Target",
	"TargetRef",	NULL, /* reserved */
	"VerDTD",	"VerProto",   "NumberOfChanges",
	"MoreData",	"Field",      "Filter",
	"Record",	"FilterType", "SourceParent",
	"TargetParent", "Move",	      "Correlator",
};
static const char *const metinf[] = {
	"Anchor",    "EMI",	   "Format", "FreeID",	"FreeMem",    "Last",
	"Mark",	     "MaxMsgSize", "Mem",    "MetInf",	"Next",	      "NextNonce",
	"SharedMem", "Size",	   "Type",   "Version", "MaxObjSize", "FieldLevel",
};
static const char *const dmddf[] = {
	"AccessType",	"ACL",		"Add",	   "b64",	  "bin",       "bool",
	"chr",		"CaseSense",	"CIS",	   "Copy",	  "CS",	       "date",
	"DDFName",	"DefaultValue", "Delete",  "Description", "DFFormat",  "DFProperties",
	"DFTitle",	"DFType",	"Dynamic", "Exec",	  "float",     "Format",
	"Get",		"int",		"Man",	   "MgmtTree",	  "MIME",      "Mod",
	"Name",		"Node",		"node",	   "NodeName",	  "null",      "Occurrence",
	"One",		"OneOrMore",	"OneOrN",  "Path",	  "Permanent", "Replace",
	"RTProperties", "Scope",	"Size",	   "time",	  "Title",     "TStamp",
	"Type",		"Value",	"VerDTD",  "VerNo",	  "xml",       "ZeroOrMore",
	"ZeroOrN",	"ZeroOrOne",
};

static const struct {
	const char *const *names;
	size_t n;
	const char *uri;
} pages[DM_PAGES] = {
	{syncml, sizeof(syncml) / sizeof(*syncml), DM_XMLNS},
	{metinf, sizeof(metinf) / sizeof(*metinf), "syncml:metinf"},
	{dmddf, sizeof(dmddf) / sizeof(*dmddf), "syncml:dmddf1.2"},
};

const char *dm_wbxml_tag(unsigned int page, unsigned int token)
{
	if (page >= DM_PAGES || token < FIRST || token - FIRST >= pages[page].n)
		return NULL;
	return pages[page].names[token - FIRST];
}

uint8_t dm_wbxml_token(unsigned int page, const char *name)
{
	for (size_t i = 0; page < DM_PAGES && i < pages[page].n; i++)
		if (pages[page].names[i] && strcmp(pages[page].names[i], name) == 0)
			return (uint8_t)(FIRST + i);
	return 0;
}

const char *dm_wbxml_uri(unsigned int page)
{
	return page < DM_PAGES ? pages[page].uri : NULL;
}
