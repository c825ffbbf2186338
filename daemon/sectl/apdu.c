// SPDX-License-Identifier: Apache-2.0
/* apdu: commands of one's own, on a channel of their own. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libse/se.h"
#include "script/script.h"
#include "sectl/batch.h"
#include "sectl/sectl.h"

#define LINES_MAX (8U << 20)

static int add_hex(struct batch *b, const char *hex, size_t digits)
{
	static uint8_t cmd[SE_CAPDU_MAX];
	size_t len;
	int r;

	if (se_from_hex(hex, digits, cmd, sizeof(cmd), &len) || len < SE_CAPDU_MIN ||
	    script_capdu_case(cmd, len) < 0)
		return fail(EXIT_USAGE, "bad-apdu", "CLA INS P1 P2 [Lc data] [Le] in hex",
			    "APDU %u: not a C-APDU (%zu characters)", b->n + 1, digits);
	r = batch_add(b, cmd, len);
	explicit_bzero(cmd, len);
	return r ? fail(EXIT_FAILED, "failed", NULL, "no memory") : EXIT_OK;
}

static int add_line(void *ctx, const char *line, size_t digits)
{
	struct batch *b = ctx;

	if (b->n == BATCH_MAX)
		return fail(EXIT_USAGE, "usage", "sectl script run FILE takes more",
			    "more than %d APDUs on standard input", BATCH_MAX);
	return add_hex(b, line, digits);
}

/* Arguments can be read by everybody in /proc; a PIN comes through a pipe. */
static int add_lines(struct batch *b)
{
	int r = read_lines(LINES_MAX, add_line, b);

	if (!r && !b->n)
		r = fail(EXIT_USAGE, "usage", "one C-APDU a line, in hex",
			 "no APDU on standard input");
	return r;
}

static int run(struct se *se, struct batch *b)
{
	sd_json_variant *array = NULL, *v = NULL;
	uint16_t sw = 0;
	int r, status;

	status = batch_run(se, b, 1, &array, &sw);
	if (opt.json && (!status || status == EXIT_CARD)) {
		r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR_VARIANT("responses", array));
		put_json(v, r);
	}
	sd_json_variant_unref(array);
	return status;
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
	r = target_channel(se, aid, aid_len, NULL, NULL);
	if (!r)
		r = run(se, b);
	se_close(se);
	return r;
}

int verb_apdu(int argc, char **argv)
{
	struct batch *b = batch_new();
	int i = 0, r = EXIT_OK;

	/* what is no hex digit is the short form of --se */
	if (strcmp(argv[0], "-") && !isxdigit((unsigned char)argv[0][0]))
		opt.se = argv[i++];
	if (i == argc)
		r = fail(EXIT_USAGE, "usage", current_verb->example, "no APDU");
	else if (argc - i == 1 && !strcmp(argv[i], "-"))
		r = add_lines(b);
	else if (argc - i > BATCH_MAX)
		r = fail(EXIT_USAGE, "usage", NULL, "more than %d APDUs", BATCH_MAX);
	/* All are looked at before the first is sent. */
	else
		for (; i < argc && !r; i++)
			r = add_hex(b, argv[i], strlen(argv[i]));
	if (!r)
		r = send_batch(b);
	batch_free(b);
	return r;
}
