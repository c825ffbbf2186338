/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of the IoT SAFE application, shared by its commands and its administration. */
#ifndef SOFTSE_APPLET_IOT_SAFE_H
#define SOFTSE_APPLET_IOT_SAFE_H

#include "card.h"

/* Tags of IoT.05; an object is kept under the tag of its identifier. */
enum {
	SAFE_FILE = 0x83,
	SAFE_PRIVATE = 0x84,
	SAFE_PUBLIC = 0x85,
	SAFE_SECRET = 0x86,
	SAFE_PERSISTENT = 0x13, /* key types: P-256 */
	SAFE_VOLATILE = 0x14,
};

#define SAFE_POINT 65
#define SAFE_SCALAR 32
/* first bytes of a key's object: its type; the key follows if there is one */
#define SAFE_HEAD 1

#define SAFE_PAIRS 2
#define SAFE_PEERS 3

/** struct safe_ram - what a channel has until the next SELECT: volatile keys, sessions */
struct safe_ram {
	struct {
		bool set;
		uint16_t id;
		uint8_t key[SAFE_SCALAR];
	} pair[SAFE_PAIRS];
	struct {
		bool set;
		uint16_t id;
		uint8_t point[SAFE_POINT];
	} peer[SAFE_PEERS];
	/* PUT PUBLIC KEY */
	uint8_t put_session;
	uint16_t put_id;
	/* COMPUTE and VERIFY SIGNATURE */
	uint8_t sig_session;
	bool verify;
	uint8_t mode, hash_len;
	uint16_t sig_id;
};

/** safe_id() - identifier of one or two bytes in a data object; false if it is none */
bool safe_id(const uint8_t *p, size_t len, uint32_t tag, uint16_t *id);

/** safe_type() - a key's type, 0 for a key that there is not */
uint8_t safe_type(struct entry *e, uint32_t kind, uint16_t id);

/** safe_on_curve() - an uncompressed point of P-256? */
bool safe_on_curve(const uint8_t *point, size_t len);

/** safe_get_data() - GET DATA: the application, its objects, one of them */
uint16_t safe_get_data(struct entry *e, struct apdu *a);

/** safe_personalise() - objects C1 to C4 make keys, files and secrets */
uint16_t safe_personalise(struct card *c, struct entry *e, struct apdu *a);

/** safe_install() - the slots that a new instance has */
uint16_t safe_install(struct card *c, struct entry *e, const uint8_t *params, size_t len);

#endif
