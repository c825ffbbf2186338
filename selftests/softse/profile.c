// SPDX-License-Identifier: Apache-2.0
#include "profile.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	if (!strcmp(key, "historical_bytes")) {
		if (n < 0)
			return "up to 32 bytes in hex";
		memcpy(t1->hist, v, (size_t)n);
		t1->hist_len = (uint8_t)n;
	} else if (!strcmp(key, "iin")) {
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
		SETTING("ifsc", 8, T1_INF_MAX, t1->ifsc),
		SETTING("ifsd", 1, T1_INF_MAX, t1->ifsd),
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
		SETTING("channels", 1, CARD_CHANNELS, card->channels),
		SETTING("key_tries", 0, 255, card->key_tries),
		SETTING("status_page", 24, 239, card->status_page),
	};

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

int profile_read(const char *path, struct card_profile *card, struct t1_params *t1, char *err,
		 size_t err_room)
{
	FILE *f = fopen(path, "re");
	char line[512], hint[64];
	int ret = 0;

	if (!f) {
		ret = -errno;
		snprintf(err, err_room, "%s: %s", path, strerror(-ret));
		return ret;
	}
	for (unsigned int number = 1; !ret && fgets(line, sizeof(line), f); number++) {
		char *value = line, *key;
		const char *wanted;

		line[strcspn(line, "#\n")] = 0;
		if (!*trim(line))
			continue;
		key = trim(strsep(&value, "="));
		if (!value) {
			snprintf(err, err_room, "%s:%u: '%s': expected 'key = value'", path,
				 number, key);
			ret = -EINVAL;
			break;
		}
		value = trim(value);
		wanted = set(card, t1, key, value, hint, sizeof(hint));
		if (!wanted)
			continue;
		ret = -EINVAL;
		if (*wanted)
			snprintf(err, err_room, "%s:%u: %s = '%s': expected %s", path, number,
				 key, value, wanted);
		else
			snprintf(err, err_room, "%s:%u: unknown key '%s'; see softse(1)", path,
				 number, key);
	}
	if (!ret && ferror(f)) {
		ret = -EIO;
		snprintf(err, err_room, "%s: cannot be read", path);
	}
	fclose(f);
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
		char *text;
		int len;

		line[strcspn(line, "#\n")] = 0;
		text = trim(line);
		if (!*text)
			continue;
		if (!strncmp(text, "kvn ", 4)) {
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
			continue;
		}
		len = parse_hex(text, key, sizeof(key));
		if ((len != 16 && len != 24 && len != 32) || (lines && len != sets[n].len) ||
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
	card->n_keys = n + 1;
	ret = 0;
out:
	OPENSSL_cleanse(sets, sizeof(sets));
	OPENSSL_cleanse(line, sizeof(line));
	fclose(f);
	return ret;
}
