// SPDX-License-Identifier: Apache-2.0
/* Privileges and life cycle states by name (GPCS 2.3.1, tables 11-3 to 11-9). */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "gp/registry.h"

#define NAME_MAX_LEN 32

/* own: the bit that is asked for; bits: all that the name sets */
static const struct {
	uint32_t own;
	uint32_t bits;
	const char *name;
} privileges_of[] = {
	{0x800000, GP_PRIV_SD, "SecurityDomain"},
	{0x400000, GP_PRIV_DAP, "DAPVerification"},
	{0x200000, GP_PRIV_DELEGATED, "DelegatedManagement"},
	{0x100000, GP_PRIV_CARD_LOCK, "CardLock"},
	{0x080000, GP_PRIV_CARD_TERMINATE, "CardTerminate"},
	{0x040000, GP_PRIV_CARD_RESET, "CardReset"},
	{0x020000, GP_PRIV_CVM, "CVMManagement"},
	{0x010000, GP_PRIV_MANDATED_DAP, "MandatedDAPVerification"},
	{0x008000, GP_PRIV_TRUSTED_PATH, "TrustedPath"},
	{0x004000, GP_PRIV_AUTHORIZED, "AuthorizedManagement"},
	{0x002000, GP_PRIV_TOKEN, "TokenManagement"},
	{0x001000, GP_PRIV_GLOBAL_DELETE, "GlobalDelete"},
	{0x000800, GP_PRIV_GLOBAL_LOCK, "GlobalLock"},
	{0x000400, GP_PRIV_GLOBAL_REGISTRY, "GlobalRegistry"},
	{0x000200, GP_PRIV_FINAL, "FinalApplication"},
	{0x000100, GP_PRIV_GLOBAL_SERVICE, "GlobalService"},
	{0x000080, GP_PRIV_RECEIPT, "ReceiptGeneration"},
	{0x000040, GP_PRIV_CIPHERED_LOAD, "CipheredLoadFileDataBlock"},
	{0x000020, GP_PRIV_CONTACTLESS_ACTIVATION, "ContactlessActivation"},
	{0x000010, GP_PRIV_SELF_ACTIVATION, "ContactlessSelfActivation"},
};

#define PRIVILEGES (sizeof(privileges_of) / sizeof(privileges_of[0]))

const char *gp_priv_name(unsigned int n, uint32_t *bits)
{
	if (n >= PRIVILEGES)
		return NULL;
	if (bits)
		*bits = privileges_of[n].bits;
	return privileges_of[n].name;
}

/*
 * GP_PRIV_DAP, _DELEGATED and _MANDATED_DAP hold the bit of the security domain
 * as well, and the last that of DAP (table 11-7): lowest bit is the own one.
 */
bool gp_priv_has(uint32_t privileges, uint32_t which)
{
	return privileges & which & (~which + 1);
}

static size_t put(char *text, size_t room, size_t at, const char *name)
{
	int n;

	if (at >= room)
		return at;
	n = snprintf(text + at, room - at, "%s%s", at ? ", " : "", name);
	return (size_t)n < room - at ? at + (size_t)n : room - 1;
}

size_t gp_priv_to_text(uint32_t privileges, char *text, size_t room)
{
	uint32_t left = privileges & 0xffffff;
	char hex[16];
	size_t at = 0;

	if (room == 0)
		return 0;
	text[0] = '\0';
	for (size_t i = 0; i < PRIVILEGES; i++)
		if (privileges & privileges_of[i].own) {
			at = put(text, room, at, privileges_of[i].name);
			left &= ~privileges_of[i].own;
		}
	if (left) {
		snprintf(hex, sizeof(hex), "%06X", (unsigned int)left);
		at = put(text, room, at, hex);
	}
	return at;
}

/* two or six hex digits, nothing else */
static bool from_hex(const char *text, uint32_t *value)
{
	size_t len = strlen(text);
	uint32_t v = 0;

	if (len != 2 && len != 6)
		return false;
	for (size_t i = 0; i < len; i++) {
		int c = tolower((unsigned char)text[i]);

		if (!isxdigit(c))
			return false;
		v = v << 4 | (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	*value = len == 2 ? v << 16 : v;
	return true;
}

static int priv_by_name(const char *name, uint32_t *bits, struct gp_error *err)
{
	for (size_t i = 0; i < PRIVILEGES; i++)
		if (!strcasecmp(name, privileges_of[i].name)) {
			*bits |= privileges_of[i].bits;
			return 0;
		}
	/* its name until GPCS 2.1.1 */
	if (!strcasecmp(name, "DefaultSelected")) {
		*bits |= GP_PRIV_CARD_RESET;
		return 0;
	}
	return gp_fail(err, -EINVAL, "bad-privileges", "no privilege is called \"%s\"", name);
}

int gp_priv_from_text(const char *text, uint32_t *privileges, struct gp_error *err)
{
	uint32_t bits = 0;
	int ret;

	if (from_hex(text, privileges))
		return 0;
	while (*(text += strspn(text, ", |\t")) != '\0') {
		size_t len = strcspn(text, ", |\t");
		char name[NAME_MAX_LEN];

		if (len >= sizeof(name))
			return gp_fail(err, -EINVAL, "bad-privileges",
				       "no privilege is called \"%.31s...\"", text);
		memcpy(name, text, len);
		name[len] = '\0';
		ret = priv_by_name(name, &bits, err);
		if (ret < 0)
			return ret;
		text += len;
	}
	*privileges = bits;
	return 0;
}

const char *gp_kind_name(enum gp_kind kind)
{
	static const char *const names[] = {
		[GP_KIND_ISD] = "isd",
		[GP_KIND_SSD] = "ssd",
		[GP_KIND_APP] = "app",
		[GP_KIND_ELF] = "elf",
	};

	return names[kind];
}

/* which states a kind has; the lock bit apart */
static const struct {
	unsigned int kinds;
	uint8_t state;
	const char *name;
} states[] = {
	{1U << GP_KIND_ISD, GP_CARD_OP_READY, "OP_READY"},
	{1U << GP_KIND_ISD, GP_CARD_INITIALIZED, "INITIALIZED"},
	{1U << GP_KIND_ISD, GP_CARD_SECURED, "SECURED"},
	{1U << GP_KIND_ISD, GP_CARD_LOCKED, "CARD_LOCKED"},
	{1U << GP_KIND_ISD, GP_CARD_TERMINATED, "TERMINATED"},
	{1U << GP_KIND_ELF, GP_ELF_LOADED, "LOADED"},
	{1U << GP_KIND_APP | 1U << GP_KIND_SSD, GP_APP_INSTALLED, "INSTALLED"},
	{1U << GP_KIND_APP | 1U << GP_KIND_SSD, GP_APP_SELECTABLE, "SELECTABLE"},
	{1U << GP_KIND_SSD, GP_SD_PERSONALIZED, "PERSONALIZED"},
};

#define STATES (sizeof(states) / sizeof(states[0]))

static const char *state_name(enum gp_kind kind, uint8_t state)
{
	for (size_t i = 0; i < STATES; i++)
		if (states[i].kinds & 1U << kind && states[i].state == state)
			return states[i].name;
	return NULL;
}

bool gp_state_locked(enum gp_kind kind, uint8_t state)
{
	if (kind == GP_KIND_ISD)
		return state == GP_CARD_LOCKED;
	return kind != GP_KIND_ELF && state & GP_APP_LOCKED_BIT;
}

void gp_state_to_text(enum gp_kind kind, uint8_t state, char *text, size_t room)
{
	bool locked = kind != GP_KIND_ISD && gp_state_locked(kind, state);
	uint8_t base = locked ? (uint8_t)(state & ~GP_APP_LOCKED_BIT) : state;
	const char *name = state_name(kind, base);
	char plain[GP_STATE_WORDS];

	if (name)
		snprintf(plain, sizeof(plain), "%s", name);
	else if (kind == GP_KIND_APP && (base & 0x07) == 0x07)
		snprintf(plain, sizeof(plain), "application specific %02X", base);
	else
		snprintf(plain, sizeof(plain), "unknown %02X", base);
	/* which state it was locked in need not be told (table 11-4) */
	if (locked && !name && (base & 0x07) != 0x07)
		snprintf(text, room, "LOCKED");
	else if (locked)
		snprintf(text, room, "LOCKED (%s)", plain);
	else
		snprintf(text, room, "%s", plain);
}

static bool same_name(const char *a, const char *b)
{
	for (; *a && *b; a++, b++) {
		int x = *a == '-' ? '_' : toupper((unsigned char)*a);
		int y = toupper((unsigned char)*b);

		if (x != y)
			return false;
	}
	return !*a && !*b;
}

int gp_state_from_text(enum gp_kind kind, const char *text, uint8_t *state)
{
	uint32_t hex;

	for (size_t i = 0; i < STATES; i++)
		if (states[i].kinds & 1U << kind && same_name(text, states[i].name)) {
			*state = states[i].state;
			return 0;
		}
	if (same_name(text, "LOCKED") && kind != GP_KIND_ELF) {
		*state = kind == GP_KIND_ISD ? GP_CARD_LOCKED : GP_APP_LOCKED_BIT;
		return 0;
	}
	if (strlen(text) == 2 && from_hex(text, &hex)) {
		*state = (uint8_t)(hex >> 16);
		return 0;
	}
	return -EINVAL;
}
