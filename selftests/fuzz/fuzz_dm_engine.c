// SPDX-License-Identifier: Apache-2.0
/*
 * Whole sessions of the OMA DM engine: what a server sends, and when, is what the bytes say.
 *
 * One byte of settings, then steps: a byte that tells which, two of a length, and that many
 * bytes. What must hold after each: a message of ours can be read, and is no longer than it may
 * be; no transaction is open but while something runs; nothing but the end comes
 * after the end.
 */
#include "../unit/dm_engine_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	SET_WBXML = 1,
	SET_CLIENT_MD5 = 2,
	SET_SERVER_MD5 = 4,
	SET_SMALL = 8,
	SET_HMAC = 16,
	SET_ALERTS = 32,
	SET_PENDING = 64,
	SET_FAILS = 128,
};

enum {
	STEP_BODY, /* in a SyncBody, with Final */
	STEP_PART, /* without */
	STEP_RAW,
	STEP_REPEAT,
	STEP_RESUME,
	STEP_PERSON,
	STEP_NEXT,
	STEP_WBXML,
	STEPS,
};

static struct dm_engine_party party(enum dm_auth_type type)
{
	return (struct dm_engine_party){
		.type = type,
		.name = "Bruce2",
		.secret = (const uint8_t *)"OhBehave",
		.secret_len = 8,
		.nonce = (const uint8_t *)"Nonce",
		.nonce_len = 5,
	};
}

static enum dm_step input(struct world *w, const uint8_t *p, size_t len, bool wbxml)
{
	return dm_engine_input(
		w->e, &(struct dm_engine_msg){.p = p, .len = len, .wbxml = wbxml}, &w->out);
}

static enum dm_step body(struct world *w, const uint8_t *p, size_t len, bool final)
{
	char *text = strndup((const char *)p, len), *xml;
	enum dm_step step;

	xml = world_xml(w, ++w->msg, text, final);
	step = input(w, (uint8_t *)xml, strlen(xml), false);
	free(text);
	free(xml);
	return step;
}

static enum dm_step one(struct world *w, uint8_t what, const uint8_t *p, size_t len)
{
	struct dm_engine_ui_answer a = {.chosen = 5};
	uint64_t token = 0;

	switch (what % STEPS) {
	case STEP_BODY:
		return body(w, p, len, true);
	case STEP_PART:
		return body(w, p, len, false);
	case STEP_RAW:
		return input(w, p, len, false);
	case STEP_WBXML:
		return input(w, p, len, true);
	case STEP_REPEAT:
		w->msg -= w->msg > 0;
		return body(w, p, len, true);
	case STEP_RESUME:
		dm_engine_waits(w->e, &token);
		return dm_engine_resume(w->e, token, len ? p[0] * 3 - 100 : 200, &w->out);
	case STEP_PERSON:
		memcpy(a.text, p, len < sizeof(a.text) ? len : sizeof(a.text));
		return dm_engine_ui_done(w->e, len ? p[0] % 6 : DM_UI_OK, &a, &w->out);
	default:
		return body(w, (const uint8_t *)CMD("Alert", "2", "<Data>1222</Data>"),
			    strlen(CMD("Alert", "2", "<Data>1222</Data>")), false);
	}
}

static void check(struct world *w, enum dm_step step, size_t max)
{
	if (step == DM_STEP_WAIT && w->out.len)
		abort();
	if (step == DM_STEP_SEND && !w->out.len)
		abort();
	if (w->out.len > max)
		abort();
	if (step != DM_STEP_WAIT && w->depth)
		abort();
	if ((step == DM_STEP_END) != (dm_engine_end(w->e, NULL) != DM_END_NOT))
		abort();
	world_hear(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[3000];
	static struct world w;
	struct dm_engine_config c;
	enum dm_step step;
	size_t max = 65536, len;
	uint8_t set;

	if (size < 1)
		return 0;
	set = *data++;
	size--;
	world_init(&w, set & SET_WBXML);
	w.endless = 5000;
	memset(text, 'x', sizeof(text));
	c = world_config(&w);
	if (set & SET_CLIENT_MD5)
		c.client = party(set & SET_HMAC ? DM_AUTH_HMAC : DM_AUTH_MD5);
	if (set & SET_SERVER_MD5)
		c.server = party(set & SET_HMAC ? DM_AUTH_HMAC : DM_AUTH_MD5);
	c.allow = DM_AUTH_BIT(DM_AUTH_BASIC) | DM_AUTH_BIT(DM_AUTH_HMAC);
	if (set & SET_SMALL)
		c.max_msg = max = 2048;
	for (; set & SET_ALERTS && w.nr_alerts < 3; w.nr_alerts++)
		w.alert[w.nr_alerts] = (struct dm_engine_alert){
			.id = w.nr_alerts + 1,
			.code = 1226,
			.type = "x.y",
			.data = (uint8_t *)text,
			.len = w.nr_alerts * 1400,
		};
	w.ui_says = set & SET_PENDING ? DM_UI_PENDING : DM_UI_OK;
	if (set & SET_PENDING)
		w.commit_says = DM_PENDING;
	else if (set & SET_FAILS)
		w.commit_says = DM_DEVICE_FULL;
	step = world_begin(&w, &c);
	check(&w, step, max);
	while (size >= 3) {
		len = (size_t)data[1] << 8 | data[2];
		if (len > size - 3)
			len = size - 3;
		step = one(&w, data[0], data + 3, len);
		check(&w, step, max);
		data += 3 + len;
		size -= 3 + len;
	}
	if (step == DM_STEP_WAIT)
		check(&w, dm_engine_abort(w.e, &w.out), max);
	world_free(&w);
	return 0;
}
