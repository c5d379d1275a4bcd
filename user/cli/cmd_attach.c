/* SPDX-License-Identifier: Apache-2.0 */
/* attach, detach: which interfaces the programs sit on. */
#include <string.h>

#include "cli/verbs.h"

static void show(struct gl_cli *cli, const cJSON *items)
{
	struct gl_grid *g = gl_grid_new("INTERFACE|>INDEX|METHOD|ATTACHED");
	const cJSON *i;

	cJSON_ArrayForEach(i, items)
	{
		gl_grid_add(g, gl_json_string(i, "name", ""));
		gl_grid_addf(g, "%.0f", gl_json_number(i, "ifindex"));
		gl_grid_add(g, gl_json_string(i, "method", ""));
		gl_grid_add(g, gl_json_true(i, "attached") ? "yes" : "no");
	}
	gl_grid_end(g, cli->out, cli->colour);
}

static int change(struct gl_cli *cli, const struct gl_args *args, const struct gl_command *command)
{
	const char *message = gl_args_value(args, gl_message_option.name);
	bool all = gl_args_flag(args, "all");
	cJSON *request, *names;
	struct gl_answer answer;
	size_t i;
	int ret;

	if (all == (args->words_n > 0))
		return gl_cli_usage(cli, command, "%s needs interfaces or --all, and not both",
				    command->name);
	request = cJSON_CreateObject();
	if (all) {
		cJSON_AddTrueToObject(request, "all");
	} else {
		names = cJSON_AddArrayToObject(request, "interfaces");
		for (i = 0; i < args->words_n; i++)
			cJSON_AddItemToArray(names, cJSON_CreateString(args->words[i]));
	}
	if (message)
		cJSON_AddStringToObject(request, "message", message);
	ret = gl_client_ask(cli, command->name, request, NULL, &answer);
	if (ret)
		return ret;
	if (!gl_output_value(cli, answer.data))
		show(cli, gl_json_array(answer.data, "interfaces"));
	gl_answer_free(&answer);
	return GL_EXIT_OK;
}

static int run_attach(struct gl_cli *cli, const struct gl_args *args)
{
	return change(cli, args, &gl_cmd_attach);
}

static int run_detach(struct gl_cli *cli, const struct gl_args *args)
{
	return change(cli, args, &gl_cmd_detach);
}

static const struct gl_option attach_options[] = {
	{ 0, "all", NULL, "every interface that leads to a pod" },
	{},
};

static const struct gl_option detach_options[] = {
	{ 0, "all", NULL, "every interface that is attached" },
	{},
};

const struct gl_command gl_cmd_attach = {
	.name = "attach",
	.group = "Node",
	.usage = "INTERFACE... | --all",
	.summary = "steer what the pods behind interfaces send",
	.details =
		"An interface is the host's end of a pod's veth. Connections that are older stay as they are until they close.",
	.options = attach_options,
	.words_max = GL_CLI_ARGS_MAX,
	.changes = true,
	.run = run_attach,
};

const struct gl_command gl_cmd_detach = {
	.name = "detach",
	.group = "Node",
	.usage = "INTERFACE... | --all",
	.summary = "take the programs off interfaces",
	.details =
		"Connections that were moved to another pod than the one that they began with break: roll back and let them end "
		"first.",
	.options = detach_options,
	.words_max = GL_CLI_ARGS_MAX,
	.changes = true,
	.run = run_detach,
};
