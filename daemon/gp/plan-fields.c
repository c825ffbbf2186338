// SPDX-License-Identifier: Apache-2.0
/* Which fields an operation has in JSON, and the words that stand for numbers. */
#include "gp/plan-fields.h"

#define ON(type) PLAN_ON(type)
#define INSTALLS (ON(GP_OP_INSTALL) | ON(GP_OP_SD_CREATE))
#define DATA (ON(GP_OP_PERSONALISE) | ON(GP_OP_STORE_DATA))
#define PARAMS (ON(GP_OP_MAKE_SELECTABLE) | ON(GP_OP_REGISTRY_UPDATE) | INSTALLS)
#define TOKENS (PARAMS | ON(GP_OP_LOAD) | ON(GP_OP_EXTRADITE) | ON(GP_OP_DELETE))
#define ALL (~0U)

const struct plan_field plan_fields[] = {
#define AT(member) offsetof(struct gp_op, member)
	{"label", FORM_NAME, AT(label), ALL},
	{"ifNeeded", FORM_BOOL, AT(if_needed), INSTALLS | ON(GP_OP_LOAD) | ON(GP_OP_PUT_KEY)},
	{"repeatable", FORM_BOOL, AT(repeatable), DATA | ON(GP_OP_APDU)},
	{"aid", FORM_AID, AT(aid),
	 ALL & ~(ON(GP_OP_STORE_DATA) | ON(GP_OP_SD_PERSONALISED) | ON(GP_OP_PUT_KEY) |
		 ON(GP_OP_DELETE_KEY) | ON(GP_OP_CARD_STATE) | ON(GP_OP_GET_DATA) |
		 ON(GP_OP_APDU))},
	{"elf", FORM_AID, AT(elf), INSTALLS},
	{"module", FORM_AID, AT(module), INSTALLS},
	{"sd", FORM_AID, AT(sd),
	 ON(GP_OP_LOAD) | ON(GP_OP_EXTRADITE) | ON(GP_OP_REGISTRY_UPDATE)},
	{"selectable", FORM_BOOL, AT(selectable), INSTALLS},
	{"related", FORM_BOOL, AT(related),
	 ON(GP_OP_DELETE) | ON(GP_OP_LOCK) | ON(GP_OP_UNLOCK)},
	{"privileges", FORM_PRIVILEGES, AT(privileges), PARAMS},
	{"params", FORM_HEX, AT(params), INSTALLS},
	{"system", FORM_HEX, AT(system), PARAMS | ON(GP_OP_LOAD)},
	{"uicc", FORM_HEX, AT(uicc), INSTALLS},
	{"tokenRef", FORM_HEX, AT(token_ref), TOKENS},
	{"allParams", FORM_HEX, AT(all_params), TOKENS & ~ON(GP_OP_DELETE)},
	{"token", FORM_HEX, AT(token), TOKENS},
	{"acceptExtradition", FORM_OPTIONAL, AT(accept_extradition), ON(GP_OP_SD_CREATE)},
	{"acceptDeletion", FORM_OPTIONAL, AT(accept_deletion), ON(GP_OP_SD_CREATE)},
	{"scp", FORM_SCP, AT(scp), ON(GP_OP_SD_CREATE)},
	{"file", FORM_FILE, AT(file), ON(GP_OP_LOAD)},
	{"code", FORM_CODE, AT(code), ON(GP_OP_LOAD)},
	{"dap", FORM_HEX, AT(dap), ON(GP_OP_LOAD)},
	{"hash", FORM_HEX, AT(hash), ON(GP_OP_LOAD)},
	{"hashAlgorithm", FORM_DIGEST, AT(hash_len), ON(GP_OP_LOAD)},
	{"block", FORM_SHORT, AT(block), ON(GP_OP_LOAD) | DATA},
	{"data", FORM_HEX, AT(data), DATA | ON(GP_OP_GET_DATA) | ON(GP_OP_APDU)},
	{"form", FORM_STORE, AT(form), DATA},
	{"encrypted", FORM_BOOL, AT(encrypted), DATA},
	{"keys", FORM_NAME, AT(keys), ON(GP_OP_PUT_KEY)},
	{"publicKey", FORM_BASE64, AT(data), ON(GP_OP_PUT_KEY)},
	{"kvn", FORM_BYTE, AT(kvn), ON(GP_OP_PUT_KEY) | ON(GP_OP_DELETE_KEY)},
	{"kid", FORM_BYTE, AT(kid), ON(GP_OP_PUT_KEY) | ON(GP_OP_DELETE_KEY)},
	{"oldKvn", FORM_BYTE, AT(old_kvn), ON(GP_OP_PUT_KEY)},
	{"state", FORM_STATE, AT(card_state), ON(GP_OP_CARD_STATE)},
	{"scope", FORM_SCOPE, AT(scope), ON(GP_OP_LIST)},
	{"tag", FORM_TAG, AT(tag), ON(GP_OP_GET_DATA)},
#undef AT
};
const size_t plan_nr_fields = sizeof(plan_fields) / sizeof(plan_fields[0]);

const struct plan_word plan_stores[] = {
	{"plain", 0}, {"dgi", GP_STORE_DGI}, {"ber", GP_STORE_BER}, {0}};
const struct plan_word plan_states[] = {{"initialized", GP_CARD_INITIALIZED},
					{"secured", GP_CARD_SECURED},
					{"locked", GP_CARD_LOCKED},
					{"terminated", GP_CARD_TERMINATED},
					{0}};
const struct plan_word plan_scopes[] = {{"isd", GP_LIST_ISD},
					{"apps", GP_LIST_APPS},
					{"elfs", GP_LIST_ELFS},
					{"modules", GP_LIST_MODULES},
					{0}};
const struct plan_word plan_levels[] = {{"default", 0x00},
					{"c-mac", 0x01},
					{"c-mac,c-enc", 0x03},
					{"r-mac", 0x10},
					{"c-mac,r-mac", 0x11},
					{"c-mac,c-enc,r-mac", 0x13},
					{"c-mac,c-enc,r-mac,r-enc", 0x33},
					{0}};
const struct plan_word plan_confirms[] = {{"card-lock", GP_CONFIRM_CARD_LOCK},
					  {"card-terminate", GP_CONFIRM_CARD_TERMINATE},
					  {0}};
