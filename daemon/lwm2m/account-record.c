// SPDX-License-Identifier: Apache-2.0
/*
 * Requests that must not run twice, in the journal.
 *
 * Of the requests that change something, a Write (PUT) is not recorded: doing it
 * again gives the same, no APDU leaves for it, and a long script is thousands
 * of blocks. Execute, Create, Delete and partial updates are.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "job/job.h"
#include "lwm2m/account-priv.h"

#define EXCHANGE_LIFETIME_S 247U /* RFC 7252, 4.8.2 */
#define KEY_HEADER 12U

struct account_record {
	struct account_record *next;
	uint64_t until; /* as the client counts time */
	uint8_t key[128];
	size_t key_len;
	size_t response_len;
	uint8_t response[];
};

static size_t make_key(const struct lwm2m_account *a, const struct coap_dedup_record *rec,
		       uint8_t key[128])
{
	size_t at = strnlen(a->name, 128 - KEY_HEADER - COAP_TOKEN_MAX - 1);

	memcpy(key, a->name, at);
	key[at++] = 0;
	key[at++] = (uint8_t)(rec->mid >> 8);
	key[at++] = (uint8_t)rec->mid;
	key[at++] = rec->code;
	for (int i = 56; i >= 0; i -= 8)
		key[at++] = (uint8_t)(rec->digest >> i);
	memcpy(key + at, rec->token, rec->token_len);
	return at + rec->token_len;
}

int account_record_store(void *ctx, const struct coap_dedup_record *rec)
{
	struct lwm2m_account *a = ctx;
	uint8_t key[128];
	size_t len;
	int ret;

	if (rec->code == COAP_PUT)
		return 0;
	len = make_key(a, rec, key);
	ret = job_dedup_put(a->store, key, len,
			    rec->response ? rec->response : (const uint8_t *)"",
			    rec->response_len, EXCHANGE_LIFETIME_S);
	if (ret < 0)
		account_log(a, LOG_ERR, "a request is refused, the journal cannot take it: %s",
			    strerror(-ret));
	return ret;
}

int account_record_find(void *ctx, struct coap_dedup_record *rec)
{
	struct lwm2m_account *a = ctx;
	struct account_record **at = &a->records, *r;
	uint8_t key[128];
	size_t len = make_key(a, rec, key);

	while ((r = *at)) {
		/* a server uses its message ids and tokens again */
		if (r->until <= a->now) {
			*at = r->next;
			free(r);
			continue;
		}
		if (r->key_len == len && memcmp(r->key, key, len) == 0) {
			rec->response = r->response_len ? r->response : NULL;
			rec->response_len = r->response_len;
			return 1;
		}
		at = &r->next;
	}
	return 0;
}

static void load_record(void *userdata, const void *key, size_t key_len, const void *rsp,
			size_t rsp_len, uint32_t left_s)
{
	struct lwm2m_account *a = userdata;
	size_t n = strlen(a->name) + 1;
	struct account_record *r;

	if (key_len < n || key_len > sizeof(r->key) || memcmp(key, a->name, n) != 0)
		return;
	r = malloc(sizeof(*r) + rsp_len);
	if (!r) {
		a->records_lost = true;
		return;
	}
	memcpy(r->key, key, key_len);
	r->key_len = key_len;
	r->until = a->now + left_s * 1000ULL;
	r->response_len = rsp_len;
	if (rsp_len > 0)
		memcpy(r->response, rsp, rsp_len);
	r->next = a->records;
	a->records = r;
}

int account_records_load(struct lwm2m_account *a)
{
	int ret = job_dedup_each(a->store, load_record, a);

	return ret == 0 && a->records_lost ? -ENOMEM : ret;
}

void account_records_drop(struct lwm2m_account *a)
{
	struct account_record *next;

	for (struct account_record *r = a->records; r; r = next) {
		next = r->next;
		free(r);
	}
	a->records = NULL;
}
