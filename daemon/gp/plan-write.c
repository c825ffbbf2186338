// SPDX-License-Identifier: Apache-2.0
/* Plans as JSON. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "gp/crypto.h"
#include "gp/loadfile.h"
#include "gp/plan-fields.h"

static const char *word_of(uint8_t value, const struct plan_word *words)
{
	for (size_t i = 0; words[i].name; i++)
		if (words[i].value == value)
			return words[i].name;
	return "";
}

static int set_write(sd_json_variant **object, const char *name, uint8_t value,
		     const struct plan_word *words)
{
	sd_json_variant *array = NULL;
	int r = 0;

	for (size_t i = 0; words[i].name && r >= 0; i++)
		if (value & words[i].value)
			r = sd_json_variant_append_arrayb(&array,
							  SD_JSON_BUILD_STRING(words[i].name));
	if (r >= 0 && array)
		r = sd_json_variant_set_field(object, name, array);
	sd_json_variant_unref(array);
	return r;
}

int gp_json_set_hex(sd_json_variant **object, const char *name, const void *p, size_t len)
{
	static const char digits[] = "0123456789ABCDEF";
	const uint8_t *bytes = p;
	char *text = malloc(2 * len + 1);
	int r;

	if (!text)
		return -ENOMEM;
	for (size_t i = 0; i < len; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	text[2 * len] = 0;
	r = sd_json_variant_set_field_string(object, name, text);
	OPENSSL_cleanse(text, 2 * len);
	free(text);
	return r < 0 ? r : 0;
}

static int set_string(sd_json_variant **object, const char *name, const char *text)
{
	return text[0] ? sd_json_variant_set_field_string(object, name, text) : 0;
}

/* The code of a load, or @bare nothing in its place. */
static int write_code(sd_json_variant **object, const struct gp_op *op, const char *name,
		      bool bare)
{
	const struct gp_source code = gp_op_code(op);
	size_t len = bare ? 0 : (size_t)code.len;
	uint8_t *p;
	int r;

	if (!code.len)
		return 0;
	p = malloc(len + 1);
	if (!p)
		return -ENOMEM;
	r = gp_source_read(&code, 0, p, len);
	if (!r)
		r = sd_json_variant_set_fieldb(object, name, SD_JSON_BUILD_BASE64(p, len));
	OPENSSL_cleanse(p, len);
	free(p);
	return r;
}

static int field_write(sd_json_variant **object, const struct gp_op *op,
		       const struct plan_field *f, bool bare)
{
	const void *at = (const uint8_t *)op + f->offset;
	const struct gp_blob *blob = at;
	const struct gp_aid *aid = at;
	char words[GP_PRIV_WORDS];
	uint16_t tag;

	switch (f->form) {
	case FORM_AID:
		return aid->len ? gp_json_set_hex(object, f->name, aid->bytes, aid->len) : 0;
	case FORM_HEX:
		return blob->len ? gp_json_set_hex(object, f->name, blob->p, blob->len) : 0;
	case FORM_BASE64:
		return blob->len ? sd_json_variant_set_fieldb(
					   object, f->name,
					   SD_JSON_BUILD_BASE64(blob->p, blob->len))
				 : 0;
	case FORM_CODE:
		return write_code(object, op, f->name, bare);
	case FORM_BOOL:
		if (!*(const bool *)at && op->type != GP_OP_SD_CREATE)
			return 0;
		return sd_json_variant_set_field_boolean(object, f->name, *(const bool *)at);
	case FORM_BYTE:
		return *(const uint8_t *)at ? sd_json_variant_set_field_unsigned(
						      object, f->name, *(const uint8_t *)at)
					    : 0;
	case FORM_SHORT:
		memcpy(&tag, at, sizeof(tag));
		return tag ? sd_json_variant_set_field_unsigned(object, f->name, tag) : 0;
	case FORM_OPTIONAL:
		return *(const int16_t *)at < 0
			       ? 0
			       : sd_json_variant_set_field_unsigned(
					 object, f->name, (uint64_t)*(const int16_t *)at);
	case FORM_TAG:
		memcpy(&tag, at, sizeof(tag));
		words[0] = (char)(tag >> 8);
		words[1] = (char)tag;
		return tag ? gp_json_set_hex(object, f->name, words, 2) : 0;
	case FORM_SCP:
		return op->scp[0] ? gp_json_set_hex(object, f->name, at, 2) : 0;
	case FORM_NAME:
		return set_string(object, f->name, at);
	case FORM_FILE:
		return op->file ? set_string(object, f->name, op->file) : 0;
	case FORM_PRIVILEGES:
		if (!op->privileges_len)
			return 0;
		words[0] = (char)(op->privileges >> 16);
		words[1] = (char)(op->privileges >> 8);
		words[2] = (char)op->privileges;
		return gp_json_set_hex(object, f->name, words, op->privileges_len);
	case FORM_DIGEST:
		return op->hash_len ? set_string(object, f->name,
						 gp_digest_name((enum gp_digest)op->hash_len))
				    : 0;
	case FORM_STORE:
		return op->form ? set_string(object, f->name, word_of(op->form, plan_stores))
				: 0;
	case FORM_STATE:
		return set_string(object, f->name, word_of(op->card_state, plan_states));
	case FORM_SCOPE:
		return set_write(object, f->name, op->scope, plan_scopes);
	}
	return -EINVAL;
}

static int write_op(sd_json_variant **array, const struct gp_op *op, bool bare)
{
	sd_json_variant *object = NULL;
	int r;

	r = sd_json_variant_set_field_string(&object, "op", gp_op_name(op->type));
	if (r >= 0 && op->session)
		r = sd_json_variant_set_field_unsigned(&object, "session", op->session);
	for (size_t i = 0; i < plan_nr_fields && r >= 0; i++)
		if (plan_fields[i].on & PLAN_ON(op->type))
			r = field_write(&object, op, &plan_fields[i], bare);
	if (r >= 0)
		r = sd_json_variant_append_array(array, object);
	sd_json_variant_unref(object);
	return r;
}

static int write_session(sd_json_variant **array, const struct gp_session *s)
{
	sd_json_variant *object = NULL;
	int r = sd_json_variant_new_object(&object, NULL, 0);

	if (r >= 0 && s->sd.len)
		r = gp_json_set_hex(&object, "sd", s->sd.bytes, s->sd.len);
	if (r >= 0)
		r = set_string(&object, "keys", s->keys);
	if (r >= 0 && s->kvn)
		r = sd_json_variant_set_field_unsigned(&object, "kvn", s->kvn);
	if (r >= 0 && s->level)
		r = set_string(&object, "level", word_of(s->level, plan_levels));
	if (r >= 0)
		r = set_string(&object, "profile", s->profile);
	if (r >= 0)
		r = set_string(&object, "receiptKey", s->receipt_key);
	if (r >= 0)
		r = sd_json_variant_append_array(array, object);
	sd_json_variant_unref(object);
	return r;
}

static int to_json(const struct gp_plan *plan, bool bare, sd_json_variant **ret)
{
	sd_json_variant *json = NULL, *sessions = NULL, *ops = NULL;
	int r;

	r = sd_json_variant_set_field_unsigned(&json, "version", GP_PLAN_VERSION);
	if (r >= 0)
		r = set_string(&json, "name", plan->name);
	if (r >= 0)
		r = set_write(&json, "confirm", (uint8_t)plan->confirmed, plan_confirms);
	for (size_t i = 0; i < plan->nr_sessions && r >= 0; i++)
		r = write_session(&sessions, &plan->sessions[i]);
	for (size_t i = 0; i < plan->nr_ops && r >= 0; i++)
		r = write_op(&ops, &plan->ops[i], bare);
	if (r >= 0)
		r = sd_json_variant_set_field(&json, "sessions", sessions);
	if (r >= 0)
		r = sd_json_variant_set_field(&json, "operations", ops);
	sd_json_variant_unref(sessions);
	sd_json_variant_unref(ops);
	if (r < 0) {
		sd_json_variant_unref(json);
		return r;
	}
	sd_json_variant_sensitive(json);
	*ret = json;
	return 0;
}

int gp_plan_to_json(const struct gp_plan *plan, sd_json_variant **ret)
{
	return to_json(plan, false, ret);
}

/* ---- the digest ---------------------------------------------------------------------------
 */

#define PIECE 3072	  /* divided by 3: no padding but at the end */
#define KEY "\"code\":\"" /* a quote in a string has a backslash: nothing else looks so */

static int hash_code(struct gp_hashing *h, const struct gp_source *code)
{
	uint8_t piece[PIECE], text[PIECE / 3 * 4 + 1];
	size_t n;
	int r = 0;

	for (uint64_t at = 0; at < code->len && !r; at += n) {
		n = code->len - at < PIECE ? (size_t)(code->len - at) : PIECE;
		r = gp_source_read(code, at, piece, n);
		if (!r)
			gp_hash_add(h, text, (size_t)EVP_EncodeBlock(text, piece, (int)n));
	}
	OPENSSL_cleanse(piece, sizeof(piece));
	OPENSSL_cleanse(text, sizeof(text));
	return r;
}

/* As if the code were in the text, which it need not be for that. */
int gp_plan_digest(const struct gp_plan *plan, uint8_t digest[32])
{
	sd_json_variant *json = NULL;
	char *text = NULL, *at, *key;
	struct gp_hashing h;
	int r;

	r = to_json(plan, true, &json);
	if (r)
		return r;
	r = sd_json_variant_format(json, 0, &text);
	sd_json_variant_unref(json);
	if (r < 0)
		return r;
	gp_hash_begin(&h, 32);
	at = text;
	r = 0;
	for (size_t i = 0; i < plan->nr_ops && !r; i++) {
		const struct gp_source code = gp_op_code(&plan->ops[i]);

		if (plan->ops[i].type != GP_OP_LOAD || !code.len)
			continue;
		key = strstr(at, KEY);
		if (!key) {
			r = -EIO;
			break;
		}
		key += sizeof(KEY) - 1;
		gp_hash_add(&h, at, (size_t)(key - at));
		r = hash_code(&h, &code);
		at = key;
	}
	gp_hash_add(&h, at, strlen(at));
	OPENSSL_cleanse(text, strlen(text));
	free(text);
	if (r) {
		gp_hash_end(&h, NULL);
		return r;
	}
	return gp_hash_end(&h, digest);
}
