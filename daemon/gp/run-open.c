// SPDX-License-Identifier: Apache-2.0
/* Opening a session: who the card is, whether its keys are ours, and only then what counts. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>

#include "gp/run-priv.h"

#define LEVEL_DEFAULT (GP_LEVEL_CMAC | GP_LEVEL_CENC)

const struct gp_keyset *run_keyset(const struct gp_run *run, const char *name)
{
	return run->params.host.keyset(run->params.host.userdata, name);
}

static const struct gp_session *session_of(const struct gp_run *run)
{
	return &run->plan->sessions[run->session];
}

void run_session_clear(struct gp_run *run)
{
	gp_scp_free(run->scp);
	run->scp = NULL;
	OPENSSL_cleanse(run->challenge, sizeof(run->challenge));
	OPENSSL_cleanse(run->answer, sizeof(run->answer));
	free(run->certificates);
	run->certificates = NULL;
	run->certificates_len = run->answer_len = 0;
	run->keys = NULL;
	run->scp11 = NULL;
	run->other_keys = run->opened = run->verified = run->view_refused = false;
	run->sd = (struct gp_aid){0};
	gp_view_clear(&run->view);
	run_more_clear(run);
	run->want = run->page_of = 0;
	run->want_keys = false;
}

static int put_data(struct gp_run *run, uint16_t tag)
{
	struct entry entry = {.kind = ENTRY_DATA, .tag = tag};
	struct gp_error err;
	struct gp_apdu apdu;
	int r;

	if (tag == GP_DATA_CERTIFICATES)
		r = gp_cmd_get_certificates(&apdu, run->params11.kid, run->scp11->kvn, &err);
	else
		r = gp_cmd_get_data(&apdu, tag, (struct gp_bytes){0}, &err);
	if (!r) {
		r = run_put(run, &apdu, &entry, &err);
		gp_apdu_clear(&apdu);
	}
	return r ? run_fail_err(run, r, &err) : 0;
}

/* All key sets that might be the card's, so that a wrong one has a name. */
static size_t collect_known(struct gp_run *run)
{
	const struct gp_run_host *host = &run->params.host;
	size_t n = 0;

	run->known[n++] = run->keys;
	for (size_t i = 0; i < run->plan->nr_ops && n < RUN_KNOWN; i++)
		if (run->plan->ops[i].keys[0])
			run->known[n++] = run_keyset(run, run->plan->ops[i].keys);
	for (size_t i = 0; host->candidate && n < RUN_KNOWN; i++) {
		run->known[n] = host->candidate(host->userdata, i);
		if (!run->known[n])
			break;
		n++;
	}
	return n;
}

static int fill_random(void *ctx, void *out, size_t len)
{
	const struct gp_run *run = ctx;

	return run->params.host.random(run->params.host.userdata, out, len);
}

static int option_of(const struct gp_run *run, uint8_t protocol)
{
	for (size_t i = 0; run->has_recognition && i < run->recognition.nr_scp; i++)
		if (run->recognition.scp[i].scp == protocol)
			return run->recognition.scp[i].i;
	return GP_SCP_I_AUTO;
}

/* A session object with the challenge that is in @run. */
int run_new_scp(struct gp_run *run, enum gp_protocol protocol, int i)
{
	const struct gp_session *s = session_of(run);
	const struct gp_scp11_keyset *scp11 = run->scp11;
	uint8_t level = s->level ? s->level : LEVEL_DEFAULT;
	struct gp_scp_params params = {
		.protocol = scp11 ? scp11->protocol : protocol,
		.i = i,
		.level = level,
		.kvn = run->other_keys ? 0 : s->kvn,
		.keys = run->keys,
		.known = run->known,
		.n_known = scp11 ? 0 : collect_known(run),
		.aid = run->fci.aid.len ? run->fci.aid : s->sd,
		.random = {fill_random, run},
		.host_challenge = scp11 ? NULL : run->challenge,
		.scp11 = scp11 ? &run->params11 : NULL,
	};
	struct gp_error err;
	int r;

	gp_scp_free(run->scp);
	run->scp = NULL;
	r = gp_scp_new(&run->scp, &params, &err);
	return r ? run_fail_err(run, r, &err) : 0;
}

static int put_scp(struct gp_run *run, enum entry_kind kind)
{
	struct entry entry = {.kind = kind};
	struct gp_error err;
	struct gp_apdu apdu;
	int r = gp_scp_next(run->scp, &apdu, &err);

	if (r != 1)
		return run_fail_err(run, r < 0 ? r : -EPROTO, &err);
	r = run_put(run, &apdu, &entry, &err);
	gp_apdu_clear(&apdu);
	run->answer_len = 0;
	return r ? run_fail_err(run, r, &err) : 0;
}

void run_session_begin(struct gp_run *run)
{
	const struct gp_session *s = session_of(run);
	const struct gp_run_host *host = &run->params.host;

	run->sd = run->fci.aid.len ? run->fci.aid : s->sd;
	run->form = 0;
	run->asked = 0;
	if (s->profile[0]) {
		run->profile = gp_profile_by_name(s->profile);
		if (!run->profile) {
			run->profile = gp_profile_at(0);
			(void)run_fail(run, -EINVAL, "no-profile",
				       "there is no card profile \"%s\"", s->profile);
			return;
		}
	}
	if (!s->keys[0]) { /* no secure channel, and nothing of the card but answers */
		run->phase = PHASE_VIEW;
		run->view_refused = true;
		return;
	}
	run->keys = run_keyset(run, s->keys);
	if (!run->keys)
		run->scp11 = host->scp11(host->userdata, s->keys);
	if (run->scp11)
		run_scp11_params(run);
	if (run->keys && (run->keys->is_default || gp_keyset_is_default(run->keys)))
		run_warn(
			run,
			"the keys of \"%s\" are the default keys that everybody knows: whoever "
			"can reach this card can manage it",
			run->keys->name);
	run->phase = PHASE_IDENT;
}

/* The card's data and INITIALIZE UPDATE in one stream: none of them changes anything. */
int run_ident(struct gp_run *run)
{
	int r = 0;

	if (!run->has_recognition && !(run->asked & RUN_ASKED_RECOGNITION))
		r = put_data(run, GP_DATA_RECOGNITION);
	if (!r && !run->card[0] && !(run->asked & RUN_ASKED_CPLC))
		r = put_data(run, GP_DATA_CPLC);
	if (!r && run->scp11 && !(run->asked & RUN_ASKED_CERTIFICATES))
		r = put_data(run, GP_DATA_CERTIFICATES);
	if (!r && run->keys) {
		r = run->params.host.random(run->params.host.userdata, run->challenge,
					    sizeof(run->challenge));
		if (r)
			return run_fail(run, r, "random", "no random bytes");
		r = run_new_scp(run, GP_SCP_AUTO, GP_SCP_I_AUTO);
		if (!r)
			r = put_scp(run, ENTRY_SCP);
	}
	if (!r && !run->n) /* SCP11 of a known card */
		return run_open_answer(run);
	return r ? r : 1;
}

bool run_ident_done(const struct gp_run *run)
{
	return (run->has_recognition || run->asked & RUN_ASKED_RECOGNITION) &&
	       (run->card[0] || run->asked & RUN_ASKED_CPLC) &&
	       (!run->scp11 || run->asked & RUN_ASKED_CERTIFICATES) &&
	       (!run->keys || run->answer_len);
}

int run_channel(struct gp_run *run)
{
	int r;

	switch (gp_scp_step(run->scp)) {
	case GP_STEP_OPEN: /* SCP11b: the host has not shown who it is */
		gp_scp_info(run->scp, &run->info);
		(void)snprintf(run->keys_name, sizeof(run->keys_name), "%s",
			       session_of(run)->keys);
		run->phase = PHASE_VIEW;
		return 0;
	case GP_STEP_AUTHENTICATE:
		run->phase = PHASE_AUTH;
		return 0;
	default:
		r = put_scp(run, ENTRY_SCP);
		return r ? r : 1;
	}
}

static void set_card(struct gp_run *run, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len && 2 * i + 2 < sizeof(run->card); i++)
		(void)snprintf(run->card + 2 * i, 3, "%02X", p[i]);
}

int run_open_fed(struct gp_run *run, const struct entry *entry, const uint8_t *rsp, size_t len)
{
	uint16_t sw = run_sw(rsp, len);
	size_t n = len - 2;

	if (entry->kind == ENTRY_SCP) {
		run->answer_len = len < sizeof(run->answer) ? len : sizeof(run->answer);
		memcpy(run->answer, rsp, run->answer_len);
		return 0;
	}
	if (entry->tag == GP_DATA_RECOGNITION)
		run->asked |= RUN_ASKED_RECOGNITION;
	else if (entry->tag == GP_DATA_CPLC)
		run->asked |= RUN_ASKED_CPLC;
	else
		run->asked |= RUN_ASKED_CERTIFICATES;
	if (sw != 0x9000)
		return 0; /* what a card does not have, it does not tell */
	switch (entry->tag) {
	case GP_DATA_RECOGNITION:
		run->has_recognition = !gp_recognition_decode(&run->recognition, rsp, n, NULL);
		break;
	case GP_DATA_CPLC:
		run->has_cplc = !gp_cplc_decode(&run->cplc, rsp, n, NULL);
		if (run->has_cplc && n >= GP_CPLC_LEN)
			set_card(run, rsp + n - GP_CPLC_LEN, GP_CPLC_LEN);
		break;
	case GP_DATA_CERTIFICATES:
		run->certificates = malloc(n ? n : 1);
		if (!run->certificates)
			return run_fail(run, -ENOMEM, "memory", "out of memory");
		memcpy(run->certificates, rsp, n);
		run->certificates_len = n;
		break;
	default:
		break;
	}
	return 0;
}

/* Key sets that this plan puts into this session's domain: the card may have them by now. */
static const struct gp_keyset *planned_keys(const struct gp_run *run, const char *name)
{
	if (run->params.mode == GP_RUN_FORWARD)
		return NULL;
	for (size_t i = 0; i < run->plan->nr_ops; i++) {
		const struct gp_op *op = &run->plan->ops[i];

		if (op->type == GP_OP_PUT_KEY && op->keys[0] && op->session == run->session &&
		    gp_record_step(run->record, i) != GP_STEP_PENDING &&
		    (!name || !strcmp(op->keys, name)))
			return run_keyset(run, op->keys);
	}
	return NULL;
}

/* Open with the keys that the plan has put, from the challenge that was sent or anew. */
static int use_other(struct gp_run *run, const struct gp_keyset *keys, bool anew)
{
	struct gp_scp_info info;
	struct gp_error err;
	struct gp_apdu apdu;
	int r;

	run->keys = keys;
	run->other_keys = true;
	/* S16 as before: its challenge is longer */
	gp_scp_info(run->scp, &info);
	if (info.protocol == GP_SCP03 && info.i & GP_SCP03_S16)
		r = run_new_scp(run, GP_SCP03, info.i);
	else
		r = run_new_scp(run, GP_SCP_AUTO, option_of(run, GP_SCP02));
	if (r)
		return r;
	if (anew) {
		run->phase = PHASE_CHANNEL;
		return 0;
	}
	/* the card has answered already: the same INITIALIZE UPDATE is not sent again */
	r = gp_scp_next(run->scp, &apdu, &err);
	if (r == 1) {
		gp_apdu_clear(&apdu);
		r = gp_scp_feed(run->scp, run->answer, run->answer_len, &err);
	}
	return r ? run_fail_err(run, r, &err) : 0;
}

static int no_match(struct gp_run *run, int error, struct gp_error *err)
{
	const struct gp_scp_match *match = gp_scp_identified(run->scp);
	const struct gp_keyset *planned;
	const struct gp_keyset *set;

	if (match && match->set) {
		bool plain = match->diversification == GP_DIV_NONE;

		planned = planned_keys(run, match->set->name);
		set = match->set;
		if (planned && match->declared)
			return use_other(run, planned, false);
		if (!strcmp(set->name, run->keys->name))
			return run_fail(
				run, error, "other-keys",
				"the card has the keys of \"%s\", but %s, %s%s, and the "
				"key set says otherwise. Nothing was sent that counts",
				set->name, match->type == GP_KEY_AES ? "as AES" : "as DES",
				plain ? "not diversified" : "diversified by ",
				plain ? "" : gp_diversification_name(match->diversification));
		return run_fail(run, error, "other-keys",
				"the card's keys are not those of \"%s\": they are those of "
				"\"%s\", %s%s%s. Nothing was sent that counts",
				run->keys->name, set->name,
				match->type == GP_KEY_AES ? "as AES" : "as DES",
				plain ? "" : " diversified by ",
				plain ? "" : gp_diversification_name(match->diversification));
	}
	planned = planned_keys(run, NULL);
	if (error == -EPROTO && planned && !run->other_keys)
		return use_other(run, planned, true);
	return run_fail_err(run, error, err);
}

int run_check_card(struct gp_run *run)
{
	struct gp_record *record = run->record;

	if (!record->card[0]) {
		memcpy(record->card, run->card, sizeof(record->card));
		return 0;
	}
	if (strcmp(record->card, run->card) != 0)
		return run_fail(run, -EINVAL, "record-other-card",
				"the record is about another card than this one");
	return 0;
}

/* The card's own option of the protocol that it chose, where it has to be known before. */
static int right_option(struct gp_run *run)
{
	uint8_t protocol = run->answer_len > 13 ? run->answer[11] : 0;
	int i = option_of(run, GP_SCP03), r;
	struct gp_error err;
	struct gp_apdu apdu;

	/* S16: the challenge that was sent is too short, whatever came back */
	if (i != GP_SCP_I_AUTO && i & GP_SCP03_S16 && protocol != GP_SCP02) {
		r = run_new_scp(run, GP_SCP03, i);
		if (!r)
			run->phase = PHASE_CHANNEL;
		return r ? r : 1;
	}
	i = option_of(run, GP_SCP02);
	if (protocol != GP_SCP02 || i == GP_SCP_I_AUTO)
		return 0;
	r = run_new_scp(run, GP_SCP_AUTO, i);
	if (r)
		return r;
	r = gp_scp_next(run->scp, &apdu, &err);
	if (r < 0)
		return run_fail_err(run, r, &err);
	gp_apdu_clear(&apdu);
	return 0;
}

int run_open_answer(struct gp_run *run)
{
	struct gp_identity id = {.hist = run->params.hist,
				 .cplc = run->has_cplc ? &run->cplc : NULL,
				 .recognition =
					 run->has_recognition ? &run->recognition : NULL};
	struct gp_scp_info info;
	struct gp_error err;
	struct gp_wire wire;
	int r;

	if (run->phase == PHASE_IDENT) {
		if (!session_of(run)->profile[0])
			run->profile = gp_profile_find(&id);
		if (run->scp11)
			return run_scp11_begin(run);
		r = right_option(run);
		if (r)
			return r < 0 ? r : 0;
	}
	if (run->answer_len < 2)
		return run_fail(run, -EBADMSG, "bad-response", "the card has not answered");
	r = gp_scp_feed(run->scp, run->answer, run->answer_len, &err);
	if (r)
		r = no_match(run, r, &err);
	if (r)
		return r;
	/* the profile was found with the answers that came beside this one */
	wire = run_wire(run);
	gp_scp_set_quirks(
		run->scp,
		&(struct gp_scp_quirks){
			.no_count_no_data = run->profile->quirks & GP_QUIRK_COUNTER_DATA_ONLY,
			.le_for_rmac = true,
			.extended = wire.extended,
			.lc_max = wire.lc_max < GP_LC_SHORT ? (uint8_t)wire.lc_max : 0,
		});
	gp_scp_info(run->scp, &info);
	if (!run->card[0] && info.has_kdd)
		set_card(run, info.kdd, sizeof(info.kdd));
	run->phase = PHASE_CHANNEL;
	return run->card[0] ? run_check_card(run) : 0;
}

/* The one command that the card counts, and nothing before the host has written it down. */
int run_auth(struct gp_run *run)
{
	const struct gp_run_host *host = &run->params.host;
	static const uint8_t done[] = {0x90, 0x00};
	struct gp_run_attempt attempt = {.card = run->card, .sd = run->sd};
	struct gp_scp_info info;
	struct gp_error err = {0};
	int r;

	gp_scp_info(run->scp, &info);
	attempt.kvn = info.kvn;
	attempt.keys = run->keys ? run->keys->name : session_of(run)->keys;
	r = host->attempt(host->userdata, &attempt, &err);
	if (r)
		return run_fail_err(run, r, &err);
	run->attempt = true;
	run->info = info;
	(void)snprintf(run->keys_name, sizeof(run->keys_name), "%s", attempt.keys);
	r = put_scp(run, ENTRY_AUTH);
	if (r)
		return r;
	run->phase = PHASE_VIEW;
	run_view_begin(run, run_needs_keys(run));
	/*
	 * SCP02 and SCP03: the answer is a status word and nothing else, so what comes next is
	 * wrapped for the case that it is 9000. If it is not, the stream ends there and the
	 * rest never leaves.
	 */
	if (info.protocol == GP_SCP02 || info.protocol == GP_SCP03) {
		r = gp_scp_feed(run->scp, done, sizeof(done), &err);
		if (r)
			return run_fail_err(run, r, &err);
		if (!run_view_done(run))
			(void)run_view_put(run);
	}
	return run->phase == PHASE_FAILED ? run->error : 1;
}

void run_auth_fed(struct gp_run *run, const uint8_t *rsp, size_t len, uint32_t outcome)
{
	const struct gp_run_host *host = &run->params.host;
	enum gp_run_verdict verdict = GP_VERDICT_REFUSED;
	struct gp_error err;
	uint16_t sw = run_sw(rsp, len);
	bool open = run->scp && gp_scp_is_open(run->scp);
	int r;

	if (outcome == SE_OUTCOME_NOT_SENT)
		verdict = GP_VERDICT_NOT_SENT;
	else if (outcome != SE_OUTCOME_EXECUTED || !sw)
		verdict = GP_VERDICT_UNKNOWN;
	else if (sw == 0x9000)
		verdict = GP_VERDICT_ACCEPTED;
	if (run->attempt) {
		run->attempt = false;
		host->verdict(host->userdata, verdict);
	}
	if (verdict == GP_VERDICT_REFUSED) {
		(void)run_fail(
			run, -EACCES, "authentication-failed",
			"the card refused the authentication with %04X (%s). The attempt "
			"counts; another one is not made without being asked for",
			sw, gp_sw_words(GP_INS_EXTERNAL_AUTHENTICATE, 0, sw));
	} else if (verdict == GP_VERDICT_ACCEPTED && !open) {
		r = gp_scp_feed(run->scp, rsp, len, &err);
		if (r)
			(void)run_fail_err(run, r, &err);
	}
	if (verdict == GP_VERDICT_ACCEPTED && run->scp)
		gp_scp_info(run->scp, &run->info);
}
