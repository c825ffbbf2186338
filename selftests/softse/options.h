/* SPDX-License-Identifier: Apache-2.0 */
/* The command line. */
#ifndef SOFTSE_OPTIONS_H
#define SOFTSE_OPTIONS_H

#include "wire.h"

enum { EXIT_USAGE = 2 };

struct options {
	/* where it is plugged in */
	bool sim;
	struct sim_setup bus;
	const char *apdu_socket, *block_socket, *vpcd;
	/* what stands in for the card */
	const char *bridge;
	/* what it is */
	const char *log, *profile, *keys, *dialect;
	const char *export_to, *compare_with; /* and nothing else is done */
	bool reset_image;
	unsigned long scp;
	unsigned long power_cut; /* 0: never */
	bool scp_given;
	const char *faults[FAULT_MAX];
	size_t n_faults;
};

/**
 * options_parse() - read the command line
 * @card: gets what has a place there
 *
 * Return: -1 to go on, or the exit status; what is to be said has been said.
 */
int options_parse(int argc, char **argv, struct options *o, struct card_profile *card,
		  const char **state_path);

#endif
