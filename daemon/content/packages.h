/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Software packages: what servers deliver (LwM2M: object 9, a package for a secure
 * element; object 5, a script of its maker), and what becomes of it.
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
 * What is done runs as a job of its origin, under its policy, once. Each origin has
 * packages of its own; @object is MODEL_OBJECT_SOFTWARE or MODEL_OBJECT_FIRMWARE (scripts
 * only), whatever the front end calls them. Not thread safe; belongs to the owner's loop.
 */
#ifndef SESAME_CONTENT_PACKAGES_H
#define SESAME_CONTENT_PACKAGES_H

#include "content/apps.h"
#include "job/job.h"

#define CONTENT_PACKAGES_MAX 32		 /* of all origins together */
#define CONTENT_PACKAGE_MAX (4U << 20)	 /* bytes of one */
#define CONTENT_PACKAGE_AIDS_MAX 16	 /* applets of one */
#define CONTENT_PACKAGE_SYNC (64U << 10) /* bytes that a power cut may take at most */

struct content_packages;

/** enum content_package_kind - by its first bytes */
enum content_package_kind {
	CONTENT_PACKAGE_NONE, /* nothing there, or not enough to tell */
	CONTENT_PACKAGE_CAP,
	CONTENT_PACKAGE_SCRIPT,
	CONTENT_PACKAGE_PLAN,
};

/** enum content_package_op - what is under way */
enum content_package_op {
	CONTENT_PACKAGE_IDLE,
	CONTENT_PACKAGE_INSTALL,
	CONTENT_PACKAGE_UNINSTALL,
	CONTENT_PACKAGE_ACTIVATE,
	CONTENT_PACKAGE_DEACTIVATE,
};

/**
 * struct content_package_run - the last operation on a package, as in struct job_info; kept
 * when the job is gone, over restarts too
 * @job: its id; 0: there was none yet
 * @run: which run of it
 * @state: how it goes, or ended
 */
struct content_package_run {
	uint64_t job;
	uint32_t run;
	enum job_state state;
	char code[JOB_CODE_MAX];
	uint32_t executed, total;
	uint16_t last_sw, interrupted;
};

/**
 * struct content_package - one package at one moment
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
 * @last: the last operation, also while @op is under way; its job is in slot
 *	CONTENT_PACKAGE_SLOT + @id (object 5: CONTENT_FIRMWARE_SLOT) until it has ended
 */
struct content_package {
	uint16_t object, id;
	enum content_package_kind kind;
	unsigned int state, result;
	enum content_package_op op;
	bool active, update_objects;
	int32_t se;
	uint64_t staged;
	char name[256], version[16];
	struct gp_aid elf;
	struct gp_aid modules[CONTENT_PACKAGE_AIDS_MAX], aids[CONTENT_PACKAGE_AIDS_MAX];
	size_t nr_aids;
	char keyset[32];
	struct gp_aid sd;
	char reason[CONTENT_WORDS_MAX];
	struct content_package_run last;
};

/**
 * content_packages_new() - those that @state knows
 * @apps: tells whether an instance is locked; may be NULL
 * @state: NULL: they are forgotten at the end, and their files with them
 *
 * Files lie in the journal's directory. What had ended while nobody looked is
 * taken account of. Return: 0, -ENOMEM, or what @state said.
 */
int content_packages_new(struct content_packages **ret, struct job_store *store,
			 struct content_apps *apps, struct store *state);
void content_packages_free(struct content_packages *p);

/** content_packages_listen() - be told of each package (object, instance) that changed; -1:
 * some came or went. 0 or -ENOSPC. */
int content_packages_listen(struct content_packages *p, content_fn fn, void *ctx);
void content_packages_unlisten(struct content_packages *p, content_fn fn, void *ctx);

/** content_packages_list() - instances of @object that @origin has, by rising order. */
size_t content_packages_list(const struct content_packages *p, const char *origin,
			     uint16_t object, uint16_t *ids, size_t room);
/** content_packages_get() - valid until the next call that changes one; NULL: not there. */
const struct content_package *content_packages_get(const struct content_packages *p,
						   const char *origin, uint16_t object,
						   uint16_t id);

/*
 * The rest returns 0 or a negative errno with @words: -ENOENT, -EBUSY (something is
 * under way), -EOPNOTSUPP (not in this state), -EINVAL, -ENOSPC, -EFBIG, -ESTALE (bytes
 * are missing before these), -EACCES (policy), or what job/ and the state said.
 */

int content_packages_create(struct content_packages *p, const char *origin, uint16_t object,
			    uint16_t id, char *words);
/** content_packages_remove() - the package and its file; what is on the card stays. */
int content_packages_remove(struct content_packages *p, const char *origin, uint16_t object,
			    uint16_t id, char *words);

/** content_packages_set() - resources 13 (-1: not set) and 8 */
int content_packages_set(struct content_packages *p, const char *origin, uint16_t object,
			 uint16_t id, int32_t se, bool update_objects, char *words);

/**
 * content_packages_write() - bytes of the package at @offset
 * @offset: 0 begins anew; otherwise at most what is staged: what was behind goes
 * @last: it is whole with them: it is looked at, and refused if it is damaged
 */
int content_packages_write(struct content_packages *p, const char *origin, uint16_t object,
			   uint16_t id, uint64_t offset, const uint8_t *data, size_t len,
			   bool last, char *words);

/** content_packages_reset() - as if nothing had ever been written; @result is shown. */
int content_packages_reset(struct content_packages *p, const char *origin, uint16_t object,
			   uint16_t id, unsigned int result, char *words);

/**
 * content_packages_run() - begin @op, which ends some time later
 * @keyset, @sd: INSTALL: whose keys; kept for what follows. NULL: those of before
 * @aid: INSTALL: of the instance, where there is one applet; NULL: that of the module
 */
int content_packages_run(struct content_packages *p, const char *origin, uint16_t object,
			 uint16_t id, enum content_package_op op, const char *keyset,
			 const struct gp_aid *sd, const struct gp_aid *aid, char *words);

/** content_packages_job_changed() - for job_listen(). */
void content_packages_job_changed(struct content_packages *p, uint64_t job);

#endif /* SESAME_CONTENT_PACKAGES_H */
