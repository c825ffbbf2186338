// SPDX-License-Identifier: Apache-2.0
/*
 * Access rules of a hostile ARA-M: the input is a row of answers, each after its length in
 * two bytes. The reading ends; what no rule allows is denied; what is not understood too.
 */
#include <stdlib.h>
#include <string.h>

#include "hal/ara.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool what)
{
	if (!what)
		abort();
}

static void decide(const struct ara_rules *rules)
{
	static const uint8_t aid[] = {0xa0, 0, 0, 0, 1}, select[] = {0, 0xa4, 4, 0, 0};
	static const uint8_t header[] = {0x80, 0xca, 0, 0};
	struct ara_caller caller = {.n_hashes = 1, .package = "p"};
	struct ara_verdict v;

	caller.hashes[0].len = 20;
	for (size_t len = 0; len <= sizeof(aid); len += sizeof(aid)) {
		ara_rules_decide(rules, aid, len, &caller, &v);
		check(v.allowed || (v.why && !v.n_filters));
		check(v.n_filters <= ARA_FILTERS_MAX);
		check(!ara_verdict_allows(&v, select, sizeof(select)));
		check(v.allowed || !ara_verdict_allows(&v, header, sizeof(header)));
		check(!v.allowed || v.n_filters || ara_verdict_allows(&v, header, 4));
		check(!rules || ara_rules_count(rules) || !v.allowed);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ara ara = {0};
	uint8_t cmd[ARA_CMD_LEN];

	ara_begin(&ara);
	while (size >= 2 && ara_next(&ara, cmd) == 1) {
		size_t len = (size_t)data[0] << 8 | data[1];
		uint8_t *rsp;
		int r;

		check(cmd[0] == 0x80 && cmd[1] == 0xca);
		data += 2;
		size -= 2;
		if (len > size)
			len = size;
		rsp = malloc(len ? len : 1);
		memcpy(rsp, data, len);
		r = ara_answer(&ara, rsp, len);
		free(rsp);
		check(r >= 0 || (!ara.rules && !ara_next(&ara, cmd)));
		data += len;
		size -= len;
		if (!ara_next(&ara, cmd)) {
			decide(ara.rules);
			ara_begin(&ara);
		}
	}
	ara_forget(&ara);
	return 0;
}
