// SPDX-License-Identifier: Apache-2.0
/* io.sesame.Manager: OMA DM accounts, sessions, notifications, the management tree. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/control-priv.h"

#define NODES_MAX 8192 /* in one answer */

static int account_json(const struct control_dm *a, sd_json_variant **ret)
{
	return sd_json_buildo(ret, SD_JSON_BUILD_PAIR_STRING("name", a->name),
			      SD_JSON_BUILD_PAIR_STRING("serverId", a->server_id),
			      SD_JSON_BUILD_PAIR_STRING("uri", a->uri),
			      SD_JSON_BUILD_PAIR_STRING("state", a->state),
			      SD_JSON_BUILD_PAIR_UNSIGNED("sessions", a->sessions),
			      SD_JSON_BUILD_PAIR_UNSIGNED("failures", a->failures),
			      SD_JSON_BUILD_PAIR_UNSIGNED("alerts", a->alerts),
			      SD_JSON_BUILD_PAIR_UNSIGNED("last", a->last_s),
			      SD_JSON_BUILD_PAIR_CONDITION(a->next_s >= 0, "next",
							   SD_JSON_BUILD_INTEGER(a->next_s)),
			      SD_JSON_BUILD_PAIR_STRING("error", a->error));
}

CONTROL_METHOD(list_dm_accounts)
{
	sd_json_variant *array = NULL, *v;
	struct control *c = userdata;
	struct control_dm a;
	struct peer peer;
	int r = 0;

	(void)flags;
	if (!control_begin(c, link, parameters, (const sd_json_dispatch_field[]){{0}}, NULL,
			   &peer, &r))
		return r;
	for (unsigned int i = 0; !r && c->ops && c->ops->dm_account; i++) {
		if (c->ops->dm_account(c->ctx, i, &a))
			break;
		v = NULL;
		r = account_json(&a, &v);
		r = control_append(&array, v, r < 0 ? r : 0);
	}
	return control_reply_array(link, r, "accounts", array);
}

static int port_json(const struct control_dm_port *p, sd_json_variant **ret)
{
	return sd_json_buildo(
		ret, SD_JSON_BUILD_PAIR_STRING("protocol", p->protocol),
		SD_JSON_BUILD_PAIR_UNSIGNED("port", p->number),
		SD_JSON_BUILD_PAIR_STRING("address", *p->address ? p->address : "loopback"),
		SD_JSON_BUILD_PAIR_BOOLEAN("open", p->open),
		SD_JSON_BUILD_PAIR_CONDITION(p->next_s >= 0, "next",
					     SD_JSON_BUILD_INTEGER(p->next_s)),
		SD_JSON_BUILD_PAIR_STRING("error", p->error));
}

CONTROL_METHOD(list_dm_ports)
{
	sd_json_variant *array = NULL, *v;
	struct control *c = userdata;
	struct control_dm_port p;
	struct peer peer;
	int r = 0;

	(void)flags;
	if (!control_begin(c, link, parameters, (const sd_json_dispatch_field[]){{0}}, NULL,
			   &peer, &r))
		return r;
	for (unsigned int i = 0; !r && c->ops && c->ops->dm_port; i++) {
		if (c->ops->dm_port(c->ctx, i, &p))
			break;
		if (!p.used)
			continue;
		v = NULL;
		r = port_json(&p, &v);
		r = control_append(&array, v, r < 0 ? r : 0);
	}
	return control_reply_array(link, r, "ports", array);
}

static int answer(sd_varlink *link, int r, struct job_error *e)
{
	if (r == 0)
		return sd_varlink_reply(link, NULL);
	if (!*e->detail)
		snprintf(e->detail, sizeof(e->detail), "%s",
			 r == -ENOENT	  ? "there is no such account"
			 : r == -EALREADY ? "a session is to begin already"
			 : r == -EINVAL ? "the account cannot be used: ListDmAccounts says why"
			 : r == -ESHUTDOWN ? "semd is stopping"
			 : r == -ENODEV	   ? "there is no [dm] in semd's configuration"
					   : strerror(-r));
	snprintf(e->code, sizeof(e->code), "%s",
		 r == -ENOENT	      ? "no-such-account"
		 : r == -ENODEV	      ? "no-such-account"
		 : r == -EALREADY     ? "already"
		 : r == -EINVAL	      ? "unusable"
		 : r == -EBADMSG      ? "bad-message"
		 : r == -ENOTSUP      ? "bad-message"
		 : r == -EKEYREJECTED ? "bad-digest"
				      : "failed");
	/* -ENOENT is a word of jobs there */
	return control_say_error(link, -EIO, e, 0, NULL);
}

CONTROL_METHOD(start_dm_session)
{
	static const sd_json_dispatch_field table[] = {
		{"account", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string, 0,
		 SD_JSON_MANDATORY},
		{0},
	};
	struct control *c = userdata;
	const char *account = NULL;
	struct job_error e = {0};
	struct peer peer;
	int r;

	(void)flags;
	if (!control_begin(c, link, parameters, table, &account, &peer, &r))
		return r;
	r = c->ops && c->ops->dm_session ? c->ops->dm_session(c->ctx, account) : -EOPNOTSUPP;
	if (r == -ENOENT)
		snprintf(e.detail, sizeof(e.detail), "there is no account '%.64s'", account);
	return answer(link, r, &e);
}

CONTROL_METHOD(notify_dm)
{
	static const sd_json_dispatch_field table[] = {
		{"message", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string, 0,
		 SD_JSON_MANDATORY},
		{0},
	};
	struct control *c = userdata;
	struct job_error e = {0};
	const char *text = NULL;
	void *message = NULL;
	struct peer peer;
	size_t len = 0;
	int r;

	(void)flags;
	if (!control_begin(c, link, parameters, table, &text, &peer, &r))
		return r;
	r = sd_json_variant_unbase64(sd_json_variant_by_key(parameters, "message"), &message,
				     &len);
	if (r < 0)
		return sd_varlink_error_invalid_parameter_name(link, "message");
	r = c->ops && c->ops->dm_notify
		    ? c->ops->dm_notify(c->ctx, message, len, e.detail, sizeof(e.detail))
		    : -EOPNOTSUPP;
	free(message);
	return answer(link, r, &e);
}

/* ---- questions ------------------------------------------------------------------------- */

static int question_json(const struct control_dm_question *q, sd_json_variant **ret)
{
	sd_json_variant *choices = NULL;
	char *list[33] = {NULL};
	int r;

	for (unsigned int i = 0; i < q->nr_choices && i < 32; i++)
		list[i] = (char *)q->choices[i];
	r = sd_json_variant_new_array_strv(&choices, list);
	if (r < 0)
		return r;
	r = sd_json_buildo(ret, SD_JSON_BUILD_PAIR_UNSIGNED("id", q->id),
			   SD_JSON_BUILD_PAIR_STRING("account", q->account),
			   SD_JSON_BUILD_PAIR_STRING("kind", q->kind),
			   SD_JSON_BUILD_PAIR_STRING("text", q->text),
			   SD_JSON_BUILD_PAIR_VARIANT("choices", choices),
			   SD_JSON_BUILD_PAIR_CONDITION(*q->suggestion != 0, "suggestion",
							SD_JSON_BUILD_STRING(q->suggestion)),
			   SD_JSON_BUILD_PAIR_UNSIGNED("seconds", q->left_s),
			   SD_JSON_BUILD_PAIR_UNSIGNED("minimum", q->min_s),
			   SD_JSON_BUILD_PAIR_CONDITION(q->max_length != 0, "maxLength",
							SD_JSON_BUILD_UNSIGNED(q->max_length)),
			   SD_JSON_BUILD_PAIR_STRING("input", q->input),
			   SD_JSON_BUILD_PAIR_BOOLEAN("secret", q->secret));
	sd_json_variant_unref(choices);
	return r;
}

CONTROL_METHOD(get_dm_question)
{
	struct control *c = userdata;
	struct control_dm_question q;
	sd_json_variant *v = NULL;
	struct job_error e = {0};
	struct peer peer;
	int r;

	(void)flags;
	if (!control_begin(c, link, parameters, (const sd_json_dispatch_field[]){{0}}, NULL,
			   &peer, &r))
		return r;
	/* whoever answers decides for the device */
	if (!peer.privileged)
		return control_denied(link);
	r = c->ops && c->ops->dm_question ? c->ops->dm_question(c->ctx, &q) : -EOPNOTSUPP;
	if (r == -ENOENT)
		return sd_varlink_reply(link, NULL);
	if (r)
		return answer(link, r, &e);
	r = question_json(&q, &v);
	if (r >= 0)
		r = sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_VARIANT("question", v));
	sd_json_variant_unref(v);
	return r;
}

struct answer_in {
	uint64_t id;
	const char *answer, *value;
};

CONTROL_METHOD(answer_dm_question)
{
	struct answer_in p = {0};
	static const sd_json_dispatch_field table[] = {
		{"id", SD_JSON_VARIANT_UNSIGNED, sd_json_dispatch_uint64, 0, SD_JSON_MANDATORY},
		{"answer", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
		 offsetof(struct answer_in, answer), SD_JSON_MANDATORY},
		{"value", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
		 offsetof(struct answer_in, value), SD_JSON_NULLABLE},
		{0},
	};
	struct control *c = userdata;
	struct job_error e = {0};
	struct peer peer;
	int r;

	(void)flags;
	/* it may be a password */
	sd_json_variant_sensitive(parameters);
	if (!control_begin(c, link, parameters, table, &p, &peer, &r))
		return r;
	if (!peer.privileged)
		return control_denied(link);
	r = c->ops && c->ops->dm_answer ? c->ops->dm_answer(c->ctx, p.id, p.answer, p.value)
					: -EOPNOTSUPP;
	if (r == -ENOENT)
		snprintf(e.detail, sizeof(e.detail),
			 "question %llu does not wait for an answer (any more)",
			 (unsigned long long)p.id);
	else if (r == -EINVAL)
		snprintf(e.detail, sizeof(e.detail),
			 "that is no answer to question %llu: GetDmQuestion tells its kind",
			 (unsigned long long)p.id);
	if (r != -ENOENT && r != -EINVAL)
		return answer(link, r, &e);
	snprintf(e.code, sizeof(e.code), "%s", r == -ENOENT ? "no-such-question" : "no-answer");
	return control_say_error(link, -EIO, &e, 0, NULL);
}

/* ---- the tree --------------------------------------------------------------------------- */

static int node_json(const char *uri, const struct control_dm_node *n, sd_json_variant **ret)
{
	bool leaf = strcmp(n->format, "node") != 0, whole = n->len == n->size;

	return sd_json_buildo(
		ret, SD_JSON_BUILD_PAIR_STRING("uri", uri),
		SD_JSON_BUILD_PAIR_STRING("format", n->format),
		SD_JSON_BUILD_PAIR_CONDITION(*n->type != 0, "type",
					     SD_JSON_BUILD_STRING(n->type)),
		SD_JSON_BUILD_PAIR_CONDITION(leaf, "size", SD_JSON_BUILD_UNSIGNED(n->size)),
		SD_JSON_BUILD_PAIR_CONDITION(leaf && whole && n->text, "value",
					     SD_JSON_BUILD_STRING((const char *)n->value)),
		SD_JSON_BUILD_PAIR_CONDITION(leaf && whole && !n->text, "data",
					     SD_JSON_BUILD_BASE64(n->value, n->len)));
}

CONTROL_METHOD(show_dm_tree)
{
	static const sd_json_dispatch_field table[] = {
		{"uri", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string, 0,
		 SD_JSON_NULLABLE},
		{0},
	};
	sd_json_variant *array = NULL, *v;
	struct control *c = userdata;
	struct control_dm_node n;
	const char *root = NULL;
	struct job_error e = {0};
	char uri[512] = "";
	struct peer peer;
	int r;

	(void)flags;
	if (!control_begin(c, link, parameters, table, &root, &peer, &r))
		return r;
	/* values of servers that others on this machine have no business with */
	if (!peer.privileged)
		return control_denied(link);
	r = c->ops && c->ops->dm_node ? 0 : -EOPNOTSUPP;
	for (unsigned int i = 0; !r && i < NODES_MAX; i++) {
		r = c->ops->dm_node(c->ctx, root ? root : ".", uri, sizeof(uri), &n);
		if (r)
			break;
		v = NULL;
		r = node_json(uri, &n, &v);
		r = control_append(&array, v, r < 0 ? r : 0);
	}
	explicit_bzero(&n, sizeof(n));
	if (r == -ENODATA || !r)
		return control_reply_array(link, 0, "nodes", array);
	sd_json_variant_unref(array);
	if (r != -ENOENT && r != -EINVAL)
		return answer(link, r, &e);
	snprintf(e.code, sizeof(e.code), "no-such-node");
	snprintf(e.detail, sizeof(e.detail), "there is no node '%.128s'", root ? root : ".");
	return control_say_error(link, -EIO, &e, 0, NULL);
}
