/* SPDX-License-Identifier: Apache-2.0 */
/* What data.c and data-file.c share. */
#ifndef SESAME_LWM2M_DATA_PRIV_H
#define SESAME_LWM2M_DATA_PRIV_H

#include "lwm2m/data.h"

/**
 * struct data_inst - one object instance
 * @refs: tables that it is in; changed only where this is 1
 * @v: by rising resource and resource instance; strings are its own memory
 */
struct data_inst {
	unsigned int refs;
	uint16_t object, id;
	struct lwm2m_value *v;
	size_t n, room;
};

/** struct data_table - instances by rising object and number */
struct data_table {
	struct data_inst **v;
	size_t n, room;
	size_t bytes; /* of strings and opaques */
};

struct lwm2m_data {
	struct store *st;
	struct data_table now;
	struct data_table before; /* if @open */
	bool open;
	uint64_t generation;
	void (*changed)(void *ctx, const struct lwm2m_path *instance);
	void *changed_ctx;
};

/** data_inst_write() - as it is kept; an error is in @buf */
void data_inst_write(const struct data_inst *in, struct model_buf *buf);
/**
 * data_inst_read() - fill @in, which is empty
 *
 * A value that the model does not have (any more) is left out, with @words.
 *
 * Return: 0, -EINVAL (not what data_inst_write() writes), -ENOMEM.
 */
int data_inst_read(struct data_inst *in, const uint8_t *p, size_t len, char *words);

#endif /* SESAME_LWM2M_DATA_PRIV_H */
