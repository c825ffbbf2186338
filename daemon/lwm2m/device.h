/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One LwM2M client device: data model, accounts, bootstrap. To the outside one
 * descriptor (an epoll set, readable when there is something to do) and one
 * deadline, so that a process may have many of them.
 *
 * An account is a pair of a Security instance that is not for bootstrap and the
 * Server instance of the same short server id. What the configuration names is
 * put into the data model at the first start, and again when its section
 * changed; from then on the data model counts: a bootstrap server may change,
 * add and remove accounts, which then come and go while the device runs.
 *
 * Times are CLOCK_MONOTONIC in milliseconds. Not thread safe.
 */
#ifndef SESAME_LWM2M_DEVICE_H
#define SESAME_LWM2M_DEVICE_H

#include "content/content.h"
#include "lwm2m/bootstrap.h"
#include "lwm2m/data.h"
#include "lwm2m/lwm2m.h"

#define LWM2M_ACCOUNTS_MAX 16
#define LWM2M_NAME_MAX 32

/**
 * struct lwm2m_factory - a server as the configuration has it, a [server] section
 * @name: names the account in logs, origins of jobs ("lwm2m:NAME") and policies
 * @bootstrap: it is a bootstrap server: @ssid and what concerns object 1 is not used
 * @ssid: short server id, 1 to 65534
 * @endpoint: endpoint client name for this server; NULL: the device's
 * @uri: coap://, coaps://, coap+tcp:// or coaps+tcp://
 * @mode: /0/x/2: 0 PSK, 1 raw public key, 2 certificate, 3 NoSec
 * @identity: /0/x/3: PSK identity, our certificate (DER) or public key
 *	(SubjectPublicKeyInfo), or a reference to one in a secure element
 * @peer: /0/x/4: the server's certificate or public key; may be empty
 * @secret: /0/x/5: PSK, private key (PKCS #8) or a reference
 * @sni, @cert_usage (-1: not set), @hold_off (s): /0/x/14, 15, 11
 * @lifetime: s; @pmin, @pmax: s, 0: none; @binding: "U", "UQ", "T" …, NULL: from
 *	the URI
 * @version: 10, 11, 12 to fix the highest LwM2M version, 0: the highest we have
 * @oscore: 21's values, if @oscore.sender_len or @oscore.secret_len is not 0
 * Bytes and strings are copied; secrets are wiped at the end.
 */
struct lwm2m_factory {
	const char *name;
	bool bootstrap;
	uint16_t ssid;
	const char *endpoint;
	const char *uri;
	unsigned int mode;
	struct lwm2m_bytes identity, peer, secret;
	const char *sni;
	int cert_usage;
	uint32_t hold_off;
	uint32_t lifetime, pmin, pmax;
	const char *binding;
	unsigned int version;
	struct {
		struct lwm2m_bytes secret, salt, sender, recipient, context;
		int aead; /* COSE number, 0: AES-CCM-16-64-128 */
	} oscore;
};

/**
 * struct lwm2m_device_config
 * @endpoint: endpoint client name
 * @state_dir: where lwm2m.db lies; NULL: in memory, all is forgotten
 * @store: of the process; may be shared by devices whose server names differ
 * @content: what is on the SEs, with the same store; outlives the device; NULL: nothing
 * @keys: for keys by reference (keys/cred.h), outlives the device; NULL: there are none
 * @manufacturer, @model, @serial, @firmware: object 3, NULL: not there
 * @servers, @nr_servers: the configuration's
 * @allow_nosec: accounts without security may come from bootstrap as well
 * @optional: as in struct lwm2m_bootstrap_config
 * @hold_until: contact no server before then or lwm2m_device_release(); 0: at once
 * @read_card: begin to read the card's bootstrap file, lwm2m_device_card() tells what came
 *	of it; 0 or a negative errno. NULL: there is no card to bootstrap from
 * @factory: contents of the factory file (lwm2m/bsfile.h); len 0: none
 * @bootstrap_pack, @bootstrap_version: as in struct lwm2m_bootstrap_config; 0: 12
 * @reboot: /3/0/4 was executed: end and start again, soon; NULL: it is refused
 * @log: as in struct lwm2m_client_ops; @server is the account's name or ""
 */
struct lwm2m_device_config {
	const char *endpoint;
	const char *state_dir;
	struct job_store *store;
	struct content *content;
	struct se_keys *keys;
	const char *manufacturer, *model, *serial, *firmware;
	const struct lwm2m_factory *servers;
	size_t nr_servers;
	bool allow_nosec;
	bool optional;
	uint64_t hold_until;
	int (*read_card)(void *ctx);
	struct lwm2m_bytes factory;
	bool bootstrap_pack;
	unsigned int bootstrap_version;
	void (*reboot)(void *ctx);
	void (*log)(void *ctx, int level, const char *server, const char *text);
	void *ctx; /* of all three */
};

struct lwm2m_device;

/**
 * lwm2m_device_new() - make it and begin
 * @why: what is wrong, CONTENT_WORDS_MAX bytes
 *
 * An account that cannot be made (bad address, key that is not there) is logged
 * and tried again when its data change; it keeps no other from working.
 *
 * Return: 0, -EINVAL (configuration), -ENOMEM, or what the state's store said.
 */
int lwm2m_device_new(struct lwm2m_device **ret, const struct lwm2m_device_config *config,
		     uint64_t now, char *why);
void lwm2m_device_free(struct lwm2m_device *dev);

/** lwm2m_device_fd() - always the same one; wait for EPOLLIN. */
int lwm2m_device_fd(const struct lwm2m_device *dev);
/** lwm2m_device_deadline() - when lwm2m_device_tick() is wanted, or LWM2M_NEVER. */
uint64_t lwm2m_device_deadline(const struct lwm2m_device *dev);
void lwm2m_device_ready(struct lwm2m_device *dev, uint64_t now);
void lwm2m_device_tick(struct lwm2m_device *dev, uint64_t now);
void lwm2m_device_job_changed(struct lwm2m_device *dev, uint64_t now, uint64_t job);
void lwm2m_device_se_changed(struct lwm2m_device *dev, uint64_t now, uint16_t instance);
/** lwm2m_device_network() - addresses or routes have changed, see lwm2m_account_network(). */
void lwm2m_device_network(struct lwm2m_device *dev, uint64_t now);
/** lwm2m_device_release() - what servers may ask for is there: contact them. */
void lwm2m_device_release(struct lwm2m_device *dev, uint64_t now);
/** lwm2m_device_stop() - de-register everywhere; lwm2m_device_stopped() tells when
 * it is over. */
void lwm2m_device_stop(struct lwm2m_device *dev, uint64_t now);
bool lwm2m_device_stopped(const struct lwm2m_device *dev);

/** lwm2m_device_card() - as lwm2m_bootstrap_card(). */
void lwm2m_device_card(struct lwm2m_device *dev, uint64_t now, int error, const uint8_t *p,
		       size_t len);
/** lwm2m_device_bootstrap() - how bootstrap goes; 0 or -ENOENT. */
int lwm2m_device_bootstrap(const struct lwm2m_device *dev, struct lwm2m_bootstrap_status *out);

/**
 * lwm2m_device_update() - ask for an Update now (as /1/x/8), of @name or of all (NULL)
 *
 * Return: 0, -ENOENT, -ENOTCONN (not registered: it registers as soon as it can).
 */
int lwm2m_device_update(struct lwm2m_device *dev, uint64_t now, const char *name);

/** struct lwm2m_device_account - for logs and the control interface */
struct lwm2m_device_account {
	char name[LWM2M_NAME_MAX];
	char uri[256];
	uint16_t ssid;		   /* LWM2M_SSID_BOOTSTRAP: the bootstrap account */
	uint16_t security, server; /* instances of 0 and 1 */
	unsigned int mode;	   /* /0/x/2 */
	bool working;		   /* false: it could not be made, see status.error */
	struct lwm2m_status status;
};

/** lwm2m_device_account() - the one at @index; 0 or -ENOENT. */
int lwm2m_device_account(const struct lwm2m_device *dev, unsigned int index,
			 struct lwm2m_device_account *out);

/** lwm2m_device_data() - the data model; change it only within a call of yours to
 * the device, or call lwm2m_device_tick() afterwards. */
struct lwm2m_data *lwm2m_device_data(struct lwm2m_device *dev);

#endif /* SESAME_LWM2M_DEVICE_H */
