/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SECTL_STOP_H
#define SECTL_STOP_H

#include <stdbool.h>

/**
 * stop_begin() - SIGINT, SIGTERM and SIGHUP no longer end the program, but are remembered
 *
 * One that was ignored when sectl was started (nohup, a job in the background) stays so.
 */
void stop_begin(void);

/** stop_end() - they do what they did before; one that came is not forgotten */
void stop_end(void);

/** stop_wanted() - has one come since the program began? */
bool stop_wanted(void);

#endif /* SECTL_STOP_H */
