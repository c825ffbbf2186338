// SPDX-License-Identifier: Apache-2.0
/* INSTALL (GPCS 2.3.1, 11.5). */
#include <errno.h>

#include "gp/cmd-priv.h"

/* table 11-42, and 11.5.1.2 for the last: what one INSTALL can be for */
static const struct {
	uint8_t p1;
	bool combined;
} forms[] = {
	{GP_INSTALL_LOAD, false},
	{GP_INSTALL_INSTALL, false},
	{GP_INSTALL_INSTALL | GP_INSTALL_MAKE_SELECTABLE, false},
	{GP_INSTALL_MAKE_SELECTABLE, false},
	{GP_INSTALL_EXTRADITION, false},
	{GP_INSTALL_REGISTRY_UPDATE, false},
	{GP_INSTALL_PERSONALIZATION, false},
	{GP_INSTALL_LOAD | GP_INSTALL_INSTALL | GP_INSTALL_MAKE_SELECTABLE, true},
};

static int check_form(const struct gp_install *what, struct gp_error *err)
{
	bool combined = what->p2 != GP_INSTALL_ALONE;

	if (combined && what->p2 != GP_INSTALL_COMBINED_BEGIN &&
	    what->p2 != GP_INSTALL_COMBINED_END)
		return gp_fail(err, -EINVAL, "bad-install", "INSTALL with P2 %02X: 00, 01, 03",
			       what->p2);
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (forms[i].p1 == what->p1 && forms[i].combined == combined)
			return 0;
	return gp_fail(err, -EINVAL, "bad-install",
		       "INSTALL with P1 %02X and P2 %02X: there is no such form", what->p1,
		       what->p2);
}

static int need_aid(const struct gp_aid *aid, const char *name, struct gp_error *err)
{
	if (aid->len)
		return 0;
	return gp_fail(err, -EINVAL, "no-aid", "INSTALL without the AID of the %s", name);
}

static int add_aid(struct gp_apdu *out, const struct gp_aid *aid)
{
	return gp_apdu_add_lv(out, aid->bytes, aid->len);
}

static int add_none(struct gp_apdu *out)
{
	return gp_apdu_add_byte(out, 0);
}

/* 11.5.2.3.7: two bytes up to 32767, four above */
static int add_size(struct gp_apdu *out, unsigned int tag, bool there, uint32_t size)
{
	const uint8_t be[] = {(uint8_t)(size >> 24), (uint8_t)(size >> 16),
			      (uint8_t)(size >> 8), (uint8_t)size};

	if (!there)
		return 0;
	return size <= 0x7fff ? gp_apdu_add_tlv(out, tag, be + 2, 2)
			      : gp_apdu_add_tlv(out, tag, be, 4);
}

static int add_byte(struct gp_apdu *out, unsigned int tag, bool there, uint8_t value)
{
	return there ? gp_apdu_add_tlv(out, tag, &value, 1) : 0;
}

static int add_bytes(struct gp_apdu *out, unsigned int tag, struct gp_bytes b)
{
	return b.len ? gp_apdu_add_tlv(out, tag, b.p, b.len) : 0;
}

/* the contents of EF, in the order of their tags' tables (11-49, 11-53) */
static int system_params(struct gp_apdu *in, const struct gp_system_params *sys)
{
	int ret;

	ret = add_size(in, 0xc6, sys->set & GP_SYS_CODE, sys->code);
	ret = ret < 0 ? ret : add_size(in, 0xc7, sys->set & GP_SYS_VOLATILE, sys->vol);
	ret = ret < 0 ? ret : add_size(in, 0xc8, sys->set & GP_SYS_NONVOLATILE, sys->nonvol);
	ret = ret < 0 ? ret
		      : add_byte(in, 0xcd, sys->set & GP_SYS_BLOCK_FORMAT, sys->block_format);
	ret = ret < 0 ? ret : add_bytes(in, 0xdd, sys->block_params);
	ret = ret < 0 ? ret : add_bytes(in, 0xcb, sys->services);
	ret = ret < 0 ? ret
		      : add_size(in, 0xd7, sys->set & GP_SYS_VOLATILE_RESERVED,
				 sys->vol_reserved);
	ret = ret < 0 ? ret
		      : add_size(in, 0xd8, sys->set & GP_SYS_NV_RESERVED, sys->nonvol_reserved);
	ret = ret < 0 ? ret : add_byte(in, 0xd9, sys->set & GP_SYS_RESTRICT, sys->restrict_);
	ret = ret < 0 ? ret : add_bytes(in, 0xca, sys->toolkit);
	for (size_t i = 0; i < sys->implicit.len && ret == 0; i++)
		ret = gp_apdu_add_tlv(in, 0xcf, sys->implicit.p + i, 1);
	return ret < 0 ? ret : gp_apdu_add(in, sys->more.p, sys->more.len);
}

static int add_system(struct gp_apdu *out, const struct gp_system_params *sys)
{
	struct gp_apdu in = {0};
	int ret;

	if (!sys)
		return 0;
	ret = system_params(&in, sys);
	if (ret == 0 && in.len)
		ret = gp_apdu_add_tlv(out, 0xef, in.data, in.len);
	gp_apdu_clear(&in);
	return ret;
}

static int add_field(struct gp_apdu *out, const struct gp_install *what, const uint8_t *p,
		     size_t len, struct gp_error *err)
{
	if (what->params_max && len > what->params_max)
		return gp_fail(err, -E2BIG, "too-long",
			       "INSTALL has %zu bytes of parameters, this card takes at most "
			       "%zu",
			       len, what->params_max);
	return gp_apdu_add_lv(out, p, len);
}

/* the parameters field with its length */
static int add_params(struct gp_apdu *out, const struct gp_install *what, bool install,
		      struct gp_error *err)
{
	struct gp_apdu in = {0};
	int ret = 0;

	if (what->params)
		return add_field(out, what, what->params->p, what->params->len, err);
	/* C9 is mandatory, even empty (table 11-49) */
	if (install)
		ret = gp_apdu_add_tlv(&in, 0xc9, what->app_params.p, what->app_params.len);
	ret = ret < 0 ? ret : add_system(&in, what->sys);
	if (install && what->uicc.len && ret == 0)
		ret = gp_apdu_add_tlv(&in, 0xea, what->uicc.p, what->uicc.len);
	ret = ret < 0 ? ret : gp_cmd_token_ref(&in, what->token_ref);
	ret = ret < 0 ? ret : add_field(out, what, in.data, in.len, err);
	gp_apdu_clear(&in);
	return ret;
}

static int add_privileges(struct gp_apdu *out, const struct gp_install *what, bool may_lack,
			  struct gp_error *err)
{
	const uint8_t be[] = {(uint8_t)(what->privileges >> 16),
			      (uint8_t)(what->privileges >> 8), (uint8_t)what->privileges};

	if (what->privileges > 0xffffff ||
	    !(what->privileges_len == 1 || what->privileges_len == 3 ||
	      (what->privileges_len == 0 && may_lack && !what->privileges)) ||
	    (what->privileges_len == 1 && (be[1] || be[2])))
		return gp_fail(err, -EINVAL, "bad-privileges",
			       "privileges %06X do not go into %d bytes", what->privileges,
			       what->privileges_len);
	return gp_apdu_add_lv(out, be, what->privileges_len);
}

static int for_load(struct gp_apdu *out, const struct gp_install *what, struct gp_error *err)
{
	int ret = need_aid(&what->elf, "load file", err);

	ret = ret < 0 ? ret : add_aid(out, &what->elf);
	ret = ret < 0 ? ret : add_aid(out, &what->sd);
	ret = ret < 0 ? ret : gp_apdu_add_lv(out, what->hash.p, what->hash.len);
	return ret < 0 ? ret : add_params(out, what, false, err);
}

static int for_install(struct gp_apdu *out, const struct gp_install *what, struct gp_error *err)
{
	int ret = need_aid(&what->module, "module", err);

	/* the combined process knows its load file */
	if (what->p2 == GP_INSTALL_ALONE && ret == 0)
		ret = need_aid(&what->elf, "load file", err);
	ret = ret < 0 ? ret : add_aid(out, &what->elf);
	ret = ret < 0 ? ret : add_aid(out, &what->module);
	ret = ret < 0 ? ret
		      : add_aid(out, what->instance.len ? &what->instance : &what->module);
	ret = ret < 0 ? ret : add_privileges(out, what, false, err);
	return ret < 0 ? ret : add_params(out, what, true, err);
}

static int make_selectable(struct gp_apdu *out, const struct gp_install *what,
			   struct gp_error *err)
{
	int ret = need_aid(&what->instance, "application", err);

	ret = ret < 0 ? ret : add_none(out);
	ret = ret < 0 ? ret : add_none(out);
	ret = ret < 0 ? ret : add_aid(out, &what->instance);
	ret = ret < 0 ? ret : add_privileges(out, what, false, err);
	return ret < 0 ? ret : add_params(out, what, false, err);
}

static int extradition(struct gp_apdu *out, const struct gp_install *what, struct gp_error *err)
{
	int ret = need_aid(&what->sd, "security domain", err);

	ret = ret < 0 ? ret : need_aid(&what->instance, "application or load file", err);
	ret = ret < 0 ? ret : add_aid(out, &what->sd);
	ret = ret < 0 ? ret : add_none(out);
	ret = ret < 0 ? ret : add_aid(out, &what->instance);
	ret = ret < 0 ? ret : add_none(out);
	return ret < 0 ? ret : add_params(out, what, false, err);
}

static int registry_update(struct gp_apdu *out, const struct gp_install *what,
			   struct gp_error *err)
{
	int ret = add_aid(out, &what->sd);

	ret = ret < 0 ? ret : add_none(out);
	ret = ret < 0 ? ret : add_aid(out, &what->instance);
	ret = ret < 0 ? ret : add_privileges(out, what, true, err);
	return ret < 0 ? ret : add_params(out, what, false, err);
}

static int personalization(struct gp_apdu *out, const struct gp_install *what,
			   struct gp_error *err)
{
	int ret = need_aid(&what->instance, "application", err);

	ret = ret < 0 ? ret : add_none(out);
	ret = ret < 0 ? ret : add_none(out);
	ret = ret < 0 ? ret : add_aid(out, &what->instance);
	ret = ret < 0 ? ret : add_none(out);
	return ret < 0 ? ret : add_none(out);
}

static int fields(struct gp_apdu *out, const struct gp_install *what, struct gp_error *err)
{
	switch (what->p1) {
	case GP_INSTALL_LOAD:
		return for_load(out, what, err);
	case GP_INSTALL_MAKE_SELECTABLE:
		return make_selectable(out, what, err);
	case GP_INSTALL_EXTRADITION:
		return extradition(out, what, err);
	case GP_INSTALL_REGISTRY_UPDATE:
		return registry_update(out, what, err);
	case GP_INSTALL_PERSONALIZATION:
		return personalization(out, what, err);
	default:
		if (what->p2 == GP_INSTALL_COMBINED_BEGIN)
			return for_load(out, what, err);
		return for_install(out, what, err);
	}
}

int gp_cmd_install(struct gp_apdu *out, const struct gp_install *what, struct gp_error *err)
{
	int ret;

	gp_apdu_init(out, GP_CLA, GP_INS_INSTALL, what->p1, what->p2);
	out->le = GP_LE_ANY;
	out->chain = true;
	ret = check_form(what, err);
	ret = ret < 0 ? ret : fields(out, what, err);
	if (what->p1 == GP_INSTALL_PERSONALIZATION && what->token.len && ret == 0)
		ret = gp_fail(err, -EINVAL, "bad-install",
			      "INSTALL [for personalization] takes no token");
	/* nothing of it is signed: 11.5.2.3.6 leaves the field empty */
	if (what->p1 != GP_INSTALL_PERSONALIZATION)
		out->signed_len = out->len;
	ret = ret < 0 ? ret : gp_apdu_add_lv(out, what->token.p, what->token.len);
	return gp_cmd_done(out, ret, err);
}
