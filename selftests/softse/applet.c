// SPDX-License-Identifier: Apache-2.0
/* Which modules have code, and which applets a profile can ask for. */
#include "applet.h"

#include <errno.h>
#include <string.h>

/* gp_dispatch() is what runs in a security domain; this is only its mark. */
const struct applet applet_sd = {
	.name = "security domain",
	.secure = true,
};

#define SESAME 0xf0, 'S', 'E', 'S', 'A', 'M', 'E'
#define AID(...)                                        \
	{                                               \
		sizeof((const uint8_t[]){__VA_ARGS__}), \
		{                                       \
			__VA_ARGS__                     \
		}                                       \
	}
#define PKCS15 AID(0xa0, 0, 0, 0, 0x63, 'P', 'K', 'C', 'S', '-', '1', '5')

/* What a profile calls by name; its place is the bit in card_profile.applets. */
static const struct builtin {
	const char *name;
	const struct applet *code;
	struct aid module; /* of the test applet: the profile's */
	struct aid instance;
	uint8_t params[1]; /* C9 */
	uint8_t params_len;
} builtins[] = {
	{"test", &applet_test, {0}, AID(SESAME, 1, 2), {0}, 0},
	{"pkcs15", &applet_pkcs15, AID(SESAME, 2, 1), PKCS15, {0}, 1},
	{"pkcs15-pin", &applet_pkcs15, AID(SESAME, 2, 1), PKCS15, {1}, 1},
	{"pkcs15-scp03", &applet_pkcs15, AID(SESAME, 2, 1), PKCS15, {2}, 1},
	{"iot-safe",
	 &applet_iot_safe,
	 AID(SESAME, 3, 1),
	 AID(0xa0, 0, 0, 5, 0x59, 0, 0x10, 0x49, 0x47, 1, 5, 0, 0, 0, 0, 0),
	 {0},
	 0},
	{"vault", &applet_vault, AID(SESAME, 4, 1), AID(SESAME, 4), {0}, 0},
	{"ara",
	 &applet_ara,
	 AID(SESAME, 5, 1),
	 AID(0xa0, 0, 0, 1, 0x51, 'A', 'C', 'L', 0),
	 {0},
	 0},
	{"pkcs15-dm", &applet_pkcs15, AID(SESAME, 2, 1), PKCS15, {0x10}, 1},
	{"pkcs15-dm-pin", &applet_pkcs15, AID(SESAME, 2, 1), PKCS15, {0x11}, 1},
};

#define BUILTINS (sizeof(builtins) / sizeof(builtins[0]))

bool applet_native(const struct aid *module)
{
	for (size_t i = 0; i < BUILTINS; i++)
		if (builtins[i].module.len && aid_equal(module, &builtins[i].module))
			return true;
	return false;
}

const struct applet *applet_find(const struct card *c, const struct aid *module)
{
	if (aid_equal(module, &c->profile.sd_module))
		return &applet_sd;
	if (aid_equal(module, &c->profile.test_module))
		return &applet_test;
	for (size_t i = 0; i < BUILTINS; i++)
		if (aid_equal(module, &builtins[i].module))
			return builtins[i].code;
	return NULL;
}

const char *applet_profile(struct card_profile *p, const char *words)
{
	size_t len = strcspn(words, " ");
	const char *more = words + len + strspn(words + len, " ");

	for (size_t i = 0; i < BUILTINS; i++) {
		if (strlen(builtins[i].name) != len || strncmp(builtins[i].name, words, len))
			continue;
		for (size_t k = 0; k < BUILTINS; k++)
			if (p->applets & 1U << k && k != i &&
			    aid_equal(&builtins[k].instance, &builtins[i].instance))
				return "one applet of a kind";
		if (*more && (strcmp(more, "default") || p->default_applet))
			break;
		p->applets |= 1U << i;
		if (*more)
			p->default_applet = (uint8_t)(i + 1);
		return NULL;
	}
	return "test, pkcs15, pkcs15-pin, pkcs15-scp03, pkcs15-dm, pkcs15-dm-pin, iot-safe, "
	       "vault "
	       "or ara; one of them with 'default' behind it";
}

int applet_make(struct card *c)
{
	struct entry *isd = c->entries[0];

	for (size_t i = 0; i < BUILTINS; i++) {
		const struct builtin *b = &builtins[i];
		struct entry *e;

		if (!(c->profile.applets & 1U << i))
			continue;
		e = entry_new(ENTRY_APP);
		if (!e)
			return -ENOMEM;
		c->entries[c->n_entries++] = e;
		e->aid = b->instance;
		e->module = b->module.len ? b->module : c->profile.test_module;
		e->code = b->code;
		e->parent = isd;
		e->state = APP_SELECTABLE;
		if (c->profile.default_applet == i + 1) {
			e->priv = PRIV_CARD_RESET;
			isd->priv &= ~(uint32_t)PRIV_CARD_RESET;
		}
		if (e->code->install &&
		    e->code->install(c, e, b->params, b->params_len) != SW_OK)
			return -ENOMEM;
	}
	return 0;
}

bool applet_authenticated(const struct channel *ch, uint8_t level)
{
	return ch->scp.state == SCP_OPEN && ch->scp.authenticated &&
	       (ch->scp.level & level) == level;
}
