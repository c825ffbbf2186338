// SPDX-License-Identifier: Apache-2.0
/* What the Secure Element MO keeps: operations, nodes of servers, what is prepared. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dm/mo-se-priv.h"

#define VERSION 1
#define KEPT_MAX 2048 /* bytes of a record or a node */

/* ---- bytes: numbers big endian, texts and AIDs with their length before them ----------- */

struct reader {
	const uint8_t *p;
	size_t left;
	bool bad;
};

static void put_number(struct model_buf *b, uint64_t v, unsigned int bytes)
{
	while (bytes-- > 0)
		model_buf_put(b, &(uint8_t){(uint8_t)(v >> (8 * bytes))}, 1);
}

static void put_text(struct model_buf *b, const char *s)
{
	size_t len = strlen(s);

	put_number(b, len, 2);
	model_buf_put(b, s, len);
}

static void put_aid(struct model_buf *b, const struct gp_aid *aid)
{
	put_number(b, aid->len, 1);
	model_buf_put(b, aid->bytes, aid->len);
}

static uint64_t get_number(struct reader *r, unsigned int bytes)
{
	uint64_t v = 0;

	if (r->left < bytes) {
		r->bad = true;
		r->left = 0;
		return 0;
	}
	r->left -= bytes;
	while (bytes-- > 0)
		v = v << 8 | *r->p++;
	return v;
}

static void get_text(struct reader *r, char *s, size_t room)
{
	size_t len = (size_t)get_number(r, 2);

	if (len >= room || len > r->left) {
		r->bad = true;
		len = 0;
	}
	memcpy(s, r->p, len);
	s[len] = '\0';
	r->p += len;
	r->left -= len;
}

static void get_aid(struct reader *r, struct gp_aid *aid)
{
	size_t len = (size_t)get_number(r, 1);

	if (len > GP_AID_MAX || len > r->left) {
		r->bad = true;
		len = 0;
	}
	aid->len = (uint8_t)len;
	memcpy(aid->bytes, r->p, len);
	r->p += len;
	r->left -= len;
}

/* ---- operations ----------------------------------------------------------------------------
 */

static void put_report(struct model_buf *b, const struct se_report *o)
{
	put_number(b, o->status, 2);
	put_number(b, o->code, 2);
	put_text(b, o->result);
	put_text(b, o->detail);
	put_number(b, o->executed, 4);
	put_number(b, o->total, 4);
	put_number(b, o->last_sw, 2);
	put_number(b, o->outcome, 1);
	put_text(b, o->job);
}

static void get_report(struct reader *in, struct se_report *o)
{
	o->status = (unsigned int)get_number(in, 2);
	o->code = (unsigned int)get_number(in, 2);
	get_text(in, o->result, sizeof(o->result));
	get_text(in, o->detail, sizeof(o->detail));
	o->executed = (uint32_t)get_number(in, 4);
	o->total = (uint32_t)get_number(in, 4);
	o->last_sw = (uint16_t)get_number(in, 2);
	o->outcome = (uint8_t)get_number(in, 1);
	get_text(in, o->job, sizeof(o->job));
}

static void number_key(uint64_t number, uint8_t key[8])
{
	for (unsigned int i = 0; i < 8; i++)
		key[i] = (uint8_t)(number >> (56 - 8 * i));
}

int se_record_save(struct dm_se *m, const struct se_record *r)
{
	struct model_buf b = {.max = KEPT_MAX};
	uint8_t key[8];
	int ret;

	put_number(&b, VERSION, 1);
	put_text(&b, r->server);
	put_text(&b, r->owner);
	put_text(&b, r->carrier);
	put_number(&b, r->op, 1);
	put_text(&b, r->correlator);
	put_number(&b, r->phase, 1);
	put_number(&b, r->group, 8);
	put_number(&b, (uint64_t)r->slot, 8);
	put_number(&b, r->before, 8);
	put_number(&b, r->before_run, 4);
	put_number(&b, r->job, 8);
	put_number(&b, r->run, 4);
	put_report(&b, &r->report);
	number_key(r->number, key);
	ret = b.error;
	if (ret == 0)
		ret = store_put(m->c.store, DM_KIND_EXEC, key, sizeof(key), b.p, b.len);
	model_buf_free(&b);
	return ret;
}

static struct se_record *add(struct dm_se *m, uint64_t number)
{
	struct se_record *r = calloc(1, sizeof(*r)), **at = &m->records;

	if (!r)
		return NULL;
	r->number = number;
	r->slot = JOB_SLOT_NONE;
	if (number > m->last_number)
		m->last_number = number;
	while (*at)
		at = &(*at)->next;
	*at = r;
	return r;
}

static int load_record(void *userdata, const uint8_t *key, size_t klen, const uint8_t *val,
		       size_t vlen)
{
	struct reader in = {.p = val, .left = vlen};
	struct dm_se *m = userdata;
	struct se_record *r;
	uint64_t number = 0;

	if (klen != 8 || get_number(&in, 1) != VERSION)
		return 0;
	for (size_t i = 0; i < 8; i++)
		number = number << 8 | key[i];
	r = add(m, number);
	if (!r)
		return -ENOMEM;
	get_text(&in, r->server, sizeof(r->server));
	get_text(&in, r->owner, sizeof(r->owner));
	get_text(&in, r->carrier, sizeof(r->carrier));
	r->op = (enum mo_se_op)get_number(&in, 1);
	get_text(&in, r->correlator, sizeof(r->correlator));
	r->phase = (enum se_phase)get_number(&in, 1);
	r->group = get_number(&in, 8);
	r->slot = (int64_t)get_number(&in, 8);
	r->before = get_number(&in, 8);
	r->before_run = (uint32_t)get_number(&in, 4);
	r->job = get_number(&in, 8);
	r->run = (uint32_t)get_number(&in, 4);
	get_report(&in, &r->report);
	if (in.bad || r->op >= MO_SE_OPS || r->phase < SE_PHASE_ACCEPTED ||
	    r->phase > SE_PHASE_KNOWN) {
		/* its number stays used */
		r->phase = SE_PHASE_KNOWN;
		r->op = MO_SE_OP_NONE;
		r->carrier[0] = '\0';
	}
	return 0;
}

struct se_record *se_record_new(struct dm_se *m)
{
	return add(m, m->last_number + 1);
}

static bool job_in_use(const struct dm_se *m, const struct se_record *but)
{
	for (const struct se_record *r = m->records; r; r = r->next)
		if (r != but && r->job == but->job)
			return true;
	return false;
}

void se_record_drop(struct dm_se *m, struct se_record *r)
{
	struct se_record **at = &m->records;
	uint8_t key[8];

	/* the job of a script is the node's, and that of a package content/'s */
	if (r->job && r->slot >= CONTENT_BATCH_SLOT && !job_in_use(m, r))
		job_delete(m->c.jobs, r->job, &(struct job_error){.code = ""});
	number_key(r->number, key);
	store_del(m->c.store, DM_KIND_EXEC, key, sizeof(key));
	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	free(r);
}

struct se_record *se_record_last(const struct dm_se *m, const char *carrier)
{
	struct se_record *last = NULL;

	for (struct se_record *r = m->records; r; r = r->next)
		if (strcmp(r->carrier, carrier) == 0)
			last = r;
	return last;
}

bool se_record_open(const struct se_record *r)
{
	return r->phase == SE_PHASE_ACCEPTED || r->phase == SE_PHASE_STARTED;
}

struct se_record *se_record_busy(const struct dm_se *m, const char *carrier)
{
	for (struct se_record *r = m->records; r; r = r->next)
		if (se_record_open(r) && strcmp(r->carrier, carrier) == 0)
			return r;
	return NULL;
}

/* ---- nodes ---------------------------------------------------------------------------------
 */

static const char node_prefix[] = {'s', 'e', ':'};

/* A path fits beside the prefix: SE_PATH_MAX is the store's limit for a whole key. */
static size_t node_key(const char *carrier, uint8_t key[STORE_KEY_MAX])
{
	size_t len = strlen(carrier);

	memcpy(key, node_prefix, sizeof(node_prefix));
	if (len > STORE_KEY_MAX - sizeof(node_prefix))
		len = STORE_KEY_MAX - sizeof(node_prefix);
	memcpy(key + sizeof(node_prefix), carrier, len);
	return sizeof(node_prefix) + len;
}

int se_node_save(struct dm_se *m, const struct se_node *n)
{
	struct model_buf b = {.max = KEPT_MAX};
	uint8_t key[STORE_KEY_MAX];
	int ret;

	put_number(&b, VERSION, 1);
	put_text(&b, n->carrier);
	put_text(&b, n->server);
	put_number(&b, n->number, 2);
	put_text(&b, n->choice.keyset);
	put_aid(&b, &n->choice.sd);
	put_aid(&b, &n->aid);
	ret = b.error;
	if (ret == 0)
		ret = store_put(m->c.store, DM_KIND_MO, key, node_key(n->carrier, key), b.p,
				b.len);
	model_buf_free(&b);
	return ret;
}

static int load_node(void *userdata, const uint8_t *key, size_t klen, const uint8_t *val,
		     size_t vlen)
{
	struct reader in = {.p = val, .left = vlen};
	struct se_node *n = calloc(1, sizeof(*n));
	struct dm_se *m = userdata;

	(void)key;
	(void)klen;
	if (!n)
		return -ENOMEM;
	in.bad = get_number(&in, 1) != VERSION;
	get_text(&in, n->carrier, sizeof(n->carrier));
	get_text(&in, n->server, sizeof(n->server));
	n->number = (uint16_t)get_number(&in, 2);
	get_text(&in, n->choice.keyset, sizeof(n->choice.keyset));
	get_aid(&in, &n->choice.sd);
	get_aid(&in, &n->aid);
	if (in.bad) {
		free(n);
		return 0;
	}
	n->next = m->nodes;
	m->nodes = n;
	return 0;
}

struct se_node *se_node_find(const struct dm_se *m, const char *carrier)
{
	for (struct se_node *n = m->nodes; n; n = n->next)
		if (strcmp(n->carrier, carrier) == 0)
			return n;
	return NULL;
}

struct se_node *se_node_add(struct dm_se *m, const char *carrier, const char *server)
{
	struct se_node *n = calloc(1, sizeof(*n));

	if (!n || strlen(carrier) >= sizeof(n->carrier) ||
	    strlen(server) >= sizeof(n->server)) {
		free(n);
		return NULL;
	}
	strcpy(n->carrier, carrier);
	strcpy(n->server, server);
	n->next = m->nodes;
	m->nodes = n;
	return n;
}

int se_node_drop(struct dm_se *m, struct se_node *n)
{
	uint8_t key[STORE_KEY_MAX];
	struct se_node **at = &m->nodes;
	int ret = store_del(m->c.store, DM_KIND_MO, key, node_key(n->carrier, key));

	if (ret < 0)
		return ret;
	while (*at != n)
		at = &(*at)->next;
	*at = n->next;
	free(n);
	return 0;
}

/* ---- what is prepared ----------------------------------------------------------------------
 */

static void free_params(struct se_params *p)
{
	explicit_bzero(p, sizeof(*p));
	free(p);
}

void se_params_used(struct dm_se *m, const char *carrier)
{
	for (struct se_params **at = &m->params; *at; at = &(*at)->next) {
		struct se_params *p = *at;

		if (strcmp(p->carrier, carrier) != 0)
			continue;
		*at = p->next;
		free_params(p);
		return;
	}
}

struct se_params *se_params_of(struct dm_se *m, const char *carrier, const char *server,
			       bool make)
{
	struct se_params *p;

	for (p = m->params; p; p = p->next)
		if (strcmp(p->carrier, carrier) == 0)
			break;
	if (p && strcmp(p->server, server) == 0)
		return p;
	if (!make)
		return NULL;
	if (p)
		se_params_used(m, carrier);
	p = calloc(1, sizeof(*p));
	if (!p || strlen(carrier) >= sizeof(p->carrier) ||
	    strlen(server) >= sizeof(p->server)) {
		free(p);
		return NULL;
	}
	strcpy(p->carrier, carrier);
	strcpy(p->server, server);
	p->next = m->params;
	m->params = p;
	return p;
}

/* ---- life
 * ------------------------------------------------------------------------------------ */

static int load_nodes(struct dm_se *m)
{
	return store_each(m->c.store, DM_KIND_MO, node_prefix, sizeof(node_prefix), load_node,
			  m);
}

static void free_nodes(struct se_node *n)
{
	struct se_node *next;

	for (; n; n = next) {
		next = n->next;
		free(n);
	}
}

int se_load(struct dm_se *m)
{
	int ret = store_each(m->c.store, DM_KIND_EXEC, NULL, 0, load_record, m);

	return ret < 0 ? ret : load_nodes(m);
}

int se_reload_nodes(struct dm_se *m)
{
	struct se_node *before = m->nodes;
	int ret;

	m->nodes = NULL;
	ret = load_nodes(m);
	if (ret < 0) {
		free_nodes(m->nodes);
		m->nodes = before;
		return ret;
	}
	free_nodes(before);
	return 0;
}

void se_forget(struct dm_se *m)
{
	struct se_record *r;

	while ((r = m->records)) {
		m->records = r->next;
		free(r);
	}
	free_nodes(m->nodes);
	m->nodes = NULL;
	while (m->params)
		se_params_used(m, m->params->carrier);
}
