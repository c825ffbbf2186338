/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What object 1 says about one server as far as registration, retries, reporting
 * and queue mode go (LwM2M core 1.2, E.2 and 6.2). The data model fills a struct
 * lwm2m_server and hands it to the client, at the start and whenever an instance
 * of object 1 was written; registration.c acts by it.
 */
#ifndef SESAME_LWM2M_REGISTRATION_H
#define SESAME_LWM2M_REGISTRATION_H

#include <stdbool.h>
#include <stdint.h>

struct lwm2m_client;
struct lwm2m_data;

#define LWM2M_BINDING_MAX 8
#define LWM2M_NO_PRIORITY UINT32_MAX
/** In resource 19: no further sequence. */
#define LWM2M_NO_SEQUENCE UINT32_MAX

/**
 * struct lwm2m_server - resources of one instance of object 1; times in seconds
 * @instance: its number
 * @ssid: 0
 * @lifetime: 1
 * @pmin, @pmax: 2, 3; 0: none
 * @disable_timeout: 5
 * @storing: 6: notifications are kept while the server cannot be told
 * @binding: 7: U, T and so on, in 1.0 with Q for queue mode
 * @priority: 13, or LWM2M_NO_PRIORITY
 * @initial_delay: 14: before the first Register
 * @failure_block: 15: servers that are later in the order wait for this one
 * @bootstrap_on_failure: 16
 * @retry_count: 17: attempts of a sequence
 * @retry_timer: 18: after the first failed attempt; doubled after each further one
 * @sequence_delay: 19: between sequences, or LWM2M_NO_SEQUENCE
 * @sequence_count: 20: failed sequences until registration counts as failed
 * @trigger: 21
 * @preferred: 22: a letter of @binding, or 0
 * @mute_send: 23
 * @queue: the device sleeps: registered with Q. Not a resource in 1.1 and 1.2
 */
struct lwm2m_server {
	uint16_t instance;
	uint16_t ssid;
	uint32_t lifetime;
	uint32_t pmin, pmax;
	uint32_t disable_timeout;
	bool storing;
	char binding[LWM2M_BINDING_MAX];
	uint32_t priority;
	uint32_t initial_delay;
	bool failure_block;
	bool bootstrap_on_failure;
	uint32_t retry_count;
	uint32_t retry_timer;
	uint32_t sequence_delay;
	uint32_t sequence_count;
	bool trigger;
	char preferred;
	bool mute_send;
	bool queue;
};

/** What the standard says where a resource is not there (table 6.2.1.1-1, E.2). */
#define LWM2M_SERVER_INIT               \
	{.lifetime = 86400,             \
	 .disable_timeout = 86400,      \
	 .storing = true,               \
	 .binding = "U",                \
	 .priority = LWM2M_NO_PRIORITY, \
	 .bootstrap_on_failure = true,  \
	 .retry_count = 5,              \
	 .retry_timer = 60,             \
	 .sequence_delay = 86400,       \
	 .sequence_count = 1}

/*
 * What [server] sections get in the factory configuration unless they say
 * otherwise: a machine on the mains is back minutes after its server, not the
 * next day. 2, 4, 8 … 256 s, and the same again every five minutes.
 */
#define LWM2M_FACTORY_RETRY_COUNT 8
#define LWM2M_FACTORY_RETRY_TIMER 2
#define LWM2M_FACTORY_SEQUENCE_DELAY 300
#define LWM2M_FACTORY_SEQUENCE_COUNT 1

/**
 * lwm2m_client_begin() - take over what is kept from before a restart
 *
 * The first lwm2m_client_up() does it by itself; an owner that asks before knows
 * whether the server wants to be left alone (LWM2M_DISABLED): it needs no association
 * before ops.connect.
 */
void lwm2m_client_begin(struct lwm2m_client *c, uint64_t now);

/**
 * lwm2m_client_carriers() - which transports there are, before lwm2m_client_up()
 * @all: letters as in resource 7, "U" or "UT"
 * @current: the one that is used now
 */
void lwm2m_client_carriers(struct lwm2m_client *c, const char *all, char current);
/**
 * lwm2m_client_stream() - the next association is a stream (TCP, TLS), or is not
 *
 * Where that is a change, everything of the one before is forgotten, as with a fresh
 * one. Return: 0 or -ENOMEM, then nothing has changed.
 */
int lwm2m_client_stream(struct lwm2m_client *c, uint64_t now, bool stream);
/** lwm2m_client_renew() - the owner gives up the association although it may work; it is
 * asked for the next one at once. */
void lwm2m_client_renew(struct lwm2m_client *c, uint64_t now);
/** lwm2m_client_carrier_wanted() - the one that the next association is to have by an
 * Execute of 8, resource 22 or 7; 0: any. */
char lwm2m_client_carrier_wanted(const struct lwm2m_client *c);

/** lwm2m_server_read() - instance @instance of object 1, with what the standard says for
 * what is not there; @out->queue is false. 0 or -ENOENT. */
int lwm2m_server_read(const struct lwm2m_data *d, uint16_t instance, struct lwm2m_server *out);

/**
 * lwm2m_client_set_server() - the instance of object 1 is there or has changed
 *
 * A changed lifetime, binding or queue mode is told in an Update soon; a changed
 * preferred transport takes effect with that Update.
 */
void lwm2m_client_set_server(struct lwm2m_client *c, uint64_t now,
			     const struct lwm2m_server *server);

/** lwm2m_client_server() - as it was set last. */
const struct lwm2m_server *lwm2m_client_server(const struct lwm2m_client *c);

/*
 * For object 1. Each only notes down what is wanted; it is done after the answer
 * to the request has left.
 */
/** lwm2m_registration_update() - resource 8, or @lifetime was written: Update soon. */
void lwm2m_registration_update(struct lwm2m_client *c, bool lifetime);
/** lwm2m_registration_update_over() - resource 8 with argument 0: over transport
 * @binding ('U', 'T'); 0 or -EINVAL where there is no such one for the server. */
int lwm2m_registration_update_over(struct lwm2m_client *c, char binding);
/** lwm2m_registration_disable() - resource 4: de-register and be silent for
 * disable_timeout. Kept over a restart. */
void lwm2m_registration_disable(struct lwm2m_client *c);

/**
 * lwm2m_client_awake() - whether the server may expect an answer now
 *
 * Always without queue mode; with it, for MAX_TRANSMIT_WAIT (93 s) after the last
 * message either way (core, 6.5). @until, if not NULL: when it will fall asleep,
 * LWM2M_NEVER if it will not or has already.
 */
bool lwm2m_client_awake(const struct lwm2m_client *c, uint64_t *until);

#endif /* SESAME_LWM2M_REGISTRATION_H */
