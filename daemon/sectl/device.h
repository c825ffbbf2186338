/* SPDX-License-Identifier: Apache-2.0 */
/* What netlink says of an SE, as JSON. */
#ifndef SECTL_DEVICE_H
#define SECTL_DEVICE_H

#include <systemd/sd-json.h>

struct se_device;

/** device_json - @event: its name, or NULL for a listing */
int device_json(const struct se_device *d, const char *event, sd_json_variant **ret);

/** fail_no_driver - there is no netlink family "se" */
int fail_no_driver(void);

#endif /* SECTL_DEVICE_H */
