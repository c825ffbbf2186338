/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the readers and writers of SyncML messages. */
#ifndef SESAME_DM_SYNCML_PRIV_H
#define SESAME_DM_SYNCML_PRIV_H

#include "dm/syncml.h"

enum dm_kind dm_kind_of(const char *name);

/** dm_mime_is() - is it that media type, whatever parameters follow? */
bool dm_mime_is(const char *content_type, const char *mime);

/** dm_format_binary() - "b64" or "bin" */
bool dm_format_binary(const char *format);

#endif /* SESAME_DM_SYNCML_PRIV_H */
