/* SPDX-License-Identifier: Apache-2.0 */
/* DevInfo, DevDetail and Inbox (OMA-TS-DM_StdObj-V1_2_1, 5): what each device has. */
#ifndef SESAME_DM_MO_DEVICE_H
#define SESAME_DM_MO_DEVICE_H

#include "dm/tree.h"

/**
 * struct dm_device - what the device says of itself; all outlive the tree
 * @id: DevInfo/DevId, "urn:uuid:…"
 * @language: by RFC 5646, NULL: "en"
 * @type: kind of device, NULL: "gateway"
 * The others may be NULL, which is "".
 */
struct dm_device {
	const char *id;
	const char *manufacturer;
	const char *model;
	const char *language;
	const char *type;
	const char *oem;
	const char *firmware;
	const char *software;
	const char *hardware;
};

/**
 * dm_device_mount() - the three objects in @t
 * @device: outlives the tree
 *
 * Return: 0, or as dm_tree_mount().
 */
int dm_device_mount(struct dm_tree *t, const struct dm_device *device);

#endif /* SESAME_DM_MO_DEVICE_H */
