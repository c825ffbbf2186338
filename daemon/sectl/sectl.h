/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of sectl share.
 *
 * A verb is one row of verbs.c and one function: int verb_NOUN_VERB(int argc, char **argv),
 * which gets its arguments without the options (those are in opt) and returns an exit
 * status. It says what went wrong with fail() and its kin, once, and prints its result with
 * put_json() when opt.json is set, else as text or with a struct table. An option is one row
 * of options.c and one field of struct options.
 */
#ifndef SECTL_H
#define SECTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-json.h>

struct se;
struct se_apdu;
struct se_channel_open;
struct se_stream;

/* exit status; sectl(1) has the table, and scripts count on it */
enum {
	EXIT_OK,
	EXIT_FAILED,
	EXIT_USAGE,
	EXIT_NOT_FOUND,
	EXIT_REFUSED,
	EXIT_UNREACHABLE,
	EXIT_TIMEOUT,
	EXIT_CARD,
};

/* ---- options.c ---- */

#define SECTL_KEYS_MAX 8
#define SECTL_AID_MAX 16

/**
 * struct options - what the command line said; NULL and 0 where it said nothing
 * @se: the target: se0, /dev/se0, ioctl:PATH, socket:PATH, pcsc:READER, semd:NAME
 * @keys: sources of key sets, @nr_keys of them, never key values
 * @keyset: name of the key set in them
 * @sd: AID of the security domain to talk to, in hex; NULL: the card's default
 * @level: of the secure channel, or of a reset
 * @confirm: the words that a dangerous verb wants typed
 * @deadline: seconds
 */
struct options {
	bool json, json_pretty, no_legend, debug, show_payload;
	bool dry_run, yes, retry_authentication;
	bool keep_channel, compact, keep_job;
	bool blocks, show_all, pkcs1, descriptor, related, not_selectable, encrypted,
		repeatable, partial;
	const char *se, *socket, *trace, *output;
	const char *keys[SECTL_KEYS_MAX];
	unsigned int nr_keys;
	const char *keyset, *sd, *level, *confirm, *profile, *state_dir;
	const char *aid, *format, *from;
	const char *instance, *module, *privileges, *params, *system_params, *token;
	const char *hash, *dap, *load_token, *load_to;
	const char *kvn, *kid, *replace;
	const char *package, *accept_extradition, *accept_deletion, *forbid;
	const char *key, *signature;
	uint32_t dialogue, deadline, count, block_size;
};

extern struct options opt;

/* which options a verb takes, beside those that all take; or-ed in a row of verbs.c */
#define OPT_TARGET (1ULL << 0)	 /* --se */
#define OPT_SD (1ULL << 1)	 /* --keys --keyset --sd --scp --level … */
#define OPT_DRY (1ULL << 2)	 /* -n */
#define OPT_CONFIRM (1ULL << 3)	 /* --yes --confirm */
#define OPT_AID (1ULL << 4)	 /* --aid */
#define OPT_SCRIPT (1ULL << 5)	 /* of script run */
#define OPT_RESET (1ULL << 6)	 /* --level of a reset */
#define OPT_FROM (1ULL << 7)	 /* --from */
#define OPT_INSTALL (1ULL << 8)	 /* --instance --module --privileges --params … */
#define OPT_LOAD (1ULL << 9)	 /* --hash --block-size --dap … */
#define OPT_TOKEN (1ULL << 10)	 /* --token */
#define OPT_COUNT (1ULL << 11)	 /* --count */
#define OPT_BLOCKS (1ULL << 12)	 /* --blocks */
#define OPT_OUTPUT (1ULL << 13)	 /* --output */
#define OPT_STATE (1ULL << 14)	 /* --state-dir */
#define OPT_ALL (1ULL << 15)	 /* --all */
#define OPT_TO (1ULL << 16)	 /* --to, a form of scripts */
#define OPT_KEY (1ULL << 17)	 /* --keys --key --pkcs1: one key to sign or verify with */
#define OPT_DAP (1ULL << 18)	 /* --sd --signature of DAP blocks */
#define OPT_CAP (1ULL << 19)	 /* --hash --descriptor: of CAP files */
#define OPT_RELATED (1ULL << 20) /* --related */
#define OPT_STORE (1ULL << 21)	 /* of store-data */
#define OPT_PARTIAL (1ULL << 22) /* --partial */
#define OPT_RETRY (1ULL << 27)	 /* --retry-authentication */
#define OPT_PUT (1ULL << 23)	 /* --kvn --kid --replace: of new keys */
#define OPT_SD_NEW (1ULL << 24)	 /* --package --accept-…: of a new domain */
#define OPT_FORBID (1ULL << 25)	 /* --forbid --privileges: of a domain's policy */
#define OPT_MANAGE (OPT_TARGET | OPT_SD | OPT_STATE) /* what every managing verb has */
#define OPT_RECEIPT (1ULL << 26)		     /* --sd --package of a receipt */

/**
 * struct option_def - one option
 * @name: long name
 * @letter: short one, or 0
 * @value: what its value is called in the help; NULL: it has none; "[…]": may be left out
 * @groups: OPT_*, or 0: every verb has it
 * @flag, @text, @number, @take: where it goes to; one of the four. @take returns an exit
 *	status and has said what is wrong
 * @brief: of so many verbs that their help only names it, as it does what all verbs have
 * @help: at most 50 columns
 *
 * Two options may share a name if no verb has both and both have a value or none.
 */
struct option_def {
	const char *name;
	int letter;
	const char *value;
	uint64_t groups;
	bool *flag;
	const char **text;
	uint32_t *number;
	int (*take)(const char *value);
	bool brief;
	const char *help;
};

extern const struct option_def options[];
extern const size_t nr_options;

/* ---- verbs.c ---- */

/**
 * struct verb - one verb
 * @noun: first word
 * @name: second word; NULL: the noun is all there is
 * @alias: the short form, one word, or NULL
 * @args: arguments as the help shows them, "" for none
 * @min, @max: how many there may be
 * @groups: OPT_*
 * @fn: does it
 * @help: one line
 * @more: further lines of --help, each ended by a newline, or NULL; the whole help of a
 *	verb has 24 lines at most
 * @example: a command line
 */
struct verb {
	const char *noun, *name, *alias;
	const char *args;
	int min, max;
	uint64_t groups;
	int (*fn)(int argc, char **argv);
	const char *help;
	const char *more;
	const char *example;
};

extern const struct verb verbs[];
extern const size_t nr_verbs;

/** struct noun - what a noun is about, for sectl --help; the order there */
struct noun {
	const char *name, *help;
};

extern const struct noun nouns[];
extern const size_t nr_nouns;

/** current_verb - the one that runs, or NULL before it is known */
extern const struct verb *current_verb;

/** verb_title - "app list", in a static buffer */
const char *verb_title(const struct verb *v);

/* ---- out.c: errors and JSON ---- */

/**
 * fail - say what went wrong, as text on stderr or as JSON on stdout
 * @status: exit status, returned
 * @code: short name of the error
 * @hint: what to try, or NULL
 */
int fail(int status, const char *code, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/** fail_errno - the same for a negative errno of libse on @what */
int fail_errno(int error, const char *what);

/** fail_sw - the card's answer is no; the status word in words */
int fail_sw(uint16_t sw, const char *what);

/** fail_hint - the hint of the next fail(), whatever that says */
void fail_hint(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** fail_keep - a result that is worth having beside the next error, in JSON; takes it over */
void fail_keep(sd_json_variant *result);

/** warn - something the user must know although it goes on; on stderr, JSON or not */
void warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** say_dry - what -n would have done, as text or JSON; returns EXIT_OK */
int say_dry(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * put_json - print {"sectl":1,"verb":…,"result":v} and unref @v
 * @v: the result, an object
 * @r: what building it gave; negative: say so
 *
 * Returns an exit status. The form of @v for each verb is in Documentation/sectl.schema.json.
 */
int put_json(sd_json_variant *v, int r);

/* ---- text.c: tables, progress ---- */

/** text_columns - columns that a UTF-8 text takes; a byte that is none counts 1 */
size_t text_columns(const char *s);

/** terminal_columns - of standard output; 0 if that is no terminal */
unsigned int terminal_columns(void);

struct table;

/**
 * table_new - an aligned table
 * @headings: of the columns, "NAME|>COUNT|STATE": > is aligned to the right; = before the last
 *	one: it is not cut where the terminal ends. Not shown with
 *	--no-legend
 *
 * Ends the process for want of memory, as the other functions here do.
 */
struct table *table_new(const char *headings);

/** table_cell - the next cell, row by row; control characters become "?" */
void table_cell(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** table_rows - how many rows there are */
size_t table_rows(const struct table *t);

/**
 * table_print - print and free it
 *
 * On a terminal that is too narrow the last column is cut, and ends in "…".
 */
void table_print(struct table *t);

/**
 * struct progress - a bar on standard error, if that is a terminal and --json is off
 *
 * Shown from the first half second on, ten times a second, with rate and time left.
 */
struct progress {
	const char *what, *unit;
	uint64_t total, done, start_ns, shown_ns;
	bool on, drawn;
};

/** progress_begin - @total 0: unknown; @unit: "APDU", "B" */
void progress_begin(struct progress *p, const char *what, uint64_t total, const char *unit);
void progress_update(struct progress *p, uint64_t done);

/** progress_end - takes the bar away */
void progress_end(struct progress *p);

/* ---- input.c ---- */

/**
 * read_input - a file whole, or standard input for "-"
 * @path: its name
 * @max: most bytes it may have
 * @data: out: free with forget(), ends with a NUL that is not counted
 *
 * Returns an exit status and has said what is wrong.
 */
int read_input(const char *path, size_t max, uint8_t **data, size_t *len);

/**
 * read_lines() - standard input line by line; read whole first, cleansed afterwards
 * @max: most bytes of it
 * @take: called with each that is not empty, blanks behind it left out; EXIT_OK to go on
 *
 * Return: EXIT_OK, or what read_input() or @take returned.
 */
int read_lines(size_t max, int (*take)(void *ctx, const char *line, size_t len), void *ctx);

/**
 * write_output - into a file, or stdout for NULL, "-"; an exit status
 *
 * A new one is for its owner only: scripts have PINs, commands have install parameters.
 */
int write_output(const char *path, const void *data, size_t len);

/** forget - clear and free; NULL is fine */
void forget(void *data, size_t len);

/**
 * take_aid - 5 to 16 bytes in hex
 * @what: the option or argument that it is, for the complaint
 */
int take_aid(const char *what, const char *text, uint8_t aid[SECTL_AID_MAX], size_t *len);

/** take_hex - up to @room bytes in hex; spaces and colons between them are fine */
int take_hex(const char *what, const char *text, uint8_t *out, size_t room, size_t *len);

/** take_number - a number from @min to @max; 0x is hex */
int take_number(const char *what, const char *text, uint32_t min, uint32_t max, uint32_t *out);

/**
 * confirm - ask for words to be typed before something that cannot be undone
 * @what: the question, on the terminal
 * @words: what has to be typed, or given by --confirm=
 *
 * Returns EXIT_OK, or EXIT_REFUSED and has said so.
 */
int confirm(const char *what, const char *words);

/** confirm_yes - the same for what --yes or a "yes" is enough for */
int confirm_yes(const char *what);

/* ---- target.c: the SE at the other end of --se ---- */

#define TARGET_SECONDS 30 /* for one APDU, where no --deadline is given */

/** target_semd - the SE's name at semd if the target is semd:NAME, else NULL */
const char *target_semd(void);

/**
 * target_open - open what --se names
 *
 * Returns an exit status and has said what is wrong; semd: is refused here, a verb that
 * serves it asks target_semd() before.
 */
int target_open(struct se **se);

/**
 * target_select - se_channel_open() with -d and --trace
 * @aid: empty: the card's default application
 * @o: its rsp_ptr and rsp_room are the caller's
 */
int target_select(struct se *se, const uint8_t *aid, size_t aid_len, struct se_channel_open *o);

/**
 * target_channel - a logical channel, with the application @aid selected on it
 * @aid: NULL: the card's default
 * @rsp: where the answer to SELECT goes, or NULL
 * @rsp_len: in: room, out: bytes, SW included; may be NULL with @rsp
 */
int target_channel(struct se *se, const uint8_t *aid, size_t aid_len, uint8_t *rsp,
		   uint32_t *rsp_len);

/**
 * target_submit - se_submit() with -d and --trace
 *
 * Every APDU of sectl goes this way. Returns as se_submit().
 */
int target_submit(struct se *se, struct se_apdu *apdus, uint32_t nr, struct se_stream *stream);

/** target_deadline - when the next stream of @nr APDUs has to be over, as struct se_stream */
uint64_t target_deadline(uint32_t nr);

/** fail_submit - what target_submit() gave for an APDU, in words; @n counts from 1 */
int fail_submit(int error, uint32_t n, const struct se_apdu *apdu, const struct se_stream *s);

/* ---- JSON that came from elsewhere ---- */

/** json_text, json_number - a field, "" or 0 if it is not there or not of that kind */
const char *json_text(sd_json_variant *v, const char *key);
uint64_t json_number(sd_json_variant *v, const char *key);

/* ---- verbs ---- */

int verb_se_list(int argc, char **argv);
int verb_se_info(int argc, char **argv);
int verb_se_stats(int argc, char **argv);
int verb_se_reset(int argc, char **argv);
int verb_apdu(int argc, char **argv);
int verb_monitor(int argc, char **argv);
int verb_trace(int argc, char **argv);
int verb_key_list(int argc, char **argv);
int verb_key_put(int argc, char **argv);
int verb_key_delete(int argc, char **argv);
int verb_key_attempts(int argc, char **argv);
int verb_key_public(int argc, char **argv);
int verb_key_request(int argc, char **argv);
int verb_key_forget(int argc, char **argv);
int verb_sd_create(int argc, char **argv);
int verb_sd_extradite(int argc, char **argv);
int verb_sd_keys(int argc, char **argv);
int verb_sd_policy(int argc, char **argv);
int verb_app_list(int argc, char **argv);
int verb_app_install(int argc, char **argv);
int verb_app_delete(int argc, char **argv);
int verb_app_lock(int argc, char **argv);
int verb_app_unlock(int argc, char **argv);
int verb_app_select(int argc, char **argv);
int verb_package_load(int argc, char **argv);
int verb_package_list(int argc, char **argv);
int verb_card_status(int argc, char **argv);
int verb_card_lock(int argc, char **argv);
int verb_card_unlock(int argc, char **argv);
int verb_card_terminate(int argc, char **argv);
int verb_card_initialize(int argc, char **argv);
int verb_card_secure(int argc, char **argv);
int verb_store_data(int argc, char **argv);
int verb_plan_show(int argc, char **argv);
int verb_plan_run(int argc, char **argv);
int verb_plan_resume(int argc, char **argv);
int verb_plan_rollback(int argc, char **argv);
int verb_plan_list(int argc, char **argv);
int verb_plan_forget(int argc, char **argv);
int verb_status(int argc, char **argv);
int verb_server_list(int argc, char **argv);
int verb_server_update(int argc, char **argv);
int verb_server_send(int argc, char **argv);
int verb_dm_list(int argc, char **argv);
int verb_dm_show(int argc, char **argv);
int verb_dm_ports(int argc, char **argv);
int verb_dm_session(int argc, char **argv);
int verb_dm_question(int argc, char **argv);
int verb_dm_answer(int argc, char **argv);
int verb_dm_notify(int argc, char **argv);
int verb_dm_tree(int argc, char **argv);
int verb_script_convert(int argc, char **argv);
int verb_script_run(int argc, char **argv);
int verb_jobs_list(int argc, char **argv);
int verb_jobs_show(int argc, char **argv);
int verb_jobs_cancel(int argc, char **argv);
int verb_jobs_ack(int argc, char **argv);
int verb_jobs_resume(int argc, char **argv);
int verb_jobs_rollback(int argc, char **argv);
int verb_cap_info(int argc, char **argv);
int verb_dap_sign(int argc, char **argv);
int verb_dap_verify(int argc, char **argv);
int verb_token_data(int argc, char **argv);
int verb_token_sign(int argc, char **argv);
int verb_token_verify(int argc, char **argv);
int verb_receipt_verify(int argc, char **argv);
int verb_bench(int argc, char **argv);
int verb_completion(int argc, char **argv);
int verb_help(int argc, char **argv);

#endif /* SECTL_H */
