// SPDX-License-Identifier: Apache-2.0
/*
 * The text of an entry, always these lines in this order:
 *
 *	sesame-attempts 1
 *	card=<hex>
 *	sd=<hex, or "default">
 *	kvn=<two hex digits>
 *	state=<success|failed|unknown>
 *	attempts=<decimal>
 *	time=<decimal>
 *	program=<printable>
 *	sha256=<hex digits: of all lines above>
 *
 * The checksum is against disks, not against people: who can write here can as
 * well remove the entry.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>

#include "keys/ledger-entry.h"
#include "libse/se.h"

#define SHA256_LEN 32
#define HEX_DIGITS "0123456789ABCDEF"

const char *ledger_state_name(enum ledger_state state)
{
	switch (state) {
	case LEDGER_SUCCESS:
		return "success";
	case LEDGER_FAILED:
		return "failed";
	case LEDGER_UNKNOWN:
		return "unknown";
	case LEDGER_CORRUPT:
		break;
	}
	return "corrupt";
}

bool ledger_id_ok(const struct ledger_id *id)
{
	size_t n = strnlen(id->card, sizeof(id->card));

	return n >= 2 && n < sizeof(id->card) && n % 2 == 0 &&
	       strspn(id->card, HEX_DIGITS) == n &&
	       (!id->aid_len || (id->aid_len >= 5 && id->aid_len <= sizeof(id->aid)));
}

static void sd_text(const struct ledger_id *id, char text[2 * sizeof(id->aid) + 1])
{
	if (id->aid_len)
		se_to_hex(text, id->aid, id->aid_len);
	else
		strcpy(text, "default");
}

void ledger_file(const struct ledger_id *id, char file[LEDGER_FILE_MAX])
{
	char sd[2 * sizeof(id->aid) + 1];

	sd_text(id, sd);
	snprintf(file, LEDGER_FILE_MAX, "%s-%s-%02X", id->card, sd, id->kvn);
}

static int checksum(const char *text, size_t len, char hex[2 * SHA256_LEN + 1])
{
	uint8_t md[SHA256_LEN];

	if (!EVP_Q_digest(NULL, "SHA256", NULL, text, len, md, NULL))
		return -EIO;
	se_to_hex(hex, md, sizeof(md));
	return 0;
}

int ledger_format(const struct ledger_entry *e, char text[LEDGER_TEXT_MAX])
{
	char sd[2 * sizeof(e->id.aid) + 1], sum[2 * SHA256_LEN + 1];
	int n, r;

	sd_text(&e->id, sd);
	n = snprintf(text, LEDGER_TEXT_MAX,
		     "sesame-attempts 1\ncard=%s\nsd=%s\nkvn=%02X\nstate=%s\nattempts=%u\n"
		     "time=%lld\nprogram=%s\n",
		     e->id.card, sd, e->id.kvn, ledger_state_name(e->state), e->attempts,
		     (long long)e->time, e->program);
	r = checksum(text, (size_t)n, sum);
	if (r)
		return r;
	return n + snprintf(text + n, (size_t)(LEDGER_TEXT_MAX - n), "sha256=%s\n", sum);
}

/* ---- the other way ---- */

struct cursor {
	const char *at;
	size_t len;
};

/* The value of the next line, which must be "name=value"; room counts the NUL. */
static bool take(struct cursor *c, const char *name, char *value, size_t room)
{
	size_t n = strlen(name), v;
	const char *nl;

	if (c->len < n + 2 || memcmp(c->at, name, n) != 0 || c->at[n] != '=')
		return false;
	c->at += n + 1;
	c->len -= n + 1;
	nl = memchr(c->at, '\n', c->len);
	if (!nl)
		return false;
	v = (size_t)(nl - c->at);
	if (!v || v >= room || memchr(c->at, '\0', v))
		return false;
	memcpy(value, c->at, v);
	value[v] = '\0';
	c->at += v + 1;
	c->len -= v + 1;
	return true;
}

static bool take_number(struct cursor *c, const char *name, uint64_t max, uint64_t *ret)
{
	char text[24], *end;

	if (!take(c, name, text, sizeof(text)) || !isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*ret = strtoull(text, &end, 10);
	return !*end && !errno && *ret <= max;
}

static bool take_id(struct cursor *c, struct ledger_id *id)
{
	char sd[2 * sizeof(id->aid) + 1], kvn[3];
	size_t n = 0;

	if (!take(c, "card", id->card, sizeof(id->card)) || !take(c, "sd", sd, sizeof(sd)) ||
	    !take(c, "kvn", kvn, sizeof(kvn)))
		return false;
	if (strcmp(sd, "default") != 0 &&
	    (se_from_hex(sd, strlen(sd), id->aid, sizeof(id->aid), &n) || !n))
		return false;
	id->aid_len = (uint8_t)n;
	return !se_from_hex(kvn, strlen(kvn), &id->kvn, 1, &n) && n == 1 && ledger_id_ok(id);
}

static bool take_state(struct cursor *c, enum ledger_state *state)
{
	char text[16];

	if (!take(c, "state", text, sizeof(text)))
		return false;
	for (*state = LEDGER_SUCCESS; *state < LEDGER_CORRUPT; (*state)++)
		if (!strcmp(text, ledger_state_name(*state)))
			return true;
	return false;
}

static bool take_all(struct cursor *c, struct ledger_entry *e)
{
	uint64_t attempts, when;
	const char *p;

	if (!take_id(c, &e->id) || !take_state(c, &e->state) ||
	    !take_number(c, "attempts", UINT32_MAX, &attempts) ||
	    !take_number(c, "time", INT64_MAX, &when) ||
	    !take(c, "program", e->program, sizeof(e->program)))
		return false;
	e->attempts = (uint32_t)attempts;
	e->time = (int64_t)when;
	for (p = e->program; *p; p++)
		if (!isprint((unsigned char)*p))
			return false;
	return true;
}

int ledger_parse(struct ledger_entry *e, const char *text, size_t len)
{
	static const char head[] = "sesame-attempts 1\n";
	struct cursor c = {text, len};
	char want[2 * SHA256_LEN + 1], sum[2 * SHA256_LEN + 1];

	memset(e, 0, sizeof(*e));
	if (len > LEDGER_TEXT_MAX || len < sizeof(head) - 1 ||
	    memcmp(text, head, sizeof(head) - 1) != 0)
		goto corrupt;
	c.at += sizeof(head) - 1;
	c.len -= sizeof(head) - 1;
	if (!take_all(&c, e) || checksum(text, (size_t)(c.at - text), want) ||
	    !take(&c, "sha256", sum, sizeof(sum)) || c.len || strcmp(sum, want) != 0)
		goto corrupt;
	return 0;
corrupt:
	memset(e, 0, sizeof(*e));
	e->state = LEDGER_CORRUPT;
	return -EBADMSG;
}
