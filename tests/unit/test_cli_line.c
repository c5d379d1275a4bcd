/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: what is understood, what is refused and how, and that the help knows every verb. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

#define WORDS_MAX 16

struct result {
	int code;
	char *out, *err;
};

/* Runs the whole program with a line of words separated by spaces; no agent is where it looks. */
static struct result run(const char *line)
{
	char words[512], *argv[WORDS_MAX] = { "graylinkctl" }, *save = NULL;
	struct result r = {};
	size_t out_len, err_len;
	struct gl_cli_env env = { .out = open_memstream(&r.out, &out_len),
				  .err = open_memstream(&r.err, &err_len),
				  .socket = "/nonexistent/graylink.sock" };
	int argc = 1;

	snprintf(words, sizeof(words), "%s", line);
	argv[argc] = strtok_r(words, " ", &save);
	while (argv[argc] && argc < WORDS_MAX - 1)
		argv[++argc] = strtok_r(NULL, " ", &save);
	r.code = gl_cli_main(argc, argv, &env);
	fclose(env.out);
	fclose(env.err);
	return r;
}

static void drop(struct result *r)
{
	free(r->out);
	free(r->err);
}

static void tells_usage_from_failure(void **state)
{
	static const struct {
		const char *line;
		int code;
		const char *says; /* on stderr */
	} rows[] = {
		{ "", 2, "usage: graylinkctl" },
		{ "stauts", 2, "did you mean status?" },
		{ "rolback x", 2, "did you mean rollback?" },
		{ "prom", 2, "did you mean promote?" },
		{ "frobnicate", 2, "unknown verb frobnicate\n" },
		{ "next", 2, "next needs NAME" },
		{ "next a b", 2, "unexpected word b" },
		{ "next --wat a", 2, "unknown option --wat" },
		{ "next -z a", 2, "unknown option -z" },
		{ "next a --mesage x", 2, "did you mean --message?" },
		{ "next a --message", 2, "--message needs a value" },
		{ "next a -m", 2, "-m needs a value" },
		{ "apply --force=1 -f x", 2, "--force takes no value" },
		{ "-o xml status", 2, "table, wide, json or yaml" },
		{ "-o jsno status", 2, "did you mean json?" },
		{ "status -s", 2, "-s needs a value" },
		{ "batch shop 0", 2, "not the number of a batch" },
		{ "batch shop -- -1", 2, "not the number of a batch" },
		{ "batch shop 2x", 2, "not the number of a batch" },
		{ "apply", 2, "apply needs -f FILE" },
		{ "validate", 2, "validate needs -f FILE" },
		{ "attach", 2, "interfaces or --all" },
		{ "attach --all veth1", 2, "and not both" },
		{ "bypass maybe", 2, "on or off" },
		{ "get frobs", 2, "no frobs to list" },
		{ "get --limit 0", 2, "not a number" },
		{ "wait shop", 2, "--for=state=" },
		{ "wait shop --for=state=Happy", 2, "--for=state=" },
		{ "wait shop --for=state=Waiting --timeout soon", 2, "not a duration" },
		{ "completion zsh", 2, "bash is the one" },
		{ "apply -f /nonexistent/x.yaml", 1, "/nonexistent/x.yaml: No such file" },
		{ "status", 1, "no agent listens there" },
		{ "status shop -o json", 1, "no agent listens there" },
		{ "-s /tmp/x/y/z.sock next shop -m why", 1, "/tmp/x/y/z.sock: " },
		{ "undo shop", 1, "no agent" },
		{ "abort shop", 1, "no agent" },
		{ "promote shop", 1, "no agent" },
		{ "list", 1, "no agent" },
		{ "get svc -o wide", 1, "no agent" },
		{ "version", 0, "no agent answers" },
		{ "completion bash", 0, "" },
		{ "--version", 0, "" },
	};
	struct result r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		r = run(rows[i].line);
		if (r.code != rows[i].code || !strstr(r.err, rows[i].says))
			fail_msg("graylinkctl %s: %d, said: %s", rows[i].line, r.code, r.err);
		if (rows[i].code && *r.out)
			fail_msg("graylinkctl %s: data although it failed: %s", rows[i].line,
				 r.out);
		drop(&r);
	}
}

static void refuses_a_socket_path_that_is_too_long(void **state)
{
	char line[300] = "status -s /";
	struct result r;

	(void)state;
	memset(line + strlen(line), 'a', 200);
	r = run(line);
	assert_int_equal(r.code, 1);
	assert_non_null(strstr(r.err, "too long"));
	drop(&r);
}

/* No line of any help is wider than a terminal of 80 columns. */
static size_t widest_line(const char *text)
{
	size_t widest = 0, len;

	for (; *text; text += len + (text[len] == '\n')) {
		len = strcspn(text, "\n");
		widest = len > widest ? len : widest;
	}
	return widest;
}

static void helps_with_every_verb(void **state)
{
	struct result all = run("--help"), one;
	char line[64], usage[64];
	size_t i;

	(void)state;
	assert_int_equal(all.code, 0);
	assert_string_equal(all.err, "");
	assert_true(widest_line(all.out) <= 80);
	for (i = 0; gl_commands[i]; i++) {
		snprintf(line, sizeof(line), "\n  %s ", gl_commands[i]->name);
		if (!strstr(all.out, line))
			fail_msg("%s is missing in --help", gl_commands[i]->name);
		snprintf(line, sizeof(line), "%s --help", gl_commands[i]->name);
		snprintf(usage, sizeof(usage), "usage: graylinkctl %s", gl_commands[i]->name);
		one = run(line);
		if (one.code || strncmp(one.out, usage, strlen(usage)) || widest_line(one.out) > 80)
			fail_msg("%s: %d, %zu wide\n%s", line, one.code, widest_line(one.out),
				 one.out);
		if (!strstr(one.out, "--message") == gl_commands[i]->changes)
			fail_msg("%s: --message", gl_commands[i]->name);
		drop(&one);
	}
	drop(&all);
}

static void help_of_a_verb_needs_no_words(void **state)
{
	struct result a = run("help rollback"), b = run("undo -h"), c = run("rollback --help");

	(void)state;
	assert_int_equal(a.code, 0);
	assert_string_equal(a.out, c.out);
	assert_string_equal(b.out, c.out);
	assert_non_null(strstr(c.out, "Also called abort, undo."));
	drop(&a);
	drop(&b);
	drop(&c);
}

static void completion_knows_every_verb(void **state)
{
	struct result r = run("completion bash");
	char row[64];
	size_t i;

	(void)state;
	for (i = 0; gl_commands[i]; i++) {
		snprintf(row, sizeof(row), "\n\t%s) words=", gl_commands[i]->name);
		assert_non_null(strstr(r.out, row));
	}
	drop(&r);
}

static void takes_options_in_any_place_and_form(void **state)
{
	static char *const lines[][8] = {
		{ "graylinkctl", "-n", "ns", "next", "a", "--message", "why not" },
		{ "graylinkctl", "next", "--message=why not", "-nns", "a" },
		{ "graylinkctl", "next", "-mwhy not", "a", "--namespace=ns" },
		{ "graylinkctl", "--namespace", "ns", "next", "-m", "why not", "--", "a" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct gl_cli cli = { .err = stderr };
		const struct gl_command *command = NULL;
		struct gl_args args = {};
		int argc = 0;

		while (argc < 8 && lines[i][argc])
			argc++;
		assert_int_equal(gl_args_parse(argc, lines[i], &cli, &command, &args),
				 GL_PARSED_OK);
		assert_string_equal(command->name, "next");
		assert_string_equal(cli.namespace, "ns");
		assert_int_equal(args.words_n, 1);
		assert_string_equal(args.words[0], "a");
		assert_string_equal(gl_args_value(&args, "message"), "why not");
	}
}

static void survives_a_line_of_too_many_words(void **state)
{
	char *argv[GL_CLI_ARGS_MAX * 2 + 2] = { "graylinkctl", "attach" };
	struct result r = {};
	size_t len, i;
	struct gl_cli_env env = { .out = stdout, .err = open_memstream(&r.err, &len) };

	(void)state;
	for (i = 2; i < GL_CLI_ARGS_MAX * 2; i++)
		argv[i] = "veth";
	assert_int_equal(gl_cli_main((int)i, argv, &env), GL_EXIT_USAGE);
	for (i = 2; i < GL_CLI_ARGS_MAX * 2; i++)
		argv[i] = "--all";
	assert_int_equal(gl_cli_main((int)i, argv, &env), GL_EXIT_USAGE);
	fclose(env.err);
	assert_non_null(strstr(r.err, "too many words"));
	assert_non_null(strstr(r.err, "too many options"));
	free(r.err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_usage_from_failure),
		cmocka_unit_test(refuses_a_socket_path_that_is_too_long),
		cmocka_unit_test(helps_with_every_verb),
		cmocka_unit_test(help_of_a_verb_needs_no_words),
		cmocka_unit_test(completion_knows_every_verb),
		cmocka_unit_test(takes_options_in_any_place_and_form),
		cmocka_unit_test(survives_a_line_of_too_many_words),
	};

	return cmocka_run_group_tests_name("command line", tests, NULL, NULL);
}
