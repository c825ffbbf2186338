/* SPDX-License-Identifier: Apache-2.0 */
/* CAP files in load-file form: components one after the other (JCVM 2.2, chapter 6). */
#ifndef SOFTSE_CAP_H
#define SOFTSE_CAP_H

#include "registry.h"

struct cap {
	struct aid package;
	uint8_t major, minor;
	struct aid modules[ELF_MODULES];
	size_t n_modules;
	struct import imports[ELF_IMPORTS];
	size_t n_imports;
	uint32_t image; /* bytes of static fields */
};

/** cap_is() - does a load file data block claim to be a CAP file? */
bool cap_is(const uint8_t *p, size_t n);

/**
 * cap_parse() - check all components and their references to each other
 * @why: out: what is wrong, in words
 *
 * Return: 0 or -EBADMSG, -E2BIG (more modules or imports than softse keeps).
 */
int cap_parse(const uint8_t *p, size_t n, struct cap *cap, const char **why);

/**
 * cap_platform() - is a package of the card itself meant, in a version that fits?
 *
 * Return: 1 yes, 0 no such package, -1 wrong version.
 */
int cap_platform(const struct import *import);

#endif
