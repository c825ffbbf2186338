// SPDX-License-Identifier: Apache-2.0
/*
 * The walk to EF LwM2M_Bootstrap against a hostile card: the input is one byte of
 * configuration (01 a PIN, 02 a key set, 04 an AID) and a row of answers, each after its
 * length in two bytes. It ends, sends a PIN once at most, and what it sends is well formed.
 */
#include <stdlib.h>
#include <string.h>

#include "gp/key.h"
#include "lwm2m/bsfile.h"
#include "pkcs15/pkcs15.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int zeros(void *ctx, void *out, size_t len)
{
	(void)ctx;
	memset(out, 0, len);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t oid[] = {0x67, 0x2b, 0x09, 0x01};
	struct pkcs15_config c = {.oid = {oid, sizeof(oid)},
				  .file = "EF LwM2M_Bootstrap",
				  .random = zeros,
				  .enough = lwm2m_bsfile_size};
	struct gp_keyset keys;
	struct pkcs15_action a;
	struct pkcs15 *p;
	unsigned int pins = 0;
	char words[256];
	size_t len;

	if (size == 0)
		return 0;
	gp_keyset_default(&keys, GP_KEY_AES);
	if (data[0] & 1)
		c.pin = (struct gp_bytes){(const uint8_t *)"1234", 4};
	if (data[0] & 2)
		c.keys = &keys;
	if (data[0] & 4)
		c.aid = (struct gp_aid){{0xa0, 0, 0, 0, 0x63}, 5};
	data++;
	size--;
	if (pkcs15_new(&p, &c) < 0)
		abort();
	while (size >= 2 && pkcs15_next(p, &a, words) == 1) {
		uint8_t *rsp;

		len = (size_t)data[0] << 8 | data[1];
		data += 2;
		size -= 2;
		if (len > size)
			len = size;
		if (a.step == PKCS15_OPEN) {
			pkcs15_opened(p, len >= 2 ? (uint16_t)(data[0] << 8 | data[1]) : 0);
		} else {
			if (a.cmd_len < 4 || a.cmd_len > sizeof(a.cmd))
				abort();
			if (a.cmd[1] == 0x20 && a.cmd_len > 4 && !(a.cmd[0] & 4) && ++pins > 1)
				abort();
			rsp = malloc(len ? len : 1);
			memcpy(rsp, data, len);
			pkcs15_answer(p, rsp, len);
			free(rsp);
		}
		data += len;
		size -= len;
	}
	if (pkcs15_file(p, &len) && len > PKCS15_FILE_MAX)
		abort();
	pkcs15_free(p);
	gp_keyset_clear(&keys);
	return 0;
}
