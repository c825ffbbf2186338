// SPDX-License-Identifier: Apache-2.0
/*
 * Streams: RFC 8323. Messages are cut out of the bytes that come, signals (section
 * 5) are answered. A peer that breaks the rules is sent an Abort and heard no more.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coap/coap_priv.h"

/* options of signals: each code has numbers of its own (5.3 to 5.6) */
enum {
	CSM_MAX_MESSAGE_SIZE = 2,
	CSM_BLOCK_WISE = 4,
	PING_CUSTODY = 2,
	RELEASE_HOLD_OFF = 4,
	ABORT_BAD_CSM_OPTION = 2,
};

#define BASE_MESSAGE 1152 /* what every peer takes (5.3.1) */
#define DIAGNOSTIC_MAX 128

void coap_stream_init(struct coap_endpoint *ep)
{
	ep->stream.peer_max = BASE_MESSAGE;
	ep->room = ep->cfg.stream ? BASE_MESSAGE : COAP_DATAGRAM_MAX;
	ep->szx = ep->cfg.block_szx == COAP_SZX_16 ? 0 : ep->cfg.block_szx;
}

static void drop_rx(struct coap_stream *s)
{
	if (s->rx)
		explicit_bzero(s->rx, s->rx_room);
	free(s->rx);
	s->rx = NULL;
	s->rx_len = s->rx_room = 0;
}

void coap_stream_clear(struct coap_endpoint *ep)
{
	drop_rx(&ep->stream);
	memset(&ep->stream, 0, sizeof(ep->stream));
	memset(&ep->ping, 0, sizeof(ep->ping));
	coap_stream_init(ep);
}

/* ---- signals of ours -------------------------------------------------------------- */

static void signal_send(struct coap_endpoint *ep, uint8_t code, const uint8_t *token,
			uint8_t token_len, const struct coap_opts *opts, const char *text)
{
	struct coap_msg m = {.type = COAP_NON, .code = code, .token_len = token_len};
	uint8_t buf[256];
	int n;

	if (token_len)
		memcpy(m.token, token, token_len);
	if (text) {
		m.payload = (const uint8_t *)text;
		m.payload_len = strnlen(text, DIAGNOSTIC_MAX);
	}
	n = coap_encode_stream(buf, sizeof(buf), &m, opts);
	if (n > 0)
		coap_transmit(ep, buf, (size_t)n);
}

static void tell(struct coap_endpoint *ep, enum coap_signal_kind what, uint32_t hold_off,
		 const char *text)
{
	const struct coap_signal sig = {
		.what = what,
		.hold_off_s = hold_off,
		.diagnostic = text,
	};

	if (ep->ops->signal)
		ep->ops->signal(ep->ctx, &sig);
}

/* The peer broke the protocol: 7.05 Abort, and the end. */
static void abort_stream(struct coap_endpoint *ep, uint16_t bad_option, const char *why)
{
	struct coap_opts opts = {0};

	if (bad_option)
		coap_opts_add_uint(&opts, ABORT_BAD_CSM_OPTION, bad_option);
	ep->st.rx_bad++;
	signal_send(ep, COAP_705_ABORT, NULL, 0, &opts, why);
	ep->stream.broken = true;
	drop_rx(&ep->stream);
	tell(ep, COAP_SIGNAL_BROKEN, 0, why);
}

void coap_stream_start(struct coap_endpoint *ep, uint64_t now)
{
	struct coap_opts opts = {0};

	coap_set_now(ep, now);
	if (!ep->cfg.stream || ep->stream.started)
		return;
	ep->stream.started = true;
	coap_opts_add_uint(&opts, CSM_MAX_MESSAGE_SIZE, ep->cfg.max_message);
	coap_opts_put(&opts, CSM_BLOCK_WISE, "", 0);
	signal_send(ep, COAP_701_CSM, NULL, 0, &opts, NULL);
}

void coap_stream_release(struct coap_endpoint *ep, uint64_t now)
{
	coap_set_now(ep, now);
	if (ep->stream.started && !ep->stream.broken)
		signal_send(ep, COAP_704_RELEASE, NULL, 0, NULL, NULL);
}

/* ---- ping ----------------------------------------------------------------------------- */

int coap_ping(struct coap_endpoint *ep, uint64_t now, uint32_t timeout_ms)
{
	struct coap_msg m = {.type = COAP_CON, .code = COAP_EMPTY};
	uint8_t buf[4];
	int n;

	coap_set_now(ep, now);
	if (ep->ping.active)
		return -EALREADY;
	if (ep->cfg.stream) {
		if (!ep->stream.started || ep->stream.broken)
			return -ENOTCONN;
		ep->ops->random(ep->ctx, ep->ping.token, sizeof(ep->ping.token));
		ep->ping.due =
			ep->now + (timeout_ms ? timeout_ms : ep->cfg.exchange_lifetime_ms);
		ep->ping.active = true;
		signal_send(ep, COAP_702_PING, ep->ping.token, sizeof(ep->ping.token), NULL,
			    NULL);
		return 0;
	}
	m.mid = coap_new_mid(ep);
	n = coap_encode(buf, sizeof(buf), &m, NULL);
	if (n < 0 || !coap_con_new(ep, COAP_CON_PING, 0, buf, sizeof(buf)))
		return -ENOMEM;
	ep->ping.due = COAP_NEVER; /* the message layer's */
	ep->ping.active = true;
	return 0;
}

void coap_ping_done(struct coap_endpoint *ep, bool answered)
{
	ep->ping.active = false;
	tell(ep, answered ? COAP_SIGNAL_PONG : COAP_SIGNAL_SILENT, 0, "");
}

void coap_ping_tick(struct coap_endpoint *ep)
{
	if (!ep->ping.active || ep->ping.due > ep->now)
		return;
	ep->st.timeouts++;
	coap_ping_done(ep, false);
}

/* ---- signals of the peer ------------------------------------------------------------- */

/* The first option that must be understood and is not, or 0. */
static uint16_t unknown_critical(const struct coap_msg *m)
{
	/* none of those that RFC 8323 has is critical */
	for (unsigned int i = 0; i < m->n_opts; i++)
		if (m->opts[i].num & 1)
			return m->opts[i].num;
	return 0;
}

static void csm(struct coap_endpoint *ep, const struct coap_msg *m)
{
	struct coap_stream *s = &ep->stream;
	bool first = !s->ready;
	uint32_t v;

	if (coap_opt_uint(m, CSM_MAX_MESSAGE_SIZE, &v))
		s->peer_max = v;
	s->blocks |= coap_opt_find(m, CSM_BLOCK_WISE) != NULL;
	s->ready = true;
	ep->room = s->peer_max < COAP_MESSAGE_MAX ? s->peer_max : COAP_MESSAGE_MAX;
	/* section 6: BERT goes with both; a smaller block was somebody's decision */
	if (s->blocks && s->peer_max > BASE_MESSAGE && ep->cfg.block_szx >= 6)
		ep->szx = COAP_SZX_BERT;
	if (first)
		tell(ep, COAP_SIGNAL_READY, 0, "");
}

static void printable(char *to, size_t room, const struct coap_msg *m)
{
	size_t n = m->payload_len < room - 1 ? m->payload_len : room - 1;

	for (size_t i = 0; i < n; i++)
		to[i] = m->payload[i] >= 0x20 && m->payload[i] < 0x7f ? (char)m->payload[i]
								      : '.';
	to[n] = '\0';
}

static void signal_input(struct coap_endpoint *ep, const struct coap_msg *m)
{
	uint16_t bad = unknown_critical(m);
	char text[DIAGNOSTIC_MAX + 1];
	struct coap_opts opts = {0};
	uint32_t hold_off = 0;

	if (bad) {
		abort_stream(ep, m->code == COAP_701_CSM ? bad : 0,
			     "a critical option of a signal is not known");
		return;
	}
	switch (m->code) {
	case COAP_701_CSM:
		csm(ep, m);
		break;
	case COAP_702_PING:
		/* 5.4.1: custody is acknowledged when all that came before is answered */
		if (coap_opt_find(m, PING_CUSTODY) && !ep->n_exchanges)
			coap_opts_put(&opts, PING_CUSTODY, "", 0);
		signal_send(ep, COAP_703_PONG, m->token, m->token_len, &opts, NULL);
		break;
	case COAP_703_PONG:
		if (ep->ping.active && m->token_len == sizeof(ep->ping.token) &&
		    !memcmp(m->token, ep->ping.token, sizeof(ep->ping.token)))
			coap_ping_done(ep, true);
		break;
	case COAP_704_RELEASE:
		coap_opt_uint(m, RELEASE_HOLD_OFF, &hold_off);
		printable(text, sizeof(text), m);
		tell(ep, COAP_SIGNAL_RELEASE, hold_off, text);
		break;
	case COAP_705_ABORT:
		printable(text, sizeof(text), m);
		ep->stream.broken = true;
		drop_rx(&ep->stream);
		tell(ep, COAP_SIGNAL_ABORT, 0, text);
		break;
	default: /* of a later version */
		break;
	}
}

/* ---- bytes ------------------------------------------------------------------------------ */

static void message(struct coap_endpoint *ep, const uint8_t *data, size_t len)
{
	struct coap_msg m;

	if (coap_decode_stream(&m, data, len)) {
		abort_stream(ep, 0, "a message is not well-formed");
		return;
	}
	if (m.code == COAP_EMPTY) /* 4.3: ignored */
		return;
	if (COAP_CODE_CLASS(m.code) == 7)
		signal_input(ep, &m);
	else if (!ep->stream.ready)
		abort_stream(ep, 0, "the first message is not a CSM");
	else
		coap_message_input(ep, &m, data, len);
}

/* Take what belongs to the message that is under way. Return: bytes, or -ENOMEM. */
static int64_t collect(struct coap_stream *s, const uint8_t *data, size_t len, size_t want)
{
	size_t n = want - s->rx_len < len ? want - s->rx_len : len;

	if (s->rx_len + n > s->rx_room) {
		size_t room = s->rx_room * 2 > s->rx_len + n ? s->rx_room * 2 : s->rx_len + n;
		uint8_t *p = malloc(room);

		if (!p)
			return -ENOMEM;
		if (s->rx) {
			memcpy(p, s->rx, s->rx_len);
			explicit_bzero(s->rx, s->rx_room);
			free(s->rx);
		}
		s->rx = p;
		s->rx_room = room;
	}
	memcpy(s->rx + s->rx_len, data, n);
	s->rx_len += n;
	return (int64_t)n;
}

void coap_stream_input(struct coap_endpoint *ep, const uint8_t *data, size_t len)
{
	struct coap_stream *s = &ep->stream;

	while (len && !s->broken) {
		const uint8_t *from = s->rx_len ? s->rx : data;
		size_t have = s->rx_len ? s->rx_len : len;
		int64_t want = coap_stream_length(from, have), n;

		if (want < 0 || want > ep->cfg.max_message) {
			abort_stream(ep, 0,
				     want < 0 ? "a token length is reserved"
					      : "a message is larger than Max-Message-Size");
			return;
		}
		if (!s->rx_len && want && (uint64_t)want <= len) {
			message(ep, data, (size_t)want);
			data += want;
			len -= (size_t)want;
			continue;
		}
		/* not whole: at least one byte more tells its length */
		n = collect(s, data, len, want ? (size_t)want : s->rx_len + 1);
		if (n < 0) {
			abort_stream(ep, 0, "out of memory");
			return;
		}
		data += n;
		len -= (size_t)n;
		if (want && s->rx_len == (uint64_t)want) {
			uint8_t *whole = s->rx;
			size_t room = s->rx_room;

			s->rx = NULL;
			s->rx_len = s->rx_room = 0;
			message(ep, whole, (size_t)want);
			explicit_bzero(whole, room);
			free(whole);
		}
	}
}
