// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gp/error.h"
#include "keys/keyset.h"
#include "libse/se.h"

#define LINE_MAX_BYTES 2048

enum where {
	IN_KEYSET = 1,
	IN_KEY = 2,
};

enum kind {
	KIND_TYPE,
	KIND_USE,
	KIND_BYTE, /* 1 or 2 hex digits, with or without 0x */
	KIND_BITS,
	KIND_DIVERSIFICATION,
	KIND_TEMPLATE,
	KIND_SECRET, /* hex digits or pkcs11: */
	KIND_SPAN,   /* a file name or pkcs11: */
};

struct field {
	const char *name;
	unsigned int where; /* enum where */
	enum kind kind;
	size_t at;
};

#define FIELD(n, w, k, f) {n, w, k, offsetof(struct keyset_section, f)}

static const struct field fields[] = {
	FIELD("type", IN_KEYSET | IN_KEY, KIND_TYPE, type),
	FIELD("use", IN_KEY, KIND_USE, use),
	FIELD("kvn", IN_KEYSET | IN_KEY, KIND_BYTE, kvn),
	FIELD("kid", IN_KEYSET | IN_KEY, KIND_BYTE, kid),
	FIELD("enc", IN_KEYSET, KIND_SECRET, secret[KEYSET_ENC]),
	FIELD("mac", IN_KEYSET, KIND_SECRET, secret[KEYSET_MAC]),
	FIELD("dek", IN_KEYSET, KIND_SECRET, secret[KEYSET_DEK]),
	FIELD("master", IN_KEYSET, KIND_SECRET, secret[KEYSET_MASTER]),
	FIELD("diversification", IN_KEYSET, KIND_DIVERSIFICATION, diversification),
	FIELD("template", IN_KEYSET, KIND_TEMPLATE, template_),
	FIELD("ca_kvn", IN_KEYSET, KIND_BYTE, ca_kvn),
	FIELD("ca_kid", IN_KEYSET, KIND_BYTE, ca_kid),
	FIELD("session_bits", IN_KEYSET, KIND_BITS, session_bits),
	FIELD("host_key", IN_KEYSET, KIND_SPAN, host_key),
	FIELD("host_certificates", IN_KEYSET, KIND_SPAN, host_certificates),
	FIELD("card_ca", IN_KEYSET, KIND_SPAN, card_ca),
	FIELD("secret", IN_KEY, KIND_SECRET, secret[KEYSET_SECRET]),
	FIELD("public", IN_KEY, KIND_SPAN, public_key),
	FIELD("private", IN_KEY, KIND_SPAN, private_key),
};

#define NR_FIELDS (sizeof(fields) / sizeof(fields[0]))

struct parser {
	const char *file;
	unsigned int line;
	struct keyset_section *out;
	size_t room, n;
	struct keyset_section *now; /* NULL before the first */
	uint32_t seen;		    /* fields of this section, a bit each */
	struct gp_error *err;
};

#define BAD(p, ...) bad((p), (p)->line, -EINVAL, __VA_ARGS__)

static int bad(struct parser *p, unsigned int line, int error, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static int bad(struct parser *p, unsigned int line, int error, const char *fmt, ...)
{
	char words[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	return gp_fail(p->err, error, "key-file", "%.120s:%u: %s", p->file, line, words);
}

bool keyset_name_ok(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				"0123456789-_.");

	return n && n < KEYS_NAME_MAX && !name[n];
}

static bool is(struct keyset_span s, const char *word)
{
	return s.len == strlen(word) && !memcmp(s.p, word, s.len);
}

static bool starts(struct keyset_span s, const char *with)
{
	return s.len > strlen(with) && !memcmp(s.p, with, strlen(with));
}

static struct keyset_span trim(struct keyset_span s)
{
	while (s.len && isspace((unsigned char)*s.p)) {
		s.p++;
		s.len--;
	}
	while (s.len && isspace((unsigned char)s.p[s.len - 1]))
		s.len--;
	return s;
}

/* ---- values; none is ever put into a message ---- */

static int take_type(struct parser *p, struct keyset_span v)
{
	struct keyset_section *s = p->now;

	if (is(v, "aes"))
		s->type = GP_KEY_AES;
	else if (is(v, "des"))
		s->type = GP_KEY_DES;
	else if (!s->single && (is(v, "scp11a") || is(v, "scp11b") || is(v, "scp11c")))
		s->scp11 = v.p[5];
	else
		return BAD(p, "type= is %s",
			   s->single ? "aes or des" : "aes, des, scp11a, scp11b or scp11c");
	return 0;
}

static int take_use(struct parser *p, struct keyset_span v)
{
	if (is(v, "token"))
		p->now->use = KEYS_USE_TOKEN;
	else if (is(v, "receipt"))
		p->now->use = KEYS_USE_RECEIPT;
	else if (is(v, "dap"))
		p->now->use = KEYS_USE_DAP;
	else
		return BAD(p, "use= is token, receipt or dap");
	return 0;
}

static int take_byte(struct parser *p, const struct field *f, struct keyset_span v)
{
	char digits[2] = {'0', '0'};
	uint8_t byte;
	size_t n;

	if (starts(v, "0x")) {
		v.p += 2;
		v.len -= 2;
	}
	if (v.len == 1)
		digits[1] = v.p[0];
	else if (v.len == 2)
		memcpy(digits, v.p, 2);
	if (!v.len || v.len > 2 || se_from_hex(digits, 2, &byte, 1, &n) || !byte)
		return BAD(p, "%s= is a number from 01 to FF, in hex as in the standard",
			   f->name);
	memcpy((char *)p->now + f->at, &byte, 1);
	return 0;
}

static int take_bits(struct parser *p, struct keyset_span v)
{
	if (!is(v, "128") && !is(v, "192") && !is(v, "256"))
		return BAD(p, "session_bits= is 128, 192 or 256");
	p->now->session_bits = is(v, "128") ? 128 : is(v, "192") ? 192 : 256;
	return 0;
}

static int take_diversification(struct parser *p, struct keyset_span v)
{
	char word[16] = "";
	int d = -EINVAL;

	if (v.len < sizeof(word)) {
		memcpy(word, v.p, v.len);
		d = gp_diversification_parse(word);
	}
	if (d < 0)
		return BAD(p, "diversification= is none, visa2, emv, kdf3 or template");
	p->now->diversification = (uint8_t)d;
	return 0;
}

static int take_template(struct parser *p, struct keyset_span v)
{
	if (!v.len || v.len >= sizeof(p->now->template_))
		return BAD(p, "template= is longer than %zu characters",
			   sizeof(p->now->template_) - 1);
	memcpy(p->now->template_, v.p, v.len);
	p->now->template_[v.len] = '\0';
	return 0;
}

static int take_secret(struct parser *p, const struct field *f, struct keyset_span v)
{
	struct keyset_secret *s = (struct keyset_secret *)(void *)((char *)p->now + f->at);
	size_t n;

	if (starts(v, "pkcs11:")) {
		s->uri = v;
		return 0;
	}
	if (!v.len || se_from_hex(v.p, v.len, s->value, sizeof(s->value), &n) ||
	    (n != 16 && n != 24 && n != 32))
		return BAD(p, "%s= is 16, 24 or 32 bytes in hex digits, or pkcs11:…", f->name);
	s->len = (uint8_t)n;
	return 0;
}

static int take_span(struct parser *p, const struct field *f, struct keyset_span v)
{
	if (!v.len)
		return BAD(p, "%s= names a file or a PKCS#11 URI", f->name);
	memcpy((char *)p->now + f->at, &v, sizeof(v));
	return 0;
}

static int take_value(struct parser *p, const struct field *f, struct keyset_span v)
{
	switch (f->kind) {
	case KIND_TYPE:
		return take_type(p, v);
	case KIND_USE:
		return take_use(p, v);
	case KIND_BYTE:
		return take_byte(p, f, v);
	case KIND_BITS:
		return take_bits(p, v);
	case KIND_DIVERSIFICATION:
		return take_diversification(p, v);
	case KIND_TEMPLATE:
		return take_template(p, v);
	case KIND_SECRET:
		return take_secret(p, f, v);
	case KIND_SPAN:
		return take_span(p, f, v);
	}
	return 0;
}

/* ---- is a section complete? ---- */

static bool has(const struct keyset_section *s, enum keyset_slot slot)
{
	return s->secret[slot].len || s->secret[slot].uri.len;
}

static bool seen(const struct parser *p, const char *name)
{
	size_t i;

	for (i = 0; i < NR_FIELDS; i++)
		if (!strcmp(fields[i].name, name))
			return p->seen >> i & 1;
	return false;
}

/* The lengths a type allows; a token says itself what it has. */
static int end_lengths(struct parser *p)
{
	static const char *const names[] = {"enc", "mac", "dek", "master", "secret"};
	const struct keyset_section *s = p->now;
	size_t i;

	for (i = 0; i < KEYSET_SLOTS; i++) {
		if (!s->secret[i].len)
			continue;
		if (!s->type)
			return bad(p, s->line, -EINVAL,
				   "[%s] has no type=: aes or des, 16 bytes may be either",
				   s->name);
		if (s->type == GP_KEY_DES && s->secret[i].len == 32)
			return bad(p, s->line, -EINVAL,
				   "[%s] %s= has 32 bytes: a DES key has 16 or 24", s->name,
				   names[i]);
	}
	return 0;
}

static int end_scp11(struct parser *p)
{
	static const char *const others[] = {
		"enc", "mac", "dek", "master", "diversification", "template"};
	struct keyset_section *s = p->now;
	size_t i;

	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (seen(p, others[i]))
			return bad(p, s->line, -EINVAL, "[%s] is SCP11, it has no %s=", s->name,
				   others[i]);
	if (s->scp11 == 'b' && (s->host_key.len || s->host_certificates.len))
		return bad(p, s->line, -EINVAL,
			   "[%s] is SCP11b, in which the host has neither key nor certificate",
			   s->name);
	if (s->scp11 != 'b' && (!s->host_key.len || !s->host_certificates.len))
		return bad(p, s->line, -EINVAL,
			   "[%s] is SCP11%c: host_key= and host_certificates= are needed",
			   s->name, s->scp11);
	if (!s->kvn)
		return bad(p, s->line, -EINVAL, "[%s] has no kvn=, which SCP11 always needs",
			   s->name);
	if (!s->session_bits)
		s->session_bits = 128;
	return 0;
}

static int end_keyset(struct parser *p)
{
	static const char *const others[] = {"kid",	     "ca_kvn",	 "ca_kid",
					     "session_bits", "host_key", "host_certificates",
					     "card_ca"};
	const struct keyset_section *s = p->now;
	bool parts = has(s, KEYSET_ENC) || has(s, KEYSET_MAC) || has(s, KEYSET_DEK);
	size_t i;

	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (seen(p, others[i]))
			return bad(p, s->line, -EINVAL, "[%s] has %s=, which is of SCP11",
				   s->name, others[i]);
	if (has(s, KEYSET_MASTER) && parts)
		return bad(p, s->line, -EINVAL, "[%s] has both master= and keys of a card",
			   s->name);
	if (!has(s, KEYSET_MASTER) && (!has(s, KEYSET_ENC) || !has(s, KEYSET_MAC)))
		return bad(p, s->line, -EINVAL,
			   "[%s] needs enc= and mac=, or master=", s->name);
	if (s->diversification != GP_DIV_NONE && !has(s, KEYSET_MASTER))
		return bad(p, s->line, -EINVAL,
			   "[%s] has a diversification= but no master=", s->name);
	if ((s->diversification == GP_DIV_TEMPLATE) != (s->template_[0] != '\0'))
		return bad(p, s->line, -EINVAL,
			   "[%s] diversification=template and template= go together", s->name);
	if (s->template_[0] && s->type &&
	    gp_template_check(s->template_, (enum gp_key_type)s->type))
		return bad(p, s->line, -EINVAL, "[%s] template= makes no key of this type",
			   s->name);
	return end_lengths(p);
}

static int end_single(struct parser *p)
{
	const struct keyset_section *s = p->now;
	int n = has(s, KEYSET_SECRET) + (s->public_key.len != 0) + (s->private_key.len != 0);

	if (!seen(p, "use"))
		return bad(p, s->line, -EINVAL, "[key %s] has no use=: token, receipt or dap",
			   s->name);
	if (n != 1)
		return bad(p, s->line, -EINVAL,
			   "[key %s] needs one of secret=, public= and private=", s->name);
	if (s->type && !has(s, KEYSET_SECRET))
		return bad(p, s->line, -EINVAL,
			   "[key %s] has a type=: the key file says itself what it is",
			   s->name);
	return end_lengths(p);
}

static int end_section(struct parser *p)
{
	if (!p->now)
		return 0;
	if (p->now->single)
		return end_single(p);
	return p->now->scp11 ? end_scp11(p) : end_keyset(p);
}

/* ---- lines ---- */

static int take_section(struct parser *p, struct keyset_span line)
{
	struct keyset_span head;
	char name[KEYS_NAME_MAX] = "";
	bool single;
	size_t i;
	int r;

	r = end_section(p);
	if (r)
		return r;
	if (line.p[line.len - 1] != ']')
		return BAD(p, "a section lacks its closing bracket");
	head = trim((struct keyset_span){line.p + 1, line.len - 2});
	if (starts(head, "keyset") && isspace((unsigned char)head.p[6])) {
		single = false;
		head = trim((struct keyset_span){head.p + 6, head.len - 6});
	} else if (starts(head, "key") && isspace((unsigned char)head.p[3])) {
		single = true;
		head = trim((struct keyset_span){head.p + 3, head.len - 3});
	} else {
		return BAD(p, "a section is [keyset NAME] or [key NAME]");
	}
	if (head.len < sizeof(name))
		memcpy(name, head.p, head.len);
	if (memchr(head.p, '\0', head.len) || !keyset_name_ok(name))
		return BAD(p, "a name has 1 to %d letters, digits, '-', '_' and '.'",
			   KEYS_NAME_MAX - 1);
	for (i = 0; i < p->n; i++)
		if (p->out[i].single == single && !strcmp(p->out[i].name, name))
			return bad(p, p->line, -EEXIST, "[%s %s] stands in line %u already",
				   single ? "key" : "keyset", name, p->out[i].line);
	if (p->n == p->room)
		return bad(p, p->line, -EFBIG, "more than %zu sections", p->room);
	p->now = &p->out[p->n++];
	memset(p->now, 0, sizeof(*p->now));
	memcpy(p->now->name, name, sizeof(name));
	p->now->line = p->line;
	p->now->single = single;
	p->seen = 0;
	return 0;
}

static int take_field(struct parser *p, struct keyset_span line)
{
	const char *eq = memchr(line.p, '=', line.len);
	struct keyset_span name, value;
	size_t i;

	/* no part of the line is repeated: it may be a key that lost its name */
	if (!eq)
		return BAD(p, "a line is neither [section] nor name=value");
	if (!p->now)
		return BAD(p, "name=value stands before the first [section]");
	name = trim((struct keyset_span){line.p, (size_t)(eq - line.p)});
	value = trim((struct keyset_span){eq + 1, (size_t)(line.p + line.len - eq - 1)});
	for (i = 0; i < NR_FIELDS; i++) {
		if (!is(name, fields[i].name) ||
		    !(fields[i].where & (p->now->single ? IN_KEY : IN_KEYSET)))
			continue;
		if (p->seen >> i & 1)
			return BAD(p, "%s= comes twice in [%s]", fields[i].name, p->now->name);
		p->seen |= 1U << i;
		return take_value(p, &fields[i], value);
	}
	return BAD(p, "no such name= in [%s %s]; see sesame-keys(5)",
		   p->now->single ? "key" : "keyset", p->now->name);
}

static int take_line(struct parser *p, struct keyset_span line)
{
	line = trim(line);
	if (!line.len || *line.p == '#' || *line.p == ';')
		return 0;
	if (line.len >= LINE_MAX_BYTES)
		return BAD(p, "the line is longer than %d characters", LINE_MAX_BYTES - 1);
	if (memchr(line.p, '\0', line.len))
		return BAD(p, "the line has a NUL byte: not a text file?");
	return *line.p == '[' ? take_section(p, line) : take_field(p, line);
}

int keyset_parse(const char *file, const char *text, size_t len, struct keyset_section *out,
		 size_t room, size_t *n, struct gp_error *err)
{
	struct parser p = {.file = file, .out = out, .room = room, .err = err};
	const char *end = text + len, *nl;
	int r = 0;

	*n = 0;
	if (len > KEYS_FILE_MAX)
		return gp_fail(err, -EFBIG, "key-file", "%s: more than %d bytes", file,
			       KEYS_FILE_MAX);
	while (text < end && !r) {
		p.line++;
		nl = memchr(text, '\n', (size_t)(end - text));
		r = take_line(&p, (struct keyset_span){text, (size_t)((nl ? nl : end) - text)});
		text = nl ? nl + 1 : end;
	}
	if (!r)
		r = end_section(&p);
	if (!r && !p.n)
		r = gp_fail(err, -EINVAL, "key-file", "%s: holds no [keyset NAME]", file);
	if (!r)
		*n = p.n;
	return r;
}
