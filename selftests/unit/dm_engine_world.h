/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session engine with a management tree in memory, and a server that is made of text:
 * for the tests, the fuzz target and the bench of dm/engine.h.
 */
#ifndef UNIT_DM_ENGINE_WORLD_H
#define UNIT_DM_ENGINE_WORLD_H

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dm/engine.h"
#include "dm/syncml.h"
#include "dm/tree-ops.h"

#define NODES_MAX 64
#define LEVELS_MAX 3
#define ALERTS_MAX 40

struct node {
	char uri[DM_URI_MAX + 1];
	enum mo_format format;
	uint8_t *p;
	size_t len;
};

struct level {
	enum dm_level kind;
	struct node node[NODES_MAX];
	unsigned int nr;
};

struct world {
	/* the tree */
	struct node node[NODES_MAX];
	unsigned int nr;
	struct level levels[LEVELS_MAX];
	unsigned int depth;
	char part_uri[DM_URI_MAX + 1];
	uint8_t *part;
	size_t part_len;
	bool part_on;
	uint64_t token;
	unsigned int writes, execs, commits, rollbacks, aborts; /* how often */
	int commit_says, rollback_says, begin_says;
	char server[64], correlator[128];
	uint64_t endless; /* bytes of ./Endless, made as they are read */

	/* what the owner of the engine has */
	struct dm_engine *e;
	uint8_t random;
	uint8_t nonce[2][DM_AUTH_NONCE_MAX];
	size_t nonce_len[2];
	struct dm_engine_alert alert[ALERTS_MAX];
	unsigned int nr_alerts;
	unsigned int status[ALERTS_MAX];
	struct dm_engine_ui ask;
	char ask_text[128], ask_dr[32], ask_choice[4][32];
	enum dm_ui_result ui_says;
	struct dm_engine_ui_answer ui_answer;
	unsigned int uis;
	char log[DM_ENGINE_WORDS_MAX];

	/* the server */
	bool wbxml;
	unsigned int msg;
	const char *hdr; /* more of its header: Cred, Meta */
	const char *hmac;
	struct dm_engine_msg out;
	struct dm_msg in; /* what the client said last */
	size_t most;	  /* longest message of the client */
};

static inline struct node *world_node(struct world *w, const char *uri)
{
	for (unsigned int i = 0; i < w->nr; i++)
		if (!strcmp(w->node[i].uri, uri))
			return &w->node[i];
	return NULL;
}

static inline void node_set(struct node *n, const void *p, size_t len)
{
	uint8_t *copy = malloc(len + 1);

	if (!copy)
		abort();
	if (len)
		memcpy(copy, p, len);
	copy[len] = 0;
	free(n->p);
	n->p = copy;
	n->len = len;
}

static inline void world_set(struct world *w, const char *uri, enum mo_format format,
			     const void *p, size_t len)
{
	struct node *n = world_node(w, uri);

	if (!n) {
		n = &w->node[w->nr++];
		*n = (struct node){.format = format};
		snprintf(n->uri, sizeof(n->uri), "%s", uri);
	}
	node_set(n, p, len);
}

/* ---- struct dm_tree_ops -------------------------------------------------------------- */

static inline size_t below(const char *dir, const char *uri)
{
	size_t n = strlen(dir);

	return !strncmp(uri, dir, n) && uri[n] == '/' ? n + 1 : 0;
}

/* names of the children, '/' between them */
static inline size_t names(struct world *w, const char *dir, char *out, size_t room)
{
	size_t n = 0, at;

	for (unsigned int i = 0; i < w->nr; i++) {
		at = below(dir, w->node[i].uri);
		if (at && !strchr(w->node[i].uri + at, '/'))
			n += (size_t)snprintf(out + n, room - n, "%s%s", n ? "/" : "",
					      w->node[i].uri + at);
	}
	return n;
}

static inline int t_stat(void *ctx, const struct dm_req *req, const char *uri,
			 struct dm_stat *st)
{
	struct world *w = ctx;
	char base[DM_URI_MAX + 1], list[2048];
	struct node *n;
	char *q;

	(void)req;
	if (strlen(uri) > DM_URI_MAX)
		return DM_URI_TOO_LONG;
	strcpy(base, uri);
	q = strchr(base, '?');
	if (q)
		*q++ = 0;
	if (q && strcmp(q, "list=Struct") && strcmp(q, "list=StructData"))
		return DM_UNSUPPORTED;
	if (!strcmp(base, "./Endless")) {
		*st = (struct dm_stat){.format = MO_BIN, .size = w->endless};
		strcpy(st->type, "application/octet-stream");
		return DM_OK;
	}
	n = world_node(w, base);
	if (!n)
		return DM_NOT_FOUND;
	if (strstr(base, "/Secret"))
		return DM_DENIED;
	*st = (struct dm_stat){.format = n->format, .size = n->len};
	if (q) {
		st->list = true;
		st->data = !strcmp(q, "list=StructData");
	} else if (n->format == MO_NODE) {
		st->size = names(w, base, list, sizeof(list));
	}
	if (n->format != MO_NODE)
		strcpy(st->type,
		       mo_format_text(n->format) ? "text/plain" : "application/octet-stream");
	return DM_OK;
}

static inline int t_read(void *ctx, const struct dm_req *req, const char *uri, uint64_t offset,
			 void *p, size_t room, size_t *n)
{
	struct world *w = ctx;
	struct node *node = world_node(w, uri);
	char list[2048];
	const uint8_t *from;
	size_t len;

	(void)req;
	*n = 0;
	if (!strcmp(uri, "./Endless")) {
		for (; *n < room && offset < w->endless; offset++)
			((uint8_t *)p)[(*n)++] = (uint8_t)(offset * 7 + (offset >> 8));
		return DM_OK;
	}
	if (!node)
		return DM_NOT_FOUND;
	from = node->p;
	len = node->len;
	if (node->format == MO_NODE) {
		len = names(w, uri, list, sizeof(list));
		from = (uint8_t *)list;
	}
	if (offset > len)
		return DM_CONFLICT;
	*n = len - offset < room ? (size_t)(len - offset) : room;
	memcpy(p, from + offset, *n);
	return DM_OK;
}

static inline int t_walk(void *ctx, const struct dm_req *req, const char *root, char *uri,
			 struct dm_stat *st)
{
	struct world *w = ctx;
	char base[DM_URI_MAX + 1];
	bool next = !*uri;

	snprintf(base, sizeof(base), "%s", root);
	*strchr(base, '?') = 0;
	for (unsigned int i = 0; i < w->nr; i++) {
		if (strcmp(w->node[i].uri, base) && !below(base, w->node[i].uri))
			continue;
		if (next && strstr(w->node[i].uri, "/Secret"))
			continue;
		if (next) {
			strcpy(uri, w->node[i].uri);
			return t_stat(ctx, req, uri, st);
		}
		next = !strcmp(w->node[i].uri, uri);
	}
	return 0;
}

static inline bool parent_is_there(struct world *w, const char *uri)
{
	char dir[DM_URI_MAX + 1];
	struct node *n;

	snprintf(dir, sizeof(dir), "%s", uri);
	*strrchr(dir, '/') = 0;
	n = world_node(w, dir);
	return !strcmp(dir, ".") || (n && n->format == MO_NODE);
}

static inline void t_write_abort(void *ctx)
{
	struct world *w = ctx;

	w->aborts += w->part_on;
	w->part_on = false;
	free(w->part);
	w->part = NULL;
	w->part_len = 0;
}

static inline int t_write(void *ctx, const struct dm_req *req, enum dm_how how, const char *uri,
			  const struct dm_put *put)
{
	struct world *w = ctx;
	enum mo_format format = MO_CHR;
	struct node *n = world_node(w, uri);

	w->writes++;
	w->token = req->token;
	snprintf(w->server, sizeof(w->server), "%s", req->server);
	if (strlen(uri) > DM_URI_MAX)
		return DM_URI_TOO_LONG;
	if (strncmp(uri, "./", 2))
		return DM_BAD_REQUEST;
	if (!strcmp(uri, "./Broken"))
		return -EIO;
	if (!strcmp(uri, "./Pend"))
		return DM_PENDING;
	if (how == DM_HOW_ADD && n)
		return DM_EXISTS;
	if (how == DM_HOW_REPLACE && !n)
		return DM_NOT_FOUND;
	if (strstr(uri, "/Secret"))
		return DM_DENIED;
	if (!parent_is_there(w, uri))
		return DM_NOT_FOUND;
	if (put->format && mo_format_parse(put->format, &format))
		return DM_BAD_FORMAT;
	if (put->offset == 0) {
		t_write_abort(w);
		w->part_on = true;
		snprintf(w->part_uri, sizeof(w->part_uri), "%s", uri);
	} else if (!w->part_on || strcmp(w->part_uri, uri) || put->offset != w->part_len) {
		abort(); /* the engine lost its way */
	}
	if (put->total == DM_SIZE_UNKNOWN || put->offset + put->len > put->total)
		abort();
	if (put->len) {
		w->part = realloc(w->part, w->part_len + put->len);
		memcpy(w->part + w->part_len, put->data, put->len);
		w->part_len += put->len;
	}
	if (!put->last)
		return DM_BUFFERED;
	w->part_on = false;
	if (w->nr == NODES_MAX && !n) {
		t_write_abort(w);
		return DM_DEVICE_FULL;
	}
	world_set(w, uri, format, w->part, w->part_len);
	t_write_abort(w);
	return DM_OK;
}

static inline int t_del(void *ctx, const struct dm_req *req, const char *uri)
{
	struct world *w = ctx;
	unsigned int i, to;

	(void)req;
	if (!strcmp(uri, "."))
		return DM_NOT_ALLOWED;
	if (!world_node(w, uri))
		return DM_NOT_FOUND;
	for (i = to = 0; i < w->nr; i++) {
		if (!strcmp(w->node[i].uri, uri) || below(uri, w->node[i].uri))
			free(w->node[i].p);
		else
			w->node[to++] = w->node[i];
	}
	w->nr = to;
	return DM_OK;
}

static inline int t_copy(void *ctx, const struct dm_req *req, const char *from, const char *to)
{
	struct world *w = ctx;
	struct node *n = world_node(w, from);

	(void)req;
	if (!n || !parent_is_there(w, to))
		return DM_NOT_FOUND;
	world_set(w, to, n->format, n->p, n->len);
	return DM_OK;
}

static inline int t_exec(void *ctx, const struct dm_req *req, const char *uri,
			 const struct dm_put *arg)
{
	struct world *w = ctx;

	w->execs++;
	w->token = req->token;
	snprintf(w->correlator, sizeof(w->correlator), "%s", req->correlator);
	if (!arg->last || arg->offset)
		abort();
	if (!strcmp(uri, "./Op/Now"))
		return DM_OK;
	if (!strcmp(uri, "./Op/Later"))
		return DM_ACCEPTED;
	if (!strcmp(uri, "./Op/Pend"))
		return DM_PENDING;
	return DM_NOT_FOUND;
}

static inline void copy_nodes(struct node *to, const struct node *from, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		to[i] = from[i];
		to[i].p = NULL;
		node_set(&to[i], from[i].p, from[i].len);
	}
}

static inline void free_nodes(struct node *n, unsigned int nr)
{
	while (nr--) {
		free(n[nr].p);
		n[nr].p = NULL;
	}
}

static inline int t_begin(void *ctx, enum dm_level level)
{
	struct world *w = ctx;
	struct level *l;

	if (level == DM_LEVEL_ATOMIC && w->depth)
		abort(); /* it is to be on the disk by itself */
	if (level == DM_LEVEL_ATOMIC && w->begin_says)
		return w->begin_says;
	l = &w->levels[w->depth++];
	l->kind = level;
	l->nr = w->nr;
	copy_nodes(l->node, w->node, w->nr);
	return DM_OK;
}

static inline void back(struct world *w, bool restore)
{
	struct level *l = &w->levels[--w->depth];

	if (restore) {
		free_nodes(w->node, w->nr);
		memcpy(w->node, l->node, sizeof(l->node));
		w->nr = l->nr;
	} else {
		free_nodes(l->node, l->nr);
	}
}

static inline int t_commit(void *ctx, const struct dm_req *req)
{
	struct world *w = ctx;
	bool atomic;
	int says = w->commit_says ? w->commit_says : DM_OK;

	if (!w->depth)
		abort();
	atomic = w->levels[w->depth - 1].kind == DM_LEVEL_ATOMIC;
	w->commits++;
	if (atomic)
		w->token = req->token;
	if (!atomic && says != -EIO)
		says = DM_OK;
	back(w, says != DM_OK && says != DM_PENDING && says != DM_ROLLBACK_FAILED);
	return says;
}

static inline int t_rollback(void *ctx)
{
	struct world *w = ctx;

	if (!w->depth)
		abort();
	w->rollbacks++;
	back(w, !w->rollback_says);
	return w->rollback_says ? w->rollback_says : DM_ROLLED_BACK;
}

static const struct dm_tree_ops world_tree = {
	.stat = t_stat,
	.read = t_read,
	.walk = t_walk,
	.write = t_write,
	.write_abort = t_write_abort,
	.del = t_del,
	.copy = t_copy,
	.exec = t_exec,
	.begin = t_begin,
	.commit = t_commit,
	.rollback = t_rollback,
};

/* ---- struct dm_engine_ops ------------------------------------------------------------ */

static inline int o_random(void *ctx, uint8_t *p, size_t n)
{
	struct world *w = ctx;

	while (n--)
		*p++ = ++w->random;
	return 0;
}

static inline int o_nonce(void *ctx, bool server, const uint8_t *p, size_t n)
{
	struct world *w = ctx;

	memcpy(w->nonce[server], p, n);
	w->nonce_len[server] = n;
	return 0;
}

static inline int o_device_info(void *ctx, unsigned int i, struct dm_engine_leaf *leaf)
{
	static const struct dm_engine_leaf info[] = {
		{"./DevInfo/DevId", NULL, "urn:uuid:1"},  {"./DevInfo/Man", NULL, "Sesame"},
		{"./DevInfo/Mod", NULL, "Test & <more>"}, {"./DevInfo/DmV", NULL, "1.2"},
		{"./DevInfo/Lang", NULL, "en"},
	};

	(void)ctx;
	if (i >= sizeof(info) / sizeof(info[0]))
		return -ENOENT;
	*leaf = info[i];
	return 0;
}

static inline int o_alert_next(void *ctx, uint64_t after, struct dm_engine_alert *alert)
{
	struct world *w = ctx;

	for (unsigned int i = 0; i < w->nr_alerts; i++)
		if (w->alert[i].id > after && !w->status[i]) {
			*alert = w->alert[i];
			return 0;
		}
	return -ENOENT;
}

static inline void o_alert_status(void *ctx, uint64_t id, unsigned int status)
{
	struct world *w = ctx;

	for (unsigned int i = 0; i < w->nr_alerts; i++)
		if (w->alert[i].id == id)
			w->status[i] = status;
}

static inline enum dm_ui_result o_ui(void *ctx, const struct dm_engine_ui *ask,
				     struct dm_engine_ui_answer *answer)
{
	struct world *w = ctx;

	w->uis++;
	w->ask = *ask;
	snprintf(w->ask_text, sizeof(w->ask_text), "%s", ask->text);
	snprintf(w->ask_dr, sizeof(w->ask_dr), "%s", ask->dr ? ask->dr : "");
	for (unsigned int i = 0; i < ask->nr_choices && i < 4; i++)
		snprintf(w->ask_choice[i], sizeof(w->ask_choice[i]), "%s", ask->choices[i]);
	*answer = w->ui_answer;
	return w->ui_says;
}

static inline void o_log(void *ctx, int level, const char *text)
{
	struct world *w = ctx;

	(void)level;
	snprintf(w->log, sizeof(w->log), "%s", text);
}

static const struct dm_engine_ops world_ops = {
	.random = o_random,
	.nonce = o_nonce,
	.device_info = o_device_info,
	.alert_next = o_alert_next,
	.alert_status = o_alert_status,
	.ui = o_ui,
	.log = o_log,
};

/* ---- the session ---------------------------------------------------------------------- */

static inline struct dm_engine_config world_config(struct world *w)
{
	return (struct dm_engine_config){
		.device_id = "urn:uuid:1",
		.server_id = "com.example.dm",
		.server_uri = "https://dm.example.com/",
		.wbxml = w->wbxml,
		.tree = &world_tree,
		.tree_ctx = w,
		.ops = &world_ops,
		.ctx = w,
	};
}

static inline void world_init(struct world *w, bool wbxml)
{
	*w = (struct world){.wbxml = wbxml};
	world_set(w, "./A", MO_NODE, "", 0);
	world_set(w, "./A/one", MO_CHR, "1", 1);
	world_set(w, "./A/two", MO_CHR, "zwei <2>", 8);
	world_set(w, "./A/Secret", MO_CHR, "geheim", 6);
	world_set(w, "./Op", MO_NODE, "", 0);
}

static inline void world_free(struct world *w)
{
	dm_engine_free(w->e);
	w->e = NULL;
	dm_msg_free(&w->in);
	free_nodes(w->node, w->nr);
	free(w->part);
	w->part = NULL;
	w->nr = 0;
}

/* the text of a server's message, in the world's coding; to be freed */
static inline uint8_t *world_encode(struct world *w, const char *xml, size_t *len)
{
	struct dm_limits limits = {.bytes = 8U << 20, .memory = 64U << 20};
	const uint8_t *p;
	struct dm_out *out;
	struct dm_msg msg;
	uint8_t *copy;
	char words[DM_WORDS_MAX];

	if (!w->wbxml) {
		*len = strlen(xml);
		return (uint8_t *)strdup(xml);
	}
	if (dm_msg_parse(DM_XML, (const uint8_t *)xml, strlen(xml), &limits, &msg, words)) {
		fprintf(stderr, "%s\n%s\n", words, xml);
		abort();
	}
	if (dm_out_new(&out, DM_WBXML, 8U << 20) || dm_out_begin(out, &msg.hdr))
		abort();
	for (struct dm_cmd *c = msg.cmds; c; c = c->next)
		if (dm_out_cmd(out, c))
			abort();
	if (dm_out_end(out, msg.final, &p, len))
		abort();
	copy = malloc(*len + 1);
	memcpy(copy, p, *len);
	copy[*len] = 0;
	dm_out_free(out);
	dm_msg_free(&msg);
	return copy;
}

/* @out is what the client says: read it */
static inline void world_hear(struct world *w)
{
	char words[DM_WORDS_MAX] = "";

	dm_msg_free(&w->in);
	w->in = (struct dm_msg){0};
	if (!w->out.len)
		return;
	if (w->out.len > w->most)
		w->most = w->out.len;
	if (dm_msg_parse(w->out.wbxml ? DM_WBXML : DM_XML, w->out.p, w->out.len, NULL, &w->in,
			 words)) {
		fprintf(stderr, "the client's message: %s\n", words);
		abort();
	}
}

static inline enum dm_step world_send(struct world *w, const char *xml)
{
	enum dm_step step;
	size_t len;
	uint8_t *p = world_encode(w, xml, &len);

	step = dm_engine_input(
		w->e,
		&(struct dm_engine_msg){.p = p, .len = len, .wbxml = w->wbxml, .hmac = w->hmac},
		&w->out);
	free(p);
	world_hear(w);
	return step;
}

/* A message of the server: its header, and @body in SyncBody. @body may have "%u" nowhere. */
static inline char *world_xml(struct world *w, unsigned int msg, const char *body, bool final)
{
	char *xml = NULL;

	if (asprintf(&xml,
		     "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
		     "<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr><VerDTD>1.2</VerDTD>"
		     "<VerProto>DM/1.2</VerProto><SessionID>1A2B</SessionID><MsgID>%u</MsgID>"
		     "<Target><LocURI>urn:uuid:1</LocURI></Target>"
		     "<Source><LocURI>https://dm.example.com/</LocURI></Source>%s</SyncHdr>"
		     "<SyncBody>%s%s</SyncBody></SyncML>",
		     msg, w->hdr ? w->hdr : "", body, final ? "<Final/>" : "") < 0)
		abort();
	return xml;
}

static inline enum dm_step world_say(struct world *w, const char *body, bool final)
{
	char *xml = world_xml(w, ++w->msg, body, final);
	enum dm_step step = world_send(w, xml);

	free(xml);
	return step;
}

/* the Status that every message of the server begins with */
#define STATUS_HDR_(msg, code)                                               \
	"<Status><CmdID>1</CmdID><MsgRef>" msg "</MsgRef><CmdRef>0</CmdRef>" \
	"<Cmd>SyncHdr</Cmd><Data>" code "</Data></Status>"
#define ITEM(uri) "<Item><Target><LocURI>" uri "</LocURI></Target></Item>"
#define VALUE(uri, data)                                                       \
	"<Item><Target><LocURI>" uri "</LocURI></Target>"                      \
	"<Meta><Format xmlns=\"syncml:metinf\">chr</Format></Meta><Data>" data \
	"</Data></Item>"
#define CMD(name, id, inside) "<" name "><CmdID>" id "</CmdID>" inside "</" name ">"

/* "Next message" (Protocol, 6.2) */
static inline enum dm_step world_next(struct world *w)
{
	char body[300];

	snprintf(body, sizeof(body),
		 STATUS_HDR_("%s", "200") CMD("Alert", "2", "<Data>1222</Data>"),
		 w->in.hdr.msg_id);
	return world_say(w, body, false);
}

static inline enum dm_step world_begin(struct world *w, const struct dm_engine_config *config)
{
	enum dm_step step;

	if (dm_engine_new(&w->e, config))
		abort();
	step = dm_engine_begin(w->e, 0x1a2b, true, &w->out);
	world_hear(w);
	return step;
}

/* the client's @nr-th Status for command @ref (from 0), its code; 0: there is none */
static inline const struct dm_cmd *status_of(struct world *w, const char *ref, unsigned int nr)
{
	for (struct dm_cmd *c = w->in.cmds; c; c = c->next)
		if (c->kind == DM_STATUS && c->cmd_ref && !strcmp(c->cmd_ref, ref) && !nr--)
			return c;
	return NULL;
}

static inline unsigned int code_of(struct world *w, const char *ref)
{
	const struct dm_cmd *c = status_of(w, ref, 0);

	return c ? c->code : 0;
}

static inline const struct dm_cmd *results_of(struct world *w, const char *ref)
{
	for (struct dm_cmd *c = w->in.cmds; c; c = c->next)
		if (c->kind == DM_RESULTS && c->cmd_ref && !strcmp(c->cmd_ref, ref))
			return c;
	return NULL;
}

static inline const struct dm_cmd *alert_of(struct world *w, unsigned int code)
{
	for (struct dm_cmd *c = w->in.cmds; c; c = c->next)
		if (c->kind == DM_ALERT && c->code == code)
			return c;
	return NULL;
}

#endif /* UNIT_DM_ENGINE_WORLD_H */
