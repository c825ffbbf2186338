// SPDX-License-Identifier: Apache-2.0
/* Verbs on the driver itself: no daemon needed. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libse/se.h"
#include "script/script.h"
#include "sectl/sectl.h"

#define APDU_SECONDS 30
#define APDUS_MAX 255

static int device_json(const struct se_device *d, const char *event, sd_json_variant **ret)
{
	char cip[2 * SE_CIP_MAX + 1];

	se_to_hex(cip, d->cip, d->cip_len < SE_CIP_MAX ? d->cip_len : SE_CIP_MAX);
	return sd_json_buildo(
		ret,
		SD_JSON_BUILD_PAIR_CONDITION(!!event, "event", SD_JSON_BUILD_STRING(event)),
		SD_JSON_BUILD_PAIR_STRING("name", d->name),
		SD_JSON_BUILD_PAIR_UNSIGNED("index", d->index),
		SD_JSON_BUILD_PAIR_STRING("parent", d->parent),
		SD_JSON_BUILD_PAIR_STRING("dialect", se_dialect_name(d->dialect)),
		SD_JSON_BUILD_PAIR_STRING("state", se_state_name(d->state)),
		SD_JSON_BUILD_PAIR_UNSIGNED("generation", d->generation),
		SD_JSON_BUILD_PAIR_STRING("irqMode", se_irq_mode_name(d->irq_mode)),
		SD_JSON_BUILD_PAIR_UNSIGNED("clockHz", d->clock_hz),
		SD_JSON_BUILD_PAIR_UNSIGNED("channelsInUse", d->channels_in_use),
		SD_JSON_BUILD_PAIR_CONDITION(!!event, "reason",
					     SD_JSON_BUILD_STRING(se_reason_name(d->reason))),
		SD_JSON_BUILD_PAIR_STRING("cip", cip));
}

/* ---- list ---- */

struct listing {
	sd_json_variant *array;
	unsigned int n;
	int r;
};

static int list_one(void *ctx, const struct se_device *d)
{
	struct listing *l = ctx;
	sd_json_variant *v = NULL;

	if (opt.json) {
		l->r = device_json(d, NULL, &v);
		if (l->r >= 0)
			l->r = sd_json_variant_append_array(&l->array, v);
		sd_json_variant_unref(v);
		return 0;
	}
	if (!l->n++)
		printf("%-6s %-12s %-8s %-11s %10s %-5s %8s\n", "NAME", "PARENT", "DIALECT",
		       "STATE", "GENERATION", "IRQ", "CHANNELS");
	printf("%-6s %-12s %-8s %-11s %10llu %-5s %8u\n", d->name, d->parent,
	       se_dialect_name(d->dialect), se_state_name(d->state),
	       (unsigned long long)d->generation, se_irq_mode_name(d->irq_mode),
	       d->channels_in_use);
	return 0;
}

int verb_list(int argc, char **argv)
{
	struct listing l = {0};
	sd_json_variant *v = NULL;
	int r;

	(void)argc;
	(void)argv;
	r = se_list(list_one, &l);
	if (r == -ENOENT)
		return fail(EXIT_NOT_FOUND, "no-driver", "modprobe se-spi",
			    "the driver is not loaded (no netlink family 'se')");
	if (r < 0)
		return fail_errno(r, "list");
	if (!opt.json) {
		if (!l.n)
			printf("no secure elements\n");
		return EXIT_OK;
	}
	if (l.r >= 0 && !l.array)
		l.r = sd_json_variant_new_array(&l.array, NULL, 0);
	if (l.r >= 0)
		l.r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR_VARIANT("elements", l.array));
	sd_json_variant_unref(l.array);
	return put_json(v, l.r);
}

/* ---- info ---- */

static void info_table(const char *name, const struct se_info *i, const struct se_stats *s,
		       const char *cip)
{
	printf("%s: abi %u, dialect %s, %s, generation %llu\n", name, i->abi,
	       se_dialect_name(i->dialect), se_state_name(i->state),
	       (unsigned long long)i->generation);
	printf("  link      IFSC %u, IFSD %u, BWT %u us, clock %u Hz, %s%s%s\n", i->ifsc,
	       i->ifsd, i->bwt_us, i->clock_hz, se_irq_mode_name(i->irq_mode),
	       i->caps & SE_CAP_IRQ ? ", irq wired" : "",
	       i->caps & SE_CAP_RESET_LINE ? ", reset wired" : "");
	printf("  apdu      up to %u bytes, response up to %u\n", i->max_capdu, i->max_rapdu);
	printf("  cip       %s\n", *cip ? cip : "-");
	printf("  apdus     %llu, errors %llu\n", (unsigned long long)s->apdus,
	       (unsigned long long)s->errors);
	printf("  blocks    %llu out, %llu in, repeated %llu, bad checksum %llu\n",
	       (unsigned long long)s->blocks_tx, (unsigned long long)s->blocks_rx,
	       (unsigned long long)s->retrans, (unsigned long long)s->edc_errors);
	printf("  bus       %llu accesses, %llu bytes out, %llu in\n",
	       (unsigned long long)s->accesses, (unsigned long long)s->bytes_tx,
	       (unsigned long long)s->bytes_rx);
	printf("  irq       %llu, spurious %llu, polls %llu\n", (unsigned long long)s->irqs,
	       (unsigned long long)s->irqs_spurious, (unsigned long long)s->polls);
	printf("  recovery  timeouts %llu, wtx %llu, resyncs %llu, resets %llu\n",
	       (unsigned long long)s->timeouts, (unsigned long long)s->wtx,
	       (unsigned long long)s->resyncs, (unsigned long long)s->resets);
}

static int info_json(const char *name, const struct se_info *i, const struct se_stats *s,
		     const char *cip)
{
	sd_json_variant *v = NULL;
	int r;

#define U(name, value) SD_JSON_BUILD_PAIR_UNSIGNED(name, value)
	r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR_STRING("name", name), U("abi", i->abi),
			   U("caps", i->caps),
			   SD_JSON_BUILD_PAIR_STRING("dialect", se_dialect_name(i->dialect)),
			   SD_JSON_BUILD_PAIR_STRING("state", se_state_name(i->state)),
			   U("generation", i->generation), U("ifsc", i->ifsc),
			   U("ifsd", i->ifsd), U("bwtUs", i->bwt_us), U("clockHz", i->clock_hz),
			   SD_JSON_BUILD_PAIR_STRING("irqMode", se_irq_mode_name(i->irq_mode)),
			   U("maxCapdu", i->max_capdu), U("maxRapdu", i->max_rapdu),
			   SD_JSON_BUILD_PAIR_STRING("cip", cip),
			   SD_JSON_BUILD_PAIR_OBJECT(
				   "stats", U("apdus", s->apdus), U("errors", s->errors),
				   U("blocksTx", s->blocks_tx), U("blocksRx", s->blocks_rx),
				   U("bytesTx", s->bytes_tx), U("bytesRx", s->bytes_rx),
				   U("accesses", s->accesses), U("irqs", s->irqs),
				   U("irqsSpurious", s->irqs_spurious), U("polls", s->polls),
				   U("retrans", s->retrans), U("edcErrors", s->edc_errors),
				   U("timeouts", s->timeouts), U("wtx", s->wtx),
				   U("resyncs", s->resyncs), U("resets", s->resets)));
#undef U
	return put_json(v, r);
}

int verb_info(int argc, char **argv)
{
	char text[2 * SE_CIP_MAX + 1];
	uint8_t cip[SE_CIP_MAX];
	struct se_info i = {.cip_ptr = (uintptr_t)cip, .cip_len = sizeof(cip)};
	struct se_stats s;
	struct se *se;
	int r;

	(void)argc;
	r = se_open(&se, argv[0]);
	if (r)
		return fail_errno(r, argv[0]);
	r = se_get_info(se, &i);
	if (!r)
		r = se_get_stats(se, &s);
	se_close(se);
	if (r)
		return fail_errno(r, argv[0]);
	se_to_hex(text, cip, i.cip_len < sizeof(cip) ? i.cip_len : sizeof(cip));
	if (opt.json)
		return info_json(argv[0], &i, &s, text);
	info_table(argv[0], &i, &s, text);
	return EXIT_OK;
}

/* ---- apdu ---- */

static int open_channel(struct se *se)
{
	struct se_channel_open o = {.deadline_ns = se_deadline_in(APDU_SECONDS * 1000)};
	uint8_t aid[SE_AID_MAX];
	size_t len = 0;
	int r;

	if (opt.aid && se_from_hex(opt.aid, strlen(opt.aid), aid, sizeof(aid), &len))
		return fail(EXIT_USAGE, "usage", "--aid=A000000151000000",
			    "--aid=%s: 5 to 16 bytes in hex are needed", opt.aid);
	o.aid_ptr = (uintptr_t)aid;
	o.aid_len = (uint32_t)len;
	r = se_channel_open(se, &o);
	if (r && o.sw && (r == -ENOENT || r == -EREMOTEIO || r == -EUSERS))
		return fail_sw(o.sw, r == -EUSERS ? "no logical channel left" : "SELECT");
	return r ? fail_errno(r, "opening a channel") : EXIT_OK;
}

static int show_response(const uint8_t *rsp, uint32_t len, uint16_t sw, sd_json_variant **array)
{
	char *text = malloc(2 * (size_t)len + 1);
	char word[5];
	int r = 0;

	if (!text)
		return -ENOMEM;
	se_to_hex(text, rsp, len - 2);
	snprintf(word, sizeof(word), "%04X", sw);
	if (opt.json)
		r = sd_json_variant_append_arraybo(array,
						   SD_JSON_BUILD_PAIR_STRING("data", text),
						   SD_JSON_BUILD_PAIR_STRING("sw", word));
	else
		printf("%s%s%s  %s\n", text, len > 2 ? " " : "", word, sw_words(sw));
	explicit_bzero(text, 2 * (size_t)len + 1);
	free(text);
	return r < 0 ? r : 0;
}

static int run_apdus(struct se *se, int argc, char **argv)
{
	static uint8_t cmd[SE_CAPDU_MAX], rsp[SE_RAPDU_MAX];
	sd_json_variant *array = NULL, *v = NULL;
	uint16_t sw = 0, outcome = SE_OUTCOME_NOT_SENT;
	uint32_t rsp_len = 0;
	size_t len;
	int i, r = 0;

	for (i = 0; i < argc; i++) {
		se_from_hex(argv[i], strlen(argv[i]), cmd, sizeof(cmd), &len);
		r = se_transmit(se, cmd, (uint32_t)len, rsp, sizeof(rsp), &rsp_len,
				se_deadline_in(APDU_SECONDS * 1000), &outcome);
		if (r)
			break;
		sw = (uint16_t)(rsp[rsp_len - 2] << 8 | rsp[rsp_len - 1]);
		r = show_response(rsp, rsp_len, sw, &array);
		if (r || !script_goes_on(sw))
			break;
	}
	explicit_bzero(cmd, sizeof(cmd));
	explicit_bzero(rsp, sizeof(rsp));
	if (r) {
		sd_json_variant_unref(array);
		return fail(r == -ETIMEDOUT ? EXIT_TIMEOUT : EXIT_FAILED, "failed",
			    outcome == SE_OUTCOME_UNKNOWN ? "ask the card before repeating it"
							  : NULL,
			    "APDU %d: %s; this APDU: %s", i + 1, strerror(-r),
			    se_outcome_name(outcome));
	}
	if (opt.json) {
		r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR_VARIANT("responses", array));
		put_json(v, r);
	}
	sd_json_variant_unref(array);
	return script_goes_on(sw) ? EXIT_OK : EXIT_CARD;
}

static int send_apdus(const char *name, int argc, char **argv)
{
	static uint8_t cmd[SE_CAPDU_MAX];
	struct se *se;
	size_t len;
	int i, r;

	/* All are looked at before the first is sent. */
	for (i = 0; i < argc; i++)
		if (se_from_hex(argv[i], strlen(argv[i]), cmd, sizeof(cmd), &len) ||
		    len < SE_CAPDU_MIN || script_capdu_case(cmd, len) < 0)
			return fail(EXIT_USAGE, "bad-apdu",
				    "CLA INS P1 P2 [Lc data] [Le] in hex",
				    "APDU %d: not a C-APDU (%zu characters)", i + 1,
				    strlen(argv[i]));
	explicit_bzero(cmd, sizeof(cmd));
	if (opt.dry_run) {
		printf("would open a channel on %s to %s and send %d APDU%s\n", name,
		       opt.aid ? opt.aid : "the default application", argc,
		       argc == 1 ? "" : "s");
		return EXIT_OK;
	}
	r = se_open(&se, name);
	if (r)
		return fail_errno(r, name);
	r = open_channel(se);
	if (!r)
		r = run_apdus(se, argc, argv);
	se_close(se);
	return r;
}

/* Arguments can be read by everybody in /proc; a PIN comes through a pipe. */
static int send_apdus_of_input(const char *name)
{
	static char buffer[BUFSIZ]; /* ours, so that it can be wiped */
	char *line[APDUS_MAX] = {0};
	size_t room[APDUS_MAX] = {0};
	int n = 0, i, r;
	ssize_t len;

	setvbuf(stdin, buffer, _IOFBF, sizeof(buffer));
	while (n < APDUS_MAX && (len = getline(&line[n], &room[n], stdin)) >= 0) {
		while (len > 0 && strchr(" \t\r\n", line[n][len - 1]))
			line[n][--len] = '\0';
		if (len > 0)
			n++;
	}
	if (n == 0)
		r = fail(EXIT_USAGE, "usage", "one C-APDU a line, in hex",
			 "no APDU on standard input");
	else if (n == APDUS_MAX && fgetc(stdin) != EOF)
		r = fail(EXIT_USAGE, "usage", "sectl script run FILE takes more",
			 "more than %d APDUs on standard input", APDUS_MAX);
	else
		r = send_apdus(name, n, line);
	for (i = 0; i < APDUS_MAX && line[i]; i++) {
		explicit_bzero(line[i], room[i]);
		free(line[i]);
	}
	explicit_bzero(buffer, sizeof(buffer));
	return r;
}

int verb_apdu(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "-"))
		return send_apdus_of_input(argv[0]);
	return send_apdus(argv[0], argc - 1, argv + 1);
}

/* ---- reset ---- */

static int find_level(uint32_t *level)
{
	for (*level = SE_RESET_RESYNCH; *level <= SE_RESET_POWER; ++*level)
		if (!strcmp(se_reset_level_name(*level), opt.level))
			return EXIT_OK;
	return fail(EXIT_USAGE, "usage", "resynch, software, line or power",
		    "--level=%s: there is no such level", opt.level);
}

static int reset_answer(const char *name, const struct se_reset *r)
{
	sd_json_variant *v = NULL;
	int n;

	if (!opt.json) {
		printf("%s: %s reset, now %s, generation %llu\n", name,
		       se_reset_level_name(r->level), se_state_name(r->state),
		       (unsigned long long)r->generation);
		return EXIT_OK;
	}
	n = sd_json_buildo(&v, SD_JSON_BUILD_PAIR_STRING("name", name),
			   SD_JSON_BUILD_PAIR_STRING("level", se_reset_level_name(r->level)),
			   SD_JSON_BUILD_PAIR_STRING("state", se_state_name(r->state)),
			   SD_JSON_BUILD_PAIR_UNSIGNED("generation", r->generation));
	return put_json(v, n);
}

int verb_reset(int argc, char **argv)
{
	uint32_t level = SE_RESET_LINE;
	struct se_reset reset;
	struct se *se;
	int r;

	(void)argc;
	if (opt.level && find_level(&level))
		return EXIT_USAGE;
	if (opt.dry_run) {
		printf("would reset %s (%s); everybody's channels on it would be gone\n",
		       argv[0], opt.level ? opt.level : "line, else software");
		return EXIT_OK;
	}
	r = se_open(&se, argv[0]);
	if (r)
		return fail_errno(r, argv[0]);
	r = se_reset(se, level, se_deadline_in(APDU_SECONDS * 1000), &reset);
	if (r == -EOPNOTSUPP && !opt.level) {
		level = SE_RESET_SOFT;
		r = se_reset(se, level, se_deadline_in(APDU_SECONDS * 1000), &reset);
	}
	se_close(se);
	switch (r) {
	case 0:
		return reset_answer(argv[0], &reset);
	case -EOPNOTSUPP:
		return fail(EXIT_REFUSED, "not-wired", "another --level",
			    "%s: it cannot be reset at the level %s", argv[0],
			    se_reset_level_name(level));
	case -EBUSY:
		return fail(EXIT_REFUSED, "busy", "wait for it",
			    "%s: another reset is under way", argv[0]);
	case -EPERM:
		return fail(EXIT_REFUSED, "refused", "root (CAP_SYS_ADMIN)", "%s: not allowed",
			    argv[0]);
	case -EIO:
		return fail(EXIT_FAILED, "dead", "the kernel's log; another --level",
			    "%s: it did not come back", argv[0]);
	default:
		return fail_errno(r, argv[0]);
	}
}

/* ---- monitor ---- */

static int on_event(void *ctx, const struct se_event *e)
{
	sd_json_variant *v = NULL;
	int r;

	(void)ctx;
	if (opt.json) {
		r = device_json(&e->dev, se_event_name(e->type), &v);
		put_json(v, r);
		return 0;
	}
	if (e->type == SE_EVENT_LOST)
		printf("lost events: sectl was too slow\n");
	else
		printf("%-12s %-6s %-11s generation %llu  %s\n", se_event_name(e->type),
		       e->dev.name, se_state_name(e->dev.state),
		       (unsigned long long)e->dev.generation, se_reason_name(e->dev.reason));
	fflush(stdout);
	return 0;
}

int verb_monitor(int argc, char **argv)
{
	struct se_monitor *mon;
	struct pollfd p;
	int r;

	(void)argc;
	(void)argv;
	r = se_monitor_open(&mon);
	if (r == -ENOENT)
		return fail(EXIT_NOT_FOUND, "no-driver", "modprobe se-spi",
			    "the driver is not loaded (no netlink family 'se')");
	if (r)
		return fail_errno(r, "monitor");
	p = (struct pollfd){.fd = se_monitor_fd(mon), .events = POLLIN};
	for (;;) {
		if (poll(&p, 1, -1) < 0 && errno != EINTR) {
			r = -errno;
			break;
		}
		r = se_monitor_dispatch(mon, on_event, NULL);
		if (r < 0 && r != -EAGAIN)
			break;
	}
	se_monitor_close(mon);
	return fail_errno(r, "monitor");
}
