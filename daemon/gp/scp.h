/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's side of GlobalPlatform's secure channels: SCP02 (GPCS 2.3.1, appendix E), SCP03
 * (Amendment D) and SCP11 a, b, c (Amendment F). Pure: commands come out, responses go in.
 *
 *	gp_scp_new();
 *	while ((ret = gp_scp_next(scp, &apdu, err)) == 1)
 *		send it, then gp_scp_feed(scp, response) unless that was the last word
 *	gp_scp_wrap(scp, &apdu, err) for as many commands as wanted, without waiting;
 *	gp_scp_unwrap(scp, response) for each of them, in the same order.
 *
 * Commands have logical channel 0: MACs are made as on the basic channel (Amendment D 6.2.4),
 * and who sends a command writes the channel into its CLA afterwards.
 */
#ifndef SESAME_GP_SCP_H
#define SESAME_GP_SCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gp/apdu.h"
#include "gp/error.h"
#include "gp/key.h"

/* Security levels: P1 of EXTERNAL AUTHENTICATE (GPCS E.5.2.3, Amendment D 7.1.2.1). */
#define GP_LEVEL_NONE 0x00 /* authenticated, commands go as they are */
#define GP_LEVEL_CMAC 0x01
#define GP_LEVEL_CENC 0x02 /* only with GP_LEVEL_CMAC */
#define GP_LEVEL_RMAC 0x10
#define GP_LEVEL_RENC 0x20 /* SCP03, SCP11; only with all others */

/* Option i of SCP02 (GPCS table E-1). */
#define GP_SCP02_THREE_KEYS 0x01
#define GP_SCP02_UNMODIFIED 0x02 /* C-MAC over the command as it was before */
#define GP_SCP02_EXPLICIT 0x04	 /* the session begins with INITIALIZE UPDATE */
#define GP_SCP02_ICV_AID 0x08	 /* first ICV is a MAC over the AID */
#define GP_SCP02_ICV_ENC 0x10
#define GP_SCP02_RMAC 0x20
#define GP_SCP02_PSEUDO 0x40 /* well-known pseudo-random card challenge */

/* Option i of SCP03 (Amendment D table 5-1). */
#define GP_SCP03_S16 0x01
#define GP_SCP03_PSEUDO 0x10
#define GP_SCP03_RMAC 0x20
#define GP_SCP03_RENC 0x40

#define GP_SCP_I_AUTO (-1)
#define GP_CHALLENGE_MAX 16

/** enum gp_protocol - which secure channel */
enum gp_protocol {
	GP_SCP_AUTO = 0, /* 02 or 03, as the card's answer to INITIALIZE UPDATE says */
	GP_SCP02 = 0x02,
	GP_SCP03 = 0x03,
	GP_SCP11A = 0x1a, /* both sides show certificates */
	GP_SCP11B = 0x1b, /* only the card does: it does not know who talks to it */
	GP_SCP11C = 0x1c, /* as a, but a script made once works with many cards */
};

/** struct gp_scp_random - where challenges and ephemeral keys come from */
struct gp_scp_random {
	/** @fill: @len unpredictable bytes. Return: 0 or negative errno. */
	int (*fill)(void *ctx, void *out, size_t len);
	void *ctx;
};

/**
 * struct gp_ec_key - the host's static private key, in memory or in a token
 * @curve: key parameter reference (gp/crypto.h)
 * @value: gp_ec_size() bytes if @ecdh is NULL
 * @ecdh: shared secret with @point, gp_ec_size() bytes (the x coordinate). Return: 0 or
 *	negative errno
 * @ctx: its context
 */
struct gp_ec_key {
	uint8_t curve;
	uint8_t value[GP_EC_MAX];
	int (*ecdh)(void *ctx, const uint8_t *point, size_t point_len, uint8_t *secret);
	void *ctx;
};

/**
 * struct gp_scp11_params - what SCP11 needs instead of a key set
 * @kid: key identifier of SK.SD.ECKA; 00: the usual one (11 for a, 13 for b, 15 for c)
 * @kvn: its version, never 00
 * @ca_kid: key of the card that verifies the host's certificates (PK.CA-KLOC), usually 10
 * @ca_kvn: its version
 * @point: PK.SD.ECKA, uncompressed; see gp_scp11_card_key() for how to get it from
 *	certificates. Borrowed, as is all below
 * @point_len: 1 + 2 * gp_ec_size(curve)
 * @curve: of all keys
 * @oce: SK.OCE.ECKA (a, c); NULL for b
 * @certs: the host's certificates in order, the one with PK.OCE.ECKA last (a, c): each a whole
 *	7F21 template
 * @n_certs: their number, at most GP_SCP11_CERTS_MAX
 * @key_len: of the session keys: 16, 24 or 32
 * @s16: MACs of 16 bytes
 * @host_id: tag 84, for keys bound to both sides; NULL: not
 * @host_id_len: 1 to 16
 * @sin: SD provider identification number (IIN, tag 42), only with @host_id
 * @sdin: SD image number (CIN, tag 45), only with @host_id
 */
struct gp_scp11_params {
	uint8_t kid, kvn;
	uint8_t ca_kid, ca_kvn;
	const uint8_t *point;
	size_t point_len;
	uint8_t curve;
	const struct gp_ec_key *oce;
	const struct gp_bytes *certs;
	size_t n_certs;
	uint8_t key_len;
	bool s16;
	const uint8_t *host_id;
	size_t host_id_len;
	struct gp_bytes sin, sdin;
};

#define GP_SCP11_CERTS_MAX 8

/**
 * struct gp_scp11_keyset - SCP11 keys by name, as a host has them before it knows the card
 * @name: what people call it
 * @protocol: GP_SCP11A, GP_SCP11B or GP_SCP11C
 * @kid: key identifier of SK.SD.ECKA; 00: the usual one
 * @kvn: its version, never 00
 * @ca_kid: key of the card that verifies @certs, 00 if not said
 * @ca_kvn: its version, 00 if not said
 * @key_len: of the session keys: 16, 24 or 32
 * @oce: SK.OCE.ECKA; not used with GP_SCP11B
 * @certs: each a whole 7F21, the one with PK.OCE.ECKA last
 * @n_certs: their number
 * @ca_curve: of @ca
 * @ca: PK.CA-KLCC, which vouches for the card's certificates
 * @ca_len: its length; 0: nobody vouches for the card, it may be any
 */
struct gp_scp11_keyset {
	char name[GP_KEYSET_NAME_MAX];
	enum gp_protocol protocol;
	uint8_t kid, kvn, ca_kid, ca_kvn, key_len;
	struct gp_ec_key oce;
	struct gp_bytes certs[GP_SCP11_CERTS_MAX];
	size_t n_certs;
	uint8_t ca_curve;
	uint8_t ca[GP_EC_POINT_MAX];
	size_t ca_len;
};

/**
 * struct gp_scp_quirks - where cards, and the ways to them, differ; zeros are the usual
 * @no_count_no_data: SCP03: the card does not move its encryption counter on for commands
 *	without data (Amendment D 6.2.6 says it has to; early cards do not)
 * @le_for_rmac: a command without Le gets Le 00 where the response will have an R-MAC: for
 *	cards that give no data without Le. It does no harm to others on T=1
 * @extended: commands are sent with extended length if Le is more than 256; then their MAC has
 *	a length of three bytes, too
 * @lc_max: longest data field of one C-APDU: a command that is cut because it is longer has its
 *	MAC over a length of three bytes (GPCS 11.1.5); 0: 255
 */
struct gp_scp_quirks {
	bool no_count_no_data;
	bool le_for_rmac;
	bool extended;
	uint8_t lc_max;
};

/**
 * struct gp_scp_params - how a session is to be opened; all pointers are borrowed and have to
 * outlive the session
 * @protocol: GP_SCP_AUTO takes what the card offers for the key version
 * @i: option i: of SCP02 from card recognition data; GP_SCP_I_AUTO: 15 with SCP02, what the
 *	card says with SCP03. S16 has to be known before: set GP_SCP03_S16
 *	here, with protocol GP_SCP03
 * @level: GP_LEVEL_*; of SCP11: 01, 03, 11 or 33
 * @kvn: key version asked of the card; 00 (with GP_SCP_AUTO or @keys->kvn 00): its choice
 * @keys: SCP02, SCP03
 * @known: key sets (also @keys itself) that are tried on the card cryptogram when @keys does
 *	not explain it; nothing is sent for that
 * @n_known: their number
 * @aid: application that was selected, for pseudo-random challenges and implicit SCP02
 * @random: needed unless @host_challenge is given
 * @host_challenge: fixed, 8 bytes (16 for S16), for replay and tests; NULL: random. Never
 *	for real use: two sessions with the same challenges have the same keys
 * @seq: SCP02 without INITIALIZE UPDATE: the card's sequence counter (GET DATA C1)
 * @quirks: what the card and the way to it want otherwise
 * @scp11: SCP11
 */
struct gp_scp_params {
	enum gp_protocol protocol;
	int i;
	uint8_t level;
	uint8_t kvn;
	const struct gp_keyset *keys;
	const struct gp_keyset *const *known;
	size_t n_known;
	struct gp_aid aid;
	struct gp_scp_random random;
	const uint8_t *host_challenge;
	uint16_t seq;
	struct gp_scp_quirks quirks;
	const struct gp_scp11_params *scp11;
};

struct gp_scp;

/**
 * gp_scp_new() - a session that is not open yet
 *
 * Return: 0 with @scp set; -EINVAL for parameters that do not go together; -ENOKEY without
 * keys; -ENOMEM.
 */
int gp_scp_new(struct gp_scp **scp, const struct gp_scp_params *params, struct gp_error *err);
/** gp_scp_free() - keys wiped; NULL is fine */
void gp_scp_free(struct gp_scp *scp);

/**
 * enum gp_scp_step - what the command is that gp_scp_next() gave
 * @GP_STEP_AUTHENTICATE: the one that a card counts: EXTERNAL AUTHENTICATE, or MUTUAL
 *	AUTHENTICATE of SCP11. The card has proved by then that it knows the keys (SCP02,
 *SCP03). Implicit SCP02 has none: its first wrapped command is the attempt
 */
enum gp_scp_step {
	GP_STEP_OPEN,	     /* no more commands */
	GP_STEP_INITIALIZE,  /* INITIALIZE UPDATE */
	GP_STEP_CERTIFICATE, /* PERFORM SECURITY OPERATION */
	GP_STEP_AUTHENTICATE,
	GP_STEP_INTERNAL, /* INTERNAL AUTHENTICATE of SCP11b: nothing is counted */
};

/** gp_scp_step() - the command that comes next, without making it */
enum gp_scp_step gp_scp_step(const struct gp_scp *scp);

/**
 * gp_scp_next() - next command that opens the session
 * @apdu: out, overwritten without being freed: gp_apdu_clear() it; CLA without channel
 *
 * The response to a command has to be fed before the next is asked for; SCP11's certificates
 * are no exception, as a card may refuse each of them.
 * Return: 1 with a command; 0: the session is open; -EBUSY: a response is missing; -ENOTCONN
 * after a failure; other negative errno as gp_scp_feed().
 */
int gp_scp_next(struct gp_scp *scp, struct gp_apdu *apdu, struct gp_error *err);

/**
 * gp_scp_feed() - the response to the command of gp_scp_next()
 * @rsp: response data and status word
 *
 * Codes in @err besides the errno: "card-refused" (status word in the detail),
 * "bad-response", "wrong-protocol", "wrong-keys" (the card cryptogram fits none of the keys
 * tried), "other-keys" (it fits another known one: see gp_scp_identified()), "key-blocked"
 * (6983), "authentication-failed" (6300 and the like), "no-such-key" (6A88), "receipt-wrong".
 * Return: 0; -EKEYREJECTED: card cryptogram or receipt wrong, nothing that counts was
 * sent; -EACCES: card refused authentication; -EPROTO: card refused another command;
 * -EBADMSG: response makes no sense; -EINVAL; -EIO. After any error the session is over.
 */
int gp_scp_feed(struct gp_scp *scp, const uint8_t *rsp, size_t len, struct gp_error *err);

/**
 * enum gp_challenge_check - was a card challenge made as its option i says?
 *
 * Only a hint: the cryptogram proves that the card has the keys. Cards answer for another AID
 * than the one selected (of the domain whose keys they are, say).
 */
enum gp_challenge_check {
	GP_CHALLENGE_UNCHECKED, /* random, or the AID is not known */
	GP_CHALLENGE_EXPECTED,
	GP_CHALLENGE_OTHER,
};

/**
 * struct gp_scp_info - what is known of the session
 * @protocol: never GP_SCP_AUTO once INITIALIZE UPDATE was answered
 * @i: option i that is used
 * @level: security level, as it is now
 * @kvn: key version that the card took
 * @kdd: key diversification data (SCP02, SCP03)
 * @seq: sequence counter, where the card told it
 * @has_kdd: @kdd is set
 * @has_seq: @seq is set
 * @authenticated: the card knows who talks to it: not with SCP11b
 * @challenge: pseudo-random challenge
 */
struct gp_scp_info {
	enum gp_protocol protocol;
	uint8_t i, level, kvn;
	uint8_t kdd[GP_KDD_LEN];
	uint32_t seq;
	bool has_kdd, has_seq;
	bool authenticated;
	enum gp_challenge_check challenge;
};

/** gp_scp_info() - also while it is being opened and after it failed */
void gp_scp_info(const struct gp_scp *scp, struct gp_scp_info *info);

/** gp_scp_is_open() - may commands be wrapped? */
bool gp_scp_is_open(const struct gp_scp *scp);

/**
 * gp_scp_wrap() - put a command under secure messaging
 * @apdu: in: clear, logical channel 0, no secure messaging bit; out: as it goes to the card.
 *	Its Le grows by what secure messaging adds to the response. Unchanged on error
 *
 * Every command that goes to the card while the session is open comes through here, also at
 * level 00. The MAC covers Lc as one byte or as three, whichever the wrapped data need;
 * cutting the command afterwards (P1 "more") does not change that. BEGIN and END R-MAC SESSION
 * (7A, 78) change the level of the commands after them.
 * Return: 0; -EMSGSIZE: too long with padding and MAC; -ENOTCONN: session is not open;
 * -EINVAL: CLA has a channel, chaining or secure messaging already; -ENOMEM; -EIO.
 */
int gp_scp_wrap(struct gp_scp *scp, struct gp_apdu *apdu, struct gp_error *err);

/**
 * gp_scp_unwrap() - the response to the oldest wrapped command that has none yet
 * @rsp: in and out: response data and status word
 * @len: in: its length, at least 2; out: without padding and MAC, status word kept
 *
 * A response with an error status (neither 9000 nor 62xx, 63xx) has no protection; a card that
 * closes the session for a wrong MAC (6982, 6988) says so that way.
 * Return: 0; -EBADMSG ("bad-rmac", "bad-response"): not what the card sent, or not this
 * card; the session is over. -ENOENT: no command waits.
 */
int gp_scp_unwrap(struct gp_scp *scp, uint8_t *rsp, size_t *len, struct gp_error *err);

/** gp_scp_pending() - wrapped commands that have no response yet */
size_t gp_scp_pending(const struct gp_scp *scp);

/**
 * gp_scp_unsent() - the pending commands never reached the card
 *
 * The session is as it was after the last response; that is how it goes on when a stream
 * stopped in its middle and what was left is NOT_SENT. Never for a command whose outcome is
 * not known: then the session is lost.
 */
void gp_scp_unsent(struct gp_scp *scp);

/** gp_scp_set_quirks() - what turned out after gp_scp_new(); before the first gp_scp_wrap() */
void gp_scp_set_quirks(struct gp_scp *scp, const struct gp_scp_quirks *quirks);

/** gp_scp_max_data() - most bytes of clear data that fit into @lc_max wrapped ones */
size_t gp_scp_max_data(const struct gp_scp *scp, size_t lc_max);

/**
 * gp_scp_encrypt() - sensitive data (keys of PUT KEY) under the session's DEK
 * @in: @len bytes; what lacks to a whole block is filled with 80 00 ..
 * @out: @room bytes; @out_len: how many were written
 *
 * SCP02: triple DES in ECB mode under S-DEK (GPCS E.4.7); SCP03: AES-CBC under the static
 * Key-DEK (Amendment D 6.2.8); SCP11: AES-CBC under S-DEK.
 * Return: 0; -ENOKEY: there is no DEK; -ENOSPC; -ENOTCONN; -EIO or what the token said.
 */
int gp_scp_encrypt(struct gp_scp *scp, const uint8_t *in, size_t len, uint8_t *out, size_t room,
		   size_t *out_len);

/** gp_scp_dek_type() - GP_KEY_DES or GP_KEY_AES; GP_KEY_NONE if it is not known yet */
enum gp_key_type gp_scp_dek_type(const struct gp_scp *scp);

/**
 * struct gp_scp_match - which key explains a card cryptogram
 * @set: one of the sets tried
 * @diversification: how the card's keys come of it; GP_DIV_NONE: as they are
 * @type: GP_KEY_DES or GP_KEY_AES; not what the set says, perhaps
 * @declared: type and diversification are those that the set declares
 */
struct gp_scp_match {
	const struct gp_keyset *set;
	enum gp_diversification diversification;
	enum gp_key_type type;
	bool declared;
};

/**
 * gp_scp_identify() - which known key made this card cryptogram?
 * @host: host challenge that was sent, 8 or 16 bytes
 * @rsp: answer to INITIALIZE UPDATE, with or without status word
 * @sets: sets to try (NULLs are passed over), each as declared first, then as undiversified
 *keys, then its master (or its one key) by each method; values in memory also as the other
 *algorithm
 * @match: out
 *
 * Nothing is sent. A token's key is used as it is declared only, and diversified by each method
 * that its algorithm has.
 * Return: 1: found; 0: none; -EBADMSG: not such an answer; -EIO.
 */
int gp_scp_identify(const uint8_t *host, size_t host_len, const uint8_t *rsp, size_t len,
		    const struct gp_keyset *const *sets, size_t n, struct gp_scp_match *match);

/** gp_scp_identified() - what "other-keys" of gp_scp_feed() found; NULL if nothing */
const struct gp_scp_match *gp_scp_identified(const struct gp_scp *scp);

/**
 * struct gp_init_update - the answer to INITIALIZE UPDATE taken apart (GPCS E.5.1.3, Amendment
 * D 7.1.1.4)
 * @kdd: key diversification data, GP_KDD_LEN bytes
 * @kvn: key version number
 * @protocol: GP_SCP02 or GP_SCP03
 * @i: SCP03
 * @seq: sequence counter, with @has_seq
 * @challenge: card challenge, with SCP02 the 8 bytes that begin with the counter
 * @cryptogram: card cryptogram
 * @challenge_len: 8 or 16, of both
 */
struct gp_init_update {
	uint8_t kdd[GP_KDD_LEN];
	uint8_t kvn;
	enum gp_protocol protocol;
	uint8_t i;
	uint32_t seq;
	bool has_seq;
	uint8_t challenge[GP_CHALLENGE_MAX];
	uint8_t cryptogram[GP_CHALLENGE_MAX];
	size_t challenge_len;
};

/**
 * gp_init_update_parse() - take it apart
 * @rsp: response data without status word
 *
 * Return: 0; -EBADMSG: length and contents are those of no protocol; -EPROTONOSUPPORT: SCP01 or
 * one that is not known.
 */
int gp_init_update_parse(const uint8_t *rsp, size_t len, struct gp_init_update *out,
			 struct gp_error *err);

/**
 * struct gp_cert - a certificate of Amendment F (6.1), all pointers into its bytes
 * @raw: the whole 7F21
 * @serial: 93
 * @issuer: 42
 * @subject: 5F20
 * @usage: 95: 82 verifies others, 80 agrees on keys
 * @valid_from: 5F25, BCD YYYYMMDD; empty if it has none
 * @valid_to: 5F24
 * @curve: F0 of 7F49, 00 without
 * @point: B0
 * @body: what is signed
 * @signature: 5F37
 */
struct gp_cert {
	struct gp_bytes raw, serial, issuer, subject;
	uint8_t usage;
	struct gp_bytes valid_from, valid_to;
	uint8_t curve;
	struct gp_bytes point;
	struct gp_bytes body, signature;
};

/** gp_cert_parse() - one 7F21, nothing after it. Return: 0 or -EBADMSG. */
int gp_cert_parse(const uint8_t *p, size_t len, struct gp_cert *cert, struct gp_error *err);

/**
 * gp_scp11_card_key() - PK.SD.ECKA out of the card's certificates
 * @store: answer to GET DATA BF21: the template, or 7F21 one after the other
 * @ca_curve: curve of @ca
 * @ca: PK.CA-KLCC, the key that vouches for the first certificate
 * @ca_len: its length; 0: nobody does, and only the chain from there on is verified. Then it
 *	may be anybody's key: say so to whoever asked
 * @today: BCD YYYYMMDD, 8 digits in 4 bytes; NULL: validity is not looked at
 * @key: out: the last certificate, in @store; its usage is key agreement
 *
 * Return: 0; -EBADMSG: not certificates; -EKEYREJECTED: a signature or an issuer is wrong
 * ("bad-certificate"), or one has expired ("certificate-expired").
 */
int gp_scp11_card_key(const uint8_t *store, size_t len, uint8_t ca_curve, const uint8_t *ca,
		      size_t ca_len, const uint8_t *today, struct gp_cert *key,
		      struct gp_error *err);

#endif /* SESAME_GP_SCP_H */
