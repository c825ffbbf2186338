// SPDX-License-Identifier: Apache-2.0
/* cap, dap: Java Card packages, and signatures over them. No card needed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gp/cap.h"
#include "gp/loadfile.h"
#include "libse/se.h"
#include "sectl/act.h"
#include "sectl/sectl.h"
#include "sectl/sign.h"

#define USUAL_BLOCK 239 /* of LOAD, with commands encrypted and a C-MAC of 8 bytes */

/* a file, what is in it, and the block that a card gets */
struct package {
	struct gp_cap *cap;
	uint8_t *block;
	size_t len;
	struct gp_dap daps[GP_LOADFILE_DAPS_MAX];
	size_t nr_daps;
};

static void package_clear(struct package *p)
{
	gp_cap_free(p->cap);
	free(p->block);
	memset(p, 0, sizeof(*p));
}

static int package_read(const char *path, struct package *p)
{
	struct gp_error err = {0};
	struct gp_loadfile lf;
	uint8_t *data;
	size_t len;
	int r;

	memset(p, 0, sizeof(*p));
	r = read_input(path, GP_CAP_FILE_MAX, &data, &len);
	if (r)
		return r;
	r = gp_cap_read(data, len, &p->cap, &err);
	if (!r && p->cap->form == GP_CAP_FORM_BLOCK) {
		r = gp_loadfile_read(data, len, &lf, p->daps, GP_LOADFILE_DAPS_MAX, &err);
		if (!r) {
			p->nr_daps = lf.nr_daps;
			gp_loadfile_clear(&lf);
		}
	}
	forget(data, len);
	if (r)
		return fail(EXIT_FAILED, err.code, NULL, "%s: %s", path, err.detail);
	r = gp_cap_block(p->cap, opt.descriptor ? GP_CAP_WITH_DESCRIPTOR : 0, &p->block,
			 &p->len);
	return r ? fail(EXIT_FAILED, "failed", NULL, "no memory") : EXIT_OK;
}

static const char *form_name(enum gp_cap_form form)
{
	return form == GP_CAP_FORM_ZIP	 ? "archive"
	       : form == GP_CAP_FORM_IJC ? "components"
					 : "load file";
}

static const char *aid_hex(const struct gp_aid *aid, char text[2 * GP_AID_MAX + 1])
{
	se_to_hex(text, aid->bytes, aid->len);
	return text;
}

static int hash_hex(const struct package *p, enum gp_digest digest,
		    char text[2 * GP_DIGEST_MAX + 1])
{
	const struct gp_part part = {p->block, p->len};
	uint8_t hash[GP_DIGEST_MAX];
	int r = gp_hash(digest, &part, 1, hash);

	if (!r)
		se_to_hex(text, hash, digest);
	return r;
}

static const enum gp_digest all_digests[] = {GP_DIGEST_SHA1, GP_DIGEST_SHA256, GP_DIGEST_SHA384,
					     GP_DIGEST_SHA512};

/* ---- cap info ---- */

static int take_digest(enum gp_digest *digest)
{
	int d = opt.hash ? gp_digest_by_name(opt.hash) : GP_DIGEST_SHA256;

	if (d <= 0)
		return fail(EXIT_USAGE, "usage", "sha1, sha256, sha384 or sha512",
			    "--hash=%s: no such hash", opt.hash);
	*digest = (enum gp_digest)d;
	return EXIT_OK;
}

static void info_lists(const struct package *p)
{
	const struct gp_cap *cap = p->cap;
	char aid[2 * GP_AID_MAX + 1];
	struct table *t;

	if (cap->nr_applets) {
		putchar('\n');
		t = table_new("APPLET|>INSTALL()");
		for (size_t i = 0; i < cap->nr_applets; i++) {
			table_cell(t, "%s", aid_hex(&cap->applets[i].aid, aid));
			table_cell(t, "%u", cap->applets[i].install);
		}
		table_print(t);
	}
	if (cap->nr_imports) {
		putchar('\n');
		t = table_new("IMPORT|>VERSION|NAME");
		for (size_t i = 0; i < cap->nr_imports; i++) {
			const char *name = gp_cap_import_name(&cap->imports[i].aid);

			table_cell(t, "%s", aid_hex(&cap->imports[i].aid, aid));
			table_cell(t, "%u.%u", cap->imports[i].major, cap->imports[i].minor);
			table_cell(t, "%s", name ? name : "-");
		}
		table_print(t);
	}
	if (p->nr_daps) {
		putchar('\n');
		t = table_new("SIGNED BY|>BYTES");
		for (size_t i = 0; i < p->nr_daps; i++) {
			table_cell(t, "%s", aid_hex(&p->daps[i].sd, aid));
			table_cell(t, "%zu", p->daps[i].sig_len);
		}
		table_print(t);
	}
}

static int info_text(const struct package *p)
{
	const struct gp_cap *cap = p->cap;
	const char *jc = gp_cap_java_card(cap), *sep = "";
	char aid[2 * GP_AID_MAX + 1], hash[2 * GP_DIGEST_MAX + 1];
	size_t blocks;

	printf("package     %s %u.%u%s%s\n", aid_hex(&cap->package, aid), cap->major,
	       cap->minor, *cap->name ? "  " : "", cap->name);
	printf("format      %u.%u, %s%s%s%s%s\n", cap->format_major, cap->format_minor,
	       form_name(cap->form), jc ? ", for Java Card " : "", jc ? jc : "",
	       cap->flags & GP_CAP_INT ? ", needs int" : "",
	       cap->flags & GP_CAP_EXPORTS ? ", a library" : "");
	/* tag C4 and its length go with it */
	blocks = (1 + gp_length_size(p->len) + p->len + USUAL_BLOCK - 1) / USUAL_BLOCK;
	printf("to load     %zu bytes, %zu block%s of up to %d\n", p->len, blocks,
	       blocks == 1 ? "" : "s", USUAL_BLOCK);
	for (size_t i = 0; i < sizeof(all_digests) / sizeof(all_digests[0]); i++) {
		if (opt.hash ? gp_digest_by_name(opt.hash) != (int)all_digests[i] : i > 1)
			continue; /* without --hash those that cards commonly want */
		if (hash_hex(p, all_digests[i], hash))
			return fail(EXIT_FAILED, "failed", NULL, "no %s here",
				    gp_digest_name(all_digests[i]));
		printf("%-11s %s\n", gp_digest_name(all_digests[i]), hash);
	}
	printf("components  ");
	for (enum gp_cap_tag tag = GP_CAP_HEADER; tag < GP_CAP_TAGS; tag++)
		if (cap->parts[tag].p) {
			printf("%s%s %zu", sep, gp_cap_component_name(tag),
			       cap->parts[tag].len);
			sep = ", ";
		}
	putchar('\n');
	info_lists(p);
	return EXIT_OK;
}

static int append(sd_json_variant **array, sd_json_variant *v, int r)
{
	if (r >= 0)
		r = sd_json_variant_append_array(array, v);
	sd_json_variant_unref(v);
	return r;
}

/* the three lists; empty arrays where there is nothing */
static int info_arrays(const struct package *p, sd_json_variant **applets,
		       sd_json_variant **imports, sd_json_variant **daps)
{
	const struct gp_cap *cap = p->cap;
	char aid[2 * GP_AID_MAX + 1];
	sd_json_variant *v;
	int r = sd_json_variant_new_array(applets, NULL, 0);

	if (r >= 0)
		r = sd_json_variant_new_array(imports, NULL, 0);
	if (r >= 0)
		r = sd_json_variant_new_array(daps, NULL, 0);
	for (size_t i = 0; r >= 0 && i < cap->nr_applets; i++) {
		v = NULL;
		r = sd_json_buildo(
			&v,
			SD_JSON_BUILD_PAIR_STRING("aid", aid_hex(&cap->applets[i].aid, aid)),
			SD_JSON_BUILD_PAIR_UNSIGNED("install", cap->applets[i].install));
		r = append(applets, v, r);
	}
	for (size_t i = 0; r >= 0 && i < cap->nr_imports; i++) {
		const char *name = gp_cap_import_name(&cap->imports[i].aid);

		v = NULL;
		r = sd_json_buildo(
			&v,
			SD_JSON_BUILD_PAIR_STRING("aid", aid_hex(&cap->imports[i].aid, aid)),
			SD_JSON_BUILD_PAIR_UNSIGNED("major", cap->imports[i].major),
			SD_JSON_BUILD_PAIR_UNSIGNED("minor", cap->imports[i].minor),
			SD_JSON_BUILD_PAIR_CONDITION(!!name, "name",
						     SD_JSON_BUILD_STRING(name)));
		r = append(imports, v, r);
	}
	for (size_t i = 0; r >= 0 && i < p->nr_daps; i++) {
		v = NULL;
		r = sd_json_buildo(
			&v, SD_JSON_BUILD_PAIR_STRING("sd", aid_hex(&p->daps[i].sd, aid)),
			SD_JSON_BUILD_PAIR_UNSIGNED("bytes", p->daps[i].sig_len));
		r = append(daps, v, r);
	}
	return r;
}

static int info_json(const struct package *p)
{
	sd_json_variant *v = NULL, *applets = NULL, *imports = NULL, *daps = NULL;
	sd_json_variant *hashes = NULL, *parts = NULL;
	const struct gp_cap *cap = p->cap;
	const char *jc = gp_cap_java_card(cap);
	char aid[2 * GP_AID_MAX + 1], hash[2 * GP_DIGEST_MAX + 1], format[8], version[8];
	int r = info_arrays(p, &applets, &imports, &daps);

	for (size_t i = 0; r >= 0 && i < sizeof(all_digests) / sizeof(all_digests[0]); i++) {
		r = hash_hex(p, all_digests[i], hash);
		if (r >= 0)
			r = sd_json_variant_set_field_string(
				&hashes, gp_digest_name(all_digests[i]), hash);
	}
	for (enum gp_cap_tag tag = GP_CAP_HEADER; r >= 0 && tag < GP_CAP_TAGS; tag++)
		if (cap->parts[tag].p)
			r = sd_json_variant_set_field_unsigned(
				&parts, gp_cap_component_name(tag), cap->parts[tag].len);
	snprintf(format, sizeof(format), "%u.%u", cap->format_major, cap->format_minor);
	snprintf(version, sizeof(version), "%u.%u", cap->major, cap->minor);
	if (r >= 0)
		r = sd_json_buildo(
			&v, SD_JSON_BUILD_PAIR_STRING("aid", aid_hex(&cap->package, aid)),
			SD_JSON_BUILD_PAIR_STRING("version", version),
			SD_JSON_BUILD_PAIR_STRING("name", cap->name),
			SD_JSON_BUILD_PAIR_STRING("format", format),
			SD_JSON_BUILD_PAIR_STRING("form", form_name(cap->form)),
			SD_JSON_BUILD_PAIR_CONDITION(!!jc, "javaCard",
						     SD_JSON_BUILD_STRING(jc)),
			SD_JSON_BUILD_PAIR_BOOLEAN("int", cap->flags & GP_CAP_INT),
			SD_JSON_BUILD_PAIR_BOOLEAN("library", cap->flags & GP_CAP_EXPORTS),
			SD_JSON_BUILD_PAIR_UNSIGNED("bytes", p->len),
			SD_JSON_BUILD_PAIR_VARIANT("hashes", hashes),
			SD_JSON_BUILD_PAIR_VARIANT("components", parts),
			SD_JSON_BUILD_PAIR_VARIANT("applets", applets),
			SD_JSON_BUILD_PAIR_VARIANT("imports", imports),
			SD_JSON_BUILD_PAIR_VARIANT("daps", daps));
	sd_json_variant_unref(applets);
	sd_json_variant_unref(imports);
	sd_json_variant_unref(daps);
	sd_json_variant_unref(hashes);
	sd_json_variant_unref(parts);
	return put_json(v, r);
}

int verb_cap_info(int argc, char **argv)
{
	struct package p = {0};
	enum gp_digest digest;
	int r = take_digest(&digest);

	(void)argc;
	if (!r)
		r = package_read(argv[0], &p);
	if (!r)
		r = opt.json ? info_json(&p) : info_text(&p);
	package_clear(&p);
	return r;
}

/* ---- dap sign, dap verify ---- */

static int take_hash(const char *path, uint8_t hash[GP_DIGEST_MAX], enum gp_digest *digest)
{
	struct package p;
	struct gp_part part;
	int r = take_digest(digest);

	if (r)
		return r;
	r = package_read(path, &p);
	part = (struct gp_part){p.block, p.len};
	if (!r && gp_hash(*digest, &part, 1, hash))
		r = fail(EXIT_FAILED, "failed", NULL, "no %s here", gp_digest_name(*digest));
	package_clear(&p);
	return r;
}

static int take_sd(struct gp_aid *sd)
{
	uint8_t aid[SECTL_AID_MAX];
	size_t len;
	int r;

	if (!opt.sd)
		return fail(EXIT_USAGE, "usage", "--sd=AID",
			    "a DAP block names the security domain that verifies it");
	r = take_aid("--sd", opt.sd, aid, &len);
	return r ? r : gp_aid_set(sd, aid, len);
}

int verb_dap_sign(int argc, char **argv)
{
	uint8_t hash[GP_DIGEST_MAX], block[GP_DAP_MAX];
	struct gp_error err = {0};
	struct gp_dap dap = {0};
	struct signing s = {0};
	enum gp_digest digest;
	int n, r = take_sd(&dap.sd);

	(void)argc;
	if (!r)
		r = take_hash(argv[0], hash, &digest);
	if (!r && opt.signature) {
		/* made elsewhere: only the block is to be written */
		r = read_hex_or_bytes(opt.signature, dap.sig, sizeof(dap.sig), &dap.sig_len);
	} else if (!r) {
		r = signing_open(&s, KEYS_USE_DAP, true);
		if (!r) {
			n = gp_dap_sign(&s.signer, &dap.sd, hash, digest, &dap, &err);
			r = n ? fail_gp(n, &err) : EXIT_OK;
		}
	}
	if (!r) {
		n = gp_dap_write(&dap, block);
		r = n < 0 ? fail(EXIT_USAGE, "bad-signature", NULL, "the signature is empty")
			  : put_signed("dap", block, (size_t)n, *s.scheme ? s.scheme : NULL);
	}
	signing_close(&s);
	return r;
}

int verb_dap_verify(int argc, char **argv)
{
	uint8_t hash[GP_DIGEST_MAX], block[GP_DAP_MAX];
	char aid[2 * GP_AID_MAX + 1];
	struct gp_error err = {0};
	struct signing s = {0};
	sd_json_variant *v = NULL;
	enum gp_digest digest;
	struct gp_dap dap;
	size_t len;
	int n, r = take_hash(argv[0], hash, &digest);

	(void)argc;
	if (!r)
		r = read_hex_or_bytes(argv[1], block, sizeof(block), &len);
	if (!r) {
		n = gp_dap_read(block, len, &dap, &err);
		if (n >= 0 && (size_t)n != len)
			n = gp_fail(&err, -EBADMSG, "bad-dap",
				    "%s goes on behind the DAP block", argv[1]);
		r = n < 0 ? fail_gp(n, &err) : signing_open(&s, KEYS_USE_DAP, false);
	}
	if (!r) {
		n = gp_dap_verify(&s.signer, &dap, hash, digest, &err);
		r = n ? fail_gp(n, &err) : EXIT_OK;
	}
	if (!r && opt.json) {
		r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR_BOOLEAN("verified", true),
				   SD_JSON_BUILD_PAIR_STRING("sd", aid_hex(&dap.sd, aid)),
				   SD_JSON_BUILD_PAIR_STRING("hash", gp_digest_name(digest)),
				   SD_JSON_BUILD_PAIR_STRING("scheme", s.scheme));
		r = put_json(v, r);
	} else if (!r) {
		printf("the DAP block for %s is right (%s over %s)\n", aid_hex(&dap.sd, aid),
		       s.scheme, gp_digest_name(digest));
	}
	signing_close(&s);
	return r;
}
