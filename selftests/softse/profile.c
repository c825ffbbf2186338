// SPDX-License-Identifier: Apache-2.0
#include "profile.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "applet.h"

int parse_hex(const char *text, uint8_t *out, size_t room)
{
	size_t n = strlen(text);

	if (n % 2 || n / 2 > room || strspn(text, "0123456789abcdefABCDEF") != n)
		return -1;
	for (size_t i = 0; i < n / 2; i++) {
		const char byte[3] = {text[2 * i], text[2 * i + 1], 0};

		out[i] = (uint8_t)strtoul(byte, NULL, 16);
	}
	return (int)(n / 2);
}

bool parse_number(const char *text, unsigned long max, unsigned long *value)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*value = strtoul(text, &end, 0);
	return !errno && !*end && *value <= max;
}

static char *trim(char *s)
{
	char *end;

	while (isspace((unsigned char)*s))
		s++;
	end = s + strlen(s);
	while (end > s && isspace((unsigned char)end[-1]))
		*--end = 0;
	return s;
}

/* A NAD has neither 0 nor F in it, so that it is no idle byte; ISO's is 00. */
static bool nad_good(uint8_t nad)
{
	return !nad || ((nad & 0x0f) && (nad >> 4) && (nad & 0x0f) != 0x0f && nad >> 4 != 0x0f);
}

/* NULL where all is well; "" where the key is none of the link's. */
static const char *set_link(struct t1_params *t1, const char *key, const char *value)
{
	uint8_t v[T1_ATR_MAX];
	int n = parse_hex(value, v, sizeof(v));

	if (!strcmp(key, "dialect"))
		return NULL; /* came first */
	if (!strcmp(key, "filler")) {
		if (n != 1 || (v[0] != 0x00 && v[0] != 0xff))
			return "00 or FF";
		t1->fill_ff = v[0] == 0xff;
	} else if (!strcmp(key, "nad")) {
		if (n != 2 || !nad_good(v[0]) || !nad_good(v[1]))
			return "two bytes in hex, host to SE and SE to host, no digit 0 or F "
			       "in them; or 0000";
		t1->nad_host = v[0];
		t1->nad_se = v[1];
	} else if (!strcmp(key, "atr")) {
		if (n < 2 || n > T1_ATR_MAX)
			return "2 to 64 bytes in hex";
		memcpy(t1->atr, v, (size_t)n);
		t1->atr_len = (uint8_t)n;
	} else if (!strcmp(key, "physical_layer")) {
		if (strcmp(value, "spi") && strcmp(value, "i2c"))
			return "'spi' or 'i2c'";
		t1->physical = *value == 's' ? 1 : 2;
	} else if (!strcmp(key, "historical_bytes")) {
		if (n < 0 || n > 32)
			return "up to 32 bytes in hex";
		memcpy(t1->hist, v, (size_t)n);
		t1->hist_len = (uint8_t)n;
	} else if (!strcmp(key, "enforce") || !strcmp(key, "ifs_request")) {
		if (strcmp(value, "0") && strcmp(value, "1"))
			return "0 or 1";
		*(*key == 'e' ? &t1->enforce : &t1->ifs_request) = *value == '1';
	} else {
		return "";
	}
	return NULL;
}

/* What a number of the profile goes to. */
struct setting {
	const char *name;
	unsigned long min, max;
	void *to;
	size_t size;
};

#define SETTING(name, min, max, member) {name, min, max, &(member), sizeof(member)}

static bool set_number(const struct setting *s, const char *value)
{
	unsigned long v;

	if (!parse_number(value, s->max, &v) || v < s->min)
		return false;
	if (s->size == 1)
		*(uint8_t *)s->to = (uint8_t)v;
	else if (s->size == 2)
		*(uint16_t *)s->to = (uint16_t)v;
	else
		*(unsigned int *)s->to = (unsigned int)v;
	return true;
}

/* NULL where all is well; otherwise what the value should have been. */
static const char *set_other(struct card_profile *card, struct t1_params *t1, const char *key,
			     const char *value)
{
	uint8_t v[32];
	int n;

	if (!strcmp(key, "challenge")) {
		if (strcmp(value, "random") && strcmp(value, "pseudo"))
			return "'random' or 'pseudo'";
		card->scp_i &= (uint8_t)~SCP03_I_PSEUDO_RANDOM;
		if (*value == 'p')
			card->scp_i |= SCP03_I_PSEUDO_RANDOM;
		return NULL;
	}
	if (!strcmp(key, "applet"))
		return applet_profile(card, value);
	if (!strcmp(key, "key_length")) {
		unsigned long bytes;

		if (!parse_number(value, 32, &bytes) ||
		    (bytes != 16 && bytes != 24 && bytes != 32))
			return "16, 24 or 32";
		/* the default key, continued */
		for (size_t i = 0; i < bytes; i++)
			card->keys[0].enc[i] = card->keys[0].mac[i] = card->keys[0].dek[i] =
				(uint8_t)(0x40 + i);
		card->keys[0].len = (uint8_t)bytes;
		return NULL;
	}
	if (!strcmp(key, "life_cycle")) {
		static const char *const names[] = {"op-ready", "initialized", "secured"};
		static const uint8_t states[] = {CARD_OP_READY, CARD_INITIALIZED, CARD_SECURED};

		for (size_t i = 0; i < 3; i++) {
			if (strcmp(value, names[i]))
				continue;
			card->life_cycle = states[i];
			return NULL;
		}
		return "'op-ready', 'initialized' or 'secured'";
	}
	n = parse_hex(value, v, sizeof(v));
	if (!strcmp(key, "iin")) {
		if (n < 1 || n > 8)
			return "1 to 8 bytes in hex";
		memcpy(card->iin, v, (size_t)n);
		card->iin_len = (size_t)n;
		memcpy(t1->iin, v, (size_t)n);
		t1->iin_len = (uint8_t)n;
	} else if (!strcmp(key, "cin")) {
		if (n < 1 || n > 10)
			return "1 to 10 bytes in hex";
		memcpy(card->cin, v, (size_t)n);
		card->cin_len = (size_t)n;
	} else if (!strcmp(key, "kdd")) {
		if (n != (int)sizeof(card->kdd))
			return "10 bytes in hex";
		memcpy(card->kdd, v, sizeof(card->kdd));
	} else if (!strcmp(key, "isd_aid") || !strcmp(key, "test_module")) {
		if (n < 0 ||
		    !aid_set(*key == 'i' ? &card->isd : &card->test_module, v, (size_t)n))
			return "an AID of 5 to 16 bytes in hex";
	} else {
		return "";
	}
	return NULL;
}

/* As set_other(); "" for an unknown key. */
static const char *set(struct card_profile *card, struct t1_params *t1, const char *key,
		       const char *value, char *room, size_t room_len)
{
	const struct setting settings[] = {
		SETTING("ifsc", 8, t1->dialect->inf_max, t1->ifsc),
		SETTING("ifsd", 1, t1->dialect->inf_max, t1->ifsd),
		SETTING("bwt_ms", 1, 65535, t1->bwt_ms),
		SETTING("wtx", 1, 255, t1->wtx),
		SETTING("config", 0, 255, t1->config),
		SETTING("pwt_ms", 0, 255, t1->pwt_ms),
		SETTING("mcf_khz", 1, 65535, t1->mcf_khz),
		SETTING("pst_ms", 0, 255, t1->pst_ms),
		SETTING("mpot", 1, 255, t1->mpot_100us),
		SETTING("segt_us", 0, 65535, t1->segt_us),
		SETTING("seal", 4, 65535, t1->seal),
		SETTING("wut", 0, 65535, t1->wut),
		SETTING("rwgt_us", 0, 65535, t1->rwgt_us),
		SETTING("pver", 0, 255, t1->pver),
		SETTING("channels", 1, CARD_CHANNELS, card->channels),
		SETTING("key_tries", 0, 255, card->key_tries),
		SETTING("status_page", 24, 239, card->status_page),
		SETTING("scp02_i", 0, 0x7f, card->scp02_i),
		SETTING("le_policy", 0, LE_STRICT, card->le_policy),
		SETTING("no_chaining", 0, 1, card->no_chaining),
		SETTING("strict_load", 0, 1, card->strict_load),
		SETTING("no_load_wrap", 0, 1, card->no_load_wrap),
	};

	const char *wanted = set_link(t1, key, value);

	if (!wanted || *wanted)
		return wanted;
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		if (strcmp(key, settings[i].name))
			continue;
		if (set_number(&settings[i], value))
			return NULL;
		snprintf(room, room_len, "a number from %lu to %lu", settings[i].min,
			 settings[i].max);
		return room;
	}
	return set_other(card, t1, key, value);
}

/* Where a file of lines is being read. */
struct reader {
	const char *path;
	FILE *f;
	unsigned int number;
	char line[512];
	char *err;
	size_t err_room;
};

/* The next line that says something: 1, 0 at the end, or negative errno. */
static int next_line(struct reader *r, char **key, char **value)
{
	while (fgets(r->line, sizeof(r->line), r->f)) {
		r->number++;
		if (!strchr(r->line, '\n') && !feof(r->f)) {
			snprintf(r->err, r->err_room, "%s:%u: too long", r->path, r->number);
			return -EINVAL;
		}
		r->line[strcspn(r->line, "#\n")] = 0;
		if (!*trim(r->line))
			continue;
		*value = r->line;
		*key = trim(strsep(value, "="));
		if (!*value) {
			snprintf(r->err, r->err_room, "%s:%u: '%s': expected 'key = value'",
				 r->path, r->number, *key);
			return -EINVAL;
		}
		*value = trim(*value);
		return 1;
	}
	if (!ferror(r->f))
		return 0;
	snprintf(r->err, r->err_room, "%s: cannot be read", r->path);
	return -EIO;
}

/* The dialect decides what all other keys of the link begin with. */
static int read_dialect(struct reader *r, struct t1_params *t1)
{
	const struct t1_dialect *d;
	char *key, *value;
	int ret;

	while ((ret = next_line(r, &key, &value)) > 0) {
		if (strcmp(key, "dialect"))
			continue;
		d = t1_dialect(value);
		if (!d) {
			snprintf(r->err, r->err_room,
				 "%s:%u: dialect = '%s': expected gp, iso-lrc, iso-crc, nxp or "
				 "um11225",
				 r->path, r->number, value);
			return -EINVAL;
		}
		t1_params_default(t1, d);
	}
	rewind(r->f);
	r->number = 0;
	return ret;
}

static int read_all(struct reader *r, struct card_profile *card, struct t1_params *t1,
		    struct fault_script *faults)
{
	char hint[64], why[256], *key, *value;
	const char *wanted;
	int ret;

	while ((ret = next_line(r, &key, &value)) > 0) {
		if (!strcmp(key, "fault")) {
			ret = fault_add(faults, value, why, sizeof(why));
			if (!ret)
				continue;
			snprintf(r->err, r->err_room, "%s:%u: %s", r->path, r->number, why);
			return ret;
		}
		wanted = set(card, t1, key, value, hint, sizeof(hint));
		if (!wanted)
			continue;
		if (*wanted)
			snprintf(r->err, r->err_room, "%s:%u: %s = '%s': expected %s", r->path,
				 r->number, key, value, wanted);
		else
			snprintf(r->err, r->err_room, "%s:%u: unknown key '%s'; see softse(1)",
				 r->path, r->number, key);
		return -EINVAL;
	}
	return ret;
}

int profile_read(const char *path, struct card_profile *card, struct t1_params *t1,
		 struct fault_script *faults, char *err, size_t err_room)
{
	struct reader r = {.path = path, .err = err, .err_room = err_room};
	int ret;

	r.f = fopen(path, "re");
	if (!r.f) {
		ret = -errno;
		snprintf(err, err_room, "%s: %s", path, strerror(-ret));
		return ret;
	}
	ret = read_dialect(&r, t1);
	if (!ret)
		ret = read_all(&r, card, t1, faults);
	fclose(r.f);
	return ret;
}

/* A set is complete with one line or three. */
static bool end_of_set(struct scp03_keys *k, unsigned int lines)
{
	if (lines == 1) {
		memcpy(k->mac, k->enc, sizeof(k->mac));
		memcpy(k->dek, k->enc, sizeof(k->dek));
	}
	return lines == 1 || lines == 3;
}

int keys_read(const char *path, struct card_profile *card, char *err, size_t err_room)
{
	struct scp03_keys sets[CARD_KEYSETS] = {{.kvn = 0x30}};
	uint8_t types[CARD_KEYSETS] = {0};
	FILE *f = fopen(path, "re");
	unsigned int number = 1, lines = 0;
	size_t n = 0;
	char line[256];
	int ret = -EINVAL;

	if (!f) {
		ret = -errno;
		snprintf(err, err_room, "%s: %s", path, strerror(-ret));
		return ret;
	}
	for (; fgets(line, sizeof(line), f); number++) {
		uint8_t key[32], kvn;
		char *text, *type;
		int len;

		line[strcspn(line, "#\n")] = 0;
		text = trim(line);
		if (!*text)
			continue;
		if (!strncmp(text, "kvn ", 4)) {
			type = strstr(text, " des"); /* a set of SCP02 */
			if (type)
				*type = 0;
			if (parse_hex(trim(text + 4), &kvn, 1) != 1 || !kvn || kvn > 0x7f) {
				snprintf(err, err_room,
					 "%s:%u: expected a key version 01 to 7f in hex", path,
					 number);
				goto out;
			}
			if (lines && (!end_of_set(&sets[n], lines) || ++n == CARD_KEYSETS)) {
				snprintf(err, err_room, "%s:%u: %s", path, number,
					 n == CARD_KEYSETS ? "too many key sets"
							   : "the set before has neither one "
							     "key nor three");
				goto out;
			}
			lines = 0;
			sets[n].kvn = kvn;
			types[n] = type ? KEY_DES : KEY_AES;
			continue;
		}
		len = parse_hex(text, key, sizeof(key));
		if ((len != 16 && len != 24 && len != 32) ||
		    (types[n] == KEY_DES && len != 16) || (lines && len != sets[n].len) ||
		    lines == 3) {
			/* the text may be most of a key: not shown */
			snprintf(
				err, err_room,
				"%s:%u: expected 32, 48 or 64 hex digits, the same in all keys "
				"of a set, and one or three keys",
				path, number);
			goto out;
		}
		sets[n].len = (uint8_t)len;
		memcpy(lines == 0   ? sets[n].enc
		       : lines == 1 ? sets[n].mac
				    : sets[n].dek,
		       key, (size_t)len);
		lines++;
		OPENSSL_cleanse(key, sizeof(key));
	}
	if (!end_of_set(&sets[n], lines)) {
		snprintf(err, err_room, "%s: a set has one key or three; the last one has %u",
			 path, lines);
		goto out;
	}
	memcpy(card->keys, sets, sizeof(sets));
	memcpy(card->key_types, types, sizeof(types));
	card->n_keys = n + 1;
	ret = 0;
out:
	OPENSSL_cleanse(sets, sizeof(sets));
	OPENSSL_cleanse(line, sizeof(line));
	fclose(f);
	return ret;
}
