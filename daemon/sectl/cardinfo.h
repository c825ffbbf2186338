/* SPDX-License-Identifier: Apache-2.0 */
/* What a card says of itself (GET DATA), without any key. */
#ifndef SECTL_CARDINFO_H
#define SECTL_CARDINFO_H

#include <systemd/sd-json.h>

struct se;

/**
 * cardinfo_read - ask for all of it on a channel to a security domain
 * @v: fields are added to this object: iin, cin, kdd, cplc, globalPlatform, capability, keys,
 *	sequenceCounter, resources; each only if the card tells it
 *
 * Returns an exit status and has said what is wrong.
 */
int cardinfo_read(struct se *se, sd_json_variant **v);

/** cardinfo_print - the object as text; its "name" is the heading */
void cardinfo_print(sd_json_variant *v);

#endif /* SECTL_CARDINFO_H */
