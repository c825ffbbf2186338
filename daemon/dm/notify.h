/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Package 0, the notification that asks for a session (OMA-TS-DM_Notification 1.2, 6):
 *
 *	digest (16) | version 10 bits | ui 2 | initiator 1 | future 27 | session id 16 |
 *	length 8 | server id | vendor body
 *
 * It is believed only after dm_notify_check(); who replays an old one is the caller's business.
 */
#ifndef SESAME_DM_NOTIFY_H
#define SESAME_DM_NOTIFY_H

#include "dm/auth.h"

#define DM_NOTIFY_SERVER_MAX 255
/** longest that is looked at: digest, header, server id and a vendor's body */
#define DM_NOTIFY_MAX 1024

enum dm_notify_ui {
	DM_NOTIFY_UI_ANY, /* not specified */
	DM_NOTIFY_UI_BACKGROUND,
	DM_NOTIFY_UI_INFORMATIVE,
	DM_NOTIFY_UI_INTERACTION, /* the user is asked before the session */
};

/**
 * struct dm_notify - points into the bytes that were parsed, but for @server
 * @version: ten times the version: 10, 11 (DM 1.1, 1.2) or 12
 * @by_server: the management authority wants it, not the user
 * @session: the id that the session must use; dm_notify_session()
 * @server: server id, UTF-8
 * @body, @body_len: the vendor's
 * @trigger, @trigger_len: what the digest is over
 */
struct dm_notify {
	const uint8_t *digest;
	unsigned int version;
	enum dm_notify_ui ui;
	bool by_server;
	uint32_t future;
	uint16_t session;
	char server[DM_NOTIFY_SERVER_MAX + 1];
	const uint8_t *body;
	size_t body_len;
	const uint8_t *trigger;
	size_t trigger_len;
};

/**
 * dm_notify_parse() - read it, without or with the header of a WAP push
 *
 * With: WSP connectionless push (transaction id, PDU type 6, headers: Content-Type 0x44 or the
 * media type in words, X-WAP-Application-ID 7 if it is there), as it comes to UDP port 2948.
 *
 * Return: 0; -EBADMSG; -ENOTSUP for a version that is not known or a push of another
 * application. @words as of dm_msg_parse().
 */
int dm_notify_parse(const uint8_t *p, size_t len, struct dm_notify *n, char *words);

/** what nonce a notification's digest was made with */
enum dm_notify_nonce {
	DM_NOTIFY_WRONG,   /* none of them: drop it silently */
	DM_NOTIFY_CURRENT, /* the one in @s */
	DM_NOTIFY_DEFAULT, /* the default, 00000000: the server has lost the nonce */
};

/**
 * dm_notify_check() - is it from this server?
 * @s: the server's id and password, the nonce that was kept for it
 *
 * The default nonce counts as four zero octets and as the ten characters 0x00000000, which are
 * both in use. A caller that takes DM_NOTIFY_DEFAULT must not take the same session id twice.
 */
enum dm_notify_nonce dm_notify_check(const struct dm_notify *n, const struct dm_secret *s);

/** dm_notify_session() - as the SessionID of the messages: upper case hex, no leading zeros */
void dm_notify_session(uint16_t session, char text[5]);

#endif /* SESAME_DM_NOTIFY_H */
