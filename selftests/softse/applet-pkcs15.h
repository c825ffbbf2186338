/* SPDX-License-Identifier: Apache-2.0 */
/* What the PKCS #15 application and its first content have in common. */
#ifndef SOFTSE_APPLET_PKCS15_H
#define SOFTSE_APPLET_PKCS15_H

#include "card.h"

/* Who may read the bootstrap files, and whether there is one of OMA DM too. */
enum {
	PKCS15_PLAIN,
	PKCS15_PIN,
	PKCS15_SCP03,
	PKCS15_WITH_DM = 0x10,
};

enum {
	PKCS15_MODE = 0x4d4f4445, /* the object that keeps it */
	PKCS15_KEY = 0x4b4559,	  /* the private key */
	FID_DIR = 0x2f00,
	FID_PKCS15 = 0x5015,
	FID_ODF = 0x5031,
	FID_TOKEN_INFO = 0x5032,
	FID_AODF = 0x4401,
	FID_PRKDF = 0x4402,
	FID_CDF = 0x4404,
	FID_CERTIFICATE = 0x4331,
	FID_DODF = 0x6430,
	FID_LWM2M = 0x6432,
	FID_DM = 0x6433,
};

/** pkcs15_put_file() - a file's content; SW_WRONG_DATA for a file that there is not */
uint16_t pkcs15_put_file(struct card *c, struct entry *e, uint16_t fid, const void *v,
			 size_t len);

/** pkcs15_fill() - the files of a new instance */
uint16_t pkcs15_fill(struct card *c, struct entry *e, uint8_t mode, bool with_dm);

#endif
