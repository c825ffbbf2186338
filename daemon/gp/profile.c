// SPDX-License-Identifier: Apache-2.0
/* Card profiles. A row is here only where a public source says what the card does. */
#include <string.h>

#include "gp/profile.h"

#define BLOCK_SENSIBLE 64 /* a smaller limit told by a card is no limit */
#define HIST_CATEGORY_TLV 0x80
#define HIST_CATEGORY_TLV_STATUS 0x00
#define HIST_CAPABILITIES 0x70
#define HIST_EXTENDED 0x40 /* third software function table, b7 */

/* what a row is chosen by; only by name if all is zero */
struct rule {
	const char *hist; /* historical bytes begin so, ASCII */
	uint16_t ic_fabricator, ic_type;
	uint8_t version[2]; /* of GPCS: major, minor */
};

static const struct {
	struct gp_profile profile;
	struct rule rule;
} rows[] = {
	{{.name = "generic",
	  .title = "GlobalPlatform Card Specification 2.2 and later",
	  .source = "GPCS 2.3.1"},
	 {0}},
	{{.name = "gp-2.1",
	  .title = "GlobalPlatform Card Specification 2.1.1",
	  /* lengths in one byte, one byte of privileges, no tag list, no more commands bit */
	  .source = "GPCS 2.1.1, 9.4 and 9.5; martinpaljak/GlobalPlatformPro issue 241",
	  .quirks = GP_QUIRK_NO_STATUS_TAGS | GP_QUIRK_NO_CHAINING | GP_QUIRK_SHORT_PRIVILEGES,
	  .install_params_max = 127},
	 {.version = {2, 1}}},
	{{.name = "op-2.0",
	  .title = "Open Platform 2.0.1 and cards that behave so",
	  .source = "martinpaljak/GlobalPlatformPro GPCardProfile.java \"old\", issue 80",
	  .quirks = GP_QUIRK_OLD_STATUS | GP_QUIRK_NO_STATUS_TAGS | GP_QUIRK_NO_MODULES |
		    GP_QUIRK_NO_CHAINING | GP_QUIRK_SHORT_PRIVILEGES,
	  .install_params_max = 127},
	 {.version = {2, 0}}},
	{{.name = "gp-256-blocks",
	  .title = "LOAD in at most 256 blocks",
	  /* public hosts count on from 00 (GlobalPlatformPro and GPShell cut the number to one
	   * byte), and cards take it; nothing in GPCS says that they have to
	   */
	  .source = "GPCS 2.3.1, 11.6.2.2",
	  .quirks = GP_QUIRK_NO_BLOCK_WRAP},
	 {0}},
	{{.name = "scp03-data-counter",
	  .title = "SCP03 that counts only commands with data",
	  .source = "martinpaljak/GlobalPlatformPro pull requests 226 and 227",
	  .quirks = GP_QUIRK_COUNTER_DATA_ONLY},
	 {0}},
	{{.name = "gd-sce-7",
	  .title = "Giesecke+Devrient Sm@rtCafe Expert 7.0",
	  /* secured commands of 395 bytes are shown there; blocks of LOAD stay short */
	  .source = "martinpaljak/GlobalPlatformPro pull request 161, issue 80",
	  .quirks = GP_QUIRK_EXTENDED,
	  .lc_max = GP_LC_EXTENDED,
	  .load_block = 223},
	 {.hist = "SCE7"}},
	{{.name = "softse",
	  .title = "the software SE of this project",
	  .source = "selftests/softse/gp-data.c, Documentation/softse-card.rst",
	  .quirks = GP_QUIRK_EXTENDED,
	  .lc_max = GP_LC_EXTENDED},
	 {.ic_fabricator = 0x5345, .ic_type = 0x534d}},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

const struct gp_profile *gp_profile_at(size_t n)
{
	return n < ROWS ? &rows[n].profile : NULL;
}

const struct gp_profile *gp_profile_by_name(const char *name)
{
	for (size_t i = 0; i < ROWS; i++)
		if (!strcmp(rows[i].profile.name, name))
			return &rows[i].profile;
	return NULL;
}

/* how exactly a rule fits: 0 not at all, then version, CPLC, historical bytes */
static unsigned int fits(const struct rule *rule, const struct gp_identity *card)
{
	if (rule->hist)
		return card->hist.len >= strlen(rule->hist) &&
				       !memcmp(card->hist.p, rule->hist, strlen(rule->hist))
			       ? 3
			       : 0;
	if (rule->ic_fabricator)
		return card->cplc && card->cplc->ic_fabricator == rule->ic_fabricator &&
				       card->cplc->ic_type == rule->ic_type
			       ? 2
			       : 0;
	if (rule->version[0])
		return card->recognition && card->recognition->nr_version >= 2 &&
				       !memcmp(card->recognition->version, rule->version,
					       sizeof(rule->version))
			       ? 1
			       : 0;
	return 0;
}

const struct gp_profile *gp_profile_find(const struct gp_identity *card)
{
	unsigned int best = 0;
	size_t found = 0;

	for (size_t i = 0; i < ROWS; i++) {
		unsigned int n = fits(&rows[i].rule, card);

		if (n > best) {
			best = n;
			found = i;
		}
	}
	return &rows[found].profile;
}

bool gp_hist_extended(struct gp_bytes hist)
{
	const uint8_t *p = hist.p, *end;

	if (hist.len < 2 || (p[0] != HIST_CATEGORY_TLV && p[0] != HIST_CATEGORY_TLV_STATUS))
		return false;
	end = p + hist.len;
	/* the status indicator is three bytes at the end */
	if (p[0] == HIST_CATEGORY_TLV_STATUS)
		end -= hist.len > 4 ? 3 : hist.len - 1;
	for (p++; p < end; p += 1 + (*p & 0x0f)) {
		size_t n = *p & 0x0f;

		if (n > (size_t)(end - p - 1))
			return false;
		if ((*p & 0xf0) == HIST_CAPABILITIES && n >= 3)
			return p[3] & HIST_EXTENDED;
	}
	return false;
}

struct gp_wire gp_profile_wire(const struct gp_profile *profile)
{
	return (struct gp_wire){
		.extended = profile->quirks & GP_QUIRK_EXTENDED,
		.lc_max = profile->lc_max,
		.no_chaining = profile->quirks & GP_QUIRK_NO_CHAINING,
	};
}

size_t gp_profile_load_lc(const struct gp_profile *profile, const struct gp_wire *wire,
			  const struct gp_fci *fci)
{
	size_t most = wire->extended ? GP_LC_EXTENDED : GP_LC_SHORT;
	bool known = profile->quirks & GP_QUIRK_EXTENDED;
	size_t told = fci && fci->block_max >= BLOCK_SENSIBLE ? fci->block_max : 0;

	/* 255 is what cards tell that only mean short commands by it */
	if (known && told == GP_LC_SHORT)
		told = 0;
	if (!known && !told)
		told = GP_LC_SHORT;
	if (wire->lc_max && wire->lc_max < most)
		most = wire->lc_max;
	return told && told < most ? told : most;
}
