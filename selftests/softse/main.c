// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bridge.h"
#include "image.h"
#include "log.h"
#include "options.h"
#include "profile.h"

#define FDS 64
#define WIRES 5

/* more than any command of the test applet can ask for */
#define LONGEST_WORK_US UINT64_C(66000000)

static volatile sig_atomic_t stop, hurried;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

/* What is worked on is over at once: a test that waits for events ends it so. */
static void on_hurry(int sig)
{
	(void)sig;
	hurried++;
}

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000 +
	       (uint64_t)hurried * LONGEST_WORK_US;
}

static int serve(struct chip *chip, struct wire **wires, size_t n, const sigset_t *unblocked)
{
	struct pollfd fds[FDS];

	while (!stop) {
		size_t start[WIRES + 1] = {0}, count = 0;
		uint64_t deadline = WIRE_NEVER, now = now_us();
		struct timespec wait, *timeout = NULL;

		for (size_t i = 0; i < n; i++) {
			count += wires[i]->prepare(wires[i], fds + count, FDS - count, now,
						   &deadline);
			start[i + 1] = count;
		}
		if (deadline != WIRE_NEVER) {
			uint64_t us = deadline > now ? deadline - now : 0;

			wait.tv_sec = (time_t)(us / 1000000);
			wait.tv_nsec = (long)(us % 1000000 * 1000);
			timeout = &wait;
		}
		if (ppoll(fds, count, timeout, unblocked) < 0) {
			if (errno == EINTR)
				continue;
			perror("softse: ppoll");
			return EXIT_FAILURE;
		}
		for (size_t i = 0; i < n; i++) {
			int ret = wires[i]->dispatch(wires[i], fds + start[i],
						     start[i + 1] - start[i], now_us());

			if (ret) {
				fprintf(stderr, "softse: the wire broke: %s\n", strerror(-ret));
				return EXIT_FAILURE;
			}
			if (chip->card.failed) {
				fprintf(stderr,
					"softse: the log cannot be written; stopping\n");
				return EXIT_FAILURE;
			}
		}
	}
	return EXIT_SUCCESS;
}

struct softse {
	struct chip chip;
	struct options options;
	struct t1_params t1;
	struct fault_script faults;
	struct wire *wires[WIRES], *replay;
	size_t n;
};

/* What profile, keys and options make of it. 0, or an exit status with @err filled. */
static int configure(struct softse *s, char *err, size_t err_room)
{
	const struct options *o = &s->options;
	struct card_profile *card = &s->chip.card.profile;

	t1_params_default(&s->t1, t1_dialect(o->dialect ? o->dialect : "gp"));
	if ((o->profile && profile_read(o->profile, card, &s->t1, &s->faults, err, err_room)) ||
	    (o->keys && keys_read(o->keys, card, err, err_room)))
		return EXIT_USAGE;
	if (o->dialect && strcmp(o->dialect, s->t1.dialect->name) != 0) {
		snprintf(err, err_room, "--dialect=%s, but the profile is one of %s",
			 o->dialect, s->t1.dialect->name);
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < o->n_faults; i++)
		if (fault_add(&s->faults, o->faults[i], err, err_room))
			return EXIT_USAGE;
	for (size_t i = 0; i < s->faults.n; i++)
		if (s->faults.f[i].kind >= FAULT_LINE && !o->sim) {
			snprintf(err, err_room, "faults of the bus need --sim");
			return EXIT_USAGE;
		}
	if (o->scp_given)
		card->scp_i = (uint8_t)o->scp;
	return 0;
}

static bool plug(struct softse *s, struct wire *w)
{
	if (w)
		s->wires[s->n++] = w;
	return w;
}

static bool open_bridge(struct softse *s, const char *what, char *err, size_t err_room)
{
	struct chip *chip = &s->chip;

	if (!strncmp(what, "vpcd:", 5))
		return plug(s, bridge_vpcd_open(chip, what + 5, err, err_room));
	if (!strncmp(what, "t1:", 3))
		return plug(s, bridge_t1_open(chip, what + 3, err, err_room));
	s->replay = bridge_replay_open(chip, what + strlen("replay:"), err, err_room);
	return plug(s, s->replay);
}

/* Bridges first: wires look at what they have behind them. */
static bool open_wires(struct softse *s, char *err, size_t err_room)
{
	const struct options *o = &s->options;
	struct chip *chip = &s->chip;

	if (o->bridge && !open_bridge(s, o->bridge, err, err_room))
		return false;
	if (o->apdu_socket &&
	    !plug(s, wire_socket_open(chip, o->apdu_socket, &s->t1, err, err_room)))
		return false;
	if (o->block_socket &&
	    !plug(s, wire_block_open(chip, o->block_socket, &s->t1, &s->faults, err, err_room)))
		return false;
	if (o->vpcd && !plug(s, wire_vpcd_open(chip, o->vpcd, &s->t1, err, err_room)))
		return false;
	return !o->sim ||
	       plug(s, wire_sim_open(chip, &o->bus, &s->t1, &s->faults, err, err_room));
}

static void catch_signals(sigset_t *unblocked)
{
	struct sigaction sa = {.sa_handler = on_signal}, hurry = {.sa_handler = on_hurry};
	sigset_t block;

	sigemptyset(&block);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGUSR1);
	sigprocmask(SIG_BLOCK, &block, unblocked);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGUSR1, &hurry, NULL);
}

int main(int argc, char **argv)
{
	static struct softse s;
	struct card *card = &s.chip.card;
	sigset_t unblocked;
	char err[512] = "";
	int ret;

	card_profile_default(&card->profile);
	ret = options_parse(argc, argv, &s.options, &card->profile, &card->state_path);
	if (ret >= 0)
		return ret;
	ret = configure(&s, err, sizeof(err));
	if (ret) {
		fprintf(stderr, "softse: %s\n", err);
		return ret;
	}
	if (s.options.export_to)
		return image_copy(&card->profile, card->state_path, s.options.export_to);
	if (s.options.compare_with)
		return image_compare(&card->profile, card->state_path, s.options.compare_with);
	if (s.options.reset_image && image_reset(card->state_path))
		return EXIT_FAILURE;
	catch_signals(&unblocked);
	ret = s.options.log ? log_open(&card->log, s.options.log) : 0;
	if (ret) {
		fprintf(stderr, "softse: %s: %s\n", s.options.log, strerror(-ret));
		return EXIT_FAILURE;
	}
	ret = EXIT_FAILURE;
	if (!card_init(card, err, sizeof(err)) && open_wires(&s, err, sizeof(err))) {
		if (s.options.power_cut) {
			card->cut = card->cut_ends = true;
			card->writes_left = (unsigned int)s.options.power_cut - 1;
		}
		puts("softse: ready");
		fflush(stdout);
		ret = serve(&s.chip, s.wires, s.n, &unblocked);
		fault_report(&s.faults, stderr);
	}
	if (*err)
		fprintf(stderr, "softse: %s\n", err);
	if (s.replay && bridge_replay_failed(s.replay))
		ret = EXIT_FAILURE;
	while (s.n--)
		s.wires[s.n]->close(s.wires[s.n]);
	card_exit(card);
	log_close(card->log);
	return ret;
}
