// SPDX-License-Identifier: Apache-2.0
/* CPLC, numbers and names, resources, the list of applications, the FCI. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "gp/carddata-priv.h"
#include "gp/cmd.h"

#define TAG_AID 0x4f
#define TAG_APPLICATION 0x61
#define TAG_FCI 0x6f
#define TAG_DF_NAME 0x84
#define TAG_PROPRIETARY 0xa5
#define TAG_TEMPLATE 0x73
#define TAG_LIFE_CYCLE 0x9f6e
#define TAG_BLOCK_MAX 0x9f65

/* ---- CPLC ---- */

#define FIELD(m, n, d)                             \
	{.name = (n),                              \
	 .offset = offsetof(struct gp_cplc, m),    \
	 .size = sizeof(((struct gp_cplc *)0)->m), \
	 .date = (d)}

/* in the order of the bytes on the card */
static const struct gp_cplc_field cplc_fields[] = {
	FIELD(ic_fabricator, "ic-fabricator", false),
	FIELD(ic_type, "ic-type", false),
	FIELD(os_id, "os-id", false),
	FIELD(os_date, "os-release-date", true),
	FIELD(os_level, "os-release-level", false),
	FIELD(fabrication_date, "ic-fabrication-date", true),
	FIELD(ic_serial, "ic-serial-number", false),
	FIELD(ic_batch, "ic-batch", false),
	FIELD(module_fabricator, "module-fabricator", false),
	FIELD(module_date, "module-packaging-date", true),
	FIELD(icc_manufacturer, "icc-manufacturer", false),
	FIELD(embedding_date, "embedding-date", true),
	FIELD(pre_personalizer, "pre-personalizer", false),
	FIELD(pre_personalization_date, "pre-personalization-date", true),
	FIELD(pre_personalization_equipment, "pre-personalization-equipment", false),
	FIELD(personalizer, "personalizer", false),
	FIELD(personalization_date, "personalization-date", true),
	FIELD(personalization_equipment, "personalization-equipment", false),
};

#define CPLC_FIELDS (sizeof(cplc_fields) / sizeof(cplc_fields[0]))

const struct gp_cplc_field *gp_cplc_field(size_t n)
{
	return n < CPLC_FIELDS ? &cplc_fields[n] : NULL;
}

uint32_t gp_cplc_value(const struct gp_cplc *cplc, const struct gp_cplc_field *field)
{
	const uint8_t *p = (const uint8_t *)cplc + field->offset;
	uint16_t v16;
	uint32_t v32;

	if (field->size == sizeof(v16)) {
		memcpy(&v16, p, sizeof(v16));
		return v16;
	}
	memcpy(&v32, p, sizeof(v32));
	return v32;
}

int gp_cplc_decode(struct gp_cplc *out, const uint8_t *p, size_t len, struct gp_error *err)
{
	memset(out, 0, sizeof(*out));
	gp_data_unwrap(GP_DATA_CPLC, &p, &len);
	if (len != GP_CPLC_LEN)
		return gp_data_bad(err, GP_DATA_CPLC, "it has not 42 bytes");
	for (size_t i = 0; i < CPLC_FIELDS; i++) {
		uint8_t *to = (uint8_t *)out + cplc_fields[i].offset;
		uint16_t v16 = (uint16_t)(p[0] << 8 | p[1]);

		if (cplc_fields[i].size == sizeof(v16)) {
			memcpy(to, &v16, sizeof(v16));
		} else {
			uint32_t v32 = (uint32_t)v16 << 16 | (uint32_t)(p[2] << 8 | p[3]);

			memcpy(to, &v32, sizeof(v32));
		}
		p += cplc_fields[i].size;
	}
	return 0;
}

static bool leap(int year)
{
	return (year % 4 == 0 && year % 100) || year % 400 == 0;
}

int gp_cplc_date(uint16_t date, int this_year, int *year, int *month, int *day)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int digit[4], n, m;

	/* FFFF: the memory was never written */
	if (date == 0 || date == 0xffff)
		return -ENODATA;
	for (int i = 0; i < 4; i++) {
		digit[i] = date >> (12 - 4 * i) & 0x0f;
		if (digit[i] > 9)
			return -EINVAL;
	}
	n = digit[1] * 100 + digit[2] * 10 + digit[3];
	*year = this_year - (this_year % 10 - digit[0] + 10) % 10;
	if (n == 0 || n > (leap(*year) ? 366 : 365))
		return -EINVAL;
	for (m = 0; m < 12; m++) {
		int in_month = days[m] + (m == 1 && leap(*year));

		if (n <= in_month)
			break;
		n -= in_month;
	}
	*month = m + 1;
	*day = n;
	return 0;
}

const char *gp_fabricator_name(uint16_t ic_fabricator)
{
	static const struct {
		uint16_t id;
		const char *name;
	} names[] = {
		{0x2050, "Philips"},
		{0x3060, "Renesas"},
		{0x4070, "NCS"},
		{0x4090, "Infineon"},
		{0x4180, "Atmel"},
		{0x4250, "Samsung"},
		{0x4750, "STMicroelectronics"},
		{0x4790, "NXP"},
		{0x5345, "software SE"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].id == ic_fabricator)
			return names[i].name;
	return "";
}

/* ---- numbers and names ---- */

int gp_id_decode(struct gp_id *out, uint16_t tag, const uint8_t *p, size_t len,
		 struct gp_error *err)
{
	memset(out, 0, sizeof(*out));
	gp_data_unwrap(tag, &p, &len);
	if (len > sizeof(out->bytes))
		return gp_data_bad(err, tag, "longer than any card has it");
	memcpy(out->bytes, p, len);
	out->len = len;
	return 0;
}

int gp_number_decode(uint32_t *out, uint16_t tag, const uint8_t *p, size_t len,
		     struct gp_error *err)
{
	*out = 0;
	gp_data_unwrap(tag, &p, &len);
	if (len == 0 || len > sizeof(*out))
		return gp_data_bad(err, tag, "no number of 1 to 4 bytes");
	for (size_t i = 0; i < len; i++)
		*out = *out << 8 | p[i];
	return 0;
}

/* up to seven bytes, so that it is never negative */
static bool take_number(const struct ber_tlv *t, int64_t *value)
{
	if (t->len == 0 || t->len > 7)
		return false;
	*value = 0;
	for (size_t i = 0; i < t->len; i++)
		*value = *value << 8 | t->value[i];
	return true;
}

int gp_resources_decode(struct gp_resources *out, const uint8_t *p, size_t len,
			struct gp_error *err)
{
	struct ber_reader r;
	struct ber_tlv t;
	int64_t *to;
	int ret;

	*out = (struct gp_resources){-1, -1, -1};
	gp_data_unwrap(GP_DATA_RESOURCES, &p, &len);
	r = (struct ber_reader){p, len};
	while ((ret = ber_next(&r, &t)) > 0) {
		to = t.tag == 0x81   ? &out->applications
		     : t.tag == 0x82 ? &out->nonvolatile
		     : t.tag == 0x83 ? &out->vol
				     : NULL;
		if (to && !take_number(&t, to))
			return gp_data_bad(err, GP_DATA_RESOURCES, "a number makes no sense");
	}
	return ret < 0 ? gp_data_bad(err, GP_DATA_RESOURCES, "an element is cut short") : 0;
}

int gp_applications_decode(struct gp_applications *out, const uint8_t *p, size_t len,
			   struct gp_error *err)
{
	struct ber_reader r = {p, len};
	struct ber_tlv t, aid;
	int ret;

	memset(out, 0, sizeof(*out));
	/* one element of another tag is a template around them */
	ret = ber_next(&r, &t);
	if (ret > 0 && t.tag != TAG_APPLICATION && r.len == 0)
		r = (struct ber_reader){t.value, t.len};
	else
		r = (struct ber_reader){p, len};
	while ((ret = ber_next(&r, &t)) > 0) {
		struct gp_aid one;

		if (t.tag != TAG_APPLICATION)
			continue;
		if (ber_find(t.value, t.len, TAG_AID, &aid) <= 0 ||
		    gp_aid_set(&one, aid.value, aid.len) < 0 || !one.len)
			return gp_data_bad(err, GP_DATA_APPLICATIONS, "an entry without AID");
		if (out->nr < GP_APPLICATIONS_MAX)
			out->aid[out->nr++] = one;
		else
			out->dropped++;
	}
	return ret < 0 ? gp_data_bad(err, GP_DATA_APPLICATIONS, "an entry is cut short") : 0;
}

/* ---- SELECT ---- */

static int bad_fci(struct gp_error *err, const char *what)
{
	return gp_fail(err, -EBADMSG, "bad-response", "answer of SELECT: %s", what);
}

static int take_proprietary(struct gp_fci *out, const struct ber_tlv *a5, struct gp_error *err)
{
	struct ber_reader r = {a5->value, a5->len};
	struct ber_tlv t;
	int64_t number;
	int ret;

	while ((ret = ber_next(&r, &t)) > 0) {
		switch (t.tag) {
		case TAG_TEMPLATE:
			ret = gp_recognition_decode(&out->recognition, t.start, t.size, err);
			if (ret < 0)
				return ret;
			out->has_recognition = true;
			break;
		case TAG_LIFE_CYCLE:
			if (t.len > sizeof(out->life_cycle.bytes))
				break;
			memcpy(out->life_cycle.bytes, t.value, t.len);
			out->life_cycle.len = t.len;
			break;
		case TAG_BLOCK_MAX:
			if (t.len <= 4 && take_number(&t, &number))
				out->block_max = (uint32_t)number;
			break;
		default:
			break;
		}
	}
	return ret < 0 ? bad_fci(err, "an element of A5 is cut short") : 0;
}

int gp_fci_decode(struct gp_fci *out, const uint8_t *p, size_t len, struct gp_error *err)
{
	struct ber_reader r;
	struct ber_tlv t;
	int ret;

	memset(out, 0, sizeof(*out));
	if (len == 0)
		return 0;
	/* an application that is no security domain answers what it likes */
	if (ber_find(p, len, TAG_FCI, &t) <= 0)
		return 0;
	r = (struct ber_reader){t.value, t.len};
	while ((ret = ber_next(&r, &t)) > 0) {
		if (t.tag == TAG_DF_NAME && gp_aid_set(&out->aid, t.value, t.len) < 0)
			return bad_fci(err, "an AID of a wrong length");
		if (t.tag == TAG_PROPRIETARY) {
			ret = take_proprietary(out, &t, err);
			if (ret < 0)
				return ret;
		}
	}
	return ret < 0 ? bad_fci(err, "an element is cut short") : 0;
}
