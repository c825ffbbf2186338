// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>

#include "coap/transport.h"
#include "control/config.h"
#include "gp/error.h"
#include "job/policy.h"
#include "keys/seref.h"
#include "keys/source.h"
#include "libse/se.h"

#define LINE_MAX_BYTES 2048

enum section {
	SEC_NONE, /* before the first, or an unknown one */
	SEC_SEMD,
	SEC_JOB,
	SEC_DEVICE,
	SEC_LWM2M,
	SEC_BOOTSTRAP,
	SEC_SE,
	SEC_SERVER,
	SEC_KEYSET,
	SEC_POLICY,
	SEC_DM,
	SEC_DM_ACCOUNT,
};

#define SEC_LAST SEC_DM_ACCOUNT

enum kind {
	KIND_TEXT,    /* 1 to room-1 printable characters */
	KIND_PATH,    /* absolute */
	KIND_NUMBER,  /* min to max */
	KIND_CHOICE,  /* one of words; stored as text */
	KIND_VERSION, /* "1.0", "1.1", "1.2" */
	KIND_LEVEL,   /* err, warning, … */
	KIND_OPEN,    /* "ioctl:/dev/se0", "socket:/path" */
	KIND_URI,
	KIND_HTTP,	/* of an OMA DM server */
	KIND_REFERENCE, /* to a key in a secure element or token, keys/seref.h */
	KIND_KEY,	/* the same, or a path */
	KIND_HEX,
	KIND_SOURCE, /* of keys, keys/source.h */
};

struct key {
	enum section section;
	const char *name;
	enum kind kind;
	size_t at; /* in its struct */
	size_t room;
	uint32_t min, max;
	const char *words; /* choices, or the unit of a number */
};

#define TEXT(s, t, f, k, w) \
	{s, #f, k, offsetof(struct t, f), sizeof(((struct t *)0)->f), 0, 0, w}
#define NUMBER(s, t, f, lo, hi, unit) \
	{s, #f, KIND_NUMBER, offsetof(struct t, f), sizeof(uint32_t), lo, hi, unit}

/* of a part of struct config */
#define PART(s, part, f, k, lo, hi, w)                                                     \
	{s,  #f, k, offsetof(struct config, part.f), sizeof(((struct config *)0)->part.f), \
	 lo, hi, w}
#define BOOTSTRAP(f, k, w) PART(SEC_BOOTSTRAP, bootstrap, f, k, 0, 0, w)
#define DM(f, k) PART(SEC_DM, dm, f, k, 0, 0, NULL)
#define DM_NUMBER(f, lo, hi, unit) PART(SEC_DM, dm, f, KIND_NUMBER, lo, hi, unit)
#define DM_ACCOUNT(f, k, w) TEXT(SEC_DM_ACCOUNT, config_dm_account, f, k, w)

static const struct key keys[] = {
	TEXT(SEC_SEMD, config, state_dir, KIND_PATH, NULL),
	TEXT(SEC_SEMD, config, runtime_dir, KIND_PATH, NULL),
	TEXT(SEC_SEMD, config, group, KIND_TEXT, NULL),
	TEXT(SEC_SEMD, config, log_level, KIND_LEVEL, NULL),
	NUMBER(SEC_JOB, config, chunk, 1, 256, "APDUs"),
	NUMBER(SEC_JOB, config, jobs_per_origin, 1, 1024, "jobs"),
	NUMBER(SEC_JOB, config, script_max, 64, 64 << 20, "bytes"),
	NUMBER(SEC_JOB, config, keep_idle, 1, 86400, "seconds"),
	TEXT(SEC_DEVICE, config, manufacturer, KIND_TEXT, NULL),
	TEXT(SEC_DEVICE, config, model, KIND_TEXT, NULL),
	TEXT(SEC_DEVICE, config, serial, KIND_TEXT, NULL),
	TEXT(SEC_DEVICE, config, firmware, KIND_TEXT, NULL),
	TEXT(SEC_LWM2M, config, endpoint, KIND_TEXT, NULL),
	TEXT(SEC_LWM2M, config, allow_nosec, KIND_CHOICE, "yes no"),
	TEXT(SEC_LWM2M, config, reboot, KIND_CHOICE, "semd no"),
	BOOTSTRAP(card, KIND_TEXT, NULL),
	BOOTSTRAP(aid, KIND_HEX, NULL),
	BOOTSTRAP(pin_file, KIND_PATH, NULL),
	BOOTSTRAP(keyset, KIND_TEXT, NULL),
	BOOTSTRAP(file, KIND_PATH, NULL),
	BOOTSTRAP(pack, KIND_CHOICE, "yes no"),
	TEXT(SEC_SE, config_se, open, KIND_OPEN, NULL),
	TEXT(SEC_SE, config_se, type, KIND_CHOICE, "eSE iSE uicc euicc ieuicc"),
	TEXT(SEC_SERVER, config_server, uri, KIND_URI, NULL),
	TEXT(SEC_SERVER, config_server, endpoint, KIND_TEXT, NULL),
	TEXT(SEC_SERVER, config_server, bootstrap, KIND_CHOICE, "yes no"),
	TEXT(SEC_SERVER, config_server, security, KIND_CHOICE, "psk rpk x509 nosec"),
	TEXT(SEC_SERVER, config_server, psk_identity, KIND_TEXT, NULL),
	TEXT(SEC_SERVER, config_server, psk_file, KIND_PATH, NULL),
	TEXT(SEC_SERVER, config_server, psk, KIND_REFERENCE, NULL),
	TEXT(SEC_SERVER, config_server, key, KIND_KEY, NULL),
	TEXT(SEC_SERVER, config_server, cert, KIND_KEY, NULL),
	TEXT(SEC_SERVER, config_server, server_key, KIND_KEY, NULL),
	TEXT(SEC_SERVER, config_server, server_cert, KIND_KEY, NULL),
	TEXT(SEC_SERVER, config_server, cert_usage, KIND_CHOICE, "ca service anchor domain"),
	TEXT(SEC_SERVER, config_server, sni, KIND_TEXT, NULL),
	TEXT(SEC_SERVER, config_server, binding, KIND_CHOICE, "U T UT TU UQ TQ"),
	TEXT(SEC_SERVER, config_server, oscore_secret_file, KIND_PATH, NULL),
	TEXT(SEC_SERVER, config_server, oscore_sender, KIND_HEX, NULL),
	TEXT(SEC_SERVER, config_server, oscore_recipient, KIND_HEX, NULL),
	TEXT(SEC_SERVER, config_server, oscore_salt, KIND_HEX, NULL),
	TEXT(SEC_SERVER, config_server, oscore_context, KIND_HEX, NULL),
	NUMBER(SEC_SERVER, config_server, hold_off, 0, 86400, "seconds"),
	NUMBER(SEC_SERVER, config_server, lifetime, 20, 31536000, "seconds"),
	NUMBER(SEC_SERVER, config_server, ssid, 1, 65534, "short server id"),
	NUMBER(SEC_SERVER, config_server, pmin, 0, 86400, "seconds"),
	NUMBER(SEC_SERVER, config_server, pmax, 0, 31536000, "seconds"),
	TEXT(SEC_SERVER, config_server, version, KIND_VERSION, NULL),
	TEXT(SEC_KEYSET, config_keyset, keys, KIND_SOURCE, NULL),
	TEXT(SEC_POLICY, config_policy, origin, KIND_TEXT, NULL),
	TEXT(SEC_POLICY, config_policy, keysets, KIND_TEXT, NULL),
	TEXT(SEC_POLICY, config_policy, aids, KIND_TEXT, NULL),
	TEXT(SEC_POLICY, config_policy, operations, KIND_TEXT, NULL),
	TEXT(SEC_POLICY, config_policy, instructions, KIND_TEXT, NULL),
	TEXT(SEC_POLICY, config_policy, rate, KIND_TEXT, NULL),
	DM(device_id, KIND_TEXT),
	DM_NUMBER(udp_port, 0, 65535, "port, 0 for none"),
	DM_NUMBER(coap_port, 0, 65535, "port, 0 for none"),
	DM(bind, KIND_TEXT),
	DM_NUMBER(max_msg, 2048, 1 << 20, "bytes"),
	DM_NUMBER(max_obj, 2048, 64 << 20, "bytes"),
	DM_NUMBER(retry, 1, 3600, "seconds"),
	DM(ca, KIND_PATH),
	DM(cert, KIND_KEY),
	DM(key, KIND_KEY),
	PART(SEC_DM, dm, server_accounts, KIND_CHOICE, 0, 0, "yes no"),
	DM(server_accounts_ids, KIND_TEXT),
	DM(bootstrap_file, KIND_PATH),
	DM(bootstrap_pin_file, KIND_PATH),
	DM(bootstrap_network_file, KIND_PATH),
	DM(bootstrap_card, KIND_TEXT),
	DM(bootstrap_aid, KIND_HEX),
	DM(bootstrap_card_pin_file, KIND_PATH),
	DM(bootstrap_keyset, KIND_TEXT),
	DM_ACCOUNT(server_id, KIND_TEXT, NULL),
	DM_ACCOUNT(uri, KIND_HTTP, NULL),
	DM_ACCOUNT(auth, KIND_CHOICE, "md5 hmac basic transport"),
	DM_ACCOUNT(client_name, KIND_TEXT, NULL),
	DM_ACCOUNT(client_secret_file, KIND_PATH, NULL),
	DM_ACCOUNT(server_name, KIND_TEXT, NULL),
	DM_ACCOUNT(server_secret_file, KIND_PATH, NULL),
	DM_ACCOUNT(client_nonce, KIND_HEX, NULL),
	DM_ACCOUNT(server_nonce, KIND_HEX, NULL),
	DM_ACCOUNT(ca, KIND_PATH, NULL),
	DM_ACCOUNT(pin, KIND_TEXT, NULL),
	DM_ACCOUNT(cert, KIND_KEY, NULL),
	DM_ACCOUNT(key, KIND_KEY, NULL),
	DM_ACCOUNT(coding, KIND_CHOICE, "xml wbxml"),
	DM_ACCOUNT(allow_http, KIND_CHOICE, "yes no"),
	DM_ACCOUNT(allow_basic, KIND_CHOICE, "yes no"),
	NUMBER(SEC_DM_ACCOUNT, config_dm_account, poll, 0, 31536000, "seconds, 0 for never"),
};

#define NR_KEYS (sizeof(keys) / sizeof(keys[0]))

static const struct {
	const char *name;
	bool named;
} sections[] = {
	[SEC_SEMD] = {"semd", false},		[SEC_JOB] = {"job", false},
	[SEC_DEVICE] = {"device", false},	[SEC_LWM2M] = {"lwm2m", false},
	[SEC_BOOTSTRAP] = {"bootstrap", false}, [SEC_SE] = {"se", true},
	[SEC_SERVER] = {"server", true},	[SEC_KEYSET] = {"keyset", true},
	[SEC_POLICY] = {"policy", true},	[SEC_DM] = {"dm", false},
	[SEC_DM_ACCOUNT] = {"dm", true},
};

static const struct {
	const char *name;
	uint32_t level;
} levels[] = {
	{"err", LOG_ERR},   {"warning", LOG_WARNING}, {"notice", LOG_NOTICE},
	{"info", LOG_INFO}, {"debug", LOG_DEBUG},
};

struct parser {
	struct config *c;
	const char *file;
	unsigned int line;
	enum section section;
	void *base; /* the struct that keys of this section go to */
	int result;
	config_report_t report;
	void *ctx;
};

static void say(struct parser *p, bool error, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void say(struct parser *p, bool error, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	int n;

	n = snprintf(text, sizeof(text), "%s:%u: ", p->file, p->line);
	if (n < 0 || (size_t)n >= sizeof(text))
		n = 0;
	va_start(ap, fmt);
	vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, ap);
	va_end(ap);
	if (error)
		p->result = -EINVAL;
	if (p->report)
		p->report(p->ctx, error, text);
}

void config_init(struct config *c)
{
	memset(c, 0, sizeof(*c));
	snprintf(c->state_dir, sizeof(c->state_dir), "/var/lib/sesame");
	snprintf(c->runtime_dir, sizeof(c->runtime_dir), "/run/sesame");
	c->log_level = LOG_INFO;
	c->chunk = 16;
	c->jobs_per_origin = 32;
	c->script_max = 4U << 20;
	c->keep_idle = 300;
	c->dm.udp_port = 2948;
	c->dm.retry = 30;
}

/* ---- values ---- */

static bool printable(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

static void take_text(struct parser *p, const struct key *k, const char *value)
{
	if (!*value || strlen(value) >= k->room || !printable(value)) {
		say(p, true, "%s=: 1 to %zu printable characters are allowed", k->name,
		    k->room - 1);
		return;
	}
	snprintf((char *)p->base + k->at, k->room, "%s", value);
}

static void take_number(struct parser *p, const struct key *k, const char *value)
{
	unsigned long v;
	uint32_t v32;
	char *end;

	errno = 0;
	v = strtoul(value, &end, 10);
	if (!isdigit((unsigned char)*value) || *end || errno || v < k->min || v > k->max) {
		say(p, true, "%s=%.40s: a number from %u to %u (%s) is allowed", k->name, value,
		    k->min, k->max, k->words);
		return;
	}
	v32 = (uint32_t)v;
	memcpy((char *)p->base + k->at, &v32, sizeof(v32));
}

static void take_choice(struct parser *p, const struct key *k, const char *value)
{
	const char *w = k->words;
	size_t n;

	while (*w) {
		n = strcspn(w, " ");
		if (strlen(value) == n && !memcmp(w, value, n)) {
			snprintf((char *)p->base + k->at, k->room, "%s", value);
			return;
		}
		w += n + (w[n] == ' ');
	}
	say(p, true, "%s=%.40s: one of %s is allowed", k->name, value, k->words);
}

static void take_version(struct parser *p, const struct key *k, const char *value)
{
	uint32_t v = !strcmp(value, "1.0")   ? 10
		     : !strcmp(value, "1.1") ? 11
		     : !strcmp(value, "1.2") ? 12
					     : 0;

	if (!v)
		say(p, true, "version=%.40s: 1.0, 1.1 or 1.2 is allowed", value);
	else
		memcpy((char *)p->base + k->at, &v, sizeof(v));
}

static void take_level(struct parser *p, const struct key *k, const char *value)
{
	size_t i;

	for (i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (!strcmp(levels[i].name, value)) {
			memcpy((char *)p->base + k->at, &levels[i].level, sizeof(uint32_t));
			return;
		}
	}
	say(p, true, "%s=%.40s: err, warning, notice, info or debug is allowed", k->name,
	    value);
}

static bool starts(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

static void take_source(struct parser *p, const struct key *k, const char *value)
{
	struct gp_error e;

	if (keys_spec_check(value, &e))
		say(p, true, "%s=: %s", k->name, e.detail);
	else if (starts(value, "fd:"))
		say(p, true,
		    "%s=: a daemon inherits no descriptor; use file: or credential:", k->name);
	else
		take_text(p, k, value);
}

static void take_key_value(struct parser *p, const struct key *k, const char *value)
{
	struct seref ref;
	struct gp_error e;

	if (*value == '/' && k->kind == KIND_KEY)
		take_text(p, k, value);
	else if (!config_is_reference(value))
		/* what stands there may be the key itself, which is not for the log */
		say(p, true,
		    "%s=: %sse:NAME/iotsafe/ID, se:NAME/vault/ID or pkcs11: is allowed, no "
		    "key itself",
		    k->name, k->kind == KIND_KEY ? "an absolute path, " : "");
	else if (seref_parse(&ref, value, strlen(value), true, &e))
		say(p, true, "%s=: %s", k->name, e.detail);
	else
		take_text(p, k, value);
}

static void take_hex(struct parser *p, const struct key *k, const char *value)
{
	uint8_t bytes[128];
	size_t n;

	if (se_from_hex(value, strlen(value), bytes, (k->room - 1) / 2, &n) || !n)
		say(p, true, "%s=%.40s: 1 to %zu bytes in hex digits are needed", k->name,
		    value, (k->room - 1) / 2);
	else
		take_text(p, k, value);
}

static void take_value(struct parser *p, const struct key *k, const char *value)
{
	enum coap_transport_kind scheme;
	int n;

	switch (k->kind) {
	case KIND_SOURCE:
		take_source(p, k, value);
		break;
	case KIND_PATH:
		if (*value != '/')
			/* a key or PIN in place of its file is not for the log */
			say(p, true, "%s=: an absolute path is needed", k->name);
		else
			take_text(p, k, value);
		break;
	case KIND_OPEN:
		if (!starts(value, "ioctl:/") && !starts(value, "socket:/"))
			say(p, true,
			    "open=%.80s: ioctl:/dev/seN or socket:/PATH (the software SE) is "
			    "allowed",
			    value);
		else
			take_text(p, k, value);
		break;
	case KIND_URI:
		n = coap_transport_scheme(value, &scheme);
		if (n < 0 || !value[n] || strchr(":/", value[n]))
			say(p, true,
			    "uri=%.80s: coap://HOST[:PORT], coaps://, coap+tcp:// or "
			    "coaps+tcp:// is allowed",
			    value);
		else
			take_text(p, k, value);
		break;
	case KIND_HTTP:
		if (config_dm_uri(value))
			/* one with a user name may have a password behind it */
			say(p, true, "uri=%.80s: %s", strchr(value, '@') ? "" : value,
			    config_dm_uri(value));
		else
			take_text(p, k, value);
		break;
	case KIND_REFERENCE:
	case KIND_KEY:
		take_key_value(p, k, value);
		break;
	case KIND_HEX:
		take_hex(p, k, value);
		break;
	case KIND_TEXT:
		take_text(p, k, value);
		break;
	case KIND_NUMBER:
		take_number(p, k, value);
		break;
	case KIND_CHOICE:
		take_choice(p, k, value);
		break;
	case KIND_VERSION:
		take_version(p, k, value);
		break;
	case KIND_LEVEL:
		take_level(p, k, value);
		break;
	}
}

/* ---- lines ---- */

static void known_keys(enum section section, char *out, size_t room)
{
	size_t i, n = 0;

	*out = '\0';
	for (i = 0; i < NR_KEYS && n < room; i++)
		if (keys[i].section == section)
			n += (size_t)snprintf(out + n, room - n, "%s%s", n ? ", " : "",
					      keys[i].name);
}

static void take_key(struct parser *p, char *line)
{
	char *eq = strchr(line, '='), *end, known[512];
	size_t i;

	if (!eq) {
		say(p, true, "'%.40s' is neither [section] nor key=value", line);
		return;
	}
	for (end = eq; end > line && isblank((unsigned char)end[-1]); end--)
		;
	*end = '\0';
	for (eq++; isblank((unsigned char)*eq); eq++)
		;
	if (p->section == SEC_NONE) {
		/* An unknown section has been reported; a key before any is a slip. */
		if (!p->base)
			say(p, true, "'%.40s=' stands before the first [section]", line);
		return;
	}
	for (i = 0; i < NR_KEYS; i++) {
		if (keys[i].section == p->section && !strcmp(keys[i].name, line)) {
			/* p->base is NULL in a section that was refused. */
			if (p->base)
				take_value(p, &keys[i], eq);
			return;
		}
	}
	known_keys(p->section, known, sizeof(known));
	say(p, false, "unknown key '%.40s' in [%s%s], ignored; known: %s", line,
	    sections[p->section].name, sections[p->section].named ? " NAME" : "", known);
}

static bool name_ok(const char *s)
{
	size_t n =
		strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

	return n && n < CONFIG_NAME_MAX && !s[n];
}

static void *find_se(struct parser *p, const char *name)
{
	struct config *c = p->c;
	struct config_se *se;
	size_t i;

	for (i = 0; i < c->nr_se; i++)
		if (!strcmp(c->se[i].name, name))
			return &c->se[i];
	if (c->nr_se == CONFIG_SES_MAX) {
		say(p, true, "[se %s]: at most %d secure elements", name, CONFIG_SES_MAX);
		return NULL;
	}
	se = &c->se[c->nr_se++];
	snprintf(se->name, sizeof(se->name), "%s", name);
	snprintf(se->where, sizeof(se->where), "%s:%u", p->file, p->line);
	snprintf(se->type, sizeof(se->type), "eSE");
	return se;
}

static void *find_server(struct parser *p, const char *name)
{
	struct config *c = p->c;
	struct config_server *s;
	size_t i;

	for (i = 0; i < c->nr_server; i++)
		if (!strcmp(c->server[i].name, name))
			return &c->server[i];
	if (c->nr_server == CONFIG_SERVERS_MAX) {
		say(p, true, "[server %s]: at most %d servers", name, CONFIG_SERVERS_MAX);
		return NULL;
	}
	s = &c->server[c->nr_server++];
	snprintf(s->name, sizeof(s->name), "%s", name);
	snprintf(s->where, sizeof(s->where), "%s:%u", p->file, p->line);
	s->lifetime = 86400;
	s->ssid = (uint32_t)c->nr_server;
	return s;
}

static void *find_keyset(struct parser *p, const char *name)
{
	struct config *c = p->c;
	struct config_keyset *k;
	size_t i;

	for (i = 0; i < c->nr_keyset; i++)
		if (!strcmp(c->keyset[i].name, name))
			return &c->keyset[i];
	if (c->nr_keyset == CONFIG_KEYSETS_MAX) {
		say(p, true, "[keyset %s]: at most %d key sets", name, CONFIG_KEYSETS_MAX);
		return NULL;
	}
	k = &c->keyset[c->nr_keyset++];
	snprintf(k->name, sizeof(k->name), "%s", name);
	snprintf(k->where, sizeof(k->where), "%s:%u", p->file, p->line);
	return k;
}

static void *find_policy(struct parser *p, const char *name)
{
	struct config *c = p->c;
	struct config_policy *l;
	size_t i;

	for (i = 0; i < c->nr_policy; i++)
		if (!strcmp(c->policy[i].name, name))
			return &c->policy[i];
	if (c->nr_policy == CONFIG_POLICIES_MAX) {
		say(p, true, "[policy %s]: at most %d policies", name, CONFIG_POLICIES_MAX);
		return NULL;
	}
	l = &c->policy[c->nr_policy++];
	snprintf(l->name, sizeof(l->name), "%s", name);
	snprintf(l->where, sizeof(l->where), "%s:%u", p->file, p->line);
	return l;
}

static void *find_dm(struct parser *p, const char *name)
{
	struct config *c = p->c;
	struct config_dm_account *a;

	c->dm.used = true;
	for (size_t i = 0; i < c->nr_dm; i++)
		if (!strcmp(c->dm_account[i].name, name))
			return &c->dm_account[i];
	if (c->nr_dm == CONFIG_DMS_MAX) {
		say(p, true, "[dm %s]: at most %d servers", name, CONFIG_DMS_MAX);
		return NULL;
	}
	a = &c->dm_account[c->nr_dm++];
	snprintf(a->name, sizeof(a->name), "%s", name);
	snprintf(a->where, sizeof(a->where), "%s:%u", p->file, p->line);
	snprintf(a->auth, sizeof(a->auth), "md5");
	return a;
}

static void *find_named(struct parser *p, enum section s, const char *name)
{
	switch (s) {
	case SEC_SE:
		return find_se(p, name);
	case SEC_SERVER:
		return find_server(p, name);
	case SEC_KEYSET:
		return find_keyset(p, name);
	case SEC_DM_ACCOUNT:
		return find_dm(p, name);
	default:
		return find_policy(p, name);
	}
}

static void take_section(struct parser *p, char *line)
{
	char *end = line + strlen(line) - 1, *name;
	enum section s;

	p->section = SEC_NONE;
	p->base = p->c; /* "a section was seen" */
	if (*end != ']') {
		say(p, true, "'%.40s' lacks its closing bracket", line);
		return;
	}
	*end = '\0';
	line++;
	name = line + strcspn(line, " \t");
	if (*name) {
		*name++ = '\0';
		name += strspn(name, " \t");
	}
	for (s = SEC_SEMD; s <= SEC_LAST; s++)
		if (!strcmp(line, sections[s].name))
			break;
	if (s > SEC_LAST) {
		say(p, false,
		    "unknown section [%.40s], ignored; known: semd, job, device, lwm2m, "
		    "bootstrap, "
		    "se NAME, server NAME, keyset NAME, policy NAME, dm, dm NAME",
		    line);
		return;
	}
	if (s == SEC_DM) {
		p->c->dm.used = true;
		s = *name ? SEC_DM_ACCOUNT : SEC_DM;
	}
	p->section = s;
	if (!sections[s].named) {
		if (*name) {
			say(p, true, "[%s] takes no name", line);
			p->base = NULL;
		}
		return;
	}
	p->base = NULL;
	if (!name_ok(name))
		say(p, true, "[%s NAME] needs a name of 1 to %d letters, digits, - and _", line,
		    CONFIG_NAME_MAX - 1);
	else
		p->base = find_named(p, s, name);
}

static void take_line(struct parser *p, const char *at, size_t len)
{
	char line[LINE_MAX_BYTES];

	while (len && isspace((unsigned char)*at)) {
		at++;
		len--;
	}
	while (len && isspace((unsigned char)at[len - 1]))
		len--;
	if (!len || *at == '#' || *at == ';')
		return;
	if (len >= sizeof(line)) {
		say(p, true, "the line is longer than %zu characters", sizeof(line) - 1);
		return;
	}
	if (memchr(at, '\0', len)) {
		say(p, true, "the line has a NUL byte: not a text file?");
		return;
	}
	memcpy(line, at, len);
	line[len] = '\0';
	if (*line == '[')
		take_section(p, line);
	else
		take_key(p, line);
}

int config_parse(struct config *c, const char *file, const char *text, size_t len,
		 config_report_t report, void *ctx)
{
	struct parser p = {.c = c, .file = file, .report = report, .ctx = ctx};
	const char *end = text + len, *nl;

	while (text < end) {
		p.line++;
		nl = memchr(text, '\n', (size_t)(end - text));
		take_line(&p, text, (size_t)((nl ? nl : end) - text));
		text = nl ? nl + 1 : end;
	}
	return p.result;
}

/* ---- the whole ---- */

static void complain(int *result, config_report_t report, void *ctx, const char *where,
		     const char *section, const char *name, const char *words)
{
	char text[512];

	snprintf(text, sizeof(text), "%s: [%s %s] %s", where, section, name, words);
	*result = -EINVAL;
	if (report)
		report(ctx, true, text);
}

int config_policy_read(const struct config_policy *l, struct job_policy *policy, char *why,
		       size_t room)
{
	const struct policy_text text = {
		.origin = l->origin,
		.keysets = l->keysets,
		.aids = l->aids,
		.operations = l->operations,
		.instructions = l->instructions,
		.rate = l->rate,
	};

	return policy_read(policy, l->name, &text, why, room);
}

static bool has_keyset(const struct config *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->nr_keyset; i++)
		if (!strcmp(c->keyset[i].name, name))
			return true;
	return false;
}

/* A card to bootstrap from, of [bootstrap] or [dm]: such a section has no line of its own to
 * name, its keys may stand in several files. @what goes before the names of the keys. */
static void check_card(const struct config *c, const char *what, const char *card,
		       const char *keyset, int *r, config_report_t report, void *ctx)
{
	char text[256];
	size_t i;

	/* without any [se], the names are the kernel's */
	for (i = 0; i < c->nr_se && strcmp(c->se[i].name, card) != 0; i++)
		;
	if (card[0] && c->nr_se && i == c->nr_se) {
		snprintf(text, sizeof(text), "%scard=%s: there is no [se %s]", what, card,
			 card);
		*r = -EINVAL;
		if (report)
			report(ctx, true, text);
	}
	if (keyset[0] && !has_keyset(c, keyset)) {
		snprintf(text, sizeof(text), "%skeyset=%s: there is no [keyset %s]", what,
			 keyset, keyset);
		*r = -EINVAL;
		if (report)
			report(ctx, true, text);
	}
}

static void check_policies(const struct config *c, int *r, config_report_t report, void *ctx)
{
	struct job_policy policy;
	char why[384];
	size_t i, j;

	for (i = 0; i < c->nr_keyset; i++)
		if (!c->keyset[i].keys[0])
			complain(r, report, ctx, c->keyset[i].where, "keyset",
				 c->keyset[i].name,
				 "has no keys=: add keys=file:/etc/sesame/NAME.keys");
	for (i = 0; i < c->nr_policy; i++) {
		const struct config_policy *l = &c->policy[i];

		if (report && config_dm_stranger(c, l->origin)) {
			snprintf(why, sizeof(why),
				 "%s: [policy %s] origin=%.80s: no [dm NAME] has this "
				 "server_id=",
				 l->where, l->name, l->origin);
			report(ctx, false, why);
		}
		if (config_policy_read(l, &policy, why, sizeof(why))) {
			complain(r, report, ctx, l->where, "policy", l->name, why);
			continue;
		}
		for (j = 0; j < policy.nr_keysets; j++) {
			if (has_keyset(c, policy.keysets[j]))
				continue;
			snprintf(why, sizeof(why), "keysets=: there is no [keyset %s]",
				 policy.keysets[j]);
			complain(r, report, ctx, l->where, "policy", l->name, why);
		}
	}
}

int config_check(const struct config *c, config_report_t report, void *ctx)
{
	const struct config_server *s;
	const char *why;
	int r = 0;
	size_t i;

	for (i = 0; i < c->nr_se; i++)
		if (!c->se[i].open[0])
			complain(&r, report, ctx, c->se[i].where, "se", c->se[i].name,
				 "has no open=: add open=ioctl:/dev/se0");
	for (i = 0; i < c->nr_server; i++) {
		s = &c->server[i];
		why = config_server_check(c, s);
		if (why)
			complain(&r, report, ctx, s->where, "server", s->name, why);
	}
	for (i = 0; i < c->nr_dm; i++) {
		why = config_dm_check(c, &c->dm_account[i]);
		if (why)
			complain(&r, report, ctx, c->dm_account[i].where, "dm",
				 c->dm_account[i].name, why);
	}
	why = config_dm_general(c);
	if (why) {
		r = -EINVAL;
		if (report)
			report(ctx, true, why);
	}
	check_card(c, "[bootstrap] ", c->bootstrap.card, c->bootstrap.keyset, &r, report, ctx);
	check_card(c, "[dm] bootstrap_", c->dm.bootstrap_card, c->dm.bootstrap_keyset, &r,
		   report, ctx);
	check_policies(c, &r, report, ctx);
	return r;
}
