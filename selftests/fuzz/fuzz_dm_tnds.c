// SPDX-License-Identifier: Apache-2.0
/*
 * Serialised trees into a tree in memory: all or nothing, and what came in comes out. The
 * first byte: bit 0: WBXML, bit 1: in two pieces, bit 2: to the Inbox, bit 3: in an Atomic.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "dm/mo-device.h"
#include "dm/syncml.h"
#include "dm/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
	if (!good)
		abort();
}

static const struct dm_req req = {.server = "a", .correlator = ""};

static int put(struct dm_tree *t, const char *uri, bool wbxml, bool pieces, const uint8_t *p,
	       size_t len)
{
	const struct dm_tree_ops *ops = dm_tree_ops();
	struct dm_put all = {
		.format = wbxml ? "bin" : "xml",
		.type = wbxml ? DM_MIME_TNDS_WBXML : DM_MIME_TNDS_XML,
		.total = len,
		.data = p,
		.len = len,
		.has_data = true,
		.last = true,
	};
	size_t half = len / 2;
	int r;

	if (!pieces || !half)
		return ops->write(t, &req, DM_HOW_ADD, uri, &all);
	all.len = half;
	all.last = false;
	r = ops->write(t, &req, DM_HOW_ADD, uri, &all);
	must(r == DM_BUFFERED || r == DM_TOO_LARGE || r < 0);
	if (r != DM_BUFFERED)
		return r;
	all.offset = half;
	all.data = p + half;
	all.len = len - half;
	all.last = true;
	return ops->write(t, &req, DM_HOW_ADD, uri, &all);
}

/* Walks all of it; returns how many nodes there are. */
static unsigned int walk(struct dm_tree *t)
{
	char uri[DM_URI_MAX + 1] = "", before[DM_URI_MAX + 1];
	unsigned int n = 0;
	struct dm_stat st;
	int r;

	while ((r = dm_tree_ops()->walk(t, &req, ".?list=StructData", uri, &st)) == DM_OK) {
		must(dm_tree_find(t, uri, &st) == 0);
		must(strcmp(uri, before) != 0 || n == 0);
		strcpy(before, uri);
		n++;
	}
	must(r == 0);
	return n;
}

static struct dm_tree *tree;

static void make(void)
{
	static const struct dm_device device = {.id = "x"};
	struct store *store;
	char why[256];

	must(store_open(&store, NULL, "dm", why, sizeof(why)) == 0);
	must(dm_tree_new(&tree, &(struct dm_tree_config){.store = store}, why) == 0);
	must(dm_device_mount(tree, &device) == 0);
	must(dm_tree_describe(tree, &mo_dmacc, NULL, NULL) == 0);
	must(dm_tree_acl(tree, ".", "Add=*&Get=*&Replace=*&Delete=*") == 0);
}

/* All of it as TNDS, unless that is too large. */
static void export(void)
{
	static const char uri[] = ".?list=TNDS-ACL";
	struct dm_stat st;
	size_t n = 0;
	char *text;
	int r = dm_tree_ops()->stat(tree, &req, uri, &st);

	must(r == DM_OK || r == DM_TOO_LARGE);
	if (r != DM_OK)
		return;
	text = malloc((size_t)st.size + 1);
	must(text != NULL);
	r = dm_tree_ops()->read(tree, &req, uri, 0, text, (size_t)st.size + 1, &n);
	must(r == DM_OK && n == st.size);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct dm_tree_ops *ops = dm_tree_ops();
	unsigned int nodes, after;
	uint64_t bytes;
	int r;

	if (size < 1)
		return 0;
	if (!tree)
		make();
	dm_tree_usage(tree, &nodes, &bytes);
	must(ops->begin(tree, *data & 8 ? DM_LEVEL_ATOMIC : DM_LEVEL_MESSAGE) == DM_OK);
	r = put(tree, *data & 4 ? "./Inbox" : ".", *data & 1, *data & 2, data + 1, size - 1);
	dm_tree_usage(tree, &after, &bytes);
	must(r >= 200);
	must(r == DM_OK || after == nodes);
	must(walk(tree) >= 1);
	if (r == DM_OK)
		export();
	must(ops->rollback(tree) == DM_ROLLED_BACK);
	dm_tree_usage(tree, &after, &bytes);
	must(after == nodes);
	return 0;
}
