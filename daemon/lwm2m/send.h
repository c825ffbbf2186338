/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Send (LwM2M core 1.1, 6.4.7): values that go to the server unasked, by
 * POST /dp. Resource 23 of object 1 mutes it.
 */
#ifndef SESAME_LWM2M_SEND_H
#define SESAME_LWM2M_SEND_H

#include "lwm2m/lwm2m.h"
#include "lwm2m/value.h"

struct lwm2m_device;

#define LWM2M_SEND_PATHS_MAX 8

enum {
	/* keep it, over restarts too, while there is no registration, the device
	 * sleeps or the server does not answer, and send it then, with the time
	 * at which the values were taken */
	LWM2M_SEND_KEEP = 1,
};

/**
 * struct lwm2m_sends - how Send went since the client was made, for logs
 * @waiting: kept or under way now
 */
struct lwm2m_sends {
	uint64_t sent, refused, dropped;
	unsigned int waiting;
};

/**
 * lwm2m_client_send() - tell the server the values at and below @paths
 * @nr: 1 to LWM2M_SEND_PATHS_MAX; what does not exist or cannot be read is left out
 * @words: the error in words, CONTENT_WORDS_MAX bytes
 *
 * The values are taken now. One Send is under way at a time; up to 16 wait. The
 * format is SenML CBOR, as every server of 1.1 has it.
 *
 * Return: 0 (under way or kept); -EACCES (muted by /1/x/23), -EPROTONOSUPPORT
 * (registered with LwM2M 1.0), -ENOTCONN (not registered, and no
 * LWM2M_SEND_KEEP), -ENODATA (no value at these paths), -EMSGSIZE (too long),
 * -ENOBUFS (too many wait), -EINVAL, -ENOMEM, or what the store said.
 */
int lwm2m_client_send(struct lwm2m_client *c, uint64_t now, const struct lwm2m_path *paths,
		      size_t nr, unsigned int flags, char *words);

/**
 * lwm2m_device_send() - the same to the server @name, or to all (NULL)
 *
 * Return: as lwm2m_client_send(), 0 if one of several took it; -ENOENT: no such server.
 */
int lwm2m_device_send(struct lwm2m_device *dev, uint64_t now, const char *name,
		      const struct lwm2m_path *paths, size_t nr, unsigned int flags,
		      char *words);

void lwm2m_client_sends(const struct lwm2m_client *c, struct lwm2m_sends *out);

#endif /* SESAME_LWM2M_SEND_H */
