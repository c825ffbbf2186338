/* SPDX-License-Identifier: Apache-2.0 */
/* JSON as the two formats need it: sd-json reads, and writes the strings. */
#ifndef SESAME_LWM2M_JSON_H
#define SESAME_LWM2M_JSON_H

#include <systemd/sd-json.h>

#include "lwm2m/item.h"

/**
 * lwm2m_json_parse() - @len bytes that are one JSON value
 * @ret: release with sd_json_variant_unref(); its strings are wiped then
 *
 * Return: NULL, or what is wrong in words.
 */
const char *lwm2m_json_parse(const uint8_t *p, size_t len, sd_json_variant **ret);

/**
 * lwm2m_json_item() - a simple value as an item
 * @set: gets a copy of a string
 *
 * Return: 0, or -ENOMEM. An array or object is an item of that kind without content.
 */
int lwm2m_json_item(sd_json_variant *v, struct lwm2m_set *set, struct lwm2m_item *it);

/** lwm2m_json_bytes() - a string item that is base64 becomes the bytes; false if it is not. */
bool lwm2m_json_bytes(struct lwm2m_item *it, bool url);

/** lwm2m_json_put_string() - quoted and escaped; sets the buffer's error to -EBADMSG
 * if it is not UTF-8. */
void lwm2m_json_put_string(struct model_buf *out, const void *p, size_t len);
void lwm2m_json_put_base64(struct model_buf *out, const void *p, size_t len, bool url);
/** lwm2m_json_put_number() - an integer, unsigned, time or float. */
void lwm2m_json_put_number(struct model_buf *out, const struct lwm2m_value *v);
/** lwm2m_json_put_time() - milliseconds as seconds. */
void lwm2m_json_put_time(struct model_buf *out, int64_t ms);

#endif /* SESAME_LWM2M_JSON_H */
