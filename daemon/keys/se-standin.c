// SPDX-License-Identifier: Apache-2.0
/*
 * Stand-ins for pre-shared keys. One is always the same for the same reference on the same
 * device, also after a restart, so that a kept session still belongs to its credentials; and
 * nobody else can tell what it is: were it ever taken for a key, it would be a good one.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "job/job.h"
#include "keys/se-keys.h"

#define FILE_NAME "stand-in.key" /* in the state directory */

static int read_secret(int dir, uint8_t *secret, size_t len)
{
	int fd = openat(dir, FILE_NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	ssize_t n = -1;

	if (fd < 0)
		return -errno;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && !(st.st_mode & 077) &&
	    (st.st_uid == geteuid() || !st.st_uid))
		n = read(fd, secret, len);
	close(fd);
	return n == (ssize_t)len ? 0 : -EIO;
}

static int write_secret(int dir, const uint8_t *secret, size_t len)
{
	static const char tmp[] = FILE_NAME ".new";
	int fd, r = 0;

	unlinkat(dir, tmp, 0);
	fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (write(fd, secret, len) != (ssize_t)len || fsync(fd))
		r = -EIO;
	close(fd);
	if (!r && (renameat(dir, tmp, dir, FILE_NAME) || fsync(dir)))
		r = -errno;
	return r;
}

int se_psk_begin(struct se_keys *k)
{
	const char *path = job_store_dir(k->jobs);
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;

	if (dir < 0 || read_secret(dir, k->secret, sizeof(k->secret))) {
		r = RAND_bytes(k->secret, sizeof(k->secret)) == 1 ? 0 : -EIO;
		/* where it cannot be kept, sessions are not resumed after a restart */
		if (!r && dir >= 0)
			(void)write_secret(dir, k->secret, sizeof(k->secret));
	}
	if (dir >= 0)
		close(dir);
	return r;
}

struct se_psk *se_psk_new(struct se_keys *k, const struct seref *ref)
{
	struct se_psk *p = OPENSSL_zalloc(sizeof(*p));
	unsigned int len = 0;

	if (!p || !HMAC(EVP_sha256(), k->secret, sizeof(k->secret), (const uint8_t *)ref->uri,
			strlen(ref->uri), p->stand_in, &len)) {
		OPENSSL_free(p);
		return NULL;
	}
	p->keys = k;
	p->ref = *ref;
	pthread_mutex_lock(&k->lock);
	p->next = k->psks;
	k->psks = p;
	pthread_mutex_unlock(&k->lock);
	return p;
}

bool se_psk_find(struct se_keys *k, const uint8_t *stand_in, struct seref *ref)
{
	const struct se_psk *p;

	pthread_mutex_lock(&k->lock);
	for (p = k->psks; p; p = p->next)
		if (!CRYPTO_memcmp(p->stand_in, stand_in, sizeof(p->stand_in)))
			break;
	if (p)
		*ref = p->ref;
	pthread_mutex_unlock(&k->lock);
	return p;
}

bool se_psk_within(struct se_keys *k, const uint8_t *p, size_t len)
{
	const struct se_psk *psk;
	bool found = false;

	pthread_mutex_lock(&k->lock);
	for (psk = k->psks; psk && !found; psk = psk->next)
		found = memmem(p, len, psk->stand_in, sizeof(psk->stand_in));
	pthread_mutex_unlock(&k->lock);
	return found;
}

void se_psk_drop(struct se_psk *psk)
{
	struct se_psk **at;

	pthread_mutex_lock(&psk->keys->lock);
	for (at = &psk->keys->psks; *at && *at != psk; at = &(*at)->next)
		;
	if (*at)
		*at = psk->next;
	pthread_mutex_unlock(&psk->keys->lock);
	OPENSSL_clear_free(psk, sizeof(*psk));
}
