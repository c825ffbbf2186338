/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bootstrap file: EF LwM2M_Bootstrap of a smart card, and the factory file of a
 * device, which has the same bytes (LwM2M core 1.1, appendix G.3.4):
 *
 *	number of objects (2)  length of all that follows (2)
 *	for each object:
 *		object id (2)  version (1 or 2)  length (2)  object instances as TLV
 *
 * Numbers are big-endian. The version is one byte 00 for the object's initial version, or
 * two bytes, major (not 00) and minor. Behind the last object may be anything: a
 * card's file is longer than what is in it, and filled with FF.
 *
 * Pure. The bytes hold keys: who owns them wipes them.
 */
#ifndef SESAME_LWM2M_BSFILE_H
#define SESAME_LWM2M_BSFILE_H

#include "lwm2m/value.h"

#define LWM2M_BSFILE_MAX 32768U /* bytes; the most that READ BINARY reaches with P1 P2 */

/**
 * struct lwm2m_bsfile - a file that is being read
 * @p: next byte
 * @len: bytes left of what the head says that there are
 * @objects: objects left
 * @size: of the whole without what is behind the last object
 */
struct lwm2m_bsfile {
	const uint8_t *p;
	size_t len;
	unsigned int objects;
	size_t size;
};

/**
 * struct lwm2m_bsfile_object - one object in it
 * @id: its number
 * @major: 0 if the file says only "initial version", which is 1.0
 * @minor: 0 with @major 0
 * @tlv: object instances, in the file's bytes
 * @len: their length
 */
struct lwm2m_bsfile_object {
	uint16_t id;
	uint8_t major;
	uint8_t minor;
	const uint8_t *tlv;
	size_t len;
};

/** lwm2m_bsfile_size() - bytes up to the end of the last object, told from the first
 * @len; 0 if they are too few to tell. For struct pkcs15_config.enough */
size_t lwm2m_bsfile_size(const uint8_t *p, size_t len);

/**
 * lwm2m_bsfile_begin() - read the head
 * @p: the file; outlives @f
 * @len: its bytes, padding included
 * @words: CONTENT_WORDS_MAX bytes, what is wrong and where
 *
 * Return: 0; -ENODATA for a file that is empty or of FF (or 00) only: nobody has put
 * anything in yet; -EBADMSG, -EFBIG.
 */
int lwm2m_bsfile_begin(struct lwm2m_bsfile *f, const uint8_t *p, size_t len, char *words);

/**
 * lwm2m_bsfile_next() - the next object
 *
 * Return: 1 with @object, 0 at the end, -EBADMSG.
 */
int lwm2m_bsfile_next(struct lwm2m_bsfile *f, struct lwm2m_bsfile_object *object, char *words);

/**
 * lwm2m_bsfile_values() - all values of a file, typed by the model
 * @set: gets them, object by object and instance by instance; strings and opaques
 *	point into @p
 * @skipped: out, may be NULL: objects and resources that this device does not know;
 *	they are left out, as for a Bootstrap-Write (core 1.1, 6.1.7.3)
 *
 * Return: 0, or a negative errno as above with @words; -EBADMSG also for a TLV that is
 * malformed or has a value of another type. @set is cleared then.
 */
int lwm2m_bsfile_values(const uint8_t *p, size_t len, struct lwm2m_set *set,
			unsigned int *skipped, char *words);

/**
 * lwm2m_bsfile_encode() - write such a file
 * @set: values sorted by object and instance; secrets end up in @out
 * @out: set its max; out->error tells of failure
 *
 * Versions are 00 where the model has 1.0, else in two bytes.
 */
void lwm2m_bsfile_encode(const struct lwm2m_set *set, struct model_buf *out);

#endif /* SESAME_LWM2M_BSFILE_H */
