// SPDX-License-Identifier: Apache-2.0
/* Dry run: what would be sent to a card that has nothing of the plan yet. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>

#include "gp/op-build.h"
#include "gp/plan-priv.h"

#define LEVEL_DEFAULT (GP_LEVEL_CMAC | GP_LEVEL_CENC)
#define STREAM 256 /* SE_STREAM_MAX */
#define MAC_LEN 8
#define BLOCK 16

/* A listing that is being made. */
struct show {
	const struct gp_plan *plan;
	const struct gp_session *session;
	sd_json_variant *apdus; /* of the step */
	uint32_t total, trips, in_stream;
};

static bool secured(const struct show *s)
{
	return s->session->keys[0];
}

static uint8_t level(const struct show *s)
{
	return s->session->level ? s->session->level : LEVEL_DEFAULT;
}

/* @plain: the C-APDU in hex, or NULL if only the card's answers make it what it is */
static int add_lines(struct show *s, const char *hex, const char *words, const char *plain)
{
	s->total++;
	return sd_json_variant_append_arraybo(
		&s->apdus, SD_JSON_BUILD_PAIR_STRING("hex", hex),
		SD_JSON_BUILD_PAIR_CONDITION(!!plain, "command", SD_JSON_BUILD_STRING(plain)),
		SD_JSON_BUILD_PAIR_STRING("text", words));
}

static int add_line(struct show *s, const char *hex, const char *words)
{
	return add_lines(s, hex, words, NULL);
}

static size_t put_hex(char *out, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		(void)snprintf(out + 2 * i, 3, "%02X", p[i]);
	return 2 * len;
}

/* Data that a person should not read off a screen, and those that are made by the card's
 * answer. */
static bool hidden(const struct gp_op *op, const struct gp_apdu *cmd)
{
	return (op->type == GP_OP_PUT_KEY && op->keys[0]) || op->encrypted ||
	       cmd->ins == GP_INS_STORE_DATA;
}

/* Without a secure channel, in hex: what tokens are made for. NULL: no memory. */
static char *plain_hex(const struct gp_apdu *cmd)
{
	static const struct gp_wire whole = {.extended = true};
	size_t room = cmd->len + 9, len;
	uint8_t *bytes = malloc(room);
	char *hex = malloc(2 * room + 1);

	if (bytes && hex && !gp_apdu_encode(cmd, &whole, 0, bytes, room, &len, NULL)) {
		put_hex(hex, bytes, len);
	} else {
		free(hex);
		hex = NULL;
	}
	free(bytes);
	return hex;
}

/* One command with what the secure channel adds to it: "84E602001B<encrypted 16><MAC 8>". */
static int add_command(struct show *s, const struct gp_op *op, const struct gp_apdu *cmd)
{
	bool mac = secured(s) && level(s) & GP_LEVEL_CMAC;
	bool enc = mac && level(s) & GP_LEVEL_CENC && cmd->len;
	size_t len = enc ? gp_pad80(cmd->len, BLOCK) : cmd->len;
	size_t lc = len + (mac ? MAC_LEN : 0), at;
	uint8_t head[] = {(uint8_t)(cmd->cla | (mac ? 0x04 : 0)), cmd->ins, cmd->p1, cmd->p2};
	char *hex = malloc(2 * cmd->len + 96);
	bool secret = hidden(op, cmd);
	char *plain = secret ? NULL : plain_hex(cmd);
	char words[96];
	int r;

	if (!hex || (!plain && !secret)) {
		free(hex);
		free(plain);
		return -ENOMEM;
	}
	at = put_hex(hex, head, sizeof(head));
	if (lc > 255)
		at += (size_t)sprintf(hex + at, "00%04zX", lc);
	else if (lc)
		at += (size_t)sprintf(hex + at, "%02zX", lc);
	if (secret)
		at += (size_t)sprintf(hex + at, "<secret %zu>", len);
	else if (enc)
		at += (size_t)sprintf(hex + at, "<encrypted %zu:", len);
	if (!secret)
		at += put_hex(hex + at, cmd->data, cmd->len);
	if (enc && !secret)
		at += (size_t)sprintf(hex + at, ">");
	if (mac)
		at += (size_t)sprintf(hex + at, "<MAC %d>", MAC_LEN);
	if (cmd->le)
		(void)sprintf(hex + at, cmd->le > GP_LE_ANY || lc > 255 ? "0000" : "%02X",
			      (unsigned int)(cmd->le & 0xff));
	(void)snprintf(words, sizeof(words), "%s", gp_cmd_name(cmd->ins, cmd->p1));
	r = add_lines(s, hex, words, plain);
	OPENSSL_cleanse(hex, at);
	free(hex);
	free(plain);
	return r;
}

/* The opening of a session is a step of its own. */
static int show_opening(struct show *s, sd_json_variant **step)
{
	char hex[128], aid[2 * GP_AID_MAX + 1] = "";
	int r;

	put_hex(aid, s->session->sd.bytes, s->session->sd.len);
	r = add_line(s, "0070000001", "MANAGE CHANNEL open");
	if (r >= 0) {
		(void)snprintf(hex, sizeof(hex), "<channel>A40400%02X%s00", s->session->sd.len,
			       aid);
		r = add_line(s, hex, "SELECT");
	}
	s->trips++;
	if (r >= 0 && secured(s)) {
		r = add_line(s, "80CA006600", "GET DATA, card recognition data");
		if (r >= 0)
			r = add_line(s, "80CA9F7F00", "GET DATA, card production life cycle");
		(void)snprintf(hex, sizeof(hex), "8050%02X0008<host challenge 8>00",
			       s->session->kvn);
		if (r >= 0)
			r = add_line(s, hex, "INITIALIZE UPDATE");
		(void)snprintf(hex, sizeof(hex), "8482%02X0010<host cryptogram 8><MAC 8>",
			       level(s));
		if (r >= 0)
			r = add_line(s, hex, "EXTERNAL AUTHENTICATE");
		for (unsigned int list = GP_LIST_ISD; r >= 0 && list >= GP_LIST_ELFS;
		     list >>= 1) {
			(void)snprintf(hex, sizeof(hex), "84F2%02X02<registry>", list);
			r = add_line(s, hex, "GET STATUS, until the card has told all");
		}
		s->trips += 2;
	}
	if (r >= 0)
		r = sd_json_variant_set_field_string(step, "op", "open");
	return r < 0 ? r : sd_json_variant_set_field_string(step, "keys", s->session->keys);
}

static int show_put_key(struct show *s, const struct gp_op *op)
{
	char hex[128], words[128];

	(void)snprintf(hex, sizeof(hex), "84D8%02X%02X<Lc><keys under DEK><MAC 8>00",
		       op->old_kvn, 0x80 | (op->kid ? op->kid : 1));
	(void)snprintf(words, sizeof(words), "PUT KEY, key set \"%s\"", op->keys);
	s->in_stream++;
	return add_line(s, hex, words);
}

static int show_op(struct show *s, const struct gp_op *op, sd_json_variant **step,
		   struct gp_error *err)
{
	struct gp_facts facts = {.sd = s->session->sd, .kvn = op->kvn, .nr_keys = 1};
	size_t max = GP_LC_SHORT;
	const struct gp_profile *profile = gp_profile_by_name(s->session->profile);
	struct gp_build how = {.facts = &facts,
			       .profile = profile ? profile : gp_profile_at(0)};
	struct gp_built built;
	int r;

	r = sd_json_variant_set_field_string(step, "op", gp_op_name(op->type));
	if (r >= 0 && op->label[0])
		r = sd_json_variant_set_field_string(step, "label", op->label);
	if (r < 0)
		return r;
	if (op->type == GP_OP_PUT_KEY && op->keys[0])
		return show_put_key(s, op);
	facts.kid = op->kid ? op->kid : 1;
	if (secured(s) && level(s) & GP_LEVEL_CMAC)
		max = level(s) & GP_LEVEL_CENC ? (max - MAC_LEN) / BLOCK * BLOCK - 1
					       : max - MAC_LEN;
	how.max_data = max;
	if (how.profile->load_block && how.profile->load_block < max)
		how.max_data = how.profile->load_block;
	r = gp_op_build(op, &how, &built, err);
	if (r)
		return r;
	for (size_t i = 0; i < built.n && r >= 0; i++) {
		struct gp_apdu *cmd;

		r = gp_built_cmd(&built, i, &cmd, err);
		if (!r)
			r = add_command(s, op, cmd);
	}
	s->in_stream += (uint32_t)built.n;
	gp_built_clear(&built);
	return r;
}

/* Ends the stream under way: how many round trips were that? */
static void end_stream(struct show *s)
{
	s->trips += (s->in_stream + STREAM - 1) / STREAM;
	s->in_stream = 0;
}

static int close_step(struct show *s, sd_json_variant **steps, sd_json_variant *step)
{
	int r;

	if (s->apdus) {
		r = sd_json_variant_set_field(&step, "apdus", s->apdus);
		s->apdus = sd_json_variant_unref(s->apdus);
		if (r < 0) {
			sd_json_variant_unref(step);
			return r;
		}
	}
	r = sd_json_variant_append_array(steps, step);
	sd_json_variant_unref(step);
	return r;
}

static int show_steps(struct show *s, sd_json_variant **steps, struct gp_error *err)
{
	sd_json_variant *step;
	int r = 0;

	for (size_t i = 0; i < s->plan->nr_ops && r >= 0; i++) {
		const struct gp_op *op = &s->plan->ops[i];
		bool alone = gp_op_changes(op) && gp_op_untold(op);

		if (s->session != &s->plan->sessions[op->session]) {
			end_stream(s);
			s->session = &s->plan->sessions[op->session];
			step = NULL;
			r = show_opening(s, &step);
			if (r >= 0)
				r = close_step(s, steps, step);
			else
				sd_json_variant_unref(step);
			if (r < 0)
				return r;
		}
		if (alone)
			end_stream(s);
		step = NULL;
		r = show_op(s, op, &step, err);
		if (r < 0) {
			sd_json_variant_unref(step);
			return r;
		}
		r = close_step(s, steps, step);
		if (alone)
			end_stream(s);
	}
	end_stream(s);
	return r;
}

int gp_plan_show(const struct gp_plan *plan, sd_json_variant **ret, struct gp_error *err)
{
	struct show s = {.plan = plan};
	sd_json_variant *json = NULL, *steps = NULL, *unknown = NULL;
	struct gp_error local;
	int r;

	if (!err)
		err = &local;
	*err = (struct gp_error){0};
	r = gp_plan_validate(plan, err);
	if (!r && !gp_plan_resolved(plan))
		r = gp_fail(err, -EINVAL, "plan-invalid", "the plan's files were not read yet");
	if (r)
		return r;
	r = show_steps(&s, &steps, err);
	if (r >= 0)
		r = sd_json_variant_set_field_string(&json, "plan", plan->name);
	if (r >= 0)
		r = sd_json_variant_set_field(&json, "steps", steps);
	if (r >= 0)
		r = sd_json_variant_set_field_unsigned(&json, "apdus", s.total);
	if (r >= 0)
		r = sd_json_variant_set_field_unsigned(&json, "roundTrips", s.trips);
	if (r >= 0)
		r = sd_json_build(
			&unknown,
			SD_JSON_BUILD_ARRAY(
				SD_JSON_BUILD_STRING("what is on the card already: it is left "
						     "out, or refused"),
				SD_JSON_BUILD_STRING("the secure channel's protocol: MACs of "
						     "16 bytes (S16) and "
						     "blocks of 8 (SCP02) change lengths"),
				SD_JSON_BUILD_STRING("how many pages the registry has"),
				SD_JSON_BUILD_STRING(
					"the card's profile: extended length and "
					"smaller blocks change the number of LOADs")));
	if (r >= 0)
		r = sd_json_variant_set_field(&json, "unknown", unknown);
	sd_json_variant_unref(unknown);
	sd_json_variant_unref(steps);
	sd_json_variant_unref(s.apdus);
	if (r < 0) {
		sd_json_variant_unref(json);
		return err->code[0] ? r : gp_fail(err, r, "memory", "out of memory");
	}
	*ret = json;
	return 0;
}
