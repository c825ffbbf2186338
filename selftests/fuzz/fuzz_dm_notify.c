// SPDX-License-Identifier: Apache-2.0
/* Package 0, alone and in a WAP push, and the transport header of HMAC. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dm/notify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool what)
{
	if (!what)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t secret[] = "secret";
	struct dm_secret s = {"com.example.dm", secret, sizeof(secret) - 1, NULL, 0};
	char words[DM_WORDS_MAX], text[5], value[512];
	struct dm_notify n;
	struct dm_hmac h;
	int e = dm_notify_parse(data, size, &n, words);

	check(e == 0 ? !words[0] : (e == -EBADMSG || e == -ENOTSUP) && words[0]);
	if (e == 0) {
		check(n.trigger_len == 8 + strlen(n.server) + n.body_len);
		check(n.digest >= data && n.body + n.body_len <= data + size);
		dm_notify_session(n.session, text);
		check(strtoul(text, NULL, 16) == n.session);
		/* nobody finds the MD5 by trying */
		check(dm_notify_check(&n, &s) == DM_NOTIFY_WRONG);
	}
	if (size < sizeof(value)) {
		memcpy(value, data, size);
		value[size] = '\0';
		e = dm_hmac_parse(value, &h);
		check(e == 0 || e == -EBADMSG || e == -ENOTSUP);
		check(strlen(h.name) <= DM_AUTH_NAME_MAX);
	}
	return 0;
}
