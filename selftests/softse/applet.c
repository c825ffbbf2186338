// SPDX-License-Identifier: Apache-2.0
/* Which modules have code. */
#include "applet.h"

/* gp_dispatch() is what runs in a security domain; this is only its mark. */
const struct applet applet_sd = {
	.name = "security domain",
	.secure = true,
};

const struct applet *applet_find(const struct card *c, const struct aid *module)
{
	if (aid_equal(module, &c->profile.sd_module))
		return &applet_sd;
	if (aid_equal(module, &c->profile.test_module))
		return &applet_test;
	return NULL;
}
