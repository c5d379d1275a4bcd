/* SPDX-License-Identifier: Apache-2.0 */
/* bypass: the node's emergency stop. */
#include <string.h>

#include "cli/verbs.h"

static int run(struct gl_cli *cli, const struct gl_args *args)
{
	const char *word = args->words_n ? args->words[0] : NULL;
	const char *message = gl_args_value(args, gl_message_option.name);
	cJSON *request;
	struct gl_answer answer;
	int ret;

	if (word && strcmp(word, "on") && strcmp(word, "off"))
		return gl_cli_usage(cli, &gl_cmd_bypass, "bypass: on or off, not %s", word);
	request = cJSON_CreateObject();
	if (word)
		cJSON_AddBoolToObject(request, "on", !strcmp(word, "on"));
	if (message)
		cJSON_AddStringToObject(request, "message", message);
	ret = gl_client_ask(cli, "bypass", request, NULL, &answer);
	if (ret)
		return ret;
	if (!gl_output_value(cli, answer.data))
		fprintf(cli->out, "bypass is %s\n",
			gl_json_true(answer.data, "bypass") ? "on: everything new goes to base" :
							      "off");
	gl_answer_free(&answer);
	return GL_EXIT_OK;
}

const struct gl_command gl_cmd_bypass = {
	.name = "bypass",
	.group = "Node",
	.usage = "[on|off]",
	.summary = "the node's emergency stop: on sends everything new to base",
	.details =
		"One write; it holds until `bypass off`, also over restarts of the agent. Without a word it tells how it stands.",
	.words_max = 1,
	.changes = true,
	.run = run,
};
