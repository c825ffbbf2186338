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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "card.h"
#include "crypto.h"

#define HEADER "softse-state 1"
#define STATE_MAX (8U * 1024U * 1024U)

static void put_hex(FILE *f, const uint8_t *v, size_t len)
{
	fputc(' ', f);
	if (!len)
		fputc('-', f);
	while (len--)
		fprintf(f, "%02x", *v++);
}

static void put_aid(FILE *f, const struct aid *a)
{
	put_hex(f, a->v, a->len);
}

static void put_entry(FILE *f, const struct entry *e)
{
	if (e->kind == ENTRY_APP) {
		fputs("app", f);
		put_aid(f, &e->aid);
		put_aid(f, &e->parent);
		fprintf(f, " %02x", e->state);
		put_aid(f, &e->elf);
		put_aid(f, &e->module);
		put_hex(f, e->priv, sizeof(e->priv));
		fputc('\n', f);
		for (size_t i = 0; i < e->n_counters; i++)
			fprintf(f, "counter %x %x\n", e->counters[i].id, e->counters[i].value);
	} else if (e->kind == ENTRY_ELF) {
		fputs("elf", f);
		put_aid(f, &e->aid);
		put_aid(f, &e->parent);
		fprintf(f, " %d", e->is_cap);
		put_hex(f, e->version, sizeof(e->version));
		put_hex(f, e->hash, sizeof(e->hash));
		put_hex(f, e->data, e->size);
		fputc('\n', f);
		for (size_t i = 0; i < e->n_modules; i++) {
			fputs("module", f);
			put_aid(f, &e->modules[i]);
			fputc('\n', f);
		}
	}
}

static int write_whole(const char *path, const char *text, size_t len, bool sync)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int ret = 0;

	if (fd < 0)
		return -errno;
	while (len && !ret) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR)
			ret = -errno;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	if (!ret && sync && fsync(fd))
		ret = -errno;
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
	fprintf(f, "%s\ncard %02x %06x %x\n", HEADER, c->life_cycle, c->seq, c->tries);
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
	ret = write_whole(tmp, text, len, !c->profile.no_fsync);
	if (!ret && rename(tmp, c->state_path))
		ret = -errno;
	if (!ret && !c->profile.no_fsync)
		ret = sync_folder(c->state_path);
	if (ret)
		unlink(tmp);
out:
	fclose(f);
	free(text);
	return ret;
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
	if (n % 2 || n / 2 > room || strspn(word, "0123456789abcdef") != n)
		return -1;
	for (size_t i = 0; i < n / 2; i++) {
		unsigned int v = 0;

		sscanf(word + 2 * i, "%2x", &v);
		out[i] = (uint8_t)v;
	}
	return (ssize_t)(n / 2);
}

static bool get_aid(char **line, struct aid *a)
{
	uint8_t v[16];
	ssize_t n = get_hex(line, v, sizeof(v));

	return n > 0 && aid_set(a, v, (size_t)n);
}

static bool read_app(char *line, struct entry *e)
{
	return get_aid(&line, &e->aid) && get_aid(&line, &e->parent) &&
	       get_hex(&line, &e->state, 1) == 1 && get_aid(&line, &e->elf) &&
	       get_aid(&line, &e->module) && get_hex(&line, e->priv, 3) == 3 && !line;
}

static bool read_elf(char *line, struct entry *e)
{
	char *cap;
	ssize_t n;

	if (!get_aid(&line, &e->aid) || !get_aid(&line, &e->parent))
		return false;
	cap = strsep(&line, " ");
	if (!cap || get_hex(&line, e->version, 2) != 2 || get_hex(&line, e->hash, 32) != 32 ||
	    !line)
		return false;
	e->is_cap = *cap == '1';
	e->state = ELF_LOADED;
	e->data = malloc(strlen(line) / 2 + 1);
	if (!e->data)
		return false;
	n = get_hex(&line, e->data, CARD_LOAD_MAX);
	e->size = n > 0 ? (size_t)n : 0;
	return n > 0 && !line;
}

static bool read_counter(const char *line, struct entry *e)
{
	unsigned int id, value;
	struct counter *k;

	if (!e || e->kind != ENTRY_APP || e->n_counters == CARD_COUNTERS ||
	    sscanf(line, "%x %x", &id, &value) != 2 || id > 0xffff)
		return false;
	k = realloc(e->counters, (e->n_counters + 1) * sizeof(*k));
	if (!k)
		return false;
	e->counters = k;
	k[e->n_counters++] = (struct counter){.id = (uint16_t)id, .value = value};
	return true;
}

static bool read_line(struct card *c, char *line)
{
	struct entry *last = c->entries[c->n_entries - 1], *e;
	char *word = strsep(&line, " ");
	bool app, ok;

	if (!line)
		return false;
	if (!strcmp(word, "card")) {
		unsigned int life, seq, tries;

		if (sscanf(line, "%x %x %x", &life, &seq, &tries) != 3 || life > 0xff ||
		    seq > 0xffffff)
			return false;
		c->life_cycle = (uint8_t)life;
		c->seq = seq;
		c->tries = tries;
		return true;
	}
	if (!strcmp(word, "counter"))
		return read_counter(line, last);
	if (!strcmp(word, "module"))
		return last->kind == ENTRY_ELF && last->n_modules < CARD_MODULES &&
		       get_aid(&line, &last->modules[last->n_modules++]);
	app = !strcmp(word, "app");
	if (!app && strcmp(word, "elf"))
		return false;
	e = calloc(1, sizeof(*e));
	if (!e)
		return false;
	e->kind = app ? ENTRY_APP : ENTRY_ELF;
	ok = app ? read_app(line, e) : read_elf(line, e);
	if (!ok || registry_find(c, &e->aid) || registry_add(c, e) != SW_OK) {
		entry_free(e);
		return false;
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
	char *text = NULL, *next, *line;
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
	next = text;
	strsep(&next, "\n");
	while ((line = strsep(&next, "\n"))) {
		number++;
		if (!read_line(c, line)) {
			snprintf(err, err_room, "%s:%u: not understood", c->state_path, number);
			goto out;
		}
	}
	ret = 0;
out:
	free(text);
	return ret;
}
