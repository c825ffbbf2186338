/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a key in an SE is asked to do, as commands and answers. Pure: bytes in, bytes out.
 *
 * Of IoT SAFE (GSMA IoT.05), P-256 with SHA-256, -384 and -512, identifiers of 1 to 20
 * bytes. A secret object that stands for a pre-shared key holds the premaster secret that
 * RFC 4279, 2 makes of it (keyop_psk_premaster()), since COMPUTE PRF takes an object as it
 * is. Of the vault (Documentation/softse-card.rst) slots that are keys; a pre-shared key is
 * in it as it is.
 */
#ifndef SESAME_KEYS_KEYOP_H
#define SESAME_KEYS_KEYOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "job/job-exchange.h"
#include "keys/seref.h"

#define KEYOP_POINT 65	   /* uncompressed point of P-256 */
#define KEYOP_SCALAR 32	   /* its coordinate: a shared secret */
#define KEYOP_SIGNATURE 64 /* r and s */
#define KEYOP_IN_MAX 256
#define KEYOP_PRF_MAX 128 /* bytes that KEYOP_PRF can be asked for */
#define KEYOP_FILE_MAX 16384
#define KEYOP_PSK_MAX 64

/**
 * enum keyop_kind - what to do with the object
 * @KEYOP_READ: a file, or a slot that may be read. out: its content
 * @KEYOP_PUBLIC: out: the public point of a key pair
 * @KEYOP_SIGN: in: hash of 32, 48 or 64 bytes. out: ECDSA signature, r and s
 * @KEYOP_AGREE: in: the peer's point. out: the shared secret's x
 * @KEYOP_PRF: in: label and seed. out: PRF of TLS 1.2 with SHA-256 (RFC 5246, 5) over the
 *	premaster secret of the pre-shared key, as many bytes as @want
 */
enum keyop_kind {
	KEYOP_READ,
	KEYOP_PUBLIC,
	KEYOP_SIGN,
	KEYOP_AGREE,
	KEYOP_PRF,
};

/**
 * struct keyop - an operation; zeroed before its members are set
 * @ref: SEREF_IOTSAFE or SEREF_VAULT
 * @out: @room bytes of the caller's; @out_len of them are used at the end
 * @sw: status word that it failed with, 0 if another reason
 * @step, @size, @peer, @peer_len: its state
 */
struct keyop {
	enum keyop_kind kind;
	struct seref ref;
	uint8_t in[KEYOP_IN_MAX];
	size_t in_len;
	size_t want;
	uint8_t *out;
	size_t room, out_len;
	uint16_t sw;
	unsigned int step;
	size_t size;
	uint8_t peer[SEREF_ID_MAX];
	size_t peer_len;
};

/**
 * keyop_target - where it has to go, and all that it may send there
 *
 * Fills in se, aid, aid_len, rules and nr_rules. Returns 0, or -EINVAL: not in an SE, or input
 * of a length that its kind cannot have.
 */
int keyop_target(const struct keyop *op, struct job_exchange_params *p);

/**
 * keyop_next - a job_exchange_next_t, @userdata is struct keyop
 *
 * Returns 0 at the end. -ENOENT (no such object), -EACCES (it may not be used so), -EIO (the
 * card refused), -EBADMSG (its answer is none), -EMSGSIZE (more than @room).
 */
int keyop_next(void *userdata, const struct job_exchange_answer *a, uint8_t *cmd, size_t room);

/** keyop_iotsafe, keyop_vault - keyop_next() for one kind of application */
int keyop_iotsafe(struct keyop *op, const struct job_exchange_answer *a, uint8_t *cmd);
int keyop_vault(struct keyop *op, const struct job_exchange_answer *a, uint8_t *cmd);

/** keyop_command - a short case 4 command, or case 2 with @lc 0; returns its length */
int keyop_command(uint8_t *cmd, const uint8_t head[4], const uint8_t *data, size_t lc, bool le,
		  uint8_t le_byte);

/** keyop_take - append to the output. 0 or -EMSGSIZE. */
int keyop_take(struct keyop *op, const uint8_t *p, size_t len);

/**
 * keyop_psk_premaster - RFC 4279, 2: what a pre-shared key alone gives
 * @out: 4 + 2 * @len bytes
 *
 * Returns their number.
 */
size_t keyop_psk_premaster(const uint8_t *psk, size_t len, uint8_t *out);

#endif /* SESAME_KEYS_KEYOP_H */
