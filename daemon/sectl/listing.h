/* SPDX-License-Identifier: Apache-2.0 */
/* Registries as tables, and what loading a package needs in two nouns. */
#ifndef SECTL_LISTING_H
#define SECTL_LISTING_H

#include <stdbool.h>

struct act;

/** listing_print - the "list" step of a result as a table; for act_do_with() */
void listing_print(const struct act *a);

/**
 * package_load_op - add the load of a file with the options of package load; an exit status
 * @if_needed: it is no error that the package is on the card
 */
int package_load_op(struct act *a, const char *path, bool if_needed);

#endif /* SECTL_LISTING_H */
