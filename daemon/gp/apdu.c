// SPDX-License-Identifier: Apache-2.0
/* Commands and their bytes, ISO/IEC 7816-4, 5.1 and GPCS 2.3.1, 11.1.5. */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "gp/apdu.h"
#include "script/script.h"

#define HEADER 4
#define ROOM_STEP 64

int gp_aid_set(struct gp_aid *aid, const uint8_t *p, size_t len)
{
	memset(aid, 0, sizeof(*aid));
	if (len == 0)
		return 0;
	if (len < GP_AID_MIN || len > GP_AID_MAX)
		return -EINVAL;
	memcpy(aid->bytes, p, len);
	aid->len = (uint8_t)len;
	return 0;
}

bool gp_aid_equal(const struct gp_aid *a, const struct gp_aid *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

bool gp_aid_begins(const struct gp_aid *aid, const struct gp_aid *prefix)
{
	return aid->len >= prefix->len && memcmp(aid->bytes, prefix->bytes, prefix->len) == 0;
}

void gp_apdu_init(struct gp_apdu *apdu, uint8_t cla, uint8_t ins, uint8_t p1, uint8_t p2)
{
	*apdu = (struct gp_apdu){.cla = cla, .ins = ins, .p1 = p1, .p2 = p2};
}

void gp_apdu_clear(struct gp_apdu *apdu)
{
	OPENSSL_clear_free(apdu->data, apdu->room);
	memset(apdu, 0, sizeof(*apdu));
}

static int reserve(struct gp_apdu *apdu, size_t len)
{
	size_t room = apdu->room ? apdu->room : ROOM_STEP;
	uint8_t *data;

	if (len <= apdu->room)
		return 0;
	while (room < len)
		room *= 2;
	data = malloc(room);
	if (!data)
		return -ENOMEM;
	if (apdu->len)
		memcpy(data, apdu->data, apdu->len);
	OPENSSL_clear_free(apdu->data, apdu->room);
	apdu->data = data;
	apdu->room = room;
	return 0;
}

int gp_apdu_add(struct gp_apdu *apdu, const void *p, size_t len)
{
	int ret;

	if (len > GP_LC_EXTENDED - apdu->len)
		return -EMSGSIZE;
	if (len == 0)
		return 0;
	ret = reserve(apdu, apdu->len + len);
	if (ret < 0)
		return ret;
	memcpy(apdu->data + apdu->len, p, len);
	apdu->len += len;
	return 0;
}

int gp_apdu_add_byte(struct gp_apdu *apdu, uint8_t byte)
{
	return gp_apdu_add(apdu, &byte, 1);
}

size_t gp_length_size(size_t len)
{
	return len <= 0x7f ? 1 : len <= 0xff ? 2 : 3;
}

size_t gp_put_length(uint8_t out[3], size_t len)
{
	size_t n = gp_length_size(len);

	if (n > 1)
		out[0] = (uint8_t)(0x80 | (n - 1));
	if (n > 2)
		out[1] = (uint8_t)(len >> 8);
	out[n - 1] = (uint8_t)len;
	return n;
}

/* a head and @len bytes, both or nothing */
static int add_both(struct gp_apdu *apdu, const uint8_t *head, size_t head_len, const void *p,
		    size_t len)
{
	int ret;

	if (len > GP_LC_EXTENDED || head_len + len > GP_LC_EXTENDED - apdu->len)
		return -EMSGSIZE;
	ret = reserve(apdu, apdu->len + head_len + len);
	if (ret < 0)
		return ret;
	ret = gp_apdu_add(apdu, head, head_len);
	return ret < 0 ? ret : gp_apdu_add(apdu, p, len);
}

int gp_apdu_add_lv(struct gp_apdu *apdu, const void *p, size_t len)
{
	uint8_t head[3];

	if (len > GP_LC_EXTENDED)
		return -EMSGSIZE;
	return add_both(apdu, head, gp_put_length(head, len), p, len);
}

int gp_apdu_add_tlv(struct gp_apdu *apdu, unsigned int tag, const void *p, size_t len)
{
	uint8_t head[5];
	size_t n = 0;

	if (len > GP_LC_EXTENDED)
		return -EMSGSIZE;
	if (tag > 0xff)
		head[n++] = (uint8_t)(tag >> 8);
	head[n++] = (uint8_t)tag;
	n += gp_put_length(head + n, len);
	return add_both(apdu, head, n, p, len);
}

int gp_apdu_copy(struct gp_apdu *to, const struct gp_apdu *from)
{
	*to = *from;
	to->data = NULL;
	to->len = to->room = 0;
	return gp_apdu_add(to, from->data, from->len);
}

static size_t most_data(const struct gp_wire *wire)
{
	size_t most = wire && wire->extended ? GP_LC_EXTENDED : GP_LC_SHORT;

	return wire && wire->lc_max && wire->lc_max < most ? wire->lc_max : most;
}

int gp_apdu_segments(const struct gp_apdu *apdu, const struct gp_wire *wire,
		     struct gp_error *err)
{
	size_t most = most_data(wire);

	if (apdu->len <= most)
		return 1;
	if (!apdu->chain)
		return gp_fail(err, -EMSGSIZE, "too-long",
			       "%zu bytes of data do not fit into one command of at most %zu",
			       apdu->len, most);
	if (wire && wire->no_chaining)
		return gp_fail(err, -EMSGSIZE, "too-long",
			       "%zu bytes of data do not fit into one command of at most %zu, "
			       "and this card does not take a command in several parts",
			       apdu->len, most);
	return (int)((apdu->len + most - 1) / most);
}

int gp_apdu_encode(const struct gp_apdu *apdu, const struct gp_wire *wire, size_t segment,
		   uint8_t *out, size_t room, size_t *len, struct gp_error *err)
{
	size_t most = most_data(wire), from = segment * most, n, size;
	int segments = gp_apdu_segments(apdu, wire, err);
	uint32_t le = apdu->le;
	bool extended, more;
	uint8_t *p = out;

	if (segments < 0)
		return segments;
	if (segment >= (size_t)segments)
		return gp_fail(err, -EINVAL, "no-segment", "the command has %d segments",
			       segments);
	more = segment + 1 < (size_t)segments;
	n = more ? most : apdu->len - from;
	if (more)
		le = 0;
	/* a card that knows only short lengths says with 61xx if there is more */
	if (le > GP_LE_ANY && !(wire && wire->extended))
		le = GP_LE_ANY;
	extended = n > GP_LC_SHORT || le > GP_LE_ANY;
	size = HEADER + n;
	if (extended)
		size += 1U + (n ? 2U : 0) + (le ? 2U : 0);
	else
		size += (n ? 1U : 0) + (le ? 1U : 0);
	if (size > room)
		return gp_fail(err, -ENOSPC, "no-room", "a C-APDU of %zu bytes, room for %zu",
			       size, room);
	*p++ = apdu->cla;
	*p++ = apdu->ins;
	*p++ = (uint8_t)(apdu->p1 | (more ? GP_P1_MORE : 0));
	*p++ = apdu->p2;
	if (extended)
		*p++ = 0;
	if (n && extended)
		*p++ = (uint8_t)(n >> 8);
	if (n) {
		*p++ = (uint8_t)n;
		memcpy(p, apdu->data + from, n);
		p += n;
	}
	if (le && extended)
		*p++ = (uint8_t)(le >> 8);
	if (le)
		*p++ = (uint8_t)le;
	*len = size;
	return 0;
}

int gp_apdu_decode(struct gp_apdu *out, const uint8_t *p, size_t len, struct gp_error *err)
{
	int kind = script_capdu_case(p, len);
	bool extended = kind > 4;
	size_t at = HEADER, n = 0;
	uint32_t le = 0;

	memset(out, 0, sizeof(*out));
	if (kind < 0)
		return gp_fail(err, -EBADMSG, "bad-command",
			       "the length of %zu bytes does not fit its Lc and Le", len);
	kind &= 0x0f;
	gp_apdu_init(out, p[0], p[1], p[2], p[3]);
	if (extended)
		at++;
	if (kind >= 3) {
		n = extended ? (size_t)p[at] << 8 | p[at + 1] : p[at];
		at += extended ? 2 : 1;
	}
	if (kind == 2 || kind == 4) {
		le = extended ? (uint32_t)p[len - 2] << 8 | p[len - 1] : p[len - 1];
		if (!le)
			le = extended ? GP_LE_EXTENDED : GP_LE_ANY;
	}
	out->le = le;
	return n ? gp_apdu_add(out, p + at, n) : 0;
}
