/* SPDX-License-Identifier: Apache-2.0 */
/* What SenML in CBOR and in JSON have in common: names, times, and what a record
 * stands for (RFC 8428; LwM2M core 1.1, 7.4.4). */
#ifndef SESAME_LWM2M_SENML_RECORD_H
#define SESAME_LWM2M_SENML_RECORD_H

#include "lwm2m/item.h"

/**
 * struct lwm2m_senml - base fields, and the record that is being read; zero at first
 * @value: valid if @has_value
 * @time: of the record, relative to @base_time
 */
struct lwm2m_senml {
	char base[LWM2M_PATH_MAX + 1];
	double base_time;
	char name[LWM2M_PATH_MAX + 1];
	double time;
	bool has_value;
	struct lwm2m_item value;
};

/** lwm2m_senml_record() - a new record begins. */
void lwm2m_senml_record(struct lwm2m_senml *s);

/** lwm2m_senml_name() - take a name (base: base name); false if it cannot be a path. */
bool lwm2m_senml_name(struct lwm2m_senml *s, bool base, const void *p, size_t n);

/** lwm2m_senml_value() - take the value; NULL, or what is wrong in words. */
const char *lwm2m_senml_value(struct lwm2m_senml *s, const struct lwm2m_item *it);

/** lwm2m_senml_time() - take a time (base: base time); false if it is not a number. */
bool lwm2m_senml_time(struct lwm2m_senml *s, bool base, const struct lwm2m_item *it);

/**
 * lwm2m_senml_take() - the record is complete: add it to @set
 * @scope: paths must be at or below it
 * @names: only names are expected, as lwm2m_format.names says
 *
 * Return: 0 or a CoAP code with @words.
 */
int lwm2m_senml_take(const struct lwm2m_senml *s, const struct lwm2m_path *scope, bool names,
		     struct lwm2m_set *set, char *words);

/**
 * lwm2m_senml_split() - "/3/0/" for a base of depth 2, the rest is the name
 * @bn, @name: LWM2M_PATH_MAX + 1 bytes each
 */
void lwm2m_senml_split(const struct lwm2m_path *base, const struct lwm2m_path *path, char *bn,
		       char *name);

#endif /* SESAME_LWM2M_SENML_RECORD_H */
