// SPDX-License-Identifier: Apache-2.0
/* Tables and progress bars. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "libse/se.h"
#include "sectl/sectl.h"

#define COLUMNS_MAX 16
#define GAP 2
#define BAR 24
#define CELL_MIN 8 /* what a last column gets, even if the line is too long then */

struct table {
	unsigned int columns;
	bool right[COLUMNS_MAX];
	bool whole; /* the last column is not cut: it is what other verbs take */
	char *heading[COLUMNS_MAX];
	char **cell;
	size_t cells, room;
};

static void *need(void *p)
{
	if (!p) {
		fputs("sectl: no memory\n", stderr);
		exit(EXIT_FAILED);
	}
	return p;
}

/* Bytes of the character at @s; *columns what it takes. No byte is passed over unseen. */
static size_t one_character(const char *s, size_t *columns)
{
	mbstate_t state = {0};
	wchar_t wc;
	size_t n = mbrtowc(&wc, s, strlen(s), &state);
	int w;

	*columns = 1;
	if (n == (size_t)-1 || n == (size_t)-2 || n == 0)
		return 1;
	w = wcwidth(wc);
	*columns = w < 0 ? 1 : (size_t)w;
	return n;
}

size_t text_columns(const char *s)
{
	size_t sum = 0, columns;

	while (*s) {
		s += one_character(s, &columns);
		sum += columns;
	}
	return sum;
}

static unsigned int columns_of(int fd)
{
	struct winsize ws;

	if (!isatty(fd))
		return 0;
	return ioctl(fd, TIOCGWINSZ, &ws) || !ws.ws_col ? 80 : ws.ws_col;
}

unsigned int terminal_columns(void)
{
	return columns_of(STDOUT_FILENO);
}

/* What a card or a file says must not steer the terminal. */
static void defang(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			*s = '?';
		else if ((unsigned char)*s == 0xc2 && (unsigned char)s[1] >= 0x80 &&
			 (unsigned char)s[1] < 0xa0)
			s[0] = s[1] = '?'; /* C1 controls */
}

struct table *table_new(const char *headings)
{
	struct table *t = need(calloc(1, sizeof(*t)));
	char *copy = need(strdup(headings)), *rest = copy, *h;

	while (t->columns < COLUMNS_MAX && (h = strsep(&rest, "|"))) {
		t->right[t->columns] = *h == '>';
		t->whole = *h == '=';
		t->heading[t->columns++] = need(strdup(h + (*h == '>' || *h == '=')));
	}
	free(copy);
	return t;
}

void table_cell(struct table *t, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	if (t->cells == t->room) {
		t->room = t->room ? 2 * t->room : 64;
		t->cell = need(realloc(t->cell, t->room * sizeof(*t->cell)));
	}
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	defang(need(text));
	t->cell[t->cells++] = text;
}

size_t table_rows(const struct table *t)
{
	return t->cells / t->columns;
}

/* @s in @width columns; cut to fit with a dot dot dot if @limit says so */
static void put_cell(const char *s, size_t width, bool right, bool last, size_t limit)
{
	size_t used = text_columns(s), columns, n;

	if (last && limit && used > limit) {
		for (used = 0; *s; s += n) {
			n = one_character(s, &columns);
			if (used + columns + 1 > limit)
				break;
			fwrite(s, 1, n, stdout);
			used += columns;
		}
		fputs("…", stdout);
		return;
	}
	if (right)
		printf("%*s%s", (int)(width > used ? width - used : 0), "", s);
	else if (last)
		fputs(s, stdout);
	else
		printf("%s%*s", s, (int)(width > used ? width - used : 0), "");
}

static void put_row(const struct table *t, char *const *cell, const size_t *width,
		    unsigned int terminal)
{
	size_t left = 0, limit;
	unsigned int i;

	for (i = 0; i < t->columns; i++) {
		limit = terminal > left + CELL_MIN ? terminal - left : CELL_MIN;
		put_cell(cell[i], width[i], t->right[i], i + 1 == t->columns,
			 !terminal || t->whole ? 0 : limit);
		if (i + 1 < t->columns)
			printf("%*s", GAP, "");
		left += width[i] + GAP;
	}
	putchar('\n');
}

void table_print(struct table *t)
{
	unsigned int terminal = terminal_columns(), c;
	size_t width[COLUMNS_MAX] = {0}, i, n;

	for (c = 0; c < t->columns && !opt.no_legend; c++)
		width[c] = text_columns(t->heading[c]);
	for (i = 0; i < t->cells; i++) {
		n = text_columns(t->cell[i]);
		if (n > width[i % t->columns])
			width[i % t->columns] = n;
	}
	if (!opt.no_legend && t->cells)
		put_row(t, t->heading, width, terminal);
	for (i = 0; i + t->columns <= t->cells; i += t->columns)
		put_row(t, t->cell + i, width, terminal);
	for (i = 0; i < t->cells; i++)
		free(t->cell[i]);
	for (c = 0; c < t->columns; c++)
		free(t->heading[c]);
	free(t->cell);
	free(t);
}

/* ---- progress ---- */

void progress_begin(struct progress *p, const char *what, uint64_t total, const char *unit)
{
	const char *term = getenv("TERM");

	*p = (struct progress){
		.what = what,
		.unit = unit,
		.total = total,
		.start_ns = se_deadline_in(0),
		.on = !opt.json && !opt.debug && isatty(STDERR_FILENO) && term &&
		      strcmp(term, "dumb"),
	};
}

static void put_amount(char *text, size_t room, double n, const char *unit)
{
	if (strcmp(unit, "B") || n < 1000)
		snprintf(text, room, "%.0f %s", n, unit);
	else if (n < 1024 * 1024)
		snprintf(text, room, "%.1f KiB", n / 1024);
	else
		snprintf(text, room, "%.1f MiB", n / 1024 / 1024);
}

static void draw_bar(int full)
{
	int i;

	fputc('[', stderr);
	for (i = 0; i < BAR; i++)
		fputs(i < full ? "█" : "░", stderr);
	fputs("]  ", stderr);
}

static void draw(struct progress *p, double seconds)
{
	double rate = seconds > 0 ? (double)p->done / seconds : 0;
	char amount[32], per_second[32], left[32] = "", part[16] = "", figures[128];
	size_t room, used;

	put_amount(amount, sizeof(amount), (double)p->done, p->unit);
	put_amount(per_second, sizeof(per_second), rate, p->unit);
	if (p->total)
		snprintf(part, sizeof(part), "%d %%  ", (int)(100 * p->done / p->total));
	if (p->total && rate > 0)
		snprintf(left, sizeof(left), "  %.0f s left",
			 (double)(p->total - p->done) / rate);
	snprintf(figures, sizeof(figures), "%s%s  %s/s%s", part, amount, per_second, left);
	fputs("\r\033[K", stderr);
	/* a line that is too long would leave a trace of all that was drawn */
	room = columns_of(STDERR_FILENO);
	used = text_columns(p->what) + 1 + text_columns(figures);
	if (used >= room) {
		fprintf(stderr, "%.*s", (int)room - 1, part);
	} else {
		fprintf(stderr, "%s ", p->what);
		if (p->total && used + BAR + 4 < room)
			draw_bar((int)(BAR * p->done / p->total));
		fputs(figures, stderr);
	}
	fflush(stderr);
	p->drawn = true;
}

void progress_update(struct progress *p, uint64_t done)
{
	uint64_t now;

	p->done = p->total && done > p->total ? p->total : done;
	if (!p->on)
		return;
	now = se_deadline_in(0);
	if (now - p->start_ns < 500000000U || now - p->shown_ns < 100000000U)
		return;
	p->shown_ns = now;
	draw(p, (double)(now - p->start_ns) / 1e9);
}

void progress_end(struct progress *p)
{
	if (p->drawn)
		fputs("\r\033[K", stderr);
	p->on = p->drawn = false;
}
