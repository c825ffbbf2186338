// SPDX-License-Identifier: Apache-2.0
/* Bootstrap profiles of all kinds, alone and in a WAP push. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dm/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool what)
{
	if (!what)
		abort();
}

static void profile(const uint8_t *data, size_t size)
{
	char words[DM_WORDS_MAX];
	struct dm_profile p;
	int e = dm_profile_parse(data, size, &p, words);

	check(e == 0 ? !words[0] && p.n_accounts > 0
		     : words[0] &&
			       (e == -EBADMSG || e == -E2BIG || e == -ENOTSUP || e == -ENOENT));
	check(e == 0 || (!p.arena && p.n_accounts == 0));
	for (size_t i = 0; i < p.n_accounts; i++) {
		const struct dm_profile_account *a = &p.accounts[i];

		check(a->server_id && *a->server_id && a->addr && *a->addr);
		check(a->port <= 65535);
		check(!a->client.name || a->client.secret_len == 0 || a->client.secret);
	}
	dm_profile_free(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dm_profile_mac mac;
	const uint8_t *body;
	size_t len;

	profile(data, size);
	if (dm_profile_push(data, size, &mac, &body, &len) == 0) {
		check(body >= data && body + len == data + size);
		check(dm_profile_check_mac(&mac, body, 1, "12345678", body, len) != 0 ||
		      len > 0);
		profile(body, len);
	}
	return 0;
}
