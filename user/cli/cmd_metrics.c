/* SPDX-License-Identifier: Apache-2.0 */
/* metrics: what Prometheus would read. */
#include "cli/verbs.h"

static int run(struct gl_cli *cli, const struct gl_args *args)
{
	struct gl_answer answer;
	int ret = gl_client_ask(cli, "metrics", NULL, NULL, &answer);

	(void)args;
	if (ret)
		return ret;
	if (!gl_output_value(cli, answer.data))
		fputs(gl_json_string(answer.data, "text", ""), cli->out);
	gl_answer_free(&answer);
	return GL_EXIT_OK;
}

const struct gl_command gl_cmd_metrics = {
	.name = "metrics",
	.group = "Look",
	.usage = "",
	.summary = "what the agent tells Prometheus",
	.run = run,
};
