/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An OSCORE context of coap_peer: parameters out of a file, state in another.
 *
 * The file has lines "NAME VALUE": secret, salt, sender, recipient, context (hex; a
 * value may be empty), aead, hkdf (numbers), rederive, state (a path). Without state
 * nothing lasts.
 */
#ifndef COAP_PEER_OSCORE_H
#define COAP_PEER_OSCORE_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "coap/oscore.h"

static char oscore_state_path[256];

static void oscore_on_random(void *ctx, void *buf, size_t len)
{
	(void)ctx;
	if (getrandom(buf, len, 0) != (ssize_t)len)
		abort();
}

static int oscore_on_store(void *ctx, const uint8_t *state, size_t len)
{
	char tmp[sizeof(oscore_state_path) + 4];
	FILE *f;
	bool ok;

	(void)ctx;
	if (!*oscore_state_path)
		return 0;
	snprintf(tmp, sizeof(tmp), "%s.new", oscore_state_path);
	f = fopen(tmp, "w");
	if (!f)
		return -errno;
	ok = fwrite(state, 1, len, f) == len;
	ok = !fflush(f) && !fsync(fileno(f)) && ok;
	ok = !fclose(f) && ok;
	return ok && !rename(tmp, oscore_state_path) ? 0 : -EIO;
}

static size_t oscore_hex(const char *text, uint8_t *out, size_t room)
{
	size_t n = 0;
	unsigned int v;

	for (; n < room && sscanf(text, "%2x", &v) == 1; text += 2)
		out[n++] = (uint8_t)v;
	return n;
}

static struct oscore *oscore_of_file(const char *path)
{
	static const struct oscore_ops ops = {oscore_on_random, oscore_on_store};
	uint8_t bytes[5][64], state[OSCORE_STATE_MAX];
	struct oscore_config c = {.accept_rederive = true};
	char line[512], name[32], value[256];
	size_t state_len = 0;
	struct oscore *o;
	FILE *f = fopen(path, "r");
	int r;

	if (!f) {
		perror(path);
		exit(1);
	}
	while (fgets(line, sizeof(line), f)) {
		*value = '\0';
		if (sscanf(line, "%31s %255s", name, value) < 1)
			continue;
#define BYTES(word, at, field)                                                   \
	if (!strcmp(name, word)) {                                               \
		c.field = bytes[at];                                             \
		c.field##_len = oscore_hex(value, bytes[at], sizeof(bytes[at])); \
	}
		BYTES("secret", 0, master_secret)
		BYTES("salt", 1, master_salt)
		BYTES("sender", 2, sender_id)
		BYTES("recipient", 3, recipient_id)
		BYTES("context", 4, id_context)
#undef BYTES
		if (!strcmp(name, "context"))
			c.has_id_context = true;
		if (!strcmp(name, "aead"))
			c.aead = atoi(value);
		if (!strcmp(name, "hkdf"))
			c.hkdf = atoi(value);
		if (!strcmp(name, "rederive"))
			c.rederive = true;
		if (!strcmp(name, "state"))
			snprintf(oscore_state_path, sizeof(oscore_state_path), "%s", value);
	}
	fclose(f);
	f = *oscore_state_path ? fopen(oscore_state_path, "r") : NULL;
	if (f) {
		state_len = fread(state, 1, sizeof(state), f);
		fclose(f);
	}
	r = oscore_new(&o, &c, &ops, NULL, f ? state : NULL, state_len);
	if (r) {
		fprintf(stderr, "oscore: %s\n", strerror(-r));
		exit(1);
	}
	return o;
}

#endif
