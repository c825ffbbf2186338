// SPDX-License-Identifier: Apache-2.0
/* completion: scripts for bash and zsh, made of the table of verbs. */
#include <stdio.h>
#include <string.h>

#include "sectl/sectl.h"

/* "--se=" for an option with a value, "--json" for one whose value may be left out */
static void put_options(uint64_t groups, const char *sep)
{
	size_t i;

	for (i = 0; i < nr_options; i++) {
		const struct option_def *o = &options[i];

		if (!o->groups || (o->groups & groups))
			printf("%s--%s%s", sep, o->name,
			       o->value && *o->value != '[' ? "=" : "");
	}
}

static bool first_of_noun(size_t i)
{
	size_t k;

	for (k = 0; k < i; k++)
		if (!strcmp(verbs[k].noun, verbs[i].noun))
			return false;
	return true;
}

static void put_verbs(const char *noun)
{
	size_t k;

	for (k = 0; k < nr_verbs; k++)
		if (!strcmp(verbs[k].noun, noun) && verbs[k].name)
			printf(" %s", verbs[k].name);
}

static void put_nouns(void)
{
	size_t i;

	for (i = 0; i < nr_verbs; i++) {
		if (first_of_noun(i))
			printf(" %s", verbs[i].noun);
		if (verbs[i].alias)
			printf(" %s", verbs[i].alias);
	}
}

/* What the user has written so far in $noun and $verb; what may follow in $words. */
static void put_cases(const char *indent)
{
	size_t i;

	printf("%scase \"$noun $verb\" in\n", indent);
	for (i = 0; i < nr_verbs; i++) {
		printf("%s\"%s %s\"%s", indent, verbs[i].noun,
		       verbs[i].name ? verbs[i].name : "", verbs[i].name ? "" : "*");
		if (verbs[i].alias)
			printf("|\"%s \"*", verbs[i].alias);
		printf(")\n%s\topts=\"", indent);
		put_options(verbs[i].groups, " ");
		printf("\" ;;\n");
	}
	printf("%sesac\n", indent);
	printf("%scase \"$noun\" in\n%s\"\") words=\"", indent, indent);
	put_nouns();
	printf("\" ;;\n");
	for (i = 0; i < nr_verbs; i++)
		if (first_of_noun(i) && verbs[i].name) {
			printf("%s%s) [ -n \"$verb\" ] || words=\"", indent, verbs[i].noun);
			put_verbs(verbs[i].noun);
			printf("\" ;;\n");
		}
	printf("%sesac\n", indent);
}

static void put_bash(void)
{
	printf("# bash completion for sectl; made by \"sectl completion bash\"\n"
	       "_sectl()\n"
	       "{\n"
	       "\tlocal cur=${COMP_WORDS[COMP_CWORD]} noun= verb= words= opts= i w\n"
	       "\tlocal IFS=$' \\t\\n'\n"
	       "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	       "\t\tw=${COMP_WORDS[i]}\n"
	       "\t\tcase $w in\n"
	       "\t\t-*|=) continue ;;\n"
	       "\t\tesac\n"
	       "\t\t[ \"${COMP_WORDS[i - 1]}\" = = ] && continue\n"
	       "\t\tif [ -z \"$noun\" ]; then noun=$w\n"
	       "\t\telif [ -z \"$verb\" ]; then verb=$w; fi\n"
	       "\tdone\n");
	put_cases("\t");
	printf("\tcase $cur in\n"
	       "\t-*) COMPREPLY=($(compgen -W \"$opts\" -- \"$cur\"))\n"
	       "\t\t[[ ${COMPREPLY-} == *= ]] && compopt -o nospace ;;\n"
	       "\t*) if [ -n \"$words\" ]; then COMPREPLY=($(compgen -W \"$words\" -- "
	       "\"$cur\"))\n"
	       "\t\telse COMPREPLY=($(compgen -f -- \"$cur\")); fi ;;\n"
	       "\tesac\n"
	       "}\n"
	       "complete -o filenames -F _sectl sectl\n");
}

static void put_zsh(void)
{
	printf("#compdef sectl\n"
	       "# zsh completion for sectl; made by \"sectl completion zsh\"\n"
	       "_sectl()\n"
	       "{\n"
	       "\tlocal noun= verb= words_= opts= w\n"
	       "\tlocal -i i\n"
	       "\tfor ((i = 2; i < CURRENT; i++)); do\n"
	       "\t\tw=${words[i]}\n"
	       "\t\tcase $w in\n"
	       "\t\t-*) continue ;;\n"
	       "\t\tesac\n"
	       "\t\tif [ -z \"$noun\" ]; then noun=$w\n"
	       "\t\telif [ -z \"$verb\" ]; then verb=$w; fi\n"
	       "\tdone\n"
	       "\tlocal -a typed=(\"${words[@]}\")\n"
	       "\t() {\n"
	       "\t\tlocal words=\n");
	put_cases("\t\t");
	printf("\t\twords_=$words\n"
	       "\t}\n"
	       "\tcase ${typed[CURRENT]} in\n"
	       "\t-*) compadd -S '' -- ${=opts} ;;\n"
	       "\t*) if [ -n \"$words_\" ]; then compadd -- ${=words_}; else _files; fi ;;\n"
	       "\tesac\n"
	       "}\n"
	       "_sectl \"$@\"\n");
}

int verb_completion(int argc, char **argv)
{
	(void)argc;
	if (!strcmp(argv[0], "bash"))
		put_bash();
	else if (!strcmp(argv[0], "zsh"))
		put_zsh();
	else
		return fail(EXIT_USAGE, "usage", "bash or zsh", "no completion for '%s'",
			    argv[0]);
	return EXIT_OK;
}
