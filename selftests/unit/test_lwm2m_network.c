// SPDX-License-Identifier: Apache-2.0
/* Which messages of rtnetlink(7) may mean that a server is reached another way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include <cmocka.h>

#include "lwm2m/network.h"

struct message {
	struct nlmsghdr h;
	union {
		struct ifaddrmsg addr;
		struct rtmsg route;
	};
};

static struct message address(uint16_t type, uint8_t scope, uint8_t flags)
{
	return (struct message){
		.h = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifaddrmsg)), .nlmsg_type = type},
		.addr = {.ifa_family = 2, .ifa_scope = scope, .ifa_flags = flags}};
}

static struct message route(uint16_t type, uint8_t table, uint32_t flags)
{
	return (struct message){
		.h = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)), .nlmsg_type = type},
		.route = {.rtm_family = 2, .rtm_table = table, .rtm_flags = flags}};
}

/* alone, in memory of its own size; cut short it never does */
static bool concerns(const struct message *m)
{
	bool is;

	for (size_t n = 0; n <= m->h.nlmsg_len; n++) {
		uint8_t *p = malloc(n + 1);

		memcpy(p, m, n);
		is = lwm2m_network_concerns(p, n);
		free(p);
		if (n < m->h.nlmsg_len)
			assert_false(is);
	}
	return is;
}

static void test_messages(void **state)
{
	const struct {
		struct message m;
		bool is;
	} cases[] = {
		{address(RTM_NEWADDR, RT_SCOPE_UNIVERSE, IFA_F_PERMANENT), true},
		{address(RTM_DELADDR, RT_SCOPE_UNIVERSE, 0), true},
		{address(RTM_NEWADDR, RT_SCOPE_LINK, 0), true},
		{address(RTM_NEWADDR, RT_SCOPE_HOST, 0), false},
		{address(RTM_NEWADDR, RT_SCOPE_UNIVERSE, IFA_F_TENTATIVE), false},
		{address(RTM_NEWLINK, RT_SCOPE_UNIVERSE, 0), false},
		{route(RTM_NEWROUTE, RT_TABLE_MAIN, 0), true},
		{route(RTM_DELROUTE, RT_TABLE_MAIN, 0), true},
		{route(RTM_NEWROUTE, RT_TABLE_LOCAL, 0), false},
		{route(RTM_NEWROUTE, RT_TABLE_MAIN, RTM_F_CLONED), false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (concerns(&cases[i].m) != cases[i].is)
			fail_msg("case %zu", i);
}

/* one behind the other; a length that lies ends the reading */
static void test_many(void **state)
{
	struct {
		struct message first, second;
	} b = {address(RTM_NEWADDR, RT_SCOPE_HOST, 0), route(RTM_NEWROUTE, RT_TABLE_MAIN, 0)};
	uint8_t p[sizeof(b)];
	size_t at = NLMSG_ALIGN(b.first.h.nlmsg_len), len = at + b.second.h.nlmsg_len;

	(void)state;
	memcpy(p, &b.first, at);
	memcpy(p + at, &b.second, b.second.h.nlmsg_len);
	assert_true(lwm2m_network_concerns(p, len));
	assert_false(lwm2m_network_concerns(p, len - 1));
	for (uint32_t lie = 0; lie < NLMSG_HDRLEN; lie++) {
		memcpy(p, &lie, sizeof(lie));
		assert_false(lwm2m_network_concerns(p, len));
	}
	memcpy(p, &(uint32_t){UINT32_MAX}, 4);
	assert_false(lwm2m_network_concerns(p, len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
