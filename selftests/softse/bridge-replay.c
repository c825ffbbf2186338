// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge.h"
#include "frame.h"
#include "record.h"

#define FILE_MAX (64U * 1024 * 1024)

struct replay {
	struct wire wire;
	struct apdu_bridge bridge;
	struct chip *chip;
	const char *path;
	struct recording rec;
	size_t next;
	bool off; /* something else came than was recorded */
	bool failed;
};

static struct replay *replay_of(struct apdu_bridge *bridge)
{
	return (struct replay *)((char *)bridge - offsetof(struct replay, bridge));
}

static void print_bytes(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		fprintf(stderr, "%02X", data[i]);
	fputc('\n', stderr);
}

/* This is what a recording is for; it is told even though it shows the APDU. */
static void differs(struct replay *p, const struct record *want, const uint8_t *cmd, size_t len)
{
	if (want && want->what == RECORD_COMMAND) {
		fprintf(stderr, "softse: replay: %s:%u: another command came\n  expected ",
			p->path, want->line);
		print_bytes(want->data, want->len);
	} else {
		fprintf(stderr, "softse: replay: %s:%u: a command came\n  expected %s\n",
			p->path, want ? want->line : p->rec.r[p->rec.n - 1].line,
			want ? "a reset" : "nothing more");
	}
	fputs("  got      ", stderr);
	print_bytes(cmd, len);
	p->off = p->failed = true;
}

static size_t execute(struct apdu_bridge *bridge, const uint8_t *cmd, size_t len, uint8_t *rsp,
		      size_t room)
{
	struct replay *p = replay_of(bridge);
	const struct record *r = p->next < p->rec.n ? &p->rec.r[p->next] : NULL;

	if (!p->off && (!r || r->what != RECORD_COMMAND || r->len != len ||
			memcmp(r->data, cmd, len) != 0))
		differs(p, r, cmd, len);
	if (p->off || r[1].len > room) {
		put_be16(rsp, 0x6f00);
		return 2;
	}
	p->next += 2;
	memcpy(rsp, r[1].data, r[1].len);
	return r[1].len;
}

/* Drivers reset more than once before they begin: a reset that is not recorded rewinds. */
static void reset(struct apdu_bridge *bridge)
{
	struct replay *p = replay_of(bridge);

	p->off = false;
	if (p->next < p->rec.n && p->rec.r[p->next].what == RECORD_RESET && p->next)
		p->next++;
	else
		p->next = p->rec.r[0].what == RECORD_RESET;
}

static size_t prepare(struct wire *wire, struct pollfd *fds, size_t room, uint64_t now_us,
		      uint64_t *deadline_us)
{
	(void)wire;
	(void)fds;
	(void)room;
	(void)now_us;
	(void)deadline_us;
	return 0;
}

static int dispatch(struct wire *wire, const struct pollfd *fds, size_t n, uint64_t now_us)
{
	(void)wire;
	(void)fds;
	(void)n;
	(void)now_us;
	return 0;
}

static void close_wire(struct wire *wire)
{
	struct replay *p = (struct replay *)wire;

	p->chip->bridge = NULL;
	record_free(&p->rec);
	free(p);
}

bool bridge_replay_failed(const struct wire *wire)
{
	return ((const struct replay *)wire)->failed;
}

static char *read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "re");
	char *text = NULL, *bigger;
	size_t room = 0;

	*len = 0;
	if (!f)
		return NULL;
	do {
		room += 65536;
		bigger = room > FILE_MAX ? NULL : realloc(text, room);
		if (!bigger) {
			errno = room > FILE_MAX ? EFBIG : ENOMEM;
			goto fail;
		}
		text = bigger;
		*len += fread(text + *len, 1, room - *len, f);
	} while (*len == room);
	if (ferror(f)) {
		errno = EIO;
		goto fail;
	}
	fclose(f);
	return text;
fail:
	fclose(f);
	free(text);
	return NULL;
}

struct wire *bridge_replay_open(struct chip *chip, const char *path, char *err, size_t err_room)
{
	struct replay *p = calloc(1, sizeof(*p));
	char why[128], *text;
	size_t len;
	int ret;

	if (!p) {
		snprintf(err, err_room, "out of memory");
		return NULL;
	}
	text = read_file(path, &len);
	if (!text) {
		ret = errno;
		snprintf(err, err_room, "%s: %s", path, strerror(ret));
		goto fail;
	}
	ret = -record_parse(&p->rec, text, len, why, sizeof(why));
	free(text);
	if (ret) {
		snprintf(err, err_room, "%s:%s", path, why);
		goto fail;
	}
	p->wire = (struct wire){prepare, dispatch, close_wire};
	p->bridge = (struct apdu_bridge){execute, reset};
	p->chip = chip;
	p->path = path;
	p->next = p->rec.r[0].what == RECORD_RESET;
	chip->bridge = &p->bridge;
	return &p->wire;
fail:
	free(p);
	errno = ret;
	return NULL;
}
