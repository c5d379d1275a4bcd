/* SPDX-License-Identifier: Apache-2.0 */
/* delete: forgets a release. */
#include <math.h>

#include "cli/verbs.h"

static int run(struct gl_cli *cli, const struct gl_args *args)
{
	struct gl_answer answer;
	int ret = gl_client_ask(cli, "delete", gl_client_args(cli, args), NULL, &answer);

	if (ret)
		return ret;
	if (!gl_output_value(cli, answer.data)) {
		gl_grid_text(cli->out, gl_json_string(answer.data, "namespace", ""));
		fputc('/', cli->out);
		gl_grid_text(cli->out, gl_json_string(answer.data, "name", args->words[0]));
		fputs(" deleted\n", cli->out);
		if (!isnan(answer.generation))
			fprintf(cli->out, "generation %.0f decides\n", answer.generation);
	}
	gl_answer_free(&answer);
	return ret;
}

static const struct gl_option options[] = {
	{ 0, "force", NULL, "also a release that still steers" },
	{},
};

const struct gl_command gl_cmd_delete = {
	.name = "delete",
	.group = "Policy",
	.usage = "NAME",
	.summary = "forget a release and its history",
	.details =
		"One that still steers is refused: roll it back or finish it first, or say --force. Its counters stay.",
	.options = options,
	.words_min = 1,
	.words_max = 1,
	.changes = true,
	.run = run,
};
