// SPDX-License-Identifier: Apache-2.0
/* Plans from JSON. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>

#include "gp/loadfile.h"
#include "gp/plan-fields.h"

static int word_read(sd_json_variant *v, const struct plan_word *words, uint8_t *value)
{
	if (!sd_json_variant_is_string(v))
		return -EBADMSG;
	for (size_t i = 0; words[i].name; i++)
		if (!strcmp(sd_json_variant_string(v), words[i].name)) {
			*value = words[i].value;
			return 0;
		}
	return -EBADMSG;
}

/* An array of words as the sum of their values. */
static int set_read(sd_json_variant *v, const struct plan_word *words, uint8_t *value)
{
	uint8_t one;

	*value = 0;
	if (!sd_json_variant_is_array(v))
		return -EBADMSG;
	for (size_t i = 0; i < sd_json_variant_elements(v); i++) {
		if (word_read(sd_json_variant_by_index(v, i), words, &one))
			return -EBADMSG;
		*value |= one;
	}
	return 0;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int gp_json_hex(sd_json_variant *json, uint8_t *out, size_t room, size_t *len)
{
	const char *text;
	size_t n;

	if (!sd_json_variant_is_string(json))
		return -EBADMSG;
	text = sd_json_variant_string(json);
	n = strlen(text);
	if (n % 2 || n / 2 > room)
		return -EBADMSG;
	for (size_t i = 0; i < n / 2; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EBADMSG;
		out[i] = (uint8_t)(high << 4 | low);
	}
	*len = n / 2;
	return 0;
}

static int read_aid(sd_json_variant *v, struct gp_aid *aid)
{
	uint8_t bytes[GP_AID_MAX];
	size_t len;

	if (gp_json_hex(v, bytes, sizeof(bytes), &len) || gp_aid_set(aid, bytes, len))
		return -EBADMSG;
	return 0;
}

static int read_blob(sd_json_variant *v, bool base64, struct gp_blob *blob)
{
	void *p = NULL;
	size_t len = 0;
	int r;

	if (!sd_json_variant_is_string(v))
		return -EBADMSG;
	r = base64 ? sd_json_variant_unbase64(v, &p, &len) : sd_json_variant_unhex(v, &p, &len);
	if (r < 0)
		return r == -ENOMEM ? r : -EBADMSG;
	/* a package is large: no copy of it */
	if (len)
		return gp_blob_take(blob, p, len);
	free(p);
	gp_blob_clear(blob);
	return 0;
}

/* The code of an operation, or the next of those that were left in the text. */
static int read_code(sd_json_variant *v, struct plan_lift *lift, struct gp_op *op)
{
	char mark[LIFT_MARK_MAX];

	if (!sd_json_variant_is_string(v) || sd_json_variant_string(v)[0] != LIFT_MARK) {
		free(op->text);
		op->text = NULL;
		return read_blob(v, true, &op->code);
	}
	if (!lift || lift->taken == lift->n)
		return -EBADMSG;
	(void)snprintf(mark, sizeof(mark), "%c%zu", LIFT_MARK, lift->taken);
	if (strcmp(mark, sd_json_variant_string(v)) != 0)
		return -EBADMSG;
	if (!op->text)
		op->text = malloc(sizeof(*op->text));
	if (!op->text)
		return -ENOMEM;
	*op->text = lift->v[lift->taken++];
	gp_blob_clear(&op->code);
	return 0;
}

static int read_number(sd_json_variant *v, uint64_t max, uint64_t *n)
{
	if (!sd_json_variant_is_unsigned(v) || sd_json_variant_unsigned(v) > max)
		return -EBADMSG;
	*n = sd_json_variant_unsigned(v);
	return 0;
}

static int read_name(sd_json_variant *v, char *out, size_t room)
{
	if (!sd_json_variant_is_string(v) || strlen(sd_json_variant_string(v)) >= room)
		return -EBADMSG;
	strcpy(out, sd_json_variant_string(v));
	return 0;
}

/* Names in an array or a string, or 2 or 6 hex digits; the latter say the length. */
static int read_privileges(sd_json_variant *v, struct gp_op *op)
{
	char text[GP_PRIV_WORDS] = "";
	size_t at = 0;

	if (sd_json_variant_is_string(v)) {
		if (read_name(v, text, sizeof(text)))
			return -EBADMSG;
	} else if (sd_json_variant_is_array(v)) {
		for (size_t i = 0; i < sd_json_variant_elements(v); i++) {
			sd_json_variant *one = sd_json_variant_by_index(v, i);

			if (read_name(one, text + at, sizeof(text) - at - 1))
				return -EBADMSG;
			at += strlen(text + at);
			strcpy(text + at++, ",");
		}
	} else {
		return -EBADMSG;
	}
	op->privileges = 0;
	if (text[0] && gp_priv_from_text(text, &op->privileges, NULL))
		return -EBADMSG;
	op->privileges_len = op->privileges & 0xffff || strlen(text) == 6 ? 3 : 1;
	return 0;
}

static int field_read(struct gp_op *op, const struct plan_field *f, sd_json_variant *v,
		      struct plan_lift *lift)
{
	void *at = (uint8_t *)op + f->offset;
	uint8_t two[2];
	uint64_t n = 0;
	size_t len;
	int r;

	switch (f->form) {
	case FORM_AID:
		return read_aid(v, at);
	case FORM_HEX:
	case FORM_BASE64:
		return read_blob(v, f->form == FORM_BASE64, at);
	case FORM_CODE:
		return read_code(v, lift, op);
	case FORM_BOOL:
		if (!sd_json_variant_is_boolean(v))
			return -EBADMSG;
		*(bool *)at = sd_json_variant_boolean(v);
		return 0;
	case FORM_BYTE:
		r = read_number(v, 0xff, &n);
		*(uint8_t *)at = (uint8_t)n;
		return r;
	case FORM_SHORT:
		r = read_number(v, 0xffff, &n);
		*(uint16_t *)at = (uint16_t)n;
		return r;
	case FORM_OPTIONAL:
		r = read_number(v, 0xff, &n);
		*(int16_t *)at = (int16_t)n;
		return r;
	case FORM_TAG:
	case FORM_SCP:
		r = gp_json_hex(v, two, sizeof(two), &len);
		if (r || !len)
			return -EBADMSG;
		if (f->form == FORM_SCP && len == 2)
			memcpy(at, two, 2);
		else if (f->form == FORM_TAG)
			*(uint16_t *)at = (uint16_t)(len == 2 ? two[0] << 8 | two[1] : two[0]);
		else
			return -EBADMSG;
		return 0;
	case FORM_NAME:
		return read_name(v, at, GP_PLAN_NAME_MAX);
	case FORM_FILE:
		if (!sd_json_variant_is_string(v) || !sd_json_variant_string(v)[0] ||
		    strlen(sd_json_variant_string(v)) >= GP_PLAN_FILE_MAX)
			return -EBADMSG;
		free(op->file);
		op->file = strdup(sd_json_variant_string(v));
		return op->file ? 0 : -ENOMEM;
	case FORM_PRIVILEGES:
		return read_privileges(v, op);
	case FORM_DIGEST:
		r = sd_json_variant_is_string(v) ? gp_digest_by_name(sd_json_variant_string(v))
						 : -EBADMSG;
		*(uint8_t *)at = (uint8_t)(r < 0 ? 0 : r);
		return r < 0 ? -EBADMSG : 0;
	case FORM_STORE:
		return word_read(v, plan_stores, at);
	case FORM_STATE:
		return word_read(v, plan_states, at);
	case FORM_SCOPE:
		return set_read(v, plan_scopes, at);
	}
	return -EBADMSG;
}

static int bad(struct gp_error *err, sd_json_variant *v, const char *fmt, const char *what)
{
	unsigned int line = 0, column = 0;
	char words[160];

	(void)sd_json_variant_get_source(v, NULL, &line, &column);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	(void)snprintf(words, sizeof(words), fmt, what);
#pragma GCC diagnostic pop
	if (line)
		return gp_fail(err, -EBADMSG, "plan-format", "line %u, column %u: %s", line,
			       column, words);
	return gp_fail(err, -EBADMSG, "plan-format", "%s", words);
}

static int op_read(struct gp_plan *plan, enum gp_op_type type, sd_json_variant *v,
		   uint32_t skip_on, struct gp_error *err)
{
	struct gp_op *op = gp_plan_add(plan, type, 0);
	uint64_t session = 0;
	const char *key;
	sd_json_variant *value;
	int r;

	if (!op)
		return errno == ENOSPC ? bad(err, v, "%s", "too many operations") : -ENOMEM;
	for (size_t k = 0; k + 1 < sd_json_variant_elements(v); k += 2) {
		key = sd_json_variant_string(sd_json_variant_by_index(v, k));
		value = sd_json_variant_by_index(v, k + 1);
		size_t i = 0;

		if (!strcmp(key, "op"))
			continue;
		if (!strcmp(key, "session")) {
			if (read_number(value, GP_PLAN_SESSIONS_MAX - 1, &session))
				return bad(err, value, "%s is no session's number", key);
			op->session = (uint8_t)session;
			continue;
		}
		while (i < plan_nr_fields && (strcmp(plan_fields[i].name, key) != 0 ||
					      !(plan_fields[i].on & (PLAN_ON(type) | skip_on))))
			i++;
		if (i == plan_nr_fields)
			return bad(err, value, "field \"%.40s\" is not known here", key);
		if (!(plan_fields[i].on & PLAN_ON(type)))
			continue; /* of the other half of a package */
		r = field_read(op, &plan_fields[i], value, plan->lift);
		if (r == -ENOMEM)
			return r;
		if (r)
			return bad(err, value, "bad value of \"%.40s\"", key);
	}
	return 0;
}

static int read_op(struct gp_plan *plan, sd_json_variant *v, struct gp_error *err)
{
	sd_json_variant *name = sd_json_variant_by_key(v, "op");
	int type, r;

	if (!name || !sd_json_variant_is_string(name))
		return bad(err, v, "%s", "an operation is an object with a field \"op\"");
	/* one word for both halves; aid is that of the instance */
	if (!strcmp(sd_json_variant_string(name), "package")) {
		if (!sd_json_variant_by_key(v, "file") && !sd_json_variant_by_key(v, "code"))
			return bad(err, v, "%s", "a package has file or code");
		r = op_read(plan, GP_OP_LOAD, v, PLAN_ON(GP_OP_INSTALL), err);
		if (r)
			return r;
		plan->ops[plan->nr_ops - 1].aid = (struct gp_aid){0};
		gp_blob_clear(&plan->ops[plan->nr_ops - 1].token);
		r = op_read(plan, GP_OP_INSTALL, v, PLAN_ON(GP_OP_LOAD), err);
		if (r)
			return r;
		plan->ops[plan->nr_ops - 1].selectable = true;
		return 0;
	}
	type = gp_op_parse(sd_json_variant_string(name));
	if (type < 0)
		return bad(err, name, "\"%.40s\" is no operation",
			   sd_json_variant_string(name));
	return op_read(plan, (enum gp_op_type)type, v, 0, err);
}

static int read_session(struct gp_plan *plan, sd_json_variant *v, struct gp_error *err)
{
	int index = gp_plan_session(plan, NULL, NULL), r = 0;
	struct gp_session *s;
	const char *key;
	sd_json_variant *value;
	uint64_t n;

	if (index < 0)
		return bad(err, v, "%s", "too many sessions");
	s = &plan->sessions[index];
	if (!sd_json_variant_is_object(v))
		return bad(err, v, "%s", "a session is an object");
	for (size_t k = 0; k + 1 < sd_json_variant_elements(v); k += 2) {
		key = sd_json_variant_string(sd_json_variant_by_index(v, k));
		value = sd_json_variant_by_index(v, k + 1);
		if (!strcmp(key, "sd"))
			r = read_aid(value, &s->sd);
		else if (!strcmp(key, "keys"))
			r = read_name(value, s->keys, sizeof(s->keys));
		else if (!strcmp(key, "profile"))
			r = read_name(value, s->profile, sizeof(s->profile));
		else if (!strcmp(key, "receiptKey"))
			r = read_name(value, s->receipt_key, sizeof(s->receipt_key));
		else if (!strcmp(key, "level"))
			r = word_read(value, plan_levels, &s->level);
		else if (!strcmp(key, "kvn")) {
			r = read_number(value, 0xff, &n);
			s->kvn = r ? 0 : (uint8_t)n;
		} else
			return bad(err, value, "field \"%.40s\" is not known in a session",
				   key);
		if (r)
			return bad(err, value, "bad value of \"%.40s\"", key);
	}
	return 0;
}

static int read_list(struct gp_plan *plan, sd_json_variant *v,
		     int (*one)(struct gp_plan *plan, sd_json_variant *v, struct gp_error *err),
		     struct gp_error *err)
{
	int r = 0;

	if (!sd_json_variant_is_array(v))
		return bad(err, v, "%s", "sessions and operations are arrays");
	for (size_t i = 0; i < sd_json_variant_elements(v) && !r; i++)
		r = one(plan, sd_json_variant_by_index(v, i), err);
	return r;
}

static int read_plan(struct gp_plan *plan, sd_json_variant *json, struct gp_error *err)
{
	sd_json_variant *value;
	bool versioned = false;
	uint8_t confirmed = 0;
	const char *key;
	uint64_t n;
	int r = 0;

	if (!sd_json_variant_is_object(json))
		return bad(err, json, "%s", "a plan is an object");
	for (size_t k = 0; k + 1 < sd_json_variant_elements(json); k += 2) {
		key = sd_json_variant_string(sd_json_variant_by_index(json, k));
		value = sd_json_variant_by_index(json, k + 1);
		if (!strcmp(key, "version")) {
			if (read_number(value, UINT32_MAX, &n) || n != GP_PLAN_VERSION)
				return bad(err, value, "%s",
					   "a version that is not known: not 1");
			versioned = true;
		} else if (!strcmp(key, "name")) {
			if (read_name(value, plan->name, sizeof(plan->name)))
				return bad(err, value, "bad value of \"%s\"", key);
		} else if (!strcmp(key, "confirm")) {
			if (set_read(value, plan_confirms, &confirmed))
				return bad(err, value, "bad value of \"%s\"", key);
			plan->confirmed = confirmed;
		} else if (!strcmp(key, "sessions")) {
			r = read_list(plan, value, read_session, err);
		} else if (!strcmp(key, "operations")) {
			r = read_list(plan, value, read_op, err);
		} else {
			return bad(err, value, "field \"%.40s\" is not known in a plan", key);
		}
		if (r)
			return r;
	}
	return versioned ? 0 : bad(err, json, "%s", "no version");
}

static int from_json(struct gp_plan **ret, sd_json_variant *json, struct plan_lift *lift,
		     struct gp_error *err)
{
	struct gp_plan *plan = gp_plan_new();
	int r;

	if (!plan)
		return gp_fail(err, -ENOMEM, "memory", "out of memory");
	plan->lift = lift;
	r = read_plan(plan, json, err);
	plan->lift = NULL;
	if (!r)
		r = gp_plan_validate(plan, err);
	if (r) {
		gp_plan_free(plan);
		return r == -ENOMEM ? gp_fail(err, r, "memory", "out of memory") : r;
	}
	*ret = plan;
	return 0;
}

int gp_plan_from_json(struct gp_plan **ret, sd_json_variant *json, struct gp_error *err)
{
	return from_json(ret, json, NULL, err);
}

int plan_take_text(struct gp_plan **ret, char *text, size_t len, struct plan_lift *lift,
		   struct gp_error *err)
{
	sd_json_variant *json = NULL;
	unsigned int line = 0, column = 0;
	int r;

	/* the text may hold what personalises a card */
	r = memchr(text, 0, len)
		    ? -EINVAL
		    : sd_json_parse(text, SD_JSON_PARSE_SENSITIVE, &json, &line, &column);
	OPENSSL_cleanse(text, len);
	if (r == -ENOMEM)
		return gp_fail(err, r, "memory", "out of memory");
	if (r < 0)
		return gp_fail(err, -EBADMSG, "plan-format", "line %u, column %u: not JSON",
			       line, column);
	r = from_json(ret, json, lift, err);
	sd_json_variant_unref(json);
	return r;
}

int gp_plan_parse(struct gp_plan **ret, const char *text, size_t len, struct gp_error *err)
{
	char *copy;
	int r;

	if (len > GP_PLAN_TEXT_MAX)
		return gp_fail(err, -EMSGSIZE, "plan-format", "a plan of more than %d bytes",
			       GP_PLAN_TEXT_MAX);
	copy = malloc(len + 1);
	if (!copy)
		return gp_fail(err, -ENOMEM, "memory", "out of memory");
	memcpy(copy, text, len);
	copy[len] = 0;
	r = plan_take_text(ret, copy, len, NULL, err);
	free(copy);
	return r;
}
