// SPDX-License-Identifier: Apache-2.0
/*
 * The persistent state: one text file, replaced as a whole (temporary file,
 * fsync, rename, fsync of the folder), so that a power cut leaves the old state
 * or the new one. The last line is a SHA-256 over the lines before it.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "applet.h"
#include "crypto.h"
#include "gp.h"
#include "registry-check.h"

#define HEADER "softse-state 2"
/* What reaches the disk in one piece; a power cut comes between two. */
#define PIECE 256
#define STATE_MAX (8U * 1024U * 1024U)

static void put_hex(FILE *f, const uint8_t *v, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	fputc(' ', f);
	if (!len)
		fputc('-', f);
	for (; len; len--, v++) {
		fputc(digits[*v >> 4], f);
		fputc(digits[*v & 15], f);
	}
}

static void put_aid(FILE *f, const struct aid *a)
{
	put_hex(f, a->v, a->len);
}

static void put_name(FILE *f, const struct entry *e)
{
	static const struct aid none;

	put_aid(f, e ? &e->aid : &none);
}

static void put_entry(FILE *f, const struct entry *e)
{
	static const char *const kinds[] = {"isd", "app", "elf"};

	fputs(kinds[e->kind], f);
	put_aid(f, &e->aid);
	put_name(f, e->parent);
	fprintf(f, " %02x", e->state);
	if (e->kind == ENTRY_ELF) {
		fprintf(f, " %d", e->is_cap);
		put_hex(f, e->version, sizeof(e->version));
		put_hex(f, e->hash, sizeof(e->hash));
		fprintf(f, " %x", e->reserved);
		put_hex(f, e->data->v, e->data->len);
	} else {
		put_name(f, e->elf);
		put_aid(f, &e->module);
		fprintf(f, " %06x %02x %02x %x %x %x %x", e->priv, e->restricted, e->implicit,
			e->quota, e->reserved, e->tries, e->confirmations);
	}
	fputc('\n', f);
	for (size_t i = 0; i < e->n_keys; i++) {
		const struct key *k = &e->keys[i];

		fprintf(f, "key %02x %02x %x", k->kvn, k->kid, k->seq);
		for (size_t p = 0; p < k->n_parts; p++) {
			fprintf(f, " %02x", k->part[p].type);
			put_hex(f, k->part[p].v->v, k->part[p].v->len);
		}
		fputc('\n', f);
	}
	for (size_t i = 0; i < e->n_objects; i++) {
		fprintf(f, "object %x %x", e->objects[i].tag, e->objects[i].ref);
		put_hex(f, e->objects[i].v->v, e->objects[i].v->len);
		fputc('\n', f);
	}
	for (size_t i = 0; i < e->n_counters; i++)
		fprintf(f, "counter %x %x\n", e->counters[i].id, e->counters[i].value);
	for (size_t i = 0; i < e->n_modules; i++) {
		fputs("module", f);
		put_aid(f, &e->modules[i]);
		fputc('\n', f);
	}
	for (size_t i = 0; i < e->n_imports; i++) {
		fputs("import", f);
		put_aid(f, &e->imports[i].aid);
		fprintf(f, " %x %x\n", e->imports[i].major, e->imports[i].minor);
	}
}

/* Tests take the power away before one of the steps that change the disk. */
static bool powered(struct card *c)
{
	if (!c->cut)
		return true;
	if (!c->writes_left && c->cut_ends)
		_exit(EXIT_SUCCESS); /* no answer, no line in the log */
	if (!c->writes_left)
		return false;
	c->writes_left--;
	return true;
}

static int write_whole(struct card *c, const char *path, const char *text, size_t len)
{
	int fd, ret = 0;

	if (!powered(c))
		return -EIO;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	while (len && !ret) {
		size_t piece = c->cut && len > PIECE ? PIECE : len;
		ssize_t n;

		if (!powered(c)) {
			ret = -EIO;
			break;
		}
		n = write(fd, text, piece);
		if (n < 0 && errno != EINTR)
			ret = -errno;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	if (!ret && !c->profile.no_fsync && (!powered(c) || fsync(fd)))
		ret = errno ? -errno : -EIO;
	if (close(fd) && !ret)
		ret = -errno;
	return ret;
}

static int sync_folder(const char *path)
{
	char copy[PATH_MAX];
	int fd, ret = 0;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fsync(fd) && errno != EINVAL) /* some file systems have nothing to sync */
		ret = -errno;
	close(fd);
	return ret;
}

int store_save(struct card *c)
{
	char tmp[PATH_MAX], *text = NULL;
	uint8_t hash[32];
	size_t len = 0;
	FILE *f;
	int ret;

	if (!c->state_path)
		return 0;
	if (snprintf(tmp, sizeof(tmp), "%s.new", c->state_path) >= (int)sizeof(tmp))
		return -ENAMETOOLONG;
	f = open_memstream(&text, &len);
	if (!f)
		return -errno;
	fprintf(f, "%s\ncard %02x\n", HEADER, c->life_cycle);
	for (size_t i = 0; i < c->n_entries; i++)
		put_entry(f, c->entries[i]);
	if (fflush(f) || crypto_sha(sizeof(hash), text, len, hash)) {
		ret = -EIO;
		goto out;
	}
	fputs("end", f);
	put_hex(f, hash, sizeof(hash));
	fputc('\n', f);
	if (fflush(f)) {
		ret = -ENOMEM;
		goto out;
	}
	ret = write_whole(c, tmp, text, len);
	if (!ret && !powered(c))
		ret = -EIO;
	if (!ret && rename(tmp, c->state_path))
		ret = -errno;
	/*
	 * From here on the new state is what the next start finds. Whether the folder
	 * got to the disk in time decides only if that is so after a power cut as well.
	 */
	if (!ret && !c->profile.no_fsync)
		ret = sync_folder(c->state_path);
	if (ret && !c->cut)
		unlink(tmp);
out:
	fclose(f);
	OPENSSL_cleanse(text, len); /* keys are in it */
	free(text);
	return ret;
}

static int nibble(char d)
{
	return d >= '0' && d <= '9' ? d - '0' : d >= 'a' && d <= 'f' ? d - 'a' + 10 : -1;
}

/* One word of hex digits off the line; -1 if it is none or too long. */
static ssize_t get_hex(char **line, uint8_t *out, size_t room)
{
	char *word = strsep(line, " ");
	size_t n;

	if (!word)
		return -1;
	if (!strcmp(word, "-"))
		return 0;
	n = strlen(word);
	if (n % 2 || !n || n / 2 > room)
		return -1;
	for (size_t i = 0; i < n / 2; i++) {
		int high = nibble(word[2 * i]), low = nibble(word[2 * i + 1]);

		if (high < 0 || low < 0)
			return -1;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return (ssize_t)(n / 2);
}

/* A number in hex, one word. */
static bool get_number(char **line, uint32_t max, uint32_t *v)
{
	char *word = strsep(line, " ");

	*v = 0;
	if (!word || !*word || strlen(word) > 8)
		return false;
	for (; *word; word++) {
		int d = nibble(*word);

		if (d < 0)
			return false;
		*v = *v << 4 | (uint32_t)d;
	}
	return *v <= max;
}

static bool get_u8(char **line, uint8_t *v)
{
	uint32_t n;
	bool ok = get_number(line, 0xff, &n);

	*v = (uint8_t)n;
	return ok;
}

static bool get_aid(char **line, struct aid *a)
{
	uint8_t v[16];
	ssize_t n = get_hex(line, v, sizeof(v));

	return n > 0 && aid_set(a, v, (size_t)n);
}

/* An AID, or "-" and @a->len is 0. */
static bool get_name(char **line, struct aid *a)
{
	a->len = 0;
	if (*line && **line == '-') {
		strsep(line, " ");
		return true;
	}
	return get_aid(line, a);
}

/* The rest of the line as bytes. */
static struct blob *get_blob(char **line, size_t max)
{
	size_t room = *line ? strcspn(*line, " ") / 2 : 0;
	struct blob *b = *line && room <= max ? blob_new(NULL, room + 1) : NULL;
	ssize_t n = b ? get_hex(line, b->v, room) : -1;

	if (n < 0) {
		blob_put(b);
		return NULL;
	}
	b->len = (size_t)n;
	return b;
}

/* Rows may name others that come later. */
struct names {
	struct aid parent, elf;
};

static bool read_app(struct card *c, char *line, struct entry *e, struct names *n)
{
	uint32_t confirmations;

	if (!get_aid(&line, &e->aid) || !get_name(&line, &n->parent) ||
	    !get_u8(&line, &e->state) || !get_name(&line, &n->elf) ||
	    !get_name(&line, &e->module) || !get_number(&line, PRIV_KNOWN, &e->priv) ||
	    !get_u8(&line, &e->restricted) || !get_u8(&line, &e->implicit) ||
	    !get_number(&line, UINT32_MAX, &e->quota) ||
	    !get_number(&line, UINT32_MAX, &e->reserved) ||
	    !get_number(&line, UINT32_MAX, &e->tries) ||
	    !get_number(&line, 0xffff, &confirmations) || line)
		return false;
	e->confirmations = (uint16_t)confirmations;
	e->code = e->kind == ENTRY_ISD ? &applet_sd : applet_find(c, &e->module);
	return true;
}

static bool read_elf(char *line, struct entry *e, struct names *n)
{
	uint8_t cap;

	if (!get_aid(&line, &e->aid) || !get_name(&line, &n->parent) ||
	    !get_u8(&line, &e->state) || !get_u8(&line, &cap) || cap > 1 ||
	    get_hex(&line, e->version, 2) != 2 || get_hex(&line, e->hash, 32) != 32 ||
	    !get_number(&line, CARD_NVM, &e->reserved))
		return false;
	e->is_cap = cap;
	e->data = get_blob(&line, CARD_LOAD_MAX);
	return e->data && e->data->len && !line;
}

static bool read_counter(char *line, struct entry *e)
{
	uint32_t id, value;
	struct counter *k;

	if (e->kind != ENTRY_APP || e->n_counters == CARD_COUNTERS ||
	    !get_number(&line, 0xffff, &id) || !get_number(&line, UINT32_MAX, &value) || line)
		return false;
	k = realloc(e->counters, (e->n_counters + 1) * sizeof(*k));
	if (!k)
		return false;
	e->counters = k;
	k[e->n_counters++] = (struct counter){.id = (uint16_t)id, .value = value};
	return true;
}

static bool read_key(char *line, struct entry *e)
{
	struct key k = {0};
	bool ok = entry_is_sd(e) && get_u8(&line, &k.kvn) && get_u8(&line, &k.kid) &&
		  get_number(&line, 0xffffff, &k.seq) && line && k.kvn && k.kid &&
		  !entry_key(e, k.kvn, k.kid);

	while (ok && line) {
		struct key_part p = {0};

		ok = k.n_parts < KEY_PARTS && get_u8(&line, &p.type);
		p.v = ok ? get_blob(&line, 512) : NULL;
		if (!p.v) {
			ok = false;
			break;
		}
		k.part[k.n_parts++] = p;
		ok = gp_key_length(p.type, p.v->len);
	}
	ok = ok && entry_put_key(e, &k) == SW_OK;
	if (!ok)
		key_clear(&k);
	return ok;
}

static bool read_object(struct card *c, char *line, struct entry *e)
{
	uint32_t tag, ref;
	struct blob *b;
	bool ok;

	if (e->kind == ENTRY_ELF || !get_number(&line, UINT32_MAX, &tag) ||
	    !get_number(&line, 0xffff, &ref))
		return false;
	b = get_blob(&line, CARD_NVM);
	ok = b && !line && !entry_object(e, tag, (uint16_t)ref) &&
	     entry_put_object(c, e, tag, (uint16_t)ref, b->v, b->len) == SW_OK;
	blob_put(b);
	return ok;
}

static bool read_module(char *line, struct entry *e)
{
	return e->kind == ENTRY_ELF && e->n_modules < ELF_MODULES &&
	       get_aid(&line, &e->modules[e->n_modules++]) && !line;
}

static bool read_import(char *line, struct entry *e)
{
	struct import *im;

	if (e->kind != ENTRY_ELF || e->n_imports == ELF_IMPORTS)
		return false;
	im = &e->imports[e->n_imports++];
	return get_aid(&line, &im->aid) && get_u8(&line, &im->major) &&
	       get_u8(&line, &im->minor) && !line;
}

/* The first row replaces the issuer security domain of a new card. */
static bool read_row(struct card *c, enum entry_kind kind, char *line, struct names *names)
{
	struct entry *e = entry_new(kind);
	bool ok = e && c->n_entries < CARD_ENTRIES && (kind == ENTRY_ISD) == !c->n_entries;

	ok = ok && (kind == ENTRY_ELF ? read_elf(line, e, &names[c->n_entries])
				      : read_app(c, line, e, &names[c->n_entries]));
	if (!ok || registry_find(c, &e->aid)) {
		entry_free(e);
		return false;
	}
	c->entries[c->n_entries++] = e;
	return true;
}

static bool read_line(struct card *c, char *line, struct names *names)
{
	static const char *const kinds[] = {"isd", "app", "elf"};
	char *word = strsep(&line, " ");
	struct entry *last;

	if (!line)
		return false;
	if (!strcmp(word, "card"))
		return get_u8(&line, &c->life_cycle) && !line;
	for (int kind = ENTRY_ISD; kind <= ENTRY_ELF; kind++)
		if (!strcmp(word, kinds[kind]))
			return read_row(c, (enum entry_kind)kind, line, names);
	if (!c->n_entries)
		return false;
	last = c->entries[c->n_entries - 1];
	if (!strcmp(word, "counter"))
		return read_counter(line, last);
	if (!strcmp(word, "key"))
		return read_key(line, last);
	if (!strcmp(word, "object"))
		return read_object(c, line, last);
	if (!strcmp(word, "module"))
		return read_module(line, last);
	return !strcmp(word, "import") && read_import(line, last);
}

static bool resolve(struct card *c, const struct names *names)
{
	for (size_t i = 0; i < c->n_entries; i++) {
		struct entry *e = c->entries[i];

		if (names[i].parent.len) {
			e->parent = registry_sd(c, &names[i].parent);
			if (!e->parent || e->parent == e)
				return false;
		}
		if (names[i].elf.len) {
			e->elf = registry_find(c, &names[i].elf);
			if (!e->elf)
				return false;
		}
	}
	return true;
}

static int read_file(const char *path, char **text, size_t *len)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t have = 0;
	char *t;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > STATE_MAX) {
		close(fd);
		return -EINVAL;
	}
	t = malloc((size_t)st.st_size + 1);
	while (t && have < (size_t)st.st_size) {
		ssize_t n = read(fd, t + have, (size_t)st.st_size - have);

		if (n <= 0)
			break;
		have += (size_t)n;
	}
	close(fd);
	if (!t)
		return -ENOMEM;
	t[have] = 0;
	*text = t;
	*len = have;
	return 0;
}

/* Cuts the last line off and compares it with the hash of the rest. */
static bool check_end(char *text, size_t *len)
{
	uint8_t hash[32], have[32];
	char *end, *line;

	if (*len < 2 || text[*len - 1] != '\n' || strlen(text) != *len)
		return false;
	text[*len - 1] = 0;
	line = strrchr(text, '\n');
	if (!line || strncmp(line + 1, "end ", 4))
		return false;
	*len = (size_t)(line + 1 - text);
	end = line + 5;
	return get_hex(&end, have, 32) == 32 && !end && !crypto_sha(32, text, *len, hash) &&
	       !memcmp(hash, have, 32);
}

int store_load(struct card *c, char *err, size_t err_room)
{
	struct names *names = NULL;
	char *text = NULL, *next, *line;
	const char *why;
	unsigned int number = 1;
	size_t len = 0;
	int ret = read_file(c->state_path, &text, &len);

	if (ret) {
		if (ret != -ENOENT)
			snprintf(err, err_room, "%s: %s", c->state_path, strerror(-ret));
		return ret;
	}
	ret = -EINVAL;
	if (strncmp(text, HEADER "\n", sizeof(HEADER))) {
		snprintf(err, err_room, "%s:1: not a softse state file (no '" HEADER "')",
			 c->state_path);
		goto out;
	}
	if (!check_end(text, &len)) {
		snprintf(err, err_room,
			 "%s: damaged (the hash in its last line does not fit); remove it to "
			 "begin with an empty card",
			 c->state_path);
		goto out;
	}
	text[len - 1] = 0;
	names = calloc(CARD_ENTRIES, sizeof(*names));
	if (!names) {
		snprintf(err, err_room, "out of memory");
		ret = -ENOMEM;
		goto out;
	}
	while (c->n_entries)
		entry_free(c->entries[--c->n_entries]);
	next = text;
	strsep(&next, "\n");
	while ((line = strsep(&next, "\n"))) {
		number++;
		if (!read_line(c, line, names)) {
			snprintf(err, err_room, "%s:%u: not understood", c->state_path, number);
			goto out;
		}
	}
	why = resolve(c, names) ? registry_check(c) : "a name that nobody has";
	if (why) {
		snprintf(err, err_room, "%s: no card: %s", c->state_path, why);
		goto out;
	}
	ret = 0;
out:
	free(names);
	if (text)
		OPENSSL_cleanse(text, len);
	free(text);
	return ret;
}
