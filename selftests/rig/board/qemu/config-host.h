/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What configure writes for Debian's build on an amd64 machine, as far as it
 * decides about the layout of structures. hat.c checks what comes of it.
 */
#ifndef REFUSE_LAYOUT /* a plug-in that has to be refused */
#define CONFIG_INT128 1
#define CONFIG_INT128_TYPE 1
#endif
#define CONFIG_IOVEC 1
#define CONFIG_LINUX 1
#define CONFIG_MADVISE 1
#define CONFIG_POSIX 1
#define CONFIG_STRCHRNUL 1
#define HOST_X86_64 1
