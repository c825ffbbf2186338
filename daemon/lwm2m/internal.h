/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the client share. */
#ifndef SESAME_LWM2M_INTERNAL_H
#define SESAME_LWM2M_INTERNAL_H

#include "lwm2m/args.h"
#include "lwm2m/lwm2m.h"
#include "lwm2m/registration-priv.h"
#include "lwm2m/shared.h"
#include "lwm2m/value.h"

/* a response script of more than this is only read by itself */
#define STREAM_ONLY_ABOVE 32768

#define OBSERVATIONS_MAX 64
#define OBSERVED_PATHS_MAX 8
#define ATTRIBUTES_MAX 64
#define UPLOADS_MAX 4

/**
 * struct lwm2m_object - how one object is served
 *
 * The checks that the model allows (existence, operation, type, range) are done
 * before a call. Each returns 0 or a CoAP error code with @words.
 *
 * @instances: numbers by rising order, at most @room; returns how many
 * @read: append resource @rid, or all that are there if it is negative; a
 *	multiple resource without instances is one value of MODEL_NONE with depth 4
 * @write: values of one instance; @replace: what is not among them gets its default.
 *	A value of MODEL_NONE takes away what it names, before the values after it:
 *	one resource instance (depth 4), or all of a multiple resource (depth 3).
 *	Only objects that have writable multiple resources or writable optional
 *	ones that may be absent ever see one
 * @execute: @args is never NULL
 * @execute, @create, @remove: NULL if the object has no such thing
 * @chunk: bytes of resource @stream, which come in blocks and are not collected;
 *	@offset where they belong, @last with the last ones. -ESTALE's code (4.08)
 *	where others are missing before them. NULL: there is no such resource
 * @own: each server has instances of its own, so that access control has no say
 */
struct lwm2m_object {
	uint16_t id;
	uint16_t stream;
	bool own;
	size_t (*instances)(struct lwm2m_client *c, uint16_t *ids, size_t room);
	int (*read)(struct lwm2m_client *c, uint16_t instance, int32_t rid,
		    struct lwm2m_set *set, char *words);
	int (*write)(struct lwm2m_client *c, uint16_t instance, const struct lwm2m_value *v,
		     size_t n, bool replace, char *words);
	int (*execute)(struct lwm2m_client *c, uint16_t instance, uint16_t rid,
		       const struct lwm2m_args *args, char *words);
	int (*create)(struct lwm2m_client *c, uint16_t instance, char *words);
	int (*remove)(struct lwm2m_client *c, uint16_t instance, char *words);
	int (*chunk)(struct lwm2m_client *c, uint16_t instance, uint64_t offset,
		     const uint8_t *p, size_t len, bool last, char *words);
};

/** lwm2m_object() - how object @id is served, or NULL. */
const struct lwm2m_object *lwm2m_object(uint16_t id);
extern const struct lwm2m_object lwm2m_object_server, lwm2m_object_access, lwm2m_object_device,
	lwm2m_object_se, lwm2m_object_script, lwm2m_object_app, lwm2m_object_component,
	lwm2m_object_software, lwm2m_object_firmware, lwm2m_object_connectivity,
	lwm2m_object_statistics, lwm2m_object_portfolio, lwm2m_object_app_data,
	lwm2m_object_event_log, lwm2m_object_rsp, lwm2m_object_sim;

#define LWM2M_ID_BATCH 257 /* room for all instances of any object and one more */
/** lwm2m_has_instance() - whether /@object/@instance is there. */
bool lwm2m_has_instance(struct lwm2m_client *c, const struct lwm2m_object *object,
			uint16_t instance);

struct job_error;

/** lwm2m_errno_code() - the CoAP code for what a back end returned. */
int lwm2m_errno_code(int err);

enum {
	ATTR_PMIN = 1,
	ATTR_PMAX = 2,
	ATTR_GT = 4,
	ATTR_LT = 8,
	ATTR_ST = 16,
	ATTR_EPMIN = 32,
	ATTR_EPMAX = 64,
	ATTR_EDGE = 128,
	ATTR_CON = 256,
	ATTR_HQMAX = 512,
};

/** struct lwm2m_attributes - <NOTIFICATION> attributes of one path (core, 7.3.2) */
struct lwm2m_attributes {
	struct lwm2m_path path;
	unsigned int set; /* ATTR_*; 0: unused */
	uint32_t pmin, pmax, epmin, epmax, hqmax;
	double gt, lt, st;
	bool edge, con;
};

#define OBSERVED_NUMBERS_MAX 8

/**
 * struct lwm2m_observation
 * @id: names it over restarts, never 0
 * @obs: of the CoAP endpoint; 0 while there is none: after a restart, in a new
 *	association, or when the server did not acknowledge. Goes on once the server
 *	has shown that it still knows the registration
 * @coap: to make @obs again
 * @own: attributes that came with the request (core 1.2, 6.4.1)
 */
struct lwm2m_observation {
	bool used;
	uint32_t id;
	uint32_t obs;
	struct coap_observe_state coap;
	struct lwm2m_attributes own;
	struct lwm2m_path paths[OBSERVED_PATHS_MAX];
	size_t nr;
	bool composite;
	uint32_t format;
	bool dirty;	 /* something below may have changed */
	uint64_t digest; /* of what was told last */
	size_t nr_numbers;
	struct {
		uint16_t id; /* of the resource instance */
		double x;
	} numbers[OBSERVED_NUMBERS_MAX]; /* the same, where it is numbers or booleans */
	uint64_t told;			 /* when */
	uint64_t evaluated;
	bool waiting;	   /* for an acknowledgement */
	uint64_t replayed; /* kept notifications up to this one are on their way */
	uint8_t *unacked;  /* what is on its way, as lwm2m/notif.h keeps it */
	size_t unacked_len;
};

/* a body that comes in blocks */
struct lwm2m_upload {
	uint32_t transfer; /* 0: unused */
	bool streamed;	   /* straight to the script of @instance */
	uint16_t instance;
	struct model_buf buf;
};

/* object 7: bytes, with IP and UDP headers, since Start */
struct lwm2m_statistics {
	bool running;
	uint64_t began;	 /* as lwm2m_client.now */
	uint32_t period; /* s */
	uint64_t tx, rx, messages, largest;
};

/* object 20: jobs that ended in this time, CLOCK_REALTIME; @to_ms 0: it is running */
struct lwm2m_log_window {
	uint8_t class;
	uint64_t from_ms, to_ms;
};

struct lwm2m_client {
	struct lwm2m_shared *shared; /* never NULL */
	struct lwm2m_client_ops ops;
	void *ctx;
	const struct lwm2m_se_ops *ses;
	void *ses_ctx;
	const struct lwm2m_script_ops *scripts;
	void *scripts_ctx;
	struct coap_ops coap; /* ours, in front of the owner's */
	struct coap_endpoint *ep;
	bool stream;	       /* @ep is one of TCP or TLS */
	struct oscore *oscore; /* NULL: what @ep says is not protected by it */
	uint64_t now;

	char *name, *uri, *endpoint;
	char *origin; /* "lwm2m:NAME", as in jobs and policies */
	char *manufacturer, *model, *serial, *firmware;
	bool secure_psk;
	unsigned int max_version;

	/* object 1: its instance, and copies of what is asked for often */
	struct lwm2m_bootstrap *bs; /* client-bootstrap.c; NULL: the peer is a server */
	uint16_t server;
	uint64_t server_seen; /* generation of the data model then, and one */
	uint16_t ssid;
	uint32_t lifetime, pmin, pmax;
	bool storing;

	/* registration */
	enum lwm2m_state state;
	unsigned int version;
	bool up;
	bool registered; /* the server knows @location */
	bool update_lifetime, update_binding, update_objects, update_asked;
	struct lwm2m_reg reg;
	uint64_t links_told; /* digest of the object list that the server has */
	char location[128];
	char error[CONTENT_WORDS_MAX];
	uint64_t refusals_from; /* a minute in which refused requests are counted */
	unsigned int refusals;
	uint32_t call; /* under way, if @calling */
	bool calling;
	uint64_t next;
	unsigned int attempts;

	uint64_t notify_next; /* when lwm2m_dm_notify_run() is wanted */
	struct lwm2m_attributes attributes[ATTRIBUTES_MAX];
	struct lwm2m_observation observations[OBSERVATIONS_MAX];
	uint32_t observation_ids; /* the last one given */
	struct lwm2m_notifs *notifs;
	struct lwm2m_sender *sender;
	struct lwm2m_upload uploads[UPLOADS_MAX];
	struct {
		uint16_t object, instance;
		uint32_t transfer;
	} streams[UPLOADS_MAX]; /* who writes to which stream */
	struct lwm2m_statistics statistics;
	struct lwm2m_log_window log;
};

/** lwm2m_statistics_count() - a message of @len bytes was sent or came in. */
void lwm2m_statistics_count(struct lwm2m_client *c, size_t len, bool sent);

/**
 * lwm2m_changed() - what is at or below @path may have changed
 *
 * Tells the observers of this account, and of the others.
 */
void lwm2m_changed(struct lwm2m_client *c, const struct lwm2m_path *path);

/* shared.c: of a client that was given none; drop does nothing to one of somebody else */
int lwm2m_shared_own(struct lwm2m_client *c, const struct lwm2m_config *config);
void lwm2m_shared_drop(struct lwm2m_client *c);

void lwm2m_log(struct lwm2m_client *c, int level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* registration.c */
void lwm2m_registration_result(struct lwm2m_client *c, const struct coap_result *res);
void lwm2m_registration_run(struct lwm2m_client *c);
/** lwm2m_registration_update() - send an Update soon. */
void lwm2m_registration_update(struct lwm2m_client *c, bool lifetime);
/** lwm2m_registration_objects() - send an Update soon if the object list changed. */
void lwm2m_registration_objects(struct lwm2m_client *c);

/* client-bootstrap.c: the same functions, where the peer is a bootstrap server */
void lwm2m_client_bs_new(struct lwm2m_client *c, const struct lwm2m_config *config);
void lwm2m_client_bs_up(struct lwm2m_client *c, uint64_t now, bool fresh);
void lwm2m_client_bs_down(struct lwm2m_client *c, uint64_t now, int error, const char *what);
void lwm2m_client_bs_stop(struct lwm2m_client *c);

/* dm.c: requests of the server; answer a CoAP code, with words where it is an error */
int lwm2m_dm_request(struct lwm2m_client *c, const struct coap_request *req);
void lwm2m_dm_transfer_lost(struct lwm2m_client *c, uint32_t transfer);
/** lwm2m_dm_forget() - drop attributes and observations at and below @path, or, if it
 * is NULL, all observations and uploads; without telling the server. */
void lwm2m_dm_forget(struct lwm2m_client *c, const struct lwm2m_path *path);
/** lwm2m_dm_load() - take over attributes, observations and kept notifications of an
 * earlier life; once, when the client has its ssid and its endpoint. */
void lwm2m_dm_load(struct lwm2m_client *c);
/** lwm2m_dm_free() - free the memory of all that; what is kept stays. */
void lwm2m_dm_free(struct lwm2m_client *c);
/** lwm2m_dm_allowed() - access control: 0, or 4.01 with @words. */
int lwm2m_dm_allowed(struct lwm2m_client *c, const struct lwm2m_path *path, unsigned int rights,
		     char *words);
/** lwm2m_dm_check() - that @path exists, that every resource in it can do @op, and that
 * the server may; @op 0: only that it exists. */
int lwm2m_dm_check(struct lwm2m_client *c, const struct lwm2m_path *path, unsigned int op,
		   char *words);

/* dm-read.c */
/** lwm2m_dm_collect() - append what is readable at and below @path. */
int lwm2m_dm_collect(struct lwm2m_client *c, const struct lwm2m_path *path,
		     struct lwm2m_set *set, char *words);
uint32_t lwm2m_dm_default_format(const struct lwm2m_client *c, const struct lwm2m_path *path);

/**
 * struct lwm2m_content - a representation that is ready to be sent
 *
 * Fill by lwm2m_dm_content(), give to coap_respond() or coap_notify() and
 * release with lwm2m_content_free(). A body in @body is released by the CoAP
 * engine, or by lwm2m_content_free() if @body_given was not set.
 */
struct lwm2m_content {
	struct model_buf buf;
	struct coap_body body;
	bool streamed;
	bool body_given;
	uint32_t format;
	size_t values;
};

int lwm2m_dm_content(struct lwm2m_client *c, const struct lwm2m_path *paths, size_t nr,
		     bool composite, uint32_t format, struct lwm2m_content *content,
		     char *words);
void lwm2m_content_fill(struct lwm2m_content *content, struct coap_response *rsp);
void lwm2m_content_free(struct lwm2m_content *content);

/* object-script.c */
/** lwm2m_script_stream() - the response script of @instance as a body. */
int lwm2m_script_stream(struct lwm2m_client *c, uint16_t instance, uint32_t format,
			struct coap_body *body, char *words);

/* dm-write.c */
int lwm2m_dm_write(struct lwm2m_client *c, const struct lwm2m_path *path, bool replace,
		   uint32_t format, const uint8_t *p, size_t len, char *words);
int lwm2m_dm_write_composite(struct lwm2m_client *c, uint32_t format, const uint8_t *p,
			     size_t len, char *words);
/** lwm2m_dm_check_value() - type and range of a value that is to be written. */
int lwm2m_dm_check_value(const struct lwm2m_value *v, char *words);

/* dm-execute.c, dm-create.c, dm-discover.c */
int lwm2m_dm_execute(struct lwm2m_client *c, const struct lwm2m_path *path, const uint8_t *p,
		     size_t len, char *words);
int lwm2m_dm_create(struct lwm2m_client *c, const struct lwm2m_path *path, uint32_t format,
		    const uint8_t *p, size_t len, uint16_t *instance, char *words);
int lwm2m_dm_delete(struct lwm2m_client *c, const struct lwm2m_path *path, char *words);
/** lwm2m_dm_discover() - @depth: levels below @path that are listed, -1: the default. */
int lwm2m_dm_discover(struct lwm2m_client *c, const struct lwm2m_path *path, int depth,
		      struct model_buf *out, char *words);
/** lwm2m_dm_links() - the payload of Register and Update (core, 6.2.1). */
void lwm2m_dm_links(struct lwm2m_client *c, struct model_buf *out);

/* attributes.c */
int lwm2m_dm_attributes(struct lwm2m_client *c, const struct lwm2m_path *path,
			const struct coap_msg *msg, char *words);
/** lwm2m_dm_attributes_at() - those that were written to exactly @path, or NULL. */
struct lwm2m_attributes *lwm2m_dm_attributes_at(struct lwm2m_client *c,
						const struct lwm2m_path *path);
/** lwm2m_attributes_query() - take the attributes among the queries of @msg into @a.
 * 0, or COAP_400_BAD_REQUEST with @words. */
int lwm2m_attributes_query(struct lwm2m_attributes *a, const struct coap_msg *msg, char *words);
/** lwm2m_attributes_effective() - what counts at @path: the server's defaults, then what
 * was written to what it is in, from the object down, then @own (may be NULL). */
struct lwm2m_attributes lwm2m_attributes_effective(struct lwm2m_client *c,
						   const struct lwm2m_path *path,
						   const struct lwm2m_attributes *own);
/** lwm2m_attributes_print() - ";pmin=5;…" as links have them. */
void lwm2m_attributes_print(const struct lwm2m_attributes *a, struct model_buf *out);
/** lwm2m_attributes_forget() - drop those at and below @path. */
void lwm2m_attributes_forget(struct lwm2m_client *c, const struct lwm2m_path *path);
void lwm2m_attributes_load(struct lwm2m_client *c);
/** lwm2m_attributes_pack() - all but the path, LWM2M_ATTRIBUTES_LEN bytes; as lwm2m_pack(). */
#define LWM2M_ATTRIBUTES_LEN 50
uint8_t *lwm2m_attributes_pack(uint8_t *p, const struct lwm2m_attributes *a);
/** lwm2m_attributes_unpack() - the same back; @a->path stays as it is. */
void lwm2m_attributes_unpack(const uint8_t **p, struct lwm2m_attributes *a);

/* dm-observe.c */
/** lwm2m_dm_observe() - make the request an observation; before its answer. 0, or a
 * code with @words: it is to be refused. */
int lwm2m_dm_observe(struct lwm2m_client *c, const struct coap_request *req,
		     const struct lwm2m_path *paths, size_t nr, bool composite, uint32_t format,
		     char *words);
void lwm2m_dm_observe_ended(struct lwm2m_client *c, uint32_t obs, enum coap_observe_end why);
void lwm2m_dm_changed(struct lwm2m_client *c, const struct lwm2m_path *path);
/** lwm2m_dm_notify_run() - send what is due; returns when to come again. */
uint64_t lwm2m_dm_notify_run(struct lwm2m_client *c, bool send);
unsigned int lwm2m_dm_observations(const struct lwm2m_client *c);
/** lwm2m_observe_forget() - drop one, and what is kept for it. */
void lwm2m_observe_forget(struct lwm2m_client *c, struct lwm2m_observation *o);

/* observe-keep.c */
/** lwm2m_observe_store() - keep it as it is now, with what was told last. */
void lwm2m_observe_store(struct lwm2m_client *c, struct lwm2m_observation *o);
void lwm2m_observe_unstore(struct lwm2m_client *c, const struct lwm2m_observation *o);
void lwm2m_observe_load(struct lwm2m_client *c);

/* send.c */
bool lwm2m_send_result(struct lwm2m_client *c, const struct coap_result *res);
/** lwm2m_send_run() - send what waits; @send: the server can be told now. */
void lwm2m_send_run(struct lwm2m_client *c, bool send);
void lwm2m_send_free(struct lwm2m_client *c);

#endif /* SESAME_LWM2M_INTERNAL_H */
