// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a configuration file: no crash, and every complaint names its place. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void report(void *ctx, bool error, const char *text)
{
	unsigned int *errors = ctx;

	*errors += error;
	if (strncmp(text, "fuzz:", 5))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int errors = 0;
	struct config *c = malloc(sizeof(*c));
	int r;

	if (!c)
		return 0;
	config_init(c);
	r = config_parse(c, "fuzz", (const char *)data, size, report, &errors);
	if ((r != 0) != (errors != 0))
		abort();
	errors = 0;
	r = config_check(c, report, &errors);
	if ((r != 0) != (errors != 0))
		abort();
	if (c->nr_se > CONFIG_SES_MAX || c->nr_server > CONFIG_SERVERS_MAX ||
	    c->nr_keyset > CONFIG_KEYSETS_MAX || c->nr_policy > CONFIG_POLICIES_MAX ||
	    !memchr(c->state_dir, 0, sizeof(c->state_dir)))
		abort();
	free(c);
	return 0;
}
