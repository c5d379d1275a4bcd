/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What graylinkctl does with words and with answers. The first byte chooses: a command line (words separated by newlines),
 * or a JSON text shown as YAML, as a diagnostic with its line, as a release and as connections. Whatever is shown holds no
 * control character but newlines, so nothing that an agent says moves the cursor.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static void check_shown(const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text, next = (unsigned char)text[1];

		must(c >= 0x20 || c == '\n', "a control character is shown");
		must(c != 0x7f, "DEL is shown");
		must(c != 0xc2 || next < 0x80 || next >= 0xa0, "a C1 control is shown");
	}
}

static void parse_line(char *text)
{
	char *argv[128] = { "graylinkctl" }, *word;
	const struct gl_command *command = NULL;
	struct gl_args args = {};
	struct gl_cli cli = { 0 };
	char *said = NULL;
	size_t len;
	int argc = 1;

	while ((word = strsep(&text, "\n")) && argc < 127)
		argv[argc++] = word;
	cli.err = open_memstream(&said, &len);
	if (gl_args_parse(argc, argv, &cli, &command, &args) == GL_PARSED_OK)
		must(command && args.words_n >= command->words_min &&
			     args.words_n <= command->words_max,
		     "a verb would run with too few or too many words");
	fclose(cli.err);
	free(said);
}

static void show_answer(char *text)
{
	char *shown = NULL;
	size_t len;
	FILE *f;
	struct gl_cli cli = { .output = GL_OUTPUT_WIDE, .now = 1769866800 };
	const struct gl_files files = { .file = { { "f", text, strlen(text) } }, .n = 1 };
	cJSON *v = cJSON_Parse(text);

	if (!v)
		return;
	f = open_memstream(&shown, &len);
	gl_output_yaml(f, v);
	fclose(f);
	free(shown);
	f = open_memstream(&shown, &len);
	cli.out = cli.err = f;
	gl_files_show(f, &files, v);
	gl_show_release_line(&cli, v, NULL);
	gl_show_connections(&cli, f, v);
	fclose(f);
	check_shown(shown);
	free(shown);
	cJSON_Delete(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (!size)
		return 0;
	text = malloc(size);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	if (data[0] == 'l')
		parse_line(text);
	else
		show_answer(text);
	free(text);
	return 0;
}
