// SPDX-License-Identifier: Apache-2.0
/* One value as CBOR (LwM2M core 1.1, 7.4.2). */
#include <stdio.h>
#include <string.h>

#include "lwm2m/item.h"
#include "lwm2m/senml.h"

void lwm2m_cbor_opaque_head(size_t len, struct model_buf *out)
{
	lwm2m_put_bytes_head(out, len);
}

void lwm2m_cbor_encode(const struct lwm2m_value *v, struct model_buf *out)
{
	char s[16];

	switch (v->type) {
	case MODEL_STRING:
	case MODEL_CORELNK:
		lwm2m_put_text(out, v->p, v->len);
		break;
	case MODEL_OPAQUE:
		lwm2m_put_bytes_head(out, v->len);
		model_buf_put(out, v->p, v->len);
		break;
	case MODEL_BOOLEAN:
		model_buf_put(out, v->i ? "\xf5" : "\xf4", 1);
		break;
	case MODEL_OBJLNK:
		snprintf(s, sizeof(s), "%u:%u", v->object, v->instance);
		lwm2m_put_text(out, s, strlen(s));
		break;
	case MODEL_TIME:
		/* tag 1, seconds since 1970 */
		model_buf_put(out, "\xc1", 1);
		lwm2m_put_int(out, v->i);
		break;
	case MODEL_INTEGER:
		lwm2m_put_int(out, v->i);
		break;
	case MODEL_UNSIGNED:
		lwm2m_put_uint(out, (uint64_t)v->i);
		break;
	case MODEL_FLOAT:
		lwm2m_put_float(out, v->f);
		break;
	case MODEL_NONE:
	default:
		break;
	}
}

int lwm2m_cbor_decode(const struct lwm2m_path *path, const uint8_t *p, size_t len,
		      struct lwm2m_set *set, char *words)
{
	const struct model_resource *res =
		model_resource(model_object(path->id[0]), path->id[2]);
	struct lwm2m_value v = {.path = *path, .type = res->type};
	struct lwm2m_reader r = {p, len};
	struct lwm2m_item it;
	int ret;

	if (!lwm2m_item_value(&r, &it))
		return lwm2m_bad(words, "CBOR", path, "cut short or not CBOR");
	if (r.len > 0)
		return lwm2m_bad(words, "CBOR", path, "more than one value");
	if (it.kind == LWM2M_ITEM_NULL)
		return lwm2m_bad(words, "CBOR", path, "null is no value here");
	ret = lwm2m_item_convert(&it, &v, "CBOR", words);
	if (ret == 0 && lwm2m_set_add(set, &v) < 0)
		ret = COAP_413_TOO_LARGE;
	return ret;
}
