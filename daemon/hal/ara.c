// SPDX-License-Identifier: Apache-2.0
/* Refresh tag, GET DATA [All], GET DATA [Next] (SEAC 1.1, 4.1). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hal/ara.h"

#define SW_OK 0x9000
#define SW_NO_DATA 0x6a88
#define TAG_ALL 0xff40

enum { STEP_DONE, STEP_TAG, STEP_ALL, STEP_NEXT };

const uint8_t ara_aid[ARA_AID_LEN] = {0xa0, 0x00, 0x00, 0x01, 0x51, 0x41, 0x43, 0x4c, 0x00};

static void end(struct ara *ara)
{
	free(ara->data);
	ara->data = NULL;
	ara->have = 0;
	ara->want = 0;
	ara->step = STEP_DONE;
}

void ara_begin(struct ara *ara)
{
	end(ara);
	ara->step = STEP_TAG;
}

int ara_next(const struct ara *ara, uint8_t cmd[ARA_CMD_LEN])
{
	static const uint16_t what[] = {
		[STEP_TAG] = 0xdf20, [STEP_ALL] = TAG_ALL, [STEP_NEXT] = 0xff60};

	if (ara->step == STEP_DONE)
		return 0;
	cmd[0] = 0x80;
	cmd[1] = 0xca;
	cmd[2] = (uint8_t)(what[ara->step] >> 8);
	cmd[3] = (uint8_t)what[ara->step];
	cmd[4] = 0x00;
	return 1;
}

static int take_tag(struct ara *ara, const uint8_t *p, size_t n)
{
	if (n != 3 + ARA_TAG_LEN || p[0] != 0xdf || p[1] != 0x20 || p[2] != ARA_TAG_LEN)
		return -EBADMSG;
	memcpy(ara->new_tag, p + 3, ARA_TAG_LEN);
	if (ara->rules && !memcmp(ara->tag, ara->new_tag, ARA_TAG_LEN))
		ara->step = STEP_DONE;
	else
		ara->step = STEP_ALL;
	return 0;
}

/* FF40 and a length, of which more may come with the next answers */
static int take_head(struct ara *ara, const uint8_t **p, size_t *n)
{
	const uint8_t *b = *p;
	size_t head = 3, len;

	if (*n < head || b[0] != TAG_ALL >> 8 || b[1] != (TAG_ALL & 0xff))
		return -EBADMSG;
	len = b[2];
	if (len & 0x80) {
		size_t more = len & 0x7f;

		if (!more || more > 3 || *n < head + more)
			return -EBADMSG;
		len = 0;
		while (more--)
			len = len << 8 | b[head++];
	}
	if (len > ARA_DATA_MAX)
		return -E2BIG;
	ara->data = malloc(len ? len : 1);
	if (!ara->data)
		return -ENOMEM;
	ara->want = len;
	*p += head;
	*n -= head;
	return 0;
}

static int take_rules(struct ara *ara, const uint8_t *p, size_t n)
{
	struct ara_rules *rules;
	int r;

	if (ara->step == STEP_ALL) {
		r = take_head(ara, &p, &n);
		if (r < 0)
			return r;
	} else if (!n) {
		return -EBADMSG; /* it would go on for ever */
	}
	if (n > ara->want - ara->have)
		return -EBADMSG;
	if (n)
		memcpy(ara->data + ara->have, p, n);
	ara->have += n;
	ara->step = STEP_NEXT;
	if (ara->have < ara->want)
		return 0;
	r = ara_rules_parse(&rules, ara->data, ara->want);
	if (r < 0)
		return r;
	ara_rules_free(ara->rules);
	ara->rules = rules;
	/* the tag was read first: rules that changed meanwhile have another one */
	memcpy(ara->tag, ara->new_tag, ARA_TAG_LEN);
	end(ara);
	return 0;
}

int ara_answer(struct ara *ara, const uint8_t *rsp, size_t len)
{
	static const uint8_t empty[] = {TAG_ALL >> 8, TAG_ALL & 0xff, 0x00};
	unsigned int sw = 0;
	int r;

	if (len >= 2)
		sw = (unsigned int)rsp[len - 2] << 8 | rsp[len - 1];
	if (ara->step == STEP_DONE || len < 2)
		r = -EBADMSG;
	else if (sw == SW_NO_DATA && ara->step == STEP_ALL)
		r = take_rules(ara, empty, sizeof(empty)); /* an ARA-M without rules */
	else if (sw != SW_OK)
		r = -EREMOTEIO;
	else if (ara->step == STEP_TAG)
		r = take_tag(ara, rsp, len - 2);
	else
		r = take_rules(ara, rsp, len - 2);
	if (r < 0)
		ara_forget(ara);
	return r;
}

void ara_forget(struct ara *ara)
{
	end(ara);
	ara_rules_free(ara->rules);
	ara->rules = NULL;
}
