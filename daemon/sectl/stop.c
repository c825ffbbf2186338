// SPDX-License-Identifier: Apache-2.0
/* Ctrl-C, kill and a terminal that goes away: a plan ends between two APDUs. */
#include <signal.h>
#include <stddef.h>

#include "sectl/stop.h"

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

#define NR_SIGNALS (sizeof(signals) / sizeof(signals[0]))

static volatile sig_atomic_t stopped;
static struct sigaction was[NR_SIGNALS];

static void on_signal(int sig)
{
	(void)sig;
	stopped = 1;
}

void stop_begin(void)
{
	/* no SA_RESTART: waiting for the SE is to be cut short */
	const struct sigaction stop = {.sa_handler = on_signal};
	size_t i;

	for (i = 0; i < NR_SIGNALS; i++) {
		sigaction(signals[i], NULL, &was[i]);
		if (was[i].sa_handler != SIG_IGN)
			sigaction(signals[i], &stop, NULL);
	}
}

void stop_end(void)
{
	size_t i;

	for (i = 0; i < NR_SIGNALS; i++)
		sigaction(signals[i], &was[i], NULL);
}

bool stop_wanted(void)
{
	return stopped;
}
