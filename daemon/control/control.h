/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local control interface: varlink io.sesame.Manager on a UNIX socket.
 *
 * `varlinkctl introspect SOCKET io.sesame.Manager` prints it. Peers are root,
 * the daemon's own user, and members of the group that the configuration names;
 * the latter see and end their own jobs only. Everything runs in the loop's
 * thread.
 */
#ifndef SESAME_CONTROL_H
#define SESAME_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <systemd/sd-event.h>
#include <systemd/sd-varlink-idl.h>

#include "job/job.h"

#define CONTROL_INTERFACE "io.sesame.Manager"
#define CONTROL_SOCKET "io.sesame.Manager" /* in the runtime directory */

/** struct control_server - one management server as GetStatus shows it */
struct control_server {
	char name[32];
	char uri[256];
	char state[32];
	char version[8];
	char location[128];
	char error[256];
	unsigned int observations;
	unsigned int attempts;
};

/**
 * struct control_dm - one OMA DM account as ListDmAccounts shows it
 * @last_s: CLOCK_REALTIME of its last good session, 0: none
 * @next_s: seconds to the next one, -1: none is planned
 */
struct control_dm {
	char name[65];
	char server_id[64];
	char uri[256];
	char state[16];
	char error[256];
	unsigned int sessions, failures, alerts;
	uint64_t last_s;
	int64_t next_s;
};

/**
 * struct control_dm_port - where notifications of OMA DM servers are taken
 * @used: the configuration wants it; @address: "": loopback
 * @next_s: seconds until it is tried again, -1: it is open; @error: why it is not
 */
struct control_dm_port {
	const char *protocol; /* "udp", "coap" */
	bool used, open;
	uint16_t number;
	char address[46];
	char error[64];
	int64_t next_s;
};

/**
 * struct control_dm_question - what a server wants to show or to ask
 * @kind: "display", "confirm", "text", "choice", "choices"
 * @suggestion: what counts if nobody answers, or ""
 * @left_s: seconds for the answer; @min_s: it is to be shown for so long
 * @max_length: of a text, characters, 0: not said; @input: one letter (dm/engine.h)
 * @secret: what is typed is not to be shown
 */
struct control_dm_question {
	uint64_t id;
	const char *kind;
	char account[65];
	char text[1024];
	char suggestion[256];
	unsigned int left_s, min_s, max_length;
	char input[2];
	bool secret;
	unsigned int nr_choices;
	char choices[32][128];
};

/**
 * struct control_dm_node - a node of the management tree
 * @text: its value is text
 * @value: @len bytes of @size, and a NUL behind them
 */
struct control_dm_node {
	const char *format;
	bool text;
	char type[128];
	uint64_t size;
	size_t len;
	uint8_t value[1025];
};

/**
 * struct control_ops - what only the daemon knows
 * @server: fill in server number @index; -ENOENT past the end
 * @update: tell @name, or all (NULL), that the device is there, now. -ENOENT: no such
 *	server; -ENOTCONN: not registered
 * @send: tell @name, or all (NULL), the values at @paths (ended by NULL); @keep: when the
 *	server is there again, if it is not now. -ENOENT: no such server; -EINVAL: a path;
 *	-ENODATA: no values; -EACCES: muted; -ENOTCONN; …; @why in words
 * @dm_account: fill in OMA DM account number @index; -ENOENT past the end
 * @dm_port: the same of a port for notifications; one that is not @used is passed over
 * @dm_session: begin a session with it. -ENOENT, -EALREADY, -EINVAL: it cannot be used
 * @dm_notify: package 0; -EBADMSG, -ENOENT, -EKEYREJECTED, -EALREADY; @why in words
 * @dm_question: the one that waits for an answer; -ENOENT
 * @dm_answer: @answer "ok", "no" or "cancel", @value the text or numbers, NULL: none.
 *	-ENOENT: it does not wait any more; -EINVAL: no answer to this one
 * @dm_node: the node below @root that follows @uri, "" is followed by @root; @uri gets
 *	where it is. -ENODATA at the end, -ENOENT, -EINVAL
 */
struct control_ops {
	int (*server)(void *ctx, unsigned int index, struct control_server *out);
	int (*update)(void *ctx, const char *name);
	int (*send)(void *ctx, const char *name, const char *const *paths, bool keep, char *why,
		    size_t room);
	int (*dm_account)(void *ctx, unsigned int index, struct control_dm *out);
	int (*dm_port)(void *ctx, unsigned int index, struct control_dm_port *out);
	int (*dm_session)(void *ctx, const char *name);
	int (*dm_notify)(void *ctx, const void *p, size_t len, char *why, size_t room);
	int (*dm_question)(void *ctx, struct control_dm_question *out);
	int (*dm_answer)(void *ctx, uint64_t id, const char *answer, const char *value);
	int (*dm_node)(void *ctx, const char *root, char *uri, size_t room,
		       struct control_dm_node *out);
};

struct control;

/**
 * control_new - listen on @path
 * @group: gid that may connect too, or (gid_t)-1
 * @version: of the daemon
 * @ops, @ctx: kept by reference
 *
 * Returns 0 or a negative errno. @event serves it from then on.
 */
int control_new(struct control **ret, sd_event *event, struct job_store *store,
		const char *path, gid_t group, const char *version,
		const struct control_ops *ops, void *ctx);
void control_free(struct control *c);

/** control_elements_changed - look at the secure elements, tell those who listen; NULL is fine
 */
void control_elements_changed(struct control *c);

/** the interface definition, control-idl.c */
extern const sd_varlink_interface vl_interface_io_sesame_Manager;

#endif /* SESAME_CONTROL_H */
