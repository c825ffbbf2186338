// SPDX-License-Identifier: Apache-2.0
/* pcapng (draft-ietf-opsawg-pcapng), GSMTAP version 2, IPv4, UDP. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libse/se.h"
#include "script/script.h"
#include "sectl/pcapng.h"

#define BLOCK_SECTION 0x0a0d0d0aU
#define BLOCK_INTERFACE 1
#define BLOCK_PACKET 6
#define BYTE_ORDER_MAGIC 0x1a2b3c4dU
#define OPT_COMMENT 1
#define OPT_IF_NAME 2
#define OPT_IF_TSRESOL 9

#define LINK_IPV4 228
#define LINK_USER0 147
#define IF_APDU 0
#define IF_BLOCK 1

#define IP_LEN 20
#define UDP_LEN 8
#define GSMTAP_LEN 16
#define GSMTAP_PORT 4729
#define GSMTAP_TYPE_SIM 4
#define HEADERS (IP_LEN + UDP_LEN + GSMTAP_LEN)
#define DATA_MAX (65535 - HEADERS) /* of an IPv4 packet */

/* a block under construction; everything in it is in the byte order of this machine */
struct block {
	uint8_t *p;
	size_t len, room;
	bool failed;
};

static void put(struct block *b, const void *p, size_t len)
{
	size_t padded = (len + 3) & ~(size_t)3;

	if (b->len + padded > b->room) {
		size_t room = 2 * (b->len + padded);
		uint8_t *more = calloc(1, room);

		if (!more) {
			b->failed = true;
			return;
		}
		if (b->p) {
			memcpy(more, b->p, b->len);
			explicit_bzero(b->p, b->len);
		}
		free(b->p);
		b->p = more;
		b->room = room;
	}
	if (len)
		memcpy(b->p + b->len, p, len);
	memset(b->p + b->len + len, 0, padded - len);
	b->len += padded;
}

static void put32(struct block *b, uint32_t v)
{
	put(b, &v, sizeof(v));
}

static void put_option(struct block *b, uint16_t code, const void *p, size_t len)
{
	const uint16_t head[2] = {code, (uint16_t)len};

	put(b, head, sizeof(head));
	put(b, p, len);
}

/* The length stands at the beginning and, so that one can go backwards, at the end. */
static int finish(struct block *b, FILE *f)
{
	uint32_t len = (uint32_t)b->len + 4;
	int r = 0;

	put32(b, len);
	if (b->failed)
		r = -ENOMEM;
	else
		memcpy(b->p + 4, &len, sizeof(len));
	if (!r && (fwrite(b->p, 1, b->len, f) != b->len || fflush(f)))
		r = -EIO;
	if (b->p)
		explicit_bzero(b->p, b->len);
	free(b->p);
	return r;
}

static int put_interface(FILE *f, uint16_t link, const char *name)
{
	const uint16_t type[2] = {link, 0};
	const uint8_t nanoseconds = 9;
	struct block b = {0};

	put32(&b, BLOCK_INTERFACE);
	put32(&b, 0);
	put(&b, type, sizeof(type));
	put32(&b, 0); /* no limit of length */
	put_option(&b, OPT_IF_NAME, name, strlen(name));
	put_option(&b, OPT_IF_TSRESOL, &nanoseconds, 1);
	put32(&b, 0);
	return finish(&b, f);
}

int pcapng_begin(FILE *f)
{
	const uint16_t version[2] = {1, 0};
	const uint64_t unknown = UINT64_MAX;
	struct block b = {0};
	int r;

	put32(&b, BLOCK_SECTION);
	put32(&b, 0);
	put32(&b, BYTE_ORDER_MAGIC);
	put(&b, version, sizeof(version));
	put(&b, &unknown, sizeof(unknown));
	r = finish(&b, f);
	if (!r)
		r = put_interface(f, LINK_IPV4, "APDUs");
	return r ? r : put_interface(f, LINK_USER0, "T=1 block headers");
}

static int put_packet(FILE *f, uint32_t interface, uint64_t time_ns, const uint8_t *p,
		      size_t len, const char *comment)
{
	struct block b = {0};

	put32(&b, BLOCK_PACKET);
	put32(&b, 0);
	put32(&b, interface);
	put32(&b, (uint32_t)(time_ns >> 32));
	put32(&b, (uint32_t)time_ns);
	put32(&b, (uint32_t)len);
	put32(&b, (uint32_t)len);
	put(&b, p, len);
	if (comment && *comment) {
		put_option(&b, OPT_COMMENT, comment, strlen(comment));
		put32(&b, 0);
	}
	return finish(&b, f);
}

/* ---- APDUs ---- */

static void put_be16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* 127.0.0.1 to itself, GSMTAP's port, no checksum of UDP; RFC 791, RFC 768 */
static void put_headers(uint8_t *p, size_t data)
{
	uint32_t sum = 0;
	size_t i;

	memset(p, 0, HEADERS);
	p[0] = 0x45;
	put_be16(p + 2, HEADERS + data);
	p[8] = 64;
	p[9] = 17;
	p[12] = p[16] = 127;
	p[15] = p[19] = 1;
	for (i = 0; i < IP_LEN; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	put_be16(p + 10, ~sum & 0xffff);
	p += IP_LEN;
	put_be16(p, GSMTAP_PORT);
	put_be16(p + 2, GSMTAP_PORT);
	put_be16(p + 4, UDP_LEN + GSMTAP_LEN + data);
	p += UDP_LEN;
	p[0] = 2;
	p[1] = GSMTAP_LEN / 4;
	p[2] = GSMTAP_TYPE_SIM;
}

/* How much of a command is header: CLA INS P1 P2 and the length, or all of a SELECT by name. */
static size_t clear_part(const uint8_t *cmd, size_t len)
{
	if (cmd[1] == 0xa4 && cmd[2] == 0x04)
		return len;
	if (len <= 5)
		return len;
	return script_capdu_case(cmd, len) > 0x10 ? 7 : 5;
}

int pcapng_apdu(FILE *f, uint64_t time_ns, const uint8_t *cmd, size_t len, const uint8_t *rsp,
		size_t rsp_len, bool redact, const char *comment)
{
	size_t total = len + rsp_len, clear;
	uint8_t *p;
	int r;

	if (total > DATA_MAX)
		total = DATA_MAX;
	p = calloc(1, HEADERS + len + rsp_len);
	if (!p)
		return -ENOMEM;
	put_headers(p, total);
	memcpy(p + HEADERS, cmd, len);
	if (rsp_len)
		memcpy(p + HEADERS + len, rsp, rsp_len);
	clear = redact ? clear_part(cmd, len) : len;
	if (clear < len)
		memset(p + HEADERS + clear, 0, len - clear);
	if (redact && rsp_len > 2)
		memset(p + HEADERS + len, 0, rsp_len - 2);
	r = put_packet(f, IF_APDU, time_ns, p, HEADERS + total, comment);
	explicit_bzero(p, HEADERS + len + rsp_len);
	free(p);
	return r;
}

/* ---- blocks ---- */

int pcapng_block(FILE *f, uint64_t time_ns, const struct se_block *b)
{
	uint8_t p[5] = {(uint8_t)b->direction, b->nad, b->pcb};
	char comment[96], kind[24];

	put_be16(p + 3, b->len);
	/* ISO/IEC 7816-3, 11.3.2.2 */
	if (!(b->pcb & 0x80))
		snprintf(kind, sizeof(kind), "I N(S)=%d%s", b->pcb >> 6 & 1,
			 b->pcb & 0x20 ? " more" : "");
	else if (!(b->pcb & 0x40))
		snprintf(kind, sizeof(kind), "R N(R)=%d error %d", b->pcb >> 4 & 1,
			 b->pcb & 0x0f);
	else
		snprintf(kind, sizeof(kind), "S %s %02X",
			 b->pcb & 0x20 ? "response" : "request", b->pcb & 0x1f);
	snprintf(comment, sizeof(comment), "se%u %s %s, %u bytes%s", b->index,
		 b->direction ? "SE > host" : "host > SE", kind, b->len,
		 b->edc_ok ? "" : ", bad checksum");
	return put_packet(f, IF_BLOCK, time_ns, p, sizeof(p), comment);
}
