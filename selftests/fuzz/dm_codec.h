/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One message of whatever kind: it is read or refused, within the memory that it may have;
 * what was read is written in both codings, and reads as the same again.
 */
#ifndef SESAME_FUZZ_DM_CODEC_H
#define SESAME_FUZZ_DM_CODEC_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dm/syncml.h"

#define DM_CODEC_ROOM ((size_t)1 << 20)

static void dm_codec_check(bool what)
{
	if (!what)
		abort();
}

/* all that can be written of it; NULL if the header cannot */
static struct dm_out *dm_codec_write(enum dm_coding coding, const struct dm_msg *m,
				     const uint8_t **p, size_t *len)
{
	struct dm_out *o;
	int e;

	dm_codec_check(dm_out_new(&o, coding, DM_CODEC_ROOM) == 0);
	e = dm_out_begin(o, &m->hdr);
	if (e < 0) {
		dm_codec_check(e == -EINVAL || e == -EMSGSIZE);
		dm_out_free(o);
		return NULL;
	}
	for (const struct dm_cmd *c = m->cmds; c; c = c->next) {
		e = dm_out_cmd(o, c);
		dm_codec_check(e == 0 || e == -EINVAL || e == -EMSGSIZE);
	}
	dm_codec_check(dm_out_end(o, m->final, p, len) == 0 && *len <= DM_CODEC_ROOM);
	return o;
}

/* read what was written, and write that; frees @from */
static struct dm_out *dm_codec_back(enum dm_coding coding, struct dm_out *from, bool final,
				    const uint8_t **p, size_t *len)
{
	struct dm_limits limits = {.memory = (size_t)24 << 20};
	struct dm_out *o;
	struct dm_msg m;

	dm_codec_check(dm_msg_parse(coding, *p, *len, &limits, &m, NULL) == 0);
	dm_codec_check(m.final == final);
	dm_out_free(from);
	o = dm_codec_write(coding, &m, p, len);
	dm_codec_check(o != NULL);
	dm_msg_free(&m);
	return o;
}

/* What is no base64 but says so, and markup that WBXML has no tokens for, come out in another
 * way once; from then on nothing changes. */
static void dm_codec_again(enum dm_coding coding, const struct dm_msg *m)
{
	const uint8_t *p;
	uint8_t *copy;
	size_t len, n;
	struct dm_out *o = dm_codec_write(coding, m, &p, &len);

	if (!o)
		return;
	o = dm_codec_back(coding, o, m->final, &p, &len);
	copy = malloc(len);
	memcpy(copy, p, len);
	n = len;
	o = dm_codec_back(coding, o, m->final, &p, &len);
	dm_codec_check(len == n && memcmp(copy, p, n) == 0);
	free(copy);
	dm_out_free(o);
}

static void dm_codec_one(enum dm_coding coding, const uint8_t *data, size_t size)
{
	char words[DM_WORDS_MAX];
	struct dm_msg m;
	int e = dm_msg_parse(coding, data, size, NULL, &m, words);

	dm_codec_check(e == 0 ? !words[0] : words[0] != 0);
	dm_codec_check(e == 0 || e == -EBADMSG || e == -E2BIG || e == -ENOTSUP);
	if (e < 0)
		return;
	dm_codec_again(DM_XML, &m);
	dm_codec_again(DM_WBXML, &m);
	dm_msg_free(&m);
}

#endif /* SESAME_FUZZ_DM_CODEC_H */
