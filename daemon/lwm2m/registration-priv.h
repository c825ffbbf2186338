/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of registration: registration.c (state machine), registration-retry.c (when to try
 * again), registration-keep.c (over a restart), registration-server.c (object 1), queue.c. */
#ifndef SESAME_LWM2M_REGISTRATION_PRIV_H
#define SESAME_LWM2M_REGISTRATION_PRIV_H

#include "coap/coap.h"
#include "lwm2m/registration.h"

#define LWM2M_MAX_TRANSMIT_WAIT_MS 93000U /* RFC 7252, 4.8.2 */
#define LWM2M_NEWEST_AGAIN_MS (7 * 86400000ULL)

/**
 * struct lwm2m_reg - registration's part of a client
 * @server: what object 1 says
 * @generation: of the data model, when @server was read
 * @begun: lwm2m_client_begin() was
 * @carriers: letters of the transports that the owner has for the server
 * @carrier: the one in use, or 0
 * @attempt: failed attempts of this sequence
 * @sequence: failed sequences
 * @asked: Registers and Updates begun
 * @delayed: the initial delay (/1/x/14) is behind us
 * @connect: the owner is to make an association at client.next
 * @disable: De-register was asked for by resource 4
 * @over: transport that the next association is to have, or 0
 * @reconnect: the transport is to change although the present one works
 * @closed, @hold_off_s: the peer ends the association
 * @again: an Update is not enough, the next request is a Register
 * @told_*: what the server was told in Register or Update last
 * @newest: when the newest version is tried again although an older one works
 * @heard: last message either way
 */
struct lwm2m_reg {
	struct lwm2m_server server;
	uint64_t generation;
	bool loaded, begun;
	char carrier;
	char carriers[LWM2M_BINDING_MAX];
	unsigned int attempt, sequence;
	unsigned int asked;
	bool delayed;
	bool connect;
	bool disable;
	char over;
	bool reconnect;
	bool again;
	bool closed;
	uint32_t hold_off_s;
	uint32_t told_lifetime;
	bool told_queue;
	uint64_t newest;
	uint64_t heard;
	uint64_t kept; /* digest of what is kept: nothing is written twice */
};

/* registration-retry.c */
/**
 * lwm2m_retry_failed() - an attempt failed: when is the next?
 * @at_least: what the server asked for, milliseconds; 0: nothing
 *
 * Return: milliseconds from now, or LWM2M_NEVER: not before somebody asks.
 * @over: all attempts of all sequences have failed; counting begins anew.
 */
uint64_t lwm2m_retry_failed(struct lwm2m_reg *reg, uint32_t random, uint64_t at_least,
			    bool *over);
/** lwm2m_retry_succeeded() - counting begins anew. */
void lwm2m_retry_succeeded(struct lwm2m_reg *reg);

/* registration-keep.c */
/**
 * lwm2m_keep_load() - take over what was kept
 * @disabled_ms: how long the server still has to be left alone, 0: not at all
 *
 * Return: there is a registration, which an Update resumes.
 */
bool lwm2m_keep_load(struct lwm2m_client *c, uint64_t *disabled_ms);
/** lwm2m_keep_store() - keep what is the case now; errors are logged. */
void lwm2m_keep_store(struct lwm2m_client *c);

/* registration.c */
/**
 * lwm2m_registration_closed() - the peer ends the association; ours ends with the next run
 * @hold_off_s: no new one before; 0: nothing was said
 * @diagnostic: the peer's words, printable, may be empty or NULL
 */
void lwm2m_registration_closed(struct lwm2m_client *c, uint32_t hold_off_s, const char *what,
			       const char *diagnostic);

/* registration-server.c */
/** lwm2m_registration_sync() - act by object 1 if it has changed. */
void lwm2m_registration_sync(struct lwm2m_client *c);
/** lwm2m_registration_queue_changed() - tell the server soon whether Q goes with it. */
void lwm2m_registration_queue_changed(struct lwm2m_client *c);
/** lwm2m_registration_queue() - register with Q. */
bool lwm2m_registration_queue(const struct lwm2m_client *c);

#endif /* SESAME_LWM2M_REGISTRATION_PRIV_H */
