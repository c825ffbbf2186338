// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "gp/dap.h"
#include "model/ber.h"

#define TAG_DAP 0xe2
#define TAG_AID 0x4f
#define TAG_SIGNATURE 0xc3

static int check_hash(const struct gp_signer *s, size_t hash_len, struct gp_error *err)
{
	int inside = gp_sign_digest(s);

	if (hash_len != 20 && hash_len != 32 && hash_len != 48 && hash_len != 64)
		return gp_fail(err, -EINVAL, "bad-hash",
			       "a load file data block hash of %zu bytes", hash_len);
	/* table C-3: a chain of two hashes is as strong as the weaker one */
	if (inside > 0 && (size_t)inside > hash_len)
		return gp_fail(err, -EINVAL, "weak-hash",
			       "with this key the hash of the load file data block must have "
			       "%d bytes or more, not %zu (GPCS table C-3)",
			       inside, hash_len);
	return 0;
}

int gp_dap_sign(const struct gp_signer *s, const struct gp_aid *sd, const uint8_t *hash,
		size_t hash_len, struct gp_dap *dap, struct gp_error *err)
{
	int r = check_hash(s, hash_len, err);

	if (r)
		return r;
	if (!sd->len)
		return gp_fail(err, -EINVAL, "bad-aid",
			       "a DAP block names the security domain that verifies it");
	dap->sd = *sd;
	return gp_sign(s, hash, hash_len, dap->sig, &dap->sig_len, err);
}

int gp_dap_verify(const struct gp_signer *s, const struct gp_dap *dap, const uint8_t *hash,
		  size_t hash_len, struct gp_error *err)
{
	int r = check_hash(s, hash_len, err);

	return r ? r : gp_verify(s, hash, hash_len, dap->sig, dap->sig_len, err);
}

static size_t put(uint8_t *out, uint8_t tag, const uint8_t *v, size_t len)
{
	size_t n = 1;

	out[0] = tag;
	n += gp_put_length(out + 1, len);
	memcpy(out + n, v, len);
	return n + len;
}

int gp_dap_write(const struct gp_dap *dap, uint8_t out[GP_DAP_MAX])
{
	uint8_t inside[GP_DAP_MAX];
	size_t n;

	if (!dap->sd.len || !dap->sig_len || dap->sig_len > GP_SIGN_MAX)
		return -EINVAL;
	n = put(inside, TAG_AID, dap->sd.bytes, dap->sd.len);
	n += put(inside + n, TAG_SIGNATURE, dap->sig, dap->sig_len);
	return (int)put(out, TAG_DAP, inside, n);
}

int gp_dap_read(const uint8_t *p, size_t len, struct gp_dap *dap, struct gp_error *err)
{
	struct ber_reader r = {p, len}, in;
	struct ber_tlv block, aid, sig;

	if (ber_next(&r, &block) != 1 || block.tag != TAG_DAP)
		return gp_fail(err, -EBADMSG, "bad-dap", "this is no DAP block");
	in = (struct ber_reader){block.value, block.len};
	if (ber_next(&in, &aid) != 1 || aid.tag != TAG_AID || !aid.len ||
	    gp_aid_set(&dap->sd, aid.value, aid.len))
		return gp_fail(err, -EBADMSG, "bad-dap",
			       "the DAP block does not begin with the AID of a security "
			       "domain");
	if (ber_next(&in, &sig) != 1 || sig.tag != TAG_SIGNATURE || !sig.len ||
	    sig.len > GP_SIGN_MAX || in.len)
		return gp_fail(err, -EBADMSG, "bad-dap",
			       "the DAP block's signature is missing or of an odd length");
	memcpy(dap->sig, sig.value, sig.len);
	dap->sig_len = sig.len;
	return (int)block.size;
}
