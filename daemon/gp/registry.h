/* SPDX-License-Identifier: Apache-2.0 */
/* What GET STATUS says is on a card (GPCS 2.3.1, 11.4), privileges and states. */
#ifndef SESAME_GP_REGISTRY_H
#define SESAME_GP_REGISTRY_H

#include "gp/apdu.h"

/* privileges, byte 1 on top (GPCS 2.3.1, tables 11-7 to 11-9) */
#define GP_PRIV_SD 0x800000U
#define GP_PRIV_DAP 0xc00000U /* two bits: it is an SD */
#define GP_PRIV_DELEGATED 0xa00000U
#define GP_PRIV_CARD_LOCK 0x100000U
#define GP_PRIV_CARD_TERMINATE 0x080000U
#define GP_PRIV_CARD_RESET 0x040000U
#define GP_PRIV_CVM 0x020000U
#define GP_PRIV_MANDATED_DAP 0xc10000U
#define GP_PRIV_TRUSTED_PATH 0x008000U
#define GP_PRIV_AUTHORIZED 0x004000U
#define GP_PRIV_TOKEN 0x002000U
#define GP_PRIV_GLOBAL_DELETE 0x001000U
#define GP_PRIV_GLOBAL_LOCK 0x000800U
#define GP_PRIV_GLOBAL_REGISTRY 0x000400U
#define GP_PRIV_FINAL 0x000200U
#define GP_PRIV_GLOBAL_SERVICE 0x000100U
#define GP_PRIV_RECEIPT 0x000080U
#define GP_PRIV_CIPHERED_LOAD 0x000040U
#define GP_PRIV_CONTACTLESS_ACTIVATION 0x000020U
#define GP_PRIV_SELF_ACTIVATION 0x000010U

#define GP_PRIV_WORDS 512

/**
 * gp_priv_to_text() - privileges by name
 * @text: out: names in the order of the bits, joined by ", ", bits without a name
 *	last as hex; empty for none. GP_PRIV_WORDS bytes hold all
 * @room: size of @text
 *
 * Names are those of GPCS without spaces: SecurityDomain, DAPVerification,
 * DelegatedManagement, CardLock, CardTerminate, CardReset, CVMManagement,
 * MandatedDAPVerification, TrustedPath, AuthorizedManagement, TokenManagement,
 * GlobalDelete, GlobalLock, GlobalRegistry, FinalApplication, GlobalService,
 * ReceiptGeneration, CipheredLoadFileDataBlock, ContactlessActivation,
 * ContactlessSelfActivation.
 *
 * Return: bytes written without the NUL, cut at @room.
 */
size_t gp_priv_to_text(uint32_t privileges, char *text, size_t room);

/**
 * gp_priv_from_text() - the reverse
 * @text: names in any case, separated by commas, blanks or "|"; or six (two)
 *	hex digits alone for three (one) bytes
 *
 * CardReset is "DefaultSelected" as well, the former name.
 *
 * Return: 0; -EINVAL with the name at fault in @err.
 */
int gp_priv_from_text(const char *text, uint32_t *privileges, struct gp_error *err);

/**
 * gp_priv_name() - the name of privilege number @n, 0 (SecurityDomain) and up,
 * NULL at the end; @bits gets its GP_PRIV_* (may be NULL). For JSON arrays.
 */
const char *gp_priv_name(unsigned int n, uint32_t *bits);

/** gp_priv_has() - is it in there? Two-bit privileges are asked for their own bit. */
bool gp_priv_has(uint32_t privileges, uint32_t which);

/* card life cycle, that of the ISD */
#define GP_CARD_OP_READY 0x01
#define GP_CARD_INITIALIZED 0x07
#define GP_CARD_SECURED 0x0f
#define GP_CARD_LOCKED 0x7f
#define GP_CARD_TERMINATED 0xff
/* load file */
#define GP_ELF_LOADED 0x01
/* application and security domain */
#define GP_APP_INSTALLED 0x03
#define GP_APP_SELECTABLE 0x07
#define GP_SD_PERSONALIZED 0x0f
#define GP_APP_LOCKED_BIT 0x80

/** enum gp_kind - what an entry is */
enum gp_kind {
	GP_KIND_ISD,
	GP_KIND_SSD,
	GP_KIND_APP,
	GP_KIND_ELF,
};

/** gp_kind_name() - "isd", "ssd", "app", "elf". */
const char *gp_kind_name(enum gp_kind kind);

#define GP_STATE_WORDS 40

/**
 * gp_state_to_text() - a life cycle state by name
 * @text: out: "SELECTABLE", "PERSONALIZED", "LOCKED (SELECTABLE)",
 *	"application specific 17", "unknown 42". GP_STATE_WORDS bytes hold all
 */
void gp_state_to_text(enum gp_kind kind, uint8_t state, char *text, size_t room);

/**
 * gp_state_from_text() - the reverse, in any case, "-" and "_" alike; or two hex
 * digits. LOCKED alone is the lock bit, for the card GP_CARD_LOCKED
 *
 * Return: 0 or -EINVAL.
 */
int gp_state_from_text(enum gp_kind kind, const char *text, uint8_t *state);

/** gp_state_locked() - is an entry of @kind in @state locked (ISD: card locked)? */
bool gp_state_locked(enum gp_kind kind, uint8_t state);

#define GP_ENTRY_VERSION_MAX 8
#define GP_ENTRY_IMPLICIT_MAX 8
#define GP_REGISTRY_ENTRIES_MAX 1024
#define GP_ENTRY_MODULES_MAX 256

/* which of an entry's members the card told */
#define GP_ENTRY_STATE (1U << 0)
#define GP_ENTRY_PRIVILEGES (1U << 1)
#define GP_ENTRY_SD (1U << 2)
#define GP_ENTRY_ELF (1U << 3)
#define GP_ENTRY_VERSION (1U << 4)
#define GP_ENTRY_IMPLICIT (1U << 5)
#define GP_ENTRY_MODULES (1U << 6)

/**
 * struct gp_entry - one entry of the registry
 * @aid: its AID; the ISD's may be empty if the card does not tell
 * @kind: SSD and APP are told apart by the privilege
 * @told: GP_ENTRY_*, which of the following are known
 * @state: life cycle state
 * @privileges: GP_PRIV_*; of a card that answers one byte, those of that byte
 * @sd: CC, the SD that owns it
 * @elf: C4, the load file of an application
 * @version: CE, of a load file
 * @version_len: bytes of it, cut at GP_ENTRY_VERSION_MAX
 * @implicit: CF, implicit selection parameters, one byte each
 * @nr_implicit: their number, cut at GP_ENTRY_IMPLICIT_MAX
 * @modules: 84, AIDs of a load file's modules; owned
 * @nr_modules: their number
 */
struct gp_entry {
	struct gp_aid aid;
	enum gp_kind kind;
	unsigned int told;
	uint8_t state;
	uint32_t privileges;
	struct gp_aid sd;
	struct gp_aid elf;
	uint8_t version[GP_ENTRY_VERSION_MAX];
	uint8_t version_len;
	uint8_t implicit[GP_ENTRY_IMPLICIT_MAX];
	uint8_t nr_implicit;
	struct gp_aid *modules;
	size_t nr_modules;
};

/**
 * struct gp_registry - a listing, in the order in which the card told it
 * @entries: owned
 * @n: their number
 * @room: entries allocated
 *
 * {0} is an empty one.
 */
struct gp_registry {
	struct gp_entry *entries;
	size_t n, room;
};

/** gp_registry_clear() - free everything; empty afterwards. */
void gp_registry_clear(struct gp_registry *reg);

/** gp_registry_copy() - an independent copy; @to is overwritten. 0 or -ENOMEM. */
int gp_registry_copy(struct gp_registry *to, const struct gp_registry *from);

/**
 * gp_registry_take() - take over the data of one GET STATUS answer
 * @list: P1 of the command, GP_LIST_*
 * @p: response data without status word
 *
 * Call it for each page (6310) and each subset, in any order; an AID that is
 * there already gains what is new, so that GP_LIST_MODULES after GP_LIST_ELFS adds
 * modules. Which of the two forms the card used (TLV E3, or the older one)
 * is seen from the data.
 *
 * Tolerated, because cards do it: several entries in one E3, unknown TLVs, empty C4 and CC, one
 * privilege byte, an entry of the ISD without AID, E3 without any state, several C5. Not
 * tolerated: an element cut short, an AID of a wrong length, an entry other than the ISD's
 * without AID.
 *
 * Return: entries read, 0 or more; -EBADMSG; -ENOSPC over GP_REGISTRY_ENTRIES_MAX
 * or GP_ENTRY_MODULES_MAX; -ENOMEM. What came before the error is kept.
 */
int gp_registry_take(struct gp_registry *reg, uint8_t list, const uint8_t *p, size_t len,
		     struct gp_error *err);

/**
 * typedef gp_entry_fn - one entry of a GET STATUS answer
 * @entry: its modules are the callee's if it empties modules and nr_modules; else they are
 *	freed behind it
 * @raw: the entry's TLVs in the answer, what is inside E3; NULL for the form without TLV
 * @len: their bytes
 *
 * Return: 0; a negative errno ends the reading.
 */
typedef int (*gp_entry_fn)(void *ctx, struct gp_entry *entry, const uint8_t *raw, size_t len);

/**
 * gp_registry_each() - the entries of one GET STATUS answer, without a registry
 * @list, @p, @len: as for gp_registry_take()
 *
 * Return: entries read, 0 or more; -EBADMSG; what @fn returned.
 */
int gp_registry_each(uint8_t list, const uint8_t *p, size_t len, gp_entry_fn fn, void *ctx,
		     struct gp_error *err);

/** gp_registry_add() - append an empty entry, or NULL (-ENOMEM, -ENOSPC in *@error). */
struct gp_entry *gp_registry_add(struct gp_registry *reg, const struct gp_aid *aid,
				 enum gp_kind kind, int *error);

/** gp_entry_add_module() - append a module. 0, -ENOMEM or -ENOSPC. */
int gp_entry_add_module(struct gp_entry *entry, const struct gp_aid *aid);

/** gp_entry_has_module() - is it one of the entry's modules? */
bool gp_entry_has_module(const struct gp_entry *entry, const struct gp_aid *module);

/**
 * gp_registry_find() - the application, SD or ISD with that AID, else the load file
 *
 * A load file and an application may have the same AID. NULL if there is none.
 */
struct gp_entry *gp_registry_find(const struct gp_registry *reg, const struct gp_aid *aid);

/** gp_registry_find_elf() - the load file with that AID, or NULL. */
struct gp_entry *gp_registry_find_elf(const struct gp_registry *reg, const struct gp_aid *aid);

/** gp_registry_isd() - the issuer security domain's entry, or NULL. */
struct gp_entry *gp_registry_isd(const struct gp_registry *reg);

/** gp_registry_find_module() - the load file that has this module, or NULL. */
struct gp_entry *gp_registry_find_module(const struct gp_registry *reg,
					 const struct gp_aid *module);

/**
 * gp_registry_next_of() - applications made from a load file, one after the other
 * @after: the last one, or NULL for the first
 */
struct gp_entry *gp_registry_next_of(const struct gp_registry *reg, const struct gp_aid *elf,
				     const struct gp_entry *after);

/** gp_registry_next_in() - the same for what an SD owns directly, itself left out. */
struct gp_entry *gp_registry_next_in(const struct gp_registry *reg, const struct gp_aid *sd,
				     const struct gp_entry *after);

/* how two states of an entry differ */
#define GP_DIFF_ADDED (1U << 0)
#define GP_DIFF_REMOVED (1U << 1)
#define GP_DIFF_STATE (1U << 2)
#define GP_DIFF_PRIVILEGES (1U << 3)
#define GP_DIFF_SD (1U << 4)
#define GP_DIFF_ELF (1U << 5)
#define GP_DIFF_IMPLICIT (1U << 6)
#define GP_DIFF_MODULES (1U << 7)
#define GP_DIFF_VERSION (1U << 8)

/**
 * gp_entry_diff() - how one entry differs from another of the same AID
 *
 * Members that only one of the two knows are no difference.
 *
 * Return: GP_DIFF_*, 0 if they are alike.
 */
unsigned int gp_entry_diff(const struct gp_entry *before, const struct gp_entry *now);

/**
 * gp_registry_compare() - what changed from one listing to another
 * @fn: called for each entry that differs: first for those of @before, in
 *	order (@now NULL if removed), then for those added (@before NULL). A return
 *	value other than 0 ends the comparison
 *
 * Return: 0, or what @fn returned.
 */
int gp_registry_compare(const struct gp_registry *before, const struct gp_registry *now,
			int (*fn)(void *ctx, unsigned int diff, const struct gp_entry *before,
				  const struct gp_entry *now),
			void *ctx);

#endif /* SESAME_GP_REGISTRY_H */
