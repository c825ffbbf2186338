/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Software packages: what servers write to object 9 (a package for a secure
 * element) and object 5 (a script of its maker), and what becomes of it.
 *
 * A package goes block by block into a file of its own beside the journal; at no
 * time is it in memory as a whole. It may be interrupted at any block, by a
 * restart or a power cut too, and goes on there. Its first bytes say what it is:
 *
 *   PK, or tag E2, C4	a CAP file or load file: Install makes a plan of it (load, an
 *			instance of each applet)
 *   AA, AE		a command script (ETSI TS 102 226), run as it is
 *   {			a plan as in gp/plan.h; Uninstall rolls it back
 *
 * What is done runs as a job of "lwm2m:SERVER", under its policy, once. Each
 * server has packages of its own. Not thread safe; belongs to the owner's loop.
 */
#ifndef SESAME_LWM2M_PACKAGES_H
#define SESAME_LWM2M_PACKAGES_H

#include "lwm2m/apps.h"

#define LWM2M_PACKAGES_MAX 32	       /* of all servers together */
#define LWM2M_PACKAGE_MAX (4U << 20)   /* bytes of one */
#define LWM2M_PACKAGE_AIDS_MAX 16      /* applets of one */
#define LWM2M_PACKAGE_SYNC (64U << 10) /* bytes that a power cut may take at most */
#define LWM2M_PACKAGE_SLOT 0x40000     /* job_find(): of instance 0 of object 9 */
#define LWM2M_FIRMWARE_SLOT 0x50000    /* … of object 5 */

struct lwm2m_packages;

/** enum lwm2m_package_kind - by its first bytes */
enum lwm2m_package_kind {
	LWM2M_PACKAGE_NONE, /* nothing there, or not enough to tell */
	LWM2M_PACKAGE_CAP,
	LWM2M_PACKAGE_SCRIPT,
	LWM2M_PACKAGE_PLAN,
};

/** enum lwm2m_package_op - what is under way */
enum lwm2m_package_op {
	LWM2M_PACKAGE_IDLE,
	LWM2M_PACKAGE_INSTALL,
	LWM2M_PACKAGE_UNINSTALL,
	LWM2M_PACKAGE_ACTIVATE,
	LWM2M_PACKAGE_DEACTIVATE,
};

/**
 * struct lwm2m_package - one package at one moment
 * @object, @id: instance of 9 or 5
 * @kind: as its first bytes say
 * @state, @result: enum model_software_state and _result
 * @op: what is under way
 * @active: its instances can be selected
 * @update_objects: resource 8 of object 9
 * @se: instance of 26241, -1: the first one
 * @staged: bytes that are here; a transfer may go on there, or before it
 * @name, @version, @elf, @aids: of a CAP file, once it is delivered; @aids are the
 *	instances that it makes
 * @keyset, @sd: that it was installed with
 * @reason: what happened, in words
 */
struct lwm2m_package {
	uint16_t object, id;
	enum lwm2m_package_kind kind;
	unsigned int state, result;
	enum lwm2m_package_op op;
	bool active, update_objects;
	int32_t se;
	uint64_t staged;
	char name[256], version[16];
	struct gp_aid elf;
	struct gp_aid modules[LWM2M_PACKAGE_AIDS_MAX], aids[LWM2M_PACKAGE_AIDS_MAX];
	size_t nr_aids;
	char keyset[32];
	struct gp_aid sd;
	char reason[256];
};

/**
 * lwm2m_packages_new() - those that @state knows
 * @apps: tells whether an instance is locked; may be NULL
 * @state: NULL: they are forgotten at the end, and their files with them
 * @changed: an instance of object 9 or 5 changed; -1: came or went
 *
 * Files lie in the journal's directory. What had ended while nobody looked is
 * taken account of. Return: 0, -ENOMEM, or what @state said.
 */
int lwm2m_packages_new(struct lwm2m_packages **ret, struct job_store *store,
		       struct lwm2m_apps *apps, struct store *state,
		       void (*changed)(void *ctx, uint16_t object, int32_t instance),
		       void *ctx);
void lwm2m_packages_free(struct lwm2m_packages *p);

/** lwm2m_packages_list() - instances of @object that @server has, by rising order. */
size_t lwm2m_packages_list(const struct lwm2m_packages *p, const char *server, uint16_t object,
			   uint16_t *ids, size_t room);
/** lwm2m_packages_get() - valid until the next call that changes one; NULL: not there. */
const struct lwm2m_package *lwm2m_packages_get(const struct lwm2m_packages *p,
					       const char *server, uint16_t object,
					       uint16_t id);

/*
 * The rest returns 0 or a negative errno with @words: -ENOENT, -EBUSY (something is
 * under way), -EOPNOTSUPP (not in this state), -EINVAL, -ENOSPC, -EFBIG, -ESTALE (bytes
 * are missing before these), -EACCES (policy), or what job/ and the state said.
 */

int lwm2m_packages_create(struct lwm2m_packages *p, const char *server, uint16_t object,
			  uint16_t id, char *words);
/** lwm2m_packages_remove() - the package and its file; what is on the card stays. */
int lwm2m_packages_remove(struct lwm2m_packages *p, const char *server, uint16_t object,
			  uint16_t id, char *words);

/** lwm2m_packages_set() - resources 13 (-1: not set) and 8 */
int lwm2m_packages_set(struct lwm2m_packages *p, const char *server, uint16_t object,
		       uint16_t id, int32_t se, bool update_objects, char *words);

/**
 * lwm2m_packages_write() - bytes of the package at @offset
 * @offset: 0 begins anew; otherwise at most what is staged: what was behind goes
 * @last: it is whole with them: it is looked at, and refused if it is damaged
 */
int lwm2m_packages_write(struct lwm2m_packages *p, const char *server, uint16_t object,
			 uint16_t id, uint64_t offset, const uint8_t *data, size_t len,
			 bool last, char *words);

/** lwm2m_packages_reset() - as if nothing had ever been written; @result is shown. */
int lwm2m_packages_reset(struct lwm2m_packages *p, const char *server, uint16_t object,
			 uint16_t id, unsigned int result, char *words);

/**
 * lwm2m_packages_run() - begin @op, which ends some time later
 * @keyset, @sd: INSTALL: whose keys; kept for what follows. NULL: those of before
 * @aid: INSTALL: of the instance, where there is one applet; NULL: that of the module
 */
int lwm2m_packages_run(struct lwm2m_packages *p, const char *server, uint16_t object,
		       uint16_t id, enum lwm2m_package_op op, const char *keyset,
		       const struct gp_aid *sd, const struct gp_aid *aid, char *words);

/** lwm2m_packages_job_changed() - for job_listen(). */
void lwm2m_packages_job_changed(struct lwm2m_packages *p, uint64_t job);

#endif /* SESAME_LWM2M_PACKAGES_H */
