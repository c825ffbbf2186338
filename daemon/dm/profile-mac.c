// SPDX-License-Identifier: Apache-2.0
/* SEC and MAC of profiles that come over the air (OMA-TS-DM_Security 1.2, 5.7;
 * OMA-WAP-TS-ProvBoot 1.1, 5.2). */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "dm/profile.h"
#include "dm/syncml-priv.h"
#include "dm/wsp.h"

#define KEY_MAX 256
/* a PIN that tells its MAC: as many digits of either, and no less than a card's PIN has */
#define PIN_LEAST 8
#define PIN_MAX 32
#define IMSI_LEAST 6
#define IMSI_MAX 15

static const char connectivity[] = "application/vnd.wap.connectivity-wbxml";

static int digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

static int mac_of(const char *s, size_t len, struct dm_profile_mac *mac)
{
	if (len != 2 * DM_PROFILE_MAC_LEN)
		return -EBADMSG;
	for (size_t i = 0; i < DM_PROFILE_MAC_LEN; i++) {
		int high = digit(s[2 * i]), low = digit(s[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EBADMSG;
		mac->mac[i] = (uint8_t)(high << 4 | low);
	}
	mac->has_mac = true;
	return 0;
}

static bool is_cp(const struct wsp_push *push)
{
	return push->type == WSP_CONNECTIVITY || strcmp(push->mime, connectivity) == 0;
}

static bool is_profile(const struct wsp_push *push)
{
	return is_cp(push) || push->type == WSP_DM_WBXML ||
	       strcmp(push->mime, DM_MIME_WBXML) == 0 ||
	       strcmp(push->mime, DM_MIME_TNDS_WBXML) == 0;
}

int dm_profile_push(const uint8_t *p, size_t len, struct dm_profile_mac *mac,
		    const uint8_t **body, size_t *body_len)
{
	/* by its number; the DM enabler has the first three */
	static const enum dm_profile_sec secs[] = {
		DM_SEC_NETWORKID,
		DM_SEC_USERPIN,
		DM_SEC_USERPIN_NETWORKID,
		DM_SEC_USERPINMAC,
	};
	struct wsp_push push;
	int e = wsp_push_parse(p, len, &push);

	memset(mac, 0, sizeof(*mac));
	if (e < 0)
		return e;
	if (!is_profile(&push))
		return -ENOTSUP;
	if (push.sec >= (int)(sizeof(secs) / sizeof(*secs)))
		return -ENOTSUP;
	mac->cp = is_cp(&push);
	if (push.sec >= 0)
		mac->sec = secs[push.sec];
	if (push.mac[0])
		e = mac_of(push.mac, strlen(push.mac), mac);
	*body = push.body;
	*body_len = push.body_len;
	return e;
}

struct key {
	uint8_t p[KEY_MAX];
	size_t len;
	bool too_long;
};

static void add(struct key *k, const void *p, size_t len)
{
	if (len > KEY_MAX - k->len) {
		k->too_long = true;
		return;
	}
	memcpy(k->p + k->len, p, len);
	k->len += len;
}

static int hmac(const void *key, size_t key_len, const uint8_t *body, size_t len,
		uint8_t mac[DM_PROFILE_MAC_LEN])
{
	unsigned int n = 0;

	return HMAC(EVP_sha1(), key, (int)key_len, body, len, mac, &n) &&
			       n == DM_PROFILE_MAC_LEN
		       ? 0
		       : -EIO;
}

static int compare(const struct key *k, const struct dm_profile_mac *mac, const uint8_t *body,
		   size_t len)
{
	uint8_t is[DM_PROFILE_MAC_LEN];

	if (k->too_long)
		return -EKEYREJECTED;
	if (hmac(k->p, k->len, body, len, is) < 0)
		return -EIO;
	return CRYPTO_memcmp(is, mac->mac, sizeof(is)) == 0 ? 0 : -EKEYREJECTED;
}

/* the first half of the digits is the PIN, the rest is what the MAC comes to with it */
static int pin_mac(const char *pin, const uint8_t *body, size_t len)
{
	size_t n = strlen(pin), half = n / 2;
	uint8_t is[DM_PROFILE_MAC_LEN];
	int differ = 0;

	if (n < PIN_LEAST || n > PIN_MAX || n % 2 != 0)
		return -EKEYREJECTED;
	if (hmac(pin, half, body, len, is) < 0)
		return -EIO;
	for (size_t i = 0; i < half; i++)
		differ |= (is[i] % 10 + '0') ^ pin[half + i];
	OPENSSL_cleanse(is, sizeof(is));
	return differ ? -EKEYREJECTED : 0;
}

int dm_profile_imsi(const char *digits, uint8_t *key)
{
	size_t n = strlen(digits);
	/* the first half octet says identity of type 1, and whether the digits are odd */
	unsigned int low = n % 2 ? 9 : 1;
	int len = 0;

	if (n < IMSI_LEAST || n > IMSI_MAX || strspn(digits, "0123456789") != n)
		return -EINVAL;
	for (size_t i = 0; i < n; i += 2) {
		key[len++] = (uint8_t)((unsigned int)(digits[i] - '0') << 4 | low);
		low = i + 1 < n ? (unsigned int)(digits[i + 1] - '0') : 0;
	}
	if (n % 2 == 0)
		key[len++] = (uint8_t)(0xf0 | low);
	return len;
}

int dm_profile_check_mac(const struct dm_profile_mac *mac, const uint8_t *network,
			 size_t network_len, const char *pin, const uint8_t *body,
			 size_t body_len)
{
	const bool wants_pin = mac->sec != DM_SEC_NETWORKID,
		   wants_network =
			   mac->sec == DM_SEC_NETWORKID || mac->sec == DM_SEC_USERPIN_NETWORKID;
	struct key k = {.len = 0};
	int e;

	if (mac->sec == DM_SEC_NONE || (wants_pin && !pin) || (wants_network && !network) ||
	    (mac->sec != DM_SEC_USERPINMAC && !mac->has_mac))
		return -ENOKEY;
	if (mac->sec == DM_SEC_USERPINMAC)
		return pin_mac(pin, body, body_len);
	/*
	 * Both together: ProvBoot 1.1, 5.2 (USERNETWPIN) has the network's secret and the PIN
	 * behind it, nothing between; DM Security 1.2, 5.7 (USERPIN_NETWORKID) the PIN, a
	 * colon, and the network's secret.
	 */
	if (mac->cp && wants_network)
		add(&k, network, network_len);
	if (wants_pin)
		add(&k, pin, strlen(pin));
	if (!mac->cp && wants_pin && wants_network)
		add(&k, ":", 1);
	if (!mac->cp && wants_network)
		add(&k, network, network_len);
	e = compare(&k, mac, body, body_len);
	OPENSSL_cleanse(&k, sizeof(k));
	return e;
}
