// SPDX-License-Identifier: Apache-2.0
/*
 * Back end "pcsc": a card in a PC/SC reader, T=1, through pcscd.
 *
 * The reader is shared with other programs. One of them may reset the card: pcscd then
 * refuses our next command (SCARD_W_RESET_CARD) before it leaves, the channel is gone, and
 * the generation moves. PC/SC has no way of giving up a command that runs, so a deadline
 * bounds the time until it leaves, not the time until its answer comes. T=0 is not spoken:
 * case 4 and 61xx would need commands that the caller did not ask for.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <winscard.h>
#include "host.h"

#define WAIT_MS 10 /* between two looks whether another program lets go of the card */

/**
 * struct pcsc - a card that is connected
 * @host: its generation is made of the reader's count of insertions, of the resets that were
 *	noticed here, and of the ATR, in which the software SE counts its own
 * @resets: resets noticed here
 * @stale: the card was reset or taken out; SCardReconnect() comes first
 * @buf: a response that does not fit into the caller's room is whole in here
 */
struct pcsc {
	struct se_host host;
	SCARDCONTEXT context;
	SCARDHANDLE card;
	char reader[MAX_READERNAME + 1];
	uint16_t resets;
	bool stale;
	uint8_t buf[MAX_BUFFER_SIZE_EXTENDED];
};

static int error_of(LONG rv)
{
	switch (rv) {
	case SCARD_S_SUCCESS:
		return 0;
	case SCARD_E_NO_SERVICE:
	case SCARD_E_SERVICE_STOPPED:
		return -ECONNREFUSED;
	case SCARD_E_NO_READERS_AVAILABLE:
	case SCARD_E_UNKNOWN_READER:
		return -ENOENT;
	case SCARD_E_NO_SMARTCARD:
	case SCARD_W_REMOVED_CARD:
		return -ENOMEDIUM;
	case SCARD_E_READER_UNAVAILABLE:
	case SCARD_E_INVALID_HANDLE:
		return -ENODEV;
	case SCARD_W_SECURITY_VIOLATION:
		return -EACCES;
	case SCARD_E_SHARING_VIOLATION:
		return -EBUSY;
	case SCARD_E_PROTO_MISMATCH:
		return -EPROTONOSUPPORT;
	case SCARD_E_NO_MEMORY:
		return -ENOMEM;
	case SCARD_W_RESET_CARD:
		return -ECONNRESET;
	default: /* SCARD_W_UNRESPONSIVE_CARD, SCARD_W_UNPOWERED_CARD, … */
		return -EIO;
	}
}

/* ---- readers ---- */

/* the reader of this name, or whose name begins so, or of this number */
static int choose(const char *list, const char *want, char reader[MAX_READERNAME + 1])
{
	const char *name, *found = NULL;
	unsigned long number, i = 0;
	bool several = false;
	char *end;

	number = strtoul(want, &end, 10);
	for (name = list; *name; name += strlen(name) + 1, i++) {
		if (!strcmp(name, want) || (!*end && number == i)) {
			found = name;
			several = false;
			break;
		}
		if (strncmp(name, want, strlen(want)))
			continue;
		several = found;
		if (!found)
			found = name;
	}
	if (!found)
		return -ENOENT;
	if (several)
		return -ENOTUNIQ;
	if (strlen(found) > MAX_READERNAME)
		return -ENAMETOOLONG;
	strcpy(reader, found);
	return 0;
}

static int find_reader(struct pcsc *s, const char *want)
{
	char *list;
	DWORD len = 0;
	LONG rv;
	int r;

	rv = SCardListReaders(s->context, NULL, NULL, &len);
	if (rv != SCARD_S_SUCCESS)
		return error_of(rv);
	list = calloc(1, len + 2);
	if (!list)
		return -ENOMEM;
	rv = SCardListReaders(s->context, NULL, list, &len);
	r = rv == SCARD_S_SUCCESS ? choose(list, want, s->reader) : error_of(rv);
	free(list);
	return r;
}

/* How many cards have come and gone in this reader since pcscd knows it. */
static uint64_t insertions(struct pcsc *s)
{
	SCARD_READERSTATE state = {.szReader = s->reader,
				   .dwCurrentState = SCARD_STATE_UNAWARE};

	if (SCardGetStatusChange(s->context, 0, &state, 1) != SCARD_S_SUCCESS)
		return 0;
	return (state.dwEventState >> 16) & 0xffff;
}

static int read_atr(struct pcsc *s, uint8_t *atr, DWORD *len)
{
	DWORD state = 0, protocol = 0, name_len = 0;
	LONG rv;

	rv = SCardStatus(s->card, NULL, &name_len, &state, &protocol, atr, len);
	if (rv == SCARD_S_SUCCESS)
		s->host.generation = (insertions(s) + 1) << 32 | (uint64_t)s->resets << 16 |
				     se_host_digest(atr, *len);
	return error_of(rv);
}

/* ---- resets ---- */

static void lost(struct pcsc *s)
{
	s->stale = true;
	s->resets++;
	s->host.stats.resets++;
	s->host.channel = SE_CHANNEL_NONE;
	s->host.generation += 1ULL << 16;
}

/* Take the card again after somebody has reset it, or after it was put in anew. */
static int reconnect(struct pcsc *s, DWORD how)
{
	DWORD protocol = 0;
	LONG rv;

	rv = SCardReconnect(s->card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1, how, &protocol);
	if (rv == SCARD_S_SUCCESS)
		s->stale = false;
	return error_of(rv);
}

static int refresh(struct se *se, uint64_t deadline_ns)
{
	uint8_t atr[MAX_ATR_SIZE];
	DWORD len = sizeof(atr);
	struct pcsc *s = se->priv;
	int r = 0;

	(void)deadline_ns;
	if (s->host.gone)
		return -ENODEV;
	if (s->stale)
		r = reconnect(s, SCARD_LEAVE_CARD);
	if (!r)
		r = read_atr(s, atr, &len);
	if (r == -ECONNRESET || r == -ENOMEDIUM) {
		/* since we last looked */
		lost(s);
		len = sizeof(atr);
		r = reconnect(s, SCARD_LEAVE_CARD);
		if (!r)
			r = read_atr(s, atr, &len);
	}
	return r;
}

static void abandon(struct se *se)
{
	struct pcsc *s = se->priv;

	/* a channel without owner stays open until the card is reset; ours are these */
	lost(s);
	SCardDisconnect(s->card, SCARD_RESET_CARD);
	s->card = 0;
	s->host.gone = true;
}

/* ---- exchanges ---- */

/*
 * What a return code of SCardTransmit() says of the command. pcscd looks at resets, removal
 * and locks of others before it hands the command to the reader; the others may come later.
 */
static enum se_outcome outcome_of(LONG rv)
{
	switch (rv) {
	case SCARD_W_RESET_CARD:
	case SCARD_W_REMOVED_CARD:
	case SCARD_E_SHARING_VIOLATION:
	case SCARD_E_INVALID_HANDLE:
	case SCARD_E_INVALID_PARAMETER:
	case SCARD_E_INVALID_VALUE:
	case SCARD_E_PROTO_MISMATCH:
		return SE_OUTCOME_NOT_SENT;
	default:
		return SE_OUTCOME_UNKNOWN;
	}
}

/* Another program has the card for itself: it was not sent, so try until the deadline. */
static LONG transmit(struct pcsc *s, const uint8_t *cmd, size_t len, DWORD *got,
		     uint64_t deadline_ns)
{
	const struct timespec wait = {.tv_nsec = WAIT_MS * 1000000L};
	SCARD_IO_REQUEST rq = *SCARD_PCI_T1;
	LONG rv;

	for (;;) {
		*got = sizeof(s->buf);
		rv = SCardTransmit(s->card, SCARD_PCI_T1, cmd, len, &rq, s->buf, got);
		if (rv != SCARD_E_SHARING_VIOLATION || se_deadline_in(0) >= deadline_ns)
			return rv;
		nanosleep(&wait, NULL);
	}
}

static int failed(struct pcsc *s, LONG rv, uint16_t *outcome)
{
	enum se_outcome o = outcome_of(rv);
	int r = error_of(rv);

	se_host_outcome(outcome, o);
	s->host.stats.errors++;
	if (o == SE_OUTCOME_UNKNOWN)
		s->host.stats.unknown++;
	if (rv == SCARD_E_SHARING_VIOLATION)
		return -ETIMEDOUT;
	if (rv == SCARD_W_REMOVED_CARD || rv == SCARD_E_NO_SMARTCARD ||
	    rv == SCARD_W_RESET_CARD || rv == SCARD_W_UNPOWERED_CARD)
		lost(s);
	else if (rv == SCARD_E_NO_SERVICE || rv == SCARD_E_READER_UNAVAILABLE ||
		 rv == SCARD_E_INVALID_HANDLE)
		s->host.gone = true;
	if (s->host.gone)
		return -ENODEV;
	return s->stale ? -ECONNRESET : r;
}

static int exchange(struct se *se, const uint8_t *cmd, size_t len, int cla, uint8_t *rsp,
		    size_t room, uint32_t *rsp_len, uint16_t *sw, uint16_t *outcome,
		    uint64_t deadline_ns, bool settle)
{
	struct pcsc *s = se->priv;
	uint8_t *mine;
	DWORD got = 0;
	LONG rv;

	(void)settle; /* pcscd's client finishes an exchange whatever signals come */
	if (s->host.gone)
		return -ENODEV;
	if (s->stale)
		return -ECONNRESET;
	if (se_deadline_in(0) >= deadline_ns)
		return -ETIMEDOUT;
	mine = malloc(len);
	if (!mine)
		return -ENOMEM;
	memcpy(mine, cmd, len);
	mine[0] = (uint8_t)cla;
	se_host_outcome(outcome, SE_OUTCOME_UNKNOWN);
	rv = transmit(s, mine, len, &got, deadline_ns);
	explicit_bzero(mine, len);
	free(mine);
	if (rv != SCARD_S_SUCCESS)
		return failed(s, rv, outcome);
	s->host.stats.bytes_tx += len;
	s->host.stats.bytes_rx += got;
	if (got < 2) {
		se_host_outcome(outcome, SE_OUTCOME_EXECUTED);
		s->host.stats.errors++;
		return -EPROTO;
	}
	s->host.stats.apdus++;
	memcpy(rsp, s->buf, got < room ? got : room);
	*rsp_len = (uint32_t)got;
	*sw = (uint16_t)(s->buf[got - 2] << 8 | s->buf[got - 1]);
	explicit_bzero(s->buf, got);
	se_host_outcome(outcome, SE_OUTCOME_EXECUTED);
	return 0;
}

static const struct se_host_ops pcsc_ops = {
	.exchange = exchange,
	.refresh = refresh,
	.abandon = abandon,
};

/* ---- the back end ---- */

static int pcsc_open(struct se *se, const char *want)
{
	struct pcsc *s = calloc(1, sizeof(*s));
	DWORD protocol = 0;
	LONG rv;
	int r;

	if (!s)
		return -ENOMEM;
	s->host.ops = &pcsc_ops;
	s->host.channel = SE_CHANNEL_NONE;
	se->priv = s;
	rv = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &s->context);
	if (rv != SCARD_S_SUCCESS) {
		free(s);
		return error_of(rv);
	}
	r = find_reader(s, want);
	if (!r)
		r = error_of(SCardConnect(s->context, s->reader, SCARD_SHARE_SHARED,
					  SCARD_PROTOCOL_T1, &s->card, &protocol));
	if (!r)
		r = refresh(se, 0);
	if (!r)
		return 0;
	if (s->card)
		SCardDisconnect(s->card, SCARD_LEAVE_CARD);
	SCardReleaseContext(s->context);
	free(s);
	return r;
}

static void pcsc_close(struct se *se)
{
	struct pcsc *s = se->priv;

	/* nothing closes a channel for us when the connection ends */
	if (s->host.channel != SE_CHANNEL_NONE && !s->host.gone)
		se_host_channel_close(se);
	if (s->card)
		SCardDisconnect(s->card, SCARD_LEAVE_CARD);
	SCardReleaseContext(s->context);
	explicit_bzero(s->buf, sizeof(s->buf));
	free(s);
}

static int pcsc_get_info(struct se *se, struct se_info *info)
{
	uint32_t room = info->cip_ptr ? info->cip_len : 0;
	uint8_t atr[MAX_ATR_SIZE], *to = (uint8_t *)(uintptr_t)info->cip_ptr;
	DWORD len = sizeof(atr);
	struct pcsc *s = se->priv;
	int r;

	r = refresh(se, 0);
	if (!r)
		r = read_atr(s, atr, &len);
	se_host_info(se, info, MAX_BUFFER_SIZE_EXTENDED);
	if (r)
		return r;
	/* the ATR stands where the CIP of a T=1' chip does */
	info->cip_len = (uint32_t)len;
	if (to)
		memcpy(to, atr, len < room ? len : room);
	return 0;
}

static int pcsc_reset(struct se *se, struct se_reset *reset)
{
	struct pcsc *s = se->priv;
	int r = se_host_reset_begin(se, reset);

	if (r)
		return r;
	if (s->stale)
		reconnect(s, SCARD_LEAVE_CARD);
	lost(s);
	r = reconnect(s,
		      reset->level == SE_RESET_POWER ? SCARD_UNPOWER_CARD : SCARD_RESET_CARD);
	if (!r)
		r = refresh(se, 0);
	if (r)
		return r;
	reset->generation = s->host.generation;
	reset->state = SE_STATE_IDLE;
	return 0;
}

const struct se_backend se_backend_pcsc = {
	.scheme = "pcsc",
	.open = pcsc_open,
	.close = pcsc_close,
	.get_info = pcsc_get_info,
	.get_stats = se_host_get_stats,
	.submit = se_host_submit,
	.channel_open = se_host_channel_open,
	.channel_close = se_host_channel_close,
	.reset = pcsc_reset,
};
