// SPDX-License-Identifier: Apache-2.0
/*
 * Two ways to /dp. What need not be kept becomes a request at once. What is to be
 * kept goes to the store of notifications and from there, one entry at a time, to
 * the server; it is taken off when the server has answered.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lwm2m/internal.h"
#include "lwm2m/notif.h"
#include "lwm2m/send.h"
#include "lwm2m/senml.h"

#define CALLS_MAX 4    /* not kept, under way */
#define KEPT_MAX 16    /* kept, waiting */
#define ATTEMPTS_MAX 5 /* of one entry, that the server did not answer */

struct lwm2m_sender {
	uint32_t calls[CALLS_MAX]; /* 0: unused */
	uint32_t kept_call;
	uint64_t kept_seq;
	unsigned int attempts;
	struct lwm2m_sends stats;
};

static struct lwm2m_sender *sender(struct lwm2m_client *c)
{
	if (!c->sender)
		c->sender = calloc(1, sizeof(*c->sender));
	return c->sender;
}

static bool muted(const struct lwm2m_client *c)
{
	return lwm2m_data_int(c->shared->data, MODEL_OBJECT_SERVER, c->server, 23, 0) != 0;
}

static unsigned int kept(const struct lwm2m_client *c)
{
	const struct lwm2m_notif *e = lwm2m_notif_next(c, LWM2M_NOTIF_SEND, 0);
	unsigned int n = 0;

	for (; e; e = lwm2m_notif_next(c, LWM2M_NOTIF_SEND, e->seq))
		n++;
	return n;
}

static bool online(const struct lwm2m_client *c)
{
	return c->up && c->registered &&
	       (c->state == LWM2M_REGISTERED || c->state == LWM2M_UPDATING);
}

static int call(struct lwm2m_client *c, const uint8_t *pack, size_t len, uint32_t *number)
{
	struct coap_opts opts = {0};
	struct coap_call request = {
		.method = COAP_POST, .opts = &opts, .payload = pack, .len = len};
	int ret = coap_opts_add_str(&opts, COAP_OPT_URI_PATH, "dp");

	if (ret == 0)
		ret = coap_opts_add_uint(&opts, COAP_OPT_CONTENT_FORMAT,
					 COAP_FORMAT_SENML_CBOR);
	return ret == 0 ? coap_call(c->ep, c->now, &request, number) : ret;
}

static int send_now(struct lwm2m_client *c, const struct lwm2m_set *set, char *words)
{
	struct model_buf buf = {.max = LWM2M_BODY_MAX};
	struct lwm2m_path root = {0};
	uint32_t *slot = NULL;
	int ret;

	for (size_t i = 0; !slot && i < CALLS_MAX; i++)
		if (c->sender->calls[i] == 0)
			slot = &c->sender->calls[i];
	if (!slot) {
		content_words(words, "%d Sends are under way already", CALLS_MAX);
		return -ENOBUFS;
	}
	lwm2m_senml_encode(&root, set, &buf);
	ret = buf.error < 0 ? buf.error : call(c, buf.p, buf.len, slot);
	if (ret < 0) {
		*slot = 0;
		content_words(words, "Send: %s", strerror(-ret));
	}
	model_buf_free(&buf);
	return ret;
}

static int collect(struct lwm2m_client *c, const struct lwm2m_path *paths, size_t nr,
		   struct lwm2m_set *set)
{
	char ignored[CONTENT_WORDS_MAX];

	for (size_t i = 0; i < nr; i++) {
		size_t before = set->n;

		if (lwm2m_dm_collect(c, &paths[i], set, ignored) != 0)
			set->n = before;
	}
	for (size_t i = 0; i < set->n; i++)
		if (set->v[i].type != MODEL_NONE)
			return 0;
	return -ENODATA;
}

int lwm2m_client_send(struct lwm2m_client *c, uint64_t now, const struct lwm2m_path *paths,
		      size_t nr, unsigned int flags, char *words)
{
	struct lwm2m_set set = {0};
	int64_t at = c->ops.clock ? c->ops.clock(c->ctx) * 1000 : 0;
	int ret;

	c->now = now;
	words[0] = '\0';
	if (nr == 0 || nr > LWM2M_SEND_PATHS_MAX || (flags & ~(unsigned int)LWM2M_SEND_KEEP)) {
		content_words(words, "1 to %d paths can be sent at once", LWM2M_SEND_PATHS_MAX);
		return -EINVAL;
	}
	for (size_t i = 0; i < nr; i++)
		if (paths[i].depth == 0 || paths[i].depth > 4) {
			content_words(words, "the root cannot be sent; name an object");
			return -EINVAL;
		}
	if (!sender(c))
		return -ENOMEM;
	if (muted(c)) {
		content_words(words, "the server has muted Send (/1/%u/23)", c->server);
		return -EACCES;
	}
	if (!(flags & LWM2M_SEND_KEEP) && !online(c)) {
		content_words(words, "not registered with the server");
		return -ENOTCONN;
	}
	if (c->registered && c->version < 11) {
		content_words(words, "the server speaks LwM2M 1.0, which has no Send");
		return -EPROTONOSUPPORT;
	}
	if ((flags & LWM2M_SEND_KEEP) && kept(c) >= KEPT_MAX) {
		content_words(words, "%d Sends wait for the server already", KEPT_MAX);
		return -ENOBUFS;
	}
	ret = collect(c, paths, nr, &set);
	if (ret < 0)
		content_words(words, "there is nothing at these paths that could be sent");
	for (size_t i = 0; i < set.n && ret == 0; i++)
		set.v[i].at = at;
	if (ret == 0 && (flags & LWM2M_SEND_KEEP)) {
		ret = lwm2m_notif_add(c, LWM2M_NOTIF_SEND, &set);
		if (ret < 0)
			content_words(words, "Send: %s", strerror(-ret));
		lwm2m_send_run(c, online(c) && c->state == LWM2M_REGISTERED);
	} else if (ret == 0) {
		ret = send_now(c, &set, words);
	}
	lwm2m_set_clear(&set);
	return ret;
}

static void kept_done(struct lwm2m_client *c, const struct coap_result *res)
{
	struct lwm2m_sender *s = c->sender;

	s->kept_call = 0;
	if (res->error == 0 && COAP_CODE_CLASS(res->code) == 2) {
		s->stats.sent++;
	} else if (res->error == 0 && COAP_CODE_CLASS(res->code) == 4) {
		s->stats.refused++;
	} else if (++s->attempts >= ATTEMPTS_MAX) {
		s->stats.dropped++;
		lwm2m_log(c, 4, "Send given up: the server does not answer");
	} else {
		/* an Update shows whether the server is still there, then once more */
		lwm2m_registration_update(c, false);
		return;
	}
	s->attempts = 0;
	lwm2m_notif_drop(c, LWM2M_NOTIF_SEND, s->kept_seq);
}

bool lwm2m_send_result(struct lwm2m_client *c, const struct coap_result *res)
{
	struct lwm2m_sender *s = c->sender;
	char name[8];

	if (!s || res->call == 0)
		return false;
	if (res->call == s->kept_call) {
		if (!res->more || res->error != 0)
			kept_done(c, res);
	} else {
		uint32_t *slot = NULL;

		for (size_t i = 0; i < CALLS_MAX; i++)
			if (s->calls[i] == res->call)
				slot = &s->calls[i];
		if (!slot)
			return false;
		if (res->more && res->error == 0)
			return true;
		*slot = 0;
		if (res->error == 0 && COAP_CODE_CLASS(res->code) == 2)
			s->stats.sent++;
		else if (res->error == 0)
			s->stats.refused++;
		else
			s->stats.dropped++;
	}
	if (res->error == 0 && COAP_CODE_CLASS(res->code) != 2)
		lwm2m_log(c, 4, "Send: the server answered %s",
			  coap_code_name(res->code, name));
	else if (res->error < 0 && res->error != -ECANCELED)
		lwm2m_log(c, 4, "Send: %s", strerror(-res->error));
	return true;
}

void lwm2m_send_run(struct lwm2m_client *c, bool send)
{
	const struct lwm2m_notif *e = lwm2m_notif_next(c, LWM2M_NOTIF_SEND, 0);
	struct lwm2m_sender *s;

	if (!send || !e || c->version < 11 || c->update_asked || muted(c))
		return;
	s = sender(c);
	if (!s || s->kept_call != 0)
		return;
	s->kept_seq = e->seq;
	if (call(c, e->pack, e->len, &s->kept_call) < 0)
		s->kept_call = 0;
}

void lwm2m_send_free(struct lwm2m_client *c)
{
	free(c->sender);
	c->sender = NULL;
}

void lwm2m_client_sends(const struct lwm2m_client *c, struct lwm2m_sends *out)
{
	*out = c->sender ? c->sender->stats : (struct lwm2m_sends){0};
	out->waiting = kept(c);
	for (size_t i = 0; c->sender && i < CALLS_MAX; i++)
		out->waiting += c->sender->calls[i] != 0;
}
