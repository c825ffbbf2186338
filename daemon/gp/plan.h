/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plans: what shall be done to the content of a card, before anything is sent.
 *
 * A plan is a list of operations, each in one of the plan's sessions. A session is a
 * security domain (selected by AID) and the name of a key set; a plan mostly has one,
 * and one more for each security domain that it creates and then puts keys into. Keys
 * are in a plan by name only.
 *
 * The text form is JSON (Documentation/daemon/gp.rst has the schema):
 *
 *	{ "version": 1, "name": "payment",
 *	  "sessions": [ { "sd": "A000000151000000", "keys": "isd" } ],
 *	  "operations": [
 *	    { "op": "load", "file": "wallet.cap" },
 *	    { "op": "install", "elf": "A00000000101", "module": "A0000000010101",
 *	      "aid": "A0000000010101", "selectable": true } ] }
 *
 * Pure: file names in a plan are read by the caller, see gp_plan_resolve(). The code of a
 * package is by far the largest part of one; gp_plan_open() leaves it where it is.
 */
#ifndef GP_PLAN_H
#define GP_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-json.h>

#include "gp/cmd.h"
#include "gp/error.h"
#include "gp/registry.h"
#include "gp/source.h"

#define GP_PLAN_VERSION 1
#define GP_PLAN_SESSIONS_MAX 16
#define GP_PLAN_OPS_MAX 256
#define GP_PLAN_NAME_MAX 64	   /* names of plans and key sets, with their NUL */
#define GP_PLAN_FILE_MAX 1024	   /* a file name in a plan, with its NUL */
#define GP_PLAN_TEXT_MAX (8 << 20) /* longest JSON text, bytes */
#define GP_PLAN_BLOB_MAX (4 << 20) /* most bytes of one field (a load file) */

/** struct gp_blob - bytes that this structure owns; {0} for none */
struct gp_blob {
	uint8_t *p;
	size_t len;
};

/** gp_blob_set() - a copy of @p. 0, -ENOMEM, -EMSGSIZE above GP_PLAN_BLOB_MAX. */
int gp_blob_set(struct gp_blob *blob, const void *p, size_t len);
/** gp_blob_take() - @p itself, from malloc(): the blob's from now on, or cleansed and freed
 * if it is too long. 0, -EMSGSIZE. */
int gp_blob_take(struct gp_blob *blob, void *p, size_t len);
/** gp_blob_clear() - cleanse and free */
void gp_blob_clear(struct gp_blob *blob);

struct gp_code;
struct gp_code_text;
struct plan_lift;

/**
 * enum gp_op_type - what an operation does; the fields of struct gp_op it reads (those
 * in brackets may be empty)
 * @GP_OP_LOAD: load a load file: code or file, [aid: of the load file, needed with code
 *	that is no CAP file], [sd: the domain it belongs to], [hash, hash_len], [dap],
 *	[system], [token], [block]
 * @GP_OP_INSTALL: make an instance: [elf], [module], [aid], [privileges], [params],
 *	[system], selectable, [token]
 *	An empty elf is the load file of the nearest load before it in the plan, an empty
 *	module its only applet, an empty aid the module; gp_plan_resolve() fills them in
 * @GP_OP_MAKE_SELECTABLE: aid, [privileges], [system], [token]
 * @GP_OP_SD_CREATE: as INSTALL; elf and module default to the card's own security domain
 *	package, privileges to 80 (security domain), params to what scp, accept_extradition
 *	and accept_deletion say
 * @GP_OP_EXTRADITE: aid (application, domain or load file), sd: where it goes, [token]
 * @GP_OP_REGISTRY_UPDATE: [aid], [sd], [privileges], [system], [token]
 * @GP_OP_PERSONALISE: INSTALL [for personalization] of aid, then data as STORE DATA
 * @GP_OP_STORE_DATA: data to the session's own domain
 * @GP_OP_DELETE: aid, [related], [token]
 * @GP_OP_LOCK: aid, [related: a domain and all of its applications]
 * @GP_OP_UNLOCK: the same, the other way
 * @GP_OP_SD_PERSONALISED: the session's own domain says that it is personalised
 * @GP_OP_PUT_KEY: the key set @keys, or the public key @data, into the session's domain;
 *	kvn, [kid], [old_kvn: replace that version]; read back
 * @GP_OP_DELETE_KEY: [kvn], [kid], at least one
 * @GP_OP_CARD_STATE: card_state
 * @GP_OP_LIST: the registry, as result data; [aid: begins with], scope
 * @GP_OP_GET_DATA: tag, [data: the command's data]
 * @GP_OP_APDU: data: one plain C-APDU, sent through the secure channel if there is one
 */
enum gp_op_type {
	GP_OP_LOAD,
	GP_OP_INSTALL,
	GP_OP_MAKE_SELECTABLE,
	GP_OP_SD_CREATE,
	GP_OP_EXTRADITE,
	GP_OP_REGISTRY_UPDATE,
	GP_OP_PERSONALISE,
	GP_OP_STORE_DATA,
	GP_OP_DELETE,
	GP_OP_LOCK,
	GP_OP_UNLOCK,
	GP_OP_SD_PERSONALISED,
	GP_OP_PUT_KEY,
	GP_OP_DELETE_KEY,
	GP_OP_CARD_STATE,
	GP_OP_LIST,
	GP_OP_GET_DATA,
	GP_OP_APDU,
	GP_OP_TYPES /* their number, below 64 */
};

/** gp_op_name() - "load", "install", "make-selectable", …; NULL for another number */
const char *gp_op_name(enum gp_op_type type);
/** gp_op_parse() - the reverse. Return: enum gp_op_type or -EINVAL. */
int gp_op_parse(const char *name);

/* struct gp_plan.confirmed: without its bit such an operation is refused */
#define GP_CONFIRM_CARD_LOCK (1U << 0)	    /* "card-lock" */
#define GP_CONFIRM_CARD_TERMINATE (1U << 1) /* "card-terminate" */

/**
 * struct gp_session - where a group of operations is sent
 * @sd: application that the logical channel is opened on; empty: what the card selects by
 *	itself (the issuer's domain)
 * @keys: name of the key set; "" for no secure channel at all
 * @kvn: key version number asked for; 0: that of the key set
 * @level: security level (P1 of EXTERNAL AUTHENTICATE): 01 C-MAC, 03 and C-DECRYPTION, 11,
 *	13 with R-MAC, 33 with R-ENCRYPTION; 0 for the default, 03
 * @profile: quirk profile by name, "" for what the card's data suggest
 * @receipt_key: name of the key that the card's receipts are verified with, "" for none named
 */
struct gp_session {
	struct gp_aid sd;
	char keys[GP_PLAN_NAME_MAX];
	uint8_t kvn;
	uint8_t level;
	char profile[32];
	char receipt_key[GP_PLAN_NAME_MAX];
};

/**
 * struct gp_op - one operation; which fields it reads is said at enum gp_op_type
 * @type: enum gp_op_type
 * @session: index into the plan's sessions
 * @if_needed: where the state that it makes is there before the plan ever ran, this is
 *	"already" and no error. Operations other than load, install, sd-create and put-key are
 *	always so
 * @repeatable: store-data, personalise, apdu: may be run again from its beginning when it is
 *	not known how far it came. Otherwise such a resume is refused
 * @label: for people, "" for none
 * @aid: its subject
 * @elf: executable load file
 * @module: executable module
 * @sd: another security domain; empty: the session's own
 * @selectable: INSTALL [for install and make selectable] in one command
 * @related: delete what belongs to it as well; lock a domain with its applications
 * @privileges: GP_PRIV_*
 * @privileges_len: bytes of them in the command: 1 or 3; registry-update: 0 for no change
 * @params: install: contents of C9
 * @system: contents of EF; may be empty, as may the next two
 * @uicc: install: contents of EA
 * @token_ref: contents of B6
 * @all_params: the whole field, instead of the four above
 * @token: made beforehand, see gp/token.h
 * @code: load: a CAP file, or a load file as it goes down (E2, C4, or D3 and D4)
 * @text: load: the same, left in the text that gp_plan_open() has read; or NULL
 * @file: load: name of a file with the same; gp_plan_resolve() makes @code of it
 * @load: load: what is sent, made by gp_plan_resolve() of what @code or @text has, which it
 *	reads again and again (gp/code.h); NULL before
 * @dap: load: E2 blocks (gp/dap.h) to be put before what a CAP file gives; resolved into load
 * @hash: load: hash of the load file data block; made here if hash_len says so
 * @hash_len: load: 20, 32, 48, 64: make that hash in gp_plan_resolve(); 0: none, or 32 if there
 *	are DAP blocks, which sign one
 * @block: load: most data bytes of one LOAD, 0 for as many as fit
 * @data: store-data, personalise: data; get-data: data; apdu: the C-APDU; put-key: a public
 *	key, DER of SubjectPublicKeyInfo
 * @form: how data of STORE DATA are coded: GP_STORE_DGI, GP_STORE_BER, or 0 for nothing said
 * @encrypted: store-data: the data are encrypted under the session's DEK here
 * @keys: put-key: name of the new key set
 * @kvn: key version number; put-key 0: that of the key set
 * @kid: key identifier; put-key 0: 1
 * @old_kvn: put-key: version that is replaced, 0 for a new one
 * @accept_extradition: sd-create: value of parameter 82, or -1
 * @accept_deletion: sd-create: value of parameter 87, or -1
 * @scp: sd-create: parameter 81: protocol and its option i, both 0 for none
 * @card_state: GP_CARD_* of gp/registry.h; SECURED is also the way out of CARD_LOCKED
 * @scope: GP_LIST_* of gp/cmd.h, any of them; 0 for all
 * @tag: get-data
 */
struct gp_op {
	uint8_t type;
	uint8_t session;
	bool if_needed, repeatable, selectable, related, encrypted;
	char label[GP_PLAN_NAME_MAX];
	struct gp_aid aid, elf, module, sd;
	uint32_t privileges;
	uint8_t privileges_len;
	struct gp_blob params, system, uicc, token_ref, all_params, token;
	struct gp_blob code, dap, hash;
	struct gp_code_text *text;
	struct gp_code *load;
	char *file;
	uint8_t hash_len;
	uint16_t block;
	struct gp_blob data;
	uint8_t form;
	char keys[GP_PLAN_NAME_MAX];
	uint8_t kvn, kid, old_kvn;
	int16_t accept_extradition, accept_deletion;
	uint8_t scp[2];
	uint8_t card_state;
	uint8_t scope;
	uint16_t tag;
};

/**
 * struct gp_plan - the whole
 * @name: for people and logs; "" is fine
 * @confirmed: GP_CONFIRM_*
 * @sessions: where; session 0 is opened first
 * @nr_sessions: at least 1
 * @ops: what, in order
 * @nr_ops: their number
 * @lift: while it is read from its text; private
 */
struct gp_plan {
	char name[GP_PLAN_NAME_MAX];
	uint32_t confirmed;
	struct gp_session sessions[GP_PLAN_SESSIONS_MAX];
	size_t nr_sessions;
	struct gp_op *ops;
	size_t nr_ops;
	struct plan_lift *lift;
};

/** gp_plan_new() - an empty plan; NULL for want of memory */
struct gp_plan *gp_plan_new(void);
/** gp_plan_free() - cleanse and free it. NULL is fine. */
void gp_plan_free(struct gp_plan *plan);

/**
 * gp_plan_session() - add a session
 * @sd: may be NULL or empty
 * @keys: name of its key set, NULL or "" for none
 *
 * Return: its index; -ENOSPC, -EINVAL for a name that is too long. Further fields are set in
 * plan->sessions[index].
 */
int gp_plan_session(struct gp_plan *plan, const struct gp_aid *sd, const char *keys);

/**
 * gp_plan_add() - append an operation
 *
 * Return: it, with its defaults, valid until the next gp_plan_add(); NULL with errno ENOMEM or
 * ENOSPC.
 */
struct gp_op *gp_plan_add(struct gp_plan *plan, enum gp_op_type type, unsigned int session);

/**
 * gp_plan_validate() - is it complete and free of contradictions?
 *
 * Every function that takes a plan wants one that passed. Return: 0 or -EINVAL with
 * err->detail naming the operation; code "plan-invalid", or -EPERM "not-confirmed".
 */
int gp_plan_validate(const struct gp_plan *plan, struct gp_error *err);

/**
 * gp_plan_resolve() - turn file names and CAP files into load file data blocks
 * @read: gives the contents of a file, malloc()ed; 0 or negative errno. NULL: a plan with file
 *	names is refused (-ENOENT)
 *
 * Also fills in load file AIDs, hashes, and what @GP_OP_INSTALL leaves open. After it the plan
 *needs nothing from outside but keys. Return: 0; -EBADMSG for a bad CAP file; what @read said;
 *-EINVAL, -ENOMEM; @plan is good for gp_plan_free() only then.
 */
int gp_plan_resolve(struct gp_plan *plan,
		    int (*read)(void *userdata, const char *name, uint8_t **p, size_t *len),
		    void *userdata, struct gp_error *err);

/**
 * gp_plan_parse() - from JSON text
 * @text: need not be terminated
 *
 * Parsed and validated; not resolved. Unknown fields are errors. Return: 0; -EBADMSG
 * "plan-format" with the line; -EINVAL, -EPERM as gp_plan_validate(); -EMSGSIZE, -ENOMEM.
 */
int gp_plan_parse(struct gp_plan **ret, const char *text, size_t len, struct gp_error *err);

/**
 * gp_plan_open() - the same from a text that is somewhere
 * @text: stays, and stays as it is, until gp_plan_free()
 *
 * Code is not read: only where it is in the text is kept, as long as it is base64 without
 * anything between its characters. All else is in memory, @code of no matter what size not.
 * Return: as gp_plan_parse(); what reading @text says.
 */
int gp_plan_open(struct gp_plan **ret, const struct gp_source *text, struct gp_error *err);

/** gp_plan_from_json() - the same from a parsed value */
int gp_plan_from_json(struct gp_plan **ret, sd_json_variant *json, struct gp_error *err);

/** gp_plan_to_json() - the reverse; @ret is to be unreferenced. 0 or negative errno. */
int gp_plan_to_json(const struct gp_plan *plan, sd_json_variant **ret);

/**
 * gp_plan_digest() - what tells two plans apart: SHA-256 of the canonical JSON text
 *
 * A record (gp/record.h) belongs to the plan with the same digest. Return: 0, -ENOMEM, -EIO.
 */
int gp_plan_digest(const struct gp_plan *plan, uint8_t digest[32]);

/**
 * gp_plan_aids() - every AID that a plan selects, makes, changes or deletes
 * @fn: called with each; a result other than 0 ends the walk and is returned
 *
 * For policies. An empty AID is the card's default application.
 */
int gp_plan_aids(const struct gp_plan *plan,
		 int (*fn)(void *userdata, const struct gp_aid *aid), void *userdata);

/**
 * gp_plan_show() - dry run: what would be sent to a card that has nothing of it yet
 * @ret: an object {plan, steps: [{op, keys, label, apdus: [{hex, command, text}]}], apdus,
 *	roundTrips, unknown: [text]}; "hex" has placeholders such as <MAC 8> where the secure
 *	channel fills in; "command" is the C-APDU before that, which tokens are made over
 *	(one C-APDU, extended if need be). Data of STORE DATA, and what else is secret, have
 *	none, and only their length in "hex"
 *
 * The plan must be resolved. Key values do not appear. Return: 0, -EINVAL, -ENOMEM.
 */
int gp_plan_show(const struct gp_plan *plan, sd_json_variant **ret, struct gp_error *err);

#endif /* GP_PLAN_H */
