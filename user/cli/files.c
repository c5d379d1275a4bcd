/* SPDX-License-Identifier: Apache-2.0 */
/* files: policy texts given by -f, and errors shown with the line that they are about. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "policy/policy.h"

#define LINE_MAX_SHOWN 100	/* characters of a source line */

/* 0 or a negative errno; -EFBIG: longer than a policy may be. */
static int read_stream(FILE *f, struct gl_file *ret)
{
	size_t size = GL_POLICY_TEXT_MAX + 1;

	ret->text = malloc(size + 1);
	if (!ret->text)
		return -ENOMEM;
	ret->len = fread(ret->text, 1, size, f);
	if (ferror(f))
		return -errno;
	ret->text[ret->len] = '\0';
	return ret->len < size ? 0 : -EFBIG;
}

static int read_one(struct gl_cli *cli, const char *name, struct gl_files *files)
{
	struct gl_file *file = &files->file[files->n++];
	bool is_stdin = !strcmp(name, "-");
	FILE *f = is_stdin ? stdin : fopen(name, "re");
	int err;

	*file = (struct gl_file){ .name = is_stdin ? "<stdin>" : name };
	if (!f)
		return gl_cli_fail(cli, "%s: %s", name, strerror(errno));
	err = read_stream(f, file);
	if (!is_stdin)
		fclose(f);
	if (err == -EFBIG)
		return gl_cli_fail(cli, "%s: longer than a policy may be (%u bytes)", file->name,
				   GL_POLICY_TEXT_MAX);
	if (err)
		return gl_cli_fail(cli, "%s: %s", file->name, strerror(-err));
	/* JSON could not carry it, and no policy holds it */
	if (memchr(file->text, '\0', file->len))
		return gl_cli_fail(cli, "%s: holds a NUL byte: not a policy", file->name);
	return 0;
}

int gl_files_read(struct gl_cli *cli, const struct gl_command *command, const struct gl_args *args,
		  struct gl_files *ret)
{
	int err = 0;
	size_t i;

	ret->n = 0;
	for (i = 0; i < args->given_n && !err; i++) {
		if (!strcmp(args->given[i].option->name, "filename") && ret->n < GL_CLI_ARGS_MAX)
			err = read_one(cli, args->given[i].value, ret);
	}
	for (i = 0; i < args->words_n && !err && ret->n < GL_CLI_ARGS_MAX; i++)
		err = read_one(cli, args->words[i], ret);
	if (!err && !ret->n)
		err = gl_cli_usage(cli, command, "%s needs -f FILE (or -f - for stdin)",
				   command->name);
	if (err)
		gl_files_free(ret);
	return err;
}

void gl_files_free(struct gl_files *files)
{
	size_t i;

	for (i = 0; i < files->n; i++)
		free(files->file[i].text);
	files->n = 0;
}

static const char *find_line(const struct gl_files *files, const char *name, int line)
{
	const char *text = NULL;
	size_t i;

	for (i = 0; files && name && i < files->n; i++)
		if (!strcmp(files->file[i].name, name))
			text = files->file[i].text;
	while (text && line-- > 1) {
		text = strchr(text, '\n');
		if (text)
			text++;
	}
	return text && *text ? text : NULL;
}

/* The line, and a caret below character @column (from 1). Tabs keep the caret in its place by being repeated. */
static void show_line(FILE *f, const char *text, int line, int column)
{
	size_t len = strcspn(text, "\r\n"), i, n;
	char copy[LINE_MAX_SHOWN * 4 + 1];

	for (i = n = 0; i < len && i < sizeof(copy) - 1; i++) {
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
		if (n > LINE_MAX_SHOWN)
			break;
		copy[i] = text[i] == '\t' ? ' ' : text[i];
	}
	copy[i] = '\0';
	fprintf(f, "%5d | ", line);
	gl_grid_text(f, copy);
	fputc('\n', f);
	if (column > 0 && column <= LINE_MAX_SHOWN + 1)
		fprintf(f, "      | %*s^\n", column - 1, "");
}

void gl_files_show(FILE *f, const struct gl_files *files, const cJSON *d)
{
	const char *file = gl_json_string(d, "file", NULL),
		   *field = gl_json_string(d, "field", NULL);
	const char *hint = gl_json_string(d, "hint", NULL), *text;
	double line = gl_json_number(d, "line"), column = gl_json_number(d, "column");

	if (file)
		gl_grid_text(f, file);
	if (file && line >= 1)
		fprintf(f, ":%.0f:%.0f", line, column >= 1 ? column : 1);
	if (file)
		fputs(": ", f);
	if (!strcmp(gl_json_string(d, "severity", "error"), "warning"))
		fputs("warning: ", f);
	if (field && *field) {
		gl_grid_text(f, field);
		fputs(": ", f);
	}
	gl_grid_text(f, gl_json_string(d, "message", "not valid"));
	fputc('\n', f);
	text = line >= 1 && line <= 1e9 ? find_line(files, file, (int)line) : NULL;
	if (text)
		show_line(f, text, (int)line, column >= 1 && column <= 1e9 ? (int)column : 0);
	if (hint && *hint) {
		fputs("        ", f);
		gl_grid_text(f, hint);
		fputc('\n', f);
	}
}
