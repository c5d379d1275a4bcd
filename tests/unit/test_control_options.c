/* SPDX-License-Identifier: Apache-2.0 */
/* What graylinkd is asked to do: defaults, the command line, the configuration file, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/options.h"

#define WORDS_MAX 16

/* Parses a line of words separated by spaces. */
static int parse(const char *line, struct gl_options *options, struct gl_why *why)
{
	char words[1024], *argv[WORDS_MAX] = { "graylinkd" }, *save = NULL;
	int argc = 1;

	snprintf(words, sizeof(words), "%s", line);
	argv[argc] = strtok_r(words, " ", &save);
	while (argv[argc] && argc < WORDS_MAX - 1)
		argv[++argc] = strtok_r(NULL, " ", &save);
	why->text[0] = '\0';
	return gl_options_parse(options, argc, argv, why);
}

static void has_defaults(void **state)
{
	struct gl_options options;
	struct gl_why why;

	(void)state;
	assert_int_equal(parse("", &options, &why), 0);
	assert_string_equal(options.socket, "/run/graylink/graylinkd.sock");
	assert_string_equal(options.state_dir, "/var/lib/graylink");
	assert_string_equal(options.bpffs, "/sys/fs/bpf/graylink");
	assert_string_equal(options.http, "127.0.0.1:9847");
	assert_string_equal(options.policy, "");
	assert_int_equal(options.stale_after_ns, 600000000000ULL);
	assert_int_equal(options.run, GL_RUN);
}

static void takes_both_forms(void **state)
{
	struct gl_options options;
	struct gl_why why;

	(void)state;
	assert_int_equal(
		parse("--socket=/a --state-dir /b --attach v1,v2 --mark-mask 0xc0 --stale-after 5 --clsact "
		      "--detach-on-exit --log-level warn",
		      &options, &why),
		0);
	assert_string_equal(options.socket, "/a");
	assert_string_equal(options.state_dir, "/b");
	assert_string_equal(options.attach, "v1,v2");
	assert_int_equal(options.mark_mask, 0xc0);
	assert_int_equal(options.stale_after_ns, 5000000000ULL);
	assert_true(options.clsact && options.detach_on_exit);
	assert_int_equal(options.log_level, GL_LOG_WARN);
}

static void runs_something_else(void **state)
{
	static const struct {
		const char *line;
		int run;
	} rows[] = {
		{ "--check", GL_RUN_CHECK },
		{ "--remove --bpffs /x", GL_RUN_REMOVE },
		{ "-h", GL_RUN_HELP },
		{ "--version", GL_RUN_VERSION },
	};
	struct gl_options options;
	struct gl_why why;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(parse(rows[i].line, &options, &why), 0);
		assert_int_equal(options.run, rows[i].run);
	}
}

static void refuses(void **state)
{
	static const char *const lines[] = {
		"--none",
		"word",
		"-x",
		"--socket",
		"--socket=",
		"--clsact=1",
		"--mark-mask 7",
		"--mark-mask x",
		"--mark-mask -3",
		"--stale-after x",
		"--stale-after -1",
		"--log-level all",
		"--config /nonexistent/file",
		"--sock /a",
	};
	struct gl_options options;
	struct gl_why why;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_true(parse(lines[i], &options, &why) < 0);
		assert_true(why.text[0]);
	}
}

/* Writes a configuration file and parses "--config FILE" with @line. */
static int parse_file(const char *text, const char *line, struct gl_options *options,
		      struct gl_why *why)
{
	char path[] = "/tmp/gl-test-XXXXXX", all[512];
	int fd = mkstemp(path), err;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	snprintf(all, sizeof(all), "%s --config %s", line, path);
	err = parse(all, options, why);
	unlink(path);
	return err;
}

static void reads_a_file_that_the_command_line_overrides(void **state)
{
	struct gl_options options;
	struct gl_why why;

	(void)state;
	assert_int_equal(
		parse_file(
			"# all of it\n\n  socket = /file/s\nstate-dir /file/d # here\nclsact\nattach=v1,v2\n",
			"--socket /line/s", &options, &why),
		0);
	assert_string_equal(options.socket, "/line/s");
	assert_string_equal(options.state_dir, "/file/d");
	assert_string_equal(options.attach, "v1,v2");
	assert_true(options.clsact);
}

static void names_the_line_of_a_file(void **state)
{
	static const char *const texts[] = {
		"\nnone = 1\n",	   "\nsocket\n",	 "\nclsact = yes\n",
		"\nconfig = /x\n", "\nmark-mask = 3f\n",
	};
	struct gl_options options;
	struct gl_why why;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_true(parse_file(texts[i], "", &options, &why) < 0);
		assert_non_null(strstr(why.text, ":2: "));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_defaults),
		cmocka_unit_test(takes_both_forms),
		cmocka_unit_test(runs_something_else),
		cmocka_unit_test(refuses),
		cmocka_unit_test(reads_a_file_that_the_command_line_overrides),
		cmocka_unit_test(names_the_line_of_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
