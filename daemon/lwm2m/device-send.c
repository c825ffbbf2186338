// SPDX-License-Identifier: Apache-2.0
/* Send, asked for by the device's owner: to one server, or to all that take it. */
#include <errno.h>
#include <string.h>

#include "lwm2m/account-priv.h"
#include "lwm2m/device-priv.h"
#include "lwm2m/send.h"

static int send_one(struct lwm2m_account *a, uint64_t now, const struct lwm2m_path *paths,
		    size_t nr, unsigned int flags, char *words)
{
	int r;

	a->now = now;
	r = lwm2m_client_send(a->client, now, paths, nr, flags, words);
	lwm2m_account_tick(a, now);
	return r;
}

int lwm2m_device_send(struct lwm2m_device *dev, uint64_t now, const char *name,
		      const struct lwm2m_path *paths, size_t nr, unsigned int flags,
		      char *words)
{
	int r = -ENOENT;

	content_words(words, "there is no such server");
	for (size_t i = 0; i < dev->nr; i++) {
		struct device_account *a = dev->accounts[i];
		char one[CONTENT_WORDS_MAX];
		int e;

		if (!a->account || a->leaving || (name && strcmp(name, a->name) != 0))
			continue;
		e = send_one(a->account, now, paths, nr, flags, one);
		/* with several of them, one that took it is enough */
		if (e == 0 || r != 0) {
			r = e;
			content_words(words, "%s: %s", a->name, one);
		}
	}
	lwm2m_device_tick(dev, now);
	return r;
}
