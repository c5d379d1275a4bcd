/* SPDX-License-Identifier: Apache-2.0 */
/*
 * args: the command line. Options may stand anywhere; those of everywhere (help.c) also before the verb. `--` ends them, a
 * lone `-` is a word. What is wrong is said on cli->err in one line, with a guess where there is one.
 */
#include <stdarg.h>
#include <string.h>

#include "cli/cli.h"

struct parser {
	int argc;
	char *const *argv;
	int at;
	struct gl_cli *cli;
	const struct gl_command *command;
	struct gl_args *args;
	bool help, version;
};

int gl_cli_usage(struct gl_cli *cli, const struct gl_command *command, const char *fmt, ...)
{
	va_list ap;

	fputs("graylinkctl: ", cli->err);
	va_start(ap, fmt);
	vfprintf(cli->err, fmt, ap);
	va_end(ap);
	if (command)
		fprintf(cli->err, "\nusage: graylinkctl %s %s (more: graylinkctl %s --help)\n",
			command->name, command->usage, command->name);
	else
		fputs("\n`graylinkctl --help` lists the verbs.\n", cli->err);
	return GL_EXIT_USAGE;
}

int gl_cli_fail(struct gl_cli *cli, const char *fmt, ...)
{
	va_list ap;

	fputs("graylinkctl: ", cli->err);
	va_start(ap, fmt);
	vfprintf(cli->err, fmt, ap);
	va_end(ap);
	fputc('\n', cli->err);
	return GL_EXIT_FAILED;
}

static const struct gl_option *find_in(const struct gl_option *list, const char *name, size_t len,
				       char letter)
{
	for (; list && list->name; list++) {
		if (letter ? list->letter == letter :
			     strlen(list->name) == len && !strncmp(list->name, name, len))
			return list;
	}
	return NULL;
}

/* By long name (@len bytes of @name) or, where @letter is not 0, by letter. */
static const struct gl_option *find_option(const struct parser *p, const char *name, size_t len,
					   char letter)
{
	const struct gl_option message[] = { gl_message_option, {} };
	const struct gl_option *o = p->command ? find_in(p->command->options, name, len, letter) :
						 NULL;

	if (!o && p->command && p->command->changes && find_in(message, name, len, letter))
		o = &gl_message_option;
	return o ? o : find_in(gl_global_options, name, len, letter);
}

static const char *nearest_option(const struct parser *p, const char *word)
{
	const char *names[64];
	const struct gl_option *o;
	size_t n = 0;

	for (o = gl_global_options; o->name && n < 64; o++)
		names[n++] = o->name;
	for (o = p->command ? p->command->options : NULL; o && o->name && n < 64; o++)
		names[n++] = o->name;
	if (p->command && p->command->changes && n < 64)
		names[n++] = gl_message_option.name;
	return gl_help_nearest(word, names, n);
}

static int set_output(struct gl_cli *cli, const char *word)
{
	static const char *const words[] = { "table", "wide", "json", "yaml" };
	char guess[64];
	size_t i;

	for (i = 0; i < 4; i++) {
		if (!strcmp(word, words[i])) {
			cli->output = i;
			return 0;
		}
	}
	return gl_cli_usage(cli, NULL, "-o %s: table, wide, json or yaml%s", word,
			    gl_help_guess(gl_help_nearest(word, words, 4), "", guess,
					  sizeof(guess)));
}

static int take(struct parser *p, const struct gl_option *o, const char *value)
{
	if (find_in(gl_global_options, o->name, strlen(o->name), 0) == o) {
		switch (o->name[0]) {
		case 's':
			p->cli->socket = value;
			return 0;
		case 'n':
			p->cli->namespace = value;
			return 0;
		case 'o':
			return set_output(p->cli, value ? value : "");
		case 'h':
			p->help = true;
			return 0;
		default:
			p->version = true;
			return 0;
		}
	}
	if (p->args->given_n == GL_CLI_ARGS_MAX)
		return gl_cli_usage(p->cli, p->command, "too many options");
	p->args->given[p->args->given_n++] = (struct gl_given){ o, value };
	return 0;
}

static int long_option(struct parser *p, const char *word)
{
	const char *name = word + 2, *equals = strchr(name, '=');
	size_t len = equals ? (size_t)(equals - name) : strlen(name);
	const struct gl_option *o = find_option(p, name, len, 0);
	char guess[64];

	if (!o)
		return gl_cli_usage(p->cli, p->command, "unknown option %s%s", word,
				    gl_help_guess(nearest_option(p, name), "--", guess,
						  sizeof(guess)));
	if (!o->value && equals)
		return gl_cli_usage(p->cli, p->command, "--%s takes no value", o->name);
	if (o->value && !equals && p->at + 1 >= p->argc)
		return gl_cli_usage(p->cli, p->command, "--%s needs a value: %s", o->name,
				    o->value);
	return take(p, o, !o->value ? NULL : equals ? equals + 1 : p->argv[++p->at]);
}

/* -x, -xVALUE, -x VALUE; flags may stand together. */
static int short_options(struct parser *p, const char *word)
{
	const char *c;
	int err;

	for (c = word + 1; *c; c++) {
		const struct gl_option *o = find_option(p, NULL, 0, *c);

		if (!o)
			return gl_cli_usage(p->cli, p->command, "unknown option -%c", *c);
		if (o->value && !c[1] && p->at + 1 >= p->argc)
			return gl_cli_usage(p->cli, p->command, "-%c needs a value: %s", *c,
					    o->value);
		err = take(p, o, !o->value ? NULL : c[1] ? c + 1 : p->argv[++p->at]);
		if (err || o->value)
			return err;
	}
	return 0;
}

static int take_word(struct parser *p, const char *word)
{
	char guess[64];

	if (p->command) {
		if (p->args->words_n == GL_CLI_ARGS_MAX)
			return gl_cli_usage(p->cli, p->command, "too many words");
		p->args->words[p->args->words_n++] = word;
		return 0;
	}
	if (!strcmp(word, "help")) {
		p->help = true;
		return 0;
	}
	p->command = gl_command_find(word);
	if (p->command)
		return 0;
	return gl_cli_usage(p->cli, NULL, "unknown verb %s%s", word,
			    gl_help_guess(gl_help_nearest_command(word), "", guess, sizeof(guess)));
}

static int check_words(struct parser *p)
{
	const struct gl_command *c = p->command;

	if (!c)
		return gl_cli_usage(p->cli, NULL, "what shall be done?");
	if (p->args->words_n < c->words_min)
		return gl_cli_usage(p->cli, c, "%s needs %s", c->name, c->usage);
	if (p->args->words_n > c->words_max)
		return gl_cli_usage(p->cli, c, "%s: unexpected word %s", c->name,
				    p->args->words[c->words_max]);
	return 0;
}

enum gl_parsed gl_args_parse(int argc, char *const argv[], struct gl_cli *cli,
			     const struct gl_command **ret_command, struct gl_args *args)
{
	struct parser p = { .argc = argc, .argv = argv, .at = 1, .cli = cli, .args = args };
	bool only_words = false;
	int err = 0;

	for (; p.at < argc && !err; p.at++) {
		const char *word = argv[p.at];

		if (only_words || word[0] != '-' || !word[1])
			err = take_word(&p, word);
		else if (!strcmp(word, "--"))
			only_words = true;
		else if (word[1] == '-')
			err = long_option(&p, word);
		else
			err = short_options(&p, word);
	}
	*ret_command = p.command;
	if (err)
		return GL_PARSED_ERROR;
	if (p.help)
		return GL_PARSED_HELP;
	if (p.version)
		return GL_PARSED_VERSION;
	return check_words(&p) ? GL_PARSED_ERROR : GL_PARSED_OK;
}

const char *gl_args_value(const struct gl_args *args, const char *name)
{
	size_t i;

	for (i = args->given_n; i > 0; i--)
		if (!strcmp(args->given[i - 1].option->name, name))
			return args->given[i - 1].value;
	return NULL;
}

bool gl_args_flag(const struct gl_args *args, const char *name)
{
	size_t i;

	for (i = 0; i < args->given_n; i++)
		if (!strcmp(args->given[i].option->name, name))
			return true;
	return false;
}
