// SPDX-License-Identifier: Apache-2.0
/* Messages of rtnetlink about addresses and routes. Pure. */
#include <stdint.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include "lwm2m/network.h"

static bool address(const uint8_t *p, size_t len)
{
	struct ifaddrmsg m;

	if (len < sizeof(m))
		return false;
	memcpy(&m, p, sizeof(m));
	return m.ifa_scope != RT_SCOPE_HOST && !(m.ifa_flags & IFA_F_TENTATIVE);
}

static bool route(const uint8_t *p, size_t len)
{
	struct rtmsg m;

	if (len < sizeof(m))
		return false;
	memcpy(&m, p, sizeof(m));
	return !(m.rtm_flags & RTM_F_CLONED) && m.rtm_table != RT_TABLE_LOCAL;
}

bool lwm2m_network_concerns(const void *data, size_t len)
{
	const uint8_t *p = data;
	struct nlmsghdr h;
	bool is = false;

	while (!is && len >= sizeof(h)) {
		const uint8_t *body = p + NLMSG_HDRLEN;
		size_t step;

		memcpy(&h, p, sizeof(h));
		if (h.nlmsg_len < NLMSG_HDRLEN || h.nlmsg_len > len)
			break;
		if (h.nlmsg_type == RTM_NEWADDR || h.nlmsg_type == RTM_DELADDR)
			is = address(body, h.nlmsg_len - NLMSG_HDRLEN);
		else if (h.nlmsg_type == RTM_NEWROUTE || h.nlmsg_type == RTM_DELROUTE)
			is = route(body, h.nlmsg_len - NLMSG_HDRLEN);
		step = ((size_t)h.nlmsg_len + NLMSG_ALIGNTO - 1) & ~(size_t)(NLMSG_ALIGNTO - 1);
		if (step > len)
			break;
		p += step;
		len -= step;
	}
	return is;
}
