// SPDX-License-Identifier: Apache-2.0
/* Reading a card's registry and keys: GET STATUS with its pages and dialects, GET DATA E0. */
#include <errno.h>
#include <string.h>

#include "gp/run-priv.h"

/* ISD first: it tells whether the whole card is seen */
static const uint8_t lists[] = {GP_LIST_ISD, GP_LIST_APPS, GP_LIST_ELFS};

void run_view_begin(struct gp_run *run, bool keys)
{
	gp_view_clear(&run->view);
	run->page_of = 0;
	run->view_refused = false;
	run->want = run_needs_view(run) ? GP_LIST_ISD | GP_LIST_APPS | GP_LIST_ELFS : 0;
	run->want_keys = keys;
	run->view.known = run->want != 0;
	if (run->profile->quirks & GP_QUIRK_OLD_STATUS)
		run->form = 2;
	else if (run->profile->quirks & GP_QUIRK_NO_STATUS_TAGS && !run->form)
		run->form = 1;
}

bool run_view_done(const struct gp_run *run)
{
	return !run->want && !run->want_keys;
}

static int put_status(struct gp_run *run, uint8_t list)
{
	struct gp_get_status what = {.list = list,
				     .old = run->form == 2,
				     .next = run->page_of == list,
				     .tags = run->form ? (struct gp_bytes){0} : GP_STATUS_TAGS};
	struct entry entry = {.kind = ENTRY_STATUS, .list = list};
	struct gp_error err;
	struct gp_apdu apdu;
	int r;

	r = gp_cmd_get_status(&apdu, &what, &err);
	if (!r) {
		r = run_put(run, &apdu, &entry, &err);
		gp_apdu_clear(&apdu);
	}
	return r && r != -ENOSPC ? run_fail_err(run, r, &err) : r;
}

static int put_keys(struct gp_run *run)
{
	struct entry entry = {.kind = ENTRY_KEYS};
	struct gp_error err;
	struct gp_apdu apdu;
	int r = gp_cmd_get_data(&apdu, GP_DATA_KEYS, (struct gp_bytes){0}, &err);

	if (!r) {
		r = run_put(run, &apdu, &entry, &err);
		gp_apdu_clear(&apdu);
	}
	return r && r != -ENOSPC ? run_fail_err(run, r, &err) : r;
}

/* All that is still to be read, as far as it fits. A list that goes on comes first. */
int run_view_put(struct gp_run *run)
{
	int r = 0;

	if (run->page_of)
		r = put_status(run, run->page_of);
	for (size_t i = 0; i < sizeof(lists) && !r; i++)
		if (run->want & lists[i] && lists[i] != run->page_of)
			r = put_status(run, lists[i]);
	if (!r && run->want_keys)
		r = put_keys(run);
	return r && r != -ENOSPC ? r : 1;
}

/* GET STATUS is refused: in another form, or not at all. */
static void refused(struct gp_run *run, uint16_t sw)
{
	bool syntax = sw == 0x6a80 || sw == 0x6a86 || sw == 0x6700;

	run->page_of = 0;
	if (syntax && run->form < 2) {
		run->form++;
		return;
	}
	gp_registry_clear(&run->view.registry);
	run->view.known = run->view.complete = false;
	run->view_refused = true;
	run->want = 0;
}

int run_view_fed(struct gp_run *run, const struct entry *entry, const uint8_t *rsp, size_t len)
{
	uint16_t sw = run_sw(rsp, len);
	struct gp_error err;
	int r = 0;

	if (entry->kind == ENTRY_KEYS) {
		run->want_keys = false;
		if (sw == 0x9000)
			run->view.keys_known =
				!gp_keys_decode(&run->view.keys, rsp, len - 2, &err);
		return 0;
	}
	if (sw != 0x9000 && sw != 0x6310 && sw != 0x6a88) {
		refused(run, sw);
		return 0;
	}
	if (len > 2)
		r = gp_registry_take(&run->view.registry, entry->list, rsp, len - 2, &err);
	if (r < 0)
		return run_fail_err(run, r, &err);
	if (sw == 0x6310) {
		run->page_of = entry->list;
		return 0;
	}
	run->page_of = 0;
	run->want &= (uint8_t)~entry->list;
	if (entry->list == GP_LIST_ISD)
		run->view.complete = gp_registry_isd(&run->view.registry) != NULL;
	return 0;
}
