/* SPDX-License-Identifier: Apache-2.0 */
/* completion: a script for the shell, made from the dispatch table. */
#include <string.h>

#include "cli/verbs.h"

static void write_options(FILE *f, const struct gl_option *o)
{
	for (; o && o->name; o++)
		fprintf(f, " --%s", o->name);
}

static void write_words(FILE *f, const struct gl_command *c)
{
	if (!strcmp(c->name, "get"))
		fputs(" releases services endpoints connections", f);
	if (!strcmp(c->name, "bypass"))
		fputs(" on off", f);
	if (!strcmp(c->name, "completion"))
		fputs(" bash", f);
}

static void write_script(FILE *f)
{
	size_t i;

	fputs("# bash completion for graylinkctl; source <(graylinkctl completion bash)\n"
	      "_graylinkctl() {\n"
	      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb='' words='' w\n"
	      "\tlocal verbs=\"",
	      f);
	for (i = 0; gl_commands[i]; i++)
		fprintf(f, "%s%s", i ? " " : "", gl_commands[i]->name);
	for (i = 0; gl_aliases[i].name; i++)
		fprintf(f, " %s", gl_aliases[i].name);
	fputs("\"\n"
	      "\tCOMPREPLY=()\n"
	      "\tcase $prev in\n"
	      "\t-o|--output) COMPREPLY=($(compgen -W 'table wide json yaml' -- \"$cur\")); return ;;\n"
	      "\t-f|--filename|-s|--socket) compopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n"
	      "\tesac\n"
	      "\tfor w in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
	      "\t\t[[ \" $verbs \" == *\" $w \"* ]] && verb=$w && break\n"
	      "\tdone\n"
	      "\tcase $verb in\n"
	      "\t'') words=\"$verbs\" ;;\n",
	      f);
	for (i = 0; gl_commands[i]; i++) {
		const struct gl_command *c = gl_commands[i];

		fprintf(f, "\t%s) words=\"", c->name);
		write_words(f, c);
		write_options(f, c->options);
		if (c->changes)
			fputs(" --message", f);
		fputs("\"\n", f);
		/* names of releases come from the agent, when it answers */
		if (!strncmp(c->usage, "NAME", 4) || !strncmp(c->usage, "[NAME]", 6))
			fputs("\t\twords+=\" $(graylinkctl get releases 2>/dev/null | awk 'NR > 1 {print $2}')\"\n",
			      f);
		fputs("\t\t;;\n", f);
	}
	fputs("\tesac\n"
	      "\twords+=\" --socket --namespace --output --help\"\n"
	      "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
	      "}\n"
	      "complete -F _graylinkctl graylinkctl\n",
	      f);
}

static int run(struct gl_cli *cli, const struct gl_args *args)
{
	if (strcmp(args->words[0], "bash"))
		return gl_cli_usage(cli, &gl_cmd_completion,
				    "completion: bash is the one that there is, not %s",
				    args->words[0]);
	write_script(cli->out);
	return GL_EXIT_OK;
}

const struct gl_command gl_cmd_completion = {
	.name = "completion",
	.group = "Node",
	.usage = "bash",
	.summary = "a completion script for the shell",
	.details = "source <(graylinkctl completion bash)",
	.words_min = 1,
	.words_max = 1,
	.run = run,
};
