/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of addresses and routes, as the kernel tells them (rtnetlink(7)). Pure. */
#ifndef SESAME_LWM2M_NETWORK_H
#define SESAME_LWM2M_NETWORK_H

#include <stdbool.h>
#include <stddef.h>

/**
 * lwm2m_network_concerns() - might what was received mean another way to a server?
 * @p, @len: messages of the groups RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
 *	RTNLGRP_IPV4_ROUTE and RTNLGRP_IPV6_ROUTE, one behind the other
 *
 * Addresses of scope host, addresses that cannot be used yet, cached routes and those of
 * the table "local" (they follow addresses) do not; nor does what is cut short or unknown.
 */
bool lwm2m_network_concerns(const void *p, size_t len);

#endif /* SESAME_LWM2M_NETWORK_H */
