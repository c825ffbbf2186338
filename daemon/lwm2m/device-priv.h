/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of a device: device.c (life and loop), device-accounts.c (accounts as the data
 * model has them), device-factory.c (what the configuration says, in the data model). */
#ifndef SESAME_LWM2M_DEVICE_PRIV_H
#define SESAME_LWM2M_DEVICE_PRIV_H

#include <sys/types.h>

#include "lwm2m/device.h"
#include "lwm2m/internal.h"

#define DEVICE_SECURITIES_MAX 4 /* instances of object 0 with one short server id */
#define DEVICE_CHANGES_MAX 32
#define DEVICE_DIGEST 32
#define DEVICE_WAKE 0U /* in the epoll set: no account has this id */

/**
 * struct device_account - one server account, or what became of it
 * @account: NULL if it could not be made; @why says why
 * @digest: of all that it was made of in objects 0 and 21
 * @leaving: it is no more in the data model and de-registers, until @leave_by
 * @blocked: waits for those before it in the order of /1/x/13
 * @fd, @inode, @events: what the epoll set has of it; fd -1: nothing
 */
struct device_account {
	struct lwm2m_device *dev;
	uint32_t id; /* of this entry, for the epoll set */
	uint16_t ssid;
	uint16_t security, server;
	char name[LWM2M_NAME_MAX];
	char uri[256];
	unsigned int mode;
	struct lwm2m_account *account;
	char why[CONTENT_WORDS_MAX];
	uint8_t digest[DEVICE_DIGEST];
	enum lwm2m_state state; /* that bootstrap was told of */
	unsigned int asked;	/* the same of lwm2m_status */
	bool leaving;
	uint64_t leave_by;
	bool blocked;
	int fd;
	ino_t inode;
	uint32_t events;
};

/* a change that the other accounts have to be told of */
struct device_change {
	struct lwm2m_client *by;
	uint16_t object;
	int32_t instance; /* -1: all */
};

struct lwm2m_device {
	struct lwm2m_device_config config; /* strings are ours, servers is not kept */
	char *strings[6];
	struct {
		char name[LWM2M_NAME_MAX];
		uint16_t ssid;
		char endpoint[128];
		unsigned int version;
		uint8_t made[DEVICE_DIGEST]; /* device_digest() when it was written */
	} factory[LWM2M_ACCOUNTS_MAX];
	size_t nr_factory;
	struct lwm2m_shared shared;
	int epoll;
	uint64_t now;
	struct {
		struct lwm2m_bootstrap *machine;
		int32_t connect; /* Security instance; -1: none */
		bool disconnect;
	} bs;
	uint64_t seen; /* generation of the data model that the accounts are made of */
	struct device_account *accounts[2 * LWM2M_ACCOUNTS_MAX];
	size_t nr;
	uint32_t last_id;
	struct device_change changes[DEVICE_CHANGES_MAX];
	size_t nr_changes;
	bool all_changed; /* more than that */
	int wake;	  /* eventfd: something changed outside of a call of the owner */
	bool awake;	  /* … it is readable */
	bool held;
	bool stopping;
};

/** device_log() - without a server where @a is NULL. */
void device_log(struct lwm2m_device *dev, const struct device_account *a, int level,
		const char *format, ...) __attribute__((format(printf, 4, 5)));

/** device_factory() - put the configuration's servers into the data model. 0, -errno with
 * @why. */
int device_factory(struct lwm2m_device *dev, const struct lwm2m_factory *servers, size_t nr,
		   char *why);

/** device_name() - how the account @ssid is called. */
void device_name(const struct lwm2m_device *dev, uint16_t ssid, char name[LWM2M_NAME_MAX]);

/**
 * device_digest() - of all that objects 0 and 21 say about the account @ssid
 *
 * Return: 0, -ENOENT (there is none), -ENOMEM, -EIO.
 */
int device_digest(const struct lwm2m_data *d, uint16_t ssid, uint8_t digest[DEVICE_DIGEST]);
/** device_trusted() - is the account as the configuration made it? @digest: of now */
bool device_trusted(const struct lwm2m_device *dev, uint16_t ssid,
		    const uint8_t digest[DEVICE_DIGEST]);

/** device_accounts_new() - an entry without account; NULL: no memory, or too many (logged). */
struct device_account *device_accounts_new(struct lwm2m_device *dev, uint16_t ssid);
/** device_accounts_drop_ssid() - at once, without taking leave. */
void device_accounts_drop_ssid(struct lwm2m_device *dev, uint16_t ssid);
/** device_accounts_revive() - make those anew that gave up registering. */
void device_accounts_revive(struct lwm2m_device *dev);

/* device-bootstrap.c; each does nothing, or nothing is to be done, without a machine */
int device_bootstrap_new(struct lwm2m_device *dev, const struct lwm2m_device_config *config);
void device_bootstrap_free(struct lwm2m_device *dev);
/** device_bootstrap_settle() - do what it asked for, tell it what became of accounts. */
void device_bootstrap_settle(struct lwm2m_device *dev);
/** device_bootstrap_first() - accounts have to wait for the card. */
bool device_bootstrap_first(const struct lwm2m_device *dev);
/** device_bootstrap_wanted() - is it a reason to bootstrap that @a cannot register? */
bool device_bootstrap_wanted(struct lwm2m_device *dev, const struct device_account *a);
int device_bootstrap_request(struct lwm2m_device *dev);
uint64_t device_bootstrap_deadline(const struct lwm2m_device *dev);
void device_bootstrap_tick(struct lwm2m_device *dev);
void device_bootstrap_se_changed(struct lwm2m_device *dev);

/** device_accounts_sync() - make accounts what the data model says, if it moved. */
void device_accounts_sync(struct lwm2m_device *dev);
/** device_accounts_order() - let those begin whose turn it is by /1/x/13 to 15. */
void device_accounts_order(struct lwm2m_device *dev);
/** device_accounts_reap() - drop those that have left. */
void device_accounts_reap(struct lwm2m_device *dev);
/** device_accounts_watch() - the epoll set has what each of them waits for. */
void device_accounts_watch(struct lwm2m_device *dev);
void device_accounts_free(struct lwm2m_device *dev);

#endif /* SESAME_LWM2M_DEVICE_PRIV_H */
