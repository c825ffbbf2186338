/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of semd share. One loop, one thread (the workers are job's). */
#ifndef SEMD_H
#define SEMD_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "content/content.h"
#include "control/config.h"
#include "control/control.h"
#include "job/job.h"
#include "libse/se.h"
#include "lwm2m/device.h"

#define SEMD_VERSION "0.1"

struct dm_client;

struct semd {
	struct config cfg;
	const char *path; /* of the configuration file */
	sd_event *event;
	struct job_store *store;
	struct content *content; /* what is on the SEs, for all front ends */
	struct se_keys *keys;	 /* that lie in SEs */
	struct control *control;
	struct se_monitor *monitor;
	sd_event_source *monitor_io;
	sd_event_source *retry;
	struct mnl_socket *network;
	sd_event_source *network_io;
	sd_event_source *network_timer;
	int se_error[CONFIG_SES_MAX]; /* last said, so that it is said once */
	struct lwm2m_device *device;
	struct semd_bootstrap *bootstrap;
	sd_event_source *device_io;
	sd_event_source *device_timer;
	struct semd_dm *dm; /* NULL: there is none */
	bool waited;	    /* for another process that had state_dir */
	bool stopping;
	bool restart;	     /* … and start again, a server asked for it */
	uint64_t stop_until; /* CLOCK_MONOTONIC, µs */
};

/** semd_log - to stderr, with the priority as journald takes it */
void semd_log(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** semd_log_level - show this and more important ones */
void semd_log_level(int level);

uint64_t semd_now_ms(void);

/** semd_stop - begin to end: de-register, then leave the loop */
int semd_stop(struct semd *d);

/* elements.c: which secure elements are there */
int semd_elements_start(struct semd *d);
void semd_elements_stop(struct semd *d);
/** semd_elements_look - add what has come, drop what is gone */
void semd_elements_look(struct semd *d);

/* servers.c: management servers */
int semd_servers_start(struct semd *d);
/** semd_servers_stop - de-register; semd_servers_stopped() tells when it is over */
void semd_servers_stop(struct semd *d);
bool semd_servers_stopped(const struct semd *d);
void semd_servers_free(struct semd *d);
void semd_servers_job_changed(struct semd *d, uint64_t id);
/** semd_servers_se_changed - for content_ses_listen() */
void semd_servers_se_changed(void *ctx, uint16_t object, int32_t instance);
/** semd_servers_card - as lwm2m_device_card() */
void semd_servers_card(struct semd *d, int error, const uint8_t *p, size_t len);
int semd_servers_describe(void *ctx, unsigned int index, struct control_server *out);
/** semd_servers_update - ask @name, or all (NULL), for an Update now */
int semd_servers_update(void *ctx, const char *name);
/** semd_servers_send - control_ops.send */
int semd_servers_send(void *ctx, const char *name, const char *const *paths, bool keep,
		      char *why, size_t room);

/** semd_servers_network - as lwm2m_device_network() */
void semd_servers_network(struct semd *d);

/* dm.c: OMA DM servers; all of it does nothing without [dm] */
int semd_dm_start(struct semd *d);
/** semd_dm_stop - end the session; semd_dm_stopped() tells when it is over */
void semd_dm_stop(struct semd *d);
bool semd_dm_stopped(const struct semd *d);
void semd_dm_free(struct semd *d);
/** semd_dm_dispatch - after each job_store_dispatch(), see dm_se_dispatch() */
void semd_dm_dispatch(struct semd *d);
/** semd_dm_network - as dm_client_network() */
void semd_dm_network(struct semd *d);
/** semd_dm_client - NULL: there is none */
struct dm_client *semd_dm_client(const struct semd *d);
/** semd_dm_arm - after something was asked of it: its next deadline */
void semd_dm_arm(struct semd *d);
/* dm-control.c: of control_ops */
int semd_dm_describe(void *ctx, unsigned int index, struct control_dm *out);
int semd_dm_port(void *ctx, unsigned int index, struct control_dm_port *out);
int semd_dm_session(void *ctx, const char *name);
int semd_dm_question(void *ctx, struct control_dm_question *out);
int semd_dm_answer(void *ctx, uint64_t id, const char *answer, const char *value);
int semd_dm_notify(void *ctx, const void *p, size_t len, char *why, size_t room);
int semd_dm_node(void *ctx, const char *root, char *uri, size_t room,
		 struct control_dm_node *out);

/* network.c: addresses and routes that change */
/** semd_network_start - begin to listen; without it semd works on, with a word in the log */
void semd_network_start(struct semd *d);
void semd_network_stop(struct semd *d);

/* bootstrap.c: [bootstrap] */
/** semd_bootstrap_start - what the device is told of it; 0 or a negative errno, logged */
int semd_bootstrap_start(struct semd *d, struct lwm2m_device_config *config);
/** semd_bootstrap_taken - the device has what it needs of the factory file: wipe it */
void semd_bootstrap_taken(struct semd *d);
/** semd_bootstrap_free - after the device */
void semd_bootstrap_free(struct semd *d);

#endif /* SEMD_H */
