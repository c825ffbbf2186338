// SPDX-License-Identifier: Apache-2.0
/* Back end "ioctl": /dev/seN. The kernel does all the work. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "backend.h"

static int do_ioctl(struct se *se, unsigned long request, void *arg)
{
	return ioctl(se->fd, request, arg) < 0 ? -errno : 0;
}

static int ioctl_open(struct se *se, const char *path)
{
	char dev[SE_NAME_MAX];

	if (path[0] != '/') {
		int n = snprintf(dev, sizeof(dev), "/dev/%s", path);

		if (n < 0 || (size_t)n >= sizeof(dev) || strchr(path, '/'))
			return -EINVAL;
		path = dev;
	}
	se->fd = open(path, O_RDWR | O_CLOEXEC);
	return se->fd < 0 ? -errno : 0;
}

static void ioctl_close(struct se *se)
{
	close(se->fd);
}

static int ioctl_get_info(struct se *se, struct se_info *info)
{
	return do_ioctl(se, SE_IOC_GET_INFO, info);
}

static int ioctl_get_stats(struct se *se, struct se_stats *stats)
{
	return do_ioctl(se, SE_IOC_GET_STATS, stats);
}

static int ioctl_submit(struct se *se, struct se_stream *stream)
{
	return do_ioctl(se, SE_IOC_SUBMIT, stream);
}

static int ioctl_channel_open(struct se *se, struct se_channel_open *open)
{
	return do_ioctl(se, SE_IOC_CHANNEL_OPEN, open);
}

static int ioctl_channel_close(struct se *se)
{
	return do_ioctl(se, SE_IOC_CHANNEL_CLOSE, NULL);
}

static int ioctl_reset(struct se *se, struct se_reset *reset)
{
	return do_ioctl(se, SE_IOC_RESET, reset);
}

static int ioctl_lock(struct se *se, struct se_lock *lock)
{
	return do_ioctl(se, SE_IOC_LOCK, lock);
}

static int ioctl_unlock(struct se *se)
{
	return do_ioctl(se, SE_IOC_UNLOCK, NULL);
}

static int ioctl_cancel(struct se *se, struct se_cancel *cancel)
{
	return do_ioctl(se, SE_IOC_CANCEL, cancel);
}

static int ioctl_set_filter(struct se *se, const struct se_filter *filter)
{
	struct se_filter f = *filter;

	return do_ioctl(se, SE_IOC_SET_FILTER, &f);
}

const struct se_backend se_backend_ioctl = {
	.scheme = "ioctl",
	.open = ioctl_open,
	.close = ioctl_close,
	.get_info = ioctl_get_info,
	.get_stats = ioctl_get_stats,
	.submit = ioctl_submit,
	.channel_open = ioctl_channel_open,
	.channel_close = ioctl_channel_close,
	.reset = ioctl_reset,
	.lock = ioctl_lock,
	.unlock = ioctl_unlock,
	.cancel = ioctl_cancel,
	.set_filter = ioctl_set_filter,
};
