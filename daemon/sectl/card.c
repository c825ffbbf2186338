// SPDX-License-Identifier: Apache-2.0
/* card: the card as a whole, and its life cycle. */
#include <stdio.h>
#include <string.h>

#include "libse/se.h"
#include "sectl/cardinfo.h"
#include "sectl/act.h"
#include "sectl/sectl.h"

#define WORDS_MAX 32
#define WORDS_DIGITS 8

/* what the card tells on a channel to --sd, or to the issuer's domain */
static int read_card(sd_json_variant **v)
{
	uint8_t aid[SECTL_AID_MAX];
	size_t aid_len = 0;
	struct se *se;
	int r = EXIT_OK;

	if (opt.sd)
		r = take_aid("--sd", opt.sd, aid, &aid_len);
	if (!r)
		r = target_open(&se);
	if (r)
		return r;
	r = target_channel(se, aid, aid_len, NULL, NULL);
	if (!r && sd_json_variant_set_field_string(v, "name", opt.se) < 0)
		r = fail(EXIT_FAILED, "failed", NULL, "no memory");
	if (!r)
		r = cardinfo_read(se, v);
	se_close(se);
	return r;
}

/* The life cycle is in the registry, which wants a secure channel. */
static int add_life_cycle(sd_json_variant **v)
{
	sd_json_variant *step, *list, *isd;
	struct act a;
	int r;

	r = act_begin(&a, verb_title(current_verb), true);
	if (!r) {
		act_add(&a, GP_OP_LIST)->scope = GP_LIST_ISD;
		r = act_run(&a);
	}
	step = r ? NULL : act_step(&a, 0);
	list = step ? sd_json_variant_by_key(step, "data") : NULL;
	isd = list && sd_json_variant_elements(list) ? sd_json_variant_by_index(list, 0) : NULL;
	if (isd &&
	    sd_json_variant_set_field_string(v, "lifeCycle", json_text(isd, "stateName")) < 0)
		r = fail(EXIT_FAILED, "failed", NULL, "no memory");
	act_end(&a);
	return r;
}

int verb_card_status(int argc, char **argv)
{
	sd_json_variant *v = NULL;
	int r;

	(void)argc;
	(void)argv;
	r = read_card(&v);
	if (!r && opt.nr_keys)
		r = add_life_cycle(&v);
	if (!r && opt.json)
		return put_json(v, 0);
	if (!r)
		cardinfo_print(v);
	sd_json_variant_unref(v);
	return r;
}

/* ---- life cycle ---- */

/*
 * What has to be typed: the end of the card's own number, so that it is about this card and
 * no other. A card without CIN has a chip's number; semd's element only a name for us.
 */
static int words_for(char words[WORDS_MAX])
{
	sd_json_variant *v = NULL, *cplc;
	const char *id;
	size_t len;
	int r;

	if (target_semd()) {
		snprintf(words, WORDS_MAX, "%s", target_semd());
		return EXIT_OK;
	}
	r = read_card(&v);
	if (r)
		return r;
	cplc = sd_json_variant_by_key(v, "cplc");
	id = json_text(v, "cin");
	if (!*id && cplc)
		id = json_text(cplc, "ic-serial-number");
	len = strlen(id);
	snprintf(words, WORDS_MAX, "%s",
		 !len ? "this-card" : id + (len > WORDS_DIGITS ? len - WORDS_DIGITS : 0));
	sd_json_variant_unref(v);
	return EXIT_OK;
}

static int confirm_card(const char *what)
{
	char words[WORDS_MAX], question[160];
	int r;

	r = words_for(words);
	if (r)
		return r;
	snprintf(question, sizeof(question), "%s: %s", opt.se, what);
	return confirm(question, words);
}

static int set_state(uint8_t state, uint32_t confirmed, const char *typed, const char *asked)
{
	struct act a;
	int r;

	r = act_begin(&a, verb_title(current_verb), true);
	if (!r && !opt.dry_run && typed)
		r = confirm_card(typed);
	else if (!r && !opt.dry_run && asked)
		r = confirm_yes(asked);
	if (r)
		return act_done(&a, r);
	a.plan->confirmed = confirmed;
	act_add(&a, GP_OP_CARD_STATE)->card_state = state;
	return act_do(&a);
}

int verb_card_lock(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return set_state(GP_CARD_LOCKED, GP_CONFIRM_CARD_LOCK,
			 "lock this card: only the issuer's domain can still be selected",
			 NULL);
}

int verb_card_unlock(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return set_state(GP_CARD_SECURED, 0, NULL, NULL);
}

int verb_card_terminate(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return set_state(GP_CARD_TERMINATED, GP_CONFIRM_CARD_TERMINATE,
			 "TERMINATE this card: it can never be used again, by anybody", NULL);
}

int verb_card_initialize(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return set_state(GP_CARD_INITIALIZED, 0, NULL,
			 "the card becomes INITIALIZED, which cannot be taken back");
}

int verb_card_secure(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return set_state(GP_CARD_SECURED, 0, NULL,
			 "the card becomes SECURED, which cannot be taken back");
}
