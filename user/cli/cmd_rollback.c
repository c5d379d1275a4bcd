/* SPDX-License-Identifier: Apache-2.0 */
/* rollback: everything of the release to base, and what cannot be moved is listed. */
#include "cli/verbs.h"

static int run(struct gl_cli *cli, const struct gl_args *args)
{
	struct gl_answer answer;
	const cJSON *left;
	int n, ret = gl_client_ask(cli, "rollback", gl_client_args(cli, args), NULL, &answer);

	if (ret)
		return ret;
	ret = gl_show_change(cli, &answer);
	left = gl_json_array(answer.data, "connections");
	n = cJSON_GetArraySize(left);
	if (n && (cli->output == GL_OUTPUT_TABLE || cli->output == GL_OUTPUT_WIDE)) {
		fprintf(cli->out,
			"\n%d connection%s cannot be steered per request and stay%s on the lane:\n",
			n, n == 1 ? "" : "s", n == 1 ? "s" : "");
		gl_show_connections(cli, cli->out, left);
	}
	gl_answer_free(&answer);
	return ret;
}

const struct gl_command gl_cmd_rollback = {
	.name = "rollback",
	.group = "Release",
	.usage = "NAME",
	.summary = "send everything of a release back to base",
	.details =
		"Rules, ratio and lane are off: also requests that carry the lane's label go to base. When it returns, no later "
		"request goes to the lane, except on connections that cannot be steered per request: it lists them.",
	.words_min = 1,
	.words_max = 1,
	.changes = true,
	.run = run,
};
