/* SPDX-License-Identifier: Apache-2.0 */
/* One entry of the attempt ledger as text; ledger_parse() is in ledger.h. */
#ifndef SESAME_KEYS_LEDGER_ENTRY_H
#define SESAME_KEYS_LEDGER_ENTRY_H

#include <stdbool.h>
#include <stddef.h>

#include "keys/ledger.h"

#define LEDGER_TEXT_MAX 1024 /* bytes of an entry's text */
#define LEDGER_FILE_MAX 160  /* name of its file, with the NUL */

/** ledger_id_ok - can there be an entry for it? */
bool ledger_id_ok(const struct ledger_id *id);

/** ledger_file - CARD-AID-KVN, "default" for an AID of length 0 */
void ledger_file(const struct ledger_id *id, char file[LEDGER_FILE_MAX]);

/** ledger_format - the text of an entry; returns its length, or -EIO (no SHA-256) */
int ledger_format(const struct ledger_entry *e, char text[LEDGER_TEXT_MAX]);

#endif /* SESAME_KEYS_LEDGER_ENTRY_H */
