// SPDX-License-Identifier: Apache-2.0
#include "lwm2m/state.h"

int lwm2m_state_forget(struct store *st, uint16_t ssid)
{
	static const enum lwm2m_kind kinds[] = {
		LWM2M_KIND_ATTR,    LWM2M_KIND_REG,    LWM2M_KIND_OBS,	 LWM2M_KIND_NOTIF,
		LWM2M_KIND_SESSION, LWM2M_KIND_OSCORE, LWM2M_KIND_DEDUP,
	};
	const uint8_t prefix[] = {(uint8_t)(ssid >> 8), (uint8_t)ssid};
	int r = store_begin(st);

	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && r == 0; i++)
		r = store_del_prefix(st, kinds[i], prefix, sizeof(prefix));
	if (r == 0)
		return store_commit(st);
	store_rollback(st);
	return r;
}
