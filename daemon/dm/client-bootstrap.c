// SPDX-License-Identifier: Apache-2.0
/* Bootstrap profiles: accounts of servers that nobody here knew. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include <openssl/evp.h>

#include "dm/client-priv.h"

#define DIGEST 32
#define MAC_FAILURES_MAX 5

/* ./DMAcc/NODE that no other account has */
static int name_account(struct dm_client *c, struct dm_account *a)
{
	size_t n = strlen(a->node);
	char uri[DM_URI_MAX + 1];
	struct dm_stat st;

	for (unsigned int i = 2; i < 100; i++) {
		snprintf(uri, sizeof(uri), DM_ACCOUNT_ROOT "/%s", a->node);
		if (dm_tree_find(c->tree, uri, &st))
			return 0;
		snprintf(a->node + n, sizeof(a->node) - n, "-%u", i);
	}
	return -EEXIST;
}

/* Return: 1 if it is another account now, 0 if there is one that stays. */
static int take_account(struct dm_client *c, const struct dm_profile_account *p,
			enum dm_profile_from from, char *why)
{
	struct dm_account a;
	struct slot *old;
	int r = dm_account_of_profile(p, &a, why);

	if (r)
		return r;
	old = client_slot_of(c, a.server_id);
	if (old && from == DM_FROM_CARD) {
		client_log(c, LOG_INFO, old->node,
			   "the card has an account of this server too: this one stays");
		dm_account_clear(&a);
		return 0;
	}
	/* a PIN may bring a server, but not take the place of one */
	if (old && from == DM_FROM_PUSH)
		r = -EEXIST;
	else if (old)
		strcpy(a.node, old->node);
	else
		r = name_account(c, &a);
	if (!r)
		r = dm_account_write(c->tree, &a, p->name);
	if (r)
		snprintf(why, DM_CLIENT_WORDS_MAX, "account of %.64s: %s", a.server_id,
			 strerror(-r));
	else
		client_log(c, LOG_NOTICE, a.node, "account from a bootstrap profile");
	dm_account_clear(&a);
	return r ? r : 1;
}

static int take_profile(struct dm_client *c, const struct dm_profile *profile,
			enum dm_profile_from from, bool *changed, char *why)
{
	int r = 0;

	for (size_t i = 0; i < profile->n_accounts && r >= 0; i++) {
		r = take_account(c, &profile->accounts[i], from, why);
		changed[i] = r > 0;
	}
	return r < 0 ? r : 0;
}

/* Sessions with the accounts that came. */
static void begin_new(struct dm_client *c, uint64_t now, const struct dm_profile *profile,
		      const bool *changed)
{
	struct slot *s;

	client_accounts(c, now);
	for (size_t i = 0; i < profile->n_accounts; i++) {
		s = client_slot_of(c, profile->accounts[i].server_id);
		if (s && changed[i])
			s->want |= WANT_NEW;
	}
	client_kick(c);
}

/* what a push has that cannot be checked */
static const char *missing(const struct dm_profile_mac *mac)
{
	if (mac->sec != DM_SEC_USERPINMAC && !mac->has_mac)
		return "the profile has no MAC";
	switch (mac->sec) {
	case DM_SEC_NETWORKID:
		return "the profile's MAC is by the network's secret: bootstrap_network_file= "
		       "is needed";
	case DM_SEC_USERPIN:
	case DM_SEC_USERPINMAC:
		return "the profile's MAC is by a PIN: bootstrap_pin_file= is needed";
	case DM_SEC_USERPIN_NETWORKID:
		return "the profile's MAC is by a PIN and the network's secret: "
		       "bootstrap_pin_file= and bootstrap_network_file= are needed";
	case DM_SEC_NONE:
		break;
	}
	return "the profile does not say what its MAC is by (SEC)";
}

static int check_mac(struct dm_client *c, const uint8_t **p, size_t *len, char *why)
{
	struct dm_profile_mac mac;
	int r = dm_profile_push(*p, *len, &mac, p, len);

	if (r)
		return client_refuse(c, why, r, "no push with a profile");
	if (c->mac_failures >= MAC_FAILURES_MAX)
		r = -EKEYREJECTED;
	else
		r = dm_profile_check_mac(&mac, c->network_len ? c->network : NULL,
					 c->network_len, *c->pin ? c->pin : NULL, *p, *len);
	/* a PIN is short: who may try it often, finds it */
	if (r == -EKEYREJECTED && ++c->mac_failures == MAC_FAILURES_MAX)
		client_log(
			c, LOG_WARNING, "",
			"%u profiles with a wrong MAC: none is taken any more until the next "
			"start",
			c->mac_failures);
	if (r == -ENOKEY)
		return client_refuse(c, why, r, "%s", missing(&mac));
	return r ? client_refuse(c, why, r, "the profile's MAC is wrong") : 0;
}

int dm_client_bootstrap(struct dm_client *c, uint64_t now, const uint8_t *p, size_t len,
			enum dm_profile_from from, char *why)
{
	bool changed[DM_PROFILE_ACCOUNTS_MAX] = {false};
	struct dm_profile profile;
	char words[DM_WORDS_MAX] = "";
	uint8_t sha[DIGEST], *old;
	size_t old_len;
	int r = 0;

	*why = 0;
	if (from == DM_FROM_PUSH)
		r = check_mac(c, &p, &len, why);
	if (r)
		return r;
	while (from == DM_FROM_CARD && len > 0 && (p[len - 1] == 0xff || p[len - 1] == 0))
		len--;
	if (from == DM_FROM_CARD && len == 0)
		return client_refuse(c, why, -ENODATA, "nothing is in the card's file");
	if (EVP_Digest(p, len, sha, NULL, EVP_sha256(), NULL) != 1)
		return -EIO;
	if (!store_get(c->store, DM_KIND_BOOTSTRAP, sha, sizeof(sha), &old, &old_len)) {
		free(old);
		return client_refuse(c, why, -EALREADY, "the profile was taken before");
	}
	r = dm_profile_parse(p, len, &profile, words);
	if (r)
		return client_refuse(c, why, r, "no profile: %s",
				     *words ? words : strerror(-r));
	r = store_begin(c->store);
	if (!r) {
		r = take_profile(c, &profile, from, changed, why);
		if (!r)
			r = store_put(c->store, DM_KIND_BOOTSTRAP, sha, sizeof(sha), "", 0);
		if (!r)
			r = store_commit(c->store);
		else
			store_rollback(c->store);
	}
	if (!r)
		begin_new(c, now, &profile, changed);
	else if (!*why)
		(void)client_refuse(c, why, r, "%s", strerror(-r));
	else
		client_log(c, LOG_DEBUG, "", "dropped: %s", why);
	dm_profile_free(&profile);
	return r;
}
