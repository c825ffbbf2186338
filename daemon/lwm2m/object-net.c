// SPDX-License-Identifier: Apache-2.0
/* Objects 4 Connectivity Monitoring and 7 Connectivity Statistics. */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lwm2m/reading.h"

#define ADDRESSES_MAX 16
#define IP_UDP_HEADER 28U

/* ---- object 4 ------------------------------------------------------------------------- */

enum { BEARER = 0, BEARERS = 1, ADDRESSES = 4 };

#define BEARER_WLAN 21
#define BEARER_ETHERNET 41

static int bearer(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/class/net/%.*s/wireless", IFNAMSIZ, name);
	return access(path, F_OK) == 0 ? BEARER_WLAN : BEARER_ETHERNET;
}

/* Up, and no loopback. */
static bool usable(const struct ifaddrs *i)
{
	return i->ifa_addr && (i->ifa_flags & (IFF_UP | IFF_LOOPBACK)) == IFF_UP;
}

/* The address in words, but for one that only neighbours know. */
static bool address(const struct sockaddr *sa, char text[INET6_ADDRSTRLEN])
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	if (sa->sa_family == AF_INET) {
		memcpy(&in, sa, sizeof(in));
		return inet_ntop(AF_INET, &in.sin_addr, text, INET6_ADDRSTRLEN);
	}
	if (sa->sa_family != AF_INET6)
		return false;
	memcpy(&in6, sa, sizeof(in6));
	return !IN6_IS_ADDR_LINKLOCAL(&in6.sin6_addr) &&
	       inet_ntop(AF_INET6, &in6.sin6_addr, text, INET6_ADDRSTRLEN);
}

/* Only a device has them: a client by itself does no I/O. */
static size_t one_instance(struct lwm2m_client *c, uint16_t *ids, size_t room)
{
	if (!c->shared->jobs || room == 0)
		return 0;
	ids[0] = 0;
	return 1;
}

static int read_net(struct lwm2m_client *c, uint16_t instance, int32_t rid,
		    struct lwm2m_set *set, char *words)
{
	struct lwm2m_reading r = {MODEL_OBJECT_CONNECTIVITY, instance, rid, set, 0};
	char text[ADDRESSES_MAX][INET6_ADDRSTRLEN];
	bool wlan = false, ethernet = false;
	struct ifaddrs *all = NULL;
	int first = BEARER_ETHERNET;
	uint16_t n = 0;

	(void)c;
	if (getifaddrs(&all) < 0) {
		content_words(words, "the interfaces of the device cannot be listed");
		return COAP_500_INTERNAL;
	}
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		if (!usable(i) || n == ADDRESSES_MAX || !address(i->ifa_addr, text[n]))
			continue;
		if (n++ == 0)
			first = bearer(i->ifa_name);
		wlan |= bearer(i->ifa_name) == BEARER_WLAN;
		ethernet |= bearer(i->ifa_name) == BEARER_ETHERNET;
	}
	freeifaddrs(all);
	lwm2m_put_integer(&r, BEARER, first);
	if (wlan)
		lwm2m_put_integer_at(&r, BEARERS, 0, BEARER_WLAN);
	if (ethernet || !wlan)
		lwm2m_put_integer_at(&r, BEARERS, wlan, BEARER_ETHERNET);
	for (uint16_t i = 0; i < n; i++)
		lwm2m_put_string_at(&r, ADDRESSES, i, text[i]);
	if (n == 0)
		lwm2m_put_none(&r, ADDRESSES);
	return r.ret;
}

const struct lwm2m_object lwm2m_object_connectivity = {
	.id = MODEL_OBJECT_CONNECTIVITY,
	.instances = one_instance,
	.read = read_net,
};

/* ---- object 7 ------------------------------------------------------------------------- */

enum { TX = 2, RX, LARGEST, AVERAGE, START, STOP, PERIOD };

void lwm2m_statistics_count(struct lwm2m_client *c, size_t len, bool sent)
{
	struct lwm2m_statistics *s = &c->statistics;

	if (s->running && s->period > 0 && c->now >= s->began + s->period * 1000ULL)
		s->running = false;
	if (!s->running)
		return;
	len += IP_UDP_HEADER;
	if (sent)
		s->tx += len;
	else
		s->rx += len;
	s->messages++;
	if (len > s->largest)
		s->largest = len;
}

static int read_statistics(struct lwm2m_client *c, uint16_t instance, int32_t rid,
			   struct lwm2m_set *set, char *words)
{
	struct lwm2m_reading r = {MODEL_OBJECT_STATISTICS, instance, rid, set, 0};
	const struct lwm2m_statistics *s = &c->statistics;

	(void)words;
	lwm2m_put_integer(&r, TX, (int64_t)(s->tx / 1024));
	lwm2m_put_integer(&r, RX, (int64_t)(s->rx / 1024));
	lwm2m_put_integer(&r, LARGEST, (int64_t)s->largest);
	lwm2m_put_integer(&r, AVERAGE,
			  s->messages ? (int64_t)((s->tx + s->rx) / s->messages) : 0);
	lwm2m_put_integer(&r, PERIOD, s->period);
	return r.ret;
}

static int write_statistics(struct lwm2m_client *c, uint16_t instance,
			    const struct lwm2m_value *v, size_t n, bool replace, char *words)
{
	(void)instance;
	(void)words;
	if (replace)
		c->statistics.period = 0;
	for (size_t i = 0; i < n; i++)
		if (v[i].path.id[2] == PERIOD && v[i].type != MODEL_NONE)
			c->statistics.period = (uint32_t)v[i].i;
	return 0;
}

static int execute_statistics(struct lwm2m_client *c, uint16_t instance, uint16_t rid,
			      const struct lwm2m_args *args, char *words)
{
	uint32_t period = c->statistics.period;

	(void)instance;
	(void)args;
	(void)words;
	if (rid == START)
		c->statistics = (struct lwm2m_statistics){
			.running = true, .began = c->now, .period = period};
	else
		c->statistics.running = false;
	return 0;
}

const struct lwm2m_object lwm2m_object_statistics = {
	.id = MODEL_OBJECT_STATISTICS,
	.own = true,
	.instances = one_instance,
	.read = read_statistics,
	.write = write_statistics,
	.execute = execute_statistics,
};
