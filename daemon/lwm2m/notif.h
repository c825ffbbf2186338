/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notifications that could not be sent when they fell due, with the time at
 * which they were taken (LwM2M core 1.1, 6.4.5 and /1/x/6).
 *
 * A row of encoded values for each observation, in memory and, where the client
 * has a state (lwm2m/state.h), there too: it outlives the daemon. An entry stays
 * until the server has acknowledged the message that carried it, so that none is
 * lost; once it is taken off it is never sent again. The oldest go first when
 * there are too many.
 */
#ifndef SESAME_LWM2M_NOTIF_H
#define SESAME_LWM2M_NOTIF_H

#include "lwm2m/value.h"

struct lwm2m_client;

#define LWM2M_NOTIF_BYTES_MAX (64U << 10) /* of all entries of one client */
#define LWM2M_NOTIF_ENTRIES_MAX 256

/* for Send, whose entries belong to no observation */
#define LWM2M_NOTIF_SEND 0

/**
 * struct lwm2m_notif - one entry
 * @seq: rises from entry to entry of a client, over restarts
 * @owner: lwm2m_observation.id, or LWM2M_NOTIF_SEND
 * @pack: SenML CBOR with times
 */
struct lwm2m_notif {
	uint64_t seq;
	uint32_t owner;
	uint8_t *pack;
	size_t len;
};

/**
 * lwm2m_notif_add() - keep @set, whose values carry the time in their @at
 *
 * Return: 0, -EMSGSIZE (one entry alone is too long), -ENOMEM, or what the state
 * said (the entry is then kept in memory only).
 */
int lwm2m_notif_add(struct lwm2m_client *c, uint32_t owner, const struct lwm2m_set *set);

/** lwm2m_notif_next() - the first entry of @owner after @seq, or NULL; valid until
 * the next call that adds or drops. */
const struct lwm2m_notif *lwm2m_notif_next(const struct lwm2m_client *c, uint32_t owner,
					   uint64_t seq);

/** lwm2m_notif_drop() - forget the entries of @owner up to and with @seq. */
void lwm2m_notif_drop(struct lwm2m_client *c, uint32_t owner, uint64_t seq);

/** lwm2m_notif_give() - all entries of @owner become those of @heir; their order stays. */
void lwm2m_notif_give(struct lwm2m_client *c, uint32_t owner, uint32_t heir);

/** lwm2m_notif_load() - take over what the state has; once, at the start. */
int lwm2m_notif_load(struct lwm2m_client *c);

/** lwm2m_notif_free() - free the memory; what is in the state stays. */
void lwm2m_notif_free(struct lwm2m_client *c);

#endif /* SESAME_LWM2M_NOTIF_H */
