// SPDX-License-Identifier: Apache-2.0
/* Operations as commands. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "gp/code.h"
#include "gp/dgi.h"
#include "gp/loadfile.h"
#include "gp/op-build.h"
#include "model/ber.h"

#define PUBLIC_MAX 1024

/* Room for @n commands, all empty. */
static int make_room(struct gp_built *built, size_t n)
{
	built->cmd = calloc(n, sizeof(*built->cmd));
	if (!built->cmd)
		return -ENOMEM;
	built->n = n;
	return 0;
}

static struct gp_bytes bytes(const struct gp_blob *blob)
{
	return (struct gp_bytes){blob->p, blob->len};
}

static int read_token_ref(const struct gp_blob *blob, struct gp_token_ref *ref,
			  struct gp_error *err)
{
	struct ber_reader reader = {blob->p, blob->len};
	struct ber_tlv tlv;
	int r = 0;

	while (reader.len && (r = ber_next(&reader, &tlv)) == 1) {
		struct gp_bytes value = {tlv.value, tlv.len};

		if (tlv.tag == 0x42)
			ref->sd_id = value;
		else if (tlv.tag == 0x45)
			ref->sd_image = value;
		else if (tlv.tag == 0x5f20)
			ref->provider = value;
		else if (tlv.tag == 0x93)
			ref->number = value;
		else
			r = -EBADMSG;
		if (r < 0)
			break;
	}
	return r < 0 ? gp_fail(err, -EINVAL, "plan-invalid",
			       "tokenRef is not made of 42, 45, 5F20, 93")
		     : 0;
}

/* Parameters of a security domain: 81 protocol, 82 and 87 whom it lets extradite and delete. */
static size_t sd_params(const struct gp_op *op, uint8_t out[10])
{
	size_t n = 0;

	if (op->scp[0]) {
		out[n++] = 0x81;
		out[n++] = 2;
		out[n++] = op->scp[0];
		out[n++] = op->scp[1];
	}
	if (op->accept_extradition >= 0) {
		out[n++] = 0x82;
		out[n++] = 1;
		out[n++] = (uint8_t)op->accept_extradition;
	}
	if (op->accept_deletion >= 0) {
		out[n++] = 0x87;
		out[n++] = 1;
		out[n++] = (uint8_t)op->accept_deletion;
	}
	return n;
}

/*
 * One byte of privileges where the card knows no more. What a token signs stays as it is: the
 * signature is over these bytes.
 */
static int fit_privileges(const struct gp_op *op, const struct gp_profile *profile,
			  struct gp_install *in, struct gp_error *err)
{
	/* bits of the second and third byte ask for the long form by themselves */
	if (in->privileges_len == 1 && in->privileges & 0xffff)
		in->privileges_len = 3;
	if (in->privileges_len < 2 || !(profile->quirks & GP_QUIRK_SHORT_PRIVILEGES))
		return 0;
	if (in->privileges & 0xffff || op->token.len)
		return gp_fail(err, -E2BIG, "too-long",
			       "privileges %06X%s take three bytes, and this card (profile "
			       "\"%s\") knows one",
			       in->privileges, op->token.len ? " under a token" : "",
			       profile->name);
	in->privileges_len = 1;
	return 0;
}

static int build_install(const struct gp_op *op, const struct gp_profile *profile, uint8_t p1,
			 struct gp_apdu *out, struct gp_error *err)
{
	struct gp_system_params sys = {.more = bytes(&op->system)};
	struct gp_bytes all = bytes(&op->all_params);
	struct gp_token_ref ref = {0};
	uint8_t params[10];
	struct gp_install in = {
		.p1 = p1,
		.elf = op->type == GP_OP_LOAD ? op->aid : op->elf,
		.module = op->module,
		.instance = op->aid,
		.sd = op->sd,
		.privileges = op->privileges,
		.privileges_len = op->privileges_len,
		.hash = bytes(&op->hash),
		.app_params = bytes(&op->params),
		.sys = op->system.len ? &sys : NULL,
		.uicc = bytes(&op->uicc),
		.token_ref = op->token_ref.len ? &ref : NULL,
		.params = op->all_params.len ? &all : NULL,
		.params_max = profile->install_params_max,
		.token = bytes(&op->token),
	};
	int r = read_token_ref(&op->token_ref, &ref, err);

	if (r)
		return r;
	if (op->type == GP_OP_SD_CREATE && !op->params.len)
		in.app_params = (struct gp_bytes){params, sd_params(op, params)};
	r = fit_privileges(op, profile, &in, err);
	return r ? r : gp_cmd_install(out, &in, err);
}

static int build_load(const struct gp_op *op, const struct gp_build *how,
		      struct gp_built *built, struct gp_error *err)
{
	size_t size = op->block && op->block < how->max_data ? op->block : how->max_data;
	size_t len = op->load->len;
	int blocks =
		gp_load_blocks(len, size, !(how->profile->quirks & GP_QUIRK_NO_BLOCK_WRAP));
	int r;

	if (blocks == -E2BIG)
		return gp_fail(err, blocks, "too-long",
			       "the load file of %zu bytes takes %zu blocks of %zu, and this "
			       "card (profile \"%s\") counts no more than %d",
			       len, (len + size - 1) / size, size, how->profile->name,
			       GP_LOAD_BLOCKS);
	if (blocks < 0)
		return gp_fail(err, blocks, "too-long",
			       "the load file cannot be cut into blocks");
	r = make_room(built, 2);
	if (r)
		return r;
	built->code = op->load;
	built->size = size;
	built->n = (size_t)blocks + 1;
	return build_install(op, how->profile, GP_INSTALL_LOAD, &built->cmd[0], err);
}

static size_t dek_block(const struct gp_build *how)
{
	return how->scp && gp_scp_dek_type(how->scp) == GP_KEY_DES ? 8 : 16;
}

static int dek_encrypt(void *ctx, const uint8_t *clear, size_t len, uint8_t *out,
		       struct gp_error *err)
{
	size_t out_len;
	int r = gp_scp_encrypt(ctx, clear, len, out, len, &out_len);

	return r ? gp_fail(err, r, "no-dek", "the key set has no data encryption key (DEK)")
		 : 0;
}

static int store_dgis(const struct gp_op *op, const struct gp_build *how, size_t size,
		      struct gp_apdu **cmds, size_t *nr, struct gp_error *err)
{
	struct gp_dek dek = {dek_encrypt, how->scp, dek_block(how)};
	struct gp_dgi_params params = {
		.size = size,
		.pack = GP_DGI_ONE,
		.pad = GP_DGI_PAD_FILL,
		.dek = op->encrypted && how->scp ? &dek : NULL,
	};
	struct gp_dgis dgis = {0};
	int r = gp_dgis_read(op->data.p, op->data.len, &dgis, err);

	if (!r)
		r = gp_dgis_store(&dgis, &params, cmds, nr, err);
	gp_dgis_clear(&dgis);
	return r;
}

static int store_blocks(const struct gp_op *op, const struct gp_build *how, size_t size,
			struct gp_apdu **cmds, size_t *nr, struct gp_error *err)
{
	uint8_t flags = (uint8_t)(op->form | (op->encrypted ? GP_STORE_ENCRYPTED : 0));
	size_t len = op->data.len, room = len + 16;
	uint8_t *copy = malloc(room);
	int r = 0, n;

	if (!copy)
		return -ENOMEM;
	memcpy(copy, op->data.p, len);
	if (op->encrypted && how->scp) {
		r = gp_scp_encrypt(how->scp, op->data.p, op->data.len, copy, room, &len);
		if (r)
			(void)gp_fail(err, r, "no-dek", "the data cannot be encrypted: no DEK");
	}
	n = r ? r : gp_store_blocks(len, size, err);
	if (n > 0) {
		*cmds = calloc((size_t)n, sizeof(**cmds));
		*nr = *cmds ? (size_t)n : 0;
		r = *cmds ? 0 : -ENOMEM;
	} else {
		r = n;
	}
	for (unsigned int i = 0; i < *nr && !r; i++)
		r = gp_cmd_store_data_nth(&(*cmds)[i], flags, (struct gp_bytes){copy, len},
					  size, i, err);
	OPENSSL_cleanse(copy, room);
	free(copy);
	return r;
}

static int build_store(const struct gp_op *op, const struct gp_build *how,
		       struct gp_built *built, struct gp_error *err)
{
	size_t size = op->block && op->block < how->max_data ? op->block : how->max_data;
	size_t first = op->type == GP_OP_PERSONALISE, nr = 0;
	struct gp_apdu *cmds = NULL;
	int r;

	r = op->form == GP_STORE_DGI ? store_dgis(op, how, size, &cmds, &nr, err)
				     : store_blocks(op, how, size, &cmds, &nr, err);
	if (!r)
		r = make_room(built, first + nr);
	if (r) {
		for (size_t i = 0; i < nr; i++)
			gp_apdu_clear(&cmds[i]);
		free(cmds);
		return r;
	}
	memcpy(built->cmd + first, cmds, nr * sizeof(*cmds));
	free(cmds);
	if (first) {
		struct gp_install in = {.p1 = GP_INSTALL_PERSONALIZATION, .instance = op->aid};

		r = gp_cmd_install(&built->cmd[0], &in, err);
	}
	return r;
}

/* ---- keys ---- */

static int key_of(const struct gp_key *key, struct gp_put_one *one, struct gp_error *err)
{
	if (key->type == GP_KEY_NONE)
		return gp_fail(err, -ENOKEY, "no-key",
			       "a key set for PUT KEY needs ENC, MAC and DEK");
	if (key->ops)
		return gp_fail(err, -ENOKEY, "no-key",
			       "a key that cannot leave its token cannot be put into a card");
	one->part[0].type = key->type;
	one->part[0].value = (struct gp_bytes){key->value, key->len};
	one->parts = 1;
	one->kcv_len = GP_KCV_LEN;
	return gp_kcv(key, one->kcv);
}

/* names of curves as OpenSSL gives them, at their key parameter reference (GPCS B.4.1) */
static const struct {
	const char *name;
	uint8_t reference;
} curves[] = {
	{"prime256v1", 0x00},	   {"secp384r1", 0x01},	      {"secp521r1", 0x02},
	{"brainpoolP256r1", 0x03}, {"brainpoolP384r1", 0x05}, {"brainpoolP512r1", 0x07},
};

/* Big-endian numbers of an RSA key, at their size. */
static int rsa_number(EVP_PKEY *pkey, const char *name, uint8_t *out, size_t room, size_t *len)
{
	BIGNUM *bn = NULL;
	int n = -1;

	if (EVP_PKEY_get_bn_param(pkey, name, &bn) && (size_t)BN_num_bytes(bn) <= room)
		n = BN_bn2bin(bn, out);
	BN_free(bn);
	*len = n > 0 ? (size_t)n : 0;
	return n > 0 ? 0 : -EINVAL;
}

static int public_key(const struct gp_blob *der, uint8_t room[PUBLIC_MAX],
		      struct gp_put_one *one)
{
	const unsigned char *p = der->p;
	EVP_PKEY *pkey = d2i_PUBKEY(NULL, &p, (long)der->len);
	size_t n = 0, e = 0;
	char group[64];
	int r = -EINVAL;

	if (pkey && EVP_PKEY_is_a(pkey, "RSA") &&
	    !rsa_number(pkey, OSSL_PKEY_PARAM_RSA_N, room, PUBLIC_MAX - 8, &n) &&
	    !rsa_number(pkey, OSSL_PKEY_PARAM_RSA_E, room + n, 8, &e)) {
		one->part[0] = (struct gp_key_part){GP_KEY_RSA_N, {room, n}};
		one->part[1] = (struct gp_key_part){GP_KEY_RSA_E, {room + n, e}};
		r = 0;
	} else if (pkey && EVP_PKEY_is_a(pkey, "EC") &&
		   EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, room,
						   PUBLIC_MAX - 1, &n) &&
		   EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_GROUP_NAME, group,
						  sizeof(group), NULL)) {
		for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]) && r; i++) {
			if (strcmp(group, curves[i].name) != 0)
				continue;
			room[n] = curves[i].reference;
			one->part[0] = (struct gp_key_part){GP_KEY_EC_PUBLIC, {room, n}};
			one->part[1] = (struct gp_key_part){GP_KEY_EC_CURVE, {room + n, 1}};
			r = 0;
		}
	}
	one->parts = 2;
	EVP_PKEY_free(pkey);
	return r;
}

static int build_put_key(const struct gp_op *op, const struct gp_build *how,
			 struct gp_built *built, struct gp_error *err)
{
	struct gp_dek dek = {dek_encrypt, how->scp, dek_block(how)};
	uint8_t room[PUBLIC_MAX];
	int r;

	built->put = (struct gp_put_key){
		.old_kvn = op->old_kvn,
		.new_kvn = how->facts->kvn,
		.first_kid = how->facts->kid,
		.key = built->one,
		.keys = how->facts->nr_keys,
		.multiple = !op->data.len,
	};
	if (op->data.len) {
		r = public_key(&op->data, room, &built->one[0]);
		if (r)
			return gp_fail(err, r, "plan-invalid",
				       "the public key is none that a card takes");
	} else {
		if (!how->keys)
			return gp_fail(err, -ENOKEY, "no-key", "there is no key set \"%s\"",
				       op->keys);
		r = key_of(&how->keys->enc, &built->one[0], err);
		if (!r)
			r = key_of(&how->keys->mac, &built->one[1], err);
		if (!r)
			r = key_of(&how->keys->dek, &built->one[2], err);
		if (r)
			return r;
	}
	r = make_room(built, 1);
	if (!r)
		r = gp_cmd_put_key(&built->cmd[0], &built->put, how->scp ? &dek : NULL, err);
	/* only check values are needed from here on */
	for (size_t i = 0; i < GP_OP_KEYS_MAX; i++)
		memset(built->one[i].part, 0, sizeof(built->one[i].part));
	return r;
}

/* ---- all ---- */

static int build_list(const struct gp_op *op, unsigned int quirks, struct gp_built *built,
		      struct gp_error *err)
{
	static const uint8_t lists[] = {GP_LIST_ISD, GP_LIST_APPS, GP_LIST_ELFS,
					GP_LIST_MODULES};
	uint8_t scope = op->scope ? op->scope : GP_LIST_ISD | GP_LIST_APPS | GP_LIST_MODULES;
	int r = make_room(built, sizeof(lists)), i = 0;

	/* load files without their modules are better than none */
	if (scope & GP_LIST_MODULES && quirks & GP_QUIRK_NO_MODULES)
		scope = (uint8_t)((scope & ~GP_LIST_MODULES) | GP_LIST_ELFS);
	built->n = 0;
	for (size_t l = 0; l < sizeof(lists) && !r; l++) {
		struct gp_get_status what = {.list = lists[l],
					     .prefix = {op->aid.bytes, op->aid.len},
					     .old = quirks & GP_QUIRK_OLD_STATUS,
					     .tags = quirks & GP_QUIRK_NO_STATUS_TAGS
							     ? (struct gp_bytes){0}
							     : GP_STATUS_TAGS};

		if (!(scope & lists[l]))
			continue;
		r = gp_cmd_get_status(&built->cmd[i++], &what, err);
		built->n = (size_t)i;
	}
	return r;
}

static int build_one(const struct gp_op *op, const struct gp_build *how, struct gp_apdu *out,
		     struct gp_error *err)
{
	uint8_t what = op->related ? GP_STATUS_SD : GP_STATUS_APP;
	struct gp_token_ref ref = {0};
	int r;

	switch (op->type) {
	case GP_OP_INSTALL:
	case GP_OP_SD_CREATE:
		return build_install(
			op, how->profile,
			(uint8_t)(GP_INSTALL_INSTALL |
				  (op->selectable ? GP_INSTALL_MAKE_SELECTABLE : 0)),
			out, err);
	case GP_OP_MAKE_SELECTABLE:
		return build_install(op, how->profile, GP_INSTALL_MAKE_SELECTABLE, out, err);
	case GP_OP_EXTRADITE:
		return build_install(op, how->profile, GP_INSTALL_EXTRADITION, out, err);
	case GP_OP_REGISTRY_UPDATE:
		return build_install(op, how->profile, GP_INSTALL_REGISTRY_UPDATE, out, err);
	case GP_OP_DELETE:
		r = read_token_ref(&op->token_ref, &ref, err);
		return r ? r
			 : gp_cmd_delete(out,
					 &(struct gp_delete){
						 .aid = op->aid,
						 .related = op->related,
						 .token_ref = op->token_ref.len ? &ref : NULL,
						 .token = bytes(&op->token)},
					 err);
	case GP_OP_LOCK:
		return gp_cmd_set_status(out, what, GP_STATUS_LOCK, &op->aid, err);
	case GP_OP_UNLOCK:
		return gp_cmd_set_status(out, what, GP_STATUS_UNLOCK, &op->aid, err);
	case GP_OP_SD_PERSONALISED:
		return gp_cmd_set_status(out, GP_STATUS_APP, GP_SD_PERSONALIZED,
					 &how->facts->sd, err);
	case GP_OP_CARD_STATE:
		return gp_cmd_set_status(out, GP_STATUS_CARD, op->card_state, NULL, err);
	case GP_OP_DELETE_KEY:
		return gp_cmd_delete_key(out, op->kid, op->kvn, err);
	case GP_OP_GET_DATA:
		return gp_cmd_get_data(out, op->tag, bytes(&op->data), err);
	case GP_OP_APDU:
		return gp_apdu_decode(out, op->data.p, op->data.len, err);
	default:
		return gp_fail(err, -EINVAL, "plan-invalid", "an operation that is not known");
	}
}

int gp_op_build(const struct gp_op *op, const struct gp_build *how, struct gp_built *built,
		struct gp_error *err)
{
	int r;

	*built = (struct gp_built){0};
	switch (op->type) {
	case GP_OP_LOAD:
		r = build_load(op, how, built, err);
		break;
	case GP_OP_PERSONALISE:
	case GP_OP_STORE_DATA:
		r = build_store(op, how, built, err);
		break;
	case GP_OP_PUT_KEY:
		r = build_put_key(op, how, built, err);
		break;
	case GP_OP_LIST:
		r = build_list(op, how->profile->quirks, built, err);
		break;
	default:
		r = make_room(built, 1);
		if (!r)
			r = build_one(op, how, &built->cmd[0], err);
		break;
	}
	if (r)
		gp_built_clear(built);
	return r == -ENOMEM ? gp_fail(err, r, "memory", "out of memory") : r;
}
