/* SPDX-License-Identifier: Apache-2.0 */
/* Secure Channel Protocol 02, card side (GPCS 2.3.1, appendix E). */
#ifndef SOFTSE_SCP02_H
#define SOFTSE_SCP02_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Option i, table E-1. */
#define SCP02_I_THREE_KEYS 0x01
#define SCP02_I_UNMODIFIED 0x02 /* C-MAC on the command as it was before */
#define SCP02_I_EXPLICIT 0x04	/* INITIALIZE UPDATE begins a session */
#define SCP02_I_ICV_AID 0x08	/* first ICV: MAC over the AID */
#define SCP02_I_ICV_ENC 0x10
#define SCP02_I_RMAC 0x20
#define SCP02_I_WELL_KNOWN 0x40 /* challenge from MAC over the AID */

#define SCP02_CMAC 0x01 /* security level bits, table E-10 */
#define SCP02_CENC 0x02
#define SCP02_RMAC 0x10

/** struct scp02_keys - static keys; with one base key all are the same */
struct scp02_keys {
	uint8_t kvn;
	uint8_t enc[16];
	uint8_t mac[16];
	uint8_t dek[16];
};

struct scp02 {
	uint8_t i;
	uint8_t level;
	bool icv_set; /* the ICV is a MAC already */
	uint8_t s_enc[16];
	uint8_t s_mac[16];
	uint8_t s_rmac[16];
	uint8_t s_dek[16];
	uint8_t host_cryptogram[8];
	uint8_t icv[8];
	uint8_t ricv[8];
	/* the command that is being run, for R-MAC */
	uint8_t head[5];
	uint8_t *data; /* copy */
	size_t len;
};

/**
 * scp02_initialize() - INITIALIZE UPDATE: derive session keys
 * @host: 8 bytes
 * @random: card challenge, 6 bytes, unless @i has SCP02_I_WELL_KNOWN
 * @rsp: 28 bytes
 *
 * Return: 0 or -EIO.
 */
int scp02_initialize(struct scp02 *s, const struct scp02_keys *keys, uint8_t i,
		     const uint8_t host[8], uint16_t seq, const uint8_t *aid, size_t aid_len,
		     const uint8_t random[6], uint8_t rsp[28]);

/**
 * scp02_implicit() - session keys without INITIALIZE UPDATE (GPCS E.1.2.2)
 *
 * Return: 0 or -EIO.
 */
int scp02_implicit(struct scp02 *s, const struct scp02_keys *keys, uint8_t i, uint16_t seq,
		   const uint8_t *aid, size_t aid_len);

/**
 * scp02_authenticate() - EXTERNAL AUTHENTICATE
 * @head: CLA INS P1 P2, CLA with the secure messaging bit and without the channel
 *
 * Return: 0x9000; 0x6300 wrong cryptogram, 0x6982 wrong MAC, 0x6A86, 0x6700.
 */
uint16_t scp02_authenticate(struct scp02 *s, const uint8_t head[4], const uint8_t *data,
			    size_t len);

/**
 * scp02_unwrap() - verify and decrypt a command
 * @ext: Lc has the extended form
 *
 * Return: 0x9000, or 0x6982: the caller closes the session.
 */
uint16_t scp02_unwrap(struct scp02 *s, const uint8_t head[4], bool ext, uint8_t *data,
		      size_t *len);

/**
 * scp02_remember() - the command to which the next R-MAC belongs
 *
 * Return: 0 or -ENOMEM.
 */
int scp02_remember(struct scp02 *s, const uint8_t head[4], const uint8_t *data, size_t len);

/** scp02_rmac() - authenticate a response, 8 bytes more. Return: 0, -ENOSPC, -EIO. */
int scp02_rmac(struct scp02 *s, uint8_t *data, size_t *len, size_t room, uint16_t sw);

/** scp02_close() - keys wiped */
void scp02_close(struct scp02 *s);

#endif
