// SPDX-License-Identifier: Apache-2.0
/*
 * Questions of servers for people (alerts 1100 to 1104). Nobody sits before most devices: a
 * question is put only while somebody looks for one, and then the session waits for the
 * answer. What is only to be shown is in the log as well.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "dm/client-priv.h"

#define THERE_MS 15000U /* who has looked within that time is there */
#define WAIT_S 120U	/* for an answer, if the server does not say */
#define WAIT_MAX_S 600U /* a session that waits holds up all others */

static bool open_now(const struct dm_client *c)
{
	return c->ui.until != 0;
}

void client_ui_close(struct dm_client *c)
{
	c->ui.until = 0;
	explicit_bzero(&c->ui.ask, sizeof(c->ui.ask));
}

static void copy(struct dm_client_question *q, const struct dm_engine_ui *ask)
{
	q->code = ask->code;
	snprintf(q->text, sizeof(q->text), "%s", ask->text ? ask->text : "");
	snprintf(q->dr, sizeof(q->dr), "%s", ask->dr ? ask->dr : "");
	q->mindt = ask->mindt;
	q->maxlen = ask->maxlen;
	q->it = ask->it;
	q->et = ask->et;
	q->nr_choices = ask->nr_choices;
	for (unsigned int i = 0; i < ask->nr_choices; i++)
		snprintf(q->choices[i], sizeof(q->choices[i]), "%s", ask->choices[i]);
}

enum dm_ui_result client_ui_ask(struct dm_client *c, const struct dm_engine_ui *ask)
{
	unsigned int wait = ask->maxdt ? ask->maxdt : WAIT_S;
	const char *node = c->session.account.node;

	if (ask->code == 1100 && ask->text)
		client_log(c, LOG_NOTICE, node, "says: %.200s", ask->text);
	if (!c->ui.seen || c->now - c->ui.seen > THERE_MS)
		return ask->code == 1100 ? DM_UI_OK : DM_UI_UNSUPPORTED;
	if (wait < ask->mindt)
		wait = ask->mindt;
	if (wait > WAIT_MAX_S)
		wait = WAIT_MAX_S;
	copy(&c->ui.ask, ask);
	snprintf(c->ui.ask.name, sizeof(c->ui.ask.name), "%s", node);
	c->ui.ask.id = ++c->ui.last;
	c->ui.until = c->now + wait * 1000U;
	client_log(c, LOG_INFO, node, "question %u is put, for %u s", (unsigned int)c->ui.last,
		   wait);
	return DM_UI_PENDING;
}

uint64_t client_ui_deadline(const struct dm_client *c)
{
	return open_now(c) ? c->ui.until : DM_NEVER;
}

void client_ui_tick(struct dm_client *c, uint64_t now)
{
	if (!open_now(c) || now < c->ui.until)
		return;
	client_log(c, LOG_INFO, c->session.account.node, "nobody answers");
	client_ui_close(c);
	client_session_answer(c, now, DM_UI_TIMEOUT, NULL);
}

int dm_client_question(struct dm_client *c, uint64_t now, struct dm_client_question *out)
{
	c->ui.seen = now;
	if (!open_now(c))
		return -ENOENT;
	*out = c->ui.ask;
	out->left_s = c->ui.until > now ? (unsigned int)((c->ui.until - now) / 1000U) : 0;
	return 0;
}

int dm_client_answer(struct dm_client *c, uint64_t now, uint64_t id, enum dm_ui_result result,
		     const char *value)
{
	const struct dm_client_question *q = &c->ui.ask;
	struct dm_engine_ui_answer a = {.chosen = 0};

	if (!open_now(c) || id != q->id)
		return -ENOENT;
	if (result == DM_UI_OK && q->code == 1102) {
		if (!value || strlen(value) >= sizeof(a.text))
			return -EINVAL;
		strcpy(a.text, value);
	} else if (result == DM_UI_OK && q->code >= 1103) {
		a.chosen = value ? dm_engine_ui_numbers(value, q->nr_choices) : 0;
		if (!a.chosen || (q->code == 1103 && a.chosen & (a.chosen - 1)))
			return -EINVAL;
	} else if ((value && *value) || (result == DM_UI_NO && q->code != 1101) ||
		   (result != DM_UI_OK && result != DM_UI_NO && result != DM_UI_CANCELLED)) {
		return -EINVAL;
	}
	client_ui_close(c);
	client_session_answer(c, now, result, &a);
	explicit_bzero(&a, sizeof(a));
	return 0;
}
