// SPDX-License-Identifier: Apache-2.0
/* semd: from the command line to the loop and back. */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-id128.h>
#include <time.h>

#include "gp/error.h"
#include "job/policy.h"
#include "keys/cred.h"
#include "keys/source.h"
#include "model/mo.h"
#include "model/model.h"
#include "semd/semd.h"

#define CONFIG_DEFAULT "/etc/semd.conf"
#define STOP_US 4000000ULL /* for de-registration */
#define START_MS 30000ULL  /* for the rest of the start, behind a lock that was waited for */

static const char help[] =
	"semd [OPTION…]: manages secure elements for remote servers\n"
	"\n"
	"  -c, --config=FILE       configuration (" CONFIG_DEFAULT
	"), with drop-ins in FILE.d/\n"
	"      --check             say what is wrong with the configuration and end\n"
	"      --dump-objects=DIR  write the OMA XML of our LwM2M objects into DIR, the DDF\n"
	"                          of those of OMA DM into DIR/ddf, and end\n"
	"  -f, --foreground        stay in the foreground (always so)\n"
	"      --version           version and what it conforms to\n"
	"  -h, --help              this text\n"
	"\n"
	"Exit status: 0 stopped or checked well, 1 failed, 2 wrong usage.\n"
	"Example: semd --config=/etc/semd.conf --check\n";

static const char version[] =
	"semd " SEMD_VERSION "\n"
	"LwM2M 1.2, 1.1 and 1.0 client (UDP, TCP, DTLS 1.2, TLS; PSK, raw public keys, "
	"certificates, OSCORE),\n"
	"CoAP RFC 7252 7641 7959 8132 8323 8613 9175,\n"
	"OMA DM 1.2.1 client (HTTP and HTTPS; XML, WBXML; MD5, HMAC, TLS certificates),\n"
	"ETSI TS 102 226 scripts (expanded, compact), ISO/IEC 7816-4 logical channels 1 to "
	"19\n";

static void report(void *ctx, bool error, const char *text)
{
	(void)ctx;
	semd_log(error ? LOG_ERR : LOG_WARNING, "%s", text);
}

/* ---- events ---- */

static int on_jobs(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct semd *d = userdata;

	(void)source;
	(void)fd;
	(void)revents;
	job_store_dispatch(d->store);
	semd_dm_dispatch(d);
	return 0;
}

static void on_job(void *userdata, uint64_t id)
{
	struct semd *d = userdata;
	struct job_info i;

	/* The detail never has payload in it. */
	if (!job_get(d->store, id, &i) && i.state > JOB_RUNNING)
		semd_log(i.state == JOB_DONE ? LOG_INFO : LOG_NOTICE,
			 "job %s of %s on %s: %s (%s), %u of %u APDUs%s%s", i.name, i.origin,
			 i.params.se, job_state_name(i.state), i.code, i.executed, i.total,
			 i.state == JOB_DONE ? "" : ": ", i.state == JOB_DONE ? "" : i.detail);
	semd_servers_job_changed(d, id);
}

static int on_stopping(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct semd *d = userdata;

	if (semd_servers_stopped(d) && semd_dm_stopped(d))
		return sd_event_exit(d->event, 0);
	if (usec >= d->stop_until) {
		semd_log(LOG_WARNING, "a server did not answer the de-registration");
		return sd_event_exit(d->event, 0);
	}
	sd_event_source_set_time_relative(source, 20000);
	sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return 0;
}

int semd_stop(struct semd *d)
{
	uint64_t now;

	d->stopping = true;
	sd_notify(0, "STOPPING=1\nSTATUS=de-registering");
	semd_log(LOG_INFO, "stopping");
	sd_event_now(d->event, CLOCK_MONOTONIC, &now);
	d->stop_until = now + STOP_US;
	semd_servers_stop(d);
	semd_dm_stop(d);
	return sd_event_add_time_relative(d->event, NULL, CLOCK_MONOTONIC, 0, 1000, on_stopping,
					  d);
}

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
	struct semd *d = userdata;

	(void)source;
	(void)si;
	d->restart = false;
	if (d->stopping)
		return sd_event_exit(d->event, 0); /* asked twice */
	return semd_stop(d);
}

#define CHANGED(field) (memcmp(&(a)->field, &(b)->field, sizeof((a)->field)) != 0)

/* What of the new configuration only a restart can bring about. */
static bool needs_restart(const struct config *a, const struct config *b)
{
	bool any = false;
	static const char words[] = "the changes in %s take effect with a restart";

	if (CHANGED(state_dir) || CHANGED(runtime_dir) || CHANGED(group)) {
		semd_log(LOG_NOTICE, words, "[semd]");
		any = true;
	}
	if (CHANGED(chunk) || CHANGED(jobs_per_origin) || CHANGED(script_max) ||
	    CHANGED(keep_idle)) {
		semd_log(LOG_NOTICE, words, "[job]");
		any = true;
	}
	if (CHANGED(manufacturer) || CHANGED(model) || CHANGED(serial) || CHANGED(firmware)) {
		semd_log(LOG_NOTICE, words, "[device]");
		any = true;
	}
	if (CHANGED(server)) {
		semd_log(LOG_NOTICE, words, "[server]");
		any = true;
	}
	if (CHANGED(endpoint) || CHANGED(allow_nosec) || CHANGED(reboot)) {
		semd_log(LOG_NOTICE, words, "[lwm2m]");
		any = true;
	}
	if (CHANGED(dm) || CHANGED(dm_account)) {
		semd_log(LOG_NOTICE, words, "[dm]");
		any = true;
	}
	if (CHANGED(bootstrap)) {
		semd_log(LOG_NOTICE, words, "[bootstrap]");
		any = true;
	}
	if (CHANGED(se)) {
		semd_log(LOG_NOTICE, words, "[se]");
		any = true;
	}
	return any;
}

/* Key sets and policies; what runs keeps those that it began with. */
static int set_policies(struct semd *d, const struct config *c)
{
	struct job_policy *policies = calloc(CONFIG_POLICIES_MAX, sizeof(*policies));
	struct job_keyset *sets = calloc(CONFIG_KEYSETS_MAX, sizeof(*sets));
	char why[256];
	int r = policies && sets ? 0 : -ENOMEM;
	size_t i;

	for (i = 0; !r && i < c->nr_policy; i++)
		r = config_policy_read(&c->policy[i], &policies[i], why, sizeof(why));
	for (i = 0; !r && i < c->nr_keyset; i++) {
		snprintf(sets[i].name, sizeof(sets[i].name), "%s", c->keyset[i].name);
		snprintf(sets[i].source, sizeof(sets[i].source), "%s", c->keyset[i].keys);
		if (!strcmp(sets[i].source, "default"))
			semd_log(LOG_WARNING,
				 "%s: [keyset %s] has the DEFAULT keys, which everybody knows",
				 c->keyset[i].where, c->keyset[i].name);
	}
	if (!r)
		r = job_set_policies(d->store, policies, c->nr_policy);
	if (!r)
		r = job_set_keysets(d->store, sets, c->nr_keyset);
	free(policies);
	free(sets);
	if (r)
		semd_log(LOG_ERR, "key sets and policies: %s", strerror(-r));
	return r;
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
	struct semd *d = userdata;
	struct config *n;
	uint64_t now;

	(void)source;
	(void)si;
	sd_event_now(d->event, CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)now);
	n = malloc(sizeof(*n));
	if (n && !config_load(n, d->path, report, NULL)) {
		d->cfg.log_level = n->log_level;
		semd_log_level((int)n->log_level);
		if (!set_policies(d, n)) {
			memcpy(d->cfg.policy, n->policy, sizeof(n->policy));
			d->cfg.nr_policy = n->nr_policy;
		}
		if (!needs_restart(&d->cfg, n))
			semd_log(LOG_INFO, "%s: read anew", d->path);
	} else {
		semd_log(LOG_ERR, "%s: not taken over, the former one stays in force", d->path);
	}
	free(n);
	sd_notify(0, "READY=1");
	return 0;
}

/* ---- start and end ---- */

/* Another process has the journal: a predecessor that was killed and has an exchange to settle,
 * or a second semd. Said once; whoever wants us to stop does not wait for the end of it. */
static bool on_waits(void *ctx, const char *holder, unsigned int left_ms)
{
	struct semd *d = ctx;
	sigset_t set;

	if (!d->waited) {
		d->waited = true;
		semd_log(LOG_WARNING,
			 "%s is in use by %s: waiting until that has ended, %u s at most",
			 d->cfg.state_dir, holder, (left_ms + 999U) / 1000U);
		sd_notifyf(0, "STATUS=waiting for %s, which has %s\nEXTEND_TIMEOUT_USEC=%llu",
			   holder, d->cfg.state_dir, (left_ms + START_MS) * 1000ULL);
	}
	return sigpending(&set) || (!sigismember(&set, SIGTERM) && !sigismember(&set, SIGINT));
}

static int open_store(struct semd *d)
{
	struct job_options o = {
		.dir = d->cfg.state_dir,
		.run_dir = d->cfg.runtime_dir,
		.chunk = d->cfg.chunk,
		.jobs_per_origin = d->cfg.jobs_per_origin,
		.script_max = d->cfg.script_max,
		.keep_idle_s = d->cfg.keep_idle,
		.waits = on_waits,
		.waits_ctx = d,
	};
	struct job_error e;
	int r;

	/* The control socket lies there too, so others must be able to pass. */
	if (!mkdir(d->cfg.runtime_dir, 0755)) {
		if (chmod(d->cfg.runtime_dir, 0755)) /* whatever the umask */
			return -errno;
	} else if (errno != EEXIST) {
		r = -errno;
		semd_log(LOG_ERR, "%s cannot be made: %s", d->cfg.runtime_dir, strerror(-r));
		return r;
	}
	r = job_store_open(&d->store, &o, &e);
	if (r)
		semd_log(r == -ECANCELED ? LOG_INFO : LOG_ERR, "%s: %s", e.code, e.detail);
	else if (d->waited)
		semd_log(LOG_NOTICE, "%s is free", d->cfg.state_dir);
	return r;
}

static int open_content(struct semd *d)
{
	char why[CONTENT_WORDS_MAX];
	int r = content_new(&d->content, d->store, d->cfg.state_dir, why);

	if (r)
		semd_log(LOG_ERR, "%s", why);
	return r ? r : content_ses_listen(d->content->ses, semd_servers_se_changed, d);
}

static int open_control(struct semd *d)
{
	static const struct control_ops ops = {.server = semd_servers_describe,
					       .update = semd_servers_update,
					       .send = semd_servers_send,
					       .dm_account = semd_dm_describe,
					       .dm_port = semd_dm_port,
					       .dm_session = semd_dm_session,
					       .dm_question = semd_dm_question,
					       .dm_answer = semd_dm_answer,
					       .dm_notify = semd_dm_notify,
					       .dm_node = semd_dm_node};
	gid_t gid = (gid_t)-1;
	struct group *g;
	char path[300];
	int r;

	if (d->cfg.group[0]) {
		g = getgrnam(d->cfg.group);
		if (!g) {
			semd_log(LOG_ERR, "%s: [semd] group=%s: there is no such group",
				 d->path, d->cfg.group);
			return -EINVAL;
		}
		gid = g->gr_gid;
	}
	snprintf(path, sizeof(path), "%s/%s", d->cfg.runtime_dir, CONTROL_SOCKET);
	r = control_new(&d->control, d->event, d->store, path, gid, SEMD_VERSION, &ops, d);
	if (r)
		semd_log(LOG_ERR, "%s: cannot listen: %s", path, strerror(-r));
	return r;
}

static int add_signals(struct semd *d)
{
	sigset_t set;
	int r;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	r = sd_event_add_signal(d->event, NULL, SIGTERM, on_stop, d);
	if (r >= 0)
		r = sd_event_add_signal(d->event, NULL, SIGINT, on_stop, d);
	if (r >= 0)
		r = sd_event_add_signal(d->event, NULL, SIGHUP, on_reload, d);
	return r;
}

/* Everything that servers can ask for stands before the first packet leaves. */
static int start(struct semd *d)
{
	int r;

	r = sd_event_default(&d->event);
	if (r >= 0)
		r = add_signals(d);
	if (r < 0)
		return r;
	sd_event_set_watchdog(d->event, true);
	r = open_store(d);
	if (!r)
		r = set_policies(d, &d->cfg);
	if (!r)
		r = open_content(d);
	if (!r)
		r = semd_elements_start(d);
	if (!r)
		r = job_listen(d->store, on_job, d);
	if (r >= 0)
		r = sd_event_add_io(d->event, NULL, job_store_fd(d->store), EPOLLIN, on_jobs,
				    d);
	if (r >= 0)
		r = se_keys_new(&d->keys, d->store);
	if (r >= 0)
		r = semd_servers_start(d);
	if (r >= 0)
		r = semd_dm_start(d);
	if (r >= 0)
		semd_network_start(d);
	if (r >= 0)
		r = open_control(d);
	return r;
}

static void finish(struct semd *d)
{
	control_free(d->control);
	semd_network_stop(d);
	semd_servers_free(d);
	semd_dm_free(d);
	se_keys_free(d->keys);
	if (d->event)
		semd_elements_stop(d);
	content_free(d->content);
	if (d->store)
		job_store_close(d->store);
	sd_event_unref(d->event);
}

static int run(struct semd *d)
{
	int r;

	(void)keys_harden_process();
	r = start(d);
	if (r >= 0) {
		sd_notifyf(0, "READY=1\nSTATUS=%zu server%s", d->cfg.nr_server,
			   d->cfg.nr_server == 1 ? "" : "s");
		semd_log(LOG_INFO,
			 "version " SEMD_VERSION ", journal in %s, %zu server%s, "
			 "%zu OMA DM server%s",
			 d->cfg.state_dir, d->cfg.nr_server, d->cfg.nr_server == 1 ? "" : "s",
			 d->cfg.nr_dm, d->cfg.nr_dm == 1 ? "" : "s");
		r = sd_event_loop(d->event);
	}
	if (r == -ECANCELED) /* stopped before it had begun */
		r = 0;
	if (r < 0)
		semd_log(LOG_ERR, "ending: %s", strerror(-r));
	finish(d);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int dump_objects(const char *dir)
{
	char ddf[PATH_MAX];
	int r = model_dump_objects(dir);

	if (!r && snprintf(ddf, sizeof(ddf), "%s/ddf", dir) >= (int)sizeof(ddf))
		r = -ENAMETOOLONG;
	if (!r)
		r = mo_dump_ddf(ddf);
	if (r)
		semd_log(LOG_ERR, "%s: cannot be written: %s", dir, strerror(-r));
	return r ? EXIT_FAILURE : EXIT_SUCCESS;
}

enum { OPT_CHECK = 256, OPT_DUMP, OPT_VERSION };

static const struct option options[] = {
	{"config", required_argument, NULL, 'c'},
	{"check", no_argument, NULL, OPT_CHECK},
	{"dump-objects", required_argument, NULL, OPT_DUMP},
	{"foreground", no_argument, NULL, 'f'},
	{"version", no_argument, NULL, OPT_VERSION},
	{"help", no_argument, NULL, 'h'},
	{0},
};

/* Key sets are read when a plan wants them, so this is the time to find mistakes. */
static int check_keysets(const struct config *cfg)
{
	const struct config_keyset *k;
	struct gp_error e;
	struct keys *keys;
	int bad = 0;
	size_t i;

	if (keys_new(&keys))
		return -ENOMEM;
	for (i = 0; i < cfg->nr_keyset; i++) {
		k = &cfg->keyset[i];
		/* opening a token may cost one of its PIN's tries */
		if (!strncmp(k->keys, "pkcs11:", 7) || !keys_add(keys, k->keys, k->name, &e))
			continue;
		semd_log(LOG_ERR, "%s: [keyset %s] keys: %s", k->where, k->name, e.detail);
		bad = -EINVAL;
	}
	keys_free(keys);
	return bad;
}

static int check_dm(const struct config *cfg)
{
	sd_id128_t id;
	char why[512];
	int bad = 0;

	for (size_t i = 0; i < cfg->nr_dm; i++) {
		const struct config_dm_account *a = &cfg->dm_account[i];

		if (config_dm_files(cfg, a, why, sizeof(why))) {
			semd_log(LOG_ERR, "%s: [dm %s] %s", a->where, a->name, why);
			bad = -EINVAL;
		}
	}
	if (config_dm_files(cfg, NULL, why, sizeof(why))) {
		semd_log(LOG_ERR, "[dm] %s", why);
		bad = -EINVAL;
	}
	if (cfg->dm.used && !cfg->dm.device_id[0] && sd_id128_get_machine(&id) < 0) {
		semd_log(LOG_ERR, "[dm] device_id= is needed, or a machine id: "
				  "systemd-machine-id-setup makes one");
		bad = -EINVAL;
	}
	return bad;
}

/* The files that the configuration names; what the start would stumble over. */
static int check_keys(const struct config *cfg)
{
	struct config_credentials cred;
	char why[512];
	int bad = 0;

	for (size_t i = 0; i < cfg->nr_server; i++) {
		const struct config_server *s = &cfg->server[i];

		if (config_server_credentials(s, &cred, why, sizeof(why))) {
			semd_log(LOG_ERR, "%s: [server %s] %s", s->where, s->name, why);
			bad = -EINVAL;
		}
		config_credentials_clear(&cred);
	}
	if (check_dm(cfg))
		bad = -EINVAL;
	return check_keysets(cfg) ? -EINVAL : bad;
}

static int check(struct semd *d)
{
	if (config_load(&d->cfg, d->path, report, NULL) || check_keys(&d->cfg))
		return EXIT_FAILURE;
	printf("%s: ok, %zu secure element%s, %zu server%s, %zu OMA DM server%s, %zu key "
	       "set%s, "
	       "%zu polic%s\n",
	       d->path, d->cfg.nr_se, d->cfg.nr_se == 1 ? "" : "s", d->cfg.nr_server,
	       d->cfg.nr_server == 1 ? "" : "s", d->cfg.nr_dm, d->cfg.nr_dm == 1 ? "" : "s",
	       d->cfg.nr_keyset, d->cfg.nr_keyset == 1 ? "" : "s", d->cfg.nr_policy,
	       d->cfg.nr_policy == 1 ? "y" : "ies");
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static struct semd d = {.path = CONFIG_DEFAULT};
	bool only_check = false;
	int opt;

	/* libcurl would write the secrets of TLS there; before there are threads */
	unsetenv("SSLKEYLOGFILE");

#ifdef M_MMAP_THRESHOLD
	/* what a package took for a moment goes back to the system; by itself the C library
	 * would raise this bound with the first one, and keep the next */
	(void)mallopt(M_MMAP_THRESHOLD, 128 * 1024);
#endif
	while ((opt = getopt_long(argc, argv, "c:fh", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			d.path = optarg;
			break;
		case OPT_CHECK:
			only_check = true;
			break;
		case OPT_DUMP:
			return dump_objects(optarg);
		case 'f':
			break;
		case OPT_VERSION:
			fputs(version, stdout);
			return EXIT_SUCCESS;
		case 'h':
			fputs(help, stdout);
			return EXIT_SUCCESS;
		default:
			fputs("semd: see semd --help\n", stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "semd: '%s' is too much; see semd --help\n", argv[optind]);
		return 2;
	}
	if (only_check)
		return check(&d);
	if (config_load(&d.cfg, d.path, report, NULL)) {
		semd_log(LOG_ERR, "%s: not started; semd --check tells more", d.path);
		return EXIT_FAILURE;
	}
	semd_log_level((int)d.cfg.log_level);
	opt = run(&d);
	if (d.restart && opt == EXIT_SUCCESS) {
		execv("/proc/self/exe", argv);
		semd_log(LOG_ERR, "could not start again: %s", strerror(errno));
		return EXIT_FAILURE;
	}
	return opt;
}
