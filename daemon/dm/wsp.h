/* SPDX-License-Identifier: Apache-2.0 */
/* A WAP push without a connection (WAP-230-WSP, 8.2.4.1), as it comes to UDP port 2948. */
#ifndef SESAME_DM_WSP_H
#define SESAME_DM_WSP_H

#include <stddef.h>
#include <stdint.h>

/** the assigned numbers of content types */
#define WSP_DM_NOTIFICATION 0x44 /* application/vnd.syncml.notification */
#define WSP_DM_WBXML 0x42	 /* application/vnd.syncml.dm+wbxml */
#define WSP_DM_XML 0x43		 /* application/vnd.syncml.dm+xml */
#define WSP_CONNECTIVITY 0x36	 /* application/vnd.wap.connectivity-wbxml */

/**
 * struct wsp_push - what one says
 * @type: number of the content type, 0: @mime says it
 * @mime: the content type in words, lower case; "" if it is a number
 * @sec: value of the SEC parameter, -1: none, or not a number
 * @mac: value of the MAC parameter, hexadecimal digits; "": none
 * @application: X-WAP-Application-ID; -1: none, -2: in words that are not ours
 */
struct wsp_push {
	unsigned int type;
	char mime[64];
	int sec;
	char mac[64];
	int application;
	const uint8_t *body;
	size_t body_len;
};

/** X-WAP-Application-ID of DM: x-wap-application:syncml.dm */
#define WSP_APPLICATION_DM 7

/** wsp_push_parse() - Return: 0, -EBADMSG. */
int wsp_push_parse(const uint8_t *p, size_t len, struct wsp_push *push);

#endif /* SESAME_DM_WSP_H */
