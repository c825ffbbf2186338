// SPDX-License-Identifier: Apache-2.0
/* Data groupings into STORE DATA commands (GPCS 2.3.1, 11.11.2). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "gp/dgi.h"

#define COMMANDS_MAX 256 /* P2 is one byte */
#define HEAD_MAX 5

/* commands as they are made, and the one that is being filled */
struct out {
	const struct gp_dgi_params *params;
	struct gp_apdu *cmds;
	size_t nr;
	uint8_t *data; /* params->size bytes */
	size_t len;
	bool encrypt; /* what is in @data */
	struct gp_error *err;
};

static int flush(struct out *o, bool last)
{
	uint8_t flags = GP_STORE_DGI;
	struct gp_apdu *cmds;
	int r;

	if (o->nr == COMMANDS_MAX)
		return gp_fail(o->err, -E2BIG, "too-long",
			       "the data groupings take more than %d commands", COMMANDS_MAX);
	cmds = reallocarray(o->cmds, o->nr + 1, sizeof(*cmds));
	if (!cmds)
		return gp_fail(o->err, -ENOMEM, "no-memory", "out of memory");
	o->cmds = cmds;
	if (o->encrypt)
		flags |= GP_STORE_ENCRYPTED;
	if (last)
		flags |= GP_STORE_LAST;
	if (last && o->params->response)
		flags |= GP_STORE_RESPONSE;
	r = gp_cmd_store_data(&o->cmds[o->nr], flags, (unsigned int)o->nr,
			      (struct gp_bytes){o->data, o->len}, o->err);
	if (r)
		return r;
	o->nr++;
	o->len = 0;
	return 0;
}

/* The value as it goes out. *@copy is set if it is not the grouping's own. */
static int contents(const struct gp_dgi *dgi, const struct gp_dgi_params *p, uint8_t **copy,
		    struct gp_bytes *value, struct gp_error *err)
{
	size_t len = dgi->data.len, block;
	uint8_t *clear;
	int r;

	*copy = NULL;
	*value = dgi->data;
	if (!dgi->encrypt || !p->dek)
		return 0;
	block = p->dek->block;
	if (p->pad == GP_DGI_PAD_80)
		len = gp_pad80(len, block);
	else if (p->pad == GP_DGI_PAD_FILL)
		len = (len + block - 1) / block * block;
	if (!len || len % block || len > 0xffff)
		return gp_fail(err, -EINVAL, "bad-dgi",
			       "data grouping %04X has %zu bytes, no whole number of %zu-byte "
			       "blocks to encipher",
			       dgi->id, dgi->data.len, block);
	clear = calloc(2, len);
	if (!clear)
		return gp_fail(err, -ENOMEM, "no-memory", "out of memory");
	memcpy(clear, dgi->data.p, dgi->data.len);
	if (p->pad == GP_DGI_PAD_80)
		clear[dgi->data.len] = 0x80;
	r = p->dek->encrypt(p->dek->ctx, clear, len, clear + len, err);
	OPENSSL_cleanse(clear, len);
	if (r) {
		free(clear);
		return r;
	}
	*copy = clear;
	*value = (struct gp_bytes){clear + len, len};
	return 0;
}

static int put(struct out *o, const struct gp_dgi *dgi, const struct gp_bytes *value)
{
	uint8_t head[HEAD_MAX] = {(uint8_t)(dgi->id >> 8), (uint8_t)dgi->id,
				  (uint8_t)value->len};
	size_t head_len = 3, at = 0;
	int r;

	if (value->len >= 0xff) {
		head[2] = 0xff;
		head[3] = (uint8_t)(value->len >> 8);
		head[4] = (uint8_t)value->len;
		head_len = HEAD_MAX;
	}
	/* only values are cut, never identifier and length */
	if (o->len && (o->params->pack == GP_DGI_ONE || o->encrypt != dgi->encrypt ||
		       o->params->size - o->len < head_len + !!value->len)) {
		r = flush(o, false);
		if (r)
			return r;
	}
	o->encrypt = dgi->encrypt;
	memcpy(o->data + o->len, head, head_len);
	o->len += head_len;
	while (at < value->len) {
		size_t n = value->len - at;

		if (o->len == o->params->size) {
			r = flush(o, false);
			if (r)
				return r;
		}
		if (n > o->params->size - o->len)
			n = o->params->size - o->len;
		memcpy(o->data + o->len, value->p + at, n);
		o->len += n;
		at += n;
	}
	return 0;
}

static int store_all(const struct gp_dgis *dgis, struct out *o)
{
	struct gp_bytes value;
	uint8_t *copy;
	int r;

	for (size_t i = 0; i < dgis->nr; i++) {
		r = contents(&dgis->dgi[i], o->params, &copy, &value, o->err);
		if (r)
			return r;
		r = put(o, &dgis->dgi[i], &value);
		free(copy);
		if (r)
			return r;
	}
	return flush(o, true);
}

int gp_dgis_store(const struct gp_dgis *dgis, const struct gp_dgi_params *params,
		  struct gp_apdu **cmds, size_t *nr, struct gp_error *err)
{
	struct out o = {.params = params, .err = err};
	int r;

	*cmds = NULL;
	*nr = 0;
	if (!dgis->nr || params->size <= HEAD_MAX || params->size > GP_LC_EXTENDED ||
	    (params->dek && !params->dek->block))
		return gp_fail(err, -EINVAL, "bad-dgi",
			       "no data groupings, or no room for one in a command");
	o.data = malloc(params->size);
	if (!o.data)
		return gp_fail(err, -ENOMEM, "no-memory", "out of memory");
	r = store_all(dgis, &o);
	OPENSSL_cleanse(o.data, params->size);
	free(o.data);
	if (r) {
		for (size_t i = 0; i < o.nr; i++)
			gp_apdu_clear(&o.cmds[i]);
		free(o.cmds);
		return r;
	}
	*cmds = o.cmds;
	*nr = o.nr;
	return 0;
}
