// SPDX-License-Identifier: Apache-2.0
/*
 * Waiting for an SE that comes, goes or is reset. Nothing is asked for meanwhile: the
 * descriptor of the SE tells, and where there is no SE, the folder of its node.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>
#include "ifd.h"

#define LOOK_AGAIN_MS 1000 /* where a node is there and cannot be opened yet */

int wait_begin(struct reader *r)
{
	char *slash = strrchr(r->node, '/');

	r->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->bell < 0)
		return -errno;
	/* without it: every second */
	r->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	*slash = '\0';
	if (r->watch >= 0 && inotify_add_watch(r->watch, slash == r->node ? "/" : r->node,
					       IN_CREATE | IN_MOVED_TO | IN_ATTRIB) < 0) {
		close(r->watch);
		r->watch = -1;
	}
	*slash = '/';
	return 0;
}

void wait_ring(const struct reader *r)
{
	eventfd_write(r->bell, 1);
}

void wait_end(struct reader *r)
{
	wait_ring(r);
	close(r->bell);
	close(r->watch);
	r->bell = r->watch = -1;
}

/* Has the node of this reader come? What else happens in its folder is passed over. */
static bool node_came(int watch, const char *node)
{
	const char *base = strrchr(node, '/') + 1;
	_Alignas(struct inotify_event) char buf[4096];
	ssize_t n = read(watch, buf, sizeof(buf));
	bool came = false;
	ssize_t at = 0;

	while (at + (ssize_t)sizeof(struct inotify_event) <= n) {
		const struct inotify_event *e = (const void *)(buf + at);

		came |= (e->len && !strcmp(e->name, base)) || (e->mask & IN_Q_OVERFLOW);
		at += (ssize_t)(sizeof(*e) + e->len);
	}
	return came;
}

static RESPONSECODE wait_for(int bell, int watch, int se, const char *node, int timeout)
{
	uint64_t end = se_deadline_in(timeout > 0 ? (uint64_t)timeout : 0);
	struct pollfd fds[] = {
		{.fd = bell, .events = POLLIN},
		{.fd = watch, .events = POLLIN},
		{.fd = se, .events = POLLPRI | POLLRDHUP},
	};

	for (;;) {
		uint64_t now = se_deadline_in(0);
		eventfd_t rung;
		int n = poll(fds, 3, end > now ? (int)((end - now) / 1000000U) + 1 : 0);

		if (n < 0 && errno != EINTR)
			return IFD_COMMUNICATION_ERROR; /* pcscd waits a while */
		if (n > 0 && fds[0].revents)
			eventfd_read(bell, &rung);
		if (n > 0 && fds[1].revents && !node_came(watch, node) && n == 1)
			continue;
		if (n > 0 || end <= now)
			return IFD_SUCCESS;
	}
}

RESPONSECODE wait_for_event(struct reader *r, int timeout)
{
	char node[sizeof(r->node)];
	int bell, watch, se;
	RESPONSECODE ret;
	eventfd_t rung;

	r->waits = true;
	r->waiter = pthread_self();
	if (r->lost) {
		/* the bell was for that: pcscd takes power away where the waiting ends early */
		eventfd_read(r->bell, &rung);
		r->lost = !r->told;
		pthread_mutex_unlock(&r->lock);
		return IFD_SUCCESS;
	}
	/* our own copies: the reader may be closed meanwhile */
	bell = dup(r->bell);
	watch = r->channel[0] ? -1 : dup(r->watch);
	se = r->channel[0] ? dup(se_fd(r->channel[0])) : -1;
	memcpy(node, r->node, sizeof(node));
	pthread_mutex_unlock(&r->lock);

	/* a node that is not ready, or not ours yet; a folder that is not there */
	if (se < 0 && timeout > LOOK_AGAIN_MS && (watch < 0 || !access(node, F_OK)))
		timeout = LOOK_AGAIN_MS;
	ret = bell < 0 ? IFD_COMMUNICATION_ERROR : wait_for(bell, watch, se, node, timeout);
	close(bell);
	close(watch);
	close(se);
	return ret;
}
