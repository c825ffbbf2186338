/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DAP blocks: a security domain's signature over the hash of a load file data block,
 * in front of the block in the load file (GPCS 2.3.1, 11.6.2.3 and C.3).
 *
 *   E2 { 4F AID of the domain, C3 signature }
 */
#ifndef SESAME_GP_DAP_H
#define SESAME_GP_DAP_H

#include "gp/apdu.h"
#include "gp/sign.h"

/**
 * struct gp_dap - a DAP block
 * @sd: the domain with DAP verification privilege that verifies it
 * @sig: signature
 * @sig_len: 1 to GP_SIGN_MAX
 */
struct gp_dap {
	struct gp_aid sd;
	uint8_t sig[GP_SIGN_MAX];
	size_t sig_len;
};

/* the longest DAP block as bytes */
#define GP_DAP_MAX (4 + 2 + GP_AID_MAX + 4 + GP_SIGN_MAX)

/**
 * gp_dap_sign() - make one
 * @hash: of the load file data block in the clear, as INSTALL [for load] names it
 * @hash_len: 20, 32, 48 or 64
 *
 * A hash weaker than the signature's own is refused (GPCS C.2, table C-3).
 *
 * Return: 0; -EINVAL for a bad AID, hash or key; else as gp_sign().
 */
int gp_dap_sign(const struct gp_signer *s, const struct gp_aid *sd, const uint8_t *hash,
		size_t hash_len, struct gp_dap *dap, struct gp_error *err);

/** gp_dap_verify() - 0 if it is the key's over this hash; else as gp_verify() */
int gp_dap_verify(const struct gp_signer *s, const struct gp_dap *dap, const uint8_t *hash,
		  size_t hash_len, struct gp_error *err);

/**
 * gp_dap_write() - the block as bytes
 *
 * Return: their number; -EINVAL for a bad AID or signature length.
 */
int gp_dap_write(const struct gp_dap *dap, uint8_t out[GP_DAP_MAX]);

/**
 * gp_dap_read() - one block, tag E2 and all, from (@p, @len)
 *
 * Return: bytes taken; -EBADMSG.
 */
int gp_dap_read(const uint8_t *p, size_t len, struct gp_dap *dap, struct gp_error *err);

#endif /* SESAME_GP_DAP_H */
