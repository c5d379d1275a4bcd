/* SPDX-License-Identifier: Apache-2.0 */
/* apply: sends policies to the agent, which applies all of them or nothing. */
#include <math.h>
#include <string.h>

#include "cli/verbs.h"

static cJSON *request(const struct gl_cli *cli, const struct gl_args *args,
		      const struct gl_files *files)
{
	const char *message = gl_args_value(args, gl_message_option.name);
	cJSON *object = cJSON_CreateObject(), *array = cJSON_AddArrayToObject(object, "files"),
	      *file;
	size_t i;

	(void)cli;
	for (i = 0; i < files->n; i++) {
		file = cJSON_CreateObject();
		cJSON_AddStringToObject(file, "name", files->file[i].name);
		cJSON_AddStringToObject(file, "text", files->file[i].text);
		cJSON_AddItemToArray(array, file);
	}
	if (gl_args_flag(args, "dry-run"))
		cJSON_AddTrueToObject(object, "dryRun");
	if (gl_args_flag(args, "force"))
		cJSON_AddTrueToObject(object, "force");
	if (message)
		cJSON_AddStringToObject(object, "message", message);
	return object;
}

static int run(struct gl_cli *cli, const struct gl_args *args)
{
	struct gl_files files;
	struct gl_answer answer;
	double older;
	int ret = gl_files_read(cli, &gl_cmd_apply, args, &files);

	if (ret)
		return ret;
	ret = gl_client_ask(cli, "apply", request(cli, args, &files), &files, &answer);
	if (!ret) {
		older = gl_json_number(answer.data, "olderConnections");
		ret = gl_show_change(cli, &answer);
		if (older > 0)
			fprintf(cli->err,
				"%.0f connections are older than attach: they stay as they are until they close\n",
				older);
		if (gl_args_flag(args, "dry-run"))
			fputs("dry run: nothing was changed\n", cli->err);
		gl_answer_free(&answer);
	}
	gl_files_free(&files);
	return ret;
}

static const struct gl_option options[] = {
	GL_OPTION_FILE,
	{ 0, "dry-run", NULL, "let the agent check it against what it has, and change nothing" },
	{ 0, "force", NULL, "also when a lane has no ready endpoint" },
	{},
};

const struct gl_command gl_cmd_apply = {
	.name = "apply",
	.group = "Policy",
	.usage = "-f FILE",
	.summary = "make policies the ones in force: all of them, or nothing",
	.details =
		"A release that is new starts at its first batch. One that is there keeps its batch; an unchanged one that was "
		"rolled back stays rolled back (retry starts it again).",
	.options = options,
	.words_max = 0,
	.changes = true,
	.run = run,
};
