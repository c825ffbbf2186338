// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lwm2m/bsfile.h"
#include "lwm2m/tlv.h"

#define HEAD 4U /* number of objects and length of what follows */

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static bool is_blank(const uint8_t *p, size_t len)
{
	/* a file that nobody has written to is of one byte, whatever the card's memory erases
	 * to */
	for (size_t i = 0; i < len; i++)
		if (p[i] != p[0])
			return false;
	return len == 0 || p[0] == 0xff || p[0] == 0x00;
}

size_t lwm2m_bsfile_size(const uint8_t *p, size_t len)
{
	/* a blank one has no length to tell; the first bytes are enough to see that */
	if (len < HEAD)
		return 0;
	return is_blank(p, HEAD) ? HEAD : HEAD + get16(p + 2);
}

int lwm2m_bsfile_begin(struct lwm2m_bsfile *f, const uint8_t *p, size_t len, char *words)
{
	memset(f, 0, sizeof(*f));
	*words = '\0';
	if (len > LWM2M_BSFILE_MAX) {
		content_words(words, "bootstrap file: %zu bytes, at most %u are expected", len,
			      LWM2M_BSFILE_MAX);
		return -EFBIG;
	}
	if (is_blank(p, len < HEAD ? len : HEAD)) {
		content_words(words, "bootstrap file: empty");
		return -ENODATA;
	}
	if (len < HEAD || get16(p + 2) > len - HEAD) {
		content_words(words, "bootstrap file: %zu bytes, but its head says %u", len,
			      len < HEAD ? HEAD : HEAD + get16(p + 2));
		return -EBADMSG;
	}
	f->objects = get16(p);
	f->p = p + HEAD;
	f->len = get16(p + 2);
	f->size = HEAD + f->len;
	return 0;
}

int lwm2m_bsfile_next(struct lwm2m_bsfile *f, struct lwm2m_bsfile_object *object, char *words)
{
	size_t head;

	if (f->objects == 0 && f->len == 0)
		return 0;
	if (f->objects == 0) {
		content_words(words, "bootstrap file: %zu bytes behind the last object",
			      f->len);
		return -EBADMSG;
	}
	memset(object, 0, sizeof(*object));
	head = f->len >= 3 && f->p[2] != 0 ? 6 : 5;
	if (f->len < head || get16(f->p + head - 2) > f->len - head) {
		content_words(
			words,
			"bootstrap file: an object is cut short, %zu bytes before the end",
			f->len);
		return -EBADMSG;
	}
	object->id = get16(f->p);
	object->major = f->p[2];
	object->minor = head == 6 ? f->p[3] : 0;
	object->tlv = f->p + head;
	object->len = get16(f->p + head - 2);
	f->p += head + object->len;
	f->len -= head + object->len;
	f->objects--;
	return 1;
}

/* Values of one object; TLV that is not of instances has no place in a file. */
static int object_values(const struct lwm2m_bsfile_object *o, struct lwm2m_set *set,
			 char *words)
{
	const struct lwm2m_path base = lwm2m_path_at(1, o->id, 0, 0, 0);
	const uint8_t *p = o->tlv;
	size_t len = o->len;
	struct lwm2m_tlv tlv;

	if (lwm2m_tlv_next(&p, &len, &tlv) > 0 && tlv.kind != LWM2M_TLV_OBJECT_INSTANCE) {
		content_words(words,
			      "bootstrap file: object %u: an object instance is expected",
			      o->id);
		return -EBADMSG;
	}
	return lwm2m_tlv_decode(&base, o->tlv, o->len, set, words) == 0 ? 0 : -EBADMSG;
}

int lwm2m_bsfile_values(const uint8_t *p, size_t len, struct lwm2m_set *set,
			unsigned int *skipped, char *words)
{
	struct lwm2m_bsfile_object o;
	struct lwm2m_bsfile f;
	int r = lwm2m_bsfile_begin(&f, p, len, words);

	set->lenient = true;
	while (r >= 0 && (r = lwm2m_bsfile_next(&f, &o, words)) > 0) {
		if (!model_object(o.id))
			set->skipped++;
		else
			r = object_values(&o, set, words);
	}
	if (skipped)
		*skipped = set->skipped;
	if (r < 0)
		lwm2m_set_clear(set);
	return r;
}

static void put16(struct model_buf *out, size_t v)
{
	const uint8_t b[] = {(uint8_t)(v >> 8), (uint8_t)v};

	if (v > UINT16_MAX)
		out->error = -EMSGSIZE;
	model_buf_put(out, b, sizeof(b));
}

/* "1.2" as two bytes; one byte for the first version of an object */
static void put_version(struct model_buf *out, uint16_t id)
{
	const struct model_object *model = model_object(id);
	const char *text = model && model->version ? model->version : "1.0";
	uint8_t v[2] = {0};
	char *end;

	if (strcmp(text, "1.0") != 0) {
		v[0] = (uint8_t)strtoul(text, &end, 10);
		v[1] = (uint8_t)(*end == '.' ? strtoul(end + 1, NULL, 10) : 0);
	}
	model_buf_put(out, v, v[0] ? 2 : 1);
}

void lwm2m_bsfile_encode(const struct lwm2m_set *set, struct model_buf *out)
{
	struct model_buf body = {.max = out->max}, tlv;
	size_t objects = 0;

	for (size_t i = 0, to; i < set->n; i = to) {
		const uint16_t id = set->v[i].path.id[0];
		const struct lwm2m_path base = lwm2m_path_at(1, id, 0, 0, 0);
		struct lwm2m_set part;

		for (to = i; to < set->n && set->v[to].path.id[0] == id; to++)
			;
		part = (struct lwm2m_set){.v = set->v + i, .n = to - i};
		tlv = (struct model_buf){.max = out->max};
		lwm2m_tlv_encode(&base, &part, &tlv);
		put16(&body, id);
		put_version(&body, id);
		put16(&body, tlv.len);
		model_buf_put(&body, tlv.p, tlv.len);
		if (tlv.error < 0)
			body.error = tlv.error;
		model_buf_free(&tlv);
		objects++;
	}
	put16(out, objects);
	put16(out, body.len);
	if (body.len > 0)
		model_buf_put(out, body.p, body.len);
	if (body.error < 0)
		out->error = body.error;
	model_buf_free(&body);
}
