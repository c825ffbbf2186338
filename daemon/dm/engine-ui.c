// SPDX-License-Identifier: Apache-2.0
/*
 * Alerts 1100 to 1104: something to show or to ask (OMA-TS-DM_Protocol-V1_2_1, 10). The first
 * item has options, the second the text, the others are choices.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dm/engine-priv.h"

#define DISPLAY 1100
#define CONFIRM 1101
#define INPUT 1102
#define CHOICE 1103
#define CHOICES 1104
#define TEXT_MAX 4096 /* bytes of a text to show: more is no message to a person */

static char *text_of(const struct dm_item *it)
{
	return strndup(it->data ? (const char *)it->data : "", it->data ? it->len : 0);
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* the escapes of a URL (RFC 2396), in place */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (*s == '%' && hex(s[1]) >= 0 && hex(s[2]) >= 0 && (hex(s[1]) || hex(s[2]))) {
			*to++ = (char)(hex(s[1]) << 4 | hex(s[2]));
			s += 2;
		} else {
			*to++ = *s;
		}
	}
	*to = 0;
}

static unsigned int number(const char *s)
{
	unsigned long n;
	char *end;

	n = strtoul(s, &end, 10);
	/* options that make no sense are skipped (10.3) */
	return *s >= '0' && *s <= '9' && !*end && n <= 86400 ? (unsigned int)n : 0;
}

/* "MINDT=10&MAXDT=60&DR=1": @s is taken apart, and what @ui says lies in it */
static void options(struct dm_engine_ui *ui, char *s)
{
	char *save = NULL, *p, *v;

	for (p = strtok_r(s, "&", &save); p; p = strtok_r(NULL, "&", &save)) {
		v = strchr(p, '=');
		if (!v)
			continue;
		*v++ = 0;
		unescape(v);
		if (!strcasecmp(p, "MINDT"))
			ui->mindt = number(v);
		else if (!strcasecmp(p, "MAXDT"))
			ui->maxdt = number(v);
		else if (!strcasecmp(p, "MAXLEN"))
			ui->maxlen = number(v);
		else if (!strcasecmp(p, "DR"))
			ui->dr = v;
		else if (!strcasecmp(p, "IT") && *v && !v[1] && strchr("ANDTPI", *v))
			ui->it = *v;
		else if (!strcasecmp(p, "ET") && (*v == 'T' || *v == 'P') && !v[1])
			ui->et = *v;
	}
}

struct question {
	struct dm_engine_ui ui;
	char *options, *text, *choices[DM_ENGINE_CHOICES_MAX];
};

static void question_free(struct question *q)
{
	unsigned int i;

	free(q->options);
	free(q->text);
	for (i = 0; i < DM_ENGINE_CHOICES_MAX; i++)
		free(q->choices[i]);
}

/* What @c asks. Return: 200, another Status, or -ENOMEM; @q is to be freed at any rate. */
static int question(const struct dm_cmd *c, struct question *q)
{
	const struct dm_item *it = c->items;

	*q = (struct question){.ui = {.code = c->code, .it = 'A', .et = 'T'}};
	if (!it || !it->next || !it->next->has_data)
		return DM_INCOMPLETE;
	if (it->len > TEXT_MAX || it->next->len > TEXT_MAX)
		return DM_TOO_LARGE; /* it cannot be shown */
	q->options = text_of(it);
	it = it->next;
	q->text = text_of(it);
	if (!q->options || !q->text)
		return -ENOMEM;
	options(&q->ui, q->options);
	q->ui.text = q->text;
	if (c->code != CHOICE && c->code != CHOICES)
		return DM_OK;
	for (it = it->next; it; it = it->next) {
		if (q->ui.nr_choices == DM_ENGINE_CHOICES_MAX || it->len > TEXT_MAX)
			return DM_TOO_LARGE;
		q->choices[q->ui.nr_choices] = text_of(it);
		if (!q->choices[q->ui.nr_choices])
			return -ENOMEM;
		q->ui.choices[q->ui.nr_choices] = q->choices[q->ui.nr_choices];
		q->ui.nr_choices++;
	}
	return q->ui.nr_choices ? DM_OK : DM_INCOMPLETE;
}

/* UTF-8 of at most @chars characters, 0: as it is */
static void cut(char *s, unsigned int chars)
{
	if (!chars)
		return;
	for (; *s; s++) {
		if (((uint8_t)*s & 0xc0) == 0x80)
			continue; /* within a character */
		if (!chars--) {
			*s = 0;
			return;
		}
	}
}

static uint32_t known(unsigned int nr)
{
	return nr >= 32 ? UINT32_MAX : (1U << nr) - 1;
}

/* "1-3-4" */
uint32_t dm_engine_ui_numbers(const char *s, unsigned int nr)
{
	uint32_t bits = 0;
	unsigned long n;
	char *end;

	for (;; s = end + 1) {
		n = strtoul(s, &end, 10);
		if (end == s || !n || n > nr || (*end && *end != '-'))
			return 0;
		bits |= 1U << (n - 1);
		if (!*end)
			return bits;
	}
}

/* Nobody answered in time: the default response, where there is one that makes sense. */
static enum dm_ui_result by_default(const struct dm_engine_ui *ui,
				    struct dm_engine_ui_answer *a)
{
	if (!ui->dr)
		return DM_UI_TIMEOUT;
	*a = (struct dm_engine_ui_answer){.chosen = 0};
	switch (ui->code) {
	case CONFIRM:
		if (!strcmp(ui->dr, "1"))
			return DM_UI_OK;
		return !strcmp(ui->dr, "0") ? DM_UI_NO : DM_UI_TIMEOUT;
	case INPUT:
		if (strlen(ui->dr) >= sizeof(a->text))
			return DM_UI_TIMEOUT;
		strcpy(a->text, ui->dr);
		return DM_UI_OK;
	case CHOICE:
	case CHOICES:
		a->chosen = dm_engine_ui_numbers(ui->dr, ui->nr_choices);
		return a->chosen ? DM_UI_OK : DM_UI_TIMEOUT;
	default:
		return DM_UI_TIMEOUT;
	}
}

static int keep(struct eng_unit *u, const struct dm_engine_ui *ui,
		struct dm_engine_ui_answer *a)
{
	a->text[sizeof(a->text) - 1] = 0;
	cut(a->text, ui->maxlen);
	a->chosen &= known(ui->nr_choices);
	if (ui->code == CHOICE && a->chosen & (a->chosen - 1))
		return DM_FAILED; /* two of one */
	if (ui->code == DISPLAY || ui->code == CONFIRM)
		return DM_OK;
	u->told = malloc(sizeof(*u->told));
	if (!u->told)
		return -ENOMEM;
	u->told->alert = ui->code;
	u->told->answer = *a;
	return DM_OK;
}

static int status(struct eng_unit *u, const struct dm_engine_ui *ui, enum dm_ui_result result,
		  struct dm_engine_ui_answer *a)
{
	if (result == DM_UI_TIMEOUT && ui->code == DISPLAY)
		return DM_OK; /* it was there for as long as it should be */
	if (result == DM_UI_TIMEOUT)
		result = by_default(ui, a);
	switch (result) {
	case DM_UI_OK:
		return keep(u, ui, a);
	case DM_UI_NO:
		return ui->code == CONFIRM ? DM_NOT_MODIFIED : DM_CANCELLED;
	case DM_UI_CANCELLED:
		return DM_CANCELLED;
	case DM_UI_TIMEOUT:
		return DM_TIMEOUT;
	case DM_UI_PENDING:
	case DM_UI_UNSUPPORTED:
		break;
	}
	return DM_UNSUPPORTED;
}

int eng_ui_run(struct dm_engine *e, struct eng_unit *u)
{
	struct dm_engine_ui_answer a = {.chosen = 0};
	enum dm_ui_result result;
	struct question q;
	int r;

	if (u->cmd->code < DISPLAY || u->cmd->code > CHOICES || !e->ops->ui)
		return DM_UNSUPPORTED;
	r = question(u->cmd, &q);
	if (r == DM_OK) {
		result = e->ops->ui(e->ctx, &q.ui, &a);
		r = result == DM_UI_PENDING ? 0 : status(u, &q.ui, result, &a);
	}
	explicit_bzero(&a, sizeof(a)); /* it may be a password */
	question_free(&q);
	return r;
}

int eng_ui_done(struct eng_unit *u, enum dm_ui_result result,
		const struct dm_engine_ui_answer *answer)
{
	struct dm_engine_ui_answer a = {.chosen = 0};
	struct question q;
	int r;

	r = question(u->cmd, &q);
	if (answer)
		a = *answer;
	if (r == DM_OK)
		r = status(u, &q.ui, result, &a);
	explicit_bzero(&a, sizeof(a));
	question_free(&q);
	return r;
}
