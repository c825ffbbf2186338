/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOFTSE_REGISTRY_CHECK_H
#define SOFTSE_REGISTRY_CHECK_H

struct card;

/**
 * registry_check() - rules that hold for every registry (GPCS 2.3.1, chapters 5 to 7)
 *
 * A state file that breaks one is refused; tests call it after every command.
 * Return: NULL, or the broken rule in words.
 */
const char *registry_check(const struct card *c);

#endif
