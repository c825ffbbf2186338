// SPDX-License-Identifier: Apache-2.0
/*
 * The state file. First byte 01: the lines that follow get a header and the
 * right hash, so that the parser behind it is reached. Any other first byte: the
 * rest is the whole file.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "softse/card.h"
#include "softse/crypto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fill(int fd, const uint8_t *data, size_t size)
{
	static const char header[] = "softse-state 2\n";
	uint8_t hash[32], *text;
	size_t len = sizeof(header) - 1;

	if (!size || *data != 1) {
		if (size > 1 && write(fd, data + 1, size - 1) < 0)
			abort();
		return;
	}
	text = malloc(len + size);
	if (!text)
		abort();
	memcpy(text, header, len);
	memcpy(text + len, data + 1, size - 1);
	len += size - 1;
	text[len++] = '\n';
	if (crypto_sha(sizeof(hash), text, len, hash))
		abort();
	dprintf(fd, "%.*send ", (int)len, (char *)text);
	for (size_t i = 0; i < sizeof(hash); i++)
		dprintf(fd, "%02x", hash[i]);
	dprintf(fd, "\n");
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct card card;
	char path[64], err[256] = "";
	int fd = memfd_create("state", MFD_CLOEXEC);

	if (fd < 0)
		abort();
	fill(fd, data, size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	memset(&card, 0, sizeof(card));
	card_profile_default(&card.profile);
	card.state_path = path;
	if (!card_init(&card, err, sizeof(err)))
		card_exit(&card);
	else if (!*err)
		abort(); /* refused without a word */
	close(fd);
	return 0;
}
