// SPDX-License-Identifier: Apache-2.0
/*
 * A reader of pcscd for a secure element: the IFD handler API 3.0 on libse.
 *
 * The SE is shared with everybody else, so the card that PC/SC has is a view of it (card.c),
 * and its presence and power are that view's. Documentation/howto/pcsc.rst says what programs
 * can tell from a card of their own, and why it is so.
 *
 * DEVICENAME is a name of libse. "basic:" in front of it is for an SE without logical
 * channels: its basic channel is used, under the lock for each APDU, and a reset is one.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "ifd.h"
#include <reader.h>

#define TLV_PROPERTIES SCARD_CTL_CODE(3600 + FEATURE_GET_TLV_PROPERTIES)

static struct reader readers[READERS] = {
	[0 ... READERS - 1] = {.lock = PTHREAD_MUTEX_INITIALIZER, .bell = -1, .watch = -1},
};

static struct reader *slot_of(DWORD lun)
{
	return (lun & 0xffff) || lun >> 16 >= READERS ? NULL : &readers[lun >> 16];
}

/* The reader, locked; NULL if there is none. */
static struct reader *get(DWORD lun)
{
	struct reader *r = slot_of(lun);

	if (!r)
		return NULL;
	pthread_mutex_lock(&r->lock);
	if (r->in_use)
		return r;
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

static RESPONSECODE put(struct reader *r, RESPONSECODE code)
{
	pthread_mutex_unlock(&r->lock);
	return code;
}

/* TAG_IFD_POLLING_THREAD_WITH_TIMEOUT */
static RESPONSECODE wait_lun(DWORD lun, int timeout)
{
	struct reader *r = get(lun);

	return r ? wait_for_event(r, timeout) : IFD_NO_SUCH_DEVICE;
}

/* TAG_IFD_STOP_POLLING_THREAD */
static RESPONSECODE stop_lun(DWORD lun)
{
	struct reader *r = get(lun);

	if (!r)
		return IFD_NO_SUCH_DEVICE;
	wait_ring(r);
	return put(r, IFD_SUCCESS);
}

RESPONSECODE IFDHICCPresence(DWORD Lun)
{
	struct reader *r = get(Lun);
	int here;

	if (!r)
		return IFD_NO_SUCH_DEVICE;
	here = card_look(r);
	if (!here && r->used && r->info.generation != r->generation)
		here = -ECONNRESET;
	if (here < 0 && r->powered)
		card_lose(r, here);
	if (r->lost) {
		/* until the event thread has seen it: others ask as well */
		r->told |= !r->waits || pthread_equal(r->waiter, pthread_self());
		r->lost = r->waits;
		here = -ECONNRESET;
	}
	return put(r, here ? IFD_ICC_NOT_PRESENT : IFD_ICC_PRESENT);
}

static bool set_name(struct reader *r, const char *name)
{
	const char *node;
	int n;

	r->basic = !strncmp(name, "basic:", 6);
	name += r->basic ? 6 : 0;
	n = snprintf(r->name, sizeof(r->name), "%s", name);
	if (n <= 0 || (size_t)n >= sizeof(r->name))
		return false;
	node = strchr(name, ':');
	node = node ? node + 1 : name;
	n = snprintf(r->node, sizeof(r->node), "%s%s", *node == '/' ? "" : "/dev/", node);
	return *node && (size_t)n < sizeof(r->node);
}

RESPONSECODE IFDHCreateChannelByName(DWORD Lun, LPSTR DeviceName)
{
	struct reader *r = slot_of(Lun);

	if (!r || !DeviceName)
		return IFD_COMMUNICATION_ERROR;
	pthread_mutex_lock(&r->lock);
	if (r->in_use || !set_name(r, DeviceName) || card_look(r) == -EINVAL)
		return put(r, IFD_COMMUNICATION_ERROR);
	/* an SE that is not there is a reader without a card */
	if (wait_begin(r) < 0) {
		card_forget(r);
		return put(r, IFD_COMMUNICATION_ERROR);
	}
	r->powered = r->lost = r->waits = false;
	r->in_use = true;
	return put(r, IFD_SUCCESS);
}

RESPONSECODE IFDHCreateChannel(DWORD Lun, DWORD Channel)
{
	char name[32];

	snprintf(name, sizeof(name), "/dev/se%lu", (unsigned long)Channel);
	return IFDHCreateChannelByName(Lun, name);
}

RESPONSECODE IFDHCloseChannel(DWORD Lun)
{
	struct reader *r = get(Lun);

	if (!r)
		return IFD_NO_SUCH_DEVICE;
	card_forget(r);
	wait_end(r);
	r->in_use = false;
	return put(r, IFD_SUCCESS);
}

static RESPONSECODE tell(struct reader *r, PDWORD length, PUCHAR value, const void *p, size_t n)
{
	RESPONSECODE ret = *length < n ? IFD_ERROR_INSUFFICIENT_BUFFER : IFD_SUCCESS;

	*length = n;
	if (ret == IFD_SUCCESS && n)
		memcpy(value, p, n);
	return put(r, ret);
}

RESPONSECODE IFDHGetCapabilities(DWORD Lun, DWORD Tag, PDWORD Length, PUCHAR Value)
{
	static const uint8_t none = 0, one = 1, sixteen = READERS, inserted = 2;
	static RESPONSECODE (*const waiting)(DWORD, int) = wait_lun;
	static RESPONSECODE (*const stopping)(DWORD) = stop_lun;
	struct reader *r = get(Lun);

	if (!r)
		return IFD_NO_SUCH_DEVICE;
	if (!Length || !Value)
		return put(r, IFD_COMMUNICATION_ERROR);
	switch (Tag) {
	case TAG_IFD_ATR:
	case SCARD_ATTR_ATR_STRING:
		return tell(r, Length, Value, r->atr, r->powered ? r->atr_len : 0);
	case TAG_IFD_SIMULTANEOUS_ACCESS:
		return tell(r, Length, Value, &sixteen, 1);
	case TAG_IFD_SLOTS_NUMBER:
	case TAG_IFD_THREAD_SAFE:
	case TAG_IFD_SLOT_THREAD_SAFE:
		return tell(r, Length, Value, &one, 1);
	case TAG_IFD_POLLING_THREAD_KILLABLE:
		return tell(r, Length, Value, &none, 1);
	case TAG_IFD_POLLING_THREAD_WITH_TIMEOUT:
		return tell(r, Length, Value, &waiting, sizeof(waiting));
	case TAG_IFD_STOP_POLLING_THREAD:
		return tell(r, Length, Value, &stopping, sizeof(stopping));
	case SCARD_ATTR_VENDOR_NAME:
		return tell(r, Length, Value, "Sesame", sizeof("Sesame"));
	case SCARD_ATTR_ICC_PRESENCE:
		return tell(r, Length, Value, r->powered ? &inserted : &none, 1);
	default:
		return put(r, IFD_ERROR_TAG);
	}
}

RESPONSECODE IFDHSetCapabilities(DWORD Lun, DWORD Tag, DWORD Length, PUCHAR Value)
{
	struct reader *r = get(Lun);

	(void)Tag, (void)Length, (void)Value;
	return r ? put(r, IFD_NOT_SUPPORTED) : IFD_NO_SUCH_DEVICE;
}

RESPONSECODE IFDHSetProtocolParameters(DWORD Lun, DWORD Protocol, UCHAR Flags, UCHAR PTS1,
				       UCHAR PTS2, UCHAR PTS3)
{
	struct reader *r = get(Lun);

	/* the link is the driver's: there is nothing to negotiate */
	(void)Flags, (void)PTS1, (void)PTS2, (void)PTS3;
	if (!r)
		return IFD_NO_SUCH_DEVICE;
	return put(r, Protocol == SCARD_PROTOCOL_T1 ? IFD_SUCCESS : IFD_PROTOCOL_NOT_SUPPORTED);
}

RESPONSECODE IFDHPowerICC(DWORD Lun, DWORD Action, PUCHAR Atr, PDWORD AtrLength)
{
	struct reader *r = get(Lun);

	if (!r)
		return IFD_NO_SUCH_DEVICE;
	if (Action != IFD_POWER_UP && Action != IFD_POWER_DOWN && Action != IFD_RESET)
		return put(r, IFD_NOT_SUPPORTED);
	if (Action != IFD_POWER_DOWN && (!Atr || !AtrLength))
		return put(r, IFD_COMMUNICATION_ERROR);
	if ((!r->powered || Action != IFD_POWER_UP) && card_reset(r) < 0)
		return put(r, IFD_ERROR_POWER_ACTION);
	r->powered = Action != IFD_POWER_DOWN && !r->lost && !card_look(r);
	if (Action == IFD_POWER_DOWN)
		return put(r, IFD_SUCCESS);
	if (!r->powered)
		return put(r, IFD_ERROR_POWER_ACTION);
	memcpy(Atr, r->atr, r->atr_len);
	*AtrLength = r->atr_len;
	return put(r, IFD_SUCCESS);
}

RESPONSECODE IFDHTransmitToICC(DWORD Lun, SCARD_IO_HEADER SendPci, PUCHAR TxBuffer,
			       DWORD TxLength, PUCHAR RxBuffer, PDWORD RxLength,
			       PSCARD_IO_HEADER RecvPci)
{
	struct reader *r = get(Lun);
	DWORD room = RxLength ? *RxLength : 0;
	int ret = -EINVAL;

	if (!r)
		return IFD_NO_SUCH_DEVICE;
	if (RxLength)
		*RxLength = 0;
	if (SendPci.Protocol != 1)
		return put(r, IFD_PROTOCOL_NOT_SUPPORTED);
	if (r->lost)
		return put(r, IFD_ICC_NOT_PRESENT);
	if (TxBuffer && TxLength && RxBuffer && room >= 2 && r->powered && r->channel[0])
		ret = card_transmit(r, TxBuffer, TxLength, RxBuffer, &room);
	if (ret == -ENODEV || ret == -ECONNRESET) {
		card_lose(r, ret);
		return put(r, IFD_ICC_NOT_PRESENT);
	}
	if (ret < 0)
		return put(r,
			   ret == -ETIMEDOUT ? IFD_RESPONSE_TIMEOUT : IFD_COMMUNICATION_ERROR);
	*RxLength = room;
	if (RecvPci)
		RecvPci->Protocol = 1;
	return put(r, IFD_SUCCESS);
}

RESPONSECODE IFDHControl(DWORD Lun, DWORD dwControlCode, PUCHAR TxBuffer, DWORD TxLength,
			 PUCHAR RxBuffer, DWORD RxLength, LPDWORD pdwBytesReturned)
{
	/* PC/SC part 10, 2.2: the code big-endian; 2.6.14: values little-endian */
	static const uint8_t features[] = {
		FEATURE_GET_TLV_PROPERTIES, 4,
		TLV_PROPERTIES >> 24,	    TLV_PROPERTIES >> 16 & 0xff,
		TLV_PROPERTIES >> 8 & 0xff, TLV_PROPERTIES & 0xff,
	};
	static const uint8_t properties[] = {
		PCSCv2_PART10_PROPERTY_bPPDUSupport,
		1,
		0,
		PCSCv2_PART10_PROPERTY_dwMaxAPDUDataSize,
		4,
		0,
		0,
		1,
		0,
	};
	struct reader *r = get(Lun);
	DWORD n = RxLength;

	(void)TxBuffer, (void)TxLength;
	if (!r)
		return IFD_NO_SUCH_DEVICE;
	if (!pdwBytesReturned || !RxBuffer)
		return put(r, IFD_COMMUNICATION_ERROR);
	*pdwBytesReturned = 0;
	if (dwControlCode == CM_IOCTL_GET_FEATURE_REQUEST)
		n = sizeof(features);
	else if (dwControlCode == TLV_PROPERTIES)
		n = sizeof(properties);
	else
		return put(r, IFD_ERROR_NOT_SUPPORTED);
	if (RxLength < n)
		return put(r, IFD_ERROR_INSUFFICIENT_BUFFER);
	memcpy(RxBuffer, dwControlCode == TLV_PROPERTIES ? properties : features, n);
	*pdwBytesReturned = n;
	return put(r, IFD_SUCCESS);
}
