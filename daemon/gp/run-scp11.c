// SPDX-License-Identifier: Apache-2.0
/* SCP11: instead of a cryptogram by shared keys the card has certificates (Amendment F). */
#include <errno.h>
#include <string.h>

#include "gp/run-priv.h"

void run_scp11_params(struct gp_run *run)
{
	const struct gp_scp11_keyset *set = run->scp11;
	uint8_t usual = 0x15;

	if (set->protocol == GP_SCP11A)
		usual = 0x11;
	else if (set->protocol == GP_SCP11B)
		usual = 0x13;
	run->params11 = (struct gp_scp11_params){
		.kid = set->kid ? set->kid : usual,
		.kvn = set->kvn,
		.ca_kid = set->ca_kid ? set->ca_kid : 0x10,
		.ca_kvn = set->ca_kvn,
		.oce = set->protocol == GP_SCP11B ? NULL : &set->oce,
		.certs = set->certs,
		.n_certs = set->n_certs,
		.key_len = set->key_len,
	};
}

/* The card's key comes out of its certificates. */
int run_scp11_begin(struct gp_run *run)
{
	const struct gp_scp11_keyset *set = run->scp11;
	struct gp_error err;
	struct gp_cert cert;
	int r;

	r = gp_scp11_card_key(run->certificates, run->certificates_len, set->ca_curve, set->ca,
			      set->ca_len, NULL, &cert, &err);
	if (r)
		return run_fail_err(run, r, &err);
	if (!set->ca_len)
		run_warn(run, "nobody vouches for the card's key: it may be any card");
	run->params11.point = cert.point.p;
	run->params11.point_len = cert.point.len;
	run->params11.curve = cert.curve;
	if (!run->card[0])
		strcpy(run->card, "00"); /* no CPLC, no KDD: all such cards are one */
	r = run_check_card(run);
	if (!r)
		r = run_new_scp(run, GP_SCP_AUTO, GP_SCP_I_AUTO);
	if (!r)
		run->phase = PHASE_CHANNEL;
	return r;
}
