// SPDX-License-Identifier: Apache-2.0
/* What kind of profile it is, and the accounts of those that are TNDS. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dm/profile-priv.h"
#include "dm/syncml-priv.h"
#include "dm/wbxml-tags.h"
#include "dm/wbxml.h"

/* text and tree of a profile of DM_PROFILE_BYTES_MAX, both codings */
#define MEMORY_MAX ((size_t)4 << 20)

static const char no_account[] = "no account of OMA DM with a ServerID and an address";

struct dm_profile_account *profile_account(struct dm_profile *p)
{
	struct dm_profile_account *a;

	if (p->n_accounts == DM_PROFILE_ACCOUNTS_MAX)
		return NULL;
	a = &p->accounts[p->n_accounts];
	memset(a, 0, sizeof(*a));
	return a;
}

void profile_keep(struct dm_profile *p, struct dm_profile_account *a)
{
	if (a->server_id && a->addr)
		p->n_accounts++;
	else
		memset(a, 0, sizeof(*a));
}

bool profile_bytes(struct dm_profile *p, const char *text, const uint8_t **to, size_t *len)
{
	size_t n = strlen(text);
	uint8_t *out = dm_arena_alloc(p->arena, n / 4 * 3 + 3);
	struct dm_b64 st = {0};

	if (!out)
		return false;
	if (dm_b64_feed(&st, (const uint8_t *)text, n, out, len) == 0 && st.n == 0) {
		*to = out;
	} else {
		*to = (const uint8_t *)text;
		*len = n;
	}
	return true;
}

unsigned int profile_port(const char *s)
{
	int port = s && strlen(s) <= 5 && strspn(s, "0123456789") == strlen(s) ? atoi(s) : 0;

	return port <= 65535 ? (unsigned int)port : 0;
}

/* ---- DMAcc in TNDS (OMA-TS-DM_StdObj 1.2, 5.3) ------------------------------ */

/* the node of that name below @n */
static const struct dm_node *node(struct dm_profile *p, const struct dm_node *n,
				  const char *name)
{
	for (n = n ? n->kids : NULL; n; n = n->next) {
		const char *is;

		if (!n->name || strcmp(n->name, "Node") != 0)
			continue;
		is = dm_dom_str(p->arena, dm_dom_kid(n, "NodeName"));
		if (!name || (is && strcmp(is, name) == 0))
			return n;
	}
	return NULL;
}

static const char *value(struct dm_profile *p, const struct dm_node *n, const char *name)
{
	const char *s = dm_dom_str(p->arena, dm_dom_kid(node(p, n, name), "Value"));

	return s && *s ? s : NULL;
}

static bool is_binary(const struct dm_node *n)
{
	const struct dm_node *f = dm_dom_kid(dm_dom_kid(n, "RTProperties"), "Format");

	return dm_dom_kid(f, "bin") || dm_dom_kid(f, "b64");
}

static bool auth(struct dm_profile *p, const struct dm_node *n, struct dm_profile_account *a)
{
	const char *level = value(p, n, "AAuthLevel"), *s;
	struct dm_profile_auth *to;

	if (level && strcasecmp(level, "CLCRED") == 0)
		to = &a->client;
	else if (level && strcasecmp(level, "SRVCRED") == 0)
		to = &a->server;
	else
		return true;
	if (to->name)
		return true;
	to->type = value(p, n, "AAuthType");
	to->name = value(p, n, "AAuthName");
	if (!to->name)
		to->name = to == &a->server ? a->server_id : "";
	s = value(p, n, "AAuthSecret");
	to->secret = (const uint8_t *)(s ? s : "");
	to->secret_len = s ? strlen(s) : 0;
	if (s && is_binary(node(p, n, "AAuthSecret")) &&
	    !profile_bytes(p, s, &to->secret, &to->secret_len))
		return false;
	s = value(p, n, "AAuthData");
	return !s || profile_bytes(p, s, &to->nonce, &to->nonce_len);
}

static bool account(struct dm_profile *p, const struct dm_node *n)
{
	const struct dm_node *addr = node(p, node(p, n, "AppAddr"), NULL), *list;
	struct dm_profile_account *a = profile_account(p);

	if (!a)
		return true;
	a->server_id = value(p, n, "ServerID");
	a->name = value(p, n, "Name");
	a->addr = value(p, addr, "Addr");
	a->addr_type = value(p, addr, "AddrType");
	a->port = profile_port(value(p, node(p, node(p, addr, "Port"), NULL), "PortNbr"));
	a->con_ref = value(p, n, "PrefConRef");
	if (!a->con_ref)
		a->con_ref = value(p, node(p, node(p, n, "ToConRef"), NULL), "ConRef");
	a->auth_pref = value(p, n, "AAuthPref");
	list = node(p, n, "AppAuth");
	for (list = list ? list->kids : NULL; list; list = list->next)
		if (list->name && strcmp(list->name, "Node") == 0 && !auth(p, list, a))
			return false;
	profile_keep(p, a);
	return true;
}

/* as deep as dm_dom_start() lets it be */
static bool walk(struct dm_profile *p, const struct dm_node *n)
{
	for (n = n->kids; n; n = n->next) {
		const char *id;

		if (!n->name || strcmp(n->name, "Node") != 0)
			continue;
		id = value(p, n, "AppID");
		if (id && strcasecmp(id, "w7") == 0 ? !account(p, n) : !walk(p, n))
			return false;
	}
	return true;
}

static int out_of_memory(const struct dm_profile *p)
{
	return dm_arena_error(p->arena) ? dm_arena_error(p->arena) : -ENOMEM;
}

/* one MgmtTree in XML; it is kept as text too */
static int tnds(struct dm_profile *p, const uint8_t *xml, size_t len, struct dm_dom *d)
{
	struct dm_dom own = {
		.arena = p->arena, .depth_max = DM_DOM_DATA_DEPTH, .text = {.max = MEMORY_MAX}};
	int e = 0;

	if (p->n_tnds == DM_PROFILE_TNDS_MAX)
		return -E2BIG;
	if (!d) {
		d = &own;
		e = dm_xml_read(d, xml, len);
		model_buf_free(&own.text);
		if (e < 0)
			return e;
	}
	if (strcmp(d->root->name, "MgmtTree") != 0)
		return -EBADMSG;
	p->tnds[p->n_tnds] = dm_arena_copy(p->arena, xml, len);
	if (!p->tnds[p->n_tnds] || !walk(p, d->root))
		return out_of_memory(p);
	p->n_tnds++;
	return dm_arena_error(p->arena);
}

static bool is_tnds(const struct dm_item *it)
{
	return it->has_data && (it->form == DM_FORM_MARKUP || it->form == DM_FORM_TEXT) &&
	       it->meta.type && dm_mime_is(it->meta.type, DM_MIME_TNDS_XML);
}

static int commands(struct dm_profile *p, const struct dm_cmd *c)
{
	int e = 0;

	for (; c && e == 0; c = c->next) {
		if (c->kind == DM_ADD || c->kind == DM_REPLACE)
			for (const struct dm_item *it = c->items; it && e == 0; it = it->next)
				if (is_tnds(it))
					e = tnds(p, it->data, it->len, NULL);
		if (e == 0)
			e = commands(p, c->children);
	}
	return e;
}

static int message(struct dm_profile *p, enum dm_coding coding, const uint8_t *in, size_t len,
		   char *words)
{
	struct dm_msg msg;
	int e = dm_msg_parse(coding, in, len, NULL, &msg, words);

	if (e < 0)
		return e;
	p->kind = DM_PROFILE_DM;
	e = commands(p, msg.cmds);
	dm_msg_free(&msg);
	return e;
}

static int in_xml(struct dm_profile *p, const uint8_t *in, size_t len, char *words)
{
	struct dm_dom d = {
		.arena = p->arena, .depth_max = DM_DOM_DATA_DEPTH, .text = {.max = MEMORY_MAX}};
	int e = dm_xml_read(&d, in, len);

	model_buf_free(&d.text);
	if (e < 0) {
		snprintf(words, DM_WORDS_MAX, "%s", d.why);
		return e;
	}
	if (strcmp(d.root->name, "wap-provisioningdoc") == 0)
		return profile_cp(p, d.root);
	if (strcmp(d.root->name, "SyncML") == 0)
		return message(p, DM_XML, in, len, words);
	p->kind = DM_PROFILE_TNDS;
	return tnds(p, in, len, &d);
}

static int in_wbxml(struct dm_profile *p, const uint8_t *in, size_t len, char *words)
{
	const uint8_t *at = in;
	size_t left = len;
	struct dm_wbxml_head head;
	struct model_buf xml = {.max = DM_PROFILE_BYTES_MAX * 8};
	int e = dm_wbxml_head(&at, &left, &head);

	if (e < 0)
		return e;
	if (head.public_id == DM_WBXML_PROV || strcasecmp(head.fpi, DM_WBXML_PROV_FPI) == 0)
		e = dm_wbxml_prov(in, len, &xml);
	else if (strcasecmp(head.fpi, DM_WBXML_DDF_FPI) == 0)
		e = dm_wbxml_tnds(in, len, &xml);
	else
		return message(p, DM_WBXML, in, len, words);
	if (e == 0)
		e = in_xml(p, xml.p, xml.len, words);
	model_buf_free(&xml);
	return e;
}

int dm_profile_parse(const uint8_t *in, size_t len, struct dm_profile *p, char *words)
{
	char unwanted[DM_WORDS_MAX];
	int e;

	words = words ? words : unwanted;
	words[0] = '\0';
	memset(p, 0, sizeof(*p));
	p->arena = dm_arena_new(MEMORY_MAX);
	if (!p->arena)
		e = -ENOMEM;
	else if (len == 0 || len > DM_PROFILE_BYTES_MAX)
		e = len ? -E2BIG : -EBADMSG;
	else if (in[0] <= 0x03)
		e = in_wbxml(p, in, len, words);
	else
		e = in_xml(p, in, len, words);
	if (e == 0 && p->n_accounts == 0) {
		e = -ENOENT;
		snprintf(words, DM_WORDS_MAX, "%s", no_account);
	}
	if (e < 0) {
		if (!words[0])
			snprintf(words, DM_WORDS_MAX, "no profile for OMA DM: %s",
				 strerror(-e));
		dm_profile_free(p);
	}
	return e;
}

void dm_profile_free(struct dm_profile *p)
{
	dm_arena_free(p->arena);
	explicit_bzero(p, sizeof(*p));
}
