// SPDX-License-Identifier: Apache-2.0
/*
 * A second reading of the registry: tables of what is on a card and of what each
 * command may do to it, without a line of the card's code. Random commands, most of them
 * sensible, some not, are judged by it before the card sees them; then status word
 * and registry have to be what the tables say.
 *
 *     test_softse_model                  a short run, for make unit
 *     N=10000000 SEED=7 test_softse_model   a long one; the same seed is the same run
 *
 * What is left to the card: memory (small files, it never gets short here), tokens,
 * signatures, secure messaging. They have tests of their own.
 */
#include <stdbool.h>
#include <inttypes.h>

#include "softse_bench.h"

#define ROWS 24
#define NAMES 12
#define CHANNELS 4

enum { M_FREE, M_ISD, M_SD, M_APP, M_ELF };

/* One row: names are numbers, parents are rows; -1 is none. */
struct m_row {
	int kind, parent, elf;
	unsigned int name, state;
	bool authorized;
	uint32_t priv;
};

struct m_channel {
	bool open, session;
	int selected;
	int loading; /* name of the load file that is on its way, or -1 */
	int load_owner;
};

struct model {
	struct m_row row[ROWS];
	unsigned int card;
	struct m_channel ch[CHANNELS];
};

static uint64_t rng;

/* xorshift64*: the same on every machine. */
static unsigned int dice(unsigned int n)
{
	rng ^= rng >> 12;
	rng ^= rng << 25;
	rng ^= rng >> 27;
	return (unsigned int)((rng * 0x2545f4914f6cdd1dULL) >> 33) % n;
}

static int find(const struct model *m, unsigned int name)
{
	for (int i = 0; i < ROWS; i++)
		if (m->row[i].kind != M_FREE && m->row[i].name == name)
			return i;
	return -1;
}

static int count(const struct model *m)
{
	int n = 0;

	for (int i = 0; i < ROWS; i++)
		n += m->row[i].kind != M_FREE;
	return n;
}

static bool below(const struct model *m, int i, int sd)
{
	for (i = m->row[i].parent; i >= 0; i = m->row[i].parent)
		if (i == sd)
			return true;
	return false;
}

static bool is_sd(const struct model *m, int i)
{
	return m->row[i].kind == M_ISD || m->row[i].kind == M_SD;
}

static int new_row(struct model *m)
{
	for (int i = 0; i < ROWS; i++)
		if (m->row[i].kind == M_FREE)
			return i;
	return -1;
}

/* Name 0 is the ISD, 1 the package of domains; others F0 53 45 53 4D 00 n. */
static size_t name_of(unsigned int name, uint8_t aid[16])
{
	if (name == 0)
		return unhex(ISD, aid, 16);
	if (name == 1)
		return unhex(SD_ELF, aid, 16);
	memcpy(aid, "\xf0SESM\0", 6);
	aid[6] = (uint8_t)name;
	return 7;
}

struct command {
	uint8_t c[128];
	size_t n;
	unsigned int channel;
};

static void begin(struct command *c, unsigned int channel, uint8_t cla, uint8_t ins, uint8_t p1,
		  uint8_t p2)
{
	c->channel = channel;
	c->c[0] = (uint8_t)(cla | channel);
	c->c[1] = ins;
	c->c[2] = p1;
	c->c[3] = p2;
	c->c[4] = 0;
	c->n = 5;
}

static void add(struct command *c, const void *v, size_t n)
{
	memcpy(c->c + c->n, v, n);
	c->n += n;
	c->c[4] = (uint8_t)(c->n - 5);
}

static void add_u8(struct command *c, uint8_t v)
{
	add(c, &v, 1);
}

static void add_name(struct command *c, unsigned int name)
{
	uint8_t aid[16];
	size_t n = name_of(name, aid);

	add_u8(c, (uint8_t)n);
	add(c, aid, n);
}

static unsigned int name(void)
{
	return dice(8) ? 2 + dice(NAMES) : dice(2);
}

/* The session of a channel is opened behind the card's back: keys are not the matter. */
static void let_in(struct bench *b, unsigned int channel)
{
	struct channel *ch = &b->card.channels[channel];
	struct entry *sd = ch->selected;

	scp_close(&ch->scp);
	ch->scp.proto = 3;
	ch->scp.sd = b->card.entries[0];
	ch->scp.kvn = 0x30;
	ch->scp.s3.state = SCP03_OPEN;
	ch->scp.s3.key_len = 16;
	ch->scp.s3.mac_len = 8;
	ch->scp.authenticated = true;
	ch->scp.state = SCP_OPEN;
	assert_true(entry_is_sd(sd));
}

/* What a management command has to get past, whatever it is: 0 if it does. */
static unsigned int gate(const struct model *m, const struct command *c, bool content)
{
	const struct m_channel *ch = &m->ch[c->channel];

	if (!ch->open)
		return 0x6881;
	if (m->card == 0xff)
		return 0x6985;
	if (!is_sd(m, ch->selected))
		return 0xffff; /* an applet answers for itself */
	if (!ch->session)
		return 0x6982;
	if (m->row[ch->selected].kind == M_SD && m->row[ch->selected].state & 0x80)
		return 0x6985;
	if (content && m->card == 0x7f)
		return 0x6985;
	return 0;
}

static bool may_select(const struct model *m, int i)
{
	if (m->card == 0xff)
		return m->row[i].kind == M_ISD;
	if (m->card == 0x7f && m->row[i].kind != M_ISD)
		return false; /* Final Application stays with the issuer in this model */
	if (m->row[i].kind == M_ISD)
		return true;
	return m->row[i].kind != M_ELF && m->row[i].state != 0x03 && !(m->row[i].state & 0x80);
}

static unsigned int do_select(struct model *m, struct command *c)
{
	unsigned int n = name();
	struct m_channel *ch = &m->ch[c->channel];
	uint8_t aid[16];
	int i = find(m, n);

	begin(c, c->channel, 0x00, 0xa4, 4, 0);
	add(c, aid, name_of(n, aid));
	if (!ch->open)
		return 0x6881;
	if (m->card == 0xff)
		return 0x6985;
	if (i < 0 || !may_select(m, i))
		return 0x6a82;
	ch->selected = i;
	ch->session = false;
	ch->loading = -1;
	return m->card == 0x7f ? 0x6283 : 0x9000;
}

static unsigned int do_channel(struct model *m, struct command *c)
{
	unsigned int n = 1 + dice(CHANNELS - 1);
	bool shut = dice(2);
	struct m_channel *ch = &m->ch[n];

	begin(c, c->channel, 0x00, 0x70, shut ? 0x80 : 0x00, (uint8_t)n);
	if (!m->ch[c->channel].open)
		return 0x6881;
	if (m->card == 0xff)
		return 0x6985;
	if (shut) {
		if (!ch->open)
			return 0x6200;
		ch->open = false;
		ch->session = false;
		ch->loading = -1;
		return 0x9000;
	}
	if (ch->open)
		return 0x6a86;
	*ch = (struct m_channel){.open = true, .selected = 0, .loading = -1};
	return 0x9000;
}

/* May this domain manage that row? */
static bool manages(const struct model *m, int sd, int i)
{
	return m->row[sd].authorized && (i < 0 || i == sd || below(m, i, sd));
}

static unsigned int do_install_load(struct model *m, struct command *c)
{
	unsigned int file = name(), owner_name = dice(3) ? 0 : name(), sw;
	bool own = dice(2);
	struct m_channel *ch = &m->ch[c->channel];
	int owner;

	begin(c, c->channel, 0x80, 0xe6, 0x02, 0);
	add_name(c, file);
	if (own)
		add_u8(c, 0);
	else
		add_name(c, owner_name);
	add(c, "\0\0\0", 3);
	sw = gate(m, c, true);
	if (sw)
		return sw;
	owner = own ? ch->selected : find(m, owner_name);
	ch->loading = -1;
	if (owner < 0 || !is_sd(m, owner))
		return 0x6a88;
	if (!manages(m, ch->selected, owner))
		return 0x6985;
	if (m->row[owner].priv & 0x400000)
		return 0x6a80; /* it verifies signatures, and there is no hash */
	if (find(m, file) >= 0 || file == 1)
		return 0x6985;
	ch->loading = (int)file;
	ch->load_owner = owner;
	return 0x9000;
}

static unsigned int do_load(struct model *m, struct command *c)
{
	struct m_channel *ch = &m->ch[c->channel];
	bool whole = dice(8);
	unsigned int sw, file;
	int i;

	begin(c, c->channel, 0x80, 0xe8, 0x80, whole ? 0 : 1);
	add(c, "\xc4\x05hello", 7);
	sw = gate(m, c, true);
	if (sw)
		return sw;
	if (ch->loading < 0)
		return 0x6985;
	file = (unsigned int)ch->loading;
	ch->loading = -1;
	if (!whole)
		return 0x6a86;
	if (find(m, file) >= 0)
		return 0x6985;
	i = new_row(m);
	m->row[i] = (struct m_row){
		.kind = M_ELF, .parent = ch->load_owner, .elf = -1, .name = file, .state = 1};
	return 0x9000;
}

static unsigned int do_install(struct model *m, struct command *c)
{
	static const uint32_t privileges[] = {0x000000, 0x000000, 0x020000, 0x800000, 0x804000,
					      0x804000, 0xa00000, 0xa04000, 0xc00000, 0x810000,
					      0x400000, 0x004000, 0x808000, 0x000008};
	unsigned int file = dice(3) ? name() : 1, app = name(), sw;
	bool domain = file == 1 ? dice(8) : !dice(8), selectable = dice(3);
	uint32_t priv = privileges[dice(sizeof(privileges) / sizeof(privileges[0]))];
	struct m_channel *ch = &m->ch[c->channel];
	uint8_t module[16];
	int elf, i;

	begin(c, c->channel, 0x80, 0xe6, selectable ? 0x0c : 0x04, 0);
	add_name(c, file);
	add_u8(c, (uint8_t)(domain ? 8 : 9));
	add(c, module, unhex(domain ? SD_MODULE : MODULE, module, 16));
	add_name(c, app);
	add_u8(c, 3);
	add_u8(c, (uint8_t)(priv >> 16));
	add_u8(c, (uint8_t)(priv >> 8));
	add_u8(c, (uint8_t)priv);
	add(c, "\2\xc9\0\0", 4);
	sw = gate(m, c, true);
	if (sw)
		return sw;
	ch->loading = -1;
	elf = find(m, file);
	if (elf >= 0 ? m->row[elf].kind != M_ELF : file != 1)
		return 0x6a88;
	if (elf < 0 && !domain)
		return 0x6a88; /* the built-in package has one module */
	if (!m->row[ch->selected].authorized)
		return 0x6985;
	/* bits that nobody defined; a domain's privileges outside of one; both managers */
	if (priv & 0xf || !(priv & 0x800000) == domain || (!domain && priv & 0x714000) ||
	    (priv & 0x204000) == 0x204000 || (priv & 0x410000) == 0x010000)
		return 0x6a80;
	if (find(m, app) >= 0)
		return 0x6985;
	i = new_row(m);
	m->row[i] = (struct m_row){.kind = domain ? M_SD : M_APP,
				   .parent = ch->selected,
				   .elf = elf,
				   .name = app,
				   .state = selectable ? 0x07 : 0x03,
				   .authorized = priv & 0x004000,
				   .priv = priv};
	return 0x9000;
}

static unsigned int do_make_selectable(struct model *m, struct command *c)
{
	unsigned int n = name(), sw;
	struct m_channel *ch = &m->ch[c->channel];
	int i = find(m, n);

	begin(c, c->channel, 0x80, 0xe6, 0x08, 0);
	add(c, "\0\0", 2);
	add_name(c, n);
	add(c, "\1\0\0\0", 4);
	sw = gate(m, c, true);
	if (sw)
		return sw;
	ch->loading = -1;
	if (i < 0 || (m->row[i].kind != M_APP && m->row[i].kind != M_SD))
		return 0x6a88;
	if (!manages(m, ch->selected, i) || i == ch->selected || m->row[i].state != 0x03)
		return 0x6985;
	m->row[i].state = 0x07;
	return 0x9000;
}

static unsigned int do_extradite(struct model *m, struct command *c)
{
	unsigned int to_name = dice(3) ? name() : 0, n = name(), sw;
	struct m_channel *ch = &m->ch[c->channel];
	int to = find(m, to_name), i = find(m, n), sd = ch->selected;

	begin(c, c->channel, 0x80, 0xe6, 0x10, 0);
	add_name(c, to_name);
	add_u8(c, 0);
	add_name(c, n);
	add(c, "\0\0\0", 3);
	sw = gate(m, c, true);
	if (sw)
		return sw;
	ch->loading = -1;
	if (to < 0 || !is_sd(m, to) || i < 0)
		return 0x6a88;
	if (!manages(m, sd, i) || i == sd || !below(m, i, sd))
		return 0x6985;
	if (to == i) {
		if (!is_sd(m, i))
			return 0x6985;
		m->row[i].parent = -1;
		return 0x9000;
	}
	if (below(m, to, i) || to == m->row[i].parent)
		return 0x6985;
	if (m->row[to].kind == M_SD && (m->row[to].state == 0x03 || m->row[to].state & 0x80))
		return 0x6985;
	m->row[i].parent = to;
	return 0x9000;
}

static bool used(const struct model *m, int i)
{
	for (int k = 0; k < CHANNELS; k++)
		if (m->ch[k].open && (m->ch[k].selected == i ||
				      (m->ch[k].loading >= 0 && m->ch[k].load_owner == i)))
			return true;
	return false;
}

static unsigned int do_delete(struct model *m, struct command *c)
{
	unsigned int n = name(), sw;
	bool related = dice(2), go[ROWS] = {false};
	struct m_channel *ch = &m->ch[c->channel];
	int i = find(m, n), sd = ch->selected;
	bool all;

	begin(c, c->channel, 0x80, 0xe4, 0, related ? 0x80 : 0);
	add_u8(c, 0x4f);
	add_name(c, n);
	sw = gate(m, c, true);
	if (sw)
		return sw;
	ch->loading = -1;
	if (i < 0)
		return 0x6a88;
	all = m->row[sd].kind == M_ISD; /* Global Delete */
	if (m->row[i].kind == M_ISD || (!all && !m->row[sd].authorized))
		return 0x6985;
	go[i] = true;
	for (int k = 0; k < ROWS; k++)
		if (related && m->row[i].kind == M_ELF && m->row[k].kind != M_FREE &&
		    m->row[k].elf == i)
			go[k] = true;
	for (int k = 0; k < ROWS; k++) {
		if (!go[k])
			continue;
		if (!all && !below(m, k, sd))
			return 0x6985;
		if (used(m, k))
			return 0x6985;
		for (int r = 0; r < ROWS; r++)
			if (m->row[r].kind != M_FREE && !go[r] &&
			    (m->row[r].parent == k || m->row[r].elf == k))
				return 0x6985;
	}
	for (int k = 0; k < ROWS; k++)
		if (go[k])
			m->row[k].kind = M_FREE;
	return 0x9000;
}

static unsigned int do_card_status(struct model *m, struct command *c)
{
	static const uint8_t states[] = {0x01, 0x07, 0x0f, 0x7f, 0x0f, 0x7f, 0x55, 0xff};
	/* the end of a card is rare, or there would be little else to see */
	unsigned int to = states[dice(50) ? dice(7) : 7], sw, from = m->card;
	struct m_channel *ch = &m->ch[c->channel];
	bool ok;

	begin(c, c->channel, 0x80, 0xf0, 0x80, (uint8_t)to);
	sw = gate(m, c, false);
	if (sw)
		return sw;
	ch->loading = -1;
	if (m->row[ch->selected].kind != M_ISD)
		return 0x6985;
	ok = (from == 0x01 && to == 0x07) || (from == 0x07 && to == 0x0f) ||
	     (from == 0x0f && to == 0x7f) || (from == 0x7f && to == 0x0f) || to == 0xff;
	if (!ok)
		return 0x6985;
	m->card = to;
	return 0x9000;
}

static unsigned int do_status(struct model *m, struct command *c)
{
	static const uint8_t wanted[] = {0x80, 0x00, 0x80, 0x00, 0x83, 0x0f, 0x7f};
	unsigned int n = name(), to = wanted[dice(7)], sw;
	bool family = !dice(4), lock = to & 0x80, all;
	struct m_channel *ch = &m->ch[c->channel];
	uint8_t aid[16];
	int i = find(m, n), sd = ch->selected;

	begin(c, c->channel, 0x80, 0xf0, family ? 0x60 : 0x40, (uint8_t)to);
	add(c, aid, name_of(n, aid));
	sw = gate(m, c, false);
	if (sw)
		return sw;
	ch->loading = -1;
	if (m->card == 0x7f)
		return 0x6985;
	if (i < 0 || m->row[i].kind == M_ELF || (family && !is_sd(m, i)) ||
	    (!family && m->row[i].kind == M_ISD))
		return 0x6a88;
	if (m->row[i].kind == M_ISD)
		return 0x6985;
	if (i == sd) {
		if (family || to != 0x0f || m->row[i].state != 0x07)
			return 0x6985;
		m->row[i].state = 0x0f;
		return 0x9000;
	}
	all = m->row[sd].kind == M_ISD; /* Global Lock */
	if ((!all && !below(m, i, sd)) || !(m->row[i].state & 0x80) == !lock)
		return 0x6985;
	for (int k = 0; k < ROWS; k++)
		if (k == i || (family && below(m, k, i) &&
			       (m->row[k].kind == M_APP || m->row[k].kind == M_SD)))
			if (m->row[k].kind != M_FREE)
				m->row[k].state = (m->row[k].state & 0x7f) | (lock ? 0x80 : 0);
	return 0x9000;
}

/* Bytes of no sense at all: whatever the answer, nothing may change but the channel. */
static void noise(struct command *c)
{
	static const uint8_t ins[] = {0xf2, 0xca, 0xcb, 0x50, 0x82, 0xd8, 0xe2, 0xe8, 0x70,
				      0x88, 0x2a, 0x7a, 0x78, 0xc0, 0x20, 0x10, 0x00, 0xff};

	begin(c, c->channel, dice(8) ? 0x80 : 0x00, ins[dice(sizeof(ins))], (uint8_t)dice(256),
	      (uint8_t)dice(256));
	if (c->c[1] == 0x70)
		c->c[2] |= 1; /* no such channel operation */
	if (c->c[1] == 0xd8 || c->c[1] == 0xe2)
		c->c[3] |= 0x7f; /* keys and data are not the model's */
	if (c->c[1] == 0xe8)
		c->c[2] = 0x55;
	for (unsigned int n = dice(40); n; n--)
		add_u8(c, (uint8_t)dice(256));
}

static void compare(struct bench *b, const struct model *m, uint64_t step)
{
	const struct card *c = &b->card;
	const char *why = registry_check(c);

	if (why)
		fail_msg("step %" PRIu64 ": %s", step, why);
	if (c->n_entries != (size_t)count(m) || c->life_cycle != m->card)
		fail_msg("step %" PRIu64 ": %zu rows, not %d; card %02X, not %02X", step,
			 c->n_entries, count(m), c->life_cycle, m->card);
	for (int i = 0; i < ROWS; i++) {
		const struct m_row *r = &m->row[i];
		uint8_t parent[16];
		struct aid aid;
		struct entry *e;
		size_t n;

		if (r->kind == M_FREE)
			continue;
		aid.len = (uint8_t)name_of(r->name, aid.v);
		e = registry_find(&b->card, &aid);
		if (!e)
			fail_msg("step %" PRIu64 ": row %d is gone", step, i);
		if (r->kind != M_ISD && e->state != r->state)
			fail_msg("step %" PRIu64 ": row %d is in %02X, not %02X", step, i,
				 e->state, r->state);
		if ((r->kind == M_APP || r->kind == M_SD) && e->priv != r->priv)
			fail_msg("step %" PRIu64 ": row %d has %06X", step, i, e->priv);
		n = r->parent < 0 ? 0 : name_of(m->row[r->parent].name, parent);
		if (!e->parent != (r->parent < 0) ||
		    (e->parent &&
		     (e->parent->aid.len != n || memcmp(e->parent->aid.v, parent, n))))
			fail_msg("step %" PRIu64 ": row %d belongs to another", step, i);
		if (r->kind != M_ELF && (r->elf < 0) != !e->elf)
			fail_msg("step %" PRIu64 ": row %d is of another file", step, i);
	}
}

static void fresh(struct bench *b, struct model *m)
{
	card_exit(&b->card);
	bench_power_up(b);
	b->card.profile.no_chaining = 1;
	memset(m, 0, sizeof(*m));
	m->row[0] = (struct m_row){.kind = M_ISD, .parent = -1, .elf = -1, .authorized = true};
	m->card = 0x01;
	for (int i = 0; i < CHANNELS; i++)
		m->ch[i] = (struct m_channel){.open = !i, .loading = -1};
}

static unsigned int (*const moves[])(struct model *, struct command *) = {
	do_select, do_select, do_select,      do_channel, do_install_load,    do_install_load,
	do_load,   do_load,   do_install,     do_install, do_make_selectable, do_extradite,
	do_delete, do_delete, do_card_status, do_status,  do_status,
};

#define MOVES (sizeof(moves) / sizeof(moves[0]))

static void step(struct bench *b, struct model *m, uint64_t n)
{
	unsigned int any = dice(CHANNELS);
	struct command c = {.channel = m->ch[any].open || !dice(16) ? any : 0};
	struct m_channel *ch = &m->ch[c.channel];
	bool quiet = !dice(10);
	unsigned int want = 0, got;
	struct model before;

	/* sessions come and go */
	if (ch->open && !ch->session && m->card != 0xff && is_sd(m, ch->selected) && dice(4)) {
		let_in(b, c.channel);
		ch->session = true;
	}
	before = *m;
	if (quiet)
		noise(&c);
	else if (m->card == 0x7f ? dice(2) : !dice(60))
		want = do_card_status(m, &c); /* a locked card is left soon */
	else
		want = moves[dice(MOVES)](m, &c);
	got = bench_run(b, c.c, c.n);
	if (quiet || want == 0xffff) {
		/* not the model's affair; it may have ended session and load */
		*m = before;
		for (int i = 0; i < CHANNELS; i++) {
			struct channel *real = &b->card.channels[i];

			m->ch[i].session = m->ch[i].open && real->scp.state == SCP_OPEN;
			if (!real->load.active)
				m->ch[i].loading = -1;
		}
	} else if (got != want) {
		char hex[300];

		fail_msg("step %" PRIu64 ": %s: %04X, not %04X", n, hex_of(hex, c.c, c.n), got,
			 want);
	}
	/* an error of a domain's command ends a load that was begun */
	for (int i = 0; i < CHANNELS; i++)
		if (!b->card.channels[i].load.active)
			m->ch[i].loading = -1;
	compare(b, m, n);
}

static uint64_t from_environment(const char *name_, uint64_t def)
{
	const char *text = getenv(name_);

	return text && *text ? strtoull(text, NULL, 0) : def;
}

static void test_model(void **state)
{
	uint64_t n = from_environment("N", 200000), seed = from_environment("SEED", 1);
	uint64_t ended = 0, accepted = 0;
	struct bench *b = *state;
	struct model m;

	rng = seed * 0x9e3779b97f4a7c15ULL + 1;
	fresh(b, &m);
	for (uint64_t i = 0; i < n; i++) {
		step(b, &m, i);
		accepted += b->rsp[b->len] == 0x90;
		/* full, or at its end: the next card */
		if (count(&m) > ROWS - 2 || (m.card == 0xff && !dice(50)) || !dice(1500)) {
			fresh(b, &m);
			ended++;
		}
	}
	print_message("%" PRIu64 " commands, seed %" PRIu64 ": %" PRIu64 " accepted, %" PRIu64
		      " cards\n",
		      n, seed, accepted, ended + 1);
	/* a run that gets nowhere shows nothing */
	assert_true(accepted * 20 > n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_model, bench_setup, bench_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
