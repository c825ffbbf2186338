/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secure Channel Protocol 03, card side (GPC Amendment D): S8 mode and, with
 * SCP03_I_S16, cryptograms, challenges and MACs of 16 bytes.
 *
 * One struct scp03 per logical channel. It holds session keys only; static keys
 * are passed in when a session is initiated.
 */
#ifndef SOFTSE_SCP03_H
#define SOFTSE_SCP03_H

#include <stddef.h>
#include <stdint.h>

#define SCP03_I_S16 0x01
#define SCP03_I_PSEUDO_RANDOM 0x10 /* Amendment D, table 5-1 */
#define SCP03_I_RMAC 0x20
#define SCP03_I_RENC 0x40

#define SCP03_CMAC 0x01 /* security level bits, table 7-5 */
#define SCP03_CENC 0x02
#define SCP03_RMAC 0x10
#define SCP03_RENC 0x20

#define SCP03_MAC_LEN 8 /* 16 in S16 mode */
#define SCP03_RSP_MAX 48

/** struct scp03_keys - static keys of one key version; @len 16, 24 or 32 */
struct scp03_keys {
	uint8_t kvn;
	uint8_t len;
	uint8_t enc[32];
	uint8_t mac[32];
	uint8_t dek[32];
};

enum scp03_state {
	SCP03_NONE,
	SCP03_INITIATED,
	SCP03_OPEN,
};

struct scp03 {
	enum scp03_state state;
	uint8_t level;
	uint8_t i;
	uint8_t key_len;
	uint8_t s_enc[32];
	uint8_t s_mac[32];
	uint8_t s_rmac[32];
	uint8_t mac_len; /* of cryptograms and challenges too */
	uint8_t host_cryptogram[16];
	uint8_t chain[16];   /* MAC chaining value */
	uint8_t counter[16]; /* encryption counter block */
};

/**
 * scp03_initialize() - INITIALIZE UPDATE: derive session keys
 * @s: session; what was there is closed
 * @i: SCP03_I_*
 * @host: host challenge, 8 or 16 bytes
 * @seq: sequence counter, used if @i has SCP03_I_PSEUDO_RANDOM
 * @aid: AID of the application that is spoken to, for the same case
 * @random: card challenge otherwise, 8 or 16 bytes
 * @rsp: response data: 29 bytes (45 in S16 mode), 3 more with a sequence counter
 * @rsp_len: out
 *
 * Return: 0 or -EIO.
 */
int scp03_initialize(struct scp03 *s, const struct scp03_keys *keys, uint8_t i,
		     const uint8_t *host, const uint8_t seq[3], const uint8_t *aid,
		     size_t aid_len, const uint8_t *random, uint8_t rsp[SCP03_RSP_MAX],
		     size_t *rsp_len);

/** scp03_open() - a session whose keys another protocol made (SCP11) */
void scp03_open(struct scp03 *s, uint8_t level, const uint8_t *enc, const uint8_t *mac,
		const uint8_t *rmac, size_t key_len, const uint8_t chain[16]);

/**
 * scp03_authenticate() - EXTERNAL AUTHENTICATE
 * @cmd: header and Lc and data as received, CLA without the channel number
 *
 * Return: 0x9000; 0x6300 for a wrong cryptogram, 0x6982 for a wrong MAC, 0x6985
 * without INITIALIZE UPDATE, 0x6A86 for a level that @i does not offer, 0x6700. All but
 * the first close the session.
 */
uint16_t scp03_authenticate(struct scp03 *s, const uint8_t head[4], const uint8_t *data,
			    size_t len);

/**
 * scp03_unwrap() - verify and decrypt a command of an open session
 * @head: CLA INS P1 P2, CLA with secure messaging bit and without the channel
 * @ext: Lc has the extended form
 * @data: data field; its clear text replaces it
 * @len: in: its length; out: length of the clear text
 *
 * The encryption counter moves also for commands without data.
 * Return: 0x9000, or 0x6982 and the session is closed.
 */
uint16_t scp03_unwrap(struct scp03 *s, const uint8_t head[4], int ext, uint8_t *data,
		      size_t *len);

/**
 * scp03_wrap() - encrypt and authenticate a response
 * @data: response data without status word
 * @len: in and out
 * @room: bytes at @data; 32 more than @len are always enough
 *
 * Does nothing where the level has no response protection or @sw is an error.
 * Return: 0, -ENOSPC or -EIO.
 */
int scp03_wrap(struct scp03 *s, uint8_t *data, size_t *len, size_t room, uint16_t sw);

/** scp03_close() - forget the session, keys wiped */
void scp03_close(struct scp03 *s);

#endif
