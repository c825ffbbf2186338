/* SPDX-License-Identifier: Apache-2.0 */
/*
 * semd's configuration: an INI file and its drop-ins.
 *
 *	# comment            ; comment
 *	[section NAME]
 *	key=value
 *
 * FILE is read first, then FILE.d/ *.conf in the order of their names; the last
 * word on a key counts. An unknown section or key is a warning (a newer file
 * with an older program), a bad value is an error. All is said with file:line
 * and what would be allowed. Documentation/man/semd.conf.5 lists the keys.
 */
#ifndef SESAME_CONFIG_H
#define SESAME_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_SES_MAX 16
#define CONFIG_SERVERS_MAX 8
#define CONFIG_KEYSETS_MAX 32
#define CONFIG_POLICIES_MAX 16
#define CONFIG_DMS_MAX 8
#define CONFIG_NAME_MAX 32
#define CONFIG_PSK_MAX 64

/** struct config_se - [se NAME] */
struct config_se {
	char name[CONFIG_NAME_MAX];
	char where[128]; /* file:line of the section, for messages */
	char open[128];
	char type[16];
};

/** struct config_server - [server NAME]; "" is "not set" */
struct config_server {
	char name[CONFIG_NAME_MAX];
	char where[128];
	char uri[256];
	char endpoint[128];
	char bootstrap[4]; /* yes, no */
	char security[8];  /* psk, rpk, x509, nosec; not set: by what else is */
	char psk_identity[128];
	char psk_file[256];
	char psk[512];	       /* reference, keys/seref.h */
	char key[512];	       /* path or reference */
	char cert[512];	       /* path or reference */
	char server_key[512];  /* path or reference */
	char server_cert[512]; /* path or reference */
	char cert_usage[8];    /* ca, service, anchor, domain */
	char sni[128];
	char binding[8];
	char oscore_secret_file[256];
	char oscore_sender[32], oscore_recipient[32]; /* hex */
	char oscore_salt[136], oscore_context[64];    /* hex */
	uint32_t lifetime;			      /* seconds */
	uint32_t ssid;
	uint32_t pmin, pmax; /* seconds, 0 = none */
	uint32_t hold_off;   /* seconds */
	uint32_t version;    /* 10, 11, 12; 0: not set */
};

/**
 * struct config_credentials - who we are to one server, and whom we trust
 * @mode: resource 2 of LwM2M's object 0: 0 PSK, 1 raw public key, 2 certificate, 3 none
 * @identity, @peer, @secret: resources 3, 4 and 5: bytes, or a reference to them
 * @usage: resource 15, or -1
 * @oscore_secret and so on: of object 21; the secret's length 0: none
 */
struct config_bytes {
	uint8_t *p;
	size_t len;
};

struct config_credentials {
	unsigned int mode;
	struct config_bytes identity, peer, secret;
	int usage;
	struct config_bytes oscore_secret, oscore_salt, oscore_sender, oscore_recipient,
		oscore_context;
};

/** struct config_keyset - [keyset NAME]: where keys come from, keys/source.h */
struct config_keyset {
	char name[CONFIG_NAME_MAX];
	char where[128];
	char keys[512];
};

/** struct config_policy - [policy NAME]: as struct policy_text of job/policy.h */
struct config_policy {
	char name[CONFIG_NAME_MAX];
	char where[128];
	char origin[512];
	char keysets[512];
	char aids[640];
	char operations[512];
	char instructions[256];
	char rate[16];
};

/**
 * struct config_bootstrap - [bootstrap]: where server accounts come from
 * @card: name of the SE with a PKCS #15 application; empty: none is asked
 * @aid: of that application, in hex; empty: the usual one
 * @pin_file: its PIN
 * @keyset: a [keyset] for SCP03; empty: no secure channel
 * @file: factory file, the same bytes as the card's
 * @pack: yes: ask the bootstrap server for a Bootstrap-Pack first
 */
struct config_bootstrap {
	char card[CONFIG_NAME_MAX];
	char aid[33];
	char pin_file[256];
	char keyset[CONFIG_NAME_MAX];
	char file[256];
	char pack[4];
};

/**
 * struct config_dm - [dm]: what concerns all OMA DM servers; "" is "not set"
 * @device_id: ./DevInfo/DevId
 * @udp_port, @coap_port: of notifications, 0: none
 * @bind: numeric address to listen on
 * @max_msg, @max_obj: bytes, 0: the default
 * @retry: seconds
 * @ca, @cert, @key: of accounts that have no section of their own
 * @server_accounts: "yes": servers may add accounts
 * @server_accounts_ids: of these servers, with blanks between; see config_dm_may_bring()
 * @bootstrap_file: profile to begin with
 * @bootstrap_pin_file: the user's PIN, for profiles that come over the air
 * @bootstrap_network_file: what the network shares with the device, for the same
 * @bootstrap_card, @bootstrap_aid, @bootstrap_card_pin_file, @bootstrap_keyset: as card, aid,
 *	pin_file and keyset of struct config_bootstrap
 */
struct config_dm {
	bool used; /* there is a section [dm] or [dm NAME] */
	char device_id[128];
	uint32_t udp_port, coap_port;
	char bind[64];
	uint32_t max_msg, max_obj, retry;
	char ca[256];
	char cert[512]; /* path or reference */
	char key[512];
	char server_accounts[4];
	char server_accounts_ids[512];
	char bootstrap_file[256];
	char bootstrap_pin_file[256];
	char bootstrap_network_file[256];
	char bootstrap_card[CONFIG_NAME_MAX];
	char bootstrap_aid[33];
	char bootstrap_card_pin_file[256];
	char bootstrap_keyset[CONFIG_NAME_MAX];
};

/** struct config_dm_account - [dm NAME] */
struct config_dm_account {
	char name[CONFIG_NAME_MAX];
	char where[128];
	char server_id[64];
	char uri[256];
	char auth[12]; /* md5, hmac, basic, transport */
	char client_name[128];
	char client_secret_file[256];
	char server_name[128];
	char server_secret_file[256];
	char client_nonce[130], server_nonce[130]; /* hex */
	char ca[256];
	char pin[256];
	char cert[512]; /* path or reference */
	char key[512];
	char coding[8]; /* xml, wbxml */
	char allow_http[4], allow_basic[4];
	uint32_t poll; /* seconds, 0: none */
};

struct config {
	char state_dir[256];
	char runtime_dir[256];
	char group[64];	    /* may use the control socket; empty = only root and us */
	uint32_t log_level; /* syslog's LOG_ERR to LOG_DEBUG */
	uint32_t chunk;
	uint32_t jobs_per_origin;
	uint32_t script_max; /* bytes */
	uint32_t keep_idle;  /* seconds */
	char manufacturer[64];
	char model[64];
	char serial[64];
	char firmware[64];
	char endpoint[128];  /* [lwm2m]: where a [server] has none of its own */
	char allow_nosec[4]; /* yes, no */
	char reboot[8];	     /* semd, no */
	struct config_bootstrap bootstrap;
	struct config_se se[CONFIG_SES_MAX];
	size_t nr_se;
	struct config_server server[CONFIG_SERVERS_MAX];
	size_t nr_server;
	struct config_keyset keyset[CONFIG_KEYSETS_MAX];
	size_t nr_keyset;
	struct config_policy policy[CONFIG_POLICIES_MAX];
	size_t nr_policy;
	struct config_dm dm;
	struct config_dm_account dm_account[CONFIG_DMS_MAX];
	size_t nr_dm;
};

struct job_policy;

/** called for each warning and error; @text starts with file:line */
typedef void (*config_report_t)(void *ctx, bool error, const char *text);

/** config_init - the defaults */
void config_init(struct config *c);

/**
 * config_parse - take over one file's text
 * @file: its name, for messages
 *
 * Goes on after an error, so that all are seen. Returns 0 or -EINVAL.
 */
int config_parse(struct config *c, const char *file, const char *text, size_t len,
		 config_report_t report, void *ctx);

/**
 * config_policy_read - what a section says, as job/ takes it
 * @why: gets what is wrong
 *
 * Returns 0 or -EINVAL.
 */
int config_policy_read(const struct config_policy *l, struct job_policy *policy, char *why,
		       size_t room);

/** config_check - is what was parsed complete and consistent? 0 or -EINVAL */
int config_check(const struct config *c, config_report_t report, void *ctx);

/**
 * config_load - init, read @path and its drop-ins, check
 *
 * Returns 0, -EINVAL, or -errno where a file cannot be read (reported too).
 */
int config_load(struct config *c, const char *path, config_report_t report, void *ctx);

/**
 * config_server_credentials - read what the files of a section hold
 * @out: config_credentials_clear() it, whatever is returned
 * @why: gets the reason on failure: which key, which file
 *
 * Files with secrets must be as config_read_psk() wants them. Returns 0, -EINVAL,
 * -EACCES, -ENOMEM, or what the file said.
 */
int config_server_credentials(const struct config_server *s, struct config_credentials *out,
			      char *why, size_t room);
/** config_credentials_clear - wipe and free */
void config_credentials_clear(struct config_credentials *c);

/**
 * struct config_dm_credentials - what the files of a section [dm NAME], or [dm], hold
 * @cert, @key: bytes, or a reference to them
 */
struct config_dm_credentials {
	struct config_bytes client_secret, server_secret, client_nonce, server_nonce;
	struct config_bytes cert, key;
};

/**
 * config_dm_credentials - read them; @a NULL: those of [dm]
 * @out: config_dm_credentials_clear() it, whatever is returned
 *
 * Returns as config_server_credentials().
 */
int config_dm_credentials(const struct config *c, const struct config_dm_account *a,
			  struct config_dm_credentials *out, char *why, size_t room);
void config_dm_credentials_clear(struct config_dm_credentials *c);

/**
 * config_dm_files - can all be used that the section, or [dm], names? For semd --check.
 *
 * Returns as config_dm_credentials().
 */
int config_dm_files(const struct config *c, const struct config_dm_account *a, char *why,
		    size_t room);

/** config_dm_check - is the section complete? NULL, or what is wrong with it */
const char *config_dm_check(const struct config *c, const struct config_dm_account *a);

/** config_dm_general - the same of [dm], where lines are not known */
const char *config_dm_general(const struct config *c);

/**
 * config_dm_stranger - is this the origin of an OMA DM server that no section has?
 *
 * Not an error: an account may come from a bootstrap profile or a server. Where there is no
 * other way for one to come it is a slip, mostly the section's name in place of the identifier.
 */
bool config_dm_stranger(const struct config *c, const char *origin);

/**
 * config_dm_may_bring - may a server add an account for another one, @server_id?
 *
 * Those of server_accounts_ids=. Without it, any whose name gives it nothing: none that has
 * a [dm NAME] or a policy of its own here.
 */
bool config_dm_may_bring(const struct config *c, const char *server_id);

/** config_dm_uri - NULL, or what is wrong with a server's address */
const char *config_dm_uri(const char *uri);

/**
 * config_read_network - what a mobile network shares with the device, as a key
 *
 * The file has the digits of an IMSI, or hex: and the octets (an ESN, say). 0; -EINVAL and
 * others with @why, in which nothing of it stands.
 */
int config_read_network(const char *path, struct config_bytes *out, char *why, size_t room);

/** config_read_secret - a password: the file's text without what ends its line */
int config_read_secret(const char *path, struct config_bytes *out, char *why, size_t room);

/** config_take - a file's bytes, or the reference itself; nothing for "" */
int config_take(const char *key, const char *value, bool secret, struct config_bytes *out,
		char *why, size_t room);
int config_take_hex(const char *hex, struct config_bytes *out);
/** config_take_key - the same of a private key, which has to be one */
int config_take_key(const char *value, struct config_bytes *out, char *why, size_t room);
/** config_bytes_clear - wipe and free */
void config_bytes_clear(struct config_bytes *b);

/** config_server_check - is the section complete? NULL, or what is wrong with it */
const char *config_server_check(const struct config *c, const struct config_server *s);

/** config_server_secure - does its address ask for DTLS or TLS? */
bool config_server_secure(const struct config_server *s);

/** config_is_reference - a key or certificate that is not in a file of its own */
bool config_is_reference(const char *value);

/**
 * config_read_file - a key or certificate, as it is
 * @secret: only if nobody else can read it: -EACCES otherwise
 * @out: gets it, to be wiped and freed by the caller; at most 16 KiB
 */
int config_read_file(const char *path, bool secret, struct config_bytes *out, char *why,
		     size_t room);

/**
 * config_read_psk - a pre-shared key from a file of hex digits
 * @key: CONFIG_PSK_MAX bytes; the caller clears it
 * @why: gets the reason on failure
 *
 * The file must be a regular one that belongs to root or to us, and nobody
 * else may read it: -EACCES otherwise. -EINVAL if it holds anything but 1 to
 * CONFIG_PSK_MAX bytes in hex.
 */
int config_read_psk(const char *path, uint8_t *key, size_t *len, char *why, size_t room);

#endif /* SESAME_CONFIG_H */
