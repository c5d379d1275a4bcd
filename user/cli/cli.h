/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli: what the files of graylinkctl share. A verb is one file cmd_<verb>.c that fills one struct gl_command; verbs.c
 * lists them; cli.c parses the line, finds the verb and runs it. Verbs are written against struct gl_cli only, so a test
 * runs the whole program with streams of its own.
 *
 * Data goes to cli->out, everything for the eye of a person besides it to cli->err. Exit codes: enum gl_exit.
 */
#ifndef GL_CLI_H
#define GL_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cjson/cJSON.h>

enum gl_exit {
	GL_EXIT_OK = 0,
	GL_EXIT_FAILED = 1,	/* refused by the agent, not valid, not reached */
	GL_EXIT_USAGE = 2,	/* the command line is wrong; nothing was asked */
};

enum gl_output { GL_OUTPUT_TABLE, GL_OUTPUT_WIDE, GL_OUTPUT_JSON, GL_OUTPUT_YAML };

#define GL_CLI_SOCKET	"/run/graylink/graylinkd.sock"
#define GL_CLI_ARGS_MAX	64	/* words of a command line that we take */

/* An option. @value: word for its value in the help; NULL: a flag. */
struct gl_option {
	char letter;		/* 0: only the long name */
	const char *name;
	const char *value;
	const char *help;
};

struct gl_given {
	const struct gl_option *option;
	const char *value;	/* NULL: a flag */
};

/* A parsed command line, without the verb and the global options. */
struct gl_args {
	const char *words[GL_CLI_ARGS_MAX];
	size_t words_n;
	struct gl_given given[GL_CLI_ARGS_MAX];
	size_t given_n;
};

struct gl_cli {
	FILE *out, *err;
	const char *socket;
	const char *namespace;	/* NULL: any */
	enum gl_output output;
	bool colour;		/* of out */
	time_t now;		/* for ages */
};

struct gl_command {
	const char *name;
	const char *group;		/* heading in the list of verbs */
	const char *usage;		/* what follows the verb, without options: "NAME N" */
	const char *summary;		/* one line, in lower case, without a full stop */
	const char *details;		/* whole sentences, NULL: none */
	const struct gl_option *options;	/* ends with a row without name; NULL: none */
	unsigned int words_min, words_max;
	bool changes;			/* takes --message, too */
	int (*run)(struct gl_cli *cli, const struct gl_args *args);
};

struct gl_alias {
	const char *name;
	const char *command;
};

/* What a run of the program is given; the main fills it from the system, tests by themselves. */
struct gl_cli_env {
	FILE *out, *err;
	bool colour;
	const char *socket;	/* default; NULL: GL_CLI_SOCKET */
	time_t now;
};

/* The whole program. Returns an enum gl_exit. */
int gl_cli_main(int argc, char *const argv[], const struct gl_cli_env *env);

/* verbs.c: the dispatch table, in the order of the help; ends with NULL. And other names for some of them. */
extern const struct gl_command *const gl_commands[];
extern const struct gl_alias gl_aliases[];
const struct gl_command *gl_command_find(const char *name);

/* help.c */
extern const struct gl_option gl_global_options[];
extern const struct gl_option gl_message_option;
void gl_help_all(FILE *f);
void gl_help_command(FILE *f, const struct gl_command *command);
/* The name that @word may have been meant to be, or NULL. */
const char *gl_help_nearest(const char *word, const char *const *names, size_t n);
const char *gl_help_nearest_command(const char *word);
/* " (did you mean <prefix><near>?)", or nothing where @near is NULL. Returns @buf. */
const char *gl_help_guess(const char *near, const char *prefix, char *buf, size_t size);

/* args.c */
enum gl_parsed {
	GL_PARSED_OK,
	GL_PARSED_HELP,
	GL_PARSED_VERSION,
	GL_PARSED_ERROR /* said on cli->err */
};
enum gl_parsed gl_args_parse(int argc, char *const argv[], struct gl_cli *cli,
			     const struct gl_command **ret_command, struct gl_args *args);
bool gl_args_flag(const struct gl_args *args, const char *name);
/* The value of an option (of the last one, where it was given several times), or NULL. */
const char *gl_args_value(const struct gl_args *args, const char *name);
/* "usage: ..." on cli->err; returns GL_EXIT_USAGE. */
int gl_cli_usage(struct gl_cli *cli, const struct gl_command *command, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* A sentence on cli->err; returns GL_EXIT_FAILED. */
int gl_cli_fail(struct gl_cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* client.c: one connection for one run. */
struct gl_files;
struct gl_answer {
	cJSON *whole;		/* the line; owns the rest */
	const cJSON *data;	/* an object, empty where the agent sent none */
	const char *code;	/* when refused, "" */
	double generation;	/* NAN: none */
};
/*
 * gl_client_ask: sends a request and waits for its answer; takes over @args (NULL: none; an args that could not be
 * built is no memory: pass it and it is refused). Messages, warnings and diagnostics go to cli->err; @files: texts to
 * show the lines of, may be NULL. 0: *ret is to be freed by gl_answer_free; else GL_EXIT_FAILED, all is said.
 */
int gl_client_ask(struct gl_cli *cli, const char *verb, cJSON *args, const struct gl_files *files,
		  struct gl_answer *ret);
void gl_answer_free(struct gl_answer *answer);
/* The same without any message, for polling and for asking whether an agent is there: 0 or a negative errno. */
int gl_client_ask_quietly(struct gl_cli *cli, const char *verb, cJSON *args, struct gl_answer *ret);
/* Common parts of args: {"name","namespace","message","force"} as given. */
cJSON *gl_client_args(const struct gl_cli *cli, const struct gl_args *args);

/* files.c: texts of -f, and errors shown in them. */
struct gl_file {
	const char *name;	/* as given; "<stdin>" for - */
	char *text;
	size_t len;
};
struct gl_files {
	struct gl_file file[GL_CLI_ARGS_MAX];
	size_t n;
};
#define GL_OPTION_FILE \
	{ \
		'f', "filename", "FILE", "a policy, YAML or JSON; - is stdin; may be repeated" \
	}
/* Reads every -f (and, where the verb takes words as files, @words). 0, or an enum gl_exit with all said. */
int gl_files_read(struct gl_cli *cli, const struct gl_command *command, const struct gl_args *args,
		  struct gl_files *ret);
void gl_files_free(struct gl_files *files);
/* One diagnostic {severity,file,line,column,field,message,hint} with its line and a caret. */
void gl_files_show(FILE *f, const struct gl_files *files, const cJSON *diagnostic);

/* output.c */
/* The value as JSON or YAML; true when -o asked for one of them. */
bool gl_output_value(struct gl_cli *cli, const cJSON *value);
void gl_output_yaml(FILE *f, const cJSON *value);
const char *gl_json_string(const cJSON *object, const char *name, const char *def);
double gl_json_number(const cJSON *object, const char *name);	/* NAN: absent, or none */
bool gl_json_true(const cJSON *object, const char *name);
const cJSON *gl_json_array(const cJSON *object, const char *name); /* NULL: absent; iterates as empty */
/* Strings of an array, joined; "-" where there are none. @buf is returned. */
const char *gl_json_join(const cJSON *array, char *buf, size_t size);

/* grid.c: tables. Cells are copied; bytes that would move a terminal's cursor are shown as '?'. */
enum gl_tint { GL_TINT_NONE, GL_TINT_GOOD, GL_TINT_WARN, GL_TINT_BAD, GL_TINT_DIM };
struct gl_grid;
/* @headers: separated by '|'; one that starts with '>' is aligned to the right. NULL: no memory. */
struct gl_grid *gl_grid_new(const char *headers);
/* The next cell, left to right, then the next row; NULL or "" is shown as "-". */
void gl_grid_add(struct gl_grid *grid, const char *text);
void gl_grid_tint(struct gl_grid *grid, enum gl_tint tint, const char *text);
void gl_grid_addf(struct gl_grid *grid, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Writes it and frees it. */
void gl_grid_end(struct gl_grid *grid, FILE *f, bool colour);
void gl_tint_text(FILE *f, bool colour, enum gl_tint tint, const char *text);
/* The text as it may go to a terminal. */
void gl_grid_text(FILE *f, const char *text);

/* human.c: numbers for people; all return @buf. NAN is "-". */
#define GL_HUMAN 24
const char *gl_human_percent(double fraction, char *buf);	/* 0.0513 -> 5.13% */
const char *gl_human_weight(double percent, char *buf);		/* 5 -> 5%, 0.0513 -> 0.0513% */
const char *gl_human_seconds(double seconds, char *buf);	/* 0.0012 -> 1.20ms */
const char *gl_human_count(double n, char *buf);		/* 12345 -> 12,345 */
const char *gl_human_rate(double n, char *buf);			/* 12.34 -> 12.3 */
const char *gl_human_duration(double seconds, char *buf);	/* 3725 -> 1h2m */
/* Age of an RFC 3339 time in UTC, and how long it is until one. */
const char *gl_human_age(const char *text, time_t now, char *buf);
const char *gl_human_until(const char *text, time_t now, char *buf);
/* "10m", "1.5s", "300ms", "20" (seconds) -> seconds; negative: not a duration. */
double gl_human_parse_duration(const char *text);
enum gl_tint gl_tint_of_state(const char *state);

/* show.c: a release in words, for the verbs that change one. */
/* Prints one line per release, and the generation; JSON and YAML as -o says. */
int gl_show_change(struct gl_cli *cli, const struct gl_answer *answer);
/* The whole of a verb that takes a release's name and nothing else. */
int gl_change_release(struct gl_cli *cli, const char *verb, const struct gl_args *args);
void gl_show_release_line(struct gl_cli *cli, const cJSON *release, const char *change);
/* Tables of `get connections`, also for what rollback lists. */
void gl_show_connections(struct gl_cli *cli, FILE *f, const cJSON *items);

#endif
