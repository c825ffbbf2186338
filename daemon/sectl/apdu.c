// SPDX-License-Identifier: Apache-2.0
/* apdu: commands of one's own, on a channel of their own. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libse/se.h"
#include "script/script.h"
#include "sectl/sectl.h"

#define APDUS_MAX 255
#define LINES_MAX (8U << 20)
#define RSP_ROOM 4098 /* of each, unless it can be more: 256 responses in a stream */

struct batch {
	struct se_apdu apdu[APDUS_MAX];
	uint8_t *cmd[APDUS_MAX], *rsp[APDUS_MAX];
	uint32_t n;
};

static void batch_free(struct batch *b)
{
	uint32_t i;

	if (!b)
		return;
	for (i = 0; i < b->n; i++) {
		forget(b->cmd[i], b->apdu[i].cmd_len);
		forget(b->rsp[i], b->apdu[i].rsp_room);
	}
	free(b);
}

/* An extended Le may bring 64 KiB, a short one never does. */
static uint32_t room_for(const uint8_t *cmd, size_t len)
{
	return script_capdu_case(cmd, len) > 0x10 ? SE_RAPDU_MAX : RSP_ROOM;
}

static int batch_add(struct batch *b, const char *hex, size_t digits)
{
	struct se_apdu *a = &b->apdu[b->n];
	size_t len;

	b->cmd[b->n] = malloc(digits / 2 + 1);
	if (!b->cmd[b->n])
		return fail(EXIT_FAILED, "failed", NULL, "no memory");
	if (se_from_hex(hex, digits, b->cmd[b->n], digits / 2, &len) || len < SE_CAPDU_MIN ||
	    len > SE_CAPDU_MAX || script_capdu_case(b->cmd[b->n], len) < 0) {
		forget(b->cmd[b->n], digits / 2);
		return fail(EXIT_USAGE, "bad-apdu", "CLA INS P1 P2 [Lc data] [Le] in hex",
			    "APDU %u: not a C-APDU (%zu characters)", b->n + 1, digits);
	}
	a->cmd_len = (uint32_t)len;
	a->cmd_ptr = (uintptr_t)b->cmd[b->n];
	a->rsp_room = room_for(b->cmd[b->n], len);
	b->rsp[b->n] = malloc(a->rsp_room);
	a->rsp_ptr = (uintptr_t)b->rsp[b->n];
	script_expect(a->expect);
	b->n++;
	return b->rsp[b->n - 1] ? EXIT_OK : fail(EXIT_FAILED, "failed", NULL, "no memory");
}

/* Arguments can be read by everybody in /proc; a PIN comes through a pipe. */
static int batch_read(struct batch *b)
{
	uint8_t *text;
	size_t len, digits, i = 0;
	int r;

	r = read_input("-", LINES_MAX, &text, &len);
	if (r)
		return fail(EXIT_USAGE, "usage", "one C-APDU a line, in hex",
			    "no APDU on standard input");
	while (!r && i < len) {
		const char *line = (char *)text + i;
		size_t end = strcspn(line, "\n");

		i += end + 1;
		for (digits = end; digits && isspace((unsigned char)line[digits - 1]); digits--)
			;
		if (digits && b->n == APDUS_MAX)
			r = fail(EXIT_USAGE, "usage", "sectl script run FILE takes more",
				 "more than %d APDUs on standard input", APDUS_MAX);
		else if (digits)
			r = batch_add(b, line, digits);
	}
	forget(text, len);
	if (!r && !b->n)
		r = fail(EXIT_USAGE, "usage", "one C-APDU a line, in hex",
			 "no APDU on standard input");
	return r;
}

static int show(const struct se_apdu *a, const uint8_t *rsp, sd_json_variant **array)
{
	uint32_t len = a->rsp_len < a->rsp_room ? a->rsp_len : a->rsp_room;
	char *text = malloc(2 * (size_t)len + 1);
	char word[5];
	int r = 0;

	if (!text)
		return -1;
	se_to_hex(text, rsp, len - 2);
	snprintf(word, sizeof(word), "%04X", a->sw);
	if (opt.json)
		r = sd_json_variant_append_arraybo(
			array, SD_JSON_BUILD_PAIR_STRING("data", text),
			SD_JSON_BUILD_PAIR_STRING("sw", word),
			SD_JSON_BUILD_PAIR_UNSIGNED("totalNs", a->total_ns));
	else
		printf("%s%s%s  %s\n", text, len > 2 ? " " : "", word, sw_words(a->sw));
	forget(text, 2 * (size_t)len);
	return r;
}

static int run(struct se *se, struct batch *b)
{
	struct se_stream stream = {.deadline_ns = target_deadline(b->n)};
	sd_json_variant *array = NULL, *v = NULL;
	uint16_t sw = 0;
	uint32_t i;
	int r, shown = 0;

	r = target_submit(se, b->apdu, b->n, &stream);
	for (i = 0; i < b->n && shown >= 0; i++) {
		if (b->apdu[i].outcome != SE_OUTCOME_EXECUTED || b->apdu[i].rsp_len < 2)
			break;
		sw = b->apdu[i].sw;
		shown = show(&b->apdu[i], b->rsp[i], &array);
	}
	if (r) {
		sd_json_variant_unref(array);
		return fail_submit(r, i + 1, &b->apdu[i < b->n ? i : b->n - 1], &stream);
	}
	if (opt.json) {
		shown = shown < 0 ? shown
				  : sd_json_buildo(
					    &v, SD_JSON_BUILD_PAIR_VARIANT("responses", array));
		put_json(v, shown);
	}
	sd_json_variant_unref(array);
	return script_goes_on(sw) ? EXIT_OK : EXIT_CARD;
}

static int send_batch(struct batch *b)
{
	uint8_t aid[SECTL_AID_MAX];
	size_t aid_len = 0;
	struct se *se;
	int r = EXIT_OK;

	if (opt.aid)
		r = take_aid("--aid", opt.aid, aid, &aid_len);
	if (r)
		return r;
	if (opt.dry_run)
		return say_dry("would open a channel on %s to %s and send %u APDU%s", opt.se,
			       opt.aid ? opt.aid : "the default application", b->n,
			       b->n == 1 ? "" : "s");
	r = target_open(&se);
	if (r)
		return r;
	r = target_channel(se, opt.aid ? aid : NULL, aid_len, NULL, NULL);
	if (!r)
		r = run(se, b);
	se_close(se);
	return r;
}

int verb_apdu(int argc, char **argv)
{
	struct batch *b = calloc(1, sizeof(*b));
	int i = 0, r = EXIT_OK;

	if (!b)
		return fail(EXIT_FAILED, "failed", NULL, "no memory");
	/* what is no hex digit is the short form of --se */
	if (strcmp(argv[0], "-") && !isxdigit((unsigned char)argv[0][0]))
		opt.se = argv[i++];
	if (i == argc)
		r = fail(EXIT_USAGE, "usage", current_verb->example, "no APDU");
	else if (argc - i == 1 && !strcmp(argv[i], "-"))
		r = batch_read(b);
	else if (argc - i > APDUS_MAX)
		r = fail(EXIT_USAGE, "usage", NULL, "more than %d APDUs", APDUS_MAX);
	/* All are looked at before the first is sent. */
	else
		for (; i < argc && !r; i++)
			r = batch_add(b, argv[i], strlen(argv[i]));
	if (!r)
		r = send_batch(b);
	batch_free(b);
	return r;
}
