// SPDX-License-Identifier: Apache-2.0
/*
 * Command scripts. Byte 0: format and size of pieces; the rest is the script. However
 * it is cut, the same items and the same error must come out.
 */
#include <stdlib.h>
#include <string.h>
#include "script/script.h"

struct digest {
	uint32_t items;
	uint64_t sum;
	int result;
	struct script_error err;
};

static void mix(struct digest *g, const struct script_item *item)
{
	char words[SCRIPT_ACTION_WORDS];
	size_t i;

	g->items++;
	g->sum = g->sum * 31 + (uint64_t)item->type + item->offset + item->index;
	for (i = 0; i < item->len; i++)
		g->sum = g->sum * 31 + item->data[i];
	if (item->type == SCRIPT_ITEM_IMMEDIATE || item->type == SCRIPT_ITEM_ERROR_ACTION)
		script_action_words(item->data, item->len, words, sizeof(words));
	if (item->type == SCRIPT_ITEM_CAPDU && item->len < SE_CAPDU_MIN)
		abort();
}

static void run(enum script_format format, const uint8_t *data, size_t len, size_t piece,
		struct digest *g)
{
	const struct script_limits limits = {
		.capdu_max = 1000, .commands_max = 50, .total_max = 3000};
	struct script_decoder *d = script_decoder_new(format, &limits);
	struct script_item item;
	bool end = false;
	size_t used;
	int r = 0;

	memset(g, 0, sizeof(*g));
	if (!d)
		abort();
	while (len && r >= 0) {
		r = script_decoder_feed(d, data, len < piece ? len : piece, &used, &item);
		if (r < 0)
			break;
		if (used > len || (!r && !used))
			abort();
		data += used;
		len -= used;
		if (r > 0) {
			mix(g, &item);
			end |= item.type == SCRIPT_ITEM_END;
		}
	}
	while (r >= 0 && (r = script_decoder_end(d, &item)) > 0) {
		mix(g, &item);
		if (end && item.type == SCRIPT_ITEM_END)
			abort();
		end |= item.type == SCRIPT_ITEM_END;
	}
	if (!r && !end)
		abort();
	if (r < 0 && (!script_decoder_error(d)->what[0] || !script_decoder_error(d)->hint[0]))
		abort();
	g->result = r;
	g->err = *script_decoder_error(d);
	script_decoder_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	enum script_format format;
	struct digest whole, cut;

	if (!len)
		return 0;
	format = data[0] & 0x80 ? SCRIPT_COMPACT : SCRIPT_EXPANDED;
	run(format, data + 1, len - 1, len, &whole);
	run(format, data + 1, len - 1, 1 + (data[0] & 0x0f), &cut);
	if (memcmp(&whole, &cut, sizeof(whole)))
		abort();
	return 0;
}
