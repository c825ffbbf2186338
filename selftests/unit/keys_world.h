/* SPDX-License-Identifier: Apache-2.0 */
/* A job store with softse's IoT SAFE and vault behind it, and what is in them. */
#ifndef SESAME_TEST_KEYS_WORLD_H
#define SESAME_TEST_KEYS_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <poll.h>
#include <cmocka.h>

#include "unit/card_socket.h"
#include "job/job.h"
#include "libse/se.h"

#define IOT_SAFE 4 /* places in softse/applet.c */
#define VAULT 5

static struct job_store *store;
static const uint8_t kw_iotsafe[] = {0xa0, 0, 0, 5, 0x59, 0, 0x10};
static const uint8_t kw_vault[] = {0xf0, 'S', 'E', 'S', 'A', 'M', 'E', 4};
static const uint8_t kw_psk[16] = "a key for tests!";

static struct entry *kw_applet(const uint8_t *aid, size_t len)
{
	for (size_t i = 0; i < cs.card.n_entries; i++) {
		struct entry *e = cs.card.entries[i];

		if (e->code && e->aid.len >= len && !memcmp(e->aid.v, aid, len))
			return e;
	}
	fail_msg("the card has no such applet");
	return NULL;
}

/** kw_object() - an object of an applet, past its commands */
static void kw_object(const uint8_t *aid, size_t aid_len, uint32_t tag, uint16_t ref,
		      const void *p, size_t len)
{
	pthread_mutex_lock(&cs.lock);
	assert_int_equal(entry_put_object(&cs.card, kw_applet(aid, aid_len), tag, ref, p, len),
			 0x9000);
	pthread_mutex_unlock(&cs.lock);
}

static void kw_file(uint16_t id, const void *p, size_t len)
{
	kw_object(kw_iotsafe, sizeof(kw_iotsafe), 0x83, id, p, len);
}

static void kw_secret(uint16_t id, const void *p, size_t len)
{
	kw_object(kw_iotsafe, sizeof(kw_iotsafe), 0x86, id, p, len);
}

/** kw_slot() - by PUT SLOT, as the factory does */
static void kw_slot(uint8_t slot, uint8_t policy, const void *p, size_t len)
{
	struct se_channel_open o = {.aid_ptr = (uintptr_t)kw_vault,
				    .aid_len = sizeof(kw_vault)};
	uint8_t cmd[300] = {0x80, 0x40, slot, policy, (uint8_t)len}, rsp[16];
	uint32_t got = 0;
	struct se *se;

	memcpy(cmd + 5, p, len);
	assert_int_equal(se_open(&se, cs.open), 0);
	assert_int_equal(se_channel_open(se, &o), 0);
	assert_int_equal(
		se_transmit(se, cmd, (uint32_t)(5 + len), rsp, sizeof(rsp), &got, 0, NULL), 0);
	assert_int_equal(got, 2);
	assert_int_equal(rsp[0], 0x90);
	se_close(se);
}

static void kw_open(void)
{
	struct job_options o = {.chunk = 2};
	struct job_error e;
	char dir[96];

	snprintf(dir, sizeof(dir), "%s/state", cs.dir);
	o.dir = dir;
	if (job_store_open(&store, &o, &e))
		fail_msg("%s: %s", e.code, e.detail);
	assert_int_equal(job_se_add(store, "se0", cs.open, "eSE"), 0);
}

/** kw_until() - dispatch until *flag is not 0; false after a minute */
static bool kw_until(const int *flag)
{
	struct pollfd p = {.fd = job_store_fd(store), .events = POLLIN};

	for (int i = 0; i < 6000 && !*flag; i++) {
		poll(&p, 1, 10);
		job_store_dispatch(store);
	}
	return *flag;
}

#endif
