// SPDX-License-Identifier: Apache-2.0
/* What is asked of the ledger; ledger-store.c has its files. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "gp/error.h"
#include "keys/ledger.h"
#include "keys/ledger-entry.h"
#include "keys/ledger-store.h"

#define WAIT_MS 5000

struct ledger {
	int dir; /* of the entries */
	char path[512];
};

struct ledger_attempt {
	int dir;
	int lock;
	char file[LEDGER_FILE_MAX];
	struct ledger_entry now;
	struct ledger_entry before; /* valid with had */
	bool had;
	bool keep; /* what was before cannot be put back */
};

int ledger_open(struct ledger **ret, const char *dir, struct gp_error *err)
{
	struct ledger *l;
	struct stat st;
	int r;

	l = calloc(1, sizeof(*l));
	if (!l)
		return gp_fail(err, -ENOMEM, "no-memory", "out of memory");
	l->dir = -1;
	if (dir)
		r = (size_t)snprintf(l->path, sizeof(l->path), "%s", dir) < sizeof(l->path)
			    ? 0
			    : -ENAMETOOLONG;
	else
		r = ledger_store_default(l->path, sizeof(l->path));
	if (!r && !l->path[0])
		r = -ENOENT;
	if (!r)
		r = ledger_store_make(l->path);
	if (!r)
		r = ledger_store_open(l->path, &l->dir);
	if (!r && fstat(l->dir, &st))
		r = -errno;
	if (!r && (st.st_mode & 022)) {
		gp_fail(err, -EACCES, "ledger",
			"%s/" LEDGER_FOLDER
			" can be written by others (mode %04o): chmod 700 it",
			l->path, st.st_mode & 07777);
		ledger_close(l);
		return -EACCES;
	}
	if (r) {
		gp_fail(err, r, "ledger", "the ledger of attempts in %s cannot be opened: %s",
			l->path[0] ? l->path : "the home folder", strerror(-r));
		ledger_close(l);
		return r;
	}
	*ret = l;
	return 0;
}

void ledger_close(struct ledger *l)
{
	if (!l)
		return;
	if (l->dir >= 0)
		close(l->dir);
	free(l);
}

/* ---- attempts ---- */

static void program_name(char name[32])
{
	snprintf(name, 32, "%.19s[%d]", program_invocation_short_name, (int)getpid());
	for (; *name; name++)
		if (*name < 0x20 || *name > 0x7e)
			*name = '?';
}

static int refuse(const struct ledger_entry *e, struct gp_error *err)
{
	time_t when = (time_t)e->time;
	char day[32] = "?";
	struct tm tm;

	if (gmtime_r(&when, &tm))
		strftime(day, sizeof(day), "%Y-%m-%d %H:%M:%S UTC", &tm);
	if (e->state == LEDGER_FAILED)
		return gp_fail(err, -EPERM, "attempt-refused",
			       "the card refused the last authentication with key version %02X "
			       "(%u in a row, the last on %s by %s); cards lock up for good "
			       "after a few: check the keys, then allow a retry",
			       e->id.kvn, e->attempts, day, e->program);
	return gp_fail(err, -EPERM, "attempt-unknown",
		       "how the last authentication with key version %02X ended is not known "
		       "(%u without success, the last on %s by %s), it may have counted; allow "
		       "a retry if the keys are right",
		       e->id.kvn, e->attempts, day, e->program);
}

static int look_before(struct ledger_attempt *a, const struct ledger *l, bool retry,
		       struct gp_error *err)
{
	int r = ledger_store_get(a->dir, a->file, &a->before);

	if (r == -EBADMSG && retry) {
		a->keep = true;
		return 0;
	}
	if (r == -EBADMSG)
		return gp_fail(err, r, "ledger-corrupt",
			       "%s/" LEDGER_FOLDER
			       "/%.40s… is damaged: it is not known how many "
			       "authentications failed; forget the entry or allow a retry if "
			       "the keys are right",
			       l->path, a->file);
	if (r == -ENOENT)
		return 0;
	if (r)
		return gp_fail(err, r, "ledger", "%s/" LEDGER_FOLDER " cannot be read: %s",
			       l->path, strerror(-r));
	a->had = true;
	if (a->before.state != LEDGER_SUCCESS && !retry)
		return refuse(&a->before, err);
	return 0;
}

int ledger_begin(struct ledger *l, const struct ledger_id *id, bool retry,
		 struct ledger_attempt **ret, struct gp_error *err)
{
	struct ledger_attempt *a;
	int r;

	if (!ledger_id_ok(id))
		return gp_fail(
			err, -EINVAL, "ledger",
			"a card id of hex digits and an AID of 5 to 16 bytes are needed");
	a = calloc(1, sizeof(*a));
	if (!a)
		return gp_fail(err, -ENOMEM, "no-memory", "out of memory");
	ledger_file(id, a->file);
	a->lock = -1;
	/* our own: the ledger may be closed before the attempt has ended */
	a->dir = fcntl(l->dir, F_DUPFD_CLOEXEC, 0);
	a->lock = a->dir < 0 ? -errno : ledger_store_lock(a->dir, a->file, WAIT_MS);
	if (a->lock == -EBUSY) {
		r = gp_fail(err, -EBUSY, "attempt-running",
			    "another program is authenticating to this card with key version "
			    "%02X right now",
			    id->kvn);
		goto fail;
	}
	if (a->lock < 0) {
		r = gp_fail(err, a->lock, "ledger",
			    "the ledger of attempts in %s cannot be locked: %s", l->path,
			    strerror(-a->lock));
		goto fail;
	}
	r = look_before(a, l, retry, err);
	if (r)
		goto fail;
	a->now.id = *id;
	a->now.state = LEDGER_UNKNOWN;
	a->now.attempts = a->had ? a->before.attempts : 0;
	if (a->now.attempts < UINT32_MAX)
		a->now.attempts++;
	a->now.time = (int64_t)time(NULL);
	program_name(a->now.program);
	r = ledger_store_put(a->dir, a->file, &a->now);
	if (r) {
		gp_fail(err, r, "ledger",
			"the attempt cannot be written down in %s: %s; nothing was sent",
			l->path, strerror(-r));
		goto fail;
	}
	*ret = a;
	return 0;
fail:
	if (a->lock >= 0)
		close(a->lock);
	if (a->dir >= 0)
		close(a->dir);
	free(a);
	return r;
}

static int take_back(struct ledger_attempt *a)
{
	if (a->keep)
		return 0; /* what was there was not readable: "unknown" is the truth */
	if (a->had)
		return ledger_store_put(a->dir, a->file, &a->before);
	if (unlinkat(a->dir, a->file, 0) || fsync(a->dir))
		return -errno;
	return 0;
}

int ledger_end(struct ledger_attempt *a, enum ledger_outcome outcome)
{
	int r = 0;

	if (!a)
		return 0;
	switch (outcome) {
	case LEDGER_DID_SUCCEED:
		a->now.state = LEDGER_SUCCESS;
		a->now.attempts = 0;
		r = ledger_store_put(a->dir, a->file, &a->now);
		break;
	case LEDGER_DID_FAIL:
		a->now.state = LEDGER_FAILED;
		r = ledger_store_put(a->dir, a->file, &a->now);
		break;
	case LEDGER_DID_NOT_SEND:
		r = take_back(a);
		break;
	case LEDGER_DID_BREAK:
		break; /* as it stands on the disk */
	}
	close(a->lock);
	close(a->dir);
	free(a);
	return r;
}

/* ---- for people ---- */

static int is_entry(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static int scan(struct ledger *l, struct dirent ***names, struct gp_error *err)
{
	int n = scandirat(l->dir, ".", names, is_entry, alphasort);

	if (n < 0)
		return gp_fail(err, -errno, "ledger", "%s/" LEDGER_FOLDER " cannot be read: %s",
			       l->path, strerror(errno));
	return n;
}

static void free_names(struct dirent **names, int n)
{
	while (n--)
		free(names[n]);
	free(names);
}

int ledger_list(struct ledger *l, int (*each)(void *ctx, const struct ledger_entry *e),
		void *ctx, struct gp_error *err)
{
	struct ledger_entry e;
	struct dirent **names;
	int n, i, r = 0;

	n = scan(l, &names, err);
	if (n < 0)
		return n;
	for (i = 0; i < n && !r; i++) {
		r = ledger_store_get(l->dir, names[i]->d_name, &e);
		if (r == -ENOENT) { /* forgotten meanwhile */
			r = 0;
			continue;
		}
		if (r && r != -EBADMSG) {
			gp_fail(err, r, "ledger", "%s/" LEDGER_FOLDER " cannot be read: %s",
				l->path, strerror(-r));
			break;
		}
		e.running = ledger_store_locked(l->dir, names[i]->d_name);
		r = each(ctx, &e);
	}
	free_names(names, n);
	return r;
}

int ledger_look(struct ledger *l, const struct ledger_id *id, struct ledger_entry *e)
{
	char file[LEDGER_FILE_MAX];
	int r;

	if (!ledger_id_ok(id))
		return -EINVAL;
	ledger_file(id, file);
	r = ledger_store_get(l->dir, file, e);
	if (!r)
		e->running = ledger_store_locked(l->dir, file);
	return r;
}

/* "A-B" is meant by "A-B" and by "A", not by "A-" or by half a card id */
static bool is_meant(const char *name, const char *file)
{
	size_t n = strlen(file);

	return !strncmp(name, file, n) && (!name[n] || name[n] == '-');
}

static int forget_one(struct ledger *l, const char *name)
{
	int lock = ledger_store_lock(l->dir, name, 0), r = 0;

	if (lock < 0)
		return lock;
	if (unlinkat(l->dir, name, 0))
		r = -errno;
	close(lock);
	return r;
}

int ledger_forget(struct ledger *l, const char *file, size_t *nr, struct gp_error *err)
{
	struct dirent **names;
	int n, i, one, r = 0;
	size_t gone = 0;

	if (nr)
		*nr = 0;
	if (!*file)
		return gp_fail(err, -EINVAL, "ledger", "which entry is to be forgotten?");
	n = scan(l, &names, err);
	if (n < 0)
		return n;
	for (i = 0; i < n; i++) {
		if (!is_meant(names[i]->d_name, file))
			continue;
		one = forget_one(l, names[i]->d_name);
		if (!one)
			gone++;
		else if (one != -ENOENT)
			r = gp_fail(err, one, one == -EBUSY ? "attempt-running" : "ledger",
				    "%.150s is not forgotten: %s", names[i]->d_name,
				    one == -EBUSY ? "an authentication is under way"
						  : strerror(-one));
	}
	free_names(names, n);
	if (gone && fsync(l->dir))
		r = gp_fail(err, -errno, "ledger", "%s: %s", l->path, strerror(errno));
	if (!gone && !r)
		r = gp_fail(err, -ENOENT, "not-found", "the ledger has no entry %.150s", file);
	if (nr)
		*nr = gone;
	return r;
}
